//! The writer: the one thread that writes records. A record and its share of the sums are in one
//! transaction, and only a record that is new is summed up.
//!
//! Few records become rows at once. Of many in a moment the plain ones are packed, see
//! [`super::segments`]; their rows are made when a reader asks for them, and otherwise little by
//! little once it is quiet.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use rusqlite::{Transaction, TransactionBehavior, params, params_from_iter};
use tokio::time::Instant;
use tracing::{info, warn};

use super::bodies::{self, StoredBody};
use super::deletion::Wanted;
use super::names::NameIds;
use super::problem::RecordsProblem;
use super::queue::{Batch, Entry, Unpacking};
use super::retention::{Retention, bound_journal, delete_excess, delete_old, file_bytes};
use super::rollup::{Counted, FIRST_BYTE_BOUNDS_US, Rates, Sums, bounds_passed, quarter_of};
use super::row::{LatestNames, RecordNames, RowInsert};
use super::schema::SCHEMA;
use super::segments::{self, Packed, Rests, Segment};
use super::{Shared, row};
use crate::canon::ServiceTier;
use crate::record::packed::is_plain;
use crate::record::{Ending, Record};
use crate::store::file;
use crate::store::records::problem::Lost;

/// How long a file that could not be written to is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How often what is too old is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// How often the writer looks for it where nothing comes.
const IDLE_AFTER: Duration = SWEEP_EVERY;
/// From how many records on a batch is packed: some two hundred a second.
const PACKED_FROM: usize = 64;
/// How many records are packed at most, and in how many bytes: who asks for all of them waits about
/// a second.
const PACKED_MAX: Packed = Packed {
    records: 50_000,
    bytes: 16 << 20,
};
/// And which part of what the file may take.
const PACKED_SHARE: u64 = 8;
/// How long after the last burst rows are made of what is packed.
const QUIET_AFTER: Duration = Duration::from_secs(1);
/// How many times as long as a segment took the next one waits then: a burst's rows take a
/// five-hundredth of a core.
const QUIET_PAUSES: u32 = 500;
/// How long after a reader asked records become rows at once: a page that follows them asks again.
const ASKED_WITHIN: Duration = Duration::from_secs(2);
/// How long the end may take to make rows.
const CLOSING_MAX: Duration = Duration::from_millis(500);
/// SQLite's cache of pages, in KiB.
const CACHE_KIB: i32 = 1_024;

pub(super) fn start(path: PathBuf, shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("records".to_owned())
        .spawn(move || Writer::new(path, shared).run())
}

struct Writer {
    path: PathBuf,
    shared: Arc<Shared>,
    /// `None` before the first use, and after an error.
    database: Option<Database>,
    /// When a file that could not be used may be tried again; `None` where that helps nothing.
    retry_at: Option<Instant>,
    /// Records and checks of batches that were not written, to be noted in the file later.
    unnoted: Unnoted,
    /// What the person wants deleted; the first one has begun.
    deletions: VecDeque<Wanted>,
    sweep_at: Instant,
    /// The segments that readers wait for.
    unpackings: VecDeque<Unpacking>,
    packed: Packed,
    /// When the last batch was packed, and when a reader asked last.
    packed_at: Option<Instant>,
    asked_at: Option<Instant>,
    /// No further rows are made before that, unless a reader asks.
    rests_until: Option<Instant>,
}

#[derive(Clone, Copy, Default)]
struct Unnoted {
    dropped: u64,
    health_checks: u64,
}

impl Writer {
    fn new(path: PathBuf, shared: Arc<Shared>) -> Self {
        Self {
            path,
            shared,
            database: None,
            retry_at: Some(Instant::now()),
            unnoted: Unnoted::default(),
            deletions: VecDeque::new(),
            sweep_at: Instant::now(),
            unpackings: VecDeque::new(),
            packed: Packed::default(),
            packed_at: None,
            rests_until: None,
            asked_at: None,
        }
    }

