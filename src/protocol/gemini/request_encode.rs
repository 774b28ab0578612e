//! Canon into a request for an upstream.
//!
//! Source: Gemini API, `GenerateContentRequest`, `CountTokensRequest`. Every canonical field is
//! written here, in [`super::messages_encode`] or in [`super::config_encode`], or stands in the
//! losses afterwards.

use super::content_encode::{Piece, write_content};
use super::messages_encode::Contents;
use super::models::Thinking;
use super::{NAME_RULES, config_encode, path, resource};
use crate::canon::{Located, Losses, Part, PartKind, Request};
use crate::json::{self, EscapedStr, Object};
use crate::protocol::names::Names;
use crate::protocol::{Encoded, Operation, Target, Wire};

/// What the functions of one encoding share.
pub(super) struct Context<'r> {
    pub(super) request: &'r Request,
    pub(super) target: &'r Target<'r>,
    pub(super) names: Names<'r>,
    pub(super) thinking: Thinking,
}

pub(super) fn encode(request: &Request, target: &Target<'_>, losses: &mut Losses) -> Encoded {
    let names = Names::new(request, NAME_RULES);
    let restore = names.restore(true);
    let context = Context {
        request,
        target,
        names,
        thinking: Thinking::of(target.model),
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
    note_unwritten(request, losses);
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

/// Translated streams are always read as server-sent events.
fn method(target: &Target<'_>) -> (&'static str, Option<String>) {
    match target.operation {
        Operation::CountTokens => ("countTokens", None),
        _ if target.stream => ("streamGenerateContent", Some("alt=sse".to_owned())),
        _ => ("generateContent", None),
    }
}

fn write(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
    write_system(&context.request.system, body, losses);
    let contents = Contents::new(context, losses).encode();
    body.array("contents", |list| {
        contents.iter().for_each(|content| {
            list.object(|object| write_content(object, content.role, &content.pieces))
        });
    });
    config_encode::write(context, body, losses);
    if let Some(tier) = &context.request.tier {
        write_tier(tier, body, losses);
    }
}

fn write_system(system: &[Part], body: &mut Object<'_>, losses: &mut Losses) {
    let pieces: Vec<Piece> = system
        .iter()
        .filter_map(|part| system_piece(part, losses))
        .collect();
    if !pieces.is_empty() {
        body.object("systemInstruction", |content| {
            write_content(content, "user", &pieces)
        });
    }
}

fn system_piece(part: &Part, losses: &mut Losses) -> Option<Piece> {
    note_marks(part, losses);
    match &part.kind {
        PartKind::Text(text) => Some(Piece::text(text.clone())),
        _ => {
            losses.refuse(part.at, "the gemini dialect has text only as system text");
            None
        }
    }
}

/// What no part on the wire has a place for.
pub(super) fn note_marks(part: &Part, losses: &mut Losses) {
    part.cache.iter().for_each(|mark| losses.dropped(mark.at));
    part.citations
        .iter()
        .for_each(|citations| losses.dropped(citations.at));
}

/// Source: Gemini API, `serviceTier`. Other dialects' words for the project's own default have no
/// equal.
fn write_tier(tier: &Located<EscapedStr>, body: &mut Object<'_>, losses: &mut Losses) {
    let word = match &*tier.value.to_plain().to_ascii_lowercase() {
        "flex" => "FLEX",
        "priority" => "PRIORITY",
        "default" | "standard" | "standard_only" => "STANDARD",
        _ => return losses.dropped(tier.at),
    };
    body.str("serviceTier", word);
}

/// The fields that Gemini has no place for at all.
fn note_unwritten(request: &Request, losses: &mut Losses) {
    let hints = [
        request.user.as_ref().map(|user| user.at),
        request.metadata.as_ref().map(|metadata| metadata.at),
        request.verbosity.as_ref().map(|verbosity| verbosity.at),
        request.cache_key.as_ref().map(|cache| cache.at),
        request.cache_breakpoint.as_ref().map(|mark| mark.at),
        // There is no switch against several calls at once.
        request
            .parallel_tool_calls
            .as_ref()
            .filter(|parallel| !parallel.value)
            .map(|parallel| parallel.at),
    ];
    hints
        .into_iter()
        .flatten()
        .for_each(|at| losses.dropped(at));
    request
        .unknown
        .iter()
        .for_each(|unknown| losses.dropped(unknown.at));
    request.added.iter().for_each(|name| losses.added(name));
}
