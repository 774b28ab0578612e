//! The catalog of models: names of rules, what providers list, the demo last.
//!
//! A provider is asked when a client wants to know, at most every ten minutes; one that does not
//! answer is left out. The catalog decides nothing about who serves a request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Method, Response};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::attempt_error::{redact_bytes, redact_fault, timed_out};
use super::client_request::ClientRequest;
use super::config::{Endpoint, GatewayConfig};
use super::long_work;
use super::passthrough::fixed_headers;
use super::response::json;
use super::upstream_body::{Bounds, collect};
use crate::account::{Credential, Redactor};
use crate::canon::{Fault, FaultKind, ModelCard, Request};
use crate::outcome::Timestamp;
use crate::pool::Pool;
use crate::protocol::output_limits::{self, TokenLimits};
use crate::protocol::{self, Operation, Wire, sse};
use crate::provider::{self, DEMO, ErrorResponse};
use crate::upstream::ProxyChoice;

const FRESH_FOR: Duration = Duration::from_secs(600);
/// How long a provider that did not answer is not asked again.
const FAILED_FOR: Duration = Duration::from_secs(60);
const LIST_TIMEOUT: Duration = Duration::from_secs(5);
const LIST_BOUNDS: Bounds = Bounds {
    bytes_max: 8 * 1024 * 1024,
    sum_max: usize::MAX,
    first_timeout: LIST_TIMEOUT,
    idle_timeout: LIST_TIMEOUT,
    total_timeout: LIST_TIMEOUT,
};

/// The model lists of providers, and how long they count as fresh.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    lists: Mutex<HashMap<String, CachedList>>,
}

#[derive(Clone, Debug)]
struct CachedList {
    cards: Arc<Vec<ModelCard>>,
    fresh_until: Instant,
}

/// Model lists by the provider's name.
pub(super) type Lists = HashMap<String, Arc<Vec<ModelCard>>>;

impl Catalog {
    /// Drops all lists, since the configuration changed.
    pub(super) fn clear(&self) {
        self.lists.lock().clear();
    }

    /// The lists of all endpoints: what the configuration says, else what the provider says, which
    /// is asked where no fresh list is known.
    pub(super) async fn lists(&self, config: &GatewayConfig, pool: &Pool) -> Lists {
        let lists = config
            .endpoints
            .values()
            .map(|endpoint| self.list_of(endpoint, pool));
        join_all(lists).await.into_iter().collect()
    }

    /// The lists that are known without asking any provider, also those no longer fresh.
    pub(super) fn known_lists(&self) -> Lists {
        self.lists
            .lock()
            .iter()
            .map(|(name, list)| (name.clone(), list.cards.clone()))
            .collect()
    }

    /// The output limit of a provider's model for a request: from the list that was fetched last,
    /// else from the table of well-known models. Never fetches a list.
    ///
    /// Where the client names no limit, only one that fits beside the prompt.
    pub(super) fn output_tokens_max(
        &self,
        provider: &str,
        model: &str,
        request: &Request,
    ) -> Option<u64> {
        let listed = self.listed_limits(provider, model);
        let limits = listed.or_else(|| output_limits::well_known(model))?;
        if request.output_tokens_max.is_some() {
            return Some(limits.output);
        }
        limits.output_for(request.body.len())
    }

    fn listed_limits(&self, provider: &str, model: &str) -> Option<TokenLimits> {
        let lists = self.lists.lock();
        let cards = &lists.get(provider)?.cards;
        let name = model.strip_prefix("models/").unwrap_or(model);
        let card = cards.iter().find(|card| card.id == name)?;
        let limits = TokenLimits {
            output: card.output_tokens_max?,
            context_window: card.input_tokens_max,
        };
        // Some lists repeat the context window as the output limit.
        let is_window = limits
            .context_window
            .is_some_and(|window| limits.output >= window);
        (!is_window).then_some(limits)
    }

    async fn list_of(&self, endpoint: &Endpoint, pool: &Pool) -> (String, Arc<Vec<ModelCard>>) {
        let name = endpoint.provider.name.clone();
        if let Some(models) = &endpoint.provider.models {
            let cards = models.iter().map(|id| model_card(id)).collect();
            return (name, Arc::new(cards));
        }
        if let Some(cards) = self.fresh(&name) {
            return (name, cards);
        }
        let fetched = match pool.any_credential(&name) {
            Some(credential) => fetch_models(endpoint, &credential).await,
            None => Err(Fault::internal("no account can ask")),
        };
        let (cards, fresh_for) = match fetched {
            Ok(cards) => (Arc::new(cards), FRESH_FOR),
            Err(fault) => {
                tracing::debug!(
                    provider = name,
                    fault = ?fault.kind,
                    status = fault.status,
                    "provider lists no models"
                );
                (Arc::default(), FAILED_FOR)
            }
        };
        let list = CachedList {
            cards: cards.clone(),
            fresh_until: Instant::now() + fresh_for,
        };
        self.lists.lock().insert(name.clone(), list);
        (name, cards)
    }

