//! What is said at the paths that ask no model: what the server is, and why it keeps no models.
//!
//! Source: Ollama, `docs/api.md`: "Version", "List Running Models", "Create a Model", "Copy a
//! Model", "Delete a Model", "Pull a Model", "Push a Model", "Push a Blob".

use http::Method;

use crate::protocol::Notice;

/// The version of Ollama whose API this is: clients compare it with the first one that has what
/// they need, and would take the gateway's own for a very old one.
const VERSION: &str = r#"{"version":"0.40.12"}"#;

/// No model is in memory here.
const RUNNING: &str = r#"{"models":[]}"#;

const NO_MODEL_FILES: &str = "models are not pulled, pushed, created, copied or deleted here: each runs at its provider, and the list at /api/tags says which there are";

pub(super) fn of(method: &Method, path: &str) -> Option<Notice> {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    match path {
        "/api/version" if is_read => Some(Notice::Answer(VERSION)),
        "/api/ps" if is_read => Some(Notice::Answer(RUNNING)),
        "/api/pull" | "/api/push" | "/api/create" | "/api/copy" | "/api/delete" => {
            Some(Notice::Refusal(NO_MODEL_FILES))
        }
        path if path.starts_with("/api/blobs/") => Some(Notice::Refusal(NO_MODEL_FILES)),
        _ => None,
    }
}
