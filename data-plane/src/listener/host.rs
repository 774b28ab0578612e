//! The host part of an address, parsed strictly: a comparison of names has to agree with those who
//! connect to them. It resolves nothing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `host[:port]` as in `Host`, in a request target and in an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// In lower case, without the trailing dot.
    Name(String),
    Ip(IpAddr),
}

impl Authority {
    /// Parses `localhost:8045`, `127.0.0.1`, `[::1]:8045`.
    ///
    /// `None` for everything else: user info, paths, lists, zone ids, malformed ports. What only
    /// some resolvers read as an address (`127.1`, `0x7f.1`, `2130706433`) stays a name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                (Host::Ip(address.into()), port)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                (Host::parse_name(name)?, port)
            }
        };
        Some(Self {
            host,
            port: parse_port(port)?,
        })
    }
}

impl Host {
    fn parse_name(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Some(Self::Ip(address.into()));
        }
        let is_name = name.len() <= 253 && name.split('.').all(is_label);
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }

    /// Whether every machine means itself by it: `localhost`, `*.localhost` (RFC 6761 section 6.3),
    /// 127.0.0.0/8, `::1`.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::Ip(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Letters, digits, hyphens, and the underscores of hosts files and container networks.
fn is_label(label: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.bytes().all(is_allowed)
}

/// Parses what follows the host: nothing, a lone colon (RFC 3986 section 3.2.3), or a colon and a
/// port.
fn parse_port(text: &str) -> Option<Option<u16>> {
    match text.strip_prefix(':') {
        None => text.is_empty().then_some(None),
        Some("") => Some(None),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().map(Some)
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_ports_are_told_apart() {
        for (text, host, port) in [
            ("localhost", "localhost", None),
            ("LOCALHOST.:8045", "localhost", Some(8045)),
            ("localhost:", "localhost", None),
            ("127.0.0.1:80", "127.0.0.1", Some(80)),
            ("127.0.0.1.", "127.0.0.1", None),
            ("[::1]:8045", "[::1]", Some(8045)),
            ("[0:0::1]", "[::1]", None),
            ("my_box-1.lan", "my_box-1.lan", None),
            ("127.1", "127.1", None),
        ] {
            let authority = Authority::parse(text).expect(text);
            assert_eq!(
                (authority.host.to_string().as_str(), authority.port),
                (host, port),
                "{text}"
            );
        }
    }

    #[test]
    fn whatever_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            ":80",
            "a..b",
            "localhost..",
            "user@localhost",
            "localhost@evil.com",
            "localhost/x",
            "localhost:80x",
            "localhost:-1",
            "localhost:+80",
            "localhost:65536",
            "localhost:80:80",
            "::1",
            "[::1",
            "[::1]x",
            "[::1%25lo]",
            "[::1%lo]",
            "[127.0.0.1]",
            "[]",
            "localhost,evil.com",
            "localhost evil.com",
            " localhost",
            "localhost\t",
            "loc%61lhost",
            "localhost\\x",
            "localhost?x",
            "ｌocalhost",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }
}
