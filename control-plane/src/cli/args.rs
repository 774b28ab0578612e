//! The command line as a person writes it.

use std::path::PathBuf;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::control::{Home, KEYS, KeyLimitChanges};

/// Keeps one local AI endpoint running. Without a command, runs the agent.
#[derive(Debug, Parser)]
#[command(name = "aerostat", version)]
pub(super) struct Args {
    /// Run without a tray
    #[arg(long)]
    pub(super) headless: bool,
    /// Open the dashboard once the agent runs
    #[arg(long, conflicts_with = "headless")]
    pub(super) open: bool,
    /// Started at login: leave an agent that already runs alone
    #[arg(long, hide = true, conflicts_with = "open")]
    pub(super) at_login: bool,
    /// Replace a running agent of another version
    #[arg(long)]
    pub(super) take_over: bool,
    /// Print JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

impl Args {
    /// The home that the arguments name. A client that runs a helper may have an environment that
    /// leads to another one, or to none.
    pub(super) fn given_home(&self) -> Option<Home> {
        match &self.command {
            Some(Command::Key(KeyCommand::Show { home })) => home.as_ref().map(Home::at),
            _ => None,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the agent's status
    Status,
    /// Open the agent's port
    Start,
    /// Close the agent's port once the responses in flight have ended
    Stop,
    /// Shut the agent down
    Quit,
    /// Open the dashboard in a browser
    Open {
        /// Print its URL instead; it works once, within a minute
        #[arg(long)]
        print: bool,
    },
    /// Turn start at login on or off
    #[command(subcommand)]
    Autostart(AutostartCommand),
    /// Undo start at login and shut the agent down
    Uninstall {
        /// Remove settings, accounts and keys too
        #[arg(long)]
        purge: bool,
    },
    /// Read, check and change the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manage the keys of the API port
    #[command(subcommand)]
    Key(KeyCommand),
    /// Point other programs at this gateway, and undo it
    #[command(subcommand)]
    Client(ClientCommand),
    /// Look up model names
    #[command(subcommand)]
    Model(ModelCommand),
    /// Show the configured providers
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Manage your accounts at the providers
    #[command(subcommand)]
    Account(AccountCommand),
    /// Explain what happened to a request and what to do now
    Explain {
        /// The value of `x-aerostat-request-id` in its response
        id: String,
        /// Show its bodies too, where they are kept, and what differs between them
        #[arg(long)]
        bodies: bool,
        /// Print the command that sends it again with curl, where its body is kept
        #[arg(long, conflicts_with = "bodies")]
        curl: bool,
    },
    /// Send a request again whose body is kept; it costs what it cost the first time
    Resend {
        /// The value of `x-aerostat-request-id` in its response
        id: String,
    },
    /// List the requests that were served or failed, the latest first
    Log(LogArgs),
    /// Sum up requests, tokens and cost
    Stats(StatsArgs),
    /// Show what is kept of requests, or delete it
    Records {
        #[command(subcommand)]
        command: Option<RecordsCommand>,
    },
    /// Look for what keeps clients from an answer, and say what to do
    ///
    /// Exits with 0 where everything is ok, 4 with warnings alone, 5 where something failed.
    Doctor {
        /// Try each account with a call to its provider
        #[arg(long)]
        online: bool,
        /// Write a file for a person who helps, without keys, prompts and answers
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
    },
    /// Check every pair of dialects on this machine, offline
    Selftest,
    /// Print shell completions
    Completions { shell: Shell },
    /// Write the manual pages to a folder
    #[command(hide = true)]
    Man { folder: PathBuf },
}

#[derive(Debug, clap::Args)]
pub(super) struct BodiesArgs {
    /// Of no request, of those that fail, of all, or as `config.toml` says
    #[arg(value_parser = ["off", "errors", "all", "configured"])]
    pub(super) mode: Option<String>,
    /// For how long: `15m`, `2h`, `1d`
    #[arg(long = "for", value_name = "TIME", value_parser = duration_seconds, conflicts_with = "next_failures")]
    pub(super) for_seconds: Option<u64>,
    /// Until so many requests have failed
    #[arg(long, value_name = "N")]
    pub(super) next_failures: Option<u32>,
    /// Delete the bodies that are kept; records and sums stay
    #[arg(long)]
    pub(super) delete: bool,
}

/// Reads `90s`, `15m`, `2h` or `1d`.
fn duration_seconds(text: &str) -> Result<u64, String> {
    let expected = || "expected a time such as `15m`, `2h` or `1d`".to_owned();
    let (digits, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(expected)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(expected()),
    };
    let count: u64 = digits.parse().map_err(|_| expected())?;
    count.checked_mul(seconds).ok_or_else(expected)
}

#[derive(Debug, clap::Args)]
pub(super) struct LogArgs {
    /// Go on with those that come
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Only those that failed or were refused
    #[arg(long)]
    pub(super) failed: bool,
    /// Only those that ended like this, several with commas between them
    #[arg(long, value_name = "ENDING", value_delimiter = ',', value_parser = ["done", "left", "failed", "refused"])]
    pub(super) ending: Vec<String>,
    /// Only those that failed of this, such as `rate_limited`
    #[arg(long, value_name = "CAUSE")]
    pub(super) cause: Option<String>,
    /// Only those whose fault it was
    #[arg(long, value_name = "WHOSE", value_parser = ["client", "gateway", "account", "provider"])]
    pub(super) blame: Option<String>,
    /// Only those that asked this account; of this and all names that follow, '' stands for none
    #[arg(long, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// Only those that this provider served last
    #[arg(long, value_name = "NAME")]
    pub(super) provider: Option<String>,
    /// Only those for this model, by the provider's name of it
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// Only those for this model, by the client's name of it
    #[arg(long, value_name = "NAME")]
    pub(super) asked: Option<String>,
    /// Only those with this key
    #[arg(long, value_name = "NAME")]
    pub(super) key: Option<String>,
    /// Only those of this program
    #[arg(long, value_name = "NAME")]
    pub(super) client: Option<String>,
    /// Only those of this conversation, as `--json` names it
    #[arg(long, value_name = "DIGITS")]
    pub(super) session: Option<String>,
    /// Only those that came since: `24h`, `7d`, `today`, a day or a moment
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Only those that came before: as `--since`
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub(super) until: Option<String>,
    /// Only older ones than this number, as `older` in `--json` says it
    #[arg(long, value_name = "NUMBER", conflicts_with = "follow")]
    pub(super) before: Option<i64>,
    /// Count what failed by cause instead
    #[arg(long, conflicts_with_all = ["follow", "failed", "ending", "cause", "blame", "account", "provider", "model", "asked", "key",
        "client", "session", "before", "lines"])]
    pub(super) causes: bool,
    /// How many at most
    #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) lines: u16,
}

