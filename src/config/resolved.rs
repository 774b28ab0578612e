//! What is in force: every default filled in, every value checked.
//!
//! Only this travels through the program.

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

use super::VERSION;
use super::keys::AUTH_MODE_AUTO;
use super::problem::Problem;
use super::raw::{
    Bytes, OneOrMany, Raw, RawLimits, RawNetwork, RawNotifications, RawOAuth, RawProvider, RawRule,
    RawScheduling,
};
use crate::account::Proxy;
use crate::canon::Dialect;
use crate::modes::{AuthMode, SchedulingMode, named_enum};
use crate::provider::presets::{PRESETS, Preset, preset};
use crate::provider::rules::{Pattern, Rule, RuleTarget, Rules};
use crate::provider::{Auth, BaseUrl, DEMO, Provider, dialect, oauth};
use crate::suggestion::nearest;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub port: u16,
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
    /// In the order of the file. The built-in provider is not among them.
    pub providers: Vec<Provider>,
    pub rules: Rules,
    pub network: Network,
    pub limits: LimitSettings,
    /// Whether the built-in offline provider serves.
    pub demo_enabled: bool,
}

named_enum! {
    /// What happens to a request that another dialect cannot carry exactly.
    pub enum Translation {
        Lenient = "lenient",
        /// Refuses requests of which something would be dropped or approximated.
        Strict = "strict",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduling {
    pub mode: SchedulingMode,
    pub max_wait: Duration,
    /// Attempts for one request, the first included.
    pub max_attempts: u32,
}

/// How requests leave this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    pub proxy: Option<Proxy>,
    /// In lower case: hosts, `.domains` and addresses that are asked without it.
    pub no_proxy: Vec<String>,
    /// Authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// What the desktop is told unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notifications {
    /// What it is not told, by name.
    pub off: Vec<String>,
    /// How many days ahead the end of an account is told.
    pub expiry_days: Vec<u32>,
}

impl Default for Notifications {
    fn default() -> Self {
        Self {
            off: Vec::new(),
            expiry_days: vec![7, 1],
        }
    }
}

/// The bounds of everything that comes from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    pub request_body_bytes_max: usize,
    pub answer_body_bytes_max: usize,
    /// All bodies in memory together.
    pub bodies_bytes_max: usize,
    pub header_bytes_max: usize,
    pub headers_max: usize,
    pub header_timeout: Duration,
    /// Between two chunks of a request's body.
    pub body_idle_timeout: Duration,
    /// How long a client may leave its stream unread while others wait for the account.
    pub unread_timeout: Duration,
    pub connect_timeout: Duration,
    /// From the request to the head of a stream.
    pub head_timeout: Duration,
    /// The same for an answer that is not streamed: its head comes when all of it is there.
    pub answer_timeout: Duration,
    /// From the head of a stream to its first event.
    pub first_event_timeout: Duration,
    /// Between two events of a stream.
    pub idle_timeout: Duration,
    /// How long the start of a stream is held, so that a failover is still possible.
    pub hold: Duration,
    /// Between two requests of a client's connection.
    pub connection_idle_timeout: Duration,
    pub connections_max: usize,
    pub requests_in_flight_max: usize,
    pub drain_timeout: Duration,
    pub keep_alive: Duration,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            // Agents send whole repositories and images; clients need 32 MiB at the least.
            request_body_bytes_max: 64 << 20,
            answer_body_bytes_max: 64 << 20,
            bodies_bytes_max: 512 << 20,
            header_bytes_max: 64 << 10,
            headers_max: 80,
            header_timeout: Duration::from_secs(30),
            body_idle_timeout: Duration::from_secs(30),
            unread_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(60),
            // Ten minutes are not rare, and only the client knows when waiting is no use any
            // more.
            answer_timeout: Duration::from_secs(3600),
            first_event_timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(300),
            hold: Duration::from_millis(3000),
            // Longer than the pools of clients keep theirs: then no request runs into a connection
            // that is being closed.
            connection_idle_timeout: Duration::from_secs(300),
            connections_max: 2048,
            requests_in_flight_max: 1024,
            drain_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(15),
        }
    }
}

