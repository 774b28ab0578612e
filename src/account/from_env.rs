//! The one account that a provider has without any sign-in: its key stands in the environment, or
//! it wants none.

use std::fmt;

use http::HeaderValue;

use super::{Credential, Secret};

/// Whether an account can serve, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountState {
    Ready,
    /// The variable that should hold the key is unset or empty.
    NeedsKey {
        env: String,
    },
    /// The variable holds what no HTTP header can carry.
    UnusableKey {
        env: String,
    },
    /// The provider wants a key, and the configuration does not say where it is.
    NeedsKeyEnv {
        provider: String,
    },
    /// The provider takes access tokens, which come with an account.
    NeedsSignIn {
        provider: String,
    },
    /// The key would travel over plain HTTP to another machine.
    InsecureHttp {
        provider: String,
    },
}

impl AccountState {
    /// One word for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NeedsKey { .. } => "needs_key",
            Self::UnusableKey { .. } => "unusable_key",
            Self::NeedsKeyEnv { .. } => "needs_key_env",
            Self::NeedsSignIn { .. } => "needs_sign_in",
            Self::InsecureHttp { .. } => "insecure_http",
        }
    }
}

/// A sentence for people: what is missing and how to set it.
impl fmt::Display for AccountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::NeedsKey { env } => write!(
                f,
                "no key: set `{env}` in the environment of aerostat and start it again"
            ),
            Self::UnusableKey { env } => write!(
                f,
                "the key in `{env}` holds characters that no header can carry: set it again"
            ),
            Self::NeedsKeyEnv { provider } => {
                write!(
                    f,
                    "no key: name the variable that holds it with `key_env` in [providers.{provider}], or set `auth = \"none\"`"
                )
            }
            Self::NeedsSignIn { provider } => write!(
                f,
                "no account: `aerostat account add {provider} --oauth` signs in"
            ),
            Self::InsecureHttp { provider } => write!(
                f,
                "the key would travel unencrypted: use https in `base_url`, or set `insecure_http = true` in [providers.{provider}]"
            ),
        }
    }
}

/// What the environment gives for one provider, and whether it can serve.
#[derive(Clone, Debug)]
pub struct EnvAccount {
    /// Unique within its provider.
    pub name: String,
    /// The provider's name in the configuration.
    pub provider: String,
    pub credential: Credential,
    pub state: AccountState,
}

impl EnvAccount {
    /// The account of a provider that wants no credential.
    pub fn without_credential(provider: &str) -> Self {
        Self::new("keyless", provider, Credential::None, AccountState::Ready)
    }

    /// The account whose key stands in the variable `env`; `value` is what was found there. Blanks
    /// around a key are no part of it.
    pub fn from_env(provider: &str, env: &str, value: Option<Secret>) -> Self {
        let env_name = || env.to_owned();
        let (credential, state) = match value.map(Secret::trimmed) {
            Some(key) if key.expose().is_empty() => {
                (Credential::None, AccountState::NeedsKey { env: env_name() })
            }
            Some(key) if HeaderValue::from_str(key.expose()).is_err() => (
                Credential::None,
                AccountState::UnusableKey { env: env_name() },
            ),
            Some(key) => (Credential::Key(key), AccountState::Ready),
            None => (Credential::None, AccountState::NeedsKey { env: env_name() }),
        };
        Self::new("env", provider, credential, state)
    }

    /// An account that the configuration keeps from serving; it holds no credential.
    pub fn blocked(provider: &str, state: AccountState) -> Self {
        Self::new("env", provider, Credential::None, state)
    }

    pub fn is_ready(&self) -> bool {
        self.state == AccountState::Ready
    }

    fn new(name: &str, provider: &str, credential: Credential, state: AccountState) -> Self {
        Self {
            name: name.to_owned(),
            provider: provider.to_owned(),
            credential,
            state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_env(value: Option<&str>) -> EnvAccount {
        EnvAccount::from_env(
            "lab",
            "LAB_API_KEY",
            value.map(|value| Secret::new(value.to_owned())),
        )
    }

    #[test]
    fn a_key_in_the_environment_makes_a_ready_account() {
        let account = from_env(Some(" sk-1\n"));
        assert!(account.is_ready());
        assert!(matches!(account.credential, Credential::Key(key) if key.expose() == "sk-1"));
    }

    #[test]
    fn an_unset_or_empty_variable_is_named_with_what_to_do() {
        for value in [None, Some(""), Some("  ")] {
            let account = from_env(value);
            assert_eq!(
                account.state,
                AccountState::NeedsKey {
                    env: "LAB_API_KEY".to_owned()
                }
            );
            assert!(account.state.to_string().contains("set `LAB_API_KEY`"));
        }
    }

    #[test]
    fn a_key_that_no_header_carries_is_refused_without_being_shown() {
        let account = from_env(Some("sk-\n1"));
        assert_eq!(account.state.name(), "unusable_key");
        assert!(!account.state.to_string().contains("sk-"));
    }

    #[test]
    fn debug_never_shows_a_key() {
        assert!(format!("{:?}", from_env(Some("sk-1"))).contains("Secret(..)"));
        assert!(!format!("{:?}", from_env(Some("sk-1"))).contains("sk-1"));
    }
}
