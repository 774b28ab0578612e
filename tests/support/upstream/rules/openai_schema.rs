//! OpenAI's rules for strict schemas, shared by Chat and Responses.

use serde_json::Value;

use super::{Verdict, has, keys, list, require};
use crate::support::upstream::Refusal;

/// Source: OpenAI, "Structured model outputs", supported schemas: every object closed, every
/// property required, no `oneOf`, `allOf` or root `anyOf`.
pub(super) fn check_strict(schema: &Value, owner: &str) -> Verdict {
    require(schema["type"] == "object" && !has(schema, "anyOf"), || {
        invalid(owner, "schema must be of type 'object'")
    })?;
    check_node(schema, owner)
}

fn check_node(node: &Value, owner: &str) -> Verdict {
    for refused in ["oneOf", "allOf"] {
        require(!has(node, refused), || {
            invalid(owner, &format!("'{refused}' is not permitted"))
        })?;
    }
    if node["type"] == "object" {
        check_object(node, owner)?;
    }
    children(node).try_for_each(|child| check_node(child, owner))
}

fn check_object(node: &Value, owner: &str) -> Verdict {
    let is_closed = node["additionalProperties"] == false;
    require(is_closed, || {
        invalid(
            owner,
            "'additionalProperties' is required to be supplied and to be false",
        )
    })?;
    let is_required = |name: &str| {
        list(node, "required")
            .iter()
            .any(|required| required == name)
    };
    let missing = keys(&node["properties"]).find(|name| !is_required(name));
    require(missing.is_none(), || {
        invalid(
            owner,
            "'required' is required to include every key in properties",
        )
    })
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    let named = ["properties", "$defs"]
        .into_iter()
        .filter_map(|key| node[key].as_object())
        .flat_map(|object| object.values());
    let items = node
        .get("items")
        .into_iter()
        .filter(|items| items.is_object());
    named.chain(items).chain(list(node, "anyOf"))
}

fn invalid(owner: &str, why: &str) -> Refusal {
    Refusal::bad(format!("Invalid schema for {owner}: {why}.")).code("invalid_json_schema")
}
