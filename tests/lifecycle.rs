//! Starting and stopping: ports, signals, streams in flight.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};

use crate::support::Dialect;
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Connection, Ended, Request, exchange};
use crate::support::upstream::{End, Gate, Script, Upstream};

const CHAT: &str = "/v1/chat/completions";
const LAB_STREAM: &str =
    r#"{"model":"lab/m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

fn signal(agent: &Agent, name: &str) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(agent.id().to_string())
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the signal can be sent"
    );
}

/// Waits until the port accepts no connection.
async fn until_closed(agent: &Agent) {
    while TcpStream::connect(agent.address()).is_ok() {
        tokio::task::yield_now().await;
    }
}

/// A program with a stream that is held back after its first record.
async fn streaming(gate: &Gate) -> (Upstream, Agent, Connection) {
    let upstream = Upstream::start().await;
    upstream.always(Script::text().hold_at(400, gate).lenient());
    let base_url = upstream.base_url(Dialect::Chat);
    let lab = format!("[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\n");
    let agent = Agent::start(&format!("port = 0\n{lab}[limits]\nhold_ms = 0\n"));
    let mut stream = Connection::open(agent.address()).await.unwrap();
    stream
        .send(&Request::post(CHAT, LAB_STREAM).bytes("localhost"))
        .await
        .unwrap();
    stream.answer_until(b"\n\n").await;
    (upstream, agent, stream)
}

#[tokio::test]
async fn a_stop_takes_no_more_requests_and_lets_streams_end() {
    let names: &[&str] = if cfg!(target_os = "linux") {
        &["TERM", "INT", "HUP"]
    } else {
        &["TERM", "INT"]
    };
    for name in names {
        let gate = Gate::default();
        let (_upstream, mut agent, mut stream) = streaming(&gate).await;
        let mut idle = Connection::open(agent.address()).await.unwrap();
        idle.send(&Request::get("/healthz").bytes("localhost"))
            .await
            .unwrap();
        assert_eq!(idle.answer().await.status, 200);
        signal(&agent, name);
        assert_eq!(idle.until_closed().await.1, Ended::Cut);
        until_closed(&agent).await;
        gate.open();
        stream.more_until(b"data: [DONE]\n\n").await;
        stream.more_until(b"0\r\n\r\n").await;
        assert_eq!(agent.exit_code(), Some(0), "{name}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let (upstream, mut agent, mut stream) = streaming(&Gate::default()).await;
    signal(&agent, "TERM");
    until_closed(&agent).await;
    signal(&agent, "TERM");
    assert_eq!(agent.exit_code(), Some(0));
    let (bytes, _) = stream.until_closed().await;
    assert!(
        !String::from_utf8_lossy(&bytes).contains("0\r\n\r\n"),
        "a cut answer does not look whole"
    );
    assert_eq!(upstream.end_of(0).await, End::Abandoned);
}

/// A desktop session that ends sends both signals, and waits.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hangup_after_another_signal_cuts_nothing() {
    let gate = Gate::default();
    let (_upstream, mut agent, mut stream) = streaming(&gate).await;
    signal(&agent, "TERM");
    signal(&agent, "HUP");
    until_closed(&agent).await;
    gate.open();
    stream.more_until(b"data: [DONE]\n\n").await;
    assert_eq!(agent.exit_code(), Some(0));
}

/// As with a terminal that was closed, or a parent process that has exited.
#[test]
fn who_no_longer_reads_its_log_does_not_break_it() {
    for arguments in [&["--headless"][..], &[]] {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config.toml"), "port = 0\n").unwrap();
        let mut child = Setup::default()
            .command(home.path())
            .args(arguments)
            .spawn()
            .expect("the program can be started");
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut String::new())
            .unwrap();
        drop(child.stderr.take());
        // That it stops is something that it logs.
        assert!(
            Command::new("kill")
                .arg(child.id().to_string())
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
}

#[tokio::test]
async fn both_families_of_the_loopback_serve() {
    let agent = Agent::start("port = 0\n");
    let six = SocketAddr::from((Ipv6Addr::LOCALHOST, agent.address().port()));
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        assert_eq!(exchange(six, &Request::get("/healthz")).await.status, 200);
    }
    // 127.0.0.2 is this machine too, and not what was bound.
    assert!(TcpStream::connect(("127.0.0.2", agent.address().port())).is_err());
}

#[track_caller]
fn fails_with(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(words), "{said}");
}

/// The first line of an agent whose port is in use.
fn start_on(port: u16) -> String {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), format!("port = {port}\n")).unwrap();
    let mut child = Setup::default()
        .command(home.path())
        .spawn()
        .expect("the program can be started");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    line
}

#[test]
fn a_port_taken_on_either_family_is_told() {
    let four = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = four.local_addr().unwrap().port();
    let said = start_on(port);
    assert!(
        said.contains(&taken(port, "127.0.0.1")) && said.contains("; set `port` or stop it"),
        "{said}"
    );
    let Ok(six) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        return;
    };
    let port = six.local_addr().unwrap().port();
    let said = start_on(port);
    assert!(
        said.contains(&taken(port, "[::1]")) && said.contains("; set `port` or stop it"),
        "{said}"
    );
}

