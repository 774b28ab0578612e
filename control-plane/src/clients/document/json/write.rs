//! Values as text, in the style of the file around them.

use serde_json::Value;

use super::super::path::quoted;
use super::super::tree::{Element, Node};

/// How a file is laid out.
pub(super) struct Style<'t> {
    /// One step of indentation.
    pub(super) indent: &'t str,
    pub(super) line_end: &'static str,
    /// Whether a space follows colons, and commas within a line.
    pub(super) is_spaced: bool,
}

/// Where a value is written.
#[derive(Clone, Copy)]
pub(super) enum Layout<'t> {
    /// A line for each member, below a line with this indentation.
    Lines(&'t str),
    OneLine,
}

impl<'t> Style<'t> {
    /// The style of `text`, by its first line that is indented and its first member.
    pub(super) fn of(text: &'t str, root: Option<&Node>, line_end: &'static str) -> Self {
        let indent = root.and_then(|root| indent(text, root)).unwrap_or("  ");
        Self {
            indent,
            line_end,
            is_spaced: root.and_then(|root| is_spaced(text, root)).unwrap_or(true),
        }
    }

    fn space(&self) -> &'static str {
        if self.is_spaced { " " } else { "" }
    }

    /// What separates two elements within a line.
    pub(super) fn separator(&self) -> String {
        format!(",{}", self.space())
    }

    pub(super) fn member(&self, key: &str, value: &Value, layout: Layout<'_>) -> String {
        let value = self.value(value, layout);
        format!("{}:{}{value}", quoted(key), self.space())
    }

    pub(super) fn value(&self, value: &Value, layout: Layout<'_>) -> String {
        let inner_indent;
        let inner = match layout {
            Layout::OneLine => layout,
            Layout::Lines(indent) => {
                inner_indent = format!("{indent}{}", self.indent);
                Layout::Lines(&inner_indent)
            }
        };
        match value {
            Value::String(text) => quoted(text),
            Value::Object(members) => {
                let members = members.iter();
                let members = members.map(|(key, value)| self.member(key, value, inner));
                self.enclosed('{', &members.collect::<Vec<_>>(), '}', layout)
            }
            Value::Array(items) => {
                let items = items.iter().map(|item| self.value(item, inner));
                self.enclosed('[', &items.collect::<Vec<_>>(), ']', layout)
            }
            scalar => scalar.to_string(),
        }
    }

    fn enclosed(&self, open: char, parts: &[String], close: char, layout: Layout<'_>) -> String {
        match layout {
            Layout::Lines(indent) if !parts.is_empty() => {
                let line = format!("{}{indent}", self.line_end);
                let inner_line = format!("{line}{}", self.indent);
                let parts = parts.join(&format!(",{inner_line}"));
                format!("{open}{inner_line}{parts}{line}{close}")
            }
            _ => format!("{open}{}{close}", parts.join(&self.separator())),
        }
    }
}

/// The white space at the start of the line of `at`.
pub(super) fn indent_at(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = &text[start..];
    let rest = line.trim_start_matches([' ', '\t']);
    &line[..line.len() - rest.len()]
}

/// Whether nothing but white space stands before `at` on its line, and a line ends before it.
pub(super) fn begins_line(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches([' ', '\t']);
    before.ends_with('\n')
}

fn indent<'t>(text: &'t str, node: &Node) -> Option<&'t str> {
    let outer = indent_at(text, node.span.start);
    let step = |element: &Element| {
        let inner = indent_at(text, element.start);
        let step = inner.strip_prefix(outer).filter(|step| !step.is_empty());
        step.filter(|_| begins_line(text, element.start))
    };
    let elements = node.elements();
    let own = elements.first().and_then(step);
    own.or_else(|| {
        elements
            .iter()
            .find_map(|element| indent(text, &element.value))
    })
}

fn is_spaced(text: &str, node: &Node) -> Option<bool> {
    let elements = node.elements();
    let by_key = |element: &Element| {
        element.key.as_ref()?;
        Some(!text[..element.value.span.start].ends_with(':'))
    };
    elements
        .iter()
        .find_map(|element| by_key(element).or_else(|| is_spaced(text, &element.value)))
}
