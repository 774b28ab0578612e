//! Upstreams that break off: the client has to notice, in the way that its dialect's real clients
//! do.

use super::{Bench, SERVED, first_text, own_model, post, request, target};
use crate::support::Dialect::{self, Chat, Gemini};
use crate::support::grammar::{self, Ending};
use crate::support::raw::{Answer, Ended, Request};
use crate::support::upstream::{Cut, Script, answers};

const CUTS: [Cut; 3] = [Cut::Clean, Cut::Fin, Cut::Reset];

fn ending(dialect: Dialect, answer: &Answer) -> Ending {
    grammar::check(dialect, answer.content_type(), &answer.body)
        .expect("what came is valid")
        .ending
}

/// Whether real clients notice by how the body ended (Gemini's), or by the record alone.
fn has_noticeable_end(client: Dialect, answer: &Answer) -> bool {
    client != Gemini || answer.ended != Ended::Whole
}

#[tokio::test]
async fn a_cut_between_two_records_ends_with_an_error_record_and_an_abort() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        for client in SERVED {
            for cut in CUTS {
                bench
                    .upstream
                    .answer(Script::text().cut_after(first_text(upstream), cut));
                let answer = bench
                    .agent
                    .send(&request(client, &own_model(upstream), true))
                    .await;
                let what = format!(
                    "{} of {} {cut:?}: {:?} {}",
                    client.name(),
                    upstream.name(),
                    answer.ended,
                    answer.text()
                );
                assert_eq!(answer.status, 200, "{what}");
                assert!(
                    matches!(ending(client, &answer), Ending::Failed { .. }),
                    "{what}"
                );
                assert!(has_noticeable_end(client, &answer), "{what}");
                assert!(client != upstream || answer.ended == Ended::Cut, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_cut_within_a_record_aborts_a_passthrough_at_once() {
    let bench = Bench::new().await;
    for dialect in SERVED {
        let whole = bench.ask(dialect, true).await;
        let at = whole.text().find(" mountains").expect("the text has it");
        let at = whole.text()[..at].len();
        for cut in [Cut::Clean, Cut::Fin] {
            bench.upstream.answer(Script::text().cut_at(at, cut));
            let answer = bench.ask(dialect, true).await;
            assert_eq!(
                (answer.status, answer.ended),
                (200, Ended::Cut),
                "{}",
                dialect.name()
            );
            assert_eq!(
                answer.body,
                whole.body[..at],
                "{}: what came is all that came",
                dialect.name()
            );
        }
    }
}

#[tokio::test]
async fn a_cut_within_a_record_is_an_error_of_a_translation() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        let literal = answers::literal(upstream, "text.sse").expect("every dialect has a text");
        let records = answers::records(&literal);
        let at: usize = records[..first_text(upstream)]
            .iter()
            .map(bytes::Bytes::len)
            .sum::<usize>()
            + 20;
        for client in SERVED.into_iter().filter(|client| *client != upstream) {
            bench.upstream.answer(Script::text().cut_at(at, Cut::Fin));
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), true))
                .await;
            assert!(
                matches!(ending(client, &answer), Ending::Failed { .. }),
                "{}: {}",
                client.name(),
                answer.text()
            );
            assert!(has_noticeable_end(client, &answer));
        }
    }
}

#[tokio::test]
async fn a_stream_without_its_terminator_is_no_success() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        let literal = answers::literal(upstream, "text.sse").expect("every dialect has a text");
        // The last record that says why it ended, and all behind it, is missing.
        let markers = [
            "finish_reason\":\"stop",
            "response.completed",
            "message_delta",
            "finishReason",
        ];
        let is_end = |record: &bytes::Bytes| {
            markers
                .iter()
                .any(|end| String::from_utf8_lossy(record).contains(end))
        };
        let end = answers::records(&literal)
            .iter()
            .position(is_end)
            .expect("a text ends");
        for client in SERVED {
            bench
                .upstream
                .answer(Script::text().cut_after(end, Cut::Clean));
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), true))
                .await;
            let what = format!(
                "{} of {}: {}",
                client.name(),
                upstream.name(),
                answer.text()
            );
            assert!(
                matches!(ending(client, &answer), Ending::Failed { .. }),
                "{what}"
            );
            assert!(has_noticeable_end(client, &answer), "{what}");
        }
    }
}

/// A Chat stream of two answers of which the second never ends.
const ONE_OF_TWO: &str = r#"data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":1,"delta":{"role":"assistant","content":"b"},"finish_reason":null}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

"#;

