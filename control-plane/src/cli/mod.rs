//! The command line: commands for people and scripts over the verbs of [`crate::control`].
//!
//! It puts a verb's response into words and chooses the exit code; it decides nothing, and only
//! `out` writes.

mod account;
mod agent;
mod args;
mod bodies;
mod client;
mod config;
mod doctor;
pub(crate) mod exit_code;
mod explain;
mod key;
mod log;
mod out;
mod provider;
mod records;
mod records_bodies;
mod selftest;
mod stats;
mod system;

use std::ffi::OsString;
use std::io::{self, Write};

use bytes::Bytes;
use clap::Parser;
use http::Request;

use crate::control::doctor::{Bundle, Report};
use crate::control::verbs::{Start, Stop};
use crate::control::{
    ControlError, DashboardLink, ErrorKind, Fault, Home, Note, Secret, Started, Verb, VerbCall,
    VerbResponse, Wanted,
};
use crate::host::core_dumps;
use crate::selftest::Answered;
use args::{Args, Command, ConfigCommand, KeyCommand, ModelCommand, ProviderCommand};
use out::Out;

/// How the agent is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// Without a tray, also where the session has one.
    pub is_headless: bool,
    /// Whether the dashboard is opened once the agent runs.
    pub opens_dashboard: bool,
}

/// What the commands need of the program: everything with a runtime, a socket or a terminal.
pub trait Program {
    /// Runs the agent until it is told to stop. `on_start` gets its state once it serves the
    /// control socket; where another agent has the home, it gets that one's, and nothing else
    /// happens.
    ///
    /// # Errors
    /// When it cannot start, or ends because something broke.
    fn run(
        &self,
        home: &Home,
        options: RunOptions,
        on_start: &mut dyn FnMut(&Started),
    ) -> anyhow::Result<()>;

    /// Has a verb done, by the running agent or on the files; notes go to `on_note` as they come.
    ///
    /// # Errors
    /// Why it was not done.
    fn call(
        &self,
        home: &Home,
        call: &VerbCall,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<VerbResponse, ControlError>;

    /// Looks at everything that has to be right before a client gets an answer.
    ///
    /// # Errors
    /// When this process cannot work at all.
    fn examine(&self, home: &Home, wanted: Wanted) -> io::Result<(Report, Option<Bundle>)>;

    /// Starts this person's browser on the dashboard.
    ///
    /// # Errors
    /// When there is none.
    fn open_in_browser(&self, link: &DashboardLink) -> io::Result<()>;

    /// Opens an address in the person's browser, where there is one.
    fn open_browser(&self, url: &str);

    /// Shows a notification to a person who sees no terminal, where there is a desktop.
    fn announce(&self, summary: &str, body: &str);

    /// Asks the person for something that is not shown while it is typed.
    ///
    /// # Errors
    /// When there is no terminal.
    fn read_hidden(&self, prompt: &str) -> io::Result<Secret>;

    /// Asks the person a question that is answered with yes or no. `None` where there is no terminal.
    fn confirm(&self, question: &str) -> Option<bool>;

    /// Starts another program in the place of this one, with these variables besides its own, and
    /// gives its exit code.
    ///
    /// # Errors
    /// When it cannot be started.
    fn start_program(
        &self,
        program: &str,
        arguments: &[String],
        variables: &[(String, Secret)],
    ) -> io::Result<u8>;

    /// All of standard input.
    ///
    /// # Errors
    /// When it cannot be read, or is no text.
    fn read_stdin(&self) -> io::Result<Secret>;

    /// Serves requests with nothing configured, so that only the demo answers, on a free port.
    ///
    /// # Errors
    /// When it cannot serve.
    fn serve_demo(
        &self,
        home: &Home,
        requests: Vec<Request<Bytes>>,
    ) -> Result<Vec<Answered>, Fault>;
}

/// What a command works with.
struct Session<'a> {
    home: Home,
    program: &'a dyn Program,
    out: Out<'a>,
}

/// The exit code of a command.
type ExitCode = anyhow::Result<u8>;

impl Session<'_> {
    /// Has a verb done, and shows its notes to the person.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "callers write `session.call(Verb { .. })`"
    )]
    fn call<V: Verb>(&mut self, verb: V) -> Result<V::Response, ControlError> {
        self.call_erased(&VerbCall::of(&verb)?)?.parse::<V>()
    }

    /// The same for any verb: this code exists once.
    fn call_erased(&mut self, call: &VerbCall) -> Result<VerbResponse, ControlError> {
        let Self { home, program, out } = self;
        program.call(home, call, &mut |note: Note| {
            out.note(&note.text.to_string());
            if let Some(url) = &note.url {
                // Where no browser opens, the address is there to be copied.
                out.note(url);
                program.open_browser(url);
            }
        })
    }
}

