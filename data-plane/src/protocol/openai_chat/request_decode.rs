//! Decodes a client's request: the fields besides the conversation and the tools.
//!
//! Source: Chat Completions API, request body. Numbers stay as written and unchecked: the upstream
//! knows their limits.

use crate::canon::{
    Format, Located, Reasoning, Request, Sampling, SchemaFormat, Tool, ToolKind, Unknown,
};
use crate::json::{Document, EscapedStr, Invalid, Value};
use crate::protocol::{DecodeError, Inbound, efforts, turns};

use super::fields::Fields;
use super::{DIALECT, messages_decode, tools_decode};

/// More stop sequences are a 400 of the API itself.
const STOPS_MAX: usize = 4;

pub(super) fn decode(inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
    let (body, adjusted) = inbound.whole_characters();
    let document = Document::parse(body.clone())?;
    let mut fields = Fields::of(document.root())?;
    let mut request = common_fields(&mut fields)?;
    (request.body, request.adjusted) = (body, adjusted);
    output_fields(&mut fields, &mut request)?;
    metadata_fields(&mut fields, &mut request)?;
    tools_decode::decode(&mut fields, &mut request)?;
    messages_decode::decode(fields.required("messages")?, &mut request)?;
    fields.leave(&mut request.unknown);
    turns::arrange(&mut request)?;
    Ok(request)
}

/// Reads the fields that the legacy completions have too.
pub(in crate::protocol) fn common_fields(fields: &mut Fields<'_>) -> Result<Request, DecodeError> {
    let mut request = Request {
        model: fields.required("model")?.str()?.into_owned(),
        sampling: sampling(fields)?,
        stops: fields
            .take("stop")
            .map(stops)
            .transpose()?
            .unwrap_or_default(),
        choices: fields.located("n", choice_count)?,
        stream: fields
            .take("stream")
            .map(Value::bool)
            .transpose()?
            .unwrap_or(false),
        ..Request::default()
    };
    let limit = fields.take_first(&["max_completion_tokens", "max_tokens"]);
    request.output_tokens_max = limit
        .map(|value| Located::read(value, Value::u64))
        .transpose()?;
    let user = fields.take_first(&["safety_identifier", "user"]);
    request.user = user
        .map(|value| Located::read(value, Value::text))
        .transpose()?;
    if let Some(options) = fields.take("stream_options") {
        stream_options(options, &mut request)?;
    }
    Ok(request)
}

fn sampling(fields: &mut Fields<'_>) -> Result<Sampling, Invalid> {
    Ok(Sampling {
        temperature: fields.located("temperature", Value::number)?,
        top_p: fields.located("top_p", Value::number)?,
        // Not OpenAI's own, but what clients of other Chat servers send (vLLM, OpenRouter); others
        // can honour it.
        top_k: fields.located("top_k", Value::number)?,
        seed: fields.located("seed", Value::number)?,
        presence_penalty: fields.located("presence_penalty", Value::number)?,
        frequency_penalty: fields.located("frequency_penalty", Value::number)?,
    })
}

fn choice_count(value: Value<'_>) -> Result<u64, Invalid> {
    match value.u64()? {
        0 => Err(value.expected("1 or more")),
        count => Ok(count),
    }
}

fn stops(value: Value<'_>) -> Result<Vec<Located<EscapedStr>>, Invalid> {
    let Ok(items) = value.items() else {
        return Ok(vec![Located::read(value, Value::text)?]);
    };
    let stops: Vec<_> = items
        .map(|item| Located::read(item, Value::text))
        .collect::<Result<_, _>>()?;
    if stops.len() > STOPS_MAX {
        return Err(Invalid::new(
            value.offset(),
            format!(
                "expected at most {STOPS_MAX} stop sequences, found {}",
                stops.len()
            ),
        ));
    }
    Ok(stops)
}

