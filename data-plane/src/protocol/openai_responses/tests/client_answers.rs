//! Answers to clients.

use std::time::Duration;

use super::*;

fn with_ask<T>(dialect: &'static str, run: impl FnOnce(&ResponseContext<'_>) -> T) -> T {
    let body = Bytes::from_static(
        br#"{"model":"fast","input":"x","temperature":0.50,"tools":[{"type":"web_search"}]}"#,
    );
    let request = Request {
        body,
        model: "fast".into(),
        ..Request::default()
    };
    let origin = Origin {
        dialect: Dialect::named(dialect),
        provider: "p".into(),
        model: "m".into(),
    };
    run(&ResponseContext {
        request: &request,
        operation: Operation::Generate,
        query: None,
        origin: &origin,
        request_id: "r",
        received_at: Duration::from_secs(5),
        completed_at: Duration::from_secs(5),
    })
}

fn write(dialect: &'static str, events: &[Event]) -> Vec<serde_json::Value> {
    let mut out = BytesMut::new();
    with_ask(dialect, |ask| {
        let mut encoder = OpenaiResponses.stream_encoder(ask);
        events
            .iter()
            .for_each(|event| encoder.push(event, &mut out));
        assert_eq!(encoder.finish(&mut out), StreamEnd::Clean);
    });
    let mut frames = Vec::new();
    let mut reader = sse::Frames::default();
    let each = |frame: sse::Frame| {
        let value: serde_json::Value = serde_json::from_slice(&frame.data).unwrap();
        assert_eq!(value["type"].as_str().unwrap().as_bytes(), &frame.event[..]);
        frames.push(value);
        Ok(())
    };
    reader.push(out.freeze(), each).unwrap();
    for (number, frame) in frames.iter().enumerate() {
        assert_eq!(frame["sequence_number"], number);
    }
    frames
}

fn kinds(frames: &[serde_json::Value]) -> Vec<&str> {
    frames
        .iter()
        .map(|frame| {
            frame["type"]
                .as_str()
                .unwrap()
                .trim_start_matches("response.")
        })
        .collect()
}

fn part(part: u32, head: PartHead, inner: Vec<Event>) -> Vec<Event> {
    let at = PartIndex { choice: 0, part };
    let mut events = vec![Event::PartStart { at, head }];
    events.extend(inner);
    events.push(Event::PartEnd { at });
    events
}

fn delta(part: u32, text: &str) -> Event {
    Event::Delta {
        at: PartIndex { choice: 0, part },
        text: text.into(),
    }
}

fn finish(reason: FinishReason) -> Event {
    Event::Finish {
        choice: 0,
        reason,
        sequence: None,
        detail: None,
    }
}

fn call(free: bool) -> PartHead {
    PartHead::ToolCall {
        id: "c1".into(),
        name: "run".into(),
        namespace: Some("ns".into()),
        free,
    }
}

