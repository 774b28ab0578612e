//! What tokens cost: list prices with their dates, a person's own above them, and exact sums.
//!
//! All amounts are integers: a price is in micro-dollars for a million tokens, a sum in
//! picodollars. What no row prices is unknown, and never zero. It calls no one and reads no file.

mod cost;
mod decimal;
mod own;
mod table;

use std::sync::{Arc, LazyLock};

use crate::canon::ServiceTier;

pub use cost::{Cost, Money, Parts, Term, TermKind, Tokens};
pub use decimal::micros;
pub use own::parse as parse_own;

/// The bounds from which prices are others, in tokens of the whole input. Sums are kept by how many
/// of them an input passed, so that they stay priceable when a price changes.
pub const BANDS: [u64; 7] = [32_000, 100_000, 128_000, 200_000, 256_000, 272_000, 512_000];

/// How a provider's requests are paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing<'b> {
    /// A server of one's own: nothing, which is not unknown, unless the person's own prices say
    /// otherwise.
    Free { name: &'b str },
    /// By the list of that name, and by the person's own prices for the name that is configured.
    Listed { list: &'b str, name: &'b str },
    /// By the person's own prices alone.
    Own { name: &'b str },
}

/// When, how large and how urgent the requests of a sum were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    pub tier: Option<ServiceTier>,
    /// The largest bound of long context that the input passed; 0 for none.
    pub above: u64,
    /// A quarter of an hour, counted from 1970, between the same changes of prices.
    pub quarter: i64,
    /// The quarter of the UTC day, 0 to 95, in which they arrived.
    pub quarter_of_day: i64,
}

/// Prices of a model under some conditions. `None` = as the plain input, or where the output is
/// meant, not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub input: u64,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    pub cache_write_long: Option<u64>,
    pub output: u64,
    /// For a thousand calls.
    pub search: Option<u64>,
    pub audio_input: Option<u64>,
    pub audio_output: Option<u64>,
}

/// A row of prices.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    provider: Arc<str>,
    names: Arc<[Pattern]>,
    /// The quarter from which on it holds.
    from: i64,
    /// `None` for the usual tier.
    tier: Option<ServiceTier>,
    /// The input has to be larger.
    above: u64,
    /// Quarters of the UTC day, the second one excluded; `None` for all.
    hours: Option<(i64, i64)>,
    rates: Rates,
}

/// A model's name, with `*` at its end, at its beginning or at both.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    text: String,
    is_open_before: bool,
    is_open_after: bool,
}

/// Where a price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    List,
    Own,
    /// It costs nothing.
    Free,
}

/// A price, and the row that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price<'p> {
    pub rates: Rates,
    pub source: Source,
    /// `None` where it costs nothing.
    row: Option<&'p Row>,
}

impl Price<'_> {
    /// The models' names that it is for, with `*` where they are open.
    pub fn models(&self) -> Option<String> {
        let names: Vec<String> = self.row?.names.iter().map(ToString::to_string).collect();
        Some(names.join(", "))
    }

    /// The day from which on it holds; `None` for ever.
    pub fn from(&self) -> Option<jiff::civil::Date> {
        let quarter = self.row?.from;
        let at = jiff::Timestamp::from_second(quarter.checked_mul(900)?).ok()?;
        Some(at.to_zoned(jiff::tz::TimeZone::UTC).date())
    }

    /// The tier that it is for; `None` for the usual one.
    pub fn tier(&self) -> Option<ServiceTier> {
        self.row?.tier
    }

    /// The tokens that the input has to pass; 0 for all inputs.
    pub fn above(&self) -> u64 {
        self.row.map_or(0, |row| row.above)
    }

    /// The quarters of the UTC day in which it holds, the second one excluded; `None` for all.
    pub fn hours(&self) -> Option<(i64, i64)> {
        self.row?.hours
    }
}

/// The prices of this program, with a person's own above them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    own: Vec<Row>,
}

static LIST: LazyLock<table::List> = LazyLock::new(table::read);

/// The day as of which the list was made.
pub fn list_date() -> jiff::civil::Date {
    LIST.date
}

/// Providers whose list has prices that depend on the time of day.
pub fn timed_lists() -> impl Iterator<Item = &'static str> {
    let timed = LIST.rows.iter().filter(|row| row.hours.is_some());
    let mut seen: Vec<&str> = Vec::new();
    timed.filter_map(move |row| {
        let is_new = !seen.contains(&&*row.provider);
        seen.push(&row.provider);
        is_new.then_some(&*row.provider)
    })
}

/// A row of a person's own prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPrice {
    pub provider: String,
    pub models: String,
    /// The day from which on it holds; `None` for ever.
    pub from: Option<jiff::civil::Date>,
}

