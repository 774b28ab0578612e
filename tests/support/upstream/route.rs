//! Which dialect and operation a request's path means.

use http::Method;

use super::Received;
use crate::support::Dialect;

/// What a request asks the upstream to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Generate,
    CountTokens,
    Embed,
    BatchEmbed,
    ListModels,
    ShowModel,
}

/// The form in which a response is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Sse,
    /// Gemini's stream without `alt=sse`.
    Array,
}

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub dialect: Dialect,
    pub operation: Operation,
    /// The model, if the path names it.
    pub model: Option<String>,
    /// Gemini streams by its path.
    pub streams: bool,
}

impl Call {
    pub fn new(dialect: Dialect, operation: Operation) -> Self {
        Self {
            dialect,
            operation,
            model: None,
            streams: false,
        }
    }

    /// The route of `request`. `None` if the services have no such path.
    pub fn of(request: &Received) -> Option<Self> {
        if let Some(rest) = request.path.strip_prefix("/v1beta/models") {
            return gemini(&request.method, rest);
        }
        let path = request.path.strip_prefix("/v1/")?;
        if let Some(rest) = path
            .strip_prefix("models")
            .filter(|_| request.method == Method::GET)
        {
            return Some(models(request, rest));
        }
        posted(path).filter(|_| request.method == Method::POST)
    }

    /// The form in which a client expects the response.
    pub fn form(&self, request: &Received) -> Form {
        if self.dialect != Dialect::Gemini {
            let streams = self.operation == Operation::Generate
                && serde_json::from_slice::<serde_json::Value>(&request.body)
                    .is_ok_and(|body| body["stream"] == true);
            return if streams { Form::Sse } else { Form::Json };
        }
        let asks_for_sse = request
            .query
            .as_deref()
            .is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
        match self.streams {
            false => Form::Json,
            true if asks_for_sse => Form::Sse,
            true => Form::Array,
        }
    }
}

fn posted(path: &str) -> Option<Call> {
    let (dialect, operation) = match path {
        "chat/completions" => (Dialect::Chat, Operation::Generate),
        "completions" => (Dialect::Completions, Operation::Generate),
        "embeddings" => (Dialect::Chat, Operation::Embed),
        "responses" => (Dialect::Responses, Operation::Generate),
        "responses/input_tokens" => (Dialect::Responses, Operation::CountTokens),
        "messages" => (Dialect::Anthropic, Operation::Generate),
        "messages/count_tokens" => (Dialect::Anthropic, Operation::CountTokens),
        _ => return None,
    };
    Some(Call::new(dialect, operation))
}

/// `rest` is what follows `models`: nothing, or `/` and an id.
fn models(request: &Received, rest: &str) -> Call {
    let dialect = if request.headers.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else {
        Dialect::Chat
    };
    shown_or_listed(dialect, rest)
}

fn shown_or_listed(dialect: Dialect, rest: &str) -> Call {
    match rest.strip_prefix('/').filter(|id| !id.is_empty()) {
        Some(id) => Call {
            model: Some(id.to_owned()),
            ..Call::new(dialect, Operation::ShowModel)
        },
        None => Call::new(dialect, Operation::ListModels),
    }
}

fn gemini(method: &Method, rest: &str) -> Option<Call> {
    if method == Method::GET {
        return Some(shown_or_listed(Dialect::Gemini, rest));
    }
    let (model, verb) = rest.strip_prefix('/')?.rsplit_once(':')?;
    let (operation, streams) = match verb {
        "generateContent" => (Operation::Generate, false),
        "streamGenerateContent" => (Operation::Generate, true),
        "countTokens" => (Operation::CountTokens, false),
        "embedContent" => (Operation::Embed, false),
        "batchEmbedContents" => (Operation::BatchEmbed, false),
        _ => return None,
    };
    (method == Method::POST).then(|| Call {
        model: Some(model.to_owned()),
        streams,
        ..Call::new(Dialect::Gemini, operation)
    })
}
