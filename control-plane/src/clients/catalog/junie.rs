//! Junie CLI: a profile of our own. A profile has one model, and its base URL is the whole endpoint.
//!
//! Without its variable a profile is refused. Source: guides of gateways to Junie's custom profiles,
//! 2026.

use serde_json::json;

use crate::clients::client::{BLANK, Client, Content, FileRule, Setup, Text, Variable};
use crate::clients::places::{Folder, Place};
use crate::clients::target::{Model, Target};

pub(super) static JUNIE: Client = Client {
    name: "junie",
    title: "Junie CLI",
    programs: &["junie"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::Home(".junie/models"), "aerostat.json")
            .unless(&[("JUNIE_HOME", "models")]),
        content: Content::Whole(profile),
        base_url: &[],
    }]),
    variables: &[Variable::key("AEROSTAT_API_KEY")],
    lists_models: true,
    afterwards: Text::new(
        "Put its variables into your shell's profile (`aerostat client env junie --write` does), and choose the model `custom:aerostat`.",
        "Schreiben Sie die Variablen in das Profil Ihrer Shell (`aerostat client env junie --write` tut es), und wählen Sie das Modell `custom:aerostat`.",
    ),
    ..BLANK
};

fn profile(to: &Target) -> String {
    let id = to.any_model().unwrap_or_default();
    let model = Model {
        id: id.to_owned(),
        ..Model::default()
    };
    let (kind, endpoint) = if model.is_claude() {
        ("Anthropic", "/v1/messages")
    } else {
        ("OpenAIResponses", "/v1/responses")
    };
    let profile = json!({
        "id": id,
        "baseUrl": to.url(endpoint),
        "apiType": kind,
        "apiKey": "${AEROSTAT_API_KEY}",
    });
    format!("{profile:#}\n")
}
