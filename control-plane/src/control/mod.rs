//! The verbs: what people and scripts can ask of the program and tell it.
//!
//! ```text
//!  tray, dashboard ------------------------> Verb::run --> ControlService --> accounts, agent, ...
//!  CLI --> call --+--> Client ~~ socket ~~> table --> Verb::run
//!                 +--> home's lock, files ----------> Verb::run      (where no agent runs)
//! ```
//!
//! A [`Verb`] is a request type with its response, its limits and the function that does it, a file
//! each in [`verbs`]. Some commands only look at the configuration file, and are functions. Every
//! response is a value with stable field names; how it is shown is the caller's business. Nothing
//! here prints or ends the process.

pub mod account;
mod account_pages;
mod agent;
mod attention;
mod billing;
mod bodies_asked;
mod body_answer;
pub(crate) mod body_diff;
pub(crate) mod body_facts;
pub(crate) mod body_text;
pub mod client;
mod client_family;
pub(crate) mod clients;
mod clients_models;
mod config_change;
pub(crate) mod cost;
mod curl;
mod dashboard_link;
mod demo_try;
mod dispatch;
pub mod doctor;
mod examination;
mod expected_losses;
pub mod explain;
pub(crate) mod failure_reason;
pub(crate) mod failures;
mod key_limits;
pub mod lock;
mod log_live;
pub(crate) mod model_facts;
pub mod overview;
mod period;
mod price_list;
pub(crate) mod provider;
pub mod record_keeping;
mod record_pricing;
pub(crate) mod refusal;
pub(crate) mod request_log;
mod resender;
mod service;
#[cfg(all(feature = "desktop", target_os = "linux"))]
pub(crate) mod session_bus;
mod session_offers;
pub mod sign_in;
pub mod socket;
mod socket_path;
mod standings;
pub mod stats;
pub mod status;
mod sums;
pub(crate) mod today;
pub(crate) mod uninstall;
mod verb;
pub mod verbs;
mod wire;

pub use account::{AccountFacts, BudgetFacts, QuotaFacts};
pub use account_pages::SignInRequest;
pub use agent::{Action, AgentHandle, AgentInbox, AgentState, DesiredState};
pub use client_family::ClientFamily;
pub use clients::{
    ClientChange, ClientChoice, ClientFacts, ClientOutcome, ClientStep, own_surroundings,
};
pub use config_change::{
    ChangeOutcome, ChangedSetting, ConfigChange, Meaning, Step, change_config, without_user_info,
};
pub use dashboard_link::{DashboardLink, LinkIssuer, open_in_browser};
pub use demo_try::{DemoAnswer, TRY_CLIENT, TRY_MESSAGE_MAX};
pub use dispatch::call;
pub use examination::{Wanted, examine};
pub use key_limits::KeyLimitChanges;
pub use log_live::{FilterNames, LogSummary};
pub use price_list::PriceListFacts;
pub use resender::{Resender, Resent};
pub use service::{ControlService, Environment, network_settings};
pub use socket_path::SocketPath;
pub use status::Started;
pub use verb::{Needs, Verb, VerbCall, VerbResponse};
pub use wire::{ControlError, ErrorKind, Note, Notes, WireSecret};

pub use crate::account::{Credential, KeySources, PASSPHRASE_CHARS_MIN, Prompt, Secret};
pub use crate::canon::{Fault, Loss, LossKind, ModelCard};
pub use crate::clients::{ClientState, FileDiff, IN_SHELL, LinesByHand, Surroundings};
pub use crate::config::file::{
    ConfigError, Setting, all as settings, default_of, get as setting, is_blank, load,
    set as set_settings, text as config_text,
};
pub use crate::config::keys::{KEYS, Key, TakesEffect, ValueKind};
pub use crate::config::local_key::read_or_create as local_key;
pub use crate::config::{Config, Edit, Home, Live, Problem, Problems};
pub use crate::line_diff::{DiffLine, DiffSign};
pub use crate::pool::{Place, Precedence, SkipReason};
pub use crate::provider::Provider;
pub use crate::record::Cause;
pub use crate::store::Store;
pub use crate::store::records::{BodiesFacts, FilterPart, RecordsStatus, Served};
pub use crate::upstream::{ProxyChoice, Upstream};
#[cfg(test)]
pub(crate) use clients::is_client;
