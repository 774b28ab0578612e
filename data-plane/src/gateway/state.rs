//! What outlives a request and a configuration: the pool, the model lists, what was learned from
//! earlier responses, and the recorder.

use std::sync::Arc;

use super::catalog::Catalog;
use super::client_request::ClientRequest;
use super::request_tracker::RequestTracker;
use super::signatures::Signatures;
use crate::pool::Pool;
use crate::record::Recorder;

/// Shared by all requests.
pub(super) struct GatewayState {
    pub(super) pool: Pool,
    pub(super) signatures: Arc<Signatures>,
    pub(super) catalog: Catalog,
    pub(super) recorder: Arc<dyn Recorder>,
}

impl GatewayState {
    pub(super) fn new(pool: Pool, recorder: Arc<dyn Recorder>) -> Self {
        Self {
            pool,
            signatures: Arc::default(),
            catalog: Catalog::default(),
            recorder,
        }
    }

    /// Opens the record of a request.
    pub(super) fn open_record(&self, request: &ClientRequest) -> RequestTracker {
        RequestTracker::open(request, self.recorder.clone(), self.pool.clone())
    }
}
