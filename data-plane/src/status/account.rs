//! How an account stands, and what it needs.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct as _};

use super::texts::Texts;
use super::timestamp;
use crate::account::{Address, Budget, CredentialProblem};
use crate::language::{Language, Said};
use crate::outcome::Timestamp;

/// How an account stands: the one fact that matters most.
///
/// What only the user can end comes before what ends by itself. The JSON form is three fields of
/// words for scripts and `status`, which alone is read back:
///
/// ```json
/// {"state": "cooling", "reason": "rate limit", "until": "2026-11-23T08:00:00Z",
///  "status": {"kind": "cooling_down", "until": "2026-11-23T08:00:00Z", "cause": "rate_limit", "models": [], "detail": null}}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "kind", rename_all = "snake_case")]
pub enum AccountStatus {
    #[default]
    Ready,
    /// At its concurrency limit.
    Busy,
    /// In a cooldown. `models` is empty where it covers all of them.
    CoolingDown {
        #[serde(with = "timestamp")]
        until: Timestamp,
        cause: CooldownCause,
        models: Vec<String>,
        /// What the provider said, bounded and without secrets, or why its token cannot be refreshed.
        detail: Option<Said>,
    },
    /// Its access token is being refreshed.
    Refreshing,
    /// A quota of the provider, or a budget of the user, is used up.
    QuotaExhausted {
        #[serde(with = "timestamp")]
        until: Timestamp,
        quota: ExhaustedQuota,
    },
    /// The provider's endpoint does not answer; the next attempt is made at `until`.
    Unreachable {
        #[serde(with = "timestamp")]
        until: Timestamp,
    },
    NeedsUser(NeedsUser),
    /// The user switched it off.
    Disabled,
    /// The user switched its provider off.
    ProviderDisabled {
        provider: String,
    },
    /// The configuration has no such provider any more.
    ProviderUnknown {
        provider: String,
    },
}

/// Why an account is in a cooldown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CooldownCause {
    RateLimit,
    Quota,
    /// The provider has no capacity.
    Overloaded,
    /// The account may not use the model.
    Forbidden,
    /// Several failed responses in a row.
    Failing,
    /// The access token cannot be refreshed at the moment.
    RefreshFailing,
}

/// Which quota is used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExhaustedQuota {
    /// One that the user set.
    Budget(Budget),
    /// One of the provider, with what it said: bounded and without secrets.
    Provider(Option<Said>),
}

/// What only the user can resolve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "need", rename_all = "snake_case")]
pub enum NeedsUser {
    SignIn(SignIn),
    /// The configured address is not the one that the credential was entered for.
    AddressChanged {
        entered_for: Address,
        now: Address,
    },
    /// The environment or the configuration gives it no usable credential.
    Credential(CredentialProblem),
    /// The vault that holds the credential cannot be opened at the moment.
    VaultLocked {
        detail: Said,
    },
    /// The day that the user gave for the account's end has come.
    Expired {
        #[serde(with = "timestamp")]
        at: Timestamp,
    },
}

/// An account that the user has to sign in again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    pub cause: SignInCause,
    /// What the provider said, bounded and without secrets.
    pub detail: Option<String>,
    #[serde(with = "timestamp")]
    pub since: Timestamp,
}

/// Why an account has to be signed in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInCause {
    /// No credential is stored for it.
    NoCredential,
    /// The provider refused the key.
    KeyRefused,
    /// The provider refused an access token that it had just issued.
    TokenRefused,
    /// The access token expired, and there is no refresh token.
    NothingToRefresh,
    /// The provider refused to refresh: the grant is revoked or expired.
    GrantRefused,
    /// The same, after a refresh without a response: the provider may have issued a successor that
    /// was lost.
    InterruptedRefresh,
}

