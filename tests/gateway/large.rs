//! Requests too large to be read for a few members: what their ends do not say changes nothing.

use super::{Bench, own_model, post, target};
use crate::support::Dialect::{self, Anthropic, Chat, Responses};
use crate::support::agent::Setup;
use crate::support::grammar::{self, Ending};
use crate::support::raw::Answer;
use crate::support::upstream::{Script, Upstream};

/// A text of 200 KB that looks like members of its own to a scanner that forgets escapes.
fn long() -> String {
    r#"\"model\":\"no\",\"stream\":true}]\\"#.repeat(6000)
}

/// A conversation with `between` in its middle, behind and in front of 200 KB each; `MODEL` stands
/// where the name goes.
fn request(dialect: Dialect, head: &str, between: &str, tail: &str) -> String {
    let turn = format!(r#"{{"role":"user","content":"{}"}}"#, long());
    let list = if dialect == Responses {
        "input"
    } else {
        "messages"
    };
    format!(
        r#"{{{head}"{list}":[{turn}],{between}"metadata":{{"text":"{}"}}{tail}}}"#,
        long()
    )
}

#[tokio::test]
async fn a_body_that_finds_no_room_is_counted_in_the_status() {
    let bench = Bench::with("[limits]\nbodies_bytes_max = \"1 MiB\"\n").await;
    let status = |form: &[&str]| {
        let setup = Setup::default().arg("status");
        let setup = form
            .iter()
            .fold(setup, |setup, argument| setup.arg(argument));
        let output = setup.command(bench.agent.home()).output();
        let output = output.expect("the program runs");
        String::from_utf8(output.stdout).expect("words are text")
    };
    assert!(!status(&["--json"]).contains("bodies_refused"));
    let large = format!(
        r#"{{"model":"demo","messages":[],"x":"{}"}}"#,
        "x".repeat(2 << 20)
    );
    let refused = bench.agent.post("/v1/chat/completions", large).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    let facts: serde_json::Value = serde_json::from_str(&status(&["--json"])).expect("facts");
    assert_eq!(facts["bodies_refused"], 1);
    let words =
        "memory: 1 body found no room beside all others since the start; `limits.bodies_bytes_max`";
    assert!(status(&[]).contains(words), "{}", status(&[]));
}

async fn ask(bench: &Bench, dialect: Dialect, body: &str) -> Answer {
    let sent = body.replace("MODEL", &own_model(dialect));
    let answer = bench
        .agent
        .send(&post(dialect, &target(dialect, "", false), sent))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn is_stream(dialect: Dialect, answer: &Answer) -> bool {
    let summary =
        grammar::check(dialect, answer.content_type(), &answer.body).expect("a valid answer");
    assert_eq!(summary.ending, Ending::Success);
    answer.content_type().starts_with("text/event-stream")
}

fn arrived(upstream: &Upstream, dialect: Dialect, body: &str) {
    let received = upstream.requests().pop().expect("it arrived");
    let expected = body.replace("MODEL", super::model(dialect));
    // Not by `assert_eq!`: it would print all of it.
    assert!(
        received.body == expected,
        "{} bytes, and {} were expected",
        received.body.len(),
        expected.len()
    );
}

const MODEL: &str = r#""model":"MODEL","max_tokens":9,"#;
const TAIL: &str = r#","model":"MODEL","max_tokens":9"#;

#[tokio::test]
async fn wherever_the_members_stand_all_arrives_and_the_answer_is_what_was_asked_for() {
    let bench = Bench::new().await;
    for dialect in [Chat, Responses, Anthropic] {
        for stream in [false, true] {
            let said = format!(r#""stream":{stream},"#);
            for body in [
                request(dialect, &(MODEL.to_owned() + &said), "", ""),
                request(dialect, "", "", &format!(r#"{TAIL},"stream":{stream}"#)),
                request(dialect, MODEL, &said, ""),
                request(dialect, "", &said, TAIL),
                request(dialect, "", &(MODEL.to_owned() + &said), ""),
            ] {
                bench.upstream.answer(Script::text().lenient());
                let answer = ask(&bench, dialect, &body).await;
                assert_eq!(is_stream(dialect, &answer), stream, "{}", dialect.name());
                arrived(&bench.upstream, dialect, &body);
            }
        }
    }
}

#[tokio::test]
async fn a_request_that_failed_at_one_candidate_goes_whole_to_the_next() {
    let bench =
        Bench::with("[[models]]\nname = \"chain\"\nuse = [\"chat/first\", \"chat/gpt-4.1\"]\n")
            .await;
    bench
        .upstream
        .answer(Script::status(503))
        .answer(Script::text().lenient());
    let body = request(Chat, MODEL, "", "");
    let answer = bench
        .agent
        .send(&post(
            Chat,
            "/v1/chat/completions",
            body.replace("MODEL", "chain"),
        ))
        .await;
    assert_eq!(
        (answer.status, answer.header("x-aerostat-attempts")),
        (200, Some("2")),
        "{}",
        answer.text()
    );
    arrived(&bench.upstream, Chat, &body);
}

#[tokio::test]
async fn a_translation_reads_what_stands_between_the_ends() {
    let bench = Bench::new().await;
    bench.upstream.answer(Script::text().lenient());
    let body = request(Chat, r#""model":"MODEL","#, r#""stream":true,"#, "")
        .replace("MODEL", &own_model(Anthropic));
    let answer = bench
        .agent
        .send(&post(Chat, "/v1/chat/completions", body))
        .await;
    assert!(is_stream(Chat, &answer), "{}", answer.text());
    assert_eq!(bench.upstream.only_request().json()["stream"], true);
}

#[tokio::test]
async fn an_envelope_between_the_ends_is_found() {
    let bench = Bench::new().await;
    bench.upstream.answer(Script::text().lenient());
    let reasoning = r#"{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"AeroEnvelope!!"},{"type":"text","text":"y"}]}"#;
    let turn = format!(r#"{{"role":"user","content":"{}"}}"#, long());
    let body =
        format!(r#"{{"model":"MODEL","max_tokens":9,"messages":[{turn},{reasoning},{turn}]}}"#);
    ask(&bench, Anthropic, &body).await;
    let received = bench.upstream.only_request();
    assert!(
        !String::from_utf8_lossy(&received.body).contains("AeroEnvelope"),
        "no provider ever sees one"
    );
}
