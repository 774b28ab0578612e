//! Reasoning tokens for clients that cannot carry them: a bounded memory, keyed by the ids of tool
//! calls.
//!
//! A Chat client has no field for a thinking signature, an Anthropic client none on a call. What
//! the upstream wants back is kept here with the call that followed it, and put back when the
//! call's id comes again in history. Memory only, never on disk.
//!
//! Source: `translation.md` section 10, strategy 2.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::canon::{
    Event, Offset, Origin, Part, PartHead, PartKind, ReasoningForm, Request, Role, Signature, Turn,
};
use crate::json::EscapedStr;

const ENTRIES_MAX: usize = 2_000;
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Reasoning of one part that is worth keeping; what is longer is forgotten.
const PART_BYTES_MAX: usize = 1024 * 1024;
const AGE_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// What one call has to bring back.
#[derive(Clone, Debug)]
struct Kept {
    /// Reasoning that stood in front of the call, with its tokens.
    reasoning: Vec<Part>,
    /// The token on the call itself.
    signature: Option<Signature>,
    kept_at: Instant,
}

impl Kept {
    fn bytes(&self) -> usize {
        let part = |part: &Part| match &part.kind {
            PartKind::Reasoning { texts, .. } => {
                texts.iter().map(|text| text.as_bytes().len()).sum()
            }
            _ => 0,
        };
        let signature = |signature: &Option<Signature>| {
            signature
                .as_ref()
                .map_or(0, |signature| signature.value.as_bytes().len())
        };
        self.reasoning
            .iter()
            .map(|reasoning| part(reasoning) + signature(&reasoning.signature))
            .sum::<usize>()
            + signature(&self.signature)
    }
}

/// The memory of all conversations.
#[derive(Debug, Default)]
pub struct Signatures {
    kept: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    by_call: HashMap<String, Kept>,
    /// Ids in the order in which they came.
    order: VecDeque<String>,
    bytes: usize,
}

impl Signatures {
    /// Puts what was kept in front of and onto the calls of a request's history that came back
    /// without it.
    pub(super) fn attach(&self, request: &mut Request) {
        let memory = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.by_call.is_empty() {
            return;
        }
        let turns = request
            .turns
            .iter_mut()
            .filter(|turn| turn.role == Role::Assistant);
        turns.for_each(|turn| memory.attach(turn));
    }

    fn keep(&self, call_id: &EscapedStr, reasoning: Vec<Part>, signature: Option<Signature>) {
        let kept = Kept {
            reasoning,
            signature,
            kept_at: Instant::now(),
        };
        let mut memory = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        memory.insert(call_id.to_plain().into_owned(), kept);
    }
}

impl Memory {
    fn attach(&self, turn: &mut Turn) {
        let is_signed = |part: &&Part| is_reasoning(part) && part.signature.is_some();
        let signed = turn.parts.iter().filter(is_signed).count();
        // A client may bring back a part of it: Gemini CLI keeps what stands on calls, and drops
        // the thoughts.
        let kept = turn
            .parts
            .iter()
            .filter_map(|part| self.of_call(part))
            .map(|kept| kept.reasoning.len())
            .sum::<usize>();
        if kept > signed {
            self.put_reasoning(turn);
        }
        for part in &mut turn.parts {
            let kept = self.of_call(part).and_then(|kept| kept.signature.clone());
            part.signature = part.signature.take().or(kept);
        }
    }

    /// Puts what was kept before its call and the text that leads to it. What the client wrote of
    /// it itself is the same reasoning without its tokens (Chat's `reasoning_content`).
    fn put_reasoning(&self, turn: &mut Turn) {
        let mut parts: Vec<Part> = Vec::with_capacity(turn.parts.len());
        for part in turn.parts.drain(..).filter(|part| !is_reasoning(part)) {
            if let Some(kept) = self.of_call(&part) {
                let is_text = |part: &Part| matches!(part.kind, PartKind::Text(_));
                let before_text = parts
                    .iter()
                    .rposition(|part| !is_text(part))
                    .map_or(0, |last| last + 1);
                let reasoning = kept.reasoning.iter().map(|reasoning| Part {
                    at: part.at,
                    ..reasoning.clone()
                });
                parts.splice(before_text..before_text, reasoning);
            }
            parts.push(part);
        }
        turn.parts = parts;
    }

    fn of_call(&self, part: &Part) -> Option<&Kept> {
        let PartKind::ToolCall { id, .. } = &part.kind else {
            return None;
        };
        self.by_call
            .get(&*id.to_plain())
            .filter(|kept| kept.kept_at.elapsed() < AGE_MAX)
    }

    fn insert(&mut self, call_id: String, kept: Kept) {
        self.bytes += kept.bytes();
        if let Some(old) = self.by_call.insert(call_id.clone(), kept) {
            self.bytes -= old.bytes();
            self.order.retain(|id| *id != call_id);
        }
        self.order.push_back(call_id);
        while self.is_over() {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(old) = self.by_call.remove(&oldest) {
                self.bytes -= old.bytes();
            }
        }
    }

