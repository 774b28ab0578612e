//! `records`: what is kept of requests: how much, how long, since when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::record_keeping::RecordsFacts;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct GetRecords {}

impl Verb for GetRecords {
    type Response = RecordsFacts;
    const NAME: &'static str = "records";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<RecordsFacts, ControlError> {
        service.flush_records().await;
        service.records_facts().await
    }
}