    fn run(mut self) {
        // At once, so that a file that cannot be used is reported before the first request.
        self.open();
        while let Some(mut batch) = self.shared.queue.take(self.wait()) {
            self.unnoted.health_checks += batch.health_checks;
            if batch.is_waited_for {
                self.asked_at = Some(Instant::now());
            }
            self.open();
            self.unpackings.extend(batch.unpackings.drain(..));
            self.unpack_asked();
            if self.database.is_some() {
                self.delete_bodies(batch.deletes_bodies);
                self.write(&mut batch);
            } else {
                self.shared.queue.drop_batch(batch.records.len());
            }
            self.deletions.extend(batch.deletions);
            if self.is_unpacking() {
                self.unpack_some();
            } else {
                self.delete();
            }
            for flush in batch.flushes {
                // Who waited may be gone.
                let _ = flush.send(());
            }
        }
        let end = Instant::now() + CLOSING_MAX;
        while self.packed.records > 0 && Instant::now() < end {
            self.unpack_some();
        }
        if let Some(database) = self.database.take() {
            database.close();
        }
    }

    /// How long to wait for records; `None` where there is something else to do.
    fn wait(&self) -> Option<Duration> {
        if self.is_unpacking() || !self.unpackings.is_empty() || !self.deletions.is_empty() {
            None
        } else if self.packed.records > 0 {
            Some(self.due_at().saturating_duration_since(Instant::now()))
        } else {
            Some(IDLE_AFTER)
        }
    }

    /// Whether rows are made of what is packed, a segment at a time. What is to be deleted is among
    /// them.
    fn is_unpacking(&self) -> bool {
        let is_due = self.due_at() <= Instant::now();
        self.packed.records > 0 && (is_due || !self.deletions.is_empty())
    }

    /// When it is quiet enough for the next segment.
    fn due_at(&self) -> Instant {
        let quiet_at = self.packed_at.map(|at| at + QUIET_AFTER);
        quiet_at.max(self.rests_until).unwrap_or_else(Instant::now)
    }

    fn unpack_some(&mut self) {
        let began_at = Instant::now();
        self.unpack_first();
        // What an earlier process left becomes rows without a pause.
        if self.packed_at.is_some() {
            self.rests_until = Some(Instant::now() + began_at.elapsed() * QUIET_PAUSES);
        }
    }

    fn unpack_first(&mut self) {
        let first = self.database.as_ref().map(Database::first_segment);
        match first {
            Some(Ok(Some(first))) => {
                self.unpack(first);
            }
            // Another process made rows of the rest.
            Some(Ok(None)) | None => self.packed = Packed::default(),
            Some(Err(error)) => self.stop(error.into()),
        }
    }

    /// Goes on with what readers wait for, a segment at a time: records that come meanwhile have
    /// their turn.
    fn unpack_asked(&mut self) {
        let Some(mut asked) = self.unpackings.pop_front() else {
            return;
        };
        if let Some(first_seq) = asked.segments.pop()
            && !self.unpack(first_seq)
        {
            return;
        }
        if asked.segments.is_empty() {
            // Who waited may be gone.
            let _ = asked.done.send(());
        } else {
            self.unpackings.push_front(asked);
        }
    }

    /// Makes rows of a segment. Returns whether they are there.
    fn unpack(&mut self, first_seq: i64) -> bool {
        let Some(database) = &mut self.database else {
            return false;
        };
        match database.unpack(first_seq) {
            Ok(unpacked) => {
                self.packed = unpacked.left;
                self.shared.queue.drop_batch(unpacked.lost);
                self.shared.note(unpacked.lost as u64);
                if unpacked.is_recounted {
                    self.shared.touches.note_all();
                }
                self.tidy();
            }
            Err(error) => self.stop(error),
        }
        self.database.is_some()
    }

    /// Whether a batch is packed.
    fn packs(&self, batch: &Batch) -> bool {
        let bytes_max = PACKED_MAX
            .bytes
            .min(self.shared.retention().bytes_max / PACKED_SHARE);
        let has_place = self.packed.records < PACKED_MAX.records && self.packed.bytes < bytes_max;
        let is_asked = |at: Instant| at.elapsed() < ASKED_WITHIN;
        has_place && batch.records.len() >= PACKED_FROM && !self.asked_at.is_some_and(is_asked)
    }

