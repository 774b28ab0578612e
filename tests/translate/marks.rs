//! Whether the losses are true: each marked value of a request is either at the upstream or named,
//! and never both.

use serde_json::Value;

use super::{Case, Outcome};

/// What is untrue in what the client was told of this outcome. A refused request was told as a
/// whole.
pub(super) fn untrue(case: &Case, outcome: &Outcome) -> Vec<String> {
    let Some(received) = outcome
        .exchanged
        .received
        .as_ref()
        .filter(|_| outcome.exchanged.answer.status == 200)
    else {
        return Vec::new();
    };
    let request: Value = serde_json::from_str(&case.body).unwrap_or_default();
    let mut marked = Vec::new();
    collect(&request, String::new(), &mut marked);
    let dropped = outcome.named("x-aerostat-dropped");
    let adjusted: Vec<_> = outcome
        .named("x-aerostat-adjusted")
        .iter()
        .filter_map(|name| name.strip_prefix('~'))
        .collect();
    let sent = format!(
        "{} {}",
        received.path,
        String::from_utf8_lossy(&received.body)
    );
    let judge = |(path, mark): &(String, String)| {
        let is_named = dropped.iter().any(|name| covers(name, path));
        let is_approximated = adjusted.iter().any(|name| covers(name, path));
        match (is_named, sent.contains(mark.as_str())) {
            (true, true) => Some("is named as dropped, and was carried"),
            (false, false) if !is_approximated => Some("was dropped, and is not named"),
            _ => None,
        }
        .map(|what| {
            format!(
                "{} -> {}: `{path}` ({mark}) {what}",
                case.name(),
                outcome.model
            )
        })
    };
    marked.iter().filter_map(judge).collect()
}

/// Whether a name is that path's, or that of an object or array around it.
fn covers(name: &str, path: &str) -> bool {
    // What a header cannot hold is written as `?`.
    let path: String = path
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && c != ',' {
                c
            } else {
                '?'
            }
        })
        .collect();
    path.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn collect(value: &Value, path: String, marked: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(key, member)| collect(member, join(&path, key), marked));
        }
        Value::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(index, element)| collect(element, format!("{path}[{index}]"), marked));
        }
        Value::String(text) => marked.extend(marks_in(text).map(|mark| (path.clone(), mark))),
        Value::Number(number) => {
            let number = number.to_string();
            if number.contains("700") {
                marked.push((path, number));
            }
        }
        _ => {}
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The marks in a text: `zq` and two digits.
fn marks_in(text: &str) -> impl Iterator<Item = String> {
    text.match_indices("zq")
        .filter_map(|(at, _)| text.get(at..at + 4))
        .filter(|mark| mark[2..].bytes().all(|b| b.is_ascii_digit()))
        .map(str::to_owned)
}
