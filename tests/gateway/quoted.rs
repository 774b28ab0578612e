//! An upstream's error that quotes the client's prompt: people see it, the log never does.

use serde_json::json;

use super::{SERVED, own_model, provider, provider_name, request};
use crate::support::Dialect::{self, Anthropic, Gemini, Responses};
use crate::support::agent::{Agent, Setup};
use crate::support::upstream::{Refusal, Script, Upstream, key};

const PROMPT: &str = "my diary of last tuesday";

async fn traced(upstream: &Upstream) -> Agent {
    let providers: String = SERVED
        .iter()
        .map(|dialect| provider(*dialect, upstream, provider_name(*dialect)))
        .collect();
    let setup = Setup::config(format!("port = 0\n{providers}"));
    let setup = SERVED.iter().fold(setup, |setup, dialect| {
        setup.env(super::key_env(*dialect), key(*dialect))
    });
    let setup = setup.env("AEROSTAT_LOG", "trace");
    setup.start().unwrap_or_else(|why| panic!("{why}"))
}

/// The prompt in every field of an error that a server fills at its liking.
fn quoting(status: u16) -> Script {
    let refusal = Refusal::new(status, format!("cannot serve \"{PROMPT}\""));
    Script::error(refusal.param(PROMPT.to_owned())).lenient()
}

/// A stream whose first record is an error.
fn refusing_stream(dialect: Dialect) -> String {
    let message = format!("cannot go on with {PROMPT}");
    let error = match dialect {
        Anthropic => json!({"type": "error", "error": {"type": "api_error", "message": message}}),
        Responses => json!({"type": "error", "code": PROMPT, "message": message, "param": PROMPT}),
        Gemini => json!({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}}),
        _ => json!({"error": {"message": message, "type": PROMPT, "code": PROMPT}}),
    };
    format!("event: error\ndata: {error}\n\n")
}

fn assert_not_logged(agent: &Agent, case: &str) {
    let log = agent.stderr();
    assert!(log.contains("request recorded"), "the log is on: {log}");
    if let Some(at) = log.find("diary") {
        panic!("{case}: {}", &log[at.saturating_sub(300)..at + 100]);
    }
}

/// Once the agent has ended, which writes what it still holds.
fn assert_not_stored(mut agent: Agent, case: &str) {
    agent.sigterm();
    agent.exit_code();
    for file in std::fs::read_dir(agent.home()).unwrap() {
        let file = file.unwrap().path();
        let bytes = std::fs::read(&file).unwrap_or_default();
        let found = bytes.windows(5).any(|window| window == b"diary");
        assert!(!found, "{case}: {}", file.display());
    }
}

#[tokio::test]
async fn a_prompt_that_an_error_quotes_is_in_no_log() {
    for client in SERVED {
        let upstream = Upstream::start().await;
        let agent = traced(&upstream).await;
        for of in SERVED {
            for status in [400, 422, 413, 403, 429] {
                upstream.answer(quoting(status));
                let answer = agent.send(&request(client, &own_model(of), false)).await;
                assert!(answer.status >= 400, "{}", answer.text());
            }
        }
        // Now that every account rests, the reasons are told again.
        for of in SERVED {
            let answer = agent.send(&request(client, &own_model(of), false)).await;
            assert!(answer.status >= 400, "{} {}", of.name(), answer.text());
        }
        assert_not_logged(&agent, client.name());
        assert_not_stored(agent, client.name());
    }
}

#[tokio::test]
async fn a_prompt_that_a_streams_error_quotes_is_in_no_log() {
    let upstream = Upstream::start().await;
    let agent = traced(&upstream).await;
    for client in SERVED {
        for of in SERVED {
            let script = Script::literal(200, "text/event-stream", refusing_stream(of));
            upstream.always(script.lenient());
            let answer = agent.send(&request(client, &own_model(of), true)).await;
            assert!(answer.text().contains("error"), "{}", answer.text());
        }
    }
    assert_not_logged(&agent, "streams");
}
