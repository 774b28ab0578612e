//! Untrusted text made safe to show on a terminal, in a log line, a menu or an error.
//!
//! This is the program's only filter of control, bidirectional and invisible characters. It decides
//! by character; it never decides whether a text may be shown.
//!
//! Hidden are:
//!
//! - control characters (C0 with line ends and ESC, DEL, C1): they steer a terminal and break
//!   lines;
//! - the line and paragraph separators U+2028 and U+2029: they break lines;
//! - every `Default_Ignorable_Code_Point` of Unicode 17.0, and the interlinear annotations
//!   U+FFF9-U+FFFB. Among them are the bidirectional controls, which reorder the text around them,
//!   and the tag characters, which spell text that people do not see and models read.
//!
//! Joiners (ZWJ, ZWNJ) and variation selectors are ignorable too, but emoji, Persian, Indic
//! scripts, Mongolian and Japanese names are written with them. They stay where they can do their
//! work: after a visible character that is not ASCII, at most one selector and then one joiner. So
//! a heart on fire (heart, selector, joiner, fire) stays readable, while a run of selectors cannot
//! carry a hidden message and `ad` + ZWNJ + `min` is not shown as `admin`. The one exception is a
//! keycap: a digit, a selector and U+20E3. Flags of regions (England, Scotland, Wales) are spelled
//! with tag characters and lose them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes hidden characters as Rust writes them: `\u{1b}`.
///
/// Text without any is not copied.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_with(text, |out, c| out.extend(c.escape_unicode()))
}

/// As [`escape`], but for line ends and tabs, which steer nothing in a page.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    if !Classified::new(text).any(|(c, is_hidden)| is_hidden && !is_layout(c)) {
        return Cow::Borrowed(text);
    }
    escape_with(text, |out, c| match is_layout(c) {
        true => out.push(c),
        false => out.extend(c.escape_unicode()),
    })
}

fn is_layout(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t')
}

/// Escapes hidden characters as JSON writes them, in UTF-16: `\u001b`, `\udb40\udc41`.
///
/// A line of JSON therefore keeps its meaning. Text without any is not copied.
pub fn escape_json(text: &str) -> Cow<'_, str> {
    escape_with(text, |out, c| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}").expect("writing to a string cannot fail");
        }
    })
}

/// The text on one line: white space becomes a space, other hidden characters are left out.
pub fn single_line(text: &str) -> impl Iterator<Item = char> {
    Classified::new(text).filter_map(|(c, is_hidden)| match c {
        _ if c.is_whitespace() => Some(' '),
        _ => (!is_hidden).then_some(c),
    })
}

fn escape_with(text: &str, escape: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !Classified::new(text).any(|(_, is_hidden)| is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (c, is_hidden) in Classified::new(text) {
        if is_hidden {
            escape(&mut out, c);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The characters of a text, each with whether it is hidden.
struct Classified<'a> {
    rest: std::str::Chars<'a>,
    /// The character before `rest`, unless it was hidden.
    previous: Option<(char, Kind)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Visible,
    /// Chooses a glyph for the visible character before it.
    Selector,
    /// Joins or separates the visible characters around it.
    Joiner,
    Hidden,
}

impl<'a> Classified<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.chars(),
            previous: None,
        }
    }

    fn is_hidden(&self, c: char, kind: Kind) -> bool {
        match kind {
            Kind::Visible => false,
            Kind::Hidden => true,
            Kind::Selector => !self.selects(c),
            Kind::Joiner => !self.joins(),
        }
    }

    fn selects(&self, selector: char) -> bool {
        match self.previous {
            Some((base, Kind::Visible)) => !base.is_ascii() || self.is_keycap(base, selector),
            _ => false,
        }
    }

    /// Source: Unicode Technical Standard 51, `emoji_keycap_sequence`.
    fn is_keycap(&self, base: char, selector: char) -> bool {
        let is_base = matches!(base, '0'..='9' | '#' | '*');
        is_base && selector == '\u{fe0f}' && self.rest.clone().next() == Some('\u{20e3}')
    }

    fn joins(&self) -> bool {
        match self.previous {
            Some((base, Kind::Visible)) => !base.is_ascii(),
            // As in a heart on fire: heart, selector, joiner, fire.
            Some((_, Kind::Selector)) => true,
            _ => false,
        }
    }
}

impl Iterator for Classified<'_> {
    type Item = (char, bool);

    fn next(&mut self) -> Option<Self::Item> {
        let c = self.rest.next()?;
        let kind = kind(c);
        let is_hidden = self.is_hidden(c, kind);
        self.previous = (!is_hidden).then_some((c, kind));
        Some((c, is_hidden))
    }
}

