//! Whole answers: read as the fold of their events, written as one message per choice.
//!
//! Source: Chat Completions API, response body. Has no reading of its own: streams and whole
//! answers share [`super::lane`].

use bytes::Bytes;

use crate::canon::{
    Choice, Fault, FinishReason, Fold, LossKind, Losses, PartHead, ReasoningForm, Response,
    ResponsePart, Usage,
};
use crate::json::{self, Document, EscapedStr, Object, Raw};
use crate::protocol::{MalformedResponse, ResponseContext};

use super::head::Head;
use super::stream_decode::Answer;
use super::{DIALECT, finish, image, legacy, usage};
use crate::protocol::openai::faults;

pub(in crate::protocol) const ID_PREFIX: &str = "chatcmpl-";

pub(in crate::protocol) fn decode(body: Bytes, request_id: &str) -> Result<Response, Fault> {
    let mut events = Vec::new();
    let mut answer = Answer::new(request_id);
    let document = Document::parse(body).map_err(MalformedResponse::from)?;
    answer.record(document.root(), &mut events)?;
    answer.end(&mut events)?;
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

pub(super) fn encode(response: &Response, ask: &ResponseContext<'_>, losses: &mut Losses) -> Bytes {
    if response
        .choices
        .iter()
        .any(|choice| choice.finish == Some(FinishReason::Malformed))
    {
        return faults::encode(&Fault::upstream(MALFORMED_CALL)).1;
    }
    let mut head = Head::new(ask, "chat.completion", ID_PREFIX);
    head.learn(&response.start);
    let mut encoder = Encoder {
        is_legacy: legacy::is_asked(ask.request),
        is_own: ask.origin.dialect == DIALECT,
        losses,
    };
    json::document(|value| {
        value.object(|object| {
            head.write(object, |array| {
                for (index, choice) in (0..).zip(&response.choices) {
                    array.object(|object| encoder.choice(index, choice, object));
                }
            });
            write_usage(&response.usage, object, encoder.losses);
        });
    })
}

/// What an answer that nobody can read is called.
pub(super) const MALFORMED_CALL: &str = "the model wrote a tool call that cannot be read";

/// Usage, left out where it is unknown; a figure that the shape demands and nobody knows is 0 and a
/// loss.
pub(in crate::protocol) fn write_usage(
    usage: &Usage,
    object: &mut Object<'_>,
    losses: &mut Losses,
) {
    if usage.is_unknown() {
        return;
    }
    if !usage::is_whole(usage) {
        losses.noted("usage", LossKind::Dropped);
    }
    object.object("usage", |object| usage::write(usage, object));
}

struct Encoder<'e> {
    /// Whether the client asked in the legacy form, whose answer has room for one call.
    is_legacy: bool,
    /// Whether citations are in this dialect's shape.
    is_own: bool,
    losses: &'e mut Losses,
}

