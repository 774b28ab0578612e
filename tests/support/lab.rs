//! The real program between raw clients and the scripted upstream, which stands in for all four
//! providers at once.

use super::Dialect;
use super::agent::Agent;
use super::agent::Setup;
use super::raw::{Answer, Request};
use super::upstream::{Received, Upstream, key};

/// The dialects of the providers.
pub const PROVIDERS: [Dialect; 4] = [
    Dialect::Chat,
    Dialect::Responses,
    Dialect::Anthropic,
    Dialect::Gemini,
];

/// The program with one provider for each dialect, named after it.
#[derive(Debug)]
pub struct Lab {
    pub agent: Agent,
    pub upstream: Upstream,
}

/// One call through the program.
#[derive(Debug)]
pub struct Exchanged {
    pub answer: Answer,
    /// What the upstream received, if the call came that far.
    pub received: Option<Received>,
}

impl Lab {
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// With these lines at the top of `config.toml`.
    pub async fn with(settings: &str) -> Self {
        let upstream = Upstream::start().await;
        let providers: String = PROVIDERS
            .iter()
            .map(|dialect| provider(*dialect, &upstream))
            .collect();
        let setup = PROVIDERS.iter().fold(
            Setup::config(format!("port = 0\n{settings}\n{providers}")),
            |setup, dialect| setup.env(&key_variable(*dialect), key(*dialect)),
        );
        let agent = setup.start().unwrap_or_else(|why| panic!("{why}"));
        Self { agent, upstream }
    }

    /// One call at a time: whatever arrives at the upstream meanwhile counts as this call's.
    pub async fn send(&self, request: &Request) -> Exchanged {
        let before = self.upstream.requests().len();
        let answer = self.agent.send(request).await;
        let received = self.upstream.requests().into_iter().nth(before);
        Exchanged { answer, received }
    }
}

fn provider(dialect: Dialect, upstream: &Upstream) -> String {
    let auth = match dialect {
        Dialect::Anthropic => "x-api-key",
        Dialect::Gemini => "x-goog-api-key",
        _ => "bearer",
    };
    let (name, base_url, variable) = (
        dialect.name(),
        upstream.base_url(dialect),
        key_variable(dialect),
    );
    format!(
        "[providers.{name}]\nprotocol = \"{name}\"\nbase_url = \"{base_url}\"\nauth = \"{auth}\"\nkey_env = \"{variable}\"\nmodels = []\n"
    )
}

fn key_variable(dialect: Dialect) -> String {
    format!("KEY_{}", dialect.name().to_uppercase())
}

/// A generation request of that dialect for `model`. In dialects that name the model in the body,
/// `body` has `MODEL` in its place.
pub fn generate(dialect: Dialect, model: &str, body: &str, form: AnswerForm) -> Request {
    let body = body.replace("\"MODEL\"", &format!("\"{model}\""));
    match dialect {
        Dialect::Gemini => {
            let verb = match form {
                AnswerForm::Whole => "generateContent",
                AnswerForm::Stream => "streamGenerateContent?alt=sse",
                AnswerForm::Array => "streamGenerateContent",
            };
            Request::post(&format!("/v1beta/models/{model}:{verb}"), body)
        }
        Dialect::Anthropic => Request::post("/v1/messages", streamed(body, form))
            .header("anthropic-version", "2023-06-01"),
        Dialect::Chat => Request::post("/v1/chat/completions", streamed(body, form)),
        Dialect::Completions => Request::post("/v1/completions", streamed(body, form)),
        Dialect::Responses => Request::post("/v1/responses", streamed(body, form)),
        Dialect::Ollama => {
            let path = if body.contains(r#""prompt":"#) {
                "/api/generate"
            } else {
                "/api/chat"
            };
            Request::post(path, whole_by_name(body, form))
        }
    }
}

/// The form in which a client requests its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    Whole,
    Stream,
    /// Gemini's stream without `alt=sse`.
    Array,
}

/// In a dialect that streams unless told otherwise.
fn whole_by_name(body: String, form: AnswerForm) -> String {
    match form {
        AnswerForm::Whole => body.replacen('{', r#"{"stream":false,"#, 1),
        _ => body,
    }
}

fn streamed(body: String, form: AnswerForm) -> String {
    match form {
        AnswerForm::Whole => body,
        _ => body.replacen('{', r#"{"stream":true,"#, 1),
    }
}
