//! Decodes the conversation.
//!
//! System messages in front become the request's system text. Results of calls become parts, which
//! `turns::arrange` puts behind their calls. Source: Chat Completions API, `messages`.

use std::collections::VecDeque;

use crate::canon::{
    CacheBreakpoint, Part, PartKind, ReasoningForm, Request, Role, ToolInput, ToolResult, Turn,
};
use crate::json::{EscapedStr, Invalid, Value};
use crate::protocol::DecodeError;
use crate::protocol::openai::media;

use super::fields::Fields;
use super::media_decode;

pub(super) fn decode(messages: Value<'_>, request: &mut Request) -> Result<(), DecodeError> {
    let mut decoder = Decoder {
        request,
        legacy_call_id: None,
        generated_ids: VecDeque::new(),
    };
    for (index, message) in messages.items()?.enumerate() {
        decoder.message(index, message)?;
    }
    Ok(())
}

struct Decoder<'r> {
    request: &'r mut Request,
    /// The id that was generated for the last legacy call. Its result names the function only.
    legacy_call_id: Option<EscapedStr>,
    /// The ids that were generated for calls without one. Their results come in the same order.
    generated_ids: VecDeque<EscapedStr>,
}

/// Who says a content: an earlier answer may hold parts that only its model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    Assistant,
    Other,
}

