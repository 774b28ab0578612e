//! Refusals of OpenAI Chat, legacy Completions and Embeddings.
//!
//! Source: OpenAI Chat Completions reference, request, messages and error sections.

use serde_json::Value;

use super::openai_schema::check_strict;
use super::{Verdict, has, is_name, list, require, text, unknown_key};
use crate::support::upstream::Refusal;

const FIELDS: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "n",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "response_format",
    "reasoning_effort",
    "verbosity",
    "modalities",
    "audio",
    "prediction",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "service_tier",
    "store",
    "moderation",
    "web_search_options",
];

const COMPLETION_FIELDS: &[&str] = &[
    "model",
    "prompt",
    "suffix",
    "max_tokens",
    "temperature",
    "top_p",
    "n",
    "stream",
    "stream_options",
    "logprobs",
    "echo",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "best_of",
    "logit_bias",
    "seed",
    "user",
];

const STOPS_MAX: usize = 4;
const TOOL_NAME_CHARS_MAX: usize = 64;
const CALL_ID_CHARS_MAX: usize = 40;
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

pub(super) fn check(body: &Value) -> Verdict {
    check_fields(body, FIELDS)?;
    require(!list(body, "messages").is_empty(), || missing("messages"))?;
    check_common(body)?;
    check_limits(body)?;
    check_tools(body)?;
    check_format(&body["response_format"])?;
    list(body, "messages")
        .iter()
        .enumerate()
        .try_for_each(|(index, message)| check_message(message, index))?;
    check_calls_and_results(list(body, "messages"))
}

pub(super) fn check_completion(body: &Value) -> Verdict {
    check_fields(body, COMPLETION_FIELDS)?;
    require(has(body, "model"), || missing("model"))?;
    check_common(body)
}

pub(super) fn check_embed(body: &Value) -> Verdict {
    check_fields(
        body,
        &["model", "input", "dimensions", "encoding_format", "user"],
    )?;
    require(has(body, "input"), || missing("input"))
}

fn check_fields(body: &Value, known: &[&str]) -> Verdict {
    match unknown_key(body, known) {
        Some(key) => Err(Refusal::bad(format!("Unknown parameter: '{key}'."))
            .code("unknown_parameter")
            .param(key)),
        None => require(has(body, "model"), || missing("model")),
    }
}

pub(super) fn missing(param: &str) -> Refusal {
    Refusal::bad(format!("Missing required parameter: '{param}'."))
        .code("missing_required_parameter")
        .param(param)
}

fn unsupported(param: &str, why: &str) -> Refusal {
    Refusal::bad(format!("Unsupported parameter: '{param}' {why}"))
        .code("unsupported_parameter")
        .param(param)
}

fn invalid(param: impl Into<String>, why: &str) -> Refusal {
    let param = param.into();
    Refusal::bad(format!("Invalid '{param}': {why}"))
        .code("invalid_value")
        .param(param)
}

/// What Chat and Completions have in common.
fn check_common(body: &Value) -> Verdict {
    let stops = list(body, "stop").len();
    let too_many = || {
        invalid(
            "stop",
            &format!("array too long. Expected an array with maximum length 4, but got {stops}."),
        )
    };
    require(stops <= STOPS_MAX, too_many)?;
    let streams = body["stream"] == true;
    require(streams || !has(body, "stream_options"), || {
        invalid(
            "stream_options",
            "the 'stream_options' parameter is only allowed when 'stream' is enabled.",
        )
    })?;
    check_range(body, "temperature", 0.0, 2.0)?;
    check_range(body, "top_p", 0.0, 1.0)?;
    check_range(body, "presence_penalty", -2.0, 2.0)?;
    check_range(body, "frequency_penalty", -2.0, 2.0)
}

pub(super) fn check_range(body: &Value, field: &str, min: f64, max: f64) -> Verdict {
    let holds = !has(body, field)
        || body[field]
            .as_f64()
            .is_some_and(|number| (min..=max).contains(&number));
    require(holds, || {
        invalid(field, &format!("expected a number between {min} and {max}"))
    })
}

