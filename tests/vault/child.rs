//! A process of its own with a vault: this test binary, started again to do what it is told on its
//! standard input.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aerostat::account::{
    AccountName, Credential, KeyFile, KeySources, Secret, SystemKeyring, Vault, VaultEntry,
};

/// Every secret of these tests holds this.
pub(super) const SECRET_MARK: &str = "sk-live-secret";

/// Where the child's vault lies; also what tells it that it is one.
const HOME: &str = "AEROSTAT_TEST_VAULT";
/// The key file; the keyring where it is unset.
const KEY_FILE: &str = "AEROSTAT_TEST_VAULT_KEY_FILE";
/// What stands before each answer, among the lines of the test harness.
const MARK: &str = "@ ";

/// How long the child waits for a keyring that asks someone.
const KEYRING_TIMEOUT: Duration = Duration::from_secs(10);

/// A running child. Killed when dropped.
pub(super) struct Process {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// A child with its vault in `home`, in an environment of `variables` only; its key comes from
    /// the keyring.
    pub(super) fn with_keyring<V: AsRef<OsStr>>(home: &Path, variables: &[(&str, V)]) -> Self {
        Self::start(
            Self::command(home).envs(variables.iter().map(|(name, value)| (name, value.as_ref()))),
        )
    }

    pub(super) fn with_key_file(home: &Path, key_file: &Path) -> Self {
        Self::start(Self::command(home).env(KEY_FILE, key_file))
    }

    fn command(home: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--ignored",
            "--exact",
            "vault::child::does_as_it_is_told",
            "--nocapture",
            "--test-threads=1",
        ]);
        command.env_clear().env(HOME, home);
        command
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            commands: child.stdin.take(),
            child,
            answers,
        }
    }

    /// Tells it one thing and waits for the answer.
    pub(super) fn tell(&mut self, command: &str) -> String {
        self.order(command);
        self.next().expect("an answer")
    }

    pub(super) fn order(&mut self, command: &str) {
        writeln!(
            self.commands.as_mut().expect("open until the end"),
            "{command}"
        )
        .unwrap();
    }

    /// The next thing that it says. `None` once it has ended.
    pub(super) fn next(&mut self) -> Option<String> {
        let mut lines = self.answers.by_ref().map_while(Result::ok);
        lines.find_map(|line| Some(line.split_once(MARK)?.1.to_owned()))
    }

    /// Ends it at once, as a power cut or an out-of-memory killer does.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.commands.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A step of [`storm`], which follows from its number alone, so that both sides know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Put(String),
    Update(String),
    Remove(String),
}

/// The accounts that are never removed.
pub(super) const LASTING: usize = 5;

impl Step {
    pub(super) fn of(number: usize) -> Self {
        match number % 8 {
            0 => Self::Put(format!("extra-{number}")),
            4 => Self::Remove(format!("extra-{}", number - 4)),
            _ => Self::Update(lasting(number % LASTING)),
        }
    }

    fn apply(&self, number: usize, vault: &Vault) {
        let result = match self {
            Self::Put(account) => vault.put(name(account), sealed(&secret(number))),
            Self::Update(account) => vault.update(&name(account), |credential| {
                *credential = key(&secret(number))
            }),
            Self::Remove(account) => vault.remove(&name(account)),
        };
        result.unwrap();
    }
}

pub(super) fn lasting(number: usize) -> String {
    format!("lasting-{number}")
}

pub(super) fn secret(number: usize) -> String {
    format!("{SECRET_MARK}-{number}")
}

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

fn key(text: &str) -> Credential {
    Credential::Key(Secret::new(text.to_owned()))
}

fn sealed(text: &str) -> VaultEntry {
    VaultEntry {
        provider: "lab".to_owned(),
        address: "https://api.example.com".parse().unwrap(),
        credential: key(text),
    }
}

/// The child itself. By itself it does nothing: it has no home.
#[test]
#[ignore = "the other side of the tests in this folder, which start it"]
fn does_as_it_is_told() {
    let Some(home) = std::env::var_os(HOME) else {
        return;
    };
    let keys = match std::env::var_os(KEY_FILE) {
        Some(path) => KeySources::none().with_file(Some(KeyFile::at(path))),
        None => KeySources::none().with_keyring_within(Arc::new(SystemKeyring), KEYRING_TIMEOUT),
    };
    let vault = Vault::new(Path::new(&home), keys);
    for command in io::stdin().lines() {
        let command = command.unwrap();
        let words: Vec<&str> = command.split(' ').collect();
        match words.as_slice() {
            ["storm", first] => storm(&vault, first.parse().unwrap()),
            words => say(&answer(&vault, words)),
        }
    }
}

fn answer(vault: &Vault, words: &[&str]) -> String {
    let done = match words {
        ["open"] => vault.open(),
        ["put", account, secret] => vault.put(name(account), sealed(secret)),
        ["show"] => return show(vault),
        other => panic!("no command: {other:?}"),
    };
    done.map_or_else(
        |error| {
            format!(
                "{}: {error}",
                if error.is_transient() {
                    "later"
                } else {
                    "error"
                }
            )
        },
        |()| "done".to_owned(),
    )
}

/// All accounts with their keys, in the order of their names.
fn show(vault: &Vault) -> String {
    vault
        .names()
        .iter()
        .fold(String::new(), |mut text, account| {
            let Some(VaultEntry {
                credential: Credential::Key(key),
                ..
            }) = vault.get(account)
            else {
                panic!("a key")
            };
            write!(text, "{account}={} ", key.expose()).unwrap();
            text
        })
}

/// Writes without end, and says before and after each step which one it is.
fn storm(vault: &Vault, first: usize) {
    for number in first.. {
        say(&format!("begin {number}"));
        Step::of(number).apply(number, vault);
        say(&format!("end {number}"));
    }
}

fn say(text: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "{MARK}{text}")
        .and_then(|()| out.flush())
        .unwrap();
}
