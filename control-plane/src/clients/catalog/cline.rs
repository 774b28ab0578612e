//! Cline: its command line, VS Code and JetBrains share one file.
//!
//! What fails the client's schema is read as empty and written back: the version must be 1, and
//! `updatedAt` a moment. There is one place for an endpoint that speaks as OpenAI does.
//! Source: `cline/cline`, `sdk/packages/core/src/types/provider-settings.ts`; measured with 3.0.65.

use serde_json::json;

use crate::clients::client::{BLANK, Client, Content, FileRule, Setting, Setup, Text, Warning};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};
use crate::clients::target::Target;

pub(super) static CLINE: Client = Client {
    name: "cline",
    title: "Cline",
    programs: &["cline"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::Home(".cline/data/settings"), "providers.json").unless(&[
            ("CLINE_DATA_DIR", "settings"),
            ("CLINE_DIR", "data/settings"),
        ]),
        content: Content::Keys {
            format: Format::StrictJson,
            settings,
        },
        base_url: &["providers", SLOT, "settings", "baseUrl"],
    }]),
    warnings: &[Warning::always(
        "Cline has one place for an OpenAI-compatible endpoint. What is in it now comes back with `disconnect`.",
        "Cline hat einen einzigen Platz für einen OpenAI-kompatiblen Endpunkt. Was jetzt dort steht, kommt mit `disconnect` zurück.",
    )],
    key_in_file: Text::new(
        "Cline takes a key in no other form.",
        "Cline nimmt einen Schlüssel in keiner anderen Form.",
    ),
    afterwards: Text::new(
        "Restart Cline, its background process (`cline hub`) included.",
        "Starten Sie Cline neu, auch seinen Hintergrundprozess (`cline hub`).",
    ),
    ..BLANK
};

const SLOT: &str = "openai-compatible";

/// The client compares no moments; it only asks that one is there.
const UPDATED_AT: &str = "2026-01-01T00:00:00.000Z";

fn settings(to: &Target) -> Vec<Setting> {
    let mut provider = json!({
        "provider": SLOT,
        "apiKey": to.plain_key(),
        "baseUrl": to.url("/v1"),
    });
    if let Some(model) = to.any_model() {
        provider["model"] = model.into();
    }
    let entry = json!({ "settings": provider, "updatedAt": UPDATED_AT, "tokenSource": "manual" });
    vec![
        Setting::new(&["version"], 1),
        Setting::new(&["providers", SLOT], entry),
        Setting::new(&["lastUsedProvider"], SLOT),
    ]
}
