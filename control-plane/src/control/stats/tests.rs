use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::canon::{ServiceTier, Usage};
use crate::config::Config;
use crate::control::cost::account_of;
use crate::outcome::Outcome;
use crate::prices::Prices;
use crate::protocol::{Operation, openai_chat};
use crate::record::{Attempt, Ending, Record, Recorder as _, Ring};
use crate::store::records::{Deletion, RecordStore, Retention};

/// Records of one account at `anthropic`, one after the other.
struct Rig {
    folder: tempfile::TempDir,
    store: RecordStore,
    config: Arc<Config>,
    memory: Arc<DayMemory>,
    prices: Prices,
    count: u64,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ring = std::sync::Arc::new(Ring::new(0));
        let path = folder.path().join("records.db");
        let store = RecordStore::start(path, Retention::default(), ring).unwrap();
        Self {
            memory: Arc::new(DayMemory::new(store.touches())),
            store,
            folder,
            config: Arc::default(),
            prices: Prices::default(),
            count: 0,
        }
    }

    fn serve(&mut self, at: &str, provider: &str, model: &str, usage: Usage) -> Record {
        let at: jiff::Timestamp = at.parse().unwrap();
        self.count += 1;
        let attempt = Attempt {
            provider: provider.into(),
            account: "work".parse().unwrap(),
            model: model.into(),
            dialect: openai_chat::DIALECT,
            began_at: at.into(),
            waited: Duration::ZERO,
            outcome: Outcome::Served { usage },
            detail: None,
            took: Duration::ZERO,
            status: Some(200),
            head_after: None,
            upstream_id: None,
            next: None,
        };
        Record {
            operation: Some(Operation::Generate),
            model: model.to_owned(),
            attempts: vec![attempt],
            status: 200,
            ending: Ending::Done,
            usage,
            usage_is_final: true,
            ..Record::opened(
                format!("{:024x}", self.count),
                at.into(),
                openai_chat::DIALECT,
            )
        }
    }

    /// How many requests the sums should have, counted in the file.
    fn kept(&self) -> usize {
        let path = self.folder.path().join("records.db");
        let file = rusqlite::Connection::open(path).unwrap();
        let sql = "SELECT sum(requests) FROM rollup";
        file.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap() as usize
    }

    async fn add(&mut self, at: &str, provider: &str, model: &str, usage: Usage) {
        let record = self.serve(at, provider, model, usage);
        self.store.record(record);
        self.store.flush().await;
    }

    fn ask(&self, by: &[By], zone: &str) -> Statistics {
        self.ask_only(by, &[], zone)
    }

    fn ask_only(&self, by: &[By], only: &[(By, &str)], zone: &str) -> Statistics {
        let reader = RecordReader::new(self.folder.path().join("records.db"));
        let question = |memory| Question {
            by: by.to_vec(),
            only: only
                .iter()
                .map(|(by, name)| (*by, (*name).to_owned()))
                .collect(),
            quarters: 1_960_000..2_100_000,
            zone: TimeZone::get(zone).unwrap(),
            config: self.config.clone(),
            prices: &self.prices,
            memory,
        };
        let directly = statistics(&reader, &question(None)).unwrap();
        // What is remembered is the same, when it is read and after.
        for _ in 0..2 {
            let memory = Some((2_100_000, self.memory.clone()));
            assert_eq!(statistics(&reader, &question(memory)).unwrap(), directly);
        }
        directly
    }
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage {
        input: Some(input),
        output: Some(output),
        ..Usage::default()
    }
}

fn keys(statistics: &Statistics) -> Vec<(String, u64)> {
    let rows = statistics.rows.iter();
    rows.map(|row| (row.keys[0].clone().unwrap_or_default(), row.requests))
        .collect()
}

/// The same requests are of other days in another zone, each time that one looks.
#[tokio::test]
async fn days_are_those_of_the_zone_that_is_asked_for() {
    let mut rig = Rig::new();
    for at in [
        "2026-10-24T21:59:00Z",
        "2026-10-24T22:00:00Z",
        "2026-10-25T22:59:00Z",
        "2026-10-25T23:00:00Z",
    ] {
        rig.add(at, "anthropic", "claude-sonnet-5", tokens(1, 1))
            .await;
    }
    let days = |zone: &str| keys(&rig.ask(&[By::Day], zone));
    let day = |date: &str, count| (date.to_owned(), count);
    let berlin = [
        day("2026-10-24", 1),
        day("2026-10-25", 2),
        day("2026-10-26", 1),
    ];
    assert_eq!(days("Europe/Berlin"), berlin);
    assert_eq!(
        days("America/St_Johns"),
        [day("2026-10-24", 2), day("2026-10-25", 2)]
    );
    assert_eq!(
        days("Asia/Kathmandu"),
        [day("2026-10-25", 2), day("2026-10-26", 2)]
    );
    assert_eq!(days("Europe/Berlin"), berlin);
}

