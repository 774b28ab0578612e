//! Connections that have not shown yet whose they are. Where all places are taken, the one that has
//! been here the longest makes room, so that idle connections keep nobody out who has a session.
//!
//! It knows no session: the handler says by [`KnownPeer`] whom it knows.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// In a response's extensions: the connection is one of a peer that the handler knows, and keeps its
/// place.
#[derive(Clone, Copy, Debug)]
pub struct KnownPeer;

/// The strangers among the open connections, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<VecDeque<Weak<Stranger>>>);

/// One connection, a stranger's until it is known.
#[derive(Debug, Default)]
pub(super) struct Stranger {
    is_known: AtomicBool,
    evicted: CancellationToken,
}

impl Strangers {
    pub(super) fn enter(&self) -> Arc<Stranger> {
        let stranger = Arc::new(Stranger::default());
        let mut strangers = self.0.lock();
        strangers.retain(|stranger| stranger.upgrade().is_some_and(|open| !open.is_known()));
        strangers.push_back(Arc::downgrade(&stranger));
        stranger
    }

    /// Ends the oldest connection of a stranger. `false` where there is none.
    pub(super) fn evict_oldest(&self) -> bool {
        let mut strangers = self.0.lock();
        while let Some(oldest) = strangers.pop_front() {
            if let Some(open) = oldest.upgrade().filter(|open| !open.is_known()) {
                open.evicted.cancel();
                return true;
            }
        }
        false
    }
}

impl Stranger {
    pub(super) fn make_known(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Resolves once it has to make room.
    ///
    /// Cancel safe.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_is_open_and_not_known_makes_room() {
        let strangers = Strangers::default();
        let all: Vec<_> = (0..4).map(|_| strangers.enter()).collect();
        all[1].make_known();
        let [first, known, third, closed]: [_; 4] = all.try_into().unwrap();
        drop(closed);
        assert!(strangers.evict_oldest() && strangers.evict_oldest());
        assert!(!strangers.evict_oldest());
        let is_evicted = |stranger: &Stranger| stranger.evicted.is_cancelled();
        assert!(is_evicted(&first) && is_evicted(&third) && !is_evicted(&known));
    }
}
