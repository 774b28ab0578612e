//! Monitoring: the filters in the URL, the list page by page, rows as they come, a request's page.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::support::Dialect::Chat;
use crate::support::agent::{Agent, Setup};
use crate::support::browser::Browser;
use crate::support::raw::{Connection, Ended};
use crate::support::upstream::{Refusal, Script, Upstream, key};

const DEMO: &str = r#"{"model":"demo","messages":[{"role":"user","content":"hi"}]}"#;

fn body(model: &str) -> String {
    let model = serde_json::to_string(model).expect("a text has a form in JSON");
    format!(r#"{{"model":{model},"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

async fn ask(agent: &Agent, model: &str) -> String {
    let answer = agent.post("/v1/chat/completions", body(model)).await;
    let id = answer.header("x-aerostat-request-id");
    id.unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

async fn page(browser: &Browser, path: &str) -> String {
    browser.send(&browser.page_at(path)).await.text()
}

/// The numbers of the rows of a page or a stream, in their order.
fn rows(text: &str) -> Vec<i64> {
    let mut parts = text.split("<tbody data-seq=\"");
    parts.next();
    let number = |part: &str| part.split('"').next().and_then(|seq| seq.parse().ok());
    parts.filter_map(number).collect()
}

fn lab(upstream: &Upstream) -> Setup {
    let base_url = upstream.base_url(Chat);
    let config = format!(
        "port = 0\n[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\nkey_env = \"LAB_KEY\"\n"
    );
    Setup::config(config).env("LAB_KEY", key(Chat))
}

#[tokio::test]
async fn the_first_line_says_how_the_latest_requests_ended() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let text = page(&browser, "monitoring").await;
    assert!(text.contains(">No requests yet.</h1>"), "{text}");
    ask(&agent, "demo").await;
    let text = page(&browser, "monitoring").await;
    assert!(
        text.contains(">The last request was served.</h1>"),
        "{text}"
    );
    ask(&agent, "demo").await;
    ask(&agent, "none-such").await;
    let text = page(&browser, "monitoring").await;
    assert!(
        text.contains(">1 of the last 3 requests failed.</h1>"),
        "{text}"
    );
    assert!(text.contains("class=\"state refused\""), "{text}");
    assert_eq!(rows(&text), [3, 2, 1]);
}

#[tokio::test]
async fn filters_are_in_the_url_and_say_what_they_exclude() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    ask(&agent, "demo").await;
    ask(&agent, "none-such").await;
    let of = async |query: &str| rows(&page(&browser, &format!("monitoring?{query}")).await);
    for (query, expected) in [
        ("ending=done", &[1][..]),
        ("failed=1", &[2]),
        ("ending=failed,refused", &[2]),
        ("cause=no_such_model", &[2]),
        ("blame=client&since=1h", &[2]),
        ("account=demo", &[1]),
        ("account=-", &[2]),
        ("asked=none-such", &[2]),
        ("model=demo&provider=demo", &[1]),
        ("until=2020-01-01", &[]),
    ] {
        assert_eq!(of(query).await, expected, "{query}");
    }
    let text = page(&browser, "monitoring?account=demo&client=nothing").await;
    assert!(text.contains(">No request matches.</h1>"), "{text}");
    assert!(
        text.contains("Without Client “nothing” there are 1."),
        "{text}"
    );
    assert!(
        text.contains("monitoring?account=demo\">Show them"),
        "{text}"
    );
    assert!(
        text.contains("<option value=\"nothing\" selected"),
        "kept: {text}"
    );
}

#[tokio::test]
async fn a_filter_that_means_nothing_keeps_what_was_typed() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let wrong = browser.page_at("monitoring?since=%3Ctomorrow%22&account=work&blame=moon");
    let answer = browser.send(&wrong).await;
    let text = answer.text();
    assert_eq!(answer.status, 422, "{text}");
    assert!(text.contains("value=\"&lt;tomorrow&quot;\""), "{text}");
    assert!(
        text.contains("aria-invalid=\"true\" aria-describedby=\"since-error\""),
        "{text}"
    );
    assert!(text.contains("<option value=\"work\" selected"), "{text}");
    assert!(text.contains("expected whose fault it was"), "{text}");
    let stream = browser.send(&browser.page_at("live?since=never")).await;
    assert_eq!(stream.status, 422);
}

