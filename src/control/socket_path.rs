//! Where the control socket is: in the home, else under a name that no other home has.

use std::io;
use std::path::{Path, PathBuf};

use interprocess::local_socket::Name;

use crate::config::Home;

/// The longest path that every Unix takes for a socket.
/// Source: `sun_path` is 104 bytes on macOS and the BSDs, 108 on Linux, the last one a zero.
#[cfg(unix)]
const PATH_BYTES_MAX: usize = 100;

/// The socket of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketPath {
    path: PathBuf,
}

impl SocketPath {
    /// `lookup` reads the environment.
    #[cfg(unix)]
    pub fn of(home: &Home, lookup: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Self {
        let path = home.folder().join("control.sock");
        if path.as_os_str().len() <= PATH_BYTES_MAX {
            return Self { path };
        }
        let name = format!("aerostat-{}", home.digest());
        let runtime = lookup("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute());
        let path = match runtime {
            Some(runtime) => runtime.join(format!("{name}.sock")),
            // The system's folder for temporary files is open to all: there the socket gets a
            // folder of its own.
            None => std::env::temp_dir().join(name).join("control.sock"),
        };
        Self { path }
    }

    #[cfg(windows)]
    pub fn of(home: &Home, _: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Self {
        Self {
            path: PathBuf::from(format!(r"\\.\pipe\aerostat-{}", home.digest())),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name as the system's calls take it.
    ///
    /// # Errors
    /// When the path is none that a socket can have.
    pub(super) fn name(&self) -> io::Result<Name<'_>> {
        use interprocess::local_socket::{GenericFilePath, ToFsName as _};
        self.path.as_path().to_fs_name::<GenericFilePath>()
    }

    /// Makes the folder where it is missing, for this person only.
    ///
    /// # Errors
    /// When it cannot be made, or belongs to somebody else.
    #[cfg(unix)]
    pub(super) fn prepare(&self, home: &Home) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let folder = self.path.parent().unwrap_or(home.folder());
        crate::host::private_file::create_folder(folder)?;
        let found = std::fs::symlink_metadata(folder)?;
        let owner = std::fs::metadata(home.lock_file()).map_or(found.uid(), |lock| lock.uid());
        if folder != home.folder()
            && (!found.is_dir() || found.uid() != owner || found.mode() & 0o022 != 0)
        {
            let why = format!(
                "`{}` belongs to somebody else or is open to others",
                folder.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    pub(super) fn prepare(&self, _: &Home) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_short_home_holds_its_socket() {
        assert_eq!(
            SocketPath::of(&Home::at("/h"), &|_| None).path(),
            Path::new("/h/control.sock")
        );
    }

    #[test]
    fn a_long_home_has_it_elsewhere_under_a_name_of_its_own() {
        let long = |last: &str| Home::at(PathBuf::from(format!("/{}", "x".repeat(99))).join(last));
        let runtime = |name: &str| (name == "XDG_RUNTIME_DIR").then(|| "/run/user/1".into());
        let place = |last| SocketPath::of(&long(last), &runtime).path().to_owned();
        assert!(
            place("a").starts_with("/run/user/1") && place("a").as_os_str().len() < PATH_BYTES_MAX
        );
        assert_ne!(place("a"), place("b"));
        assert!(
            SocketPath::of(&long("a"), &|_| None)
                .path()
                .as_os_str()
                .len()
                <= PATH_BYTES_MAX
        );
    }
}
