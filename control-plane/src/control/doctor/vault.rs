//! The vault, and what its key lies in.

use super::check::{Area, Check};
use crate::account::{KeyKind, VaultState};

/// How the vault stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct VaultFacts {
    pub(in crate::control) state: VaultState,
    /// What the file says its key lies in, also where it was not opened. `None` without a file.
    pub(in crate::control) kind: Option<KeyKind>,
    /// What a new vault would be sealed with, where there is none yet; or why nothing could be
    /// stored.
    pub(in crate::control) readiness: Option<Result<KeyKind, String>>,
    /// Accounts that wait for it.
    pub(in crate::control) waiting: Vec<String>,
}

pub(in crate::control) fn check(facts: &VaultFacts) -> Check {
    match &facts.state {
        VaultState::Open(KeyKind::Plaintext) => Check::warning(
            Area::Vault,
            "the credentials lie in plain text, as `--insecure-plaintext` asked",
            "start a keyring or name a key file in `AEROSTAT_VAULT_KEY_FILE`, move `vault` away and enter them again",
        ),
        state @ VaultState::Open(_) => Check::ok(Area::Vault, format!("the vault is {state}")),
        VaultState::Locked { why, .. } => locked(&why.to_string(), &facts.waiting),
        VaultState::Unopened if facts.kind == Some(KeyKind::Passphrase) => Check::ok(
            Area::Vault,
            "the vault is sealed with a passphrase, which is asked for when the agent starts in a terminal",
        ),
        VaultState::Unopened if !facts.waiting.is_empty() => Check::warning(
            Area::Vault,
            format!(
                "the vault is being opened ({} waits for it)",
                facts.waiting.join(", ")
            ),
            "answer the keyring's question, or give the passphrase in the terminal where the agent runs",
        ),
        VaultState::Unopened => Check::ok(Area::Vault, "the vault was not opened"),
        VaultState::Empty => match &facts.readiness {
            Some(Err(why)) => {
                let (what, next) = why.split_once(": ").unwrap_or((
                    why,
                    "start a keyring, or name a key file in `AEROSTAT_VAULT_KEY_FILE`",
                ));
                Check::warning(
                    Area::Vault,
                    format!("nothing is stored yet, and nothing could be: {what}"),
                    next,
                )
            }
            Some(Ok(kind)) => Check::ok(
                Area::Vault,
                format!(
                    "nothing is stored yet; it would be sealed with {}",
                    place(*kind)
                ),
            ),
            None => Check::ok(Area::Vault, "nothing is stored yet"),
        },
    }
}

fn place(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Keyring => "a key in the keyring",
        KeyKind::File => "the key in its file",
        KeyKind::Passphrase => "a passphrase",
        KeyKind::Plaintext => "nothing",
    }
}

fn locked(why: &str, waiting: &[String]) -> Check {
    let (what, next) = why
        .split_once("; ")
        .unwrap_or((why, "start the agent again once that is mended"));
    let waiting = match waiting {
        [] => String::new(),
        names => format!(" ({} cannot serve)", names.join(", ")),
    };
    Check::failed(Area::Vault, format!("{what}{waiting}"), next)
}

/// The finding about a keyring that is locked, before anything is stored in it.
pub(in crate::control) fn locked_keyring() -> Check {
    Check::warning(
        Area::Vault,
        "the session's keyring is locked, or was never set up",
        "unlock it, for example by logging in with your password instead of automatically",
    )
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;
    use crate::language::Said;

    fn facts(state: VaultState) -> VaultFacts {
        VaultFacts {
            state,
            kind: None,
            readiness: None,
            waiting: Vec::new(),
        }
    }

    #[test]
    fn a_sealed_vault_is_well_and_one_in_plain_text_a_warning() {
        for kind in [KeyKind::Keyring, KeyKind::File, KeyKind::Passphrase] {
            assert_eq!(check(&facts(VaultState::Open(kind))).state, State::Ok);
        }
        let plain = check(&facts(VaultState::Open(KeyKind::Plaintext)));
        assert_eq!(plain.state, State::Warning);
    }

    #[test]
    fn a_locked_vault_names_who_waits_and_what_to_do() {
        let locked = VaultState::Locked {
            why: Said::quoted("the vault is locked: the keyring is locked; unlock it"),
            detail: Said::quoted(""),
            is_transient: true,
        };
        let check = check(&VaultFacts {
            waiting: vec!["work".to_owned()],
            ..facts(locked)
        });
        assert_eq!(check.state, State::Failed);
        assert_eq!(
            check.what,
            "the vault is locked: the keyring is locked (work cannot serve)"
        );
        assert_eq!(check.next_step.as_deref(), Some("unlock it"));
    }

    #[test]
    fn a_vault_that_waits_for_its_person_is_a_warning() {
        let waits = VaultFacts {
            waiting: vec!["work".to_owned()],
            ..facts(VaultState::Unopened)
        };
        assert_eq!(check(&waits).state, State::Warning);
        assert_eq!(check(&facts(VaultState::Unopened)).state, State::Ok);
    }

    #[test]
    fn an_empty_vault_says_whether_it_could_be_filled() {
        let ready = VaultFacts {
            readiness: Some(Ok(KeyKind::Keyring)),
            ..facts(VaultState::Empty)
        };
        assert_eq!(check(&ready).state, State::Ok);
        let not = VaultFacts {
            readiness: Some(Err("no keyring answers: start one".to_owned())),
            ..facts(VaultState::Empty)
        };
        let not = check(&not);
        assert_eq!(
            (not.state, not.next_step.as_deref()),
            (State::Warning, Some("start one"))
        );
    }
}
