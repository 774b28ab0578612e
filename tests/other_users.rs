//! What another user of the same machine can do: nothing. The real program, with files and
//! processes of another user where the tests run as root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Output;
use std::sync::mpsc::{Receiver, channel};

use crate::support::agent::Setup;

/// The user `nobody` of most systems.
const NOBODY: u32 = 65534;

/// Whether files can be given to another user. Says so where they cannot.
#[allow(clippy::print_stdout, reason = "a skipped test says so")]
fn is_root() -> bool {
    let own = fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own));
    let is_root = own.is_ok_and(|own| own == 0);
    if !is_root {
        println!("skipped: only root can act as another user");
    }
    is_root
}

fn setup(line: &str) -> Setup {
    line.split_whitespace()
        .fold(Setup::default(), |setup, argument| setup.arg(argument))
}

fn run(home: &Path, setup: &Setup) -> Output {
    setup
        .command(home)
        .output()
        .expect("the program can be started")
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A socket that takes whatever is sent to it.
fn eavesdropper(path: &Path) -> Receiver<usize> {
    let listener = UnixListener::bind(path).expect("the socket can be made");
    let (sender, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = sender.send(std::io::Read::read(&mut stream, &mut [0; 4096]).unwrap_or(0));
        }
    });
    heard
}

#[test]
fn a_socket_that_another_user_put_there_is_sent_nothing() {
    if !is_root() {
        return;
    }
    let above = tempfile::tempdir().unwrap();
    let shared = tempfile::tempdir().unwrap();
    fs::set_permissions(shared.path(), Permissions::from_mode(0o1777)).unwrap();
    let home = above.path().join("x".repeat(100));
    let shared_path = shared.path().to_str().unwrap();
    let line = |line: &str| setup(line).env("TMPDIR", shared_path);
    assert!(run(&home, &line("config set port 0")).status.success());
    let status = run(&home, &line("status --json"));
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let socket = Path::new(status["socket"].as_str().unwrap());
    assert!(socket.starts_with(shared.path()), "{status}");

    fs::create_dir(socket.parent().unwrap()).unwrap();
    let heard = eavesdropper(socket);
    chown(socket, Some(NOBODY), None).unwrap();
    chown(socket.parent().unwrap(), Some(NOBODY), None).unwrap();
    for verb in ["account list", "quit", "key create mine", "--headless"] {
        let output = run(&home, &line(verb));
        assert_eq!(output.status.code(), Some(1), "{verb}");
        let complaint = complaint(&output);
        assert!(
            complaint.contains("belongs to another user (65534), so nothing was sent there")
                || complaint.contains("belongs to another user (65534)"),
            "{verb}: {complaint}"
        );
        assert!(complaint.contains("set `XDG_RUNTIME_DIR`"), "{complaint}");
    }
    assert!(heard.try_recv().is_err(), "it was not even called");
}

#[test]
fn a_home_that_others_can_write_to_is_refused_by_all() {
    let above = tempfile::tempdir().unwrap();
    let home = above.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, Permissions::from_mode(0o777)).unwrap();
    for line in [
        "--headless",
        "account list",
        "key show",
        "config set port 1",
    ] {
        let output = run(&home, &setup(line));
        assert_eq!(output.status.code(), Some(1), "{line}");
        let mended_by = format!("run `chmod 700 '{}'`", home.display());
        let complaint = complaint(&output);
        assert!(complaint.contains(&mended_by), "{line}: {complaint}");
        assert_eq!(fs::read_dir(&home).unwrap().count(), 0, "{line}");
    }
    fs::set_permissions(&home, Permissions::from_mode(0o755)).unwrap();
    assert!(run(&home, &setup("key show")).status.success());
    let mode = fs::metadata(&home).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700, "what others could only read is closed");
}

#[test]
fn a_home_of_another_user_is_refused() {
    if !is_root() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    chown(home.path(), Some(NOBODY), None).unwrap();
    let output = run(home.path(), &setup("key show"));
    let complaint = complaint(&output);
    assert!(
        complaint.contains("belongs to another user (65534)"),
        "{complaint}"
    );
}

#[test]
fn links_in_the_home_are_never_followed() {
    for planted in [
        "lock",
        "lock.json",
        "lock.json.new",
        "aerostat.db",
        "local-key",
        "vault.lock",
    ] {
        let home = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("precious");
        for is_there in [false, true] {
            if is_there {
                fs::write(&target, "precious").unwrap();
            }
            let link = home.path().join(planted);
            let _ = fs::remove_file(&link);
            symlink(&target, &link).unwrap();
            for line in ["key create mine", "key show", "account list"] {
                let _ = run(home.path(), &setup(line));
            }
            let found = fs::read_to_string(&target).ok();
            let expected = is_there.then(|| "precious".to_owned());
            assert_eq!(found, expected, "{planted}");
        }
    }
}

