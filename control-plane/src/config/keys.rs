//! Every key of the configuration: what it takes, its default, and what it does.
//!
//! Files are checked against this table, defaults are filled in from it, and users are shown it. A
//! key of the program is one row here and one field that it is deserialised into (in `resolved`,
//! `limits` or `raw`); a missing counterpart fails every test that parses a configuration.

use toml_edit::{Array, Value};

use super::resolved::Translation;
use super::wrong::{Kind, Wrong};
use crate::canon::Dialect;
use crate::language::Said;
use crate::modes::{AuthMode, BodyMode, LanguageChoice, SchedulingMode, Theme};
use crate::provider::{self, Auth};
use crate::suggestion::nearest;

/// A key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted. `*` is a name that the user chooses, `[]` an entry of a list of tables.
    pub path: &'static str,
    pub kind: ValueKind,
    /// The default as TOML. `None` where it depends on other keys, or the key is required.
    pub default: Option<&'static str>,
    pub about: &'static str,
}

/// When a change of a key is in force. All are, without a restart; requests in flight end as they
/// began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesEffect {
    AtOnce,
    NextRequest,
    /// Connections that are open keep what they began with.
    NewConnections,
    /// The new port opens before the old one closes.
    PortMoves,
    /// When the port is next closed.
    NextStop,
}

impl Key {
    /// When a change is in force, as the agent's parts follow the configuration.
    pub fn takes_effect(&self) -> TakesEffect {
        match self.path {
            "port" | "metrics_port" | "ollama_port" => TakesEffect::PortMoves,
            "limits.drain_timeout_seconds" => TakesEffect::NextStop,
            path if OF_CONNECTIONS.contains(&path) => TakesEffect::NewConnections,
            path if AT_ONCE.iter().any(|table| path.starts_with(table)) => TakesEffect::AtOnce,
            _ => TakesEffect::NextRequest,
        }
    }
}

/// The tables whose keys concern no request.
const AT_ONCE: &[&str] = &["version", "notifications.", "record.", "dashboard."];

/// What a listener takes over when it is opened.
const OF_CONNECTIONS: &[&str] = &[
    "allow_lan_access",
    "allow_other_users",
    "limits.request_body_bytes_max",
    "limits.bodies_bytes_max",
    "limits.header_bytes_max",
    "limits.headers_max",
    "limits.header_timeout_seconds",
    "limits.body_idle_timeout_seconds",
    "limits.unread_timeout_seconds",
    "limits.connections_max",
    "limits.requests_in_flight_max",
    "limits.connection_idle_timeout_seconds",
];

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum ValueKind {
    Bool,
    /// An integer from `min` to `max`.
    Count {
        min: u64,
        max: u64,
    },
    /// A number of bytes, at least `min`: an integer, or text such as `64 MiB`.
    Bytes {
        min: u64,
    },
    /// The same with an upper bound.
    BytesUpTo {
        min: u64,
        max: u64,
    },
    Text,
    /// The name of an environment variable. Errors never repeat the value: it may be the key itself.
    EnvName,
    OneOf(&'static [&'static str]),
    /// The name of a dialect that providers can be called in.
    Dialect,
    ListOf(&'static ValueKind),
    OneOrListOf(&'static ValueKind),
}

/// The word that leaves `auth_mode` to `allow_lan_access`.
pub(super) const AUTH_MODE_AUTO: &str = "auto";

const AUTH_MODES: &[&str] = &[
    AuthMode::Off.name(),
    AuthMode::Strict.name(),
    AuthMode::AllExceptHealth.name(),
    AUTH_MODE_AUTO,
];

const SECONDS: ValueKind = ValueKind::Count {
    min: 1,
    max: 24 * 60 * 60,
};
const COUNT: ValueKind = ValueKind::Count {
    min: 1,
    max: 1_000_000,
};

const DAYS: ValueKind = ValueKind::Count {
    min: 1,
    max: 36_500,
};

const fn key(
    path: &'static str,
    kind: ValueKind,
    default: Option<&'static str>,
    about: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        about,
    }
}