#[tokio::test]
async fn pages_meet_without_a_gap_in_both_directions() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    for _ in 0..60 {
        ask(&agent, "demo").await;
    }
    let first = page(&browser, "monitoring?model=demo").await;
    assert_eq!(rows(&first), (11..=60).rev().collect::<Vec<_>>());
    assert!(first.contains("model=demo&amp;before=11"), "{first}");
    let older = page(&browser, "monitoring?model=demo&before=11").await;
    assert_eq!(rows(&older), (1..=10).rev().collect::<Vec<_>>());
    assert!(older.contains("model=demo&amp;after=10"), "{older}");
    assert!(!older.contains("data-live="), "an older page stands still");
    let newer = page(&browser, "monitoring?model=demo&after=10").await;
    assert_eq!(rows(&newer), rows(&first));
}

#[tokio::test]
async fn a_page_of_fifty_rows_is_small() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    for at in 0..50 {
        ask(&agent, if at % 2 == 0 { "demo" } else { "none-such" }).await;
    }
    let text = page(&browser, "monitoring").await;
    assert_eq!(rows(&text).len(), 50);
    assert!(text.len() <= 60_000, "{} bytes", text.len());
}

/// A stream that is open.
struct Stream(Connection);

impl Stream {
    async fn open(browser: &Browser, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = browser.page_at(&format!("live{query}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let connection = Connection::open(browser.address).await.unwrap();
        let mut connection = connection.patience(Duration::from_secs(10));
        let bytes = request.bytes(&browser.address.to_string());
        connection.send(&bytes).await.unwrap();
        let head = connection.answer_until(b"retry: 3000\n\n").await;
        assert_eq!(head.status, 200, "{}", head.text());
        assert_eq!(head.content_type(), "text/event-stream");
        assert!(head.header("content-security-policy").is_some());
        Self(connection)
    }

    async fn event(&mut self) -> String {
        let bytes = self.0.more_until(b"\n\n").await;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[tokio::test]
async fn rows_come_as_they_are_recorded_and_resume_after_a_break() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    ask(&agent, "demo").await;
    let text = page(&browser, "monitoring").await;
    assert!(text.contains("data-last=\"1\""), "{text}");
    let mut stream = Stream::open(&browser, "?after=1", None).await;
    ask(&agent, "demo").await;
    let event = stream.event().await;
    assert!(event.contains("id: 2\nevent: rows\n"), "{event}");
    assert_eq!(rows(&event), [2]);

    let mut failures = Stream::open(&browser, "?failed=1&after=2", None).await;
    ask(&agent, "demo").await;
    ask(&agent, "none-such").await;
    assert_eq!(rows(&failures.event().await), [4], "the filter holds");

    let mut resumed = Stream::open(&browser, "?after=1", Some("2")).await;
    assert_eq!(rows(&resumed.event().await), [4, 3]);
    let mut foreign = Stream::open(&browser, "", Some("400")).await;
    assert!(foreign.event().await.contains("event: stale"));
}

#[tokio::test]
async fn ticks_tell_that_something_was_recorded_and_nothing_else() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let mut stream = Stream::open(&browser, "?ticks=1", None).await;
    ask(&agent, "demo").await;
    let event = stream.event().await;
    assert!(event.contains("event: tick\ndata:\n"), "{event}");
}

#[tokio::test]
async fn a_busy_stream_has_few_frames_and_says_what_it_leaves_out() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let mut stream = Stream::open(&browser, "?after=0", None).await;
    // A tab that does not read holds up no other.
    let _unread = Stream::open(&browser, "?after=0", None).await;
    let began = Instant::now();
    let asked = async {
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let address = agent.address();
            senders.spawn(async move { ask_many(address, 100).await });
        }
        senders.join_all().await
    };
    let seen = async {
        let (mut frames, mut listed, mut left_out) = (0_u32, 0, 0);
        while listed + left_out < 800 {
            let event = stream.event().await;
            frames += 1;
            let shown = rows(&event).len();
            assert!(shown <= 40, "{shown} rows in a frame");
            listed += shown;
            left_out += event
                .split("and ")
                .nth(1)
                .and_then(|rest| rest.split(' ').next())
                .and_then(|count| count.parse::<usize>().ok())
                .unwrap_or(0);
        }
        (frames, listed + left_out)
    };
    let (_, (frames, told)) = tokio::join!(asked, seen);
    assert_eq!(told, 800, "each request is listed or counted");
    let quarters = began.elapsed().as_millis() / 250 + 1;
    assert!(
        u128::from(frames) <= quarters,
        "{frames} frames in {quarters} quarters"
    );
}