impl Encoder<'_> {
    fn choice(&mut self, index: u64, choice: &Choice, object: &mut Object<'_>) {
        object.u64("index", index);
        object.object("message", |object| self.message(choice, object));
        write_logprobs(choice, object);
        match choice
            .finish
            .as_ref()
            .and_then(|reason| self.finish(reason))
        {
            Some(word) => object.str("finish_reason", word),
            None => object.null("finish_reason"),
        }
    }

    fn finish(&mut self, reason: &FinishReason) -> Option<&'static str> {
        if finish::is_approximate(reason) {
            self.losses.noted("finish_reason", LossKind::Adjusted);
        }
        if self.is_legacy && *reason == FinishReason::ToolCalls {
            return Some(legacy::FINISH);
        }
        finish::encode(reason)
    }

    fn message(&mut self, choice: &Choice, object: &mut Object<'_>) {
        object.str("role", "assistant");
        nullable(
            "content",
            &texts(choice, |head| matches!(head, PartHead::Text)),
            object,
        );
        let refusal = texts(choice, |head| matches!(head, PartHead::Refusal));
        match choice
            .finish
            .as_ref()
            .and_then(|reason| reason.refusal(choice.detail.as_ref()))
        {
            // Other dialects tell a refusal by the finish alone.
            Some(words) if refusal.is_empty() => object.text("refusal", &words),
            _ => nullable("refusal", &refusal, object),
        }
        let reasoning = texts(choice, is_shown_reasoning);
        if !reasoning.is_empty() {
            object.text("reasoning_content", &EscapedStr::join(&reasoning, "\\n\\n"));
        }
        self.annotations(choice, object);
        self.images(choice, object);
        self.calls(choice, object);
    }

    fn annotations(&mut self, choice: &Choice, object: &mut Object<'_>) {
        let citations: Vec<&Raw> = choice
            .parts
            .iter()
            .flat_map(|part| &part.citations)
            .collect();
        if citations.is_empty() {
            return;
        }
        if !self.is_own {
            return self.losses.noted("citations", LossKind::Dropped);
        }
        object.array("annotations", |array| {
            citations.iter().for_each(|raw| array.item().raw(raw))
        });
    }

    fn images(&mut self, choice: &Choice, object: &mut Object<'_>) {
        let (images, others) = image::of(choice);
        if others {
            self.losses.noted("media", LossKind::Dropped);
        }
        if !images.is_empty() {
            object.array("images", |array| {
                images
                    .iter()
                    .for_each(|(mime, data)| image::write(mime, data, array))
            });
        }
    }

    fn calls(&mut self, choice: &Choice, object: &mut Object<'_>) {
        let calls: Vec<&ResponsePart> = choice
            .parts
            .iter()
            .filter(|part| matches!(part.head, PartHead::ToolCall { .. }))
            .collect();
        if choice
            .parts
            .iter()
            .any(|part| matches!(part.head, PartHead::Hosted { .. }))
        {
            self.losses.noted("hosted_tools", LossKind::Dropped);
        }
        match &calls[..] {
            [] => {}
            [first, rest @ ..] if self.is_legacy => {
                if !rest.is_empty() {
                    self.losses.noted("tool_calls", LossKind::Dropped);
                }
                object.object("function_call", |object| write_function(first, object));
            }
            calls => object.array("tool_calls", |array| {
                calls
                    .iter()
                    .for_each(|call| array.object(|object| write_call(call, object)))
            }),
        }
    }
}

/// The texts of the parts that are wanted, paragraphs apart.
fn texts(choice: &Choice, is_wanted: impl Fn(&PartHead) -> bool) -> Vec<EscapedStr> {
    choice
        .parts
        .iter()
        .filter(|part| is_wanted(&part.head))
        .flat_map(|part| part.texts.iter().cloned())
        .collect()
}

fn is_shown_reasoning(head: &PartHead) -> bool {
    matches!(
        head,
        PartHead::Reasoning(ReasoningForm::Full | ReasoningForm::Summary)
    )
}

fn nullable(key: &str, texts: &[EscapedStr], object: &mut Object<'_>) {
    if texts.is_empty() {
        object.null(key);
    } else {
        object.key(key).texts(texts);
    }
}

fn write_call(call: &ResponsePart, object: &mut Object<'_>) {
    let PartHead::ToolCall { id, name, free, .. } = &call.head else {
        return;
    };
    object.text("id", id);
    if *free {
        object.str("type", "custom");
        object.object("custom", |object| {
            object.text("name", name);
            object.key("input").texts(&call.texts);
        });
    } else {
        object.str("type", "function");
        object.object("function", |object| write_function(call, object));
    }
}

fn write_function(call: &ResponsePart, object: &mut Object<'_>) {
    let PartHead::ToolCall { name, .. } = &call.head else {
        return;
    };
    object.text("name", name);
    object.key("arguments").texts(&call.texts);
}

/// `{"content":[…],"refusal":null}`; the lists of a streamed answer become one.
fn write_logprobs(choice: &Choice, object: &mut Object<'_>) {
    let of = |is: fn(&PartHead) -> bool| {
        choice
            .parts
            .iter()
            .filter(move |part| is(&part.head))
            .flat_map(|part| &part.logprobs)
    };
    let content: Vec<&Raw> = of(|head| matches!(head, PartHead::Text)).collect();
    let refusal: Vec<&Raw> = of(|head| matches!(head, PartHead::Refusal)).collect();
    if content.is_empty() && refusal.is_empty() {
        return object.null("logprobs");
    }
    object.object("logprobs", |object| {
        joined("content", &content, object);
        joined("refusal", &refusal, object);
    });
}

fn joined(key: &str, lists: &[&Raw], object: &mut Object<'_>) {
    if lists.is_empty() {
        return object.null(key);
    }
    object.array(key, |array| {
        for list in lists {
            let document = list.document();
            document
                .root()
                .items()
                .into_iter()
                .flatten()
                .for_each(|item| array.item().raw(&item.raw()));
        }
    });
}
