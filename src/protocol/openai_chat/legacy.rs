//! The answer's form for clients that ask with `functions` instead of `tools`: one call, in
//! `function_call`.
//!
//! Source: Chat Completions API, `functions` (deprecated).

use crate::canon::Request;
use crate::json::Document;

/// The word for a choice that ends in a call.
pub(super) const FINISH: &str = "function_call";

/// Whether the client's request has `functions` and no `tools`.
pub(super) fn is_asked(request: &Request) -> bool {
    if memchr::memmem::find(&request.body, b"\"functions\"").is_none() {
        return false;
    }
    let document = Document::parse(request.body.clone()).unwrap_or_else(|_| Document::null());
    document.root().get("functions").is_some() && document.root().get("tools").is_none()
}