async fn ask_many(address: std::net::SocketAddr, count: usize) {
    let request = crate::support::raw::Request::post("/v1/chat/completions", DEMO);
    let bytes = request.bytes(&address.to_string());
    let mut connection = Connection::open(address).await.unwrap();
    for _ in 0..count {
        connection.send(&bytes).await.unwrap();
        assert_eq!(connection.answer().await.status, 200);
    }
}

/// The status of a stream that is asked for and closed again.
async fn stream_status(browser: &Browser) -> u16 {
    let mut connection = Connection::open(browser.address).await.unwrap();
    let request = browser.page_at("live").bytes(&browser.address.to_string());
    connection.send(&request).await.unwrap();
    // Of `retry`, or of the refusal.
    connection.answer_until(b"r").await.status
}

#[tokio::test]
async fn streams_are_few_and_leave_room_for_pages() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(Stream::open(&browser, "?after=0", None).await);
    }
    let refused = browser.send(&browser.page_at("live")).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    let pages = (0..8).map(|_| page(&browser, "monitoring"));
    for text in futures_util::future::join_all(pages).await {
        assert!(text.contains("data-live="), "{text}");
    }
    drop(streams);
    let is_open = async {
        while stream_status(&browser).await != 200 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(5), is_open)
        .await
        .expect("a closed tab gives its place back");
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_with_the_agent() {
    let mut agent = Agent::start("port = 0\n");
    let (browser, other) = (Browser::enter(&agent).await, Browser::enter(&agent).await);
    let mut ended = Stream::open(&browser, "", None).await;
    let mut open = Stream::open(&other, "", None).await;
    browser.send(&browser.form("sign-out", "")).await;
    let (rest, how) = ended.0.until_closed().await;
    assert!(rest.ends_with(b"0\r\n\r\n"), "{how:?} {rest:?}");
    let refused = browser.send(&browser.page_at("live")).await;
    assert_eq!(refused.status, 403);

    ask(&agent, "demo").await;
    assert_eq!(rows(&open.event().await), [1], "another's stays");
    agent.sigterm();
    assert_eq!(agent.exit_code(), Some(0), "the drain does not wait for it");
    let (_, how) = open.0.until_closed().await;
    assert!(!matches!(how, Ended::Stalled), "{how:?}");
}

#[tokio::test]
async fn a_request_is_explained_with_its_attempts() {
    let upstream = Upstream::start().await;
    let agent = lab(&upstream).start().unwrap_or_else(|why| panic!("{why}"));
    let browser = Browser::enter(&agent).await;
    let hostile = "<script>alert(1)</script>\"><img src=x> a\u{202e}b";
    upstream.answer(Script::error(Refusal::new(400, hostile)).lenient());
    let id = ask(&agent, "lab/m").await;
    let list = page(&browser, "monitoring").await;
    assert!(list.contains(&format!("href=\"requests/{id}\"")), "{list}");
    let text = page(&browser, &format!("requests/{id}")).await;
    assert!(
        text.contains("<h1 aria-live=\"polite\">Failed after "),
        "{text}"
    );
    assert!(text.contains("◁ "), "whose fault: {text}");
    assert!(text.contains("<svg class=\"plot\""), "{text}");
    assert!(text.contains("lab · 400"), "{text}");
    assert!(text.contains("&lt;script&gt;alert(1)"), "{text}");
    assert!(
        !text.contains("<script>") && !text.contains('\u{202e}'),
        "{text}"
    );
    assert!(!text.contains("style="), "{text}");
}

