//! The configuration as it changes under a running program: every key is changed, and seen from the
//! outside.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use aerostat::config::keys::KEYS;

use crate::support::Dialect;
use crate::support::agent::{Agent, Setup};
use crate::support::browser::Browser;
use crate::support::raw::{Answer, Connection, Ended, Request, exchange};
use crate::support::upstream::{Gate, Received, Script, Upstream};

/// How long a change may take to be seen, and how often is looked.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);

/// Longer than the one second that the time-outs below are set to, and shorter than their defaults.
const SOON: Duration = Duration::from_secs(3);

const CHAT: &str = "/v1/chat/completions";
const LAB: &str = r#"{"model":"lab/m","messages":[{"role":"user","content":"hi"}]}"#;
/// With the usage that makes the upstream play its literal answer as it is, so that it can be
/// stopped between two records.
const LAB_STREAM: &str = r#"{"model":"lab/m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_is_followed_and_seen_from_the_outside() {
    futures_util::future::join_all(KEYS.iter().map(|key| see(key.path))).await;
}

/// Changes one key of a running program, and waits until the change shows.
async fn see(key: &'static str) {
    match key {
        "version" => a_newer_form_is_refused().await,
        "port" => the_port_moves().await,
        "metrics_port" => the_metrics_come_and_go().await,
        "ollama_port" => the_port_for_ollamas_programs_comes_and_goes().await,
        "allow_lan_access" => {
            let lan = Request::get("/v1/models").header("host", "192.168.1.7");
            status_turns(
                key,
                "auth_mode = \"strict\"",
                "auth_mode = \"strict\"\nallow_lan_access = true",
                &lan,
                (421, 401),
            )
            .await;
        }
        // Seen by another user, in tests/other_users.rs.
        "allow_other_users" => is_shown(key, "true").await,
        "auth_mode" => {
            status_turns(
                key,
                "",
                "auth_mode = \"strict\"",
                &Request::get("/v1/models"),
                (200, 401),
            )
            .await
        }
        "allowed_hosts" => {
            let boxed = Request::get("/healthz").header("host", "box.lan");
            status_turns(key, "", "allowed_hosts = [\"box.lan\"]", &boxed, (421, 200)).await;
        }
        "cors_origins" => {
            let page = Request::get("/healthz").header("origin", "https://a.example");
            status_turns(
                key,
                "",
                "cors_origins = [\"https://a.example\"]",
                &page,
                (403, 200),
            )
            .await;
        }
        "translation" => {
            let body = r#"{"model":"demo/anthropic","logit_bias":{"1":1},"messages":[{"role":"user","content":"hi"}]}"#;
            status_turns(
                key,
                "",
                "translation = \"strict\"",
                &Request::post(CHAT, body),
                (200, 400),
            )
            .await;
        }
        // One account a provider leaves nothing to choose and nothing to wait for: the keys are
        // checked, kept and shown.
        "scheduling.mode" => is_shown(key, "drain").await,
        "scheduling.max_wait_seconds" => is_shown(key, "5").await,
        // What the desktop does with them is seen on a desktop: tests/desktop.
        "notifications.off" => is_shown(key, "[\"quota\"]").await,
        "notifications.expiry_days" => is_shown(key, "[3]").await,
        "scheduling.max_attempts" => attempts_are_counted().await,
        // Where tokens come from shows at a sign-in: tests/oauth.rs asks there. Here the keys are
        // checked, kept and shown.
        oauth if oauth.starts_with("providers.*.oauth.") => {
            let own = oauth.replace('*', "vertex-ai");
            let value = if own.ends_with("_url") {
                "https://id.example/x"
            } else {
                "mine"
            };
            let shown = if own.ends_with("scopes") {
                "[\"mine\"]"
            } else {
                value
            };
            is_shown_in(
                "[providers.vertex-ai]\nbase_url = \"https://a.example/v1\"\n",
                &own,
                value,
                shown,
            )
            .await;
        }
        "network.proxy" | "network.no_proxy" => the_way_out_changes(key).await,
        "network.ca_file" => authorities_are_read_from_a_file().await,
        provider if provider.starts_with("providers.") => see_provider(provider).await,
        rule if rule.starts_with("models[]") => see_rule(rule).await,
        "record.enabled" => requests_are_recorded_or_not().await,
        // When days are over and a file is full is seen on the store itself: src/store/records.
        "record.keep_days" | "record.keep_failed_days" => is_shown(key, "7").await,
        #[cfg(feature = "otlp")]
        "telemetry.otlp_endpoint" => crate::otlp::spans_go_where_the_file_says().await,
        "record.keep_bodies_days" => is_shown(key, "14").await,
        "record.bytes_max" => is_shown(key, "64 MiB").await,
        "dashboard.theme" => a_page_turns(key, "dark", "data-theme=\"dark\"").await,
        "dashboard.language" => a_page_turns(key, "de", "lang=\"de\"").await,
        "record.bodies" => bodies_are_kept_or_not().await,
        "record.body_bytes_max" => bodies_are_cut().await,
        limit if limit.starts_with("limits.") => see_limit(limit).await,
        other => panic!("no test changes `{other}`"),
    }
}

