//! Rewrites a schema keyword by keyword, at every depth.
//!
//! Each target has its own [`Rules`]. A schema that keeps them is only read: most do, and a request
//! carries dozens. Only keywords that hold schemas are descended into, as a property may itself be
//! called `properties`.

use crate::json::{self, Object, Raw, Value, Writer};

/// What becomes of a keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Fate {
    /// It stays; the schemas in it are rewritten.
    Keep,
    Drop,
    /// The same under another name.
    As(&'static str),
    /// It stays with another value.
    Value(Raw),
}

/// What a target takes of a schema.
pub(in crate::protocol) trait Rules {
    /// What becomes of the keyword `key` of `schema`.
    fn fate(&self, schema: Value<'_>, key: &str, value: Value<'_>) -> Fate;

    /// The keywords that `schema` lacks.
    fn missing(&self, _schema: Value<'_>) -> Vec<(&'static str, Raw)> {
        Vec::new()
    }
}

/// The schema as the rules want it. `None` where it keeps them as it is.
pub(in crate::protocol) fn rewritten(schema: Value<'_>, rules: &dyn Rules) -> Option<Raw> {
    let breaks_rules = find(schema, &mut |schema| breaks(schema, rules));
    breaks_rules.then(|| json::value(|value| write(schema, rules, value)))
}

fn breaks(schema: Value<'_>, rules: &dyn Rules) -> bool {
    let Ok(mut members) = schema.members() else {
        return false;
    };
    members.any(|(key, value)| rules.fate(schema, &key, value) != Fate::Keep)
        || !rules.missing(schema).is_empty()
}

fn write(schema: Value<'_>, rules: &dyn Rules, out: Writer<'_>) {
    let Ok(members) = schema.members() else {
        return out.raw(&schema.raw().compact());
    };
    out.object(|object| {
        for (key, value) in members {
            match rules.fate(schema, &key, value) {
                Fate::Keep => write_keyword(&key, value, rules, object.key(&key)),
                Fate::As(name) => write_keyword(&key, value, rules, object.key(name)),
                Fate::Value(value) => object.raw(&key, &value),
                Fate::Drop => {}
            }
        }
        write_missing(schema, rules, object);
    });
}

fn write_missing(schema: Value<'_>, rules: &dyn Rules, object: &mut Object<'_>) {
    for (key, value) in rules.missing(schema) {
        object.raw(key, &value);
    }
}

fn write_keyword(key: &str, value: Value<'_>, rules: &dyn Rules, out: Writer<'_>) {
    match (Holds::of(key), value.members(), value.items()) {
        (Holds::Map, Ok(members), _) => out.object(|object| {
            for (name, schema) in members {
                write(schema, rules, object.key(&name));
            }
        }),
        (Holds::Schemas, Ok(_), _) => write(value, rules, out),
        (Holds::Schemas, _, Ok(items)) => out.array(|array| {
            for schema in items {
                write(schema, rules, array.item());
            }
        }),
        _ => out.raw(&value.raw().compact()),
    }
}

/// Whether `is_wanted` holds for a schema or one within it.
pub(in crate::protocol) fn find(
    schema: Value<'_>,
    is_wanted: &mut dyn FnMut(Value<'_>) -> bool,
) -> bool {
    if is_wanted(schema) {
        return true;
    }
    let Ok(mut members) = schema.members() else {
        return false;
    };
    members.any(
        |(key, value)| match (Holds::of(&key), value.members(), value.items()) {
            (Holds::Map, Ok(mut schemas), _) => schemas.any(|(_, schema)| find(schema, is_wanted)),
            (Holds::Schemas, Ok(_), _) => find(value, is_wanted),
            (Holds::Schemas, _, Ok(mut schemas)) => schemas.any(|schema| find(schema, is_wanted)),
            _ => false,
        },
    )
}

/// The schemas that a keyword holds.
enum Holds {
    Nothing,
    /// One schema, or a list of them.
    Schemas,
    /// Schemas by name.
    Map,
}

impl Holds {
    /// Source: JSON Schema 2020-12, core sections 10 and 11; draft 7 for `definitions`,
    /// `additionalItems` and a list of `items`.
    fn of(keyword: &str) -> Self {
        match keyword {
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                Self::Map
            }
            "items"
            | "prefixItems"
            | "additionalItems"
            | "contains"
            | "additionalProperties"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties"
            | "anyOf"
            | "oneOf"
            | "allOf"
            | "not"
            | "if"
            | "then"
            | "else" => Self::Schemas,
            _ => Self::Nothing,
        }
    }
}
