//! Errors of the decoders: a client's request or an upstream's answer that cannot be decoded.
//!
//! Both become faults, and neither repeats the text that it could not read.

use std::fmt;

use crate::canon::{Fault, Offset};
use crate::json::{Invalid, path_at};

/// A request that cannot be decoded: a 400 in the client's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Malformed, or against the dialect's schema.
    Invalid(Invalid),
    /// Well-formed, but not translatable.
    Unsupported { at: Offset, fault: Box<Fault> },
}

impl From<Invalid> for DecodeError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl DecodeError {
    /// A field that cannot be translated. `why` completes the sentence that starts with its path.
    pub fn unsupported(at: Offset, why: impl Into<String>) -> Self {
        Self::Unsupported {
            at,
            fault: Box::new(Fault::bad_request(why)),
        }
    }

    /// The fault for the client, with the field's path, or with the byte offset where the body is
    /// malformed JSON.
    pub fn into_fault(self, body: &[u8]) -> Fault {
        let (at, mut fault) = match self {
            Self::Invalid(Invalid { at, what }) => (at, Fault::bad_request(what)),
            Self::Unsupported { at, fault } => (at, *fault),
        };
        let path = path_at(body, at);
        if !path.is_empty() {
            fault.message = format!("{path}: {}", fault.message);
            fault.param = Some(path);
        } else if at.0 > 0 {
            // Malformed documents have no paths.
            fault.message = format!("{} (at byte {})", fault.message, at.0);
        }
        fault
    }
}

/// An upstream's answer that cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedResponse {
    /// What was expected and what was found. Never the answer's text.
    pub why: String,
}

impl fmt::Display for MalformedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the upstream's answer cannot be read: {}", self.why)
    }
}

impl std::error::Error for MalformedResponse {}

impl From<Invalid> for MalformedResponse {
    fn from(invalid: Invalid) -> Self {
        Self {
            why: invalid.to_string(),
        }
    }
}

impl From<MalformedResponse> for Fault {
    fn from(malformed: MalformedResponse) -> Self {
        Self::upstream(malformed.to_string())
    }
}
