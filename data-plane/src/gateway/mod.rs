//! One request, from the client's bytes to the response: resolve, attempt, relay.
//!
//! The server hands in a [`ClientRequest`] and gets a [`GatewayResponse`] or a [`GatewayError`].
//! The gateway chooses the account and the dialect, and decides how often to try. It never reads
//! configuration files, and it knows no listener and no storage.
//!
//! No file imports one that stands above it here; `tests/architecture` fails on a circle.
//!
//! ```text
//! attempt             the loop over candidates and accounts
//! exchange, retry     one attempt on the wire; "again, and where?"
//! lease, encode,      an account for the attempt; the request in the upstream's dialect;
//! response_reader     from the upstream's head to a response for the client
//! surface,            paths that pass as they are: where they go, and what their
//! surface_response    answers tell in passing
//! attempts            what was tried so far
//! request_context     what came in
//! response            a response before and after its commit, and the error
//! relay, plan         the body of a streamed response; one way to call one candidate
//! request_tracker     the open record
//! ```

mod attempt;
mod attempt_error;
mod attempts;
mod body_tee;
mod catalog;
mod client_request;
mod config;
mod dialect_choice;
mod encode;
mod estimate;
mod exchange;
mod lease;
mod long_work;
mod passthrough;
mod peeked_body;
mod plan;
mod relay;
mod request_context;
mod request_tracker;
mod resolution_cache;
pub mod resolve;
mod response;
mod response_facts;
mod response_headers;
mod response_reader;
mod retry;
mod routing_fields;
mod session;
mod signatures;
mod state;
mod stop_sequences;
mod stream_transform;
mod surface;
mod surface_call;
mod surface_fields;
mod surface_response;
mod upstream_body;
mod upstream_id;

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::Response;

pub use catalog::{fetch_models, merged as merged_models};
pub use client_request::{ClientRequest, RefusedRequest};
pub use config::{Endpoint, GatewayConfig, GatewayLimits, StreamTimeouts};
pub use relay::Relay;
pub use response::{GatewayBody, GatewayError, GatewayResponse};
pub use surface_call::SurfaceCall;

use crate::canon::Fault;
use crate::outcome::Timestamp;
use crate::pool::Pool;
use crate::protocol::Operation;
use crate::record::{Failure, Recorder};
use attempt_error::shutdown_fault;
use config::ActiveConfig;
use request_tracker::RequestTracker;
use state::GatewayState;

/// Serves requests with the configuration that is active when they arrive.
pub struct Gateway {
    active: ArcSwap<ActiveConfig>,
    state: GatewayState,
}

impl Gateway {
    pub fn new(config: GatewayConfig, pool: Pool, recorder: Arc<dyn Recorder>) -> Self {
        Self {
            active: ArcSwap::from_pointee(ActiveConfig::new(config)),
            state: GatewayState::new(pool, recorder),
        }
    }

    /// Serves later requests with `config`; requests in flight keep theirs.
    pub fn replace(&self, config: GatewayConfig) {
        self.active.store(Arc::new(ActiveConfig::new(config)));
        self.state.catalog.clear();
    }

    /// Serves later requests with other accounts at the same providers, whose model lists stay
    /// known until they are asked again.
    pub fn replace_accounts(&self, config: GatewayConfig) {
        self.active.store(Arc::new(ActiveConfig::new(config)));
        self.state.catalog.expire();
    }

    /// How many accounts could serve now.
    pub fn accounts_ready(&self) -> usize {
        self.state.pool.accounts_ready()
    }

    /// Records a request that was refused before it got here, once it passed the guard.
    pub fn record_refused(
        &self,
        refused: &RefusedRequest<'_>,
        fault: &Fault,
        response: &Response<Bytes>,
    ) {
        let mut record = refused.record();
        record.status = response.status().as_u16();
        record.fail(Failure::of(fault, None, Timestamp::now()));
        let recorder = &self.state.recorder;
        let Some(mut bodies) = recorder.collect_bodies(refused.arrived) else {
            return recorder.record(record);
        };
        let RefusedRequest {
            method,
            uri,
            headers,
            ..
        } = refused;
        // Its body was not read.
        bodies.client_sent(method, uri, headers, std::iter::empty());
        bodies.client_got(record.status, response.headers(), Some(response.body()));
        recorder.record_with_bodies(record, bodies.into_raw());
    }

    /// Counts a health check, which has no record.
    pub fn count_health_check(&self) {
        self.state.recorder.health_check();
    }

    /// Serves one request, unless its `shutdown` token is cancelled first.
    ///
    /// Dropping the future cancels the upstream's request and records that the client left.
    ///
    /// # Errors
    /// The fault for the client, with the record that its status completes.
    pub async fn handle(
        &self,
        request: ClientRequest,
    ) -> Result<GatewayResponse, Box<GatewayError>> {
        tokio::select! {
            biased;
            response = self.dispatch(&request) => response,
            () = request.shutdown.cancelled() => Err(shutdown_fault().into()),
        }
    }

    async fn dispatch(
        &self,
        request: &ClientRequest,
    ) -> Result<GatewayResponse, Box<GatewayError>> {
        let active = self.active.load_full();
        let GatewayState { catalog, pool, .. } = &self.state;
        match request.operation {
            Operation::ListModels => {
                let tracker = self.state.open_record(request);
                let listed = catalog.list(&active.config, pool, request).await;
                Ok(recorded(tracker, listed))
            }
            Operation::ShowModel => {
                let tracker = self.state.open_record(request);
                match catalog.show(&active.config, pool, request).await {
                    Ok(shown) => Ok(recorded(tracker, shown)),
                    Err(fault) => Err(Box::new(GatewayError::tracked(fault, None, tracker))),
                }
            }
            _ => attempt::run(&self.state, &active, request).await,
        }
    }
}

/// A response that no upstream was asked for, with its record closed.
fn recorded(mut tracker: RequestTracker, response: Response<Bytes>) -> GatewayResponse {
    tracker.note_response(&response);
    tracker.finish_local(response.status(), response.body().len() as u64);
    response.map(GatewayBody::Full)
}
