use std::cell::{Cell, RefCell};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::*;
use crate::control::status::Status;
use crate::control::verbs::Open;
use crate::control::{
    self, Config, Credential, DesiredState, Environment, KeySources, ModelCard, Provider,
    ProxyChoice, SocketPath, Upstream,
};
use crate::status::PortStatus;

struct Fake {
    ran: Cell<bool>,
    is_first: bool,
    has_browser: bool,
    version: &'static str,
    announced: RefCell<Vec<String>>,
}

/// A world of one server that lists a model.
struct World;

impl Environment for World {
    fn list_models<'a>(
        &'a self,
        _: &'a Config,
        provider: &'a Provider,
        _: &'a Credential,
        _: &'a ProxyChoice,
    ) -> BoxFuture<'a, Result<Vec<ModelCard>, Fault>> {
        let listed = match provider.name.as_str() {
            "ollama" => Ok(vec![ModelCard {
                id: "llama3:8b".to_owned(),
                ..ModelCard::default()
            }]),
            _ => Err(Fault::upstream("no answer")),
        };
        Box::pin(std::future::ready(listed))
    }

    fn variable(&self, _: &str) -> Option<Secret> {
        None
    }

    fn upstream(&self, _: &Config) -> Arc<dyn Upstream> {
        unreachable!("no test signs in")
    }

    fn vault_keys(&self) -> KeySources {
        KeySources::none()
    }
}

impl Program for Fake {
    fn run(
        &self,
        home: &Home,
        _: RunOptions,
        on_start: &mut dyn FnMut(&Started),
    ) -> anyhow::Result<()> {
        self.ran.set(true);
        let socket = SocketPath::of(home, &|_| None);
        let config = control::load(home)?;
        let port = PortStatus::Running {
            port: 1,
            is_exposed: false,
            refused: None,
        };
        let status = Status {
            version: Some(self.version.to_owned()),
            ..Status::running(port, DesiredState::Running, &config, home, &socket)
        };
        on_start(&Started {
            status,
            is_new: self.is_first,
        });
        Ok(())
    }

