//! Takes secrets out of texts that a person passes on: those that are known by their value, what
//! looks like a key, what is assigned to a name of a secret, and users in addresses.

use std::ops::Range;

use super::check::Check;
use crate::account::{REDACTED, Redactor, Secret, key_like};
use crate::control::config_change::without_user_info;
use crate::ordering;

/// How names of secrets end. A plain `key` names many a harmless thing.
const SECRET_NAMES: &[&str] = &[
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "private_key",
    "secret_key",
    "auth_key",
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "authorization",
    "cookie",
    "credentials",
];

/// Parameters of URLs that hold keys.
const KEY_PARAMETERS: &[&str] = &["key", "sig", "signature", "code"];

/// A text without secrets, and how many were taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct Clean {
    pub(in crate::control) text: String,
    pub(in crate::control) redactions: u64,
}

/// The text without the secrets in `known`, in whatever form they stand there, and without what
/// looks like one.
pub(in crate::control) fn clean(text: &str, known: &[Secret]) -> Clean {
    let known: Vec<&Secret> = known.iter().collect();
    let redactor = Redactor::of_secrets(&known);
    let mut found = redactor.find(text.as_bytes());
    found.extend(key_like(text.as_bytes()));
    found.extend(assigned(text));
    let (without, mut redactions) = without(text, found);
    let mut text = String::with_capacity(without.len() + 1);
    for line in without.lines() {
        let shown = without_user_info(line);
        redactions += u64::from(shown != line);
        text.push_str(&shown);
        text.push('\n');
    }
    Clean { text, redactions }
}

/// Takes secrets that are known by their value, and what looks like a key, out of findings.
pub(in crate::control) fn clean_checks(checks: &mut [Check], known: &[Secret]) {
    let known: Vec<&Secret> = known.iter().collect();
    let redactor = Redactor::of_secrets(&known);
    let clean = |text: &str| {
        let mut found = redactor.find(text.as_bytes());
        found.extend(key_like(text.as_bytes()));
        without(text, found).0
    };
    for check in checks {
        check.what = clean(&check.what);
        check.next_step = check.next_step.as_deref().map(clean);
    }
}

/// The text with each range replaced, where ranges overlap once.
fn without(text: &str, mut found: Vec<Range<usize>>) -> (String, u64) {
    ordering::sort_by_key(&mut found, |range| range.start);
    let (mut clean, mut done, mut redactions) = (Vec::with_capacity(text.len()), 0, 0);
    for secret in found {
        if secret.start >= done {
            clean.extend_from_slice(&text.as_bytes()[done..secret.start]);
            clean.extend_from_slice(REDACTED);
            redactions += 1;
        }
        done = done.max(secret.end);
    }
    clean.extend_from_slice(&text.as_bytes()[done..]);
    (String::from_utf8_lossy(&clean).into_owned(), redactions)
}

/// Where values stand that are assigned to a name of a secret: `token = "…"`, `"password": "…"`,
/// `X_API_KEY=…`, `?key=…`, `authorization: Basic …`.
fn assigned(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, mark) in text.match_indices(['=', ':']) {
        // What lies in a value is part of it: `token=token=…` is read once, not once a sign.
        let is_in_value = found.last().is_some_and(|value| at < value.end);
        if !is_in_value && is_secret_name(&text[..at], mark) {
            found.extend(value_behind(text, at + mark.len()));
        }
    }
    found
}

fn is_secret_name(before: &str, mark: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t', '"', '\'', '\\']);
    let begins = before
        .rfind(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)))
        .map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
    let name = before[begins..].to_ascii_lowercase();
    let is_parameter = mark == "=" && before[..begins].ends_with(['?', '&']);
    SECRET_NAMES.iter().any(|end| name.ends_with(end))
        || is_parameter && KEY_PARAMETERS.contains(&&*name)
}

