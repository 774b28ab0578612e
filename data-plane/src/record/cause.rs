//! How a request ended, and what it failed of: values with stable words, by which lists are
//! filtered and failures are grouped.

use crate::canon::{Blame, Fault, FaultKind};
use crate::outcome::{Outcome, Stage, Timestamp};

/// Gives an enum a stable word for each value, which is stored.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$value,)*];

            /// The word for it, which stays as it is.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $word,)* }
            }

            /// The value of that word.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == word)
            }
        }
    };
}

pub(super) use words;

words! {
    /// How a request ended. The order is stored.
    pub enum Ending {
        /// The client got a whole response.
        Done = "done",
        /// The client left before the response's end: neither a success nor a failure.
        Left = "left",
        /// The client got an error, or a response that broke off.
        Failed = "failed",
        /// Nothing was sent: the request itself could not be served as it was.
        Refused = "refused",
    }
}

impl Ending {
    /// As it is stored.
    pub fn number(self) -> u8 {
        self as u8
    }

    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether the client got an error.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Refused)
    }
}

words! {
    /// What a request failed of.
    pub enum Cause {
        BadRequest = "bad_request",
        ContextTooLong = "context_too_long",
        /// The client's key for this port is missing or wrong.
        BadKey = "bad_key",
        /// The client's key has used one of its limits.
        KeyLimit = "key_limit",
        KeyExpired = "key_expired",
        /// The client's key may not use the model.
        ModelNotAllowed = "model_not_allowed",
        NoSuchModel = "no_such_model",
        NoSuchPath = "no_such_path",
        TooLarge = "too_large",
        /// The client sent its request too slowly, or not to its end.
        SlowClient = "slow_client",
        /// The client asked for what this program or the upstream's dialect does not do.
        Unsupported = "unsupported",
        /// The provider refused the account's credential, or no account may serve.
        Account = "account",
        /// The provider forbids the account what was asked.
        Forbidden = "forbidden",
        QuotaSpent = "quota_spent",
        RateLimited = "rate_limited",
        /// Every account that could serve was at its limit, or busy.
        AllAtLimit = "all_at_limit",
        Overloaded = "overloaded",
        Unreachable = "unreachable",
        /// The provider's certificate, or its protocol, cannot be trusted.
        Certificate = "certificate",
        TimedOut = "timed_out",
        /// The response broke off after it had begun.
        BrokeOff = "broke_off",
        /// Something in front of the provider answered.
        Intercepted = "intercepted",
        Malformed = "malformed",
        /// The provider failed.
        Provider = "provider",
        /// The program was stopped meanwhile.
        Stopped = "stopped",
        /// A fault of this program.
        Internal = "internal",
    }
}

impl Cause {
    /// `last` is the outcome of the latest attempt, where there was one.
    fn of(fault: &Fault, last: Option<&Outcome>) -> Self {
        if fault.blame == Blame::Gateway && fault.kind == FaultKind::Overloaded {
            return Self::Stopped;
        }
        match last {
            Some(Outcome::Unreachable { stage: Stage::Body }) => return Self::BrokeOff,
            Some(Outcome::Unreachable { stage: Stage::Tls }) => return Self::Certificate,
            Some(Outcome::Unreachable { .. }) => return Self::Unreachable,
            Some(Outcome::MalformedResponse) => return Self::Malformed,
            Some(Outcome::Intercepted) => return Self::Intercepted,
            Some(Outcome::Forbidden) => return Self::Forbidden,
            None => {
                if let Some(cause) = Self::of_key(fault) {
                    return cause;
                }
                if fault.kind == FaultKind::RateLimited {
                    return Self::AllAtLimit;
                }
            }
            _ => {}
        }
        Self::of_kind(fault.kind)
    }

    /// The limit of a client's key that refused the request, by the fault's code. Only before any
    /// attempt: another gateway may use the same words.
    fn of_key(fault: &Fault) -> Option<Self> {
        let of_key = [Self::KeyLimit, Self::KeyExpired, Self::ModelNotAllowed];
        let code = fault.code.as_deref()?;
        of_key.into_iter().find(|cause| cause.name() == code)
    }

