//! Decodes the conversation, the `input` items: messages, calls, their results, reasoning. An item
//! without `type` is a message.
//!
//! `id` and `status` of items are for a store. They say nothing to a model, and are ignored without
//! being reported.

use std::collections::HashMap;

use super::content_decode::{self, ContentRole};
use super::encrypted_content::EncryptedContent;
use super::request_decode::{leave, leave_all_but, unstored};
use super::{DIALECT, encrypted_content, request_decode, tools_decode};
use crate::canon::{
    Offset, Part, PartKind, ReasoningForm, Request, Role, Signature, ToolInput, ToolResult, Turn,
};
use crate::json::{EscapedStr, Invalid, Kind, Value};
use crate::protocol::DecodeError;

pub(super) fn decode(request: &mut Request, input: Value<'_>) -> Result<(), DecodeError> {
    if input.kind() == Kind::String {
        let part = Part::text(input.text()?, input.offset());
        push(request, Role::User, part);
        return Ok(());
    }
    if input.kind() != Kind::Array {
        return Err(input.expected("a string or an array of items").into());
    }
    let mut signable = SignableParts::default();
    input
        .items()?
        .try_for_each(|item| decode_item(request, item, &mut signable))
}

pub(super) fn instructions(request: &mut Request, value: Value<'_>) -> Result<(), Invalid> {
    let text = value.text()?;
    if !text.is_empty() {
        request.system.push(Part::text(text, value.offset()));
    }
    Ok(())
}

fn decode_item(
    request: &mut Request,
    item: Value<'_>,
    signable: &mut SignableParts,
) -> Result<(), DecodeError> {
    let kind = item
        .get("type")
        .map(Value::text)
        .transpose()?
        .unwrap_or_else(|| EscapedStr::from_static("message"));
    match &*kind.to_plain() {
        "message" => message(request, item)?,
        "function_call" => call(request, item, "arguments")?,
        "custom_tool_call" => call(request, item, "input")?,
        "function_call_output" | "custom_tool_call_output" => result(request, item)?,
        "reasoning" => reasoning(request, item, signable)?,
        "additional_tools" => additional_tools(request, item)?,
        "configuration_update" => configuration_update(request, item)?,
        "item_reference" => return Err(unstored(item)),
        _ => hosted(request, item, kind),
    }
    Ok(())
}

/// Adds a part as a turn of its own; `turns::arrange` joins neighbours.
fn push(request: &mut Request, role: Role, part: Part) {
    let at = part.at;
    request.turns.push(Turn {
        role,
        parts: vec![part],
        name: None,
        at,
    });
}

fn message(request: &mut Request, item: Value<'_>) -> Result<(), DecodeError> {
    leave_all_but(request, item, &["type", "id", "status", "role", "content"])?;
    let role_value = item.required("role")?;
    let role = match &*role_value.str()? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        "developer" => Role::Developer,
        _ => {
            return Err(role_value
                .expected("`user`, `assistant`, `system` or `developer`")
                .into());
        }
    };
    let parts = content(request, item.get("content"), ContentRole::of(role))?;
    let is_system = matches!(role, Role::System | Role::Developer);
    if is_system && request.turns.is_empty() {
        request.system.extend(parts);
    } else if !parts.is_empty() {
        request.turns.push(Turn {
            role,
            parts,
            name: None,
            at: item.offset(),
        });
    }
    Ok(())
}

fn call(request: &mut Request, item: Value<'_>, input_key: &'static str) -> Result<(), Invalid> {
    leave_all_but(
        request,
        item,
        &[
            "type",
            "id",
            "status",
            "call_id",
            "name",
            "namespace",
            input_key,
        ],
    )?;
    let input = item.get(input_key);
    let kind = PartKind::ToolCall {
        id: item.required("call_id")?.text()?,
        name: item.required("name")?.text()?,
        namespace: item.get("namespace").map(Value::text).transpose()?,
        input: if input_key == "input" {
            ToolInput::Free(input.map(Value::text).transpose()?.unwrap_or_default())
        } else {
            ToolInput::from_value(input)
        },
    };
    push(request, Role::Assistant, Part::new(kind, item.offset()));
    Ok(())
}

fn result(request: &mut Request, item: Value<'_>) -> Result<(), DecodeError> {
    leave_all_but(
        request,
        item,
        &["type", "id", "status", "call_id", "name", "output"],
    )?;
    let result = ToolResult {
        call_id: item.required("call_id")?.text()?,
        name: item.get("name").map(Value::text).transpose()?,
        parts: content(request, item.get("output"), ContentRole::Tool)?,
        is_error: false,
    };
    push(
        request,
        Role::User,
        Part::new(PartKind::ToolResult(result), item.offset()),
    );
    Ok(())
}

/// Nothing is said where there is no content: clients keep such items in their history.
fn content(
    request: &mut Request,
    content: Option<Value<'_>>,
    role: ContentRole,
) -> Result<Vec<Part>, DecodeError> {
    content.map_or(Ok(Vec::new()), |content| {
        content_decode::content(request, content, role)
    })
}

/// Decodes reasoning of an earlier turn. The full text counts where a server gave it, and a summary
/// beside it that says something else is reported as unknown.
fn reasoning(
    request: &mut Request,
    item: Value<'_>,
    signable: &mut SignableParts,
) -> Result<(), Invalid> {
    leave_all_but(
        request,
        item,
        &[
            "type",
            "id",
            "status",
            "summary",
            "content",
            "encrypted_content",
        ],
    )?;
    let summary = paragraphs(item.get("summary"))?;
    let full = paragraphs(item.get("content"))?;
    if let Some(value) = item.get("summary")
        && !summary.is_empty()
        && !full.is_empty()
        && summary != full
    {
        leave(request, value);
    }
    let (form, texts) = if !full.is_empty() {
        (ReasoningForm::Full, full)
    } else if !summary.is_empty() {
        (ReasoningForm::Summary, summary)
    } else {
        (ReasoningForm::Redacted, Vec::new())
    };
    let (signature, form) = match signature(request, item, signable)? {
        Some((signature, original_form)) => (Some(signature), original_form.unwrap_or(form)),
        None => (None, form),
    };
    if signature.is_some() || !texts.is_empty() {
        let part = Part {
            signature,
            ..Part::new(PartKind::Reasoning { form, texts }, item.offset())
        };
        push(request, Role::Assistant, part);
    }
    Ok(())
}

