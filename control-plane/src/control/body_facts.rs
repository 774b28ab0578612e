//! The bodies of a request as people and scripts see them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::body_diff::BodyComparison;
use super::body_text::text_of;
use crate::protocol::objects::begins_as_lines;
use crate::protocol::sse;
use crate::record::bodies::{Chunk, RecordedBody, RecordedHeader, StartLine};
use crate::store::records::BodiesFacts;

/// How many events of a stream are listed.
const EVENTS_MAX: usize = 2_000;

/// The bodies of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestBodies {
    pub id: String,
    /// In the order of travel; none where they are not kept.
    pub bodies: Vec<BodyFacts>,
    /// What became of the client's request toward each upstream, and of the last answer.
    pub comparisons: Vec<BodyComparison>,
    /// The command that sends the client's request, where it is kept.
    pub curl: Option<String>,
    /// Whether bodies are kept now; `None` where no agent runs.
    pub recording: Option<BodiesFacts>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyFacts {
    /// `client_sent`, `went_upstream`, `came_back` or `client_got`.
    pub direction: String,
    /// Of which attempt, counted from 1; `None` on the client's side.
    pub attempt: Option<u16>,
    /// Of a request.
    pub method: Option<String>,
    pub target: Option<String>,
    /// Of a response.
    pub status: Option<u16>,
    pub headers: Vec<HeaderFacts>,
    pub media_type: Option<String>,
    /// How many bytes there were.
    pub bytes: u64,
    /// Whether the end was cut off.
    pub is_cut: bool,
    /// How many secrets were taken out; `[redacted]` stands in their place.
    pub redactions: u32,
    /// What is kept: text, or else Base64.
    pub text: Option<String>,
    pub base64: Option<String>,
    /// The events of a stream, as parts of `text`.
    pub events: Vec<EventFacts>,
    pub events_left_out: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderFacts {
    pub name: String,
    /// `None` where the value is not kept.
    pub value: Option<String>,
    /// Of the value.
    pub bytes: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFacts {
    /// When its last byte passed, since the request's arrival.
    pub at_ms: u32,
    /// The bytes of `text` that it is, in UTF-8.
    pub from: usize,
    pub to: usize,
}

impl BodyFacts {
    pub(super) fn of(body: &RecordedBody) -> Self {
        let (method, target, status) = match &body.start {
            StartLine::Request { method, target } => {
                (Some(method.clone()), Some(target.clone()), None)
            }
            StartLine::Response { status } => (None, None, Some(*status)),
        };
        let text = text_of(body);
        let mut events = text
            .map(|text| events(text, &body.chunks))
            .unwrap_or_default();
        let events_left_out = events.len().saturating_sub(EVENTS_MAX);
        events.truncate(EVENTS_MAX);
        Self {
            direction: body.direction.name().to_owned(),
            attempt: body.attempt,
            method,
            target,
            status,
            media_type: media_type(&body.headers),
            headers: body.headers.iter().map(HeaderFacts::of).collect(),
            bytes: body.size,
            is_cut: body.is_cut,
            redactions: body.redactions,
            base64: text.is_none().then(|| STANDARD.encode(&body.bytes)),
            text: text.map(str::to_owned),
            events,
            events_left_out,
        }
    }

    /// How much of it is kept, in bytes.
    pub fn kept_bytes(&self) -> usize {
        match (&self.text, &self.base64) {
            (Some(text), _) => text.len(),
            (None, Some(base64)) => base64.len() / 4 * 3,
            (None, None) => 0,
        }
    }
}

impl HeaderFacts {
    fn of(header: &RecordedHeader) -> Self {
        Self {
            name: header.name.clone(),
            value: header.value.clone(),
            bytes: header.bytes,
        }
    }
}

fn media_type(headers: &[RecordedHeader]) -> Option<String> {
    let header = headers
        .iter()
        .find(|header| header.name == "content-type")?;
    let value = header.value.as_deref()?;
    let (media_type, _) = value.split_once(';').unwrap_or((value, ""));
    Some(media_type.trim().to_ascii_lowercase())
}

/// The events of a stream; of one without events its lines or pieces. None of what came whole.
fn events(text: &str, chunks: &[Chunk]) -> Vec<EventFacts> {
    if chunks.is_empty() {
        return Vec::new();
    }
    let ends = if sse::begins_as_events(text.as_bytes()) {
        event_ends(text)
    } else if begins_as_lines(text.as_bytes()) {
        line_ends(text)
    } else if text.trim_start().starts_with('[') {
        piece_ends(text, chunks)
    } else {
        return Vec::new();
    };
    let mut chunks = chunks.iter().peekable();
    let mut last = 0;
    let mut from = 0;
    let event = |to: usize| {
        while let Some(chunk) = chunks.peek() {
            last = chunk.at_ms;
            if chunk.end as usize >= to {
                break;
            }
            chunks.next();
        }
        let event = EventFacts {
            at_ms: last,
            from,
            to,
        };
        from = to;
        event
    };
    ends.into_iter().map(event).collect()
}

/// Where events end: behind each blank line, and at the end.
fn event_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut at, mut is_blank) = (0, true);
    for line in text.split_inclusive('\n') {
        at += line.len();
        let is_empty = line.trim_end_matches(['\r', '\n']).is_empty();
        if is_empty && !is_blank {
            ends.push(at);
        }
        is_blank = is_empty;
    }
    if ends.last() != Some(&text.len()) && !text.is_empty() {
        ends.push(text.len());
    }
    ends
}

