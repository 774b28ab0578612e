//! Who we are at a provider: accounts, their settings and credentials, and the vault that keeps the
//! credentials.
//!
//! An [`Account`] holds no secret and may be stored anywhere; its [`Credential`] lies in the vault
//! under the account's name, or in the environment. Nothing here knows a provider's URL or meaning,
//! and no secret is ever printed or serialised outside the vault.

mod address;
mod credential;
mod export;
mod from_env;
mod moment;
mod name;
mod proxy;
mod secret;
mod settings;
mod vault;

pub use address::{Address, BadAddress};
pub use credential::{Credential, Sealed, Tokens};
pub use export::{Change, ChangeKind, Export, ExportError, Exported, Preview};
pub use from_env::{CredentialProblem, EnvAccount};
pub use name::{AccountName, BadName};
pub use proxy::{BadProxy, Proxy, ProxyKind};
pub use secret::Secret;
pub use settings::{
    Account, AccountSettings, BadBudget, Budget, BudgetUnit, PRIORITY_DEFAULT, Period, Source,
};
pub use vault::{
    Ask, KEY_FILE_VARIABLE, KEYRING_TIMEOUT, KeyFile, KeyKind, Keyring, KeyringError, Keys,
    PASSPHRASE_CHARS_MIN, Prompt, SystemKeyring, Vault, VaultError, VaultState,
};
