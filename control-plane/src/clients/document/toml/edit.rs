//! Where a key is written, and what goes with one that is taken out.

use std::ops::Range;

use serde_json::Value;
use toml_edit::{InlineTable, Item, Table};

use super::super::path::{Path, Step};
use super::super::splice::Replacement;
use super::super::values::{Refused, wrapped};
use super::write::{dotted_lines, inline, line, sections};
use super::{Parsed, keys, lines};
use crate::clients::document::values::Kind;
use crate::ordering;

/// Writes `value` at `path`. That its parents are tables is known.
///
/// # Errors
/// When the value holds null, the path leads through a list, or the place has no form that is
/// known to be safe.
pub(in super::super) fn set(
    text: &str,
    parsed: &Parsed,
    path: &Path,
    value: &Value,
    line_end: &str,
) -> Result<Vec<Replacement>, Refused> {
    let unwritable = |what| {
        let at = path.to_string();
        Refused::Unwritable { at, what }
    };
    let keys = keys(path.steps()).ok_or_else(|| unwritable(Kind::ListItem))?;
    if holds_null(value) {
        return Err(unwritable(Kind::Null));
    }
    let mut place = Place {
        text,
        line_end,
        table: parsed.as_table(),
        keys: &keys,
        depth: 0,
        section: 0,
    };
    place
        .replacement(value)
        .map(|replacement| vec![replacement])
        .ok_or_else(|| Refused::inexact(path))
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(members) => members.values().any(holds_null),
        _ => false,
    }
}

/// The last table of a path that is there.
struct Place<'t> {
    text: &'t str,
    line_end: &'t str,
    table: &'t Table,
    keys: &'t [&'t str],
    /// How many keys lead to `table`.
    depth: usize,
    /// How many keys lead to the section in whose lines `table` stands.
    section: usize,
}

impl<'t> Place<'t> {
    fn replacement(&mut self, value: &Value) -> Option<Replacement> {
        let key = *self.keys.get(self.depth)?;
        match self.table.get(key) {
            None | Some(Item::None) => Some(self.addition(value)),
            Some(Item::Table(table)) => {
                self.table = table;
                self.depth += 1;
                if !table.is_dotted() {
                    self.section = self.depth;
                }
                self.replacement(value)
            }
            Some(Item::Value(found)) => within(found, &self.keys[self.depth + 1..], value),
            Some(Item::ArrayOfTables(_)) => None,
        }
    }

    fn addition(&self, value: &Value) -> Replacement {
        let (keys, rest) = self.keys.split_at(self.depth + 1);
        let steps: Vec<_> = rest
            .iter()
            .map(|key| Step::from((*key).to_owned()))
            .collect();
        let value = wrapped(&steps, value);
        let has_header = self.depth == 0 || !self.table.is_implicit();
        if self.table.is_dotted() {
            return self.lines(&dotted_lines(&keys[self.section..], &value));
        }
        match &value {
            Value::Object(members) => self.at_end(&sections(keys, members)),
            _ if has_header => self.lines(&[line(&keys[self.depth..], &value)]),
            _ => {
                let members = [(keys[self.depth].to_owned(), value)].into_iter().collect();
                self.at_end(&sections(&keys[..self.depth], &members))
            }
        }
    }

    /// Lines below the last one of the table, or below its header.
    fn lines(&self, new: &[String]) -> Replacement {
        let last = last_line(self.table).or_else(|| Some(self.table.span()?.end));
        let last = last.filter(|last| *last > 0);
        match last {
            None => self.first_lines(new),
            Some(last) => {
                let indent = lines::indent(self.text, last_start(self.table).unwrap_or(last));
                let new = new
                    .iter()
                    .map(|line| format!("{}{indent}{line}", self.line_end));
                let at = lines::end(self.text, last);
                Replacement::insertion(at, new.collect::<String>())
            }
        }
    }

    /// The first keys of the root: before all sections, below the comment that heads the file.
    fn first_lines(&self, new: &[String]) -> Replacement {
        let (text, line_end) = (self.text, self.line_end);
        let new = new.join(line_end);
        if text.trim().is_empty() {
            return Replacement::insertion(0, new + line_end);
        }
        if self.table.is_empty() {
            return self.at_last_line(&new);
        }
        let at = end_of_heading(text);
        Replacement::insertion(at, format!("{new}{line_end}{line_end}"))
    }

