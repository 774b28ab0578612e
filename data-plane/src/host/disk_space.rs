//! How much room a disk has.

use std::path::Path;

/// The bytes that this user may still write where `folder` lies. `None` where the system does not
/// tell.
#[cfg(unix)]
pub fn bytes_free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(not(unix))]
pub fn bytes_free(_: &Path) -> Option<u64> {
    None
}
