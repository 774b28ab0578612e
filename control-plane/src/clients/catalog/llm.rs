//! llm: models in a list of its own, the key under an alias, which beats variables.
//!
//! Source: `simonw/llm`, `llm/default_plugins/openai_models.py`.

use serde_json::json;

use crate::clients::client::{BLANK, Client, Content, FileRule, Setting, Setup, Text};
use crate::clients::document::{Format, Step};
use crate::clients::places::{Folder, Place};
use crate::clients::target::Target;

pub(super) static LLM: Client = Client {
    name: "llm",
    title: "llm",
    programs: &["llm"],
    setup: Setup::Files(&[
        // The models name the key, so it comes first.
        FileRule {
            place: user_folder("keys.json"),
            content: Content::Keys {
                format: Format::StrictJson,
                settings: |to| vec![Setting::new(&["aerostat"], to.plain_key())],
            },
            base_url: &[],
        },
        FileRule {
            place: user_folder("extra-openai-models.yaml"),
            content: Content::Keys {
                format: Format::Yaml,
                settings: models,
            },
            base_url: &[],
        },
    ]),
    lists_models: true,
    key_in_file: Text::new(
        "llm takes the key of a model that was added to it from `keys.json` alone.",
        "llm nimmt den Schlüssel eines hinzugefügten Modells allein aus `keys.json`.",
    ),
    afterwards: Text::new(
        "Ask a model of the gateway: `llm -m aerostat/<name>`.",
        "Fragen Sie ein Modell des Gateways: `llm -m aerostat/<Name>`.",
    ),
    once_undone: Text::new("Nothing is left to do.", "Es bleibt nichts zu tun."),
    ..BLANK
};

const fn user_folder(name: &'static str) -> Place {
    const FOLDER: &str = "io.datasette.llm";
    Place::new(Folder::XdgConfig(FOLDER), name)
        .unless(&[("LLM_USER_PATH", "")])
        .on_macos(Folder::ApplicationSupport(FOLDER))
        .on_windows(Folder::AppData(FOLDER))
}

fn models(to: &Target) -> Vec<Setting> {
    let models = to.models.iter().map(|model| {
        // Names of its own models stay theirs.
        let id = format!("aerostat/{}", model.id);
        let value = json!({
            "model_id": id,
            "model_name": model.id,
            "api_base": to.url("/v1"),
            "api_key_name": "aerostat",
            "supports_tools": true,
        });
        Setting::at(&[], Step::item("model_id", id), value)
    });
    models.collect()
}
