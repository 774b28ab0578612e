//! Where lines begin and end.

use std::ops::Range;

/// Where the line of `at` begins.
pub(super) fn start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// Where the line of `at` ends, before the characters that end it.
pub(super) fn end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let line = rest.split('\n').next().unwrap_or(rest);
    at + line.strip_suffix('\r').unwrap_or(line).len()
}

/// Where the next line begins; the end of the text after the last one.
pub(super) fn next(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// The end of the line before the one of `at`; `None` in the first line.
pub(super) fn end_of_previous(text: &str, at: usize) -> Option<usize> {
    let before = text[..start(text, at)].strip_suffix('\n')?;
    Some(before.strip_suffix('\r').unwrap_or(before).len())
}

/// The white space at the start of the line of `at`.
pub(super) fn indent(text: &str, at: usize) -> &str {
    let line = &text[start(text, at)..];
    let rest = line.trim_start_matches([' ', '\t']);
    &line[..line.len() - rest.len()]
}

/// The line before the one that begins at `start`, if it is blank.
pub(super) fn blank_before(text: &str, line_start: usize) -> Option<Range<usize>> {
    let end = text[..line_start].strip_suffix('\n')?.len();
    let blank = start(text, end)..line_start;
    text[blank.clone()].trim().is_empty().then_some(blank)
}

/// The line that begins at `line_start`, if it is blank and another one follows.
pub(super) fn blank_at(text: &str, line_start: usize) -> Option<Range<usize>> {
    let blank = line_start..next(text, line_start);
    let is_blank = text[blank.clone()].trim().is_empty() && !blank.is_empty();
    (is_blank && blank.end < text.len()).then_some(blank)
}
