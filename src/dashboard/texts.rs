//! Everything that the pages say, in both languages.
//!
//! Names, numbers and what providers and clients said come from elsewhere. One section a page, in
//! the order of the pages.

use crate::language::texts;

texts! {
    /// The texts of the pages.
    pub(super) struct Texts;

    // The frame.
    skip_to_content: "Skip to content" | "Zum Inhalt springen";
    pages: "Pages" | "Seiten";
    dashboard: "Dashboard" | "Übersicht";
    accounts: "Accounts" | "Konten";
    api_proxy: "API proxy" | "API-Proxy";
    monitoring: "Monitoring" | "Anfragen";
    token_statistics: "Token statistics" | "Token-Statistik";
    settings: "Settings" | "Einstellungen";
    need_you(count): "{count} need you" | "{count} warten auf Sie";
    sign_out: "Sign out" | "Abmelden";
    times_are_in(zone): "Times are in {zone}" | "Zeiten in {zone}";
    records_take(size, limit): "Records: {size} of {limit}" | "Aufzeichnungen: {size} von {limit}";
    records_since(date): "since {date}" | "seit {date}";
    not_recorded(count): "{count} not recorded" | "{count} nicht aufgezeichnet";
    keys_of_the_page: "filter, rows" | "filtern, Zeilen";
    copy: "Copy" | "Kopieren";
    copied: "Copied" | "Kopiert";
    unknown: "unknown" | "unbekannt";
    free: "free" | "kostenlos";
    at_least(amount): "≥ {amount}" | "≥ {amount}";
    and_more(count): "and {count} more" | "und {count} weitere";
    numbers_of_the_plot: "The numbers" | "Die Zahlen";

    // Pages without a session, and those that are not there.
    opens_by_link: "This page opens with a link that works once." |
        "Diese Seite öffnet sich über einen Link, der einmal gilt.";
    link_comes_from(command): "{command} gives one, and so does the tray." |
        "{command} gibt einen aus, ebenso das Symbol in der Taskleiste.";
    open_the_dashboard: "Open the dashboard" | "Übersicht öffnen";
    signed_out: "Signed out" | "Abgemeldet";
    browser_signed_out(command): "This browser can no longer open the dashboard. {command} signs it in again, and so does the tray." |
        "Dieser Browser kann die Übersicht nicht mehr öffnen. {command} meldet ihn wieder an, ebenso das Symbol in der Taskleiste.";
    nothing_here: "There is nothing here." | "Hier gibt es nichts.";
    form_is_stale: "This form is older than the agent, or comes from elsewhere. Nothing was changed: open the page again and repeat it." |
        "Dieses Formular ist älter als der laufende Agent oder stammt von anderswo. Nichts wurde geändert: Seite neu öffnen und wiederholen.";
    not_done: "Not done" | "Nicht ausgeführt";

    // What is true of the whole.
    nothing_to_serve_with: "Nothing to serve with yet." | "Noch kein Konto, das antworten kann.";
    serving: "Serving." | "In Betrieb.";
    serving_one_needs_you: "Serving. One account needs you." |
        "In Betrieb. Ein Konto braucht Sie.";
    serving_some_need_you(count): "Serving. {count} accounts need you." |
        "In Betrieb. {count} Konten brauchen Sie.";
    serving_network: "Serving your local network." | "In Betrieb, auch für das lokale Netz.";
    serving_slowly(provider, time): "Serving slowly: all of {provider} rests until {time}." |
        "Eingeschränkt in Betrieb: alle Konten von {provider} pausieren bis {time}.";
    serving_partly(count, total): "Serving with {count} of {total} accounts." |
        "In Betrieb mit {count} von {total} Konten.";
    nobody_until(time): "No account can serve until {time}." |
        "Bis {time} kann kein Konto antworten.";
    no_account_can_serve: "No account can serve." | "Kein Konto kann antworten.";
    starting: "Starting." | "Startet.";
    stopping: "Stopping: the last answers are being sent." |
        "Wird beendet: die letzten Antworten werden noch gesendet.";
    stopped: "Stopped." | "Gestoppt.";
    port_belongs_to(port, owner): "Port {port} belongs to {owner}." |
        "Port {port} gehört {owner}.";
    port_is_taken(port): "Port {port} is taken." | "Port {port} ist belegt.";
    port_is_refused(port): "Port {port} cannot be opened." |
        "Port {port} lässt sich nicht öffnen.";
    another_aerostat: "the agent of another home" | "dem Agenten eines anderen Verzeichnisses";
    state_stopped: "Stopped" | "Gestoppt";

    // Dashboard.
    start_serving: "Start serving" | "Starten";
    stop_serving: "Stop serving" | "Stoppen";
    base_urls: "Base URLs" | "Basis-URLs";
    tray_is_not_shown(why): "The tray icon is not shown: {why}." |
        "Das Symbol in der Taskleiste wird nicht angezeigt: {why}.";
    up_for(duration): "up {duration}" | "läuft seit {duration}";
    in_flight(count): "{count} in flight" | "{count} in Bearbeitung";
    no_account_yet: "No account is set up yet: only the built-in demo answers." |
        "Noch ist kein Konto eingerichtet: Nur die eingebaute Demo antwortet.";
    recording_is_off: "Requests are not recorded, because [record] enabled is false. There is nothing to show here." |
        "Anfragen werden nicht aufgezeichnet, weil [record] enabled auf false steht. Hier gibt es nichts zu zeigen.";
    change_the_port: "Change the port" | "Port ändern";
    open_settings: "Open settings" | "Einstellungen öffnen";
    see_what_is_open: "See what is open" | "Freigabe ansehen";
    see_accounts: "See the accounts" | "Konten ansehen";
    see_the_account: "See the account" | "Konto ansehen";
    see_the_keys: "See the keys" | "Schlüssel ansehen";
    sign_in: "Sign in" | "Anmelden";
    requests_today: "Requests today" | "Anfragen heute";
    so_many_failed(count): "{count} failed" | "{count} fehlgeschlagen";
    so_many_left(count): "{count} left early" | "{count} vorzeitig beendet";
    tokens_today: "Tokens today" | "Tokens heute";
    share_from_cache(share): "{share} of the input from cache" | "{share} der Eingabe aus dem Cache";
    cache_share_unknown: "cache share unknown" | "Cache-Anteil unbekannt";
    cost_today: "Cost today" | "Kosten heute";
    cost_is_free: "own servers and the demo" | "eigene Server und die Demo";
    at_list_price: "at list price" | "zum Listenpreis";
    model_unpriced: "model unpriced" | "Modell ohne Preis";
    models_unpriced: "models unpriced" | "Modelle ohne Preis";
    request_uncounted: "request not counted" | "Anfrage ohne Zählung";
    requests_uncounted: "requests not counted" | "Anfragen ohne Zählung";
    first_byte_median: "First byte, median" | "Erstes Byte, Median";
    p95(duration): "p95 {duration}" | "p95 {duration}";
    no_streams_today: "no streams yet" | "noch keine Streams";
    as_of(time): "As of {time}: the records cannot be read now." |
        "Stand {time}: Die Aufzeichnungen sind zurzeit nicht lesbar.";
    records_unreadable(why): "The records cannot be read, so today's figures are unknown: {why}" |
        "Die Aufzeichnungen sind nicht lesbar, die Zahlen von heute daher unbekannt: {why}";
    last_24_hours: "Last 24 hours" | "Letzte 24 Stunden";
    requests_by_quarter: "Requests by quarter of an hour" | "Anfragen je Viertelstunde";
    no_requests_in_24_hours: "No requests." | "Keine Anfragen.";
    ended_served: "served" | "beantwortet";
    ended_left: "left early" | "vorzeitig beendet";
    ended_failed: "failed" | "fehlgeschlagen";
    time: "Time" | "Zeit";
    failures_of_the_hour: "Failures of the last hour" | "Fehler der letzten Stunde";
    nothing_failed: "None." | "Keine.";
    requests: "Requests" | "Anfragen";
    what_and_what_to_do: "What failed, and what to do" | "Was fehlschlug, und was zu tun ist";
    last_time: "Last" | "Zuletzt";
    way_out: "Next step" | "Nächster Schritt";
    see_them: "See them" | "Ansehen";
    try_the_name: "Try the name" | "Namen prüfen";

    // Dashboard: what to do first.
    step_is_done: "Done" | "Erledigt";
    step_is_open: "To do" | "Offen";
    step_try: "1. Try it now" | "1. Jetzt ausprobieren";
    step_account: "2. Add an account" | "2. Konto hinzufügen";
    step_client: "3. Point a program here" | "3. Ein Programm hierher leiten";
    step_first_request: "4. The first request" | "4. Die erste Anfrage";
    try_is_offline: "Sends one request to the built-in demo, the way any program would. No account is needed, and nothing leaves this computer." |
        "Sendet eine Anfrage an die eingebaute Demo, so wie es jedes Programm täte. Es braucht kein Konto, und nichts verlässt diesen Rechner.";
    demo_is_disabled: "The demo is switched off: [providers.demo] enabled is false." |
        "Die Demo ist abgeschaltet: [providers.demo] enabled steht auf false.";
    try_message: "Say hello in one sentence." | "Sag in einem Satz hallo.";
    message: "Message" | "Nachricht";
    send: "Send" | "Senden";
    answered_after(duration, status): "Answered after {duration}, status {status}." |
        "Antwort nach {duration}, Status {status}.";
    see_it: "See the record" | "Aufzeichnung ansehen";
    request_and_answer: "Request and answer" | "Anfrage und Antwort";
    account_is_tested: "An API key or a sign-in at a provider. It is tested as it is added." |
        "Ein API-Schlüssel oder eine Anmeldung bei einem Anbieter. Beim Hinzufügen wird das Konto geprüft.";
    accounts_are_there(names): "There already: {names}." | "Schon da: {names}.";
    choose_the_program: "Choose the program, and put these lines where it says." |
        "Programm auswählen und diese Zeilen dort eintragen, wo es angegeben ist.";
    waiting_for_it: "Waiting for the first request of another program. It appears here by itself." |
        "Hier erscheint von selbst die erste Anfrage eines anderen Programms.";
    nothing_comes: "Nothing comes?" | "Es kommt nichts an?";
    check_the_url(url): "Does the program's base URL begin with {url}?" |
        "Beginnt die Basis-URL des Programms mit {url}?";
    check_the_restart: "Was the program started again since its settings were changed?" |
        "Wurde das Programm nach der Änderung seiner Einstellungen neu gestartet?";
    check_the_key(command): "Does it send the key that {command} prints?" |
        "Sendet es den Schlüssel, den {command} ausgibt?";
    check_the_machine: "Does it run on this computer, and not in a container, in WSL or on a server? There 127.0.0.1 is another machine." |
        "Läuft es auf diesem Rechner und nicht in einem Container, in WSL oder auf einem Server? Dort ist 127.0.0.1 ein anderer Rechner.";
    check_the_model(model): "Does it come with the model {model}, which always answers?" |
        "Kommt eine Antwort mit dem Modell {model}, das immer antwortet?";
    look_again: "Look again" | "Erneut nachsehen";
    a_program: "a program" | "einem Programm";
    came_and_failed(program, time): "A request of {program} came at {time} and failed." |
        "Um {time} kam eine Anfrage von {program} an und schlug fehl.";

    // Lines for programs.
    programs: "Programs" | "Programme";
    terminal: "Terminal" | "Terminal";
    note_claude_code: "Put the lines into what is there already: a comment or a comma too many makes Claude Code ignore the whole file. It asks for Claude models, so add an account that has them, or a rule." |
        "In die vorhandene Datei einfügen: Ein Kommentar oder ein Komma zu viel, und Claude Code ignoriert die ganze Datei. Es fragt nach Claude-Modellen: Dafür braucht es ein Konto, das sie hat, oder eine Regel.";
    note_codex: "The first line must stand above the first table. While it is set, Codex lists only the sessions that were made with it." |
        "Die erste Zeile muss über der ersten Tabelle stehen. Solange sie gesetzt ist, zeigt Codex nur die Sitzungen, die damit entstanden sind.";
    note_gemini_cli: "A project with an .env file of its own hides other .env files, so set the variables in the shell." |
        "Ein Projekt mit eigener .env-Datei verdeckt andere .env-Dateien: Die Variablen daher in der Shell setzen.";
    note_model(demo, address): "The model {demo} answers offline. Write the name of a model of yours instead, or {address}." |
        "Das Modell {demo} antwortet offline. Stattdessen ein eigenes Modell eintragen, oder {address}.";
    note_cursor(url): "Cursor cannot be pointed here: its requests go through its own servers, which do not reach {url} on this computer." |
        "Cursor lässt sich nicht hierher leiten: Seine Anfragen laufen über die eigenen Server, und die erreichen {url} auf diesem Rechner nicht.";

    // Accounts.
    enable: "Enable" | "Einschalten";
    disable: "Disable" | "Ausschalten";
    provider: "Provider" | "Anbieter";
    name: "Name" | "Name";
    api_key: "API key" | "API-Schlüssel";
    add: "Add" | "Hinzufügen";
    add_an_account: "Add an account" | "Konto hinzufügen";
    enter_key: "Enter key" | "Schlüssel eintragen";
    new_key_of(name): "New API key of {name}" | "Neuer API-Schlüssel von {name}";

    // A change of config.toml, on several pages.
    nothing_is_written_yet: "Nothing is changed yet." | "Noch ist nichts geändert.";
    changed_meanwhile: "config.toml was changed elsewhere meanwhile. Nothing was written: this is the difference to the file as it is now." |
        "config.toml wurde inzwischen anderswo geändert. Nichts wurde geschrieben: Dies ist der Unterschied zur jetzigen Datei.";
    auth_is_kept: "config.toml was gone or empty; the authentication that is in force is written with the change." |
        "config.toml war weg oder leer; die geltende Authentifizierung wird mit der Änderung hineingeschrieben.";
    what_changes: "What changes" | "Was sich ändert";
    removed_line: "removed" | "entfernt";
    added_line: "added" | "neu";
    setting: "Setting" | "Einstellung";
    value_before: "Before" | "Bisher";
    value_after: "After" | "Künftig";
    takes_effect: "Takes effect" | "Wirksam";
    default_value: "default" | "Vorgabe";
    write_it: "Write to config.toml" | "In config.toml schreiben";
    change_nothing: "Change nothing" | "Nichts ändern";
    effect_at_once: "at once" | "sofort";
    effect_next_request: "from the next request on" | "ab der nächsten Anfrage";
    effect_new_connections: "for new connections" | "für neue Verbindungen";
    effect_port_moves: "at once; requests in flight end at the old port" |
        "sofort; laufende Anfragen enden am alten Port";
    effect_next_stop: "when the port is next closed" | "beim nächsten Schließen des Ports";
    means_network_opens: "Other machines of your network can call, with a key." |
        "Andere Rechner in Ihrem Netz können zugreifen, mit Schlüssel.";
    means_network_closes: "Other machines can no longer call." |
        "Andere Rechner können nicht mehr zugreifen.";
    means_network_refused: "Other machines cannot call as long as auth_mode is off: set it to auto." |
        "Andere Rechner können nicht zugreifen, solange auth_mode auf off steht: auto wählen.";
    means_no_key: "Programs on this computer can call without a key." |
        "Programme auf diesem Rechner können ohne Schlüssel zugreifen.";
    means_key: "Every request needs a key." | "Jede Anfrage braucht einen Schlüssel.";
    means_key_except_health: "Every request but health checks needs a key." |
        "Jede Anfrage außer Health-Checks braucht einen Schlüssel.";
    means_other_users: "Other users of this machine can call." |
        "Andere Benutzer dieses Rechners können zugreifen.";
    means_no_other_users: "Other users of this machine can no longer call." |
        "Andere Benutzer dieses Rechners können nicht mehr zugreifen.";
    means_no_records: "Requests are no longer recorded: statistics and monitoring stand still." |
        "Anfragen werden nicht mehr aufgezeichnet: Statistik und Anfragenliste bleiben stehen.";
    means_records: "Requests are recorded from now on." |
        "Anfragen werden ab jetzt aufgezeichnet.";
    means_any_port: "The port becomes any free one: point your clients at it." |
        "Der Port wird ein beliebiger freier: Clients darauf umstellen.";
    means_port(from, to): "The port moves from {from} to {to}: point your clients at it." |
        "Der Port wechselt von {from} zu {to}: Clients darauf umstellen.";
    means_served_deleted(days): "Records of requests that were served are deleted once they are {days} days old." |
        "Aufzeichnungen beantworteter Anfragen werden nach {days} Tagen gelöscht.";
    means_failed_deleted(days): "Records of requests that failed are deleted once they are {days} days old." |
        "Aufzeichnungen fehlgeschlagener Anfragen werden nach {days} Tagen gelöscht.";
    means_records_shrink(size): "Records may take {size}: the oldest make room." |
        "Aufzeichnungen dürfen {size} belegen: Die ältesten machen Platz.";
    means_provider_refused(name): "{name} does not serve: its key would travel unencrypted." |
        "{name} antwortet nicht: Sein Schlüssel ginge unverschlüsselt über das Netz.";
    // Monitoring.
    filter: "Filter" | "Filtern";
    filter_nothing: "Show all" | "Alle zeigen";
    any: "any" | "alle";
    no_name: "none" | "keine";
    ending: "State" | "Status";
    ending_done: "served" | "bedient";
    ending_left: "left early" | "abgebrochen";
    ending_failed: "failed" | "fehlgeschlagen";
    ending_refused: "refused" | "abgelehnt";
    ending_any_failure: "failed or refused" | "fehlgeschlagen oder abgelehnt";
    cause: "Cause" | "Ursache";
    blame: "Fault of" | "Verursacht von";
    asked_model: "Asked for" | "Angefragt";
    account: "Account" | "Konto";
    model: "Model" | "Modell";
    key: "Key" | "Schlüssel";
    client: "Client" | "Client";
    conversation: "Conversation" | "Unterhaltung";
    since: "Since" | "Seit";
    until_when: "Until" | "Bis";
    first_byte: "First byte" | "Erstes Byte";
    took: "Took" | "Dauer";
    tokens_in: "In" | "Ein";
    tokens_cached: "Cached" | "Cache";
    tokens_out: "Out" | "Aus";
    cost: "Cost" | "Kosten";
    unknown_path: "unknown path" | "unbekannter Pfad";
    attempts_made(count): "{count} attempts" | "{count} Versuche";
    dropped_fields(fields): "dropped {fields}" | "weggelassen: {fields}";
    tokens_so_far: "tokens so far" | "Tokens bis zum Abbruch";
    expected_a_time: "Write 24h, 7d, today, 2026-11-29 or 2026-11-29T14:00:00Z." |
        "Möglich sind 24h, 7d, today, 2026-11-29 oder 2026-11-29T14:00:00Z.";
    show_without: "Show without it" | "Ohne diesen Filter zeigen";
    show_them: "Show them" | "Anzeigen";
    without_part(part, value, count): "Without {part} “{value}” there are {count}." |
        "Ohne {part} „{value}“ gibt es {count}.";
    no_part_excludes: "No single part of the filter excludes them: leave out several." |
        "Es liegt an keinem einzelnen Filter: mehrere weglassen.";
    requests_will_come: "Each request appears here as soon as it has ended." |
        "Jede Anfrage erscheint hier, sobald sie beendet ist.";
    nothing_listed: "This filter cannot be read." | "Dieser Filter ist nicht lesbar.";
    live: "Live" | "Live";
    paused: "Paused" | "Angehalten";
    live_is_off: "Not connected" | "Nicht verbunden";
    live_or_paused: "Keep the list up to date, or let it stand" |
        "Liste laufend aktualisieren oder anhalten";
    reload: "Reload" | "Neu laden";
    new_requests: "new" | "neue";
    no_live_stream: "No stream for this page now: too many are open, or its filter cannot be read." |
        "Für diese Seite gibt es jetzt keinen Strom: zu viele sind offen, oder ihr Filter ist nicht lesbar.";
    paging: "Older and newer requests" | "Ältere und neuere Anfragen";
    rows_up_to(count, time): "{count} up to {time}" | "{count} bis {time}";
    older: "Older" | "Ältere";
    newer: "Newer" | "Neuere";
    latest: "Latest" | "Neueste";
    no_requests_yet: "No requests yet." | "Noch keine Anfragen.";
    no_request_matches: "No request matches." | "Keine Anfrage passt zum Filter.";
    one_request_matches: "One request matches." | "Eine Anfrage passt zum Filter.";
    requests_match(count): "{count} requests match." | "{count} Anfragen passen zum Filter.";
    more_requests_match(count): "{count} requests match, and older ones." |
        "{count} Anfragen passen zum Filter, und ältere.";
    last_was_served: "The last request was served." | "Die letzte Anfrage wurde bedient.";
    last_failed: "The last request failed." | "Die letzte Anfrage ist fehlgeschlagen.";
    all_were_served(count): "All of the last {count} requests were served." |
        "Alle der letzten {count} Anfragen wurden bedient.";
    none_failed_some_left(count, left): "None of the last {count} requests failed; clients left {left} early." |
        "Keine der letzten {count} Anfragen ist fehlgeschlagen; {left} haben Clients abgebrochen.";
    all_failed(count): "All of the last {count} requests failed." |
        "Alle der letzten {count} Anfragen sind fehlgeschlagen.";
    some_failed(failed, count): "{failed} of the last {count} requests failed." |
        "{failed} der letzten {count} Anfragen sind fehlgeschlagen.";
}
