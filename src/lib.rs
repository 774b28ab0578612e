#![doc = include_str!("ARCHITECTURE.md")]

pub mod canon;
pub mod json;
pub mod outcome;
pub mod protocol;
pub mod record;
pub mod upstream;
