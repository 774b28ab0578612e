//! The overview: what tray, notifications and the dashboard's first page show of the agent.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::account::{self, AccountFacts};
use super::agent::AgentState;
#[cfg(test)]
use super::attention::attention;
use super::explain::Explanation;
use super::service::ControlService;
use super::status::Status;
use super::verbs::status::status;
use crate::config::Live;
use crate::modes::{AuthMode, SchedulingMode};
use crate::outcome::Timestamp;
use crate::provider::presets::PRESETS;
use crate::record::Cause;

/// How long a failed request counts as a recent problem.
const RECENT: Duration = Duration::from_secs(15 * 60);
/// How many problems the first page shows.
const PROBLEMS_MAX: usize = 10;

/// The agent, its accounts and its recent problems.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    pub status: Status,
    /// How many requests have an account now.
    pub in_flight: u32,
    /// Whether requests need the local key.
    pub wants_key: bool,
    /// The active scheduling mode, by its name in the configuration.
    pub mode: String,
    pub accounts: Vec<AccountFacts>,
    /// The newest first.
    pub problems: Vec<ProblemFacts>,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemFacts {
    pub request_id: String,
    pub at: Timestamp,
    pub model: String,
    pub status: u16,
    /// The error that the client got.
    pub message: String,
    /// What to do now, where something is to be done.
    pub advice: Option<String>,
    /// What it failed of.
    pub cause: Option<Cause>,
}

/// A subscription to changes of the overview.
pub struct Changes {
    live: watch::Receiver<Live>,
    agent: watch::Receiver<AgentState>,
}

impl ControlService {
    /// The agent as it stands at `now`.
    pub fn overview(&self, now: Timestamp) -> Overview {
        let (status, config) = (status(self), self.config());
        let accounts = account::list(&self.accounts);
        Overview {
            in_flight: accounts.iter().map(|account| account.in_flight).sum(),
            wants_key: config.auth_mode != AuthMode::Off,
            mode: config.scheduling.mode.name().to_owned(),
            accounts,
            problems: self.problems(now),
            status,
        }
    }

    /// Waits until the overview may have changed.
    ///
    /// Cancel safe.
    pub async fn changed(&self, changes: &mut Changes) {
        tokio::select! {
            () = self.pool().changed() => {}
            () = self.ring.pushed() => {}
            changed = changes.live.changed() => if changed.is_err() { std::future::pending().await },
            changed = changes.agent.changed() => if changed.is_err() { std::future::pending().await },
        }
    }

    /// Subscribes to changes of the overview.
    ///
    /// `None` where no agent runs: then nothing changes by itself.
    pub fn changes(&self) -> Option<Changes> {
        Some(Changes {
            live: self.live.clone(),
            agent: self.agent.as_ref()?.subscribe(),
        })
    }

    /// The port, where it is open.
    pub fn port(&self) -> Option<u16> {
        self.agent.as_ref()?.port().number()
    }

    /// Since when the agent runs.
    pub fn started_at(&self) -> Option<Timestamp> {
        Some(self.agent.as_ref()?.started_at())
    }

    /// The providers that an account can be added for.
    pub fn provider_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .config()
            .providers
            .iter()
            .map(|provider| provider.name.clone())
            .collect();
        for preset in PRESETS {
            if !names.iter().any(|name| name == preset.name) {
                names.push(preset.name.to_owned());
            }
        }
        names
    }

    fn problems(&self, now: Timestamp) -> Vec<ProblemFacts> {
        let is_problem = |record: &crate::record::Record| {
            record.failure.is_some() && is_recent(record.received_at, now)
        };
        let records = self.ring.latest(PROBLEMS_MAX, is_problem);
        records
            .iter()
            .map(|record| ProblemFacts::of(&Explanation::of(record)))
            .collect()
    }
}

impl Default for Overview {
    /// Before the agent has reported anything.
    fn default() -> Self {
        Self {
            status: Status::default(),
            in_flight: 0,
            wants_key: false,
            mode: SchedulingMode::Balance.name().to_owned(),
            accounts: Vec::new(),
            problems: Vec::new(),
        }
    }
}

#[cfg(test)]
impl Overview {
    /// The overview with its status as its accounts have it, as the service makes it.
    pub(crate) fn settle(&mut self) {
        self.status.accounts = Some(account::counts(&self.accounts));
        self.status.attention = attention(&self.status, &self.accounts);
    }
}

impl ProblemFacts {
    /// The message and the advice, as sentences.
    pub fn sentences(&self) -> String {
        let message = sentence(&self.message);
        match &self.advice {
            Some(advice) => format!("{message} {}", sentence(advice)),
            None => message,
        }
    }

    fn of(explanation: &Explanation) -> Self {
        Self {
            request_id: explanation.id.clone(),
            at: explanation.received_at,
            model: explanation.model.clone(),
            status: explanation.status,
            message: explanation.fault.clone().unwrap_or_default(),
            advice: explanation.advice.clone(),
            cause: explanation.cause.as_deref().and_then(Cause::named),
        }
    }
}

/// Starts with a capital and ends with a full stop.
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let rest = chars.as_str();
    let end = if text.ends_with(['.', '!', '?', '…']) {
        ""
    } else {
        "."
    };
    format!("{first}{rest}{end}")
}

fn is_recent(at: SystemTime, now: Timestamp) -> bool {
    now.duration_since(at).is_ok_and(|age| age <= RECENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(hour * 60 * 60)
    }

    #[test]
    fn a_problem_is_told_in_sentences() {
        let problem = |message: &str, advice: Option<&str>| ProblemFacts {
            request_id: String::new(),
            at: at(0),
            model: String::new(),
            status: 429,
            message: message.to_owned(),
            advice: advice.map(str::to_owned),
            cause: None,
        };
        assert_eq!(
            problem("quota is gone", Some("ask later")).sentences(),
            "Quota is gone. Ask later."
        );
        assert_eq!(problem("Is it?", None).sentences(), "Is it?");
    }
}
