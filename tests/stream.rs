//! Answers on their way to clients: every upstream dialect through every client dialect, streamed,
//! whole, and cut.
//!
//! Each answer passes its dialect's grammar, a stream says what the whole answer says, and a cut
//! stream never looks complete.

use std::fmt::Write as _;
use std::time::Duration;

use aerostat::canon::{Event, Origin, Request};
use aerostat::protocol::{
    self, DecodeContext, Inbound, Operation, Protocol, ResponseContext, StreamEnd,
};
use bytes::{Bytes, BytesMut};

use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Ollama, Responses};
use crate::support::grammar::{self, Folded, Summary};
use crate::support::lab::{AnswerForm, Lab, PROVIDERS, generate};
use crate::support::raw::{Answer, Ended};
use crate::support::upstream::{Case, Cut, Script, answers};

/// The clients: a dialect and the form in which it streams.
const CLIENTS: [(Dialect, AnswerForm); 7] = [
    (Chat, AnswerForm::Stream),
    (Completions, AnswerForm::Stream),
    (Responses, AnswerForm::Stream),
    (Anthropic, AnswerForm::Stream),
    (Gemini, AnswerForm::Stream),
    (Gemini, AnswerForm::Array),
    (Ollama, AnswerForm::Stream),
];

const CASES: [Case; 14] = [
    Case::Text,
    Case::ToolCall,
    Case::ToolCallWithoutArguments,
    Case::ParallelToolCalls,
    Case::ToolFollowUp,
    Case::Reasoning,
    Case::ReasonedToolCall,
    Case::Structured,
    Case::Refusal,
    Case::Filtered,
    Case::Length,
    Case::StopSequence,
    Case::CachedUsage,
    Case::BlockedPrompt,
];

/// A request that allows every case: tools, and reasoning that is shown.
pub(crate) fn body(dialect: Dialect, form: AnswerForm) -> &'static str {
    match (dialect, form) {
        (Chat, AnswerForm::Whole) => {
            r#"{"model":"MODEL","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"low","tools":[{"type":"function","function":{"name":"get_weather"}}]}"#
        }
        (Chat, _) => {
            r#"{"model":"MODEL","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"low","stream_options":{"include_usage":true},"tools":[{"type":"function","function":{"name":"get_weather"}}]}"#
        }
        (Completions, AnswerForm::Whole) => r#"{"model":"MODEL","prompt":"hi"}"#,
        (Completions, _) => {
            r#"{"model":"MODEL","prompt":"hi","stream_options":{"include_usage":true}}"#
        }
        (Responses, _) => {
            r#"{"model":"MODEL","input":"hi","reasoning":{"effort":"low","summary":"auto"},"tools":[{"type":"function","name":"get_weather","parameters":null,"strict":false}]}"#
        }
        (Anthropic, _) => {
            r#"{"model":"MODEL","max_tokens":4096,"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"enabled","budget_tokens":2048},"tools":[{"name":"get_weather","input_schema":{"type":"object"}}]}"#
        }
        (Ollama, _) => {
            r#"{"model":"MODEL","messages":[{"role":"user","content":"hi"}],"think":"low","tools":[{"type":"function","function":{"name":"get_weather"}}]}"#
        }
        (Gemini, _) => {
            r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"thinkingConfig":{"includeThoughts":true}},"tools":[{"functionDeclarations":[{"name":"get_weather"}]}]}"#
        }
    }
}

fn model(upstream: Dialect) -> &'static str {
    match upstream {
        Chat | Completions => "openai_chat/gpt-5",
        Responses => "openai_responses/gpt-5",
        Anthropic => "anthropic/claude-sonnet-4-5",
        Gemini => "gemini/gemini-3-pro-preview",
        Ollama => unreachable!("no provider speaks it"),
    }
}

/// Whether the literal answers of both hold the case: completions pass through Chat's provider as
/// what they are.
fn is_served(case: Case, upstream: Dialect, client: Dialect) -> bool {
    let holder = if client == Completions && upstream == Chat {
        Completions
    } else {
        upstream
    };
    answers::literal(holder, &format!("{}.sse", case.file())).is_some()
}

