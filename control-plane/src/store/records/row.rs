//! A request as a row: what lists show, and with its detail the whole record.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, Row, params_from_iter, types::Value};
use sha2::{Digest as _, Sha256};

use super::detail::{self, Detail};
use super::names::{NameIds, NameTexts};
use super::rollup::{Counted, Rates, Sums};
use crate::account::AccountName;
use crate::canon::{LossKind, ServiceTier, Usage};
use crate::outcome::Timestamp;
use crate::protocol::surface::Surface;
use crate::protocol::{self, Operation};
use crate::record::{Attempt, Cause, Ending, Failure, Record, blame_name, blame_named, is_billed};

/// The longest list of dropped fields that a row shows.
const DROPPED_BYTES_MAX: usize = 120;
/// The digits of the request ids that this program makes.
const ID_DIGITS: usize = 24;

/// All columns but `seq`, in the order in which they are written and read; `detail` last.
const COLUMNS: [&str; 39] = [
    "id",
    "ending",
    "received_us",
    "took_us",
    "first_byte_us",
    "dialect",
    "operation",
    "stream",
    "asked",
    "account",
    "provider",
    "model",
    "key",
    "agent",
    "session",
    "status",
    "cause",
    "blame",
    "until_us",
    "finish",
    "tier",
    "is_final",
    "input",
    "cache_read",
    "cache_write",
    "cache_write_short",
    "cache_write_long",
    "output",
    "reasoning",
    "tool_prompt",
    "audio_input",
    "audio_output",
    "hosted_calls",
    "cost_nanos",
    "bytes_in",
    "bytes_out",
    "attempts",
    "dropped",
    "detail",
];

/// A request as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRow {
    /// Rises in the order in which requests ended.
    pub seq: i64,
    pub request_id: String,
    pub received_at: Timestamp,
    pub took: Duration,
    pub first_byte_after: Option<Duration>,
    pub dialect: String,
    pub operation: Option<Operation>,
    pub stream: bool,
    /// The client's name of the model.
    pub asked: String,
    /// Account, provider and model of the last attempt.
    pub account: Option<String>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub key: Option<String>,
    pub agent: Option<String>,
    pub session: Option<[u8; 16]>,
    pub status: u16,
    pub ending: Ending,
    /// Without its message, which is not stored.
    pub failure: Option<Failure>,
    pub finish: Option<String>,
    pub tier: Option<ServiceTier>,
    pub usage: Usage,
    pub usage_is_final: bool,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub attempts: u32,
    /// The first fields that a translation left out.
    pub dropped: Option<String>,
}

/// The numbers of a record's names; 0 stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RecordNames {
    pub(super) account: i64,
    pub(super) provider: i64,
    /// 0 where no model was reached: names that clients make up would fill the rollup.
    pub(super) reached_model: i64,
    pub(super) key: i64,
    pub(super) agent: i64,
    model: i64,
}

/// The names of the record before: of requests that follow each other most have the same. What a
/// transaction that failed wrote must be forgotten.
#[derive(Default)]
pub(super) struct LatestNames(Option<Named>);

struct Named {
    provider: Arc<str>,
    account: AccountName,
    model: Arc<str>,
    key: Option<Arc<str>>,
    agent: Option<Cow<'static, str>>,
    numbers: RecordNames,
}

impl Named {
    fn is_of(&self, record: &Record, last: &Attempt) -> bool {
        self.provider == last.provider
            && self.account == last.account
            && self.model == last.model
            && self.key == record.key
            && self.agent == record.agent
    }
}

impl LatestNames {
    /// As [`RecordNames::of`], without a look at the names where they are the same.
    pub(super) fn numbers_of(
        &mut self,
        record: &Record,
        connection: &Connection,
        names: &mut NameIds,
    ) -> rusqlite::Result<RecordNames> {
        let Some(last) = record.attempts.last() else {
            return RecordNames::of(record, connection, names);
        };
        if let Some(named) = self.0.as_ref().filter(|named| named.is_of(record, last)) {
            return Ok(named.numbers.reaching(record));
        }
        let numbers = RecordNames::of(record, connection, names)?;
        self.0 = Some(Named {
            provider: last.provider.clone(),
            account: last.account.clone(),
            model: last.model.clone(),
            key: record.key.clone(),
            agent: record.agent.clone(),
            numbers,
        });
        Ok(numbers)
    }

    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

impl RecordNames {
    fn reaching(self, record: &Record) -> Self {
        Self {
            reached_model: if record.reached_model() {
                self.model
            } else {
                0
            },
            ..self
        }
    }

