//! A request for an upstream of this dialect: what goes to the top level, and the losses of what
//! does not.
//!
//! Source: Anthropic Messages reference, "POST /v1/messages - request" and "two API versions";
//! `translation.md` sections 2 and 11. Every field of the canonical request is read here or in the
//! files beside it: written, or reported.

use http::{HeaderName, HeaderValue};

use super::abilities::{self, Abilities};
use super::content_encode::plain_text;
use super::format_encode;
use super::messages_encode::{Message, write_messages};
use super::reasoning_encode::Plan;
use crate::canon::{CacheBreakpoint, Format, Located, Losses, Offset, Part, Request, SchemaFormat};
use crate::json::{self, EscapedStr, Object, Raw};
use crate::protocol::names::{NameRules, Names};
use crate::protocol::{Encoded, Operation, Target, Wire};

/// The version that a request of our own uses: the older one, since the newer one refuses sampling
/// altogether.
pub(super) const VERSION: &str = "2023-06-01";
/// The beta that lets system text stand between turns.
const SYSTEM_TURNS_BETA: HeaderValue =
    HeaderValue::from_static("mid-conversation-system-2026-04-07");

/// Source: Anthropic Messages reference, "Tools", `name`.
const TOOL_NAMES: NameRules = NameRules {
    len_max: 128,
    also: b"_-",
    starts_with_letter: false,
};
/// Source: Anthropic Messages reference, "Rules enforced".
const CACHE_MARKS_MAX: usize = 4;

/// Writes a request to generate, or to count tokens where the target says so.
pub(super) fn encode(request: &Request, target: &Target<'_>, losses: &mut Losses) -> Encoded {
    let mut encoder = Encoder {
        request,
        target,
        losses,
        names: Names::new(request, TOOL_NAMES),
        abilities: abilities::of(target.model),
        marks_left: CACHE_MARKS_MAX,
    };
    encoder.report();
    let messages = encoder.messages();
    encoder.report_prefill(&messages);
    let plan = encoder.plan(&messages);
    let body =
        json::document(|value| value.object(|object| encoder.write(&messages, &plan, object)));
    let wire = Wire {
        path: path(target.operation).to_owned(),
        query: None,
        headers: headers(&messages),
        body: body.into(),
    };
    Encoded {
        wire,
        restore: encoder.names.restore(true),
    }
}

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
        headers.push((HeaderName::from_static("anthropic-beta"), SYSTEM_TURNS_BETA));
    }
    headers
}

pub(super) struct Encoder<'e> {
    pub(super) request: &'e Request,
    pub(super) target: &'e Target<'e>,
    pub(super) losses: &'e mut Losses,
    pub(super) names: Names<'e>,
    pub(super) abilities: Abilities,
    marks_left: usize,
}

impl<'e> Encoder<'e> {
    pub(super) fn counts_tokens(&self) -> bool {
        self.target.operation == Operation::CountTokens
    }

    /// What this dialect cannot carry whatever the request looks like.
    fn report(&mut self) {
        let request = self.request;
        request
            .unknown
            .iter()
            .for_each(|unknown| self.losses.dropped(unknown.at));
        request
            .added
            .iter()
            .for_each(|name| self.losses.added(name));
        self.report_refused();
        let sampling = &request.sampling;
        for number in [
            &sampling.seed,
            &sampling.presence_penalty,
            &sampling.frequency_penalty,
        ]
        .into_iter()
        .flatten()
        {
            self.losses.dropped(number.at);
        }
        let hints = [
            offset(&request.verbosity),
            offset(&request.metadata),
            offset(&request.cache_key),
        ];
        hints
            .into_iter()
            .flatten()
            .for_each(|at| self.losses.dropped(at));
    }

