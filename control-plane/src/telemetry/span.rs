//! The spans of one request: one as the server that the client called, and below it one as the
//! client of each attempt. Pure, but for the random ids.

use std::time::Duration;

use super::names;
use crate::outcome::{Outcome, Timestamp};
use crate::record::{Attempt, Ending, Record, TraceParent};

/// A span as it is sent.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) began_at: Timestamp,
    pub(super) took: Duration,
    pub(super) is_error: bool,
    pub(super) attributes: Vec<(&'static str, Value)>,
}

/// Which side of a call a span is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Server = 2,
    Client = 3,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Texts(Vec<String>),
    Count(u64),
    Seconds(f64),
    Bool(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// How many spans a record becomes.
pub(super) fn count(record: &Record) -> u64 {
    1 + record.attempts.len() as u64
}

/// The server's span, and then those of the attempts.
pub(super) fn of_record(record: &Record, find_host: impl Fn(&str) -> Option<String>) -> Vec<Span> {
    let server = server(record);
    let mut spans = Vec::new();
    for (index, attempt) in record.attempts.iter().enumerate() {
        let is_last = index + 1 == record.attempts.len();
        let mut span = client(record, attempt, &server);
        let host = find_host(&attempt.provider);
        span.add(names::SERVER_ADDRESS, host.map(Value::Text));
        if is_last {
            span.add_answer(record, attempt);
        }
        spans.push(span);
    }
    spans.insert(0, server);
    spans
}

fn server(record: &Record) -> Span {
    let (trace_id, parent) = match record.trace_parent {
        Some(TraceParent {
            trace_id, span_id, ..
        }) => (trace_id, Some(span_id)),
        None => (fastrand::u128(1..).to_be_bytes(), None),
    };
    let operation = record.operation.map_or("request", |known| known.name());
    let dialect = record.dialect.name();
    let mut span = Span {
        trace_id,
        span_id: span_id(),
        parent,
        name: format!("{operation} ({dialect})"),
        kind: Kind::Server,
        began_at: record.received_at,
        took: record.took,
        is_error: record.ending == Ending::Failed,
        attributes: Vec::new(),
    };
    span.add(names::REQUEST_ID, Some(record.request_id.as_str().into()));
    span.add(names::DIALECT, Some(dialect.into()));
    span.add(names::ENDING, Some(record.ending.name().into()));
    let status = (record.status != 0).then_some(Value::Count(record.status.into()));
    span.add(names::STATUS_CODE, status);
    // Never the message: providers quote the request in theirs.
    let cause = record.failure.as_ref().map(|failure| failure.cause.name());
    span.add(names::ERROR_TYPE, cause.map(Value::from));
    span
}

fn client(record: &Record, attempt: &Attempt, server: &Span) -> Span {
    let operation = record
        .operation
        .map_or("chat", |known| names::operation(known, attempt.dialect));
    let outcome = &attempt.outcome;
    // That the client left is no error of the upstream's.
    let is_error = !matches!(
        outcome,
        Outcome::Served { .. } | Outcome::Cancelled | Outcome::Unread
    );
    let mut span = Span {
        trace_id: server.trace_id,
        span_id: span_id(),
        parent: Some(server.span_id),
        name: format!("{operation} {}", attempt.model),
        kind: Kind::Client,
        began_at: attempt.began_at,
        took: attempt.took,
        is_error,
        attributes: Vec::new(),
    };
    let provider = names::provider(&attempt.provider);
    span.add(names::OPERATION_NAME, Some(operation.into()));
    span.add(names::PROVIDER_NAME, Some(provider.into()));
    span.add(names::REQUEST_MODEL, Some((&*attempt.model).into()));
    span.add(names::REQUEST_STREAM, Some(Value::Bool(record.stream)));
    let session = record
        .session
        .map(|session| Value::Text(hex::encode(session)));
    span.add(names::CONVERSATION_ID, session);
    let status = attempt.status.map(|status| Value::Count(status.into()));
    span.add(names::STATUS_CODE, status);
    span.add(names::OUTCOME, Some(outcome.name().into()));
    span.add(names::ERROR_TYPE, is_error.then(|| outcome.name().into()));
    let id = attempt.upstream_id.as_deref();
    span.add(names::UPSTREAM_REQUEST_ID, id.map(Value::from));
    span
}

fn span_id() -> [u8; 8] {
    fastrand::u64(1..).to_be_bytes()
}

impl Span {
    fn add(&mut self, name: &'static str, value: Option<Value>) {
        self.attributes.extend(value.map(|value| (name, value)));
    }

    /// What the answer told, which came of the last attempt.
    fn add_answer(&mut self, record: &Record, attempt: &Attempt) {
        let usage = &record.usage;
        for (name, tokens) in [
            (names::INPUT_TOKENS, usage.input),
            (names::CACHE_READ_TOKENS, usage.cache_read),
            (names::CACHE_WRITE_TOKENS, usage.cache_write),
            (names::OUTPUT_TOKENS, usage.output),
            (names::REASONING_TOKENS, usage.reasoning),
        ] {
            self.add(name, tokens.map(Value::Count));
        }
        let finish = record.finish.as_ref();
        let reasons = finish.map(|reason| Value::Texts(vec![reason.to_string()]));
        self.add(names::FINISH_REASONS, reasons);
        let first_chunk = first_chunk_after(record, attempt);
        let seconds = first_chunk.map(|after| Value::Seconds(after.as_secs_f64()));
        self.add(names::TIME_TO_FIRST_CHUNK, seconds);
    }
}

/// From the attempt's begin to the first byte that left for the client, of a stream that was served.
fn first_chunk_after(record: &Record, attempt: &Attempt) -> Option<Duration> {
    let is_served = matches!(record.ending, Ending::Done | Ending::Left);
    let after = record
        .first_byte_after
        .filter(|_| record.stream && is_served)?;
    let before = attempt.began_at.duration_since(record.received_at).ok()?;
    after.checked_sub(before)
}
