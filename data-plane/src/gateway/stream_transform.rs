//! What stands between an upstream's bytes and a client's: watching them pass, or translating them.
//!
//! A transform does no IO and knows no time; the relay feeds it.
//!
//! ```text
//! Passthrough: chunk ----------------------------> complete records, errors redacted
//!                 \-> frames -> frame info -> status
//! Translator:  chunk -> decoder -> events -> names restored, stops -> encoder -> bytes
//!                                    \-> status, signatures
//! ```

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use tracing::debug;

use super::attempt_error::{broken_off, redact_bytes, redact_fault};
use super::signatures::SignatureCollector;
use super::stop_sequences::StopSequences;
use crate::account::{Credential, Redactor};
use crate::canon::{Event, Fault, FinishReason, ServiceTier, Usage};
use crate::outcome::{Timestamp, since_1970};
use crate::protocol::call_ids::UniqueIds;
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
    /// Whether output came; from then on no other attempt is made.
    pub(super) is_content: bool,
    /// Whether the upstream sent its dialect's terminator; only the end of its body is still due.
    pub(super) is_over: bool,
    /// The error that ended the stream, sent by the upstream or found here.
    pub(super) fault: Option<Fault>,
    pub(super) usage: Usage,
    pub(super) finish: Option<FinishReason>,
    pub(super) tier: Option<ServiceTier>,
    /// The id of a response that its provider keeps.
    pub(super) stored: Option<String>,
    /// How the client's body ends; set once nothing more is to be sent.
    pub(super) ending: Option<StreamEnd>,
}

/// Turns an upstream's chunks into a client's. Nothing may be pushed once the ending is set.
pub(super) trait StreamTransform: Send {
    /// Takes a chunk of the upstream; returns what the client gets for it.
    fn push(&mut self, chunk: Bytes) -> Bytes;

    /// The upstream's body ended without a transport error. Sets the ending.
    fn end(&mut self) -> Bytes;

    /// The upstream broke off, took too long, or is no longer waited for. Sets the ending.
    fn fail(&mut self, fault: Fault) -> Bytes;

    /// A keep-alive, empty where the dialect has none.
    fn keep_alive(&mut self) -> Bytes;

    fn status(&self) -> &StreamStatus;
}

/// A passthrough: records go on as they came, but for a credential that an error quotes; usage and
/// end are read in passing.
pub(super) struct Passthrough {
    protocol: &'static dyn Protocol,
    /// The client's query, for the form of an error record.
    query: Option<String>,
    framing: Framing,
    tracker: FrameTracker,
    /// A record that has not ended. It is held back, since it may turn out to be an error.
    held: BytesMut,
    credential: Arc<Credential>,
    /// Made at its first use: encoding a credential takes longer than most records.
    redactor: Option<Redactor>,
}

/// What the records told that passed.
#[derive(Default)]
struct FrameTracker {
    records: u64,
    /// How many choices were asked for, and how many have ended.
    choices: u64,
    ended: u64,
    /// Whether the stream may end here: the upstream said why it finished, for each of several
    /// choices.
    may_end: bool,
    /// Whether a record since the last release may be an error, though not in the dialect's form.
    may_quote: bool,
    /// An error that stood in the stream without the form of a record.
    bare_error: Option<Bytes>,
    status: StreamStatus,
}

/// Whether a record that tells nothing else looks like an error.
fn looks_like_error(frame: &Frame, info: &FrameInfo) -> bool {
    let tells_nothing =
        !info.is_content && !info.is_end && info.usage.is_none() && info.fault.is_none();
    tells_nothing && (frame.event == b"error"[..] || has_error(&frame.data))
}

/// Whether the data has an `error` that is no `null`.
fn has_error(data: &[u8]) -> bool {
    const KEY: &[u8] = b"\"error\"";
    let Some(at) = memchr::memmem::find(data, KEY) else {
        return false;
    };
    let value = data[at + KEY.len()..]
        .iter()
        .find(|byte| !b" :".contains(byte));
    matches!(value, Some(b'{' | b'"'))
}

