//! Reads what routing needs of a request, without parsing the rest of its body.

use crate::json::{Document, Value};
use crate::protocol::{DecodeError, Inbound, RoutingFields};

/// Reads the routing fields. The legacy completions have the same.
///
/// # Errors
/// When the body is no JSON object or names no model.
pub(in crate::protocol) fn decode(inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError> {
    let document = Document::parse_shallow(inbound.body.clone())?;
    let session = session(document.root());
    Ok(RoutingFields::of_body(document.root(), session)?)
}

fn session(root: Value<'_>) -> Option<String> {
    let key = root.get("prompt_cache_key")?.str().ok()?;
    Some(key.into_owned())
}
