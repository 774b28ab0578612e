//! Decodes tools and tool choice. Namespaces are flattened: each tool keeps the name of its own.

use super::DIALECT;
use super::request_decode::{leave, leave_all_but};
use crate::canon::{Located, Request, Tool, ToolChoice, ToolKind, ToolName};
use crate::json::{EscapedStr, Invalid, Kind, Value};
use crate::protocol::DecodeError;

pub(super) fn decode(request: &mut Request, tools: Value<'_>) -> Result<(), DecodeError> {
    tools
        .items()?
        .try_for_each(|tool| Ok(decode_tool(request, tool, None)?))
}

fn decode_tool(
    request: &mut Request,
    tool: Value<'_>,
    namespace: Option<&EscapedStr>,
) -> Result<(), Invalid> {
    let kind = tool.required("type")?.text()?;
    let kind = match &*kind.to_plain() {
        "function" => function(request, tool, namespace)?,
        "custom" => custom(request, tool, namespace)?,
        "namespace" => return namespace_tools(request, tool),
        _ => ToolKind::Hosted {
            dialect: DIALECT,
            kind: kind.clone(),
            raw: tool.raw(),
        },
    };
    request.tools.push(Tool {
        kind,
        at: tool.offset(),
    });
    Ok(())
}

fn function(
    request: &mut Request,
    tool: Value<'_>,
    namespace: Option<&EscapedStr>,
) -> Result<ToolKind, Invalid> {
    leave_all_but(
        request,
        tool,
        &["type", "name", "description", "parameters", "strict"],
    )?;
    Ok(ToolKind::Function {
        name: tool.required("name")?.text()?,
        namespace: namespace.cloned(),
        description: tool.get("description").map(Value::text).transpose()?,
        schema: tool.get("parameters").map(Value::raw),
        strict: tool
            .get("strict")
            .map(|value| Located::read(value, Value::bool))
            .transpose()?,
        cache: None,
    })
}

fn custom(
    request: &mut Request,
    tool: Value<'_>,
    namespace: Option<&EscapedStr>,
) -> Result<ToolKind, Invalid> {
    leave_all_but(request, tool, &["type", "name", "description", "format"])?;
    let is_text = |format: &Value<'_>| {
        format
            .get("type")
            .is_some_and(|kind| kind.str().is_ok_and(|kind| kind == "text"))
    };
    let grammar = tool.get("format").filter(|format| !is_text(format));
    Ok(ToolKind::Free {
        name: tool.required("name")?.text()?,
        namespace: namespace.cloned(),
        description: tool.get("description").map(Value::text).transpose()?,
        grammar: grammar.map(|format| Located::new(format.raw(), format.offset())),
        cache: None,
    })
}

/// `{type:namespace,name,description,tools}`, as Codex sends one. Canon has no place for
/// the namespace's description.
fn namespace_tools(request: &mut Request, namespace: Value<'_>) -> Result<(), Invalid> {
    leave_all_but(request, namespace, &["type", "name", "tools"])?;
    let name = namespace.required("name")?.text()?;
    namespace
        .required("tools")?
        .items()?
        .try_for_each(|tool| decode_tool(request, tool, Some(&name)))
}

pub(super) fn decode_choice(request: &mut Request, choice: Value<'_>) -> Result<(), DecodeError> {
    let decoded = if choice.kind() == Kind::String {
        named_mode(choice)?
    } else {
        choice_object(request, choice)?
    };
    request.tool_choice = Some(Located::new(decoded, choice.offset()));
    Ok(())
}

fn named_mode(choice: Value<'_>) -> Result<ToolChoice, Invalid> {
    match &*choice.str()? {
        "none" => Ok(ToolChoice::None),
        "auto" => Ok(ToolChoice::Auto),
        "required" => Ok(ToolChoice::Any),
        _ => Err(choice.expected("`none`, `auto`, `required` or an object")),
    }
}

fn choice_object(request: &mut Request, choice: Value<'_>) -> Result<ToolChoice, Invalid> {
    let kind = choice.required("type")?.text()?;
    match &*kind.to_plain() {
        "function" | "custom" => {
            leave_all_but(request, choice, &["type", "name", "namespace"])?;
            let ToolName { name, namespace } = resolve_tool(request, choice)?;
            Ok(ToolChoice::One { name, namespace })
        }
        "allowed_tools" => subset(request, choice),
        _ => {
            leave_all_but(request, choice, &["type"])?;
            Ok(ToolChoice::Hosted(kind))
        }
    }
}

/// The tool that `{type,name,namespace?}` names: without a namespace, the only one of that name.
fn resolve_tool(request: &Request, choice: Value<'_>) -> Result<ToolName, Invalid> {
    let name = tool_name(choice)?;
    if name.namespace.is_some() {
        return Ok(name);
    }
    let mut same_name = request
        .tools
        .iter()
        .filter(|tool| tool.name() == Some(&name.name));
    Ok(match (same_name.next(), same_name.next()) {
        (Some(only), None) => ToolName {
            namespace: only.namespace().cloned(),
            ..name
        },
        _ => name,
    })
}

fn tool_name(choice: Value<'_>) -> Result<ToolName, Invalid> {
    let namespace = choice.get("namespace").map(Value::text).transpose()?;
    Ok(ToolName {
        name: choice.required("name")?.text()?,
        namespace,
    })
}

/// `{type:allowed_tools,mode:auto|required,tools:[{type,name,namespace?}]}`. Hosted tools in it
/// have no name.
fn subset(request: &mut Request, choice: Value<'_>) -> Result<ToolChoice, Invalid> {
    leave_all_but(request, choice, &["type", "mode", "tools"])?;
    let must = choice
        .get("mode")
        .is_some_and(|mode| mode.str().is_ok_and(|mode| mode == "required"));
    let mut tools = Vec::new();
    for tool in choice.required("tools")?.items()? {
        match tool.get("name") {
            Some(name) if is_namespace(tool) => tools.extend(tools_of(request, &name.text()?)),
            Some(_) => tools.push(resolve_tool(request, tool)?),
            None => leave(request, tool),
        }
    }
    Ok(ToolChoice::Subset { tools, must })
}

fn is_namespace(tool: Value<'_>) -> bool {
    tool.get("type")
        .is_some_and(|kind| kind.str().is_ok_and(|kind| kind == "namespace"))
}

/// The tools of a namespace.
fn tools_of(request: &Request, namespace: &EscapedStr) -> Vec<ToolName> {
    let members = request
        .tools
        .iter()
        .filter(|tool| tool.namespace() == Some(namespace));
    members
        .filter_map(|tool| {
            Some(ToolName {
                name: tool.name()?.clone(),
                namespace: Some(namespace.clone()),
            })
        })
        .collect()
}
