//! The dashboard's port by raw requests: who gets in, who is kept out, what its pages show.

mod accounts;
mod home;
mod languages;
mod monitoring;
mod proxy;
mod settings;
mod statistics;

use std::time::Duration;

use crate::support::Dialect::Chat;
use crate::support::agent::{Agent, Setup};
use crate::support::browser::Browser;
use crate::support::raw::{Connection, Request, exchange};
use crate::support::upstream::{Refusal, Script, Upstream, key};

#[tokio::test]
async fn signing_out_ends_the_session_here_and_in_the_browser() {
    let agent = Agent::start("port = 0\n");
    let (browser, other) = (Browser::enter(&agent).await, Browser::enter(&agent).await);
    let page = browser.send(&browser.page()).await.text();
    assert!(page.contains("action=\"sign-out\""), "{page}");

    let foreign = Request::new("POST", &format!("/{}/sign-out", browser.segment))
        .header("cookie", &browser.cookie)
        .header("origin", "http://127.0.0.1:1")
        .body("");
    assert_eq!(browser.send(&foreign).await.status, 403);
    assert_eq!(browser.send(&browser.page()).await.status, 200);

    let left = browser.send(&browser.form("sign-out", "")).await;
    assert_eq!(left.status, 200, "{}", left.text());
    let cookie = left.header("set-cookie").unwrap_or_default();
    assert!(cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(browser.send(&browser.page()).await.status, 403);
    assert_eq!(other.send(&other.page()).await.status, 200, "another stays");
}

#[tokio::test]
async fn characters_that_steer_or_reorder_text_are_escaped_on_the_pages() {
    let upstream = Upstream::start().await;
    let base_url = upstream.base_url(Chat);
    let config = format!(
        "port = 0\n[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\nkey_env = \"LAB_KEY\"\n"
    );
    let setup = Setup::config(config).env("LAB_KEY", key(Chat));
    let agent = setup.start().unwrap_or_else(|why| panic!("{why}"));
    let hostile = "a\u{202e}b\u{1b}[2Jc\u{200b}d\u{2066}e\u{e0041}f";
    upstream.answer(Script::error(Refusal::new(400, hostile)).lenient());
    let body = r#"{"model":"lab/m\u202e\u001b","messages":[{"role":"user","content":"hi"}]}"#;
    let answer = agent.post("/v1/chat/completions", body).await;
    assert_eq!(answer.status, 400, "{}", answer.text());

    let browser = Browser::enter(&agent).await;
    let unknown = r#"{"model":"m\u202e\u001b[2J","messages":[]}"#;
    agent.post("/v1/embeddings", unknown).await;
    let mut page = browser.send(&browser.page()).await.text();
    let failed = browser.form("accounts/add", "provider=x%E2%80%AE%1B&name=y&key=z");
    page += &browser.send(&failed).await.text();
    assert!(page.contains("\\u{202e}\\u{1b}"), "{page}");
    let hidden = page.chars().find(|c| {
        c.is_control() && *c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e0fff}')
    });
    assert_eq!(hidden, None, "{page}");
}

#[tokio::test]
async fn idle_connections_keep_nobody_out_who_has_a_session() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let mut kept = Connection::open(browser.address).await.unwrap();
    let page = browser.page().bytes(&browser.address.to_string());
    kept.send(&page).await.unwrap();
    assert_eq!(kept.answer().await.status, 200);

    let mut idle = Vec::new();
    for _ in 0..600 {
        idle.push(Connection::open(browser.address).await.unwrap());
    }
    // A stranger that is answered stays one.
    let stranger = Request::get("/").bytes(&browser.address.to_string());
    for connection in &mut idle[590..] {
        connection.send(&stranger).await.unwrap();
        let answer = connection.answer().await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    let answer = exchange(browser.address, &browser.page()).await;
    assert_eq!(answer.status, 200, "a new connection gets in");
    tokio::time::sleep(Duration::from_millis(50)).await;
    kept.send(&page).await.unwrap();
    assert_eq!(kept.answer().await.status, 200, "the known one was kept");
}
