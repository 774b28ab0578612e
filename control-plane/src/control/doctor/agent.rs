//! Whether the agent runs, and who has the port.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use super::check::{Area, Check};
use crate::control::status::{Found, Status, probe_at};
use crate::control::wire::{ControlError, ErrorKind};
use crate::status::{AgentStatus, BindFailureCause, PortOwner, PortStatus};

const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// What answers at the port, on both of the machine's own addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control) struct Answering {
    pub(in crate::control) v4: Found,
    /// `None` on a machine without IPv6.
    pub(in crate::control) v6: Option<Found>,
}

impl Answering {
    /// Asks. Blocks for seconds at most.
    pub(in crate::control) fn at(port: u16) -> Self {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        let has_v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        Self {
            v4: probe_at(v4, PROBE_TIMEOUT),
            v6: has_v6.then(|| probe_at(v6, PROBE_TIMEOUT)),
        }
    }
}

/// Findings about the agent itself. `status` is what it says, or what is found where none runs.
pub(in crate::control) fn of_agent(status: &Result<Status, ControlError>) -> Vec<Check> {
    let status = match status {
        Ok(status) => status,
        Err(error) if error.kind == ErrorKind::NotRunning => {
            let next = "`aerostat` starts it once the configuration is right";
            return vec![Check::warning(Area::Agent, "no agent runs", next)];
        }
        Err(error) => return vec![Check::of_error(Area::Agent, &error.to_string())],
    };
    if matches!(status.agent, AgentStatus::NotRunning { .. }) {
        let what = "no agent runs: clients find nothing to talk to";
        return vec![Check::warning(Area::Agent, what, "`aerostat` starts it")];
    }
    let own = env!("CARGO_PKG_VERSION");
    let version = status.version.as_deref().unwrap_or("of an old version");
    let pid = status
        .pid
        .map_or_else(String::new, |pid| format!(" (process {pid})"));
    let runs = format!("Aerostat {version} runs{pid}");
    let mut checks = vec![if version == own {
        Check::ok(Area::Agent, runs)
    } else {
        let what = format!("{runs}, and this command is version {own}");
        Check::warning(
            Area::Agent,
            what,
            "`aerostat --take-over` puts this version in its place",
        )
    }];
    if let Some(reason) = &status.lan_refused {
        let what = format!("other machines are not served: {reason}");
        checks.push(Check::warning(
            Area::Agent,
            what,
            "turn authentication on with `aerostat config set auth_mode auto`, or `allow_lan_access` off",
        ));
    }
    if status.bodies_refused > 0 {
        let what = format!(
            "{} requests found no room in memory since the start",
            status.bodies_refused
        );
        checks.push(Check::warning(
            Area::Agent,
            what,
            "raise `limits.bodies_bytes_max`",
        ));
    }
    checks
}

/// Findings about the port.
pub(in crate::control) fn of_port(status: &Status, answering: Answering) -> Vec<Check> {
    match &status.agent {
        AgentStatus::NotRunning { port, owner } => vec![free_port(*port, owner.as_ref())],
        AgentStatus::Running { port } => of_open_port(port, answering),
    }
}

/// Of a port that no agent of this home has.
fn free_port(port: u16, owner: Option<&PortOwner>) -> Check {
    match owner {
        None => Check::ok(Area::Port, format!("port {port} is free")),
        Some(owner) => taken_port(port, owner),
    }
}

fn taken_port(port: u16, owner: &PortOwner) -> Check {
    match owner {
        PortOwner::Aerostat => Check::failed(
            Area::Port,
            format!("port {port} is in use by an Aerostat of another home or user"),
            "end that one, or set another port with `aerostat config set port NUMBER`",
        ),
        owner => Check::failed(
            Area::Port,
            format!("port {port} is in use by {owner}"),
            "end that program, or set another port with `aerostat config set port NUMBER`",
        ),
    }
}

fn of_open_port(port: &PortStatus, answering: Answering) -> Vec<Check> {
    match port {
        PortStatus::Running {
            port,
            is_exposed,
            refused,
        } => {
            let mut checks = vec![answered(*port, *is_exposed, answering)];
            if let Some(failure) = refused {
                let check = Check::of_error(Area::Port, &failure.to_string());
                checks.push(check.into_warning());
            }
            checks
        }
        PortStatus::Unavailable(failure) => vec![match &failure.cause {
            BindFailureCause::InUse { owner } if *owner != PortOwner::Unknown => {
                taken_port(failure.port, owner)
            }
            _ => Check::of_error(Area::Port, &failure.to_string()),
        }],
        PortStatus::Stopped | PortStatus::Draining => vec![Check::warning(
            Area::Port,
            "the port is closed, as you wanted it",
            "`aerostat start` opens it",
        )],
        PortStatus::Starting | PortStatus::Ending => vec![Check::warning(
            Area::Port,
            format!("the agent is {}", word(port)),
            "try again in a moment",
        )],
    }
}

