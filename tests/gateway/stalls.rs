//! Upstreams that keep everybody waiting, and what is said meanwhile.

use super::{Bench, SERVED, first_text, own_model, request};
use crate::support::Dialect::{self, Anthropic, Chat, Gemini, Responses};
use crate::support::grammar::{self, Ending};
use crate::support::raw::{Answer, Ended};
use crate::support::upstream::{End, Gate, Script};

const IMPATIENT: &str = "[limits]\nhead_timeout_seconds = 1\nanswer_timeout_seconds = 1\nfirst_event_timeout_seconds = 1\n\
                         idle_timeout_seconds = 1\n";

fn has_failed(dialect: Dialect, answer: &Answer) -> bool {
    let summary =
        grammar::check(dialect, answer.content_type(), &answer.body).expect("what came is valid");
    matches!(summary.ending, Ending::Failed { .. })
}

#[tokio::test]
async fn a_head_that_stays_away_is_a_timeout() {
    let bench = Bench::with(IMPATIENT).await;
    bench.upstream.always(Script::text().stall_before_head());
    let asked = SERVED
        .iter()
        .flat_map(|dialect| [(*dialect, false), (*dialect, true)]);
    let answers = asked.map(|(dialect, stream)| {
        let bench = &bench;
        async move { (dialect, bench.ask(dialect, stream).await) }
    });
    for (dialect, answer) in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 504, "{}: {}", dialect.name(), answer.text());
        assert!(has_failed(dialect, &answer));
    }
}

#[tokio::test]
async fn a_first_event_that_stays_away_is_a_timeout_before_the_commit() {
    let bench = Bench::with(&format!("{IMPATIENT}hold_ms = 60000\n")).await;
    bench.upstream.always(Script::text().stall_before_body());
    let asked = SERVED
        .iter()
        .flat_map(|client| SERVED.iter().map(move |upstream| (*client, *upstream)));
    let answers = asked.map(|(client, upstream)| {
        let bench = &bench;
        async move {
            (
                client,
                bench
                    .agent
                    .send(&request(client, &own_model(upstream), true))
                    .await,
            )
        }
    });
    for (client, answer) in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 504, "{}: {}", client.name(), answer.text());
        assert!(has_failed(client, &answer));
    }
}

