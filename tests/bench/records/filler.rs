//! Fills `records.db` with records as they would be after a month or a year, through the writer that
//! an agent has. The same numbers give the same records.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aerostat::canon::{Blame, Fault, FaultKind, Loss, LossKind, ServiceTier, Usage};
use aerostat::outcome::{Next, Outcome, Refusal, Scope, Stage};
use aerostat::protocol::{self, Operation};
use aerostat::record::{
    Attempt, Ending, Failure, NextStep, NotAsked, PassedOver, Record, Recorder as _, Resolved,
    ResolvedBy, Ring,
};
use aerostat::store::records::{RecordStore, Retention};
use fastrand::Rng;

/// How many records are handed over before the writer is waited for: fewer than its queue holds.
const ROUND: u64 = 4_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the records are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Ten accounts, eight models each and four keys, evenly over 30 days: nearly every record has
    /// a row of the rollup for itself.
    Worst,
    /// One person's year: two accounts, two models, two keys, nine hours a day.
    Person,
}

impl Shape {
    pub fn days(self) -> u32 {
        match self {
            Self::Worst => 30,
            Self::Person => 365,
        }
    }

    pub fn records(self) -> u64 {
        match self {
            Self::Worst => 100_000,
            Self::Person => 110_000,
        }
    }
}

struct Place {
    account: &'static str,
    provider: &'static str,
    models: &'static [&'static str],
}

const CLAUDE: &[&str] = &[
    "claude-sonnet-5",
    "claude-opus-4-6",
    "claude-haiku-4-5",
    "claude-fable-5",
    "claude-fable-5-1",
    "claude-fable-5-2",
    "claude-sonnet-4-6",
    "claude-opus-4-5",
];
const GPT: &[&str] = &[
    "gpt-5",
    "gpt-5-mini",
    "gpt-5-nano",
    "gpt-5.1",
    "gpt-5.2",
    "gpt-5.4",
    "gpt-5.4-mini",
    "gpt-5.5",
];
const GEMINI: &[&str] = &[
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
    "gemini-3-flash-preview",
    "gemini-3-pro-preview",
    "gemini-3.1-flash-lite",
    "gemini-3.1-flash-image",
    "gemini-2.0-flash",
    "gemini-1.5-pro",
];
/// None of these has a price.
const LAB: &[&str] = &["m-1", "m-2", "m-3", "m-4", "m-5", "m-6", "m-7", "m-8"];

const PLACES: [Place; 10] = [
    place("work", "anthropic", CLAUDE),
    place("private", "openai", GPT),
    place("team-1", "anthropic", CLAUDE),
    place("team-2", "anthropic", CLAUDE),
    place("reserve", "openai", GPT),
    place("search", "gemini", GEMINI),
    place("night", "gemini", GEMINI),
    place("partner", "openai", GPT),
    place("old", "anthropic", CLAUDE),
    place("lab", "lab", LAB),
];
const KEYS: [Option<&str>; 4] = [None, Some("ci"), Some("editor"), Some("phone")];
const AGENTS: [&str; 4] = ["claude-code", "codex", "openai-python", "curl"];

const fn place(
    account: &'static str,
    provider: &'static str,
    models: &'static [&'static str],
) -> Place {
    Place {
        account,
        provider,
        models,
    }
}

/// Writes so many records, of which the last arrives at `until`.
pub async fn fill(path: &Path, shape: Shape, records: u64, until: SystemTime) {
    let kept = Retention {
        served: DAY * 1_000,
        failed: DAY * 1_000,
        bodies: DAY * 1_000,
        bytes_max: 4 << 30,
    };
    let store = RecordStore::start(path.to_owned(), kept, Arc::new(Ring::new(0)))
        .expect("there can be a writer");
    let mut generator = Generator::new(shape, records, until);
    for index in 0..records {
        store.record(generator.record(index));
        if index % ROUND == ROUND - 1 {
            store.flush().await;
        }
    }
    store.flush().await;
    let status = store.status();
    assert_eq!((status.problem, status.not_recorded), (None, 0));
}

/// Makes the records, one after the other.
pub struct Generator {
    shape: Shape,
    records: u64,
    from: SystemTime,
    rng: Rng,
}

impl Generator {
    pub fn new(shape: Shape, records: u64, until: SystemTime) -> Self {
        Self {
            shape,
            records,
            from: until - DAY * shape.days(),
            rng: Rng::with_seed(13),
        }
    }

