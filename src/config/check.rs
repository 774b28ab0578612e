//! Compares a document with the table of keys, and remembers where everything stands.

use std::collections::HashMap;
use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

use super::keys;
use super::problem::{Location, Problem, Problems};

/// What the comparison found.
pub(super) struct Checked {
    pub(super) problems: Vec<Problem>,
    /// Byte offsets by path. A table stands where its name does.
    offsets: HashMap<String, usize>,
}

/// Looks for unknown keys and values of the wrong kind.
pub(super) fn check<S>(document: &Document<S>) -> Checked {
    let mut checked = Checked {
        problems: Vec::new(),
        offsets: HashMap::new(),
    };
    checked.table(document.as_table(), &At::default());
    checked
}

/// A position in the walk: the path as written, and the pattern of the table of keys that it falls
/// under.
#[derive(Clone, Default)]
struct At {
    path: String,
    pattern: String,
}

impl At {
    fn child(&self, name: &str) -> Self {
        let is_free = keys::is_table(&dotted(&self.pattern, "*"));
        Self {
            path: dotted(&self.path, name),
            pattern: dotted(&self.pattern, if is_free { "*" } else { name }),
        }
    }

    fn entry(&self, index: usize) -> Self {
        Self {
            path: format!("{}[{index}]", self.path),
            pattern: format!("{}[]", self.pattern),
        }
    }
}

fn dotted(before: &str, name: &str) -> String {
    if before.is_empty() {
        name.to_owned()
    } else {
        format!("{before}.{name}")
    }
}

impl Checked {
    /// Gives each problem its place, that of the nearest table where the key itself is missing.
    pub(super) fn locate(&self, text: &str, problems: Vec<Problem>) -> Problems {
        let mut located: Vec<(usize, Problem)> = problems
            .into_iter()
            .map(|problem| {
                let offset = self.offset(&problem.path);
                (
                    offset,
                    Problem {
                        place: Some(Location::of(text, offset)),
                        ..problem
                    },
                )
            })
            .collect();
        located.sort_by_key(|(offset, _)| *offset);
        Problems(located.into_iter().map(|(_, problem)| problem).collect())
    }

    fn offset(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(offset) = self.offsets.get(path) {
                return *offset;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return 0,
            }
        }
    }

    fn table(&mut self, table: &dyn TableLike, at: &At) {
        for (name, item) in table.iter() {
            let at_item = at.child(name);
            let key_span = table.key(name).and_then(toml_edit::Key::span);
            self.note(&at_item, key_span.clone());
            if keys::is_list_of_tables(&at_item.pattern) {
                self.list_of_tables(item, &at_item);
            } else if keys::is_table(&at_item.pattern) {
                self.inner_table(item, &at_item);
            } else {
                self.value(name, item, &at_item, &at.pattern);
            }
        }
    }

    fn inner_table(&mut self, item: &Item, at: &At) {
        match item.as_table_like() {
            Some(table) => self.table(table, at),
            None => self.wrong(at, "expected a table".to_owned()),
        }
    }

    fn list_of_tables(&mut self, item: &Item, at: &At) {
        let Some(tables) = tables(item) else {
            return self.wrong(
                at,
                format!("expected a list of tables, each headed `[[{}]]`", at.path),
            );
        };
        for (index, (table, span)) in tables.into_iter().enumerate() {
            let entry = at.entry(index);
            self.note(&entry, span);
            self.table(table, &entry);
        }
    }

    fn value(&mut self, name: &str, item: &Item, at: &At, parent: &str) {
        let Some(key) = keys::by_pattern(&at.pattern) else {
            return self.wrong(at, keys::unknown(parent, name));
        };
        match item.as_value() {
            Some(value) => {
                self.note(at, value.span());
                if let Err(message) = key.kind.check(value) {
                    self.wrong(at, message);
                }
            }
            None => self.wrong(
                at,
                format!("expected {}, found a table", key.kind.expects()),
            ),
        }
    }

    fn note(&mut self, at: &At, span: Option<Range<usize>>) {
        if let Some(span) = span {
            self.offsets.insert(at.path.clone(), span.start);
        }
    }

    fn wrong(&mut self, at: &At, message: String) {
        self.problems.push(Problem::new(at.path.clone(), message));
    }
}

/// A table of a list, and where it stands.
type Entry<'a> = (&'a dyn TableLike, Option<Range<usize>>);

/// The tables of a list in either of its forms: `[[models]]`, or `models = [{ … }]`.
fn tables(item: &Item) -> Option<Vec<Entry<'_>>> {
    match item {
        Item::ArrayOfTables(tables) => Some(
            tables
                .iter()
                .map(|table| (table as &dyn TableLike, table.span()))
                .collect(),
        ),
        Item::Value(Value::Array(list)) => list
            .iter()
            .map(|value| {
                value
                    .as_inline_table()
                    .map(|table| (table as &dyn TableLike, value.span()))
            })
            .collect(),
        _ => None,
    }
}
