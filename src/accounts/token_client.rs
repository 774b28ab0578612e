//! Asking authorization servers for tokens: requests are made by [`crate::provider::oauth`], and
//! sent here.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::BodyExt as _;

use crate::account::{Account, Credential, Secret, Tokens};
use crate::outcome::{Stage, Timestamp};
use crate::pool::{Granted, Refreshed, Refresher};
use crate::provider::Provider;
use crate::provider::oauth::{self, Answer};
use crate::upstream::{ProxyChoice, Upstream};

/// How long a token endpoint may take to its whole answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 256 * 1024;
const AGENT: &str = concat!("aerostat/", env!("CARGO_PKG_VERSION"));

/// Sends a request for tokens and reads the answer. `sent` are the secrets that it carries: they
/// are not repeated in words.
pub async fn ask(
    upstream: &dyn Upstream,
    via: &ProxyChoice,
    mut request: Request<Bytes>,
    sent: &[&Secret],
    now: Timestamp,
) -> Answer {
    request
        .headers_mut()
        .insert(USER_AGENT, HeaderValue::from_static(AGENT));
    request
        .headers_mut()
        .entry(ACCEPT)
        .or_insert(HeaderValue::from_static("application/json"));
    match tokio::time::timeout(ANSWER_TIMEOUT, exchange(upstream, via, request)).await {
        Ok(Ok((head, body))) => Answer::read(head.status, &head.headers, &body, sent, now),
        Ok(Err(answer)) => answer,
        Err(_) => Answer::Unclear {
            why: format!(
                "the token endpoint gave no answer within {} s",
                ANSWER_TIMEOUT.as_secs()
            ),
        },
    }
}

async fn exchange(
    upstream: &dyn Upstream,
    via: &ProxyChoice,
    request: Request<Bytes>,
) -> Result<(http::response::Parts, Vec<u8>), Answer> {
    let answer = upstream
        .send(request.map(Into::into), via)
        .await
        .map_err(|error| match error.stage {
            Stage::Connect | Stage::Tls => Answer::NotTaken { why: error.message },
            Stage::Head | Stage::Body => Answer::Unclear { why: error.message },
        })?;
    let (head, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(unclear("the token endpoint's answer broke off"));
        };
        bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(unclear(
                "the token endpoint's answer is too long; check `token_url`",
            ));
        }
    }
    Ok((head, bytes))
}

fn unclear(why: &str) -> Answer {
    Answer::Unclear {
        why: why.to_owned(),
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
    async fn send(&self, account: &Account, credential: &Credential) -> Refreshed {
        let now = (self.now)();
        let (request, sent) = match self.request(account, credential, now) {
            Ok(made) => made,
            Err(why) => return Refreshed::NotSent { reason: why },
        };
        let via = match ProxyChoice::of(account) {
            Ok(via) => via,
            Err(why) => {
                return Refreshed::NotSent {
                    reason: format!("the account's proxy cannot be used: {why}"),
                };
            }
        };
        refreshed(ask(&*self.upstream, &via, request, &sent, now).await)
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
    ) -> BoxFuture<'a, Refreshed> {
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
            Ok((
                request,
                [Some(refresh), client_secret.as_ref()]
                    .into_iter()
                    .flatten()
                    .collect(),
            ))
        }
        Credential::OAuth(_) => Err("there is no refresh token".to_owned()),
        Credential::Key(_) | Credential::None => Err("a key is not refreshed".to_owned()),
    }
}

fn refreshed(answer: Answer) -> Refreshed {
    match answer {
        Answer::Granted(oauth::Granted {
            access,
            expires_at,
            refresh,
        }) => Refreshed::Granted(Granted {
            access,
            expires_at,
            refresh,
        }),
        Answer::Refused { said } => Refreshed::Refused { detail: said },
        Answer::NotTaken { why } => Refreshed::NotSent { reason: why },
        Answer::Unclear { why } => Refreshed::Unclear { reason: why },
    }
}
