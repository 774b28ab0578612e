//! Points in time as people and files write them: RFC 3339 in UTC.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

pub(super) fn serialize<S: Serializer>(
    moment: &SystemTime,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let moment = Timestamp::try_from(*moment).map_err(ser::Error::custom)?;
    serializer.collect_str(&moment)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<Timestamp>()
        .map(SystemTime::from)
        .map_err(de::Error::custom)
}

/// The same for what may be absent.
pub(super) mod option {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Moment(#[serde(with = "super")] SystemTime);

    pub(in crate::account) fn serialize<S: Serializer>(
        moment: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        moment.map(Moment).serialize(serializer)
    }

    pub(in crate::account) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<Moment>::deserialize(deserializer)?.map(|moment| moment.0))
    }
}