    fn of_kind(kind: FaultKind) -> Self {
        match kind {
            FaultKind::BadRequest | FaultKind::Conflict | FaultKind::Misdirected => {
                Self::BadRequest
            }
            FaultKind::ContextTooLong => Self::ContextTooLong,
            FaultKind::Unauthorized => Self::BadKey,
            FaultKind::UpstreamAuth => Self::Account,
            FaultKind::QuotaSpent => Self::QuotaSpent,
            FaultKind::Forbidden => Self::Forbidden,
            FaultKind::NoSuchModel => Self::NoSuchModel,
            FaultKind::NotFound | FaultKind::MethodNotAllowed => Self::NoSuchPath,
            FaultKind::TooLarge | FaultKind::HeadersTooLarge => Self::TooLarge,
            FaultKind::RequestTimeout => Self::SlowClient,
            FaultKind::UnsupportedMediaType
            | FaultKind::UpgradeRequired
            | FaultKind::ThreadUnsupported
            | FaultKind::NotImplemented => Self::Unsupported,
            FaultKind::RateLimited => Self::RateLimited,
            FaultKind::Overloaded => Self::Overloaded,
            FaultKind::Upstream => Self::Provider,
            FaultKind::Internal => Self::Internal,
            FaultKind::Timeout => Self::TimedOut,
        }
    }
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub cause: Cause,
    pub blame: Blame,
    /// The error message for the client.
    pub message: String,
    /// When a retry makes sense, where it is known.
    pub until: Option<Timestamp>,
}

impl Failure {
    /// `last` is the outcome of the latest attempt, where there was one.
    pub fn of(fault: &Fault, last: Option<&Outcome>, now: Timestamp) -> Self {
        Self {
            cause: Cause::of(fault, last),
            blame: fault.blame,
            message: fault.message.clone(),
            until: fault.retry_after.map(|wait| whole_millis(now + wait)),
        }
    }

    /// How the request ended: nothing was sent of one that is at fault itself.
    pub fn ending(&self, attempts_count: usize) -> Ending {
        if attempts_count == 0 && self.blame == Blame::Client {
            Ending::Refused
        } else {
            Ending::Failed
        }
    }
}

/// A moment without the part of a millisecond that has passed since the wait was computed: what ends
/// at midnight is not told to end a second later.
fn whole_millis(at: Timestamp) -> Timestamp {
    let since = at.duration_since(Timestamp::UNIX_EPOCH).unwrap_or_default();
    let beyond = since.subsec_nanos() % 1_000_000;
    at - std::time::Duration::from_nanos(u64::from(beyond))
}

/// The word for whose fault it is, which is stored.
pub fn blame_name(blame: Blame) -> &'static str {
    match blame {
        Blame::Client => "client",
        Blame::Gateway => "gateway",
        Blame::Account => "account",
        Blame::Provider => "provider",
    }
}

/// The blame of that word.
pub fn blame_named(word: &str) -> Option<Blame> {
    [
        Blame::Client,
        Blame::Gateway,
        Blame::Account,
        Blame::Provider,
    ]
    .into_iter()
    .find(|blame| blame_name(*blame) == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_leads_back_to_its_value() {
        for cause in Cause::ALL {
            assert_eq!(Cause::named(cause.name()), Some(*cause));
        }
        for ending in Ending::ALL {
            assert_eq!(Ending::of_number(ending.number()), Some(*ending));
            assert_eq!(Ending::named(ending.name()), Some(*ending));
        }
        assert_eq!(blame_named("account"), Some(Blame::Account));
    }

    #[test]
    fn what_was_sent_and_failed_is_told_by_the_attempt() {
        let fault = Fault::upstream("the line is dead");
        let cause = |outcome: &Outcome| Cause::of(&fault, Some(outcome));
        let stage = |stage| Outcome::Unreachable { stage };
        assert_eq!(cause(&stage(Stage::Connect)), Cause::Unreachable);
        assert_eq!(cause(&stage(Stage::Body)), Cause::BrokeOff);
        assert_eq!(cause(&Outcome::MalformedResponse), Cause::Malformed);
        assert_eq!(cause(&Outcome::Failed), Cause::Provider);
    }

    #[test]
    fn a_limit_of_the_clients_key_is_ours_before_any_attempt_only() {
        let fault =
            Fault::new(FaultKind::RateLimited, Blame::Client, "used").with_code("key_limit");
        assert_eq!(Cause::of(&fault, None), Cause::KeyLimit);
        assert_eq!(
            Cause::of(&fault, Some(&Outcome::Failed)),
            Cause::RateLimited
        );
    }

    #[test]
    fn a_request_at_fault_of_which_nothing_was_sent_is_refused() {
        let now = Timestamp::UNIX_EPOCH;
        let client = Failure::of(&Fault::bad_request("no model"), None, now);
        assert_eq!(
            (client.ending(0), client.ending(1)),
            (Ending::Refused, Ending::Failed)
        );
        let limited = Fault::new(FaultKind::RateLimited, Blame::Account, "all rest");
        let limited = Failure::of(&limited, None, now);
        assert_eq!(
            (limited.cause, limited.ending(0)),
            (Cause::AllAtLimit, Ending::Failed)
        );
    }
}