async fn see_provider(key: &str) {
    let upstream = Upstream::start().await;
    upstream.always(Script::text().lenient());
    let lab = lab(&upstream);
    match key {
        "providers.*.enabled" => {
            let off = "[providers.demo]\nenabled = false";
            status_turns(key, "", off, &Request::get("/v1/models/demo"), (200, 404)).await;
            let off = format!("{lab}enabled = false\n");
            let agent = Setup::config(config(&lab)).start().unwrap();
            assert_eq!(agent.post(CHAT, LAB).await.status, 200);
            agent.rewrite_config(&config(&off));
            until(key, async || agent.post(CHAT, LAB).await.status != 200).await;
        }
        "providers.*.protocol" => {
            let changed = lab.replace("openai_chat", "anthropic");
            arrives(key, &upstream, &changed, |request| {
                request.path == "/v1/messages"
            })
            .await;
        }
        "providers.*.base_url" => {
            let other = Upstream::start().await;
            other.always(Script::text().lenient());
            let changed = lab.replace(
                &upstream.base_url(Dialect::Chat),
                &other.base_url(Dialect::Chat),
            );
            let agent = Setup::config(config(&lab))
                .env("LAB_KEY", "sk-lab")
                .start()
                .unwrap();
            agent.rewrite_config(&config(&changed));
            until(key, async || {
                agent.post(CHAT, LAB).await;
                !other.requests().is_empty()
            })
            .await;
        }
        "providers.*.auth" => {
            let changed = format!("{lab}auth = \"x-api-key\"\nkey_env = \"LAB_KEY\"\n");
            arrives(key, &upstream, &changed, |request| {
                request.header("x-api-key") == Some("sk-lab")
            })
            .await;
        }
        "providers.*.key_env" => {
            let changed = format!("{lab}key_env = \"LAB_KEY\"\n");
            arrives(key, &upstream, &changed, |request| {
                request.header("authorization") == Some("Bearer sk-lab")
            })
            .await;
        }
        "providers.*.insecure_http" => {
            let far = "[providers.far]\nprotocol = \"openai_chat\"\nbase_url = \"http://192.0.2.1\"\nkey_env = \"LAB_KEY\"\n";
            let agent = Setup::config(config(far))
                .env("LAB_KEY", "sk-lab")
                .start()
                .unwrap();
            let ready = async || agent.get("/healthz").await.json()["accounts_ready"].clone();
            assert_eq!(ready().await, 0, "the demo is nobody's account");
            agent.rewrite_config(&config(&format!("{far}insecure_http = true\n")));
            until(key, async || ready().await == 1).await;
        }
        "providers.*.models" => {
            let agent = Setup::config(config(&lab)).start().unwrap();
            agent.rewrite_config(&config(&format!("{lab}models = [\"only-this\"]\n")));
            until(key, async || {
                agent.get("/v1/models").await.text().contains("only-this")
            })
            .await;
        }
        other => panic!("no test changes `{other}`"),
    }
}