impl Decoder<'_> {
    fn message(&mut self, index: usize, message: Value<'_>) -> Result<(), DecodeError> {
        let mut fields = Fields::of(message)?;
        let role = fields.required("role")?;
        match &*role.str()? {
            "system" => self.instructions(Role::System, &mut fields)?,
            "developer" => self.instructions(Role::Developer, &mut fields)?,
            "user" => self.user(&mut fields)?,
            "assistant" => self.assistant(index, &mut fields)?,
            "tool" => self.tool(&mut fields)?,
            "function" => self.function(&mut fields)?,
            _ => {
                return Err(role
                    .expected("system, developer, user, assistant or tool")
                    .into());
            }
        }
        fields.leave(&mut self.request.unknown);
        Ok(())
    }

    fn instructions(&mut self, role: Role, fields: &mut Fields<'_>) -> Result<(), DecodeError> {
        let parts = self.optional_content(fields, Speaker::Other)?;
        let is_text = |part: &&Part| matches!(part.kind, PartKind::Text(_));
        if let Some(part) = parts.iter().find(|part| !is_text(part)) {
            return Err(DecodeError::unsupported(
                part.at,
                "instructions are text; other parts cannot be translated",
            ));
        }
        if self.request.turns.is_empty() {
            self.request.system.extend(parts);
            return Ok(());
        }
        self.turn(role, parts, fields)
    }

    fn user(&mut self, fields: &mut Fields<'_>) -> Result<(), DecodeError> {
        let parts = self.optional_content(fields, Speaker::Other)?;
        self.turn(Role::User, parts, fields)
    }

    fn assistant(&mut self, index: usize, fields: &mut Fields<'_>) -> Result<(), DecodeError> {
        let mut parts = Vec::new();
        parts.extend(reasoning(fields)?);
        parts.extend(self.optional_content(fields, Speaker::Assistant)?);
        if let Some(refusal) = fields.take("refusal") {
            parts.push(Part::new(
                PartKind::Refusal(refusal.text()?),
                refusal.offset(),
            ));
        }
        parts.extend(self.calls(index, fields)?);
        parts.extend(self.legacy_call(index, fields)?);
        if let Some(audio) = fields.take("audio") {
            return Err(DecodeError::unsupported(
                audio.offset(),
                "audio of an earlier answer is known to its provider only",
            ));
        }
        ignore_empty_annotations(fields);
        self.turn(Role::Assistant, parts, fields)
    }

    fn calls(&mut self, message: usize, fields: &mut Fields<'_>) -> Result<Vec<Part>, DecodeError> {
        let Some(calls) = fields.take("tool_calls") else {
            return Ok(Vec::new());
        };
        let calls = calls.items()?.enumerate();
        calls
            .map(|(position, value)| self.call(message, position, value))
            .collect()
    }

    fn call(
        &mut self,
        message: usize,
        position: usize,
        value: Value<'_>,
    ) -> Result<Part, DecodeError> {
        let mut fields = Fields::of(value)?;
        let id = fields.text("id")?.filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| {
            let id = EscapedStr::from(format!("call_{message}_{position}"));
            self.generated_ids.push_back(id.clone());
            id
        });
        let kind = fields.take("type").map(Value::str).transpose()?;
        let (name, input) = match kind.as_deref() {
            None | Some("function") => self.function_input(fields.required("function")?)?,
            Some("custom") => self.custom_input(fields.required("custom")?)?,
            // Moonshot's `builtin_function` is written like a function.
            Some(other) => match fields.take("function") {
                Some(function) => self.function_input(function)?,
                None => {
                    let why = format!("no dialect carries a call of type `{other}`");
                    return Err(DecodeError::unsupported(value.offset(), why));
                }
            },
        };
        // Some clients send back a call as a chunk held it, with its index.
        fields.take("index");
        fields.leave(&mut self.request.unknown);
        Ok(Part::new(
            PartKind::ToolCall {
                id,
                name,
                namespace: None,
                input,
            },
            value.offset(),
        ))
    }

    fn function_input(&mut self, value: Value<'_>) -> Result<(EscapedStr, ToolInput), Invalid> {
        let mut fields = Fields::of(value)?;
        let name = fields.required("name")?.text()?;
        let input = ToolInput::from_value(fields.take("arguments"));
        fields.leave(&mut self.request.unknown);
        Ok((name, input))
    }

    fn custom_input(&mut self, value: Value<'_>) -> Result<(EscapedStr, ToolInput), Invalid> {
        let mut fields = Fields::of(value)?;
        let name = fields.required("name")?.text()?;
        let input = ToolInput::Free(fields.required("input")?.text()?);
        fields.leave(&mut self.request.unknown);
        Ok((name, input))
    }

    fn legacy_call(
        &mut self,
        index: usize,
        fields: &mut Fields<'_>,
    ) -> Result<Option<Part>, DecodeError> {
        let Some(value) = fields.take("function_call") else {
            return Ok(None);
        };
        let (name, input) = self.function_input(value)?;
        let id = EscapedStr::from(format!("call_function_{index}"));
        self.legacy_call_id = Some(id.clone());
        Ok(Some(Part::new(
            PartKind::ToolCall {
                id,
                name,
                namespace: None,
                input,
            },
            value.offset(),
        )))
    }

    fn tool(&mut self, fields: &mut Fields<'_>) -> Result<(), DecodeError> {
        let id = fields.text("tool_call_id")?.filter(|id| !id.is_empty());
        let call_id = id.or_else(|| self.generated_ids.pop_front());
        let call_id = call_id.ok_or_else(|| fields.object().missing("tool_call_id"))?;
        self.result(call_id, fields)
    }

    fn function(&mut self, fields: &mut Fields<'_>) -> Result<(), DecodeError> {
        let at = fields.object().offset();
        let call_id = self.legacy_call_id.take();
        let call_id = call_id.ok_or_else(|| {
            DecodeError::unsupported(at, "result of a function that no earlier message called")
        })?;
        self.result(call_id, fields)
    }

    fn result(&mut self, call_id: EscapedStr, fields: &mut Fields<'_>) -> Result<(), DecodeError> {
        let parts = self.optional_content(fields, Speaker::Other)?;
        let name = fields.text("name")?;
        let result = ToolResult {
            call_id,
            name,
            parts,
            is_error: false,
        };
        let part = Part::new(PartKind::ToolResult(result), fields.object().offset());
        self.turn(Role::User, vec![part], fields)
    }

    fn turn(
        &mut self,
        role: Role,
        parts: Vec<Part>,
        fields: &mut Fields<'_>,
    ) -> Result<(), DecodeError> {
        let name = fields.located("name", Value::text)?;
        self.request.turns.push(Turn {
            role,
            parts,
            name,
            at: fields.object().offset(),
        });
        Ok(())
    }

    /// The content of a message. Nothing is said where there is none: clients keep such messages in
    /// their history.
    fn optional_content(
        &mut self,
        fields: &mut Fields<'_>,
        speaker: Speaker,
    ) -> Result<Vec<Part>, DecodeError> {
        let content = fields.take("content");
        content.map_or(Ok(Vec::new()), |content| self.content(content, speaker))
    }

    /// A string, or a list of parts.
    fn content(&mut self, value: Value<'_>, speaker: Speaker) -> Result<Vec<Part>, DecodeError> {
        if let Ok(text) = value.text() {
            return Ok(vec![Part::text(text, value.offset())]);
        }
        let items = value
            .items()
            .map_err(|_| value.expected("a string or an array of parts"))?;
        let parts = items.filter_map(|item| self.part(item, speaker).transpose());
        parts.collect()
    }

    /// One part. `None` for one of an earlier answer that only its model knows (Mistral's
    /// `thinking`, `reference`), which is kept as unknown.
    fn part(&mut self, value: Value<'_>, speaker: Speaker) -> Result<Option<Part>, DecodeError> {
        let mut fields = Fields::of(value)?;
        let kind = fields.required("type")?;
        let kind = match &*kind.str()? {
            "text" => PartKind::Text(fields.required("text")?.text()?),
            "refusal" => PartKind::Refusal(fields.required("refusal")?.text()?),
            "image_url" => media_decode::image(fields.required("image_url")?, self.request)?,
            "input_audio" => media_decode::audio(fields.required("input_audio")?, self.request)?,
            "file" => media_decode::file(fields.required("file")?, self.request)?,
            other if speaker == Speaker::Assistant && !media::is_media(other) => {
                self.request.unknown.push(value.into());
                return Ok(None);
            }
            other => {
                return Err(DecodeError::unsupported(
                    value.offset(),
                    format!("no dialect carries a part of type `{other}`"),
                ));
            }
        };
        let cache = fields
            .take("prompt_cache_breakpoint")
            .map(|mark| self.cache_breakpoint(mark))
            .transpose()?;
        fields.leave(&mut self.request.unknown);
        Ok(Some(Part {
            cache,
            ..Part::new(kind, value.offset())
        }))
    }

    /// `{"mode":"explicit","ttl":"30m"}`: `explicit` is the only mode, and what a mark means
    /// anyway.
    fn cache_breakpoint(&mut self, value: Value<'_>) -> Result<CacheBreakpoint, Invalid> {
        let mut fields = Fields::of(value)?;
        let mode = fields.take("mode");
        if let Some(mode) = mode.filter(|mode| mode.str().as_deref() != Ok("explicit")) {
            return Err(mode.expected("explicit"));
        }
        let ttl = fields.text("ttl")?;
        fields.leave(&mut self.request.unknown);
        Ok(CacheBreakpoint {
            at: value.offset(),
            ttl,
        })
    }
}

