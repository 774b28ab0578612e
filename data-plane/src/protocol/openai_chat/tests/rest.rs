//! Glimpses, models, embeddings.

use super::*;
use crate::protocol::openai_chat::frame_info;
use crate::protocol::sse;

#[test]
fn a_glimpse_sees_usage_errors_and_ends() {
    let look = |data: &str| {
        frame_info::frame(&sse::Frame {
            data: Bytes::copy_from_slice(data.as_bytes()),
            ..sse::Frame::default()
        })
    };
    assert!(look("[DONE]").is_end);
    let role = look(
        r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
    );
    assert_eq!(
        (role.is_content, role.is_end, role.usage),
        (false, false, None)
    );
    assert!(
        look(r#"{"choices":[{"delta":{"content":"say \"usage\": 5 and \"error\""}}]}"#).is_content
    );
    let last = look(
        r#"{"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}"#,
    );
    assert_eq!(
        (last.is_end, last.usage.and_then(|usage| usage.input)),
        (true, Some(1))
    );
    assert_eq!(
        look(r#"{"error":{"message":"x"}}"#).fault.unwrap().message,
        "x"
    );
}

#[test]
fn the_model_is_found_where_it_stands() {
    let body = Bytes::from_static(br#"{"stream":true,"model":"a\/b","prompt_cache_key":"k"}"#);
    let headers = HeaderMap::new();
    let inbound = Inbound {
        operation: Operation::Generate,
        path_model: None,
        query: None,
        headers: &headers,
        body: &body,
    };
    let peek = OpenaiChat.routing_fields(&inbound).unwrap();
    assert_eq!(
        (peek.model.as_str(), peek.stream, peek.session.as_deref()),
        ("a/b", Some(true), Some("k"))
    );
    assert_eq!(&body[peek.model_at.unwrap()], br"a\/b");
}

#[test]
fn model_lists_go_both_ways() {
    let card = ModelCard {
        id: "lab/m".into(),
        owner: "lab".into(),
        created: Some(7),
        ..ModelCard::default()
    };
    let list = OpenaiChat.encode_models(std::slice::from_ref(&card), None);
    assert_eq!(&list[..], br#"{"object":"list","data":[{"id":"lab/m","object":"model","created":7,"owned_by":"lab"}]}"#);
    assert_eq!(OpenaiChat.decode_models(&list).unwrap(), [card]);
    assert!(
        OpenaiChat
            .decode_models(&Bytes::from_static(b"<html>"))
            .is_err()
    );
}

#[test]
fn embeddings_go_both_ways() {
    let codec = OpenaiChat.embeddings().unwrap();
    let body = Bytes::from_static(br#"{"model":"e","input":["a",[1,2]],"encoding_format":"base64","dimensions":2,"user":"u"}"#);
    let headers = HeaderMap::new();
    let inbound = Inbound {
        operation: Operation::Embed,
        path_model: None,
        query: None,
        headers: &headers,
        body: &body,
    };
    let embed = codec.decode_embed(&inbound).unwrap();
    let wire = codec.encode_embed(&embed, &target(false), &mut Losses::default());
    assert_eq!(
        (wire.path.as_str(), &wire.body.whole()[..]),
        ("/embeddings", &br#"{"model":"gpt-4.1","input":["a",[1,2]],"dimensions":2,"encoding_format":"base64","user":"u"}"#[..])
    );
    let answer = Bytes::from_static(
        br#"{"data":[{"index":1,"embedding":"AACAPwAAAMA="},{"index":0,"embedding":[0.5,1e2]}],"usage":{"prompt_tokens":3}}"#,
    );
    let vectors = codec.decode_embeddings(&answer).unwrap();
    let written = codec.encode_embeddings(
        &vectors,
        &Embed {
            base64: false,
            ..embed
        },
        Operation::Embed,
        &mut Losses::default(),
    );
    let written: Json = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["data"][0]["embedding"], json!([0.5, 1e2]));
    assert_eq!(written["data"][1]["embedding"], json!([1, -2]));
    assert_eq!(
        written["usage"],
        json!({"prompt_tokens": 3, "total_tokens": 3})
    );
}
