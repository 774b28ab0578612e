//! The binary: the command line, and the agent behind it.

// Else Windows opens a console at each login.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::process::ExitCode;

use aerostat::app::AgentProgram;
use aerostat::cli;

/// Gives back to the system what streams and large bodies took, seconds after they ended; glibc's
/// allocator keeps most of it.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    ExitCode::from(cli::main(&AgentProgram, std::env::args_os()))
}
