//! The origin that a credential may be sent to.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use serde::{Deserialize, Serialize};

/// The origin that a credential was entered for: `https://host:port` in lower case, always with the
/// port.
///
/// Paths are not part of it: all paths of an origin are read by the same server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// A text that names no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an http or https URL with a host")]
pub struct BadAddress;

impl Address {
    /// The origin of a URL.
    ///
    /// # Errors
    /// When it is no http or https URL, names no host or a port that is none, or carries a user.
    pub fn of(uri: &Uri) -> Result<Self, BadAddress> {
        let scheme = uri.scheme_str().ok_or(BadAddress)?;
        let usual_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(BadAddress),
        };
        let authority = uri.authority().ok_or(BadAddress)?;
        let host = authority.host();
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(BadAddress);
        }
        let port = match authority.as_str()[host.len()..].strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| BadAddress)?,
            None => usual_port,
        };
        Ok(Self(format!(
            "{scheme}://{}:{port}",
            host.to_ascii_lowercase()
        )))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        Self::of(&text.trim().parse().map_err(|_| BadAddress)?)
    }
}

impl TryFrom<String> for Address {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Self, BadAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> String {
        text.parse::<Address>()
            .map_or_else(|bad| bad.to_string(), |address| address.to_string())
    }

    #[test]
    fn scheme_host_and_port_are_the_whole_of_it() {
        assert_eq!(
            address("https://API.Example.com/v1"),
            "https://api.example.com:443"
        );
        assert_eq!(
            address("https://api.example.com:443/v2?x=1"),
            "https://api.example.com:443"
        );
        assert_eq!(address("http://127.0.0.1:9000"), "http://127.0.0.1:9000");
        assert_eq!(address("http://[::1]/v1"), "http://[::1]:80");
    }

    #[test]
    fn what_differs_in_one_of_them_is_another_address() {
        let one = "https://api.example.com";
        for other in [
            "http://api.example.com",
            "https://api.example.com:8443",
            "https://api.example.org",
            "https://example.com",
        ] {
            assert_ne!(address(one), address(other));
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "api.example.com",
            "ftp://api.example.com",
            "https://me@api.example.com",
            "https:///v1",
            "/v1",
        ] {
            assert_eq!(text.parse::<Address>(), Err(BadAddress), "{text}");
        }
    }
}
