//! Decodes an upstream's stream into events.
//!
//! Source: Anthropic Messages reference, "Stream" and "Response". A whole response has the members
//! that a stream spreads over `message_start`, its content blocks and `message_delta`, so
//! [`MessageDecoder`] serves both. Tool names are not restored here.

use bytes::Bytes;

use super::content_block_decode::BlockDecoder;
use super::usage::Counts;
use super::{DIALECT, faults, finish};
use crate::canon::{Event, Fault, Start};
use crate::json::{Document, EscapedStr, Invalid, Scratch, Value};
use crate::protocol::sse::{Frame, Frames};
use crate::protocol::{MalformedResponse, StreamDecoder};

/// Decodes the frames of a stream.
#[derive(Default)]
pub(super) struct Decoder {
    frames: Frames,
    message: MessageDecoder,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let Self { frames, message } = self;
        frames.push(chunk, |frame| message.frame(&frame, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let last_frame = match self.frames.finish() {
            Some(frame) => self.message.frame(&frame, out),
            None => Ok(()),
        };
        if self.message.is_done {
            return;
        }
        let fault = match last_frame {
            Err(malformed) => malformed.into(),
            Ok(()) => Fault::upstream("the upstream's answer broke off before its end"),
        };
        self.message.fail(fault, out);
    }

    fn is_done(&self) -> bool {
        self.message.is_done
    }
}

/// Decodes one `message`: its start, its content blocks and its end.
#[derive(Default)]
pub(super) struct MessageDecoder {
    is_started: bool,
    /// Whether the finish or a fault has been emitted. What follows is ignored.
    is_done: bool,
    blocks: BlockDecoder,
    counts: Counts,
    end: PendingEnd,
    /// The memory in which one frame's JSON is indexed after the other.
    scratch: Scratch,
}

/// The fields at the end of the message, as received so far. They are emitted at `message_stop`,
/// since usage and a corrected reason may still follow.
#[derive(Default)]
struct PendingEnd {
    stop_reason: Option<EscapedStr>,
    stop_sequence: Option<EscapedStr>,
    /// Why the model refused.
    detail: Option<EscapedStr>,
}

impl MessageDecoder {
    fn frame(&mut self, frame: &Frame, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        if self.is_done || !is_known(&frame.event) {
            return Ok(());
        }
        // No word of the dialect's, but of proxies in front of it.
        if frame.data.trim_ascii() == b"[DONE]" {
            let has_ended = self.end.stop_reason.is_some() && !self.blocks.is_open();
            return if has_ended { self.stop(out) } else { Ok(()) };
        }
        let document = Document::parse_in(frame.data.clone(), std::mem::take(&mut self.scratch))?;
        self.record(document.root(), &frame.event, out)?;
        self.scratch = document.into_scratch();
        Ok(())
    }

    /// Decodes one record of the stream.
    fn record(
        &mut self,
        root: Value<'_>,
        event: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        // Servers that send no event name still name the record in its data.
        let kind = root
            .get("type")
            .and_then(|kind| kind.str().ok())
            .unwrap_or_default();
        let event = if event.is_empty() {
            kind.as_bytes()
        } else {
            event
        };
        match event {
            b"message_start" => self.start(root.required("message")?, out)?,
            b"content_block_start" => {
                self.block_start(root.required("content_block")?, index(root)?, out)?;
            }
            b"content_block_delta" => {
                self.blocks
                    .delta(root.required("delta")?, index(root)?, out)?;
            }
            b"content_block_stop" => self.block_stop(index(root)?, out)?,
            b"message_delta" => self.message_delta(root, out)?,
            b"message_stop" => self.stop(out)?,
            b"error" => self.fail(faults::decode_error(root, None), out),
            b"ping" => out.push(Event::Ping),
            b"message" => self.whole(root, out)?,
            _ if root.get("error").is_some() => self.fail(faults::decode_error(root, None), out),
            _ => {}
        }
        Ok(())
    }

