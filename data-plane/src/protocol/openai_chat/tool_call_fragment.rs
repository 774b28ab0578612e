//! One entry of `tool_calls`, as a chunk or a whole answer carries it.
//!
//! Which call a fragment belongs to is decided by [`super::choice_decode`].

use crate::json::{EscapedStr, Invalid, Value};

use super::messages_decode::arguments;

/// `{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}`. In a
/// stream any member may be missing.
pub(super) struct ToolCallFragment {
    pub index: Option<u64>,
    pub id: Option<EscapedStr>,
    pub name: Option<EscapedStr>,
    /// Whether the call is of a custom tool, whose input is free text.
    pub is_free: bool,
    pub input: EscapedStr,
}

impl ToolCallFragment {
    /// `position` stands for the index in whole answers, which have none.
    pub(super) fn decode(call: Value<'_>, position: Option<u64>) -> Result<Self, Invalid> {
        let index = call.get("index").map(Value::u64).transpose()?;
        let custom = call.get("custom");
        let mut fragment = Self {
            index: position.or(index),
            id: non_empty_text(call, "id")?,
            name: None,
            is_free: custom.is_some(),
            input: EscapedStr::default(),
        };
        if let Some(body) = custom.or_else(|| call.get("function")) {
            fragment.name = non_empty_text(body, "name")?;
            fragment.input = input(body)?;
        }
        Ok(fragment)
    }

    /// `{"name":"f","arguments":"{}"}`, under `function_call`.
    pub(super) fn decode_legacy(call: Value<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            index: None,
            id: None,
            name: non_empty_text(call, "name")?,
            is_free: false,
            input: input(call)?,
        })
    }
}

fn input(body: Value<'_>) -> Result<EscapedStr, Invalid> {
    match body.get("arguments").or_else(|| body.get("input")) {
        Some(input) => arguments(input),
        None => Ok(EscapedStr::default()),
    }
}

fn non_empty_text(object: Value<'_>, key: &str) -> Result<Option<EscapedStr>, Invalid> {
    let text = object.get(key).map(Value::text).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}
