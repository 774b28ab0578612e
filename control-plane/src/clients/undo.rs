//! Takes a connection out of one file again: byte for byte where the file is as it was left, else key
//! by key, and what the person has changed stays theirs.

use serde_json::Value as Json;

use super::disk::digest;
use super::document::{Document, Format, Path, block};
use super::problem::ClientProblem;
use super::receipt::{Before, ContentReceipt, FileReceipt, OwnedKey, Present, value_digest};

/// A file without the connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Undone {
    /// `None` where nothing of it is left.
    pub bytes: Option<Vec<u8>>,
    /// What stays because the person has changed it since.
    pub left: Vec<String>,
}

impl Undone {
    fn as_is(bytes: Option<&[u8]>) -> Self {
        Self {
            bytes: bytes.map(<[u8]>::to_vec),
            left: Vec::new(),
        }
    }
}

/// Undoes one file, which is `bytes` now.
///
/// # Errors
/// When it was edited since and does not parse, or cannot be changed in place.
pub fn undo(
    bytes: Option<&[u8]>,
    receipt: &FileReceipt,
    before: &Before,
) -> Result<Undone, ClientProblem> {
    let found = digest(bytes);
    let Some(now) = bytes.filter(|_| found != receipt.before) else {
        // Removed meanwhile, or undone already.
        return Ok(Undone::as_is(bytes));
    };
    if let ContentReceipt::NamedBlock {
        name,
        digest,
        made_file,
    } = &receipt.content
    {
        return Ok(by_block(now, name, digest, *made_file, receipt));
    }
    if found == receipt.after
        && let Some(undone) = exact(now, receipt, before)
    {
        return Ok(undone);
    }
    match &receipt.content {
        ContentReceipt::Keys { format, keys } => by_keys(now, *format, keys, receipt, before),
        ContentReceipt::Whole => Ok(Undone {
            left: vec![format!("`{}`", receipt.path.display())],
            ..Undone::as_is(bytes)
        }),
        ContentReceipt::Block(written) => Ok(by_block(now, "", written, !receipt.existed, receipt)),
        ContentReceipt::NamedBlock { .. } => Ok(Undone::as_is(bytes)),
    }
}

fn exact(now: &[u8], receipt: &FileReceipt, before: &Before) -> Option<Undone> {
    if !receipt.existed {
        return Some(Undone::as_is(None));
    }
    let restored = before.restore(now)?;
    (digest(Some(&restored)) == receipt.before).then(|| Undone::as_is(Some(&restored)))
}

fn by_keys(
    now: &[u8],
    format: Format,
    keys: &[OwnedKey],
    receipt: &FileReceipt,
    before: &Before,
) -> Result<Undone, ClientProblem> {
    let mut document = Document::parse(now, format)
        .map_err(|why| ClientProblem::unreadable(&receipt.path, why))?;
    let mut left = Vec::new();
    let absent = Present::Absent;
    for (at, key) in keys.iter().enumerate().rev() {
        let path = &key.path;
        match document.get(path) {
            None => {}
            Some(value) if key.is_ours(value) => match before.values.get(at).unwrap_or(&absent) {
                Present::Value(value) => document
                    .set(path, value)
                    .map_err(|why| ClientProblem::refused(&receipt.path, path, why))?,
                Present::Absent => {
                    document.remove(path);
                }
            },
            Some(_) => left.push(format!("`{path}` in `{}`", receipt.path.display())),
        }
        remove_empty_parents(&mut document, path, key.made_parents);
    }
    left.reverse();
    let bytes = document.bytes();
    let is_empty = !receipt.existed && holds_nothing(&bytes);
    Ok(Undone {
        bytes: (!is_empty).then_some(bytes),
        left,
    })
}

/// Removes the objects and lists that we made around a key, where nothing else is in them.
fn remove_empty_parents(document: &mut Document, path: &Path, made: usize) {
    let mut parents = std::iter::successors(path.parent(), Path::parent);
    for parent in parents.by_ref().take(made) {
        if !document.is_empty_at(&parent) {
            return;
        }
        document.remove(&parent);
    }
}

fn by_block(
    now: &[u8],
    name: &str,
    written: &str,
    made_file: bool,
    receipt: &FileReceipt,
) -> Undone {
    match block::read(now, name) {
        None => Undone::as_is(Some(now)),
        Some(text) if value_digest(&Json::from(text.as_str())) == written => {
            let bytes = block::remove(now, name);
            let is_empty = made_file && holds_nothing(&bytes);
            Undone::as_is((!is_empty).then_some(&bytes))
        }
        Some(_) => Undone {
            left: vec![format!("the marked lines in `{}`", receipt.path.display())],
            ..Undone::as_is(Some(now))
        },
    }
}

/// Whether a file that we made holds nothing else: no key, no comment.
fn holds_nothing(bytes: &[u8]) -> bool {
    let is_mark = |byte: &&u8| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte);
    let rest: Vec<u8> = bytes.iter().filter(is_mark).copied().collect();
    rest.is_empty() || rest == b"{}"
}
