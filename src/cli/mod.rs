//! The command line: verbs for people and scripts over [`crate::control`].
//!
//! It words what the verbs answer and chooses the exit code; it decides nothing, and only `out`
//! writes.

mod account;
mod args;
pub mod exit_code;
mod explain;
mod out;
mod system;
mod verbs;

use std::ffi::OsString;
use std::io::{self, Write};

use bytes::Bytes;
use clap::Parser;
use http::Request;

use crate::control::{
    Ask, ControlError, DashboardLink, ErrorKind, Fault, Home, Note, Reply, Secret, Started,
};
use crate::selftest::Answered;
use args::{Args, ConfigVerb, KeyVerb, ModelVerb, ProviderVerb, Verb};
use out::Out;

/// How the agent is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// Without a tray, also where the session has one.
    pub is_headless: bool,
    /// Whether the dashboard is opened once it runs.
    pub opens: bool,
}

/// What the commands borrow from the program: everything that needs a runtime and sockets.
pub trait Program {
    /// Runs the agent until it is told to stop. `on_start` is told how it stands once it can be
    /// asked; where one runs already, how that one stands, and that is all.
    ///
    /// # Errors
    /// When it cannot start, or ends because something broke.
    fn run(&self, home: &Home, how: How, on_start: &mut dyn FnMut(&Started)) -> anyhow::Result<()>;

    /// Starts this person's browser on the dashboard.
    ///
    /// # Errors
    /// When there is none.
    fn open_in_browser(&self, link: &DashboardLink) -> io::Result<()>;

    /// Tells a person who sees no terminal, where there is a desktop to tell it.
    fn announce(&self, summary: &str, body: &str);

    /// Has a verb done, by the running agent or on the files; what is said on the way goes to
    /// `on_note`.
    ///
    /// # Errors
    /// Why it was not done.
    fn ask(
        &self,
        home: &Home,
        ask: Ask,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<Reply, ControlError>;

    /// Asks the person for something that is not shown while it is typed.
    ///
    /// # Errors
    /// When there is no person to ask.
    fn hidden(&self, question: &str) -> io::Result<Secret>;

    /// Opens an address in the person's browser, where there is one.
    fn open_browser(&self, url: &str);

    /// All of standard input.
    ///
    /// # Errors
    /// When it cannot be read, or is no text.
    fn standard_input(&self) -> io::Result<Secret>;

    /// Serves requests with nothing configured, so that only the demo answers, on a free port.
    ///
    /// # Errors
    /// When it cannot serve.
    fn rehearse(&self, home: &Home, requests: Vec<Request<Bytes>>) -> Result<Vec<Answered>, Fault>;
}

/// Does what the arguments say, and gives the exit code.
pub fn main(program: &dyn Program, arguments: impl IntoIterator<Item = OsString>) -> u8 {
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
    facts: &mut dyn Write,
    complaints: &mut dyn Write,
) -> u8 {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return explain_usage(&error, &mut Out::new(facts, complaints, false)),
    };
    let mut out = Out::new(facts, complaints, args.json);
    let done = home
        .map_err(Into::into)
        .and_then(|home| perform(program, &home, args, &mut out));
    let code = done.unwrap_or_else(|error| {
        out.complain(&format!("{error:#}"));
        exit_code_of(&error)
    });
    if out.finish().is_err() {
        exit_code::FAILED
    } else {
        code
    }
}

fn exit_code_of(error: &anyhow::Error) -> u8 {
    match error
        .downcast_ref::<ControlError>()
        .map(|complaint| complaint.kind)
    {
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

fn perform(
    program: &dyn Program,
    home: &Home,
    args: Args,
    out: &mut Out<'_>,
) -> anyhow::Result<u8> {
    let Some(verb) = args.verb else {
        return verbs::run(home, program, &args, out);
    };
    match verb {
        Verb::Status => verbs::show_status(home, program, out),
        Verb::Start => verbs::change(home, program, Ask::Start, out),
        Verb::Stop => verbs::change(home, program, Ask::Stop, out),
        Verb::Quit => verbs::quit(home, program, out),
        Verb::Open { print } => system::open(home, program, print, out),
        Verb::Autostart(verb) => system::autostart(&verb, out),
        Verb::Uninstall { purge } => system::uninstall(home, program, purge, out),
        Verb::Man { folder } => system::write_manual(&folder),
        Verb::Config(ConfigVerb::Path) => verbs::show_path(home, out),
        Verb::Config(ConfigVerb::Check) => verbs::check_config(home, out),
        Verb::Config(ConfigVerb::Get { key }) => verbs::get_setting(home, key.as_deref(), out),
        Verb::Config(ConfigVerb::Set { changes }) => verbs::set_settings(home, &changes, out),
        Verb::Key(KeyVerb::Show) => verbs::show_key(home, out),
        Verb::Key(KeyVerb::Create { name }) => verbs::create_key(home, program, name, out),
        Verb::Key(KeyVerb::List) => verbs::list_keys(home, program, out),
        Verb::Key(KeyVerb::Revoke { name }) => verbs::revoke_key(home, program, name, out),
        Verb::Model(ModelVerb::Try { name }) => verbs::try_model(home, program, name, out),
        Verb::Provider(ProviderVerb::List) => verbs::list_providers(home, program, out),
        Verb::Provider(ProviderVerb::Models { name }) => {
            verbs::list_models(home, program, name, out)
        }
        Verb::Account(verb) => account::perform(home, program, verb, out),
        Verb::Explain { id } => explain::show(home, program, id, out),
        Verb::Selftest => verbs::run_selftest(home, program, out),
        Verb::Completions { shell } => verbs::print_completions(shell, out),
    }
}

#[cfg(test)]
mod tests;
