//! What a request failed of and what to do, in both languages.

use crate::language::texts;

texts! {
    /// The words of failures.
    pub(super) struct Texts;

    the_provider: "the provider" | "der Anbieter";
    the_account: "the account" | "das Konto";
    account(name): "account `{name}`" | "Konto `{name}`";
    until(time): " until {time}" | " bis {time}";

    // What happened, and by whose fault.
    bad_request: "the client's request cannot be served as it is" |
        "die Anfrage des Clients lässt sich so nicht ausführen";
    context_too_long(model): "the client's request is too long for `{model}`" |
        "die Anfrage des Clients ist zu lang für `{model}`";
    bad_key: "the client's key is missing or wrong" |
        "der Schlüssel des Clients fehlt oder ist falsch";
    key_limit(key, ends): "the client's key `{key}` has used a limit{ends}" |
        "ein Limit des Client-Schlüssels `{key}` ist verbraucht{ends}";
    key_expired(key): "the client's key `{key}` has expired" |
        "der Client-Schlüssel `{key}` ist abgelaufen";
    model_not_allowed(key, model): "the client's key `{key}` may not use `{model}`" |
        "der Client-Schlüssel `{key}` darf `{model}` nicht verwenden";
    no_rule_for(model): "no rule and no provider has a model `{model}`" |
        "keine Regel und kein Anbieter kennt ein Modell `{model}`";
    no_such_model(provider, model): "{provider} has no model `{model}`" |
        "{provider} hat kein Modell `{model}`";
    no_such_path: "the client called a path that is not served" |
        "der Client hat einen Pfad aufgerufen, den es hier nicht gibt";
    too_large: "the client's request is too large" | "die Anfrage des Clients ist zu groß";
    slow_client: "the client was too slow" | "der Client war zu langsam";
    unsupported: "the client asked for what Aerostat does not do" |
        "der Client hat etwas verlangt, das Aerostat nicht kann";
    no_account: "no account can serve" | "kein Konto ist verfügbar";
    credential_refused(provider, account): "{provider} refused the credential of {account}" |
        "{provider} hat die Zugangsdaten abgelehnt ({account})";
    forbidden(provider, account, model): "{provider} does not let {account} use `{model}`" |
        "{provider} erlaubt `{model}` nicht ({account})";
    quota_spent(provider, account, ends): "the quota of {account} at {provider} is spent{ends}" |
        "das Kontingent bei {provider} ist verbraucht{ends} ({account})";
    rate_limited(provider, account, ends): "{account} is at a limit of {provider}{ends}" |
        "ein Limit von {provider} ist erreicht{ends} ({account})";
    all_at_limit(ends): "every account is at its limit{ends}" |
        "alle Konten haben ihr Limit erreicht{ends}";
    overloaded(provider, ends): "{provider} is overloaded{ends}" | "{provider} ist überlastet{ends}";
    unreachable(provider): "{provider} cannot be reached" | "{provider} ist nicht erreichbar";
    certificate(provider): "{provider} has no certificate that can be trusted" |
        "{provider} hat kein vertrauenswürdiges Zertifikat";
    timed_out(provider): "{provider} did not answer in time" |
        "{provider} hat nicht rechtzeitig geantwortet";
    broke_off(provider): "the answer of {provider} broke off" |
        "die Antwort von {provider} ist abgebrochen";
    intercepted(provider): "something in front of {provider} answered in its place" |
        "etwas vor {provider} hat an seiner Stelle geantwortet";
    malformed(provider): "{provider} sent an answer that cannot be read" |
        "{provider} hat eine unlesbare Antwort gesendet";
    provider_failed(provider): "{provider} failed" | "bei {provider} ist ein Fehler aufgetreten";
    was_stopped: "Aerostat was stopped before the answer had ended" |
        "Aerostat wurde vor dem Ende der Antwort gestoppt";
    internal: "Aerostat failed" | "in Aerostat ist ein Fehler aufgetreten";

    // What to do.
    change_the_request: "change the request as the message says" |
        "die Anfrage ändern, wie es die Meldung sagt";
    change_the_request_everywhere:
        "change the request as the message says: no other account would take it" |
        "die Anfrage ändern, wie es die Meldung sagt: auch kein anderes Konto nähme sie an";
    send_less_or_choose: "send less, or choose a model with a larger context" |
        "weniger senden oder ein Modell mit größerem Kontext wählen";
    give_the_key: "give the client the key that `aerostat key show` prints" |
        "dem Client den Schlüssel geben, den `aerostat key show` ausgibt";
    raise_key_limit(key):
        "see it with `aerostat key list` and raise it with `aerostat key set {key}`" |
        "mit `aerostat key list` ansehen und mit `aerostat key set {key}` erhöhen";
    extend_key(key):
        "give it longer with `aerostat key set {key} --expires DAY`, or give the client another key" |
        "mit `aerostat key set {key} --expires TAG` verlängern oder dem Client einen anderen Schlüssel geben";
    allow_model(key):
        "allow it with `aerostat key set {key} --model …`, or choose another model in the client" |
        "mit `aerostat key set {key} --model …` erlauben oder im Client ein anderes Modell wählen";
    try_the_model(model): "see what the name becomes: `aerostat model try {model}`" |
        "nachsehen, was aus dem Namen wird: `aerostat model try {model}`";
    list_the_models(provider): "see what there is: `aerostat provider models {provider}`" |
        "nachsehen, was es gibt: `aerostat provider models {provider}`";
    set_the_base_url: "set the client's base URL as the answer says" |
        "die Basis-URL des Clients so einstellen, wie es die Antwort sagt";
    send_less_or_raise: "send less, or raise `request_body_bytes_max` in [limits]" |
        "weniger senden oder `request_body_bytes_max` in [limits] erhöhen";
    ask_again: "ask again" | "noch einmal senden";
    have_the_client_read:
        "have the client read its stream, or leave it; `limits.unread_timeout_seconds` says how long others wait for that" |
        "den Client seinen Stream lesen oder beenden lassen; `limits.unread_timeout_seconds` sagt, wie lange andere darauf warten";
    list_the_accounts: "see what the accounts lack: `aerostat account list`" |
        "nachsehen, was den Konten fehlt: `aerostat account list`";
    sign_in_again(account): "sign in again: `aerostat account login {account}`" |
        "neu anmelden: `aerostat account login {account}`";
    ask_for_access(provider, model):
        "ask `{provider}` for access to `{model}`, or choose another model" |
        "bei `{provider}` Zugang zu `{model}` beantragen oder ein anderes Modell wählen";
    add_another(provider): "add another account with `aerostat account add {provider}`" |
        "mit `aerostat account add {provider}` ein weiteres Konto hinzufügen";
    ask_again_after(time, another): "ask again after {time}, or {another}" |
        "nach {time} noch einmal senden, oder {another}";
    ask_again_in_a_while(another): "ask again in a while, or {another}" |
        "später noch einmal senden, oder {another}";
    check_the_network(provider, account):
        "check the network, the proxy and `base_url` in [providers.{provider}]; `aerostat account test {account}` tries again" |
        "Netz, Proxy und `base_url` in [providers.{provider}] prüfen; `aerostat account test {account}` versucht es erneut";
    check_the_certificate(provider):
        "check the address and the certificate of `{provider}`; a company's own certificates go into [network] ca_file" |
        "Adresse und Zertifikat von `{provider}` prüfen; firmeneigene Zertifikate gehören in [network] ca_file";
    raise_the_timeouts(provider):
        "ask again; where `{provider}` is always this slow, raise the timeouts in [limits]" |
        "noch einmal senden; ist `{provider}` immer so langsam, die Zeitlimits in [limits] erhöhen";
    ask_again_it_broke_off: "ask again: the answer broke off after it had begun" |
        "noch einmal senden: die Antwort brach ab, nachdem sie begonnen hatte";
    ask_again_later(provider):
        "ask again later: the fault is at `{provider}`, or at its `base_url`" |
        "später noch einmal senden: der Fehler liegt bei `{provider}` oder an der `base_url`";
    ask_again_once_it_runs: "ask again once it runs" | "noch einmal senden, sobald es läuft";
    report_it: "ask again, and report it: this is a bug" |
        "noch einmal senden und melden: das ist ein Programmfehler";
}
