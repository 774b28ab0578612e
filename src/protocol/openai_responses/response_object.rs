//! The response object toward Responses clients: what the answer says of itself, and the echo of
//! what was asked.

use super::usage;
use crate::canon::{FinishReason, Start, Usage};
use crate::json::{Document, EscapedStr, Object, Raw, Writer};
use crate::protocol::ResponseContext;

/// What the object repeats of the request, and what stands there where the client left it open.
/// Source: `openai-responses.md`, "Response object"; the SDKs' type demands `tools`, `tool_choice`
/// and `parallel_tool_calls`.
const ECHO: [(&str, &str); 16] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// What the status of a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status<'s> {
    InProgress,
    Completed,
    Incomplete(&'s str),
    Failed { code: &'s str, message: &'s str },
}

impl<'s> Status<'s> {
    /// Source: `translation.md` section 6.
    pub(super) fn of(reason: &'s FinishReason) -> Self {
        match reason {
            FinishReason::End
            | FinishReason::StopSequence
            | FinishReason::ToolCalls
            | FinishReason::Refusal => Self::Completed,
            FinishReason::Length | FinishReason::ContextFull | FinishReason::Paused => {
                Self::Incomplete("max_output_tokens")
            }
            FinishReason::Filtered => Self::Incomplete("content_filter"),
            FinishReason::Malformed => Self::Failed {
                code: "server_error",
                message: "the model wrote a tool call that cannot be read",
            },
            FinishReason::Other(word) => Self::Incomplete(word.as_escaped()),
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed { .. } => "failed",
        }
    }

    /// The terminal event.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::InProgress => "response.in_progress",
            Self::Completed => "response.completed",
            Self::Incomplete(_) => "response.incomplete",
            Self::Failed { .. } => "response.failed",
        }
    }

    /// The status of the item that was open when the answer ended.
    pub(super) fn of_last_item(self) -> &'static str {
        if self == Self::Completed {
            "completed"
        } else {
            "incomplete"
        }
    }
}

/// An answer on its way to a client.
#[derive(Debug)]
pub(super) struct Answer {
    id: EscapedStr,
    model: EscapedStr,
    created: u64,
    tier: Option<EscapedStr>,
    echo: Vec<(&'static str, Raw)>,
    /// The finished items.
    pub(super) output: Vec<Raw>,
    pub(super) usage: Usage,
}

impl Answer {
    pub(super) fn new(ask: &ResponseContext<'_>) -> Self {
        Self {
            id: EscapedStr::from(format!("resp_{}", ask.request_id)),
            model: EscapedStr::from(ask.request.model.as_str()),
            created: ask.now,
            tier: None,
            echo: echo(ask),
            output: Vec::new(),
            usage: Usage::default(),
        }
    }

    /// Takes what the upstream says; its id only where it has the dialect's form.
    pub(super) fn start(&mut self, start: &Start) {
        if let Some(id) = start
            .id
            .as_ref()
            .filter(|id| id.as_escaped().starts_with("resp_"))
        {
            self.id = id.clone();
        }
        if let Some(model) = &start.model {
            self.model = model.clone();
        }
        self.created = start.created.unwrap_or(self.created);
        self.tier = start.tier.clone();
    }

    pub(super) fn write(&self, value: Writer<'_>, status: Status<'_>) {
        value.object(|object| {
            object.text("id", &self.id);
            object.str("object", "response");
            object.u64("created_at", self.created);
            object.str("status", status.word());
            write_ending(object, status);
            object.text("model", &self.model);
            object.array("output", |output| {
                self.output.iter().for_each(|item| output.item().raw(item))
            });
            object.null("previous_response_id");
            object.bool("background", false);
            object.bool("store", false);
            match &self.tier {
                Some(tier) => object.text("service_tier", tier),
                None => object.null("service_tier"),
            }
            self.echo.iter().for_each(|(key, raw)| object.raw(key, raw));
            match status {
                Status::InProgress => object.null("usage"),
                _ => usage::encode(object.key("usage"), &self.usage),
            }
        });
    }
}

fn write_ending(object: &mut Object<'_>, status: Status<'_>) {
    match status {
        Status::Failed { code, message } => object.object("error", |error| {
            error.str("code", code);
            error.str("message", message);
        }),
        _ => object.null("error"),
    }
    match status {
        Status::Incomplete(reason) => object.object("incomplete_details", |details| {
            details.str("reason", reason)
        }),
        _ => object.null("incomplete_details"),
    }
}

fn echo(ask: &ResponseContext<'_>) -> Vec<(&'static str, Raw)> {
    let document = Document::parse(ask.request.body.clone()).unwrap_or_else(|_| Document::null());
    let echo = |(key, default): (&'static str, &'static str)| {
        let asked = document.root().get(key).map(crate::json::Value::raw);
        (key, asked.unwrap_or_else(|| Raw::from_static(default)))
    };
    ECHO.into_iter().map(echo).collect()
}
