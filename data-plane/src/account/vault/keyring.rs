//! The operating system's keyring, which stores the vault's key.
//!
//! A call may block while the user is prompted to unlock the keyring, so each has a time limit. A
//! call that timed out goes on in its thread, and the next one waits for it first: the user never
//! sees two prompts at a time.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use parking_lot::Mutex;
use tracing::debug;
use zeroize::Zeroizing;

use super::key_problem::KeyProblem;
use crate::language::{Said, said};

/// A store for one secret of bytes.
pub trait Keyring: Send + Sync {
    /// The secret. `None` does not prove that none is stored: a locked Secret Service answers the
    /// same.
    ///
    /// # Errors
    /// When it can't be read.
    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError>;

    /// Stores the secret, replacing an earlier one.
    ///
    /// # Errors
    /// When it can't be stored.
    fn write(&self, secret: &[u8]) -> Result<(), KeyringError>;
}

said! {
    /// Why a keyring could not be read or written.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum KeyringError;
    /// No keyring runs on this machine.
    Absent: "no keyring answers" | "kein Schlüsselbund antwortet";
    Locked: "the keyring is locked; unlock it, and aerostat tries again" |
        "der Schlüsselbund ist gesperrt; ihn entsperren, dann versucht es aerostat wieder";
    TimedOut: "the keyring waits for someone to unlock it; answer its question, and aerostat tries again" |
        "der Schlüsselbund wartet darauf, entsperrt zu werden; seine Frage beantworten, dann versucht es aerostat wieder";
    Refused { why: Said }: "the keyring refused ({why})" | "der Schlüsselbund lehnt ab ({why})";
}

impl KeyringError {
    /// With what the keyring says.
    #[allow(clippy::needless_pass_by_value, reason = "for map_err")]
    fn refused(words: impl std::fmt::Display) -> Self {
        let why = Said::quoted(words);
        Self::Refused { why }
    }
}

impl From<KeyProblem> for KeyringError {
    fn from(problem: KeyProblem) -> Self {
        let why = problem.into();
        Self::Refused { why }
    }
}

/// The time limit of a call: longer than a keyring needs, shorter than users put up with a program
/// that hangs.
pub const KEYRING_TIMEOUT: Duration = Duration::from_secs(20);

/// A keyring whose calls have a time limit.
pub(super) struct TimedKeyring {
    keyring: Arc<dyn Keyring>,
    timeout: Duration,
    /// Disconnected once the thread of the last call has ended.
    last: Mutex<Option<Receiver<()>>>,
}

impl TimedKeyring {
    pub(super) fn new(keyring: Arc<dyn Keyring>, timeout: Duration) -> Self {
        Self {
            keyring,
            timeout,
            last: Mutex::new(None),
        }
    }

    pub(super) fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        self.call(|keyring| keyring.read())
    }

    pub(super) fn write(&self, secret: &[u8]) -> Result<(), KeyringError> {
        let secret = Zeroizing::new(secret.to_vec());
        self.call(move |keyring| keyring.write(&secret))
    }

    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Keyring) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let mut last = self.last.lock();
        // The last call may still show its prompt.
        if let Some(ended) = last.take()
            && ended.recv_timeout(self.timeout) == Err(RecvTimeoutError::Timeout)
        {
            *last = Some(ended);
            return Err(KeyringError::TimedOut);
        }
        let (result_sender, result) = mpsc::channel();
        let (end_sender, ended) = mpsc::channel();
        *last = Some(ended);
        let keyring = self.keyring.clone();
        let thread = std::thread::Builder::new().name("keyring".to_owned());
        let started = thread.spawn(move || {
            // The receiver is gone after a time-out.
            let _ = result_sender.send(call(keyring.as_ref()));
            drop(end_sender);
        });
        started.map_err(KeyringError::refused)?;
        match result.recv_timeout(self.timeout) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                debug!(seconds = self.timeout.as_secs(), "keyring call timed out");
                Err(KeyringError::TimedOut)
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(KeyringError::from(KeyProblem::ClientBrokeOff))
            }
        }
    }
}

/// This system's keyring: Secret Service, Keychain or Credential Manager.
///
/// Each call opens its own connection, so that a keyring that was absent at login, or restarted, is
/// found again.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKeyring;

const SERVICE: &str = "aerostat";
const USER: &str = "master-key";

