//! What statuses and needs are called, in both languages: the words of tray, pages and command line.

use crate::language::texts;

texts! {
    /// The words of statuses and needs.
    pub(super) struct Texts;

    // An account's status.
    ready: "ready" | "bereit";
    busy: "busy" | "ausgelastet";
    cooling: "cooling" | "pausiert";
    refreshing: "refreshing" | "erneuert sein Token";
    quota_used_up: "quota used up" | "Kontingent ausgeschöpft";
    unreachable: "unreachable" | "nicht erreichbar";
    disabled: "disabled" | "ausgeschaltet";
    provider_disabled: "provider disabled" | "Anbieter ausgeschaltet";
    provider_unknown: "provider unknown" | "Anbieter unbekannt";
    provider_cannot_be_reached: "the provider cannot be reached" |
        "der Anbieter ist nicht erreichbar";
    provider_is_disabled(provider): "the provider `{provider}` is disabled" |
        "der Anbieter `{provider}` ist ausgeschaltet";
    there_is_no_provider(provider): "there is no provider `{provider}`" |
        "es gibt keinen Anbieter `{provider}`";

    // The labels of what only the person can resolve.
    sign_in: "sign-in needed" | "Anmeldung nötig";
    env_unset: "env unset" | "Variable nicht gesetzt";
    unusable_key: "unusable key" | "Schlüssel unbrauchbar";
    needs_key_env: "needs key env" | "Schlüssel fehlt";
    needs_sign_in: "needs sign in" | "Anmeldung fehlt";
    insecure_http: "insecure http" | "unverschlüsselt";
    locked_vault: "vault locked" | "Tresor gesperrt";
    expired: "expired" | "abgelaufen";

    // Why an account is in a cooldown.
    rate_limit: "rate limit" | "Ratenlimit";
    quota: "quota used up" | "Kontingent ausgeschöpft";
    no_capacity: "the provider has no capacity" | "der Anbieter ist überlastet";
    forbidden: "forbidden" | "nicht erlaubt";
    failed_responses: "failed responses" | "fehlerhafte Antworten";
    cannot_be_refreshed: "its access token cannot be refreshed" |
        "das Zugriffstoken lässt sich nicht erneuern";
    your_budget(budget): "your budget of {budget}" | "eigenes Budget von {budget}";
    providers_limit: "the provider's limit" | "Limit des Anbieters";

    // What only the person can resolve.
    sign_in_needed(reason): "sign-in needed ({reason})" | "Anmeldung nötig ({reason})";
    address_changed(before, now): "address changed from {before} to {now}" |
        "Adresse geändert von {before} zu {now}";
    vault_locked(detail): "vault locked ({detail})" | "Tresor gesperrt ({detail})";
    expired_at(time): "expired at {time}" | "abgelaufen am {time}";
    no_credential: "no credential is stored" | "keine Zugangsdaten hinterlegt";
    key_refused: "the provider refused the key" | "der Anbieter lehnt den Schlüssel ab";
    token_refused: "the provider refused a new access token" |
        "der Anbieter lehnt ein neues Zugriffstoken ab";
    nothing_to_refresh: "the access token ended and there is no refresh token" |
        "das Zugriffstoken ist abgelaufen und lässt sich nicht erneuern";
    grant_refused: "the provider refused to refresh" |
        "der Anbieter lehnt die Erneuerung ab";
    interrupted_refresh: "interrupted refresh" | "die Erneuerung wurde unterbrochen";

    // What needs the person, in one line.
    needs_its_key(name): "{name} needs its key" | "{name}: Schlüssel fehlt";
    needs_a_new_key(name): "{name} needs a new key" | "{name} braucht einen neuen Schlüssel";
    needs_a_sign_in(name): "{name} needs you to sign in" | "{name}: Anmeldung nötig";
    needs_your_word(name): "{name} needs your word on its new address" |
        "{name}: neue Adresse bestätigen";
    has_no_credential(name): "{name} has no usable credential" |
        "{name} hat keine brauchbaren Zugangsdaten";
    is_locked(name): "{name} is locked" | "{name} ist gesperrt";
    has_expired(name): "{name} has expired" | "{name} ist abgelaufen";
    has_no_provider(name): "{name} has no provider" | "{name} hat keinen Anbieter";
    needs_nothing(name): "{name} needs nothing" | "{name} braucht nichts";
    provider_said(provider, detail): "{provider} said: {detail}" | "{provider} meldet „{detail}“";
    free_the_port(port, key): "Free port {port}, or set another `{key}`" |
        "Port {port} freigeben oder einen anderen `{key}` einstellen";
    stop_the_owner(owner, port, key): "Stop {owner} on port {port}, or set another `{key}`" |
        "{owner} auf Port {port} beenden oder einen anderen `{key}` einstellen";
    set_another_port(port, key): "Set another `{key}` than {port}" |
        "Einen anderen `{key}` als {port} einstellen";
    old_port_serves(advice, port): "{advice}; port {port} keeps serving" |
        "{advice}; bis dahin antwortet Port {port}";
    fix_config(error): "Fix {error}" | "Zu berichtigen: {error}";
    unlock_the_vault(accounts, detail): "Unlock the vault of {accounts}: {detail}" |
        "Tresor von {accounts} entsperren: {detail}";

    // Why an account, or all of a candidate's, is not asked.
    already_tried: "already tried for this request" | "bei dieser Anfrage schon versucht";
    not_the_owner: "the request carries what only another account can read" |
        "die Anfrage enthält, was nur ein anderes Konto lesen kann";
    model_not_in_list: "the model is not in its list" | "das Modell steht nicht in seiner Liste";
    busy_with(count): "busy ({count} in flight)" | "ausgelastet ({count} in Bearbeitung)";
    paced_until(time): "its limits are nearly used up; the next request may go at {time}" |
        "seine Limits sind fast verbraucht; die nächste Anfrage ist ab {time} möglich";
    cooling_until(time, cause): "cooling until {time} ({cause})" | "pausiert bis {time} ({cause})";
    cooling_for(time, cause, model): "cooling until {time} ({cause}, {model})" |
        "pausiert bis {time} ({cause}, {model})";
    budget_spent(time, budget): "quota used up until {time} (your budget of {budget})" |
        "Kontingent ausgeschöpft bis {time} (eigenes Budget von {budget})";
    next_try_at(time): "the provider cannot be reached; next try at {time}" |
        "der Anbieter ist nicht erreichbar; nächster Versuch um {time}";
    provider_is_off(provider): "provider `{provider}` is disabled" |
        "der Anbieter `{provider}` ist ausgeschaltet";

    // A provider's status.
    built_in: "built in, offline: answers come from this program" |
        "eingebaut, offline: Die Antworten kommen aus diesem Programm";
    accounts_ready(total, ready): "{total} accounts, {ready} ready" | "{total} Konten, {ready} bereit";
    has_no_account: "it has no account" | "er hat kein Konto";
    enable_provider(provider): "disabled: `aerostat config set providers.{provider}.enabled true` enables it" |
        "ausgeschaltet: `aerostat config set providers.{provider}.enabled true` schaltet ihn ein";
    add_provider(provider): "add [providers.{provider}] to the configuration" |
        "[providers.{provider}] in die Konfiguration aufnehmen";
    add_provider_and(provider, needs): "add [providers.{provider}] to the configuration and {needs}" |
        "[providers.{provider}] in die Konfiguration aufnehmen und {needs}";

    // A port that cannot be opened.
    port_of_another_home(port): "port {port} is in use by another aerostat, of another home; stop it, or set another `port`" |
        "Port {port} ist von einem Aerostat eines anderen Verzeichnisses belegt; dieses beenden oder einen anderen `port` einstellen";
    port_in_use_by(port, owner): "port {port} is in use by {owner}; set `port` or stop it" |
        "Port {port} ist von {owner} belegt; einen anderen `port` einstellen oder es beenden";
    port_cannot_be_opened(port, detail): "{detail}" | "Port {port} lässt sich nicht öffnen („{detail}“)";

    another_aerostat: "another aerostat" | "ein anderes Aerostat";
    another_program: "another program" | "ein anderes Programm";
}
