//! A request whose path passes as it is: which provider and account it goes to, and the request as
//! it goes out.
//!
//! ```text
//! /p/PROVIDER       that provider
//! an object's id    the account that keeps it, as far as that is known
//! the model         by the usual rules
//! else              the first enabled provider that speaks the path's dialect
//! ```
//!
//! It reads no more of a body than [`SurfaceFields`](super::surface_fields), and translates nothing.

use std::sync::Arc;

use http::header::CONTENT_ENCODING;
use http::{HeaderName, HeaderValue};

use super::config::Endpoint;
use super::passthrough;
use super::plan::{EncodedRequest, Plan, ResponseKind};
use super::request_context::RequestContext;
use super::resolution_cache::ResolvedModel;
use super::resolve::{Candidate, Reason, Resolution};
use super::surface_fields::{Surface, UPLOAD_ID};
use crate::canon::{Blame, Fault, FaultKind, Loss, LossKind};
use crate::protocol::query::parameter;
use crate::protocol::surface::{ModelPlace, SurfaceTable};
use crate::protocol::{Operation, Wire};
use crate::segmented_bytes::SegmentedBytes;

/// Headers of any such request and response that pass. What says how a body is written stays with
/// it: its type, its coding, its place in a whole.
const REQUEST_HEADERS: &[&str] = &[
    "content-encoding",
    "content-type",
    "idempotency-key",
    "range",
];
pub(super) const RESPONSE_HEADERS: &[&str] =
    &["accept-ranges", "content-disposition", "content-range"];

