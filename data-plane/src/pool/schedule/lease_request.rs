//! What a request asks of the pool, and why an account or all of them were passed over.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::account::{AccountName, Budget};
use crate::language::Language;
use crate::outcome::Timestamp;
use crate::pool::health::cooldown::Cooldown;
use crate::status::{NeedsUser, NotAsked, rfc3339};

/// What one attempt needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeaseRequest<'a> {
    pub provider: &'a str,
    /// The upstream's name of the model.
    pub model: &'a str,
    pub session: Option<&'a SessionKey>,
    /// The only account that can read what the request carries. Takes precedence over the session.
    pub owner: Option<&'a AccountName>,
    /// Accounts that this request does not ask again. One that reached a limit need not be among
    /// them: its cooldown keeps the request from it, and where the mode waits for the
    /// conversation's account, it is asked again afterwards.
    pub tried: &'a [AccountName],
    /// Whether the request was sent before, to whichever account.
    pub is_retry: bool,
    /// How long the request has waited before: all its waits together are bounded.
    pub waited: Duration,
}

impl LeaseRequest<'_> {
    pub(super) fn is_first_attempt(&self) -> bool {
        !self.is_retry && self.tried.is_empty()
    }
}

/// A conversation, as 128 bits of a digest: it is made from what may be a prompt, which is never
/// stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 16]);

impl SessionKey {
    /// The key of a text that all requests of a conversation share.
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text);
        Self(std::array::from_fn(|at| digest[at]))
    }

    pub fn bytes(self) -> [u8; 16] {
        self.0
    }
}

/// Hexadecimal, as it is stored.
impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({self})")
    }
}

/// The text is not a stored session key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 hexadecimal digits")]
pub struct BadSessionKey;

impl FromStr for SessionKey {
    type Err = BadSessionKey;

    fn from_str(text: &str) -> Result<Self, BadSessionKey> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).map_err(|_| BadSessionKey)?;
        if is_hex {
            Ok(Self(number.to_be_bytes()))
        } else {
            Err(BadSessionKey)
        }
    }
}

/// Why an account was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// This request has tried it.
    Tried,
    /// The request carries what only another account can read.
    NotTheOwner,
    /// The account's list of models lacks this one.
    ModelNotAllowed,
    Disabled,
    /// It is at its concurrency limit.
    Busy {
        in_flight: u32,
    },
    /// Its quota is nearly used up, so its requests are spaced out.
    Paced {
        until: Timestamp,
    },
    /// Its access token is being refreshed.
    Refreshing,
    CoolingDown(Cooldown),
    BudgetSpent {
        until: Timestamp,
        budget: Budget,
    },
    /// The provider's endpoint does not respond.
    CircuitOpen {
        until: Timestamp,
    },
    NeedsUser(NeedsUser),
}

impl From<&SkipReason> for NotAsked {
    fn from(reason: &SkipReason) -> Self {
        match reason {
            SkipReason::Tried => Self::Tried,
            SkipReason::NotTheOwner => Self::NotTheOwner,
            SkipReason::ModelNotAllowed => Self::ModelNotAllowed,
            SkipReason::Disabled => Self::Disabled,
            &SkipReason::Busy { in_flight } => Self::Busy { in_flight },
            &SkipReason::Paced { until } => Self::Paced { until },
            SkipReason::Refreshing => Self::Refreshing,
            SkipReason::CoolingDown(cooldown) => Self::CoolingDown {
                until: cooldown.until,
                cause: cooldown.cause,
                model: cooldown.model.as_deref().map(str::to_owned),
            },
            SkipReason::BudgetSpent { until, budget } => Self::BudgetSpent {
                until: *until,
                budget: budget.clone(),
            },
            &SkipReason::CircuitOpen { until } => Self::CircuitOpen { until },
            SkipReason::NeedsUser(need) => Self::NeedsUser { need: need.clone() },
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CoolingDown(cooldown) => write!(f, "{cooldown}"),
            reason => f.write_str(&NotAsked::from(reason).text(Language::English, &rfc3339)),
        }
    }
}

/// `cooling until 2026-11-23T08:00:00Z (rate limit, gpt-5: try again later)`.
impl fmt::Display for Cooldown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cooling until {} ({}", rfc3339(self.until), self.cause)?;
        if let Some(model) = &self.model {
            write!(f, ", {model}")?;
        }
        match &self.detail {
            Some(detail) => write!(f, ": {detail})"),
            None => f.write_str(")"),
        }
    }
}

/// An account, and why it was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    pub account: AccountName,
    pub why: SkipReason,
}

/// Why no account serves, with the reason of each of the provider's accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseError {
    /// None could ever serve this: there is no account, none may use the model, or all are disabled
    /// or tried.
    None { why: Vec<PassedOver> },
    /// All that could serve are cooling down. `until` is the earliest end of a cooldown; probes do
    /// not shorten it.
    CoolingDown {
        until: Timestamp,
        why: Vec<PassedOver>,
    },
    /// All that could serve stayed busy for as long as a request may wait, or the queue is full.
    Busy {
        /// In sum, with earlier waits of the request.
        waited: Duration,
        why: Vec<PassedOver>,
    },
    /// What could serve needs the user.
    NeedsUser { why: Vec<PassedOver> },
}

impl LeaseError {
    pub fn name(&self) -> &'static str {
        match self {
            Self::None { .. } => "none",
            Self::CoolingDown { .. } => "cooling down",
            Self::Busy { .. } => "busy",
            Self::NeedsUser { .. } => "needs the user",
        }
    }

    pub fn why(&self) -> &[PassedOver] {
        match self {
            Self::None { why }
            | Self::CoolingDown { why, .. }
            | Self::Busy { why, .. }
            | Self::NeedsUser { why } => why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_key_reads_back_as_it_is_stored() {
        let key = SessionKey::of("a conversation");
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_ne!(key, SessionKey::of("another"));
        for text in ["", "x", &"g".repeat(32), &format!("+{}", "0".repeat(31))] {
            assert_eq!(text.parse::<SessionKey>(), Err(BadSessionKey), "{text}");
        }
    }
}