fn line_ends(text: &str) -> Vec<usize> {
    let mut at = 0;
    let lines = text.split_inclusive('\n');
    lines
        .map(|line| {
            at += line.len();
            at
        })
        .collect()
}

fn piece_ends(text: &str, chunks: &[Chunk]) -> Vec<usize> {
    let ends = chunks.iter().map(|chunk| chunk.end as usize);
    let mut ends: Vec<usize> = ends.filter(|end| text.is_char_boundary(*end)).collect();
    ends.dedup();
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::bodies::Direction;

    fn body(bytes: &[u8], chunks: &[(u32, u32)]) -> RecordedBody {
        let chunk = |(end, at_ms): &(u32, u32)| Chunk {
            end: *end,
            at_ms: *at_ms,
        };
        RecordedBody {
            direction: Direction::CameBack,
            attempt: Some(1),
            start: StartLine::Response { status: 200 },
            headers: Vec::new(),
            bytes: bytes.to_vec(),
            size: bytes.len() as u64,
            is_cut: false,
            redactions: 0,
            chunks: chunks.iter().map(chunk).collect(),
        }
    }

    fn told(body: &RecordedBody) -> Vec<(u32, String)> {
        let facts = BodyFacts::of(body);
        let text = facts.text.clone().unwrap();
        let events = facts.events.iter();
        events
            .map(|event| (event.at_ms, text[event.from..event.to].to_owned()))
            .collect()
    }

    #[test]
    fn an_event_has_the_time_of_its_last_byte() {
        let stream = body(
            b"data: 1\n\ndata: 2\r\n\r\nevent: x\ndata: 3",
            &[(4, 10), (9, 20), (30, 30), (37, 40)],
        );
        assert_eq!(
            told(&stream),
            [
                (20, "data: 1\n\n".to_owned()),
                (30, "data: 2\r\n\r\n".to_owned()),
                (40, "event: x\ndata: 3".to_owned()),
            ]
        );
        assert_eq!(told(&body(b"{\"a\":1}", &[(3, 1), (7, 2)])), []);
        assert_eq!(
            told(&body(b"[{},\r\n{}]", &[(4, 1), (9, 2)])),
            [(1, "[{},".to_owned()), (2, "\r\n{}]".to_owned())]
        );
    }

    #[test]
    fn what_is_no_text_is_told_in_base64() {
        let binary = BodyFacts::of(&body(&[0, 159, 146, 150], &[]));
        assert_eq!(
            (binary.text.as_deref(), binary.base64.as_deref()),
            (None, Some("AJ+Slg=="))
        );
        let mut cut = body("aü".as_bytes(), &[]);
        cut.bytes.pop();
        assert_eq!(text_of(&cut), None);
        cut.is_cut = true;
        assert_eq!(text_of(&cut), Some("a"));
    }
}
