//! Every page, each wrong input and what fails, read in German: no English sentence is left, but
//! what somebody else said, which stands in quotation marks.

use std::collections::BTreeSet;
use std::time::Duration;

use super::accounts::Rig;
use crate::support::Dialect::Chat;
use crate::support::raw::Request;
use crate::support::upstream::{Refusal, Script, Upstream};

/// What both languages write alike: names of the product, of things and of this test.
const ALIKE: &[&str] = &[
    "aerostat",
    "api",
    "apis",
    "auth",
    "base",
    "browser",
    "cache",
    "client",
    "clients",
    "code",
    "config",
    "csv",
    "curl",
    "dashboard",
    "demo",
    "details",
    "env",
    "export",
    "filter",
    "google",
    "gib",
    "hosts",
    "https",
    "http",
    "id",
    "json",
    "kb",
    "kib",
    "limits",
    "live",
    "mb",
    "median",
    "mib",
    "in",
    "min",
    "µs",
    "ms",
    "name",
    "oauth",
    "online",
    "operation",
    "openai",
    "openrouter",
    "option",
    "pi",
    "port",
    "proxy",
    "provider",
    "reasoning",
    "sdk",
    "server",
    "shell",
    "status",
    "system",
    "terminal",
    "toml",
    "token",
    "tokens",
    "url",
    "utc",
    "version",
    "wsl",
];
/// Words that an English sentence cannot do without, and that German does not have.
const ENGLISH: &[&str] = &[
    "the", "is", "are", "of", "and", "cannot", "expected", "found", "with", "its", "that", "this",
    "not", "to", "for", "from", "by", "be", "has", "have", "been", "or", "until", "which", "it",
    "there", "set", "failed", "missing", "your", "you", "only", "no",
];

/// What a page says: its texts and the attributes that are read out, without code.
fn texts(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut rest, mut hidden) = (page, Vec::new());
    while let Some((text, after)) = rest.split_once('<') {
        if hidden.is_empty() {
            found.push(plain(text));
        }
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        for attribute in ["title", "aria-label", "placeholder", "data-label", "alt"] {
            let value = tag
                .split_once(&format!(" {attribute}=\""))
                .map(|(_, value)| value);
            found.extend(value.and_then(|value| value.split('"').next()).map(plain));
        }
        let name = tag
            .trim_start_matches('/')
            .split(' ')
            .next()
            .unwrap_or_default();
        if ["script", "style", "pre", "code", "textarea"].contains(&name) {
            if tag.starts_with('/') {
                hidden.pop();
            } else {
                hidden.push(name);
            }
        }
        // A value of the configuration is offered as it is written there.
        let value = tag.strip_prefix("option value=\"");
        let value = value.and_then(|value| value.split('"').next());
        let value = value.unwrap_or("\0");
        rest = after.strip_prefix(value).unwrap_or(after);
    }
    found.retain(|text| text.contains(char::is_alphabetic));
    found
}

fn plain(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    let text = text.replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names that are English sentences.
const NAMES: &[&str] = &["Copilot for Obsidian"];

/// A text without what it quotes.
fn without_quotes(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('„') {
        kept.push_str(before);
        rest = after.split_once('“').map_or("", |(_, after)| after);
    }
    kept += rest;
    NAMES.iter().fold(kept, |kept, name| kept.replace(name, ""))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-' && c != '.' && c != '/')
        .map(|word| word.trim_matches('.').to_owned())
        .filter(|word| !word.is_empty() && word.chars().all(char::is_alphabetic))
}

/// The English that a German page has.
fn english_in(german: &str, english: &str, names: &[&str]) -> BTreeSet<String> {
    let same: BTreeSet<String> = texts(english).into_iter().collect();
    let is_name = |word: &str| {
        let word = word.to_lowercase();
        ALIKE.contains(&&*word) || names.contains(&&*word)
    };
    texts(german)
        .into_iter()
        .filter(|text| {
            let said = without_quotes(text);
            let is_sentence = words(&said)
                .any(|word| ENGLISH.contains(&&*word.to_lowercase()) && !is_name(&word));
            let is_same =
                same.contains(text) && words(&said).any(|word| word.len() > 1 && !is_name(&word));
            is_sentence || is_same
        })
        .collect()
}

/// Names that this test gives, and those of providers, programs and models.
fn names() -> Vec<&'static str> {
    "work spare lab up unset off far signed fast ci llama curl anthropic gemini vertex azure groq mistral deepseek \
     ollama vllm xai together fireworks cohere cerebras nebius hyperbolic perplexity openrouter moonshot zai \
     berlin europe tray nobody amp sdks chatbox cherry studio gen ai librechat open webui openhands raycast \
     warp xcode chat vs assistant profile claude codex cli cursor aider goose zed cline roo kilo continue opencode crush droid junie \
     qwen llm aichat python visual studio copilot github jetbrains desktop local english deutsch"
        .split_whitespace()
        .collect()
}

