//! Why a client cannot be connected or disconnected, in sentences for people.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::document::{self, Refused, Unreadable};

/// Why something was not done. Nothing was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum ClientProblem {
    #[error("no variable says where the files of {0} lie")]
    NoPlace(&'static str),
    #[error("`{}`, line {line}, column {column}: {why}; the file was left untouched", path.display())]
    Unreadable {
        path: PathBuf,
        line: usize,
        column: usize,
        why: String,
    },
    #[error("`{}`: `{key}` cannot be written: {why}; the file was left untouched", path.display())]
    Refused {
        path: PathBuf,
        key: String,
        why: String,
    },
    /// With what a person can do instead.
    #[error("`{}` is not changed: {why}{}", path.display(), instead(by_hand))]
    Fixed {
        path: PathBuf,
        why: String,
        by_hand: Vec<String>,
    },
    #[error("`{}` is there already and not of Aerostat: move it away first", .0.display())]
    Foreign(PathBuf),
    /// With the words of the way that stands.
    #[error(
        "it is connected as `{0}`, which changes the same file: `aerostat client disconnect {0}` first"
    )]
    OtherWay(String),
    #[error("`{}`: {source}", path.display())]
    Disk {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("what is stored of the connection cannot be read: {0}")]
    Receipt(#[source] io::Error),
    #[error("your own values that would be replaced cannot be kept safe: {0}")]
    Kept(String),
    #[error("your own values from before cannot be read: {0}")]
    Sealed(String),
    #[error("the files have changed while this was looked at; nothing was written")]
    ChangedMeanwhile,
}

impl ClientProblem {
    pub(super) fn unreadable(path: &Path, why: &Unreadable) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            line: why.line,
            column: why.column,
            why: why.problem.to_string(),
        }
    }

    pub(super) fn refused(path: &Path, key: &document::Path, why: &Refused) -> Self {
        Self::Refused {
            path: path.to_owned(),
            key: key.to_string(),
            why: why.to_string(),
        }
    }

    pub(super) fn disk(path: &Path, source: io::Error) -> Self {
        Self::Disk {
            path: path.to_owned(),
            source,
        }
    }
}

fn instead(by_hand: &[String]) -> impl fmt::Display + '_ {
    struct Lines<'l>(&'l [String]);
    impl fmt::Display for Lines<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            if !self.0.is_empty() {
                f.write_str("; add by hand where it is made:")?;
            }
            self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
        }
    }
    Lines(by_hand)
}