/// What a record tells. An error without the form of a record is written as the dialect's whole
/// errors are.
fn frame_info(protocol: &dyn Protocol, frame: &Frame) -> FrameInfo {
    let mut info = protocol.frame_info(frame);
    if frame.is_bare && info.fault.is_none() && has_error(&frame.data) {
        let status = StatusCode::BAD_GATEWAY;
        let fault = protocol.decode_fault(status, &HeaderMap::new(), &frame.data);
        info.fault = Some(Fault {
            status: None,
            ..fault
        });
    }
    info
}

impl FrameTracker {
    fn note(&mut self, frame: &Frame, info: FrameInfo) {
        if self.bare_error.is_some() {
            // What follows such an error is no part of the answer.
            return;
        }
        self.records += u64::from(!frame.is_bare);
        self.may_quote |= looks_like_error(frame, &info);
        let status = &mut self.status;
        status.is_content |= info.is_content;
        status.is_over |= info.is_last || info.fault.is_some();
        self.ended += info.ended;
        self.may_end |=
            info.is_last || info.is_end && (self.ended == 0 || self.ended >= self.choices);
        if let Some(usage) = info.usage {
            status.usage.update(&usage);
        }
        if info.finish.is_some() {
            status.finish = info.finish;
        }
        status.tier = info.tier.or(status.tier);
        if info.stored.is_some() {
            status.stored = info.stored;
        }
        if status.fault.is_none() {
            self.bare_error = (frame.is_bare && info.fault.is_some()).then(|| frame.data.clone());
            status.fault = info.fault;
        }
    }
}

