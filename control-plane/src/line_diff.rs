//! The difference of two texts by their lines, as it is shown before a file is changed.
//!
//! What a line may show is the caller's business: nothing here knows a secret.

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, DiffOp, TextDiff};

/// How many lines around a change are shown.
const CONTEXT_LINES: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    pub sign: DiffSign,
    /// In the file before, or after for lines that are new; counted from 1.
    pub line: usize,
    /// Without what must not be shown.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiffSign {
    #[serde(rename = " ")]
    Same,
    #[serde(rename = "-")]
    Removed,
    #[serde(rename = "+")]
    Added,
}

impl DiffSign {
    pub fn sign(self) -> char {
        match self {
            Self::Same => ' ',
            Self::Removed => '-',
            Self::Added => '+',
        }
    }
}

/// The difference, a hunk each with the lines around it. `shown` makes of a line what may be shown.
pub fn hunks(before: &str, after: &str, shown: &dyn Fn(&str) -> String) -> Vec<Vec<DiffLine>> {
    let diff = TextDiff::from_lines(before, after);
    let groups = diff.grouped_ops(CONTEXT_LINES);
    let lines = |ops: Vec<DiffOp>| {
        let changes = ops
            .into_iter()
            .flat_map(|op| diff.iter_changes(&op).collect::<Vec<_>>());
        changes.map(|change| diff_line(&change, shown)).collect()
    };
    groups.into_iter().map(lines).collect()
}

fn diff_line(change: &similar::Change<&str>, shown: &dyn Fn(&str) -> String) -> DiffLine {
    let sign = match change.tag() {
        ChangeTag::Equal => DiffSign::Same,
        ChangeTag::Delete => DiffSign::Removed,
        ChangeTag::Insert => DiffSign::Added,
    };
    let line = change.old_index().or(change.new_index()).unwrap_or(0) + 1;
    let text = shown(change.value().trim_end_matches(['\r', '\n']));
    DiffLine { sign, line, text }
}
