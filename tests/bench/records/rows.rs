//! The calls that pages make, and what recording costs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aerostat::control::stats::By;
use aerostat::control::verbs::{Explain, Failures, GetRecords, GetToday, Log, Stats};
use aerostat::control::{ControlService, Notes, Verb};
use aerostat::record::{Recorder as _, Ring};
use aerostat::store::records::{RecordReader, RecordStore, Retention};
use tokio::time::Instant;

use crate::filler::{Generator, Shape};

/// How often each call is made; the median counts.
const ROUNDS: usize = 21;
const ROUNDS_DIRECTLY: usize = 7;

struct Bench<'s> {
    service: &'s ControlService,
    rounds: usize,
}

/// As an agent answers: the first call of each kind is not counted.
pub(crate) async fn measure(service: &ControlService) {
    println!("  {:<58} {:>9} {:>9}", "of an agent", "median", "first");
    let bench = Bench {
        service,
        rounds: ROUNDS,
    };
    bench.lists().await;
    bench.statistics().await;
}

/// Without an agent: nothing is remembered between two calls.
pub(crate) async fn measure_directly(service: &ControlService) {
    println!("  {:<58} {:>9} {:>9}", "directly", "median", "first");
    let bench = Bench {
        service,
        rounds: ROUNDS_DIRECTLY,
    };
    bench.statistics().await;
}

impl Bench<'_> {
    async fn lists(&self) {
        let log = || Log {
            rows_max: Some(50),
            ..Log::default()
        };
        let name = |name: &str| Some(name.to_owned());
        let newest = self.row("newest 50", log).await;
        let far = newest.last_seq - 95_000;
        self.row("50 far back", || Log {
            before: Some(far),
            ..log()
        })
        .await;
        self.row("newest 50 of one account", || Log {
            account: name("team-1"),
            ..log()
        })
        .await;
        self.row("failures only", || Log {
            failed: true,
            ..log()
        })
        .await;
        self.row("one cause of one account", || Log {
            cause: name("rate_limited"),
            account: name("work"),
            ..log()
        })
        .await;
        self.row("by key, client, provider and the client's model", || Log {
            key: name("ci"),
            client: name("codex"),
            provider: name("openai"),
            asked: name("fast"),
            ..log()
        })
        .await;
        self.row(
            "a model that was never asked for (names what to drop)",
            || Log {
                asked: name("never"),
                key: name("ci"),
                ..log()
            },
        )
        .await;
        let id = newest.rows.first().map(|row| row.id.clone());
        self.row("one request with its conversation", || Explain {
            id: id.clone().unwrap_or_default(),
        })
        .await;
        self.row("failures of an hour by cause", || Failures {
            since: name("1h"),
            until: None,
        })
        .await;
        self.row("failures of 30 days by cause", || Failures {
            since: name("30d"),
            until: None,
        })
        .await;
        self.row("counts of records", || GetRecords {}).await;
    }

    async fn statistics(&self) {
        self.row("today, and 24 h by quarter", || GetToday {}).await;
        let stats = |by: &[By], since: &str| Stats {
            by: by.to_vec(),
            since: Some(since.to_owned()),
            zone: Some("Europe/Berlin".to_owned()),
            ..Stats::default()
        };
        for (text, by, since) in [
            ("7 days by hour", &[By::Hour][..], "7d"),
            ("30 days by day", &[By::Day], "30d"),
            ("30 days by day and model", &[By::Day, By::Model], "30d"),
            ("30 days by account", &[By::Account], "30d"),
            (
                "30 days by account and model",
                &[By::Account, By::Model],
                "30d",
            ),
            (
                "30 days by client and provider",
                &[By::Client, By::Provider],
                "30d",
            ),
            ("a year by month", &[By::Month], "365d"),
            ("a year by month and model", &[By::Month, By::Model], "365d"),
            ("a year by account", &[By::Account], "365d"),
        ] {
            self.row(text, || stats(by, since)).await;
        }
        self.row("30 days by day of one account", || Stats {
            account: Some("work".to_owned()),
            ..stats(&[By::Day], "30d")
        })
        .await;
    }

    async fn row<V: Verb>(&self, text: &str, verb: impl Fn() -> V) -> V::Response {
        let notes = Notes::discard();
        let mut taken: Vec<Duration> = Vec::new();
        let mut last = None;
        for _ in 0..=self.rounds {
            let began = Instant::now();
            last = verb().run(self.service, &notes).await.ok();
            taken.push(began.elapsed());
        }
        let first = taken.remove(0);
        taken.sort_unstable();
        println!(
            "  {text:<58} {:>6.2} ms {:>6.2} ms",
            taken[taken.len() / 2].as_secs_f64() * 1e3,
            first.as_secs_f64() * 1e3
        );
        last.expect("an answer")
    }
}

/// What a record costs the writer, and the one who hands it over.
pub(crate) async fn writer() {
    const RECORDS: u64 = 20_000;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.db");
    let ring = Arc::new(Ring::new(512));
    let store = RecordStore::start(path, Retention::default(), ring).expect("a writer");
    let mut generator = Generator::new(Shape::Worst, RECORDS, SystemTime::now());
    let records: Vec<_> = (0..RECORDS).map(|index| generator.record(index)).collect();
    let (mut handed, began) = (Duration::ZERO, Instant::now());
    // As many at a time as come within the quarter of a second that the writer collects them.
    let mut records = records.into_iter();
    for _ in 0..RECORDS / 50 {
        let some: Vec<_> = records.by_ref().take(50).collect();
        let handing = Instant::now();
        some.into_iter().for_each(|record| store.record(record));
        handed += handing.elapsed();
        store.flush().await;
    }
    let all = began.elapsed();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / RECORDS as f64;
    println!(
        "writer: {:.1} µs a record in batches of 50, of which {:.2} µs are the request's own",
        each(all),
        each(handed)
    );
}

/// What a record costs in bursts, and how long the first reader of all of them waits.
pub(crate) async fn bursts() {
    const RECORDS: u64 = 20_000;
    /// As many as the writer takes at a time: it waits for no more of them.
    const BURST: usize = 500;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.db");
    let ring = Arc::new(Ring::new(512));
    let store = RecordStore::start(path.clone(), Retention::default(), ring).expect("a writer");
    let store = Arc::new(store);
    let mut generator = Generator::new(Shape::Worst, RECORDS, SystemTime::now());
    let mut records: Vec<_> = (0..RECORDS).map(|index| generator.record(index)).collect();
    let mut written = store.written();
    let began = Instant::now();
    while !records.is_empty() {
        let some = records.split_off(records.len() - BURST);
        some.into_iter().for_each(|record| store.record(record));
        written.changed().await.expect("a writer");
    }
    let all = began.elapsed();
    let reading = Instant::now();
    let reader = RecordReader::beside(path, store);
    let counts = reader.counts().expect("the file can be read");
    let each = |time: Duration| time.as_secs_f64() * 1e6 / RECORDS as f64;
    println!(
        "writer: {:.1} µs a record in bursts; who then asks for all {} waits for {:.1} µs of each",
        each(all),
        counts.done + counts.left + counts.failed + counts.refused,
        each(reading.elapsed()),
    );
}
