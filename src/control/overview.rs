//! The agent at a glance: what tray, notifications and the dashboard's first page show, from one
//! source.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::account::AccountFacts;
use super::explain::Explanation;
use super::status::{State, Status};
use super::{ControlService, Refused, Serving};
use crate::config::{AuthMode, Config, Live, Mode};
use crate::host::port_owner;
use crate::outcome::Timestamp;
use crate::provider::presets::PRESETS;

/// A problem that is older is no news.
const RECENT: Duration = Duration::from_secs(15 * 60);
/// How many problems the first page shows.
const PROBLEMS_MAX: usize = 10;

/// The agent at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub status: Status,
    /// Who has the port that is wanted, where the system tells.
    pub port_taken_by: Option<String>,
    /// What is asked of the port and cannot be had, while it is open as it was before.
    pub port_refused: Option<Refused>,
    /// Requests that have an account now.
    pub in_flight: u32,
    /// Whether requests need the local key.
    pub wants_key: bool,
    /// The scheduling mode that is in force.
    pub mode: String,
    pub accounts: Vec<AccountFacts>,
    /// Until when no account can serve, where that is so.
    pub resting_until: Option<String>,
    /// The latest first.
    pub problems: Vec<ProblemFacts>,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProblemFacts {
    pub request_id: String,
    pub at: String,
    pub model: String,
    pub status: u16,
    /// What the client was told.
    pub message: String,
    /// What to do now, where something is to be done.
    pub advice: Option<String>,
}

/// What a listener has seen of what changes.
pub struct Seen {
    live: watch::Receiver<Live>,
    serving: watch::Receiver<Serving>,
}

impl ControlService {
    /// The agent as it stands at `now`.
    pub async fn glance(&self, now: Timestamp) -> Overview {
        let (status, config) = (self.status().await, self.config());
        let accounts = self.list_accounts();
        let port_refused = match self.agent.as_ref().map(super::AgentHandle::serving) {
            Some(Serving::Running { refused, .. }) => refused,
            _ => None,
        };
        let port_taken_by = if status.state == State::PortInUse {
            port_owner(status.port)
        } else {
            None
        };
        Overview {
            port_taken_by,
            port_refused,
            in_flight: accounts.iter().map(|account| account.in_flight).sum(),
            wants_key: config.auth_mode != AuthMode::Off,
            mode: mode(config.scheduling.mode).to_owned(),
            resting_until: resting_until(&accounts),
            accounts,
            problems: self.problems(now),
            status,
        }
    }

    /// Waits until something of it may have changed. For one listener.
    ///
    /// Cancel safe.
    pub async fn change(&self, seen: &mut Seen) {
        tokio::select! {
            () = self.pool.changed() => {}
            () = self.ring.pushed() => {}
            changed = seen.live.changed() => if changed.is_err() { std::future::pending().await },
            changed = seen.serving.changed() => if changed.is_err() { std::future::pending().await },
        }
    }

    /// Where a listener begins.
    ///
    /// `None` where no agent runs: then nothing changes by itself.
    pub fn seen(&self) -> Option<Seen> {
        Some(Seen {
            live: self.live.clone(),
            serving: self.agent.as_ref()?.followed(),
        })
    }

    /// The port, where it is open.
    pub fn port(&self) -> Option<u16> {
        match self.agent.as_ref()?.serving() {
            Serving::Running { port, .. } => Some(port),
            _ => None,
        }
    }

    /// The providers that an account can be added for.
    pub fn provider_names(&self) -> Vec<String> {
        let configured = self
            .config()
            .providers
            .iter()
            .map(|provider| provider.name.clone())
            .collect::<Vec<_>>();
        let presets = PRESETS
            .iter()
            .map(|preset| preset.name.to_owned())
            .filter(|name| !configured.contains(name));
        configured.iter().cloned().chain(presets).collect()
    }

    fn problems(&self, now: Timestamp) -> Vec<ProblemFacts> {
        let is_problem = |record: &crate::record::Record| {
            record.fault.is_some() && is_recent(record.received_at, now)
        };
        let records = self.ring.latest(PROBLEMS_MAX, is_problem);
        records
            .iter()
            .map(|record| ProblemFacts::of(&Explanation::of(record)))
            .collect()
    }
}

impl ProblemFacts {
    /// What was said and what to do, as sentences.
    pub fn sentences(&self) -> String {
        let all: Vec<String> = std::iter::once(&self.message)
            .chain(&self.advice)
            .map(|text| sentence(text))
            .collect();
        all.join(" ")
    }

