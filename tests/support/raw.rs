//! HTTP/1.1 byte by byte: these tests are about what a client library would hide.
//!
//! Reports how a response ended (complete, cut, reset, stalled) and what it held. Must not follow,
//! retry or repair anything.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// How long a response may take unless a test sets another time.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How the bytes of a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As HTTP requires: with all of `content-length`, or the last chunk and its empty line.
    Whole,
    /// The connection closed before that.
    Cut,
    /// The connection was reset before that.
    Reset,
    /// The deadline passed before that.
    Stalled,
}

/// One response as it arrived.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 0 if not even a status line arrived.
    pub status: u16,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without the chunked framing.
    pub body: Vec<u8>,
    pub ended: Ended,
}

impl Answer {
    fn nothing(ended: Ended) -> Self {
        Self {
            status: 0,
            headers: Vec::new(),
            body: Vec::new(),
            ended,
        }
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn content_type(&self) -> &str {
        self.header("content-type").unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON. Panics with the body if it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }
}

/// A request to be written as bytes.
#[derive(Clone, Debug)]
pub struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            head: format!("{method} {target} HTTP/1.1\r\n"),
            body: Vec::new(),
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST of JSON.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target)
            .header("content-type", "application/json")
            .body(body)
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// The body, with its `content-length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("content-length", &length)
    }

    fn has_host(&self) -> bool {
        self.head.to_ascii_lowercase().contains("\r\nhost:")
    }

    /// The bytes. `Host` is `authority` unless the test set one.
    pub fn bytes(&self, authority: &str) -> Vec<u8> {
        let host = if self.has_host() {
            String::new()
        } else {
            format!("host: {authority}\r\n")
        };
        let mut bytes = format!("{}{host}\r\n", self.head).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Sends one request on a connection of its own and reads the whole response.
pub async fn exchange(to: SocketAddr, request: &Request) -> Answer {
    let mut connection = Connection::open(to).await.expect("the port is open");
    // A server may answer, or leave, before it has read all.
    let _ = connection.send(&request.bytes(&to.to_string())).await;
    connection.answer().await
}

/// A connection whose bytes the test chooses.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Read from the socket and not yet part of a response.
    unread: Vec<u8>,
    patience: Duration,
}

/// Why no more bytes arrived.
type Stop = Ended;

