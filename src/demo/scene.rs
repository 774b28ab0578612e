//! What the demo answers to a request.

use crate::canon::{
    Format, Part, PartKind, ReasoningMode, Request, Role, Tool, ToolChoice, ToolKind,
};
use crate::json::{self, EscapedStr, Raw, Value, Writer};

/// Offered tools up to which somebody is trying out tool calls; agents offer dozens.
const FEW_TOOLS: usize = 4;

/// What of the prompt is repeated.
const ECHO_CHARS_MAX: usize = 200;

/// An answer in no dialect's words yet.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) does: Does,
    pub(super) reasons: bool,
    /// Whether a stream tells its usage where that has to be asked for.
    pub(super) shows_usage: bool,
    pub(super) input_words: usize,
}

#[derive(Debug)]
pub(super) enum Does {
    Say(String),
    /// A call of the tool, with arguments that its schema takes.
    Call {
        name: String,
        arguments: String,
    },
}

impl Scene {
    pub(super) fn of(request: &Request) -> Self {
        let prompt = last_text(request);
        let shows_usage = request.include_usage;
        Self {
            does: does(request, &prompt),
            reasons: reasons(request),
            shows_usage,
            input_words: words(request),
        }
    }

    pub(super) fn output_words(&self) -> usize {
        match &self.does {
            Does::Say(text) => count(text),
            Does::Call { arguments, .. } => count(arguments),
        }
    }
}

fn does(request: &Request, prompt: &str) -> Does {
    if let Some(result) = last_result(request) {
        return Does::Say(format!(
            "This is Aerostat's offline demo; no model ran. The tool said: {}",
            cut(&result)
        ));
    }
    if let Some((name, schema)) = chosen_tool(request, prompt) {
        return Does::Call {
            name,
            arguments: sample(schema),
        };
    }
    Does::Say(match request.format.as_ref().map(|format| &format.value) {
        Some(Format::Schema(format)) => sample(Some(&format.schema)),
        Some(Format::Enum(schema)) => first_of_enum(schema),
        Some(Format::Json) => r#"{"demo":true}"#.to_owned(),
        Some(Format::Free) | None => format!(
            "This is Aerostat's offline demo; no model ran. You said: {}",
            cut(prompt)
        ),
    })
}

fn reasons(request: &Request) -> bool {
    let asked = |reasoning: &crate::canon::Reasoning| {
        reasoning.mode != ReasoningMode::Off
            && reasoning
                .effort
                .as_ref()
                .is_none_or(|effort| effort.value != crate::canon::Effort::None)
    };
    request
        .reasoning
        .as_ref()
        .is_some_and(|reasoning| asked(&reasoning.value))
}

