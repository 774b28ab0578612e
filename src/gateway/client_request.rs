//! A client's request as the server hands it over: routed, authorized and read whole.

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::outcome::Timestamp;
use crate::protocol::query::KnownQuery;
use crate::protocol::{Inbound, Operation, Protocol};
use crate::segmented_bytes::SegmentedBytes;

/// A client's request. It does not change while it is served.
pub struct ClientRequest {
    pub request_id: String,
    pub protocol: &'static dyn Protocol,
    pub operation: Operation,
    pub path_model: Option<String>,
    pub query: KnownQuery,
    /// The SHA-256 of the key in the query.
    pub query_key: Option<[u8; 32]>,
    pub headers: HeaderMap,
    pub body: SegmentedBytes,
    pub received_at: Timestamp,
    pub arrived: Instant,
    /// Cancelled when responses in flight must end.
    pub shutdown: CancellationToken,
    /// The request's span, with an empty field `model`.
    pub span: Span,
}

impl ClientRequest {
    /// The request for a codec, with `body`: the client's, or a part of it.
    pub(super) fn inbound<'r>(&'r self, body: &'r Bytes) -> Inbound<'r> {
        Inbound {
            operation: self.operation,
            path_model: self.path_model.as_deref(),
            query: self.query.text.as_deref(),
            headers: &self.headers,
            body,
        }
    }
}
