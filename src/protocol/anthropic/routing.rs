//! Reads what routing needs of a request, without parsing the rest of its body.

use http::HeaderMap;

use crate::json::{Document, Value};
use crate::protocol::{DecodeError, Inbound, Operation, RoutingFields};

/// Reads the routing fields.
///
/// # Errors
/// When the body is no JSON object or names no model.
pub(super) fn decode(inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError> {
    if matches!(
        inbound.operation,
        Operation::ListModels | Operation::ShowModel
    ) {
        return Ok(RoutingFields {
            model: inbound.path_model.unwrap_or_default().to_owned(),
            ..RoutingFields::default()
        });
    }
    let document = Document::parse_shallow(inbound.body.clone())?;
    Ok(RoutingFields::of_body(
        document.root(),
        session(inbound.headers, document.root()),
    )?)
}

/// The conversation: Claude Code's header, else the client's user id, else the answer that a
/// server-held thread goes on from.
fn session(headers: &HeaderMap, root: Value<'_>) -> Option<String> {
    let header = headers
        .get("x-claude-code-session-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    let field = |holder: &str, key: &str| {
        let holder = root.get(holder)?.to_document().ok()?;
        holder
            .root()
            .get(key)?
            .str()
            .ok()
            .map(std::borrow::Cow::into_owned)
    };
    header
        .or_else(|| field("metadata", "user_id"))
        .or_else(|| field("thread", "previous_message_id"))
}