impl AccountStatus {
    /// The status as one word, for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Busy => "busy",
            Self::CoolingDown { .. } => "cooling",
            Self::Refreshing => "refreshing",
            Self::QuotaExhausted { .. } => "quota_used_up",
            Self::Unreachable { .. } => "unreachable",
            Self::NeedsUser(need) => need.name(),
            Self::Disabled => "disabled",
            Self::ProviderDisabled { .. } => "provider_disabled",
            Self::ProviderUnknown { .. } => "provider_unknown",
        }
    }

    /// When it ends by itself.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::CoolingDown { until, .. }
            | Self::QuotaExhausted { until, .. }
            | Self::Unreachable { until } => Some(*until),
            Self::Ready
            | Self::Busy
            | Self::Refreshing
            | Self::NeedsUser(_)
            | Self::Disabled
            | Self::ProviderDisabled { .. }
            | Self::ProviderUnknown { .. } => None,
        }
    }

    /// Why, in English. `None` where [`AccountStatus::name`] says it all.
    pub fn reason(&self) -> Option<String> {
        self.reason_in(Language::English)
    }

    /// Why, in words. `None` where [`AccountStatus::label`] says it all.
    pub fn reason_in(&self, language: Language) -> Option<String> {
        let text = Texts(language);
        match self {
            Self::CoolingDown {
                cause,
                models,
                detail,
                ..
            } => Some(cooldown_reason(
                cause.text(language),
                models,
                detail.as_ref().map(|detail| quoted(detail, language)),
            )),
            Self::QuotaExhausted { quota, .. } => Some(quota.text(language)),
            Self::Unreachable { .. } => Some(text.provider_cannot_be_reached().to_owned()),
            Self::NeedsUser(need) => Some(need.text(language)),
            Self::ProviderDisabled { provider } => Some(text.provider_is_disabled(provider)),
            Self::ProviderUnknown { provider } => Some(text.there_is_no_provider(provider)),
            Self::Ready | Self::Busy | Self::Refreshing | Self::Disabled => None,
        }
    }

    /// Whether it can serve, now or as soon as what it is doing is done.
    pub fn is_serving(&self) -> bool {
        matches!(self, Self::Ready | Self::Busy | Self::Refreshing)
    }

    /// Whether it serves at least some models now, or as soon as what it is doing is done.
    pub fn can_serve(&self) -> bool {
        match self {
            Self::CoolingDown { models, .. } => !models.is_empty(),
            status => status.is_serving(),
        }
    }

    /// Whether it stays like this until the user does something.
    pub fn needs_user(&self) -> bool {
        matches!(
            self,
            Self::NeedsUser(_) | Self::ProviderDisabled { .. } | Self::ProviderUnknown { .. }
        )
    }

    /// The status and its reason without a time, in English: `cooling: rate limit`.
    pub fn summary(&self) -> String {
        self.summary_in(Language::English)
    }

    /// The status and its reason without a time: `cooling: rate limit`.
    pub fn summary_in(&self, language: Language) -> String {
        let label = self.label(language);
        match self {
            Self::NeedsUser(need) if need.names_itself() => need.text(language),
            _ => match self.reason_in(language) {
                Some(reason) => format!("{label}: {reason}"),
                None => label.to_owned(),
            },
        }
    }

    /// The name as people read it.
    pub fn label(&self, language: Language) -> &'static str {
        let text = Texts(language);
        match self {
            Self::Ready => text.ready(),
            Self::Busy => text.busy(),
            Self::CoolingDown { .. } => text.cooling(),
            Self::Refreshing => text.refreshing(),
            Self::QuotaExhausted { .. } => text.quota_used_up(),
            Self::Unreachable { .. } => text.unreachable(),
            Self::NeedsUser(need) => need.label(language),
            Self::Disabled => text.disabled(),
            Self::ProviderDisabled { .. } => text.provider_disabled(),
            Self::ProviderUnknown { .. } => text.provider_unknown(),
        }
    }
}

/// `cooling until 2026-11-23T08:00:00Z (rate limit)`.
impl fmt::Display for AccountStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::NeedsUser(need) = self
            && need.names_itself()
        {
            return write!(f, "{need}");
        }
        f.write_str(self.label(Language::English))?;
        if let Some(until) = self.until() {
            write!(f, " until {}", timestamp::rfc3339(until))?;
        }
        match self.reason() {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

impl Serialize for AccountStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("AccountStatus", 4)?;
        json.serialize_field("state", self.name())?;
        json.serialize_field("reason", &self.reason())?;
        json.serialize_field("until", &self.until().map(timestamp::rfc3339))?;
        json.serialize_field("status", &Typed(self.clone()))?;
        json.end()
    }
}

impl<'de> Deserialize<'de> for AccountStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Json {
            status: Typed,
        }
        let Json {
            status: Typed(status),
        } = Json::deserialize(deserializer)?;
        Ok(status)
    }
}

/// The typed fields alone.
#[derive(Serialize, Deserialize)]
struct Typed(#[serde(with = "AccountStatus")] AccountStatus);

/// What others said is told from the sentence around it.
fn quoted(detail: &Said, language: Language) -> Cow<'_, str> {
    match detail.is_quoted() {
        true => language.quotation(detail.text(language)),
        false => Cow::Borrowed(detail.text(language)),
    }
}

/// `rate limit, model-a, model-b: try again later`.
fn cooldown_reason(cause: &str, models: &[String], detail: Option<Cow<'_, str>>) -> String {
    let mut reason = cause.to_owned();
    if !models.is_empty() {
        reason = format!("{reason}, {}", models.join(", "));
    }
    match detail {
        Some(detail) => format!("{reason}: {detail}"),
        None => reason,
    }
}