    fn is_over(&self) -> bool {
        let is_stale = |id: &String| {
            self.by_call
                .get(id)
                .is_none_or(|kept| kept.kept_at.elapsed() >= AGE_MAX)
        };
        self.order.len() > ENTRIES_MAX
            || self.bytes > BYTES_MAX
            || self.order.front().is_some_and(is_stale)
    }
}

fn is_reasoning(part: &Part) -> bool {
    matches!(part.kind, PartKind::Reasoning { .. })
}

/// Gathers the tokens of one answer as its events pass.
pub(super) struct SignatureCollector {
    signatures: Arc<Signatures>,
    origin: Origin,
    /// Reasoning with its tokens since the last call.
    reasoning: Vec<Part>,
    open: Open,
}

#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    Reasoning {
        form: ReasoningForm,
        paragraphs: Vec<Vec<EscapedStr>>,
        bytes: usize,
        signature: Option<EscapedStr>,
    },
    Call {
        id: EscapedStr,
        signature: Option<EscapedStr>,
    },
}

impl SignatureCollector {
    pub(super) fn new(signatures: Arc<Signatures>, origin: Origin) -> Self {
        Self {
            signatures,
            origin,
            reasoning: Vec::new(),
            open: Open::Nothing,
        }
    }

    pub(super) fn note(&mut self, event: &Event) {
        match (event, &mut self.open) {
            (Event::PartStart { head, .. }, _) => self.open = Open::at(head),
            (Event::Delta { text, .. }, Open::Reasoning { .. }) => self.open.add(text),
            (Event::Paragraph { .. }, Open::Reasoning { paragraphs, .. }) => {
                paragraphs.push(Vec::new())
            }
            (
                Event::Signature { value, .. },
                Open::Reasoning { signature, .. } | Open::Call { signature, .. },
            ) => *signature = Some(value.detached()),
            (Event::PartEnd { .. }, _) => self.end_part(),
            _ => {}
        }
    }

    fn end_part(&mut self) {
        match std::mem::take(&mut self.open) {
            Open::Reasoning {
                form,
                paragraphs,
                signature: Some(signature),
                ..
            } => {
                let texts = paragraphs
                    .iter()
                    .map(|pieces| EscapedStr::join(pieces, ""))
                    .collect();
                let signature = Some(self.signature(signature));
                self.reasoning.push(Part {
                    signature,
                    ..Part::new(PartKind::Reasoning { form, texts }, Offset(0))
                });
            }
            Open::Call { id, signature } => {
                let reasoning = std::mem::take(&mut self.reasoning);
                if signature.is_some() || !reasoning.is_empty() {
                    let signature = signature.map(|signature| self.signature(signature));
                    self.signatures.keep(&id, reasoning, signature);
                }
            }
            Open::Reasoning { .. } | Open::Nothing => {}
        }
    }

    fn signature(&self, value: EscapedStr) -> Signature {
        Signature {
            origin: self.origin.clone(),
            value,
        }
    }
}

impl Open {
    fn at(head: &PartHead) -> Self {
        match head {
            PartHead::Reasoning(form) => Self::Reasoning {
                form: *form,
                paragraphs: vec![Vec::new()],
                bytes: 0,
                signature: None,
            },
            PartHead::ToolCall { id, .. } => Self::Call {
                id: id.clone(),
                signature: None,
            },
            _ => Self::Nothing,
        }
    }

