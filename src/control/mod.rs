//! The verbs: what people and scripts can ask of the program and tell it.
//!
//! A [`ControlService`] receives them. In the agent it is served on a local socket ([`local`]); a
//! command calls it there ([`client`]), or, where no agent runs, takes the home's lock and has a
//! desk of its own. Some verbs only look at the configuration file, and are functions. Every answer
//! is a value with stable field names; how it is shown is the caller's business. Nothing here
//! prints or ends the process.

pub mod account;
mod ask;
pub mod client;
mod dashboard_link;
mod dispatch;
pub mod explain;
mod key;
pub mod local;
pub mod lock;
pub mod model;
pub mod network;
pub mod overview;
pub mod provider;
mod running;
mod service;
pub mod sign_in;
mod socket_path;
pub mod status;
pub mod uninstall;
mod wire;

pub use account::{AccountFacts, BudgetFacts, QuotaFacts};
pub use ask::{Ask, Reply};
pub use dashboard_link::{DashboardLink, LinkIssuer, open_in_browser};
pub use dispatch::ask;
pub use key::{KeyFacts, NewKey};
pub use running::{AgentEndpoint, AgentHandle, Refused, Serving, Wanted};
pub use service::{ControlService, Environment, Notes};
pub use socket_path::SocketPath;
pub use status::Started;
pub use wire::{ControlError, ErrorKind, Note, WireSecret};

pub use crate::account::{EnvAccount, Keys, Prompt, Secret};
pub use crate::canon::{Fault, ModelCard};
pub use crate::config::file::{
    ConfigError, Setting, all as settings, get as setting, load, set as set_settings,
};
pub use crate::config::keys::KEYS;
pub use crate::config::local_key::read_or_create as local_key;
pub use crate::config::{Config, Home, Live, Problem};
pub use crate::provider::Provider;
pub use crate::store::Store;
pub use crate::upstream::{ProxyChoice, Upstream};

/// How a provider's accounts stand.
type Standings<'a> = &'a dyn Fn(&Provider) -> provider::Standing;

/// Asks a provider for its models, as one of its accounts.
type Fetch<'a> = &'a dyn Fn(&Provider, &EnvAccount) -> Result<Vec<ModelCard>, Fault>;
