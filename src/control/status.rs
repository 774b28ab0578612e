//! Whether the agent runs, asked over its own port.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Map, Value};

use super::Resolved;

/// A healthy agent on the same machine answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Stands on every answer of this program, whatever its status.
const OUR_HEADER: &str = "\nx-aerostat-request-id:";

/// What is at the configured port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    NotRunning,
    /// Another program has the port.
    PortTaken,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Status {
    pub state: State,
    /// Where clients are pointed.
    pub base_url: String,
    /// What the agent says about itself; empty where it says so only to those with the key.
    pub health: Map<String, Value>,
}

/// Asks who is at the port.
pub fn status(config: &Resolved) -> Status {
    let (state, health) = probe(config.port);
    Status { state, base_url: format!("http://127.0.0.1:{}", config.port), health }
}

fn probe(port: u16) -> (State, Map<String, Value>) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(stream) = TcpStream::connect_timeout(&address, TIMEOUT) else { return (State::NotRunning, Map::new()) };
    match ask(stream, port) {
        Ok(answer) => read(&answer),
        Err(_) => (State::PortTaken, Map::new()),
    }
}

/// The whole answer to `GET /healthz`. No key is sent: whoever has the port would get it.
fn ask(mut stream: TcpStream, port: u16) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

fn read(answer: &[u8]) -> (State, Map<String, Value>) {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let head = head.to_ascii_lowercase();
    if !head.starts_with("http/1.1 ") || !head.contains(OUR_HEADER) {
        return (State::PortTaken, Map::new());
    }
    let is_ok = head.starts_with("http/1.1 200");
    let health = serde_json::from_str(body).ok().filter(|_| is_ok).unwrap_or_default();
    (State::Running, health)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// The state while a server at the port gives `answer` to one connection.
    fn status_with(answer: &'static str) -> Status {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let config = Resolved { port: listener.local_addr().unwrap().port(), ..Resolved::default() };
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let status = status(&config);
        assert!(server.join().unwrap().starts_with("GET /healthz HTTP/1.1\r\n"));
        status
    }

    #[test]
    fn the_agent_is_known_by_its_header() {
        let status = status_with("HTTP/1.1 200 OK\r\nX-Aerostat-Request-Id: 1\r\n\r\n{\"version\":\"0.1.0\",\"accounts_ready\":2}");
        assert_eq!(status.state, State::Running);
        assert_eq!(status.health["accounts_ready"], 2);
    }

    #[test]
    fn an_agent_that_wants_the_key_still_runs() {
        let status = status_with("HTTP/1.1 401 Unauthorized\r\nx-aerostat-request-id: 1\r\n\r\n{\"error\":{}}");
        assert_eq!((status.state, status.health.len()), (State::Running, 0));
    }

    #[test]
    fn another_program_at_the_port_is_told_apart() {
        assert_eq!(status_with("HTTP/1.1 200 OK\r\n\r\n{\"version\":\"9\"}").state, State::PortTaken);
        assert_eq!(status_with("SSH-2.0-OpenSSH\r\n").state, State::PortTaken);
    }

    #[test]
    fn a_closed_port_is_no_agent() {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        assert_eq!(status(&Resolved { port, ..Resolved::default() }).state, State::NotRunning);
    }
}
