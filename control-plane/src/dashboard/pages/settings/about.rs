//! What each setting does, and what it expects, in the reader's language. The English sentences
//! stand in the table of keys; the German ones beside it here, complete by a test.

use crate::control::{Key, ValueKind};
use crate::dashboard::sentences::sentence;
use crate::dashboard::texts::Texts;
use crate::language::Language;

/// What a setting does, as a sentence.
pub(super) fn about(text: Texts, key: &Key) -> String {
    let german = || GERMAN.iter().find(|(path, _)| *path == key.path);
    match (text.0, german()) {
        (Language::German, Some((_, about))) => (*about).to_owned(),
        _ => sentence(key.about),
    }
}

/// What would be right.
pub(super) fn expected(text: Texts, key: &Key) -> String {
    match key.path {
        "allowed_hosts" => text.expected_hosts().to_owned(),
        "cors_origins" => text.expected_origins().to_owned(),
        "network.proxy" => text.expected_proxy().to_owned(),
        "metrics_port" | "ollama_port" => text.expected_other_port().to_owned(),
        _ => of_kind(text, &key.kind),
    }
}

fn of_kind(text: Texts, kind: &ValueKind) -> String {
    match kind {
        ValueKind::Bool => text.expected_bool().to_owned(),
        ValueKind::Count { min, max } => {
            text.expected_count(text.0.number(*min), text.0.number(*max))
        }
        ValueKind::Bytes { min } => text.expected_bytes(text.0.number(*min)),
        ValueKind::BytesUpTo { min, max } => {
            text.expected_bytes_up_to(text.0.number(*min), text.0.number(*max))
        }
        ValueKind::Text => text.expected_text().to_owned(),
        ValueKind::EnvName => text.expected_env_name().to_owned(),
        ValueKind::OneOf(words) => text.expected_one_of(words.join(", ")),
        ValueKind::Dialect => text.expected_dialect().to_owned(),
        ValueKind::ListOf(kind) | ValueKind::OneOrListOf(kind) => {
            text.expected_list_of(of_kind(text, kind))
        }
    }
}

