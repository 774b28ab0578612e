//! An error as a client will see it.

use std::time::Duration;

use crate::json::Raw;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Client,
    Gateway,
    Account,
    Provider,
}

/// What went wrong. Each dialect maps these to its status, type and code in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request is malformed or asks for something impossible.
    BadRequest,
    /// The prompt does not fit the model.
    ContextTooLong,
    /// The client's key for this gateway is missing or wrong.
    Unauthorized,
    /// The upstream refused the account's credential. Clients never see it as 401 or 403, on which
    /// they would drop their own key.
    UpstreamAuth,
    /// The account's money or quota is spent.
    QuotaSpent,
    /// The request itself is forbidden.
    Forbidden,
    NoSuchModel,
    /// No such path, or no such object.
    NotFound,
    MethodNotAllowed,
    /// The requested host is not this gateway.
    Misdirected,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    HeadersTooLarge,
    /// The client sent its request too slowly.
    RequestTimeout,
    /// The request tries to switch protocols (WebSocket).
    UpgradeRequired,
    /// The request refers to a conversation that the server would have to keep, and cannot.
    ThreadUnsupported,
    /// This gateway does not do that (yet).
    NotImplemented,
    RateLimited,
    Overloaded,
    /// The upstream failed, or sent a malformed response.
    Upstream,
    /// The gateway failed.
    Internal,
    Timeout,
}

/// An error on its way to a client.
///
/// `message` never holds secrets, prompts or whole bodies. `status` is the upstream's own, if there
/// was one; the status that the client gets comes from its dialect's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    pub blame: Blame,
    /// The upstream's status.
    pub status: Option<u16>,
    pub message: String,
    /// The upstream's or our stable name of the cause, such as `context_length_exceeded`.
    pub code: Option<String>,
    /// The path of the field that is at fault.
    pub param: Option<String>,
    /// When a retry makes sense, counted from now.
    pub retry_after: Option<Duration>,
    /// The upstream's id of the failed request.
    pub upstream_id: Option<String>,
    /// The upstream's structured details as written: an object (Anthropic) or an array (Gemini).
    /// Passed on within the same dialect only.
    pub details: Option<Raw>,
}

impl Fault {
    pub fn new(kind: FaultKind, blame: Blame, message: impl Into<String>) -> Self {
        Self {
            kind,
            blame,
            status: None,
            message: message.into(),
            code: None,
            param: None,
            retry_after: None,
            upstream_id: None,
            details: None,
        }
    }

    /// The client's request cannot be served.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(FaultKind::BadRequest, Blame::Client, message)
    }

    /// The gateway itself failed.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Internal, Blame::Gateway, message)
    }

    /// The upstream failed, or sent a malformed response.
    pub fn upstream(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Upstream, Blame::Provider, message)
    }

    /// The wait in whole seconds, for `Retry-After`. Rounded up, since a client that returns too
    /// early is refused again.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after
            .map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}
