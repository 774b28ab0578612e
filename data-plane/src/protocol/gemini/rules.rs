//! What this API refuses, and what is made of it: names, schemas, limits.
//!
//! Schemas go into `parametersJsonSchema` and `responseJsonSchema`, which take JSON Schema: the
//! names and types that the older `parameters` and `responseSchema` restrict are free there. The
//! order of turns is kept by `messages_encode`.
//!
//! Source: Gemini API, `FunctionDeclaration`, `GenerationConfig.response_json_schema` (its list of
//! keywords); the API's own errors where a rule quotes one.

use std::sync::LazyLock;

use super::models::ThinkingControl;
use crate::json::{self, Raw, Value};
use crate::protocol::names::NameRules;
use crate::protocol::range::Range;
use crate::protocol::schema::{self, Draft, Fate, ObjectRoot, Rules, SchemaCache, rewritten};

/// Source: Gemini API, `FunctionDeclaration.name`.
pub(super) const TOOL_NAMES: NameRules = NameRules {
    len_max: 128,
    also: b"_.:-",
    starts_with_letter: true,
};
/// Source: Gemini API, `GenerationConfig.stop_sequences`.
pub(super) const STOPS_MAX: usize = 5;
/// Source: Gemini API, `GenerationConfig`: "out of range [0, 2]".
pub(super) const TEMPERATURE: Range = Range("0", "2");
pub(super) const TOP_P: Range = Range("0", "1");
pub(super) const PENALTY: Range = Range("-2", "2");
/// "max_output_tokens must be positive".
pub(super) const OUTPUT_TOKENS_MIN: u64 = 1;
/// "At most 512 function declarations can be specified."
pub(super) const TOOLS_MAX: usize = 512;
/// Source: Gemini API, `GenerationConfig.logprobs`.
pub(super) const LOGPROBS_MAX: u64 = 20;

/// What the API fetches from a public address. Source: Gemini API, "File input methods", "External
/// HTTP / signed URLs", "Supported content types".
const FETCHED: [&str; 22] = [
    "application/json",
    "application/pdf",
    "image/bmp",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/plain",
    "text/rtf",
    "text/xml",
    "video/3gpp",
    "video/avi",
    "video/mov",
    "video/mp4",
    "video/mpeg",
    "video/mpg",
    "video/quicktime",
    "video/webm",
    "video/wmv",
];

