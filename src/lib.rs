#![doc = include_str!("ARCHITECTURE.md")]

// What the tests call without an agent around it.
pub use aerostat_control_plane::{accounts, cli, config, control, store};
pub use aerostat_data_plane::{
    account, canon, content_coding, gateway, json, listener, modes, outcome, pool, protocol,
    provider, record, segmented_bytes, selftest, upstream,
};

#[cfg(feature = "desktop")]
use aerostat_control_plane::desktop;
#[cfg(feature = "otlp")]
use aerostat_control_plane::telemetry;
use aerostat_control_plane::{dashboard, metrics};
#[cfg(feature = "desktop")]
use aerostat_data_plane::language;
use aerostat_data_plane::{client_keys, demo, host, server, status};

pub mod app;
