//! What the gateway serves with: providers and their transports, model rules, limits.
//!
//! The values come from `app`, which reads the configuration; nothing here reads a file.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::resolution_cache::ResolutionCache;
use crate::protocol::Maker;
use crate::provider::Provider;
use crate::provider::rules::Rules;
use crate::upstream::Upstream;

/// A provider and the transport that reaches it.
pub struct Endpoint {
    pub provider: Provider,
    /// Whose server it is.
    pub maker: Maker,
    pub upstream: Arc<dyn Upstream>,
}

/// The configuration of the gateway; replaced as a whole when `config.toml` changes.
pub struct GatewayConfig {
    /// Enabled providers by name, and the demo provider where it serves.
    pub endpoints: HashMap<String, Arc<Endpoint>>,
    /// All configured providers, to say why one of them does not serve.
    pub providers: Vec<Provider>,
    pub rules: Rules,
    pub limits: GatewayLimits,
    /// Whether an inexact translation is refused.
    pub is_strict: bool,
}

/// Bounds on what upstreams may take and send.
#[derive(Clone, Copy, Debug)]
pub struct GatewayLimits {
    pub answer_body_bytes_max: usize,
    /// All bodies in memory together.
    pub bodies_bytes_max: usize,
    /// From the request's last byte to the head of a streamed response.
    pub head_timeout: Duration,
    /// The same for a response in one piece, whose head comes when all of it is ready; and from its
    /// head to its last byte, since some servers send the head at once.
    pub answer_timeout: Duration,
    /// How long a response without output is held back, so that an early error can still be retried
    /// at another account.
    pub hold: Duration,
    pub attempts_max: usize,
    pub stream_timeouts: StreamTimeouts,
}

impl GatewayLimits {
    pub(super) fn head_timeout(&self, is_stream: bool) -> Duration {
        if is_stream {
            self.head_timeout
        } else {
            self.answer_timeout
        }
    }
}

/// How long a stream may be silent.
#[derive(Clone, Copy, Debug)]
pub struct StreamTimeouts {
    /// From the head to the first chunk of the body.
    pub first_event_timeout: Duration,
    /// From one chunk of the upstream to the next.
    pub idle_timeout: Duration,
    /// From one keep-alive toward the client to the next.
    pub keep_alive: Duration,
}

/// A configuration in use, with the model names that were resolved by it.
pub(super) struct ActiveConfig {
    pub(super) config: GatewayConfig,
    pub(super) resolutions: ResolutionCache,
}

impl ActiveConfig {
    pub(super) fn new(config: GatewayConfig) -> Self {
        Self {
            config,
            resolutions: ResolutionCache::default(),
        }
    }
}
