//! From the configuration to what serves.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;

use crate::accounts::{AccountRegistry, roster};
use crate::client_keys::ClientKeys;
use crate::config::{Config, Home, Translation, local_key};
use crate::control::network_settings;
use crate::demo::Demo;
use crate::gateway::{self, Endpoint, GatewayConfig, StreamTimeouts};
use crate::listener::ListenerLimits;
use crate::listener::guard::Policy;
use crate::listener::listen::BindScope;
use crate::modes::AuthMode;
use crate::pool::{Clock, NullStateStore, Pool};
use crate::protocol::Maker;
use crate::provider::{self, Auth, BaseUrl, DEMO, Provider, presets};
use crate::record::Recorder;
use crate::server::{Keys, ServerConfig};
use crate::status::local_url;
use crate::upstream::Upstream;

use super::environment::ReloadableUpstream;

/// What configurations are assembled from.
pub(super) struct Assembly {
    home: Home,
    /// `None` where nothing of the person's own is used.
    accounts: Option<Arc<AccountRegistry>>,
    /// The keys besides the local one.
    client_keys: Option<Arc<ClientKeys>>,
    recorder: Arc<dyn Recorder>,
    upstream: Arc<ReloadableUpstream>,
}

impl Assembly {
    /// `accounts` and `client_keys` are `None` where nothing of the person's own is used.
    pub(super) fn new(
        home: Home,
        config: &Config,
        accounts: Option<Arc<AccountRegistry>>,
        client_keys: Option<Arc<ClientKeys>>,
        recorder: Arc<dyn Recorder>,
    ) -> Self {
        Self {
            home,
            accounts,
            client_keys,
            recorder,
            upstream: Arc::new(ReloadableUpstream::new(network_settings(config))),
        }
    }

    /// The pool of the person's accounts, else one that holds the demo alone.
    pub(super) fn pool(&self) -> Pool {
        match &self.accounts {
            Some(accounts) => accounts.pool().clone(),
            None => demo_pool(),
        }
    }

    pub(super) fn recorder(&self) -> Arc<dyn Recorder> {
        self.recorder.clone()
    }

    /// The providers with their accounts, and how far an attempt may go. Brings the pool and the
    /// network up to date as well.
    pub(super) fn gateway_config(&mut self, config: &Config) -> GatewayConfig {
        self.upstream.update(network_settings(config));
        let config = match &self.accounts {
            Some(accounts) => {
                accounts.reload_pool();
                accounts.with_presets(config)
            }
            None => Cow::Borrowed(config),
        };
        let mut endpoints = HashMap::new();
        for provider in config.providers.iter().filter(|provider| provider.enabled) {
            endpoints.insert(provider.name.clone(), Arc::new(self.endpoint(provider)));
        }
        if config.demo_enabled {
            endpoints.insert(DEMO.to_owned(), Arc::new(demo()));
        }
        GatewayConfig {
            endpoints,
            providers: config.providers.clone(),
            rules: config.rules.clone(),
            limits: attempt_limits(&config),
            is_strict: config.translation == Translation::Strict,
        }
    }

    fn endpoint(&self, provider: &Provider) -> Endpoint {
        Endpoint {
            provider: provider.clone(),
            maker: presets::maker(provider),
            upstream: self.upstream.current(),
        }
    }

    /// How requests leave this machine, by the configuration of the moment.
    pub(super) fn upstream(&self) -> Arc<dyn Upstream> {
        self.upstream.clone()
    }

    /// The keys that open the port. The local key is made when it is first needed; without
    /// authentication it opens nothing more than no key does.
    pub(super) fn keys(&self, config: &Config) -> anyhow::Result<Keys> {
        let keys = if config.auth_mode == AuthMode::Off {
            Keys::default()
        } else {
            let key = local_key::read_or_create(&self.home).context("local-key")?;
            Keys::local(local_key::LOCAL_NAME, key.expose())
        };
        let clients = self.client_keys.as_ref();
        Ok(keys.with_clients(clients.map(|keys| keys.current()).unwrap_or_default()))
    }
}

