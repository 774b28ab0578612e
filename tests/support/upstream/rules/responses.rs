//! Refusals of OpenAI Responses.
//!
//! Source: OpenAI Responses reference, request, input items and tools sections.

use serde_json::Value;

use super::chat::{check_range, check_tool_name, missing, reasons};
use super::openai_schema::check_strict;
use super::{Verdict, has, list, require, text, unknown_key};
use crate::support::upstream::Refusal;
use crate::support::upstream::route::Operation;

const FIELDS: &[&str] = &[
    "model",
    "input",
    "instructions",
    "stream",
    "stream_options",
    "store",
    "previous_response_id",
    "conversation",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "temperature",
    "top_p",
    "top_logprobs",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "truncation",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "service_tier",
    "background",
    "background_options",
    "prompt",
    "context_management",
    "moderation",
    "image",
    "access_programs",
    "client_metadata",
];

const COUNT_FIELDS: &[&str] = &[
    "model",
    "input",
    "instructions",
    "previous_response_id",
    "conversation",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "truncation",
];

/// The `encrypted_content` of every reasoning item of the literal responses.
const ENCRYPTED: &str = "gAAAAABnR3sP0n3dT0k3nQmVzZXJ2ZWQtYnktaXRzLW1ha2Vy";
/// The call of the response `reasoned_tool_call`, and the reasoning that it came with.
const REASONED: (&str, &str) = ("fc_68a1f0call5", "rs_68a1f0reasonedto");
const CALL_ID_CHARS_MAX: usize = 64;

/// Item kinds with the beginning of their ids.
const ID_FORMS: &[(&str, &str)] = &[
    ("message", "msg"),
    ("reasoning", "rs"),
    ("function_call", "fc"),
    ("custom_tool_call", "ctc"),
];

pub(super) fn check(body: &Value, operation: Operation) -> Verdict {
    let known = if operation == Operation::CountTokens {
        COUNT_FIELDS
    } else {
        FIELDS
    };
    if let Some(key) = unknown_key(body, known) {
        return Err(unknown(key));
    }
    require(has(body, "model"), || missing("model"))?;
    require(has(body, "input") || has(body, "prompt"), || {
        missing("input")
    })?;
    check_server_state(body)?;
    check_tuning(body)?;
    check_format(&body["text"]["format"])?;
    list(body, "tools")
        .iter()
        .enumerate()
        .try_for_each(|(index, tool)| check_tool(tool, &format!("tools[{index}]")))?;
    check_input(body)
}

fn unknown(param: &str) -> Refusal {
    Refusal::bad(format!("Unknown parameter: '{param}'."))
        .code("unknown_parameter")
        .param(param)
}

fn invalid(param: impl Into<String>, why: &str) -> Refusal {
    let param = param.into();
    Refusal::bad(format!("Invalid '{param}': {why}"))
        .code("invalid_value")
        .param(param)
}

fn check_server_state(body: &Value) -> Verdict {
    let previous = text(body, "previous_response_id");
    let lost = || {
        Refusal::bad(format!("Previous response with id '{previous}' not found."))
            .code("previous_response_not_found")
    };
    require(previous.is_empty(), lost)?;
    require(!has(body, "conversation"), || {
        Refusal::new(404, "Conversation not found.").param("conversation")
    })
}

fn check_tuning(body: &Value) -> Verdict {
    if reasons(text(body, "model")) {
        for field in ["temperature", "top_p"] {
            let why = || {
                Refusal::bad(format!(
                    "Unsupported parameter: '{field}' is not supported with this model."
                ))
            };
            require(
                !has(body, field) || body[field].as_f64() == Some(1.0),
                || why().code("unsupported_parameter").param(field),
            )?;
        }
    }
    check_range(body, "temperature", 0.0, 2.0)?;
    check_range(body, "top_p", 0.0, 1.0)
}

/// Flat, unlike Chat's `response_format`.
fn check_format(format: &Value) -> Verdict {
    if format["type"] != "json_schema" {
        return Ok(());
    }
    require(!has(format, "json_schema"), || {
        unknown("text.format.json_schema")
    })?;
    require(has(format, "name"), || missing("text.format.name"))?;
    require(has(format, "schema"), || missing("text.format.schema"))?;
    if format["strict"] == true {
        check_strict(&format["schema"], "response_format")
    } else {
        Ok(())
    }
}

fn check_tool(tool: &Value, at: &str) -> Verdict {
    match text(tool, "type") {
        "function" => {
            require(!has(tool, "function"), || {
                unknown(&format!("{at}.function"))
            })?;
            check_tool_name(text(tool, "name"), || format!("{at}.name"))?;
            if tool["strict"] == true {
                check_strict(&tool["parameters"], text(tool, "name"))
            } else {
                Ok(())
            }
        }
        "custom" => check_tool_name(text(tool, "name"), || format!("{at}.name")),
        "namespace" => list(tool, "tools")
            .iter()
            .try_for_each(|inner| check_tool(inner, &format!("{at}.tools"))),
        "" => Err(missing(&format!("{at}.type"))),
        _ => Ok(()),
    }
}

fn check_input(body: &Value) -> Verdict {
    let items = list(body, "input");
    items
        .iter()
        .enumerate()
        .try_for_each(|(index, item)| check_item(item, index, body["store"] == false))?;
    check_calls_and_outputs(items)?;
    check_reasoning_order(items)
}

