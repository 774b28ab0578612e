//! Encodes a request: the top-level fields, and what cannot be carried.

use super::messages_encode::InputEncoder;
use super::tools_encode;
use crate::canon::{
    Format, Located, Losses, Offset, Part, Reasoning, ReasoningDisplay, Request, SchemaFormat,
};
use crate::json::{self, EscapedStr, Object};
use crate::protocol::names::{Names, opaque_id};
use crate::protocol::openai::rules::{self, TEMPERATURE, TOOL_NAMES, TOP_P};
use crate::protocol::openai::{self, abilities};
use crate::protocol::{Encoded, Operation, Target, Wire, efforts, output_format, schema};

/// How many stop sequences are searched for, and how long: each is held against every delta.
const STOPS_MAX: usize = 32;
const STOP_BYTES_MAX: usize = 128;

/// Longer ids of users and caches are refused by the servers.
const ID_LEN_MAX: usize = 64;
/// "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16". Claude Code's
/// first request asks for 1.
const OUTPUT_TOKENS_MIN: u64 = 16;

pub(super) fn encode(request: &Request, target: &Target<'_>, losses: &mut Losses) -> Encoded {
    let names = Names::new(request, TOOL_NAMES);
    note_unsupported(request, losses);
    let body = json::document(|value| {
        value.object(|object| {
            object.str("model", target.model);
            prompt(object, request, target, &names, losses);
            if target.operation != Operation::CountTokens {
                generation(object, request, target, losses);
            }
        });
    });
    let path = if target.operation == Operation::CountTokens {
        "/responses/input_tokens"
    } else {
        "/responses"
    };
    let wire = Wire {
        path: path.to_owned(),
        body: body.into(),
        ..Wire::default()
    };
    Encoded {
        wire,
        restore: names.restore(!takes_own_tools(target)),
    }
}

/// Whether the server knows namespaces, custom tools and `allowed_tools`, which are OpenAI's own. On
/// others they are functions.
pub(super) fn takes_own_tools(target: &Target<'_>) -> bool {
    abilities::is_openai(target)
}

/// What the dialect has no field for. Source: `translation.md` sections 2 and 11.
fn note_unsupported(request: &Request, losses: &mut Losses) {
    losses.decoded(request);
    let sampling = &request.sampling;
    let unsupported = [
        &sampling.top_k,
        &sampling.seed,
        &sampling.presence_penalty,
        &sampling.frequency_penalty,
    ];
    for field in unsupported.into_iter().flatten() {
        losses.dropped(field.at);
    }
    if let Some(mark) = &request.cache_breakpoint {
        losses.dropped(mark.at);
    }
    refuse_unsupported(request, losses);
}

/// The dialect has no stop sequences: the gateway ends the answer where one appears, by searching
/// its text. That takes more work the longer they are.
fn note_stops(request: &Request, losses: &mut Losses) {
    if request.stops.len() > STOPS_MAX {
        losses.refuse(
            request.stops[STOPS_MAX].at,
            format!("more than {STOPS_MAX} stop sequences cannot be carried to this dialect"),
        );
        return;
    }
    let is_long = |stop: &&Located<EscapedStr>| stop.value.as_bytes().len() > STOP_BYTES_MAX;
    if let Some(long) = request.stops.iter().find(is_long) {
        losses.refuse(
            long.at,
            format!(
                "a stop sequence of over {STOP_BYTES_MAX} bytes cannot be carried to this dialect"
            ),
        );
    } else if let Some(first) = request.stops.first() {
        losses.adjusted_list(first.at);
    }
}

fn refuse_unsupported(request: &Request, losses: &mut Losses) {
    note_stops(request, losses);
    if let Some(choices) = request.choices.as_ref().filter(|choices| choices.value > 1) {
        losses.refuse(
            choices.at,
            "the openai_responses dialect gives one answer a request",
        );
    }
    let is_text = |kind: &&Located<EscapedStr>| kind.value.to_plain().eq_ignore_ascii_case("text");
    if let Some(kind) = request.modalities.iter().find(|kind| !is_text(kind)) {
        losses.refuse(kind.at, "the openai_responses dialect answers in text only");
    }
}

