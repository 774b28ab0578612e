//! The threads that futures run on.

use std::io;
use std::num::NonZero;

use tokio::runtime::{Builder, Runtime};

/// Threads that serve requests: a desktop's gateway needs few, and each costs memory.
const WORKERS_MAX: usize = 4;

/// The agent's threads. A machine with one core gets one: the scheduler for several costs more and
/// gains nothing.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn for_agent() -> io::Result<Runtime> {
    match std::thread::available_parallelism().map_or(2, NonZero::get) {
        1 => for_command(),
        cores => Builder::new_multi_thread()
            .worker_threads(cores.min(WORKERS_MAX))
            .enable_all()
            .build(),
    }
}

/// The one thread of a command that calls a verb: the caller's own.
///
/// # Errors
/// When the system gives no event queue.
pub(super) fn for_command() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
