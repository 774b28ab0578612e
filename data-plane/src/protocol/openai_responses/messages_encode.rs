//! Encodes the conversation: each turn becomes `input` items, in order. Adjacent content becomes
//! one message.

use std::collections::HashSet;

use super::request_encode::takes_own_tools;
use super::{DIALECT, content_encode, encrypted_content};
use crate::canon::{
    Losses, Part, PartKind, ReasoningForm, Request, Role, ToolInput, ToolResult, Turn,
};
use crate::json::{Array, EscapedStr, Object};
use crate::protocol::names::{Names, shortened};
use crate::protocol::{Target, envelope};

/// Longer call ids are refused by the servers.
const CALL_ID_LEN_MAX: usize = 64;

pub(super) struct InputEncoder<'e> {
    request: &'e Request,
    target: &'e Target<'e>,
    names: &'e Names<'e>,
    losses: &'e mut Losses,
    /// The ids of custom tools' calls, whose results have a type of their own.
    free_calls: HashSet<&'e str>,
}

impl<'e> InputEncoder<'e> {
    pub(super) fn new(
        request: &'e Request,
        target: &'e Target<'e>,
        names: &'e Names<'e>,
        losses: &'e mut Losses,
    ) -> Self {
        let parts = request.turns.iter().flat_map(|turn| &turn.parts);
        let free_call = |part: &'e Part| match &part.kind {
            PartKind::ToolCall {
                id,
                input: ToolInput::Free(_),
                ..
            } => Some(id.as_escaped()),
            _ => None,
        };
        Self {
            request,
            target,
            names,
            losses,
            free_calls: parts.filter_map(free_call).collect(),
        }
    }

    /// `instruction`: text of our own, in front.
    pub(super) fn write(mut self, instruction: Option<Part>, input: &mut Array<'_>) {
        let request = self.request;
        if let Some(instruction) = instruction {
            self.message(input, Role::Developer, &[instruction]);
        }
        if request.turns.is_empty() && !request.system.is_empty() {
            // Servers refuse an empty input.
            return self.message(input, Role::System, &request.system);
        }
        for turn in &request.turns {
            self.turn(input, turn);
        }
    }

    fn turn(&mut self, input: &mut Array<'_>, turn: &Turn) {
        if let Some(name) = &turn.name {
            self.losses.dropped(name.at);
        }
        let (parts, rest) = turn.parts.split_at(len_without_trailing_reasoning(turn));
        for part in rest {
            self.losses.dropped(part.at);
        }
        for parts in parts.chunk_by(|a, b| is_content(a) && is_content(b)) {
            match &parts[0].kind {
                kind if is_item(kind) => self.item(input, &parts[0]),
                _ => self.message(input, turn.role, parts),
            }
        }
    }

    fn message(&mut self, input: &mut Array<'_>, role: Role, parts: &[Part]) {
        for part in parts {
            self.signature_item(input, part);
        }
        input.object(|message| {
            message.str("type", "message");
            message.str("role", role_name(role));
            message.array("content", |content| {
                for part in parts {
                    content_encode::part(content, part, role, self.losses);
                }
            });
        });
    }

    fn item(&mut self, input: &mut Array<'_>, part: &Part) {
        if let Some(mark) = &part.cache {
            self.losses.dropped(mark.at);
        }
        match &part.kind {
            PartKind::Reasoning { form, texts } => self.reasoning(input, part, *form, texts),
            PartKind::ToolCall {
                id,
                name,
                namespace,
                input: arguments,
            } => {
                self.signature_item(input, part);
                input.object(|item| self.call(item, id, name, namespace.as_ref(), arguments));
            }
            PartKind::ToolResult(result) => input.object(|item| self.result(item, result)),
            PartKind::Hosted { dialect, raw, .. } if *dialect == DIALECT => input.item().raw(raw),
            _ => self.losses.dropped(part.at),
        }
    }

    /// Reasoning goes back only to the model that wrote it. Without a fitting signature it is
    /// dropped.
    fn reasoning(
        &mut self,
        input: &mut Array<'_>,
        part: &Part,
        form: ReasoningForm,
        texts: &[EscapedStr],
    ) {
        match self.fitting_signature(part) {
            Some(signature) => input.object(|item| write_reasoning(item, form, texts, &signature)),
            None => self.losses.dropped(part.at),
        }
    }

    /// Writes the signature of a part that is no reasoning as an item before it: a client without
    /// reasoning parts carried it there.
    fn signature_item(&mut self, input: &mut Array<'_>, part: &Part) {
        match self.fitting_signature(part) {
            Some(signature) => {
                input.object(|item| write_reasoning(item, ReasoningForm::Redacted, &[], &signature))
            }
            None => part.drop_signature(self.losses),
        }
    }

    fn fitting_signature(&self, part: &Part) -> Option<EscapedStr> {
        envelope::fitting(
            part.signature.as_ref(),
            DIALECT,
            self.target.provider,
            self.target.model,
        )
        .cloned()
    }

    fn call(
        &self,
        item: &mut Object<'_>,
        id: &EscapedStr,
        name: &EscapedStr,
        namespace: Option<&EscapedStr>,
        arguments: &ToolInput,
    ) {
        let is_native = takes_own_tools(self.target);
        let (kind, key, arguments) = match arguments {
            ToolInput::Free(_) if is_native => {
                ("custom_tool_call", "input", arguments.to_arguments())
            }
            ToolInput::Free(_) => (
                "function_call",
                "arguments",
                arguments.to_object().to_text(),
            ),
            _ => ("function_call", "arguments", arguments.to_arguments()),
        };
        item.str("type", kind);
        item.text("call_id", &shortened(id, CALL_ID_LEN_MAX));
        let flat = namespace.filter(|_| !is_native);
        item.text("name", &self.names.wire(name, flat));
        item.some(
            "namespace",
            namespace.filter(|_| is_native),
            |value, text| value.text(text),
        );
        item.text(key, &arguments);
    }

    fn result(&mut self, item: &mut Object<'_>, result: &ToolResult) {
        let is_free =
            takes_own_tools(self.target) && self.free_calls.contains(result.call_id.as_escaped());
        item.str(
            "type",
            if is_free {
                "custom_tool_call_output"
            } else {
                "function_call_output"
            },
        );
        item.text("call_id", &shortened(&result.call_id, CALL_ID_LEN_MAX));
        content_encode::output(item.key("output"), result, self.losses);
    }
}

