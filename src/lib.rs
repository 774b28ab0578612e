#![doc = include_str!("ARCHITECTURE.md")]

pub mod account;
pub mod canon;
pub mod cli;
pub mod config;
pub mod control;
pub mod gateway;
pub mod json;
pub mod nearest;
pub mod outcome;
pub mod protocol;
pub mod provider;
