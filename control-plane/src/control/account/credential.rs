//! Entering an account's credential: what a provider wants, what a person gave, and storing it once
//! a test call has shown whether it works.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use super::facts::AccountFacts;
use super::list::show;
use super::test_call::{TestResult, test_call};
use super::tokens;
use crate::account::{
    Account, AccountName, Credential, KeyKind, Secret, Source, Tokens, Vault, VaultEntry,
    VaultError, VaultState,
};
use crate::accounts::AccountRegistry;
use crate::accounts::roster::{address_of, preset_provider};
use crate::control::refusal::{Notice, Refusal, TestWords};
use crate::control::service::ControlService;
use crate::control::wire::{ControlError, Note, Notes, WireSecret};
use crate::language::Said;
use crate::provider::oauth::BadServiceAccount;
use crate::provider::presets::{PRESETS, preset};
use crate::provider::{Auth, DEMO, Provider};
use crate::store::Flag;
use crate::suggestion::nearest;

/// What a person entered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialInput {
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

/// How a credential is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreOptions {
    /// Store it although the provider refuses it.
    #[serde(default)]
    pub keep: bool,
    /// Store it in plain text where nothing can seal it.
    #[serde(default)]
    pub insecure_plaintext: bool,
}

/// An account whose credential was just entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedAccount {
    pub account: AccountFacts,
    /// Whether the provider took it.
    pub works: bool,
    /// One sentence about the test call.
    pub message: Said,
    pub models: Vec<String>,
}

/// # Errors
/// When there is no such provider, or it needs an entry in the configuration first.
pub(in crate::control) fn provider_for(
    accounts: &AccountRegistry,
    name: &str,
) -> Result<Provider, ControlError> {
    let config = accounts.effective_config();
    if let Some(provider) = config.provider(name) {
        return Ok(provider.clone());
    }
    if preset(name).is_some() {
        return preset_provider(name)
            .map_err(|needs| ControlError::failed(needs).of_field("provider"));
    }
    let configured = config
        .providers
        .iter()
        .map(|provider| provider.name.as_str());
    let known = configured.chain(PRESETS.iter().map(|preset| preset.name));
    let shown: String = name.chars().take(NAME_SHOWN_MAX).collect();
    let near = nearest(name, known, 1).first().map(ToString::to_string);
    let name = shown.escape_debug().to_string();
    let error = ControlError::failed(match near {
        Some(near) => Refusal::NoProviderButNear { name, near },
        None => Refusal::NoProviderToConfigure { name },
    });
    Err(error.of_field("provider"))
}

/// How much of a name is shown that is none.
const NAME_SHOWN_MAX: usize = 64;

/// The name of a new account: the given one, or else its provider's, with a number where that is
/// taken.
///
/// # Errors
/// When it is malformed, or an added account has it.
pub(in crate::control) fn free_name(
    accounts: &AccountRegistry,
    name: Option<&str>,
    provider: &Provider,
) -> Result<AccountName, ControlError> {
    let added = accounts.added();
    let is_taken = |name: &AccountName| {
        name.as_str() == DEMO || added.iter().any(|account| account.name == *name)
    };
    let Some(name) = name else {
        let first = provider.name.parse::<AccountName>();
        let first = first.map_err(ControlError::usage)?;
        let others = (2..).map_while(|number| format!("{first}-{number}").parse().ok());
        let mut names = std::iter::once(first.clone()).chain(others);
        return names
            .find(|name| !is_taken(name))
            .ok_or_else(|| ControlError::usage(Refusal::NoFreeName));
    };
    let name = name
        .parse::<AccountName>()
        .map_err(|bad| ControlError::usage(bad).of_field("name"))?;
    if is_taken(&name) {
        let error = ControlError::failed(Refusal::NameTaken {
            name: name.to_string(),
        });
        return Err(error.of_field("name"));
    }
    Ok(name)
}

/// The credential that a person entered, and where it lies from now on. A sign-in opens the
/// browser and waits for the person.
///
/// # Errors
/// When it is not what the provider takes.
pub(in crate::control) async fn read_credential(
    service: &ControlService,
    input: &CredentialInput,
    account: &Account,
    provider: &Provider,
    notes: &Notes,
) -> Result<(Source, Credential), ControlError> {
    let CredentialInput::SignIn { client_secret } = input else {
        return read_entered(&service.accounts, input, provider);
    };
    let client_secret = client_secret.as_ref().map(usable).transpose()?;
    let credential = tokens::sign_in(service, account, provider, client_secret, notes).await?;
    Ok((Source::Vault, credential))
}

