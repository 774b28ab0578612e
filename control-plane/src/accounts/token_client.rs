//! Sends token requests to authorization servers. [`crate::provider::oauth`] builds the requests
//! and reads the responses.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryFutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};
use tracing::debug;

use crate::account::{Account, Credential, Secret, Tokens};
use crate::language::{Said, said};
use crate::outcome::{Stage, Timestamp};
use crate::pool::Refresher;
use crate::provider::Provider;
use crate::provider::oauth::{self, NoToken, TokenResponse};
use crate::upstream::{BoxError, ProxyChoice, Upstream, UpstreamBody};

/// From the request to the last byte of the response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
const RESPONSE_BYTES_MAX: usize = 256 * 1024;
const AGENT: &str = concat!("aerostat/", env!("CARGO_PKG_VERSION"));

/// Sends a token request and reads the response.
///
/// `sent` are the secrets in the request: they are redacted in what the server says of them.
pub async fn send(
    upstream: &dyn Upstream,
    via: &ProxyChoice,
    mut request: Request<Bytes>,
    sent: &[&Secret],
    now: Timestamp,
) -> TokenResponse {
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers
        .entry(ACCEPT)
        .or_insert(HeaderValue::from_static("application/json"));

    match tokio::time::timeout(RESPONSE_TIMEOUT, exchange(upstream, via, request)).await {
        Ok(Ok(response)) => {
            let (head, body) = response.into_parts();
            TokenResponse::read(head.status, &head.headers, &body, sent, now)
        }
        Ok(Err(failure)) => failure,
        Err(_) => {
            let seconds = RESPONSE_TIMEOUT.as_secs();
            debug!(seconds, "token endpoint timed out");
            unclear(NoToken::Late { seconds })
        }
    }
}

/// The response with its whole body, or what its absence says about the grant.
async fn exchange(
    upstream: &dyn Upstream,
    via: &ProxyChoice,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TokenResponse> {
    let sent = upstream.send(request.map(Into::into), via).await;
    let response = sent.map_err(|error| match error.stage {
        Stage::Connect | Stage::Tls => TokenResponse::NotProcessed {
            reason: NoToken::Transport {
                words: error.message,
            },
        },
        Stage::Head | Stage::Body => unclear(NoToken::Transport {
            words: error.message,
        }),
    })?;

    let (head, body) = response.into_parts();
    match read_body(body, RESPONSE_BYTES_MAX).await {
        Ok(body) => Ok(Response::from_parts(head, body)),
        Err(error) if error.is::<LengthLimitError>() => {
            debug!(bytes_max = RESPONSE_BYTES_MAX, "token response is too long");
            Err(unclear(NoToken::TooLong))
        }
        Err(_) => Err(unclear(NoToken::BrokeOff)),
    }
}

/// Reads a body of at most `bytes_max` bytes; a longer one ends with a [`LengthLimitError`].
///
/// Boxed, since the compiler cannot prove that an `async fn` over a boxed error is `Send`.
fn read_body(body: UpstreamBody, bytes_max: usize) -> BoxFuture<'static, Result<Bytes, BoxError>> {
    let collected = Limited::new(body, bytes_max).collect();
    Box::pin(collected.map_ok(Collected::to_bytes))
}

fn unclear(reason: NoToken) -> TokenResponse {
    TokenResponse::Unclear { reason }
}

/// Finds a provider by its name, as it is configured now.
pub type FindProvider = Arc<dyn Fn(&str) -> Option<Provider> + Send + Sync>;

/// Sends the pool's refreshes.
pub struct TokenSender {
    pub provider: FindProvider,
    pub upstream: Arc<dyn Upstream>,
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl TokenSender {
    async fn send(&self, account: &Account, credential: &Credential) -> TokenResponse {
        let now = (self.now)();
        let (request, sent) = match self.request(account, credential, now) {
            Ok(made) => made,
            Err(why) => return TokenResponse::NotProcessed { reason: why },
        };
        let via = match ProxyChoice::of(account) {
            Ok(via) => via,
            Err(why) => {
                return TokenResponse::NotProcessed {
                    reason: NoToken::Proxy { why },
                };
            }
        };
        send(&*self.upstream, &via, request, &sent, now).await
    }

    /// The request for a new access token, and the secrets in it.
    fn request<'c>(
        &self,
        account: &Account,
        credential: &'c Credential,
        now: Timestamp,
    ) -> Result<(Request<Bytes>, Vec<&'c Secret>), NoToken> {
        let name = &account.provider;
        let provider = (self.provider)(name).ok_or_else(|| NoToken::ProviderGone {
            provider: name.clone(),
        })?;
        let client = provider.oauth.ok_or_else(|| NoToken::NoClient {
            provider: name.clone(),
        })?;
        request(&client, credential, now).map_err(|why| NoToken::BadClient {
            provider: name.clone(),
            why,
        })
    }
}

impl Refresher for TokenSender {
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        credential: &'a Credential,
    ) -> BoxFuture<'a, TokenResponse> {
        Box::pin(self.send(account, credential))
    }
}

said! {
    /// Why a credential gives no new token.
    #[derive(Debug)]
    enum NotRefreshable;
    NoRefreshToken: "there is no refresh token" | "es gibt kein Refresh-Token";
    Key: "a key is not refreshed" | "ein Schlüssel wird nicht erneuert";
}

fn request<'c>(
    client: &oauth::Client,
    credential: &'c Credential,
    now: Timestamp,
) -> Result<(Request<Bytes>, Vec<&'c Secret>), Said> {
    match credential {
        Credential::ServiceAccount(file) => Ok((client.service_account(file, now)?, Vec::new())),
        Credential::OAuth(Tokens {
            refresh: Some(refresh),
            client_secret,
            ..
        }) => {
            let request = client.refresh(refresh, client_secret.as_ref())?;
            let sent = std::iter::once(refresh).chain(client_secret);
            Ok((request, sent.collect()))
        }
        Credential::OAuth(_) => Err(NotRefreshable::NoRefreshToken.into()),
        Credential::Key(_) | Credential::None => Err(NotRefreshable::Key.into()),
    }
}
