//! VS Code: models of one's own in Copilot, and Claude Code's extension.
//!
//! A group of models is known by vendor and name; `${input:…}` makes VS Code ask for the key once and
//! keep it. Sources: `microsoft/vscode`, `languageModelsConfigurationService.ts`; VS Code's
//! documentation of custom endpoints (1.122 and later).

use serde_json::{Value as Json, json};

use crate::clients::client::{BLANK, Client, Content, FileRule, Setting, Setup, Text, Warning};
use crate::clients::document::{Format, Step};
use crate::clients::places::{Folder, Place};
use crate::clients::target::{Model, Target};

pub(super) static COPILOT: Client = Client {
    name: "vscode-copilot",
    title: "Copilot in VS Code",
    programs: &["code"],
    setup: Setup::Files(&[FileRule {
        place: user_folder("chatLanguageModels.json"),
        content: Content::Keys {
            format: Format::Jsonc,
            settings: copilot,
        },
        base_url: &[],
    }]),
    lists_models: true,
    warnings: &[SYNC],
    afterwards: Text::new(
        "Choose a model of Aerostat in the chat; VS Code asks for the key once (`aerostat key show`).",
        "Wählen Sie im Chat ein Modell von Aerostat; VS Code fragt einmal nach dem Schlüssel (`aerostat key show`).",
    ),
    once_undone: Text::new("Nothing is left to do.", "Es bleibt nichts zu tun."),
    ..BLANK
};

/// A panel that does not take over `~/.claude/settings.json`, as some versions did not.
pub(super) static CLAUDE_CODE: Client = Client {
    name: "claude-code",
    variant: Some("vscode"),
    title: "Claude Code in VS Code",
    programs: &["code"],
    setup: Setup::Files(&[FileRule {
        place: user_folder("settings.json"),
        content: Content::Keys {
            format: Format::Jsonc,
            settings: claude_code,
        },
        base_url: &[],
    }]),
    warnings: &[SYNC],
    key_in_file: Text::new(
        "The extension takes the variables of these settings as they stand, and an address without a key would get your sign-in at Anthropic.",
        "Die Erweiterung nimmt die Variablen dieser Einstellungen, wie sie dastehen, und eine Adresse ohne Schlüssel bekäme Ihre Anmeldung bei Anthropic.",
    ),
    afterwards: Text::new(
        "Reload the window of VS Code. In a remote window the extension runs on the other machine, which this address does not reach.",
        "Laden Sie das Fenster von VS Code neu. In einem entfernten Fenster läuft die Erweiterung auf dem anderen Rechner, den diese Adresse nicht erreicht.",
    ),
    once_undone: Text::new(
        "Reload the window of VS Code.",
        "Laden Sie das Fenster von VS Code neu.",
    ),
    ..BLANK
};

const SYNC: Warning = Warning::always(
    "With settings sync on, VS Code may carry this file to machines that have no gateway.",
    "Mit eingeschalteter Synchronisierung kann VS Code diese Datei auf Rechner ohne Gateway tragen.",
);

const fn user_folder(name: &'static str) -> Place {
    Place::new(Folder::XdgConfig("Code/User"), name)
        .unless(&[("VSCODE_PORTABLE", "user-data/User")])
        .on_macos(Folder::ApplicationSupport("Code/User"))
        .on_windows(Folder::AppData("Code/User"))
}

fn copilot(to: &Target) -> Vec<Setting> {
    let models: Vec<Json> = to.models.iter().map(|model| entry(to, model)).collect();
    let group = json!({
        "vendor": "customendpoint",
        "name": "Aerostat",
        "apiKey": "${input:aerostatKey}",
        "apiType": "chat-completions",
        "models": models,
    });
    let step = Step::item("vendor", "customendpoint").and("name", "Aerostat");
    vec![Setting::at(&[], step, group)]
}

fn entry(to: &Target, model: &Model) -> Json {
    let mut entry = json!({
        "id": model.id,
        "name": model.title(),
        "url": to.url("/v1/chat/completions"),
        // Without it, agent mode does not show the model.
        "toolCalling": true,
    });
    if let Some(context) = model.context_tokens {
        entry["maxInputTokens"] = context.into();
    }
    if let Some(output) = model.output_tokens {
        entry["maxOutputTokens"] = output.into();
    }
    entry
}

fn claude_code(to: &Target) -> Vec<Setting> {
    let variable = |name: &str, value: &str| {
        let entry = json!({ "name": name, "value": value });
        Setting::item(&["claudeCode.environmentVariables"], "name", name, entry)
    };
    vec![
        // The token stands before the URL, which must never be there without it.
        variable("ANTHROPIC_AUTH_TOKEN", to.plain_key()),
        variable("ANTHROPIC_BASE_URL", &to.url("")),
        variable("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1"),
        Setting::new(&["claudeCode.disableLoginPrompt"], true),
    ]
}
