//! Which models there are: the rules' names, what providers list, the demo last.
//!
//! Providers are asked when somebody wants to know, at most every ten minutes each; one that does
//! not answer is left out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use tokio::time::Instant;

use super::answer::json;
use super::body::{Bounds, collect};
use super::failure::late;
use super::plan::own_headers;
use super::{Answer, Call, Endpoint, Failed, GatewayConfig};
use crate::account::Credential;
use crate::canon::{Fault, FaultKind, ModelCard};
use crate::outcome::Timestamp;
use crate::pool::Pool;
use crate::protocol::{self, Operation, Wire};
use crate::provider::{self, DEMO, Refused};
use crate::upstream::ProxyChoice;

const FRESH_FOR: Duration = Duration::from_secs(600);
/// How long a provider that did not answer is not asked again.
const FAILED_FOR: Duration = Duration::from_secs(60);
const LIST_TIMEOUT: Duration = Duration::from_secs(5);
const LIST_BOUNDS: Bounds = Bounds {
    bytes_max: 8 * 1024 * 1024,
    first_timeout: LIST_TIMEOUT,
    idle_timeout: LIST_TIMEOUT,
};

/// What each provider listed, and until when that is believed.
#[derive(Debug, Default)]
pub struct Catalog {
    lists: Mutex<HashMap<String, Listed>>,
}

#[derive(Clone, Debug)]
struct Listed {
    cards: Arc<Vec<ModelCard>>,
    fresh_until: Instant,
}

/// Every model of every provider that could be asked.
pub(super) type Lists = HashMap<String, Arc<Vec<ModelCard>>>;

impl Catalog {
    /// Forgets everything: the configuration changed.
    pub(super) fn forget(&self) {
        self.lists
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The providers' lists: what the person wrote, else what they say, asked for where it is not
    /// known.
    pub(super) async fn lists(&self, setup: &GatewayConfig, pool: &Pool) -> Lists {
        let asked = setup
            .endpoints
            .values()
            .map(|endpoint| self.list_of(endpoint, pool));
        join_all(asked).await.into_iter().collect()
    }

    /// What is known without asking anybody.
    pub(super) fn known_lists(&self) -> Lists {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists
            .iter()
            .map(|(name, listed)| (name.clone(), listed.cards.clone()))
            .collect()
    }

    async fn list_of(&self, endpoint: &Endpoint, pool: &Pool) -> (String, Arc<Vec<ModelCard>>) {
        let name = endpoint.provider.name.clone();
        if let Some(models) = &endpoint.provider.models {
            return (
                name,
                Arc::new(models.iter().map(|id| model_card(id)).collect()),
            );
        }
        if let Some(cards) = self.known(&name) {
            return (name, cards);
        }
        let fetched = match pool.borrow(&name) {
            Some(credential) => fetch(endpoint, &credential).await,
            None => Err(Fault::internal("no account can ask")),
        };
        let fresh_for = if fetched.is_ok() {
            FRESH_FOR
        } else {
            FAILED_FOR
        };
        let cards = Arc::new(fetched.unwrap_or_else(|fault| {
            tracing::debug!(
                provider = name,
                why = fault.message,
                "provider lists no models"
            );
            Vec::new()
        }));
        let listed = Listed {
            cards: cards.clone(),
            fresh_until: Instant::now() + fresh_for,
        };
        self.lists
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.clone(), listed);
        (name, cards)
    }