fn table(context: &RequestContext<'_>) -> &'static SurfaceTable {
    context.request.protocol.descriptor().surface
}

/// What the request asks for, at which providers: by the path where that decides, else by the
/// model's name.
///
/// # Errors
/// When the path names a provider that is not enabled, or passes only to providers that are not
/// there.
pub(super) async fn resolve(context: &RequestContext<'_>) -> Result<Arc<ResolvedModel>, Fault> {
    if let Some(surface) = &context.surface {
        return resolve_surface(context, surface).await;
    }
    match &context.request.provider {
        None => Ok(context.resolve_model().await),
        Some(provider) => {
            check_provider(context, provider)?;
            Ok(at_provider(context, provider, Reason::NamedByPath))
        }
    }
}

async fn resolve_surface(
    context: &RequestContext<'_>,
    surface: &Surface<'_>,
) -> Result<Arc<ResolvedModel>, Fault> {
    check_upload(context, surface)?;
    let named = context.request.provider.as_deref();
    if let Some(provider) = named {
        check_provider(context, provider)?;
    }
    let owner = surface.owner.as_ref().filter(|owner| {
        let is_other = named.is_some_and(|named| named != owner.provider);
        !is_other && context.config.endpoints.contains_key(&owner.provider)
    });
    let fixed = named
        .map(|provider| (provider, Reason::NamedByPath))
        .or_else(|| Some((owner?.provider.as_str(), Reason::KeepsObject)));
    let model = context.routing.model.as_str();
    if !model.is_empty() {
        return Ok(match fixed {
            Some((provider, reason)) => at_provider(context, provider, reason),
            None => context.resolve_model().await,
        });
    }
    let (provider, reason) = match fixed {
        Some(fixed) => fixed,
        None => (first_provider(context)?, Reason::FirstOfDialect),
    };
    Ok(only(provider, surface.name(), surface.name(), reason))
}

/// The requested model at this provider: by the name that the rules give it there, else by the
/// client's.
fn at_provider(context: &RequestContext<'_>, provider: &str, reason: Reason) -> Arc<ResolvedModel> {
    let model = context.routing.model.as_str();
    let own_name = model.strip_prefix(provider);
    if let Some(own_name) = own_name.and_then(|name| name.strip_prefix('/')) {
        return only(provider, own_name, model, reason);
    }
    let resolved = context.resolve_known();
    let mut candidates = resolved.resolution.candidates.iter();
    let known = candidates.find(|one| *one.provider == *provider);
    only(
        provider,
        known.map_or(model, |one| &one.model),
        model,
        reason,
    )
}

fn only(provider: &str, model: &str, name: &str, reason: Reason) -> Arc<ResolvedModel> {
    ResolvedModel::new(Resolution {
        name: name.to_owned(),
        candidates: vec![Candidate {
            provider: provider.into(),
            model: model.into(),
        }],
        skipped: Vec::new(),
        reason,
    })
}

/// Whether the client's key may use every model that the request names. Where it names none, it may
/// ask for any.
///
/// # Errors
/// When it may not, or the body cannot be looked through for that.
pub(super) fn check_model(context: &RequestContext<'_>) -> Result<(), Fault> {
    let Some(surface) = &context.surface else {
        return context.check_model();
    };
    let permit = context.request.permit.as_deref();
    let Some(permit) = permit.filter(|permit| permit.has_models()) else {
        return Ok(());
    };
    let is_body = surface.call.row.model == ModelPlace::Body;
    if is_body && context.request.body.rest().is_some() {
        let message = "request body: this port's key may use some models only, so a body has to be read whole, and this one is longer than `limits.request_body_bytes_max`";
        return Err(Fault::new(FaultKind::TooLarge, Blame::Client, message));
    }
    let model = match context.routing.model.as_str() {
        "" => surface.name(),
        model => model,
    };
    let named = std::iter::once(model).chain(surface.fields.models.iter().map(String::as_str));
    for model in named {
        match &context.request.provider {
            Some(provider) => permit.check_model(&format!("{provider}/{model}"))?,
            None => permit.check_model(model)?,
        }
    }
    Ok(())
}

/// An upload goes on where it began: its id is the vendor's, and proves nothing of who holds it.
fn check_upload(context: &RequestContext<'_>, surface: &Surface<'_>) -> Result<(), Fault> {
    let query = context.request.query.text.as_deref();
    if parameter(query, UPLOAD_ID).is_none() || surface.owner.is_some() {
        return Ok(());
    }
    let message =
        "gateway: no such upload: it was not begun here, or its account is gone; begin it again";
    Err(Fault::new(FaultKind::NotFound, Blame::Client, message))
}

/// # Errors
/// When no such provider is enabled.
fn check_provider(context: &RequestContext<'_>, name: &str) -> Result<(), Fault> {
    if context.config.endpoints.contains_key(name) {
        return Ok(());
    }
    let enabled = context
        .config
        .providers
        .iter()
        .filter(|known| known.enabled);
    let enabled: Vec<&str> = enabled.map(|known| known.name.as_str()).collect();
    let message = format!(
        "gateway: `/p/` names no enabled provider; enabled are {}",
        enabled.join(", ")
    );
    Err(Fault::new(FaultKind::NotFound, Blame::Client, message))
}

/// The first enabled provider that has the dialect's paths: one with an account before others.
fn first_provider<'c>(context: &RequestContext<'c>) -> Result<&'c str, Fault> {
    let (config, pool) = (context.config, &context.state.pool);
    let mut serving = config
        .providers
        .iter()
        .filter(|provider| provider.enabled)
        .filter_map(|provider| config.endpoints.get(&provider.name))
        .filter(|endpoint| has_paths(context, endpoint))
        .map(|endpoint| endpoint.provider.name.as_str());
    let first = serving.clone().next();
    let ready = serving.find(|name| pool.any_credential(name).is_some());
    ready.or(first).ok_or_else(|| no_provider(context))
}

fn has_paths(context: &RequestContext<'_>, endpoint: &Endpoint) -> bool {
    let served_by = table(context).served_by;
    let dialects = &endpoint.provider.dialects;
    dialects.iter().any(|dialect| served_by.contains(dialect))
}

fn path_of(context: &RequestContext<'_>, surface: &Surface<'_>) -> String {
    format!("{} {}", context.request.method, surface.call.row.pattern)
}

fn no_provider(context: &RequestContext<'_>) -> Fault {
    let dialect = context.request.protocol.dialect();
    let message = format!(
        "gateway: no enabled provider speaks {dialect}, and its path passes to such a one only; `aerostat provider list` says which there are"
    );
    Fault::new(FaultKind::NotImplemented, Blame::Gateway, message)
}

