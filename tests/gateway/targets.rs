//! What a target refuses is never sent to it: it is made to fit and named, or it is a 400 that says
//! which tool and where.

use serde_json::{Value, json};

use super::{Bench, own_model, smallest, target};
use crate::support::Dialect::{self, Anthropic, Chat, Gemini, Responses};
use crate::support::agent::Setup;
use crate::support::raw::Answer;
use crate::support::upstream::{Script, Upstream, key};

/// What became of one request.
struct Sent {
    answer: Answer,
    /// What the upstream received, if the request came that far.
    body: Option<Value>,
}

impl Sent {
    fn message(&self) -> String {
        let message = &self.answer.json()["error"]["message"];
        message.as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a request of that dialect's client for the model of the upstream's.
async fn send(bench: &Bench, from: Dialect, model: &str, more: Value) -> Sent {
    let mut body = smallest(from, model, false);
    let members = more.as_object().expect("members").clone();
    body.as_object_mut().expect("a body").extend(members);
    bench.upstream.answer(Script::text());
    let before = bench.upstream.requests().len();
    let path = target(from, model, false);
    let answer = bench.agent.post(&path, body.to_string()).await;
    let received = bench.upstream.requests().into_iter().nth(before);
    let read = |body: &[u8]| serde_json::from_slice(body).expect("a request is JSON");
    Sent {
        answer,
        body: received.map(|received| read(&received.body)),
    }
}

fn functions(count: usize) -> Value {
    let parameters = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let function =
        |n| json!({"name": format!("t{n}"), "description": "d", "input_schema": parameters});
    (0..count).map(function).collect()
}

#[tokio::test]
async fn more_tools_than_a_target_takes_are_refused_by_the_first_of_them() {
    let bench = Bench::new().await;
    for (upstream, max) in [(Chat, 128), (Responses, 128), (Gemini, 512)] {
        let model = own_model(upstream);
        let fitting = send(&bench, Anthropic, &model, json!({"tools": functions(max)})).await;
        assert_eq!(fitting.answer.status, 200, "{upstream:?}");
        let more = send(
            &bench,
            Anthropic,
            &model,
            json!({"tools": functions(max + 1)}),
        )
        .await;
        assert_eq!(more.answer.status, 400, "{upstream:?}");
        let (first, path) = (format!("`t{max}`"), format!("tools[{max}]"));
        let message = more.message();
        assert!(
            message.contains(&first) && message.contains(&path),
            "{message}"
        );
    }
}

/// Claude's answer that calls `list` with this argument.
fn claude_calls(argument: &str, stream: bool) -> Script {
    let input = json!({argument: "a", "b": 1.5});
    let message = |content: Value| json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1}});
    let call =
        |input: Value| json!({"type": "tool_use", "id": "toolu_1", "name": "list", "input": input});
    if !stream {
        let body = message(json!([call(input)])).to_string();
        return Script::literal(200, "application/json", body);
    }
    let text = input.to_string();
    let (head, tail) = text.split_at(9);
    let delta = |piece: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}});
    let events = [
        json!({"type": "message_start", "message": message(json!([]))}),
        json!({"type": "content_block_start", "index": 0, "content_block": call(json!({}))}),
        delta(head),
        delta(tail),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 1}}),
        json!({"type": "message_stop"}),
    ];
    let record = |event: Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().expect("a type")
        )
    };
    let body: String = events.into_iter().map(record).collect();
    Script::literal(200, "text/event-stream", body)
}

/// The arguments of the only call in a Chat answer.
fn arguments(answer: &Answer) -> Value {
    let text = answer.text();
    let pieces: String = match text.strip_prefix("data: ") {
        None => answer.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
            .as_str()
            .expect("arguments")
            .to_owned(),
        Some(_) => text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
            .filter_map(|chunk| {
                Some(
                    chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
                        .as_str()?
                        .to_owned(),
                )
            })
            .collect(),
    };
    serde_json::from_str(&pieces).expect("arguments are JSON")
}

