//! How programs are pointed here: a few lines for each, to be copied, with where they belong.

mod lines;

use maud::{Markup, html};

use super::context::PageContext;
use lines::{Snippet, Target};

/// The programs that there are lines for, in the order of their tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    ClaudeCode,
    Codex,
    GeminiCli,
    OpenAiSdk,
    AnthropicSdk,
    Continue,
    Cursor,
    Curl,
}

/// The tabs, and the lines of the chosen program. `page` is the page that they stand on.
pub(super) fn snippets(context: &PageContext, page: &str, url: &str, wants_key: bool) -> Markup {
    let chosen = Client::named(context.query.get("client"));
    let target = Target {
        url,
        wants_key,
        text: context.text,
    };
    html! {
        ul.tabs #client aria-label=(context.text.programs()) {
            @for client in Client::ALL {
                @let link = context.link_with(page, [("client", client.id())]);
                li { a href={ (link) "#client" } aria-current=[(client == chosen).then_some("true")] {
                    (client.label())
                } }
            }
        }
        @for snippet in chosen.snippets(&target) { (shown(context, &snippet)) }
        @if let Some(note) = chosen.note(&target) { p.hint { (note) } }
    }
}

fn shown(context: &PageContext, snippet: &Snippet) -> Markup {
    let text = context.text;
    html! {
        div.row {
            span.meta { (snippet.place) }
            button.small type="button" hidden data-copy=(snippet.lines) data-copied=(text.copied()) { (text.copy()) }
        }
        pre { (snippet.lines) }
    }
}

impl Client {
    const ALL: [Self; 8] = [
        Self::ClaudeCode,
        Self::Codex,
        Self::GeminiCli,
        Self::OpenAiSdk,
        Self::AnthropicSdk,
        Self::Continue,
        Self::Cursor,
        Self::Curl,
    ];

    /// The first one where there is none of that name.
    fn named(id: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|client| client.id() == id)
            .unwrap_or(Self::ClaudeCode)
    }

    fn id(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::GeminiCli => "gemini-cli",
            Self::OpenAiSdk => "openai-sdk",
            Self::AnthropicSdk => "anthropic-sdk",
            Self::Continue => "continue",
            Self::Cursor => "cursor",
            Self::Curl => "curl",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::Codex => "Codex",
            Self::GeminiCli => "Gemini CLI",
            Self::OpenAiSdk => "OpenAI SDK",
            Self::AnthropicSdk => "Anthropic SDK",
            Self::Continue => "Continue",
            Self::Cursor => "Cursor",
            Self::Curl => "curl",
        }
    }

    fn snippets(self, target: &Target<'_>) -> Vec<Snippet> {
        match self {
            Self::ClaudeCode => vec![target.claude_code()],
            Self::Codex => target.codex(),
            Self::GeminiCli => target.gemini_cli(),
            Self::OpenAiSdk => target.openai_sdk(),
            Self::AnthropicSdk => target.anthropic_sdk(),
            Self::Continue => target.continue_ide(),
            Self::Cursor => Vec::new(),
            Self::Curl => vec![target.curl()],
        }
    }

    fn note(self, target: &Target<'_>) -> Option<String> {
        let text = target.text;
        Some(match self {
            Self::ClaudeCode => text.note_claude_code().to_owned(),
            Self::Codex => text.note_codex().to_owned(),
            Self::GeminiCli => text.note_gemini_cli().to_owned(),
            Self::OpenAiSdk | Self::AnthropicSdk | Self::Continue => {
                text.note_model("demo", "provider/model")
            }
            Self::Cursor => text.note_cursor(target.url),
            Self::Curl => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::texts::Texts;
    use crate::language::Language;

    fn lines(client: Client, wants_key: bool) -> String {
        let target = Target {
            url: "http://127.0.0.1:8045",
            wants_key,
            text: Texts(Language::English),
        };
        let snippets = client.snippets(&target).into_iter();
        snippets
            .map(|snippet| snippet.lines)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn settings_files_are_as_strict_as_their_programs() {
        for wants_key in [false, true] {
            let claude: serde_json::Value =
                serde_json::from_str(&lines(Client::ClaudeCode, wants_key)).unwrap();
            let env = &claude["env"];
            assert_eq!(env["ANTHROPIC_BASE_URL"], "http://127.0.0.1:8045");
            assert_eq!(claude["apiKeyHelper"].is_string(), wants_key);
            let codex = Target {
                url: "http://127.0.0.1:8045",
                wants_key,
                text: Texts(Language::English),
            };
            let codex: toml_edit::DocumentMut = codex.codex()[0].lines.parse().unwrap();
            let provider = &codex["model_providers"]["aerostat"];
            assert_eq!(
                provider["base_url"].as_str(),
                Some("http://127.0.0.1:8045/v1")
            );
            assert_eq!(provider.get("env_key").is_some(), wants_key);
        }
    }

    #[test]
    fn a_key_is_named_only_where_the_port_asks_for_one() {
        for client in Client::ALL {
            let (without, with) = (lines(client, false), lines(client, true));
            assert!(!without.contains("key show"), "{without}");
            let names_key = with.contains("aerostat key show") || with.contains("AEROSTAT_API_KEY");
            assert_eq!(names_key, client != Client::Cursor, "{with}");
        }
    }

    #[test]
    fn a_tab_of_no_program_is_the_first_one() {
        assert_eq!(Client::named("codex"), Client::Codex);
        assert_eq!(Client::named("\"><script>"), Client::ClaudeCode);
    }
}