fn read_entered(
    accounts: &AccountRegistry,
    input: &CredentialInput,
    provider: &Provider,
) -> Result<(Source, Credential), ControlError> {
    let name = || provider.name.clone();
    if provider.auth == Auth::None {
        return match input {
            CredentialInput::Nothing => Ok((Source::Keyless, Credential::None)),
            _ => {
                let error = ControlError::usage(Refusal::WantsNoKey { provider: name() });
                Err(error.of_field("key"))
            }
        };
    }
    if matches!(
        input,
        CredentialInput::Nothing
            | CredentialInput::SameForNewAddress
            | CredentialInput::SignIn { .. }
    ) {
        return Err(ControlError::usage(Refusal::WantsKey { provider: name() }).of_field("key"));
    }
    if provider.would_leak() {
        return Err(ControlError::failed(Refusal::WouldLeak {
            provider: name(),
        }));
    }
    let credential = match input {
        CredentialInput::Key(key) => Credential::Key(usable(key)?),
        CredentialInput::RefreshToken {
            token,
            client_secret,
        } => Credential::OAuth(Tokens {
            refresh: Some(usable(token)?),
            client_secret: client_secret.as_ref().map(usable).transpose()?,
            ..Tokens::default()
        }),
        CredentialInput::ServiceAccount(WireSecret(file)) => {
            check_service_account(provider, file)?;
            Credential::ServiceAccount(file.clone())
        }
        CredentialInput::Variable(variable) => return from_variable(accounts, variable),
        CredentialInput::Nothing
        | CredentialInput::SameForNewAddress
        | CredentialInput::SignIn { .. } => unreachable!("they are refused above"),
    };
    Ok((Source::Vault, credential))
}

/// Refuses a file that can never give an access token.
fn check_service_account(provider: &Provider, file: &Secret) -> Result<(), ControlError> {
    let Some(oauth) = &provider.oauth else {
        return Ok(());
    };
    match oauth.service_account(file, SystemTime::now()) {
        Err(why @ (BadServiceAccount::Shape | BadServiceAccount::Key)) => {
            Err(ControlError::usage(why).of_field("key"))
        }
        Ok(_) | Err(BadServiceAccount::TokenUrl) => Ok(()),
    }
}

fn from_variable(
    accounts: &AccountRegistry,
    variable: &str,
) -> Result<(Source, Credential), ControlError> {
    if !is_variable(variable) {
        // It may be the key itself, so it is not repeated.
        let error = ControlError::usage(Refusal::VariableName);
        return Err(error.of_field("variable"));
    }
    let value = accounts.variable(variable).map(Secret::trimmed);
    let credential = match value {
        Some(value) if !value.expose().is_empty() => Credential::Key(usable(&WireSecret(value))?),
        _ => Credential::None,
    };
    let source = Source::Env {
        variable: variable.to_owned(),
    };
    Ok((source, credential))
}

