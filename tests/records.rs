//! Records and their sums: what a killed agent leaves on the disk, and what `log` and `stats` say.

#[path = "bench/records/filler.rs"]
mod filler;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::agent::{Agent, Setup};
use crate::support::browser::Browser;

/// How many requests are sent; `AEROSTAT_TEST_REQUESTS` says otherwise.
const REQUESTS: usize = 1_000;
const CONNECTIONS: usize = 32;

/// Records are on the disk after this long, whatever happens to the agent.
const WRITTEN_AFTER: Duration = Duration::from_secs(1);

fn json_of(home: &Path, arguments: &[&str]) -> Value {
    let setup = arguments
        .iter()
        .fold(Setup::default().arg("--json"), |setup, argument| {
            setup.arg(argument)
        });
    let output = setup.command(home).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {stderr}"))
}

/// Sends a request for the demo and returns the id of a whole answer.
async fn ask(address: SocketAddr, number: usize) -> Option<String> {
    let dialect = ["openai_chat", "anthropic"][number % 2];
    let model = if number.is_multiple_of(9) {
        "nothing-of-that-name".to_owned()
    } else {
        format!("demo/{dialect}")
    };
    let body = format!(
        r#"{{"model":"{model}","stream":{},"messages":[{{"role":"user","content":"hi"}}]}}"#,
        number.is_multiple_of(3)
    );
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nuser-agent: program-{}/1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        number % 4,
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let ends = answer.ends_with("\r\n0\r\n\r\n") || answer.contains("content-length:");
    let (_, rest) = answer.split_once("x-aerostat-request-id: ")?;
    ends.then(|| rest[..24].to_owned())
}

/// Sends requests by several connections until there are enough, or the agent is gone. Returns the
/// answered ones with their times.
async fn storm(
    address: SocketAddr,
    next: Arc<AtomicUsize>,
    until: usize,
) -> Vec<(String, Instant)> {
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let next = next.clone();
        connections.spawn(async move {
            let mut answered = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= until {
                    return answered;
                }
                match ask(address, number).await {
                    Some(id) => answered.push((id, Instant::now())),
                    None => return answered,
                }
            }
        });
    }
    connections.join_all().await.concat()
}

type Group = (i64, i64, i64, i64);

