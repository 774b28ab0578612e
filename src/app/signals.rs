//! The signals that stop the agent.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT; Ctrl+C where there are no others. On Linux also SIGHUP, which comes with the
/// end of a session or of a terminal, unless the parent process had it ignored, as `nohup` does.
pub(super) struct Signals {
    #[cfg(unix)]
    kinds: [Signal; 2],
    #[cfg(unix)]
    hangup: Option<Signal>,
}

impl Signals {
    /// Installs the handlers, so that no signal is lost between this and [`Signals::next`].
    ///
    /// # Errors
    /// When the system refuses.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        let kinds = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        ];
        let hangup = if handles_hangup() {
            Some(signal(SignalKind::hangup())?)
        } else {
            None
        };
        Ok(Self { kinds, hangup })
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next signal to stop.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        let Self { kinds, hangup } = self;
        tokio::select! {
            // The end of a session sends SIGTERM and SIGHUP together, which count as one.
            biased;
            () = urgent(kinds) => {}
            () = hung_up(hangup.as_mut()) => {}
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        self.next_urgent().await;
    }

    /// Waits for the next signal that asks to stop at once, which SIGHUP does not.
    #[cfg(unix)]
    pub(super) async fn next_urgent(&mut self) {
        urgent(&mut self.kinds).await;
    }

    #[cfg(not(unix))]
    pub(super) async fn next_urgent(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
async fn urgent([terminate, interrupt]: &mut [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(unix)]
async fn hung_up(hangup: Option<&mut Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether to handle SIGHUP. Only Linux reports whether it is ignored; elsewhere it keeps its
/// default action.
#[cfg(unix)]
fn handles_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| ignored(&status))
        .is_some_and(|mask| mask & SIGHUP == 0)
}

/// Signal 1 in a mask of signals.
#[cfg(unix)]
const SIGHUP: u64 = 1;

/// The mask of the signals that are ignored. Source: proc_pid_status(5), `SigIgn`.
#[cfg(unix)]
fn ignored(status: &str) -> Option<u64> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_that_is_ignored_stays_so() {
        let status = |mask: &str| {
            format!("Name:\taerostat\nSigBlk:\t0000000000000000\nSigIgn:\t{mask}\nSigCgt:\t1\n")
        };
        assert_eq!(
            ignored(&status("0000000000001001")).map(|mask| mask & SIGHUP),
            Some(1)
        );
        assert_eq!(
            ignored(&status("0000000000001000")).map(|mask| mask & SIGHUP),
            Some(0)
        );
        assert_eq!(ignored("Name:\taerostat\n"), None);
    }
}
