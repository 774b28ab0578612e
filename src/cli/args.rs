//! The command line as a person writes it.

use std::path::PathBuf;

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
    /// Open the dashboard once the agent runs
    #[arg(long, conflicts_with = "headless")]
    pub(super) open: bool,
    /// Started by the session: where an agent runs already, leave it alone
    #[arg(long, hide = true, conflicts_with = "open")]
    pub(super) at_login: bool,
    /// End an agent of another version that runs, and take its place
    #[arg(long)]
    pub(super) take_over: bool,
    /// Print facts as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say how the agent stands
    Status,
    /// Open the agent's port
    Start,
    /// Close the agent's port once the responses in flight have ended
    Stop,
    /// End the agent
    Quit,
    /// Open the dashboard in a browser
    Open {
        /// Print its address instead; it works once, within a minute
        #[arg(long)]
        print: bool,
    },
    /// Turn starting at login on or off
    #[command(subcommand)]
    Autostart(AutostartCommand),
    /// Undo start at login, and end the agent
    Uninstall {
        /// Remove settings, accounts and keys too
        #[arg(long)]
        purge: bool,
    },
    /// Read, check and change the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The key of the API port
    #[command(subcommand)]
    Key(KeyCommand),
    /// Model names
    #[command(subcommand)]
    Model(ModelCommand),
    /// The services that are called
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Your accounts at the providers
    #[command(subcommand)]
    Account(AccountCommand),
    /// Say what became of a request, and what to do now
    Explain {
        /// What the answer's `x-aerostat-request-id` says
        id: String,
    },
    /// Check every pair of dialects on this machine, offline
    Selftest,
    /// Print the completions of a shell
    Completions { shell: Shell },
    /// Write the manual's pages into a folder
    #[command(hide = true)]
    Man { folder: PathBuf },
}

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Add an account; its key is asked for without being shown, and never taken from the arguments
    Add {
        /// A preset or a provider of the configuration
        provider: String,
        /// What to call it, instead of by its provider
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        credential: CredentialArgs,
        /// Store it although the provider refuses it
        #[arg(long)]
        keep: bool,
        /// Store it in plain text where nothing can seal it
        #[arg(long)]
        insecure_plaintext: bool,
    },
    /// List the accounts with their state and limits
    List,
    /// Show all that is known of an account
    Show { name: String },
    /// Make a call as an account
    Test { name: String },
    /// Let an account serve again
    Enable { name: String },
    /// Keep an account from serving, from the next request on
    Disable { name: String },
    /// Remove an account with its credential
    Remove {
        name: String,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Enter an account's credential again
    Login {
        name: String,
        #[command(flatten)]
        credential: CredentialArgs,
        /// Keep the credential and let it go to the provider's new address
        #[arg(long, conflicts_with_all = ["stdin", "oauth", "refresh_token_stdin", "service_account_stdin"])]
        confirm_address: bool,
        /// Store it although the provider refuses it
        #[arg(long)]
        keep: bool,
        /// Store it in plain text where nothing can seal it
        #[arg(long)]
        insecure_plaintext: bool,
    },
    /// Change an account's settings
    Set {
        name: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// End an account's cooldowns by hand
    Clear { name: String },
    /// Write all accounts to a file that is sealed with a passphrase
    Export {
        file: PathBuf,
        /// Read the passphrase from standard input
        #[arg(long)]
        passphrase_stdin: bool,
    },
    /// Take accounts over from such a file; without `--yes` it only says what would change
    Import {
        file: PathBuf,
        /// Read the passphrase from standard input
        #[arg(long)]
        passphrase_stdin: bool,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

/// Where a credential comes from.
#[derive(Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(super) struct CredentialSource {
    /// Read the key from standard input
    #[arg(long)]
    pub(super) stdin: bool,
    /// Sign in with a browser
    #[arg(long)]
    pub(super) oauth: bool,
    /// Read a refresh token from standard input
    #[arg(long)]
    pub(super) refresh_token_stdin: bool,
    /// Read the JSON file of a Google service account from standard input
    #[arg(long)]
    pub(super) service_account_stdin: bool,
    /// Take the key from an environment variable each time the agent starts
    #[arg(long, value_name = "VARIABLE")]
    pub(super) env: Option<String>,
}

/// How a person gives a credential.
#[derive(Debug, Default, clap::Args)]
pub(super) struct CredentialArgs {
    #[command(flatten)]
    pub(super) source: CredentialSource,
    /// Read the secret of your OAuth client from standard input; after a refresh token, from its
    /// second line
    #[arg(long)]
    pub(super) client_secret_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Changes {
    /// Lower ones are used first
    #[arg(long, value_name = "N")]
    pub(super) priority: Option<u32>,
    /// Requests in flight at once, or `none`
    #[arg(long, value_name = "N")]
    pub(super) concurrency: Option<String>,
    /// The day after which it serves no more, or `none`
    #[arg(long, value_name = "DATE")]
    pub(super) expires: Option<String>,
    /// The models that it may serve, with commas between them, or `all`
    #[arg(long, value_name = "LIST")]
    pub(super) models: Option<String>,
    /// As in `1000 requests/day Europe/Berlin` or `500000 tokens/month`, several times for several;
    /// or `none`
    #[arg(long = "budget", value_name = "BUDGET")]
    pub(super) budgets: Vec<String>,
    /// The proxy for its calls, or `none`
    #[arg(long, value_name = "URL")]
    pub(super) proxy: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum AutostartCommand {
    /// Start this program at login
    On {
        /// By this person's systemd, for machines without a desktop
        #[arg(long)]
        systemd: bool,
    },
    /// Do not start it at login
    Off,
    /// Say whether it starts at login
    Status,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print where the configuration file lies
    Path,
    /// Say what is wrong with the configuration
    Check,
    /// Print the active settings: one key, or all
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
pub(super) enum KeyCommand {
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
pub(super) enum ModelCommand {
    /// Say what a model name becomes, and why
    Try { name: String },
}

#[derive(Debug, Subcommand)]
pub(super) enum ProviderCommand {
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

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let fixed = KEYS.iter().filter(|key| !key.path.contains(['*', '[']));
        Some(Box::new(
            fixed.map(|key| PossibleValue::new(key.path).help(key.about)),
        ))
    }
}
