//! Sums of days that are over, remembered as long as nothing touches them: the worst case of a page
//! is a look at a hundred thousand rows, and all but today's stay as they are.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use lru::LruCache;
use parking_lot::Mutex;

use super::by::By;
use super::sum::{Group, GroupKey};
use crate::config::Config;
use crate::prices::Prices;
use crate::store::records::Touches;

/// How many rows of sums are remembered, of some 600 bytes each.
const ROWS_MAX: usize = 4_096;

/// Rows of one day, without the day itself in their keys.
pub(super) type DayRows = Vec<(GroupKey, Group)>;

/// By what sums are told apart, and the names that requests must have.
pub(super) type What = (Vec<By>, Vec<(By, String)>);

/// Which sums of a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DayQuestion {
    pub(super) quarters: Range<i64>,
    /// Shared by all days of a period.
    pub(super) what: Arc<What>,
}

/// The sums that an agent remembers.
pub struct DayMemory {
    touches: Arc<Touches>,
    kept: Mutex<Kept>,
    is_closed: AtomicBool,
}

struct Kept {
    days: LruCache<DayQuestion, Remembered>,
    rows: usize,
    /// By which costs were computed.
    basis: Option<(Arc<Config>, Prices)>,
    /// Whether what is asked most was read ahead.
    is_ahead: bool,
}

struct Remembered {
    rows: Arc<DayRows>,
    /// The number of changes before they were read.
    number: u64,
}

impl DayMemory {
    pub(in crate::control) fn new(touches: Arc<Touches>) -> Self {
        Self {
            touches,
            kept: Mutex::new(Kept {
                days: LruCache::unbounded(),
                rows: 0,
                basis: None,
                is_ahead: false,
            }),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Whether it is time to read ahead: once, and again after all was forgotten.
    pub(in crate::control) fn begins_ahead(&self) -> bool {
        !std::mem::replace(&mut self.kept.lock().is_ahead, true)
    }

    /// What reads ahead stops soon.
    pub(in crate::control) fn close(&self) {
        self.is_closed.store(true, Relaxed);
    }

    pub(in crate::control) fn is_closed(&self) -> bool {
        self.is_closed.load(Relaxed)
    }

    /// To be taken before anything is read that is kept later.
    pub(super) fn number(&self) -> u64 {
        self.touches.number()
    }

    /// The rows of a day, where they are as they were.
    pub(super) fn rows(
        &self,
        question: &DayQuestion,
        config: &Arc<Config>,
        prices: &Prices,
    ) -> Option<Arc<DayRows>> {
        let mut kept = self.kept.lock();
        kept.check(config, prices);
        let remembered = kept.days.get(question)?;
        let is_same = self
            .touches
            .are_untouched(&question.quarters, remembered.number);
        is_same.then(|| remembered.rows.clone())
    }

    pub(super) fn keep(
        &self,
        question: DayQuestion,
        number: u64,
        rows: Arc<DayRows>,
        config: &Arc<Config>,
        prices: &Prices,
    ) {
        let mut kept = self.kept.lock();
        kept.check(config, prices);
        kept.rows += weight(&rows);
        let replaced = kept.days.put(question, Remembered { rows, number });
        kept.rows -= replaced.map_or(0, |replaced| weight(&replaced.rows));
        while kept.rows > ROWS_MAX
            && let Some((_, oldest)) = kept.days.pop_lru()
        {
            kept.rows -= weight(&oldest.rows);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.lock().days.len()
    }
}

/// A day without rows takes some room as well.
fn weight(rows: &DayRows) -> usize {
    rows.len().max(1)
}

impl Kept {
    /// Forgets all where costs would be others now.
    fn check(&mut self, config: &Arc<Config>, prices: &Prices) {
        let is_same = self.basis.as_ref().is_some_and(|(of, by)| {
            // The same prices, most often none of one's own.
            Arc::ptr_eq(of, config) && by == prices
        });
        if !is_same {
            self.is_ahead &= self.basis.is_none();
            self.days.clear();
            self.rows = 0;
            self.basis = Some((config.clone(), prices.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(day: i64) -> DayQuestion {
        DayQuestion {
            quarters: day * 96..day * 96 + 96,
            what: Arc::new((Vec::new(), Vec::new())),
        }
    }

    #[test]
    fn the_days_that_were_looked_at_least_make_room() {
        let memory = DayMemory::new(Arc::default());
        let (config, prices) = (Arc::default(), Prices::default());
        let rows: Arc<DayRows> = Arc::new(vec![(Vec::new(), Group::default()); 1_000]);
        for day in 0..5 {
            memory.keep(question(day), 0, rows.clone(), &config, &prices);
        }
        assert_eq!(memory.len(), 4);
        assert!(memory.rows(&question(0), &config, &prices).is_none());
        assert!(memory.rows(&question(4), &config, &prices).is_some());
        // The same day again takes the place of what was there.
        memory.keep(question(4), 0, rows.clone(), &config, &prices);
        assert_eq!(memory.len(), 4);
    }

    #[test]
    fn it_is_read_ahead_once_and_again_after_all_was_forgotten() {
        let memory = DayMemory::new(Arc::default());
        let (config, prices): (Arc<Config>, _) = (Arc::default(), Prices::default());
        assert!(memory.begins_ahead() && !memory.begins_ahead());
        memory.keep(question(1), 0, Arc::default(), &config, &prices);
        assert!(!memory.begins_ahead());
        assert!(
            memory
                .rows(&question(1), &Arc::default(), &prices)
                .is_none()
        );
        assert!(memory.begins_ahead() && !memory.begins_ahead());
    }

    #[test]
    fn another_configuration_and_other_prices_forget_all() {
        let memory = DayMemory::new(Arc::default());
        let (config, prices): (Arc<Config>, _) = (Arc::default(), Prices::default());
        memory.keep(question(1), 0, Arc::default(), &config, &prices);
        assert!(memory.rows(&question(1), &config, &prices).is_some());
        let own = "[[price]]\nprovider = \"lab\"\nmodel = \"m\"\ninput = 1\noutput = 1\n";
        let own = crate::prices::parse_own(own).unwrap();
        assert!(memory.rows(&question(1), &config, &own).is_none());
        memory.keep(question(1), 0, Arc::default(), &config, &own);
        assert!(memory.rows(&question(1), &Arc::default(), &own).is_none());
    }
}
