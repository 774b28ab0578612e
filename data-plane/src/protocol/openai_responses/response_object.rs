//! Encodes the response object: what the answer says of itself, and the fields that repeat the
//! request.
//!
//! Every field that the Open Responses specification (2026-04-24) requires is there.

use super::finish::Status;
use super::{echoed_fields, usage};
use crate::canon::{Start, Usage};
use crate::json::{EscapedStr, Object, Raw, Writer};
use crate::protocol::{ResponseContext, openai};

/// The tier of an answer whose upstream names none.
const DEFAULT_TIER: &str = "default";

#[derive(Debug)]
pub(super) struct ResponseObject {
    id: EscapedStr,
    model: EscapedStr,
    created: u64,
    /// When the answer was complete, if it is.
    pub(super) completed: u64,
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
            created: context.received_at.as_secs(),
            completed: context.completed_at.as_secs(),
            tier: None,
            echoed: echoed_fields::of(context.request),
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
            match status {
                // The upstream's clock may be ahead of ours.
                Status::Completed => {
                    object.u64("completed_at", self.completed.max(self.created));
                }
                _ => object.null("completed_at"),
            }
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
            object.str("service_tier", self.tier.unwrap_or(DEFAULT_TIER));
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
