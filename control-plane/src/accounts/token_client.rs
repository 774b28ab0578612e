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
use crate::outcome::{Stage, Timestamp};
use crate::pool::Refresher;
use crate::provider::Provider;
use crate::provider::oauth::{self, TokenResponse};
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
            unclear(format!(
                "the token endpoint gave no answer within {seconds} s"
            ))
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
            reason: error.message,
        },
        Stage::Head | Stage::Body => unclear(error.message),
    })?;

    let (head, body) = response.into_parts();
    match read_body(body, RESPONSE_BYTES_MAX).await {
        Ok(body) => Ok(Response::from_parts(head, body)),
        Err(error) if error.is::<LengthLimitError>() => {
            debug!(bytes_max = RESPONSE_BYTES_MAX, "token response is too long");
            Err(unclear(
                "the token endpoint's answer is too long; check `token_url`",
            ))
        }
        Err(_) => Err(unclear("the token endpoint's answer broke off")),
    }
}

/// Reads a body of at most `bytes_max` bytes; a longer one ends with a [`LengthLimitError`].
///
/// Boxed, since the compiler cannot prove that an `async fn` over a boxed error is `Send`.
fn read_body(body: UpstreamBody, bytes_max: usize) -> BoxFuture<'static, Result<Bytes, BoxError>> {
    let collected = Limited::new(body, bytes_max).collect();
    Box::pin(collected.map_ok(Collected::to_bytes))
}

fn unclear(reason: impl Into<String>) -> TokenResponse {
    TokenResponse::Unclear {
        reason: reason.into(),
    }
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
                    reason: format!("the account's proxy cannot be used: {why}"),
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
    ) -> Result<(Request<Bytes>, Vec<&'c Secret>), String> {
        let name = &account.provider;
        let provider = (self.provider)(name).ok_or_else(|| {
            format!("there is no provider `{name}` in the configuration any more")
        })?;
        let client = provider
            .oauth
            .ok_or_else(|| format!("[providers.{name}.oauth] is missing in the configuration"))?;
        request(&client, credential, now).map_err(|why| format!("[providers.{name}.oauth]: {why}"))
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

fn request<'c>(
    client: &oauth::Client,
    credential: &'c Credential,
    now: Timestamp,
) -> Result<(Request<Bytes>, Vec<&'c Secret>), String> {
    match credential {
        Credential::ServiceAccount(file) => {
            let request = client
                .service_account(file, now)
                .map_err(|bad| bad.to_string())?;
            Ok((request, Vec::new()))
        }
        Credential::OAuth(Tokens {
            refresh: Some(refresh),
            client_secret,
            ..
        }) => {
            let request = client
                .refresh(refresh, client_secret.as_ref())
                .map_err(|incomplete| incomplete.to_string())?;
            let sent = std::iter::once(refresh).chain(client_secret);
            Ok((request, sent.collect()))
        }
        Credential::OAuth(_) => Err("there is no refresh token".to_owned()),
        Credential::Key(_) | Credential::None => Err("a key is not refreshed".to_owned()),
    }
}
