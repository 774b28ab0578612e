//! How one candidate is called: passed through, or translated into the dialect that loses least.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::catalog::Lists;
use super::look;
use super::passthrough;
use super::resolve::{Candidate, Directory, Resolution, resolve};
use super::resolved::{Resolutions, ResolvedModel};
use super::session;
use super::settle::RequestTracker;
use super::{ActiveConfig, Call, Endpoint, Gateway, GatewayConfig};
use crate::account::AccountName;
use crate::canon::{
    Dialect, Embed, Fault, Loss, LossKind, Losses, Origin, PartKind, Refusal, Request, Usage,
};
use crate::json::path_at;
use crate::outcome::{Outcome, Timestamp};
use crate::pool::{Lease, SessionKey};
use crate::protocol::names::Restore;
use crate::protocol::{self, Operation, Protocol, RoutingFields, Target, Wire, envelope};
use crate::provider::DEMO;
use crate::record::{Attempt, Record};

/// One call on its way through the candidates.
pub(super) struct RequestContext<'c> {
    pub(super) gateway: &'c Gateway,
    pub(super) setup: &'c GatewayConfig,
    resolutions: &'c Resolutions,
    pub(super) call: &'c Call,
    /// What routing needs, as far as it was looked for.
    pub(super) peek: RoutingFields,
    /// Whether the body was looked at its ends only, and the same of all of it, where somebody
    /// needed that.
    is_partial: bool,
    whole_peek: OnceLock<RoutingFields>,
    /// The request as canon, read at the first translation.
    decoded: OnceLock<Result<Decoded, Fault>>,
    /// Whether the body carries envelopes, so that it must not pass through as it is.
    has_envelope: bool,
    /// Read where an account has to be chosen.
    session: OnceLock<Option<SessionKey>>,
}

#[derive(Clone)]
pub(super) enum Decoded {
    Generate(Arc<Request>),
    Embed(Arc<Embed>),
}

/// One way of calling one candidate.
pub(super) struct Plan {
    pub(super) endpoint: Arc<Endpoint>,
    /// The provider's name, and the upstream's of the model.
    pub(super) provider: Arc<str>,
    pub(super) model: Arc<str>,
    /// Both as an answer's head says them.
    pub(super) name: HeaderValue,
    /// The upstream's dialect.
    pub(super) protocol: &'static dyn Protocol,
    pub(super) is_passthrough: bool,
}

/// A plan made ready to be sent.
pub(super) struct Prepared {
    pub(super) wire: Wire,
    pub(super) exchange: Exchange,
    pub(super) losses: Vec<Loss>,
}

/// What the answer's bytes mean, and what they become.
pub(super) enum Exchange {
    Passthrough,
    Generate {
        request: Arc<Request>,
        restore: Restore,
    },
    Count,
    Embed(Arc<Embed>),
}

impl Plan {
    /// Who answers: the maker of the answer's signatures.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            dialect: self.protocol.dialect(),
            provider: self.endpoint.provider.name.clone(),
            model: self.model.to_string(),
        }
    }

    /// The record of one try; its outcome is the client's leaving until another is known.
    pub(super) fn attempt(&self, lease: &Lease, waited: Duration) -> Attempt {
        Attempt {
            provider: self.provider.clone(),
            account: lease.account().name.clone(),
            model: self.model.clone(),
            dialect: self.protocol.dialect(),
            began_at: Timestamp::now(),
            waited,
            outcome: Outcome::Cancelled,
            detail: None,
            took: Duration::ZERO,
        }
    }
}

impl<'c> RequestContext<'c> {
    /// # Errors
    /// When the request does not say what routing needs.
    pub(super) fn new(
        gateway: &'c Gateway,
        force: &'c ActiveConfig,
        call: &'c Call,
    ) -> Result<Self, Fault> {
        let ActiveConfig { setup, resolutions } = force;
        let (peek, is_partial) = match look::at_ends(call) {
            Some(peek) => (peek, true),
            None => (look::at_whole(call)?, false),
        };
        let has_envelope = envelope::is_in(&call.body);
        let (decoded, session, whole_peek) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Ok(Self {
            gateway,
            setup,
            resolutions,
            call,
            peek,
            is_partial,
            whole_peek,
            decoded,
            has_envelope,
            session,
        })
    }

