//! `aerostat client …` as people and scripts use it: the real program on throw-away homes.
//!
//! Each rule of connecting and disconnecting has a test that fails without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::agent::Setup;

const ORIGIN: &str = "http://127.0.0.1:18045";

/// A person's home, and that of the program.
struct Rig {
    home: TempDir,
    person: TempDir,
    variables: Vec<(String, String)>,
}

impl Rig {
    fn new() -> Self {
        Self::with("port = 18045\n")
    }

    fn with(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("config.toml"), config).unwrap();
        let rig = Self {
            home,
            person: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        };
        fs::write(rig.key_file(), "ab".repeat(32)).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let own = fs::Permissions::from_mode(0o600);
            fs::set_permissions(rig.key_file(), own).unwrap();
        }
        rig
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Beside both homes, so that a purge does not see it.
    fn key_file(&self) -> PathBuf {
        self.person.path().join("vault-key")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.person.path().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let file = self.at(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn read(&self, path: &str) -> String {
        String::from_utf8(fs::read(self.at(path)).unwrap()).unwrap()
    }

    fn command(&self, line: &str) -> Command {
        let words = line.split_whitespace();
        let setup = words.fold(Setup::default(), Setup::arg);
        let mut command = setup.command(self.home.path());
        command
            .env("HOME", self.person.path())
            .env("AEROSTAT_VAULT_KEY_FILE", self.key_file())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.person.path());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().expect("the program starts")
    }

    /// What it wrote, where it succeeded.
    #[track_caller]
    fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", all(&output));
        all(&output)
    }

    /// What it wrote, where it failed.
    #[track_caller]
    fn fails(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(!output.status.success(), "{line}: {}", all(&output));
        all(&output)
    }

    fn json(&self, line: &str) -> Value {
        let output = self.run(&format!("{line} --json"));
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|why| panic!("{line}: {why}: {}", all(&output)))
    }

    fn state(&self, client: &str) -> String {
        let status = self.json(&format!("client status {client}"));
        status[0]["state"].as_str().unwrap().to_owned()
    }

    fn key(&self) -> String {
        self.ok("key show").trim().to_owned()
    }

    /// Everything below the program's home but the key itself, as one text.
    fn stored(&self) -> String {
        let mut all = String::new();
        for file in files_below(self.home.path()) {
            if file.file_name().unwrap() != "local-key" {
                all.push_str(&String::from_utf8_lossy(&fs::read(file).unwrap()));
            }
        }
        all
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

fn all(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

const CLAUDE: &str = ".claude/settings.json";
const CODEX: &str = ".codex/config.toml";
const GEMINI: &str = ".gemini/settings.json";
const OPENCODE: &str = ".config/opencode/opencode.json";
const QWEN: &str = ".qwen/settings.json";

/// What a person has, in the odd forms in which files are found.
const OWN_FILES: &[(&str, &str, &[&str])] = &[
    (
        "claude-code",
        CLAUDE,
        &[
            "{}",
            "",
            "{\"model\":\"opus\"}",
            "{\n\t\"hooks\": {\"Stop\": []},\n\t\"env\": {\"MY\": \"own\"}\n}\n",
            "\u{feff}{\r\n    \"statusLine\" : null,\r\n    \"env\" : { }\r\n}",
            "{\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"https://other.example\",\n    \"Z\": \"1\"\n  },\n  \"permissions\": {\"allow\": [\"Bash(ls:*)\"]}\n}\n",
        ],
    ),
    (
        "codex",
        CODEX,
        &[
            "",
            "# mine\nmodel = \"gpt-5\" # why\n\n[tui]\nnotifications = true\n",
            "model_provider = \"azure\"\r\n[model_providers.azure]\r\nname = \"A\"\r\nbase_url = \"https://x\"",
            "[projects.\"/a b\"]\ntrust_level = \"trusted\"\n",
        ],
    ),
    (
        "gemini-cli",
        GEMINI,
        &[
            "{}",
            "{\n  // kept\n  \"security\": { \"auth\": { \"selectedType\": \"oauth-personal\" } } /* too */\n}\n",
            "{\"ui\":{\"theme\":\"x\"}}",
        ],
    ),
    (
        "opencode",
        OPENCODE,
        &[
            "{\n  \"$schema\": \"https://opencode.ai/config.json\",\n  // a provider of mine\n  \"provider\": { \"mine\": { \"npm\": \"x\", }, },\n}\n",
            "{ }",
            "{\"provider\":{}}\n",
        ],
    ),
];

#[test]
fn what_was_connected_is_disconnected_to_the_byte() {
    for (client, path, texts) in OWN_FILES {
        for text in *texts {
            let rig = Rig::new();
            rig.write(path, text);
            rig.ok(&format!("client connect {client} --yes"));
            assert_ne!(rig.read(path), *text, "{client}: {text:?}");
            rig.ok(&format!("client disconnect {client} --yes"));
            assert_eq!(rig.read(path), *text, "{client}: {text:?}");
            assert!(!rig.home.path().join("clients").exists(), "{client}");
        }
    }
}

#[test]
fn files_and_folders_that_were_made_are_gone_afterwards() {
    for (client, path, _) in OWN_FILES {
        let rig = Rig::new();
        rig.ok(&format!("client connect {client} --yes"));
        assert!(rig.at(path).is_file(), "{client}");
        rig.ok(&format!("client disconnect {client} --yes"));
        let left: Vec<_> = fs::read_dir(rig.person.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{client}: only the vault's key: {left:?}");
    }
}

#[test]
fn connecting_again_refreshes_and_the_way_back_stays() {
    for (client, path, texts) in OWN_FILES {
        let rig = Rig::new();
        let text = texts.last().unwrap();
        rig.write(path, text);
        rig.ok(&format!("client connect {client} --yes"));
        let once = rig.read(path);
        let again = rig.ok(&format!("client connect {client} --yes"));
        assert!(again.contains("already"), "{again}");
        assert_eq!(rig.read(path), once, "{client}");
        // The port moves, and so does what was written.
        fs::write(rig.home.path().join("config.toml"), "port = 18046\n").unwrap();
        if *client != "gemini-cli" {
            assert_eq!(rig.state(client), "elsewhere", "{client}");
            rig.ok(&format!("client connect {client} --yes"));
            assert_eq!(rig.read(path), once.replace("18045", "18046"), "{client}");
        }
        rig.ok(&format!("client disconnect {client} --yes"));
        assert_eq!(rig.read(path), *text, "{client}");
    }
}

#[test]
fn only_our_keys_change() {
    let rig = Rig::new();
    let own = "{\n  \"hooks\": { \"Stop\": [] }, \"statusLine\": {\"type\": \"x\"},\n  \"env\": { \"MY\": \"own\" }\n}\n";
    rig.write(CLAUDE, own);
    rig.ok("client connect claude-code --yes");
    let mut after: Value = serde_json::from_str(&rig.read(CLAUDE)).unwrap();
    let helper = after["apiKeyHelper"].as_str().unwrap().to_owned();
    assert!(helper.contains(" key show --home "), "{helper}");
    assert_eq!(after["env"]["ANTHROPIC_BASE_URL"], ORIGIN);
    assert_eq!(after["env"]["ANTHROPIC_API_KEY"], "");
    assert_eq!(after["env"]["ANTHROPIC_AUTH_TOKEN"], "");
    let before: Value = serde_json::from_str(own).unwrap();
    after.as_object_mut().unwrap().remove("apiKeyHelper");
    let env = after["env"].as_object_mut().unwrap();
    env.retain(|name, _| name == "MY");
    assert_eq!(after, before);
}

#[test]
fn the_helper_prints_the_key_from_any_environment() {
    let rig = Rig::new();
    rig.ok("client connect claude-code --yes");
    let settings: Value = serde_json::from_str(&rig.read(CLAUDE)).unwrap();
    let line = settings["apiKeyHelper"].as_str().unwrap();
    let output = Command::new("sh")
        .args(["-c", line])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), rig.key());
    assert_eq!(all(&output).trim(), rig.key(), "nothing but the key");
}

#[test]
fn the_key_is_in_no_file_of_a_client_and_in_no_receipt() {
    let rig = Rig::new();
    let key = rig.key();
    for (client, path, _) in OWN_FILES {
        let shown = rig.ok(&format!("client connect {client} --yes"));
        assert!(!rig.read(path).contains(&key), "{client}");
        assert!(!shown.contains(&key), "{client}");
    }
    assert!(!rig.stored().contains(&key));
}

#[test]
fn the_base_url_never_stands_without_what_proves_the_person() {
    let rig = Rig::with("port = 18045\nauth_mode = \"off\"\n");
    rig.ok("client connect claude-code --yes");
    let settings: Value = serde_json::from_str(&rig.read(CLAUDE)).unwrap();
    assert!(settings["apiKeyHelper"].is_string());
    assert!(settings["env"]["ANTHROPIC_BASE_URL"].is_string());
}

#[test]
fn a_file_that_does_not_parse_stays_untouched_and_is_named_with_its_place() {
    let cases = [
        (
            "claude-code",
            CLAUDE,
            "{\n  // a comment\n  \"a\": 1\n}\n",
            ", line 2, column 3: ",
        ),
        (
            "claude-code",
            CLAUDE,
            "{\n  \"a\": 1,\n  \"a\": 2\n}\n",
            ", line 3, column ",
        ),
        ("codex", CODEX, "a = 1\nb =\n", ", line 2, column "),
        ("gemini-cli", GEMINI, "{\n  \"a\": [1,\n", ", line "),
        ("opencode", OPENCODE, "[1, 2]", "the file"),
    ];
    for (client, path, text, place) in cases {
        let rig = Rig::new();
        let file = rig.write(path, text);
        let said = rig.fails(&format!("client connect {client} --yes"));
        assert!(said.contains(place), "{client}: {said}");
        assert!(
            said.contains(&file.display().to_string()),
            "{client}: {said}"
        );
        assert!(said.contains("left untouched"), "{client}: {said}");
        assert_eq!(rig.read(path), text, "{client}");
        if place != "the file" {
            assert_eq!(rig.state(client), "unreadable", "{client}");
        }
    }
}

#[test]
fn a_change_of_the_persons_stays_and_is_named() {
    let rig = Rig::new();
    let text = "{\n  \"model\": \"opus\"\n}\n";
    rig.write(CLAUDE, text);
    rig.ok("client connect claude-code --yes");
    assert_eq!(rig.state("claude-code"), "connected");
    let edited = rig.read(CLAUDE).replace("\"opus\"", "\"sonnet\"").replace(
        "\"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY\": \"1\"",
        "\"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY\": \"0\"",
    );
    rig.write(CLAUDE, &edited);
    let status = rig.json("client status claude-code");
    assert_eq!(status[0]["state"], "edited");
    assert_eq!(
        status[0]["keys"][0],
        "env.CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY"
    );
    let said = rig.ok("client disconnect claude-code --yes");
    assert!(
        said.contains("left `env.CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY`"),
        "{said}"
    );
    let after: Value = serde_json::from_str(&rig.read(CLAUDE)).unwrap();
    assert_eq!(
        after,
        serde_json::json!({
            "model": "sonnet",
            "env": { "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "0" }
        })
    );
    assert_eq!(rig.state("claude-code"), "not_connected");
}

#[test]
fn a_client_that_rewrites_its_file_is_disconnected_key_by_key() {
    let rig = Rig::new();
    rig.write(CODEX, "model = \"gpt-5\"\n");
    rig.ok("client connect codex --yes");
    let rewritten = format!("{}\n[tui]\nseen = 1\n", rig.read(CODEX));
    rig.write(CODEX, &rewritten);
    assert_eq!(rig.state("codex"), "connected", "none of our keys changed");
    rig.ok("client disconnect codex --yes");
    let after = rig.read(CODEX);
    assert!(
        !after.contains("aerostat") && !after.contains("model_provider"),
        "{after}"
    );
    assert!(
        after.contains("model = \"gpt-5\"") && after.contains("[tui]\nseen = 1"),
        "{after}"
    );
}

#[test]
fn a_value_before_comes_back_when_the_file_was_edited_too() {
    let rig = Rig::new();
    rig.write(
        GEMINI,
        r#"{"security":{"auth":{"selectedType":"oauth-personal"}}}"#,
    );
    rig.ok("client connect gemini-cli --yes");
    let edited = rig
        .read(GEMINI)
        .replacen('{', "{\"ui\":{\"theme\":\"x\"},", 1);
    rig.write(GEMINI, edited);
    rig.ok("client disconnect gemini-cli --yes");
    let after: Value = serde_json::from_str(&rig.read(GEMINI)).unwrap();
    assert_eq!(after["security"]["auth"]["selectedType"], "oauth-personal");
    assert_eq!(after["ui"]["theme"], "x");
}

#[test]
fn secrets_that_are_replaced_go_to_the_vault_and_come_back() {
    let rig = Rig::new();
    let text = "{\n  \"env\": {\n    \"ANTHROPIC_API_KEY\": \"hunter2-hunter2\",\n    \"OTHER_TOKEN\": \"not-ours-at-all\"\n  }\n}\n";
    rig.write(CLAUDE, text);
    let shown = rig.ok("client connect claude-code --dry-run");
    assert!(
        !shown.contains("hunter2") && !shown.contains("not-ours"),
        "{shown}"
    );
    assert!(shown.contains("***"), "{shown}");
    assert_eq!(rig.read(CLAUDE), text);
    rig.ok("client connect claude-code --yes");
    assert!(!rig.read(CLAUDE).contains("hunter2"));
    assert!(
        !rig.stored().contains("hunter2"),
        "not in clear text anywhere"
    );
    assert!(!rig.stored().contains("not-ours"));
    let receipt = fs::read_to_string(rig.home.path().join("clients/claude-code.json")).unwrap();
    assert!(receipt.contains("\"kept\""), "{receipt}");
    rig.ok("client disconnect claude-code --yes");
    assert_eq!(rig.read(CLAUDE), text);
}

#[test]
fn a_dry_run_and_a_missing_yes_change_nothing() {
    let rig = Rig::new();
    rig.write(CLAUDE, "{}");
    let shown = rig.ok("client connect claude-code --dry-run");
    assert!(
        shown.contains("ANTHROPIC_BASE_URL") && shown.contains("nothing was changed"),
        "{shown}"
    );
    let said = rig.fails("client connect claude-code");
    assert!(said.contains("--yes"), "{said}");
    assert_eq!(rig.read(CLAUDE), "{}");
    assert!(!rig.home.path().join("clients").exists());
    let json = rig.json("client connect claude-code --dry-run");
    assert_eq!(json["outcome"], "shown");
    assert_eq!(json["files"][0]["hunks"][0][0]["sign"], "-");
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let rig = Rig::new();
    rig.write(GEMINI, "{\n  // \u{1b}[2J\u{202e}x\n  \"a\": 1\n}\n");
    let shown = rig.ok("client connect gemini-cli --dry-run");
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
        "{shown:?}"
    );
    assert!(shown.contains("\\u{1b}"), "{shown:?}");
}

#[test]
fn status_tells_what_beats_the_files() {
    let rig = Rig::new();
    rig.ok("client connect claude-code --yes");
    let project = rig.write(
        ".claude/settings.local.json",
        r#"{"env":{"ANTHROPIC_BASE_URL":"https://other.example"}}"#,
    );
    let status = rig.json("client status claude-code");
    assert_eq!(status[0]["state"], "overridden");
    let by = status[0]["by"][0].as_str().unwrap();
    assert!(by.contains("env.ANTHROPIC_BASE_URL"), "{by}");
    fs::remove_file(project).unwrap();
    assert_eq!(rig.state("claude-code"), "connected");

    let rig = Rig::new().env("OPENCODE_CONFIG_CONTENT", "{}");
    rig.ok("client connect opencode --yes");
    assert_eq!(rig.state("opencode"), "overridden");
}

#[test]
fn clients_of_variables_are_seen_in_the_shell_that_asks() {
    let rig = Rig::new();
    assert_eq!(rig.state("openai"), "not_connected");
    let rig = rig.env("OPENAI_BASE_URL", "https://api.openai.com/v1");
    assert_eq!(rig.state("openai"), "elsewhere");
    let url = format!("{ORIGIN}/v1");
    let rig = Rig::new().env("OPENAI_BASE_URL", &url);
    assert_eq!(rig.state("openai"), "variables_missing");
    let rig = rig.env("OPENAI_API_KEY", "anything");
    assert_eq!(rig.state("openai"), "connected");
    let lines = rig.ok("client env openai --shell sh");
    assert!(
        lines.contains(&format!("export OPENAI_BASE_URL='{url}'")),
        "{lines}"
    );
    assert!(!lines.contains(&rig.key()));
    let said = rig.fails("client env openai --shell tcsh");
    assert!(said.contains("expected sh, bash"), "{said}");
    let json = rig.json("client env openai --shell fish");
    assert!(json["lines"][0].as_str().unwrap().starts_with("set -gx"));
}

#[test]
fn another_program_at_the_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in taken.incoming().flatten() {
            use std::io::Write as _;
            let _ = (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let rig = Rig::with(&format!("port = {port}\n"));
    rig.ok("client connect claude-code --yes");
    let said = rig.fails("client status claude-code");
    assert!(said.contains("answers at that port"), "{said}");
}

#[test]
fn a_wrong_name_gets_a_suggestion() {
    let rig = Rig::new();
    let said = rig.fails("client connect claud-code --yes");
    assert!(said.contains("did you mean `claude-code`"), "{said}");
    let said = rig.fails("client connect opencode --profile-only --yes");
    assert!(said.contains("has no `--profile-only`"), "{said}");
}

#[test]
fn an_uninstall_disconnects_all_first() {
    let rig = Rig::new();
    rig.write(CLAUDE, "{}");
    rig.ok("client connect claude-code --yes");
    rig.ok("client connect codex --yes");
    let said = rig.ok("uninstall");
    assert!(
        said.contains("removed the connection of Claude Code"),
        "{said}"
    );
    assert_eq!(rig.read(CLAUDE), "{}");
    assert!(!rig.at(CODEX).exists());
}

#[test]
fn a_purge_stops_where_a_client_still_needs_the_home() {
    let rig = Rig::new();
    rig.write(CODEX, "a = 1\n");
    rig.ok("client connect codex --yes");
    rig.write(CODEX, "a = = 1\n");
    let said = rig.fails("uninstall --purge");
    assert!(said.contains("nothing was removed"), "{said}");
    assert!(rig.home.path().join("local-key").exists());
}

#[test]
fn codex_can_have_a_profile_of_its_own() {
    let rig = Rig::new();
    rig.write(CODEX, "model = \"gpt-5\"\n");
    let said = rig.ok("client connect codex --profile-only --yes");
    assert!(said.contains("codex --profile aerostat"), "{said}");
    assert_eq!(rig.read(CODEX), "model = \"gpt-5\"\n");
    assert!(
        rig.read(".codex/aerostat.config.toml")
            .contains("model_provider = \"aerostat\"")
    );
    assert_eq!(rig.state("codex"), "not_connected");
    rig.ok("client disconnect --all --yes");
    assert!(!rig.at(".codex/aerostat.config.toml").exists());
}

#[test]
fn a_folder_of_its_own_is_found_by_its_variable() {
    let rig = Rig::new();
    let elsewhere = rig.at("elsewhere").display().to_string();
    let rig = rig.env("CLAUDE_CONFIG_DIR", &elsewhere);
    rig.ok("client connect claude-code --yes");
    assert!(rig.at("elsewhere/settings.json").is_file());
    assert!(!rig.at(CLAUDE).exists());
}

#[test]
fn a_crash_between_the_note_and_the_write_is_taken_back() {
    let rig = Rig::new();
    rig.write(CLAUDE, "{}");
    rig.ok("client connect claude-code --yes");
    let receipt = rig.home.path().join("clients/claude-code.json");
    let pending = rig.home.path().join("clients/claude-code.pending.json");
    let connected = rig.read(CLAUDE);

    // All was written, and the end was not noted.
    fs::rename(&receipt, &pending).unwrap();
    assert_eq!(rig.state("claude-code"), "connected");
    assert!(receipt.exists() && !pending.exists());

    // Nothing was written.
    fs::rename(&receipt, &pending).unwrap();
    rig.write(CLAUDE, "{}");
    assert_eq!(rig.state("claude-code"), "not_connected");
    assert!(!receipt.exists() && !pending.exists());
    rig.ok("client connect claude-code --yes");
    assert_eq!(rig.read(CLAUDE), connected);

    // The files were put back, and the receipt was not put away.
    rig.write(CLAUDE, "{}");
    assert_eq!(rig.state("claude-code"), "not_connected");
    assert!(!receipt.exists());
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn links_are_followed_to_the_end_and_stay() {
        let rig = Rig::new();
        let real = rig.write("dotfiles/claude/settings.json", "{}\n");
        rig.write(".claude/x", "");
        symlink("../dotfiles/middle", rig.at(CLAUDE)).unwrap();
        symlink("claude/settings.json", rig.at("dotfiles/middle")).unwrap();
        rig.ok("client connect claude-code --yes");
        assert!(fs::read_to_string(&real).unwrap().contains(ORIGIN));
        rig.ok("client disconnect claude-code --yes");
        assert_eq!(fs::read_to_string(&real).unwrap(), "{}\n");
        for link in [CLAUDE, "dotfiles/middle"] {
            let found = fs::symlink_metadata(rig.at(link)).unwrap();
            assert!(found.file_type().is_symlink(), "{link}");
        }
    }

    #[test]
    fn the_mode_stays_and_new_files_are_the_persons_alone() {
        let rig = Rig::new();
        let file = rig.write(CLAUDE, "{}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        rig.ok("client connect claude-code --yes");
        assert_eq!(mode(&file), 0o644);
        rig.ok("client disconnect claude-code --yes");
        assert_eq!(mode(&file), 0o644);
        rig.ok("client connect codex --yes");
        assert_eq!(mode(&rig.at(CODEX)), 0o600);
        assert_eq!(mode(&rig.at(".codex")), 0o700);
        assert_eq!(mode(&rig.home.path().join("clients/codex.json")), 0o600);
    }

    #[test]
    fn a_read_only_file_is_refused_with_what_to_add_by_hand() {
        let rig = Rig::new();
        let file = rig.write(CLAUDE, "{}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
        let said = rig.fails("client connect claude-code --yes");
        assert!(said.contains("read-only"), "{said}");
        assert!(
            said.contains(&format!("\"ANTHROPIC_BASE_URL\": \"{ORIGIN}\"")),
            "{said}"
        );
        assert!(said.contains("\"apiKeyHelper\": "), "{said}");
        assert_eq!(rig.read(CLAUDE), "{}");
        assert!(!rig.home.path().join("clients").exists());
    }
}

/// A shell script stands for the client, and prints what it was started with.
#[cfg(unix)]
#[test]
fn a_run_starts_the_client_with_variables_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::new();
    for (name, prints) in [("claude", "$ANTHROPIC_BASE_URL"), ("codex", "$*")] {
        let file = rig.write(
            &format!("bin/{name}"),
            format!("#!/bin/sh\necho \"{prints}\" \"$@\"\n"),
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", rig.at("bin").display());
    let rig = rig.env("PATH", &path);
    let said = rig.ok("client run claude-code -- -p hello");
    assert_eq!(said.trim(), format!("{ORIGIN} -p hello"));
    let said = rig.ok("client run codex -- exec");
    assert!(said.contains("-c model_provider=\"aerostat\""), "{said}");
    assert!(said.trim().ends_with("exec"), "{said}");
    assert!(!rig.at(CLAUDE).exists() && !rig.at(CODEX).exists());
    let said = rig.fails("client run gemini-cli -- -p x");
    assert!(said.contains("not on your PATH"), "{said}");
}

/// A person's sign-in at a vendor, as a client sends it that has only the base URL.
const FOREIGN: &str = "sk-ant-oat01-of-the-person-0123456789abcdefghijklmnop";

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_bearer_is_neither_stored_nor_forwarded() {
    use crate::support::Dialect;
    use crate::support::lab::{AnswerForm, Lab, generate};
    use crate::support::upstream::Script;
    let lab = Lab::with("auth_mode = \"off\"\n[record]\nbodies = \"all\"\n").await;
    lab.upstream.always(Script::text().lenient());
    let body = r#"{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    for dialect in [Dialect::Anthropic, Dialect::Chat] {
        let model = format!("{}/m", dialect.name());
        let request = generate(dialect, &model, body, AnswerForm::Whole)
            .header("authorization", &format!("Bearer {FOREIGN}"))
            .header("x-api-key", FOREIGN);
        let exchanged = lab.send(&request).await;
        assert_eq!(exchanged.answer.status, 200, "{}", exchanged.answer.text());
        let received = exchanged.received.expect("it was forwarded");
        assert!(
            !format!("{received:?}").contains("of-the-person"),
            "{received:?}"
        );
    }
    let home = lab.agent.kept_home();
    assert!(!lab.agent.stderr().contains("of-the-person"));
    // Asking for the records has what waits written.
    let listed = Setup::default()
        .arg("log")
        .command(home.path())
        .output()
        .unwrap();
    assert!(all(&listed).contains("openai_chat/m"), "{}", all(&listed));
    for file in files_below(home.path()) {
        let bytes = fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("of-the-person"), "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn either_of_two_credentials_opens_and_a_refusal_names_what_sets_the_client_up() {
    use crate::support::agent::Agent;
    use crate::support::raw::Request;
    let agent = Agent::start("port = 0\nauth_mode = \"strict\"\n");
    let key = fs::read_to_string(agent.home().join("local-key")).unwrap();
    let bearer = format!("Bearer {}", key.trim());
    let foreign = format!("Bearer {FOREIGN}");
    for (authorization, x_api_key) in [
        (bearer.as_str(), FOREIGN),
        (foreign.as_str(), key.trim()),
        (bearer.as_str(), ""),
        ("Bearer", key.trim()),
    ] {
        let request = Request::get("/v1/models?limit=1000&client_version=0.171.0")
            .header("authorization", authorization)
            .header("x-api-key", x_api_key);
        let answer = agent.send(&request).await;
        assert_eq!(
            answer.status,
            200,
            "{authorization} {x_api_key}: {}",
            answer.text()
        );
    }
    for (program, name) in [
        ("claude-cli/2.1.332 (external, cli)", "claude-code"),
        ("codex_exec/0.171.0", "codex"),
        ("GeminiCLI/0.61.0", "gemini-cli"),
        ("curl/8", "<name>"),
    ] {
        let request = Request::post("/v1/messages", "{}").header("user-agent", program);
        let answer = agent.send(&request).await;
        assert_eq!(answer.status, 401);
        let text = answer.text();
        assert!(
            text.contains(&format!("aerostat client connect {name}")),
            "{text}"
        );
    }
    for path in ["/", "/api/hello"] {
        let answer = agent.send(&Request::new("HEAD", path)).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[test]
fn a_chosen_model_that_no_provider_lists_is_listed_for_the_client() {
    let rig = Rig::new();
    let model = "demo/anthropic-of-tomorrow";
    rig.ok(&format!("client connect qwen-code --model {model} --yes"));
    let is_listed = || {
        let settings: Value = serde_json::from_str(&rig.read(QWEN)).unwrap();
        let listed = settings["modelProviders"]["openai"].as_array().unwrap();
        let ids = listed.iter().filter(|entry| entry["id"] == model);
        settings["model"]["name"] == model && ids.count() == 1
    };
    assert!(is_listed(), "{}", rig.read(QWEN));
    rig.ok("client connect qwen-code --yes");
    assert!(is_listed(), "after a refresh: {}", rig.read(QWEN));
    rig.ok("client connect qwen-code --model demo --yes");
    assert!(!rig.read(QWEN).contains(model));
    rig.ok("client disconnect qwen-code --yes");
    assert!(!rig.at(QWEN).exists());
}

#[test]
fn a_refresh_keeps_the_model_that_was_chosen() {
    let rig = Rig::new();
    rig.ok("client connect codex --model demo --yes");
    assert!(rig.read(CODEX).contains("model = \"demo\""));
    fs::write(rig.home.path().join("config.toml"), "port = 18046\n").unwrap();
    rig.ok("client connect codex --yes");
    let after = rig.read(CODEX);
    assert!(
        after.contains("model = \"demo\"") && after.contains("18046"),
        "{after}"
    );
    rig.ok("client disconnect codex --yes");
    assert!(!rig.at(CODEX).exists());
}

#[test]
fn a_receipt_that_cannot_be_read_keeps_a_purge_from_deleting_the_key() {
    let rig = Rig::new();
    rig.ok("client connect codex --yes");
    fs::write(rig.home.path().join("clients/codex.json"), "{").unwrap();
    let said = rig.fails("uninstall --purge");
    assert!(said.contains("nothing was removed"), "{said}");
    assert!(rig.home.path().join("local-key").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_the_change_is_shown_and_asked_about() {
    use crate::support::terminal::Terminal;
    let rig = Rig::new();
    rig.write(CLAUDE, "{}");
    for (answer, code) in [("n", 1), ("", 1), ("y", 0)] {
        assert_eq!(rig.read(CLAUDE), "{}");
        let mut terminal = Terminal::run(&rig.command("client connect claude-code"));
        terminal.expect("ANTHROPIC_BASE_URL");
        terminal.expect("Make this change?");
        terminal.type_line(answer);
        assert_eq!(terminal.exit_code(), Some(code), "{}", terminal.screen());
    }
    assert!(rig.read(CLAUDE).contains(ORIGIN));
    // What changed since it was shown is shown again.
    let mut terminal = Terminal::run(&rig.command("client disconnect claude-code"));
    terminal.expect("Make this change?");
    let edited = rig.read(CLAUDE).replacen('{', "{ \"model\": \"opus\",", 1);
    rig.write(CLAUDE, edited);
    terminal.type_line("y");
    terminal.expect("have changed meanwhile");
    terminal.expect("Make this change?");
    terminal.type_line("y");
    assert_eq!(terminal.exit_code(), Some(0), "{}", terminal.screen());
    let after: Value = serde_json::from_str(&rig.read(CLAUDE)).unwrap();
    assert_eq!(after, serde_json::json!({ "model": "opus" }));
}

#[cfg(target_os = "linux")]
mod profiles {
    use super::*;

    fn with_shell(shell: &str) -> Rig {
        Rig::new().env("SHELL", shell)
    }

    const OWN: &str = "# mine\nalias l='ls -l'\n";

    #[test]
    fn variables_go_into_the_shells_profile_and_out_again() {
        for (shell, profile) in [
            ("/bin/bash", ".bashrc"),
            ("/usr/bin/zsh", ".zshrc"),
            ("/bin/sh", ".profile"),
            ("/usr/bin/fish", ".config/fish/config.fish"),
        ] {
            let rig = with_shell(shell);
            rig.write(profile, OWN);
            let shown = rig.ok("client env openai --write --dry-run");
            assert!(shown.contains("OPENAI_BASE_URL"), "{shown}");
            assert_eq!(rig.read(profile), OWN);
            rig.ok("client env openai --write --yes");
            let written = rig.read(profile);
            let lines = rig.ok("client env openai");
            let block = format!("# >>> aerostat openai >>>\n{lines}# <<< aerostat openai <<<\n");
            assert_eq!(written, format!("{OWN}{block}"));
            assert!(!written.contains(&rig.key()));
            assert!(rig.home.path().join("clients/openai-shell.json").exists());
            let status = rig.ok("client status");
            assert!(
                status.contains("openai, in the shell: connected"),
                "{status}"
            );
            // Again changes nothing, and what was added below is the person's.
            let again = rig.ok("client env openai --write --yes");
            assert!(again.contains("already"), "{again}");
            rig.write(profile, format!("{written}more=1\n"));
            rig.ok("client disconnect openai --yes");
            assert_eq!(rig.read(profile), format!("{OWN}more=1\n"));
            assert!(!rig.home.path().join("clients").exists());
        }
    }

    #[test]
    fn a_shell_takes_the_block_as_it_stands() {
        let rig = with_shell("/bin/sh");
        let said = rig.ok("client env claude-code --map haiku=small --write --yes");
        assert!(said.contains("points every program there"), "{said}");
        let output = Command::new("sh")
            .args(["-c", ". ./.profile; echo \"$ANTHROPIC_BASE_URL $ANTHROPIC_AUTH_TOKEN $ANTHROPIC_DEFAULT_HAIKU_MODEL\""])
            .current_dir(rig.person.path())
            .output()
            .unwrap();
        let expected = format!("{ORIGIN} {} small\n", rig.key());
        assert_eq!(all(&output), expected);
    }

    #[test]
    fn a_client_that_is_not_there_is_not_called_there() {
        let rig = with_shell("/bin/bash");
        for client in ["aider", "copilot-cli"] {
            assert_eq!(rig.state(client), "not_installed", "{client}");
        }
    }

    #[test]
    fn blocks_of_several_clients_come_and_go_in_any_order() {
        for order in [["openai", "anthropic"], ["anthropic", "openai"]] {
            for own in ["", "x", "x\n"] {
                let rig = with_shell("/bin/bash");
                if !own.is_empty() {
                    rig.write(".bashrc", own);
                }
                for client in ["openai", "anthropic"] {
                    rig.ok(&format!("client env {client} --write --yes"));
                }
                for client in order {
                    rig.ok(&format!("client disconnect {client} --yes"));
                }
                if own.is_empty() {
                    assert!(!rig.at(".bashrc").exists(), "{order:?}");
                } else {
                    assert_eq!(rig.read(".bashrc"), own, "{order:?}");
                }
            }
        }
    }

    #[test]
    fn a_client_with_files_is_disconnected_from_its_shell_too() {
        let rig = with_shell("/bin/bash");
        rig.ok("client connect gemini-cli --yes");
        rig.ok("client env gemini-cli --write --yes");
        rig.ok("client disconnect gemini-cli --yes");
        assert!(!rig.at(".bashrc").exists() && !rig.at(GEMINI).exists());
        rig.ok("client env gemini-cli --write --yes");
        let said = rig.ok("uninstall");
        assert!(said.contains("Gemini CLI in your shell"), "{said}");
        assert!(!rig.at(".bashrc").exists());
    }

    #[test]
    fn no_profile_is_guessed() {
        let rig = with_shell("/usr/bin/nu");
        let said = rig.fails("client env openai --write --yes");
        assert!(said.contains("`nu`") && said.contains("--shell"), "{said}");
        rig.ok("client env openai --write --shell zsh --yes");
        assert!(rig.at(".zshrc").is_file());
        let said = rig.fails("client env openai --write --shell dotenv --yes");
        assert!(said.contains("`dotenv`"), "{said}");
        let said = rig.fails("client env continue --write --yes");
        assert!(said.contains("no variable"), "{said}");
    }

    /// Theirs is the block that was edited.
    #[test]
    fn a_block_that_was_edited_stays_and_is_named() {
        let rig = with_shell("/bin/bash");
        rig.ok("client env openai --write --yes");
        let edited = rig.read(".bashrc").replace("18045", "9");
        rig.write(".bashrc", &edited);
        let said = rig.ok("client disconnect openai --yes");
        assert!(said.contains("left the marked lines in"), "{said}");
        assert_eq!(rig.read(".bashrc"), edited);
    }
}

#[test]
fn tiers_are_mapped_to_models_of_the_gateway_and_stay_at_a_refresh() {
    let rig = Rig::new();
    rig.write(
        CLAUDE,
        "{\"env\":{\"ANTHROPIC_DEFAULT_OPUS_MODEL\":\"mine\"}}",
    );
    rig.ok("client connect claude-code --map opus=openai/gpt-5 --map haiku=small --yes");
    let env = || {
        let settings: Value = serde_json::from_str(&rig.read(CLAUDE)).unwrap();
        settings["env"].clone()
    };
    assert_eq!(env()["ANTHROPIC_DEFAULT_OPUS_MODEL"], "openai/gpt-5");
    assert_eq!(env()["ANTHROPIC_DEFAULT_HAIKU_MODEL"], "small");
    assert_eq!(env()["ANTHROPIC_DEFAULT_SONNET_MODEL"], Value::Null);
    fs::write(rig.home.path().join("config.toml"), "port = 18046\n").unwrap();
    rig.ok("client connect claude-code --yes");
    assert_eq!(env()["ANTHROPIC_DEFAULT_HAIKU_MODEL"], "small");
    rig.ok("client connect claude-code --map subagent=x --yes");
    assert_eq!(env()["ANTHROPIC_DEFAULT_HAIKU_MODEL"], Value::Null);
    assert_eq!(env()["CLAUDE_CODE_SUBAGENT_MODEL"], "x");
    assert_eq!(env()["ANTHROPIC_DEFAULT_OPUS_MODEL"], "mine");
    rig.ok("client disconnect claude-code --yes");
    assert_eq!(
        env(),
        serde_json::json!({"ANTHROPIC_DEFAULT_OPUS_MODEL": "mine"})
    );

    let said = rig.fails("client connect claude-code --map opsu=x --yes");
    assert!(said.contains("expected opus, sonnet, haiku"), "{said}");
    let said = rig.fails("client connect codex --map opus=x --yes");
    assert!(said.contains("Codex has no tiers"), "{said}");
    let said = rig.fails("client connect claude-code --map opus --yes");
    assert!(said.contains("haiku=gpt-5-mini"), "{said}");
}

#[test]
fn gemini_can_have_its_variables_in_a_file_of_its_own() {
    let rig = Rig::with("port = 18045\nauth_mode = \"strict\"\n");
    let own = "MINE=1\n";
    rig.write(".gemini/.env", own);
    let said = rig.ok("client connect gemini-cli --dotenv --yes");
    assert!(
        said.contains("nearest `.env`") && said.contains("does not trust"),
        "{said}"
    );
    let key = rig.key();
    let block = format!(
        "# >>> aerostat >>>\nGOOGLE_GEMINI_BASE_URL={ORIGIN}\nGEMINI_API_KEY={key}\n# <<< aerostat <<<\n"
    );
    assert_eq!(rig.read(".gemini/.env"), format!("{own}{block}"));
    assert!(!said.contains(&key), "{said}");
    let status = rig.json("client status gemini-cli --dotenv");
    assert_eq!(
        status[0]["state"], "connected",
        "no variable of the shell is needed"
    );
    // The other way changes the same settings.
    let said = rig.fails("client connect gemini-cli --yes");
    assert!(
        said.contains("client disconnect gemini-cli --dotenv"),
        "{said}"
    );
    // A project's own hides it.
    rig.write("project/.env", "");
    let mut command = rig.command("client status gemini-cli --dotenv --json");
    let output = command.current_dir(rig.at("project")).output().unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status[0]["state"], "overridden", "{status}");
    rig.ok("client disconnect gemini-cli --dotenv --yes");
    assert_eq!(rig.read(".gemini/.env"), own);
    assert!(!rig.at(GEMINI).exists());
}

#[test]
fn a_key_in_a_file_is_told_with_the_reason_and_only_where_it_is_one() {
    let rig = Rig::with("port = 18045\nauth_mode = \"strict\"\n");
    let shown = rig.ok("client connect cline --dry-run");
    assert!(
        shown.contains("holds this gateway's key in clear text. Cline takes"),
        "{shown}"
    );
    assert!(!shown.contains(&rig.key()), "{shown}");
    let rig = Rig::new();
    let shown = rig.ok("client connect cline --dry-run");
    assert!(!shown.contains("clear text"), "any word does: {shown}");
}

#[cfg(unix)]
#[test]
fn a_receipt_tells_which_version_of_the_client_was_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::new();
    let program = rig.write("bin/codex", "#!/bin/sh\necho codex-cli 0.171.0\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", rig.at("bin").display());
    let rig = rig.env("PATH", &path);
    rig.ok("client connect codex --yes");
    let receipt = fs::read(rig.home.path().join("clients/codex.json")).unwrap();
    let receipt: Value = serde_json::from_slice(&receipt).unwrap();
    assert_eq!(receipt["client_version"], "codex-cli 0.171.0");
}

#[test]
fn opencode_is_written_where_its_providers_are() {
    let rig = Rig::new();
    let (strong, weak) = (".config/opencode/opencode.jsonc", OPENCODE);
    rig.write(strong, "{ \"theme\": \"x\" }");
    rig.write(weak, "{ \"provider\": { \"mine\": {} } }");
    rig.ok("client connect opencode --yes");
    assert!(rig.read(weak).contains(ORIGIN));
    assert_eq!(rig.read(strong), "{ \"theme\": \"x\" }");
    assert_eq!(rig.state("opencode"), "connected");
    rig.ok("client disconnect opencode --yes");
    assert_eq!(rig.read(weak), "{ \"provider\": { \"mine\": {} } }");
}

#[test]
fn without_a_readable_configuration_clients_are_seen_and_disconnected_and_not_connected() {
    let rig = Rig::new();
    rig.write(CODEX, "a = 1\n");
    rig.ok("client connect codex --yes");
    fs::write(
        rig.home.path().join("config.toml"),
        "port = 18045\nauth_mode = maybe\n",
    )
    .unwrap();
    for line in [
        "client connect claude-code --yes",
        "client env openai",
        "client run codex",
    ] {
        let said = rig.fails(line);
        assert!(said.contains("config.toml:2:13: "), "{line}: {said}");
        assert!(
            said.contains("`client disconnect` work all the same"),
            "{said}"
        );
    }
    assert!(!rig.at(CLAUDE).exists());
    assert_eq!(rig.state("codex"), "connected");
    assert_eq!(rig.state("claude-code"), "not_installed");
    let list = rig.ok("client list");
    assert!(
        list.contains("codex") && list.contains("config.toml:2:13: "),
        "{list}"
    );
    rig.ok("client disconnect codex --yes");
    assert_eq!(rig.read(CODEX), "a = 1\n");
}

/// Codex appends to its file at the first start.
#[test]
fn a_crash_before_the_end_was_noted_is_finished_also_where_the_client_wrote_since() {
    let rig = Rig::new();
    let own = "model = \"gpt-5\"\n";
    rig.write(CODEX, own);
    rig.ok("client connect codex --yes");
    let receipt = rig.home.path().join("clients/codex.json");
    let pending = rig.home.path().join("clients/codex.pending.json");
    fs::rename(&receipt, &pending).unwrap();
    rig.write(CODEX, format!("{}\n[tui]\nseen = 1\n", rig.read(CODEX)));
    assert_eq!(rig.state("codex"), "connected");
    assert!(receipt.exists() && !pending.exists());
    rig.ok("client disconnect codex --yes");
    let after = rig.read(CODEX);
    assert!(
        !after.contains("aerostat") && after.contains("[tui]\nseen = 1"),
        "{after}"
    );

    // The person edited it before anything of ours was written.
    let rig = Rig::new();
    rig.write(CODEX, own);
    rig.ok("client connect codex --yes");
    let receipt = rig.home.path().join("clients/codex.json");
    let pending = rig.home.path().join("clients/codex.pending.json");
    fs::rename(&receipt, &pending).unwrap();
    rig.write(CODEX, "model = \"gpt-6\"\n");
    assert_ne!(rig.state("codex"), "connected");
    assert!(!receipt.exists() && !pending.exists());
    assert_eq!(rig.read(CODEX), "model = \"gpt-6\"\n");
}