/// Requests, failures, input and output by a dimension.
fn groups(database: &Connection, sql: &str) -> BTreeMap<i64, Group> {
    let mut select = database.prepare(sql).unwrap();
    let rows = select.query_map([], |row| {
        Ok((
            row.get(0)?,
            (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?),
        ))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn assert_sums_are_of_records(database: &Connection) {
    // A model that no upstream was asked for stands under none.
    for (of_record, of_rollup) in [
        ("0", "0"),
        ("coalesce(account, 0)", "account"),
        ("coalesce(provider, 0)", "provider"),
        ("coalesce(model, 0)", "model"),
        ("coalesce(key, 0)", "key"),
        ("coalesce(agent, 0)", "agent"),
        ("tier", "tier"),
        ("received_us / 900000000", "quarter"),
    ] {
        let records = groups(
            database,
            &format!(
                "SELECT {of_record}, count(*), sum(ending >= 2), coalesce(sum(input), 0), coalesce(sum(output), 0)
                FROM requests GROUP BY 1"
            ),
        );
        let sums = groups(
            database,
            &format!(
                "SELECT {of_rollup}, sum(requests), sum(failed + refused), sum(input), sum(output) FROM rollup GROUP BY 1"
            ),
        );
        assert_eq!(records, sums, "{of_rollup}");
    }
}

/// The agent is killed in the middle of many requests and started again.
#[tokio::test(flavor = "multi_thread")]
async fn sums_are_those_of_the_records_after_a_kill() {
    let count = std::env::var("AEROSTAT_TEST_REQUESTS").ok();
    let count = count.map_or(REQUESTS, |count| count.parse().unwrap());
    let agent = Agent::start("port = 0\n");
    let home = agent.kept_home();
    let next = Arc::new(AtomicUsize::new(0));
    let mut storming = JoinSet::new();
    storming.spawn(storm(agent.address(), next.clone(), count));
    while next.load(Ordering::Relaxed) < count / 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let killed_at = Instant::now();
    agent.kill();
    let answered = storming.join_all().await.concat();
    // A command without an agent makes rows of what is packed.
    json_of(home.path(), &["records"]);
    let database = || Connection::open(home.path().join("records.db")).unwrap();
    assert_sums_are_of_records(&database());
    let has = |database: &Connection, id: &str| {
        let sql = "SELECT count(*) FROM requests WHERE hex(id) = upper(?1)";
        let found: i64 = database.query_row(sql, [id], |row| row.get(0)).unwrap();
        found == 1
    };
    for (id, at) in &answered {
        if killed_at.saturating_duration_since(*at) > WRITTEN_AFTER {
            assert!(has(&database(), id), "{id} is missing");
        }
    }
    let agent = Setup::default().start_in(home.clone()).unwrap();
    next.store(count / 2, Ordering::Relaxed);
    let later = storm(agent.address(), next, count).await;
    assert_eq!(later.len(), count - count / 2);
    // The agent writes what it has before it answers.
    let total = json_of(home.path(), &["stats"])["total"].clone();
    json_of(home.path(), &["records"]);
    assert_sums_are_of_records(&database());
    assert!(later.iter().all(|(id, _)| has(&database(), id)));
    let records: u64 = database()
        .query_row("SELECT count(*) FROM requests", [], |row| {
            row.get::<_, i64>(0)
        })
        .unwrap()
        .cast_unsigned();
    assert_eq!(total["requests"], records);
    assert!(total["refused"].as_u64().unwrap() > 0, "{total}");
}

/// One request is listed with what became of it, and a failure with its reason.
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_listed_and_summed_up() {
    let agent = Agent::start("port = 0\n");
    let home = agent.home().to_owned();
    let served = ask(agent.address(), 1).await.unwrap();
    let refused = ask(agent.address(), 9).await.unwrap();
    let unread = agent.post("/v1/chat/completions", "{").await;
    let unread = unread.header("x-aerostat-request-id").unwrap().to_owned();
    agent.get("/v1/nothing").await;
    agent.get("/healthz").await;
    let log = json_of(&home, &["log"]);
    let rows = log["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "{log:#}");
    let row = |id: &str| rows.iter().find(|row| row["id"] == id).unwrap();
    let done = row(&served);
    assert_eq!(
        (&done["ending"], &done["provider"], &done["client"]),
        (&"done".into(), &"demo".into(), &"program-1".into())
    );
    assert_eq!(done["why"], Value::Null);
    assert_eq!(done["cost"]["text"], "free");
    let failure = row(&refused);
    assert_eq!(
        (&failure["ending"], &failure["cause"], &failure["blame"]),
        (&"refused".into(), &"no_such_model".into(), &"client".into())
    );
    assert_eq!(
        failure["why"],
        "no rule and no provider has a model `nothing-of-that-name`; see what the name becomes: \
         `aerostat model try nothing-of-that-name`"
    );
    assert_eq!(row(&unread)["cause"], "bad_request");
    let failed = json_of(&home, &["log", "--failed"]);
    assert_eq!(failed["rows"].as_array().unwrap().len(), 3);
    let explained = json_of(&home, &["explain", &refused]);
    let sentence = format!(
        "{}; {}",
        explained["why"].as_str().unwrap(),
        explained["advice"].as_str().unwrap()
    );
    assert_eq!(
        failure["why"], sentence,
        "the list says what `explain` says"
    );
    let stats = json_of(&home, &["stats", "--by", "client"]);
    assert_eq!(stats["total"]["requests"], 4);
    assert_eq!(stats["health_checks"], 1);
    assert_eq!(stats["total"]["refused"], 3);
    let status = json_of(&home, &["status"]);
    assert_eq!(status["records"]["not_recorded"], 0);
}

/// A file that is no database costs no request, and is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_stops_the_recording_and_no_request() {
    let home = Arc::new(tempfile::tempdir().unwrap());
    std::fs::write(home.path().join("config.toml"), "port = 0\n").unwrap();
    std::fs::write(home.path().join("records.db"), "no database ".repeat(500)).unwrap();
    let agent = Setup::default().start_in(home.clone()).unwrap();
    assert!(ask(agent.address(), 1).await.is_some());
    let status = json_of(home.path(), &["status"]);
    assert_eq!(
        status["records"]["problem"]["kind"], "damaged",
        "{status:#}"
    );
    assert_eq!(status["attention"][0]["kind"], "records_stopped");
}

/// A month of many accounts, models and keys: what a page grows with.
#[tokio::test]
async fn a_page_of_fifty_rows_stays_light() {
    let home = Arc::new(tempfile::tempdir().unwrap());
    std::fs::write(home.path().join("config.toml"), "port = 0\n").unwrap();
    let now = std::time::SystemTime::now();
    let path = home.path().join("records.db");
    filler::fill(&path, filler::Shape::Worst, 24_000, now).await;
    let agent = Setup::default().start_in(home).unwrap();
    let browser = Browser::enter(&agent).await;
    for page in [
        "",
        "monitoring",
        "monitoring?failed=1",
        "statistics?range=today",
        "statistics?range=30d",
        "statistics?range=30d&by=model",
        "statistics?range=30d&by=account&show=cost",
        "statistics?range=12m&by=model",
        "settings",
    ] {
        for language in ["en", "de"] {
            let request = browser.page_at(page).header("accept-language", language);
            let answer = browser.send(&request).await;
            assert_eq!(answer.status, 200, "{page}");
            let bytes = answer.text().len();
            assert!(bytes < 60_000, "{page} in {language}: {bytes} bytes");
        }
    }
}

/// Not a test but a tool: fills `records.db` in the home that `AEROSTAT_FILL` names, to look at
/// pages with a hundred thousand records. `AEROSTAT_FILL_SHAPE=person` fills it with one person's
/// year, `AEROSTAT_FILL_RECORDS` says how many there are.
#[tokio::test]
#[ignore = "it fills the home that AEROSTAT_FILL names"]
async fn fill() {
    let home = std::env::var("AEROSTAT_FILL").expect("AEROSTAT_FILL names a home");
    let shape = match std::env::var("AEROSTAT_FILL_SHAPE").as_deref() {
        Ok("person") => filler::Shape::Person,
        _ => filler::Shape::Worst,
    };
    let records = match std::env::var("AEROSTAT_FILL_RECORDS") {
        Ok(count) => count.parse().expect("a number of records"),
        Err(_) => shape.records(),
    };
    let path = Path::new(&home).join("records.db");
    filler::fill(&path, shape, records, std::time::SystemTime::now()).await;
}
