//! The one integration binary: one link step, and support that all of its modules share.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy does not see"
)]

pub mod support;

mod accounts;
mod architecture;
mod bodies;
mod cli;
mod client_keys;
mod client_setup;
mod config;
mod control;
mod dashboard;
mod doctor;
mod documents;
mod gateway;
mod grammar_selfcheck;
mod guard;
mod lifecycle;
mod metrics;
mod oauth;
mod other_users;
mod otlp;
mod properties;
mod records;
mod schemas;
mod selftest;
mod stream;
mod translate;
mod upstream_selfcheck;
mod vault;
