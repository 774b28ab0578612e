//! A body for a reader: JSON in lines, long texts cut with their size, media named and not shown.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sha2::{Digest as _, Sha256};

use crate::json::{Document, Kind, Value};
use crate::record::bodies::RecordedBody;

/// A longer text is cut, with its size.
const TEXT_BYTES_MAX: usize = 2_000;
/// A shorter text in Base64 is shown as it is.
const MEDIA_BYTES_MIN: usize = 200;
/// The members beside media that name their type.
const TYPE_KEYS: [&str; 4] = ["media_type", "mimeType", "mime_type", "format"];

/// The body, where it is text: a character that the cap cut is left out.
pub(super) fn text_of(body: &RecordedBody) -> Option<&str> {
    let bytes = &body.bytes[..];
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if body.is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let steers = |c: char| c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t');
    (!text.contains(steers)).then_some(text)
}

/// The text for a reader. What is no JSON stays as it is, its long lines cut.
pub fn readable(text: &str) -> String {
    match Document::parse(text.as_bytes().to_vec().into()) {
        Ok(document) => {
            let mut out = String::new();
            write_value(&mut out, document.root(), 0, None);
            out
        }
        Err(_) => text.split_inclusive('\n').map(cut).collect(),
    }
}

/// A line or a text, cut where it is long.
fn cut(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=TEXT_BYTES_MAX)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    let line_end = if text.ends_with('\n') { "\n" } else { "" };
    format!(
        "{}\u{2026} ({} in all){line_end}",
        &text[..end],
        size(text.len())
    )
}

/// `214 kB`, `17 bytes`.
pub fn size(bytes: usize) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

fn write_value(out: &mut String, value: Value<'_>, depth: usize, media_type: Option<&str>) {
    match value.kind() {
        Kind::Object => write_members(out, value, depth),
        Kind::Array => write_items(out, value, depth),
        Kind::String => write_text(out, value, media_type),
        Kind::Null | Kind::Bool | Kind::Number => out.push_str(value.as_written()),
    }
}

fn write_members(out: &mut String, object: Value<'_>, depth: usize) {
    let named = TYPE_KEYS.iter().find_map(|key| object.get(key)?.str().ok());
    let mut is_empty = true;
    for (key, value) in object.members().into_iter().flatten() {
        out.push_str(if is_empty { "{" } else { "," });
        new_line(out, depth + 1);
        is_empty = false;
        out.push_str(&serde_json::Value::from(&*key).to_string());
        out.push_str(": ");
        write_value(out, value, depth + 1, named.as_deref());
    }
    close(out, is_empty, ["{}", "}"], depth);
}

fn write_items(out: &mut String, array: Value<'_>, depth: usize) {
    let mut is_empty = true;
    for value in array.items().into_iter().flatten() {
        out.push_str(if is_empty { "[" } else { "," });
        new_line(out, depth + 1);
        is_empty = false;
        write_value(out, value, depth + 1, None);
    }
    close(out, is_empty, ["[]", "]"], depth);
}

fn close(out: &mut String, is_empty: bool, [empty, end]: [&str; 2], depth: usize) {
    if is_empty {
        return out.push_str(empty);
    }
    new_line(out, depth);
    out.push_str(end);
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    (0..depth).for_each(|_| out.push_str("  "));
}

fn write_text(out: &mut String, value: Value<'_>, media_type: Option<&str>) {
    let text = value.str().unwrap_or_default();
    match media(&text, media_type) {
        Some(media) => out.push_str(&media),
        None if text.len() <= TEXT_BYTES_MAX => out.push_str(value.as_written()),
        None => out.push_str(&serde_json::Value::from(cut(&text)).to_string()),
    }
}

/// `image, png, 214 kB, SHA-256 3fa1…`, where a text is media in Base64.
fn media(text: &str, media_type: Option<&str>) -> Option<String> {
    let (named, data) = match text.strip_prefix("data:") {
        Some(url) => {
            let (named, data) = url.split_once(";base64,")?;
            (Some(named), data)
        }
        None => (media_type, text),
    };
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
    if data.len() < MEDIA_BYTES_MIN || !data.bytes().all(is_base64) {
        return None;
    }
    let bytes = STANDARD
        .decode(data)
        .or_else(|_| URL_SAFE.decode(data))
        .ok()?;
    let (family, form) = match named.and_then(|named| named.split_once('/')) {
        Some((family, form)) => (family, form),
        None => sniffed(&bytes).unwrap_or(("bytes", named.unwrap_or("unknown form"))),
    };
    let digest = hex::encode(Sha256::digest(&bytes));
    let family = crate::host::printable::escape(family).into_owned();
    Some(format!(
        "({family}, {}, {}, SHA-256 {}\u{2026})",
        crate::host::printable::escape(form),
        size(bytes.len()),
        &digest[..8]
    ))
}

/// The form of media by how they begin.
fn sniffed(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let forms: [(&[u8], _); 7] = [
        (b"\x89PNG", ("image", "png")),
        (b"\xff\xd8\xff", ("image", "jpeg")),
        (b"GIF8", ("image", "gif")),
        (b"RIFF", ("audio", "wav")),
        (b"ID3", ("audio", "mpeg")),
        (b"OggS", ("audio", "ogg")),
        (b"%PDF", ("application", "pdf")),
    ];
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(("image", "webp"));
    }
    let known = forms.iter().find(|(start, _)| bytes.starts_with(start));
    known.map(|(_, form)| *form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png() -> String {
        STANDARD.encode([&b"\x89PNG"[..], &[7; 600]].concat())
    }

    #[test]
    fn json_is_shown_in_lines_with_its_numbers_as_written() {
        assert_eq!(
            readable(r#"{"a":[1.0,{}],"b":[],"c":"x\ny"}"#),
            "{\n  \"a\": [\n    1.0,\n    {}\n  ],\n  \"b\": [],\n  \"c\": \"x\\ny\"\n}"
        );
    }

    #[test]
    fn media_are_named_and_not_shown() {
        let digest = hex::encode(Sha256::digest([&b"\x89PNG"[..], &[7; 600]].concat()));
        let named = format!("604 bytes, SHA-256 {}\u{2026})", &digest[..8]);
        for (json, form) in [
            (
                format!(r#"{{"media_type":"image/png","data":"{}"}}"#, png()),
                "(image, png, ",
            ),
            (
                format!(r#"{{"url":"data:image/webp;base64,{}"}}"#, png()),
                "(image, webp, ",
            ),
            (format!(r#"["{}"]"#, png()), "(image, png, "),
            (
                format!(r#"{{"format":"wav","data":"{}"}}"#, png()),
                "(image, png, ",
            ),
        ] {
            let shown = readable(&json);
            assert!(shown.contains(&format!("{form}{named}")), "{shown}");
            assert!(!shown.contains("BwcHBwcH"), "{shown}");
        }
    }

    #[test]
    fn a_long_text_is_cut_with_its_size() {
        let long = "ü".repeat(10_000);
        let shown = readable(&format!(r#"{{"a":"{long}"}}"#));
        assert!(
            shown.len() < 2_200 && shown.ends_with("\u{2026} (20 kB in all)\"\n}"),
            "{shown}"
        );
        let line = readable(&format!("data: {long}\n\ndata: x\n"));
        assert!(line.ends_with("(20 kB in all)\n\ndata: x\n"), "{line}");
    }
}
