//! In German what [`crate::status`] and the verbs say in English: how the agent, its port and its
//! accounts stand, and what needs the user. What a provider said stays as it said it.

use super::view::LocalTime;
use crate::control::status::{AccountCounts, Status};
use crate::control::{Cause, RecordsProblem, RecordsStatus};
use crate::status::{
    AccountStatus, AgentStatus, Attention, BindFailure, BindFailureCause, CooldownCause,
    CredentialProblem, ExhaustedQuota, NeedsUser, PortOwner, PortStatus, SignIn, SignInCause,
};

/// What is true now, in one line.
pub(super) fn headline(status: &Status, now: &LocalTime) -> String {
    let AgentStatus::Running { port } = &status.agent else {
        return "Läuft nicht".to_owned();
    };
    match port {
        PortStatus::Starting => "Startet…".to_owned(),
        PortStatus::Stopped => "Gestoppt".to_owned(),
        PortStatus::Draining | PortStatus::Ending => "Wird gestoppt…".to_owned(),
        PortStatus::Unavailable(failure) => bind_failure(failure),
        PortStatus::Running {
            port, is_exposed, ..
        } => match (limitation(status, now), is_exposed) {
            (None, false) => format!("Läuft auf 127.0.0.1:{port}"),
            (None, true) => format!("Läuft auf Port {port}, offen für das lokale Netz"),
            (Some(limitation), false) => limitation,
            (Some(limitation), true) => format!("{limitation} · offen für das lokale Netz"),
        },
    }
}

/// What keeps an open port from serving as it should.
fn limitation(status: &Status, now: &LocalTime) -> Option<String> {
    let AccountCounts {
        enabled,
        can_serve,
        cooling_until,
        ..
    } = status.accounts.unwrap_or_default();
    if let Some(until) = cooling_until {
        return Some(format!("Kein Konto bis {}", now.describe(until)));
    }
    if enabled > 0 && can_serve == 0 {
        return Some("Kein Konto verfügbar".to_owned());
    }
    match (&status.config_error, status.config_error_line) {
        (Some(_), Some(line)) => Some(format!("Konfiguration gilt nicht: Zeile {line}")),
        (Some(_), None) => Some("Konfiguration gilt nicht".to_owned()),
        (None, _) if can_serve < enabled => Some(format!(
            "Läuft · {can_serve} von {enabled} Konten verfügbar"
        )),
        (None, _) => None,
    }
}

/// Why a port is not open.
pub(super) fn bind_failure(failure: &BindFailure) -> String {
    let port = failure.port;
    match &failure.cause {
        BindFailureCause::InUse {
            owner: PortOwner::Unknown,
        } => format!("Port {port} ist belegt"),
        BindFailureCause::InUse { owner } => format!("Port {port} ist von {} belegt", by(owner)),
        BindFailureCause::Refused => format!("Port {port} lässt sich nicht öffnen"),
    }
}

/// Who has a port, behind `von`.
pub(super) fn by(owner: &PortOwner) -> String {
    match owner {
        PortOwner::Aerostat => "einem anderen Aerostat".to_owned(),
        PortOwner::Program { .. } => owner.to_string(),
        PortOwner::Unknown => "einem anderen Programm".to_owned(),
    }
}

/// What is to be done and why, in one line.
pub(super) fn attention(attention: &Attention, records: Option<&RecordsStatus>) -> String {
    match attention {
        Attention::PortUnavailable { failure } => port_advice(failure, "port"),
        Attention::PortNotMoved { failure, open_port } => format!(
            "{}; Port {open_port} bleibt in Betrieb",
            port_advice(failure, "port")
        ),
        Attention::MetricsUnavailable { failure } => port_advice(failure, "metrics_port"),
        Attention::ConfigRejected { error, .. } => {
            format!("Zu ändern: {}", error.lines().next().unwrap_or_default())
        }
        Attention::LanRefused { .. } => LAN_REFUSED.to_owned(),
        Attention::RecordsStopped { advice } => {
            let problem = records.and_then(|records| records.problem.as_ref());
            problem.map_or_else(|| advice.clone(), records_problem)
        }
        Attention::VaultLocked { accounts, detail } => {
            format!("Tresor entsperren für {}: {detail}", accounts.join(", "))
        }
        Attention::Account {
            name,
            provider,
            takes_key,
            status,
        } => {
            let need = account_need(name, *takes_key, status);
            match account_reason(provider, status) {
                Some(reason) => format!("{need}: {reason}"),
                None => need,
            }
        }
    }
}

/// Why other machines are not served: the one reason that there is.
pub(super) const LAN_REFUSED: &str = "Das lokale Netz wird nicht bedient, solange `auth_mode` auf `off` steht: `auth_mode = \"auto\"` setzen";