async fn see_rule(key: &str) {
    let rule =
        |name: &str, target: &str| format!("[[models]]\nname = \"{name}\"\nuse = \"{target}\"\n");
    let agent = Agent::start(&config(&rule("fast", "demo/openai_chat")));
    let ask = async |model: &str| agent.post(CHAT, LAB.replace("lab/m", model)).await;
    assert_eq!(
        ask("fast").await.header("x-aerostat-model"),
        Some("demo/openai_chat")
    );
    match key {
        "models[].name" => {
            agent.rewrite_config(&config(&rule("quick", "demo/openai_chat")));
            until(key, async || {
                ask("quick").await.status == 200 && ask("fast").await.status == 404
            })
            .await;
        }
        "models[].use" => {
            agent.rewrite_config(&config(&rule("fast", "demo/anthropic")));
            until(key, async || {
                ask("fast").await.header("x-aerostat-model") == Some("demo/anthropic")
            })
            .await;
        }
        other => panic!("no test changes `{other}`"),
    }
}

async fn see_limit(key: &str) {
    let one = format!("[limits]\n{} = 1\n", key.trim_start_matches("limits."));
    match key {
        "limits.request_body_bytes_max" => {
            let long = Request::post(
                CHAT,
                LAB.replace("lab/m", "demo")
                    .replace("hi", &"x".repeat(2000)),
            );
            status_turns(
                key,
                "",
                "[limits]\nrequest_body_bytes_max = 1024",
                &long,
                (200, 413),
            )
            .await;
        }
        "limits.bodies_bytes_max" => {
            let body = LAB.replace("lab/m", "demo");
            let large = Request::post(CHAT, body.replace("hi", &"x".repeat(2 << 20)));
            let limit = "[limits]\nbodies_bytes_max = \"1 MiB\"";
            status_turns(key, "", limit, &large, (200, 503)).await;
        }
        "limits.unread_timeout_seconds" => crate::accounts::an_unread_stream_is_ended(&one).await,
        "limits.header_bytes_max" => {
            let long = Request::get("/healthz").header("x-long", &"x".repeat(9000));
            status_turns(
                key,
                "",
                "[limits]\nheader_bytes_max = 8192",
                &long,
                (200, 431),
            )
            .await;
        }
        "limits.headers_max" => {
            let many = (0..20).fold(Request::get("/healthz"), |request, index| {
                request.header(&format!("x-{index}"), "x")
            });
            status_turns(key, "", "[limits]\nheaders_max = 16", &many, (200, 431)).await;
        }
        "limits.answer_body_bytes_max" => {
            let body = format!(
                r#"{{"id":"x","choices":[],"padding":"{}"}}"#,
                "x".repeat(2000)
            );
            let script = Script::literal(200, "application/json", body);
            let (_upstream, agent) = playing(script).await;
            assert_eq!(agent.post(CHAT, LAB).await.status, 200);
            append(&agent, "[limits]\nanswer_body_bytes_max = 1024\n");
            until(key, async || agent.post(CHAT, LAB).await.status == 502).await;
        }
        "limits.header_timeout_seconds" => ends_soon(key, &one, "GET / HTTP/1.1\r\n", 408).await,
        "limits.body_idle_timeout_seconds" => {
            let begun = "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
            ends_soon(key, &one, begun, 408).await;
        }
        "limits.connection_idle_timeout_seconds" => an_idle_connection_is_closed(&one).await,
        "limits.connect_timeout_seconds" => a_full_machine_is_given_up(&one).await,
        "limits.head_timeout_seconds" => {
            fails_soon(key, &one, Script::text().stall_before_head(), LAB_STREAM).await
        }
        "limits.answer_timeout_seconds" => {
            fails_soon(key, &one, Script::text().stall_before_head(), LAB).await
        }
        "limits.first_event_timeout_seconds" => {
            fails_soon(key, &one, Script::text().stall_before_body(), LAB_STREAM).await
        }
        "limits.idle_timeout_seconds" => a_silent_stream_is_ended(&one).await,
        "limits.hold_ms" => the_start_is_held().await,
        "limits.connections_max" => {
            let agent = Agent::start(&config(""));
            agent.rewrite_config(&config(&one));
            until(key, async || {
                let _first = Connection::open(agent.address()).await.unwrap();
                agent.get("/healthz").await.status == 503
            })
            .await;
        }
        "limits.requests_in_flight_max" => {
            let (_upstream, agent) = playing(Script::text().stall_before_head()).await;
            append(&agent, &one);
            let mut waiting = Vec::new();
            until(key, async || {
                waiting.push(begin(&agent, LAB).await);
                agent.get("/healthz").await.status == 503
            })
            .await;
        }
        "limits.drain_timeout_seconds" => a_stop_waits_as_long_as_is_said(&one).await,
        "limits.keep_alive_seconds" => a_silent_stream_shows_life(&one).await,
        other => panic!("no test changes `{other}`"),
    }
}

