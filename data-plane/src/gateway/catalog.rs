//! The catalog of models: names of rules, what providers list, the demo last.
//!
//! A provider is asked when a client wants to know, at most every ten minutes. One that does not
//! answer keeps the list that it gave last, for a day; without one it is left out. The catalog
//! decides nothing about who serves a request.

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
use super::routing_fields;
use super::upstream_body::{Bounds, collect};
use crate::account::{Credential, Redactor};
use crate::canon::{Fault, FaultKind, ModelCard, Request};
use crate::ordering;
use crate::outcome::Timestamp;
use crate::pool::Pool;
use crate::protocol::output_limits::{self, TokenLimits};
use crate::protocol::{self, Operation, Wire, sse};
use crate::provider::rules::Rules;
use crate::provider::{self, DEMO, ErrorResponse, alias};
use crate::record::agent_family;
use crate::upstream::ProxyChoice;

const FRESH_FOR: Duration = Duration::from_secs(600);
/// How long a provider that did not answer is not asked again.
const FAILED_FOR: Duration = Duration::from_secs(60);
/// How old a list may become while its provider does not answer.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// For each page, and for all pages but the first together.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);
/// The pages of one list that are read, and its longest query.
const PAGES_MAX: usize = 32;
const QUERY_BYTES_MAX: usize = 4 * 1024;
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
    /// When the provider gave it. `None` where it gave none.
    listed_at: Option<Instant>,
    fresh_until: Instant,
}

/// Model lists by the provider's name.
pub(super) type Lists = HashMap<String, Arc<Vec<ModelCard>>>;

impl Catalog {
    /// Drops all lists, since the configuration changed.
    pub(super) fn clear(&self) {
        self.lists.lock().clear();
    }

    /// Has all lists asked for again, since other accounts may see other models. Until then they
    /// stay known: a request in between still finds its model's limits.
    pub(super) fn expire(&self) {
        let now = Instant::now();
        for list in self.lists.lock().values_mut() {
            list.fresh_until = now;
        }
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
        let cards = self.keep(&name, fetched);
        (name, cards)
    }

    /// Keeps what a provider listed, or what it listed last where it did not answer.
    fn keep(&self, name: &str, fetched: Result<Vec<ModelCard>, Fault>) -> Arc<Vec<ModelCard>> {
        let now = Instant::now();
        let mut lists = self.lists.lock();
        let list = match fetched {
            Ok(cards) => CachedList {
                cards: Arc::new(cards),
                listed_at: Some(now),
                fresh_until: now + FRESH_FOR,
            },
            Err(fault) => {
                let age = |list: &CachedList| list.listed_at.map(|at| now.duration_since(at));
                let is_usable = |list: &&CachedList| age(list).is_some_and(|age| age < KEPT_FOR);
                let last = lists.get(name).filter(is_usable);
                tracing::debug!(
                    provider = name,
                    fault = ?fault.kind,
                    status = fault.status,
                    last_list_age = ?last.and_then(age),
                    "provider lists no models"
                );
                CachedList {
                    cards: last.map(|last| last.cards.clone()).unwrap_or_default(),
                    listed_at: last.and_then(|last| last.listed_at),
                    fresh_until: now + FAILED_FOR,
                }
            }
        };
        let cards = list.cards.clone();
        lists.insert(name.to_owned(), list);
        cards
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
        let mut cards = self.cards(config, pool).await;
        if let Some(permit) = &request.permit {
            cards.retain(|card| permit.allows(&card.id));
        }
        if agent_family(&request.headers).as_deref() == Some(alias::OFFERED_TO) {
            cards.extend(alias::second_cards(&cards));
        }
        let body = request
            .protocol
            .encode_models(&cards, request.query.text.as_deref());
        json(body)
    }

