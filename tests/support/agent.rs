//! The real program as a child process: its own home, its own port, nothing of the test's
//! environment.
//!
//! Killed when dropped. Must not reach into the program: the tests see only what a user could see.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::raw::{self, Answer, Request};

/// How long the program may take to report its address, and to exit.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the child is polled for its exit.
const POLL: Duration = Duration::from_millis(10);

/// What a program is started with.
#[derive(Debug, Default)]
pub struct Setup {
    config: String,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Setup {
    /// With this `config.toml`; it should say `port = 0`.
    pub fn config(text: impl Into<String>) -> Self {
        Self {
            config: text.into(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// A command of the program in `home`, with no environment but the test's.
    pub fn command(&self, home: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aerostat"));
        command
            .args(&self.arguments)
            .env_clear()
            .env("AEROSTAT_HOME", home)
            .env("HOME", home);
        // No icon on the desktop of the person who runs the tests.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the program and waits until it reports its address.
    ///
    /// # Errors
    /// What it wrote, if it exits or stays silent instead.
    pub fn start(&self) -> Result<Agent, String> {
        let home = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(home.path().join("config.toml"), &self.config)
            .expect("the home can be written");
        self.start_in(Arc::new(home))
    }

    /// The same in an existing home, whose `config.toml` stays as it is.
    ///
    /// # Errors
    /// As [`Setup::start`].
    pub fn start_in(&self, home: Arc<TempDir>) -> Result<Agent, String> {
        let mut child = self
            .command(home.path())
            .spawn()
            .expect("the program can be started");
        let lines = read_lines(child.stdout.take().expect("stdout is piped"));
        let stderr = collect(child.stderr.take().expect("stderr is piped"));
        let mut agent = Agent {
            child,
            home,
            stderr,
            address: ([127, 0, 0, 1], 0).into(),
            stdout: String::new(),
        };
        agent.await_address(&lines)?;
        Ok(agent)
    }
}

/// A program that serves.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    home: Arc<TempDir>,
    stderr: Arc<Mutex<String>>,
    address: SocketAddr,
    stdout: String,
}

impl Agent {
    /// Starts with this `config.toml` and nothing else.
    ///
    /// # Panics
    /// If the program does not start; the panic holds what it wrote.
    pub fn start(config: &str) -> Self {
        Setup::config(config)
            .start()
            .unwrap_or_else(|why| panic!("{why}"))
    }

    fn await_address(&mut self, lines: &Receiver<String>) -> Result<(), String> {
        loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.stdout.push_str(&line);
                    if let Some(address) = base_url_in(&line) {
                        self.address = address;
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self.startup_error("said no base URL in time"));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.startup_error("ended before it said a base URL"));
                }
            }
        }
    }

    fn startup_error(&self, what: &str) -> String {
        format!(
            "the program {what}\nstdout: {}\nstderr: {}",
            self.stdout,
            self.stderr()
        )
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The home, to be kept after the program has exited.
    pub fn kept_home(&self) -> Arc<TempDir> {
        Arc::clone(&self.home)
    }

    /// Kills the program.
    pub fn kill(mut self) {
        self.child.kill().expect("the child is ours");
        self.child.wait().expect("the child is ours");
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Replaces `config.toml` in one step, as editors do.
    pub fn rewrite_config(&self, text: &str) {
        let fresh = self.home().join("config.toml.new");
        std::fs::write(&fresh, text).expect("the home can be written");
        std::fs::rename(fresh, self.home().join("config.toml")).expect("the home can be written");
    }

    /// What the program has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr
            .lock()
            .expect("the reader does not panic")
            .clone()
    }

    /// What it logged, once that contains `word`: records are written shortly after their
    /// responses.
    pub async fn logged(&self, word: &str) -> String {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while !self.stderr().contains(word) && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        self.stderr()
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.send(&Request::get(target)).await
    }

    pub async fn post(&self, target: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(&Request::post(target, body)).await
    }

    pub async fn send(&self, request: &Request) -> Answer {
        raw::exchange(self.address, request).await
    }

    /// Asks the program to exit, as service managers do.
    pub fn sigterm(&self) {
        let status = Command::new("kill")
            .arg("-TERM")
            .arg(self.id().to_string())
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "SIGTERM can be sent"
        );
    }

    /// Waits for the exit code. `None` if a signal ended the program.
    ///
    /// # Panics
    /// If it does not exit in time.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.wait().expect("the program ends in time").code()
    }

    fn wait(&mut self) -> Option<ExitStatus> {
        for _ in 0..PATIENCE.as_millis() / POLL.as_millis() {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return Some(status);
            }
            thread::sleep(POLL);
        }
        None
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line such as `serving http://127.0.0.1:8045 (openai, anthropic)`.
pub fn base_url_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://127.0.0.1:")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(([127, 0, 0, 1], digits.parse().ok()?).into())
}

/// Reads on a thread to the end, so that the program never blocks on a full pipe.
fn read_lines(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens any more once the base URL is known; reading goes on.
            let _ = sender.send(line + "\n");
        }
    });
    receiver
}

fn collect(stderr: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let collected = Arc::new(Mutex::new(String::new()));
    let writer = Arc::clone(&collected);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            writer
                .lock()
                .expect("no thread panics while holding it")
                .push_str(&(line + "\n"));
        }
    });
    collected
}

#[test]
fn base_url_is_found_within_a_line() {
    assert_eq!(
        base_url_in("serving http://127.0.0.1:8045/v1 now"),
        Some(([127, 0, 0, 1], 8045).into())
    );
    assert_eq!(base_url_in("serving http://127.0.0.1:"), None);
    assert_eq!(base_url_in("reading config.toml"), None);
}

#[test]
fn a_program_that_ends_at_once_is_reported_with_what_it_wrote() {
    let why = Setup::config("port = 0\n")
        .arg("--version")
        .start()
        .expect_err("it serves nothing");
    assert!(why.contains("ended before it said a base URL"), "{why}");
}
