//! Who sends a recorded request again, by the way that requests go.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;

/// What becomes of a request that is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resent {
    pub request_id: String,
    pub status: u16,
}

/// Serves a request as if a client had sent it, without a key.
pub trait Resender: Send + Sync {
    /// Resolves at the response's end. `first` is the id of the request that it repeats.
    fn resend(&self, request: Request<Bytes>, first: String) -> BoxFuture<'_, Resent>;
}