fn paragraphs(list: Option<Value<'_>>) -> Result<Vec<EscapedStr>, Invalid> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    list.items()?
        .map(|paragraph| paragraph.required("text")?.text())
        .collect()
}

/// The signature of a reasoning item, and the form of the reasoning in the dialect that made it.
/// The signature of a call or text is attached there.
fn signature(
    request: &mut Request,
    item: Value<'_>,
    signable: &mut SignableParts,
) -> Result<Option<(Signature, Option<ReasoningForm>)>, Invalid> {
    let Some(encrypted) = item.get("encrypted_content") else {
        return Ok(None);
    };
    let id = item.get("id").map(Value::text).transpose()?;
    match encrypted_content::decode(id.as_ref(), &encrypted.text()?) {
        EncryptedContent::Reasoning { signature, form } => {
            return Ok(Some((signature, form)));
        }
        EncryptedContent::Part { call_id, signature } => {
            signable.sign(request, &call_id, signature, item.offset());
        }
        EncryptedContent::None => {}
    }
    Ok(None)
}

/// The assistant's parts that a signature may come for, by their turn and their place in it.
#[derive(Default)]
struct SignableParts {
    /// How many turns have been looked at.
    turns: usize,
    calls: HashMap<EscapedStr, (usize, usize)>,
    last_text: Option<(usize, usize)>,
}

impl SignableParts {
    /// Gives the last call of that id (or the last text, where no call is named) its signature.
    fn sign(
        &mut self,
        request: &mut Request,
        call_id: &EscapedStr,
        signature: Signature,
        at: Offset,
    ) {
        self.catch_up(&request.turns);
        let place = if call_id.is_empty() {
            self.last_text
        } else {
            self.calls.get(call_id).copied()
        };
        if let Some((turn, part)) = place {
            let part = &mut request.turns[turn].parts[part];
            (part.signature, part.signature_at) = (Some(signature), Some(at));
        }
    }

    fn catch_up(&mut self, turns: &[Turn]) {
        for (turn_index, turn) in turns.iter().enumerate().skip(self.turns) {
            if turn.role != Role::Assistant {
                continue;
            }
            for (part_index, part) in turn.parts.iter().enumerate() {
                let place = (turn_index, part_index);
                match &part.kind {
                    PartKind::ToolCall { id, .. } => {
                        self.calls.insert(id.clone(), place);
                    }
                    PartKind::Text(_) => self.last_text = Some(place),
                    _ => {}
                }
            }
        }
        self.turns = turns.len();
    }
}

/// Codex's tools that join in the middle of a conversation.
fn additional_tools(request: &mut Request, item: Value<'_>) -> Result<(), DecodeError> {
    leave_all_but(request, item, &["type", "id", "status", "role", "tools"])?;
    tools_decode::decode(request, item.required("tools")?)
}

/// A change of the effort from here on: `{"reasoning":{"effort":"high"}}`. The last one holds for
/// the answer.
fn configuration_update(request: &mut Request, item: Value<'_>) -> Result<(), Invalid> {
    leave_all_but(request, item, &["type", "id", "status", "reasoning"])?;
    let Some(reasoning) = item.get("reasoning") else {
        return Ok(());
    };
    request_decode::reasoning(request, reasoning)?;
    request.adjusted.push(item.offset());
    Ok(())
}

/// Keeps an item that only this dialect knows.
fn hosted(request: &mut Request, item: Value<'_>, kind: EscapedStr) {
    let role = if kind.to_plain().ends_with("_output") {
        Role::User
    } else {
        Role::Assistant
    };
    push(
        request,
        role,
        Part::new(
            PartKind::Hosted {
                dialect: DIALECT,
                kind,
                raw: item.raw(),
            },
            item.offset(),
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::{Dialect, Origin};

    #[test]
    fn a_token_goes_to_the_call_that_it_names() {
        let call = |id: &str| {
            let input = ToolInput::Free(EscapedStr::default());
            Part::new(
                PartKind::ToolCall {
                    id: id.into(),
                    name: "f".into(),
                    namespace: None,
                    input,
                },
                Offset(0),
            )
        };
        let mut request = Request::default();
        push(
            &mut request,
            Role::Assistant,
            Part::text("said".into(), Offset(0)),
        );
        push(&mut request, Role::Assistant, call("1"));
        push(&mut request, Role::Assistant, call("2"));
        let origin = Origin {
            dialect: Dialect::named("gemini"),
            provider: String::new(),
            model: String::new(),
        };
        let signature = |value: &str| Signature {
            origin: origin.clone(),
            value: value.into(),
        };
        let mut signable = SignableParts::default();
        signable.sign(
            &mut request,
            &"1".into(),
            signature("of the call"),
            Offset(0),
        );
        signable.sign(
            &mut request,
            &EscapedStr::default(),
            signature("of the text"),
            Offset(0),
        );
        let tokens: Vec<_> = request
            .turns
            .iter()
            .map(|turn| turn.parts[0].signature.clone())
            .collect();
        assert_eq!(
            tokens,
            [
                Some(signature("of the text")),
                Some(signature("of the call")),
                None
            ]
        );
    }
}
