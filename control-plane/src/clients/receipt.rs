//! What a connection changed, so that it can be undone: one file a client in the home.
//!
//! ```text
//! clients/codex.json           the connection that stands
//! clients/codex.pending.json   one that is being written; renamed over the other when it is done
//! ```
//!
//! No secret of a person is in it: what held one before goes into the vault, and our own key is known
//! by digests alone.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::document::{self, Format};
use crate::host::private_file;

const VERSION: u32 = 1;
const RECEIPT_BYTES_MAX: u64 = 32 << 20;

/// What one connection changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub version: u32,
    /// The client's id.
    pub client: String,
    pub made_at: String,
    /// Where it points the client.
    pub gateway: String,
    /// The name of the key.
    pub key: String,
    /// The version of the client that was found, as it says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// The model that it was to use, where one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The models of its tiers, where some were mapped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<String, String>,
    pub files: Vec<FileReceipt>,
    /// What was there before, file by file, unless it is kept in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Vec<Before>>,
    /// The name under which the vault has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

/// One file of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReceipt {
    pub path: PathBuf,
    pub resolved: PathBuf,
    pub existed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// The digests of the file before and after.
    pub before: String,
    pub after: String,
    /// The folders that did not exist, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<PathBuf>,
    pub content: ContentReceipt,
}

/// What of a file is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentReceipt {
    Keys {
        #[serde(with = "format_name")]
        format: Format,
        keys: Vec<OwnedKey>,
    },
    Whole,
    /// The digest of the block.
    Block(String),
    /// A block in a file that has others: each is undone by itself.
    NamedBlock {
        name: String,
        digest: String,
        /// Whether the file was made for blocks, and goes with the last one.
        made_file: bool,
    },
}

/// A key that we wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedKey {
    pub path: document::Path,
    /// The digest of the value as JSON: it may hold our key.
    pub written: String,
    /// How many of the steps led to nothing before: their tables and objects are ours too.
    pub made_parents: usize,
}

/// What stood in a file before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// The value of each owned key; `None` where it was absent.
    pub values: Vec<Present>,
    /// How the file becomes what it was, byte for byte, the last change first.
    pub splices: Vec<ReverseSplice>,
}

/// A value that may be absent, which is something else than `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Present {
    Absent,
    Value(Json),
}

/// Puts bytes back that a change took out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReverseSplice {
    pub offset: usize,
    /// How many bytes are there instead.
    pub length: usize,
    #[serde(with = "bytes")]
    pub removed: Vec<u8>,
}

/// As text where it is one, so that a person can read it; else in Base64.
mod bytes {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error as _};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Form {
        Text(String),
        Base64(String),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Form::Text(text.to_owned()),
            Err(_) => Form::Base64(STANDARD.encode(bytes)),
        }
        .serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        match Form::deserialize(from)? {
            Form::Text(text) => Ok(text.into_bytes()),
            Form::Base64(text) => STANDARD.decode(text).map_err(D::Error::custom),
        }
    }
}

/// Formats by the names that stay in receipts.
mod format_name {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error as _};

    const NAMES: [(Format, &str); 5] = [
        (Format::StrictJson, "json"),
        (Format::JsonWithComments, "json_with_comments"),
        (Format::Jsonc, "jsonc"),
        (Format::Toml, "toml"),
        (Format::Yaml, "yaml"),
    ];

    pub(super) fn serialize<S: Serializer>(format: &Format, to: S) -> Result<S::Ok, S::Error> {
        let found = NAMES.iter().find(|(known, _)| known == format);
        found.map_or("", |(_, name)| name).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Format, D::Error> {
        let text = String::deserialize(from)?;
        let found = NAMES.iter().find(|(_, name)| *name == text);
        let unknown = || D::Error::custom(format!("no format is called `{text}`"));
        found.map(|(format, _)| *format).ok_or_else(unknown)
    }
}

