//! What the demo answers to a request, before it is written in a dialect.

use std::borrow::Cow;

use crate::canon::{
    Effort, Format, Part, PartKind, ReasoningMode, Request, Role, Tool, ToolChoice, ToolKind,
};
use crate::json::{self, EscapedStr, Raw, Value, Writer};

/// With so many tools or fewer, a person is trying out tool calls; agents offer dozens.
const FEW_TOOLS: usize = 4;

/// How much of the prompt is repeated in the answer.
const ECHO_CHARS_MAX: usize = 200;

/// An answer in no dialect yet.
#[derive(Debug)]
pub(super) struct DemoResponse {
    pub(super) output: Output,
    pub(super) has_reasoning: bool,
    /// Whether the client asked a stream for its usage, where that is optional.
    pub(super) includes_usage: bool,
    pub(super) input_words: usize,
}

#[derive(Debug)]
pub(super) enum Output {
    Text(String),
    /// A call of a tool, with arguments that satisfy its schema.
    ToolCall {
        name: String,
        arguments: String,
    },
}

impl DemoResponse {
    pub(super) fn new(request: &Request) -> Self {
        let prompt = last_user_text(request);
        Self {
            output: output(request, &prompt),
            has_reasoning: has_reasoning(request),
            includes_usage: request.include_usage,
            input_words: input_words(request),
        }
    }

    pub(super) fn output_words(&self) -> usize {
        match &self.output {
            Output::Text(text) => count_words(text),
            Output::ToolCall { arguments, .. } => count_words(arguments),
        }
    }
}

fn output(request: &Request, prompt: &str) -> Output {
    if let Some(result) = last_tool_result(request) {
        let result = truncated(&result);
        return Output::Text(format!(
            "This is Aerostat's offline demo; no model ran. The tool said: {result}"
        ));
    }
    if let Some((name, schema)) = chosen_tool(request, prompt) {
        return Output::ToolCall {
            name,
            arguments: sample(schema),
        };
    }
    Output::Text(match request.format.as_ref().map(|format| &format.value) {
        Some(Format::Schema(format)) => sample(Some(&format.schema)),
        Some(Format::Enum(schema)) => first_of_enum(schema),
        Some(Format::Json) => r#"{"demo":true}"#.to_owned(),
        Some(Format::Free) | None => {
            let prompt = truncated(prompt);
            format!("This is Aerostat's offline demo; no model ran. You said: {prompt}")
        }
    })
}

fn has_reasoning(request: &Request) -> bool {
    let Some(reasoning) = &request.reasoning else {
        return false;
    };
    let reasoning = &reasoning.value;
    let effort = reasoning.effort.as_ref().map(|effort| &effort.value);
    reasoning.mode != ReasoningMode::Off && effort != Some(&Effort::None)
}

/// The tool to call, if one has to be or should be.
fn chosen_tool<'r>(request: &'r Request, prompt: &str) -> Option<(String, Option<&'r Raw>)> {
    let tools: Vec<(String, Option<&Raw>)> = request.tools.iter().filter_map(callable).collect();
    let by_name = |chosen: &str| tools.iter().find(|(name, _)| name == chosen).cloned();
    match request.tool_choice.as_ref().map(|choice| &choice.value) {
        Some(ToolChoice::None) => None,
        Some(ToolChoice::One { name, .. }) => by_name(&name.to_plain()),
        Some(ToolChoice::Any | ToolChoice::Subset { must: true, .. }) => tools.first().cloned(),
        _ if tools.len() <= FEW_TOOLS => tools.first().cloned(),
        _ => tools
            .iter()
            .find(|(name, _)| prompt.contains(name.as_str()))
            .cloned(),
    }
}

fn callable(tool: &Tool) -> Option<(String, Option<&Raw>)> {
    match &tool.kind {
        ToolKind::Function {
            name,
            schema,
            namespace: None,
            ..
        } => Some((name.to_plain().into_owned(), schema.as_ref())),
        _ => None,
    }
}

fn last_user_text(request: &Request) -> String {
    let user = request
        .turns
        .iter()
        .rev()
        .find(|turn| turn.role == Role::User);
    user.map_or_else(String::new, |turn| joined_text(&turn.parts))
}

fn last_tool_result(request: &Request) -> Option<String> {
    let last = request.turns.last()?;
    last.parts.iter().find_map(|part| match &part.kind {
        PartKind::ToolResult(result) => Some(joined_text(&result.parts)),
        _ => None,
    })
}

fn joined_text(parts: &[Part]) -> String {
    let texts: Vec<String> = parts.iter().filter_map(plain_text).collect();
    texts.join(" ")
}

fn plain_text(part: &Part) -> Option<String> {
    match &part.kind {
        PartKind::Text(text) => Some(text.to_plain().into_owned()),
        _ => None,
    }
}

/// The demo's tokens are words.
fn input_words(request: &Request) -> usize {
    let turn_parts = request.turns.iter().flat_map(|turn| &turn.parts);
    let texts = request
        .system
        .iter()
        .chain(turn_parts)
        .filter_map(plain_text);
    let words: usize = texts.map(|text| count_words(&text)).sum();
    words.max(1)
}

fn count_words(text: &str) -> usize {
    text.split_whitespace().count().max(1)
}

