//! Values as lines, sections and inline tables.

use serde_json::{Map, Value};

use super::super::path::{quoted, shown_key};

pub(super) fn dotted(keys: &[&str]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| shown_key(key)).collect();
    keys.join(".")
}

/// A value within a line. There is no null in it.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, value)| line(&[key], value))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

pub(super) fn line(keys: &[&str], value: &Value) -> String {
    format!("{} = {}", dotted(keys), inline(value))
}

/// A line for each value in `value`, under dotted keys.
pub(super) fn dotted_lines(keys: &[&str], value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let members = members.iter();
            let lines =
                members.flat_map(|(key, value)| dotted_lines(&[keys, &[key]].concat(), value));
            lines.collect()
        }
        _ => vec![line(keys, value)],
    }
}

/// The sections of a table and the tables in it, in lines, with an empty one between them. A table
/// that holds only tables needs no header.
pub(super) fn sections(keys: &[&str], members: &Map<String, Value>) -> Vec<String> {
    let (tables, values): (Vec<_>, Vec<_>) =
        members.iter().partition(|(_, value)| value.is_object());
    let mut lines = Vec::new();
    if !values.is_empty() || tables.is_empty() {
        lines.push(format!("[{}]", dotted(keys)));
        lines.extend(values.iter().map(|(key, value)| line(&[key], value)));
    }
    for (key, table) in tables {
        let Some(members) = table.as_object() else {
            continue;
        };
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(sections(&[keys, &[key]].concat(), members));
    }
    lines
}
