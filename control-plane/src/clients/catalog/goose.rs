//! Goose: a file of our own beside its settings, and variables that select it.
//!
//! Keys in its `config.yaml` are ignored. The providers that come with it name the whole endpoint as
//! base URL, which every version takes.

use serde_json::{Value as Json, json};

use crate::clients::client::{BLANK, Client, Content, FileRule, Setup, Text, Variable};
use crate::clients::places::{Folder, Place};
use crate::clients::target::{Model, Target};

pub(super) static GOOSE: Client = Client {
    name: "goose",
    title: "Goose",
    programs: &["goose"],
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::XdgConfig("goose/custom_providers"), "aerostat.json")
            .on_windows(Folder::AppData("Block/goose/config/custom_providers")),
        content: Content::Whole(provider),
        base_url: &[],
    }]),
    variables: &[
        Variable::text("GOOSE_PROVIDER", "aerostat"),
        Variable::key("AEROSTAT_API_KEY"),
        Variable::model("GOOSE_MODEL"),
    ],
    lists_models: true,
    afterwards: Text::new(
        "Put its variables into your shell's profile (`aerostat client env goose --write` does), and start a new session.",
        "Schreiben Sie die Variablen in das Profil Ihrer Shell (`aerostat client env goose --write` tut es), und beginnen Sie eine neue Sitzung.",
    ),
    ..BLANK
};

/// What Goose itself assumes of a model whose window it does not know; the member is required.
const CONTEXT_TOKENS: u64 = 128_000;

fn provider(to: &Target) -> String {
    let entry = |model: &Model| {
        let context = model.context_tokens.unwrap_or(CONTEXT_TOKENS);
        json!({ "name": model.id, "context_limit": context })
    };
    let models: Vec<Json> = to.models.iter().map(entry).collect();
    let provider = json!({
        "name": "aerostat",
        "engine": "openai",
        "display_name": "Aerostat",
        "description": "The gateway on this machine",
        "api_key_env": "AEROSTAT_API_KEY",
        "base_url": to.url("/v1/chat/completions"),
        "models": models,
        "supports_streaming": true,
        "requires_auth": true,
    });
    format!("{provider:#}\n")
}
