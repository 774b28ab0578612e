//! Answers of Responses upstreams: a stream of events, or one response object, which is read as a
//! stream without deltas.
//!
//! Output items do not overlap in practice. Where they do, the events of the later one wait until
//! the earlier one ended.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::output_item_decode::{Item, Parts};
use super::usage;
use crate::canon::{Event, Fault, FinishReason, Fold, Response, Start};
use crate::json::{Document, Invalid, Scratch, Value};
use crate::protocol::openai::faults;
use crate::protocol::sse::{Frame, Frames};
use crate::protocol::{DecodeContext, MalformedResponse, StreamDecoder};

pub(super) struct Decoder {
    frames: Frames,
    reader: Reader,
}

impl Decoder {
    pub(super) fn new(answering: &DecodeContext) -> Self {
        Self {
            frames: Frames::default(),
            reader: Reader::new(answering),
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let Self { frames, reader } = self;
        frames.push(chunk, |frame| reader.frame(&frame, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let read = self
            .frames
            .finish()
            .map_or(Ok(()), |frame| self.reader.frame(&frame, out));
        if self.reader.is_done {
            return;
        }
        self.reader.is_done = true;
        out.push(Event::Failed(match read {
            Ok(()) => Fault::upstream("the upstream's answer broke off before its end"),
            Err(garbled) => garbled.into(),
        }));
    }

    fn is_done(&self) -> bool {
        self.reader.is_done
    }
}

/// Reads a whole answer.
pub(super) fn decode_whole(body: Bytes, answering: &DecodeContext) -> Result<Response, Fault> {
    let unreadable = |error: Invalid| Fault::from(MalformedResponse::from(error));
    let document = Document::parse(body).map_err(unreadable)?;
    let root = document.root();
    if let Some(error) = root.get("error") {
        return Err(faults::decode_inside(error));
    }
    root.required("output").map_err(unreadable)?;
    let mut events = Vec::new();
    Reader::new(answering)
        .end(root, "completed", &mut events)
        .map_err(unreadable)?;
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

#[derive(Default)]
struct Reader {
    parts: Parts,
    open: Option<Item>,
    /// The item that ended last: what still comes for it says nothing new.
    closed: Option<u64>,
    /// Events of items that began before the open one ended, by item.
    held: BTreeMap<u64, Vec<Frame>>,
    has_items: bool,
    is_started: bool,
    is_done: bool,
    scratch: Scratch,
}

impl Reader {
    fn new(answering: &DecodeContext) -> Self {
        Self {
            parts: Parts::new(&answering.request_id),
            ..Self::default()
        }
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        self.one(frame, out)?;
        while self.open.is_none()
            && let Some((_, frames)) = self.held.pop_first()
        {
            frames.iter().try_for_each(|frame| self.one(frame, out))?;
        }
        Ok(())
    }

    fn one(&mut self, frame: &Frame, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        if self.is_done || &frame.data[..] == b"[DONE]" {
            return Ok(());
        }
        let document = Document::parse_in(frame.data.clone(), std::mem::take(&mut self.scratch))?;
        self.record(document.root(), frame, out)?;
        self.scratch = document.into_scratch();
        Ok(())
    }

    fn record(
        &mut self,
        event: Value<'_>,
        frame: &Frame,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let named = event.get("type").map(Value::str).transpose()?;
        let kind = named.unwrap_or_else(|| String::from_utf8_lossy(&frame.event));
        match &*kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(event.get("response"), out)
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => {
                self.end(event.required("response")?, &kind["response.".len()..], out)?;
            }
            "keepalive" => out.push(Event::Ping),
            "error" => self.fail(faults::decode_inside(event), out),
            _ if event.get("error").is_some() => self.fail(faults::decode_inside(event), out),
            _ => self.item_event(&kind, event, frame, out)?,
        }
        Ok(())
    }

    fn start(&mut self, response: Option<Value<'_>>, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.is_started, true) {
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

    fn item_event(
        &mut self,
        kind: &str,
        event: Value<'_>,
        frame: &Frame,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let Some(index) = event.get("output_index").map(Value::u64).transpose()? else {
            return Ok(());
        };
        self.start(None, out);
        if self.open.as_ref().is_some_and(|item| item.index != index) {
            self.held.entry(index).or_default().push(frame.clone());
            return Ok(());
        }
        if self.open.is_none() && self.closed == Some(index) && kind != "response.output_item.added"
        {
            return Ok(());
        }
        self.has_items = true;
        let item = self.open.get_or_insert_with(|| Item::new(index));
        if item.event(kind, event, &mut self.parts, out)? {
            (self.open, self.closed) = (None, Some(index));
        }
        Ok(())
    }

    /// Reads the final response object; `status` holds where the object has none.
    fn end(
        &mut self,
        response: Value<'_>,
        status: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        self.start(Some(response), out);
        self.close_items(out)?;
        if !self.has_items {
            self.output(response, out)?;
        }
        if let Some(usage) = response
            .get("usage")
            .map(usage::decode)
            .filter(|usage| !usage.is_unknown())
        {
            out.push(Event::Usage(usage));
        }
        let told = response.get("status").map(Value::str).transpose()?;
        match told.as_deref().unwrap_or(status) {
            "completed" => self.finish(self.completed(), out),
            "incomplete" => self.finish(incomplete(response), out),
            "failed" | "cancelled" => self.fail(faults::decode_inside(response), out),
            _ => self.fail(
                Fault::upstream("the upstream's answer is not finished"),
                out,
            ),
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
                self.record(document.root(), &frame, out)?;
            }
        }
    }

    /// The items of a response object, where no event gave one.
    fn output(&mut self, response: Value<'_>, out: &mut Vec<Event>) -> Result<(), Invalid> {
        let Some(output) = response.get("output") else {
            return Ok(());
        };
        (0..)
            .zip(output.items()?)
            .try_for_each(|(index, item)| Item::new(index).done(item, &mut self.parts, out))
    }

    fn completed(&self) -> FinishReason {
        match (self.parts.has_calls, self.parts.has_refusals) {
            (true, _) => FinishReason::ToolCalls,
            (false, true) => FinishReason::Refusal,
            (false, false) => FinishReason::End,
        }
    }

    fn finish(&mut self, reason: FinishReason, out: &mut Vec<Event>) {
        self.is_done = true;
        out.push(Event::Finish {
            choice: 0,
            reason,
            sequence: None,
            detail: None,
        });
    }

    fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        self.is_done = true;
        out.push(Event::Failed(fault));
    }
}

/// Source: `openai-responses.md`, "Response object", `incomplete_details.reason`.
fn incomplete(response: Value<'_>) -> FinishReason {
    let reason = response
        .find(&["incomplete_details", "reason"])
        .and_then(|reason| reason.text().ok())
        .unwrap_or_default();
    match &*reason.to_plain() {
        "max_output_tokens" => FinishReason::Length,
        "content_filter" => FinishReason::Filtered,
        _ => FinishReason::Other(reason),
    }
}
