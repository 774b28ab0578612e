//! `account remove`: removes an account with its credential. Its requests in flight go on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::account::Source;
use crate::control::account::{self, AccountFacts};
use crate::control::refusal::Refusal;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::store::records::Deletion;

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountRemove {
    pub name: String,
    /// Whether its records and its share of the statistics go too.
    #[serde(default)]
    pub forget_figures: bool,
}

impl Verb for AccountRemove {
    /// The account as it was.
    type Response = AccountFacts;
    const NAME: &'static str = "account_remove";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<AccountFacts, ControlError> {
        let facts = account::show(&service.accounts, &self.name)?;
        let account = account::find(&service.accounts, &self.name)?;
        let store = service.store();
        if store.account(&account.name).is_none() && account.source != Source::Vault {
            let name = &account.name;
            return Err(ControlError::failed(Refusal::NotAdded {
                name: name.to_string(),
                provider: account.provider,
            }));
        }
        // The credential first: a kill in between leaves an account that says that it has none.
        if account.source == Source::Vault {
            let name = account.name.clone();
            service
                .accounts
                .with_vault(move |vault| vault.remove(&name))
                .await
                .map_err(ControlError::caused_by)?;
        }
        store
            .remove_account(&account.name)
            .await
            .map_err(ControlError::caused_by)?;
        service.accounts_changed().await;
        service.pool().forget(&account.name);
        if self.forget_figures {
            let deletion = Deletion::Account(account.name.to_string());
            service.delete_records(deletion).await.map_err(|error| {
                ControlError::failed(Refusal::FiguresStay {
                    name: account.name.to_string(),
                    error: error.message,
                })
            })?;
        }
        Ok(facts)
    }
}