    /// Below everything, without an empty line before it.
    fn at_last_line(&self, new: &str) -> Replacement {
        let (text, line_end) = (self.text, self.line_end);
        let new = if text.ends_with('\n') {
            format!("{new}{line_end}")
        } else {
            format!("{line_end}{new}")
        };
        Replacement::insertion(text.len(), new)
    }

    /// Sections at the end of the file, which has a last line end afterwards if it had one before.
    fn at_end(&self, new: &[String]) -> Replacement {
        let new = new.join(self.line_end);
        if self.text.trim().is_empty() {
            return Replacement::insertion(0, new + self.line_end);
        }
        self.at_last_line(&format!("{}{new}", self.line_end))
    }
}

/// Where the comment ends that heads a file, with the empty line that sets it off.
fn end_of_heading(text: &str) -> usize {
    let mut at = 0;
    while text[at..].starts_with('#') {
        at = lines::next(text, at);
    }
    lines::blank_at(text, at).map_or(0, |blank| blank.end)
}

/// Writes `value` at the keys within a value.
fn within(found: &toml_edit::Value, keys: &[&str], value: &Value) -> Option<Replacement> {
    let Some((key, rest)) = keys.split_first() else {
        return Some(Replacement::new(found.span()?, inline(value)));
    };
    let table = found.as_inline_table()?;
    if let Some(found) = table.get(key) {
        return within(found, rest, value);
    }
    let steps: Vec<_> = rest
        .iter()
        .map(|key| Step::from((*key).to_owned()))
        .collect();
    let new = line(&[key], &wrapped(&steps, value));
    let span = table.span()?;
    match members(table)?.last() {
        Some(last) => Some(Replacement::insertion(last.end, format!(", {new}"))),
        None => Some(Replacement::new(span, format!("{{ {new} }}"))),
    }
}

/// Where the members of an inline table stand, in their order. `None` with dotted keys, of which
/// several may stand under one name.
fn members(table: &InlineTable) -> Option<Vec<Range<usize>>> {
    let mut members = Vec::new();
    for (key, value) in table.iter() {
        if value.as_inline_table().is_some_and(InlineTable::is_dotted) {
            return None;
        }
        let key = table.key(key)?.span()?;
        members.push(key.start..value.span()?.end);
    }
    ordering::sort_by_key(&mut members, |member| member.start);
    Some(members)
}

/// The values that stand in the lines of a table itself, dotted ones among them.
fn own_values(table: &Table, found: &mut Vec<Range<usize>>) {
    for (key, item) in table.iter() {
        match item {
            Item::Table(dotted) if dotted.is_dotted() => own_values(dotted, found),
            Item::Value(value) => {
                let key = table.key(key).and_then(toml_edit::Key::span);
                found.extend(
                    key.zip(value.span())
                        .map(|(key, value)| key.start..value.end),
                );
            }
            _ => {}
        }
    }
}

fn own_value_at(table: &Table, last: bool) -> Option<Range<usize>> {
    let mut values = Vec::new();
    own_values(table, &mut values);
    ordering::sort_by_key(&mut values, |value| value.start);
    if last {
        values.pop()
    } else {
        values.into_iter().next()
    }
}

fn last_line(table: &Table) -> Option<usize> {
    own_value_at(table, true).map(|value| value.end)
}

fn last_start(table: &Table) -> Option<usize> {
    own_value_at(table, true).map(|value| value.start)
}

/// Takes out what stands at the steps. None when it stands in a form that cannot be cut.
pub(in super::super) fn remove(text: &str, parsed: &Parsed, steps: &[Step]) -> Vec<Replacement> {
    let ranges = keys(steps).and_then(|keys| ranges_of(text, parsed.as_table(), &keys));
    let ranges = united(ranges.unwrap_or_default());
    ranges.into_iter().map(Replacement::removal).collect()
}

