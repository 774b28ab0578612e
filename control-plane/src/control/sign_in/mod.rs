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
use crate::outcome::Timestamp;
use crate::provider::oauth::{AuthorizationRequest, Client, IncompleteClient, TokenResponse};
use crate::upstream::{ProxyChoice, Upstream};
use callback::{Ended, response_to};

/// How long a person may take. Two-factor codes have to be found.
pub const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Why there are no tokens. Each is a sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error(transparent)]
    IncompleteClient(#[from] IncompleteClient),
    #[error("no port for the answer could be opened on this machine ({0})")]
    NoPort(#[source] std::io::Error),
    #[error("the sign-in was not finished within {} min; start it again", .0.as_secs() / 60)]
    Late(Duration),
    #[error("the sign-in was refused ({0}); start it again, or check `client_id` and `scopes`")]
    Declined(String),
    #[error("the sign-in gave no tokens: {0}")]
    NoTokens(String),
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
            .map_err(SignInError::NoPort)?;
        let port = listener.local_addr().map_err(SignInError::NoPort)?.port();
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
        let code = match ended.map_err(|_| SignInError::Late(limit))? {
            Ended::Code(code) => code,
            Ended::Declined(why) => return Err(SignInError::Declined(why)),
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
            TokenResponse::Refused { detail: reason }
            | TokenResponse::NotProcessed { reason }
            | TokenResponse::Unclear { reason } => Err(SignInError::NoTokens(reason)),
        }
    }
}

#[cfg(test)]
mod tests;
