//! Takes a credential out of what a server says, by its value.
//!
//! Servers quote what they refuse: as it was sent, in a URL, in JSON, in HTML, in Base64. Knows the
//! values and finds them in each of these forms; it knows nothing of what keys look like.

use crate::ordering;
use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::{Credential, Secret};

/// Stands for a credential.
pub const REDACTED: &[u8] = b"[redacted]";

/// Shorter values are no secrets, and would be found in any text.
const VALUE_BYTES_MIN: usize = 4;

/// From this length on a value is found within words, without regard to case, in Base64 and where
/// only its beginning is quoted. What is shorter may be a word (`ollama`).
const LONG_BYTES_MIN: usize = 8;

/// How much of a value's beginning at the end of a text is taken for a value that was cut off.
const CUT_BYTES_MIN: usize = 6;
/// At least so many bytes of a longer value are recognised as a part of it; fewer may be a word
/// that the value begins with, such as the provider's name.
const PART_BYTES_MIN: usize = 16;

/// How long a run of backslashes or `25` in front of one character may be.
const ESCAPES_MAX: usize = 16;

/// Takes the values of one credential, or of several, out of texts.
///
/// Building one encodes each value several times: build it once there is something to redact.
pub struct Redactor {
    /// By their first byte in lower case.
    needles: Vec<Needle>,
    /// Those that begin with the byte `b` are `needles[first[b]..first[b + 1]]`: with many values,
    /// few of them are compared at each place.
    first: [u32; 257],
}

/// One form of a value.
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    is_long: bool,
    /// Padding and a last character that holds bits of the value belong to it.
    is_base64: bool,
}

impl Redactor {
    pub fn of(credential: &Credential) -> Self {
        Self::of_secrets(&credential.secrets())
    }

    /// Whether one of a credential's secrets is in a text as it is, or the text in a secret. Cheaper
    /// than building a redactor.
    pub fn holds_plainly(credential: &Credential, text: &str) -> bool {
        let is_in = |secret: &Secret| {
            let secret = secret.expose();
            text.contains(secret) || secret.contains(text)
        };
        credential.secrets().into_iter().any(is_in)
    }

    pub fn of_secrets(secrets: &[&Secret]) -> Self {
        let mut needles = Vec::new();
        for secret in secrets {
            add_forms(secret.expose().trim().as_bytes(), &mut needles);
        }
        let key = |needle: &Needle| needle.bytes[0].to_ascii_lowercase();
        ordering::sort_by_key(&mut needles, key);
        let mut first = [0; 257];
        for needle in &needles {
            first[usize::from(key(needle)) + 1] += 1;
        }
        for byte in 0..256 {
            first[byte + 1] += first[byte];
        }
        Self { needles, first }
    }

    /// The values that begin with that byte, whatever its case.
    fn beginning_with(&self, byte: u8) -> &[Needle] {
        let byte = usize::from(byte.to_ascii_lowercase());
        &self.needles[self.first[byte] as usize..self.first[byte + 1] as usize]
    }

