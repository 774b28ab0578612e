//! Writes a plan, so that a crash at any moment leaves a client that works and a receipt that leads
//! back.
//!
//! ```text
//! keep secrets -> receipt (pending) -> file, file, … -> receipt (done) -> forget old secrets
//! ```
//!
//! What a crash left is finished where every file was written, and else taken back.

use std::path::Path;

use parking_lot::Mutex;

use super::disk::{self, digest};
use super::plan::{FileChange, Plan, Standing};
use super::problem::ClientProblem;
use super::problem::NotSealed;
use super::receipt::{Before, FileReceipt, Receipt, Receipts};
use super::status::holds_ours;
use super::undo::undo;
use crate::account::Secret;
use crate::host::private_file;
use crate::language::Said;

/// Where values of the person's that were replaced are kept sealed.
pub trait SealedValues: Sync {
    /// # Errors
    /// Why it cannot be kept.
    fn keep(&self, name: &str, value: Secret) -> Result<(), Said>;

    /// `None` where there is nothing of that name.
    ///
    /// # Errors
    /// Why it cannot be read now.
    fn get(&self, name: &str) -> Result<Option<Secret>, Said>;

    /// # Errors
    /// Why it cannot be removed.
    fn forget(&self, name: &str) -> Result<(), Said>;
}

/// One change at a time: two would each see the other's files half written.
static WRITING: Mutex<()> = Mutex::new(());

/// Receipts, and what belongs to them in the vault.
pub struct Journal<'j> {
    pub receipts: &'j Receipts,
    pub sealed: &'j dyn SealedValues,
}

/// What became of a connection that a crash had cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// There was none.
    Nothing,
    /// All of it was written already.
    Finished,
    /// It was taken back.
    TakenBack,
}