    pub(super) fn of(
        record: &Record,
        connection: &Connection,
        names: &mut NameIds,
    ) -> rusqlite::Result<Self> {
        let mut id = |name: Option<&str>| match name {
            Some(name) => names.id(connection, name),
            None => Ok(0),
        };
        let last = record.attempts.last();
        let model = id(last.map(|attempt| &*attempt.model))?;
        let named = Self {
            account: id(last.map(|attempt| attempt.account.as_str()))?,
            provider: id(last.map(|attempt| &*attempt.provider))?,
            reached_model: 0,
            key: id(record.key.as_deref())?,
            agent: id(record.agent.as_deref())?,
            model,
        };
        Ok(named.reaching(record))
    }
}

/// What writes rows in a transaction: its statement is looked up once, which costs as much as a
/// tenth of running it.
pub(super) struct RowInsert<'c> {
    connection: &'c Connection,
    insert: CachedStatement<'c>,
    /// The client's name of the model that came last, and what it is found by.
    asked: Option<(String, i64)>,
}

impl<'c> RowInsert<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            insert: connection.prepare_cached(&INSERT)?,
            asked: None,
        })
    }

    /// Writes a record under that number, unless its request has one. Returns whether it did. `rest`
    /// is the text of its detail without the attempts.
    pub(super) fn insert(
        &mut self,
        names: &mut NameIds,
        record: &Record,
        own: &RecordNames,
        seq: i64,
        rest: &str,
    ) -> rusqlite::Result<bool> {
        let dialect = names.id(self.connection, record.dialect.name())?;
        let operation = match record.operation {
            Some(operation) => Some(names.id(self.connection, operation_word(operation))?),
            None => None,
        };
        let unlisted = [seq.into(), self.asked_hash(&record.model).into()];
        let values = values(record, own, dialect, operation, rest);
        let values = params_from_iter(unlisted.into_iter().chain(values));
        if self.insert.execute(values)? == 0 {
            return Ok(false);
        }
        self.insert_tried(names, record, seq)?;
        Ok(true)
    }

    fn asked_hash(&mut self, model: &str) -> i64 {
        if let Some((asked, hash)) = &self.asked
            && asked == model
        {
            return *hash;
        }
        let hash = asked_hash(model);
        self.asked = Some((model.to_owned(), hash));
        hash
    }

    fn insert_tried(&self, names: &mut NameIds, record: &Record, seq: i64) -> rusqlite::Result<()> {
        let last = record.attempts.last().map(|attempt| &attempt.account);
        let earlier = record.attempts.iter().map(|attempt| &attempt.account);
        for account in earlier.filter(|account| Some(*account) != last) {
            let account = names.id(self.connection, account.as_str())?;
            let sql = "INSERT OR IGNORE INTO tried VALUES (?1, ?2)";
            let mut tried = self.connection.prepare_cached(sql)?;
            tried.execute([seq, account])?;
        }
        Ok(())
    }
}

/// Put together once: it would cost a third as much as running it.
static INSERT: LazyLock<String> = LazyLock::new(|| {
    let marks = vec!["?"; COLUMNS.len() + 2].join(", ");
    format!(
        "INSERT INTO requests (seq, asked_hash, {}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING",
        COLUMNS.join(", ")
    )
});

/// What a client's name of a model is found by: clients choose its length.
pub(super) fn asked_hash(model: &str) -> i64 {
    let digest = Sha256::digest(model.as_bytes());
    i64::from(u32::from_be_bytes([
        digest[0], digest[1], digest[2], digest[3],
    ]))
}

