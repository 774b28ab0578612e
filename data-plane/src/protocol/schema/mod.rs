//! JSON Schema in the forms of the dialects.
//!
//! Source: `translation.md` section 5. Schemas pass nearly unchanged wherever the target takes JSON
//! Schema.

mod cache;
mod draft;
mod references;
mod rewrite;
mod root;

use std::collections::{HashMap, HashSet};

use crate::json::{self, Object, Raw, Value, Writer};
use crate::ordering;

pub(super) use cache::SchemaCache;
pub(super) use draft::Draft;
pub(super) use references::{has_foreign_reference, is_recursive};
pub(super) use rewrite::{Fate, Rules, find, rewritten};
pub(super) use root::{ObjectRoot, object_root};

/// The schema of a tool without arguments.
const EMPTY: &str = r#"{"type":"object","properties":{}}"#;

/// The schema of a tool's arguments as every target takes it: valid by the present draft, and an
/// object at its root. No schema, `{}` and an object without properties become
/// `{"type":"object","properties":{}}`.
///
/// # Errors
/// Why it cannot be the schema of arguments; completes a sentence that begins with its path.
pub(super) fn arguments(schema: Option<&Raw>) -> Result<ObjectRoot, String> {
    let Some(schema) = schema.filter(|schema| !is_empty(schema)) else {
        return Ok(ObjectRoot {
            schema: Raw::from_static(EMPTY),
            is_looser: false,
        });
    };
    let valid = rewritten(schema.document().root(), &Draft);
    let root = object_root(valid.as_ref().unwrap_or(schema))?;
    Ok(ObjectRoot {
        is_looser: root.is_looser || valid.is_some(),
        ..root
    })
}

/// Whether a schema describes no arguments at all.
pub fn is_empty(schema: &Raw) -> bool {
    let document = schema.document();
    let Ok(mut members) = document.root().members() else {
        return true;
    };
    members.all(|(key, value)| match &*key {
        "type" => value
            .str()
            .is_ok_and(|kind| kind.eq_ignore_ascii_case("object")),
        "title" | "description" | "$schema" => true,
        "additionalProperties" => value.bool().is_ok(),
        "properties" => value
            .members()
            .is_ok_and(|mut properties| properties.next().is_none()),
        "required" => value.items().is_ok_and(|mut items| items.next().is_none()),
        _ => false,
    })
}

/// Whether a schema keeps OpenAI's strict rules: an object at the root, every object closed, every
/// property required, no `oneOf` or `allOf`.
pub fn is_strict(schema: &Raw) -> bool {
    let document = schema.document();
    let root = document.root();
    let is_object = root
        .get("type")
        .is_some_and(|kind| kind.str().is_ok_and(|kind| kind == "object"));
    is_object && root.get("anyOf").is_none() && is_strict_at(root)
}

fn is_strict_at(schema: Value<'_>) -> bool {
    let Ok(members) = schema.members() else {
        return true;
    };
    let kind = schema.get("type").and_then(|kind| kind.str().ok());
    let is_object = kind.is_some_and(|kind| kind == "object") || schema.get("properties").is_some();
    let has_company = schema.get("$ref").is_some()
        && schema.members().is_ok_and(|mut members| {
            members.any(|(key, _)| !matches!(&*key, "$ref" | "$defs" | "definitions"))
        });
    let is_open_object = is_object && !is_closed(schema);
    if is_open_object || has_company {
        return false;
    }
    members
        .into_iter()
        .all(|(key, value)| is_strict_member(&key, value))
}

/// Source: OpenAI, "Structured outputs", "Supported schemas".
const STRICT_FORMATS: [&str; 9] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
];

fn is_strict_member(key: &str, value: Value<'_>) -> bool {
    match key {
        "oneOf"
        | "allOf"
        | "not"
        | "if"
        | "patternProperties"
        | "dependentRequired"
        | "dependentSchemas"
        | "propertyNames"
        | "contains"
        | "uniqueItems"
        | "minProperties"
        | "maxProperties"
        | "minLength"
        | "maxLength"
        | "default"
        | "unevaluatedItems"
        | "unevaluatedProperties" => false,
        "format" => value
            .str()
            .is_ok_and(|format| STRICT_FORMATS.contains(&&*format)),
        "items" => is_strict_at(value),
        "anyOf" | "prefixItems" => value.items().is_ok_and(|mut items| items.all(is_strict_at)),
        "properties" | "$defs" | "definitions" => value
            .members()
            .is_ok_and(|mut members| members.all(|(_, value)| is_strict_at(value))),
        _ => true,
    }
}

