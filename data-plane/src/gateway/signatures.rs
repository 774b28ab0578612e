//! Reasoning and its signatures for clients that cannot carry them: a bounded cache, keyed by the
//! tool calls of a conversation.
//!
//! A Chat client has no field for a thinking signature, an Anthropic client none on a tool call, and
//! a client that asked for no thinking sees none, though DeepSeek wants its own back. What the
//! upstream wants back is cached with the call that followed it, or with the text that ended a tool
//! loop, and put back when that comes again in the history of the same conversation of the same
//! client. An id alone names
//! no call: many models count theirs from 1 in every conversation. Which provider and model an
//! entry is for is its signatures' origin, by which encoders leave out another's. What the client
//! brings itself wins. In memory only, never on disk.
//!
//! Source: `translation.md` section 10, strategy 2; DeepSeek, "Thinking Mode", tool calls.

use std::collections::HashSet;
use std::hash::BuildHasher as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::HeaderMap;
use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
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

/// The headers in which clients send their key.
const KEY_HEADERS: [&str; 3] = ["authorization", "x-api-key", "x-goog-api-key"];

/// System text that Claude Code changes with every request. Source: anthropics/claude-code issue
/// 68900.
const CHANGING: &str = "x-anthropic-billing-header";

/// One conversation of one client, as a digest: prompts and keys are not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope([u8; 16]);

impl Scope {
    /// The conversation by how it begins, and by the client's own name for it. Where there is a
    /// name, system text may change within the conversation.
    ///
    /// `query_key`: the digest of a key in the query.
    pub(super) fn of(
        headers: &HeaderMap,
        query_key: Option<&[u8; 32]>,
        session: Option<&str>,
        request: &Request,
    ) -> Self {
        let mut digest = Sha256::new();
        for name in KEY_HEADERS {
            let key = headers.get(name).map(|value| value.as_bytes());
            add(&mut digest, key.unwrap_or_default());
        }
        add(&mut digest, query_key.map_or(&[], |key| &key[..]));
        add(&mut digest, session.unwrap_or_default().as_bytes());
        if session.is_none() {
            request
                .system
                .iter()
                .for_each(|part| add_text(&mut digest, part));
        }
        let first = request.turns.iter().find(|turn| turn.role == Role::User);
        let parts = first.into_iter().flat_map(|turn| &turn.parts);
        parts.for_each(|part| add_text(&mut digest, part));
        let digest = digest.finalize();
        Self(std::array::from_fn(|at| digest[at]))
    }

    fn call(&self, id: &EscapedStr) -> Key {
        let mut digest = Sha256::new();
        digest.update(self.0);
        digest.update(id.to_plain().as_bytes());
        key(digest)
    }

    /// The digest of an answer's text, to which the text is added.
    fn text(&self) -> Sha256 {
        let mut digest = Sha256::new();
        digest.update(self.0);
        // No id begins so.
        digest.update([0]);
        digest
    }
}

fn key(digest: Sha256) -> Key {
    let digest = digest.finalize();
    std::array::from_fn(|at| digest[at])
}

/// Adds bytes with their length, so that two texts never equal one.
fn add(digest: &mut Sha256, bytes: &[u8]) {
    digest.update((bytes.len() as u64).to_le_bytes());
    digest.update(bytes);
}

/// Adds a text by its length and two hashes of it. System text is long and comes with every
/// request, where SHA-256 would be a good part of what a translation costs. Keys and names go
/// through SHA-256 itself, so a client whose texts collide mixes up its own conversations alone.
fn add_text(digest: &mut Sha256, part: &Part) {
    if let PartKind::Text(text) = &part.kind
        && !text.as_escaped().starts_with(CHANGING)
    {
        let text = text.as_bytes();
        digest.update((text.len() as u64).to_le_bytes());
        for hasher in &*TEXT_HASHERS {
            digest.update(hasher.hash_one(text).to_le_bytes());
        }
    }
}

/// Each process has its own seeds: nothing of this outlives it.
static TEXT_HASHERS: LazyLock<[foldhash::quality::RandomState; 2]> =
    LazyLock::new(Default::default);

