//! Call ids belong to their maker: they come back to it as it gave them, and clients, which pair
//! results by id, never see one twice.

use serde_json::{Value, json};

use super::reasoning::go_on;
use super::{Bench, SERVED, post, smallest, target};
use crate::support::Dialect::{self, Anthropic, Chat, Gemini, Responses};
use crate::support::upstream::Script;

/// A Chat upstream's answer with calls of these ids, whole or streamed.
fn answer(ids: &[&str], stream: bool) -> Script {
    let call = |(index, id): (usize, &&str)| {
        let function = json!({"name": "Bash", "arguments": format!("{{\"n\":{index}}}")});
        json!({"index": index, "id": id, "type": "function", "function": function})
    };
    let calls: Vec<Value> = ids.iter().enumerate().map(call).collect();
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    let answer = |object: &str, key: &str| {
        let choice = json!({"index": 0, key: message, "finish_reason": "tool_calls"});
        json!({"id": "c", "object": object, "created": 1, "model": "m", "choices": [choice]})
    };
    if stream {
        let chunk = answer("chat.completion.chunk", "delta");
        let body = format!("data: {chunk}\n\ndata: [DONE]\n\n");
        Script::literal(200, "text/event-stream", body).lenient()
    } else {
        let body = answer("chat.completion", "message").to_string();
        Script::literal(200, "application/json", body).lenient()
    }
}

fn with_tool(client: Dialect, model: &str, start: &str) -> Value {
    let mut body = smallest(client, model, false);
    let schema = json!({"type": "object", "properties": {}});
    let tool = json!({"name": "Bash", "description": "d", "parameters": schema});
    match client {
        Chat => body["tools"] = json!([{"type": "function", "function": tool}]),
        Responses => {
            body["input"] = json!([{"role": "user", "content": start}]);
            body["tools"] = json!([{"type": "function", "name": "Bash", "parameters": schema, "strict": false}]);
        }
        Anthropic => body["tools"] = json!([{"name": "Bash", "input_schema": schema}]),
        _ => body["tools"] = json!([{"functionDeclarations": [tool]}]),
    }
    body
}

/// The ids of an answer's calls, as its client reads them.
fn ids_of(client: Dialect, answer: &Value) -> Vec<String> {
    let (list, id) = match client {
        Chat => ("/choices/0/message/tool_calls", "/id"),
        Responses => ("/output", "/call_id"),
        Anthropic => ("/content", "/id"),
        _ => ("/candidates/0/content/parts", "/functionCall/id"),
    };
    let items = answer
        .pointer(list)
        .and_then(Value::as_array)
        .expect("calls");
    let ids = items.iter().filter_map(|item| item.pointer(id)?.as_str());
    ids.map(str::to_owned).collect()
}

/// The ids of all calls and of all results that the upstream got last.
fn received(bench: &Bench) -> (Vec<String>, Vec<String>) {
    let request = bench.upstream.requests().pop().expect("it arrived").json();
    let messages = request["messages"].as_array().expect("messages");
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let calls = messages
        .iter()
        .filter_map(|message| message["tool_calls"].as_array());
    let calls = calls.flatten().map(|call| text(&call["id"])).collect();
    let results = messages.iter().filter(|message| message["role"] == "tool");
    let results = results
        .map(|message| text(&message["tool_call_id"]))
        .collect();
    (calls, results)
}

async fn ask(bench: &Bench, client: Dialect, model: &str, body: &Value) -> Value {
    let sent = post(client, &target(client, model, false), body.to_string());
    let answer = bench.agent.send(&sent).await;
    assert_eq!(answer.status, 200, "{}: {}", client.name(), answer.text());
    answer.json()
}

/// Kimi's template reads the name of the function from the id.
#[tokio::test]
async fn ids_come_back_as_their_maker_gave_them() {
    let given = [
        "functions.Bash:0",
        "functions.mcp__a_very_long_name_of_a_server__and_a_tool:1",
    ];
    let bench = Bench::new().await;
    for stream in [false, true] {
        for client in SERVED {
            let model = "chat/kimi-k2-thinking";
            let mut body = with_tool(client, model, "hi");
            bench.upstream.answer(answer(&given, stream));
            let first = ask(&bench, client, model, &body).await;
            assert_eq!(ids_of(client, &first), given, "{}", client.name());
            go_on(client, &mut body, &first);
            bench.upstream.answer(answer(&given, false));
            ask(&bench, client, model, &body).await;
            let (calls, results) = received(&bench);
            assert_eq!(
                (&calls[..], &results[..]),
                (&given.map(String::from)[..], &given.map(String::from)[..]),
                "{}",
                client.name()
            );
        }
    }
}

#[tokio::test]
async fn mistral_gets_nine_letters_and_digits_alike_in_call_and_result() {
    let bench = Bench::new().await;
    for client in [Responses, Anthropic, Gemini] {
        for (id, is_kept) in [("D681PevKs", true), ("functions.Bash:0", false)] {
            let model = "chat/mistral-large-latest";
            let mut body = with_tool(client, model, "hi");
            bench.upstream.answer(answer(&[id], false));
            let first = ask(&bench, client, model, &body).await;
            assert_eq!(ids_of(client, &first), [id]);
            go_on(client, &mut body, &first);
            bench.upstream.answer(answer(&[id], false));
            ask(&bench, client, model, &body).await;
            let (calls, results) = received(&bench);
            assert_eq!(calls, results, "{}", client.name());
            assert!(
                calls[0].len() == 9 && calls[0].bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{calls:?}"
            );
            assert_eq!(calls[0] == id, is_kept, "{calls:?}");
        }
    }
}

/// In one answer and from one answer to the next: many models count from the start in each.
#[tokio::test]
async fn an_id_that_recurs_is_the_clients_own_and_goes_back_as_it_came() {
    let bench = Bench::new().await;
    for stream in [false, true] {
        for client in [Responses, Anthropic, Gemini] {
            let model = "chat/llama3";
            let mut body = with_tool(client, model, "hi");
            let mut seen = Vec::new();
            for turn in 1..=3 {
                bench
                    .upstream
                    .answer(answer(&["call_1", "call_1", "call_2"], stream));
                let given = ask(&bench, client, model, &body).await;
                let (calls, results) = received(&bench);
                assert_eq!(
                    calls,
                    ["call_1", "call_1", "call_2"].repeat(turn - 1),
                    "{}",
                    client.name()
                );
                assert_eq!(calls, results, "{}", client.name());
                seen.extend(ids_of(client, &given));
                go_on(client, &mut body, &given);
            }
            let count = seen.len();
            seen.sort();
            seen.dedup();
            assert_eq!((count, seen.len()), (9, 9), "{}: {seen:?}", client.name());
            assert!(seen.iter().all(|id| {
                id.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            }));
        }
    }
}