const GERMAN: &[(&str, &str)] = &[
    ("version", "Die Form dieser Datei."),
    ("port", "Der Port der API; 0 nimmt einen freien."),
    (
        "metrics_port",
        "Der Port von /metrics, nur für diesen Rechner; keiner, solange er fehlt; 0 nimmt einen freien.",
    ),
    (
        "ollama_port",
        "Ein zweiter Port der API, nur für diesen Rechner und für Programme, die Ollama auf 11434 suchen; keiner, solange er fehlt.",
    ),
    (
        "allow_lan_access",
        "Auch andere Rechner bedienen; setzt einen anderen auth_mode als off voraus.",
    ),
    (
        "allow_other_users",
        "Auch andere Benutzer dieses Rechners bedienen (Linux sagt, wer sie sind).",
    ),
    (
        "auth_mode",
        "Welche Anfragen den lokalen Schlüssel brauchen; auto: all_except_health, solange allow_lan_access gilt, sonst off.",
    ),
    (
        "allowed_hosts",
        "Namen außer Loopback, die der Host-Header nennen darf.",
    ),
    (
        "cors_origins",
        "Herkünfte, die außer lokalen Seiten und Editoren zugreifen dürfen.",
    ),
    (
        "translation",
        "strict lehnt Anfragen ab, von denen beim Übersetzen etwas verloren ginge oder angenähert würde.",
    ),
    (
        "scheduling.mode",
        "Wie unter mehreren Konten eines Anbieters gewählt wird: je Unterhaltung ein eigenes, mit oder ohne Warten, nach Last oder der Reihe nach.",
    ),
    (
        "scheduling.max_wait_seconds",
        "Wie lange eine Anfrage insgesamt wartet: auf ein belegtes Konto, bei cache_first auf das ihrer Unterhaltung, vor einem zweiten Versuch.",
    ),
    (
        "scheduling.max_attempts",
        "Wie oft eine Anfrage versucht wird, das erste Mal mitgezählt.",
    ),
    (
        "notifications.off",
        "Worüber der Desktop nicht benachrichtigt wird.",
    ),
    (
        "notifications.expiry_days",
        "Wie viele Tage vorher auf das Ende eines Kontos hingewiesen wird, jeweils einmal.",
    ),
    ("providers.*.enabled", "Ob Anfragen dorthin gehen dürfen."),
    (
        "providers.*.protocol",
        "Die Dialekte, die er spricht; bei Vorlagen sind sie bekannt.",
    ),
    (
        "providers.*.base_url",
        "Wo er antwortet, mit oder ohne Versionssegment; bei Vorlagen bekannt.",
    ),
    (
        "providers.*.auth",
        "Wie der Schlüssel mitgeht; sonst in der Form der Vorlage, bei gesetztem key_env in der üblichen des Dialekts, sonst gar nicht.",
    ),
    (
        "providers.*.key_env",
        "Die Umgebungsvariable mit dem Schlüssel; bei Vorlagen bekannt.",
    ),
    (
        "providers.*.oauth.authorize_url",
        "Wo man sich anmeldet; bei Vorlagen, die Zugriffstoken nehmen, bekannt.",
    ),
    (
        "providers.*.oauth.token_url",
        "Woher Zugriffstoken kommen; bei Vorlagen, die sie nehmen, bekannt.",
    ),
    (
        "providers.*.oauth.client_id",
        "Die ID Ihres eigenen OAuth-Clients; sein Geheimnis kommt mit dem Konto.",
    ),
    (
        "providers.*.oauth.scopes",
        "Was bei der Anmeldung angefragt wird.",
    ),
    (
        "providers.*.insecure_http",
        "Den Schlüssel unverschlüsselt über http zu einem anderen Rechner schicken.",
    ),
    (
        "providers.*.models",
        "Die Modelle, die er bedient, anstelle seiner eigenen Liste.",
    ),
    ("models[].name", "Wonach Clients fragen; ein * ist erlaubt."),
    (
        "models[].use",
        "anbieter/modell, der Reihe nach versucht; * steht für das, was das * im Namen traf.",
    ),
    (
        "network.proxy",
        "Worüber Anfragen an andere Rechner laufen: http://host:port, https://, socks5://; ein Konto kann einen eigenen haben.",
    ),
    (
        "network.no_proxy",
        "Hosts, die ohne ihn gefragt werden: Namen, .domains, Adressen.",
    ),
    (
        "network.ca_file",
        "Eine PEM-Datei mit Zertifizierungsstellen, denen außer denen des Systems vertraut wird.",
    ),
    (
        "limits.request_body_bytes_max",
        "Die größte Anfrage, entpackt.",
    ),
    (
        "limits.answer_body_bytes_max",
        "Die größte Antwort eines Anbieters am Stück.",
    ),
    (
        "limits.bodies_bytes_max",
        "Alle Inhalte im Speicher zusammen, von Anfragen und ganzen Antworten; solche bis 64 KiB zählen nicht.",
    ),
    ("limits.header_bytes_max", "Der größte Kopf einer Anfrage."),
    ("limits.headers_max", "Die Zahl der Header einer Anfrage."),
    (
        "limits.header_timeout_seconds",
        "Wie lange der Kopf einer Anfrage dauern darf.",
    ),
    (
        "limits.body_idle_timeout_seconds",
        "Wie lange der Inhalt einer Anfrage stocken darf.",
    ),
    (
        "limits.unread_timeout_seconds",
        "Wie lange ein Client seinen Stream ungelesen lassen darf, während andere Anfragen auf das Konto warten.",
    ),
    (
        "limits.connect_timeout_seconds",
        "Wie lange der Verbindungsaufbau zu einem Anbieter dauern darf.",
    ),
    (
        "limits.head_timeout_seconds",
        "Wie lange ein Anbieter bis zum Beginn eines Streams brauchen darf.",
    ),
    (
        "limits.answer_timeout_seconds",
        "Wie lange eine Antwort ohne Stream dauern darf, bis zu ihrem Kopf und von da bis zum Ende; wo nur head_timeout_seconds gesetzt ist, ebenso lange.",
    ),
    (
        "limits.first_event_timeout_seconds",
        "Wie lange ein Stream bis zu seinem ersten Ereignis brauchen darf.",
    ),
    (
        "limits.idle_timeout_seconds",
        "Wie lange ein Stream zwischen Ereignissen stocken darf.",
    ),
    (
        "limits.hold_ms",
        "Wie lange der Anfang eines Streams für einen Wechsel des Kontos zurückgehalten wird.",
    ),
    (
        "limits.connection_idle_timeout_seconds",
        "Wie lange die Verbindung eines Clients ohne Anfrage offen bleibt.",
    ),
    (
        "limits.connections_max",
        "Gleichzeitige Verbindungen von Clients.",
    ),
    ("limits.requests_in_flight_max", "Gleichzeitige Anfragen."),
    (
        "limits.drain_timeout_seconds",
        "Wie lange laufende Antworten noch dauern dürfen, wenn der Port schließt.",
    ),
    (
        "limits.keep_alive_seconds",
        "Die Pause, nach der ein Stream ein Lebenszeichen bekommt.",
    ),
    (
        "record.enabled",
        "Zu jeder Anfrage eine Aufzeichnung ohne Prompt und Antwort führen, und Summen darüber.",
    ),
    (
        "record.keep_days",
        "Wie viele Tage die Aufzeichnung einer beantworteten Anfrage bleibt.",
    ),
    (
        "record.keep_failed_days",
        "Wie viele Tage die Aufzeichnung einer fehlgeschlagenen Anfrage bleibt.",
    ),
    (
        "record.bytes_max",
        "Wie groß die Datei der Aufzeichnungen werden darf; die ältesten machen Platz.",
    ),
    (
        "record.bodies",
        "Prompts und Antworten ohne Geheimnisse behalten: keine, die fehlgeschlagener Anfragen oder alle; „aerostat records bodies“ tut es für eine Weile.",
    ),
    (
        "record.body_bytes_max",
        "Wie viel von einem Inhalt bleibt; der Rest wird abgeschnitten.",
    ),
    (
        "record.keep_bodies_days",
        "Wie viele Tage Inhalte bleiben; ist die Datei voll, gehen sie zuerst.",
    ),
    (
        "dashboard.theme",
        "Ob die Seiten hell oder dunkel sind, oder wie das System.",
    ),
    (
        "dashboard.language",
        "Die Sprache der Seiten; auto nimmt die, die der Browser wünscht.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::KEYS;

    #[test]
    fn every_setting_is_explained_in_both_languages() {
        for key in KEYS {
            let german = about(Texts(Language::German), key);
            assert!(german.ends_with('.'), "{}", key.path);
            assert_ne!(german, about(Texts(Language::English), key), "{}", key.path);
            assert!(!expected(Texts(Language::German), key).is_empty());
        }
        let known = |path: &str| KEYS.iter().any(|key| key.path == path);
        assert!(GERMAN.iter().all(|(path, _)| known(path)));
    }

    #[test]
    fn a_phrase_becomes_a_sentence() {
        assert_eq!(sentence("the form of this file"), "The form of this file.");
    }
}
