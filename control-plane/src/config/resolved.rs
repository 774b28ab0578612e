//! The configuration as the program uses it: every default filled in, every value checked.
//!
//! Only this leaves the room.

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

use super::VERSION;
use super::dashboard::DashboardSettings;
use super::keys::AUTH_MODE_AUTO;
use super::limits::{LimitSettings, seconds};
use super::problem::Problem;
use super::raw::{OneOrMany, Raw, RawNetwork, RawOAuth, RawProvider, RawRule};
use super::record::RecordSettings;
use super::wrong::Wrong;
use crate::account::Proxy;
use crate::canon::Dialect;
use crate::language::Said;
use crate::modes::{AuthMode, SchedulingMode, named_enum};
use crate::provider::presets::{PRESETS, Preset, preset};
use crate::provider::rules::{Pattern, Rule, RuleTarget, Rules};
use crate::provider::{Auth, BaseUrl, DEMO, Provider, dialect, oauth};
use crate::suggestion::nearest;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub port: u16,
    /// Where the metrics are; `None` for nowhere.
    pub metrics_port: Option<u16>,
    /// Where programs find the API that look for Ollama; `None` for nowhere.
    pub ollama_port: Option<u16>,
    pub allow_lan_access: bool,
    /// Whether other users of this machine are served, where the system tells who they are.
    pub allow_other_users: bool,
    /// `auto` is already decided.
    pub auth_mode: AuthMode,
    /// In lower case, as `Host` would carry them: `box.lan`, `[fd00::1]`, `box.lan:8045` for that
    /// port only.
    pub allowed_hosts: Vec<String>,
    /// Lower case, without a slash at the end.
    pub cors_origins: Vec<String>,
    pub translation: Translation,
    pub scheduling: Scheduling,
    pub notifications: Notifications,
    /// In the order of the file, without the built-in provider.
    pub providers: Vec<Provider>,
    pub rules: Rules,
    pub network: Network,
    pub limits: LimitSettings,
    pub record: RecordSettings,
    pub dashboard: DashboardSettings,
    /// Whether the built-in offline provider is enabled.
    pub demo_enabled: bool,
    /// Where traces are sent; empty where the environment decides.
    #[cfg(feature = "otlp")]
    pub otlp_endpoint: String,
}

