//! Where prices come from: the list of this program with its date, and a person's own rows above it.

use jiff::civil::Date;

use super::service::ControlService;
pub use crate::prices::OwnPrice;

/// How many rows are told at most.
const ROWS_MAX: usize = 100;

/// Where prices come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceListFacts {
    /// The day as of which the list was made.
    pub list_of: Date,
    pub own: Vec<OwnPrice>,
    /// Why the person's own prices are not used.
    pub problem: Option<String>,
}

impl ControlService {
    /// Reads the person's own prices, if there are any.
    pub fn price_list(&self) -> PriceListFacts {
        let (prices, problem) = self.prices();
        PriceListFacts {
            list_of: crate::prices::list_date(),
            own: prices.own().take(ROWS_MAX).collect(),
            problem,
        }
    }
}