#[tokio::test]
async fn names_that_clients_make_up_are_text_everywhere() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let mut stream = Stream::open(&browser, "?after=0", None).await;
    let long = "y".repeat(2_000);
    let hostile = format!("<img src=x onerror=alert(1)>\"'\u{202e}\r\n\n{long}");
    let id = ask(&agent, &hostile).await;
    let event = stream.event().await;
    assert_eq!(rows(&event), [1]);
    assert_eq!(
        event.matches("\ndata: ").count(),
        1,
        "one line a row: {event}"
    );
    let list = page(&browser, "monitoring").await;
    let own = page(&browser, &format!("requests/{id}")).await;
    for text in [&event, &list, &own] {
        assert!(
            text.contains("&lt;img src=x onerror=alert(1)&gt;"),
            "{text}"
        );
        assert!(
            !text.contains("<img src=x") && !text.contains('\u{202e}'),
            "{text}"
        );
    }
    assert!(
        !list.contains(&"y".repeat(400)),
        "a row shows its beginning"
    );
}

#[tokio::test]
async fn a_request_that_is_not_known_is_said_to_be_so() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    for id in ["0123456789abcdef01234567", "%3Cb%3E", "a%2Fb"] {
        let answer = browser
            .send(&browser.page_at(&format!("requests/{id}")))
            .await;
        let text = answer.text();
        assert_eq!(answer.status, 404, "{text}");
        assert!(
            text.contains("There is no record of this request."),
            "{text}"
        );
        assert!(
            text.contains("kept for 30 days, failed ones for 90"),
            "{text}"
        );
        assert!(!text.contains("<b>"), "{text}");
    }
}

#[tokio::test]
async fn a_client_that_left_is_neither_served_nor_failed() {
    let upstream = Upstream::start().await;
    let agent = lab(&upstream).start().unwrap_or_else(|why| panic!("{why}"));
    let browser = Browser::enter(&agent).await;
    upstream.answer(Script::text().stall_before_head());
    let mut connection = Connection::open(agent.address()).await.unwrap();
    let request = crate::support::raw::Request::post("/v1/chat/completions", body("lab/m"));
    let bytes = request.bytes(&agent.address().to_string());
    connection.send(&bytes).await.unwrap();
    while upstream.requests().is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    let mut stream = Stream::open(&browser, "?after=0", None).await;
    connection.reset();
    let event = stream.event().await;
    assert!(
        event.contains("<span class=\"state left\">left early"),
        "{event}"
    );
    let text = page(&browser, "monitoring").await;
    assert!(!text.contains("state failed"), "{text}");
}

#[tokio::test]
async fn bodies_are_offered_and_then_shown_with_what_differs() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let id = ask(&agent, "demo/openai_chat").await;
    let own = format!("requests/{id}");
    let text = page(&browser, &own).await;
    assert!(text.contains("Bodies are not kept."), "{text}");
    let kept = browser.form(&format!("{own}/keep"), "how=failures");
    assert_eq!(browser.send(&kept).await.status, 303);
    let text = page(&browser, &own).await;
    assert!(text.contains("for 10 more failures"), "{text}");
    let minutes = browser.form(&format!("{own}/keep"), "how=minutes");
    browser.send(&minutes).await;

    let hostile = r#"{"model":"demo/openai_chat","max_tokens":9,"messages":[{"role":"user","content":"<script>\"\u202e"}]}"#;
    let answer = agent.post("/v1/messages", hostile).await;
    let id = answer.header("x-aerostat-request-id").unwrap_or_default();
    let text = page(&browser, &format!("requests/{id}")).await;
    for part in [
        "client sent",
        "went upstream, attempt 1",
        "came back",
        "client got",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("the model's name"), "{text}");
    assert!(
        text.contains("&lt;script&gt;") && !text.contains("<script>"),
        "{text}"
    );
    assert!(
        !text.contains('\u{202e}') && !text.contains("style="),
        "{text}"
    );

    assert!(text.contains("curl 'http://127.0.0.1:"), "{text}");
    let again = browser.form(&format!("requests/{id}/again"), "");
    let sent = browser.send(&again).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let second = sent.header("location").unwrap_or_default();
    let (_, second) = second.rsplit_once('/').expect("a path");
    let repeated = page(&browser, &format!("requests/{second}")).await;
    assert!(
        second != id && repeated.contains(&format!("/requests/{id}\"")),
        "{repeated}"
    );

    let back = browser.form(&format!("requests/{id}/keep"), "how=configured");
    assert_eq!(browser.send(&back).await.status, 303);
    let forged = browser.page_at(&format!("requests/{id}/keep"));
    assert_eq!(
        browser.send(&forged).await.status,
        404,
        "a form alone changes it"
    );
}
