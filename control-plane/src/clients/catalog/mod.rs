//! The clients, a file each. A new one is a file here and its line in [`ALL`].

mod aichat;
mod aider;
mod by_hand;
mod claude_code;
mod cline;
mod codex;
mod continue_dev;
mod copilot_cli;
mod crush;
mod droid;
mod environment;
mod gemini_cli;
mod goose;
mod junie;
mod kilo;
mod llm;
mod opencode;
mod pi;
mod qwen_code;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod round_trips;
mod vscode;
mod zed;

use super::client::{Client, Override, VariableValue};
use super::places::Place;

/// All clients, in the order in which people look for them.
pub static ALL: &[&Client] = &[
    &claude_code::CLAUDE_CODE,
    &vscode::CLAUDE_CODE,
    &codex::CODEX,
    &codex::PROFILE,
    &gemini_cli::GEMINI_CLI,
    &qwen_code::QWEN_CODE,
    &opencode::OPENCODE,
    &kilo::KILO,
    &crush::CRUSH,
    &goose::GOOSE,
    &droid::DROID,
    &cline::CLINE,
    &continue_dev::CONTINUE,
    &vscode::COPILOT,
    &zed::ZED,
    &copilot_cli::COPILOT_CLI,
    &junie::JUNIE,
    &aider::AIDER,
    &llm::LLM,
    &aichat::AICHAT,
    &pi::PI,
    &environment::OPENAI,
    &environment::ANTHROPIC,
    &environment::GEMINI,
    &by_hand::JETBRAINS_AI,
    &by_hand::XCODE,
    &by_hand::RAYCAST,
    &by_hand::OBSIDIAN_COPILOT,
    &by_hand::CHERRY_STUDIO,
    &by_hand::CHATBOX,
    &by_hand::ROO_CODE,
    &by_hand::OPEN_WEBUI,
    &by_hand::LIBRECHAT,
    &by_hand::N8N,
    &by_hand::OPENHANDS,
    &by_hand::CURSOR,
    &by_hand::WARP,
    &by_hand::AMP,
];

/// The client of that name, in that variant.
pub fn find(name: &str, variant: Option<&str>) -> Option<&'static Client> {
    ALL.iter()
        .copied()
        .find(|client| client.name == name && client.variant == variant)
}

/// The variables of the shell that say where files lie and where clients point.
pub fn plain_variables() -> impl Iterator<Item = &'static str> {
    let of_client = |client: &&'static Client| {
        let of_places = client.files().iter().flat_map(|file| of_place(&file.place));
        let of_overrides = client.overrides.iter().flat_map(of_override);
        let own = client.variables.iter();
        let own = own
            .filter(|variable| variable.value != VariableValue::Key)
            .map(|variable| variable.name);
        of_places.chain(of_overrides).chain(own).collect::<Vec<_>>()
    };
    ALL.iter().flat_map(of_client)
}

/// The variables that hold keys.
pub fn key_variables() -> impl Iterator<Item = &'static str> {
    let variables = ALL.iter().flat_map(|client| client.variables);
    variables
        .filter(|variable| variable.value == VariableValue::Key)
        .map(|variable| variable.name)
}

fn of_place(place: &Place) -> Vec<&'static str> {
    place.variables.iter().map(|(name, _)| *name).collect()
}

fn of_override(rule: &Override) -> Vec<&'static str> {
    match rule {
        Override::Variable(name) => vec![*name],
        Override::File { place, .. } => of_place(place),
        Override::Hides(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::client::Setup;

    #[test]
    fn what_a_refused_program_is_told_to_connect_is_a_client() {
        for name in crate::record::CONNECTABLE {
            assert!(find(name, None).is_some(), "{name}");
        }
    }

    #[test]
    fn no_two_clients_have_the_same_id_and_each_says_how_it_is_set_up() {
        let mut ids: Vec<String> = ALL.iter().map(|client| client.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
        for client in ALL {
            assert!(!client.title.is_empty(), "{}", client.id());
            match client.setup {
                Setup::Files(files) => assert!(!files.is_empty(), "{}", client.id()),
                Setup::Environment => assert!(!client.variables.is_empty(), "{}", client.id()),
                Setup::ByHand(_) | Setup::Impossible(_) => {}
            }
        }
    }
}
