//! What a connection or its undoing would change, worked out before anything is written.
//!
//! A client that is connected already is undone first, in memory: so the receipt always leads back to
//! what the person had, however often the models are refreshed.

use std::path::{Path as FilePath, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::client::{Client, Content, FileRule, Setting};
use super::disk::{self, FileFound, digest};
use super::document::{Document, Format, Path, block};
use super::places::Surroundings;
use super::problem::ClientProblem;
use super::receipt::{
    Before, ContentReceipt, FileReceipt, OwnedKey, Present, Receipt, ReverseSplice, value_digest,
};
use super::secrets::{self, HIDDEN, Mask};
use super::shell;
use super::target::Target;
use super::undo::undo;
use crate::account::Secret;
use crate::line_diff::{DiffLine, hunks};

/// A change that was worked out.
pub struct Plan {
    /// In the order in which they are written.
    pub(super) files: Vec<FileChange>,
    /// The receipt of the new connection; `None` where the client is disconnected.
    pub(super) receipt: Option<Receipt>,
    /// What the receipt leads back to, file by file.
    pub(super) before: Vec<Before>,
    /// Whether that holds secrets, and belongs into the vault.
    pub(super) holds_secrets: bool,
    /// The connection that stood before.
    pub(super) old: Option<Receipt>,
    /// What stays because the person has changed it since.
    pub left: Vec<String>,
    /// Hides what the difference must not show.
    mask: Mask,
}

/// One file that changes.
#[derive(Debug)]
pub(super) struct FileChange {
    pub(super) found: FileFound,
    /// `None` to remove it.
    pub(super) after: Option<Vec<u8>>,
    /// Folders that go with the file where they are empty then.
    pub(super) folders: Vec<PathBuf>,
}

impl FileChange {
    pub(super) fn changes(&self) -> bool {
        self.found.bytes != self.after
    }
}

/// The difference of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    pub path: String,
    /// Where links lead to another file, that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<String>,
    pub is_new: bool,
    pub is_removed: bool,
    pub hunks: Vec<Vec<DiffLine>>,
}

impl Plan {
    pub fn changes_files(&self) -> bool {
        self.files.iter().any(FileChange::changes)
    }

    /// Notes in the receipt which version of the client was found.
    pub fn note_version(&mut self, version: Option<String>) {
        if let Some(receipt) = &mut self.receipt {
            receipt.client_version = version;
        }
    }

    /// Names this very change: the files as they are and as they would be.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for file in &self.files {
            let (before, after) = (
                digest(file.found.bytes.as_deref()),
                digest(file.after.as_deref()),
            );
            for part in [&file.found.path.display().to_string(), &before, &after] {
                hash.update(part.as_bytes());
                hash.update([0]);
            }
        }
        hex::encode(&hash.finalize()[..16])
    }

    /// The files that would hold our key in clear text.
    pub fn files_with_key(&self, key: &Secret) -> Vec<&FilePath> {
        let key = key.expose().as_bytes();
        let holds =
            |bytes: &Vec<u8>| !key.is_empty() && bytes.windows(key.len()).any(|at| at == key);
        let files = self.files.iter();
        let holding = files.filter(|file| file.after.as_ref().is_some_and(holds));
        holding.map(|file| &*file.found.path).collect()
    }

    /// The difference, without any secret.
    pub fn diffs(&self) -> Vec<FileDiff> {
        let changed = self.files.iter().filter(|file| file.changes());
        changed.map(|file| self.diff(file)).collect()
    }

    fn diff(&self, file: &FileChange) -> FileDiff {
        let text =
            |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let before = text(file.found.bytes.as_deref());
        let after = text(file.after.as_deref());
        let FileFound { path, resolved, .. } = &file.found;
        let is_linked = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        FileDiff {
            path: path.display().to_string(),
            resolved: is_linked.then(|| resolved.display().to_string()),
            is_new: file.found.bytes.is_none(),
            is_removed: file.after.is_none(),
            hunks: hunks(&before, &after, &|line| self.mask.line(line)),
        }
    }
}

