//! The bodies of a request, where a person asked for them: what the client sent, what went
//! upstream, what came back, what the client got.
//!
//! ```text
//! BodySwitch -> BodyCollector (in flight, capped) -> RawBodies -> redacted -> RecordedBody
//! ```
//!
//! Only a [`RecordedBody`] can be stored, and there is no way to one but through the redaction.

mod capture;
mod collector;
mod headers;
mod redaction;
mod split_secrets;
mod switch;

pub use capture::{Capture, Chunk};
pub use collector::{BodyCollector, BodyPart, RawBodies};
pub use headers::RecordedHeader;
pub use switch::{AskedFor, BodiesStatus, BodySettings, BodySwitch};

use super::cause::words;

/// The longest start of a body that is ever kept.
pub const BODY_BYTES_MAX: usize = 1 << 20;

words! {
    /// Which of the four bodies one is, in the order of travel.
    pub enum Direction {
        ClientSent = "client_sent",
        WentUpstream = "went_upstream",
        CameBack = "came_back",
        ClientGot = "client_got",
    }
}

/// The first line of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// The target is a path with its query, or a whole URL.
    Request {
        method: String,
        target: String,
    },
    Response {
        status: u16,
    },
}

/// A body as it is kept: redacted and capped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedBody {
    pub direction: Direction,
    /// Of which attempt, counted from 1; `None` on the client's side.
    pub attempt: Option<u16>,
    pub start: StartLine,
    pub headers: Vec<RecordedHeader>,
    /// `[redacted]` stands where a secret stood.
    pub bytes: Vec<u8>,
    /// How many bytes there were, before anything was cut or redacted.
    pub size: u64,
    /// Whether the end is missing from `bytes`.
    pub is_cut: bool,
    /// How many secrets were taken out, of the body and its head.
    pub redactions: u32,
    /// When the pieces of a stream passed. Empty for a body in one piece.
    pub chunks: Vec<Chunk>,
}
