//! The accounts that the configuration and the environment give.

use std::sync::Arc;
use std::time::SystemTime;

use crate::account::{Account, AccountName, EnvAccount, Secret, Settings, Source};
use crate::config::{self, Resolved};
use crate::pool::{self, Hindrance, Member, Roster};
use crate::provider::{Auth, DEMO, Provider};

/// One account for each enabled provider, and the demo's.
pub(super) fn roster(config: &Resolved) -> Roster {
    let enabled = config.providers.iter().filter(|provider| provider.enabled);
    let mut roster: Roster = enabled.map(of_provider).collect();
    if config.demo_enabled {
        roster.push(member(EnvAccount::without_credential(DEMO), Source::Keyless));
    }
    roster
}

fn of_provider(provider: &Provider) -> Member {
    let source = match &provider.key_env {
        Some(variable) if provider.auth != Auth::None => Source::Env { variable: variable.clone() },
        _ => Source::Keyless,
    };
    member(provider.account(&Secret::of_env), source)
}

fn member(found: EnvAccount, source: Source) -> Member {
    let credential = if found.is_ready() { Ok(found.credential) } else { Err(Hindrance::Setup(found.state)) };
    let account = Account {
        name: name(&found.provider),
        provider: found.provider,
        source,
        settings: Settings::default(),
        added_at: SystemTime::UNIX_EPOCH,
    };
    Member { account: Arc::new(account), credential }
}

/// The account is called as its provider is, as far as an account may be.
fn name(provider: &str) -> AccountName {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._@+-".contains(c) { c } else { '-' };
    let name: String = provider.chars().take(60).map(allowed).collect();
    let parsed = name.parse().or_else(|_| format!("p{name}").parse());
    parsed.expect("only allowed characters are left, a letter first")
}

/// How accounts are chosen.
pub(super) fn rules(config: &Resolved) -> pool::Rules {
    let mode = match config.scheduling.mode {
        config::Mode::CacheFirst => pool::Mode::CacheFirst,
        config::Mode::Balance => pool::Mode::Balance,
        config::Mode::Performance => pool::Mode::Performance,
        config::Mode::Drain => pool::Mode::Drain,
    };
    pool::Rules { mode, max_wait: config.scheduling.max_wait }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_called_as_its_provider() {
        assert_eq!(name("open.ai").as_str(), "open.ai");
        assert_eq!(name("my lab").as_str(), "my-lab");
        assert_eq!(name("_x").as_str(), "p_x");
        assert_eq!(name(&"é".repeat(100)).as_str().len(), 61);
    }
}
