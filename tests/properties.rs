//! What holds of every dialect and every pair, whatever is said in them.
//!
//! The usual run tries the same cases each time (`.cargo/config.toml`); `tests/run random` tries
//! many others.

mod answers;
mod mutations;
mod requests;
mod said;
mod wires;

use proptest::prelude::ProptestConfig;

/// Tries a property so many times, or as many times more as `PROPTEST_CASES` is over its usual 256.
fn cases(usual: u32) -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let cases = usual * config.cases.div_ceil(256);
    // Some properties are about a part of the cases only.
    ProptestConfig {
        cases,
        max_global_rejects: cases * 16,
        ..config
    }
}
