//! JSON Schema as the dialects take it.
//!
//! Source: `translation.md` section 5. Schemas are passed nearly untouched wherever the target takes JSON Schema.

use crate::json::{Raw, Value};

/// The schema of a tool's arguments as a target that demands an object takes it.
///
/// No schema, `{}` and an object without properties become `{"type":"object","properties":{}}`; others stay as they are.
pub fn parameters(schema: Option<&Raw>) -> Raw {
    const EMPTY: &str = r#"{"type":"object","properties":{}}"#;
    match schema {
        Some(schema) if !is_empty(schema) => schema.clone(),
        _ => Raw::from_static(EMPTY),
    }
}

/// Whether a schema describes no arguments at all.
pub fn is_empty(schema: &Raw) -> bool {
    let document = schema.document();
    let Ok(mut members) = document.root().members() else { return true };
    members.all(|(key, value)| match &*key {
        "type" | "title" | "description" | "$schema" | "additionalProperties" => true,
        "properties" => value.members().is_ok_and(|mut properties| properties.next().is_none()),
        "required" => value.items().is_ok_and(|mut items| items.next().is_none()),
        _ => false,
    })
}

/// Whether a schema keeps OpenAI's strict rules: every object closed, every property required, no `oneOf` or `allOf`.
pub fn is_strict(schema: &Raw) -> bool {
    is_strict_at(schema.document().root())
}

fn is_strict_at(schema: Value<'_>) -> bool {
    let Ok(members) = schema.members() else { return true };
    let is_open = schema.get("properties").is_some() && !is_closed(schema);
    !is_open && members.into_iter().all(|(key, value)| is_strict_member(&key, value))
}

fn is_strict_member(key: &str, value: Value<'_>) -> bool {
    match key {
        "oneOf" | "allOf" | "not" | "if" | "patternProperties" => false,
        "items" => is_strict_at(value),
        "anyOf" | "prefixItems" => value.items().is_ok_and(|mut items| items.all(is_strict_at)),
        "properties" | "$defs" | "definitions" => {
            value.members().is_ok_and(|mut members| members.all(|(_, value)| is_strict_at(value)))
        }
        _ => true,
    }
}

/// Whether an object lets nothing in beside its properties and requires each of them.
fn is_closed(schema: Value<'_>) -> bool {
    let is_shut = schema.get("additionalProperties").is_some_and(|value| value.bool() == Ok(false));
    let is_required = |name: &str| {
        let names = schema.get("required").and_then(|required| required.items().ok());
        names.is_some_and(|mut names| names.any(|item| item.str().is_ok_and(|item| item == name)))
    };
    let properties = schema.get("properties").and_then(|properties| properties.members().ok());
    is_shut && properties.is_some_and(|mut properties| properties.all(|(name, _)| is_required(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_schemas_become_objects_without_properties() {
        for schema in ["{}", r#"{"type":"object"}"#, r#"{"type":"object","properties":{},"$schema":"x"}"#] {
            assert_eq!(parameters(Some(&Raw::from_static(schema))).as_str(), r#"{"type":"object","properties":{}}"#);
        }
        let full = Raw::from_static(r#"{"type":"object","properties":{"a":{}}}"#);
        assert_eq!(parameters(Some(&full)), full);
    }

    #[test]
    fn strict_rules_are_checked_at_every_depth() {
        let strict = r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}"#;
        assert!(is_strict(&Raw::from_static(strict)));
        assert!(!is_strict(&Raw::from_static(
            r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#
        )));
        assert!(!is_strict(&Raw::from_static(r#"{"type":"array","items":{"oneOf":[{"type":"string"}]}}"#)));
    }
}
