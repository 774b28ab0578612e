//! Adding an account, and entering its credential anew.

use std::time::SystemTime;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use super::{AccountFacts, Tried};
use crate::account::{Account, AccountName, Credential, Sealed, Secret, Source, Tokens, Vault};
use crate::accounts::roster::{account as new_account, address_of, preset_provider};
use crate::control::{ControlError, ControlService, Notes, WireSecret};
use crate::nearest::nearest;
use crate::provider::presets::{PRESETS, preset};
use crate::provider::{Auth, DEMO, Provider};

/// An account to be added, or an entry to be made anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub provider: String,
    pub name: String,
    pub entered: Entered,
    /// Store it although the provider refuses it.
    #[serde(default)]
    pub keep: bool,
    /// Store it in plain text where nothing can seal it.
    #[serde(default)]
    pub insecure_plaintext: bool,
}

/// What a person entered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entered {
    Key(WireSecret),
    RefreshToken {
        token: WireSecret,
        client_secret: Option<WireSecret>,
    },
    /// A sign-in with a browser.
    SignIn {
        client_secret: Option<WireSecret>,
    },
    /// Google's JSON file, whole.
    ServiceAccount(WireSecret),
    /// The name of an environment variable.
    Variable(String),
    Nothing,
    /// The stored credential, for the address that the provider has now.
    SameForNewAddress,
}

/// What a provider wants of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    Key,
    OAuth,
    Nothing,
}

/// An account that was just added or entered anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    pub account: AccountFacts,
    /// Whether the provider took it.
    pub works: bool,
    /// One sentence about the test call.
    pub message: String,
    pub models: Vec<String>,
}

impl ControlService {
    /// Which form the provider of a new account wants, before anything is entered.
    ///
    /// # Errors
    /// When there is no such provider, or the name is taken.
    pub(in crate::control) fn form(
        &self,
        provider: &str,
        name: &str,
    ) -> Result<Form, ControlError> {
        let provider = self.provider_for(provider)?;
        self.free_name(name)?;
        Ok(form_of(&provider))
    }

    /// The form of an account that is there.
    pub(in crate::control) fn login_form(&self, name: &str) -> Result<Form, ControlError> {
        let account = self.find(name)?;
        match account.source {
            Source::Vault => Ok(form_of(&self.provider_for(&account.provider)?)),
            Source::Env { variable } => Err(ControlError::failed(format!(
                "`{name}` takes its key from `{variable}`: set that, or add another account"
            ))),
            Source::Keyless => Err(ControlError::failed(format!(
                "`{name}` wants no credential"
            ))),
        }
    }

    /// Adds an account, and makes a test call with what was entered.
    pub(in crate::control) async fn add_account(
        &self,
        entry: Entry,
        notes: &Notes,
    ) -> Result<Added, ControlError> {
        let provider = self.provider_for(&entry.provider)?;
        let name = self.free_name(&entry.name)?;
        let account = new_account(name, &provider.name, Source::Vault, SystemTime::now());
        let (source, credential) = self
            .credential(&entry.entered, &account, &provider, notes)
            .await?;
        self.enter(Account { source, ..account }, credential, &provider, &entry)
            .await
    }

    /// Enters an account's credential anew; its settings stay.
    pub(in crate::control) async fn login(
        &self,
        entry: Entry,
        notes: &Notes,
    ) -> Result<Added, ControlError> {
        let account = self.find(&entry.name)?;
        let provider = self.provider_for(&account.provider)?;
        let credential = match &entry.entered {
            Entered::SameForNewAddress => {
                let sealed = self.vault().get(&account.name);
                sealed
                    .ok_or_else(|| {
                        ControlError::failed(format!("nothing is stored for `{}`", account.name))
                    })?
                    .credential
            }
            entered => {
                self.credential(entered, &account, &provider, notes)
                    .await?
                    .1
            }
        };
        self.enter(account, credential, &provider, &entry).await
    }

    async fn credential(
        &self,
        entered: &Entered,
        account: &Account,
        provider: &Provider,
        notes: &Notes,
    ) -> Result<(Source, Credential), ControlError> {
        match entered {
            Entered::SignIn { client_secret } => {
                let secret = client_secret
                    .as_ref()
                    .map(|WireSecret(secret)| usable(secret))
                    .transpose()?;
                Ok((
                    Source::Vault,
                    self.sign_in(account, provider, secret, notes).await?,
                ))
            }
            entered => self.read(entered, provider),
        }
    }