    /// The `index`-th record, and a moment after the one before.
    pub fn record(&mut self, index: u64) -> Record {
        let spread = self.spread(index);
        let (place, model) = (&PLACES[spread.place], spread.model);
        let id = format!("{:012x}{index:012x}", self.rng.u64(..1 << 48));
        let received_at = self.from + self.after(index);
        let mut record = Record::opened(id, received_at, dialect(place.provider));
        let is_stream = self.rng.u8(..100) < 85;
        record.operation = Some(if is_stream {
            Operation::StreamGenerate
        } else {
            Operation::Generate
        });
        record.stream = is_stream;
        record.model = self.asked(place, model);
        record.key = spread.key.map(Into::into);
        record.agent = Some(AGENTS[spread.agent].into());
        record.session = Some(session(index / 22, spread.agent));
        record.resolved = Some(Arc::new(Resolved::new(
            ResolvedBy::Addressed {
                name: record.model.clone(),
            },
            vec![format!("{}/{model}", place.provider)],
        )));
        record.bytes_in = self.rng.u64(800..400_000);
        self.end(&mut record, place, model);
        record
    }

    fn spread(&mut self, index: u64) -> Spread {
        match self.shape {
            Shape::Worst => {
                let place = (index % 10) as usize;
                Spread {
                    place,
                    model: PLACES[place].models[(index / 10 % 8) as usize],
                    key: KEYS[(index / 80 % 4) as usize],
                    agent: (index / 80 % 4) as usize,
                }
            }
            Shape::Person => {
                let place = usize::from(self.rng.u8(..100) < 30);
                let other = usize::from(self.rng.u8(..100) < 40);
                Spread {
                    place,
                    model: PLACES[place].models[other],
                    key: KEYS[place],
                    agent: place,
                }
            }
        }
    }

    /// Evenly over all days, or over nine hours of each.
    fn after(&self, index: u64) -> Duration {
        let days = u64::from(self.shape.days());
        let share = |of: u64| of * index / self.records.max(1);
        match self.shape {
            Shape::Worst => Duration::from_secs(share(days * 86_400)),
            Shape::Person => {
                let worked = share(days * 9 * 3_600);
                let (day, second) = (worked / (9 * 3_600), worked % (9 * 3_600));
                Duration::from_secs(day * 86_400 + 8 * 3_600 + second)
            }
        }
    }

    /// Mostly as the upstream does, else with its provider, or by a rule's name.
    fn asked(&mut self, place: &Place, model: &str) -> String {
        match self.rng.u8(..100) {
            0..70 => model.to_owned(),
            70..88 => format!("{}/{model}", place.provider),
            _ => ["fast", "clever", "claude-*"][self.rng.usize(..3)].to_owned(),
        }
    }

    fn end(&mut self, record: &mut Record, place: &Place, model: &str) {
        match self.rng.u16(..1_000) {
            0..20 => self.refuse(record),
            20..80 => self.fail(record, place, model),
            80..105 => self.serve(record, place, model, true),
            _ => self.serve(record, place, model, false),
        }
    }

    fn serve(&mut self, record: &mut Record, place: &Place, model: &str, is_left: bool) {
        let usage = self.usage(place);
        let began = Duration::from_millis(self.rng.u64(1..40));
        let first = Duration::from_millis(1 << self.rng.u32(6..12)) + began;
        record.took = first + Duration::from_millis(self.rng.u64(200..20_000));
        record.first_byte_after = Some(first);
        if self.rng.u8(..100) < 4 {
            record.attempts.push(self.moved(record, place, model));
        }
        let outcome = Outcome::Served { usage };
        record
            .attempts
            .push(self.attempt(record, place.account, place, model, outcome));
        record.status = 200;
        record.usage = usage;
        record.usage_is_final = !is_left;
        record.ending = if is_left { Ending::Left } else { Ending::Done };
        record.finish = (!is_left).then(|| ["stop", "tool_calls"][self.rng.usize(..2)].into());
        record.tier = (self.rng.u8(..100) < 3).then_some(ServiceTier::Priority);
        record.bytes_out = self.rng.u64(400..60_000);
        if self.rng.u8(..100) < 10 {
            record.losses = losses();
        }
    }

    /// What coding agents use: most of the input comes from a cache.
    fn usage(&mut self, place: &Place) -> Usage {
        let fresh = self.rng.u64(40..6_000);
        let read = if self.rng.u8(..100) < 85 {
            self.rng.u64(2_000..180_000)
        } else {
            0
        };
        let is_claude = place.provider == "anthropic";
        let write = if is_claude { self.rng.u64(..4_000) } else { 0 };
        let long = if self.rng.u8(..100) < 10 { write } else { 0 };
        let output = self.rng.u64(20..3_000);
        Usage {
            input: Some(fresh + read + write),
            cache_read: Some(read),
            cache_write: is_claude.then_some(write),
            cache_write_short: is_claude.then_some(write - long),
            cache_write_long: is_claude.then_some(long),
            output: Some(output),
            reasoning: (!is_claude).then_some(output / 3),
            ..Usage::default()
        }
    }

