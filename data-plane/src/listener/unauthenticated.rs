//! Connections that have not authenticated yet. When all places are taken, the oldest of them is
//! closed, so that idle connections cannot keep out a person who has a session.
//!
//! Sessions are the handler's matter: it marks a response with [`AuthenticatedPeer`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Set by the handler in a response's extensions: the peer has authenticated, and its connection is
/// not evicted.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatedPeer;

/// The unauthenticated ones among the open connections, oldest first.
#[derive(Debug, Default)]
pub(super) struct UnauthenticatedConns(Mutex<VecDeque<Weak<UnauthenticatedConn>>>);

/// One connection, unauthenticated until the handler says otherwise.
#[derive(Debug, Default)]
pub(super) struct UnauthenticatedConn {
    is_authenticated: AtomicBool,
    evicted: CancellationToken,
}

impl UnauthenticatedConns {
    pub(super) fn enter(&self) -> Arc<UnauthenticatedConn> {
        let conn = Arc::new(UnauthenticatedConn::default());
        let mut conns = self.0.lock();
        conns.retain(|conn| conn.upgrade().is_some_and(|open| !open.is_authenticated()));
        conns.push_back(Arc::downgrade(&conn));
        conn
    }

    /// Closes the oldest one. `false` if there is none.
    pub(super) fn evict_oldest(&self) -> bool {
        let mut conns = self.0.lock();
        while let Some(oldest) = conns.pop_front() {
            if let Some(open) = oldest.upgrade().filter(|open| !open.is_authenticated()) {
                open.evicted.cancel();
                return true;
            }
        }
        false
    }
}

impl UnauthenticatedConn {
    pub(super) fn mark_authenticated(&self) {
        self.is_authenticated.store(true, Ordering::Relaxed);
    }

    fn is_authenticated(&self) -> bool {
        self.is_authenticated.load(Ordering::Relaxed)
    }

    /// Resolves once the connection is evicted.
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
        let conns = UnauthenticatedConns::default();
        let all: Vec<_> = (0..4).map(|_| conns.enter()).collect();
        all[1].mark_authenticated();
        let [first, known, third, closed]: [_; 4] = all.try_into().unwrap();
        drop(closed);
        assert!(conns.evict_oldest() && conns.evict_oldest());
        assert!(!conns.evict_oldest());
        let is_evicted = |conn: &UnauthenticatedConn| conn.evicted.is_cancelled();
        assert!(is_evicted(&first) && is_evicted(&third) && !is_evicted(&known));
    }
}