    /// The account of this call, with nothing tried yet.
    pub(super) fn open_settlement(&self) -> RequestTracker {
        let call = self.call;
        let record = Record {
            request_id: call.request_id.clone(),
            received_at: call.received_at,
            took: Duration::ZERO,
            first_byte_after: None,
            dialect: call.protocol.dialect(),
            operation: call.operation,
            model: self.peek.model.clone(),
            stream: self.stream().unwrap_or(false),
            resolved: None,
            passed_over: Vec::new(),
            attempts: Vec::new(),
            status: 0,
            usage: Usage::default(),
            losses: Vec::new(),
            fault: None,
        };
        RequestTracker::new(
            record,
            self.gateway.recorder.clone(),
            self.gateway.makers.clone(),
            call.arrived,
        )
    }

    /// The conversation that the call belongs to, where it can be told.
    pub(super) fn session(&self) -> Option<SessionKey> {
        *self.session.get_or_init(|| {
            session::key(self.call, self.peek.session.as_deref()).or_else(|| self.farther_session())
        })
    }

    /// The only account that can read what the call goes on with, as far as it is known.
    pub(super) fn maker(&self) -> Option<AccountName> {
        if self.gateway.makers.is_empty() {
            return None;
        }
        let continues = self
            .peek
            .continues
            .as_deref()
            .or_else(|| self.whole_peek().continues.as_deref());
        continues.and_then(|id| self.gateway.makers.of(id))
    }

    /// What only a look at all of the body tells.
    fn farther_session(&self) -> Option<SessionKey> {
        self.whole_peek()
            .session
            .as_deref()
            .map(SessionKey::of)
            .or_else(|| session::by_opening(self.call))
    }

    /// What all of the body says. One that cannot be read is judged by whoever reads it.
    fn whole_peek(&self) -> &RoutingFields {
        if !self.is_partial {
            return &self.peek;
        }
        self.whole_peek
            .get_or_init(|| look::at_whole(self.call).unwrap_or_else(|_| self.peek.clone()))
    }

    /// Whether the client asked for a stream; `None` as long as nobody had to know.
    pub(super) fn stream(&self) -> Option<bool> {
        self.peek.stream.or_else(|| self.whole_peek.get()?.stream)
    }

    /// Who can serve the model that the client asked for, in the order in which they are tried.
    ///
    /// Providers are asked for their lists only when nothing else knows the name.
    ///
    /// # Errors
    /// When nobody can serve it.
    pub(super) async fn candidates(
        &self,
        settlement: &mut RequestTracker,
    ) -> Result<Arc<ResolvedModel>, Fault> {
        let mut known = self.resolutions.of(&self.peek.model, || {
            self.resolve(&self.gateway.catalog.known_lists())
        });
        if known.resolution.candidates.is_empty() {
            known = ResolvedModel::of(
                self.resolve(
                    &self
                        .gateway
                        .catalog
                        .lists(self.setup, &self.gateway.pool)
                        .await,
                ),
            );
        }
        settlement.resolved(&known);
        known.resolution.fault().map_or(Ok(known), Err)
    }

    fn resolve(&self, lists: &Lists) -> Resolution {
        let listed = |provider: &str| {
            let cards = lists.get(provider);
            cards
                .map(|cards| cards.iter().map(|card| card.id.clone()).collect())
                .unwrap_or_default()
        };
        let directory = Directory {
            rules: &self.setup.rules,
            providers: &self.setup.providers,
            demo_enabled: self.setup.endpoints.contains_key(DEMO),
            listed: &listed,
        };
        resolve(&directory, &self.peek.model)
    }

