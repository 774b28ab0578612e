//! Keys with limits: what each limit refuses, in which words, until when, and that it holds through
//! restarts, changes and kills.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::guard::{GENERATIONS, fault};
use crate::support::Dialect;
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Answer, Request};

const STRICT: &str = "port = 0\nauth_mode = \"strict\"\n";

fn run(home: &Path, arguments: &[&str]) -> std::process::Output {
    let setup = arguments
        .iter()
        .fold(Setup::default(), |setup, argument| setup.arg(argument));
    setup.command(home).output().unwrap()
}

#[track_caller]
fn json(home: &Path, arguments: &[&str]) -> Value {
    let output = run(home, &[&["--json"], arguments].concat());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {stderr}"))
}

/// Makes a key with these limits, and returns it.
#[track_caller]
fn create(home: &Path, name: &str, limits: &[&str]) -> String {
    let made = json(home, &[&["key", "create", name], limits].concat());
    made["key"].as_str().unwrap().to_owned()
}

/// What `key list` says of a key.
#[track_caller]
fn listed(home: &Path, name: &str) -> Value {
    let keys = json(home, &["key", "list"]);
    let keys = keys.as_array().unwrap();
    keys.iter().find(|key| key["name"] == name).unwrap().clone()
}

fn used(home: &Path, name: &str) -> Vec<u64> {
    let key = listed(home, name);
    let limits = key["limits"].as_array().unwrap();
    limits
        .iter()
        .map(|limit| limit["used"].as_u64().unwrap())
        .collect()
}

/// A zone whose midnight is hours away.
fn zone() -> &'static str {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let hour = since.unwrap().as_secs() / 3_600 % 24;
    if (2..22).contains(&hour) {
        "UTC"
    } else {
        "Asia/Tokyo"
    }
}

fn seconds_until(moment: &Value) -> u64 {
    let at: jiff::Timestamp = moment.as_str().unwrap().parse().unwrap();
    let wait = SystemTime::from(at).duration_since(SystemTime::now());
    wait.unwrap_or_default().as_secs()
}

async fn ask(agent: &Agent, key: &str, dialect: Dialect) -> Answer {
    let (_, path, body) = GENERATIONS
        .into_iter()
        .find(|(known, ..)| *known == dialect)
        .unwrap();
    let request = Request::post(path, body).header("authorization", &format!("Bearer {key}"));
    agent.send(&request).await
}

#[tokio::test]
async fn each_limit_refuses_in_each_dialect_until_its_reset() {
    let agent = Agent::start(STRICT);
    let home = agent.home();
    std::fs::write(
        home.join("prices.toml"),
        "[[price]]\nprovider = \"demo\"\nmodel = \"*\"\ninput = 300\noutput = 1500\n",
    )
    .unwrap();
    let limits = [
        ("1 requests/day", "1 request a day"),
        ("1 requests/month", "1 request a month"),
        ("1 tokens/day", "1 token a day"),
        ("1 tokens/month", "1 token a month"),
        ("0.0001 dollars/day", "$0.0001 a day"),
        ("0.0001 dollars/month", "$0.0001 a month"),
    ];
    for (number, (budget, words)) in limits.into_iter().enumerate() {
        for (dialect, ..) in GENERATIONS {
            let name = format!("k{number}-{dialect:?}");
            let budget = format!("{budget} {}", zone());
            let key = create(home, &name, &["--budget", &budget]);
            let crossing = ask(&agent, &key, dialect).await;
            assert_eq!(crossing.status, 200, "{}", crossing.text());
            let refused = ask(&agent, &key, dialect).await;
            let message = fault(&refused, dialect, 429);
            let start = format!("key `{name}`: {words}, used; resets ");
            assert!(message.starts_with(&start), "{message}");
            assert!(message.contains(&format!("({})", zone())), "{message}");
            let facts = &listed(home, &name)["limits"][0];
            assert_eq!(facts["is_used_up"], true, "{facts}");
            assert_waits(&refused, &facts["resets_at"]);
        }
    }
}

/// The client is to come back when the limit resets, to the second.
#[track_caller]
fn assert_waits(refused: &Answer, resets_at: &Value) {
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    let expected = seconds_until(resets_at);
    assert!(
        (expected..=expected + 5).contains(&after),
        "{after}, {expected}"
    );
}

