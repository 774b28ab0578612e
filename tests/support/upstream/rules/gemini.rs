//! Refusals of the Gemini API.
//!
//! Proto JSON: names may be in camel or snake case; an unknown one is refused by its name.
//! Source: Gemini API reference, request, schema, tool calling and thought signature sections.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Verdict, first_duplicate, is_name, require};
use crate::support::upstream::Refusal;
use crate::support::upstream::route::{Call, Operation};

const FIELDS: &[&str] = &[
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
    "model",
];

const CONFIG_FIELDS: &[&str] = &[
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseFormat",
    "responseModalities",
    "thinkingConfig",
    "mediaResolution",
    "speechConfig",
    "imageConfig",
];

const PART_FIELDS: &[&str] = &[
    "text",
    "thought",
    "thoughtSignature",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "mediaResolution",
    "videoMetadata",
    "partMetadata",
];

const DECLARATION_FIELDS: &[&str] = &[
    "name",
    "description",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
    "behavior",
];

const SCHEMA_FIELDS: &[&str] = &[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
];

/// The signature of every signed part of the literal responses.
const SIGNATURE: &str = "CiQB0e2Kb3rZ1pRtVnGmQWxsZXkgb2YgdGhlIG1ha2VyIG9ubHkQAQ==";
/// What the service accepts for calls that another model made.
const DUMMY_SIGNATURES: &[&str] = &[
    "skip_thought_signature_validator",
    "context_engineering_is_the_way_to_go",
];
const STOPS_MAX: usize = 5;
/// Source: Gemini API, "File input methods", "Supported content types".
const FETCHED_TYPES: &[&str] = &[
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
];

pub(super) fn check(body: &Value, call: &Call) -> Verdict {
    match call.operation {
        Operation::Embed => check_embed(body),
        Operation::BatchEmbed => {
            require(!items(body, "requests").is_empty(), || {
                Refusal::bad("* BatchEmbedContentsRequest.requests: requests must not be empty.")
            })?;
            items(body, "requests").iter().try_for_each(check_embed)
        }
        Operation::CountTokens => check_count(body, call),
        _ => check_generate(body, call),
    }
}

fn check_embed(body: &Value) -> Verdict {
    check_names(
        body,
        &[
            "model",
            "content",
            "taskType",
            "title",
            "outputDimensionality",
            "embedContentConfig",
        ],
        "",
    )?;
    require(member(body, "content").is_some(), || {
        Refusal::bad("* EmbedContentRequest.content: contents is not specified")
    })
}

fn check_count(body: &Value, call: &Call) -> Verdict {
    check_names(body, &["contents", "generateContentRequest"], "")?;
    match member(body, "generateContentRequest") {
        Some(request) => check_generate(request, call),
        None => check_contents(body, call),
    }
}

fn check_generate(body: &Value, call: &Call) -> Verdict {
    check_names(body, FIELDS, "")?;
    if let Some(config) = member(body, "generationConfig") {
        check_config(config)?;
    }
    check_tools(body)?;
    check_contents(body, call)
}

/// The member of that camel-case name, in either spelling.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object
        .iter()
        .find(|(key, member)| camel(key) == name && !member.is_null())
        .map(|(_, member)| member)
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    member(value, name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    member(value, name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn camel(key: &str) -> String {
    let mut words = key.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        camel + &head.into_iter().chain(letters).collect::<String>()
    })
}

fn check_names(value: &Value, known: &[&str], at: &str) -> Verdict {
    let unknown = super::keys(value).find(|key| !known.contains(&camel(key).as_str()));
    require(unknown.is_none(), || {
        let place = if at.is_empty() {
            String::new()
        } else {
            format!(" at '{at}'")
        };
        let name = unknown.unwrap_or_default();
        Refusal::bad(format!(
            "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
        ))
    })
}