/// How the records of a stream are separated.
enum Framing {
    Events(Frames),
    Array(Objects),
    /// A record exceeded the framing's limit: what follows passes unread, but for the credential.
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
                    data,
                    ..Frame::default()
                })
            }),
            Self::Lost => Ok(()),
        };
        if read.is_err() {
            debug!("limit: a record is too long to be read; the stream passes unread");
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

    /// How many of the latest bytes belong to a record that has not ended.
    fn open_bytes(&self) -> usize {
        match self {
            Self::Events(frames) => frames.open_bytes(),
            Self::Array(objects) => objects.open_bytes(),
            Self::Lost => 0,
        }
    }

    /// Whether lines came since the last call that no record shows.
    fn take_other_lines(&mut self) -> bool {
        match self {
            Self::Events(frames) => frames.take_other_lines(),
            Self::Array(_) | Self::Lost => false,
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

fn redactor<'r>(made: &'r mut Option<Redactor>, credential: &Credential) -> &'r Redactor {
    made.get_or_insert_with(|| Redactor::of(credential))
}

impl Passthrough {
    /// `is_events` = server-sent events; else a JSON array is streamed.
    pub(super) fn new(
        protocol: &'static dyn Protocol,
        query: Option<String>,
        is_events: bool,
        choices: u64,
        credential: Arc<Credential>,
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
            tracker: FrameTracker {
                choices,
                ..FrameTracker::default()
            },
            held: BytesMut::new(),
            credential,
            redactor: None,
        }
    }

    /// What may go on to the client now that `chunk` came: all but a record that has not ended.
    fn release(&mut self, chunk: Bytes) -> Bytes {
        if matches!(self.framing, Framing::Lost) {
            self.held.extend_from_slice(&chunk);
            let redactor = redactor(&mut self.redactor, &self.credential);
            return redactor.release(&mut self.held);
        }
        let open = self.framing.open_bytes();
        let mut complete = if open == 0 && self.held.is_empty() {
            chunk
        } else {
            self.held.extend_from_slice(&chunk);
            let end = self.held.len().saturating_sub(open);
            self.held.split_to(end).freeze()
        };
        let bare_error = self.tracker.bare_error.take();
        if let Some(error) = &bare_error {
            let at = memchr::memmem::rfind(&complete, error).unwrap_or(complete.len());
            complete.truncate(at);
        }
        let may_quote =
            std::mem::take(&mut self.tracker.may_quote) || self.framing.take_other_lines();
        if may_quote || self.tracker.status.fault.is_some() {
            self.redact(&mut complete);
        }
        match bare_error {
            Some(_) => self.end_with_record(&complete),
            None => complete,
        }
    }

    /// Ends the stream with its error as a record, which the dialect's clients read. What followed
    /// the error is no part of the answer.
    fn end_with_record(&mut self, complete: &[u8]) -> Bytes {
        let fault = self.tracker.status.fault.as_ref();
        let record = fault.map(|fault| self.encode_record(fault));
        self.held.clear();
        self.finish_clean();
        [complete, &record.unwrap_or_default()].concat().into()
    }

    /// What was held back, at the end of the upstream's body.
    fn release_all(&mut self) -> Bytes {
        let mut held = self.held.split().freeze();
        if !held.is_empty() {
            self.redact(&mut held);
        }
        held
    }

    /// Takes the credential out of what goes to the client, and of the fault that was read in it.
    fn redact(&mut self, bytes: &mut Bytes) {
        let redactor = redactor(&mut self.redactor, &self.credential);
        redact_bytes(bytes, redactor);
        if let Some(fault) = &mut self.tracker.status.fault {
            redact_fault(fault, redactor);
        }
    }

    fn state(&self) -> PassthroughState<'_> {
        PassthroughState {
            query: self.query.as_deref(),
            records: self.tracker.records,
        }
    }

    /// Ends a stream that sent all it had to send. After an error record of the upstream's own the
    /// body ends as the dialect's clients notice it.
    fn finish_clean(&mut self) -> Bytes {
        let ending = match &self.tracker.status.fault {
            None => StreamEnd::Clean,
            // Only the ending is needed: the record itself has passed.
            Some(fault) => {
                self.protocol
                    .encode_stream_fault(fault, &self.state(), &mut BytesMut::new())
            }
        };
        self.tracker.status.ending = Some(ending);
        self.release_all()
    }

    /// Ends a stream early. Between two records the error is written as one of its own; within a
    /// record only breaking off is honest, behind what came of it. Either way the connection is aborted, since a stream
    /// that passed through may have no other sign that its clients know.
    fn break_off(&mut self, fault: Fault, is_between: bool) -> Bytes {
        let record = if is_between {
            self.encode_record(&fault)
        } else {
            self.release_all()
        };
        self.tracker.status.ending = Some(StreamEnd::Abort);
        self.tracker.status.fault = Some(fault);
        record
    }

    /// An error record with the line ends of the stream that it stands in: some clients split by
    /// the first that they saw.
    fn encode_record(&self, fault: &Fault) -> Bytes {
        let mut record = BytesMut::new();
        self.protocol
            .encode_stream_fault(fault, &self.state(), &mut record);
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
        let tracker = &mut self.tracker;
        self.framing.push(chunk.clone(), |frame| {
            tracker.note(frame, frame_info(protocol, frame));
        });
        match &self.framing {
            Framing::Events(_) => {}
            Framing::Array(objects) => {
                tracker.status.is_over |= tracker.may_end && objects.is_closed();
            }
            Framing::Lost => tracker.status.is_content = true,
        }
        self.release(chunk)
    }

    fn end(&mut self) -> Bytes {
        let is_between = self.framing.is_between();
        if let Some(frame) = self.framing.finish() {
            self.tracker.note(&frame, self.protocol.frame_info(&frame));
        }
        let is_complete = self.tracker.may_end
            || self.tracker.status.is_over
            || matches!(self.framing, Framing::Lost);
        if is_complete {
            self.finish_clean()
        } else {
            self.break_off(broken_off(), is_between)
        }
    }

    fn fail(&mut self, fault: Fault) -> Bytes {
        if self.tracker.status.is_over {
            return self.finish_clean();
        }
        let is_between = self.framing.is_between();
        self.break_off(fault, is_between)
    }

    fn keep_alive(&mut self) -> Bytes {
        Bytes::new()
    }

    fn status(&self) -> &StreamStatus {
        &self.tracker.status
    }
}

