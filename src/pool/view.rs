//! What people see of an account: one state in words, and the figures behind it.

use std::fmt;
use std::sync::Arc;

use super::health::cooldown::{Cooldown, CooldownCause};
use super::sign_in::NeedsUser;
use super::state::ReadAt;
use crate::account::{Account, Budget};
use crate::outcome::Timestamp;

/// An account as it stands.
#[derive(Clone, Debug)]
pub struct AccountView {
    pub account: Arc<Account>,
    pub state: State,
    pub in_flight: u32,
    /// Conversations that keep to it.
    pub sessions: u32,
    /// What the provider said of its limits; a window that is not here is unknown.
    pub quota: Vec<ReadAt>,
    pub budgets: Vec<BudgetView>,
    /// All that rests, also where another state is shown first.
    pub rests: Vec<Cooldown>,
    /// When the access token ends, where it does.
    pub token_until: Option<Timestamp>,
}

/// A budget and what is used of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetView {
    pub budget: Budget,
    pub spent: u64,
    pub resets_at: Timestamp,
}

/// An account's state, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Ready,
    /// At its concurrency limit.
    Busy,
    /// `models` is empty where all of them rest.
    Cooling {
        until: Timestamp,
        cause: CooldownCause,
        models: Vec<Arc<str>>,
        detail: Option<Arc<str>>,
    },
    Refreshing,
    QuotaUsedUp {
        until: Timestamp,
        what: String,
    },
    /// The provider's endpoint is left alone for a moment.
    Unreachable {
        until: Timestamp,
    },
    NeedsPerson(NeedsUser),
    Disabled,
}

impl State {
    /// One word for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::Cooling { .. } => "cooling",
            Self::Refreshing => "refreshing",
            Self::QuotaUsedUp { .. } => "quota_used_up",
            Self::Unreachable { .. } => "unreachable",
            Self::NeedsPerson(hindrance) => hindrance.name(),
            Self::Disabled => "disabled",
        }
    }

    /// When it ends by itself.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Cooling { until, .. }
            | Self::QuotaUsedUp { until, .. }
            | Self::Unreachable { until } => Some(*until),
            _ => None,
        }
    }

    /// SkipReason, in words; `None` where the state says all.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Cooling {
                cause,
                models,
                detail,
                ..
            } => Some(cooling_reason(*cause, models, detail.as_deref())),
            Self::QuotaUsedUp { what, .. } => Some(what.clone()),
            Self::Unreachable { .. } => Some("the provider cannot be reached".to_owned()),
            Self::NeedsPerson(hindrance) => Some(hindrance.to_string()),
            Self::Ready | Self::Busy | Self::Refreshing | Self::Disabled => None,
        }
    }
}

fn cooling_reason(cause: CooldownCause, models: &[Arc<str>], detail: Option<&str>) -> String {
    let models = if models.is_empty() {
        String::new()
    } else {
        format!(", {}", models.join(", "))
    };
    let said = detail.map(|said| format!(": {said}")).unwrap_or_default();
    format!("{cause}{models}{said}")
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cooling {
                until,
                cause,
                models,
                detail,
            } => {
                write!(
                    f,
                    "cooling until {} ({})",
                    moment(*until),
                    cooling_reason(*cause, models, detail.as_deref())
                )
            }
            Self::QuotaUsedUp { until, what } => {
                write!(f, "quota used up until {} ({what})", moment(*until))
            }
            Self::Unreachable { until } => write!(f, "unreachable; next try at {}", moment(*until)),
            Self::NeedsPerson(hindrance) => write!(f, "{hindrance}"),
            Self::Ready | Self::Busy | Self::Refreshing | Self::Disabled => {
                f.write_str(self.name())
            }
        }
    }
}

/// A moment as people and scripts read it: RFC 3339 in UTC, whole seconds, rounded up so that it
/// never comes early.
pub(super) fn moment(at: Timestamp) -> String {
    let up = at + std::time::Duration::from_nanos(999_999_999);
    let seconds = up
        .duration_since(Timestamp::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "an unknown moment".to_owned(), |at| at.to_string())
}