/// Does what the arguments say, and gives the exit code.
pub fn main(program: &dyn Program, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    // Before any key is read. The agent says once more where it cannot be had, in its log.
    let _ = core_dumps::forbid();
    let home = Home::find(&|name| std::env::var_os(name));
    execute(
        program,
        arguments,
        home,
        &mut io::stdout().lock(),
        &mut io::stderr(),
    )
}

fn execute(
    program: &dyn Program,
    arguments: impl IntoIterator<Item = OsString>,
    home: io::Result<Home>,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> u8 {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return explain_usage(&error, &mut Out::new(stdout, stderr, false)),
    };
    let mut out = Out::new(stdout, stderr, args.json);
    let home = match args.given_home().map_or(home, Ok) {
        Ok(home) => home,
        Err(error) => {
            out.error(&error.to_string());
            return exit_code::FAILED;
        }
    };
    let mut session = Session { home, program, out };
    let code = perform(&mut session, args).unwrap_or_else(|error| {
        session.out.error(&format!("{error:#}"));
        exit_code_of(&error)
    });
    if session.out.finish().is_err() {
        exit_code::FAILED
    } else {
        code
    }
}

fn exit_code_of(error: &anyhow::Error) -> u8 {
    let control = error.downcast_ref::<ControlError>();
    match control.map(|error| error.kind) {
        Some(ErrorKind::NotRunning) => exit_code::NOT_RUNNING,
        Some(ErrorKind::WrongUsage) => exit_code::WRONG_USAGE,
        Some(ErrorKind::Failed) | None => exit_code::FAILED,
    }
}

/// Help and version are asked for; everything else is a wrong use.
fn explain_usage(error: &clap::Error, out: &mut Out<'_>) -> u8 {
    let text = error.render().to_string();
    if error.use_stderr() {
        out.explain(&text);
        return exit_code::WRONG_USAGE;
    }
    out.lines(text.lines());
    exit_code::DONE
}

fn perform(session: &mut Session<'_>, args: Args) -> ExitCode {
    let Some(command) = args.command else {
        return agent::run(session, &args);
    };
    match command {
        Command::Status => agent::status(session),
        Command::Start => agent::change(session, Start {}),
        Command::Stop => agent::change(session, Stop {}),
        Command::Quit => agent::quit(session),
        Command::Open { print } => system::open(session, print),
        Command::Autostart(command) => system::autostart(session, &command),
        Command::Uninstall { purge } => system::uninstall(session, purge),
        Command::Man { folder } => system::write_manual(&folder),
        Command::Config(ConfigCommand::Path) => config::path(session),
        Command::Config(ConfigCommand::Check) => config::check(session),
        Command::Config(ConfigCommand::Get { key }) => config::get(session, key.as_deref()),
        Command::Config(ConfigCommand::Set { changes, dry_run }) => {
            config::set(session, &changes, dry_run)
        }
        Command::Config(ConfigCommand::Unset { keys, dry_run }) => {
            config::unset(session, &keys, dry_run)
        }
        Command::Client(command) => client::perform(session, command),
        Command::Key(KeyCommand::Show { .. }) => key::show(session),
        Command::Key(KeyCommand::Create { name, limits }) => {
            key::create(session, name, limits.into())
        }
        Command::Key(KeyCommand::Set { name, limits }) => key::set(session, name, limits.into()),
        Command::Key(KeyCommand::List) => key::list(session),
        Command::Key(KeyCommand::Revoke { name }) => key::revoke(session, name),
        Command::Model(ModelCommand::Try { name }) => provider::try_model(session, name),
        Command::Provider(ProviderCommand::List) => provider::list(session),
        Command::Provider(ProviderCommand::Models { name }) => provider::models(session, name),
        Command::Account(command) => account::perform(session, command),
        Command::Explain { id, curl: true, .. } => explain::curl(session, id),
        Command::Explain { id, bodies, .. } => explain::explain(session, id, bodies),
        Command::Resend { id } => explain::resend(session, id),
        Command::Log(args) => log::log(session, &args),
        Command::Stats(args) => stats::stats(session, args),
        Command::Records { command } => records::perform(session, command),
        Command::Doctor { online, bundle } => doctor::doctor(session, online, bundle.as_deref()),
        Command::Selftest => selftest::run(session),
        Command::Completions { shell } => system::print_completions(session, shell),
    }
}

#[cfg(test)]
mod documents;
#[cfg(test)]
mod tests;
