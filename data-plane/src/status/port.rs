//! How the API port and the agent that opens it stand.

use std::borrow::Cow;
use std::fmt;

use super::texts::Texts;
use crate::language::{InLanguage, Language};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct as _};

/// The API port, as the agent reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PortStatus {
    #[default]
    Starting,
    Running {
        port: u16,
        /// Whether other machines may call.
        is_exposed: bool,
        /// Another port, or the same one for other machines, that is configured and cannot be
        /// opened.
        refused: Option<BindFailure>,
    },
    /// Closed; the last responses are still being sent.
    Draining,
    /// The user closed it.
    Stopped,
    /// It cannot be opened for now; the agent tries again.
    Unavailable(BindFailure),
    /// The agent is about to end.
    Ending,
}

/// A port that cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindFailure {
    pub port: u16,
    pub cause: BindFailureCause,
    /// The system's error with the addresses that failed, as a sentence.
    pub detail: String,
}

/// Why a port cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BindFailureCause {
    /// It may become free by itself.
    InUse { owner: PortOwner },
    /// The system does not let this program open it.
    Refused,
}

/// Who listens on a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PortOwner {
    /// The agent of another home.
    Aerostat,
    Program {
        name: String,
        pid: u32,
    },
    /// The system does not tell.
    Unknown,
}

/// The agent of a home.
///
/// The JSON form is `state`, `detail` and `is_exposed` for scripts, and `status`, which alone is
/// read back. An agent of an older version does not send `status`; it is then read as starting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "kind", rename_all = "snake_case")]
pub enum AgentStatus {
    Running {
        port: PortStatus,
    },
    NotRunning {
        /// As configured.
        port: u16,
        /// Who listens on it instead.
        owner: Option<PortOwner>,
    },
}

/// The address under which programs of this machine reach the API port.
pub fn local_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

impl PortStatus {
    /// The status as one word, for scripts.
    fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running { .. } => "running",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Unavailable(failure) => match failure.cause {
                BindFailureCause::InUse { .. } => "port_in_use",
                BindFailureCause::Refused => "port_refused",
            },
            Self::Ending => "ending",
        }
    }

    /// Whether it is closed, or being closed, because the user or the agent's end wants it so.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Draining | Self::Stopped | Self::Ending)
    }

    /// The open port.
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Running { port, .. } => Some(*port),
            _ => None,
        }
    }
}

/// A sentence, with what to do where something is to be done.
impl fmt::Display for PortStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Running { port, refused, .. } => {
                write!(f, "running at {}", local_url(*port))?;
                match refused {
                    Some(failure) => write!(f, ", and not as configured: {failure}"),
                    None => Ok(()),
                }
            }
            Self::Draining => {
                f.write_str("stopping: the port is closed, the last responses are being sent")
            }
            Self::Stopped => f.write_str("stopped: the port is closed; `aerostat start` opens it"),
            Self::Unavailable(failure) => {
                write!(f, "{failure}; it is tried again")?;
                match failure.cause {
                    BindFailureCause::InUse { .. } => f.write_str(" until it is free"),
                    BindFailureCause::Refused => Ok(()),
                }
            }
            Self::Ending => f.write_str("about to end"),
        }
    }
}

impl BindFailure {
    pub fn is_in_use(&self) -> bool {
        matches!(self.cause, BindFailureCause::InUse { .. })
    }
}

impl InLanguage for BindFailure {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let (text, port) = (Texts(language), self.port);
        Cow::Owned(match &self.cause {
            BindFailureCause::InUse {
                owner: PortOwner::Aerostat,
            } => text.port_of_another_home(port),
            BindFailureCause::InUse {
                owner: owner @ PortOwner::Program { .. },
            } => text.port_in_use_by(port, owner.text(language)),
            BindFailureCause::InUse {
                owner: PortOwner::Unknown,
            }
            | BindFailureCause::Refused => text.port_cannot_be_opened(port, &self.detail),
        })
    }
}

impl fmt::Display for BindFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&InLanguage::text(self, Language::English))
    }
}

impl PortOwner {
    /// `python3 (4711)`.
    pub fn text(&self, language: Language) -> String {
        match self {
            Self::Aerostat => Texts(language).another_aerostat().to_owned(),
            Self::Program { name, pid } => format!("{name} ({pid})"),
            Self::Unknown => Texts(language).another_program().to_owned(),
        }
    }
}

