//! One small request to a program on this machine, such as the API port: HTTP/1.1, read to its end.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What a program on this machine answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopbackResponse {
    /// Status line and headers as they came, without the empty line behind them.
    pub head: String,
    pub body: Vec<u8>,
}

impl LoopbackResponse {
    /// The status. `None` where what came is no HTTP.
    pub fn status(&self) -> Option<u16> {
        let rest = self.head.strip_prefix("HTTP/1.")?;
        rest.get(2..5)?.parse().ok()
    }
}

/// Asks for `path` at a host of that name, with further header lines, each `name: value`. Blocks;
/// each read takes up to `timeout`. At most `bytes_max` are read.
///
/// # Errors
/// When the connection breaks before its end.
pub fn get(
    mut stream: TcpStream,
    host: &str,
    path: &str,
    headers: &[String],
    timeout: Duration,
    bytes_max: u64,
) -> io::Result<LoopbackResponse> {
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    stream.take(bytes_max).read_to_end(&mut response)?;
    Ok(split(response))
}

fn split(mut response: Vec<u8>) -> LoopbackResponse {
    const END: &[u8] = b"\r\n\r\n";
    let end = memchr::memmem::find(&response, END);
    let body = end.map_or_else(Vec::new, |end| response.split_off(end + END.len()));
    response.truncate(end.unwrap_or(response.len()));
    LoopbackResponse {
        head: String::from_utf8_lossy(&response).into_owned(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_body_are_told_apart() {
        let response = split("HTTP/1.1 401 No\r\na: b\r\n\r\n{}\r\n\r\n".into());
        assert_eq!(response.status(), Some(401));
        assert_eq!(response.head, "HTTP/1.1 401 No\r\na: b");
        assert_eq!(response.body, b"{}\r\n\r\n");
    }

    #[test]
    fn what_is_no_http_has_no_status() {
        let response = split("SSH-2.0-OpenSSH\r\n".into());
        assert_eq!((response.status(), response.body.len()), (None, 0));
        assert_eq!(split("HTTP/1.1 2".into()).status(), None);
        assert_eq!(split("HTTP/1.é00".into()).status(), None);
    }
}
