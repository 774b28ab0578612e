//! A client that names no output limit gets the model's own, not a default of ours, and so does one
//! that names more than the model takes.

use serde_json::{Value, json};

use super::{Bench, own_model, smallest};
use crate::support::Dialect::{self, Anthropic, Chat, Gemini, Responses};
use crate::support::agent::Setup;
use crate::support::upstream::Script;

/// The limit that the upstream of that dialect receives for a request without one, and what the
/// client is told.
async fn limit(bench: &Bench, upstream: Dialect, model: &str) -> (Value, Option<String>) {
    bench.upstream.answer(Script::text());
    let answer = bench
        .agent
        .post(
            "/v1/chat/completions",
            smallest(Chat, model, false).to_string(),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = bench.upstream.requests().pop().expect("it was called");
    let body: Value = serde_json::from_slice(&received.body).expect("a request is JSON");
    let limit = match upstream {
        Anthropic => &body["max_tokens"],
        _ => &body["generationConfig"]["maxOutputTokens"],
    };
    let told = answer.header("x-aerostat-adjusted").map(str::to_owned);
    (limit.clone(), told)
}

#[tokio::test]
async fn a_well_known_models_own_limit_is_asked_for() {
    let bench = Bench::new().await;
    assert_eq!(
        limit(&bench, Anthropic, &own_model(Anthropic)).await,
        (json!(64_000), Some("+max_tokens".to_owned()))
    );
    assert_eq!(
        limit(&bench, Gemini, &own_model(Gemini)).await,
        (json!(65_535), Some("+maxOutputTokens".to_owned()))
    );
}

#[tokio::test]
async fn a_limit_that_the_provider_lists_comes_before_the_table() {
    let bench = Bench::new().await;
    assert_eq!(bench.agent.get("/v1/models").await.status, 200);
    assert_eq!(
        limit(&bench, Anthropic, "claude/claude-opus-4-6").await.0,
        json!(100_000)
    );
    assert_eq!(
        limit(&bench, Gemini, &own_model(Gemini)).await.0,
        json!(65_536)
    );
}

/// Whether the list was dropped shows in the next request, which asks for none.
#[tokio::test]
async fn what_a_provider_listed_stays_known_when_accounts_and_keys_change() {
    let bench = Bench::new().await;
    assert_eq!(bench.agent.get("/v1/models").await.status, 200);
    let made = Setup::default()
        .arg("key")
        .arg("create")
        .arg("laptop")
        .command(bench.agent.home())
        .output()
        .expect("the program starts");
    assert!(made.status.success(), "{made:?}");
    assert_eq!(
        limit(&bench, Anthropic, "claude/claude-opus-4-6").await.0,
        json!(100_000)
    );
}

/// What the upstream receives for a Chat client's `max_tokens`, and what the client is told.
async fn limited(bench: &Bench, model: &str, tokens: u64) -> (Value, Option<String>) {
    let mut body = smallest(Chat, model, false);
    body["max_tokens"] = json!(tokens);
    bench.upstream.answer(Script::text());
    let answer = bench
        .agent
        .post("/v1/chat/completions", body.to_string())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = bench.upstream.requests().pop().expect("it was called");
    let sent: Value = serde_json::from_slice(&received.body).expect("a request is JSON");
    let places = [
        &sent["generationConfig"]["maxOutputTokens"],
        &sent["max_tokens"],
        &sent["max_output_tokens"],
    ];
    let limit = places.into_iter().find(|limit| !limit.is_null());
    let told = answer.header("x-aerostat-adjusted").map(str::to_owned);
    (limit.expect("a limit was sent").clone(), told)
}

#[tokio::test]
async fn a_clients_own_limit_stays() {
    let bench = Bench::new().await;
    for upstream in [Anthropic, Gemini, Responses] {
        let sent = limited(&bench, &own_model(upstream), 99).await;
        assert_eq!(sent, (json!(99), None), "{upstream:?}");
    }
}

#[tokio::test]
async fn a_clients_limit_above_the_models_is_lowered_and_named() {
    let bench = Bench::new().await;
    let told = || Some("~max_tokens".to_owned());
    for (upstream, expected) in [(Anthropic, 64_000), (Gemini, 65_535), (Responses, 128_000)] {
        let sent = limited(&bench, &own_model(upstream), 500_000).await;
        assert_eq!(sent, (json!(expected), told()), "{upstream:?}");
    }
    // What the provider lists comes before the table.
    assert_eq!(bench.agent.get("/v1/models").await.status, 200);
    let sent = limited(&bench, "claude/claude-opus-4-6", 120_000).await;
    assert_eq!(sent, (json!(100_000), told()));
}
