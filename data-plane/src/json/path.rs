//! From a value's offset to the path that people read.

use super::{Document, Offset, Value};

/// The path of the innermost value that contains `offset`: `messages[3].content[0].source`. Empty
/// for the whole document.
///
/// Also empty in a malformed document, which has no paths; [`super::Invalid`] gives the byte.
pub fn path_at(source: &[u8], offset: Offset) -> String {
    let mut paths = paths_at(source, &[offset]);
    paths.pop().unwrap_or_default()
}

/// The same for several offsets in one pass. The paths are in the order of `offsets`.
pub fn paths_at(source: &[u8], offsets: &[Offset]) -> Vec<String> {
    let mut finder = PathFinder::new(offsets);
    if let Ok(document) = Document::parse(bytes::Bytes::copy_from_slice(source)) {
        finder.visit(document.root());
    }
    finder.paths
}

/// Visits a document in order, without entering values that contain none of the offsets.
struct PathFinder {
    /// Offsets without a path yet, each with its index in `paths`. The next one is last.
    pending: Vec<(u32, usize)>,
    paths: Vec<String>,
    path: String,
}

impl PathFinder {
    fn new(offsets: &[Offset]) -> Self {
        let mut pending: Vec<_> = offsets
            .iter()
            .enumerate()
            .map(|(index, offset)| (offset.0, index))
            .collect();
        pending.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            pending,
            paths: vec![String::new(); offsets.len()],
            path: String::new(),
        }
    }

    fn visit(&mut self, value: Value<'_>) {
        if let Ok(members) = value.members() {
            for (key, inner) in members {
                self.child(inner, |path| push_key(path, &key));
            }
        } else if let Ok(items) = value.items() {
            for (index, inner) in items.enumerate() {
                self.child(inner, |path| path.push_str(&format!("[{index}]")));
            }
        }
        self.resolve_before(value.end());
    }

    fn child(&mut self, child: Value<'_>, push_name: impl FnOnce(&mut String)) {
        self.resolve_before(child.offset());
        if self
            .pending
            .last()
            .is_some_and(|(at, _)| *at < child.end().0)
        {
            let parent = self.path.len();
            push_name(&mut self.path);
            self.visit(child);
            self.path.truncate(parent);
        }
    }

    /// Gives the current path to the offsets before `end`, which no child contains.
    fn resolve_before(&mut self, end: Offset) {
        while let Some((_, index)) = self.pending.pop_if(|(at, _)| *at < end.0) {
            self.paths[index].clone_from(&self.path);
        }
    }
}

/// The longest key that a path repeats, in characters: each path below a key repeats it.
const KEY_CHARS_MAX: usize = 100;

pub(super) fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    match key.char_indices().nth(KEY_CHARS_MAX) {
        Some((end, _)) => {
            path.push_str(&key[..end]);
            path.push('\u{2026}');
        }
        None => path.push_str(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spots_are_answered_in_the_order_asked() {
        let json = br#"{"a":[1,{"b":2}],"c":{"d":3}}"#;
        let at = |needle: &str| {
            Offset(u32::try_from(memchr::memmem::find(json, needle.as_bytes()).unwrap()).unwrap())
        };
        let offsets = [
            at("3"),
            at("{\"b"),
            at("2"),
            at("[1"),
            at("3"),
            at("\"c\""),
            Offset(9_999),
        ];
        assert_eq!(
            paths_at(json, &offsets),
            ["c.d", "a[1]", "a[1].b", "a", "c.d", "", ""]
        );
    }

    #[test]
    fn a_giant_key_is_cut_in_the_paths_below_it() {
        let json = format!(r#"{{"{}":{{"a":1}}}}"#, "k".repeat(1_000_000));
        let at = Offset(u32::try_from(json.len() - 3).unwrap());
        let path = path_at(json.as_bytes(), at);
        assert_eq!(path, format!("{}\u{2026}.a", "k".repeat(KEY_CHARS_MAX)));
    }

    #[test]
    fn a_spot_has_a_path() {
        let json = br#"{"a":[{"b":1},{"c":{"d":"x"}}],"e":2}"#;
        let at = |needle: &str| {
            Offset(u32::try_from(memchr::memmem::find(json, needle.as_bytes()).unwrap()).unwrap())
        };
        assert_eq!(path_at(json, at("\"x\"")), "a[1].c.d");
        assert_eq!(path_at(json, at("2}")), "e");
        assert_eq!(path_at(json, Offset(0)), "");
        assert_eq!(path_at(b"{\"a\":[1,]}", Offset(8)), "");
    }
}