#[derive(Debug, clap::Args)]
pub(super) struct StatsArgs {
    /// By what they are told apart, several with commas between them
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(super) by: Vec<ByArg>,
    /// Since when: `24h`, `7d` (today and the six days before it), `today`, a day or a moment
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub(super) since: String,
    /// Until when, as `--since`: now by default
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// Only what this account served; of this and all names that follow, '' stands for none
    #[arg(long, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// Only of this provider
    #[arg(long, value_name = "NAME")]
    pub(super) provider: Option<String>,
    /// Only of this model, by the provider's name of it
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// Only with this key
    #[arg(long, value_name = "NAME")]
    pub(super) key: Option<String>,
    /// Only of this program
    #[arg(long, value_name = "NAME")]
    pub(super) client: Option<String>,
    /// Print a CSV file; without `--by`, by day, model, account, client, key and provider
    #[arg(long, conflicts_with = "json")]
    pub(super) csv: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum RecordsCommand {
    /// Show whether prompts and answers are kept, or change it for a while
    Bodies(BodiesArgs),
    /// Delete records; statistics keep what they summed up, but those of an account
    #[command(group(clap::ArgGroup::new("which").required(true)))]
    Delete {
        /// All records
        #[arg(long, group = "which")]
        all: bool,
        /// Those that came before: `24h` or `7d` ago, `today`, a day or a moment
        #[arg(long, value_name = "TIME", group = "which")]
        before: Option<String>,
        /// Those that this account was asked for last, and its share of the statistics
        #[arg(long, value_name = "NAME", group = "which")]
        account: Option<String>,
        /// Confirm the deletion
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ByArg {
    Model,
    Account,
    /// The client's program
    Client,
    /// The client's key
    Key,
    Provider,
    Month,
    Day,
    Hour,
    /// The quarter of an hour
    Quarter,
}

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Add an account; prompts for its key without echo, and never takes it from the arguments
    Add {
        /// A preset, or a provider from the configuration
        provider: String,
        /// Its name; the provider's name by default
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        credential: CredentialArgs,
        /// Store it even if the provider refuses it
        #[arg(long)]
        keep: bool,
        /// Store it in plain text if nothing can seal it
        #[arg(long)]
        insecure_plaintext: bool,
    },
    /// List the accounts with their state and limits
    List,
    /// Show everything known about an account
    Show { name: String },
    /// Make a test call with an account
    Test { name: String },
    /// Enable an account
    Enable { name: String },
    /// Disable an account from the next request on
    Disable { name: String },
    /// Remove an account and its credential
    Remove {
        name: String,
        /// Delete its records and its share of the statistics too
        #[arg(long)]
        forget_figures: bool,
        /// Confirm the removal
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
        /// Store it even if the provider refuses it
        #[arg(long)]
        keep: bool,
        /// Store it in plain text if nothing can seal it
        #[arg(long)]
        insecure_plaintext: bool,
    },
    /// Change an account's settings
    Set {
        name: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Clear an account's cooldowns
    Clear { name: String },
    /// Export all accounts to a file sealed with a passphrase
    Export {
        file: PathBuf,
        /// Read the passphrase from standard input
        #[arg(long)]
        passphrase_stdin: bool,
    },
    /// Import accounts from such a file; without `--yes`, only shows what would change
    Import {
        file: PathBuf,
        /// Read the passphrase from standard input
        #[arg(long)]
        passphrase_stdin: bool,
        /// Apply the changes
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
    /// Accounts with a lower number are used first
    #[arg(long, value_name = "N")]
    pub(super) priority: Option<u32>,
    /// Maximum of concurrent requests, or `none`
    #[arg(long, value_name = "N")]
    pub(super) concurrency: Option<String>,
    /// The last day on which it serves, or `none`
    #[arg(long, value_name = "DATE")]
    pub(super) expires: Option<String>,
    /// The models it may serve, separated by commas, or `all`
    #[arg(long, value_name = "LIST")]
    pub(super) models: Option<String>,
    /// `1000 requests/day Europe/Berlin`, `500000 tokens/month`; repeat for several,
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
        /// As a systemd user unit, for machines without a desktop
        #[arg(long)]
        systemd: bool,
    },
    /// Do not start this program at login
    Off,
    /// Show whether it starts at login
    Status,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the path of the configuration file
    Path,
    /// Check the configuration
    Check,
    /// Print the active settings, or one of them
    Get {
        #[arg(value_parser = KeyParser, hide_possible_values = true)]
        key: Option<String>,
    },
    /// Change settings, all or none
    Set {
        #[arg(required = true, num_args = 2.., value_names = ["KEY", "VALUE"])]
        changes: Vec<String>,
        /// Show the difference and what it means, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Take settings back to their defaults, all or none
    Unset {
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
        /// Show the difference and what it means, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Print the local key, which is created on first use
    Show {
        /// The home of the agent, where it is not the usual one
        #[arg(long, value_name = "FOLDER")]
        home: Option<PathBuf>,
    },
    /// Create another key, which is shown only once
    Create {
        /// Its name, as in `laptop`
        name: String,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Change the limits of a key
    Set {
        name: String,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// List the created keys with their limits, and what is used of them
    List,
    /// Revoke a key
    Revoke { name: String },
}

/// What a key may do. The local key has no limits.
#[derive(Debug, clap::Args)]
pub(super) struct LimitArgs {
    /// The last day on which it opens the port, or `none`
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
    /// A model it may use, such as `claude-*`; repeat for several, or `all`
    #[arg(long = "model", value_name = "GLOB")]
    models: Vec<String>,
    /// Maximum of requests in each minute of the clock, or `none`
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<String>,
    /// `500000 tokens/day Europe/Berlin`, `1000 requests/month`, `5.50 dollars/day`; repeat for
    /// several, or `none`. It replaces all budgets; without a zone, days are those of this machine
    #[arg(long = "budget", value_name = "BUDGET")]
    budgets: Vec<String>,
}

impl From<LimitArgs> for KeyLimitChanges {
    fn from(args: LimitArgs) -> Self {
        let LimitArgs {
            expires,
            models,
            requests_per_minute,
            budgets,
        } = args;
        Self {
            expires,
            models,
            requests_per_minute,
            budgets,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// List the clients, and how they stand
    List,
    /// Set a client up for this gateway, after showing what that changes
    Connect {
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        models: ChosenModels,
        #[command(flatten)]
        consent: ConsentArgs,
    },
    /// Undo that: to the byte where the files are as they were left, else key by key
    Disconnect {
        #[command(flatten)]
        client: OptionalClientArgs,
        /// Every client that is connected
        #[arg(long, conflicts_with = "name")]
        all: bool,
        #[command(flatten)]
        consent: ConsentArgs,
    },
    /// Show how one client stands, or all that are installed or connected
    Status {
        #[command(flatten)]
        client: OptionalClientArgs,
    },
    /// Print the variables that point a client here, for a shell
    Env {
        #[command(flatten)]
        client: ClientArgs,
        /// sh, bash, zsh, fish, powershell, cmd or dotenv; the one of `$SHELL` unless given
        #[arg(long)]
        shell: Option<String>,
        #[command(flatten)]
        models: ChosenModels,
        /// Put them into the shell's profile, as a marked block; `client disconnect` takes it out
        #[arg(long)]
        write: bool,
        #[command(flatten)]
        consent: ConsentArgs,
    },
    /// Start a client once with variables alone, so that there is nothing to undo
    Run {
        /// Its name in `client list`
        name: String,
        #[command(flatten)]
        models: ChosenModels,
        /// Its own arguments
        #[arg(last = true, value_name = "ARGUMENTS")]
        arguments: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct ClientArgs {
    /// Its name in `client list`
    pub(super) name: String,
    #[command(flatten)]
    pub(super) variant: VariantArgs,
}

/// Which models a client is to use.
#[derive(Debug, clap::Args)]
pub(super) struct ChosenModels {
    /// The model that it uses unless told otherwise
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// Claude Code: the model of the gateway that opus, sonnet, haiku, fable or subagent is to be
    #[arg(long, value_name = "TIER=MODEL", value_parser = tier)]
    pub(super) map: Vec<(String, String)>,
}

fn tier(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((tier, model)) if !tier.is_empty() && !model.is_empty() => {
            Ok((tier.to_owned(), model.to_owned()))
        }
        _ => Err("expected a tier and a model, as in `haiku=gpt-5-mini`".to_owned()),
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct OptionalClientArgs {
    /// Its name in `client list`
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) variant: VariantArgs,
}

/// Other ways to set a client up; each is of some clients only.
#[derive(Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(super) struct VariantArgs {
    /// Codex: a profile of its own, used as `codex --profile aerostat`
    #[arg(long)]
    pub(super) profile_only: bool,
    /// Claude Code: the settings of its extension in VS Code
    #[arg(long)]
    pub(super) vscode: bool,
    /// Gemini CLI: its variables in `~/.gemini/.env`, with the gateway's key
    #[arg(long)]
    pub(super) dotenv: bool,
}

impl VariantArgs {
    pub(super) fn name(&self) -> Option<String> {
        let names = [
            (self.profile_only, "profile-only"),
            (self.vscode, "vscode"),
            (self.dotenv, "dotenv"),
        ];
        let chosen = names.into_iter().find(|(is_chosen, _)| *is_chosen);
        chosen.map(|(_, name)| name.to_owned())
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct ConsentArgs {
    /// Do it without asking
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Show what would change, and change nothing
    #[arg(long, conflicts_with = "yes")]
    pub(super) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Show what a model name resolves to, and why
    Try { name: String },
}

#[derive(Debug, Subcommand)]
pub(super) enum ProviderCommand {
    /// List the providers and whether they can serve
    List,
    /// List the models of a provider, or of all
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