#[tokio::test]
async fn an_hour_that_comes_twice_has_two_rows() {
    let mut rig = Rig::new();
    for at in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
        rig.add(at, "anthropic", "claude-sonnet-5", tokens(1, 1))
            .await;
    }
    assert_eq!(
        keys(&rig.ask(&[By::Hour], "Europe/Berlin")),
        [
            ("2026-10-25T02:00+02:00".to_owned(), 1),
            ("2026-10-25T02:00+01:00".to_owned(), 1)
        ]
    );
}

#[tokio::test]
async fn requests_are_priced_by_their_day_length_and_tier() {
    let mut rig = Rig::new();
    let model = "claude-sonnet-4-6";
    // Before and after the day on which long contexts ceased to cost more.
    rig.add(
        "2026-03-12T12:00:00Z",
        "anthropic",
        model,
        tokens(300_000, 0),
    )
    .await;
    rig.add(
        "2026-03-13T12:00:00Z",
        "anthropic",
        model,
        tokens(300_000, 0),
    )
    .await;
    let mut batch = rig.serve(
        "2026-11-01T12:00:00Z",
        "anthropic",
        model,
        tokens(300_000, 0),
    );
    batch.tier = Some(ServiceTier::Batch);
    rig.store.record(batch);
    rig.store.flush().await;
    let statistics = rig.ask(&[By::Day], "UTC");
    let micros: Vec<i64> = statistics.rows.iter().map(|row| row.cost.micros).collect();
    assert_eq!(micros, [1_800_000, 900_000, 450_000]);
    assert_eq!(statistics.total.cost.text, "$3.15");
    assert_eq!(statistics.total.cost.missing, None);
}

#[tokio::test]
async fn times_of_day_are_priced_apart_and_summed() {
    let mut rig = Rig::new();
    for at in ["2026-11-02T00:30:00Z", "2026-11-02T01:30:00Z"] {
        rig.add(at, "deepseek", "deepseek-flash", tokens(1_000_000, 0))
            .await;
    }
    let total = rig.ask(&[], "UTC").total;
    assert_eq!(total.cost.micros, 150_000 + 300_000);
}

#[tokio::test]
async fn what_has_no_price_is_a_gap_and_what_is_ones_own_is_free() {
    let mut rig = Rig::new();
    let at = "2026-11-02T12:00:00Z";
    rig.add(at, "ollama", "llama", tokens(10, 10)).await;
    assert_eq!(rig.ask(&[], "UTC").total.cost.text, "free");
    rig.add(at, "lab", "m-1", tokens(7, 3)).await;
    let total = rig.ask(&[], "UTC").total;
    assert_eq!(total.cost.text, "≥ $0.0000");
    assert_eq!(
        total.cost.missing.as_deref(),
        Some("10 tokens of lab/m-1 have no price")
    );
    rig.add(at, "anthropic", "claude-sonnet-5", Usage::default())
        .await;
    let by_provider = rig.ask(&[By::Provider], "UTC");
    let texts: Vec<(&str, &str)> = by_provider
        .rows
        .iter()
        .map(|row| (row.keys[0].as_deref().unwrap(), &*row.cost.text))
        .collect();
    assert_eq!(
        texts,
        [
            ("ollama", "free"),
            ("lab", "unknown"),
            ("anthropic", "unknown")
        ]
    );
    rig.prices = prices::parse_own(
        "[[price]]\nprovider = \"lab\"\nmodel = \"m-*\"\ninput = 1000\noutput = 1000\n",
    )
    .unwrap();
    assert_eq!(rig.ask(&[], "UTC").total.cost.text, "≥ $0.0100");
}

#[tokio::test]
async fn what_a_provider_charged_wins() {
    let mut rig = Rig::new();
    let usage = Usage {
        cost_nanos: Some(1_500_000),
        ..tokens(1_000_000, 1_000_000)
    };
    rig.add("2026-11-02T12:00:00Z", "openrouter", "a/b", usage)
        .await;
    let cost = rig.ask(&[], "UTC").total.cost;
    assert_eq!(
        (cost.text.as_str(), cost.charged_micros),
        ("$0.0015", 1_500)
    );
}

#[tokio::test]
async fn a_csv_file_cannot_be_made_a_formula() {
    let mut rig = Rig::new();
    let at = "2026-11-02T12:00:00Z";
    rig.add(at, "lab", "=1+1,\"x\"", tokens(7, 3)).await;
    let text = csv::csv(&rig.ask(&[By::Day, By::Model], "UTC"));
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert!(lines[0].starts_with("day,model,requests,failed,"), "{text}");
    assert!(
        lines[1].starts_with("2026-11-02,\"'=1+1,\"\"x\"\"\",1,0,0,0,0,0,7,0,0,0,3,0,,unknown,"),
        "{text}"
    );
    assert_eq!(lines[2..], [""]);
}