    fn known(&self, provider: &str) -> Option<Arc<Vec<ModelCard>>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists
            .get(provider)
            .filter(|listed| Instant::now() < listed.fresh_until)
            .map(|listed| listed.cards.clone())
    }

    /// The list in the client's shape.
    pub(super) async fn list(&self, setup: &GatewayConfig, pool: &Pool, call: &Call) -> Answer {
        let cards = self.cards(setup, pool).await;
        json(call.protocol.encode_models(&cards, call.query.as_deref()))
    }

    /// One model in the client's shape.
    ///
    /// # Errors
    /// When no rule and no provider has it.
    pub(super) async fn show(
        &self,
        setup: &GatewayConfig,
        pool: &Pool,
        call: &Call,
    ) -> Result<Answer, Box<Failed>> {
        let wanted = call.path_model.as_deref().unwrap_or_default();
        let cards = self.cards(setup, pool).await;
        let is_wanted = |card: &&ModelCard| {
            card.id == wanted || wanted.strip_prefix(&*card.owner) == Some(&format!("/{}", card.id))
        };
        let card = cards
            .iter()
            .find(is_wanted)
            .ok_or_else(|| unknown(wanted))?;
        // By the name that was asked for, also where the list has a shorter one.
        let card = ModelCard {
            id: wanted.to_owned(),
            ..card.clone()
        };
        Ok(json(call.protocol.encode_model(&card)))
    }

    /// Rules first, then providers by name, the demo last; each id once. A model that two providers
    /// have is addressed as `provider/model` at the second.
    async fn cards(&self, setup: &GatewayConfig, pool: &Pool) -> Vec<ModelCard> {
        let lists = self.lists(setup, pool).await;
        let mut names: Vec<&String> = lists.keys().collect();
        names.sort_by_key(|name| (*name == DEMO, *name));
        let mut cards: Vec<ModelCard> = setup
            .rules
            .0
            .iter()
            .filter(|rule| !rule.name.is_wild())
            .map(|rule| rule_card(&rule.name.to_string()))
            .collect();
        for name in names {
            for card in lists[name].iter() {
                let card = ModelCard {
                    owner: name.clone(),
                    ..card.clone()
                };
                cards.push(if cards.iter().any(|other| other.id == card.id) {
                    prefixed(name, card)
                } else {
                    card
                });
            }
        }
        cards
    }
}

fn rule_card(name: &str) -> ModelCard {
    ModelCard {
        owner: "aerostat".to_owned(),
        ..model_card(name)
    }
}

fn model_card(id: &str) -> ModelCard {
    ModelCard {
        id: id.to_owned(),
        ..ModelCard::default()
    }
}

fn prefixed(provider: &str, card: ModelCard) -> ModelCard {
    ModelCard {
        id: format!("{provider}/{}", card.id),
        ..card
    }
}

fn unknown(model: &str) -> Fault {
    let message = format!(
        "no rule and no provider has a model `{}`",
        model.escape_debug()
    );
    Fault {
        kind: FaultKind::NoSuchModel,
        ..Fault::bad_request(message)
    }
}

/// Asks a provider for its models.
///
/// # Errors
/// What it answered instead.
pub async fn fetch(endpoint: &Endpoint, credential: &Credential) -> Result<Vec<ModelCard>, Fault> {
    if let Some(why) = endpoint.provider.lists_no_models() {
        return Err(Fault::upstream(why));
    }
    let dialect = endpoint.provider.dialects.first().copied();
    let protocol = dialect
        .and_then(|dialect| protocol::by_name(dialect.name()))
        .ok_or_else(|| Fault::internal("a provider without a dialect"))?;
    let (path, query) = protocol.upstream_path(Operation::ListModels, "", None);
    let wire = Wire {
        path,
        query,
        headers: own_headers(protocol).collect(),
        ..Wire::default()
    };
    let call = provider::Call {
        method: Method::GET,
        version: protocol.descriptor().version,
        wire,
    };
    let request = endpoint.provider.prepare(call, credential)?;
    let answer = tokio::time::timeout(
        LIST_TIMEOUT,
        endpoint.upstream.send(request, &ProxyChoice::default()),
    );
    let answer = answer
        .await
        .map_err(|_| late(LIST_TIMEOUT))?
        .map_err(|error| Fault::upstream(error.message))?;
    let (head, body) = answer.into_parts();
    let body = collect(body, LIST_BOUNDS)
        .await
        .map_err(|failure| failure.fault)?;
    if !head.status.is_success() {
        let fault = protocol.decode_fault(head.status, &head.headers, &body);
        let answer = Refused {
            status: head.status,
            headers: &head.headers,
            body: &body,
        };
        return Err(endpoint.provider.judge(answer, fault, Timestamp::now()).0);
    }
    protocol.decode_models(&body)
}
