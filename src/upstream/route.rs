//! Which way a request goes: straight, or through a proxy.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use crate::account::{Account, BadProxy, Proxy};

/// How requests leave this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSettings {
    pub connect_timeout: Duration,
    /// For all requests to other machines that have no way of their own.
    pub proxy: Option<Proxy>,
    /// In lower case: names (with all below them), `.domains` (only what is below), addresses, or
    /// `*`.
    pub no_proxy: Vec<String>,
    /// A PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// The way that one account's requests go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyChoice {
    /// Instead of the one for all.
    pub proxy: Option<Arc<Proxy>>,
}

impl ProxyChoice {
    /// The account's own way.
    ///
    /// # Errors
    /// When its proxy is none.
    pub fn of(account: &Account) -> Result<Self, BadProxy> {
        let proxy = account
            .settings
            .proxy
            .as_deref()
            .map(str::trim)
            .filter(|proxy| !proxy.is_empty());
        Ok(Self {
            proxy: proxy.map(|proxy| proxy.parse().map(Arc::new)).transpose()?,
        })
    }
}

impl NetworkSettings {
    /// Straight to everywhere.
    pub fn direct(connect_timeout: Duration) -> Self {
        Self {
            connect_timeout,
            proxy: None,
            no_proxy: Vec::new(),
            ca_file: None,
        }
    }

    /// The proxy that a request goes through. This machine is asked without any.
    pub(super) fn proxy_for<'p>(&'p self, uri: &Uri, via: &'p ProxyChoice) -> Option<&'p Proxy> {
        let proxy = via.proxy.as_deref().or(self.proxy.as_ref())?;
        let host = uri.host()?.trim_end_matches('.').to_ascii_lowercase();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_exempt =
            is_loopback(host) || self.no_proxy.iter().any(|exempt| is_meant(exempt, host));
        (!is_exempt).then_some(proxy)
    }
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn is_meant(exempt: &str, host: &str) -> bool {
    let exempt = exempt.trim_start_matches('[').trim_end_matches(']');
    let below = exempt
        .strip_prefix("*.")
        .or_else(|| exempt.strip_prefix('.'));
    let is_below = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
    };
    match (exempt, below) {
        ("*", _) => true,
        (_, Some(domain)) => is_below(domain),
        (name, None) => host == name || is_below(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes_through(settings: &NetworkSettings, via: &ProxyChoice, uri: &str) -> Option<String> {
        settings
            .proxy_for(&uri.parse().unwrap(), via)
            .map(ToString::to_string)
    }

    fn settings() -> NetworkSettings {
        NetworkSettings {
            proxy: Some("http://all.lan:3128".parse().unwrap()),
            no_proxy: [".corp", "box.lan", "10.0.0.7", "fd00::1"]
                .map(str::to_owned)
                .to_vec(),
            ..NetworkSettings::direct(Duration::from_secs(1))
        }
    }

    #[test]
    fn an_accounts_own_proxy_goes_before_the_one_for_all() {
        let own = ProxyChoice {
            proxy: Some(Arc::new("socks5://own.lan".parse().unwrap())),
        };
        let uri = "https://api.example/v1";
        assert_eq!(
            goes_through(&settings(), &ProxyChoice::default(), uri).as_deref(),
            Some("http://all.lan:3128")
        );
        assert_eq!(
            goes_through(&settings(), &own, uri).as_deref(),
            Some("socks5://own.lan:1080")
        );
        assert_eq!(
            goes_through(
                &NetworkSettings::direct(Duration::ZERO),
                &ProxyChoice::default(),
                uri
            ),
            None
        );
    }

    #[test]
    fn this_machine_is_never_asked_through_a_proxy() {
        let own = ProxyChoice {
            proxy: Some(Arc::new("http://own.lan:1".parse().unwrap())),
        };
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "a.localhost",
            "127.0.0.1",
            "127.8.8.8:1",
            "[::1]",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(
                goes_through(&settings(), &own, &format!("http://{host}/v1")),
                None,
                "{host}"
            );
        }
    }

    #[test]
    fn exempt_hosts_are_asked_straight() {
        for host in [
            "a.corp",
            "box.lan",
            "sub.box.lan",
            "10.0.0.7:8000",
            "[fd00::1]",
        ] {
            assert_eq!(
                goes_through(
                    &settings(),
                    &ProxyChoice::default(),
                    &format!("http://{host}/")
                ),
                None,
                "{host}"
            );
        }
        for host in ["corp", "xcorp", "mybox.lan", "10.0.0.70", "box.lan.example"] {
            assert!(
                goes_through(
                    &settings(),
                    &ProxyChoice::default(),
                    &format!("http://{host}/")
                )
                .is_some(),
                "{host}"
            );
        }
        let all = NetworkSettings {
            no_proxy: vec!["*".to_owned()],
            ..settings()
        };
        assert_eq!(
            goes_through(&all, &ProxyChoice::default(), "https://api.example"),
            None
        );
    }
}
