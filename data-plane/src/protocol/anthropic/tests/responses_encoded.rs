use bytes::BytesMut;
use serde_json::json;

use super::*;
use crate::canon::{
    Choice, Fault, FinishReason, LossKind, PartHead, ReasoningForm, Response, ResponsePart, Start,
    Usage,
};
use crate::json::{EscapedStr, Raw};
use crate::protocol::StreamEnd;
use crate::protocol::envelope;

const THINKING: &str = r#","thinking":{"type":"enabled","budget_tokens":2000}"#;

fn part(head: PartHead, text: &str) -> ResponsePart {
    let texts = (!text.is_empty())
        .then(|| EscapedStr::from(text))
        .into_iter()
        .collect();
    ResponsePart {
        head,
        texts,
        signature: None,
        citations: vec![],
        logprobs: vec![],
    }
}

fn call(id: &str, free: bool) -> PartHead {
    PartHead::ToolCall {
        id: id.into(),
        name: "get".into(),
        namespace: None,
        free,
    }
}

fn response(parts: Vec<ResponsePart>, finish: FinishReason) -> Response {
    let choice = Choice {
        parts,
        finish: Some(finish),
        ..Choice::default()
    };
    let usage = Usage {
        input: Some(17),
        cache_read: Some(5),
        output: Some(30),
        reasoning: Some(4),
        ..Usage::default()
    };
    let start = Start {
        id: Some("chatcmpl-1".into()),
        model: Some("up".into()),
        ..Start::default()
    };
    Response {
        start,
        choices: vec![choice],
        usage,
    }
}

fn encode_whole(
    response: &Response,
    request: &Request,
    from: &'static str,
) -> (serde_json::Value, Vec<String>) {
    let (origin, mut losses) = (origin(from), Losses::default());
    let body = Anthropic.encode_response(response, &asking(request, &origin), &mut losses);
    let losses = losses
        .resolve(b"")
        .unwrap()
        .iter()
        .map(|Loss { path, kind }| format!("{kind:?} {path}"))
        .collect();
    (serde_json::from_slice(&body.unwrap()).unwrap(), losses)
}

/// The records of a stream: the names agree with the data, and the data is given.
fn records(stream: &[u8]) -> Vec<serde_json::Value> {
    let read = |record: &str| {
        let (event, data) = record.split_once('\n').unwrap();
        let data: serde_json::Value =
            serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(
            event.strip_prefix("event: ").unwrap(),
            data["type"].as_str().unwrap()
        );
        data
    };
    std::str::from_utf8(stream)
        .unwrap()
        .split_terminator("\n\n")
        .map(read)
        .collect()
}

fn encode_stream(
    events: &[Event],
    request: &Request,
    from: &'static str,
) -> Vec<serde_json::Value> {
    let origin = origin(from);
    let mut encoder = Anthropic.stream_encoder(&asking(request, &origin));
    let mut out = BytesMut::new();
    events
        .iter()
        .for_each(|event| encoder.push(event, &mut out));
    assert_eq!(encoder.finish(&mut out), StreamEnd::Clean);
    records(&out)
}

#[test]
fn a_foreign_answer_gets_this_dialects_shape() {
    let response = response(
        vec![
            part(PartHead::Reasoning(ReasoningForm::Full), "hm"),
            part(PartHead::Text, "hi"),
            part(PartHead::Text, ""),
            part(call("c_1", false), r#"{"n":12345678901234567890}"#),
        ],
        FinishReason::ToolCalls,
    );
    let (body, losses) = encode_whole(&response, &request_with(THINKING), "openai_chat");
    let nothing = envelope::wrap(&origin("openai_chat"), ReasoningForm::Full, None);
    let expected = json!({
        "id": "msg_chatcmpl-1", "type": "message", "role": "assistant", "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": nothing.to_plain()},
            {"type": "text", "text": "hi"},
            {"type": "tool_use", "id": "c_1", "name": "get", "input": {"n": 12345678901234567890_u64}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 12, "cache_read_input_tokens": 5, "output_tokens": 30, "output_tokens_details": {"thinking_tokens": 4}},
    });
    assert_eq!(
        (without_nulls(body), losses),
        (without_nulls(expected), vec![])
    );
}

