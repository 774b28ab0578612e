//! Plain records in a few dozen bytes each, so that many of them can be written as one value.
//!
//! ```text
//! [version][number of texts][length, text]...[length, fields]...
//! ```
//!
//! Texts stand once; fields name them by their place, from 1 on. All numbers are LEB128, signed ones
//! in zigzag; times are in microseconds. A later version appends fields to a record: a reader takes
//! what it knows, and what a record ends before is as it was opened.
//!
//! It never packs a failure, more than one attempt, or what providers said.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Attempt, Ending, Record};
use crate::canon::{Dialect, ServiceTier, Usage};
use crate::outcome::{Outcome, Timestamp};
use crate::protocol;

const VERSION: u8 = 1;
/// The bytes of the request ids that this program makes.
const ID_BYTES: usize = 12;
/// What stands before a request id that is none of ours, in place of nothing.
const ID_IS_TEXT: u64 = 1;

/// What the fields of a record mostly fit in.
const FIELDS_BYTES: usize = 256;

const IS_STREAM: u64 = 1;
const IS_FINAL: u64 = 1 << 1;
const HAS_SESSION: u64 = 1 << 2;
const HAS_ATTEMPT: u64 = 1 << 3;

/// Where a text stands in a record. Requests that follow each other mostly have the same one there.
#[derive(Clone, Copy)]
enum Place {
    Dialect,
    Operation,
    Asked,
    Key,
    Agent,
    Finish,
    Rest,
    Provider,
    Account,
    Model,
    UpstreamDialect,
}

const PLACES: usize = Place::UpstreamDialect as usize + 1;

/// Whether a record can be packed.
pub fn is_plain(record: &Record) -> bool {
    let is_plain =
        |attempt: &Attempt| attempt.next.is_none() && outcome_number(&attempt.outcome).is_some();
    matches!(record.ending, Ending::Done | Ending::Left)
        && record.failure.is_none()
        && record.repeats.is_none()
        && record.attempts.len() <= 1
        && record.attempts.iter().all(is_plain)
}

/// The outcomes after which a request may have ended well. The usage of one that was served is the
/// record's.
fn outcome_number(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Served { .. } => Some(0),
        Outcome::Cancelled => Some(1),
        Outcome::Unread => Some(2),
        _ => None,
    }
}

fn outcome_of_number(number: u64, usage: Usage) -> Option<Outcome> {
    match number {
        0 => Some(Outcome::Served { usage }),
        1 => Some(Outcome::Cancelled),
        2 => Some(Outcome::Unread),
        _ => None,
    }
}

/// Packs records.
#[derive(Default)]
pub struct Packer {
    texts: Texts,
    records: Vec<u8>,
    count: u64,
    /// The fields of the record at hand.
    fields: Fields,
}

#[derive(Default)]
struct Texts {
    numbers: HashMap<Box<str>, u64>,
    bytes: Vec<u8>,
    /// The latest text of each place.
    latest: [(Box<str>, u64); PLACES],
}

impl Texts {
    fn number(&mut self, place: Place, text: &str) -> u64 {
        let (latest, number) = &self.latest[place as usize];
        if *number != 0 && **latest == *text {
            return *number;
        }
        let number = match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                push_bytes(&mut self.bytes, text.as_bytes());
                let number = self.numbers.len() as u64 + 1;
                self.numbers.insert(text.into(), number);
                number
            }
        };
        self.latest[place as usize] = (text.into(), number);
        number
    }
}

impl Packer {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many records there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds a plain record under its number. `operation` is the word under which its operation is
    /// stored, `rest` what is stored of what the model became, of accounts that were passed over,
    /// and of losses.
    pub fn push(&mut self, seq: i64, record: &Record, operation: Option<&str>, rest: &str) {
        self.fields.0.clear();
        self.fields.0.reserve(FIELDS_BYTES);
        self.push_facts(seq, record, operation, rest);
        self.push_usage(&record.usage);
        if let Some(attempt) = record.attempts.last() {
            self.push_attempt(attempt, record);
        }
        push_bytes(&mut self.records, &self.fields.0);
        self.count += 1;
    }