fn stream_options(value: Value<'_>, request: &mut Request) -> Result<(), Invalid> {
    let mut fields = Fields::of(value)?;
    request.include_usage = fields
        .take("include_usage")
        .map(Value::bool)
        .transpose()?
        .unwrap_or(false);
    fields.leave(&mut request.unknown);
    Ok(())
}

/// Reads what the output shall look like.
fn output_fields(fields: &mut Fields<'_>, request: &mut Request) -> Result<(), DecodeError> {
    request.logprobs = logprobs(fields)?;
    request.verbosity = fields.located("verbosity", Value::text)?;
    request.reasoning = fields.take("reasoning_effort").map(reasoning).transpose()?;
    if let Some(value) = fields.take("response_format") {
        request.format = Some(Located::new(
            format(value, &mut request.unknown)?,
            value.offset(),
        ));
    }
    if let Some(value) = fields.take("modalities") {
        request.modalities = modalities(value)?;
    }
    if let Some(value) = fields.take("web_search_options") {
        let kind = ToolKind::Hosted {
            dialect: DIALECT,
            kind: EscapedStr::from_static("web_search_options"),
            raw: value.raw(),
        };
        request.tools.push(Tool {
            kind,
            at: value.offset(),
        });
    }
    Ok(())
}

/// `top_logprobs` has a meaning only beside `logprobs: true`; alone it is left as unknown.
fn logprobs(fields: &mut Fields<'_>) -> Result<Option<Located<u64>>, Invalid> {
    let Some(requested) = fields
        .located("logprobs", Value::bool)?
        .filter(|requested| requested.value)
    else {
        return Ok(None);
    };
    let top = fields.take("top_logprobs").map(Value::u64).transpose()?;
    Ok(Some(Located::new(top.unwrap_or(0), requested.at)))
}

fn reasoning(value: Value<'_>) -> Result<Located<Reasoning>, Invalid> {
    let effort = efforts::from_openai(&value.str()?);
    let effort =
        effort.ok_or_else(|| value.expected("none, minimal, low, medium, high, xhigh or max"))?;
    let effort = Some(Located::new(effort, value.offset()));
    Ok(Located::new(
        Reasoning {
            effort,
            ..Reasoning::default()
        },
        value.offset(),
    ))
}

fn format(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<Format, Invalid> {
    let mut fields = Fields::of(value)?;
    let kind = fields.required("type")?;
    let format = match &*kind.str()? {
        "text" => Format::Free,
        "json_object" => Format::Json,
        "json_schema" => Format::Schema(schema_format(fields.required("json_schema")?, unknown)?),
        _ => return Err(kind.expected("text, json_object or json_schema")),
    };
    fields.leave(unknown);
    Ok(format)
}

fn schema_format(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<SchemaFormat, Invalid> {
    let mut fields = Fields::of(value)?;
    let format = SchemaFormat {
        name: fields.located("name", Value::text)?,
        description: fields.located("description", Value::text)?,
        schema: fields.required("schema")?.raw(),
        strict: fields.located("strict", Value::bool)?,
    };
    fields.leave(unknown);
    Ok(format)
}

/// The modalities besides text.
fn modalities(value: Value<'_>) -> Result<Vec<Located<EscapedStr>>, DecodeError> {
    let mut modalities = Vec::new();
    for item in value.items()? {
        match &*item.str()? {
            "text" => {}
            "audio" => {
                return Err(DecodeError::unsupported(
                    item.offset(),
                    "audio output cannot be translated",
                ));
            }
            _ => modalities.push(Located::read(item, Value::text)?),
        }
    }
    Ok(modalities)
}

/// Reads metadata, service tier and cache key.
fn metadata_fields(fields: &mut Fields<'_>, request: &mut Request) -> Result<(), Invalid> {
    request.metadata = fields.located("metadata", |value| value.members().map(|_| value.raw()))?;
    request.tier = fields.located("service_tier", Value::text)?;
    request.cache_key = fields.located("prompt_cache_key", Value::text)?;
    Ok(())
}