pub(crate) async fn ask(
    lab: &Lab,
    client: Dialect,
    upstream: Dialect,
    form: AnswerForm,
    script: Script,
) -> Answer {
    lab.upstream.answer(script);
    lab.agent
        .send(&generate(client, model(upstream), body(client, form), form))
        .await
}

/// Ids are made up where the upstream's do not fit or are missing, anew for each request.
fn without_made_up_ids(mut folded: Folded, upstream: Dialect, client: Dialect) -> Folded {
    if upstream != client {
        folded.id.clear();
    }
    if upstream == Gemini {
        for choice in &mut folded.choices {
            choice.calls.iter_mut().for_each(|call| call.id = None);
            // They name the call that they belong to.
            choice.signatures.iter_mut().for_each(String::clear);
        }
    }
    folded
}

fn check(what: &str, client: Dialect, answer: &Answer) -> Result<Summary, String> {
    let summary = grammar::check(client, answer.content_type(), &answer.body);
    summary.map_err(|broken| format!("{what}: {broken}\n{}", answer.text()))
}

/// What an answer says, on one line.
fn told(summary: &Summary) -> String {
    let folded = &summary.folded;
    let mut line = String::new();
    if let grammar::Ending::Failed { kind, message } = &summary.ending {
        let _ = write!(line, "failed as {kind}: {message}");
    }
    for choice in &folded.choices {
        let _ = write!(line, "{:?}", choice.finish.as_deref().unwrap_or("-"));
        for (name, text) in [
            ("text", &choice.text),
            ("reasoning", &choice.reasoning),
            ("refusal", &choice.refusal),
        ] {
            if !text.is_empty() {
                let _ = write!(line, " {name} {text:?}");
            }
        }
        choice.stop_sequence.iter().for_each(|sequence| {
            let _ = write!(line, " sequence {sequence:?}");
        });
        choice.calls.iter().for_each(|call| {
            let _ = write!(line, " {}({})", call.name, call.input);
        });
        let signed = choice.signatures.len();
        if signed > 0 {
            let _ = write!(line, " signatures {signed}");
        }
    }
    if let Some(usage) = folded.usage {
        let numbers = [
            ("in", usage.input),
            ("out", usage.output),
            ("read", usage.cache_read),
            ("write", usage.cache_write),
            ("reasoning", usage.reasoning),
            ("total", usage.total),
        ];
        let known = numbers
            .iter()
            .filter_map(|(name, number)| number.map(|number| format!(" {name} {number}")));
        line.extend(known);
    }
    line
}

/// One case from one upstream to one client.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    case: Case,
    pub(crate) upstream: Dialect,
    pub(crate) client: Dialect,
    pub(crate) form: AnswerForm,
}

impl Route {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let pairs = PROVIDERS
            .into_iter()
            .flat_map(|upstream| CLIENTS.map(|(client, form)| (upstream, client, form)));
        let routes = move |case| {
            pairs.clone().map(move |(upstream, client, form)| Self {
                case,
                upstream,
                client,
                form,
            })
        };
        CASES
            .into_iter()
            .flat_map(routes)
            .filter(|route| is_served(route.case, route.upstream, route.client))
    }

    pub(crate) fn name(self) -> String {
        format!(
            "{} {} -> {}",
            self.case.file(),
            self.upstream.name(),
            self.client.name()
        )
    }

    pub(crate) async fn answer(self, lab: &Lab, form: AnswerForm) -> Answer {
        let script = Script::case(self.case);
        ask(lab, self.client, self.upstream, form, script).await
    }

    async fn ask(self, lab: &Lab, form: AnswerForm) -> Result<Summary, String> {
        let answer = self.answer(lab, form).await;
        let mut summary = check(&self.name(), self.client, &answer)?;
        summary.folded = match summary.ending {
            // What came before a failure is no answer.
            grammar::Ending::Failed { .. } => Folded::default(),
            _ => without_made_up_ids(summary.folded, self.upstream, self.client),
        };
        if answer.ended == Ended::Whole {
            Ok(summary)
        } else {
            Err(format!("{}: ended {:?}", self.name(), answer.ended))
        }
    }

    /// The same question both ways; the line that the golden has for it.
    async fn compare(self, lab: &Lab) -> Result<String, String> {
        let (whole, stream) = (
            self.ask(lab, AnswerForm::Whole).await?,
            self.ask(lab, self.form).await?,
        );
        if (&whole.folded, &whole.ending) != (&stream.folded, &stream.ending) {
            return Err(format!(
                "{} ({:?}):\nwhole  {whole:?}\nstream {stream:?}",
                self.name(),
                self.form
            ));
        }
        Ok(format!("{}: {}\n", self.name(), told(&whole)))
    }
}