/// Whether the API fetches media of that type from the address.
///
/// # Errors
/// Why not.
pub(super) fn fetched(url: &str, mime: Option<&str>, model: ThinkingControl) -> Result<(), String> {
    const SCHEME: &str = "https://";
    let is_https = url
        .get(..SCHEME.len())
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
    if !is_https {
        return Err("the gemini dialect fetches https addresses only; send the data".to_owned());
    }
    // "Gemini 2.0 family of models are not supported", nor are older ones.
    if model == ThinkingControl::Unsupported {
        return Err("this model fetches nothing from an address; send the data".to_owned());
    }
    let is_fetched = |mime: &&str| {
        let name = mime.split(';').next().unwrap_or_default().trim();
        FETCHED.iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    match mime.filter(|mime| !is_fetched(mime)) {
        Some(mime) => Err(format!(
            "the gemini dialect fetches no `{mime}` from an address; send it as jpeg, png, webp, PDF or text"
        )),
        None => Ok(()),
    }
}

/// Fits the schema of a tool, which is left out where there are no parameters.
///
/// # Errors
/// Why the API would refuse it.
pub(super) fn tool_schema(schema: Option<&Raw>) -> Result<Option<ObjectRoot>, String> {
    static FITTED: LazyLock<SchemaCache<Option<ObjectRoot>>> = LazyLock::new(SchemaCache::default);
    let Some(schema) = schema else {
        return Ok(None);
    };
    FITTED.get_or_fit(schema, 0, |schema| {
        if schema::is_empty(schema) {
            return Ok(None);
        }
        let root = schema::arguments(Some(schema))?;
        let schema = json_schema(&root.schema);
        Ok(Some(ObjectRoot { schema, ..root }))
    })
}

/// Fits the schema of an answer, at any root.
pub(super) fn output_schema(schema: &Raw) -> Raw {
    match rewritten(schema.document().root(), &Draft) {
        Some(valid) => json_schema(&valid),
        None => json_schema(schema),
    }
}

/// The schema in the keywords that the API takes. It means the same.
fn json_schema(schema: &Raw) -> Raw {
    rewritten(schema.document().root(), &Keywords).unwrap_or_else(|| schema.clone())
}

struct Keywords;

impl Rules for Keywords {
    fn fate(&self, schema: Value<'_>, key: &str, value: Value<'_>) -> Fate {
        match key {
            "$schema" | "const" => Fate::Drop,
            "$ref" if needs_wrap(schema) => Fate::Drop,
            "$ref" => reference(value).map_or(Fate::Keep, Fate::Value),
            "definitions" if schema.get("$defs").is_none() => Fate::As("$defs"),
            "allOf" if schema.get("anyOf").is_none() && is_single(value) => Fate::As("anyOf"),
            "required" => defined(schema, value),
            _ => Fate::Keep,
        }
    }

    fn missing(&self, schema: Value<'_>) -> Vec<(&'static str, Raw)> {
        let mut missing = Vec::new();
        if let Some(value) = schema.get("const").filter(|_| schema.get("enum").is_none()) {
            missing.push(("enum", list_of(&value.raw())));
        }
        if let Some(value) = schema.get("$ref").filter(|_| needs_wrap(schema)) {
            let target = reference(value).unwrap_or_else(|| value.raw());
            let wrapped = json::value(|value| value.object(|object| object.raw("$ref", &target)));
            missing.push(("anyOf", list_of(&wrapped)));
        }
        missing
    }
}

/// Whether a reference stands beside other keywords: "If `$ref` is set on a sub-schema, no other
/// properties, except for than those starting as a `$`, may be set."
fn needs_wrap(schema: Value<'_>) -> bool {
    let is_other = |key: &str| !key.starts_with('$') && key != "definitions";
    schema.get("$ref").is_some()
        && schema.get("anyOf").is_none()
        && schema
            .members()
            .is_ok_and(|mut members| members.any(|(key, _)| is_other(&key)))
}

/// A reference to the place of definitions that the API knows.
fn reference(value: Value<'_>) -> Option<Raw> {
    let name = value.str().ok()?;
    let definition = name.strip_prefix("#/definitions/")?;
    Some(json::value(|value| {
        value.str(&format!("#/$defs/{definition}"))
    }))
}

/// What is required, of the properties that there are: "required[0]: property is not defined".
fn defined(schema: Value<'_>, required: Value<'_>) -> Fate {
    let properties = schema.get("properties").and_then(|map| map.members().ok());
    let defined: std::collections::HashSet<_> = properties
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .collect();
    let names: Vec<_> = required.items().into_iter().flatten().collect();
    let is_defined = |name: &&Value<'_>| name.str().is_ok_and(|name| defined.contains(&name));
    let kept: Vec<_> = names.iter().filter(is_defined).collect();
    match kept.len() {
        count if count == names.len() => Fate::Keep,
        0 => Fate::Drop,
        _ => Fate::Value(json::value(|value| {
            value.array(|list| kept.iter().for_each(|name| list.item().raw(&name.raw())))
        })),
    }
}

fn is_single(list: Value<'_>) -> bool {
    list.items().is_ok_and(|items| items.count() == 1)
}

fn list_of(only: &Raw) -> Raw {
    json::value(|value| value.array(|list| list.item().raw(only)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_schema_goes_nearly_as_it_is() {
        for untouched in [
            r#"{"type": ["string","null"], "$ref":"x","$defs":{},"anyOf":[]}"#,
            r#"{"type":"object","properties":{"a-b c":{"enum":[1,""],"format":"uri"}},"required":["a-b c"]}"#,
        ] {
            assert_eq!(
                output_schema(&Raw::from_static(untouched)).as_str(),
                untouched
            );
        }
        #[rustfmt::skip]
        let cases = [
            (r#"{"$schema":"x","properties":{"const":{"const":1},"$schema":{"type":"string"}}}"#,
             r#"{"properties":{"const":{"enum":[1]},"$schema":{"type":"string"}}}"#),
            (r##"{"properties":{"a":{"$ref":"#/definitions/b","description":"d"},"c":{"$ref":"#/definitions/b"}},"definitions":{"b":{}}}"##,
             r##"{"properties":{"a":{"description":"d","anyOf":[{"$ref":"#/$defs/b"}]},"c":{"$ref":"#/$defs/b"}},"$defs":{"b":{}}}"##),
            (r##"{"properties":{"a":{"allOf":[{"$ref":"#/$defs/b"}],"default":1}}}"##,
             r##"{"properties":{"a":{"anyOf":[{"$ref":"#/$defs/b"}],"default":1}}}"##),
            (r#"{"properties":{"a":{}},"required":["a","b"],"anyOf":[{"required":["a"]}]}"#,
             r#"{"properties":{"a":{}},"required":["a"],"anyOf":[{}]}"#),
            (r#"{"items":[{"type":"STRING"}]}"#, r#"{"prefixItems":[{"type":"string"}]}"#),
        ];
        for (schema, expected) in cases {
            assert_eq!(
                output_schema(&Raw::from_static(schema)).as_str(),
                expected,
                "{schema}"
            );
        }
    }
}