    /// The text without the credential.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
        }
    }

    /// The bytes without the credential, whatever they are.
    pub fn bytes<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let found = self.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = Vec::new();
        let mut done = 0;
        for value in found {
            clean.extend_from_slice(&text[done..value.start]);
            clean.extend_from_slice(REDACTED);
            done = value.end;
        }
        clean.extend_from_slice(&text[done..]);
        Cow::Owned(clean)
    }

    /// Where values stand in the text, in order.
    pub fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < text.len() {
            match self.end_of_value(text, at) {
                Some(end) => {
                    found.push(at..end);
                    at = end;
                }
                None => at += 1,
            }
        }
        found
    }

    /// Takes what can no longer become a value off the front of `held`, without the credential. What
    /// stays is short, and goes with [`Redactor::bytes`] at the end.
    pub fn release(&self, held: &mut BytesMut) -> Bytes {
        let until = held.len().saturating_sub(self.form_bytes_max());
        let mut clean = Vec::with_capacity(until);
        let mut at = 0;
        while at < until {
            if let Some(end) = self.end_of_value(held, at) {
                clean.extend_from_slice(REDACTED);
                at = end;
            } else {
                clean.push(held[at]);
                at += 1;
            }
        }
        held.advance(at);
        clean.into()
    }

    /// The longest form of a value, with every character escaped as in JSON: `\u002f`.
    fn form_bytes_max(&self) -> usize {
        const ESCAPE_BYTES: usize = 6;
        let longest = self.needles.iter().map(|needle| needle.bytes.len()).max();
        longest.unwrap_or(0) * ESCAPE_BYTES
    }

    /// Takes the credential out of all values.
    pub fn headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if let Cow::Owned(clean) = self.bytes(value.as_bytes()) {
                // What stays is part of a valid value.
                *value = HeaderValue::from_bytes(&clean)
                    .unwrap_or(HeaderValue::from_static("[redacted]"));
            }
        }
    }

    /// The end of a value that starts at `at`.
    fn end_of_value(&self, text: &[u8], at: usize) -> Option<usize> {
        let plain = self.beginning_with(text[at]);
        let escaped = match text[at] {
            b'\\' | b'%' | b'&' if !self.needles.is_empty() => unescape(&text[at..]),
            _ => None,
        };
        let escaped = escaped.map_or(&[][..], |(byte, _)| self.beginning_with(byte));
        plain
            .iter()
            .chain(escaped)
            .filter_map(|needle| needle.end_in(text, at))
            .max()
    }
}

/// A value as it is, and where it is long also in hexadecimal and Base64.
fn add_forms(value: &[u8], needles: &mut Vec<Needle>) {
    if value.len() < VALUE_BYTES_MIN {
        return;
    }
    let is_long = value.len() >= LONG_BYTES_MIN;
    let mut add = |bytes: Vec<u8>, is_base64| {
        needles.push(Needle {
            bytes: Zeroizing::new(bytes),
            is_long,
            is_base64,
        });
    };
    add(value.to_vec(), false);
    if !is_long {
        return;
    }
    add(hex::encode(value).into_bytes(), false);
    // What stands in front, such as the `user:` of RFC 7617, moves the value against the groups of
    // three bytes that are encoded together.
    for bytes_before in 0..3 {
        let standard = base64_form(&STANDARD_NO_PAD, value, bytes_before);
        let url_safe = base64_form(&URL_SAFE_NO_PAD, value, bytes_before);
        if url_safe != standard {
            add(url_safe, true);
        }
        add(standard, true);
    }
}

/// The characters that depend on the value alone.
fn base64_form(engine: &impl Engine, value: &[u8], bytes_before: usize) -> Vec<u8> {
    let mut whole = Zeroizing::new(vec![0; bytes_before]);
    whole.extend_from_slice(value);
    let encoded = Zeroizing::new(engine.encode(&*whole));
    let start = (bytes_before * 8).div_ceil(6);
    let end = whole.len() * 8 / 6;
    encoded.as_bytes()[start..end].to_vec()
}

impl Needle {
    /// The end of this value in `text`, where one starts at `at`: the whole of it, at least half of
    /// a long one, or what there was room for.
    fn end_in(&self, text: &[u8], at: usize) -> Option<usize> {
        let mut end = at;
        let mut found = 0;
        while let Some(&expected) = self.bytes.get(found) {
            let Some(next) = self.step(text, end, expected) else {
                break;
            };
            (end, found) = (next, found + 1);
        }
        let is_whole = found == self.bytes.len();
        if !self.is_long {
            return (is_whole && is_word(text, at, end)).then_some(end);
        }
        let is_most = found >= PART_BYTES_MIN && found * 2 >= self.bytes.len();
        let is_cut = found >= CUT_BYTES_MIN && end == text.len();
        if is_whole && self.is_base64 {
            return Some(end + base64_rest(&text[end..]));
        }
        (is_whole || is_most || is_cut).then_some(end)
    }

    /// The end of the character at `at`, if it is the expected one, perhaps escaped.
    fn step(&self, text: &[u8], at: usize, expected: u8) -> Option<usize> {
        let first = *text.get(at)?;
        let is_expected =
            |found: u8| found == expected || self.is_long && found.eq_ignore_ascii_case(&expected);
        // An escape first: one of `&` begins with `&`.
        match unescape(&text[at..]) {
            Some((found, len)) if is_expected(found) => Some(at + len),
            _ => is_expected(first).then_some(at + 1),
        }
    }
}

