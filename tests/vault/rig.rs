//! A real keyring without a desktop: a message bus and a `gnome-keyring-daemon` of their own, in a
//! folder of their own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// The password of the test's keyring.
const PASSWORD: &[u8] = b"test";

/// A bus without service files: nothing is started behind the test's back.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// How often, and how often at most, something is asked for that has no other way to tell.
const POLL: Duration = Duration::from_millis(20);
const POLLS_MAX: usize = 500;

/// The bus, its keyring if there is one, and their folder. Ended when dropped.
pub(super) struct Rig {
    folder: TempDir,
    bus: Child,
    daemon: Option<Child>,
}

impl Rig {
    /// A bus on which no keyring answers.
    pub(super) fn without_keyring() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "run", "data"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        private(&folder.path().join("run"));
        let socket = folder.path().join("run/bus");
        std::fs::write(
            folder.path().join("bus.conf"),
            BUS.replace("SOCKET", socket.to_str().unwrap()),
        )
        .unwrap();
        let mut command = Command::new("dbus-daemon");
        command
            .arg("--config-file")
            .arg(folder.path().join("bus.conf"))
            .args(["--nofork", "--print-address"]);
        let mut bus = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        assert!(address.starts_with("unix:"), "the bus serves: {address}");
        Self {
            folder,
            bus,
            daemon: None,
        }
    }

    pub(super) fn unlocked() -> Self {
        let mut rig = Self::without_keyring();
        rig.start_unlocked();
        rig
    }

    /// With a keyring that has been used before, and that nobody has unlocked since.
    pub(super) fn locked() -> Self {
        let mut rig = Self::unlocked();
        rig.restart_locked();
        rig
    }

    pub(super) fn start_unlocked(&mut self) {
        let mut daemon = self
            .daemon_command(&["--foreground", "--components=secrets", "--unlock"])
            .spawn()
            .unwrap();
        daemon.stdin.take().unwrap().write_all(PASSWORD).unwrap();
        self.await_daemon(daemon);
    }

    pub(super) fn restart_locked(&mut self) {
        self.stop_keyring();
        let daemon = self
            .daemon_command(&["--foreground", "--components=secrets"])
            .spawn()
            .unwrap();
        self.await_daemon(daemon);
    }

    /// What a login does: it hands the password to the daemon that runs.
    ///
    /// Source: gnome-keyring's PAM module (`pam/gkr-pam-client.c`): a zero byte, then a packet of
    /// its length, the operation "unlock" and the password, all numbers big-endian; the answer is a
    /// length of 8 and the result 0.
    pub(super) fn unlock(&self) {
        const UNLOCK: u32 = 1;
        let mut control =
            UnixStream::connect(self.folder.path().join("run/keyring/control")).unwrap();
        let length = u32::try_from(4 + 4 + 4 + PASSWORD.len()).unwrap();
        let numbers = [length, UNLOCK, u32::try_from(PASSWORD.len()).unwrap()]
            .map(u32::to_be_bytes)
            .concat();
        control.write_all(&[0]).unwrap();
        control.write_all(&[&numbers, PASSWORD].concat()).unwrap();
        let mut answer = [0; 8];
        control.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [0, 0, 0, 8, 0, 0, 0, 0], "the keyring is unlocked");
    }

    pub(super) fn stop_keyring(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
            self.await_owner(false);
        }
    }

    /// Where the keyrings lie.
    pub(super) fn keyrings(&self) -> PathBuf {
        self.folder.path().join("data/keyrings")
    }

    /// Where the vault lies.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The environment of whoever should find this keyring.
    pub(super) fn variables(&self) -> Vec<(&'static str, PathBuf)> {
        let below = |name: &str| self.folder.path().join(name);
        let mut address = std::ffi::OsString::from("unix:path=");
        address.push(below("run/bus"));
        vec![
            ("HOME", below("home")),
            ("XDG_RUNTIME_DIR", below("run")),
            ("XDG_DATA_HOME", below("data")),
            ("DBUS_SESSION_BUS_ADDRESS", address.into()),
        ]
    }

    fn daemon_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(arguments).env_clear().envs(self.variables());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn await_daemon(&mut self, daemon: Child) {
        self.daemon = Some(daemon);
        self.await_owner(true);
    }

    fn await_owner(&self, is_wanted: bool) {
        for _ in 0..POLLS_MAX {
            if self.has_owner() == is_wanted {
                return;
            }
            thread::sleep(POLL);
        }
        panic!(
            "the keyring is not {}",
            if is_wanted { "there" } else { "gone" }
        );
    }

    fn has_owner(&self) -> bool {
        let mut ask = Command::new("dbus-send");
        ask.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
            "org.freedesktop.DBus.NameHasOwner",
        ]);
        let reply = ask
            .arg("string:org.freedesktop.secrets")
            .env_clear()
            .envs(self.variables())
            .output()
            .unwrap();
        String::from_utf8_lossy(&reply.stdout).contains("boolean true")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for child in self.daemon.iter_mut().chain([&mut self.bus]) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn private(folder: &Path) {
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
}
