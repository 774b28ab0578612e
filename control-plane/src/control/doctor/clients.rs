//! How the clients stand that are pointed here.

use super::check::{Area, Check};
use crate::clients::ClientState;
use crate::control::clients::ClientFacts;

/// The findings: those that are connected, or seem to be; the others are none of our business.
pub(in crate::control) fn checks(clients: &[ClientFacts]) -> Vec<Check> {
    let checks: Vec<Check> = clients.iter().filter_map(check).collect();
    if checks.is_empty() {
        let what =
            "no client is connected; `aerostat client list` names those that one command connects";
        return vec![Check::ok(Area::Clients, what)];
    }
    checks
}

fn check(client: &ClientFacts) -> Option<Check> {
    let name = match &client.variant {
        Some(variant) => format!("{} --{variant}", client.name),
        None => client.name.clone(),
    };
    if let Some(owner) = &client.port_owner {
        let what =
            format!("{name} asks a port that {owner} has, and sends it what it would send here");
        let next =
            format!("end that program, or `aerostat client connect {name}` once the port is right");
        return Some(Check::failed(Area::Clients, what, next));
    }
    let is_ours = client.connected_at.is_some();
    let again = format!(
        "`aerostat client connect {name}` points it here again, `disconnect` undoes what was done"
    );
    Some(match &client.state {
        ClientState::Connected | ClientState::Edited { .. } => {
            Check::ok(Area::Clients, format!("{name} points here"))
        }
        ClientState::Overridden { by } => Check::warning(
            Area::Clients,
            format!(
                "{name} is set up to point here, and {} beats that",
                by.join(" and ")
            ),
            "take that away where it is set, or leave it if it is meant",
        ),
        ClientState::Elsewhere { url } if is_ours => Check::warning(
            Area::Clients,
            format!("{name} was connected, and points to {url} now"),
            again,
        ),
        ClientState::NotConnected | ClientState::NotInstalled if is_ours => Check::warning(
            Area::Clients,
            format!("{name} was connected, and does not point here any more"),
            again,
        ),
        ClientState::Unreadable { why } => Check::warning(
            Area::Clients,
            format!("{name}: {why}"),
            "mend that file; until then neither the client nor Aerostat reads it",
        ),
        ClientState::VariablesMissing { names } if is_ours => Check::warning(
            Area::Clients,
            format!(
                "{name} needs variables that this shell does not have: {}",
                names.join(", ")
            ),
            format!(
                "`aerostat client env {name}` prints them, `aerostat client run {name}` starts it with them"
            ),
        ),
        ClientState::NotConnected
        | ClientState::NotInstalled
        | ClientState::Elsewhere { .. }
        | ClientState::VariablesMissing { .. }
        | ClientState::ByHand
        | ClientState::Impossible { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;
    use crate::language::Said;
    use crate::status::PortOwner;

    fn client(state: ClientState, is_ours: bool) -> ClientFacts {
        ClientFacts {
            name: "codex".to_owned(),
            variant: None,
            title: "Codex".to_owned(),
            state,
            is_found: true,
            has_receipt: is_ours,
            connected_at: is_ours.then(|| "2026-11-30".to_owned()),
            files: Vec::new(),
            port_owner: None,
        }
    }

    fn found(state: ClientState, is_ours: bool) -> Option<State> {
        check(&client(state, is_ours)).map(|check| check.state)
    }

    #[test]
    fn who_is_connected_and_who_was_is_told() {
        let elsewhere = || ClientState::Elsewhere {
            url: "https://vendor.example".to_owned(),
        };
        let missing = || ClientState::VariablesMissing {
            names: vec!["A".to_owned()],
        };
        let beaten = ClientState::Overridden {
            by: vec!["a variable".to_owned()],
        };
        let unreadable = ClientState::Unreadable {
            why: Said::quoted("line 1"),
        };
        for (state, is_ours, expected) in [
            (ClientState::Connected, true, Some(State::Ok)),
            (
                ClientState::Edited { keys: Vec::new() },
                true,
                Some(State::Ok),
            ),
            (elsewhere(), true, Some(State::Warning)),
            (elsewhere(), false, None),
            (missing(), true, Some(State::Warning)),
            (missing(), false, None),
            (beaten, true, Some(State::Warning)),
            (unreadable, false, Some(State::Warning)),
            (ClientState::NotInstalled, false, None),
        ] {
            assert_eq!(found(state.clone(), is_ours), expected, "{state:?}");
        }
        assert_eq!(checks(&[])[0].state, State::Ok);
    }

    #[test]
    fn a_port_that_another_program_has_fails() {
        let taken = ClientFacts {
            port_owner: Some(PortOwner::Unknown),
            ..client(ClientState::Connected, true)
        };
        assert_eq!(check(&taken).unwrap().state, State::Failed);
    }
}
