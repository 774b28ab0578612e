//! A builder for what the upstream responds and what goes wrong on the way.
//!
//! A script starts from a response ([`Script::case`], [`Script::status`], [`Script::literal`], …)
//! and is changed by methods that compose in the order in which they are called. Positions count
//! the bytes of the body without HTTP framing.

use std::time::Duration;

use bytes::Bytes;
use http::Response;

use super::answers::{self, Answer};
use super::delivery::{self, Cut, Gate, Step};
use super::route::{Call, Form, Operation};
use super::{Received, Refusal, rules};
use crate::support::Dialect;

/// A kind of response that each dialect has literal bytes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Text,
    ToolCall,
    ToolCallWithoutArguments,
    ParallelToolCalls,
    /// The text that follows a tool's result.
    ToolFollowUp,
    /// Reasoning with its signature, then text.
    Reasoning,
    ReasonedToolCall,
    /// Text that is JSON: `{"name":…,"metres":…}`.
    Structured,
    /// The model refuses.
    Refusal,
    /// A filter cuts the response.
    Filtered,
    Length,
    StopSequence,
    /// Most of the prompt came from a cache, some was written to it.
    CachedUsage,
    /// Gemini only: no candidate at all.
    BlockedPrompt,
}

impl Case {
    /// The name of its files.
    pub fn file(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::ToolCall => "tool_call",
            Self::ToolCallWithoutArguments => "tool_call_without_arguments",
            Self::ParallelToolCalls => "parallel_tool_calls",
            Self::ToolFollowUp => "tool_follow_up",
            Self::Reasoning => "reasoning",
            Self::ReasonedToolCall => "reasoned_tool_call",
            Self::Structured => "structured",
            Self::Refusal => "refusal",
            Self::Filtered => "filtered",
            Self::Length => "length",
            Self::StopSequence => "stop_sequence",
            Self::CachedUsage => "cached_usage",
            Self::BlockedPrompt => "blocked_prompt",
        }
    }
}

/// What the response is made of.
#[derive(Clone, Debug)]
enum Content {
    Case(Case),
    /// An error in the shape of the request's dialect.
    Status(Refusal),
    Literal {
        status: u16,
        content_type: String,
        body: Bytes,
    },
}

/// A change of the response's records or head.
#[derive(Clone, Debug)]
enum Change {
    ErrorAfter(usize),
    GarbledAfter(usize),
    Stretched { record: usize, times: usize },
    ContentType(String),
    Header(String, String),
}

/// A change of how the body is sent.
#[derive(Clone, Debug)]
enum Bend {
    CutAt(usize, Cut),
    StallAt(usize),
    StallAfter(usize),
    CutAfter(usize, Cut),
    HoldAt(usize, Gate),
    WaitAt(usize, Duration),
    Drip(Duration),
}

/// One response.
#[derive(Clone, Debug)]
pub struct Script {
    content: Content,
    changes: Vec<Change>,
    bends: Vec<Bend>,
    before_head: Vec<Step>,
    lenient: bool,
}

/// What the server does with a response.
#[derive(Debug)]
pub struct Plan {
    pub before_head: Vec<Step>,
    pub head: Response<()>,
    pub body: Vec<Step>,
}

/// What the response is made of.
impl Script {
    fn new(content: Content) -> Self {
        Self {
            content,
            changes: Vec::new(),
            bends: Vec::new(),
            before_head: Vec::new(),
            lenient: false,
        }
    }

    /// The dialect's response of that kind, streamed or whole as the request asks.
    pub fn case(case: Case) -> Self {
        Self::new(Content::Case(case))
    }

    pub fn text() -> Self {
        Self::case(Case::Text)
    }

    pub fn tool_call() -> Self {
        Self::case(Case::ToolCall)
    }

    pub fn parallel_tool_calls() -> Self {
        Self::case(Case::ParallelToolCalls)
    }

