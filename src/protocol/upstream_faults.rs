//! Builds the faults of upstreams' errors: the kind by status, who is to blame, and what of the
//! message may be repeated.
//!
//! Every dialect builds its upstreams' faults here, after its own table of error codes. Source:
//! `translation.md` section 8. Reads no headers: `provider` reads waits, since it is given the
//! time.

use crate::canon::{Blame, Fault, FaultKind};

use super::redaction;

/// The kind of an error by its status. `message` tells a missing model from a missing path.
pub(super) fn kind_of_status(status: u16, message: &str) -> FaultKind {
    match status {
        // A 403 concerns the account too, unless the dialect's error code says that the request
        // itself is forbidden.
        401 | 403 => FaultKind::UpstreamAuth,
        402 => FaultKind::QuotaSpent,
        404 if mentions(message, "model") => FaultKind::NoSuchModel,
        404 => FaultKind::NotFound,
        408 | 504 => FaultKind::Timeout,
        409 => FaultKind::Conflict,
        413 => FaultKind::TooLarge,
        415 => FaultKind::UnsupportedMediaType,
        429 => FaultKind::RateLimited,
        503 | 529 => FaultKind::Overloaded,
        400..=499 => FaultKind::BadRequest,
        _ => FaultKind::Upstream,
    }
}

/// The fault of an upstream's error. `status` is `None` inside a stream.
pub(super) fn fault(kind: FaultKind, status: Option<u16>, message: Option<&str>) -> Fault {
    let message = match (message.filter(|message| !message.is_empty()), status) {
        (Some(message), _) => redaction::redacted(message),
        (None, Some(status)) => format!("the upstream answered {status}"),
        (None, None) => "the upstream failed and gave no reason".to_owned(),
    };
    Fault {
        status,
        ..Fault::new(kind, blame(kind), message)
    }
}

/// Whether `text` holds `words` (in lower case), ignoring case.
pub(super) fn mentions(text: &str, words: &str) -> bool {
    text.to_ascii_lowercase().contains(words)
}

fn blame(kind: FaultKind) -> Blame {
    match kind {
        FaultKind::UpstreamAuth | FaultKind::QuotaSpent | FaultKind::RateLimited => Blame::Account,
        FaultKind::Upstream | FaultKind::Overloaded | FaultKind::Timeout => Blame::Provider,
        _ => Blame::Client,
    }
}
