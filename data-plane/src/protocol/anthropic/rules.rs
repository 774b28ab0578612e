//! What this API refuses, and what is made of it: names, schemas, limits.
//!
//! A schema that can be made to fit is changed, and the change is reported; what is left is the
//! reason of a refusal, which names tool and place. The order of turns is kept by
//! `messages_encode`, thinking by `reasoning_encode`.
//!
//! Source: Anthropic Messages reference, "Tools" and "Rules enforced"; Anthropic documentation,
//! "Structured outputs", "JSON Schema limitations" (the same for strict tools); the API's own
//! errors where a rule quotes one.

use std::sync::LazyLock;

use crate::json::{self, Raw, Value};
use crate::protocol::names::NameRules;
use crate::protocol::property_names::PropertyNames;
use crate::protocol::range::Range;
use crate::protocol::schema::{
    self, Fate, ObjectRoot, Rules, SchemaCache, find, has_foreign_reference, is_recursive,
    rewritten,
};

/// Source: Anthropic Messages reference, "Tools", `name`.
pub(super) const TOOL_NAMES: NameRules = NameRules {
    len_max: 128,
    also: b"_-",
    starts_with_letter: false,
};
/// Of the properties at the root of a tool's schema: those below are not checked.
///
/// Source: "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'".
const PROPERTY_NAMES: NameRules = NameRules {
    len_max: 64,
    also: b"_.-",
    starts_with_letter: false,
};
/// How many `cache_control` breakpoints a request may have.
pub(super) const CACHE_BREAKPOINTS_MAX: usize = 4;
/// The longest call id that is written unchanged. The API sets no limit; this is longer than the
/// ids of any upstream.
pub(super) const CALL_ID_LEN_MAX: usize = 128;
/// Source: `metadata.user_id`, "maximum length 256".
pub(super) const USER_ID_LEN_MAX: usize = 256;
/// Source: Anthropic Messages reference, `temperature`, `top_p`.
pub(super) const TEMPERATURE: Range = Range("0", "1");
pub(super) const TOP_P: Range = Range("0", "1");
/// Strict tools of one request. Source: "Structured outputs", "Schema complexity limits".
pub(super) const STRICT_TOOLS_MAX: usize = 20;

/// The schema of a tool as the API takes it.
#[derive(Clone, Debug)]
pub(super) struct ToolSchema {
    pub(super) schema: Raw,
    /// Whether it says less than the client's.
    pub(super) is_adjusted: bool,
    /// Whether it can be strict.
    pub(super) is_strict: bool,
    /// The properties that are called otherwise.
    pub(super) renamed: Option<PropertyNames>,
}

/// Fits the schema of a tool.
///
/// # Errors
/// Why the API would refuse it.
pub(super) fn tool_schema(
    schema: Option<&Raw>,
    is_strict: bool,
    is_claude: bool,
) -> Result<ToolSchema, String> {
    static FITTED: LazyLock<SchemaCache<ToolSchema>> = LazyLock::new(SchemaCache::default);
    let Some(schema) = schema else {
        return fitted_tool_schema(None, is_strict, is_claude);
    };
    let rules = u8::from(is_strict) | u8::from(is_claude) << 1;
    FITTED.get_or_fit(schema, rules, |schema| {
        fitted_tool_schema(Some(schema), is_strict, is_claude)
    })
}

fn fitted_tool_schema(
    schema: Option<&Raw>,
    is_strict: bool,
    is_claude: bool,
) -> Result<ToolSchema, String> {
    let ObjectRoot { schema, is_looser } = schema::arguments(schema)?;
    // Other makers' servers of this dialect know no such rule.
    let renamed = is_claude
        .then(|| PropertyNames::of(schema.document().root(), PROPERTY_NAMES))
        .flatten();
    let schema = match &renamed {
        Some(names) => names.schema(schema.document().root()),
        None => schema,
    };
    let document = schema.document();
    let root = document.root();
    let is_strict = is_strict && can_be_strict(root);
    let fitted = is_strict.then(|| rewritten(root, &Strict)).flatten();
    Ok(ToolSchema {
        is_adjusted: is_looser || renamed.is_some() || fitted.is_some(),
        is_strict,
        schema: fitted.unwrap_or(schema),
        renamed,
    })
}

/// Fits the schema of an answer, which is always strict. `None` where it fits as it is.
///
/// # Errors
/// Why the API would refuse it.
pub(super) fn output_schema(schema: &Raw) -> Result<Option<Raw>, String> {
    let valid = rewritten(schema.document().root(), &schema::Draft);
    let document = valid.as_ref().unwrap_or(schema).document();
    if has_foreign_reference(document.root()) {
        return Err("the anthropic dialect follows no `$ref` out of the schema".to_owned());
    }
    if is_recursive(document.root()) {
        return Err("the anthropic dialect takes no schema that refers to itself".to_owned());
    }
    Ok(rewritten(document.root(), &Strict).or(valid))
}

