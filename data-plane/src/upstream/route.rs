//! Whether a request goes directly or through a proxy, and which.

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
    /// For requests to other machines whose account has no proxy of its own.
    pub proxy: Option<Proxy>,
    /// Hosts that are reached without a proxy, in lower case: names (with their subdomains),
    /// `.domains` (only the subdomains), addresses, or `*`.
    pub no_proxy: Vec<String>,
    /// A PEM file of certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// The proxy of one account's requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyChoice {
    /// Used instead of [`NetworkSettings::proxy`].
    pub proxy: Option<Arc<Proxy>>,
}

impl ProxyChoice {
    /// The proxy that the account's settings name.
    ///
    /// # Errors
    /// If the account's proxy URL is invalid.
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
    /// No proxy for any host.
    pub fn direct(connect_timeout: Duration) -> Self {
        Self {
            connect_timeout,
            proxy: None,
            no_proxy: Vec::new(),
            ca_file: None,
        }
    }

    /// The proxy that a request goes through: the account's own or else the general one, and none
    /// to this machine or an exempt host.
    pub fn proxy_for<'p>(&'p self, uri: &Uri, choice: &'p ProxyChoice) -> Option<&'p Proxy> {
        let proxy = choice.proxy.as_deref().or(self.proxy.as_ref())?;
        let host = uri.host()?.trim_end_matches('.').to_ascii_lowercase();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_exempt = is_loopback(host)
            || self
                .no_proxy
                .iter()
                .any(|exempt| is_exempted_by(exempt, host));
        (!is_exempt).then_some(proxy)
    }
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Whether an entry of `no_proxy` covers `host`.
fn is_exempted_by(exempt: &str, host: &str) -> bool {
    let exempt = exempt.trim_start_matches('[').trim_end_matches(']');
    let parent_domain = exempt
        .strip_prefix("*.")
        .or_else(|| exempt.strip_prefix('.'));
    let is_subdomain_of = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
    };
    match (exempt, parent_domain) {
        ("*", _) => true,
        (_, Some(domain)) => is_subdomain_of(domain),
        (name, None) => host == name || is_subdomain_of(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(settings: &NetworkSettings, choice: &ProxyChoice, uri: &str) -> Option<String> {
        settings
            .proxy_for(&uri.parse().unwrap(), choice)
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
            chosen(&settings(), &ProxyChoice::default(), uri).as_deref(),
            Some("http://all.lan:3128")
        );
        assert_eq!(
            chosen(&settings(), &own, uri).as_deref(),
            Some("socks5://own.lan:1080")
        );
        assert_eq!(
            chosen(
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
                chosen(&settings(), &own, &format!("http://{host}/v1")),
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
                chosen(
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
                chosen(
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
            chosen(&all, &ProxyChoice::default(), "https://api.example"),
            None
        );
    }
}