/// What stands of a client: its receipt with what it leads back to.
#[derive(Debug)]
pub struct Standing {
    pub receipt: Receipt,
    pub before: Vec<Before>,
}

impl Standing {
    /// Each file with what was there before.
    pub(super) fn files(&self) -> impl DoubleEndedIterator<Item = (&FileReceipt, Before)> {
        let before = |at: usize| self.before.get(at).cloned().unwrap_or_default();
        let files = self.receipt.files.iter().enumerate();
        files.map(move |(at, file)| (file, before(at)))
    }
}

/// Works out how a client is connected, or connected again.
///
/// # Errors
/// When a file cannot be read or must not be changed.
pub fn connect(
    client: &'static Client,
    target: &Target,
    at: &Surroundings,
    standing: Option<Standing>,
    made_at: String,
) -> Result<Plan, ClientProblem> {
    let mut making = Making::new(target);
    let undone = making.undo_all(standing.as_ref())?;
    let mut receipt = Receipt::new(client.id(), target.origin.clone(), made_at);
    receipt.model.clone_from(&target.model);
    receipt.tiers.clone_from(&target.tiers);
    for rule in client.files() {
        let path = rule.place.file(at).ok_or(ClientProblem::NoPlace {
            title: client.title,
        })?;
        let base = making.base(&path, &undone)?;
        let (change, file, before) = making.file(rule, target, base)?;
        making.files.push(change);
        receipt.files.push(file);
        making.before.push(before);
    }
    // Files of the old connection that the new one does not touch are written last: what refers to
    // them is gone by then.
    for (change, _) in undone {
        let is_planned = |file: &FileChange| file.found.resolved == change.found.resolved;
        if !making.files.iter().any(is_planned) {
            making.files.push(change);
        }
    }
    making.check_fixed(client, target)?;
    Ok(making.plan(Some(receipt), standing.map(|standing| standing.receipt)))
}

/// Works out how a client is disconnected.
///
/// # Errors
/// As [`connect`].
pub fn disconnect(target: &Target, standing: Standing) -> Result<Plan, ClientProblem> {
    let mut making = Making::new(target);
    let undone = making.undo_all(Some(&standing))?;
    making.files = undone.into_iter().map(|(change, _)| change).collect();
    making.check_fixed_plainly()?;
    Ok(making.plan(None, Some(standing.receipt)))
}

/// A plan on its way.
struct Making {
    files: Vec<FileChange>,
    before: Vec<Before>,
    left: Vec<String>,
    /// Secrets of the person's that the files hold now.
    secrets: Vec<String>,
    /// Our key, and what is no secret although its key is called so.
    own: (String, Vec<String>),
}

/// A file of the old connection: as it is without it, and its receipt.
type UndoneFile<'r> = (FileChange, &'r FileReceipt);

/// What a file is changed from.
struct Base {
    found: FileFound,
    /// Its bytes without an old connection.
    bytes: Option<Vec<u8>>,
    /// The folders that are ours, where there is no file.
    folders: Vec<PathBuf>,
    mode: Option<u32>,
}

impl Making {
    fn new(target: &Target) -> Self {
        Self {
            files: Vec::new(),
            before: Vec::new(),
            left: Vec::new(),
            secrets: Vec::new(),
            own: (target.key.expose().to_owned(), public_values(target)),
        }
    }

    fn plan(self, receipt: Option<Receipt>, old: Option<Receipt>) -> Plan {
        let foreign = Mask::new(self.secrets.clone(), &self.own.1);
        let removed = self.before.iter().flat_map(|before| &before.splices);
        let values = self.before.iter().flat_map(|before| &before.values);
        let is_secret = |value: &Present| match value {
            Present::Absent => false,
            Present::Value(value) => foreign.finds(value.to_string().as_bytes()),
        };
        let holds_secrets = removed
            .into_iter()
            .any(|splice| foreign.finds(&splice.removed))
            || values.into_iter().any(is_secret);
        let own = Some(self.own.0).filter(|key| !key.is_empty());
        let shown = self.secrets.into_iter().chain(own);
        Plan {
            mask: Mask::new(shown, &self.own.1),
            files: self.files,
            receipt,
            before: self.before,
            holds_secrets,
            old,
            left: self.left,
        }
    }

