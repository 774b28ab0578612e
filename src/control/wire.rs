//! What travels over the control socket: lines of JSON, each in an envelope with the protocol's
//! version.
//!
//! ```text
//! -> {"aerostat":1,"ask":{"verb":"status"}}
//! <- {"aerostat":1,"note":{"text":"…"}}              any number of these, for verbs that take a while
//! <- {"aerostat":1,"done":{"of":"status","state":"running", …}}     or {"aerostat":1,"refused":{"kind":"failed","message":"…"}}
//! ```

use std::fmt;
use std::io;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};

use super::{Ask, Reply, Secret};

/// The form of this protocol. A higher one is spoken by a newer program.
pub(super) const VERSION: u32 = 1;

/// The longest line: an import of many accounts fits.
const LINE_BYTES_MAX: u64 = 8 << 20;

/// A line from who asks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) aerostat: u32,
    pub(super) ask: Ask,
}

/// A line from who answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "Line")]
pub(super) struct ServerMessage {
    pub(super) aerostat: u32,
    #[serde(flatten)]
    pub(super) word: MessageBody,
}

/// The same as it is read: in place, where `flatten` would read everything twice.
#[derive(Deserialize)]
struct Line {
    aerostat: u32,
    note: Option<Note>,
    done: Option<Box<Reply>>,
    refused: Option<ControlError>,
}

impl TryFrom<Line> for ServerMessage {
    type Error = &'static str;

    fn try_from(line: Line) -> Result<Self, Self::Error> {
        let word = line
            .note
            .map(MessageBody::Note)
            .or(line.done.map(MessageBody::Done))
            .or(line.refused.map(MessageBody::Refused));
        Ok(Self {
            aerostat: line.aerostat,
            word: word.ok_or("expected `note`, `done` or `refused`")?,
        })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MessageBody {
    Note(Note),
    Done(Box<Reply>),
    Refused(ControlError),
}

impl ServerMessage {
    pub(super) fn new(word: MessageBody) -> Self {
        Self {
            aerostat: VERSION,
            word,
        }
    }
}

/// What a verb says before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// A line for people.
    pub text: String,
    /// An address to be opened in a browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Why a verb was not done: a sentence, and what kind of trouble it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    pub kind: ErrorKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    Failed,
    /// The verb asks for what cannot be meant.
    WrongUsage,
    /// The verb needs a running agent.
    NotRunning,
}

impl ControlError {
    pub fn failed(message: impl fmt::Display) -> Self {
        Self {
            kind: ErrorKind::Failed,
            message: message.to_string(),
        }
    }

    pub fn usage(message: impl fmt::Display) -> Self {
        Self {
            kind: ErrorKind::WrongUsage,
            message: message.to_string(),
        }
    }

    pub fn not_running() -> Self {
        let message = "the agent is not running; `aerostat` starts it".to_owned();
        Self {
            kind: ErrorKind::NotRunning,
            message,
        }
    }
}

/// A secret on its way over the socket, the one place where one is written out; its `Debug` still
/// says nothing.
#[derive(Clone, Debug)]
pub struct WireSecret(pub Secret);

impl Serialize for WireSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for WireSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

/// Reads the next line; `None` at the end of the stream.
///
/// # Errors
/// When the line is too long or the connection broke.
pub(super) async fn read_line(
    from: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<zeroize::Zeroizing<Vec<u8>>>> {
    let mut line = zeroize::Zeroizing::new(Vec::new());
    let read = from
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .await?;
    match line.last() {
        Some(b'\n') => Ok(Some(line)),
        None => Ok(None),
        Some(_) if read as u64 == LINE_BYTES_MAX => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line is too long",
        )),
        Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Writes one line.
///
/// # Errors
/// When the connection broke.
pub(super) async fn write_line(
    to: &mut (impl AsyncWrite + Unpin),
    value: &impl Serialize,
) -> io::Result<()> {
    let mut line = zeroize::Zeroizing::new(serde_json::to_vec(value)?);
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_and_a_cut_one_is_an_error() {
        let mut bytes = &b"one\ntwo\nthr"[..];
        assert_eq!(
            read_line(&mut bytes).await.unwrap().unwrap().as_slice(),
            b"one\n"
        );
        assert_eq!(
            read_line(&mut bytes).await.unwrap().unwrap().as_slice(),
            b"two\n"
        );
        assert_eq!(
            read_line(&mut bytes).await.unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert!(read_line(&mut &b""[..]).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn an_endless_line_is_given_up() {
        let endless = tokio::io::repeat(b'x');
        let read = read_line(&mut tokio::io::BufReader::new(endless)).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_spoken_secret_is_written_out_and_not_shown() {
        let spoken = WireSecret(Secret::new("sk-1".to_owned()));
        assert_eq!(serde_json::to_string(&spoken).unwrap(), "\"sk-1\"");
        assert!(!format!("{spoken:?}").contains("sk-1"));
    }
}
