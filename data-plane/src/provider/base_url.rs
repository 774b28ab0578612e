//! A provider's base URL, as users write it, and a join that never doubles a version segment.
//!
//! It neither resolves names nor connects.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::account::Address;
use crate::language::said;

/// Scheme, host, port and the path prefix of every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// Without a trailing slash. Runs of version segments are reduced to their last.
    path: String,
    /// Whether the path already contains a version.
    is_versioned: bool,
    address: Address,
}

said! {
    /// A base URL that cannot be used: what was expected.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum BadBaseUrl;
    Fragment: "expected a URL without a fragment" | "erwartet wird eine URL ohne Fragment";
    Scheme: "expected an http or https URL" | "erwartet wird eine URL mit http oder https";
    NoScheme: "expected an http or https URL, starting with `https://` or `http://`" |
        "erwartet wird eine URL, die mit `https://` oder `http://` beginnt";
    User: "expected a URL without a user or password: keys belong into the variable that `key_env` names" |
        "erwartet wird eine URL ohne Benutzer und Passwort: Schlüssel gehören in die Variable, die `key_env` nennt";
    Query: "expected a URL without a query" | "erwartet wird eine URL ohne Query";
    Authority: "expected an http or https URL with a host and, at most, a port" |
        "erwartet wird eine URL mit http oder https, einem Host und höchstens einem Port";
    DotDot: "expected a path without `..` segments" | "erwartet wird ein Pfad ohne `..`";
    Path: "expected a path that a URL can carry" | "erwartet wird ein Pfad, der in eine URL passt";
}

/// Paths that users paste along with the base URL. What precedes one is used exactly as it is,
/// which is also how to configure a service without a version segment.
const ENDPOINTS: [&str; 4] = ["/chat/completions", "/responses", "/messages", "/models"];

