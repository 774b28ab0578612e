//! What spans say of a request, and that nothing confidential is in them.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::canon::{Blame, Usage};
use crate::outcome::{Outcome, Scope, Timestamp};
use crate::protocol::{Operation, anthropic, openai_chat};
use crate::record::{Attempt, Cause, Ending, Failure, TraceParent};

fn at(millis: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + millis)
}

fn attempt(provider: &str, outcome: Outcome, began_ms: u64, took_ms: u64) -> Attempt {
    Attempt {
        provider: provider.into(),
        account: "secret-account".parse().unwrap(),
        model: "m".into(),
        dialect: anthropic::DIALECT,
        began_at: at(began_ms),
        waited: Duration::ZERO,
        outcome,
        detail: Some("quotes the prompt".to_owned()),
        took: Duration::from_millis(took_ms),
        status: Some(429),
        head_after: None,
        upstream_id: Some("req_1".into()),
        next: None,
    }
}

/// A stream that a second account served.
fn record() -> Record {
    let usage = Usage {
        input: Some(10),
        cache_read: Some(4),
        output: Some(3),
        ..Usage::default()
    };
    let throttled = Outcome::Throttled {
        scope: Scope::Account,
        until: None,
    };
    Record {
        operation: Some(Operation::Generate),
        attempts: vec![
            attempt("anthropic", throttled, 10, 90),
            attempt("gemini", Outcome::Served { usage }, 100, 900),
        ],
        took: Duration::from_secs(1),
        first_byte_after: Some(Duration::from_millis(350)),
        model: "asked".to_owned(),
        stream: true,
        session: Some([7; 16]),
        status: 200,
        ending: Ending::Done,
        usage,
        finish: Some("stop".into()),
        ..Record::opened("r1".to_owned(), at(0), openai_chat::DIALECT)
    }
}

fn sent(record: &Record) -> Vec<Json> {
    let spans = span::of_record(record, |provider| Some(format!("api.{provider}.example")));
    let request = otlp_json::request(&spans, "aerostat");
    let spans = &request["resourceSpans"][0]["scopeSpans"][0]["spans"];
    spans.as_array().unwrap().clone()
}

fn attribute<'s>(span: &'s Json, key: &str) -> Option<&'s Json> {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    found.map(|attribute| &attribute["value"])
}

#[test]
fn a_request_is_a_server_span_with_a_client_span_for_each_attempt() {
    let spans = sent(&record());
    let [server, first, second] = spans.as_slice() else {
        panic!("{spans:#?}")
    };
    assert_eq!(server["name"], "generate (openai_chat)");
    assert_eq!((&server["kind"], &first["kind"]), (&json!(2), &json!(3)));
    assert_eq!(server.get("parentSpanId"), None);
    assert_eq!(server["startTimeUnixNano"], "1700000000000000000");
    assert_eq!(server["endTimeUnixNano"], "1700000001000000000");
    for client in [first, second] {
        assert_eq!(client["name"], "chat m");
        assert_eq!(client["traceId"], server["traceId"]);
        assert_eq!(client["parentSpanId"], server["spanId"]);
    }
    assert_eq!(first["status"], json!({ "code": 2 }));
    assert_eq!(second.get("status"), None);
    let text = |text: &str| json!({ "stringValue": text });
    for (span, key, expected) in [
        (first, "error.type", text("throttled")),
        (first, "gen_ai.provider.name", text("anthropic")),
        (second, "gen_ai.provider.name", text("gcp.gemini")),
        (second, "gen_ai.operation.name", text("chat")),
        (second, "server.address", text("api.gemini.example")),
        (
            second,
            "gen_ai.usage.input_tokens",
            json!({ "intValue": "10" }),
        ),
        (
            second,
            "gen_ai.usage.cache_read.input_tokens",
            json!({ "intValue": "4" }),
        ),
        (
            second,
            "gen_ai.request.stream",
            json!({ "boolValue": true }),
        ),
        (
            second,
            "gen_ai.response.time_to_first_chunk",
            json!({ "doubleValue": 0.25 }),
        ),
        (
            second,
            "gen_ai.response.finish_reasons",
            json!({ "arrayValue": { "values": [text("stop")] } }),
        ),
        (
            server,
            "http.response.status_code",
            json!({ "intValue": "200" }),
        ),
    ] {
        assert_eq!(attribute(span, key), Some(&expected), "{key}");
    }
    assert_eq!(attribute(first, "gen_ai.usage.input_tokens"), None);
    assert_eq!(
        attribute(second, "gen_ai.usage.reasoning.output_tokens"),
        None
    );
}

#[test]
fn messages_and_accounts_are_in_no_span() {
    let failed = Record {
        ending: Ending::Failed,
        failure: Some(Failure {
            cause: Cause::Provider,
            blame: Blame::Provider,
            message: "quotes the prompt".to_owned(),
            until: None,
        }),
        ..record()
    };
    let spans = serde_json::to_string(&sent(&failed)).unwrap();
    for hidden in ["quotes the prompt", "secret-account"] {
        assert!(!spans.contains(hidden), "{spans}");
    }
    let server = &sent(&failed)[0];
    assert_eq!(
        attribute(server, "error.type"),
        Some(&json!({ "stringValue": "provider" }))
    );
    assert_eq!(server["status"]["code"], 2);
}

#[test]
fn the_clients_own_span_is_the_parent() {
    let parent = TraceParent {
        trace_id: [1; 16],
        span_id: [2; 8],
        is_sampled: true,
    };
    let spans = sent(&Record {
        trace_parent: Some(parent),
        ..record()
    });
    assert_eq!(spans[0]["traceId"], "01".repeat(16));
    assert_eq!(spans[0]["parentSpanId"], "02".repeat(8));
}

#[test]
fn what_finds_the_queue_full_is_counted() {
    let traces = Traces::new(Box::new(|_| None));
    let record = Arc::new(record());
    traces.push(&record);
    let environment = |name: &str| {
        (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://127.0.0.1:4318".to_owned())
    };
    traces.set_collector(Collector::find("", &environment).unwrap());
    for _ in 0..WAITING_MAX + 2 {
        traces.push(&record);
    }
    assert_eq!(traces.dropped(), 6, "two records of three spans");
}

#[test]
fn the_configuration_comes_before_the_environment() {
    let url_of = |endpoint: &str, set: &[(&str, &str)]| {
        let variable = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = Collector::find(endpoint, &variable)?;
        Ok::<_, String>(found.map(|found| found.request(Vec::new()).uri().to_string()))
    };
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9/x");
    assert_eq!(url_of("", &[]), Ok(None));
    let url = |url: &str| Ok(Some(url.to_owned()));
    assert_eq!(
        url_of("", &[general]),
        url("http://127.0.0.1:4318/v1/traces")
    );
    assert_eq!(url_of("", &[general, traces]), url("http://127.0.0.1:9/x"));
    let own = "http://collector.lan:4318/base/";
    assert_eq!(
        url_of(own, &[general]),
        url("http://collector.lan:4318/base/v1/traces")
    );
    assert!(url_of("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")]).is_err());
    let key = ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b, other=c");
    assert!(url_of("", &[general, key]).is_ok());
    let why = url_of(own, &[key]).unwrap_err();
    assert!(why.contains("unencrypted"), "{why}");
}