/// Reasoning has no official field; servers and clients that show it call it `reasoning_content` or
/// `reasoning`. An answer of ours has both, and comes back with both.
fn reasoning(fields: &mut Fields<'_>) -> Result<Option<Part>, Invalid> {
    let is_text = |value: Value<'_>| value.str().is_ok();
    let value = match fields.take_if("reasoning_content", is_text) {
        Some(value) => {
            fields.take_if("reasoning", |other| {
                other.is_null() || other.as_written() == value.as_written()
            });
            Some(value)
        }
        None => fields.take_if("reasoning", is_text),
    };
    let Some(value) = value.filter(|value| value.str().is_ok_and(|text| !text.is_empty())) else {
        return Ok(None);
    };
    let kind = PartKind::Reasoning {
        form: ReasoningForm::Full,
        texts: vec![value.text()?],
    };
    Ok(Some(Part::new(kind, value.offset())))
}

/// A string of JSON; some servers write the object itself.
pub(super) fn arguments(value: Value<'_>) -> Result<EscapedStr, Invalid> {
    if value.members().is_ok() {
        Ok(value.raw().to_text())
    } else {
        value.text()
    }
}

/// Clients send answers back as they came, with an empty list.
fn ignore_empty_annotations(fields: &mut Fields<'_>) {
    fields.take_if("annotations", |value| {
        value.items().is_ok_and(|mut items| items.next().is_none())
    });
}