/// How many parts of a turn stand before reasoning that nothing follows, whose message or call is
/// gone from the client's history: "Item of type 'reasoning' was provided without its required
/// following item".
fn len_without_trailing_reasoning(turn: &Turn) -> usize {
    let is_reasoning = |part: &Part| matches!(part.kind, PartKind::Reasoning { .. });
    let last = turn.parts.iter().rposition(|part| !is_reasoning(part));
    last.map_or(0, |last| last + 1)
}

fn is_content(part: &Part) -> bool {
    !is_item(&part.kind)
}

/// Whether the part is an item of its own.
fn is_item(kind: &PartKind) -> bool {
    matches!(
        kind,
        PartKind::Reasoning { .. }
            | PartKind::ToolCall { .. }
            | PartKind::ToolResult(_)
            | PartKind::Hosted { .. }
    )
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
        Role::Developer => "developer",
    }
}

fn write_reasoning(
    item: &mut Object<'_>,
    form: ReasoningForm,
    texts: &[EscapedStr],
    signature: &EscapedStr,
) {
    let (id, content) = encrypted_content::split(signature);
    let is_full = form == ReasoningForm::Full;
    item.str("type", "reasoning");
    item.some("id", id.as_ref(), |value, text| value.text(text));
    item.array("summary", |summary| {
        paragraphs(summary, "summary_text", if is_full { &[] } else { texts })
    });
    if is_full {
        item.array("content", |content| {
            paragraphs(content, "reasoning_text", texts)
        });
    }
    item.text("encrypted_content", &content);
}

fn paragraphs(array: &mut Array<'_>, kind: &str, texts: &[EscapedStr]) {
    for text in texts {
        array.object(|paragraph| {
            paragraph.str("type", kind);
            paragraph.text("text", text);
        });
    }
}
