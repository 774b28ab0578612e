//! How many bytes of bodies are in memory at a time, in sum: many large ones together would take all
//! that the machine has.
//!
//! A body of up to [`FREE_BYTES`] is not counted: the number of requests bounds those. It reads
//! nothing and knows no limit of its own.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use tracing::warn;

/// Up to this length a body is not counted, and costs nothing.
pub const FREE_BYTES: usize = 64 * 1024;

/// The bodies of this process.
pub static BODIES: BodyBudget = BodyBudget::new();

/// Counts the bytes of bodies.
#[derive(Debug)]
pub struct BodyBudget {
    used: AtomicUsize,
    refused: AtomicU64,
}

/// A share of the budget, given back when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: &'static BodyBudget,
    bytes: usize,
}

impl BodyBudget {
    const fn new() -> Self {
        Self {
            used: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// A share without bytes, to be grown.
    pub fn reservation(&'static self) -> Reservation {
        Reservation {
            budget: self,
            bytes: 0,
        }
    }

    /// How many bodies found no room since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize, max: usize) -> bool {
        let with = |used: usize| used.checked_add(bytes).filter(|used| *used <= max);
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with);
        if taken.is_err() {
            let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
            warn!(
                max,
                refused, "limit: a body is refused, as those in memory are too many"
            );
        }
        taken.is_ok()
    }
}

impl Reservation {
    /// Has the share cover a body of `bytes`. `false` where all bodies together would pass `max`.
    pub fn cover(&mut self, bytes: usize, max: usize) -> bool {
        let wanted = if bytes > FREE_BYTES { bytes } else { 0 };
        if wanted > self.bytes {
            if !self.budget.take(wanted - self.bytes, max) {
                return false;
            }
            self.bytes = wanted;
        }
        true
    }

    /// Gives back what a body of `bytes` does not need.
    pub fn shrink(&mut self, bytes: usize) {
        let wanted = if bytes > FREE_BYTES { bytes } else { 0 };
        if wanted < self.bytes {
            self.budget
                .used
                .fetch_sub(self.bytes - wanted, Ordering::Relaxed);
            self.bytes = wanted;
        }
    }

    /// The bytes, which hold the share as long as they or a slice of them live.
    pub fn hold(self, bytes: Bytes) -> Bytes {
        if self.bytes == 0 {
            return bytes;
        }
        hold(bytes, self)
    }
}

/// The bytes, with `held` alive as long as they or a slice of them live.
pub fn hold(bytes: Bytes, held: impl Send + 'static) -> Bytes {
    struct Holding<T>(Bytes, T);
    impl<T> AsRef<[u8]> for Holding<T> {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Holding(bytes, held))
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_counted_as_long_as_a_slice_of_them_lives() {
        static BUDGET: BodyBudget = BodyBudget::new();
        let used = || BUDGET.used.load(Ordering::Relaxed);
        let (body, max) = (Bytes::from(vec![0; FREE_BYTES * 2]), FREE_BYTES * 3);
        let mut first = BUDGET.reservation();
        assert!(first.cover(FREE_BYTES, max) && used() == 0);
        assert!(first.cover(body.len(), max) && used() == body.len());
        let mut second = BUDGET.reservation();
        assert!(!second.cover(body.len(), max) && used() == body.len());
        let slice = first.hold(body).slice(1..2);
        assert!(!second.cover(FREE_BYTES * 2, max));
        drop(slice);
        assert!(second.cover(FREE_BYTES * 3, max));
        second.shrink(FREE_BYTES * 2);
        assert_eq!(used(), FREE_BYTES * 2);
        drop(second);
        assert_eq!((used(), BUDGET.refused()), (0, 2));
    }
}
