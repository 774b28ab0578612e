//! What sums and requests cost, for people and scripts: in micro-dollars, by kind, with what is
//! missing.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::billing::billing_of;
use crate::config::Config;
pub(crate) use crate::host::numbers::grouped;
use crate::prices::{
    self, BANDS, Conditions, Cost, Money, Parts, Price, Prices, Source, Term, TermKind, Tokens,
};
use crate::record::Record;
use crate::store::records::{Rates, RequestRow, Sums, quarter_of, sums_of};

/// What a sum costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CostFacts {
    /// `$6.42`, `≥ $6.42`, `unknown` or `free`.
    pub text: String,
    /// What is known of it, in micro-dollars, as all amounts here.
    pub micros: i64,
    pub is_unknown: bool,
    /// Whether own servers did all of it, which is not unknown.
    pub is_free: bool,
    /// Whether it may be more.
    pub has_gap: bool,
    /// What is missing, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The same in numbers: tokens without a price, of these models, and requests that did not
    /// report all their tokens.
    pub unpriced_tokens: u64,
    pub unpriced_models: Vec<String>,
    pub uncounted_requests: u64,
    /// The part that providers reported themselves.
    pub charged_micros: i64,
    /// The rest by kind: with `charged_micros` they add up to `micros`.
    pub parts: CostParts,
    /// The part of the output that was reasoning.
    pub reasoning_micros: i64,
    /// What reading from caches saved at list price.
    pub saved_micros: i64,
    /// What writing to caches cost more than plain input would have.
    pub cache_write_extra_micros: i64,
}

/// A cost by what it was paid for, in micro-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CostParts {
    pub input_new: i64,
    pub cache_read: i64,
    pub cache_write_5m: i64,
    pub cache_write_1h: i64,
    /// With reasoning.
    pub output: i64,
    /// Hosted web search.
    pub search: i64,
}

impl CostFacts {
    pub(super) fn of(cost: &Cost) -> Self {
        let (charged_micros, parts) = CostParts::of(cost.charged, &cost.parts);
        Self {
            text: cost.to_string(),
            micros: cost.known.micros(),
            is_unknown: cost.is_unknown(),
            is_free: cost.is_free(),
            has_gap: cost.has_gap(),
            missing: cost.missing(),
            unpriced_tokens: cost.unpriced_tokens,
            unpriced_models: cost.unpriced_models.iter().cloned().collect(),
            uncounted_requests: cost.uncounted_requests,
            charged_micros,
            parts,
            reasoning_micros: cost.reasoning.micros(),
            saved_micros: cost.saved_by_cache.micros(),
            cache_write_extra_micros: cost.cache_write_extra.micros(),
        }
    }
}

impl CostFacts {
    /// Adds what other requests cost: what is known of one and unknown of the other has a gap.
    fn add(&mut self, other: &Self) {
        let is_gap = |own: &Self, other: &Self| own.has_gap || own.is_unknown && !other.is_unknown;
        self.has_gap = is_gap(self, other) || is_gap(other, self);
        self.is_unknown &= other.is_unknown;
        self.is_free &= other.is_free;
        self.micros += other.micros;
        self.unpriced_tokens += other.unpriced_tokens;
        self.uncounted_requests += other.uncounted_requests;
        self.charged_micros += other.charged_micros;
        self.reasoning_micros += other.reasoning_micros;
        self.saved_micros += other.saved_micros;
        self.cache_write_extra_micros += other.cache_write_extra_micros;
        self.parts.add(&other.parts);
        let models = other.unpriced_models.iter();
        let new = models
            .filter(|model| !self.unpriced_models.contains(model))
            .take(MODELS_MAX);
        let new: Vec<String> = new.cloned().collect();
        self.unpriced_models.extend(new);
        self.unpriced_models.truncate(MODELS_MAX);
    }

    /// What several sums cost together. The texts are left to who shows it.
    pub fn sum<'c>(costs: impl Iterator<Item = &'c Self>) -> Self {
        let sum = costs.fold(None, |sum: Option<Self>, cost| match sum {
            Some(mut sum) => {
                sum.add(cost);
                Some(sum)
            }
            None => Some(cost.clone()),
        });
        Self {
            text: String::new(),
            missing: None,
            ..sum.unwrap_or_default()
        }
    }
}

