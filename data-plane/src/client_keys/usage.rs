//! What people see of a key: its limits, and what is used of each.

use crate::outcome::Timestamp;

use super::refusal::Limit;

/// A key as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    pub last_used_at: Option<Timestamp>,
    /// Requests that one of its limits refused, since midnight in the system's time zone.
    pub refused_today: u64,
    pub limits: Vec<LimitUsage>,
}

/// A limit with a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUsage {
    pub limit: Limit,
    /// `500,000 tokens a day`.
    pub text: String,
    /// How much is used of it, as text: `12,000 tokens`.
    pub used_text: String,
    /// Money in micro-dollars.
    pub max: u64,
    pub used: u64,
    pub starts_at: Timestamp,
    pub resets_at: Timestamp,
    /// The zone by whose days it counts.
    pub time_zone: String,
    pub is_used_up: bool,
    /// Requests of which not all has a known price: what is unknown counts as 0.
    pub unpriced_requests: u64,
}
