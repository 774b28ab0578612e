//! Which requests are admitted, where paths lead, and what errors look like: the real program, with
//! requests written byte by byte.

use serde_json::Value;

use crate::support::Dialect;
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Answer, Connection, Ended, Request, exchange};

/// A path of each kind.
const PATHS: [&str; 6] = [
    "/",
    "/healthz",
    "/v1/models",
    "/v1/responses",
    "/v1beta/models/demo:generateContent",
    "/nothing",
];

/// A generation request in each dialect.
pub(crate) const GENERATIONS: [(Dialect, &str, &str); 6] = [
    (
        Dialect::Chat,
        "/v1/chat/completions",
        r#"{"model":"demo","messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        Dialect::Completions,
        "/v1/completions",
        r#"{"model":"demo","prompt":"hi"}"#,
    ),
    (
        Dialect::Responses,
        "/v1/responses",
        r#"{"model":"demo","input":"hi"}"#,
    ),
    (
        Dialect::Anthropic,
        "/v1/messages",
        r#"{"model":"demo","max_tokens":64,"messages":[{"role":"user","content":"hi"}]}"#,
    ),
    (
        Dialect::Gemini,
        "/v1beta/models/demo:generateContent",
        r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#,
    ),
    (
        Dialect::Ollama,
        "/api/chat",
        r#"{"model":"demo","messages":[{"role":"user","content":"hi"}]}"#,
    ),
];

fn agent(config: &str) -> Agent {
    Agent::start(&format!("port = 0\n{config}"))
}

fn local_key(agent: &Agent) -> String {
    std::fs::read_to_string(agent.home().join("local-key"))
        .expect("the key is made at the start")
        .trim()
        .to_owned()
}

/// Asserts an error of `status` in the dialect's own shape, and returns its message.
#[track_caller]
pub(crate) fn fault(answer: &Answer, dialect: Dialect, status: u16) -> String {
    assert_eq!(
        (answer.status, answer.ended),
        (status, Ended::Whole),
        "{answer:?}"
    );
    assert_eq!(answer.content_type(), "application/json");
    assert!(
        answer
            .header("x-aerostat-request-id")
            .is_some_and(|id| !id.is_empty())
    );
    let body = answer.json();
    let error = &body["error"];
    match dialect {
        Dialect::Anthropic => {
            assert_eq!(body["type"], "error");
            assert!(
                error["type"].is_string() && body["request_id"].is_string(),
                "{body}"
            );
        }
        Dialect::Gemini => {
            assert_eq!(error["code"], status);
            assert!(error["status"].is_string(), "{body}");
        }
        Dialect::Ollama => {
            let message = error.as_str().expect("the error is its message");
            return message.to_owned();
        }
        _ => {
            assert!(error["type"].is_string(), "{body}");
            let names = error.as_object().expect("an object");
            assert!(
                names.contains_key("param") && names.contains_key("code"),
                "{body}"
            );
        }
    }
    error["message"].as_str().expect("a message").to_owned()
}

/// The statuses of requests with these headers, for every kind of path and every method.
async fn statuses(agent: &Agent, headers: &[(&str, &str)]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for path in PATHS {
        for method in ["GET", "POST", "OPTIONS"] {
            let request = headers
                .iter()
                .fold(Request::new(method, path), |request, (name, value)| {
                    request.header(name, value)
                });
            statuses.push(agent.send(&request).await.status);
        }
    }
    statuses.dedup();
    statuses
}

#[tokio::test]
async fn a_rebound_name_gets_nothing_on_any_path() {
    let agent = agent("");
    let port = agent.address().port();
    for host in [
        "evil.example",
        "127.0.0.1.nip.io",
        "localhost.evil.example",
        "192.168.1.7",
        "8.8.8.8",
        "[fd00::1]",
        "0.0.0.0",
    ] {
        assert_eq!(
            statuses(&agent, &[("host", &format!("{host}:{port}"))]).await,
            [421],
            "{host}"
        );
    }
    for host in [
        "user@localhost",
        "localhost,evil.example",
        "local host",
        "",
        "[::1",
    ] {
        assert_eq!(statuses(&agent, &[("host", host)]).await, [400], "{host}");
    }
    for host in [
        "localhost",
        "app.localhost:1",
        "127.0.0.1",
        "127.8.9.1",
        "[::1]",
        "LOCALHOST.",
    ] {
        assert_eq!(
            agent
                .send(&Request::get("/healthz").header("host", host))
                .await
                .status,
            200,
            "{host}"
        );
    }
}

