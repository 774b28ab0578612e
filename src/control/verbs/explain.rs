//! `explain`: what became of a request, and what to do now.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::explain::{Explanation, unknown};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct Explain {
    /// A response's `x-aerostat-request-id`.
    pub id: String,
}

impl Verb for Explain {
    type Response = Explanation;
    const NAME: &'static str = "explain";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Explanation, ControlError> {
        let id = self.id.trim().to_owned();
        if let Some(record) = service.ring.find(&id) {
            return Ok(Explanation::of(&record));
        }
        if let Some(records) = &service.records {
            records.flush().await;
        }
        let wanted = id.clone();
        let found = service
            .read_records(move |reader| reader.find(&wanted))
            .await?;
        let (_, record) = found.ok_or_else(|| unknown(&id))?;
        Ok(Explanation::of(&record))
    }
}
