//! A proxy for outgoing requests. Its URL may contain a password, which is never printed.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use percent_encoding::percent_decode_str;

use super::Secret;
use crate::language::said;

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// `CONNECT` for https, absolute-form requests for http.
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS 5. Names are resolved by the proxy.
    Socks5,
}

/// `http://user:password@host:port`.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub kind: ProxyKind,
    /// As it stands in a URL: an IPv6 address has its brackets.
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<Secret>,
}

said! {
    /// A text that is no proxy. The error never repeats the text, which may contain a password.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum BadProxy;
    Form: "expected a proxy such as `http://host:3128`, `https://host:443` or `socks5://host:1080`, with `user:password@` where it wants one" |
        "erwartet wird ein Proxy wie `http://host:3128`, `https://host:443` oder `socks5://host:1080`, bei Bedarf mit `user:password@`";
}

impl FromStr for Proxy {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        let text = text.trim();
        let uri: Uri = if text.contains("://") {
            text.parse()
        } else {
            format!("http://{text}").parse()
        }
        .map_err(|_| BadProxy::Form)?;
        let (kind, usual_port) = match uri.scheme_str().ok_or(BadProxy::Form)? {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            _ => return Err(BadProxy::Form),
        };
        let authority = uri.authority().ok_or(BadProxy::Form)?;
        let host = authority.host().to_ascii_lowercase();
        let user_info = authority
            .as_str()
            .rsplit_once('@')
            .map(|(user_info, _)| user_info);
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if host.is_empty() || !is_bare {
            return Err(BadProxy::Form);
        }
        let port = match authority
            .as_str()
            .rsplit_once(':')
            .filter(|(_, port)| !port.contains(['@', ']']))
        {
            Some(_) => authority
                .port_u16()
                .or_else(|| user_info.and(Some(usual_port)))
                .ok_or(BadProxy::Form)?,
            None => usual_port,
        };
        let (user, password) = user_info.map_or((None, None), |info| {
            let (user, password) = info
                .split_once(':')
                .map_or((info, None), |(user, password)| (user, Some(password)));
            (
                Some(decoded(user)),
                password.map(|password| Secret::new(decoded(password))),
            )
        });
        Ok(Self {
            kind,
            host,
            port,
            user,
            password,
        })
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Without user and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Https => "https",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Proxy>().unwrap().to_string()
    }

    #[test]
    fn proxies_are_read_with_their_usual_ports() {
        assert_eq!(shown("http://proxy.lan:3128"), "http://proxy.lan:3128");
        assert_eq!(shown("proxy.lan:3128"), "http://proxy.lan:3128");
        assert_eq!(shown("http://Proxy.lan/"), "http://proxy.lan:80");
        assert_eq!(shown("https://proxy.lan"), "https://proxy.lan:443");
        assert_eq!(shown("socks5h://[::1]"), "socks5://[::1]:1080");
        assert_eq!(shown("socks5://[::1]:9050"), "socks5://[::1]:9050");
    }

    #[test]
    fn user_and_password_are_taken_out_and_never_shown() {
        let proxy: Proxy = "http://me%40work:p%3Aw@proxy.lan:3128".parse().unwrap();
        assert_eq!(
            (
                proxy.user.as_deref(),
                proxy.password.as_ref().map(Secret::expose)
            ),
            (Some("me@work"), Some("p:w"))
        );
        assert_eq!(
            format!("{proxy} {proxy:?}"),
            "http://proxy.lan:3128 Proxy(http://proxy.lan:3128)"
        );
        let bare: Proxy = "http://me:pw@proxy.lan".parse().unwrap();
        assert_eq!((bare.port, bare.password.is_some()), (80, true));
        let nameless: Proxy = "http://me@proxy.lan:1".parse().unwrap();
        assert_eq!(
            (nameless.user.as_deref(), nameless.password),
            (Some("me"), None)
        );
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_being_repeated() {
        for text in [
            "",
            "ftp://me:hunter2@lan",
            "http://",
            "http://lan:x",
            "http://me:hunter2@lan/path",
            "http://lan?q=1",
            "a b",
        ] {
            let error = text.parse::<Proxy>().expect_err(text);
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
