//! The floor of a translation: Anthropic's Messages to Chat and back by serde's types, in the bare
//! forwarder, with the fields of the requests measured here and no others.
//!
//! It keeps no order of turns, checks no schema, names no loss and streams nothing.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpListener;

type Upstream = Client<HttpConnector, Full<Bytes>>;

/// Translates every request for `upstream`, forever.
pub(super) async fn run(upstream: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("typed serves http://{}", listener.local_addr()?);
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Upstream = Client::builder(TokioExecutor::new()).build(connector);
    let uri: &str = format!("http://{upstream}/v1/chat/completions").leak();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let client = client.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| translate(request, &client, uri));
            // The load generator notices a broken connection.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn translate(
    request: Request<Incoming>,
    client: &Upstream,
    uri: &'static str,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let asked = whole(body).await;
    let asked: MessagesRequest<'_> = serde_json::from_slice(&asked).expect("a request");
    let sent = serde_json::to_vec(&ChatRequest::of(&asked)).expect("it can be written");
    let mut outgoing = Request::post(uri)
        .body(Full::new(Bytes::from(sent)))
        .expect("the parts are valid");
    *outgoing.headers_mut() = head.headers;
    outgoing.headers_mut().remove(HOST);
    outgoing.headers_mut().remove(http::header::CONTENT_LENGTH);
    let answer = client
        .request(outgoing)
        .await
        .expect("the upstream of the measurement answers");
    let answer = whole(answer.into_body()).await;
    let answer: Completion<'_> = serde_json::from_slice(&answer).expect("an answer");
    let told = serde_json::to_vec(&Message::of(&answer)).expect("it can be written");
    let mut response = Response::new(Full::new(Bytes::from(told)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn whole(body: Incoming) -> Bytes {
    body.collect().await.expect("it comes whole").to_bytes()
}

#[derive(Deserialize)]
struct MessagesRequest<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    max_tokens: u32,
    #[serde(borrow)]
    system: Option<Vec<TextBlock<'a>>>,
    #[serde(borrow)]
    tools: Vec<Tool<'a>>,
    #[serde(borrow)]
    messages: Vec<Turn<'a>>,
    temperature: Option<f64>,
}

#[derive(Deserialize)]
struct TextBlock<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Cow<'a, str>,
    #[serde(borrow)]
    input_schema: &'a RawValue,
}

#[derive(Deserialize)]
struct Turn<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Vec<Block<'a>>,
}

/// A block of any type: a tagged enum would be read twice.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<Vec<TextBlock<'a>>>,
}

#[derive(Serialize)]
struct ChatRequest<'a> {
    model: &'a str,
    max_completion_tokens: u32,
    messages: Vec<ChatMessage<'a>>,
    tools: Vec<ChatTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

#[derive(Default, Serialize)]
struct ChatMessage<'a> {
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ChatCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ChatCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct ChatTool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a RawValue,
}

impl<'a> ChatRequest<'a> {
    fn of(asked: &'a MessagesRequest<'a>) -> Self {
        let mut messages = Vec::with_capacity(asked.messages.len() + 1);
        if let Some(system) = &asked.system {
            messages.push(ChatMessage {
                role: "system",
                content: Some(joined(system)),
                ..ChatMessage::default()
            });
        }
        asked
            .messages
            .iter()
            .for_each(|turn| push_messages(&mut messages, turn));
        let tool = |tool: &'a Tool<'a>| ChatTool {
            r#type: "function",
            function: Function {
                name: &tool.name,
                description: &tool.description,
                parameters: tool.input_schema,
            },
        };
        Self {
            model: asked.model.strip_prefix("chat/").unwrap_or(&asked.model),
            max_completion_tokens: asked.max_tokens,
            messages,
            tools: asked.tools.iter().map(tool).collect(),
            temperature: asked.temperature,
        }
    }
}

fn push_messages<'a>(messages: &mut Vec<ChatMessage<'a>>, turn: &'a Turn<'a>) {
    let mut own = ChatMessage {
        role: &turn.role,
        ..ChatMessage::default()
    };
    for block in &turn.content {
        if let (Some(id), Some(name), Some(input)) = (&block.id, &block.name, block.input) {
            own.tool_calls.push(ChatCall {
                id,
                r#type: "function",
                function: Called {
                    name,
                    arguments: input.get(),
                },
            });
        } else if let (Some(id), Some(content)) = (&block.tool_use_id, &block.content) {
            messages.push(ChatMessage {
                role: "tool",
                content: Some(joined(content)),
                tool_call_id: Some(id),
                ..ChatMessage::default()
            });
        } else if let Some(text) = &block.text {
            own.content = Some(Cow::Borrowed(text));
        }
    }
    if own.content.is_some() || !own.tool_calls.is_empty() {
        messages.push(own);
    }
}

fn joined<'a>(blocks: &'a [TextBlock<'a>]) -> Cow<'a, str> {
    match blocks {
        [one] => Cow::Borrowed(&one.text),
        several => several.iter().map(|block| &*block.text).collect(),
    }
}

#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    usage: ChatUsage,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Answered<'a>,
}

#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow)]
    content: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ChatUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Told<'a>>,
    stop_reason: &'static str,
    usage: Usage,
}

#[derive(Serialize)]
struct Told<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
}

impl<'a> Message<'a> {
    fn of(answer: &'a Completion<'a>) -> Self {
        let told = |choice: &'a Choice<'a>| Told {
            r#type: "text",
            text: &choice.message.content,
        };
        Self {
            id: &answer.id,
            r#type: "message",
            role: "assistant",
            model: &answer.model,
            content: answer.choices.iter().map(told).collect(),
            stop_reason: "end_turn",
            usage: Usage {
                input_tokens: answer.usage.prompt_tokens,
                output_tokens: answer.usage.completion_tokens,
            },
        }
    }
}
