//! Decodes an answer from its chunks or from the whole object, which differ in `delta` and
//! `message` only.
//!
//! Each choice is decoded by [`super::choice_decode`]. Source: Chat Completions API, response body
//! and streaming; `translation.md` section 9. Never ends an answer that the upstream did not end.

use bytes::Bytes;

use crate::canon::{Event, Fault, Fold, Response, Start, Usage};
use crate::json::{Document, Scratch, Value};
use crate::protocol::MalformedResponse;
use crate::protocol::openai::faults;
use crate::protocol::sse::Frame;

use super::choice_decode::ChoiceDecoder;
use super::usage;

/// The API gives at most this many choices; a larger index is an attack on our memory.
const CHOICES_MAX: usize = 128;
const BROKE_OFF: &str = "the upstream's answer broke off before its end";

/// Decodes a whole answer as the fold of its events.
pub(in crate::protocol) fn decode(body: Bytes, request_id: &str) -> Result<Response, Fault> {
    let document = Document::parse(body).map_err(MalformedResponse::from)?;
    let mut decoder = ResponseDecoder::new(request_id);
    let mut events = Vec::new();
    decoder.push(document.root(), &mut events)?;
    // A whole object was not cut, whatever its `finish_reason`.
    decoder.terminate(&mut events)?;
    let mut fold = Fold::default();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}

/// The state of one answer.
pub(super) struct ResponseDecoder {
    request_id: String,
    scratch: Scratch,
    has_started: bool,
    usage: Usage,
    /// The usage of the last `Event::Usage`; none is written before the start.
    reported_usage: Usage,
    choices: Vec<ChoiceDecoder>,
    is_done: bool,
}

impl ResponseDecoder {
    pub(super) fn new(request_id: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            scratch: Scratch::default(),
            has_started: false,
            usage: Usage::default(),
            reported_usage: Usage::default(),
            choices: Vec::new(),
            is_done: false,
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
        if self.is_done {
            return Ok(());
        }
        match frame.data.trim_ascii() {
            b"" => Ok(()),
            b"[DONE]" => self.terminate(out),
            _ => {
                let scratch = std::mem::take(&mut self.scratch);
                let document = Document::parse_in(frame.data.clone(), scratch)?;
                let result = self.push(document.root(), out);
                self.scratch = document.into_scratch();
                result
            }
        }
    }

    /// Reads a chunk or a whole answer.
    fn push(&mut self, root: Value<'_>, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        root.members()?;
        if let Some(fault) = faults::decode_member(root) {
            self.fail(fault, out);
            return Ok(());
        }
        let choices: Vec<_> = match root.get("choices") {
            Some(choices) => choices.items()?.collect(),
            None => Vec::new(),
        };
        // Azure begins with a chunk that has neither choices nor a head.
        if !choices.is_empty() && !std::mem::replace(&mut self.has_started, true) {
            out.push(Event::Start(start(root)));
        }
        for (position, choice) in choices.into_iter().enumerate() {
            self.push_choice(choice, position, out)?;
        }
        self.update_usage(root.get("usage"));
        self.report_usage(out);
        Ok(())
    }

    fn push_choice(
        &mut self,
        choice: Value<'_>,
        position: usize,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let index = match choice.get("index") {
            Some(index) => usize::try_from(index.u64()?).unwrap_or(usize::MAX),
            None => position,
        };
        if index >= CHOICES_MAX {
            return Err(MalformedResponse {
                why: format!("expected a choice below {CHOICES_MAX}"),
            });
        }
        for missing in self.choices.len()..=index {
            let missing = u32::try_from(missing).unwrap_or_default();
            self.choices
                .push(ChoiceDecoder::new(missing, &self.request_id));
        }
        // Moonshot tells the usage inside of the last choice.
        self.update_usage(choice.get("usage"));
        self.choices[index].push(choice, out)
    }

    fn update_usage(&mut self, usage: Option<Value<'_>>) {
        if let Some(usage) = usage {
            self.usage.update(&usage::decode(usage));
        }
    }

    fn report_usage(&mut self, out: &mut Vec<Event>) {
        if self.has_started && self.usage != self.reported_usage {
            self.reported_usage = self.usage;
            out.push(Event::Usage(self.usage));
        }
    }

    /// Ends the answer at the end of the body. It is complete if each choice said why it finished.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        self.end(ChoiceDecoder::is_finished, out)
    }

    /// Ends the answer at its terminator. Servers that never send a finish reason send that one.
    fn terminate(&mut self, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        self.end(|choice| choice.is_finished() || choice.is_whole(), out)
    }

    fn end(
        &mut self,
        is_complete: fn(&ChoiceDecoder) -> bool,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if self.is_done {
            return Ok(());
        }
        let mut choices = self.choices.iter().filter(|choice| choice.has_data());
        let has_choices = choices.clone().next().is_some();
        if !has_choices || !choices.all(is_complete) {
            self.fail(Fault::upstream(BROKE_OFF), out);
            return Ok(());
        }
        for choice in &mut self.choices {
            if choice.has_data() {
                choice.finish(out)?;
            }
        }
        self.is_done = true;
        Ok(())
    }

    pub(super) fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        self.is_done = true;
        out.push(Event::Failed(fault));
    }
}

fn start(root: Value<'_>) -> Start {
    let text = |key: &str| {
        let text = root.get(key)?.text().ok()?;
        (!text.is_empty()).then_some(text)
    };
    Start {
        id: text("id"),
        model: text("model"),
        created: root.get("created").and_then(|value| value.u64().ok()),
        tier: text("service_tier"),
        fingerprint: text("system_fingerprint"),
    }
}
