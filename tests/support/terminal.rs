//! A program at a pseudo-terminal of its own, as a person sits at one.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::time::Instant;

/// How long a person waits for a question.
const PATIENCE: Duration = Duration::from_secs(30);

/// A child whose controlling terminal is ours to read and to type at. Killed when dropped.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<String>>,
    /// How much of the screen was expected already.
    read_to: usize,
}

impl Terminal {
    /// Starts `command` with all of its streams at the terminal.
    pub fn run(command: &Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let end = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        // It makes the terminal the controlling one, which passphrases are asked at.
        let mut started = Command::new("setsid");
        started
            .args(["--ctty", "--wait"])
            .arg(command.get_program());
        started.args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            started.env(name, value.expect("no variable is removed"));
        }
        let child = started
            .stdin(end.try_clone().unwrap())
            .stdout(end.try_clone().unwrap())
            .stderr(end)
            .spawn()
            .expect("setsid is there");
        let keyboard = File::from(master);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut shown, shared) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // An error is how the end of the last process looks.
            while let Ok(length @ 1..) = shown.read(&mut piece) {
                let piece = String::from_utf8_lossy(&piece[..length]).into_owned();
                shared.lock().unwrap().push_str(&piece);
            }
        });
        Self {
            child,
            keyboard,
            screen,
            read_to: 0,
        }
    }

    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Waits until `text` is shown, behind what was expected before.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if let Some(at) = screen[self.read_to..].find(text) {
                self.read_to += at + text.len();
                return;
            }
            assert!(Instant::now() < deadline, "no `{text}`: {screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn type_line(&mut self, text: &str) {
        // A prompt is written before the echo is turned off, so a fast typist would be seen.
        std::thread::sleep(Duration::from_millis(100));
        self.keyboard
            .write_all(format!("{text}\n").as_bytes())
            .expect("the terminal is open");
    }

    /// Waits for the end of the program.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("it can be waited for").code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // What is typed reaches the program itself, which is a child of `setsid`.
        let _ = self.keyboard.write_all(b"\x03\x03");
        let _ = self.child.wait();
    }
}
