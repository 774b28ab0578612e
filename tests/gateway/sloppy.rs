//! Upstreams that keep to their dialect only roughly: their answers are read as they are meant.

use serde_json::{Value, json};

use super::{Bench, SERVED, first_text, own_model, request};
use crate::support::Dialect::{self, Chat, Gemini};
use crate::support::grammar::{self, Choice, Ending, Summary};
use crate::support::raw::{Answer, Ended};
use crate::support::upstream::{Script, answers};

const WORDS: &str = "The flux is out of range.";

fn judged(client: Dialect, answer: &Answer) -> Summary {
    grammar::check(client, answer.content_type(), &answer.body)
        .unwrap_or_else(|broken| panic!("{} {broken:?}: {}", client.name(), answer.text()))
}

fn records(data: &[Value]) -> String {
    let record = |data: &Value| match data {
        Value::String(word) => format!("data: {word}\n\n"),
        data => format!("data: {data}\n\n"),
    };
    data.iter().map(record).collect()
}

fn events(data: &[Value]) -> Script {
    Script::literal(200, "text/event-stream", records(data))
}

fn chat(delta: &Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

/// What each client makes of a stream of that dialect. A client of the same dialect reads it itself.
async fn translated(upstream: Dialect, script: impl Fn() -> Script, stream: bool) -> Vec<Summary> {
    let bench = Bench::new().await;
    let mut summaries = Vec::new();
    for client in SERVED.into_iter().filter(|client| *client != upstream) {
        bench.upstream.answer(script());
        let sent = request(client, &own_model(upstream), stream);
        summaries.push(judged(client, &bench.agent.send(&sent).await));
    }
    summaries
}

fn only_choice(summary: &Summary) -> &Choice {
    &summary.folded.choices[0]
}

/// LM Studio gives every fragment an id of its own and an empty name.
#[tokio::test]
async fn fragments_of_one_call_under_new_ids_are_one_call() {
    let fragment = |id: &str, name: &str, arguments: &str| {
        let function = json!({"name": name, "arguments": arguments});
        chat(
            &json!({"tool_calls": [{"index": 0, "id": id, "type": "function", "function": function}]}),
        )
    };
    let end = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let script = || {
        events(&[
            fragment("1", "get_weather", ""),
            fragment("2", "", "{\"city\":"),
            fragment("3", "", "\"Chur\"}"),
            end.clone(),
            json!("[DONE]"),
        ])
    };
    for stream in [false, true] {
        for summary in translated(Chat, script, stream).await {
            let calls = &only_choice(&summary).calls;
            assert_eq!(calls.len(), 1, "{summary:?}");
            assert_eq!(calls[0].name, "get_weather");
            assert_eq!(calls[0].input["city"], "Chur", "{summary:?}");
        }
    }
}

#[tokio::test]
async fn done_without_a_finish_reason_ends_the_answer() {
    let text = || {
        events(&[
            chat(&json!({"role": "assistant", "content": "Salve."})),
            json!("[DONE]"),
        ])
    };
    let call = || {
        let function = json!({"name": "f", "arguments": "{}"});
        let calls = json!([{"index": 0, "id": "c1", "type": "function", "function": function}]);
        events(&[chat(&json!({"tool_calls": calls})), json!("[DONE]")])
    };
    for stream in [false, true] {
        for summary in translated(Chat, text, stream).await {
            assert_eq!(summary.ending, Ending::Success);
            assert_eq!(only_choice(&summary).text, "Salve.");
        }
        for summary in translated(Chat, call, stream).await {
            assert_eq!(summary.ending, Ending::Success);
            assert_eq!(only_choice(&summary).calls.len(), 1);
        }
    }
    let bench = Bench::new().await;
    bench.upstream.answer(text());
    let passed = bench.ask(Chat, true).await;
    assert_eq!(passed.ended, Ended::Whole, "{}", passed.text());
}

#[tokio::test]
async fn done_behind_another_dialects_end_is_passed_over() {
    for upstream in SERVED.into_iter().filter(|upstream| *upstream != Chat) {
        let stream = answers::literal(upstream, "text.sse").expect("a text");
        let body = [&stream[..], b"data: [DONE]\n\n"].concat();
        let script = || Script::literal(200, "text/event-stream", body.clone());
        for stream in [false, true] {
            for summary in translated(upstream, script, stream).await {
                assert_eq!(summary.ending, Ending::Success, "{}", upstream.name());
            }
        }
        let bench = Bench::new().await;
        bench.upstream.answer(script());
        let passed = bench.ask(upstream, true).await;
        assert_eq!(passed.ended, Ended::Whole, "{}", passed.text());
    }
}

#[tokio::test]
async fn a_whole_answer_whose_finish_reason_is_null_is_whole() {
    let message = json!({"role": "assistant", "content": "Salve."});
    let answer = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": null}]});
    for label in ["application/json", "text/event-stream"] {
        let script = || Script::literal(200, label, answer.to_string());
        for stream in [false, true] {
            for summary in translated(Chat, script, stream).await {
                assert_eq!(summary.ending, Ending::Success, "{label}, {stream}");
                assert_eq!(only_choice(&summary).text, "Salve.");
            }
        }
    }
}

/// The clients of a dialect do not read an object without `data:`; it is no end of theirs.
#[tokio::test]
async fn a_bare_error_in_a_stream_is_an_error_in_the_clients_dialect() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        let error = json!({"error": {"code": 503, "type": "overloaded_error", "status": "UNAVAILABLE", "message": WORDS}});
        let records = answers::records(&answers::literal(upstream, "text.sse").expect("a text"));
        let (head, rest) = records.split_at(first_text(upstream));
        for written in [format!("{error}\n\n"), format!("{error:#}\n")] {
            let body = [&head.concat()[..], written.as_bytes(), &rest.concat()].concat();
            for client in SERVED {
                let script = Script::literal(200, "text/event-stream", body.clone());
                bench.upstream.answer(script);
                let sent = request(client, &own_model(upstream), true);
                let answer = bench.agent.send(&sent).await;
                let what = format!("{} of {}: {answer:?}", client.name(), upstream.name());
                let summary = judged(client, &answer);
                let Ending::Failed { message, .. } = &summary.ending else {
                    panic!("{what}");
                };
                assert_eq!(message, WORDS, "{what}");
                assert!(
                    summary.is_honest(client, answer.ended == Ended::Whole),
                    "{what}"
                );
                assert!(!answer.text().contains("mountains"), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_wait_in_words_is_told_in_seconds() {
    const SAID: &str =
        "You have exhausted your capacity on this model. Your quota will reset after 27h41m36s.";
    let bench = Bench::new().await;
    for client in SERVED {
        let error =
            json!({"error": {"code": 429, "message": SAID, "status": "RESOURCE_EXHAUSTED"}});
        bench
            .upstream
            .answer(Script::literal(429, "application/json", error.to_string()));
        let answer = bench
            .agent
            .send(&request(client, &own_model(Gemini), true))
            .await;
        let wait: u64 = answer
            .header("retry-after")
            .and_then(|wait| wait.parse().ok())
            .expect("a wait");
        assert!(
            (99_600..=99_696).contains(&wait),
            "{wait}: {}",
            answer.text()
        );
    }
}
