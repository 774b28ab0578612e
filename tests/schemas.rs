//! Every translated answer and event is complete by its dialect's published schema.
//!
//! `schemas/<dialect>.schema` are written from the published ones and name them: the Open Responses
//! specification of 2026-04-24 and the vendors' SDKs. What is validated here is validated by these
//! SDKs' own types too: with `AEROSTAT_ANSWERS=<folder>` the values are left there for
//! `tests/clients/schemas_sdk.py`, which `tests/run sdk` runs.
//!
//! What an upstream says in the client's own dialect passes as it came, and is not looked at here.

mod canonical;
mod schema;
mod told;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use aerostat::canon::{Event, Losses, Origin, Request, Response};
use aerostat::protocol::{
    self, DecodeContext, Inbound, Operation, PassthroughState, Protocol, ResponseContext,
};
use aerostat::selftest;
use bytes::{Bytes, BytesMut};
use http::Response as HttpResponse;
use serde_json::json;

use crate::stream::{Route, body};
use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Ollama, Responses};
use crate::support::agent::Agent;
use crate::support::grammar;
use crate::support::lab::{AnswerForm, Lab, PROVIDERS};
use crate::support::raw;
use crate::support::upstream::{Script, answers};
use crate::translate;
use schema::Schema;
use told::{Form, Told, of_body};

fn schema_of(dialect: Dialect) -> Schema {
    Schema::read(match dialect {
        Chat => include_str!("schemas/openai_chat.schema"),
        Completions => include_str!("schemas/openai_completions.schema"),
        Responses => include_str!("schemas/openai_responses.schema"),
        Anthropic => include_str!("schemas/anthropic.schema"),
        Gemini => include_str!("schemas/gemini.schema"),
        Ollama => include_str!("schemas/ollama.schema"),
    })
}

