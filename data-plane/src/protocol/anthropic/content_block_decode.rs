//! The state machine of a response's content blocks.
//!
//! Blocks follow each other and never overlap, so at most one is open:
//!
//! ```text
//!           content_block_start             content_block_stop
//!   closed ---------------------> open(index) -----------------> closed
//!                                  |       ^
//!                                  +-------+
//!                             content_block_delta
//! ```
//!
//! Any other order is a malformed response: there would be no telling which part a delta belongs
//! to. Part numbers are counted here rather than taken from `index`, which only has to name the
//! open block.
//!
//! Source: Anthropic Messages reference, "Stream".

use super::stream_decode::{malformed, text};
use crate::canon::{Event, PartHead, PartIndex, ReasoningForm};
use crate::json::{self, EscapedStr, Invalid, Raw, Value};
use crate::protocol::finish_words::Produced;
use crate::protocol::{MalformedResponse, names};

/// Decodes content blocks into parts.
#[derive(Default)]
pub(super) struct BlockDecoder {
    open: Option<OpenBlock>,
    /// How many blocks have ended, which is the number of the open block's part.
    parts: u32,
    produced: Produced,
}

/// A block between its start and its stop.
struct OpenBlock {
    /// The upstream's index.
    index: u64,
    kind: BlockKind,
}

enum BlockKind {
    /// Text or thinking: each delta goes out as it comes.
    Streamed { is_text: bool },
    /// A tool call: streamed too. `has_input` tells whether any of its input has come.
    ToolUse { has_input: bool },
    /// A block of a hosted tool. Canon carries it as one JSON value, so it is held back until its
    /// input is complete.
    Hosted {
        kind: EscapedStr,
        raw: Raw,
        input: Vec<EscapedStr>,
    },
}

impl BlockDecoder {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn produced(&self) -> Produced {
        self.produced
    }

    /// Opens a block. In a whole response `block` has all of its content already, in a stream as a
    /// rule none.
    pub(super) fn start(
        &mut self,
        block: Value<'_>,
        index: u64,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if let Some(open) = &self.open {
            let open = open.index;
            let why = format!("block {index} begins before block {open} has ended");
            return Err(malformed(why));
        }
        let head = head(block)?;
        let kind = match &head {
            PartHead::Hosted { kind, raw } => BlockKind::Hosted {
                kind: kind.clone(),
                raw: raw.clone(),
                input: Vec::new(),
            },
            PartHead::ToolCall { .. } => BlockKind::ToolUse { has_input: false },
            head => BlockKind::Streamed {
                is_text: *head == PartHead::Text,
            },
        };
        // A text is output once it has some.
        if !matches!(head, PartHead::Text) {
            self.produced.note(&head);
        }
        self.open = Some(OpenBlock { index, kind });
        if !self.is_hosted() {
            let at = self.at();
            out.push(Event::PartStart { at, head });
            self.initial_content(block, out)?;
        }
        Ok(())
    }

    /// The content that a block has at its start.
    fn initial_content(
        &mut self,
        block: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        for key in ["text", "thinking"] {
            self.text(text(block, &[key]), out);
        }
        for key in ["signature", "data"] {
            self.signature(text(block, &[key]), out);
        }
        if let Some(citations) = block.get("citations") {
            for citation in citations.items()? {
                self.citation(citation, out);
            }
        }
        // A stream starts a tool call with `"input":{}` and sends the real input in deltas.
        if let Some(input) = block.get("input")
            && input
                .members()
                .is_ok_and(|mut members| members.next().is_some())
        {
            self.text(Some(input.raw().compact().to_text()), out);
        }
        Ok(())
    }

