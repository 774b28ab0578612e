//! The form of an answer for clients that send `functions` instead of `tools`: one call, in
//! `function_call`.
//!
//! Source: Chat Completions API, `functions` (deprecated).

use crate::canon::Request;
use crate::json::Document;

/// The finish reason of a choice that ends in a call.
pub(super) const FINISH_REASON: &str = "function_call";

/// Whether the client's request has `functions` and no `tools`.
pub(super) fn are_used_by(request: &Request) -> bool {
    if memchr::memmem::find(&request.body, b"\"functions\"").is_none() {
        return false;
    }
    let document = Document::parse(request.body.clone()).unwrap_or_else(|_| Document::null());
    document.root().get("functions").is_some() && document.root().get("tools").is_none()
}
