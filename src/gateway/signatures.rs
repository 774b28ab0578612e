//! Reasoning signatures for clients that cannot carry them: a bounded cache, keyed by the ids of
//! tool calls.
//!
//! A Chat client has no field for a thinking signature, an Anthropic client none on a tool call.
//! What the upstream wants back is cached with the call that followed it, and put back when the
//! call's id comes again in history. In memory only, never on disk.
//!
//! Source: `translation.md` section 10, strategy 2.

use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::debug;

use crate::canon::{
    Event, Offset, Origin, Part, PartHead, PartKind, ReasoningForm, Request, Role, Signature, Turn,
};
use crate::json::EscapedStr;

const ENTRIES_MAX: usize = 2_000;
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest reasoning of one part that is cached; a longer one is dropped with its signature.
const PART_BYTES_MAX: usize = 1024 * 1024;
const AGE_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// What belongs to one tool call.
#[derive(Clone, Debug)]
struct Entry {
    /// Reasoning that stood before the call, with its signatures.
    reasoning: Vec<Part>,
    /// The signature on the call itself.
    signature: Option<Signature>,
    inserted_at: Instant,
}

impl Entry {
    fn bytes(&self) -> usize {
        let reasoning: usize = self.reasoning.iter().map(reasoning_bytes).sum();
        reasoning + sig_bytes(self.signature.as_ref())
    }

    fn is_stale(&self) -> bool {
        self.inserted_at.elapsed() >= AGE_MAX
    }
}

fn reasoning_bytes(part: &Part) -> usize {
    let texts: usize = match &part.kind {
        PartKind::Reasoning { texts, .. } => texts.iter().map(|text| text.as_bytes().len()).sum(),
        _ => 0,
    };
    texts + sig_bytes(part.signature.as_ref())
}

fn sig_bytes(signature: Option<&Signature>) -> usize {
    signature.map_or(0, |signature| signature.value.as_bytes().len())
}

/// The signatures of all conversations.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    cache: Mutex<Cache>,
}

#[derive(Debug)]
struct Cache {
    /// Ordered by insertion: reading an entry does not move it, so that the first one is also the
    /// oldest.
    by_call: LruCache<String, Entry>,
    bytes: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            // Bounded on insertion, by bytes and age too.
            by_call: LruCache::unbounded(),
            bytes: 0,
        }
    }
}

impl Signatures {
    /// Puts cached reasoning and signatures back into a request's history, where the client brought
    /// the calls without them.
    pub(super) fn attach(&self, request: &mut Request) {
        let cache = self.cache.lock();
        if cache.by_call.is_empty() {
            return;
        }
        for turn in &mut request.turns {
            if turn.role == Role::Assistant {
                cache.attach(turn);
            }
        }
    }

    fn insert(&self, call_id: &EscapedStr, reasoning: Vec<Part>, signature: Option<Signature>) {
        let entry = Entry {
            reasoning,
            signature,
            inserted_at: Instant::now(),
        };
        let call_id = call_id.to_plain().into_owned();
        self.cache.lock().insert(call_id, entry);
    }
}

impl Cache {
    fn attach(&self, turn: &mut Turn) {
        let is_signed = |part: &&Part| is_reasoning(part) && part.signature.is_some();
        let signed = turn.parts.iter().filter(is_signed).count();
        let cached: usize = turn
            .parts
            .iter()
            .filter_map(|part| self.of_call(part))
            .map(|entry| entry.reasoning.len())
            .sum();
        // A client may bring back a part of it: Gemini CLI keeps what stands on calls, and drops
        // the thoughts.
        if cached > signed {
            self.restore_reasoning(turn);
        }
        for part in &mut turn.parts {
            if part.signature.is_none() {
                part.signature = self.of_call(part).and_then(|entry| entry.signature.clone());
            }
        }
    }

    /// Puts cached reasoning before its call and the text that leads to it. Reasoning that the
    /// client wrote itself is the same without its signatures (Chat's `reasoning_content`), and is
    /// replaced.
    fn restore_reasoning(&self, turn: &mut Turn) {
        let mut parts: Vec<Part> = Vec::with_capacity(turn.parts.len());
        for part in turn.parts.drain(..).filter(|part| !is_reasoning(part)) {
            if let Some(entry) = self.of_call(&part) {
                let before_text = parts
                    .iter()
                    .rposition(|part| !matches!(part.kind, PartKind::Text(_)))
                    .map_or(0, |last| last + 1);
                let reasoning = entry.reasoning.iter().map(|reasoning| Part {
                    at: part.at,
                    ..reasoning.clone()
                });
                parts.splice(before_text..before_text, reasoning);
            }
            parts.push(part);
        }
        turn.parts = parts;
    }

