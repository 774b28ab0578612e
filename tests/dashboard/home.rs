//! The first page: what a new person is led through, today's figures, failures with their way out.

use crate::support::Dialect::Chat;
use crate::support::agent::{Agent, Setup};
use crate::support::browser::Browser;
use crate::support::upstream::{Refusal, Script, Upstream, key};

const DEMO: &str = r#"{"model":"demo","messages":[{"role":"user","content":"hi"}]}"#;

async fn text(browser: &Browser) -> String {
    browser.send(&browser.page()).await.text()
}

/// How many steps of the checklist are ticked.
fn ticked(page: &str) -> usize {
    page.matches("class=\"state ready\"").count()
}

#[tokio::test]
async fn a_new_person_is_led_to_the_first_answer() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let page = text(&browser).await;
    assert!(page.contains("1. Try it now"), "{page}");
    assert!(page.contains("Nothing to serve with yet."), "{page}");
    assert_eq!(ticked(&page), 0, "{page}");

    let tried = browser
        .send(&browser.form("try", "message=%3Cb%3Ehello%22"))
        .await;
    let page = tried.text();
    assert_eq!(tried.status, 200, "{page}");
    assert!(page.contains("You said: &lt;b&gt;hello&quot;"), "{page}");
    assert!(page.contains("POST <code>http://127.0.0.1:"), "{page}");
    assert_eq!(ticked(&page), 1, "{page}");
    assert_eq!(ticked(&text(&browser).await), 1, "the try has a record");
}

#[tokio::test]
async fn the_first_request_of_another_program_ends_the_checklist() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    browser.send(&browser.form("try", "message=hello")).await;
    let state = async || {
        let answer = browser.send(&browser.page_at("first-request")).await;
        assert_eq!(answer.status, 200);
        answer.text()
    };
    let before = state().await;
    let page = text(&browser).await;
    assert!(page.contains(&format!("data-known=\"{before}\"")), "{page}");

    let refused = agent
        .post("/v1/chat/completions", DEMO.replace("demo", "<i>"))
        .await;
    assert_eq!(refused.status, 404, "{}", refused.text());
    let page = text(&browser).await;
    assert!(page.contains("came at"), "{page}");
    assert!(page.contains("<code>&lt;i&gt;</code>"), "{page}");
    assert_eq!(ticked(&page), 2, "it came, and was not served: {page}");

    agent.post("/v1/chat/completions", DEMO).await;
    assert_ne!(state().await, before);
    let page = text(&browser).await;
    assert!(!page.contains("1. Try it now"), "{page}");
    assert!(page.contains("Requests today"), "{page}");
    assert!(page.contains("accounts#add\""), "no account yet: {page}");
}

#[tokio::test]
async fn a_try_that_cannot_be_sent_keeps_what_was_typed() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let long = "x".repeat(2_001);
    let refused = browser
        .send(&browser.form("try", &format!("message={long}")))
        .await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("longer than 2000 characters"));

    assert_eq!(browser.send(&browser.form("stop", "")).await.status, 303);
    let refused = browser.send(&browser.form("try", "message=%22kept")).await;
    let page = refused.text();
    assert_eq!(refused.status, 422, "{page}");
    assert!(page.contains("the port is closed"), "{page}");
    assert!(page.contains("value=\"&quot;kept\""), "{page}");
    assert!(page.contains(">Start serving<"), "{page}");
    assert!(
        page.contains("<h1 aria-live=\"polite\">Stopped.</h1>"),
        "{page}"
    );
}

#[tokio::test]
async fn a_try_carries_the_key_that_the_port_asks_for() {
    let agent = Agent::start("port = 0\nauth_mode = \"strict\"\n");
    let browser = Browser::enter(&agent).await;
    let page = browser
        .send(&browser.form("try", "message=hi"))
        .await
        .text();
    assert!(page.contains("status 200."), "{page}");
    assert!(page.contains("aerostat key show"), "{page}");
}

#[tokio::test]
async fn failures_are_grouped_by_cause_and_lead_to_their_requests() {
    let upstream = Upstream::start().await;
    let base_url = upstream.base_url(Chat);
    let config = format!(
        "port = 0\n[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\nkey_env = \"LAB_KEY\"\n"
    );
    let setup = Setup::config(config).env("LAB_KEY", key(Chat));
    let agent = setup.start().unwrap_or_else(|why| panic!("{why}"));
    agent.post("/v1/chat/completions", DEMO).await;
    for _ in 0..3 {
        upstream.answer(Script::error(Refusal::new(500, "out of order")).lenient());
        let body = DEMO.replace("\"demo\"", "\"lab/m\"");
        agent.post("/v1/chat/completions", body).await;
    }
    let browser = Browser::enter(&agent).await;
    let page = text(&browser).await;
    let (_, failures) = page.split_once("id=\"failures\"").expect("a section");
    let (_, link) = failures.split_once("href=\"").expect("a way to them");
    let link = link.split('"').next().unwrap_or_default();
    assert!(link.starts_with("monitoring?failed=1&amp;cause="), "{link}");
    assert!(link.contains("provider=lab"), "{link}");
    assert!(page.contains(">4</a>"), "requests today: {page}");
    assert!(
        page.contains("monitoring?since="),
        "bars lead there: {page}"
    );
    assert!(page.contains("failed=1"), "{page}");
}

#[tokio::test]
async fn figures_stay_with_their_time_when_the_records_cannot_be_read() {
    let agent = Agent::start("port = 0\n");
    agent.post("/v1/chat/completions", DEMO).await;
    let browser = Browser::enter(&agent).await;
    let page = text(&browser).await;
    assert!(
        page.contains("Requests today") && !page.contains("As of"),
        "{page}"
    );

    // The journal may still hold all of it.
    for file in ["records.db", "records.db-wal"] {
        std::fs::write(agent.home().join(file), vec![7; 300_000]).unwrap();
    }
    let answer = agent.post("/v1/chat/completions", DEMO).await;
    assert_eq!(answer.status, 200, "requests are served all the same");
    let page = text(&browser).await;
    assert!(page.contains("As of"), "{page}");
    assert!(page.contains("figures unknown"), "{page}");
}
