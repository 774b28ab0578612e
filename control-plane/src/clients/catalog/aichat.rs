//! aichat: an entry of its list of clients. The key is the variable that is named after it.
//!
//! Source: `sigoden/aichat`, 2026.

use serde_json::{Value as Json, json};

use crate::clients::client::{BLANK, Client, Content, FileRule, Setting, Setup, Text, Variable};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};
use crate::clients::target::{Model, Target};

pub(super) static AICHAT: Client = Client {
    name: "aichat",
    title: "aichat",
    programs: &["aichat"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::XdgConfig("aichat"), "config.yaml")
            .unless(&[("AICHAT_CONFIG_DIR", "")])
            .on_macos(Folder::ApplicationSupport("aichat"))
            .on_windows(Folder::AppData("aichat")),
        content: Content::Keys {
            format: Format::Yaml,
            settings,
        },
        base_url: &[],
    }]),
    variables: &[Variable::key("AEROSTAT_API_KEY")],
    lists_models: true,
    afterwards: Text::new(
        "Put its variables into your shell's profile (`aerostat client env aichat --write` does), and ask with `aichat -m aerostat:<name>`.",
        "Schreiben Sie die Variablen in das Profil Ihrer Shell (`aerostat client env aichat --write` tut es), und fragen Sie mit `aichat -m aerostat:<Name>`.",
    ),
    ..BLANK
};

fn settings(to: &Target) -> Vec<Setting> {
    let models: Vec<Json> = to.models.iter().map(entry).collect();
    let client = json!({
        "type": "openai-compatible",
        "name": "aerostat",
        "api_base": to.url("/v1"),
        "models": models,
    });
    let mut settings = vec![Setting::item(&["clients"], "name", "aerostat", client)];
    let model = to.model.as_deref();
    settings.extend(model.map(|model| Setting::new(&["model"], format!("aerostat:{model}"))));
    settings
}

fn entry(model: &Model) -> Json {
    let mut entry = json!({ "name": model.id, "supports_function_calling": true });
    if let Some(context) = model.context_tokens {
        entry["max_input_tokens"] = context.into();
    }
    if let Some(output) = model.output_tokens {
        entry["max_output_tokens"] = output.into();
    }
    entry
}
