//! Decodes the tools and the choice among them: `tools`, `toolConfig`.
//!
//! Source: Gemini API, `Tool`, `FunctionDeclaration`, `FunctionCallingConfig`.

use super::DIALECT;
use super::config_decode::located;
use super::proto_json::{enum_name, field, fields, required};
use super::request_decode::Decoder;
use crate::canon::{Tool, ToolChoice, ToolKind, ToolName};
use crate::json::{EscapedStr, Invalid, Raw, Value};
use crate::protocol::{DecodeError, schema};

impl Decoder {
    /// Decodes `tools`. Every member other than declarations is a tool that Gemini hosts.
    pub(super) fn tools(&mut self, tools: Value<'_>) -> Result<(), DecodeError> {
        for tool in tools.items()? {
            for (key, value) in fields(tool)? {
                if key == "functionDeclarations" {
                    for declaration in value.items()? {
                        self.function(declaration)?;
                    }
                    continue;
                }
                let kind = ToolKind::Hosted {
                    dialect: DIALECT,
                    kind: EscapedStr::from(&*key),
                    raw: value.raw(),
                };
                let at = value.offset();
                self.request.tools.push(Tool { kind, at });
            }
        }
        Ok(())
    }

    /// Source: Gemini API, `FunctionDeclaration`.
    fn function(&mut self, declaration: Value<'_>) -> Result<(), DecodeError> {
        let (mut description, mut schema) = (None, None);
        for (key, value) in fields(declaration)? {
            match &*key {
                "name" => {}
                "description" => description = Some(value.text()?),
                "parameters" => set_once(&mut schema, schema::from_gemini(value), value)?,
                "parametersJsonSchema" => set_once(&mut schema, value.raw(), value)?,
                _ => self.unknown(value),
            }
        }
        let name = required(declaration, "name")?.text()?;
        let kind = ToolKind::Function {
            name,
            namespace: None,
            description,
            schema,
            strict: None,
            cache: None,
        };
        self.request.tools.push(Tool {
            kind,
            at: declaration.offset(),
        });
        Ok(())
    }

    pub(super) fn tool_config(&mut self, config: Value<'_>) -> Result<(), DecodeError> {
        for (key, value) in fields(config)? {
            match &*key {
                "functionCallingConfig" => self.function_calling_config(value)?,
                _ => self.unknown(value),
            }
        }
        Ok(())
    }

    /// Source: Gemini API, `FunctionCallingConfig`.
    fn function_calling_config(&mut self, config: Value<'_>) -> Result<(), DecodeError> {
        for (key, value) in fields(config)? {
            if !matches!(&*key, "mode" | "allowedFunctionNames") {
                self.unknown(value);
            }
        }
        let mode = field(config, "mode");
        let mode_name = match mode {
            Some(mode) => enum_name(mode)?,
            None => "AUTO".to_owned(),
        };
        let allowed = field(config, "allowedFunctionNames");
        let names = match allowed {
            Some(allowed) => names(allowed)?,
            None => Vec::new(),
        };
        let choice = match &*mode_name {
            "ANY" => forced(names),
            "VALIDATED" if !names.is_empty() => subset(names, false),
            "VALIDATED" => {
                // Like `AUTO`, with a promise about the arguments that no other dialect makes.
                if let Some(mode) = mode {
                    self.unknown(mode);
                }
                ToolChoice::Auto
            }
            "AUTO" | "NONE" | "MODE_UNSPECIFIED" => {
                // The names restrict nothing in these modes.
                if let Some(allowed) = allowed {
                    self.unknown(allowed);
                }
                if mode_name == "NONE" {
                    ToolChoice::None
                } else {
                    ToolChoice::Auto
                }
            }
            _ => {
                let expected = "`AUTO`, `ANY`, `NONE` or `VALIDATED`";
                return Err(mode.unwrap_or(config).expected(expected).into());
            }
        };
        self.request.tool_choice = located(config, choice);
        Ok(())
    }
}

/// Sets the schema of a declaration, which may have it in one of two fields.
fn set_once(schema: &mut Option<Raw>, parameters: Raw, at: Value<'_>) -> Result<(), Invalid> {
    match schema.replace(parameters) {
        None => Ok(()),
        Some(_) => {
            let why = "expected one of `parameters` and `parametersJsonSchema`, found both";
            Err(Invalid::new(at.offset(), why))
        }
    }
}

fn names(names: Value<'_>) -> Result<Vec<EscapedStr>, Invalid> {
    names.items()?.map(Value::text).collect()
}

/// The choice of mode `ANY`: a call is forced, of one tool where only one is named.
fn forced(mut names: Vec<EscapedStr>) -> ToolChoice {
    match names.len() {
        0 => ToolChoice::Any,
        1 => ToolChoice::One {
            name: names.remove(0),
            namespace: None,
        },
        _ => subset(names, true),
    }
}

fn subset(names: Vec<EscapedStr>, must: bool) -> ToolChoice {
    ToolChoice::Subset {
        tools: names.into_iter().map(ToolName::plain).collect(),
        must,
    }
}
