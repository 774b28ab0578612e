//! `explain`: what became of a request, and what to do now.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::cost::account_of;
use crate::control::explain::{ConversationFacts, Explanation, unknown};
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
        let found = self.find(service).await?;
        found.ok_or_else(|| unknown(self.id.trim()))
    }
}

impl Explain {
    /// The request. `None` where there is no record of it.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn find(
        &self,
        service: &ControlService,
    ) -> Result<Option<Explanation>, ControlError> {
        let id = self.id.trim().to_owned();
        let remembered = service.ring.find(&id);
        if let Some(records) = &service.records {
            records.flush().await;
        }
        let wanted = id.clone();
        let found = service
            .read_records(move |reader| {
                let Some((seq, record)) = reader.find(&wanted)? else {
                    return Ok(None);
                };
                let conversation = match &record.session {
                    Some(session) => reader.conversation(session, seq)?,
                    None => None,
                };
                Ok(Some((record, conversation)))
            })
            .await;
        // What is in memory is told also where the file cannot be read, and holds what providers
        // said.
        let (stored, conversation) = match (found, &remembered) {
            (Ok(Some((record, conversation))), _) => (Some(record), conversation),
            (Ok(None), _) | (Err(_), Some(_)) => (None, None),
            (Err(error), None) => return Err(error),
        };
        let stored = stored.map(Arc::new);
        let Some(record) = remembered.or(stored) else {
            return Ok(None);
        };
        let (prices, _) = service.prices();
        let facts = conversation.map(|told| ConversationFacts::of(told, &record));
        Ok(Some(Explanation {
            cost: Some(account_of(&record, &service.config(), &prices)),
            conversation: facts,
            ..Explanation::of(&record)
        }))
    }
}
