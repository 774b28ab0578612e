//! Structured output: schemas whose objects are closed, and notes for formats without a field.
//!
//! Source: `translation.md` sections 2 and 5 (output format: `additionalProperties` must be false).

use crate::canon::Format;
use crate::json::{self, EscapedStr, Object, Raw, Value, Writer};

/// The system text that stands for a format which this dialect has no field for.
pub(super) fn note(format: &Format) -> Option<EscapedStr> {
    match format {
        Format::Free | Format::Schema(_) => None,
        Format::Json => Some(EscapedStr::from_static(
            "Answer with one JSON object and nothing else.",
        )),
        Format::Enum(schema) => Some(EscapedStr::from(format!(
            "Answer with exactly one of the values that this JSON Schema allows, as plain text and nothing else: {}",
            schema.as_str()
        ))),
    }
}

/// The schema with every object closed; `None` where they all are.
pub(super) fn closed(schema: &Raw) -> Option<Raw> {
    let document = schema.document();
    let closed = json::value(|value| write_schema(document.root(), value));
    (closed != schema.compact()).then_some(closed)
}

fn write_schema(schema: Value<'_>, out: Writer<'_>) {
    let Ok(members) = schema.members() else {
        return out.raw(&schema.raw().compact());
    };
    let is_object = is_object(schema);
    out.object(|object| {
        let mut is_closed = false;
        for (key, value) in members {
            if is_object && key == "additionalProperties" {
                is_closed = true;
                object.bool(&key, false);
            } else {
                write_member(&key, value, object);
            }
        }
        if is_object && !is_closed {
            object.bool("additionalProperties", false);
        }
    });
}

fn is_object(schema: Value<'_>) -> bool {
    let kind = schema.get("type").and_then(|kind| kind.str().ok());
    kind.is_some_and(|kind| kind == "object") || schema.get("properties").is_some()
}

fn write_member(key: &str, value: Value<'_>, object: &mut Object<'_>) {
    match (key, value.members(), value.items()) {
        ("properties" | "$defs" | "definitions", Ok(members), _) => object.object(key, |object| {
            members.for_each(|(name, schema)| write_schema(schema, object.key(&name)));
        }),
        ("anyOf" | "allOf" | "oneOf" | "prefixItems", _, Ok(items)) => object.array(key, |array| {
            items.for_each(|schema| write_schema(schema, array.item()));
        }),
        ("items" | "not", Ok(_), _) => write_schema(value, object.key(key)),
        _ => object.raw(key, &value.raw().compact()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_at_every_depth() {
        let open = r#"{"type":"object","properties":{"properties":{"type":"array","items":{"properties":{"a":{"enum":[{"type":"object"}]}}}}},"additionalProperties":true}"#;
        let expected = r#"{"type":"object","properties":{"properties":{"type":"array","items":{"properties":{"a":{"enum":[{"type":"object"}]}},"additionalProperties":false}}},"additionalProperties":false}"#;
        assert_eq!(
            closed(&Raw::from_static(open)),
            Some(Raw::from_static(expected))
        );
        assert_eq!(closed(&Raw::from_static(expected)), None);
    }
}
