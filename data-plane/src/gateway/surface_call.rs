//! A request to a path of a dialect's surface, as its path tells it.
//!
//! It reads no body.

use http::{HeaderMap, Method};

use crate::protocol::surface::{Captured, Surface, SurfaceRoute};

/// A request whose path passes as it is.
pub struct SurfaceCall {
    pub(super) row: &'static SurfaceRoute,
    pub(super) captured: Captured,
    /// The dialect's own path as the client wrote it.
    pub(super) path: String,
}

impl SurfaceCall {
    pub fn new(row: &'static SurfaceRoute, captured: Captured, path: String) -> Self {
        Self {
            row,
            captured,
            path,
        }
    }

    pub fn about(&self) -> Surface {
        self.row.about
    }

    /// Whether a second try of the request changes nothing at the provider.
    pub(super) fn is_repeatable(&self, method: &Method, headers: &HeaderMap) -> bool {
        self.row.is_repeatable
            || matches!(*method, Method::GET | Method::HEAD)
            || headers.contains_key("idempotency-key")
    }
}