    /// Every file of a connection without it, those written last first.
    fn undo_all<'r>(
        &mut self,
        standing: Option<&'r Standing>,
    ) -> Result<Vec<UndoneFile<'r>>, ClientProblem> {
        let Some(standing) = standing else {
            return Ok(Vec::new());
        };
        let mut undone = Vec::new();
        for (receipt, before) in standing.files().rev() {
            let found = read(&receipt.path)?;
            // Where a link leads elsewhere by now, that file is not ours.
            let found = if found.resolved == receipt.resolved {
                found
            } else {
                read(&receipt.resolved)?
            };
            let without = undo(found.bytes.as_deref(), receipt, &before)?;
            self.left.extend(without.left);
            if let ContentReceipt::Keys { format, .. } = &receipt.content {
                self.note_secrets(found.bytes.as_deref(), *format);
                self.note_secrets(without.bytes.as_deref(), *format);
            }
            let change = FileChange {
                found,
                after: without.bytes,
                folders: receipt.folders.clone(),
            };
            undone.push((change, receipt));
        }
        Ok(undone)
    }

    fn note_secrets(&mut self, bytes: Option<&[u8]>, format: Format) {
        let document = bytes.and_then(|bytes| Document::parse(bytes, format).ok());
        let root = document
            .as_ref()
            .and_then(|document| document.get(&Path::root()));
        self.secrets
            .extend(root.map(secrets::of_document).unwrap_or_default());
    }

    fn base(&self, path: &FilePath, undone: &[UndoneFile<'_>]) -> Result<Base, ClientProblem> {
        let found = read(path)?;
        let same = |(change, _): &&UndoneFile<'_>| change.found.resolved == found.resolved;
        let Some((change, receipt)) = undone.iter().find(same) else {
            return Ok(Base {
                bytes: found.bytes.clone(),
                folders: disk::missing_folders(&found.resolved),
                mode: found.mode,
                found,
            });
        };
        let bytes = change.after.clone();
        Ok(Base {
            folders: if bytes.is_none() {
                receipt.folders.clone()
            } else {
                Vec::new()
            },
            mode: receipt.mode,
            found,
            bytes,
        })
    }

    fn file(
        &mut self,
        rule: &FileRule,
        target: &Target,
        base: Base,
    ) -> Result<(FileChange, FileReceipt, Before), ClientProblem> {
        let bytes = base.bytes.as_deref();
        let (after, content, before) = match &rule.content {
            Content::Keys { format, settings } => {
                self.note_secrets(bytes, *format);
                let set = set_keys(&base.found.path, bytes, *format, &settings(target))?;
                let (after, keys, before) = set;
                let format = *format;
                (after, ContentReceipt::Keys { format, keys }, before)
            }
            Content::Whole(make) => {
                if bytes.is_some() {
                    return Err(ClientProblem::Foreign {
                        path: base.found.path,
                    });
                }
                let after = make(target).into_bytes();
                (after, ContentReceipt::Whole, Before::default())
            }
            Content::Block(make) => {
                let (after, written, before) = set_block(bytes, "", &make(target));
                (after, ContentReceipt::Block(written), before)
            }
            Content::Variables(client) => {
                let name = client.name.to_owned();
                let text = shell::lines(client, target, target.shell).join("\n");
                let made_file = bytes.is_none_or(block::is_all_of_blocks);
                let (after, digest, before) = set_block(bytes, &name, &text);
                let content = ContentReceipt::NamedBlock {
                    name,
                    digest,
                    made_file,
                };
                (after, content, before)
            }
        };
        let receipt = FileReceipt {
            path: base.found.path.clone(),
            resolved: base.found.resolved.clone(),
            existed: bytes.is_some(),
            mode: base.mode,
            before: digest(bytes),
            after: digest(Some(&after)),
            folders: base.folders,
            content,
        };
        let change = FileChange {
            found: base.found,
            after: Some(after),
            folders: Vec::new(),
        };
        Ok((change, receipt, before))
    }

    /// Refuses files that must not be changed, with what belongs into them.
    fn check_fixed(&self, client: &Client, target: &Target) -> Result<(), ClientProblem> {
        let by_hand = |path: &FilePath| {
            let rules = client.files().iter().zip(&self.files);
            let own = rules.filter(|(_, file)| file.found.path == path);
            own.flat_map(|(rule, _)| lines_by_hand(rule, target))
                .collect()
        };
        self.refuse_fixed(&by_hand)
    }

    fn check_fixed_plainly(&self) -> Result<(), ClientProblem> {
        self.refuse_fixed(&|_| Vec::new())
    }

    fn refuse_fixed(
        &self,
        by_hand: &dyn Fn(&FilePath) -> Vec<String>,
    ) -> Result<(), ClientProblem> {
        let mut changed = self.files.iter().filter(|file| file.changes());
        let fixed = changed.find_map(|file| Some((file, file.found.fixed.clone()?)));
        let Some((file, why)) = fixed else {
            return Ok(());
        };
        let path = &file.found.path;
        Err(ClientProblem::fixed(path, why, &by_hand(path)))
    }
}

