//! The built-in offline provider: every pair of dialects, with nothing set up.

use serde_json::{Value, json};

use super::reasoning::go_on;
use super::{SERVED, post, smallest, target};
use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Ollama, Responses};
use crate::support::agent::Agent;
use crate::support::grammar::{self, Ending, Summary};
use crate::support::raw::{Answer, Request};

const BARE: &str = "port = 0\n";

fn judged(dialect: Dialect, answer: &Answer) -> Summary {
    assert_eq!(answer.status, 200, "{}: {}", dialect.name(), answer.text());
    let summary = grammar::check(dialect, answer.content_type(), &answer.body)
        .unwrap_or_else(|broken| panic!("{} {broken:?}: {}", dialect.name(), answer.text()));
    assert_eq!(summary.ending, Ending::Success, "{}", answer.text());
    summary
}

/// `demo`, and the demo in each dialect.
fn models() -> Vec<String> {
    std::iter::once("demo".to_owned())
        .chain(SERVED.map(|dialect| format!("demo/{}", dialect.name())))
        .collect()
}

async fn ask(
    agent: &Agent,
    dialect: Dialect,
    model: &str,
    stream: bool,
    change: impl Fn(&mut Value),
) -> Summary {
    let mut body = smallest(dialect, model, stream);
    change(&mut body);
    let answer = agent
        .send(&post(
            dialect,
            &target(dialect, model, stream),
            body.to_string(),
        ))
        .await;
    judged(dialect, &answer)
}

fn add_tool(dialect: Dialect, body: &mut Value) {
    let schema =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    body["tools"] = match dialect {
        Chat => {
            json!([{"type": "function", "function": {"name": "weather", "parameters": schema}}])
        }
        Responses => json!([{"type": "function", "name": "weather", "parameters": schema}]),
        Anthropic => json!([{"name": "weather", "input_schema": schema}]),
        _ => json!([{"functionDeclarations": [{"name": "weather", "parameters": schema}]}]),
    };
}

fn ask_for_reasoning(dialect: Dialect, body: &mut Value) {
    match dialect {
        Chat => body["reasoning_effort"] = json!("low"),
        Responses => body["reasoning"] = json!({"effort": "low", "summary": "auto"}),
        Anthropic => {
            body["max_tokens"] = json!(4096);
            body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
        }
        _ => {
            body["generationConfig"] =
                json!({"thinkingConfig": {"includeThoughts": true, "thinkingBudget": 1024}})
        }
    }
}

fn ask_for_schema(dialect: Dialect, body: &mut Value) {
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}, "metres": {"type": "integer"}},
        "required": ["name", "metres"], "additionalProperties": false});
    match dialect {
        Chat => {
            body["response_format"] =
                json!({"type": "json_schema", "json_schema": {"name": "peak", "schema": schema}})
        }
        Responses => {
            body["text"] =
                json!({"format": {"type": "json_schema", "name": "peak", "schema": schema}})
        }
        Anthropic => {
            body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema}})
        }
        _ => {
            body["generationConfig"] =
                json!({"responseMimeType": "application/json", "responseJsonSchema": schema})
        }
    }
}

