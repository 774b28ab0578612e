//! The command line as people and scripts use it: the real program, its exit codes, and what it
//! writes where.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::agent::{Agent, Setup};

fn home(config: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), config).unwrap();
    home
}

fn run(home: &Path, line: &str) -> Output {
    let setup = line
        .split_whitespace()
        .fold(Setup::default(), |setup, argument| setup.arg(argument));
    setup
        .command(home)
        .output()
        .expect("the program can be started")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal ended it")
}

fn facts(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("facts are text")
}

fn complaints(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("complaints are text")
}

fn json(home: &Path, line: &str) -> Value {
    serde_json::from_str(&facts(&run(home, &format!("{line} --json")))).expect("facts are JSON")
}

#[test]
fn headless_is_the_same_and_json_says_where_it_serves() {
    for argument in ["--headless", "--json"] {
        let agent = Setup::config("port = 0\n").arg(argument).start().unwrap();
        assert_ne!(agent.address().port(), 0);
    }
}

#[test]
fn status_tells_running_from_not_running() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = format!("port = {port}\nauth_mode = \"strict\"\n");
    let nothing = home(&config);
    assert_eq!(code(&run(nothing.path(), "status")), 3);
    assert_eq!(json(nothing.path(), "status")["state"], "not_running");
    let agent = Agent::start(&config);
    let status = run(agent.home(), "status");
    assert_eq!((code(&status), complaints(&status).as_str()), (0, ""));
    let facts = json(agent.home(), "status");
    assert_eq!(
        (&facts["state"], &facts["base_url"]),
        (&"running".into(), &agent.base_url().into())
    );
}

#[test]
fn the_configuration_is_found_checked_read_and_changed() {
    let home = home("# mine\nport = 9000 # why\n");
    let path = home.path().join("config.toml");
    assert_eq!(
        facts(&run(home.path(), "config path")).trim(),
        path.to_str().unwrap()
    );
    assert_eq!(code(&run(home.path(), "config check")), 0);
    assert_eq!(facts(&run(home.path(), "config get port")), "9000\n");
    assert_eq!(
        code(&run(home.path(), "config set port 9001 limits.hold_ms 5")),
        0
    );
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "# mine\nport = 9001 # why\n\n[limits]\nhold_ms = 5\n");
    let refused = run(home.path(), "config set port 70000");
    assert_eq!((code(&refused), facts(&refused).as_str()), (1, ""));
    assert!(
        complaints(&refused).contains("port: expected an integer from 0 to 65535, found `70000`")
    );
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        text,
        "nothing was changed"
    );
    assert!(complaints(&run(home.path(), "config get prot")).contains("did you mean `port`?"));
    let all = json(home.path(), "config get");
    assert!(all.as_array().unwrap().iter().any(|setting| setting["key"]
        == "limits.answer_timeout_seconds"
        && setting["value"] == 3600));
    std::fs::write(&path, "port = 1\nprot = 2\n").unwrap();
    let check = run(home.path(), "config check");
    assert_eq!(code(&check), 1);
    assert!(
        complaints(&check).starts_with("aerostat: config.toml:2:1: prot: unknown key"),
        "{}",
        complaints(&check)
    );
}

#[test]
fn a_home_that_is_missing_is_made_where_it_is_needed() {
    let above = tempfile::tempdir().unwrap();
    let home = above.path().join("new/home");
    assert_eq!(code(&run(&home, "config get port")), 0);
    assert!(!home.exists(), "reading makes nothing");
    assert_eq!(code(&run(&home, "config set port 9000")), 0);
    assert_eq!(facts(&run(&home, "config get port")), "9000\n");
}

#[test]
fn the_key_that_is_shown_opens_the_port() {
    let agent = Agent::start("port = 0\nauth_mode = \"strict\"\n");
    let key = facts(&run(agent.home(), "key show"));
    assert_eq!(
        key.trim(),
        std::fs::read_to_string(agent.home().join("local-key"))
            .unwrap()
            .trim()
    );
    assert_eq!(json(agent.home(), "key show")["key"], key.trim());
}

#[test]
fn models_and_providers_are_explained() {
    let home = home(
        "[providers.lab]\nprotocol = \"gemini\"\nbase_url = \"http://127.0.0.1:9\"\nmodels = [\"m\"]\n[[models]]\nname = \"fast\"\nuse = \"lab/m\"\n",
    );
    assert!(facts(&run(home.path(), "model try fast")).contains("1. lab/m  ready"));
    assert_eq!(json(home.path(), "model try fast")["why"], "rule");
    let unknown = run(home.path(), "model try lab2/m");
    assert_eq!((code(&unknown), facts(&unknown).as_str()), (1, ""));
    assert_eq!(
        json(home.path(), "provider list")[0]["protocol"][0],
        "gemini"
    );
    assert!(facts(&run(home.path(), "provider models")).starts_with("lab/m\ndemo\n"));
    assert_eq!(code(&run(home.path(), "provider models nobody")), 1);
}

#[test]
fn completions_are_scripts_of_their_shell() {
    let home = home("");
    for (shell, sign) in [
        ("bash", "complete -F _aerostat"),
        ("zsh", "#compdef aerostat"),
        ("fish", "complete -c aerostat"),
    ] {
        let output = run(home.path(), &format!("completions {shell}"));
        assert_eq!(code(&output), 0);
        assert!(facts(&output).contains(sign), "{shell}");
    }
}

#[test]
fn wrong_usage_has_a_code_of_its_own() {
    let home = home("");
    for line in [
        "nonsense",
        "config",
        "config set port",
        "model try",
        "--port",
        "completions cobol",
        "status extra",
    ] {
        let output = run(home.path(), line);
        assert_eq!((code(&output), facts(&output).as_str()), (2, ""), "{line}");
        assert!(!complaints(&output).is_empty());
    }
    assert_eq!(code(&run(home.path(), "--help")), 0);
    assert!(facts(&run(home.path(), "--version")).starts_with("aerostat "));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let home = home("");
    for line in ["config get", "completions bash", "provider list --json"] {
        let setup = line
            .split_whitespace()
            .fold(Setup::default(), |setup, argument| setup.arg(argument));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = setup
            .command(home.path())
            .stdout(Stdio::from(writer))
            .output()
            .unwrap();
        assert_eq!(
            (code(&output), complaints(&output).as_str()),
            (0, ""),
            "{line}"
        );
    }
}
