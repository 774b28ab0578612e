//! The participants: the upstream, the floor, and the gateway with everything switched on; and the
//! requests.

use std::path::PathBuf;

use bytes::Bytes;
use tempfile::TempDir;

use super::child::{Child, MEASURED_CORE, OTHER_CORE};
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
    _home: TempDir,
}

impl Setting {
    pub(super) fn start() -> Self {
        let this = std::env::current_exe().expect("the path of this program");
        let upstream = Child::start(OTHER_CORE, &this, &["upstream"], &[]);
        let address = upstream.address.to_string();
        let floor = Child::start(MEASURED_CORE, &this, &["floor", &address], &[]);
        let typed = Child::start(MEASURED_CORE, &this, &["typed", &address], &[]);
        let gateway = Gateway::start(&upstream, "");
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
        Gateway::start(&self.upstream, settings)
    }
}

impl Gateway {
    fn start(upstream: &Child, settings: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let config = format!("{settings}\n{}", config(upstream));
        std::fs::write(home.path().join("config.toml"), config).expect("the home can be written");
        let process = Child::start(
            MEASURED_CORE,
            &program(),
            &["--headless"],
            &[("AEROSTAT_HOME", home.path())],
        );
        let key = std::fs::read_to_string(home.path().join("local-key"))
            .expect("strict mode makes a key");
        Self {
            process,
            key: key.trim().to_owned(),
            _home: home,
        }
    }
}

fn config(upstream: &Child) -> String {
    let base_url = format!("http://{}/v1", upstream.address);
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
