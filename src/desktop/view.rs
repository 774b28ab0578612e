//! What the desktop shows, as plain facts: the menu, the icon and the notifications are functions
//! of it.

use std::ops::Deref;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::menu::Copied;
use crate::control::Refused;

/// What the agent tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub endpoint: Endpoint,
    /// Another port that is asked for and cannot be had, while this one serves on.
    pub port_refused: Option<Refused>,
    /// Requests under way.
    pub in_flight: usize,
    /// Whether requests need the local key; then it can be copied.
    pub wants_key: bool,
    /// In the order in which the pool lists them.
    pub accounts: Vec<AccountView>,
    /// The scheduling mode that is in force, by its name in the configuration.
    pub mode: String,
    /// The last thing that went wrong, where it is recent.
    pub problem: Option<ProblemView>,
    /// Why other machines are not served although the configuration asks for it.
    pub lan_refused: Option<String>,
    /// What is wrong with a newer configuration; the last good one is in force.
    pub config_rejected: Option<String>,
    /// Until when no account can serve.
    pub resting_until: Option<SystemTime>,
}

/// Everything that tray and notifications show: the facts, and what only the desktop knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) facts: Facts,
    pub(super) autostart: AutostartView,
    /// Until when nothing is announced.
    pub(super) muted_until: Option<SystemTime>,
    /// What was put on the clipboard a moment ago.
    pub(super) copied: Option<Copied>,
}

impl Deref for View {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

/// The state of the API port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Starting,
    /// `is_exposed`: other machines may call.
    Running {
        port: u16,
        is_exposed: bool,
    },
    /// The person's wish.
    Stopped,
    /// Answers under way end.
    Stopping,
    /// Another program has the port; `by` names it where the system tells.
    PortTaken {
        port: u16,
        by: Option<String>,
    },
    /// The port cannot be opened for another reason.
    Failed {
        port: u16,
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    pub name: String,
    pub provider: String,
    pub state: AccountState,
    pub quotas: Vec<Quota>,
    /// When its key or token ends, where that is known.
    pub expires_at: Option<SystemTime>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountState {
    Ready,
    Busy,
    Refreshing,
    /// Rests until then.
    Cooling {
        why: String,
        until: Option<SystemTime>,
    },
    /// `what` are the provider's words for it, or the person's budget.
    QuotaUsedUp {
        what: String,
        until: Option<SystemTime>,
    },
    /// A person has to act.
    SignInNeeded {
        why: String,
    },
    /// Its credential cannot be read for now.
    Locked {
        why: String,
    },
    Disabled,
    /// Cannot serve for a reason that the list of the others lacks.
    Unusable {
        why: String,
    },
}

/// A quota window as last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    pub window: String,
    pub used_percent: u8,
    pub resets_at: Option<SystemTime>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemView {
    pub summary: String,
    pub explanation: String,
}

/// Whether the agent starts at login, as the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutostartView {
    On,
    Off,
    /// This system has nothing that starts programs at login.
    Unavailable,
}

impl AccountView {
    /// The window that is used up, where the provider tells of windows.
    pub(super) fn spent_window(&self) -> Option<&Quota> {
        self.quotas.iter().find(|quota| quota.used_percent >= 100)
    }

    /// Whether a person has to act before it serves again.
    pub(super) fn needs_attention(&self) -> bool {
        matches!(
            self.state,
            AccountState::SignInNeeded { .. }
                | AccountState::Locked { .. }
                | AccountState::Unusable { .. }
        )
    }
}

impl Default for Facts {
    /// Before anything was told.
    fn default() -> Self {
        Self {
            endpoint: Endpoint::Starting,
            port_refused: None,
            in_flight: 0,
            wants_key: false,
            accounts: Vec::new(),
            mode: "balance".to_owned(),
            problem: None,
            lan_refused: None,
            config_rejected: None,
            resting_until: None,
        }
    }
}

impl Facts {
    pub(super) fn attention_count(&self) -> usize {
        self.accounts
            .iter()
            .filter(|account| account.needs_attention())
            .count()
    }
}

/// The present, as this person's clock shows it.
#[derive(Clone, Debug)]
pub(super) struct Now {
    pub(super) time: SystemTime,
    pub(super) zone: TimeZone,
}

impl Now {
    pub(super) fn of_system(time: SystemTime) -> Self {
        Self {
            time,
            zone: TimeZone::system(),
        }
    }

    /// A moment in few words: `14:20`, `tomorrow 09:00`, `25 Nov 09:00`.
    pub(super) fn words(&self, moment: SystemTime) -> String {
        let (Some(moment), Some(now)) = (self.local(moment), self.local(self.time)) else {
            return "later".to_owned();
        };
        let days = moment
            .date()
            .since(now.date())
            .map_or(i32::MAX, |span| span.get_days());
        match days {
            0 => moment.strftime("%H:%M").to_string(),
            1 => moment.strftime("tomorrow %H:%M").to_string(),
            _ => moment.strftime("%-d %b %H:%M").to_string(),
        }
    }

    fn local(&self, moment: SystemTime) -> Option<jiff::Zoned> {
        Some(
            Timestamp::try_from(moment)
                .ok()?
                .to_zoned(self.zone.clone()),
        )
    }
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use std::time::Duration;

    /// 2026-11-23 12:00:00 UTC.
    pub(in crate::desktop) fn noon() -> Now {
        Now {
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200),
            zone: TimeZone::UTC,
        }
    }

    pub(in crate::desktop) fn after(minutes: u64) -> SystemTime {
        noon().time + Duration::from_secs(60 * minutes)
    }

    pub(in crate::desktop) fn account(name: &str, state: AccountState) -> AccountView {
        AccountView {
            name: name.to_owned(),
            provider: "openai".to_owned(),
            state,
            quotas: Vec::new(),
            expires_at: None,
        }
    }

    /// A healthy agent with one account, in which some facts are others.
    pub(in crate::desktop) fn with(change: impl FnOnce(&mut Facts)) -> View {
        let mut view = running();
        change(&mut view.facts);
        view
    }

    pub(in crate::desktop) fn running() -> View {
        let facts = Facts {
            endpoint: Endpoint::Running {
                port: 8045,
                is_exposed: false,
            },
            accounts: vec![account("work", AccountState::Ready)],
            ..Facts::default()
        };
        View {
            facts,
            autostart: AutostartView::Off,
            muted_until: None,
            copied: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::*;

    #[test]
    fn a_moment_is_told_as_briefly_as_its_day_allows() {
        assert_eq!(noon().words(after(140)), "14:20");
        assert_eq!(noon().words(after(13 * 60)), "tomorrow 01:00");
        assert_eq!(noon().words(after(4 * 24 * 60)), "27 Nov 12:00");
    }
}