/// Every case of every upstream to every client: valid, the same streamed and whole, and what
/// `fixtures/answers.golden` says.
#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let lab = Lab::start().await;
    let (mut complaints, mut lines) = (Vec::new(), Vec::new());
    for route in Route::all() {
        match route.compare(&lab).await {
            Ok(line) => lines.push(line),
            Err(complaint) => complaints.push(complaint),
        }
    }
    lab.upstream.assert_nothing_refused();
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    // Gemini's two forms say the same.
    lines.dedup();
    compare_with_golden(&lines.concat());
}

fn compare_with_golden(lines: &str) {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/answers.golden");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(golden, lines).expect("the folder can be written");
    }
    let expected = std::fs::read_to_string(golden).unwrap_or_default();
    let changed: Vec<_> = lines
        .lines()
        .filter(|line| !expected.lines().any(|known| known == *line))
        .collect();
    assert!(
        expected == lines,
        "answers differ from their golden:\n{}",
        changed.join("\n")
    );
}

/// The events of an upstream's stream that ends after `stream`.
fn decode_cut(upstream: Dialect, stream: &[u8]) -> Vec<Event> {
    let mut decoder = protocol_of(upstream).stream_decoder(&DecodeContext {
        request_id: "r1".into(),
        ..DecodeContext::default()
    });
    let mut events = Vec::new();
    match decoder.push(Bytes::copy_from_slice(stream), &mut events) {
        Ok(()) => decoder.finish(&mut events),
        Err(garbled) => events.push(Event::Failed(garbled.into())),
    }
    events
}

fn protocol_of(dialect: Dialect) -> &'static dyn Protocol {
    protocol::by_name(dialect.name()).expect("every dialect has its protocol")
}

/// A client that is told of events without a socket, as the gateway would.
struct Client {
    dialect: Dialect,
    request: Request,
    query: Option<&'static str>,
}

impl Client {
    fn new((dialect, form): (Dialect, AnswerForm)) -> Self {
        let is_gemini = dialect == Gemini;
        let operation = if is_gemini {
            Operation::StreamGenerate
        } else {
            Operation::Generate
        };
        let query = (is_gemini && form == AnswerForm::Stream).then_some("alt=sse");
        let body = Bytes::from_static(body(dialect, form).as_bytes());
        let inbound = Inbound {
            operation,
            path_model: is_gemini.then_some("m"),
            query,
            headers: &http::HeaderMap::new(),
            body: &body,
        };
        let request = protocol_of(dialect)
            .decode_request(&inbound)
            .expect("the request is valid");
        Self {
            dialect,
            request,
            query,
        }
    }