    fn push_facts(&mut self, seq: i64, record: &Record, operation: Option<&str>, rest: &str) {
        let Self { texts, fields, .. } = self;
        let mut text = |place, text: Option<&str>| text.map_or(0, |text| texts.number(place, text));
        let is_set = |flag: u64, is_set: bool| if is_set { flag } else { 0 };
        fields.signed(seq);
        fields.id(&record.request_id);
        fields.number(
            is_set(IS_STREAM, record.stream)
                | is_set(IS_FINAL, record.usage_is_final)
                | is_set(HAS_SESSION, record.session.is_some())
                | is_set(HAS_ATTEMPT, !record.attempts.is_empty()),
        );
        fields.number(u64::from(record.ending.number()));
        fields.signed(micros_since(Timestamp::UNIX_EPOCH, record.received_at));
        fields.duration(record.took);
        fields.optional_duration(record.first_byte_after);
        fields.number(text(Place::Dialect, Some(record.dialect.name())));
        fields.number(text(Place::Operation, operation));
        fields.number(text(Place::Asked, Some(&record.model)));
        fields.number(text(Place::Key, record.key.as_deref()));
        fields.number(text(Place::Agent, record.agent.as_deref()));
        fields.number(text(Place::Finish, record.finish.as_deref()));
        fields.number(text(Place::Rest, Some(rest)));
        if let Some(session) = &record.session {
            fields.0.extend_from_slice(session);
        }
        fields.number(u64::from(record.status));
        fields.number(u64::from(ServiceTier::number(record.tier)));
        fields.number(record.bytes_in);
        fields.number(record.bytes_out);
    }

    /// Which figures there are, a bit each, and then these.
    fn push_usage(&mut self, usage: &Usage) {
        let figures = figures(usage);
        let known = figures.iter().enumerate();
        let known = known.map(|(index, figure)| u64::from(figure.is_some()) << index);
        self.fields.number(known.sum());
        for figure in figures.into_iter().flatten() {
            self.fields.number(figure);
        }
    }

    fn push_attempt(&mut self, attempt: &Attempt, record: &Record) {
        let Self { texts, fields, .. } = self;
        fields.number(texts.number(Place::Provider, &attempt.provider));
        fields.number(texts.number(Place::Account, attempt.account.as_str()));
        fields.number(texts.number(Place::Model, &attempt.model));
        fields.number(texts.number(Place::UpstreamDialect, attempt.dialect.name()));
        fields.signed(micros_since(record.received_at, attempt.began_at));
        fields.duration(attempt.waited);
        fields.duration(attempt.took);
        let outcome = outcome_number(&attempt.outcome);
        fields.number(outcome.unwrap_or_default());
        fields.number(attempt.status.map_or(0, |status| u64::from(status) + 1));
        fields.optional_duration(attempt.head_after);
        fields.bytes(
            attempt
                .upstream_id
                .as_deref()
                .unwrap_or_default()
                .as_bytes(),
        );
    }

    /// All of it.
    pub fn finish(self) -> Vec<u8> {
        let mut packed = Vec::with_capacity(self.texts.bytes.len() + self.records.len() + 16);
        packed.push(VERSION);
        push_number(&mut packed, self.texts.numbers.len() as u64);
        packed.extend_from_slice(&self.texts.bytes);
        packed.extend_from_slice(&self.records);
        packed
    }
}

/// In the order in which they are packed; a later version appends.
fn figures(usage: &Usage) -> [Option<u64>; 12] {
    let Usage {
        input,
        cache_read,
        cache_write,
        cache_write_short,
        cache_write_long,
        output,
        reasoning,
        tool_prompt,
        audio_input,
        audio_output,
        hosted_calls,
        cost_nanos,
    } = *usage;
    [
        input,
        cache_read,
        cache_write,
        cache_write_short,
        cache_write_long,
        output,
        reasoning,
        tool_prompt,
        audio_input,
        audio_output,
        hosted_calls,
        cost_nanos,
    ]
}

#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    #[inline]
    fn number(&mut self, number: u64) {
        push_number(&mut self.0, number);
    }

    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn duration(&mut self, duration: Duration) {
        self.number(micros(duration));
    }

    /// 0 for none.
    fn optional_duration(&mut self, duration: Option<Duration>) {
        self.number(duration.map_or(0, |duration| micros(duration).saturating_add(1)));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        push_bytes(&mut self.0, bytes);
    }

    /// The bytes of an id that this program made follow a 0.
    fn id(&mut self, id: &str) {
        if let Some(bytes) = own_id(id) {
            self.number(0);
            self.0.extend_from_slice(&bytes);
        } else {
            self.number(ID_IS_TEXT);
            self.bytes(id.as_bytes());
        }
    }
}

