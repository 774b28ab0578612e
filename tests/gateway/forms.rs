//! Answers that are not what was asked for: another form, another content type, no JSON, too large.

use serde_json::json;

use super::{Bench, SERVED, first_text, own_model, post, request, smallest, translated};
use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Responses};
use crate::support::grammar::{self, Ending, Summary};
use crate::support::raw::Answer;
use crate::support::upstream::{Gate, Refusal, Script, answers};

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

const LABELS: [&str; 4] = [
    "application/json",
    "text/event-stream",
    "text/plain; charset=utf-8",
    "",
];

/// Whatever the upstream sends under whatever name: the client gets the form that it asked for,
/// named as what it is. A byte order mark in front of it belongs to no form.
#[tokio::test]
async fn a_wrong_content_type_and_a_byte_order_mark_change_nothing() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        for client in SERVED {
            for (stream, file) in [false, true]
                .into_iter()
                .flat_map(|stream| ["text.json", "text.sse"].map(|file| (stream, file)))
            {
                for (label, mark) in LABELS
                    .into_iter()
                    .flat_map(|label| ["", "\u{feff}"].map(|mark| (label, mark)))
                {
                    let body = [mark.as_bytes(), &literal(upstream, file)].concat();
                    bench.upstream.answer(Script::literal(200, label, body));
                    let sent = request(client, &own_model(upstream), stream);
                    let answer = bench.agent.send(&sent).await;
                    let what = format!(
                        "{} of {}: {file} as {label:?} to stream: {stream}, {mark:?}",
                        client.name(),
                        upstream.name()
                    );
                    let expected = if stream {
                        "text/event-stream"
                    } else {
                        "application/json"
                    };
                    assert!(
                        answer.content_type().starts_with(expected),
                        "{what}: {answer:?}"
                    );
                    assert!(!answer.text().starts_with('\u{feff}'), "{what}");
                    let summary = judged(client, &answer);
                    assert_eq!(summary.ending, Ending::Success, "{what}");
                    let text = &summary.folded.choices[0].text;
                    assert!(text.starts_with("Gr\u{fc}ezi"), "{what}: {text}");
                }
            }
        }
    }
}

/// It flows, too: nothing waits for its end.
#[tokio::test]
async fn a_stream_labelled_as_json_flows() {
    let bench = Bench::new().await;
    for (client, upstream) in [(Chat, Chat), (Gemini, Gemini), (Anthropic, Chat)] {
        let at: usize = answers::records(&literal(upstream, "text.sse"))[..first_text(upstream)]
            .iter()
            .map(bytes::Bytes::len)
            .sum();
        let gate = Gate::default();
        let script = Script::text().content_type("application/json");
        bench.upstream.answer(script.hold_at(at, &gate));
        let sent = request(client, &own_model(upstream), true);
        let mut connection = bench.open(&sent).await;
        let head = connection.answer_until("Gr\u{fc}ezi".as_bytes()).await;
        assert!(head.content_type().starts_with("text/event-stream"));
        gate.open();
        connection.more_until(b" mountains").await;
    }
}

#[tokio::test]
async fn a_gemini_client_without_events_gets_its_array_whatever_is_sent() {
    let bench = Bench::new().await;
    let path = format!("/v1beta/models/{}:streamGenerateContent", own_model(Gemini));
    let body = smallest(Gemini, "", true).to_string();
    for upstream in ["text.json", "text.sse"] {
        for label in LABELS {
            bench
                .upstream
                .answer(Script::literal(200, label, literal(Gemini, upstream)));
            let answer = bench.agent.send(&post(Gemini, &path, body.clone())).await;
            let what = format!("{upstream} as {label:?}: {answer:?}");
            assert_eq!(answer.content_type(), "application/json", "{what}");
            let elements = answer.json();
            let text = &elements[0]["candidates"][0]["content"]["parts"][0]["text"];
            assert!(
                text.as_str()
                    .is_some_and(|text| text.starts_with("Gr\u{fc}ezi")),
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn an_error_behind_a_byte_order_mark_keeps_its_words() {
    const WORDS: &str = "The flux is out of range.";
    let bench = Bench::new().await;
    for upstream in SERVED {
        for client in SERVED {
            for status in [400, 200] {
                let error = Refusal::new(400, WORDS).body(upstream);
                let body = ["\u{feff}".as_bytes(), &error].concat();
                bench
                    .upstream
                    .answer(Script::literal(status, "application/json", body));
                let sent = request(client, &own_model(upstream), false);
                let answer = bench.agent.send(&sent).await;
                let what = format!("{} of {}", client.name(), upstream.name());
                assert_ne!(answer.status, 200, "{what}");
                assert_eq!(
                    answer.json()["error"]["message"],
                    WORDS,
                    "{what}: {}",
                    answer.text()
                );
            }
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
