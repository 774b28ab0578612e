#![doc = include_str!("ARCHITECTURE.md")]

pub mod canon;
pub mod http;
pub mod json;
pub mod outcome;
pub mod protocol;
