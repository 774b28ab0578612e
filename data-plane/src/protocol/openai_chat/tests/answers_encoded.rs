//! Answers to clients, streamed and whole.

use super::*;

#[test]
fn a_stream_has_exactly_the_grammar_of_the_dialect() {
    let delta = |delta: &str| {
        format!(r#"[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}]}}"#)
    };
    let expected = [
        delta(r#"{"role":"assistant","content":""}"#),
        delta(r#"{"reasoning_content":"hm","reasoning":"hm"}"#),
        delta(r#"{"content":"hi"}"#),
        delta(
            r#"{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}"#,
        ),
        delta(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#),
        r#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]}"#.to_owned(),
        "[DONE]".to_owned(),
    ];
    assert_eq!(encoded(&Request::default(), &answer()), expected);
}

#[test]
fn usage_comes_only_where_it_was_asked_for() {
    let records = encoded(
        &Request {
            include_usage: true,
            ..Request::default()
        },
        &answer(),
    );
    let (last, earlier) = records[..records.len() - 1].split_last().unwrap();
    assert!(
        earlier
            .iter()
            .all(|record| record.ends_with(r#","usage":null}"#)),
        "{earlier:?}"
    );
    assert_eq!(
        last,
        r#"[],"usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6,"completion_tokens_details":{"reasoning_tokens":1}}}"#
    );
}

#[test]
fn usage_that_nobody_knows_is_null_at_the_end_too() {
    let request = Request {
        include_usage: true,
        ..Request::default()
    };
    let mut events = answer();
    events.retain(|event| !matches!(event, Event::Usage(_)));
    let records = encoded(&request, &events);
    assert_eq!(records[records.len() - 2], r#"[],"usage":null}"#);
}

#[test]
fn a_failed_stream_ends_with_its_error_and_nothing_else() {
    let mut events = answer();
    events.truncate(7);
    events.push(Event::Failed(Fault::upstream("gone")));
    let records = encoded(&Request::default(), &events);
    assert_eq!(
        records.last().unwrap(),
        r#"{"error":{"message":"gone","type":"server_error","param":null,"code":null}}"#
    );
    assert!(!records.contains(&"[DONE]".to_owned()));
}

fn legacy_request() -> Request {
    Request {
        body: Bytes::from_static(br#"{"functions":[]}"#),
        ..Request::default()
    }
}

#[test]
fn legacy_clients_are_answered_in_their_form() {
    let records = encoded(&legacy_request(), &answer()).join("\n");
    assert!(
        records.contains(r#"{"function_call":{"name":"f","arguments":""}}"#),
        "{records}"
    );
    assert!(
        records.contains(r#"{"function_call":{"arguments":"{}"}}"#),
        "{records}"
    );
    assert!(
        records.contains(r#""finish_reason":"function_call""#) && !records.contains("tool_calls"),
        "{records}"
    );
    let (whole, _) = encoded_whole(&legacy_request(), &fold(answer()).unwrap(), "anthropic");
    assert_eq!(
        whole["choices"][0]["message"]["function_call"],
        json!({"name": "f", "arguments": "{}"})
    );
    assert_eq!(whole["choices"][0]["finish_reason"], "function_call");
}

fn encoded_whole(request: &Request, response: &Response, dialect: &str) -> (Json, Vec<String>) {
    let mut losses = Losses::default();
    let body = ask_with(request, dialect, |ask| {
        OpenaiChat.encode_response(response, ask, &mut losses)
    });
    let losses = losses
        .resolve(b"{}")
        .unwrap()
        .into_iter()
        .map(|loss| loss.path)
        .collect();
    (serde_json::from_slice(&body.unwrap()).unwrap(), losses)
}

#[test]
fn a_whole_answer_is_written_whole() {
    let (whole, losses) = encoded_whole(&Request::default(), &fold(answer()).unwrap(), "anthropic");
    assert_eq!(
        whole,
        json!({
        "id": "chatcmpl-r1", "object": "chat.completion", "created": 9, "model": "up",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi", "refusal": null, "reasoning_content": "hm", "reasoning": "hm",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            "logprobs": null, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6, "completion_tokens_details": {"reasoning_tokens": 1}}})
    );
    assert!(losses.is_empty());
}

#[test]
fn usage_that_nobody_knows_is_not_written() {
    let mut response = fold(answer()).unwrap();
    response.usage = Usage::default();
    assert_eq!(
        encoded_whole(&Request::default(), &response, "anthropic")
            .0
            .get("usage"),
        None
    );
    response.usage.output = Some(3);
    let (whole, losses) = encoded_whole(&Request::default(), &response, "anthropic");
    assert_eq!(
        (&whole["usage"]["prompt_tokens"], losses),
        (&json!(0), vec!["usage".to_owned()])
    );
}

#[test]
fn an_answer_survives_the_dialect() {
    let whole = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "up", "service_tier": "flex", "system_fingerprint": "fp",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "a", "refusal": null,
                "annotations": [{"type": "url_citation", "url_citation": {"url": "https://e"}}]},
             "logprobs": {"content": [{"token": "a", "logprob": -0.10, "bytes": [97], "top_logprobs": []}], "refusal": null}, "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "content": null, "refusal": "no",
                "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
                "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls\n"}}]}, "logprobs": null, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0}}});
    let response = OpenaiChat
        .decode_response(Bytes::from(whole.to_string()), &answering())
        .unwrap();
    let (again, losses) = encoded_whole(&Request::default(), &response, "openai_chat");
    assert_eq!(again, whole);
    assert!(losses.is_empty());
}
