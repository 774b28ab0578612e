//! What the command line needs of this process: threads, sockets, the terminal and the browser.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use super::environment::SystemEnvironment;
use super::frontend::Frontend;
#[cfg(feature = "desktop")]
use super::tray_bridge::TrayBridge;
use super::{executor, logging, run, selftest_runner};
use crate::account::Secret;
use crate::canon::Fault;
use crate::cli::{Program, RunOptions};
use crate::config::Home;
use crate::control::doctor::{Bundle, Report};
use crate::control::{
    self, ControlError, DashboardLink, Note, Started, VerbCall, VerbResponse, Wanted,
};
#[cfg(feature = "desktop")]
use crate::desktop::{Event, EventLoop, Remote};
use crate::host::core_dumps;
use crate::selftest::Answered;

/// The longest text that is read from standard input.
const STDIN_BYTES_MAX: u64 = 1 << 20;

/// The program as it is: no test stands in for anything.
pub struct AgentProgram;

impl Program for AgentProgram {
    fn run(
        &self,
        home: &Home,
        options: RunOptions,
        on_start: &mut dyn FnMut(&Started),
    ) -> anyhow::Result<()> {
        logging::start();
        if let Err(error) = core_dumps::forbid() {
            tracing::warn!(%error, "a crash may leave a core dump, which holds keys");
        }
        let runtime = executor::for_agent()?;
        let ended = if options.is_headless {
            run_headless(&runtime, home, on_start)
        } else {
            run_with_tray(&runtime, home, options, on_start)
        };
        // Blocking work that is left, such as a name lookup, is not waited for.
        runtime.shutdown_background();
        ended
    }

    fn call(
        &self,
        home: &Home,
        call: &VerbCall,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<VerbResponse, ControlError> {
        let runtime = executor::for_command().map_err(ControlError::caused_by)?;
        let call = control::call(home, call, Arc::new(SystemEnvironment), on_note);
        let response = runtime.block_on(call);
        runtime.shutdown_background();
        response
    }

    fn examine(&self, home: &Home, wanted: Wanted) -> io::Result<(Report, Option<Bundle>)> {
        let runtime = executor::for_command()?;
        let examined = control::examine(home, wanted, Arc::new(SystemEnvironment));
        let found = runtime.block_on(examined);
        // What hangs, such as a name lookup, is not waited for.
        runtime.shutdown_background();
        Ok(found)
    }

    fn open_in_browser(&self, link: &DashboardLink) -> io::Result<()> {
        control::open_in_browser(link)
    }

    fn open_browser(&self, url: &str) {
        control::sign_in::open_browser(url);
    }

    fn announce(&self, summary: &str, body: &str) {
        // A person at a terminal reads standard error.
        if !io::stderr().is_terminal() {
            announce(summary, body);
        }
    }

    fn read_hidden(&self, prompt: &str) -> io::Result<Secret> {
        if !io::stdin().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "there is no terminal to ask at",
            ));
        }
        rpassword::prompt_password(prompt).map(Secret::new)
    }

    fn confirm(&self, question: &str) -> Option<bool> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let mut stderr = io::stderr();
        let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
        let mut answer = String::new();
        let read = asked.and_then(|()| io::stdin().read_line(&mut answer));
        let is_yes = |answer: &str| matches!(&*answer.to_lowercase(), "y" | "yes" | "j" | "ja");
        read.ok().map(|_| is_yes(answer.trim()))
    }

    fn start_program(
        &self,
        program: &str,
        arguments: &[String],
        variables: &[(String, Secret)],
    ) -> io::Result<u8> {
        let mut command = Command::new(program);
        command.args(arguments);
        command.envs(variables.iter().map(|(name, value)| (name, value.expose())));
        replace_by(command)
    }

    fn read_stdin(&self) -> io::Result<Secret> {
        let mut text = Zeroizing::new(String::new());
        io::stdin()
            .lock()
            .take(STDIN_BYTES_MAX)
            .read_to_string(&mut text)?;
        Ok(Secret::new(std::mem::take(&mut *text)))
    }

    fn serve_demo(
        &self,
        home: &Home,
        requests: Vec<Request<Bytes>>,
    ) -> Result<Vec<Answered>, Fault> {
        let runtime =
            executor::for_command().map_err(|error| Fault::internal(error.to_string()))?;
        runtime.block_on(selftest_runner::serve_demo(home.clone(), requests))
    }
}

/// The terminal and its signals are then the other program's.
#[cfg(unix)]
fn replace_by(mut command: Command) -> io::Result<u8> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec())
}

#[cfg(not(unix))]
fn replace_by(mut command: Command) -> io::Result<u8> {
    let code = command.status()?.code().unwrap_or(1);
    Ok(u8::try_from(code).unwrap_or(1))
}

fn run_headless(
    runtime: &Runtime,
    home: &Home,
    on_start: &mut dyn FnMut(&Started),
) -> anyhow::Result<()> {
    runtime.block_on(run(home.clone(), Frontend::Headless(on_start)))
}

/// The tray wants the main thread, so the agent gets one of its own.
#[cfg(feature = "desktop")]
fn run_with_tray(
    runtime: &Runtime,
    home: &Home,
    options: RunOptions,
    on_start: &mut dyn FnMut(&Started),
) -> anyhow::Result<()> {
    let event_loop = EventLoop::default();
    let remote = event_loop.remote();
    std::thread::scope(|scope| {
        let agent = std::thread::Builder::new()
            .name("agent".to_owned())
            .spawn_scoped(scope, move || {
                let _ended = EndTray(&remote);
                let tray = TrayBridge::new(remote.clone(), options.opens_dashboard);
                runtime.block_on(run(home.clone(), Frontend::Desktop(tray)))
            })?;
        event_loop.run(on_start);
        agent
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the agent broke")))
    })
}

#[cfg(not(feature = "desktop"))]
fn run_with_tray(
    runtime: &Runtime,
    home: &Home,
    _: RunOptions,
    on_start: &mut dyn FnMut(&Started),
) -> anyhow::Result<()> {
    run_headless(runtime, home, on_start)
}

/// Ends the tray when it is dropped: with the agent, also with one that panicked.
#[cfg(feature = "desktop")]
struct EndTray<'r>(&'r Remote);

#[cfg(feature = "desktop")]
impl Drop for EndTray<'_> {
    fn drop(&mut self) {
        self.0.send(Event::AgentEnded);
    }
}

#[cfg(feature = "desktop")]
fn announce(summary: &str, body: &str) {
    crate::desktop::announce(summary, body);
}

#[cfg(not(feature = "desktop"))]
fn announce(_: &str, _: &str) {}
