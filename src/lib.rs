#![doc = include_str!("ARCHITECTURE.md")]

pub mod account;
pub mod canon;
pub mod demo;
pub mod gateway;
pub mod json;
pub mod nearest;
pub mod outcome;
pub mod protocol;
pub mod provider;
pub mod record;
pub mod upstream;
