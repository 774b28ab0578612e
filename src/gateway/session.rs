//! Which conversation a request belongs to, so that it keeps to the account whose prompt cache it
//! filled.

use http::HeaderMap;

use super::Call;
use crate::json::Document;
use crate::pool::SessionKey;
use crate::protocol::conversation_key;

/// The client's own word for its conversation, above what its dialect says.
const HEADER: &str = "x-aerostat-session";

/// The conversation as it is named: by our header, else by the dialect's own field. `None` where
/// none of them does.
pub(super) fn key(call: &Call, field: Option<&str>) -> Option<SessionKey> {
    named(&call.headers).or(field).map(SessionKey::of)
}

fn named(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(HEADER)?
        .to_str()
        .ok()
        .filter(|name| !name.is_empty())
}

/// The conversation by how it begins. `None` where a request says nothing of the kind; then any
/// account does.
pub(super) fn by_opening(call: &Call) -> Option<SessionKey> {
    let document = Document::parse(call.body.whole().clone()).ok()?;
    conversation_key::digest(
        document.root(),
        call.protocol.descriptor().conversation_fields,
    )
    .as_deref()
    .map(SessionKey::of)
}
