//! Decodes an answer from its events or from the whole response object, which is read as a stream
//! without deltas.
//!
//! Output items do not overlap in practice. Where they do, the events of the later item wait until
//! the earlier one ended.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::output_item_decode::{ItemDecoder, Parts};
use super::{finish, usage};
use crate::canon::{Event, Fault, FinishReason, Fold, Response, Start};
use crate::json::{Document, Invalid, Scratch, Value};
use crate::protocol::openai::faults;
use crate::protocol::sse::Frame;
use crate::protocol::{DecodeContext, MalformedResponse};

/// Decodes a whole answer as the fold of its events.
pub(super) fn decode(body: Bytes, context: &DecodeContext) -> Result<Response, Fault> {
    let malformed = |invalid: Invalid| Fault::from(MalformedResponse::from(invalid));
    let document = Document::parse(body).map_err(malformed)?;
    let root = document.root();
    if let Some(error) = root.get("error") {
        return Err(faults::decode_error(error));
    }
    root.required("output").map_err(malformed)?;
    let mut decoder = ResponseDecoder::new(context);
    let mut events = Vec::new();
    let status = root.get("status").map(Value::str).transpose();
    let status = status.map_err(malformed)?;
    decoder
        .finish(root, status.as_deref().unwrap_or("completed"), &mut events)
        .map_err(malformed)?;
    let mut fold = Fold::default();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}

/// The state of one answer.
#[derive(Default)]
pub(super) struct ResponseDecoder {
    parts: Parts,
    open: Option<ItemDecoder>,
    /// The index of the item that ended last. Later events about it say nothing new.
    closed: Option<u64>,
    /// Events of items that began before the open one ended, by the item's index.
    held: BTreeMap<u64, Vec<Frame>>,
    has_items: bool,
    has_started: bool,
    is_done: bool,
    scratch: Scratch,
}

impl ResponseDecoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            parts: Parts::new(&context.request_id),
            ..Self::default()
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    pub(super) fn push_frame(
        &mut self,
        frame: &Frame,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        self.decode_frame(frame, out)?;
        while self.open.is_none()
            && let Some((_, frames)) = self.held.pop_first()
        {
            for frame in &frames {
                self.decode_frame(frame, out)?;
            }
        }
        Ok(())
    }

    fn decode_frame(
        &mut self,
        frame: &Frame,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if self.is_done || &frame.data[..] == b"[DONE]" {
            return Ok(());
        }
        let scratch = std::mem::take(&mut self.scratch);
        let document = Document::parse_in(frame.data.clone(), scratch)?;
        self.push_event(document.root(), frame, out)?;
        self.scratch = document.into_scratch();
        Ok(())
    }

    fn push_event(
        &mut self,
        event: Value<'_>,
        frame: &Frame,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let kind = event.get("type").map(Value::str).transpose()?;
        let kind = kind.unwrap_or_else(|| String::from_utf8_lossy(&frame.event));
        match &*kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(event.get("response"), out)
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => {
                let response = event.required("response")?;
                let status = response.get("status").map(Value::str).transpose()?;
                // Some servers end with an object that is still in progress.
                let status = status
                    .filter(|status| is_final(status))
                    .unwrap_or_else(|| kind["response.".len()..].into());
                self.finish(response, &status, out)?;
            }
            "keepalive" => out.push(Event::Ping),
            "error" => self.fail(faults::decode_error(event), out),
            _ if event.get("error").is_some() => self.fail(faults::decode_error(event), out),
            "" if event.get("output").is_some() => {
                let status = event.get("status").map(Value::str).transpose()?;
                self.finish(event, status.as_deref().unwrap_or("completed"), out)?;
            }
            _ => self.push_item_event(&kind, event, frame, out)?,
        }
        Ok(())
    }

    fn start(&mut self, response: Option<Value<'_>>, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let text = |key: &str| response?.get(key)?.text().ok();
        out.push(Event::Start(Start {
            id: text("id"),
            model: text("model"),
            created: response.and_then(|response| response.get("created_at")?.u64().ok()),
            tier: text("service_tier"),
            fingerprint: None,
        }));
    }

    fn push_item_event(
        &mut self,
        kind: &str,
        event: Value<'_>,
        frame: &Frame,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let Some(index) = event.get("output_index") else {
            return Ok(());
        };
        let index = index.u64()?;
        self.start(None, out);
        if self.open.as_ref().is_some_and(|item| item.index != index) {
            self.held.entry(index).or_default().push(frame.clone());
            return Ok(());
        }
        let is_closed = self.open.is_none() && self.closed == Some(index);
        if is_closed && kind != "response.output_item.added" {
            return Ok(());
        }
        self.has_items = true;
        let item = self.open.get_or_insert_with(|| ItemDecoder::new(index));
        let is_last = item.push(kind, event, &mut self.parts, out)?;
        if is_last {
            self.open = None;
            self.closed = Some(index);
        }
        Ok(())
    }

    /// Reads the final response object, which ended with `status`.
    fn finish(
        &mut self,
        response: Value<'_>,
        status: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        self.start(Some(response), out);
        self.close_items(out)?;
        if !self.has_items {
            self.decode_output(response, out)?;
        }
        let usage = response.get("usage").map(usage::decode);
        if let Some(usage) = usage.filter(|usage| !usage.is_unknown()) {
            out.push(Event::Usage(usage));
        }
        match status {
            "completed" => {
                let reason = finish::of_completed(self.parts.has_calls, self.parts.has_refusals);
                self.complete(reason, out);
            }
            "incomplete" => self.complete(finish::of_incomplete(response), out),
            "failed" | "cancelled" => self.fail(faults::decode_error(response), out),
            _ => {
                let fault = Fault::upstream("the upstream's answer is not finished");
                self.fail(fault, out);
            }
        }
        Ok(())
    }

    /// Ends the open item and those that waited for it.
    fn close_items(&mut self, out: &mut Vec<Event>) -> Result<(), Invalid> {
        loop {
            if let Some(mut item) = self.open.take() {
                item.close(out);
                self.closed = Some(item.index);
            }
            let Some((_, frames)) = self.held.pop_first() else {
                return Ok(());
            };
            for frame in frames {
                let document = Document::parse(frame.data.clone())?;
                self.push_event(document.root(), &frame, out)?;
            }
        }
    }

    /// Decodes the items of a response object whose stream gave none.
    fn decode_output(&mut self, response: Value<'_>, out: &mut Vec<Event>) -> Result<(), Invalid> {
        let Some(output) = response.get("output") else {
            return Ok(());
        };
        for (index, item) in (0..).zip(output.items()?) {
            ItemDecoder::new(index).finish(item, &mut self.parts, out)?;
        }
        Ok(())
    }

    fn complete(&mut self, reason: FinishReason, out: &mut Vec<Event>) {
        self.is_done = true;
        out.push(Event::Finish {
            choice: 0,
            reason,
            sequence: None,
            detail: None,
        });
    }

    pub(super) fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        self.is_done = true;
        out.push(Event::Failed(fault));
    }
}

/// Whether a status is one in which a response ends.
fn is_final(status: &str) -> bool {
    matches!(status, "completed" | "incomplete" | "failed" | "cancelled")
}
