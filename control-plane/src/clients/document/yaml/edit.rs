//! Where a member is written, and what goes with one that is taken out.

use std::ops::Range;

use serde_json::Value;

use super::super::path::Step;
use super::super::splice::Replacement;
use super::super::tree::{Content, Element, Found, Node, find};
use super::super::values::{as_member, wrapped};
use super::scan::line_start;
use super::write;

/// Writes `value` at the steps. That their parents are of the right types, or nothing, is known.
pub(in super::super) fn set(
    text: &str,
    root: Option<&Node>,
    steps: &[Step],
    value: &Value,
    line_end: &'static str,
) -> Vec<Replacement> {
    let place = Place { text, line_end };
    let Some(root) = root else {
        return vec![place.new_root(&wrapped(steps, value))];
    };
    vec![match find(root, steps) {
        None => Replacement::new(root.span.clone(), place.lines(&write::lines(value, 0))),
        Some(Found::Present { container, index }) => {
            place.replaced(container, &container.elements()[index], value)
        }
        Some(Found::Missing {
            container,
            holder,
            rest,
        }) => match (&container.content, holder) {
            // Nothing stands there: the parent gets a value.
            (Content::Scalar(_), Some(holder)) => {
                let value = wrapped(rest, value);
                place.replaced(container, holder, &value)
            }
            (Content::Scalar(_), None) => {
                let value = write::lines(&wrapped(rest, value), 0);
                Replacement::new(root.span.clone(), place.lines(&value))
            }
            _ => {
                let (step, below) = rest.split_first().unwrap_or((&steps[0], &[]));
                let key = match step {
                    Step::Key(key) => Some(&**key),
                    Step::Item(_) => None,
                };
                place.added(container, key, &as_member(step, wrapped(below, value)))
            }
        },
    }]
}

struct Place<'t> {
    text: &'t str,
    line_end: &'static str,
}

impl Place<'_> {
    fn lines(&self, lines: &str) -> String {
        lines.replace('\n', self.line_end)
    }

    /// A file without a value gets one below its comments.
    fn new_root(&self, value: &Value) -> Replacement {
        let (text, line_end) = (self.text, self.line_end);
        let lines = self.lines(&write::lines(value, 0));
        let at = text.trim_end().len();
        if at == 0 {
            return Replacement::insertion(0, lines + line_end);
        }
        Replacement::insertion(at, format!("{line_end}{lines}"))
    }

    /// A value in place of another; a scalar within its line.
    fn replaced(&self, container: &Node, element: &Element, value: &Value) -> Replacement {
        let old = element.value.span.clone();
        let is_in_flow = is_flow(self.text, container);
        let is_line = |node: &Node| matches!(node.content, Content::Scalar(_));
        let stays_in_line = is_line(&element.value) || is_flow(self.text, &element.value);
        let is_scalar = !matches!(value, Value::Object(_) | Value::Array(_));
        if is_in_flow || stays_in_line && is_scalar {
            let space = if old.is_empty() { " " } else { "" };
            return Replacement::new(old, format!("{space}{}", write::inline(value)));
        }
        let column = element.start - line_start(self.text, element.start);
        if old.is_empty() {
            // Below the line, whose comment stays.
            let at = line_end_at(self.text, old.end);
            let indent = " ".repeat(column + 2);
            let lines = self.lines(&write::lines(value, column + 2));
            return Replacement::insertion(at, format!("{}{indent}{lines}", self.line_end));
        }
        let lines = write::element(element.key.as_deref(), value, column);
        Replacement::new(element.start..old.end, self.lines(&lines))
    }

    fn added(&self, container: &Node, key: Option<&str>, value: &Value) -> Replacement {
        let last = container.elements().last();
        if is_flow(self.text, container) {
            return added_in_flow(container, last, key, value);
        }
        let last = last.map_or(container.span.end, |last| last.value.span.end);
        let column = container.span.start - line_start(self.text, container.span.start);
        let lines = self.lines(&write::element(key, value, column));
        let at = below_comments(self.text, last, column);
        let indent = " ".repeat(column);
        Replacement::insertion(at, format!("{}{indent}{lines}", self.line_end))
    }
}