/// How many models a sum of sums names.
const MODELS_MAX: usize = 100;

impl CostParts {
    fn add(&mut self, other: &Self) {
        self.input_new += other.input_new;
        self.cache_read += other.cache_read;
        self.cache_write_5m += other.cache_write_5m;
        self.cache_write_1h += other.cache_write_1h;
        self.output += other.output;
        self.search += other.search;
    }

    /// Rounds what adds up to a sum so that it still does.
    fn of(charged: Money, parts: &Parts) -> (i64, Self) {
        let mut sum = Money::default();
        let mut next = |part: Money| {
            let before = sum.micros();
            sum.add(part);
            sum.micros() - before
        };
        let charged = next(charged);
        let parts = Self {
            input_new: next(parts.input_new),
            cache_read: next(parts.cache_read),
            cache_write_5m: next(parts.cache_write_short),
            cache_write_1h: next(parts.cache_write_long),
            output: next(parts.output),
            search: next(parts.search),
        };
        (charged, parts)
    }
}

/// How the cost of one request comes about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostAccount {
    pub cost: CostFacts,
    /// The products that add up to it; none where the provider said what it charged, where it costs
    /// nothing, and where it has no price.
    #[serde(default)]
    pub terms: Vec<CostTerm>,
    /// `2,104 × $3.00/M + 88,210 × $0.30/M`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `None` where no row prices it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceFacts>,
}

/// One product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostTerm {
    pub kind: TermKind,
    /// Tokens; of searches, calls.
    pub count: u64,
    /// For a million tokens; of searches, for a thousand calls.
    pub rate_micros: u64,
    pub micros: i64,
    /// `2,104 × $3.00/M`; of searches `2 × $10.00/k`.
    pub text: String,
}

/// The row that priced a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceFacts {
    /// `list`, `own` (prices.toml), `free` (a server of one's own) or `charged` (the provider said
    /// what it charged).
    pub source: String,
    /// The models' names that the row is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<String>,
    /// The day from which on it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The tokens that the input passed, where long inputs cost more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_tokens: Option<u64>,
    /// The time of the UTC day, where the price depends on it: `00:30-16:30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// The day as of which the list was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_of: Option<String>,
}

impl PriceFacts {
    pub(super) fn of(price: &Price<'_>) -> Self {
        let source = match price.source {
            Source::List => "list",
            Source::Own => "own",
            Source::Free => "free",
        };
        let time = |quarter: i64| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15);
        Self {
            source: source.to_owned(),
            models: price.models(),
            from: price.from().map(|date| date.to_string()),
            tier: price.tier().map(|tier| tier.name().to_owned()),
            above_tokens: Some(price.above()).filter(|above| *above > 0),
            hours: price
                .hours()
                .map(|(begin, end)| format!("{}-{}", time(begin), time(end))),
            list_of: (price.source == Source::List).then(|| prices::list_date().to_string()),
        }
    }

    fn charged() -> Self {
        Self {
            source: "charged".to_owned(),
            ..Self::default()
        }
    }
}

impl CostTerm {
    fn of(term: &Term) -> Self {
        let unit = match term.kind {
            TermKind::Search => "k",
            _ => "M",
        };
        Self {
            kind: term.kind,
            count: term.count,
            rate_micros: term.rate,
            micros: term.money.micros(),
            text: format!("{} × {}/{unit}", grouped(term.count), dollars(term.rate)),
        }
    }
}

/// Micro-dollars with two digits after the point, or as many as there are.
fn dollars(micros: u64) -> String {
    let (whole, fraction) = (micros / 1_000_000, format!("{:06}", micros % 1_000_000));
    let digits = fraction.trim_end_matches('0').len().max(2);
    format!("${}.{}", grouped(whole), &fraction[..digits])
}

