//! The file with the defaults filled in, and nothing else checked or derived.
//!
//! The keys of providers and rules have no common defaults, so they are optional.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::dashboard::DashboardSettings;
use super::limits::LimitSettings;
use super::record::RecordSettings;
use super::resolved::{Notifications, Scheduling, Translation};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) version: u64,
    pub(super) port: u16,
    #[serde(default)]
    pub(super) metrics_port: Option<u16>,
    #[serde(default)]
    pub(super) ollama_port: Option<u16>,
    pub(super) allow_lan_access: bool,
    pub(super) allow_other_users: bool,
    pub(super) auth_mode: String,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) cors_origins: Vec<String>,
    pub(super) translation: Translation,
    pub(super) scheduling: Scheduling,
    pub(super) notifications: Notifications,
    #[serde(default, deserialize_with = "in_file_order")]
    pub(super) providers: Vec<(String, RawProvider)>,
    #[serde(default)]
    pub(super) models: Vec<RawRule>,
    pub(super) network: RawNetwork,
    pub(super) limits: LimitSettings,
    pub(super) record: RecordSettings,
    pub(super) dashboard: DashboardSettings,
    #[cfg(feature = "otlp")]
    pub(super) telemetry: RawTelemetry,
}

#[cfg(feature = "otlp")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTelemetry {
    pub(super) otlp_endpoint: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    pub(super) proxy: String,
    pub(super) no_proxy: Vec<String>,
    pub(super) ca_file: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawProvider {
    pub(super) enabled: Option<bool>,
    pub(super) protocol: Option<OneOrMany>,
    pub(super) base_url: Option<String>,
    pub(super) auth: Option<String>,
    pub(super) key_env: Option<String>,
    pub(super) oauth: Option<RawOAuth>,
    pub(super) insecure_http: Option<bool>,
    pub(super) models: Option<Vec<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawOAuth {
    pub(super) authorize_url: Option<String>,
    pub(super) token_url: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) name: Option<String>,
    #[serde(rename = "use")]
    pub(super) targets: Option<OneOrMany>,
}

/// One word, or a list of words.
#[derive(Clone, Debug, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
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
