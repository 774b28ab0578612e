//! The binary: the command line, and the agent behind it.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;

use aerostat::account::EnvAccount;
use aerostat::canon::{Blame, Fault, FaultKind, ModelCard};
use aerostat::config::{Home, Resolved};
use aerostat::control::selftest::Answered;
use aerostat::gateway::{self, Endpoint};
use aerostat::provider::Provider;
use aerostat::upstream::Network;
use aerostat::{app, cli};
use bytes::Bytes;
use http::Request;
use tokio::runtime::{Builder, Runtime};
use tracing::warn;
use tracing_subscriber::EnvFilter;

/// Gives back to the system what streams and large bodies took, seconds after they ended; glibc's allocator keeps most of it.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

struct Program;

impl cli::Program for Program {
    fn run(&self, home: &Home, on_serving: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
        start_log();
        let runtime = Builder::new_multi_thread().worker_threads(workers()).enable_all().build()?;
        let ended = runtime.block_on(app::run(home.clone(), on_serving));
        // A name that is still being looked up, or a body being unpacked, is nothing to wait for.
        runtime.shutdown_background();
        ended
    }

    fn list_models(&self, config: &Resolved, provider: &Provider, account: &EnvAccount) -> Result<Vec<ModelCard>, Fault> {
        let upstream = Arc::new(Network::new(config.limits.connect_timeout));
        if !account.is_ready() {
            return Err(Fault::new(
                FaultKind::UpstreamAuth,
                Blame::Account,
                format!("provider `{}`: {}", provider.name, account.state),
            ));
        }
        let endpoint = Endpoint { provider: provider.clone(), upstream };
        let runtime: Runtime =
            Builder::new_current_thread().enable_all().build().map_err(|error| Fault::internal(error.to_string()))?;
        runtime.block_on(gateway::fetch(&endpoint, &account.credential))
    }

    fn rehearse(&self, home: &Home, requests: Vec<Request<Bytes>>) -> Result<Vec<Answered>, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| Fault::internal(error.to_string()))?;
        runtime.block_on(app::rehearse(home.clone(), requests))
    }
}

/// Threads that serve requests: a desktop's gateway needs few, and each costs memory.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(1, 4))
}

/// The log goes to standard error; `AEROSTAT_LOG` says how much, as in `debug` or `aerostat=trace`.
fn start_log() {
    const USUAL: &str = "aerostat=info,warn";
    let wanted = std::env::var("AEROSTAT_LOG").unwrap_or_else(|_| USUAL.to_owned());
    let filter = EnvFilter::try_new(&wanted);
    let problem = filter.as_ref().err().map(ToString::to_string);
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new(USUAL)))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    if let Some(problem) = problem {
        warn!(problem, "AEROSTAT_LOG is not understood and counts as unset");
    }
}

fn main() -> ExitCode {
    ExitCode::from(cli::main(&Program, std::env::args_os()))
}
