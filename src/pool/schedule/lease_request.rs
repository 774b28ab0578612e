//! What a request wants of the pool, and why an account or all of them were passed over.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::account::{AccountName, Budget};
use crate::outcome::Timestamp;
use crate::pool::health::cooldown::Cooldown;
use crate::status::{NeedsUser, rfc3339};

/// One attempt's wish.
#[derive(Clone, Copy, Debug)]
pub struct LeaseRequest<'a> {
    pub provider: &'a str,
    /// The upstream's name of the model.
    pub model: &'a str,
    pub session: Option<&'a SessionKey>,
    /// The only account that can read what the request carries; binds harder than a session.
    pub maker: Option<&'a AccountName>,
    /// Accounts that had their attempt at this request.
    pub tried: &'a [AccountName],
}

/// A conversation, as 128 bits of a digest: what it is made of may be a prompt, which is never
/// kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 16]);

impl SessionKey {
    /// The key of a text that all requests of a conversation share.
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text);
        Self(std::array::from_fn(|at| digest[at]))
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

/// A text that is no session key as it is stored.
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
    /// It had its attempt at this request.
    Tried,
    /// The request carries what only another account can read.
    NotTheMaker,
    /// The account's list of models lacks this one.
    ModelNotAllowed,
    Disabled,
    /// All that it may have in flight is in flight.
    Busy {
        in_flight: u32,
    },
    /// Its limits are nearly used up, so its requests are spaced out.
    Paced {
        until: Timestamp,
    },
    /// Its access token is being refreshed.
    Refreshing,
    Resting(Cooldown),
    BudgetSpent {
        until: Timestamp,
        budget: Budget,
    },
    /// Nothing reaches the provider's endpoint.
    CircuitOpen {
        until: Timestamp,
    },
    NeedsPerson(NeedsUser),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tried => f.write_str("already tried for this request"),
            Self::NotTheMaker => {
                f.write_str("the request carries what only another account can read")
            }
            Self::ModelNotAllowed => f.write_str("the model is not in its list"),
            Self::Disabled => f.write_str("disabled"),
            Self::Busy { in_flight } => write!(f, "busy ({in_flight} in flight)"),
            Self::Paced { until } => write!(
                f,
                "its limits are nearly used up; the next request may go at {}",
                rfc3339(*until)
            ),
            Self::Refreshing => f.write_str("refreshing"),
            Self::Resting(rest) => write!(f, "{rest}"),
            Self::BudgetSpent { until, budget } => {
                write!(
                    f,
                    "quota used up until {} (your budget of {budget})",
                    rfc3339(*until)
                )
            }
            Self::CircuitOpen { until } => write!(
                f,
                "the provider cannot be reached; next try at {}",
                rfc3339(*until)
            ),
            Self::NeedsPerson(hindrance) => write!(f, "{hindrance}"),
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
            Some(said) => write!(f, ": {said})"),
            None => f.write_str(")"),
        }
    }
}

/// An account, and why it was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    pub account: AccountName,
    pub why: SkipReason,
}

/// Why no account serves. Each names all the provider's accounts that were considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseError {
    /// None could ever serve this: no account, none that may use the model, all disabled, or all
    /// tried.
    None { why: Vec<PassedOver> },
    /// All that could serve rest. `until` is the earliest moment at which one is named to be back;
    /// probes do not shorten it.
    Resting {
        until: Timestamp,
        why: Vec<PassedOver>,
    },
    /// All that could serve stayed busy for as long as a request may wait, or the queue is full.
    Busy {
        waited: Duration,
        why: Vec<PassedOver>,
    },
    /// What could serve waits for a person.
    NeedsPerson { why: Vec<PassedOver> },
}

impl LeaseError {
    pub fn why(&self) -> &[PassedOver] {
        match self {
            Self::None { why }
            | Self::Resting { why, .. }
            | Self::Busy { why, .. }
            | Self::NeedsPerson { why } => why,
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
