//! Decodes the tools and the choice among them.
//!
//! A tool of a type other than `custom` is hosted: it runs at Anthropic and is kept whole.
//!
//! Source: Anthropic Messages reference, "Tools".

use super::DIALECT;
use super::request_decode::{Decoder, located};
use crate::canon::{Located, Request, Tool, ToolChoice, ToolKind};
use crate::json::{EscapedStr, Invalid, Raw, Value};

impl Decoder {
    pub(super) fn tools(&mut self, tools: Value<'_>) -> Result<Vec<Tool>, Invalid> {
        tools.items()?.map(|tool| self.tool(tool)).collect()
    }

    fn tool(&mut self, tool: Value<'_>) -> Result<Tool, Invalid> {
        let kind = match tool.get("type") {
            Some(kind) if kind.str()? != "custom" => ToolKind::Hosted {
                dialect: DIALECT,
                kind: kind.text()?,
                raw: tool.raw(),
            },
            _ => self.function(tool)?,
        };
        Ok(Tool {
            kind,
            at: tool.offset(),
        })
    }

    fn function(&mut self, tool: Value<'_>) -> Result<ToolKind, Invalid> {
        let known = [
            "type",
            "name",
            "description",
            "input_schema",
            "strict",
            "cache_control",
        ];
        self.unknown_besides(tool, &known)?;
        Ok(ToolKind::Function {
            name: tool.required("name")?.text()?,
            namespace: None,
            description: tool.get("description").map(Value::text).transpose()?,
            schema: tool.get("input_schema").map(Value::raw),
            strict: tool
                .get("strict")
                .map(|strict| Located::read(strict, Value::bool))
                .transpose()?,
            cache: tool
                .get("cache_control")
                .map(|breakpoint| self.cache_breakpoint(breakpoint))
                .transpose()?,
        })
    }

    pub(super) fn tool_choice(&mut self, choice: Value<'_>) -> Result<(), Invalid> {
        self.unknown_besides(choice, &["type", "name", "disable_parallel_tool_use"])?;
        let kind = choice.required("type")?;
        let decoded = match &*kind.str()? {
            "auto" => ToolChoice::Auto,
            "any" => ToolChoice::Any,
            "none" => ToolChoice::None,
            "tool" => ToolChoice::One {
                name: choice.required("name")?.text()?,
                namespace: None,
            },
            _ => return Err(kind.expected("`auto`, `any`, `tool` or `none`")),
        };
        self.request.tool_choice = Some(located(choice, decoded));
        if let Some(disable) = choice.get("disable_parallel_tool_use") {
            self.request.parallel_tool_calls = Some(located(disable, !disable.bool()?));
        }
        Ok(())
    }
}

/// Marks a choice that names a hosted tool as such. On the wire it looks like any other, so it can
/// be told only once all tools are decoded.
pub(super) fn resolve_hosted_choice(request: &mut Request) {
    let Some(choice) = &mut request.tool_choice else {
        return;
    };
    let ToolChoice::One { name, .. } = &choice.value else {
        return;
    };
    let hosted = request.tools.iter().find_map(|tool| match &tool.kind {
        ToolKind::Hosted { kind, raw, .. } if hosted_name(raw).as_ref() == Some(name) => {
            Some(kind.clone())
        }
        _ => None,
    });
    if let Some(kind) = hosted {
        choice.value = ToolChoice::Hosted(kind);
    }
}

/// The `name` of a hosted tool.
pub(super) fn hosted_name(tool: &Raw) -> Option<EscapedStr> {
    tool.document().root().get("name")?.text().ok()
}
