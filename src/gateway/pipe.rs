//! What stands between an upstream's bytes and a client's: watching them pass, or translating them.
//!
//! A pipe does no IO and knows no time; the relay feeds it.

use bytes::{Bytes, BytesMut};

use super::signatures::SignatureCollector;
use crate::canon::{Event, Fault, FinishReason, Usage};
use crate::protocol::names::Restore;
use crate::protocol::objects::Objects;
use crate::protocol::sse::{Frame, Frames};
use crate::protocol::{
    FrameInfo, MalformedResponse, PassthroughState, Protocol, StreamDecoder, StreamEncoder,
    StreamEnd,
};

/// What a stream has shown so far.
#[derive(Debug, Default)]
pub(super) struct StreamStatus {
    /// Whether output came: the answer is this attempt's, and no other is tried.
    pub(super) is_content: bool,
    /// Whether the upstream said its last word; only the end of its body is still due.
    pub(super) is_over: bool,
    /// The error that the stream ended with, said by the upstream or found by us.
    pub(super) fault: Option<Fault>,
    pub(super) usage: Usage,
    /// The id of an answer that its provider keeps.
    pub(super) stored: Option<String>,
    /// How the client's body ends; set once nothing more is to be sent.
    pub(super) ending: Option<StreamEnd>,
}

/// Nothing is pushed into a pipe after its ending is set.
pub(super) trait StreamTransform: Send {
    /// Takes what the upstream sent; gives what the client gets.
    fn push(&mut self, chunk: Bytes) -> Bytes;

    /// The upstream's body ended as HTTP wants it. Sets the ending.
    fn end(&mut self) -> Bytes;

    /// The upstream broke off, or took too long. Sets the ending.
    fn fail(&mut self, fault: Fault) -> Bytes;

    /// A sign of life, where the dialect has one.
    fn keep_alive(&mut self) -> Bytes;

    fn shown(&self) -> &StreamStatus;
}

/// What is said of a stream that ended without its dialect's terminator.
pub(super) fn broken_off() -> Fault {
    Fault::upstream("the upstream's answer broke off before its end")
}

/// A passthrough: bytes go on as they came; usage and end are looked for on the way.
pub(super) struct Passthrough {
    protocol: &'static dyn Protocol,
    /// The client's query, for the form of an error record.
    query: Option<String>,
    framing: Framing,
    seen: FrameTracker,
}

/// What the records told that passed.
#[derive(Default)]
struct FrameTracker {
    records: u64,
    /// How many answers were asked for, and how many have ended.
    choices: u64,
    ended: u64,
    /// Whether the answer may end here: the upstream said why it finished, for each of several
    /// answers.
    may_end: bool,
    shown: StreamStatus,
}

impl FrameTracker {
    fn note(&mut self, glimpse: FrameInfo) {
        self.records += 1;
        let shown = &mut self.shown;
        shown.is_content |= glimpse.is_content;
        shown.is_over |= glimpse.is_last || glimpse.fault.is_some();
        self.ended += glimpse.ended;
        self.may_end |=
            glimpse.is_last || glimpse.is_end && (self.ended == 0 || self.ended >= self.choices);
        if let Some(usage) = glimpse.usage {
            shown.usage.update(&usage);
        }
        if glimpse.stored.is_some() {
            shown.stored = glimpse.stored;
        }
        if shown.fault.is_none() {
            shown.fault = glimpse.fault;
        }
    }
}

/// How a stream's records are told apart.
enum Framing {
    Events(Frames),
    Array(Objects),
    /// A record was too long to look into: from there on nothing is known.
    Lost,
}

impl Framing {
    fn push(&mut self, chunk: Bytes, mut each: impl FnMut(&Frame)) {
        let mut take = |frame: Frame| {
            each(&frame);
            Ok(())
        };
        let read = match self {
            Self::Events(frames) => frames.push(chunk, take),
            Self::Array(objects) => objects.push(&chunk, |data| {
                take(Frame {
                    event: Bytes::new(),
                    data,
                })
            }),
            Self::Lost => Ok(()),
        };
        if read.is_err() {
            *self = Self::Lost;
        }
    }

    /// The last record, where it lacks only the empty line.
    fn finish(&mut self) -> Option<Frame> {
        match self {
            Self::Events(frames) => frames.finish(),
            Self::Array(_) | Self::Lost => None,
        }
    }

    fn is_between(&self) -> bool {
        match self {
            Self::Events(frames) => frames.is_between(),
            Self::Array(objects) => objects.takes_another(),
            Self::Lost => false,
        }
    }
}

impl Passthrough {
    /// `is_events` = server-sent events; else a JSON array is streamed.
    pub(super) fn new(
        protocol: &'static dyn Protocol,
        query: Option<String>,
        is_events: bool,
        choices: u64,
    ) -> Self {
        let framing = if is_events {
            Framing::Events(Frames::default())
        } else {
            Framing::Array(Objects::default())
        };
        Self {
            protocol,
            query,
            framing,
            seen: FrameTracker {
                choices,
                ..FrameTracker::default()
            },
        }
    }

    fn passed(&self) -> PassthroughState<'_> {
        PassthroughState {
            query: self.query.as_deref(),
            records: self.seen.records,
        }
    }

    /// The end of an answer that said all it had to say. Behind an error record of the upstream's
    /// own comes the end that the dialect's clients notice.
    fn conclude(&mut self) -> Bytes {
        let unseen = |fault: &Fault| {
            self.protocol
                .encode_stream_fault(fault, &self.passed(), &mut BytesMut::new())
        };
        self.seen.shown.ending = Some(
            self.seen
                .shown
                .fault
                .as_ref()
                .map_or(StreamEnd::Clean, unseen),
        );
        Bytes::new()
    }

    /// Between two records the error is written as one of its own; within one, only breaking off is
    /// honest. Both ways the connection is cut, since a stream that passed through may have no
    /// other sign that its clients know.
    fn break_off(&mut self, fault: Fault, is_between: bool) -> Bytes {
        let record = if is_between {
            self.record_of(&fault)
        } else {
            Bytes::new()
        };
        self.seen.shown.ending = Some(StreamEnd::Abort);
        self.seen.shown.fault = Some(fault);
        record
    }
}

