//! A sign-in in the person's browser: the authorization server redirects it back to a port of this
//! machine.
//!
//! Source: RFC 8252 section 7.3, loopback redirects; RFC 7636, PKCE. The port is open for one
//! response and no longer.

mod browser;
mod callback;
mod page;
mod pending;

pub use browser::open_browser;
pub(super) use pending::PendingSignIns;
pub use pending::{SignInProgress, SignInState};

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::account::{Secret, Tokens};
use crate::accounts::token_client;
use crate::language::{Said, said};
use crate::outcome::Timestamp;
use crate::provider::oauth::{AuthorizationRequest, Client, IncompleteClient, TokenResponse};
use crate::upstream::{ProxyChoice, Upstream};
use callback::{Ended, response_to};

/// How long a person may take. Two-factor codes have to be found.
pub const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(10 * 60);

said! {
    /// Why there are no tokens. Each is a sentence for people.
    #[derive(Debug)]
    pub enum SignInError;
    IncompleteClient { why: IncompleteClient }: "{why}" | "{why}";
    NoPort { error: std::io::Error }: "no port for the answer could be opened on this machine ({error})" |
        "auf diesem Rechner ließ sich kein Port für die Antwort öffnen ({error})";
    Late { minutes: u64 }: "the sign-in was not finished within {minutes} min; start it again" |
        "die Anmeldung wurde nicht innerhalb von {minutes} min abgeschlossen; sie neu beginnen";
    Declined { words: String }: "the sign-in was refused ({words}); start it again, or check `client_id` and `scopes`" |
        "die Anmeldung wurde abgelehnt ({words}); sie neu beginnen oder `client_id` und `scopes` prüfen";
    NoTokens { why: Said }: "the sign-in gave no tokens: {why}" |
        "die Anmeldung ergab keine Token: {why}";
}

impl From<IncompleteClient> for SignInError {
    fn from(why: IncompleteClient) -> Self {
        Self::IncompleteClient { why }
    }
}

/// A sign-in that waits for its response.
pub struct SignIn {
    client: Client,
    question: AuthorizationRequest,
    listener: TcpListener,
}

impl SignIn {
    /// Opens a port for the response.
    ///
    /// # Errors
    /// When the configuration lacks something, or there is no port.
    pub async fn start(client: &Client) -> Result<Self, SignInError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(no_port)?;
        let port = listener.local_addr().map_err(no_port)?.port();
        let question = client.authorize(&format!("http://127.0.0.1:{port}/callback"))?;
        Ok(Self {
            client: client.clone(),
            question,
            listener,
        })
    }

    /// Where the person signs in.
    pub fn url(&self) -> &str {
        &self.question.url
    }

    /// Waits for the response, at most `limit`, and exchanges its code for tokens. The client's
    /// secret is kept among them.
    ///
    /// # Errors
    /// When the person or the server declines, or no response comes in time.
    pub async fn finish(
        self,
        secret: Option<Secret>,
        upstream: &dyn Upstream,
        proxy: &ProxyChoice,
        limit: Duration,
        now: fn() -> Timestamp,
    ) -> Result<Tokens, SignInError> {
        let ended = timeout(limit, response_to(&self.question.state, &self.listener)).await;
        drop(self.listener);
        let code = match ended.map_err(|_| late(limit))? {
            Ended::Code(code) => code,
            Ended::Declined(words) => return Err(SignInError::Declined { words }),
        };
        let request = self
            .client
            .exchange(&self.question, &code, secret.as_ref())?;
        let sent: Vec<&Secret> = [Some(&code), secret.as_ref()]
            .into_iter()
            .flatten()
            .collect();
        match token_client::send(upstream, proxy, request, &sent, now()).await {
            TokenResponse::Granted(granted) => Ok(Tokens {
                access: Some(granted.access),
                expires_at: granted.expires_at,
                refresh: granted.refresh,
                client_secret: secret,
                refresh_sent_at: None,
            }),
            TokenResponse::Refused { detail } => Err(SignInError::NoTokens {
                why: Said::quoted(detail),
            }),
            TokenResponse::NotProcessed { reason } | TokenResponse::Unclear { reason } => {
                Err(SignInError::NoTokens { why: reason.into() })
            }
        }
    }
}

fn no_port(error: std::io::Error) -> SignInError {
    SignInError::NoPort { error }
}

fn late(limit: Duration) -> SignInError {
    let minutes = limit.as_secs() / 60;
    SignInError::Late { minutes }
}

#[cfg(test)]
mod tests;
