//! Mends what is valid in older drafts of JSON Schema, or in none, and is a 400 for all tools.
//!
//! Source: JSON Schema 2020-12, "Migrating from older drafts"; Anthropic's "JSON schema is invalid.
//! It must match JSON Schema draft 2020-12"; OpenAI's "Invalid schema for function".

use super::rewrite::{Fate, Rules};
use crate::json::{self, Value};

/// The rules of draft 2020-12 that older schemas break.
pub(in crate::protocol) struct Draft;

impl Rules for Draft {
    fn fate(&self, schema: Value<'_>, key: &str, value: Value<'_>) -> Fate {
        let has_list_of_items = || {
            schema
                .get("items")
                .is_some_and(|items| items.items().is_ok())
        };
        match key {
            "default" | "const" | "examples" | "example" => Fate::Keep,
            _ if value.is_null() => Fate::Drop,
            "type" => kind(value),
            // A list of schemas is `prefixItems` now, and what follows it is `items`.
            "items" if value.items().is_ok() => Fate::As("prefixItems"),
            "additionalItems" if has_list_of_items() => Fate::As("items"),
            // Draft 3 had a flag on each property.
            "required" if value.items().is_err() => Fate::Drop,
            "properties" if value.members().is_err() => Fate::Drop,
            "enum" if value.items().map_or(0, Iterator::count) == 0 => Fate::Drop,
            // Draft 4 had a flag beside the limit.
            "exclusiveMinimum" => exclusive(schema.get("minimum"), value),
            "exclusiveMaximum" => exclusive(schema.get("maximum"), value),
            "minimum" if is_true(schema.get("exclusiveMinimum")) => Fate::Drop,
            "maximum" if is_true(schema.get("exclusiveMaximum")) => Fate::Drop,
            _ => Fate::Keep,
        }
    }
}

fn is_true(value: Option<Value<'_>>) -> bool {
    value.is_some_and(|value| value.bool() == Ok(true))
}

fn exclusive(limit: Option<Value<'_>>, flag: Value<'_>) -> Fate {
    match (flag.bool(), limit) {
        (Err(_), _) => Fate::Keep,
        (Ok(true), Some(limit)) => Fate::Value(limit.raw()),
        (Ok(_), _) => Fate::Drop,
    }
}

/// The type, or the list of them, in the words of JSON Schema. Unknown words are left out.
fn kind(value: Value<'_>) -> Fate {
    if let Ok(word) = value.str() {
        return match name(&word) {
            Some(name) if name == word => Fate::Keep,
            Some(name) => Fate::Value(json::value(|value| value.str(name))),
            None => Fate::Drop,
        };
    }
    let Ok(words) = value.items() else {
        return Fate::Drop;
    };
    let words: Vec<_> = words.map(|word| word.str().unwrap_or_default()).collect();
    let names: Vec<_> = words.iter().filter_map(|word| name(word)).collect();
    if words == names {
        return Fate::Keep;
    }
    if names.is_empty() {
        return Fate::Drop;
    }
    Fate::Value(json::value(|value| {
        value.array(|list| names.iter().for_each(|name| list.item().str(name)))
    }))
}

/// JSON Schema's name of a type, also from the words of programming languages that schemas are
/// generated from.
fn name(word: &str) -> Option<&'static str> {
    Some(match &*word.to_ascii_lowercase() {
        "object" | "dict" => "object",
        "array" | "list" | "tuple" => "array",
        "string" | "str" => "string",
        "number" | "float" | "double" => "number",
        "integer" | "int" => "integer",
        "boolean" | "bool" => "boolean",
        "null" | "none" => "null",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::rewritten;
    use super::*;
    use crate::json::Raw;

    #[test]
    fn older_drafts_become_the_present_one() {
        for (older, expected) in [
            (
                r#"{"items":[{"type":"string"},{}],"additionalItems":false}"#,
                r#"{"prefixItems":[{"type":"string"},{}],"items":false}"#,
            ),
            (
                r#"{"minimum":1,"exclusiveMinimum":true,"maximum":9,"exclusiveMaximum":false}"#,
                r#"{"exclusiveMinimum":1,"maximum":9}"#,
            ),
            (
                r#"{"properties":{"required":{"type":"STRING","required":true,"description":null}}}"#,
                r#"{"properties":{"required":{"type":"string"}}}"#,
            ),
            (
                r#"{"anyOf":[{"type":"any"},{"type":["int","None"],"default":null,"enum":[]}]}"#,
                r#"{"anyOf":[{},{"type":["integer","null"],"default":null}]}"#,
            ),
        ] {
            let older = Raw::from_static(older);
            let now = rewritten(older.document().root(), &Draft);
            assert_eq!(now.as_ref().map(Raw::as_str), Some(expected));
            assert_eq!(rewritten(now.unwrap().document().root(), &Draft), None);
        }
    }
}