fn port_advice(failure: &BindFailure, setting: &str) -> String {
    let port = failure.port;
    match &failure.cause {
        BindFailureCause::InUse {
            owner: PortOwner::Unknown,
        } => format!("Port {port} freigeben oder anderen `{setting}` einstellen"),
        BindFailureCause::InUse {
            owner: PortOwner::Aerostat,
        } => format!(
            "Das andere Aerostat auf Port {port} beenden oder anderen `{setting}` einstellen"
        ),
        BindFailureCause::InUse { owner } => {
            format!("{owner} auf Port {port} beenden oder anderen `{setting}` einstellen")
        }
        BindFailureCause::Refused => format!("Anderen `{setting}` als {port} einstellen"),
    }
}

fn records_problem(problem: &RecordsProblem) -> String {
    match problem {
        RecordsProblem::DiskFull => {
            "Speicherplatz freigeben: Die Platte ist voll, Anfragen werden nicht aufgezeichnet"
        }
        RecordsProblem::ReadOnly => {
            "`records.db` beschreibbar machen: Anfragen werden nicht aufgezeichnet"
        }
        RecordsProblem::Damaged { .. } => {
            "`records.db` verschieben und Aerostat neu starten: Die Datei ist beschädigt"
        }
        RecordsProblem::Newer => {
            "Das neuere Aerostat wieder installieren: `records.db` stammt von ihm"
        }
        RecordsProblem::Foreign => {
            "`records.db` verschieben und Aerostat neu starten: Die Datei gehört einem anderen Programm"
        }
        RecordsProblem::Unusable { .. } => {
            "`records.db` ist nicht benutzbar: Anfragen werden nicht aufgezeichnet"
        }
    }
    .to_owned()
}

/// What an account needs.
pub(super) fn account_need(name: &str, takes_key: bool, status: &AccountStatus) -> String {
    let need = match status {
        AccountStatus::NeedsUser(NeedsUser::SignIn(sign_in)) => match (takes_key, sign_in.cause) {
            (true, SignInCause::NoCredential) => return format!("{name}: Schlüssel fehlt"),
            (true, _) => "braucht einen neuen Schlüssel",
            (false, _) => return format!("{name}: Anmeldung nötig"),
        },
        AccountStatus::NeedsUser(NeedsUser::AddressChanged { .. }) => {
            return format!("{name}: neue Adresse bestätigen");
        }
        AccountStatus::NeedsUser(NeedsUser::Credential(_)) => "hat keine brauchbaren Zugangsdaten",
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { .. }) => "ist gesperrt",
        AccountStatus::NeedsUser(NeedsUser::Expired { .. }) => "ist abgelaufen",
        AccountStatus::ProviderDisabled { .. } | AccountStatus::ProviderUnknown { .. } => {
            "hat keinen Anbieter"
        }
        AccountStatus::Ready
        | AccountStatus::Busy
        | AccountStatus::Refreshing
        | AccountStatus::CoolingDown { .. }
        | AccountStatus::QuotaExhausted { .. }
        | AccountStatus::Unreachable { .. }
        | AccountStatus::Disabled => "braucht nichts",
    };
    format!("{name} {need}")
}

/// Why it needs that, where [`account_need`] does not say it all.
pub(super) fn account_reason(provider: &str, status: &AccountStatus) -> Option<String> {
    match status {
        AccountStatus::NeedsUser(NeedsUser::SignIn(SignIn { cause, detail, .. })) => match detail {
            Some(detail) if *cause != SignInCause::InterruptedRefresh => {
                Some(format!("{provider} meldet: {detail}"))
            }
            _ if *cause == SignInCause::NoCredential => None,
            _ => Some(sign_in_cause(*cause).to_owned()),
        },
        AccountStatus::NeedsUser(NeedsUser::AddressChanged { entered_for, now }) => {
            Some(format!("Adresse geändert von {entered_for} zu {now}"))
        }
        AccountStatus::NeedsUser(NeedsUser::Credential(problem)) => Some(credential(problem)),
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail }) => Some(detail.clone()),
        AccountStatus::ProviderDisabled { .. } | AccountStatus::ProviderUnknown { .. } => {
            status_reason(status)
        }
        _ => None,
    }
}

/// Why an account stands as it does, where that is not said by its name.
pub(super) fn status_reason(status: &AccountStatus) -> Option<String> {
    match status {
        AccountStatus::CoolingDown {
            cause,
            models,
            detail,
            ..
        } => Some(cooldown(*cause, models, detail.as_deref())),
        AccountStatus::QuotaExhausted { quota, .. } => Some(exhausted(quota)),
        AccountStatus::Unreachable { .. } => Some("der Anbieter ist nicht erreichbar".to_owned()),
        AccountStatus::NeedsUser(need) => match need {
            NeedsUser::Credential(problem) => Some(credential(problem)),
            _ => account_reason("der Anbieter", status),
        },
        AccountStatus::ProviderDisabled { provider } => {
            Some(format!("der Anbieter `{provider}` ist ausgeschaltet"))
        }
        AccountStatus::ProviderUnknown { provider } => {
            Some(format!("einen Anbieter `{provider}` gibt es nicht"))
        }
        AccountStatus::Ready
        | AccountStatus::Busy
        | AccountStatus::Refreshing
        | AccountStatus::Disabled => None,
    }
}

