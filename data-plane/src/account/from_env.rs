//! The key of a provider's own account, from the environment.

use std::fmt;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use super::{Credential, Secret};
use crate::language::{Language, texts};

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

texts! {
    /// The words of credential problems.
    struct Texts;

    unset(env): "no key: set `{env}` in the environment of aerostat and start it again" |
        "kein Schlüssel: `{env}` in der Umgebung von aerostat setzen und es neu starten";
    unusable(env): "the key in `{env}` holds characters that no header can carry: set it again" |
        "der Schlüssel in `{env}` enthält Zeichen, die kein Header tragen kann: neu setzen";
    no_variable(provider): "no key: `aerostat account add {provider}` takes one; or name the variable that holds it with `key_env` in [providers.{provider}], or set `auth = \"none\"`" |
        "kein Schlüssel: `aerostat account add {provider}` nimmt einen an; oder die Variable mit `key_env` in [providers.{provider}] nennen, oder `auth = \"none\"` setzen";
    no_account(provider): "no account: `aerostat account add {provider} --oauth` signs in" |
        "kein Konto: `aerostat account add {provider} --oauth` meldet an";
    unencrypted(provider): "the key would travel unencrypted: use https in `base_url`, or set `insecure_http = true` in [providers.{provider}]" |
        "der Schlüssel ginge unverschlüsselt über das Netz: https in `base_url` verwenden oder `insecure_http = true` in [providers.{provider}] setzen";
}

impl CredentialProblem {
    /// What is missing and how to set it.
    pub fn text(&self, language: Language) -> String {
        let text = Texts(language);
        match self {
            Self::NeedsKey { env } => text.unset(env),
            Self::UnusableKey { env } => text.unusable(env),
            Self::NeedsKeyEnv { provider } => text.no_variable(provider),
            Self::NeedsSignIn { provider } => text.no_account(provider),
            Self::InsecureHttp { provider } => text.unencrypted(provider),
        }
    }
}

impl fmt::Display for CredentialProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

/// The key `value`, as found in the variable `env`. Surrounding whitespace is no part of a key.
///
/// # Errors
/// When there is no key, or one that no header can carry.
pub fn credential_from_env(
    env: &str,
    value: Option<Secret>,
) -> Result<Credential, CredentialProblem> {
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
    Ok(Credential::Key(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_env(value: Option<&str>) -> Result<Credential, CredentialProblem> {
        credential_from_env(
            "LAB_API_KEY",
            value.map(|value| Secret::new(value.to_owned())),
        )
    }

    #[test]
    fn a_key_in_the_environment_makes_a_ready_account() {
        let credential = from_env(Some(" sk-1\n")).unwrap();
        assert!(matches!(credential, Credential::Key(key) if key.expose() == "sk-1"));
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
        let credential = from_env(Some("sk-1")).unwrap();
        assert!(format!("{credential:?}").contains("Secret(..)"));
        assert!(!format!("{credential:?}").contains("sk-1"));
    }
}
