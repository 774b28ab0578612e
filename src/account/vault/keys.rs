//! The ways to the vault's key, and which one is taken.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::format::{Closed, KeyKind, Lid};
use super::key::{Kdf, Key};
use super::key_file::{HOW, KEY_FILE_VARIABLE, KeyFile};
use super::keyring::{KEYRING_TIMEOUT, Keyring, KeyringError, Patient};
use super::{Secret, VaultError};

/// Asks a person at a terminal for the passphrase.
pub trait Prompt: Send + Sync {
    /// What was typed, without its line end; for [`Ask::New`] typed twice alike. `None` where the
    /// person gave up.
    ///
    /// # Errors
    /// When nobody can be asked.
    fn passphrase(&self, ask: Ask) -> io::Result<Option<Secret>>;
}

/// What a passphrase is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To open what is there.
    Open,
    /// The last one did not open it.
    OpenAgain,
    /// To seal a new vault, or an export. At least [`PASSPHRASE_CHARS_MIN`] characters.
    New,
}

/// The shortest passphrase that is taken for something new.
pub const PASSPHRASE_CHARS_MIN: usize = 8;

const TRIES: usize = 3;

/// The ways to a key that this process has. Which one a vault takes is written in its header; a new
/// one takes the first of: plain text where it was asked for, the file, the keyring, and the
/// passphrase only where no keyring answers.
#[derive(Default)]
pub struct Keys {
    keyring: Option<Patient>,
    file: Option<KeyFile>,
    prompt: Option<Arc<dyn Prompt>>,
    allows_plaintext: bool,
}

impl Keys {
    /// None at all: nothing can be stored.
    pub fn none() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with_keyring(self, keyring: Arc<dyn Keyring>) -> Self {
        self.with_keyring_within(keyring, KEYRING_TIMEOUT)
    }

