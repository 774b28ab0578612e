//! Accounts at providers, their settings and credentials, and the vault that stores the
//! credentials.
//!
//! An [`Account`] contains no secret and may be stored anywhere. Its [`Credential`] lies in the
//! vault under the account's name, or in the environment. Nothing here knows a provider's URL or
//! what its responses mean, and no secret is printed, or serialised outside the vault and exports.

mod address;
mod credential;
mod export;
mod from_env;
mod key_patterns;
mod name;
mod period;
mod proxy;
mod redactor;
mod secret;
mod settings;
mod timestamp;
mod vault;

pub use address::{Address, BadAddress};
pub use credential::{Credential, Tokens, VaultEntry};
pub use export::{Change, ChangeKind, Export, ExportError, Exported, Preview};
pub use from_env::{CredentialProblem, credential_from_env};
pub use key_patterns::key_like;
pub use name::{AccountName, BadName};
pub use period::{BudgetWords, Period};
pub use proxy::{BadProxy, Proxy, ProxyKind};
pub use redactor::{REDACTED, Redactor};
pub use secret::Secret;
pub use settings::{
    Account, AccountSettings, BadBudget, Budget, BudgetUnit, PRIORITY_DEFAULT, Source,
};
pub use vault::{
    KEY_FILE_VARIABLE, KEYRING_TIMEOUT, KeyFile, KeyKind, KeySources, Keyring, KeyringError,
    PASSPHRASE_CHARS_MIN, PassphrasePurpose, Prompt, SystemKeyring, Vault, VaultError, VaultState,
};
