//! Events into parts for a client, the same for streams and whole answers.
//!
//! Source: gemini.md "Thought signatures"; `translation.md` section 10. Thoughts are shown only to
//! clients that asked for them; a token that must come back is carried whether they are shown or
//! not: other makers' wrapped, on the turn's next call (Gemini CLI keeps signatures of calls and
//! forgets thoughts), else on an empty text at the end. Nothing here writes bytes.

use super::DIALECT;
use super::content_encode::{Data, Piece};
use crate::canon::{
    Event, FinishReason, LossKind, Losses, Origin, PartHead, ReasoningDisplay, ReasoningForm,
    Start, Usage,
};
use crate::json::{EscapedStr, Raw, Value};
use crate::protocol::{ResponseContext, envelope};

/// Collects what an answer says and hands out its parts as they become writable.
pub(super) struct Composer {
    shows_thoughts: bool,
    origin: Origin,
    pub(super) start: Start,
    pub(super) usage: Usage,
    pub(super) choices: Vec<Choice>,
    pub(super) losses: Losses,
}

/// One candidate as far as it came.
#[derive(Default)]
pub(super) struct Choice {
    head: Option<PartHead>,
    /// What came of a part that is written whole.
    held: Vec<EscapedStr>,
    signature: Option<EscapedStr>,
    /// Another maker's token that no call carries yet.
    token: Option<Token>,
    /// Whether a call's arguments could not be read.
    is_malformed: bool,
    pub(super) logprobs: Vec<Raw>,
    /// Gemini's own metadata by its key, the last of each.
    pub(super) metadata: Vec<(EscapedStr, Raw)>,
    pub(super) finish: Option<(FinishReason, Option<EscapedStr>)>,
}

struct Token {
    wrapped: EscapedStr,
    /// Whether the thought that it belongs to carries it too.
    is_shown: bool,
}

impl Composer {
    pub(super) fn new(ask: &ResponseContext<'_>) -> Self {
        let show = ask
            .request
            .reasoning
            .as_ref()
            .and_then(|reasoning| reasoning.value.display.as_ref());
        Self {
            shows_thoughts: show.is_some_and(|show| show.value != ReasoningDisplay::No),
            origin: ask.origin.clone(),
            start: Start::default(),
            usage: Usage::default(),
            choices: Vec::new(),
            losses: Losses::default(),
        }
    }

    /// Takes one event; the parts that it completes go to `out` with their choice.
    pub(super) fn push(&mut self, event: &Event, out: &mut Vec<(u32, Piece)>) {
        match event {
            Event::Start(start) => self.start = start.clone(),
            Event::PartStart { at, head } => self.choice(at.choice).begin(head.clone()),
            Event::Delta { at, text } => {
                out.extend(self.delta(at.choice, text).map(|piece| (at.choice, piece)))
            }
            Event::Paragraph { at } => {
                let piece = self.delta(at.choice, &EscapedStr::from("\n\n"));
                out.extend(piece.map(|piece| (at.choice, piece)));
            }
            Event::Signature { at, value } => {
                self.choice(at.choice).signature = Some(value.clone())
            }
            Event::Cite { at, raw } => self.cite(at.choice, raw),
            Event::Logprobs { at, list } => self.choice(at.choice).logprobs.push(list.clone()),
            Event::PartEnd { at } => self.end(at.choice, out),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish {
                choice,
                reason,
                detail,
                ..
            } => self.finish(*choice, reason, detail.as_ref(), out),
            Event::Failed(_) | Event::Ping => {}
        }
    }

    fn delta(&mut self, choice: u32, text: &EscapedStr) -> Option<Piece> {
        let shows_thoughts = self.shows_thoughts;
        let state = self.choice(choice);
        match state.head.as_ref()? {
            PartHead::Text | PartHead::Refusal => Some(Piece::text(text.clone())),
            PartHead::Reasoning(_) => shows_thoughts.then(|| Piece::thought(text.clone())),
            PartHead::ToolCall { .. } | PartHead::Media { .. } => {
                state.held.push(text.clone());
                None
            }
            PartHead::Hosted { .. } => None,
        }
    }

