//! Encodes the tools and the choice among them: `tools`, `toolConfig`.
//!
//! Source: Gemini API, `Tool`, `FunctionDeclaration`, `FunctionCallingConfig`.

use super::DIALECT;
use super::config_encode::note_strict;
use super::request_encode::Context;
use crate::canon::{Losses, Tool, ToolChoice, ToolKind};
use crate::json::{EscapedStr, Object, Raw};
use crate::protocol::schema;

/// What a custom tool's free text becomes: one string, which the answer's arguments hold as
/// `input`.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

pub(super) fn write_tools(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
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

pub(super) fn write_choice(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
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