/// The bytes of an id in the form that this program makes: 24 lower-case hexadecimal digits.
fn own_id(id: &str) -> Option<[u8; ID_BYTES]> {
    let (pairs, []) = id.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let pairs: &[[u8; 2]; ID_BYTES] = pairs.try_into().ok()?;
    let mut bytes = [0; ID_BYTES];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(bytes)
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// What a packed record holds of its request's id.
pub fn packed_id(id: &str) -> Vec<u8> {
    let mut fields = Fields::default();
    fields.id(id);
    fields.0
}

fn micros(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000);
    seconds.saturating_add(u64::from(duration.subsec_micros()))
}

/// 0 where it is before.
fn micros_since(start: Timestamp, at: Timestamp) -> i64 {
    let since = at.duration_since(start);
    since.map_or(0, |since| i64::try_from(micros(since)).unwrap_or(i64::MAX))
}

fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn push_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    push_number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// A record as it was packed.
pub struct Unpacked<'p> {
    pub seq: i64,
    /// Without an operation, and without what `rest` holds.
    pub record: Record,
    pub operation: Option<&'p str>,
    pub rest: &'p str,
}

/// Reads what [`Packer::finish`] made: for each record `None` where it cannot be read; where the
/// bytes break off it ends. `None` as a whole where it is of another version, or broken.
pub fn unpack(packed: &[u8]) -> Option<impl Iterator<Item = Option<Unpacked<'_>>>> {
    let mut input = Input(packed);
    if input.take(1)? != [VERSION] {
        return None;
    }
    let mut texts = Vec::new();
    for _ in 0..input.number()? {
        texts.push(std::str::from_utf8(input.bytes()?).ok()?);
    }
    let fields = std::iter::from_fn(move || (!input.0.is_empty()).then(|| input.bytes()).flatten());
    Some(fields.map(move |fields| unpack_record(&mut Input(fields), &texts)))
}

fn unpack_record<'p>(input: &mut Input<'p>, texts: &[&'p str]) -> Option<Unpacked<'p>> {
    let seq = input.signed()?;
    let id = input.id()?;
    let flags = input.number()?;
    let ending = Ending::of_number(u8::try_from(input.number()?).ok()?)?;
    let received_at = Timestamp::UNIX_EPOCH.checked_add(input.positive()?)?;
    let took = input.duration()?;
    let first_byte_after = input.optional_duration()?;
    let dialect = input.dialect(texts)?;
    let operation = input.text(texts)?;
    let model = input.text(texts)?.unwrap_or_default().to_owned();
    let key = input.text(texts)?.map(Arc::from);
    let agent = input.text(texts)?.map(|agent| Cow::Owned(agent.to_owned()));
    let finish = input
        .text(texts)?
        .map(|finish| Cow::Owned(finish.to_owned()));
    let rest = input.text(texts)?.unwrap_or_default();
    let session = if flags & HAS_SESSION == 0 {
        None
    } else {
        Some(input.take(16)?.try_into().ok()?)
    };
    let mut record = Record {
        took,
        first_byte_after,
        model,
        stream: flags & IS_STREAM != 0,
        key,
        agent,
        finish,
        session,
        status: u16::try_from(input.number()?).ok()?,
        ending,
        usage_is_final: flags & IS_FINAL != 0,
        tier: ServiceTier::of_number(u8::try_from(input.number()?).ok()?),
        bytes_in: input.number()?,
        bytes_out: input.number()?,
        usage: input.usage()?,
        ..Record::opened(id, received_at, dialect)
    };
    if flags & HAS_ATTEMPT != 0 {
        record.attempts = vec![unpack_attempt(input, texts, &record)?];
    }
    Some(Unpacked {
        seq,
        record,
        operation,
        rest,
    })
}

fn unpack_attempt<'p>(
    input: &mut Input<'p>,
    texts: &[&'p str],
    record: &Record,
) -> Option<Attempt> {
    Some(Attempt {
        provider: input.text(texts)??.into(),
        account: input.text(texts)??.parse().ok()?,
        model: input.text(texts)??.into(),
        dialect: input.dialect(texts)?,
        began_at: record.received_at.checked_add(input.positive()?)?,
        waited: input.duration()?,
        took: input.duration()?,
        outcome: outcome_of_number(input.number()?, record.usage)?,
        detail: None,
        status: match input.number()? {
            0 => None,
            status => Some(u16::try_from(status - 1).ok()?),
        },
        head_after: input.optional_duration()?,
        upstream_id: match std::str::from_utf8(input.bytes()?).ok()? {
            "" => None,
            id => Some(id.into()),
        },
        next: None,
    })
}

/// What is left to read. Nothing that is read reaches behind its end.
struct Input<'p>(&'p [u8]);

