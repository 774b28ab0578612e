//! Which account the next request would ask, and why not the others: the choice without a lease.

use super::lease_request::SkipReason;
use super::pick::{self, PickInput, Place};
use crate::account::AccountName;
use crate::outcome::Timestamp;
use crate::pool::shared::Shared;

/// How an account stands in the choice for the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    pub account: AccountName,
    pub provider: String,
    pub place: Place,
}

impl Shared {
    /// The prospects of all accounts, for a request of a new conversation. `model` is the
    /// upstream's name; `None`: any that the account may serve.
    ///
    /// The accounts are copied under the lock, and looked at after it.
    pub(crate) fn prospects(&self, model: Option<&str>, now: Timestamp) -> Vec<Prospect> {
        let inner = self.lock(now);
        let mode = inner.config.mode;
        let pools = inner.providers.iter();
        let mut copies: Vec<_> = pools
            .map(|(name, pool)| (name.clone(), pool.accounts.clone(), pool.circuits.clone()))
            .collect();
        drop(inner);
        let mut prospects = Vec::new();
        for (provider, accounts, circuits) in &mut copies {
            if model.is_none() {
                accounts.iter_mut().for_each(|slot| slot.models = None);
            }
            let input = PickInput {
                model: model.unwrap_or_default(),
                mode,
                bound: None,
                owner: None,
                tried: &[],
                is_retry: false,
                circuits,
                wait_until: None,
            };
            for (slot, place) in accounts.iter().zip(pick::places(accounts, &input, now)) {
                prospects.push(Prospect {
                    account: slot.account.name.clone(),
                    provider: provider.clone(),
                    place,
                });
            }
        }
        prospects
    }
}

impl Place {
    /// Why the account could not serve. `None` where it could.
    pub fn skip_reason(&self) -> Option<&SkipReason> {
        match self {
            Self::PassedOver(reason) => Some(reason),
            Self::Next | Self::Behind { .. } => None,
        }
    }
}
