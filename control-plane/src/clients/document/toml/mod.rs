//! TOML: values by `toml_edit`, which tells where they stand, and edits by splices.

mod edit;
mod lines;
mod write;

pub(super) use edit::{remove, set};

use serde_json::{Number, Value};
use toml_edit::{Item, TableLike, TomlError};

use super::path::Step;
use super::unreadable::{Problem, Unreadable};
use crate::clients::document::unreadable::Flaw;
use crate::toml_text;

pub(super) type Parsed = toml_edit::Document<String>;

pub(super) fn parse(text: &str) -> Result<Parsed, Unreadable> {
    toml_text::parse(text).map_err(|error| unreadable(text, &error))
}

fn unreadable(text: &str, error: &TomlError) -> Unreadable {
    let span = error.span().unwrap_or_default();
    let problem = match error.message() {
        "duplicate key" => {
            let key = text.get(span.clone()).unwrap_or_default();
            Problem::DuplicateKey {
                key: key.to_owned(),
            }
        }
        message => Problem::Malformed {
            flaw: Flaw::Toml {
                words: message.to_owned(),
            },
        },
    };
    Unreadable::at(text, span.start, problem)
}

pub(super) fn value(parsed: &Parsed) -> Value {
    table_value(parsed.as_table())
}

/// Whether a table stands at the steps that is not written within a line: its members have lines.
pub(super) fn has_lines(parsed: &Parsed, steps: &[Step]) -> bool {
    let keys = keys(steps).unwrap_or_default();
    let found = keys
        .iter()
        .try_fold(parsed.as_item(), |item, key| item.as_table_like()?.get(key));
    found.is_some_and(Item::is_table)
}

/// The keys of a path that leads through no list.
fn keys<'s>(steps: &'s [Step]) -> Option<Vec<&'s str>> {
    let key = |step: &'s Step| match step {
        Step::Key(key) => Some(&**key),
        Step::Item(_) => None,
    };
    steps.iter().map(key).collect()
}

fn table_value(table: &dyn TableLike) -> Value {
    let members = table.iter();
    let members = members.filter_map(|(key, item)| Some((key.to_owned(), item_value(item)?)));
    Value::Object(members.collect())
}

fn item_value(item: &Item) -> Option<Value> {
    match item {
        Item::None => None,
        Item::Value(value) => Some(plain_value(value)),
        Item::Table(table) => Some(table_value(table)),
        Item::ArrayOfTables(tables) => {
            Some(tables.iter().map(|table| table_value(table)).collect())
        }
    }
}

fn plain_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(bool) => (*bool.value()).into(),
        toml_edit::Value::Array(items) => items.iter().map(plain_value).collect(),
        toml_edit::Value::InlineTable(table) => table_value(table),
        // JSON has neither dates nor infinities.
        toml_edit::Value::Datetime(date) => date.value().to_string().into(),
        toml_edit::Value::Float(number) => match Number::from_f64(*number.value()) {
            Some(finite) => Value::Number(finite),
            None => number.value().to_string().into(),
        },
    }
}
