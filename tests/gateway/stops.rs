//! Stop sequences toward a provider that has none: the gateway ends the answer.

use serde_json::{Value, json};

use super::{Bench, own_model, post, smallest, target};
use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Responses};
use crate::support::grammar;
use crate::support::raw::Answer;
use crate::support::upstream::{End, Script};

const CLIENTS: [Dialect; 4] = [Chat, Completions, Anthropic, Gemini];

/// A request to the Responses provider that names the sequences.
fn body(client: Dialect, stops: &[&str], stream: bool) -> Value {
    let mut body = smallest(client, &own_model(Responses), stream);
    match client {
        Anthropic => body["stop_sequences"] = json!(stops),
        Gemini => body["generationConfig"] = json!({"stopSequences": stops}),
        _ => body["stop"] = json!(stops),
    }
    body
}

async fn ask(bench: &Bench, client: Dialect, stops: &[&str], stream: bool) -> Answer {
    let target = target(client, &own_model(Responses), stream);
    let request = post(client, &target, body(client, stops, stream).to_string());
    bench.agent.send(&request).await
}

fn assert_stopped(client: Dialect, answer: &Answer, text: &str, stop: &str) {
    let what = format!("{}: {}", client.name(), answer.text());
    assert_eq!(answer.status, 200, "{what}");
    let adjusted = answer.header("x-aerostat-adjusted").unwrap_or_default();
    let field = match client {
        Anthropic => "~stop_sequences",
        Gemini => "~generationConfig.stopSequences",
        _ => "~stop",
    };
    assert!(
        adjusted.split(", ").any(|name| name == field),
        "{adjusted}: {what}"
    );
    let summary = grammar::check(client, answer.content_type(), &answer.body)
        .unwrap_or_else(|broken| panic!("{broken:?} {what}"));
    let choice = &summary.folded.choices[0];
    assert_eq!(choice.text, text, "{what}");
    let reason = match client {
        Anthropic => "stop_sequence",
        Gemini => "STOP",
        _ => "stop",
    };
    assert_eq!(choice.finish.as_deref(), Some(reason), "{what}");
    if client == Anthropic {
        assert_eq!(choice.stop_sequence.as_deref(), Some(stop), "{what}");
    }
}

#[tokio::test]
async fn a_sequence_ends_the_answer_with_the_clients_own_reason() {
    let bench = Bench::new().await;
    for client in CLIENTS {
        for stream in [false, true] {
            for (stops, text, stop) in [
                (&["zi from"][..], "Gr\u{fc}e", "zi from"),
                (
                    &["nothing", " mountains"],
                    "Gr\u{fc}ezi from the",
                    " mountains",
                ),
                (&["Gr\u{fc}"], "", "Gr\u{fc}"),
            ] {
                bench.upstream.answer(Script::text());
                let answer = ask(&bench, client, stops, stream).await;
                assert_stopped(client, &answer, text, stop);
            }
        }
    }
    bench.upstream.assert_nothing_refused();
}

#[tokio::test]
async fn what_only_begins_like_a_sequence_reaches_the_client() {
    let bench = Bench::new().await;
    for client in CLIENTS {
        for stream in [false, true] {
            bench.upstream.answer(Script::text());
            let plain = bench
                .agent
                .send(&super::request(client, &own_model(Responses), stream))
                .await;
            bench.upstream.answer(Script::text());
            let answer = ask(&bench, client, &["zi form", "\u{fe0f}x"], stream).await;
            let fold = |answer: &Answer| {
                let summary = grammar::check(client, answer.content_type(), &answer.body);
                let summary = summary.unwrap_or_else(|broken| panic!("{broken:?}"));
                let choice = &summary.folded.choices[0];
                (choice.text.clone(), choice.finish.clone())
            };
            assert_eq!(fold(&answer), fold(&plain), "{}", client.name());
        }
    }
}

#[tokio::test]
async fn the_upstream_is_cancelled_where_a_sequence_ends_the_answer() {
    let bench = Bench::new().await;
    for (index, client) in CLIENTS.into_iter().enumerate() {
        bench.upstream.answer(Script::text().stall_after(6));
        let answer = ask(&bench, client, &["zi from"], true).await;
        assert_stopped(client, &answer, "Gr\u{fc}e", "zi from");
        assert_eq!(bench.upstream.end_of(index).await, End::Abandoned);
    }
}

/// The usage comes with the end that is not waited for: what nobody told is null, or 0 where the
/// dialect requires a number.
#[tokio::test]
async fn a_stopped_stream_says_that_its_usage_is_unknown() {
    let bench = Bench::new().await;
    for client in CLIENTS {
        bench.upstream.answer(Script::text());
        let mut body = body(client, &["zi from"], true);
        if matches!(client, Chat | Completions) {
            body["stream_options"] = json!({"include_usage": true});
        }
        let request = post(
            client,
            &target(client, &own_model(Responses), true),
            body.to_string(),
        );
        let answer = bench.agent.send(&request).await;
        assert_stopped(client, &answer, "Gr\u{fc}e", "zi from");
        let text = answer.text();
        let records: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
            .collect();
        match client {
            Anthropic => {
                let usage = &records[records.len() - 2]["usage"];
                let counts = (&usage["input_tokens"], &usage["output_tokens"]);
                assert_eq!(counts, (&Value::Null, &0.into()), "{text}");
            }
            Gemini => assert!(!text.contains("usageMetadata"), "{text}"),
            _ => {
                let last = records.last().expect("a chunk");
                assert_eq!(last["choices"], json!([]), "{text}");
                assert!(last.get("usage").is_some_and(Value::is_null), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn arguments_of_calls_are_not_searched() {
    let bench = Bench::new().await;
    for client in [Chat, Anthropic] {
        for stream in [false, true] {
            bench.upstream.answer(Script::tool_call().lenient());
            let answer = ask(&bench, client, &["{", "\""], stream).await;
            let summary = grammar::check(client, answer.content_type(), &answer.body)
                .unwrap_or_else(|broken| panic!("{broken:?} {}", answer.text()));
            assert_eq!(
                summary.folded.choices[0].calls.len(),
                1,
                "{}",
                answer.text()
            );
        }
    }
}
