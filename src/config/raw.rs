//! The file as the person wrote it: every key optional, nothing judged.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::keys;

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct Raw {
    pub version: Option<u64>,
    pub port: Option<u16>,
    pub allow_lan_access: Option<bool>,
    pub allow_other_users: Option<bool>,
    pub auth_mode: Option<String>,
    pub allowed_hosts: Option<Vec<String>>,
    pub cors_origins: Option<Vec<String>>,
    pub translation: Option<String>,
    pub scheduling: RawScheduling,
    pub notifications: RawNotifications,
    #[serde(deserialize_with = "in_file_order")]
    pub providers: Vec<(String, RawProvider)>,
    pub models: Vec<RawRule>,
    pub network: RawNetwork,
    pub limits: RawLimits,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct RawScheduling {
    pub mode: Option<String>,
    pub max_wait_seconds: Option<u64>,
    pub max_attempts: Option<u32>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct RawNotifications {
    pub off: Option<Vec<String>>,
    pub expiry_days: Option<Vec<u32>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct RawProvider {
    pub enabled: Option<bool>,
    pub protocol: Option<OneOrMany>,
    pub base_url: Option<String>,
    pub auth: Option<String>,
    pub key_env: Option<String>,
    pub oauth: Option<RawOAuth>,
    pub insecure_http: Option<bool>,
    pub models: Option<Vec<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct RawOAuth {
    pub authorize_url: Option<String>,
    pub token_url: Option<String>,
    pub client_id: Option<String>,
    pub scopes: Option<Vec<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct RawNetwork {
    pub proxy: Option<String>,
    pub no_proxy: Option<Vec<String>>,
    pub ca_file: Option<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct RawRule {
    pub name: Option<String>,
    #[serde(rename = "use")]
    pub targets: Option<OneOrMany>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub struct RawLimits {
    pub request_body_bytes_max: Option<Bytes>,
    pub answer_body_bytes_max: Option<Bytes>,
    pub bodies_bytes_max: Option<Bytes>,
    pub header_bytes_max: Option<Bytes>,
    pub headers_max: Option<usize>,
    pub header_timeout_seconds: Option<u64>,
    pub body_idle_timeout_seconds: Option<u64>,
    pub unread_timeout_seconds: Option<u64>,
    pub connect_timeout_seconds: Option<u64>,
    pub head_timeout_seconds: Option<u64>,
    pub answer_timeout_seconds: Option<u64>,
    pub first_event_timeout_seconds: Option<u64>,
    pub idle_timeout_seconds: Option<u64>,
    pub hold_ms: Option<u64>,
    pub connection_idle_timeout_seconds: Option<u64>,
    pub connections_max: Option<usize>,
    pub requests_in_flight_max: Option<usize>,
    pub drain_timeout_seconds: Option<u64>,
    pub keep_alive_seconds: Option<u64>,
}

/// One word, or a list of words.
#[derive(Clone, Debug, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// A number of bytes, as an integer or with a unit.
#[derive(Clone, Debug, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(untagged)]
pub enum Bytes {
    Count(usize),
    Text(String),
}

impl Bytes {
    /// `None` where the text is no number of bytes, or this machine cannot count so far.
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Count(count) => Some(*count),
            Self::Text(text) => usize::try_from(keys::bytes(text)?).ok(),
        }
    }
}

/// Reads a table of tables as a list: the order of the file decides who is asked first.
fn in_file_order<'de, D, T>(deserializer: D) -> Result<Vec<(String, T)>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Entries<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
        type Value = Vec<(String, T)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table of tables")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_map(Entries(std::marker::PhantomData))
}