/// Looks until `check` holds.
async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !check().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| panic!("`{what}` shows no change"));
}

fn config(text: &str) -> String {
    format!("port = 0\n{text}\n")
}

fn lab(upstream: &Upstream) -> String {
    format!(
        "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{}\"\n",
        upstream.base_url(Dialect::Chat)
    )
}

fn append(agent: &Agent, text: &str) {
    let before = std::fs::read_to_string(agent.home().join("config.toml")).unwrap();
    agent.rewrite_config(&format!("{before}{text}"));
}

/// An upstream that always answers so, and the program with it as `lab`.
async fn playing(script: Script) -> (Upstream, Agent) {
    let upstream = Upstream::start().await;
    upstream.always(script.lenient());
    let agent = Agent::start(&config(&lab(&upstream)));
    (upstream, agent)
}

/// The request's status is the first before the change, and the second after it.
async fn status_turns(
    key: &str,
    before: &str,
    after: &str,
    request: &Request,
    (first, second): (u16, u16),
) {
    let agent = Agent::start(&config(before));
    let answer = agent.send(request).await;
    assert_eq!(answer.status, first, "{key}: {}", answer.text());
    agent.rewrite_config(&config(after));
    until(key, async || agent.send(request).await.status == second).await;
}

/// Requests arrive at the upstream as `is_changed` says, which they did not before.
async fn arrives(key: &str, upstream: &Upstream, changed: &str, is_changed: fn(&Received) -> bool) {
    let agent = Setup::config(config(&lab(upstream)))
        .env("LAB_KEY", "sk-lab")
        .start()
        .unwrap();
    agent.post(CHAT, LAB).await;
    assert!(!is_changed(&upstream.only_request()), "{key}");
    agent.rewrite_config(&config(changed));
    until(key, async || {
        agent.post(CHAT, LAB).await;
        upstream.requests().last().is_some_and(is_changed)
    })
    .await;
}

/// A host that only the proxy knows is asked through it, until it is excepted.
async fn the_way_out_changes(key: &str) {
    let proxy = Upstream::start().await;
    proxy.always(Script::text().lenient());
    let far = "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"http://box.invalid/v1\"\n";
    let through = format!("{far}[network]\nproxy = \"http://{}\"\n", proxy.address());
    let excepted = format!("{through}no_proxy = [\"box.invalid\"]\n");
    let (before, after, status) = if key == "network.proxy" {
        (far, &through, 200)
    } else {
        (&*through, &excepted, 502)
    };
    let agent = Agent::start(&config(before));
    assert_ne!(agent.post(CHAT, LAB).await.status, status, "{key}");
    agent.rewrite_config(&config(after));
    until(key, async || agent.post(CHAT, LAB).await.status == status).await;
}