/// Whether the model reasons, and so refuses sampling parameters.
pub(super) fn reasons(model: &str) -> bool {
    ["gpt-5", "o1", "o3", "o4"]
        .iter()
        .any(|family| model.starts_with(family))
}

fn check_limits(body: &Value) -> Verdict {
    let both = has(body, "max_tokens") && has(body, "max_completion_tokens");
    require(!both, || {
        invalid(
            "max_tokens",
            "cannot be set together with 'max_completion_tokens'",
        )
    })?;
    require(
        body["logprobs"] == true || !has(body, "top_logprobs"),
        || invalid("top_logprobs", "needs 'logprobs'"),
    )?;
    if has(body, "reasoning_effort") {
        let is_known = EFFORTS.contains(&text(body, "reasoning_effort"));
        require(is_known, || {
            invalid("reasoning_effort", "unknown value").code("unsupported_value")
        })?;
    }
    if reasons(text(body, "model")) {
        check_reasoning_model(body)
    } else {
        Ok(())
    }
}

fn check_reasoning_model(body: &Value) -> Verdict {
    let instead = "is not supported with this model. Use 'max_completion_tokens' instead.";
    require(!has(body, "max_tokens"), || {
        unsupported("max_tokens", instead)
    })?;
    let is_default = |field: &str| !has(body, field) || body[field].as_f64() == Some(1.0);
    for field in ["temperature", "top_p"] {
        require(is_default(field), || {
            unsupported(field, "does not support this value with this model.")
                .code("unsupported_value")
        })?;
    }
    Ok(())
}

fn check_tools(body: &Value) -> Verdict {
    let tools = list(body, "tools");
    let is_empty_list = body["tools"].is_array() && tools.is_empty();
    require(!is_empty_list, || {
        invalid(
            "tools",
            "empty array. Expected an array with minimum length 1.",
        )
    })?;
    require(tools.len() <= 128, || {
        invalid(
            "tools",
            "array too long. Expected an array with maximum length 128.",
        )
    })?;
    for field in ["tool_choice", "parallel_tool_calls"] {
        let is_allowed = !has(body, field) || !tools.is_empty() || has(body, "functions");
        require(is_allowed, || {
            invalid(field, "is only allowed when 'tools' are specified.")
        })?;
    }
    tools
        .iter()
        .enumerate()
        .try_for_each(|(index, tool)| check_tool(tool, index))?;
    check_tool_choice(&body["tool_choice"], tools)
}

fn check_tool(tool: &Value, index: usize) -> Verdict {
    let kind = text(tool, "type");
    require(matches!(kind, "function" | "custom"), || {
        invalid(
            format!("tools[{index}].type"),
            "expected 'function' or 'custom'",
        )
    })?;
    let declared = &tool[kind];
    check_tool_name(text(declared, "name"), || {
        format!("tools[{index}].{kind}.name")
    })?;
    if declared["strict"] == true {
        check_strict(&declared["parameters"], text(declared, "name"))
    } else {
        Ok(())
    }
}

/// Source: OpenAI Chat, `tools`: letters, digits, `_` and `-`, at most 64.
pub(super) fn check_tool_name(name: &str, param: impl FnOnce() -> String) -> Verdict {
    require(is_name(name, TOOL_NAME_CHARS_MAX, "-"), || {
        invalid(
            param(),
            "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'.",
        )
    })
}

fn check_tool_choice(choice: &Value, tools: &[Value]) -> Verdict {
    let kind = text(choice, "type");
    if !matches!(kind, "function" | "custom") {
        return Ok(());
    }
    let name = text(&choice[kind], "name");
    let is_declared = tools.iter().any(|tool| text(&tool[kind], "name") == name);
    require(is_declared, || {
        invalid("tool_choice", &format!("'{name}' not found in 'tools'."))
    })
}

