//! Encodes a request for an upstream: the top level, the system text, and the losses of what has no
//! place in it.
//!
//! Every field of the canonical request is written or reported, here or in the files beside this
//! one. Source: Gemini API, `GenerateContentRequest`, `CountTokensRequest`.

use super::content_encode::{WirePart, write_content};
use super::messages_encode::ContentsEncoder;
use super::models::ThinkingControl;
use super::rules::TOOL_NAMES;
use super::{config_encode, path, resource, tools_encode};
use crate::canon::{Located, Losses, Part, PartKind, Request};
use crate::json::{self, EscapedStr, Object};
use crate::protocol::names::Names;
use crate::protocol::{Encoded, Operation, Target, Wire};

/// What the functions of one encoding share.
pub(super) struct Context<'r> {
    pub(super) request: &'r Request,
    pub(super) target: &'r Target<'r>,
    pub(super) names: Names<'r>,
    pub(super) thinking: ThinkingControl,
}

/// Encodes a request to generate, or to count tokens by `target.operation`.
pub(super) fn encode(request: &Request, target: &Target<'_>, losses: &mut Losses) -> Encoded {
    let names = Names::new(request, TOOL_NAMES);
    let restore = names.restore(true);
    let context = Context {
        request,
        target,
        names,
        thinking: ThinkingControl::of(target.model),
    };
    let body = json::document(|value| {
        value.object(|body| match target.operation {
            Operation::CountTokens => body.object("generateContentRequest", |wrapped| {
                wrapped.str("model", &resource(target.model));
                write(&context, wrapped, losses);
            }),
            _ => write(&context, body, losses),
        });
    });
    report_losses(request, losses);
    let (method, query) = method(target);
    Encoded {
        wire: Wire {
            path: path(target.model, method),
            query,
            headers: Vec::new(),
            body: body.into(),
        },
        restore,
    }
}

/// The method and the query. A translated stream is always requested as server-sent events.
fn method(target: &Target<'_>) -> (&'static str, Option<String>) {
    match target.operation {
        Operation::CountTokens => ("countTokens", None),
        _ if target.stream => ("streamGenerateContent", Some("alt=sse".to_owned())),
        _ => ("generateContent", None),
    }
}

/// Writes the members of a `GenerateContentRequest`.
fn write(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
    let instruction = config_encode::instruction(context);
    let system = context.request.system.iter().chain(&instruction);
    write_system(system, body, losses);
    let contents = ContentsEncoder::new(context, losses).encode();
    body.array("contents", |list| {
        for content in &contents {
            list.object(|object| write_content(object, content.role, &content.parts));
        }
    });
    tools_encode::write_tools(context, body, losses);
    tools_encode::write_choice(context, body, losses);
    config_encode::write(context, body, losses);
    if let Some(tier) = &context.request.tier {
        write_tier(tier, body, losses);
    }
}

fn write_system<'p>(
    system: impl Iterator<Item = &'p Part>,
    body: &mut Object<'_>,
    losses: &mut Losses,
) {
    let mut parts = Vec::new();
    for part in system {
        report_part_losses(part, losses);
        match &part.kind {
            PartKind::Text(text) if text.is_empty() => {}
            PartKind::Text(text) => parts.push(WirePart::text(text.clone())),
            _ => {
                let why = "the gemini dialect has text only as system text";
                losses.refuse(part.at, why);
            }
        }
    }
    if !parts.is_empty() {
        body.object("systemInstruction", |content| {
            write_content(content, "user", &parts);
        });
    }
}

/// Reports what no `Part` has a field for.
pub(super) fn report_part_losses(part: &Part, losses: &mut Losses) {
    if let Some(breakpoint) = &part.cache {
        losses.dropped(breakpoint.at);
    }
    if let Some(citations) = &part.citations {
        losses.dropped(citations.at);
    }
}

/// Writes `serviceTier`. Other dialects' names for the default of the project have no equivalent.
fn write_tier(tier: &Located<EscapedStr>, body: &mut Object<'_>, losses: &mut Losses) {
    let name = match &*tier.value.to_plain().to_ascii_lowercase() {
        "flex" => "FLEX",
        "priority" => "PRIORITY",
        "default" | "standard" | "standard_only" => "STANDARD",
        _ => return losses.dropped(tier.at),
    };
    body.str("serviceTier", name);
}

/// Reports the fields that Gemini has no place for in any request.
fn report_losses(request: &Request, losses: &mut Losses) {
    // Several calls at once are the default and cannot be switched off.
    let single_call = request
        .parallel_tool_calls
        .as_ref()
        .filter(|parallel| !parallel.value);
    let fields = [
        request.user.as_ref().map(|user| user.at),
        request.metadata.as_ref().map(|metadata| metadata.at),
        request.verbosity.as_ref().map(|verbosity| verbosity.at),
        request.cache_key.as_ref().map(|key| key.at),
        request.cache_breakpoint.as_ref().map(|cache| cache.at),
        single_call.map(|parallel| parallel.at),
    ];
    for at in fields.into_iter().flatten() {
        losses.dropped(at);
    }
    losses.decoded(request);
}
