//! One refresh: from the stored credential to its stored successor.
//!
//! Many providers accept a refresh token once and issue its successor with the new access token. A
//! successor that is lost signs the account out, so the order matters:
//!
//! ```text
//! claim    no other process of this home refreshes the account
//! read     another process may have refreshed it already: then take that
//! mark     store `refresh_sent_at`                          \
//! send     the refresh token is used up from here on         | killed here: the mark stays, and the
//! store    the successor, unmarked, before its first use    /  refresh is repeated until answered
//! release  the claim
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::credential_store::{CredentialStore, CredentialStoreError};
use super::refresher::Refresher;
use crate::account::{Account, AccountName, Credential, Tokens};
use crate::outcome::Timestamp;
use crate::pool::clock::{Clock, between};
use crate::pool::events::at_debug;
use crate::provider::oauth::{NoToken, TokenGrant, TokenResponse};
use crate::status::SignInCause;

/// How long to wait before a new token that cannot be stored is offered again.
const STORE_RETRY: Duration = Duration::from_secs(2);

/// A token that another process stored is taken if it lasts longer than this.
const LIFETIME_MIN: Duration = Duration::from_secs(30);

/// What came of a refresh.
pub(super) enum Completed {
    /// What is stored now, and what requests carry.
    Issued {
        source: Arc<Credential>,
        bearer: Arc<Credential>,
    },
    Refused {
        cause: SignInCause,
        detail: String,
    },
    TryAgain {
        /// Whether the provider may have carried it out.
        is_in_doubt: bool,
        reason: NoToken,
    },
    /// The account, or the credential that was refreshed, is no longer stored.
    Gone,
}

impl Completed {
    fn issued(tokens: Tokens) -> Self {
        let source = Arc::new(Credential::OAuth(tokens));
        Self::Issued {
            bearer: source.clone(),
            source,
        }
    }
}

/// Signs for a token with a service account's key, as often as one is needed: there is no successor
/// to lose.
pub(super) async fn sign(
    account: &Account,
    key: &Arc<Credential>,
    refresher: &dyn Refresher,
) -> Completed {
    match refresher.refresh(account, key).await {
        TokenResponse::Granted(granted) => {
            let tokens = Tokens {
                access: Some(granted.access),
                expires_at: granted.expires_at,
                ..Tokens::default()
            };
            Completed::Issued {
                source: key.clone(),
                bearer: Arc::new(Credential::OAuth(tokens)),
            }
        }
        TokenResponse::Refused { detail } => Completed::Refused {
            cause: SignInCause::KeyRefused,
            detail,
        },
        TokenResponse::NotProcessed { reason } | TokenResponse::Unclear { reason } => {
            Completed::TryAgain {
                is_in_doubt: false,
                reason,
            }
        }
    }
}

/// Uses the refresh token of `known`, unless another process did.
///
/// # Errors
/// If the store fails before anything was sent.
pub(super) async fn refresh(
    account: &Account,
    known: &Credential,
    refresher: &dyn Refresher,
    store: &dyn CredentialStore,
    clock: &Clock,
) -> Result<Completed, CredentialStoreError> {
    let name = &account.name;
    let _claim = store.claim(name).await?;
    let Some(stored) = store.read(name).await? else {
        return Ok(Completed::Gone);
    };
    let Credential::OAuth(tokens) = &stored else {
        return Ok(Completed::Gone);
    };
    if is_refreshed(known, tokens, clock.now()) {
        return Ok(Completed::issued(tokens.clone()));
    }
    let marked = Credential::OAuth(Tokens {
        refresh_sent_at: Some(clock.now()),
        ..tokens.clone()
    });
    if !store.replace(name, &stored, &marked).await? {
        return Ok(Completed::Gone);
    }
    let refreshed = refresher.refresh(account, &marked).await;
    let sent = Sent {
        store,
        name,
        tokens,
        marked: &marked,
    };
    Ok(sent.complete(refreshed).await)
}

/// Whether another process of this home stored a newer token that can be used for a while.
fn is_refreshed(known: &Credential, stored: &Tokens, now: Timestamp) -> bool {
    let Credential::OAuth(known) = known else {
        return false;
    };
    let is_newer = stored.access.is_some()
        && stored.access != known.access
        && stored.refresh_sent_at.is_none();
    let has_time = match stored.expires_at {
        Some(expires_at) => between(now, expires_at) > LIFETIME_MIN,
        None => true,
    };
    is_newer && has_time
}

/// A refresh that was sent.
struct Sent<'a> {
    store: &'a dyn CredentialStore,
    name: &'a AccountName,
    /// As they were stored before.
    tokens: &'a Tokens,
    /// As they are stored now.
    marked: &'a Credential,
}

impl Sent<'_> {
    async fn complete(&self, refreshed: TokenResponse) -> Completed {
        // An earlier refresh without a response stays in doubt until one comes, also where nothing
        // was sent this time.
        let was_in_doubt = self.tokens.refresh_sent_at.is_some();
        match refreshed {
            TokenResponse::Granted(granted) => self.store_successor(granted).await,
            TokenResponse::Refused { detail } => {
                // The tokens stay: a user may find the grant restored, and try again by hand.
                drop(self.unmark().await);
                let cause = if was_in_doubt {
                    SignInCause::InterruptedRefresh
                } else {
                    SignInCause::GrantRefused
                };
                Completed::Refused { cause, detail }
            }
            TokenResponse::NotProcessed { reason } => {
                let is_in_doubt = was_in_doubt || self.unmark().await.is_err();
                Completed::TryAgain {
                    is_in_doubt,
                    reason,
                }
            }
            TokenResponse::Unclear { reason } => Completed::TryAgain {
                is_in_doubt: true,
                reason,
            },
        }
    }

    fn unmarked(&self) -> Tokens {
        Tokens {
            refresh_sent_at: None,
            ..self.tokens.clone()
        }
    }

    async fn unmark(&self) -> Result<bool, CredentialStoreError> {
        let unmarked = Credential::OAuth(self.unmarked());
        self.store.replace(self.name, self.marked, &unmarked).await
    }

    /// Stores the new tokens before any request carries them. This process alone has them, so it
    /// goes on until they are stored or no longer needed.
    async fn store_successor(&self, granted: TokenGrant) -> Completed {
        let before = self.unmarked();
        let tokens = Tokens {
            access: Some(granted.access),
            expires_at: granted.expires_at,
            // A provider that issues no successor accepts the refresh token again.
            refresh: granted.refresh.or(before.refresh),
            ..before
        };
        let successor = Credential::OAuth(tokens.clone());
        loop {
            match self.store.replace(self.name, self.marked, &successor).await {
                Ok(true) => return Completed::issued(tokens),
                Ok(false) => return Completed::Gone,
                Err(error) => {
                    let account = at_debug(self.name);
                    tracing::error!(account, %error, "a new access token cannot be stored; trying again");
                }
            }
            sleep(STORE_RETRY).await;
        }
    }
}
