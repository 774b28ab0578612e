//! Values as lines of YAML.

use std::borrow::Cow;

use serde_json::Value;

use super::super::path::quoted;

/// `key: value`, or `- value` without a key, that begins at `column` of its line. Lines are
/// separated by `\n`, the first one is not indented.
pub(super) fn element(key: Option<&str>, value: &Value, column: usize) -> String {
    match key {
        Some(key) => format!("{}:{}", text(key), after_colon(value, column)),
        None => format!("- {}", lines(value, column + 2)),
    }
}

fn after_colon(value: &Value, column: usize) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => below(value, column),
        Value::Array(items) if !items.is_empty() => below(value, column),
        _ => format!(" {}", inline(value)),
    }
}

fn below(value: &Value, column: usize) -> String {
    let column = column + 2;
    format!("\n{}{}", " ".repeat(column), lines(value, column))
}

/// A whole value that begins at `column`.
pub(super) fn lines(value: &Value, column: usize) -> String {
    let parts: Vec<_> = match value {
        Value::Object(members) if !members.is_empty() => {
            let members = members.iter();
            members
                .map(|(key, value)| element(Some(key), value, column))
                .collect()
        }
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(|item| element(None, item, column))
            .collect(),
        _ => return inline(value),
    };
    parts.join(&format!("\n{}", " ".repeat(column)))
}

/// A value within a line: within brackets, YAML reads JSON.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(plain) => text(plain).into_owned(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members: Vec<_> = members.map(|(key, value)| pair(key, value)).collect();
            format!("{{{}}}", members.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// `key: value` within brackets.
pub(super) fn pair(key: &str, value: &Value) -> String {
    format!("{}: {}", text(key), inline(value))
}

/// Words that some reader takes for something else than a text.
const RESERVED: [&str; 10] = [
    "null", "true", "false", "yes", "no", "on", "off", "y", "n", "none",
];

/// A text is quoted unless it is a plain word for every reader.
fn text(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_plain);
    let is_reserved = RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_word && !is_reserved {
        return Cow::Borrowed(text);
    }
    Cow::Owned(quoted(text))
}
