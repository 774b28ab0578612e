//! Gemini CLI.
//!
//! Measured with 0.61.0: no key of its settings names a base URL, so the two variables are needed; one
//! `.env` alone is read, the nearest, and in a folder that is not trusted the base URL is left out of
//! it while the key is taken. So one is written only where a person asks for it.

use crate::clients::client::{
    BLANK, Client, Content, FileRule, Override, Setting, Setup, Text, Variable, Warning,
};
use crate::clients::document::Format;
use crate::clients::places::{Folder, Place};
use crate::clients::target::Target;

pub(super) static GEMINI_CLI: Client = Client {
    name: "gemini-cli",
    title: "Gemini CLI",
    programs: &["gemini"],
    setup: Setup::Files(&[SETTINGS]),
    variables: &[
        Variable::url("GOOGLE_GEMINI_BASE_URL", ""),
        Variable::key("GEMINI_API_KEY"),
        Variable::model("GEMINI_MODEL"),
    ],
    overrides: &[SYSTEM],
    warnings: &[
        Warning {
            when: |at| at.variable("GOOGLE_GEMINI_BASE_URL").is_none(),
            text: Text::new(
                "Its settings have no place for the gateway's address. Until the variables of `aerostat client env gemini-cli` are in your shell, it asks Google's API with whatever key it has.",
                "Seine Einstellungen haben keinen Platz für die Adresse des Gateways. Bis die Variablen von `aerostat client env gemini-cli` in Ihrer Shell stehen, fragt es Googles API mit dem Schlüssel, den es hat.",
            ),
        },
        Warning::always(
            "Do not put these variables into a `.env`: Gemini CLI reads only the nearest one, and in a folder that it does not trust it takes the key from it and not the address.",
            "Schreiben Sie diese Variablen nicht in eine `.env`: Gemini CLI liest nur die nächstgelegene, und in einem Ordner, dem es nicht vertraut, nimmt es daraus den Schlüssel, aber nicht die Adresse.",
        ),
    ],
    afterwards: Text::new(
        "Put its variables into your shell's profile (`aerostat client env gemini-cli --write` does), and restart it.",
        "Schreiben Sie die Variablen in das Profil Ihrer Shell (`aerostat client env gemini-cli --write` tut es), und starten Sie es neu.",
    ),
    once_undone: Text::new(
        "Variables that you put into your shell's profile by hand are still there.",
        "Variablen, die Sie von Hand in das Profil Ihrer Shell geschrieben haben, stehen noch dort.",
    ),
    ..BLANK
};

/// The variables in Gemini CLI's own `.env`.
pub(super) static DOTENV: Client = Client {
    variant: Some("dotenv"),
    title: "Gemini CLI (`.env`)",
    setup: Setup::Files(&[
        FileRule {
            place: folder(".env"),
            content: Content::Block(dotenv),
            base_url: &[],
        },
        SETTINGS,
    ]),
    // The shell's variables go before the file's.
    overrides: &[SYSTEM, Override::Hides(&[".gemini/.env", ".env"])],
    warnings: &[
        Warning::always(
            "Gemini CLI reads only the nearest `.env`: a project that has one of its own hides this one whole.",
            "Gemini CLI liest nur die nächstgelegene `.env`: Ein Projekt mit einer eigenen verbirgt diese ganz.",
        ),
        Warning::always(
            "In a folder that it does not trust, Gemini CLI does not read this file, and takes from another only keys, not the address.",
            "In einem Ordner, dem es nicht vertraut, liest Gemini CLI diese Datei nicht, und aus einer anderen nimmt es nur Schlüssel, nicht die Adresse.",
        ),
    ],
    key_in_file: Text::new(
        "A `.env` runs no command.",
        "Eine `.env` führt keinen Befehl aus.",
    ),
    afterwards: Text::new("Restart Gemini CLI.", "Starten Sie Gemini CLI neu."),
    once_undone: Text::NONE,
    ..GEMINI_CLI
};

const SETTINGS: FileRule = FileRule {
    place: folder("settings.json"),
    content: Content::Keys {
        format: Format::JsonWithComments,
        settings,
    },
    base_url: &[],
};

const SYSTEM: Override = Override::File {
    place: Place::new(Folder::Absolute("/etc/gemini-cli"), "settings.json")
        .on_macos(Folder::Absolute("/Library/Application Support/GeminiCli"))
        .on_windows(Folder::Absolute(r"C:\ProgramData\gemini-cli")),
    format: Format::JsonWithComments,
    keys: &[
        &["security", "auth", "enforcedType"],
        &["security", "auth", "selectedType"],
    ],
};

const fn folder(name: &'static str) -> Place {
    Place::new(Folder::Home(".gemini"), name).unless(&[("GEMINI_CLI_HOME", ".gemini")])
}

fn dotenv(to: &Target) -> String {
    format!(
        "GOOGLE_GEMINI_BASE_URL={}\nGEMINI_API_KEY={}",
        to.url(""),
        to.plain_key()
    )
}

fn settings(to: &Target) -> Vec<Setting> {
    let mut settings = vec![Setting::new(
        &["security", "auth", "selectedType"],
        "gemini-api-key",
    )];
    let model = to.model.clone();
    settings.extend(model.map(|model| Setting::new(&["model", "name"], model)));
    settings
}
