//! Token statistics: the same sums as the command line's, unknown as unknown, and a file that no
//! spreadsheet takes for formulas.

use crate::support::Dialect::Chat;
use crate::support::agent::{Agent, Setup};
use crate::support::browser::Browser;
use crate::support::upstream::{Script, Upstream};

/// An agent whose `lab` serves everything, and has a price for one model.
async fn served(models: &[&str]) -> (Upstream, Agent) {
    let upstream = Upstream::start().await;
    upstream.always(Script::text().lenient());
    let base_url = upstream.base_url(Chat);
    let config = format!(
        "port = 0\n[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\n"
    );
    let agent = Setup::config(config)
        .start()
        .unwrap_or_else(|why| panic!("{why}"));
    let prices = "[[price]]\nprovider = \"lab\"\nmodel = \"priced\"\ninput = 1000\noutput = 1000\n";
    std::fs::write(agent.home().join("prices.toml"), prices).unwrap();
    for model in models {
        let body = serde_json::json!({ "model": format!("lab/{model}"), "messages": [{ "role": "user", "content": "hi" }] });
        let answer = agent.post("/v1/chat/completions", body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    (upstream, agent)
}

fn told(agent: &Agent, arguments: &[&str]) -> String {
    let mut setup = Setup::default();
    for argument in arguments {
        setup = setup.arg(argument);
    }
    let output = setup.command(agent.home()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

async fn page(browser: &Browser, query: &str) -> String {
    browser
        .send(&browser.page_at(&format!("statistics{query}")))
        .await
        .text()
}

/// Takes `lab` out of the configuration: a server on this machine is free, and one that is not known
/// any more has the prices that its person gives it.
async fn forget_lab(agent: &Agent, browser: &Browser) {
    agent.rewrite_config("port = 0\n");
    for _ in 0..500 {
        if page(browser, "").await.contains("at least") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the change is not followed");
}

#[tokio::test]
async fn sums_are_those_of_the_command_line_and_a_gap_shows_everywhere() {
    let (_upstream, agent) = served(&["priced", "priced", "other"]).await;
    let browser = Browser::enter(&agent).await;
    forget_lab(&agent, &browser).await;
    let json: serde_json::Value =
        serde_json::from_str(&told(&agent, &["stats", "--json"])).unwrap();
    let total = &json["total"];
    let cost = total["cost"]["text"].as_str().unwrap();
    assert!(cost.starts_with("≥ $"), "{json}");
    let all = page(&browser, "").await;
    assert!(all.contains(cost), "{cost}: {all}");
    assert!(all.contains("; at least $"), "{all}");
    assert!(all.contains("tokens of lab/other have no price."), "{all}");
    for kind in [
        "requests",
        "input_new_tokens",
        "output_tokens",
        "total_tokens",
    ] {
        let cell = format!(">{}</td>", total[kind]);
        assert!(all.contains(&cell), "{kind} {cell}: {all}");
    }

    let by_model = page(&browser, "?by=model&show=cost").await;
    assert!(by_model.contains(">unknown<"), "{by_model}");
    assert!(
        by_model.contains("url(#hatch)"),
        "what is unknown is hatched: {by_model}"
    );
    let csv = page(&browser, ".csv?by=provider").await;
    assert!(csv.contains(",at least,"), "{csv}");
    let csv = page(&browser, ".csv?by=model").await;
    assert!(csv.contains(",,unknown,"), "{csv}");
    assert!(told(&agent, &["stats", "--by", "model"]).contains("unknown"));
}

#[tokio::test]
async fn a_file_is_saved_and_no_name_in_it_is_a_formula() {
    let (_upstream, agent) = served(&["=HYPERLINK(\"http://x\",\"y\")", "@cmd", "priced"]).await;
    let browser = Browser::enter(&agent).await;
    let saved = browser
        .send(&browser.page_at("statistics.csv?range=12m"))
        .await;
    assert_eq!(saved.status, 200);
    assert_eq!(
        saved.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let disposition = saved.header("content-disposition").unwrap_or_default();
    assert!(
        disposition.starts_with("attachment; filename=\"aerostat-"),
        "{disposition}"
    );
    let text = saved.text();
    let rows: Vec<&str> = text.split("\r\n").collect();
    assert!(
        rows[0].starts_with("month,model,account,client,provider,key,requests,"),
        "{text}"
    );
    assert_eq!(
        rows.len(),
        5,
        "one heading, three rows, and the end: {text}"
    );
    assert!(
        text.contains("\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
        "{text}"
    );
    assert!(text.contains(",'@cmd,"), "{text}");
}

#[tokio::test]
async fn rows_lead_to_exactly_their_requests_as_long_as_these_have_records() {
    let (_upstream, agent) = served(&["priced", "<b>\"\u{202e}"]).await;
    let browser = Browser::enter(&agent).await;
    let by_model = page(&browser, "?range=today&by=model").await;
    assert!(
        !by_model.contains("<b>") && !by_model.contains('\u{202e}'),
        "{by_model}"
    );
    let links = by_model
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next());
    let link =
        links.filter(|link| link.starts_with("monitoring?") && link.contains("model=priced"));
    let link = link
        .last()
        .expect("a row leads to its requests")
        .replace("&amp;", "&");
    let log = browser.send(&browser.page_at(&link)).await.text();
    assert!(log.matches("class=\"state ready\"").count() == 1, "{log}");

    told(&agent, &["records", "delete", "--all", "--yes"]);
    let by_model = page(&browser, "?range=today&by=model").await;
    assert!(
        !by_model.contains("model=priced"),
        "no record to look at: {by_model}"
    );
    assert!(
        by_model.contains("There are no records to look at; sums stay."),
        "{by_model}"
    );
}

#[tokio::test]
async fn a_row_without_a_name_leads_to_exactly_its_requests() {
    let (_upstream, agent) = served(&["priced"]).await;
    let refused = agent.post("/v1/chat/completions", "{").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let browser = Browser::enter(&agent).await;
    for (by, count) in [("key", 2), ("account", 1)] {
        let page = page(&browser, &format!("?range=today&by={by}")).await;
        let without = page.split("href=\"").find(|rest| {
            rest.starts_with("monitoring?since=") && rest.contains(&format!("&amp;{by}=-\">"))
        });
        let link = without.unwrap_or_else(|| panic!("{page}"));
        let (link, name) = link.split_once("\">").unwrap();
        assert!(name.starts_with("none<"), "{name}");
        let list = browser.page_at(&link.replace("&amp;", "&"));
        let list = browser.send(&list).await.text();
        assert_eq!(list.matches("data-seq=").count(), count, "{by}: {list}");
    }
    let page = page(&browser, "?range=today&by=model&account=-").await;
    assert!(page.contains(">1</a></dd>"), "{page}");
}

#[tokio::test]
async fn what_is_no_day_is_said_beside_the_field() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let empty = page(&browser, "").await;
    assert!(empty.contains("No requests in 7 days."), "{empty}");
    let bad = page(&browser, "?from=%3Cb%3E&to=2026-11-30").await;
    assert!(
        bad.contains("value=\"&lt;b&gt;\"") && bad.contains("aria-invalid=\"true\""),
        "{bad}"
    );
    assert!(bad.contains("Expected days such as 2026-11-29"), "{bad}");
    let free = page(&browser, "?from=2026-11-01&to=2026-11-30").await;
    assert!(free.contains("No requests from 1 Nov"), "{free}");
}
