//! What is counted of finished requests: plain numbers, by labels that are bounded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::canon::Dialect;
use crate::record::{Ending, Record};

/// How many models, and how many providers, have series of their own; later ones share one.
pub(super) const NAMES_MAX: usize = 100;
/// The name that later ones share.
pub(super) const OTHER: &str = "other";

/// The bounds of the histograms, in microseconds.
///
/// Source: OpenTelemetry's conventions for GenAI, `gen_ai.client.operation.duration`.
pub(super) const BOUNDS_US: [u64; 14] = [
    10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_560_000, 5_120_000,
    10_240_000, 20_480_000, 40_960_000, 81_920_000,
];

/// All that is counted.
#[derive(Clone, Default)]
pub(super) struct Counters {
    /// Under the empty name stand the requests that went to none.
    pub(super) providers: BTreeMap<Arc<str>, OfProvider>,
    /// How many pairs of provider and model have series of their own.
    models: usize,
}

/// What is counted of one provider.
#[derive(Clone, Default)]
pub(super) struct OfProvider {
    /// By the word for the outcome.
    pub(super) attempts: BTreeMap<&'static str, u64>,
    /// By the upstream's name. Under the empty one stand the requests that reached none.
    pub(super) models: BTreeMap<Arc<str>, OfModel>,
    pub(super) durations: BTreeMap<Dialect, Histogram>,
    pub(super) first_bytes: BTreeMap<Dialect, Histogram>,
}

/// What is counted of one model of a provider.
#[derive(Clone, Default)]
pub(super) struct OfModel {
    pub(super) requests: BTreeMap<(Dialect, Ending), u64>,
    /// By kind; a kind that was never reported is not there.
    pub(super) tokens: BTreeMap<&'static str, u64>,
}

/// How many values are at or below each of the bounds, and their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Histogram {
    /// The values that are at or below a bound and above the one before it; the last ones are above
    /// all bounds.
    counts: [u64; BOUNDS_US.len() + 1],
    pub(super) sum_us: u64,
}

impl Histogram {
    fn add(&mut self, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < micros);
        self.counts[bucket] += 1;
        self.sum_us = self.sum_us.saturating_add(micros);
    }

    /// How many values are at or below each bound, and then how many there are.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        })
    }
}

impl Counters {
    pub(super) fn count(&mut self, record: &Record) {
        for attempt in &record.attempts {
            let attempts = &mut self.provider(&attempt.provider).attempts;
            *attempts.entry(attempt.outcome.name()).or_default() += 1;
        }
        let last = record.attempts.last();
        let provider: Arc<str> = last.map_or_else(Arc::default, |last| last.provider.clone());
        // A name that no upstream knows may be anything that a client asked for.
        let model = last.filter(|_| record.reached_model());
        let model: Arc<str> = model.map_or_else(Arc::default, |last| last.model.clone());
        self.model(&provider, &model).count(record);
        self.provider(&provider).time(record);
    }

    fn provider(&mut self, name: &Arc<str>) -> &mut OfProvider {
        let has_place = self.providers.len() < NAMES_MAX || self.providers.contains_key(name);
        let name = if has_place {
            name.clone()
        } else {
            OTHER.into()
        };
        self.providers.entry(name).or_default()
    }

    fn model(&mut self, provider: &Arc<str>, name: &Arc<str>) -> &mut OfModel {
        let is_new = !name.is_empty() && !self.provider(provider).models.contains_key(name);
        let name = if is_new && self.models >= NAMES_MAX {
            OTHER.into()
        } else {
            self.models += usize::from(is_new);
            name.clone()
        };
        self.provider(provider).models.entry(name).or_default()
    }
}

impl OfProvider {
    fn time(&mut self, record: &Record) {
        let dialect = record.dialect;
        self.durations.entry(dialect).or_default().add(record.took);
        let is_served = matches!(record.ending, Ending::Done | Ending::Left);
        if let (true, true, Some(after)) = (is_served, record.stream, record.first_byte_after) {
            self.first_bytes.entry(dialect).or_default().add(after);
        }
    }
}

impl OfModel {
    fn count(&mut self, record: &Record) {
        let requests = self.requests.entry((record.dialect, record.ending));
        *requests.or_default() += 1;
        // A count of tokens reports figures as well, and uses none.
        if !record.is_billed() {
            return;
        }
        let usage = &record.usage;
        let kinds = [
            ("input", usage.input),
            ("cache_read", usage.cache_read),
            ("cache_write", usage.cache_write),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ];
        for (kind, tokens) in kinds {
            if let Some(tokens) = tokens {
                let sum = self.tokens.entry(kind).or_default();
                *sum = sum.saturating_add(tokens);
            }
        }
    }
}
