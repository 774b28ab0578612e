//! Encodes a request for an upstream: the top level, and the losses of what has no place in it.
//!
//! Every field of the canonical request is written or reported, here or in the files beside this
//! one. Source: Anthropic Messages reference, "POST /v1/messages - request" and "two API versions";
//! `translation.md` sections 2 and 11.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};

use super::call_ids::CallIds;
use super::content_encode::plain_text;
use super::messages_encode::{Message, write_messages};
use super::models::{self, Abilities};
use super::reasoning_encode::ReasoningFields;
use super::rules::{CACHE_BREAKPOINTS_MAX, STRICT_TOOLS_MAX, TOOL_NAMES};
use crate::canon::{CacheBreakpoint, Format, Located, Losses, Offset, Part, Request, Tool};
use crate::json::{self, EscapedStr, Object};
use crate::protocol::names::Names;
use crate::protocol::property_names::PropertyNames;
use crate::protocol::{Encoded, Operation, Target, Wire, output_format};

/// The API version of translated requests: the older one, since the newer one refuses sampling
/// altogether.
pub(super) const VERSION: &str = "2023-06-01";
/// The beta that permits messages with the role `system`.
const SYSTEM_MESSAGES_BETA: HeaderValue =
    HeaderValue::from_static("mid-conversation-system-2026-04-07");

/// Encodes a request to generate, or to count tokens by `target.operation`.
pub(super) fn encode(request: &Request, target: &Target<'_>, losses: &mut Losses) -> Encoded {
    let mut encoder = Encoder {
        request,
        target,
        losses,
        names: Names::new(request, TOOL_NAMES),
        abilities: models::abilities(target.model),
        call_ids: CallIds::default(),
        cache_breakpoints_left: CACHE_BREAKPOINTS_MAX,
        strict_tools_left: STRICT_TOOLS_MAX,
        renamed: HashMap::new(),
    };
    encoder.report_losses();
    let messages = encoder.messages();
    encoder.refuse_prefill(&messages);
    let reasoning = encoder.reasoning_fields(&messages);
    let body = json::document(|value| {
        value.object(|object| encoder.write(&messages, &reasoning, object));
    });
    let wire = Wire {
        path: path(target.operation).to_owned(),
        query: None,
        headers: headers(&messages),
        body: body.into(),
    };
    let mut restore = encoder.names.restore(true);
    for (wire, (tool, names)) in encoder.renamed {
        restore.rename(tool, wire, names);
    }
    Encoded { wire, restore }
}

/// The path of an operation on messages.
pub(super) fn path(operation: Operation) -> &'static str {
    if operation == Operation::CountTokens {
        "/messages/count_tokens"
    } else {
        "/messages"
    }
}

fn headers(messages: &[Message<'_>]) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![(
        HeaderName::from_static("anthropic-version"),
        HeaderValue::from_static(VERSION),
    )];
    if messages.iter().any(Message::is_system) {
        let beta = HeaderName::from_static("anthropic-beta");
        headers.push((beta, SYSTEM_MESSAGES_BETA));
    }
    headers
}

/// What the functions of one encoding share; each method writes one construct.
pub(super) struct Encoder<'e> {
    pub(super) request: &'e Request,
    pub(super) target: &'e Target<'e>,
    pub(super) losses: &'e mut Losses,
    pub(super) names: Names<'e>,
    pub(super) abilities: Abilities,
    pub(super) call_ids: CallIds,
    cache_breakpoints_left: usize,
    pub(super) strict_tools_left: usize,
    /// Arguments that are called otherwise, by the tool's name on the wire. The tools are written
    /// before the conversation.
    pub(super) renamed: HashMap<EscapedStr, (&'e Tool, PropertyNames)>,
}

impl<'e> Encoder<'e> {
    pub(super) fn counts_tokens(&self) -> bool {
        self.target.operation == Operation::CountTokens
    }

    /// Reports the fields that this dialect has no place for in any request.
    fn report_losses(&mut self) {
        let request = self.request;
        self.losses.decoded(request);
        self.refuse_unsupported();
        let sampling = &request.sampling;
        let fields = [
            offset(&sampling.seed),
            offset(&sampling.presence_penalty),
            offset(&sampling.frequency_penalty),
            offset(&request.verbosity),
            offset(&request.metadata),
            offset(&request.cache_key),
        ];
        for at in fields.into_iter().flatten() {
            self.losses.dropped(at);
        }
    }

