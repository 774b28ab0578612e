//! Sums of money, and what is missing from them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Rates;

/// An amount in picodollars: a millionth of a micro-dollar, so that a token has a whole price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(i128);

const PICOS_IN_CENT: i128 = 10_000_000_000;

impl Money {
    pub fn of_nanos(nanos: u64) -> Self {
        Self(i128::from(nanos) * 1_000)
    }

    pub fn of_picos(picos: u64) -> Self {
        Self(i128::from(picos))
    }

    /// Picodollars; as many as fit.
    pub fn picos(self) -> u64 {
        u64::try_from(self.0.max(0)).unwrap_or(u64::MAX)
    }

    /// Micro-dollars, rounded to the nearest.
    pub fn micros(self) -> i64 {
        i64::try_from(rounded(self.0, 1_000_000)).unwrap_or(i64::MAX)
    }

    /// So many tokens at a price for a million of them.
    fn of_tokens(tokens: u64, rate: u64) -> Self {
        Self(i128::from(tokens) * i128::from(rate))
    }

    pub fn add(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }

    fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

fn rounded(value: i128, unit: i128) -> i128 {
    (value + unit / 2).div_euclid(unit)
}

/// `$6.42`, and below a dollar `$0.0042`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = rounded(self.0, PICOS_IN_CENT);
        if cents >= 100 {
            return write!(f, "${}.{:02}", cents / 100, cents % 100);
        }
        let parts = rounded(self.0, PICOS_IN_CENT / 100);
        if parts == 0 && self.0 > 0 {
            return f.write_str("< $0.0001");
        }
        write!(f, "${}.{:04}", parts / 10_000, parts % 10_000)
    }
}

/// Sums of tokens that have one price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// With what was read from and written to caches.
    pub input: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    /// The part that is kept for an hour.
    pub cache_write_long: u64,
    /// With reasoning.
    pub output: u64,
    pub reasoning: u64,
    pub tool_prompt: u64,
    pub audio_input: u64,
    pub audio_output: u64,
    pub hosted_calls: u64,
}

/// What is paid for at a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermKind {
    /// Input that was neither read from nor written to a cache.
    InputNew,
    AudioInput,
    CacheRead,
    /// What is kept for five minutes, and where no length is told.
    #[serde(rename = "cache_write_5m")]
    CacheWriteShort,
    #[serde(rename = "cache_write_1h")]
    CacheWriteLong,
    /// With reasoning.
    Output,
    AudioOutput,
    /// Calls of hosted web search, priced by the thousand.
    Search,
}

/// One product of a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    pub kind: TermKind,
    /// Tokens; of searches, calls.
    pub count: u64,
    /// Micro-dollars for a million tokens; of searches, for a thousand calls.
    pub rate: u64,
    pub money: Money,
}

impl Term {
    fn of(kind: TermKind, count: u64, rate: u64) -> Self {
        let money = match kind {
            // A thousand calls cost the rate in micro-dollars, a million tokens do.
            TermKind::Search => Money(i128::from(count) * i128::from(rate) * 1_000),
            _ => Money::of_tokens(count, rate),
        };
        Self {
            kind,
            count,
            rate,
            money,
        }
    }
}

/// A cost by what it was paid for. The parts add up to the cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// With audio.
    pub input_new: Money,
    pub cache_read: Money,
    pub cache_write_short: Money,
    pub cache_write_long: Money,
    /// With reasoning and audio.
    pub output: Money,
    pub search: Money,
}

impl Parts {
    fn of(terms: &[Term]) -> Self {
        let mut parts = Self::default();
        for term in terms {
            let part = match term.kind {
                TermKind::InputNew | TermKind::AudioInput => &mut parts.input_new,
                TermKind::CacheRead => &mut parts.cache_read,
                TermKind::CacheWriteShort => &mut parts.cache_write_short,
                TermKind::CacheWriteLong => &mut parts.cache_write_long,
                TermKind::Output | TermKind::AudioOutput => &mut parts.output,
                TermKind::Search => &mut parts.search,
            };
            part.add(term.money);
        }
        parts
    }

    fn add(&mut self, other: &Self) {
        self.input_new.add(other.input_new);
        self.cache_read.add(other.cache_read);
        self.cache_write_short.add(other.cache_write_short);
        self.cache_write_long.add(other.cache_write_long);
        self.output.add(other.output);
        self.search.add(other.search);
    }
}

impl Tokens {
    /// All of them, each counted once.
    pub fn total(&self) -> u64 {
        self.input
            .saturating_add(self.output)
            .saturating_add(self.tool_prompt)
    }

