//! Paths that pass as they are: every row of every dialect's table, both ways; which provider they
//! go to, and when they are sent again.

use std::sync::Arc;
use std::time::Duration;

use aerostat::protocol;
use aerostat::protocol::surface::{ModelPlace, SurfaceRoute};
use http::Method;

use super::{Bench, own_model};
use crate::guard::fault;
use crate::support::Dialect::{self, Anthropic, Chat, Gemini};
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Answer, Connection, Request};
use crate::support::upstream::{Cut, Gate, Script, Upstream, key};

const BINARY: &[u8] = b"\x00\xff\r\n{\"not\": json\x80}\n\n";

/// A body that a parser would not write back; `MODEL` stands where the name goes.
const JSON: &str =
    " {\n\"x\":1.0, \"mod\\u0065l\" : \"MODEL\",\"y\":[\"\\u00e9\\/\", 12345678901234567890] }\r\n";

fn form(model: &str) -> String {
    format!(
        "--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\nContent-Type: audio/wav\r\n\r\n--b1 \u{0}\u{1}\r\n\r\n--b0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b0--\r\n"
    )
}

const FORM_TYPE: &str = "multipart/form-data; boundary=b0";

/// Every row, with the dialect that it is of and its path where `MODEL` stands for the model.
fn rows() -> Vec<(Dialect, &'static SurfaceRoute, String)> {
    let mut rows = Vec::new();
    for protocol in protocol::ALL {
        let descriptor = protocol.descriptor();
        let is_it = |dialect: &&Dialect| dialect.name() == descriptor.dialect.name();
        // A dialect without such paths need not be known here.
        let Some(dialect) = Dialect::ALL.iter().find(is_it) else {
            assert!(descriptor.surface.routes.is_empty());
            continue;
        };
        for row in descriptor.surface.routes {
            let pattern = row.pattern.replace("/models/{model}", "/{model}");
            let path = pattern
                .replace("/{model}", "/models/MODEL")
                .replace(['{', '}'], "_");
            let path = match path.strip_prefix("/upload/") {
                Some(path) => format!("/upload/{}/{path}", descriptor.version),
                None => format!("/{}{path}", descriptor.version),
            };
            rows.push((*dialect, row, path));
        }
    }
    rows
}

/// A request to a row's path, without what names its client.
fn request(dialect: Dialect, row: &SurfaceRoute, path: &str, model: &str) -> (Request, Vec<u8>) {
    let request = Request::new(row.method.as_str(), &path.replace("MODEL", model))
        .header("authorization", "Bearer sk-client")
        .header("x-aerostat-unknown", "stays here");
    let request = match dialect {
        Anthropic => request.header("anthropic-version", "2023-06-01"),
        _ => request,
    };
    let (content_type, body) = match row.method {
        Method::GET | Method::DELETE => return (request, Vec::new()),
        _ if row.takes_files => (FORM_TYPE, form(model)),
        _ => ("application/json", JSON.replace("MODEL", model)),
    };
    let body = body.into_bytes();
    let request = request.header("content-type", content_type);
    (request.body(body.clone()), body)
}

fn binary() -> Script {
    Script::literal(200, "application/octet-stream", BINARY).lenient()
}

fn json(body: &str) -> Script {
    Script::literal(200, "application/json", body.to_owned()).lenient()
}

fn failing(status: u16) -> Script {
    let body = r#"{"error":{"message":"no","type":"server_error","param":null,"code":null}}"#;
    Script::literal(status, "application/json", body).lenient()
}