impl<'p> Input<'p> {
    fn take(&mut self, count: usize) -> Option<&'p [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn bytes(&mut self) -> Option<&'p [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    /// The inner `None` is no text.
    fn text(&mut self, texts: &[&'p str]) -> Option<Option<&'p str>> {
        match usize::try_from(self.number()?).ok()? {
            0 => Some(None),
            number => texts.get(number - 1).map(|text| Some(*text)),
        }
    }

    fn dialect(&mut self, texts: &[&'p str]) -> Option<Dialect> {
        let name = self.text(texts)??;
        Some(protocol::by_name(name)?.dialect())
    }

    fn duration(&mut self) -> Option<Duration> {
        self.number().map(Duration::from_micros)
    }

    fn optional_duration(&mut self) -> Option<Option<Duration>> {
        let number = self.number()?;
        Some(number.checked_sub(1).map(Duration::from_micros))
    }

    /// A time since a start.
    fn positive(&mut self) -> Option<Duration> {
        let micros = u64::try_from(self.signed()?).ok()?;
        Some(Duration::from_micros(micros))
    }

    fn id(&mut self) -> Option<String> {
        if self.number()? == ID_IS_TEXT {
            return Some(std::str::from_utf8(self.bytes()?).ok()?.to_owned());
        }
        Some(hex::encode(self.take(ID_BYTES)?))
    }

    fn usage(&mut self) -> Option<Usage> {
        let known = self.number()?;
        let mut figures = [None; 64];
        for (index, figure) in figures.iter_mut().enumerate() {
            if (known >> index) & 1 == 1 {
                *figure = Some(self.number()?);
            }
        }
        let mut next = figures.into_iter();
        let mut next = || next.next().flatten();
        Some(Usage {
            input: next(),
            cache_read: next(),
            cache_write: next(),
            cache_write_short: next(),
            cache_write_long: next(),
            output: next(),
            reasoning: next(),
            tool_prompt: next(),
            audio_input: next(),
            audio_output: next(),
            hosted_calls: next(),
            cost_nanos: next(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{anthropic, openai_chat};

    /// Everything that is packed is set.
    fn full(index: u64) -> Record {
        let at = Timestamp::UNIX_EPOCH + Duration::from_micros(1_795_953_600_000_000 + index);
        let usage = Usage {
            input: Some(1 << 40),
            cache_read: Some(0),
            cache_write: Some(1),
            cache_write_short: Some(127),
            cache_write_long: Some(128),
            output: Some(u64::MAX),
            reasoning: None,
            tool_prompt: Some(7),
            audio_input: None,
            audio_output: Some(8),
            hosted_calls: Some(9),
            cost_nanos: Some(10),
        };
        Record {
            took: Duration::from_micros(50),
            first_byte_after: Some(Duration::ZERO),
            model: "fast".to_owned(),
            stream: true,
            key: Some("ci".into()),
            agent: Some("codex".into()),
            session: Some([7; 16]),
            attempts: vec![Attempt {
                provider: "lab".into(),
                account: "work".parse().unwrap(),
                model: "m-1".into(),
                dialect: anthropic::DIALECT,
                began_at: at + Duration::from_micros(3),
                waited: Duration::from_micros(2),
                outcome: Outcome::Served { usage },
                detail: None,
                took: Duration::from_micros(40),
                status: Some(200),
                head_after: Some(Duration::from_micros(20)),
                upstream_id: Some("req_1".into()),
                next: None,
            }],
            status: 200,
            ending: Ending::Done,
            usage,
            usage_is_final: true,
            finish: Some("stop".into()),
            tier: Some(ServiceTier::Flex),
            bytes_in: 100,
            bytes_out: 1 << 33,
            ..Record::opened(format!("{index:024x}"), at, openai_chat::DIALECT)
        }
    }

    /// Nothing is set that need not be.
    fn bare() -> Record {
        let mut record = Record::opened(
            "one of a person".to_owned(),
            Timestamp::UNIX_EPOCH,
            openai_chat::DIALECT,
        );
        record.status = 499;
        record
    }

    fn packed(records: &[Record]) -> Vec<u8> {
        let mut packer = Packer::default();
        for (seq, record) in (5..).zip(records) {
            assert!(is_plain(record));
            packer.push(seq, record, Some("generate"), "{}");
        }
        packer.finish()
    }

    fn unpacked(packed: &[u8]) -> Vec<(i64, Record)> {
        let records = unpack(packed).expect("its version is known");
        let record = |unpacked: Option<Unpacked<'_>>| {
            let unpacked = unpacked.expect("it is whole");
            assert_eq!(
                (unpacked.operation, unpacked.rest),
                (Some("generate"), "{}")
            );
            (unpacked.seq, unpacked.record)
        };
        records.map(record).collect()
    }

    #[test]
    fn records_are_unpacked_as_they_were_packed() {
        let mut left = full(3);
        left.ending = Ending::Left;
        left.attempts[0].outcome = Outcome::Cancelled;
        left.attempts[0].upstream_id = None;
        left.attempts[0].status = None;
        let records = [full(1), full(2), bare(), left];
        let expected: Vec<_> = (5..).zip(records.clone()).collect();
        assert_eq!(unpacked(&packed(&records)), expected);
    }

    #[test]
    fn texts_that_repeat_stand_once() {
        let records: Vec<_> = (0..100).map(full).collect();
        let packed = packed(&records);
        assert_eq!(memchr::memmem::find_iter(&packed, b"codex").count(), 1);
        // Its figures here are larger than any real one's.
        assert!(packed.len() < 100 * 130, "{}", packed.len());
    }

    #[test]
    fn a_request_is_found_by_its_packed_id() {
        let packed = packed(&[full(1), bare()]);
        let finds = |id: &str| memchr::memmem::find(&packed, &packed_id(id)).is_some();
        assert!(finds(&full(1).request_id) && finds("one of a person"));
        assert!(!finds(&full(2).request_id));
    }

    #[test]
    fn what_failed_or_was_tried_twice_is_not_plain() {
        let mut tried = full(1);
        tried.attempts.push(tried.attempts[0].clone());
        let mut failed = full(1);
        failed.attempts[0].outcome = Outcome::Failed;
        let mut again = full(1);
        again.repeats = Some("1".into());
        let mut ended = full(1);
        ended.ending = Ending::Failed;
        for record in [tried, failed, again, ended] {
            assert!(!is_plain(&record));
        }
    }

    #[test]
    fn what_is_cut_off_or_broken_anywhere_is_missed_and_nothing_panics() {
        let whole = packed(&[full(1), full(2), bare()]);
        for end in 0..whole.len() {
            let read = unpack(&whole[..end]).map(Iterator::collect::<Vec<_>>);
            assert!(read.is_none_or(|read| read.len() < 3 && read.iter().all(Option::is_some)));
        }
        for index in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut broken = whole.clone();
                broken[index] = byte;
                let read = unpack(&broken).into_iter().flatten();
                assert!(read.count() <= whole.len());
            }
        }
    }

    #[test]
    fn fields_that_a_later_version_appends_are_passed_over() {
        let mut packer = Packer::default();
        packer.push(1, &full(1), None, "");
        let mut fields = std::mem::take(&mut packer.fields.0);
        fields.extend_from_slice(b"a later field");
        packer.records.clear();
        push_bytes(&mut packer.records, &fields);
        let packed = packer.finish();
        let mut read = unpack(&packed).unwrap();
        assert_eq!(read.next().flatten().unwrap().record, full(1));
        assert!(read.next().is_none());
    }
}
