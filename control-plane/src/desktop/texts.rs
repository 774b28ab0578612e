//! Everything that the tray and the notifications say of their own, in both languages. What `status`
//! says in English, [`super::german`] says in German.

use crate::language::texts;

texts! {
    /// The texts of the tray and the notifications.
    pub(super) struct Texts;

    // The menu.
    more_need_you(count): "{count} more need you: see the dashboard" | "{count} weitere: siehe Übersicht";
    start_serving: "Start serving" | "Dienst starten";
    stop_serving: "Stop serving" | "Dienst stoppen";
    open_dashboard: "Open dashboard" | "Übersicht öffnen";
    more_in_dashboard: "More in dashboard…" | "Mehr in der Übersicht…";
    copy_base_url: "Copy base URL" | "Basis-URL kopieren";
    api_key: "API key" | "API-Schlüssel";
    connect_a_program: "Connect a program…" | "Programm verbinden…";
    copied: " — copied" | " — kopiert";
    no_accounts: "Accounts (none yet)" | "Konten (noch keine)";
    accounts(count): "Accounts ({count})" | "Konten ({count})";
    accounts_needing_one(count): "Accounts ({count}, 1 needs attention)" | "Konten ({count}, 1 mit Handlungsbedarf)";
    accounts_needing(count, needing): "Accounts ({count}, {needing} need attention)" |
        "Konten ({count}, {needing} mit Handlungsbedarf)";
    add_account: "Add account…" | "Konto hinzufügen…";
    add_account_for(provider): "Add an account for {provider}…" | "Konto für {provider} hinzufügen…";
    scheduling(mode): "Scheduling: {mode}" | "Verteilung: {mode}";
    cache_first: "Cache first: wait for the conversation's account" |
        "Cache zuerst: auf das Konto der Unterhaltung warten";
    balance: "Balance: keep the account, switch when it is limited" |
        "Ausgewogen: Konto behalten, am Limit wechseln";
    performance: "Performance: spread by load" | "Leistung: nach Auslastung verteilen";
    drain: "Drain: use accounts in their order" | "Der Reihe nach: ein Konto nach dem anderen";
    recent_problem(model, status): "Recent problem: {model} ({status})" | "Letztes Problem: {model} ({status})";
    start_at_login: "Start at login" | "Bei Anmeldung starten";
    paused_until(time): "Notifications paused until {time}" | "Benachrichtigungen pausiert bis {time}";
    pause: "Pause notifications for an hour" | "Benachrichtigungen eine Stunde pausieren";
    quit: "Quit" | "Beenden";

    // Today.
    today(requests, tokens, cost): "Today: {requests} · {tokens} · {cost}" | "Heute: {requests} · {tokens} · {cost}";
    nothing_today: "Today: no requests yet" | "Heute: noch keine Anfragen";
    requests(count): "{count} requests" | "{count} Anfragen";
    one_request: "1 request" | "1 Anfrage";
    tokens(count): "{count} tokens" | "{count} Token";
    tokens_unknown: "tokens unknown" | "Token unbekannt";
    cost_unknown: "cost unknown" | "Kosten unbekannt";
    free: "free" | "kostenlos";
    at_least(amount): "≥ {amount}" | "≥ {amount}";

    // An account.
    ready: "Ready" | "Bereit";
    busy: "Busy" | "Ausgelastet";
    refreshing: "Refreshing its token" | "Token wird erneuert";
    enter_its_key: "Enter its key…" | "Schlüssel eingeben…";
    enter_a_new_key: "Enter a new key…" | "Neuen Schlüssel eingeben…";
    sign_in_now: "Sign in…" | "Anmelden…";
    sign_in_again: "Sign in again…" | "Neu anmelden…";
    address_changed: "Its address changed…" | "Adresse geändert…";
    vault_is_locked(detail): "Vault locked ({detail})" | "Tresor gesperrt ({detail})";
    expired: "Expired" | "Abgelaufen";
    off: "Off" | "Aus";
    back(time): ", back {time}" | ", pausiert bis {time}";
    resets(time): ", resets {time}" | ", neu ab {time}";
    used(percent, window): "{percent} % of {window} used" | "{percent} % von {window} verbraucht";
    used_of_limit(percent, window): "{percent} % of its {window} limit used" | "{percent} % des Limits {window} verbraucht";
    limit_used_up(window): "{window} limit used up" | "Limit {window} ausgeschöpft";
    quota_used_up: "quota used up" | "Kontingent ausgeschöpft";

    // Lists and times.
    two(one, other): "{one} and {other}" | "{one} und {other}";
    three(one, other, third): "{one}, {other} and {third}" | "{one}, {other} und {third}";
    many(one, other, count): "{one}, {other} and {count} more" | "{one}, {other} und {count} weitere";
    and_more(count): "and {count} more" | "und {count} weitere";
    tomorrow(time): "tomorrow {time}" | "morgen {time}";
    later: "later" | "später";

    // The lines of notifications.
    vault_line_one(detail, name): "The vault is locked ({detail}). Until it is open, {name} cannot serve." |
        "Der Tresor ist gesperrt ({detail}). Solange er zu ist, ist {name} nicht verfügbar.";
    vault_line(detail, names): "The vault is locked ({detail}). Until it is open, {names} cannot serve." |
        "Der Tresor ist gesperrt ({detail}). Solange er zu ist, sind {names} nicht verfügbar.";
    expires(name, time): "{name}: expires {time}" | "{name}: gültig bis {time}";
    has_expired(name, time): "{name}: expired {time}" | "{name}: abgelaufen seit {time}";
    none_until(time): "No account can serve until {time}; requests are refused until then." |
        "Bis {time} ist kein Konto verfügbar; Anfragen werden bis dahin abgelehnt.";
    next_request_shows: "The next request shows whether an account can serve again." |
        "Die nächste Anfrage zeigt, ob wieder ein Konto verfügbar ist.";
    port_belongs_to(port, owner): "Port {port} belongs to {owner}. Stop it or set another `port`; Aerostat tries again by itself." |
        "Port {port} ist von {owner} belegt. Das beenden oder einen anderen `port` einstellen; Aerostat versucht es von selbst wieder.";
    keeps_serving(why, port): "{why}. Until then 127.0.0.1:{port} keeps serving." |
        "{why}. Bis dahin bleibt 127.0.0.1:{port} in Betrieb.";
    last_good_stays(error): "{error}\nThe last good one stays active." | "{error}\nDie letzte gültige bleibt in Kraft.";

    // Their titles.
    have_expired_one(name): "{name} has expired" | "{name} ist abgelaufen";
    have_expired(names): "{names} have expired" | "{names} sind abgelaufen";
    expire_soon_one(name): "{name} expires soon" | "{name} läuft bald ab";
    expire_soon(names): "{names} expire soon" | "{names} laufen bald ab";
    used_up_one(name): "{name} has used up a quota" | "{name} hat ein Kontingent ausgeschöpft";
    used_up(names): "{names} have used up a quota" | "{names} haben ein Kontingent ausgeschöpft";
    low_one(name): "{name} is running low on quota" | "{name}: Kontingent fast ausgeschöpft";
    low(names): "{names} are running low on quota" | "{names}: Kontingente fast ausgeschöpft";
    locked_one(name): "{name} is locked" | "{name} ist gesperrt";
    locked(names): "{names} are locked" | "{names} sind gesperrt";
    cooling_one(name): "{name} is cooling down" | "{name} pausiert";
    cooling(names): "{names} are cooling down" | "{names} pausieren";
    cannot_open_port(port): "Aerostat cannot open port {port}" | "Aerostat kann Port {port} nicht öffnen";
    network_not_served: "The local network is not served" | "Das lokale Netz wird nicht bedient";
    config_not_used: "The changed configuration is not used" | "Die geänderte Konfiguration gilt nicht";
    did_not_work: "That did not work" | "Das hat nicht funktioniert";
    need_new_keys(names): "{names} need new keys" | "{names} brauchen neue Schlüssel";
    need_you(names): "{names} need you" | "{names}: Handlungsbedarf";
    need_sign_in(names): "{names} need you to sign in" | "{names}: Anmeldung nötig";

    // That something is over.
    can_serve_again(names): "{names} can serve again" | "{names}: wieder verfügbar";
    has_quota_again_one(name): "{name} has quota again" | "{name} hat wieder Kontingent";
    has_quota_again(names): "{names} have quota again" | "{names} haben wieder Kontingent";
    none_near_a_limit: "No account is near a limit." | "Kein Konto ist nahe am Limit.";
    vault_is_open: "The vault is open" | "Der Tresor ist offen";
    vault_serves: "Its accounts can serve." | "Seine Konten sind verfügbar.";
    has_its_port: "Aerostat has its port" | "Aerostat hat seinen Port";
    runs_on(port): "It runs on 127.0.0.1:{port}." | "Es läuft auf 127.0.0.1:{port}.";
    network_served: "The local network is served" | "Das lokale Netz wird bedient";
    others_can_connect(port): "Other machines can connect to port {port} with a key." |
        "Andere Rechner erreichen Port {port} mit einem Schlüssel.";
    config_used_again: "The configuration is active again" | "Die Konfiguration gilt wieder";

    // What to do.
    enter_key_with(name): "Enter the key with `aerostat account login {name}`." |
        "Schlüssel eingeben mit `aerostat account login {name}`.";
    sign_in_with(name): "Sign in with `aerostat account login {name}`." |
        "Anmelden mit `aerostat account login {name}`.";
    unlock_the_keyring: "Unlock the keyring; `aerostat account list` shows details." |
        "Den Schlüsselbund entsperren; `aerostat account list` zeigt Näheres.";
    command_shows(command): "`{command}` shows details." | "`{command}` zeigt Näheres.";
    nothing_to_copy: "there is no key to copy; `aerostat key show` says why" |
        "es gibt keinen Schlüssel zum Kopieren; `aerostat key show` sagt, warum";
    not_copied(error): "it could not be copied: {error}" | "Kopieren nicht möglich: {error}";

    // Why the icon is not shown.
    session_has_no_tray: "this session has no tray; `aerostat open` opens the dashboard, `aerostat status` shows the state" |
        "in dieser Sitzung gibt es keine Taskleiste mit Symbolen; `aerostat open` öffnet die Übersicht, `aerostat status` zeigt den Zustand";
    desktop_shows_no_icons: "nothing in this desktop shows tray icons (GNOME needs the extension AppIndicator); `aerostat open`, or Aerostat in the applications menu, opens the dashboard" |
        "dieser Desktop zeigt keine Symbole in der Taskleiste (GNOME braucht dafür die Erweiterung AppIndicator); die Übersicht öffnet sich mit `aerostat open` oder über Aerostat im Anwendungsmenü";

    // Buttons.
    sign_in: "Sign in" | "Anmelden";
    enter_key: "Enter key" | "Schlüssel eingeben";
    mute: "Mute 1 hour" | "1 Stunde stumm";
}
