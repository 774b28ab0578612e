//! From where a value stands to the path that a person reads.

use super::{Document, Offset, Value};

/// The path of the innermost value that holds `offset`: `messages[3].content[0].source`; empty for
/// the whole document.
///
/// Malformed documents have no paths: it is empty there too, and [`super::Invalid`] tells the byte.
pub fn path_at(source: &[u8], offset: Offset) -> String {
    let mut paths = paths_at(source, &[offset]);
    paths.pop().unwrap_or_default()
}

/// The same for several offsets, in one walk, in the order asked.
pub fn paths_at(source: &[u8], offsets: &[Offset]) -> Vec<String> {
    let mut walk = Walk::to(offsets);
    if let Ok(document) = Document::parse(bytes::Bytes::copy_from_slice(source)) {
        walk.visit(document.root());
    }
    walk.paths
}

/// A walk through a document in its order, past what holds no offset.
struct Walk {
    /// What is left, the next one last: where it stands, and its place in `paths`.
    ahead: Vec<(u32, usize)>,
    paths: Vec<String>,
    path: String,
}

impl Walk {
    fn to(offsets: &[Offset]) -> Self {
        let mut ahead: Vec<_> = offsets
            .iter()
            .enumerate()
            .map(|(index, offset)| (offset.0, index))
            .collect();
        ahead.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            ahead,
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
        self.name_before(value.end());
    }

    fn child(&mut self, child: Value<'_>, name: impl FnOnce(&mut String)) {
        self.name_before(child.offset());
        if self.ahead.last().is_some_and(|(at, _)| *at < child.end().0) {
            let parent = self.path.len();
            name(&mut self.path);
            self.visit(child);
            self.path.truncate(parent);
        }
    }

    /// Spots before `end` that no child holds are the open value's own.
    fn name_before(&mut self, end: Offset) {
        while let Some((_, index)) = self.ahead.pop_if(|(at, _)| *at < end.0) {
            self.paths[index].clone_from(&self.path);
        }
    }
}

fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
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