    pub fn reasoned_tool_call() -> Self {
        Self::case(Case::ReasonedToolCall)
    }

    /// An error of that status in the dialect's own shape.
    pub fn status(status: u16) -> Self {
        Self::error(Refusal::new(status, "The upstream was told to fail."))
    }

    /// That error in the dialect's own shape.
    pub fn error(error: Refusal) -> Self {
        Self::new(Content::Status(error))
    }

    /// Exactly these bytes.
    pub fn literal(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::new(Content::Literal {
            status,
            content_type: content_type.to_owned(),
            body: body.into(),
        })
    }

    /// An error page as proxies and balancers write it.
    pub fn html(status: u16) -> Self {
        Self::literal(
            status,
            "text/html",
            "<html><head><title>Error</title></head><body><h1>Error</h1></body></html>\n",
        )
    }

    /// A status and no body at all.
    pub fn empty(status: u16) -> Self {
        Self::literal(status, "application/json", "")
    }

    pub fn redirect(status: u16, location: &str) -> Self {
        Self::empty(status).header("location", location)
    }
}

/// Changes of what the response says.
impl Script {
    fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.change(Change::Header(name.to_owned(), value.to_owned()))
    }

    #[must_use]
    pub fn content_type(self, value: &str) -> Self {
        self.change(Change::ContentType(value.to_owned()))
    }

    /// The dialect's error record after that many records of the stream, and a clean end.
    #[must_use]
    pub fn error_after(self, records: usize) -> Self {
        self.change(Change::ErrorAfter(records))
    }

    /// The status says success, the first record says error.
    #[must_use]
    pub fn error_first(self) -> Self {
        self.error_after(0)
    }

    /// A record that is not JSON after that many records of the stream; the rest follows.
    #[must_use]
    pub fn garbled_after(self, records: usize) -> Self {
        self.change(Change::GarbledAfter(records))
    }

    /// Repeats one record of the stream, counted from 0: huge answers.
    #[must_use]
    pub fn stretched(self, record: usize, times: usize) -> Self {
        self.change(Change::Stretched { record, times })
    }

    /// Accepts every request: for passthrough tests that send fields that the services do not know.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }
}

/// How the response is sent.
impl Script {
    fn bend(mut self, bend: Bend) -> Self {
        self.bends.push(bend);
        self
    }

    fn first(mut self, step: Step) -> Self {
        self.before_head.push(step);
        self
    }

    #[must_use]
    pub fn stall_before_head(self) -> Self {
        self.first(Step::Stall)
    }

    #[must_use]
    pub fn wait_before_head(self, time: Duration) -> Self {
        self.first(Step::Wait(time))
    }

    #[must_use]
    pub fn hold_before_head(self, gate: &Gate) -> Self {
        self.first(Step::Hold(gate.clone()))
    }

    /// The connection closes without a response.
    #[must_use]
    pub fn close_before_head(self) -> Self {
        self.first(Step::Fin)
    }

    /// The connection is reset without a response.
    #[must_use]
    pub fn reset(self) -> Self {
        self.first(Step::Reset)
    }

    #[must_use]
    pub fn stall_before_body(self) -> Self {
        self.stall_at(0)
    }

    #[must_use]
    pub fn stall_at(self, byte: usize) -> Self {
        self.bend(Bend::StallAt(byte))
    }

    /// Waits before that byte until the gate opens.
    #[must_use]
    pub fn hold_at(self, byte: usize, gate: &Gate) -> Self {
        self.bend(Bend::HoldAt(byte, gate.clone()))
    }

    /// Nothing more after that many records of the stream.
    #[must_use]
    pub fn stall_after(self, records: usize) -> Self {
        self.bend(Bend::StallAfter(records))
    }

    #[must_use]
    pub fn cut_after(self, records: usize, cut: Cut) -> Self {
        self.bend(Bend::CutAfter(records, cut))
    }

