//! Answers that are not what was asked for: another form, another content type, no JSON, too large.

use serde_json::json;

use super::{Bench, SERVED, first_text, own_model, request, translated};
use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Responses};
use crate::support::grammar::{self, Ending, Summary};
use crate::support::raw::Answer;
use crate::support::upstream::{Script, answers};

fn literal(dialect: Dialect, file: &str) -> bytes::Bytes {
    answers::literal(dialect, file).unwrap_or_else(|| panic!("no {file}"))
}

fn judged(dialect: Dialect, answer: &Answer) -> Summary {
    grammar::check(dialect, answer.content_type(), &answer.body).unwrap_or_else(|broken| {
        panic!(
            "{} {broken:?}: {} {}",
            dialect.name(),
            answer.status,
            answer.text()
        )
    })
}

fn assert_refused(client: Dialect, answer: &Answer) {
    assert_eq!(answer.status, 502, "{}: {}", client.name(), answer.text());
    assert!(
        matches!(judged(client, answer).ending, Ending::Failed { .. }),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_whole_answer_to_a_stream_request_becomes_a_stream() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        for client in SERVED {
            bench.upstream.answer(Script::literal(
                200,
                "application/json",
                literal(upstream, "text.json"),
            ));
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), true))
                .await;
            assert!(
                answer.content_type().starts_with("text/event-stream"),
                "{} of {}",
                client.name(),
                upstream.name()
            );
            let summary = judged(client, &answer);
            assert_eq!(summary.ending, Ending::Success, "{}", answer.text());
            assert!(
                summary.folded.choices[0].text.starts_with("Gr\u{fc}ezi"),
                "{summary:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_stream_to_a_request_for_one_piece_becomes_one_piece() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        for client in SERVED {
            bench.upstream.answer(Script::literal(
                200,
                "text/event-stream",
                literal(upstream, "text.sse"),
            ));
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), false))
                .await;
            assert_eq!(
                answer.content_type(),
                "application/json",
                "{} of {}",
                client.name(),
                upstream.name()
            );
            let summary = judged(client, &answer);
            assert!(
                summary.folded.choices[0].text.starts_with("Gr\u{fc}ezi"),
                "{summary:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_stream_under_another_name_is_still_a_stream() {
    let bench = Bench::new().await;
    for content_type in [
        "text/plain; charset=utf-8",
        "application/octet-stream",
        "TEXT/Event-Stream;charset=UTF-8",
    ] {
        for (client, upstream) in [
            (Chat, Chat),
            (Anthropic, Chat),
            (Gemini, Anthropic),
            (Responses, Gemini),
        ] {
            bench
                .upstream
                .answer(Script::text().content_type(content_type));
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), true))
                .await;
            let of_stream = format!("{content_type} {}", answer.text());
            let summary =
                grammar::check(client, "text/event-stream", &answer.body).expect("a valid stream");
            assert_eq!(
                (answer.status, summary.ending),
                (200, Ending::Success),
                "{of_stream}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_fault_in_passthrough_and_translation() {
    let bench = Bench::new().await;
    let unreadable = || {
        [
            Script::html(200),
            Script::empty(200),
            Script::literal(200, "application/json", "{\"choices\":[{\"mess"),
            Script::literal(200, "application/json", "null and void"),
            Script::literal(200, "text/html; charset=utf-8", "{}"),
            Script::literal(200, "application/json", "\x1f\u{8b}\u{8}")
                .header("content-encoding", "gzip"),
            Script::literal(204, "application/json", ""),
        ]
    };
    for upstream in SERVED {
        for client in SERVED {
            for stream in [false, true] {
                for script in unreadable() {
                    bench.upstream.answer(script);
                    assert_refused(
                        client,
                        &bench
                            .agent
                            .send(&request(client, &own_model(upstream), stream))
                            .await,
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_and_the_next_is_served() {
    let bench = Bench::with("[limits]\nanswer_body_bytes_max = \"1 MiB\"\n").await;
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
    for upstream in SERVED {
        for client in SERVED {
            bench
                .upstream
                .answer(Script::literal(200, "application/json", huge.clone()));
            assert_refused(
                client,
                &bench
                    .agent
                    .send(&request(client, &own_model(upstream), false))
                    .await,
            );
            assert_eq!(
                bench
                    .agent
                    .send(&request(client, &own_model(upstream), false))
                    .await
                    .status,
                200
            );
        }
    }
}

#[tokio::test]
async fn a_stream_has_no_such_limit() {
    let bench = Bench::with("[limits]\nanswer_body_bytes_max = \"64 KiB\"\n").await;
    for (client, upstream) in [
        (Chat, Chat),
        (Anthropic, Anthropic),
        (Chat, Anthropic),
        (Gemini, Chat),
    ] {
        bench
            .upstream
            .answer(Script::text().stretched(first_text(upstream) - 1, 600));
        let answer = bench
            .agent
            .send(&request(client, &own_model(upstream), true))
            .await;
        let summary = judged(client, &answer);
        assert_eq!(summary.ending, Ending::Success);
        assert_eq!(
            summary.folded.choices[0]
                .text
                .matches("Gr\u{fc}ezi")
                .count(),
            600
        );
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_an_error_and_no_answer() {
    let candidate = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "so"}]}, "index": 0}]});
    let malformed =
        json!({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "index": 0}]});
    for (client, _) in translated().filter(|(_, upstream)| *upstream == Gemini) {
        let bench = Bench::new().await;
        bench.upstream.answer(Script::literal(
            200,
            "application/json",
            malformed.to_string(),
        ));
        assert_refused(
            client,
            &bench
                .agent
                .send(&request(client, &own_model(Gemini), false))
                .await,
        );

        bench.upstream.answer(Script::literal(
            200,
            "text/event-stream",
            format!("data: {candidate}\r\n\r\ndata: {malformed}\r\n\r\n"),
        ));
        let answer = bench
            .agent
            .send(&request(client, &own_model(Gemini), true))
            .await;
        assert!(
            matches!(judged(client, &answer).ending, Ending::Failed { .. }),
            "{}",
            answer.text()
        );
        assert!(answer.text().contains("so"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_stream_and_the_whole_answer_say_the_same_in_every_pair() {
    let bench = Bench::new().await;
    for (client, upstream) in translated() {
        let model = own_model(upstream);
        let whole = judged(
            client,
            &bench.agent.send(&request(client, &model, false)).await,
        );
        let stream = judged(
            client,
            &bench.agent.send(&request(client, &model, true)).await,
        );
        assert_eq!(whole.ending, Ending::Success);
        let texts = |summary: &Summary| {
            summary
                .folded
                .choices
                .iter()
                .map(|choice| choice.text.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            texts(&whole),
            texts(&stream),
            "{} of {}",
            client.name(),
            upstream.name()
        );
    }
    bench.upstream.assert_nothing_refused();
}

#[tokio::test]
async fn legacy_completions_go_where_chat_is_spoken() {
    let bench = Bench::new().await;
    let chat = bench
        .agent
        .send(&request(Completions, &own_model(Completions), true))
        .await;
    assert_eq!(judged(Completions, &chat).ending, Ending::Success);
    assert_eq!(bench.upstream.only_request().path, "/v1/completions");
    // A server that lost the old form still has the new one.
    bench
        .upstream
        .answer(Script::status(404).lenient())
        .answer(Script::text());
    let answer = bench
        .agent
        .send(&request(Completions, "chat/gpt-4.1", false))
        .await;
    assert_eq!(judged(Completions, &answer).ending, Ending::Success);
    assert_eq!(bench.upstream.requests()[2].path, "/v1/chat/completions");
    let translated = bench
        .agent
        .send(&request(Completions, &own_model(Anthropic), true))
        .await;
    assert_eq!(judged(Completions, &translated).ending, Ending::Success);
}