    /// Input that was neither read from nor written to a cache, with what hosted tools added.
    pub fn input_new(&self) -> u64 {
        let cached = self.cache_read.saturating_add(self.cache_write);
        self.input
            .saturating_sub(cached)
            .saturating_add(self.tool_prompt)
    }

    /// What was written to a cache for an hour.
    pub fn cache_write_long(&self) -> u64 {
        self.cache_write_long.min(self.cache_write)
    }

    /// What was written for five minutes, and where no length was told.
    pub fn cache_write_short(&self) -> u64 {
        self.cache_write - self.cache_write_long()
    }

    /// The products that make up the cost; those of nothing among them.
    pub fn terms(&self, rates: &Rates) -> [Term; 8] {
        let fresh = self.input_new();
        let audio_in = self.audio_input.min(fresh);
        let audio_out = self.audio_output.min(self.output);
        let read = rates.cache_read.unwrap_or(rates.input);
        let write = rates.cache_write.unwrap_or(rates.input);
        let write_long = rates.cache_write_long.unwrap_or(write);
        let audio_in_rate = rates.audio_input.unwrap_or(rates.input);
        let audio_out_rate = rates.audio_output.unwrap_or(rates.output);
        [
            Term::of(TermKind::InputNew, fresh - audio_in, rates.input),
            Term::of(TermKind::AudioInput, audio_in, audio_in_rate),
            Term::of(TermKind::CacheRead, self.cache_read, read),
            Term::of(TermKind::CacheWriteShort, self.cache_write_short(), write),
            Term::of(
                TermKind::CacheWriteLong,
                self.cache_write_long(),
                write_long,
            ),
            Term::of(TermKind::Output, self.output - audio_out, rates.output),
            Term::of(TermKind::AudioOutput, audio_out, audio_out_rate),
            Term::of(
                TermKind::Search,
                self.hosted_calls,
                rates.search.unwrap_or(0),
            ),
        ]
    }

    /// What they cost by these rates.
    pub fn cost(&self, rates: &Rates) -> Cost {
        let terms = self.terms(rates);
        let mut known = Money::default();
        terms.iter().for_each(|term| known.add(term.money));
        let plain = |tokens: u64| Money::of_tokens(tokens, rates.input);
        let [_, _, read, short, long, ..] = terms;
        let mut written = short.money;
        written.add(long.money);
        Cost {
            known,
            parts: Parts::of(&terms),
            reasoning: Money::of_tokens(self.reasoning.min(self.output), rates.output),
            saved_by_cache: plain(self.cache_read).less(read.money),
            cache_write_extra: written.less(plain(self.cache_write)),
            ..Cost::default()
        }
    }
}

/// What requests cost, and what is not known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Of what has a price.
    pub known: Money,
    /// The part of it that providers reported themselves.
    pub charged: Money,
    /// What is known without what was charged, by kind.
    pub parts: Parts,
    /// The part of the output that was reasoning.
    pub reasoning: Money,
    /// What reading from caches saved, by the same prices.
    pub saved_by_cache: Money,
    /// What writing to caches cost more than plain input would have.
    pub cache_write_extra: Money,
    /// Requests that have a price, or are free.
    pub priced_requests: u64,
    /// Requests on one's own servers.
    pub free_requests: u64,
    /// Tokens without a price, and their models as `provider/model`.
    pub unpriced_tokens: u64,
    pub unpriced_models: BTreeSet<String>,
    /// Requests that were served and reported no tokens, or not all of them.
    pub uncounted_requests: u64,
}

impl Cost {
    /// Whether it may be more than what is known.
    pub fn has_gap(&self) -> bool {
        self.unpriced_tokens > 0 || self.uncounted_requests > 0
    }

    /// Whether nothing is known of it.
    pub fn is_unknown(&self) -> bool {
        self.has_gap() && self.priced_requests == 0
    }

    pub fn add(&mut self, other: &Self) {
        self.known.add(other.known);
        self.charged.add(other.charged);
        self.parts.add(&other.parts);
        self.reasoning.add(other.reasoning);
        self.saved_by_cache.add(other.saved_by_cache);
        self.cache_write_extra.add(other.cache_write_extra);
        self.priced_requests += other.priced_requests;
        self.free_requests += other.free_requests;
        self.unpriced_tokens = self.unpriced_tokens.saturating_add(other.unpriced_tokens);
        self.unpriced_models
            .extend(other.unpriced_models.iter().cloned());
        self.uncounted_requests += other.uncounted_requests;
    }

