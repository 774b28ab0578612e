//! Settings and tools for an upstream: `generationConfig`, `tools`, `toolConfig`.
//!
//! Source: Gemini API, `GenerationConfig`, `ThinkingConfig`, `Tool`, `FunctionCallingConfig`.
//! Numbers go as they were written.

use super::config_decode::STOPS_MAX;
use super::request_encode::Context;
use super::{reasoning_encode, tools_encode};
use crate::canon::{Format, Located, Losses, Request, SchemaFormat};
use crate::json::{self, EscapedStr, Object};
use crate::protocol::schema;

pub(super) fn write(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
    tools_encode::write_tools(context, body, losses);
    tools_encode::write_choice(context, body, losses);
    let config = json::value(|value| value.object(|config| write_config(context, config, losses)));
    if config.as_str() != "{}" {
        body.raw("generationConfig", &config);
    }
}

fn write_config(context: &Context<'_>, config: &mut Object<'_>, losses: &mut Losses) {
    let request = context.request;
    write_sampling(request, config, losses);
    write_output_max(
        request.output_tokens_max.as_ref(),
        context.target.output_tokens_max,
        config,
        losses,
    );
    config.some(
        "candidateCount",
        request.choices.as_ref(),
        |value, choices| value.u64(choices.value),
    );
    write_stops(&request.stops, config, losses);
    if let Some(logprobs) = &request.logprobs {
        write_logprobs(logprobs.value, config);
    }
    if let Some(format) = &request.format {
        write_format(&format.value, config, losses);
    }
    if let Some(reasoning) = &request.reasoning {
        reasoning_encode::write_thinking(reasoning, context.thinking, config, losses);
    }
    write_modalities(&request.modalities, config, losses);
}

fn write_sampling(request: &Request, config: &mut Object<'_>, losses: &mut Losses) {
    let sampling = &request.sampling;
    let numbers = [
        ("temperature", &sampling.temperature),
        ("topP", &sampling.top_p),
        ("topK", &sampling.top_k),
        ("presencePenalty", &sampling.presence_penalty),
        ("frequencyPenalty", &sampling.frequency_penalty),
    ];
    for (name, number) in numbers {
        config.some(name, number.as_ref(), |value, number| {
            value.raw(&number.value)
        });
    }
    match &sampling.seed {
        // Source: `GenerationConfig.seed`, an int32.
        Some(seed) if seed.value.as_str().parse::<i32>().is_ok() => config.raw("seed", &seed.value),
        Some(seed) => losses.dropped(seed.at),
        None => {}
    }
}

/// A bound above the model's own is refused there.
fn write_output_max(
    asked: Option<&Located<u64>>,
    models: Option<u64>,
    config: &mut Object<'_>,
    losses: &mut Losses,
) {
    let Some(asked) = asked else { return };
    let bound = asked.value.min(models.unwrap_or(u64::MAX));
    if bound < asked.value {
        losses.adjusted(asked.at);
    }
    config.u64("maxOutputTokens", bound);
}

fn write_stops(stops: &[Located<EscapedStr>], config: &mut Object<'_>, losses: &mut Losses) {
    if let Some(extra) = stops.get(STOPS_MAX) {
        losses.refuse(
            extra.at,
            format!("the gemini dialect takes at most {STOPS_MAX} stop sequences"),
        );
    }
    if !stops.is_empty() {
        config.array("stopSequences", |list| {
            stops.iter().for_each(|stop| list.item().text(&stop.value))
        });
    }
}

fn write_logprobs(tops: u64, config: &mut Object<'_>) {
    config.bool("responseLogprobs", true);
    if tops > 0 {
        config.u64("logprobs", tops);
    }
}

fn write_format(format: &Format, config: &mut Object<'_>, losses: &mut Losses) {
    match format {
        Format::Free => config.str("responseMimeType", "text/plain"),
        Format::Json => config.str("responseMimeType", "application/json"),
        Format::Schema(format) => write_schema(format, config, losses),
        Format::Enum(values) => {
            config.str("responseMimeType", "text/x.enum");
            config.raw("responseSchema", &schema::for_gemini(values));
        }
    }
}

fn write_schema(format: &SchemaFormat, config: &mut Object<'_>, losses: &mut Losses) {
    config.str("responseMimeType", "application/json");
    config.raw("responseJsonSchema", &schema::for_gemini(&format.schema));
    [&format.name, &format.description]
        .into_iter()
        .flatten()
        .for_each(|field| losses.dropped(field.at));
    note_strict(format.strict.as_ref(), losses);
}

/// Gemini knows no strictness; not asking for it is how it works anyway.
pub(super) fn note_strict(strict: Option<&Located<bool>>, losses: &mut Losses) {
    strict
        .filter(|strict| strict.value)
        .into_iter()
        .for_each(|strict| losses.dropped(strict.at));
}

/// Source: Gemini API, `GenerationConfig.response_modalities`.
fn write_modalities(
    modalities: &[Located<EscapedStr>],
    config: &mut Object<'_>,
    losses: &mut Losses,
) {
    let mut words = vec!["TEXT"];
    for modality in modalities {
        match &*modality.value.to_plain().to_ascii_uppercase() {
            "IMAGE" => words.push("IMAGE"),
            "AUDIO" => words = vec!["AUDIO"],
            _ => losses.refuse(modality.at, "the gemini dialect has no such output"),
        }
    }
    if !modalities.is_empty() {
        config.array("responseModalities", |list| {
            words.iter().for_each(|word| list.item().str(word))
        });
    }
}
