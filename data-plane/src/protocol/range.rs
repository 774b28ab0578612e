//! Numbers within the range that a target takes.

use crate::canon::{Located, Losses};
use crate::json::Raw;

/// The lowest and the highest number, as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range(pub(super) &'static str, pub(super) &'static str);

impl Range {
    /// The number within the range; one that is within keeps its digits.
    pub(super) fn fit(self, number: &Located<Raw>, losses: &mut Losses) -> Raw {
        let read = |digits: &str| digits.parse::<f64>().unwrap_or_default();
        let value = read(number.value.as_str());
        let limit = if value < read(self.0) {
            self.0
        } else if value > read(self.1) {
            self.1
        } else {
            return number.value.clone();
        };
        losses.adjusted(number.at);
        Raw::from_static(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Offset;

    #[test]
    fn a_number_within_keeps_its_digits() {
        for (number, expected, is_adjusted) in [
            ("0.50", "0.50", false),
            ("2", "2", false),
            ("2.01", "2", true),
            ("-1e3", "0", true),
        ] {
            let mut losses = Losses::default();
            let number = Located::new(Raw::from_static(number), Offset(0));
            assert_eq!(Range("0", "2").fit(&number, &mut losses).as_str(), expected);
            assert_eq!(!losses.resolve(b"1").unwrap().is_empty(), is_adjusted);
        }
    }
}
