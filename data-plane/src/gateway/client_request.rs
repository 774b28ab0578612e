//! A client's request as the server hands it over: routed, authorized and read whole.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::surface_call::SurfaceCall;
use crate::client_keys::Permit;
use crate::outcome::Timestamp;
use crate::protocol::query::KnownQuery;
use crate::protocol::{Inbound, Operation, Protocol};
#[cfg(feature = "otlp")]
use crate::record::TraceParent;
use crate::record::{Record, agent_family};
use crate::segmented_bytes::SegmentedBytes;

/// A client's request. It does not change while it is served.
pub struct ClientRequest {
    pub request_id: String,
    pub method: Method,
    /// As it came: with a key in its query, where the client sends it there.
    pub uri: Uri,
    pub protocol: &'static dyn Protocol,
    /// The provider that the path names, whatever the model.
    pub provider: Option<String>,
    /// Set where the path passes as it is; then the body may go on after what is at hand.
    pub surface: Option<Box<SurfaceCall>>,
    pub operation: Operation,
    pub path_model: Option<String>,
    pub query: KnownQuery,
    /// The name of the key that the client used.
    pub key: Option<Arc<str>>,
    /// What the limits of that key, where it has some, let in.
    pub permit: Option<Arc<Permit>>,
    /// The SHA-256 of the key in the query.
    pub query_key: Option<[u8; 32]>,
    /// The id of the request that this one sends again.
    pub repeats: Option<Box<str>>,
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
    /// The record of this request, opened.
    pub(super) fn record(&self) -> Record {
        let dialect = self.protocol.dialect();
        Record {
            operation: Some(self.operation),
            model: self.path_model.clone().unwrap_or_default(),
            key: self.key.clone(),
            agent: agent_family(&self.headers),
            #[cfg(feature = "otlp")]
            trace_parent: TraceParent::of(&self.headers),
            bytes_in: self.body.len() as u64,
            repeats: self.repeats.clone(),
            ..Record::opened(self.request_id.clone(), self.received_at, dialect)
        }
    }

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

/// What is known of a request that was refused before its body was read.
pub struct RefusedRequest<'r> {
    pub request_id: &'r str,
    pub protocol: &'static dyn Protocol,
    /// `None` where the path leads to none.
    pub operation: Option<Operation>,
    pub path_model: Option<&'r str>,
    pub method: &'r Method,
    pub uri: &'r Uri,
    pub headers: &'r HeaderMap,
    pub key: Option<Arc<str>>,
    pub received_at: Timestamp,
    pub arrived: Instant,
}

impl RefusedRequest<'_> {
    pub(super) fn record(&self) -> Record {
        let dialect = self.protocol.dialect();
        Record {
            took: self.arrived.elapsed(),
            operation: self.operation,
            model: self.path_model.unwrap_or_default().to_owned(),
            key: self.key.clone(),
            agent: agent_family(self.headers),
            #[cfg(feature = "otlp")]
            trace_parent: TraceParent::of(self.headers),
            ..Record::opened(self.request_id.to_owned(), self.received_at, dialect)
        }
    }
}