impl Prices {
    /// The person's own rows, in the order of the file.
    pub fn own(&self) -> impl Iterator<Item = OwnPrice> {
        self.own.iter().map(|row| {
            let price = row.price(Source::Own);
            OwnPrice {
                provider: row.provider.to_string(),
                models: price.models().unwrap_or_default(),
                from: price.from(),
            }
        })
    }

    /// The quarters within a range at which some price begins: between two of them each price is
    /// one.
    pub fn changes(&self, quarters: &std::ops::Range<i64>) -> Vec<i64> {
        let mut changes: Vec<i64> = self
            .own
            .iter()
            .chain(&LIST.rows)
            .map(|row| row.from)
            .filter(|from| quarters.start < *from && *from < quarters.end)
            .collect();
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    /// The price of a model. `None` where no row has any.
    pub fn find(
        &self,
        billing: Billing<'_>,
        model: &str,
        conditions: &Conditions,
    ) -> Option<Price<'_>> {
        let (list, name) = match billing {
            Billing::Listed { list, name } => (Some(list), name),
            Billing::Own { name } | Billing::Free { name } => (None, name),
        };
        if let Some(row) = best(&self.own, name, model, conditions) {
            return Some(row.price(Source::Own));
        }
        if let Billing::Free { .. } = billing {
            return Some(Price {
                rates: Rates::default(),
                source: Source::Free,
                row: None,
            });
        }
        let row = best(&LIST.rows, list?, model, conditions)?;
        Some(row.price(Source::List))
    }
}

/// The last row that holds, among those that name the model most exactly.
fn best<'r>(
    rows: &'r [Row],
    provider: &str,
    model: &str,
    conditions: &Conditions,
) -> Option<&'r Row> {
    let model = model.to_ascii_lowercase();
    let model = model.strip_prefix("models/").unwrap_or(&model);
    let of_provider = || rows.iter().filter(|row| *row.provider == *provider);
    let exactness = of_provider()
        .filter_map(|row| row.exactness(model))
        .max()
        .filter(|exactness| *exactness > 0)?;
    of_provider().rfind(|row| row.exactness(model) == Some(exactness) && row.holds(conditions))
}

impl Row {
    fn price(&self, source: Source) -> Price<'_> {
        Price {
            rates: self.rates,
            source,
            row: Some(self),
        }
    }

    /// How exactly it names the model; `None` where it does not.
    fn exactness(&self, model: &str) -> Option<usize> {
        self.names
            .iter()
            .filter_map(|name| name.exactness(model))
            .max()
    }

    fn holds(&self, conditions: &Conditions) -> bool {
        let tier = match conditions.tier {
            Some(ServiceTier::Standard) | None => None,
            tier => tier,
        };
        let at = conditions.quarter_of_day;
        let is_in_hours = self.hours.is_none_or(|(begin, end)| {
            if begin <= end {
                (begin..end).contains(&at)
            } else {
                at >= begin || at < end
            }
        });
        tier == self.tier
            && self.from <= conditions.quarter
            && self.above <= conditions.above
            && is_in_hours
    }
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let before = text.strip_prefix('*');
        let inner = before.unwrap_or(text);
        let after = inner.strip_suffix('*');
        Self {
            text: after.unwrap_or(inner).to_ascii_lowercase(),
            is_open_before: before.is_some(),
            is_open_after: after.is_some(),
        }
    }

    /// A whole name is more exact than any part, and a longer part more than a shorter one. A date
    /// behind the name belongs to it.
    fn exactness(&self, model: &str) -> Option<usize> {
        const WHOLE: usize = 1 << 16;
        let text = &*self.text;
        match (self.is_open_before, self.is_open_after) {
            (false, false) if model == text => Some(2 * WHOLE),
            (false, false) => (without_date(model)? == text).then_some(WHOLE),
            (false, true) => model.starts_with(text).then_some(text.len() + 1),
            (true, false) => model.ends_with(text).then_some(text.len() + 1),
            (true, true) => model.contains(text).then_some(text.len() + 1),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let star = |is_open: bool| if is_open { "*" } else { "" };
        let (before, after) = (star(self.is_open_before), star(self.is_open_after));
        write!(f, "{before}{}{after}", self.text)
    }
}