impl Connection {
    pub async fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: Vec::new(),
            patience: PATIENCE,
        })
    }

    /// How long each response may take.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Shuts down the sending side.
    pub async fn finish_sending(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Closes with a reset.
    pub fn reset(self) {
        self.stream.set_zero_linger().expect("the socket is open");
    }

    /// Reads one response.
    pub async fn answer(&mut self) -> Answer {
        self.read_answer(false).await
    }

    /// Reads the response to a HEAD request, which has no body whatever its headers say.
    pub async fn answer_to_head(&mut self) -> Answer {
        self.read_answer(true).await
    }

    async fn read_answer(&mut self, to_head: bool) -> Answer {
        let deadline = Instant::now() + self.patience;
        let mut answer = match self.read_head(deadline).await {
            Ok(answer) => answer,
            Err(stop) => return Answer::nothing(stop),
        };
        if !to_head {
            answer.ended = self.read_body(&mut answer, deadline).await;
        }
        answer
    }

    /// Reads a response until its body contains `marker`. [`Connection::more_until`] reads on.
    ///
    /// # Panics
    /// If the response ends without it.
    pub async fn answer_until(&mut self, marker: &[u8]) -> Answer {
        let answer = self
            .read_head(Instant::now() + self.patience)
            .await
            .expect("an answer's head");
        self.more_until(marker).await;
        answer
    }

    /// Reads raw bytes, including the framing, until they contain `marker`.
    ///
    /// # Panics
    /// If the connection ends without it.
    pub async fn more_until(&mut self, marker: &[u8]) -> Vec<u8> {
        let deadline = Instant::now() + self.patience;
        while find(&self.unread, marker).is_none() {
            if let Err(stop) = self.fill(deadline).await {
                panic!(
                    "{stop:?} before {:?}: {:?}",
                    String::from_utf8_lossy(marker),
                    String::from_utf8_lossy(&self.unread)
                );
            }
        }
        let end = find(&self.unread, marker).expect("found above") + marker.len();
        self.unread.drain(..end).collect()
    }

    /// Reads until the peer ends the connection, and returns how it did.
    pub async fn until_closed(&mut self) -> (Vec<u8>, Ended) {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Err(stop) = self.fill(deadline).await {
                return (std::mem::take(&mut self.unread), stop);
            }
        }
    }

    async fn read_head(&mut self, deadline: Instant) -> Result<Answer, Stop> {
        loop {
            let head = self.take_through(b"\r\n\r\n", deadline).await?;
            let answer = parse_head(&head);
            let is_interim = (100..200).contains(&answer.status) && answer.status != 101;
            if !is_interim {
                return Ok(answer);
            }
        }
    }

    async fn read_body(&mut self, answer: &mut Answer, deadline: Instant) -> Ended {
        if matches!(answer.status, 101 | 204 | 304) {
            return Ended::Whole;
        }
        let is_chunked = answer
            .header("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        let length = answer
            .header("content-length")
            .and_then(|length| length.parse().ok());
        let read = match length {
            _ if is_chunked => self.read_chunks(&mut answer.body, deadline).await,
            Some(length) => self.read_sized(&mut answer.body, length, deadline).await,
            None => self.read_to_end(&mut answer.body, deadline).await,
        };
        read.map_or_else(|stop| stop, |()| Ended::Whole)
    }

    async fn read_chunks(&mut self, body: &mut Vec<u8>, deadline: Instant) -> Result<(), Stop> {
        loop {
            let line = self.take_through(b"\r\n", deadline).await?;
            let size = chunk_size(&line);
            if size == 0 {
                return self.skip_trailers(deadline).await;
            }
            self.read_sized(body, size, deadline).await?;
            self.take_through(b"\r\n", deadline).await?;
        }
    }

    async fn skip_trailers(&mut self, deadline: Instant) -> Result<(), Stop> {
        while self.take_through(b"\r\n", deadline).await? != b"\r\n" {}
        Ok(())
    }

    /// Appends up to `length` bytes, fewer if the connection ends early.
    async fn read_sized(
        &mut self,
        body: &mut Vec<u8>,
        length: usize,
        deadline: Instant,
    ) -> Result<(), Stop> {
        let mut missing = length;
        loop {
            let part = missing.min(self.unread.len());
            body.extend(self.unread.drain(..part));
            missing -= part;
            if missing == 0 {
                return Ok(());
            }
            self.fill(deadline).await?;
        }
    }

    async fn read_to_end(&mut self, body: &mut Vec<u8>, deadline: Instant) -> Result<(), Stop> {
        loop {
            body.append(&mut self.unread);
            match self.fill(deadline).await {
                Ok(()) => {}
                Err(Ended::Cut) => return Ok(()),
                Err(stop) => return Err(stop),
            }
        }
    }

    async fn take_through(&mut self, marker: &[u8], deadline: Instant) -> Result<Vec<u8>, Stop> {
        loop {
            if let Some(at) = find(&self.unread, marker) {
                return Ok(self.unread.drain(..at + marker.len()).collect());
            }
            self.fill(deadline).await?;
        }
    }

    async fn fill(&mut self, deadline: Instant) -> Result<(), Stop> {
        match timeout_at(deadline, self.stream.read_buf(&mut self.unread)).await {
            Err(_) => Err(Ended::Stalled),
            Ok(Ok(0)) => Err(Ended::Cut),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Ended::Reset),
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

fn parse_head(head: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Answer {
        status: status.expect("a status line"),
        headers: headers.collect(),
        body: Vec::new(),
        ended: Ended::Whole,
    }
}

fn chunk_size(line: &[u8]) -> usize {
    let text = std::str::from_utf8(line).expect("a chunk size is ASCII");
    let digits = text.split(';').next().unwrap_or_default().trim();
    usize::from_str_radix(digits, 16).expect("a chunk size is hexadecimal")
}