#[tokio::test]
async fn after_the_hold_a_first_event_that_stays_away_is_an_error_of_the_stream() {
    let bench = Bench::with(&format!("{IMPATIENT}hold_ms = 50\n")).await;
    bench.upstream.always(Script::text().stall_before_body());
    let asked = SERVED
        .iter()
        .flat_map(|client| SERVED.iter().map(move |upstream| (*client, *upstream)));
    let answers = asked.map(|(client, upstream)| {
        let bench = &bench;
        async move {
            (
                client,
                upstream,
                bench
                    .agent
                    .send(&request(client, &own_model(upstream), true))
                    .await,
            )
        }
    });
    for (client, upstream, answer) in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status, 200, "{}: {}", client.name(), answer.text());
        assert!(
            has_failed(client, &answer),
            "{} of {}: {}",
            client.name(),
            upstream.name(),
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_stall_in_the_middle_is_an_error_of_the_stream() {
    futures_util::future::join_all(SERVED.map(stall_in_the_middle)).await;
}

async fn stall_in_the_middle(upstream: Dialect) {
    let bench = Bench::with(IMPATIENT).await;
    bench
        .upstream
        .always(Script::text().stall_after(first_text(upstream)));
    let asked = SERVED.map(|client| (client, request(client, &own_model(upstream), true)));
    let answers = asked.iter().map(|(_, request)| bench.agent.send(request));
    for ((client, _), answer) in asked
        .iter()
        .zip(futures_util::future::join_all(answers).await)
    {
        assert_eq!(answer.status, 200);
        assert!(
            has_failed(*client, &answer),
            "{} of {}: {}",
            client.name(),
            upstream.name(),
            answer.text()
        );
        assert!(answer.text().contains("ezi"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_whole_answer_that_stalls_in_its_body_is_a_timeout() {
    let bench = Bench::with(IMPATIENT).await;
    for script in [
        Script::text().stall_before_body(),
        Script::text().stall_at(40),
    ] {
        bench.upstream.answer(script);
    }
    let (first, second) = tokio::join!(bench.ask(Chat, false), bench.ask(Gemini, false));
    assert_eq!((first.status, second.status), (504, 504));
}

#[tokio::test]
async fn an_error_after_the_hold_is_no_failover_any_more() {
    let chain = "[[models]]\nname = \"chain\"\nuse = [\"chat/first\", \"chat/second\"]\n";
    let bench = Bench::with(&format!("[limits]\nhold_ms = 1\n{chain}")).await;
    let gate = Gate::default();
    bench
        .upstream
        .answer(Script::text().error_after(1).lenient().hold_at(0, &gate));
    let mut connection = bench.open(&request(Chat, "chain", true)).await;
    let head = connection.answer_until(b"").await;
    assert_eq!(
        (head.status, head.header("x-aerostat-attempts")),
        (200, Some("1"))
    );
    gate.open();
    let (rest, ended) = connection.until_closed().await;
    assert!(
        String::from_utf8_lossy(&rest).contains("\"error\""),
        "{ended:?}"
    );
    assert_eq!(
        bench.upstream.requests().len(),
        1,
        "two answers are never spliced"
    );
}

#[tokio::test]
async fn a_start_without_content_is_held_for_the_failover() {
    let chain = "[[models]]\nname = \"chain\"\nuse = [\"claude/first\", \"claude/second\"]\n";
    let bench = Bench::with(chain).await;
    // `message_start`, then the error.
    bench
        .upstream
        .answer(Script::text().error_after(1).lenient())
        .answer(Script::text().lenient());
    let answer = bench.agent.send(&request(Anthropic, "chain", true)).await;
    assert_eq!(
        (answer.status, answer.header("x-aerostat-attempts")),
        (200, Some("2")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.text().matches("message_start\n").count(), 1);
}

#[tokio::test]
async fn silence_is_bridged_by_signs_of_life_in_each_dialects_form() {
    let bench = Bench::with("[limits]\nkeep_alive_seconds = 1\nhold_ms = 1\n").await;
    let pairs = [
        (Chat, Anthropic),
        (Responses, Anthropic),
        (Gemini, Anthropic),
        (Anthropic, Chat),
    ];
    let gates = pairs.map(|_| Gate::default());
    let mut connections = Vec::new();
    for ((client, upstream), gate) in pairs.iter().zip(&gates) {
        bench.upstream.answer(Script::text().hold_at(700, gate));
        connections.push(
            bench
                .open(&request(*client, &own_model(*upstream), true))
                .await,
        );
        bench.upstream.wait_for(connections.len()).await;
    }
    for ((connection, gate), (client, _)) in connections.iter_mut().zip(&gates).zip(pairs) {
        let sign: &[u8] = match client {
            Anthropic => b"event: ping\n",
            // Its clients take no comment.
            Gemini => b"\r\n1\r\n\n\r\n",
            _ => b"\r\n: ping\n\n\r\n",
        };
        connection.answer_until(sign).await;
        gate.open();
        connection.more_until(b"\r\n0\r\n\r\n").await;
    }
}

#[tokio::test]
async fn a_passthrough_gets_no_sign_of_life_that_its_upstream_did_not_send() {
    let bench = Bench::with("[limits]\nkeep_alive_seconds = 1\n").await;
    let whole = bench.ask(Chat, true).await;
    bench
        .upstream
        .answer(Script::text().wait_at(700, std::time::Duration::from_millis(1500)));
    let answer = bench.ask(Chat, true).await;
    assert_eq!((answer.ended, answer.text()), (Ended::Whole, whole.text()));
    assert_eq!(bench.upstream.end_of(1).await, End::AsScripted);
}
