//! What the accounts' verbs have in common, and their facts: by the same rules with and without an
//! agent.

mod credential;
mod facts;
mod list;
mod offers;
mod order;
mod pace;
pub(in crate::control) mod settings;
mod test_call;
mod texts;
mod tokens;

#[cfg(test)]
pub(crate) use crate::outcome::{ReadingSource, Unit};
pub use credential::{AddedAccount, CredentialInput, StoreOptions};
pub(super) use credential::{free_name, provider_for, read_credential, store_credential};
pub(super) use facts::form_of;
pub use facts::{AccountFacts, BudgetFacts, CooldownFacts, CredentialForm, QuotaFacts};
pub(super) use list::{counts, find, list, show};
pub use offers::ProviderOffer;
pub(super) use offers::offers;
pub(super) use order::moved;
pub use settings::SettingChanges;
pub(super) use test_call::{TestResult, test_call};
pub(super) use tokens::bearer;
