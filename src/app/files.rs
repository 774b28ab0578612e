//! How many files and sockets this process may have open.

/// Enough for the usual number of connections, each with one to an upstream.
#[cfg(unix)]
const WANTED: u64 = 8_192;

/// Asks the system for as many as are wanted: it often begins with 256 or 1024 and gives far more
/// on request.
#[cfg(unix)]
pub(super) fn allow_more() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    if current.is_none_or(|current| current >= wanted) {
        return;
    }
    if let Err(error) = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(wanted),
            maximum,
        },
    ) {
        tracing::debug!(%error, "the system allows no more open files");
    }
}

/// Windows sets no such limit on sockets.
#[cfg(not(unix))]
pub(super) fn allow_more() {}