/// A model's name without `-20260101` or `-2026-01-01` at its end. `None` where there is none.
fn without_date(model: &str) -> Option<&str> {
    let is_date = |date: &str| {
        let digits = date.bytes().filter(u8::is_ascii_digit).count();
        digits == 8
            && date
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    [8, 10].into_iter().find_map(|length| {
        let (name, date) = model.split_at_checked(model.len().checked_sub(length)?)?;
        name.strip_suffix('-').filter(|_| is_date(date))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quarter in which a UTC moment lies.
    fn quarter(moment: &str) -> i64 {
        let at: jiff::Timestamp = moment.parse().unwrap();
        at.as_second() / 900
    }

    fn on(moment: &str) -> Conditions {
        Conditions {
            tier: None,
            above: 0,
            quarter: quarter(moment),
            quarter_of_day: quarter(moment) % 96,
        }
    }

    fn listed(list: &'static str) -> Billing<'static> {
        Billing::Listed { list, name: list }
    }

    fn input(list: &'static str, model: &str, conditions: &Conditions) -> Option<u64> {
        let prices = Prices::default();
        let found = prices.find(listed(list), model, conditions);
        found.map(|price| price.rates.input)
    }

    #[test]
    fn a_price_holds_from_its_day_on() {
        let model = "claude-sonnet-4-6";
        let long = |moment| Conditions {
            above: 200_000,
            ..on(moment)
        };
        assert_eq!(
            input("anthropic", model, &long("2026-03-12T23:59:00Z")),
            Some(6_000_000)
        );
        assert_eq!(
            input("anthropic", model, &long("2026-03-13T00:00:00Z")),
            Some(3_000_000)
        );
        let prices = Prices::default();
        let later = long("2026-03-13T00:00:00Z");
        let price = prices.find(listed("anthropic"), model, &later).unwrap();
        assert_eq!(price.from().unwrap().to_string(), "2026-03-13");
        let changes = prices.changes(&(0..i64::MAX));
        assert!(changes.contains(&quarter("2026-03-13T00:00:00Z")));
    }

    #[test]
    fn long_contexts_tiers_and_times_of_day_have_their_prices() {
        let noon = on("2026-02-01T12:00:00Z");
        assert_eq!(
            input("anthropic", "claude-sonnet-4-6", &noon),
            Some(3_000_000)
        );
        let batch = Conditions {
            tier: Some(ServiceTier::Batch),
            ..on("2026-11-01T12:00:00Z")
        };
        assert_eq!(
            input("anthropic", "claude-sonnet-4-6", &batch),
            Some(1_500_000)
        );
        let unknown = Conditions {
            tier: Some(ServiceTier::Other),
            ..noon
        };
        assert_eq!(input("anthropic", "claude-sonnet-4-6", &unknown), None);
        let flash = |moment| input("deepseek", "deepseek-flash", &on(moment));
        assert_eq!(flash("2026-11-02T00:45:00Z"), Some(150_000));
        assert_eq!(flash("2026-11-02T01:00:00Z"), Some(300_000));
        assert_eq!(flash("2026-11-02T04:00:00Z"), Some(150_000));
        assert_eq!(timed_lists().collect::<Vec<_>>(), ["deepseek"]);
    }

    #[test]
    fn a_name_is_matched_as_exactly_as_it_can_be() {
        let noon = on("2026-11-01T12:00:00Z");
        let find = |model| input("anthropic", model, &noon);
        assert_eq!(find("claude-sonnet-5-20260801"), find("claude-sonnet-5"));
        assert_eq!(find("Claude-Sonnet-5"), find("claude-sonnet-5"));
        assert_eq!(find("claude-nothing"), None);
        assert_eq!(find(""), None);
        assert_eq!(input("lab", "claude-sonnet-5", &noon), None);
    }

    #[test]
    fn own_prices_stand_above_the_list_row_by_row() {
        let own = parse_own(
            "[[price]]\nprovider = \"work\"\nmodel = \"claude-sonnet-5\"\ninput = 1.5\noutput = 7\n",
        )
        .unwrap();
        let billing = Billing::Listed {
            list: "anthropic",
            name: "work",
        };
        let noon = on("2026-11-01T12:00:00Z");
        let price = own.find(billing, "claude-sonnet-5", &noon).unwrap();
        assert_eq!((price.rates.input, price.source), (1_500_000, Source::Own));
        assert_eq!(
            (price.from(), price.models().as_deref()),
            (None, Some("claude-sonnet-5"))
        );
        let price = own.find(billing, "claude-sonnet-5-5", &noon).unwrap();
        assert_eq!(price.source, Source::List);
        assert!(own.find(Billing::Own { name: "lab" }, "m", &noon).is_none());
    }

    #[test]
    fn a_server_of_ones_own_is_free() {
        let noon = on("2026-11-01T12:00:00Z");
        let prices = Prices::default();
        let free = prices.find(Billing::Free { name: "box" }, "anything", &noon);
        let free = free.unwrap();
        assert_eq!((free.rates, free.source), (Rates::default(), Source::Free));
        assert_eq!(free.models(), None);
    }
}
