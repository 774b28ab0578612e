//! One way to call one candidate, and the request encoded for it.
//!
//! Data only: `dialect_choice` makes plans, `encode` encodes requests.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::config::Endpoint;
use crate::canon::{Embed, Fault, Loss, Origin, Request};
use crate::outcome::{Outcome, Timestamp};
use crate::pool::Lease;
use crate::protocol::names::Restore;
use crate::protocol::{Protocol, Wire};
use crate::record::Attempt;

/// One way to call one candidate.
pub(super) struct Plan {
    pub(super) endpoint: Arc<Endpoint>,
    /// The provider's name, and the upstream's name of the model.
    pub(super) provider: Arc<str>,
    pub(super) model: Arc<str>,
    /// `provider/model` as a response's head names it.
    pub(super) name: HeaderValue,
    /// The upstream's dialect.
    pub(super) protocol: &'static dyn Protocol,
    pub(super) is_passthrough: bool,
    /// The request as it was encoded to compare dialects; the first attempt takes it. Boxed: most
    /// plans have none.
    pub(super) encoded: Option<Box<Result<EncodedRequest, Fault>>>,
}

/// A request in the upstream's dialect.
pub(super) struct EncodedRequest {
    pub(super) wire: Wire,
    pub(super) response_kind: ResponseKind,
    pub(super) losses: Vec<Loss>,
}

/// What the bytes of the response mean, and what turns them into the client's dialect.
pub(super) enum ResponseKind {
    Passthrough,
    Generate {
        request: Arc<Request>,
        restore: Restore,
    },
    Count,
    Embed(Arc<Embed>),
    /// Passes unread.
    Surface,
}

/// How much of the conversation is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    Whole,
    /// Without the reasoning of earlier turns, whose signatures the upstream refused.
    WithoutReasoning,
}

impl Plan {
    /// Who makes the response, and with it its signatures.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            dialect: self.protocol.dialect(),
            provider: self.endpoint.provider.name.clone(),
            model: self.model.to_string(),
        }
    }

    /// The record of one attempt. Its outcome is `Cancelled` until another one is known.
    pub(super) fn attempt(&self, lease: &Lease, waited: Duration) -> Attempt {
        Attempt {
            provider: self.provider.clone(),
            account: lease.account().name.clone(),
            model: self.model.clone(),
            dialect: self.protocol.dialect(),
            began_at: Timestamp::now(),
            waited,
            outcome: Outcome::Cancelled,
            detail: None,
            took: Duration::ZERO,
            status: None,
            head_after: None,
            upstream_id: None,
            next: None,
        }
    }
}