    /// What would change the meaning of the answer if it were left out.
    fn report_refused(&mut self) {
        let request = self.request;
        if let Some(choices) = request
            .choices
            .as_ref()
            .filter(|choices| choices.value != 1)
        {
            self.losses.refuse(
                choices.at,
                "the anthropic dialect gives one answer a request",
            );
        }
        if let Some(logprobs) = &request.logprobs {
            self.losses.refuse(
                logprobs.at,
                "the anthropic dialect has no log probabilities",
            );
        }
        for modality in request
            .modalities
            .iter()
            .filter(|modality| !modality.value.to_plain().eq_ignore_ascii_case("text"))
        {
            self.losses
                .refuse(modality.at, "the anthropic dialect answers in text only");
        }
    }

    /// An answer that the client began, toward a model that begins its answers itself.
    fn report_prefill(&mut self, messages: &[Message<'e>]) {
        let is_begun = messages.last().is_some_and(Message::is_assistant);
        if is_begun && !self.abilities.prefills && !self.counts_tokens() {
            let at = self.request.turns.last().map(|turn| turn.at);
            self.losses.refuse(at, "the model goes on with no answer that is given to it: end with a message of the user");
        }
    }

    fn write(&mut self, messages: &[Message<'e>], plan: &Plan, object: &mut Object<'_>) {
        object.str("model", self.target.model);
        if !self.counts_tokens() {
            self.write_generation(plan, object);
        }
        // In the order in which the upstream reads them, so that the marks that are kept are the
        // first ones it meets.
        self.write_tools(object);
        self.write_system(object);
        object.array("messages", |array| write_messages(self, messages, array));
        plan.write(object);
        self.write_output_config(plan, object);
        let mark = self.request.cache_breakpoint.as_ref();
        self.write_mark(mark, object);
    }

    /// What only generating takes; a count leaves it out and loses nothing by it.
    fn write_generation(&mut self, plan: &Plan, object: &mut Object<'_>) {
        object.u64("max_tokens", plan.max_tokens);
        if self.target.stream {
            object.bool("stream", true);
        }
        if !self.request.stops.is_empty() {
            object.array("stop_sequences", |stops| {
                self.request
                    .stops
                    .iter()
                    .for_each(|stop| stops.item().text(&stop.value));
            });
        }
        self.write_sampling(plan, object);
        if let Some(user) = &self.request.user {
            object.object("metadata", |metadata| metadata.text("user_id", &user.value));
        }
        self.write_tier(object);
    }

    /// Sampling, unless the model refuses it or thinks: both are a 400.
    fn write_sampling(&mut self, plan: &Plan, object: &mut Object<'_>) {
        let sampling = &self.request.sampling;
        if !self.abilities.samples || plan.thinks() {
            let numbers = [&sampling.temperature, &sampling.top_p, &sampling.top_k]
                .into_iter()
                .flatten();
            numbers.for_each(|number| self.losses.dropped(number.at));
            return;
        }
        if let Some(temperature) = &sampling.temperature {
            object.raw("temperature", &self.clamped(temperature));
        }
        match &sampling.top_p {
            // The two together are refused, and the temperature says more: many clients send both
            // with a `top_p` of 1.
            Some(top_p) if sampling.temperature.is_some() => self.losses.dropped(top_p.at),
            top_p => object.some("top_p", top_p.as_ref(), |value, top_p| {
                value.raw(&top_p.value)
            }),
        }
        object.some("top_k", sampling.top_k.as_ref(), |value, top_k| {
            value.raw(&top_k.value)
        });
    }

    /// A temperature within 0 to 1, digits kept where it was.
    fn clamped(&mut self, temperature: &Located<Raw>) -> Raw {
        let written: f64 = temperature.value.as_str().parse().unwrap_or(1.0);
        if (0.0..=1.0).contains(&written) {
            return temperature.value.clone();
        }
        self.losses.adjusted(temperature.at);
        Raw::from_static(if written > 1.0 { "1" } else { "0" })
    }

    fn write_tier(&mut self, object: &mut Object<'_>) {
        let Some(tier) = &self.request.tier else {
            return;
        };
        if tier.value == "auto" || tier.value == "standard_only" {
            object.text("service_tier", &tier.value);
        } else {
            self.losses.dropped(tier.at);
        }
    }

    /// System text at the front, and the note that stands for a format which the dialect has no
    /// field for.
    fn write_system(&mut self, object: &mut Object<'_>) {
        let request = self.request;
        let parts: Vec<&'e Part> = request
            .system
            .iter()
            .filter(|part| self.keeps_text(part))
            .collect();
        let note = request
            .format
            .as_ref()
            .and_then(|format| format_encode::note(&format.value));
        if let (Some(format), Some(_)) = (&request.format, &note) {
            self.losses.adjusted(format.at);
        }
        if parts.is_empty() && note.is_none() {
            return;
        }
        object.array("system", |system| {
            parts
                .into_iter()
                .for_each(|part| self.write_part(part, system.item()));
            note.iter()
                .for_each(|note| system.object(|object| write_text(note, object)));
        });
    }

    /// Whether a text may be written: blank ones are a 400. An empty text says nothing, so nothing
    /// is lost but what stands on it.
    pub(super) fn keeps_text(&mut self, part: &Part) -> bool {
        let Some(text) = plain_text(part).filter(|text| text.is_blank()) else {
            return true;
        };
        if !text.is_empty() {
            self.losses.dropped(part.at);
        }
        part.cache
            .iter()
            .for_each(|mark| self.losses.dropped(mark.at));
        part.drop_signature(self.losses);
        false
    }

    fn write_output_config(&mut self, plan: &Plan, object: &mut Object<'_>) {
        let schema = match self.request.format.as_ref() {
            Some(Located {
                value: Format::Schema(schema),
                at,
            }) => Some(self.schema(schema, *at)),
            _ => None,
        };
        if plan.effort.is_none() && schema.is_none() {
            return;
        }
        object.object("output_config", |config| {
            config.some("effort", plan.effort, |value, effort| value.str(effort));
            config.some("format", schema, |value, schema| {
                value.object(|format| {
                    format.str("type", "json_schema");
                    format.raw("schema", &schema);
                });
            });
        });
    }

    /// The schema as this dialect takes it: without name, description and strictness (it is always
    /// strict), objects closed.
    fn schema(&mut self, format: &SchemaFormat, at: Offset) -> Raw {
        [&format.name, &format.description]
            .into_iter()
            .flatten()
            .for_each(|text| self.losses.dropped(text.at));
        if let Some(strict) = format.strict.as_ref().filter(|strict| !strict.value) {
            self.losses.adjusted(strict.at);
        }
        match format_encode::closed(&format.schema) {
            Some(closed) => {
                self.losses.adjusted(at);
                closed
            }
            None => format.schema.clone(),
        }
    }

    /// Writes a cache mark, as long as there are any left.
    pub(super) fn write_mark(&mut self, mark: Option<&CacheBreakpoint>, object: &mut Object<'_>) {
        let Some(mark) = mark else { return };
        if self.marks_left == 0 {
            self.losses.dropped(mark.at);
            return;
        }
        self.marks_left -= 1;
        let ttl = mark
            .ttl
            .as_ref()
            .filter(|ttl| **ttl == "5m" || **ttl == "1h");
        if ttl.is_none() && mark.ttl.is_some() {
            self.losses.adjusted(mark.at);
        }
        object.object("cache_control", |control| {
            control.str("type", "ephemeral");
            control.some("ttl", ttl, |value, ttl| value.text(ttl));
        });
    }
}

pub(super) fn write_text(text: &EscapedStr, object: &mut Object<'_>) {
    object.str("type", "text");
    object.text("text", text);
}

fn offset<T>(field: &Option<Located<T>>) -> Option<Offset> {
    field.as_ref().map(|field| field.at)
}
