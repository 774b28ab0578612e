//! What differs between what the client sent and what went upstream, and between what came back and
//! what the client got: by JSON path, each change with the note that explains it. Of streams it is
//! what they say as a whole.

use serde::{Deserialize, Serialize};

use super::body_answer::{self, is_stream};
use super::body_text::text_of;
use super::explain::LossFacts;
use crate::canon::{Loss, LossKind};
use crate::json::Document;
use crate::json::diff::{Change, ChangeKind, diff};
use crate::record::bodies::{Direction, RecordedBody};
use crate::record::{Attempt, Record};

/// Two bodies side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyComparison {
    /// The directions of the two.
    pub from: String,
    pub to: String,
    /// Counted from 1.
    pub attempt: u16,
    pub verdict: Verdict,
    /// Whether a stream's events were joined first, and both answers written in the client's
    /// dialect.
    #[serde(default)]
    pub is_joined: bool,
    /// The same as a sentence.
    pub text: String,
    pub changes: Vec<ChangeFacts>,
    /// How many more changes there are.
    pub left_out: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    SameBytes,
    /// The same bytes but the model's name.
    SameButModel,
    /// Other bytes that say the same.
    SameValues,
    Differs,
    /// One of them is cut, or no JSON.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeFacts {
    /// `added`, `removed`, `changed` or `moved`.
    pub kind: String,
    pub from: Option<String>,
    pub to: Option<String>,
    /// The value on either side, cut where it is long.
    pub before: Option<String>,
    pub after: Option<String>,
    /// How many changes are like it but for their places in lists.
    pub count: usize,
    /// What explains it. `None` where nothing does.
    pub note: Option<ChangeNote>,
}

/// What explains a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChangeNote {
    /// The translation could not carry it exactly, and said so.
    Loss { loss: LossFacts },
    /// The model's name became another one.
    Model,
    /// The other dialect writes it so.
    Dialect,
}

/// The comparisons of a request's bodies: of the client's request with what went upstream in each
/// attempt, and of the last answer with what the client got.
pub(super) fn comparisons(record: &Record, bodies: &[RecordedBody]) -> Vec<BodyComparison> {
    let one = |direction: Direction| bodies.iter().rfind(|body| body.direction == direction);
    let sent = one(Direction::ClientSent);
    let upstream = bodies
        .iter()
        .filter(|body| body.direction == Direction::WentUpstream);
    let mut found: Vec<BodyComparison> = sent
        .into_iter()
        .flat_map(|sent| {
            upstream
                .clone()
                .map(move |went| compare(record, sent, went))
        })
        .collect();
    if let (Some(back), Some(got)) = (one(Direction::CameBack), one(Direction::ClientGot)) {
        found.push(compare(record, back, got));
    }
    found
}

fn compare(record: &Record, before: &RecordedBody, after: &RecordedBody) -> BodyComparison {
    let attempt = before.attempt.or(after.attempt).unwrap_or(1);
    let of_attempt = record.attempts.get(usize::from(attempt).saturating_sub(1));
    let is_translation = of_attempt.is_some_and(|attempt| attempt.dialect != record.dialect);
    let pair = Pair::of(record, of_attempt, before, after);
    let (verdict, changes, left_out) = pair.judge();
    let explained = |change: Change| {
        let note = note_of(&change, &record.losses, is_translation);
        ChangeFacts::of(change, note)
    };
    BodyComparison {
        from: before.direction.name().to_owned(),
        to: after.direction.name().to_owned(),
        attempt,
        verdict,
        is_joined: pair.is_joined,
        text: pair.sentence(verdict),
        changes: changes.into_iter().map(explained).collect(),
        left_out,
    }
}

/// Two bodies, and how they are read.
struct Pair<'b> {
    before: &'b RecordedBody,
    after: &'b RecordedBody,
    is_joined: bool,
    documents: Option<(Document, Document)>,
}

