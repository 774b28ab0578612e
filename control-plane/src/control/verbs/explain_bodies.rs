//! `explain --bodies`: the bodies of a request, and what differs between them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::body_diff::comparisons;
use crate::control::body_facts::{BodyFacts, RequestBodies};
use crate::control::curl::curl;
use crate::control::explain::unknown;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::status::local_url;

#[derive(Debug, Serialize, Deserialize)]
pub struct ExplainBodies {
    /// A response's `x-aerostat-request-id`.
    pub id: String,
}

impl Verb for ExplainBodies {
    type Response = RequestBodies;
    const NAME: &'static str = "explain_bodies";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<RequestBodies, ControlError> {
        let id = self.id.trim().to_owned();
        if let Some(records) = &service.records {
            records.flush().await;
        }
        let recording = service
            .records
            .as_ref()
            .map(|records| records.status().bodies);
        let (wanted, of_ring) = (id.clone(), service.ring.find(&id));
        let base_url = local_url(service.port().unwrap_or(service.config().port));
        let found = service.read_records(move |reader| {
            let record = match of_ring {
                Some(record) => record.as_ref().clone(),
                None => match reader.find(&wanted)? {
                    Some((_, record)) => record,
                    None => return Ok(None),
                },
            };
            let bodies = reader.bodies(&wanted)?;
            let facts: Vec<BodyFacts> = bodies.iter().map(BodyFacts::of).collect();
            let sent = facts.iter().find(|body| body.direction == "client_sent");
            Ok(Some(RequestBodies {
                id: wanted,
                comparisons: comparisons(&record, &bodies),
                curl: sent.map(|sent| curl(&base_url, sent)),
                bodies: facts,
                recording,
            }))
        });
        found.await?.ok_or_else(|| unknown(&id))
    }
}
