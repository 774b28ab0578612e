//! Access tokens that a verb needs at once: of an account that is being added, or tested.

use std::sync::Arc;
use std::time::SystemTime;

use crate::account::{Account, Credential, Secret, Tokens};
use crate::accounts::token_client::TokenSender;
use crate::control::refusal::{Notice, Refusal, TestWords};
use crate::control::service::ControlService;
use crate::control::sign_in::{SIGN_IN_TIMEOUT, SignIn};
use crate::control::wire::{ControlError, Note, Notes};
use crate::pool::{CredentialStore as _, CredentialStoreError, Refresher as _};
use crate::provider::Provider;
use crate::provider::oauth::NoToken;
use crate::provider::oauth::{TokenGrant, TokenResponse};
use crate::upstream::ProxyChoice;

use super::test_call::TestResult;

/// Signs in with the person's browser.
///
/// # Errors
/// Why there are no tokens.
pub(super) async fn sign_in(
    service: &ControlService,
    account: &Account,
    provider: &Provider,
    client_secret: Option<Secret>,
    notes: &Notes,
) -> Result<Credential, ControlError> {
    let missing = || {
        ControlError::failed(Refusal::NoOAuth {
            provider: provider.name.clone(),
        })
    };
    let client = provider.oauth.clone().ok_or_else(missing)?;
    let sign_in = SignIn::start(&client)
        .await
        .map_err(ControlError::caused_by)?;
    // A caller that left signs in nowhere, and the wait ends by itself.
    notes
        .send(Note {
            text: Notice::SignInAt.into(),
            url: Some(sign_in.url().to_owned()),
        })
        .await;
    let upstream = service.environment.upstream(&service.config());
    let proxy = ProxyChoice::of(account)
        .map_err(|why| ControlError::failed(Refusal::AccountProxy { why: why.into() }))?;
    let tokens = sign_in
        .finish(
            client_secret,
            &*upstream,
            &proxy,
            SIGN_IN_TIMEOUT,
            SystemTime::now,
        )
        .await
        .map_err(ControlError::caused_by)?;
    Ok(Credential::OAuth(tokens))
}

/// What an account's requests carry: a key as it is, an access token that is still good, or a new
/// one.
///
/// The account's credential lies in the vault already: a refresh is marked there before it is
/// sent, and its successor is there before it is used.
///
/// # Errors
/// How the attempt to get a token ended.
pub(in crate::control) async fn bearer(
    service: &ControlService,
    account: &Account,
    provider: &Provider,
    credential: Credential,
) -> Result<Credential, TestResult> {
    if is_good(&credential) {
        return Ok(credential);
    }
    let store = service.accounts.credentials();
    let _claim = store.claim(&account.name).await.map_err(inconclusive)?;
    // Another task may have refreshed it meanwhile.
    let stored = store.read(&account.name).await.map_err(inconclusive)?;
    let credential = stored.unwrap_or(credential);
    if is_good(&credential) {
        return Ok(credential);
    }
    refresh(service, account, provider, credential).await
}

async fn refresh(
    service: &ControlService,
    account: &Account,
    provider: &Provider,
    credential: Credential,
) -> Result<Credential, TestResult> {
    let Credential::OAuth(tokens) = credential else {
        // A service account's file can be exchanged any number of times.
        let granted = ask_token_endpoint(service, account, provider, &credential)
            .await
            .map_err(|failure| failure.result)?;
        return Ok(Credential::OAuth(successor(Tokens::default(), granted)));
    };
    let store = service.accounts.credentials();
    let name = &account.name;
    let current = Credential::OAuth(tokens.clone());
    let marked = Credential::OAuth(Tokens {
        refresh_sent_at: Some(SystemTime::now()),
        ..tokens.clone()
    });
    let is_marked = store.replace(name, &current, &marked).await;
    if !is_marked.map_err(inconclusive)? {
        return Err(TestResult::Inconclusive {
            why: TestWords::ChangedMeanwhile {
                account: name.to_string(),
            }
            .into(),
        });
    }
    match ask_token_endpoint(service, account, provider, &current).await {
        Ok(granted) => {
            let successor = Credential::OAuth(successor(tokens, granted));
            let replaced = store.replace(name, &marked, &successor).await;
            replaced.map_err(inconclusive)?;
            Ok(successor)
        }
        Err(failure) => {
            // A refresh in doubt keeps its mark: the pool asks again, and decides by the answer.
            if !failure.is_in_doubt {
                let restored = store.replace(name, &marked, &current).await;
                restored.map_err(inconclusive)?;
            }
            Err(failure.result)
        }
    }
}

/// Why there is no new token.
struct RefreshFailure {
    result: TestResult,
    /// Whether the server may have taken the refresh token without our seeing its answer.
    is_in_doubt: bool,
}

async fn ask_token_endpoint(
    service: &ControlService,
    account: &Account,
    provider: &Provider,
    credential: &Credential,
) -> Result<TokenGrant, RefreshFailure> {
    let known = provider.clone();
    let sender = TokenSender {
        provider: Arc::new(move |name| (name == known.name).then(|| known.clone())),
        upstream: service.environment.upstream(&service.config()),
        now: Arc::new(SystemTime::now),
    };
    let name = || provider.name.clone();
    let not_tried = |why: NoToken| TestResult::Inconclusive {
        why: TestWords::NotTried {
            provider: name(),
            why: why.into(),
        }
        .into(),
    };
    let (result, is_in_doubt) = match sender.refresh(account, credential).await {
        TokenResponse::Granted(granted) => return Ok(granted),
        TokenResponse::Refused { detail } => {
            let why = TestWords::Refuses {
                provider: name(),
                words: detail,
            };
            (TestResult::Refused { why: why.into() }, false)
        }
        TokenResponse::NotProcessed { reason } => (not_tried(reason), false),
        TokenResponse::Unclear { reason } => (not_tried(reason), true),
    };
    Err(RefreshFailure {
        result,
        is_in_doubt,
    })
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn inconclusive(error: CredentialStoreError) -> TestResult {
    TestResult::Inconclusive { why: error.0 }
}

fn is_good(credential: &Credential) -> bool {
    match credential {
        Credential::None | Credential::Key(_) => true,
        Credential::ServiceAccount(_) => false,
        Credential::OAuth(tokens) => {
            tokens.access.is_some() && tokens.expires_at.is_none_or(|end| SystemTime::now() < end)
        }
    }
}

fn successor(tokens: Tokens, granted: TokenGrant) -> Tokens {
    Tokens {
        access: Some(granted.access),
        expires_at: granted.expires_at,
        refresh: granted.refresh.or(tokens.refresh),
        client_secret: tokens.client_secret,
        refresh_sent_at: None,
    }
}