#[test]
fn percentiles_lie_within_their_bounds() {
    let mut counted = FirstBytes::default();
    assert_eq!(percentile_ms(&counted, 50), None);
    counted[6] = 2;
    assert_eq!(percentile_ms(&counted, 50), Some(480));
    assert_eq!(percentile_ms(&counted, 95), Some(640));
    counted[14] = 100;
    assert_eq!(percentile_ms(&counted, 95), None);
}

#[tokio::test]
async fn quarters_and_months_are_local_and_say_when_they_are() {
    let mut rig = Rig::new();
    for at in [
        "2026-10-25T00:50:00Z",
        "2026-10-31T22:59:00Z",
        "2026-10-31T23:00:00Z",
    ] {
        rig.add(at, "anthropic", "claude-sonnet-5", tokens(1, 1))
            .await;
    }
    let months = rig.ask(&[By::Month], "Europe/Berlin");
    let month = |name: &str, count| (name.to_owned(), count);
    assert_eq!(keys(&months), [month("2026-10", 2), month("2026-11", 1)]);
    let at = |text: &str| text.parse::<jiff::Timestamp>().ok().map(Timestamp::from);
    assert_eq!(months.rows[0].from, at("2026-09-30T22:00:00Z"));
    assert_eq!(months.rows[0].until, at("2026-10-31T23:00:00Z"));
    let quarters = rig.ask(&[By::Quarter], "Europe/Berlin");
    assert_eq!(keys(&quarters)[0].0, "2026-10-25T02:45+02:00");
    assert_eq!(quarters.rows[0].from, at("2026-10-25T00:45:00Z"));
    let days = rig.ask(&[By::Day], "Europe/Berlin");
    assert_eq!(days.rows[0].until, at("2026-10-25T23:00:00Z"));
    let hours = rig.ask(&[By::Hour], "Asia/Kathmandu");
    assert_eq!(keys(&hours)[0].0, "2026-10-25T06:00+05:45");
    assert_eq!(hours.rows[0].from, at("2026-10-25T00:15:00Z"));
}

#[tokio::test]
async fn only_what_is_asked_for_is_summed_up() {
    let mut rig = Rig::new();
    let at = "2026-11-02T12:00:00Z";
    rig.add(at, "anthropic", "claude-sonnet-5", tokens(10, 1))
        .await;
    rig.add(at, "openai", "gpt-5", tokens(20, 1)).await;
    let mut keyed = rig.serve(at, "openai", "gpt-5-mini", tokens(30, 1));
    keyed.key = Some("ci".into());
    rig.store.record(keyed);
    rig.store.flush().await;
    let input = |only: &[(By, &str)]| rig.ask_only(&[], only, "UTC").total.input_tokens;
    assert_eq!(input(&[(By::Provider, "openai")]), 50);
    assert_eq!(input(&[(By::Provider, "openai"), (By::Model, "gpt-5")]), 20);
    assert_eq!(input(&[(By::Key, "ci")]), 30);
    assert_eq!(input(&[(By::Key, "")]), 30);
    assert_eq!(input(&[(By::Account, "gone")]), 0);
}

/// The columns of a row add up, in tokens and in money.
#[tokio::test]
async fn parts_add_up_to_their_sums() {
    let mut rig = Rig::new();
    let usage = Usage {
        cache_read: Some(88_210),
        cache_write: Some(1_500),
        cache_write_long: Some(500),
        reasoning: Some(300),
        tool_prompt: Some(40),
        ..tokens(91_814, 700)
    };
    rig.add(
        "2026-11-02T12:00:00Z",
        "anthropic",
        "claude-sonnet-5",
        usage,
    )
    .await;
    let total = rig.ask(&[], "UTC").total;
    let tokens = total.input_new_tokens
        + total.cache_read_tokens
        + total.cache_write_5m_tokens
        + total.cache_write_1h_tokens
        + total.output_tokens;
    assert_eq!(total.total_tokens, tokens);
    assert_eq!(tokens, 91_814 + 40 + 700);
    assert_eq!(
        (total.cache_write_5m_tokens, total.input_new_tokens),
        (1_000, 2_144)
    );
    let (cost, parts) = (&total.cost, total.cost.parts);
    let micros = parts.input_new
        + parts.cache_read
        + parts.cache_write_5m
        + parts.cache_write_1h
        + parts.output
        + parts.search
        + cost.charged_micros;
    assert_eq!(micros, cost.micros);
    assert!(cost.reasoning_micros > 0 && cost.reasoning_micros < parts.output);
    assert!(cost.saved_micros > 0 && cost.cache_write_extra_micros > 0);
    assert_eq!(total.cache_share_permille(), Some(960));
}