/// What may stand in the place of a file.
const FOREIGN: [&str; 4] = ["pipe", "folder", "loop", "socket"];

fn put_foreign(kind: &str, path: &Path) {
    match kind {
        "pipe" => {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.unwrap().success());
        }
        "folder" => fs::create_dir(path).unwrap(),
        "loop" => symlink(path.file_name().unwrap(), path).unwrap(),
        _ => drop(UnixListener::bind(path).unwrap()),
    }
}

#[test]
fn what_is_no_file_ends_a_start_with_a_sentence() {
    for name in [
        "config.toml",
        "aerostat.db",
        "aerostat.db-journal",
        "lock",
        "local-key",
    ] {
        for kind in FOREIGN {
            let home = tempfile::tempdir().unwrap();
            if name != "config.toml" {
                let config = "port = 0\nauth_mode = \"strict\"\n";
                fs::write(home.path().join("config.toml"), config).unwrap();
            }
            put_foreign(kind, &home.path().join(name));
            let line = match name {
                "local-key" => "key show",
                _ => "account list",
            };
            let output = run(home.path(), &setup(line));
            let (shown, complaint) = (home.path().display(), complaint(&output));
            assert_eq!(output.status.code(), Some(1), "{name} {kind}: {complaint}");
            for word in [&shown.to_string(), name] {
                assert!(complaint.contains(word), "{name} {kind}: {complaint}");
            }
        }
    }
}

#[test]
fn what_is_no_file_in_the_place_of_the_vault_ends_in_a_sentence() {
    for name in ["vault", "vault.lock"] {
        for kind in FOREIGN {
            let home = tempfile::tempdir().unwrap();
            let lab = "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\nauth = \"bearer\"\n";
            fs::write(home.path().join("config.toml"), lab).unwrap();
            let key_file = home.path().join("key-file");
            fs::write(
                &key_file,
                [7; 31].iter().chain(&[8]).copied().collect::<Vec<u8>>(),
            )
            .unwrap();
            fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
            put_foreign(kind, &home.path().join(name));
            let setup = Setup::default().env("AEROSTAT_VAULT_KEY_FILE", key_file.to_str().unwrap());
            let line = "account add lab --name work --stdin --keep";
            let output = crate::accounts::run(&setup, home.path(), line, "sk-1234567890");
            let complaint = complaint(&output);
            assert_eq!(output.status.code(), Some(1), "{name} {kind}: {complaint}");
            let place = home.path().join(name).display().to_string();
            assert!(
                complaint.contains(&place) && complaint.contains("not a regular file"),
                "{name} {kind}: {complaint}"
            );
        }
    }
}

