//! One request, from its client's bytes to its answer: resolve, attempt, relay.
//!
//! The server hands in a [`Call`] and gets an [`Answer`] or a [`Fault`]; which account, which
//! dialect and how often is decided here. It knows nothing of configuration files, listeners or
//! storage.

mod answer;
mod attempt;
mod body;
mod catalog;
mod estimate;
mod failure;
mod headers;
mod leasing;
mod look;
mod makers;
mod passthrough;
mod pipe;
mod plan;
mod reading;
mod relay;
pub mod resolve;
mod resolved;
mod session;
mod settle;
mod signatures;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, Response};
use tokio::time::Instant;

pub use answer::{AnswerBody, Stream};
pub use catalog::{Catalog, fetch};
use makers::ResponseOwners;
pub use relay::StreamTimeouts;
use resolved::Resolutions;
pub use signatures::Signatures;

use crate::canon::Fault;
use crate::outcome::Timestamp;
use crate::pool::Pool;
use crate::protocol::{Inbound, Operation, Protocol};
use crate::provider::Provider;
use crate::provider::rules::Rules;
use crate::record::Recorder;
use crate::segmented_bytes::SegmentedBytes;
use crate::upstream::Upstream;

/// A provider and the transport that reaches it.
pub struct Endpoint {
    pub provider: Provider,
    pub upstream: Arc<dyn Upstream>,
}

/// What serves requests at the moment; replaced as a whole when the configuration changes.
pub struct GatewayConfig {
    /// By the provider's name; the demo's too, where it serves.
    pub endpoints: HashMap<String, Arc<Endpoint>>,
    /// All providers of the configuration, for the reasons why one does not serve.
    pub providers: Vec<Provider>,
    pub rules: Rules,
    pub limits: GatewayLimits,
    /// Whether a translation that is not exact is refused.
    pub is_strict: bool,
}

/// Bounds on what upstreams may take and send.
#[derive(Clone, Copy, Debug)]
pub struct GatewayLimits {
    pub answer_body_bytes_max: usize,
    /// From the request's last byte to the head of a streamed answer.
    pub head_timeout: Duration,
    /// The same for an answer in one piece, which comes when all of it is there; and from its head
    /// to its first byte, since some servers send the head at once.
    pub answer_timeout: Duration,
    /// How long an answer without output is held back, so that an early error can still go to
    /// another account.
    pub hold: Duration,
    pub attempts_max: usize,
    pub pace: StreamTimeouts,
}

impl GatewayLimits {
    fn head_timeout(&self, stream: bool) -> Duration {
        if stream {
            self.head_timeout
        } else {
            self.answer_timeout
        }
    }
}

/// A client's request, read whole.
pub struct Call {
    pub request_id: String,
    pub protocol: &'static dyn Protocol,
    pub operation: Operation,
    pub path_model: Option<String>,
    /// The query without `key`.
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: SegmentedBytes,
    pub received_at: Timestamp,
    pub arrived: Instant,
}

impl Call {
    /// The request with `body`: the client's, or a part of it.
    fn inbound<'c>(&'c self, body: &'c Bytes) -> Inbound<'c> {
        Inbound {
            operation: self.operation,
            path_model: self.path_model.as_deref(),
            query: self.query.as_deref(),
            headers: &self.headers,
            body,
        }
    }
}

/// An answer with the head that the client gets, besides what the server adds to all.
pub type Answer = Response<AnswerBody>;

/// A call that could not be served.
pub struct Failed {
    /// The server says it in the client's dialect.
    pub fault: Fault,
    /// What the answer's head says beside it: `x-aerostat-attempts` and its like.
    pub headers: HeaderMap,
}

impl From<Fault> for Box<Failed> {
    fn from(fault: Fault) -> Self {
        Self::new(Failed {
            fault,
            headers: HeaderMap::new(),
        })
    }
}

/// A setup that serves, and what was found out while it does.
struct ActiveConfig {
    setup: GatewayConfig,
    resolutions: Resolutions,
}

impl ActiveConfig {
    fn of(setup: GatewayConfig) -> Self {
        Self {
            setup,
            resolutions: Resolutions::default(),
        }
    }
}

/// Serves calls.
pub struct Gateway {
    force: ArcSwap<ActiveConfig>,
    pool: Pool,
    signatures: Arc<Signatures>,
    makers: Arc<ResponseOwners>,
    catalog: Catalog,
    recorder: Arc<dyn Recorder>,
}

impl Gateway {
    pub fn new(setup: GatewayConfig, pool: Pool, recorder: Arc<dyn Recorder>) -> Self {
        let (force, catalog) = (
            ArcSwap::from_pointee(ActiveConfig::of(setup)),
            Catalog::default(),
        );
        Self {
            force,
            pool,
            signatures: Arc::default(),
            makers: Arc::default(),
            catalog,
            recorder,
        }
    }

    /// Serves with another setup from the next call on; calls under way keep theirs.
    pub fn replace(&self, setup: GatewayConfig) {
        self.force.store(Arc::new(ActiveConfig::of(setup)));
        self.catalog.forget();
    }

    /// How many accounts could serve now.
    pub fn accounts_ready(&self) -> usize {
        self.pool.accounts_ready(Timestamp::now())
    }

    /// Serves one call.
    ///
    /// # Errors
    /// The fault that the client shall see.
    pub async fn handle(&self, call: Call) -> Result<Answer, Box<Failed>> {
        let force = self.force.load_full();
        match call.operation {
            Operation::ListModels => Ok(self.catalog.list(&force.setup, &self.pool, &call).await),
            Operation::ShowModel => self.catalog.show(&force.setup, &self.pool, &call).await,
            _ => attempt::run(self, &force, &call).await,
        }
    }
}
