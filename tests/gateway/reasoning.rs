//! Tokens that only their maker reads: they come back to it and to no other provider.

use serde_json::{Value, json};

use super::{Bench, SERVED, own_model, post, smallest, target};
use crate::support::Dialect::{self, Anthropic, Chat, Gemini, Responses};
use crate::support::grammar::{self, Folded};
use crate::support::raw::Answer;
use crate::support::upstream::{Refusal, Script, answers};

const RESULT: &str = "-3 degrees";

fn with_tool(dialect: Dialect, model: &str, stream: bool) -> Value {
    let mut body = smallest(dialect, model, stream);
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let function = json!({"name": "get_weather", "description": "d", "parameters": schema});
    match dialect {
        Chat => {
            body["tools"] = json!([{"type": "function", "function": function}]);
            body["reasoning_effort"] = json!("low");
        }
        Responses => {
            body["input"] = json!([{"role": "user", "content": "hi"}]);
            body["tools"] = json!([{"type": "function", "name": "get_weather", "parameters": schema, "strict": false}]);
            body["reasoning"] = json!({"effort": "low", "summary": "auto"});
            body["include"] = json!(["reasoning.encrypted_content"]);
            body["store"] = json!(false);
        }
        Anthropic => {
            body["max_tokens"] = json!(4096);
            body["tools"] = json!([{"name": "get_weather", "input_schema": schema}]);
            body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
        }
        _ => {
            body["tools"] = json!([{"functionDeclarations": [{"name": "get_weather", "description": "d", "parameters": schema}]}]);
            body["generationConfig"] =
                json!({"thinkingConfig": {"includeThoughts": true, "thinkingBudget": 512}});
        }
    }
    body
}

/// The conversation goes on as a client does it: the answer comes back as it was given, with the
/// tools' results behind it.
pub(super) fn go_on(dialect: Dialect, body: &mut Value, answer: &Value) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    match dialect {
        Chat => {
            let message = answer["choices"][0]["message"].clone();
            let calls = list(&message["tool_calls"]);
            let messages = body["messages"].as_array_mut().expect("messages");
            messages.push(message);
            messages.extend(calls.iter().map(
                |call| json!({"role": "tool", "tool_call_id": call["id"], "content": RESULT}),
            ));
        }
        Responses => {
            let items = list(&answer["output"]);
            let input = body["input"].as_array_mut().expect("input");
            input.extend(items.iter().cloned());
            let calls = items.iter().filter(|item| item["type"] == "function_call");
            input.extend(calls.map(|call| json!({"type": "function_call_output", "call_id": call["call_id"], "output": RESULT})));
        }
        Anthropic => {
            let blocks = list(&answer["content"]);
            let calls = blocks.iter().filter(|block| block["type"] == "tool_use");
            let results: Vec<Value> =
                calls.map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": RESULT})).collect();
            let messages = body["messages"].as_array_mut().expect("messages");
            messages.push(json!({"role": "assistant", "content": blocks}));
            messages.push(json!({"role": "user", "content": results}));
        }
        _ => {
            let content = answer["candidates"][0]["content"].clone();
            let calls: Vec<Value> = list(&content["parts"])
                .into_iter()
                .filter(|part| !part["functionCall"].is_null())
                .collect();
            let results = calls.iter().map(|part| {
                let call = &part["functionCall"];
                json!({"functionResponse": {"name": call["name"], "id": call["id"], "response": {"output": RESULT}}})
            });
            let contents = body["contents"].as_array_mut().expect("contents");
            let results: Vec<Value> = results.collect();
            contents.push(content);
            contents.push(json!({"role": "user", "parts": results}));
        }
    }
}

fn set_model(dialect: Dialect, body: &mut Value, model: &str) {
    if dialect != Gemini {
        body["model"] = json!(model);
    }
}

async fn ask(bench: &Bench, dialect: Dialect, model: &str, body: &Value) -> Answer {
    bench
        .agent
        .send(&post(
            dialect,
            &target(dialect, model, false),
            body.to_string(),
        ))
        .await
}

/// The tokens of the literal answer, as its maker wants them back.
fn tokens(dialect: Dialect) -> Vec<String> {
    let body = answers::literal(dialect, "reasoned_tool_call.json").expect("every dialect has it");
    let folded: Folded = grammar::check(dialect, "application/json", &body)
        .expect("a valid answer")
        .folded;
    folded
        .choices
        .into_iter()
        .flat_map(|choice| choice.signatures)
        .collect()
}

