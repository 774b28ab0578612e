//! What keys look like: texts that are taken for a secret although nothing here knows them.
//!
//! Only what names itself: a vendor's prefix, `Bearer`, a private key's frame. Knows no values.

use std::ops::Range;

use memchr::memmem;

/// How keys of vendors begin, and how many characters follow at least.
///
/// Source: the vendors' documentation of 2026, and their examples.
const PREFIXES: &[(&[u8], usize)] = &[
    (b"sk-", 16),
    (b"AIza", 20),
    (b"ya29.", 20),
    (b"gsk_", 20),
    (b"xai-", 20),
    (b"ghp_", 20),
    (b"hf_", 20),
];

/// A shorter word behind `Bearer` may be prose: "Bearer authentication".
const TOKEN_BYTES_MIN: usize = 16;

const PEM_BEGIN: &[u8] = b"-----BEGIN ";
const PEM_END: &[u8] = b"-----END ";
const PEM_DASHES: &[u8] = b"-----";
/// The longest label that is looked at: `ENCRYPTED PRIVATE KEY`.
const PEM_LABEL_MAX: usize = 40;

/// Where something stands that looks like a key, in no order.
pub fn key_like(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (prefix, chars_min) in PREFIXES {
        find_prefix(text, prefix, *chars_min, &mut found);
    }
    for word in [&b"Bearer"[..], b"bearer", b"BEARER"] {
        find_bearer(text, word, &mut found);
    }
    find_private_keys(text, &mut found);
    found
}

fn find_prefix(text: &[u8], prefix: &[u8], chars_min: usize, found: &mut Vec<Range<usize>>) {
    let mut end = 0;
    for at in memmem::find_iter(text, prefix) {
        if at < end || !begins_word(text, at) {
            continue;
        }
        let rest = at + prefix.len();
        let length = length_of(&text[rest..], |byte| {
            byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
        });
        if length >= chars_min {
            end = rest + length;
            found.push(at..end);
        }
    }
}

/// Takes the token behind the word, and leaves the word.
fn find_bearer(text: &[u8], word: &[u8], found: &mut Vec<Range<usize>>) {
    let mut end = 0;
    for at in memmem::find_iter(text, word) {
        if at < end {
            continue;
        }
        let rest = &text[at + word.len()..];
        let gap = [&b"%20"[..], b" ", b"+"]
            .into_iter()
            .find(|gap| rest.starts_with(gap));
        let Some(gap) = gap else { continue };
        let start = at + word.len() + gap.len();
        let length = length_of(&text[start..], |byte| {
            byte.is_ascii_alphanumeric() || b"-._~+/=%".contains(&byte)
        });
        if length >= TOKEN_BYTES_MIN {
            end = start + length;
            found.push(start..end);
        }
    }
}

fn find_private_keys(text: &[u8], found: &mut Vec<Range<usize>>) {
    let mut done = 0;
    for at in memmem::find_iter(text, PEM_BEGIN) {
        if at < done {
            continue;
        }
        let label_at = at + PEM_BEGIN.len();
        let label = &text[label_at..text.len().min(label_at + PEM_LABEL_MAX)];
        if memmem::find(label, b"PRIVATE KEY").is_none() {
            continue;
        }
        let body_at = memmem::find(label, PEM_DASHES).map_or(text.len(), |end| label_at + end);
        let body_at = (body_at + PEM_DASHES.len()).min(text.len());
        // Line ends may be escaped, once or twice.
        let body = length_of(&text[body_at..], |byte| {
            byte.is_ascii_alphanumeric() || b"+/=\\ \r\n:,".contains(&byte)
        });
        done = body_at + body;
        if text[done..].starts_with(PEM_END) {
            let rest = &text[done + PEM_END.len()..];
            let label = &rest[..rest.len().min(PEM_LABEL_MAX)];
            let end = memmem::find(label, PEM_DASHES).map_or(0, |end| end + PEM_DASHES.len());
            done += PEM_END.len() + end;
        }
        found.push(at..done);
    }
}

fn length_of(text: &[u8], is_part: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|byte| is_part(**byte)).count()
}

/// Whether a word begins at `at`: nothing of one stands before, but perhaps an escape that ends in
/// a letter or digit (`\n`, `%3D`, `\u003d`).
fn begins_word(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    if !before.last().is_some_and(is_part) {
        return true;
    }
    let ends_in = |mark: &[u8], digits: usize| {
        let start = before.len().checked_sub(mark.len() + digits);
        start.is_some_and(|start| before[start..].starts_with(mark))
    };
    ends_in(b"\\", 1) || ends_in(b"%", 2) || ends_in(b"\\u", 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        let mut clean = text.to_owned();
        let mut found = key_like(text.as_bytes());
        found.sort_by_key(|range| std::cmp::Reverse(range.start));
        for range in found {
            clean.replace_range(range, "*");
        }
        clean
    }

    #[test]
    fn keys_are_known_by_their_prefix() {
        let key = "sk-ant-api03-0123456789abcdef";
        for (text, expected) in [
            (format!("key {key}."), "key *"),
            (format!("\"a\\n{key}\""), "\"a\\n*\""),
            (format!("k%3D{key}&b"), "k%3D*&b"),
            (format!("task-{key}"), &format!("task-{key}")),
            ("sk-learn is a library".to_owned(), "sk-learn is a library"),
            (
                "risk-assessment-of-everything-here".to_owned(),
                "risk-assessment-of-everything-here",
            ),
            ("AIzaSyA-0123456789_abcdefghij,".to_owned(), "*,"),
        ] {
            assert_eq!(clean(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_bearer_token_is_taken_and_prose_is_left() {
        assert_eq!(
            clean("Authorization: Bearer abc.def-0123456789/+=\r\n"),
            "Authorization: Bearer *\r\n"
        );
        assert_eq!(clean("bearer%20abcdef0123456789abcdef"), "bearer%20*");
        assert_eq!(
            clean("use Bearer authentication, or Bearer ${TOKEN}"),
            "use Bearer authentication, or Bearer ${TOKEN}"
        );
    }

    #[test]
    fn a_private_key_is_taken_with_its_frame() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\\nMIIE/+=\\nabc\\n-----END RSA PRIVATE KEY-----";
        assert_eq!(clean(&format!("\"{key}\\n\"")), "\"*\\n\"");
        assert_eq!(
            clean(&format!("{} and on", key.replace("\\n", "\n"))),
            "* and on"
        );
        let cut = "-----BEGIN PRIVATE KEY-----\nMIIEabc";
        assert_eq!(clean(cut), "*");
        assert_eq!(clean("-----BEGIN PRIVATE KE"), "-----BEGIN PRIVATE KE");
        let public = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----";
        assert_eq!(clean(public), public);
    }
}