#[test]
fn thinking_is_shown_only_to_those_who_asked() {
    let mut reasoning = part(PartHead::Reasoning(ReasoningForm::Full), "hm");
    reasoning.signature = Some("token".into());
    let response = response(vec![reasoning], FinishReason::End);
    let content = |members: &str| {
        encode_whole(&response, &request_with(members), "anthropic").0["content"].clone()
    };
    assert_eq!(content(""), json!([]));
    assert_eq!(content(r#","thinking":{"type":"disabled"}"#), json!([]));
    assert_eq!(
        content(THINKING),
        json!([{"type": "thinking", "thinking": "hm", "signature": "token"}])
    );
    let omitted = content(r#","thinking":{"type":"adaptive","display":"omitted"}"#);
    assert_eq!(
        omitted,
        json!([{"type": "thinking", "thinking": "", "signature": "token"}])
    );
}

#[test]
fn a_foreign_token_is_wrapped_and_comes_back_as_it_was() {
    let mut reasoning = part(PartHead::Reasoning(ReasoningForm::Redacted), "");
    reasoning.signature = Some("token".into());
    let (body, _) = encode_whole(
        &response(vec![reasoning], FinishReason::End),
        &request_with(THINKING),
        "openai_responses",
    );
    let data = EscapedStr::from(body["content"][0]["data"].as_str().unwrap());
    // An envelope names a dialect that exists. With any other name nothing in it is taken for a
    // signature.
    let origin = origin("openai_responses");
    assert_eq!(
        data,
        envelope::wrap(&origin, ReasoningForm::Redacted, Some(&"token".into()))
    );
    let own = chat(&format!(
        r#"[{{"role":"user","content":"a"}},{{"role":"assistant","content":[{{"type":"redacted_thinking","data":"{}"}}]}}]"#,
        envelope::wrap(
            &super::origin("anthropic"),
            ReasoningForm::Redacted,
            Some(&"token".into())
        )
        .as_escaped()
    ));
    let signature = own.turns[1].parts[0].signature.clone().unwrap();
    assert_eq!(
        (signature.value, signature.origin),
        ("token".into(), super::origin("anthropic"))
    );
}

#[test]
fn every_end_has_its_word() {
    let cases = [
        (FinishReason::End, "end_turn"),
        (FinishReason::StopSequence, "stop_sequence"),
        (FinishReason::Length, "max_tokens"),
        (FinishReason::ContextFull, "model_context_window_exceeded"),
        (FinishReason::Filtered, "refusal"),
        (FinishReason::Refusal, "refusal"),
        (FinishReason::Paused, "pause_turn"),
    ];
    for (reason, name) in cases {
        let (body, losses) = encode_whole(&response(vec![], reason), &request_with(""), "gemini");
        assert_eq!(
            (body["stop_reason"].as_str(), &body["content"], losses),
            (Some(name), &json!([]), vec![])
        );
    }
    let odd = response(vec![], FinishReason::Other("OTHER".into()));
    let (body, losses) = encode_whole(&odd, &request_with(""), "gemini");
    assert_eq!(
        (body["stop_reason"].as_str(), losses),
        (Some("end_turn"), vec!["Adjusted stop_reason".to_owned()])
    );
    let (body, _) = encode_whole(&odd, &request_with(""), "anthropic");
    assert_eq!(body["stop_reason"], "end_turn");
}

#[test]
fn usage_that_nobody_knows_is_zero_and_named() {
    let mut response = response(vec![], FinishReason::End);
    response.usage = Usage::default();
    let (body, losses) = encode_whole(&response, &request_with(""), "openai_chat");
    assert_eq!(
        (without_nulls(body["usage"].clone()), losses),
        (
            json!({"input_tokens": 0, "output_tokens": 0}),
            vec![format!("{:?} usage", LossKind::Dropped)]
        )
    );
}

#[test]
fn a_call_that_cannot_be_read_is_an_error() {
    let broken = response(
        vec![part(call("c", false), "{\"a")],
        FinishReason::Malformed,
    );
    let (request, origin) = (request_with(""), origin("gemini"));
    let asking = asking(&request, &origin);
    let refused = Anthropic.encode_response(&broken, &asking, &mut Losses::default());
    assert_eq!(refused.unwrap_err().kind, crate::canon::FaultKind::Upstream);
    let last = encode_stream(&broken.events(), &request_with(""), "gemini")
        .pop()
        .unwrap();
    assert_eq!(
        (&last["type"], &last["error"]["type"]),
        (&json!("error"), &json!("api_error"))
    );
}

#[test]
fn a_stream_has_exactly_the_grammar() {
    let mut reasoning = part(PartHead::Reasoning(ReasoningForm::Summary), "");
    reasoning.texts = vec!["a".into(), "b".into()];
    let mut redacted = part(PartHead::Reasoning(ReasoningForm::Redacted), "");
    redacted.signature = Some("token".into());
    let answer = response(
        vec![
            reasoning,
            redacted,
            part(PartHead::Reasoning(ReasoningForm::Full), ""),
            part(PartHead::Text, ""),
            part(PartHead::Text, "hi"),
            part(call("c_1", false), "{}"),
            part(call("c_2", true), "a\n\"b"),
            part(
                PartHead::Media {
                    mime: "image/png".into(),
                },
                "AAAA",
            ),
        ],
        FinishReason::ToolCalls,
    );
    let origin = origin("openai_responses");
    let (nothing, signature) = (
        envelope::wrap(&origin, ReasoningForm::Full, None),
        envelope::wrap(
            &origin,
            ReasoningForm::Redacted,
            Some(&EscapedStr::from("token")),
        ),
    );
    let delta = |index: u64, delta: serde_json::Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let start = |index: u64, block: serde_json::Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let expected = [
        json!({"type": "message_start", "message": {"id": "msg_chatcmpl-1", "type": "message", "role": "assistant", "model": "m",
            "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 0, "output_tokens": 0}}}),
        start(
            0,
            json!({"type": "thinking", "thinking": "", "signature": ""}),
        ),
        delta(0, json!({"type": "thinking_delta", "thinking": "a"})),
        delta(0, json!({"type": "thinking_delta", "thinking": "\n\n"})),
        delta(0, json!({"type": "thinking_delta", "thinking": "b"})),
        delta(
            0,
            json!({"type": "signature_delta", "signature": nothing.to_plain()}),
        ),
        stop(0),
        start(
            1,
            json!({"type": "redacted_thinking", "data": signature.to_plain()}),
        ),
        stop(1),
        start(2, json!({"type": "text", "text": ""})),
        delta(2, json!({"type": "text_delta", "text": "hi"})),
        stop(2),
        start(
            3,
            json!({"type": "tool_use", "id": "c_1", "name": "get", "input": {}}),
        ),
        delta(3, json!({"type": "input_json_delta", "partial_json": "{}"})),
        stop(3),
        start(
            4,
            json!({"type": "tool_use", "id": "c_2", "name": "get", "input": {}}),
        ),
        delta(
            4,
            json!({"type": "input_json_delta", "partial_json": r#"{"input":""#}),
        ),
        delta(
            4,
            json!({"type": "input_json_delta", "partial_json": r#"a\n\"b"#}),
        ),
        delta(
            4,
            json!({"type": "input_json_delta", "partial_json": r#""}"#}),
        ),
        stop(4),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"input_tokens": 12,
            "cache_read_input_tokens": 5, "output_tokens": 30, "output_tokens_details": {"thinking_tokens": 4}}}),
        json!({"type": "message_stop"}),
    ];
    let records = encode_stream(
        &answer.events(),
        &request_with(THINKING),
        "openai_responses",
    );
    assert_eq!(
        without_nulls(records.into()),
        without_nulls(expected.into())
    );
}

#[test]
fn the_end_waits_for_usage_that_comes_after_the_reason() {
    let finish = Event::Finish {
        choice: 0,
        reason: FinishReason::StopSequence,
        sequence: Some("END".into()),
        detail: None,
    };
    let usage = Event::Usage(Usage {
        input: Some(3),
        output: Some(2),
        ..Usage::default()
    });
    let records = encode_stream(
        &[Event::Start(Start::default()), finish, usage],
        &request_with(""),
        "openai_chat",
    );
    assert_eq!(
        without_nulls(records[1]["delta"].clone()),
        json!({"stop_reason": "stop_sequence", "stop_sequence": "END"})
    );
    assert_eq!(
        (without_nulls(records[1]["usage"].clone()), records.len()),
        (json!({"input_tokens": 3, "output_tokens": 2}), 3)
    );
}

#[test]
fn what_breaks_never_looks_finished() {
    let start = Event::Start(Start::default());
    let failed = Event::Failed(Fault::upstream("cut"));
    for events in [
        vec![start.clone(), failed.clone()],
        vec![failed],
        vec![start],
        vec![],
    ] {
        let records = encode_stream(&events, &request_with(""), "openai_chat");
        assert_eq!(records.last().unwrap()["type"], "error");
        assert!(
            records
                .iter()
                .all(|record| record["type"] != "message_stop")
        );
    }
}

#[test]
fn signs_of_life_keep_the_grammar() {
    let (request, origin) = (request_with(""), origin("gemini"));
    let mut encoder = Anthropic.stream_encoder(&asking(&request, &origin));
    let mut out = BytesMut::new();
    encoder.keep_alive(&mut out);
    encoder.push(&Event::Ping, &mut out);
    assert!(out.is_empty());
    encoder.push(&Event::Start(Start::default()), &mut out);
    let _ = out.split();
    encoder.keep_alive(&mut out);
    assert_eq!(records(&out), [json!({"type": "ping"})]);
}

#[test]
fn own_citations_and_hosted_blocks_stay_at_home() {
    let raw = Raw::from_static(r#"{"type":"web_search_tool_result","tool_use_id":"s"}"#);
    let hosted = part(
        PartHead::Hosted {
            kind: "web_search_tool_result".into(),
            raw,
        },
        "",
    );
    let mut text = part(PartHead::Text, "a");
    text.citations = vec![Raw::from_static(r#"{"type":"char_location"}"#)];
    let answer = response(vec![hosted, text], FinishReason::End);
    let (own, _) = encode_whole(&answer, &request_with(""), "anthropic");
    assert_eq!(
        (
            &own["content"][0]["tool_use_id"],
            &own["content"][1]["citations"][0]["type"]
        ),
        (&json!("s"), &json!("char_location"))
    );
    let (foreign, losses) = encode_whole(&answer, &request_with(""), "openai_responses");
    assert_eq!(foreign["content"], json!([{"type": "text", "text": "a"}]));
    assert_eq!(losses, ["Dropped hosted tool", "Dropped citations"]);
    let streamed = encode_stream(&answer.events(), &request_with(""), "anthropic");
    assert_eq!(
        streamed[1]["content_block"]["type"],
        "web_search_tool_result"
    );
    assert!(
        streamed
            .iter()
            .any(|record| record["delta"]["type"] == "citations_delta")
    );
}

#[test]
fn a_stream_that_goes_through_canon_says_what_the_whole_answer_says() {
    let answer = response(
        vec![
            part(PartHead::Text, "hi"),
            part(call("c_1", false), r#"{"a":1}"#),
        ],
        FinishReason::ToolCalls,
    );
    let request = request_with("");
    let from = origin("anthropic");
    let mut encoder = Anthropic.stream_encoder(&asking(&request, &from));
    let mut out = BytesMut::new();
    answer
        .events()
        .iter()
        .for_each(|event| encoder.push(event, &mut out));
    encoder.finish(&mut out);
    let mut fold = crate::canon::Fold::default();
    events(std::str::from_utf8(&out).unwrap(), 11)
        .into_iter()
        .for_each(|event| fold.push(event));
    let streamed = fold.finish().unwrap();
    assert_eq!(
        (&streamed.choices, &streamed.usage),
        (&answer.choices, &answer.usage)
    );
    assert_eq!(streamed.choices[0].parts[1].head, call("c_1", false));
}
