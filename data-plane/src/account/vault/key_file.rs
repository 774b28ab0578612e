//! The key in a file that the user provides, for machines without a keyring.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::VaultError;
#[cfg(unix)]
use super::error::FileWork;
use super::key::{KEY_BYTES, Key};
use super::key_problem::KeyProblem;
#[cfg(unix)]
use super::key_problem::ModeProblem;
use crate::host::private_file;
use crate::language::Said;

/// The variable that names the file.
pub const KEY_FILE_VARIABLE: &str = "AEROSTAT_VAULT_KEY_FILE";

/// More than any form of a key takes: a mistyped path must not read a disk.
const FILE_BYTES_MAX: u64 = 1024;

/// A file with 32 random bytes: raw, or as hexadecimal or base64 text.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
    /// The folder in which systemd passes credentials to this service, if it does.
    credentials_folder: Option<PathBuf>,
}

impl KeyFile {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            credentials_folder: None,
        }
    }

    /// The file that the environment names. An empty variable counts as unset.
    pub fn from_env(lookup: &dyn Fn(&str) -> Option<OsString>) -> Option<Self> {
        let path = |name: &str| {
            lookup(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Some(Self {
            path: path(KEY_FILE_VARIABLE)?,
            credentials_folder: path("CREDENTIALS_DIRECTORY"),
        })
    }

    pub(super) fn read(&self) -> Result<Key, VaultError> {
        let unreadable = |error: std::io::Error| {
            self.unusable(|file| KeyProblem::FileUnreadable { file, error })
        };
        let file = private_file::open_linked(&self.path).map_err(unreadable)?;
        self.check_private(&file)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize + 1));
        match private_file::read_into(&file, &mut bytes, FILE_BYTES_MAX) {
            // What is that large is no key, as below.
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => bytes.clear(),
            read => read.map_err(unreadable)?,
        }
        key_of(&bytes).ok_or_else(|| self.unusable(KeyProblem::file_holds_none))
    }

    /// Names the file by its base name: messages contain no paths of a home.
    fn unusable<P: Into<Said>>(&self, problem: impl FnOnce(String) -> P) -> VaultError {
        let name = self.path.file_name().unwrap_or_default();
        VaultError::NeedsKey(problem(name.display().to_string()).into())
    }

    #[cfg(unix)]
    fn check_private(&self, file: &File) -> Result<(), VaultError> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file
            .metadata()
            .map_err(VaultError::io(FileWork::Opened))?
            .permissions()
            .mode();
        // systemd grants its service access by an access list, which shows in the group's bits.
        let forbidden = if self.is_from_systemd() { 0o007 } else { 0o077 };
        if mode & forbidden == 0 {
            return Ok(());
        }
        let mode = format!("{:03o}", mode & 0o777);
        Err(self.unusable(|file| ModeProblem::OpenToOthers { file, mode }))
    }

    #[cfg(unix)]
    fn is_from_systemd(&self) -> bool {
        self.credentials_folder
            .as_deref()
            .is_some_and(|folder| self.path.parent() == Some(folder))
    }

    /// Windows keeps access rights in access lists, which files inherit from the user's folders.
    #[cfg(not(unix))]
    fn check_private(&self, _: &File) -> Result<(), VaultError> {
        let _ = &self.credentials_folder;
        Ok(())
    }
}

fn key_of(bytes: &[u8]) -> Option<Key> {
    // Text of exactly this length is a password that someone made up, or half a key.
    let is_text = || {
        bytes
            .iter()
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    };
    if bytes.len() == KEY_BYTES && !is_text() {
        return Key::from_bytes(bytes);
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let decoded = if text.len() == 2 * KEY_BYTES {
        hex::decode(text).ok()
    } else {
        BASE64.decode(text).ok()
    };
    Key::from_bytes(&Zeroizing::new(decoded?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const BYTES: [u8; 32] = *b"\x00\x01\x02\xff4567890123456789012345678901";

    fn written(bytes: &[u8], mode: u32) -> (tempfile::TempDir, KeyFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, bytes).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode))
            .unwrap();
        #[cfg(not(unix))]
        let _ = mode;
        (folder, KeyFile::at(path))
    }

    #[test]
    fn a_key_is_read_raw_or_as_text() {
        let forms = [
            BYTES.to_vec(),
            format!("{}\n", hex::encode(BYTES)).into_bytes(),
            format!(" {}\r\n", BASE64.encode(BYTES)).into_bytes(),
        ];
        for form in forms {
            let (_folder, file) = written(&form, 0o600);
            assert_eq!(file.read().unwrap().bytes(), &BYTES);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_how_to_make_one() {
        for form in [
            &b""[..],
            b"hunter2",
            &BYTES[..31],
            &[0; 33],
            b"12345678901234567890123456789012",
            &[b'x'; 4096],
        ] {
            let (_folder, file) = written(form, 0o600);
            let text = file.read().unwrap_err().to_string();
            assert!(
                text.contains("expected 32 random bytes") && text.contains(KEY_FILE_VARIABLE),
                "{text}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o660, 0o644] {
            let (_folder, file) = written(&BYTES, mode);
            let text = file.read().unwrap_err().to_string();
            assert!(
                text.contains("chmod 600") && text.contains(&format!("{mode:03o}")),
                "{text}"
            );
        }
        let (_folder, file) = written(&BYTES, 0o400);
        assert!(file.read().is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_credential_of_systemd_may_show_a_group() {
        for (mode, is_fine) in [(0o440, true), (0o444, false)] {
            let (folder, file) = written(&BYTES, mode);
            let file = KeyFile {
                credentials_folder: Some(folder.path().to_owned()),
                ..file
            };
            assert_eq!(file.read().is_ok(), is_fine);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let mkfifo = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(mkfifo.unwrap().success());
        let text = KeyFile::at(path).read().unwrap_err().to_string();
        assert!(
            text.ends_with("it is a named pipe, not a regular file"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_file_is_named_by_its_variable() {
        let text = KeyFile::at("/nowhere/vault.key")
            .read()
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("`AEROSTAT_VAULT_KEY_FILE` (`vault.key`)") && !text.contains("/nowhere"),
            "{text}"
        );
    }

    #[test]
    fn the_environment_names_the_file() {
        let lookup = |value: &'static str| {
            move |name: &str| (name == KEY_FILE_VARIABLE).then(|| OsString::from(value))
        };
        assert!(KeyFile::from_env(&lookup("")).is_none());
        assert_eq!(
            KeyFile::from_env(&lookup("/a/key")).unwrap().path,
            Path::new("/a/key")
        );
    }
}