    /// Whether the file is open.
    fn open(&mut self) -> bool {
        if self.database.is_some() {
            return true;
        }
        if self.retry_at.is_none_or(|at| at > Instant::now()) {
            return false;
        }
        match Database::open(&self.path, &self.shared.retention()) {
            Ok(database) => {
                self.packed = database.packed().unwrap_or_default();
                self.database = Some(database);
                self.publish_state();
                true
            }
            Err(problem) => {
                self.stop(problem);
                false
            }
        }
    }

    fn delete_bodies(&mut self, is_asked: bool) {
        if let (true, Some(database)) = (is_asked, &mut self.database)
            && let Err(error) = bodies::delete_all(&mut database.file.connection)
        {
            self.stop(error.into());
        }
    }

    fn write(&mut self, batch: &mut Batch) {
        let count = batch.records.len();
        let packs = self.packs(batch);
        let Some(database) = &mut self.database else {
            return;
        };
        let records = prepare(std::mem::take(&mut batch.records), &self.shared);
        let noted = Unnoted {
            dropped: self.shared.queue.dropped() - self.shared.noted(),
            health_checks: self.unnoted.health_checks,
        };
        match database.write(&records, noted, packs) {
            Ok(last_seq) => {
                if packs {
                    self.packed = database.packed().unwrap_or_default();
                    self.packed_at = Some(Instant::now());
                }
                // Known before a caller that waits for this batch reads it.
                let arrived = records
                    .iter()
                    .map(|entry| quarter_of(entry.record.received_at));
                self.shared.touches.note(arrived);
                self.unnoted = Unnoted::default();
                self.shared.note(noted.dropped);
                self.shared.set_problem(None);
                if let Some(seq) = last_seq {
                    self.shared.publish(seq);
                }
                self.tidy();
            }
            Err(error) => {
                self.shared.queue.drop_batch(count);
                self.stop(error);
            }
        }
    }

    /// Goes on with what is to be deleted, in the order in which it was asked for.
    fn delete(&mut self) {
        let Some(wanted) = self.deletions.pop_front() else {
            return;
        };
        let Some(database) = &mut self.database else {
            let unusable = RecordsProblem::Unusable {
                why: Lost::NeverOpened.into(),
            };
            wanted.refuse(self.shared.problem().unwrap_or(unusable));
            return;
        };
        let (forgets, touches) = (wanted.forgets_sums(), self.shared.touches.clone());
        let noting = || {
            if forgets {
                touches.note_all();
            }
        };
        if let Some(rest) = wanted.step(&mut database.file.connection, noting) {
            self.deletions.push_front(rest);
        } else {
            self.publish_state();
        }
    }

    /// Keeps the file within its limits.
    fn tidy(&mut self) {
        let retention = self.shared.retention();
        let Some(database) = &mut self.database else {
            return;
        };
        let connection = &mut database.file.connection;
        let mut tidied = delete_excess(connection, &retention);
        if tidied.is_ok() && self.sweep_at <= Instant::now() {
            tidied = delete_old(connection, &retention, SystemTime::now()).map(|may_be_more| {
                if !may_be_more {
                    self.sweep_at = Instant::now() + SWEEP_EVERY;
                }
            });
        }
        match tidied {
            Ok(()) => self.publish_state(),
            Err(error) => self.stop(error.into()),
        }
    }

    fn publish_state(&self) {
        let Some(database) = &self.database else {
            return;
        };
        let bytes = file_bytes(&database.file.connection).unwrap_or_default();
        let journal = row::journal_of(&self.path);
        let journal = std::fs::metadata(journal).map_or(0, |metadata| metadata.len());
        self.shared
            .set_size(bytes + journal, database.oldest().ok().flatten());
    }

    /// Stops recording, for now or until the file is another one.
    fn stop(&mut self, problem: RecordsProblem) {
        if let Some(database) = self.database.take() {
            database.close();
        }
        self.packed = Packed::default();
        self.retry_at = problem.may_pass().then(|| Instant::now() + RETRY_AFTER);
        if self.shared.problem().as_ref() != Some(&problem) {
            warn!(why = problem.name(), detail = %problem, "requests are not recorded");
        }
        self.shared.set_problem(Some(problem));
    }
}

