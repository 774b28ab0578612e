//! The limit on open files and sockets of this process.

/// Enough for the usual number of connections, each with one to an upstream.
#[cfg(unix)]
const OPEN_FILES: u64 = 8_192;

/// Raises the limit: systems often begin with 256 or 1024 and allow far more on request.
#[cfg(unix)]
pub(super) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let target = maximum.map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
    if current.is_none_or(|current| current >= target) {
        return;
    }
    if let Err(error) = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(target),
            maximum,
        },
    ) {
        tracing::debug!(%error, "the system allows no more open files");
    }
}

/// Windows sets no such limit on sockets.
#[cfg(not(unix))]
pub(super) fn raise_limit() {}
