//! Which sums changed, so that what was read of others can be remembered.

use std::collections::BTreeMap;
use std::ops::Range;

use parking_lot::Mutex;

/// How many quarters are known to have changed; of more, all before the earliest are.
const QUARTERS_MAX: usize = 256;

/// The quarters whose sums changed, and when, in numbers that rise with each change.
///
/// The writer notes them once they are committed. A number that is taken before a quarter is read
/// stands for what was read as long as the quarter is not noted with a higher one.
#[derive(Default)]
pub struct Touches(Mutex<Touched>);

#[derive(Default)]
struct Touched {
    number: u64,
    quarters: BTreeMap<i64, u64>,
    /// Up to this number changes are forgotten: any quarter may have changed with it.
    forgotten: u64,
}

impl Touches {
    /// To be taken before anything is read.
    pub fn number(&self) -> u64 {
        self.0.lock().number
    }

    /// Whether these quarters are as they were at that number.
    pub fn are_untouched(&self, quarters: &Range<i64>, since: u64) -> bool {
        let touched = self.0.lock();
        touched.forgotten <= since
            && touched
                .quarters
                .range(quarters.clone())
                .all(|(_, number)| *number <= since)
    }

    pub(super) fn note(&self, quarters: impl Iterator<Item = i64>) {
        let mut touched = self.0.lock();
        touched.number += 1;
        let number = touched.number;
        let mut latest = None;
        for quarter in quarters {
            // Of records that follow each other most arrived in the same.
            if latest.replace(quarter) != Some(quarter) {
                touched.quarters.insert(quarter, number);
            }
        }
        while touched.quarters.len() > QUARTERS_MAX {
            let earliest = touched.quarters.iter().min_by_key(|(_, number)| **number);
            let Some((quarter, number)) = earliest.map(|(quarter, number)| (*quarter, *number))
            else {
                return;
            };
            touched.quarters.remove(&quarter);
            touched.forgotten = touched.forgotten.max(number);
        }
    }

    /// Any quarter may have changed.
    pub(super) fn note_all(&self) {
        let mut touched = self.0.lock();
        touched.number += 1;
        touched.forgotten = touched.number;
        touched.quarters.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_told_by_its_number() {
        let touches = Touches::default();
        let read_at = touches.number();
        touches.note([7].into_iter());
        assert!(touches.are_untouched(&(0..7), read_at));
        assert!(!touches.are_untouched(&(0..8), read_at));
        assert!(touches.are_untouched(&(0..8), touches.number()));
        touches.note_all();
        assert!(!touches.are_untouched(&(0..1), read_at));
    }

    #[test]
    fn more_changes_than_are_kept_count_for_all_quarters() {
        let touches = Touches::default();
        let read_at = touches.number();
        (0..300).for_each(|quarter| touches.note([quarter].into_iter()));
        assert!(!touches.are_untouched(&(1_000..1_001), read_at));
        let now = touches.number();
        assert!(touches.are_untouched(&(0..1_000), now));
        touches.note([5].into_iter());
        assert!(touches.are_untouched(&(6..1_000), now));
    }
}
