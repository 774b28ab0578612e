//! The agent's spine: one agent per home, its socket, and the verbs through it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::Dialect;
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Connection, Request};
use crate::support::upstream::{Gate, Script, Upstream};

fn run(home: &Path, line: &str) -> Output {
    let setup = line
        .split_whitespace()
        .fold(Setup::default(), |setup, argument| setup.arg(argument));
    setup
        .command(home)
        .output()
        .expect("the program can be started")
}

fn json(home: &Path, line: &str) -> Value {
    let output = run(home, &format!("{line} --json"));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("facts of `{line}` are JSON: {}", said(&output)))
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[track_caller]
fn succeeds(home: &Path, line: &str) -> String {
    let output = run(home, line);
    assert_eq!(output.status.code(), Some(0), "{line}: {}", said(&output));
    said(&output)
}

/// Asks until the agent stands so: a state changes when it changes.
fn until_state(home: &Path, state: &str) -> Value {
    loop {
        let status = json(home, "status");
        if status["state"] == state {
            return status;
        }
    }
}

#[test]
fn a_second_start_says_where_the_first_runs_and_succeeds() {
    let agent = Agent::start("port = 0\n");
    let second = run(agent.home(), "--headless");
    assert_eq!(second.status.code(), Some(0));
    assert!(
        said(&second).contains(&format!("runs already, in process {}", agent.id())),
        "{}",
        said(&second)
    );
    assert!(
        said(&second).contains(&agent.base_url()),
        "{}",
        said(&second)
    );
}

#[test]
fn a_killed_agent_blocks_nobody() {
    let agent = Agent::start("port = 0\n");
    let home = agent.kept_home();
    agent.kill();
    assert_eq!(json(home.path(), "status")["state"], "not_running");
    assert_eq!(run(home.path(), "status").status.code(), Some(3));
    let next = Setup::default().start_in(home).unwrap();
    assert_eq!(json(next.home(), "status")["pid"], next.id());
}

#[test]
fn status_tells_what_scripts_need() {
    let agent = Agent::start("port = 0\n");
    let status = json(agent.home(), "status");
    assert_eq!(
        (&status["state"], &status["wanted"]),
        (&json!("running"), &json!("running"))
    );
    assert_eq!(
        (&status["base_url"], &status["pid"]),
        (&json!(agent.base_url()), &json!(agent.id()))
    );
    assert_eq!(status["socket"], json!(agent.home().join("control.sock")));
    let beside: Value =
        serde_json::from_slice(&fs::read(agent.home().join("lock.json")).unwrap()).unwrap();
    assert_eq!(
        (&beside["pid"], &beside["port"]),
        (&json!(agent.id()), &json!(agent.address().port()))
    );
}

#[test]
fn stop_closes_the_port_and_start_opens_it_again() {
    let port = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let agent = Agent::start(&format!("port = {port}\n"));
    assert!(succeeds(agent.home(), "stop").contains("stopped: the port is closed"));
    assert!(TcpStream::connect(agent.address()).is_err());
    assert_eq!(json(agent.home(), "status")["state"], "stopped");
    assert!(succeeds(agent.home(), "start").contains(&agent.base_url()));
    TcpStream::connect(agent.address()).expect("the port is open");
}