    fn of_call(&self, part: &Part) -> Option<&Entry> {
        let PartKind::ToolCall { id, .. } = &part.kind else {
            return None;
        };
        let entry = self.by_call.peek(&*id.to_plain())?;
        (!entry.is_stale()).then_some(entry)
    }

    /// Inserts an entry as the youngest, also where the id was known.
    fn insert(&mut self, call_id: String, entry: Entry) {
        self.bytes += entry.bytes();
        if let Some(replaced) = self.by_call.put(call_id, entry) {
            self.bytes -= replaced.bytes();
        }
        while self.is_over() {
            let Some((_, evicted)) = self.by_call.pop_lru() else {
                break;
            };
            self.bytes -= evicted.bytes();
            if !evicted.is_stale() {
                debug!("limit: the oldest reasoning signature is evicted");
            }
        }
    }

    fn is_over(&self) -> bool {
        self.by_call.len() > ENTRIES_MAX
            || self.bytes > BYTES_MAX
            || self
                .by_call
                .peek_lru()
                .is_some_and(|(_, oldest)| oldest.is_stale())
    }
}

fn is_reasoning(part: &Part) -> bool {
    matches!(part.kind, PartKind::Reasoning { .. })
}

/// Collects the signatures of one response from its events.
pub(super) struct SignatureCollector {
    signatures: Arc<Signatures>,
    origin: Origin,
    /// Reasoning with its signatures since the last tool call.
    reasoning: Vec<Part>,
    open: OpenPart,
}

/// The part whose events are arriving.
#[derive(Debug, Default)]
enum OpenPart {
    #[default]
    Other,
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
    /// `origin`: who makes the response.
    pub(super) fn new(signatures: Arc<Signatures>, origin: Origin) -> Self {
        Self {
            signatures,
            origin,
            reasoning: Vec::new(),
            open: OpenPart::Other,
        }
    }

    pub(super) fn note(&mut self, event: &Event) {
        match (event, &mut self.open) {
            (Event::PartStart { head, .. }, _) => self.open = OpenPart::at(head),
            (Event::Delta { text, .. }, OpenPart::Reasoning { .. }) => self.open.add(text),
            (Event::Paragraph { .. }, OpenPart::Reasoning { paragraphs, .. }) => {
                paragraphs.push(Vec::new())
            }
            (
                Event::Signature { value, .. },
                OpenPart::Reasoning { signature, .. } | OpenPart::Call { signature, .. },
            ) => *signature = Some(value.detached()),
            (Event::PartEnd { .. }, _) => self.end_part(),
            _ => {}
        }
    }

    fn end_part(&mut self) {
        match std::mem::take(&mut self.open) {
            OpenPart::Reasoning {
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
            OpenPart::Call { id, signature } => {
                let reasoning = std::mem::take(&mut self.reasoning);
                if signature.is_some() || !reasoning.is_empty() {
                    let signature = signature.map(|signature| self.signature(signature));
                    self.signatures.insert(&id, reasoning, signature);
                }
            }
            OpenPart::Reasoning { .. } | OpenPart::Other => {}
        }
    }

    fn signature(&self, value: EscapedStr) -> Signature {
        Signature {
            origin: self.origin.clone(),
            value,
        }
    }
}

impl OpenPart {
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
            _ => Self::Other,
        }
    }

    /// Appends reasoning; a part that becomes too long is dropped with its signature.
    fn add(&mut self, text: &EscapedStr) {
        let Self::Reasoning {
            paragraphs, bytes, ..
        } = self
        else {
            return;
        };
        *bytes += text.as_bytes().len();
        if *bytes > PART_BYTES_MAX {
            *self = Self::Other;
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
        let mut collector = SignatureCollector::new(signatures.clone(), origin());
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
        events.iter().for_each(|event| collector.note(event));
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
        let mut collector = SignatureCollector::new(signatures.clone(), origin());
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
        events.for_each(|event| collector.note(&event));

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
        let mut collector = SignatureCollector::new(signatures, origin());
        let at = PartIndex::default();
        collector.note(&Event::PartStart {
            at,
            head: PartHead::Reasoning(ReasoningForm::Full),
        });
        let text: EscapedStr = "x".repeat(PART_BYTES_MAX / 4).as_str().into();
        (0..5).for_each(|_| {
            collector.note(&Event::Delta {
                at,
                text: text.clone(),
            })
        });
        collector.note(&Event::Signature {
            at,
            value: "token".into(),
        });
        collector.note(&Event::PartEnd { at });
        assert!(collector.reasoning.is_empty());
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