/// The setting shows on the dashboard's pages.
async fn a_page_turns(key: &str, value: &str, shown: &str) {
    let agent = Agent::start(&config(""));
    let browser = Browser::enter(&agent).await;
    let is_there = async || browser.send(&browser.page()).await.text().contains(shown);
    assert!(!is_there().await);
    let (section, name) = key.split_once('.').expect("a key of a section");
    append(&agent, &format!("[{section}]\n{name} = \"{value}\"\n"));
    until(key, is_there).await;
}

async fn requests_are_recorded_or_not() {
    let agent = Agent::start(&config(""));
    let body = LAB.replace("lab/m", "demo");
    let recorded = || {
        let log = Setup::default().arg("log").arg("--json");
        let output = log.command(agent.home()).output().unwrap();
        let page: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        page["rows"].as_array().unwrap().len()
    };
    agent.post(CHAT, body.clone()).await;
    assert_eq!(recorded(), 1);
    append(&agent, "[record]\nenabled = false\n");
    until("record.enabled", async || {
        let before = recorded();
        agent.post(CHAT, body.clone()).await;
        recorded() == before
    })
    .await;
}

fn bodies_of_latest(agent: &Agent) -> serde_json::Value {
    let json = |arguments: &[&str]| -> serde_json::Value {
        let setup = Setup::default().arg("--json");
        let setup = arguments.iter().fold(setup, |setup, word| setup.arg(word));
        let output = setup.command(agent.home()).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let log = json(&["log"]);
    let id = log["rows"][0]["id"].as_str().unwrap().to_owned();
    json(&["explain", &id, "--bodies"])["bodies"]["bodies"].clone()
}

async fn bodies_are_kept_or_not() {
    let agent = Agent::start(&config(""));
    let body = LAB.replace("lab/m", "demo");
    agent.post(CHAT, body.clone()).await;
    assert_eq!(bodies_of_latest(&agent), serde_json::json!([]));
    append(&agent, "[record]\nbodies = \"all\"\n");
    until("record.bodies", async || {
        agent.post(CHAT, body.clone()).await;
        bodies_of_latest(&agent) != serde_json::json!([])
    })
    .await;
}

async fn bodies_are_cut() {
    let agent = Agent::start(&config("[record]\nbodies = \"all\""));
    let body = LAB
        .replace("lab/m", "demo")
        .replace("hi", &"hi".repeat(1_000));
    agent.post(CHAT, body.clone()).await;
    assert_eq!(bodies_of_latest(&agent)[0]["is_cut"], false);
    append(&agent, "body_bytes_max = \"1 KiB\"\n");
    until("record.body_bytes_max", async || {
        agent.post(CHAT, body.clone()).await;
        bodies_of_latest(&agent)[0]["is_cut"] == true
    })
    .await;
}

async fn authorities_are_read_from_a_file() {
    let far =
        "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"https://127.0.0.1:1/v1\"\n";
    let agent = Agent::start(&config(far));
    assert!(
        agent
            .post(CHAT, LAB)
            .await
            .text()
            .contains("nothing listens there")
    );
    agent.rewrite_config(&config(&format!(
        "{far}[network]\nca_file = \"/nowhere/ca.pem\"\n"
    )));
    until("network.ca_file", async || {
        agent
            .post(CHAT, LAB)
            .await
            .text()
            .contains("`network.ca_file` (`ca.pem`) cannot be read")
    })
    .await;
}

async fn is_shown(key: &str, value: &str) {
    is_shown_in("", key, value, value).await;
}

/// Set in that configuration, a key is active as `shown`.
async fn is_shown_in(before: &str, key: &str, value: &str, shown: &str) {
    let agent = Agent::start(&config(before));
    let run = |arguments: &[&str]| {
        let setup = arguments
            .iter()
            .fold(Setup::default(), |setup, argument| setup.arg(argument));
        let output = setup
            .command(agent.home())
            .output()
            .expect("the program can be started");
        String::from_utf8(output.stdout).expect("the output is text")
    };
    run(&["config", "set", key, value]);
    assert_eq!(run(&["config", "get", key]).trim(), shown);
    until(key, async || agent.stderr().contains("configuration taken")).await;
    assert_eq!(agent.get("/healthz").await.status, 200);
}

async fn a_newer_form_is_refused() {
    let agent = Agent::start(&config(""));
    agent.rewrite_config("port = 0\nversion = 2\n");
    until("version", async || {
        agent
            .stderr()
            .contains("config.toml:2:11: version: the file has form 2")
    })
    .await;
    assert_eq!(agent.get("/healthz").await.status, 200);
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

async fn the_port_moves() {
    let agent = Agent::start(&config(""));
    let next = SocketAddr::from(([127, 0, 0, 1], free_port()));
    agent.rewrite_config(&format!("port = {}\n", next.port()));
    until("port", async || {
        TcpStream::connect(next).is_ok() && TcpStream::connect(agent.address()).is_err()
    })
    .await;
    assert_eq!(exchange(next, &Request::get("/healthz")).await.status, 200);
}

async fn the_metrics_come_and_go() {
    let [first, second] =
        [free_port(), free_port()].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let is_open = |address: SocketAddr| TcpStream::connect(address).is_ok();
    let agent = Agent::start(&config(""));
    assert!(!is_open(first));
    agent.rewrite_config(&config(&format!("metrics_port = {}", first.port())));
    until("metrics_port", async || is_open(first)).await;
    assert_eq!(exchange(first, &Request::get("/metrics")).await.status, 200);
    agent.rewrite_config(&config(&format!("metrics_port = {}", second.port())));
    until("metrics_port", async || is_open(second) && !is_open(first)).await;
    agent.rewrite_config(&config(""));
    until("metrics_port", async || !is_open(second)).await;
}

async fn the_port_for_ollamas_programs_comes_and_goes() {
    let [first, second] =
        [free_port(), free_port()].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let is_open = |address: SocketAddr| TcpStream::connect(address).is_ok();
    let agent = Agent::start(&config(""));
    assert!(!is_open(first));
    agent.rewrite_config(&config(&format!("ollama_port = {}", first.port())));
    until("ollama_port", async || is_open(first)).await;
    let root = exchange(first, &Request::get("/")).await;
    assert_eq!(
        (root.status, root.text().as_str()),
        (200, "Ollama is running")
    );
    let head = exchange(first, &Request::new("HEAD", "/")).await;
    assert_eq!((head.status, head.text().as_str()), (200, ""));
    let foreign = Request::get("/").header("origin", "https://evil.example");
    assert_eq!(exchange(first, &foreign).await.status, 403);
    let chat = r#"{"model":"demo","messages":[{"role":"user","content":"hi"}],"stream":false}"#;
    let answer = exchange(first, &Request::post("/api/chat", chat)).await;
    assert_eq!(answer.json()["done"], true, "{}", answer.text());
    agent.rewrite_config(&config(&format!("ollama_port = {}", second.port())));
    until("ollama_port", async || is_open(second) && !is_open(first)).await;
    let verb = |verb: &str| {
        let output = Setup::default().arg(verb).command(agent.home()).output();
        assert!(output.expect("the program can be started").status.success());
    };
    verb("stop");
    assert!(!is_open(second), "stopped means stopped");
    verb("start");
    until("ollama_port", async || is_open(second)).await;
    agent.rewrite_config(&config(""));
    until("ollama_port", async || !is_open(second)).await;
}

async fn attempts_are_counted() {
    let upstream = Upstream::start().await;
    upstream.always(Script::status(503).lenient());
    let rule = "[[models]]\nname = \"lab/m\"\nuse = [\"lab/m\", \"demo/openai_chat\"]\n";
    let before = format!("{}{rule}", lab(&upstream));
    let after = format!("[scheduling]\nmax_attempts = 1\n{before}");
    status_turns(
        "scheduling.max_attempts",
        &before,
        &after,
        &Request::post(CHAT, LAB),
        (200, 503),
    )
    .await;
}

/// What was begun and not finished is answered with `status`.
async fn ends_soon(key: &str, limit: &str, begun: &str, status: u16) {
    let agent = Agent::start(&config(""));
    agent.rewrite_config(&config(limit));
    until(key, async || {
        let mut connection = Connection::open(agent.address())
            .await
            .unwrap()
            .patience(SOON);
        connection.send(begun.as_bytes()).await.unwrap();
        connection.answer().await.status == status
    })
    .await;
}

async fn an_idle_connection_is_closed(limit: &str) {
    let agent = Agent::start(&config(""));
    agent.rewrite_config(&config(limit));
    until("limits.connection_idle_timeout_seconds", async || {
        let mut connection = Connection::open(agent.address())
            .await
            .unwrap()
            .patience(SOON);
        connection
            .send(&Request::get("/healthz").bytes("localhost"))
            .await
            .unwrap();
        connection.answer().await.status == 200 && connection.until_closed().await.1 == Ended::Cut
    })
    .await;
}

/// A request whose answer nobody waits for yet.
async fn begin(agent: &Agent, body: &str) -> Connection {
    let mut connection = Connection::open(agent.address())
        .await
        .unwrap()
        .patience(SOON);
    connection
        .send(&Request::post(CHAT, body).bytes("localhost"))
        .await
        .unwrap();
    connection
}

async fn soon(agent: &Agent, body: &str) -> Answer {
    begin(agent, body).await.answer().await
}

/// An upstream that answers nothing is given up within [`SOON`].
async fn fails_soon(key: &str, limit: &str, script: Script, body: &str) {
    let (_upstream, agent) = playing(script).await;
    append(&agent, limit);
    until(key, async || soon(&agent, body).await.status == 504).await;
}

/// A machine whose queue of connections is full takes no more, and refuses none.
async fn a_full_machine_is_given_up(limit: &str) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _queue: Vec<_> = (0..4)
        .map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok())
        .collect();
    let full =
        format!("[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"http://{address}\"\n");
    let agent = Agent::start(&config(&full));
    append(&agent, limit);
    until("limits.connect_timeout_seconds", async || {
        let answer = soon(&agent, LAB).await;
        answer.status == 502
            && answer
                .text()
                .contains("no connection within the time allowed")
    })
    .await;
}

/// The first record of a streamed text: an answer that stops after it has begun and shows no output
/// yet.
fn first_record() -> &'static str {
    let stream = include_str!("support/upstream/answers/openai_chat/text.sse");
    &stream[..stream.find("\n\n").expect("a record") + 2]
}