/// Whether an object allows no other members than its properties and requires each of them.
fn is_closed(schema: Value<'_>) -> bool {
    let is_sealed = schema
        .get("additionalProperties")
        .is_some_and(|value| value.bool() == Ok(false));
    let names = schema
        .get("required")
        .and_then(|required| required.items().ok());
    let required: HashSet<_> = names
        .into_iter()
        .flatten()
        .filter_map(|name| name.str().ok())
        .collect();
    let properties = schema
        .get("properties")
        .and_then(|properties| properties.members().ok());
    is_sealed
        && properties
            .is_none_or(|mut properties| properties.all(|(name, _)| required.contains(&name)))
}

/// Gemini's `Schema` (a subset of OpenAPI's, types in upper case) as JSON Schema.
///
/// `nullable` becomes a type array, `example` becomes `examples`, counts lose their quotes,
/// properties take the order of `propertyOrdering`, since models write them in the schema's order.
pub fn from_gemini(schema: Value<'_>) -> Raw {
    json::value(|value| write_from_gemini(schema, value))
}

fn write_from_gemini(schema: Value<'_>, out: Writer<'_>) {
    let Ok(members) = schema.members() else {
        return out.raw(&schema.raw());
    };
    let is_nullable = schema
        .get("nullable")
        .is_some_and(|value| value.bool() == Ok(true));
    let order = schema
        .get("propertyOrdering")
        .or_else(|| schema.get("property_ordering"));
    out.object(|object| {
        for (key, value) in members.filter(|(_, value)| !value.is_null()) {
            match &*key {
                "properties" => write_properties(object, value, order),
                key => write_gemini_member(object, key, value, is_nullable),
            }
        }
    });
}

/// Writes properties in the requested order; those without a position come last.
fn write_properties(object: &mut Object<'_>, properties: Value<'_>, order: Option<Value<'_>>) {
    let Ok(members) = properties.members() else {
        return object.raw("properties", &properties.raw());
    };
    let mut places = HashMap::new();
    for name in order
        .and_then(|order| order.items().ok())
        .into_iter()
        .flatten()
    {
        if let Ok(name) = name.str() {
            let place = places.len();
            places.entry(name).or_insert(place);
        }
    }
    let mut members: Vec<_> = members.collect();
    ordering::sort_by_key(&mut members, |(name, _)| {
        places.get(name).copied().unwrap_or(places.len())
    });
    object.object("properties", |object| {
        for (name, value) in &members {
            write_from_gemini(*value, object.key(name));
        }
    });
}

