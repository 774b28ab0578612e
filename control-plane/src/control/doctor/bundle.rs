//! One readable file for a person who is asked for help: what was found, how everything stands, and
//! no secret.
//!
//! Prompts and answers are never in it, and neither is the vault or a database. The agent takes out
//! what it knows by value, the command what it knows, and both what looks like a secret. Where the
//! vault stays shut, its secrets are not known, and texts that a person wrote are left out.

use std::fmt::Write as _;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::check::{Report, State};
use super::redaction::{self, Clean};
use crate::account::Secret;
use crate::config::{Home, local_key};
use crate::control::wire::ControlError;
use crate::status::rfc3339;

/// Variables whose values say nothing about a person.
const SHOWN_VARIABLES: &[&str] = &[
    "AEROSTAT_LOG",
    "LANG",
    "LC_ALL",
    "NO_PROXY",
    "XDG_CURRENT_DESKTOP",
    "XDG_SESSION_TYPE",
    "no_proxy",
];
/// How names of variables begin or end of which only their presence is told.
const NAMED_VARIABLES: &[&str] = &[
    "AEROSTAT_",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS",
    "APPIMAGE",
];

/// One part of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub title: String,
    pub text: String,
}

impl Section {
    pub(in crate::control) fn new(title: &str, text: impl Into<String>) -> Self {
        Self {
            title: title.to_owned(),
            text: text.into(),
        }
    }

    /// As JSON; why it cannot be had where it cannot.
    pub(in crate::control) fn json<T: Serialize>(
        title: &str,
        facts: Result<T, ControlError>,
    ) -> Self {
        let text = match facts {
            Ok(facts) => serde_json::to_string_pretty(&facts).unwrap_or_default(),
            Err(error) => format!("not available: {error}"),
        };
        Self::new(title, text)
    }

    fn cleaned(self, known: &[Secret]) -> (Self, u64) {
        let Clean { text, redactions } = redaction::clean(&self.text, known);
        (Self { text, ..self }, redactions)
    }
}

/// Sections without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectedSections {
    pub sections: Vec<Section>,
    pub redactions: u64,
    /// Whether everything that the vault holds was known, and so taken out by its value.
    pub knows_all: bool,
}

/// A bundle, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub text: String,
    /// The titles of what is in it.
    pub contents: Vec<String>,
    pub redactions: u64,
}

/// What the command itself adds.
pub(in crate::control) fn of_command(report: &Report, home: &Home) -> Vec<Section> {
    let mut findings = String::new();
    for check in &report.checks {
        // Writing into a text cannot fail.
        let _ = writeln!(
            findings,
            "{:7} {:13} {}",
            check.state.name(),
            check.area.name(),
            check.what
        );
        if let Some(next) = &check.next_step {
            let _ = writeln!(findings, "{:21} -> {next}", "");
        }
    }
    let system = format!(
        "aerostat {} on {} {}, {}\nhome: {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        if cfg!(feature = "desktop") {
            "with a tray"
        } else {
            "built without a tray"
        },
        home.folder().display(),
    );
    let findings_of = |state| report.count(state);
    let summary = format!(
        "{} failed, {} warnings, {} ok\n\n{findings}",
        findings_of(State::Failed),
        findings_of(State::Warning),
        findings_of(State::Ok)
    );
    vec![
        Section::new("findings", summary),
        Section::new("program", system),
        Section::new(
            "environment of this command",
            environment_lines(std::env::vars_os()),
        ),
    ]
}

/// The variables that matter, sorted. Of most only whether they are set.
fn environment_lines(
    variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
) -> String {
    let mut lines: Vec<String> = variables
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let is_proxy = name.to_ascii_uppercase().ends_with("_PROXY");
            let is_key = name.ends_with("_KEY") || name.ends_with("_TOKEN");
            if SHOWN_VARIABLES.contains(&&*name) || is_proxy {
                return Some(format!("{name} = {}", value.to_string_lossy()));
            }
            let is_named = NAMED_VARIABLES.iter().any(|begin| name.starts_with(begin));
            (is_named || is_key).then(|| format!("{name}: set"))
        })
        .collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The sections without secrets: those in `known`, and those of this process' environment.
