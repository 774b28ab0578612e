//! One finding of `doctor`: what was looked at, how it stands, and what to do.

use serde::{Deserialize, Serialize};

use crate::ordering;

/// How one thing stands. The order is that of severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    #[default]
    Ok,
    /// It works for now, or works less well than it could.
    Warning,
    /// Something does not work.
    Failed,
}

impl State {
    /// The state as one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What a finding is about. The order is that of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    Home,
    Configuration,
    Agent,
    Port,
    /// What a client would get.
    Access,
    Proxies,
    Clients,
    Providers,
    Clock,
    Accounts,
    Vault,
    Store,
    Desktop,
    Login,
    Failures,
}

impl Area {
    /// The area as one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Configuration => "configuration",
            Self::Agent => "agent",
            Self::Port => "port",
            Self::Access => "access",
            Self::Proxies => "proxies",
            Self::Clients => "clients",
            Self::Providers => "providers",
            Self::Clock => "clock",
            Self::Accounts => "accounts",
            Self::Vault => "vault",
            Self::Store => "store",
            Self::Desktop => "desktop",
            Self::Login => "login",
            Self::Failures => "failures",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub area: Area,
    pub state: State,
    /// What was found: a clause without a full stop.
    pub what: String,
    /// What to do, where something is to be done.
    pub next_step: Option<String>,
}

impl Check {
    pub(in crate::control) fn ok(area: Area, what: impl Into<String>) -> Self {
        Self {
            area,
            state: State::Ok,
            what: what.into(),
            next_step: None,
        }
    }

    pub(in crate::control) fn warning(
        area: Area,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            area,
            state: State::Warning,
            what: what.into(),
            next_step: Some(next.into()),
        }
    }

    pub(in crate::control) fn failed(
        area: Area,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            area,
            state: State::Failed,
            what: what.into(),
            next_step: Some(next.into()),
        }
    }

    /// Of an error whose sentence says what to do behind a semicolon.
    pub(in crate::control) fn of_error(area: Area, error: &str) -> Self {
        Self::of_error_with(area, error, "; ")
    }

    /// Of an error whose sentence says what to do behind a mark.
    pub(in crate::control) fn of_error_with(area: Area, error: &str, mark: &str) -> Self {
        let (what, next_step) = match error.split_once(mark) {
            Some((what, next)) => (what, Some(next.to_owned())),
            None => (error, None),
        };
        Self {
            area,
            state: State::Failed,
            what: what.to_owned(),
            next_step,
        }
    }

    /// The same, where things go on without it.
    pub(in crate::control) fn into_warning(self) -> Self {
        Self {
            state: self.state.min(State::Warning),
            ..self
        }
    }
}

/// Everything that was found, in the order of [`Area`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The worst of all findings.
    pub worst: State,
    /// Of the program that looked.
    pub version: String,
    pub checks: Vec<Check>,
}

impl Report {
    pub(in crate::control) fn new(mut checks: Vec<Check>) -> Self {
        ordering::sort_by_key(&mut checks, |check| check.area);
        Self {
            worst: checks
                .iter()
                .map(|check| check.state)
                .max()
                .unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            checks,
        }
    }

    /// How many findings are of that state.
    pub fn count(&self, state: State) -> usize {
        self.checks
            .iter()
            .filter(|check| check.state == state)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_its_worst_and_keeps_the_order_of_areas() {
        let report = Report::new(vec![
            Check::warning(Area::Store, "b", "c"),
            Check::ok(Area::Port, "a"),
            Check::failed(Area::Store, "d", "e"),
        ]);
        assert_eq!(report.worst, State::Failed);
        let order: Vec<&str> = report.checks.iter().map(|check| &*check.what).collect();
        assert_eq!(order, ["a", "b", "d"]);
        assert_eq!(report.count(State::Warning), 1);
        assert_eq!(Report::new(Vec::new()).worst, State::Ok);
    }

    #[test]
    fn an_error_that_says_what_to_do_gives_a_next_step() {
        let check = Check::of_error(Area::Agent, "it is gone; start it again; or not");
        assert_eq!(check.what, "it is gone");
        assert_eq!(check.next_step.as_deref(), Some("start it again; or not"));
        assert_eq!(Check::of_error(Area::Agent, "it is gone").next_step, None);
    }
}