#[tokio::test]
async fn a_configuration_that_is_lost_keeps_the_port_closed_to_who_has_no_key() {
    use crate::support::agent::Agent;
    let agent = Agent::start("port = 0\nauth_mode = \"strict\"\n");
    let config = agent.home().join("config.toml");
    for kind in FOREIGN {
        fs::remove_file(&config)
            .or_else(|_| fs::remove_dir(&config))
            .unwrap();
        put_foreign(kind, &config);
        agent.logged("configuration cannot be used").await;
        assert_eq!(agent.get("/v1/models").await.status, 401, "{kind}");
        let status = run(agent.home(), &setup("status"));
        let told = String::from_utf8_lossy(&status.stdout).into_owned() + &complaint(&status);
        assert!(told.contains("config.toml in `"), "{kind}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_refused_at_the_dashboard_and_takes_no_place_there() {
    use crate::support::agent::Agent;
    use crate::support::browser::Browser;
    if !cfg!(target_os = "linux") || !is_root() {
        return;
    }
    let agent = Agent::start("port = 0\nallow_other_users = true\n");
    let browser = Browser::enter(&agent).await;
    let (segment, cookie) = (&browser.segment, &browser.cookie);
    let page = format!(
        "GET /{segment}/ HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\n\r\n",
        browser.address
    );
    let answer = tokio::task::block_in_place(|| as_nobody(browser.address, &page));
    assert!(
        answer.starts_with("HTTP/1.1 4") && !answer.contains("Base URLs"),
        "the cookie alone opens nothing, and the setting is of the API: {answer}"
    );
    let mut idle = idle_of_nobody(browser.address, 300);
    assert_eq!(browser.send(&browser.page()).await.status, 200);
    idle.kill().unwrap();
    idle.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_refused_at_the_sign_ins_callback() {
    if !cfg!(target_os = "linux") || !is_root() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let lab = "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\nauth = \"oauth\"\n\
        [providers.lab.oauth]\nauthorize_url = \"http://127.0.0.1:9/a\"\ntoken_url = \"http://127.0.0.1:9/t\"\nclient_id = \"me\"\n";
    fs::write(home.path().join("config.toml"), lab).unwrap();
    let mut sign_in = setup("account add lab --name me --oauth")
        .command(home.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(sign_in.stderr.take().unwrap());
    let mut line = String::new();
    let callback = loop {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0);
        if let Some((_, rest)) = line.split_once("redirect_uri=http%3A%2F%2F127.0.0.1%3A") {
            break rest.split('%').next().unwrap().parse::<u16>().unwrap();
        }
    };
    let state = line.split("state=").nth(1).unwrap().trim();
    let state = state.split('&').next().unwrap();
    let answer = format!(
        "GET /callback?error=access_denied&state={state} HTTP/1.1\r\nhost: 127.0.0.1:{callback}\r\n\r\n"
    );
    let address = (std::net::Ipv4Addr::LOCALHOST, callback).into();
    let got = tokio::task::block_in_place(|| as_nobody(address, &answer));
    assert_eq!(got, "", "nothing is said to another user");
    assert!(sign_in.try_wait().unwrap().is_none(), "it waits on");
    let own =
        crate::support::raw::Request::get(&format!("/callback?error=access_denied&state={state}"));
    assert_eq!(
        crate::support::raw::exchange(address, &own).await.status,
        200
    );
    assert_eq!(sign_in.wait().unwrap().code(), Some(1));
}

/// Connections of `nobody` that say nothing.
fn idle_of_nobody(address: std::net::SocketAddr, count: usize) -> std::process::Child {
    let mut idle = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--clear-groups", "bash", "-c"])
        .arg(format!(
            "for i in $(seq {count}); do exec {{fd}}<>/dev/tcp/127.0.0.1/{}; done; echo; exec sleep 20",
            address.port()
        ))
        .current_dir("/")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0];
    std::io::Read::read_exact(idle.stdout.as_mut().unwrap(), &mut said).unwrap();
    idle
}

#[tokio::test]
async fn a_change_after_the_configuration_was_lost_keeps_the_port_closed() {
    use crate::support::agent::Agent;
    let agent = Agent::start("port = 0\nauth_mode = \"strict\"\n");
    let config = agent.home().join("config.toml");
    for lose in [&|| fs::remove_file(&config).unwrap() as (), &|| {
        fs::write(&config, "# empty\n").unwrap()
    }] as [&dyn Fn(); 2]
    {
        lose();
        agent.logged("configuration refused").await;
        let output = run(agent.home(), &setup("config set port 0"));
        let said = complaint(&output);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("was gone or empty"), "{said}");
        let written = fs::read_to_string(&config).unwrap();
        assert!(written.contains("auth_mode = \"strict\""), "{written}");
        agent.logged("configuration taken").await;
        assert_eq!(agent.get("/v1/models").await.status, 401);
    }
}

/// What `nobody` gets for a request, over a connection of its own.
fn as_nobody(address: std::net::SocketAddr, request: &str) -> String {
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{}; printf '%b' '{}' >&3; cat <&3",
        address.port(),
        request.replace("\r\n", "\\r\\n"),
    );
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--clear-groups", "bash", "-c", &script])
        .current_dir("/")
        .output()
        .expect("setpriv and bash are there");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_refused_in_the_dialect_and_takes_no_place() {
    use crate::support::agent::Agent;
    if !cfg!(target_os = "linux") || !is_root() {
        return;
    }
    let agent = Agent::start("port = 0\n[limits]\nconnections_max = 20\n");
    let post = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
        )
    };
    for (path, shape) in [
        (
            "/v1/messages",
            "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\"",
        ),
        ("/v1/chat/completions", "{\"error\":{"),
        (
            "/v1beta/models/demo:generateContent",
            "\"status\":\"PERMISSION_DENIED\"",
        ),
        ("/healthz", "{\"error\":{"),
    ] {
        let answer = tokio::task::block_in_place(|| as_nobody(agent.address(), &post(path)));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{path}: {answer}");
        assert!(answer.contains(shape), "{path}: {answer}");
        assert!(
            answer.contains("set `allow_other_users = true`"),
            "{path}: {answer}"
        );
    }
    let mut idle = idle_of_nobody(agent.address(), 40);
    assert_eq!(agent.get("/healthz").await.status, 200);
    idle.kill().unwrap();
    idle.wait().unwrap();

    agent.rewrite_config("port = 0\nallow_other_users = true\n");
    agent.logged("configuration taken").await;
    let get = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while !as_nobody(agent.address(), get).starts_with("HTTP/1.1 200 ") {
        assert!(
            tokio::time::Instant::now() < deadline,
            "they are served now"
        );
    }
}