fn values(
    record: &Record,
    own: &RecordNames,
    dialect: i64,
    operation: Option<i64>,
    rest: &str,
) -> [Value; COLUMNS.len()] {
    let name = |id: i64| if id == 0 { Value::Null } else { id.into() };
    let text = |text: Option<&str>| optional(text.map(str::to_owned));
    let count = |count: Option<u64>| optional(count.map(signed));
    let failure = record.failure.as_ref();
    let until = failure.and_then(|failure| failure.until);
    let usage = &record.usage;
    let asked = (!is_asked_as_served(record)).then_some(&*record.model);
    [
        id_value(&record.request_id),
        i64::from(record.ending.number()).into(),
        moment(record.received_at).into(),
        micros(record.took).into(),
        optional(record.first_byte_after.map(micros)),
        dialect.into(),
        optional(operation),
        i64::from(record.stream).into(),
        text(asked),
        name(own.account),
        name(own.provider),
        name(own.model),
        name(own.key),
        name(own.agent),
        optional(record.session.map(Vec::from)),
        i64::from(record.status).into(),
        text(failure.map(|failure| failure.cause.name())),
        text(failure.map(|failure| blame_name(failure.blame))),
        optional(until.map(moment)),
        text(record.finish.as_deref()),
        i64::from(ServiceTier::number(record.tier)).into(),
        i64::from(record.usage_is_final).into(),
        count(usage.input),
        count(usage.cache_read),
        count(usage.cache_write),
        count(usage.cache_write_short),
        count(usage.cache_write_long),
        count(usage.output),
        count(usage.reasoning),
        count(usage.tool_prompt),
        count(usage.audio_input),
        count(usage.audio_output),
        count(usage.hosted_calls),
        count(usage.cost_nanos),
        signed(record.bytes_in).into(),
        signed(record.bytes_out).into(),
        signed(record.attempts.len() as u64).into(),
        optional(dropped(record)),
        detail::text_of(record, rest).into(),
    ]
}

fn optional<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or(Value::Null, Into::into)
}

/// Whether the client named the model as the upstream does.
fn is_asked_as_served(record: &Record) -> bool {
    let last = record.attempts.last();
    last.is_some_and(|attempt| *attempt.model == *record.model)
}

/// The first dropped fields, as far as they fit.
fn dropped(record: &Record) -> Option<String> {
    let mut list = String::new();
    let dropped = record
        .losses
        .iter()
        .filter(|loss| loss.kind == LossKind::Dropped);
    for loss in dropped {
        let between = if list.is_empty() { "" } else { ", " };
        if list.len() + between.len() + loss.path.len() > DROPPED_BYTES_MAX {
            list.push_str(if list.is_empty() { "…" } else { ", …" });
            break;
        }
        list.push_str(between);
        list.push_str(&loss.path);
    }
    (!list.is_empty()).then_some(list)
}

/// A request id as it is stored: half as long where it is one that this program made.
pub(super) fn id_value(id: &str) -> Value {
    match hex::decode(id) {
        Ok(bytes) if id.len() == ID_DIGITS && !id.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Value::Blob(bytes)
        }
        _ => Value::Text(id.to_owned()),
    }
}

pub(super) fn id_text(value: Value) -> String {
    match value {
        Value::Blob(bytes) => hex::encode(bytes),
        Value::Text(text) => text,
        _ => String::new(),
    }
}

/// The columns that [`RequestRow::read`] reads.
pub(super) fn row_columns(table: &str) -> String {
    let shown = &COLUMNS[..COLUMNS.len() - 1];
    let named: Vec<String> = std::iter::once(&"seq")
        .chain(shown)
        .map(|column| format!("{table}.{column}"))
        .collect();
    named.join(", ")
}

impl RequestRow {
    pub(super) fn read(row: &Row<'_>, names: &mut NameTexts<'_>) -> rusqlite::Result<Self> {
        let count = |name: &str| -> rusqlite::Result<Option<u64>> {
            Ok(row.get::<_, Option<i64>>(name)?.map(i64::cast_unsigned))
        };
        let mut name = |column: &str| names.text(row.get(column)?);
        let model = name("model")?;
        let asked: Option<String> = row.get("asked")?;
        let word: Option<String> = name("operation")?;
        let session: Option<Vec<u8>> = row.get("session")?;
        Ok(Self {
            seq: row.get("seq")?,
            request_id: id_text(row.get("id")?),
            received_at: at(row.get("received_us")?),
            took: duration(row.get("took_us")?),
            first_byte_after: row.get::<_, Option<i64>>("first_byte_us")?.map(duration),
            dialect: name("dialect")?.unwrap_or_default(),
            operation: word.as_deref().and_then(operation_of_word),
            stream: row.get("stream")?,
            asked: asked.or_else(|| model.clone()).unwrap_or_default(),
            account: name("account")?,
            provider: name("provider")?,
            model,
            key: name("key")?,
            agent: name("agent")?,
            session: session.and_then(|bytes| bytes.try_into().ok()),
            status: row.get("status")?,
            ending: Ending::of_number(row.get("ending")?).unwrap_or(Ending::Failed),
            failure: read_failure(row)?,
            finish: row.get("finish")?,
            tier: ServiceTier::of_number(row.get("tier")?),
            usage_is_final: row.get("is_final")?,
            usage: Usage {
                input: count("input")?,
                cache_read: count("cache_read")?,
                cache_write: count("cache_write")?,
                cache_write_short: count("cache_write_short")?,
                cache_write_long: count("cache_write_long")?,
                output: count("output")?,
                reasoning: count("reasoning")?,
                tool_prompt: count("tool_prompt")?,
                audio_input: count("audio_input")?,
                audio_output: count("audio_output")?,
                hosted_calls: count("hosted_calls")?,
                cost_nanos: count("cost_nanos")?,
            },
            bytes_in: count("bytes_in")?.unwrap_or_default(),
            bytes_out: count("bytes_out")?.unwrap_or_default(),
            attempts: row.get("attempts")?,
            dropped: row.get("dropped")?,
        })
    }

