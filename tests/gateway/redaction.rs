//! An upstream that quotes the account's credential, wherever it can. The credential is found by its
//! value: nothing in how it looks tells that it is one.

use serde_json::json;

use super::{SERVED, first_text, own_model, provider, provider_name, request};
use crate::support::Dialect::{self, Anthropic, Chat, Gemini, Responses};
use crate::support::agent::{Agent, Setup};
use crate::support::browser::Browser;
use crate::support::grammar::{self, Ending};
use crate::support::raw::{Answer, Request};
use crate::support::upstream::{Cut, Refusal, Script, Upstream, answers};

const KEY: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";
/// `user:KEY` as RFC 7617 sends it.
const BASIC: &str = "dXNlcjo5ZjhlN2Q2YzViNGEzOTI4MTcwNmY1ZTRkM2MyYjFhMA==";
/// The inner part of [`BASIC`] that tells the key.
const BASIC_INNER: &str = "ZjhlN2Q2YzViNGEzOTI4MTcwNmY1ZTRkM2MyYjFh";

/// The program with a provider for each dialect, all of them the scripted upstream, with that key.
struct Quoted {
    agent: Agent,
    upstream: Upstream,
}

impl Quoted {
    async fn new() -> Self {
        let upstream = Upstream::start().await;
        let providers: String = SERVED
            .iter()
            .map(|dialect| provider(*dialect, &upstream, provider_name(*dialect)))
            .collect();
        let setup = Setup::config(format!("port = 0\n{providers}"))
            .env("OPENAI_KEY", KEY)
            .env("ANTHROPIC_KEY", KEY)
            .env("GEMINI_KEY", KEY)
            .env("AEROSTAT_LOG", "debug");
        let agent = setup.start().unwrap_or_else(|why| panic!("{why}"));
        Self { agent, upstream }
    }

    async fn ask(&self, client: Dialect, upstream: Dialect, stream: bool) -> Answer {
        let answer = self
            .agent
            .send(&request(client, &own_model(upstream), stream))
            .await;
        assert_hidden(
            &answer,
            &format!("{} of {}", client.name(), upstream.name()),
        );
        answer
    }

    /// What a command of the program prints.
    fn output(&self, arguments: &[&str]) -> String {
        let setup = arguments
            .iter()
            .fold(Setup::default(), |setup, argument| setup.arg(argument));
        let output = setup
            .command(self.agent.home())
            .output()
            .expect("the program can be started");
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    }

    async fn dashboard(&self) -> String {
        let browser = Browser::enter(&self.agent).await;
        let page = browser.send(&browser.page()).await;
        assert_eq!(page.status, 200, "{}", page.text());
        page.text()
    }

    /// Everything that the program keeps or shows.
    async fn assert_hidden_everywhere(&self) {
        let log = self.agent.stderr();
        assert!(
            log.contains("request accepted"),
            "the log is at debug: {log}"
        );
        assert_text_hidden(&log, "the log");
        for arguments in [
            &["account", "list"][..],
            &["status"],
            &["--json", "account", "list"],
        ] {
            assert_text_hidden(&self.output(arguments), &arguments.join(" "));
        }
        assert_text_hidden(&self.dashboard().await, "the dashboard");
        let files = std::fs::read_dir(self.agent.home()).expect("the home can be read");
        for file in files.map(|entry| entry.expect("an entry").path()) {
            if let Ok(bytes) = std::fs::read(&file) {
                assert_text_hidden(
                    &String::from_utf8_lossy(&bytes),
                    &file.display().to_string(),
                );
            }
        }
    }