#[tokio::test]
async fn a_request_says_how_its_cost_comes_about() {
    let mut rig = Rig::new();
    let usage = Usage {
        cache_read: Some(88_210),
        ..tokens(90_314, 700)
    };
    let record = rig.serve(
        "2026-11-02T12:00:00Z",
        "anthropic",
        "claude-sonnet-4-6",
        usage,
    );
    let account = account_of(&record, &rig.config, &rig.prices);
    assert_eq!(
        account.text.as_deref(),
        Some("2,104 × $3.00/M + 88,210 × $0.30/M + 700 × $15.00/M")
    );
    assert_eq!(account.cost.text, "$0.0433");
    let price = account.price.unwrap();
    assert_eq!(price.source, "list");
    assert!(price.models.unwrap().contains("claude-sonnet-4-6"));
    let unpriced = rig.serve("2026-11-02T12:00:00Z", "lab", "m-1", usage);
    let account = account_of(&unpriced, &rig.config, &rig.prices);
    assert_eq!(
        (account.cost.text.as_str(), account.price),
        ("unknown", None)
    );
    let charged = Usage {
        cost_nanos: Some(5_000_000),
        ..usage
    };
    let charged = rig.serve("2026-11-02T12:00:00Z", "openrouter", "a/b", charged);
    let account = account_of(&charged, &rig.config, &rig.prices);
    assert_eq!(account.price.unwrap().source, "charged");
    assert_eq!(account.cost.text, "$0.0050");
}

/// Sums of days that are remembered are those that are read, whatever comes, late or twice, is
/// forgotten or priced otherwise. [`Rig::ask`] compares them.
#[tokio::test]
async fn what_is_remembered_is_what_is_read() {
    let mut rig = Rig::new();
    let mut rng = fastrand::Rng::with_seed(5);
    type Asked<'a> = (&'a [By], &'a [(By, &'a str)]);
    let questions: [Asked<'_>; 7] = [
        (&[], &[]),
        (&[By::Day], &[]),
        (&[By::Month, By::Model], &[]),
        (&[By::Day, By::Provider], &[(By::Account, "home")]),
        (&[By::Account, By::Model], &[]),
        (&[By::Hour], &[]),
        (&[By::Model, By::Day], &[(By::Key, "")]),
    ];
    let models = [
        ("anthropic", "claude-sonnet-5"),
        ("openai", "gpt-5"),
        ("deepseek", "deepseek-flash"),
        ("lab", "m-1"),
    ];
    for round in 0..40 {
        for _ in 0..rng.usize(1..20) {
            let (provider, model) = models[rng.usize(..4)];
            let usage = Usage {
                cache_read: Some(rng.u64(..50)),
                ..tokens(rng.u64(50..400_000), rng.u64(..900))
            };
            // Around the days on which clocks and prices change.
            let at: jiff::Timestamp = "2026-10-10T00:00:00Z".parse().unwrap();
            let at = at + jiff::SignedDuration::from_mins(rng.i64(0..30 * 1_440));
            let mut record = rig.serve(&at.to_string(), provider, model, usage);
            record.attempts[0].account = ["work", "home"][rng.usize(..2)].parse().unwrap();
            record.key = rng.bool().then(|| "ci".into());
            record.stream = rng.bool();
            record.first_byte_after = Some(Duration::from_millis(rng.u64(5..9_000)));
            rig.store.record(record.clone());
            if rng.u8(..4) == 0 {
                rig.store.record(record);
            }
        }
        rig.store.flush().await;
        match round {
            15 => {
                rig.prices = prices::parse_own(
                    "[[price]]\nprovider = \"lab\"\nmodel = \"m-*\"\ninput = 1000\noutput = 1000\n",
                )
                .unwrap()
            }
            25 => rig.config = Arc::default(),
            30 => {
                let home = Deletion::Account("home".to_owned());
                rig.store.delete(home).await.unwrap();
            }
            35 => drop(rig.store.delete(Deletion::All).await.unwrap()),
            _ => {}
        }
        let (by, only) = questions[rng.usize(..questions.len())];
        let zone = ["UTC", "Europe/Berlin", "Australia/Lord_Howe"][rng.usize(..3)];
        rig.ask_only(by, only, zone);
    }
    assert!(rig.memory.len() > 20, "{}", rig.memory.len());
    assert_eq!(rig.ask(&[], "UTC").total.requests as usize, rig.kept());
}
