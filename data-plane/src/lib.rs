//! What a request passes through: from the listener over the codecs and the pool to the upstream.
//!
//! It is built for speed, and knows no file of settings, no page and no command line: these are
//! the control plane's. `src/ARCHITECTURE.md` is the map of both.

pub mod account;
pub mod body_budget;
pub mod canon;
pub mod client_keys;
pub mod content_coding;
pub mod demo;
pub mod gateway;
pub mod host;
pub mod json;
pub mod language;
pub mod listener;
pub mod modes;
pub mod ordering;
pub mod outcome;
pub mod pool;
pub mod prices;
pub mod protocol;
pub mod provider;
pub mod record;
pub mod segmented_bytes;
pub mod selftest;
pub mod server;
pub mod status;
pub mod suggestion;
pub mod toml_text;
pub mod upstream;