    /// An attempt at another account of the provider, before the one that served.
    fn moved(&mut self, record: &Record, place: &Place, model: &str) -> Attempt {
        let mut others = PLACES
            .iter()
            .filter(|other| other.provider == place.provider && other.account != place.account);
        let other = others
            .next_back()
            .map_or(place.account, |other| other.account);
        let outcome = Outcome::Throttled {
            scope: Scope::Account,
            until: Some(record.received_at + Duration::from_secs(900)),
        };
        Attempt {
            status: Some(429),
            next: Some(NextStep {
                next: Next::OtherAccount,
                is_limited: false,
            }),
            ..self.attempt(record, other, place, model, outcome)
        }
    }

    fn attempt(
        &mut self,
        record: &Record,
        account: &str,
        place: &Place,
        model: &str,
        outcome: Outcome,
    ) -> Attempt {
        Attempt {
            provider: place.provider.into(),
            account: account.parse().expect("an account's name"),
            model: model.into(),
            dialect: record.dialect,
            began_at: record.received_at + Duration::from_millis(2),
            waited: Duration::from_micros(self.rng.u64(10..900)),
            outcome,
            detail: None,
            took: record.took,
            status: Some(200),
            head_after: record.first_byte_after,
            upstream_id: Some(format!("req_{:016x}", self.rng.u64(..)).into()),
            next: None,
        }
    }

    fn fail(&mut self, record: &mut Record, place: &Place, model: &str) {
        let until = record.received_at + Duration::from_secs(self.rng.u64(60..9_000));
        let account = |kind| Fault::new(kind, Blame::Account, "limited");
        let (outcome, mut fault, status) = match self.rng.u8(..6) {
            0 | 1 => (
                Outcome::Throttled {
                    scope: Scope::Account,
                    until: Some(until),
                },
                account(FaultKind::RateLimited),
                429,
            ),
            2 => (
                Outcome::QuotaSpent {
                    scope: Scope::Account,
                    until: Some(until),
                },
                account(FaultKind::QuotaSpent),
                429,
            ),
            3 => (
                Outcome::Rejected(Refusal::ContextTooLong),
                Fault::new(FaultKind::ContextTooLong, Blame::Client, "too long"),
                400,
            ),
            4 => (Outcome::Failed, Fault::upstream("it failed"), 502),
            _ => (
                Outcome::Unreachable {
                    stage: Stage::Connect,
                },
                Fault::upstream("no route"),
                502,
            ),
        };
        if fault.blame == Blame::Account {
            fault.retry_after = until.duration_since(record.received_at).ok();
        }
        record.took = Duration::from_millis(self.rng.u64(20..4_000));
        record.first_byte_after = Some(record.took);
        let attempt = self.attempt(record, place.account, place, model, outcome.clone());
        record.attempts.push(Attempt {
            status: Some(status),
            ..attempt
        });
        record.status = status;
        let failure = Failure::of(&fault, Some(&outcome), record.received_at);
        record.fail(failure);
    }

    /// Nothing was sent.
    fn refuse(&mut self, record: &mut Record) {
        let (kind, blame, status) = [
            (FaultKind::NoSuchModel, Blame::Client, 404),
            (FaultKind::BadRequest, Blame::Client, 400),
            (FaultKind::RateLimited, Blame::Account, 429),
        ][self.rng.usize(..3)];
        if kind == FaultKind::NoSuchModel {
            record.model = "gpt-unknown".to_owned();
        }
        record.resolved = None;
        record.took = Duration::from_micros(self.rng.u64(200..900));
        record.passed_over = vec![PassedOver {
            candidate: "lab/m-1".to_owned(),
            account: Some("lab".parse().expect("an account's name")),
            why: NotAsked::Disabled,
            said: None,
        }];
        record.status = status;
        let fault = Fault::new(kind, blame, "not served");
        record.fail(Failure::of(&fault, None, record.received_at));
    }
}

struct Spread {
    place: usize,
    model: &'static str,
    key: Option<&'static str>,
    agent: usize,
}

fn dialect(provider: &str) -> aerostat::canon::Dialect {
    let name = match provider {
        "anthropic" => "anthropic",
        "openai" => "openai_responses",
        "gemini" => "gemini",
        _ => "openai_chat",
    };
    protocol::by_name(name).expect("a dialect").dialect()
}

fn session(number: u64, agent: usize) -> [u8; 16] {
    let mut digest = [agent as u8; 16];
    digest[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    digest
}

fn losses() -> Vec<Loss> {
    let loss = |path: &str, kind| Loss {
        path: path.to_owned(),
        kind,
    };
    vec![
        loss("seed", LossKind::Dropped),
        loss("top_k", LossKind::Dropped),
        loss("temperature", LossKind::Adjusted),
        loss("max_tokens", LossKind::Added),
    ]
}