fn ranges_of(text: &str, root: &Table, keys: &[&str]) -> Option<Vec<Range<usize>>> {
    let mut table = root;
    for (depth, key) in keys.iter().enumerate() {
        let item = table.get(key)?;
        let rest = &keys[depth + 1..];
        match item {
            Item::Value(value) if rest.is_empty() => {
                let key = table.key(key)?.span()?;
                let is_only = std::ptr::eq(table, root) && own_count(root) == 1;
                return Some(vec![line_range(
                    text,
                    key.start..value.span()?.end,
                    is_only,
                )]);
            }
            Item::Value(value) => return Some(vec![member_range(value, rest)?]),
            Item::Table(inner) if !rest.is_empty() => table = inner,
            Item::Table(inner) => return Some(table_ranges(text, inner)),
            _ => return None,
        }
    }
    None
}

fn own_count(table: &Table) -> usize {
    let mut values = Vec::new();
    own_values(table, &mut values);
    values.len()
}

/// The line of a key and its value. A comment behind it stays. The only key of the root takes the
/// empty line along that sets it off.
fn line_range(text: &str, value: Range<usize>, is_only_of_root: bool) -> Range<usize> {
    let start = lines::start(text, value.start);
    let end = lines::end(text, value.end);
    let behind = &text[value.end..end];
    if !behind.trim().is_empty() {
        let comment = end - behind.trim_start().len();
        return start + lines::indent(text, start).len()..comment;
    }
    let next = lines::next(text, end);
    let is_set_off = start == 0 || lines::blank_before(text, start).is_some();
    match lines::blank_at(text, next) {
        Some(blank) if is_only_of_root && is_set_off => start..blank.end,
        _ => match lines::end_of_previous(text, start) {
            Some(previous) => previous..end,
            None => start..next,
        },
    }
}

/// A member of an inline table, with a comma.
fn member_range(found: &toml_edit::Value, keys: &[&str]) -> Option<Range<usize>> {
    let table = found.as_inline_table()?;
    let (key, rest) = keys.split_first()?;
    if !rest.is_empty() {
        return member_range(table.get(key)?, rest);
    }
    let members = members(table)?;
    let start = table.key(key)?.span()?.start;
    let index = members.iter().position(|member| member.start == start)?;
    let (member, next) = (&members[index], members.get(index + 1));
    Some(match (index.checked_sub(1), next) {
        (Some(previous), _) => members[previous].end..member.end,
        (None, Some(next)) => member.start..next.start,
        (None, None) => {
            let span = table.span()?;
            span.start + 1..span.end - 1
        }
    })
}

/// The sections of a table and of all tables in it; its lines where its keys are dotted.
fn table_ranges(text: &str, table: &Table) -> Vec<Range<usize>> {
    let mut values = Vec::new();
    if table.is_dotted() {
        own_values(table, &mut values);
        let values = values.into_iter();
        return values.map(|value| line_range(text, value, false)).collect();
    }
    let mut ranges: Vec<_> = section_range(text, table).into_iter().collect();
    for (_, item) in table.iter() {
        match item {
            Item::Table(inner) if !inner.is_dotted() => ranges.extend(table_ranges(text, inner)),
            Item::ArrayOfTables(tables) => {
                let tables = tables.iter();
                ranges.extend(tables.flat_map(|inner| table_ranges(text, inner)));
            }
            _ => {}
        }
    }
    let mut ranges = united(ranges);
    // A file without a last line end has none afterwards.
    if let Some(last) = ranges.last_mut()
        && last.end == text.len()
        && !text.ends_with('\n')
    {
        last.start = lines::end_of_previous(text, last.start).unwrap_or(last.start);
    }
    ranges
}

/// From the header to the last line of a table, with the empty line before it.
fn section_range(text: &str, table: &Table) -> Option<Range<usize>> {
    let header = table.span()?;
    let start = lines::start(text, header.start);
    let start = lines::blank_before(text, start).map_or(start, |blank| blank.start);
    let last = last_line(table).unwrap_or(header.end);
    Some(start..lines::next(text, last))
}

/// The ranges in their order, without overlaps.
fn united(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ordering::sort_by_key(&mut ranges, |range| range.start);
    let mut united: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match united.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => united.push(range),
        }
    }
    united
}