impl ReverseSplice {
    /// What makes `before` of `after`. `None` where they are the same.
    pub fn between(before: &[u8], after: &[u8]) -> Option<Self> {
        if before == after {
            return None;
        }
        let same = |(a, b): &(&u8, &u8)| a == b;
        let start = before.iter().zip(after).take_while(same).count();
        let (rest_before, rest_after) = (&before[start..], &after[start..]);
        let end = rest_before
            .iter()
            .rev()
            .zip(rest_after.iter().rev())
            .take_while(same)
            .count();
        Some(Self {
            offset: start,
            length: rest_after.len() - end,
            removed: rest_before[..rest_before.len() - end].to_vec(),
        })
    }

    fn apply(&self, bytes: &mut Vec<u8>) -> Option<()> {
        let end = self.offset.checked_add(self.length)?;
        bytes.get(self.offset..end)?;
        bytes.splice(self.offset..end, self.removed.iter().copied());
        Some(())
    }
}

impl Before {
    /// The bytes before, from those after. `None` where these are not the ones that were left.
    pub fn restore(&self, after: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = after.to_vec();
        for splice in &self.splices {
            splice.apply(&mut bytes)?;
        }
        Some(bytes)
    }
}

impl OwnedKey {
    pub fn is_ours(&self, value: &Json) -> bool {
        self.written == value_digest(value)
    }
}

/// The digest of a value, whatever the order of its members.
pub fn value_digest(value: &Json) -> String {
    let mut text = Vec::new();
    write_sorted(value, &mut text);
    hex::encode(&Sha256::digest(&text)[..16])
}

fn write_sorted(value: &Json, out: &mut Vec<u8>) {
    match value {
        Json::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            out.push(b'{');
            for name in names {
                out.extend_from_slice(Json::from(name.as_str()).to_string().as_bytes());
                out.push(b':');
                write_sorted(&members[name], out);
                out.push(b',');
            }
            out.push(b'}');
        }
        Json::Array(items) => {
            out.push(b'[');
            for item in items {
                write_sorted(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        scalar => out.extend_from_slice(scalar.to_string().as_bytes()),
    }
}

/// The receipts of a home.
#[derive(Clone, Debug)]
pub struct Receipts {
    folder: PathBuf,
}

impl Receipts {
    /// In this folder, which is made when there is something to keep.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn file(&self, client: &str) -> PathBuf {
        self.folder.join(format!("{client}.json"))
    }

    fn pending_file(&self, client: &str) -> PathBuf {
        self.folder.join(format!("{client}.pending.json"))
    }

    /// The connection of a client that stands.
    ///
    /// # Errors
    /// When the receipt cannot be read, or is of a later version.
    pub fn read(&self, client: &str) -> io::Result<Option<Receipt>> {
        read(&self.file(client))
    }

    /// The connection that was being written when the program ended.
    ///
    /// # Errors
    /// As [`Receipts::read`].
    pub fn read_pending(&self, client: &str) -> io::Result<Option<Receipt>> {
        read(&self.pending_file(client))
    }

    /// Whether a client has a receipt, finished or not, readable or not.
    pub fn has(&self, client: &str) -> bool {
        self.file(client).exists() || self.pending_file(client).exists()
    }

    /// Removes what a killed writer left of a receipt that it had not finished.
    pub fn tidy(&self, client: &str) {
        private_file::remove_drafts(&self.pending_file(client));
        self.remove_empty_folder();
    }

    /// Notes what is about to be written.
    ///
    /// # Errors
    /// When it cannot be stored: nothing may be written then.
    pub fn begin(&self, receipt: &Receipt) -> io::Result<()> {
        private_file::create_folder(&self.folder)?;
        let text = serde_json::to_vec_pretty(receipt)?;
        private_file::replace_keeping_permissions(&self.pending_file(&receipt.client), &text)
    }

    /// What was begun is done.
    ///
    /// # Errors
    /// When it cannot be marked so; the next reader finds out by itself.
    pub fn finish(&self, client: &str) -> io::Result<()> {
        std::fs::rename(self.pending_file(client), self.file(client))?;
        let _ = private_file::sync_folder_of(&self.file(client));
        Ok(())
    }

    /// What was begun did not happen.
    ///
    /// # Errors
    /// When the note cannot be removed.
    pub fn forget_pending(&self, client: &str) -> io::Result<()> {
        private_file::remove_if_present(&self.pending_file(client))?;
        self.remove_empty_folder();
        Ok(())
    }

    /// The client is disconnected.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn forget(&self, client: &str) -> io::Result<()> {
        private_file::remove_if_present(&self.file(client))?;
        self.forget_pending(client)
    }

    fn remove_empty_folder(&self) {
        // Other clients' receipts keep it.
        let _ = std::fs::remove_dir(&self.folder);
    }
}