#[tokio::test]
async fn a_tool_loop_gives_every_maker_its_tokens_back_in_every_pair() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        for client in SERVED {
            let model = own_model(upstream);
            let mut body = with_tool(client, &model, false);
            bench.upstream.answer(Script::reasoned_tool_call());
            let first = ask(&bench, client, &model, &body).await;
            assert_eq!(
                first.status,
                200,
                "{} of {}: {}",
                client.name(),
                upstream.name(),
                first.text()
            );
            go_on(client, &mut body, &first.json());
            let second = ask(&bench, client, &model, &body).await;
            assert_eq!(
                second.status,
                200,
                "{} of {}: {}",
                client.name(),
                upstream.name(),
                second.text()
            );
            let received = bench.upstream.requests().pop().expect("it arrived");
            for token in tokens(upstream) {
                let has_token = String::from_utf8_lossy(&received.body).contains(&token);
                assert!(
                    has_token,
                    "{} of {}: {:?}",
                    client.name(),
                    upstream.name(),
                    received.body
                );
            }
        }
    }
    bench.upstream.assert_nothing_refused();
}

#[tokio::test]
async fn a_conversation_that_changes_its_provider_is_never_refused_for_it() {
    let bench = Bench::new().await;
    for client in SERVED {
        for (from, to) in SERVED
            .into_iter()
            .flat_map(|from| SERVED.map(|to| (from, to)))
            .filter(|(from, to)| from != to)
        {
            let mut body = with_tool(client, &own_model(from), false);
            bench.upstream.answer(Script::reasoned_tool_call());
            let first = ask(&bench, client, &own_model(from), &body).await;
            go_on(client, &mut body, &first.json());
            set_model(client, &mut body, &own_model(to));
            let second = ask(&bench, client, &own_model(to), &body).await;
            let what = format!(
                "{} from {} to {}: {}",
                client.name(),
                from.name(),
                to.name(),
                second.text()
            );
            assert_eq!(second.status, 200, "{what}");
            let received = bench.upstream.requests().pop().expect("it arrived");
            let received = String::from_utf8_lossy(&received.body).into_owned();
            assert!(!received.contains("AeroEnvelope"), "{what}: {received}");
            let is_foreign = |token: &String| received.contains(token);
            assert!(
                !tokens(from).iter().any(is_foreign) || from == client,
                "{what}: {received}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_signature_is_tried_once_more_without_the_reasoning() {
    let bench = Bench::new().await;
    let refused = |dialect| match dialect {
        Anthropic => Refusal::bad("messages.1.content.0: Invalid `signature` in `thinking` block"),
        Gemini => Refusal::bad("Invalid/Corrupted thought signature."),
        _ => Refusal::bad("The encrypted content could not be verified.")
            .code("invalid_encrypted_content"),
    };
    for dialect in [Responses, Anthropic, Gemini] {
        let model = own_model(dialect);
        let mut body = with_tool(dialect, &model, false);
        bench.upstream.answer(Script::reasoned_tool_call());
        go_on(
            dialect,
            &mut body,
            &ask(&bench, dialect, &model, &with_tool(dialect, &model, false))
                .await
                .json(),
        );
        bench
            .upstream
            .answer(Script::error(refused(dialect)).lenient())
            .answer(Script::text());
        let answer = ask(&bench, dialect, &model, &body).await;
        assert_eq!(
            (answer.status, answer.header("x-aerostat-attempts")),
            (200, Some("2")),
            "{}",
            answer.text()
        );
        assert!(
            answer
                .header("x-aerostat-dropped")
                .is_some_and(|names| names.contains("reasoning")),
            "{}",
            dialect.name()
        );
        let received = bench.upstream.requests().pop().expect("it arrived");
        tokens(dialect)
            .iter()
            .for_each(|token| assert!(!String::from_utf8_lossy(&received.body).contains(token)));

        // A second refusal is the answer, in the upstream's own words.
        let before = bench.upstream.requests().len();
        let twice = || Script::error(refused(dialect)).lenient();
        bench.upstream.answer(twice()).answer(twice());
        let answer = ask(&bench, dialect, &model, &body).await;
        assert_eq!(
            (answer.status, bench.upstream.requests().len()),
            (400, before + 2),
            "{}",
            answer.text()
        );
    }
}

const DEEPSEEK: &str = "chat/deepseek-v4-pro";

fn deepseek_call(thought: &str) -> Script {
    let call = json!({"id": "call_00_a", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}});
    let message = json!({"role": "assistant", "content": "Let me see.", "reasoning_content": thought, "tool_calls": [call]});
    deepseek(&message, "tool_calls")
}

fn deepseek(message: &Value, reason: &str) -> Script {
    let choice = json!({"index": 0, "message": message, "finish_reason": reason});
    let answer = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "deepseek-v4-pro", "choices": [choice]});
    Script::literal(200, "application/json", answer.to_string())
}

/// The smallest request with a tool, of a client that asks for no thinking.
fn without_thinking(client: Dialect) -> Value {
    let mut body = with_tool(client, DEEPSEEK, false);
    let fields = match client {
        Responses => ["reasoning", "include"],
        _ => ["thinking", "generationConfig"],
    };
    for field in fields {
        body.as_object_mut().expect("a request").remove(field);
    }
    body
}