/// A record as it is written.
pub(super) struct Prepared {
    pub(super) record: Arc<Record>,
    pub(super) bodies: Vec<StoredBody>,
}

/// Takes the secrets out of bodies and packs them, before the transaction. Where nothing says which
/// secrets there are, none are kept.
fn prepare(records: Vec<Entry>, shared: &Shared) -> Vec<Prepared> {
    let has_bodies = records.iter().any(|entry| entry.bodies.is_some());
    let known = shared.known_secrets.get().filter(|_| has_bodies);
    let known = known.map(|known| known());
    let pack = |entry: Entry| Prepared {
        bodies: match (entry.bodies, &known) {
            (Some(raw), Some(known)) => bodies::packed(raw.redacted(known)),
            _ => Vec::new(),
        },
        record: entry.record,
    };
    records.into_iter().map(pack).collect()
}

/// The open file.
pub(super) struct Database {
    pub(super) file: file::Database,
    names: NameIds,
    latest_names: LatestNames,
    /// The number of the latest record that was ever written, also where it is deleted: one that
    /// follows the list would miss what gets its number again.
    last_seq: i64,
    rests: Rests,
}

/// What came of a segment.
pub(super) struct Unpacked {
    /// Records that cannot be read.
    lost: usize,
    /// Whether sums changed: a request had been recorded twice.
    is_recounted: bool,
    left: Packed,
}

/// Where a record is summed up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RollupKey {
    quarter: i64,
    names: RollupNames,
    rates: Rates,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RollupNames([i64; 5]);

impl RollupNames {
    fn of(names: &RecordNames) -> Self {
        Self([
            names.account,
            names.provider,
            names.reached_model,
            names.key,
            names.agent,
        ])
    }
}

/// What a transaction adds to the sums: many records share a few rows.
#[derive(Default)]
struct Added {
    sums: HashMap<RollupKey, Sums>,
    /// The sums of the latest records that share a key, which are not among `sums` yet.
    latest: Option<(RollupKey, Sums)>,
    first_bytes: HashMap<(i64, RollupNames, usize), u64>,
    /// The first and the last number of each quarter.
    arrivals: BTreeMap<i64, (i64, i64)>,
}

impl Database {
    pub(super) fn open(path: &Path, retention: &Retention) -> Result<Self, RecordsProblem> {
        let file = file::connect(path, &SCHEMA)?;
        let connection = &file.connection;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // What is deleted may be a conversation.
        connection.pragma_update(None, "secure_delete", true)?;
        bound_journal(connection, retention)?;
        connection.set_prepared_statement_cache_capacity(32);
        let last_seq = last_seq(connection)?;
        Ok(Self {
            file,
            names: NameIds::default(),
            latest_names: LatestNames::default(),
            last_seq,
            rests: Rests::default(),
        })
    }

    /// Writes records with their sums, all or none, the plain ones packed where `packs` says so.
    /// Returns the last number.
    fn write(
        &mut self,
        records: &[Prepared],
        unnoted: Unnoted,
        packs: bool,
    ) -> Result<Option<i64>, RecordsProblem> {
        self.file.check_place()?;
        let written = self.try_write(records, unnoted, packs);
        match &written {
            Ok(Some(seq)) => self.last_seq = *seq,
            Ok(None) => {}
            Err(_) => self.forget_names(),
        }
        Ok(written?)
    }