/// Validates every value, says how many there were, and leaves them for the SDKs' types.
#[allow(clippy::print_stdout, reason = "how many there were is a result")]
fn judge(source: &str, all: &[Told]) {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut complaints: BTreeMap<String, String> = BTreeMap::new();
    let schemas = Dialect::ALL.map(|dialect| (dialect, schema_of(dialect)));
    for told in all {
        let key = (told.client.name(), told.form.name());
        *counts.entry(key).or_default() += 1;
        let (_, schema) = schemas
            .iter()
            .find(|(dialect, _)| *dialect == told.client)
            .expect("every dialect has a schema");
        for complaint in schema.complaints(told.form.name(), &told.value) {
            let kind = told.value["type"].as_str().unwrap_or(told.form.name());
            let complaint = format!("{} {kind}: {complaint}", told.client.name());
            complaints.entry(complaint).or_insert(told.what.clone());
        }
    }
    println!("{source}: {} validated: {counts:?}", all.len());
    leave(source, all);
    let complaints: Vec<String> = complaints
        .iter()
        .map(|(complaint, what)| format!("{complaint}, as in {what}"))
        .collect();
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// Writes the values where the SDKs' suite finds them, if that is asked for.
fn leave(source: &str, all: &[Told]) {
    let Some(folder) = std::env::var_os("AEROSTAT_ANSWERS").map(PathBuf::from) else {
        return;
    };
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let mut lines = Vec::new();
    for told in all {
        let line = json!({"client": told.client.name(), "form": told.form.name(), "what": told.what, "value": told.value});
        writeln!(lines, "{line}").expect("memory can be written");
    }
    std::fs::write(folder.join(format!("{source}.jsonl")), lines)
        .expect("the folder can be written");
}

/// What a client got over HTTP.
fn of_answer(client: Dialect, answer: &raw::Answer, what: &str) -> Vec<Told> {
    let form = match answer.status {
        200 => Form::Response,
        _ => Form::ErrorBody,
    };
    of_body(client, form, answer.content_type(), &answer.body, what)
}

#[tokio::test]
async fn every_request_is_answered_by_the_schema() {
    let lab = Lab::start().await;
    let mut all = Vec::new();
    for case in translate::cases() {
        for form in [AnswerForm::Whole, AnswerForm::Stream] {
            let outcomes = case.outcomes(&lab, form).await;
            for outcome in outcomes.iter().filter(|outcome| {
                !(case.dialect == Completions && outcome.model.starts_with(Chat.name()))
            }) {
                let what = format!("{} to {}", case.name(), outcome.model);
                all.extend(of_answer(case.dialect, &outcome.exchanged.answer, &what));
            }
        }
    }
    judge("requests", &all);
}

/// Whether the client gets what its own dialect's upstream said.
fn passes_through(upstream: Dialect, client: Dialect) -> bool {
    upstream == client || (upstream, client) == (Chat, Completions)
}

#[tokio::test]
async fn every_kind_of_answer_is_given_by_the_schema() {
    let lab = Lab::start().await;
    let mut all = Vec::new();
    for route in Route::all().filter(|route| !passes_through(route.upstream, route.client)) {
        for form in [AnswerForm::Whole, route.form] {
            let answer = route.answer(&lab, form).await;
            all.extend(of_answer(route.client, &answer, &route.name()));
        }
    }
    for upstream in PROVIDERS {
        for client in Dialect::ALL {
            for status in [400, 401, 403, 404, 413, 429, 500, 503, 529] {
                let script = Script::status(status);
                let answer = crate::stream::ask(&lab, client, upstream, AnswerForm::Whole, script);
                let what = format!("{status} of {}", upstream.name());
                all.extend(of_answer(client, &answer.await, &what));
            }
        }
    }
    judge("answers", &all);
}

#[test]
fn the_selftest_is_answered_by_the_schema() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let agent = Agent::start("port = 0\n");
    let all = std::cell::RefCell::new(Vec::new());
    let exchange = |requests: Vec<http::Request<Bytes>>| {
        let answered = requests.into_iter().map(|request| {
            let answer = runtime.block_on(agent.send(&raw_request(&request)));
            all.borrow_mut().extend(of_selftest(&request, &answer));
            let content_type = answer.content_type().to_owned();
            let mut response = HttpResponse::new(Bytes::from(answer.body));
            *response.status_mut() = answer.status.try_into().expect("a status");
            let content_type = content_type.parse().expect("a header's value");
            response.headers_mut().insert("content-type", content_type);
            Ok(response)
        });
        Ok(answered.collect())
    };
    let report = selftest::run(&exchange).expect("the selftest runs");
    assert!(report.cases > 200, "only {} cases", report.cases);
    judge("selftest", &all.take());
}

fn raw_request(request: &http::Request<Bytes>) -> raw::Request {
    let target = request.uri().to_string();
    let empty = raw::Request::new(request.method().as_str(), &target);
    let head = request.headers().iter().fold(empty, |raw, (name, value)| {
        raw.header(name.as_str(), value.to_str().expect("a literal header"))
    });
    head.body(request.body().to_vec())
}

fn of_selftest(request: &http::Request<Bytes>, answer: &raw::Answer) -> Vec<Told> {
    let path = request.uri().path();
    let client = match path {
        path if path.contains("/chat/") => Chat,
        path if path.contains("/completions") => Completions,
        path if path.contains("/responses") => Responses,
        path if path.contains("/messages") => Anthropic,
        path if path.starts_with("/api/") => Ollama,
        _ => Gemini,
    };
    let is_count = ["count_tokens", "input_tokens", "countTokens"]
        .iter()
        .any(|word| path.contains(word));
    if is_count && answer.status == 200 {
        return of_body(
            client,
            Form::Count,
            answer.content_type(),
            &answer.body,
            path,
        );
    }
    of_answer(client, answer, path)
}

fn protocol_of(dialect: Dialect) -> &'static dyn Protocol {
    protocol::by_name(dialect.name()).expect("every dialect has its protocol")
}

