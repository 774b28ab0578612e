//! One process at a time works on a home: the agent, or a command while no agent runs.
//!
//! The lock is the system's and goes with the process, so what a killed one leaves behind never
//! blocks. Who holds it is written beside it, and is only believed while the lock is held.

use std::borrow::Cow;
use std::fs::{File, TryLockError};
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Home;
use crate::host::private_file;
use crate::language::{InLanguage, Language};

/// How long to wait while a command holds the lock, and how often to try it.
const WAIT_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);
/// A process, a version and a port are told in less.
const HOLDER_BYTES_MAX: u64 = 4096;

/// Who works on the home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub version: String,
    /// The port of the API, where it is open.
    pub port: Option<u16>,
    /// Whether this is an agent, which stays, or a command, which ends soon.
    pub is_agent: bool,
}

impl Holder {
    /// This process.
    pub fn agent() -> Self {
        Self {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            port: None,
            is_agent: true,
        }
    }

    pub fn command() -> Self {
        Self {
            is_agent: false,
            ..Self::agent()
        }
    }
}

/// The right to work on a home; given back when it is dropped.
#[derive(Debug)]
pub struct HomeLock {
    home: Home,
    _file: File,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// `None` where the holder has not written yet who it is.
    #[error("another aerostat works on this home{}", .0.as_ref().map(|holder| format!(" (process {})", holder.pid)).unwrap_or_default())]
    Held(Option<Holder>),
    #[error("the home cannot be locked")]
    Io(#[from] io::Error),
}

impl InLanguage for LockError {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let text = match (language, self) {
            (Language::English, error) => error.to_string(),
            (Language::German, Self::Held(holder)) => {
                let process = |holder: &Holder| format!(" (Prozess {})", holder.pid);
                let process = holder.as_ref().map(process).unwrap_or_default();
                format!("ein anderes aerostat arbeitet mit diesem Ordner{process}")
            }
            (Language::German, Self::Io(_)) => "der Ordner kann nicht gesperrt werden".to_owned(),
        };
        Cow::Owned(text)
    }
}

impl HomeLock {
    /// Takes the lock, and says who has it now. The folder is made where it is missing.
    ///
    /// # Errors
    /// When another process has it, or the system refuses.
    pub fn take(home: &Home, holder: &Holder) -> Result<Self, LockError> {
        home.create()?;
        let path = home.lock_file();
        let file = private_file::open_or_create(&path).and_then(|file| {
            // Another user who can open the file could hold its lock.
            private_file::restrict(&file)?;
            Ok(file)
        });
        let file = file.map_err(|error| private_file::named(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(read(home))),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let lock = Self {
            home: home.clone(),
            _file: file,
        };
        lock.write_holder(holder)?;
        Ok(lock)
    }

    /// Waits for the lock as long as `is_worth_waiting` says so, at most some seconds: commands
    /// hold it for moments.
    ///
    /// # Errors
    /// As [`HomeLock::take`].
    pub async fn wait(
        home: &Home,
        holder: &Holder,
        is_worth_waiting: impl AsyncFn() -> bool,
    ) -> Result<Self, LockError> {
        let deadline = tokio::time::Instant::now() + WAIT_MAX;
        loop {
            match Self::take(home, holder) {
                Err(LockError::Held(_))
                    if tokio::time::Instant::now() < deadline && is_worth_waiting().await => {}
                taken => return taken,
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Writes who holds the lock, for other processes to read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_holder(&self, holder: &Holder) -> io::Result<()> {
        let path = self.home.holder_file();
        let text = serde_json::to_string(holder).expect("a holder has text keys");
        private_file::replace_volatile(&path, text.as_bytes())
            .map_err(|error| private_file::named(&path, &error))
    }
}

impl Drop for HomeLock {
    fn drop(&mut self) {
        // It is believed only while the lock is held, and the next holder writes its own.
        let _ = std::fs::remove_file(self.home.holder_file());
    }
}

fn read(home: &Home) -> Option<Holder> {
    let text = private_file::read(&home.holder_file(), HOLDER_BYTES_MAX).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        (folder, home)
    }

    #[test]
    fn the_second_learns_who_has_it() {
        let (_folder, home) = home();
        let lock = HomeLock::take(&home, &Holder::agent()).unwrap();
        let written = Holder {
            port: Some(8045),
            ..Holder::agent()
        };
        lock.write_holder(&written).unwrap();
        let Err(LockError::Held(holder)) = HomeLock::take(&home, &Holder::command()) else {
            panic!("it is held")
        };
        assert_eq!(holder, Some(written));
        drop(lock);
        HomeLock::take(&home, &Holder::command()).expect("it was given back");
    }

    #[test]
    fn what_a_killed_one_left_behind_does_not_block() {
        let (_folder, home) = home();
        home.create().unwrap();
        std::fs::write(home.lock_file(), "").unwrap();
        std::fs::write(
            home.holder_file(),
            r#"{"pid":1,"version":"0","port":1,"is_agent":true}"#,
        )
        .unwrap();
        HomeLock::take(&home, &Holder::agent()).expect("it is free");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_it_makes_no_sense() {
        let (_folder, home) = home();
        let _lock = HomeLock::take(&home, &Holder::agent()).unwrap();
        for is_worth_it in [false, true] {
            let waited = HomeLock::wait(&home, &Holder::command(), async || is_worth_it).await;
            assert!(matches!(waited, Err(LockError::Held(Some(_)))));
        }
    }
}
