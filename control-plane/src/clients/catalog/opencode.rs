//! opencode.
//!
//! Measured with 1.18.33: `{file:…}` trims the line end, and a file that is missing keeps it from
//! starting; so does a `limit` with only one of its two members. A provider per model is allowed.

use serde_json::{Map, Value as Json, json};

use crate::clients::client::{
    BLANK, Client, Content, FileRule, Override, Setting, Setup, Text, Warning,
};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};
use crate::clients::target::{Model, Target};

pub(super) static OPENCODE: Client = Client {
    name: "opencode",
    title: "opencode",
    programs: &["opencode"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::XdgConfig("opencode"), "opencode.json")
            .or_named(&["opencode.jsonc", "opencode.json", "config.json"])
            .with_key(Format::Jsonc, &["provider"]),
        content: Content::Keys {
            format: Format::Jsonc,
            settings,
        },
        base_url: &["provider", "aerostat", "options", "baseURL"],
    }]),
    lists_models: true,
    overrides: &[
        Override::Variable("OPENCODE_CONFIG_CONTENT"),
        project("opencode.jsonc"),
        project("opencode.json"),
    ],
    warnings: &[Warning {
        when: |at| at.variable("OPENCODE_CONFIG").is_some(),
        text: Text::new(
            "`OPENCODE_CONFIG` names a file that is read after this one and may say otherwise.",
            "`OPENCODE_CONFIG` nennt eine Datei, die nach dieser gelesen wird und anderes sagen kann.",
        ),
    }],
    afterwards: Text::new(
        "Restart opencode, and choose a model of Aerostat.",
        "Starten Sie opencode neu, und wählen Sie ein Modell von Aerostat.",
    ),
    ..BLANK
};

const fn project(name: &'static str) -> Override {
    Override::File {
        place: Place::new(Folder::Project(""), name),
        format: Format::Jsonc,
        keys: &[&["provider", "aerostat"], &["disabled_providers"]],
    }
}

pub(super) fn settings(to: &Target) -> Vec<Setting> {
    let models: Map<String, Json> = to
        .models
        .iter()
        .map(|model| (model.id.clone(), entry(model)))
        .collect();
    let key = format!("{{file:{}}}", to.key_file().display());
    let provider = json!({
        "npm": "@ai-sdk/openai-compatible",
        "name": "Aerostat",
        "options": { "baseURL": to.url("/v1"), "apiKey": key },
        "models": models,
    });
    let mut settings = vec![Setting::new(&["provider", "aerostat"], provider)];
    let model = to.model.as_deref();
    settings.extend(model.map(|model| Setting::new(&["model"], format!("aerostat/{model}"))));
    settings
}

/// A model; those of Anthropic in their own dialect, which keeps cache marks and thinking.
fn entry(model: &Model) -> Json {
    let mut entry = json!({ "name": model.title() });
    if let (Some(context), Some(output)) = (model.context_tokens, model.output_tokens) {
        entry["limit"] = json!({ "context": context, "output": output });
    }
    if model.is_claude() {
        entry["provider"] = json!({ "npm": "@ai-sdk/anthropic" });
    }
    entry
}
