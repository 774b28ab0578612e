//! Upstreams' answers, streamed and whole.

use http::StatusCode;
use proptest::prelude::*;

use super::*;

#[test]
fn interleaved_calls_come_one_after_the_other() {
    let response = fold(events(interleaved().as_bytes(), 4096)).unwrap();
    assert_eq!(
        sketch(&response),
        r#"reasoning:hüm text:so call_a/f:{"a":1} call_b/g:{"b":2}"#
    );
    assert_eq!(
        response.choices[0].finish,
        Some(FinishReason::ToolCalls),
        "also where the server says `stop`"
    );
    assert_eq!(
        response.usage,
        Usage {
            input: Some(5),
            output: Some(3),
            cache_read: Some(4),
            ..Usage::default()
        }
    );
    assert_eq!(response.start.id, Some("chatcmpl-1".into()));
}

#[test]
fn parts_never_overlap_and_the_first_call_does_not_wait() {
    let events = events(interleaved().as_bytes(), 4096);
    let mut open = None;
    for event in &events {
        match event {
            Event::PartStart { at, .. } => assert_eq!(open.replace(*at), None),
            Event::Delta { at, .. } => assert_eq!(open, Some(*at)),
            Event::PartEnd { at } => assert_eq!(open.take(), Some(*at)),
            _ => {}
        }
    }
    assert!(matches!(events.last(), Some(Event::Finish { .. })));
}

#[test]
fn a_whole_answer_is_the_fold_of_its_stream() {
    let whole = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "up",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": "so", "refusal": null, "reasoning_content": "hüm",
            "tool_calls": [
                {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{\"b\":2}"}}]}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}});
    let whole = OpenaiChat
        .decode_response(Bytes::from(whole.to_string()), &answering())
        .unwrap();
    assert_eq!(whole, fold(events(interleaved().as_bytes(), 4096)).unwrap());
}

#[test]
fn sloppy_servers_are_read() {
    let f = |arguments: Json| json!({"name": "f", "arguments": arguments});
    let cases: [(&str, Vec<Json>, &str); 6] = [
        (
            "id and name in each fragment",
            vec![
                call(json!({"index": 0, "id": "1", "function": f(json!("{\"a\""))})),
                call(json!({"index": 0, "id": "1", "function": f(json!(":1}"))})),
            ],
            r#"1/f:{"a":1}"#,
        ),
        (
            "no index",
            vec![
                call(json!({"id": "1", "function": f(json!("{\"a\""))})),
                call(json!({"function": {"arguments": ":1}"}})),
                call(json!({"id": "2", "function": f(json!("{}"))})),
            ],
            r#"1/f:{"a":1} 2/f:{}"#,
        ),
        (
            "one index for all",
            vec![
                call(json!({"index": 0, "id": "1", "function": f(json!("{}"))})),
                call(json!({"index": 0, "id": "2", "function": f(json!("{}"))})),
            ],
            "1/f:{} 2/f:{}",
        ),
        (
            "arguments as an object",
            vec![call(
                json!({"index": 0, "id": "1", "function": f(json!({"a": 1}))}),
            )],
            r#"1/f:{"a":1}"#,
        ),
        (
            "content in the chunk of the finish",
            vec![chunk(json!({"content": "last"}), json!("stop"))],
            "text:last",
        ),
        (
            "legacy call",
            vec![
                chunk(
                    json!({"function_call": {"name": "f", "arguments": ""}}),
                    Json::Null,
                ),
                chunk(
                    json!({"function_call": {"arguments": "{}"}}),
                    json!("function_call"),
                ),
            ],
            "call_*/f:{}",
        ),
    ];
    for (name, mut chunks, expected) in cases {
        chunks.push(chunk(json!({}), json!("stop")));
        let response = fold(events(sse_of(&chunks).as_bytes(), 4096))
            .unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        let found = sketch(&response);
        let pattern = expected
            .split_once('*')
            .map_or(found == expected, |(head, tail)| {
                found.starts_with(head) && found.ends_with(tail)
            });
        assert!(pattern, "{name}: {found}");
    }
}

#[test]
fn usage_in_the_last_chunk_of_a_choice_counts() {
    let mut last = chunk(json!({"content": "x"}), json!("length"));
    last["usage"] = json!({"prompt_tokens": 1, "completion_tokens": 2});
    let response = fold(events(sse_of(&[last]).as_bytes(), 64)).unwrap();
    assert_eq!(
        response.usage,
        Usage {
            input: Some(1),
            output: Some(2),
            ..Usage::default()
        }
    );
    assert_eq!(response.choices[0].finish, Some(FinishReason::Length));
}

#[test]
fn a_cut_stream_is_never_an_answer() {
    let whole = interleaved();
    let finish = whole.find("\"finish_reason\":\"stop\"").unwrap();
    for cut in 0..finish {
        assert!(
            fold(events(&whole.as_bytes()[..cut], 4096)).is_err(),
            "cut at {cut}"
        );
    }
}

