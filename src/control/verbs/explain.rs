//! `explain`: what became of a request, and what to do now.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::explain::{Explanation, explain};
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
    const NEEDS: Needs = Needs::Agent;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Explanation, ControlError> {
        explain(&service.ring, &self.id)
    }
}
