//! Makes the HTTP request to a provider of a dialect's request.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, HeaderName, Method};

use super::{Balance, Provider};
use crate::account::Credential;
use crate::canon::Fault;
use crate::protocol::Wire;
use crate::protocol::surface::SurfaceTable;
use crate::segmented_bytes::SegmentedBytes;

/// Sent where the request names no user agent: a passthrough keeps the client's.
const USER_AGENT: &str = concat!("aerostat/", env!("CARGO_PKG_VERSION"));

/// At most so many headers are added to a wire request: a credential, four common ones, and the
/// transport's `Host`.
const ADDED_HEADERS: usize = 6;

/// A request in a dialect, before it is addressed to a provider.
#[derive(Clone, Debug)]
pub struct OutboundRequest {
    pub method: Method,
    /// The dialect's version segment, for base URLs that name none.
    pub version: &'static str,
    /// Set where the client's request passes as it is.
    pub surface: Option<&'static SurfaceTable>,
    pub wire: Wire,
}

impl Provider {
    /// The HTTP request: the URL, the credential in this provider's form, and the headers that
    /// every request needs.
    ///
    /// It asks for identity encoding, so that streams can be observed as they pass.
    ///
    /// # Errors
    /// A fault of the client where its model name fits into no URL.
    pub fn prepare(
        &self,
        call: OutboundRequest,
        credential: &Credential,
    ) -> Result<http::Request<SegmentedBytes>, Fault> {
        let OutboundRequest {
            method,
            version,
            surface,
            wire,
        } = call;
        let query = wire.query.as_deref();
        let below = surface.and_then(|surface| {
            let root = surface.upload_root?;
            let path = wire.path.strip_prefix('/')?.strip_prefix(root)?;
            path.starts_with('/').then_some((root, path))
        });
        let uri = match below {
            Some((root, path)) => self.base_url.join_below(root, version, path, query),
            None => self.base_url.join(version, &wire.path, query),
        };
        let uri = uri.map_err(|bad| {
            Fault::bad_request(format!(
                "the request cannot be addressed to provider `{}`: {bad}",
                self.name
            ))
            .with_param("model")
        })?;
        let mut request = http::Request::new(wire.body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let has_body = !request.body().is_empty();
        let headers = request.headers_mut();
        headers.reserve(wire.headers.len() + ADDED_HEADERS);
        headers.extend(
            wire.headers
                .into_iter()
                .filter(|(name, _)| !CREDENTIALS.contains(name)),
        );
        self.sign(headers, credential);
        set_common(headers);
        if has_body && surface.is_none() {
            set_default(headers, header::CONTENT_TYPE, "application/json");
        }
        Ok(request)
    }

    /// Whether the provider has a call for an account's balance.
    pub fn tells_balance(&self) -> bool {
        self.preset().is_some_and(|preset| preset.balance.is_some())
    }

    /// The request for the account's balance, where the provider has such a call. Its response is
    /// read with [`Balance::read`](super::Balance::read).
    pub fn balance_request(
        &self,
        credential: &Credential,
    ) -> Option<(Balance, http::Request<Bytes>)> {
        let balance = self.preset()?.balance?;
        let mut request = http::Request::new(Bytes::new());
        *request.uri_mut() = self.base_url.at_origin(balance.path()).ok()?;
        self.sign(request.headers_mut(), credential);
        set_common(request.headers_mut());
        Some((balance, request))
    }

    /// Adds the credential.
    fn sign(&self, headers: &mut HeaderMap, credential: &Credential) {
        if let Some((name, value)) = self.auth.header_of(credential) {
            headers.insert(name, value);
        }
    }
}

/// The headers of credentials. A client's own are never forwarded.
const CREDENTIALS: [HeaderName; 4] = [header::AUTHORIZATION, X_API_KEY, X_GOOG_API_KEY, API_KEY];
const API_KEY: HeaderName = HeaderName::from_static("api-key");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");

fn set_common(headers: &mut HeaderMap) {
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    set_default(
        headers,
        header::ACCEPT,
        "application/json, text/event-stream",
    );
    set_default(headers, header::USER_AGENT, USER_AGENT);
}

fn set_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers
        .entry(name)
        .or_insert(HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Secret, Tokens};
    use crate::provider::{Auth, sample};

    fn call(headers: Vec<(HeaderName, HeaderValue)>) -> OutboundRequest {
        let wire = Wire {
            path: "/chat/completions".to_owned(),
            query: None,
            headers,
            body: "{}".into(),
        };
        OutboundRequest {
            method: Method::POST,
            version: "v1",
            surface: None,
            wire,
        }
    }

