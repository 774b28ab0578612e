//! How many tokens well-known models write at most.
//!
//! For requests whose client names no limit, toward dialects that want one, and for those whose
//! client names more than the model takes. A provider's own model list is better where it tells the
//! limit; this table is for the time before it was fetched and for lists without limits.
//!
//! As of 2026-11-29. Source: Anthropic, "Models overview" and each model's page (`max output`);
//! Gemini API, "Models" (`output token limit`); OpenAI, each model's page (`max output tokens`). A
//! model that is not here has no known limit: a limit above the model's own would be refused. Gemini 4 is left out, as its input and output
//! share one window and what it writes by default depends on the API that calls it.

/// The limits of one model, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLimits {
    /// The most that one answer may hold.
    pub output: u64,
    /// The window that prompt and output share. `None` where it is unknown.
    pub context_window: Option<u64>,
}

/// Bytes of a request for one token of its prompt, at least. Prose has about four a token, code
/// and JSON about three.
const BYTES_PER_TOKEN_MIN: u64 = 3;

impl TokenLimits {
    /// The output limit for a prompt of so many bytes. `None` where prompt and limit together may
    /// exceed the window: some APIs refuse such a request, before a token is written.
    ///
    /// Source: Claude before 4.5, "input length and `max_tokens` exceed context limit".
    pub fn output_for(self, prompt_bytes: usize) -> Option<u64> {
        let Some(window) = self.context_window else {
            return Some(self.output);
        };
        let prompt_tokens = prompt_bytes as u64 / BYTES_PER_TOKEN_MIN;
        let fits = prompt_tokens.saturating_add(self.output) <= window;
        fits.then_some(self.output)
    }
}

const fn claude(output: u64) -> TokenLimits {
    TokenLimits {
        output,
        context_window: None,
    }
}

/// Before 4.5, where `max_tokens` must fit into the window beside the prompt.
const fn older_claude(output: u64) -> TokenLimits {
    TokenLimits {
        output,
        context_window: Some(200_000),
    }
}

/// One below the documented 65,536, which Vertex AI excludes.
const fn gemini(output: u64) -> TokenLimits {
    TokenLimits {
        output,
        context_window: None,
    }
}

/// By what the name contains, with dots written as dashes; the first row that matches counts.
#[rustfmt::skip]
const TABLE: [(&str, TokenLimits); 22] = [
    ("claude-3-opus",     older_claude(4_096)),
    ("claude-3-sonnet",   older_claude(4_096)),
    ("claude-3-haiku",    older_claude(4_096)),
    ("claude-3-5",        older_claude(8_192)),
    ("claude-3-7",        older_claude(64_000)),
    ("claude-opus-4-5",   claude(64_000)),
    ("claude-sonnet-4-5", claude(64_000)),
    ("claude-haiku-4-5",  claude(64_000)),
    ("claude-opus-4-6",   claude(128_000)),
    ("claude-opus-4-7",   claude(128_000)),
    ("claude-opus-4-8",   claude(128_000)),
    ("claude-sonnet-4-6", claude(128_000)),
    ("claude-opus-4",     older_claude(32_000)),
    ("claude-sonnet-4",   older_claude(64_000)),
    ("claude-opus-5",     claude(128_000)),
    ("claude-sonnet-5",   claude(128_000)),
    ("claude-haiku-5",    claude(128_000)),
    ("claude-fable-5",    claude(128_000)),
    ("gemini-1-5",        gemini(8_192)),
    ("gemini-2-0",        gemini(8_192)),
    ("gemini-2-5",        gemini(65_535)),
    ("gemini-3",          gemini(65_535)),
];

const fn openai(output: u64) -> TokenLimits {
    TokenLimits {
        output,
        context_window: None,
    }
}

/// OpenAI's models, by what the name begins with; the first row that matches counts. Their names are
/// too short to be looked for within others.
#[rustfmt::skip]
const OPENAI: [(&str, TokenLimits); 19] = [
    ("gpt-3-5",           openai(4_096)),
    ("gpt-4-1-",          openai(32_768)),
    ("gpt-4-1106",        openai(4_096)),
    ("gpt-4-1",           openai(32_768)),
    ("gpt-4-5",           openai(16_384)),
    ("gpt-4o-2024-05-13", openai(4_096)),
    ("gpt-4o",            openai(16_384)),
    ("chatgpt-4o",        openai(16_384)),
    ("gpt-4-turbo",       openai(4_096)),
    ("gpt-4-0125",        openai(4_096)),
    ("gpt-4",             openai(8_192)),
    ("gpt-5-chat",        openai(16_384)),
    ("gpt-5-pro",         openai(272_000)),
    ("gpt-5",             openai(128_000)),
    ("o1-mini",           openai(65_536)),
    ("o1-preview",        openai(32_768)),
    ("o1",                openai(100_000)),
    ("o3",                openai(100_000)),
    ("o4-mini",           openai(100_000)),
];

/// Names of a family's models that write something else than text, with limits of their own.
const OTHER_OUTPUT: [&str; 5] = ["image", "tts", "audio", "live", "embedding"];

/// The limits of a model, by its upstream name. `None` where the table does not know it.
pub fn well_known(model: &str) -> Option<TokenLimits> {
    let name = model.to_ascii_lowercase().replace('.', "-");
    if OTHER_OUTPUT.iter().any(|other| name.contains(other)) {
        return None;
    }
    // Without a router's prefix for the vendor.
    let own = name.rsplit('/').next().unwrap_or(&name);
    let within = TABLE.iter().find(|(part, _)| name.contains(part));
    let row = within.or_else(|| OPENAI.iter().find(|(start, _)| own.starts_with(start)))?;
    Some(row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_forms_are_known() {
        let cases = [
            ("claude-3-haiku-20240307", Some(4_096)),
            ("claude-opus-4-20250514", Some(32_000)),
            ("claude-opus-4@20250514", Some(32_000)),
            ("claude-opus-4-1-20250805", Some(32_000)),
            ("anthropic/claude-opus-4.5", Some(64_000)),
            ("us.anthropic.claude-sonnet-4-6-v1:0", Some(128_000)),
            ("claude-opus-5-5", Some(128_000)),
            ("gemini-2.0-flash", Some(8_192)),
            ("models/gemini-2.5-pro", Some(65_535)),
            ("gemini-3.8-flash", Some(65_535)),
            ("gemini-2.5-flash-image", None),
            ("gemini-4-argon", None),
            ("kimi-k2", None),
            ("gpt-4o-mini", Some(16_384)),
            ("openai/gpt-4.1-nano", Some(32_768)),
            ("gpt-4-1106-preview", Some(4_096)),
            ("gpt-4-0613", Some(8_192)),
            ("gpt-5.2-codex", Some(128_000)),
            ("gpt-5-chat-latest", Some(16_384)),
            ("o3-mini-2025-01-31", Some(100_000)),
            ("gpt-4o-audio-preview", None),
            ("gpt-6-astra", None),
            ("gpt-oss-120b", None),
            ("foo1", None),
        ];
        for (model, output) in cases {
            assert_eq!(
                well_known(model).map(|limits| limits.output),
                output,
                "{model}"
            );
        }
    }

    #[test]
    fn a_limit_that_may_not_fit_beside_the_prompt_is_no_limit() {
        let limits = well_known("claude-sonnet-4-20250514").unwrap();
        assert_eq!(limits.output_for(300_000), Some(64_000));
        assert_eq!(limits.output_for(450_000), None);
        let newer = well_known("claude-sonnet-4-5").unwrap();
        assert_eq!(newer.output_for(450_000), Some(64_000));
    }
}
