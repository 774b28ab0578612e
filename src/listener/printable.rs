//! Text from outside, made safe to show. It escapes; it never decides what may be shown.

use std::borrow::Cow;

/// Escapes what would steer a terminal, break a log line or reorder the text around it, as in
/// `\u{1b}`.
///
/// These are the control characters (C0 with line ends and ESC, DEL, C1), the bidirectional
/// controls, the two Unicode line ends, the invisible tag characters and the byte order mark.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn steers(c: char) -> bool {
    // Sources: Unicode, "Bidi_Control" property; the tag characters spell text that people do not
    // see and models read.
    let is_bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_line_end = matches!(c, '\u{2028}' | '\u{2029}');
    let is_invisible = matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    c.is_control() || is_bidi || is_line_end || is_invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(
            printable("größe 模型 😀 'a\\b'"),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn whatever_steers_a_terminal_is_escaped() {
        for (raw, shown) in [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\r\nb\tc", "a\\u{d}\\u{a}b\\u{9}c"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\0\u{7f}", "\\u{0}\\u{7f}"),
            ("ab\u{202e}txt.exe", "ab\\u{202e}txt.exe"),
            ("\u{2028}\u{feff}\u{e0041}", "\\u{2028}\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(printable(raw), shown);
        }
    }
}
