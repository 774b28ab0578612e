//! Reads ProtoJSON: both spellings of a key, numbers in strings, enum values in any case.
//!
//! Source: ProtoJSON format, "Field names" and "int64".

use std::borrow::Cow;

use crate::json::{EscapedStr, Invalid, Raw, Value};

/// The members of a message that are not `null`, with their camelCase names.
pub(super) fn fields(
    value: Value<'_>,
) -> Result<impl Iterator<Item = (Cow<'_, str>, Value<'_>)>, Invalid> {
    let members = value.members()?;
    Ok(members
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (to_camel_case(key), value)))
}

/// The member of that camelCase name, in either spelling; the last where it is repeated.
pub(super) fn field<'d>(value: Value<'d>, name: &str) -> Option<Value<'d>> {
    fields(value)
        .ok()?
        .filter(|(key, _)| key == name)
        .last()
        .map(|(_, value)| value)
}

/// A member that has to be there.
pub(super) fn required<'d>(value: Value<'d>, name: &str) -> Result<Value<'d>, Invalid> {
    value.members()?;
    field(value, name).ok_or_else(|| value.missing(name))
}

/// A count, as a number or in a string.
pub(super) fn count(value: Value<'_>) -> Result<u64, Invalid> {
    match value.str() {
        Ok(digits) => digits
            .parse()
            .map_err(|_| value.expected("a whole number of 0 or more")),
        Err(_) => value.u64(),
    }
}

/// A number as written, its quotes removed where it stands in a string.
pub(super) fn number(value: Value<'_>) -> Result<Raw, Invalid> {
    let Ok(text) = value.text() else {
        return value.number();
    };
    let inner = text.parse().and_then(|document| document.root().number());
    inner.map_err(|_| value.expected("a number"))
}

/// The value of an enum, in upper case.
pub(super) fn enum_name(value: Value<'_>) -> Result<String, Invalid> {
    Ok(value.str()?.to_ascii_uppercase())
}

/// A `bytes` field in standard base64, which the other dialects require. ProtoJSON takes both
/// alphabets, with or without padding.
///
/// google-genai (Python) writes the URL-safe one (observed with 2.34.0).
pub(super) fn base64(value: Value<'_>) -> Result<EscapedStr, Invalid> {
    let text = value.text()?;
    let plain = text.to_plain();
    if !plain.contains(['-', '_']) && plain.len().is_multiple_of(4) {
        return Ok(text);
    }
    let padding = plain.len().next_multiple_of(4) - plain.len();
    Ok(EscapedStr::from(
        plain.replace('-', "+").replace('_', "/") + &"=".repeat(padding),
    ))
}

fn to_camel_case(key: Cow<'_, str>) -> Cow<'_, str> {
    if !key.contains('_') {
        return key;
    }
    let mut camel = String::with_capacity(key.len());
    for word in key.split('_').filter(|word| !word.is_empty()) {
        if camel.is_empty() {
            camel.push_str(word);
            continue;
        }
        let first_len = word.chars().next().map_or(0, char::len_utf8);
        let (first, rest) = word.split_at(first_len);
        camel.push_str(&first.to_uppercase());
        camel.push_str(rest);
    }
    Cow::Owned(camel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    #[test]
    fn both_spellings_of_a_key_are_one() {
        for (written, name) in [
            ("system_instruction", "systemInstruction"),
            ("topP", "topP"),
            ("_odd__key", "oddKey"),
        ] {
            assert_eq!(to_camel_case(written.into()), name);
        }
    }

    #[test]
    fn bytes_are_read_in_both_alphabets() {
        for (written, standard) in [
            ("+//+", "+//+"),
            ("-__-", "+//+"),
            ("-_8", "+/8="),
            (r"+\/8=", "+/8="),
        ] {
            let document = Document::parse(format!("\"{written}\"").into()).unwrap();
            assert_eq!(base64(document.root()).unwrap().to_plain(), standard);
        }
    }

    #[test]
    fn numbers_may_stand_in_strings() {
        let document = Document::parse(r#"["12", 12, "1.50", "x"]"#.into()).unwrap();
        let items: Vec<_> = document.root().items().unwrap().collect();
        assert_eq!(count(items[0]).unwrap(), 12);
        assert_eq!(count(items[1]).unwrap(), 12);
        assert_eq!(number(items[2]).unwrap().as_str(), "1.50");
        assert_eq!(
            number(items[3]).unwrap_err().what,
            "expected a number, found `x`"
        );
    }
}
