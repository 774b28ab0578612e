//! References within a schema, for targets that compile it into a grammar.

use std::collections::HashMap;

use super::rewrite::find;
use crate::json::Value;

/// Whether a reference leads out of the document.
pub(in crate::protocol) fn has_foreign_reference(schema: Value<'_>) -> bool {
    find(schema, &mut |schema| {
        let reference = schema.get("$ref").and_then(|name| name.str().ok());
        reference.is_some_and(|name| !name.starts_with('#'))
    })
}

/// Whether a schema holds itself by way of references.
pub(in crate::protocol) fn is_recursive(root: Value<'_>) -> bool {
    let mut definitions: HashMap<String, Vec<String>> = HashMap::new();
    for keyword in ["$defs", "definitions"] {
        let members = root.get(keyword).and_then(|map| map.members().ok());
        for (name, schema) in members.into_iter().flatten() {
            definitions.insert(format!("#/{keyword}/{name}"), references(schema));
        }
    }
    references(root).iter().any(|name| name == "#") || has_circle(&definitions)
}

fn references(schema: Value<'_>) -> Vec<String> {
    let mut names = Vec::new();
    find(schema, &mut |schema| {
        let reference = schema.get("$ref").and_then(|name| name.str().ok());
        names.extend(reference.map(std::borrow::Cow::into_owned));
        false
    });
    names
}

/// Whether a walk along the references comes back to where it is. Each definition is entered once.
fn has_circle(definitions: &HashMap<String, Vec<String>>) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Open,
        Done,
    }
    let mut states: HashMap<&str, State> = HashMap::new();
    for start in definitions.keys() {
        // The way to where the walk is: each definition, and its references that are left.
        let mut way = vec![(start.as_str(), definitions[start].iter())];
        if states.insert(start, State::Open) == Some(State::Done) {
            states.insert(start, State::Done);
            continue;
        }
        while let Some((name, left)) = way.last_mut() {
            let Some(next) = left.next() else {
                states.insert(name, State::Done);
                way.pop();
                continue;
            };
            match (states.get(next.as_str()), definitions.get(next)) {
                (Some(State::Open), _) => return true,
                (None, Some(references)) => {
                    states.insert(next, State::Open);
                    way.push((next, references.iter()));
                }
                _ => {}
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Raw;

    #[test]
    fn circles_of_references_are_found() {
        for (schema, expected) in [
            (
                r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"items":{"$ref":"#/$defs/a"}}}}"##,
                true,
            ),
            (r##"{"properties":{"child":{"$ref":"#"}}}"##, true),
            (
                r##"{"definitions":{"a":{"properties":{"x":{"$ref":"#/definitions/a"}}}}}"##,
                true,
            ),
            (
                r##"{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}],"$defs":{"a":{"$ref":"#/$defs/c"},"b":{"$ref":"#/$defs/c"},"c":{}}}"##,
                false,
            ),
            (r#"{"properties":{"$ref":{"type":"string"}}}"#, false),
        ] {
            assert_eq!(
                is_recursive(Raw::from_static(schema).document().root()),
                expected,
                "{schema}"
            );
        }
    }
}