/// How a port of this process is described: with the process, if the system tells it.
fn taken(port: u16, address: &str) -> String {
    if cfg!(target_os = "linux") {
        let name = std::fs::read_to_string("/proc/self/comm").unwrap();
        format!(
            "port {port} is in use by {} ({})",
            name.trim(),
            std::process::id()
        )
    } else {
        format!("port {port} is in use by another process on {address}")
    }
}

/// Otherwise the port's owner would find a request in its log every second.
#[cfg(target_os = "linux")]
#[test]
fn who_has_the_port_is_not_called() {
    let owner = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    start_on(owner.local_addr().unwrap().port());
    owner.set_nonblocking(true).unwrap();
    assert!(
        owner
            .accept()
            .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    );
}

#[test]
fn another_home_on_the_same_port_is_told() {
    let agent = Agent::start("port = 0\n");
    let port = agent.address().port();
    let said = start_on(port);
    assert!(
        said.contains(&format!(
            "port {port} is in use by another aerostat, of another home"
        )),
        "{said}"
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_with_its_place() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), "port = 0\nauth_mode = 7\n").unwrap();
    fails_with(
        &Setup::default().command(home.path()).output().unwrap(),
        "config.toml:2:13: auth_mode: expected one of",
    );
}

/// An address of this machine other than loopback, if it has one.
fn lan_address() -> Option<std::net::IpAddr> {
    // No packet is sent: the system only says from where it would send one.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|address| !address.is_loopback() && !address.is_unspecified())
}

#[tokio::test]
async fn the_lan_is_served_with_keys_only() {
    let open = Agent::start("port = 0\nallow_lan_access = true\n");
    let advice = "allow_lan_access: the LAN is not served while `auth_mode` is `off`: set `auth_mode = \"auto\"`";
    assert!(open.stderr().contains(advice), "{}", open.stderr());
    let keyed = Agent::start("port = 0\nallow_lan_access = true\nauth_mode = \"auto\"\n");
    let key = std::fs::read_to_string(keyed.home().join("local-key")).unwrap();
    let Some(lan) = lan_address() else { return };
    assert!(
        TcpStream::connect((lan, open.address().port())).is_err(),
        "nothing listens on the LAN"
    );
    let address = SocketAddr::from((lan, keyed.address().port()));
    assert_eq!(
        exchange(address, &Request::get("/v1/models")).await.status,
        401
    );
    assert_eq!(
        exchange(
            address,
            &Request::get("/v1/models").header("x-api-key", key.trim())
        )
        .await
        .status,
        200
    );
    assert_eq!(
        exchange(
            address,
            &Request::get("/healthz").header("host", "evil.example")
        )
        .await
        .status,
        421
    );
}

#[tokio::test]
async fn no_secret_is_shown_anywhere() {
    let upstream = Upstream::start().await;
    upstream
        .answer(Script::status(401))
        .answer(Script::text().lenient());
    let base_url = upstream.base_url(Dialect::Chat);
    let lab = format!(
        "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\nkey_env = \"LAB_KEY\"\n"
    );
    let config = format!("port = 0\nauth_mode = \"strict\"\n{lab}");
    let agent = Setup::config(config)
        .env("LAB_KEY", "sk-upstream-secret")
        .env("AEROSTAT_LOG", "trace")
        .start()
        .unwrap();
    let local_key = std::fs::read_to_string(agent.home().join("local-key"))
        .unwrap()
        .trim()
        .to_owned();
    let body = r#"{"model":"lab/m","messages":[{"role":"user","content":"a prompt of nobody's business"}]}"#;
    let request = Request::post(CHAT, body).header("authorization", &format!("Bearer {local_key}"));
    let mut seen = String::new();
    for _ in 0..2 {
        let answer = agent.send(&request).await;
        seen.push_str(&format!("{:?} {}", answer.headers, answer.text()));
    }
    assert_eq!(
        upstream.requests()[0].header("authorization"),
        Some("Bearer sk-upstream-secret")
    );
    seen.push_str(&agent.stderr());
    let arguments = Command::new("ps")
        .args(["-o", "args=", "-p", &agent.id().to_string()])
        .output();
    seen.push_str(&String::from_utf8_lossy(&arguments.unwrap().stdout));
    for secret in [
        "sk-upstream-secret",
        local_key.as_str(),
        "nobody's business",
    ] {
        assert!(!seen.contains(secret), "`{secret}` is in {seen}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_crash_leaves_no_core_dump_unless_a_developer_asks() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    // What the agent starts with: as much as may be.
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Core, all).unwrap();
    let limit_of = |setup: Setup| {
        let agent = setup.start().unwrap_or_else(|why| panic!("{why}"));
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", agent.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core"));
        let words: Vec<String> = line
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        words[4].clone()
    };
    let setup = || Setup::config("port = 0\n");
    assert_eq!(limit_of(setup()), "0");
    if maximum != Some(0) {
        assert_ne!(limit_of(setup().env("AEROSTAT_CORE_DUMPS", "1")), "0");
    }
}