pub static KEYS: &[Key] = &[
    key(
        "version",
        ValueKind::Count {
            min: 1,
            max: i64::MAX as u64,
        },
        Some("1"),
        "the form of this file",
    ),
    key(
        "port",
        ValueKind::Count {
            min: 0,
            max: 65_535,
        },
        Some("8045"),
        "the port of the API; 0 takes a free one",
    ),
    key(
        "metrics_port",
        ValueKind::Count {
            min: 0,
            max: 65_535,
        },
        None,
        "the port of /metrics, for this machine alone; none while unset; 0 takes a free one",
    ),
    key(
        "ollama_port",
        ValueKind::Count {
            min: 0,
            max: 65_535,
        },
        None,
        "a second port of the API, for this machine alone and programs that look for Ollama at 11434; none while unset",
    ),
    key(
        "allow_lan_access",
        ValueKind::Bool,
        Some("false"),
        "serve other machines too; wants an auth_mode other than off",
    ),
    key(
        "allow_other_users",
        ValueKind::Bool,
        Some("false"),
        "serve other users of this machine too (Linux tells who they are)",
    ),
    key(
        "auth_mode",
        ValueKind::OneOf(AUTH_MODES),
        Some("\"off\""),
        "which requests need the local key; auto: all_except_health while allow_lan_access, else off",
    ),
    key(
        "allowed_hosts",
        ValueKind::ListOf(&ValueKind::Text),
        Some("[]"),
        "names besides loopback that the Host header may carry",
    ),
    key(
        "cors_origins",
        ValueKind::ListOf(&ValueKind::Text),
        Some("[]"),
        "origins besides loopback pages and editors that may call",
    ),
    key(
        "translation",
        ValueKind::OneOf(Translation::NAMES),
        Some("\"lenient\""),
        "strict refuses requests of which something would be dropped or approximated",
    ),
    key(
        "scheduling.mode",
        ValueKind::OneOf(SchedulingMode::NAMES),
        Some("\"balance\""),
        "how one of several accounts of a provider is chosen: its own for each conversation, waiting for it or not, by load, or in order",
    ),
    key(
        "scheduling.max_wait_seconds",
        ValueKind::Count { min: 0, max: 3600 },
        Some("60"),
        "how long one request waits in sum: for a busy account, in cache_first for its conversation's own, before a second try",
    ),
    key(
        "scheduling.max_attempts",
        ValueKind::Count { min: 1, max: 100 },
        Some("8"),
        "how often one request is tried, the first included",
    ),
    key(
        "notifications.off",
        ValueKind::ListOf(&ValueKind::OneOf(&[
            "sign_in", "vault", "expiry", "quota", "resting", "port", "lan", "config",
        ])),
        Some("[]"),
        "what the desktop is not notified of",
    ),
    key(
        "notifications.expiry_days",
        ValueKind::ListOf(&ValueKind::Count { min: 1, max: 365 }),
        Some("[7, 1]"),
        "how many days ahead the end of an account is told, each once",
    ),
    key(
        "providers.*.enabled",
        ValueKind::Bool,
        Some("true"),
        "whether requests may go there",
    ),
    key(
        "providers.*.protocol",
        ValueKind::OneOrListOf(&ValueKind::Dialect),
        None,
        "the dialects that it speaks; presets know theirs",
    ),
    key(
        "providers.*.base_url",
        ValueKind::Text,
        None,
        "where it answers, with or without version segment; presets know theirs",
    ),
    key(
        "providers.*.auth",
        ValueKind::OneOf(Auth::NAMES),
        None,
        "how the key travels; without it the preset's form, else the dialect's usual one where key_env is set, else none",
    ),
    key(
        "providers.*.key_env",
        ValueKind::EnvName,
        None,
        "the environment variable that holds the key; presets know theirs",
    ),
    key(
        "providers.*.oauth.authorize_url",
        ValueKind::Text,
        None,
        "where a person signs in; presets that take access tokens know theirs",
    ),
    key(
        "providers.*.oauth.token_url",
        ValueKind::Text,
        None,
        "where access tokens come from; presets that take them know theirs",
    ),
    key(
        "providers.*.oauth.client_id",
        ValueKind::Text,
        None,
        "the id of your own OAuth client; its secret comes with the account",
    ),
    key(
        "providers.*.oauth.scopes",
        ValueKind::ListOf(&ValueKind::Text),
        None,
        "what is asked for at a sign-in",
    ),
    key(
        "providers.*.insecure_http",
        ValueKind::Bool,
        Some("false"),
        "let the key travel over plain http to another machine",
    ),
    key(
        "providers.*.models",
        ValueKind::ListOf(&ValueKind::Text),
        None,
        "the models that it serves, instead of its own list",
    ),
    key(
        "models[].name",
        ValueKind::Text,
        None,
        "what clients ask for; one `*` allowed",
    ),
    key(
        "models[].use",
        ValueKind::OneOrListOf(&ValueKind::Text),
        None,
        "provider/model, tried in order; `*` is what the name's `*` matched",
    ),
    key(
        "network.proxy",
        ValueKind::Text,
        Some("\"\""),
        "what requests to other machines go through: http://host:port, https://, socks5://; an account may have its own",
    ),
    key(
        "network.no_proxy",
        ValueKind::ListOf(&ValueKind::Text),
        Some("[]"),
        "hosts that are asked without it: names, `.domains`, addresses",
    ),
    key(
        "network.ca_file",
        ValueKind::Text,
        Some("\"\""),
        "a PEM file of authorities to trust besides the system's",
    ),
    // Agents send whole repositories and images; clients need 32 MiB at the least.
    key(
        "limits.request_body_bytes_max",
        ValueKind::Bytes { min: 1024 },
        Some("\"64 MiB\""),
        "the largest request, decompressed",
    ),
    key(
        "limits.answer_body_bytes_max",
        ValueKind::Bytes { min: 1024 },
        Some("\"64 MiB\""),
        "the largest whole answer of an upstream",
    ),
    key(
        "limits.bodies_bytes_max",
        ValueKind::Bytes { min: 1024 * 1024 },
        Some("\"512 MiB\""),
        "all bodies in memory together, of requests and whole answers; those of up to 64 KiB do not count",
    ),
    key(
        "limits.header_bytes_max",
        ValueKind::Bytes { min: 8192 },
        Some("\"64 KiB\""),
        "the largest head of a request",
    ),
    key(
        "limits.headers_max",
        ValueKind::Count { min: 16, max: 1000 },
        Some("80"),
        "the number of headers of a request",
    ),
    key(
        "limits.header_timeout_seconds",
        SECONDS,
        Some("30"),
        "how long the head of a request may take",
    ),
    key(
        "limits.body_idle_timeout_seconds",
        SECONDS,
        Some("30"),
        "how long the body of a request may pause",
    ),
    key(
        "limits.unread_timeout_seconds",
        SECONDS,
        Some("60"),
        "how long a client may leave its stream unread while other requests wait for the account",
    ),
    key(
        "limits.connect_timeout_seconds",
        SECONDS,
        Some("10"),
        "how long connecting to an upstream may take",
    ),
    key(
        "limits.head_timeout_seconds",
        SECONDS,
        Some("60"),
        "how long an upstream may take to begin a stream",
    ),
    // Ten minutes are not rare, and only the client knows when waiting is no use any more.
    key(
        "limits.answer_timeout_seconds",
        SECONDS,
        Some("3600"),
        "how long an answer that is not streamed may take, to its head and from there to its end; where only head_timeout_seconds is set, as long as that",
    ),
    key(
        "limits.first_event_timeout_seconds",
        SECONDS,
        Some("300"),
        "how long a stream may take to its first event",
    ),
    key(
        "limits.idle_timeout_seconds",
        SECONDS,
        Some("300"),
        "how long a stream may pause between events",
    ),
    key(
        "limits.hold_ms",
        ValueKind::Count {
            min: 0,
            max: 60_000,
        },
        Some("3000"),
        "how long the start of a stream is held for a failover",
    ),
    // Longer than clients keep idle connections: no request runs into one that is being closed.
    key(
        "limits.connection_idle_timeout_seconds",
        SECONDS,
        Some("300"),
        "how long a client's connection stays open without a request",
    ),
    key(
        "limits.connections_max",
        COUNT,
        Some("2048"),
        "connections of clients at a time",
    ),
    key(
        "limits.requests_in_flight_max",
        COUNT,
        Some("1024"),
        "requests at a time",
    ),
    key(
        "limits.drain_timeout_seconds",
        SECONDS,
        Some("30"),
        "how long running answers may take when the gateway stops",
    ),
    key(
        "limits.keep_alive_seconds",
        SECONDS,
        Some("15"),
        "the pause after which a stream gets a sign of life",
    ),
    key(
        "record.enabled",
        ValueKind::Bool,
        Some("true"),
        "keep a record of each request, without prompts and answers, and sums of them",
    ),
    key(
        "record.keep_days",
        DAYS,
        Some("30"),
        "how many days the record of a request that was served is kept",
    ),
    key(
        "record.keep_failed_days",
        DAYS,
        Some("90"),
        "how many days the record of a request that failed is kept",
    ),
    key(
        "record.bytes_max",
        ValueKind::Bytes { min: 16 << 20 },
        Some("\"256 MiB\""),
        "how large the file of the records may become; the oldest make room",
    ),
    key(
        "record.bodies",
        ValueKind::OneOf(BodyMode::NAMES),
        Some("\"off\""),
        "keep prompts and answers, without secrets: of no request, of those that fail, of all; `aerostat records bodies` does it for a while",
    ),
    key(
        "record.body_bytes_max",
        ValueKind::BytesUpTo {
            min: 1024,
            max: 1 << 20,
        },
        Some("\"256 KiB\""),
        "how much of a body is kept; the rest is cut off",
    ),
    key(
        "record.keep_bodies_days",
        DAYS,
        Some("7"),
        "how many days bodies are kept; where the file is full they go first",
    ),
    key(
        "dashboard.theme",
        ValueKind::OneOf(Theme::NAMES),
        Some("\"system\""),
        "whether the pages are light or dark, or as the system is",
    ),
    key(
        "dashboard.language",
        ValueKind::OneOf(LanguageChoice::NAMES),
        Some("\"auto\""),
        "the language of the pages; `auto` is the one that the browser asks for",
    ),
    #[cfg(feature = "otlp")]
    key(
        "telemetry.otlp_endpoint",
        ValueKind::Text,
        Some("\"\""),
        "where traces are sent, by OTLP over HTTP: http://127.0.0.1:4318; else where OTEL_EXPORTER_OTLP_ENDPOINT says",
    ),
];

