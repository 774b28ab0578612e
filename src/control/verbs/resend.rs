//! `resend`: sends a recorded request again, through the gateway. The record of the second names the
//! first.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::explain_bodies::ExplainBodies;
use crate::control::resend::{Resent, request_of};
use crate::control::service::ControlService;
use crate::control::verb::{Needs, Verb};
use crate::control::wire::{ControlError, Notes};

/// Models may think for minutes.
const ANSWER_LIMIT: Duration = Duration::from_secs(10 * 60);

#[derive(Debug, Serialize, Deserialize)]
pub struct Resend {
    /// The id of the request that is sent again.
    pub id: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResentFacts {
    pub id: String,
    pub status: u16,
    /// The id of the request that it repeats.
    pub repeats: String,
}

impl Verb for Resend {
    type Response = ResentFacts;
    const NAME: &'static str = "resend";
    const TIME_LIMIT: Duration = ANSWER_LIMIT;
    const NEEDS: Needs = Needs::Agent;

    async fn run(
        self,
        service: &ControlService,
        notes: &Notes,
    ) -> Result<ResentFacts, ControlError> {
        let found = ExplainBodies { id: self.id }.run(service, notes).await?;
        let sent = found
            .bodies
            .iter()
            .find(|body| body.direction == "client_sent");
        let request = request_of(sent)?;
        let sending = service.resender()?.resend(request, found.id.clone());
        let Resent { request_id, status } = tokio::time::timeout(ANSWER_LIMIT, sending)
            .await
            .map_err(|_| ControlError::failed("the answer took more than ten minutes"))?;
        Ok(ResentFacts {
            id: request_id,
            status,
            repeats: found.id,
        })
    }
}