/// Whether a tool's schema means the same with every object closed and no circle. A map of free keys
/// would be closed to all of them.
fn can_be_strict(root: Value<'_>) -> bool {
    let has_free_keys = find(root, &mut |schema| {
        let others = schema.get("additionalProperties");
        others.is_some_and(|others| others.members().is_ok())
            || schema.get("patternProperties").is_some()
    });
    !has_free_keys && !has_foreign_reference(root) && !is_recursive(root)
}

/// The subset that strict tools and structured outputs take. Limits that it has no keyword for go
/// into the description, as the vendor's SDKs write them: the model keeps to them unenforced.
///
/// Source: anthropic-python, `lib/_parse/_transform.py`.
struct Strict;

impl Rules for Strict {
    fn fate(&self, schema: Value<'_>, key: &str, value: Value<'_>) -> Fate {
        match key {
            "additionalProperties" if !is_object(schema) || value.bool() == Ok(false) => Fate::Keep,
            "additionalProperties" => Fate::Value(Raw::from_static("false")),
            "oneOf" if schema.get("anyOf").is_none() => Fate::As("anyOf"),
            "description" => described(schema, value),
            _ if KEYWORDS.contains(&key) && !is_limit(key, value) => Fate::Keep,
            _ => Fate::Drop,
        }
    }

    fn missing(&self, schema: Value<'_>) -> Vec<(&'static str, Raw)> {
        let mut missing = Vec::new();
        if is_object(schema) && schema.get("additionalProperties").is_none() {
            missing.push(("additionalProperties", Raw::from_static("false")));
        }
        if schema.get("description").is_none()
            && let Some(limits) = limits(schema)
        {
            missing.push(("description", json::value(|value| value.str(&limits))));
        }
        missing
    }
}

const KEYWORDS: [&str; 17] = [
    "type",
    "properties",
    "required",
    "items",
    "enum",
    "const",
    "anyOf",
    "allOf",
    "$ref",
    "$defs",
    "definitions",
    "title",
    "default",
    "format",
    "pattern",
    "minItems",
    "$id",
];

const FORMATS: [&str; 10] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

/// Keywords that say nothing about a value, so that the description need not name them.
const SILENT: [&str; 8] = [
    "$schema",
    "$comment",
    "$anchor",
    "examples",
    "example",
    "nullable",
    "readOnly",
    "writeOnly",
];

/// Whether a keyword has a value that the grammar cannot express.
fn is_limit(key: &str, value: Value<'_>) -> bool {
    match key {
        "format" => value
            .str()
            .map_or(true, |format| !FORMATS.contains(&&*format)),
        "minItems" => !matches!(value.u64(), Ok(0 | 1)),
        // Lookaround, back references and word boundaries.
        "pattern" => value.str().map_or(true, |pattern| {
            let digit = |byte: u8| byte.is_ascii_digit() && byte != b'0';
            let is_unknown =
                |pair: &[u8]| pair[0] == b'\\' && (digit(pair[1]) || b"bB".contains(&pair[1]));
            ["(?=", "(?!", "(?<"]
                .iter()
                .any(|look| pattern.contains(look))
                || pattern.as_bytes().windows(2).any(is_unknown)
        }),
        "enum" => value.items().map_or(true, |mut items| {
            items.any(|item| item.members().is_ok() || item.items().is_ok())
        }),
        _ => false,
    }
}

/// The keywords of a schema that are left out, for its description: `{minimum: 1, maximum: 9}`.
fn limits(schema: Value<'_>) -> Option<String> {
    let members = schema.members().ok()?;
    let is_left_out = |key: &str, value: Value<'_>| match key {
        "additionalProperties" | "description" => false,
        "oneOf" => schema.get("anyOf").is_some(),
        key if KEYWORDS.contains(&key) => is_limit(key, value),
        key => !SILENT.contains(&key) && !key.starts_with("x-"),
    };
    let limits: Vec<_> = members
        .filter(|(key, value)| is_left_out(key, *value))
        .map(|(key, value)| format!("{key}: {}", value.raw().compact().as_str()))
        .collect();
    (!limits.is_empty()).then(|| format!("{{{}}}", limits.join(", ")))
}

fn described(schema: Value<'_>, description: Value<'_>) -> Fate {
    match (limits(schema), description.str()) {
        (Some(limits), Ok(text)) => Fate::Value(json::value(|value| {
            value.str(&format!("{text}\n\n{limits}"))
        })),
        (None, Ok(_)) => Fate::Keep,
        (_, Err(_)) => Fate::Drop,
    }
}

