//! The keys that a person made for clients, with their limits and what is used of them.
//!
//! ```text
//! server  -> ClientKey::admit -> Permit      expiry, requests a minute, budgets
//! gateway -> Permit::check_model             once the request names its model
//! gateway -> Permit::settle(record)          counts what the request used, and saves it
//! ```
//!
//! A request is let in while something is left of every budget, and is completed: the one that
//! crosses a limit is the last of its period. Usage is counted here and not read from the records:
//! these may be switched off, full or broken, and limits hold all the same. A request of a key
//! without limits costs a look at a flag.
//!
//! It knows no listener, no store and no configuration.

mod key;
mod limits;
mod meter;
mod refusal;
mod saved;
mod usage;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::outcome::Timestamp;
use crate::prices::Cost;
use crate::record::Record;
use refusal::Refusals;

pub use key::{ClientKey, Permit};
pub use limits::{KeyBudget, KeyLimits, KeyUnit};
pub use refusal::Limit;
pub use usage::{KeyUsage, LimitUsage};

/// Keeps the usage of keys beyond the process.
pub trait KeyUsageStore: Send + Sync {
    /// What was saved of the key of that name: JSON values, of which the latest counts.
    fn load(&self, name: &str) -> Vec<String>;
    /// Replaces it. From the return on it survives the death of the process: a client that has its
    /// answer has used its budget. Must not wait for the disk.
    fn save(&self, name: &str, usage: String);
}

/// What requests cost, by the prices of the moment.
pub trait Pricing: Send + Sync {
    fn cost(&self, record: &Record) -> Cost;

    /// A request begins that will be priced: looks for changed prices, without blocking.
    fn prepare(&self) {}
}

/// A key as it is to be: its name, by what it is known, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySettings {
    pub name: String,
    /// The SHA-256 of the key.
    pub hash: [u8; 32],
    pub made_at: Timestamp,
    pub limits: KeyLimits,
}

/// All keys that a person made.
pub struct ClientKeys {
    shared: Arc<Shared>,
    keys: Mutex<Vec<([u8; 32], Arc<ClientKey>)>>,
}

/// What the keys have in common.
pub(in crate::client_keys) struct Shared {
    store: Arc<dyn KeyUsageStore>,
    pricing: Arc<dyn Pricing>,
    refusals: Refusals,
}

impl ClientKeys {
    pub fn new(store: Arc<dyn KeyUsageStore>, pricing: Arc<dyn Pricing>) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                pricing,
                refusals: Refusals::default(),
            }),
            keys: Mutex::default(),
        }
    }

    /// Makes these the keys that there are. A known one keeps its usage; one that is missing opens
    /// nothing from now on, also where a request of it is just arriving.
    pub fn replace(&self, settings: Vec<KeySettings>, now: Timestamp) {
        let mut keys = self.keys.lock();
        let known = std::mem::take(&mut *keys);
        for settings in settings {
            let same = known.iter().find(|(hash, _)| *hash == settings.hash);
            let key = match same {
                Some((_, key)) => key.clone(),
                None => Arc::new(ClientKey::new(&settings, self.shared.clone(), now)),
            };
            key.set_limits(&settings.limits, now);
            keys.push((settings.hash, key));
        }
        for (hash, key) in known {
            if !keys.iter().any(|(kept, _)| *kept == hash) {
                key.close();
            }
        }
    }

    /// The keys with their hashes.
    pub fn current(&self) -> Vec<([u8; 32], Arc<ClientKey>)> {
        self.keys.lock().clone()
    }

    /// What the key of that name may do, and what it used.
    pub fn usage(&self, name: &str, now: Timestamp) -> Option<KeyUsage> {
        let keys = self.keys.lock();
        let (_, key) = keys.iter().find(|(_, key)| **key.name() == *name)?;
        Some(key.usage(now))
    }

    /// How many requests each limit refused since the start.
    pub fn refusals(&self) -> Vec<(Limit, u64)> {
        self.shared.refusals.counts()
    }

    /// Saves what is saved now and then only: when keys without limits were last used.
    pub fn save(&self) {
        let keys = self.current();
        keys.iter().for_each(|(_, key)| key.save());
    }
}

#[cfg(test)]
mod tests;
