//! The one integration binary: one link step, and support that all of its modules share.

pub mod support;

mod architecture;
mod gateway;
mod grammar_selfcheck;
mod upstream_selfcheck;
