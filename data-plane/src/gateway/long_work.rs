//! Work that takes longer than some milliseconds, and must not keep other requests waiting for the
//! thread that it runs on.

use tokio::runtime::{Handle, RuntimeFlavor};

/// From this length on, reading or translating a body takes milliseconds: about three a megabyte.
const LONG_BYTES: usize = 1024 * 1024;

/// Does `work` on a body of `bytes`. Where that takes long, the other tasks of this thread move to
/// another one first; less work costs a comparison only.
///
/// On a machine with one core there is one thread, and it does the work.
pub(super) fn on_body<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes < LONG_BYTES || !can_hand_over() {
        return work();
    }
    tokio::task::block_in_place(work)
}

fn can_hand_over() -> bool {
    Handle::try_current()
        .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// With one worker, the other task runs only if the work hands it over.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_are_served_while_a_large_body_is_read() {
        static HAS_RUN: AtomicBool = AtomicBool::new(false);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        let work = tokio::spawn(async {
            tokio::spawn(async { HAS_RUN.store(true, Ordering::Relaxed) });
            on_body(LONG_BYTES, || {
                while !HAS_RUN.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
            });
        });
        work.await.unwrap();
    }

    #[tokio::test]
    async fn one_thread_does_the_work_itself() {
        assert_eq!(on_body(LONG_BYTES, || 1), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn short_work_keeps_its_thread() {
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        let work = tokio::spawn(async {
            let thread = || std::thread::current().id();
            let before = thread();
            let during = on_body(LONG_BYTES - 1, thread);
            tokio::task::yield_now().await;
            assert_eq!((during, thread()), (before, before));
        });
        work.await.unwrap();
    }

    /// Work may be long within long work: a body is read within an answer's translation.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn long_work_may_be_within_long_work() {
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        let work = tokio::spawn(async {
            on_body(LONG_BYTES, || on_body(LONG_BYTES, || 1)) + on_body(LONG_BYTES, || 1)
        });
        assert_eq!(work.await.unwrap(), 2);
    }

    #[test]
    fn without_a_runtime_it_is_just_done() {
        assert_eq!(on_body(LONG_BYTES, || 1), 1);
    }
}