    fn end(&mut self, choice: u32, out: &mut Vec<(u32, Piece)>) {
        let state = self.choice(choice);
        let (Some(head), signature) = (state.head.take(), state.signature.take()) else {
            return;
        };
        let held = EscapedStr::join(&std::mem::take(&mut state.held), "");
        let own = signature.clone().filter(|_| self.is_own());
        match head {
            PartHead::Text | PartHead::Refusal => {
                out.extend(own.map(|signature| (choice, Piece::token(signature))))
            }
            PartHead::Reasoning(form) => self.end_reasoning(choice, form, signature, out),
            PartHead::ToolCall { id, name, .. } => out.extend(
                self.call(choice, id, name, &held, own)
                    .map(|piece| (choice, piece)),
            ),
            PartHead::Media { mime } => out.push((
                choice,
                Piece::new(Data::Inline { mime, data: held }).signed(own),
            )),
            PartHead::Hosted { kind, raw } if self.is_own() => {
                out.push((choice, Piece::new(Data::Hosted { kind, raw }).signed(own)))
            }
            PartHead::Hosted { .. } => self.losses.noted("hosted_tools", LossKind::Dropped),
        }
    }

    fn end_reasoning(
        &mut self,
        choice: u32,
        form: ReasoningForm,
        signature: Option<EscapedStr>,
        out: &mut Vec<(u32, Piece)>,
    ) {
        let Some(signature) = signature else { return };
        let is_shown = self.shows_thoughts && form != ReasoningForm::Redacted;
        let is_own = self.is_own();
        let carried = if is_own {
            signature
        } else {
            envelope::wrap(&self.origin, form, Some(&signature))
        };
        if is_shown {
            out.push((
                choice,
                Piece::thought(EscapedStr::default()).signed(Some(carried.clone())),
            ));
        } else if is_own {
            return out.push((choice, Piece::token(carried)));
        }
        if !is_own {
            let before = self.choice(choice).token.replace(Token {
                wrapped: carried,
                is_shown,
            });
            out.extend(before.and_then(Token::alone).map(|piece| (choice, piece)));
        }
    }

    /// Arguments that are no object are no call that a client could run: the answer ends as
    /// malformed.
    fn call(
        &mut self,
        choice: u32,
        id: EscapedStr,
        name: EscapedStr,
        arguments: &EscapedStr,
        own: Option<EscapedStr>,
    ) -> Option<Piece> {
        let state = self.choice(choice);
        let arguments = if arguments.is_blank() {
            &EscapedStr::from_static("{}")
        } else {
            arguments
        };
        let Ok(document) = arguments.to_object() else {
            state.is_malformed = true;
            return None;
        };
        let signature = own.or_else(|| state.token.take().map(|token| token.wrapped));
        Some(
            Piece::new(Data::Call {
                id,
                name,
                args: document.root().raw(),
            })
            .signed(signature),
        )
    }

    fn cite(&mut self, choice: u32, raw: &Raw) {
        if !self.is_own() {
            return self.losses.noted("citations", LossKind::Dropped);
        }
        let document = raw.document();
        for (key, value) in document.root().members().into_iter().flatten() {
            self.choice(choice).keep(&key, value);
        }
    }

    fn finish(
        &mut self,
        choice: u32,
        reason: &FinishReason,
        detail: Option<&EscapedStr>,
        out: &mut Vec<(u32, Piece)>,
    ) {
        let state = self.choice(choice);
        let left = state.token.take().and_then(Token::alone);
        let reason = if state.is_malformed {
            FinishReason::Malformed
        } else {
            reason.clone()
        };
        state.finish = Some((reason, detail.cloned()));
        out.extend(left.map(|piece| (choice, piece)));
    }

    fn is_own(&self) -> bool {
        self.origin.dialect == DIALECT
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let index = index as usize;
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Choice::default);
        }
        &mut self.choices[index]
    }
}

impl Choice {
    fn begin(&mut self, head: PartHead) {
        self.head = Some(head);
        self.held.clear();
        self.signature = None;
    }

    fn keep(&mut self, key: &str, value: Value<'_>) {
        self.metadata.retain(|(kept, _)| *kept != key);
        self.metadata.push((EscapedStr::from(key), value.raw()));
    }
}

impl Token {
    /// The part that carries the token where nothing else does.
    fn alone(self) -> Option<Piece> {
        (!self.is_shown).then(|| Piece::token(self.wrapped))
    }
}
