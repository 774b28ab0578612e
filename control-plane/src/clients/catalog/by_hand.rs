//! Clients whose settings lie where no other program can write, or that cannot reach this machine.
//!
//! Sources: the vendors' documentation of 2026.

use crate::clients::client::{BLANK, Client, Setup, Text};
use crate::clients::target::Target;
use crate::language::Language;

macro_rules! by_hand {
    ($id:ident, $name:literal, $title:literal, $suffix:literal, $english:literal, $german:literal) => {
        pub(super) static $id: Client = Client {
            name: $name,
            title: $title,
            setup: Setup::ByHand(|to, language| {
                lines(to, language, $suffix, Text::new($english, $german))
            }),
            ..BLANK
        };
    };
}

by_hand!(
    JETBRAINS_AI,
    "jetbrains-ai",
    "JetBrains AI Assistant",
    "/v1",
    "Settings, Tools, AI Assistant, Models: add a provider of type OpenAI-compatible with this URL and key.",
    "Einstellungen, Tools, AI Assistant, Models: fügen Sie einen Anbieter vom Typ OpenAI-compatible mit dieser URL und diesem Schlüssel hinzu."
);
by_hand!(
    XCODE,
    "xcode",
    "Xcode Chat",
    "",
    "Settings, Intelligence, Add a Model Provider: locally hosted with this port, or internet hosted with this URL and key.",
    "Einstellungen, Intelligence, Add a Model Provider: lokal mit diesem Port, oder über das Internet mit dieser URL und diesem Schlüssel."
);
by_hand!(
    RAYCAST,
    "raycast",
    "Raycast",
    "/v1",
    "`~/.config/raycast/ai/providers.yaml`: an entry of `providers` with `id`, `name`, `base_url`, `api_keys` and `models`.",
    "`~/.config/raycast/ai/providers.yaml`: ein Eintrag von `providers` mit `id`, `name`, `base_url`, `api_keys` und `models`."
);
by_hand!(
    OBSIDIAN_COPILOT,
    "obsidian-copilot",
    "Copilot for Obsidian",
    "/v1",
    "Settings, Model, Add Custom Model: provider `3rd party (openai-format)` with this URL and key.",
    "Einstellungen, Model, Add Custom Model: Anbieter `3rd party (openai-format)` mit dieser URL und diesem Schlüssel."
);
by_hand!(
    CHERRY_STUDIO,
    "cherry-studio",
    "Cherry Studio",
    "",
    "Settings, Model Provider, Add: type OpenAI with this URL, which it completes itself, and this key.",
    "Einstellungen, Model Provider, Add: Typ OpenAI mit dieser URL, die es selbst ergänzt, und diesem Schlüssel."
);
by_hand!(
    CHATBOX,
    "chatbox",
    "Chatbox",
    "",
    "Settings, Model Provider, Add: OpenAI API compatible with this host and key.",
    "Einstellungen, Model Provider, Add: OpenAI API compatible mit diesem Host und diesem Schlüssel."
);
by_hand!(
    ROO_CODE,
    "roo-code",
    "Roo Code",
    "/v1",
    "Settings, Providers: a profile of type OpenAI Compatible with this URL, this key and a model of the gateway.",
    "Einstellungen, Providers: ein Profil vom Typ OpenAI Compatible mit dieser URL, diesem Schlüssel und einem Modell des Gateways."
);
by_hand!(
    OPEN_WEBUI,
    "open-webui",
    "Open WebUI",
    "/v1",
    "Admin Panel, Settings, Connections: an OpenAI API connection with this URL and key. A container does not reach this address: set `allow_lan_access` and an allowed host name, and use that name.",
    "Admin Panel, Settings, Connections: eine Verbindung OpenAI API mit dieser URL und diesem Schlüssel. Ein Container erreicht diese Adresse nicht: setzen Sie `allow_lan_access` und einen erlaubten Hostnamen, und nehmen Sie diesen Namen."
);
by_hand!(
    LIBRECHAT,
    "librechat",
    "LibreChat",
    "/v1",
    "`librechat.yaml`: an entry of `endpoints.custom` with `name`, `apiKey`, `baseURL` and `models: {fetch: true}`. A container does not reach this address: set `allow_lan_access` and an allowed host name, and use that name.",
    "`librechat.yaml`: ein Eintrag von `endpoints.custom` mit `name`, `apiKey`, `baseURL` und `models: {fetch: true}`. Ein Container erreicht diese Adresse nicht: setzen Sie `allow_lan_access` und einen erlaubten Hostnamen, und nehmen Sie diesen Namen."
);
by_hand!(
    N8N,
    "n8n",
    "n8n",
    "/v1",
    "A credential of type OpenAI with this base URL and key; one of type Anthropic takes the URL without `/v1`.",
    "Ein Credential vom Typ OpenAI mit dieser Base URL und diesem Schlüssel; eines vom Typ Anthropic nimmt die URL ohne `/v1`."
);
by_hand!(
    OPENHANDS,
    "openhands",
    "OpenHands",
    "/v1",
    "LLM settings, Advanced: model `openai/<name>`, this base URL and key. A container does not reach this address: set `allow_lan_access` and an allowed host name, and use that name.",
    "LLM-Einstellungen, Advanced: Modell `openai/<Name>`, diese Base URL und dieser Schlüssel. Ein Container erreicht diese Adresse nicht: setzen Sie `allow_lan_access` und einen erlaubten Hostnamen, und nehmen Sie diesen Namen."
);

macro_rules! impossible {
    ($id:ident, $name:literal, $title:literal, $english:literal, $german:literal) => {
        pub(super) static $id: Client = Client {
            name: $name,
            title: $title,
            setup: Setup::Impossible(Text::new($english, $german)),
            ..BLANK
        };
    };
}

impossible!(
    CURSOR,
    "cursor",
    "Cursor",
    "Its requests pass through its own servers, which do not reach this machine.",
    "Seine Anfragen laufen über seine eigenen Server, die diesen Rechner nicht erreichen."
);
impossible!(
    WARP,
    "warp",
    "Warp",
    "Endpoints of one's own must be public: it refuses addresses of this machine.",
    "Eigene Endpunkte müssen öffentlich sein: Adressen dieses Rechners lehnt es ab."
);
impossible!(
    AMP,
    "amp",
    "Amp",
    "It speaks to its own service, which is no model's endpoint.",
    "Es spricht mit seinem eigenen Dienst, der kein Endpunkt eines Modells ist."
);

/// What to do, and what to enter there. The key is printed by its own command.
fn lines(to: &Target, language: Language, suffix: &str, text: Text) -> Vec<String> {
    let key = match (language, to.asks_for_key) {
        (Language::English, true) => "Key: as printed by `aerostat key show`",
        (Language::German, true) => "Schlüssel: wie ihn `aerostat key show` ausgibt",
        (Language::English, false) => "Key: any word, since the port asks for none",
        (Language::German, false) => "Schlüssel: ein beliebiges Wort, da der Port keinen verlangt",
    };
    vec![
        text.of(language).to_owned(),
        format!("URL: {}", to.url(suffix)),
        key.to_owned(),
    ]
}
