//! What OpenAI's API refuses in Chat and in Responses alike: names, schemas, numbers.
//!
//! Most servers of other makers check the same schemas. What only OpenAI's own refuses is asked for
//! with [`abilities::is_openai`](super::abilities::is_openai). The order of turns is kept by each
//! dialect's `messages_encode`, strictness by [`schema::is_strict`].
//!
//! Source: "Invalid schema for function"; OpenAI, "Structured outputs", "Supported schemas";
//! `openai-chat.md` and `openai-responses.md`, request fields.

use std::sync::LazyLock;

use crate::canon::{Located, Losses};
use crate::json::{Raw, Value};
use crate::protocol::names::NameRules;
use crate::protocol::range::Range;
use crate::protocol::schema::{
    self, Draft, Fate, ObjectRoot, Rules, SchemaCache, object_root, rewritten,
};

/// Source: `openai-chat.md`, "tools"; Responses takes the same.
pub(in crate::protocol) const TOOL_NAMES: NameRules = NameRules {
    len_max: 64,
    also: b"_-",
    starts_with_letter: false,
};
/// "Invalid 'tools': array too long. Expected an array with maximum length 128". Of OpenAI's own API.
pub(in crate::protocol) const TOOLS_MAX: usize = 128;
/// How many alternatives of a token are told.
const LOGPROBS_MAX: u64 = 20;

/// Fits the schema of a tool.
///
/// # Errors
/// Why the API would refuse it.
pub(in crate::protocol) fn tool_schema(schema: Option<&Raw>) -> Result<ObjectRoot, String> {
    static FITTED: LazyLock<SchemaCache<ObjectRoot>> = LazyLock::new(SchemaCache::default);
    let Some(schema) = schema else {
        return schema::arguments(None);
    };
    FITTED.get_or_fit(schema, 0, |schema| {
        with_items(schema::arguments(Some(schema))?)
    })
}

/// Fits the schema of an answer.
///
/// # Errors
/// When its root is no object: "schema must be a JSON Schema of 'type: \"object\"'".
pub(in crate::protocol) fn output_schema(schema: &Raw) -> Result<ObjectRoot, String> {
    let valid = rewritten(schema.document().root(), &Draft);
    let is_changed = valid.is_some();
    let valid = valid.unwrap_or_else(|| schema.clone());
    let root = object_root(&valid)?;
    let has_type = valid.document().root().get("type").is_some();
    with_items(ObjectRoot {
        is_looser: root.is_looser || is_changed,
        // An answer needs no `properties`, unlike arguments.
        schema: if root.is_looser || !has_type {
            root.schema
        } else {
            valid
        },
    })
}

fn with_items(root: ObjectRoot) -> Result<ObjectRoot, String> {
    match rewritten(root.schema.document().root(), &Items) {
        Some(schema) => Ok(ObjectRoot { schema, ..root }),
        None => Ok(root),
    }
}

/// Gives arrays the items that they leave open: "array schema missing items".
struct Items;

impl Rules for Items {
    fn fate(&self, _: Value<'_>, _: &str, _: Value<'_>) -> Fate {
        Fate::Keep
    }

    fn missing(&self, schema: Value<'_>) -> Vec<(&'static str, Raw)> {
        let is_array = |kind: Value<'_>| kind.str().is_ok_and(|kind| kind == "array");
        let has_arrays = schema.get("type").is_some_and(|kind| {
            is_array(kind) || kind.items().is_ok_and(|mut kinds| kinds.any(is_array))
        });
        if has_arrays && schema.get("items").is_none() {
            vec![("items", Raw::from_static("{}"))]
        } else {
            Vec::new()
        }
    }
}

/// The number of alternatives that the API takes.
pub(in crate::protocol) fn logprobs(requested: &Located<u64>, losses: &mut Losses) -> u64 {
    if requested.value > LOGPROBS_MAX {
        losses.adjusted(requested.at);
    }
    requested.value.min(LOGPROBS_MAX)
}

/// Source: `openai-chat.md`, request.
pub(in crate::protocol) const TEMPERATURE: Range = Range("0", "2");
pub(in crate::protocol) const TOP_P: Range = Range("0", "1");
pub(in crate::protocol) const PENALTY: Range = Range("-2", "2");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_get_the_items_that_they_leave_open() {
        let schema = r#"{"type":"object","properties":{"a":{"type":["array","null"]},"b":{"type":"array","items":{}}}}"#;
        let expected = r#"{"type":"object","properties":{"a":{"type":["array","null"],"items":{}},"b":{"type":"array","items":{}}}}"#;
        let root = tool_schema(Some(&Raw::from_static(schema))).unwrap();
        assert_eq!((root.schema.as_str(), root.is_looser), (expected, false));
    }

    #[test]
    fn an_answer_is_an_object() {
        let output = |schema: &'static str| output_schema(&Raw::from_static(schema));
        assert!(output(r#"{"type":"array","items":{}}"#).is_err());
        let union =
            output(r#"{"anyOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}"#).unwrap();
        let expected = r#"{"type":"object","properties":{"a":{},"b":{}}}"#;
        assert_eq!((union.schema.as_str(), union.is_looser), (expected, true));
    }
}