/// The answer as a client keeps it that shows no reasoning.
fn forget_reasoning(client: Dialect, answer: &mut Value) {
    if client == Responses {
        let output = answer["output"].as_array_mut().expect("output");
        output.retain(|item| item["type"] != "reasoning");
    }
}

fn say(client: Dialect, body: &mut Value, text: &str) {
    let (list, turn) = match client {
        Responses => ("input", json!({"role": "user", "content": text})),
        Gemini => (
            "contents",
            json!({"role": "user", "parts": [{"text": text}]}),
        ),
        _ => ("messages", json!({"role": "user", "content": text})),
    };
    body[list].as_array_mut().expect("turns").push(turn);
}

/// What the upstream receives of the assistant's messages: their reasoning.
fn received_reasoning(bench: &Bench) -> Vec<Value> {
    let received = bench.upstream.requests().pop().expect("it arrived").json();
    let messages = received["messages"].as_array().expect("messages");
    let assistants = messages
        .iter()
        .filter(|message| message["role"] == "assistant");
    assistants
        .map(|message| message["reasoning_content"].clone())
        .collect()
}

/// DeepSeek refuses a request whose tool loops lack the reasoning that led to them.
#[tokio::test]
async fn deepseeks_reasoning_comes_back_of_clients_that_asked_for_none() {
    let bench = Bench::new().await;
    for client in [Responses, Anthropic, Gemini] {
        let thought = format!("A thought for {}.", client.name());
        let mut body = without_thinking(client);
        bench.upstream.answer(deepseek_call(&thought));
        let mut answer = ask(&bench, client, DEEPSEEK, &body).await.json();
        forget_reasoning(client, &mut answer);
        go_on(client, &mut body, &answer);

        let end =
            json!({"role": "assistant", "content": "It is cold.", "reasoning_content": "Cold."});
        bench.upstream.answer(deepseek(&end, "stop"));
        let mut answer = ask(&bench, client, DEEPSEEK, &body).await.json();
        assert_eq!(
            received_reasoning(&bench),
            [json!(thought)],
            "{}",
            client.name()
        );

        forget_reasoning(client, &mut answer);
        go_on(client, &mut body, &answer);
        if client == Anthropic || client == Gemini {
            // Both keep the results of an answer without calls: none.
            let list = if client == Gemini {
                "contents"
            } else {
                "messages"
            };
            body[list].as_array_mut().expect("turns").pop();
        }
        say(client, &mut body, "Thanks. And tomorrow?");
        bench.upstream.answer(deepseek(&end, "stop"));
        let answer = ask(&bench, client, DEEPSEEK, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let expected = [json!(thought), json!("Cold.")];
        assert_eq!(received_reasoning(&bench), expected, "{}", client.name());
    }
}

/// Another conversation with the same call id, or one that is not remembered, is no other's.
#[tokio::test]
async fn reasoning_that_is_not_known_is_sent_empty() {
    let bench = Bench::new().await;
    for client in [Responses, Anthropic, Gemini] {
        let mut body = without_thinking(client);
        bench.upstream.answer(deepseek_call("A thought."));
        let mut answer = ask(&bench, client, DEEPSEEK, &body).await.json();
        forget_reasoning(client, &mut answer);
        go_on(client, &mut body, &answer);
        let other_start = json!(client.name()).to_string();
        let text = body.to_string().replacen("\"hi\"", &other_start, 1);
        let another = serde_json::from_str(&text).expect("JSON");
        bench.upstream.answer(deepseek_call("x"));
        let answer = ask(&bench, client, DEEPSEEK, &another).await;
        assert_eq!(received_reasoning(&bench), [json!("")], "{}", client.name());
        let adjusted = answer.header("x-aerostat-adjusted").unwrap_or_default();
        assert!(adjusted.contains("+reasoning_content"), "{adjusted}");
    }
}

/// A client that shows reasoning brings it itself, and may have changed it.
#[tokio::test]
async fn reasoning_that_the_client_brings_wins() {
    let bench = Bench::new().await;
    let mut body = with_tool(Anthropic, DEEPSEEK, false);
    bench.upstream.answer(deepseek_call("A thought."));
    let mut answer = ask(&bench, Anthropic, DEEPSEEK, &body).await.json();
    assert_eq!(answer["content"][0]["thinking"], "A thought.");
    answer["content"][0]["thinking"] = json!("Another.");
    go_on(Anthropic, &mut body, &answer);
    bench.upstream.answer(deepseek_call("x"));
    ask(&bench, Anthropic, DEEPSEEK, &body).await;
    assert_eq!(received_reasoning(&bench), [json!("Another.")]);
}
