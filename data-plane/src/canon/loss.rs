//! What a translation could not carry exactly, and how it is reported.

use std::collections::HashSet;

use super::{Offset, Request};
use crate::json;

/// How a field was changed by a translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossKind {
    /// Left out.
    Dropped,
    /// Approximated or clamped.
    Adjusted,
    /// Added because the target requires it.
    Added,
}

/// One loss, by the path in the client's request: `seed`,
/// `messages[0].content[1].image_url.detail`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Loss {
    pub path: String,
    pub kind: LossKind,
}

/// A request that the target cannot carry without a change of meaning: a 400 that names the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field in the client's request, if there is one.
    pub at: Option<Offset>,
    /// Why it cannot be carried: "the anthropic dialect has no audio input".
    pub why: String,
}

/// Collects losses while a request is encoded. Encoding continues after a refusal, so that encoders
/// need no error paths; the first refusal is the result.
#[derive(Debug, Default)]
pub struct Losses {
    noted: Vec<(LossSite, LossKind)>,
    refusal: Option<Refusal>,
}

/// What a loss is reported by: the field it stands for in the client's request, or a name.
#[derive(Clone, Copy, Debug)]
enum LossSite {
    Offset(Offset),
    /// The list that the value at the offset stands in; the value itself where it is in none.
    ListOf(Offset),
    Name(&'static str),
}

impl Losses {
    /// What became of the request when it was decoded, the same for every target.
    pub fn decoded(&mut self, request: &Request) {
        for unknown in &request.unknown {
            self.dropped(unknown.at);
        }
        for at in &request.adjusted {
            self.adjusted(*at);
        }
        for name in &request.added {
            self.added(name);
        }
    }

    /// The field at `at` was left out. What the client did not send is no loss of it.
    pub fn dropped(&mut self, at: Offset) {
        if !at.is_nowhere() {
            self.noted.push((LossSite::Offset(at), LossKind::Dropped));
        }
    }

    /// The field at `at` was approximated or clamped.
    pub fn adjusted(&mut self, at: Offset) {
        self.noted.push((LossSite::Offset(at), LossKind::Adjusted));
    }

    /// The list that holds the value at `at` was approximated as a whole.
    pub fn adjusted_list(&mut self, at: Offset) {
        self.noted.push((LossSite::ListOf(at), LossKind::Adjusted));
    }

    /// The target requires `name`, which the client did not send.
    pub fn added(&mut self, name: &'static str) {
        self.noted.push((LossSite::Name(name), LossKind::Added));
    }

    /// Something without a field of its own was left out or approximated: `reasoning`, `usage`.
    pub fn noted(&mut self, name: &'static str, kind: LossKind) {
        self.noted.push((LossSite::Name(name), kind));
    }

    /// The request cannot be carried. `why` completes a sentence that begins with the field's path.
    pub fn refuse(&mut self, at: impl Into<Option<Offset>>, why: impl Into<String>) {
        self.refusal.get_or_insert_with(|| Refusal {
            at: at.into(),
            why: why.into(),
        });
    }

    /// Appends what another part of the same translation noted.
    pub fn extend(&mut self, later: Self) {
        self.noted.extend(later.noted);
        self.refusal = self.refusal.take().or(later.refusal);
    }

    #[cfg(test)]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// The losses with their paths, without duplicates, in the order in which they were noted.
    ///
    /// `body` is the client's request, which the offsets point into.
    ///
    /// # Errors
    /// The first refusal.
    pub fn resolve(self, body: &[u8]) -> Result<Vec<Loss>, Refusal> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        let offsets: Vec<Offset> = self
            .noted
            .iter()
            .filter_map(|(site, _)| site.offset())
            .collect();
        let paths = if offsets.is_empty() {
            Vec::new()
        } else {
            json::paths_at(body, &offsets)
        };
        let mut paths = paths.into_iter();
        let mut losses: Vec<Loss> = Vec::with_capacity(self.noted.len());
        let mut seen = HashSet::with_capacity(self.noted.len());
        for (site, kind) in self.noted {
            let path = match site {
                LossSite::Name(name) => name.to_owned(),
                LossSite::Offset(_) => paths.next().unwrap_or_default(),
                LossSite::ListOf(_) => list_of(paths.next().unwrap_or_default()),
            };
            let loss = Loss { path, kind };
            if seen.insert(loss.clone()) {
                losses.push(loss);
            }
        }
        Ok(losses)
    }
}

/// `stop` of `stop[3]`, and of `stop`.
fn list_of(path: String) -> String {
    match path.strip_suffix(']').and_then(|path| path.rfind('[')) {
        Some(at) => path[..at].to_owned(),
        None => path,
    }
}

impl LossSite {
    fn offset(self) -> Option<Offset> {
        match self {
            Self::Offset(offset) | Self::ListOf(offset) => Some(offset),
            Self::Name(_) => None,
        }
    }
}