/// The value that begins behind `at`: what is quoted, else a word, and behind the word of a scheme
/// (`Basic`) the next one. `None` where nothing secret is there.
fn value_behind(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..];
    let trimmed = rest.trim_start_matches([' ', '\t']);
    let start = at + (rest.len() - trimmed.len());
    let quote = trimmed
        .strip_prefix('\\')
        .unwrap_or(trimmed)
        .chars()
        .next()?;
    let (start, length) = if quote == '"' || quote == '\'' {
        let opens = trimmed.find(quote)? + 1;
        let inside = &trimmed[opens..];
        (
            start + opens,
            inside.find([quote, '\n']).unwrap_or(inside.len()),
        )
    } else {
        let is_header = trimmed.starts_with("Basic ") || trimmed.starts_with("Bearer ");
        let skipped = if is_header { trimmed.find(' ')? + 1 } else { 0 };
        let ends = [
            ' ', '\t', '\n', '\r', ',', ';', '&', '}', ']', '"', '\'', '`',
        ];
        let word = &trimmed[skipped..];
        (start + skipped, word.find(ends).unwrap_or(word.len()))
    };
    let value = &text[start..start + length];
    let is_nothing = matches!(
        value,
        "" | "null" | "true" | "false" | "none" | "set" | "unset" | "..."
    );
    (!is_nothing).then_some(start..start + length)
}

/// The values of variables whose names are those of secrets.
pub(in crate::control) fn of_environment(
    variables: impl Iterator<Item = (String, String)>,
) -> Vec<Secret> {
    let secrets = variables.filter(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let is_named = SECRET_NAMES.iter().any(|end| name.ends_with(end));
        (is_named || name.ends_with("_key")) && !value.is_empty()
    });
    secrets.map(|(_, value)| Secret::new(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        clean(text, &[]).text.trim_end().to_owned()
    }

    #[test]
    fn what_is_assigned_to_a_name_of_a_secret_is_taken() {
        for (text, expected) in [
            ("token = \"abc\" # mine", "token = \"[redacted]\" # mine"),
            (
                "{\"client_secret\":\"a b\",\"x\":1}",
                "{\"client_secret\":\"[redacted]\",\"x\":1}",
            ),
            (
                "{\\\"password\\\":\\\"hunter2\\\"}",
                "{\\\"password\\\":\\\"[redacted]\"}",
            ),
            ("LAB_API_KEY=abc next", "LAB_API_KEY=[redacted] next"),
            ("GET /v1?a=1&key=abc&b=2", "GET /v1?a=1&key=[redacted]&b=2"),
            (
                "authorization: Basic bWU6cHc=",
                "authorization: Basic [redacted]",
            ),
            ("http://me:pw@proxy.lan:3128", "http://***@proxy.lan:3128"),
        ] {
            let clean = cleaned(text);
            // An escape in front of the closing quote may go with the value.
            assert_eq!(
                clean.replace("\\\"}", "\"}"),
                expected.replace("\\\"}", "\"}"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_only_sounds_like_a_secret_stays() {
        for text in [
            "key_env = \"LAB_API_KEY\"",
            "max_tokens = 5, token_until: null",
            "\"key\": \"ci\"",
            "AEROSTAT_VAULT_KEY_FILE=/run/key",
            "LAB_API_KEY: set",
        ] {
            assert_eq!(cleaned(text), text);
        }
    }

    #[test]
    fn what_is_known_is_taken_in_every_form_and_counted_once() {
        use base64::Engine as _;

        let known = [Secret::new("correct-horse-battery".to_owned())];
        let encoded = base64::prelude::BASE64_STANDARD.encode("correct-horse-battery");
        let text = format!("a correct-horse-battery b {encoded} token=correct-horse-battery");
        let clean = clean(&text, &known);
        assert_eq!(clean.text, "a [redacted] b [redacted] token=[redacted]\n");
        assert_eq!(clean.redactions, 3);
    }

    #[test]
    fn variables_are_known_by_their_names() {
        let variables = [
            ("OPENAI_API_KEY", "a1"),
            ("GITHUB_TOKEN", "b1"),
            ("PATH", "/bin"),
            ("X_KEY", "c1"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let secrets = of_environment(variables.into_iter());
        let values: Vec<&str> = secrets.iter().map(Secret::expose).collect();
        assert_eq!(values, ["a1", "b1", "c1"]);
    }
}
