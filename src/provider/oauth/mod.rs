//! What is said to authorization servers, and how their answers read. Sans-IO: requests are made
//! here and sent elsewhere.
//!
//! The client is always the person's own; none is shipped, and none of another vendor's is
//! imitated.

mod service_account;
mod token_response;

pub use service_account::BadServiceAccount;
pub use token_response::{TokenGrant, TokenResponse};

use std::cell::RefCell;

use bytes::Bytes;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, TokenUrl,
};

use crate::account::Secret;
use crate::outcome::Timestamp;

/// The person's own client at an authorization server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Where a person signs in. `None`: accounts are added with a refresh token.
    pub authorize_url: Option<String>,
    pub token_url: String,
    /// `None`: there is no browser sign-in; a service account still works.
    pub client_id: Option<String>,
    pub scopes: Vec<String>,
}

/// What a client lacks for what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    #[error("no OAuth client is configured: set `client_id` to the id of your own")]
    NoClientId,
    #[error("it is not known where to sign in: set `authorize_url`")]
    NoAuthorizeUrl,
    #[error("`{0}` is no URL")]
    BadUrl(&'static str),
}

/// A sign-in under way: where the person goes, and what proves that the answer is to this question.
#[derive(Debug)]
pub struct Question {
    pub url: String,
    /// Comes back with the answer.
    pub state: Secret,
    /// Sent with the code; its hash stands in the URL (RFC 7636, `S256`).
    verifier: Secret,
    redirect_url: String,
}

impl Client {
    /// Where a person signs in, once, with the answer sent to `redirect_url`.
    ///
    /// # Errors
    /// What the configuration lacks.
    pub fn ask(&self, redirect_url: &str) -> Result<Question, Incomplete> {
        let authorize_url = self
            .authorize_url
            .clone()
            .ok_or(Incomplete::NoAuthorizeUrl)?;
        let authorize_url =
            AuthUrl::new(authorize_url).map_err(|_| Incomplete::BadUrl("authorize_url"))?;
        let redirect = RedirectUrl::new(redirect_url.to_owned())
            .map_err(|_| Incomplete::BadUrl("redirect"))?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = BasicClient::new(self.id()?)
            .set_auth_uri(authorize_url)
            .set_redirect_uri(redirect);
        let asked = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(self.scopes.iter().cloned().map(Scope::new));
        let (url, state) = asked.set_pkce_challenge(challenge).url();
        Ok(Question {
            url: url.into(),
            state: Secret::new(state.into_secret()),
            verifier: Secret::new(verifier.into_secret()),
            redirect_url: redirect_url.to_owned(),
        })
    }

    /// The request that turns the code of a sign-in into tokens.
    ///
    /// # Errors
    /// What the configuration lacks.
    pub fn exchange(
        &self,
        question: &Question,
        code: &Secret,
        secret: Option<&Secret>,
    ) -> Result<http::Request<Bytes>, Incomplete> {
        let redirect = RedirectUrl::new(question.redirect_url.clone())
            .map_err(|_| Incomplete::BadUrl("redirect"))?;
        let client = BasicClient::new(self.id()?)
            .set_token_uri(self.token_url()?)
            .set_redirect_uri(redirect);
        let client = with_secret(client, secret);
        let verifier = PkceCodeVerifier::new(question.verifier.expose().to_owned());
        let asked = client
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(verifier);
        Ok(taken(|take| drop(asked.request(&take))))
    }

    /// The request for a new access token.
    ///
    /// # Errors
    /// What the configuration lacks.
    pub fn refresh(
        &self,
        refresh: &Secret,
        secret: Option<&Secret>,
    ) -> Result<http::Request<Bytes>, Incomplete> {
        let client = with_secret(
            BasicClient::new(self.id()?).set_token_uri(self.token_url()?),
            secret,
        );
        let refresh = RefreshToken::new(refresh.expose().to_owned());
        Ok(taken(|take| {
            drop(client.exchange_refresh_token(&refresh).request(&take))
        }))
    }

    /// The request for an access token of a service account. `file` is Google's JSON, whole.
    ///
    /// # Errors
    /// What the file lacks.
    pub fn service_account(
        &self,
        file: &Secret,
        now: Timestamp,
    ) -> Result<http::Request<Bytes>, BadServiceAccount> {
        service_account::request(file, &self.token_url, &self.scopes, now)
    }

    fn id(&self) -> Result<ClientId, Incomplete> {
        self.client_id
            .clone()
            .map(ClientId::new)
            .ok_or(Incomplete::NoClientId)
    }

    fn token_url(&self) -> Result<TokenUrl, Incomplete> {
        TokenUrl::new(self.token_url.clone()).map_err(|_| Incomplete::BadUrl("token_url"))
    }
}

type Of<A, T> =
    BasicClient<A, oauth2::EndpointNotSet, oauth2::EndpointNotSet, oauth2::EndpointNotSet, T>;