    /// Pauses before that byte.
    #[must_use]
    pub fn wait_at(self, byte: usize, time: Duration) -> Self {
        self.bend(Bend::WaitAt(byte, time))
    }

    #[must_use]
    pub fn cut_at(self, byte: usize, cut: Cut) -> Self {
        self.bend(Bend::CutAt(byte, cut))
    }

    /// One byte at a time.
    #[must_use]
    pub fn drip(self, pause: Duration) -> Self {
        self.bend(Bend::Drip(pause))
    }
}

/// What the server uses a script for.
impl Script {
    /// The response to `request`, and why the service refuses it, if it does.
    pub fn answer(&self, request: &Received) -> (Answer, Option<Refusal>) {
        let literal = Call::new(Dialect::Chat, Operation::Generate);
        let is_any_path = self.lenient && matches!(self.content, Content::Literal { .. });
        let Some(call) = Call::of(request).or(is_any_path.then_some(literal)) else {
            let refusal = Refusal::new(
                404,
                format!("Invalid URL ({} {})", request.method, request.path),
            );
            return (error_answer(Dialect::Chat, &refusal), Some(refusal));
        };
        let verdict = if self.lenient {
            Ok(())
        } else {
            rules::check(&call, request)
        };
        match verdict {
            Ok(()) => (self.granted(&call, request), None),
            Err(refusal) => (error_answer(call.dialect, &refusal), Some(refusal)),
        }
    }

    fn granted(&self, call: &Call, request: &Received) -> Answer {
        let mut answer = match &self.content {
            Content::Case(case) => literal_answer(*case, call, request),
            Content::Status(error) => error_answer(call.dialect, error),
            Content::Literal {
                status,
                content_type,
                body,
            } => literal_body(*status, content_type, body),
        };
        for change in &self.changes {
            change.apply(&mut answer, call.dialect);
        }
        answer
    }

    /// The steps by which a response is sent.
    pub fn plan(self, answer: Answer) -> Plan {
        let mut head = Response::builder()
            .status(answer.status)
            .header("content-type", &answer.content_type);
        for (name, value) in &answer.headers {
            head = head.header(name, value);
        }
        let is_stream = answer.form != Form::Json;
        let whole: Vec<_> = answer
            .chunks()
            .into_iter()
            .filter(|chunk| !chunk.is_empty())
            .map(Step::Write)
            .collect();
        let full_length = delivery::byte_count(&whole);
        let body = self
            .bends
            .into_iter()
            .fold(whole, |steps, bend| bend.apply(steps));
        if !is_stream {
            let length = if delivery::ends_well(&body) {
                delivery::byte_count(&body)
            } else {
                full_length
            };
            head = head.header("content-length", length);
        }
        Plan {
            before_head: self.before_head,
            head: head.body(()).expect("scripts hold valid headers"),
            body,
        }
    }
}

impl Change {
    fn apply(&self, answer: &mut Answer, dialect: Dialect) {
        match self {
            Self::ErrorAfter(records) => {
                answer.records.truncate(*records);
                answer.records.push(error_record(dialect, *records));
            }
            Self::GarbledAfter(records) => answer.records.insert(*records, garbled_record(dialect)),
            Self::Stretched { record, times } => {
                let copies = vec![answer.records[*record].clone(); *times];
                answer.records.splice(*record..=*record, copies);
            }
            Self::ContentType(value) => answer.content_type.clone_from(value),
            Self::Header(name, value) => answer.headers.push((name.clone(), value.clone())),
        }
    }
}