    fn open_in_browser(&self, _: &DashboardLink) -> io::Result<()> {
        if self.has_browser {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn announce(&self, summary: &str, body: &str) {
        self.announced
            .borrow_mut()
            .push(format!("{summary} | {body}"));
    }

    fn call(
        &self,
        home: &Home,
        call: &VerbCall,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<VerbResponse, ControlError> {
        if call.name() == Open::NAME && !self.is_first {
            let link = serde_json::json!({ "file": "link.html", "url": "http://127.0.0.1:2/link" });
            return Ok(VerbResponse::of(&link));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(control::call(home, call, Arc::new(World), on_note))
    }

    fn examine(&self, _: &Home, _: Wanted) -> io::Result<(Report, Option<Bundle>)> {
        unreachable!("it asks this machine: the program's own tests do")
    }

    fn read_hidden(&self, _: &str) -> io::Result<Secret> {
        Err(io::ErrorKind::NotConnected.into())
    }

    fn confirm(&self, _: &str) -> Option<bool> {
        None
    }

    fn start_program(&self, _: &str, _: &[String], _: &[(String, Secret)]) -> io::Result<u8> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn open_browser(&self, _: &str) {}

    fn read_stdin(&self) -> io::Result<Secret> {
        Ok(Secret::new("sk-typed\n".to_owned()))
    }

    fn serve_demo(&self, _: &Home, requests: Vec<Request<Bytes>>) -> Result<Vec<Answered>, Fault> {
        Ok(requests
            .iter()
            .map(|_| Err(Fault::upstream("no answer")))
            .collect())
    }
}

struct Ended {
    code: u8,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

struct Terminal {
    folder: tempfile::TempDir,
    program: Fake,
}

impl Terminal {
    fn with_config(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), text).unwrap();
        let program = Fake {
            ran: Cell::new(false),
            is_first: true,
            has_browser: true,
            version: env!("CARGO_PKG_VERSION"),
            announced: RefCell::default(),
        };
        Self { folder, program }
    }

    fn run(&self, line: &str) -> Ended {
        let arguments = std::iter::once("aerostat")
            .chain(line.split_whitespace())
            .map(OsString::from);
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let code = execute(
            &self.program,
            arguments,
            Ok(Home::at(self.folder.path())),
            &mut stdout,
            &mut stderr,
        );
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended {
            code,
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }
}

#[test]
fn without_a_verb_the_gateway_runs() {
    for line in ["", "--headless"] {
        let terminal = Terminal::with_config("");
        let ended = terminal.run(line);
        assert_eq!(ended.code, exit_code::DONE);
        assert!(terminal.program.ran.get());
        assert!(
            ended.stdout.contains("serves http://127.0.0.1:1\n"),
            "{}",
            ended.stdout
        );
    }
    assert_eq!(
        Terminal::with_config("").run("--json").json()["base_url"],
        "http://127.0.0.1:1"
    );
}

#[test]
fn a_second_start_says_where_the_first_one_serves() {
    let mut terminal = Terminal::with_config("");
    terminal.program.is_first = false;
    let ended = terminal.run("");
    assert_eq!(ended.code, exit_code::DONE);
    assert!(
        ended.stdout.contains("runs already, in process "),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("running at http://127.0.0.1:1\n"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("the dashboard opens"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_start_beside_another_version_offers_to_take_over() {
    let mut terminal = Terminal::with_config("");
    (terminal.program.is_first, terminal.program.version) = (false, "0.0.1");
    let ended = terminal.run("");
    assert_eq!(ended.code, exit_code::DONE);
    assert!(
        ended
            .stderr
            .contains("`aerostat --take-over` puts it in the other's place"),
        "{}",
        ended.stderr
    );
    let announced = terminal.program.announced.borrow();
    assert!(
        announced[0].starts_with("Aerostat 0.0.1 still runs | To have version "),
        "{announced:?}"
    );
    assert!(
        announced[0].contains("choose Quit in its menu") && announced.len() == 1,
        "{announced:?}"
    );
}

#[test]
fn a_start_that_fails_is_announced_where_a_desktop_may_be() {
    for (line, count) in [("", 1), ("--at-login", 1), ("--headless", 0), ("status", 0)] {
        let terminal = Terminal::with_config("port = wrong");
        assert_eq!(terminal.run(line).code, exit_code::FAILED, "{line}");
        let announced = terminal.program.announced.borrow();
        assert_eq!(announced.len(), count, "{line}: {announced:?}");
        assert!(
            announced
                .iter()
                .all(|text| text.starts_with("Aerostat does not run | config.toml:1:")),
            "{announced:?}"
        );
    }
}

#[test]
fn without_a_browser_the_address_is_printed() {
    let mut terminal = Terminal::with_config("");
    (terminal.program.is_first, terminal.program.has_browser) = (false, false);
    let ended = terminal.run("open");
    assert_eq!(ended.code, exit_code::DONE);
    assert!(
        ended.stdout.ends_with("http://127.0.0.1:2/link\n"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stderr.contains("no browser could be started"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_second_start_leaves_the_first_alone_at_login_and_without_a_desktop() {
    for line in ["--headless", "--at-login"] {
        let mut terminal = Terminal::with_config("");
        terminal.program.is_first = false;
        let ended = terminal.run(line);
        assert_eq!(ended.code, exit_code::DONE);
        assert!(!ended.stdout.contains("dashboard"), "{}", ended.stdout);
    }
}

#[test]
fn verbs_that_need_an_agent_say_that_none_runs() {
    let terminal = Terminal::with_config("");
    for verb in ["start", "stop", "quit"] {
        let ended = terminal.run(verb);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (exit_code::NOT_RUNNING, ""),
            "{verb}"
        );
        assert_eq!(
            ended.stderr,
            "aerostat: the agent is not running; `aerostat` starts it\n"
        );
    }
}

#[test]
fn a_key_is_shown_once_and_listed_by_its_end() {
    let terminal = Terminal::with_config("");
    let key = terminal.run("key create laptop").stdout.trim().to_owned();
    assert!(key.starts_with("sk-") && key.len() == 51, "{key}");
    let listed = terminal.run("key list --json");
    assert_eq!(listed.json()[0]["hint"], key[47..]);
    assert!(!listed.stdout.contains(&key));
    let again = terminal.run("key create laptop");
    assert_eq!((again.code, again.stdout.as_str()), (exit_code::FAILED, ""));
    assert_eq!(terminal.run("key revoke laptop").code, exit_code::DONE);
    assert_eq!(
        terminal.run("key list --json").json(),
        serde_json::json!([])
    );
    assert_eq!(
        terminal.run("key create no/name").code,
        exit_code::WRONG_USAGE
    );
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let terminal = Terminal::with_config("port = 70000");
    for line in [
        "nonsense",
        "config",
        "config set port",
        "config set port 1 auth_mode",
        "completions cobol",
    ] {
        let ended = terminal.run(line);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (exit_code::WRONG_USAGE, ""),
            "{line}"
        );
        assert!(!ended.stderr.is_empty());
    }
    assert_eq!(terminal.run("provider list").code, exit_code::FAILED);
    assert!(
        terminal
            .run("nonsense")
            .stderr
            .starts_with("error: unrecognized subcommand")
    );
    assert!(!terminal.program.ran.get());
}

#[test]
fn help_and_version_are_facts() {
    let terminal = Terminal::with_config("");
    assert!(terminal.run("--version").stdout.starts_with("aerostat "));
    let help = terminal.run("config --help");
    assert_eq!((help.code, help.stderr.as_str()), (exit_code::DONE, ""));
}

#[test]
fn status_says_that_nothing_runs() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let terminal = Terminal::with_config(&format!("port = {port}"));
    let ended = terminal.run("status --json");
    assert_eq!(ended.code, exit_code::NOT_RUNNING);
    assert_eq!(ended.json()["state"], "not_running");
    assert!(terminal.run("status").stdout.starts_with("not running"));
}

#[test]
fn a_setting_is_changed_and_read_back() {
    let terminal = Terminal::with_config("# mine\n");
    assert_eq!(
        terminal
            .run("config set scheduling.mode drain port 9000")
            .code,
        exit_code::DONE
    );
    assert_eq!(terminal.run("config get scheduling.mode").stdout, "drain\n");
    assert_eq!(terminal.run("config get port --json").json()["value"], 9000);
    assert!(terminal.run("config get").stdout.contains("port = 9000\n"));
}

#[test]
fn a_refused_change_says_why() {
    let ended = Terminal::with_config("").run("config set auth_mode loose");
    assert_eq!(ended.code, exit_code::FAILED);
    assert!(
        ended.stderr.contains("auth_mode: expected one of `off`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn check_names_the_place_of_a_problem() {
    let terminal = Terminal::with_config("port = 70000\n");
    let ended = terminal.run("config check");
    assert_eq!((ended.code, ended.stdout.as_str()), (exit_code::FAILED, ""));
    assert!(
        ended
            .stderr
            .starts_with("aerostat: config.toml:1:8: port: ")
    );
    assert_eq!(
        terminal.run("config check --json").json()["problems"][0]["line"],
        1
    );
    assert_eq!(
        Terminal::with_config("").run("config check").stdout,
        "the configuration is valid\n"
    );
}

#[test]
fn check_fails_for_what_will_not_be_done() {
    let ended = Terminal::with_config("allow_lan_access = true\n").run("config check --json");
    assert_eq!(ended.code, exit_code::FAILED);
    assert_eq!(ended.json()["valid"], true);
    assert_eq!(ended.json()["refusals"][0]["key"], "allow_lan_access");
}

#[test]
fn the_local_key_stays_the_same() {
    let terminal = Terminal::with_config("");
    let key = terminal.run("key show").stdout;
    assert!(key.starts_with("sk-") && key.len() == 52);
    assert_eq!(terminal.run("key show --json").json()["key"], key.trim());
}

#[test]
fn a_model_name_is_explained() {
    let terminal = Terminal::with_config(
        "[providers.ollama]\n[[models]]\nname = \"fast\"\nuse = \"ollama/llama3:8b\"\n",
    );
    assert!(
        terminal
            .run("model try fast")
            .stdout
            .contains("1. ollama/llama3:8b")
    );
    assert_eq!(terminal.run("model try demo --json").json()["why"], "demo");
    let unknown = Terminal::with_config("").run("model try gpt-9");
    assert_eq!(
        (unknown.code, unknown.stdout.as_str()),
        (exit_code::FAILED, "")
    );
    assert!(
        unknown
            .stderr
            .contains("no rule and no provider lists `gpt-9`")
    );
}

#[test]
fn models_are_listed_as_clients_ask_for_them() {
    let lab = "[providers.lab]\nprotocol = \"gemini\"\nbase_url = \"http://127.0.0.1:9\"\n";
    let terminal = Terminal::with_config(&format!("[providers.ollama]\n{lab}"));
    let ended = terminal.run("provider models");
    assert_eq!(ended.code, exit_code::FAILED);
    assert!(
        ended
            .stdout
            .starts_with("ollama/llama3:8b\ndemo\ndemo/openai_chat\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(ended.stderr, "aerostat: provider `lab`: no answer\n");
    assert_eq!(terminal.run("provider models ollama").code, exit_code::DONE);
    assert!(
        terminal
            .run("provider models olama")
            .stderr
            .contains("did you mean `ollama`?")
    );
}

#[test]
fn names_from_the_file_cannot_steer_the_terminal() {
    let terminal = Terminal::with_config("\"\\u001b[2J\" = 1\n");
    let ended = terminal.run("config check");
    assert!(ended.stderr.contains("\\u001b[2J") && !ended.stderr.contains('\u{1b}'));
}

#[test]
fn a_selftest_that_fails_says_where() {
    let terminal = Terminal::with_config("");
    let ended = terminal.run("selftest");
    assert_eq!(ended.code, exit_code::FAILED);
    assert!(
        ended
            .stdout
            .starts_with("openai_chat         through openai_chat       0 of "),
        "{}",
        ended.stdout
    );
    let expected = "aerostat: openai_chat through openai_chat, `text`: the exchange: expected an answer, found no answer\n";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert_eq!(
        terminal.run("selftest --json").json()["pairs"][0]["failures"][0]["case"],
        "text"
    );
}

#[test]
fn completions_know_the_keys() {
    let script = Terminal::with_config("").run("completions bash").stdout;
    assert!(script.contains("scheduling.max_wait_seconds"));
}

/// Every command that a text of this program prints.
fn printed_commands(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            printed_commands(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            // A string that goes on after the line's end is one line for its reader.
            let text = text.replace("\\\n", "");
            let commands = text.split("`aerostat ").skip(1);
            let commands = commands.filter_map(|rest| rest.split('`').next());
            found.extend(commands.map(|command| (path.display().to_string(), command.to_owned())));
        }
    }
}

#[test]
fn every_command_that_is_printed_works_as_printed() {
    let mut found = Vec::new();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for sources in ["data-plane/src", "control-plane/src", "src"] {
        printed_commands(&std::path::Path::new(root).join(sources), &mut found);
    }
    assert!(found.len() > 20, "{}", found.len());
    for (file, command) in found {
        // What the program puts in, and what a manual leaves to its reader.
        let words = command.split_whitespace().map(|word| {
            if word.contains('{') {
                word.replace(['{', '}'], "")
            } else {
                word.to_owned()
            }
        });
        let line: Vec<String> = std::iter::once("aerostat".to_owned())
            .chain(words)
            .collect();
        if line.len() > 1 && !line[1].contains('|') && command != "VERB" {
            let parsed = Args::try_parse_from(&line);
            assert!(
                parsed.is_ok(),
                "{file}: `aerostat {command}`: {}",
                parsed.unwrap_err()
            );
        }
    }
}