struct Reader<'r> {
    rig: &'r Rig,
    found: Vec<String>,
    names: Vec<&'static str>,
}

impl Reader<'_> {
    async fn text(&self, request: &Request, language: &str) -> (u16, String) {
        let request = request.clone().header("accept-language", language);
        let answer = self.rig.browser.send(&request).await;
        (answer.status, answer.text())
    }

    async fn read(&mut self, what: &str, request: Request) {
        let (status, english) = self.text(&request, "en").await;
        let (again, german) = self.text(&request, "de").await;
        assert_eq!(status, again, "{what}: {german}");
        if status != 303 {
            assert!(german.contains("lang=\"de\""), "{what}: {status} {german}");
        }
        for text in english_in(&german, &english, &self.names) {
            self.found.push(format!("{what}: {text}"));
        }
    }

    async fn page(&mut self, path: &str) {
        self.read(path, self.rig.browser.page_at(path)).await;
    }

    /// A form that is refused, or shows a page between two steps.
    async fn form(&mut self, form: &str, fields: &[(&str, &str)]) {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let what = format!("{form} {fields:?}");
        self.read(&what, self.rig.browser.form(form, &body.finish()))
            .await;
    }

    #[track_caller]
    fn assert_german(&self) {
        assert!(self.found.is_empty(), "\n{}", self.found.join("\n"));
    }
}

async fn start(upstream: &Upstream) -> Rig {
    let base_url = upstream.base_url(Chat);
    let provider = |name: &str, base_url: &str, more: &str| {
        format!(
            "[providers.{name}]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\n{more}\n"
        )
    };
    let config = [
        provider("up", &base_url, "key_env = \"LAB_KEY\"\nmodels = [\"m\"]"),
        provider("unset", &base_url, "key_env = \"UNSET_KEY\""),
        provider("off", &base_url, "key_env = \"LAB_KEY\"\nenabled = false"),
        provider(
            "far",
            "http://127.0.0.1:9",
            "key_env = \"LAB_KEY\"\nmodels = [\"m\"]",
        ),
        "[[models]]\nname = \"fast\"\nuse = [\"up/m\", \"off/x\"]\n".to_owned(),
        "[[models]]\nname = \"lost-*\"\nuse = [\"off/*\"]\n".to_owned(),
    ];
    Rig::with(&config.concat()).await
}

async fn ask(rig: &Rig, model: &str) -> u16 {
    let body = format!(
        "{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]}}"
    );
    rig.agent.post("/v1/chat/completions", body).await.status
}

