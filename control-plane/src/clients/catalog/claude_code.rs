//! Claude Code, in a terminal and in VS Code.
//!
//! Measured with 2.1.197 and 2.1.332: every entry of `env` in a settings file overwrites the shell's
//! variable; a file with a comment is dropped whole; with a helper or a token no sign-in of the
//! vendor is sent, and with the base URL alone it is.

use crate::clients::client::{
    BLANK, Client, Content, FileRule, Override, Setting, Setup, Text, Tier, Variable, Warning,
};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};
use crate::clients::target::Target;

pub(super) static CLAUDE_CODE: Client = Client {
    name: "claude-code",
    title: "Claude Code",
    programs: &["claude"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::Home(".claude"), "settings.json").unless(FOLDER),
        content: Content::Keys {
            format: Format::StrictJson,
            settings,
        },
        base_url: BASE_URL,
    }]),
    // The key as a token: `ANTHROPIC_API_KEY` would be asked about at the first start.
    variables: &[
        Variable::url("ANTHROPIC_BASE_URL", ""),
        Variable::key("ANTHROPIC_AUTH_TOKEN"),
        Variable::text("ANTHROPIC_API_KEY", ""),
        Variable::text("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1"),
        Variable::model("ANTHROPIC_MODEL"),
        Variable::tier(&TIERS[0]),
        Variable::tier(&TIERS[1]),
        Variable::tier(&TIERS[2]),
        Variable::tier(&TIERS[3]),
        Variable::tier(&TIERS[4]),
    ],
    tiers: &TIERS,
    overrides: &[
        project(".claude", "settings.local.json"),
        project(".claude", "settings.json"),
        Override::File {
            place: Place::new(
                Folder::Absolute("/etc/claude-code"),
                "managed-settings.json",
            )
            .on_macos(Folder::Absolute("/Library/Application Support/ClaudeCode"))
            .on_windows(Folder::Absolute(r"C:\Program Files\ClaudeCode")),
            format: Format::StrictJson,
            keys: BEATING,
        },
    ],
    warnings: &[Warning::always(
        "A project's own `.claude/settings.json` beats these settings where it names another endpoint.",
        "Die `.claude/settings.json` eines Projekts geht diesen Einstellungen vor, wenn sie einen anderen Endpunkt nennt.",
    )],
    by_hand: Text::new(
        "Put the lines into what is there already: a comment or a comma too many makes Claude Code ignore the whole file. It asks for Claude models, so add an account that has them, or a rule.",
        "In die vorhandene Datei einfügen: Ein Kommentar oder ein Komma zu viel, und Claude Code ignoriert die ganze Datei. Es fragt nach Claude-Modellen: Dafür braucht es ein Konto, das sie hat, oder eine Regel.",
    ),
    afterwards: Text::new(
        "Sessions that run now take it over at their next request; where they do not, restart them.",
        "Laufende Sitzungen übernehmen es bei ihrer nächsten Anfrage; wo nicht, starten Sie sie neu.",
    ),
    once_undone: Text::new(
        "Sessions that run now keep pointing here until they are restarted.",
        "Laufende Sitzungen zeigen hierher, bis sie neu gestartet werden.",
    ),
    ..BLANK
};

/// What it sends in their place is any name, as it stands.
const TIERS: [Tier; 5] = [
    tier("opus", "ANTHROPIC_DEFAULT_OPUS_MODEL"),
    tier("sonnet", "ANTHROPIC_DEFAULT_SONNET_MODEL"),
    tier("haiku", "ANTHROPIC_DEFAULT_HAIKU_MODEL"),
    tier("fable", "ANTHROPIC_DEFAULT_FABLE_MODEL"),
    tier("subagent", "CLAUDE_CODE_SUBAGENT_MODEL"),
];

const fn tier(name: &'static str, variable: &'static str) -> Tier {
    Tier { name, variable }
}

const FOLDER: &[(&str, &str)] = &[("CLAUDE_CONFIG_DIR", "")];
const BASE_URL: &[&str] = &["env", "ANTHROPIC_BASE_URL"];
/// What would send a session elsewhere, or with another key.
const BEATING: &[&[&str]] = &[
    BASE_URL,
    &["apiKeyHelper"],
    &["env", "ANTHROPIC_AUTH_TOKEN"],
    &["env", "ANTHROPIC_API_KEY"],
];

const fn project(folder: &'static str, name: &'static str) -> Override {
    Override::File {
        place: Place::new(Folder::Project(folder), name),
        format: Format::StrictJson,
        keys: BEATING,
    }
}

fn settings(to: &Target) -> Vec<Setting> {
    let mut settings = vec![
        // Before the base URL, which must never stand without it.
        Setting::new(&["apiKeyHelper"], to.key_line()),
        // What the shell exports would go along as `x-api-key`, or beat the helper.
        Setting::new(&["env", "ANTHROPIC_API_KEY"], ""),
        Setting::new(&["env", "ANTHROPIC_AUTH_TOKEN"], ""),
        Setting::new(BASE_URL, to.url("")),
        Setting::new(&["env", "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY"], "1"),
    ];
    settings.extend(
        to.model
            .clone()
            .map(|model| Setting::new(&["model"], model)),
    );
    let mapped = TIERS.iter().filter_map(|tier| {
        let model = to.tiers.get(tier.name)?.clone();
        Some(Setting::new(&["env", tier.variable], model))
    });
    settings.extend(mapped);
    settings
}
