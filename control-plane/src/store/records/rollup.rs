//! What is summed up of records: the key of a sum, and the sum.

use crate::canon::{ServiceTier, Usage};
use crate::outcome::Timestamp;
use crate::prices::BANDS;
use crate::record::{Ending, Record};

/// The bounds of the first-byte histograms, in microseconds.
///
/// Source: OpenTelemetry's conventions for GenAI, `gen_ai.client.operation.time_to_first_chunk`.
pub const FIRST_BYTE_BOUNDS_US: [u64; 14] = [
    10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_560_000, 5_120_000,
    10_240_000, 20_480_000, 40_960_000, 81_920_000,
];

/// How many of the bounds a value passed.
pub(super) fn bounds_passed(bounds: &[u64], value: u64) -> usize {
    bounds.partition_point(|bound| *bound < value)
}

/// A quarter of an hour, counted from 1970.
pub fn quarter_of(at: Timestamp) -> i64 {
    let since = at.duration_since(Timestamp::UNIX_EPOCH);
    since.map_or(0, |since| (since.as_secs() / 900).cast_signed())
}

/// Declares the sums and how they are stored.
macro_rules! sums {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Sums over requests.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Sums { $($(#[$doc])* pub $name: u64,)* }

        impl Sums {
            /// The columns, in the order of [`Sums::values`].
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($name),)*];

            pub fn values(&self) -> impl Iterator<Item = u64> {
                [$(self.$name,)*].into_iter()
            }

            /// Reads columns that begin at `first`.
            ///
            /// # Errors
            /// When one holds no number.
            pub(super) fn read(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Self> {
                let mut at = first..;
                let mut next = || -> rusqlite::Result<u64> {
                    let value: i64 = row.get(at.next().unwrap_or(first))?;
                    Ok(value.cast_unsigned())
                };
                Ok(Self { $($name: next()?,)* })
            }

            /// Adds another sum. At the end of the range it stays there.
            pub fn add(&mut self, other: &Self) {
                $(self.$name = self.$name.saturating_add(other.$name);)*
            }
        }
    };
}

sums! {
    requests,
    failed,
    refused,
    left_early,
    /// Served, and no usage told.
    uncounted,
    /// Usage told so far, and not to the end.
    partial,
    input,
    cache_read,
    cache_write,
    cache_write_short,
    cache_write_long,
    output,
    reasoning,
    tool_prompt,
    audio_input,
    audio_output,
    hosted_calls,
    /// Billionths of a dollar.
    charged_nanos,
}

/// What tells a row of the rollup from others, besides its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rates {
    pub tier: Option<ServiceTier>,
    /// How many of the [`BANDS`] the input passed.
    pub band: u8,
    pub is_charged: bool,
}

/// What sums need of a request, whether it was just served or is read back.
pub(super) struct Counted<'c> {
    pub(super) is_billed: bool,
    pub(super) was_tried: bool,
    pub(super) ending: Ending,
    pub(super) usage: &'c Usage,
    pub(super) usage_is_final: bool,
    pub(super) tier: Option<ServiceTier>,
}

impl<'c> Counted<'c> {
    pub(super) fn of(record: &'c Record) -> Self {
        Self {
            is_billed: record.is_billed(),
            was_tried: !record.attempts.is_empty(),
            ending: record.ending,
            usage: &record.usage,
            usage_is_final: record.usage_is_final,
            tier: record.tier,
        }
    }

    /// The usage that is paid for. A count of tokens reports figures and costs nothing.
    fn billed(&self) -> Usage {
        if self.is_billed {
            *self.usage
        } else {
            Usage::default()
        }
    }

    pub(super) fn rates(&self) -> Rates {
        let usage = self.billed();
        let band = bounds_passed(&BANDS, usage.input.unwrap_or(0));
        Rates {
            tier: self.tier,
            band: band as u8,
            is_charged: usage.cost_nanos.is_some(),
        }
    }

    pub(super) fn sums(&self) -> Sums {
        let usage = self.billed();
        let count = |is_counted: bool| u64::from(is_counted);
        let is_served =
            matches!(self.ending, Ending::Done | Ending::Left) && self.is_billed && self.was_tried;
        let is_known = !usage.is_unknown();
        let is_whole = self.usage_is_final && usage.input.is_some();
        Sums {
            requests: 1,
            failed: count(self.ending == Ending::Failed),
            refused: count(self.ending == Ending::Refused),
            left_early: count(self.ending == Ending::Left),
            uncounted: count(is_served && !is_known),
            partial: count(is_known && !is_whole),
            input: usage.input.unwrap_or(0),
            cache_read: usage.cache_read.unwrap_or(0),
            cache_write: usage.cache_write.unwrap_or(0),
            cache_write_short: usage.cache_write_short.unwrap_or(0),
            cache_write_long: usage.cache_write_long.unwrap_or(0),
            output: usage.output.unwrap_or(0),
            reasoning: usage.reasoning.unwrap_or(0),
            tool_prompt: usage.tool_prompt.unwrap_or(0),
            audio_input: usage.audio_input.unwrap_or(0),
            audio_output: usage.audio_output.unwrap_or(0),
            hosted_calls: usage.hosted_calls.unwrap_or(0),
            charged_nanos: usage.cost_nanos.unwrap_or(0),
        }
    }
}

/// A record as a sum of one, and what tells its price.
pub fn sums_of(record: &Record) -> (Sums, Rates) {
    let counted = Counted::of(record);
    (counted.sums(), counted.rates())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_passed_by_what_is_above_it() {
        assert_eq!(bounds_passed(&BANDS, 0), 0);
        assert_eq!(bounds_passed(&BANDS, 200_000), 3);
        assert_eq!(bounds_passed(&BANDS, 200_001), 4);
        assert_eq!(bounds_passed(&BANDS, u64::MAX), BANDS.len());
    }

    #[test]
    fn a_quarter_begins_on_the_quarter_hour() {
        let at = |seconds| Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        assert_eq!((quarter_of(at(899)), quarter_of(at(900))), (0, 1));
    }
}
