//! Decodes a client's request: `/api/chat` with messages, `/api/generate` with a prompt.
//!
//! Source: Ollama, `api/types.go`, `ChatRequest`, `GenerateRequest`, `ThinkValue`.

use crate::canon::{
    Effort, Format, Located, Part, Reasoning, ReasoningDisplay, ReasoningMode, Request, Role,
    SchemaFormat, Turn,
};
use crate::json::{Document, Invalid, Kind, Value};
use crate::protocol::openai_chat::fields::Fields;
use crate::protocol::{DecodeError, Inbound, efforts, turns};

use super::response_head::Form;
use super::{images, messages_decode, options_decode, tools_decode};

const NOTHING_ASKED: &str =
    "expected a message or a prompt: models need no loading here, and are never unloaded";

const NEEDS_OWN_MODEL: &str = "only a model that runs beside its server can do this";

pub(super) fn decode(inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
    let (body, adjusted) = inbound.whole_characters();
    let document = Document::parse(body.clone())?;
    let mut fields = Fields::of(document.root())?;
    let mut request = Request {
        model: fields.required("model")?.str()?.into_owned(),
        stream: fields.take("stream").map_or(Ok(true), Value::bool)?,
        format: fields.take("format").map(format).transpose()?.flatten(),
        reasoning: fields.take("think").map(reasoning).transpose()?,
        include_usage: true,
        ..Request::default()
    };
    options_decode::decode(&mut fields, &mut request)?;
    tools_decode::decode(&mut fields, &mut request)?;
    match Form::of(document.root()) {
        Form::Chat => messages(&mut fields, &mut request)?,
        Form::Prompt => prompt(&mut fields, &mut request)?,
    }
    fields.leave(&mut request.unknown);
    (request.body, request.adjusted) = (body, adjusted);
    turns::arrange(&mut request)?;
    if request.turns.is_empty() && request.system.is_empty() {
        return Err(Invalid::new(document.root().offset(), NOTHING_ASKED).into());
    }
    Ok(request)
}

fn messages(fields: &mut Fields<'_>, request: &mut Request) -> Result<(), DecodeError> {
    let Some(messages) = fields.take("messages") else {
        return Err(Invalid::new(fields.object().offset(), NOTHING_ASKED).into());
    };
    messages_decode::decode(messages, request)
}

/// A prompt is one turn of the user.
fn prompt(fields: &mut Fields<'_>, request: &mut Request) -> Result<(), DecodeError> {
    refuse_untranslatable(fields)?;
    if let Some(system) = fields.take("system") {
        let text = system.text()?;
        if !text.is_empty() {
            request.system.push(Part::text(text, system.offset()));
        }
    }
    let prompt = fields.required("prompt")?;
    let (text, at) = (prompt.text()?, prompt.offset());
    let mut parts = images::decode(fields)?;
    if !text.is_empty() {
        parts.push(Part::text(text, at));
    }
    if !parts.is_empty() {
        request.turns.push(Turn {
            role: Role::User,
            parts,
            name: None,
            at,
        });
    }
    Ok(())
}

/// Refuses what changes the meaning of a prompt and has no counterpart. An empty value asks for
/// nothing.
fn refuse_untranslatable(fields: &mut Fields<'_>) -> Result<(), DecodeError> {
    for key in ["suffix", "raw", "template", "context"] {
        let asks = |value: &Value<'_>| !matches!(value.as_written(), "\"\"" | "false" | "[]");
        if let Some(value) = fields.take(key).filter(asks) {
            return Err(DecodeError::unsupported(value.offset(), NEEDS_OWN_MODEL));
        }
    }
    Ok(())
}

/// `"json"`, or a JSON Schema; an empty string is none.
fn format(value: Value<'_>) -> Result<Option<Located<Format>>, Invalid> {
    let format = match value.kind() {
        Kind::Object => Format::Schema(SchemaFormat {
            name: None,
            description: None,
            schema: value.raw(),
            strict: None,
        }),
        _ => match value.str().as_deref() {
            Ok("json") => Format::Json,
            Ok("") => return Ok(None),
            _ => return Err(value.expected("`json` or a JSON Schema")),
        },
    };
    Ok(Some(Located::new(format, value.offset())))
}

/// Whether to think, or how much. `true` is a medium effort, as Ollama's own models are told.
fn reasoning(value: Value<'_>) -> Result<Located<Reasoning>, Invalid> {
    let at = value.offset();
    let effort = match value.bool() {
        Ok(false) => {
            let off = Reasoning {
                mode: ReasoningMode::Off,
                ..Reasoning::default()
            };
            return Ok(Located::new(off, at));
        }
        Ok(true) => Effort::Medium,
        Err(_) => value
            .str()
            .ok()
            .and_then(|level| efforts::from_openai(&level))
            .ok_or_else(|| value.expected("true, false, low, medium, high or max"))?,
    };
    let reasoning = Reasoning {
        effort: Some(Located::new(effort, at)),
        display: Some(Located::new(ReasoningDisplay::Summary(None), at)),
        ..Reasoning::default()
    };
    Ok(Located::new(reasoning, at))
}