#[tokio::test]
async fn every_row_reaches_its_upstream_byte_for_byte_and_back() {
    let bench = Bench::new().await;
    let rows = rows();
    assert!(rows.len() > 130, "{}", rows.len());
    for (index, (dialect, row, path)) in rows.iter().enumerate() {
        let name = format!("{} {}", row.method, row.pattern);
        let answer = binary().header("content-disposition", "attachment; filename=\"a\"");
        bench.upstream.answer(answer);
        let (request, _) = request(*dialect, row, path, &own_model(*dialect));
        let got = bench.agent.send(&request).await;
        assert_eq!(
            (got.status, &got.body[..]),
            (200, BINARY),
            "{name}: {}",
            got.text()
        );
        assert_eq!(got.content_type(), "application/octet-stream", "{name}");
        let length = BINARY.len().to_string();
        assert_eq!(got.header("content-length"), Some(&*length), "{name}");
        assert!(got.header("content-disposition").is_some(), "{name}");

        let received = bench.upstream.requests().pop().expect("it arrived");
        assert_eq!(bench.upstream.requests().len(), index + 1, "{name}");
        let renamed = super::model(*dialect).to_owned();
        let (in_path, in_body) = match row.model {
            ModelPlace::Nowhere => (own_model(*dialect), own_model(*dialect)),
            ModelPlace::Body => (own_model(*dialect), renamed),
            ModelPlace::Path => (renamed, own_model(*dialect)),
        };
        let (_, body) = self::request(*dialect, row, path, &in_body);
        assert_eq!(received.method, row.method, "{name}");
        assert_eq!(received.path, path.replace("MODEL", &in_path), "{name}");
        assert!(received.body == body, "{name}: {:?}", received.body);
        let expected = match *dialect {
            Anthropic | Gemini => key(*dialect).to_owned(),
            _ => format!("Bearer {}", key(*dialect)),
        };
        assert_eq!(received.credentials(), [expected], "{name}");
        assert_eq!(received.header("x-aerostat-unknown"), None, "{name}");
        if !body.is_empty() {
            let length = body.len().to_string();
            assert_eq!(received.header("content-length"), Some(&*length), "{name}");
            let is_form = row.takes_files;
            let content_type = if is_form {
                FORM_TYPE
            } else {
                "application/json"
            };
            assert_eq!(
                received.header("content-type"),
                Some(content_type),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn no_page_reaches_any_row() {
    let bench = Bench::new().await;
    for (dialect, row, path) in rows() {
        let name = format!("{} {}", row.method, row.pattern);
        let (plain, _) = request(dialect, row, &path, "m");
        for (header, value, status) in [
            ("host", "evil.example", 421),
            ("origin", "https://evil.example", 403),
            ("origin", "null", 403),
            ("sec-fetch-site", "cross-site", 403),
        ] {
            let attack = plain.clone().header(header, value);
            assert_eq!(
                bench.agent.send(&attack).await.status,
                status,
                "{name} {header}"
            );
        }
        if row.method != Method::POST {
            continue;
        }
        for content_type in [
            FORM_TYPE,
            "text/plain",
            "application/x-www-form-urlencoded",
            "x",
        ] {
            let simple = Request::new("POST", &path.replace("MODEL", "m"))
                .header("content-type", content_type)
                .body(form("m"));
            let answer = bench.agent.send(&simple).await;
            assert_eq!(answer.status, 415, "{name} {content_type}");
        }
    }
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn an_unknown_path_names_what_there_is_and_a_wrong_method_what_it_takes() {
    let bench = Bench::new().await;
    let send = async |method: &str, path: &str| {
        let request = Request::new(method, path).header("authorization", "Bearer k");
        bench.agent.send(&request).await
    };
    let message = fault(&send("POST", "/v1/images/nothing").await, Chat, 404);
    assert!(message.contains("POST /v1/images/edits"), "{message}");
    assert!(!message.contains("/v1/files"), "{message}");
    let message = fault(&send("GET", "/v1/nothing").await, Chat, 404);
    assert!(
        message.contains("and what belongs to images, audio"),
        "{message}"
    );
    for path in [
        "/v1/files/a/b/c",
        "/v1/files/..%2fadmin/content",
        "/v1/files/../content",
    ] {
        assert_eq!(send("GET", path).await.status, 404, "{path}");
    }
    let answer = send("PATCH", "/v1/files/a").await;
    fault(&answer, Chat, 405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, DELETE"));
    let message = fault(&send("DELETE", "/v1/models/ft:x").await, Chat, 405);
    assert!(
        message.contains("deletes a model for every user"),
        "{message}"
    );
    assert!(bench.upstream.requests().is_empty());
}

/// Two providers of the Chat dialect, `one` before `two`, each with a key of its own.
struct Pair {
    agent: Agent,
    upstream: Upstream,
}

impl Pair {
    fn setup(upstream: &Upstream, more: &str) -> Setup {
        let base_url = upstream.base_url(Chat);
        let provider = |name: &str| {
            format!(
                "[providers.{name}]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\nkey_env = \"KEY_{name}\"\n"
            )
        };
        let config = format!("port = 0\n{}{}{more}", provider("one"), provider("two"));
        Setup::config(config)
            .env("KEY_one", "sk-one")
            .env("KEY_two", "sk-two")
    }

    async fn start(more: &str) -> Self {
        let upstream = Upstream::start().await;
        let agent = Self::setup(&upstream, more).start();
        let agent = agent.unwrap_or_else(|why| panic!("{why}"));
        Self { agent, upstream }
    }

    /// The keys of the requests so far.
    fn keys(&self) -> Vec<String> {
        let requests = self.upstream.requests();
        let keys = requests.iter().flat_map(|request| request.credentials());
        keys.map(|key| key.replace("Bearer sk-", "")).collect()
    }

    async fn post_form(&self, path: &str, form: impl Into<Vec<u8>>) -> Answer {
        let request = Request::new("POST", path)
            .header("authorization", "Bearer k")
            .header("content-type", FORM_TYPE)
            .body(form);
        self.agent.send(&request).await
    }

    async fn explained(&self, answer: &Answer) -> String {
        let id = answer.header("x-aerostat-request-id").expect("an id");
        let command = Setup::default().arg("explain").arg(id);
        for _ in 0..100 {
            let output = command.command(self.agent.home()).output();
            let output = output.expect("the program runs");
            if output.status.success() {
                return String::from_utf8(output.stdout).expect("text");
            }
            // The record is written when the response has ended.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no record of {id}");
    }
}

#[tokio::test]
async fn a_request_goes_where_its_model_is_else_to_the_first_provider() {
    let pair = Pair::start("").await;
    pair.upstream.always(binary());
    let path = "/v1/audio/transcriptions";
    pair.post_form(path, form("two/whisper-1")).await;
    // Behind a long file the model is not looked for, and the form stays as it is.
    let long = "x".repeat(3 << 20);
    let behind = form("two/whisper-1").replace("--b1", &long);
    let answer = pair.post_form(path, behind.clone()).await;
    assert_eq!(answer.header("x-aerostat-model"), Some("one/audio"));
    let told = pair.explained(&answer).await;
    assert!(
        told.contains("goes to the first enabled one of its dialect"),
        "{told}"
    );
    pair.agent.get("/v1/files").await;
    pair.agent.get("/p/two/v1/files").await;
    let image = r#"{"prompt":"a", "model":"two/m"}"#;
    pair.agent.post("/v1/images/generations", image).await;
    pair.agent
        .post("/p/two/v1/images/generations", r#"{"model":"m"}"#)
        .await;
    assert_eq!(pair.keys(), ["two", "one", "one", "two", "two", "two"]);
    let requests = pair.upstream.requests();
    assert_eq!(requests[0].body, form("whisper-1"));
    assert!(requests[1].body == behind.as_bytes());
    assert_eq!(requests[4].body, r#"{"prompt":"a", "model":"m"}"#);
    let message = fault(&pair.agent.get("/p/three/v1/files").await, Chat, 404);
    assert!(message.contains("one, two"), "{message}");
}

#[tokio::test]
async fn a_prefix_names_the_provider_of_a_conversation_too() {
    let pair = Pair::start("").await;
    let body = r#"{"model":"gpt-4.1","messages":[{"role":"user","content":"hi"}]}"#;
    let answer = pair.agent.post("/p/two/v1/chat/completions", body).await;
    assert_eq!(answer.header("x-aerostat-model"), Some("two/gpt-4.1"));
}

#[tokio::test]
async fn an_object_stays_with_the_account_that_made_it_over_a_restart() {
    let rule = "[[models]]\nname = \"m\"\nuse = [\"one/gpt-4.1\", \"two/gpt-4.1\"]\n";
    let pair = Pair::start(rule).await;
    pair.upstream
        .answer(json(r#"{"id":"file-abc","object":"file"}"#));
    let made = pair.post_form("/p/two/v1/files", form("m")).await;
    assert_eq!(made.json()["id"], "file-abc");
    pair.upstream
        .always(json(r#"{"id":"batch_1","output_file_id":"file-out"}"#));
    pair.agent.get("/v1/files/file-abc").await;
    pair.agent.get("/v1/files/file-other").await;
    let batch = r#"{"input_file_id":"file-abc","endpoint":"/v1/chat/completions"}"#;
    pair.agent.post("/v1/batches", batch).await;
    pair.agent.get("/v1/batches/batch_1").await;
    pair.agent.get("/v1/files/file-out/content").await;
    assert_eq!(pair.keys(), ["two", "two", "one", "two", "two", "two"]);
    // A conversation that mentions the file goes where it is, though the rule says another first.
    pair.upstream.answer(Script::text().lenient());
    let part = r#"{"type":"file","file":{"file_id":"file-abc"}}"#;
    let asked = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#);
    let answer = pair.agent.post("/v1/chat/completions", asked).await;
    assert_eq!(
        answer.header("x-aerostat-model"),
        Some("two/gpt-4.1"),
        "{}",
        answer.text()
    );

    let Pair {
        mut agent,
        upstream,
    } = pair;
    agent.sigterm();
    agent.exit_code();
    let home = agent.kept_home();
    let agent = Pair::setup(&upstream, "").start_in(Arc::clone(&home));
    let pair = Pair {
        agent: agent.expect("it starts again"),
        upstream,
    };
    let answer = pair.agent.get("/v1/files/file-out/content").await;
    assert_eq!(pair.keys().last().map(String::as_str), Some("two"));
    let told = pair.explained(&answer).await;
    assert!(
        told.contains("is about what an account of the provider keeps"),
        "{told}"
    );
    // The ids themselves lie nowhere on the disk.
    let database = std::fs::read(home.path().join("aerostat.db")).expect("it is there");
    assert!(memchr::memmem::find(&database, b"file-abc").is_none());
}

#[tokio::test]
async fn what_might_be_done_twice_is_not_sent_again() {
    let rule = "[[models]]\nname = \"pic\"\nuse = [\"one/m\", \"two/m\"]\n";
    let pair = Pair::start(rule).await;
    let path = "/v1/images/generations";
    let body = r#"{"model":"pic","prompt":"x"}"#;
    pair.upstream.answer(failing(500));
    let answer = pair.agent.post(path, body).await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert_eq!(pair.keys(), ["one"]);
    let told = pair.explained(&answer).await;
    assert!(told.contains("a second try would do it twice"), "{told}");

    let with_key = Request::post(path, body).header("idempotency-key", "1");
    pair.upstream.answer(failing(500)).answer(binary());
    assert_eq!(pair.agent.send(&with_key).await.status, 200);
    assert_eq!(
        pair.upstream.requests()[1].header("idempotency-key"),
        Some("1")
    );
    pair.upstream.answer(failing(429)).answer(binary());
    // What was refused is sent again without a key for it too, as conversations are.
    assert_eq!(pair.agent.post(path, body).await.status, 200);
    assert_eq!(pair.keys()[1..3], ["one", "two"]);
    assert_eq!(pair.keys().len(), 5);
}

#[tokio::test]
async fn a_body_that_has_passed_is_not_sent_again() {
    let rule = "[[models]]\nname = \"ears\"\nuse = [\"one/m\", \"two/m\"]\n";
    let pair = Pair::start(rule).await;
    let path = "/v1/audio/transcriptions";
    let tail = format!("--b0\r\n\r\n{}\r\n", "x".repeat(3 << 20));
    let long = form("ears").replace("--b0--\r\n", &tail);
    pair.upstream.answer(failing(429));
    let answer = pair.post_form(path, long).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(pair.keys(), ["one"]);
    let told = pair.explained(&answer).await;
    assert!(told.contains("its body had passed already"), "{told}");
    pair.upstream.answer(binary());
    assert_eq!(pair.post_form(path, form("ears")).await.status, 200);
}

#[tokio::test]
async fn a_path_that_would_have_to_be_translated_is_refused_by_the_pair() {
    let bench = Bench::new().await;
    let image = r#"{"model":"google/imagen","prompt":"x"}"#;
    let answer = bench.agent.post("/v1/images/generations", image).await;
    let message = fault(&answer, Chat, 501);
    assert!(
        message.contains("`POST /images/generations` is not translated from openai_chat to gemini"),
        "{message}"
    );
    assert!(bench.upstream.requests().is_empty());
}

#[tokio::test]
async fn an_upload_of_gemini_goes_on_at_this_port_and_nowhere_else() {
    let bench = Bench::new().await;
    let begin = |more: &str| {
        Request::post(&format!("/upload/v1beta/files{more}"), r#"{"file":{}}"#)
            .header("x-goog-api-key", "client")
            .header("x-goog-upload-protocol", "resumable")
            .header("x-goog-upload-command", "start")
    };
    let upstream = bench.upstream.address();
    let there =
        format!("http://{upstream}/upload/v1beta/files?upload_id=up-1&upload_protocol=resumable");
    bench
        .upstream
        .answer(json("{}").header("x-goog-upload-url", &there));
    let begun = bench.agent.send(&begin("")).await;
    let here = begun
        .header("x-goog-upload-url")
        .expect("an address")
        .to_owned();
    let own = bench.agent.base_url();
    assert_eq!(here, there.replace(&format!("http://{upstream}"), &own));

    let finish = |target: &str| {
        Request::new("POST", target)
            .header("x-goog-upload-command", "upload, finalize")
            .header("x-goog-upload-offset", "0")
            .body(BINARY)
    };
    let answer = json(r#"{"file":{"name":"files/f1"}}"#).header("x-goog-upload-status", "final");
    bench.upstream.answer(answer);
    let done = bench
        .agent
        .send(&finish(here.strip_prefix(&own).expect("ours")))
        .await;
    assert_eq!(
        (done.status, done.header("x-goog-upload-status")),
        (200, Some("final"))
    );
    let received = bench.upstream.requests().pop().expect("it arrived");
    assert_eq!(
        (received.path.as_str(), &received.body[..]),
        ("/upload/v1beta/files", BINARY)
    );
    assert_eq!(
        received.query.as_deref(),
        Some("upload_id=up-1&upload_protocol=resumable")
    );
    assert_eq!(
        received.header("x-goog-upload-command"),
        Some("upload, finalize")
    );
    assert_eq!(received.credentials(), [key(Gemini)]);

    let foreign = "/upload/v1beta/files?upload_id=up-2&upload_protocol=resumable";
    let message = fault(&bench.agent.send(&finish(foreign)).await, Gemini, 404);
    assert!(message.contains("not begun here"), "{message}");
    for elsewhere in [
        "https://evil.example/upload/v1beta/files?upload_id=x".to_owned(),
        format!("https://{upstream}/upload/v1beta/files?upload_id=x"),
        format!("http://{upstream}/upload/v1beta/files"),
        format!("http://{upstream}/v1beta/files?upload_id=x"),
        "/upload/v1beta/files?upload_id=x".to_owned(),
    ] {
        bench
            .upstream
            .answer(json("{}").header("x-goog-upload-url", &elsewhere));
        let refused = bench.agent.send(&begin("")).await;
        assert_eq!(refused.status, 502, "{elsewhere}");
        assert_eq!(refused.header("x-goog-upload-url"), None);
    }
}

#[tokio::test]
async fn a_body_in_a_coding_passes_in_it_unless_its_model_is_named_anew() {
    let pair = Pair::start("").await;
    pair.upstream.always(binary());
    let packed = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    };
    let send = async |text: &str| {
        let request = Request::post("/v1/images/generations", packed(text));
        pair.agent
            .send(&request.header("content-encoding", "gzip"))
            .await
    };
    let rule = r#"{"model":"two/m"}"#;
    send(rule).await;
    let uncoded = pair.upstream.requests().remove(0);
    assert_eq!(
        (uncoded.header("content-encoding"), &uncoded.body[..]),
        (None, &br#"{"model":"m"}"#[..])
    );
    let text = r#"{"prompt":"no model"}"#;
    send(text).await;
    let passed = pair.upstream.requests().remove(1);
    assert_eq!(passed.header("content-encoding"), Some("gzip"));
    assert_eq!(passed.body, packed(text));
    assert_eq!(pair.keys(), ["two", "one"]);
}

#[tokio::test]
async fn the_word_before_a_models_name_stays() {
    let bench = Bench::new().await;
    bench
        .upstream
        .answer(json(r#"{"name":"cachedContents/c"}"#));
    let body = r#"{"model":"models/google/gemini-2.5-flash","contents":[]}"#;
    bench.agent.post("/v1beta/cachedContents", body).await;
    let received = bench.upstream.only_request();
    assert_eq!(received.body, body.replace("google/", ""));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_success() {
    let pair = Pair::start("").await;
    pair.upstream.answer(binary());
    let answer = pair.agent.get("/v1/files/f/content").await;
    let told = pair.explained(&answer).await;
    assert!(told.contains("the client got 200"), "{told}");
    pair.upstream.answer(binary().cut_at(5, Cut::Fin));
    let answer = pair.agent.get("/v1/files/f/content").await;
    assert_ne!(answer.ended, crate::support::raw::Ended::Whole);
    assert_eq!(answer.body, BINARY[..5]);
    let told = pair.explained(&answer).await;
    assert!(told.contains("broke off"), "{told}");
}

#[tokio::test]
async fn an_answer_passes_as_it_comes() {
    let pair = Pair::start("").await;
    let gate = Gate::default();
    pair.upstream.answer(binary().hold_at(5, &gate));
    let mut connection = Connection::open(pair.agent.address()).await.expect("open");
    let request = Request::get("/v1/files/f/content");
    let bytes = request.bytes(&pair.agent.address().to_string());
    connection.send(&bytes).await.expect("written");
    connection.answer_until(&BINARY[..5]).await;
    gate.open();
    connection.more_until(&BINARY[5..]).await;
}

#[tokio::test]
async fn a_client_that_leaves_its_upload_is_no_fault_of_the_account() {
    let pair = Pair::start("").await;
    let mut connection = Connection::open(pair.agent.address()).await.expect("open");
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer k\r\ncontent-type: {FORM_TYPE}\r\ncontent-length: 9000000\r\n\r\n",
        pair.agent.address()
    );
    connection.send(head.as_bytes()).await.expect("written");
    connection
        .send(&vec![b'x'; 3 << 20])
        .await
        .expect("written");
    connection.reset();
    tokio::time::sleep(Duration::from_millis(200)).await;
    pair.upstream.always(binary());
    for _ in 0..3 {
        assert_eq!(pair.agent.get("/v1/files").await.status, 200);
    }
}

/// Also run by hand with 500 MB, see docs/performance.md.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_long_upload_takes_no_memory() {
    const MIB: usize = 1 << 20;
    let bench = Bench::new().await;
    bench.upstream.always(json("{}"));
    bench.agent.get("/v1/files").await;
    let before = bench.resident_kib();
    let mut connection = Connection::open(bench.agent.address()).await.expect("open");
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer k\r\ncontent-type: {FORM_TYPE}\r\ncontent-length: {}\r\n\r\n",
        bench.agent.address(),
        64 * MIB
    );
    connection.send(head.as_bytes()).await.expect("written");
    let mut most = before;
    for _ in 0..64 {
        connection.send(&vec![b'x'; MIB]).await.expect("written");
        most = most.max(bench.resident_kib());
    }
    let answer = connection.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        bench
            .upstream
            .requests()
            .pop()
            .map(|received| received.body.len()),
        Some(64 * MIB)
    );
    assert!(
        most < before + 12 * 1024,
        "grew from {before} KiB to {most} KiB"
    );
}

#[tokio::test]
async fn a_key_for_some_models_reaches_no_path_without_a_model() {
    let pair = Pair::start("").await;
    let create = ["key", "create", "some", "--model", "two/*"];
    let create = create
        .iter()
        .fold(Setup::default(), |setup, word| setup.arg(word));
    let made = create.command(pair.agent.home()).output();
    let made = String::from_utf8(made.expect("the program runs").stdout).expect("text");
    let mut words = made.split_whitespace();
    let key = words.find(|word| word.starts_with("sk-")).expect("a key");
    let authorization = format!("Bearer {key}");
    let send = async |request: Request| {
        pair.agent
            .send(&request.header("authorization", &authorization))
            .await
    };
    pair.upstream.always(binary());
    assert_eq!(send(Request::get("/v1/files")).await.status, 403);
    let image = Request::post("/v1/images/generations", r#"{"model":"one/m"}"#);
    assert_eq!(send(image).await.status, 403);
    let image = Request::post("/v1/images/generations", r#"{"model":"two/m"}"#);
    assert_eq!(send(image).await.status, 200);
    let second = form("two/m").replace(
        "--b0--",
        "--b0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\none/m\r\n--b0--",
    );
    let form = Request::new("POST", "/v1/audio/transcriptions")
        .header("content-type", FORM_TYPE)
        .body(second);
    assert_eq!(send(form).await.status, 403);
}
