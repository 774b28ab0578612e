use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::canon::{Blame, Fault, FaultKind, Loss, LossKind, ServiceTier, Usage};
use crate::outcome::{Next, Outcome, Refusal, Scope, Stage};
use crate::protocol::{Operation, anthropic, openai_chat};
use crate::record::{Attempt, Cause, Ending, Failure, NextStep, PassedOver, Resolved, ResolvedBy};
use crate::status::NotAsked;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    (folder, path)
}

fn start(path: &Path) -> RecordStore {
    start_with(path, Retention::default())
}

fn start_with(path: &Path, retention: Retention) -> RecordStore {
    RecordStore::start(path.to_owned(), retention, Arc::new(Ring::new(4))).unwrap()
}

/// 2026-11-29 12:00:00 UTC, and so many seconds.
fn at(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_795_953_600 + seconds)
}

fn attempt(account: &str, outcome: Outcome) -> Attempt {
    Attempt {
        provider: "lab".into(),
        account: account.parse().unwrap(),
        model: "m-1".into(),
        dialect: anthropic::DIALECT,
        began_at: at(9) + Duration::from_millis(3),
        waited: Duration::from_millis(2),
        outcome,
        detail: None,
        took: Duration::from_millis(40),
        status: Some(200),
        head_after: Some(Duration::from_millis(20)),
        upstream_id: Some("req_1".into()),
        next: None,
    }
}

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input: Some(input),
        cache_read: Some(input / 2),
        output: Some(output),
        ..Usage::default()
    }
}

/// The `index`-th request, served by `account`.
fn served(index: u64, account: &str) -> Record {
    let usage = usage(100 + index, 10);
    Record {
        operation: Some(Operation::Generate),
        model: "m-1".to_owned(),
        stream: true,
        took: Duration::from_millis(50),
        first_byte_after: Some(Duration::from_millis(30)),
        attempts: vec![attempt(account, Outcome::Served { usage })],
        status: 200,
        ending: Ending::Done,
        usage,
        usage_is_final: true,
        ..Record::opened(format!("{index:024x}"), at(index), openai_chat::DIALECT)
    }
}

fn failed(index: u64, account: &str) -> Record {
    let outcome = Outcome::Throttled {
        scope: Scope::Account,
        until: Some(at(600)),
    };
    let fault = Fault {
        retry_after: Some(Duration::from_secs(600)),
        ..Fault::new(FaultKind::RateLimited, Blame::Account, "slow down")
    };
    let mut record = Record {
        usage: Usage::default(),
        usage_is_final: false,
        attempts: vec![attempt(account, outcome.clone())],
        status: 429,
        ..served(index, account)
    };
    record.fail(Failure::of(&fault, Some(&outcome), at(index)));
    record
}

/// A record in which everything is set.
fn full() -> Record {
    let outcomes = [
        Outcome::Throttled {
            scope: Scope::Model,
            until: Some(at(60)),
        },
        Outcome::QuotaSpent {
            scope: Scope::Account,
            until: None,
        },
        Outcome::Unauthorized,
        Outcome::Forbidden,
        Outcome::Intercepted,
        Outcome::Overloaded {
            until: Some(at(61)),
        },
        Outcome::Failed,
        Outcome::Rejected(Refusal::InvalidSignature),
        Outcome::Unreachable { stage: Stage::Tls },
        Outcome::TimedOut { stage: Stage::Head },
        Outcome::MalformedResponse,
        Outcome::Cancelled,
        Outcome::Unread,
        Outcome::Rejected(Refusal::ContextTooLong),
    ];
    let attempts = outcomes
        .into_iter()
        .enumerate()
        .map(|(index, outcome)| Attempt {
            detail: Some("it said \"no\" to `tell me`".to_owned()),
            next: Some(NextStep {
                next: Next::OtherAccount,
                is_limited: index == 3,
            }),
            ..attempt(&format!("a{index}"), outcome)
        });
    let loss = |path: &str, kind| Loss {
        path: path.to_owned(),
        kind,
    };
    Record {
        model: "fast".to_owned(),
        key: Some("ci".into()),
        agent: Some("codex".into()),
        session: Some([7; 16]),
        resolved: Some(Arc::new(Resolved::new(
            ResolvedBy::Rule {
                name: "fast".to_owned(),
                rule: "fast".to_owned(),
            },
            vec!["lab/m-1".to_owned()],
        ))),
        passed_over: vec![PassedOver {
            candidate: "lab/m-1".to_owned(),
            account: Some("rested".parse().unwrap()),
            why: NotAsked::Busy { in_flight: 2 },
            said: Some("your prompt was `tell me`".into()),
        }],
        attempts: attempts.collect(),
        status: 400,
        ending: Ending::Failed,
        failure: Some(Failure {
            cause: Cause::ContextTooLong,
            blame: Blame::Client,
            message: "too long: `tell me`".to_owned(),
            until: Some(at(99)),
        }),
        usage: Usage {
            input: Some(9),
            cache_read: Some(1),
            cache_write: Some(2),
            cache_write_short: Some(3),
            cache_write_long: Some(4),
            output: Some(5),
            reasoning: Some(6),
            tool_prompt: Some(7),
            audio_input: Some(8),
            audio_output: Some(10),
            hosted_calls: Some(11),
            cost_nanos: Some(12),
        },
        finish: Some("tool_calls".into()),
        tier: Some(ServiceTier::Flex),
        losses: vec![
            loss("seed", LossKind::Dropped),
            loss("temperature", LossKind::Adjusted),
            loss("max_tokens", LossKind::Added),
        ],
        bytes_in: 100,
        bytes_out: 200,
        ..served(1, "a")
    }
}

