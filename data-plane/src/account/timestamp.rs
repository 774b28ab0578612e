//! Timestamps in files: RFC 3339 in UTC, with all their digits.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

pub(super) fn serialize<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let at = Timestamp::try_from(*at).map_err(ser::Error::custom)?;
    serializer.collect_str(&at)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<Timestamp>()
        .map(SystemTime::from)
        .map_err(de::Error::custom)
}

/// The same for an `Option`.
pub(super) mod option {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Rfc3339(#[serde(with = "super")] SystemTime);

    pub(in crate::account) fn serialize<S: Serializer>(
        at: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(Rfc3339).serialize(serializer)
    }

    pub(in crate::account) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<Rfc3339>::deserialize(deserializer)?.map(|at| at.0))
    }
}
