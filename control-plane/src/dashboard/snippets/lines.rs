//! The lines themselves, by program.
//!
//! Source: the documents and the behaviour of the programs' releases of 2026.

use crate::control::ClientFamily;
use crate::dashboard::texts::Texts;

/// Some lines, and where they belong.
pub(super) struct Snippet {
    /// A file, or a terminal.
    pub(super) place: &'static str,
    pub(super) lines: String,
}

/// What lines are written for.
pub(super) struct Target<'t> {
    /// Where the gateway serves.
    pub(super) url: &'t str,
    /// Whether the port asks for a key.
    pub(super) wants_key: bool,
    pub(super) text: Texts,
}

/// A word for programs that insist on a key where none is asked for.
const ANY_KEY: &str = "aerostat";
/// The variable by which lines name the key.
const KEY_VARIABLE: &str = "AEROSTAT_API_KEY";

impl Target<'_> {
    fn openai(&self) -> String {
        ClientFamily::OpenAi.base_url(self.url)
    }

    fn anthropic(&self) -> String {
        ClientFamily::Anthropic.base_url(self.url)
    }

    /// In the settings file: variables that a shell exports would otherwise win or go along. Without
    /// a key of ours a person's own sign-in would be sent here.
    pub(super) fn claude_code(&self) -> Snippet {
        let url = self.anthropic();
        let lines = if self.wants_key {
            format!(
                "{{\n  \"apiKeyHelper\": \"aerostat key show\",\n  \"env\": {{\n    \"ANTHROPIC_BASE_URL\": \"{url}\",\n    \"ANTHROPIC_API_KEY\": \"\",\n    \"ANTHROPIC_AUTH_TOKEN\": \"\"\n  }}\n}}"
            )
        } else {
            format!(
                "{{\n  \"env\": {{\n    \"ANTHROPIC_BASE_URL\": \"{url}\",\n    \"ANTHROPIC_AUTH_TOKEN\": \"{ANY_KEY}\",\n    \"ANTHROPIC_API_KEY\": \"\"\n  }}\n}}"
            )
        };
        Snippet {
            place: "~/.claude/settings.json",
            lines,
        }
    }

    pub(super) fn codex(&self) -> Vec<Snippet> {
        let url = self.openai();
        let key = match self.wants_key {
            true => format!("\nenv_key = \"{KEY_VARIABLE}\""),
            false => String::new(),
        };
        let config = Snippet {
            place: "~/.codex/config.toml",
            lines: format!(
                "model_provider = \"aerostat\"\n\n[model_providers.aerostat]\nname = \"Aerostat\"\nbase_url = \"{url}\"\nwire_api = \"responses\"{key}"
            ),
        };
        std::iter::once(config).chain(self.key_variable()).collect()
    }

    pub(super) fn gemini_cli(&self) -> Vec<Snippet> {
        let url = ClientFamily::Gemini.base_url(self.url);
        let lines = [
            variable("GOOGLE_GEMINI_BASE_URL", &url),
            match self.wants_key {
                true => key_variable("GEMINI_API_KEY"),
                false => variable("GEMINI_API_KEY", ANY_KEY),
            },
        ];
        vec![
            Snippet {
                place: self.text.terminal(),
                lines: lines.join("\n"),
            },
            Snippet {
                place: "~/.gemini/settings.json",
                lines:
                    "{\n  \"security\": { \"auth\": { \"selectedType\": \"gemini-api-key\" } }\n}"
                        .to_owned(),
            },
        ]
    }

    pub(super) fn openai_sdk(&self) -> Vec<Snippet> {
        let (url, key) = (self.openai(), self.python_key());
        self.python(&format!(
            "from openai import OpenAI\n\nclient = OpenAI(base_url=\"{url}\", api_key={key})\nanswer = client.chat.completions.create(\n    model=\"demo\", messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}]\n)\nprint(answer.choices[0].message.content)"
        ))
    }

    pub(super) fn anthropic_sdk(&self) -> Vec<Snippet> {
        let (url, key) = (self.anthropic(), self.python_key());
        self.python(&format!(
            "from anthropic import Anthropic\n\nclient = Anthropic(base_url=\"{url}\", api_key={key})\nanswer = client.messages.create(\n    model=\"demo\", max_tokens=1000, messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}]\n)\nprint(answer.content[0].text)"
        ))
    }

    fn python(&self, lines: &str) -> Vec<Snippet> {
        let imports = if self.wants_key { "import os\n" } else { "" };
        let program = Snippet {
            place: "Python",
            lines: format!("{imports}{lines}"),
        };
        self.key_variable()
            .into_iter()
            .chain(std::iter::once(program))
            .collect()
    }

    fn python_key(&self) -> String {
        match self.wants_key {
            true => format!("os.environ[\"{KEY_VARIABLE}\"]"),
            false => format!("\"{ANY_KEY}\""),
        }
    }

    /// A file of its own in a folder that the program reads whole.
    pub(super) fn continue_ide(&self) -> Vec<Snippet> {
        let url = self.openai();
        let key = match self.wants_key {
            true => format!("${{{{ secrets.{KEY_VARIABLE} }}}}"),
            false => ANY_KEY.to_owned(),
        };
        let config = Snippet {
            place: "~/.continue/models/aerostat.yaml",
            lines: format!(
                "name: Aerostat\nversion: 0.0.1\nschema: v1\nmodels:\n  - name: Aerostat\n    provider: openai\n    model: demo\n    apiBase: {url}\n    apiKey: {key}\n    roles: [chat, edit, apply]"
            ),
        };
        let secret = self.wants_key.then(|| Snippet {
            place: "~/.continue/.env",
            lines: format!("{KEY_VARIABLE}=…"),
        });
        std::iter::once(config).chain(secret).collect()
    }

    pub(super) fn curl(&self) -> Snippet {
        let url = self.openai();
        let key = match self.wants_key {
            true => " -H \"Authorization: Bearer $(aerostat key show)\"",
            false => "",
        };
        Snippet {
            place: self.text.terminal(),
            lines: format!(
                "curl {url}/chat/completions{key} -H \"Content-Type: application/json\" -d '{{\"model\": \"demo\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
            ),
        }
    }

    /// Where a key is asked for: the variable that holds it.
    fn key_variable(&self) -> Option<Snippet> {
        self.wants_key.then(|| Snippet {
            place: self.text.terminal(),
            lines: key_variable(KEY_VARIABLE),
        })
    }
}

/// A variable, as the shell of this system sets it.
fn variable(name: &str, value: &str) -> String {
    match cfg!(windows) {
        true => format!("$env:{name} = '{value}'"),
        false => format!("export {name}='{value}'"),
    }
}

/// The same with the local key, which is then in no file.
fn key_variable(name: &str) -> String {
    match cfg!(windows) {
        true => format!("$env:{name} = (& aerostat key show)"),
        false => format!("export {name}=\"$(aerostat key show)\""),
    }
}
