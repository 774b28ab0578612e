//! How accounts, providers, the port and the agent stand: the one read model of the program.
//!
//! The pool and the agent fill these values; tray, dashboard, command line and errors match on
//! them. Times stay times. Words and JSON appear only here, in `texts` and serde, and are never
//! read back into a state: JSON carries the typed fields beside the words. Nothing here
//! decides anything, reads a clock or does IO.

mod account;
mod attention;
mod local_time;
mod metrics;
mod not_asked;
mod port;
mod provider;
mod texts;
pub mod timestamp;

pub use account::{AccountStatus, CooldownCause, ExhaustedQuota, NeedsUser, SignIn, SignInCause};
#[cfg(feature = "desktop")]
pub use attention::account_reason;
pub use attention::{Attention, account_need};
pub use local_time::LocalTime;
pub use metrics::MetricsStatus;
pub use not_asked::NotAsked;
pub use port::{AgentStatus, BindFailure, BindFailureCause, PortOwner, PortStatus, local_url};
pub use provider::ProviderStatus;
pub use timestamp::rfc3339;

pub use crate::account::CredentialProblem;
pub use crate::outcome::Timestamp;
