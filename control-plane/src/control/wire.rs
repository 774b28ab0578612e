//! What travels over the control socket: lines of JSON, each in an envelope with the protocol's
//! version.
//!
//! ```text
//! -> {"aerostat":2,"verb":"account_show","request":{"name":"work"}}
//! <- {"aerostat":2,"note":{"text":"…"}}       any number of these, for verbs that take a while
//! <- {"aerostat":2,"response":{"name":"work", …}}
//!    or {"aerostat":2,"error":{"kind":"failed","message":"…"}}
//! ```

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::refusal::Refusal;
use crate::account::Secret;
use crate::language::{InLanguage, Language, Said};

/// The version of this protocol. A program with another one is another release of Aerostat.
pub(super) const VERSION: u32 = 2;

/// The longest line: an import of many accounts fits.
const LINE_BYTES_MAX: u64 = 8 << 20;

/// How many notes may wait for the caller to read them.
const NOTES_MAX: usize = 16;

/// A line from the caller. `R` is the verb's own type where it is written, and raw JSON where it
/// is read: which type it is follows from `verb`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestLine<'a, R> {
    pub(super) aerostat: u32,
    #[serde(borrow)]
    pub(super) verb: Cow<'a, str>,
    pub(super) request: R,
}

/// A line from the agent: exactly one of the three is set.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResponseLine<'a> {
    pub(super) aerostat: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<Note>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ControlError>,
}

impl<'a> ResponseLine<'a> {
    pub(super) fn note(note: Note) -> Self {
        Self {
            note: Some(note),
            ..Self::empty()
        }
    }

    pub(super) fn response(response: &'a RawValue) -> Self {
        Self {
            response: Some(response),
            ..Self::empty()
        }
    }

    pub(super) fn error(error: ControlError) -> Self {
        Self {
            error: Some(error),
            ..Self::empty()
        }
    }

    fn empty() -> Self {
        Self {
            aerostat: VERSION,
            note: None,
            response: None,
            error: None,
        }
    }
}

/// What a verb reports before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// A line for people.
    pub text: Said,
    /// An address to be opened in a browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Where a verb reports before it is done.
#[derive(Clone, Debug)]
pub struct Notes(Option<mpsc::Sender<Note>>);

impl Notes {
    pub fn channel() -> (Self, mpsc::Receiver<Note>) {
        let (sender, receiver) = mpsc::channel(NOTES_MAX);
        (Self(Some(sender)), receiver)
    }

    /// For a caller that only wants the response.
    pub fn discard() -> Self {
        Self(None)
    }

    pub(super) async fn send(&self, note: Note) {
        if let Some(sender) = &self.0 {
            // A caller that left is no reason to stop: the verb ends by itself.
            let _ = sender.send(note).await;
        }
    }
}

/// Why a verb was not done: a sentence for people, and the kind of failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    pub kind: ErrorKind,
    pub message: Said,
    /// Which part of the request is wrong, where it is one: `concurrency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Cow<'static, str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    Failed,
    /// The request cannot be meant as it is.
    WrongUsage,
    /// The verb needs a running agent.
    NotRunning,
}

impl ControlError {
    pub fn failed(message: impl Into<Said>) -> Self {
        Self::of_kind(ErrorKind::Failed, message)
    }

    fn of_kind(kind: ErrorKind, message: impl Into<Said>) -> Self {
        Self {
            kind,
            message: message.into(),
            field: None,
        }
    }

    /// The error with all its causes, as one sentence: the socket carries no sources. The causes of
    /// our errors are what the system says.
    #[allow(clippy::needless_pass_by_value, reason = "for map_err")]
    pub fn caused_by(error: impl Error + InLanguage) -> Self {
        Self::failed(Said::in_each(|language| {
            let mut message = error.text(language).into_owned();
            let mut source = error.source();
            while let Some(cause) = source {
                let text = cause.to_string();
                // Some errors repeat their cause in their own text.
                if !message.contains(&text) {
                    message.push_str(": ");
                    message.push_str(&text);
                }
                source = cause.source();
            }
            message
        }))
    }

    /// What others say, or what only the command line tells.
    pub fn quoted(words: impl fmt::Display) -> Self {
        Self::failed(Said::quoted(words))
    }

    pub fn usage(message: impl Into<Said>) -> Self {
        Self::of_kind(ErrorKind::WrongUsage, message)
    }

    /// The sentence, without its full stop.
    pub fn text(&self, language: Language) -> &str {
        self.message.text(language)
    }

    /// The same, with the part of the request that is wrong.
    #[must_use]
    pub(super) fn of_field(self, field: &'static str) -> Self {
        Self {
            field: Some(field.into()),
            ..self
        }
    }

    /// What was entered in one field is wrong.
    pub fn in_field(field: &'static str, message: impl Into<Said>) -> Self {
        Self::usage(message).of_field(field)
    }

    pub fn not_running() -> Self {
        Self::of_kind(ErrorKind::NotRunning, Refusal::NotRunning)
    }

    /// The agent's response is not of the form that this program reads.
    pub(super) fn other_version() -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self::failed(Refusal::OtherVersion { version })
    }

    /// The verb's task panicked.
    pub fn broke() -> Self {
        Self::failed(Refusal::Broke)
    }
}

/// A secret that is written out when it is serialized, as nothing else here is; its `Debug` still
/// hides it.
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
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(Vec::new());
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

/// A value as one line, which may hold a secret.
///
/// # Errors
/// When the value has no form in JSON.
pub(super) fn line(value: &impl Serialize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(serde_json::to_vec(value)?);
    line.push(b'\n');
    Ok(line)
}

/// Writes one line.
///
/// # Errors
/// When the connection broke.
pub(super) async fn write_line(to: &mut (impl AsyncWrite + Unpin), line: &[u8]) -> io::Result<()> {
    to.write_all(line).await?;
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
        let wire = WireSecret(Secret::new("sk-1".to_owned()));
        assert_eq!(serde_json::to_string(&wire).unwrap(), "\"sk-1\"");
        assert!(!format!("{wire:?}").contains("sk-1"));
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("the file cannot be read")]
        struct Outer(#[source] io::Error);
        #[derive(Debug, thiserror::Error)]
        #[error("the file cannot be read ({0})")]
        struct Inline(#[source] io::Error);
        impl InLanguage for Outer {
            fn text(&self, _: Language) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }
        }
        impl InLanguage for Inline {
            fn text(&self, _: Language) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }
        }
        let full = || io::Error::other("the disk is full");
        assert_eq!(
            ControlError::caused_by(Outer(full())).to_string(),
            "the file cannot be read: the disk is full"
        );
        assert_eq!(
            ControlError::caused_by(Inline(full())).to_string(),
            "the file cannot be read (the disk is full)"
        );
    }
}