fn is_object(schema: Value<'_>) -> bool {
    let kind = schema.get("type").and_then(|kind| kind.str().ok());
    kind.is_some_and(|kind| kind == "object") || schema.get("properties").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(schema: &'static str) -> Result<Option<Raw>, String> {
        output_schema(&Raw::from_static(schema))
    }

    #[test]
    fn objects_are_closed_at_every_depth() {
        let open = r#"{"type":"object","properties":{"properties":{"type":"array","items":{"properties":{"a":{"enum":["object"]}}}}},"additionalProperties":true}"#;
        let expected = r#"{"type":"object","properties":{"properties":{"type":"array","items":{"properties":{"a":{"enum":["object"]}},"additionalProperties":false}}},"additionalProperties":false}"#;
        assert_eq!(output(open), Ok(Some(Raw::from_static(expected))));
        assert_eq!(output(expected), Ok(None));
    }

    #[test]
    fn limits_without_a_keyword_go_into_the_description() {
        #[rustfmt::skip]
        let cases = [
            (r#"{"type":"integer","minimum":1,"maximum":9,"description":"a rank"}"#,
             r#"{"type":"integer","description":"a rank\n\n{minimum: 1, maximum: 9}"}"#),
            (r#"{"type":"string","minLength":1,"format":"uri"}"#,
             r#"{"type":"string","format":"uri","description":"{minLength: 1}"}"#),
            (r#"{"type":"string","format":"byte","pattern":"^(?=a)b$"}"#,
             r#"{"type":"string","description":"{format: \"byte\", pattern: \"^(?=a)b$\"}"}"#),
            (r#"{"type":"array","minItems":2,"maxItems":4,"items":{"oneOf":[{"type":"null"}]}}"#,
             r#"{"type":"array","items":{"anyOf":[{"type":"null"}]},"description":"{minItems: 2, maxItems: 4}"}"#),
            (r#"{"$schema":"x","type":"string","examples":["a"]}"#, r#"{"type":"string"}"#),
        ];
        for (schema, expected) in cases {
            assert_eq!(
                output(schema),
                Ok(Some(Raw::from_static(expected))),
                "{schema}"
            );
        }
        for kept in [
            r#"{"type":"array","minItems":1,"items":{"type":"string","pattern":"^[a-z]+$"}}"#,
            r#"{"type":["string","null"],"enum":["a",null],"default":"a"}"#,
        ] {
            assert_eq!(output(kept), Ok(None), "{kept}");
        }
    }

    #[test]
    fn an_answer_that_refers_to_itself_is_refused() {
        assert!(output(r##"{"properties":{"child":{"$ref":"#"}}}"##).is_err());
        assert!(output(r#"{"$ref":"https://x.test/schema"}"#).is_err());
    }

    #[test]
    fn strict_tools_keep_what_closing_would_change() {
        let tool = |schema: &'static str| {
            let tool = tool_schema(Some(&Raw::from_static(schema)), true, true).unwrap();
            (
                tool.schema.as_str().to_owned(),
                tool.is_adjusted,
                tool.is_strict,
            )
        };
        let map = r#"{"type":"object","properties":{"m":{"type":"object","additionalProperties":{"type":"string"}}}}"#;
        assert_eq!(tool(map), (map.to_owned(), false, false));
        let circle = r##"{"type":"object","properties":{"c":{"$ref":"#"}}}"##;
        assert_eq!(tool(circle), (circle.to_owned(), false, false));
        let limited = r#"{"type":"object","properties":{"n":{"type":"integer","minimum":0}},"required":["n"],"additionalProperties":false}"#;
        let expected = r#"{"type":"object","properties":{"n":{"type":"integer","description":"{minimum: 0}"}},"required":["n"],"additionalProperties":false}"#;
        assert_eq!(tool(limited), (expected.to_owned(), true, true));
    }

    #[test]
    fn properties_that_claude_refuses_get_other_names() {
        let schema = r#"{"type":"object","properties":{"filter[id]":{},"a":{"properties":{"$b":{}}}},"required":["filter[id]"]}"#;
        let schema = Raw::from_static(schema);
        let claude = tool_schema(Some(&schema), false, true).unwrap();
        let sent = claude.schema.as_str();
        assert!(claude.is_adjusted && claude.renamed.is_some());
        assert!(
            sent.contains(r#""required":["filter_id__"#) && sent.contains("$b"),
            "{sent}"
        );
        let other = tool_schema(Some(&schema), false, false).unwrap();
        assert_eq!((other.schema, other.renamed), (schema, None));
    }
}
