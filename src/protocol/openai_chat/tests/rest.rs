//! Faults, glimpses, models, embeddings.

use http::{HeaderValue, StatusCode};

use super::*;
use crate::protocol::openai_chat::{faults, glimpse};
use crate::protocol::sse;

fn decoded_fault(status: u16, body: &str) -> Fault {
    OpenaiChat.decode_fault(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
}

#[test]
fn upstream_errors_get_their_kind() {
    let cases = [
        (400, r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#, FaultKind::ContextTooLong),
        (400, r#"{"message":"This model's maximum context length is 4096 tokens"}"#, FaultKind::ContextTooLong),
        (400, r#"{"error":{"message":"x","param":"n"}}"#, FaultKind::BadRequest),
        (400, r#"[{"error":{"message":"API key not valid. Please pass a valid API key."}}]"#, FaultKind::UpstreamAuth),
        (401, r#"{"error":{"message":"x"}}"#, FaultKind::UpstreamAuth),
        (402, "", FaultKind::QuotaSpent),
        (403, "<html>", FaultKind::UpstreamAuth),
        (403, r#"{"error":{"message":"x","code":"content_policy_violation"}}"#, FaultKind::Forbidden),
        (404, r#"{"error":"model 'x' not found, try pulling it first"}"#, FaultKind::NoSuchModel),
        (404, "", FaultKind::NotFound),
        (429, r#"{"error":{"message":"x","type":"insufficient_quota"}}"#, FaultKind::QuotaSpent),
        (429, r#"[{"error":{"message":"x","status":"RESOURCE_EXHAUSTED"}}]"#, FaultKind::RateLimited),
        (500, "", FaultKind::Upstream),
        (503, "", FaultKind::Overloaded),
        (529, "", FaultKind::Overloaded),
        (504, "", FaultKind::Timeout),
        (302, "", FaultKind::Upstream),
    ];
    for (status, body, expected) in cases {
        assert_eq!(decoded_fault(status, body).kind, expected, "{status} {body}");
    }
}

#[test]
fn key_material_never_comes_back() {
    let fault = decoded_fault(401, r#"{"error":{"message":"Incorrect API key provided: sk-proj-abc***xyz. See the page."}}"#);
    assert_eq!(fault.message, "Incorrect API key provided: [redacted] See the page.");
    let (status, body) = OpenaiChat.encode_fault(&fault, "r1");
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(body.ends_with(br#""type":"server_error","param":null,"code":"upstream_auth"}}"#));
}

#[test]
fn waits_are_read_in_every_form_and_bounded() {
    let wait = |pairs: &[(&'static str, &str)]| {
        let headers =
            pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        faults::retry_after(&headers.collect()).map(|wait| wait.as_millis())
    };
    assert_eq!(wait(&[("retry-after", "2"), ("retry-after-ms", "1500")]), Some(1_500));
    assert_eq!(wait(&[("retry-after", "1000000")]), Some(86_400_000));
    assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:39 GMT"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(2_000));
    for bad in ["-1", "nan", "soon", ""] {
        assert_eq!(wait(&[("retry-after", bad)]), None, "{bad}");
    }
}

#[test]
fn a_glimpse_sees_usage_errors_and_ends() {
    let look = |data: &str| glimpse::frame(&sse::Frame { data: Bytes::copy_from_slice(data.as_bytes()), ..sse::Frame::default() });
    assert!(look("[DONE]").is_end);
    let role = look(r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#);
    assert_eq!((role.is_content, role.is_end, role.usage), (false, false, None));
    assert!(look(r#"{"choices":[{"delta":{"content":"say \"usage\": 5 and \"error\""}}]}"#).is_content);
    let last = look(r#"{"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}"#);
    assert_eq!((last.is_end, last.usage.and_then(|usage| usage.input)), (true, Some(1)));
    assert_eq!(look(r#"{"error":{"message":"x"}}"#).fault.unwrap().message, "x");
}

#[test]
fn the_model_is_found_where_it_stands() {
    let body = Bytes::from_static(br#"{"stream":true,"model":"a\/b","prompt_cache_key":"k"}"#);
    let headers = HeaderMap::new();
    let inbound = Inbound { operation: Operation::Generate, path_model: None, query: None, headers: &headers, body: &body };
    let peek = OpenaiChat.peek(&inbound).unwrap();
    assert_eq!((peek.model.as_str(), peek.stream, peek.session.as_deref()), ("a/b", true, Some("k")));
    assert_eq!(&body[peek.model_at.unwrap()], br"a\/b");
}

#[test]
fn model_lists_go_both_ways() {
    let card = ModelCard { id: "lab/m".into(), owner: "lab".into(), created: Some(7), ..ModelCard::default() };
    let list = OpenaiChat.encode_models(std::slice::from_ref(&card), None);
    assert_eq!(&list[..], br#"{"object":"list","data":[{"id":"lab/m","object":"model","created":7,"owned_by":"lab"}]}"#);
    assert_eq!(OpenaiChat.decode_models(&list).unwrap(), [card]);
    assert!(OpenaiChat.decode_models(&Bytes::from_static(b"<html>")).is_err());
}

#[test]
fn embeddings_go_both_ways() {
    let codec = OpenaiChat.embeddings().unwrap();
    let body = Bytes::from_static(br#"{"model":"e","input":["a",[1,2]],"encoding_format":"base64","dimensions":2,"user":"u"}"#);
    let headers = HeaderMap::new();
    let inbound = Inbound { operation: Operation::Embed, path_model: None, query: None, headers: &headers, body: &body };
    let embed = codec.decode_embed(&inbound).unwrap();
    let wire = codec.encode_embed(&embed, &target(false), &mut Losses::default()).wire;
    assert_eq!(
        (wire.path.as_str(), &wire.body[..]),
        ("/embeddings", &br#"{"model":"up","input":["a",[1,2]],"dimensions":2,"encoding_format":"base64","user":"u"}"#[..])
    );
    let answer = Bytes::from_static(
        br#"{"data":[{"index":1,"embedding":"AACAPwAAAMA="},{"index":0,"embedding":[0.5,1e2]}],"usage":{"prompt_tokens":3}}"#,
    );
    let vectors = codec.decode_embeddings(&answer).unwrap();
    let written = codec.encode_embeddings(&vectors, &Embed { base64: false, ..embed }, Operation::Embed);
    let written: Json = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["data"][0]["embedding"], json!([0.5, 1e2]));
    assert_eq!(written["data"][1]["embedding"], json!([1, -2]));
    assert_eq!(written["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
}