async fn a_silent_stream_is_ended(limit: &str) {
    let (_upstream, agent) = playing(Script::text().stall_at(first_record().len())).await;
    append(&agent, &format!("{limit}hold_ms = 0\n"));
    until("limits.idle_timeout_seconds", async || {
        soon(&agent, LAB_STREAM).await.text().contains("\"error\"")
    })
    .await;
}

async fn the_start_is_held() {
    let (_upstream, agent) =
        playing(Script::text().hold_at(first_record().len(), &Gate::default())).await;
    append(&agent, "[limits]\nhold_ms = 60000\n");
    until("limits.hold_ms", async || {
        soon(&agent, LAB_STREAM).await.status == 0
    })
    .await;
    agent.rewrite_config(
        &std::fs::read_to_string(agent.home().join("config.toml"))
            .unwrap()
            .replace("60000", "0"),
    );
    until("limits.hold_ms", async || {
        soon(&agent, LAB_STREAM).await.status == 200
    })
    .await;
}

/// Only a translated stream: what passes through stays as it came.
async fn a_silent_stream_shows_life(limit: &str) {
    let (_upstream, agent) = playing(Script::text().stall_at(first_record().len())).await;
    append(&agent, "[limits]\nhold_ms = 0\n");
    let body = r#"{"model":"lab/m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let pings = async || {
        let mut connection = Connection::open(agent.address())
            .await
            .unwrap()
            .patience(SOON);
        connection
            .send(&Request::post("/v1/messages", body).bytes("localhost"))
            .await
            .unwrap();
        connection
            .answer()
            .await
            .text()
            .matches("event: ping")
            .count()
    };
    assert_eq!(pings().await, 0);
    append(&agent, limit.trim_start_matches("[limits]\n"));
    until("limits.keep_alive_seconds", async || pings().await > 0).await;
}

