//! The keyring of the operating system, which keeps the one key.
//!
//! A call may wait for a person who is asked to unlock it, so each has a time limit; and a call
//! that was given up is waited for before the next one, so that nobody is asked twice at a time.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use parking_lot::Mutex;
use zeroize::Zeroizing;

/// What keeps one secret of bytes.
pub trait Keyring: Send + Sync {
    /// What it keeps. `None` is no proof that nothing was ever kept: a locked Secret Service says
    /// the same.
    ///
    /// # Errors
    /// When it can't be asked.
    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError>;

    /// Keeps it from now on.
    ///
    /// # Errors
    /// When it does not take it.
    fn write(&self, secret: &[u8]) -> Result<(), KeyringError>;
}

/// Why a keyring does not answer as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// No keyring runs here.
    #[error("no keyring answers")]
    Absent,
    #[error("the keyring is locked; unlock it, and aerostat tries again")]
    Locked,
    #[error(
        "the keyring waits for someone to unlock it; answer its question, and aerostat tries again"
    )]
    TimedOut,
    #[error("the keyring refused ({0})")]
    Refused(String),
}

/// How long a call may take: longer than a keyring needs, shorter than a person's patience with a
/// program that hangs.
pub const KEYRING_TIMEOUT: Duration = Duration::from_secs(20);

/// A keyring whose calls end in time.
pub(super) struct Patient {
    keyring: Arc<dyn Keyring>,
    timeout: Duration,
    /// The end of the last call: its sender is dropped with the thread.
    last: Mutex<Option<Receiver<()>>>,
}

impl Patient {
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
        if let Some(ended) = last.take()
            && ended.recv_timeout(self.timeout) == Err(RecvTimeoutError::Timeout)
        {
            *last = Some(ended);
            return Err(KeyringError::TimedOut);
        }
        let (tell, told) = mpsc::channel();
        let (ending, ended) = mpsc::channel();
        *last = Some(ended);
        let keyring = self.keyring.clone();
        let thread = std::thread::Builder::new().name("keyring".to_owned());
        let started = thread.spawn(move || {
            // Nobody listens once the time is over.
            drop(tell.send(call(keyring.as_ref())));
            drop(ending);
        });
        started.map_err(|error| KeyringError::Refused(error.to_string()))?;
        told.recv_timeout(self.timeout).unwrap_or_else(|end| {
            Err(match end {
                RecvTimeoutError::Timeout => KeyringError::TimedOut,
                RecvTimeoutError::Disconnected => {
                    KeyringError::Refused("its client broke off".to_owned())
                }
            })
        })
    }
}

/// The keyring of this system: Secret Service, Keychain, Credential Manager.
///
/// It is connected anew for each call: a keyring that was absent at login, or went away, is found
/// when it is there again.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKeyring;

const SERVICE: &str = "aerostat";
const USER: &str = "master-key";

impl SystemKeyring {
    /// Removes the key, and tells whether there was one. What it sealed can never be opened again.
    ///
    /// # Errors
    /// When the keyring is locked, or refuses. One that is not there has nothing.
    pub fn forget() -> Result<bool, KeyringError> {
        let Ok(entry) = entry() else { return Ok(false) };
        match entry.delete_credential() {
            Ok(()) => Ok(true),
            Err(keyring_core::Error::NoEntry) => Ok(false),
            Err(error) => Err(meaning(&error)),
        }
    }
}

impl Keyring for SystemKeyring {
    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        match entry()?.get_secret() {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(meaning(&error)),
        }
    }

    fn write(&self, secret: &[u8]) -> Result<(), KeyringError> {
        entry()?.set_secret(secret).map_err(|error| meaning(&error))
    }
}

fn entry() -> Result<keyring_core::Entry, KeyringError> {
    let store = system::store().map_err(|_| KeyringError::Absent)?;
    keyring_core::api::CredentialStoreApi::build(store.as_ref(), SERVICE, USER, None)
        .map_err(|error| meaning(&error))
}

fn meaning(error: &keyring_core::Error) -> KeyringError {
    use keyring_core::Error;
    match error {
        Error::NoStorageAccess(_) => KeyringError::Locked,
        // Its text may hold what was read.
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            KeyringError::Refused("the key there has another form".to_owned())
        }
        Error::Ambiguous(_) => {
            KeyringError::Refused("there are several keys by the name of aerostat".to_owned())
        }
        other => KeyringError::Refused(other.to_string()),
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

    /// A keyring that asks a person: each read waits for an answer.
    struct Asking {
        answers: Mutex<Receiver<Vec<u8>>>,
        questions: AtomicUsize,
    }

    impl Keyring for Asking {
        fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
            self.questions.fetch_add(1, Ordering::SeqCst);
            let answer = self.answers.lock().recv();
            answer
                .map(|bytes| Some(Zeroizing::new(bytes)))
                .map_err(|_| KeyringError::Locked)
        }

        fn write(&self, _: &[u8]) -> Result<(), KeyringError> {
            panic!("a keyring's client with a mistake in it");
        }
    }

    fn asking(timeout: Duration) -> (mpsc::Sender<Vec<u8>>, Arc<Asking>, Patient) {
        let (answer, answers) = mpsc::channel();
        let keyring = Arc::new(Asking {
            answers: Mutex::new(answers),
            questions: AtomicUsize::new(0),
        });
        (answer, keyring.clone(), Patient::new(keyring, timeout))
    }

    #[test]
    fn a_person_who_does_not_answer_is_asked_once() {
        let (_answer, keyring, patient) = asking(Duration::from_millis(1));
        for _ in 0..3 {
            assert_eq!(patient.read(), Err(KeyringError::TimedOut));
        }
        assert!(keyring.questions.load(Ordering::SeqCst) <= 1);
    }

    #[test]
    fn after_the_answer_the_next_call_is_made() {
        let (answer, _keyring, hasty) = asking(Duration::from_millis(1));
        assert_eq!(hasty.read(), Err(KeyringError::TimedOut));
        answer.send(b"late".to_vec()).unwrap();
        answer.send(b"key".to_vec()).unwrap();
        let patient = Patient {
            timeout: Duration::from_secs(60),
            ..hasty
        };
        assert_eq!(patient.read().unwrap().unwrap().as_slice(), b"key");
    }

    #[test]
    fn a_client_that_panics_is_no_end_of_ours() {
        let (_answer, _keyring, patient) = asking(Duration::from_secs(60));
        assert_eq!(
            patient.write(b"key"),
            Err(KeyringError::Refused("its client broke off".to_owned()))
        );
    }
}
