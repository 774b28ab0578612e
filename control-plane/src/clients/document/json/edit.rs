//! Where a member is written, and what goes with one that is taken out.

use serde_json::Value;

use super::super::path::Step;
use super::super::splice::Replacement;
use super::super::tree::{Element, Found, Node, find};
use super::super::values::{as_member, wrapped};
use super::scan::{comment_end, skip_blank};
use super::write::{Layout, Style, begins_line, indent_at};

/// Writes `value` at the steps. That their parents are of the right types is known.
pub(in super::super) fn set(
    text: &str,
    root: Option<&Node>,
    steps: &[Step],
    value: &Value,
    line_end: &'static str,
) -> Vec<Replacement> {
    let style = Style::of(text, root, line_end);
    let Some(root) = root else {
        return vec![new_root(text, &style, &wrapped(steps, value))];
    };
    match find(root, steps) {
        None => vec![Replacement::new(
            root.span.clone(),
            style.value(value, Layout::Lines("")),
        )],
        Some(Found::Present { container, index }) => {
            let element = &container.elements()[index];
            let layout = layout_of(text, element);
            let value = style.value(value, layout);
            vec![Replacement::new(element.value.span.clone(), value)]
        }
        Some(Found::Missing {
            container,
            holder,
            rest,
        }) => {
            let (step, below) = rest.split_first().unwrap_or((&steps[0], &[]));
            let new = New {
                key: match step {
                    Step::Key(key) => Some(key),
                    Step::Item(_) => None,
                },
                value: as_member(step, wrapped(below, value)),
            };
            let place = Place {
                text,
                style,
                container,
            };
            match container.elements().last() {
                Some(last) if begins_line(text, last.start) => place.line_after(last, &new),
                Some(last) => place.behind(last, &new),
                None => vec![place.within_empty(holder, &new)],
            }
        }
    }
}

/// A file without a value gets one, after its comments.
fn new_root(text: &str, style: &Style<'_>, value: &Value) -> Replacement {
    let value = style.value(value, Layout::Lines(""));
    let line_end = style.line_end;
    match last_comment_end(text, 0, text.len()) {
        Some(end) => Replacement::insertion(end, format!("{line_end}{value}")),
        None if text.contains('\n') => Replacement::insertion(0, value),
        None => Replacement::insertion(0, format!("{value}{line_end}")),
    }
}

/// A value keeps the layout of the line on which its member stands.
fn layout_of<'t>(text: &'t str, element: &Element) -> Layout<'t> {
    if begins_line(text, element.start) {
        Layout::Lines(indent_at(text, element.start))
    } else {
        Layout::OneLine
    }
}

/// A member or item that is to be added.
struct New<'s> {
    key: Option<&'s str>,
    value: Value,
}

/// The object or list that gets it.
struct Place<'t> {
    text: &'t str,
    style: Style<'t>,
    container: &'t Node,
}

