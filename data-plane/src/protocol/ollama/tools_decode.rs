//! Decodes tools, which are functions. Source: Ollama, `api/types.go`, `Tool`, `ToolFunction`.

use crate::canon::{Request, Tool, ToolKind};
use crate::json::Value;
use crate::protocol::DecodeError;
use crate::protocol::openai_chat::fields::Fields;

pub(super) fn decode(fields: &mut Fields<'_>, request: &mut Request) -> Result<(), DecodeError> {
    let Some(tools) = fields.take("tools") else {
        return Ok(());
    };
    for value in tools.items()? {
        let kind = tool(value, request)?;
        request.tools.push(Tool {
            kind,
            at: value.offset(),
        });
    }
    Ok(())
}

/// `{"type":"function","function":{"name":…,"description":…,"parameters":{…}}}`
fn tool(value: Value<'_>, request: &mut Request) -> Result<ToolKind, DecodeError> {
    let mut fields = Fields::of(value)?;
    let kind = fields.take("type");
    if let Some(kind) = kind.filter(|kind| kind.str().as_deref() != Ok("function")) {
        return Err(kind.expected("function").into());
    }
    let mut function = Fields::of(fields.required("function")?)?;
    let tool = ToolKind::Function {
        name: function.required("name")?.text()?,
        namespace: None,
        description: function.text("description")?,
        schema: function.take("parameters").map(Value::raw),
        strict: None,
        cache: None,
    };
    function.leave(&mut request.unknown);
    fields.leave(&mut request.unknown);
    Ok(tool)
}