    fn try_write(
        &mut self,
        records: &[Prepared],
        unnoted: Unnoted,
        packs: bool,
    ) -> rusqlite::Result<Option<i64>> {
        let transaction = begin(&mut self.file.connection)?;
        let mut added = Added::default();
        let mut segment = Segment::default();
        let mut last_seq = None;
        let mut seq = self.last_seq + 1;
        let mut rows = RowInsert::new(&transaction)?;
        for Prepared { record, bodies } in records {
            let (latest, names) = (&mut self.latest_names, &mut self.names);
            let own = latest.numbers_of(record, &transaction, names)?;
            let rest = self.rests.text_of(record);
            if packs && bodies.is_empty() && is_plain(record) {
                segment.push(seq, record, rest);
            } else if rows.insert(names, record, &own, seq, rest)? {
                bodies::insert(&transaction, seq, record.received_at, bodies)?;
            } else {
                continue;
            }
            added.count(record, &own, seq);
            last_seq = Some(seq);
            seq += 1;
        }
        drop(rows);
        segment.write(&transaction)?;
        added.write(&transaction, 1)?;
        note(&transaction, unnoted)?;
        transaction.commit()?;
        Ok(last_seq)
    }

    pub(super) fn packed(&self) -> rusqlite::Result<Packed> {
        Packed::of(&self.file.connection)
    }

    fn first_segment(&self) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT min(first_seq) FROM segments";
        self.file.connection.query_row(sql, [], |row| row.get(0))
    }

    /// Makes rows of a segment, all or none. One that is gone has its rows.
    pub(super) fn unpack(&mut self, first_seq: i64) -> Result<Unpacked, RecordsProblem> {
        self.file.check_place()?;
        let unpacked = self.try_unpack(first_seq);
        if unpacked.is_err() {
            self.forget_names();
        }
        Ok(unpacked?)
    }

    fn forget_names(&mut self) {
        self.names.forget();
        self.latest_names.forget();
    }

    fn try_unpack(&mut self, first_seq: i64) -> rusqlite::Result<Unpacked> {
        let transaction = begin(&mut self.file.connection)?;
        let segment = segments::take(&transaction, first_seq)?.unwrap_or_default();
        let mut twice = Added::default();
        let mut is_recounted = false;
        let mut rows = RowInsert::new(&transaction)?;
        for (seq, record) in &segment.records {
            let (latest, names) = (&mut self.latest_names, &mut self.names);
            let own = latest.numbers_of(record, &transaction, names)?;
            let rest = self.rests.text_of(record);
            if !rows.insert(names, record, &own, *seq, rest)? {
                twice.count(record, &own, *seq);
                is_recounted = true;
            }
        }
        drop(rows);
        twice.write(&transaction, -1)?;
        let unreadable = Unnoted {
            dropped: segment.unreadable,
            health_checks: 0,
        };
        note(&transaction, unreadable)?;
        let left = Packed::of(&transaction)?;
        transaction.commit()?;
        Ok(Unpacked {
            lost: usize::try_from(segment.unreadable).unwrap_or_default(),
            is_recounted,
            left,
        })
    }

    #[cfg(test)]
    pub(super) fn write_for_test(&mut self, records: &[Arc<Record>]) -> Result<(), RecordsProblem> {
        let plain = |record: &Arc<Record>| Prepared {
            record: record.clone(),
            bodies: Vec::new(),
        };
        let records: Vec<_> = records.iter().map(plain).collect();
        self.write(&records, Unnoted::default(), false).map(drop)
    }

    /// When the oldest record arrived.
    fn oldest(&self) -> rusqlite::Result<Option<i64>> {
        let mut select = self
            .file
            .connection
            .prepare_cached("SELECT received_us FROM requests ORDER BY seq LIMIT 1")?;
        let mut rows = select.query([])?;
        rows.next()?.map(|row| row.get(0)).transpose()
    }

    pub(super) fn close(self) {
        if let Err((_, error)) = self.file.connection.close() {
            info!(%error, "the records could not be closed");
        }
    }
}

fn last_seq(connection: &rusqlite::Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT max(coalesce((SELECT max(seq) FROM requests), 0),
        coalesce((SELECT max(last_seq) FROM arrivals), 0),
        coalesce((SELECT max(last_seq) FROM segments), 0))";
    connection.query_row(sql, [], |row| row.get(0))
}

