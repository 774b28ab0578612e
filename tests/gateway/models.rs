//! Lists of models: all pages of a provider's, and no more than there can be.

use serde_json::{Value, json};

use crate::support::Dialect::{self, Anthropic, Gemini};
use crate::support::agent::{Agent, Setup};
use crate::support::raw::Request;
use crate::support::upstream::{Received, Script, Upstream, key};

use super::{key_env, provider};

/// The program with one provider only, so that the order of calls is known.
async fn only(dialect: Dialect) -> (Agent, Upstream) {
    let upstream = Upstream::start().await;
    let config = format!("port = 0\n{}", provider(dialect, &upstream, "lab"));
    let setup = Setup::config(config).env(key_env(dialect), key(dialect));
    let agent = setup.start().unwrap_or_else(|why| panic!("{why}"));
    (agent, upstream)
}

async fn listed(agent: &Agent) -> Vec<String> {
    let list: Value = agent.get("/v1/models").await.json();
    let ids = list["data"].as_array().expect("a list").iter();
    ids.map(|card| card["id"].as_str().expect("an id").to_owned())
        .filter(|id| !id.starts_with("demo"))
        .collect()
}

fn page(body: &Value) -> Script {
    Script::literal(200, "application/json", body.to_string())
}

/// The query of each list that was asked for.
fn queries(upstream: &Upstream) -> Vec<String> {
    let query = |request: &Received| request.query.clone().unwrap_or_default();
    upstream.requests().iter().map(query).collect()
}

fn claude(ids: &[&str], has_more: bool) -> Value {
    let card = |id: &&str| json!({"type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z"});
    let cards: Vec<_> = ids.iter().map(card).collect();
    json!({"data": cards, "has_more": has_more, "first_id": ids.first(), "last_id": ids.last()})
}

#[tokio::test]
async fn all_pages_of_anthropics_list_are_read() {
    let (agent, upstream) = only(Anthropic).await;
    upstream.answer(page(&claude(&["a", "b/c"], true)));
    upstream.answer(page(&claude(&["d"], true)));
    upstream.answer(page(&claude(&["e"], false)));
    assert_eq!(listed(&agent).await, ["a", "b/c", "d", "e"]);
    let expected = ["", "limit=1000&after_id=b%2Fc", "limit=1000&after_id=d"];
    assert_eq!(queries(&upstream), expected);
}

#[tokio::test]
async fn all_pages_of_geminis_list_are_read() {
    let (agent, upstream) = only(Gemini).await;
    let model = |id: &str| json!({"name": format!("models/{id}"), "supportedGenerationMethods": ["generateContent"]});
    upstream.answer(page(
        &json!({"models": [model("a")], "nextPageToken": "x/1="}),
    ));
    upstream.answer(page(&json!({"models": [model("b")], "nextPageToken": ""})));
    assert_eq!(listed(&agent).await, ["a", "b"]);
    assert_eq!(queries(&upstream), ["", "pageSize=1000&pageToken=x%2F1%3D"]);
}

#[tokio::test]
async fn a_list_without_an_end_is_read_to_a_bound() {
    let (agent, upstream) = only(Anthropic).await;
    upstream.always(page(&claude(&["a", "b"], true)));
    assert_eq!(listed(&agent).await, ["a", "b"]);
    assert_eq!(upstream.requests().len(), 2);
}

/// Claude Code's picker leaves out names that begin otherwise; nobody else is offered them twice.
#[tokio::test]
async fn claude_code_sees_every_model_and_asks_for_it_by_its_second_name() {
    let (agent, upstream) = only(Anthropic).await;
    upstream.answer(page(&claude(&["claude-x", "m"], false)));
    let list = Request::get("/v1/models?limit=1000")
        .header("anthropic-version", "2023-06-01")
        .header("user-agent", "claude-code/2.1.332");
    let list: Value = agent.send(&list).await.json();
    let cards = list["data"].as_array().expect("a list");
    let card = |id: &str| cards.iter().find(|card| card["id"] == id);
    assert_eq!(
        card("claude~m").expect("a second name")["display_name"],
        "m"
    );
    assert!(card("m").is_some() && card("claude~claude-x").is_none());
    assert!(card("claude~demo").is_some(), "{list}");
    assert_eq!(listed(&agent).await, ["claude-x", "m"]);
    let shown = agent.get("/v1/models/claude~m").await.json();
    assert_eq!(shown["id"], "claude~m");

    upstream.always(Script::text().lenient());
    let body = r#"{"model":"claude~m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let answer = agent.send(&Request::post("/v1/messages", body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = upstream.requests().pop().expect("it was forwarded");
    assert_eq!(asked.json()["model"], "m");
}
