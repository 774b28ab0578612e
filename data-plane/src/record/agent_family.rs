//! Which program a client is, by its `User-Agent`.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::USER_AGENT;

/// The longest name of a program that is not in the table.
const NAME_BYTES_MAX: usize = 32;

/// How a program's `User-Agent` begins, in lower case, and what the program is called here.
///
/// Source: what the programs' own releases of 2026 send.
const FAMILIES: &[(&str, &str)] = &[
    ("claude-cli/", "claude-code"),
    ("claude-code/", "claude-code"),
    ("codex_cli_rs/", "codex"),
    ("codex_", "codex"),
    ("codex-", "codex"),
    ("codex/", "codex"),
    ("geminicli/", "gemini-cli"),
    ("gemini-cli/", "gemini-cli"),
    ("openai/python", "openai-python"),
    ("asyncopenai/python", "openai-python"),
    ("openai/js", "openai-js"),
    ("anthropic/python", "anthropic-python"),
    ("asyncanthropic/python", "anthropic-python"),
    ("anthropic/js", "anthropic-js"),
    ("google-genai-sdk/", "google-genai"),
    ("genai-js/", "google-genai"),
    ("ai-sdk/", "ai-sdk"),
    ("ai/", "ai-sdk"),
    ("mozilla/", "browser"),
];

/// The program's name: one of the table, else the first product of the header. `None` where it
/// sends none.
pub fn agent_family(headers: &HeaderMap) -> Option<Cow<'static, str>> {
    let agent = headers.get(USER_AGENT)?.as_bytes();
    let begins = |prefix: &str| {
        let start = agent.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let known = FAMILIES.iter().find(|(prefix, _)| begins(prefix));
    if let Some((_, name)) = known {
        return Some(Cow::Borrowed(name));
    }
    let name: String = agent
        .iter()
        .take(NAME_BYTES_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    (!name.is_empty()).then_some(Cow::Owned(name))
}

/// The families that are clients to connect by the same name.
pub const CONNECTABLE: [&str; 3] = ["claude-code", "codex", "gemini-cli"];

/// The name by which the program can be set up from here. `None` where it is none of those.
pub fn connectable(headers: &HeaderMap) -> Option<&'static str> {
    let family = agent_family(headers)?;
    CONNECTABLE.into_iter().find(|name| *name == family)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(agent: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(USER_AGENT, agent.parse().unwrap())]);
        agent_family(&headers).map(Cow::into_owned)
    }

    #[test]
    fn a_program_is_known_in_all_its_versions() {
        assert_eq!(
            family("claude-cli/2.1.4 (external, cli)").as_deref(),
            Some("claude-code")
        );
        assert_eq!(
            family("codex_cli_rs/0.60.1 (Debian 13; x86_64)").as_deref(),
            Some("codex")
        );
        assert_eq!(
            family("OpenAI/Python 2.8.0").as_deref(),
            Some("openai-python")
        );
    }

    #[test]
    fn another_program_is_called_by_its_first_product() {
        assert_eq!(family("Curl/8.14.1").as_deref(), Some("curl"));
        assert_eq!(family("<script>alert(1)"), None);
        assert_eq!(family(&"x".repeat(3000)).unwrap().len(), NAME_BYTES_MAX);
        assert_eq!(agent_family(&HeaderMap::new()), None);
    }
}
