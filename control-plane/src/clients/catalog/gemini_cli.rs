//! Gemini CLI.
//!
//! Measured with 0.61.0: no key of its settings names a base URL, so the two variables are needed; one
//! `.env` alone is read, the nearest, and in a folder that is not trusted the base URL is left out of
//! it while the key is taken. That is why none is written.

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
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::Home(".gemini"), "settings.json")
            .unless(&[("GEMINI_CLI_HOME", ".gemini")]),
        content: Content::Keys {
            format: Format::JsonWithComments,
            settings,
        },
        base_url: &[],
    }]),
    variables: &[
        Variable::url("GOOGLE_GEMINI_BASE_URL", ""),
        Variable::key("GEMINI_API_KEY"),
        Variable::model("GEMINI_MODEL"),
    ],
    overrides: &[Override::File {
        place: Place::new(Folder::Absolute("/etc/gemini-cli"), "settings.json")
            .on_macos(Folder::Absolute("/Library/Application Support/GeminiCli"))
            .on_windows(Folder::Absolute(r"C:\ProgramData\gemini-cli")),
        format: Format::JsonWithComments,
        keys: &[
            &["security", "auth", "enforcedType"],
            &["security", "auth", "selectedType"],
        ],
    }],
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
        "Put the lines of `aerostat client env gemini-cli` into your shell's profile, and restart it.",
        "Schreiben Sie die Zeilen von `aerostat client env gemini-cli` in das Profil Ihrer Shell, und starten Sie es neu.",
    ),
    once_undone: Text::new(
        "Take the lines of `aerostat client env gemini-cli` out of your shell's profile.",
        "Nehmen Sie die Zeilen von `aerostat client env gemini-cli` aus dem Profil Ihrer Shell.",
    ),
    ..BLANK
};

fn settings(to: &Target) -> Vec<Setting> {
    let mut settings = vec![Setting::new(
        &["security", "auth", "selectedType"],
        "gemini-api-key",
    )];
    let model = to.model.clone();
    settings.extend(model.map(|model| Setting::new(&["model", "name"], model)));
    settings
}
