//! Zed.
//!
//! The key comes from its keychain or from the variable that is named after the provider; without one
//! a model is not usable. Source: `zed-industries/zed`, `open_ai_compatible.rs`.

use serde_json::{Value as Json, json};

use crate::clients::client::{BLANK, Client, Content, FileRule, Setting, Setup, Text, Variable};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};
use crate::clients::target::{Model, Target};

pub(super) static ZED: Client = Client {
    name: "zed",
    title: "Zed",
    programs: &["zed", "zeditor"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::XdgConfig("zed"), "settings.json")
            .on_windows(Folder::AppData("Zed")),
        content: Content::Keys {
            format: Format::Jsonc,
            settings,
        },
        base_url: &[
            "language_models",
            "openai_compatible",
            "Aerostat",
            "api_url",
        ],
    }]),
    variables: &[Variable::key("AEROSTAT_API_KEY")],
    lists_models: true,
    afterwards: Text::new(
        "Enter the key (`aerostat key show`) in Zed's agent settings under Aerostat. Without authentication, any word does.",
        "Geben Sie in Zeds Agenten-Einstellungen unter Aerostat den Schlüssel ein (`aerostat key show`). Ohne Authentifizierung genügt ein beliebiges Wort.",
    ),
    once_undone: Text::new("Nothing is left to do.", "Es bleibt nichts zu tun."),
    ..BLANK
};

/// `max_tokens` is required: a window that every model of today has.
const CONTEXT_TOKENS: u64 = 128_000;

fn settings(to: &Target) -> Vec<Setting> {
    let models: Vec<Json> = to.models.iter().map(entry).collect();
    let provider = json!({ "api_url": to.url("/v1"), "available_models": models });
    vec![Setting::new(
        &["language_models", "openai_compatible", "Aerostat"],
        provider,
    )]
}

fn entry(model: &Model) -> Json {
    let mut entry = json!({
        "name": model.id,
        "display_name": model.title(),
        "max_tokens": model.context_tokens.unwrap_or(CONTEXT_TOKENS),
    });
    if let Some(output) = model.output_tokens {
        entry["max_output_tokens"] = output.into();
    }
    entry
}