#[test]
fn text_is_written_in_the_dialects_grammar() {
    let mut events = vec![Event::Start(crate::canon::Start::default())];
    events.extend(part(
        0,
        PartHead::Text,
        vec![delta(0, "Hel"), delta(0, "lo")],
    ));
    events.push(Event::Usage(Usage {
        input: Some(3),
        output: Some(2),
        ..Usage::default()
    }));
    events.push(finish(FinishReason::End));
    let frames = write("anthropic", &events);
    let expected = [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(kinds(&frames), expected);
    let delta = serde_json::json!({"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_r_0","output_index":0,
        "content_index":0,"delta":"Hel","logprobs":[]});
    assert_eq!(frames[4], delta);
    let item = serde_json::json!({"id":"msg_r_0","type":"message","status":"completed","role":"assistant",
        "content":[{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]});
    assert_eq!(frames[8]["item"], item);
    let response = &frames[9]["response"];
    assert_eq!(response["output"], serde_json::json!([item]));
    assert_eq!(
        response["usage"],
        serde_json::json!({"input_tokens":3,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},
        "output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5})
    );
    assert_eq!(
        (&response["id"], &response["created_at"], &response["model"]),
        (&"resp_r".into(), &5.into(), &"fast".into())
    );
    assert_eq!(
        (&response["temperature"], &response["tool_choice"]),
        (&0.5.into(), &"auto".into())
    );
    assert_eq!(
        response["tools"],
        serde_json::json!([{"type":"web_search"}])
    );
}

#[test]
fn reasoning_and_calls_are_items_of_their_own() {
    let at = PartIndex { choice: 0, part: 0 };
    let reasoning = vec![
        delta(0, "one"),
        Event::Paragraph { at },
        delta(0, "two"),
        Event::Signature {
            at,
            value: "tok".into(),
        },
    ];
    let mut events = part(0, PartHead::Reasoning(ReasoningForm::Full), reasoning);
    events.extend(part(1, call(false), vec![]));
    events.extend(part(2, call(true), vec![delta(2, "free")]));
    events.push(finish(FinishReason::ToolCalls));
    let frames = write("anthropic", &events);
    let expected = [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(kinds(&frames), expected);
    let output = frames.last().unwrap()["response"]["output"].clone();
    let carried = EscapedStr::from(output[0]["encrypted_content"].as_str().unwrap());
    assert!(carried.as_escaped().starts_with(envelope::PREFIX));
    assert_eq!(
        output[0]["summary"][1],
        serde_json::json!({"type":"summary_text","text":"two"})
    );
    assert_eq!(
        output[0]["content"],
        serde_json::json!([{"type":"reasoning_text","text":"one"},{"type":"reasoning_text","text":"two"}])
    );
    let function = serde_json::json!({"id":"fc_r_1","type":"function_call","status":"completed","arguments":"{}","call_id":"c1",
        "name":"run","namespace":"ns"});
    assert_eq!(output[1], function);
    assert_eq!(output[2]["input"], "free");
}

#[test]
fn a_signed_call_is_followed_by_its_token() {
    let at = PartIndex { choice: 0, part: 0 };
    let mut events = part(
        0,
        call(false),
        vec![
            delta(0, "{}"),
            Event::Signature {
                at,
                value: "tok".into(),
            },
        ],
    );
    events.push(finish(FinishReason::ToolCalls));
    let frames = write("openai_responses_of_another_name", &events);
    let output = frames.last().unwrap()["response"]["output"].clone();
    assert_eq!(
        (&output[0]["type"], &output[1]["type"]),
        (&"function_call".into(), &"reasoning".into())
    );
    assert!(
        output[1]["encrypted_content"]
            .as_str()
            .unwrap()
            .starts_with(envelope::PREFIX)
    );
}

#[test]
fn log_probabilities_come_with_the_text() {
    let at = PartIndex::default();
    let list = |token: &'static str| Event::Logprobs {
        at,
        list: Raw::from_static(token),
    };
    let inner = vec![
        list(r#"[{"token":"a","logprob":-1}]"#),
        delta(0, "a"),
        list(r#"[{"token":"b","logprob":-1}]"#),
        delta(0, "b"),
    ];
    let mut events = part(0, PartHead::Text, inner);
    events.push(finish(FinishReason::End));
    let frames = write("openai_chat", &events);
    let whole = |token: &str, byte: u8| serde_json::json!({"token":token,"logprob":-1,"bytes":[byte],"top_logprobs":[]});
    assert_eq!(frames[5]["logprobs"], serde_json::json!([whole("b", 98)]));
    assert_eq!(
        frames[6]["logprobs"],
        serde_json::json!([whole("a", 97), whole("b", 98)])
    );
}

#[test]
fn texts_and_refusals_that_follow_one_another_share_a_message() {
    let mut events = part(0, PartHead::Text, vec![delta(0, "a")]);
    events.extend(part(1, PartHead::Refusal, vec![delta(1, "b")]));
    events.push(finish(FinishReason::Length));
    let output = write("openai_chat", &events).pop().unwrap()["response"]["output"].clone();
    assert_eq!(output.as_array().unwrap().len(), 1);
    assert_eq!(output[0]["status"], "incomplete", "the last item was cut");
    assert_eq!(
        output[0]["content"][1],
        serde_json::json!({"type":"refusal","refusal":"b"})
    );
}

#[test]
fn what_the_dialect_cannot_say_leaves_no_trace() {
    let at = PartIndex { choice: 0, part: 1 };
    let hosted = PartHead::Hosted {
        kind: "server_tool_use".into(),
        raw: Raw::from_static("{}"),
    };
    let mut events = part(0, PartHead::Text, vec![delta(0, "a")]);
    events.extend(part(
        1,
        hosted,
        vec![
            delta(1, "x"),
            Event::Signature {
                at,
                value: "t".into(),
            },
            Event::Paragraph { at },
        ],
    ));
    events.push(finish(FinishReason::End));
    let mut plain = part(0, PartHead::Text, vec![delta(0, "a")]);
    plain.push(finish(FinishReason::End));
    assert_eq!(write("anthropic", &events), write("anthropic", &plain));
}

#[test]
fn each_finish_has_its_status() {
    for (reason, kind, detail) in [
        (
            FinishReason::StopSequence,
            "completed",
            serde_json::Value::Null,
        ),
        (
            FinishReason::Length,
            "incomplete",
            "max_output_tokens".into(),
        ),
        (
            FinishReason::ContextFull,
            "incomplete",
            "max_output_tokens".into(),
        ),
        (
            FinishReason::Filtered,
            "incomplete",
            "content_filter".into(),
        ),
        (FinishReason::Malformed, "failed", serde_json::Value::Null),
    ] {
        let frames = write("anthropic", &[finish(reason)]);
        let last = frames.last().unwrap();
        assert_eq!(last["type"], format!("response.{kind}"));
        assert_eq!(last["response"]["status"], kind);
        assert_eq!(last["response"]["incomplete_details"]["reason"], detail);
    }
}

#[test]
fn a_refusal_told_by_the_finish_alone_gets_its_words() {
    let refusal = Event::Finish {
        choice: 0,
        reason: FinishReason::Refusal,
        sequence: None,
        detail: Some("no".into()),
    };
    let frames = write("anthropic", &[refusal]);
    let output = &frames.last().unwrap()["response"]["output"];
    assert_eq!(
        output[0]["content"],
        serde_json::json!([{"type":"refusal","refusal":"no"}])
    );
}

#[test]
fn a_failed_answer_ends_once_and_never_cleanly() {
    let mut events = vec![
        Event::PartStart {
            at: PartIndex::default(),
            head: PartHead::Text,
        },
        delta(0, "par"),
    ];
    events.push(Event::Failed(Fault::upstream("gone")));
    let frames = write("anthropic", &events);
    let last = frames.last().unwrap();
    assert_eq!(last["type"], "response.failed");
    assert_eq!(
        last["response"]["error"],
        serde_json::json!({"code":"server_error","message":"gone"})
    );
    let broken = write("anthropic", &[delta(0, "x")]);
    assert_eq!(
        broken.last().unwrap()["type"],
        "response.failed",
        "no finish is no end"
    );
}

#[test]
fn the_whole_answer_is_what_the_stream_ends_with() {
    let response = decode_whole(RESPONSE).unwrap();
    let frames = write("openai_responses", &read(&[full_stream().as_bytes()]));
    let whole = with_ask("openai_responses", |ask| {
        OpenaiResponses.encode_response(&response, ask, &mut Losses::default())
    });
    let whole: serde_json::Value = serde_json::from_slice(&whole.unwrap()).unwrap();
    assert_eq!(frames.last().unwrap()["response"], whole);
    assert_eq!(whole["output"][0]["encrypted_content"], "gAAA");
    assert_eq!(
        whole["output"][1]["content"][0]["annotations"],
        serde_json::json!([{"type":"url_citation","url":"u"}])
    );
}