fn stream_content_type(dialect: Dialect) -> &'static str {
    protocol_of(dialect).stream_content_type(Some("alt=sse"))
}

/// A client that allows every kind of part.
struct Client {
    dialect: Dialect,
    request: Request,
}

impl Client {
    fn new(dialect: Dialect, form: AnswerForm) -> Self {
        let body = Bytes::from_static(body(dialect, form).as_bytes());
        let inbound = Inbound {
            operation: Operation::Generate,
            path_model: Some("m").filter(|_| dialect == Gemini),
            query: None,
            headers: &http::HeaderMap::new(),
            body: &body,
        };
        let request = protocol_of(dialect).decode_request(&inbound);
        Self {
            dialect,
            request: request.expect("the request is its dialect's"),
        }
    }

    fn all() -> Vec<Self> {
        let of = |dialect| Self::new(dialect, AnswerForm::Stream);
        Dialect::ALL.map(of).into()
    }

    fn with_context<T>(&self, upstream: Dialect, run: impl FnOnce(&ResponseContext<'_>) -> T) -> T {
        let origin = Origin {
            dialect: protocol_of(upstream).dialect(),
            provider: "lab".into(),
            model: "m".into(),
        };
        run(&ResponseContext {
            request: &self.request,
            operation: Operation::StreamGenerate,
            query: Some("alt=sse"),
            origin: &origin,
            request_id: "r1",
            received_at: Duration::from_secs(1_795_400_000),
            completed_at: Duration::from_secs(1_795_400_001),
        })
    }

    fn whole(&self, upstream: Dialect, response: &Response, what: &str) -> Vec<Told> {
        let protocol = protocol_of(self.dialect);
        let encoded = self.with_context(upstream, |context| {
            protocol.encode_response(response, context, &mut Losses::default())
        });
        let (form, body) = match encoded {
            Ok(body) => (Form::Response, body),
            Err(fault) => (Form::ErrorBody, protocol.encode_fault(&fault, "r1").1),
        };
        of_body(self.dialect, form, "application/json", &body, what)
    }

    fn stream(&self, upstream: Dialect, events: &[Event], what: &str) -> Vec<Told> {
        let stream = self.with_context(upstream, |context| {
            let mut encoder = protocol_of(self.dialect).stream_encoder(context);
            let mut out = BytesMut::new();
            events
                .iter()
                .for_each(|event| encoder.push(event, &mut out));
            encoder.finish(&mut out);
            out
        });
        let content_type = stream_content_type(self.dialect);
        of_body(self.dialect, Form::Event, content_type, &stream, what)
    }
}

/// The literal answers of a dialect: those of the scripted upstream, and those of the SDKs' suites.
fn literal_files(dialect: Dialect) -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/support/upstream/answers", "tests/clients/answers"];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .map(|folder| root.join(folder).join(dialect.name()))
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .map(|file| file.expect("the folder can be read").path())
        .collect();
    files.sort();
    files
}

#[test]
fn every_literal_answer_is_translated_into_the_schemas() {
    let mut all = Vec::new();
    for upstream in PROVIDERS {
        for file in literal_files(upstream) {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let what = format!("{name} of {}", upstream.name());
            let body = Bytes::from(std::fs::read(&file).expect("the file can be read"));
            let clients = Client::all().into_iter();
            let is_stream = name.ends_with(".sse");
            for client in clients.filter(|client| client.dialect != upstream) {
                all.extend(translated(&client, upstream, &body, is_stream, &what));
            }
        }
    }
    judge("literals", &all);
}

fn translated(
    client: &Client,
    upstream: Dialect,
    body: &Bytes,
    is_stream: bool,
    what: &str,
) -> Vec<Told> {
    let context = DecodeContext {
        request_id: "r1".to_owned(),
        ..DecodeContext::default()
    };
    if !is_stream {
        let response = protocol_of(upstream).decode_response(body.clone(), &context);
        return match response {
            Ok(response) => client.whole(upstream, &response, what),
            // Lists, counts, embeddings, errors.
            Err(_) => Vec::new(),
        };
    }
    let mut decoder = protocol_of(upstream).stream_decoder(&context);
    let mut events = Vec::new();
    match decoder.push(body.clone(), &mut events) {
        Ok(()) => decoder.finish(&mut events),
        Err(malformed) => events.push(Event::Failed(malformed.into())),
    }
    client.stream(upstream, &events, what)
}

