//! Why a verb was not done, in both languages: the words of errors on the pages, in notifications and
//! on the command line.

use crate::language::{Said, said};

said! {
    /// Why a verb was not done.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Refusal;

    // The agent.
    NotRunning: "the agent is not running; `aerostat` starts it" |
        "der Agent läuft nicht; `aerostat` startet ihn";
    OtherVersion { version: &'static str }: "the running agent answers in a form that version {version} does not know; end it with the `aerostat quit` of its own version, and start this one" |
        "der laufende Agent antwortet in einer Form, die Version {version} nicht kennt; ihn mit dem `aerostat quit` seiner eigenen Version beenden und dieses Aerostat starten";
    Broke: "the verb broke; this is a bug" | "interner Fehler: Das ist ein Bug in Aerostat";
    AgentEnds: "the agent is about to end" | "der Agent wird gerade beendet";
    NotDoneWithin { seconds: u64 }: "not done within {seconds} s; see `aerostat status`" |
        "nach {seconds} s noch nicht fertig; siehe `aerostat status`";
    DashboardNotOpen: "the dashboard could not be opened, and the agent's log says why; everything else works" |
        "die Übersicht konnte nicht geöffnet werden, den Grund nennt das Protokoll des Agenten; alles andere funktioniert";
    LinkFileNotWritten { error: String }: "the file that leads to the dashboard cannot be written: {error}" |
        "die Datei, die zur Übersicht führt, lässt sich nicht schreiben: {error}";

    // Providers.
    NoProviderButNear { name: String, near: String }: "no provider `{name}`; did you mean `{near}`?" |
        "kein Anbieter `{name}`; meinten Sie `{near}`?";
    NoProviderToConfigure { name: String }: "no provider `{name}`; add [providers.{name}] with `protocol` and `base_url` to the configuration" |
        "kein Anbieter `{name}`; [providers.{name}] mit `protocol` und `base_url` in die Konfiguration aufnehmen";
    NoConfiguredProvider { name: String }: "no provider `{name}`; add [providers.{name}] to the configuration" |
        "kein Anbieter `{name}`; [providers.{name}] in die Konfiguration aufnehmen";
    ProviderGone: "its provider is gone" | "den Anbieter des Kontos gibt es nicht mehr";
    NoServer: "the provider's `base_url` names no server" |
        "die `base_url` des Anbieters nennt keinen Server";
    NoOAuth { provider: String }: "[providers.{provider}.oauth] is missing in the configuration" |
        "in der Konfiguration fehlt [providers.{provider}.oauth]";

    // Accounts.
    NoAccount { name: String }: "no account `{name}`; `aerostat account list` names them" |
        "kein Konto `{name}`; `aerostat account list` nennt alle";
    NoAccountButNear { name: String, near: String }: "no account `{name}`; did you mean `{near}`?" |
        "kein Konto `{name}`; meinten Sie `{near}`?";
    AccountOrProvider: "expected an account or a provider" |
        "erwartet wird ein Konto oder ein Anbieter";
    NoFreeName: "no name is free; give one with `--name`" |
        "kein Name ist mehr frei; einen mit `--name` angeben";
    NameTaken { name: String }: "an account `{name}` is there already; `aerostat account login {name}` enters its credential again" |
        "ein Konto `{name}` gibt es schon; `aerostat account login {name}` gibt seine Zugangsdaten neu ein";
    WantsNoKey { provider: String }: "`{provider}` wants no key; add it without one" |
        "`{provider}` verlangt keinen Schlüssel; ohne einen hinzufügen";
    WantsKey { provider: String }: "`{provider}` wants a key" | "`{provider}` verlangt einen Schlüssel";
    WouldLeak { provider: String }: "the key would travel unencrypted: use https in `base_url`, or set `insecure_http = true` in [providers.{provider}]" |
        "der Schlüssel ginge unverschlüsselt über das Netz: https in `base_url` verwenden oder `insecure_http = true` in [providers.{provider}] setzen";
    VariableName: "--env: expected the name of a variable: letters, digits and `_`" |
        "--env: erwartet wird der Name einer Variablen: Buchstaben, Ziffern und `_`";
    EmptyKey: "the key is empty" | "der Schlüssel ist leer";
    UnusableKey: "the key holds blanks or other characters that no header can carry; copy it again" |
        "der Schlüssel enthält Leerzeichen oder andere Zeichen, die kein Header tragen kann; noch einmal kopieren";
    Refused { why: Said, advice: Said }: "{why}; nothing was stored: {advice}" |
        "{why}; nichts wurde gespeichert: {advice}";
    NothingStored { name: String }: "nothing is stored for `{name}`" |
        "für `{name}` ist nichts gespeichert";
    KeyInVariable { name: String, variable: String }: "`{name}` takes its key from `{variable}`: set that, or add another account" |
        "`{name}` nimmt seinen Schlüssel aus `{variable}`: diese setzen oder ein weiteres Konto hinzufügen";
    WantsNoCredential { name: String }: "`{name}` wants no credential" |
        "`{name}` verlangt keine Zugangsdaten";
    NotAdded { name: String, provider: String }: "`{name}` was not added: it is there because of [providers.{provider}]; `aerostat account disable {name}` keeps it from serving" |
        "`{name}` wurde nicht hinzugefügt: Es besteht wegen [providers.{provider}]; `aerostat account disable {name}` schaltet es aus";
    FiguresStay { name: String, error: Said }: "`{name}` is removed, and its figures are still there: {error}" |
        "`{name}` ist entfernt, seine Zahlen sind noch da: {error}";
    NothingToSet { example: &'static str }: "expected something to set, such as `{example}`" |
        "nichts zu ändern angegeben, etwa `{example}`";
    AccountProxy { why: Said }: "the account's proxy cannot be used: {why}" |
        "der Proxy des Kontos ist unbrauchbar: {why}";

    // Sign-ins.
    SignInNotStarted: "the sign-in could not be started in time" |
        "die Anmeldung ließ sich nicht rechtzeitig starten";
    SignInsWait { count: usize }: "{count} sign-ins wait already: finish or cancel one of them" |
        "{count} Anmeldungen warten schon: eine davon abschließen oder abbrechen";

    // Settings of an account, limits of a key.
    Concurrency { found: String }: "--concurrency: expected a number from 1 on, or `none`, found `{found}`" |
        "--concurrency: erwartet wird eine Zahl ab 1 oder `none`, nicht `{found}`";
    Expires { found: String }: "--expires: expected a day such as `2027-01-31`, or `none`, found `{found}`" |
        "--expires: erwartet wird ein Tag wie `2027-01-31` oder `none`, nicht `{found}`";
    Proxy: "--proxy: expected a URL without a password, such as `http://127.0.0.1:3128` or `socks5://127.0.0.1:1080`, or `none`" |
        "--proxy: erwartet wird eine URL ohne Passwort, etwa `http://127.0.0.1:3128` oder `socks5://127.0.0.1:1080`, oder `none`";
    Budget { why: Said }: "--budget: {why}" | "--budget: {why}";
    BudgetTwice { unit: Said, period: Said }: "--budget: two of {unit} a {period}; name one" |
        "--budget: zwei für {unit} pro {period}; nur eines angeben";
    ExpiryOver { found: String }: "--expires: `{found}` is over; `aerostat key revoke NAME` ends a key at once" |
        "--expires: `{found}` ist vorbei; `aerostat key revoke NAME` beendet einen Schlüssel sofort";
    ModelsMax { max: usize }: "--model: at most {max}; one `*` in a name stands for any characters" |
        "--model: höchstens {max}; ein `*` im Namen steht für beliebige Zeichen";
    ModelName { found: String }: "--model: expected a name with at most one `*`, such as `claude-*`, or `all`, found `{found}`" |
        "--model: erwartet wird ein Name mit höchstens einem `*`, etwa `claude-*`, oder `all`, nicht `{found}`";
    RequestsPerMinute { found: String }: "--requests-per-minute: expected a number from 1 on, or `none`, found `{found}`" |
        "--requests-per-minute: erwartet wird eine Zahl ab 1 oder `none`, nicht `{found}`";

    // Keys.
    KeyName { found: String }: "`{found}` is no name of a key: expected 1 to 64 letters, digits or `. _ @ + -`, starting with a letter or digit" |
        "`{found}` ist kein Schlüsselname: erwartet werden 1 bis 64 Buchstaben, Ziffern oder `. _ @ + -`, am Anfang ein Buchstabe oder eine Ziffer";
    KeyNameReserved: "`local` is the home's own key; take another name" |
        "`local` heißt der eigene Schlüssel dieses Verzeichnisses; einen anderen Namen nehmen";
    KeyNameTaken { name: String }: "a key `{name}` is there already; revoke it or take another name" |
        "einen Schlüssel `{name}` gibt es schon; ihn widerrufen oder einen anderen Namen nehmen";
    NoKey { name: String }: "no key `{name}`; `aerostat key list` names them" |
        "kein Schlüssel `{name}`; `aerostat key list` nennt alle";
    LocalKeyStays: "the home's own key has no limits and cannot be revoked; `aerostat key create NAME` makes one that can" |
        "der eigene Schlüssel dieses Verzeichnisses hat keine Grenzen und lässt sich nicht widerrufen; `aerostat key create NAME` erstellt einen, der es kann";

    // Records.
    NoRecord { id: String }: "no record of a request `{id}`: an answer's `x-aerostat-request-id` names it, and `aerostat log` lists what is kept" |
        "keine Aufzeichnung einer Anfrage `{id}`: Der Header `x-aerostat-request-id` einer Antwort nennt sie, `aerostat log` listet alle auf";
    Time { found: String }: "`{found}`: expected `24h`, `7d`, `today`, a day such as `2026-11-29`, or a moment such as `2026-11-29T14:00:00Z`" |
        "`{found}`: erwartet wird `24h`, `7d`, `today`, ein Tag wie `2026-11-29` oder ein Zeitpunkt wie `2026-11-29T14:00:00Z`";
    Word { found: String, expected: Said }: "`{found}`: expected {expected}" |
        "`{found}`: erwartet wird {expected}";
    WhichRecords: "say which records: all, those before a time, or those of an account" |
        "angeben, welche Aufzeichnungen: alle, die vor einem Zeitpunkt oder die eines Kontos";
    Bodies { why: UnclearBodies }: "records bodies: {why}" | "records bodies: {why}";
    DimensionsMax { max: usize }: "at most {max} dimensions at a time" |
        "höchstens {max} Aufteilungen zugleich";
    Zone { found: String }: "`{found}` is no time zone: expected a name such as `Europe/Berlin`" |
        "`{found}` ist keine Zeitzone: erwartet wird ein Name wie `Europe/Berlin`";

    // A request that is sent again, and the first one.
    AnswerLate: "the answer took more than ten minutes" |
        "die Antwort brauchte mehr als zehn Minuten";
    BodyNotKept: "its body is not kept; of later requests it is with `aerostat records bodies all --for 15m`" |
        "ihr Inhalt wurde nicht gespeichert; bei neuen Anfragen geschieht das mit `aerostat records bodies all --for 15m`";
    NotSentAgain { why: Said }: "it cannot be sent again: {why}" |
        "sie lässt sich nicht noch einmal senden: {why}";
    FirstLineUnreadable: "its first line cannot be read" | "ihre erste Zeile ist nicht lesbar";
    MessageTooLong { max: usize }: "the message is longer than {max} characters" |
        "die Nachricht ist länger als {max} Zeichen";
    PortClosed: "the port is closed: start serving first, and try again" |
        "der Port ist geschlossen: zuerst starten, dann noch einmal versuchen";
    NothingCameBack { seconds: u64 }: "nothing came back within {seconds} s; see `aerostat status`" |
        "innerhalb von {seconds} s kam nichts zurück; siehe `aerostat status`";
    AnswerTooLong: "the answer is too long to be shown" |
        "die Antwort ist zu lang, um sie anzuzeigen";
    NotReached { words: String }: "{words}" | "keine Antwort erhalten („{words}“)";

    // Clients.
    NoClient { name: String }: "no client `{name}`; `aerostat client list` has all" |
        "kein Programm `{name}`; `aerostat client list` nennt alle";
    NoClientButNear { name: String, near: String }: "no client `{name}`; did you mean `{near}`?" |
        "kein Programm `{name}`; meinten Sie `{near}`?";
    NoVariants { name: String, variant: String }: "`{name}` has no `--{variant}`" |
        "`{name}` kennt kein `--{variant}`";
    OtherVariants { name: String, variant: String, variants: String }: "`{name}` has no `--{variant}`, but `--{variants}`" |
        "`{name}` kennt kein `--{variant}`, aber `--{variants}`";
    WantsVariant { name: String, variants: Said }: "`{name}` wants `--{variants}`" |
        "`{name}` braucht `--{variants}`";
    NoVariables { name: String }: "`{name}` reads no variable that points it elsewhere" |
        "`{name}` liest keine Variable, die es umleitet";
    AnyPort: "the port is any free one, and no agent runs that has one: set `port`, or start the agent" |
        "der Port ist ein beliebiger freier, und kein Agent läuft, der einen hat: `port` setzen oder den Agenten starten";
    ProgramUnknown: "the system does not tell where this program lies" |
        "das System nennt nicht, wo dieses Programm liegt";
}

said! {
    /// What cannot be meant of bodies.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum UnclearBodies;
    Which: "say which bodies: `errors` or `all`" | "angeben, welche Inhalte: `errors` oder `all`";
    WithoutEnd: "`configured` holds without an end" | "`configured` gilt ohne Ende";
    Off: "no failure is kept while bodies are off" |
        "solange keine Inhalte gespeichert werden, gilt das auch für Fehler";
    Seconds: "expected a time from one second to 30 days" |
        "erwartet wird eine Dauer von einer Sekunde bis 30 Tagen";
    Failures: "expected 1 to 1000 failures" | "erwartet werden 1 bis 1000 Fehler";
    Mode { found: String }: "`{found}`: expected `off`, `errors`, `all` or `configured`" |
        "`{found}`: erwartet wird `off`, `errors`, `all` oder `configured`";
}

said! {
    /// What a filter of the log expects.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Expected;
    Ending: "an ending: `done`, `left`, `failed` or `refused`" |
        "ein Ausgang: `done`, `left`, `failed` oder `refused`";
    Blame: "whose fault it was: `client`, `gateway`, `account` or `provider`" |
        "ein Verursacher: `client`, `gateway`, `account` oder `provider`";
    Cause: "a cause, such as `rate_limited`; `aerostat log --failed --json` names them" |
        "eine Ursache wie `rate_limited`; `aerostat log --failed --json` nennt alle";
    Session: "a conversation, as 32 digits" | "eine Unterhaltung aus 32 Ziffern";
}

said! {
    /// Why what is kept of a body cannot be sent.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum IncompleteBody;
    NoText: "what is kept of it is no text" | "was davon gespeichert ist, ist kein Text";
    Cut { size: String }: "of its {size} the end was cut off" |
        "von seinen {size} wurde das Ende abgeschnitten";
    SecretsTakenOut: "secrets were taken out of it" | "Geheimnisse wurden daraus entfernt";
}

said! {
    /// How a test of an account ended, and what was done then.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum TestWords;
    Takes { provider: String }: "`{provider}` takes the account" |
        "`{provider}` akzeptiert das Konto";
    Refuses { provider: String, words: String }: "`{provider}` does not take the credential: {words}" |
        "`{provider}` lehnt die Zugangsdaten ab („{words}“)";
    NotTried { provider: String, why: Said }: "`{provider}` could not be tried: {why}" |
        "`{provider}` ließ sich nicht prüfen: {why}";
    VariableUnset { provider: String, variable: String }: "`{provider}` could not be tried: `{variable}` is not set here" |
        "`{provider}` ließ sich nicht prüfen: `{variable}` ist hier nicht gesetzt";
    ProxyUnusable { account: String, why: Said }: "the proxy of account `{account}` cannot be used: {why}" |
        "der Proxy des Kontos `{account}` ist unbrauchbar: {why}";
    ChangedMeanwhile { account: String }: "the credential of `{account}` was changed meanwhile" |
        "die Zugangsdaten von `{account}` wurden inzwischen geändert";
    StoredAllTheSame { why: Said }: "{why}; it was stored all the same" |
        "{why}; trotzdem gespeichert";
    StoredUntested { why: Said, name: String }: "{why}; it was stored, and `aerostat account test {name}` tries again" |
        "{why}; gespeichert, `aerostat account test {name}` versucht es noch einmal";
    CompareAt { docs: &'static str }: "compare the key with the one at the provider ({docs}), or store it with `--keep`" |
        "den Schlüssel mit dem beim Anbieter vergleichen ({docs}) oder mit `--keep` speichern";
    Compare: "compare the key with the one at the provider, or store it with `--keep`" |
        "den Schlüssel mit dem beim Anbieter vergleichen oder mit `--keep` speichern";
}

said! {
    /// What a verb tells before it is done.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Notice;
    SignInAt: "Sign in with your browser, at:" | "Mit dem Browser anmelden, unter:";
    PassphraseAsked { process: u32 }: "the vault's passphrase is asked for in the terminal where `aerostat` runs (process {process})" |
        "nach der Passphrase des Tresors wird im Terminal gefragt, in dem `aerostat` läuft (Prozess {process})";
    PlainText { folder: String }: "warning: the credential lies in plain text in `{folder}`: every program that reads your files can read it" |
        "Warnung: Die Zugangsdaten liegen im Klartext in `{folder}`: Jedes Programm, das Ihre Dateien liest, kann sie lesen";
    PassphraseAskedThere: "its passphrase is asked for in the terminal where `aerostat` runs" |
        "nach seiner Passphrase wird im Terminal gefragt, in dem `aerostat` läuft";
}
