//! A piece of a tool call as a chunk or a whole answer carries it.
//!
//! Knows no other pieces: which call it belongs to is decided by [`super::lane`].

use crate::json::{EscapedStr, Invalid, Value};

use super::messages_decode::arguments;

/// `{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}`, any of
/// it missing.
pub(super) struct Fragment {
    pub index: Option<u64>,
    pub id: Option<EscapedStr>,
    pub name: Option<EscapedStr>,
    pub is_free: bool,
    pub input: EscapedStr,
}

impl Fragment {
    /// `position` stands for the index in whole answers, which have none.
    pub(super) fn of_call(call: Value<'_>, position: Option<u64>) -> Result<Self, Invalid> {
        let index = call.get("index").map(Value::u64).transpose()?;
        let custom = call.get("custom");
        let named = custom.or_else(|| call.get("function"));
        Ok(Self {
            index: position.or(index),
            id: said(call, "id")?,
            name: named
                .map(|named| said(named, "name"))
                .transpose()?
                .flatten(),
            is_free: custom.is_some(),
            input: named.map(input).transpose()?.unwrap_or_default(),
        })
    }

    pub(super) fn of_legacy_call(call: Value<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            index: None,
            id: None,
            name: said(call, "name")?,
            is_free: false,
            input: input(call)?,
        })
    }
}

fn input(named: Value<'_>) -> Result<EscapedStr, Invalid> {
    let input = named.get("arguments").or_else(|| named.get("input"));
    Ok(input.map(arguments).transpose()?.unwrap_or_default())
}

/// The text under `key`, unless it is empty.
fn said(object: Value<'_>, key: &str) -> Result<Option<EscapedStr>, Invalid> {
    let text = object.get(key).map(Value::text).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}
