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
    recent_problems: "Recent problems" | "Letzte Fehler";
    no_recent_problems: "None in the last 15 minutes." | "Keine in den letzten 15 Minuten.";

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
}