#[test]
fn what_is_wanted_survives_a_restart() {
    let port = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let agent = Agent::start(&format!("port = {port}\n"));
    let home = agent.kept_home();
    succeeds(home.path(), "stop");
    agent.kill();
    let mut next = Setup::default().command(home.path()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(next.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(
        line.contains("stopped: the port is closed; `aerostat start` opens it"),
        "{line}"
    );
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    succeeds(home.path(), "start");
    TcpStream::connect(("127.0.0.1", port)).expect("the port is open");
    succeeds(home.path(), "quit");
    assert_eq!(next.wait().unwrap().code(), Some(0));
}

#[test]
fn quit_ends_the_agent_before_it_returns() {
    let mut agent = Agent::start("port = 0\n");
    assert!(succeeds(agent.home(), "quit").contains("the agent has ended"));
    assert_eq!(agent.exit_code(), Some(0));
    assert!(!agent.home().join("control.sock").exists());
    assert_eq!(run(agent.home(), "quit").status.code(), Some(3));
}

#[test]
fn a_taken_port_is_a_state_that_ends_when_it_frees() {
    let other = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = other.local_addr().unwrap().port();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.toml"), format!("port = {port}\n")).unwrap();
    let mut agent = Setup::default().command(home.path()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(agent.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let status = json(home.path(), "status");
    assert_eq!(
        (&status["state"], &status["port"]),
        (&json!("port_in_use"), &json!(port))
    );
    assert!(
        status["detail"]
            .as_str()
            .unwrap()
            .contains(&format!("port {port} is in use by "))
    );
    drop(other);
    until_state(home.path(), "running");
    succeeds(home.path(), "quit");
    assert_eq!(agent.wait().unwrap().code(), Some(0));
}

#[test]
fn the_port_can_be_changed_while_it_is_taken() {
    let other = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = other.local_addr().unwrap().port();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.toml"), format!("port = {port}\n")).unwrap();
    let mut agent = Setup::default().command(home.path()).spawn().unwrap();
    BufReader::new(agent.stdout.take().unwrap())
        .read_line(&mut String::new())
        .unwrap();
    succeeds(home.path(), "config set port 0");
    assert_ne!(until_state(home.path(), "running")["port"], json!(port));
    succeeds(home.path(), "quit");
    assert_eq!(agent.wait().unwrap().code(), Some(0));
}

/// An agent with a stream that is held back after its first record, and how long it may take to
/// stop.
///
/// The client speaks another dialect than the provider, so that only whole records reach it.
async fn streaming(gate: &Gate, drain_seconds: u32) -> (Upstream, Agent, Connection) {
    let upstream = Upstream::start().await;
    upstream.always(Script::text().hold_at(400, gate).lenient());
    let base_url = upstream.base_url(Dialect::Chat);
    let lab = format!("[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\n");
    let agent = Agent::start(&format!(
        "port = 0\n{lab}[limits]\nhold_ms = 0\ndrain_timeout_seconds = {drain_seconds}\n"
    ));
    let mut stream = Connection::open(agent.address()).await.unwrap();
    let body = r#"{"model":"lab/m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    stream
        .send(&Request::post("/v1/messages", body).bytes("localhost"))
        .await
        .unwrap();
    stream.answer_until(b"\n\n").await;
    (upstream, agent, stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_answers_under_way() {
    let gate = Gate::default();
    let (_upstream, agent, mut stream) = streaming(&gate, 60).await;
    let home = agent.kept_home();
    let stopping = tokio::task::spawn_blocking(move || succeeds(home.path(), "stop"));
    let home = agent.kept_home();
    let status = tokio::task::spawn_blocking(move || until_state(home.path(), "draining"))
        .await
        .unwrap();
    assert_eq!(status["wanted"], "stopped");
    assert!(TcpStream::connect(agent.address()).is_err());
    gate.open();
    stream.more_until(b"event: message_stop").await;
    drop(stream);
    assert!(stopping.await.unwrap().contains("stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_to_end_is_cut_with_words() {
    let gate = Gate::default();
    let (_upstream, agent, mut stream) = streaming(&gate, 1).await;
    let home = agent.kept_home();
    let stopping = tokio::task::spawn_blocking(move || succeeds(home.path(), "stop"));
    let rest = stream.more_until(b"0\r\n\r\n").await;
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("event: error"), "{rest}");
    assert!(
        rest.contains("aerostat was stopped before the answer had ended"),
        "{rest}"
    );
    assert!(stopping.await.unwrap().contains("stopped"));
}

#[test]
fn the_socket_is_this_persons_alone() {
    let agent = Agent::start("port = 0\n");
    let found = fs::metadata(agent.home().join("control.sock")).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    for name in ["aerostat.db", "lock", "lock.json"] {
        assert_eq!(
            fs::metadata(agent.home().join(name))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600,
            "{name}"
        );
    }
}

#[test]
fn a_home_with_a_long_path_has_its_socket_elsewhere() {
    let above = tempfile::tempdir().unwrap();
    let runtime = tempfile::tempdir().unwrap();
    let home = above.path().join("x".repeat(120));
    fs::create_dir(&home).unwrap();
    fs::write(home.join("config.toml"), "port = 0\n").unwrap();
    let setup = Setup::default().env("XDG_RUNTIME_DIR", runtime.path().to_str().unwrap());
    let mut agent = setup.command(&home).spawn().unwrap();
    BufReader::new(agent.stdout.take().unwrap())
        .read_line(&mut String::new())
        .unwrap();
    let status = setup
        .arg("status")
        .arg("--json")
        .command(&home)
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["state"], "running");
    let socket = Path::new(status["socket"].as_str().unwrap());
    assert!(socket.starts_with(runtime.path()) && socket.exists());
    agent.kill().unwrap();
    agent.wait().unwrap();
}

/// What the agent answers to these bytes, until it closes or says a line.
fn answer_to(agent: &Agent, bytes: &[u8]) -> String {
    let mut socket = UnixStream::connect(agent.home().join("control.sock")).unwrap();
    // It may close before all is written: then what it said is still there.
    let _ = socket.write_all(bytes);
    let mut line = String::new();
    let _ = BufReader::new(&socket).read_line(&mut line);
    line
}

#[test]
fn garbage_on_the_socket_harms_nobody() {
    let agent = Agent::start("port = 0\n");
    for garbage in [
        "\n",
        "GET / HTTP/1.1\r\n\r\n",
        "{}\n",
        "{\"aerostat\":2}\n",
        "{\"aerostat\":2,\"verb\":\"fly\",\"request\":{}}\n",
        "{\"aerostat\":2,\"verb\":\"account_show\",\"request\":{\"name\":1}}\n",
        "\0\u{fffd}\n",
    ] {
        assert!(
            answer_to(&agent, garbage.as_bytes()).contains("\"error\""),
            "{garbage:?}"
        );
    }
    for other in [
        "{\"aerostat\":1,\"ask\":{\"verb\":\"status\"}}\n",
        "{\"aerostat\":3,\"verb\":\"fly\",\"request\":{}}\n",
    ] {
        let answer = answer_to(&agent, other.as_bytes());
        assert!(answer.contains("this agent is version"), "{answer}");
    }
    assert_eq!(
        answer_to(&agent, &vec![b'x'; 9 << 20]),
        "",
        "a line without an end is given up"
    );
    let _silent = UnixStream::connect(agent.home().join("control.sock")).unwrap();
    assert_eq!(json(agent.home(), "status")["state"], "running");
}

#[test]
fn one_connection_may_ask_several_times() {
    let agent = Agent::start("port = 0\n");
    let mut socket = UnixStream::connect(agent.home().join("control.sock")).unwrap();
    let ask = b"{\"aerostat\":2,\"verb\":\"status\",\"request\":{}}\n";
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    for _ in 0..3 {
        socket.write_all(ask).unwrap();
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.contains("\"state\":\"running\""), "{line}");
    }
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(lines.read_to_string(&mut String::new()).unwrap(), 0);
}

#[tokio::test]
async fn a_made_key_opens_the_port_until_it_is_revoked() {
    let agent = Agent::start("port = 0\nauth_mode = \"strict\"\n");
    let made = json(agent.home(), "key create laptop");
    let key = made["key"].as_str().unwrap().to_owned();
    let models = Request::get("/v1/models").header("x-api-key", &key);
    assert_eq!(agent.send(&models).await.status, 200);
    let stored = fs::read(agent.home().join("aerostat.db-wal")).unwrap();
    assert!(
        !stored
            .windows(key.len())
            .any(|window| window == key.as_bytes()),
        "the key itself is not stored"
    );
    succeeds(agent.home(), "key revoke laptop");
    assert_eq!(agent.send(&models).await.status, 401);
}

#[test]
fn verbs_say_the_same_with_and_without_an_agent() {
    let agent = Agent::start("port = 0\n[providers.ollama]\n[providers.openai]\n");
    let home = agent.kept_home();
    succeeds(home.path(), "key create laptop");
    let lines = [
        "key list",
        "key list --json",
        "provider list",
        "provider list --json",
        "model try demo",
        "key revoke nobody",
    ];
    let with: Vec<(Option<i32>, String)> = lines
        .map(|line| run(home.path(), line))
        .map(|output| (output.status.code(), said(&output)))
        .into();
    succeeds(home.path(), "quit");
    drop(agent);
    let without = lines
        .map(|line| run(home.path(), line))
        .map(|output| (output.status.code(), said(&output)));
    assert_eq!(with, without);
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let agent = Agent::start("port = 0\n");
    let home = agent.kept_home();
    succeeds(home.path(), "quit");
    // The version is the big-endian number at byte 60 of the file: SQLite, "Database File Format",
    // section 1.3.
    let path = home.path().join("aerostat.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&7_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    for line in ["", "key list"] {
        let output = run(home.path(), line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(
            said(&output).contains("`aerostat.db` is of version 7, which a newer aerostat made"),
            "{}",
            said(&output)
        );
    }
}