#[tokio::test]
async fn requests_a_minute_are_refused_until_the_minute_ends() {
    let agent = Agent::start(STRICT);
    for (dialect, ..) in GENERATIONS {
        let name = format!("{dialect:?}");
        let key = create(agent.home(), &name, &["--requests-per-minute", "1"]);
        let mut refused = None;
        // The minute may end between two of them.
        for _ in 0..3 {
            let answer = ask(&agent, &key, dialect).await;
            if answer.status != 200 {
                refused = Some(answer);
                break;
            }
        }
        let refused = refused.expect("one is too many");
        let message = fault(&refused, dialect, 429);
        assert!(
            message.starts_with(&format!("key `{name}`: 1 request a minute, used; resets ")),
            "{message}"
        );
        let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&after), "{after}");
        // A list of models asks no upstream.
        let models = Request::get("/v1/models").header("x-api-key", &key);
        assert_eq!(agent.send(&models).await.status, 200);
    }
}

#[tokio::test]
async fn an_expired_key_and_a_model_that_is_not_allowed_are_final() {
    let agent = Agent::start(STRICT);
    let home = agent.home();
    let soon = jiff::Timestamp::try_from(SystemTime::now() + Duration::from_secs(4)).unwrap();
    let short = create(home, "short", &["--expires", &soon.to_string()]);
    assert_eq!(ask(&agent, &short, Dialect::Chat).await.status, 200);
    let narrow = create(home, "narrow", &["--model", "gpt-5", "--model", "claude-*"]);
    for (dialect, ..) in GENERATIONS {
        let refused = ask(&agent, &narrow, dialect).await;
        let message = fault(&refused, dialect, 403);
        assert_eq!(
            message,
            "key `narrow`: it may not use the model `demo`, only `gpt-5`, `claude-*`"
        );
        assert_eq!(refused.header("retry-after"), None);
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    for (dialect, ..) in GENERATIONS {
        let refused = ask(&agent, &short, dialect).await;
        let message = fault(&refused, dialect, 401);
        assert!(message.starts_with("key `short`: expired "), "{message}");
        assert_eq!(refused.header("retry-after"), None);
    }
    assert_eq!(listed(home, "short")["is_expired"], true);
    assert_eq!(listed(home, "short")["refused_today"], GENERATIONS.len());
    let log = json(home, &["log", "--failed"]);
    let rows = log["rows"].as_array().unwrap();
    let why = |cause: &str| {
        let row = rows.iter().find(|row| row["cause"] == cause).unwrap();
        row["why"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        why("model_not_allowed"),
        "the client's key `narrow` may not use `demo`; allow it with `aerostat key set narrow --model …`, \
         or choose another model in the client"
    );
    assert!(why("key_expired").starts_with("the client's key `short` has expired; give it longer"));
}

/// Lists show what the key may use, and no place in a large body hides another model.
#[tokio::test]
async fn allowed_models_hold_in_lists_and_in_the_middle_of_a_body() {
    let rules = "[[models]]\nname = \"small\"\nuse = [\"demo/demo\"]\n[[models]]\nname = \"large\"\nuse = [\"demo/demo\"]\n";
    let agent = Agent::start(&format!("{STRICT}{rules}"));
    let key = create(agent.home(), "narrow", &["--model", "s*"]);
    let list = Request::get("/v1/models").header("x-api-key", &key);
    let list = agent.send(&list).await.json();
    let ids: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|card| card["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["small"]);
    let show = |name: &str| Request::get(&format!("/v1/models/{name}")).header("x-api-key", &key);
    assert_eq!(agent.send(&show("small")).await.status, 200);
    assert_eq!(agent.send(&show("large")).await.status, 403);
    let padding = "x".repeat(100_000);
    let message = format!(r#""messages":[{{"role":"user","content":"{padding}"}}]"#);
    let middle = format!(r#"{{"model":"small","a":"{padding}","model":"large",{message}}}"#);
    let small = format!(r#"{{"model":"small",{message}}}"#);
    let fallback = small.replacen('{', r#"{"models":["small","large"],"#, 1);
    for (body, status) in [(middle, 403), (fallback, 403), (small, 200)] {
        let request = Request::post("/v1/chat/completions", body).header("x-api-key", &key);
        let answer = agent.send(&request).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

/// Killed right after an answer, and without any record: the count is there.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_survives_a_kill_without_records() {
    let config = format!("{STRICT}[record]\nenabled = false\n");
    let mut agent = Agent::start(&config);
    let home = agent.kept_home();
    let budgets = ["5 requests/month", "1000000 tokens/month"];
    let budgets = budgets.map(|budget| format!("{budget} {}", zone()));
    let key = create(
        home.path(),
        "ci",
        &["--budget", &budgets[0], "--budget", &budgets[1]],
    );
    let mut tokens = Vec::new();
    for round in 1..=5 {
        assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 200);
        agent.kill();
        let [requests, used] = used(home.path(), "ci")[..] else {
            panic!("two budgets");
        };
        assert_eq!(requests, round);
        tokens.push(used);
        agent = Setup::default().start_in(home.clone()).unwrap();
    }
    // The same request uses the same tokens.
    let expected: Vec<u64> = (1..=5).map(|round| round * tokens[0]).collect();
    assert_eq!(tokens, expected);
    assert!(tokens[0] > 0);
    assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 429);
    let refused = listed(home.path(), "ci");
    assert_eq!(refused["refused_today"], 1);
    assert!(refused["last_used_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_requests_are_let_in_at_once_than_are_left() {
    let agent = std::sync::Arc::new(Agent::start(STRICT));
    let budget = format!("7 requests/day {}", zone());
    let key = create(agent.home(), "ci", &["--budget", &budget]);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (agent, key) = (agent.clone(), key.clone());
        asking.spawn(async move { ask(&agent, &key, Dialect::Chat).await.status });
    }
    let mut statuses = asking.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[..7], [200; 7]);
    assert_eq!(statuses[7..], [429; 33]);
    assert_eq!(used(agent.home(), "ci"), [7]);
}

#[tokio::test]
async fn changed_limits_hold_at_once_and_a_revoked_key_opens_nothing() {
    let agent = Agent::start(STRICT);
    let home = agent.home();
    let budget = format!("1 requests/day {}", zone());
    let key = create(home, "ci", &["--budget", &budget]);
    assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 200);
    assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 429);
    let raised = format!("2 requests/day {}", zone());
    let facts = json(home, &["key", "set", "ci", "--budget", &raised]);
    assert_eq!(
        (&facts["limits"][0]["used"], &facts["limits"][0]["max"]),
        (&1.into(), &2.into())
    );
    assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 200);
    assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 429);
    json(home, &["key", "set", "ci", "--budget", "none"]);
    assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 200);
    json(home, &["key", "revoke", "ci"]);
    assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 401);
    let again = create(home, "ci", &["--budget", &budget]);
    assert_eq!(used(home, "ci"), [0]);
    assert_eq!(ask(&agent, &again, Dialect::Chat).await.status, 200);
}