fn check_format(format: &Value) -> Verdict {
    if format["type"] != "json_schema" {
        return Ok(());
    }
    let schema = &format["json_schema"];
    require(
        is_name(text(schema, "name"), TOOL_NAME_CHARS_MAX, "-"),
        || missing("response_format.json_schema.name"),
    )?;
    if schema["strict"] == true {
        check_strict(&schema["schema"], "response_format")
    } else {
        Ok(())
    }
}

fn check_message(message: &Value, index: usize) -> Verdict {
    let at = format!("messages[{index}]");
    let role = text(message, "role");
    let parts: &[&str] = match role {
        "user" => &["text", "image_url", "input_audio", "file"],
        "assistant" => &["text", "refusal"],
        "system" | "developer" | "tool" | "function" => &["text"],
        _ => return Err(invalid(format!("{at}.role"), "unknown role")),
    };
    check_content(message, role, &at)?;
    check_parts(list(message, "content"), parts, &at)?;
    list(message, "tool_calls")
        .iter()
        .try_for_each(|call| check_call(call, &at))
}

fn check_content(message: &Value, role: &str, at: &str) -> Verdict {
    let may_be_absent = role == "assistant"
        && ["tool_calls", "function_call", "refusal", "audio"]
            .iter()
            .any(|key| has(message, key));
    let is_content = message["content"].is_string() || !list(message, "content").is_empty();
    require(is_content || may_be_absent, || {
        invalid(
            format!("{at}.content"),
            "expected a string or an array of parts",
        )
    })
}

fn check_parts(parts: &[Value], allowed: &[&str], at: &str) -> Verdict {
    for (index, part) in parts.iter().enumerate() {
        let kind = text(part, "type");
        let at = format!("{at}.content[{index}]");
        require(allowed.contains(&kind), || {
            invalid(format!("{at}.type"), "a part that this role cannot have")
        })?;
        require(
            kind != "image_url" || is_image_url(text(&part["image_url"], "url")),
            || invalid(format!("{at}.image_url"), "bad URL"),
        )?;
    }
    Ok(())
}

fn is_image_url(url: &str) -> bool {
    url.starts_with("https://")
        || url.starts_with("http://")
        || (url.starts_with("data:image/") && url.contains(";base64,"))
}

fn check_call(call: &Value, at: &str) -> Verdict {
    let id = text(call, "id");
    let fits = !id.is_empty() && id.len() <= CALL_ID_CHARS_MAX;
    require(fits, || {
        invalid(
            format!("{at}.tool_calls.id"),
            "string too long. Expected a string with maximum length 40.",
        )
    })?;
    let kind = text(call, "type");
    let input = if kind == "custom" {
        "input"
    } else {
        "arguments"
    };
    require(call[kind][input].is_string(), || {
        invalid(
            format!("{at}.tool_calls.{kind}.{input}"),
            "expected a string",
        )
    })?;
    check_tool_name(text(&call[kind], "name"), || {
        format!("{at}.tool_calls.{kind}.name")
    })
}

/// Each call has exactly one result, directly after the message that called.
/// Source: OpenAI Chat, messages, "Rule upstream enforces".
fn check_calls_and_results(messages: &[Value]) -> Verdict {
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        if message["role"] == "tool" {
            let id = text(message, "tool_call_id");
            let position = open
                .iter()
                .position(|call| *call == id)
                .ok_or_else(|| orphan(id))?;
            open.remove(position);
            continue;
        }
        check_answered(&open)?;
        open = list(message, "tool_calls")
            .iter()
            .map(|call| text(call, "id"))
            .collect();
    }
    check_answered(&open)
}

fn orphan(id: &str) -> Refusal {
    let why =
        "messages with role 'tool' must be a response to a preceding message with 'tool_calls'";
    Refusal::bad(format!("Invalid parameter: {why} ({id}).")).param("messages")
}

fn check_answered(open: &[&str]) -> Verdict {
    require(open.is_empty(), || {
        let why = "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.";
        Refusal::bad(format!(
            "{why} The following tool_call_ids did not have response messages: {}",
            open.join(", ")
        ))
        .param("messages")
    })
}
