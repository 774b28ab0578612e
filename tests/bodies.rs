//! Bodies that are kept: of which requests, for how long, and without any secret.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::accounts::run;
use crate::support::Dialect;
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Answer, Request};
use crate::support::upstream::{Refusal, Script, Upstream};

const CHAT: &str = "/v1/chat/completions";
/// The key that the upstream takes. It is too short to look like a key.
const SECRET: &str = "sk-upstream-openai";
/// Of an account that is not asked. Nothing tells that it is a key but its value.
const OTHER: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";

fn json_of(home: &Path, line: &str) -> Value {
    let output = run(&Setup::default(), home, &format!("{line} --json"), "");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{line}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn id_of(answer: &Answer) -> String {
    answer.header("x-aerostat-request-id").unwrap().to_owned()
}

fn bodies_of(home: &Path, answer: &Answer) -> Value {
    json_of(home, &format!("explain {} --bodies", id_of(answer)))["bodies"].clone()
}

fn directions(bodies: &Value) -> Vec<&str> {
    let bodies = bodies["bodies"].as_array().unwrap().iter();
    bodies
        .map(|body| body["direction"].as_str().unwrap())
        .collect()
}

fn chat(model: &str, content: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": content}]}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_stored_with_bodies() {
    let upstream = Upstream::start().await;
    let home = Arc::new(tempfile::tempdir().unwrap());
    let config = format!(
        "port = 0\nauth_mode = \"strict\"\n[record]\nbodies = \"all\"\n\
         [providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{}\"\nauth = \"bearer\"\n",
        upstream.base_url(Dialect::Chat)
    );
    std::fs::write(home.path().join("config.toml"), config).unwrap();
    let agent = Setup::default().start_in(home.clone()).unwrap();
    for (name, key) in [("work", SECRET), ("spare", OTHER)] {
        let line = format!("account add lab --name {name} --stdin --keep --insecure-plaintext");
        let added = run(&Setup::default(), home.path(), &line, &format!("{key}\n"));
        assert!(
            added.status.success(),
            "{}",
            String::from_utf8_lossy(&added.stderr)
        );
    }
    run(&Setup::default(), home.path(), "account disable spare", "");
    let local = json_of(home.path(), "key show")["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let made = json_of(home.path(), "key create laptop")["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let prompt =
        format!("my keys: {SECRET} {OTHER} {local} {made} and AIzaSyA-0123456789_abcdefghij");
    let quoted = format!("the token {SECRET} of {OTHER} (Bearer {made}) has expired");
    upstream.always(Script::text().lenient());
    let served = Request::post(CHAT, chat("lab/m", &prompt))
        .header("authorization", &format!("Bearer {local}"))
        .header("user-agent", &format!("program/1 {made}"));
    let mut answers = vec![agent.send(&served).await];
    let in_query = format!("{CHAT}?key={made}&note={OTHER}");
    answers.push(
        agent
            .send(&Request::post(&in_query, chat("lab/m", &prompt)))
            .await,
    );
    upstream.always(Script::error(Refusal::new(400, quoted)).lenient());
    answers.push(agent.send(&served).await);
    answers.push(
        agent
            .send(&Request::post(CHAT, chat("lab/m", &prompt)))
            .await,
    );
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 400, 401]);
    let secrets = [SECRET, OTHER, &local, &made, "AIzaSyA"];
    for answer in &answers {
        let bodies = bodies_of(home.path(), answer);
        assert!(directions(&bodies).len() >= 2, "{bodies:#}");
        let text = bodies.to_string();
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {bodies:#}");
        }
    }
    let bodies = bodies_of(home.path(), &answers[0]);
    let sent = bodies["bodies"][0]["text"].as_str().unwrap();
    assert!(
        sent.contains("my keys: [redacted] [redacted] [redacted] [redacted] and [redacted]"),
        "{sent}"
    );
    assert_eq!(
        directions(&bodies),
        ["client_sent", "went_upstream", "came_back", "client_got"]
    );
    assert_eq!(bodies["comparisons"][0]["verdict"], "same_but_model");
    for file in ["records.db", "records.db-wal"] {
        let bytes = std::fs::read(home.path().join(file)).unwrap_or_default();
        for secret in secrets {
            assert!(
                memchr::memmem::find(&bytes, secret.as_bytes()).is_none(),
                "{secret} in {file}"
            );
        }
    }
    json_of(home.path(), "records bodies off --delete");
    let database = Connection::open(home.path().join("records.db")).unwrap();
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("bodies"), count("requests")), (0, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_errors_alone_and_of_so_many_they_are_kept() {
    let agent = Agent::start("port = 0\n[record]\nbodies = \"errors\"\n");
    let home = agent.home();
    let served = agent.post(CHAT, chat("demo", "hi")).await;
    let refused = agent.post(CHAT, chat("nothing-of-that-name", "hi")).await;
    let unread = agent.post(CHAT, "{").await;
    assert_eq!(directions(&bodies_of(home, &served)), [""; 0]);
    let kept = bodies_of(home, &refused);
    assert_eq!(directions(&kept), ["client_sent", "client_got"]);
    assert_eq!(kept["bodies"][1]["status"], refused.status);
    assert_eq!(bodies_of(home, &unread)["bodies"][0]["text"], "{");
    let agent = Agent::start("port = 0\n");
    let home = agent.home();
    let none = json_of(home, "records bodies --next-failures 1");
    assert_eq!(
        (&none["mode"], &none["failures_left"]),
        (&json!("errors"), &json!(1))
    );
    let first = agent.post(CHAT, "{").await;
    let second = agent.post(CHAT, "{").await;
    assert_eq!(
        directions(&bodies_of(home, &first)),
        ["client_sent", "client_got"]
    );
    assert_eq!(directions(&bodies_of(home, &second)), [""; 0]);
    assert_ne!(
        json_of(home, "status")["records"]["bodies"]["is_asked_for"],
        true
    );
}

/// What a person asks for is not in `config.toml`, and not forgotten with the process.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_holds_over_a_restart() {
    let agent = Agent::start("port = 0\n");
    let home = agent.kept_home();
    let asked = json_of(home.path(), "records bodies all --for 15m");
    assert_eq!(asked["mode"], "all");
    let status = json_of(home.path(), "status")["records"]["bodies"].clone();
    assert_eq!(status["until"], asked["until"]);
    // The store writes within a moment.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    agent.kill();
    let agent = Setup::default().start_in(home.clone()).unwrap();
    let restarted = json_of(home.path(), "status")["records"]["bodies"].clone();
    assert_eq!(restarted, status);
    let answer = agent.post(CHAT, chat("demo", "hi")).await;
    assert_eq!(directions(&bodies_of(home.path(), &answer)).len(), 4);
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    assert_eq!(config, "port = 0\n");
    let back = json_of(home.path(), "records bodies configured");
    assert_eq!(
        (&back["mode"], &back["is_asked_for"]),
        (&json!("off"), &json!(false))
    );
    let output = run(
        &Setup::default(),
        home.path(),
        "records bodies all --for 15x",
        "",
    );
    assert_eq!(output.status.code(), Some(2));
}

