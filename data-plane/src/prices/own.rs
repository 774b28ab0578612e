//! A person's own prices: `prices.toml`.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::decimal::micros;
use super::table::quarter_of_date;
use super::{Pattern, Prices, Rates, Row};
use crate::canon::ServiceTier;
use crate::language::said;
use crate::toml_text;

said! {
    /// What is wrong with a file of prices, and with which row.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum BadPrices;
    /// What the parser says.
    Toml { words: String }: "prices.toml: {words}" | "prices.toml ist kein TOML dieser Form: {words}";
    Row { place: usize, model: String, why: BadRow }: "prices.toml: price {place} (`{model}`): {why}" |
        "prices.toml: Preis {place} (`{model}`): {why}";
}

said! {
    /// What is wrong with a row.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum BadRow;
    Amount { key: &'static str }: "{key}: expected dollars with at most six digits after the point" |
        "{key}: erwartet werden Dollar mit höchstens sechs Stellen nach dem Punkt";
    From: "from: expected a day such as `2026-11-29`" | "from: erwartet wird ein Tag wie `2026-11-29`";
    Tier: "tier: expected `standard`, `priority`, `flex` or `batch`" |
        "tier: erwartet wird `standard`, `priority`, `flex` oder `batch`";
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    price: Vec<OwnRow>,
}

/// Dollars for a million tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnRow {
    /// As it is configured.
    provider: String,
    model: String,
    from: Option<String>,
    tier: Option<String>,
    above: Option<u64>,
    input: Amount,
    output: Amount,
    cache_read: Option<Amount>,
    cache_write: Option<Amount>,
    cache_write_1h: Option<Amount>,
    /// For a thousand calls.
    search: Option<Amount>,
}

/// A number, or the same as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Whole(u64),
    /// Written with the fewest digits that tell it from every other number: as it was typed.
    Fraction(f64),
    Text(String),
}

impl Amount {
    fn micros(&self) -> Option<u64> {
        match self {
            Self::Whole(whole) => whole.checked_mul(1_000_000),
            Self::Fraction(fraction) => micros(&fraction.to_string()),
            Self::Text(text) => micros(text),
        }
    }
}

/// Reads a file of prices.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse(text: &str) -> Result<Prices, BadPrices> {
    let wrong = |error: &dyn fmt::Display| BadPrices::Toml {
        words: error.to_string().trim_end().to_owned(),
    };
    let document = toml_text::parse(text).map_err(|error| wrong(&error))?;
    let file: File = toml_edit::de::from_document(document).map_err(|error| wrong(&error))?;
    let rows = file.price.iter().enumerate();
    let own: Result<Vec<Row>, BadPrices> = rows
        .map(|(index, row)| {
            row.read().map_err(|why| BadPrices::Row {
                place: index + 1,
                model: row.model.escape_debug().to_string(),
                why,
            })
        })
        .collect();
    Ok(Prices { own: own? })
}

impl OwnRow {
    fn read(&self) -> Result<Row, BadRow> {
        let amount =
            |key: &'static str, amount: &Amount| amount.micros().ok_or(BadRow::Amount { key });
        let optional = |key: &'static str, value: &Option<Amount>| match value {
            Some(value) => amount(key, value).map(Some),
            None => Ok(None),
        };
        let from = match &self.from {
            Some(date) => quarter_of_date(date).ok_or(BadRow::From)?,
            None => i64::MIN,
        };
        let tier = match self.tier.as_deref() {
            None | Some("standard") => None,
            Some(word) => {
                let tier = ServiceTier::of(word);
                let is_known = !matches!(tier, ServiceTier::Other | ServiceTier::Standard);
                Some(Some(tier).filter(|_| is_known).ok_or(BadRow::Tier)?)
            }
        };
        Ok(Row {
            provider: self.provider.as_str().into(),
            names: Arc::new([Pattern::parse(&self.model)]),
            from,
            tier,
            above: self.above.unwrap_or(0),
            hours: None,
            rates: Rates {
                input: amount("input", &self.input)?,
                cache_read: optional("cache_read", &self.cache_read)?,
                cache_write: optional("cache_write", &self.cache_write)?,
                cache_write_long: optional("cache_write_1h", &self.cache_write_1h)?,
                output: amount("output", &self.output)?,
                search: optional("search", &self.search)?,
                audio_input: None,
                audio_output: None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "[[price]]\nprovider = \"lab\"\nmodel = \"m\"\noutput = 2\n";

    #[test]
    fn what_is_wrong_is_named_with_its_row() {
        let error = |text: &str| parse(&format!("{ROW}{text}")).unwrap_err().to_string();
        assert_eq!(
            error("input = 1\nfrom = \"May\""),
            "prices.toml: price 1 (`m`): from: expected a day such as `2026-11-29`"
        );
        assert!(
            error("input = -1").contains("price"),
            "{}",
            error("input = -1")
        );
        assert!(error("input = 1\ntier = \"gold\"").contains("tier: expected"));
        assert!(error("input = 1\ncolour = 1").contains("colour"));
        assert!(error("input = 0.0000001").contains("six digits"));
    }

    #[test]
    fn amounts_are_read_as_they_are_typed() {
        let prices = parse(&format!("{ROW}input = 0.1\ncache_read = \"0.003625\"")).unwrap();
        let rates = prices.own[0].rates;
        assert_eq!((rates.input, rates.cache_read), (100_000, Some(3_625)));
        assert_eq!(rates.output, 2_000_000);
        assert!(parse("").unwrap().own.is_empty());
    }
}