/// A call of a conversation, or the text that ended a tool loop.
type Key = [u8; 16];

/// What belongs to one tool call or text.
#[derive(Clone, Debug)]
struct Entry {
    /// Reasoning that stood before it, with its signatures.
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
    entries: LruCache<Key, Entry>,
    bytes: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            // Bounded on insertion, by bytes and age too.
            entries: LruCache::unbounded(),
            bytes: 0,
        }
    }
}

impl Signatures {
    /// Puts cached reasoning and signatures back into a request's history, where the client brought
    /// the calls without them. Where an id comes several times, the cached entry is of the last.
    pub(super) fn attach(&self, scope: &Scope, request: &mut Request) {
        let cache = self.cache.lock();
        if cache.entries.is_empty() {
            return;
        }
        let mut seen = HashSet::new();
        let mut turns = &mut request.turns[..];
        while let Some((turn, earlier)) = turns.split_last_mut() {
            if turn.role == Role::Assistant {
                let follows_results = earlier.last().is_some_and(ends_with_results);
                cache.attach(scope, turn, follows_results, &mut seen);
            }
            turns = earlier;
        }
    }

    /// Notes what belongs to a call or text: nothing, too, so that an earlier one of the same key
    /// leaves nothing behind.
    fn insert(&self, call: Key, reasoning: Vec<Part>, signature: Option<Signature>) {
        let mut cache = self.cache.lock();
        if signature.is_none() && reasoning.is_empty() {
            return cache.remove(&call);
        }
        let entry = Entry {
            reasoning,
            signature,
            inserted_at: Instant::now(),
        };
        cache.insert(call, entry);
    }
}

impl Cache {
    fn attach(
        &self,
        scope: &Scope,
        turn: &mut Turn,
        follows_results: bool,
        seen: &mut HashSet<Key>,
    ) {
        // By the place of the call's part, from the last on.
        let parts = turn.parts.iter().rev();
        let mut entries: Vec<Option<&Entry>> =
            parts.map(|part| self.of_call(scope, part, seen)).collect();
        entries.reverse();
        if follows_results && let Some(first) = first_of_text(&turn.parts) {
            entries[first] = self.of_text(scope, &turn.parts, seen);
        }
        if entries.iter().all(Option::is_none) {
            return;
        }
        for (part, entry) in turn.parts.iter_mut().zip(&entries) {
            if part.signature.is_none() {
                part.signature = entry.and_then(|entry| entry.signature.clone());
            }
        }
        // A client may bring back a part of it: Gemini CLI keeps what stands on calls, and drops
        // the thoughts.
        let is_signed = |part: &&Part| is_reasoning(part) && part.signature.is_some();
        let signed = turn.parts.iter().filter(is_signed).count();
        let cached: Vec<&Part> = entries
            .iter()
            .flatten()
            .flat_map(|entry| &entry.reasoning)
            .collect();
        if cached.len() > signed && covers(&cached, &turn.parts) {
            restore_reasoning(turn, &entries);
        }
    }

    /// What is cached for a call; `None` for an earlier call of an id that was seen.
    fn of_call(&self, scope: &Scope, part: &Part, seen: &mut HashSet<Key>) -> Option<&Entry> {
        match &part.kind {
            PartKind::ToolCall { id, .. } => self.entry(scope.call(id), seen),
            _ => None,
        }
    }

    /// What is cached for the text of a turn that ends a tool loop.
    fn of_text(&self, scope: &Scope, parts: &[Part], seen: &mut HashSet<Key>) -> Option<&Entry> {
        let mut digest = scope.text();
        for part in parts {
            if let PartKind::Text(text) = &part.kind {
                digest.update(text.to_plain().as_bytes());
            }
        }
        self.entry(key(digest), seen)
    }

    fn entry(&self, key: Key, seen: &mut HashSet<Key>) -> Option<&Entry> {
        let entry = self.entries.peek(&key)?;
        (!entry.is_stale() && seen.insert(key)).then_some(entry)
    }