/// Who may come in, and by which limits.
pub(super) fn server_config(config: &Config, keys: Keys, port: u16) -> ServerConfig {
    let policy = Policy {
        allowed_hosts: config.allowed_hosts.clone(),
        cors_origins: config.cors_origins.clone(),
        lan: bind_scope(config) == BindScope::Lan,
        machine_names: machine_names(),
    };
    ServerConfig {
        policy,
        auth: config.auth_mode,
        keys,
        limits: limits(config),
        base_url: local_url(port),
    }
}

fn demo_pool() -> Pool {
    let rules = roster::pool_config(&Config::default());
    let pool = Pool::new(Arc::new(NullStateStore), Clock::system(), rules);
    pool.replace(vec![roster::demo()], rules);
    pool
}

/// The offline provider: it takes every dialect, and nothing leaves the process.
fn demo() -> Endpoint {
    let provider = Provider {
        name: DEMO.to_owned(),
        enabled: true,
        dialects: provider::dialects().collect(),
        base_url: BaseUrl::parse("http://demo.invalid").expect("the literal is a URL"),
        auth: Auth::None,
        key_env: None,
        oauth: None,
        insecure_http: false,
        models: None,
    };
    Endpoint {
        provider,
        maker: Maker::Other,
        upstream: Arc::new(Demo),
    }
}

fn attempt_limits(config: &Config) -> gateway::GatewayLimits {
    let limits = &config.limits;
    gateway::GatewayLimits {
        answer_body_bytes_max: limits.answer_body_bytes_max,
        bodies_bytes_max: limits.bodies_bytes_max,
        head_timeout: limits.head_timeout,
        answer_timeout: limits.answer_timeout,
        hold: limits.hold,
        attempts_max: config.scheduling.max_attempts as usize,
        stream_timeouts: StreamTimeouts {
            first_event_timeout: limits.first_event_timeout,
            idle_timeout: limits.idle_timeout,
            keep_alive: limits.keep_alive,
        },
    }
}

/// What the listener allows.
pub(super) fn limits(config: &Config) -> ListenerLimits {
    let limits = &config.limits;
    ListenerLimits {
        request_body_bytes_max: limits.request_body_bytes_max,
        bodies_bytes_max: limits.bodies_bytes_max,
        header_bytes_max: limits.header_bytes_max,
        headers_max: limits.headers_max,
        header_timeout: limits.header_timeout,
        body_idle_timeout: limits.body_idle_timeout,
        unread_timeout: limits.unread_timeout,
        connections_max: limits.connections_max,
        requests_in_flight_max: limits.requests_in_flight_max,
        keep_alive_timeout: limits.connection_idle_timeout,
        evict_unauthenticated: false,
        serves_other_users: config.allow_other_users,
    }
}

/// Which addresses the port is opened on. The LAN is not served without keys; that is reported
/// separately.
pub(super) fn bind_scope(config: &Config) -> BindScope {
    if config.serves_lan() {
        BindScope::Lan
    } else {
        BindScope::Loopback
    }
}

/// The names under which other machines may know this one.
fn machine_names() -> Vec<String> {
    let name = hostname();
    let short = name.split('.').next().unwrap_or_default().to_owned();
    let mut names = vec![format!("{short}.local"), short, name];
    names.retain(|name| !name.is_empty() && !name.starts_with('.'));
    names.dedup();
    names
}

/// The machine's name in lower case; empty where the system tells none.
#[cfg(unix)]
fn hostname() -> String {
    let system = rustix::system::uname();
    system
        .nodename()
        .to_string_lossy()
        .trim()
        .to_ascii_lowercase()
}

/// The machine's name in lower case; empty where the system tells none.
#[cfg(not(unix))]
fn hostname() -> String {
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    name.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listener_and_the_configuration_have_the_same_defaults() {
        assert_eq!(limits(&Config::default()), ListenerLimits::default());
    }

    #[test]
    fn the_lan_is_not_reached_without_keys() {
        let config = |auth_mode| Config {
            allow_lan_access: true,
            auth_mode,
            ..Config::default()
        };
        assert_eq!(bind_scope(&config(AuthMode::Off)), BindScope::Loopback);
        assert_eq!(bind_scope(&config(AuthMode::Strict)), BindScope::Lan);
    }
}
