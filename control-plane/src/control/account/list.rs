//! The accounts with their state as it is now.

use std::collections::HashSet;
use std::time::SystemTime;

use super::facts::{AccountFacts, form_of};
use crate::account::Account;
use crate::accounts::AccountRegistry;
use crate::control::refusal::{Notice, Refusal};
use crate::control::status::AccountCounts;
use crate::control::wire::ControlError;
use crate::outcome::Timestamp;
use crate::provider::DEMO;
use crate::status::{AccountStatus, NeedsUser};
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
    let added = accounts.added();
    for account in &added {
        if !is_served(account) {
            let is_disabled = config.provider(&account.provider).is_some();
            facts.push(AccountFacts::without_provider(account, is_disabled));
        }
    }
    let added: HashSet<&str> = added.iter().map(|account| account.name.as_str()).collect();
    let is_asking = accounts.vault().is_asking();
    for facts in &mut facts {
        if let AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail }) = &mut facts.status
            && is_asking
        {
            *detail = Notice::PassphraseAskedThere.into();
        }
        facts.added = added.contains(facts.name.as_str());
        facts.form = config
            .provider(&facts.provider)
            .map(form_of)
            .unwrap_or_default();
    }
    facts
}

pub(in crate::control) fn counts(facts: &[AccountFacts]) -> AccountCounts {
    let count = |is_counted: &dyn Fn(&AccountFacts) -> bool| {
        let accounts = facts.iter().filter(|facts| !facts.is_offer());
        accounts.filter(|facts| is_counted(facts)).count()
    };
    AccountCounts {
        total: count(&|_| true),
        ready: count(&|facts| facts.status.is_serving()),
        attention: count(&AccountFacts::needs_user),
        enabled: count(&|facts| facts.enabled),
        can_serve: count(&|facts| facts.shown_status().can_serve()),
        cooling_until: cooling_until(facts),
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
    let near = nearest(name, names, 1).first().map(ToString::to_string);
    let name = shown.escape_debug().to_string();
    ControlError::failed(match near {
        Some(near) => Refusal::NoAccountButNear { name, near },
        None => Refusal::NoAccount { name },
    })
}

/// The earliest moment at which an account can serve again, where none of those that are switched
/// on can serve now. Accounts that need the user do not count.
fn cooling_until(accounts: &[AccountFacts]) -> Option<Timestamp> {
    let mut earliest = None;
    for account in accounts.iter().filter(|account| account.enabled) {
        let until = match &account.status {
            AccountStatus::CoolingDown { until, models, .. } if models.is_empty() => *until,
            AccountStatus::QuotaExhausted { until, .. } | AccountStatus::Unreachable { until } => {
                *until
            }
            // In a cooldown for some models, it serves the others.
            AccountStatus::CoolingDown { .. }
            | AccountStatus::Ready
            | AccountStatus::Busy
            | AccountStatus::Refreshing => return None,
            AccountStatus::NeedsUser(_)
            | AccountStatus::Disabled
            | AccountStatus::ProviderDisabled { .. }
            | AccountStatus::ProviderUnknown { .. } => continue,
        };
        earliest = Some(earliest.map_or(until, |earliest: Timestamp| earliest.min(until)));
    }
    earliest
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::status::{CooldownCause, ExhaustedQuota};

    fn account(status: AccountStatus) -> AccountFacts {
        AccountFacts {
            name: "work".to_owned(),
            status,
            enabled: true,
            ..AccountFacts::default()
        }
    }

    fn cooling(until: Timestamp, models: &[&str]) -> AccountFacts {
        account(AccountStatus::CoolingDown {
            until,
            cause: CooldownCause::RateLimit,
            models: models.iter().map(|model| (*model).to_owned()).collect(),
            detail: None,
        })
    }

    fn at(hour: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(hour * 60 * 60)
    }

    #[test]
    fn the_pool_rests_when_everybody_who_could_serve_does() {
        let spent = account(AccountStatus::QuotaExhausted {
            until: at(12),
            quota: ExhaustedQuota::Provider(None),
        });
        let signed_out = account(AccountStatus::NeedsUser(NeedsUser::no_credential(at(0))));
        assert_eq!(
            cooling_until(&[cooling(at(13), &[]), spent, signed_out.clone()]),
            Some(at(12))
        );
        assert_eq!(
            cooling_until(&[cooling(at(13), &[]), account(AccountStatus::Ready)]),
            None
        );
        assert_eq!(
            cooling_until(&[signed_out]),
            None,
            "it waits for the user, for no moment"
        );
        assert_eq!(cooling_until(&[]), None);
    }

    #[test]
    fn a_rest_for_one_model_leaves_the_others() {
        assert_eq!(cooling_until(&[cooling(at(13), &["gpt-5"])]), None);
    }
}
