//! Checks a document against the table of keys, and records where everything stands.

use std::collections::HashMap;
use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

use super::keys;
use super::problem::{Location, Problem, Problems};
use super::wrong::Wrong;

use crate::ordering;

/// The result of the check.
pub(super) struct KeyCheck {
    pub(super) problems: Vec<Problem>,
    /// Byte offsets by path. A table's is that of its name.
    offsets: HashMap<String, usize>,
}

/// Finds unknown keys and values of the wrong kind.
pub(super) fn check<S>(document: &Document<S>) -> KeyCheck {
    let mut checked = KeyCheck {
        problems: Vec::new(),
        offsets: HashMap::new(),
    };
    checked.table(document.as_table(), &Position::default());
    checked
}

/// Where the walk is: the path as written, and the pattern that it has in the table of keys.
#[derive(Clone, Default)]
struct Position {
    path: String,
    pattern: String,
}

impl Position {
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

impl KeyCheck {
    /// Gives each problem its place: the key's, or that of the nearest table where the key is missing.
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
        ordering::sort_by_key(&mut located, |(offset, _)| *offset);
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

    fn table(&mut self, table: &dyn TableLike, at: &Position) {
        for (name, item) in table.iter() {
            let at_item = at.child(name);
            let key_span = table.key(name).and_then(toml_edit::Key::span);
            self.record_offset(&at_item, key_span.clone());
            if keys::is_list_of_tables(&at_item.pattern) {
                self.list_of_tables(item, &at_item);
            } else if keys::is_table(&at_item.pattern) {
                self.inner_table(item, &at_item);
            } else {
                self.value(name, item, &at_item, &at.pattern);
            }
        }
    }

    fn inner_table(&mut self, item: &Item, at: &Position) {
        match item.as_table_like() {
            Some(table) => self.table(table, at),
            None => self.reject(at, Wrong::Table),
        }
    }

    fn list_of_tables(&mut self, item: &Item, at: &Position) {
        let Some(tables) = tables(item) else {
            return self.reject(
                at,
                Wrong::TablesHeaded {
                    path: at.path.clone(),
                },
            );
        };
        for (index, (table, span)) in tables.into_iter().enumerate() {
            let entry = at.entry(index);
            self.record_offset(&entry, span);
            self.table(table, &entry);
        }
    }

    fn value(&mut self, name: &str, item: &Item, at: &Position, parent: &str) {
        let Some(key) = keys::by_pattern(&at.pattern) else {
            return self.reject(at, keys::unknown(parent, name));
        };
        match item.as_value() {
            Some(value) => {
                self.record_offset(at, value.span());
                if let Err(message) = key.kind.check(value) {
                    self.reject(at, message);
                }
            }
            None => self.reject(
                at,
                Wrong::FoundTable {
                    expected: key.kind.expects(),
                },
            ),
        }
    }

    fn record_offset(&mut self, at: &Position, span: Option<Range<usize>>) {
        if let Some(span) = span {
            self.offsets.insert(at.path.clone(), span.start);
        }
    }

    fn reject(&mut self, at: &Position, message: Wrong) {
        self.problems.push(Problem::new(at.path.clone(), message));
    }
}

/// A table of a list, and where it stands.
type TableEntry<'a> = (&'a dyn TableLike, Option<Range<usize>>);

/// The tables of a list in either of its forms: `[[models]]`, or `models = [{ … }]`.
fn tables(item: &Item) -> Option<Vec<TableEntry<'_>>> {
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