fn write_gemini_member(object: &mut Object<'_>, key: &str, value: Value<'_>, is_nullable: bool) {
    match key {
        "nullable" | "propertyOrdering" | "property_ordering" => {}
        "type" => write_type(object, value, is_nullable),
        "enum" => write_list(
            object,
            key,
            value,
            is_nullable.then_some("null"),
            |value, out| out.raw(&value.raw()),
        ),
        "anyOf" | "any_of" => write_list(
            object,
            "anyOf",
            value,
            is_nullable.then_some(r#"{"type":"null"}"#),
            write_from_gemini,
        ),
        "items" => write_from_gemini(value, object.key(key)),
        "defs" | "$defs" => write_map(object, "$defs", value, write_from_gemini),
        "ref" | "$ref" => object.raw("$ref", &value.raw()),
        "example" => object.array("examples", |list| list.item().raw(&value.raw())),
        "minItems" | "min_items" => write_count(object, "minItems", value),
        "maxItems" | "max_items" => write_count(object, "maxItems", value),
        "minLength" | "min_length" => write_count(object, "minLength", value),
        "maxLength" | "max_length" => write_count(object, "maxLength", value),
        "minProperties" | "min_properties" => write_count(object, "minProperties", value),
        "maxProperties" | "max_properties" => write_count(object, "maxProperties", value),
        _ => object.raw(key, &value.raw()),
    }
}

fn write_type(object: &mut Object<'_>, value: Value<'_>, is_nullable: bool) {
    match value.str().map(|word| word.to_ascii_lowercase()) {
        Ok(word) if word == "type_unspecified" => {}
        Ok(word) if is_nullable => object.array("type", |types| {
            types.item().str(&word);
            types.item().str("null");
        }),
        Ok(word) => object.str("type", &word),
        Err(_) => object.raw("type", &value.raw()),
    }
}

/// Gemini writes 64-bit counts in strings too.
fn write_count(object: &mut Object<'_>, key: &str, value: Value<'_>) {
    match value.str().ok().and_then(|digits| digits.parse().ok()) {
        Some(count) => object.u64(key, count),
        None => object.raw(key, &value.raw()),
    }
}

/// A list of schemas or values, and one more item behind them.
fn write_list(
    object: &mut Object<'_>,
    key: &str,
    list: Value<'_>,
    more: Option<&'static str>,
    each: fn(Value<'_>, Writer<'_>),
) {
    let Ok(items) = list.items() else {
        return object.raw(key, &list.raw());
    };
    object.array(key, |array| {
        items.for_each(|item| each(item, array.item()));
        more.into_iter()
            .for_each(|more| array.item().raw(&Raw::from_static(more)));
    });
}

fn write_map(object: &mut Object<'_>, key: &str, map: Value<'_>, each: fn(Value<'_>, Writer<'_>)) {
    let Ok(members) = map.members() else {
        return object.raw(key, &map.raw());
    };
    object.object(key, |object| {
        members.for_each(|(name, value)| each(value, object.key(&name)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geminis_subset_becomes_json_schema() {
        let gemini = Raw::from_static(
            r#"{"type":"OBJECT","propertyOrdering":["type"],"properties":{"z":{},"type":{"type":"STRING","nullable":true,"enum":["a"],"example":"a"},
            "n":{"type":"array","min_items":"2","items":{"any_of":[{"type":"INTEGER"}],"nullable":true}}}}"#,
        );
        let expected = r#"{"type":"object","properties":{"type":{"type":["string","null"],"enum":["a",null],"examples":["a"]},"z":{},"n":{"type":"array","minItems":2,"items":{"anyOf":[{"type":"integer"},{"type":"null"}]}}}}"#;
        assert_eq!(from_gemini(gemini.document().root()).as_str(), expected);
    }

    /// Took the square of the number of properties once: minutes for these.
    #[test]
    fn many_properties_are_no_more_work_each() {
        let names: Vec<String> = (0..100_000).map(|n| format!(r#""p{n}""#)).collect();
        let properties: Vec<String> = names
            .iter()
            .rev()
            .map(|name| format!("{name}:{{}}"))
            .collect();
        let (names, properties) = (names.join(","), properties.join(","));
        let ordered = json::value(|value| {
            value.object(|object| {
                object.str("type", "object");
                object.bool("additionalProperties", false);
                for key in ["required", "propertyOrdering"] {
                    object.raw(key, &raw(&format!("[{names}]")));
                }
                object.raw("properties", &raw(&format!("{{{properties}}}")));
            });
        });
        assert!(is_strict(&ordered));
        let written = from_gemini(ordered.document().root());
        assert!(
            written
                .as_str()
                .contains(r#""properties":{"p0":{},"p1":{},"#)
        );
    }

    fn raw(text: &str) -> Raw {
        let document = json::Document::parse(text.to_owned().into()).unwrap();
        document.root().raw()
    }

    #[test]
    fn empty_schemas_become_objects_without_properties() {
        for schema in [
            "{}",
            r#"{"type":"object"}"#,
            r#"{"type":"object","properties":{},"$schema":"x"}"#,
        ] {
            let root = arguments(Some(&Raw::from_static(schema))).unwrap();
            assert_eq!((root.schema.as_str(), root.is_looser), (EMPTY, false));
        }
        let full = Raw::from_static(r#"{"type":"object","properties":{"a":{}}}"#);
        assert_eq!(arguments(Some(&full)).unwrap().schema, full);
    }

    #[test]
    fn strict_rules_are_checked_at_every_depth() {
        let strict = r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}"#;
        assert!(is_strict(&Raw::from_static(strict)));
        assert!(!is_strict(&Raw::from_static(
            r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#
        )));
        assert!(!is_strict(&Raw::from_static(
            r#"{"type":"array","items":{"type":"string"}}"#
        )));
        assert!(!is_strict(&Raw::from_static(
            r#"{"type":"array","items":{"oneOf":[{"type":"string"}]}}"#
        )));
    }
}