#[tokio::test]
async fn without_authentication_a_known_key_is_limited_and_others_are_not() {
    let agent = Agent::start("port = 0\n");
    let budget = format!("1 requests/day {}", zone());
    let key = create(agent.home(), "ci", &["--budget", &budget]);
    assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 200);
    assert_eq!(ask(&agent, &key, Dialect::Chat).await.status, 429);
    for _ in 0..2 {
        assert_eq!(ask(&agent, "sk-unknown", Dialect::Chat).await.status, 200);
    }
    let (_, path, body) = GENERATIONS[0];
    assert_eq!(agent.post(path, body).await.status, 200);
    let stats = json(agent.home(), &["stats", "--by", "key"]);
    let of_key = stats["rows"].as_array().unwrap().iter();
    let of_key = of_key.filter(|row| row["keys"][0] == "ci");
    assert_eq!(
        of_key
            .map(|row| row["requests"].as_u64().unwrap())
            .sum::<u64>(),
        2
    );
}

#[test]
fn wrong_limits_say_what_would_be_right() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), "port = 0\n").unwrap();
    for (limits, said) in [
        (&["--budget", "5 euros/day"][..], "5.50 dollars/month"),
        (&["--budget", "5 tokens/day Mars"], "`Mars` is no time zone"),
        (&["--model", "a*b*"], "at most one `*`"),
        (&["--expires", "2020-01-01"], "is over"),
        (&["--requests-per-minute", "0"], "from 1 on"),
    ] {
        let output = run(home.path(), &[&["key", "create", "ci"], limits].concat());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
    for arguments in [
        &["key", "set", "local", "--requests-per-minute", "1"][..],
        &["key", "create", "local"],
    ] {
        let output = run(home.path(), arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains("the home's own key"), "{stderr}");
    }
    assert_eq!(
        json(home.path(), &["key", "list"]),
        Value::Array(Vec::new())
    );
}