/// Source: Unicode 17.0, `DerivedCoreProperties.txt` (`Default_Ignorable_Code_Point`) and
/// `PropList.txt` (`Variation_Selector`, `Join_Control`).
fn kind(c: char) -> Kind {
    match c {
        _ if c.is_control() => Kind::Hidden,
        '\u{200c}' | '\u{200d}' => Kind::Joiner,
        '\u{180b}'..='\u{180d}' | '\u{180f}' => Kind::Selector,
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => Kind::Selector,
        // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul and Khmer fillers.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            Kind::Hidden
        }
        // Mongolian vowel separator, zero width space, directional marks.
        '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => Kind::Hidden,
        // Line and paragraph separators, embeddings and overrides; word joiner, invisible
        // operators, isolates and the deprecated formatting characters.
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => Kind::Hidden,
        // Hangul fillers, byte order mark, reserved, interlinear annotations.
        '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' => Kind::Hidden,
        // Shorthand and musical formatting, then the tag characters and what is reserved there.
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => {
            Kind::Hidden
        }
        _ => Kind::Visible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every range that is hidden wherever it stands.
    const HIDDEN: &[std::ops::RangeInclusive<u32>] = &[
        0..=0x1f,
        0x7f..=0x9f,
        0xad..=0xad,
        0x34f..=0x34f,
        0x61c..=0x61c,
        0x115f..=0x1160,
        0x17b4..=0x17b5,
        0x180e..=0x180e,
        0x200b..=0x200b,
        0x200e..=0x200f,
        0x2028..=0x202e,
        0x2060..=0x206f,
        0x3164..=0x3164,
        0xfeff..=0xfeff,
        0xffa0..=0xffa0,
        0xfff0..=0xfffb,
        0x1bca0..=0x1bca3,
        0x1d173..=0x1d17a,
        0xe0000..=0xe00ff,
        0xe01f0..=0xe0fff,
    ];

    /// What is hidden only out of its place.
    const EXTENDING: &[std::ops::RangeInclusive<u32>] = &[
        0x180b..=0x180d,
        0x180f..=0x180f,
        0x200c..=0x200d,
        0xfe00..=0xfe0f,
        0xe0100..=0xe01ef,
    ];

    fn chars(ranges: &[std::ops::RangeInclusive<u32>]) -> impl Iterator<Item = char> {
        ranges.iter().cloned().flatten().filter_map(char::from_u32)
    }

    #[test]
    fn every_hidden_character_is_escaped_and_left_out() {
        for c in chars(HIDDEN) {
            let text = format!("日{c}本");
            let escaped = format!("日{}本", c.escape_unicode());
            assert_eq!(escape(&text), escaped, "{c:?}");

            let line: String = single_line(&text).collect();
            let replaced = if c.is_whitespace() {
                "日 本"
            } else {
                "日本"
            };
            assert_eq!(line, replaced, "{c:?}");
        }
    }

    #[test]
    fn joiners_and_selectors_are_hidden_where_they_have_nothing_to_do() {
        for c in chars(EXTENDING) {
            for text in [
                format!("{c}a"),
                format!("a{c}"),
                format!("a{c}b"),
                format!("\u{feff}{c}"),
            ] {
                let escaped = escape(&text);
                let expected = c.escape_unicode().to_string();
                assert!(escaped.contains(&expected), "{escaped}");
            }
        }
    }

    #[test]
    fn no_other_character_is_touched() {
        let others = (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| {
            let is_listed = |range: &std::ops::RangeInclusive<u32>| range.contains(&u32::from(*c));
            !HIDDEN.iter().any(is_listed) && !EXTENDING.iter().any(is_listed)
        });
        for c in others {
            assert!(kind(c) == Kind::Visible, "{c:?}");
        }
    }

    #[test]
    fn emoji_and_scripts_that_need_joiners_stay_as_they_are() {
        let texts = [
            "👩\u{200d}👩\u{200d}👧\u{200d}👦",
            "❤\u{fe0f}\u{200d}🔥",
            "👩🏽\u{200d}💻",
            "🇩🇪 1\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3} ☀\u{fe0f}",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "葛\u{e0100}城",
        ];
        for text in texts {
            assert!(matches!(escape(text), Cow::Borrowed(_)), "{text}");
            assert_eq!(single_line(text).collect::<String>(), text);
        }
    }

    #[test]
    fn a_run_of_selectors_carries_no_message() {
        let smuggled = "😀\u{fe0f}\u{e0158}\u{e0159}";
        assert_eq!(escape(smuggled), "😀\u{fe0f}\\u{e0158}\\u{e0159}");
        assert_eq!(single_line(smuggled).collect::<String>(), "😀\u{fe0f}");
        assert_eq!(escape("日\u{200d}\u{200d}本"), "日\u{200d}\\u{200d}本");
    }

    #[test]
    fn plain_text_is_not_copied() {
        let plain = "größe 模型 😀 'a\\b'";
        assert!(matches!(escape(plain), Cow::Borrowed(_)));
        assert!(matches!(escape_json(plain), Cow::Borrowed(_)));
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
            assert_eq!(escape(raw), shown);
        }
    }

    #[test]
    fn a_page_keeps_its_lines() {
        assert!(matches!(escape_lines("a\r\n\tb"), Cow::Borrowed(_)));
        assert_eq!(escape_lines("a\n\u{202e}\u{1b}b"), "a\n\\u{202e}\\u{1b}b");
    }

    #[test]
    fn json_reads_the_escapes_back() {
        let text = "a\u{9b}\u{61c}\u{e0041}\u{fe0f}";
        let escaped = escape_json(text);
        assert_eq!(escaped, "a\\u009b\\u061c\\udb40\\udc41\\ufe0f");
        let read: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap();
        assert_eq!(read, text);
    }
}
