//! Which dialects a candidate is called in: the client's own where the provider speaks it, else the
//! one whose translation loses least.

use http::HeaderValue;
use tracing::debug;

use super::config::Endpoint;
use super::encode::encode;
use super::long_work;
use super::plan::{EncodedRequest, History, Plan};
use super::request_context::RequestContext;
use super::resolve::Candidate;
use super::surface;
use crate::canon::{Dialect, Fault, LossKind};
use crate::protocol::{self, Maker, Protocol};
use crate::provider::DEMO;

/// The plans for a candidate, the best first. `name`: the candidate as a response's head names it.
pub(super) fn plans(
    context: &RequestContext<'_>,
    candidate: &Candidate,
    name: &HeaderValue,
) -> Vec<Plan> {
    if context.surface.is_some() {
        return surface::plan(context, candidate, name)
            .into_iter()
            .collect();
    }
    let Some(endpoint) = context.config.endpoints.get(&*candidate.provider) else {
        return Vec::new();
    };
    let new_plan = |protocol: &'static dyn Protocol, is_passthrough| Plan {
        endpoint: endpoint.clone(),
        provider: candidate.provider.clone(),
        model: candidate.model.clone(),
        name: name.clone(),
        protocol,
        is_passthrough,
        encoded: None,
    };
    let dialects = dialects_of(endpoint, &candidate.model);
    let own = context.request.protocol;
    if dialects.contains(&own.dialect()) {
        // Our envelopes mean nothing to an upstream, nor do some tools: such a request is decoded,
        // and encoded again in its own dialect.
        let is_fitted = context.has_envelope || has_unknown_tools(context, endpoint);
        return vec![new_plan(own, !is_fitted)];
    }
    let mut plans = Vec::new();
    let newer = own.descriptor().legacy_of;
    if newer.is_some_and(|newer| dialects.contains(&newer)) {
        // The older form of the same API: most of its servers still speak it, and the others say
        // 404.
        plans.push(new_plan(own, true));
    }
    let mut translations = dialects
        .iter()
        .filter_map(|dialect| protocol::by_name(dialect.name()))
        .map(|upstream| new_plan(upstream, false));
    let chosen = match dialects.len() {
        1 => translations.next(),
        _ => least_lossy(context, translations),
    };
    plans.extend(chosen);
    plans
}

/// Whether the request has tools that the provider's server does not know.
fn has_unknown_tools(context: &RequestContext<'_>, endpoint: &Endpoint) -> bool {
    let is_of_dialects_maker = matches!(endpoint.maker, Maker::Unknown | Maker::Openai);
    if is_of_dialects_maker || !context.request.operation.generates() {
        return false;
    }
    let (protocol, body) = (context.request.protocol, context.body());
    long_work::on_body(body.len(), || {
        protocol.has_unknown_tools(body, endpoint.maker)
    })
}

/// The plan whose translation loses least, the first among equals. It keeps the encoded request.
fn least_lossy(context: &RequestContext<'_>, plans: impl Iterator<Item = Plan>) -> Option<Plan> {
    let weighed = plans.map(|mut plan| {
        let encoded = encode(context, &plan, History::Whole);
        let cost = cost(&encoded);
        plan.encoded = Some(Box::new(encoded));
        (cost, plan)
    });
    let (cost, plan) = weighed.min_by_key(|(cost, _)| *cost)?;
    let dialect = plan.protocol.dialect().name();
    debug!(dialect, losses = cost, "dialect chosen");
    Some(plan)
}

/// How much a translation loses: a refusal costs most, then each part that is left out or
/// approximated.
fn cost(encoded: &Result<EncodedRequest, Fault>) -> usize {
    match encoded {
        Err(_) => usize::MAX,
        Ok(encoded) => encoded
            .losses
            .iter()
            .filter(|loss| loss.kind != LossKind::Added)
            .count(),
    }
}

/// The dialects in which a model is called; `demo/anthropic` is the demo in that one.
fn dialects_of<'e>(endpoint: &'e Endpoint, model: &str) -> &'e [Dialect] {
    let all = &endpoint.provider.dialects;
    let only = all
        .iter()
        .position(|dialect| endpoint.provider.name == DEMO && dialect.name() == model);
    match only {
        Some(index) => &all[index..=index],
        None => all,
    }
}
