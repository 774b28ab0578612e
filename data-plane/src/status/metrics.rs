//! How the port of the metrics stands.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::port::{BindFailure, local_url};

/// The port of the metrics, as the agent reports it.
///
/// ```json
/// {"kind": "open", "port": 9464, "refused": null}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MetricsStatus {
    /// None is configured.
    #[default]
    Off,
    Open {
        port: u16,
        /// Another port that is configured and cannot be opened.
        refused: Option<BindFailure>,
    },
    /// It cannot be opened for now; the agent tries again.
    Unavailable(BindFailure),
}

impl MetricsStatus {
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }

    /// Why the configured port is not open, where it is not.
    pub fn failure(&self) -> Option<&BindFailure> {
        match self {
            Self::Off => None,
            Self::Open { refused, .. } => refused.as_ref(),
            Self::Unavailable(failure) => Some(failure),
        }
    }
}

/// A sentence, with what to do where something is to be done.
impl fmt::Display for MetricsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => return f.write_str("off"),
            Self::Open { port, .. } => write!(f, "{}/metrics", local_url(*port))?,
            Self::Unavailable(_) => f.write_str("none")?,
        }
        match self.failure() {
            Some(failure) => {
                // A failure speaks of the setting that the API's port has.
                let why = failure.to_string().replace("`port`", "`metrics_port`");
                write!(f, ": {why}; it is tried again, and everything else works")
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{BindFailureCause, PortOwner};

    #[test]
    fn a_taken_port_is_blamed_on_its_own_setting() {
        let owner = PortOwner::Program {
            name: "node".to_owned(),
            pid: 4711,
        };
        let failure = BindFailure {
            port: 9464,
            cause: BindFailureCause::InUse { owner },
            detail: String::new(),
        };
        let said = MetricsStatus::Unavailable(failure.clone()).to_string();
        assert_eq!(
            said,
            "none: port 9464 is in use by node (4711); set `metrics_port` or stop it; it is tried again, and everything else works"
        );
        let moved = MetricsStatus::Open {
            port: 9463,
            refused: Some(failure),
        };
        assert!(
            moved
                .to_string()
                .starts_with("http://127.0.0.1:9463/metrics: port 9464")
        );
    }

    #[test]
    fn json_is_read_back_as_it_was_written() {
        for status in [
            MetricsStatus::Off,
            MetricsStatus::Open {
                port: 1,
                refused: None,
            },
        ] {
            let json = serde_json::to_string(&status).unwrap();
            assert_eq!(
                serde_json::from_str::<MetricsStatus>(&json).unwrap(),
                status
            );
        }
    }
}