fn check_config(config: &Value) -> Verdict {
    check_names(config, CONFIG_FIELDS, "generation_config")?;
    let stops = items(config, "stopSequences").len();
    require(stops <= STOPS_MAX, || {
        Refusal::bad(format!(
            "The number of stop sequences must not exceed 5, got {stops}."
        ))
    })?;
    let temperature = member(config, "temperature")
        .and_then(Value::as_f64)
        .unwrap_or(1.0);
    require((0.0..=2.0).contains(&temperature), || {
        Refusal::bad("* GenerateContentRequest.generation_config.temperature: out of range [0, 2]")
    })?;
    if let Some(thinking) = member(config, "thinkingConfig") {
        check_thinking(thinking)?;
    }
    check_response_schema(config)
}

fn check_thinking(thinking: &Value) -> Verdict {
    let names = &["includeThoughts", "thinkingBudget", "thinkingLevel"];
    check_names(thinking, names, "generation_config.thinking_config")?;
    let both =
        member(thinking, "thinkingBudget").is_some() && member(thinking, "thinkingLevel").is_some();
    require(!both, || {
        Refusal::bad("You can only set only one of thinking budget and thinking level.")
    })
}

fn check_response_schema(config: &Value) -> Verdict {
    let (schema, json_schema) = (
        member(config, "responseSchema"),
        member(config, "responseJsonSchema"),
    );
    require(schema.is_none() || json_schema.is_none(), || {
        Refusal::bad("only one of response_schema and response_json_schema may be set")
    })?;
    let mime = word(config, "responseMimeType");
    let is_writable = (schema.is_none() && json_schema.is_none())
        || matches!(mime, "application/json" | "text/x.enum");
    require(is_writable, || {
        Refusal::bad("Schema requires a JSON response mime type")
    })?;
    schema.map_or(Ok(()), |schema| {
        check_schema(schema, "generation_config.response_schema")
    })
}

/// Source: Gemini API, Schema: a subset of OpenAPI; types are single words.
fn check_schema(schema: &Value, at: &str) -> Verdict {
    check_names(schema, SCHEMA_FIELDS, at)?;
    let kind = member(schema, "type");
    require(kind.is_none_or(Value::is_string), || {
        Refusal::bad(format!(
            "Invalid value at '{at}.type': Proto field is not repeating, cannot start list."
        ))
    })?;
    let is_words = items(schema, "enum").iter().all(Value::is_string);
    require(is_words, || {
        Refusal::bad(format!("Invalid value at '{at}.enum' (TYPE_STRING)"))
    })?;
    let properties = member(schema, "properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        require(is_property_name(name), || {
            Refusal::bad(format!("{at}.properties: invalid property name \"{name}\""))
        })?;
        check_schema(property, &format!("{at}.properties[0].value"))?;
    }
    let mut inner = items(schema, "anyOf").iter().chain(member(schema, "items"));
    inner.try_for_each(|inner| check_schema(inner, &format!("{at}.items")))
}