impl Place<'_> {
    fn written(&self, new: &New<'_>, layout: Layout<'_>) -> String {
        match new.key {
            Some(key) => self.style.member(key, &new.value, layout),
            None => self.style.value(&new.value, layout),
        }
    }

    /// A line of its own below the last one, whose comment stays with it.
    fn line_after(&self, last: &Element, new: &New<'_>) -> Vec<Replacement> {
        let indent = indent_at(self.text, last.start);
        let written = self.written(new, Layout::Lines(indent));
        let line = format!("{}{indent}{written}", self.style.line_end);
        let below = comments_end(self.text, last.end());
        match last.comma {
            Some(_) => vec![Replacement::insertion(below, line + ",")],
            None => vec![
                Replacement::insertion(last.value.span.end, ","),
                Replacement::insertion(below, line),
            ],
        }
    }

    /// On the line of the last one.
    fn behind(&self, last: &Element, new: &New<'_>) -> Vec<Replacement> {
        let written = self.written(new, Layout::OneLine);
        let separator = self.style.separator();
        let (before, after) = match last.comma {
            Some(_) => (&separator[1..], ","),
            None => (&separator[..], ""),
        };
        let text = format!("{before}{written}{after}");
        vec![Replacement::insertion(last.end(), text)]
    }

    /// Between the brackets of an empty object or list, below the comments in it.
    fn within_empty(&self, holder: Option<&Element>, new: &New<'_>) -> Replacement {
        let inner = self.container.span.start + 1..self.container.span.end - 1;
        let text = self.text;
        let outer_indent = indent_at(text, self.container.span.start);
        let indent = format!("{outer_indent}{}", self.style.indent);
        let line_end = self.style.line_end;
        let line = || {
            let written = self.written(new, Layout::Lines(&indent));
            format!("{line_end}{indent}{written}")
        };
        let has_lines = text[inner.clone()].contains('\n');
        match last_comment_end(text, inner.start, inner.end) {
            Some(end) if has_lines => Replacement::insertion(end, line()),
            Some(end) => {
                let written = self.written(new, Layout::OneLine);
                Replacement::insertion(end, format!(" {written}"))
            }
            None if has_lines || holder.is_none_or(|holder| begins_line(text, holder.start)) => {
                Replacement::new(inner, format!("{}{line_end}{outer_indent}", line()))
            }
            None => Replacement::new(inner, self.written(new, Layout::OneLine)),
        }
    }
}

/// Takes out what stands at the steps: a member with its comma and its line.
pub(in super::super) fn remove(
    text: &str,
    root: Option<&Node>,
    steps: &[Step],
) -> Vec<Replacement> {
    let Some(Found::Present { container, index }) = root.and_then(|root| find(root, steps)) else {
        return Vec::new();
    };
    let elements = container.elements();
    let element = &elements[index];
    let inner = container.span.start + 1..container.span.end - 1;
    let is_last = index + 1 == elements.len();
    let previous = index.checked_sub(1).map(|index| &elements[index]);
    let from = previous.map_or(inner.start, Element::end);
    let comment = last_comment_end(text, from, element.start);
    if elements.len() == 1 && comment.is_none() && skip_blank(text, element.end()) == inner.end {
        return vec![Replacement::removal(inner)];
    }
    let gap_start = comment.unwrap_or(from);
    let element_range =
        if begins_line(text, element.start) && ends_line(text, element.end(), inner.end) {
            line_start(text, element.start)..element.end()
        } else if begins_line(text, element.start) || previous.is_none() && comment.is_none() {
            element.start..skip_spaces(text, element.end())
        } else {
            gap_start..element.end()
        };
    let removal = Replacement::removal(element_range);
    // The comma before the last one goes with it, unless the list has one after the last as well.
    match previous.and_then(|previous| previous.comma) {
        Some(comma) if is_last && element.comma.is_none() => {
            vec![Replacement::removal(comma..comma + 1), removal]
        }
        _ => vec![removal],
    }
}

/// The end of the line before the one of `at`.
fn line_start(text: &str, at: usize) -> usize {
    let before = text[..at].trim_end_matches([' ', '\t']);
    let before = before.strip_suffix('\n').unwrap_or(before);
    before.strip_suffix('\r').unwrap_or(before).len()
}

fn skip_spaces(text: &str, at: usize) -> usize {
    let rest = text[at..].trim_start_matches([' ', '\t']);
    text.len() - rest.len()
}

/// Whether nothing follows `at` on its line, or only the bracket at `close`.
fn ends_line(text: &str, at: usize, close: usize) -> bool {
    let end = skip_spaces(text, at);
    end == close || text[end..].starts_with(['\n', '\r'])
}

/// Where the comments end that follow `at` on its line.
fn comments_end(text: &str, at: usize) -> usize {
    let mut end = at;
    while let Some(Some(comment)) = comment_end(text, skip_spaces(text, end)) {
        end = comment;
    }
    end
}

/// Where the last comment between two elements ends.
fn last_comment_end(text: &str, from: usize, to: usize) -> Option<usize> {
    let (mut at, mut last) = (from, None);
    loop {
        at = skip_blank(text, at);
        match comment_end(text, at) {
            Some(Some(end)) if end <= to => (at, last) = (end, Some(end)),
            _ => return last,
        }
    }
}