named_enum! {
    /// What happens to a request that another dialect cannot carry exactly.
    pub enum Translation {
        Lenient = "lenient",
        /// Refuses requests of which something would be dropped or approximated.
        Strict = "strict",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduling {
    pub mode: SchedulingMode,
    #[serde(rename = "max_wait_seconds", deserialize_with = "seconds")]
    pub max_wait: Duration,
    /// Attempts for one request, the first included.
    pub max_attempts: u32,
}

/// How requests leave this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    pub proxy: Option<Proxy>,
    /// In lower case: hosts, `.domains` and addresses that are reached without the proxy.
    pub no_proxy: Vec<String>,
    /// Certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// Desktop notifications.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    /// The topics that are switched off, by name.
    pub off: Vec<String>,
    /// How many days before an account's end there is a notification.
    pub expiry_days: Vec<u32>,
}

impl Default for Config {
    /// The configuration without any file.
    fn default() -> Self {
        super::parse("").expect("the defaults are valid")
    }
}

impl Config {
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// What the file asks for and this program refuses to do, key by key. The rest of the file is
    /// active.
    pub fn refusals(&self) -> Vec<Problem> {
        let leaking = self
            .providers
            .iter()
            .filter(|provider| provider.enabled && provider.would_leak());
        let leaks = leaking.map(|provider| {
            Problem::new(
                format!("providers.{}.base_url", provider.name),
                Wrong::Leaks,
            )
        });
        leaks.chain(self.lan_refusal()).collect()
    }

    /// Whether other machines of the local network are served. Without keys they never are.
    pub fn serves_lan(&self) -> bool {
        self.allow_lan_access && self.auth_mode != AuthMode::Off
    }

    /// Why the local network is not served, where the file asks for it.
    pub fn lan_refusal(&self) -> Option<Problem> {
        let is_refused = self.allow_lan_access && !self.serves_lan();
        is_refused.then(|| Problem::new("allow_lan_access", Wrong::LanWithoutKey))
    }
}

/// Checks what the kinds of the keys cannot express, and derives what depends on several keys.
pub(super) fn resolve(raw: &Raw) -> Result<Config, Vec<Problem>> {
    if raw.version > VERSION {
        let why = Wrong::NewerForm {
            form: raw.version,
            known: VERSION,
        };
        return Err(vec![Problem::new("version", why)]);
    }
    let mut resolver = Resolver::default();
    let config = resolver.resolve(raw);
    if resolver.problems.is_empty() {
        Ok(config)
    } else {
        Err(resolver.problems)
    }
}

/// Collects problems, so that the user sees all of them at once.
#[derive(Default)]
struct Resolver {
    problems: Vec<Problem>,
}

impl Resolver {
    fn reject(&mut self, path: impl Into<String>, message: impl Into<Said>) {
        self.problems.push(Problem::new(path, message));
    }

    fn resolve(&mut self, raw: &Raw) -> Config {
        let providers = self.providers(&raw.providers);
        let rules = self.rules(&raw.models, &providers);
        Config {
            port: raw.port,
            metrics_port: self.other_port("metrics_port", raw.port, raw.metrics_port),
            ollama_port: self.other_port("ollama_port", raw.port, raw.ollama_port),
            allow_lan_access: raw.allow_lan_access,
            allow_other_users: raw.allow_other_users,
            auth_mode: auth_mode(&raw.auth_mode, raw.allow_lan_access),
            allowed_hosts: self.each(&raw.allowed_hosts, "allowed_hosts", host),
            cors_origins: self.each(&raw.cors_origins, "cors_origins", origin),
            translation: raw.translation,
            scheduling: raw.scheduling,
            notifications: raw.notifications.clone(),
            providers,
            rules,
            network: self.network(&raw.network),
            limits: raw.limits,
            record: raw.record,
            dashboard: raw.dashboard,
            demo_enabled: self.demo(&raw.providers),
            #[cfg(feature = "otlp")]
            otlp_endpoint: self.otlp_endpoint(&raw.telemetry.otlp_endpoint),
        }
    }

    /// One port is not opened twice; 0 is another one each time.
    fn other_port(&mut self, key: &str, port: u16, other: Option<u16>) -> Option<u16> {
        if port != 0 && other == Some(port) {
            self.reject(key, Wrong::OtherPort);
        }
        other
    }

    #[cfg(feature = "otlp")]
    fn otlp_endpoint(&mut self, text: &str) -> String {
        if !text.is_empty()
            && let Err(bad) = BaseUrl::parse(text)
        {
            self.reject("telemetry.otlp_endpoint", bad);
        }
        text.to_owned()
    }

    /// Parses each entry of a list.
    fn each(
        &mut self,
        words: &[String],
        path: &str,
        read: fn(&str) -> Result<String, Wrong>,
    ) -> Vec<String> {
        let mut kept = Vec::new();
        for word in words {
            match read(word) {
                Ok(word) => kept.push(word),
                Err(wrong) => self.reject(path, wrong),
            }
        }
        kept
    }

    fn demo(&mut self, providers: &[(String, RawProvider)]) -> bool {
        let Some((_, demo)) = providers.iter().find(|(name, _)| name == DEMO) else {
            return true;
        };
        let RawProvider {
            enabled,
            protocol,
            base_url,
            auth,
            key_env,
            oauth,
            insecure_http,
            models,
        } = demo;
        let written = [
            ("protocol", protocol.is_some()),
            ("base_url", base_url.is_some()),
            ("auth", auth.is_some()),
            ("key_env", key_env.is_some()),
            ("oauth", oauth.is_some()),
            ("insecure_http", insecure_http.is_some()),
            ("models", models.is_some()),
        ];
        for (key, _) in written.iter().filter(|(_, is_written)| *is_written) {
            self.reject(
                format!("providers.{DEMO}.{key}"),
                Wrong::OnlyEnabled { provider: DEMO },
            );
        }
        enabled.unwrap_or(true)
    }

    fn providers(&mut self, providers: &[(String, RawProvider)]) -> Vec<Provider> {
        let own = providers.iter().filter(|(name, _)| name != DEMO);
        own.filter_map(|(name, raw)| self.provider(name, raw))
            .collect()
    }

    fn provider(&mut self, name: &str, raw: &RawProvider) -> Option<Provider> {
        let path = format!("providers.{name}");
        if !is_provider_name(name) {
            self.reject(&path, Wrong::ProviderName);
            return None;
        }
        let preset = preset(name);
        let dialects = self.dialects(name, raw, preset);
        let base_url = self.base_url(name, raw, preset);
        let dialects = dialects?;
        let auth = auth(raw, preset, dialects[0]);
        Some(Provider {
            name: name.to_owned(),
            enabled: raw.enabled.unwrap_or(true),
            auth,
            oauth: self.oauth(name, raw, preset, auth),
            dialects,
            base_url: base_url?,
            key_env: raw
                .key_env
                .clone()
                .or_else(|| Some(preset?.key_env?.to_owned())),
            insecure_http: raw.insecure_http.unwrap_or(false),
            models: raw.models.clone().map(Into::into),
        })
    }

    /// At least one dialect, each once.
    fn dialects(
        &mut self,
        name: &str,
        raw: &RawProvider,
        preset: Option<&Preset>,
    ) -> Option<Vec<Dialect>> {
        let Some(protocol) = &raw.protocol else {
            return preset
                .map(|preset| preset.dialects.to_vec())
                .or_else(|| self.missing(name, "protocol"));
        };
        let mut dialects: Vec<Dialect> = Vec::new();
        for dialect in protocol.as_slice().iter().filter_map(|word| dialect(word)) {
            if !dialects.contains(&dialect) {
                dialects.push(dialect);
            }
        }
        if dialects.is_empty() {
            self.reject(format!("providers.{name}.protocol"), Wrong::NoDialect);
            return None;
        }
        Some(dialects)
    }

    fn base_url(
        &mut self,
        name: &str,
        raw: &RawProvider,
        preset: Option<&Preset>,
    ) -> Option<BaseUrl> {
        let Some(text) = raw.base_url.as_deref().or_else(|| preset?.base_url()) else {
            if let Some(needs) = preset.and_then(Preset::needs) {
                self.reject(
                    format!("providers.{name}.base_url"),
                    Wrong::Missing {
                        needs: needs.into(),
                    },
                );
                return None;
            }
            return self.missing(name, "base_url");
        };
        BaseUrl::parse(text)
            .map_err(|bad| self.reject(format!("providers.{name}.base_url"), bad))
            .ok()
    }

    /// The OAuth client. A preset knows its authorization server; the client's id is the user's own.
    fn oauth(
        &mut self,
        name: &str,
        raw: &RawProvider,
        preset: Option<&Preset>,
        auth: Auth,
    ) -> Option<oauth::Client> {
        let path = |key: &str| format!("providers.{name}.oauth.{key}");
        let known = preset.and_then(|preset| preset.oauth);
        if raw.oauth.is_none() && (auth != Auth::OAuth || known.is_none()) {
            if auth == Auth::OAuth {
                self.reject(path("token_url"), Wrong::NoTokenUrl);
            }
            return None;
        }
        let written = raw.oauth.as_ref();
        let text = |key: fn(&RawOAuth) -> &Option<String>| {
            written
                .and_then(|oauth| key(oauth).clone())
                .filter(|text| !text.is_empty())
        };
        let authorize_url =
            text(|oauth| &oauth.authorize_url).or_else(|| Some(known?.authorize_url.to_owned()));
        let Some(token_url) =
            text(|oauth| &oauth.token_url).or_else(|| Some(known?.token_url.to_owned()))
        else {
            self.reject(path("token_url"), Wrong::TokenUrl);
            return None;
        };
        let client_id = text(|oauth| &oauth.client_id);
        // A service account needs none, and only Google's presets have those.
        if client_id.is_none() && known.is_none() {
            self.reject(path("client_id"), Wrong::ClientId);
        }
        for (key, url) in [
            ("authorize_url", authorize_url.as_ref()),
            ("token_url", Some(&token_url)),
        ] {
            if !url.is_none_or(|url| is_safe(url, raw.insecure_http)) {
                self.reject(path(key), Wrong::Https);
            }
        }
        let of_preset = || {
            known.map(|known| {
                known
                    .scopes
                    .iter()
                    .map(|scope| (*scope).to_owned())
                    .collect()
            })
        };
        let scopes = written
            .and_then(|oauth| oauth.scopes.clone())
            .or_else(of_preset)
            .unwrap_or_default();
        Some(oauth::Client {
            authorize_url,
            token_url,
            client_id,
            scopes,
        })
    }

    fn network(&mut self, raw: &RawNetwork) -> Network {
        let written = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        let proxy = written(&raw.proxy).and_then(|text| {
            let parsed = text.parse::<Proxy>();
            parsed.map_err(|bad| self.reject("network.proxy", bad)).ok()
        });
        let no_proxy = raw
            .no_proxy
            .iter()
            .map(|host| host.trim().to_ascii_lowercase())
            .filter(|host| !host.is_empty());
        Network {
            proxy,
            no_proxy: no_proxy.collect(),
            ca_file: written(&raw.ca_file).map(PathBuf::from),
        }
    }

    fn missing<T>(&mut self, provider: &str, key: &str) -> Option<T> {
        let presets = PRESETS.iter().map(|preset| preset.name);
        let hint = match nearest(provider, presets, 1).first() {
            Some(near) => Wrong::MissingNear {
                near: (*near).to_owned(),
            },
            None => Wrong::NoPreset {
                provider: provider.to_owned(),
            },
        };
        self.reject(format!("providers.{provider}.{key}"), hint);
        None
    }

    fn rules(&mut self, rules: &[RawRule], providers: &[Provider]) -> Rules {
        let rules = rules.iter().enumerate();
        Rules(
            rules
                .filter_map(|(index, raw)| self.rule(&format!("models[{index}]"), raw, providers))
                .collect(),
        )
    }

    fn rule(&mut self, path: &str, raw: &RawRule, providers: &[Provider]) -> Option<Rule> {
        let Some(name) = raw.name.as_deref().filter(|name| !name.is_empty()) else {
            self.reject(format!("{path}.name"), Wrong::RuleName);
            return None;
        };
        let Some(name) = Pattern::parse(name) else {
            self.reject(
                format!("{path}.name"),
                Wrong::Stars {
                    found: name.escape_debug().to_string(),
                },
            );
            return None;
        };
        let words = raw
            .targets
            .as_ref()
            .map(OneOrMany::as_slice)
            .unwrap_or_default();
        if words.is_empty() {
            self.reject(format!("{path}.use"), Wrong::RuleTargets);
        }
        let mut targets = Vec::new();
        for word in words {
            match target(word, &name, providers) {
                Ok(target) => targets.push(target),
                Err(message) => self.reject(format!("{path}.use"), message),
            }
        }
        Some(Rule { name, targets })
    }
}

/// Whether secrets may travel to that URL.
fn is_safe(url: &str, insecure_http: Option<bool>) -> bool {
    let base = BaseUrl::parse(url.split('?').next().unwrap_or_default());
    base.is_ok_and(|base| {
        !base.is_plain_http() || base.is_loopback() || insecure_http == Some(true)
    })
}

fn auth_mode(word: &str, allow_lan_access: bool) -> AuthMode {
    match word {
        AUTH_MODE_AUTO if allow_lan_access => AuthMode::AllExceptHealth,
        word => AuthMode::by_name(word).unwrap_or(AuthMode::Off),
    }
}

/// The form that the file or the preset names. A key without a form is sent in the dialect's usual
/// one.
fn auth(raw: &RawProvider, preset: Option<&Preset>, dialect: Dialect) -> Auth {
    let named = raw.auth.as_deref().and_then(Auth::by_name);
    let preset = preset.map_or(Auth::None, |preset| preset.auth);
    named.unwrap_or(if preset == Auth::None && raw.key_env.is_some() {
        Auth::usual_for(dialect)
    } else {
        preset
    })
}

/// Names are the first segment of `provider/model`, and part of dotted keys only in quotes;
/// `models/` is Gemini's prefix.
fn is_provider_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name != "models" && name.chars().all(is_word)
}

