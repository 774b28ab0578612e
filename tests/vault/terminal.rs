//! The passphrase, asked for at a real terminal.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::accounts::run;
use crate::support::Dialect::Chat;
use crate::support::agent::Setup;
use crate::support::terminal::Terminal;
use crate::support::upstream::Upstream;

const SECRET: &str = "sk-upstream-openai";
const PASSPHRASE: &str = "correct horse battery";
const ADD: &str = "account add lab --name work";

/// A home on a machine without a keyring.
async fn place() -> (TempDir, Upstream) {
    let (home, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let base_url = upstream.base_url(Chat);
    let config = format!(
        "port = 0\n[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\nauth = \"bearer\"\n"
    );
    fs::write(home.path().join("config.toml"), config).unwrap();
    (home, upstream)
}

fn at_terminal(home: &Path, line: &str) -> Terminal {
    let setup = line
        .split_whitespace()
        .fold(Setup::default(), |setup, argument| setup.arg(argument));
    Terminal::run(&setup.command(home))
}

/// Answers the question for a new passphrase as people do: too short, then two that differ.
fn choose_after_slips(terminal: &mut Terminal) {
    terminal.expect("No keyring answers here, so a passphrase seals the vault");
    terminal.expect("At least 8 characters; an empty line gives up.");
    terminal.expect("New passphrase: ");
    terminal.type_line("short");
    terminal.expect("That is too short. At least 8 characters");
    terminal.expect("New passphrase: ");
    terminal.type_line(PASSPHRASE);
    terminal.expect("The same again: ");
    terminal.type_line("correct house battery");
    terminal.expect("The two are not the same. At least 8 characters");
    terminal.expect("New passphrase: ");
    terminal.type_line(PASSPHRASE);
    terminal.expect("The same again: ");
    terminal.type_line(PASSPHRASE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_at_the_passphrase_does_not_lose_the_account_that_is_added() {
    let (home, _upstream) = place().await;
    let mut adding = at_terminal(home.path(), ADD);
    adding.expect("Key for `lab`: ");
    adding.type_line(SECRET);
    choose_after_slips(&mut adding);
    adding.expect("work: ready");
    assert_eq!(adding.exit_code(), Some(0), "{}", adding.screen());
    for hidden in [SECRET, PASSPHRASE] {
        assert!(!adding.screen().contains(hidden), "{}", adding.screen());
    }

    let mut testing = at_terminal(home.path(), "account test work");
    testing.expect("Passphrase of the vault: ");
    testing.type_line("another passphrase");
    testing.expect("That was not it. Passphrase of the vault: ");
    testing.type_line(PASSPHRASE);
    assert_eq!(testing.exit_code(), Some(0), "{}", testing.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_passphrase_is_told_that_nothing_was_stored() {
    let (home, _upstream) = place().await;
    let mut adding = at_terminal(home.path(), ADD);
    adding.expect("Key for `lab`: ");
    adding.type_line(SECRET);
    adding.expect("New passphrase: ");
    adding.type_line("");
    assert_eq!(adding.exit_code(), Some(1), "{}", adding.screen());
    assert!(!home.path().join("vault").exists());
    let listed = run(&Setup::default(), home.path(), "account list", "");
    assert!(!String::from_utf8_lossy(&listed.stdout).contains("work"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_terminal_is_told_where_the_question_waits() {
    let (home, _upstream) = place().await;
    let mut agent = at_terminal(home.path(), "--headless");
    agent.expect("http://127.0.0.1:");
    let setup = format!("{ADD} --stdin")
        .split_whitespace()
        .fold(Setup::default(), |setup, argument| setup.arg(argument));
    let mut adding = setup
        .command(home.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut adding.stdin.take().unwrap(), SECRET.as_bytes()).unwrap();
    choose_after_slips(&mut agent);
    let output = adding.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains(
            "the vault's passphrase is asked for in the terminal where `aerostat` runs (process "
        ),
        "{told}"
    );
    assert!(output.status.success(), "{told}");
    let listed = run(&Setup::default(), home.path(), "account list", "");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("work"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_without_sealing_is_warned_of() {
    let (home, _upstream) = place().await;
    let line = format!("{ADD} --stdin --insecure-plaintext");
    let output = run(&Setup::default(), home.path(), &line, SECRET);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(
        told.contains("warning: the credential lies in plain text in `"),
        "{told}"
    );
}