/// The record without what providers said, which is not stored.
fn stored(record: &Record) -> Record {
    let mut record = record.clone();
    if let Some(failure) = &mut record.failure {
        failure.message.clear();
    }
    record
        .attempts
        .iter_mut()
        .for_each(|attempt| attempt.detail = None);
    record
        .passed_over
        .iter_mut()
        .for_each(|passed| passed.said = None);
    record
}

async fn write(store: &RecordStore, records: impl IntoIterator<Item = Record>) {
    records.into_iter().for_each(|record| store.record(record));
    store.flush().await;
}

fn page(rows_max: usize) -> Page {
    Page {
        rows_max,
        ..Page::default()
    }
}

fn listed(path: &Path, filter: &RequestFilter) -> Vec<String> {
    let reader = RecordReader::new(path.to_owned());
    let rows = reader.list(filter, &page(100)).unwrap();
    rows.into_iter().map(|row| row.request_id).collect()
}

/// All rows of the rollup, by the dimensions.
fn rolled_up(path: &Path, by: &[Dimension]) -> BTreeMap<Vec<DimensionValue>, Sums> {
    let span = RollupSpan {
        quarters: 0..i64::MAX,
        shift: 0,
        by,
        only: &[],
        timed_providers: &[],
    };
    let mut sums: BTreeMap<_, Sums> = BTreeMap::new();
    for row in RecordReader::new(path.to_owned()).rollup(&span).unwrap() {
        sums.entry(row.values).or_default().add(&row.sums);
    }
    sums
}

fn total(path: &Path) -> Sums {
    rolled_up(path, &[]).remove(&Vec::new()).unwrap_or_default()
}

#[tokio::test]
async fn a_record_is_read_as_it_was_written_but_for_what_providers_said() {
    let (folder, path) = place();
    let store = start(&path);
    let records = [full(), served(2, "work"), failed(3, "work")];
    write(&store, records.clone()).await;
    let reader = RecordReader::new(path.clone());
    for record in &records {
        let (_, read) = reader.find(&record.request_id).unwrap().unwrap();
        assert_eq!(read, stored(record));
    }
    assert_eq!(reader.find("ffffffffffffffffffffffff").unwrap(), None);
    // And after the store is gone.
    drop(store);
    let (_, read) = reader.find(&records[0].request_id).unwrap().unwrap();
    assert_eq!(read, stored(&records[0]));
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert_eq!(memchr::memmem::find(&bytes, b"tell me"), None);
    }
}

#[tokio::test]
async fn a_request_that_is_recorded_twice_counts_once() {
    let (_folder, path) = place();
    let store = start(&path);
    write(&store, [served(1, "work"), served(1, "work")]).await;
    write(&store, [served(1, "work"), served(2, "work")]).await;
    assert_eq!(listed(&path, &RequestFilter::default()).len(), 2);
    assert_eq!(total(&path).requests, 2);
    assert_eq!(total(&path).input, 101 + 102);
}

#[tokio::test]
async fn sums_are_the_sums_of_the_records_by_each_dimension() {
    let (_folder, path) = place();
    let store = start(&path);
    let records: Vec<Record> = (0..200)
        .map(|index| {
            let account = ["work", "home", "lab"][index as usize % 3];
            let mut record = if index % 7 == 0 {
                failed(index, account)
            } else {
                served(index, account)
            };
            record.received_at = at(index * 400);
            record.key = (index % 2 == 0).then(|| "ci".into());
            record.agent = Some(["codex", "curl"][index as usize % 2].into());
            record
        })
        .collect();
    write(&store, records.clone()).await;
    let by = [
        Dimension::Account,
        Dimension::Key,
        Dimension::Client,
        Dimension::Quarter,
    ];
    let mut expected: BTreeMap<Vec<DimensionValue>, Sums> = BTreeMap::new();
    for record in &records {
        let name = |name: Option<&str>| DimensionValue::Name(name.map(str::to_owned));
        let key = vec![
            name(Some(record.attempts[0].account.as_str())),
            name(record.key.as_deref()),
            name(record.agent.as_deref()),
            DimensionValue::Time(quarter_of(record.received_at)),
        ];
        expected
            .entry(key)
            .or_default()
            .add(&rollup::Counted::of(record).sums());
    }
    assert_eq!(rolled_up(&path, &by), expected);
    let sums = total(&path);
    assert_eq!((sums.requests, sums.failed, sums.uncounted), (200, 29, 0));
}

