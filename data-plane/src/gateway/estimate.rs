//! A token count where no upstream counts: an estimate, always marked as one. It sends nothing.

use super::plan::{EncodedRequest, Plan};
use super::request_context::{Decoded, RequestContext};
use super::response::{PendingResponse, json};
use crate::canon::{
    Fault, Loss, LossKind, Part, PartKind, Request, Tool, ToolInput, ToolKind, Usage,
};
use crate::protocol::Operation;

/// Bytes of text that make a token, as a rule of thumb for English and code with today's
/// vocabularies.
const BYTES_PER_TOKEN: usize = 4;

/// Tokens that one image or page costs, as a rule of thumb; its bytes say nothing.
const TOKENS_PER_MEDIA: usize = 1_000;

/// Tokens that each turn costs beside its text.
const TOKENS_PER_TURN: usize = 4;

/// Whether the request asks for a count that this plan's upstream cannot give.
pub(super) fn is_needed(context: &RequestContext<'_>, plan: &Plan) -> bool {
    context.request.operation == Operation::CountTokens
        && !plan.is_passthrough
        && !plan.protocol.descriptor().counts_tokens
}

/// The estimate in the client's dialect, with the loss that marks it.
///
/// # Errors
/// When the request cannot be decoded.
pub(super) fn respond(
    context: &RequestContext<'_>,
    encoded: &mut EncodedRequest,
) -> Result<PendingResponse, Fault> {
    let Decoded::Generate(request) = context.decoded()? else {
        return Err(Fault::internal("embeddings have no token count"));
    };
    encoded.losses.push(Loss {
        path: "input_tokens".to_owned(),
        kind: LossKind::Adjusted,
    });
    let body = context.request.protocol.encode_count(tokens(&request));
    Ok(PendingResponse::full(json(body), Usage::default()))
}

/// About how many input tokens a request has.
fn tokens(request: &Request) -> u64 {
    let parts = request
        .system
        .iter()
        .chain(request.turns.iter().flat_map(|turn| &turn.parts));
    let content: usize = parts.map(part).sum();
    let tools: usize = request.tools.iter().map(tool).sum();
    let total = content + tools + request.turns.len() * TOKENS_PER_TURN;
    u64::try_from(total.max(1)).unwrap_or(u64::MAX)
}

fn text(bytes: usize) -> usize {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

fn part(part: &Part) -> usize {
    match &part.kind {
        PartKind::Text(plain) | PartKind::Refusal(plain) => text(plain.as_bytes().len()),
        PartKind::Media(_) => TOKENS_PER_MEDIA,
        PartKind::Reasoning { texts, .. } => texts
            .iter()
            .map(|paragraph| text(paragraph.as_bytes().len()))
            .sum(),
        PartKind::ToolCall { name, input, .. } => text(name.as_bytes().len() + input_bytes(input)),
        PartKind::ToolResult(result) => result.parts.iter().map(self::part).sum(),
        PartKind::Hosted { raw, .. } => text(raw.as_bytes().len()),
    }
}

fn input_bytes(input: &ToolInput) -> usize {
    match input {
        ToolInput::Json(raw) => raw.as_bytes().len(),
        ToolInput::Malformed(plain) | ToolInput::Free(plain) => plain.as_bytes().len(),
    }
}

fn tool(tool: &Tool) -> usize {
    let optional = |plain: &Option<crate::json::EscapedStr>| {
        plain.as_ref().map_or(0, |plain| plain.as_bytes().len())
    };
    match &tool.kind {
        ToolKind::Function {
            name,
            description,
            schema,
            ..
        } => {
            let schema = schema.as_ref().map_or(0, |schema| schema.as_bytes().len());
            text(name.as_bytes().len() + optional(description) + schema)
        }
        ToolKind::Free {
            name, description, ..
        } => text(name.as_bytes().len() + optional(description)),
        ToolKind::Hosted { raw, .. } => text(raw.as_bytes().len()),
    }
}
