//! Which headers pass, which never do, and what the gateway adds of its own.

use serde_json::json;

use super::{Bench, SERVED, own_model, post, request, smallest, target, translated};
use crate::support::Dialect::{self, Anthropic, Chat, Gemini, Responses};
use crate::support::upstream::Script;

const NEVER_TO_UPSTREAMS: [&str; 9] = [
    "cookie",
    "referer",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
    "openai-organization",
    "openai-project",
    "x-goog-user-project",
    "proxy-authorization",
];

const NEVER_TO_CLIENTS: [&str; 5] = [
    "set-cookie",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "location",
    "server",
];

/// What of each dialect's own survives: of the request, of the answer.
fn surviving(dialect: Dialect) -> (&'static [&'static str], &'static [&'static str]) {
    match dialect {
        Anthropic => (
            &[
                "anthropic-version",
                "anthropic-beta",
                "x-app",
                "x-claude-code-session-id",
                "x-stainless-lang",
            ],
            &[
                "request-id",
                "anthropic-ratelimit-requests-remaining",
                "retry-after",
            ],
        ),
        Gemini => (&["x-goog-api-client"], &["server-timing"]),
        _ => (
            &["openai-beta", "x-stainless-lang"],
            &[
                "x-request-id",
                "x-ratelimit-remaining-requests",
                "openai-processing-ms",
            ],
        ),
    }
}

