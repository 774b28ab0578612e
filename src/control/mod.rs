//! The verbs: what people and scripts can ask of the program and tell it.
//!
//! A [`Desk`] receives them. In the agent it is served on a local socket ([`local`]); a command
//! calls it there ([`client`]), or, where no agent runs, takes the home's lock and has a desk of
//! its own. Some verbs only look at the configuration file, and are functions. Every answer is a
//! value with stable field names; how it is shown is the caller's business. Nothing here prints or
//! ends the process.

pub mod account;
mod ask;
pub mod autostart;
pub mod client;
mod desk;
pub mod explain;
mod front_door;
pub mod glance;
mod keeper;
mod key;
pub mod local;
pub mod lock;
pub mod model;
pub mod network;
mod occupant;
mod place;
pub mod provider;
mod reach;
pub(crate) mod roster;
mod running;
pub mod selftest;
pub mod sign_in;
pub mod status;
pub mod tokens;
pub mod uninstall;
mod wire;

pub use account::{AccountFacts, BudgetFacts, QuotaFacts};
pub use ask::{Ask, Reply};
pub use desk::{Desk, Notes, Outside};
pub use front_door::{FrontDoor, Link, open_in_browser};
pub use keeper::VaultKeeper;
pub use key::{KeyFacts, NewKey};
pub use occupant::occupant;
pub use place::Place;
pub use reach::ask;
pub use running::{Agent, Orders, Refused, Serving, Wanted};
pub use status::Started;
pub use wire::{Complaint, Note, Spoken, Trouble};

pub use crate::account::{EnvAccount, Keys, Prompt, Secret};
pub use crate::canon::{Fault, ModelCard};
pub use crate::config::file::{
    ConfigError, Setting, all as settings, get as setting, load, set as set_settings,
};
pub use crate::config::keys::KEYS;
pub use crate::config::local_key::read_or_create as local_key;
pub use crate::config::{Home, Live, Problem, Resolved};
pub use crate::provider::Provider;
pub use crate::store::Store;
pub use crate::upstream::{Upstream, Via};

use crate::outcome::Timestamp;

/// Reads the environment.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<Secret>;

/// How a provider's accounts stand.
type Standings<'a> = &'a dyn Fn(&Provider) -> provider::Standing;

/// Asks a provider for its models, as one of its accounts.
type Fetch<'a> = &'a dyn Fn(&Provider, &EnvAccount) -> Result<Vec<ModelCard>, Fault>;

/// A moment as people and scripts read it: RFC 3339 in UTC.
fn moment(at: Timestamp) -> String {
    jiff::Timestamp::try_from(at).map_or_else(
        |_| "an unknown moment".to_owned(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}
