//! `/metrics` from the outside: what is counted, who may read it, and what a taken port costs.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::support::Dialect::Chat;
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Answer, Request, exchange};
use crate::support::upstream::{Script, Upstream};

const CHAT: &str = "/v1/chat/completions";
const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PATIENCE: Duration = Duration::from_secs(15);

fn body(model: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#)
}

fn status(agent: &Agent) -> Value {
    let setup = Setup::default().arg("status").arg("--json");
    let output = setup.command(agent.home()).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Where `status` says that the metrics are.
pub fn address(agent: &Agent) -> Option<SocketAddr> {
    let port = status(agent)["metrics"]["port"].as_u64()?;
    Some(([127, 0, 0, 1], u16::try_from(port).unwrap()).into())
}

async fn get(address: SocketAddr) -> Answer {
    exchange(address, &Request::get("/metrics")).await
}

/// Asks until the text has such a line: a request is counted once its response has ended.
pub async fn line(address: SocketAddr, line: &str) -> String {
    let asking = async {
        loop {
            let text = get(address).await.text();
            if text.lines().any(|found| found == line) {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(text) => text,
        Err(_) => panic!("no line `{line}` in:\n{}", get(address).await.text()),
    }
}

/// Looks until `check` holds.
async fn until(what: &str, mut check: impl FnMut() -> bool) {
    let looking = async {
        while !check() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn requests_are_counted_by_what_served_them() {
    let upstream = Upstream::start().await;
    upstream.always(Script::text().lenient());
    let agent = Agent::start(&format!(
        "port = 0\nmetrics_port = 0\n[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{}\"\nmodels = [\"m\"]\n",
        upstream.base_url(Chat)
    ));
    let address = address(&agent).unwrap();
    for model in ["lab/m", "lab/m", "nothing-of-that-name"] {
        agent.post(CHAT, body(model)).await;
    }
    let text = line(
        address,
        r#"aerostat_requests_total{dialect="openai_chat",provider="",model="",ending="refused"} 1"#,
    )
    .await;
    for expected in [
        r#"aerostat_requests_total{dialect="openai_chat",provider="lab",model="m",ending="done"} 2"#,
        r#"aerostat_attempts_total{provider="lab",outcome="served"} 2"#,
        r#"aerostat_request_duration_seconds_count{dialect="openai_chat",provider="lab"} 2"#,
        r#"aerostat_accounts{provider="lab",state="ready"} 1"#,
        "aerostat_in_flight 0",
        "aerostat_records_dropped_total 0",
    ] {
        assert!(
            text.lines().any(|line| line == expected),
            "{expected}\n{text}"
        );
    }
    assert!(!text.contains("nothing-of-that-name"), "{text}");
    assert!(text.contains("aerostat_store_bytes "), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn what_a_clients_key_may_not_is_counted_by_the_limit() {
    let agent = Agent::start("port = 0\nmetrics_port = 0\nauth_mode = \"strict\"\n");
    let create = "key create ci --requests-per-minute 1 --json".split(' ');
    let create = create.fold(Setup::default(), Setup::arg);
    let made = create.command(agent.home()).output().unwrap().stdout;
    let made: Value = serde_json::from_slice(&made).unwrap();
    let key = format!("Bearer {}", made["key"].as_str().unwrap());
    let request = Request::post(CHAT, body("demo")).header("authorization", &key);
    for expected in [200, 429] {
        assert_eq!(agent.send(&request).await.status, expected);
    }
    let refused = r#"aerostat_client_limits_total{limit="requests_minute"} 1"#;
    let text = line(address(&agent).unwrap(), refused).await;
    assert!(!text.contains("ci\""), "no key is named: {text}");
}

#[tokio::test]
async fn the_page_is_read_only_and_for_this_machine() {
    let agent = Agent::start("port = 0\nmetrics_port = 0\nallowed_hosts = [\"box.lan\"]\n");
    let address = address(&agent).unwrap();
    let status = async |request: Request| exchange(address, &request).await.status;
    let answer = get(address).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(TYPE))
    );
    let head = exchange(address, &Request::new("HEAD", "/metrics")).await;
    assert_eq!((head.status, head.text()), (200, String::new()));

    let of = |name, value| Request::get("/metrics").header(name, value);
    assert_eq!(status(of("host", "evil.example")).await, 421);
    assert_eq!(status(of("host", "box.lan")).await, 200);
    assert_eq!(status(of("origin", "https://evil.example")).await, 403);
    assert_eq!(status(of("sec-fetch-site", "cross-site")).await, 403);
    assert_eq!(status(Request::get("/")).await, 404);
    assert_eq!(status(Request::get("/v1/models")).await, 404);
    let posted = exchange(address, &Request::post("/metrics", "{}")).await;
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET, HEAD"))
    );
    assert_eq!(
        agent.get("/metrics").await.status,
        404,
        "not on the API port"
    );
}

#[tokio::test]
async fn a_taken_port_is_said_and_costs_nothing_else() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let agent = Agent::start(&format!("port = 0\nmetrics_port = {port}\n"));
    assert_eq!(agent.post(CHAT, body("demo")).await.status, 200);
    let facts = status(&agent);
    assert_eq!(facts["metrics"]["kind"], "unavailable", "{facts}");
    assert_eq!(
        facts["attention"][0]["kind"], "metrics_unavailable",
        "{facts}"
    );
    let output = Setup::default()
        .arg("status")
        .command(agent.home())
        .output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    let needed = format!("on port {port}, or set another `metrics_port`");
    assert!(said.contains(&needed), "{said}");
    drop(taken);
    until("the port is opened once it is free", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
    .await;
    until("and the problem is over", || {
        status(&agent)["metrics"]["kind"] == "open"
    })
    .await;
}

#[tokio::test]
async fn a_port_is_not_opened_twice() {
    let said = Setup::config("port = 8045\nmetrics_port = 8045\n")
        .start()
        .expect_err("the file is wrong");
    assert!(
        said.contains("metrics_port: expected another port than `port`"),
        "{said}"
    );
}
