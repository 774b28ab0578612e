//! In German what [`crate::status`] and the verbs say in English: how the agent, its port and its
//! accounts stand, and what needs the user. What a provider said stays as it said it.

use super::view::LocalTime;
use crate::control::Cause;
use crate::control::status::{AccountCounts, Status};
use crate::status::{AgentStatus, BindFailure, BindFailureCause, PortOwner, PortStatus};

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
        Cause::Account => "Kein Konto war verfügbar.",
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
