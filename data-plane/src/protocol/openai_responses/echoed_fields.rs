//! The fields of a response object that repeat the request, complete: a client gets every member
//! that the published schemas require, whatever it left out.
//!
//! Source: the Open Responses specification of 2026-04-24, `ResponseResource` and what it refers
//! to; `openai-responses.md`, "Response object". The values for what was left out are those that the
//! specification's suite takes.

use crate::canon::Request;
use crate::json::{self, Array, Document, Raw, Value, Writer};

/// How the value of a field is repeated.
enum Echo {
    /// As it came.
    AsItCame,
    /// An object, with these members where they are missing.
    With(Defaults),
    Text,
    Tools,
    ToolChoice,
}

/// Members that a schema requires, and their values where the client did not write them.
type Defaults = &'static [(&'static str, &'static str)];

/// The fields, and their values where the client wrote none or null.
const FIELDS: [(&str, &str, Echo); 18] = [
    ("frequency_penalty", "0", Echo::AsItCame),
    ("instructions", "null", Echo::AsItCame),
    ("max_output_tokens", "null", Echo::AsItCame),
    ("max_tool_calls", "null", Echo::AsItCame),
    ("metadata", "{}", Echo::AsItCame),
    ("parallel_tool_calls", "true", Echo::AsItCame),
    ("presence_penalty", "0", Echo::AsItCame),
    ("prompt_cache_key", "null", Echo::AsItCame),
    (
        "reasoning",
        r#"{"effort":null,"summary":null}"#,
        Echo::With(REASONING),
    ),
    ("safety_identifier", "null", Echo::AsItCame),
    ("temperature", "1", Echo::AsItCame),
    ("text", r#"{"format":{"type":"text"}}"#, Echo::Text),
    ("tool_choice", r#""auto""#, Echo::ToolChoice),
    ("tools", "[]", Echo::Tools),
    ("top_logprobs", "0", Echo::AsItCame),
    ("top_p", "1", Echo::AsItCame),
    ("truncation", r#""disabled""#, Echo::AsItCame),
    ("user", "null", Echo::AsItCame),
];

const REASONING: Defaults = &[("effort", "null"), ("summary", "null")];
const TEXT_FORMAT: &str = r#"{"type":"text"}"#;
const SCHEMA_FORMAT: Defaults = &[("description", "null"), ("strict", "false")];
/// `strict` is null where the client left it open.
const FUNCTION: Defaults = &[
    ("description", "null"),
    ("parameters", "null"),
    ("strict", "null"),
];
const NAMESPACE: Defaults = &[("description", r#""""#)];
const ALLOWED_TOOLS: Defaults = &[("mode", r#""auto""#)];

/// The fields of a request, in the order in which they are written.
pub(super) fn of(request: &Request) -> Vec<(&'static str, Raw)> {
    let document = Document::parse(request.body.clone()).unwrap_or_else(|_| Document::null());
    let root = document.root();
    FIELDS
        .iter()
        .map(|(key, default, echo)| match root.get(key) {
            Some(value) => (*key, echo.value(value)),
            None => (*key, Raw::from_static(default)),
        })
        .collect()
}

impl Echo {
    fn value(&self, value: Value<'_>) -> Raw {
        match self {
            Self::AsItCame => value.raw(),
            Self::With(defaults) => json::value(|out| write_with(out, value, defaults)),
            Self::Text => json::value(|out| write_text(out, value)),
            Self::Tools => json::value(|out| write_tools(out, value)),
            Self::ToolChoice => json::value(|out| write_tool_choice(out, value)),
        }
    }
}

/// Writes an object's members as they came, and those that are missing or null; what is no object
/// as it came.
fn write_with(out: Writer<'_>, value: Value<'_>, defaults: Defaults) {
    let Ok(members) = value.members() else {
        return out.raw(&value.raw());
    };
    let has_default = |key: &str| defaults.iter().any(|(name, _)| *name == key);
    out.object(|object| {
        for (key, member) in members {
            if !member.is_null() || !has_default(&key) {
                object.raw(&key, &member.raw());
            }
        }
        for (key, default) in defaults {
            if value.get(key).is_none() {
                object.raw(key, &Raw::from_static(default));
            }
        }
    });
}

/// `{format, verbosity}`: a format is required, and members of one that is a schema.
fn write_text(out: Writer<'_>, text: Value<'_>) {
    let Ok(members) = text.members() else {
        return out.raw(&text.raw());
    };
    out.object(|object| {
        match text.get("format") {
            Some(format) if is_of_type(format, "json_schema") => {
                write_with(object.key("format"), format, SCHEMA_FORMAT);
            }
            Some(format) => object.raw("format", &format.raw()),
            None => object.raw("format", &Raw::from_static(TEXT_FORMAT)),
        }
        for (key, member) in members {
            if key != "format" && !member.is_null() {
                object.raw(&key, &member.raw());
            }
        }
    });
}

fn write_tools(out: Writer<'_>, tools: Value<'_>) {
    match tools.items() {
        Ok(tools) => out.array(|array| tools.for_each(|tool| write_tool(array, tool))),
        Err(_) => out.raw(&tools.raw()),
    }
}

fn write_tool(array: &mut Array<'_>, tool: Value<'_>) {
    let defaults: Defaults = if is_of_type(tool, "function") {
        FUNCTION
    } else if is_of_type(tool, "namespace") {
        NAMESPACE
    } else {
        &[]
    };
    write_with(array.item(), tool, defaults);
}

fn write_tool_choice(out: Writer<'_>, choice: Value<'_>) {
    if is_of_type(choice, "allowed_tools") {
        write_with(out, choice, ALLOWED_TOOLS);
    } else {
        out.raw(&choice.raw());
    }
}

fn is_of_type(value: Value<'_>, kind: &str) -> bool {
    value
        .get("type")
        .and_then(|kind| kind.str().ok())
        .is_some_and(|found| found == kind)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;

    fn echoed(body: &Value) -> Value {
        let request = Request {
            body: Bytes::from(body.to_string()),
            ..Request::default()
        };
        let fields = of(&request).into_iter();
        fields
            .map(|(key, value)| {
                let value: Value = serde_json::from_str(value.as_str()).unwrap();
                (key.to_owned(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    #[test]
    fn what_the_client_left_out_has_the_specifications_values() {
        let nulls: Value = FIELDS
            .iter()
            .map(|(key, ..)| ((*key).to_owned(), Value::Null))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(echoed(&json!({})), echoed(&nulls), "null is left out");
        let fields = echoed(&nulls);
        assert_eq!(
            (&fields["temperature"], &fields["top_p"]),
            (&1.into(), &1.into())
        );
        assert_eq!(
            (&fields["presence_penalty"], &fields["frequency_penalty"]),
            (&0.into(), &0.into())
        );
        assert_eq!(
            (&fields["metadata"], &fields["tools"]),
            (&json!({}), &json!([]))
        );
    }

    #[test]
    fn what_the_client_wrote_is_repeated_and_completed() {
        let fields = echoed(&json!({
            "temperature": 0.5,
            "reasoning": {"effort": "low"},
            "text": {"verbosity": "low"},
            "tools": [{"type": "function", "name": "f", "parameters": null}, {"type": "web_search"}],
            "tool_choice": {"type": "allowed_tools", "tools": []},
        }));
        assert_eq!(fields["temperature"], 0.5);
        assert_eq!(
            fields["reasoning"],
            json!({"effort": "low", "summary": null})
        );
        assert_eq!(
            fields["text"],
            json!({"format": {"type": "text"}, "verbosity": "low"})
        );
        assert_eq!(
            fields["tools"],
            json!([{"type": "function", "name": "f", "description": null, "parameters": null, "strict": null},
                {"type": "web_search"}])
        );
        assert_eq!(fields["tool_choice"]["mode"], "auto");
        let fields = echoed(&json!({"text": {"format":
            {"type": "json_schema", "name": "n", "schema": {}, "strict": null}}}));
        assert_eq!(
            fields["text"]["format"],
            json!({"type": "json_schema", "name": "n", "schema": {}, "strict": false, "description": null})
        );
    }
}
