//! Aider.
//!
//! The key stands in the file with the address: a key of OpenAI that the shell exports would go to
//! this gateway otherwise. Files of the project beat the one of the home folder.

use crate::clients::client::{
    BLANK, Client, Content, FileRule, Override, Setting, Setup, Text, Variable,
};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};
use crate::clients::target::Target;

pub(super) static AIDER: Client = Client {
    name: "aider",
    title: "Aider",
    programs: &["aider"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::Home(""), NAME),
        content: Content::Keys {
            format: Format::Yaml,
            settings,
        },
        base_url: BASE_URL,
    }]),
    variables: &[
        Variable::url("OPENAI_API_BASE", "/v1"),
        Variable::key("OPENAI_API_KEY"),
    ],
    overrides: &[
        Override::Variable("AIDER_OPENAI_API_BASE"),
        Override::File {
            place: Place::new(Folder::Project(""), NAME),
            format: Format::Yaml,
            keys: &[BASE_URL, &["openai-api-key"]],
        },
    ],
    key_in_file: Text::new(
        "Aider starts no command for a key, and a key of OpenAI that the shell exports would be sent here otherwise.",
        "Aider startet für einen Schlüssel keinen Befehl, und sonst ginge ein Schlüssel von OpenAI hierher, den die Shell exportiert.",
    ),
    afterwards: Text::new(
        "Start Aider with a model of the gateway: `aider --model openai/<name>`.",
        "Starten Sie Aider mit einem Modell des Gateways: `aider --model openai/<Name>`.",
    ),
    ..BLANK
};

const NAME: &str = ".aider.conf.yml";
const BASE_URL: &[&str] = &["openai-api-base"];

fn settings(to: &Target) -> Vec<Setting> {
    let mut settings = vec![
        Setting::new(&["openai-api-key"], to.plain_key()),
        Setting::new(BASE_URL, to.url("/v1")),
        // It knows prices and windows of its own list only.
        Setting::new(&["show-model-warnings"], false),
    ];
    let model = to.model.as_deref();
    settings.extend(model.map(|model| Setting::new(&["model"], format!("openai/{model}"))));
    settings
}