/// The key of that pattern.
pub fn by_pattern(pattern: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == pattern)
}

/// The key that a dotted path means: `providers.lab.auth` is `providers.*.auth`.
pub fn by_path(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| matches(key.path, path))
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once(".*.") {
        None => pattern == path,
        Some((before, after)) => name(before, path, after).is_some(),
    }
}

/// The name that stands between `before` and `after` in a path. It may hold dots.
fn name<'p>(before: &str, path: &'p str, after: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(before)?.strip_prefix('.')?;
    rest.strip_suffix(after)?
        .strip_suffix('.')
        .filter(|name| !name.is_empty())
}

/// Splits a dotted path. A name that the user chose is one step, even if it contains dots.
pub(super) fn steps(path: &str) -> Vec<&str> {
    let free = KEYS.iter().filter_map(|key| key.path.split_once(".*."));
    let found =
        free.filter_map(|(before, after)| Some((before, name(before, path, after)?, after)));
    // The longest tail: `providers.a.oauth.scopes` is a key of `a`, not of `a.oauth`.
    match found.max_by_key(|(_, _, after)| after.len()) {
        Some((before, name, after)) => before
            .split('.')
            .chain([name])
            .chain(after.split('.'))
            .collect(),
        None => path.split('.').collect(),
    }
}

