//! What all records of an answer have: the model, the time, and the form of the request that they
//! answer; and what the last one adds.
//!
//! Source: Ollama, `api/types.go`, `ChatResponse`, `GenerateResponse`, `Metrics`: `model` is the
//! name that was asked for, `remote_model` "the name of the upstream model that generated the
//! response".

use std::time::Duration;

use jiff::Timestamp;

use super::finish;
use super::pieces::{Call, Pieces};
use crate::canon::{FinishReason, Request, Start};
use crate::json::{Array, Document, EscapedStr, Object, Raw, Value};
use crate::protocol::ResponseContext;

/// Which of the two requests is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `/api/chat`: records have a `message`.
    Chat,
    /// `/api/generate`: records have a `response`.
    Prompt,
}

impl Form {
    pub(super) fn of(root: Value<'_>) -> Self {
        let has = |key| root.get(key).is_some();
        if has("prompt") && !has("messages") {
            Self::Prompt
        } else {
            Self::Chat
        }
    }

    fn of_request(request: &Request) -> Self {
        Document::parse_shallow(request.body.clone())
            .map_or(Self::Chat, |document| Self::of(document.root()))
    }
}

/// The content of a record.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) texts: Vec<EscapedStr>,
    pub(super) thinking: Vec<EscapedStr>,
    pub(super) images: Vec<EscapedStr>,
    pub(super) calls: Vec<Call>,
    pub(super) logprobs: Vec<Raw>,
}

#[derive(Debug)]
pub(super) struct ResponseHead {
    form: Form,
    model: String,
    remote_model: EscapedStr,
    created_at: String,
    received_at: Duration,
    pub(super) completed_at: Duration,
}

impl ResponseHead {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            form: Form::of_request(context.request),
            model: context.request.model.clone(),
            remote_model: EscapedStr::from(context.origin.model.as_str()),
            created_at: time(context.received_at),
            received_at: context.received_at,
            completed_at: context.completed_at,
        }
    }

    /// Takes what the upstream says of its answer.
    pub(super) fn update(&mut self, start: &Start) {
        if let Some(model) = start.model.as_ref().filter(|model| !model.is_empty()) {
            self.remote_model = model.clone();
        }
    }

    /// Writes the members of a record, up to `done`.
    pub(super) fn write(&self, content: &Content, is_done: bool, object: &mut Object<'_>) {
        object.str("model", &self.model);
        if !self.remote_model.is_empty() {
            object.text("remote_model", &self.remote_model);
        }
        object.str("created_at", &self.created_at);
        match self.form {
            Form::Chat => object.object("message", |message| {
                message.str("role", "assistant");
                message.key("content").texts(&content.texts);
                write_extras(content, message);
            }),
            Form::Prompt => {
                object.key("response").texts(&content.texts);
                write_extras(content, object);
            }
        }
        if !content.logprobs.is_empty() {
            object.array("logprobs", |array| write_joined(&content.logprobs, array));
        }
        object.bool("done", is_done);
    }

    /// Writes what the last record says besides: why the answer ended, the counts that are known,
    /// and how long all of it took. What the upstream took for its parts is not known.
    pub(super) fn write_end(
        &self,
        reason: &FinishReason,
        pieces: &Pieces,
        object: &mut Object<'_>,
    ) {
        object.str("done_reason", finish::encode(reason));
        let took = self.completed_at.checked_sub(self.received_at);
        let took = took.and_then(|took| u64::try_from(took.as_nanos()).ok());
        let figures = [
            ("total_duration", took.filter(|took| *took > 0)),
            ("prompt_eval_count", pieces.usage.input),
            ("prompt_eval_cached_count", pieces.usage.cache_read),
            ("eval_count", pieces.usage.output),
        ];
        for (key, figure) in figures {
            object.some(key, figure, |value, figure| value.u64(figure));
        }
    }
}

fn write_extras(content: &Content, object: &mut Object<'_>) {
    if !content.thinking.is_empty() {
        object.key("thinking").texts(&content.thinking);
    }
    if !content.images.is_empty() {
        object.array("images", |array| {
            content
                .images
                .iter()
                .for_each(|image| array.item().text(image));
        });
    }
    if !content.calls.is_empty() {
        object.array("tool_calls", |array| {
            content
                .calls
                .iter()
                .for_each(|call| write_call(call, array));
        });
    }
}

fn write_call(call: &Call, array: &mut Array<'_>) {
    array.object(|object| {
        object.text("id", &call.id);
        object.object("function", |function| {
            function.u64("index", call.index);
            function.text("name", &call.name);
            function.raw("arguments", &call.arguments);
        });
    });
}

/// A streamed answer has several lists, which become one.
fn write_joined(lists: &[Raw], array: &mut Array<'_>) {
    for list in lists {
        let document = list.document();
        for item in document.root().items().into_iter().flatten() {
            array.item().raw(&item.raw());
        }
    }
}

/// A time since 1970, as RFC 3339.
fn time(since_1970: Duration) -> String {
    let time = i64::try_from(since_1970.as_secs()).ok();
    let time = time.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