fn word(port: &PortStatus) -> &'static str {
    match port {
        PortStatus::Ending => "about to end",
        _ => "starting",
    }
}

/// Of a port that the agent says is open.
fn answered(port: u16, is_exposed: bool, answering: Answering) -> Check {
    let also = if is_exposed {
        ", and to other machines"
    } else {
        ""
    };
    match (answering.v4, answering.v6) {
        (Found::Aerostat, None) => Check::ok(
            Area::Port,
            format!("127.0.0.1:{port} answers{also}; this machine has no IPv6"),
        ),
        (Found::Aerostat, Some(Found::Aerostat)) => Check::ok(
            Area::Port,
            format!("127.0.0.1:{port} and [::1]:{port} answer{also}"),
        ),
        (Found::Aerostat, Some(Found::Nothing)) => Check::warning(
            Area::Port,
            format!("127.0.0.1:{port} answers, and [::1]:{port} does not"),
            "write 127.0.0.1 instead of localhost into clients",
        ),
        (Found::Aerostat, Some(Found::Other)) => Check::failed(
            Area::Port,
            format!(
                "another program answers at [::1]:{port}: a client that says localhost may ask it"
            ),
            "end that program, or write 127.0.0.1 instead of localhost into clients",
        ),
        (Found::Nothing, _) => Check::failed(
            Area::Port,
            format!("the agent has opened port {port}, and nothing answers at 127.0.0.1:{port}"),
            "look for a firewall or a container that keeps this shell from the agent",
        ),
        (Found::Other, _) => Check::failed(
            Area::Port,
            format!("what answers at 127.0.0.1:{port} is not Aerostat"),
            "look for a program that redirects connections of this machine, such as a VPN or a filter",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;
    use crate::status::{BindFailure, BindFailureCause};

    const BOTH: Answering = Answering {
        v4: Found::Aerostat,
        v6: Some(Found::Aerostat),
    };

    fn with_agent(agent: AgentStatus) -> Status {
        Status {
            agent,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            ..Status::default()
        }
    }

    fn open(is_exposed: bool) -> Status {
        with_agent(AgentStatus::Running {
            port: PortStatus::Running {
                port: 8045,
                is_exposed,
                refused: None,
            },
        })
    }

    fn states(checks: &[Check]) -> Vec<State> {
        checks.iter().map(|check| check.state).collect()
    }

    #[test]
    fn an_open_port_that_answers_on_both_addresses_is_well() {
        let checks = of_port(&open(false), BOTH);
        assert_eq!(checks[0].what, "127.0.0.1:8045 and [::1]:8045 answer");
        let v4_only = Answering { v6: None, ..BOTH };
        assert_eq!(states(&of_port(&open(true), v4_only)), [State::Ok]);
    }

    #[test]
    fn who_else_answers_is_told() {
        for (v4, v6, state) in [
            (Found::Aerostat, Found::Nothing, State::Warning),
            (Found::Aerostat, Found::Other, State::Failed),
            (Found::Nothing, Found::Aerostat, State::Failed),
            (Found::Other, Found::Aerostat, State::Failed),
        ] {
            let answering = Answering { v4, v6: Some(v6) };
            let checks = of_port(&open(false), answering);
            assert_eq!(states(&checks), [state], "{checks:?}");
            assert!(checks[0].next_step.is_some());
        }
    }

    #[test]
    fn a_taken_port_names_its_holder_and_what_to_do() {
        let owner = PortOwner::Program {
            name: "python3".to_owned(),
            pid: 4711,
        };
        let nothing = Answering {
            v4: Found::Other,
            v6: None,
        };
        let without = with_agent(AgentStatus::NotRunning {
            port: 8045,
            owner: Some(owner.clone()),
        });
        let failure = BindFailure {
            port: 8045,
            cause: BindFailureCause::InUse { owner },
            detail: String::new(),
        };
        let with = with_agent(AgentStatus::Running {
            port: PortStatus::Unavailable(failure),
        });
        for status in [without, with] {
            let checks = of_port(&status, nothing);
            assert_eq!(states(&checks), [State::Failed]);
            assert!(
                checks[0].what.contains("python3 (4711)"),
                "{}",
                checks[0].what
            );
            let next = checks[0].next_step.as_deref().unwrap_or_default();
            assert!(next.contains("`aerostat config set port NUMBER`"), "{next}");
        }
    }

    #[test]
    fn an_agent_of_another_version_or_none_is_a_warning() {
        let mut other = open(false);
        other.version = Some("9.9.9".to_owned());
        assert_eq!(states(&of_agent(&Ok(other))), [State::Warning]);
        let none = with_agent(AgentStatus::NotRunning {
            port: 1,
            owner: None,
        });
        assert_eq!(states(&of_agent(&Ok(none))), [State::Warning]);
        assert_eq!(states(&of_agent(&Ok(open(false)))), [State::Ok]);
        let hangs = ControlError::quoted("the agent did not answer within 20 s");
        assert_eq!(states(&of_agent(&Err(hangs))), [State::Failed]);
    }
}