    pub(super) fn delta(
        &mut self,
        delta: Value<'_>,
        index: u64,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if self.open.as_ref().is_none_or(|open| open.index != index) {
            let why = format!("a delta for block {index}, which is not open");
            return Err(malformed(why));
        }
        let kind = delta
            .get("type")
            .and_then(|kind| kind.str().ok())
            .unwrap_or_default();
        match &*kind {
            "text_delta" => self.text(Some(delta.required("text")?.text()?), out),
            "thinking_delta" => self.text(Some(delta.required("thinking")?.text()?), out),
            "input_json_delta" => self.text(Some(delta.required("partial_json")?.text()?), out),
            "signature_delta" => self.signature(Some(delta.required("signature")?.text()?), out),
            "citations_delta" => self.citation(delta.required("citation")?, out),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: Option<EscapedStr>, out: &mut Vec<Event>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return;
        };
        let at = self.at();
        match self.open.as_mut().map(|open| &mut open.kind) {
            Some(BlockKind::Hosted { input, .. }) => return input.push(text),
            Some(BlockKind::ToolUse { has_input }) => *has_input = true,
            Some(BlockKind::Streamed { is_text }) => self.produced.has_output |= *is_text,
            None => {}
        }
        out.push(Event::Delta { at, text });
    }

    fn signature(&mut self, value: Option<EscapedStr>, out: &mut Vec<Event>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return;
        };
        if !self.is_hosted() {
            let at = self.at();
            out.push(Event::Signature { at, value });
        }
    }

    fn citation(&mut self, citation: Value<'_>, out: &mut Vec<Event>) {
        if !self.is_hosted() {
            let (at, raw) = (self.at(), citation.raw());
            out.push(Event::Cite { at, raw });
        }
    }

    fn is_hosted(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| matches!(open.kind, BlockKind::Hosted { .. }))
    }

    pub(super) fn stop(
        &mut self,
        index: u64,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let Some(block) = self.open.take().filter(|open| open.index == index) else {
            let why = format!("the end of block {index}, which is not open");
            return Err(malformed(why));
        };
        let at = self.at();
        match block.kind {
            // A call without input deltas has the input `{}`.
            BlockKind::ToolUse { has_input: false } => {
                let text = EscapedStr::from_static("{}");
                out.push(Event::Delta { at, text });
            }
            BlockKind::Hosted { kind, raw, input } => {
                let raw = with_input(raw, &input);
                let head = PartHead::Hosted { kind, raw };
                out.push(Event::PartStart { at, head });
            }
            BlockKind::Streamed { .. } | BlockKind::ToolUse { .. } => {}
        }
        out.push(Event::PartEnd { at });
        self.parts += 1;
        Ok(())
    }

    fn at(&self) -> PartIndex {
        PartIndex {
            choice: 0,
            part: self.parts,
        }
    }
}

/// The kind of part that a block becomes. Blocks of a type that canon does not know are hosted.
fn head(block: Value<'_>) -> Result<PartHead, Invalid> {
    let kind = block.required("type")?;
    Ok(match &*kind.str()? {
        "text" => PartHead::Text,
        "thinking" => PartHead::Reasoning(ReasoningForm::Full),
        "redacted_thinking" => PartHead::Reasoning(ReasoningForm::Redacted),
        "tool_use" => PartHead::ToolCall {
            id: block.required("id")?.text()?,
            name: names::decode_called(block.required("name")?)?,
            namespace: None,
            free: false,
        },
        _ => PartHead::Hosted {
            kind: kind.text()?,
            raw: block.raw(),
        },
    })
}

/// A hosted tool's block with the input that its deltas brought. The block stays as it began where
/// they brought none or no valid JSON.
fn with_input(block: Raw, deltas: &[EscapedStr]) -> Raw {
    if deltas.is_empty() {
        return block;
    }
    let Ok(input) = EscapedStr::join(deltas, "").parse() else {
        return block;
    };
    let document = block.document();
    let Ok(members) = document.root().members() else {
        return block;
    };
    json::value(|value| {
        value.object(|object| {
            for (key, member) in members.filter(|(key, _)| key != "input") {
                object.raw(&key, &member.raw());
            }
            object.raw("input", &input.root().raw());
        });
    })
}
