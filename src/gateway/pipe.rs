//! What stands between an upstream's bytes and a client's: watching them pass, or translating them.
//!
//! A pipe does no IO and knows no time; the relay feeds it.

use bytes::{Bytes, BytesMut};

use super::signatures::Harvest;
use crate::canon::{Event, Fault, FinishReason, Usage};
use crate::protocol::names::Restore;
use crate::protocol::objects::Objects;
use crate::protocol::sse::{Frame, Frames};
use crate::protocol::{Ending, Garbled, Protocol, StreamDecoder, StreamEncoder};

/// What a stream has shown so far.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Whether output came: the answer is this attempt's, and no other is tried.
    pub(super) is_content: bool,
    /// Whether the upstream said that its answer is complete.
    pub(super) is_complete: bool,
    /// The error that the stream ended with, said by the upstream or found by us.
    pub(super) fault: Option<Fault>,
    pub(super) usage: Usage,
    /// How the client's body ends; set once nothing more is to be sent.
    pub(super) ending: Option<Ending>,
}

pub(super) trait Pipe: Send {
    /// Takes what the upstream sent; gives what the client gets.
    fn push(&mut self, chunk: Bytes) -> Bytes;

    /// The upstream's body ended as HTTP wants it. Sets the ending.
    fn end(&mut self) -> Bytes;

    /// The upstream broke off, or took too long. Sets the ending.
    fn fail(&mut self, fault: Fault) -> Bytes;

    /// A sign of life, where the dialect has one.
    fn keep_alive(&mut self) -> Bytes;

    fn shown(&self) -> &Shown;
}

/// What is said of a stream that ended without its dialect's terminator.
pub(super) fn broken_off() -> Fault {
    Fault::upstream("the upstream's answer broke off before its end")
}

/// A passthrough: bytes go on as they came; usage and end are looked for on the way.
pub(super) struct Watch {
    protocol: &'static dyn Protocol,
    /// The client's query, for the form of an error record.
    query: Option<String>,
    framing: Framing,
    shown: Shown,
}

/// How a stream's records are told apart.
enum Framing {
    Events(Frames),
    Array(Objects),
}

impl Framing {
    fn push(&mut self, chunk: Bytes, mut each: impl FnMut(Frame) -> Result<(), Garbled>) -> Result<(), Garbled> {
        match self {
            Self::Events(frames) => frames.push(chunk, each),
            Self::Array(objects) => objects.push(&chunk, |data| each(Frame { event: Bytes::new(), data })),
        }
    }

    fn finish(&mut self) -> Option<Frame> {
        match self {
            Self::Events(frames) => frames.finish(),
            Self::Array(_) => None,
        }
    }

    fn is_between(&self) -> bool {
        match self {
            Self::Events(frames) => frames.is_between(),
            Self::Array(objects) => objects.is_between(),
        }
    }
}

impl Watch {
    /// `is_events` = server-sent events; else a JSON array is streamed.
    pub(super) fn new(protocol: &'static dyn Protocol, query: Option<String>, is_events: bool) -> Self {
        let framing = if is_events { Framing::Events(Frames::default()) } else { Framing::Array(Objects::default()) };
        Self { protocol, query, framing, shown: Shown::default() }
    }

    fn observe(protocol: &dyn Protocol, shown: &mut Shown, frame: &Frame) {
        let glimpse = protocol.glimpse(frame);
        shown.is_content |= glimpse.is_content;
        shown.is_complete |= glimpse.is_end;
        if let Some(usage) = glimpse.usage {
            shown.usage.update(&usage);
        }
        shown.fault = shown.fault.take().or(glimpse.fault);
    }
}

impl Pipe for Watch {
    fn push(&mut self, chunk: Bytes) -> Bytes {
        let Self { protocol, framing, shown, .. } = self;
        let watched = framing.push(chunk.clone(), |frame| {
            Self::observe(*protocol, shown, &frame);
            Ok(())
        });
        if watched.is_err() {
            // A record too long to look into still passes; nothing of it is known.
            shown.is_content = true;
        }
        chunk
    }