    /// One model, in the client's dialect.
    ///
    /// # Errors
    /// When the request names no model, and when no rule and no provider has it.
    pub(super) async fn show(
        &self,
        config: &GatewayConfig,
        pool: &Pool,
        request: &ClientRequest,
    ) -> Result<Response<Bytes>, Fault> {
        let name = match &request.path_model {
            Some(name) => name,
            None => &routing_fields::from_whole(request)?.model,
        };
        if let Some(permit) = &request.permit {
            permit.check_model(name)?;
        }
        let cards = self.cards(config, pool).await;
        let meant = alias::meant(name);
        let is_named = |card: &&ModelCard| {
            card.id == meant || meant.strip_prefix(&*card.owner) == Some(&format!("/{}", card.id))
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

    async fn cards(&self, config: &GatewayConfig, pool: &Pool) -> Vec<ModelCard> {
        let lists = self.lists(config, pool).await;
        let lists = lists.iter().map(|(name, cards)| (name.as_str(), &***cards));
        merged(&config.rules, lists.collect())
    }
}

/// What clients can ask for: rules first, then providers by name, the demo last; each id once. A model
/// that two providers have is addressed as `provider/model` at the second.
pub fn merged(rules: &Rules, mut lists: Vec<(&str, &[ModelCard])>) -> Vec<ModelCard> {
    ordering::sort_by_key(&mut lists, |(name, _)| (*name == DEMO, *name));
    let named = rules.0.iter().filter(|rule| !rule.name.is_wild());
    let mut cards: Vec<ModelCard> = named
        .map(|rule| rule_card(&rule.name.to_string()))
        .collect();
    let mut taken: HashSet<String> = cards.iter().map(|card| card.id.clone()).collect();
    for (name, list) in lists {
        for card in list {
            let card = ModelCard {
                owner: name.to_owned(),
                ..card.clone()
            };
            let is_taken = !taken.insert(card.id.clone());
            cards.push(if is_taken { prefixed(name, card) } else { card });
        }
    }
    cards
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

/// Asks for the first page, and for those that follow it. One that fails is an error like the first:
/// half a list would hide models.
async fn request_models(
    endpoint: &Endpoint,
    credential: &Credential,
) -> Result<Vec<ModelCard>, Fault> {
    let (mut cards, mut next) = request_page(endpoint, credential, None).await?;
    let rest = async {
        let mut pages = 1;
        while let Some(query) = next.take().filter(|query| query.len() <= QUERY_BYTES_MAX) {
            pages += 1;
            let (more, following) = request_page(endpoint, credential, Some(query.clone())).await?;
            // A server that does not know the query gives the same page again.
            let is_new = following.as_ref() != Some(&query) && !more.is_empty();
            cards.extend(more);
            next = following.filter(|_| is_new && pages < PAGES_MAX);
        }
        Ok::<(), Fault>(())
    };
    timeout(LIST_TIMEOUT, rest)
        .await
        .map_err(|_| timed_out(LIST_TIMEOUT))??;
    let mut seen = HashSet::with_capacity(cards.len());
    cards.retain(|card| seen.insert(card.id.clone()));
    Ok(cards)
}

/// One page of the list, and the query of the next.
async fn request_page(
    endpoint: &Endpoint,
    credential: &Credential,
    page: Option<String>,
) -> Result<(Vec<ModelCard>, Option<String>), Fault> {
    let provider = &endpoint.provider;
    if let Some(why) = provider.why_no_model_list() {
        return Err(Fault::upstream(why));
    }
    let protocol = provider
        .dialects
        .first()
        .and_then(|dialect| protocol::by_name(dialect.name()))
        .ok_or_else(|| Fault::internal("a provider without a dialect"))?;
    let (path, query) = protocol.upstream_path(Operation::ListModels, "", page.as_deref());
    let call = provider::OutboundRequest {
        method: Method::GET,
        version: protocol.descriptor().version,
        surface: None,
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
        return long_work::on_body(body.len(), || {
            Ok((
                protocol.decode_models(&body)?,
                protocol.next_models_query(&body),
            ))
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(ids: &[&str]) -> Result<Vec<ModelCard>, Fault> {
        Ok(ids.iter().map(|id| model_card(id)).collect())
    }

    fn failed() -> Result<Vec<ModelCard>, Fault> {
        Err(Fault::upstream("no answer"))
    }

    fn ids(cards: &[ModelCard]) -> Vec<&str> {
        cards.iter().map(|card| &*card.id).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_does_not_answer_keeps_its_last_list_for_a_day() {
        let catalog = Catalog::default();
        assert!(catalog.keep("lab", failed()).is_empty());
        catalog.keep("lab", listed(&["a", "b"]));
        tokio::time::advance(FRESH_FOR).await;
        assert!(catalog.fresh("lab").is_none());
        assert_eq!(ids(&catalog.keep("lab", failed())), ["a", "b"]);
        // It is asked again soon, and the list does not become younger.
        assert!(catalog.fresh("lab").is_some());
        tokio::time::advance(FAILED_FOR).await;
        assert!(catalog.fresh("lab").is_none());
        tokio::time::advance(KEPT_FOR - FRESH_FOR - FAILED_FOR).await;
        assert!(catalog.keep("lab", failed()).is_empty());
        assert_eq!(ids(&catalog.keep("lab", listed(&["c"]))), ["c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_list_is_asked_for_again_and_known_until_then() {
        let catalog = Catalog::default();
        let _ = catalog.keep("lab", listed(&["a"]));
        catalog.expire();
        assert!(catalog.fresh("lab").is_none());
        assert_eq!(ids(&catalog.known_lists()["lab"]), ["a"]);
    }
}
