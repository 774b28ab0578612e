//! Decodes tools and tool choice. Namespaces are flattened: each tool keeps the name of its own.

use std::collections::HashMap;

use bytes::Bytes;

use super::DIALECT;
use super::request_decode::{leave, leave_all_but};
use crate::canon::{Located, Request, Tool, ToolChoice, ToolKind, ToolName};
use crate::json::{Document, EscapedStr, Invalid, Kind, Value};
use crate::protocol::{DecodeError, Maker};

/// Whether a request has tools that a server of that maker does not know. One that continues what
/// the server stored stays as it is: it can be sent nowhere else, and not be read here.
pub(super) fn has_unknown(body: &Bytes, maker: Maker) -> bool {
    let is_unknown = |kind: &str| match maker {
        Maker::Unknown | Maker::Openai => false,
        // LM Studio refuses all others: "Expected 'function' | 'mcp'".
        Maker::Local => !matches!(kind, "function" | "mcp"),
        Maker::Mistral | Maker::DeepSeek | Maker::Groq | Maker::Other => {
            matches!(kind, "namespace" | "custom")
        }
    };
    if matches!(maker, Maker::Unknown | Maker::Openai) {
        return false;
    }
    let Ok(document) = Document::parse_shallow(body.clone()) else {
        return false;
    };
    let root = document.root();
    let is_continued = ["previous_response_id", "conversation"]
        .iter()
        .any(|key| root.get(key).is_some_and(|value| !value.is_null()));
    let Some(Ok(tools)) = root.get("tools").map(Value::to_document) else {
        return false;
    };
    let has_unknown = tools.root().items().into_iter().flatten().any(|tool| {
        let kind = tool.get("type").and_then(|kind| kind.str().ok());
        kind.is_some_and(|kind| is_unknown(&kind))
    });
    has_unknown && !is_continued
}

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
            let ToolName { name, namespace } = Offered::of(request).resolve(choice)?;
            Ok(ToolChoice::One { name, namespace })
        }
        "allowed_tools" => subset(request, choice),
        _ => {
            leave_all_but(request, choice, &["type"])?;
            Ok(ToolChoice::Hosted(kind))
        }
    }
}

/// The tools that a request offers, as a choice names them.
struct Offered {
    /// By the name without its namespace; `None` where several have it.
    by_name: HashMap<EscapedStr, Option<ToolName>>,
    by_namespace: HashMap<EscapedStr, Vec<ToolName>>,
}

impl Offered {
    fn of(request: &Request) -> Self {
        let (mut by_name, mut by_namespace) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for tool in request.tools.iter().filter_map(Tool::full_name) {
            by_name
                .entry(tool.name.clone())
                .and_modify(|only| *only = None)
                .or_insert_with(|| Some(tool.clone()));
            if let Some(namespace) = tool.namespace.clone() {
                by_namespace.entry(namespace).or_default().push(tool);
            }
        }
        Self {
            by_name,
            by_namespace,
        }
    }

    /// The tool that `{type,name,namespace?}` names: without a namespace, the only one of that
    /// name.
    fn resolve(&self, choice: Value<'_>) -> Result<ToolName, Invalid> {
        let name = tool_name(choice)?;
        let only = self.by_name.get(&name.name).and_then(Option::as_ref);
        match only {
            Some(only) if name.namespace.is_none() => Ok(only.clone()),
            _ => Ok(name),
        }
    }

    /// Takes the tools of a namespace: one that is named again adds nothing.
    fn take_namespace(&mut self, namespace: &EscapedStr) -> Vec<ToolName> {
        self.by_namespace.remove(namespace).unwrap_or_default()
    }
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
    let mut offered = Offered::of(request);
    let (mut tools, mut hosted) = (Vec::new(), None);
    for tool in choice.required("tools")?.items()? {
        match tool.get("name") {
            Some(name) if is_namespace(tool) => tools.extend(offered.take_namespace(&name.text()?)),
            Some(_) => tools.push(offered.resolve(tool)?),
            None => {
                hosted = tool.get("type").map(Value::text).transpose()?.or(hosted);
                leave(request, tool);
            }
        }
    }
    Ok(match hosted {
        // None of the client's own tools may be called.
        Some(kind) if tools.is_empty() && must => ToolChoice::Hosted(kind),
        Some(_) if tools.is_empty() => ToolChoice::None,
        _ => ToolChoice::Subset { tools, must },
    })
}

fn is_namespace(tool: Value<'_>) -> bool {
    tool.get("type")
        .is_some_and(|kind| kind.str().is_ok_and(|kind| kind == "namespace"))
}
