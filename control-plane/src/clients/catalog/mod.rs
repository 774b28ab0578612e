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

use std::sync::LazyLock;

use super::client::{
    BLANK, Client, Content, FileRule, Override, Setup, Text, VariableValue, Warning,
};
use super::places::Place;
use super::shell::Shell;

/// All clients, in the order in which people look for them.
pub static ALL: &[&Client] = &[
    &claude_code::CLAUDE_CODE,
    &vscode::CLAUDE_CODE,
    &codex::CODEX,
    &codex::PROFILE,
    &gemini_cli::GEMINI_CLI,
    &gemini_cli::DOTENV,
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

/// The variant of a client whose variables stand in the profile of the person's shell.
pub const IN_SHELL: &str = "shell";

/// Each client that reads variables, with these in the profile of the person's shell.
pub static IN_PROFILES: LazyLock<Vec<Client>> = LazyLock::new(|| {
    let named = ALL.iter().filter(|client| client.variant.is_none());
    let by_variables = named.filter(|client| !client.variables.is_empty());
    by_variables.map(|client| in_profile(client)).collect()
});

/// Made once a process, so what it leaks is bounded by the catalog.
fn in_profile(client: &'static Client) -> Client {
    let file = FileRule {
        place: Place::found_by(|at| Some(Shell::with_profile(at)?.1)),
        content: Content::Variables(client),
        base_url: &[],
    };
    Client {
        name: client.name,
        variant: Some(IN_SHELL),
        title: format!("{} in your shell", client.title).leak(),
        setup: Setup::Files(Vec::leak(vec![file])),
        tiers: client.tiers,
        warnings: shell_warnings(client),
        afterwards: Text::new(
            "Shells that you open from now on have the variables; programs that were not started from a shell do not.",
            "Shells, die Sie ab jetzt öffnen, haben die Variablen; Programme, die nicht aus einer Shell gestartet wurden, haben sie nicht.",
        ),
        once_undone: Text::new(
            "Shells that are open keep the variables until they are closed.",
            "Offene Shells behalten die Variablen, bis sie geschlossen werden.",
        ),
        ..BLANK
    }
}

/// What to know before a client's variables are set for a whole shell.
pub fn shell_warnings(client: &Client) -> &'static [Warning] {
    const REDIRECTS: &str = "ANTHROPIC_BASE_URL";
    let mut variables = client.variables.iter();
    if variables.any(|variable| variable.name == REDIRECTS) {
        environment::ANTHROPIC.warnings
    } else if client.files().is_empty() {
        client.warnings
    } else {
        &[]
    }
}

/// The client of that name, in that variant.
pub fn find(name: &str, variant: Option<&str>) -> Option<&'static Client> {
    ALL.iter()
        .copied()
        .chain(&*IN_PROFILES)
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
