//! Spans as an `ExportTraceServiceRequest` in JSON: ids in hexadecimal, 64-bit numbers as text,
//! enums as numbers.
//!
//! Source: OTLP specification, "JSON Protobuf Encoding",
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.

use std::time::UNIX_EPOCH;

use serde_json::{Value as Json, json};

use super::names;
use super::span::{Span, Value};
use crate::outcome::Timestamp;

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

pub(super) fn request(spans: &[Span], service: &str) -> Json {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [
        attribute(names::SERVICE_NAME, &service.into()),
        attribute(names::SERVICE_VERSION, &version.into()),
    ];
    json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{
                "scope": { "name": "aerostat", "version": version },
                "spans": spans.iter().map(span).collect::<Json>(),
            }],
        }],
    })
}

fn span(span: &Span) -> Json {
    let attributes = span.attributes.iter();
    let mut json = json!({
        "traceId": hex::encode(span.trace_id),
        "spanId": hex::encode(span.span_id),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanos(span.began_at),
        "endTimeUnixNano": nanos(span.began_at + span.took),
        "attributes": attributes.map(|(key, value)| attribute(key, value)).collect::<Json>(),
    });
    if let Some(parent) = span.parent {
        json["parentSpanId"] = hex::encode(parent).into();
    }
    if span.is_error {
        json["status"] = json!({ "code": ERROR });
    }
    json
}

fn attribute(key: &str, value: &Value) -> Json {
    json!({ "key": key, "value": any_value(value) })
}

fn any_value(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Texts(texts) => {
            let values = texts.iter().map(|text| json!({ "stringValue": text }));
            json!({ "arrayValue": { "values": values.collect::<Json>() } })
        }
        Value::Count(count) => json!({ "intValue": count.to_string() }),
        Value::Seconds(seconds) => json!({ "doubleValue": seconds }),
        Value::Bool(value) => json!({ "boolValue": value }),
    }
}

/// Nanoseconds since 1970.
fn nanos(at: Timestamp) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}
