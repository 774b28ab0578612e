//! Encodes tools and tool choice. Namespaces and custom tools are native.

use std::collections::HashSet;

use super::DIALECT;
use super::request_encode::{keeps_strict, refuse};
use crate::canon::{
    CacheBreakpoint, Located, Losses, Request, Tool, ToolChoice, ToolKind, ToolName,
};
use crate::json::{Array, EscapedStr, Object, Raw};
use crate::protocol::names::Names;
use crate::protocol::schema;

pub(super) fn encode(
    object: &mut Object<'_>,
    request: &Request,
    names: &Names<'_>,
    losses: &mut Losses,
) {
    let mut tools: Vec<&Tool> = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        if is_foreign(tool) {
            losses.dropped(tool.at)
        } else {
            tools.push(tool)
        }
    }
    if !tools.is_empty() {
        object.array("tools", |array| write_all(array, &tools, names, losses));
    }
    if let Some(choice) = &request.tool_choice {
        encode_choice(object, choice, request, names, losses);
    }
}

/// Whether another dialect's provider runs the tool. It is dropped, unless the choice forces it.
fn is_foreign(tool: &Tool) -> bool {
    matches!(&tool.kind, ToolKind::Hosted { dialect, .. } if *dialect != DIALECT)
}

/// Adjacent tools of one namespace are written into it together.
fn write_all(array: &mut Array<'_>, tools: &[&Tool], names: &Names<'_>, losses: &mut Losses) {
    let is_same = |a: &&Tool, b: &&Tool| a.namespace().is_some() && a.namespace() == b.namespace();
    for group in tools.chunk_by(is_same) {
        let Some(namespace) = group[0].namespace() else {
            write(array, group[0], names, losses);
            continue;
        };
        array.object(|object| {
            object.str("type", "namespace");
            object.text("name", namespace);
            object.array("tools", |inner| {
                for tool in group {
                    write(inner, tool, names, losses);
                }
            });
        });
    }
}

fn write(array: &mut Array<'_>, tool: &Tool, names: &Names<'_>, losses: &mut Losses) {
    match &tool.kind {
        ToolKind::Function {
            name,
            description,
            schema,
            strict,
            cache,
            ..
        } => array.object(|object| {
            begin(
                object,
                "function",
                &names.wire(name, None),
                description.as_ref(),
            );
            function(object, schema.as_ref(), strict.as_ref(), losses);
            drop_cache_breakpoint(cache.as_ref(), losses);
        }),
        ToolKind::Free {
            name,
            description,
            grammar,
            cache,
            ..
        } => array.object(|object| {
            begin(
                object,
                "custom",
                &names.wire(name, None),
                description.as_ref(),
            );
            object.some("format", grammar.as_ref(), |value, grammar| {
                value.raw(&grammar.value)
            });
            drop_cache_breakpoint(cache.as_ref(), losses);
        }),
        ToolKind::Hosted { raw, .. } => array.item().raw(raw),
    }
}

fn begin(object: &mut Object<'_>, kind: &str, name: &EscapedStr, description: Option<&EscapedStr>) {
    object.str("type", kind);
    object.text("name", name);
    object.some("description", description, |value, text| value.text(text));
}

/// `strict` is always written: where it is missing, the server tries strict by itself.
fn function(
    object: &mut Object<'_>,
    schema: Option<&Raw>,
    strict: Option<&Located<bool>>,
    losses: &mut Losses,
) {
    let parameters = schema::arguments(schema).unwrap().schema;
    object.raw("parameters", &parameters);
    object.bool(
        "strict",
        strict.is_some_and(|strict| keeps_strict(strict, &parameters, losses)),
    );
}

fn drop_cache_breakpoint(mark: Option<&CacheBreakpoint>, losses: &mut Losses) {
    if let Some(mark) = mark {
        losses.dropped(mark.at);
    }
}

fn encode_choice(
    object: &mut Object<'_>,
    choice: &Located<ToolChoice>,
    request: &Request,
    names: &Names<'_>,
    losses: &mut Losses,
) {
    match &choice.value {
        ToolChoice::None => object.str("tool_choice", "none"),
        ToolChoice::Auto => object.str("tool_choice", "auto"),
        ToolChoice::Any => object.str("tool_choice", "required"),
        ToolChoice::One { name, namespace } => object.object("tool_choice", |object| {
            let tool = ToolName {
                name: name.clone(),
                namespace: namespace.clone(),
            };
            write_name(object, &tool, &custom_tools(request), names);
        }),
        ToolChoice::Subset {
            tools: allowed,
            must,
        } => object.object("tool_choice", |object| {
            let custom = custom_tools(request);
            object.str("type", "allowed_tools");
            object.str("mode", if *must { "required" } else { "auto" });
            object.array("tools", |tools| {
                for name in allowed {
                    tools.object(|object| write_name(object, name, &custom, names));
                }
            });
        }),
        ToolChoice::Hosted(kind) if is_offered(request, kind) => {
            object.object("tool_choice", |object| object.text("type", kind));
        }
        ToolChoice::Hosted(_) => refuse(
            losses,
            choice.at,
            "such hosted tool, and the choice forces it",
        ),
    }
}

fn custom_tools(request: &Request) -> HashSet<ToolName> {
    let is_custom = |tool: &&Tool| matches!(&tool.kind, ToolKind::Free { .. });
    let custom = request.tools.iter().filter(is_custom);
    custom.filter_map(Tool::full_name).collect()
}

fn write_name(
    object: &mut Object<'_>,
    name: &ToolName,
    custom: &HashSet<ToolName>,
    names: &Names<'_>,
) {
    object.str(
        "type",
        if custom.contains(name) {
            "custom"
        } else {
            "function"
        },
    );
    object.text("name", &names.wire(&name.name, None));
    object.some("namespace", name.namespace.as_ref(), |value, text| {
        value.text(text)
    });
}

fn is_offered(request: &Request, kind: &EscapedStr) -> bool {
    request.tools.iter().any(|tool| {
        matches!(&tool.kind, ToolKind::Hosted { kind: offered, .. } if offered == kind)
            && !is_foreign(tool)
    })
}
