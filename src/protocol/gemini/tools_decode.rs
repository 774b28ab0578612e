//! Decodes the tools and the choice among them: `tools`, `toolConfig`.
//!
//! Source: Gemini API, `Tool`, `FunctionDeclaration`, `FunctionCallingConfig`.

use super::DIALECT;
use super::config_decode::located;
use super::proto_json::{field, fields, required, word};
use super::request_decode::Decoder;
use crate::canon::{Tool, ToolChoice, ToolKind, ToolName};
use crate::json::{EscapedStr, Invalid, Raw, Value};
use crate::protocol::{DecodeError, schema};

impl Decoder {
    pub(super) fn tools(&mut self, tools: Value<'_>) -> Result<(), DecodeError> {
        for tool in tools.items()? {
            for (key, value) in fields(tool)? {
                match &*key {
                    "functionDeclarations" => value
                        .items()?
                        .try_for_each(|declaration| self.function(declaration))?,
                    kind => {
                        let kind = ToolKind::Hosted {
                            dialect: DIALECT,
                            kind: EscapedStr::from(kind),
                            raw: value.raw(),
                        };
                        self.request.tools.push(Tool {
                            kind,
                            at: value.offset(),
                        });
                    }
                }
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
                "functionCallingConfig" => self.calling(value)?,
                _ => self.unknown(value),
            }
        }
        Ok(())
    }

    fn calling(&mut self, calling: Value<'_>) -> Result<(), DecodeError> {
        let known = ["mode", "allowedFunctionNames"];
        fields(calling)?
            .filter(|(key, _)| !known.contains(&&**key))
            .for_each(|(_, value)| self.unknown(value));
        let mode = field(calling, "mode");
        let allowed = field(calling, "allowedFunctionNames");
        let names = allowed.map_or(Ok(Vec::new()), names)?;
        let choice = match &*mode.map_or_else(|| Ok("AUTO".to_owned()), word)? {
            "ANY" => forced(names),
            "VALIDATED" if !names.is_empty() => subset(names, false),
            "VALIDATED" => {
                // Like `AUTO`, with a promise about the arguments that no other dialect makes.
                mode.into_iter().for_each(|mode| self.unknown(mode));
                ToolChoice::Auto
            }
            word @ ("AUTO" | "NONE" | "MODE_UNSPECIFIED") => {
                allowed
                    .into_iter()
                    .for_each(|allowed| self.unknown(allowed));
                if word == "NONE" {
                    ToolChoice::None
                } else {
                    ToolChoice::Auto
                }
            }
            _ => {
                return Err(mode
                    .unwrap_or(calling)
                    .expected("`AUTO`, `ANY`, `NONE` or `VALIDATED`")
                    .into());
            }
        };
        self.request.tool_choice = located(calling, choice);
        Ok(())
    }
}

fn set_once(schema: &mut Option<Raw>, parameters: Raw, at: Value<'_>) -> Result<(), Invalid> {
    match schema.replace(parameters) {
        None => Ok(()),
        Some(_) => Err(Invalid::new(
            at.offset(),
            "expected one of `parameters` and `parametersJsonSchema`, found both",
        )),
    }
}

fn names(names: Value<'_>) -> Result<Vec<EscapedStr>, Invalid> {
    names.items()?.map(Value::text).collect()
}

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