impl fmt::Display for PortOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl Default for AgentStatus {
    fn default() -> Self {
        Self::Running {
            port: PortStatus::Starting,
        }
    }
}

impl AgentStatus {
    /// The status as one word, for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running { port } => port.name(),
            Self::NotRunning { owner: None, .. } => "not_running",
            Self::NotRunning { owner: Some(_), .. } => "port_taken",
        }
    }

    /// The API port, where the agent runs.
    pub fn port(&self) -> Option<&PortStatus> {
        match self {
            Self::Running { port } => Some(port),
            Self::NotRunning { .. } => None,
        }
    }

    /// Whether other machines may call.
    pub fn is_exposed(&self) -> bool {
        matches!(
            self,
            Self::Running {
                port: PortStatus::Running {
                    is_exposed: true,
                    ..
                }
            }
        )
    }
}

/// A sentence, with what to do where something is to be done.
impl fmt::Display for AgentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (port, owner) = match self {
            Self::Running { port } => return write!(f, "{port}"),
            Self::NotRunning { port, owner } => (local_url(*port), owner),
        };
        match owner {
            None => write!(f, "not running: nothing answers at {port}"),
            Some(PortOwner::Aerostat) => write!(
                f,
                "not running: an aerostat of another home has the port of {port}; set another `port`"
            ),
            Some(owner) => write!(
                f,
                "not running: {owner} has the port of {port}; stop it or set another `port`"
            ),
        }
    }
}

impl Serialize for AgentStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("AgentStatus", 4)?;
        json.serialize_field("state", self.name())?;
        json.serialize_field("detail", &self.to_string())?;
        json.serialize_field("is_exposed", &self.is_exposed())?;
        json.serialize_field("status", &Typed(self.clone()))?;
        json.end()
    }
}

impl<'de> Deserialize<'de> for AgentStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Json {
            status: Option<Typed>,
        }
        let json = Json::deserialize(deserializer)?;
        Ok(json.status.map(|Typed(status)| status).unwrap_or_default())
    }
}

/// The typed fields alone.
#[derive(Serialize, Deserialize)]
struct Typed(#[serde(with = "AgentStatus")] AgentStatus);

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(cause: BindFailureCause) -> BindFailure {
        BindFailure {
            port: 80,
            cause,
            detail: "no".to_owned(),
        }
    }

    fn in_use(owner: PortOwner) -> BindFailure {
        failure(BindFailureCause::InUse { owner })
    }

    #[test]
    fn a_port_that_nobody_has_is_not_waited_for() {
        let words = |failure| {
            let status = PortStatus::Unavailable(failure);
            (status.name(), status.to_string())
        };
        assert_eq!(
            words(in_use(PortOwner::Unknown)),
            (
                "port_in_use",
                "no; it is tried again until it is free".to_owned()
            )
        );
        assert_eq!(
            words(failure(BindFailureCause::Refused)),
            ("port_refused", "no; it is tried again".to_owned())
        );
    }

    #[test]
    fn a_status_reads_back_from_its_typed_fields() {
        let program = PortOwner::Program {
            name: "nc".to_owned(),
            pid: 7,
        };
        let ports = [
            PortStatus::Starting,
            PortStatus::Running {
                port: 1,
                is_exposed: true,
                refused: Some(in_use(program.clone())),
            },
            PortStatus::Unavailable(failure(BindFailureCause::Refused)),
            PortStatus::Ending,
        ];
        let running = ports.into_iter().map(|port| AgentStatus::Running { port });
        let not_running = AgentStatus::NotRunning {
            port: 80,
            owner: Some(program),
        };
        for status in running.chain([not_running]) {
            let mut json = serde_json::to_value(&status).unwrap();
            assert_eq!(json["state"], status.name());
            json["state"] = "reworded".into();
            json["detail"] = "reworded".into();
            assert_eq!(serde_json::from_value::<AgentStatus>(json).unwrap(), status);
        }
    }

    #[test]
    fn an_older_agents_status_can_be_read() {
        let json = serde_json::json!({"state": "running", "detail": "running"});
        let status: AgentStatus = serde_json::from_value(json).unwrap();
        assert_eq!(status, AgentStatus::default());
    }
}
