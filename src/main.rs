//! The binary: the command line, and the agent behind it.

// Else Windows opens a console at each login.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::io::{self, IsTerminal as _, Read as _};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;

use aerostat::app::Frontend;
#[cfg(feature = "desktop")]
use aerostat::app::TrayBridge;
use aerostat::canon::Fault;
use aerostat::cli::How;
use aerostat::config::Home;
use aerostat::control::{self, Ask, ControlError, DashboardLink, Note, Reply, Secret, Started};
#[cfg(feature = "desktop")]
use aerostat::desktop::{Event, EventLoop, Remote};
use aerostat::selftest::Answered;
use aerostat::{app, cli};
use bytes::Bytes;
use http::Request;
use tokio::runtime::{Builder, Runtime};
use tracing::warn;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use zeroize::Zeroizing;

/// Gives back to the system what streams and large bodies took, seconds after they ended; glibc's
/// allocator keeps most of it.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

struct Program;

impl cli::Program for Program {
    fn run(&self, home: &Home, how: How, on_start: &mut dyn FnMut(&Started)) -> anyhow::Result<()> {
        start_log();
        let runtime = runtime()?;
        let ended = if how.is_headless {
            run_alone(&runtime, home, on_start)
        } else {
            run_shown(&runtime, home, how, on_start)
        };
        // A name that is still being looked up, or a body being unpacked, is nothing to wait for.
        runtime.shutdown_background();
        ended
    }

    fn open_in_browser(&self, link: &DashboardLink) -> io::Result<()> {
        control::open_in_browser(link)
    }

    fn announce(&self, summary: &str, body: &str) {
        let is_read = io::stderr().is_terminal();
        #[cfg(feature = "desktop")]
        if !is_read {
            aerostat::desktop::announce(summary, body);
        }
        #[cfg(not(feature = "desktop"))]
        let _ = (is_read, summary, body);
    }

    fn ask(
        &self,
        home: &Home,
        ask: Ask,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<Reply, ControlError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ControlError::failed)?;
        let done = runtime.block_on(control::ask(
            home,
            ask,
            Arc::new(app::SystemEnvironment),
            on_note,
        ));
        runtime.shutdown_background();
        done
    }

    fn hidden(&self, question: &str) -> io::Result<Secret> {
        if !io::stdin().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "there is no terminal to ask at",
            ));
        }
        rpassword::prompt_password(question).map(Secret::new)
    }

    fn open_browser(&self, url: &str) {
        control::sign_in::open_browser(url);
    }

    fn standard_input(&self) -> io::Result<Secret> {
        const BYTES_MAX: u64 = 1 << 20;
        let mut text = Zeroizing::new(String::new());
        io::stdin()
            .lock()
            .take(BYTES_MAX)
            .read_to_string(&mut text)?;
        Ok(Secret::new(std::mem::take(&mut *text)))
    }

    fn rehearse(&self, home: &Home, requests: Vec<Request<Bytes>>) -> Result<Vec<Answered>, Fault> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::internal(error.to_string()))?;
        runtime.block_on(app::rehearse(home.clone(), requests))
    }
}

fn run_alone(
    runtime: &Runtime,
    home: &Home,
    on_start: &mut dyn FnMut(&Started),
) -> anyhow::Result<()> {
    runtime.block_on(app::run(home.clone(), Frontend::Headless(on_start)))
}

/// The tray wants the main thread, so that the agent has one of its own.
#[cfg(feature = "desktop")]
fn run_shown(
    runtime: &Runtime,
    home: &Home,
    how: How,
    on_start: &mut dyn FnMut(&Started),
) -> anyhow::Result<()> {
    let event_loop = EventLoop::default();
    let remote = event_loop.remote();
    std::thread::scope(|scope| {
        let agent = std::thread::Builder::new()
            .name("agent".to_owned())
            .spawn_scoped(scope, move || {
                let _ending = Ending(&remote);
                let stage = TrayBridge::new(remote.clone(), how.opens);
                runtime.block_on(app::run(home.clone(), Frontend::Desktop(stage)))
            })?;
        event_loop.run(on_start);
        agent
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the agent broke")))
    })
}

/// Ends the tray with the agent, also with one that broke.
#[cfg(feature = "desktop")]
struct Ending<'r>(&'r Remote);

#[cfg(feature = "desktop")]
impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.tell(Event::Ended);
    }
}

#[cfg(not(feature = "desktop"))]
fn run_shown(
    runtime: &Runtime,
    home: &Home,
    _: How,
    on_start: &mut dyn FnMut(&Started),
) -> anyhow::Result<()> {
    run_alone(runtime, home, on_start)
}

/// Threads that serve requests: a desktop's gateway needs few, and each costs memory.
const WORKERS_MAX: usize = 4;

/// What serves requests. Where there is one core, so is one thread: the scheduler for several costs
/// more and gains nothing.
fn runtime() -> io::Result<Runtime> {
    match std::thread::available_parallelism().map_or(2, NonZero::get) {
        1 => Builder::new_current_thread().enable_all().build(),
        cores => Builder::new_multi_thread()
            .worker_threads(cores.min(WORKERS_MAX))
            .enable_all()
            .build(),
    }
}

/// The log goes to standard error; `AEROSTAT_LOG` says how much, as in `debug` or
/// `aerostat=debug,warn`.
fn start_log() {
    const USUAL: &str = "aerostat=info,warn";
    let wanted = std::env::var("AEROSTAT_LOG").unwrap_or_else(|_| USUAL.to_owned());
    let (filter, problem) = match wanted.parse::<Targets>() {
        Ok(filter) => (filter, None),
        Err(error) => (
            USUAL.parse().expect("the usual filter is well-formed"),
            Some(error.to_string()),
        ),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        // It would be told by `eprintln!`, which panics where the terminal is gone.
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
    if let Some(problem) = problem {
        warn!(
            problem,
            "AEROSTAT_LOG is not understood and counts as unset"
        );
    }
}

/// Writes to the console of the shell that started the program, which has none of its own.
#[cfg(all(windows, not(debug_assertions)))]
#[allow(unsafe_code, reason = "the standard library has no such call")]
fn attach_console() {
    use windows_sys::Win32::System::Console::{ATTACH_PARENT_PROCESS, AttachConsole};
    // SAFETY: it takes a number and touches no memory of ours. Started without a shell there is
    // none, and it fails.
    unsafe { AttachConsole(ATTACH_PARENT_PROCESS) };
}

fn main() -> ExitCode {
    #[cfg(all(windows, not(debug_assertions)))]
    attach_console();
    ExitCode::from(cli::main(&Program, std::env::args_os()))
}
