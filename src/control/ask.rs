//! The verbs as values: what can be asked of a desk, and what it answers.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use super::account::{AccountFacts, Added, Entry, Exported, Form, Imported, SettingChanges, Test};
use super::dashboard_link::DashboardLink;
use super::explain::Explanation;
use super::key::{KeyFacts, NewKey};
use super::model::Trial;
use super::provider::{ProviderFacts, ProviderModels};
use super::status::Status;
use super::wire::WireSecret;

/// Most verbs look at a file or two.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// Verbs that call a provider wait for it.
const CALL_TIME_LIMIT: Duration = Duration::from_secs(120);
/// A person may have to sign in with a browser.
const SIGN_IN_TIME_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Answers under way may take as long as the configuration allows, which the agent knows.
const STOP_TIME_LIMIT: Duration = Duration::from_secs(25 * 60 * 60);

/// One verb with what it needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Ask {
    Status,
    Start,
    Stop,
    Quit,
    /// A way into the dashboard.
    Open,
    /// What a provider wants of a new account.
    AccountForm {
        provider: String,
        name: String,
    },
    /// What an account's credential is.
    LoginForm {
        name: String,
    },
    AccountAdd(Entry),
    AccountLogin(Entry),
    AccountList,
    AccountShow {
        name: String,
    },
    AccountTest {
        name: String,
    },
    AccountSet {
        name: String,
        changes: SettingChanges,
    },
    AccountClear {
        name: String,
    },
    AccountRemove {
        name: String,
    },
    AccountExport {
        passphrase: WireSecret,
    },
    /// `file` is an export in base64; it is only looked at unless it `is_meant`.
    AccountImport {
        file: String,
        passphrase: WireSecret,
        is_meant: bool,
    },
    ProviderList,
    ProviderModels {
        name: Option<String>,
    },
    ModelTry {
        name: String,
    },
    KeyCreate {
        name: String,
    },
    KeyList,
    KeyRevoke {
        name: String,
    },
    Explain {
        id: String,
    },
}

/// What a verb answers; each has stable field names.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "of", content = "facts", rename_all = "snake_case")]
pub enum Reply {
    Status(Status),
    Link(DashboardLink),
    Form(Form),
    Added(Box<Added>),
    Accounts(Vec<AccountFacts>),
    Account(Box<AccountFacts>),
    Test(Box<Test>),
    Exported(Exported),
    Imported(Imported),
    Providers(Vec<ProviderFacts>),
    Models(Vec<ProviderModels>),
    Trial(Trial),
    NewKey(NewKey),
    Keys(Vec<KeyFacts>),
    Revoked(KeyFacts),
    Explanation(Box<Explanation>),
}

/// What a reply is of.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    Status,
    Link,
    Form,
    Added,
    Accounts,
    Account,
    Test,
    Exported,
    Imported,
    Providers,
    Models,
    Trial,
    NewKey,
    Keys,
    Revoked,
    Explanation,
}

/// Reads the facts once it is known of what they are; only from JSON.
impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Tagged<'a> {
            of: Of,
            #[serde(borrow)]
            facts: &'a RawValue,
        }
        fn read<'de, T: Deserialize<'de>, E: de::Error>(facts: &'de RawValue) -> Result<T, E> {
            serde_json::from_str(facts.get()).map_err(E::custom)
        }
        let Tagged { of, facts } = Tagged::deserialize(deserializer)?;
        Ok(match of {
            Of::Status => Self::Status(read(facts)?),
            Of::Link => Self::Link(read(facts)?),
            Of::Form => Self::Form(read(facts)?),
            Of::Added => Self::Added(read(facts)?),
            Of::Accounts => Self::Accounts(read(facts)?),
            Of::Account => Self::Account(read(facts)?),
            Of::Test => Self::Test(read(facts)?),
            Of::Exported => Self::Exported(read(facts)?),
            Of::Imported => Self::Imported(read(facts)?),
            Of::Providers => Self::Providers(read(facts)?),
            Of::Models => Self::Models(read(facts)?),
            Of::Trial => Self::Trial(read(facts)?),
            Of::NewKey => Self::NewKey(read(facts)?),
            Of::Keys => Self::Keys(read(facts)?),
            Of::Revoked => Self::Revoked(read(facts)?),
            Of::Explanation => Self::Explanation(read(facts)?),
        })
    }
}

impl Ask {
    /// How long an answer may take.
    pub fn time_limit(&self) -> Duration {
        match self {
            Self::Stop | Self::Quit => STOP_TIME_LIMIT,
            Self::AccountAdd(_) | Self::AccountLogin(_) => SIGN_IN_TIME_LIMIT,
            Self::AccountTest { .. } => CALL_TIME_LIMIT,
            Self::ProviderModels { .. } | Self::ModelTry { .. } => CALL_TIME_LIMIT,
            _ => TIME_LIMIT,
        }
    }

    /// Whether it looks into the vault, so that a command without an agent opens it first.
    pub(super) fn needs_vault(&self) -> bool {
        !matches!(
            self,
            Self::KeyCreate { .. } | Self::KeyList | Self::KeyRevoke { .. }
        )
    }

    /// Whether only a running agent can do it.
    pub fn needs_agent(&self) -> bool {
        matches!(
            self,
            Self::Start | Self::Stop | Self::Quit | Self::Open | Self::Explain { .. }
        )
    }
}