/// A transaction that writes from its start on: another process that makes rows of segments is
/// waited for, and nothing that was read before is out of date.
fn begin(connection: &mut rusqlite::Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

impl Added {
    fn count(&mut self, record: &Record, names: &RecordNames, seq: i64) {
        let quarter = quarter_of(record.received_at);
        let names = RollupNames::of(names);
        let counted = Counted::of(record);
        let key = RollupKey {
            quarter,
            names,
            rates: counted.rates(),
        };
        match &mut self.latest {
            Some((latest, sums)) if *latest == key => sums.add(&counted.sums()),
            _ => {
                self.settle();
                self.latest = Some((key, counted.sums()));
            }
        }
        let is_timed = record.stream && record.ending == Ending::Done;
        if let (true, Some(after)) = (is_timed, record.first_byte_after) {
            let micros = row::micros(after).cast_unsigned();
            let bucket = bounds_passed(&FIRST_BYTE_BOUNDS_US, micros);
            *self
                .first_bytes
                .entry((quarter, names, bucket))
                .or_default() += 1;
        }
        let (_, last) = self.arrivals.entry(quarter).or_insert((seq, seq));
        *last = seq;
    }

    fn settle(&mut self) {
        if let Some((key, sums)) = self.latest.take() {
            self.sums.entry(key).or_default().add(&sums);
        }
    }

    /// Adds to the sums where `sign` is 1, and takes out of them again where it is -1.
    fn write(mut self, transaction: &Transaction<'_>, sign: i64) -> rusqlite::Result<()> {
        self.settle();
        let mut sums = transaction.prepare_cached(&sums_sql())?;
        for (key, added) in &self.sums {
            let RollupKey {
                quarter,
                names,
                rates,
            } = key;
            let key = std::iter::once(*quarter).chain(names.0).chain([
                i64::from(ServiceTier::number(rates.tier)),
                i64::from(rates.band),
                i64::from(rates.is_charged),
            ]);
            let values = added
                .values()
                .map(|value| value.cast_signed().wrapping_mul(sign));
            sums.execute(params_from_iter(key.chain(values)))?;
        }
        let mut first_bytes = transaction.prepare_cached(
            "INSERT INTO first_bytes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT DO UPDATE SET requests = requests + excluded.requests",
        )?;
        for ((quarter, names, bucket), count) in &self.first_bytes {
            let values = std::iter::once(*quarter).chain(names.0).chain([
                i64::try_from(*bucket).unwrap_or_default(),
                count.cast_signed() * sign,
            ]);
            first_bytes.execute(params_from_iter(values))?;
        }
        let mut arrivals = transaction.prepare_cached(
            "INSERT INTO arrivals VALUES (?1, ?2, ?3, 0, 0) ON CONFLICT DO UPDATE SET
            first_seq = min(coalesce(first_seq, excluded.first_seq), excluded.first_seq),
            last_seq = max(coalesce(last_seq, excluded.last_seq), excluded.last_seq)",
        )?;
        for (quarter, (first, last)) in &self.arrivals {
            arrivals.execute([quarter, first, last])?;
        }
        Ok(())
    }
}

fn sums_sql() -> String {
    let columns = Sums::COLUMNS;
    let marks = vec!["?"; columns.len() + 9].join(", ");
    let added: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} = {column} + excluded.{column}"))
        .collect();
    format!(
        "INSERT INTO rollup VALUES ({marks}) ON CONFLICT DO UPDATE SET {}",
        added.join(", ")
    )
}

/// Notes what has no record, in the quarter of now.
fn note(transaction: &Transaction<'_>, unnoted: Unnoted) -> rusqlite::Result<()> {
    let Unnoted {
        dropped,
        health_checks,
    } = unnoted;
    if dropped == 0 && health_checks == 0 {
        return Ok(());
    }
    let mut note = transaction.prepare_cached(
        "INSERT INTO arrivals VALUES (?1, NULL, NULL, ?2, ?3) ON CONFLICT DO UPDATE SET
        health_checks = health_checks + excluded.health_checks,
        not_recorded = not_recorded + excluded.not_recorded",
    )?;
    let quarter = quarter_of(SystemTime::now());
    note.execute(params![
        quarter,
        health_checks.cast_signed(),
        dropped.cast_signed()
    ])?;
    Ok(())
}