    /// Panics where the client would take the answer for a complete one.
    fn assert_notices(&self, upstream: Dialect, events: &[Event]) {
        let origin = Origin {
            dialect: protocol_of(upstream).dialect(),
            provider: "lab".into(),
            model: "m".into(),
        };
        let (operation, now) = (
            Operation::StreamGenerate,
            Duration::from_secs(1_795_400_000),
        );
        let ask = ResponseContext {
            request: &self.request,
            operation,
            query: self.query,
            origin: &origin,
            request_id: "r1",
            received_at: now,
            completed_at: now,
        };
        let mut encoder = protocol_of(self.dialect).stream_encoder(&ask);
        let mut out = BytesMut::new();
        events
            .iter()
            .for_each(|event| encoder.push(event, &mut out));
        let is_whole = encoder.finish(&mut out) == StreamEnd::Clean;
        let content_type = protocol_of(self.dialect).stream_content_type(self.query);
        let what = format!(
            "{} -> {}: {}",
            upstream.name(),
            self.dialect.name(),
            String::from_utf8_lossy(&out)
        );
        let summary = grammar::check(self.dialect, content_type, &out)
            .unwrap_or_else(|broken| panic!("{broken}: {what}"));
        assert!(
            summary.ending != grammar::Ending::Success && summary.is_honest(self.dialect, is_whole),
            "{what}"
        );
    }
}

/// Where an upstream's stream may end and be complete: its last record's end, and before what says
/// nothing more.
fn least_complete(upstream: Dialect, stream: &[u8]) -> usize {
    let marker: &[u8] = match upstream {
        Chat | Completions => b"\"finish_reason\":\"",
        Responses => b"\"type\":\"response.completed\"",
        Anthropic => b"\"type\":\"message_stop\"",
        Gemini => b"\"finishReason\":\"",
        Ollama => unreachable!("no provider speaks it"),
    };
    memchr::memmem::rfind(stream, marker).expect("the stream is complete")
}

#[test]
fn a_stream_cut_at_any_byte_never_looks_complete() {
    let clients = CLIENTS.map(Client::new);
    for case in [Case::Text, Case::ReasonedToolCall] {
        for upstream in PROVIDERS {
            let stream = answers::literal(upstream, &format!("{}.sse", case.file()))
                .expect("every dialect has the case");
            let mut told = Vec::new();
            for cut in 0..least_complete(upstream, &stream) {
                let mut events = decode_cut(upstream, &stream[..cut]);
                let failure = events.pop_if(|last| matches!(last, Event::Failed(_)));
                let failure = failure.unwrap_or_else(|| {
                    panic!("{} cut at {cut} fails: {events:?}", upstream.name())
                });
                // Most bytes tell nothing new.
                if events == told && cut > 0 {
                    continue;
                }
                told.clone_from(&events);
                events.push(failure);
                clients
                    .iter()
                    .for_each(|client| client.assert_notices(upstream, &events));
            }
        }
    }
}

/// Through the real program, passthrough included: the upstream's connection breaks after each
/// record.
#[tokio::test]
async fn a_connection_that_breaks_between_records_never_looks_like_success() {
    for upstream in PROVIDERS {
        let stream = answers::literal(upstream, "reasoned_tool_call.sse")
            .expect("every dialect has the case");
        let least = least_complete(upstream, &stream);
        for (client, form) in CLIENTS
            .into_iter()
            .filter(|(client, _)| *client != Completions)
        {
            // An account and an endpoint of which nothing bad is known yet.
            let lab = Lab::start().await;
            let (mut cut, mut cuts) = (0, Vec::new());
            for record in answers::records(&stream) {
                cut += record.len();
                cuts.push(cut);
            }
            for cut in cuts.into_iter().filter(|cut| *cut <= least) {
                let script = Script::case(Case::ReasonedToolCall).cut_at(cut, Cut::Fin);
                // What broke before anything was told is asked once more, and breaks again.
                lab.upstream.always(script.clone());
                let answer = ask(&lab, client, upstream, form, script).await;
                let what = format!(
                    "{} -> {} cut at {cut}: {}",
                    upstream.name(),
                    client.name(),
                    answer.text()
                );
                if answer.status != 200 {
                    assert!(answer.status >= 500, "{}: {what}", answer.status);
                    continue;
                }
                let summary = grammar::check(client, answer.content_type(), &answer.body)
                    .unwrap_or_else(|broken| panic!("{broken}: {what}"));
                let is_whole = answer.ended == Ended::Whole;
                assert!(
                    summary.ending != grammar::Ending::Success
                        && summary.is_honest(client, is_whole),
                    "{what}"
                );
            }
        }
    }
}