    fn remove(&mut self, call: &Key) {
        if let Some(removed) = self.entries.pop(call) {
            self.bytes -= removed.bytes();
        }
    }

    /// Inserts an entry as the youngest, also where the id was known.
    fn insert(&mut self, call: Key, entry: Entry) {
        self.bytes += entry.bytes();
        if let Some(replaced) = self.entries.put(call, entry) {
            self.bytes -= replaced.bytes();
        }
        while self.is_over() {
            let Some((_, evicted)) = self.entries.pop_lru() else {
                break;
            };
            self.bytes -= evicted.bytes();
            if !evicted.is_stale() {
                debug!("limit: the oldest reasoning signature is evicted");
            }
        }
    }

    fn is_over(&self) -> bool {
        self.entries.len() > ENTRIES_MAX
            || self.bytes > BYTES_MAX
            || self
                .entries
                .peek_lru()
                .is_some_and(|(_, oldest)| oldest.is_stale())
    }
}

/// Whether a user's turn holds nothing but results, so that the tool loop goes on behind it.
fn ends_with_results(turn: &Turn) -> bool {
    let is_result = |part: &Part| matches!(part.kind, PartKind::ToolResult(_));
    turn.role == Role::User && turn.parts.iter().all(is_result)
}

/// The first text of a turn without calls.
fn first_of_text(parts: &[Part]) -> Option<usize> {
    let is_call = |part: &Part| matches!(part.kind, PartKind::ToolCall { .. });
    if parts.iter().any(is_call) {
        return None;
    }
    let is_text = |part: &Part| matches!(part.kind, PartKind::Text(_));
    parts.iter().position(is_text)
}

/// Puts cached reasoning before its call and the text that leads to it, in place of the client's
/// copy, which lacks signatures (Chat's `reasoning_content`).
fn restore_reasoning(turn: &mut Turn, entries: &[Option<&Entry>]) {
    let copy = turn.parts.iter().find(|part| is_reasoning(part));
    let at = copy.map_or(Offset::NOWHERE, |copy| copy.at);
    let mut parts: Vec<Part> = Vec::with_capacity(turn.parts.len());
    let with_entries = turn.parts.drain(..).zip(entries);
    for (part, entry) in with_entries.filter(|(part, _)| !is_reasoning(part)) {
        if let Some(entry) = entry {
            let before_text = parts
                .iter()
                .rposition(|part| !matches!(part.kind, PartKind::Text(_)))
                .map_or(0, |last| last + 1);
            let reasoning = entry.reasoning.iter().map(|reasoning| Part {
                at,
                ..reasoning.clone()
            });
            parts.splice(before_text..before_text, reasoning);
        }
        parts.push(part);
    }
    turn.parts = parts;
}

/// Whether the reasoning that a client brought is a part of what is cached: its signatures, and its
/// text apart from white space. Other reasoning is the client's own, and stays.
fn covers(cached: &[&Part], parts: &[Part]) -> bool {
    let (signed, unsigned): (Vec<&Part>, Vec<&Part>) = parts
        .iter()
        .filter(|part| is_reasoning(part))
        .partition(|part| part.signature.is_some());
    let value = |part: &&Part| part.signature.as_ref().map(|signed| signed.value.clone());
    let known: HashSet<_> = cached.iter().filter_map(value).collect();
    let mut brought = signed.iter().filter_map(value);
    brought.all(|value| known.contains(&value))
        && (unsigned.is_empty() || bare_text(cached).contains(&bare_text(&unsigned)))
}

/// The text of reasoning without white space, which differs where paragraphs are joined.
fn bare_text(parts: &[&Part]) -> String {
    let texts = parts.iter().flat_map(|part| match &part.kind {
        PartKind::Reasoning { texts, .. } => &texts[..],
        _ => &[],
    });
    let mut bare = String::new();
    for text in texts {
        bare.extend(text.to_plain().split_whitespace());
    }
    bare
}

fn is_reasoning(part: &Part) -> bool {
    matches!(part.kind, PartKind::Reasoning { .. })
}

