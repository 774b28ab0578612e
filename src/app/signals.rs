//! The system's words to stop.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT; Ctrl+C where there are no others. SIGHUP keeps its meaning, so that `nohup` works.
pub(super) struct Signals {
    #[cfg(unix)]
    kinds: [Signal; 2],
}

impl Signals {
    /// Listens from now on: none is lost between this and [`Signals::next`].
    ///
    /// # Errors
    /// When the system refuses.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        let kinds = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        Ok(Self { kinds })
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next word to stop.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        let [terminate, interrupt] = &mut self.kinds;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