    fn of(explanation: &Explanation) -> Self {
        Self {
            request_id: explanation.id.clone(),
            at: explanation.received_at.clone(),
            model: explanation.model.clone(),
            status: explanation.status,
            message: explanation.fault.clone().unwrap_or_default(),
            advice: explanation.advice.clone(),
        }
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    let first = text
        .chars()
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    let rest: String = text.chars().skip(1).collect();
    let end = if text.ends_with(['.', '!', '?', '…']) {
        ""
    } else {
        "."
    };
    format!("{first}{rest}{end}")
}

/// As in the configuration.
fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::CacheFirst => "cache_first",
        Mode::Balance => "balance",
        Mode::Performance => "performance",
        Mode::Drain => "drain",
    }
}

fn is_recent(at: SystemTime, now: Timestamp) -> bool {
    now.duration_since(at).is_ok_and(|age| age <= RECENT)
}

/// Whether other machines are served. Where the port could not be opened to them, it is as it was.
pub(super) fn is_exposed(serving: &Serving, config: &Config) -> bool {
    let Serving::Running { port, refused } = serving else {
        return false;
    };
    let is_as_asked = refused.as_ref().is_none_or(|refused| refused.port != *port);
    is_as_asked && config.allow_lan_access && config.auth_mode != AuthMode::Off
}

pub(super) fn lan_refused(config: &Config) -> Option<String> {
    config
        .refusals()
        .into_iter()
        .find(|refusal| refusal.path == "allow_lan_access")
        .map(|refusal| refusal.message)
}

/// The earliest end of a rest, where every account that is switched on rests. Accounts that need a
/// person do not count.
fn resting_until(accounts: &[AccountFacts]) -> Option<String> {
    const RESTING: [&str; 3] = ["cooling", "quota_used_up", "unreachable"];
    let could_serve = accounts
        .iter()
        .filter(|account| account.enabled && !account.needs_person());
    let mut ends = Vec::new();
    for account in could_serve {
        // An account that rests for some models only serves the others.
        let is_partial = account.rests.iter().any(|rest| rest.model.is_some())
            && account.rests.iter().all(|rest| rest.model.is_some());
        if !RESTING.contains(&account.state.as_str()) || is_partial {
            return None;
        }
        ends.extend(account.until.clone());
    }
    // RFC 3339 in UTC sorts as time does.
    ends.into_iter().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::account::RestFacts;

    fn account(state: &str, until: Option<&str>, model: Option<&str>) -> AccountFacts {
        let rest = |until: &str| RestFacts {
            model: model.map(str::to_owned),
            cause: "throttled".to_owned(),
            detail: None,
            since: until.to_owned(),
            until: until.to_owned(),
        };
        AccountFacts {
            name: "work".to_owned(),
            state: state.to_owned(),
            until: until.map(str::to_owned),
            advice: (state == "sign_in_needed").then(String::new),
            rests: until.into_iter().map(rest).collect(),
            enabled: true,
            ..AccountFacts::default()
        }
    }

    #[test]
    fn a_problem_is_told_in_sentences() {
        let problem = |message: &str, advice: Option<&str>| ProblemFacts {
            request_id: String::new(),
            at: String::new(),
            model: String::new(),
            status: 429,
            message: message.to_owned(),
            advice: advice.map(str::to_owned),
        };
        assert_eq!(
            problem("quota is gone", Some("ask later")).sentences(),
            "Quota is gone. Ask later."
        );
        assert_eq!(problem("Is it?", None).sentences(), "Is it?");
    }

    const EARLY: &str = "2026-11-23T12:00:00Z";
    const LATE: &str = "2026-11-23T13:00:00Z";

    #[test]
    fn the_pool_rests_when_everybody_who_could_serve_does() {
        let (cooling, spent) = (
            account("cooling", Some(LATE), None),
            account("quota_used_up", Some(EARLY), None),
        );
        let needing = account("sign_in_needed", None, None);
        assert_eq!(
            resting_until(&[cooling.clone(), spent, needing.clone()]).as_deref(),
            Some(EARLY)
        );
        assert_eq!(
            resting_until(&[cooling, account("ready", None, None)]),
            None
        );
        assert_eq!(
            resting_until(&[needing]),
            None,
            "a person is waited for, no moment"
        );
        assert_eq!(resting_until(&[]), None);
    }

    #[test]
    fn a_rest_for_one_model_leaves_the_others() {
        assert_eq!(
            resting_until(&[account("cooling", Some(LATE), Some("gpt-5"))]),
            None
        );
    }
}