    fn counted(&self) -> Counted<'_> {
        Counted {
            is_billed: is_billed(self.operation, &self.usage),
            was_tried: self.attempts > 0,
            ending: self.ending,
            usage: &self.usage,
            usage_is_final: self.usage_is_final,
            tier: self.tier,
        }
    }

    /// The request as a sum of one.
    pub fn sums(&self) -> Sums {
        self.counted().sums()
    }

    pub fn rates(&self) -> Rates {
        self.counted().rates()
    }

    /// The whole record, with its detail.
    pub(super) fn into_record(self, detail: Detail<'_>) -> Record {
        let dialect = protocol::by_name(&self.dialect).unwrap_or(protocol::FALLBACK);
        let mut record = Record {
            took: self.took,
            first_byte_after: self.first_byte_after,
            operation: self.operation,
            model: self.asked,
            stream: self.stream,
            key: self.key.map(Into::into),
            agent: self.agent.map(Into::into),
            session: self.session,
            status: self.status,
            ending: self.ending,
            failure: self.failure,
            usage: self.usage,
            usage_is_final: self.usage_is_final,
            finish: self.finish.map(Into::into),
            tier: self.tier,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            ..Record::opened(self.request_id, self.received_at, dialect.dialect())
        };
        detail.complete(&mut record);
        record
    }
}

fn read_failure(row: &Row<'_>) -> rusqlite::Result<Option<Failure>> {
    let cause: Option<String> = row.get("cause")?;
    let blame: Option<String> = row.get("blame")?;
    let until: Option<i64> = row.get("until_us")?;
    let cause = cause.as_deref().and_then(Cause::named);
    let blame = blame.as_deref().and_then(blame_named);
    Ok(cause.zip(blame).map(|(cause, blame)| Failure {
        cause,
        blame,
        message: String::new(),
        until: until.map(at),
    }))
}

const OPERATIONS: [(Operation, &str); 7] = [
    (Operation::Generate, "generate"),
    (Operation::StreamGenerate, "stream_generate"),
    (Operation::CountTokens, "count_tokens"),
    (Operation::Embed, "embed"),
    (Operation::BatchEmbed, "batch_embed"),
    (Operation::ListModels, "list_models"),
    (Operation::ShowModel, "show_model"),
];

pub(super) fn operation_word(operation: Operation) -> &'static str {
    if let Operation::Surface(about) = operation {
        return about.name();
    }
    let known = OPERATIONS.iter().find(|(known, _)| *known == operation);
    known.map_or("generate", |(_, word)| word)
}

pub(super) fn operation_of_word(word: &str) -> Option<Operation> {
    let known = OPERATIONS.iter().find(|(_, known)| *known == word);
    let surface = || Surface::ALL.into_iter().find(|about| about.name() == word);
    known
        .map(|(operation, _)| *operation)
        .or_else(|| surface().map(Operation::Surface))
}

/// Figures above the range of the database's integers become its end.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(super) fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

/// Microseconds since 1970.
pub(super) fn moment(at: Timestamp) -> i64 {
    at.duration_since(Timestamp::UNIX_EPOCH).map_or(0, micros)
}

pub(super) fn at(micros: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + duration(micros)
}

/// The journal beside a file.
pub(super) fn journal_of(path: &std::path::Path) -> std::path::PathBuf {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    journal.into()
}
