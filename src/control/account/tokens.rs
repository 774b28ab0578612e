//! Access tokens that a verb needs at once: of an account that is being added, or tried.

use std::sync::Arc;
use std::time::SystemTime;

use crate::account::{Account, Credential, Secret, Tokens};
use crate::accounts::token_client::TokenSender;
use crate::control::sign_in::{PATIENCE, SignIn};
use crate::control::{ControlError, ControlService, Note, Notes};
use crate::pool::{CredentialStore as _, CredentialStoreError, Granted, Refreshed, Refresher as _};
use crate::provider::Provider;
use crate::upstream::ProxyChoice;

use super::Tried;

impl ControlService {
    /// Signs in with the person's browser.
    ///
    /// # Errors
    /// Why there are no tokens.
    pub(super) async fn sign_in(
        &self,
        account: &Account,
        provider: &Provider,
        secret: Option<Secret>,
        notes: &Notes,
    ) -> Result<Credential, ControlError> {
        let missing = || {
            ControlError::failed(format!(
                "[providers.{}.oauth] is missing in the configuration",
                provider.name
            ))
        };
        let client = provider.oauth.clone().ok_or_else(missing)?;
        let sign_in = SignIn::start(&client).await.map_err(ControlError::failed)?;
        let note = Note {
            text: "Sign in with your browser, at:".to_owned(),
            url: Some(sign_in.url().to_owned()),
        };
        // Who asked may be gone; then nobody signs in, and the wait ends by itself.
        let _ = notes.send(note).await;
        let upstream = self.outside.upstream(&self.config());
        let via = ProxyChoice::of(account).map_err(|why| {
            ControlError::failed(format!("the account's proxy cannot be used: {why}"))
        })?;
        let tokens = sign_in
            .finish(secret, &*upstream, &via, PATIENCE, SystemTime::now)
            .await
            .map_err(ControlError::failed)?;
        Ok(Credential::OAuth(tokens))
    }

    /// What an account's requests carry: a key as it is, an access token that is still good, or a
    /// new one.
    ///
    /// The account's credential lies in the vault already: a refresh is marked there before it is
    /// sent, and its successor is there before it is used.
    pub(super) async fn bearer(
        &self,
        account: &Account,
        provider: &Provider,
        credential: Credential,
    ) -> Result<Credential, Tried> {
        if is_good(&credential) {
            return Ok(credential);
        }
        let keeper = self.keeper();
        let _claim = keeper.claim(&account.name).await.map_err(unclear)?;
        // Another may have refreshed it meanwhile.
        let credential = keeper
            .read(&account.name)
            .await
            .map_err(unclear)?
            .unwrap_or(credential);
        if is_good(&credential) {
            return Ok(credential);
        }
        self.refresh(account, provider, credential).await
    }

    async fn refresh(
        &self,
        account: &Account,
        provider: &Provider,
        credential: Credential,
    ) -> Result<Credential, Tried> {
        let Credential::OAuth(tokens) = credential else {
            // A service account's file is exchanged as often as one likes.
            let granted = self
                .granted(account, provider, &credential)
                .await
                .map_err(|(tried, _)| tried)?;
            return Ok(Credential::OAuth(succeeded(Tokens::default(), granted)));
        };
        let keeper = self.keeper();
        let marked = Tokens {
            refresh_sent_at: Some(SystemTime::now()),
            ..tokens.clone()
        };
        let (kept, marked) = (Credential::OAuth(tokens.clone()), Credential::OAuth(marked));
        if !keeper
            .replace(&account.name, &kept, &marked)
            .await
            .map_err(unclear)?
        {
            return Err(Tried::Unclear {
                why: format!("the credential of `{}` was changed meanwhile", account.name),
            });
        }
        match self.granted(account, provider, &kept).await {
            Ok(granted) => {
                let successor = Credential::OAuth(succeeded(tokens, granted));
                keeper
                    .replace(&account.name, &marked, &successor)
                    .await
                    .map_err(unclear)?;
                Ok(successor)
            }
            Err((tried, is_in_doubt)) => {
                // What was in doubt before stays so: the pool asks again, and says what the answer
                // means.
                if !is_in_doubt {
                    keeper
                        .replace(&account.name, &marked, &kept)
                        .await
                        .map_err(unclear)?;
                }
                Err(tried)
            }
        }
    }

    /// Asks the provider's token endpoint; beside a failure, whether the refresh is in doubt.
    async fn granted(
        &self,
        account: &Account,
        provider: &Provider,
        credential: &Credential,
    ) -> Result<Granted, (Tried, bool)> {
        let of_provider = provider.clone();
        let sender = TokenSender {
            provider: Arc::new(move |name| (name == of_provider.name).then(|| of_provider.clone())),
            upstream: self.outside.upstream(&self.config()),
            now: Arc::new(SystemTime::now),
        };
        let untried = |why| Tried::Unclear {
            why: format!("`{}` could not be tried: {why}", provider.name),
        };
        match sender.refresh(account, credential).await {
            Refreshed::Granted(granted) => Ok(granted),
            Refreshed::Refused { detail: said } => {
                let why = format!("`{}` does not take the credential: {said}", provider.name);
                Err((Tried::Refused { why }, false))
            }
            Refreshed::NotSent { reason: why } => Err((untried(why), false)),
            Refreshed::Unclear { reason: why } => Err((untried(why), true)),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn unclear(error: CredentialStoreError) -> Tried {
    Tried::Unclear {
        why: error.to_string(),
    }
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

fn succeeded(tokens: Tokens, granted: Granted) -> Tokens {
    Tokens {
        access: Some(granted.access),
        expires_at: granted.expires_at,
        refresh: granted.refresh.or(tokens.refresh),
        client_secret: tokens.client_secret,
        refresh_sent_at: None,
    }
}
