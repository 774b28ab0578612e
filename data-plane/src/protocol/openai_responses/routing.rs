//! Reads what routing needs of a request, without parsing the rest of its body.

use http::HeaderMap;

use crate::json::{Document, Value};
use crate::protocol::{DecodeError, Inbound, RoutingFields};

/// Headers by which clients name their conversation. Source: `clients.md`, Codex.
const SESSION_HEADERS: [&str; 4] = ["session-id", "session_id", "thread-id", "conversation_id"];

/// Reads the routing fields.
///
/// # Errors
/// When the body is no JSON object or names no model.
pub(super) fn decode(inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError> {
    let document = Document::parse_shallow(inbound.body.clone())?;
    let root = document.root();
    let session = session(root, inbound.headers);
    Ok(RoutingFields {
        continues: continues(root),
        ..RoutingFields::of_body(root, session)?
    })
}

/// The earlier response or conversation that the request continues. A conversation is given by its
/// id or as an object.
fn continues(root: Value<'_>) -> Option<String> {
    let earlier = root
        .get("previous_response_id")
        .or_else(|| root.get("conversation"))?;
    if let Ok(id) = earlier.str() {
        return Some(id.into_owned());
    }
    let conversation = earlier.to_document().ok()?;
    let id = conversation.root().get("id")?.str().ok()?.into_owned();
    Some(id)
}

fn session(root: Value<'_>, headers: &HeaderMap) -> Option<String> {
    let cache_key = root.get("prompt_cache_key").and_then(|key| key.str().ok());
    if let Some(key) = cache_key {
        return Some(key.into_owned());
    }
    SESSION_HEADERS.iter().find_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        Some(value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn what_a_request_continues_is_told() {
        let cases = [
            (r#"{"previous_response_id":"resp_1"}"#, Some("resp_1")),
            (r#"{"conversation":{"id":"conv_1"}}"#, Some("conv_1")),
            (r#"{"previous_response_id":null}"#, None),
        ];
        for (body, expected) in cases {
            let document = Document::parse_shallow(Bytes::from_static(body.as_bytes())).unwrap();
            assert_eq!(continues(document.root()).as_deref(), expected, "{body}");
        }
    }
}
