//! Encodes the tools and the choice among them: `tools`, `toolConfig`.
//!
//! Source: Gemini API, `Tool`, `FunctionDeclaration`, `FunctionCallingConfig`.

use super::config_encode::report_strict;
use super::request_encode::Context;
use super::{DIALECT, rules};
use crate::canon::{Located, Losses, Request, Tool, ToolChoice, ToolKind};
use crate::json::{EscapedStr, Object, Raw};
use crate::protocol::names::{self, Names};

/// The parameters of a tool that takes free text, which this dialect has no form for.
const FREE_TEXT_SCHEMA: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// Writes `tools`: one entry with all declarations, and one for each hosted tool.
pub(super) fn write_tools(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
    let mut functions = Vec::new();
    let mut hosted = Vec::new();
    for tool in &context.request.tools {
        match &tool.kind {
            ToolKind::Function { .. } | ToolKind::Free { .. } => functions.push(tool),
            ToolKind::Hosted { dialect, kind, raw } if *dialect == DIALECT => {
                hosted.push((kind, raw));
            }
            // Runs at another vendor. That one was forced is refused with the choice.
            ToolKind::Hosted { .. } => losses.dropped(tool.at),
        }
    }
    // "Duplicate function declaration found".
    let name = |tool| context.names.of_tool(tool);
    Names::keep_first(&mut functions, name, losses);
    names::refuse_excess(losses, &functions, rules::TOOLS_MAX, "the gemini dialect");
    if functions.is_empty() && hosted.is_empty() {
        return;
    }
    body.array("tools", |list| {
        if !functions.is_empty() {
            list.object(|entry| write_declarations(context, &functions, entry, losses));
        }
        for (kind, raw) in hosted {
            list.object(|entry| entry.raw(&kind.to_plain(), raw));
        }
    });
}

fn write_declarations(
    context: &Context<'_>,
    functions: &[&Tool],
    entry: &mut Object<'_>,
    losses: &mut Losses,
) {
    entry.array("functionDeclarations", |declarations| {
        for tool in functions {
            declarations.object(|object| write_function(context, tool, object, losses));
        }
    });
}

/// Writes a declaration. Its schema is JSON Schema, and is left out where there are no parameters.
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
            report_strict(strict.as_ref(), losses);
            let schema = tool_schema(context, tool, schema.as_ref(), losses);
            (name, description, schema, cache)
        }
        ToolKind::Free {
            name,
            description,
            grammar,
            cache,
            ..
        } => {
            if let Some(grammar) = grammar {
                losses.dropped(grammar.at);
            }
            let schema = Raw::from_static(FREE_TEXT_SCHEMA);
            (name, description, Some(schema), cache)
        }
        ToolKind::Hosted { .. } => return,
    };
    object.text("name", &context.names.wire(name, tool.namespace()));
    if let Some(description) = description {
        object.text("description", description);
    }
    if let Some(schema) = schema {
        object.raw("parametersJsonSchema", &schema);
    }
    if let Some(breakpoint) = cache {
        losses.dropped(breakpoint.at);
    }
}

/// The schema of a tool as the API takes it; one that it would refuse is refused by name.
fn tool_schema(
    context: &Context<'_>,
    tool: &Tool,
    schema: Option<&Raw>,
    losses: &mut Losses,
) -> Option<Raw> {
    let at = schema
        .and_then(|schema| context.request.offset_of(schema))
        .unwrap_or(tool.at);
    match rules::tool_schema(schema) {
        Ok(fitted) => {
            let fitted = fitted?;
            if fitted.is_looser {
                losses.adjusted(at);
            }
            Some(fitted.schema)
        }
        Err(why) => {
            names::refuse_schema(losses, tool, at, &why);
            None
        }
    }
}

/// Whether any tool is written.
pub(super) fn has_tools(request: &Request) -> bool {
    let is_written = |tool: &Tool| match &tool.kind {
        ToolKind::Hosted { dialect, .. } => *dialect == DIALECT,
        ToolKind::Function { .. } | ToolKind::Free { .. } => true,
    };
    request.tools.iter().any(is_written)
}

/// Writes `toolConfig`.
pub(super) fn write_choice(context: &Context<'_>, body: &mut Object<'_>, losses: &mut Losses) {
    let Some(choice) = &context.request.tool_choice else {
        return;
    };
    if let ToolChoice::Hosted(_) = choice.value {
        return losses.refuse(choice.at, "the gemini dialect cannot force a hosted tool");
    }
    // Without declarations the API refuses the field, and there is nothing to choose from.
    let mut tools = context.request.tools.iter();
    if !tools.any(|tool| tool.name().is_some()) {
        return report_choice(choice, losses);
    }
    let (mode, names) = mode(context, &choice.value);
    body.object("toolConfig", |config| {
        config.object("functionCallingConfig", |calling| {
            calling.str("mode", mode);
            if !names.is_empty() {
                calling.array("allowedFunctionNames", |list| {
                    for name in &names {
                        list.item().text(name);
                    }
                });
            }
        });
    });
}

/// Reports a choice without tools. One that forces a call is refused, as the response could not be
/// what the client asked for.
fn report_choice(choice: &Located<ToolChoice>, losses: &mut Losses) {
    match choice.value {
        ToolChoice::None | ToolChoice::Auto | ToolChoice::Subset { must: false, .. } => {
            losses.dropped(choice.at);
        }
        _ => {
            let why = "a call is forced, and the gemini dialect can carry none of the tools";
            losses.refuse(choice.at, why);
        }
    }
}

/// The mode and the names it is restricted to. `VALIDATED` restricts the names without forcing a
/// call.
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
