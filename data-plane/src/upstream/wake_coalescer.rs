//! Coalesces wake-ups: a wake during a poll requests one more poll instead of rescheduling the
//! task.
//!
//! A connection and the reader of its response hand data to each other through hyper's channels,
//! and each hand-over wakes the other side. Here both sides are polled by one task, one after the
//! other, so without this the task would wake itself once for every chunk of a stream.
//!
//! ```text
//!              start_poll                     wake
//!     IDLE ------------------> POLLING -----------------> POLLING_WOKEN
//!     ^  ^                        |                              |
//!     |  +--- finish_poll: false -+                              |
//!     +------ finish_poll: true ---------------------------------+
//!
//!     wake in IDLE wakes the registered task; in POLLING_WOKEN it changes nothing
//! ```
//!
//! No wake is lost, wherever it falls:
//!
//! - Between `start_poll` and `finish_poll` it sets POLLING_WOKEN, and `finish_poll` tells the task
//!   to poll again. That covers the time after a side returned `Pending` and before the task does.
//! - After `finish_poll` the state is IDLE, and the wake goes to the task, whose waker was
//!   registered before the poll began.
//! - Before `start_poll` it also goes to the task, which is polling already and is polled once more
//!   than needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;

/// No poll is running: a wake wakes the task.
const IDLE: u8 = 0;
/// The task is polling.
const POLLING: u8 = 1;
/// The task is polling, and a wake has come since it began.
const POLLING_WOKEN: u8 = 2;

#[derive(Debug, Default)]
pub(super) struct WakeCoalescer {
    state: AtomicU8,
    task: AtomicWaker,
}

impl WakeCoalescer {
    /// Sets the task to wake. Has to come before [`WakeCoalescer::start_poll`].
    pub(super) fn register(&self, task: &Waker) {
        self.task.register(task);
    }

    /// Drops the registered waker: wakes are ignored until the next task registers.
    pub(super) fn deregister(&self) {
        drop(self.task.take());
    }

    pub(super) fn start_poll(&self) {
        self.state.store(POLLING, Ordering::SeqCst);
    }

    /// Ends a poll. Returns whether a wake came during it, which the caller has to act on.
    pub(super) fn finish_poll(&self) -> bool {
        self.state.swap(IDLE, Ordering::SeqCst) == POLLING_WOKEN
    }

    fn wake_task(&self) {
        let previous =
            self.state
                .compare_exchange(POLLING, POLLING_WOKEN, Ordering::SeqCst, Ordering::SeqCst);
        if previous == Err(IDLE) {
            self.task.wake();
        }
    }
}

impl Wake for WakeCoalescer {
    fn wake(self: Arc<Self>) {
        self.wake_task();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_task();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct WakeCount(AtomicUsize);

    impl Wake for WakeCount {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn ringing_wakes_the_task_unless_it_is_at_it() {
        let coalescer = Arc::new(WakeCoalescer::default());
        let waker = Waker::from(coalescer.clone());
        let count = Arc::new(WakeCount::default());
        let wakes = || count.0.load(Ordering::Relaxed);

        coalescer.register(&Waker::from(count.clone()));
        coalescer.start_poll();
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert!(coalescer.finish_poll(), "it polls once more instead");
        assert_eq!(wakes(), 0);

        coalescer.start_poll();
        assert!(!coalescer.finish_poll());
        waker.wake_by_ref();
        assert_eq!(wakes(), 1);

        coalescer.deregister();
        waker.wake();
        assert_eq!(wakes(), 1);
    }
}
