//! What became of a request, as text that a reader can hold against the references.

use std::fmt::Write as _;

use super::{Case, Outcome};

/// The longest value that is written on one line.
const LINE_BYTES_MAX: usize = 120;

/// What differs from the golden; writes it anew where that is asked for.
pub(super) fn compare(case: &Case, outcomes: &[Outcome]) -> Option<String> {
    let file = case.file.with_extension("golden");
    let now = sections(outcomes);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(file, now).expect("the folder can be written");
        return None;
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    (golden != now).then(|| format!("{}: differs from its golden; it now is\n{now}", case.name()))
}

/// One section an outcome; upstreams with the same outcome share one.
fn sections(outcomes: &[Outcome]) -> String {
    let mut sections: Vec<(String, String)> = Vec::new();
    for outcome in outcomes {
        let told = tell(outcome);
        match sections.iter_mut().find(|(_, other)| *other == told) {
            Some((models, _)) => models.push_str(&format!(", {}", outcome.model)),
            None => sections.push((outcome.model.clone(), told)),
        }
    }
    sections
        .iter()
        .map(|(models, told)| format!("== {models}\n{told}\n"))
        .collect()
}

fn tell(outcome: &Outcome) -> String {
    let answer = &outcome.exchanged.answer;
    let mut told = String::new();
    for header in ["dropped", "adjusted"] {
        if let Some(names) = answer.header(&format!("x-aerostat-{header}")) {
            let _ = writeln!(told, "{header}: {names}");
        }
    }
    match &outcome.exchanged.received {
        Some(received) => {
            let body = String::from_utf8_lossy(&received.body).replace(&model_member(outcome), "");
            let body = if told.contains("+max_tokens") || told.contains("+maxOutputTokens") {
                with_named_limit(&body)
            } else {
                body
            };
            let _ = writeln!(told, "{}", pretty(&body));
        }
        None => {
            let _ = writeln!(told, "{} {}", answer.status, message(&answer.json()));
        }
    }
    told
}

/// The upstream's name of the model, which the section's title says already.
fn model_member(outcome: &Outcome) -> String {
    let (_, name) = outcome
        .model
        .split_once('/')
        .expect("a provider and a model");
    format!("\"model\":\"{name}\",")
}

/// The body with a word for the output limit that was added: each model has its own, and `limits`
/// checks the figures.
fn with_named_limit(body: &str) -> String {
    let mut named = body.to_owned();
    for member in [r#""max_tokens":"#, r#""maxOutputTokens":"#] {
        let Some(at) = named.find(member) else {
            continue;
        };
        let value = at + member.len();
        let digits = named[value..]
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(named.len() - value);
        named.replace_range(value..value + digits, r#""the model's own""#);
    }
    named
}

fn message(body: &serde_json::Value) -> &str {
    let error = &body["error"];
    let message = error["message"].as_str().or_else(|| error.as_str());
    message.expect("an error has a message")
}

/// JSON with line breaks, every token as it was written.
fn pretty(json: &str) -> String {
    let mut out = String::new();
    write_value(json.trim(), 0, &mut out);
    out
}

fn write_value(value: &str, depth: usize, out: &mut String) {
    let is_nested = value.starts_with(['{', '[']);
    if !is_nested || value.len() + depth <= LINE_BYTES_MAX {
        out.push_str(value);
        return;
    }
    out.push_str(&value[..1]);
    for (index, element) in elements(&value[1..value.len() - 1]).into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(out, "{comma}\n{:depth$}  ", "");
        let (key, value) = split_key(element);
        out.push_str(key);
        write_value(value, depth + 2, out);
    }
    let _ = write!(out, "\n{:depth$}{}", "", &value[value.len() - 1..]);
}

/// What stands between the commas of this level.
fn elements(inside: &str) -> Vec<&str> {
    let cuts = top_level(inside, b',');
    let ends = cuts.iter().copied().chain([inside.len()]);
    let starts = [0].into_iter().chain(cuts.iter().map(|cut| cut + 1));
    starts
        .zip(ends)
        .map(|(start, end)| inside[start..end].trim())
        .collect()
}

/// A member's key with its colon, and its value; no key in arrays.
fn split_key(element: &str) -> (&str, &str) {
    match top_level(element, b':').first() {
        Some(colon) => element.split_at(colon + 1),
        None => ("", element),
    }
}

/// Where `wanted` stands outside strings and nested values.
fn top_level(json: &str, wanted: u8) -> Vec<usize> {
    let (mut found, mut depth, mut in_string, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ if depth == 0 && byte == wanted => found.push(at),
            _ => {}
        }
    }
    found
}

#[test]
fn line_breaks_change_no_token() {
    let long = format!(
        r#"{{"a":[1.10,{{"b":"x,y:\"{{"}}],"c":"{}"}}"#,
        "d".repeat(LINE_BYTES_MAX)
    );
    let flat: String = pretty(&long).lines().map(str::trim_start).collect();
    assert_eq!(flat, long);
}
