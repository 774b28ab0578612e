//! The measured processes: each runs on one core, and the system's own accounting tells what it
//! costs.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child as Process, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The core of the measured process. Everything else runs on the other.
pub(super) const MEASURED_CORE: &str = "0";
pub(super) const OTHER_CORE: &str = "1";
/// For processes of two threads, and whatever else runs then.
pub(super) const BOTH_CORES: &str = "0,1";

/// A serving process. Dropping it kills it.
pub(super) struct Child {
    process: Process,
    pub(super) address: SocketAddr,
    /// Kept open: a process that prints into a closed pipe dies.
    _stdout: BufReader<ChildStdout>,
}

impl Child {
    /// Starts `program` on `core` and waits until it reports its address.
    pub(super) fn start(
        core: &str,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &Path)],
    ) -> Self {
        let mut command = Command::new("taskset");
        command
            .args(["-c", core])
            .arg(program)
            .args(arguments)
            .envs(environment.iter().copied());
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset (util-linux) is there");
        let mut stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let address = address_in(&mut stdout).expect("the program says where it serves");
        Self {
            process,
            address,
            _stdout: stdout,
        }
    }

    /// The CPU time of all its threads so far.
    pub(super) fn cpu(&self) -> Duration {
        let nanos = |stat: String| {
            stat.split(' ')
                .next()
                .and_then(|field| field.parse().ok())
                .unwrap_or(0)
        };
        Duration::from_nanos(self.tasks("schedstat").map(nanos).sum())
    }

    /// How many times its threads went to sleep, and so were woken.
    pub(super) fn wake_ups(&self) -> u64 {
        self.tasks("status")
            .filter_map(|status| field(&status, "voluntary_ctxt_switches:"))
            .sum()
    }

    /// Resident memory in KiB.
    pub(super) fn resident_kib(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        field(&status, "VmRSS:").expect("the process lives")
    }

    fn tasks(&self, file: &'static str) -> impl Iterator<Item = String> {
        let tasks =
            fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("the process lives");
        tasks
            .flatten()
            .filter_map(move |task| fs::read_to_string(task.path().join(file)).ok())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn address_in(lines: &mut impl std::io::BufRead) -> Option<SocketAddr> {
    lines
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split("http://").nth(1)?.trim().parse().ok())
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
