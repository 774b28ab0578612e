//! The local key: the generated API key of this machine, in a file of its own.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::Home;
use crate::account::Secret;
use crate::host::private_file;

/// What the key is called where keys have names.
pub const LOCAL_NAME: &str = "local";

const PREFIX: &str = "sk-";
const RANDOM_CHARS: usize = 48;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Reads the local key, and creates it on first use. Takes access to the file from others.
///
/// # Errors
/// When the file can neither be read nor created, or holds something else.
pub fn read_or_create(home: &Home) -> io::Result<Secret> {
    let path = home.local_key_file();
    let found = home.secure().and_then(|()| match read_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(home, &path),
        found => found,
    });
    found.map_err(|error| private_file::named(&path, &error))
}

/// The local key, where there is one.
pub fn read(home: &Home) -> Option<Secret> {
    read_file(&home.local_key_file()).ok()
}

fn read_file(path: &Path) -> io::Result<Secret> {
    let file = private_file::open(path)?;
    private_file::restrict(&file)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize + 1));
    private_file::read_into(&file, &mut bytes, FILE_BYTES_MAX)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    if is_key(text) {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, DAMAGED))
    }
}

/// A key and the white space around it.
const FILE_BYTES_MAX: u64 = 1024;

const DAMAGED: &str = "the file `local-key` holds no key: delete it, and a new one is made";

fn is_key(text: &str) -> bool {
    let random = text.strip_prefix(PREFIX).unwrap_or_default();
    random.len() == RANDOM_CHARS && random.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// Creates the key. Where another process was faster, its key counts.
fn create(home: &Home, path: &Path) -> io::Result<Secret> {
    home.create()?;
    let key = generate()?;
    let line = format!("{}\n", key.expose());
    match private_file::write_new(path, line.as_bytes()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_file(path),
        Err(error) => Err(error),
    }
}

/// Generates a key of 48 random letters and digits.
///
/// # Errors
/// When the system has no randomness.
pub fn generate() -> io::Result<Secret> {
    let mut key = String::with_capacity(PREFIX.len() + RANDOM_CHARS);
    key.push_str(PREFIX);
    while key.len() < PREFIX.len() + RANDOM_CHARS {
        let mut byte = [0];
        getrandom::fill(&mut byte).map_err(|error| io::Error::other(error.to_string()))?;
        // Rejection sampling: bytes past the last multiple of 62 would favour some characters.
        let index = usize::from(byte[0]);
        if index < 256 / ALPHABET.len() * ALPHABET.len() {
            key.push(char::from(ALPHABET[index % ALPHABET.len()]));
        }
    }
    Ok(Secret::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("new"));
        let made = read_or_create(&home).unwrap();
        assert!(is_key(made.expose()));
        assert_eq!(read_or_create(&home).unwrap().expose(), made.expose());
    }

    #[test]
    fn two_homes_have_two_keys() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = |folder: &tempfile::TempDir| read_or_create(&Home::at(folder.path())).unwrap();
        assert_ne!(key(&a).expose(), key(&b).expose());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let mode = || {
            fs::metadata(home.local_key_file())
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        read_or_create(&home).unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(home.local_key_file(), fs::Permissions::from_mode(0o644)).unwrap();
        read_or_create(&home).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn a_damaged_file_is_told_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        fs::write(home.local_key_file(), "hello").unwrap();
        assert_eq!(
            read_or_create(&home).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        assert_eq!(fs::read_to_string(home.local_key_file()).unwrap(), "hello");
    }
}
