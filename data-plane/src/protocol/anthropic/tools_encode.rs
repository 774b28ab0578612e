//! Encodes the tools and the choice among them.
//!
//! Source: Anthropic Messages reference, "Tools"; `translation.md` sections 2, 3 and 5.

use std::collections::HashSet;

use super::request_encode::Encoder;
use super::tools_decode::hosted_name;
use super::{DIALECT, models, rules};
use crate::canon::{Located, Tool, ToolChoice, ToolKind, ToolName};
use crate::json::{Array, EscapedStr, Object, Raw};
use crate::protocol::names::{self, Names};

/// The input schema of a tool that takes free text, which this dialect has no form for.
const FREE_TEXT_SCHEMA: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

impl<'e> Encoder<'e> {
    /// Writes `tools` and `tool_choice`.
    pub(super) fn write_tools(&mut self, object: &mut Object<'_>) {
        let request = self.request;
        let subset = request.tool_choice.as_ref().and_then(names::subset);
        let mut tools: Vec<&'e Tool> = request
            .tools
            .iter()
            .filter(|tool| self.keeps_tool(tool, subset.as_ref()))
            .collect();
        // "Tool names must be unique."
        let name = |tool: &'e Tool| match &tool.kind {
            ToolKind::Hosted { raw, .. } => hosted_name(raw),
            _ => self.names.of_tool(tool),
        };
        Names::keep_first(&mut tools, name, self.losses);
        if !tools.is_empty() {
            object.array("tools", |array| {
                for tool in &tools {
                    self.write_tool(tool, array);
                }
            });
        }
        self.write_choice(&tools, object);
    }

    /// Whether a tool is written. The API cannot restrict a choice to a subset, so the other tools
    /// are left out; hosted tools of other dialects cannot run at this upstream.
    fn keeps_tool(&mut self, tool: &Tool, subset: Option<&HashSet<&ToolName>>) -> bool {
        let is_kept = match (&tool.kind, subset) {
            (ToolKind::Hosted { dialect, .. }, _) => *dialect == DIALECT,
            (_, Some(subset)) => tool.full_name().is_some_and(|name| subset.contains(&name)),
            (_, None) => true,
        };
        if !is_kept {
            self.losses.dropped(tool.at);
        }
        is_kept
    }

    fn write_tool(&mut self, tool: &'e Tool, array: &mut Array<'_>) {
        match &tool.kind {
            ToolKind::Hosted { raw, .. } => array.item().raw(raw),
            ToolKind::Function {
                name,
                namespace,
                description,
                schema,
                strict,
                cache,
            } => array.object(|object| {
                self.write_name(name, namespace.as_ref(), description.as_ref(), object);
                self.write_schema(tool, schema.as_ref(), strict.as_ref(), object);
                self.write_cache_breakpoint(cache.as_ref(), object);
            }),
            ToolKind::Free {
                name,
                namespace,
                description,
                grammar,
                cache,
            } => array.object(|object| {
                if let Some(grammar) = grammar {
                    self.losses.dropped(grammar.at);
                }
                self.write_name(name, namespace.as_ref(), description.as_ref(), object);
                object.raw("input_schema", &Raw::from_static(FREE_TEXT_SCHEMA));
                self.write_cache_breakpoint(cache.as_ref(), object);
            }),
        }
    }

    fn write_schema(
        &mut self,
        tool: &'e Tool,
        schema: Option<&Raw>,
        strict: Option<&Located<bool>>,
        object: &mut Object<'_>,
    ) {
        let strict = strict.filter(|strict| strict.value);
        let can_be_strict = strict.is_some() && self.strict_tools_left > 0;
        let at = schema
            .and_then(|schema| self.request.offset_of(schema))
            .unwrap_or(tool.at);
        let is_claude = models::is_claude(self.target.model);
        let fitted = match rules::tool_schema(schema, can_be_strict, is_claude) {
            Ok(fitted) => fitted,
            Err(why) => return names::refuse_schema(self.losses, tool, at, &why),
        };
        if fitted.is_adjusted {
            self.losses.adjusted(at);
        }
        object.raw("input_schema", &fitted.schema);
        if let (Some(names), Some(wire)) = (fitted.renamed, self.names.of_tool(tool)) {
            self.renamed.insert(wire, (tool, names));
        }
        // False is the default.
        match strict {
            Some(_) if fitted.is_strict => {
                self.strict_tools_left -= 1;
                object.bool("strict", true);
            }
            Some(strict) => self.losses.adjusted(strict.at),
            None => {}
        }
    }

    fn write_name(
        &self,
        name: &EscapedStr,
        namespace: Option<&EscapedStr>,
        description: Option<&EscapedStr>,
        object: &mut Object<'_>,
    ) {
        object.text("name", &self.names.wire(name, namespace));
        if let Some(description) = description {
            object.text("description", description);
        }
    }

    fn write_choice(&mut self, tools: &[&Tool], object: &mut Object<'_>) {
        let choice = self.request.tool_choice.as_ref();
        let parallel = self.request.parallel_tool_calls.as_ref();
        if tools.is_empty() {
            return self.report_choice(choice, parallel);
        }
        if choice.is_none() && parallel.is_none() {
            return;
        }
        let (kind, name) = match choice {
            Some(choice) => self.choice(choice),
            None => ("auto", None),
        };
        object.object("tool_choice", |object| {
            object.str("type", kind);
            if let Some(name) = name {
                object.text("name", &name);
            }
            match parallel {
                // The API refuses the field with this type.
                Some(parallel) if kind == "none" => self.losses.dropped(parallel.at),
                Some(parallel) => object.bool("disable_parallel_tool_use", !parallel.value),
                None => {}
            }
        });
    }

    /// Reports a choice without tools, which the API refuses. One that forces a call is refused, as
    /// the response could not be what the client asked for.
    fn report_choice(
        &mut self,
        choice: Option<&Located<ToolChoice>>,
        parallel: Option<&Located<bool>>,
    ) {
        if let Some(parallel) = parallel {
            self.losses.dropped(parallel.at);
        }
        let Some(choice) = choice else { return };
        match choice.value {
            ToolChoice::None => {}
            ToolChoice::Auto | ToolChoice::Subset { must: false, .. } => {
                self.losses.dropped(choice.at);
            }
            _ => {
                let why = "a call is forced, and the anthropic dialect can carry none of the tools";
                self.losses.refuse(choice.at, why);
            }
        }
    }

    /// The type of a choice, and the name where it forces one tool.
    fn choice(&mut self, choice: &Located<ToolChoice>) -> (&'static str, Option<EscapedStr>) {
        match &choice.value {
            ToolChoice::None => ("none", None),
            ToolChoice::Auto | ToolChoice::Subset { must: false, .. } => ("auto", None),
            ToolChoice::Any | ToolChoice::Subset { must: true, .. } => ("any", None),
            ToolChoice::One { name, namespace } => {
                ("tool", Some(self.names.wire(name, namespace.as_ref())))
            }
            ToolChoice::Hosted(kind) => {
                let name = self.hosted_tool_name(kind);
                if name.is_none() {
                    let why = "the hosted tool that is forced runs at another provider";
                    self.losses.refuse(choice.at, why);
                }
                ("tool", name)
            }
        }
    }

    fn hosted_tool_name(&self, forced: &EscapedStr) -> Option<EscapedStr> {
        self.request.tools.iter().find_map(|tool| match &tool.kind {
            ToolKind::Hosted { dialect, kind, raw } if *dialect == DIALECT && kind == forced => {
                hosted_name(raw)
            }
            _ => None,
        })
    }
}