fn with_secret<A: oauth2::EndpointState, T: oauth2::EndpointState>(
    client: Of<A, T>,
    secret: Option<&Secret>,
) -> Of<A, T> {
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => client,
    }
}

/// Stands for the answer that does not come: the crate makes a request only while it sends it.
#[derive(Debug, thiserror::Error)]
#[error("taken, not sent")]
struct Taken;

/// The request that `send` would have sent.
fn taken(
    send: impl FnOnce(&dyn Fn(HttpRequest) -> Result<HttpResponse, Taken>),
) -> http::Request<Bytes> {
    let kept = RefCell::new(None);
    send(&|request| {
        kept.replace(Some(request));
        Err(Taken)
    });
    kept.into_inner()
        .map(|request| request.map(Bytes::from))
        .expect("every request of a token is handed to its sender")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    use sha2::Digest as _;
    use std::collections::HashMap;

    fn client() -> Client {
        Client {
            authorize_url: Some("https://id.example/auth?tenant=a".to_owned()),
            token_url: "https://id.example/token".to_owned(),
            client_id: Some("my client".to_owned()),
            scopes: vec!["a:read".to_owned(), "b".to_owned()],
        }
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn pairs(encoded: &[u8]) -> HashMap<String, String> {
        let text = std::str::from_utf8(encoded).unwrap().replace('+', " ");
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .unwrap()
                .into_owned()
        };
        text.split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect()
    }

    #[test]
    fn a_question_proves_its_answer() {
        let question = client().ask("http://127.0.0.1:9/callback").unwrap();
        let (base, query) = question.url.split_once('?').unwrap();
        let query = pairs(query.as_bytes());
        assert_eq!(base, "https://id.example/auth");
        assert_eq!(
            (
                &*query["tenant"],
                &*query["response_type"],
                &*query["client_id"]
            ),
            ("a", "code", "my client")
        );
        assert_eq!(
            (&*query["redirect_uri"], &*query["scope"]),
            ("http://127.0.0.1:9/callback", "a:read b")
        );
        assert_eq!(
            (&*query["state"], &*query["code_challenge_method"]),
            (question.state.expose(), "S256")
        );
        let hash = sha2::Sha256::digest(question.verifier.expose());
        assert_eq!(query["code_challenge"], BASE64_URL_SAFE_NO_PAD.encode(hash));
        assert!(!question.url.contains(question.verifier.expose()));
        assert_ne!(
            client().ask("http://127.0.0.1:9/callback").unwrap().state,
            question.state
        );
    }

    #[test]
    fn a_code_is_exchanged_with_its_verifier() {
        let question = client().ask("http://127.0.0.1:9/callback").unwrap();
        let request = client()
            .exchange(&question, &secret("co de"), None)
            .unwrap();
        let body = pairs(request.body());
        assert_eq!(
            (request.method().as_str(), request.uri().to_string()),
            ("POST", "https://id.example/token".to_owned())
        );
        assert_eq!(
            request.headers()["content-type"],
            "application/x-www-form-urlencoded"
        );
        assert_eq!(
            (&*body["grant_type"], &*body["code"], &*body["client_id"]),
            ("authorization_code", "co de", "my client")
        );
        assert_eq!(
            (&*body["code_verifier"], &*body["redirect_uri"]),
            (question.verifier.expose(), "http://127.0.0.1:9/callback")
        );
    }

    #[test]
    fn a_client_with_a_secret_says_who_it_is_in_a_header() {
        let request = client()
            .refresh(&secret("rt-1"), Some(&secret("s:1")))
            .unwrap();
        let body = pairs(request.body());
        assert_eq!(
            (&*body["grant_type"], &*body["refresh_token"]),
            ("refresh_token", "rt-1")
        );
        let basic = request.headers()["authorization"]
            .to_str()
            .unwrap()
            .strip_prefix("Basic ")
            .unwrap();
        assert_eq!(BASE64_STANDARD.decode(basic).unwrap(), b"my+client:s%3A1");
        assert!(!String::from_utf8_lossy(request.body()).contains("s%3A1"));
    }

    #[test]
    fn what_is_missing_is_said() {
        let unconfigured = Client {
            client_id: None,
            ..client()
        };
        assert_eq!(
            unconfigured.refresh(&secret("r"), None).unwrap_err(),
            Incomplete::NoClientId
        );
        let nowhere = Client {
            authorize_url: None,
            ..client()
        };
        assert_eq!(
            nowhere.ask("http://127.0.0.1:9/callback").unwrap_err(),
            Incomplete::NoAuthorizeUrl
        );
    }

    #[test]
    fn no_secret_is_shown() {
        let question = client().ask("http://127.0.0.1:9/callback").unwrap();
        assert!(!format!("{question:?}").contains(question.verifier.expose()));
    }
}
