//! Refusals and failures of upstreams: what the client is told, and who is tried next.

use serde_json::{Value, json};

use super::{Bench, SERVED, own_model, provider, request, translated};
use crate::support::Dialect::{self, Anthropic, Chat, Gemini, Responses};
use crate::support::grammar::{self, Ending};
use crate::support::raw::{Answer, Ended, Request};
use crate::support::upstream::{Refusal, Script};

/// A chain over two accounts of each dialect, named by what the first of them is.
fn chains() -> String {
    let chain = |dialect: &Dialect| {
        let name = super::provider_name(*dialect);
        format!(
            "[[models]]\nname = \"{name}-chain\"\nuse = [\"{name}/first\", \"{name}/second\"]\n"
        )
    };
    SERVED.iter().map(chain).collect()
}

fn chain(dialect: Dialect, stream: bool) -> Request {
    request(
        dialect,
        &format!("{}-chain", super::provider_name(dialect)),
        stream,
    )
}

fn message(answer: &Answer) -> String {
    answer.json()["error"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The error in the dialect's own shape.
fn assert_error_shape(dialect: Dialect, answer: &Answer) {
    let summary = grammar::check(dialect, answer.content_type(), &answer.body);
    let is_error =
        matches!(&summary, Ok(summary) if matches!(summary.ending, Ending::Failed { .. }));
    assert!(
        is_error,
        "{}: {summary:?} {}",
        dialect.name(),
        answer.text()
    );
}

#[tokio::test]
async fn a_refused_credential_never_looks_like_the_clients_own() {
    let bench = Bench::new().await;
    let key_invalid = Refusal::bad("API key not valid. Please pass a valid API key. AIzaSecret")
        .code("API_KEY_INVALID");
    let refusals = [
        (
            Chat,
            Refusal::new(401, "Incorrect API key provided: sk-secret-1234."),
        ),
        (
            Responses,
            Refusal::new(401, "Incorrect API key provided: sk-secret-1234."),
        ),
        (Anthropic, Refusal::new(401, "invalid x-api-key")),
        (
            Gemini,
            Refusal::new(401, "API keys are not supported by this API."),
        ),
        (Gemini, key_invalid),
        (
            Chat,
            Refusal::new(403, "Country, region, or territory not supported"),
        ),
        (
            Responses,
            Refusal::new(403, "You are not allowed to sample from this model"),
        ),
        (
            Anthropic,
            Refusal::new(403, "Your account does not have access to Claude."),
        ),
        (
            Gemini,
            Refusal::new(403, "Permission denied on resource project"),
        ),
    ];
    for (upstream, refusal) in refusals {
        for client in SERVED {
            for stream in [false, true] {
                bench
                    .upstream
                    .answer(Script::error(refusal.clone()).lenient());
                let answer = bench
                    .agent
                    .send(&request(client, &own_model(upstream), stream))
                    .await;
                assert_eq!(
                    answer.status,
                    502,
                    "{} of {}: {}",
                    client.name(),
                    upstream.name(),
                    answer.text()
                );
                assert_error_shape(client, &answer);
                assert!(
                    message(&answer).contains(super::provider_name(upstream)),
                    "{}",
                    answer.text()
                );
                assert!(
                    !answer.text().contains("sk-secret") && !answer.text().contains("AIzaSecret"),
                    "{}",
                    answer.text()
                );
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_is_the_providers_fault_and_is_not_followed() {
    let bench = Bench::new().await;
    let location = format!("http://{}/elsewhere", bench.upstream.address());
    for dialect in SERVED {
        for status in [301, 302, 303, 307, 308] {
            let before = bench.upstream.requests().len();
            bench.upstream.answer(Script::redirect(status, &location));
            let answer = bench.ask(dialect, true).await;
            assert!(answer.status >= 500, "{}", answer.text());
            assert_error_shape(dialect, &answer);
            assert!(message(&answer).contains("base_url"), "{}", answer.text());
            assert_eq!(
                (answer.header("location"), bench.upstream.requests().len()),
                (None, before + 1)
            );
        }
    }
}

#[tokio::test]
async fn other_errors_pass_with_their_status_and_their_own_words() {
    for dialect in SERVED {
        for status in [400, 404, 409, 413, 422, 429, 500, 503, 529] {
            for stream in [false, true] {
                let bench = Bench::new().await;
                let refusal = Refusal::new(status, "The upstream's own words.").code("own_code");
                bench.upstream.always(
                    Script::error(refusal.clone())
                        .header("x-request-id", "r1")
                        .header("request-id", "r1"),
                );
                let answer = bench.ask(dialect, stream).await;
                assert_eq!(
                    (answer.status, &answer.body),
                    (status, &refusal.body(dialect)),
                    "{}",
                    dialect.name()
                );
            }
        }
    }
}

#[tokio::test]
async fn translated_errors_have_the_clients_shape_and_the_upstreams_words() {
    for (client, upstream) in translated() {
        for (status, expected) in [
            (400, 400),
            (404, 404),
            (413, 413),
            (429, 429),
            (500, 500),
            (503, 503),
            (529, 503),
        ] {
            let bench = Bench::new().await;
            bench.upstream.always(Script::error(Refusal::new(
                status,
                "The upstream's own words.",
            )));
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), false))
                .await;
            assert_error_shape(client, &answer);
            let is_overloaded = matches!(status, 503 | 529);
            let is_expected = match client {
                Anthropic if is_overloaded => answer.status == 529,
                _ => answer.status == expected || status == 500 && answer.status == 502,
            };
            assert!(
                is_expected,
                "{} of {} {status}: {} {}",
                client.name(),
                upstream.name(),
                answer.status,
                answer.text()
            );
            assert!(
                message(&answer).contains("The upstream's own words."),
                "{}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn error_pages_and_empty_errors_still_give_their_status() {
    for dialect in SERVED {
        for script in [
            Script::html(502),
            Script::empty(503),
            Script::empty(429),
            Script::html(404),
        ] {
            let bench = Bench::new().await;
            bench.upstream.always(script.clone());
            let passed = bench.ask(dialect, false).await;
            assert!(
                passed.status >= 400 && passed.status != 401,
                "{}",
                passed.text()
            );
            bench.upstream.always(script);
            let other = if dialect == Chat { Anthropic } else { Chat };
            let translated = bench
                .agent
                .send(&request(dialect, &own_model(other), true))
                .await;
            assert_error_shape(dialect, &translated);
        }
    }
}

#[tokio::test]
async fn the_wait_is_carried_across_in_every_form() {
    let retry_info = json!({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED", "details":
        [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7.2s"}]}});
    let limited = || Script::status(429);
    let scripts = [
        (Chat, limited().header("retry-after", "8")),
        (Anthropic, limited().header("retry-after", "8")),
        (Chat, limited().header("retry-after-ms", "7500")),
        (
            Chat,
            limited()
                .header("x-ratelimit-remaining-requests", "0")
                .header("x-ratelimit-reset-requests", "7.5s"),
        ),
        (
            Gemini,
            Script::literal(429, "application/json", retry_info.to_string()),
        ),
    ];
    for (upstream, script) in scripts {
        for client in SERVED {
            let bench = Bench::new().await;
            bench.upstream.answer(script.clone());
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), false))
                .await;
            assert_eq!(
                (answer.status, answer.header("retry-after")),
                (429, Some("8")),
                "{}",
                answer.text()
            );
            let has_info = answer.text().contains("google.rpc.RetryInfo");
            assert!(
                has_info || client != Gemini || upstream == Gemini,
                "{}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn a_date_to_wait_for_is_carried_as_seconds_into_other_dialects() {
    let bench = Bench::new().await;
    let at = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    let date = httpdate::fmt_http_date(at);
    bench
        .upstream
        .always(Script::status(429).header("retry-after", &date));
    assert_eq!(
        bench.ask(Chat, false).await.header("retry-after"),
        Some(&*date),
        "a passthrough keeps the words"
    );
    let bench = Bench::new().await;
    bench
        .upstream
        .always(Script::status(429).header("retry-after", &date));
    let translated = bench
        .agent
        .send(&request(Anthropic, &own_model(Chat), false))
        .await;
    let seconds: u64 = translated
        .header("retry-after")
        .and_then(|value| value.parse().ok())
        .expect("seconds");
    assert!((50..=60).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_wait_of_years_is_an_hour() {
    for value in [
        "2764801",
        "99999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        for client in SERVED {
            let bench = Bench::new().await;
            bench.upstream.answer(
                Script::status(429)
                    .header("retry-after", value)
                    .header("retry-after-ms", "999999999999"),
            );
            let answer = bench
                .agent
                .send(&request(client, &own_model(Chat), false))
                .await;
            assert_eq!(
                answer.header("retry-after"),
                Some("3600"),
                "{}",
                client.name()
            );
            assert_eq!(answer.header("retry-after-ms"), None);
        }
    }
}

#[tokio::test]
async fn reset_times_are_no_wait_where_no_limit_was_hit() {
    let bench = Bench::new().await;
    for client in [Chat, Anthropic] {
        bench
            .upstream
            .answer(Script::status(400).header("x-ratelimit-reset-requests", "6m0s"));
        let answer = bench
            .agent
            .send(&request(client, &own_model(Chat), false))
            .await;
        assert_eq!((answer.status, answer.header("retry-after")), (400, None));
    }
}

#[tokio::test]
async fn an_error_record_first_gives_the_true_status() {
    for upstream in SERVED {
        for client in SERVED {
            let bench = Bench::new().await;
            bench.upstream.always(Script::text().error_first());
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), true))
                .await;
            assert!(
                answer.status >= 500,
                "{} of {}: {} {}",
                client.name(),
                upstream.name(),
                answer.status,
                answer.text()
            );
            assert_error_shape(client, &answer);
        }
    }
}

#[tokio::test]
async fn an_error_in_a_whole_answer_gives_the_true_status() {
    for upstream in SERVED {
        for client in SERVED {
            let bench = Bench::new().await;
            let error = Refusal::new(429, "Slow down.").body(upstream);
            bench
                .upstream
                .answer(Script::literal(200, "application/json", error));
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), false))
                .await;
            assert!(
                answer.status >= 400 && answer.status != 401,
                "{} of {}: {}",
                client.name(),
                upstream.name(),
                answer.text()
            );
            assert_error_shape(client, &answer);
        }
    }
}

#[tokio::test]
async fn what_is_no_fault_of_the_request_goes_to_the_next_candidate() {
    for dialect in SERVED {
        for stream in [false, true] {
            let mut failures = vec![
                Script::status(429),
                Script::status(500),
                Script::status(503),
                Script::status(403),
                Script::html(502),
                Script::redirect(302, "http://127.0.0.1:1/"),
                Script::status(404),
                Script::text().close_before_head(),
                Script::text().reset(),
                Script::html(200),
            ];
            if stream {
                failures.push(Script::text().error_first());
                failures.push(Script::literal(200, "text/event-stream", ""));
            }
            for (index, failure) in failures.into_iter().enumerate() {
                let bench = Bench::with(&chains()).await;
                bench
                    .upstream
                    .answer(failure.lenient())
                    .answer(Script::text().lenient());
                let answer = bench.agent.send(&chain(dialect, stream)).await;
                assert_eq!(
                    (answer.status, answer.ended),
                    (200, Ended::Whole),
                    "{} {index}: {}",
                    dialect.name(),
                    answer.text()
                );
                assert_eq!(
                    answer.header("x-aerostat-attempts"),
                    Some("2"),
                    "{} {index}",
                    dialect.name()
                );
                let served = format!("{}/second", super::provider_name(dialect));
                assert_eq!(answer.header("x-aerostat-model"), Some(&*served));
                let summary = grammar::check(dialect, answer.content_type(), &answer.body)
                    .expect("one answer, not two");
                assert_eq!(summary.ending, Ending::Success);
            }
        }
    }
}

#[tokio::test]
async fn a_context_that_is_too_long_goes_to_the_next_candidate_and_other_refusals_do_not() {
    let bench = Bench::with(&chains()).await;
    let too_long = |dialect| match dialect {
        Anthropic => Refusal::bad("prompt is too long: 210000 tokens > 200000 maximum"),
        Gemini => Refusal::bad(
            "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        _ => Refusal::bad("This model's maximum context length is 8192 tokens.")
            .code("context_length_exceeded"),
    };
    for dialect in SERVED {
        bench
            .upstream
            .answer(Script::error(too_long(dialect)).lenient())
            .answer(Script::text().lenient());
        let answer = bench.agent.send(&chain(dialect, true)).await;
        assert_eq!(
            (answer.status, answer.header("x-aerostat-attempts")),
            (200, Some("2")),
            "{}",
            answer.text()
        );

        let before = bench.upstream.requests().len();
        bench
            .upstream
            .answer(Script::error(Refusal::bad("messages: at least one is required")).lenient());
        let answer = bench.agent.send(&chain(dialect, true)).await;
        assert_eq!(
            (answer.status, answer.header("x-aerostat-attempts")),
            (400, Some("1"))
        );
        assert_eq!(bench.upstream.requests().len(), before + 1);
    }
}

#[tokio::test]
async fn a_chain_that_is_spent_answers_with_what_an_upstream_said_last() {
    let bench = Bench::with(&chains()).await;
    bench
        .upstream
        .answer(Script::status(500).lenient())
        .answer(Script::status(429).header("retry-after", "3").lenient());
    let answer = bench.agent.send(&chain(Chat, false)).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("3"))
    );
    assert_eq!(answer.header("x-aerostat-attempts"), Some("2"));
}

#[tokio::test]
async fn an_account_without_its_key_hides_no_answer_and_counts_as_no_attempt() {
    let upstream = crate::support::upstream::Upstream::start().await;
    let keyless = provider(Chat, &upstream, "keyless");
    let open = format!(
        "[providers.open]\nprotocol = \"openai_chat\"\nbase_url = \"{}\"\n",
        upstream.base_url(Chat)
    );
    let rules = "[[models]]\nname = \"m\"\nuse = [\"open/a\", \"keyless/b\"]\n";
    let agent = crate::support::agent::Agent::start(&format!("port = 0\n{keyless}{open}{rules}"));
    upstream.answer(Script::status(429).header("retry-after", "3").lenient());
    let answer = agent.send(&request(Chat, "m", false)).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("3")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("x-aerostat-attempts"), Some("1"));

    let alone = agent.send(&request(Chat, "keyless/b", false)).await;
    assert_eq!(
        (alone.status, alone.header("x-aerostat-attempts")),
        (502, Some("0")),
        "{}",
        alone.text()
    );
    assert!(message(&alone).contains("OPENAI_KEY"), "{}", alone.text());
}

#[tokio::test]
async fn attempts_are_bounded() {
    let bench = Bench::with("[scheduling]\nmax_attempts = 1\n").await;
    bench.upstream.always(Script::status(503));
    let rewritten = std::fs::read_to_string(bench.agent.home().join("config.toml"))
        .expect("it was written")
        + &chains();
    bench.agent.rewrite_config(&rewritten);
    let mut answer = bench.agent.send(&chain(Chat, false)).await;
    while answer.status == 404 {
        answer = bench.agent.send(&chain(Chat, false)).await;
    }
    assert_eq!(
        (answer.status, answer.header("x-aerostat-attempts")),
        (503, Some("1")),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_name_that_no_list_holds_goes_to_the_only_provider_without_asking_for_its_list() {
    let upstream = crate::support::upstream::Upstream::start().await;
    let open = format!(
        "[providers.open]\nprotocol = \"openai_chat\"\nbase_url = \"{}\"\n",
        upstream.base_url(Chat)
    );
    let agent = crate::support::agent::Agent::start(&format!("port = 0\n{open}"));
    upstream.answer(Script::text().lenient());
    assert_eq!(
        agent
            .send(&request(Chat, "fine-tuned:x", false))
            .await
            .status,
        200
    );
    assert_eq!(
        upstream.only_request().json()["model"],
        Value::from("fine-tuned:x")
    );
}

#[tokio::test]
async fn pages_in_front_of_an_api_become_errors_of_the_dialect_with_their_status() {
    let pages = [
        ("text/html", "<html><body>Bad gateway</body></html>"),
        (
            "text/plain",
            "upstream connect error or disconnect/reset before headers",
        ),
        ("application/json", "upstream request timeout"),
    ];
    for dialect in SERVED {
        for status in [400, 404, 413, 418, 429, 500, 502, 503, 504, 520] {
            for (content_type, body) in pages {
                for stream in [false, true] {
                    let bench = Bench::new().await;
                    let page = Script::literal(status, content_type, body).lenient();
                    bench.upstream.always(page);
                    let answer = bench.ask(dialect, stream).await;
                    let what = format!("{} {status}: {}", dialect.name(), answer.text());
                    assert_eq!(answer.status, status, "{what}");
                    assert!(!answer.text().contains("<html"), "{what}");
                    assert_eq!(answer.content_type(), "application/json", "{what}");
                    assert_error_shape(dialect, &answer);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_403_that_is_a_web_page_is_not_the_accounts() {
    for (client, upstream) in SERVED
        .into_iter()
        .map(|dialect| (dialect, dialect))
        .chain(translated())
    {
        let bench = Bench::new().await;
        for page in [
            Script::html(403),
            Script::literal(403, "text/plain", "error code: 1020"),
        ] {
            bench.upstream.answer(page.lenient());
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), false))
                .await;
            assert!(matches!(answer.status, 500 | 502), "{}", answer.text());
            assert_error_shape(client, &answer);
            assert!(message(&answer).contains("web page"), "{}", answer.text());
        }
        bench.upstream.answer(Script::text());
        let answer = bench
            .agent
            .send(&request(client, &own_model(upstream), false))
            .await;
        assert_eq!(
            answer.status,
            200,
            "the account still serves: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_422_of_a_web_framework_keeps_its_words() {
    let details = [
        (json!({"detail": "the grid is down"}), "the grid is down"),
        (
            json!({"detail": [{"type": "missing", "loc": ["body", "messages", 0, "role"], "msg": "Field required", "input": {"content": "secret prompt"}}]}),
            "messages[0].role: Field required",
        ),
        (
            json!({"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "too many"}]}}),
            "n: too many",
        ),
    ];
    for (client, upstream) in translated() {
        for (body, expected) in &details {
            let bench = Bench::new().await;
            let refusal = Script::literal(422, "application/json", body.to_string());
            bench.upstream.answer(refusal.lenient());
            let answer = bench
                .agent
                .send(&request(client, &own_model(upstream), false))
                .await;
            assert!((400..500).contains(&answer.status), "{}", answer.text());
            assert!(message(&answer).contains(expected), "{}", answer.text());
            assert!(
                !answer.text().contains("secret prompt"),
                "{}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn a_missing_model_is_no_missing_path() {
    let bench = Bench::new().await;
    let completions = || {
        let body = json!({"model": "chat/nobody", "prompt": "hi"});
        Request::post("/v1/completions", body.to_string())
    };
    let missing = json!({"error": {"message": "The model `nobody` does not exist", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}});
    bench
        .upstream
        .answer(Script::literal(404, "application/json", missing.to_string()).lenient());
    let answer = bench.agent.send(&completions()).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert_eq!(answer.json(), missing);
    assert_eq!(bench.upstream.requests().len(), 1);

    let chat_only = json!({"error": {"message": "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use v1/chat/completions?", "type": "invalid_request_error", "param": "model", "code": null}});
    for other in [chat_only.to_string(), "<html>404</html>".to_owned()] {
        bench
            .upstream
            .answer(Script::literal(404, "application/json", other).lenient())
            .answer(Script::text().lenient());
        let answer = bench.agent.send(&completions()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
