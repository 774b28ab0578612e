//! An answer in the pieces that a record can hold: a delta of text or thinking, a whole call or
//! image. A stream is a record each; a whole answer holds them all.

use crate::canon::{
    Event, FinishReason, LossKind, Losses, MediaKind, PartHead, ReasoningForm, Start, ToolInput,
    Usage,
};
use crate::json::{EscapedStr, Raw};

/// What a record brings.
#[derive(Debug)]
pub(super) enum Piece {
    Text(EscapedStr),
    Thinking(EscapedStr),
    Call(Call),
    /// Base64.
    Image(EscapedStr),
    Logprobs(Raw),
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: EscapedStr,
    pub(super) index: u64,
    pub(super) name: EscapedStr,
    /// An object.
    pub(super) arguments: Raw,
}

/// Makes pieces of events, and keeps what the last record says. The dialect has one choice.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    open: Open,
    calls: u64,
    has_thinking: bool,
    /// Whether a paragraph or part of thinking ended since the last of its text.
    is_between_paragraphs: bool,
    has_refusal: bool,
    /// Whether a call has arguments that are no object.
    is_malformed: bool,
    finish: Option<FinishReason>,
    pub(super) start: Start,
    pub(super) usage: Usage,
    pub(super) losses: Losses,
}

/// The part that is being read, with its text so far where it is written whole.
#[derive(Debug, Default)]
enum Open {
    #[default]
    None,
    Text,
    Thinking,
    Call {
        id: EscapedStr,
        name: EscapedStr,
        is_free: bool,
        arguments: Vec<EscapedStr>,
    },
    Image(Vec<EscapedStr>),
}

impl Pieces {
    pub(super) fn push(&mut self, event: &Event) -> Option<Piece> {
        match event {
            Event::Start(start) => self.start = start.clone(),
            Event::PartStart { head, .. } => self.begin(head),
            Event::Delta { text, .. } => return self.delta(text),
            Event::Paragraph { .. } => self.is_between_paragraphs = self.has_thinking,
            Event::PartEnd { .. } => return self.end(),
            Event::Logprobs { list, .. } => return Some(Piece::Logprobs(list.clone())),
            Event::Cite { .. } => self.losses.noted("citations", LossKind::Dropped),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish { reason, detail, .. } => {
                return self.finish(reason, detail.as_ref());
            }
            // Signatures have no field; the gateway keeps them.
            Event::Signature { .. } | Event::Failed(_) | Event::Ping => {}
        }
        None
    }

    fn begin(&mut self, head: &PartHead) {
        self.is_between_paragraphs = self.has_thinking;
        self.has_refusal |= *head == PartHead::Refusal;
        self.open = match head {
            PartHead::Text | PartHead::Refusal => Open::Text,
            PartHead::Reasoning(ReasoningForm::Full | ReasoningForm::Summary) => Open::Thinking,
            PartHead::ToolCall { id, name, free, .. } => Open::Call {
                id: id.clone(),
                name: name.clone(),
                is_free: *free,
                arguments: Vec::new(),
            },
            PartHead::Media { mime } if is_image(mime) => Open::Image(Vec::new()),
            PartHead::Media { .. } => self.drop("media"),
            PartHead::Hosted { .. } => self.drop("hosted_tools"),
            PartHead::Reasoning(ReasoningForm::Redacted) => Open::None,
        };
    }

    fn drop(&mut self, what: &'static str) -> Open {
        self.losses.noted(what, LossKind::Dropped);
        Open::None
    }

    fn delta(&mut self, text: &EscapedStr) -> Option<Piece> {
        if text.is_empty() {
            return None;
        }
        match &mut self.open {
            Open::None => None,
            Open::Text => Some(Piece::Text(text.clone())),
            Open::Thinking => Some(Piece::Thinking(self.thinking(text))),
            Open::Call { arguments, .. } => {
                arguments.push(text.clone());
                None
            }
            Open::Image(data) => {
                data.push(text.clone());
                None
            }
        }
    }

    /// An empty line separates paragraphs and parts.
    fn thinking(&mut self, text: &EscapedStr) -> EscapedStr {
        self.has_thinking = true;
        if std::mem::take(&mut self.is_between_paragraphs) {
            EscapedStr::join([&EscapedStr::from("\n\n"), text], "")
        } else {
            text.clone()
        }
    }

    fn end(&mut self) -> Option<Piece> {
        match std::mem::take(&mut self.open) {
            Open::None | Open::Text | Open::Thinking => None,
            Open::Image(data) => Some(Piece::Image(EscapedStr::join(&data, ""))),
            Open::Call {
                id,
                name,
                is_free,
                arguments,
            } => {
                let text = EscapedStr::join(&arguments, "");
                let input = if is_free {
                    ToolInput::Free(text)
                } else {
                    ToolInput::from_arguments(&text)
                };
                if matches!(input, ToolInput::Malformed(_)) {
                    self.is_malformed = true;
                    return None;
                }
                let index = self.calls;
                self.calls += 1;
                Some(Piece::Call(Call {
                    id,
                    index,
                    name,
                    arguments: input.to_object(),
                }))
            }
        }
    }

    /// The dialect has no word for a refusal, which becomes text.
    fn finish(&mut self, reason: &FinishReason, detail: Option<&EscapedStr>) -> Option<Piece> {
        self.finish = Some(reason.clone());
        let has_refusal = std::mem::replace(&mut self.has_refusal, true);
        let text = reason.refusal(detail).filter(|_| !has_refusal)?;
        Some(Piece::Text(text))
    }

    /// Why the answer ended. A call that cannot be read is left out where a limit cut it off, and is
    /// an error else. `None` before the end.
    pub(super) fn reason(&self) -> Option<FinishReason> {
        match self.finish.clone()? {
            reason @ (FinishReason::Length | FinishReason::ContextFull) => Some(reason),
            _ if self.is_malformed => Some(FinishReason::Malformed),
            reason => Some(reason),
        }
    }
}

fn is_image(mime: &EscapedStr) -> bool {
    MediaKind::of_mime(&mime.to_plain()) == Some(MediaKind::Image)
}