impl Default for Scheduling {
    fn default() -> Self {
        Self {
            mode: SchedulingMode::Balance,
            max_wait: Duration::from_secs(60),
            max_attempts: 8,
        }
    }
}

impl Default for Config {
    /// What is in force without any file.
    fn default() -> Self {
        Self {
            port: 8045,
            allow_lan_access: false,
            allow_other_users: false,
            auth_mode: AuthMode::Off,
            allowed_hosts: Vec::new(),
            cors_origins: Vec::new(),
            translation: Translation::Lenient,
            scheduling: Scheduling::default(),
            notifications: Notifications::default(),
            providers: Vec::new(),
            rules: Rules::default(),
            network: Network::default(),
            limits: LimitSettings::default(),
            demo_enabled: true,
        }
    }
}

impl Config {
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// What the file asks for and this program will not do, key by key. The rest of the file is in
    /// force.
    pub fn refusals(&self) -> Vec<Problem> {
        let leaking = self
            .providers
            .iter()
            .filter(|provider| provider.enabled && provider.would_leak());
        let leaks = leaking.map(|provider| {
            let why = "the key would travel unencrypted, so this provider does not serve: use https, or set `insecure_http = true`";
            Problem::new(format!("providers.{}.base_url", provider.name), why)
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
        is_refused.then(|| {
            Problem::new(
                "allow_lan_access",
                "the LAN is not served while `auth_mode` is `off`: set `auth_mode = \"auto\"`",
            )
        })
    }
}

/// Fills in the defaults and judges what the kinds of the keys cannot say.
pub(super) fn resolve(raw: &Raw) -> Result<Config, Vec<Problem>> {
    if let Some(version) = raw.version.filter(|version| *version > VERSION) {
        let why = format!(
            "the file has form {version}, this program knows {VERSION}: install a newer aerostat"
        );
        return Err(vec![Problem::new("version", why)]);
    }
    let mut judge = Judge::default();
    let resolved = judge.resolve(raw);
    if judge.problems.is_empty() {
        Ok(resolved)
    } else {
        Err(judge.problems)
    }
}

/// Collects problems, so that a person sees all of them at once.
#[derive(Default)]
struct Judge {
    problems: Vec<Problem>,
}

impl Judge {
    fn wrong(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    fn resolve(&mut self, raw: &Raw) -> Config {
        let default = Config::default();
        let allow_lan_access = raw.allow_lan_access.unwrap_or(default.allow_lan_access);
        let providers = self.providers(&raw.providers);
        let rules = self.rules(&raw.models, &providers);
        Config {
            port: raw.port.unwrap_or(default.port),
            allow_lan_access,
            allow_other_users: raw.allow_other_users.unwrap_or(default.allow_other_users),
            auth_mode: auth_mode(raw.auth_mode.as_deref(), allow_lan_access),
            allowed_hosts: self.each(raw.allowed_hosts.as_deref(), "allowed_hosts", host),
            cors_origins: self.each(raw.cors_origins.as_deref(), "cors_origins", origin),
            translation: raw
                .translation
                .as_deref()
                .and_then(Translation::by_name)
                .unwrap_or(default.translation),
            scheduling: scheduling(&raw.scheduling),
            notifications: notifications(&raw.notifications),
            providers,
            rules,
            network: self.network(&raw.network),
            limits: self.limits(&raw.limits),
            demo_enabled: self.demo(&raw.providers),
        }
    }

    /// Reads each entry of a list of words.
    fn each(
        &mut self,
        words: Option<&[String]>,
        path: &str,
        read: fn(&str) -> Result<String, &'static str>,
    ) -> Vec<String> {
        let mut kept = Vec::new();
        for word in words.unwrap_or_default() {
            match read(word) {
                Ok(word) => kept.push(word),
                Err(expected) => self.wrong(
                    path,
                    format!("expected {expected}, found `{}`", word.escape_debug()),
                ),
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
            self.wrong(
                format!("providers.{DEMO}.{key}"),
                format!("`{DEMO}` is the built-in provider and takes `enabled` only"),
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
            self.wrong(
                &path,
                "expected a name of letters, digits, `-`, `_` and `.`, other than `models`",
            );
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
            self.wrong(
                format!("providers.{name}.protocol"),
                "expected at least one dialect",
            );
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
                self.wrong(
                    format!("providers.{name}.base_url"),
                    format!("missing: {needs}"),
                );
                return None;
            }
            return self.missing(name, "base_url");
        };
        BaseUrl::parse(text)
            .map_err(|bad| self.wrong(format!("providers.{name}.base_url"), bad.to_string()))
            .ok()
    }

    /// Where access tokens come from. A preset knows its server; whose client asks there is for the
    /// person to say.
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
                self.wrong(
                    path("token_url"),
                    "missing: `auth = \"oauth\"` wants `token_url` and `client_id`",
                );
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
            self.wrong(
                path("token_url"),
                "missing: expected where access tokens come from",
            );
            return None;
        };
        let client_id = text(|oauth| &oauth.client_id);
        // A service account needs none, and only Google's presets have those.
        if client_id.is_none() && known.is_none() {
            self.wrong(
                path("client_id"),
                "missing: expected the id of your own OAuth client",
            );
        }
        for (key, url) in [
            ("authorize_url", authorize_url.as_ref()),
            ("token_url", Some(&token_url)),
        ] {
            if !url.is_none_or(|url| is_safe(url, raw.insecure_http)) {
                self.wrong(path(key), "expected an https URL: secrets travel there");
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
        let written = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let proxy = written(&raw.proxy).and_then(|text| {
            let read = text.parse::<Proxy>();
            read.map_err(|bad| self.wrong("network.proxy", bad.to_string()))
                .ok()
        });
        let no_proxy = raw
            .no_proxy
            .iter()
            .flatten()
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
            Some(near) => format!("missing; or did you mean the preset `{near}`?"),
            None => format!(
                "missing: `{provider}` is no preset, so it has to say its `protocol` and `base_url`"
            ),
        };
        self.wrong(format!("providers.{provider}.{key}"), hint);
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
            self.wrong(
                format!("{path}.name"),
                "missing: expected the name that clients ask for",
            );
            return None;
        };
        let Some(name) = Pattern::parse(name) else {
            self.wrong(
                format!("{path}.name"),
                format!("expected at most one `*`, found `{}`", name.escape_debug()),
            );
            return None;
        };
        let words = raw
            .targets
            .as_ref()
            .map(OneOrMany::as_slice)
            .unwrap_or_default();
        if words.is_empty() {
            self.wrong(
                format!("{path}.use"),
                "missing: expected `provider/model`, or a list of them",
            );
        }
        let mut targets = Vec::new();
        for word in words {
            match target(word, &name, providers) {
                Ok(target) => targets.push(target),
                Err(message) => self.wrong(format!("{path}.use"), message),
            }
        }
        Some(Rule { name, targets })
    }

    fn limits(&mut self, raw: &RawLimits) -> LimitSettings {
        let default = LimitSettings::default();
        let seconds = |written: Option<u64>, default| written.map_or(default, Duration::from_secs);
        LimitSettings {
            request_body_bytes_max: bytes(
                raw.request_body_bytes_max.as_ref(),
                default.request_body_bytes_max,
            ),
            answer_body_bytes_max: bytes(
                raw.answer_body_bytes_max.as_ref(),
                default.answer_body_bytes_max,
            ),
            bodies_bytes_max: bytes(raw.bodies_bytes_max.as_ref(), default.bodies_bytes_max),
            header_bytes_max: bytes(raw.header_bytes_max.as_ref(), default.header_bytes_max),
            headers_max: raw.headers_max.unwrap_or(default.headers_max),
            header_timeout: seconds(raw.header_timeout_seconds, default.header_timeout),
            body_idle_timeout: seconds(raw.body_idle_timeout_seconds, default.body_idle_timeout),
            unread_timeout: seconds(raw.unread_timeout_seconds, default.unread_timeout),
            connect_timeout: seconds(raw.connect_timeout_seconds, default.connect_timeout),
            head_timeout: seconds(raw.head_timeout_seconds, default.head_timeout),
            // Who sets the one means the other too, unless it is set itself.
            answer_timeout: seconds(
                raw.answer_timeout_seconds.or(raw.head_timeout_seconds),
                default.answer_timeout,
            ),
            first_event_timeout: seconds(
                raw.first_event_timeout_seconds,
                default.first_event_timeout,
            ),
            idle_timeout: seconds(raw.idle_timeout_seconds, default.idle_timeout),
            hold: raw.hold_ms.map_or(default.hold, Duration::from_millis),
            connection_idle_timeout: seconds(
                raw.connection_idle_timeout_seconds,
                default.connection_idle_timeout,
            ),
            connections_max: raw.connections_max.unwrap_or(default.connections_max),
            requests_in_flight_max: raw
                .requests_in_flight_max
                .unwrap_or(default.requests_in_flight_max),
            drain_timeout: seconds(raw.drain_timeout_seconds, default.drain_timeout),
            keep_alive: seconds(raw.keep_alive_seconds, default.keep_alive),
        }
    }
}

/// A machine that cannot count as far as the file says is bounded by what it can count.
fn bytes(written: Option<&Bytes>, default: usize) -> usize {
    written.map_or(default, |bytes| bytes.count().unwrap_or(usize::MAX))
}

/// Whether secrets may travel to that URL.
fn is_safe(url: &str, insecure_http: Option<bool>) -> bool {
    let base = BaseUrl::parse(url.split('?').next().unwrap_or_default());
    base.is_ok_and(|base| {
        !base.is_plain_http() || base.is_loopback() || insecure_http == Some(true)
    })
}

fn auth_mode(word: Option<&str>, allow_lan_access: bool) -> AuthMode {
    match word {
        Some(AUTH_MODE_AUTO) if allow_lan_access => AuthMode::AllExceptHealth,
        word => word.and_then(AuthMode::by_name).unwrap_or(AuthMode::Off),
    }
}

fn notifications(raw: &RawNotifications) -> Notifications {
    let default = Notifications::default();
    Notifications {
        off: raw.off.clone().unwrap_or(default.off),
        expiry_days: raw.expiry_days.clone().unwrap_or(default.expiry_days),
    }
}

fn scheduling(raw: &RawScheduling) -> Scheduling {
    let default = Scheduling::default();
    Scheduling {
        mode: raw
            .mode
            .as_deref()
            .and_then(SchedulingMode::by_name)
            .unwrap_or(default.mode),
        max_wait: raw
            .max_wait_seconds
            .map_or(default.max_wait, Duration::from_secs),
        max_attempts: raw.max_attempts.unwrap_or(default.max_attempts),
    }
}

/// The form that the person or the preset names; where a key is there without a form, the dialect's
/// usual one.
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

fn target(word: &str, name: &Pattern, providers: &[Provider]) -> Result<RuleTarget, String> {
    let shown = word.escape_debug();
    let Some((provider, model)) = word.split_once('/').filter(|(_, model)| !model.is_empty())
    else {
        return Err(format!("expected `provider/model`, found `{shown}`"));
    };
    let model = Pattern::parse(model)
        .ok_or_else(|| format!("expected at most one `*`, found `{shown}`"))?;
    if model.is_wild() && !name.is_wild() {
        return Err(format!(
            "the `*` of `{shown}` stands for what a `*` in `name` matched, and there is none"
        ));
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

fn unknown_provider(name: &str, providers: &[Provider]) -> String {
    let shown = name.escape_debug();
    let known = providers.iter().map(|provider| provider.name.as_str());
    match nearest(name, known, 1).first() {
        Some(near) => format!("no provider `{shown}`; did you mean `{near}`?"),
        None => format!("no provider `{shown}`; add [providers.{shown}]"),
    }
}

/// A name or an address, with a port where only that one is meant. An IPv6 address gets the
/// brackets that `Host` has.
fn host(word: &str) -> Result<String, &'static str> {
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
        Err("a host name or address without scheme and path")
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
fn origin(word: &str) -> Result<String, &'static str> {
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
        Err("an origin such as `https://app.example:8443`")
    }
}
