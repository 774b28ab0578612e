//! Removes key material from upstreams' messages before they are repeated.
//!
//! One place for all dialects, since any upstream may quote the key that it refuses. Knows the
//! forms of keys, never a key.

/// Replaces a key.
const REDACTED: &str = "[redacted]";

/// Longer messages are truncated: some servers quote the whole request.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// The prefixes of keys: OpenAI and its kin, Google (API keys, access tokens), Groq, xAI, Hugging
/// Face, NVIDIA, Perplexity, Cerebras, GitHub, and JSON web tokens.
const PREFIXES: [&str; 16] = [
    "sk-",
    "sk_",
    "pk-",
    "pk_",
    "AIza",
    "ya29.",
    "gsk_",
    "xai-",
    "hf_",
    "nvapi-",
    "pplx-",
    "csk-",
    "ghp_",
    "gho_",
    "github_pat_",
    "eyJ",
];

/// Labels in front of a key, up to white space, colons, quotes and `=`.
const LABELS: [&str; 10] = [
    "bearer",
    "basic",
    "authorization",
    "api key",
    "api_key",
    "api-key",
    "apikey",
    "key provided",
    "access_token",
    "client_secret",
];

/// URL parameters that hold a key.
const PARAMETERS: [&str; 6] = ["key", "api_key", "token", "access_token", "auth", "secret"];

/// Words behind a label that are prose: "Bearer authentication", "API key not valid".
const PLAIN_WORD_CHARS_MAX: usize = 16;

/// An upstream's message that may be repeated: bounded, and without key material.
pub(super) fn redacted(message: &str) -> String {
    let bounded = message
        .char_indices()
        .nth(MESSAGE_CHARS_MAX)
        .map_or(message, |(end, _)| &message[..end]);
    let mut clean = String::with_capacity(bounded.len());
    let mut done = 0;
    for start in word_starts(bounded) {
        let (before, rest) = bounded.split_at(start);
        if start >= done && is_key(before, rest) {
            clean.push_str(&bounded[done..start]);
            clean.push_str(REDACTED);
            done = start + key_len(rest);
        }
    }
    clean.push_str(&bounded[done..]);
    clean
}

/// Whether the text holds key material.
pub(super) fn has_key(text: &str) -> bool {
    word_starts(text).any(|start| is_key(&text[..start], &text[start..]))
}

/// The starts of runs of letters, digits and a key's masking stars.
fn word_starts(text: &str) -> impl Iterator<Item = usize> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'*';
    let bytes = text.as_bytes();
    (0..bytes.len()).filter(move |&at| is_word(bytes[at]) && (at == 0 || !is_word(bytes[at - 1])))
}

fn is_key(before: &str, rest: &str) -> bool {
    let word = &rest[..key_len(rest)];
    PREFIXES
        .iter()
        .any(|prefix| word.len() > prefix.len() && word.starts_with(prefix))
        || is_parameter(before)
        || is_labelled(before) && !is_plain(word)
}

/// The length of a key at the start of the text. The sentence's own punctuation is no part of it.
fn key_len(text: &str) -> usize {
    let ends = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\''
                    | '`'
                    | '\\'
                    | '&'
                    | ','
                    | ';'
                    | '('
                    | ')'
                    | '['
                    | ']'
                    | '{'
                    | '}'
                    | '<'
                    | '>'
            )
    };
    text[..text.find(ends).unwrap_or(text.len())]
        .trim_end_matches(['.', ':', '!', '?'])
        .len()
}

/// Whether a parameter such as `?key=` stands before.
fn is_parameter(before: &str) -> bool {
    let Some(named) = before.strip_suffix('=') else {
        return false;
    };
    let name = &named[named
        .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        .len()..];
    PARAMETERS
        .iter()
        .any(|parameter| name.eq_ignore_ascii_case(parameter))
}

fn is_labelled(before: &str) -> bool {
    let label = before
        .trim_end_matches([' ', '\t', ':', '=', '"', '\'', '`', '\\'])
        .as_bytes();
    label.len() < before.len()
        && LABELS
            .iter()
            .any(|known| ends_with_ignoring_case(label, known.as_bytes()))
}

fn ends_with_ignoring_case(text: &[u8], end: &[u8]) -> bool {
    text.len()
        .checked_sub(end.len())
        .is_some_and(|start| text[start..].eq_ignore_ascii_case(end))
}

fn is_plain(word: &str) -> bool {
    word.len() <= PLAIN_WORD_CHARS_MAX && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out_in_every_form() {
        let cases = [
            (
                "Incorrect API key provided: sk-proj-ab***yz. See the page.",
                "Incorrect API key provided: [redacted]. See the page.",
            ),
            (
                "Incorrect API key provided: 0123abcd",
                "Incorrect API key provided: [redacted]",
            ),
            (
                "Your api key: ****wxyz is invalid",
                "Your api key: [redacted] is invalid",
            ),
            (
                "Consumer 'api_key:AIzaSy-x_9' is suspended",
                "Consumer 'api_key:[redacted]' is suspended",
            ),
            (
                "(gsk_a1), `xai-b2` and \"hf_c3\"",
                "([redacted]), `[redacted]` and \"[redacted]\"",
            ),
            (
                "sent Authorization: Bearer abc.DEF-123",
                "sent Authorization: Bearer [redacted]",
            ),
            ("bearer\t0123456789", "bearer\t[redacted]"),
            (
                "https://lab.example/v1?key=0a1b&alt=sse failed",
                "https://lab.example/v1?key=[redacted]&alt=sse failed",
            ),
            (
                "GET /x?a=1&access_token=zz.top, then",
                "GET /x?a=1&access_token=[redacted], then",
            ),
            (
                r#"{\"x-api-key\": \"0123\"}"#,
                r#"{\"x-api-key\": \"[redacted]\"}"#,
            ),
            ("sk-a sk-b", "[redacted] [redacted]"),
        ];
        for (message, expected) in cases {
            assert_eq!(redacted(message), expected);
            assert!(has_key(message), "{message}");
        }
    }

    #[test]
    fn prose_about_keys_stays() {
        let messages = [
            "API key not valid. Please pass a valid API key.",
            "You didn't provide an API key. Use Bearer authentication (i.e. Authorization: Bearer YOUR)",
            "risk-free models: sk-",
            "max_token=5 and monkey=7",
            "caf\u{e9} \u{1f600} key",
            "",
        ];
        for message in messages {
            assert_eq!(redacted(message), message);
            assert!(!has_key(message), "{message}");
        }
    }

    #[test]
    fn long_messages_are_cut() {
        assert_eq!(
            redacted(&"\u{e9}".repeat(5_000)).chars().count(),
            MESSAGE_CHARS_MAX
        );
    }
}
