//! The tool list and the choice among its tools.
//!
//! Source: Anthropic Messages reference, "Tools". A tool with a dated type runs at Anthropic and is
//! kept whole.

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
        self.unknown_besides(
            tool,
            &[
                "type",
                "name",
                "description",
                "input_schema",
                "strict",
                "cache_control",
            ],
        )?;
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
                .map(|mark| self.cache_breakpoint(mark))
                .transpose()?,
        })
    }

    pub(super) fn tool_choice(&mut self, choice: Value<'_>) -> Result<(), Invalid> {
        self.unknown_besides(choice, &["type", "name", "disable_parallel_tool_use"])?;
        let kind = choice.required("type")?;
        let read = match &*kind.str()? {
            "auto" => ToolChoice::Auto,
            "any" => ToolChoice::Any,
            "none" => ToolChoice::None,
            "tool" => ToolChoice::One {
                name: choice.required("name")?.text()?,
                namespace: None,
            },
            _ => return Err(kind.expected("`auto`, `any`, `tool` or `none`")),
        };
        self.request.tool_choice = Some(located(choice, read));
        if let Some(disable) = choice.get("disable_parallel_tool_use") {
            self.request.parallel_tool_calls = Some(located(disable, !disable.bool()?));
        }
        Ok(())
    }
}

/// A choice names hosted tools as it names others; once all tools are read, they can be told apart.
pub(super) fn find_hosted_choice(request: &mut Request) {
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

/// The name by which a hosted tool is called.
pub(super) fn hosted_name(tool: &Raw) -> Option<EscapedStr> {
    tool.document().root().get("name")?.text().ok()
}
