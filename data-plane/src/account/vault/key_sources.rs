//! Where the vault's key may come from, and which source is used.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::Damage;
use super::key::{Kdf, Key};
use super::key_file::KeyFile;
use super::key_problem::KeyProblem;
use super::keyring::{KEYRING_TIMEOUT, Keyring, KeyringError, TimedKeyring};
use super::sealed_bytes::{KeyKind, SealedBytes, SealingKey};
use super::{Secret, VaultError};
use crate::language::Said;

/// Prompts the user for the passphrase.
pub trait Prompt: Send + Sync {
    /// What was typed, without its line end; for [`PassphrasePurpose::New`] typed twice alike.
    /// `None` where the user gave up.
    ///
    /// # Errors
    /// When there is no one to prompt.
    fn passphrase(&self, purpose: PassphrasePurpose) -> io::Result<Option<Secret>>;
}

/// What a passphrase is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassphrasePurpose {
    /// To open an existing vault.
    Open,
    /// The last one was wrong.
    OpenAgain,
    /// To seal a new vault, or an export. At least [`PASSPHRASE_CHARS_MIN`] characters.
    New,
}

/// The shortest passphrase that is accepted for a new vault or export.
pub const PASSPHRASE_CHARS_MIN: usize = 8;

const PASSPHRASE_ATTEMPTS_MAX: usize = 3;

/// The key sources of this process.
///
/// The header of an existing vault names the source to use. A new vault uses the first of: plain
/// text where the user asked for it, the key file, the keyring, and a passphrase only where no
/// keyring answers.
#[derive(Default)]
pub struct KeySources {
    keyring: Option<TimedKeyring>,
    file: Option<KeyFile>,
    prompt: Option<Arc<dyn Prompt>>,
    allows_plaintext: bool,
    is_asking: AtomicBool,
}

impl KeySources {
    /// No source: nothing can be stored.
    pub fn none() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with_keyring(self, keyring: Arc<dyn Keyring>) -> Self {
        self.with_keyring_within(keyring, KEYRING_TIMEOUT)
    }

    /// With the caller's time limit for each call.
    #[must_use]
    pub fn with_keyring_within(self, keyring: Arc<dyn Keyring>, timeout: Duration) -> Self {
        Self {
            keyring: Some(TimedKeyring::new(keyring, timeout)),
            ..self
        }
    }

    #[must_use]
    pub fn with_file(self, file: Option<KeyFile>) -> Self {
        Self { file, ..self }
    }

    #[must_use]
    pub fn with_prompt(self, prompt: Arc<dyn Prompt>) -> Self {
        Self {
            prompt: Some(prompt),
            ..self
        }
    }

    /// As `--insecure-plaintext` asks.
    #[must_use]
    pub fn with_plaintext(self) -> Self {
        Self {
            allows_plaintext: true,
            ..self
        }
    }

    /// The key of an existing vault. Never makes one.
    pub(super) fn unsealing_key(&self, sealed: &SealedBytes<'_>) -> Result<SealingKey, VaultError> {
        let key = match sealed.key_kind() {
            KeyKind::Plaintext => return Ok(SealingKey::plaintext()),
            KeyKind::Passphrase => return self.prompt_for_passphrase(sealed),
            KeyKind::File => SealingKey::new(KeyKind::File, self.read_file()?),
            KeyKind::Keyring => SealingKey::new(KeyKind::Keyring, self.read_keyring()?),
        };
        if sealed.matches(&key) {
            Ok(key)
        } else {
            Err(VaultError::WrongKey(another_key(key.kind)))
        }
    }

    fn read_file(&self) -> Result<Key, VaultError> {
        match &self.file {
            Some(file) => file.read(),
            None => Err(VaultError::NeedsKey(KeyProblem::FileNotNamed.into())),
        }
    }

    fn read_keyring(&self) -> Result<Key, VaultError> {
        let Some(keyring) = &self.keyring else {
            return Err(VaultError::NeedsKey(KeyProblem::KeyringNotAsked.into()));
        };
        let secret = keyring
            .read()
            .map_err(|error| VaultError::Locked(error.into()))?;
        // A new key here would put the vault out of reach for good.
        let secret = secret.ok_or_else(|| VaultError::Locked(KeyProblem::NoEntry.into()))?;
        Key::from_bytes(&secret).ok_or_else(|| VaultError::WrongKey(another_key(KeyKind::Keyring)))
    }