fn read(path: &FilePath) -> Result<FileFound, ClientProblem> {
    disk::read(path).map_err(|source| ClientProblem::disk(path, source))
}

/// The file with the settings, what of it is ours, and what it was before.
fn set_keys(
    path: &FilePath,
    bytes: Option<&[u8]>,
    format: Format,
    settings: &[Setting],
) -> Result<(Vec<u8>, Vec<OwnedKey>, Before), ClientProblem> {
    let mut document = Document::parse(bytes.unwrap_or_default(), format)
        .map_err(|why| ClientProblem::unreadable(path, why))?;
    let (mut keys, mut before) = (Vec::new(), Before::default());
    let mut last = bytes.unwrap_or_default().to_vec();
    for setting in settings {
        let value = document.get(&setting.path).cloned();
        keys.push(OwnedKey {
            path: setting.path.clone(),
            written: value_digest(&setting.value),
            made_parents: missing_parents(&document, &setting.path),
        });
        before
            .values
            .push(value.map_or(Present::Absent, Present::Value));
        document
            .set(&setting.path, &setting.value)
            .map_err(|why| ClientProblem::refused(path, &setting.path, why))?;
        // One splice a key holds little of the person's own text.
        let next = document.bytes();
        before.splices.extend(ReverseSplice::between(&last, &next));
        last = next;
    }
    before.splices.reverse();
    Ok((last, keys, before))
}

/// The file with the block, the block's digest, and what it was before.
fn set_block(bytes: Option<&[u8]>, name: &str, text: &str) -> (Vec<u8>, String, Before) {
    let now = bytes.unwrap_or_default();
    let after = block::set(now, name, text);
    let splices = ReverseSplice::between(now, &after).into_iter().collect();
    let written = block::read(&after, name).unwrap_or_default();
    let values = Vec::new();
    let before = Before { values, splices };
    (after, value_digest(&Json::from(written)), before)
}

/// How many of the steps before the last lead to nothing.
fn missing_parents(document: &Document, path: &Path) -> usize {
    let parents = path.steps().len().saturating_sub(1);
    parents.saturating_sub(document.depth_of(path))
}

/// What of our values is no secret, whatever its key is called.
fn public_values(target: &Target) -> Vec<String> {
    let reference = format!("{{file:{}}}", target.key_file().display());
    vec![target.key_line(), target.key_program(), reference]
}

/// What a person adds where the file is not ours to change.
pub(super) fn lines_by_hand(rule: &FileRule, target: &Target) -> Vec<String> {
    let text = match &rule.content {
        Content::Keys { format, settings } => {
            let made = set_keys(FilePath::new(""), None, *format, &settings(target));
            let bytes = made.map(|(bytes, ..)| bytes).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Content::Whole(make) | Content::Block(make) => make(target),
        Content::Variables(client) => shell::lines(client, target, target.shell).join("\n"),
    };
    let text = text.replace(target.key.expose(), HIDDEN);
    text.lines().map(str::to_owned).collect()
}
