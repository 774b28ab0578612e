//! `today`: what was since local midnight, and the last 24 hours in quarters of an hour.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::service::ControlService;
use crate::control::today::Today;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct GetToday {}

impl Verb for GetToday {
    type Response = Today;
    const NAME: &'static str = "today";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Today, ControlError> {
        service.flush_records().await;
        Ok(Today {
            totals: service.totals_today().await?,
            timeline: service.timeline().await?,
        })
    }
}