/// Writes what the model reads, which is also what a token count counts.
fn prompt(
    object: &mut Object<'_>,
    request: &Request,
    target: &Target<'_>,
    names: &Names<'_>,
    losses: &mut Losses,
) {
    if !request.turns.is_empty() {
        instructions(object, request, losses);
    }
    let instruction = instruction(request);
    object.array("input", |input| {
        InputEncoder::new(request, target, names, losses).write(instruction, input)
    });
    tools_encode::encode(object, request, target, names, losses);
    if let Some(parallel) = &request.parallel_tool_calls {
        object.bool("parallel_tool_calls", parallel.value);
    }
    text(object, request, losses);
    if let Some(reasoning) = &request.reasoning {
        encode_reasoning(object, reasoning, losses);
    }
}

/// The instruction that stands for an output format, or that the API wants beside it.
fn instruction(request: &Request) -> Option<Part> {
    let format = request.format.as_ref()?;
    let is_needed = match &format.value {
        // Only the input counts: "Response input messages must contain the word 'json'".
        Format::Json => output_format::lacks_the_word_json(request, false),
        Format::Schema(schema) => rules::output_schema(&schema.schema).is_err(),
        Format::Free | Format::Enum(_) => false,
    };
    is_needed.then(|| output_format::instruction_part(format))?
}

/// Writes the system text as one string, which has no room for cache breakpoints.
fn instructions(object: &mut Object<'_>, request: &Request, losses: &mut Losses) {
    let mut texts = Vec::new();
    for part in &request.system {
        match &part.kind {
            crate::canon::PartKind::Text(text) => texts.push(text),
            _ => losses.refuse(
                part.at,
                "the openai_responses dialect takes text only as instructions",
            ),
        }
        if let Some(mark) = &part.cache {
            losses.dropped(mark.at);
        }
    }
    if !texts.is_empty() {
        object.text("instructions", &EscapedStr::join(texts, "\\n\\n"));
    }
}

fn text(object: &mut Object<'_>, request: &Request, losses: &mut Losses) {
    let mut format = request
        .format
        .as_ref()
        .filter(|format| format.value != Format::Free);
    if let Some(replaced) = format.filter(|_| instruction(request).is_some()) {
        losses.adjusted(replaced.at);
        format = format.filter(|format| format.value == Format::Json);
    }
    if format.is_none() && request.verbosity.is_none() {
        return;
    }
    object.object("text", |text| {
        if let Some(format) = format {
            encode_format(text, format, losses);
        }
        if let Some(verbosity) = &request.verbosity {
            text.text("verbosity", &verbosity.value);
        }
    });
}

fn encode_format(text: &mut Object<'_>, format: &Located<Format>, losses: &mut Losses) {
    match &format.value {
        Format::Free => {}
        Format::Json => text.object("format", |object| object.str("type", "json_object")),
        Format::Schema(schema) => text.object("format", |object| {
            schema_format(object, schema, format.at, losses)
        }),
        Format::Enum(_) => losses.refuse(
            format.at,
            "the openai_responses dialect has no output that is a bare enum value",
        ),
    }
}

fn schema_format(object: &mut Object<'_>, format: &SchemaFormat, at: Offset, losses: &mut Losses) {
    // The API requires a name; nothing depends on it.
    const NAME: &str = "response";
    object.str("type", "json_schema");
    match &format.name {
        Some(name) => object.text("name", &opaque_id(name, ID_LEN_MAX, losses)),
        None => {
            object.str("name", NAME);
            losses.added("text.format.name");
        }
    }
    if let Some(description) = &format.description {
        object.text("description", &description.value);
    }
    let schema = match rules::output_schema(&format.schema) {
        Ok(fitted) => {
            if fitted.is_looser {
                losses.adjusted(at);
            }
            fitted.schema
        }
        Err(_) => format.schema.clone(),
    };
    object.raw("schema", &schema);
    let strict = format.strict.as_ref();
    object.bool(
        "strict",
        strict.is_some_and(|strict| keeps_strict(strict, &schema, losses)),
    );
}