/// A path that would have to be translated.
pub(super) fn not_translated(
    context: &RequestContext<'_>,
    surface: &Surface<'_>,
    candidate: &Candidate,
) -> Fault {
    let dialect = context.request.protocol.dialect();
    let spoken = context.config.endpoints.get(&*candidate.provider);
    let spoken: Vec<&str> = spoken
        .iter()
        .flat_map(|endpoint| &endpoint.provider.dialects)
        .map(|dialect| dialect.name())
        .collect();
    let message = format!(
        "gateway: `{}` is not translated from {dialect} to {}, which is what provider `{}` speaks",
        path_of(context, surface),
        spoken.join(" or "),
        candidate.provider
    );
    Fault::new(FaultKind::NotImplemented, Blame::Gateway, message)
}

/// The plan for a candidate; `None` where its provider has no such path.
pub(super) fn plan(
    context: &RequestContext<'_>,
    candidate: &Candidate,
    name: &HeaderValue,
) -> Option<Plan> {
    let endpoint = context.config.endpoints.get(&*candidate.provider)?;
    has_paths(context, endpoint).then(|| Plan {
        endpoint: endpoint.clone(),
        provider: candidate.provider.clone(),
        model: candidate.model.clone(),
        name: name.clone(),
        protocol: context.request.protocol,
        is_passthrough: true,
        encoded: None,
    })
}

/// The client's request with the provider's name of the model, and nothing else changed.
pub(super) fn encode(
    context: &RequestContext<'_>,
    surface: &Surface<'_>,
    plan: &Plan,
) -> EncodedRequest {
    let request = context.request;
    let (body, is_unpacked) = body(context, surface, plan);
    let descriptor = plan.protocol.descriptor();
    let lists = [
        descriptor.passthrough_headers.request,
        descriptor.surface.headers.request,
        REQUEST_HEADERS,
    ]
    .concat();
    let mut headers = passthrough::request_headers(&request.headers, &lists);
    headers.retain(|(name, _)| !(is_unpacked && *name == CONTENT_ENCODING));
    let missing: Vec<(HeaderName, HeaderValue)> = passthrough::fixed_headers(plan.protocol)
        .filter(|(name, _)| !request.headers.contains_key(name))
        .collect();
    headers.extend(missing);
    let losses = request.query.unknown.iter().map(|name| Loss {
        path: name.clone(),
        kind: LossKind::Dropped,
    });
    EncodedRequest {
        wire: Wire {
            path: path(surface, plan),
            query: request.query.text.clone(),
            headers,
            body,
        },
        response_kind: ResponseKind::Surface,
        losses: losses.collect(),
    }
}

/// The body as it came, or with another name in it. One that is compressed has to be unpacked for
/// that, and only for that.
fn body(
    context: &RequestContext<'_>,
    surface: &Surface<'_>,
    plan: &Plan,
) -> (SegmentedBytes, bool) {
    let is_renamed = context.routing.model_at.is_some() && context.routing.model != *plan.model;
    let whole = &context.request.body;
    if !is_renamed {
        return (whole.clone(), false);
    }
    match &surface.fields.unpacked {
        None if surface.fields.is_form => {
            // A field's value is written as it is.
            let at = context.routing.model_at.clone().unwrap_or_default();
            (whole.replaced(at, plan.model.to_string().into()), false)
        }
        Some(unpacked) => {
            let unpacked = SegmentedBytes::from(unpacked.clone());
            let renamed = passthrough::rename(&unpacked, &context.routing, &plan.model);
            (renamed, true)
        }
        None => {
            let renamed = passthrough::rename(whole, &context.routing, &plan.model);
            (with_rest(renamed, whole), false)
        }
    }
}

fn with_rest(body: SegmentedBytes, original: &SegmentedBytes) -> SegmentedBytes {
    match original.rest() {
        Some(rest) => body.followed_by(rest.clone()),
        None => body,
    }
}

/// The dialect's path as the client wrote it, with the provider's name of the model.
fn path(surface: &Surface<'_>, plan: &Plan) -> String {
    let row = surface.call.row;
    if row.model != ModelPlace::Path {
        return surface.call.path.clone();
    }
    let operation = Operation::Surface(row.about);
    let (model, _) = plan.protocol.upstream_path(operation, &plan.model, None);
    let pattern = row.pattern.replace("/models/{model}", "/{model}");
    let path = pattern.replace("/{model}", &model);
    match &surface.call.captured.id {
        // It matched `{id}`, so it is one segment.
        Some(id) => path.replace("{id}", &escaped(id)),
        None => path,
    }
}

/// An object's name as a path carries it.
fn escaped(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
        .replace("%5F", "_")
}
