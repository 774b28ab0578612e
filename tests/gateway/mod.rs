//! One request's way through the real program, between a raw client and the scripted upstream.

mod balances;
mod call_ids;
mod codings;
mod cuts;
mod demo;
mod faults;
mod followed;
mod forms;
mod gone;
mod headers;
mod large;
mod limits;
mod models;
mod passthrough;
mod quoted;
mod reasoning;
mod redaction;
mod scheduling;
mod sloppy;
mod stalls;
mod stops;
mod surface;
mod targets;
mod usage;

use serde_json::{Value, json};

use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Ollama, Responses};
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Answer, Connection, Request};
use crate::support::upstream::{Upstream, answers, key};

/// The dialects in which a provider can be called.
const SERVED: [Dialect; 4] = [Chat, Responses, Anthropic, Gemini];

/// The program with one provider for each dialect, all of them the scripted upstream.
struct Bench {
    agent: Agent,
    upstream: Upstream,
}

impl Bench {
    async fn new() -> Self {
        Self::with("").await
    }

    /// With more lines of configuration, which stand behind the providers.
    async fn with(more: &str) -> Self {
        let upstream = Upstream::start().await;
        let providers: String = SERVED
            .iter()
            .map(|dialect| provider(*dialect, &upstream, provider_name(*dialect)))
            .collect();
        let setup = Setup::config(format!("port = 0\n{providers}{more}"));
        let setup = SERVED.iter().fold(setup, |setup, dialect| {
            setup.env(key_env(*dialect), key(*dialect))
        });
        let agent = setup
            .env("AEROSTAT_LOG", "debug")
            .start()
            .unwrap_or_else(|why| panic!("{why}"));
        Self { agent, upstream }
    }

    /// A passthrough.
    async fn ask(&self, dialect: Dialect, stream: bool) -> Answer {
        self.agent
            .send(&request(dialect, &own_model(dialect), stream))
            .await
    }

    /// A connection on which the request was sent.
    async fn open(&self, request: &Request) -> Connection {
        let mut connection = Connection::open(self.agent.address())
            .await
            .expect("the port is open");
        connection
            .send(&request.bytes(&self.agent.address().to_string()))
            .await
            .expect("the request can be written");
        connection
    }
}

fn provider(dialect: Dialect, upstream: &Upstream, name: &str) -> String {
    let (protocol, base_url, key_env) =
        (dialect.name(), upstream.base_url(dialect), key_env(dialect));
    format!(
        "[providers.{name}]\nprotocol = \"{protocol}\"\nbase_url = \"{base_url}\"\nkey_env = \"{key_env}\"\n"
    )
}

/// The provider that speaks a client's own dialect.
fn provider_name(dialect: Dialect) -> &'static str {
    match dialect {
        Chat | Completions => "chat",
        Responses => "responses",
        Anthropic => "claude",
        Gemini => "google",
        Ollama => unreachable!("no provider speaks it"),
    }
}

fn key_env(dialect: Dialect) -> &'static str {
    match dialect {
        Chat | Completions | Responses => "OPENAI_KEY",
        Anthropic => "ANTHROPIC_KEY",
        Gemini => "GEMINI_KEY",
        Ollama => unreachable!("no provider speaks it"),
    }
}

/// A model that the scripted upstream knows.
fn model(dialect: Dialect) -> &'static str {
    match dialect {
        Chat => "gpt-4.1",
        Completions => "gpt-3.5-turbo-instruct",
        Responses => "gpt-5",
        Anthropic => "claude-sonnet-4-5",
        Gemini => "gemini-2.5-flash",
        Ollama => unreachable!("no provider speaks it"),
    }
}

/// The name by which a client reaches the provider of a dialect.
fn own_model(dialect: Dialect) -> String {
    format!("{}/{}", provider_name(dialect), model(dialect))
}

fn target(dialect: Dialect, model: &str, stream: bool) -> String {
    match dialect {
        Chat => "/v1/chat/completions".to_owned(),
        Completions => "/v1/completions".to_owned(),
        Responses => "/v1/responses".to_owned(),
        Anthropic => "/v1/messages".to_owned(),
        Gemini if stream => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
        Gemini => format!("/v1beta/models/{model}:generateContent"),
        Ollama => "/api/chat".to_owned(),
    }
}

/// The smallest request of a client of that dialect.
fn smallest(dialect: Dialect, model: &str, stream: bool) -> Value {
    let messages = json!([{"role": "user", "content": "hi"}]);
    match dialect {
        Chat => json!({"model": model, "stream": stream, "messages": messages}),
        Completions => json!({"model": model, "stream": stream, "prompt": "hi"}),
        Responses => json!({"model": model, "stream": stream, "input": "hi"}),
        Anthropic => {
            json!({"model": model, "stream": stream, "max_tokens": 9, "messages": messages})
        }
        Gemini => json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
        Ollama => json!({"model": model, "stream": stream, "messages": messages}),
    }
}

fn request(dialect: Dialect, model: &str, stream: bool) -> Request {
    post(
        dialect,
        &target(dialect, model, stream),
        smallest(dialect, model, stream).to_string(),
    )
}

fn post(dialect: Dialect, target: &str, body: impl Into<Vec<u8>>) -> Request {
    let request = Request::post(target, body);
    if dialect == Anthropic {
        request.header("anthropic-version", "2023-06-01")
    } else {
        request
    }
}

/// How many records of the literal text it takes until there is text.
fn first_text(dialect: Dialect) -> usize {
    let literal = answers::literal(dialect, "text.sse").expect("every dialect has a text");
    let has_text =
        |record: &bytes::Bytes| memchr::memmem::find(record, "Gr\u{fc}ezi".as_bytes()).is_some();
    1 + answers::records(&literal)
        .iter()
        .position(has_text)
        .expect("a text has text")
}

/// Every pair of a client's dialect and another dialect's provider.
fn translated() -> impl Iterator<Item = (Dialect, Dialect)> {
    SERVED
        .into_iter()
        .flat_map(|client| SERVED.into_iter().map(move |upstream| (client, upstream)))
        .filter(|(a, b)| a != b)
}