    fn fresh(&self, provider: &str) -> Option<Arc<Vec<ModelCard>>> {
        let lists = self.lists.lock();
        let list = lists.get(provider)?;
        (Instant::now() < list.fresh_until).then(|| list.cards.clone())
    }

    /// All models, in the client's dialect.
    pub(super) async fn list(
        &self,
        config: &GatewayConfig,
        pool: &Pool,
        request: &ClientRequest,
    ) -> Response<Bytes> {
        let cards = self.cards(config, pool).await;
        let body = request
            .protocol
            .encode_models(&cards, request.query.text.as_deref());
        json(body)
    }

    /// One model, in the client's dialect.
    ///
    /// # Errors
    /// When no rule and no provider has it.
    pub(super) async fn show(
        &self,
        config: &GatewayConfig,
        pool: &Pool,
        request: &ClientRequest,
    ) -> Result<Response<Bytes>, Fault> {
        let name = request.path_model.as_deref().unwrap_or_default();
        let cards = self.cards(config, pool).await;
        let is_named = |card: &&ModelCard| {
            card.id == name || name.strip_prefix(&*card.owner) == Some(&format!("/{}", card.id))
        };
        let card = cards
            .iter()
            .find(is_named)
            .ok_or_else(|| no_such_model(name))?;
        // By the name that was asked for, also where the list has a shorter one.
        let card = ModelCard {
            id: name.to_owned(),
            ..card.clone()
        };
        let body = request.protocol.encode_model(&card);
        Ok(json(body))
    }

    /// Rules first, then providers by name, the demo last; each id once. A model that two providers
    /// have is addressed as `provider/model` at the second.
    async fn cards(&self, config: &GatewayConfig, pool: &Pool) -> Vec<ModelCard> {
        let lists = self.lists(config, pool).await;
        let mut names: Vec<&String> = lists.keys().collect();
        names.sort_by_key(|name| (*name == DEMO, *name));
        let mut cards: Vec<ModelCard> = config
            .rules
            .0
            .iter()
            .filter(|rule| !rule.name.is_wild())
            .map(|rule| rule_card(&rule.name.to_string()))
            .collect();
        let mut taken: HashSet<String> = cards.iter().map(|card| card.id.clone()).collect();
        for name in names {
            for card in lists[name].iter() {
                let card = ModelCard {
                    owner: name.clone(),
                    ..card.clone()
                };
                let is_taken = !taken.insert(card.id.clone());
                cards.push(if is_taken { prefixed(name, card) } else { card });
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

fn no_such_model(model: &str) -> Fault {
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
/// When it lists none, does not answer in time or refuses.
pub async fn fetch_models(
    endpoint: &Endpoint,
    credential: &Credential,
) -> Result<Vec<ModelCard>, Fault> {
    let mut listed = request_models(endpoint, credential).await;
    if let Err(fault) = &mut listed {
        redact_fault(fault, &Redactor::of(credential));
    }
    listed
}

async fn request_models(
    endpoint: &Endpoint,
    credential: &Credential,
) -> Result<Vec<ModelCard>, Fault> {
    let provider = &endpoint.provider;
    if let Some(why) = provider.why_no_model_list() {
        return Err(Fault::upstream(why));
    }
    let protocol = provider
        .dialects
        .first()
        .and_then(|dialect| protocol::by_name(dialect.name()))
        .ok_or_else(|| Fault::internal("a provider without a dialect"))?;
    let (path, query) = protocol.upstream_path(Operation::ListModels, "", None);
    let call = provider::OutboundRequest {
        method: Method::GET,
        version: protocol.descriptor().version,
        wire: Wire {
            path,
            query,
            headers: fixed_headers(protocol).collect(),
            ..Wire::default()
        },
    };
    let request = provider.prepare(call, credential)?;
    let proxy = ProxyChoice::default();
    let response = timeout(LIST_TIMEOUT, endpoint.upstream.send(request, &proxy))
        .await
        .map_err(|_| timed_out(LIST_TIMEOUT))?
        .map_err(|error| Fault::upstream(error.message))?;
    let (mut head, body) = response.into_parts();
    let body = collect(body, LIST_BOUNDS).await;
    let mut body = sse::without_bom(body.map_err(|error| error.fault)?);
    if head.status.is_success() {
        return long_work::on_body(body.len(), || protocol.decode_models(&body));
    }
    // Before it is read: messages are cut, and half a credential would no longer be found.
    let redactor = Redactor::of(credential);
    redactor.headers(&mut head.headers);
    redact_bytes(&mut body, &redactor);
    let fault = protocol.decode_fault(head.status, &head.headers, &body);
    let refused = ErrorResponse {
        status: head.status,
        headers: &head.headers,
        body: &body,
    };
    let (fault, _) = provider.classify(refused, fault, Timestamp::now());
    Err(fault)
}