    /// Decodes a whole message.
    pub(super) fn whole(
        &mut self,
        message: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let content = message.required("content")?.items()?;
        self.start(message, out)?;
        for (index, block) in (0..).zip(content) {
            self.blocks.start(block, index, out)?;
            self.block_stop(index, out)?;
        }
        self.update_end(message);
        self.stop(out)
    }

    fn start(&mut self, message: Value<'_>, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        if self.is_started {
            return Err(malformed("a second `message_start`"));
        }
        self.is_started = true;
        out.push(Event::Start(Start {
            id: text(message, &["id"]),
            model: text(message, &["model"]),
            tier: text(message, &["usage", "service_tier"]),
            ..Start::default()
        }));
        self.usage(message, out);
        Ok(())
    }

    fn usage(&mut self, holder: Value<'_>, out: &mut Vec<Event>) {
        if let Some(usage) = holder.get("usage") {
            self.counts.update(usage);
            out.push(Event::Usage(self.counts.usage()));
        }
    }

    fn block_start(
        &mut self,
        block: Value<'_>,
        index: u64,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if !self.is_started {
            return Err(malformed("a block before `message_start`"));
        }
        self.blocks.start(block, index, out)
    }

    fn block_stop(&mut self, index: u64, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        self.blocks.stop(index, out)
    }

    fn message_delta(
        &mut self,
        root: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if !self.is_started {
            return Err(malformed("a `message_delta` before `message_start`"));
        }
        self.update_end(root.required("delta")?);
        self.usage(root, out);
        Ok(())
    }

    /// Updates the fields at the end of the message from `holder`. They may come more than once;
    /// each keeps its last value.
    fn update_end(&mut self, holder: Value<'_>) {
        let detail = text(holder, &["stop_details", "explanation"])
            .or_else(|| text(holder, &["stop_details", "category"]));
        let end = &mut self.end;
        replace(&mut end.stop_reason, text(holder, &["stop_reason"]));
        replace(&mut end.stop_sequence, text(holder, &["stop_sequence"]));
        replace(&mut end.detail, detail);
    }

    /// Ends the message.
    ///
    /// # Errors
    /// When it has not begun, or a content block is still open.
    fn stop(&mut self, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        if !self.is_started || self.blocks.is_open() {
            let why = "the end of the message before the end of its content";
            return Err(malformed(why));
        }
        let end = std::mem::take(&mut self.end);
        let produced = self.blocks.produced();
        // Some servers end a message without one.
        let end_turn = produced
            .has_output
            .then(|| EscapedStr::from_static("end_turn"));
        let Some(stop_reason) = end.stop_reason.or(end_turn) else {
            let why = "the upstream's answer ended without a reason";
            self.fail(Fault::upstream(why), out);
            return Ok(());
        };
        match finish::decode(&stop_reason, produced, end.detail.as_ref()) {
            Ok(reason) => out.push(Event::Finish {
                choice: 0,
                reason,
                sequence: end.stop_sequence,
                detail: end.detail,
            }),
            Err(fault) => out.push(Event::Failed(fault)),
        }
        self.is_done = true;
        Ok(())
    }

    fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        self.is_done = true;
        out.push(Event::Failed(fault));
    }
}

/// Whether the event is one of the API's. Others are skipped without being parsed: new ones are
/// added without a new API version.
fn is_known(event: &[u8]) -> bool {
    event.is_empty()
        || event.starts_with(b"message_")
        || event.starts_with(b"content_block_")
        || matches!(event, b"ping" | b"error")
}

fn index(root: Value<'_>) -> Result<u64, Invalid> {
    root.required("index")?.u64()
}

/// The string at the end of a path; `None` where there is none or it is no string.
pub(super) fn text(value: Value<'_>, path: &[&str]) -> Option<EscapedStr> {
    value.find(path)?.text().ok()
}

fn replace(field: &mut Option<EscapedStr>, value: Option<EscapedStr>) {
    if value.is_some() {
        *field = value;
    }
}

pub(super) fn malformed(why: impl Into<String>) -> MalformedResponse {
    MalformedResponse {
        why: format!("{} ({DIALECT})", why.into()),
    }
}
