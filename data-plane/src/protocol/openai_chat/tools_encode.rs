//! Encodes tools and tool choice.
//!
//! Custom tools become functions with one property `input`, which `Restore` unwraps in the answer.
//! Source: `translation.md` sections 3 and 5.

use crate::canon::{CacheBreakpoint, Losses, Request, Tool, ToolChoice, ToolKind, ToolName};
use crate::json::{Array, EscapedStr, Object, Raw};
use crate::protocol::Target;
use crate::protocol::names::{self, Names};
use crate::protocol::openai::{self, abilities};

use super::{DIALECT, request_encode};

pub(super) struct ToolsEncoder<'e> {
    pub request: &'e Request,
    pub target: &'e Target<'e>,
    pub names: &'e Names<'e>,
    pub losses: &'e mut Losses,
}

impl ToolsEncoder<'_> {
    pub(super) fn write(&mut self, body: &mut Object<'_>) {
        let request = self.request;
        let (mut tools, hosted): (Vec<_>, Vec<_>) = request
            .tools
            .iter()
            .partition(|tool| tool.name().is_some() || is_own_tool(tool));
        if !self.takes_subset() {
            self.keep_subset(&mut tools);
        }
        Names::keep_first(&mut tools, |tool| self.names.of_tool(tool), self.losses);
        openai::refuse_excess(self.target, &tools, self.losses);
        if !tools.is_empty() {
            body.array("tools", |array| {
                for tool in &tools {
                    self.tool(tool, array);
                }
            });
        }
        for tool in hosted {
            self.hosted(tool, body);
        }
        self.choice(request, !tools.is_empty(), body);
    }

    /// Whether the server knows the choice `allowed_tools`, which is OpenAI's own.
    fn takes_subset(&self) -> bool {
        abilities::is_openai(self.target)
    }

    /// Leaves out the tools that the choice does not allow.
    fn keep_subset(&mut self, tools: &mut Vec<&Tool>) {
        let Some(subset) = self.request.tool_choice.as_ref().and_then(names::subset) else {
            return;
        };
        tools.retain(|tool| {
            let is_kept = tool.full_name().is_some_and(|name| subset.contains(&name));
            if !is_kept {
                self.losses.dropped(tool.at);
            }
            is_kept
        });
    }

    fn tool(&mut self, tool: &Tool, array: &mut Array<'_>) {
        match &tool.kind {
            ToolKind::Hosted { raw, .. } => array.item().raw(raw),
            kind => array.object(|object| {
                object.str("type", "function");
                object.object("function", |object| self.function(tool, kind, object));
            }),
        }
    }

    fn function(&mut self, tool: &Tool, kind: &ToolKind, object: &mut Object<'_>) {
        match kind {
            ToolKind::Function {
                name,
                namespace,
                description,
                schema,
                strict,
                cache,
            } => {
                self.name_and_description(name, namespace.as_ref(), description.as_ref(), object);
                let schema =
                    openai::fitted_schema(self.request, tool, schema.as_ref(), self.losses);
                object.raw("parameters", &schema);
                if let Some(strict) = request_encode::strict(strict.as_ref(), &schema, self.losses)
                {
                    object.bool("strict", strict);
                }
                self.drop_cache_mark(cache.as_ref());
            }
            ToolKind::Free {
                name,
                namespace,
                description,
                grammar,
                cache,
            } => {
                self.name_and_description(name, namespace.as_ref(), description.as_ref(), object);
                object.raw("parameters", &Raw::from_static(openai::FREE_INPUT));
                if let Some(grammar) = grammar {
                    self.losses.dropped(grammar.at);
                }
                self.drop_cache_mark(cache.as_ref());
            }
            ToolKind::Hosted { .. } => {}
        }
    }

    fn name_and_description(
        &self,
        name: &EscapedStr,
        namespace: Option<&EscapedStr>,
        description: Option<&EscapedStr>,
        object: &mut Object<'_>,
    ) {
        object.text("name", &self.names.wire(name, namespace));
        object.some("description", description, |value, description| {
            value.text(description)
        });
    }

    /// The dialect has cache breakpoints on parts of messages only.
    fn drop_cache_mark(&mut self, cache: Option<&CacheBreakpoint>) {
        if let Some(mark) = cache {
            self.losses.dropped(mark.at);
        }
    }

    /// Hosted search has a field of its own; hosted tools of other dialects are dropped.
    fn hosted(&mut self, tool: &Tool, body: &mut Object<'_>) {
        match &tool.kind {
            ToolKind::Hosted { dialect, raw, .. } if *dialect == DIALECT => {
                body.raw("web_search_options", raw)
            }
            _ => self.losses.dropped(tool.at),
        }
    }

    /// The API refuses both fields where there is nothing to choose from.
    fn choice(&mut self, request: &Request, has_tools: bool, body: &mut Object<'_>) {
        if let Some(parallel) = &request.parallel_tool_calls {
            if has_tools {
                body.bool("parallel_tool_calls", parallel.value);
            } else {
                self.losses.dropped(parallel.at);
            }
        }
        let Some(choice) = &request.tool_choice else {
            return;
        };
        match &choice.value {
            ToolChoice::Hosted(_) => self.losses.refuse(
                choice.at,
                "the openai_chat dialect cannot force a hosted tool",
            ),
            ToolChoice::None | ToolChoice::Auto | ToolChoice::Subset { must: false, .. }
                if !has_tools =>
            {
                self.losses.dropped(choice.at);
            }
            _ if !has_tools => self
                .losses
                .refuse(choice.at, "demands a tool call, and no tool can be offered"),
            choice => self.write_choice(choice, body),
        }
    }

    fn write_choice(&self, choice: &ToolChoice, body: &mut Object<'_>) {
        match choice {
            ToolChoice::None => body.str("tool_choice", "none"),
            ToolChoice::Auto | ToolChoice::Hosted(_) => body.str("tool_choice", "auto"),
            ToolChoice::Any => body.str("tool_choice", "required"),
            ToolChoice::One { name, namespace } => {
                body.object("tool_choice", |object| {
                    write_named(&self.names.wire(name, namespace.as_ref()), object)
                });
            }
            ToolChoice::Subset { must, .. } if !self.takes_subset() => {
                body.str("tool_choice", if *must { "required" } else { "auto" });
            }
            ToolChoice::Subset { tools, must } => body.object("tool_choice", |object| {
                object.str("type", "allowed_tools");
                object.object("allowed_tools", |object| self.allowed(tools, *must, object));
            }),
        }
    }

    fn allowed(&self, tools: &[ToolName], must: bool, object: &mut Object<'_>) {
        object.str("mode", if must { "required" } else { "auto" });
        object.array("tools", |array| {
            for ToolName { name, namespace } in tools {
                array.object(|object| {
                    write_named(&self.names.wire(name, namespace.as_ref()), object)
                });
            }
        });
    }
}

/// Whether it is an entry of `tools` that only this dialect knows.
fn is_own_tool(tool: &Tool) -> bool {
    match &tool.kind {
        ToolKind::Hosted { dialect, kind, .. } => {
            *dialect == DIALECT && *kind != "web_search_options"
        }
        _ => false,
    }
}

fn write_named(name: &EscapedStr, object: &mut Object<'_>) {
    object.str("type", "function");
    object.object("function", |object| object.text("name", name));
}