    /// Whether own servers did all of it.
    pub fn is_free(&self) -> bool {
        !self.has_gap() && self.free_requests > 0 && self.free_requests == self.priced_requests
    }

    /// What is missing, as a sentence. `None` where nothing is.
    pub fn missing(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.unpriced_tokens > 0 {
            let models: Vec<&str> = self.unpriced_models.iter().map(String::as_str).collect();
            let tokens = self.unpriced_tokens;
            parts.push(format!(
                "{tokens} tokens of {} have no price",
                models.join(", ")
            ));
        }
        if self.uncounted_requests > 0 {
            parts.push(format!(
                "{} requests did not report all their tokens",
                self.uncounted_requests
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// `$6.42`, `≥ $6.42`, `unknown` or `free`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unknown() {
            return f.write_str("unknown");
        }
        if self.has_gap() {
            return write!(f, "≥ {}", self.known);
        }
        if self.is_free() {
            return f.write_str("free");
        }
        write!(f, "{}", self.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        Rates {
            input: 3_000_000,
            cache_read: Some(300_000),
            cache_write: Some(3_750_000),
            cache_write_long: Some(6_000_000),
            output: 15_000_000,
            search: Some(10_000_000),
            ..Rates::default()
        }
    }

    /// By hand: 2,104 × $3 + 88,210 × $0.30 + 1,000 × $3.75 + 500 × $6 + 700 × $15, a million
    /// tokens each, and 2 searches of $0.01.
    #[test]
    fn a_sum_is_the_sum_by_hand() {
        let tokens = Tokens {
            input: 2_104 + 88_210 + 1_500,
            cache_read: 88_210,
            cache_write: 1_500,
            cache_write_long: 500,
            output: 700,
            hosted_calls: 2,
            ..Tokens::default()
        };
        let picos = 2_104 * 3_000_000
            + 88_210 * 300_000
            + 1_000 * 3_750_000
            + 500 * 6_000_000
            + 700 * 15_000_000
            + 20_000_000_000;
        let cost = tokens.cost(&rates());
        assert_eq!(cost.known.picos(), picos);
        assert_eq!(cost.known.to_string(), "$0.0700");
        assert_eq!(cost.parts.cache_read.picos(), 88_210 * 300_000);
        assert_eq!(cost.parts.cache_write_long.picos(), 500 * 6_000_000);
        assert_eq!(cost.saved_by_cache.picos(), 88_210 * 2_700_000);
        assert_eq!(
            cost.cache_write_extra.picos(),
            1_000 * 750_000 + 500 * 3_000_000
        );
    }

    #[test]
    fn a_cache_without_a_price_of_its_own_costs_what_input_costs() {
        let tokens = Tokens {
            input: 100,
            cache_read: 60,
            cache_write: 20,
            ..Tokens::default()
        };
        let plain = Rates {
            input: 1_000_000,
            output: 1,
            ..Rates::default()
        };
        assert_eq!(tokens.cost(&plain).known.picos(), 100 * 1_000_000);
    }

    #[test]
    fn money_is_shown_as_exactly_as_its_size_needs() {
        let shown = |picos: i128| Money(picos).to_string();
        assert_eq!(shown(0), "$0.0000");
        assert_eq!(shown(1), "< $0.0001");
        assert_eq!(shown(4_200_000_000), "$0.0042");
        assert_eq!(shown(999_999_999_999), "$1.00");
        assert_eq!(shown(6_424_999_999_999), "$6.42");
        assert_eq!(shown(1_284_005_000_000_000), "$1284.01");
    }

    #[test]
    fn a_gap_is_named_and_never_zero() {
        let mut cost = Cost {
            unpriced_tokens: 5,
            unpriced_models: BTreeSet::from(["lab/m".to_owned()]),
            ..Cost::default()
        };
        assert_eq!(cost.to_string(), "unknown");
        cost.add(&Cost {
            known: Money(6_420_000_000_000),
            priced_requests: 1,
            uncounted_requests: 2,
            ..Cost::default()
        });
        assert_eq!(cost.to_string(), "≥ $6.42");
        assert_eq!(
            cost.missing().unwrap(),
            "5 tokens of lab/m have no price; 2 requests did not report all their tokens"
        );
        let free = Cost {
            priced_requests: 2,
            free_requests: 2,
            ..Cost::default()
        };
        assert_eq!((free.to_string().as_str(), free.missing()), ("free", None));
    }
}
