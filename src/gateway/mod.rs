//! One request on its way: which provider, which attempt, how the answer comes back.
//!
//! It never reads files, the configuration's form or the store.

pub mod resolve;
