//! What the first page shows of the records, kept for the time when they cannot be read.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::control::failures::FailureList;
use crate::control::today::Today;
use crate::control::verbs::{Failures, GetToday};
use crate::control::{ControlError, ControlService, Notes, Verb};
use crate::status::{Timestamp, rfc3339};

/// How far back failures are looked for.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// What was recorded, as of a moment.
pub(super) struct Figures {
    pub(super) read_at: Timestamp,
    pub(super) today: Today,
    /// Since [`Figures::hour_ago`].
    pub(super) failures: FailureList,
    pub(super) hour_ago: Timestamp,
}

/// The figures that were read last, of all visits.
#[derive(Default)]
pub(super) struct LastFigures(Mutex<Option<Arc<Figures>>>);

impl LastFigures {
    /// Reads them, and keeps them.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(super) async fn read(
        &self,
        service: &ControlService,
        now: Timestamp,
    ) -> Result<Arc<Figures>, ControlError> {
        let hour_ago = now - HOUR;
        let failures = Failures {
            since: Some(rfc3339(hour_ago)),
            until: None,
        };
        let notes = Notes::discard();
        let today = GetToday {}.run(service, &notes);
        let (today, failures) = tokio::join!(today, failures.run(service, &notes));
        let figures = Arc::new(Figures {
            read_at: now,
            today: today?,
            failures: failures?,
            hour_ago,
        });
        *self.0.lock() = Some(figures.clone());
        Ok(figures)
    }

    /// As they were when they could last be read.
    pub(super) fn last(&self) -> Option<Arc<Figures>> {
        self.0.lock().clone()
    }
}
