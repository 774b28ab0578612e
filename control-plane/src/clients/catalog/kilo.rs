//! Kilo CLI, which reads its settings as opencode does (measured with 7.7.9).

use super::opencode;
use crate::clients::client::{BLANK, Client, Content, FileRule, Setup, Text};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};

pub(super) static KILO: Client = Client {
    name: "kilo",
    title: "Kilo CLI",
    programs: &["kilo"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::XdgConfig("kilo"), "kilo.jsonc")
            .or_named(&["kilo.jsonc", "kilo.json", "config.json"])
            .with_key(Format::Jsonc, &["provider"]),
        content: Content::Keys {
            format: Format::Jsonc,
            settings: opencode::settings,
        },
        base_url: &["provider", "aerostat", "options", "baseURL"],
    }]),
    lists_models: true,
    afterwards: Text::new(
        "Restart Kilo, and choose a model of Aerostat.",
        "Starten Sie Kilo neu und wählen Sie ein Modell von Aerostat.",
    ),
    ..BLANK
};
