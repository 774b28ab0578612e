//! How the accounts stand, and with `--online` whether their providers take them.

use super::check::{Area, Check};
use crate::control::account::AccountFacts;
use crate::status::{AccountStatus, NeedsUser, rfc3339};

/// What a provider said to one account's credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct Tested {
    pub(in crate::control) account: String,
    pub(in crate::control) works: bool,
    pub(in crate::control) message: String,
    pub(in crate::control) advice: Option<String>,
}

/// The findings: each account that does not serve, the others together; and what was tested.
pub(in crate::control) fn checks(accounts: &[AccountFacts], tested: &[Tested]) -> Vec<Check> {
    let accounts: Vec<&AccountFacts> = accounts
        .iter()
        .filter(|account| !account.is_offer())
        .collect();
    if accounts.is_empty() {
        let what = "there is no account: only the built-in `demo` answers";
        let next = "`aerostat account add PROVIDER` adds one";
        return vec![Check::warning(Area::Accounts, what, next)];
    }
    let serving = accounts
        .iter()
        .filter(|account| account.shown_status().can_serve());
    let (serving, total) = (serving.count(), accounts.len());
    let counted = format!("{serving} of {total} accounts can serve");
    let mut checks = vec![if serving > 0 {
        Check::ok(Area::Accounts, counted)
    } else {
        let next = "see below what each needs, and the finding about the vault";
        Check::failed(Area::Accounts, counted, next)
    }];
    let is_tested = |name: &str| tested.iter().any(|tested| tested.account == name);
    let untested = accounts.iter().filter(|account| !is_tested(&account.name));
    checks.extend(untested.filter_map(|account| standing(account)));
    checks.extend(tested.iter().map(Tested::check));
    checks
}

/// `None` for an account that serves, one that the user switched off, and one whose vault is locked:
/// that is a finding of its own.
fn standing(account: &AccountFacts) -> Option<Check> {
    let (name, status) = (&account.name, account.shown_status());
    if matches!(
        status,
        AccountStatus::Disabled | AccountStatus::NeedsUser(NeedsUser::VaultLocked { .. })
    ) {
        return None;
    }
    let reason = status.reason()?;
    let until = status.until().map(rfc3339);
    if status.needs_user() {
        let usual = format!("`aerostat account show {name}` says more");
        let next = account.advice.clone().unwrap_or(usual);
        return Some(Check::failed(
            Area::Accounts,
            format!("{name}: {reason}"),
            next,
        ));
    }
    let what = match &until {
        Some(until) => format!("{name}: {reason}, until {until}"),
        None => format!("{name}: {reason}"),
    };
    let next = match until {
        Some(_) => {
            format!("it serves again by itself; `aerostat account clear {name}` ends the wait")
        }
        None => format!("`aerostat account show {name}` says more"),
    };
    Some(Check::warning(Area::Accounts, what, next))
}

impl Tested {
    fn check(&self) -> Check {
        let Self {
            account, message, ..
        } = self;
        let what = format!("{account}: {message}");
        if self.works {
            return Check::ok(Area::Accounts, what);
        }
        let again = format!("`aerostat account login {account}` enters its credential again");
        Check::failed(Area::Accounts, what, self.advice.clone().unwrap_or(again))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::check::State;
    use super::*;

    fn account(name: &str, status: AccountStatus) -> AccountFacts {
        AccountFacts {
            name: name.to_owned(),
            added: true,
            enabled: true,
            status,
            ..AccountFacts::default()
        }
    }

    fn states(checks: &[Check]) -> Vec<State> {
        checks.iter().map(|check| check.state).collect()
    }

    #[test]
    fn accounts_that_serve_are_counted_and_the_others_named() {
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        let need = NeedsUser::no_credential(SystemTime::UNIX_EPOCH);
        let accounts = [
            account("a", AccountStatus::Ready),
            account("b", AccountStatus::Unreachable { until }),
            account("c", AccountStatus::NeedsUser(need)),
            account("d", AccountStatus::Disabled),
        ];
        let checks = checks(&accounts, &[]);
        assert_eq!(states(&checks), [State::Ok, State::Warning, State::Failed]);
        assert_eq!(checks[0].what, "1 of 4 accounts can serve");
        assert!(
            checks[1].what.ends_with("until 1970-01-01T00:01:00Z"),
            "{}",
            checks[1].what
        );
    }

    #[test]
    fn no_account_is_a_warning() {
        assert_eq!(states(&checks(&[], &[])), [State::Warning]);
    }

    #[test]
    fn a_test_call_goes_before_what_was_known() {
        let need = NeedsUser::no_credential(SystemTime::UNIX_EPOCH);
        let accounts = [account("a", AccountStatus::NeedsUser(need))];
        let tested = Tested {
            account: "a".to_owned(),
            works: false,
            message: "`lab` does not take the credential: expired".to_owned(),
            advice: None,
        };
        let checks = checks(&accounts, &[tested]);
        assert_eq!(states(&checks), [State::Failed, State::Failed]);
        assert!(
            checks[1]
                .next_step
                .as_deref()
                .unwrap()
                .contains("aerostat account login a")
        );
    }
}