impl SystemKeyring {
    /// Deletes the key. Whether there was one; where no keyring runs, there was none. What it
    /// sealed can never be opened again.
    ///
    /// # Errors
    /// When the keyring is locked or refuses.
    pub fn forget() -> Result<bool, KeyringError> {
        let Ok(entry) = entry() else { return Ok(false) };
        match entry.delete_credential() {
            Ok(()) => Ok(true),
            Err(keyring_core::Error::NoEntry) => Ok(false),
            Err(error) => Err(error_of(&error)),
        }
    }
}

impl Keyring for SystemKeyring {
    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        match entry()?.get_secret() {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(error_of(&error)),
        }
    }

    fn write(&self, secret: &[u8]) -> Result<(), KeyringError> {
        entry()?
            .set_secret(secret)
            .map_err(|error| error_of(&error))
    }
}

fn entry() -> Result<keyring_core::Entry, KeyringError> {
    let store = system::store().map_err(|_| KeyringError::Absent)?;
    keyring_core::api::CredentialStoreApi::build(store.as_ref(), SERVICE, USER, None)
        .map_err(|error| error_of(&error))
}

fn error_of(error: &keyring_core::Error) -> KeyringError {
    use keyring_core::Error;
    match error {
        Error::NoStorageAccess(_) => KeyringError::Locked,
        // Their texts may contain what was read.
        Error::BadEncoding(_) | Error::BadDataFormat(..) => KeyProblem::OtherForm.into(),
        Error::Ambiguous(_) => KeyProblem::SeveralKeys.into(),
        other => KeyringError::refused(other),
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
mod system {
    pub(super) fn store()
    -> keyring_core::Result<std::sync::Arc<zbus_secret_service_keyring_store::Store>> {
        zbus_secret_service_keyring_store::Store::new()
    }
}

#[cfg(target_os = "macos")]
mod system {
    pub(super) fn store()
    -> keyring_core::Result<std::sync::Arc<apple_native_keyring_store::keychain::Store>> {
        apple_native_keyring_store::keychain::Store::new()
    }
}

#[cfg(windows)]
mod system {
    pub(super) fn store()
    -> keyring_core::Result<std::sync::Arc<windows_native_keyring_store::Store>> {
        windows_native_keyring_store::Store::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A keyring that prompts: each read waits for an answer.
    struct InteractiveKeyring {
        answers: Mutex<Receiver<Vec<u8>>>,
        prompts: AtomicUsize,
    }

    impl Keyring for InteractiveKeyring {
        fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
            self.prompts.fetch_add(1, Ordering::SeqCst);
            let answer = self.answers.lock().recv();
            answer
                .map(|bytes| Some(Zeroizing::new(bytes)))
                .map_err(|_| KeyringError::Locked)
        }

        fn write(&self, _: &[u8]) -> Result<(), KeyringError> {
            panic!("a keyring's client with a mistake in it");
        }
    }

    fn asking(timeout: Duration) -> (mpsc::Sender<Vec<u8>>, Arc<InteractiveKeyring>, TimedKeyring) {
        let (answer, answers) = mpsc::channel();
        let keyring = Arc::new(InteractiveKeyring {
            answers: Mutex::new(answers),
            prompts: AtomicUsize::new(0),
        });
        (answer, keyring.clone(), TimedKeyring::new(keyring, timeout))
    }

    #[test]
    fn a_person_who_does_not_answer_is_asked_once() {
        let (_answer, keyring, timed) = asking(Duration::from_millis(1));
        for _ in 0..3 {
            assert_eq!(timed.read(), Err(KeyringError::TimedOut));
        }
        assert!(keyring.prompts.load(Ordering::SeqCst) <= 1);
    }

    #[test]
    fn after_the_answer_the_next_call_is_made() {
        let (answer, _keyring, impatient) = asking(Duration::from_millis(1));
        assert_eq!(impatient.read(), Err(KeyringError::TimedOut));
        answer.send(b"late".to_vec()).unwrap();
        answer.send(b"key".to_vec()).unwrap();
        let keyring = TimedKeyring {
            timeout: Duration::from_secs(60),
            ..impatient
        };
        assert_eq!(keyring.read().unwrap().unwrap().as_slice(), b"key");
    }

    #[test]
    fn a_client_that_panics_is_no_end_of_ours() {
        let (_answer, _keyring, keyring) = asking(Duration::from_secs(60));
        assert_eq!(
            keyring.write(b"key"),
            Err(KeyringError::from(KeyProblem::ClientBrokeOff))
        );
    }
}