impl<'b> Pair<'b> {
    fn of(
        record: &Record,
        attempt: Option<&Attempt>,
        before: &'b RecordedBody,
        after: &'b RecordedBody,
    ) -> Self {
        let is_joined = is_stream(before) || is_stream(after);
        let documents = match attempt {
            _ if before.is_cut || after.is_cut || before.bytes == after.bytes => None,
            Some(attempt) if is_joined => {
                let old = body_answer::document(record, before, attempt.dialect);
                old.zip(body_answer::document(record, after, record.dialect))
            }
            _ => document(before).zip(document(after)),
        };
        Self {
            before,
            after,
            is_joined: is_joined && documents.is_some(),
            documents,
        }
    }

    fn is_cut(&self) -> bool {
        self.before.is_cut || self.after.is_cut
    }

    fn judge(&self) -> (Verdict, Vec<Change>, usize) {
        let unknown = (Verdict::Unknown, Vec::new(), 0);
        if self.is_cut() {
            return unknown;
        }
        if self.before.bytes == self.after.bytes {
            return (Verdict::SameBytes, Vec::new(), 0);
        }
        let Some((old, new)) = &self.documents else {
            return unknown;
        };
        let Some(found) = diff(old, new) else {
            return unknown;
        };
        let verdict = match &found.changes[..] {
            [] => Verdict::SameValues,
            [change] if !self.is_joined && is_model(change) && differs_in_model_alone(old, new) => {
                Verdict::SameButModel
            }
            _ => Verdict::Differs,
        };
        (verdict, found.changes, found.left_out)
    }

    fn sentence(&self, verdict: Verdict) -> String {
        let text = match verdict {
            Verdict::SameBytes => "the same bytes",
            Verdict::SameButModel => "the same bytes but `model`",
            Verdict::SameValues if self.is_joined => "joined from their events, they say the same",
            Verdict::SameValues => "other bytes that say the same",
            Verdict::Differs if self.is_joined => "joined from their events, they differ",
            Verdict::Differs => "they differ",
            Verdict::Unknown if self.is_cut() => "not compared: the end of one of them was cut off",
            Verdict::Unknown if is_stream(self.before) || is_stream(self.after) => {
                "not compared: a stream that broke off, or one of another form"
            }
            Verdict::Unknown => "not compared: one of them is no JSON, or too long a list",
        };
        text.to_owned()
    }
}

fn document(body: &RecordedBody) -> Option<Document> {
    let text = text_of(body)?;
    Document::parse(text.as_bytes().to_vec().into()).ok()
}

fn is_model(change: &Change) -> bool {
    change.kind == ChangeKind::Changed
        && change.from.as_deref() == Some("model")
        && change.to == change.from
}

/// Whether the bytes before and behind the model's name are the same.
fn differs_in_model_alone(old: &Document, new: &Document) -> bool {
    let around = |document: &Document| {
        let source = document.source().clone();
        let model = document.root().get("model")?;
        let start = model.offset().0 as usize;
        let end = start + model.as_written().len();
        Some((source.slice(..start), source.slice(end..)))
    };
    around(old).is_some() && around(old) == around(new)
}

/// What explains a change: a loss at its path, else the change of the dialect.
fn note_of(change: &Change, losses: &[Loss], is_translation: bool) -> Option<ChangeNote> {
    let fits = |loss: &&Loss| explains(loss, change);
    if let Some(loss) = losses.iter().find(fits) {
        let loss = LossFacts::of(loss);
        return Some(ChangeNote::Loss { loss });
    }
    let is_model = |path: &Option<String>| path.as_deref() == Some("model");
    if is_model(&change.from) || is_model(&change.to) {
        return Some(ChangeNote::Model);
    }
    is_translation.then_some(ChangeNote::Dialect)
}

fn explains(loss: &Loss, change: &Change) -> bool {
    let from = change.from.as_deref();
    let to = change.to.as_deref();
    match (loss.kind, change.kind) {
        (_, ChangeKind::Moved) => false,
        (LossKind::Added, ChangeKind::Added) => to.is_some_and(|to| is_named(to, &loss.path)),
        (LossKind::Added, _) => false,
        // What was adjusted may stand upstream under a name that is like the client's.
        (LossKind::Adjusted, ChangeKind::Added) => {
            to.is_some_and(|to| last_name(to) == last_name(&loss.path))
        }
        (LossKind::Dropped, ChangeKind::Added) => false,
        _ => from.is_some_and(|from| overlaps(from, &loss.path)),
    }
}