    async fn explain(&self, answer: &Answer) -> String {
        let id = answer
            .header("x-aerostat-request-id")
            .expect("every answer has its id");
        // Records are written a moment after their requests.
        for _ in 0..100 {
            let explained = self.output(&["explain", id]);
            if !explained.contains("no record") && !explained.contains("unknown") {
                return explained;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("no record of {id}")
    }
}

fn assert_text_hidden(text: &str, place: &str) {
    for secret in [KEY, BASIC_INNER] {
        if let Some(at) = text.find(secret) {
            panic!(
                "{place}: {}",
                &text[at.saturating_sub(200)..at + secret.len()]
            );
        }
    }
}

fn assert_hidden(answer: &Answer, place: &str) {
    assert_text_hidden(&answer.text(), place);
    assert_text_hidden(&format!("{:?}", answer.headers), place);
}

/// The key in every field that an error has.
fn quoting(status: u16) -> Script {
    let message = format!("the token {KEY} (Basic {BASIC}) has expired");
    Script::error(Refusal::new(status, message).param(format!("headers.{KEY}")))
        .header("x-request-id", &format!("r-{KEY}"))
        .header("request-id", &format!("r-{KEY}"))
        .header("retry-after", KEY)
        .lenient()
}

#[tokio::test]
async fn a_credential_that_an_error_quotes_goes_nowhere() {
    let quoted = Quoted::new().await;
    for (client, upstream) in pairs() {
        for status in [400, 404, 409, 422, 500] {
            for stream in [false, true] {
                quoted.upstream.answer(quoting(status));
                let answer = quoted.ask(client, upstream, stream).await;
                assert!(answer.status >= 400, "{}", answer.text());
                assert!(
                    answer.text().contains("[redacted]") || answer.text().contains("below"),
                    "{}",
                    answer.text()
                );
            }
        }
    }
    quoted.assert_hidden_everywhere().await;
}

#[tokio::test]
async fn a_refused_credential_is_told_without_it() {
    for status in [401, 403, 429, 402, 503] {
        let quoted = Quoted::new().await;
        for upstream in SERVED {
            quoted.upstream.answer(quoting(status));
            let answer = quoted.ask(upstream, upstream, false).await;
            let explained = quoted.explain(&answer).await;
            assert_text_hidden(&explained, "explain");
            assert!(explained.contains("[redacted]"), "{status}: {explained}");
        }
        quoted.assert_hidden_everywhere().await;
    }
}

/// Bodies that are no API's error, or are one in another writing.
fn bodies() -> Vec<(&'static str, String)> {
    let escaped: String = KEY
        .chars()
        .map(|c| format!("\\u{:04x}", u32::from(c)))
        .collect();
    let spread: String = KEY
        .chars()
        .map(|c| format!("%{:02X}", u32::from(c)))
        .collect();
    vec![
        ("text/html", format!("<html><body>key={KEY}</body></html>")),
        ("text/plain", format!("bad token {KEY}")),
        ("application/problem+json", json!({"title": KEY, "detail": KEY}).to_string()),
        ("application/json", format!(r#"{{"error":{{"message":"{escaped}","code":"{escaped}"}}}}"#)),
        ("application/json", json!({"error": {"message": format!("GET /?k={spread}")}}).to_string()),
        ("application/json", json!({"error": {"message": "x".repeat(1_990) + KEY}}).to_string()),
        ("application/json", json!([{"error": {"code": 400, "message": KEY, "details": [{"@type": "t", "k": KEY}]}}]).to_string()),
        ("application/json", json!({"type": "error", "error": {"type": "invalid_request_error", "message": KEY, "details": {"error_code": KEY}}, "request_id": KEY}).to_string()),
        (KEY, json!({"error": KEY}).to_string()),
        ("application/json", json!({"detail": [{"loc": ["header", KEY], "msg": KEY}]}).to_string()),
    ]
}

#[tokio::test]
async fn a_credential_is_found_in_bodies_of_any_kind() {
    let quoted = Quoted::new().await;
    for (client, upstream) in pairs() {
        for (content_type, body) in bodies() {
            for status in [400, 502] {
                quoted
                    .upstream
                    .answer(Script::literal(status, content_type, body.clone()).lenient());
                let answer = quoted.ask(client, upstream, false).await;
                let shown = answer.text();
                let read: serde_json::Value =
                    serde_json::from_str(&shown).unwrap_or_else(|bad| panic!("{bad}: {shown}"));
                // Also where the client undoes its escapes.
                let read = percent_encoding::percent_decode_str(&read.to_string())
                    .decode_utf8_lossy()
                    .into_owned();
                assert_text_hidden(&read, content_type);
                assert!(!read.contains(&KEY[..10]), "{read}");
            }
        }
    }
    quoted.assert_hidden_everywhere().await;
}

/// A dialect's own error record of a stream.
fn error_record(dialect: Dialect) -> String {
    let message = format!("the token {KEY} has expired");
    match dialect {
        Anthropic => format!(
            "event: error\ndata: {}\n\n",
            json!({"type": "error", "error": {"type": "api_error", "message": message}})
        ),
        Responses => format!(
            "event: error\ndata: {}\n\n",
            json!({"type": "error", "code": "server_error", "message": message, "param": KEY, "sequence_number": first_text(Responses)})
        ),
        Gemini => format!(
            "data: {}\n\n",
            json!({"error": {"code": 503, "message": message, "status": "UNAVAILABLE", "details": [{"@type": "t", "k": KEY}]}})
        ),
        _ => format!(
            "data: {}\n\n",
            json!({"error": {"message": message, "type": "server_error", "param": KEY, "code": KEY}})
        ),
    }
}

/// A stream that shows text and then that record.
fn broken_stream(dialect: Dialect) -> (String, usize) {
    let literal = answers::literal(dialect, "text.sse").expect("every dialect has a text");
    let head: String = answers::records(&literal)[..first_text(dialect)]
        .iter()
        .map(|record| String::from_utf8_lossy(record).into_owned())
        .collect();
    let begins_at = head.len();
    (head + &error_record(dialect), begins_at)
}

#[tokio::test]
async fn a_credential_in_a_streams_error_is_taken_out_at_any_chunk_border() {
    let quoted = Quoted::new().await;
    for (client, upstream) in pairs() {
        let (body, begins_at) = broken_stream(upstream);
        let key_at = body.find(KEY).expect("the record quotes the key");
        let cuts = [
            0,
            begins_at,
            begins_at + 9,
            key_at,
            key_at + 7,
            key_at + KEY.len(),
            body.len() - 1,
        ];
        for cut in cuts {
            let script = Script::literal(200, "text/event-stream", body.clone()).lenient();
            quoted
                .upstream
                .answer(script.wait_at(cut, std::time::Duration::from_millis(5)));
            let answer = quoted.ask(client, upstream, true).await;
            let summary = grammar::check(client, answer.content_type(), &answer.body);
            let is_error = matches!(
                &summary,
                Ok(summary) if matches!(summary.ending, Ending::Failed { .. } | Ending::Cut)
            );
            assert!(is_error, "{summary:?} {}", answer.text());
            assert!(
                answer.text().contains("the token [redacted] has expired"),
                "{}",
                answer.text()
            );
        }
    }
    quoted.assert_hidden_everywhere().await;
}

/// Errors in a form that the dialect does not have; clients see them, so that they are redacted.
#[tokio::test]
async fn foreign_errors_in_a_stream_are_redacted_as_well() {
    let quoted = Quoted::new().await;
    for dialect in SERVED {
        let literal = answers::literal(dialect, "text.sse").expect("every dialect has a text");
        let text = String::from_utf8_lossy(&literal).into_owned();
        for foreign in [
            format!("event: error\ndata: bad token {KEY}\n\n"),
            format!("event: error\ndata: {{\"message\":\"{KEY}\"}}\n\n"),
            format!("data: {{\"error\": {{\"reason\":\"{KEY}\"}}}}\n\n"),
        ] {
            let script = Script::literal(200, "text/event-stream", format!("{text}{foreign}"));
            quoted.upstream.answer(script.lenient());
            quoted.ask(dialect, dialect, true).await;
        }
    }
    quoted.assert_hidden_everywhere().await;
}

#[tokio::test]
async fn a_stream_that_is_cut_within_a_credential_shows_nothing_of_it() {
    let quoted = Quoted::new().await;
    for dialect in SERVED {
        let (body, _) = broken_stream(dialect);
        let at = body.find(KEY).expect("the record quotes the key") + 20;
        for cut in [Cut::Clean, Cut::Fin] {
            let script = Script::literal(200, "text/event-stream", body.clone()).lenient();
            quoted.upstream.answer(script.cut_at(at, cut));
            let answer = quoted.ask(dialect, dialect, true).await;
            assert!(!answer.text().contains(&KEY[..6]), "{}", answer.text());
        }
    }
    quoted.assert_hidden_everywhere().await;
}

#[tokio::test]
async fn an_error_behind_a_good_status_is_told_without_the_credential() {
    let quoted = Quoted::new().await;
    for (client, upstream) in pairs() {
        let record = error_record(upstream);
        let json = record
            .split_once("data: ")
            .expect("a record has data")
            .1
            .trim()
            .to_owned();
        for (content_type, body) in [("application/json", json), ("text/event-stream", record)] {
            for stream in [false, true] {
                quoted
                    .upstream
                    .always(Script::literal(200, content_type, body.clone()).lenient());
                let answer = quoted.ask(client, upstream, stream).await;
                assert!(answer.status >= 400 || stream, "{}", answer.text());
            }
        }
    }
    quoted.assert_hidden_everywhere().await;
}

#[tokio::test]
async fn a_gemini_array_that_ends_in_an_error_is_redacted() {
    let quoted = Quoted::new().await;
    let text = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "index": 0}]});
    let error = json!({"error": {"code": 503, "message": KEY, "status": "UNAVAILABLE"}});
    let body = format!("[{text},\r\n{error}]");
    for cut in [0, body.find(KEY).expect("quoted") + 5, body.len() - 2] {
        let script = Script::literal(200, "application/json", body.clone()).lenient();
        quoted
            .upstream
            .answer(script.wait_at(cut, std::time::Duration::from_millis(5)));
        let target = super::target(Gemini, &own_model(Gemini), true).replace("?alt=sse", "");
        let request = Request::post(&target, super::smallest(Gemini, "", true).to_string());
        let answer = quoted.agent.send(&request).await;
        assert_hidden(&answer, "the array form");
        assert!(answer.text().contains("[redacted]"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_list_of_models_that_is_refused_is_logged_without_the_credential() {
    let quoted = Quoted::new().await;
    quoted.upstream.always(quoting(400));
    let answer = quoted.agent.get("/v1/models").await;
    assert_hidden(&answer, "the list of models");
    quoted.assert_hidden_everywhere().await;
}

#[tokio::test]
async fn what_a_model_writes_passes_as_it_is() {
    let quoted = Quoted::new().await;
    let body = format!(
        r#"{{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{KEY}"}},"finish_reason":"stop"}}]}}"#
    );
    quoted
        .upstream
        .answer(Script::literal(200, "application/json", body.clone()).lenient());
    let answer = quoted
        .agent
        .send(&request(Chat, &own_model(Chat), false))
        .await;
    assert_eq!(answer.text(), body);
}

fn pairs() -> impl Iterator<Item = (Dialect, Dialect)> {
    SERVED
        .into_iter()
        .flat_map(|client| SERVED.into_iter().map(move |upstream| (client, upstream)))
}

/// Lines of a stream that are part of no record; clients skip them, and people read them.
#[tokio::test]
async fn a_credential_beside_the_records_of_a_stream_is_taken_out() {
    let quoted = Quoted::new().await;
    for dialect in SERVED {
        let literal = answers::literal(dialect, "text.sse").expect("every dialect has a text");
        let records = answers::records(&literal);
        let mut body = String::from_utf8_lossy(&records[0]).into_owned();
        let begins_at = body.len();
        let other = format!(
            ": the token {KEY} has expired\n\nid: {KEY}\nretry: {KEY}\n\nevent: {KEY}\n\n{KEY}\n\n"
        );
        body += &other;
        for record in &records[1..] {
            body += &String::from_utf8_lossy(record);
        }
        for cut in [
            0,
            begins_at + 14,
            begins_at + 20,
            begins_at + other.len() - 5,
        ] {
            let script = Script::literal(200, "text/event-stream", body.clone()).lenient();
            quoted
                .upstream
                .answer(script.wait_at(cut, std::time::Duration::from_millis(5)));
            let answer = quoted.ask(dialect, dialect, true).await;
            assert!(
                answer.text().contains(": the token [redacted] has expired"),
                "{}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn a_credential_in_a_stream_that_passes_unread_is_taken_out() {
    let quoted = Quoted::new().await;
    let endless = "x".repeat(17 * 1024 * 1024);
    let body = format!("data: {{\"text\": \"{endless}\"}}\n\ndata: bad token {KEY}\n\n");
    quoted
        .upstream
        .answer(Script::literal(200, "text/event-stream", body).lenient());
    let answer = quoted.ask(Chat, Chat, true).await;
    assert!(answer.body.len() > endless.len(), "{}", answer.body.len());
    let end = &answer.body[answer.body.len() - 40..];
    let end = String::from_utf8_lossy(end).into_owned();
    assert!(end.ends_with("data: bad token [redacted]\n\n"), "{end}");
}