fn is_property_name(name: &str) -> bool {
    is_name(name, 64, "") && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn check_tools(body: &Value) -> Verdict {
    let declarations: Vec<_> = items(body, "tools")
        .iter()
        .flat_map(|tool| items(tool, "functionDeclarations"))
        .collect();
    require(declarations.len() <= 512, || {
        Refusal::bad(
            "* tools[0].function_declarations: [FIELD_INVALID] At most 512 function declarations can be specified.",
        )
    })?;
    declarations
        .iter()
        .try_for_each(|declaration| check_declaration(declaration))?;
    let names: Vec<_> = declarations
        .iter()
        .map(|declaration| word(declaration, "name"))
        .collect();
    let repeated = first_duplicate(names.iter().copied());
    require(repeated.is_none(), || {
        Refusal::bad(format!(
            "Duplicate function declaration found: {}",
            repeated.unwrap_or_default()
        ))
    })?;
    let config =
        member(body, "toolConfig").and_then(|config| member(config, "functionCallingConfig"));
    config.map_or(Ok(()), |config| check_calling(config, &names))
}

fn check_declaration(declaration: &Value) -> Verdict {
    let at = "tools[0].function_declarations[0]";
    check_names(declaration, DECLARATION_FIELDS, at)?;
    let name = word(declaration, "name");
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name = starts_well && is_name(name, 128, ".:-");
    require(is_name, || {
        Refusal::bad(format!(
            "* GenerateContentRequest.{at}.name: Invalid function name."
        ))
    })?;
    let parameters = member(declaration, "parameters");
    let both = parameters.is_some() && member(declaration, "parametersJsonSchema").is_some();
    require(!both, || {
        Refusal::bad(format!(
            "{at}: only one of parameters and parameters_json_schema may be set"
        ))
    })?;
    parameters.map_or(Ok(()), |schema| {
        check_schema(schema, &format!("{at}.parameters"))
    })
}

fn check_calling(config: &Value, declared: &[&str]) -> Verdict {
    let allowed = items(config, "allowedFunctionNames");
    let mode = word(config, "mode").to_ascii_uppercase();
    let may_name = matches!(mode.as_str(), "ANY" | "VALIDATED");
    require(allowed.is_empty() || may_name, || {
        Refusal::bad("Function calling config: allowed_function_names needs mode ANY or VALIDATED.")
    })?;
    let unknown = allowed
        .iter()
        .filter_map(Value::as_str)
        .find(|name| !declared.contains(name));
    require(unknown.is_none(), || {
        Refusal::bad(format!(
            "allowed_function_names: {} is not declared",
            unknown.unwrap_or_default()
        ))
    })
}

fn check_contents(body: &Value, call: &Call) -> Verdict {
    let contents = items(body, "contents");
    require(!contents.is_empty(), || {
        Refusal::bad("* GenerateContentRequest.contents: contents is not specified")
    })?;
    for (index, content) in contents.iter().enumerate() {
        check_content(content, index)?;
    }
    check_order(contents)?;
    let needs_signatures = call
        .model
        .as_deref()
        .is_some_and(|model| model.contains("gemini-3"));
    check_signatures(contents, needs_signatures)
}

fn check_content(content: &Value, index: usize) -> Verdict {
    check_names(content, &["role", "parts"], &format!("contents[{index}]"))?;
    let is_role = matches!(word(content, "role"), "" | "user" | "model" | "function");
    require(is_role, || {
        Refusal::bad("Please use a valid role: user, model.")
    })?;
    let parts = items(content, "parts");
    require(!parts.is_empty(), || {
        Refusal::bad(format!(
            "* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty."
        ))
    })?;
    parts.iter().enumerate().try_for_each(|(part, value)| {
        check_part(value, &format!("contents[{index}].parts[{part}]"))
    })
}

fn check_part(part: &Value, at: &str) -> Verdict {
    check_names(part, PART_FIELDS, at)?;
    let data = [
        "text",
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
    ];
    let kinds = data
        .iter()
        .filter(|name| member(part, name).is_some())
        .count();
    require(kinds == 1, || {
        Refusal::bad(format!(
            "* GenerateContentRequest.{at}.data: required oneof field 'data' must have one initialized field"
        ))
    })?;
    let objects = [("functionCall", "args"), ("functionResponse", "response")];
    for (kind, field) in objects {
        let value = member(part, kind).and_then(|inner| member(inner, field));
        require(value.is_none_or(Value::is_object), || {
            Refusal::bad(format!(
                "Invalid value at '{at}.{field}': Proto field is not an object."
            ))
        })?;
    }
    if let Some(file) = member(part, "fileData") {
        check_file(file, at)?;
    }
    let media = member(part, "functionResponse").map_or(&[][..], |result| items(result, "parts"));
    let has_file = media.iter().any(|part| member(part, "fileData").is_some());
    require(!has_file, || {
        Refusal::bad(format!(
            "{at}.function_response.parts: only inline data is supported"
        ))
    })
}

/// A file of Google's own, or a public address with a type that is fetched, or with none.
fn check_file(file: &Value, at: &str) -> Verdict {
    check_names(file, &["fileUri", "mimeType"], &format!("{at}.file_data"))?;
    let (uri, mime) = (word(file, "fileUri"), word(file, "mimeType"));
    if uri.starts_with("https://generativelanguage.googleapis.com/") || uri.starts_with("gs://") {
        return Ok(());
    }
    let is_fetched = mime.is_empty() || FETCHED_TYPES.contains(&mime) || mime.starts_with("video/");
    require(uri.starts_with("https://") && is_fetched, || {
        Refusal::bad(format!("{at}.file_data: Unsupported file uri"))
    })
}

fn is_model(content: &Value) -> bool {
    word(content, "role") == "model"
}

fn inner<'a>(content: &'a Value, kind: &str) -> Vec<&'a Value> {
    items(content, "parts")
        .iter()
        .filter_map(|part| member(part, kind))
        .collect()
}