impl BaseUrl {
    /// # Errors
    /// When the text is no http or https URL, or carries what has no place in a base URL.
    pub fn parse(text: &str) -> Result<Self, BadBaseUrl> {
        if text.contains('#') {
            return Err(BadBaseUrl::Fragment);
        }
        let uri: Uri = text.trim().parse().map_err(|_| BadBaseUrl::Scheme)?;
        let address = Address::of(&uri);
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(BadBaseUrl::NoScheme);
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(BadBaseUrl::Scheme);
        }
        if authority.as_str().contains('@') {
            return Err(BadBaseUrl::User);
        }
        let path_and_query = parts
            .path_and_query
            .map(|path| path.to_string())
            .unwrap_or_default();
        if path_and_query.contains('?') {
            return Err(BadBaseUrl::Query);
        }
        let address = address.map_err(|_| BadBaseUrl::Authority)?;
        let (path, is_versioned) = normalised(&path_and_query);
        Ok(Self {
            scheme,
            authority,
            path,
            is_versioned,
            address,
        })
    }

    /// The URL of `path`, which is relative to the version segment. `version` is inserted where the
    /// base has none.
    ///
    /// # Errors
    /// When the path contains `..` (clients choose the names of models) or does not fit into a URL.
    pub fn join(&self, version: &str, path: &str, query: Option<&str>) -> Result<Uri, BadBaseUrl> {
        if path.split('/').any(is_dots) {
            return Err(BadBaseUrl::DotDot);
        }
        let query = query.filter(|query| !query.is_empty());
        let length =
            self.path.len() + 1 + version.len() + path.len() + 1 + query.map_or(0, str::len);
        let mut target = String::with_capacity(length);
        target.push_str(&self.path);
        if !self.is_versioned {
            target.push('/');
            target.push_str(version);
        }
        target.push_str(path);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(target)
            .build()
            .map_err(|_| BadBaseUrl::Path)
    }

    /// The same for a path below `root`, which stands before the version segment:
    /// `https://host/upload/v1beta/files`.
    ///
    /// # Errors
    /// As [`BaseUrl::join`].
    pub fn join_below(
        &self,
        root: &str,
        version: &str,
        path: &str,
        query: Option<&str>,
    ) -> Result<Uri, BadBaseUrl> {
        let (prefix, last) = self.path.rsplit_once('/').unwrap_or_default();
        let (prefix, version) = match is_version(last) {
            true => (prefix, last),
            false => (self.path.as_str(), version),
        };
        let below = Self {
            path: format!("{prefix}/{root}/{version}"),
            is_versioned: true,
            ..self.clone()
        };
        below.join(version, path, query)
    }

    /// Whether `uri` is at this origin: the same scheme, host and port.
    pub fn is_origin_of(&self, uri: &Uri) -> bool {
        uri.scheme() == Some(&self.scheme)
            && Address::of(uri).is_ok_and(|address| address == self.address)
    }

    /// The origin, which a credential is bound to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The URL of an absolute path at the same origin, for calls outside the base path.
    ///
    /// # Errors
    /// When the path does not fit into a URL.
    pub fn at_origin(&self, path: &str) -> Result<Uri, BadBaseUrl> {
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path);
        uri.build().map_err(|_| BadBaseUrl::Path)
    }

    pub fn is_plain_http(&self) -> bool {
        self.scheme == Scheme::HTTP
    }

    /// The host as it is written.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// Whether the host is this machine: `localhost`, a name below it, or a loopback address.
    pub fn is_loopback(&self) -> bool {
        let host = self
            .authority
            .host()
            .trim_end_matches('.')
            .to_ascii_lowercase();
        let literal = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        match literal {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// Normalises the path, and tells whether it contains a version.
fn normalised(path: &str) -> (String, bool) {
    let path = path.trim_end_matches('/');
    let base = ENDPOINTS
        .iter()
        .find_map(|endpoint| path.strip_suffix(endpoint));
    let mut kept: Vec<&str> = Vec::new();
    for segment in base
        .unwrap_or(path)
        .split('/')
        .filter(|segment| !segment.is_empty())
    {
        if is_version(segment) && kept.last().is_some_and(|last| is_version(last)) {
            kept.pop();
        }
        kept.push(segment);
    }
    let is_versioned = base.is_some() || kept.iter().any(|segment| is_version(segment));
    (
        kept.iter().map(|segment| format!("/{segment}")).collect(),
        is_versioned,
    )
}

/// Whether a segment reads like `v1`, `v4`, `v1beta`, `v1alpha2`.
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else {
        return false;
    };
    let word = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let has_number = word.len() < rest.len();
    has_number
        && matches!(
            word.trim_end_matches(|c: char| c.is_ascii_digit()),
            "" | "alpha" | "beta"
        )
}

fn is_dots(segment: &str) -> bool {
    segment.starts_with(['.', '%'])
        && matches!(
            segment.to_ascii_lowercase().replace("%2e", ".").as_str(),
            "." | ".."
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, version: &str, path: &str) -> String {
        BaseUrl::parse(base)
            .unwrap()
            .join(version, path, None)
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_version_segment_is_added_where_it_is_missing_and_never_doubled() {
        let table = [
            (
                "https://api.openai.com",
                "v1",
                "/chat/completions",
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                "https://api.openai.com/",
                "v1",
                "/chat/completions",
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                "https://api.openai.com/v1",
                "v1",
                "/responses",
                "https://api.openai.com/v1/responses",
            ),
            (
                "https://api.openai.com/v1/",
                "v1",
                "/responses",
                "https://api.openai.com/v1/responses",
            ),
            (
                "https://api.openai.com/v1/v1",
                "v1",
                "/responses",
                "https://api.openai.com/v1/responses",
            ),
            (
                "https://api.openai.com//v1//",
                "v1",
                "/responses",
                "https://api.openai.com/v1/responses",
            ),
            (
                "https://openrouter.ai/api/v1",
                "v1",
                "/models",
                "https://openrouter.ai/api/v1/models",
            ),
            (
                "https://host/api/paas/v4",
                "v1",
                "/chat/completions",
                "https://host/api/paas/v4/chat/completions",
            ),
            (
                "https://host/v1beta/openai",
                "v1",
                "/chat/completions",
                "https://host/v1beta/openai/chat/completions",
            ),
            (
                "https://host/v1beta",
                "v1beta",
                "/models/g:generateContent",
                "https://host/v1beta/models/g:generateContent",
            ),
            (
                "https://host/v1/v1beta",
                "v1beta",
                "/models/g:generateContent",
                "https://host/v1beta/models/g:generateContent",
            ),
            (
                "https://host",
                "v1beta",
                "/models/g:generateContent",
                "https://host/v1beta/models/g:generateContent",
            ),
            (
                "https://host/anthropic",
                "v1",
                "/messages",
                "https://host/anthropic/v1/messages",
            ),
            (
                "http://[::1]:9000/v1",
                "v1",
                "/messages",
                "http://[::1]:9000/v1/messages",
            ),
            (
                "https://host/v1/acct/gate/openai",
                "v1",
                "/responses",
                "https://host/v1/acct/gate/openai/responses",
            ),
            (
                "https://host/vendor",
                "v1",
                "/messages",
                "https://host/vendor/v1/messages",
            ),
        ];
        for (base, version, path, expected) in table {
            assert_eq!(joined(base, version, path), expected, "base `{base}`");
        }
    }

    #[test]
    fn a_pasted_endpoint_says_exactly_what_stands_in_front_of_it() {
        assert_eq!(
            joined("https://host/inference/chat/completions", "v1", "/models"),
            "https://host/inference/models"
        );
        assert_eq!(
            joined("https://host/v1/messages/", "v1", "/messages"),
            "https://host/v1/messages"
        );
    }

    #[test]
    fn the_query_of_a_call_is_carried() {
        let base = BaseUrl::parse("https://host/v1beta").unwrap();
        let uri = base
            .join("v1beta", "/models/g:streamGenerateContent", Some("alt=sse"))
            .unwrap();
        assert_eq!(
            uri.to_string(),
            "https://host/v1beta/models/g:streamGenerateContent?alt=sse"
        );
        assert_eq!(
            base.join("v1beta", "/models", Some("")).unwrap().query(),
            None
        );
    }

    #[test]
    fn a_name_of_a_model_cannot_walk_to_another_path() {
        let base = BaseUrl::parse("https://host").unwrap();
        for path in [
            "/models/../files",
            "/models/%2e%2E/files",
            "/models/./x",
            "/models/a b",
            "/models/\n",
        ] {
            assert!(base.join("v1beta", path, None).is_err(), "path `{path}`");
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for text in [
            "",
            "host",
            "host:80",
            "/v1",
            "ftp://host",
            "https://",
            "https://me:pw@host",
            "https://host/v1?key=1",
            "https://h/#x",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "`{text}`");
        }
    }

    #[test]
    fn the_address_is_scheme_host_and_port() {
        let address = |base| BaseUrl::parse(base).unwrap().address().to_string();
        assert_eq!(address("https://API.example/v1"), "https://api.example:443");
        assert_eq!(address("http://[::1]"), "http://[::1]:80");
        assert_eq!(
            address("https://api.example:443"),
            address("https://api.example/other")
        );
        let base = BaseUrl::parse("https://host/api/v1").unwrap();
        assert_eq!(
            base.at_origin("/user/balance").unwrap().to_string(),
            "https://host/user/balance"
        );
    }

    #[test]
    fn loopback_is_told_from_other_machines() {
        let is_loopback = |base| BaseUrl::parse(base).unwrap().is_loopback();
        for base in [
            "http://localhost",
            "http://LOCALHOST:1",
            "http://a.localhost",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback(base), "`{base}`");
        }
        for base in [
            "http://10.0.0.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://0.0.0.0",
            "http://[::]",
        ] {
            assert!(!is_loopback(base), "`{base}`");
        }
    }
}