impl Journal<'_> {
    /// What stands of a client.
    ///
    /// # Errors
    /// When the receipt, or what the vault keeps of it, cannot be read.
    pub fn standing(&self, client: &str) -> Result<Option<Standing>, ClientProblem> {
        let receipt = self.receipts.read(client).map_err(ClientProblem::receipt)?;
        receipt.map(|receipt| self.stands(receipt)).transpose()
    }

    fn stands(&self, receipt: Receipt) -> Result<Standing, ClientProblem> {
        let before = match (&receipt.before, &receipt.kept) {
            (Some(before), _) => before.clone(),
            (None, Some(name)) => self.kept(name)?,
            (None, None) => Vec::new(),
        };
        Ok(Standing { receipt, before })
    }

    fn kept(&self, name: &str) -> Result<Vec<Before>, ClientProblem> {
        let kept = self.sealed.get(name).map_err(ClientProblem::sealed)?;
        let missing = || {
            let name = name.to_owned();
            ClientProblem::sealed(NotSealed::Nothing { name }.into())
        };
        let kept = kept.ok_or_else(missing)?;
        serde_json::from_str(kept.expose()).map_err(|why| ClientProblem::sealed(Said::quoted(why)))
    }

    /// Carries a plan out, if it is still the one with this digest.
    ///
    /// # Errors
    /// When a file has changed meanwhile or cannot be written. What was written before is taken back.
    pub fn carry_out(&self, client: &str, mut plan: Plan) -> Result<(), ClientProblem> {
        let _one = WRITING.lock();
        plan.files.iter().try_for_each(check_unchanged)?;
        if let Some(mut receipt) = plan.receipt.take() {
            self.keep(&mut receipt, &plan)?;
            let noted = self.receipts.begin(&receipt);
            noted.map_err(ClientProblem::receipt)?;
        }
        let is_connection = self.receipts.read_pending(client).ok().flatten().is_some();
        let mut written = Vec::new();
        for file in &plan.files {
            match check_unchanged(file).and_then(|()| write(file)) {
                Ok(()) => written.push(file),
                Err(problem) => {
                    // What cannot be taken back now is when the note is read again.
                    if take_back(&written) && is_connection {
                        self.forget_pending(client);
                    }
                    return Err(problem);
                }
            }
        }
        let done = if is_connection {
            self.receipts.finish(client)
        } else {
            self.receipts.forget(client)
        };
        done.map_err(ClientProblem::receipt)?;
        if let Some(name) = plan.old.and_then(|old| old.kept) {
            // What stays behind is sealed, and harms no one.
            let _ = self.sealed.forget(&name);
        }
        Ok(())
    }

    /// Puts what was there before into the receipt, or into the vault where it holds a secret.
    fn keep(&self, receipt: &mut Receipt, plan: &Plan) -> Result<(), ClientProblem> {
        if !plan.holds_secrets {
            receipt.before = Some(plan.before.clone());
            return Ok(());
        }
        let text = serde_json::to_string(&plan.before)
            .map_err(|why| ClientProblem::kept(Said::quoted(why)))?;
        let name = format!("{}-{:016x}", receipt.client, fastrand::u64(..));
        let kept = self.sealed.keep(&name, Secret::new(text));
        kept.map_err(ClientProblem::kept)?;
        receipt.kept = Some(name);
        Ok(())
    }

    fn forget_pending(&self, client: &str) {
        let pending = self.receipts.read_pending(client).ok().flatten();
        if let Some(name) = pending.and_then(|receipt| receipt.kept) {
            let _ = self.sealed.forget(&name);
        }
        // What stays is found by the next reader, who sees that nothing was written.
        let _ = self.receipts.forget_pending(client);
    }

    /// Finishes or takes back a connection that a crash cut short.
    ///
    /// # Errors
    /// When its files cannot be read or written.
    pub fn recover(&self, client: &str) -> Result<Recovered, ClientProblem> {
        let _one = WRITING.lock();
        self.receipts.tidy(client);
        let pending = self.receipts.read_pending(client);
        let Some(pending) = pending.map_err(ClientProblem::receipt)? else {
            return self.recover_undoing(client);
        };
        remove_drafts(&pending);
        let old = self.receipts.read(client).map_err(ClientProblem::receipt)?;
        let found: Vec<Written> = pending
            .files
            .iter()
            .map(|file| Written::of(file, old.as_ref()))
            .collect();
        if !found.contains(&Written::No) {
            self.undo_dropped(&pending)?;
            let finished = self.receipts.finish(client);
            finished.map_err(ClientProblem::receipt)?;
            return Ok(Recovered::Finished);
        }
        if found.contains(&Written::Yes) {
            self.take_back_written(&pending, &found)?;
        }
        for file in &pending.files {
            disk::remove_empty(&file.folders);
        }
        self.forget_pending(client);
        Ok(Recovered::TakenBack)
    }

    /// Undoes the files of the old connection that the new one does not have.
    fn undo_dropped(&self, pending: &Receipt) -> Result<(), ClientProblem> {
        let Some(old) = self.standing(&pending.client)? else {
            return Ok(());
        };
        let is_kept = |old: &FileReceipt| {
            let mut new = pending.files.iter();
            new.any(|new| new.resolved == old.resolved)
        };
        let mut dropped = old.files().rev().filter(|(file, _)| !is_kept(file));
        dropped.try_for_each(|(file, before)| undo_on_disk(file, &before))
    }

    /// A receipt whose files are all as they were before: the end of an undoing was cut short, or the
    /// person did it by hand.
    fn recover_undoing(&self, client: &str) -> Result<Recovered, ClientProblem> {
        let receipt = self.receipts.read(client).map_err(ClientProblem::receipt)?;
        let Some(receipt) = receipt else {
            return Ok(Recovered::Nothing);
        };
        remove_drafts(&receipt);
        let is_undone = |file: &FileReceipt| {
            file.before != file.after
                && digest_of(&file.resolved).is_ok_and(|now| now == file.before)
        };
        if !receipt.files.iter().all(is_undone) {
            return Ok(Recovered::Nothing);
        }
        let forgotten = self.receipts.forget(client);
        forgotten.map_err(ClientProblem::receipt)?;
        if let Some(name) = &receipt.kept {
            let _ = self.sealed.forget(name);
        }
        Ok(Recovered::TakenBack)
    }

    /// Some files were written: those are undone, and so is the old connection in the others.
    fn take_back_written(&self, pending: &Receipt, found: &[Written]) -> Result<(), ClientProblem> {
        let new = self.stands(pending.clone())?;
        let written = new
            .files()
            .zip(found)
            .filter(|(_, found)| **found == Written::Yes);
        // The last one first.
        let written: Vec<_> = written.map(|(file, _)| file).collect();
        let mut written = written.into_iter().rev();
        written.try_for_each(|(file, before)| undo_on_disk(file, &before))?;
        let Some(old) = self.standing(&pending.client)? else {
            return Ok(());
        };
        let mut files = old.files().rev();
        files.try_for_each(|(file, before)| undo_on_disk(file, &before))?;
        let forgotten = self.receipts.forget(&pending.client);
        forgotten.map_err(ClientProblem::receipt)
    }
}