    /// The ways of calling a candidate, the best first.
    pub(super) fn plans(&self, candidate: &Candidate, name: &HeaderValue) -> Vec<Plan> {
        let Some(endpoint) = self.setup.endpoints.get(&*candidate.provider) else {
            return Vec::new();
        };
        let dialects = dialects_of(endpoint, &candidate.model);
        let plan = |protocol: &'static dyn Protocol, is_passthrough| Plan {
            endpoint: endpoint.clone(),
            provider: candidate.provider.clone(),
            model: candidate.model.clone(),
            name: name.clone(),
            protocol,
            is_passthrough,
        };
        let own = self.call.protocol;
        if dialects.contains(&own.dialect()) {
            // Our envelopes mean nothing to an upstream: then the request is read and written anew,
            // in its own dialect.
            return vec![plan(own, !self.has_envelope)];
        }
        // The older form of the same API: most of its servers still speak it, and those that do not
        // say 404.
        let is_native = own
            .descriptor()
            .legacy_of
            .is_some_and(|newer| dialects.contains(&newer));
        let native = is_native.then(|| plan(own, true));
        let upstreams = dialects
            .iter()
            .filter_map(|dialect| protocol::by_name(dialect.name()));
        let cheapest = upstreams
            .map(|upstream| plan(upstream, false))
            .min_by_key(|plan| self.cost(plan, dialects.len()));
        native.into_iter().chain(cheapest).collect()
    }

    /// How much a translation would lose: refusals cost most, then what is left out or
    /// approximated. Without a choice nothing has to be weighed.
    fn cost(&self, plan: &Plan, choices: usize) -> usize {
        if choices == 1 {
            return 0;
        }
        self.prepare(plan).map_or(usize::MAX, |prepared| {
            prepared
                .losses
                .iter()
                .filter(|loss| loss.kind != LossKind::Added)
                .count()
        })
    }

    /// Writes the plan's request.
    ///
    /// # Errors
    /// When the client's request cannot be read, or not be carried.
    pub(super) fn prepare(&self, plan: &Plan) -> Result<Prepared, Fault> {
        if plan.is_passthrough {
            return Ok(self.pass(plan));
        }
        match self.decoded()? {
            Decoded::Generate(request) => self.translate(plan, &request, Losses::default()),
            Decoded::Embed(embed) => self.translate_embed(plan, embed),
        }
    }

    /// Writes the plan's request without the reasoning of earlier turns, also where it would have
    /// passed through.
    ///
    /// # Errors
    /// As [`RequestContext::prepare`].
    pub(super) fn prepare_without_reasoning(&self, plan: &Plan) -> Result<Prepared, Fault> {
        match self.decoded()? {
            Decoded::Generate(request) => {
                let mut losses = Losses::default();
                losses.noted("reasoning", LossKind::Dropped);
                self.translate(plan, &Arc::new(without_reasoning(&request)), losses)
            }
            Decoded::Embed(embed) => self.translate_embed(plan, embed),
        }
    }

    fn pass(&self, plan: &Plan) -> Prepared {
        let (path, query) = plan.protocol.upstream_path(
            self.call.operation,
            &plan.model,
            self.call.query.as_deref(),
        );
        let allowed = plan.protocol.descriptor().passthrough_headers.request;
        let body = passthrough::rename(&self.call.body, &self.peek, &plan.model);
        let mut headers = passthrough::request_headers(&self.call.headers, allowed);
        headers.extend(
            own_headers(plan.protocol).filter(|(name, _)| !self.call.headers.contains_key(name)),
        );
        Prepared {
            wire: Wire {
                path,
                query,
                headers,
                body,
            },
            exchange: Exchange::Passthrough,
            losses: Vec::new(),
        }
    }

    fn translate(
        &self,
        plan: &Plan,
        request: &Arc<Request>,
        mut losses: Losses,
    ) -> Result<Prepared, Fault> {
        let is_count = self.call.operation == Operation::CountTokens;
        let operation = if is_count {
            Operation::CountTokens
        } else {
            Operation::Generate
        };
        let encoded =
            plan.protocol
                .encode_request(request, &self.target(plan, operation), &mut losses);
        let losses = self.settle(losses, plan.protocol.dialect())?;
        let exchange = if is_count {
            Exchange::Count
        } else {
            Exchange::Generate {
                request: request.clone(),
                restore: encoded.restore,
            }
        };
        Ok(Prepared {
            wire: encoded.wire,
            exchange,
            losses,
        })
    }

    fn translate_embed(&self, plan: &Plan, embed: Arc<Embed>) -> Result<Prepared, Fault> {
        let Some(codec) = plan.protocol.embeddings() else {
            return Err(self.no_embeddings(plan));
        };
        let mut losses = Losses::default();
        let target = self.target(plan, self.call.operation);
        let wire = codec.encode_embed(&embed, &target, &mut losses);
        let losses = self.settle(losses, plan.protocol.dialect())?;
        Ok(Prepared {
            wire,
            exchange: Exchange::Embed(embed),
            losses,
        })
    }

    fn target<'p>(&self, plan: &'p Plan, operation: Operation) -> Target<'p> {
        Target {
            operation,
            provider: &plan.endpoint.provider.name,
            model: &plan.model,
            stream: self.whole_peek().stream.unwrap_or(false),
            output_tokens_max: None,
        }
    }

    fn no_embeddings(&self, plan: &Plan) -> Fault {
        let (provider, dialect) = (&plan.endpoint.provider.name, plan.protocol.dialect());
        let message = format!(
            "provider `{provider}` speaks {dialect}, which has no embeddings; ask for a model of another provider"
        );
        Fault {
            param: Some("model".to_owned()),
            ..Fault::bad_request(message)
        }
    }

    /// The losses by path; a refusal, or any loss where translations have to be exact, is a fault.
    fn settle(&self, losses: Losses, dialect: Dialect) -> Result<Vec<Loss>, Fault> {
        let body = self.body();
        let losses = losses
            .resolve(body)
            .map_err(|refusal| refused(&refusal, body))?;
        let inexact: Vec<&str> = losses
            .iter()
            .filter(|loss| loss.kind != LossKind::Added)
            .map(|loss| &*loss.path)
            .collect();
        if self.setup.is_strict && !inexact.is_empty() {
            let paths = inexact.join(", ");
            let message = format!(
                "{paths}: cannot be carried exactly to the {dialect} dialect, and `translation = \"strict\"` is set"
            );
            return Err(Fault::bad_request(message).with_param(inexact[0]));
        }
        Ok(losses)
    }

    /// The request as canon.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn decoded(&self) -> Result<Decoded, Fault> {
        self.decoded.get_or_init(|| self.decode()).clone()
    }

    fn decode(&self) -> Result<Decoded, Fault> {
        let (protocol, body) = (self.call.protocol, self.body());
        let inbound = self.call.inbound(body);
        let readable = |error: protocol::DecodeError| error.into_fault(body);
        if self.call.operation.embeds() {
            let codec = protocol.embeddings().ok_or_else(|| {
                Fault::internal("the dialect has a route for embeddings and no codec")
            })?;
            return codec
                .decode_embed(&inbound)
                .map(|embed| Decoded::Embed(Arc::new(embed)))
                .map_err(readable);
        }
        let mut request = protocol.decode_request(&inbound).map_err(readable)?;
        self.gateway.signatures.attach(&mut request);
        Ok(Decoded::Generate(Arc::new(request)))
    }

    /// The client's bytes.
    pub(super) fn body(&self) -> &Bytes {
        self.call.body.whole()
    }
}

