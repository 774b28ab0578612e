//! The last moments of what keys used: one slot a key, written before an answer has ended.
//!
//! The database gets the same in batches, and with the system's power all but the last of them
//! survives. A process that is killed loses nothing of this file: a write is a copy into the
//! system's memory, which is neither waited for nor synced. Each slot has a page of its own, so
//! that a write is whole or not there.
//!
//! ```text
//! 0     ci\n{"revision":7,…}\n          padded with spaces
//! 4096  laptop\n{"revision":2,…}\n
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use tracing::warn;

use crate::host::private_file;

const SLOT_BYTES: usize = 4_096;
/// More keys than a person makes; what lies behind is not read.
const FILE_BYTES_MAX: u64 = 4_096 * 4_096;

pub(super) struct UsageFile {
    path: PathBuf,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    /// Opened at the first write.
    file: Option<File>,
    /// The key of each slot; `None` where it is free.
    names: Vec<Option<String>>,
    has_failed: bool,
}

impl UsageFile {
    /// The file beside the database, with what is in it by the names of the keys. What cannot be
    /// read is not there.
    pub(super) fn read(database: &Path) -> (Self, BTreeMap<String, String>) {
        let mut path = database.as_os_str().to_owned();
        path.push(".usage");
        let path = PathBuf::from(path);
        let bytes = private_file::read(&path, FILE_BYTES_MAX).unwrap_or_default();
        let slots: Vec<_> = bytes.chunks(SLOT_BYTES).map(read_slot).collect();
        let names = slots.iter().map(|slot| Some(slot.as_ref()?.0.clone()));
        let file = Self {
            path,
            slots: Mutex::new(Slots {
                names: names.collect(),
                ..Slots::default()
            }),
        };
        (file, slots.into_iter().flatten().collect())
    }

    /// Writes what a key used. Where that fails, the database has it a moment later.
    pub(super) fn write(&self, name: &str, usage: &str) {
        let mut slots = self.slots.lock();
        let at = slots.of(name);
        let text = format!("{name}\n{usage}\n");
        let written = slots.write(&self.path, at, &text);
        if let (Err(error), false) = (&written, slots.has_failed) {
            warn!(%error, "what keys use is written to the database alone, a moment later");
        }
        slots.has_failed = written.is_err();
    }

    /// Frees the slot of a key.
    pub(super) fn remove(&self, name: &str) {
        let mut slots = self.slots.lock();
        if let Some(at) = slots.find(name) {
            slots.names[at] = None;
            // The database has no such key: what stays here is not looked at.
            let _ = slots.write(&self.path, at, "");
        }
    }
}

impl Slots {
    fn find(&self, name: &str) -> Option<usize> {
        let is_of = |slot: &Option<String>| slot.as_deref() == Some(name);
        self.names.iter().position(is_of)
    }

    /// The slot of a key: its own, else a free one.
    fn of(&mut self, name: &str) -> usize {
        if let Some(at) = self.find(name) {
            return at;
        }
        let free = self.names.iter().position(Option::is_none);
        let at = free.unwrap_or(self.names.len());
        self.names.resize(self.names.len().max(at + 1), None);
        self.names[at] = Some(name.to_owned());
        at
    }

    fn write(&mut self, path: &Path, at: usize, text: &str) -> io::Result<()> {
        if text.len() > SLOT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(private_file::open_or_create(path)?),
        };
        let mut slot = [b' '; SLOT_BYTES];
        slot[..text.len()].copy_from_slice(text.as_bytes());
        file.seek(SeekFrom::Start((at * SLOT_BYTES) as u64))?;
        file.write_all(&slot)
    }
}

/// A key's name and its usage. `None` for a slot that is free or torn.
fn read_slot(bytes: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches(' ');
    let (name, usage) = text.strip_suffix('\n')?.split_once('\n')?;
    Some((name.to_owned(), usage.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aerostat.db");
        (folder, path)
    }

    fn found(path: &Path) -> Vec<(String, String)> {
        UsageFile::read(path).1.into_iter().collect()
    }

    fn pair(name: &str, usage: &str) -> (String, String) {
        (name.to_owned(), usage.to_owned())
    }

    #[test]
    fn what_was_written_last_is_there_without_any_end() {
        let (_folder, path) = place();
        let (file, _) = UsageFile::read(&path);
        file.write("ci", "a longer text");
        file.write("laptop", "1");
        file.write("ci", "2");
        assert_eq!(found(&path), [pair("ci", "2"), pair("laptop", "1")]);
        let (again, _) = UsageFile::read(&path);
        again.write("laptop", "3");
        assert_eq!(found(&path), [pair("ci", "2"), pair("laptop", "3")]);
    }

    #[test]
    fn a_slot_that_became_free_is_used_again() {
        let (_folder, path) = place();
        let (file, _) = UsageFile::read(&path);
        file.write("ci", "1");
        file.write("laptop", "2");
        file.remove("ci");
        file.write("new", "3");
        assert_eq!(found(&path), [pair("laptop", "2"), pair("new", "3")]);
        let bytes = std::fs::metadata(path.with_extension("db.usage"))
            .unwrap()
            .len();
        assert_eq!(bytes, 2 * SLOT_BYTES as u64);
    }

    #[test]
    fn a_torn_slot_and_what_does_not_fit_are_left_out() {
        let (_folder, path) = place();
        let (file, _) = UsageFile::read(&path);
        file.write("ci", "1");
        file.write("laptop", &"x".repeat(SLOT_BYTES));
        let usage = path.with_extension("db.usage");
        let mut bytes = std::fs::read(&usage).unwrap();
        bytes.extend(b"torn\n{");
        std::fs::write(&usage, bytes).unwrap();
        assert_eq!(found(&path), [pair("ci", "1")]);
        std::fs::write(&usage, [0xff; 100]).unwrap();
        assert_eq!(found(&path), []);
    }
}