#[tokio::test]
async fn arguments_that_claude_cannot_name_come_back_by_the_clients_name() {
    let bench = Bench::new().await;
    let parameters = json!({"type": "object", "properties": {"filter[id]": {"type": "string"}, "b": {"type": "number"}}, "required": ["filter[id]"]});
    let tools =
        json!([{"type": "function", "function": {"name": "list", "parameters": parameters}}]);
    let history = json!([
        {"role": "user", "content": "go"},
        {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "list", "arguments": "{\"filter[id]\":\"x\"}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "y"},
    ]);
    let request = json!({"tools": tools, "messages": history});
    let sent = send(&bench, Chat, &own_model(Anthropic), request.clone()).await;
    assert_eq!(
        sent.answer.header("x-aerostat-adjusted"),
        Some("+max_tokens, ~tools[0].function.parameters")
    );
    let body = sent.body.expect("it was sent");
    let wire = body["tools"][0]["input_schema"]["required"][0]
        .as_str()
        .expect("a name")
        .to_owned();
    assert!(
        wire.starts_with("filter_id__") && wire.len() <= 64,
        "{wire}"
    );
    assert_eq!(
        body["messages"][1]["content"][0]["input"],
        json!({&wire: "x"})
    );

    for stream in [false, true] {
        bench.upstream.answer(claude_calls(&wire, stream).lenient());
        let mut body = smallest(Chat, &own_model(Anthropic), stream);
        body["tools"] = tools.clone();
        let answer = bench
            .agent
            .post("/v1/chat/completions", body.to_string())
            .await;
        assert_eq!(
            arguments(&answer),
            json!({"filter[id]": "a", "b": 1.5}),
            "{}",
            answer.text()
        );
    }
}

/// What a server of that provider's name receives of a Responses client's tools.
async fn tools_toward(provider: &str) -> (Value, Option<String>) {
    let upstream = Upstream::start().await;
    let base_url = upstream.base_url(Responses);
    let config = format!(
        "port = 0\n[providers.{provider}]\nprotocol = \"openai_responses\"\nbase_url = \"{base_url}\"\nkey_env = \"LAB_KEY\"\nmodels = []\n"
    );
    let setup = Setup::config(config).env("LAB_KEY", key(Responses));
    let agent = setup.start().unwrap_or_else(|why| panic!("{why}"));
    let tools = json!([
        {"type": "function", "name": "shell", "parameters": {"type": "object", "properties": {}}, "strict": false},
        {"type": "namespace", "name": "ns", "tools": [{"type": "function", "name": "run", "parameters": {"type": "object", "properties": {}}, "strict": false}]},
        {"type": "web_search"},
    ]);
    let call = json!({"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "ns__run", "arguments": "{}", "status": "completed"});
    let answer = json!({"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "qwen3", "output": [call], "parallel_tool_calls": true, "tool_choice": "auto", "tools": []});
    upstream.answer(Script::literal(200, "application/json", answer.to_string()).lenient());
    let body = json!({"model": format!("{provider}/qwen3"), "input": "hi", "tools": tools});
    let answer = agent.post("/v1/responses", body.to_string()).await;
    let called = answer.json()["output"][0].clone();
    if provider != "lab" {
        assert_eq!(
            (&called["name"], &called["namespace"]),
            (&json!("run"), &json!("ns")),
            "{}",
            answer.text()
        );
    }
    let named = |tool: &Value| {
        format!(
            "{} {}",
            tool["type"].as_str().unwrap_or(""),
            tool["name"].as_str().unwrap_or("")
        )
    };
    let sent = upstream.only_request().json()["tools"].clone();
    let sent: Vec<_> = sent.as_array().expect("tools").iter().map(named).collect();
    (
        json!(sent),
        answer.header("x-aerostat-dropped").map(str::to_owned),
    )
}

#[tokio::test]
async fn namespaces_are_flat_at_servers_that_do_not_know_them() {
    let (flat, dropped) = tools_toward("lm-studio").await;
    assert_eq!(flat, json!(["function shell", "function ns__run"]));
    assert_eq!(dropped.as_deref(), Some("tools[2]"));
    let (flat, dropped) = tools_toward("xai").await;
    assert_eq!(
        flat,
        json!(["function shell", "function ns__run", "web_search "])
    );
    assert_eq!(dropped, None);
    // Of a server that is not known, the client knows more.
    let (passed, _) = tools_toward("lab").await;
    assert_eq!(
        passed,
        json!(["function shell", "namespace ns", "web_search "])
    );
}