/// The ids of requests that the list shows.
async fn ids(rig: &Rig) -> BTreeSet<String> {
    let page = rig
        .browser
        .send(&rig.browser.page_at("monitoring"))
        .await
        .text();
    let links = page.split("requests/").skip(1);
    links
        .filter_map(|link| link.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_states_leave_no_english_to_a_german_reader() {
    let upstream = Upstream::start().await;
    let rig = start(&upstream).await;
    rig.adds("work").await;
    rig.adds("spare").await;
    let reader = &mut Reader {
        rig: &rig,
        found: Vec::new(),
        names: names(),
    };
    for path in [
        "",
        "accounts",
        "monitoring",
        "statistics",
        "requests/none",
        "sign-in/none",
        "nothing",
    ] {
        reader.page(path).await;
    }
    let refusals = [
        (400, "bad field"),
        (401, "no such key"),
        (403, "not for you"),
        (404, "no such model"),
        (413, "too large"),
        (429, "slow down"),
        (500, "out of order"),
        (503, "overloaded"),
    ];
    for (status, message) in refusals {
        upstream.answer(Script::error(Refusal::new(status, message)).lenient());
        ask(&rig, "up/m").await;
        ask(&rig, "lab/m").await;
    }
    for model in [
        "demo",
        "far/m",
        "unset/m",
        "off/m",
        "fast",
        "lost-1",
        "no-such-model",
        "signed/m",
    ] {
        ask(&rig, model).await;
    }
    rig.agent.post("/v1/chat/completions", "{").await;
    rig.agent
        .post(
            "/v1/embeddings",
            r#"{"model":"demo/anthropic","input":"x"}"#,
        )
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for path in [
        "",
        "accounts",
        "accounts/work",
        "accounts/spare",
        "accounts/up",
        "accounts/unset",
        "accounts/off",
        "accounts/far",
        "accounts?provider=openai",
        "accounts?provider=azure-openai",
        "accounts?provider=signed",
        "accounts?provider=lab",
        "accounts?model=m",
        "accounts?model=other",
        "proxy",
        "proxy?try=fast",
        "proxy?try=lost-1",
        "proxy?try=nothing",
        "proxy?try=demo",
        "proxy?models=lab",
        "proxy?models=up",
        "proxy?models=off",
        "proxy?models=far",
        "proxy?models=none",
        "monitoring",
        "monitoring?failed=1",
        "monitoring?since=soon",
        "monitoring?cause=nonsense&blame=nobody&ending=gone",
        "monitoring?session=x",
        "monitoring?account=nobody",
        "statistics",
        "statistics?range=today&by=account",
        "statistics?range=free&from=x&to=y",
        "statistics?range=7d&by=model&show=cost",
        "settings",
        "settings?q=port",
        "settings?q=nothing-at-all",
    ] {
        reader.page(path).await;
    }
    for id in ids(&rig).await {
        reader.page(&format!("requests/{id}")).await;
    }
    reader.assert_german();
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_refused_in_the_readers_language() {
    let upstream = Upstream::start().await;
    let rig = start(&upstream).await;
    rig.adds("work").await;
    ask(&rig, "demo").await;
    let reader = &mut Reader {
        rig: &rig,
        found: Vec::new(),
        names: names(),
    };
    let long = "x".repeat(20_000);
    for (form, fields) in [
        ("try", &[("message", &*long)][..]),
        (
            "accounts/add",
            &[("provider", "nobody"), ("how", "entered")],
        ),
        ("accounts/add", &[("provider", "opnai"), ("how", "entered")]),
        (
            "accounts/add",
            &[("provider", "lab"), ("how", "entered"), ("key", "")],
        ),
        (
            "accounts/add",
            &[("provider", "lab"), ("how", "entered"), ("key", "a b")],
        ),
        (
            "accounts/add",
            &[("provider", "lab"), ("how", "entered"), ("key", "refused")],
        ),
        (
            "accounts/add",
            &[
                ("provider", "lab"),
                ("how", "entered"),
                ("name", "-x"),
                ("key", "k"),
            ],
        ),
        (
            "accounts/add",
            &[
                ("provider", "lab"),
                ("how", "entered"),
                ("name", "work"),
                ("key", "k"),
            ],
        ),
        (
            "accounts/add",
            &[("provider", "lab"), ("how", "entered"), ("variable", "1-x")],
        ),
        (
            "accounts/add",
            &[
                ("provider", "signed"),
                ("how", "entered"),
                ("name", "x"),
                ("service_account", "{}"),
            ],
        ),
        (
            "accounts/add",
            &[
                ("provider", "signed"),
                ("how", "entered"),
                ("refresh_token", "refused"),
            ],
        ),
        (
            "accounts/add",
            &[
                ("provider", "azure-openai"),
                ("how", "entered"),
                ("key", "k"),
            ],
        ),
        (
            "accounts/add",
            &[("provider", "openai"), ("how", "browser")],
        ),
        ("accounts/work/key", &[("key", "")]),
        ("accounts/work/login", &[("key", "")]),
        ("accounts/work/remove", &[]),
        ("accounts/work/settings", &[("priority", "first")]),
        ("accounts/work/settings", &[("concurrency", "0")]),
        ("accounts/work/settings", &[("expires", "soon")]),
        ("accounts/work/settings", &[("proxy", "ftp://x")]),
        ("accounts/work/settings", &[("budgets", "5 apples/day")]),
        (
            "accounts/work/settings",
            &[("budgets", "5 tokens/day Mars/Olympus")],
        ),
        (
            "proxy/access",
            &[
                ("auth_mode", "strict"),
                ("port", "70000"),
                ("allowed_hosts", "http://a"),
                ("cors_origins", "nothing"),
            ],
        ),
        (
            "proxy/access",
            &[
                ("auth_mode", "loose"),
                ("port", "x"),
                ("allowed_hosts", ""),
                ("cors_origins", ""),
            ],
        ),
        (
            "proxy/access",
            &[
                ("auth_mode", "strict"),
                ("port", "0"),
                ("allowed_hosts", ""),
                ("cors_origins", ""),
            ],
        ),
        ("proxy/create-key", &[("name", "")]),
        ("proxy/create-key", &[("name", "local")]),
        (
            "proxy/create-key",
            &[("name", "a"), ("expires", "2020-01-01")],
        ),
        ("proxy/create-key", &[("name", "a"), ("expires", "soon")]),
        ("proxy/create-key", &[("name", "a"), ("models", "a*b*")]),
        (
            "proxy/create-key",
            &[("name", "a"), ("requests_minute", "0")],
        ),
        (
            "proxy/create-key",
            &[("name", "a"), ("dollars_day", "much")],
        ),
        (
            "proxy/set-key",
            &[("name", "nobody"), ("requests_day", "1")],
        ),
        ("proxy/revoke-key", &[("name", "nobody")]),
        ("proxy/revoke-key", &[("name", "local")]),
        ("proxy/add-rule", &[("name", "a*b*"), ("targets", "lab/m")]),
        ("proxy/add-rule", &[("name", ""), ("targets", "")]),
        ("proxy/add-rule", &[("name", "x"), ("targets", "m")]),
        ("proxy/add-rule", &[("name", "x"), ("targets", "labb/m")]),
        (
            "proxy/add-rule",
            &[("name", "x"), ("targets", "nobody-at-all/m")],
        ),
        ("proxy/add-rule", &[("name", "x"), ("targets", "lab/*")]),
        ("proxy/add-rule", &[("name", "x"), ("targets", "lab/m")]),
        ("proxy/remove-rule", &[("at", "9"), ("name", "x")]),
        ("proxy/connect-client", &[("client", "nobody")]),
        ("proxy/connect-client", &[("client", "claude-code")]),
        ("settings/save", &[("port", "70000")]),
        (
            "settings/save",
            &[("port", "x"), ("metrics_port", "y"), ("auth_mode", "loose")],
        ),
        (
            "settings/save",
            &[("limits.request_body_bytes_max", "64 furlongs")],
        ),
        ("settings/save", &[("network.proxy", "ftp://me:pw@a")]),
        (
            "settings/save",
            &[("allowed_hosts", "http://a"), ("cors_origins", "nothing")],
        ),
        (
            "settings/save",
            &[
                ("notifications.off", "everything"),
                ("notifications.expiry_days", "0"),
            ],
        ),
        ("settings/add-rule", &[("name", "a*b*"), ("use", "lab/m")]),
        (
            "settings/add-provider",
            &[
                ("name", "a b"),
                ("protocol", "openai_chat"),
                ("base_url", "http://a"),
            ],
        ),
        (
            "settings/add-provider",
            &[
                ("name", "a"),
                ("protocol", "openai_chat"),
                ("base_url", "ftp://a#b"),
            ],
        ),
        (
            "settings/add-provider",
            &[
                ("name", "a"),
                ("protocol", "none"),
                ("base_url", "http://u:p@a"),
            ],
        ),
        (
            "settings/add-provider",
            &[
                ("name", "a"),
                ("protocol", "openai_chat"),
                ("base_url", "http://10.0.0.1"),
                ("key_env", "1-x"),
            ],
        ),
        ("settings/remove-provider", &[("name", "nobody")]),
        ("settings/remove-rule", &[("at", "9"), ("name", "x")]),
        ("settings/delete-records", &[("before", "yesterdayish")]),
        ("settings/delete-records", &[]),
    ] {
        reader.form(form, fields).await;
    }
    for id in ids(&rig).await {
        reader.form(&format!("requests/{id}/again"), &[]).await;
        reader
            .form(&format!("requests/{id}/keep"), &[("how", "sometimes")])
            .await;
    }
    reader.form("requests/none/again", &[]).await;
    let stale = Request::new("POST", &format!("/{}/stop", rig.browser.segment))
        .header("cookie", &rig.browser.cookie)
        .header("origin", &format!("http://{}", rig.browser.address))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("token=other");
    reader.read("a stale form", stale).await;
    rig.browser.send(&rig.browser.form("stop", "")).await;
    reader.page("").await;
    reader.form("try", &[("message", "hi")]).await;
    reader.assert_german();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_used_is_explained_in_german() {
    let upstream = Upstream::start().await;
    let rig = start(&upstream).await;
    let reader = &mut Reader {
        rig: &rig,
        found: Vec::new(),
        names: names(),
    };
    let file = |text: &str| {
        rig.agent.rewrite_config(text);
        tokio::time::sleep(Duration::from_millis(700))
    };
    for text in [
        "port = \"x\n",
        "port = 99999\nauth = 1\n[providers.lab]\nbase_url = \"x\"\n",
        "port = 0\nallow_lan_access = true\nauth_mode = \"off\"\n",
        "port = 0\nversion = 99\n",
        "models = 1\nscheduling = 2\nallowed_hosts = [\"http://a\"]\n[network]\nproxy = \"ftp://x\"\n",
        "port = 0\n[providers.lab]\nauth = \"oauth\"\nprotocol = \"gemini\"\nbase_url = \"https://a.example\"\n[providers.demo]\nmodels = []\n[providers.openaj]\n",
        "port = 0\n[[models]]\nname = \"a*b*\"\nuse = \"x\"\n[[models]]\nuse = [\"lab/*\"]\nname = \"x\"\n",
    ] {
        file(text).await;
        for path in ["", "settings", "proxy", "accounts"] {
            reader.page(path).await;
        }
        reader.form("settings/save", &[("port", "1")]).await;
    }
    std::fs::write(
        rig.agent.home().join("prices.toml"),
        "[[price]]\nprovider = \"lab\"\nmodel = \"m\"\ninput = 1\noutput = 2\nfrom = \"May\"\n",
    )
    .unwrap();
    file("port = 0\n").await;
    reader.page("statistics").await;
    reader.page("settings").await;
    reader.assert_german();
}

#[test]
fn english_is_found_wherever_it_stands() {
    let english = "<p>no account `x`</p><p title=\"Use it earlier\">Port</p>";
    for (german, is_found) in [
        (
            "<p>kein Konto `x`</p><p title=\"Früher verwenden\">Port</p>",
            false,
        ),
        ("<p>no account `x`</p>", true),
        ("<p title=\"Use it earlier\">Port</p>", true),
        ("<p>Nicht gespeichert: the file is read-only</p>", true),
        ("<p>Der Anbieter meldet „the key is wrong“.</p>", false),
        ("<pre>the file</pre><p>Die Datei</p>", false),
    ] {
        let found = english_in(german, english, &["account"]);
        assert_eq!(!found.is_empty(), is_found, "{german}: {found:?}");
    }
}
