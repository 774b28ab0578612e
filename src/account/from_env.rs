//! The account that a provider has without any being added: its key is in the environment, or it
//! needs none.

use std::fmt;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use super::{Credential, Secret};

/// Why a provider's own account has no usable credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum CredentialProblem {
    /// The variable that should hold the key is unset or empty.
    NeedsKey { env: String },
    /// The variable's value cannot be sent in an HTTP header.
    UnusableKey { env: String },
    /// The provider needs a key, and the configuration does not name its variable.
    NeedsKeyEnv { provider: String },
    /// The provider takes access tokens, which come with an account.
    NeedsSignIn { provider: String },
    /// The key would travel over plain HTTP to another machine.
    InsecureHttp { provider: String },
}

impl CredentialProblem {
    /// The problem as one word, for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NeedsKey { .. } => "needs_key",
            Self::UnusableKey { .. } => "unusable_key",
            Self::NeedsKeyEnv { .. } => "needs_key_env",
            Self::NeedsSignIn { .. } => "needs_sign_in",
            Self::InsecureHttp { .. } => "insecure_http",
        }
    }
}

/// What is missing and how to set it.
impl fmt::Display for CredentialProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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
                    "no key: `aerostat account add {provider}` takes one; or name the variable that holds it with `key_env` in [providers.{provider}], or set `auth = \"none\"`"
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

/// The account that a provider has without any being added.
#[derive(Clone, Debug)]
pub struct EnvAccount {
    /// Unique within its provider.
    pub name: String,
    /// The provider's name in the configuration.
    pub provider: String,
    pub credential: Credential,
}

impl EnvAccount {
    /// The account of a provider that needs no credential.
    pub fn without_credential(provider: &str) -> Self {
        Self {
            name: "keyless".to_owned(),
            provider: provider.to_owned(),
            credential: Credential::None,
        }
    }

    /// The account whose key is `value`, as found in the variable `env`. Surrounding whitespace is
    /// no part of a key.
    ///
    /// # Errors
    /// When there is no key, or one that no header can carry.
    pub fn from_env(
        provider: &str,
        env: &str,
        value: Option<Secret>,
    ) -> Result<Self, CredentialProblem> {
        let key = value
            .map(Secret::trimmed)
            .filter(|key| !key.expose().is_empty())
            .ok_or_else(|| CredentialProblem::NeedsKey {
                env: env.to_owned(),
            })?;
        if HeaderValue::from_str(key.expose()).is_err() {
            return Err(CredentialProblem::UnusableKey {
                env: env.to_owned(),
            });
        }
        Ok(Self {
            name: "env".to_owned(),
            provider: provider.to_owned(),
            credential: Credential::Key(key),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_env(value: Option<&str>) -> Result<EnvAccount, CredentialProblem> {
        EnvAccount::from_env(
            "lab",
            "LAB_API_KEY",
            value.map(|value| Secret::new(value.to_owned())),
        )
    }

    #[test]
    fn a_key_in_the_environment_makes_a_ready_account() {
        let account = from_env(Some(" sk-1\n")).unwrap();
        assert!(matches!(account.credential, Credential::Key(key) if key.expose() == "sk-1"));
    }

    #[test]
    fn an_unset_or_empty_variable_is_named_with_what_to_do() {
        for value in [None, Some(""), Some("  ")] {
            let problem = from_env(value).unwrap_err();
            assert_eq!(
                problem,
                CredentialProblem::NeedsKey {
                    env: "LAB_API_KEY".to_owned()
                }
            );
            assert!(problem.to_string().contains("set `LAB_API_KEY`"));
        }
    }

    #[test]
    fn a_key_that_no_header_carries_is_refused_without_being_shown() {
        let problem = from_env(Some("sk-\n1")).unwrap_err();
        assert_eq!(problem.name(), "unusable_key");
        assert!(!problem.to_string().contains("sk-"));
    }

    #[test]
    fn debug_never_shows_a_key() {
        let account = from_env(Some("sk-1")).unwrap();
        assert!(format!("{account:?}").contains("Secret(..)"));
        assert!(!format!("{account:?}").contains("sk-1"));
    }
}
