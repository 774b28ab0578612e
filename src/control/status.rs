//! How the agent stands; where none runs, who has its port.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::agent::{Serving, Wanted};
use super::socket_path::SocketPath;
use crate::config::{Config, Home};
use crate::host::port_owner;

/// A healthy agent on the same machine answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Stands on every answer of this program, whatever its status.
const OUR_HEADER: &str = "\nx-aerostat-request-id:";

/// How the agent of this home stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Starting,
    Running,
    Draining,
    Stopped,
    /// The agent runs, and waits for its port.
    PortInUse,
    /// The agent runs, and the system does not let it open its port.
    PortRefused,
    Ending,
    NotRunning,
    /// No agent runs, and another program has the port.
    PortTaken,
}

/// The agent as people and scripts see it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Status {
    pub state: State,
    /// A sentence about the state, with what to do where something is to be done.
    pub detail: String,
    /// Where clients are pointed.
    pub base_url: String,
    pub port: u16,
    /// Whether a person wants the port open.
    pub wanted: Option<Wanted>,
    pub pid: Option<u32>,
    pub version: Option<String>,
    pub home: String,
    /// Where the agent is told what to do.
    pub socket: String,
    pub accounts: Option<AccountCounts>,
    /// What is wrong with the configuration file as it is now, while an older one is in force.
    pub config_trouble: Option<String>,
    /// Whether other machines are served.
    #[serde(default)]
    pub is_exposed: bool,
    /// Why they are not, where the configuration asks for it.
    #[serde(default)]
    pub lan_refused: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AccountCounts {
    pub total: usize,
    pub ready: usize,
    /// How many need a person.
    pub attention: usize,
}

/// What a start came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    pub status: Status,
    /// Whether this is the agent, or one that ran already.
    pub is_new: bool,
}

impl Status {
    /// Of a running agent.
    pub fn of(
        serving: &Serving,
        wanted: Wanted,
        config: &Config,
        home: &Home,
        place: &SocketPath,
    ) -> Self {
        let port = if let Serving::Running { port, .. } = serving {
            *port
        } else {
            config.port
        };
        let base_url = base_url(port);
        let (state, detail) = match serving {
            Serving::Starting => (State::Starting, "starting".to_owned()),
            Serving::Running { refused: None, .. } => {
                (State::Running, format!("running at {base_url}"))
            }
            Serving::Running {
                refused: Some(refused),
                ..
            } => (
                State::Running,
                format!(
                    "running at {base_url}, and not as configured: {}",
                    refused.why
                ),
            ),
            Serving::Draining => (
                State::Draining,
                "stopping: the port is closed, the last answers are on their way".to_owned(),
            ),
            Serving::Stopped => (
                State::Stopped,
                "stopped: the port is closed; `aerostat start` opens it".to_owned(),
            ),
            Serving::Blocked(refused) => {
                let (state, until) = if refused.is_in_use {
                    (State::PortInUse, " until it is free")
                } else {
                    (State::PortRefused, "")
                };
                (state, format!("{}; it is tried again{until}", refused.why))
            }
            Serving::Ending => (State::Ending, "about to end".to_owned()),
        };
        Self {
            state,
            detail,
            base_url,
            port,
            wanted: Some(wanted),
            pid: Some(std::process::id()),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            home: home.folder().display().to_string(),
            socket: place.path().display().to_string(),
            accounts: None,
            config_trouble: None,
            is_exposed: false,
            lan_refused: None,
        }
    }

    /// Where no agent runs: says who has the port instead, if anybody has.
    pub fn without_agent(config: &Config, home: &Home, place: &SocketPath) -> Self {
        let base_url = base_url(config.port);
        let (state, detail) = match probe(config.port, TIMEOUT) {
            Found::Nobody => (
                State::NotRunning,
                format!("not running: nothing answers at {base_url}"),
            ),
            Found::Ours => (
                State::PortTaken,
                format!(
                    "not running: an aerostat of another home has the port of {base_url}; set another `port`"
                ),
            ),
            Found::Another => {
                let who = port_owner(config.port).unwrap_or_else(|| "another program".to_owned());
                (
                    State::PortTaken,
                    format!(
                        "not running: {who} has the port of {base_url}; stop it or set another `port`"
                    ),
                )
            }
        };
        Self {
            state,
            detail,
            base_url,
            port: config.port,
            wanted: None,
            pid: None,
            version: None,
            home: home.folder().display().to_string(),
            socket: place.path().display().to_string(),
            accounts: None,
            config_trouble: None,
            is_exposed: false,
            lan_refused: None,
        }
    }
}

fn base_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Who is at the configured port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nobody,
    /// One of us.
    Ours,
    Another,
}

/// Asks who is at a port of this machine. Blocks for as long as each step may take.
pub fn probe(port: u16, timeout: Duration) -> Found {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(stream) = TcpStream::connect_timeout(&address, timeout) else {
        return Found::Nobody;
    };
    ask(stream, port, timeout).map_or(Found::Another, |answer| read(&answer))
}

/// The whole answer to `GET /healthz`. No key is sent: whoever has the port would get it.
fn ask(mut stream: TcpStream, port: u16, timeout: Duration) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let request =
        format!("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

fn read(answer: &[u8]) -> Found {
    let head = String::from_utf8_lossy(answer)
        .split("\r\n\r\n")
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_ours = head.starts_with("http/1.1 ") && head.contains(OUR_HEADER);
    if is_ours { Found::Ours } else { Found::Another }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::agent::Refused;
    use std::net::TcpListener;

    /// Who is found while a server at the port gives `answer` to one connection.
    fn found_with(answer: &'static str) -> Found {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let found = probe(port, TIMEOUT);
        assert!(
            server
                .join()
                .unwrap()
                .starts_with("GET /healthz HTTP/1.1\r\n")
        );
        found
    }

    #[test]
    fn one_of_us_is_known_by_its_header() {
        assert_eq!(
            found_with("HTTP/1.1 200 OK\r\nX-Aerostat-Request-Id: 1\r\n\r\n{}"),
            Found::Ours
        );
        assert_eq!(
            found_with(
                "HTTP/1.1 401 Unauthorized\r\nx-aerostat-request-id: 1\r\n\r\n{\"error\":{}}"
            ),
            Found::Ours
        );
    }

    #[test]
    fn another_program_at_the_port_is_told_apart() {
        assert_eq!(
            found_with("HTTP/1.1 200 OK\r\n\r\n{\"version\":\"9\"}"),
            Found::Another
        );
        assert_eq!(found_with("SSH-2.0-OpenSSH\r\n"), Found::Another);
    }

    #[test]
    fn a_port_that_nobody_has_is_not_waited_for() {
        let home = Home::at("/h");
        let of = |is_in_use| {
            let refused = Refused {
                port: 80,
                why: "no".to_owned(),
                is_in_use,
            };
            let place = SocketPath::of(&home, &|_| None);
            let status = Status::of(
                &Serving::Blocked(refused),
                Wanted::Running,
                &Config::default(),
                &home,
                &place,
            );
            (status.state, status.detail)
        };
        assert_eq!(
            of(true),
            (
                State::PortInUse,
                "no; it is tried again until it is free".to_owned()
            )
        );
        assert_eq!(
            of(false),
            (State::PortRefused, "no; it is tried again".to_owned())
        );
    }

    #[test]
    fn nobody_is_at_a_closed_port() {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        assert_eq!(probe(port, TIMEOUT), Found::Nobody);
    }
}
