//! Settings and tools for an upstream: `generationConfig`, `tools`, `toolConfig`.
//!
//! Source: Gemini API, `GenerationConfig`, `ThinkingConfig`, `Tool`, `FunctionCallingConfig`.
//! Numbers go as they were written.

use super::DIALECT;
use super::config_decode::STOPS_MAX;
use super::models::{Budgets, Thinking};
use super::request_encode::Context;
use crate::canon::{
    Effort, Format, Located, Losses, Offset, Reasoning, ReasoningMode, Request, SchemaFormat,
    ShowReasoning, Tool, ToolChoice, ToolKind,
};
use crate::json::{self, EscapedStr, Object, Raw};
use crate::protocol::{efforts, schema};

/// What a custom tool's free text becomes: one string, which the answer's arguments hold as
/// `input`.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

pub(super) fn write(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
    write_tools(context, body, losses);
    write_choice(context, body, losses);
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
        write_thinking(reasoning, context.thinking, config, losses);
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
fn note_strict(strict: Option<&Located<bool>>, losses: &mut Losses) {
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

fn write_thinking(
    reasoning: &Located<Reasoning>,
    thinking: Thinking,
    config: &mut Object<'_>,
    losses: &mut Losses,
) {
    let asked = &reasoning.value;
    efforts::overruled(asked)
        .into_iter()
        .for_each(|at| losses.dropped(at));
    let steered = json::value(|value| {
        value.object(|object| {
            let may_show = match thinking {
                Thinking::Level { least } => write_level(reasoning, least, object, losses),
                Thinking::Budget(budgets) => write_budget(reasoning, budgets, object, losses),
                Thinking::None => note_no_thinking(reasoning, losses),
            };
            match &asked.show {
                Some(show) if may_show => write_show(show, object, losses),
                Some(show) if show.value != ShowReasoning::No => losses.dropped(show.at),
                _ => {}
            }
        });
    });
    if steered.as_str() != "{}" {
        config.raw("thinkingConfig", &steered);
    }
}

fn note_no_thinking(reasoning: &Located<Reasoning>, losses: &mut Losses) -> bool {
    if reasoning.value.mode != ReasoningMode::Off {
        losses.dropped(at_of(reasoning));
    }
    false
}

/// The place of the field that says how much.
fn at_of(reasoning: &Located<Reasoning>) -> Offset {
    let asked = &reasoning.value;
    let effort = asked.effort.as_ref().map(|effort| effort.at);
    effort
        .or(asked.budget_tokens.as_ref().map(|budget| budget.at))
        .unwrap_or(reasoning.at)
}

/// Writes `thinkingLevel`; whether thoughts may be shown.
fn write_level(
    reasoning: &Located<Reasoning>,
    least: &str,
    object: &mut Object<'_>,
    losses: &mut Losses,
) -> bool {
    let asked = &reasoning.value;
    let level = match (&asked.effort, &asked.budget_tokens, asked.mode) {
        (_, _, ReasoningMode::Off) => "MINIMAL",
        (Some(effort), _, _) => efforts::row(effort.value).gemini_level,
        (None, Some(_), _) => {
            efforts::row(asked.budget_effort.unwrap_or(Effort::Medium)).gemini_level
        }
        _ => return true,
    };
    let level = if level == "MINIMAL" { least } else { level };
    let is_exact = asked
        .effort
        .as_ref()
        .is_some_and(|effort| efforts::from_gemini_level(level) == Some(effort.value));
    if !is_exact {
        losses.adjusted(at_of(reasoning));
    }
    if asked.effort.is_some() {
        asked
            .budget_tokens
            .iter()
            .for_each(|budget| losses.dropped(budget.at));
    }
    object.str("thinkingLevel", level);
    true
}

/// Writes `thinkingBudget`; whether thoughts may be shown.
fn write_budget(
    reasoning: &Located<Reasoning>,
    budgets: Budgets,
    object: &mut Object<'_>,
    losses: &mut Losses,
) -> bool {
    let asked = &reasoning.value;
    let tokens = match (&asked.budget_tokens, &asked.effort, asked.mode) {
        (_, _, ReasoningMode::Off) => 0,
        (Some(budget), _, _) => budget.value,
        (None, Some(effort), _) => efforts::row(effort.value).gemini_budget,
        (None, None, ReasoningMode::Dynamic) => {
            object.raw("thinkingBudget", &Raw::from_static("-1"));
            return true;
        }
        _ => return true,
    };
    let is_off = tokens == 0 && budgets.may_be_off;
    let budget = if is_off {
        0
    } else {
        tokens.clamp(budgets.least, budgets.most)
    };
    let is_exact = budget == tokens && (is_off || asked.budget_tokens.is_some());
    if !is_exact {
        losses.adjusted(at_of(reasoning));
    }
    if asked.budget_tokens.is_some() {
        asked
            .effort
            .iter()
            .for_each(|effort| losses.dropped(effort.at));
    }
    object.u64("thinkingBudget", budget);
    !is_off
}

/// Gemini shows summaries and knows no degrees of them.
fn write_show(show: &Located<ShowReasoning>, object: &mut Object<'_>, losses: &mut Losses) {
    object.bool("includeThoughts", show.value != ShowReasoning::No);
    if matches!(&show.value, ShowReasoning::Summary(Some(level)) if *level != "auto") {
        losses.adjusted(show.at);
    }
}

fn write_tools(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
    let tools = &context.request.tools;
    let (hosted, functions): (Vec<_>, Vec<_>) = tools
        .iter()
        .partition(|tool| matches!(tool.kind, ToolKind::Hosted { .. }));
    let hosted: Vec<_> = hosted
        .into_iter()
        .filter_map(|tool| own_hosted(tool, losses))
        .collect();
    if functions.is_empty() && hosted.is_empty() {
        return;
    }
    body.array("tools", |list| {
        if !functions.is_empty() {
            list.object(|entry| {
                entry.array("functionDeclarations", |declarations| {
                    functions.iter().for_each(|tool| {
                        declarations.object(|object| write_function(context, tool, object, losses))
                    });
                });
            });
        }
        hosted
            .iter()
            .for_each(|(kind, raw)| list.object(|entry| entry.raw(&kind.to_plain(), raw)));
    });
}

/// A hosted tool of Gemini's own. Others are left out; that one was forced is refused with the
/// choice.
fn own_hosted<'t>(tool: &'t Tool, losses: &mut Losses) -> Option<(&'t EscapedStr, &'t Raw)> {
    match &tool.kind {
        ToolKind::Hosted { dialect, kind, raw } if *dialect == DIALECT => Some((kind, raw)),
        _ => {
            losses.dropped(tool.at);
            None
        }
    }
}

/// The schema goes as JSON Schema; without arguments there is none.
fn write_function(
    context: &Context<'_>,
    tool: &Tool,
    object: &mut Object<'_>,
    losses: &mut Losses,
) {
    let (name, description, schema, cache) = match &tool.kind {
        ToolKind::Function {
            name,
            description,
            schema,
            strict,
            cache,
            ..
        } => {
            note_strict(strict.as_ref(), losses);
            let schema = schema
                .as_ref()
                .filter(|schema| !schema::is_empty(schema))
                .map(schema::for_gemini);
            (name, description, schema, cache)
        }
        ToolKind::Free {
            name,
            description,
            grammar,
            cache,
            ..
        } => {
            grammar
                .iter()
                .for_each(|grammar| losses.dropped(grammar.at));
            (name, description, Some(Raw::from_static(FREE_TEXT)), cache)
        }
        ToolKind::Hosted { .. } => return,
    };
    object.text("name", &context.names.wire(name, tool.namespace()));
    object.some("description", description.as_ref(), |value, description| {
        value.text(description)
    });
    object.some("parametersJsonSchema", schema, |value, schema| {
        value.raw(&schema)
    });
    cache.iter().for_each(|mark| losses.dropped(mark.at));
}

fn write_choice(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
    let Some(choice) = &context.request.tool_choice else {
        return;
    };
    if let ToolChoice::Hosted(_) = choice.value {
        return losses.refuse(choice.at, "the gemini dialect cannot force a hosted tool");
    }
    // Without declarations the configuration is refused, and there is nothing to choose from.
    if !context
        .request
        .tools
        .iter()
        .any(|tool| tool.name().is_some())
    {
        return match choice.value {
            ToolChoice::None | ToolChoice::Auto | ToolChoice::Subset { must: false, .. } => {
                losses.dropped(choice.at)
            }
            _ => losses.refuse(
                choice.at,
                "a call is forced, and the gemini dialect can carry none of the tools",
            ),
        };
    }
    let (mode, names) = mode(context, &choice.value);
    body.object("toolConfig", |config| {
        config.object("functionCallingConfig", |calling| {
            calling.str("mode", mode);
            if !names.is_empty() {
                calling.array("allowedFunctionNames", |list| {
                    names.iter().for_each(|name| list.item().text(name))
                });
            }
        });
    });
}

/// `VALIDATED` is the mode that restricts the names and forces none.
fn mode(context: &Context<'_>, choice: &ToolChoice) -> (&'static str, Vec<EscapedStr>) {
    match choice {
        ToolChoice::None => ("NONE", Vec::new()),
        ToolChoice::Auto | ToolChoice::Hosted(_) => ("AUTO", Vec::new()),
        ToolChoice::Any => ("ANY", Vec::new()),
        ToolChoice::One { name, namespace } => {
            ("ANY", vec![context.names.wire(name, namespace.as_ref())])
        }
        ToolChoice::Subset { tools, must } => {
            let names = tools
                .iter()
                .map(|tool| context.names.wire(&tool.name, tool.namespace.as_ref()))
                .collect();
            (if *must { "ANY" } else { "VALIDATED" }, names)
        }
    }
}