fn read(file: &Path) -> io::Result<Option<Receipt>> {
    let bytes = match private_file::read(file, RECEIPT_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(private_file::named(file, &error)),
    };
    let receipt: Receipt = serde_json::from_slice(&bytes)
        .map_err(|error| private_file::named(file, &io::Error::other(error)))?;
    if receipt.version != VERSION {
        let why = format!(
            "it is of version {}, which this program does not know",
            receipt.version
        );
        return Err(private_file::named(file, &io::Error::other(why)));
    }
    Ok(Some(receipt))
}

impl Receipt {
    pub fn new(client: String, gateway: String, made_at: String) -> Self {
        Self {
            version: VERSION,
            client,
            made_at,
            gateway,
            key: "local".to_owned(),
            client_version: None,
            model: None,
            tiers: BTreeMap::new(),
            files: Vec::new(),
            before: None,
            kept: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_splice_holds_what_changed_and_no_more() {
        let before = b"one \"two\" three";
        let after = b"one \"2\" three";
        let splice = ReverseSplice::between(before, after).unwrap();
        assert_eq!((splice.offset, splice.length), (5, 1));
        assert_eq!(splice.removed, b"two");
        let mut bytes = after.to_vec();
        splice.apply(&mut bytes).unwrap();
        assert_eq!(bytes, before);
        assert_eq!(ReverseSplice::between(before, before), None);
        // The same letters at both ends are not counted twice.
        let splice = ReverseSplice::between(b"aa", b"aaa").unwrap();
        let mut bytes = b"aaa".to_vec();
        splice.apply(&mut bytes).unwrap();
        assert_eq!(bytes, b"aa");
    }

    #[test]
    fn a_splice_beyond_the_end_changes_nothing() {
        let splice = ReverseSplice {
            offset: 3,
            length: 9,
            removed: Vec::new(),
        };
        let before = Before {
            values: Vec::new(),
            splices: vec![splice],
        };
        assert_eq!(before.restore(b"short"), None);
    }

    #[test]
    fn a_receipt_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let receipts = Receipts::at(folder.path().join("clients"));
        let mut receipt = Receipt::new("codex".to_owned(), "http://x".to_owned(), "now".to_owned());
        receipt.before = Some(vec![Before {
            values: vec![Present::Absent, Present::Value(Json::Null)],
            splices: vec![ReverseSplice {
                offset: 1,
                length: 2,
                removed: vec![0xff],
            }],
        }]);
        receipts.begin(&receipt).unwrap();
        assert_eq!(receipts.read("codex").unwrap(), None);
        assert!(receipts.has("codex") && !receipts.has("other"));
        receipts.finish("codex").unwrap();
        assert_eq!(receipts.read("codex").unwrap(), Some(receipt));
        assert_eq!(receipts.read_pending("codex").unwrap(), None);
        receipts.forget("codex").unwrap();
        assert!(!folder.path().join("clients").exists());
    }

    #[test]
    fn a_value_is_known_again_in_whatever_order_its_members_come() {
        let a: Json = serde_json::from_str(r#"{"a":1,"b":[{"c":2,"d":3}]}"#).unwrap();
        let b: Json = serde_json::from_str(r#"{"b":[{"d":3,"c":2}],"a":1}"#).unwrap();
        assert_eq!(value_digest(&a), value_digest(&b));
        assert_ne!(value_digest(&a), value_digest(&json!({"a": 1})));
    }
}
