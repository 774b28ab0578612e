//! Continue: a file of our own in the folder of models, and the key in its `.env`.
//!
//! The IDE adds every file of that folder to the active assistant.
//! Source: `continuedev/continue`, `core/config/yaml/loadYaml.ts`.

use serde_json::Value as Json;

use crate::clients::client::{BLANK, Client, Content, FileRule, Setup, Text};
use crate::clients::places::{Folder, Place};
use crate::clients::target::{Model, Target};

pub(super) static CONTINUE: Client = Client {
    name: "continue",
    title: "Continue",
    programs: &["cn"],
    setup: Setup::Files(&[
        // The models name the key, so it comes first.
        FileRule {
            place: Place::new(Folder::Home(".continue"), ".env")
                .unless(&[("CONTINUE_GLOBAL_DIR", "")]),
            content: Content::Block(|to| format!("AEROSTAT_API_KEY={}", to.plain_key())),
            base_url: &[],
        },
        FileRule {
            place: Place::new(Folder::Home(".continue/models"), "aerostat.yaml")
                .unless(&[("CONTINUE_GLOBAL_DIR", "models")]),
            content: Content::Whole(models),
            base_url: &[],
        },
    ]),
    lists_models: true,
    key_in_file: Text::new(
        "Continue reads secrets from its `.env` alone.",
        "Continue liest Geheimnisse allein aus seiner `.env`.",
    ),
    afterwards: Text::new(
        "Choose a model of Aerostat in Continue.",
        "Wählen Sie in Continue ein Modell von Aerostat.",
    ),
    ..BLANK
};

fn models(to: &Target) -> String {
    let head = "name: Aerostat\nversion: 0.0.1\nschema: v1\nmodels:\n".to_owned();
    let models = to.models.iter().map(|model| entry(to, model));
    std::iter::once(head).chain(models).collect()
}

/// Texts in quotes as JSON has them are YAML too.
fn entry(to: &Target, model: &Model) -> String {
    let quoted = |text: &str| Json::from(text).to_string();
    let lines = [
        format!(
            "  - name: {}",
            quoted(&format!("Aerostat: {}", model.title()))
        ),
        "    provider: openai".to_owned(),
        format!("    model: {}", quoted(&model.id)),
        format!("    apiBase: {}", quoted(&to.url("/v1"))),
        "    apiKey: ${{ secrets.AEROSTAT_API_KEY }}".to_owned(),
        "    roles: [chat, edit, apply]\n".to_owned(),
    ];
    lines.join("\n")
}