/// What one request cost. What failed without a token cost nothing.
pub(super) fn cost_of_request(row: &RequestRow, config: &Config, prices: &Prices) -> Cost {
    let quarter = quarter_of(row.received_at);
    let priced = PricedSums {
        provider: row.provider.as_deref(),
        model: row.model.as_deref(),
        rates: row.rates(),
        quarter,
        quarter_of_day: quarter.rem_euclid(96),
        sums: &row.sums(),
    };
    priced.cost(config, prices)
}

/// What one request cost that just ended, as [`cost_of_request`] will say of its row.
pub(super) fn cost_of_record(record: &Record, config: &Config, prices: &Prices) -> Cost {
    let (sums, rates) = sums_of(record);
    priced_record(record, rates, &sums).cost(config, prices)
}

fn priced_record<'r>(record: &'r Record, rates: Rates, sums: &'r Sums) -> PricedSums<'r> {
    let quarter = quarter_of(record.received_at);
    let last = record.attempts.last();
    PricedSums {
        provider: last.map(|attempt| &*attempt.provider),
        model: last.map(|attempt| &*attempt.model),
        rates,
        quarter,
        quarter_of_day: quarter.rem_euclid(96),
        sums,
    }
}

/// How the cost of a record comes about.
pub(super) fn account_of(record: &Record, config: &Config, prices: &Prices) -> CostAccount {
    let (sums, rates) = sums_of(record);
    priced_record(record, rates, &sums).account(config, prices)
}

/// Sums that have one price.
pub(super) struct PricedSums<'p> {
    pub(super) provider: Option<&'p str>,
    pub(super) model: Option<&'p str>,
    pub(super) rates: Rates,
    /// Any of the quarters in which the requests arrived.
    pub(super) quarter: i64,
    pub(super) quarter_of_day: i64,
    pub(super) sums: &'p Sums,
}

impl PricedSums<'_> {
    pub(super) fn cost(&self, config: &Config, prices: &Prices) -> Cost {
        if self.rates.is_charged {
            return self.charged();
        }
        self.priced(self.price(config, prices))
    }

    fn account(&self, config: &Config, prices: &Prices) -> CostAccount {
        if self.rates.is_charged {
            return CostAccount {
                cost: CostFacts::of(&self.charged()),
                price: Some(PriceFacts::charged()),
                ..CostAccount::default()
            };
        }
        let price = self.price(config, prices);
        let terms: Vec<CostTerm> = match &price {
            Some(price) if price.source != Source::Free => {
                let terms = tokens_of(self.sums).terms(&price.rates);
                let paid = terms.iter().filter(|term| term.count > 0);
                paid.map(CostTerm::of).collect()
            }
            _ => Vec::new(),
        };
        let texts: Vec<&str> = terms.iter().map(|term| &*term.text).collect();
        CostAccount {
            cost: CostFacts::of(&self.priced(price)),
            text: (!texts.is_empty()).then(|| texts.join(" + ")),
            price: price.as_ref().map(PriceFacts::of),
            terms,
        }
    }

    fn charged(&self) -> Cost {
        let charged = Money::of_nanos(self.sums.charged_nanos);
        Cost {
            known: charged,
            charged,
            priced_requests: self.sums.requests,
            ..Cost::default()
        }
    }

    fn price<'p>(&self, config: &Config, prices: &'p Prices) -> Option<Price<'p>> {
        let band = usize::from(self.rates.band);
        let above = band.checked_sub(1).map(|at| BANDS[at.min(BANDS.len() - 1)]);
        let conditions = Conditions {
            tier: self.rates.tier,
            above: above.unwrap_or(0),
            quarter: self.quarter,
            quarter_of_day: self.quarter_of_day,
        };
        let billing = billing_of(config, self.provider?);
        prices.find(billing, self.model.unwrap_or_default(), &conditions)
    }

    /// What failed before a provider was found cost nothing.
    fn priced(&self, price: Option<Price<'_>>) -> Cost {
        let (sums, tokens) = (self.sums, tokens_of(self.sums));
        let uncounted_requests = sums.uncounted + sums.partial;
        match (price, self.provider) {
            (Some(price), _) if price.source == Source::Free => Cost {
                free_requests: sums.requests,
                priced_requests: sums.requests,
                ..Cost::default()
            },
            (Some(price), _) => Cost {
                uncounted_requests,
                priced_requests: if tokens.total() > 0 { sums.requests } else { 0 },
                ..tokens.cost(&price.rates)
            },
            (None, Some(provider)) if tokens.total() > 0 => {
                let model = self.model.unwrap_or_default();
                Cost {
                    uncounted_requests,
                    unpriced_tokens: tokens.total(),
                    unpriced_models: [format!("{provider}/{model}")].into(),
                    ..Cost::default()
                }
            }
            (None, _) => Cost {
                uncounted_requests,
                ..Cost::default()
            },
        }
    }
}