#[tokio::test]
async fn failures_and_accounts_of_earlier_attempts_are_found_page_by_page() {
    let (_folder, path) = place();
    let store = start(&path);
    let mut moved = served(5, "home");
    moved.attempts.insert(0, attempt("work", Outcome::Failed));
    write(
        &store,
        [
            served(1, "work"),
            failed(2, "work"),
            served(3, "home"),
            failed(4, "home"),
            moved,
        ],
    )
    .await;
    let ids = |indices: &[u64]| -> Vec<String> {
        indices
            .iter()
            .map(|index| format!("{index:024x}"))
            .collect()
    };
    let failed_only = RequestFilter {
        endings: vec![Ending::Failed, Ending::Refused],
        ..RequestFilter::default()
    };
    assert_eq!(listed(&path, &failed_only), ids(&[4, 2]));
    let of_work = RequestFilter {
        account: Some("work".to_owned()),
        ..RequestFilter::default()
    };
    assert_eq!(listed(&path, &of_work), ids(&[5, 2, 1]));
    let unknown = RequestFilter {
        account: Some("gone".to_owned()),
        ..RequestFilter::default()
    };
    assert_eq!(listed(&path, &unknown), ids(&[]));
    let between = RequestFilter {
        from: Some(at(2)),
        until: Some(at(4)),
        ..RequestFilter::default()
    };
    assert_eq!(listed(&path, &between), ids(&[3, 2]));
    let reader = RecordReader::new(path.clone());
    let newest = reader.list(&of_work, &page(2)).unwrap();
    let older = Page {
        before: Some(newest[1].seq),
        ..page(2)
    };
    let older = reader.list(&of_work, &older).unwrap();
    assert_eq!(older[0].request_id, ids(&[1])[0]);
    let later = Page {
        after: Some(newest[1].seq),
        ..page(2)
    };
    let later = reader.list(&RequestFilter::default(), &later).unwrap();
    let later: Vec<_> = later.into_iter().map(|row| row.request_id).collect();
    assert_eq!(later, ids(&[3, 4]));
}

#[tokio::test]
async fn failures_outlive_successes_and_sums_outlive_both() {
    const DAY: u64 = 24 * 60 * 60;
    let (_folder, path) = place();
    let now = std::time::SystemTime::now();
    let aged = |record: Record, days: u64| Record {
        received_at: now - Duration::from_secs(days * DAY),
        ..record
    };
    let store = start(&path);
    let records = [
        aged(served(1, "work"), 31),
        aged(failed(2, "work"), 31),
        aged(failed(3, "work"), 91),
        aged(served(4, "work"), 29),
    ];
    write(&store, records).await;
    store.close();
    drop(store);
    // What is old is looked for with the first records after a start.
    let store = start(&path);
    write(&store, [aged(served(5, "work"), 0)]).await;
    let kept = listed(&path, &RequestFilter::default());
    let kept: Vec<_> = kept.iter().map(|id| &id[23..]).collect();
    assert_eq!(kept, ["5", "4", "2"]);
    assert_eq!(total(&path).requests, 5);
}

#[tokio::test]
async fn the_file_keeps_to_its_size_while_it_is_written() {
    let (_folder, path) = place();
    let retention = Retention {
        bytes_max: 3 << 20,
        ..Retention::default()
    };
    let store = start_with(&path, retention);
    for round in 0..20 {
        let records = (0..500).map(|index| {
            let index = round * 500 + index;
            if index % 100 == 0 {
                failed(index, "work")
            } else {
                served(index, "work")
            }
        });
        write(&store, records).await;
        let status = store.status();
        assert!(status.bytes <= retention.bytes_max, "{status:?}");
    }
    let failures = RequestFilter {
        endings: vec![Ending::Failed, Ending::Refused],
        ..RequestFilter::default()
    };
    assert_eq!(listed(&path, &failures).len(), 100, "every failure is left");
    let left = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM requests", [], |row| {
            row.get::<_, u32>(0)
        })
        .unwrap();
    assert!((500..9_000).contains(&left), "{left}");
    assert_eq!(total(&path).requests, 10_000);
    assert!(store.status().oldest.is_some());
}

#[tokio::test]
async fn a_file_that_is_no_database_stops_the_recording_and_says_so() {
    let (_folder, path) = place();
    std::fs::write(
        &path,
        "this is no database, but long enough for one".repeat(30),
    )
    .unwrap();
    let before = std::fs::read(&path).unwrap();
    let store = start(&path);
    write(&store, [served(1, "work")]).await;
    let status = store.status();
    assert!(
        matches!(status.problem, Some(RecordsProblem::Damaged { .. })),
        "{status:?}"
    );
    assert_eq!(status.not_recorded, 1);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let error = RecordReader::new(path).find("1").unwrap_err();
    assert_eq!(error.name(), "damaged");
}

#[tokio::test]
async fn a_file_that_breaks_meanwhile_stops_the_recording() {
    let (_folder, path) = place();
    let store = start(&path);
    write(&store, (0..2_000).map(|index| served(index, "work"))).await;
    store.close();
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[8_192..length].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let store = start(&path);
    write(&store, [served(9_000, "work")]).await;
    let status = store.status();
    assert!(
        matches!(status.problem, Some(RecordsProblem::Damaged { .. })),
        "{status:?}"
    );
    assert_eq!(status.not_recorded, 1);
}