fn added_in_flow(
    container: &Node,
    last: Option<&Element>,
    key: Option<&str>,
    value: &Value,
) -> Replacement {
    let new = match key {
        Some(key) => write::pair(key, value),
        None => write::inline(value),
    };
    let inner = container.span.start + 1..container.span.end - 1;
    match last {
        None => Replacement::new(inner, new),
        Some(last) if last.comma.is_some() => {
            Replacement::insertion(last.end(), format!(" {new},"))
        }
        Some(last) => Replacement::insertion(last.end(), format!(", {new}")),
    }
}

fn is_flow(text: &str, node: &Node) -> bool {
    text[node.span.clone()].starts_with(['[', '{'])
}

/// The end of the line of `at`, or of the comments below it that are indented deeper than
/// `column`: they belong to what stands above.
fn below_comments(text: &str, at: usize, column: usize) -> usize {
    let mut end = line_end_at(text, at);
    loop {
        let next = next_line(text, end);
        let line = text[next..].lines().next().unwrap_or_default();
        let comment = line.trim_start();
        if next == end || !comment.starts_with('#') || line.len() - comment.len() <= column {
            return end;
        }
        end = next + line.len();
    }
}

fn line_end_at(text: &str, at: usize) -> usize {
    let line = text[at..].lines().next().unwrap_or_default();
    at + line.len()
}

fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(at, |end| at + end + 1)
}

/// Takes out what stands at the steps, with its lines. A collection that would have no line left
/// is written as `[]` or `{}`, since without one it would be null.
pub(in super::super) fn remove(
    text: &str,
    root: Option<&Node>,
    steps: &[Step],
) -> Vec<Replacement> {
    let Some(root) = root else { return Vec::new() };
    let Some(Found::Present { container, index }) = find(root, steps) else {
        return Vec::new();
    };
    let elements = container.elements();
    let element = &elements[index];
    if is_flow(text, container) {
        return removed_from_flow(text, container, index);
    }
    if elements.len() > 1 || std::ptr::eq(container, root) {
        return vec![Replacement::removal(lines_of(
            text,
            element,
            elements.get(index + 1),
        ))];
    }
    let empty = match container.content {
        Content::List(_) => "[]",
        _ => "{}",
    };
    // Behind the colon or the dash, where the first line may have begun on the next one.
    let before = text[..container.span.start].trim_end();
    let is_behind = before.ends_with([':', '-']);
    let (start, space) = match is_behind {
        true => (before.len(), " "),
        false => (container.span.start, ""),
    };
    vec![Replacement::new(
        start..element.value.span.end,
        format!("{space}{empty}"),
    )]
}

/// An element of a block with its line. A comment behind it stays.
fn lines_of(text: &str, element: &Element, next: Option<&Element>) -> Range<usize> {
    let (start, end) = (element.start, element.value.span.end);
    let line = line_start(text, start);
    let is_first_on_line = text[line..start].trim().is_empty();
    if !is_first_on_line {
        // Behind a dash: what follows takes its place.
        return start..next.map_or(end, |next| next.start);
    }
    let line_end = line_end_at(text, end);
    let behind = &text[end..line_end];
    if !behind.trim().is_empty() {
        return start..line_end - behind.trim_start().len();
    }
    match text[..line].strip_suffix('\n') {
        Some(before) => before.strip_suffix('\r').unwrap_or(before).len()..line_end,
        None => 0..next_line(text, line_end).max(line_end),
    }
}

fn removed_from_flow(text: &str, container: &Node, index: usize) -> Vec<Replacement> {
    let elements = container.elements();
    let element = &elements[index];
    let inner = container.span.start + 1..container.span.end - 1;
    if elements.len() == 1 && text[element.end()..inner.end].trim().is_empty() {
        return vec![Replacement::removal(inner)];
    }
    match (index.checked_sub(1), elements.get(index + 1)) {
        (None, Some(next)) => vec![Replacement::removal(element.start..next.start)],
        (None, None) => vec![Replacement::removal(element.start..element.end())],
        (Some(previous), _) => {
            let previous = &elements[previous];
            // The comma before goes, one behind stays.
            let start = match element.comma {
                Some(_) => previous.end(),
                None => previous.value.span.end,
            };
            vec![Replacement::removal(start..element.end())]
        }
    }
}
