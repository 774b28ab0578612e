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
    recording_has_stopped: "Recording has stopped" | "Es wird nichts mehr aufgezeichnet";
    records_are_unreadable: "The records cannot be read." | "Die Aufzeichnungen sind nicht lesbar.";
    times_are_in(zone): "Times are in {zone}" | "Zeiten in {zone}";
    records_take(size, limit): "Records: {size} of {limit}" | "Aufzeichnungen: {size} von {limit}";
    records_since(date): "since {date}" | "seit {date}";
    not_recorded(count): "{count} not recorded" | "{count} nicht aufgezeichnet";
    keys_of_the_page: "filter, rows, help" | "filtern, Zeilen, Hilfe";
    keys_title: "Keys" | "Tasten";
    key_filters: "to the filter" | "zum Filter";
    key_next_row: "next row" | "nächste Zeile";
    key_previous_row: "previous row" | "vorige Zeile";
    key_help: "these keys" | "diese Tasten";
    close: "Close" | "Schließen";
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
    nothing_to_serve_with: "Nothing to serve with yet." | "Noch kein Konto verfügbar.";
    serving: "Serving." | "In Betrieb.";
    serving_one_needs_you: "Serving. One account needs you." |
        "In Betrieb. Bei einem Konto ist ein Eingriff nötig.";
    serving_some_need_you(count): "Serving. {count} accounts need you." |
        "In Betrieb. Bei {count} Konten ist ein Eingriff nötig.";
    serving_network: "Serving your local network." | "In Betrieb, auch für das lokale Netz.";
    serving_slowly(provider, time): "Serving slowly: all of {provider} rests until {time}." |
        "Eingeschränkt in Betrieb: alle Konten von {provider} pausieren bis {time}.";
    serving_partly(count, total): "Serving with {count} of {total} accounts." |
        "In Betrieb mit {count} von {total} Konten.";
    no_account_until(time): "No account can serve until {time}." |
        "Bis {time} ist kein Konto verfügbar.";
    no_account_can_serve: "No account can serve." | "Kein Konto ist verfügbar.";
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

    // What keeps something from working.
    until(what, time): "{what} until {time}" | "{what} bis {time}";

    // Dashboard.
    start_serving: "Start serving" | "Starten";
    stop_serving: "Stop serving" | "Stoppen";
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
    tokens_today: "Tokens today" | "Token heute";
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
    step_client: "3. Point a program here" | "3. Ein Programm verbinden";
    step_first_request: "4. The first request" | "4. Die erste Anfrage";
    try_is_offline: "Sends one request to the built-in demo, the way any program would. No account is needed, and nothing leaves this computer." |
        "Sendet eine Anfrage an die eingebaute Demo, so wie es jedes Programm täte. Ein Konto ist nicht nötig, und nichts verlässt diesen Rechner.";
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
    note_model(demo, address): "The model {demo} answers offline. Write the name of a model of yours instead, or {address}." |
        "Das Modell {demo} antwortet offline. Stattdessen ein eigenes Modell eintragen, oder {address}.";

    // Accounts.
    enable: "Switch on" | "Einschalten";
    disable: "Switch off" | "Ausschalten";
    provider: "Provider" | "Anbieter";
    name: "Name" | "Name";
    api_key: "API key" | "API-Schlüssel";
    add_an_account: "Add an account" | "Konto hinzufügen";
    enter_key: "New key" | "Neuer Schlüssel";
    account_state: "State" | "Zustand";
    account_limits: "Limits" | "Limits";
    order_of_use: "Order" | "Reihenfolge";
    cache_24_h: "Cache, 24 h" | "Cache, 24 h";
    used_by_it_today: "Requests · tokens today" | "Anfragen · Token heute";
    used_nothing: "nothing" | "nichts";
    one_request_and_tokens(tokens): "1 request, {tokens} tokens" | "1 Anfrage, {tokens} Token";
    requests_and_tokens(requests, tokens): "{requests} requests, {tokens} tokens" |
        "{requests} Anfragen, {tokens} Token";
    use_earlier(name): "Use {name} earlier" | "{name} früher verwenden";
    use_later(name): "Use {name} later" | "{name} später verwenden";
    figures_unknown(why): "The figures are unknown: {why}. Everything else works." |
        "Die Zahlen sind unbekannt: {why}. Alles andere funktioniert.";
    took_too_long: "this took too long; look at the agent's log, and try again" |
        "das hat zu lange gedauert; das Protokoll des Agenten ansehen und noch einmal versuchen";
    // How many can serve, and what the first of the others needs.
    no_accounts_yet: "No accounts yet." | "Noch keine Konten.";
    all_accounts_off: "All accounts are switched off." | "Alle Konten sind ausgeschaltet.";
    the_account_can_serve: "The account can serve." | "Das Konto ist verfügbar.";
    the_account_cannot_serve: "The account cannot serve." | "Das Konto ist nicht verfügbar.";
    both_accounts_can_serve: "Both accounts can serve." | "Beide Konten sind verfügbar.";
    neither_account_can_serve: "Neither account can serve." | "Keines der beiden Konten ist verfügbar.";
    none_of_accounts_can_serve(count): "None of {count} accounts can serve." |
        "Keines der {count} Konten ist verfügbar.";
    all_accounts_can_serve(count): "All {count} accounts can serve." |
        "Alle {count} Konten sind verfügbar.";
    some_accounts_can_serve(able, count): "{able} of {count} accounts can serve." |
        "{able} von {count} Konten sind verfügbar.";
    others_need_you(count): "And {count} more." | "Und {count} weitere.";
    account_can_serve(name): "{name} can serve." | "{name} ist verfügbar.";
    account_cannot_serve(name): "{name} cannot serve." | "{name} ist nicht verfügbar.";
    account_is_off(name): "{name} is switched off." | "{name} ist ausgeschaltet.";
    account_rests_until(name, time): "{name} rests until {time}." | "{name} pausiert bis {time}.";
    // States, a word each.
    lamp_ready: "ready" | "bereit";
    lamp_busy: "busy" | "ausgelastet";
    lamp_refreshing: "refreshing" | "erneuert Zugang";
    lamp_rests: "rests" | "pausiert";
    lamp_rests_partly: "rests in part" | "pausiert teilweise";
    lamp_needs_you: "needs you" | "Eingriff nötig";
    lamp_off: "off" | "aus";
    // Why an account does not serve.
    pauses_until(time, cause): "rests until {time}: {cause}" | "pausiert bis {time}: {cause}";
    pauses_for_models(time, models, cause): "rests until {time} for {models}: {cause}" |
        "pausiert bis {time} für {models}: {cause}";
    budget_is_spent_until(budget, time): "your budget of {budget} is spent until {time}" |
        "Ihr Budget von {budget} ist bis {time} verbraucht";
    quota_is_spent_until(time): "the provider's limit is used up until {time}" |
        "das Limit des Anbieters ist bis {time} aufgebraucht";
    unreachable_next_try(time): "the provider cannot be reached; next try {time}" |
        "der Anbieter ist nicht erreichbar; nächster Versuch {time}";
    expired_at(time): "expired {time}" | "abgelaufen {time}";
    // Limits.
    limits_unknown: "limits unknown" | "Limits unbekannt";
    window_requests: "requests" | "Anfragen";
    window_tokens: "tokens" | "Token";
    window_input_tokens: "input tokens" | "Eingabe-Token";
    window_output_tokens: "output tokens" | "Ausgabe-Token";
    window_day: "day" | "Tag";
    window_hour: "hour" | "Stunde";
    window_minute: "minute" | "Minute";
    window_balance: "balance" | "Guthaben";
    window_percent_used(percent): "{percent} % used" | "{percent} % verbraucht";
    window_left(amount): "{amount} left" | "noch {amount}";
    window_left_of(left, limit): "{left} of {limit} left" | "noch {left} von {limit}";
    window_limit_known(limit): "{limit}, use unknown" | "{limit}, Verbrauch unbekannt";
    window_resets(time): "resets {time}" | "Neubeginn {time}";
    window_reset_since(time): "reset since ({time}), not read again" |
        "seither neu begonnen ({time}), nicht neu gelesen";
    gone_at_this_pace(time): "gone {time} at this pace" | "bei diesem Tempo leer um {time}";
    window_read_ago(age): "read {age} ago" | "vor {age} gelesen";
    window_just_read: "just read" | "gerade gelesen";
    window_is_stale(age): "out of date: read {age} ago" | "veraltet: vor {age} gelesen";
    of_the_window_gone(percent): "{percent} % of the window is gone" |
        "{percent} % des Zeitraums sind vorbei";
    budget_used(spent, limit): "{spent} of {limit} used" | "{spent} von {limit} verbraucht";
    your_budget(budget): "your budget {budget}" | "Ihr Budget {budget}";
    quota_awaits_proof: "The provider named no end: the next request shows whether there is quota again." |
        "Der Anbieter nannte kein Ende: Die nächste Anfrage zeigt, ob es wieder Kontingent gibt.";
    // Which account the next request would ask.
    its_next_request: "Next request" | "Nächste Anfrage";
    next_for_model: "Who would be asked next, for a model as its provider names it" |
        "Wer würde als Nächstes gefragt, für ein Modell, wie sein Anbieter es nennt";
    any_model_at_all: "any model" | "beliebiges Modell";
    show_it: "Show" | "Anzeigen";
    not_in_use: "Not asked: its provider is not active." |
        "Wird nicht gefragt: Der Anbieter ist nicht aktiv.";
    would_be_next: "Would be asked next." | "Würde als Nächstes gefragt.";
    behind_by_priority(first): "Could serve; {first} comes first by its order." |
        "Wäre verfügbar; {first} ist nach der Reihenfolge früher dran.";
    behind_as_it_failed(first): "Could serve, but failed lately; {first} comes first." |
        "Wäre verfügbar, schlug aber zuletzt fehl; {first} ist früher dran.";
    behind_as_used_up(first): "Is tried only if {first} fails: its provider said that nothing is left." |
        "Wird nur gefragt, wenn {first} ausfällt: Laut Anbieter ist nichts mehr übrig.";
    behind_as_nearly_used_up(first): "Could serve, but a limit is nearly used up; {first} comes first." |
        "Wäre verfügbar, aber ein Limit ist fast verbraucht; {first} ist früher dran.";
    behind_a_probe(first): "Could serve; {first} is tried again first." |
        "Wäre verfügbar; zuerst wird {first} wieder versucht.";
    behind_by_load(first): "Could serve; {first} has less to do." |
        "Wäre verfügbar; {first} hat weniger zu tun.";
    behind_by_turn(first): "Could serve; it is {first}'s turn." |
        "Wäre verfügbar; {first} ist an der Reihe.";
    behind_by_order(first): "Could serve; {first} is used up first." |
        "Wäre verfügbar; {first} wird zuerst aufgebraucht.";
    not_asked(why): "Not asked: {why}." | "Wird nicht gefragt: {why}.";
    not_asked_model: "Not asked: the model is not in its list." |
        "Wird nicht gefragt: Das Modell steht nicht in seiner Liste.";
    not_asked_off: "Not asked: it is switched off." | "Wird nicht gefragt: Es ist ausgeschaltet.";
    not_asked_busy(count): "Not asked now: {count} requests are in flight, and that is its limit." |
        "Wird gerade nicht gefragt: {count} Anfragen laufen, mehr sind nicht erlaubt.";
    not_asked_paced(time): "Not asked before {time}: its limit is nearly used up, so its requests are spaced out." |
        "Wird vor {time} nicht gefragt: Das Limit ist fast verbraucht, darum liegen Pausen zwischen den Anfragen.";
    not_asked_refreshing: "Not asked now: its access token is being refreshed." |
        "Wird gerade nicht gefragt: Das Zugriffstoken wird erneuert.";
    // All of one account.
    account_rests: "Rests" | "Pausen";
    end_rests: "End them" | "Pausen beenden";
    kept_conversations: "Conversations" | "Unterhaltungen";
    conversations_and_requests(kept, running): "{kept} keep to it, {running} requests in flight" |
        "{kept} bleiben bei ihm, {running} laufende Anfragen";
    account_today: "Today" | "Heute";
    its_last_failure: "Last failure" | "Letzter Fehler";
    its_failures: "All of 7 days" | "Alle aus 7 Tagen";
    account_credential: "Credential" | "Zugangsdaten";
    variable_source: "from the environment variable" | "aus der Umgebungsvariablen";
    needs_no_credential: "none needed" | "keine nötig";
    sealed_tokens: "a sign-in, sealed in the vault" | "eine Anmeldung, versiegelt im Tresor";
    sealed_key: "a key, sealed in the vault" | "ein Schlüssel, versiegelt im Tresor";
    token_until(time): "access token until {time}" | "Zugriffstoken bis {time}";
    test_account: "Test" | "Prüfen";
    remove_it: "Remove" | "Entfernen";
    models_listed(count): "It lists {count} models" | "{count} Modelle im Angebot";
    vault_help: "The vault opens with the system's keyring, with a key file that AEROSTAT_VAULT_KEY_FILE names, or with a passphrase. A passphrase is asked for in the terminal where the agent was started, never on a page. What the accounts wait for is said by" |
        "Der Tresor öffnet sich mit dem Schlüsselbund des Systems, mit einer Schlüsseldatei, die AEROSTAT_VAULT_KEY_FILE nennt, oder mit einer Passphrase. Nach der Passphrase wird im Terminal gefragt, in dem der Agent gestartet wurde, nie auf einer Seite. Worauf die Konten warten, sagt";
    provider_is_off(provider): "The provider {provider} is switched off. This switches it on:" |
        "Der Anbieter {provider} ist ausgeschaltet. So wird er eingeschaltet:";
    provider_is_gone(provider): "The configuration has no provider {provider} any more: add it again, or remove the account." |
        "In der Konfiguration gibt es keinen Anbieter {provider} mehr: wieder eintragen oder das Konto entfernen.";
    key_is_in_variable(variable): "The key comes from the environment variable {variable}: set it there and start the agent again." |
        "Der Schlüssel kommt aus der Umgebungsvariablen {variable}: dort setzen und den Agenten neu starten.";
    address_changed(before, now): "The credential was entered for {before}; the configuration now says {now}. It is sent there only once you say so." |
        "Die Zugangsdaten wurden für {before} eingegeben; die Konfiguration nennt jetzt {now}. Dorthin werden sie erst gesendet, wenn Sie zustimmen.";
    address_is_right: "The new address is right" | "Die neue Adresse stimmt";
    save_and_test: "Save and test" | "Speichern und prüfen";
    sign_in_with_browser: "Sign in with the browser" | "Mit dem Browser anmelden";
    other_ways: "Other ways" | "Andere Wege";
    remove_this_account: "Remove this account…" | "Dieses Konto entfernen …";
    remove_account(name): "Remove {name}" | "{name} entfernen";
    remove_account_for_good(name): "Remove {name}, and forget its credential" |
        "{name} entfernen und seine Zugangsdaten löschen";
    removing_means: "Its credential is deleted here, not at the provider. Conversations that keep to it go to another account." |
        "Die Zugangsdaten werden hier gelöscht, nicht beim Anbieter. Unterhaltungen, die bei ihm blieben, gehen zu einem anderen Konto.";
    and_its_figures: "And what becomes of its figures?" | "Und was wird aus den Zahlen?";
    keep_its_figures: "They stay in the statistics and the log" |
        "Sie bleiben in der Statistik und im Protokoll";
    forget_its_figures: "They are deleted too: its requests and their sums" |
        "Sie werden mitgelöscht: seine Anfragen und deren Summen";
    say_that_you_are_sure: "Tick the box to remove it" | "Zum Entfernen das Kästchen ankreuzen";
    account_is_gone: "This account is no longer there" | "Dieses Konto gibt es nicht mehr";
    // Its settings.
    save_settings: "Save" | "Speichern";
    set_priority: "Priority" | "Priorität";
    set_priority_hint: "Lower ones are used first; accounts with the same number share their requests. 100 by default." |
        "Kleinere zuerst; Konten mit derselben Zahl teilen sich die Anfragen. Voreinstellung 100.";
    expected_a_number(typed): "Expected a number such as 100, found {typed}" |
        "Erwartet wird eine Zahl wie 100, nicht {typed}";
    set_concurrency: "Requests at a time" | "Anfragen gleichzeitig";
    concurrency_hint: "From 1 on; empty: no limit." | "Ab 1; leer: keine Grenze.";
    set_models: "Models" | "Modelle";
    models_hint: "Names as the provider has them, with commas between them, also with *; empty: all." |
        "Namen wie beim Anbieter, durch Kommas getrennt, auch mit *; leer: alle.";
    set_proxy: "Proxy" | "Proxy";
    proxy_hint: "A URL without a password, such as http://127.0.0.1:3128; empty: none of its own." |
        "Eine URL ohne Passwort, etwa http://127.0.0.1:3128; leer: kein eigener.";
    set_last_day: "Last day" | "Letzter Tag";
    expires_hint: "The last day on which it serves, such as 2027-01-31; empty: no end." |
        "Der letzte Tag, an dem es antwortet, etwa 2027-01-31; leer: kein Ende.";
    set_budgets: "Your budgets" | "Eigene Budgets";
    budgets_hint: "One a line, such as 500000 tokens/day Europe/Berlin or 1000 requests/month; empty: none." |
        "Je Zeile eines, etwa 500000 tokens/day Europe/Berlin oder 1000 requests/month; leer: keines.";
    // Adding one.
    choose_one: "Choose" | "Auswählen";
    choose_provider: "Continue" | "Weiter";
    in_your_configuration: "In your configuration" | "In Ihrer Konfiguration";
    known_providers: "Known providers" | "Bekannte Anbieter";
    demo_needs_none: "demo is built in and needs no account: its models are demo/openai_chat, demo/anthropic and so on. A server of your own is a provider once the configuration names it." |
        "demo ist eingebaut und braucht kein Konto: Die Modelle heißen demo/openai_chat, demo/anthropic und so weiter. Ein eigener Server ist ein Anbieter, sobald die Konfiguration ihn nennt.";
    wants_configuration: "needs its address first" | "braucht zuerst seine Adresse";
    wants_sign_in: "sign-in (OAuth)" | "Anmeldung (OAuth)";
    wants_nothing: "needs nothing" | "braucht nichts";
    wants_no_key(provider): "{provider} wants no key." | "{provider} verlangt keinen Schlüssel.";
    key_is_tested: "It is tested at the provider, then sealed in the vault. It is not shown again." |
        "Er wird beim Anbieter geprüft und dann im Tresor versiegelt. Er wird nicht wieder angezeigt.";
    or_variable: "Or the environment variable that holds it" |
        "Oder die Umgebungsvariable, die ihn enthält";
    variable_hint: "The agent reads it when it starts, and stores nothing." |
        "Der Agent liest sie beim Start und speichert nichts.";
    refresh_token: "Refresh token" | "Refresh-Token";
    client_secret: "Client secret" | "Client-Secret";
    client_secret_hint: "Only where your own OAuth client has one." |
        "Nur, wenn Ihr eigener OAuth-Client eines hat.";
    service_account: "Or a service account's JSON file" |
        "Oder die JSON-Datei eines Dienstkontos";
    service_account_hint: "The whole text of the file." | "Der ganze Text der Datei.";
    if_it_is_refused: "If it is refused" | "Falls abgelehnt wird";
    keep_refused: "Store it although the provider refuses it" |
        "Speichern, obwohl der Anbieter ablehnt";
    store_in_plain_text: "Store it in plain text where nothing can seal it: every program that reads your files can read it" |
        "Im Klartext speichern, wenn nichts versiegeln kann: Jedes Programm, das Ihre Dateien liest, kann es lesen";
    name_hint: "Letters, digits and . _ @ + -; empty: the provider's name." |
        "Buchstaben, Ziffern und . _ @ + -; leer: der Name des Anbieters.";
    key_comes_from: "Where its key comes from:" | "Woher der Schlüssel kommt:";
    add_and_test: "Add and test" | "Hinzufügen und prüfen";
    no_client(provider): "A sign-in with the browser needs your own OAuth client: set client_id in [providers.{provider}.oauth]." |
        "Für eine Anmeldung mit dem Browser ist ein eigener OAuth-Client nötig: client_id in [providers.{provider}.oauth] setzen.";
    provider_needs(provider): "{provider} cannot be called yet:" |
        "{provider} kann noch nicht aufgerufen werden:";
    configured_without_account: "Configured, without an account:" | "Konfiguriert, ohne Konto:";
    move_accounts: "To another machine" | "Auf einen anderen Rechner";
    export_hint: "Accounts are exported into a file that a passphrase seals, in the terminal:" |
        "Konten werden im Terminal in eine Datei exportiert, die eine Passphrase versiegelt:";
    import_hint: "And imported from it; without --yes it only says what would change:" |
        "Und daraus importiert; ohne --yes wird nur gesagt, was sich ändern würde:";
    // A sign-in with the browser.
    sign_in_waits(provider): "A sign-in at {provider} waits for you." |
        "Eine Anmeldung bei {provider} wartet auf Sie.";
    sign_in_steps: "Open the provider's page and sign in there. This page goes on by itself." |
        "Die Seite des Anbieters öffnen und sich dort anmelden. Diese Seite macht von selbst weiter.";
    open_sign_in_of(provider): "Open the sign-in of {provider}" | "Anmeldung bei {provider} öffnen";
    waits_for_sign_in: "waiting" | "wartet";
    sign_in_ends_at(time): "It ends by itself at {time}." | "Sie endet von selbst um {time}.";
    sign_in_is_over: "This sign-in is over." | "Diese Anmeldung ist vorbei.";
    sign_in_failed: "The sign-in did not succeed." | "Die Anmeldung ist nicht gelungen.";
    signed_in_as(name): "{name} is signed in." | "{name} ist angemeldet.";
    signed_in_untested(name): "{name} is stored, but could not be tested." |
        "{name} ist gespeichert, konnte aber nicht geprüft werden.";
    go_to_account(name): "To {name}" | "Zu {name}";
    go_on_to_sign_in: "Go on" | "Weiter";
    cancel_sign_in: "Cancel" | "Abbrechen";
    // A change of config.toml, on several pages.
    nothing_is_written_yet: "Nothing is changed yet." | "Noch ist nichts geändert.";
    changed_meanwhile: "config.toml was changed elsewhere meanwhile. Nothing was written: this is the difference to the file as it is now." |
        "config.toml wurde inzwischen anderswo geändert. Nichts wurde geschrieben: Dies ist der Unterschied zur jetzigen Datei.";
    auth_is_kept: "config.toml was gone or empty; the authentication that is in force is written with the change." |
        "config.toml fehlte oder war leer; die geltende Authentifizierung wird mit der Änderung hineingeschrieben.";
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
    // A request.
    no_record_of_it: "There is no record of this request." | "Zu dieser Anfrage gibt es keine Aufzeichnung.";
    records_are_kept(days, failed_days): "An answer's x-aerostat-request-id names its record. Served requests are kept for {days} days, failed ones for {failed_days}, as long as the file has room." |
        "Der Header x-aerostat-request-id einer Antwort nennt ihre Aufzeichnung. Beantwortete Anfragen bleiben {days} Tage erhalten, fehlgeschlagene {failed_days}, solange die Datei Platz hat.";
    see_all_requests: "All requests" | "Alle Anfragen";
    served_in(time): "Served in {time}." | "Beantwortet in {time}.";
    client_left_after(time): "The client left after {time}." | "Der Client hat nach {time} abgebrochen.";
    refused_because(why): "Refused. {why}" | "Abgelehnt. {why}";
    failed_after(time, why): "Failed after {time}. {why}" | "Fehlgeschlagen nach {time}. {why}";
    copy_id: "Copy id" | "ID kopieren";
    client_was_told(words): "The client was told: “{words}”" | "Der Client erhielt: „{words}“";
    fault_of_client: "the client's fault" | "Ursache beim Client";
    fault_of_gateway: "Aerostat's fault" | "Ursache bei Aerostat";
    fault_of_account: "the account's limit or credential" | "Ursache beim Konto";
    fault_of_provider: "the provider's fault" | "Ursache beim Anbieter";
    way_to_account: "From the name to the account" | "Vom Namen zum Konto";
    resolved: "Resolved" | "Aufgelöst";
    candidates: "Candidates" | "Kandidaten";
    accounts_not_asked: "Not asked" | "Nicht gefragt";
    carried_over: "Carried over" | "Übertragen";
    dropped: "Dropped" | "Weggelassen";
    adjusted: "Adjusted" | "Angepasst";
    added: "Added" | "Ergänzt";
    details: "Details" | "Einzelheiten";
    request_id: "Request id" | "Anfrage-ID";
    operation: "Operation" | "Operation";
    streamed: "as a stream" | "als Stream";
    finish_reason: "Finish reason" | "Grund des Endes";
    bytes_in_and_out: "Bytes in and out" | "Bytes ein und aus";
    all_of_it: "all requests of it" | "alle Anfragen darin";
    turn_of(position, count): "{position} of {count}" | "{position} von {count}";
    previous: "‹ previous" | "‹ vorige";
    next: "next ›" | "nächste ›";
    account_changed_here: "the account changed here" | "hier wechselte das Konto";
    attempts_over_time: "Attempts since the request arrived" | "Versuche seit dem Eingang der Anfrage";
    attempts: "Attempts" | "Versuche";
    waited_for_account: "waited for the account" | "auf das Konto gewartet";
    waited_for_answer: "waited for the answer" | "auf die Antwort gewartet";
    answer_came: "the answer came" | "die Antwort kam";
    attempt_failed: "failed" | "fehlgeschlagen";
    waited: "Waited" | "Gewartet";
    outcome: "Outcome" | "Ergebnis";
    what_followed: "Then" | "Danach";
    upstream_id: "Upstream's id" | "ID des Anbieters";
    until_moment(time): "until {time}" | "bis {time}";
    outcome_served: "served" | "beantwortet";
    outcome_throttled: "at a limit" | "am Limit";
    outcome_quota_spent: "quota spent" | "Kontingent verbraucht";
    outcome_unauthorized: "credential refused" | "Zugangsdaten abgelehnt";
    outcome_forbidden: "not allowed" | "nicht erlaubt";
    outcome_intercepted: "something in front answered" | "etwas davor hat geantwortet";
    outcome_overloaded: "overloaded" | "überlastet";
    outcome_rejected: "request rejected" | "Anfrage zurückgewiesen";
    outcome_unreachable: "not reached" | "nicht erreicht";
    outcome_timed_out: "no answer in time" | "keine Antwort in der Zeit";
    outcome_cancelled: "the client left" | "vom Client abgebrochen";
    outcome_unread: "the client did not read" | "vom Client nicht gelesen";
    outcome_failed: "failed" | "fehlgeschlagen";
    outcome_malformed: "unreadable answer" | "Antwort nicht lesbar";
    tokens_and_cost: "Tokens and cost" | "Token und Kosten";
    new_tokens(count): "{count} new" | "{count} neu";
    tokens_from_cache(count): "{count} from cache" | "{count} aus dem Cache";
    tokens_to_cache(count): "{count} written to the cache" | "{count} in den Cache geschrieben";
    price: "Price" | "Preis";
    service_tier: "Service tier" | "Servicestufe";
    price_of_list(date): "list of {date}" | "Liste vom {date}";
    price_of_ones_own: "your prices.toml" | "Ihre prices.toml";
    price_was_charged: "charged by the provider" | "vom Anbieter berechnet";
    price_is_free: "a server of your own" | "ein eigener Server";
    price_from(date): "from {date} on" | "ab {date}";
    price_above(count): "above {count} tokens of input" | "über {count} Token Eingabe";

    as_curl: "As a curl command" | "Als curl-Befehl";
    copy_as_curl: "Copy as curl" | "Als curl kopieren";
    send_again: "Send again" | "Noch einmal senden";
    sends_again_effect: "The provider gets the same request once more, and it counts and costs like any other." |
        "Der Anbieter erhält dieselbe Anfrage noch einmal; sie zählt und kostet wie jede andere.";
    first_one_cost(cost): "The first one's cost: {cost}." | "Kosten der ersten: {cost}.";
    repeats: "Sends again" | "Wiederholt";
    then_returned: "the error went to the client" | "der Fehler ging an den Client";
    then_refreshed: "the access token was refreshed" | "das Zugriffstoken wurde erneuert";
    then_without_reasoning: "sent again without earlier reasoning" | "ohne früheres Reasoning erneut gesendet";
    then_other_account: "another account was next" | "ein anderes Konto war an der Reihe";
    then_none_left: "no other account was left to ask" | "kein anderes Konto war mehr übrig";
    then_other_candidate: "the next candidate was next" | "der nächste Kandidat war an der Reihe";
    then_not_repeated: "it was not sent again, since a second try might do it twice" |
        "sie wurde nicht noch einmal gesendet, denn ein zweiter Versuch könnte sie doppelt ausführen";
    then_body_gone: "it was not sent again, since its body had passed and is kept nowhere" |
        "sie wurde nicht noch einmal gesendet, denn ihr Inhalt war schon durchgereicht und ist nirgends aufbewahrt";
    then_limited(next): "{next}, since a limit allowed no more" | "{next}, denn ein Limit ließ nicht mehr zu";
    bodies: "Bodies" | "Inhalte";
    bodies_are_not_kept: "Bodies are not kept." | "Zu dieser Anfrage sind keine Inhalte gespeichert.";
    bodies_are_kept_now(mode): "Those of later requests are kept now ({mode})" |
        "Die Inhalte neuer Anfragen werden derzeit gespeichert ({mode})";
    for_more_failures(count): "for {count} more failures" | "für {count} weitere Fehler";
    keep_for_minutes(count): "Keep for the next {count} minutes" | "Für die nächsten {count} Minuten speichern";
    keep_next_failures(count): "Keep the next {count} failures" | "Die nächsten {count} Fehler speichern";
    keep_always: "Keep always" | "Immer speichern";
    keep_as_configured: "Keep as configured" | "Nach Konfiguration speichern";
    keep_all_effect: "Prompts and answers of all requests are stored, without credentials; then it ends by itself." |
        "Prompts und Antworten aller Anfragen werden ohne Zugangsdaten gespeichert; danach endet es von selbst.";
    keep_failures_effect: "Prompts and answers of requests that fail are stored, without credentials; then it ends by itself." |
        "Prompts und Antworten fehlgeschlagener Anfragen werden ohne Zugangsdaten gespeichert; danach endet es von selbst.";
    keep_always_effect: "Prompts and answers of all requests are stored until you take it back." |
        "Prompts und Antworten aller Anfragen werden gespeichert, bis Sie es zurücknehmen.";
    keep_as_configured_effect: "config.toml holds again; what is stored stays until its days are over." |
        "Es gilt wieder config.toml; Gespeichertes bleibt, bis seine Frist abläuft.";
    client_sent: "client sent" | "vom Client gesendet";
    went_upstream: "went upstream" | "an den Anbieter gesendet";
    came_back: "came back" | "vom Anbieter erhalten";
    client_got: "client got" | "an den Client gesendet";
    attempt_number(number): "attempt {number}" | "Versuch {number}";
    same_bytes: "The same bytes." | "Dieselben Bytes.";
    same_but_model: "The same bytes but the model's name." | "Dieselben Bytes bis auf den Namen des Modells.";
    same_values: "Other bytes that say the same." | "Andere Bytes mit demselben Inhalt.";
    differs: "They differ:" | "Unterschiede:";
    joined_same_values: "Joined from their events, they say the same." |
        "Aus ihren Ereignissen zusammengesetzt: derselbe Inhalt.";
    joined_differ: "Joined from their events, they differ:" |
        "Aus ihren Ereignissen zusammengesetzt, Unterschiede:";
    cannot_be_compared: "They are not compared: one is cut, a stream that broke off, or no JSON." |
        "Nicht verglichen: gekürzt, ein abgebrochener Stream oder kein JSON.";
    path: "Path" | "Pfad";
    before_change: "Before" | "Vorher";
    after_change: "After" | "Nachher";
    explained_by: "Explained by" | "Erklärung";
    explained_by_model: "the model's name" | "Name des Modells";
    explained_by_dialect: "the other dialect's form" | "Form des anderen Dialekts";
    explained_by_nothing: "nothing: this is a bug" | "keine: das ist ein Fehler in Aerostat";
    body_is_cut: "cut" | "gekürzt";
    secrets_taken_out(count): "{count} secrets taken out" | "{count} Geheimnisse entfernt";
    bytes_not_kept(count): "{count} bytes, not kept" | "{count} Bytes, nicht gespeichert";
    is_no_text(size): "{size} that are no text" | "{size}, kein Text";

    // Monitoring.
    filter: "Filter" | "Filtern";
    filter_nothing: "Show all" | "Alle zeigen";
    any: "any" | "alle";
    no_name: "none" | "keine";
    ending: "State" | "Status";
    ending_done: "served" | "beantwortet";
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
    tokens_so_far: "tokens so far" | "Token bis zum Abbruch";
    expected_a_time: "Write 24h, 7d, today, 2026-11-29 or 2026-11-29T14:00:00Z." |
        "Möglich sind 24h, 7d, today, 2026-11-29 oder 2026-11-29T14:00:00Z.";
    show_without: "Show without it" | "Ohne diesen Filter zeigen";
    show_them: "Show them" | "Anzeigen";
    without_part(part, value, count): "Without {part} “{value}” there are {count}." |
        "Ohne {part} „{value}“ gibt es {count}.";
    no_part_excludes: "No single part of the filter excludes them: leave out several." |
        "Kein einzelner Filter ist der Grund: mehrere weglassen.";
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
        "Diese Seite wird zurzeit nicht live aktualisiert: Zu viele Seiten sind offen, oder ihr Filter ist nicht lesbar.";
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
    last_was_served: "The last request was served." | "Die letzte Anfrage wurde beantwortet.";
    last_failed: "The last request failed." | "Die letzte Anfrage ist fehlgeschlagen.";
    all_were_served(count): "All of the last {count} requests were served." |
        "Die letzten {count} Anfragen wurden alle beantwortet.";
    none_failed_some_left(count, left): "None of the last {count} requests failed; clients left {left} early." |
        "Keine der letzten {count} Anfragen ist fehlgeschlagen; {left} haben Clients abgebrochen.";
    all_failed(count): "All of the last {count} requests failed." |
        "Die letzten {count} Anfragen sind alle fehlgeschlagen.";
    some_failed(failed, count): "{failed} of the last {count} requests failed." |
        "{failed} der letzten {count} Anfragen sind fehlgeschlagen.";

    // API proxy.
    open_to_programs: "Programs on this computer, without a key." |
        "Offen für Programme auf diesem Rechner, ohne Schlüssel.";
    open_to_programs_with_key: "Programs on this computer, with a key." |
        "Offen für Programme auf diesem Rechner, mit Schlüssel.";
    open_to_users: "Programs of every user of this computer, without a key." |
        "Offen für Programme aller Benutzer dieses Rechners, ohne Schlüssel.";
    open_to_users_with_key: "Programs of every user of this computer, with a key." |
        "Offen für Programme aller Benutzer dieses Rechners, mit Schlüssel.";
    open_to_network: "Programs on this computer and in your local network, with a key." |
        "Offen für Programme auf diesem Rechner und im lokalen Netz, mit Schlüssel.";
    what_is_open: "What is open to whom" | "Was für wen offen ist";
    the_port: "Port" | "Port";
    the_key: "Key" | "Schlüssel";
    no_key_is_asked: "none is asked for" | "wird nicht verlangt";
    key_is_asked: "asked for" | "wird verlangt";
    key_is_asked_except_health: "asked for, except of health checks" | "wird verlangt, außer bei Zustandsabfragen";
    local_network: "Local network" | "Lokales Netz";
    network_can_call: "can call, with a key" | "hat Zugang, mit Schlüssel";
    network_cannot_call: "cannot call" | "hat keinen Zugang";
    network_is_refused: "cannot call: allow_lan_access is on, but no key is asked for" |
        "hat keinen Zugang: allow_lan_access ist an, aber es wird kein Schlüssel verlangt";
    other_users: "Other users of this computer" | "Andere Benutzer dieses Rechners";
    are_served: "are served" | "haben Zugang";
    are_refused: "are refused, where the system tells who calls" |
        "haben keinen Zugang, sofern das System den Aufrufer nennt";
    host_names: "Host names" | "Hostnamen";
    only_loopback: "only this computer's own" | "nur die dieses Rechners";
    web_pages: "Web pages" | "Webseiten";
    only_local_pages: "only pages and editors of this computer" | "nur Seiten und Editoren dieses Rechners";
    change_this: "Change this" | "Ändern";
    show_the_change: "Show what changes" | "Änderung zeigen";
    ask_for_a_key: "Ask for a key" | "Schlüssel verlangen";
    ask_for_a_key_hint: "auth_mode: programs send the local key or one of those below." |
        "auth_mode: Programme senden den lokalen Schlüssel oder einen der unten genannten.";
    mode_off: "never" | "nie";
    mode_auto: "when the local network can call" | "wenn das lokale Netz Zugang hat";
    mode_all_except_health: "always, except of health checks" | "immer, außer bei Zustandsabfragen";
    mode_strict: "always" | "immer";
    serve_the_network: "Serve the local network" | "Dem lokalen Netz Zugang geben";
    serve_the_network_hint: "allow_lan_access: other machines can call too, and a key is then needed." |
        "allow_lan_access: Auch andere Rechner haben dann Zugang, und es braucht einen Schlüssel.";
    serve_other_users: "Serve other users of this computer" | "Anderen Benutzern dieses Rechners Zugang geben";
    serve_other_users_hint: "allow_other_users: on Linux, where the system tells who calls, only your own programs are served without it." |
        "allow_other_users: Unter Linux, wo das System den Aufrufer nennt, haben sonst nur Ihre eigenen Programme Zugang.";
    port_hint: "port: programs have to be pointed at a new one." |
        "port: Programme müssen auf einen neuen Port umgestellt werden.";
    host_names_hint: "allowed_hosts: other names by which programs call this computer, with commas between them." |
        "allowed_hosts: weitere Namen, unter denen Programme diesen Rechner ansprechen, durch Kommas getrennt.";
    web_pages_hint: "cors_origins: pages that may call from a browser, such as https://chat.example, with commas between them." |
        "cors_origins: Seiten, die aus einem Browser zugreifen dürfen, etwa https://chat.example, durch Kommas getrennt.";
    add_a_rule: "Add a rule" | "Regel hinzufügen";
    rule_name_hint: "One * stands for any characters: claude-*" |
        "Ein * steht für beliebige Zeichen: claude-*";
    rule_targets: "Becomes, in this order" | "Wird zu, in dieser Reihenfolge";
    rule_targets_hint: "provider/model, several with commas between them. A * takes what the name's * stands for." |
        "anbieter/modell, mehrere durch Kommas getrennt. Ein * übernimmt, wofür das * im Namen steht.";
    rule_earlier(name): "Move the rule {name} up" | "Regel {name} nach oben verschieben";
    rule_later(name): "Move the rule {name} down" | "Regel {name} nach unten verschieben";
    remove_rule(name): "Remove the rule {name}" | "Regel {name} entfernen";
    remove: "Remove" | "Entfernen";
    keys: "Keys" | "Schlüssel";
    local_key_is_there: "The local key has no limits and belongs to this home. It is printed by:" |
        "Der lokale Schlüssel hat keine Grenzen und gehört zu diesem Verzeichnis. Ihn gibt aus:";
    made: "Made" | "Erstellt";
    used_last: "Used last" | "Zuletzt benutzt";
    limits: "Limits" | "Grenzen";
    refused_today: "Refused today" | "Heute abgelehnt";
    change: "Change" | "Ändern";
    never: "never" | "nie";
    is_expired: "expired" | "abgelaufen";
    create_a_key: "Create a key" | "Schlüssel erstellen";
    create: "Create" | "Erstellen";
    key_name_hint: "Letters, digits and . _ @ + - as in ci or notebook" |
        "Buchstaben, Ziffern und . _ @ + - wie in ci oder notebook";
    limits_of(name): "Limits of {name}" | "Grenzen von {name}";
    save_limits: "Save the limits" | "Grenzen speichern";
    revoke_the_key: "Revoke the key" | "Schlüssel widerrufen";
    revoking_means: "It opens nothing from then on, and cannot be brought back. Its figures stay." |
        "Er öffnet dann nichts mehr und lässt sich nicht zurückholen. Seine Zahlen bleiben.";
    revoke_it(name): "Revoke {name}" | "{name} widerrufen";
    key_is_made(name): "Key {name} is made." | "Schlüssel {name} ist erstellt.";
    shown_only_now: "This is the only time that it is shown." | "Er wird nur dieses eine Mal angezeigt.";
    only_models(models): "only {models}" | "nur {models}";
    expires_at(time): "expires {time}" | "läuft ab: {time}";
    no_limits: "none" | "keine";
    used_of(used, limit): "{used} of {limit}" | "{used} von {limit}";
    resets_at_in(time, zone): "resets {time} {zone}" | "neu ab {time} {zone}";
    without_a_price(count): "{count} requests without a price" | "{count} Anfragen ohne Preis";
    is_used_up: "used up" | "aufgebraucht";
    requests_a_minute(count): "{count} requests a minute" | "{count} Anfragen pro Minute";
    requests_a_day(count): "{count} requests a day" | "{count} Anfragen pro Tag";
    requests_a_month(count): "{count} requests a month" | "{count} Anfragen pro Monat";
    tokens_a_day(count): "{count} tokens a day" | "{count} Token pro Tag";
    tokens_a_month(count): "{count} tokens a month" | "{count} Token pro Monat";
    money_a_day(amount): "{amount} a day" | "{amount} pro Tag";
    money_a_month(amount): "{amount} a month" | "{amount} pro Monat";
    expires_on: "Expires" | "Läuft ab";
    expiry_hint: "The last day on which it opens the port; empty for never." |
        "Der letzte Tag, an dem er gilt; leer: nie.";
    models_of_key: "Models" | "Modelle";
    key_models_hint: "Names with commas between them, each with at most one *, such as claude-*; empty for all." |
        "Namen mit Kommas dazwischen, jeder mit höchstens einem *, etwa claude-*; leer: alle.";
    limits_hint: "Empty: no limit. Days and months end at local midnight." |
        "Leer: keine Grenze. Tage und Monate enden um Mitternacht Ortszeit.";
    requests_per_minute: "Requests a minute" | "Anfragen pro Minute";
    requests_per_day: "Requests a day" | "Anfragen pro Tag";
    requests_per_month: "Requests a month" | "Anfragen pro Monat";
    tokens_per_day: "Tokens a day" | "Token pro Tag";
    tokens_per_month: "Tokens a month" | "Token pro Monat";
    dollars_per_day: "Dollars a day" | "Dollar pro Tag";
    dollars_per_month: "Dollars a month" | "Dollar pro Monat";
    what_a_name_becomes: "What a model's name becomes" | "Was aus einem Modellnamen wird";
    model_name: "Model name, as a program asks for it" | "Modellname, wie ein Programm ihn nennt";
    rules: "Rules" | "Regeln";
    no_rules: "There are no rules: a name goes to the provider that lists it, or that it names as provider/model." |
        "Es gibt keine Regeln: Ein Name geht an den Anbieter, der ihn führt oder den er als anbieter/modell nennt.";
    order_of_rules: "A rule without * comes first, then the address provider/model, then the rule with the most letters; among equals the upper one." |
        "Zuerst gilt eine Regel ohne *, dann die Adresse anbieter/modell, dann die Regel mit den meisten Buchstaben; unter gleichen die obere.";
    name_asked_for: "Name" | "Name";
    becomes: "Becomes" | "Wird zu";
    then: "then" | "dann";
    rule_matches(rule, name): "The rule {rule} matches {name}." | "Die Regel {rule} passt auf {name}.";
    rule_leads_nowhere(rule, name): "The rule {rule} matches {name}, but none of its providers can serve." |
        "Die Regel {rule} passt auf {name}, aber keiner ihrer Anbieter kann antworten.";
    name_is_address(name): "{name} names the provider itself." | "{name} nennt den Anbieter selbst.";
    name_is_demo(name): "{name} is the built-in demo." | "{name} ist die eingebaute Demo.";
    name_is_listed(name): "A provider lists {name}." | "Ein Anbieter führt {name}.";
    name_goes_to_only_provider(name): "{name} goes to the only provider that is switched on." |
        "{name} geht an den einzigen eingeschalteten Anbieter.";
    name_is_unknown(name): "No rule and no provider has {name}. Add a rule, or write provider/model." |
        "Keine Regel und kein Anbieter hat {name}. Eine Regel hinzufügen oder anbieter/modell schreiben.";
    name_is_unknown_nearest(name, nearest): "No rule and no provider has {name}. Similar: {nearest}." |
        "Keine Regel und kein Anbieter hat {name}. Ähnlich: {nearest}.";
    left_out_disabled(name, provider): "Left out: {name}, because {provider} is switched off." |
        "Ausgelassen: {name}, weil {provider} abgeschaltet ist.";
    left_out_missing(name, provider): "Left out: {name}, because there is no provider {provider}." |
        "Ausgelassen: {name}, weil es keinen Anbieter {provider} gibt.";
    model_at_provider: "Model" | "Modell";
    state: "State" | "Zustand";
    what_to_expect: "What to expect, by the program's dialect" | "Was zu erwarten ist, je nach Dialekt des Programms";
    price_of_million: "Price of a million tokens" | "Preis einer Million Token";
    account_would_serve: "would be asked next:" | "käme als Nächstes dran:";
    is_built_in: "built in" | "eingebaut";
    is_ready: "ready" | "bereit";
    needs_a_credential: "needs a key or a sign-in" | "braucht einen Schlüssel oder eine Anmeldung";
    has_no_account: "has no account" | "hat kein Konto";
    is_disabled: "switched off" | "abgeschaltet";
    is_not_configured: "not set up" | "nicht eingerichtet";
    accounts_ready(ready, total): "{ready} of {total} accounts ready" | "{ready} von {total} Konten bereit";
    passes_unchanged(dialects): "{dialects}: passes unchanged" | "{dialects}: geht unverändert durch";
    is_translated(from, into): "{from}: translated to {into}; what cannot be carried over is named in each answer" |
        "{from}: wird in {into} übersetzt; was nicht übertragbar ist, nennt jede Antwort";
    usual_losses: "What would be lost of the usual settings" |
        "Was von den üblichen Einstellungen verloren ginge";
    nothing_is_lost: "nothing" | "nichts";
    price_in_out(input, output): "{input} in, {output} out" | "{input} Eingabe, {output} Ausgabe";
    price_cached(amount): "{amount} from cache" | "{amount} aus dem Cache";
    price_is_own: "from prices.toml" | "aus prices.toml";
    price_is_listed(date): "list of {date}" | "Liste vom {date}";
    providers: "Providers" | "Anbieter";
    dialects: "Dialects" | "Dialekte";
    address: "Address" | "Adresse";
    models: "Models" | "Modelle";
    in_the_program: "in this program" | "in diesem Programm";
    show_models: "Models" | "Modelle";
    presets_can_be_added(count): "{count} more are known, and need only an account." |
        "{count} weitere sind bekannt und brauchen nur ein Konto.";
    models_of(name): "Models of {name}" | "Modelle von {name}";
    so_many_models(count): "{count} models; each leads to what its name becomes." |
        "{count} Modelle; jedes führt zu dem, was aus seinem Namen wird.";
    by_hand: "By hand" | "Von Hand";
    programs_here: "Programs on this computer" | "Programme auf diesem Rechner";
    clients_are_set_up: "Connected, they call this gateway. You see the change of their settings first, and it can be undone to the byte. On a command line:" |
        "Einmal verbunden, rufen sie dieses Gateway auf. Sie sehen vorher, was sich in ihren Einstellungen ändert, und es lässt sich bis aufs Byte zurücknehmen. Auf der Kommandozeile:";
    another_program: "Another program" | "Ein anderes Programm";
    program: "Program" | "Programm";
    how_it_stands: "State" | "Stand";
    connect_it: "Connect" | "Verbinden";
    connect_again: "Refresh" | "Aktualisieren";
    disconnect_it: "Disconnect" | "Trennen";
    client_not_found: "not found" | "nicht gefunden";
    client_not_connected: "not connected" | "nicht verbunden";
    client_connected: "connected" | "verbunden";
    client_edited(keys): "connected, and edited since: {keys}" | "verbunden, seither geändert: {keys}";
    client_overridden(by): "overridden by {by}" | "{by} hat Vorrang";
    client_elsewhere(url): "points to {url}" | "zeigt auf {url}";
    client_unreadable(why): "cannot be read: {why}" | "nicht lesbar: {why}";
    client_wants_variables(names): "its files are set up; it also needs {names} in your shell" |
        "seine Dateien sind eingerichtet; in Ihrer Shell braucht es noch {names}";
    client_by_hand: "set up by hand" | "von Hand einzurichten";
    client_impossible(why): "cannot be connected: {why}" | "kann nicht verbunden werden: {why}";
    port_is_of_another(owner): "Another program answers at that port and gets its requests: {owner}" |
        "An diesem Port antwortet ein anderes Programm und bekommt seine Anfragen: {owner}";
    new_file: "new" | "neu";
    removed_file: "removed" | "wird entfernt";
    make_the_change: "Make this change" | "Diese Änderung vornehmen";
    files_changed_meanwhile: "The files were changed elsewhere meanwhile. Nothing was written: this is the change as it is now." |
        "Die Dateien wurden inzwischen anderswo geändert. Nichts wurde geschrieben: Dies ist die Änderung von jetzt.";
    stays_as_changed(what): "{what} stays, because it was changed since." | "{what} bleibt, denn es wurde seither geändert.";
    is_connected_now(title): "{title} is connected." | "{title} ist verbunden.";
    is_disconnected_now(title): "{title} is disconnected." | "{title} ist getrennt.";
    set_up_by_hand(title): "{title} is set up by hand." | "{title} wird von Hand eingerichtet.";
    back_to_proxy: "Back to the API proxy" | "Zurück zum API-Proxy";
    // Settings.
    all_at_default: "Everything is at its default." | "Alles steht auf der Vorgabe.";
    settings_at_default: "Every setting is at its default; providers and rules are your own." |
        "Alle Einstellungen stehen auf der Vorgabe; Anbieter und Regeln sind Ihre eigenen.";
    one_differs: "One setting differs from its default." |
        "Eine Einstellung weicht von der Vorgabe ab.";
    some_differ(count): "{count} settings differ from their defaults." |
        "{count} Einstellungen weichen von der Vorgabe ab.";
    config_not_used_line(line): "config.toml is not used: line {line}." |
        "config.toml wird nicht verwendet: Zeile {line}.";
    config_not_used: "config.toml is not used." | "config.toml wird nicht verwendet.";
    last_valid_stays: "The last valid settings stay in force until the file is mended; nothing can be saved from here." |
        "Bis die Datei repariert ist, gelten die letzten gültigen Einstellungen; von hier aus lässt sich nichts speichern.";
    mend_the_file: "Mend it in an editor; the change is noticed by itself:" |
        "In einem Editor reparieren, die Änderung wird von selbst bemerkt:";
    line_and_column(line, column): "Line {line}, column {column}" | "Zeile {line}, Spalte {column}";
    value: "Value" | "Wert";
    changed: "changed" | "geändert";
    default_is(value): "Default: {value}." | "Vorgabe: {value}.";
    default_is_empty: "Empty by default." | "Vorgabe: leer.";
    default_heading: "Default" | "Vorgabe";
    without_default: "Not set by default." | "Ohne Vorgabe.";
    see_what_is_marked: "Nothing was changed: what is marked is not possible." |
        "Nichts wurde geändert: Die markierten Werte sind nicht möglich.";
    back_to_default: "Back to default" | "Auf Vorgabe zurück";
    kept_as(value): "Set to {value}. A new value replaces it; user and password are not shown." |
        "Gesetzt auf {value}. Ein neuer Wert ersetzt ihn; Benutzer und Passwort werden nicht angezeigt.";
    separated_by_commas: "separated by commas" | "durch Kommas getrennt";
    review: "Review the change" | "Änderung ansehen";
    search_settings: "Search settings" | "Einstellungen durchsuchen";
    search: "Search" | "Suchen";
    show_all: "Show all" | "Alle zeigen";
    no_setting_found(sought): "No setting has “{sought}” in its name or effect." |
        "Keine Einstellung enthält „{sought}“ in Name oder Wirkung.";
    settings_in_it(count): "{count} settings" | "{count} Einstellungen";
    group_dashboard: "Language and appearance" | "Sprache und Darstellung";
    group_port: "Port and access" | "Port und Zugriff";
    group_scheduling: "Choice of accounts" | "Wahl der Konten";
    group_network: "Network" | "Netzwerk";
    group_notifications: "Notifications" | "Benachrichtigungen";
    group_record: "Recording" | "Aufzeichnung";
    group_limits: "Limits" | "Grenzen";
    expected_bool: "Expected true or false." | "Erwartet: true oder false.";
    expected_count(min, max): "Expected a whole number from {min} to {max}." |
        "Erwartet: eine ganze Zahl von {min} bis {max}.";
    expected_bytes(min): "Expected at least {min} bytes, as a number or such as 64 MiB." |
        "Erwartet: mindestens {min} Bytes, als Zahl oder etwa 64 MiB.";
    expected_bytes_up_to(min, max): "Expected {min} to {max} bytes, as a number or such as 256 KiB." |
        "Erwartet: {min} bis {max} Bytes, als Zahl oder etwa 256 KiB.";
    expected_text: "Expected text." | "Erwartet: Text.";
    expected_env_name: "Expected the name of an environment variable: letters, digits and _." |
        "Erwartet: der Name einer Umgebungsvariablen aus Buchstaben, Ziffern und _.";
    expected_one_of(words): "Expected one of {words}." | "Erwartet: eines von {words}.";
    expected_dialect: "Expected the name of a dialect." | "Erwartet: der Name eines Dialekts.";
    expected_list_of(kind): "A list, separated by commas. {kind}" |
        "Eine Liste, durch Kommas getrennt. {kind}";
    expected_hosts: "Expected host names or addresses without scheme and path, such as box.lan." |
        "Erwartet: Hostnamen oder Adressen ohne Schema und Pfad, etwa box.lan.";
    expected_origins: "Expected origins such as https://app.example:8443." |
        "Erwartet: Herkünfte wie https://app.example:8443.";
    expected_proxy: "Expected a proxy such as http://host:3128, https://host:443 or socks5://host:1080. What was typed is not shown: it may hold a password." |
        "Erwartet: ein Proxy wie http://host:3128, https://host:443 oder socks5://host:1080. Die Eingabe wird nicht gezeigt: Sie kann ein Passwort enthalten.";
    expected_other_port: "Expected a port from 0 to 65,535, another than port." |
        "Erwartet: ein Port von 0 bis 65.535, ein anderer als port.";
    start_at_login: "Start at login" | "Start bei der Anmeldung";
    starts_at_login: "Aerostat starts when you log in." | "Aerostat startet, wenn Sie sich anmelden.";
    starts_not_at_login: "Aerostat does not start at login." |
        "Aerostat startet nicht bei der Anmeldung.";
    starts_nothing: "An entry is there and starts nothing: its program has gone." |
        "Ein Eintrag ist vorhanden, startet aber nichts: Das Programm gibt es nicht mehr.";
    login_unavailable: "This system says nowhere where such entries belong." |
        "Dieses System nennt keinen Ort für solche Einträge.";
    turn_on: "Turn on" | "Einschalten";
    turn_off: "Turn off" | "Ausschalten";
    records: "Records" | "Aufzeichnungen";
    records_hold: "Of each request: when it came, from which program and key, which model and account served it, tokens, cost, times, and why it failed." |
        "Zu jeder Anfrage: wann sie kam, von welchem Programm und Schlüssel, welches Modell und Konto sie beantwortet hat, Token, Kosten, Zeiten und warum sie fehlschlug.";
    prompts_and_answers: "Prompts and answers" | "Prompts und Antworten";
    bodies_off: "Not kept." | "Werden nicht gespeichert.";
    bodies_of_failures: "Kept of requests that fail, without secrets." |
        "Werden bei fehlgeschlagenen Anfragen gespeichert, ohne Geheimnisse.";
    bodies_of_all: "Kept of all requests, without secrets." |
        "Werden bei allen Anfragen gespeichert, ohne Geheimnisse.";
    until_time(time): "Until {time}." | "Bis {time}.";
    keep_for_a_while: "Keep for 15 minutes" | "15 Minuten lang speichern";
    keep_of_next_failures: "Keep those of the next 10 failures" |
        "Bei den nächsten 10 Fehlern speichern";
    keep_no_longer: "Keep no longer" | "Nicht mehr speichern";
    bodies_as_configured: "As configured again" | "Wieder wie eingestellt";
    delete_bodies: "Delete prompts and answers" | "Prompts und Antworten löschen";
    delete_now: "Delete now" | "Jetzt löschen";
    delete: "Delete" | "Löschen";
    delete_older_than: "Older than (7d, 24h, or a day such as 2026-11-29)" |
        "Älter als (7d, 24h oder ein Tag wie 2026-11-29)";
    delete_all_records: "Delete all records" | "Alle Aufzeichnungen löschen";
    oldest_is_of(time): "The oldest is of {time}." | "Die älteste ist von {time}.";
    sums_stay: "Sums for the statistics stay when records are deleted." |
        "Die Summen der Statistik bleiben, wenn Aufzeichnungen gelöscht werden.";
    files: "Files" | "Dateien";
    file_of_settings: "Settings" | "Einstellungen";
    file_of_prices: "Prices of your own" | "Eigene Preise";
    file_of_records: "Records" | "Aufzeichnungen";
    file_of_accounts: "Accounts and keys" | "Konten und Schlüssel";
    version: "Version" | "Version";
    if_it_fails: "If something does not work" | "Wenn etwas nicht funktioniert";
    model_rules: "Model rules" | "Modellregeln";
    model_rules_hint: "The rule that fits a name most closely decides what it becomes." |
        "Was aus einem Namen wird, entscheidet die Regel, die ihn am genauesten trifft.";
    no_model_rules: "None: names go to the providers that know them." |
        "Keine: Namen gehen an die Anbieter, die sie kennen.";
    asked_name: "Clients ask for" | "Clients fragen nach";
    goes_to: "Goes to" | "Geht an";
    goes_to_in_order: "Goes to (provider/model, several in order, separated by commas)" |
        "Geht an (anbieter/modell, mehrere der Reihe nach, durch Kommas getrennt)";
    add_rule: "Add a rule" | "Regel hinzufügen";
    own_providers: "Providers" | "Anbieter";
    own_providers_hint: "Servers of your own, and presets with settings of their own." |
        "Eigene Server und Vorlagen mit eigenen Einstellungen.";
    no_own_providers: "None: presets need no entry here, only an account." |
        "Keine: Vorlagen brauchen hier keinen Eintrag, nur ein Konto.";
    speaks: "Speaks" | "Spricht";
    base_url: "Base URL" | "Basis-URL";
    key_from: "Key" | "Schlüssel";
    key_of_accounts: "that of its accounts, where it needs one" |
        "der seiner Konten, falls er einen braucht";
    variable_with_key: "Environment variable with the key (optional)" |
        "Umgebungsvariable mit dem Schlüssel (optional)";
    is_off: "off" | "aus";
    add_provider: "Add a provider" | "Anbieter hinzufügen";

    // Token statistics.
    part_unknown: "partly unknown" | "teils unbekannt";
    tokens_over_time: "Tokens by kind" | "Token nach Art";
    requests_over_time: "Requests by ending" | "Anfragen nach Ausgang";
    cost_over_time: "Cost by kind" | "Kosten nach Art";
    measure_by(measure, names): "{measure} by {names}" | "{measure} nach {names}";
    failed_column: "Failed" | "Fehlgeschlagen";
    without_name: "none" | "ohne";
    other_names: "Other" | "Übrige";
    new_input: "New input" | "Neue Eingabe";
    cache_read: "From cache" | "Aus dem Cache";
    cache_write: "Written to cache" | "In den Cache";
    output: "Output" | "Ausgabe";
    output_without_reasoning: "Output without reasoning" | "Ausgabe ohne Reasoning";
    reasoning: "Reasoning" | "Reasoning";
    of_it_reasoning: "of it reasoning" | "davon Reasoning";
    charged_and_search: "Charged by the provider, and search" |
        "Vom Anbieter berechnet, und Suche";
    tokens: "Tokens" | "Token";
    sum: "Sum" | "Summe";
    client_program: "Client" | "Client";
    client_key: "Client key" | "Client-Schlüssel";
    have_no_price(tokens, models): "{tokens} tokens of {models} have no price." |
        "{tokens} Token von {models} haben keinen Preis.";
    told_not_all_tokens(count): "{count} requests did not report all their tokens." |
        "{count} Anfragen meldeten nicht alle Token.";
    told_no_tokens(count): "{count} served requests reported no tokens." |
        "{count} beantwortete Anfragen meldeten keine Token.";
    counted_so_far(count): "{count} requests ended early and are counted as far as they reported." |
        "{count} Anfragen endeten vorzeitig und zählen, so weit sie meldeten.";
    left_unrecorded(count): "{count} requests were not recorded." |
        "{count} Anfragen wurden nicht aufgezeichnet.";
    health_checks_apart(count): "{count} health checks are only counted." |
        "{count} Health-Checks werden nur gezählt.";
    not_in_the_sums: "Not in these sums" | "Nicht in diesen Summen";
    read_from_caches(share): "{share} of the input was read from caches." |
        "{share} der Eingabe kamen aus Caches.";
    cached_and_new_input: "Cached and new input" | "Eingabe aus dem Cache und neu";
    cache_saved(amount): "The cache saved {amount} at list price." |
        "Der Cache hat zum Listenpreis {amount} gespart.";
    cache_writes_cost(amount): "Writing to it cost {amount} more than plain input." |
        "Das Schreiben kostete {amount} mehr als gewöhnliche Eingabe.";
    prices: "Prices" | "Preise";
    prices_are_of(date): "List prices as of {date}; what a provider says it charged goes before them." |
        "Listenpreise vom {date}; was ein Anbieter als berechnet meldet, geht vor.";
    own_prices_go_first: "Prices of your own stand above the list, row by row:" |
        "Eigene Preise gehen der Liste zeilenweise vor:";
    prices_are_old(days): "The price list is {days} days old: an update brings a newer one, and prices.toml can correct it." |
        "Die Preisliste ist {days} Tage alt: Ein Update bringt eine neuere, prices.toml kann sie berichtigen.";
    own_prices_not_used: "Your own prices are not used:" | "Eigene Preise werden nicht verwendet:";
    own_prices(count): "{count} prices of your own apply" | "{count} eigene Preise gelten";
    since_day(date): "from {date} on" | "ab {date}";
    no_requests_in(period): "No requests {period}." | "Keine Anfragen {period}.";
    no_tokens_in(count, period): "{count} requests {period}, and no tokens reported." |
        "{count} Anfragen {period}, ohne gemeldete Token.";
    so_many_tokens_in(tokens, period): "{tokens} tokens {period}" | "{tokens} Token {period}";
    comma_from_cache(share): ", {share} of the input from cache" |
        ", {share} der Eingabe aus dem Cache";
    semicolon_cost_unknown: "; cost unknown." | "; Kosten unbekannt.";
    semicolon_free: "; free of charge." | "; kostenlos.";
    semicolon_at_least(amount): "; at least {amount}." | "; mindestens {amount}.";
    semicolon_cost(amount): "; {amount}." | "; {amount}.";
    in_today: "today" | "heute";
    in_days(count): "in {count} days" | "in {count} Tagen";
    in_months(count): "in {count} months" | "in {count} Monaten";
    in_from_to(from, to): "from {from} to {to}" | "vom {from} bis {to}";
    download_csv: "Download CSV" | "CSV herunterladen";
    all_together: "All" | "Alles";
    period: "Period" | "Zeitraum";
    shown_by: "Told apart by" | "Aufgeteilt nach";
    shown_measure: "Shown" | "Gezeigt";
    from: "From" | "Von";
    until_and_with: "To, inclusive" | "Bis einschließlich";
    show: "Show" | "Zeigen";
    expected_days: "Expected days such as 2026-11-29, at most ten years apart." |
        "Erwartet: Tage wie 2026-11-29, höchstens zehn Jahre auseinander.";
    only: "Only" | "Nur";
    take_out: "Show all" | "Alle zeigen";
    no_requests_hint: "Sums appear with the first request; they stay when records are deleted." |
        "Summen erscheinen mit der ersten Anfrage; sie bleiben, wenn Aufzeichnungen gelöscht werden.";
    count_failed(count): "{count} failed" | "{count} fehlgeschlagen";
    count_left(count): "{count} left early" | "{count} vorzeitig beendet";
    input_and_output(input, output): "{input} in, {output} out" | "{input} ein, {output} aus";
    of_it_charged(amount): "{amount} of it as charged by providers" |
        "davon {amount} von Anbietern berechnet";
    records_kept_since(time): "Requests before {time} have no records any more; sums stay." |
        "Anfragen vor {time} haben keine Aufzeichnungen mehr; Summen bleiben.";
    no_records_kept: "There are no records to look at; sums stay." |
        "Es gibt keine Aufzeichnungen anzusehen; Summen bleiben.";
    period_today: "Today" | "Heute";
    period_week: "7 days" | "7 Tage";
    period_month: "30 days" | "30 Tage";
    period_year: "12 months" | "12 Monate";
}
