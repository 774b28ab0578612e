//! Droid, of Factory.
//!
//! Measured with 0.225.2: `${…}` in `apiKey` is replaced by the variable; Anthropic's base URL is
//! without `/v1`, the others with it. Its numbers of models run on, so ours are known by their URL.

use serde_json::json;

use crate::clients::client::{BLANK, Client, Content, FileRule, Setting, Setup, Text, Variable};
use crate::clients::document::{Format, Step};
use crate::clients::places::{Folder, Place};
use crate::clients::target::Target;

pub(super) static DROID: Client = Client {
    name: "droid",
    title: "Droid",
    programs: &["droid"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::Home(".factory"), "settings.json"),
        content: Content::Keys {
            format: Format::JsonWithComments,
            settings,
        },
        base_url: &[],
    }]),
    variables: &[Variable::key("AEROSTAT_API_KEY")],
    lists_models: true,
    afterwards: Text::new(
        "Put its variables into your shell's profile (`aerostat client env droid --write` does), and start a new session.",
        "Schreiben Sie die Variablen in das Profil Ihrer Shell (`aerostat client env droid --write` tut es), und beginnen Sie eine neue Sitzung.",
    ),
    ..BLANK
};

/// Past the numbers that Droid gives the person's own models.
const FIRST_INDEX: usize = 1000;

fn settings(to: &Target) -> Vec<Setting> {
    let id = |model: &str| format!("custom:{model}-aerostat");
    let models = to.models.iter().enumerate().map(|(index, model)| {
        let (provider, base_url) = if model.is_claude() {
            ("anthropic", to.url(""))
        } else {
            ("generic-chat-completion-api", to.url("/v1"))
        };
        let step = Step::item("model", &model.id).and("baseUrl", &base_url);
        let mut value = json!({
            "model": model.id,
            "id": id(&model.id),
            "index": FIRST_INDEX + index,
            "displayName": model.title(),
            "baseUrl": base_url,
            "apiKey": "${AEROSTAT_API_KEY}",
            "provider": provider,
        });
        if let Some(output) = model.output_tokens {
            value["maxOutputTokens"] = output.into();
        }
        Setting::at(&["customModels"], step, value)
    });
    let selected = to.model.as_deref();
    let selected =
        selected.map(|model| Setting::new(&["sessionDefaultSettings", "model"], id(model)));
    models.chain(selected).collect()
}