/// Whether `strict` can be kept: a server refuses it beside a schema that breaks its rules.
pub(super) fn keeps_strict(
    strict: &Located<bool>,
    schema: &json::Raw,
    losses: &mut Losses,
) -> bool {
    let is_kept = strict.value && schema::is_strict(schema);
    if strict.value && !is_kept {
        losses.adjusted(strict.at);
    }
    is_kept
}

fn encode_reasoning(object: &mut Object<'_>, located: &Located<Reasoning>, losses: &mut Losses) {
    let reasoning = &located.value;
    let effort = efforts::alone(located, losses);
    let summary = reasoning
        .display
        .as_ref()
        .and_then(|show| summary(show, losses));
    if effort.is_none() && summary.is_none() {
        return;
    }
    object.object("reasoning", |object| {
        object.some("effort", effort, |value, effort| {
            value.str(efforts::row(effort).openai)
        });
        object.some("summary", summary, |value, level| value.str(level));
    });
}

/// The level of summary that is closest to what the client asked to see. This dialect never shows
/// the full reasoning.
fn summary(show: &Located<ReasoningDisplay>, losses: &mut Losses) -> Option<&'static str> {
    const LEVELS: [&str; 3] = ["auto", "concise", "detailed"];
    match &show.value {
        ReasoningDisplay::No => None,
        ReasoningDisplay::Summary(None) => Some("auto"),
        ReasoningDisplay::Summary(Some(level)) => {
            let known = LEVELS.into_iter().find(|known| level == known);
            if known.is_none() {
                losses.adjusted(show.at);
            }
            known.or(Some("auto"))
        }
    }
}

fn generation(
    object: &mut Object<'_>,
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) {
    object.bool("stream", target.stream);
    // The provider stores nothing of a translated conversation: each request carries it whole.
    object.bool("store", false);
    object.array("include", |include| {
        include.item().str("reasoning.encrypted_content");
        if request.logprobs.is_some() {
            include.item().str("message.output_text.logprobs");
        }
    });
    if let Some(logprobs) = request
        .logprobs
        .as_ref()
        .filter(|logprobs| logprobs.value > 0)
    {
        object.u64("top_logprobs", rules::logprobs(logprobs, losses));
    }
    if let Some(max) = &request.output_tokens_max {
        let tokens = target.fit_output_limit(max, OUTPUT_TOKENS_MIN, losses);
        object.u64("max_output_tokens", tokens);
    }
    for (key, number, range) in [
        ("temperature", &request.sampling.temperature, TEMPERATURE),
        ("top_p", &request.sampling.top_p, TOP_P),
    ] {
        match number {
            Some(number) if abilities::refuses_sampling(target.model) => losses.dropped(number.at),
            Some(number) => object.raw(key, &range.fit(number, losses)),
            None => {}
        }
    }
    metadata(object, request, losses);
}

fn metadata(object: &mut Object<'_>, request: &Request, losses: &mut Losses) {
    if let Some(user) = &request.user {
        object.text("safety_identifier", &opaque_id(user, ID_LEN_MAX, losses));
    }
    if let Some(metadata) = &request.metadata {
        object.raw("metadata", &metadata.value);
    }
    if let Some(cache) = &request.cache_key {
        object.text("prompt_cache_key", &opaque_id(cache, ID_LEN_MAX, losses));
    }
    if let Some(tier) = &request.tier {
        openai::write_tier(object, tier, losses);
    }
}

/// Refuses what this dialect has no form for.
pub(super) fn refuse(losses: &mut Losses, at: Offset, what: &str) {
    losses.refuse(at, format!("the openai_responses dialect has no {what}"));
}
