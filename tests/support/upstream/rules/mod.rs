//! What the real services refuse, with their messages as far as the references give them.
//!
//! Only the first broken rule is reported, as the services do. Must not accept what the references
//! call an error.

mod anthropic;
mod chat;
mod gemini;
mod openai_schema;
mod responses;

use http::Method;
use serde_json::Value;

use super::route::{Call, Operation};
use super::{Received, Refusal, key};
use crate::support::Dialect;

pub type Verdict = Result<(), Refusal>;

/// A model that no upstream has.
pub const MISSING_MODEL: &str = "missing-model";

/// Checks whether the dialect's service would accept `request`.
///
/// # Errors
/// The refusal that it would send instead.
pub fn check(call: &Call, request: &Received) -> Verdict {
    check_credentials(call.dialect, request)?;
    check_head(call, request)?;
    if request.method == Method::GET {
        return check_model(call.dialect, call.model.as_deref().unwrap_or_default());
    }
    check_content_type(request)?;
    let body = parse(request)?;
    check_model(
        call.dialect,
        call.model
            .as_deref()
            .unwrap_or_else(|| text(&body, "model")),
    )?;
    match call.dialect {
        Dialect::Chat if call.operation == Operation::Embed => chat::check_embed(&body),
        Dialect::Chat => chat::check(&body),
        Dialect::Completions => chat::check_completion(&body),
        Dialect::Responses => responses::check(&body, call.operation),
        Dialect::Anthropic => anthropic::check(&body, call.operation, request),
        Dialect::Gemini => gemini::check(&body, call),
        Dialect::Ollama => unreachable!("no upstream speaks it"),
    }
}

fn check_head(call: &Call, request: &Received) -> Verdict {
    if call.dialect == Dialect::Anthropic {
        anthropic::check_version(request)
    } else {
        Ok(())
    }
}

fn check_content_type(request: &Received) -> Verdict {
    let is_json = request
        .header("content-type")
        .is_some_and(|value| value.starts_with("application/json"));
    require(is_json, || {
        Refusal::bad("Invalid content type: expected `application/json`")
    })
}

fn parse(request: &Received) -> Result<Value, Refusal> {
    let body = serde_json::from_slice(&request.body)
        .ok()
        .filter(Value::is_object);
    body.ok_or_else(|| Refusal::bad("We could not parse the JSON body of your request."))
}

fn check_model(dialect: Dialect, model: &str) -> Verdict {
    require(model != MISSING_MODEL, || match dialect {
        Dialect::Anthropic => Refusal::new(404, format!("model: {model}")),
        Dialect::Gemini => Refusal::new(
            404,
            format!("models/{model} is not found for API version v1beta"),
        ),
        _ => Refusal::new(
            404,
            format!("The model `{model}` does not exist or you do not have access to it."),
        )
        .code("model_not_found"),
    })
}

fn check_credentials(dialect: Dialect, request: &Received) -> Verdict {
    match (credential(dialect, request), dialect) {
        (Some(given), _) if given == key(dialect) => Ok(()),
        (Some(_), Dialect::Anthropic) => Err(Refusal::new(401, "invalid x-api-key")),
        (Some(_), Dialect::Gemini) => Err(Refusal::bad(
            "API key not valid. Please pass a valid API key.",
        )
        .code("API_KEY_INVALID")),
        (Some(_), _) => {
            Err(Refusal::new(401, "Incorrect API key provided.").code("invalid_api_key"))
        }
        (None, Dialect::Anthropic) => Err(Refusal::new(401, "x-api-key header is required")),
        (None, Dialect::Gemini) => Err(Refusal::new(
            403,
            "Method doesn't allow unregistered callers.",
        )),
        (None, _) => Err(Refusal::new(401, "You didn't provide an API key.")),
    }
}

/// The credential that counts, in the forms that the dialect's service accepts.
fn credential(dialect: Dialect, request: &Received) -> Option<String> {
    let bearer = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let credential = match dialect {
        Dialect::Anthropic => request.header("x-api-key").or(bearer),
        Dialect::Gemini => request
            .header("x-goog-api-key")
            .or_else(|| query_key(request))
            .or(bearer),
        _ => bearer,
    };
    credential.map(str::to_owned)
}

fn query_key(request: &Received) -> Option<&str> {
    request
        .query
        .as_deref()?
        .split('&')
        .find_map(|pair| pair.strip_prefix("key="))
}

fn require(holds: bool, refusal: impl FnOnce() -> Refusal) -> Verdict {
    if holds { Ok(()) } else { Err(refusal()) }
}

/// The string of that member. Empty if there is none.
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The elements of that member. None if it is not an array.
fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn has(value: &Value, key: &str) -> bool {
    value.get(key).is_some_and(|member| !member.is_null())
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys().map(String::as_str))
}

/// The first member that is not in `known`.
fn unknown_key<'a>(value: &'a Value, known: &[&str]) -> Option<&'a str> {
    keys(value).find(|key| !known.contains(key))
}

fn is_name(name: &str, max: usize, extra: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || extra.contains(c);
    !name.is_empty() && name.len() <= max && name.chars().all(is_letter)
}

fn first_duplicate<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.find(|name| !seen.insert(*name))
}
