//! The accounts with their state as it is now.

use std::time::SystemTime;

use super::facts::AccountFacts;
use crate::account::Account;
use crate::accounts::AccountRegistry;
use crate::control::status::AccountCounts;
use crate::control::wire::ControlError;
use crate::provider::DEMO;
use crate::suggestion::nearest;

pub(in crate::control) fn list(accounts: &AccountRegistry) -> Vec<AccountFacts> {
    let views = accounts.pool().view(SystemTime::now());
    let own = views.iter().filter(|view| view.account.provider != DEMO);
    let mut facts: Vec<AccountFacts> = own.map(AccountFacts::of).collect();
    let config = accounts.effective_config();
    let is_served = |account: &Account| {
        config
            .provider(&account.provider)
            .is_some_and(|provider| provider.enabled)
    };
    for account in accounts.added() {
        if !is_served(&account) {
            let is_disabled = config.provider(&account.provider).is_some();
            facts.push(AccountFacts::without_provider(&account, is_disabled));
        }
    }
    facts
}

pub(in crate::control) fn counts(accounts: &AccountRegistry) -> AccountCounts {
    let facts = list(accounts);
    AccountCounts {
        total: facts.len(),
        ready: facts
            .iter()
            .filter(|facts| facts.status.is_serving())
            .count(),
        attention: facts
            .iter()
            .filter(|facts| facts.status.needs_user())
            .count(),
    }
}

/// # Errors
/// When there is no account of that name.
pub(in crate::control) fn show(
    accounts: &AccountRegistry,
    name: &str,
) -> Result<AccountFacts, ControlError> {
    let mut facts = list(accounts);
    match facts.iter().position(|facts| facts.name == name) {
        Some(index) => Ok(facts.swap_remove(index)),
        None => Err(unknown(name, facts.iter().map(|facts| facts.name.as_str()))),
    }
}

/// The account of that name, also one that a provider has without any being added.
///
/// # Errors
/// When there is none.
pub(in crate::control) fn find(
    accounts: &AccountRegistry,
    name: &str,
) -> Result<Account, ControlError> {
    let added = accounts.added();
    let mut members = accounts.members();
    members.retain(|member| member.account.provider != DEMO);
    let known = added
        .iter()
        .chain(members.iter().map(|member| &*member.account))
        .find(|account| account.name.as_str() == name);
    known.cloned().ok_or_else(|| {
        let names = members.iter().map(|member| member.account.name.as_str());
        unknown(name, names)
    })
}

fn unknown<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> ControlError {
    let shown = name.chars().take(64).collect::<String>();
    let shown = shown.escape_debug();
    ControlError::failed(match nearest(name, names, 1).first() {
        Some(near) => format!("no account `{shown}`; did you mean `{near}`?"),
        None => format!("no account `{shown}`; `aerostat account list` names them"),
    })
}