/// Which quota is used up.
pub(super) fn exhausted(quota: &ExhaustedQuota) -> String {
    match quota {
        ExhaustedQuota::Budget(budget) => format!("eigenes Budget von {budget}"),
        ExhaustedQuota::Provider(Some(detail)) => detail.clone(),
        ExhaustedQuota::Provider(None) => "Limit des Anbieters".to_owned(),
    }
}

fn cooldown(cause: CooldownCause, models: &[String], detail: Option<&str>) -> String {
    let mut reason = match cause {
        CooldownCause::RateLimit => "Ratenlimit",
        CooldownCause::Quota => "Kontingent ausgeschöpft",
        CooldownCause::Overloaded => "der Anbieter ist überlastet",
        CooldownCause::Forbidden => "nicht erlaubt",
        CooldownCause::Failing => "fehlerhafte Antworten",
        CooldownCause::RefreshFailing => "das Zugriffstoken lässt sich nicht erneuern",
    }
    .to_owned();
    if !models.is_empty() {
        reason = format!("{reason}, {}", models.join(", "));
    }
    match detail {
        Some(detail) => format!("{reason}: {detail}"),
        None => reason,
    }
}

fn sign_in_cause(cause: SignInCause) -> &'static str {
    match cause {
        SignInCause::NoCredential => "keine Zugangsdaten hinterlegt",
        SignInCause::KeyRefused => "der Anbieter lehnt den Schlüssel ab",
        SignInCause::TokenRefused => "der Anbieter lehnt ein neues Zugriffstoken ab",
        SignInCause::NothingToRefresh => {
            "das Zugriffstoken ist abgelaufen und lässt sich nicht erneuern"
        }
        SignInCause::GrantRefused => "der Anbieter lehnt die Erneuerung ab",
        SignInCause::InterruptedRefresh => "die Erneuerung wurde unterbrochen",
    }
}

fn credential(problem: &CredentialProblem) -> String {
    match problem {
        CredentialProblem::NeedsKey { env } => {
            format!("kein Schlüssel: `{env}` in der Umgebung setzen und Aerostat neu starten")
        }
        CredentialProblem::UnusableKey { env } => {
            format!("der Schlüssel in `{env}` enthält unzulässige Zeichen: neu setzen")
        }
        CredentialProblem::NeedsKeyEnv { provider } => {
            format!("kein Schlüssel: `aerostat account add {provider}` nimmt einen an")
        }
        CredentialProblem::NeedsSignIn { provider } => {
            format!("kein Konto: `aerostat account add {provider} --oauth` meldet an")
        }
        CredentialProblem::InsecureHttp { provider } => format!(
            "der Schlüssel ginge unverschlüsselt über das Netz: https in `base_url` von {provider} setzen"
        ),
    }
}

/// What a request failed of.
pub(super) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::BadRequest => "Die Anfrage ist so nicht ausführbar.",
        Cause::ContextTooLong => "Die Anfrage ist zu lang für das Modell.",
        Cause::BadKey => "Der Schlüssel des Clients fehlt oder ist falsch.",
        Cause::KeyLimit => "Der Schlüssel des Clients ist an seinem Limit.",
        Cause::KeyExpired => "Der Schlüssel des Clients ist abgelaufen.",
        Cause::ModelNotAllowed => "Der Schlüssel des Clients gilt nicht für das Modell.",
        Cause::NoSuchModel => "Das Modell gibt es nicht.",
        Cause::NoSuchPath => "Der aufgerufene Pfad wird nicht bedient.",
        Cause::TooLarge => "Die Anfrage ist zu groß.",
        Cause::SlowClient => "Der Client war zu langsam.",
        Cause::Unsupported => "Das kann Aerostat nicht.",
        Cause::Account => "Kein Konto konnte antworten.",
        Cause::Forbidden => "Der Anbieter erlaubt dem Konto das nicht.",
        Cause::QuotaSpent => "Das Kontingent des Kontos ist ausgeschöpft.",
        Cause::RateLimited => "Das Konto ist an einem Limit des Anbieters.",
        Cause::AllAtLimit => "Alle Konten sind an ihrem Limit.",
        Cause::Overloaded => "Der Anbieter ist überlastet.",
        Cause::Unreachable => "Der Anbieter ist nicht erreichbar.",
        Cause::Certificate => "Dem Zertifikat des Anbieters ist nicht zu trauen.",
        Cause::TimedOut => "Der Anbieter hat nicht rechtzeitig geantwortet.",
        Cause::BrokeOff => "Die Antwort brach ab.",
        Cause::Intercepted => "Etwas vor dem Anbieter hat an seiner Stelle geantwortet.",
        Cause::Malformed => "Die Antwort des Anbieters ist nicht lesbar.",
        Cause::Provider => "Beim Anbieter ist ein Fehler aufgetreten.",
        Cause::Stopped => "Aerostat wurde vor dem Ende der Antwort gestoppt.",
        Cause::Internal => "In Aerostat ist ein Fehler aufgetreten.",
    }
}
