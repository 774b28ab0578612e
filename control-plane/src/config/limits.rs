//! The section `limits`: bounds on everything that clients and upstreams send.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::keys;

/// A limit is one field here and one row of [`keys::KEYS`], which holds its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    #[serde(deserialize_with = "bytes")]
    pub request_body_bytes_max: usize,
    #[serde(deserialize_with = "bytes")]
    pub answer_body_bytes_max: usize,
    /// All bodies in memory together.
    #[serde(deserialize_with = "bytes")]
    pub bodies_bytes_max: usize,
    #[serde(deserialize_with = "bytes")]
    pub header_bytes_max: usize,
    pub headers_max: usize,
    #[serde(rename = "header_timeout_seconds", deserialize_with = "seconds")]
    pub header_timeout: Duration,
    /// Between two chunks of a request's body.
    #[serde(rename = "body_idle_timeout_seconds", deserialize_with = "seconds")]
    pub body_idle_timeout: Duration,
    /// How long a client may leave its stream unread while others wait for the account.
    #[serde(rename = "unread_timeout_seconds", deserialize_with = "seconds")]
    pub unread_timeout: Duration,
    #[serde(rename = "connect_timeout_seconds", deserialize_with = "seconds")]
    pub connect_timeout: Duration,
    /// From the request to the head of a stream.
    #[serde(rename = "head_timeout_seconds", deserialize_with = "seconds")]
    pub head_timeout: Duration,
    /// The same for a response that is not streamed: its head comes once all of it is there.
    #[serde(rename = "answer_timeout_seconds", deserialize_with = "seconds")]
    pub answer_timeout: Duration,
    /// From the head of a stream to its first event.
    #[serde(rename = "first_event_timeout_seconds", deserialize_with = "seconds")]
    pub first_event_timeout: Duration,
    /// Between two events of a stream.
    #[serde(rename = "idle_timeout_seconds", deserialize_with = "seconds")]
    pub idle_timeout: Duration,
    /// How long the start of a stream is held back, so that a failover is still possible.
    #[serde(rename = "hold_ms", deserialize_with = "milliseconds")]
    pub hold: Duration,
    /// Between two requests of a client's connection.
    #[serde(
        rename = "connection_idle_timeout_seconds",
        deserialize_with = "seconds"
    )]
    pub connection_idle_timeout: Duration,
    pub connections_max: usize,
    pub requests_in_flight_max: usize,
    #[serde(rename = "drain_timeout_seconds", deserialize_with = "seconds")]
    pub drain_timeout: Duration,
    #[serde(rename = "keep_alive_seconds", deserialize_with = "seconds")]
    pub keep_alive: Duration,
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

/// A number of bytes, as an integer or with a unit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes {
    Count(u64),
    Text(String),
}

pub(super) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let count = match Bytes::deserialize(deserializer)? {
        Bytes::Count(count) => Some(count),
        Bytes::Text(text) => keys::bytes(&text),
    };
    let count = count.ok_or_else(|| serde::de::Error::custom("expected a number of bytes"))?;
    // A machine with a smaller address space is bounded by that.
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}
