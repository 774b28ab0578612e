//! Today's sums for the tray: read when records were written, at most once in some seconds, and
//! never while nothing happens.

use std::time::Duration;

use jiff::Zoned;
use jiff::civil::Date;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::control::ControlService;
use crate::desktop::{Event, Remote};

/// How often they are read at most.
const EVERY: Duration = Duration::from_secs(5);

/// When today's sums were read, and whether they are to be read again.
pub(super) struct TrayToday {
    written: watch::Receiver<i64>,
    is_stale: bool,
    read_at: Option<Instant>,
    /// The day and the state of the recording at that time.
    read_as: Option<(Date, bool)>,
}

impl TrayToday {
    /// `None` where nothing is recorded here.
    pub(super) fn of(service: &ControlService) -> Option<Self> {
        Some(Self {
            written: service.records_written()?,
            is_stale: true,
            read_at: None,
            read_as: None,
        })
    }

    /// Reads and sends them, where that is due.
    pub(super) async fn refresh(&mut self, service: &ControlService, remote: &Remote) {
        let is_recording = service.is_recording();
        let read_as = Some((Zoned::now().date(), is_recording));
        if self.read_as != read_as {
            self.is_stale = true;
        }
        if !self.is_stale || !self.wait().is_none_or(|wait| wait.is_zero()) {
            return;
        }
        (self.is_stale, self.read_as) = (false, read_as);
        self.read_at = Some(Instant::now());
        let totals = match is_recording {
            true => service.totals_today().await.ok(),
            false => None,
        };
        remote.send(Event::Today(totals.map(Box::new)));
    }

    /// How long until they are read again. `None` where that is not due.
    pub(super) fn wait(&self) -> Option<Duration> {
        let read_at = self.read_at.filter(|_| self.is_stale)?;
        Some(EVERY.saturating_sub(read_at.elapsed()))
    }

    /// Waits until records were written.
    ///
    /// Cancel safe.
    pub(super) async fn noticed(&mut self) {
        if self.written.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.is_stale = true;
    }
}