/// A request is sent again as it was, and its record names the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_sent_again_where_it_is_whole() {
    let agent = Agent::start("port = 0\n[record]\nbodies = \"all\"\nbody_bytes_max = \"1 KiB\"\n");
    let home = agent.home();
    let first = agent
        .post(CHAT, chat("demo/anthropic", "say it again"))
        .await;
    let command = json_of(home, &format!("explain {} --curl", id_of(&first)))["curl"].clone();
    let command = command.as_str().unwrap();
    assert!(
        command.starts_with(&format!("curl '{}{CHAT}'", agent.base_url())),
        "{command}"
    );
    let again = json_of(home, &format!("resend {}", id_of(&first)));
    assert_eq!(
        (&again["status"], &again["repeats"]),
        (&json!(200), &json!(id_of(&first)))
    );
    let id = again["id"].as_str().unwrap();
    let explained = json_of(home, &format!("explain {id} --bodies"));
    assert_eq!(explained["repeats"], id_of(&first));
    assert_eq!(
        explained["bodies"]["bodies"][0]["text"],
        bodies_of(home, &first)["bodies"][0]["text"]
    );
    let long = agent.post(CHAT, chat("demo", &"long ".repeat(1_000))).await;
    let refused = run(
        &Setup::default(),
        home,
        &format!("resend {}", id_of(&long)),
        "",
    );
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("the end was cut off"), "{why}");
    assert_eq!(refused.status.code(), Some(1));
}

/// A translation is told change by change, each with what explains it.
#[tokio::test(flavor = "multi_thread")]
async fn a_translation_is_compared_by_path() {
    let agent = Agent::start("port = 0\n[record]\nbodies = \"all\"\n");
    let body = json!({
        "model": "demo/anthropic", "seed": 7, "temperature": 1.5,
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello there"}],
    });
    let answer = agent.post(CHAT, body.to_string()).await;
    let bodies = bodies_of(agent.home(), &answer);
    let request = &bodies["comparisons"][0];
    assert_eq!(
        (&request["from"], &request["to"]),
        (&json!("client_sent"), &json!("went_upstream"))
    );
    let changes = request["changes"].as_array().unwrap();
    let change = |path: &str| {
        let is_at = |change: &&Value| change["from"] == path || change["to"] == path;
        changes
            .iter()
            .find(is_at)
            .unwrap_or_else(|| panic!("{path}: {request:#}"))
    };
    let loss =
        |path: &str, kind: &str| json!({"kind": "loss", "loss": {"path": path, "kind": kind}});
    assert_eq!(change("seed")["note"], loss("seed", "dropped"));
    assert_eq!(
        change("temperature")["note"],
        loss("temperature", "adjusted")
    );
    assert_eq!(change("max_tokens")["note"], loss("max_tokens", "added"));
    assert_eq!(change("messages[0].content")["to"], "system[0].text");
    let answer = bodies["comparisons"][1].clone();
    assert_eq!(
        (&answer["from"], &answer["verdict"]),
        (&json!("came_back"), &json!("differs"))
    );
    let explained = json_of(
        agent.home(),
        &format!("explain {}", bodies["id"].as_str().unwrap()),
    );
    assert_eq!(
        explained["losses"][0],
        json!({"path": "seed", "kind": "dropped"})
    );
}
