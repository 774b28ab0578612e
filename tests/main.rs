//! The one integration binary: one link step, and support that all of its modules share.

pub mod support;

mod architecture;
mod config;
mod gateway;
mod grammar_selfcheck;
mod guard;
mod selftest;
mod stream;
mod translate;
mod upstream_selfcheck;