impl Passthrough {
    /// An error record with the line ends of the stream that it stands in: some clients split by
    /// what they saw first.
    fn record_of(&self, fault: &Fault) -> Bytes {
        let mut record = BytesMut::new();
        self.protocol
            .encode_stream_fault(fault, &self.passed(), &mut record);
        match (&self.framing, std::str::from_utf8(&record)) {
            (Framing::Events(frames), Ok(text)) => {
                Bytes::from(text.replace('\n', frames.line_end()))
            }
            _ => record.freeze(),
        }
    }
}

impl StreamTransform for Passthrough {
    fn push(&mut self, chunk: Bytes) -> Bytes {
        let protocol = self.protocol;
        let seen = &mut self.seen;
        self.framing
            .push(chunk.clone(), |frame| seen.note(protocol.frame_info(frame)));
        seen.shown.is_content |= matches!(self.framing, Framing::Lost);
        seen.shown.is_over |=
            seen.may_end && matches!(&self.framing, Framing::Array(objects) if objects.is_closed());
        chunk
    }

    fn end(&mut self) -> Bytes {
        let is_between = self.framing.is_between();
        if let Some(frame) = self.framing.finish() {
            self.seen.note(self.protocol.frame_info(&frame));
        }
        let is_whole =
            self.seen.may_end || self.seen.shown.is_over || matches!(self.framing, Framing::Lost);
        if is_whole {
            self.conclude()
        } else {
            self.break_off(broken_off(), is_between)
        }
    }

    fn fail(&mut self, fault: Fault) -> Bytes {
        if self.seen.shown.is_over {
            return self.conclude();
        }
        let is_between = self.framing.is_between();
        self.break_off(fault, is_between)
    }

    fn keep_alive(&mut self) -> Bytes {
        Bytes::new()
    }

    fn shown(&self) -> &StreamStatus {
        &self.seen.shown
    }
}

/// A translation: decoder, restored names, encoder.
pub(super) struct Translator {
    decoder: Box<dyn StreamDecoder>,
    restore: Restore,
    encoder: Box<dyn StreamEncoder>,
    harvest: SignatureCollector,
    events: Vec<Event>,
    out: BytesMut,
    shown: StreamStatus,
}

impl Translator {
    pub(super) fn new(
        decoder: Box<dyn StreamDecoder>,
        restore: Restore,
        encoder: Box<dyn StreamEncoder>,
        harvest: SignatureCollector,
    ) -> Self {
        Self {
            decoder,
            restore,
            encoder,
            harvest,
            events: Vec::new(),
            out: BytesMut::new(),
            shown: StreamStatus::default(),
        }
    }

    /// Writes the events that were decoded, up to the first that fails, and the end where there is
    /// one.
    fn write(&mut self) -> Bytes {
        self.restore.events(&mut self.events);
        for mut event in self.events.drain(..) {
            fail_malformed(&mut event);
            self.shown.note(&event);
            self.harvest.note(&event);
            self.encoder.push(&event, &mut self.out);
            if self.shown.fault.is_some() {
                break;
            }
        }
        if self.shown.is_over || self.shown.fault.is_some() {
            self.shown.ending = Some(self.encoder.finish(&mut self.out));
        }
        self.out.split().freeze()
    }
}

impl StreamStatus {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Usage(usage) => self.usage.update(usage),
            Event::Failed(fault) => self.fault = Some(fault.clone()),
            Event::Start(_) | Event::Ping => {}
            _ => self.is_content = true,
        }
    }
}

impl StreamTransform for Translator {
    fn push(&mut self, chunk: Bytes) -> Bytes {
        if let Err(garbled) = self.decoder.push(chunk, &mut self.events) {
            self.events.push(Event::Failed(garbled.into()));
        } else if self.decoder.is_done() {
            return self.end();
        }
        self.write()
    }

    fn end(&mut self) -> Bytes {
        self.decoder.finish(&mut self.events);
        self.shown.is_over = true;
        self.write()
    }

    fn fail(&mut self, fault: Fault) -> Bytes {
        self.events.push(Event::Failed(fault));
        self.write()
    }

    fn keep_alive(&mut self) -> Bytes {
        self.encoder.keep_alive(&mut self.out);
        self.out.split().freeze()
    }

    fn shown(&self) -> &StreamStatus {
        &self.shown
    }
}

/// A call that cannot be read is no answer: no dialect has a word for it that its clients would
/// notice.
pub(super) fn fail_malformed(event: &mut Event) {
    if let Event::Finish {
        reason: FinishReason::Malformed,
        ..
    } = event
    {
        *event = Event::Failed(malformed());
    }
}

pub(super) fn malformed() -> Fault {
    Fault::upstream("the model wrote a tool call that cannot be read; ask again")
}

/// Reads a whole stream into its events, for a client that did not ask for one.
pub(super) fn read_all(
    decoder: &mut dyn StreamDecoder,
    body: Bytes,
) -> Result<Vec<Event>, MalformedResponse> {
    let mut events = Vec::new();
    decoder.push(body, &mut events)?;
    decoder.finish(&mut events);
    Ok(events)
}
