//! Decodes a client's request: the top-level fields.

use super::{messages_decode, tools_decode};
use crate::canon::{
    Effort, Format, Located, Reasoning, ReasoningDisplay, ReasoningMode, Request, SchemaFormat,
};
use crate::json::{Document, Invalid, Kind, Value};
use crate::protocol::{DecodeError, Inbound, efforts, turns};

pub(super) fn decode(inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
    let (body, adjusted) = inbound.whole_characters();
    let document = Document::parse(body.clone())?;
    let root = document.root();
    let model = root.required("model")?.str()?.into_owned();
    let mut request = Request {
        body,
        adjusted,
        model,
        ..Request::default()
    };
    for (key, value) in root.fields()? {
        field(&mut request, &key, value)?;
    }
    user(&mut request, root)?;
    root.get("tool_choice").map_or(Ok(()), |choice| {
        tools_decode::decode_choice(&mut request, choice)
    })?;
    messages_decode::decode(&mut request, root.required("input")?)?;
    turns::arrange(&mut request)?;
    Ok(request)
}

/// Keeps a field that canon has no place for, so that every encoder reports it.
pub(super) fn leave(request: &mut Request, value: Value<'_>) {
    request.unknown.push(value.into());
}

/// Keeps each field of an object that is not in `known`.
pub(super) fn leave_all_but(
    request: &mut Request,
    object: Value<'_>,
    known: &[&str],
) -> Result<(), Invalid> {
    for (key, value) in object.fields()? {
        if !known.contains(&&*key) {
            leave(request, value);
        }
    }
    Ok(())
}

fn field(request: &mut Request, key: &str, value: Value<'_>) -> Result<(), DecodeError> {
    match key {
        // Decoded before or after the others.
        "model" | "input" | "user" | "safety_identifier" | "tool_choice" => {}
        _ if is_default(key, value) => {}
        "instructions" => messages_decode::instructions(request, value)?,
        "stream" => request.stream = value.bool()?,
        "max_output_tokens" => request.output_tokens_max = Some(Located::read(value, Value::u64)?),
        "temperature" => request.sampling.temperature = Some(Located::read(value, Value::number)?),
        "top_p" => request.sampling.top_p = Some(Located::read(value, Value::number)?),
        "top_logprobs" => top_logprobs(request, value)?,
        "include" => include(request, value)?,
        "tools" => tools_decode::decode(request, value)?,
        "parallel_tool_calls" => {
            request.parallel_tool_calls = Some(Located::read(value, Value::bool)?)
        }
        "text" => text(request, value)?,
        "reasoning" => reasoning(request, value)?,
        "metadata" => request.metadata = Some(Located::new(value.raw(), value.offset())),
        "prompt_cache_key" => request.cache_key = Some(Located::read(value, Value::text)?),
        "service_tier" => request.tier = Some(Located::read(value, Value::text)?),
        "previous_response_id" | "conversation" => return Err(unstored(value)),
        "background" => {
            return Err(refused(
                value,
                "background responses need a store, and this gateway stores none",
            ));
        }
        "prompt" => {
            return Err(refused(
                value,
                "prompt templates stand on the provider's own platform and cannot be translated",
            ));
        }
        "context_management" | "moderation" | "image" | "access_programs" => {
            return Err(refused(
                value,
                "changes the answer in a way that only the openai_responses dialect knows",
            ));
        }
        _ => leave(request, value),
    }
    Ok(())
}

/// Whether a field has its default value and so asks for nothing. `store: true` is a hint: a
/// translated answer is simply not stored.
fn is_default(key: &str, value: Value<'_>) -> bool {
    let equals = |default: &str| value.str().is_ok_and(|value| value == default);
    match key {
        "truncation" => equals("disabled"),
        "service_tier" => equals("auto"),
        "store" | "background" | "stream_options" | "metadata" => !is_active(value),
        "context_management" | "moderation" | "image" | "access_programs" => !is_active(value),
        _ => false,
    }
}

fn is_active(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null => false,
        Kind::Bool => value.bool().unwrap_or(true),
        Kind::Array => value.items().is_ok_and(|mut items| items.next().is_some()),
        Kind::Object => value
            .members()
            .is_ok_and(|mut members| members.next().is_some()),
        Kind::Number | Kind::String => true,
    }
}

fn refused(value: Value<'_>, why: &'static str) -> DecodeError {
    DecodeError::unsupported(value.offset(), why)
}