#[test]
fn a_full_disk_loses_the_batch_and_nothing_before() {
    let (_folder, path) = place();
    let mut database = writer::Database::open(&path, &Retention::default()).unwrap();
    let batch = |first: u64, count: u64| -> Vec<Arc<Record>> {
        (first..first + count)
            .map(|index| Arc::new(served(index, "work")))
            .collect()
    };
    database.write_for_test(&batch(0, 10)).unwrap();
    // SQLite answers as on a full disk once the file has this many pages.
    let pages: u32 = database
        .file
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    database
        .file
        .connection
        .pragma_update(None, "max_page_count", pages + 1)
        .unwrap();
    let error = database.write_for_test(&batch(10, 500)).unwrap_err();
    assert_eq!(error, RecordsProblem::DiskFull);
    assert_eq!(total(&path).requests, 10);
    database
        .file
        .connection
        .pragma_update(None, "max_page_count", 100_000)
        .unwrap();
    database.write_for_test(&batch(10, 500)).unwrap();
    assert_eq!(total(&path).requests, 510);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_tried_again() {
    let (folder, path) = place();
    // A folder in its place.
    std::fs::create_dir(&path).unwrap();
    let store = start(&path);
    write(&store, [served(1, "work")]).await;
    let status = store.status();
    assert!(
        status
            .problem
            .as_ref()
            .is_some_and(RecordsProblem::may_pass),
        "{status:?}"
    );
    assert_eq!(status.not_recorded, 1);
    drop((store, folder));
}

#[tokio::test]
async fn what_has_no_record_is_counted_by_its_quarter() {
    let (_folder, path) = place();
    let store = start(&path);
    (0..3).for_each(|_| store.health_check());
    write(&store, [served(1, "work")]).await;
    let reader = RecordReader::new(path.clone());
    assert_eq!(reader.unrecorded(&(0..i64::MAX)).unwrap(), (3, 0));
    assert_eq!(total(&path).requests, 1);
}

#[tokio::test]
async fn a_store_that_is_switched_off_keeps_the_latest_in_memory() {
    let (_folder, path) = place();
    let ring = Arc::new(Ring::new(4));
    let store = RecordStore::start(path.clone(), Retention::default(), ring.clone()).unwrap();
    store.set_enabled(false);
    write(&store, [served(1, "work")]).await;
    assert!(ring.find(&format!("{:024x}", 1)).is_some());
    assert_eq!(listed(&path, &RequestFilter::default()).len(), 0);
    assert_eq!(store.status().not_recorded, 0);
}

#[tokio::test]
async fn first_bytes_of_streams_are_counted_by_their_bounds() {
    let (_folder, path) = place();
    let store = start(&path);
    let slow = Record {
        first_byte_after: Some(Duration::from_secs(100)),
        ..served(2, "work")
    };
    let whole = Record {
        stream: false,
        ..served(3, "work")
    };
    write(&store, [served(1, "work"), slow, whole]).await;
    let span = RollupSpan {
        quarters: 0..i64::MAX,
        shift: 0,
        by: &[],
        only: &[],
        timed_providers: &[],
    };
    let counted = RecordReader::new(path).first_bytes(&span).unwrap();
    let counted = counted[&Vec::new()];
    assert_eq!((counted[2], counted[14]), (1, 1));
    assert_eq!(counted.iter().sum::<u64>(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_deleted_meanwhile_is_made_again() {
    let (_folder, path) = place();
    let store = start(&path);
    write(&store, [served(1, "work")]).await;
    std::fs::remove_file(&path).unwrap();
    write(&store, [served(2, "work")]).await;
    let status = store.status();
    assert_eq!(status.not_recorded, 1, "{status:?}");
    assert!(status.problem.is_some_and(|problem| problem.may_pass()));
}

/// Records of several kinds, one after the other.
fn mixed() -> Vec<Record> {
    (0..60_u64)
        .map(|index| {
            let account = ["work", "home"][index as usize % 2];
            let mut record = match index % 5 {
                0 => failed(index, account),
                1 => Record {
                    ending: Ending::Left,
                    ..served(index, account)
                },
                _ => served(index, account),
            };
            record.key = (index % 3 == 0).then(|| "ci".into());
            record.agent = Some(["codex", "curl"][index as usize % 2].into());
            record.model = ["m-1", "lab/m-1", "fast"][index as usize % 3].to_owned();
            record.session = (index % 4 == 0).then_some([9; 16]);
            record
        })
        .collect()
}

/// Whether a filter takes a record, decided by the record.
fn takes(filter: &RequestFilter, record: &Record) -> bool {
    let name = |wanted: &Option<String>, is: Option<&str>| {
        wanted
            .as_deref()
            .is_none_or(|wanted| wanted == is.unwrap_or_default())
    };
    let last = record.attempts.last();
    let failure = record.failure.as_ref();
    let account = |wanted: &String| {
        record
            .attempts
            .iter()
            .any(|attempt| attempt.account.as_str() == wanted)
    };
    (filter.endings.is_empty() || filter.endings.contains(&record.ending))
        && filter
            .cause
            .is_none_or(|cause| failure.is_some_and(|failure| failure.cause == cause))
        && filter
            .blame
            .is_none_or(|blame| failure.is_some_and(|failure| failure.blame == blame))
        && filter
            .asked
            .as_ref()
            .is_none_or(|asked| *asked == record.model)
        && filter.account.as_ref().is_none_or(account)
        && name(&filter.provider, last.map(|attempt| &*attempt.provider))
        && name(&filter.model, last.map(|attempt| &*attempt.model))
        && name(&filter.key, record.key.as_deref())
        && name(&filter.agent, record.agent.as_deref())
        && (filter.session.is_none() || filter.session == record.session)
        && filter.from.is_none_or(|from| record.received_at >= from)
        && filter.until.is_none_or(|until| record.received_at < until)
}

/// Each part alone, and all pairs of them.
fn filters() -> Vec<RequestFilter> {
    let none = RequestFilter::default;
    let name = |name: &str| Some(name.to_owned());
    let parts: Vec<fn(&mut RequestFilter)> = vec![
        |filter| filter.endings = vec![Ending::Failed, Ending::Refused],
        |filter| filter.endings = vec![Ending::Left],
        |filter| filter.cause = Some(Cause::RateLimited),
        |filter| filter.blame = Some(Blame::Account),
        |filter| filter.session = Some([9; 16]),
        |filter| filter.from = Some(at(20)),
        |filter| filter.until = Some(at(40)),
    ];
    let mut filters = vec![
        RequestFilter {
            account: name("work"),
            ..none()
        },
        RequestFilter {
            provider: name("lab"),
            ..none()
        },
        RequestFilter {
            model: name("m-1"),
            ..none()
        },
        RequestFilter {
            asked: name("fast"),
            ..none()
        },
        RequestFilter {
            asked: name("m-1"),
            ..none()
        },
        RequestFilter {
            asked: name("lab/m-1"),
            ..none()
        },
        RequestFilter {
            key: name("ci"),
            ..none()
        },
        RequestFilter {
            key: name(""),
            ..none()
        },
        RequestFilter {
            agent: name("curl"),
            ..none()
        },
        none(),
    ];
    let singles = filters.clone();
    for single in singles {
        for part in &parts {
            let mut both = single.clone();
            part(&mut both);
            filters.push(both.clone());
            for other in &parts {
                let mut three = both.clone();
                other(&mut three);
                filters.push(three);
            }
        }
    }
    filters
}

#[tokio::test]
async fn every_filter_takes_what_it_says_alone_and_with_others() {
    let (_folder, path) = place();
    let store = start(&path);
    let records = mixed();
    write(&store, records.clone()).await;
    let reader = RecordReader::new(path.clone());
    for filter in filters() {
        let mut expected: Vec<String> = records
            .iter()
            .filter(|record| takes(&filter, record))
            .map(|record| record.request_id.clone())
            .collect();
        expected.reverse();
        assert_eq!(listed(&path, &filter), expected, "{filter:?}");
        assert_eq!(reader.count(&filter).unwrap(), expected.len(), "{filter:?}");
        // The same in pages of seven, there and back.
        let mut paged = Vec::new();
        let mut page = page(7);
        loop {
            let rows = reader.list(&filter, &page).unwrap();
            page.before = rows.last().map(|row| row.seq);
            paged.extend(rows.into_iter().map(|row| row.request_id));
            if page.before.is_none() {
                break;
            }
        }
        assert_eq!(paged, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_filter_that_takes_nothing_names_the_part_to_drop() {
    let (_folder, path) = place();
    let store = start(&path);
    write(&store, mixed()).await;
    let reader = RecordReader::new(path);
    let filter = RequestFilter {
        account: Some("gone".to_owned()),
        key: Some("ci".to_owned()),
        ..RequestFilter::default()
    };
    assert_eq!(
        reader.excludes_most(&filter).unwrap(),
        Some((FilterPart::Account, 20))
    );
    let two_gone = RequestFilter {
        key: Some("gone".to_owned()),
        ..filter
    };
    assert_eq!(reader.excludes_most(&two_gone).unwrap(), None);
}

#[tokio::test]
async fn failures_are_counted_by_what_they_have_in_common() {
    let (_folder, path) = place();
    let store = start(&path);
    let unreachable = |index: u64, account: &str| {
        let outcome = Outcome::Unreachable {
            stage: Stage::Connect,
        };
        let mut record = failed(index, account);
        record.attempts = vec![attempt(account, outcome.clone())];
        let fault = Fault::upstream("no route");
        record.fail(Failure::of(&fault, Some(&outcome), at(index)));
        record
    };
    let mut unknown = served(7, "work");
    unknown.attempts.clear();
    unknown.model = "gpt-none".to_owned();
    let fault = Fault::new(FaultKind::NoSuchModel, Blame::Client, "no such model");
    unknown.fail(Failure::of(&fault, None, at(7)));
    write(
        &store,
        [
            failed(1, "work"),
            unreachable(2, "work"),
            failed(3, "home"),
            served(4, "home"),
            unreachable(5, "home"),
            failed(6, "work"),
            unknown,
        ],
    )
    .await;
    let reader = RecordReader::new(path);
    let failures = reader.failures(at(0), None).unwrap();
    let told: Vec<_> = failures
        .groups
        .iter()
        .map(|group| {
            (
                group.cause,
                group.account.as_deref().or(group.asked.as_deref()),
                group.count,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Cause::NoSuchModel, Some("gpt-none"), 1),
            (Cause::RateLimited, Some("work"), 2),
            (Cause::Unreachable, None, 2),
            (Cause::RateLimited, Some("home"), 1),
        ]
    );
    let work = &failures.groups[1];
    assert_eq!((work.last_at, work.until), (at(6), Some(at(606))));
    assert_eq!(work.last_id, format!("{:024x}", 6));
    assert!(!failures.is_cut);
    let later = reader.failures(at(5), Some(at(6))).unwrap();
    assert_eq!(later.groups.len(), 1);
}

#[tokio::test]
async fn a_request_knows_its_place_in_its_conversation() {
    let (_folder, path) = place();
    let store = start(&path);
    let turns = [(1, "work"), (2, "work"), (4, "home")].map(|(index, account)| Record {
        session: Some([1; 16]),
        ..served(index, account)
    });
    let other = Record {
        session: Some([2; 16]),
        ..served(3, "work")
    };
    let [first, second, third] = turns;
    write(&store, [first, second, other, third]).await;
    let reader = RecordReader::new(path);
    let place = |index: u64| {
        let (seq, record) = reader.find(&format!("{index:024x}")).unwrap().unwrap();
        let session = record.session.unwrap();
        reader.conversation(&session, seq).unwrap().unwrap()
    };
    let second = place(2);
    assert_eq!((second.position, second.requests), (Some(2), 3));
    assert_eq!(second.previous.unwrap().request_id, format!("{:024x}", 1));
    assert_eq!(second.next.unwrap().account.as_deref(), Some("home"));
    let alone = place(3);
    assert_eq!((alone.position, alone.requests), (Some(1), 1));
    assert_eq!((alone.previous, alone.next), (None, None));
}

/// A file of the first version gets the index, and its records are found by it.
#[tokio::test]
async fn records_of_an_earlier_version_are_filtered_as_well() {
    let (_folder, path) = place();
    let store = start(&path);
    write(&store, mixed()).await;
    drop(store);
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "DROP TABLE segments; DROP TABLE bodies; DROP INDEX requests_narrow; ALTER TABLE requests DROP COLUMN asked_hash; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    let store = start(&path);
    write(&store, []).await;
    let asked = |asked: &str| RequestFilter {
        asked: Some(asked.to_owned()),
        ..RequestFilter::default()
    };
    assert_eq!(listed(&path, &asked("fast")).len(), 20);
    assert_eq!(listed(&path, &asked("m-1")).len(), 20);
    assert_eq!(listed(&path, &asked("none")).len(), 0);
}

#[tokio::test]
async fn what_is_deleted_by_hand_leaves_its_sums_but_for_an_accounts() {
    let (_folder, path) = place();
    let store = start(&path);
    write(&store, (0..1_200).map(|index| served(index, "work"))).await;
    write(&store, [failed(1_300, "home"), served(1_301, "home")]).await;
    let before = store.delete(Deletion::Before(at(700))).await;
    assert_eq!(before, Ok(700));
    let reader = RecordReader::new(path.clone());
    let counts = reader.counts().unwrap();
    assert_eq!((counts.done, counts.failed), (501, 1));
    assert_eq!(counts.oldest, Some(at(700)));
    assert_eq!(total(&path).requests, 1_202);
    assert_eq!(
        store.delete(Deletion::Account("gone".to_owned())).await,
        Ok(0)
    );
    assert_eq!(
        store.delete(Deletion::Account("home".to_owned())).await,
        Ok(2)
    );
    assert_eq!(total(&path).requests, 1_200);
    assert_eq!(store.delete(Deletion::All).await, Ok(500));
    assert_eq!(total(&path).requests, 1_200);
    assert_eq!(reader.counts().unwrap(), RecordCounts::default());
    // Numbers go on, also after a start: who follows the list misses nothing.
    drop(store);
    let store = start(&path);
    write(&store, [served(2_000, "work")]).await;
    let page = Page {
        after: Some(1_202),
        ..page(5)
    };
    assert_eq!(
        reader.list(&RequestFilter::default(), &page).unwrap().len(),
        1
    );
    store.close();
    assert!(store.delete(Deletion::All).await.is_err());
}

/// A record with a body of that text, as the gateway hands it over.
fn record_with_body(store: &RecordStore, record: Record, text: &str) {
    let arrived = tokio::time::Instant::now();
    let mut bodies = store.collect_bodies(arrived).expect("bodies are wanted");
    let uri = http::Uri::from_static("/v1/messages");
    let body = std::iter::once(text.as_bytes());
    bodies.client_sent(&http::Method::POST, &uri, &http::HeaderMap::new(), body);
    store.record_with_bodies(record, bodies.into_raw());
}

fn keeping_bodies(path: &Path, retention: Retention) -> RecordStore {
    let store = start_with(path, retention);
    store.configure_bodies(BodySettings {
        mode: BodyMode::All,
        ..BodySettings::default()
    });
    store.set_known_secrets(|| vec![Secret::new("known-secret-0123".to_owned())]);
    store
}

#[tokio::test]
async fn bodies_are_stored_without_secrets_and_go_by_their_own_age() {
    let (_folder, path) = place();
    let retention = Retention {
        served: Duration::from_secs(u64::MAX / 4),
        bodies: Duration::from_secs(60),
        ..Retention::default()
    };
    let store = keeping_bodies(&path, retention);
    let fresh = Record {
        received_at: Timestamp::now(),
        ..served(2, "work")
    };
    record_with_body(&store, served(1, "work"), "of an hour long past");
    record_with_body(&store, fresh, "my known-secret-0123 here");
    store.flush().await;
    // What is too old is looked for behind a batch.
    store.record(served(3, "work"));
    store.flush().await;
    let reader = RecordReader::new(path);
    let text = |index: u64| {
        let bodies = reader.bodies(&format!("{index:024x}")).unwrap();
        let texts = bodies
            .iter()
            .map(|body| String::from_utf8_lossy(&body.bytes).into_owned());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(text(1), [""; 0]);
    assert_eq!(text(2), ["my [redacted] here"]);
    assert!(reader.find(&format!("{:024x}", 1)).unwrap().is_some());
}

#[tokio::test]
async fn bodies_make_room_before_any_record() {
    let (_folder, path) = place();
    let retention = Retention {
        bytes_max: 2 << 20,
        ..Retention::default()
    };
    let store = keeping_bodies(&path, retention);
    for index in 0..60 {
        // Text that does not pack well.
        let text: String = (0..10_000_u64)
            .map(|n| format!("{:x}", (n + index).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .collect();
        let record = Record {
            received_at: Timestamp::now(),
            ..served(index, "work")
        };
        record_with_body(&store, record, &text);
        store.flush().await;
    }
    let reader = RecordReader::new(path);
    let (requests, bytes) = reader.bodies_size().unwrap();
    assert!(
        requests < 60 && bytes < 2 << 20,
        "{requests} with {bytes} bytes"
    );
    assert_eq!(reader.last_seq().unwrap(), 60);
    let all = (0..60).all(|index| reader.find(&format!("{index:024x}")).unwrap().is_some());
    assert!(all, "no record made room");
    assert!(store.status().bytes <= 2 << 20);
}

/// Without a list of secrets there is no telling what a body holds.
#[tokio::test]
async fn no_body_is_stored_before_the_secrets_are_known() {
    let (_folder, path) = place();
    let store = start(&path);
    store.configure_bodies(BodySettings {
        mode: BodyMode::All,
        ..BodySettings::default()
    });
    record_with_body(&store, served(1, "work"), "anything");
    store.flush().await;
    let reader = RecordReader::new(path);
    assert_eq!(reader.bodies(&format!("{:024x}", 1)).unwrap(), []);
    assert_eq!(reader.last_seq().unwrap(), 1);
}

/// Records what comes in a burst, and waits until it is written.
async fn burst(store: &RecordStore, records: impl IntoIterator<Item = Record>) {
    let mut written = store.written();
    let last = *written.borrow_and_update();
    // Made before, so that they come in a moment.
    let records: Vec<_> = records.into_iter().collect();
    let count = i64::try_from(records.len()).unwrap();
    records.into_iter().for_each(|record| store.record(record));
    written.wait_for(|seq| *seq >= last + count).await.unwrap();
}

fn count(path: &Path, sql: &str) -> i64 {
    let database = Connection::open(path).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn rows(path: &Path) -> i64 {
    count(path, "SELECT count(*) FROM requests")
}

fn segments(path: &Path) -> i64 {
    count(path, "SELECT count(*) FROM segments")
}

/// Three hundred requests of which every tenth failed, and one was tried twice.
fn busy() -> Vec<Record> {
    let record = |index: u64| match index {
        7 => {
            let mut moved = served(index, "home");
            moved.attempts.insert(0, attempt("work", Outcome::Failed));
            moved
        }
        8 => Record {
            resolved: full().resolved,
            passed_over: full().passed_over,
            losses: full().losses,
            session: Some([7; 16]),
            ..served(index, "work")
        },
        _ if index.is_multiple_of(10) => failed(index, "work"),
        _ => served(index, "work"),
    };
    let mut records: Vec<_> = (0..300).map(record).collect();
    for record in &mut records {
        let began_at = record.received_at + Duration::from_millis(3);
        let attempts = record.attempts.iter_mut();
        attempts.for_each(|attempt| attempt.began_at = began_at);
    }
    records
}

/// The file as a killed agent leaves it.
fn killed(path: &Path) -> (TempDir, PathBuf) {
    let (folder, copy) = place();
    for ending in ["", "-wal"] {
        let of = |path: &Path| format!("{}{ending}", path.display());
        std::fs::copy(of(path), of(&copy)).unwrap();
    }
    (folder, copy)
}

#[tokio::test]
async fn a_burst_is_packed_but_for_failures_and_is_read_as_rows() {
    let (_folder, path) = place();
    let store = Arc::new(start(&path));
    let records = busy();
    burst(&store, records.clone()).await;
    assert_eq!((rows(&path), segments(&path)), (31, 1));
    // Sums need no rows, and failures have theirs.
    assert_eq!(total(&path).requests, 300);
    let failures = RequestFilter {
        endings: vec![Ending::Failed, Ending::Refused],
        ..RequestFilter::default()
    };
    assert_eq!(listed(&path, &failures).len(), 30);
    assert_eq!((rows(&path), segments(&path)), (31, 1));
    let before = rolled_up(&path, &[Dimension::Account, Dimension::Quarter]);
    let reader = RecordReader::beside(path.clone(), store.clone());
    for record in &records {
        let (_, read) = reader.find(&record.request_id).unwrap().unwrap();
        assert_eq!(read, stored(record));
    }
    assert_eq!((rows(&path), segments(&path)), (300, 0));
    let ids: Vec<_> = records
        .iter()
        .rev()
        .map(|of| of.request_id.clone())
        .collect();
    assert_eq!(listed(&path, &RequestFilter::default()), ids[..100]);
    let after = rolled_up(&path, &[Dimension::Account, Dimension::Quarter]);
    assert_eq!(before, after);
    assert_eq!(store.status().not_recorded, 0);
}

#[tokio::test]
async fn rows_of_a_burst_are_made_as_far_as_they_are_asked_for() {
    let (_folder, path) = place();
    let store = Arc::new(start(&path));
    for round in 0..4 {
        burst(
            &store,
            (0..100).map(|index| served(round * 100 + index, "work")),
        )
        .await;
    }
    assert_eq!((rows(&path), segments(&path)), (0, 4));
    let reader = RecordReader::beside(path.clone(), store.clone());
    assert_eq!(reader.last_seq().unwrap(), 400);
    let list = |filter: &RequestFilter, page: &Page| -> Vec<i64> {
        let rows = reader.list(filter, page).unwrap();
        rows.iter().map(|row| row.seq).collect()
    };
    let any = RequestFilter::default();
    assert_eq!(list(&any, &page(3)), [400, 399, 398]);
    assert_eq!(segments(&path), 3, "the latest are enough");
    let after = Page {
        after: Some(299),
        ..page(2)
    };
    assert_eq!(list(&any, &after), [300, 301]);
    assert_eq!(segments(&path), 2);
    let before = Page {
        before: Some(51),
        ..page(2)
    };
    assert_eq!(list(&any, &before), [50, 49]);
    assert_eq!(segments(&path), 1);
    let unnamed = RequestFilter {
        agent: Some(String::new()),
        ..RequestFilter::default()
    };
    assert_eq!(list(&unnamed, &page(1_000)).len(), 400);
    assert_eq!(segments(&path), 0);
}

#[tokio::test]
async fn all_that_is_asked_of_rows_is_told_of_a_burst_as_well() {
    let ask = async |question: &dyn Fn(&RecordReader)| {
        let (_folder, path) = place();
        let store = Arc::new(start(&path));
        burst(&store, busy()).await;
        assert_eq!(segments(&path), 1);
        question(&RecordReader::beside(path, store));
    };
    ask(&|reader| assert_eq!(reader.counts().unwrap().done, 270)).await;
    ask(&|reader| assert_eq!(reader.count(&RequestFilter::default()).unwrap(), 300)).await;
    ask(&|reader| {
        let names = reader.recent_names().unwrap();
        assert_eq!(names.accounts, ["home", "work"]);
    })
    .await;
    ask(&|reader| {
        let conversation = reader.conversation(&[7; 16], 9).unwrap().unwrap();
        assert_eq!((conversation.position, conversation.requests), (Some(1), 1));
    })
    .await;
}

#[tokio::test]
async fn a_request_that_is_recorded_twice_counts_once_in_bursts_too() {
    let (_folder, path) = place();
    let store = start(&path);
    write(&store, [served(0, "work")]).await;
    drop(store);
    let store = start(&path);
    let records = || (0..100).map(|index| served(index, "work"));
    burst(&store, records().chain(records())).await;
    burst(&store, records()).await;
    assert_eq!(segments(&path), 2);
    assert_eq!(
        listed(
            &path,
            &RequestFilter {
                agent: Some(String::new()),
                ..RequestFilter::default()
            }
        )
        .len(),
        100
    );
    assert_eq!((rows(&path), segments(&path)), (100, 0));
    let expected = records().map(|record| rollup::sums_of(&record).0);
    let expected = expected.reduce(|mut sums, next| {
        sums.add(&next);
        sums
    });
    assert_eq!(Some(total(&path)), expected);
}

#[tokio::test]
async fn what_a_killed_agent_left_packed_is_read_with_and_without_another() {
    let (_folder, path) = place();
    let store = start(&path);
    burst(&store, busy()).await;
    // Without: by the first that reads it.
    let (_copied, copy) = killed(&path);
    assert_eq!((rows(&copy), segments(&copy)), (31, 1));
    assert_eq!(total(&copy).requests, 300);
    let id = format!("{:024x}", 1);
    assert!(RecordReader::new(copy.clone()).find(&id).unwrap().is_some());
    assert_eq!((rows(&copy), total(&copy).requests), (300, 300));
    // With: once it has started, and numbers go on.
    let (_copied, copy) = killed(&path);
    let next = start(&copy);
    write(&next, [served(400, "work")]).await;
    while segments(&copy) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((rows(&copy), total(&copy).requests), (301, 301));
    assert_eq!(RecordReader::new(copy).last_seq().unwrap(), 301);
}

#[tokio::test]
async fn rows_are_made_once_it_is_quiet_and_at_the_end() {
    let (_folder, path) = place();
    let store = start(&path);
    burst(&store, busy()).await;
    assert_eq!(segments(&path), 1);
    while segments(&path) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rows(&path), 300);
    burst(&store, (300..400).map(|index| served(index, "work"))).await;
    assert_eq!(segments(&path), 1);
    store.close();
    assert_eq!((rows(&path), segments(&path)), (400, 0));
}

#[tokio::test]
async fn what_is_packed_is_deleted_as_well() {
    let (_folder, path) = place();
    let store = start(&path);
    burst(&store, busy()).await;
    assert_eq!(segments(&path), 1);
    assert_eq!(
        store.delete(Deletion::Account("work".to_owned())).await,
        Ok(299)
    );
    assert_eq!((rows(&path), segments(&path)), (1, 0));
    assert_eq!(total(&path).requests, 1);
}

#[tokio::test]
async fn a_segment_that_cannot_be_read_is_counted_and_costs_nothing_else() {
    let (_folder, path) = place();
    let store = start(&path);
    write(&store, [served(1, "work")]).await;
    drop(store);
    let broken = Connection::open(&path).unwrap();
    broken
        .execute("INSERT INTO segments VALUES (2, 6, 5, x'01FF')", [])
        .unwrap();
    drop(broken);
    let store = start(&path);
    write(&store, [served(2, "work")]).await;
    while segments(&path) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((rows(&path), store.status().not_recorded), (2, 5));
    let reader = RecordReader::new(path.clone());
    assert_eq!(reader.unrecorded(&(0..i64::MAX)).unwrap(), (0, 5));
    assert_eq!(store.status().problem, None);
}

#[tokio::test]
async fn the_file_keeps_to_its_size_in_bursts() {
    let (_folder, path) = place();
    let retention = Retention {
        bytes_max: 3 << 20,
        ..Retention::default()
    };
    let store = start_with(&path, retention);
    for round in 0..30 {
        burst(
            &store,
            (0..500).map(|index| served(round * 500 + index, "work")),
        )
        .await;
        let status = store.status();
        assert!(status.bytes <= retention.bytes_max, "{status:?}");
    }
    assert!(segments(&path) > 1);
    store.close();
    let status = store.status();
    assert!(status.bytes <= retention.bytes_max, "{status:?}");
    assert_eq!(total(&path).requests, 15_000);
    assert_eq!(status.not_recorded, 0);
}