    fn end(&mut self) -> Bytes {
        let is_between = self.framing.is_between();
        if let Some(frame) = self.framing.finish() {
            Self::observe(self.protocol, &mut self.shown, &frame);
        }
        match (self.shown.is_complete, &self.shown.fault) {
            (true, _) => {
                self.shown.ending = Some(Ending::Clean);
                Bytes::new()
            }
            // The upstream said its error itself; what follows is the end that the dialect's clients notice.
            (false, Some(fault)) => {
                let ending = self.protocol.encode_stream_fault(fault, self.query.as_deref(), &mut BytesMut::new());
                self.shown.ending = Some(ending);
                Bytes::new()
            }
            (false, None) => self.break_off(broken_off(), is_between),
        }
    }

    fn fail(&mut self, fault: Fault) -> Bytes {
        let is_between = self.framing.is_between();
        self.break_off(fault, is_between)
    }

    fn keep_alive(&mut self) -> Bytes {
        Bytes::new()
    }

    fn shown(&self) -> &Shown {
        &self.shown
    }
}

impl Watch {
    /// Between two records the error is written as one of its own; within one, only breaking off is honest. Both ways the connection
    /// is cut, since a stream that passed through may have no other sign that its clients know.
    fn break_off(&mut self, fault: Fault, is_between: bool) -> Bytes {
        let mut out = BytesMut::new();
        if is_between {
            self.protocol.encode_stream_fault(&fault, self.query.as_deref(), &mut out);
        }
        self.shown.ending = Some(Ending::Abort);
        self.shown.fault = Some(fault);
        out.freeze()
    }
}

/// A translation: decoder, restored names, encoder.
pub(super) struct Translate {
    decoder: Box<dyn StreamDecoder>,
    restore: Restore,
    encoder: Box<dyn StreamEncoder>,
    harvest: Harvest,
    events: Vec<Event>,
    out: BytesMut,
    shown: Shown,
}

impl Translate {
    pub(super) fn new(
        decoder: Box<dyn StreamDecoder>,
        restore: Restore,
        encoder: Box<dyn StreamEncoder>,
        harvest: Harvest,
    ) -> Self {
        Self { decoder, restore, encoder, harvest, events: Vec::new(), out: BytesMut::new(), shown: Shown::default() }
    }

    /// Writes the events that were decoded, and the end where there is one.
    fn write(&mut self) -> Bytes {
        self.restore.events(&mut self.events);
        self.events.iter_mut().for_each(fail_malformed);
        for event in std::mem::take(&mut self.events) {
            self.shown.note(&event);
            self.harvest.note(&event);
            self.encoder.push(&event, &mut self.out);
        }
        if self.shown.ending.is_none() && (self.shown.is_complete || self.shown.fault.is_some()) {
            self.shown.ending = Some(self.encoder.finish(&mut self.out));
        }
        self.out.split().freeze()
    }
}

impl Shown {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Usage(usage) => self.usage.update(usage),
            Event::Failed(fault) => self.fault = Some(fault.clone()),
            Event::Start(_) | Event::Ping => {}
            _ => self.is_content = true,
        }
    }
}

impl Pipe for Translate {
    fn push(&mut self, chunk: Bytes) -> Bytes {
        if self.shown.ending.is_some() {
            return Bytes::new();
        }
        if let Err(garbled) = self.decoder.push(chunk, &mut self.events) {
            self.events.push(Event::Failed(garbled.into()));
        }
        if self.decoder.is_done() {
            self.decoder.finish(&mut self.events);
            self.shown.is_complete = !self.events.iter().any(|event| matches!(event, Event::Failed(_)));
        }
        self.write()
    }

    fn end(&mut self) -> Bytes {
        if self.shown.ending.is_some() {
            return Bytes::new();
        }
        self.decoder.finish(&mut self.events);
        self.shown.is_complete = !self.events.iter().any(|event| matches!(event, Event::Failed(_)));
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

    fn shown(&self) -> &Shown {
        &self.shown
    }
}

/// A call that cannot be read is no answer: no dialect has a word for it that its clients would notice.
pub(super) fn fail_malformed(event: &mut Event) {
    if let Event::Finish { reason: FinishReason::Malformed, .. } = event {
        *event = Event::Failed(malformed());
    }
}

pub(super) fn malformed() -> Fault {
    Fault::upstream("the model wrote a tool call that cannot be read; ask again")
}

/// Reads a whole stream into its events, for a client that did not ask for one.
pub(super) fn read_all(decoder: &mut dyn StreamDecoder, body: Bytes) -> Result<Vec<Event>, Garbled> {
    let mut events = Vec::new();
    decoder.push(body, &mut events)?;
    decoder.finish(&mut events);
    Ok(events)
}
