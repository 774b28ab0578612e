//! How the agent stands; where none runs, what answers at its port.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::agent::DesiredState;
use super::socket_path::SocketPath;
use crate::config::{Config, Home};
use crate::host::loopback_http::{self, LoopbackResponse};
use crate::host::{self, port_owner};
use crate::language::Said;
use crate::modes::AuthMode;
use crate::outcome::Timestamp;
use crate::status::{
    AgentStatus, Attention, MetricsStatus, PortOwner, PortStatus, local_url, timestamp,
};
use crate::store::records::RecordsStatus;

/// A healthy agent on the same machine answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);
const RESPONSE_BYTES_MAX: u64 = 64 * 1024;
/// Every response of this program has it, whatever its status.
const OUR_HEADER: &str = "\nx-aerostat-request-id:";

/// The agent as people and scripts see it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Status {
    /// In JSON also `state`, `detail` and `is_exposed`, for scripts.
    #[serde(flatten)]
    pub agent: AgentStatus,
    /// Where clients are pointed.
    pub base_url: String,
    /// The open port, or else the configured one.
    pub port: u16,
    /// Whether the user wants the port open.
    #[serde(rename = "wanted")]
    pub desired: Option<DesiredState>,
    pub pid: Option<u32>,
    pub version: Option<String>,
    pub home: String,
    /// The control socket.
    pub socket: String,
    pub accounts: Option<AccountCounts>,
    /// What is wrong with the configuration file as it is now, while an older one is active.
    #[serde(rename = "config_trouble")]
    pub config_error: Option<Said>,
    /// The line of the file that is wrong, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_error_line: Option<usize>,
    /// What needs the user, the most urgent first.
    #[serde(default)]
    pub attention: Vec<Attention>,
    /// Why other machines are not served, where the configuration asks for it.
    #[serde(default)]
    pub lan_refused: Option<Said>,
    /// The port of the metrics.
    #[serde(default, skip_serializing_if = "MetricsStatus::is_off")]
    pub metrics: MetricsStatus,
    /// How the records of requests stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordsStatus>,
    /// The authentication in force, where an agent runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auth_mode: Option<String>,
    /// Notes of the pool's state that were not stored, because the disk was too slow.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub notes_dropped: u64,
    /// Requests that were refused, and answers that were given up, because the bodies in memory
    /// were too many in sum.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bodies_refused: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "for serde")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AccountCounts {
    pub total: usize,
    pub ready: usize,
    /// How many need the user.
    pub attention: usize,
    /// How many are not switched off.
    #[serde(default)]
    pub enabled: usize,
    /// How many of those can serve now.
    #[serde(default)]
    pub can_serve: usize,
    /// Until when none can serve, where that ends by itself.
    #[serde(default, with = "timestamp::option")]
    pub cooling_until: Option<Timestamp>,
}

/// The result of a start.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    pub status: Status,
    /// Whether this is the agent, or one that ran already.
    pub is_new: bool,
}

impl Status {
    /// Of a running agent.
    pub fn running(
        port: PortStatus,
        desired: DesiredState,
        config: &Config,
        home: &Home,
        socket: &SocketPath,
    ) -> Self {
        Self {
            desired: Some(desired),
            pid: Some(std::process::id()),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            auth_mode: Some(config.auth_mode.name().to_owned()),
            ..Self::at(
                port.number().unwrap_or(config.port),
                AgentStatus::Running { port },
                home,
                socket,
            )
        }
    }

    /// The authentication in force, where an agent runs.
    pub fn auth_mode(&self) -> Option<AuthMode> {
        self.auth_mode.as_deref().and_then(AuthMode::by_name)
    }

    /// Where no agent runs: says who has the port instead.
    pub fn not_running(config: &Config, home: &Home, socket: &SocketPath) -> Self {
        let port = config.port;
        let owner = match probe(port, TIMEOUT) {
            Found::Nothing => None,
            Found::Aerostat => Some(PortOwner::Aerostat),
            Found::Other => Some(match port_owner(port) {
                Some(host::PortOwner { name, pid }) => PortOwner::Program { name, pid },
                None => PortOwner::Unknown,
            }),
        };
        Self::at(port, AgentStatus::NotRunning { port, owner }, home, socket)
    }

    fn at(port: u16, agent: AgentStatus, home: &Home, socket: &SocketPath) -> Self {
        Self {
            agent,
            base_url: local_url(port),
            port,
            home: home.folder().display().to_string(),
            socket: socket.path().display().to_string(),
            ..Self::default()
        }
    }
}

/// What answers at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Aerostat,
    Other,
}

/// Asks what answers at a port of this machine. Blocks; each step takes up to `timeout`.
pub fn probe(port: u16, timeout: Duration) -> Found {
    probe_at(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), timeout)
}

/// Asks what answers at an address of this machine, as [`probe`]. No key is sent: the program at
/// the port would get it. The host is one that our guard refuses, so that it counts as no request.
pub(super) fn probe_at(address: SocketAddr, timeout: Duration) -> Found {
    let Ok(stream) = TcpStream::connect_timeout(&address, timeout) else {
        return Found::Nothing;
    };
    let host = "probe.invalid";
    let health = loopback_http::get(stream, host, "/healthz", &[], timeout, RESPONSE_BYTES_MAX);
    health.map_or(Found::Other, |response| classify(&response))
}

fn classify(response: &LoopbackResponse) -> Found {
    let head = response.head.to_ascii_lowercase();
    let is_ours = head.starts_with("http/1.1 ") && head.contains(OUR_HEADER);
    if is_ours {
        Found::Aerostat
    } else {
        Found::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
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
            Found::Aerostat
        );
        assert_eq!(
            found_with(
                "HTTP/1.1 401 Unauthorized\r\nx-aerostat-request-id: 1\r\n\r\n{\"error\":{}}"
            ),
            Found::Aerostat
        );
    }

    #[test]
    fn another_program_at_the_port_is_told_apart() {
        assert_eq!(
            found_with("HTTP/1.1 200 OK\r\n\r\n{\"version\":\"9\"}"),
            Found::Other
        );
        assert_eq!(found_with("SSH-2.0-OpenSSH\r\n"), Found::Other);
    }

    #[test]
    fn nobody_is_at_a_closed_port() {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        assert_eq!(probe(port, TIMEOUT), Found::Nothing);
    }
}