    fn prompt_for_passphrase(&self, sealed: &SealedBytes<'_>) -> Result<SealingKey, VaultError> {
        let Some(prompt) = &self.prompt else {
            return Err(VaultError::Locked(KeyProblem::NoTerminal.into()));
        };
        let kdf = sealed
            .kdf()
            .ok_or_else(|| VaultError::damaged(Damage::NoKdf))?;
        for attempt in 0..PASSPHRASE_ATTEMPTS_MAX {
            let purpose = if attempt == 0 {
                PassphrasePurpose::Open
            } else {
                PassphrasePurpose::OpenAgain
            };
            let passphrase = self.ask(prompt.as_ref(), purpose)?;
            let key = kdf
                .derive(&passphrase)
                .ok_or_else(|| VaultError::damaged(Damage::OutlandishKdf))?;
            let key = SealingKey::from_passphrase(kdf.clone(), key);
            if sealed.matches(&key) {
                return Ok(key);
            }
        }
        Err(VaultError::WrongKey(KeyProblem::WrongPassphrase.into()))
    }

    /// The key for a new vault. Makes one where no source has any.
    pub(super) fn new_key(&self) -> Result<SealingKey, VaultError> {
        if self.allows_plaintext {
            Ok(SealingKey::plaintext())
        } else {
            self.real_key()
        }
    }

    /// The key to seal a vault in plain text with. `None` while the user asks for plain text.
    pub(super) fn key_for_plaintext(&self) -> Result<Option<SealingKey>, VaultError> {
        if self.allows_plaintext {
            Ok(None)
        } else {
            self.real_key().map(Some)
        }
    }

    /// What a new vault would be sealed with. Makes no key and asks no person.
    ///
    /// # Errors
    /// When nothing could be stored.
    pub fn kind_of_new_vault(&self) -> Result<KeyKind, VaultError> {
        if self.allows_plaintext {
            return Ok(KeyKind::Plaintext);
        }
        if let Some(file) = &self.file {
            return file.read().map(|_| KeyKind::File);
        }
        match self.keyring.as_ref().map(TimedKeyring::read) {
            Some(Ok(_)) => Ok(KeyKind::Keyring),
            Some(Err(KeyringError::Absent)) | None if self.prompt.is_some() => {
                Ok(KeyKind::Passphrase)
            }
            Some(Err(KeyringError::Absent)) | None => {
                Err(VaultError::NeedsKey(KeyProblem::no_place().into()))
            }
            Some(Err(error)) => Err(VaultError::Locked(error.into())),
        }
    }

    /// A key that seals.
    fn real_key(&self) -> Result<SealingKey, VaultError> {
        if let Some(file) = &self.file {
            return Ok(SealingKey::new(KeyKind::File, file.read()?));
        }
        match self.keyring.as_ref().map(keyring_key) {
            Some(Ok(key)) => Ok(SealingKey::new(KeyKind::Keyring, key)),
            Some(Err(KeyringError::Absent)) | None => self.new_passphrase(),
            Some(Err(error)) => Err(VaultError::Locked(error.into())),
        }
    }

    /// Whether a person is being asked for the passphrase at this moment.
    pub(super) fn is_asking(&self) -> bool {
        self.is_asking.load(Ordering::Relaxed)
    }

    fn ask(&self, prompt: &dyn Prompt, purpose: PassphrasePurpose) -> Result<Secret, VaultError> {
        self.is_asking.store(true, Ordering::Relaxed);
        let asked = prompt.passphrase(purpose);
        self.is_asking.store(false, Ordering::Relaxed);
        match asked {
            Ok(Some(passphrase)) => Ok(passphrase),
            Ok(None) => Err(VaultError::Locked(KeyProblem::PassphraseNotGiven.into())),
            Err(error) => Err(VaultError::Locked(
                KeyProblem::PassphraseNotAsked { error }.into(),
            )),
        }
    }

    fn new_passphrase(&self) -> Result<SealingKey, VaultError> {
        let Some(prompt) = &self.prompt else {
            return Err(VaultError::NeedsKey(KeyProblem::no_place().into()));
        };
        let passphrase = self.ask(prompt.as_ref(), PassphrasePurpose::New)?;
        if passphrase.expose().chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(VaultError::NeedsKey(KeyProblem::ShortPassphrase.into()));
        }
        let kdf = Kdf::fresh();
        let key = kdf.derive(&passphrase).expect("the parameters are our own");
        Ok(SealingKey::from_passphrase(kdf, key))
    }
}

/// The key in the keyring; made and stored where there is none.
fn keyring_key(keyring: &TimedKeyring) -> Result<Key, KeyringError> {
    if let Some(secret) = keyring.read()? {
        return Key::from_bytes(&secret).ok_or_else(|| KeyProblem::EntryIsNoKey.into());
    }
    let key = Key::random();
    keyring.write(key.bytes())?;
    // A keyring that forgets at once would take the vault with it.
    match keyring.read()? {
        Some(stored) if stored.as_slice() == key.bytes() => Ok(key),
        _ => Err(KeyProblem::KeyNotKept.into()),
    }
}

fn another_key(kind: KeyKind) -> Said {
    match kind {
        KeyKind::File => KeyProblem::OtherKeyInFile.into(),
        _ => KeyProblem::OtherKeyInKeyring.into(),
    }
}
