#![doc = include_str!("ARCHITECTURE.md")]

pub mod account;
pub mod app;
pub mod canon;
pub mod config;
pub mod demo;
pub mod gateway;
pub mod http;
pub mod json;
pub mod nearest;
pub mod outcome;
pub mod protocol;
pub mod provider;
pub mod record;
pub mod server;
pub mod upstream;