/// Whether keys stand below that pattern.
pub(super) fn is_table(pattern: &str) -> bool {
    KEYS.iter().any(|key| {
        key.path
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Whether that pattern is a list of tables.
pub(super) fn is_list_of_tables(pattern: &str) -> bool {
    KEYS.iter().any(|key| {
        key.path
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.starts_with("[]."))
    })
}

/// What may stand directly below that pattern.
fn children(pattern: &str) -> impl Iterator<Item = &'static str> {
    let prefix = if pattern.is_empty() {
        String::new()
    } else {
        format!("{pattern}.")
    };
    KEYS.iter()
        .filter_map(move |key| key.path.strip_prefix(&prefix)?.split(['.', '[']).next())
}

/// The error for a word that is no key below `pattern`.
pub(super) fn unknown(pattern: &str, word: &str) -> Wrong {
    if cfg!(not(feature = "otlp")) && pattern.is_empty() && word == "telemetry" {
        return Wrong::NoTraces;
    }
    match nearest(word, children(pattern), 1).first() {
        Some(near) => Wrong::UnknownKeyNear {
            near: (*near).to_owned(),
        },
        None => Wrong::UnknownKey,
    }
}

/// The error for a dotted path that is no key.
pub(crate) fn unknown_path(path: &str) -> Wrong {
    let shown = path.to_owned();
    match nearest(path, KEYS.iter().map(|key| key.path), 1).first() {
        Some(near) => Wrong::UnknownPathNear {
            path: shown,
            near: (*near).to_owned(),
        },
        None => Wrong::UnknownPath { path: shown },
    }
}

impl ValueKind {
    /// For errors and help: what is expected.
    pub fn expects(&self) -> Said {
        let kind = match self {
            Self::Bool => Kind::Bool,
            &Self::Count { min, max } => Kind::Count { min, max },
            &Self::Bytes { min } => Kind::Bytes { min },
            &Self::BytesUpTo { min, max } => Kind::BytesUpTo { min, max },
            Self::Text => Kind::Text,
            Self::EnvName => Kind::EnvName,
            Self::OneOf(words) => one_of(words.iter().copied()),
            Self::Dialect => one_of(provider::dialects().map(Dialect::name)),
            Self::ListOf(kind) => Kind::ListOf {
                kind: kind.expects(),
            },
            Self::OneOrListOf(kind) => Kind::OneOrListOf {
                kind: kind.expects(),
            },
        };
        kind.into()
    }

    /// Whether `value` is what the key takes.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub(super) fn check(&self, value: &Value) -> Result<(), Wrong> {
        match self {
            Self::ListOf(kind) => self.check_list(kind, value),
            Self::OneOrListOf(kind) if value.is_array() => self.check_list(kind, value),
            Self::OneOrListOf(kind) => kind.check(value),
            _ if self.accepts(value) => Ok(()),
            Self::EnvName => Err(Wrong::KindUnseen {
                expected: self.expects(),
            }),
            _ => Err(self.unexpected(value)),
        }
    }

    fn unexpected(&self, value: &Value) -> Wrong {
        Wrong::Kind {
            expected: self.expects(),
            found: found(value),
        }
    }

    fn check_list(&self, kind: &Self, value: &Value) -> Result<(), Wrong> {
        let list = value.as_array().ok_or_else(|| self.unexpected(value))?;
        list.iter().try_for_each(|item| kind.check(item))
    }

    fn accepts(&self, value: &Value) -> bool {
        let integer = || integer_of(value);
        match self {
            Self::Bool => value.is_bool(),
            Self::Count { min, max } => {
                integer().is_some_and(|count| (*min..=*max).contains(&count))
            }
            Self::Bytes { min } => bytes_of(value).is_some_and(|bytes| bytes >= *min),
            Self::BytesUpTo { min, max } => {
                bytes_of(value).is_some_and(|bytes| (*min..=*max).contains(&bytes))
            }
            Self::Text => value.is_str(),
            Self::EnvName => value.as_str().is_some_and(is_env_name),
            Self::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Dialect => value
                .as_str()
                .is_some_and(|word| provider::dialect(word).is_some()),
            Self::ListOf(_) | Self::OneOrListOf(_) => value.is_array(),
        }
    }

    /// The value of a word on the command line: text needs no quotes, and the entries of a list may
    /// be separated by commas.
    pub(super) fn parse_word(&self, word: &str) -> Value {
        match self {
            Self::Bool | Self::Count { .. } | Self::Bytes { .. } | Self::BytesUpTo { .. } => {
                word.trim().parse().unwrap_or_else(|_| Value::from(word))
            }
            Self::Text | Self::EnvName | Self::OneOf(_) | Self::Dialect => Value::from(word),
            Self::OneOrListOf(_) if !word.contains(['[', ',']) => Value::from(word),
            Self::ListOf(_) | Self::OneOrListOf(_) => match word.parse::<Value>() {
                Ok(list) if list.is_array() => list,
                _ => Value::from(words(word)),
            },
        }
    }
}

fn integer_of(value: &Value) -> Option<u64> {
    value
        .as_integer()
        .and_then(|integer| u64::try_from(integer).ok())
}

/// An integer, or a number with a unit.
fn bytes_of(value: &Value) -> Option<u64> {
    integer_of(value).or_else(|| bytes(value.as_str()?))
}

fn one_of(words: impl Iterator<Item = &'static str>) -> Kind {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    let words = words.join(", ");
    Kind::OneOf { words }
}

fn words(text: &str) -> Array {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect()
}

/// A value as an error shows it: shortened, on one line.
fn found(value: &Value) -> String {
    let mut bare = value.clone();
    bare.decor_mut().clear();
    let text = bare
        .as_str()
        .map_or_else(|| bare.to_string(), str::to_owned);
    let short: String = text.chars().take(60).collect();
    format!("`{}`", short.escape_debug())
}

fn is_env_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() && name.chars().all(is_word)
}

/// A number of bytes with its unit: `64 MiB`, `8 KB`, `512`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let scale = match unit.trim() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(scale)
}
