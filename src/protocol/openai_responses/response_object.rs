//! Encodes the response object: what the answer says of itself, and the fields that repeat the
//! request.

use super::finish::Status;
use super::usage;
use crate::canon::{Start, Usage};
use crate::json::{Document, EscapedStr, Object, Raw, Writer};
use crate::protocol::{ResponseContext, openai};

/// The fields that repeat the request, and their values where the client did not set them.
/// Source: `openai-responses.md`, "Response object"; the SDKs' type requires `tools`, `tool_choice`
/// and `parallel_tool_calls`.
const ECHOED_FIELDS: [(&str, &str); 16] = [
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

#[derive(Debug)]
pub(super) struct ResponseObject {
    id: EscapedStr,
    model: EscapedStr,
    created: u64,
    tier: Option<&'static str>,
    echoed: Vec<(&'static str, Raw)>,
    /// The finished items.
    pub(super) output: Vec<Raw>,
    pub(super) usage: Usage,
}

impl ResponseObject {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            id: EscapedStr::from(format!("resp_{}", context.request_id)),
            model: EscapedStr::from(context.request.model.as_str()),
            created: context.now,
            tier: None,
            echoed: echoed_fields(context),
            output: Vec::new(),
            usage: Usage::default(),
        }
    }

    /// Takes what the upstream says of its answer; the id only where it has the dialect's form.
    pub(super) fn update(&mut self, start: &Start) {
        if let Some(id) = &start.id
            && id.as_escaped().starts_with("resp_")
        {
            self.id = id.clone();
        }
        if let Some(model) = &start.model {
            self.model = model.clone();
        }
        self.created = start.created.unwrap_or(self.created);
        self.tier = start.tier.as_ref().and_then(openai::response_tier);
    }

    pub(super) fn write(&self, value: Writer<'_>, status: Status<'_>) {
        value.object(|object| {
            object.text("id", &self.id);
            object.str("object", "response");
            object.u64("created_at", self.created);
            object.str("status", status.name());
            write_outcome(object, status);
            object.text("model", &self.model);
            object.array("output", |output| {
                for item in &self.output {
                    output.item().raw(item);
                }
            });
            object.null("previous_response_id");
            object.bool("background", false);
            object.bool("store", false);
            match self.tier {
                Some(tier) => object.str("service_tier", tier),
                None => object.null("service_tier"),
            }
            for (key, value) in &self.echoed {
                object.raw(key, value);
            }
            match status {
                Status::InProgress => object.null("usage"),
                _ => usage::encode(object.key("usage"), &self.usage),
            }
        });
    }
}

fn write_outcome(object: &mut Object<'_>, status: Status<'_>) {
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

fn echoed_fields(context: &ResponseContext<'_>) -> Vec<(&'static str, Raw)> {
    let body = context.request.body.clone();
    let document = Document::parse(body).unwrap_or_else(|_| Document::null());
    let echoed = |(key, default)| match document.root().get(key) {
        Some(value) => (key, value.raw()),
        None => (key, Raw::from_static(default)),
    };
    ECHOED_FIELDS.into_iter().map(echoed).collect()
}
