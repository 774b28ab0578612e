//! Encodes tools and tool choice. Namespaces and custom tools are native.

use std::collections::HashSet;

use super::DIALECT;
use super::request_encode::{keeps_strict, refuse};
use crate::canon::{
    CacheBreakpoint, Located, Losses, Request, Tool, ToolChoice, ToolKind, ToolName,
};
use crate::json::{Array, EscapedStr, Object, Raw};
use crate::protocol::names::Names;
use crate::protocol::{Target, openai};

pub(super) fn encode<'r>(
    object: &mut Object<'_>,
    request: &'r Request,
    target: &Target<'_>,
    names: &Names<'r>,
    losses: &mut Losses,
) {
    let mut tools: Vec<&'r Tool> = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        if is_foreign(tool) {
            losses.dropped(tool.at)
        } else {
            tools.push(tool)
        }
    }
    let name = |tool: &'r Tool| Some((tool.namespace(), names.wire(tool.name()?, None)));
    Names::keep_first(&mut tools, name, losses);
    openai::refuse_excess(target, &tools, losses);
    if !tools.is_empty() {
        let mut encoder = ToolsEncoder {
            request,
            names,
            losses,
        };
        object.array("tools", |array| encoder.write_all(array, &tools));
    }
    if let Some(choice) = &request.tool_choice {
        encode_choice(object, choice, request, names, losses);
    }
}

/// Whether another dialect's provider runs the tool. It is dropped, unless the choice forces it.
fn is_foreign(tool: &Tool) -> bool {
    matches!(&tool.kind, ToolKind::Hosted { dialect, .. } if *dialect != DIALECT)
}

struct ToolsEncoder<'e> {
    request: &'e Request,
    names: &'e Names<'e>,
    losses: &'e mut Losses,
}

impl ToolsEncoder<'_> {
    /// Adjacent tools of one namespace are written into it together.
    fn write_all(&mut self, array: &mut Array<'_>, tools: &[&Tool]) {
        let is_same =
            |a: &&Tool, b: &&Tool| a.namespace().is_some() && a.namespace() == b.namespace();
        for group in tools.chunk_by(is_same) {
            let Some(namespace) = group[0].namespace() else {
                self.write(array, group[0]);
                continue;
            };
            array.object(|object| {
                object.str("type", "namespace");
                object.text("name", namespace);
                object.array("tools", |inner| {
                    for tool in group {
                        self.write(inner, tool);
                    }
                });
            });
        }
    }

    fn write(&mut self, array: &mut Array<'_>, tool: &Tool) {
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
                    &self.names.wire(name, None),
                    description.as_ref(),
                );
                self.function(object, tool, schema.as_ref(), strict.as_ref());
                drop_cache_breakpoint(cache.as_ref(), self.losses);
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
                    &self.names.wire(name, None),
                    description.as_ref(),
                );
                object.some("format", grammar.as_ref(), |value, grammar| {
                    value.raw(&grammar.value)
                });
                drop_cache_breakpoint(cache.as_ref(), self.losses);
            }),
            ToolKind::Hosted { raw, .. } => array.item().raw(raw),
        }
    }

    /// `strict` is always written: where it is missing, the server tries strict by itself.
    fn function(
        &mut self,
        object: &mut Object<'_>,
        tool: &Tool,
        schema: Option<&Raw>,
        strict: Option<&Located<bool>>,
    ) {
        let parameters = openai::fitted_schema(self.request, tool, schema, self.losses);
        object.raw("parameters", &parameters);
        object.bool(
            "strict",
            strict.is_some_and(|strict| keeps_strict(strict, &parameters, self.losses)),
        );
    }
}

fn begin(object: &mut Object<'_>, kind: &str, name: &EscapedStr, description: Option<&EscapedStr>) {
    object.str("type", kind);
    object.text("name", name);
    object.some("description", description, |value, text| value.text(text));
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