/// A change was worked out from certain bytes, and is made to no others.
fn check_unchanged(file: &FileChange) -> Result<(), ClientProblem> {
    let now = disk::read(&file.found.path);
    let now = now.map_err(|source| ClientProblem::disk(&file.found.path, source))?;
    if now.bytes == file.found.bytes && now.resolved == file.found.resolved {
        Ok(())
    } else {
        Err(ClientProblem::ChangedMeanwhile)
    }
}

fn write(file: &FileChange) -> Result<(), ClientProblem> {
    let path = &file.found.path;
    if file.changes() {
        disk::write(&file.found, file.after.as_deref())
            .map_err(|source| ClientProblem::disk(path, source))?;
    }
    if file.after.is_none() {
        disk::remove_empty(&file.folders);
    }
    Ok(())
}

/// Puts back what was there, the last one first. Gives whether all of it is.
fn take_back(written: &[&FileChange]) -> bool {
    let put_back = |file: &&&FileChange| {
        // The error that matters is the one that ended the change.
        disk::write(&file.found, file.found.bytes.as_deref()).is_ok()
    };
    written.iter().rev().filter(put_back).count() == written.len()
}

/// What a crash left of one file of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Yes,
    No,
    /// It says the same as the old connection's.
    Same,
}

impl Written {
    /// Also where the client has edited the file since.
    fn of(file: &FileReceipt, old: Option<&Receipt>) -> Self {
        let mut olds = old.iter().flat_map(|old| &old.files);
        let old = olds.find(|old| old.resolved == file.resolved);
        let Ok(now) = digest_of(&file.resolved) else {
            return Self::Yes;
        };
        let is_old = old.is_some_and(|old| old.after == now);
        match (now == file.after, is_old) {
            (true, true) => Self::Same,
            (true, false) => Self::Yes,
            (false, true) => Self::No,
            (false, false) if now == file.before || !holds_ours(file) => Self::No,
            (false, false) => Self::Yes,
        }
    }
}

fn remove_drafts(receipt: &Receipt) {
    for file in &receipt.files {
        private_file::remove_drafts(&file.resolved);
    }
}

fn digest_of(path: &Path) -> std::io::Result<String> {
    Ok(digest(disk::read(path)?.bytes.as_deref()))
}

fn undo_on_disk(file: &FileReceipt, before: &Before) -> Result<(), ClientProblem> {
    let path = &file.resolved;
    let found = disk::read(path).map_err(|source| ClientProblem::disk(path, source))?;
    let undone = undo(found.bytes.as_deref(), file, before)?;
    let change = FileChange {
        found,
        after: undone.bytes,
        folders: file.folders.clone(),
    };
    write(&change)
}
