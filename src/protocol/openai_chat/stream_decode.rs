//! A Chat upstream's stream to events: frames, the head of the answer, usage, and how it ends.
//!
//! What a single choice says is read by [`super::lane`]. Source: Chat Completions API, streaming;
//! `translation.md` section 9. Never ends an answer that the upstream did not end.

use bytes::Bytes;

use crate::canon::{Event, Fault, Start, Usage};
use crate::json::{Document, EscapedStr, Scratch, Value};
use crate::protocol::sse::{Frame, Frames};
use crate::protocol::{MalformedResponse, StreamDecoder};

use super::lane::Lane;
use super::usage;
use crate::protocol::openai::faults;

/// The API gives at most this many choices; a larger index is an attack on our memory.
const CHOICES_MAX: usize = 128;
pub(in crate::protocol) const BROKE_OFF: &str = "the upstream's answer broke off before its end";

/// Reads the server-sent events of one answer.
pub(in crate::protocol) struct Decoder {
    frames: Frames,
    answer: Answer,
}

impl Decoder {
    pub(in crate::protocol) fn new(request_id: &str) -> Self {
        Self {
            frames: Frames::default(),
            answer: Answer::new(request_id),
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let Self { frames, answer } = self;
        frames.push(chunk, |frame| answer.frame(&frame, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let last = self.frames.finish();
        let read = last.map_or(Ok(()), |frame| self.answer.frame(&frame, out));
        if let Err(garbled) = read.and_then(|()| self.answer.end(out)) {
            self.answer.fail(garbled.into(), out);
        }
    }

    fn is_done(&self) -> bool {
        self.answer.is_over
    }
}

/// One answer, from its chunks or from the whole.
pub(super) struct Answer {
    request_id: String,
    scratch: Scratch,
    has_started: bool,
    usage: Usage,
    /// What of it stands in the events: none before the start.
    reported: Usage,
    lanes: Vec<Lane>,
    is_over: bool,
}

impl Answer {
    pub(super) fn new(request_id: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            scratch: Scratch::default(),
            has_started: false,
            usage: Usage::default(),
            reported: Usage::default(),
            lanes: Vec::new(),
            is_over: false,
        }
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        match frame.data.trim_ascii() {
            _ if self.is_over => Ok(()),
            b"" => Ok(()),
            b"[DONE]" => self.end(out),
            _ => {
                let document =
                    Document::parse_in(frame.data.clone(), std::mem::take(&mut self.scratch))?;
                let read = self.record(document.root(), out);
                self.scratch = document.into_scratch();
                read
            }
        }
    }

    /// Reads a chunk, or a whole answer: they differ in `delta` and `message` only.
    pub(super) fn record(
        &mut self,
        root: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        root.members()?;
        if let Some(fault) = faults::inside(root) {
            self.fail(fault, out);
            return Ok(());
        }
        let choices: Vec<_> = root
            .get("choices")
            .map(Value::items)
            .transpose()?
            .into_iter()
            .flatten()
            .collect();
        // Azure begins with a chunk that has neither choices nor a head.
        if !choices.is_empty() && !std::mem::replace(&mut self.has_started, true) {
            out.push(Event::Start(start(root)));
        }
        for (position, choice) in choices.into_iter().enumerate() {
            self.choice(choice, position, out)?;
        }
        self.learn_usage(root.get("usage"));
        self.report_usage(out);
        Ok(())
    }

    fn choice(
        &mut self,
        choice: Value<'_>,
        position: usize,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let index = choice.get("index").map(Value::u64).transpose()?;
        let index = index
            .map_or(Some(position), |index| usize::try_from(index).ok())
            .filter(|index| *index < CHOICES_MAX);
        let index = index.ok_or_else(|| MalformedResponse {
            why: format!("expected a choice below {CHOICES_MAX}"),
        })?;
        for missing in self.lanes.len()..=index {
            self.lanes.push(Lane::new(
                u32::try_from(missing).unwrap_or_default(),
                &self.request_id,
            ));
        }
        // Moonshot tells the usage inside of the last choice.
        self.learn_usage(choice.get("usage"));
        self.lanes[index].choice(choice, out)
    }

    fn learn_usage(&mut self, usage: Option<Value<'_>>) {
        usage
            .iter()
            .for_each(|usage| self.usage.update(&usage::decode(*usage)));
    }

    fn report_usage(&mut self, out: &mut Vec<Event>) {
        if self.has_started && self.usage != self.reported {
            self.reported = self.usage;
            out.push(Event::Usage(self.usage));
        }
    }

    /// `[DONE]`, or the end of the body: an answer if each choice said why it finished.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        if self.is_over {
            return Ok(());
        }
        let seen = || self.lanes.iter().filter(|lane| !lane.is_unseen());
        if seen().next().is_none() || seen().any(|lane| !lane.is_finished()) {
            self.fail(Fault::upstream(BROKE_OFF), out);
            return Ok(());
        }
        for lane in self.lanes.iter_mut().filter(|lane| !lane.is_unseen()) {
            lane.end(out)?;
        }
        self.is_over = true;
        Ok(())
    }

    fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        self.is_over = true;
        out.push(Event::Failed(fault));
    }
}

fn start(root: Value<'_>) -> Start {
    let text = |key: &str| {
        root.get(key)
            .and_then(|value| value.text().ok())
            .filter(|text: &EscapedStr| !text.is_empty())
    };
    Start {
        id: text("id"),
        model: text("model"),
        created: root.get("created").and_then(|value| value.u64().ok()),
        tier: text("service_tier"),
        fingerprint: text("system_fingerprint"),
    }
}