impl CooldownCause {
    pub const ALL: [Self; 6] = [
        Self::RateLimit,
        Self::Quota,
        Self::Overloaded,
        Self::Forbidden,
        Self::Failing,
        Self::RefreshFailing,
    ];

    /// The name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Quota => "quota",
            Self::Overloaded => "overloaded",
            Self::Forbidden => "forbidden",
            Self::Failing => "failing",
            Self::RefreshFailing => "refresh_failing",
        }
    }

    /// The cause of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

impl CooldownCause {
    /// The cause as people read it.
    pub fn text(self, language: Language) -> &'static str {
        let text = Texts(language);
        match self {
            Self::RateLimit => text.rate_limit(),
            Self::Quota => text.quota(),
            Self::Overloaded => text.no_capacity(),
            Self::Forbidden => text.forbidden(),
            Self::Failing => text.failed_responses(),
            Self::RefreshFailing => text.cannot_be_refreshed(),
        }
    }
}

impl fmt::Display for CooldownCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(Language::English))
    }
}

impl ExhaustedQuota {
    /// Which quota it is, as people read it.
    pub fn text(&self, language: Language) -> String {
        match self {
            Self::Budget(budget) => Texts(language).your_budget(budget),
            Self::Provider(Some(detail)) => quoted(detail, language).into_owned(),
            Self::Provider(None) => Texts(language).providers_limit().to_owned(),
        }
    }
}

impl fmt::Display for ExhaustedQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl NeedsUser {
    /// For an account that was added and never signed in.
    pub fn no_credential(since: Timestamp) -> Self {
        Self::SignIn(SignIn {
            cause: SignInCause::NoCredential,
            detail: None,
            since,
        })
    }

    /// The account's status as one word, for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SignIn(_) | Self::AddressChanged { .. } => "sign_in_needed",
            Self::Credential(CredentialProblem::NeedsKey { .. }) => "env_unset",
            Self::Credential(problem) => problem.name(),
            Self::VaultLocked { .. } => "vault_locked",
            Self::Expired { .. } => "expired",
        }
    }

    /// The name as people read it.
    fn label(&self, language: Language) -> &'static str {
        let text = Texts(language);
        match self {
            Self::SignIn(_) | Self::AddressChanged { .. } => text.sign_in(),
            Self::Credential(problem) => match problem {
                CredentialProblem::NeedsKey { .. } => text.env_unset(),
                CredentialProblem::UnusableKey { .. } => text.unusable_key(),
                CredentialProblem::NeedsKeyEnv { .. } => text.needs_key_env(),
                CredentialProblem::NeedsSignIn { .. } => text.needs_sign_in(),
                CredentialProblem::InsecureHttp { .. } => text.insecure_http(),
            },
            Self::VaultLocked { .. } => text.locked_vault(),
            Self::Expired { .. } => text.expired(),
        }
    }

    /// Why the account has to be signed in again. `None` for other needs.
    pub fn sign_in_reason(&self, language: Language) -> Option<String> {
        match self {
            Self::SignIn(sign_in) => Some(sign_in.text(language)),
            Self::AddressChanged { entered_for, now } => {
                Some(Texts(language).address_changed(entered_for, now))
            }
            Self::Credential(_) | Self::VaultLocked { .. } | Self::Expired { .. } => None,
        }
    }

    /// What is needed and why: `sign-in needed (interrupted refresh)`.
    pub fn text(&self, language: Language) -> String {
        let text = Texts(language);
        match self {
            Self::SignIn(_) | Self::AddressChanged { .. } => {
                text.sign_in_needed(self.sign_in_reason(language).unwrap_or_default())
            }
            Self::Credential(problem) => problem.text(language),
            Self::VaultLocked { detail } => text.vault_locked(detail.text(language)),
            Self::Expired { at } => text.expired_at(timestamp::rfc3339(*at)),
        }
    }

    /// Whether its text begins with its name.
    fn names_itself(&self) -> bool {
        !matches!(self, Self::Credential(_))
    }
}

impl fmt::Display for NeedsUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl SignIn {
    /// `the provider refused the key: invalid key`.
    pub fn text(&self, language: Language) -> String {
        let cause = self.cause.text(language);
        match (&self.detail, self.cause) {
            // What the provider says about a token that it accepted before helps no one.
            (_, SignInCause::InterruptedRefresh) | (None, _) => cause.to_owned(),
            (Some(detail), _) => format!("{cause}: {}", language.quotation(detail)),
        }
    }
}

impl fmt::Display for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl SignInCause {
    const ALL: [Self; 6] = [
        Self::NoCredential,
        Self::KeyRefused,
        Self::TokenRefused,
        Self::NothingToRefresh,
        Self::GrantRefused,
        Self::InterruptedRefresh,
    ];