/// The error for a reference to a stored response.
pub(super) fn unstored(value: Value<'_>) -> DecodeError {
    refused(
        value,
        "refers to what an earlier response stored, and this gateway stores none: send the conversation's items instead",
    )
}

fn top_logprobs(request: &mut Request, value: Value<'_>) -> Result<(), Invalid> {
    let alternatives = value.u64()?;
    if alternatives > 0 {
        request.logprobs = Some(Located::new(alternatives, value.offset()));
    }
    Ok(())
}

fn include(request: &mut Request, value: Value<'_>) -> Result<(), Invalid> {
    for item in value.items()? {
        match &*item.str()? {
            // Always done: tokens come back to the client whenever the upstream gives them.
            "reasoning.encrypted_content" => {}
            "message.output_text.logprobs" => {
                request
                    .logprobs
                    .get_or_insert(Located::new(0, item.offset()));
            }
            _ => leave(request, item),
        }
    }
    Ok(())
}

/// `user` is the old name of `safety_identifier`; where both stand, the new one counts.
fn user(request: &mut Request, root: Value<'_>) -> Result<(), Invalid> {
    let (old, new) = (root.get("user"), root.get("safety_identifier"));
    if let (Some(old), Some(_)) = (old, new) {
        leave(request, old);
    }
    if let Some(value) = new.or(old) {
        request.user = Some(Located::read(value, Value::text)?);
    }
    Ok(())
}

fn text(request: &mut Request, text: Value<'_>) -> Result<(), Invalid> {
    if let Some(value) = text.get("format") {
        request.format = Some(Located::new(format(request, value)?, value.offset()));
    }
    if let Some(value) = text.get("verbosity") {
        request.verbosity = Some(Located::read(value, Value::text)?);
    }
    leave_all_but(request, text, &["format", "verbosity"])
}

fn format(request: &mut Request, format: Value<'_>) -> Result<Format, Invalid> {
    leave_all_but(
        request,
        format,
        &["type", "name", "description", "schema", "strict"],
    )?;
    let kind = format.required("type")?;
    match &*kind.str()? {
        "text" => Ok(Format::Free),
        "json_object" => Ok(Format::Json),
        "json_schema" => schema_format(format).map(Format::Schema),
        _ => Err(kind.expected("`text`, `json_object` or `json_schema`")),
    }
}

fn schema_format(format: Value<'_>) -> Result<SchemaFormat, Invalid> {
    let string = |key: &str| {
        format
            .get(key)
            .map(|value| Located::read(value, Value::text))
            .transpose()
    };
    Ok(SchemaFormat {
        name: string("name")?,
        description: string("description")?,
        schema: format.required("schema")?.raw(),
        strict: format
            .get("strict")
            .map(|value| Located::read(value, Value::bool))
            .transpose()?,
    })
}

/// Reads how to reason; what an earlier value said and this one does not say stays.
pub(super) fn reasoning(request: &mut Request, value: Value<'_>) -> Result<(), Invalid> {
    let earlier = request.reasoning.take().map(|earlier| earlier.value);
    let mut reasoning = Reasoning {
        display: earlier.as_ref().and_then(|earlier| earlier.display.clone()),
        effort: earlier.and_then(|earlier| earlier.effort),
        ..Reasoning::default()
    };
    for (key, value) in value.fields()? {
        match &*key {
            "effort" => reasoning.effort = Some(Located::read(value, effort)?),
            "summary" => reasoning.display = Some(Located::read(value, show)?),
            // The old name of `summary`.
            "generate_summary" if reasoning.display.is_none() => {
                reasoning.display = Some(Located::read(value, show)?)
            }
            _ => leave(request, value),
        }
    }
    if reasoning
        .effort
        .as_ref()
        .is_some_and(|effort| effort.value == Effort::None)
    {
        reasoning.mode = ReasoningMode::Off;
    }
    if reasoning != Reasoning::default() {
        request.reasoning = Some(Located::new(reasoning, value.offset()));
    }
    Ok(())
}

fn effort(value: Value<'_>) -> Result<Effort, Invalid> {
    let expected =
        || value.expected("`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`");
    efforts::from_openai(&value.str()?).ok_or_else(expected)
}

fn show(value: Value<'_>) -> Result<ReasoningDisplay, Invalid> {
    Ok(match &*value.str()? {
        "none" => ReasoningDisplay::No,
        _ => ReasoningDisplay::Summary(Some(value.text()?)),
    })
}