/// Whether `path` ends in that name, in which the words of dialects differ: `max_tokens`,
/// `generationConfig.maxOutputTokens`.
fn is_named(path: &str, name: &str) -> bool {
    path == name || last_name(path) == last_name(name)
}

fn last_name(path: &str) -> &str {
    let end = path.trim_end_matches(|c: char| c == ']' || c == '[' || c.is_ascii_digit());
    end.rsplit('.').next().unwrap_or(end)
}

/// Whether one path is the other, or lies in it. Of several changes of one shape, the place of the
/// first in a list is not the only one.
fn overlaps(path: &str, other: &str) -> bool {
    let (path, other) = (without_places(path), without_places(other));
    is_in(&path, &other) || is_in(&other, &path)
}

fn is_in(path: &str, site: &str) -> bool {
    let rest = path.strip_prefix(site).filter(|_| !site.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// `messages[].content` of `messages[3].content`.
fn without_places(path: &str) -> String {
    let mut is_place = false;
    path.chars()
        .filter(|c| {
            match c {
                '[' => is_place = true,
                ']' => is_place = false,
                _ => return !is_place,
            }
            true
        })
        .collect()
}

impl ChangeFacts {
    fn of(change: Change, note: Option<ChangeNote>) -> Self {
        let kind = match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Changed => "changed",
            ChangeKind::Moved => "moved",
        };
        Self {
            kind: kind.to_owned(),
            from: change.from,
            to: change.to,
            before: change.before,
            after: change.after,
            count: change.count,
            note,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::outcome::{Outcome, Timestamp};
    use crate::protocol::{anthropic, openai_chat};
    use crate::record::bodies::StartLine;

    fn body(direction: Direction, text: &str) -> RecordedBody {
        let is_clients = matches!(direction, Direction::ClientSent | Direction::ClientGot);
        RecordedBody {
            direction,
            attempt: (!is_clients).then_some(1),
            start: StartLine::Response { status: 200 },
            headers: Vec::new(),
            bytes: text.into(),
            size: text.len() as u64,
            is_cut: false,
            redactions: 0,
            chunks: Vec::new(),
        }
    }

    fn record(is_translation: bool, losses: &[(&str, LossKind)]) -> Record {
        let at = Timestamp::UNIX_EPOCH;
        let dialect = if is_translation {
            anthropic::DIALECT
        } else {
            openai_chat::DIALECT
        };
        let attempt = Attempt {
            provider: Arc::from("lab"),
            account: "work".parse().unwrap(),
            model: Arc::from("m"),
            dialect,
            began_at: at,
            waited: std::time::Duration::ZERO,
            outcome: Outcome::Failed,
            detail: None,
            took: std::time::Duration::ZERO,
            status: None,
            head_after: None,
            upstream_id: None,
            next: None,
        };
        let loss = |(path, kind): &(&str, LossKind)| Loss {
            path: (*path).to_owned(),
            kind: *kind,
        };
        Record {
            attempts: vec![attempt],
            losses: losses.iter().map(loss).collect(),
            ..Record::opened("r1".to_owned(), at, openai_chat::DIALECT)
        }
    }

    fn compared(record: &Record, before: &str, after: &str) -> BodyComparison {
        let bodies = [
            body(Direction::ClientSent, before),
            body(Direction::WentUpstream, after),
        ];
        comparisons(record, &bodies).remove(0)
    }

    #[test]
    fn a_passthrough_says_what_it_is() {
        let record = record(false, &[]);
        let verdict = |before: &str, after: &str| compared(&record, before, after).verdict;
        let body = r#"{"model":"fast", "n":1.0}"#;
        assert_eq!(verdict(body, body), Verdict::SameBytes);
        assert_eq!(
            verdict(body, r#"{"model":"gpt-5", "n":1.0}"#),
            Verdict::SameButModel
        );
        assert_eq!(
            verdict(body, r#"{"model":"gpt-5","n":1.0}"#),
            Verdict::Differs
        );
        assert_eq!(
            verdict(body, r#"{"n":1.0,"model":"fast"}"#),
            Verdict::SameValues
        );
        assert_eq!(verdict(body, "no JSON"), Verdict::Unknown);
        let unexplained = compared(&record, r#"{"a":1}"#, r#"{"b":[]}"#);
        assert!(
            unexplained
                .changes
                .iter()
                .all(|change| change.note.is_none())
        );
    }

    #[test]
    fn each_change_of_a_translation_has_its_note() {
        let losses = [
            ("seed", LossKind::Dropped),
            ("messages[1].name", LossKind::Dropped),
            ("temperature", LossKind::Adjusted),
            ("max_tokens", LossKind::Added),
        ];
        let before = r#"{"model":"a","seed":7,"temperature":1.5,"stream":true,"messages":[{"role":"user","content":"hello","name":"x"}]}"#;
        let after = r#"{"model":"b","max_tokens":8192,"temperature":1,"messages":[{"role":"user","content":[{"type":"text","text":"hello"}]}]}"#;
        let found = compared(&record(true, &losses), before, after);
        let note = |path: &str| {
            let at = |change: &&ChangeFacts| {
                change.from.as_deref().or(change.to.as_deref()) == Some(path)
            };
            let change = found.changes.iter().find(at);
            match &change.unwrap_or_else(|| panic!("{path}: {found:#?}")).note {
                Some(ChangeNote::Loss { loss }) => format!("{} {}", loss.kind, loss.path),
                note => format!("{note:?}"),
            }
        };
        assert_eq!(note("seed"), "dropped seed");
        assert_eq!(note("messages[0].name"), "dropped messages[1].name");
        assert_eq!(note("temperature"), "adjusted temperature");
        assert_eq!(note("max_tokens"), "added max_tokens");
        assert_eq!(note("model"), "Some(Model)");
        assert_eq!(note("stream"), "Some(Dialect)");
        assert_eq!(note("messages[0].content"), "Some(Dialect)");
    }

    #[test]
    fn streams_are_compared_by_what_they_say() {
        let chunk = |delta: &str, finish: &str| {
            format!(
                "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
            )
        };
        let got = |texts: &[&str]| {
            let deltas = texts
                .iter()
                .map(|text| chunk(&format!("{{\"content\":\"{text}\"}}"), "null"));
            let opening = chunk("{\"role\":\"assistant\",\"content\":\"\"}", "null");
            let ending = chunk("{}", "\"stop\"") + "data: [DONE]\n\n";
            std::iter::once(opening)
                .chain(deltas)
                .chain([ending])
                .collect::<String>()
        };
        let back = concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"c1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"one two\"}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        );
        let compared = |is_translation, before: &str, after: &str| {
            let bodies = [
                body(Direction::CameBack, before),
                body(Direction::ClientGot, after),
            ];
            comparisons(&record(is_translation, &[]), &bodies).remove(0)
        };
        let paths = |found: &BodyComparison| -> Vec<String> {
            let changes = found.changes.iter();
            changes.filter_map(|change| change.from.clone()).collect()
        };
        let parted = compared(false, &got(&["one", " two"]), &got(&["on", "e two"]));
        assert_eq!(
            (parted.verdict, parted.is_joined),
            (Verdict::SameValues, true)
        );
        let other = compared(false, &got(&["one"]), &got(&["two"]));
        assert_eq!(other.verdict, Verdict::Differs);
        assert_eq!(paths(&other), ["choices[0].message.content"]);
        assert_eq!(other.text, "joined from their events, they differ");
        let translated = compared(true, back, &got(&["one", " two"]));
        assert!(translated.is_joined);
        assert!(
            !paths(&translated)
                .iter()
                .any(|path| path.contains("content")),
            "{translated:#?}"
        );
        let broken_off = compared(false, &got(&["one"]), &chunk("{}", "null"));
        assert_eq!(broken_off.verdict, Verdict::Unknown);
    }

    #[test]
    fn what_was_cut_is_not_compared() {
        let mut bodies = [
            body(Direction::CameBack, "{\"a\":1"),
            body(Direction::ClientGot, "{\"a\":1}"),
        ];
        bodies[0].is_cut = true;
        let found = comparisons(&record(true, &[]), &bodies).remove(0);
        assert_eq!(found.verdict, Verdict::Unknown);
        assert_eq!(
            found.text,
            "not compared: the end of one of them was cut off"
        );
    }
}
