//! Qwen Code.
//!
//! Measured with 0.24.4: a provider of one's own is listed but cannot be selected, so the models
//! stand under `openai`; `model.name` must be one of them; a shell's variable beats `env`.

use serde_json::json;

use crate::clients::client::{BLANK, Client, Content, FileRule, Override, Setting, Setup, Text};
use crate::clients::document::{Format, Step};
use crate::clients::places::{Folder, Place};
use crate::clients::target::Target;

pub(super) static QWEN_CODE: Client = Client {
    name: "qwen-code",
    title: "Qwen Code",
    programs: &["qwen"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::Home(".qwen"), "settings.json"),
        content: Content::Keys {
            format: Format::JsonWithComments,
            settings,
        },
        base_url: &[],
    }]),
    lists_models: true,
    overrides: &[Override::Variable(KEY)],
    key_in_file: Text::new(
        "Qwen Code starts no command for a key, and takes it from its settings where the shell has none.",
        "Qwen Code startet für einen Schlüssel keinen Befehl und nimmt ihn aus seinen Einstellungen, wo die Shell keinen hat.",
    ),
    afterwards: Text::new("Restart Qwen Code.", "Starten Sie Qwen Code neu."),
    ..BLANK
};

const KEY: &str = "AEROSTAT_API_KEY";

fn settings(to: &Target) -> Vec<Setting> {
    let base_url = to.url("/v1");
    let mut settings = vec![Setting::new(&["env", KEY], to.plain_key())];
    settings.extend(to.models.iter().map(|model| {
        let id = Step::item("id", &model.id).and("baseUrl", &base_url);
        let value = json!({
            "id": model.id, "name": model.title(), "envKey": KEY, "baseUrl": base_url,
        });
        Setting::at(&["modelProviders", "openai"], id, value)
    }));
    settings.push(Setting::new(
        &["security", "auth", "selectedType"],
        "openai",
    ));
    settings.extend(
        to.any_model()
            .map(|model| Setting::new(&["model", "name"], model)),
    );
    settings
}
