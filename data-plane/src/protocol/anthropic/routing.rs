//! Reads what routing needs of a request, without parsing the rest of its body.
//!
//! Source: Anthropic Messages reference, "POST /v1/messages - request" and "Server-held threads".

use http::HeaderMap;

use crate::json::{Document, Value};
use crate::protocol::{DecodeError, Inbound, Operation, RoutingFields};

/// Decodes the routing fields.
///
/// # Errors
/// When the body is not a JSON object or names no model.
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
    let root = document.root();
    let session = session(inbound.headers, root);
    Ok(RoutingFields::of_body(root, session)?)
}

/// The conversation's id: Claude Code's header, else the client's user id, else the message that a
/// server-held thread continues.
fn session(headers: &HeaderMap, root: Value<'_>) -> Option<String> {
    let header = headers
        .get("x-claude-code-session-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    header
        .or_else(|| member(root, "metadata", "user_id"))
        .or_else(|| member(root, "thread", "previous_message_id"))
}

/// A string in an object of the body, which a shallow parse has left unread.
fn member(root: Value<'_>, object: &str, key: &str) -> Option<String> {
    let object = root.get(object)?.to_document().ok()?;
    let value = object.root().get(key)?.str().ok()?;
    Some(value.into_owned())
}