    /// Tries a credential and keeps it, unless the provider refuses it.
    async fn enter(
        &self,
        account: Account,
        credential: Credential,
        provider: &Provider,
        entry: &Entry,
    ) -> Result<Added, ControlError> {
        let tried = match (&account.source, &credential) {
            (Source::Env { variable }, Credential::None) => Tried::Unclear {
                why: format!(
                    "`{}` could not be tried: `{variable}` is not set here",
                    provider.name
                ),
            },
            (Source::Vault, Credential::OAuth(_) | Credential::ServiceAccount(_)) => {
                self.keep_and_try(&account, credential.clone(), provider, entry)
                    .await?
            }
            _ => {
                self.try_credential(&self.effective(), provider, &account, credential.clone())
                    .await
            }
        };
        if let (Tried::Refused { why }, false) = (&tried, entry.keep) {
            return Err(ControlError::failed(format!(
                "{why}; nothing was stored: {}",
                look_at(provider)
            )));
        }
        if account.source == Source::Vault && matches!(credential, Credential::Key(_)) {
            self.keep(&account, credential, provider, entry).await?;
        }
        let name = account.name.clone();
        self.store
            .put_account(account)
            .await
            .map_err(ControlError::failed)?;
        self.changed();
        // What was held against the credential before must not come back after a kill.
        self.store
            .keep_notes()
            .await
            .map_err(ControlError::failed)?;
        let mut quota = Vec::new();
        let (works, message, models) = match tried {
            Tried::Works {
                models,
                quota: told,
            } => {
                quota = told;
                (
                    true,
                    format!("`{}` takes the account", provider.name),
                    models,
                )
            }
            Tried::Refused { why } => (
                false,
                format!("{why}; it was stored all the same"),
                Vec::new(),
            ),
            Tried::Unclear { why } => (
                false,
                format!("{why}; it was stored, and `aerostat account test {name}` tries again"),
                Vec::new(),
            ),
        };
        let mut account = self.show_account(name.as_str())?;
        account.quota.extend(quota);
        Ok(Added {
            account,
            works,
            message,
            models,
        })
    }

    async fn keep(
        &self,
        account: &Account,
        credential: Credential,
        provider: &Provider,
        entry: &Entry,
    ) -> Result<(), ControlError> {
        self.allow_plaintext(entry.insecure_plaintext).await?;
        let address = address_of(provider)
            .ok_or_else(|| ControlError::failed("the provider's `base_url` names no server"))?;
        let sealed = Sealed {
            provider: provider.name.clone(),
            address,
            credential,
        };
        let name = account.name.clone();
        self.with_vault(move |vault| vault.put(name, sealed)).await
    }

    /// Tokens are kept first: trying them may use them up, and their successors must not be lost.
    /// What is refused goes again.
    async fn keep_and_try(
        &self,
        account: &Account,
        credential: Credential,
        provider: &Provider,
        entry: &Entry,
    ) -> Result<Tried, ControlError> {
        let before = self.vault().get(&account.name);
        self.keep(account, credential.clone(), provider, entry)
            .await?;
        let tried = match self.bearer(account, provider, credential).await {
            Ok(bearer) => {
                self.try_credential(&self.effective(), provider, account, bearer)
                    .await
            }
            Err(tried) => tried,
        };
        if matches!(tried, Tried::Refused { .. }) && !entry.keep {
            let name = account.name.clone();
            let undo = move |vault: &Vault| match before {
                Some(before) => vault.put(name, before),
                None => vault.remove(&name),
            };
            self.with_vault(undo).await?;
        }
        Ok(tried)
    }