/// What every request of a dialect carries, for requests that came or are made without it.
pub(super) fn own_headers(
    protocol: &dyn Protocol,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let fixed = protocol.descriptor().fixed_headers.iter();
    fixed.map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    })
}

/// The dialects in which a model is called; `demo/anthropic` is the demo in that one.
fn dialects_of<'e>(endpoint: &'e Endpoint, model: &str) -> &'e [Dialect] {
    let all = &endpoint.provider.dialects;
    let only = all
        .iter()
        .position(|dialect| endpoint.provider.name == DEMO && dialect.name() == model);
    only.map_or(all, |index| &all[index..=index])
}

/// The 400 of a request that a target cannot carry.
fn refused(refusal: &Refusal, body: &[u8]) -> Fault {
    let path = refusal
        .at
        .map(|at| path_at(body, at))
        .filter(|path| !path.is_empty());
    match path {
        Some(path) => Fault::bad_request(format!("{path}: {}", refusal.why)).with_param(path),
        None => Fault::bad_request(refusal.why.clone()),
    }
}

/// A request without the reasoning of earlier turns and without the tokens that only their makers
/// read.
fn without_reasoning(request: &Request) -> Request {
    let mut request = request.clone();
    for turn in &mut request.turns {
        turn.parts
            .retain(|part| !matches!(part.kind, PartKind::Reasoning { .. }));
        turn.parts.iter_mut().for_each(|part| part.signature = None);
    }
    request.turns.retain(|turn| !turn.parts.is_empty());
    request
}