/// The tool to call, if one has to be or should be.
fn chosen_tool<'r>(request: &'r Request, prompt: &str) -> Option<(String, Option<&'r Raw>)> {
    let tools: Vec<(String, Option<&Raw>)> = request.tools.iter().filter_map(callable).collect();
    let by_name = |wanted: &str| tools.iter().find(|(name, _)| name == wanted).cloned();
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

fn last_text(request: &Request) -> String {
    let user = request
        .turns
        .iter()
        .rev()
        .find(|turn| turn.role == Role::User);
    let texts = user
        .into_iter()
        .flat_map(|turn| &turn.parts)
        .filter_map(plain);
    texts.collect::<Vec<_>>().join(" ")
}

fn last_result(request: &Request) -> Option<String> {
    let PartKind::ToolResult(result) = &request
        .turns
        .last()?
        .parts
        .iter()
        .find(|part| matches!(part.kind, PartKind::ToolResult(_)))?
        .kind
    else {
        return None;
    };
    Some(
        result
            .parts
            .iter()
            .filter_map(plain)
            .collect::<Vec<_>>()
            .join(" "),
    )
}

fn plain(part: &Part) -> Option<String> {
    match &part.kind {
        PartKind::Text(text) => Some(text.to_plain().into_owned()),
        _ => None,
    }
}

/// The demo's tokens are words.
fn words(request: &Request) -> usize {
    let parts = request
        .system
        .iter()
        .chain(request.turns.iter().flat_map(|turn| &turn.parts));
    parts
        .filter_map(plain)
        .map(|text| count(&text))
        .sum::<usize>()
        .max(1)
}

fn count(text: &str) -> usize {
    text.split_whitespace().count().max(1)
}

fn cut(text: &str) -> String {
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
        .map_or_else(|| "demo".to_owned(), std::borrow::Cow::into_owned)
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

/// Depth at which a schema that refers to itself is given up.
const SAMPLE_DEPTH_MAX: usize = 16;

fn write_sample(root: Value<'_>, schema: Value<'_>, out: Writer<'_>, depth: usize) {
    if depth > SAMPLE_DEPTH_MAX {
        return out.null();
    }
    if let Some(target) = schema
        .get("$ref")
        .and_then(|reference| referred(root, &reference.str().ok()?))
    {
        return write_sample(root, target, out, depth + 1);
    }
    if let Some(fixed) = fixed(schema) {
        return out.raw(&fixed);
    }
    let variants = ["anyOf", "oneOf", "allOf"]
        .iter()
        .find_map(|key| schema.get(key)?.items().ok()?.next());
    if let Some(variant) = variants {
        return write_sample(root, variant, out, depth + 1);
    }
    match kind(schema).as_str() {
        "object" => write_object(root, schema, out, depth),
        "array" => write_array(root, schema, out, depth),
        "integer" | "number" => out.raw(&least(schema)),
        "boolean" => out.bool(true),
        "null" => out.null(),
        _ => out.str("demo"),
    }
}

fn referred<'d>(root: Value<'d>, reference: &str) -> Option<Value<'d>> {
    let path: Vec<&str> = reference.strip_prefix("#/")?.split('/').collect();
    root.find(&path)
}

/// A value that the schema itself names.
fn fixed(schema: Value<'_>) -> Option<Raw> {
    let named = schema
        .get("const")
        .or_else(|| schema.get("enum")?.items().ok()?.next());
    named.map(Value::raw)
}

fn kind(schema: Value<'_>) -> String {
    let named = schema
        .get("type")
        .and_then(|kind| kind.items().map_or(Some(kind), |mut kinds| kinds.next()));
    let named = named
        .and_then(|kind| kind.str().ok())
        .map(|kind| kind.to_ascii_lowercase());
    named.unwrap_or_else(|| {
        if schema.get("properties").is_some() {
            "object".to_owned()
        } else {
            "string".to_owned()
        }
    })
}

fn least(schema: Value<'_>) -> Raw {
    schema
        .get("minimum")
        .and_then(|least| least.number().ok())
        .unwrap_or_else(|| Raw::from_static("1"))
}

fn write_object(root: Value<'_>, schema: Value<'_>, out: Writer<'_>, depth: usize) {
    let required: Vec<String> = schema
        .get("required")
        .and_then(|names| names.items().ok())
        .map(|names| {
            names
                .filter_map(|name| Some(name.str().ok()?.into_owned()))
                .collect()
        })
        .unwrap_or_default();
    let properties = schema
        .get("properties")
        .and_then(|properties| properties.members().ok());
    out.object(|object| {
        for (name, property) in properties
            .into_iter()
            .flatten()
            .filter(|(name, _)| required.iter().any(|wanted| wanted == name))
        {
            write_sample(root, property, object.key(&name), depth + 1);
        }
    });
}

fn write_array(root: Value<'_>, schema: Value<'_>, out: Writer<'_>, depth: usize) {
    let least = schema
        .get("minItems")
        .and_then(|least| least.u64().ok())
        .unwrap_or(1)
        .min(8);
    out.array(|array| {
        for _ in 0..least {
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
