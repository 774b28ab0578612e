//! Codex: the command line, the IDE extension and the app share one folder.
//!
//! Measured with 0.171.0: a provider without a name, or a selector that names no table, keeps it from
//! starting; unknown keys are warned about, so no marks are left in the file.

use serde_json::json;

use crate::clients::client::{BLANK, Client, Content, FileRule, Setting, Setup, Text, Warning};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};
use crate::clients::target::Target;

pub(super) static CODEX: Client = Client {
    name: "codex",
    title: "Codex",
    programs: &["codex"],
    setup: Setup::Files(&[file("config.toml")]),
    arguments,
    warnings: &[Warning::always(
        "Codex lists sessions by provider: those from before are hidden while it is connected, and come back with `disconnect`. `--profile-only` leaves them in sight.",
        "Codex listet Sitzungen nach Anbieter: Frühere sind verborgen, solange es verbunden ist, und kommen mit `disconnect` zurück. `--profile-only` lässt sie sichtbar.",
    )],
    by_hand: Text::new(
        "The line with `model_provider` must stand above the first table.",
        "Die Zeile mit `model_provider` muss über der ersten Tabelle stehen.",
    ),
    afterwards: Text::new(
        "Restart Codex, its IDE extension and its app.",
        "Starten Sie Codex, seine IDE-Erweiterung und seine App neu.",
    ),
    ..BLANK
};

pub(super) static PROFILE: Client = Client {
    variant: Some("profile-only"),
    title: "Codex (profile-only)",
    setup: Setup::Files(&[file("aerostat.config.toml")]),
    warnings: &[],
    afterwards: Text::new(
        "Start it as `codex --profile aerostat`; Codex 0.134 or later is needed.",
        "Starten Sie es als `codex --profile aerostat`; nötig ist Codex ab 0.134.",
    ),
    once_undone: Text::new(
        "`codex --profile aerostat` is no longer there.",
        "`codex --profile aerostat` gibt es nicht mehr.",
    ),
    ..CODEX
};

const fn file(name: &'static str) -> FileRule {
    FileRule {
        place: Place::new(Folder::Home(".codex"), name).unless(&[("CODEX_HOME", "")]),
        content: Content::Keys {
            format: Format::Toml,
            settings,
        },
        base_url: &["model_providers", "aerostat", "base_url"],
    }
}

fn settings(to: &Target) -> Vec<Setting> {
    let provider = json!({
        "name": "Aerostat",
        "base_url": to.url("/v1"),
        "wire_api": "responses",
        "auth": { "command": to.key_program(), "args": to.key_arguments() },
    });
    let mut settings = vec![
        Setting::new(&["model_providers", "aerostat"], provider),
        Setting::new(&["model_provider"], "aerostat"),
    ];
    settings.extend(
        to.model
            .clone()
            .map(|model| Setting::new(&["model"], model)),
    );
    settings
}

/// `-c` takes a path and a value in TOML.
fn arguments(to: &Target) -> Vec<String> {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let list: Vec<String> = to.key_arguments().iter().map(|word| text(word)).collect();
    let pairs = [
        ("model_provider".to_owned(), text("aerostat")),
        (of("name"), text("Aerostat")),
        (of("base_url"), text(&to.url("/v1"))),
        (of("wire_api"), text("responses")),
        (of("auth.command"), text(&to.key_program())),
        (of("auth.args"), format!("[{}]", list.join(","))),
    ];
    let model = to.model.as_deref();
    let model = model.map(|model| ("model".to_owned(), text(model)));
    let all = pairs.into_iter().chain(model);
    all.flat_map(|(path, value)| ["-c".to_owned(), format!("{path}={value}")])
        .collect()
}

fn of(key: &str) -> String {
    format!("model_providers.aerostat.{key}")
}