    /// More of a part's reasoning; too much of it is given up, with its token.
    fn add(&mut self, text: &EscapedStr) {
        let Self::Reasoning {
            paragraphs, bytes, ..
        } = self
        else {
            return;
        };
        *bytes += text.as_bytes().len();
        if *bytes > PART_BYTES_MAX {
            *self = Self::Nothing;
        } else if let Some(open) = paragraphs.last_mut() {
            open.push(text.detached());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::{Dialect, PartIndex, ToolInput};
    use crate::json::Raw;

    fn origin() -> Origin {
        Origin {
            dialect: Dialect::named("anthropic"),
            provider: "work".into(),
            model: "m".into(),
        }
    }

    fn answer(signatures: &Arc<Signatures>, id: &str) {
        let mut harvest = SignatureCollector::new(signatures.clone(), origin());
        let at = PartIndex::default();
        let call = PartHead::ToolCall {
            id: id.into(),
            name: "f".into(),
            namespace: None,
            free: false,
        };
        let events = [
            Event::PartStart {
                at,
                head: PartHead::Reasoning(ReasoningForm::Full),
            },
            Event::Delta {
                at,
                text: "hm".into(),
            },
            Event::Signature {
                at,
                value: "token".into(),
            },
            Event::PartEnd { at },
            Event::PartStart { at, head: call },
            Event::PartEnd { at },
        ];
        events.iter().for_each(|event| harvest.note(event));
    }

    fn history(id: &str) -> Request {
        let input = ToolInput::Json(Raw::from_static("{}"));
        let call = Part::new(
            PartKind::ToolCall {
                id: id.into(),
                name: "f".into(),
                namespace: None,
                input,
            },
            Offset(0),
        );
        let turn = Turn {
            role: Role::Assistant,
            parts: vec![call],
            name: None,
            at: Offset(0),
        };
        Request {
            turns: vec![turn],
            ..Request::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reasoning_comes_back_with_its_call() {
        let signatures = Arc::new(Signatures::default());
        answer(&signatures, "call_1");
        let mut request = history("call_1");
        signatures.attach(&mut request);
        let parts = &request.turns[0].parts;
        assert_eq!(parts.len(), 2);
        assert_eq!(
            parts[0].signature,
            Some(Signature {
                origin: origin(),
                value: "token".into()
            })
        );
        assert!(matches!(&parts[0].kind, PartKind::Reasoning { texts, .. } if texts[0] == "hm"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_kept_without_its_token_is_replaced() {
        let signatures = Arc::new(Signatures::default());
        answer(&signatures, "call_1");
        let mut request = history("call_1");
        let copy = PartKind::Reasoning {
            form: ReasoningForm::Full,
            texts: vec!["hm".into()],
        };
        let parts = &mut request.turns[0].parts;
        parts.splice(
            0..0,
            [
                Part::new(copy.clone(), Offset(0)),
                Part::text("so".into(), Offset(0)),
            ],
        );
        signatures.attach(&mut request);
        let parts = &request.turns[0].parts;
        assert_eq!(parts.len(), 3);
        assert_eq!(
            (&parts[0].kind, parts[0].signature.is_some()),
            (&copy, true)
        );
        assert!(matches!(parts[1].kind, PartKind::Text(_)));

        let signed = parts.clone();
        signatures.attach(&mut request);
        assert_eq!(
            request.turns[0].parts, signed,
            "what has its token already stays as it is"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_kept_in_part_is_made_whole() {
        let signatures = Arc::new(Signatures::default());
        let mut harvest = SignatureCollector::new(signatures.clone(), origin());
        let at = PartIndex::default();
        let call = PartHead::ToolCall {
            id: "call_1".into(),
            name: "f".into(),
            namespace: None,
            free: false,
        };
        let reasoning = |form, value: &str| {
            let signature = Event::Signature {
                at,
                value: value.into(),
            };
            [
                Event::PartStart {
                    at,
                    head: PartHead::Reasoning(form),
                },
                signature,
                Event::PartEnd { at },
            ]
        };
        let shown = reasoning(ReasoningForm::Full, "shown").into_iter();
        let events = shown
            .chain(reasoning(ReasoningForm::Redacted, "hidden"))
            .chain([Event::PartStart { at, head: call }, Event::PartEnd { at }]);
        events.for_each(|event| harvest.note(&event));

        let mut request = history("call_1");
        let left = Part::new(
            PartKind::Reasoning {
                form: ReasoningForm::Redacted,
                texts: Vec::new(),
            },
            Offset(0),
        );
        request.turns[0].parts.insert(
            0,
            Part {
                signature: Some(Signature {
                    origin: origin(),
                    value: "hidden".into(),
                }),
                ..left
            },
        );
        signatures.attach(&mut request);
        let tokens: Vec<_> = request.turns[0]
            .parts
            .iter()
            .filter_map(|part| part.signature.as_ref())
            .map(|signature| &signature.value)
            .collect();
        assert_eq!(tokens, ["shown", "hidden"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_id_that_comes_again_is_young_again() {
        let signatures = Arc::new(Signatures::default());
        answer(&signatures, "call_demo");
        for number in 1..ENTRIES_MAX {
            answer(&signatures, &format!("call_{number}"));
        }
        answer(&signatures, "call_demo");
        answer(&signatures, "call_last");
        let mut request = history("call_demo");
        signatures.attach(&mut request);
        assert_eq!(request.turns[0].parts.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn reasoning_without_end_is_not_kept() {
        let signatures = Arc::new(Signatures::default());
        let mut harvest = SignatureCollector::new(signatures, origin());
        let at = PartIndex::default();
        harvest.note(&Event::PartStart {
            at,
            head: PartHead::Reasoning(ReasoningForm::Full),
        });
        let text: EscapedStr = "x".repeat(PART_BYTES_MAX / 4).as_str().into();
        (0..5).for_each(|_| {
            harvest.note(&Event::Delta {
                at,
                text: text.clone(),
            })
        });
        harvest.note(&Event::Signature {
            at,
            value: "token".into(),
        });
        harvest.note(&Event::PartEnd { at });
        assert!(harvest.reasoning.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_in_number_and_age() {
        let signatures = Arc::new(Signatures::default());
        for number in 0..=ENTRIES_MAX {
            answer(&signatures, &format!("call_{number}"));
        }
        let recalled = |id: &str| {
            let mut request = history(id);
            signatures.attach(&mut request);
            request.turns[0].parts.len() == 2
        };
        assert!(!recalled("call_0"), "the oldest made room");
        assert!(recalled("call_1"));
        tokio::time::advance(AGE_MAX).await;
        assert!(!recalled("call_1"), "what is old is forgotten");
    }
}
