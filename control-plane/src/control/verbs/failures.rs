//! `failures`: what failed in a period, by cause.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::control::failures::FailureList;
use crate::control::period;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Failures {
    /// `1h`, `24h`, `today`, a day or a moment; `None`: 24 hours.
    pub since: Option<String>,
    /// As `since`; `None`: now.
    pub until: Option<String>,
}

impl Verb for Failures {
    type Response = FailureList;
    const NAME: &'static str = "failures";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<FailureList, ControlError> {
        let (zone, now) = (TimeZone::system(), SystemTime::now());
        let at = |text: &str| period::begin(text, now, &zone, false);
        let from = at(self.since.as_deref().unwrap_or("24h"))?;
        let until = self.until.as_deref().map(at).transpose()?;
        service.flush_records().await;
        service.failures(from, until).await
    }
}