/// A secret that a header can carry; an error says what is wrong with it without showing it.
fn usable(WireSecret(secret): &WireSecret) -> Result<Secret, ControlError> {
    let secret = secret.clone().trimmed();
    let text = secret.expose();
    if text.is_empty() {
        return Err(ControlError::usage(Refusal::EmptyKey).of_field("key"));
    }
    if HeaderValue::from_str(text).is_err() || text.contains(char::is_whitespace) {
        let error = ControlError::usage(Refusal::UnusableKey);
        return Err(error.of_field("key"));
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

/// Makes a test call with a credential and stores the account, unless the provider refuses it.
///
/// # Errors
/// When the provider refuses the credential, or it cannot be stored.
pub(in crate::control) async fn store_credential(
    service: &ControlService,
    account: Account,
    credential: Credential,
    provider: &Provider,
    options: StoreOptions,
    notes: &Notes,
) -> Result<AddedAccount, ControlError> {
    let is_key = matches!(credential, Credential::Key(_));
    let tested = test(
        service,
        &account,
        credential.clone(),
        provider,
        options,
        notes,
    )
    .await?;
    if let (TestResult::Refused { why }, false) = (&tested, options.keep) {
        let error = ControlError::failed(Refusal::Refused {
            why: why.clone(),
            advice: advice_for_refused(provider).into(),
        });
        return Err(error.of_field("key"));
    }
    if account.source == Source::Vault && is_key {
        seal(service, &account, credential, provider, options, notes).await?;
    }
    let name = account.name.clone();
    let store = service.store();
    store
        .put_account(account)
        .await
        .map_err(ControlError::caused_by)?;
    service.accounts_changed().await;
    // What the pool held against the former credential must not come back after a kill.
    store.flush().await.map_err(ControlError::caused_by)?;
    let (works, message, models) = match tested {
        TestResult::Works { models, balance } => {
            service.pool().record_balance(&name, balance);
            let provider = provider.name.clone();
            (true, TestWords::Takes { provider }, models)
        }
        TestResult::Refused { why } => (false, TestWords::StoredAllTheSame { why }, Vec::new()),
        TestResult::Inconclusive { why } => {
            let name = name.to_string();
            (false, TestWords::StoredUntested { why, name }, Vec::new())
        }
    };
    Ok(AddedAccount {
        account: show(&service.accounts, name.as_str())?,
        works,
        message: message.into(),
        models,
    })
}

async fn test(
    service: &ControlService,
    account: &Account,
    credential: Credential,
    provider: &Provider,
    options: StoreOptions,
    notes: &Notes,
) -> Result<TestResult, ControlError> {
    match (&account.source, &credential) {
        (Source::Env { variable }, Credential::None) => Ok(TestResult::Inconclusive {
            why: TestWords::VariableUnset {
                provider: provider.name.clone(),
                variable: variable.clone(),
            }
            .into(),
        }),
        (Source::Vault, Credential::OAuth(_) | Credential::ServiceAccount(_)) => {
            seal_and_test(service, account, credential, provider, options, notes).await
        }
        _ => Ok(call(service, account, provider, credential).await),
    }
}

async fn call(
    service: &ControlService,
    account: &Account,
    provider: &Provider,
    credential: Credential,
) -> TestResult {
    let config = service.accounts.effective_config();
    test_call(
        &*service.environment,
        &config,
        provider,
        account,
        credential,
    )
    .await
}

/// Stores tokens before the test call: a refresh may use them up, and their successors must not be
/// lost. Refused ones are removed again.
async fn seal_and_test(
    service: &ControlService,
    account: &Account,
    credential: Credential,
    provider: &Provider,
    options: StoreOptions,
    notes: &Notes,
) -> Result<TestResult, ControlError> {
    let before = service.accounts.vault().get(&account.name);
    seal(
        service,
        account,
        credential.clone(),
        provider,
        options,
        notes,
    )
    .await?;
    let tested = match tokens::bearer(service, account, provider, credential).await {
        Ok(bearer) => call(service, account, provider, bearer).await,
        Err(tested) => tested,
    };
    if matches!(tested, TestResult::Refused { .. }) && !options.keep {
        let name = account.name.clone();
        let undo = move |vault: &Vault| match before {
            Some(before) => vault.put(name, before),
            None => vault.remove(&name),
        };
        service
            .accounts
            .with_vault(undo)
            .await
            .map_err(ControlError::caused_by)?;
    }
    Ok(tested)
}

/// Puts a credential into the vault, for the provider's present address.
async fn seal(
    service: &ControlService,
    account: &Account,
    credential: Credential,
    provider: &Provider,
    options: StoreOptions,
    notes: &Notes,
) -> Result<(), ControlError> {
    if options.insecure_plaintext {
        allow_plaintext(service).await?;
    }
    let address = address_of(provider).ok_or_else(|| ControlError::failed(Refusal::NoServer))?;
    let sealed = VaultEntry {
        provider: provider.name.clone(),
        address,
        credential,
    };
    let name = account.name.clone();
    let stored = service
        .accounts
        .with_vault(move |vault| vault.put(name, sealed));
    told_where_it_is_asked(service, notes, stored).await?;
    warn_of_plaintext(service, notes).await;
    Ok(())
}

/// How soon and how often it is looked whether a person is being asked for the passphrase.
const ASKING_CHECK: Duration = Duration::from_millis(300);

/// Waits for the vault. The terminal in which a passphrase is asked for need not be the caller's: it
/// is told where the question waits.
async fn told_where_it_is_asked(
    service: &ControlService,
    notes: &Notes,
    stored: impl Future<Output = Result<(), VaultError>>,
) -> Result<(), ControlError> {
    let vault = service.accounts.vault();
    let asked = async {
        while !vault.is_asking() {
            tokio::time::sleep(ASKING_CHECK).await;
        }
        if service.agent.is_some() {
            let process = std::process::id();
            let text = Notice::PassphraseAsked { process }.into();
            notes.send(Note { text, url: None }).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        stored = stored => stored.map_err(ControlError::caused_by),
        () = asked => Ok(()),
    }
}

async fn warn_of_plaintext(service: &ControlService, notes: &Notes) {
    if service.accounts.vault().state() == VaultState::Open(KeyKind::Plaintext) {
        let folder = service.home.folder().display().to_string();
        let text = Notice::PlainText { folder }.into();
        notes.send(Note { text, url: None }).await;
    }
}

/// Lets credentials lie in plain text from now on.
async fn allow_plaintext(service: &ControlService) -> Result<(), ControlError> {
    let store = service.store();
    if store.has(Flag::Plaintext) {
        return Ok(());
    }
    store
        .set(Flag::Plaintext, true)
        .await
        .map_err(ControlError::caused_by)?;
    service.accounts.allow_plaintext();
    service.open_vault().await.map_err(ControlError::caused_by)
}

fn advice_for_refused(provider: &Provider) -> TestWords {
    match preset(&provider.name) {
        Some(preset) => TestWords::CompareAt { docs: preset.docs },
        None => TestWords::Compare,
    }
}
