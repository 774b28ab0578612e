//! Awkward files: what is asked changes, every other byte stays.

mod json;
mod properties;
mod toml;
mod yaml;

use super::*;

use serde_json::json;

/// The file after one edit; `undo` and, where it is asked for, removal give the file back.
fn set(format: Format, before: &str, path: &Path, value: &Value) -> String {
    let mut document = Document::parse(before.as_bytes(), format).unwrap();
    document.set(path, value).unwrap();
    let after = document.bytes();
    assert_eq!(
        undo(&after, document.splices()).unwrap(),
        before.as_bytes(),
        "splices undone: {before:?}"
    );
    String::from_utf8(after).unwrap()
}

/// Removes what is at `path`, then the parents that hold nothing, down to `kept` steps.
fn removed(format: Format, before: &str, path: &Path, kept: usize) -> String {
    let mut document = Document::parse(before.as_bytes(), format).unwrap();
    assert!(document.remove(path), "{path} is in {before:?}");
    let mut path = path.clone();
    while let Some(parent) = path.parent() {
        if parent.steps().len() <= kept || !document.is_empty_at(&parent) {
            break;
        }
        document.remove(&parent);
        path = parent;
    }
    let after = document.bytes();
    assert_eq!(undo(&after, document.splices()).unwrap(), before.as_bytes());
    String::from_utf8(after).unwrap()
}

/// `set` gives `after`, and removal gives `before` back.
fn both_ways(format: Format, before: &str, path: &Path, value: &Value, after: &str) {
    let depth = Document::parse(before.as_bytes(), format)
        .unwrap()
        .depth_of(path);
    assert_eq!(set(format, before, path, value), after);
    assert_eq!(
        removed(format, after, path, depth),
        before,
        "removed again from {after:?}"
    );
}