    fn prepared(
        auth: Auth,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> http::Request<SegmentedBytes> {
        let key = Credential::Key(Secret::new("sk-1".to_owned()));
        sample("lab", "https://lab.example", auth)
            .prepare(call(headers), &key)
            .unwrap()
    }

    #[test]
    fn the_key_travels_in_the_providers_form_and_is_marked_sensitive() {
        let table = [
            (Auth::Bearer, "authorization", "Bearer sk-1"),
            (Auth::XApiKey, "x-api-key", "sk-1"),
            (Auth::XGoogApiKey, "x-goog-api-key", "sk-1"),
            (Auth::ApiKey, "api-key", "sk-1"),
        ];
        for (auth, name, value) in table {
            let request = prepared(auth, Vec::new());
            assert_eq!(request.headers()[name], value);
            assert!(request.headers()[name].is_sensitive());
        }
    }

    #[test]
    fn an_access_token_is_a_bearers_and_a_service_accounts_file_never_travels() {
        let tokens = Tokens {
            access: Some(Secret::new("at-1".to_owned())),
            ..Tokens::default()
        };
        let lab = sample("lab", "https://lab.example", Auth::OAuth);
        let request = lab
            .prepare(call(Vec::new()), &Credential::OAuth(tokens))
            .unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer at-1");
        let file = Credential::ServiceAccount(Secret::new("{}".to_owned()));
        assert!(
            !lab.prepare(call(Vec::new()), &file)
                .unwrap()
                .headers()
                .contains_key("authorization")
        );
    }

    #[test]
    fn a_clients_own_credentials_never_reach_the_upstream() {
        let foreign = [header::AUTHORIZATION, X_API_KEY, X_GOOG_API_KEY, API_KEY]
            .map(|name| (name, HeaderValue::from_static("client")));
        let request = prepared(Auth::XApiKey, foreign.to_vec());
        assert_eq!(request.headers()["x-api-key"], "sk-1");
        assert!(
            !request.headers().contains_key("authorization")
                && !request.headers().contains_key("x-goog-api-key")
        );
        let bare = sample("lab", "https://lab.example", Auth::None)
            .prepare(call(foreign.to_vec()), &Credential::None)
            .unwrap();
        assert!(!bare.headers().values().any(|value| value == "client"));
    }

    #[test]
    fn the_balance_is_asked_where_a_provider_tells_it() {
        let key = Credential::Key(Secret::new("sk-1".to_owned()));
        let mine = sample("mine", "https://api.deepseek.com/v1", Auth::Bearer);
        let (balance, request) = mine.balance_request(&key).unwrap();
        assert_eq!(
            (balance, request.uri().to_string()),
            (
                Balance::DeepSeek,
                "https://api.deepseek.com/user/balance".to_owned()
            )
        );
        assert_eq!(request.headers()["authorization"], "Bearer sk-1");
        assert!(
            sample("lab", "https://lab.example", Auth::Bearer)
                .balance_request(&key)
                .is_none()
        );
    }

    #[test]
    fn identity_encoding_is_asked_for_and_the_clients_user_agent_kept() {
        let agent = (header::USER_AGENT, HeaderValue::from_static("codex/1"));
        let encoding = (
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, br"),
        );
        let request = prepared(Auth::Bearer, vec![agent, encoding]);
        assert_eq!(request.headers()["accept-encoding"], "identity");
        assert_eq!(request.headers()["user-agent"], "codex/1");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert!(
            prepared(Auth::Bearer, Vec::new()).headers()["user-agent"]
                .to_str()
                .unwrap()
                .starts_with("aerostat/")
        );
    }

    #[test]
    fn several_values_of_one_header_all_go_out() {
        let beta = HeaderName::from_static("anthropic-beta");
        let request = prepared(
            Auth::Bearer,
            vec![
                (beta.clone(), HeaderValue::from_static("a")),
                (beta.clone(), HeaderValue::from_static("b")),
            ],
        );
        assert_eq!(request.headers().get_all(&beta).iter().count(), 2);
    }

    #[test]
    fn a_name_that_fits_into_no_url_is_the_clients_fault() {
        let mut call = call(Vec::new());
        call.wire.path = "/models/../secret".to_owned();
        let fault = sample("lab", "https://lab.example", Auth::None)
            .prepare(call, &Credential::None)
            .unwrap_err();
        assert_eq!(fault.blame, crate::canon::Blame::Client);
        assert!(fault.message.contains("lab"));
    }
}
