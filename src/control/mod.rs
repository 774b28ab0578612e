//! The verbs: what people and scripts can ask of the program and tell it, as functions.
//!
//! They work on the files and on `GET /healthz` of the running agent. Every answer is a value with stable field names; how it is
//! shown is the caller's business. Nothing here prints or ends the process.

pub mod model;
pub mod network;
pub mod provider;
pub mod selftest;
pub mod sign_in;
pub mod status;
pub mod tokens;

pub use crate::account::{EnvAccount, Secret};
pub use crate::canon::{Fault, ModelCard};
pub use crate::config::file::{ConfigError, Setting, all as settings, get as setting, load, set as set_settings};
pub use crate::config::keys::KEYS;
pub use crate::config::local_key::read_or_create as local_key;
pub use crate::config::{Home, Problem, Resolved};
pub use crate::provider::Provider;

/// Reads the environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<Secret>;

/// Asks a provider for its models, as one of its accounts.
pub type Fetch<'a> = &'a dyn Fn(&Provider, &EnvAccount) -> Result<Vec<ModelCard>, Fault>;
