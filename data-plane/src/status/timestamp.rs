//! How a moment is written for people and scripts, and read back.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::outcome::Timestamp;

/// A moment in RFC 3339, in UTC and whole seconds.
///
/// Fractions are rounded up, so that what ends "until" a moment has ended by then. Moments outside
/// the years 1970 to 9999 become the nearest one inside.
pub fn rfc3339(at: Timestamp) -> String {
    let rounded_up = at + Duration::from_nanos(999_999_999);
    let seconds = rounded_up
        .duration_since(Timestamp::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .unwrap_or(jiff::Timestamp::MAX)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// For `#[serde(with = "timestamp")]`.
///
/// # Errors
/// As the serializer.
pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

/// For `#[serde(with = "timestamp")]`.
///
/// # Errors
/// When the text is no RFC 3339 moment.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<jiff::Timestamp>()
        .map(Timestamp::from)
        .map_err(de::Error::custom)
}

/// The same for a moment that may be absent: `null`.
pub mod option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::outcome::Timestamp;

    #[derive(Serialize, Deserialize)]
    struct Present(#[serde(with = "super")] Timestamp);

    /// For `#[serde(with = "timestamp::option")]`.
    ///
    /// # Errors
    /// As the serializer.
    pub fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(Present).serialize(serializer)
    }

    /// For `#[serde(with = "timestamp::option")]`.
    ///
    /// # Errors
    /// When the text is no RFC 3339 moment.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let at = Option::<Present>::deserialize(deserializer)?;
        Ok(at.map(|Present(at)| at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_moment_never_comes_early() {
        assert_eq!(rfc3339(at(60.0)), "1970-01-01T00:01:00Z");
        assert_eq!(rfc3339(at(60.001)), "1970-01-01T00:01:01Z");
    }

    #[test]
    fn a_moment_that_cannot_be_written_becomes_one_that_can() {
        assert_eq!(rfc3339(at(1e12)), "9999-12-30T22:00:00Z");
        assert_eq!(
            rfc3339(Timestamp::UNIX_EPOCH - Duration::from_secs(60)),
            "1970-01-01T00:00:00Z"
        );
    }
}