/// Prices that were looked up, each once: a sum has many rows of few models. For one range of
/// quarters within which no price changes.
pub(super) struct KnownPrices<'k> {
    config: &'k Config,
    prices: &'k Prices,
    found: HashMap<(String, String, Rates, i64), Option<Price<'k>>>,
}

impl<'k> KnownPrices<'k> {
    pub(super) fn new(config: &'k Config, prices: &'k Prices) -> Self {
        Self {
            config,
            prices,
            found: HashMap::new(),
        }
    }

    /// As [`PricedSums::cost`].
    pub(super) fn cost(&mut self, sums: &PricedSums<'_>) -> Cost {
        if sums.rates.is_charged {
            return sums.charged();
        }
        let name = |name: Option<&str>| name.unwrap_or_default().to_owned();
        let key = (
            name(sums.provider),
            name(sums.model),
            sums.rates,
            sums.quarter_of_day,
        );
        let (config, prices) = (self.config, self.prices);
        let price = self.found.entry(key);
        let price = price.or_insert_with(|| sums.price(config, prices));
        sums.priced(*price)
    }
}

/// The tokens of a sum, as they are priced.
pub(super) fn tokens_of(sums: &Sums) -> Tokens {
    Tokens {
        input: sums.input,
        cache_read: sums.cache_read,
        cache_write: sums.cache_write,
        cache_write_long: sums.cache_write_long,
        output: sums.output,
        reasoning: sums.reasoning,
        tool_prompt: sums.tool_prompt,
        audio_input: sums.audio_input,
        audio_output: sums.audio_output,
        hosted_calls: sums.hosted_calls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_parts_add_up_to_the_rounded_sum() {
        let rates = prices::Rates {
            input: 333_333,
            cache_read: Some(33_333),
            output: 777_777,
            ..prices::Rates::default()
        };
        for tokens in 1..200 {
            let tokens = Tokens {
                input: tokens * 7,
                cache_read: tokens * 3,
                cache_write: tokens,
                output: tokens * 5,
                ..Tokens::default()
            };
            let facts = CostFacts::of(&tokens.cost(&rates));
            let parts = facts.parts;
            let sum = parts.input_new + parts.cache_read + parts.cache_write_5m + parts.output;
            assert_eq!(sum, facts.micros);
        }
    }

    #[test]
    fn a_sum_with_something_unknown_has_a_gap() {
        let known = CostFacts {
            micros: 5,
            ..CostFacts::default()
        };
        let unknown = CostFacts {
            is_unknown: true,
            unpriced_tokens: 7,
            unpriced_models: vec!["lab/m".to_owned()],
            ..CostFacts::default()
        };
        let free = CostFacts {
            is_free: true,
            ..CostFacts::default()
        };
        let sum = |costs: &[&CostFacts]| CostFacts::sum(costs.iter().copied());
        let both = sum(&[&unknown, &known, &unknown]);
        assert!(both.has_gap && !both.is_unknown && both.micros == 5);
        assert_eq!((both.unpriced_tokens, both.unpriced_models.len()), (14, 1));
        assert!(sum(&[&unknown, &unknown]).is_unknown && !sum(&[&unknown, &unknown]).has_gap);
        assert!(sum(&[&free, &free]).is_free && !sum(&[&free, &known]).is_free);
    }

    #[test]
    fn a_rate_is_shown_with_all_its_digits() {
        let shown = [3_000_000, 300_000, 3_625, 1_250_000].map(dollars);
        assert_eq!(shown, ["$3.00", "$0.30", "$0.003625", "$1.25"]);
    }
}