    /// With a time limit of the caller's for each call.
    #[must_use]
    pub fn with_keyring_within(self, keyring: Arc<dyn Keyring>, timeout: Duration) -> Self {
        Self {
            keyring: Some(Patient::new(keyring, timeout)),
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

    /// What `--insecure-plaintext` asks for.
    #[must_use]
    pub fn with_plaintext(self) -> Self {
        Self {
            allows_plaintext: true,
            ..self
        }
    }

    /// What opens a vault that is there. Never makes a key.
    pub(super) fn opener(&self, closed: &Closed<'_>) -> Result<Lid, VaultError> {
        let lid = match closed.kind() {
            KeyKind::Plaintext => return Ok(Lid::plaintext()),
            KeyKind::Passphrase => return self.passphrase_of(closed),
            KeyKind::File => Lid::new(KeyKind::File, self.file_of()?),
            KeyKind::Keyring => Lid::new(KeyKind::Keyring, self.keyring_of()?),
        };
        if closed.fits(&lid) {
            Ok(lid)
        } else {
            Err(VaultError::WrongKey(another_key(lid.kind)))
        }
    }

    fn file_of(&self) -> Result<Key, VaultError> {
        let missing =
            || format!("the vault's key lies in a file: name that file in `{KEY_FILE_VARIABLE}`");
        self.file
            .as_ref()
            .ok_or_else(|| VaultError::NeedsKey(missing()))?
            .read()
    }

    fn keyring_of(&self) -> Result<Key, VaultError> {
        let Some(keyring) = &self.keyring else {
            return Err(VaultError::NeedsKey(
                "the vault's key lies in the keyring, which was not asked".to_owned(),
            ));
        };
        let secret = keyring
            .read()
            .map_err(|error| VaultError::Locked(error.to_string()))?;
        // Never a new key here: it would put the vault out of reach for good.
        let secret = secret.ok_or_else(|| VaultError::Locked(NO_ENTRY.to_owned()))?;
        Key::of(&secret).ok_or_else(|| VaultError::WrongKey(another_key(KeyKind::Keyring)))
    }

    fn passphrase_of(&self, closed: &Closed<'_>) -> Result<Lid, VaultError> {
        let prompt = self
            .prompt
            .as_ref()
            .ok_or_else(|| VaultError::Locked(NO_TERMINAL.to_owned()))?;
        let kdf = closed
            .kdf()
            .ok_or_else(|| VaultError::damaged("its header lacks what a passphrase needs"))?;
        for attempt in 0..TRIES {
            let ask = if attempt == 0 {
                Ask::Open
            } else {
                Ask::OpenAgain
            };
            let key = kdf.derive(&answer(prompt.as_ref(), ask)?);
            let key =
                key.ok_or_else(|| VaultError::damaged("its header asks for outlandish work"))?;
            let lid = Lid::of_passphrase(kdf.clone(), key);
            if closed.fits(&lid) {
                return Ok(lid);
            }
        }
        Err(VaultError::WrongKey(
            "this is not the vault's passphrase; start again with the right one".to_owned(),
        ))
    }

    /// What seals a vault that is new. Makes a key where there is none.
    pub(super) fn sealer(&self) -> Result<Lid, VaultError> {
        if self.allows_plaintext {
            return Ok(Lid::plaintext());
        }
        self.sealing()
    }

    /// What seals, unless nothing can.
    fn sealing(&self) -> Result<Lid, VaultError> {
        if let Some(file) = &self.file {
            return Ok(Lid::new(KeyKind::File, file.read()?));
        }
        match self.keyring.as_ref().map(keyring_key) {
            Some(Ok(key)) => Ok(Lid::new(KeyKind::Keyring, key)),
            Some(Err(KeyringError::Absent)) | None => self.new_passphrase(),
            Some(Err(error)) => Err(VaultError::Locked(error.to_string())),
        }
    }

    /// What seals a vault that lies open: `None` where that is as the person wants it.
    pub(super) fn closer(&self) -> Result<Option<Lid>, VaultError> {
        if self.allows_plaintext {
            Ok(None)
        } else {
            self.sealing().map(Some)
        }
    }

    fn new_passphrase(&self) -> Result<Lid, VaultError> {
        let prompt = self
            .prompt
            .as_ref()
            .ok_or_else(|| VaultError::NeedsKey(no_key()))?;
        let passphrase = answer(prompt.as_ref(), Ask::New)?;
        if passphrase.expose().chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(VaultError::NeedsKey(format!(
                "a passphrase has at least {PASSPHRASE_CHARS_MIN} characters; nothing was stored"
            )));
        }
        let kdf = Kdf::fresh();
        let key = kdf.derive(&passphrase).expect("the parameters are our own");
        Ok(Lid::of_passphrase(kdf, key))
    }
}

/// The key that the keyring keeps, made and kept where it keeps none.
fn keyring_key(keyring: &Patient) -> Result<Key, KeyringError> {
    let other_form =
        || KeyringError::Refused("its entry for aerostat is no key; remove that entry".to_owned());
    if let Some(secret) = keyring.read()? {
        return Key::of(&secret).ok_or_else(other_form);
    }
    let key = Key::random();
    keyring.write(key.bytes())?;
    // A keyring that forgets at once would take the vault with it.
    match keyring.read()? {
        Some(kept) if kept.as_slice() == key.bytes() => Ok(key),
        _ => Err(KeyringError::Refused(
            "it did not keep the key that it was given".to_owned(),
        )),
    }
}

fn answer(prompt: &dyn Prompt, ask: Ask) -> Result<Secret, VaultError> {
    let asked = prompt.passphrase(ask).map_err(|error| {
        VaultError::Locked(format!(
            "nobody could be asked for its passphrase ({error})"
        ))
    })?;
    asked.ok_or_else(|| VaultError::Locked("its passphrase was not given".to_owned()))
}

const NO_ENTRY: &str = "the keyring is locked, or was replaced by one that lacks the key; unlock it, or bring the former one back";
const NO_TERMINAL: &str = "it asks for its passphrase; start `aerostat --headless` in a terminal";

fn another_key(kind: KeyKind) -> String {
    let place = if kind == KeyKind::File {
        "key file"
    } else {
        "keyring"
    };
    format!(
        "the {place} holds another key than the one that the vault was sealed with: bring the former {place} back"
    )
}

fn no_key() -> String {
    format!(
        "no keyring answers here, so the vault's key has no place: start a keyring (GNOME Keyring, KWallet), or name a key file in \
         `{KEY_FILE_VARIABLE}` ({KEY_BYTES_HOW}), or start `aerostat --headless` in a terminal to seal with a passphrase; only \
         `--insecure-plaintext` stores without sealing",
        KEY_BYTES_HOW = format_args!("32 random bytes, {HOW}"),
    )
}
