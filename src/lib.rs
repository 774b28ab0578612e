#![doc = include_str!("ARCHITECTURE.md")]

// What the binary starts, and what the tests and benches call without an agent around it. The rest
// is private, so that the compiler names what nothing uses.
pub mod account;
pub mod accounts;
pub mod app;
pub mod canon;
pub mod cli;
pub mod config;
pub mod content_coding;
pub mod control;
pub mod gateway;
pub mod json;
pub mod listener;
pub mod modes;
pub mod outcome;
pub mod pool;
pub mod protocol;
pub mod provider;
pub mod record;
pub mod segmented_bytes;
pub mod selftest;
pub mod store;
pub mod upstream;

mod body_budget;
mod client_keys;
mod dashboard;
mod demo;
#[cfg(feature = "desktop")]
mod desktop;
mod host;
mod language;
mod metrics;
mod prices;
mod server;
mod status;
mod suggestion;
#[cfg(feature = "otlp")]
mod telemetry;