pub(in crate::control) fn cleaned(
    sections: Vec<Section>,
    mut known: Vec<Secret>,
) -> (Vec<Section>, u64) {
    known.extend(secrets_of_environment());
    let mut redactions = 0;
    let sections = sections.into_iter().map(|section| {
        let (section, taken) = section.cleaned(&known);
        redactions += taken;
        section
    });
    (sections.collect(), redactions)
}

/// The secrets in this process' environment.
pub(in crate::control) fn secrets_of_environment() -> Vec<Secret> {
    redaction::of_environment(std::env::vars_os().filter_map(text_pair))
}

fn text_pair((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// The whole text. `own` stands alone where nothing could be collected.
pub(in crate::control) fn finish(
    own: Vec<Section>,
    collected: Result<CollectedSections, ControlError>,
    home: &Home,
) -> Bundle {
    let (mut sections, mut redactions, knows_all) = match collected {
        Ok(collected) => (
            collected.sections,
            collected.redactions,
            collected.knows_all,
        ),
        Err(error) => {
            let mut sections = own;
            sections.push(Section::new("not collected", error.to_string()));
            (sections, 0, false)
        }
    };
    let taken;
    (sections, taken) = cleaned(sections, local_key::read(home).into_iter().collect());
    redactions += taken;
    for section in &mut sections {
        section.text = without_user_folder(&section.text);
    }
    let contents: Vec<String> = sections
        .iter()
        .map(|section| section.title.clone())
        .collect();
    let mut text = head(&contents, redactions, knows_all);
    for Section { title, text: body } in &sections {
        let _ = write!(text, "\n==== {title} ====\n\n{}\n", body.trim_end());
    }
    Bundle {
        text,
        contents,
        redactions,
    }
}

fn head(contents: &[String], redactions: u64, knows_all: bool) -> String {
    let by_value = if knows_all {
        "Every key and token that Aerostat has was looked for by its value, and what looks like one by its form."
    } else {
        "The vault stayed shut, so its secrets could not be looked for by their value: config.toml and the agent's\nlog are left out."
    };
    format!(
        "Aerostat, what `aerostat doctor` found. Made {} by version {}.\n\n\
         In it: {}.\n\
         Not in it: prompts, answers, keys, tokens, the vault, the databases.\n\
         {by_value} Taken out: {redactions} places, each marked [redacted].\n\
         Names of accounts, models, hosts and files are in it. Read it before you pass it on.\n",
        rfc3339(SystemTime::now()),
        env!("CARGO_PKG_VERSION"),
        contents.join(", "),
    )
}

/// A path tells who its owner is.
fn without_user_folder(text: &str) -> String {
    let folder = std::env::var(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
    match folder {
        Ok(folder) if folder.len() > 1 => text.replace(&folder, "~"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_most_variables_only_the_name_is_told() {
        let variables = [
            ("OPENAI_API_KEY", "sk-1"),
            ("AEROSTAT_HOME", "/home/me"),
            ("LANG", "de_DE.UTF-8"),
            ("EDITOR", "vi"),
            ("https_proxy", "http://p"),
        ];
        let lines = environment_lines(variables.into_iter().map(|(n, v)| (n.into(), v.into())));
        assert_eq!(
            lines,
            "AEROSTAT_HOME: set\nLANG = de_DE.UTF-8\nOPENAI_API_KEY: set\nhttps_proxy = http://p"
        );
    }

    #[test]
    fn a_bundle_says_what_is_in_it_and_what_could_not_be_looked_for() {
        let home = Home::at("/nowhere");
        let own = vec![Section::new("findings", "token = \"abc\"")];
        let failed = finish(own.clone(), Err(ControlError::quoted("it hangs")), &home);
        assert!(failed.text.contains("In it: findings, not collected."));
        assert!(
            failed
                .text
                .contains("config.toml and the agent's\nlog are left out")
        );
        assert!(failed.text.contains("token = \"[redacted]\""));
        assert_eq!(failed.redactions, 1);
        let collected = CollectedSections {
            sections: own,
            redactions: 4,
            knows_all: true,
        };
        let whole = finish(Vec::new(), Ok(collected), &home);
        assert!(whole.text.contains("Taken out: 5 places"), "{}", whole.text);
    }
}
