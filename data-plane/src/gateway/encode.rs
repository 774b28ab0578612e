//! The request in the upstream's dialect: passed through with another model name, or translated.
//!
//! Nothing is lost silently: what the target cannot carry is listed as a loss or is a fault.

use std::sync::Arc;

use super::passthrough;
use super::plan::{EncodedRequest, History, Plan, ResponseKind};
use super::request_context::{Decoded, RequestContext};
use super::surface;
use crate::canon::{Dialect, Embed, Fault, Loss, LossKind, Losses, PartKind, Refusal, Request};
use crate::json::path_at;
use crate::protocol::{Operation, Target, Wire, call_ids, foreign_items};

/// Encodes the client's request for `plan`. Without reasoning it is also translated where it would
/// have passed through.
///
/// # Errors
/// When the request cannot be decoded, or not be carried to the plan's dialect.
pub(super) fn encode(
    context: &RequestContext<'_>,
    plan: &Plan,
    history: History,
) -> Result<EncodedRequest, Fault> {
    if let Some(surface) = &context.surface {
        return Ok(surface::encode(context, surface, plan));
    }
    let encoder = Encoder { context, plan };
    let mut encoded = encoder.encode(history)?;
    let is_passthrough = matches!(encoded.response_kind, ResponseKind::Passthrough);
    encoded.losses.extend(encoder.query_losses(is_passthrough));
    Ok(encoded)
}

struct Encoder<'a> {
    context: &'a RequestContext<'a>,
    plan: &'a Plan,
}

impl Encoder<'_> {
    fn encode(&self, history: History) -> Result<EncodedRequest, Fault> {
        let Self { context, plan } = self;
        match history {
            History::Whole if plan.is_passthrough => Ok(self.pass()),
            History::Whole => match context.decoded()? {
                Decoded::Generate(request) => self.translate(&request, Losses::default()),
                Decoded::Embed(embed) => self.translate_embed(embed),
            },
            History::WithoutReasoning => match context.decoded()? {
                Decoded::Generate(request) => {
                    let mut losses = Losses::default();
                    losses.noted("reasoning", LossKind::Dropped);
                    self.translate(&Arc::new(without_reasoning(&request)), losses)
                }
                Decoded::Embed(embed) => self.translate_embed(embed),
            },
        }
    }

    /// What of the client's query does not go out. Also in strict mode it is only named: clients
    /// add parameters that no dialect has.
    fn query_losses(&self, is_passthrough: bool) -> impl Iterator<Item = Loss> {
        let query = &self.context.request.query;
        let untranslatable = query.untranslatable.iter().filter(move |_| !is_passthrough);
        query.unknown.iter().chain(untranslatable).map(|name| Loss {
            path: name.clone(),
            kind: LossKind::Dropped,
        })
    }

    fn pass(&self) -> EncodedRequest {
        let Self { context, plan } = self;
        let request = context.request;
        let (path, query) = plan.protocol.upstream_path(
            request.operation,
            &plan.model,
            request.query.text.as_deref(),
        );
        let allowed = plan.protocol.descriptor().passthrough_headers.request;
        let mut headers = passthrough::request_headers(&request.headers, allowed);
        let missing = passthrough::fixed_headers(plan.protocol)
            .filter(|(name, _)| !request.headers.contains_key(name));
        headers.extend(missing);
        let body = passthrough::rename(&request.body, &context.routing, &plan.model);
        EncodedRequest {
            wire: Wire {
                path,
                query,
                headers,
                body,
            },
            response_kind: ResponseKind::Passthrough,
            losses: Vec::new(),
        }
    }

    fn translate(
        &self,
        request: &Arc<Request>,
        mut losses: Losses,
    ) -> Result<EncodedRequest, Fault> {
        let protocol = self.plan.protocol;
        let is_count = self.context.request.operation == Operation::CountTokens;
        let operation = if is_count {
            Operation::CountTokens
        } else {
            Operation::Generate
        };
        let target = self.target(operation);
        let catalog = &self.context.state.catalog;
        let target = Target {
            output_tokens_max: catalog.output_tokens_max(target.provider, target.model, request),
            ..target
        };
        foreign_items::refuse(request, protocol.dialect(), &mut losses);
        let sent = call_ids::restored(request, protocol.dialect());
        let encoded = protocol.encode_request(&sent, &target, &mut losses);
        let losses = self.check_losses(losses, protocol.dialect())?;
        let response_kind = if is_count {
            ResponseKind::Count
        } else {
            ResponseKind::Generate {
                request: request.clone(),
                restore: encoded.restore,
            }
        };
        Ok(EncodedRequest {
            wire: encoded.wire,
            response_kind,
            losses,
        })
    }

    fn translate_embed(&self, embed: Arc<Embed>) -> Result<EncodedRequest, Fault> {
        let protocol = self.plan.protocol;
        let Some(codec) = protocol.embeddings() else {
            return Err(self.no_embeddings());
        };
        let target = self.target(self.context.request.operation);
        let mut losses = Losses::default();
        let wire = codec.encode_embed(&embed, &target, &mut losses);
        let losses = self.check_losses(losses, protocol.dialect())?;
        Ok(EncodedRequest {
            wire,
            response_kind: ResponseKind::Embed(embed),
            losses,
        })
    }

    fn target(&self, operation: Operation) -> Target<'_> {
        Target {
            operation,
            provider: &self.plan.endpoint.provider.name,
            maker: self.plan.endpoint.maker,
            model: &self.plan.model,
            stream: self.context.full_routing().stream.unwrap_or(false),
            output_tokens_max: None,
        }
    }

    fn no_embeddings(&self) -> Fault {
        let provider = &self.plan.endpoint.provider.name;
        let dialect = self.plan.protocol.dialect();
        let message = format!(
            "provider `{provider}` speaks {dialect}, which has no embeddings; ask for a model of another provider"
        );
        Fault::bad_request(message).with_param("model")
    }

    /// The losses by path. A refusal is a fault, and so is any inexact part in strict mode.
    fn check_losses(&self, losses: Losses, dialect: Dialect) -> Result<Vec<Loss>, Fault> {
        let body = self.context.body();
        let losses = losses
            .resolve(body)
            .map_err(|refusal| refused(&refusal, body))?;
        if !self.context.config.is_strict {
            return Ok(losses);
        }
        let inexact: Vec<&str> = losses
            .iter()
            .filter(|loss| loss.kind != LossKind::Added)
            .map(|loss| &*loss.path)
            .collect();
        let Some(first) = inexact.first() else {
            return Ok(losses);
        };
        let paths = inexact.join(", ");
        let message = format!(
            "{paths}: cannot be carried exactly to the {dialect} dialect, and `translation = \"strict\"` is set"
        );
        Err(Fault::bad_request(message).with_param(*first))
    }
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

/// A copy without the reasoning of earlier turns and without all signatures.
fn without_reasoning(request: &Request) -> Request {
    let mut request = request.clone();
    for turn in &mut request.turns {
        turn.parts
            .retain(|part| !matches!(part.kind, PartKind::Reasoning { .. }));
        for part in &mut turn.parts {
            part.signature = None;
        }
    }
    request.turns.retain(|turn| !turn.parts.is_empty());
    request
}
