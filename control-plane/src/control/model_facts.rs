//! What a person wants to know of a model at a provider before asking it: its price, and what
//! becomes of each client's dialect.

use std::time::SystemTime;

use super::billing::billing_of;
use super::cost::PriceFacts;
use super::expected_losses::expected_losses;
use super::service::ControlService;
use crate::canon::{Dialect, Loss};
use crate::prices::{Conditions, Source};
use crate::provider::{DEMO, dialects};
use crate::store::records::quarter_of;

/// The quarters of a day.
const QUARTERS_A_DAY: i64 = 96;

/// What a usual request costs now: no other tier, no long context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPrice {
    /// Of a server of one's own, which is not unknown.
    pub is_free: bool,
    /// For a million tokens each, in micro-dollars.
    pub input_micros: u64,
    /// `None`: as the rest of the input.
    pub cache_read_micros: Option<u64>,
    pub output_micros: u64,
    /// The row that has it.
    pub row: PriceFacts,
}

/// What becomes of a client's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// The provider speaks the client's dialect: bytes pass as they are.
    Unchanged,
    /// Into one of these: the one that loses least. `losses` are those of a request that sets what
    /// is usual; `None` where they are not known.
    Translated {
        into: Vec<&'static str>,
        losses: Option<Vec<Loss>>,
    },
}

impl ControlService {
    /// The price of a model. `None` where it is unknown.
    pub fn price_of(&self, provider: &str, model: &str) -> Option<ModelPrice> {
        let (prices, _) = self.prices();
        let config = self.config();
        let quarter = quarter_of(SystemTime::now());
        let conditions = Conditions {
            tier: None,
            above: 0,
            quarter,
            quarter_of_day: quarter.rem_euclid(QUARTERS_A_DAY),
        };
        let price = prices.find(billing_of(&config, provider), model, &conditions)?;
        Some(ModelPrice {
            is_free: price.source == Source::Free,
            input_micros: price.rates.input,
            cache_read_micros: price.rates.cache_read,
            output_micros: price.rates.output,
            row: PriceFacts::of(&price),
        })
    }

    /// What becomes of requests of each dialect, by the dialect's name, if they go to that model.
    pub fn carriages(&self, provider: &str, model: &str) -> Vec<(&'static str, Carriage)> {
        let config = self.config();
        let spoken: Vec<Dialect> = match config.provider(provider) {
            Some(provider) => provider.dialects.to_vec(),
            None if provider == DEMO => of_demo(model),
            None => Vec::new(),
        };
        let carriage = |dialect: Dialect| match spoken.contains(&dialect) {
            true => Carriage::Unchanged,
            false => Carriage::Translated {
                into: spoken.iter().map(|spoken| spoken.name()).collect(),
                losses: expected_losses(dialect, &spoken),
            },
        };
        dialects()
            .map(|dialect| (dialect.name(), carriage(dialect)))
            .collect()
    }
}

/// `demo/anthropic` is the demo in that dialect alone.
fn of_demo(model: &str) -> Vec<Dialect> {
    let only: Vec<Dialect> = dialects()
        .filter(|dialect| dialect.name() == model)
        .collect();
    if only.is_empty() {
        dialects().collect()
    } else {
        only
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_speaks_one_dialect_where_its_name_says_so() {
        assert_eq!(of_demo("demo").len(), dialects().count());
        let only = of_demo("anthropic");
        assert_eq!(
            only.iter()
                .map(|dialect| dialect.name())
                .collect::<Vec<_>>(),
            ["anthropic"]
        );
    }
}