/// A translation: decode, restore tool names, encode.
pub(super) struct Translator {
    decoder: Box<dyn StreamDecoder>,
    restore: Restore,
    stops: Option<StopSequences>,
    encoder: Box<dyn StreamEncoder>,
    ids: UniqueIds,
    signatures: SignatureCollector,
    credential: Arc<Credential>,
    events: Vec<Event>,
    out: BytesMut,
    status: StreamStatus,
}

impl Translator {
    pub(super) fn new(
        decoder: Box<dyn StreamDecoder>,
        restore: Restore,
        stops: Option<StopSequences>,
        encoder: Box<dyn StreamEncoder>,
        ids: UniqueIds,
        signatures: SignatureCollector,
        credential: Arc<Credential>,
    ) -> Self {
        Self {
            decoder,
            restore,
            stops,
            encoder,
            ids,
            signatures,
            credential,
            events: Vec::new(),
            out: BytesMut::new(),
            status: StreamStatus::default(),
        }
    }

    /// Encodes the decoded events up to the first error, and the terminator where the stream ends.
    fn write(&mut self) -> Bytes {
        self.restore.events(&mut self.events);
        self.ids.events(&mut self.events);
        if let Some(stops) = &mut self.stops {
            stops.events(&mut self.events);
            self.status.is_over |= stops.is_stopped();
        }
        for mut event in self.events.drain(..) {
            fail_malformed(&mut event);
            if let Event::Failed(fault) = &mut event {
                redact_fault(fault, &Redactor::of(&self.credential));
            }
            self.status.note(&event);
            self.signatures.note(&event);
            self.encoder.push(&event, &mut self.out);
            if self.status.fault.is_some() {
                break;
            }
        }
        if self.status.is_over || self.status.fault.is_some() {
            self.encoder.complete_at(since_1970(Timestamp::now()));
            self.status.ending = Some(self.encoder.finish(&mut self.out));
        }
        self.out.split().freeze()
    }
}

impl StreamStatus {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Usage(usage) => self.usage.update(usage),
            Event::Failed(fault) => self.fault = Some(fault.clone()),
            Event::Start(start) => {
                let tier = start.tier.as_ref();
                self.tier = tier.map(|tier| ServiceTier::of(&tier.to_plain()));
            }
            Event::Finish { reason, .. } => {
                self.finish.get_or_insert_with(|| reason.clone());
                self.is_content = true;
            }
            Event::Ping => {}
            _ => self.is_content = true,
        }
    }
}

impl StreamTransform for Translator {
    fn push(&mut self, chunk: Bytes) -> Bytes {
        if let Err(error) = self.decoder.push(chunk, &mut self.events) {
            self.events.push(Event::Failed(error.into()));
        } else if self.decoder.is_done() {
            return self.end();
        }
        self.write()
    }

    fn end(&mut self) -> Bytes {
        self.decoder.finish(&mut self.events);
        self.status.is_over = true;
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

    fn status(&self) -> &StreamStatus {
        &self.status
    }
}

/// Turns a malformed tool call into an error: no dialect has a finish reason for it that its
/// clients would notice.
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

/// Decodes a whole stream, for a client that did not ask for one.
pub(super) fn read_all(
    decoder: &mut dyn StreamDecoder,
    body: Bytes,
) -> Result<Vec<Event>, MalformedResponse> {
    let mut events = Vec::new();
    decoder.push(body, &mut events)?;
    decoder.finish(&mut events);
    Ok(events)
}
