//! Every client over files as people have them: what is written, and that all of it comes back.
//! Paths are those of Linux.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use super::*;
use crate::clients::journal::Journal;
use crate::clients::places::Surroundings;
use crate::clients::plan::{connect, disconnect};
use crate::clients::receipt::Receipts;
use crate::clients::target::tests::target;
use crate::clients::tests::Sealed;

/// The files of the home after `client connect`, each below its name. `client disconnect` has given
/// back every byte of `before` and left no other file.
fn connected(name: &str, variant: Option<&str>, before: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    for (path, text) in before {
        let file = home.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let client = find(name, variant).unwrap();
    let id = &client.id();
    let mut target = target(&["openai/gpt-x", "claude-opus-y"]);
    target.models[0].context_tokens = Some(200_000);
    target.models[0].output_tokens = Some(32_000);
    let at = Surroundings {
        variables: BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]),
        ..Surroundings::default()
    };
    let receipts = Receipts::at(home.path().join("receipts"));
    let sealed = Sealed::default();
    let journal = Journal {
        receipts: &receipts,
        sealed: &sealed,
    };
    let files = || {
        let places = client.files().iter();
        let paths = places.map(|rule| rule.place.file(&at).unwrap());
        paths.collect::<Vec<_>>()
    };
    let plan = connect(client, &target, &at, None, "now".to_owned()).unwrap();
    // Where our key is in a file, a person is told why.
    let holds_key = !plan.files_with_key(&target.key).is_empty();
    assert_eq!(holds_key, client.key_in_file != Text::NONE, "{id}");
    journal.carry_out(id, plan).unwrap();
    let mut after = String::new();
    for file in files() {
        let path = file.strip_prefix(home.path()).unwrap().display();
        let text = fs::read_to_string(&file).unwrap();
        writeln!(after, "== {path} ==\n{text}").unwrap();
    }
    let standing = journal.standing(id).unwrap().unwrap();
    journal
        .carry_out(id, disconnect(&target, standing).unwrap())
        .unwrap();
    for (path, text) in before {
        assert_eq!(fs::read_to_string(home.path().join(path)).unwrap(), *text);
    }
    for file in files() {
        let path = file.strip_prefix(home.path()).unwrap();
        let was_there = before
            .iter()
            .any(|(name, _)| path == std::path::Path::new(name));
        assert_eq!(file.exists(), was_there, "{}", path.display());
    }
    after
}

/// Name, variant, and files with their text.
type Home = (
    &'static str,
    Option<&'static str>,
    &'static [(&'static str, &'static str)],
);

/// Comments where the client takes them, other indentations and line ends, and entries of the
/// person's own beside ours.
const HOMES: &[Home] = &[
    (
        "qwen-code",
        None,
        &[(
            ".qwen/settings.json",
            "{\n    // mine\n    \"modelProviders\": {\n        \"openai\": [\n            {\"id\": \"claude-opus-y\", \"baseUrl\": \"https://elsewhere/v1\"} // keep\n        ]\n    },\n    \"security\": {\"auth\": {\"selectedType\": \"qwen-oauth\"}}\n}\n",
        )],
    ),
    (
        "kilo",
        None,
        &[(
            ".config/kilo/kilo.jsonc",
            "{\r\n\t\"$schema\": \"https://kilo/config.json\",\r\n\t\"provider\": {\r\n\t\t\"mine\": {}, // trailing\r\n\t},\r\n}",
        )],
    ),
    (
        "crush",
        None,
        &[(
            ".config/crush/crushrc",
            "#!/bin/bash\nset -e\nmodel large x",
        )],
    ),
    (
        "goose",
        None,
        &[(".config/goose/config.yaml", "GOOSE_MODEL: x\n")],
    ),
    (
        "droid",
        None,
        &[(
            ".factory/settings.json",
            "{\n  \"customModels\": [\n    {\n      \"model\": \"mine\",\n      \"id\": \"custom:mine-0\", // 0\n      \"index\": 0\n    }\n  ]\n}\n",
        )],
    ),
    (
        "cline",
        None,
        &[(
            ".cline/data/settings/providers.json",
            "{\n  \"version\": 1,\n  \"lastUsedProvider\": \"cline\",\n  \"modes\": {},\n  \"providers\": {\n    \"openai-compatible\": {\n      \"settings\": {\n        \"provider\": \"openai-compatible\",\n        \"apiKey\": \"sk-of-another-vendor-0123\"\n      },\n      \"updatedAt\": \"2026-05-01T10:00:00.000Z\"\n    }\n  }\n}\n",
        )],
    ),
    ("continue", None, &[(".continue/.env", "MINE=1")]),
    (
        "vscode-copilot",
        None,
        &[(
            ".config/Code/User/chatLanguageModels.json",
            "[\n\t{\n\t\t\"vendor\": \"ollama\",\n\t\t\"name\": \"Ollama\"\n\t}\n]",
        )],
    ),
    (
        "claude-code",
        Some("vscode"),
        &[(
            ".config/Code/User/settings.json",
            "{\n    \"editor.fontSize\": 14, // larger\n    \"claudeCode.environmentVariables\": [\n        { \"name\": \"MINE\", \"value\": \"1\" },\n    ],\n}\n",
        )],
    ),
    (
        "zed",
        None,
        &[(
            ".config/zed/settings.json",
            "// Zed settings\n//\n{\n  \"theme\": \"One Dark\",\n  \"language_models\": {\n    \"ollama\": { \"api_url\": \"http://localhost:11434\" },\n  },\n}\n",
        )],
    ),
    ("junie", None, &[]),
    (
        "aider",
        None,
        &[(
            ".aider.conf.yml",
            "# Aider\n#model: xxx\nshow-model-warnings: true # all of them\n\ndark-mode: true\n",
        )],
    ),
    (
        "llm",
        None,
        &[
            (
                ".config/io.datasette.llm/keys.json",
                "{\n  \"// Note\": \"This file stores secret API credentials.\",\n  \"openai\": \"sk-of-another-vendor-0123\"\n}",
            ),
            (
                ".config/io.datasette.llm/extra-openai-models.yaml",
                "- model_id: mine\n  model_name: x # local\n",
            ),
        ],
    ),
    (
        "aichat",
        None,
        &[(
            ".config/aichat/config.yaml",
            "# https://aichat\r\nmodel: openai:gpt-4o\r\nclients:\r\n- type: openai\r\n  api_key: sk-of-another-vendor-0123 # mine\r\n",
        )],
    ),
    (
        "pi",
        None,
        &[(
            ".pi/agent/models.json",
            "{\"providers\":{\"ollama\":{\"models\":[]}}}",
        )],
    ),
];

#[test]
fn what_connect_writes_is_read_against_each_clients_documents_and_undone_to_the_byte() {
    for (name, variant, files) in HOMES {
        let id = find(name, *variant).unwrap().id();
        insta::assert_snapshot!(id, connected(name, *variant, files));
    }
}

/// In a home without any file of theirs, what is created goes again.
#[test]
fn what_connect_creates_is_gone_after_disconnect() {
    for client in ALL.iter().filter(|client| !client.files().is_empty()) {
        let after = connected(client.name, client.variant, &[]);
        assert!(after.contains("== "), "{}", client.id());
    }
}
