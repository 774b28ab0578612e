//! The section `record`: what is kept of requests, and for how long.

use serde::Deserialize;

use super::limits::bytes;
use crate::modes::BodyMode;

/// A setting is one field here and one row of [`super::keys::KEYS`], which holds its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordSettings {
    /// Whether requests are recorded in the file at all.
    pub enabled: bool,
    pub keep_days: u32,
    pub keep_failed_days: u32,
    /// The file with its journal.
    #[serde(deserialize_with = "bytes")]
    pub bytes_max: usize,
    /// Of which requests the bodies are kept.
    pub bodies: BodyMode,
    /// Of each body.
    #[serde(deserialize_with = "bytes")]
    pub body_bytes_max: usize,
    pub keep_bodies_days: u32,
}