fn target(word: &str, name: &Pattern, providers: &[Provider]) -> Result<RuleTarget, Wrong> {
    let found = || word.escape_debug().to_string();
    let Some((provider, model)) = word.split_once('/').filter(|(_, model)| !model.is_empty())
    else {
        return Err(Wrong::Target { found: found() });
    };
    let model = Pattern::parse(model).ok_or_else(|| Wrong::Stars { found: found() })?;
    if model.is_wild() && !name.is_wild() {
        return Err(Wrong::StarWithoutStar { found: found() });
    }
    let is_known = provider == DEMO || providers.iter().any(|known| known.name == provider);
    if !is_known {
        return Err(unknown_provider(provider, providers));
    }
    Ok(RuleTarget {
        provider: provider.to_owned(),
        model,
    })
}

fn unknown_provider(name: &str, providers: &[Provider]) -> Wrong {
    let shown = name.escape_debug().to_string();
    let known = providers.iter().map(|provider| provider.name.as_str());
    match nearest(name, known, 1).first() {
        Some(near) => Wrong::UnknownProviderNear {
            name: shown,
            near: (*near).to_owned(),
        },
        None => Wrong::UnknownProvider { name: shown },
    }
}

/// A name or an address, with a port where only that one is meant. An IPv6 address gets the
/// brackets that `Host` has.
fn host(word: &str) -> Result<String, Wrong> {
    if let Ok(address) = word.parse::<Ipv6Addr>() {
        return Ok(format!("[{address}]"));
    }
    let (name, port) = match word.rsplit_once(':').filter(|_| !word.ends_with(']')) {
        Some((name, port)) => (name, Some(port)),
        None => (word, None),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if is_host(name) && is_port {
        Ok(word.to_ascii_lowercase())
    } else {
        let found = word.escape_debug().to_string();
        Err(Wrong::Host { found })
    }
}

fn is_host(name: &str) -> bool {
    match name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        }
    }
}

/// Source: RFC 6454 section 6.2, a serialised origin.
fn origin(word: &str) -> Result<String, Wrong> {
    let bare = word.trim_end_matches('/');
    let is_origin = bare.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty()
            && !host.is_empty()
            && !host.contains(['/', '*', '?', '#', '@'])
            && bare.chars().all(|c| c.is_ascii_graphic())
    });
    if is_origin {
        Ok(bare.to_ascii_lowercase())
    } else {
        let found = word.escape_debug().to_string();
        Err(Wrong::Origin { found })
    }
}