#[test]
fn everything_that_canon_can_say_is_told_by_the_schema() {
    let mut all = Vec::new();
    for (name, events) in canonical::answers() {
        for client in Client::all() {
            let upstream = if client.dialect == Chat {
                Anthropic
            } else {
                Chat
            };
            let told = client.stream(upstream, &events, &name);
            check_order(client.dialect, &name, &told);
            all.extend(told);
            let mut fold = aerostat::canon::Fold::default();
            events.iter().cloned().for_each(|event| fold.push(event));
            if let Ok(response) = fold.finish()
                && response
                    .choices
                    .iter()
                    .all(|choice| choice.finish.is_some())
                && !response.choices.is_empty()
            {
                all.extend(client.whole(upstream, &response, &name));
            }
        }
    }
    for kind in canonical::FAULTS {
        for dialect in Dialect::ALL {
            let (what, fault) = (format!("{kind:?}"), canonical::fault(kind));
            let (_, body) = protocol_of(dialect).encode_fault(&fault, "r1");
            let json = "application/json";
            all.extend(of_body(dialect, Form::ErrorBody, json, &body, &what));
            let mut record = BytesMut::new();
            let state = PassthroughState {
                query: Some("alt=sse"),
                records: 7,
            };
            protocol_of(dialect).encode_stream_fault(&fault, &state, &mut record);
            let events = stream_content_type(dialect);
            all.extend(of_body(dialect, Form::Event, events, &record, &what));
        }
    }
    judge("canon", &all);
}

/// Complete is not all: texts that follow one another come in order.
fn check_order(client: Dialect, name: &str, told: &[Told]) {
    if name != "two texts" {
        return;
    }
    let mut stream = String::new();
    for told in told {
        if client == Ollama {
            stream.push_str(&format!("{}\n", told.value));
            continue;
        }
        let event = told.value["type"].as_str();
        let event = event.filter(|_| matches!(client, Responses | Anthropic));
        stream.extend(event.map(|event| format!("event: {event}\n")));
        stream.push_str(&format!("data: {}\n\n", told.value));
    }
    if matches!(client, Chat | Completions) {
        stream.push_str("data: [DONE]\n\n");
    }
    grammar::check(client, stream_content_type(client), stream.as_bytes()).unwrap_or_else(
        |broken| {
            panic!("{name} to {}: {broken}\n{stream}", client.name());
        },
    );
}

/// The judge judged: a member that an event of a real answer lacks is named.
#[test]
fn a_member_that_an_event_lacks_is_named() {
    let client = Client::new(Responses, AnswerForm::Stream);
    let (_, events) = canonical::answers().swap_remove(0);
    let schema = schema_of(Responses);
    let records = client.stream(Chat, &events, "every part");
    assert!(records.len() > 30, "{}", records.len());
    for told in records {
        let members = told.value.as_object().expect("an event is an object");
        for key in members.keys().filter(|key| *key != "type") {
            let mut lacking = told.value.clone();
            lacking.as_object_mut().expect("an object").remove(key);
            let complaints = schema.complaints("Event", &lacking);
            assert!(
                complaints
                    .iter()
                    .any(|complaint| complaint.starts_with(&format!("{key}: absent"))),
                "{key} of {}: {complaints:?}",
                told.value["type"]
            );
        }
    }
}

#[test]
fn literal_answers_are_found() {
    for dialect in PROVIDERS {
        assert!(literal_files(dialect).len() > 30, "{dialect:?}");
        assert!(!answers::cases(dialect).is_empty());
    }
}
