//! Scalars: where they end, and what they say.

use serde_json::Value;

/// What a plain scalar says. One over several lines is its text.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => match serde_json::from_str::<serde_json::Number>(text) {
            Ok(number) => number.into(),
            Err(_) => text.into(),
        },
    }
}

/// What a scalar in quotes says; with escapes of YAML alone, or over several lines, it is its text.
pub(super) fn quoted(text: &str) -> Value {
    if text.contains('\n') {
        return text.into();
    }
    match text.strip_prefix('\'') {
        Some(rest) => rest
            .strip_suffix('\'')
            .unwrap_or(rest)
            .replace("''", "'")
            .into(),
        None => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

/// A key is a text, whatever else it looks like.
pub(super) fn key(text: &str) -> String {
    if !text.starts_with(['"', '\'']) {
        return text.to_owned();
    }
    match quoted(text) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The length of the scalar in quotes that begins here, quotes included.
pub(super) fn quoted_len(text: &str) -> Option<usize> {
    let quote = text.as_bytes().first()?;
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if *quote == b'"' => at += 2,
            b'\'' if *quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 2,
            byte if byte == *quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// The length of the plain key that begins here, up to its colon.
pub(super) fn plain_key_len(text: &str) -> Option<usize> {
    let line = plain_line(text);
    let colon = line.find(": ").or_else(|| line.find(":\t"));
    let end = colon.or_else(|| line.strip_suffix(':').map(str::len))?;
    let key = line[..end].trim_end();
    (!key.is_empty()).then_some(key.len())
}

/// The plain scalar on this line, without a comment.
fn plain_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let comment = line.find(" #").or_else(|| line.find("\t#"));
    line[..comment.unwrap_or(line.len())].trim_end()
}

/// The length of a plain scalar, which goes on in lines that are indented deeper than `parent`.
pub(super) fn plain_len(text: &str, parent: Option<usize>) -> usize {
    let first = plain_line(text);
    let mut len = first.len();
    // A comment ends it.
    let mut is_open = text
        .lines()
        .next()
        .is_some_and(|line| line.trim_end() == first);
    let mut at = next_line(text, 0);
    while is_open && at < text.len() {
        let line = text[at..].lines().next().unwrap_or_default();
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if !content.is_empty() {
            if parent.is_some_and(|parent| indent <= parent) || content.starts_with('#') {
                break;
            }
            let part = plain_line(content);
            is_open = part == content.trim_end();
            len = at + indent + part.len();
        }
        at = next_line(text, at);
    }
    len
}

/// The text of a block scalar (`|`, `>`) and its length, with its header.
pub(super) fn block(text: &str, parent: Option<usize>) -> (&str, usize) {
    let header = text.lines().next().unwrap_or_default();
    let marks = header.split(" #").next().unwrap_or_default();
    let keeps_end = marks.contains('+');
    let given = marks
        .chars()
        .find_map(|c| c.to_digit(10))
        .map(|digit| digit as usize);
    let base = parent.map_or(0, |parent| parent + 1);
    let mut indent = given.map(|given| given + base.saturating_sub(1));
    let (mut at, mut end) = (next_line(text, 0), header.trim_end().len());
    while at < text.len() {
        let line = text[at..].lines().next().unwrap_or_default();
        let spaces = line.len() - line.trim_start_matches(' ').len();
        if line.trim().is_empty() {
            end = if keeps_end { at + line.len() } else { end };
        } else {
            if spaces < *indent.get_or_insert(spaces.max(base)) {
                break;
            }
            end = at + line.len();
        }
        at = next_line(text, at);
    }
    (&text[..end], end)
}

fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}
