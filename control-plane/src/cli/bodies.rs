//! The bodies of a request, in the order of travel, and what differs between them.

use crate::control::body_diff::{BodyComparison, ChangeFacts, ChangeNote};
use crate::control::body_facts::{BodyFacts, HeaderFacts, RequestBodies};
use crate::control::body_text::{readable, size};
use crate::host::printable::escape_lines;

pub(super) fn lines(bodies: &RequestBodies) -> Vec<String> {
    if bodies.bodies.is_empty() {
        return not_kept();
    }
    let differences = bodies.comparisons.iter().flat_map(comparison);
    let each = bodies.bodies.iter().flat_map(body);
    differences.chain(each).collect()
}

fn not_kept() -> Vec<String> {
    [
        "bodies: of this request none are kept; of later ones they are with",
        "  aerostat records bodies all --for 15m",
        "  aerostat records bodies --next-failures 10",
    ]
    .map(str::to_owned)
    .into()
}

fn comparison(compared: &BodyComparison) -> Vec<String> {
    let mut lines = vec![format!(
        "{} against {} (attempt {}): {}",
        direction(&compared.from),
        direction(&compared.to),
        compared.attempt,
        compared.text
    )];
    lines.extend(compared.changes.iter().map(change));
    if compared.left_out > 0 {
        lines.push(format!("  and {} more", compared.left_out));
    }
    lines
}

fn change(change: &ChangeFacts) -> String {
    let side = |side: &Option<String>| side.clone().unwrap_or_default();
    let (from, to) = (side(&change.from), side(&change.to));
    let (before, after) = (side(&change.before), side(&change.after));
    let what = match change.kind.as_str() {
        "added" => format!("+ {to}: {after}"),
        "removed" => format!("- {from}: {before}"),
        "moved" => format!("> {from} -> {to}"),
        _ if from == to => format!("~ {from}: {before} -> {after}"),
        _ => format!("~ {from} -> {to}: {before} -> {after}"),
    };
    let count = match change.count {
        1 => String::new(),
        count => format!(" ({count} times)"),
    };
    format!("  {what}{count}{}", note(change.note.as_ref()))
}

fn note(note: Option<&ChangeNote>) -> String {
    match note {
        Some(ChangeNote::Loss { loss }) => format!("  [{} {}]", loss.kind, loss.path),
        Some(ChangeNote::Model) => "  [the model's name]".to_owned(),
        // The dialects differ in nearly every line.
        Some(ChangeNote::Dialect) => String::new(),
        None => "  [nothing explains this]".to_owned(),
    }
}

fn direction(name: &str) -> &str {
    match name {
        "client_sent" => "what the client sent",
        "went_upstream" => "what went upstream",
        "came_back" => "what came back",
        "client_got" => "what the client got",
        other => other,
    }
}

fn body(body: &BodyFacts) -> Vec<String> {
    let mut lines = vec![String::new(), heading(body)];
    lines.extend(body.headers.iter().map(header));
    let text = match (&body.text, &body.base64) {
        (Some(text), _) if body.events.is_empty() => readable(text),
        (Some(text), _) => events(body, text),
        (None, Some(_)) => format!("({} that are no text)", size(body.kept_bytes())),
        (None, None) => String::new(),
    };
    lines.extend(escape_lines(&text).lines().map(str::to_owned));
    if body.is_cut {
        let kept = body.kept_bytes();
        let whole = usize::try_from(body.bytes).unwrap_or(usize::MAX);
        lines.push(format!("(cut off here: {} of {})", size(kept), size(whole)));
    }
    lines
}

fn heading(body: &BodyFacts) -> String {
    let attempt = body
        .attempt
        .map(|attempt| format!(", attempt {attempt}"))
        .unwrap_or_default();
    let start = match (&body.method, &body.target, body.status) {
        (Some(method), Some(target), _) => format!("{method} {target}"),
        (_, _, Some(status)) => status.to_string(),
        _ => String::new(),
    };
    let redacted = match body.redactions {
        0 => String::new(),
        1 => ", 1 secret redacted".to_owned(),
        count => format!(", {count} secrets redacted"),
    };
    let bytes = usize::try_from(body.bytes).unwrap_or(usize::MAX);
    format!(
        "== {}{attempt}: {start} ({}{redacted})",
        direction(&body.direction),
        size(bytes)
    )
}

fn header(header: &HeaderFacts) -> String {
    match &header.value {
        Some(value) => format!("{}: {value}", header.name),
        None => format!(
            "{}: ({}, not kept)",
            header.name,
            size(header.bytes as usize)
        ),
    }
}

/// The events of a stream, each with its time.
fn events(body: &BodyFacts, text: &str) -> String {
    let mut shown = String::new();
    for event in &body.events {
        let part = text.get(event.from..event.to).unwrap_or_default();
        shown.push_str(&format!(
            "[{} ms]\n{}\n",
            event.at_ms,
            readable(part).trim_end()
        ));
    }
    if body.events_left_out > 0 {
        shown.push_str(&format!("(and {} events more)\n", body.events_left_out));
    }
    shown
}
