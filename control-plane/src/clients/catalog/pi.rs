//! Pi, the coding agent. A key that begins with `!` is a command.
//!
//! Source: `badlogic/pi-mono`, `packages/coding-agent/docs/models.md`, 2026.

use serde_json::{Value as Json, json};

use crate::clients::client::{BLANK, Client, Content, FileRule, Setting, Setup, Text};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};
use crate::clients::target::{Model, Target};

pub(super) static PI: Client = Client {
    name: "pi",
    title: "Pi",
    programs: &["pi"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::Home(".pi/agent"), "models.json")
            .unless(&[("PI_CODING_AGENT_DIR", "")]),
        content: Content::Keys {
            format: Format::StrictJson,
            settings,
        },
        base_url: &["providers", "aerostat", "baseUrl"],
    }]),
    lists_models: true,
    afterwards: Text::new(
        "Choose a model of Aerostat with `/model`.",
        "Wählen Sie mit `/model` ein Modell von Aerostat.",
    ),
    once_undone: Text::new(
        "Choose another model with `/model`.",
        "Wählen Sie mit `/model` ein anderes Modell.",
    ),
    ..BLANK
};

fn settings(to: &Target) -> Vec<Setting> {
    let models: Vec<Json> = to.models.iter().map(entry).collect();
    let provider = json!({
        "baseUrl": to.url("/v1"),
        "api": "openai-completions",
        "apiKey": format!("!{}", to.key_line()),
        "models": models,
    });
    vec![Setting::new(&["providers", "aerostat"], provider)]
}

fn entry(model: &Model) -> Json {
    let mut entry = json!({ "id": model.id, "name": model.title() });
    if let Some(context) = model.context_tokens {
        entry["contextWindow"] = context.into();
    }
    if let Some(output) = model.output_tokens {
        entry["maxTokens"] = output.into();
    }
    entry
}