    fn read(
        &self,
        entered: &Entered,
        provider: &Provider,
    ) -> Result<(Source, Credential), ControlError> {
        let is_keyless = provider.auth == Auth::None;
        match entered {
            Entered::Nothing if is_keyless => Ok((Source::Keyless, Credential::None)),
            _ if is_keyless => Err(ControlError::usage(format!(
                "`{}` wants no key; add it without one",
                provider.name
            ))),
            Entered::Nothing | Entered::SameForNewAddress | Entered::SignIn { .. } => Err(
                ControlError::usage(format!("`{}` wants a key", provider.name)),
            ),
            _ if provider.would_leak() => Err(ControlError::failed(format!(
                "the key would travel unencrypted: use https in `base_url`, or set `insecure_http = true` in [providers.{}]",
                provider.name
            ))),
            Entered::Key(WireSecret(key)) => Ok((Source::Vault, Credential::Key(usable(key)?))),
            Entered::RefreshToken {
                token: WireSecret(token),
                client_secret,
            } => {
                let client_secret = client_secret
                    .as_ref()
                    .map(|WireSecret(secret)| usable(secret))
                    .transpose()?;
                let tokens = Tokens {
                    refresh: Some(usable(token)?),
                    client_secret,
                    ..Tokens::default()
                };
                Ok((Source::Vault, Credential::OAuth(tokens)))
            }
            Entered::ServiceAccount(WireSecret(file)) => {
                Ok((Source::Vault, Credential::ServiceAccount(file.clone())))
            }
            Entered::Variable(variable) => self.of_variable(variable),
        }
    }

    fn of_variable(&self, variable: &str) -> Result<(Source, Credential), ControlError> {
        if !is_variable(variable) {
            // It may be the key itself, so it is not repeated.
            return Err(ControlError::usage(
                "--env: expected the name of a variable: letters, digits and `_`",
            ));
        }
        let value = (self.lookup)(variable)
            .map(Secret::trimmed)
            .filter(|value| !value.expose().is_empty());
        let credential = value
            .map(|value| usable(&value))
            .transpose()?
            .map_or(Credential::None, Credential::Key);
        Ok((
            Source::Env {
                variable: variable.to_owned(),
            },
            credential,
        ))
    }

    /// # Errors
    /// When the name is none, or an account's that was added.
    fn free_name(&self, name: &str) -> Result<AccountName, ControlError> {
        let name: AccountName = name.parse().map_err(ControlError::usage)?;
        let is_taken = name.as_str() == DEMO
            || self
                .sources()
                .added()
                .iter()
                .any(|account| account.name == name);
        if is_taken {
            let message = format!(
                "an account `{name}` is there already; `aerostat account login {name}` enters its credential anew"
            );
            return Err(ControlError::failed(message));
        }
        Ok(name)
    }

    /// # Errors
    /// When there is no such provider, or it needs a word in the configuration first.
    fn provider_for(&self, name: &str) -> Result<Provider, ControlError> {
        let config = self.effective();
        if let Some(provider) = config.provider(name) {
            return Ok(provider.clone());
        }
        if preset(name).is_some() {
            return preset_provider(name).map_err(ControlError::failed);
        }
        let known = config
            .providers
            .iter()
            .map(|provider| provider.name.as_str())
            .chain(PRESETS.iter().map(|preset| preset.name));
        Err(ControlError::failed(
            match nearest(name, known, 1).first() {
                Some(near) => format!(
                    "no provider `{}`; did you mean `{near}`?",
                    name.escape_debug()
                ),
                None => format!(
                    "no provider `{0}`; add [providers.{0}] with `protocol` and `base_url` to the configuration",
                    name.escape_debug()
                ),
            },
        ))
    }
}

fn form_of(provider: &Provider) -> Form {
    match provider.auth.name() {
        "none" => Form::Nothing,
        "oauth" => Form::OAuth,
        _ => Form::Key,
    }
}

/// A secret as a header can carry it; what is wrong with it is told without showing it.
fn usable(secret: &Secret) -> Result<Secret, ControlError> {
    let secret = secret.clone().trimmed();
    let text = secret.expose();
    if text.is_empty() {
        return Err(ControlError::usage("the key is empty"));
    }
    if HeaderValue::from_str(text).is_err() || text.contains(char::is_whitespace) {
        return Err(ControlError::usage(
            "the key holds blanks or other characters that no header can carry; copy it again",
        ));
    }
    Ok(secret)
}

fn is_variable(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.len() <= 128
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(is_word)
}

fn look_at(provider: &Provider) -> String {
    match preset(&provider.name) {
        Some(preset) => format!(
            "compare the key with the one at the provider ({}), or store it with `--keep`",
            preset.docs
        ),
        None => {
            "compare the key with the one at the provider, or store it with `--keep`".to_owned()
        }
    }
}