    /// Whether the provider may accept the same credential again: after a slip of its own, or when a
    /// bill was paid. A refused grant never comes back.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::KeyRefused | Self::TokenRefused)
    }

    /// The name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::KeyRefused => "key_refused",
            Self::TokenRefused => "token_refused",
            Self::NothingToRefresh => "nothing_to_refresh",
            Self::GrantRefused => "grant_refused",
            Self::InterruptedRefresh => "interrupted_refresh",
        }
    }

    /// The cause of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

impl SignInCause {
    /// The cause as people read it.
    pub fn text(self, language: Language) -> &'static str {
        let text = Texts(language);
        match self {
            Self::NoCredential => text.no_credential(),
            Self::KeyRefused => text.key_refused(),
            Self::TokenRefused => text.token_refused(),
            Self::NothingToRefresh => text.nothing_to_refresh(),
            Self::GrantRefused => text.grant_refused(),
            Self::InterruptedRefresh => text.interrupted_refresh(),
        }
    }
}

impl fmt::Display for SignInCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(Language::English))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn signed_out(detail: Option<&str>) -> NeedsUser {
        NeedsUser::SignIn(SignIn {
            cause: SignInCause::GrantRefused,
            detail: detail.map(str::to_owned),
            since: at(60),
        })
    }

    fn every_status() -> Vec<AccountStatus> {
        let problem = CredentialProblem::NeedsKey {
            env: "KEY".to_owned(),
        };
        let mut all = vec![
            AccountStatus::Ready,
            AccountStatus::Busy,
            AccountStatus::Refreshing,
            AccountStatus::Disabled,
            AccountStatus::Unreachable { until: at(60) },
            AccountStatus::ProviderUnknown {
                provider: "lab".to_owned(),
            },
            AccountStatus::NeedsUser(signed_out(Some("revoked"))),
            AccountStatus::NeedsUser(NeedsUser::Credential(problem)),
            AccountStatus::NeedsUser(NeedsUser::Expired { at: at(60) }),
            AccountStatus::QuotaExhausted {
                until: at(60),
                quota: ExhaustedQuota::Budget("5 tokens/day".parse().unwrap()),
            },
            AccountStatus::QuotaExhausted {
                until: at(60),
                quota: ExhaustedQuota::Provider(None),
            },
        ];
        all.extend(CooldownCause::ALL.map(|cause| AccountStatus::CoolingDown {
            until: at(60),
            cause,
            models: vec!["gpt-5".to_owned()],
            detail: None,
        }));
        all
    }

    #[test]
    fn every_status_reads_back_from_its_typed_fields() {
        for status in every_status() {
            let mut json = serde_json::to_value(&status).unwrap();
            json["state"] = "reworded".into();
            json["reason"] = "reworded".into();
            json["until"] = "reworded".into();
            let read: AccountStatus = serde_json::from_value(json).unwrap();
            assert_eq!(read, status);
        }
    }

    #[test]
    fn scripts_find_the_words_beside_the_typed_fields() {
        let cooling = AccountStatus::CoolingDown {
            until: at(60),
            cause: CooldownCause::RateLimit,
            models: Vec::new(),
            detail: Some(Said::quoted("slow down")),
        };
        let json = serde_json::json!({
            "state": "cooling",
            "reason": "rate limit: slow down",
            "until": "1970-01-01T00:01:00Z",
            "status": {
                "kind": "cooling_down",
                "until": "1970-01-01T00:01:00Z",
                "cause": "rate_limit",
                "models": [],
                "detail": "slow down",
            },
        });
        assert_eq!(serde_json::to_value(cooling).unwrap(), json);
    }

    #[test]
    fn names_in_json_and_in_the_database_are_the_same() {
        for cause in CooldownCause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
            assert_eq!(CooldownCause::from_name(cause.name()), Some(cause));
        }
        for cause in SignInCause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
            assert_eq!(SignInCause::from_name(cause.name()), Some(cause));
        }
    }

    #[test]
    fn a_state_is_not_said_twice() {
        let revoked = AccountStatus::NeedsUser(signed_out(Some("revoked")));
        let words = "sign-in needed (the provider refused to refresh: revoked)";
        assert_eq!(revoked.summary(), words);
        assert_eq!(revoked.to_string(), words);
        let unreachable = AccountStatus::Unreachable { until: at(60) };
        assert_eq!(
            unreachable.to_string(),
            "unreachable until 1970-01-01T00:01:00Z (the provider cannot be reached)"
        );
        assert_eq!(
            unreachable.summary(),
            "unreachable: the provider cannot be reached"
        );
    }
}
