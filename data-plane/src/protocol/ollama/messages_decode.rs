//! Decodes the conversation. Results of calls become parts, which `turns::arrange` puts behind their
//! calls.
//!
//! Source: Ollama, `api/types.go`, `Message`, `ToolCall`. Most clients send no ids of calls: a
//! result names its tool (`tool_name`; older clients `name`), or stands in the order of the calls.

use std::collections::VecDeque;

use crate::canon::{Part, PartKind, ReasoningForm, Request, Role, ToolInput, ToolResult, Turn};
use crate::json::{EscapedStr, Value};
use crate::protocol::DecodeError;
use crate::protocol::openai_chat::fields::Fields;
use crate::protocol::pending_calls::PendingCalls;

use super::images;

pub(super) fn decode(messages: Value<'_>, request: &mut Request) -> Result<(), DecodeError> {
    let mut decoder = Decoder {
        request,
        calls: PendingCalls::default(),
        unnamed: VecDeque::new(),
    };
    for (index, message) in messages.items()?.enumerate() {
        decoder.message(index, message)?;
    }
    Ok(())
}

struct Decoder<'r> {
    request: &'r mut Request,
    calls: PendingCalls,
    /// The tools that the last answer called, in order, for results without a name.
    unnamed: VecDeque<EscapedStr>,
}

impl Decoder<'_> {
    fn message(&mut self, index: usize, message: Value<'_>) -> Result<(), DecodeError> {
        let mut fields = Fields::of(message)?;
        let role = fields.required("role")?;
        let (role, parts) = match &*role.str()?.to_ascii_lowercase() {
            "system" => (Role::System, content(&mut fields)?),
            "developer" => (Role::Developer, content(&mut fields)?),
            "user" => (Role::User, content(&mut fields)?),
            "assistant" => (Role::Assistant, self.assistant(index, &mut fields)?),
            "tool" => (Role::User, vec![self.result(&mut fields)?]),
            _ => return Err(role.expected("system, user, assistant or tool").into()),
        };
        fields.leave(&mut self.request.unknown);
        // Clients keep answers without content in their history.
        if !parts.is_empty() {
            self.request.turns.push(Turn {
                role,
                parts,
                name: None,
                at: message.offset(),
            });
        }
        Ok(())
    }

    fn assistant(
        &mut self,
        index: usize,
        fields: &mut Fields<'_>,
    ) -> Result<Vec<Part>, DecodeError> {
        let mut parts = Vec::new();
        if let Some(thinking) = fields.take("thinking") {
            let text = thinking.text()?;
            let kind = PartKind::Reasoning {
                form: ReasoningForm::Full,
                texts: vec![text.clone()],
            };
            parts.extend((!text.is_empty()).then(|| Part::new(kind, thinking.offset())));
        }
        parts.extend(content(fields)?);
        if let Some(calls) = fields.take("tool_calls") {
            self.unnamed.clear();
            for (position, call) in calls.items()?.enumerate() {
                parts.push(self.call(call, (index, position))?);
            }
        }
        Ok(parts)
    }

    /// `{"id":…,"function":{"index":0,"name":…,"arguments":{…}}}`
    fn call(
        &mut self,
        value: Value<'_>,
        (message, position): (usize, usize),
    ) -> Result<Part, DecodeError> {
        let mut fields = Fields::of(value)?;
        // Clients that also speak Chat keep its type.
        fields.take("type");
        let id = fields.text("id")?.filter(|id| !id.is_empty());
        let mut function = Fields::of(fields.required("function")?)?;
        function.take("index");
        let name = function.required("name")?.text()?;
        let input = ToolInput::from_value(function.take("arguments"));
        function.leave(&mut self.request.unknown);
        fields.leave(&mut self.request.unknown);
        self.unnamed.push_back(name.clone());
        let kind = PartKind::ToolCall {
            id: self.calls.add(id, &name, message, position),
            name,
            namespace: None,
            input,
        };
        Ok(Part::new(kind, value.offset()))
    }

    fn result(&mut self, fields: &mut Fields<'_>) -> Result<Part, DecodeError> {
        let parts = content(fields)?;
        let id = fields.text("tool_call_id")?.filter(|id| !id.is_empty());
        let named = fields.take_first(&["tool_name", "name"]);
        let next = self.unnamed.pop_front();
        let name = match named.map(Value::text).transpose()? {
            Some(name) => name,
            None => next.unwrap_or_default(),
        };
        let result = ToolResult {
            call_id: self.calls.resolve(id, &name),
            name: Some(name).filter(|name| !name.is_empty()),
            parts,
            is_error: false,
        };
        Ok(Part::new(
            PartKind::ToolResult(result),
            fields.object().offset(),
        ))
    }
}

/// Images and text, each where there is one.
fn content(fields: &mut Fields<'_>) -> Result<Vec<Part>, DecodeError> {
    let mut parts = images::decode(fields)?;
    if let Some(value) = fields.take("content") {
        let text = value.text()?;
        parts.extend((!text.is_empty()).then(|| Part::text(text, value.offset())));
    }
    Ok(parts)
}