/// Turns alternate; calls follow a user's turn, their responses follow at once and match.
fn check_order(contents: &[Value]) -> Verdict {
    let alternates = contents
        .windows(2)
        .all(|pair| is_model(&pair[0]) != is_model(&pair[1]));
    require(alternates, || {
        Refusal::bad("Please ensure that multiturn requests alternate between user and model.")
    })?;
    let ends_with_user = contents.last().is_some_and(|content| !is_model(content));
    require(ends_with_user, || {
        Refusal::bad(
            "Please ensure that multiturn requests end with a user turn or a function response.",
        )
    })?;
    let starts_with_call = !inner(&contents[0], "functionCall").is_empty();
    let why = "Please ensure that function call turn comes immediately after a user turn or after a function response turn.";
    require(!starts_with_call, || Refusal::bad(why))?;
    let mut calls = Vec::new();
    for content in contents {
        check_responses(&calls, &inner(content, "functionResponse"))?;
        calls = inner(content, "functionCall");
    }
    Ok(())
}

fn check_responses(calls: &[&Value], responses: &[&Value]) -> Verdict {
    let comes_after_call = responses.is_empty() || !calls.is_empty();
    require(comes_after_call, || {
        Refusal::bad(
            "Please ensure that function response turn comes immediately after a function call turn.",
        )
    })?;
    let why = "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.";
    require(calls.len() == responses.len(), || Refusal::bad(why))?;
    let matches = |call: &&&Value| responses.iter().any(|response| answers(call, response));
    let unanswered = calls.iter().find(|call| !matches(call));
    require(unanswered.is_none(), || {
        Refusal::bad("Please ensure that each function response has the name of its function call.")
    })
}

fn answers(call: &Value, response: &Value) -> bool {
    let ids_agree = word(call, "id").is_empty()
        || word(response, "id").is_empty()
        || word(call, "id") == word(response, "id");
    ids_agree && word(call, "name") == word(response, "name")
}

/// A signature has to be the service's own. The first call of each step of the current turn has one
/// if the model requires it.
fn check_signatures(contents: &[Value], needed: bool) -> Verdict {
    let signed = contents
        .iter()
        .flat_map(|content| items(content, "parts"))
        .map(|part| word(part, "thoughtSignature"));
    for signature in signed.filter(|signature| !signature.is_empty()) {
        require(is_known_signature(signature), || {
            Refusal::bad("Corrupted thought signature.")
        })?;
    }
    let current = contents
        .iter()
        .rposition(|content| !is_model(content) && inner(content, "functionResponse").is_empty());
    let steps = contents
        .iter()
        .skip(current.unwrap_or(0))
        .filter(|content| is_model(content));
    for step in steps.filter(|_| needed) {
        let first = items(step, "parts")
            .iter()
            .find(|part| member(part, "functionCall").is_some());
        let is_signed = first.is_none_or(|part| !word(part, "thoughtSignature").is_empty());
        require(is_signed, || {
            Refusal::bad("Function call is missing a thought_signature in functionCall parts.")
        })?;
    }
    Ok(())
}

/// The field is of type bytes: the dummies are accepted as they are written and in base64.
fn is_known_signature(signature: &str) -> bool {
    let decoded = STANDARD
        .decode(signature)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let is_dummy = |text: &str| DUMMY_SIGNATURES.contains(&text);
    signature == SIGNATURE || is_dummy(signature) || decoded.as_deref().is_some_and(is_dummy)
}