#[tokio::test]
async fn text_is_answered_in_every_pair_and_says_that_no_model_ran() {
    let agent = Agent::start(BARE);
    for client in SERVED.into_iter().chain([Completions, Ollama]) {
        for model in models() {
            for stream in [false, true] {
                let summary = ask(&agent, client, &model, stream, |_| {}).await;
                let choice = &summary.folded.choices[0];
                assert!(
                    choice.text.contains("no model ran") && choice.text.contains("hi"),
                    "{} {model}",
                    client.name()
                );
                if !(stream && matches!(client, Chat | Completions)) {
                    let usage = summary.folded.usage.expect("usage");
                    assert!(
                        usage.input.is_some_and(|tokens| tokens > 0)
                            && usage.output.is_some_and(|tokens| tokens > 0)
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_repeated_in_every_pair() {
    let agent = Agent::start(BARE);
    for client in SERVED {
        for model in models() {
            for stream in [false, true] {
                let summary = ask(&agent, client, &model, stream, |body| {
                    add_tool(client, body)
                })
                .await;
                let call = &summary.folded.choices[0].calls[0];
                assert_eq!(call.name, "weather", "{} {model}", client.name());
                assert!(call.input["city"].is_string(), "{call:?}");
            }
            let mut body = smallest(client, &model, false);
            add_tool(client, &mut body);
            if client == Responses {
                body["input"] = json!([{"role": "user", "content": "hi"}]);
            }
            let first = agent
                .send(&post(
                    client,
                    &target(client, &model, false),
                    body.to_string(),
                ))
                .await
                .json();
            go_on(client, &mut body, &first);
            let second = agent
                .send(&post(
                    client,
                    &target(client, &model, false),
                    body.to_string(),
                ))
                .await;
            assert!(
                judged(client, &second).folded.choices[0]
                    .text
                    .contains("-3 degrees"),
                "{} {model}",
                client.name()
            );
        }
    }
}

#[tokio::test]
async fn reasoning_is_shown_where_it_is_asked_for() {
    let agent = Agent::start(BARE);
    for client in SERVED {
        for model in models() {
            for stream in [false, true] {
                let asked = ask(&agent, client, &model, stream, |body| {
                    ask_for_reasoning(client, body)
                })
                .await;
                assert!(
                    asked.folded.choices[0].reasoning.contains("does not think"),
                    "{} {model} {stream}",
                    client.name()
                );
                let bare = ask(&agent, client, &model, stream, |_| {}).await;
                assert_eq!(
                    bare.folded.choices[0].reasoning,
                    "",
                    "{} {model}",
                    client.name()
                );
            }
        }
    }
}

#[tokio::test]
async fn structured_output_fits_its_schema_in_every_pair() {
    let agent = Agent::start(BARE);
    for client in SERVED {
        for model in models() {
            for stream in [false, true] {
                let summary = ask(&agent, client, &model, stream, |body| {
                    ask_for_schema(client, body)
                })
                .await;
                let text = &summary.folded.choices[0].text;
                let value: Value =
                    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
                assert!(
                    value["name"].is_string() && value["metres"].is_i64(),
                    "{text}"
                );
            }
        }
    }
}

#[tokio::test]
async fn tokens_are_counted() {
    let agent = Agent::start(BARE);
    for model in models() {
        let body = smallest(Anthropic, &model, false);
        let answer = agent
            .send(&post(
                Anthropic,
                "/v1/messages/count_tokens",
                body.to_string(),
            ))
            .await;
        assert!(
            answer.json()["input_tokens"]
                .as_u64()
                .is_some_and(|tokens| tokens > 0),
            "{model}: {}",
            answer.text()
        );
        let target = format!("/v1beta/models/{model}:countTokens");
        let answer = agent
            .post(&target, smallest(Gemini, "", false).to_string())
            .await;
        assert!(
            answer.json()["totalTokens"]
                .as_u64()
                .is_some_and(|tokens| tokens > 0),
            "{model}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn it_is_listed_last_and_can_be_removed() {
    let agent = Agent::start(BARE);
    let list = agent.get("/v1/models").await.json();
    let ids: Vec<&str> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    assert_eq!(ids, models());

    let removed = Agent::start("port = 0\n[providers.demo]\nenabled = false\n");
    for model in models() {
        let answer = removed
            .post(
                "/v1/chat/completions",
                smallest(Chat, &model, false).to_string(),
            )
            .await;
        assert_eq!(answer.status, 404, "{model}: {}", answer.text());
    }
    assert_eq!(removed.get("/v1/models").await.json()["data"], json!([]));
}

#[tokio::test]
async fn no_wildcard_captures_it() {
    let bench = super::Bench::with("[[models]]\nname = \"*\"\nuse = \"chat/*\"\n").await;
    let asked: [Request; 1] = [Request::post(
        "/v1/chat/completions",
        smallest(Chat, "demo", false).to_string(),
    )];
    let answer = bench.agent.send(&asked[0]).await;
    assert!(answer.text().contains("no model ran"), "{}", answer.text());
    assert_eq!(answer.header("x-aerostat-model"), Some("demo/demo"));
    assert!(bench.upstream.requests().is_empty());
}