/// Collects the signatures of one response from its events.
pub(super) struct SignatureCollector {
    signatures: Arc<Signatures>,
    scope: Scope,
    origin: Origin,
    /// Reasoning with its signatures since the last tool call.
    reasoning: Vec<Part>,
    /// The text since the last tool call, where there is reasoning that it may belong to.
    text: Option<Sha256>,
    has_calls: bool,
    open: OpenPart,
}

/// The part whose events are arriving.
#[derive(Debug, Default)]
enum OpenPart {
    #[default]
    Other,
    Text,
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
    /// `scope`: the conversation that the response belongs to; `origin`: who makes it.
    pub(super) fn new(signatures: Arc<Signatures>, scope: Scope, origin: Origin) -> Self {
        Self {
            signatures,
            scope,
            origin,
            reasoning: Vec::new(),
            text: None,
            has_calls: false,
            open: OpenPart::Other,
        }
    }

    pub(super) fn note(&mut self, event: &Event) {
        match (event, &mut self.open) {
            (Event::PartStart { head, .. }, _) => self.open = OpenPart::at(head),
            (Event::Delta { text, .. }, OpenPart::Reasoning { .. }) => self.open.add(text),
            (Event::Delta { text, .. }, OpenPart::Text) if !self.reasoning.is_empty() => {
                let digest = self.text.get_or_insert_with(|| self.scope.text());
                digest.update(text.to_plain().as_bytes());
            }
            (Event::Finish { choice: 0, .. }, _) => self.end_text(),
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
                signature,
                ..
            } if signature.is_some() || self.wants_plain_reasoning() => {
                let texts = paragraphs
                    .iter()
                    .map(|pieces| EscapedStr::join(pieces, ""))
                    .collect();
                let signature = self.signature(signature.unwrap_or_default());
                self.reasoning.push(Part {
                    signature: Some(signature),
                    ..Part::new(PartKind::Reasoning { form, texts }, Offset(0))
                });
            }
            OpenPart::Call { id, signature } => {
                (self.text, self.has_calls) = (None, true);
                let reasoning = std::mem::take(&mut self.reasoning);
                let signature = signature.map(|signature| self.signature(signature));
                self.signatures
                    .insert(self.scope.call(&id), reasoning, signature);
            }
            OpenPart::Reasoning { .. } | OpenPart::Text | OpenPart::Other => {}
        }
    }

    /// An answer without calls may end a tool loop, to which its reasoning then belongs.
    fn end_text(&mut self) {
        let reasoning = std::mem::take(&mut self.reasoning);
        if let Some(text) = self.text.take()
            && !self.has_calls
            && self.wants_plain_reasoning()
        {
            self.signatures.insert(key(text), reasoning, None);
        }
    }

    /// Whether the maker may want reasoning back that it did not sign: servers of these dialects by
    /// other makers. An empty signature then says whose it is.
    fn wants_plain_reasoning(&self) -> bool {
        matches!(self.origin.dialect.name(), "openai_chat" | "anthropic")
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
            PartHead::Text => Self::Text,
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
        answer_in(Scope::default(), signatures, id);
    }

    fn answer_in(scope: Scope, signatures: &Arc<Signatures>, id: &str) {
        let mut collector = SignatureCollector::new(signatures.clone(), scope, origin());
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
        signatures.attach(&Scope::default(), &mut request);
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
        signatures.attach(&Scope::default(), &mut request);
        let parts = &request.turns[0].parts;
        assert_eq!(parts.len(), 3);
        assert_eq!(
            (&parts[0].kind, parts[0].signature.is_some()),
            (&copy, true)
        );
        assert!(matches!(parts[1].kind, PartKind::Text(_)));

        let signed = parts.clone();
        signatures.attach(&Scope::default(), &mut request);
        assert_eq!(
            request.turns[0].parts, signed,
            "what has its token already stays as it is"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_kept_in_part_is_made_whole() {
        let signatures = Arc::new(Signatures::default());
        let mut collector = SignatureCollector::new(signatures.clone(), Scope::default(), origin());
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
        signatures.attach(&Scope::default(), &mut request);
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
        signatures.attach(&Scope::default(), &mut request);
        assert_eq!(request.turns[0].parts.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn reasoning_without_end_is_not_kept() {
        let signatures = Arc::new(Signatures::default());
        let mut collector = SignatureCollector::new(signatures, Scope::default(), origin());
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
            signatures.attach(&Scope::default(), &mut request);
            request.turns[0].parts.len() == 2
        };
        assert!(!recalled("call_0"), "the oldest made room");
        assert!(recalled("call_1"));
        tokio::time::advance(AGE_MAX).await;
        assert!(!recalled("call_1"), "what is old is forgotten");
    }

    fn request_of(system: &'static str, first: &'static str) -> Request {
        let turn = Turn {
            role: Role::User,
            parts: vec![Part::text(first.into(), Offset(0))],
            name: None,
            at: Offset(0),
        };
        Request {
            system: vec![Part::text(system.into(), Offset(0))],
            turns: vec![turn],
            ..Request::default()
        }
    }

    #[test]
    fn a_conversation_is_known_by_client_name_and_beginning() {
        let anonymous = HeaderMap::new();
        let mut keyed = HeaderMap::new();
        keyed.insert("x-api-key", "k".parse().unwrap());
        let base = Scope::of(&anonymous, None, None, &request_of("s", "a"));
        let others = [
            Scope::of(&keyed, None, None, &request_of("s", "a")),
            Scope::of(&anonymous, Some(&[1; 32]), None, &request_of("s", "a")),
            Scope::of(&anonymous, None, Some("n"), &request_of("s", "a")),
            Scope::of(&anonymous, None, None, &request_of("t", "a")),
            Scope::of(&anonymous, None, None, &request_of("s", "b")),
        ];
        assert!(others.iter().all(|other| *other != base));

        let mut later = request_of("s", "a");
        later.turns.extend(history("call_1").turns);
        assert_eq!(Scope::of(&anonymous, None, None, &later), base);
        assert_eq!(
            Scope::of(&anonymous, None, Some("n"), &request_of("t", "a")),
            Scope::of(&anonymous, None, Some("n"), &request_of("s", "a")),
            "a client that names its conversation may change the system text"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_id_in_another_conversation_is_another_call() {
        let signatures = Arc::new(Signatures::default());
        answer_in(Scope([1; 16]), &signatures, "call_1");
        let mut request = history("call_1");
        signatures.attach(&Scope([2; 16]), &mut request);
        assert_eq!(request.turns, history("call_1").turns);
        signatures.attach(&Scope([1; 16]), &mut request);
        assert_eq!(request.turns[0].parts.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_id_that_recurs_in_a_conversation_is_of_its_last_call() {
        let signatures = Arc::new(Signatures::default());
        answer(&signatures, "call_1");
        answer(&signatures, "call_1");
        let mut request = history("call_1");
        request.turns.extend(history("call_1").turns);
        signatures.attach(&Scope::default(), &mut request);
        let parts: Vec<_> = request.turns.iter().map(|turn| turn.parts.len()).collect();
        assert_eq!(parts, [1, 2]);

        let mut collector = SignatureCollector::new(signatures.clone(), Scope::default(), origin());
        let at = PartIndex::default();
        let head = PartHead::ToolCall {
            id: "call_1".into(),
            name: "f".into(),
            namespace: None,
            free: false,
        };
        collector.note(&Event::PartStart { at, head });
        collector.note(&Event::PartEnd { at });
        let mut request = history("call_1");
        signatures.attach(&Scope::default(), &mut request);
        assert_eq!(request.turns[0].parts.len(), 1, "the last had none");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_client_brings_itself_wins() {
        let signatures = Arc::new(Signatures::default());
        answer(&signatures, "call_1");
        let own = |text: &'static str, token: Option<&'static str>| {
            let kind = PartKind::Reasoning {
                form: ReasoningForm::Full,
                texts: vec![text.into()],
            };
            Part {
                signature: token.map(|token| Signature {
                    origin: origin(),
                    value: token.into(),
                }),
                ..Part::new(kind, Offset(0))
            }
        };
        for brought in [own("of my own", None), own("hm", Some("another"))] {
            let mut request = history("call_1");
            request.turns[0].parts.insert(0, brought);
            let expected = request.turns.clone();
            signatures.attach(&Scope::default(), &mut request);
            assert_eq!(request.turns, expected);
        }
    }

    fn deepseek() -> Origin {
        Origin {
            dialect: Dialect::named("openai_chat"),
            provider: "deepseek".into(),
            model: "m".into(),
        }
    }

    fn head(id: Option<&'static str>) -> PartHead {
        match id {
            None => PartHead::Text,
            Some(id) => PartHead::ToolCall {
                id: id.into(),
                name: "f".into(),
                namespace: None,
                free: false,
            },
        }
    }

    /// An answer of unsigned reasoning and a call, or a text.
    fn plain_answer(signatures: &Arc<Signatures>, origin: Origin, id: Option<&'static str>) {
        let mut collector = SignatureCollector::new(signatures.clone(), Scope::default(), origin);
        let at = PartIndex::default();
        let delta = |text: &'static str| Event::Delta {
            at,
            text: text.into(),
        };
        let events = [
            Event::PartStart {
                at,
                head: PartHead::Reasoning(ReasoningForm::Full),
            },
            delta("hm"),
            Event::PartEnd { at },
            Event::PartStart { at, head: head(id) },
            delta("so "),
            delta("it is"),
            Event::PartEnd { at },
            Event::Finish {
                choice: 0,
                reason: crate::canon::FinishReason::End,
                sequence: None,
                detail: None,
            },
        ];
        events.iter().for_each(|event| collector.note(event));
    }

    /// A call, its result, and the text that ends the loop, or stands elsewhere.
    fn loop_history(is_within_loop: bool) -> Request {
        let mut request = history("call_1");
        let result = crate::canon::ToolResult {
            call_id: "call_1".into(),
            name: None,
            parts: Vec::new(),
            is_error: false,
        };
        let mut results = vec![Part::new(PartKind::ToolResult(result), Offset(0))];
        if !is_within_loop {
            results.push(Part::text("and now?".into(), Offset(0)));
        }
        let turn = |role, parts| Turn {
            role,
            parts,
            name: None,
            at: Offset(0),
        };
        request.turns.push(turn(Role::User, results));
        let text = Part::text("so it is".into(), Offset(0));
        request.turns.push(turn(Role::Assistant, vec![text]));
        request
    }

    #[tokio::test(start_paused = true)]
    async fn unsigned_reasoning_of_a_tool_loop_is_remembered_for_its_maker() {
        let signatures = Arc::new(Signatures::default());
        plain_answer(&signatures, deepseek(), Some("call_1"));
        plain_answer(&signatures, deepseek(), None);
        let mut request = loop_history(true);
        signatures.attach(&Scope::default(), &mut request);
        for turn in [0, 2] {
            let parts = &request.turns[turn].parts;
            assert_eq!(parts.len(), 2, "{turn}");
            let mark = parts[0].signature.as_ref().unwrap();
            assert_eq!((&mark.origin, mark.value.is_empty()), (&deepseek(), true));
            assert!(parts[0].at.is_nowhere(), "the client did not send it");
        }
        let mut elsewhere = loop_history(false);
        signatures.attach(&Scope::default(), &mut elsewhere);
        assert_eq!(elsewhere.turns[2].parts.len(), 1);
        signatures.attach(&Scope([9; 16]), &mut elsewhere);
        assert_eq!(elsewhere.turns[2].parts.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn unsigned_thoughts_of_other_dialects_are_not_remembered() {
        let signatures = Arc::new(Signatures::default());
        let gemini = Origin {
            dialect: Dialect::named("gemini"),
            ..deepseek()
        };
        plain_answer(&signatures, gemini, Some("call_1"));
        let mut request = history("call_1");
        signatures.attach(&Scope::default(), &mut request);
        assert_eq!(request.turns[0].parts.len(), 1);
    }
}