#[tokio::test]
async fn a_stream_of_two_answers_that_ends_after_the_first_is_no_success() {
    let bench = Bench::new().await;
    let model = own_model(Chat);
    let chat = format!(
        r#"{{"model":"{model}","stream":true,"n":2,"messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    let gemini =
        r#"{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"candidateCount":2}}"#;
    for (client, body) in [(Chat, chat.as_str()), (Gemini, gemini)] {
        bench
            .upstream
            .answer(Script::literal(200, "text/event-stream", ONE_OF_TWO));
        let answer = bench
            .agent
            .send(&post(client, &target(client, &model, true), body))
            .await;
        assert!(
            matches!(ending(client, &answer), Ending::Failed { .. }),
            "{}: {}",
            client.name(),
            answer.text()
        );
        assert_eq!(answer.ended, Ended::Cut, "{}", client.name());
    }
}

#[tokio::test]
async fn a_cut_of_a_whole_answer_is_a_fault_with_its_status() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        for client in SERVED {
            for cut in [Cut::Fin, Cut::Reset] {
                bench.upstream.always(Script::text().cut_at(60, cut));
                let answer = bench
                    .agent
                    .send(&request(client, &own_model(upstream), false))
                    .await;
                assert_eq!(
                    answer.status,
                    502,
                    "{} of {}: {}",
                    client.name(),
                    upstream.name(),
                    answer.text()
                );
                assert!(matches!(ending(client, &answer), Ending::Failed { .. }));
            }
        }
    }
}

#[tokio::test]
async fn an_upstreams_own_error_record_in_the_middle_ends_the_stream() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        for client in SERVED {
            bench
                .upstream
                .answer(Script::text().error_after(first_text(upstream)));
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), true))
                .await;
            let what = format!(
                "{} of {}: {:?} {}",
                client.name(),
                upstream.name(),
                answer.ended,
                answer.text()
            );
            assert!(
                matches!(ending(client, &answer), Ending::Failed { .. }),
                "{what}"
            );
            assert!(has_noticeable_end(client, &answer), "{what}");
            assert_eq!(
                answer.text().matches("\"message\":\"").count(),
                1,
                "one error is enough: {what}"
            );
        }
    }
}

#[tokio::test]
async fn a_record_that_is_no_json_is_an_error_of_a_translation() {
    let bench = Bench::new().await;
    for upstream in SERVED {
        for client in SERVED.into_iter().filter(|client| *client != upstream) {
            bench
                .upstream
                .answer(Script::text().garbled_after(first_text(upstream)));
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), true))
                .await;
            let what = format!(
                "{} of {}: {}",
                client.name(),
                upstream.name(),
                answer.text()
            );
            assert!(
                matches!(ending(client, &answer), Ending::Failed { .. }),
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn the_array_form_breaks_off_with_its_error_as_the_last_element() {
    let bench = Bench::new().await;
    for (upstream, cut) in SERVED
        .into_iter()
        .flat_map(|upstream| CUTS.map(|cut| (upstream, cut)))
    {
        let target = super::target(Gemini, &own_model(upstream), true).replace("?alt=sse", "");
        bench
            .upstream
            .answer(Script::text().cut_after(first_text(upstream), cut));
        let answer = bench
            .agent
            .send(&Request::post(
                &target,
                super::smallest(Gemini, "", true).to_string(),
            ))
            .await;
        let what = format!("of {} {cut:?}: {}", upstream.name(), answer.text());
        assert_eq!((answer.status, answer.ended), (200, Ended::Cut), "{what}");
        let last = answer
            .json()
            .as_array()
            .and_then(|list| list.last().cloned())
            .expect("a list");
        assert!(last["error"]["message"].is_string(), "{what}");
    }
}

#[tokio::test]
async fn the_last_record_reaches_a_slow_reader_before_the_connection_is_broken_off() {
    let bench = Bench::new().await;
    for (index, (client, upstream)) in [(Chat, Chat), (Gemini, Gemini), (Gemini, Chat)]
        .into_iter()
        .enumerate()
    {
        bench.upstream.answer(Script::literal(
            200,
            "text/event-stream",
            long_and_cut(upstream),
        ));
        let mut connection = bench
            .open(&request(client, &own_model(upstream), true))
            .await;
        bench.upstream.wait_for(index + 1).await;
        // Everything on the way is full before this client begins to read.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let (bytes, ended) = connection.until_closed().await;
        let tail = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(400)..]).into_owned();
        assert!(
            tail.contains("error") && tail.contains("broke off"),
            "{} of {}: {tail}",
            client.name(),
            upstream.name()
        );
        assert!(
            ended == Ended::Cut && !tail.ends_with("0\r\n\r\n"),
            "{}: {tail}",
            client.name()
        );
    }
}

/// A stream of more bytes than all sockets on the way hold, without its end.
fn long_and_cut(dialect: Dialect) -> String {
    const COPIES: usize = 160;
    let literal = answers::literal(dialect, "text.sse").expect("every dialect has a text");
    let records = answers::records(&literal);
    let text = first_text(dialect) - 1;
    let long =
        String::from_utf8_lossy(&records[text]).replace("Gr\u{fc}ezi", &"x".repeat(64 * 1024));
    let head: String = records[..text]
        .iter()
        .map(|record| String::from_utf8_lossy(record))
        .collect();
    head + &long.repeat(COPIES)
}
