//! The participants: the upstream, the floor, and the gateway with everything switched on; and the
//! requests.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempDir;

use super::child::{BOTH_CORES, Child, MEASURED_CORE, OTHER_CORE};
use super::load::ResponseContext;

/// The measured program: the one that `AEROSTAT_BIN` names, or else the one that was built with
/// this bench. The latter's tokio also has the features of the tests, which costs a little.
pub(super) fn program() -> PathBuf {
    std::env::var_os("AEROSTAT_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_aerostat")),
        PathBuf::from,
    )
}

/// Floor and gateway in front of one upstream.
pub(super) struct Setting {
    upstream: Child,
    pub(super) floor: Child,
    /// The floor of a translation.
    pub(super) typed: Child,
    pub(super) gateway: Gateway,
}

/// The program with everything switched on: a key, rules that rename models, two providers.
pub(super) struct Gateway {
    pub(super) process: Child,
    pub(super) key: String,
    _folders: Vec<TempDir>,
}

/// Another build of the program, to compare the measured one with.
pub(super) fn program_too() -> Option<PathBuf> {
    std::env::var_os("AEROSTAT_BIN_TOO").map(PathBuf::from)
}

/// A process that this program is as well, by its words.
fn own(cores: &str, words: &[&str]) -> Child {
    let this = std::env::current_exe().expect("the path of this program");
    Child::start(cores, &this, words, &[])
}

impl Setting {
    pub(super) fn start() -> Self {
        let upstream = own(OTHER_CORE, &["upstream"]);
        let address = upstream.address.to_string();
        let floor = own(MEASURED_CORE, &["floor", &address]);
        let typed = own(MEASURED_CORE, &["typed", &address]);
        let gateway = Gateway::start(MEASURED_CORE, &program(), "", &plain(&upstream));
        Self {
            upstream,
            floor,
            typed,
            gateway,
        }
    }

    /// A gateway beside the usual one, with `settings` of its own: lines of `config.toml` before
    /// its first section.
    pub(super) fn another_gateway(&self, settings: &str) -> Gateway {
        Gateway::start(MEASURED_CORE, &program(), settings, &plain(&self.upstream))
    }

    /// A gateway of that build.
    pub(super) fn gateway_of(&self, program: &Path) -> Gateway {
        Gateway::start(MEASURED_CORE, program, "", &plain(&self.upstream))
    }
}

/// Floor and gateway in front of one upstream, where something about the three is another.
pub(super) struct Pair {
    pub(super) floor: Child,
    pub(super) gateway: Gateway,
    _upstream: Child,
}

impl Pair {
    /// By TLS, in one version of HTTP.
    pub(super) fn over_tls(version: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let certificate = folder.path().join("upstream.pem");
        let file = certificate.to_str().expect("the name of a temporary file");
        let upstream = own(OTHER_CORE, &["upstream-tls", version, file]);
        let address = upstream.address.to_string();
        let floor = own(MEASURED_CORE, &["floor-tls", &address, file]);
        let settings = format!("network.ca_file = {file:?}");
        let base_url = format!("https://{address}/v1");
        let gateway = Gateway::start(MEASURED_CORE, &program(), &settings, &base_url);
        // Read at the first request, which comes while the folder is still there.
        Self {
            floor,
            gateway: gateway.keeping(folder),
            _upstream: upstream,
        }
    }

    /// On both cores, which they share with the upstream and the clients.
    pub(super) fn on_two_threads() -> Self {
        let upstream = own(BOTH_CORES, &["upstream"]);
        let floor = own(
            BOTH_CORES,
            &["floor-two-threads", &upstream.address.to_string()],
        );
        let gateway = Gateway::start(BOTH_CORES, &program(), "", &plain(&upstream));
        Self {
            floor,
            gateway,
            _upstream: upstream,
        }
    }
}

fn plain(upstream: &Child) -> String {
    format!("http://{}/v1", upstream.address)
}

impl Gateway {
    fn start(cores: &str, program: &Path, settings: &str, base_url: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let config = format!("{settings}\n{}", config(base_url));
        std::fs::write(home.path().join("config.toml"), config).expect("the home can be written");
        let process = Child::start(
            cores,
            program,
            &["--headless"],
            &[("AEROSTAT_HOME", home.path())],
        );
        let key = std::fs::read_to_string(home.path().join("local-key"))
            .expect("strict mode makes a key");
        Self {
            process,
            key: key.trim().to_owned(),
            _folders: vec![home],
        }
    }

    /// Keeps a folder that its configuration names for as long as it runs.
    fn keeping(mut self, folder: TempDir) -> Self {
        self._folders.push(folder);
        self
    }
}

fn config(base_url: &str) -> String {
    format!(
        r#"
        port = 0
        auth_mode = "strict"
        [providers.chat]
        protocol = "openai_chat"
        base_url = "{base_url}"
        auth = "none"
        [providers.claude]
        protocol = "anthropic"
        base_url = "{base_url}"
        auth = "none"
        [[models]]
        name = "chat-*"
        use = "chat/*"
        [[models]]
        name = "claude-*"
        use = "claude/*"
        "#
    )
}

/// Which wire format the client speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    Chat,
    Anthropic,
    /// As anthropic-python writes it: `model` after the messages.
    AnthropicModelLast,
}

impl Client {
    /// A request of about `bytes` for `model`, with `events` if the response is streamed.
    pub(super) fn ask(
        self,
        key: &str,
        model: &str,
        bytes: usize,
        events: Option<usize>,
    ) -> ResponseContext {
        let (stream, messages) = (events.is_some(), messages(bytes));
        let body = match self {
            Self::AnthropicModelLast => {
                format!(
                    r#"{{"max_tokens":1024,"messages":[{messages}],"stream":{stream},"model":"{model}"}}"#
                )
            }
            _ => format!(
                r#"{{"model":"{model}","max_tokens":1024,"stream":{stream},"messages":[{messages}]}}"#
            ),
        };
        let path = if self == Self::Chat {
            "/v1/chat/completions"
        } else {
            "/v1/messages"
        };
        ResponseContext {
            path,
            key: key.to_owned(),
            body: Bytes::from(body),
            events,
        }
    }
}

/// A conversation about code, with the escapes that code has in JSON.
fn messages(bytes: usize) -> String {
    const LINE: &str = r#"fn main() {\n    println!(\"{}\", lines().filter(|line| !line.is_empty()).count());\n}\n"#;
    const LINES_MAX: usize = 24;
    let mut messages = String::with_capacity(bytes + 4096);
    for turn in 0.. {
        let role = if turn % 2 == 0 { "user" } else { "assistant" };
        let comma = if turn == 0 { "" } else { "," };
        let lines = (bytes.saturating_sub(messages.len()) / LINE.len()).clamp(1, LINES_MAX);
        messages += &format!(
            r#"{comma}{{"role":"{role}","content":"{}"}}"#,
            LINE.repeat(lines)
        );
        // The last turn is the user's.
        if role == "user" && messages.len() + LINE.len() >= bytes {
            break;
        }
    }
    messages
}
