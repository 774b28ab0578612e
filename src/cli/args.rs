//! The command line as it is written.

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::control::KEYS;

/// Keeps one local AI endpoint running. Without a verb it runs the agent.
#[derive(Debug, Parser)]
#[command(name = "aerostat", version)]
pub(super) struct Args {
    /// Run without a tray
    #[arg(long)]
    pub(super) headless: bool,
    /// Print facts as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Say how the agent stands
    Status,
    /// Open the agent's port
    Start,
    /// Close the agent's port once the answers under way have ended
    Stop,
    /// End the agent
    Quit,
    /// Read, check and change the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// The key of the API port
    #[command(subcommand)]
    Key(KeyVerb),
    /// Model names
    #[command(subcommand)]
    Model(ModelVerb),
    /// The services that are called
    #[command(subcommand)]
    Provider(ProviderVerb),
    /// Check every pair of dialects on this machine, offline
    Selftest,
    /// Print the completions of a shell
    Completions { shell: Shell },
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Print where the configuration file lies
    Path,
    /// Say what is wrong with the configuration
    Check,
    /// Print what is in force: one key, or all
    Get {
        #[arg(value_parser = KeyParser, hide_possible_values = true)]
        key: Option<String>,
    },
    /// Change keys, all or none
    Set {
        #[arg(required = true, num_args = 2.., value_names = ["KEY", "VALUE"])]
        changes: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyVerb {
    /// Print the local key; it is made on first need
    Show,
    /// Make another key, which is shown this once
    Create {
        /// What to call it, as in `laptop`
        name: String,
    },
    /// List the keys that were made, by their last characters
    List,
    /// Take a key back
    Revoke { name: String },
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelVerb {
    /// Say what a model name becomes, and why
    Try { name: String },
}

#[derive(Debug, Subcommand)]
pub(super) enum ProviderVerb {
    /// List the providers and whether they can serve
    List,
    /// List what a provider serves, or all of them
    Models { name: Option<String> },
}

/// Takes any text, and offers the keys that have a fixed name to completions.
#[derive(Clone)]
struct KeyParser;

impl TypedValueParser for KeyParser {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&clap::Arg>, value: &std::ffi::OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let fixed = KEYS.iter().filter(|key| !key.path.contains(['*', '[']));
        Some(Box::new(fixed.map(|key| PossibleValue::new(key.path).help(key.about))))
    }
}
