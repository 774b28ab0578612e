//! How a provider stands: whether it could serve, and what it lacks.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct as _};

use super::AccountStatus;
use super::texts::Texts;
use crate::account::CredentialProblem;
use crate::language::{InLanguage, Language, Said};

/// How a provider stands.
///
/// The JSON form is two fields of words for scripts and `status`, which alone is read back:
///
/// ```json
/// {"state": "ready", "detail": "3 accounts, 2 ready", "status": {"kind": "accounts", "total": 3, "ready": 2, ..}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "kind", rename_all = "snake_case")]
pub enum ProviderStatus {
    /// It is part of this program and needs nothing.
    BuiltIn,
    /// Its key is in the environment, or it needs none.
    Ready,
    /// What its only account lacks.
    NoCredential(CredentialProblem),
    /// As its only account stands.
    Account {
        account: AccountStatus,
    },
    /// It has several accounts.
    Accounts {
        total: usize,
        ready: usize,
        /// The first of them.
        first: AccountStatus,
    },
    NoAccount,
    /// The user switched it off.
    Disabled {
        provider: String,
    },
    /// A preset that the configuration does not name.
    NotConfigured {
        provider: String,
        /// What it takes besides, as the end of a sentence.
        needs: Option<Said>,
    },
}

impl ProviderStatus {
    /// How a provider with these accounts stands.
    pub fn of_accounts(accounts: &[&AccountStatus]) -> Self {
        match accounts {
            [] => Self::NoAccount,
            [AccountStatus::NeedsUser(super::NeedsUser::Credential(problem))] => {
                Self::NoCredential(problem.clone())
            }
            [account] => Self::Account {
                account: (*account).clone(),
            },
            [first, ..] => Self::Accounts {
                total: accounts.len(),
                ready: accounts
                    .iter()
                    .filter(|account| ***account == AccountStatus::Ready)
                    .count(),
                first: (*first).clone(),
            },
        }
    }

    /// The status as one word, for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BuiltIn | Self::Ready => "ready",
            Self::NoCredential(problem) => problem.name(),
            Self::Account { account } => account.name(),
            Self::Accounts {
                ready: 0, first, ..
            } => first.name(),
            Self::Accounts { .. } => "ready",
            Self::NoAccount => "no_account",
            Self::Disabled { .. } => "disabled",
            Self::NotConfigured { .. } => "not_configured",
        }
    }
}

/// A sentence with what to do, where something is to be done.
impl InLanguage for ProviderStatus {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let text = Texts(language);
        Cow::Owned(match self {
            Self::BuiltIn => return text.built_in().into(),
            Self::Ready => return text.ready().into(),
            Self::NoCredential(problem) => problem.text(language),
            Self::Account { account } => match account.reason_in(language) {
                Some(reason) => reason,
                // Scripts know the status by this word.
                None if language == Language::English => return account.name().into(),
                None => return account.label(language).into(),
            },
            Self::Accounts { total, ready, .. } => text.accounts_ready(total, ready),
            Self::NoAccount => return text.has_no_account().into(),
            Self::Disabled { provider } => text.enable_provider(provider),
            Self::NotConfigured {
                provider,
                needs: Some(needs),
            } => text.add_provider_and(provider, needs.text(language)),
            Self::NotConfigured { provider, .. } => text.add_provider(provider),
        })
    }
}

impl fmt::Display for ProviderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl Serialize for ProviderStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("ProviderStatus", 3)?;
        json.serialize_field("state", self.name())?;
        json.serialize_field("detail", &self.to_string())?;
        json.serialize_field("status", &Typed(self.clone()))?;
        json.end()
    }
}

impl<'de> Deserialize<'de> for ProviderStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Json {
            status: Typed,
        }
        let json = Json::deserialize(deserializer)?;
        Ok(json.status.0)
    }
}

/// The typed fields alone.
#[derive(Serialize, Deserialize)]
struct Typed(#[serde(with = "ProviderStatus")] ProviderStatus);
