//! Core dumps hold the process's memory, keys included. They are off unless a developer asks.

use std::io;

/// Set to anything but nothing, core dumps stay as the system has them.
const VARIABLE: &str = "AEROSTAT_CORE_DUMPS";

/// Has the system make no core dump of this process. Children are not affected: executing another
/// program undoes the one half, and nothing of ours is in their memory.
///
/// On Linux this also keeps other processes of the same user from reading the memory.
///
/// # Errors
/// When the system does not let itself be told.
pub fn forbid() -> io::Result<()> {
    let is_wanted = std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty());
    if is_wanted {
        Ok(())
    } else {
        forbid_in_system()
    }
}

#[cfg(unix)]
fn forbid_in_system() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // The upper limit stays: a program that this one starts may want its own.
    let none = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    setrlimit(Resource::Core, none)?;
    // The limit does not bind where dumps are piped to a program, as systemd and Ubuntu do.
    // Source: core(5), "Piping core dumps to a program".
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Windows writes no dump of a process unless its administrator asked for that.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "as on other systems")]
fn forbid_in_system() -> io::Result<()> {
    Ok(())
}
