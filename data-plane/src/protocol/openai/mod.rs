//! What OpenAI's dialects share: model abilities, errors, the model list, media, usage, paths and
//! headers.
//!
//! Used by [`super::openai_chat`], [`super::openai_completions`] and [`super::openai_responses`].
//! Not a dialect: it decodes and encodes no conversation.

pub(super) mod abilities;
pub(super) mod faults;
pub(super) mod media;
pub(super) mod models;
pub(super) mod rules;
pub(super) mod usage;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::query::QueryParameters;
use super::{Operation, Target, names};
use crate::canon::{Located, Losses, Request, Tool};
use crate::json::{EscapedStr, Object, Raw};

/// The version segment of all paths, and what clients add to the gateway's address.
pub(super) const VERSION: &str = "v1";
pub(super) const BASE_URL_SUFFIX: &str = "/v1";

/// Response headers of a passthrough. Never `openai-organization` and `openai-project` (the
/// account's business), `set-cookie` and `location`. `x-codex-*` comes with the Responses API only.
pub(super) static RESPONSE_HEADERS: [&str; 9] = [
    "openai-model",
    "openai-processing-ms",
    "openai-version",
    "retry-after",
    "retry-after-ms",
    "x-codex-*",
    "x-ratelimit-*",
    "x-request-id",
    "x-should-retry",
];

/// None: the API's calls that are served here take all in their bodies.
pub(super) const QUERY_PARAMETERS: QueryParameters = QueryParameters {
    plain: &[],
    untranslatable: &[],
};

/// Characters of a model's name that are escaped in a path. Slashes and colons stay.
const ESCAPED_IN_NAMES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`');

/// The schema of a function that stands for a custom tool.
pub(super) const FREE_INPUT: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#;

/// The schema of a tool as the API takes it. What it takes less is reported; one that it would refuse
/// is refused by the tool's name and the schema's path.
pub(super) fn fitted_schema(
    request: &Request,
    tool: &Tool,
    schema: Option<&Raw>,
    losses: &mut Losses,
) -> Raw {
    let at = schema.and_then(|schema| request.offset_of(schema));
    let at = at.unwrap_or(tool.at);
    match rules::tool_schema(schema) {
        Ok(fitted) => {
            if fitted.is_looser {
                losses.adjusted(at);
            }
            fitted.schema
        }
        Err(why) => {
            names::refuse_schema(losses, tool, at, &why);
            Raw::from_static("{}")
        }
    }
}

/// Refuses more tools than OpenAI's own API takes; other makers' servers set no limit.
pub(super) fn refuse_excess(target: &Target<'_>, tools: &[&Tool], losses: &mut Losses) {
    if abilities::is_openai(target) {
        names::refuse_excess(losses, tools, rules::TOOLS_MAX, "OpenAI");
    }
}

/// The path of an operation; `generate` is where the dialect generates.
pub(super) fn path(operation: Operation, model: &str, generate: &str) -> String {
    match operation {
        Operation::Embed | Operation::BatchEmbed => "/embeddings".to_owned(),
        Operation::ListModels => "/models".to_owned(),
        Operation::ShowModel => format!("/models/{}", utf8_percent_encode(model, ESCAPED_IN_NAMES)),
        Operation::Generate
        | Operation::StreamGenerate
        | Operation::CountTokens
        | Operation::Surface(_) => generate.to_owned(),
    }
}

/// Writes `service_tier`. Anthropic's `standard_only` is `default` here; values that OpenAI does
/// not know are dropped.
pub(super) fn write_tier(object: &mut Object<'_>, tier: &Located<EscapedStr>, losses: &mut Losses) {
    let tier_name = tier.value.to_plain().to_ascii_lowercase();
    match &*tier_name {
        "auto" | "default" | "flex" | "scale" | "priority" | "fast" => {
            object.str("service_tier", &tier_name)
        }
        "standard_only" | "standard" => {
            object.str("service_tier", "default");
            losses.adjusted(tier.at);
        }
        _ => losses.dropped(tier.at),
    }
}

/// The tier of an answer in OpenAI's words. `None` where they have none for it.
///
/// Source: Chat Completions API and Responses API, `service_tier`. `standard` is Anthropic's,
/// `on_demand` Groq's.
pub(super) fn response_tier(tier: &EscapedStr) -> Option<&'static str> {
    Some(match &*tier.to_plain().to_ascii_lowercase() {
        "auto" => "auto",
        "default" | "standard" | "on_demand" => "default",
        "flex" => "flex",
        "scale" => "scale",
        "priority" | "fast" => "priority",
        _ => return None,
    })
}