impl Bend {
    fn apply(self, steps: Vec<Step>) -> Vec<Step> {
        let end_of = |records: usize| delivery::byte_count(&steps[..records]);
        let (at, wedge, goes_on) = match self {
            Self::Drip(pause) => return delivery::drip(steps, pause),
            Self::StallAfter(records) => return Self::StallAt(end_of(records)).apply(steps),
            Self::CutAfter(records, cut) => return Self::CutAt(end_of(records), cut).apply(steps),
            Self::CutAt(at, Cut::Clean) => (at, None, false),
            Self::CutAt(at, Cut::Fin) => (at, Some(Step::Fin), false),
            Self::CutAt(at, Cut::Reset) => (at, Some(Step::Reset), false),
            Self::StallAt(at) => (at, Some(Step::Stall), true),
            Self::HoldAt(at, gate) => (at, Some(Step::Hold(gate)), true),
            Self::WaitAt(at, time) => (at, Some(Step::Wait(time)), true),
        };
        let (mut bent, after) = delivery::split_at(steps, at);
        bent.extend(wedge);
        if goes_on {
            bent.extend(after);
        }
        bent
    }
}

fn error_answer(dialect: Dialect, error: &Refusal) -> Answer {
    Answer::whole(error.status, "application/json", error.body(dialect))
}

fn literal_body(status: u16, content_type: &str, body: &Bytes) -> Answer {
    if content_type.starts_with("text/event-stream") {
        return Answer {
            status,
            content_type: content_type.to_owned(),
            ..Answer::stream(Form::Sse, body)
        };
    }
    Answer::whole(status, content_type, body.clone())
}

fn literal_answer(case: Case, call: &Call, request: &Received) -> Answer {
    let form = call.form(request);
    let file = file_of(case, call, request, form);
    let body = answers::literal(call.dialect, &file)
        .unwrap_or_else(|| panic!("no answer {}/{file}", call.dialect.name()));
    if form == Form::Json {
        return Answer::whole(200, "application/json", body);
    }
    let mut answer = Answer::stream(form, &body);
    let writes_usage_on_demand = matches!(call.dialect, Dialect::Chat | Dialect::Completions);
    if writes_usage_on_demand && request.json()["stream_options"]["include_usage"] != true {
        answer.records = answers::without_usage(&answer.records);
    }
    answer
}

fn file_of(case: Case, call: &Call, request: &Received, form: Form) -> String {
    let name = match call.operation {
        Operation::Generate if form == Form::Json => return format!("{}.json", case.file()),
        Operation::Generate => return format!("{}.sse", case.file()),
        Operation::CountTokens if call.dialect == Dialect::Responses => "input_tokens",
        Operation::CountTokens => "count_tokens",
        Operation::Embed => embeddings_file(request),
        Operation::BatchEmbed => "batch_embeddings",
        Operation::ListModels => "models",
        Operation::ShowModel => "model",
    };
    format!("{name}.json")
}

fn embeddings_file(request: &Received) -> &'static str {
    let body = request.json();
    match (&body["input"], &body["encoding_format"]) {
        (serde_json::Value::Array(inputs), _) if inputs.len() == 2 => "batch_embeddings",
        (_, format) if format == "base64" => "embeddings_base64",
        _ => "embeddings",
    }
}

/// The dialect's error inside a stream. `position` is the number of records before it, since
/// Responses numbers its records.
fn error_record(dialect: Dialect, position: usize) -> Bytes {
    let record =
        answers::literal(dialect, "stream_error.sse").expect("every dialect has an error record");
    String::from_utf8_lossy(&record)
        .replace("{next}", &position.to_string())
        .into()
}

fn garbled_record(dialect: Dialect) -> Bytes {
    Bytes::from_static(match dialect {
        Dialect::Anthropic => b"event: content_block_delta\ndata: {\"type\":\"content_block_\n\n",
        Dialect::Responses => {
            b"event: response.output_text.delta\ndata: {\"type\":\"response.out\n\n"
        }
        Dialect::Chat | Dialect::Completions => b"data: {\"id\":\"chatcmpl-\n\n",
        Dialect::Gemini => b"data: {\"candidates\":[{\r\n\r\n",
        Dialect::Ollama => unreachable!("no upstream speaks it"),
    })
}