#[tokio::test]
async fn two_hosts_and_foreign_targets_are_refused() {
    let agent = agent("");
    let own = agent.address().to_string();
    let twice = Request::get("/healthz")
        .header("host", &own)
        .header("host", "evil.example");
    assert_eq!(agent.send(&twice).await.status, 400);
    assert_eq!(
        agent
            .send(&Request::get("http://evil.example/healthz").header("host", &own))
            .await
            .status,
        421
    );
    assert_eq!(
        agent
            .send(&Request::get(&format!("http://{own}/healthz")).header("host", "evil.example"))
            .await
            .status,
        421
    );
    assert_eq!(
        agent
            .send(&Request::get("http://localhost/healthz").header("host", &own))
            .await
            .status,
        400
    );
    assert_eq!(
        agent
            .send(&Request::get(&format!("http://{own}/healthz")))
            .await
            .status,
        200
    );
    let mut hostless = Connection::open(agent.address()).await.unwrap();
    hostless
        .send(b"GET /healthz HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(hostless.answer().await.status, 400);
}

#[tokio::test]
async fn a_foreign_page_gets_nothing_on_any_path() {
    let agent = agent("");
    let pages = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost.evil.example"),
        ("origin", "file://"),
        ("sec-fetch-site", "cross-site"),
    ];
    for page in pages {
        let preflight = ("access-control-request-method", "POST");
        assert_eq!(statuses(&agent, &[page]).await, [403], "{page:?}");
        assert_eq!(
            statuses(&agent, &[page, preflight]).await,
            [403],
            "{page:?}"
        );
        let upgrade = Request::get("/v1/responses")
            .header(page.0, page.1)
            .header("upgrade", "websocket");
        let refused = agent.send(&upgrade).await;
        assert_eq!(refused.status, 403);
        assert!(
            refused
                .headers
                .iter()
                .all(|(name, _)| !name.starts_with("access-control-")),
            "{refused:?}"
        );
    }
    // Node's fetch sends this beside no origin.
    assert_eq!(
        agent
            .send(&Request::get("/v1/models").header("sec-fetch-mode", "cors"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_a_page_can_send_without_asking_is_no_request() {
    let agent = agent("");
    let (_, path, body) = GENERATIONS[0];
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
    ] {
        let request = Request::new("POST", path)
            .header("content-type", content_type)
            .body(body);
        let message = fault(&agent.send(&request).await, Dialect::Chat, 415);
        assert!(message.contains("application/json"), "{message}");
    }
    let charset = Request::new("POST", path)
        .header("content-type", "application/json; charset=utf-8")
        .body(body);
    assert_eq!(agent.send(&charset).await.status, 200);
    let upload = Request::new("POST", "/v1/nothing")
        .header("content-type", "multipart/form-data; boundary=x")
        .body("--x--");
    let message = fault(&agent.send(&upload).await, Dialect::Chat, 404);
    assert!(message.contains("no such path"), "{message}");
}

#[tokio::test]
async fn allowed_pages_may_read_answers_and_errors() {
    let agent = agent("cors_origins = [\"https://chat.example\"]\n");
    for origin in [
        "https://chat.example",
        "http://localhost:3000",
        "http://[::1]:5173",
        "vscode-webview://abc",
    ] {
        let ask = Request::new("OPTIONS", "/v1/messages").header("origin", origin);
        let ask = ask
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-api-key,content-type");
        let preflight = agent.send(&ask).await;
        assert_eq!(preflight.status, 204);
        assert_eq!(
            preflight.header("access-control-allow-origin"),
            Some(origin)
        );
        assert_eq!(
            preflight.header("access-control-allow-headers"),
            Some("x-api-key, content-type")
        );
        for path in ["/healthz", "/v1/models", "/v1/nothing"] {
            let answer = agent
                .send(&Request::get(path).header("origin", origin))
                .await;
            assert_eq!(
                answer.header("access-control-allow-origin"),
                Some(origin),
                "{path}"
            );
            assert!(
                answer
                    .header("access-control-expose-headers")
                    .unwrap()
                    .contains("x-aerostat-request-id"),
                "{path}"
            );
            assert_eq!(answer.header("vary"), Some("origin"), "{path}");
        }
    }
    let plain = agent.get("/v1/models").await;
    assert!(
        plain
            .headers
            .iter()
            .all(|(name, _)| !name.starts_with("access-control-")),
        "{plain:?}"
    );
}

#[tokio::test]
async fn the_root_answers_bare_in_every_mode() {
    for mode in ["off", "strict", "all_except_health", "auto"] {
        let agent = agent(&format!("auth_mode = \"{mode}\"\n"));
        for method in ["HEAD", "GET"] {
            let mut connection = Connection::open(agent.address()).await.unwrap();
            connection
                .send(&Request::new(method, "/").bytes(&agent.address().to_string()))
                .await
                .unwrap();
            let answer = connection.answer_to_head().await;
            assert_eq!(answer.status, 200, "{mode}");
            assert_eq!(answer.header("content-length").unwrap_or("0"), "0");
        }
    }
}

#[tokio::test]
async fn each_mode_frees_what_it_says() {
    for (mode, health, models) in [
        ("off", 200, 200),
        ("strict", 401, 401),
        ("all_except_health", 200, 401),
        ("auto", 200, 200),
    ] {
        let agent = agent(&format!("auth_mode = \"{mode}\"\n"));
        assert_eq!(agent.get("/healthz").await.status, health, "{mode}");
        assert_eq!(agent.get("/v1/models").await.status, models, "{mode}");
        assert_eq!(
            agent.get("/nothing").await.status,
            if models == 401 { 401 } else { 404 },
            "{mode}"
        );
    }
}

#[tokio::test]
async fn every_form_of_the_key_opens_every_dialect() {
    let agent = agent("auth_mode = \"strict\"\n");
    let key = local_key(&agent);
    for (dialect, path, body) in GENERATIONS {
        let bearer = format!("Bearer {key}");
        for (name, value) in [
            ("authorization", bearer.as_str()),
            ("x-api-key", &key),
            ("x-goog-api-key", &key),
        ] {
            let answer = agent
                .send(&Request::post(path, body).header(name, value))
                .await;
            assert_eq!(answer.status, 200, "{dialect:?} {name}: {}", answer.text());
            let wrong = agent
                .send(&Request::post(path, body).header(name, "Bearer sk-wrong"))
                .await;
            let message = fault(&wrong, dialect, 401);
            assert!(
                message.contains("aerostat key show") && !message.contains("sk-wrong"),
                "{message}"
            );
        }
        assert_eq!(
            agent.post(&format!("{path}?key={key}"), body).await.status,
            200
        );
        fault(
            &agent.post(&format!("{path}?key=sk-wrong"), body).await,
            dialect,
            401,
        );
        fault(&agent.post(path, body).await, dialect, 401);
    }
    assert!(!agent.stderr().contains(&key));
}

#[tokio::test]
async fn an_upgrade_is_refused_at_once() {
    let agent = agent("");
    let socket = |method: &str| {
        Request::new(method, "/v1/responses")
            .header("connection", "Upgrade")
            .header("upgrade", "WebSocket")
    };
    fault(&agent.send(&socket("GET")).await, Dialect::Responses, 426);
    // A body that never comes is not waited for.
    let waiting = socket("POST")
        .header("content-type", "application/json")
        .header("content-length", "9");
    fault(&agent.send(&waiting).await, Dialect::Responses, 426);
    let (_, path, body) = GENERATIONS[2];
    let h2c = Request::post(path, body)
        .header("connection", "upgrade, http2-settings")
        .header("upgrade", "h2c");
    assert_eq!(
        agent.send(&h2c).await.status,
        200,
        "an upgrade that is only offered may be passed over"
    );
}

#[tokio::test]
async fn forgiven_paths_serve() {
    let agent = agent("");
    let forms: [&[&str]; 5] = [
        &[
            "/v1/chat/completions",
            "/chat/completions",
            "/v1/v1/chat/completions/",
            "/openai/v1/chat/completions",
            "//v1//chat/completions",
        ],
        &["/v1/completions", "/completions", "/openai/completions"],
        &["/v1/responses", "/responses", "/v1/openai/v1/responses/"],
        &[
            "/v1/messages",
            "/messages",
            "/anthropic/v1/messages",
            "/v1/v1beta/messages",
            "/v1/messages/?beta=true",
        ],
        &[
            "/v1beta/models/demo:generateContent",
            "/v1/models/demo:generateContent",
            "/genai/v1beta/models/models/demo:generateContent",
            "/gemini/v1beta/v1beta/models/demo%2Fgemini%3AgenerateContent",
        ],
    ];
    for ((_, _, body), paths) in GENERATIONS.iter().zip(forms) {
        for path in paths {
            let answer = agent.post(path, *body).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_name_the_right_base_url() {
    let agent = agent("");
    let base = agent.base_url();
    let chat = (Dialect::Chat, format!("{base}/v1"));
    let anthropic = (Dialect::Anthropic, base.clone());
    let gemini = (Dialect::Gemini, base.clone());
    for (method, path, header, status, (dialect, url)) in [
        ("GET", "/v1/nothing", "x-any", 404, &chat),
        ("POST", "/v1/threads", "x-any", 404, &chat),
        ("DELETE", "/v1/models", "x-any", 405, &chat),
        ("PUT", "/v1/chat/completions", "x-any", 405, &chat),
        ("POST", "/", "x-any", 405, &chat),
        ("GET", "/v1/nothing", "anthropic-version", 404, &anthropic),
        ("GET", "/anthropic/v1/nothing", "x-any", 404, &anthropic),
        ("POST", "/v1/messages/nothing", "x-any", 404, &anthropic),
        ("PUT", "/v1/messages", "x-any", 405, &anthropic),
        ("GET", "/v1beta/nothing", "x-any", 404, &gemini),
        ("POST", "/v1/models/demo:unknownVerb", "x-any", 405, &gemini),
        ("GET", "/nothing", "x-goog-api-key", 404, &gemini),
    ] {
        let answer = agent
            .send(&Request::new(method, path).header(header, "1"))
            .await;
        let message = fault(&answer, *dialect, status);
        assert!(
            message.ends_with(&format!(" is {url}")),
            "{method} {path}: {message}"
        );
        assert_eq!(answer.header("allow").is_some(), status == 405);
    }
}

#[tokio::test]
async fn lists_of_models_have_the_shape_of_who_asks() {
    let agent = agent("");
    let first = |answer: &Answer, list: &str, id: &str| {
        answer.json()[list][0][id]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    for (path, header, (list, id, name)) in [
        ("/v1/models", "x-any", ("data", "object", "model")),
        (
            "/openai/v1/models",
            "anthropic-version",
            ("data", "object", "model"),
        ),
        ("/v1/models", "anthropic-version", ("data", "type", "model")),
        ("/anthropic/v1/models", "x-any", ("data", "type", "model")),
        ("/v1beta/models", "x-any", ("models", "name", "models/demo")),
    ] {
        let answer = agent
            .send(&Request::get(path).header(header, "2023-06-01"))
            .await;
        assert_eq!(first(&answer, list, id), name, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn ids_of_every_form_are_found_again() {
    let agent = agent("[[models]]\nname = \"lab/llama3:8b\"\nuse = \"demo/openai_chat\"\n");
    for path in [
        "/v1/models/lab/llama3:8b",
        "/v1/models/lab%2Fllama3%3A8b",
        "/openai/models/lab/llama3%3a8b",
    ] {
        let answer = agent.get(path).await;
        assert_eq!(
            answer.json()["id"],
            "lab/llama3:8b",
            "{path}: {}",
            answer.text()
        );
    }
    let anthropic = agent
        .get("/anthropic/v1/models/lab%2Fllama3:8b")
        .await
        .json();
    assert_eq!(
        (&anthropic["id"], &anthropic["type"]),
        (&Value::from("lab/llama3:8b"), &Value::from("model"))
    );
    assert_eq!(
        agent.get("/v1beta/models/lab/llama3:8b").await.json()["name"],
        "models/lab/llama3:8b"
    );
    let missing = agent.get("/v1/models/no/such:8b").await;
    assert!(fault(&missing, Dialect::Chat, 404).contains("no/such:8b"));
}

/// A POST whose body is `body`, whatever its `content-length` or coding says.
async fn post_raw(agent: &Agent, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut connection = Connection::open(agent.address()).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{headers}\r\n",
        agent.address()
    );
    connection.send(head.as_bytes()).await.unwrap();
    connection.send(body).await.unwrap();
    connection.finish_sending().await.unwrap();
    connection.answer().await
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said_in_the_dialect() {
    let agent = agent("[limits]\nrequest_body_bytes_max = 20000\n");
    let deep = [
        r#"{"model":"demo","x":"#,
        &"[".repeat(9000),
        &"]".repeat(9000),
        "}",
    ]
    .concat();
    for (dialect, path, good) in GENERATIONS {
        let cut = &good[..good.len() - 1];
        let length = |body: &[u8]| format!("content-length: {}\r\n", body.len());
        let large = [good.as_bytes(), &vec![b' '; 20_000]].concat();
        let chunked = "transfer-encoding: chunked\r\n".to_owned();
        let gzip = format!("content-encoding: gzip\r\n{}", length(good.as_bytes()));
        let cases: [(String, &[u8], u16, &str); 9] = [
            (length(cut.as_bytes()), cut.as_bytes(), 400, "(at byte "),
            (
                length(b"{\"a\":\"\xff\"}"),
                b"{\"a\":\"\xff\"}",
                400,
                "not valid UTF-8 (at byte 6)",
            ),
            (
                length(deep.as_bytes()),
                deep.as_bytes(),
                400,
                "nested deeper than",
            ),
            (length(b"[]"), b"[]", 400, "expected an object"),
            (
                length(good.as_bytes()),
                cut.as_bytes(),
                400,
                "found the end of the connection",
            ),
            (chunked, b"zz\r\n", 400, "found a malformed one"),
            (length(&large), &large, 413, "expected at most 20000 bytes"),
            (gzip, good.as_bytes(), 400, "what does not unpack"),
            (
                format!("content-encoding: lzma\r\n{}", length(good.as_bytes())),
                good.as_bytes(),
                415,
                "content-encoding",
            ),
        ];
        for (headers, body, status, words) in cases {
            let message = fault(
                &post_raw(&agent, path, &headers, body).await,
                dialect,
                status,
            );
            assert!(message.contains(words), "{dialect:?}: {message}");
            assert_eq!(
                agent.post(path, good).await.status,
                200,
                "the next request is served"
            );
        }
    }
}

#[tokio::test]
async fn the_connection_goes_on_after_a_bad_body() {
    let agent = agent("");
    let (_, path, good) = GENERATIONS[3];
    let mut connection = Connection::open(agent.address()).await.unwrap();
    for (body, status) in [
        ("{", 400),
        (good, 200),
        (r#"{"model":7}"#, 400),
        (good, 200),
    ] {
        connection
            .send(&Request::post(path, body).bytes(&agent.address().to_string()))
            .await
            .unwrap();
        assert_eq!(connection.answer().await.status, status);
    }
}

fn packed(coding: &str, plain: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let level = flate2::Compression::best();
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => {
            ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
        }
        _ => brotli_stored(plain),
    }
}

/// Brotli without compression: uncompressed meta-blocks of 16 bits of length (RFC 7932 section
/// 9.2), and an empty last one.
fn brotli_stored(plain: &[u8]) -> Vec<u8> {
    // The first byte holds the window's size (bit 0 = 0: 16 bits) and the first bits of the first
    // header.
    let mut bits = BitWriter::default();
    bits.put(0, 1);
    for block in plain.chunks(1 << 16) {
        bits.put(0, 1); // Not the last one.
        bits.put(0, 2); // Four nibbles of length.
        bits.put(block.len() - 1, 16);
        bits.put(1, 1); // Uncompressed.
        bits.align();
        bits.bytes.extend_from_slice(block);
    }
    bits.put(0b11, 2); // The last one, and empty.
    bits.align();
    bits.bytes
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    pending: usize,
    count: u32,
}

impl BitWriter {
    fn put(&mut self, value: usize, count: u32) {
        self.pending |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    fn align(&mut self) {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
    }
}

#[tokio::test]
async fn compressed_bodies_are_read_and_bombs_are_not() {
    let agent = agent("[limits]\nrequest_body_bytes_max = \"64 KiB\"\n");
    let (dialect, path, good) = GENERATIONS[0];
    let bomb = vec![b' '; 8 << 20];
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let send = |plain: &[u8]| {
            Request::post(path, packed(coding, plain)).header("content-encoding", coding)
        };
        let answer = agent.send(&send(good.as_bytes())).await;
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
        let message = fault(&agent.send(&send(&bomb)).await, dialect, 413);
        assert!(
            message.contains("expected at most 65536 bytes"),
            "{coding}: {message}"
        );
    }
}

#[tokio::test]
async fn slow_heads_and_bodies_are_ended_and_others_served_meanwhile() {
    let agent = agent(
        "[limits]\nheader_timeout_seconds = 1\nbody_idle_timeout_seconds = 1\nconnections_max = 3\n",
    );
    let (dialect, path, good) = GENERATIONS[3];
    let mut slow_head = Connection::open(agent.address()).await.unwrap();
    slow_head
        .send(b"GET /v1/models HTTP/1.1\r\nhost: localh")
        .await
        .unwrap();
    let mut slow_body = Connection::open(agent.address()).await.unwrap();
    let request = Request::post(path, good).bytes("localhost");
    slow_body.send(&request[..request.len() - 5]).await.unwrap();
    assert_eq!(agent.post(path, good).await.status, 200);
    assert_eq!(slow_head.answer().await.status, 408);
    let message = fault(&slow_body.answer().await, dialect, 408);
    assert!(message.contains("within 1 second"), "{message}");
    assert_eq!(slow_body.until_closed().await.1, Ended::Cut);
}

#[tokio::test]
async fn connections_and_requests_have_a_cap() {
    let agent = agent("[limits]\nconnections_max = 2\nrequests_in_flight_max = 1\n");
    let (dialect, path, good) = GENERATIONS[4];
    let whole = Request::post(path, good)
        .header("expect", "100-continue")
        .bytes("localhost");
    let (head, body) = whole.split_at(whole.len() - good.len());
    let mut busy = Connection::open(agent.address()).await.unwrap();
    busy.send(head).await.unwrap();
    // The body is asked for once the request has its place.
    busy.more_until(b"100 Continue\r\n\r\n").await;
    let mut second = Connection::open(agent.address()).await.unwrap();
    second.send(&whole).await.unwrap();
    let refused = second.answer().await;
    assert!(
        fault(&refused, dialect, 503).contains("1 requests are in flight"),
        "{refused:?}"
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    let third = exchange(agent.address(), &Request::get("/healthz")).await;
    assert_eq!(third.status, 503);
    assert!(third.text().contains("too many connections"), "{third:?}");
    busy.send(body).await.unwrap();
    assert_eq!(busy.answer().await.status, 200);
    second.send(&whole).await.unwrap();
    assert_eq!(second.answer().await.status, 200);
}

#[tokio::test]
async fn long_heads_are_refused_with_a_sentence() {
    let agent = agent("[limits]\nheader_bytes_max = 8192\nheaders_max = 20\n");
    let long = Request::get("/v1/models").header("x-long", &"a".repeat(9000));
    let many = (0..30).fold(Request::get("/v1/models"), |request, index| {
        request.header(&format!("x-{index}"), "a")
    });
    for request in [long, many] {
        let message = fault(&agent.send(&request).await, Dialect::Chat, 431);
        assert!(
            message.contains("at most 8192 bytes and 20 headers"),
            "{message}"
        );
    }
    let huge = Request::get("/v1/models").header("x-huge", &"a".repeat(1 << 20));
    assert_eq!(agent.send(&huge).await.status, 431);
    assert_eq!(agent.get("/v1/models").await.status, 200);
}

#[tokio::test]
async fn what_clients_write_cannot_steer_the_log() {
    let agent = Setup::config("port = 0\n")
        .env("AEROSTAT_LOG", "trace")
        .start()
        .unwrap();
    let nasty = "\\u001b[2J\\u0007\\u202e";
    agent.get("/v1/%1b%5B2J%0aINFO%20forged").await;
    agent
        .post(
            "/v1/chat/completions",
            format!(r#"{{"model":"{nasty}","messages":[],"x{nasty}":1}}"#),
        )
        .await;
    agent
        .post(
            "/v1beta/models/%1b%5B2J%0aforged:generateContent",
            r#"{"contents":[]}"#,
        )
        .await;
    let answer = agent.get("/v1/models/%1b%5B2J").await;
    assert!(!answer.text().contains('\u{1b}'), "{}", answer.text());
    let log = agent.logged("fault=\"").await;
    assert!(log.contains("request"), "{log}");
    let steering = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!log.contains(steering), "{log}");
    assert!(
        log.lines()
            .all(|line| !line.starts_with("INFO forged") && !line.starts_with("forged")),
        "{log}"
    );
}