#[test]
fn errors_inside_a_stream_end_it() {
    let stream = sse_of(&[
        chunk(json!({"content": "a"}), Json::Null),
        json!({"error": {"message": "slow down", "type": "rate_limit_error", "code": null}}),
    ]);
    let Err(fault) = fold(events(stream.as_bytes(), 4096)) else {
        panic!("expected a fault")
    };
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::RateLimited, "slow down")
    );
}

#[test]
fn a_choice_far_away_is_refused() {
    let stream =
        sse_of(&[json!({"choices": [{"index": 4_000_000_000u32, "delta": {"content": "a"}}]})]);
    assert!(fold(events(stream.as_bytes(), 4096)).is_err());
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_answer(chunk_bytes in 1usize..200) {
        let stream = interleaved();
        prop_assert_eq!(events(stream.as_bytes(), chunk_bytes), events(stream.as_bytes(), usize::MAX));
    }

    #[test]
    fn no_mutation_makes_a_decoder_panic(at in 0usize..2_000, byte in any::<u8>(), chunk_bytes in 1usize..90) {
        let mut stream = interleaved().into_bytes();
        let at = at % stream.len();
        stream[at] = byte;
        let _ = events(&stream, chunk_bytes);
        let _ = OpenaiChat.decode_response(Bytes::from(stream), &answering());
    }

    #[test]
    fn no_bytes_make_a_request_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let body = Bytes::from(bytes);
        let headers = HeaderMap::new();
        let inbound = Inbound { operation: Operation::Generate, path_model: None, query: None, headers: &headers, body: &body };
        let _ = (OpenaiChat.decode_request(&inbound), OpenaiChat.routing_fields(&inbound));
        let _ = OpenaiChat.decode_fault(StatusCode::BAD_REQUEST, &headers, &body);
    }
}

/// LM Studio's form: each fragment has an id of its own and an empty name.
#[test]
fn fragments_without_a_name_go_on_with_the_call_of_their_index() {
    let fragment = |index: u64, id: &str, name: &str, arguments: &str| {
        let function = json!({"name": name, "arguments": arguments});
        let call = json!({"index": index, "id": id, "type": "function", "function": function});
        format!(
            "data: {}\n\n",
            json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
        )
    };
    let stream = [
        fragment(0, "1", "f", ""),
        fragment(0, "2", "", "{\"a\":"),
        fragment(0, "3", "", "1}"),
        fragment(1, "4", "g", ""),
        fragment(1, "5", "", "{}"),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let response = fold(events(stream.as_bytes(), 4096)).unwrap();
    assert_eq!(sketch(&response), r#"1/f:{"a":1} 4/g:{}"#);
    assert_eq!(response.choices[0].finish, Some(FinishReason::ToolCalls));
}

#[test]
fn a_terminator_ends_an_answer_without_a_finish_reason() {
    let chunk = |delta: serde_json::Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    };
    let text = chunk(json!({"content": "hi"}));
    let finish = |stream: String| {
        let response = fold(events(stream.as_bytes(), 4096));
        response
            .ok()
            .and_then(|response| response.choices[0].finish.clone())
    };
    assert_eq!(
        finish(format!("{text}data: [DONE]\n\n")),
        Some(FinishReason::End)
    );
    assert_eq!(finish(text), None, "a body that only ends was cut");
    let cut = chunk(json!({"tool_calls": [
        {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{\"a"}}]}));
    assert_eq!(finish(format!("{cut}data: [DONE]\n\n")), None);
    assert_eq!(finish("data: [DONE]\n\n".to_owned()), None);
}

#[test]
fn a_bare_error_ends_the_stream_with_its_words() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n\
        {\n \"error\": {\"message\": \"busy\", \"code\": 503}\n}";
    let fault = fold(events(stream.as_bytes(), 7)).unwrap_err();
    assert_eq!(fault.message, "busy");
}

#[test]
fn a_call_that_was_cut_off_is_so_whatever_the_word() {
    for (arguments, expected) in [
        (r#"{"path":"a","text":"b"#, FinishReason::Length),
        (r#"{"path":"a"}"#, FinishReason::ToolCalls),
        ("", FinishReason::ToolCalls),
        ("}{", FinishReason::Length),
    ] {
        for word in ["tool_calls", "stop"] {
            let call = json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}});
            let chunk = |delta: Json, finish: Json| json!({"id": "x", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
            let stream = format!(
                "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
                chunk(json!({"tool_calls": [call]}), Json::Null),
                chunk(json!({}), json!(word))
            );
            let response = fold(events(stream.as_bytes(), 4096)).unwrap();
            let finish = response.choices[0].finish.clone();
            assert_eq!(finish, Some(expected.clone()), "{arguments} {word}");
        }
    }
}
