//! A person's accounts as the running program has them: which there are ([`AccountRegistry`],
//! [`roster`]), where their credentials lie ([`VaultCredentialStore`]), how their tokens are
//! refreshed ([`token_client`]), and what their providers say is left ([`balance_client`]). It chooses no account: that is the pool's.

pub mod balance_client;
mod credential_store;
mod registry;
pub mod roster;
pub mod token_client;

pub use credential_store::VaultCredentialStore;
pub use registry::{AccountRegistry, EnvLookup, VaultKeys};
