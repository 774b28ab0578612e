//! The log of one request, followed by its id from the head that came to the record.

use super::{Bench, own_model, request};
use crate::support::Dialect::{Anthropic, Chat};
use crate::support::agent::Setup;
use crate::support::raw::{Answer, Request};
use crate::support::upstream::Script;

/// What the log says of a request, in its order, once its record is written.
async fn followed(bench: &Bench, answer: &Answer) -> Vec<String> {
    let id = answer
        .header("x-aerostat-request-id")
        .expect("every response has an id");
    let is_recorded = |line: &&str| line.contains(id) && line.contains("request recorded");
    for _ in 0..500 {
        let log = bench.agent.stderr();
        if log.lines().any(|line| is_recorded(&line)) {
            let lines = log.lines().filter(|line| line.contains(id));
            return lines.map(str::to_owned).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no record of {id}: {}", bench.agent.stderr());
}

/// Asserts that the lines hold these phrases in this order.
fn assert_order(lines: &[String], phrases: &[&str]) {
    let mut rest = lines.iter();
    for phrase in phrases {
        assert!(
            rest.any(|line| line.contains(phrase)),
            "`{phrase}` in its place in {lines:#?}"
        );
    }
}

#[tokio::test]
async fn a_served_request_is_followed_by_its_id() {
    let bench = Bench::new().await;
    let answer = bench
        .agent
        .send(&request(Anthropic, &own_model(Chat), true))
        .await;
    assert_eq!(answer.status, 200);
    let lines = followed(&bench, &answer).await;
    assert_order(
        &lines,
        &[
            "request accepted",
            "model resolved",
            "account leased",
            "upstream sent its head",
            "attempt settled outcome=\"served\"",
            "request recorded status=200 attempts=1",
        ],
    );
    let attempt = lines
        .iter()
        .find(|line| line.contains("attempt settled"))
        .expect("it was just found");
    for field in [
        "dialect=\"anthropic\"",
        "operation=\"generate\"",
        "provider=\"chat\"",
        "attempt=1",
        "upstream_dialect=\"openai_chat\"",
    ] {
        assert!(attempt.contains(field), "{field} in {attempt}");
    }
}

#[tokio::test]
async fn a_failing_request_is_followed_by_its_id() {
    let bench = Bench::new().await;
    bench.upstream.answer(Script::status(500));
    let answer = bench.ask(Chat, false).await;
    assert_eq!(answer.status, 500);
    assert_order(
        &followed(&bench, &answer).await,
        &[
            "request accepted",
            "account leased",
            "upstream sent its head status=500",
            "attempt settled outcome=\"failed\"",
            "retry decided suggested=OtherAccount decided=OtherAccount",
            "no account leased",
            "retry decided suggested=OtherCandidate",
            "request recorded status=500 attempts=1",
        ],
    );
}

#[tokio::test]
async fn a_served_request_writes_nothing_at_the_default_level() {
    let agent = Setup::config("port = 0\n").start().unwrap();
    let before = agent.stderr();
    for stream in [false, true] {
        let answer = agent.send(&request(Chat, "demo", stream)).await;
        assert_eq!(answer.status, 200);
    }
    agent.send(&Request::get("/v1/nothing")).await;
    agent.get("/healthz").await;
    assert_eq!(agent.stderr(), before);
}
