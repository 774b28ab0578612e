//! An account's credential as the pool holds it: what requests carry, and what a refresh starts
//! from.

use std::sync::Arc;
use std::time::Duration;

use super::refresh_state::RefreshState;
use crate::account::{Credential, Tokens};
use crate::outcome::Timestamp;
use crate::pool::clock::between;
use crate::status::SignInCause;

/// A token that was issued less than this long ago cannot have been revoked since.
const TOKEN_IS_NEW: Duration = Duration::from_secs(60);

/// How many new tokens in a row may be refused at their first use before the user is asked, and
/// the pause before each is replaced.
const NEW_REFUSED_MAX: u32 = 1;
const NEW_REFUSED_PAUSE: Duration = Duration::from_secs(2);

/// A token is not used in the last seconds of its life: the request has to arrive with it.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5);

/// The credential of one account.
#[derive(Clone, Debug)]
pub(crate) struct CredentialState {
    /// As it is stored: what a refresh starts from.
    pub(crate) source: Arc<Credential>,
    /// What requests carry. Of a service account, the access token that its key signed for.
    pub(crate) bearer: Arc<Credential>,
    /// Whether the provider accepted `bearer` once.
    pub(crate) was_accepted: bool,
    /// Tokens in a row that were refused at their first use, as soon as they were issued.
    new_refused: u32,
    /// When a refresh issued `bearer`. `None` if it came with the configuration.
    pub(crate) refreshed_at: Option<Timestamp>,
    /// Whether the configuration gave a credential yet.
    pub(crate) is_loaded: bool,
    /// Counts the credentials that came with the configuration: the result of a refresh that
    /// started from an earlier one is dropped.
    pub(crate) generation: u64,
    /// `None` for accounts with a lasting key, or with no credential.
    pub(crate) token: Option<TokenState>,
    pub(crate) refresh: RefreshState,
}

/// Whether an access token can be used, and replaced.
#[derive(Clone, Debug)]
pub(crate) struct TokenState {
    /// Whether there is a token that the provider has not refused.
    pub(crate) is_usable: bool,
    /// `None`: the provider named no end.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) can_refresh: bool,
}

impl CredentialState {
    /// No credential yet.
    pub(crate) fn empty() -> Self {
        let none = Arc::new(Credential::None);
        Self {
            source: none.clone(),
            bearer: none,
            was_accepted: false,
            new_refused: 0,
            refreshed_at: None,
            is_loaded: false,
            generation: 0,
            token: None,
            refresh: RefreshState::default(),
        }
    }

    /// Takes a credential from the configuration. `jitter`: 0..1.
    pub(crate) fn load(&mut self, credential: Arc<Credential>, now: Timestamp, jitter: f64) {
        self.token = TokenState::of(&credential, &credential);
        let expires_at = self.token.as_ref().and_then(|token| token.expires_at);
        self.refresh.succeed(expires_at, now, jitter);
        if let Credential::OAuth(tokens) = credential.as_ref() {
            // The mark of a refresh whose response was never stored: it is repeated at once.
            let was_interrupted = tokens.refresh_sent_at.is_some();
            self.refresh.is_in_doubt = was_interrupted && tokens.refresh.is_some();
        }
        self.source = credential.clone();
        self.bearer = credential;
        self.was_accepted = false;
        self.new_refused = 0;
        self.refreshed_at = None;
        self.is_loaded = true;
        self.generation += 1;
    }

    /// Takes what a refresh issued. `jitter`: 0..1.
    pub(crate) fn complete_refresh(
        &mut self,
        source: Arc<Credential>,
        bearer: Arc<Credential>,
        now: Timestamp,
        jitter: f64,
    ) {
        self.token = TokenState::of(&bearer, &source);
        let expires_at = self.token.as_ref().and_then(|token| token.expires_at);
        self.refresh.succeed(expires_at, now, jitter);
        self.source = source;
        self.bearer = bearer;
        self.was_accepted = false;
        self.refreshed_at = Some(now);
    }

    /// The provider accepted `bearer`.
    pub(crate) fn accept(&mut self) {
        self.was_accepted = true;
        self.new_refused = 0;
    }

    /// The provider refused `bearer`. Asks for another one where that may help.
    ///
    /// # Errors
    /// Why only the user can help.
    pub(crate) fn refuse(&mut self, now: Timestamp) -> Result<(), SignInCause> {
        let is_new = match self.refreshed_at {
            Some(refreshed_at) => between(refreshed_at, now) < TOKEN_IS_NEW,
            None => false,
        };
        let Some(token) = &mut self.token else {
            return Err(match *self.source {
                Credential::None => SignInCause::NoCredential,
                _ => SignInCause::KeyRefused,
            });
        };
        if !token.can_refresh {
            return Err(SignInCause::NothingToRefresh);
        }
        if !is_new || self.was_accepted {
            token.is_usable = false;
            self.refresh.request();
            return Ok(());
        }
        // A provider's API may learn of a token later than its authorization server issues it.
        self.new_refused += 1;
        if self.new_refused > NEW_REFUSED_MAX {
            return Err(SignInCause::TokenRefused);
        }
        token.is_usable = false;
        self.refresh.request_after(NEW_REFUSED_PAUSE, now);
        Ok(())
    }

    /// Whether `credential` is the one that is held, but for the mark that a refresh under way
    /// leaves on the stored one.
    pub(crate) fn is_same(&self, credential: &Credential) -> bool {
        match (self.source.as_ref(), credential) {
            (Credential::OAuth(one), Credential::OAuth(other)) => {
                without_mark(one) == without_mark(other)
            }
            (one, other) => one == other,
        }
    }

    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        self.refresh.on_clock_rewind(now);
        self.refreshed_at = self.refreshed_at.map(|at| at.min(now));
    }
}

fn without_mark(tokens: &Tokens) -> Tokens {
    Tokens {
        refresh_sent_at: None,
        ..tokens.clone()
    }
}

impl TokenState {
    /// `bearer` is what requests carry, `source` what it is refreshed from.
    ///
    /// `None` where there is no access token: a lasting key, or no credential.
    fn of(bearer: &Credential, source: &Credential) -> Option<Self> {
        let can_refresh = match source {
            Credential::None | Credential::Key(_) => return None,
            Credential::OAuth(tokens) => tokens.refresh.is_some(),
            Credential::ServiceAccount(_) => true,
        };
        // A service account's key signs for tokens and is no token itself.
        let (is_usable, expires_at) = match bearer {
            Credential::OAuth(tokens) => (tokens.access.is_some(), tokens.expires_at),
            _ => (false, None),
        };
        Some(Self {
            is_usable,
            expires_at,
            can_refresh,
        })
    }

    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        let has_time = match self.expires_at {
            Some(expires_at) => now + EXPIRY_MARGIN < expires_at,
            None => true,
        };
        self.is_usable && has_time
    }
}