async fn a_stop_waits_as_long_as_is_said(limit: &str) {
    let (upstream, mut agent) = playing(Script::text().stall_before_head()).await;
    append(&agent, limit);
    until("limits.drain_timeout_seconds", async || {
        agent.stderr().contains("configuration taken")
    })
    .await;
    let mut waiting = Vec::new();
    until("limits.drain_timeout_seconds", async || {
        waiting.push(begin(&agent, LAB).await);
        !upstream.requests().is_empty()
    })
    .await;
    let begun = tokio::time::Instant::now();
    agent.sigterm();
    assert_eq!(agent.exit_code(), Some(0));
    assert!(
        begun.elapsed() >= Duration::from_secs(1) && begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_bad_edit_keeps_the_last_good_one_and_says_where() {
    let agent = Agent::start(&config("auth_mode = \"strict\""));
    agent.rewrite_config("port = 0\n\nauth_mode = \"loose\"\n");
    until("auth_mode", async || {
        agent
            .stderr()
            .contains("config.toml:3:13: auth_mode: expected one of")
    })
    .await;
    assert_eq!(agent.get("/v1/models").await.status, 401);
    agent.rewrite_config("port = 0\nauth_mode = \"off\"\n");
    until("auth_mode", async || {
        agent.get("/v1/models").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_stream_lives_through_a_reload_and_a_change_of_port() {
    let gate = Gate::default();
    let (_upstream, agent) = playing(Script::text().hold_at(first_record().len(), &gate)).await;
    append(&agent, "[limits]\nhold_ms = 0\ndrain_timeout_seconds = 1\n");
    let mut stream = until_streaming(&agent).await;
    let next = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let moved = format!(
        "port = {}\n[limits]\ndrain_timeout_seconds = 1\nheader_timeout_seconds = 9\n",
        next.port()
    );
    agent.rewrite_config(&moved);
    until("port", async || {
        TcpStream::connect(next).is_ok() && TcpStream::connect(agent.address()).is_err()
    })
    .await;
    // Longer than the drain, which is for stopping only.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    gate.open();
    stream.more_until(b"[DONE]").await;
}

async fn until_streaming(agent: &Agent) -> Connection {
    loop {
        let mut connection = Connection::open(agent.address()).await.unwrap();
        connection
            .send(&Request::post(CHAT, LAB_STREAM).bytes("localhost"))
            .await
            .unwrap();
        if connection.answer_until(b"\n\n").await.status == 200 {
            return connection;
        }
    }
}

#[tokio::test]
async fn a_key_that_is_not_set_is_told_wherever_it_matters() {
    let lab = "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"http://127.0.0.1:9\"\nkey_env = \"LAB_KEY\"\n";
    let agent = Agent::start(&config(lab));
    let answer = agent.post(CHAT, LAB).await;
    assert!(
        answer.status >= 500 && answer.text().contains("set `LAB_KEY` in the environment"),
        "{}",
        answer.text()
    );
    assert_eq!(
        agent.get("/healthz").await.json()["accounts_ready"],
        0,
        "the demo is nobody's account"
    );
    let list = |home: &Path| {
        let output = Setup::default()
            .arg("provider")
            .arg("list")
            .arg("--json")
            .command(home)
            .output()
            .unwrap();
        let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        facts[0].clone()
    };
    let facts = list(agent.home());
    assert_eq!(
        (&facts["name"], &facts["state"]),
        (&"lab".into(), &"needs_key".into())
    );
    assert!(facts["detail"].as_str().unwrap().contains("set `LAB_KEY`"));
    let ready = Setup::config(config(lab))
        .env("LAB_KEY", "sk-1")
        .start()
        .unwrap();
    assert_eq!(ready.get("/healthz").await.json()["accounts_ready"], 1);
    assert_eq!(
        list(ready.home())["state"],
        "ready",
        "what counts is the agent's environment"
    );
}