fn kind_of(item: &Value) -> &str {
    if has(item, "type") {
        text(item, "type")
    } else {
        "message"
    }
}

fn check_item(item: &Value, index: usize, is_stateless: bool) -> Verdict {
    let at = format!("input[{index}]");
    let kind = kind_of(item);
    check_id(item, kind, &at)?;
    match kind {
        "message" => check_message(item, &at),
        "reasoning" => check_reasoning(item, is_stateless),
        "function_call" => {
            require(item["arguments"].is_string(), || {
                invalid(format!("{at}.arguments"), "expected a string")
            })?;
            check_tool_name(text(item, "name"), || format!("{at}.name"))?;
            check_call_id(item, &at)
        }
        "function_call_output" | "custom_tool_call_output" => {
            require(has(item, "output"), || missing(&format!("{at}.output")))?;
            check_call_id(item, &at)
        }
        "item_reference" => Err(Refusal::new(
            404,
            format!("Item with id '{}' not found.", text(item, "id")),
        )
        .param("input")),
        _ => Ok(()),
    }
}

fn check_id(item: &Value, kind: &str, at: &str) -> Verdict {
    let form = ID_FORMS
        .iter()
        .find(|(form, _)| *form == kind)
        .filter(|_| has(item, "id"));
    let Some((_, beginning)) = form else {
        return Ok(());
    };
    let id = text(item, "id");
    require(id.starts_with(beginning), || {
        invalid(
            format!("{at}.id"),
            &format!("expected an ID that begins with '{beginning}'."),
        )
    })
}

fn check_call_id(item: &Value, at: &str) -> Verdict {
    let id = text(item, "call_id");
    let fits = !id.is_empty() && id.len() <= CALL_ID_CHARS_MAX;
    require(fits, || {
        invalid(
            format!("{at}.call_id"),
            "expected a string of 1 to 64 characters",
        )
    })
}

fn check_message(item: &Value, at: &str) -> Verdict {
    let parts: &[&str] = match text(item, "role") {
        "assistant" => &["output_text", "refusal"],
        "user" | "system" | "developer" => {
            &["input_text", "input_image", "input_file", "input_audio"]
        }
        _ => return Err(invalid(format!("{at}.role"), "unknown role")),
    };
    require(has(item, "content"), || missing(&format!("{at}.content")))?;
    for (index, part) in list(item, "content").iter().enumerate() {
        let kind = text(part, "type");
        let why = format!(
            "'{kind}' is not supported. Supported values are: {}.",
            parts.join(", ")
        );
        require(parts.contains(&kind), || {
            invalid(format!("{at}.content[{index}]"), &why)
        })?;
    }
    Ok(())
}

fn check_reasoning(item: &Value, is_stateless: bool) -> Verdict {
    let id = text(item, "id");
    let lost = || {
        Refusal::new(
            404,
            format!(
                "Item with id '{id}' not found. Items are not persisted when `store` is set to false."
            ),
        )
    };
    require(!is_stateless || has(item, "encrypted_content"), lost)?;
    let is_ours = !has(item, "encrypted_content") || text(item, "encrypted_content") == ENCRYPTED;
    let unverified = || {
        Refusal::bad(format!(
            "The encrypted content for item {id} could not be verified."
        ))
    };
    require(is_ours, || unverified().code("invalid_encrypted_content"))
}

/// An output needs an earlier call, a call needs a later output.
fn check_calls_and_outputs(items: &[Value]) -> Verdict {
    let mut open: Vec<&str> = Vec::new();
    for item in items {
        let id = text(item, "call_id");
        match kind_of(item) {
            "function_call" | "custom_tool_call" => open.push(id),
            "function_call_output" | "custom_tool_call_output" => {
                let no_call = || {
                    Refusal::bad(format!(
                        "No tool call found for function call output with call_id {id}."
                    ))
                    .param("input")
                };
                let position = open
                    .iter()
                    .position(|call| *call == id)
                    .ok_or_else(no_call)?;
                open.remove(position);
            }
            _ => {}
        }
    }
    let unanswered = open.first().copied();
    require(unanswered.is_none(), || {
        Refusal::bad(format!(
            "No tool output found for function call {}.",
            unanswered.unwrap_or_default()
        ))
        .param("input")
    })
}

/// A reasoning item comes before the items that it was sent with, and those are sent with it.
fn check_reasoning_order(items: &[Value]) -> Verdict {
    for (index, item) in items.iter().enumerate() {
        let id = text(item, "id");
        let follower = items.get(index + 1);
        let is_followed = follower.is_some_and(is_output_of_the_model);
        if kind_of(item) == "reasoning" {
            let why = || {
                Refusal::bad(format!(
                    "Item '{id}' of type 'reasoning' was provided without its required following item."
                ))
            };
            require(is_followed, || why().param("input"))?;
        }
        if id == REASONED.0 {
            let is_led = index > 0 && text(&items[index - 1], "id") == REASONED.1;
            let why = format!(
                "Item '{id}' of type 'function_call' was provided without its required 'reasoning' item: '{}'.",
                REASONED.1
            );
            require(is_led, || Refusal::bad(why).param("input"))?;
        }
    }
    Ok(())
}

fn is_output_of_the_model(item: &Value) -> bool {
    match kind_of(item) {
        "message" => item["role"] == "assistant",
        "function_call_output" | "custom_tool_call_output" => false,
        _ => true,
    }
}
