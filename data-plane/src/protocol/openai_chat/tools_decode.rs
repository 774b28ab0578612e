//! Decodes tools and tool choice, in their present and their legacy form (`functions`,
//! `function_call`).
//!
//! Source: Chat Completions API, `tools`, `tool_choice`. Schemas are carried unchecked.

use crate::canon::{Located, Request, Tool, ToolChoice, ToolKind, ToolName, Unknown};
use crate::json::{self, EscapedStr, Invalid, Raw, Value};
use crate::protocol::DecodeError;

use super::DIALECT;
use super::fields::Fields;

pub(super) fn decode(fields: &mut Fields<'_>, request: &mut Request) -> Result<(), DecodeError> {
    if let Some(tools) = fields.take("tools") {
        for value in tools.items()? {
            let kind = tool(value, &mut request.unknown)?;
            request.tools.push(Tool {
                kind,
                at: value.offset(),
            });
        }
    }
    if let Some(value) = fields.take("tool_choice") {
        request.tool_choice = Some(Located::read(value, |value| {
            choice(value, &mut request.unknown)
        })?);
    }
    request.parallel_tool_calls = fields.located("parallel_tool_calls", Value::bool)?;
    legacy(fields, request)
}

fn legacy(fields: &mut Fields<'_>, request: &mut Request) -> Result<(), DecodeError> {
    if let Some(functions) = fields.take("functions") {
        for value in functions.items()? {
            let kind = function(value, &mut request.unknown)?;
            request.tools.push(Tool {
                kind,
                at: value.offset(),
            });
        }
        // The legacy answer has room for one call.
        request
            .parallel_tool_calls
            .get_or_insert(Located::new(false, functions.offset()));
    }
    if let Some(value) = fields.take("function_call") {
        request.tool_choice = Some(Located::read(value, |value| {
            legacy_choice(value, &mut request.unknown)
        })?);
    }
    Ok(())
}

fn tool(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<ToolKind, Invalid> {
    let mut fields = Fields::of(value)?;
    let kind = fields
        .text("type")?
        .unwrap_or_else(|| EscapedStr::from_static("function"));
    let tool = match &*kind.to_plain() {
        "function" => function(fields.required("function")?, unknown)?,
        "custom" => custom(fields.required("custom")?, unknown)?,
        _ => {
            return Ok(ToolKind::Hosted {
                dialect: DIALECT,
                kind,
                raw: value.raw(),
            });
        }
    };
    fields.leave(unknown);
    Ok(tool)
}

fn function(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<ToolKind, Invalid> {
    let mut fields = Fields::of(value)?;
    let tool = ToolKind::Function {
        name: fields.required("name")?.text()?,
        namespace: None,
        description: fields.text("description")?,
        schema: fields
            .take("parameters")
            .map(|schema| schema.members().map(|_| schema.raw()))
            .transpose()?,
        strict: fields.located("strict", Value::bool)?,
        cache: None,
    };
    fields.leave(unknown);
    Ok(tool)
}

fn custom(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<ToolKind, Invalid> {
    let mut fields = Fields::of(value)?;
    let tool = ToolKind::Free {
        name: fields.required("name")?.text()?,
        namespace: None,
        description: fields.text("description")?,
        grammar: fields
            .take("format")
            .map(|format| grammar(format, unknown))
            .transpose()?
            .flatten(),
        cache: None,
    };
    fields.leave(unknown);
    Ok(tool)
}

/// `{"type":"grammar","grammar":{"syntax":…,"definition":…}}`, kept in the flat shape that
/// Responses has for it; none for `text`.
fn grammar(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<Option<Located<Raw>>, Invalid> {
    let mut fields = Fields::of(value)?;
    let kind = fields.required("type")?;
    let grammar = match &*kind.str()? {
        "text" => None,
        "grammar" => Some(Located::new(
            flat_grammar(fields.required("grammar")?, unknown)?,
            value.offset(),
        )),
        _ => return Err(kind.expected("text or grammar")),
    };
    fields.leave(unknown);
    Ok(grammar)
}

fn flat_grammar(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<Raw, Invalid> {
    let mut fields = Fields::of(value)?;
    let syntax = fields.required("syntax")?.text()?;
    let definition = fields.required("definition")?.text()?;
    fields.leave(unknown);
    Ok(json::value(|value| {
        value.object(|object| {
            object.str("type", "grammar");
            object.text("syntax", &syntax);
            object.text("definition", &definition);
        });
    }))
}

fn choice(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<ToolChoice, Invalid> {
    if let Ok(name) = value.str() {
        return choice_by_name(&name)
            .ok_or_else(|| value.expected("none, auto, required or an object"));
    }
    let mut fields = Fields::of(value)?;
    let kind = fields.required("type")?.text()?;
    let choice = match &*kind.to_plain() {
        "function" => named_choice(fields.required("function")?, unknown)?,
        "custom" => named_choice(fields.required("custom")?, unknown)?,
        "allowed_tools" => subset(fields.required("allowed_tools")?, unknown)?,
        _ => ToolChoice::Hosted(kind),
    };
    fields.leave(unknown);
    Ok(choice)
}

fn choice_by_name(name: &str) -> Option<ToolChoice> {
    match name {
        "none" => Some(ToolChoice::None),
        "auto" => Some(ToolChoice::Auto),
        "required" => Some(ToolChoice::Any),
        _ => None,
    }
}

fn named_choice(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<ToolChoice, Invalid> {
    let mut fields = Fields::of(value)?;
    let name = fields.required("name")?.text()?;
    fields.leave(unknown);
    Ok(ToolChoice::One {
        name,
        namespace: None,
    })
}

/// `{"mode":"auto"|"required","tools":[{"type":"function","function":{"name":…}}]}`
fn subset(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<ToolChoice, Invalid> {
    let mut fields = Fields::of(value)?;
    let mode = fields.take("mode");
    let must = match mode.map(Value::str).transpose()?.as_deref() {
        None | Some("auto") => false,
        Some("required") => true,
        Some(_) => return Err(mode.unwrap_or(value).expected("auto or required")),
    };
    let mut tools = Vec::new();
    for tool in fields.required("tools")?.items()? {
        tools.push(ToolName::plain(allowed_name(tool, unknown)?));
    }
    fields.leave(unknown);
    Ok(ToolChoice::Subset { tools, must })
}

fn allowed_name(tool: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<EscapedStr, Invalid> {
    let mut fields = Fields::of(tool)?;
    fields.take("type");
    let Some(tool) = fields.take("function").or_else(|| fields.take("custom")) else {
        let name = fields.required("name")?.text()?;
        fields.leave(unknown);
        return Ok(name);
    };
    fields.leave(unknown);
    let mut fields = Fields::of(tool)?;
    let name = fields.required("name")?.text()?;
    fields.leave(unknown);
    Ok(name)
}

fn legacy_choice(value: Value<'_>, unknown: &mut Vec<Unknown>) -> Result<ToolChoice, Invalid> {
    if let Ok(name) = value.str() {
        return choice_by_name(&name).ok_or_else(|| value.expected("none, auto or an object"));
    }
    named_choice(value, unknown)
}
