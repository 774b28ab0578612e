//! Encodes tools and tool choice. Namespaces and custom tools are native at OpenAI's own, and flat
//! functions elsewhere.

use std::collections::HashSet;

use super::DIALECT;
use super::request_encode::{keeps_strict, refuse, takes_own_tools};
use crate::canon::{
    CacheBreakpoint, Located, Losses, Request, Tool, ToolChoice, ToolKind, ToolName,
};
use crate::json::{Array, EscapedStr, Object, Raw};
use crate::protocol::names::{self, Names};
use crate::protocol::{Maker, Target, openai};

pub(super) fn encode<'r>(
    object: &mut Object<'_>,
    request: &'r Request,
    target: &Target<'_>,
    names: &Names<'r>,
    losses: &mut Losses,
) {
    let mut encoder = ToolsEncoder {
        request,
        names,
        losses,
        is_native: takes_own_tools(target),
    };
    let tools = encoder.kept(target);
    openai::refuse_excess(target, &tools, encoder.losses);
    if !tools.is_empty() {
        object.array("tools", |array| encoder.write_all(array, &tools));
    }
    if let Some(choice) = &request.tool_choice {
        encoder.choice(object, choice, !tools.is_empty());
    }
}

/// Whether another dialect's provider runs the tool. It is dropped, unless the choice forces it.
fn is_foreign(tool: &Tool) -> bool {
    matches!(&tool.kind, ToolKind::Hosted { dialect, .. } if *dialect != DIALECT)
}

struct ToolsEncoder<'r, 'e> {
    request: &'r Request,
    names: &'e Names<'r>,
    losses: &'e mut Losses,
    /// Whether namespaces, custom tools and restricted choices are native; else they are flattened.
    is_native: bool,
}

impl<'r> ToolsEncoder<'r, '_> {
    /// The tools that are written. A server of one's own runs no tools itself.
    fn kept(&mut self, target: &Target<'_>) -> Vec<&'r Tool> {
        let choice = self.request.tool_choice.as_ref();
        let subset = choice.filter(|_| !self.is_native).and_then(names::subset);
        let mut tools: Vec<&'r Tool> = Vec::with_capacity(self.request.tools.len());
        for tool in &self.request.tools {
            let is_kept = match (tool.full_name(), &subset) {
                (Some(name), Some(subset)) => subset.contains(&name),
                (Some(_), None) => true,
                (None, _) => !is_foreign(tool) && target.maker != Maker::Local,
            };
            if is_kept {
                tools.push(tool);
            } else {
                self.losses.dropped(tool.at);
            }
        }
        let is_native = self.is_native;
        let name = |tool: &'r Tool| {
            let namespace = tool.namespace();
            Some((
                namespace.filter(|_| is_native),
                self.names
                    .wire(tool.name()?, namespace.filter(|_| !is_native)),
            ))
        };
        Names::keep_first(&mut tools, name, self.losses);
        tools
    }

    /// Adjacent tools of one namespace are written into it together.
    fn write_all(&mut self, array: &mut Array<'_>, tools: &[&'r Tool]) {
        let is_same =
            |a: &&Tool, b: &&Tool| a.namespace().is_some() && a.namespace() == b.namespace();
        for group in tools.chunk_by(is_same) {
            let Some(namespace) = group[0].namespace().filter(|_| self.is_native) else {
                group.iter().for_each(|tool| self.write(array, tool));
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

    /// The name within its namespace, or flattened with it.
    fn name(&self, name: &EscapedStr, namespace: Option<&EscapedStr>) -> EscapedStr {
        self.names.wire(name, namespace.filter(|_| !self.is_native))
    }

    fn write(&mut self, array: &mut Array<'_>, tool: &Tool) {
        match &tool.kind {
            ToolKind::Function {
                name,
                namespace,
                description,
                schema,
                strict,
                cache,
            } => array.object(|object| {
                let name = self.name(name, namespace.as_ref());
                begin(object, "function", &name, description.as_ref());
                self.function(object, tool, schema.as_ref(), strict.as_ref());
                drop_cache_breakpoint(cache.as_ref(), self.losses);
            }),
            ToolKind::Free {
                name,
                namespace,
                description,
                grammar,
                cache,
            } => array.object(|object| {
                let name = self.name(name, namespace.as_ref());
                self.free(object, &name, description.as_ref(), grammar.as_ref());
                drop_cache_breakpoint(cache.as_ref(), self.losses);
            }),
            ToolKind::Hosted { raw, .. } => array.item().raw(raw),
        }
    }

    fn free(
        &mut self,
        object: &mut Object<'_>,
        name: &EscapedStr,
        description: Option<&EscapedStr>,
        grammar: Option<&Located<Raw>>,
    ) {
        if self.is_native {
            begin(object, "custom", name, description);
            return object.some("format", grammar, |value, grammar| {
                value.raw(&grammar.value)
            });
        }
        begin(object, "function", name, description);
        object.raw("parameters", &Raw::from_static(openai::FREE_INPUT));
        object.bool("strict", false);
        if let Some(grammar) = grammar {
            self.losses.dropped(grammar.at);
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

    fn choice(&mut self, object: &mut Object<'_>, choice: &Located<ToolChoice>, has_tools: bool) {
        match &choice.value {
            ToolChoice::None => object.str("tool_choice", "none"),
            ToolChoice::Auto => object.str("tool_choice", "auto"),
            ToolChoice::Any => object.str("tool_choice", "required"),
            ToolChoice::One { name, namespace } => object.object("tool_choice", |object| {
                let tool = ToolName {
                    name: name.clone(),
                    namespace: namespace.clone(),
                };
                self.write_name(object, &tool, &custom_tools(self.request));
            }),
            ToolChoice::Subset { must: true, .. } if !has_tools => refuse(
                self.losses,
                choice.at,
                "tool left of those that the choice allows",
            ),
            ToolChoice::Subset { must, .. } if !self.is_native => {
                object.str("tool_choice", if *must { "required" } else { "auto" });
            }
            ToolChoice::Subset { tools, must } => object.object("tool_choice", |object| {
                let custom = custom_tools(self.request);
                object.str("type", "allowed_tools");
                object.str("mode", if *must { "required" } else { "auto" });
                object.array("tools", |list| {
                    for name in tools {
                        list.object(|object| self.write_name(object, name, &custom));
                    }
                });
            }),
            ToolChoice::Hosted(kind) if is_offered(self.request, kind) => {
                object.object("tool_choice", |object| object.text("type", kind));
            }
            ToolChoice::Hosted(_) => refuse(
                self.losses,
                choice.at,
                "such hosted tool, and the choice forces it",
            ),
        }
    }

    fn write_name(&self, object: &mut Object<'_>, name: &ToolName, custom: &HashSet<ToolName>) {
        let is_custom = self.is_native && custom.contains(name);
        object.str("type", if is_custom { "custom" } else { "function" });
        object.text("name", &self.name(&name.name, name.namespace.as_ref()));
        let namespace = name.namespace.as_ref().filter(|_| self.is_native);
        object.some("namespace", namespace, |value, text| value.text(text));
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

fn custom_tools(request: &Request) -> HashSet<ToolName> {
    let is_custom = |tool: &&Tool| matches!(&tool.kind, ToolKind::Free { .. });
    let custom = request.tools.iter().filter(is_custom);
    custom.filter_map(Tool::full_name).collect()
}

fn is_offered(request: &Request, kind: &EscapedStr) -> bool {
    request.tools.iter().any(|tool| {
        matches!(&tool.kind, ToolKind::Hosted { kind: offered, .. } if offered == kind)
            && !is_foreign(tool)
    })
}