fn truncated(text: &str) -> String {
    text.chars().take(ECHO_CHARS_MAX).collect()
}

fn first_of_enum(schema: &Raw) -> String {
    let document = schema.document();
    let first = document
        .root()
        .get("enum")
        .and_then(|options| options.items().ok()?.next());
    first
        .and_then(|option| option.str().ok())
        .map_or_else(|| "demo".to_owned(), Cow::into_owned)
}

/// The smallest value that a schema takes, as JSON text.
fn sample(schema: Option<&Raw>) -> String {
    let Some(schema) = schema else {
        return "{}".to_owned();
    };
    let document = schema.document();
    json::value(|writer| write_sample(document.root(), document.root(), writer, 0))
        .as_str()
        .to_owned()
}

/// Depth at which the sample of a recursive schema ends.
const SAMPLE_DEPTH_MAX: usize = 16;

fn write_sample(root: Value<'_>, schema: Value<'_>, out: Writer<'_>, depth: usize) {
    if depth > SAMPLE_DEPTH_MAX {
        return out.null();
    }
    let target = schema
        .get("$ref")
        .and_then(|reference| resolve_reference(root, &reference.str().ok()?));
    if let Some(target) = target {
        return write_sample(root, target, out, depth + 1);
    }
    if let Some(value) = named_value(schema) {
        return out.raw(&value);
    }
    let variant = ["anyOf", "oneOf", "allOf"]
        .iter()
        .find_map(|key| schema.get(key)?.items().ok()?.next());
    if let Some(variant) = variant {
        return write_sample(root, variant, out, depth + 1);
    }
    match kind(schema).as_str() {
        "object" => write_object(root, schema, out, depth),
        "array" => write_array(root, schema, out, depth),
        "integer" | "number" => out.raw(&minimum(schema)),
        "boolean" => out.bool(true),
        "null" => out.null(),
        _ => out.str("demo"),
    }
}

fn resolve_reference<'d>(root: Value<'d>, reference: &str) -> Option<Value<'d>> {
    let path: Vec<&str> = reference.strip_prefix("#/")?.split('/').collect();
    root.find(&path)
}

/// A value that the schema itself names.
fn named_value(schema: Value<'_>) -> Option<Raw> {
    let named = schema
        .get("const")
        .or_else(|| schema.get("enum")?.items().ok()?.next());
    named.map(Value::raw)
}

fn kind(schema: Value<'_>) -> String {
    if let Some(name) = schema.get("type").and_then(first_type) {
        return name.to_ascii_lowercase();
    }
    let has_properties = schema.get("properties").is_some();
    let kind = if has_properties { "object" } else { "string" };
    kind.to_owned()
}

/// `type` is a name or a list of names.
fn first_type(kind: Value<'_>) -> Option<Cow<'_, str>> {
    match kind.items() {
        Ok(mut kinds) => kinds.next()?.str().ok(),
        Err(_) => kind.str().ok(),
    }
}

fn minimum(schema: Value<'_>) -> Raw {
    schema
        .get("minimum")
        .and_then(|minimum| minimum.number().ok())
        .unwrap_or_else(|| Raw::from_static("1"))
}

fn write_object(root: Value<'_>, schema: Value<'_>, out: Writer<'_>, depth: usize) {
    let required: Vec<String> = match schema.get("required").map(Value::items) {
        Some(Ok(names)) => names
            .filter_map(|name| Some(name.str().ok()?.into_owned()))
            .collect(),
        _ => Vec::new(),
    };
    let properties = schema.get("properties").map(Value::members);
    out.object(|object| {
        let Some(Ok(properties)) = properties else {
            return;
        };
        for (name, property) in properties {
            if required.iter().any(|required| *required == *name) {
                write_sample(root, property, object.key(&name), depth + 1);
            }
        }
    });
}

fn write_array(root: Value<'_>, schema: Value<'_>, out: Writer<'_>, depth: usize) {
    let count = schema
        .get("minItems")
        .and_then(|count| count.u64().ok())
        .unwrap_or(1)
        .min(8);
    out.array(|array| {
        for _ in 0..count {
            match schema.get("items") {
                Some(items) => write_sample(root, items, array.item(), depth + 1),
                None => array.item().str("demo"),
            }
        }
    });
}

/// A string as JSON writes it, quotes included.
pub(super) fn quoted(plain: &str) -> String {
    format!("\"{}\"", EscapedStr::from_plain(plain).as_escaped())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_what_its_schema_requires() {
        let schema = r##"{"type":"object","required":["city","days","kind","spots"],"properties":{"city":{"type":"string"},"note":{"type":"string"},
            "days":{"type":["integer","null"],"minimum":3},"kind":{"enum":["a","b"]},"spots":{"type":"array","items":{"$ref":"#/$defs/spot"}}},
            "$defs":{"spot":{"type":"object","required":["on"],"properties":{"on":{"type":"boolean"}}}}}"##;
        assert_eq!(
            sample(Some(&Raw::from_static(schema))),
            r#"{"city":"demo","days":3,"kind":"a","spots":[{"on":true}]}"#
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","required":["a"],"properties":{"a":{"$ref":"#/$defs/a"}}}}}"##;
        assert!(sample(Some(&Raw::from_static(schema))).contains("null"));
    }
}
