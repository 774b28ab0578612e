//! What is wrong with a value of the configuration, in both languages.

use crate::language::{Said, said};

said! {
    /// What was expected and what was found. Never contains a value that may be a secret.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Wrong;

    // The text as a whole.
    /// What the parser says.
    Syntax { words: String }: "{words}" | "kein gültiges TOML („{words}“)";
    Utf16: "the file is UTF-16: save it as UTF-8" |
        "die Datei ist in UTF-16 gespeichert: als UTF-8 speichern";
    NotUtf8: "expected UTF-8, found a byte that is none: save the file as UTF-8" |
        "ein Byte ist kein UTF-8: die Datei als UTF-8 speichern";
    NewerForm { form: u64, known: u64 }: "the file has form {form}, this program knows {known}: install a newer aerostat" |
        "die Datei hat die Form {form}, dieses Programm kennt {known}: ein neueres aerostat installieren";

    // A key, and the kind of its value.
    Table: "expected a table" | "erwartet wird eine Tabelle";
    Tables: "expected a list of tables" | "erwartet wird eine Liste von Tabellen";
    TablesHeaded { path: String }: "expected a list of tables, each headed `[[{path}]]`" |
        "erwartet wird eine Liste von Tabellen, jede mit der Kopfzeile `[[{path}]]`";
    FoundTable { expected: Said }: "expected {expected}, found a table" |
        "erwartet wird {expected}, keine Tabelle";
    Kind { expected: Said, found: String }: "expected {expected}, found {found}" |
        "erwartet wird {expected}, nicht {found}";
    /// What was found may be a secret.
    KindUnseen { expected: Said }: "expected {expected}" | "erwartet wird {expected}";
    NoTraces: "this program was built without traces, the cargo feature `otlp`" |
        "dieses Programm wurde ohne Traces gebaut, das Cargo-Feature `otlp`";
    UnknownKey: "unknown key" | "unbekannter Schlüssel";
    UnknownKeyNear { near: String }: "unknown key; did you mean `{near}`?" |
        "unbekannter Schlüssel; meinten Sie `{near}`?";
    UnknownPath { path: String }: "unknown key `{path}`; `aerostat config get` lists them" |
        "unbekannter Schlüssel `{path}`; `aerostat config get` listet alle auf";
    UnknownPathNear { path: String, near: String }: "unknown key `{path}`; did you mean `{near}`?" |
        "unbekannter Schlüssel `{path}`; meinten Sie `{near}`?";

    // Port and access.
    OtherPort: "expected another port than `port`" | "erwartet wird ein anderer Port als `port`";
    Host { found: String }: "expected a host name or address without scheme and path, found `{found}`" |
        "erwartet wird ein Hostname oder eine Adresse ohne Schema und Pfad, nicht `{found}`";
    Origin { found: String }: "expected an origin such as `https://app.example:8443`, found `{found}`" |
        "erwartet wird eine Herkunft wie `https://app.example:8443`, nicht `{found}`";
    LanWithoutKey: "the LAN is not served while `auth_mode` is `off`: set `auth_mode = \"auto\"`" |
        "das lokale Netz hat keinen Zugang, solange `auth_mode` auf `off` steht: `auth_mode = \"auto\"` setzen";

    // Providers.
    ProviderName: "expected a name of letters, digits, `-`, `_` and `.`, other than `models`" |
        "erwartet wird ein Name aus Buchstaben, Ziffern, `-`, `_` und `.`, nicht `models`";
    OnlyEnabled { provider: &'static str }: "`{provider}` is the built-in provider and takes `enabled` only" |
        "`{provider}` ist der eingebaute Anbieter und kennt nur `enabled`";
    NoDialect: "expected at least one dialect" | "erwartet wird mindestens ein Dialekt";
    Missing { needs: Said }: "missing: {needs}" | "fehlt: {needs}";
    MissingNear { near: String }: "missing; or did you mean the preset `{near}`?" |
        "fehlt; oder meinten Sie die Vorlage `{near}`?";
    NoPreset { provider: String }: "missing: `{provider}` is no preset, so it has to say its `protocol` and `base_url`" |
        "fehlt: `{provider}` ist keine Vorlage und muss `protocol` und `base_url` angeben";
    Leaks: "the key would travel unencrypted, so this provider does not serve: use https, or set `insecure_http = true`" |
        "der Schlüssel ginge unverschlüsselt über das Netz, darum wird dieser Anbieter nicht verwendet: https verwenden oder `insecure_http = true` setzen";
    NoTokenUrl: "missing: `auth = \"oauth\"` wants `token_url` and `client_id`" |
        "fehlt: `auth = \"oauth\"` braucht `token_url` und `client_id`";
    TokenUrl: "missing: expected where access tokens come from" |
        "fehlt: erwartet wird, woher Zugriffstoken kommen";
    ClientId: "missing: expected the id of your own OAuth client" |
        "fehlt: erwartet wird die ID eines eigenen OAuth-Clients";
    Https: "expected an https URL: secrets travel there" |
        "erwartet wird eine URL mit https: Dorthin gehen Geheimnisse";
    UnknownProvider { name: String }: "no provider `{name}`; add [providers.{name}]" |
        "kein Anbieter `{name}`; [providers.{name}] aufnehmen";
    UnknownProviderNear { name: String, near: String }: "no provider `{name}`; did you mean `{near}`?" |
        "kein Anbieter `{name}`; meinten Sie `{near}`?";
    NotInFile { name: String }: "the file says nothing of a provider `{name}`" |
        "einen Anbieter `{name}` nennt die Datei nicht";

    // Model rules.
    RuleName: "missing: expected the name that clients ask for" |
        "fehlt: erwartet wird der Name, nach dem Clients fragen";
    RuleTargets: "missing: expected `provider/model`, or a list of them" |
        "fehlt: erwartet wird `anbieter/modell` oder eine Liste davon";
    Stars { found: String }: "expected at most one `*`, found `{found}`" |
        "erwartet wird höchstens ein `*`, nicht `{found}`";
    Target { found: String }: "expected `provider/model`, found `{found}`" |
        "erwartet wird `anbieter/modell`, nicht `{found}`";
    StarWithoutStar { found: String }: "the `*` of `{found}` stands for what a `*` in `name` matched, and there is none" |
        "das `*` in `{found}` steht für das, was ein `*` in `name` traf, und dort ist keines";
    OtherRule { number: usize, name: String }: "rule {number} is no longer the one of `{name}`" |
        "Regel {number} ist nicht mehr die von `{name}`";
}

said! {
    /// What kind of value a key takes, behind "expected".
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Kind;
    Bool: "`true` or `false`" | "`true` oder `false`";
    Count { min: u64, max: u64 }: "an integer from {min} to {max}" |
        "eine ganze Zahl von {min} bis {max}";
    Bytes { min: u64 }: "a number of bytes from {min} on, or text such as `64 MiB`" |
        "eine Anzahl Bytes ab {min}, auch als Text wie `64 MiB`";
    BytesUpTo { min: u64, max: u64 }: "a number of bytes from {min} to {max}, or text such as `256 KiB`" |
        "eine Anzahl Bytes von {min} bis {max}, auch als Text wie `256 KiB`";
    Text: "text in quotes" | "Text in Anführungszeichen";
    EnvName: "the name of an environment variable (letters, digits and `_`)" |
        "der Name einer Umgebungsvariablen (Buchstaben, Ziffern und `_`)";
    OneOf { words: String }: "one of {words}" | "eines von {words}";
    ListOf { kind: Said }: "a list, each {kind}" | "eine Liste, jeweils {kind}";
    OneOrListOf { kind: Said }: "{kind} (or a list of them)" | "{kind} (oder eine Liste davon)";
}
