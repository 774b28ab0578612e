//! Where the control socket is: in the home, else under a name that no other home has.

use std::io;
use std::path::{Path, PathBuf};

use interprocess::local_socket::Name;

use crate::config::Home;
use crate::host::private_file;

/// The longest path that every Unix takes for a socket.
/// Source: `sun_path` is 104 bytes on macOS and the BSDs, 108 on Linux, the last one a zero.
#[cfg(unix)]
const PATH_BYTES_MAX: usize = 100;

/// The socket of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketPath {
    path: PathBuf,
    /// The folder that is checked before the socket in it is used. `None` in the home, which is
    /// checked as a whole, and for a pipe, which lies in no folder.
    folder: Option<PathBuf>,
}

impl SocketPath {
    /// `lookup` reads the environment.
    #[cfg(unix)]
    pub fn of(home: &Home, lookup: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Self {
        let path = home.folder().join("control.sock");
        if path.as_os_str().len() <= PATH_BYTES_MAX {
            return Self { path, folder: None };
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
        Self {
            folder: path.parent().map(Path::to_owned),
            path,
        }
    }

    #[cfg(windows)]
    pub fn of(home: &Home, _: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Self {
        Self {
            path: PathBuf::from(format!(r"\\.\pipe\aerostat-{}", home.digest())),
            folder: None,
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
    /// When it cannot be made, or is not this person's own.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        private_file::create_folder(folder)?;
        check_folder(folder)
    }

    /// Whether there is a socket, which is then this person's own: another user may have put one
    /// there, to be sent what is meant for the agent.
    ///
    /// # Errors
    /// When it belongs to another user, or lies where others could replace it.
    #[cfg(unix)]
    pub(super) fn is_present(&self) -> io::Result<bool> {
        use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
        let checked = self.folder.as_deref().map_or(Ok(()), check_folder);
        let found = match checked.and_then(|()| self.path.symlink_metadata()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            found => found?,
        };
        if found.uid() != private_file::own_user() {
            return Err(of_another_user(&self.path, found.uid()));
        }
        Ok(found.file_type().is_socket())
    }

    /// A pipe's name says nothing of its owner.
    #[cfg(not(unix))]
    pub(super) fn is_present(&self) -> io::Result<bool> {
        Ok(true)
    }
}

/// Expects a folder of this person's own: no link to elsewhere, and closed to writing by others.
#[cfg(unix)]
fn check_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::symlink_metadata(folder)?;
    if found.uid() != private_file::own_user() {
        return Err(of_another_user(folder, found.uid()));
    }
    if found.is_dir() && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    let why = format!(
        "others can change what lies in `{}`, where the control socket belongs: {ELSEWHERE}",
        folder.display()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

#[cfg(not(unix))]
fn check_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Also for a socket that answers: the process that listens there is not this user's agent.
#[cfg(unix)]
pub(super) fn of_another_user(path: &Path, user: u32) -> io::Error {
    let why = format!(
        "`{}` belongs to another user ({user}), so nothing was sent there: {ELSEWHERE}",
        path.display()
    );
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

#[cfg(unix)]
const ELSEWHERE: &str = "set `XDG_RUNTIME_DIR` to a folder of your own, or `AEROSTAT_HOME` to a path of less than 80 characters";

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

    #[test]
    fn only_a_socket_of_this_person_is_taken_for_the_agents() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().to_owned();
        let long = Home::at(PathBuf::from(format!("/{}", "x".repeat(120))));
        let socket = SocketPath::of(&long, &|name| {
            (name == "XDG_RUNTIME_DIR").then(|| runtime.clone().into())
        });
        assert!(!socket.is_present().unwrap(), "nothing is there");
        std::fs::write(socket.path(), "").unwrap();
        assert!(!socket.is_present().unwrap(), "no socket is there");
        std::fs::remove_file(socket.path()).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(socket.path()).unwrap();
        assert!(socket.is_present().unwrap());

        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&runtime, open).unwrap();
        let error = socket.is_present().unwrap_err().to_string();
        assert!(
            error.starts_with("others can change what lies in"),
            "{error}"
        );
        assert!(error.contains("set `XDG_RUNTIME_DIR`"), "{error}");
        assert!(socket.prepare().is_err(), "no agent puts one there either");
    }

    /// Only root can hand a file to another user.
    #[test]
    fn a_socket_of_another_user_is_refused() {
        if private_file::own_user() != private_file::ROOT {
            return;
        }
        const NOBODY: u32 = 65534;
        let folder = tempfile::tempdir().unwrap();
        let socket = SocketPath::of(&Home::at(folder.path()), &|_| None);
        let _listener = std::os::unix::net::UnixListener::bind(socket.path()).unwrap();
        std::os::unix::fs::chown(socket.path(), Some(NOBODY), None).unwrap();
        let error = socket.is_present().unwrap_err().to_string();
        assert!(error.contains("belongs to another user (65534)"), "{error}");
    }
}
