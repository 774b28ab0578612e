//! A waker between a connection and the task that drives it: while the task is at it, ringing only
//! makes it look once more.
//!
//! Connection and reader hand each other what they have through channels, and each hand-over wakes.
//! Both are polled in one task, one after the other, so without this a task would be woken by its
//! own doing, once for every piece of a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;

/// Nobody is at it: ringing wakes.
const LOUD: u8 = 0;
/// The task is at it.
const HUSHED: u8 = 1;
/// The task is at it, and somebody rang.
const RUNG: u8 = 2;

#[derive(Debug, Default)]
pub(super) struct WakeCoalescer {
    state: AtomicU8,
    task: AtomicWaker,
}

impl WakeCoalescer {
    /// Names the task that is woken.
    pub(super) fn answer_to(&self, task: &Waker) {
        self.task.register(task);
    }

    /// Wakes nobody until another task is named.
    pub(super) fn forget(&self) {
        drop(self.task.take());
    }

    /// The task begins.
    pub(super) fn hush(&self) {
        self.state.store(HUSHED, Ordering::SeqCst);
    }

    /// The task is done for now. Whether somebody rang meanwhile.
    pub(super) fn unhush(&self) -> bool {
        self.state.swap(LOUD, Ordering::SeqCst) == RUNG
    }

    fn ring(&self) {
        if self
            .state
            .compare_exchange(HUSHED, RUNG, Ordering::SeqCst, Ordering::SeqCst)
            == Err(LOUD)
        {
            self.task.wake();
        }
    }
}

impl Wake for WakeCoalescer {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn ringing_wakes_the_task_unless_it_is_at_it() {
        let (bell, count) = (
            Arc::new(WakeCoalescer::default()),
            Arc::new(Count::default()),
        );
        let (ringer, woken) = (Waker::from(bell.clone()), || {
            count.0.load(Ordering::Relaxed)
        });
        bell.answer_to(&Waker::from(count.clone()));
        bell.hush();
        ringer.wake_by_ref();
        ringer.wake_by_ref();
        assert!(bell.unhush() && woken() == 0, "it looks once more instead");
        bell.hush();
        assert!(!bell.unhush());
        ringer.wake_by_ref();
        assert_eq!(woken(), 1);
        bell.forget();
        ringer.wake();
        assert_eq!(woken(), 1);
    }
}