    /// Refuses the fields without which the response would mean something else.
    fn refuse_unsupported(&mut self) {
        let request = self.request;
        if let Some(choices) = &request.choices
            && choices.value != 1
        {
            let why = "the anthropic dialect gives one answer a request";
            self.losses.refuse(choices.at, why);
        }
        if let Some(logprobs) = &request.logprobs {
            let why = "the anthropic dialect has no log probabilities";
            self.losses.refuse(logprobs.at, why);
        }
        for modality in &request.modalities {
            if !modality.value.to_plain().eq_ignore_ascii_case("text") {
                let why = "the anthropic dialect answers in text only";
                self.losses.refuse(modality.at, why);
            }
        }
    }

    /// Refuses a response that the client began, for a model that takes no prefill.
    fn refuse_prefill(&mut self, messages: &[Message<'e>]) {
        let is_prefill = messages.last().is_some_and(Message::is_assistant);
        if is_prefill && !self.abilities.prefill && !self.counts_tokens() {
            let at = self.request.turns.last().map(|turn| turn.at);
            let why = "the model goes on with no answer that is given to it: end with a message of the user";
            self.losses.refuse(at, why);
        }
        // Source: "Structured outputs", "Feature compatibility".
        if let Some(format) = &self.request.format
            && matches!(format.value, Format::Schema(_))
            && is_prefill
        {
            let why = "the anthropic dialect fits no answer to a schema whose beginning is given";
            self.losses.refuse(format.at, why);
        }
    }

    fn write(
        &mut self,
        messages: &[Message<'e>],
        reasoning: &ReasoningFields,
        object: &mut Object<'_>,
    ) {
        object.str("model", self.target.model);
        // A token count takes none of these, and loses nothing by their absence.
        if !self.counts_tokens() {
            self.write_generation(reasoning, object);
        }
        // In the order in which the upstream reads them: where there are more cache breakpoints
        // than allowed, the first ones are kept.
        self.write_tools(object);
        self.write_system(object);
        object.array("messages", |array| write_messages(self, messages, array));
        reasoning.write_thinking(object);
        self.write_output_config(reasoning, object);
        let breakpoint = self.request.cache_breakpoint.as_ref();
        self.write_cache_breakpoint(breakpoint, object);
    }

    /// Writes the system text, and the instruction that stands for an output format which the
    /// dialect has no field for.
    fn write_system(&mut self, object: &mut Object<'_>) {
        let request = self.request;
        let parts: Vec<&'e Part> = request
            .system
            .iter()
            .filter(|part| self.keeps_text(part))
            .collect();
        let mut instruction = None;
        if let Some(format) = &request.format {
            instruction = match &format.value {
                Format::Schema(_) => None,
                format => output_format::instruction(format),
            };
            if instruction.is_some() {
                self.losses.adjusted(format.at);
            }
        }
        if parts.is_empty() && instruction.is_none() {
            return;
        }
        object.array("system", |system| {
            for part in parts {
                self.write_part(part, system.item());
            }
            if let Some(instruction) = &instruction {
                system.object(|object| write_text(instruction, object));
            }
        });
    }

    /// Whether a text may be written: the API refuses blank ones. An empty text has no content, so
    /// only its cache breakpoint and signature are reported.
    pub(super) fn keeps_text(&mut self, part: &Part) -> bool {
        let Some(text) = plain_text(part).filter(|text| text.is_blank()) else {
            return true;
        };
        if !text.is_empty() {
            self.losses.dropped(part.at);
        }
        if let Some(breakpoint) = &part.cache {
            self.losses.dropped(breakpoint.at);
        }
        part.drop_signature(self.losses);
        false
    }

    /// Writes a cache breakpoint while there are any left.
    pub(super) fn write_cache_breakpoint(
        &mut self,
        breakpoint: Option<&CacheBreakpoint>,
        object: &mut Object<'_>,
    ) {
        let Some(breakpoint) = breakpoint else { return };
        if self.cache_breakpoints_left == 0 {
            self.losses.dropped(breakpoint.at);
            return;
        }
        self.cache_breakpoints_left -= 1;
        let known_ttl = breakpoint
            .ttl
            .as_ref()
            .filter(|ttl| **ttl == "5m" || **ttl == "1h");
        if known_ttl.is_none() && breakpoint.ttl.is_some() {
            self.losses.adjusted(breakpoint.at);
        }
        object.object("cache_control", |control| {
            control.str("type", "ephemeral");
            control.some("ttl", known_ttl, |value, ttl| value.text(ttl));
        });
    }
}

/// Writes the fields of a text block.
pub(super) fn write_text(text: &EscapedStr, object: &mut Object<'_>) {
    object.str("type", "text");
    object.text("text", text);
}

fn offset<T>(field: &Option<Located<T>>) -> Option<Offset> {
    field.as_ref().map(|field| field.at)
}
