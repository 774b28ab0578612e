//! Encodes the settings of a request: `generationConfig`. Numbers keep the digits that they were
//! written with.
//!
//! Source: Gemini API, `GenerationConfig`.

use super::reasoning_encode;
use super::request_encode::Context;
use super::rules::{self, LOGPROBS_MAX, OUTPUT_TOKENS_MIN, PENALTY, STOPS_MAX, TEMPERATURE, TOP_P};
use super::tools_encode;
use crate::canon::{Format, Located, Losses, Part, Request, SchemaFormat};
use crate::json::{self, EscapedStr, Object, Raw};
use crate::protocol::range::Range;
use crate::protocol::{Operation, output_format};

/// Writes `generationConfig` where there is anything in it.
pub(super) fn write(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
    let config = json::value(|value| value.object(|config| write_config(context, config, losses)));
    if config.as_str() != "{}" {
        body.raw("generationConfig", &config);
    }
}

fn write_config(context: &Context<'_>, config: &mut Object<'_>, losses: &mut Losses) {
    let request = context.request;
    write_sampling(request, config, losses);
    write_output_limit(context, config, losses);
    if let Some(choices) = &request.choices {
        config.u64("candidateCount", choices.value);
    }
    write_stops(&request.stops, config, losses);
    if let Some(logprobs) = &request.logprobs {
        write_logprobs(logprobs, config, losses);
    }
    if let Some(format) = &request.format {
        match instruction(context) {
            Some(_) => losses.adjusted(format.at),
            None => write_format(&format.value, config, losses),
        }
    }
    if let Some(reasoning) = &request.reasoning {
        reasoning_encode::write_thinking(reasoning, context.thinking, config, losses);
    }
    write_modalities(&request.modalities, config, losses);
}

fn write_numbers<const N: usize>(
    numbers: [(&str, &Option<Located<Raw>>, Range); N],
    config: &mut Object<'_>,
    losses: &mut Losses,
) {
    for (name, number, range) in numbers {
        if let Some(number) = number {
            config.raw(name, &range.fit(number, losses));
        }
    }
}

fn write_sampling(request: &Request, config: &mut Object<'_>, losses: &mut Losses) {
    let sampling = &request.sampling;
    let numbers = [
        ("temperature", &sampling.temperature, TEMPERATURE),
        ("topP", &sampling.top_p, TOP_P),
    ];
    write_numbers(numbers, config, losses);
    if let Some(top_k) = &sampling.top_k {
        config.raw("topK", &top_k.value);
    }
    let penalties = [
        ("presencePenalty", &sampling.presence_penalty, PENALTY),
        ("frequencyPenalty", &sampling.frequency_penalty, PENALTY),
    ];
    write_numbers(penalties, config, losses);
    match &sampling.seed {
        // Source: `GenerationConfig.seed`, an int32.
        Some(seed) if seed.value.as_str().parse::<i32>().is_ok() => config.raw("seed", &seed.value),
        Some(seed) => losses.dropped(seed.at),
        None => {}
    }
}

/// Writes the client's limit, or the model's own where the client names none. A limit above the
/// model's is refused by the API.
fn write_output_limit(context: &Context<'_>, config: &mut Object<'_>, losses: &mut Losses) {
    let model_limit = context.target.output_tokens_max;
    let limit = match (&context.request.output_tokens_max, model_limit) {
        (Some(requested), _) => {
            context
                .target
                .fit_output_limit(requested, OUTPUT_TOKENS_MIN, losses)
        }
        // A token count has no answer to limit.
        (None, Some(model_limit)) if context.target.operation != Operation::CountTokens => {
            losses.added("maxOutputTokens");
            model_limit
        }
        (None, _) => return,
    };
    config.u64("maxOutputTokens", limit);
}

fn write_stops(stops: &[Located<EscapedStr>], config: &mut Object<'_>, losses: &mut Losses) {
    if let Some(extra) = stops.get(STOPS_MAX) {
        let why = format!("the gemini dialect takes at most {STOPS_MAX} stop sequences");
        losses.refuse(extra.at, why);
    }
    if !stops.is_empty() {
        config.array("stopSequences", |list| {
            for stop in stops {
                list.item().text(&stop.value);
            }
        });
    }
}

fn write_logprobs(requested: &Located<u64>, config: &mut Object<'_>, losses: &mut Losses) {
    config.bool("responseLogprobs", true);
    let alternatives = requested.value.min(LOGPROBS_MAX);
    if alternatives < requested.value {
        losses.adjusted(requested.at);
    }
    if alternatives > 0 {
        config.u64("logprobs", alternatives);
    }
}

/// The system text that stands for an output format which the model does not take beside tools.
///
/// Source: "Function calling with a response mime type: 'application/json' is unsupported" (before
/// generation 3).
pub(super) fn instruction(context: &Context<'_>) -> Option<Part> {
    let format = context.request.format.as_ref()?;
    let is_alone = context.thinking.is_generation_3() || !tools_encode::has_tools(context.request);
    if is_alone {
        return None;
    }
    output_format::instruction_part(format)
}

fn write_format(format: &Format, config: &mut Object<'_>, losses: &mut Losses) {
    match format {
        Format::Free => config.str("responseMimeType", "text/plain"),
        Format::Json => config.str("responseMimeType", "application/json"),
        Format::Schema(format) => write_schema(format, config, losses),
        Format::Enum(values) => {
            config.str("responseMimeType", "text/x.enum");
            config.raw("responseSchema", &rules::output_schema(values));
        }
    }
}

fn write_schema(format: &SchemaFormat, config: &mut Object<'_>, losses: &mut Losses) {
    config.str("responseMimeType", "application/json");
    config.raw("responseJsonSchema", &rules::output_schema(&format.schema));
    for text in [&format.name, &format.description].into_iter().flatten() {
        losses.dropped(text.at);
    }
    report_strict(format.strict.as_ref(), losses);
}

/// Reports strictness, which Gemini has no field for. False is how it works anyway.
pub(super) fn report_strict(strict: Option<&Located<bool>>, losses: &mut Losses) {
    if let Some(strict) = strict
        && strict.value
    {
        losses.dropped(strict.at);
    }
}

/// Source: Gemini API, `GenerationConfig.response_modalities`.
fn write_modalities(
    modalities: &[Located<EscapedStr>],
    config: &mut Object<'_>,
    losses: &mut Losses,
) {
    if modalities.is_empty() {
        return;
    }
    let mut names = vec!["TEXT"];
    for modality in modalities {
        match &*modality.value.to_plain().to_ascii_uppercase() {
            "IMAGE" => names.push("IMAGE"),
            // Speech models answer in audio only.
            "AUDIO" => names = vec!["AUDIO"],
            _ => losses.refuse(modality.at, "the gemini dialect has no such output"),
        }
    }
    config.array("responseModalities", |list| {
        for name in names {
            list.item().str(name);
        }
    });
}