#[tokio::test]
async fn a_dialects_own_headers_survive_to_the_upstream_and_others_do_not() {
    let bench = Bench::new().await;
    for dialect in SERVED {
        let (survive, _) = surviving(dialect);
        let names = survive
            .iter()
            .filter(|name| **name != "anthropic-version")
            .chain(&NEVER_TO_UPSTREAMS);
        let plain = request(dialect, &own_model(dialect), false);
        let asked = names.fold(plain, |request, name| request.header(name, "client's"));
        let asked = asked
            .header("user-agent", "client/1")
            .header("accept-encoding", "gzip, br")
            .header("origin", "http://localhost");
        let answer = bench
            .agent
            .send(
                &asked
                    .header("authorization", "Bearer client")
                    .header("x-api-key", "client"),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let received = bench.upstream.requests().pop().expect("it arrived");
        survive.iter().for_each(|name| {
            assert!(
                received.header(name).is_some(),
                "{name} of {}",
                dialect.name()
            )
        });
        NEVER_TO_UPSTREAMS
            .iter()
            .for_each(|name| assert_eq!(received.header(name), None, "{}", dialect.name()));
        assert_eq!(received.header("origin"), None);
        assert_eq!(received.header("user-agent"), Some("client/1"));
        assert_eq!(received.header("accept-encoding"), Some("identity"));
        assert_eq!(
            received.credentials().len(),
            1,
            "only the provider's: {:?}",
            received.credentials()
        );
    }
    bench.upstream.assert_nothing_refused();
}

#[tokio::test]
async fn a_dialects_own_headers_survive_to_the_client_and_others_do_not() {
    let bench = Bench::new().await;
    for dialect in SERVED {
        for stream in [false, true] {
            let (_, survive) = surviving(dialect);
            let names = survive.iter().chain(&NEVER_TO_CLIENTS);
            bench
                .upstream
                .answer(names.fold(Script::text(), |script, name| script.header(name, "7")));
            let answer = bench.ask(dialect, stream).await;
            survive.iter().for_each(|name| {
                assert_eq!(
                    answer.header(name),
                    Some("7"),
                    "{name} of {}",
                    dialect.name()
                )
            });
            NEVER_TO_CLIENTS
                .iter()
                .for_each(|name| assert_eq!(answer.header(name), None, "{}", dialect.name()));
        }
    }
}

#[tokio::test]
async fn a_translated_request_is_the_gateways_own() {
    let bench = Bench::new().await;
    for (client, upstream) in translated() {
        let asked = request(client, &own_model(upstream), false)
            .header("user-agent", "client/1")
            .header("x-app", "cli");
        bench.agent.send(&asked).await;
        let received = bench.upstream.requests().pop().expect("it arrived");
        let agent = format!("aerostat/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(received.header("user-agent"), Some(&*agent));
        assert_eq!(
            (received.header("accept-encoding"), received.header("x-app")),
            (Some("identity"), None)
        );
    }
    bench.upstream.assert_nothing_refused();
}

#[tokio::test]
async fn anthropics_version_is_added_where_the_client_sent_none() {
    let bench = Bench::new().await;
    let model = own_model(Anthropic);
    let bare = post(
        Chat,
        &target(Anthropic, &model, false),
        smallest(Anthropic, &model, false).to_string(),
    );
    bench.agent.send(&bare).await;
    assert_eq!(
        bench.upstream.only_request().header("anthropic-version"),
        Some("2023-06-01")
    );
    bench
        .agent
        .send(&bare.header("anthropic-version", "2026-10-21"))
        .await;
    assert_eq!(
        bench.upstream.requests()[1].header("anthropic-version"),
        Some("2026-10-21")
    );
}

#[tokio::test]
async fn answers_and_errors_say_who_served_and_how_often_it_was_tried() {
    let bench = Bench::new().await;
    bench
        .upstream
        .answer(Script::text())
        .answer(Script::status(400));
    for status in [200, 400] {
        let answer = bench.ask(Chat, false).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-aerostat-model"), Some("chat/gpt-4.1"));
        assert_eq!(answer.header("x-aerostat-attempts"), Some("1"));
        assert_eq!(
            answer.header("x-aerostat-request-id").map(str::len),
            Some(24)
        );
        assert_eq!(answer.header("x-aerostat-dropped"), None);
    }
}

#[tokio::test]
async fn losses_are_named_on_answers_streams_and_errors() {
    let bench = Bench::new().await;
    bench
        .upstream
        .answer(Script::text())
        .answer(Script::text())
        .answer(Script::status(400));
    for (stream, status) in [(false, 200), (true, 200), (false, 400)] {
        let mut body = smallest(Chat, &own_model(Anthropic), stream);
        body["seed"] = json!(1);
        body["logit_bias"] = json!({"1": 2});
        let answer = bench
            .agent
            .post("/v1/chat/completions", body.to_string())
            .await;
        assert_eq!(answer.status, status, "{}", answer.text());
        let dropped = answer.header("x-aerostat-dropped").unwrap_or_default();
        assert!(
            dropped.contains("seed") && dropped.contains("logit_bias"),
            "{dropped}"
        );
        assert_eq!(answer.header("x-aerostat-adjusted"), Some("+max_tokens"));
    }
}

#[tokio::test]
async fn what_stands_in_a_header_is_ascii_and_bounded() {
    let bench = Bench::new().await;
    let mut body = smallest(Chat, &format!("claude/{}", "m\u{e9}".repeat(2000)), false);
    for index in 0..400 {
        body[format!("\u{e9}\r\nunknown,field_{index}")] = json!(1);
    }
    bench.upstream.answer(Script::text().lenient());
    let answer = bench
        .agent
        .post("/v1/chat/completions", body.to_string())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for name in ["x-aerostat-model", "x-aerostat-dropped"] {
        let value = answer.header(name).unwrap_or_default();
        assert!(
            !value.is_empty() && value.len() <= 1024 && value.is_ascii(),
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn strict_translation_refuses_what_would_be_lost() {
    let bench = Bench::with("").await;
    let config =
        std::fs::read_to_string(bench.agent.home().join("config.toml")).expect("it was written");
    let strict =
        crate::support::agent::Setup::config(format!("translation = \"strict\"\n{config}"))
            .env("ANTHROPIC_KEY", "sk-ant-upstream")
            .start()
            .expect("it starts");
    let mut body = smallest(Chat, &own_model(Anthropic), false);
    body["max_tokens"] = json!(9);
    assert_eq!(
        strict
            .post("/v1/chat/completions", body.to_string())
            .await
            .status,
        200
    );
    body["seed"] = json!(1);
    let answer = strict.post("/v1/chat/completions", body.to_string()).await;
    assert_eq!(
        (answer.status, answer.json()["error"]["param"].as_str()),
        (400, Some("seed")),
        "{}",
        answer.text()
    );
    assert_eq!(bench.upstream.requests().len(), 1);
}

#[tokio::test]
async fn responses_clients_keep_their_session_headers() {
    let bench = Bench::new().await;
    let names = [
        "session-id",
        "thread-id",
        "originator",
        "x-codex-window-id",
        "x-client-request-id",
    ];
    let plain = request(Responses, &own_model(Responses), false);
    bench
        .agent
        .send(
            &names
                .iter()
                .fold(plain, |request, name| request.header(name, "c")),
        )
        .await;
    let received = bench.upstream.only_request();
    names
        .iter()
        .for_each(|name| assert_eq!(received.header(name), Some("c"), "{name}"));
}

/// Gemini tells its tier in a header; other dialects tell it in the answer.
#[tokio::test]
async fn the_tier_that_gemini_tells_reaches_other_clients() {
    let bench = Bench::new().await;
    for (client, told, expected) in [
        (Chat, "priority", "priority"),
        (Responses, "standard", "default"),
        (Responses, "flex", "flex"),
    ] {
        for stream in [false, true] {
            let script = Script::text().header("x-gemini-service-tier", told);
            bench.upstream.answer(script);
            let request = request(client, &own_model(Gemini), stream);
            let text = bench.agent.send(&request).await.text();
            let member = format!(r#""service_tier":"{expected}""#);
            assert!(text.contains(&member), "{member}: {text}");
        }
    }
}
