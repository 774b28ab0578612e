//! Which conversation a request belongs to, so that it stays with the account whose prompt cache it
//! filled. It chooses no account.

use http::HeaderMap;

use super::client_request::ClientRequest;
use crate::json::Document;
use crate::pool::SessionKey;
use crate::protocol::conversation_key;

/// The client's own name for its conversation; it goes before the dialect's field.
const HEADER: &str = "x-aerostat-session";

/// The conversation as our header names it, else the dialect's own field. `None` where neither
/// does.
pub(super) fn key(request: &ClientRequest, field: Option<&str>) -> Option<SessionKey> {
    named(&request.headers).or(field).map(SessionKey::of)
}

pub(super) fn named(headers: &HeaderMap) -> Option<&str> {
    let name = headers.get(HEADER)?.to_str().ok()?;
    (!name.is_empty()).then_some(name)
}

/// The conversation by how it begins. `None` where the request has no such beginning; then any
/// account serves it.
pub(super) fn by_conversation_start(request: &ClientRequest) -> Option<SessionKey> {
    let document = Document::parse_shallow(request.body.whole().clone()).ok()?;
    let digest = conversation_key::digest(
        document.root(),
        request.protocol.descriptor().conversation_fields,
    )?;
    Some(SessionKey::of(&digest))
}
