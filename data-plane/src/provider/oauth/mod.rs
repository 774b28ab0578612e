//! OAuth: builds requests to authorization servers and reads their responses. Sans-IO: requests are
//! sent elsewhere.
//!
//! The client is always the user's own; none is shipped, and no vendor's client is imitated.

mod service_account;
mod token_response;

pub use service_account::BadServiceAccount;
pub use token_response::{NoToken, TokenGrant, TokenResponse};

use std::cell::RefCell;

use bytes::Bytes;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, TokenUrl,
};

use crate::account::Secret;
use crate::language::said;
use crate::outcome::Timestamp;

/// The user's own client at an authorization server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The authorization endpoint. `None`: accounts are added with a refresh token.
    pub authorize_url: Option<String>,
    pub token_url: String,
    /// `None`: there is no browser sign-in; a service account still works.
    pub client_id: Option<String>,
    pub scopes: Vec<String>,
}

said! {
    /// What a client's configuration lacks for a request.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum IncompleteClient;
    NoClientId: "no OAuth client is configured: set `client_id` to the id of your own" |
        "kein OAuth-Client eingerichtet: `client_id` auf die ID eines eigenen setzen";
    NoAuthorizeUrl: "it is not known where to sign in: set `authorize_url`" |
        "wo man sich anmeldet, ist nicht bekannt: `authorize_url` setzen";
    BadUrl { key: &'static str }: "`{key}` is no URL" | "`{key}` ist keine URL";
}

/// A sign-in under way (RFC 6749 section 4.1.1, with PKCE): where the user goes, and what proves
/// that a callback belongs to it.
#[derive(Debug)]
pub struct AuthorizationRequest {
    pub url: String,
    /// Returned by the callback.
    pub state: Secret,
    /// Sent with the code; the URL contains its hash (RFC 7636, `S256`).
    verifier: Secret,
    redirect_url: String,
}

impl Client {
    /// Starts a sign-in whose callback goes to `redirect_url`.
    ///
    /// # Errors
    /// What the configuration lacks.
    pub fn authorize(&self, redirect_url: &str) -> Result<AuthorizationRequest, IncompleteClient> {
        let authorize_url = self
            .authorize_url
            .clone()
            .ok_or(IncompleteClient::NoAuthorizeUrl)?;
        let authorize_url = AuthUrl::new(authorize_url).map_err(|_| IncompleteClient::BadUrl {
            key: "authorize_url",
        })?;
        let redirect = RedirectUrl::new(redirect_url.to_owned())
            .map_err(|_| IncompleteClient::BadUrl { key: "redirect" })?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = BasicClient::new(self.id()?)
            .set_auth_uri(authorize_url)
            .set_redirect_uri(redirect);
        let request = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(self.scopes.iter().cloned().map(Scope::new));
        let (url, state) = request.set_pkce_challenge(challenge).url();
        Ok(AuthorizationRequest {
            url: url.into(),
            state: Secret::new(state.into_secret()),
            verifier: Secret::new(verifier.into_secret()),
            redirect_url: redirect_url.to_owned(),
        })
    }

    /// The request that exchanges the code of a sign-in for tokens.
    ///
    /// # Errors
    /// What the configuration lacks.
    pub fn exchange(
        &self,
        authorization: &AuthorizationRequest,
        code: &Secret,
        secret: Option<&Secret>,
    ) -> Result<http::Request<Bytes>, IncompleteClient> {
        let redirect = RedirectUrl::new(authorization.redirect_url.clone())
            .map_err(|_| IncompleteClient::BadUrl { key: "redirect" })?;
        let client = BasicClient::new(self.id()?)
            .set_token_uri(self.token_url()?)
            .set_redirect_uri(redirect);
        let client = with_secret(client, secret);
        let verifier = PkceCodeVerifier::new(authorization.verifier.expose().to_owned());
        let request = client
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(verifier);
        Ok(captured_request(|capture| drop(request.request(&capture))))
    }

    /// The request for a new access token.
    ///
    /// # Errors
    /// What the configuration lacks.
    pub fn refresh(
        &self,
        refresh: &Secret,
        secret: Option<&Secret>,
    ) -> Result<http::Request<Bytes>, IncompleteClient> {
        let client = with_secret(
            BasicClient::new(self.id()?).set_token_uri(self.token_url()?),
            secret,
        );
        let refresh = RefreshToken::new(refresh.expose().to_owned());
        Ok(captured_request(|capture| {
            drop(client.exchange_refresh_token(&refresh).request(&capture))
        }))
    }

    /// The request for an access token of a service account. `file` is the whole JSON of Google's
    /// file.
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

    fn id(&self) -> Result<ClientId, IncompleteClient> {
        self.client_id
            .clone()
            .map(ClientId::new)
            .ok_or(IncompleteClient::NoClientId)
    }

    fn token_url(&self) -> Result<TokenUrl, IncompleteClient> {
        TokenUrl::new(self.token_url.clone())
            .map_err(|_| IncompleteClient::BadUrl { key: "token_url" })
    }
}

type ConfiguredClient<A, T> =
    BasicClient<A, oauth2::EndpointNotSet, oauth2::EndpointNotSet, oauth2::EndpointNotSet, T>;

fn with_secret<A: oauth2::EndpointState, T: oauth2::EndpointState>(
    client: ConfiguredClient<A, T>,
    secret: Option<&Secret>,
) -> ConfiguredClient<A, T> {
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => client,
    }
}

/// Ends the send: the `oauth2` crate builds a request only while it sends it.
#[derive(Debug, thiserror::Error)]
#[error("taken, not sent")]
struct Captured;

/// The request that `send` hands to its HTTP client, without sending it.
fn captured_request(
    send: impl FnOnce(&dyn Fn(HttpRequest) -> Result<HttpResponse, Captured>),
) -> http::Request<Bytes> {
    let kept = RefCell::new(None);
    send(&|request| {
        kept.replace(Some(request));
        Err(Captured)
    });
    kept.into_inner()
        .map(|request| request.map(Bytes::from))
        .expect("the crate hands every token request to its HTTP client")
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
        let authorization = client().authorize("http://127.0.0.1:9/callback").unwrap();
        let (base, query) = authorization.url.split_once('?').unwrap();
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
            (authorization.state.expose(), "S256")
        );
        let hash = sha2::Sha256::digest(authorization.verifier.expose());
        assert_eq!(query["code_challenge"], BASE64_URL_SAFE_NO_PAD.encode(hash));
        assert!(!authorization.url.contains(authorization.verifier.expose()));
        assert_ne!(
            client()
                .authorize("http://127.0.0.1:9/callback")
                .unwrap()
                .state,
            authorization.state
        );
    }

    #[test]
    fn a_code_is_exchanged_with_its_verifier() {
        let authorization = client().authorize("http://127.0.0.1:9/callback").unwrap();
        let request = client()
            .exchange(&authorization, &secret("co de"), None)
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
            (
                authorization.verifier.expose(),
                "http://127.0.0.1:9/callback"
            )
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
            IncompleteClient::NoClientId
        );
        let nowhere = Client {
            authorize_url: None,
            ..client()
        };
        assert_eq!(
            nowhere
                .authorize("http://127.0.0.1:9/callback")
                .unwrap_err(),
            IncompleteClient::NoAuthorizeUrl
        );
    }

    #[test]
    fn no_secret_is_shown() {
        let authorization = client().authorize("http://127.0.0.1:9/callback").unwrap();
        assert!(!format!("{authorization:?}").contains(authorization.verifier.expose()));
    }
}
