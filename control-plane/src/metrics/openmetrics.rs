//! The text format: families with their metadata, samples, and the mark of the end.
//!
//! Source: OpenMetrics 1.0, <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>,
//! "Text format".

use std::fmt::{Display, Write as _};

/// The type of the text, with the version of the format.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names with values. Values may hold anything.
pub(super) type Labels<'l> = &'l [(&'static str, &'l str)];

/// What a family is: its name without a suffix, its type, and its help.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    /// The unit, with which the name ends; empty where it has none.
    pub(super) unit: &'static str,
    pub(super) help: &'static str,
}

/// Writes families one after the other; a family's samples follow its metadata.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn family(&mut self, family: &Family) {
        let Family {
            name,
            kind,
            unit,
            help,
        } = family;
        self.line(format_args!("# TYPE {name} {kind}"));
        if !unit.is_empty() {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
        self.line(format_args!("# HELP {name} {}", escaped(help)));
    }

    /// A sample: `name` has the suffix of its kind.
    pub(super) fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        self.0.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            self.0.push(if index == 0 { '{' } else { ',' });
            // Writing to a string does not fail.
            let _ = write!(self.0, "{label}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    /// The whole text.
    pub(super) fn end(mut self) -> String {
        self.line(format_args!("# EOF"));
        self.0
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "{line}");
    }
}

/// A label's value or a help text, with what would end it escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            c => escaped.push(c),
        }
    }
    escaped
}
