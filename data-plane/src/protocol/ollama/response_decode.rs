//! Decodes the records of an answer to events.
//!
//! Source: Ollama, `api/types.go`, `ChatResponse`, `GenerateResponse`.

use bytes::Bytes;

use super::{finish, images};
use crate::canon::{Event, Fault, PartHead, PartIndex, ReasoningForm, Start, ToolInput, Usage};
use crate::json::{Document, EscapedStr, Invalid, Value};
use crate::protocol::finish_words::Produced;
use crate::protocol::openai::faults;
use crate::protocol::{FrameInfo, MalformedResponse, pending_calls};

pub(super) struct RecordDecoder {
    request_id: String,
    has_started: bool,
    /// The part that is open, and whether it is thinking.
    open: Option<(PartIndex, bool)>,
    parts: u32,
    generated_ids: u64,
    produced: Produced,
    /// Whether the answer ended, well or not.
    pub(super) is_done: bool,
}

/// What one record or body reveals.
///
/// # Errors
/// When it is no JSON object.
pub(super) fn info(body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
    let document = Document::parse(body.clone())?;
    let root = document.root();
    root.members()?;
    let is_end = is_done(root)?;
    Ok(FrameInfo {
        usage: is_end.then(|| usage(root)),
        is_content: !text(message(root), "content")?.is_empty(),
        is_end,
        is_last: is_end,
        fault: faults::decode_member(root),
        ..FrameInfo::default()
    })
}

impl RecordDecoder {
    pub(super) fn new(request_id: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            has_started: false,
            open: None,
            parts: 0,
            generated_ids: 0,
            produced: Produced::default(),
            is_done: false,
        }
    }

    /// Takes one record. What follows the last is ignored.
    pub(super) fn push(
        &mut self,
        record: Bytes,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if self.is_done {
            return Ok(());
        }
        let document = Document::parse(record)?;
        let root = document.root();
        if let Some(fault) = faults::decode_member(root) {
            self.fail(fault, out);
            return Ok(());
        }
        if !std::mem::replace(&mut self.has_started, true) {
            out.push(Event::Start(start(root)?));
        }
        self.content(root, out)?;
        if is_done(root)? {
            self.end(root, out)?;
        }
        Ok(())
    }

    /// Ends the answer with a fault, unless it has ended.
    pub(super) fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_done, true) {
            out.push(Event::Failed(fault));
        }
    }

    fn content(&mut self, root: Value<'_>, out: &mut Vec<Event>) -> Result<(), Invalid> {
        let message = message(root);
        self.text(text(message, "thinking")?, true, out);
        let key = if root.get("message").is_some() {
            "content"
        } else {
            "response"
        };
        self.text(text(message, key)?, false, out);
        if let Some(list) = root.get("logprobs") {
            list.items()?;
            let at = self.open(false, out);
            out.push(Event::Logprobs {
                at,
                list: list.raw(),
            });
        }
        for image in items(message, "images")? {
            let data = image.text()?;
            let mime = images::mime(&data).unwrap_or("image/png").into();
            self.whole(PartHead::Media { mime }, data, out);
        }
        for call in items(message, "tool_calls")? {
            self.call(call, out)?;
        }
        Ok(())
    }

    fn text(&mut self, text: EscapedStr, is_thinking: bool, out: &mut Vec<Event>) {
        if !text.is_empty() {
            let at = self.open(is_thinking, out);
            out.push(Event::Delta { at, text });
        }
    }

    /// The open part of that kind.
    fn open(&mut self, is_thinking: bool, out: &mut Vec<Event>) -> PartIndex {
        match self.open {
            Some((at, kind)) if kind == is_thinking => at,
            _ => {
                let head = if is_thinking {
                    PartHead::Reasoning(ReasoningForm::Full)
                } else {
                    PartHead::Text
                };
                let at = self.begin(head, out);
                self.open = Some((at, is_thinking));
                at
            }
        }
    }

    fn begin(&mut self, head: PartHead, out: &mut Vec<Event>) -> PartIndex {
        self.close(out);
        self.produced.note(&head);
        let at = PartIndex {
            choice: 0,
            part: self.parts,
        };
        self.parts += 1;
        out.push(Event::PartStart { at, head });
        at
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        if let Some((at, _)) = self.open.take() {
            out.push(Event::PartEnd { at });
        }
    }

    fn whole(&mut self, head: PartHead, text: EscapedStr, out: &mut Vec<Event>) {
        let at = self.begin(head, out);
        out.push(Event::Delta { at, text });
        out.push(Event::PartEnd { at });
    }

    fn call(&mut self, call: Value<'_>, out: &mut Vec<Event>) -> Result<(), Invalid> {
        let function = call.required("function")?;
        let name = function.required("name")?.text()?;
        let arguments = ToolInput::from_value(function.get("arguments")).to_arguments();
        let id = text(call, "id")?;
        let id = if id.is_empty() {
            self.generated_ids += 1;
            pending_calls::generate(&self.request_id, self.generated_ids)
        } else {
            id
        };
        let head = PartHead::ToolCall {
            id,
            name,
            namespace: None,
            free: false,
        };
        self.whole(head, arguments, out);
        Ok(())
    }

    fn end(&mut self, root: Value<'_>, out: &mut Vec<Event>) -> Result<(), Invalid> {
        self.close(out);
        let word = root.get("done_reason").map(Value::text).transpose()?;
        let word = word.unwrap_or_else(|| EscapedStr::from_static("stop"));
        match finish::decode(&word, self.produced) {
            Err(fault) => self.fail(fault, out),
            Ok(reason) => {
                self.is_done = true;
                out.push(Event::Usage(usage(root)));
                out.push(Event::Finish {
                    choice: 0,
                    reason,
                    sequence: None,
                    detail: None,
                });
            }
        }
        Ok(())
    }
}

fn start(root: Value<'_>) -> Result<Start, Invalid> {
    let model = root.get("remote_model").or_else(|| root.get("model"));
    Ok(Start {
        model: model.map(Value::text).transpose()?,
        ..Start::default()
    })
}

/// What holds the content: `message`, or the record itself.
fn message(root: Value<'_>) -> Value<'_> {
    root.get("message").unwrap_or(root)
}

fn is_done(root: Value<'_>) -> Result<bool, Invalid> {
    root.get("done").map_or(Ok(false), Value::bool)
}

/// Empty where there is none.
fn text(holder: Value<'_>, key: &str) -> Result<EscapedStr, Invalid> {
    let text = holder.get(key).map(Value::text).transpose()?;
    Ok(text.unwrap_or_default())
}

fn items<'d>(holder: Value<'d>, key: &str) -> Result<impl Iterator<Item = Value<'d>>, Invalid> {
    let items = holder.get(key).map(Value::items).transpose()?;
    Ok(items.into_iter().flatten())
}

fn usage(root: Value<'_>) -> Usage {
    let count = |key| root.get(key)?.u64().ok();
    Usage {
        input: count("prompt_eval_count"),
        cache_read: count("prompt_eval_cached_count"),
        output: count("eval_count"),
        ..Usage::default()
    }
}
