//! A recorded request as a command for a shell: with `$AEROSTAT_KEY` where its key stood.

use super::body_facts::BodyFacts;
use super::body_text::size;
use super::refusal::IncompleteBody;

/// Headers that curl writes itself, or that hold for one connection.
const LEFT_OUT: [&str; 3] = ["content-length", "host", "accept-encoding"];
/// The forms in which clients send a key.
const KEY_HEADERS: [&str; 3] = ["authorization", "x-api-key", "x-goog-api-key"];
/// What stands for a secret, by itself and in a URL's query.
const REDACTED: &str = "[redacted]";

/// The command that sends what the client sent to the port at `base_url`. Where the body is not
/// kept whole, a file stands in its place, and a comment says why.
pub(super) fn curl(base_url: &str, sent: &BodyFacts) -> String {
    let target = sent.target.as_deref().unwrap_or("/");
    let mut lines = vec![format!("curl {}", url(base_url, target))];
    let method = sent.method.as_deref().unwrap_or("POST");
    if method != "POST" {
        lines.push(format!("-X {}", quoted(method)));
    }
    for header in &sent.headers {
        let name = header.name.as_str();
        match &header.value {
            _ if LEFT_OUT.contains(&name) => {}
            _ if name == KEY_HEADERS[0] => {
                lines.push("-H \"authorization: Bearer $AEROSTAT_KEY\"".to_owned());
            }
            _ if KEY_HEADERS.contains(&name) => {
                lines.push(format!("-H \"{name}: $AEROSTAT_KEY\""));
            }
            Some(value) => lines.push(format!("-H {}", quoted(&format!("{name}: {value}")))),
            None => {}
        }
    }
    let missing = missing(sent);
    match (&missing, &sent.text) {
        (None, Some(text)) if text.is_empty() => {}
        (None, Some(text)) => lines.push(format!("--data-binary {}", quoted(text))),
        _ => lines.push("--data-binary @body.json".to_owned()),
    }
    let command = lines.join(" \\\n  ");
    match missing {
        Some(why) => format!("# Put the body into body.json: {why}.\n{command}"),
        None => command,
    }
}

/// Why the body cannot be sent as it is kept; `None` where it can.
pub(super) fn missing(sent: &BodyFacts) -> Option<IncompleteBody> {
    let whole = usize::try_from(sent.bytes).unwrap_or(usize::MAX);
    match &sent.text {
        None => Some(IncompleteBody::NoText),
        Some(_) if sent.is_cut => Some(IncompleteBody::Cut { size: size(whole) }),
        Some(text) if sent.redactions > 0 && text.contains(REDACTED) => {
            Some(IncompleteBody::SecretsTakenOut)
        }
        Some(_) => None,
    }
}

/// The URL in quotes, with the key's place in a query left to the shell.
fn url(base_url: &str, target: &str) -> String {
    let text = format!("{base_url}{target}");
    let key = format!("={REDACTED}");
    let mut parts = text.split(&key);
    let first = quoted(parts.next().unwrap_or_default());
    parts.fold(first, |url, part| {
        let rest = if part.is_empty() {
            String::new()
        } else {
            quoted(part)
        };
        format!("{url}=\"$AEROSTAT_KEY\"{rest}")
    })
}

/// A word that no shell reads anything into.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::super::body_facts::HeaderFacts;
    use super::*;

    fn sent(target: &str, text: &str) -> BodyFacts {
        let header = |name: &str, value: Option<&str>| HeaderFacts {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            bytes: 9,
        };
        BodyFacts {
            direction: "client_sent".to_owned(),
            attempt: None,
            method: Some("POST".to_owned()),
            target: Some(target.to_owned()),
            status: None,
            headers: vec![
                header("host", None),
                header("content-length", Some("9")),
                header("content-type", Some("application/json")),
                header("authorization", None),
                header("cookie", None),
            ],
            media_type: None,
            bytes: text.len() as u64,
            is_cut: false,
            redactions: 0,
            text: Some(text.to_owned()),
            base64: None,
            events: Vec::new(),
            events_left_out: 0,
        }
    }

    #[test]
    fn the_key_is_left_to_the_shell_and_nothing_else_is() {
        let command = curl(
            "http://127.0.0.1:8045",
            &sent("/v1/chat/completions", r#"{"a":"it's $HOME `x`"}"#),
        );
        assert_eq!(
            command,
            "curl 'http://127.0.0.1:8045/v1/chat/completions' \\\n  -H 'content-type: application/json' \\\n  \
             -H \"authorization: Bearer $AEROSTAT_KEY\" \\\n  --data-binary '{\"a\":\"it'\\''s $HOME `x`\"}'"
        );
        let in_query = curl("http://a", &sent("/v1?key=[redacted]&alt=sse", "{}"));
        assert!(
            in_query.starts_with("curl 'http://a/v1?key'=\"$AEROSTAT_KEY\"'&alt=sse' "),
            "{in_query}"
        );
    }

    #[test]
    fn a_body_that_is_not_whole_is_a_file_and_says_why() {
        let mut cut = sent("/v1", "{");
        cut.is_cut = true;
        cut.bytes = 300_000;
        let command = curl("http://a", &cut);
        assert!(command.starts_with(
            "# Put the body into body.json: of its 300 kB the end was cut off.\ncurl "
        ));
        assert!(command.ends_with("--data-binary @body.json"));
        let mut redacted = sent("/v1", r#"{"a":"[redacted]"}"#);
        assert_eq!(missing(&redacted), None, "a client may write so itself");
        redacted.redactions = 1;
        assert_eq!(missing(&redacted), Some(IncompleteBody::SecretsTakenOut));
    }

    /// A shell that runs the command gives curl these arguments.
    #[cfg(unix)]
    #[test]
    fn a_shell_reads_it_back_as_it_was() {
        let text = "{\"a\":\"'quotes' \\\\ $(touch x) `y` \\n!\"}\n";
        let command = curl("http://a", &sent("/v1/x?a=$b'c", text));
        let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}\nAEROSTAT_KEY=k\n{command}");
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let arguments: Vec<&str> = printed.trim_end_matches('\0').split('\0').collect();
        assert_eq!(arguments[0], "http://a/v1/x?a=$b'c");
        assert_eq!(arguments[arguments.len() - 1], text);
        assert!(arguments.contains(&"authorization: Bearer k"));
    }
}