/// Whether no letter or digit touches `text[start..end]`.
fn is_word(text: &[u8], start: usize, end: usize) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let before = start.checked_sub(1).and_then(|before| text.get(before));
    !is_part(before) && !is_part(text.get(end))
}

/// How much of `rest` still belongs to a value in Base64: its last bits, and padding.
fn base64_rest(rest: &[u8]) -> usize {
    let is_character = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let last = usize::from(rest.first().is_some_and(is_character));
    last + rest[last..]
        .iter()
        .take(2)
        .take_while(|byte| **byte == b'=')
        .count()
}

/// The ASCII character that an escape at the start of `text` stands for, and the escape's length.
///
/// `\/` and `\u002f` of JSON, also where it was escaped repeatedly; `%2F` and `%252F` of URLs;
/// `&#47;`, `&#x2f;` and `&amp;` of HTML.
fn unescape(text: &[u8]) -> Option<(u8, usize)> {
    match text.first()? {
        b'\\' => {
            let slashes = text
                .iter()
                .take(ESCAPES_MAX)
                .take_while(|byte| **byte == b'\\')
                .count();
            let rest = &text[slashes..];
            let (found, len) = match rest.first()? {
                b'u' | b'U' => (hexadecimal(rest.get(1..5)?)?, 5),
                b'x' => (hexadecimal(rest.get(1..3)?)?, 3),
                quoted @ (b'/' | b'"' | b'\'') => (*quoted, 1),
                _ => (b'\\', 0),
            };
            Some((found, slashes + len))
        }
        b'%' => {
            let mut start = 1;
            while start < ESCAPES_MAX && text.get(start..start + 2) == Some(b"25") {
                start += 2;
            }
            match text.get(start..start + 2).and_then(hexadecimal) {
                Some(found) => Some((found, start + 2)),
                None => (start > 1).then_some((b'%', start)),
            }
        }
        b'&' => {
            let end = text.iter().take(10).position(|byte| *byte == b';')?;
            let found = match &text[1..end] {
                [b'#', b'x' | b'X', digits @ ..] => hexadecimal(digits)?,
                [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
                b"amp" => b'&',
                b"lt" => b'<',
                b"gt" => b'>',
                b"quot" => b'"',
                b"apos" => b'\'',
                _ => return None,
            };
            Some((found, end + 1))
        }
        _ => None,
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    // A sign is no digit.
    let is_digit = |c: char| c.is_ascii_hexdigit();
    digits
        .chars()
        .all(is_digit)
        .then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    const KEY: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";
    /// With characters that every encoding changes.
    const AWKWARD: &str = "tok/en+with=odd&chars%\"here\\~";

    fn redactor(key: &str) -> Redactor {
        Redactor::of(&Credential::Key(Secret::new(key.to_owned())))
    }

    fn clean(key: &str, text: &str) -> String {
        redactor(key).text(text).into_owned()
    }

    #[test]
    fn a_value_is_found_in_every_form() {
        let json = serde_json::to_string(AWKWARD).unwrap();
        let json = json.trim_matches('"');
        let percent =
            percent_encoding::utf8_percent_encode(AWKWARD, percent_encoding::NON_ALPHANUMERIC)
                .to_string();
        let forms = [
            AWKWARD.to_owned(),
            json.to_owned(),
            serde_json::to_string(json)
                .unwrap()
                .trim_matches('"')
                .to_owned(),
            json.replace('/', "\\/"),
            AWKWARD
                .chars()
                .map(|c| format!("\\u{:04X}", u32::from(c)))
                .collect(),
            AWKWARD
                .chars()
                .map(|c| format!("&#{};", u32::from(c)))
                .collect(),
            AWKWARD.replace('&', "&amp;").replace('"', "&quot;"),
            percent.to_ascii_lowercase(),
            percent.replace('%', "%25"),
            percent,
            STANDARD.encode(AWKWARD),
            URL_SAFE.encode(AWKWARD),
            hex::encode(AWKWARD),
            AWKWARD.to_ascii_uppercase(),
        ];
        for form in forms {
            assert_eq!(
                clean(AWKWARD, &format!("the token \"{form}\" has expired")),
                "the token \"[redacted]\" has expired",
                "{form}"
            );
        }
    }

    #[test]
    fn a_value_in_basic_authentication_is_found_behind_any_user() {
        for user in ["", "u", "us", "use", "user"] {
            for encode in [STANDARD, URL_SAFE] {
                let encoded = encode.encode(format!("{user}:{AWKWARD}"));
                let clean = clean(AWKWARD, &format!("Basic {encoded}."));
                assert!(
                    clean.ends_with("[redacted].") && clean.len() < 30,
                    "{user}: {clean}"
                );
            }
        }
    }

    #[test]
    fn the_beginning_of_a_value_counts_where_it_is_most_of_it_or_was_cut() {
        assert_eq!(
            clean(KEY, &format!("key {}...", &KEY[..20])),
            "key [redacted]..."
        );
        assert_eq!(
            clean(KEY, &format!("key {}...", &KEY[..7])),
            "key 9f8e7d6..."
        );
        assert_eq!(clean(KEY, &format!("cut {}", &KEY[..7])), "cut [redacted]");
    }

    #[test]
    fn what_stands_around_a_value_stays() {
        let text = format!("{KEY}{KEY}\\n{KEY}\\\\{KEY}\u{e9}");
        assert_eq!(
            clean(KEY, &text),
            "[redacted][redacted]\\n[redacted]\\\\[redacted]\u{e9}"
        );
        let json = format!(r#"{{"error":{{"message":"\"{KEY}\" expired","param":"{KEY}"}}}}"#);
        let clean = clean(KEY, &json);
        assert!(
            serde_json::from_str::<serde_json::Value>(&clean).is_ok(),
            "{clean}"
        );
    }

    #[test]
    fn short_values_are_found_as_words_only() {
        assert_eq!(
            clean("ollama", "ollama's key ollama."),
            "[redacted]'s key [redacted]."
        );
        assert_eq!(clean("ollama", "ollamas and Ollama"), "ollamas and Ollama");
        assert_eq!(clean("x", "x marks the spot"), "x marks the spot");
        assert_eq!(clean("", "text"), "text");
    }

    #[test]
    fn every_token_of_a_sign_in_is_found() {
        let secret = |text: &str| Some(Secret::new(text.to_owned()));
        let redactor = Redactor::of(&Credential::OAuth(super::super::Tokens {
            access: secret("access-0123456789"),
            refresh: secret("refresh-0123456789"),
            client_secret: secret("client-0123456789"),
            ..super::super::Tokens::default()
        }));
        assert_eq!(
            redactor.text("access-0123456789, refresh-0123456789, client-0123456789"),
            "[redacted], [redacted], [redacted]"
        );
    }

    #[test]
    fn a_value_is_found_across_any_border_of_what_comes_piece_by_piece() {
        let text = format!("the token {KEY} has expired, {}", "and so on ".repeat(100));
        let expected = text.replace(KEY, "[redacted]");
        let redactor = redactor(KEY);
        for length in [1, 7, 31, 64, 500] {
            let (mut held, mut clean) = (BytesMut::new(), Vec::new());
            for piece in text.as_bytes().chunks(length) {
                held.extend_from_slice(piece);
                clean.extend_from_slice(&redactor.release(&mut held));
            }
            assert!(clean.len() > text.len() / 2, "most of it is not held back");
            clean.extend_from_slice(&redactor.bytes(&held));
            assert_eq!(String::from_utf8(clean).unwrap(), expected, "{length}");
        }
    }

    #[test]
    fn headers_stay_valid() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-request-id",
            HeaderValue::from_str(&format!("r-{KEY}")).unwrap(),
        );
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        redactor(KEY).headers(&mut headers);
        assert_eq!(headers["x-request-id"], "r-[redacted]");
        assert_eq!(headers["content-type"], "application/json");
    }

    #[test]
    fn text_without_a_value_is_not_copied() {
        assert!(matches!(
            redactor(KEY).bytes(b"all is well"),
            Cow::Borrowed(_)
        ));
    }
}
