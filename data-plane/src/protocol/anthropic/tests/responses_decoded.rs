use proptest::prelude::*;

use super::*;
use crate::canon::{
    FaultKind, FinishReason, Fold, PartHead, PartIndex, ReasoningForm, Response, Usage,
};
use crate::json::Raw;
use crate::protocol::sse::Frame;

fn record(data: &str) -> String {
    let kind: serde_json::Value = serde_json::from_str(data).unwrap();
    format!(
        "event: {}\ndata: {data}\n\n",
        kind["type"].as_str().unwrap()
    )
}

/// Thinking, a cited text, a call with arguments, a call without, a hosted call.
fn stream() -> String {
    [
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":2,"output_tokens":1,"service_tier":"standard"}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"h\u00e9"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqRk=="}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"Zm9v"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"see"}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"type":"char_location"}}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t_1","name":"get","input":{}}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"n\":12345"}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"678901234567890}"}}"#,
        r#"{"type":"content_block_stop","index":3}"#,
        r#"{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"t_2","name":"now","input":{}}}"#,
        r#"{"type":"content_block_stop","index":4}"#,
        r#"{"type":"content_block_start","index":5,"content_block":{"type":"server_tool_use","id":"s_1","name":"web_search","input":{}}}"#,
        r#"{"type":"content_block_delta","index":5,"delta":{"type":"input_json_delta","partial_json":"{\"q\":1}"}}"#,
        r#"{"type":"content_block_stop","index":5}"#,
        r#"{"type":"news_of_2030","payload":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":30,"output_tokens_details":{"thinking_tokens":4}}}"#,
        r#"{"type":"message_stop"}"#,
    ]
    .map(record)
    .concat()
}

const WHOLE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[
    {"type":"thinking","thinking":"hém","signature":"EqRk=="},
    {"type":"redacted_thinking","data":"Zm9v"},
    {"type":"text","text":"see","citations":[{"type":"char_location"}]},
    {"type":"tool_use","id":"t_1","name":"get","input":{ "n": 12345678901234567890 }},
    {"type":"tool_use","id":"t_2","name":"now","input":{}},
    {"type":"server_tool_use","id":"s_1","name":"web_search","input":{"q":1}}],
    "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":2,
    "output_tokens":30,"output_tokens_details":{"thinking_tokens":4},"service_tier":"standard"}}"#;

fn fold(events: Vec<Event>) -> Response {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish().unwrap()
}

fn whole(body: &str) -> Result<Response, crate::canon::Fault> {
    Anthropic.decode_response(Bytes::from(body.to_owned()), &DecodeContext::default())
}

#[test]
fn a_stream_folds_to_the_whole_answer() {
    let folded = fold(events(&stream(), usize::MAX));
    assert_eq!(folded, whole(WHOLE).unwrap());
    let usage = Usage {
        input: Some(17),
        cache_read: Some(5),
        cache_write: Some(2),
        output: Some(30),
        reasoning: Some(4),
        ..Usage::default()
    };
    assert_eq!(folded.usage, usage);
    let choice = &folded.choices[0];
    assert_eq!(choice.finish, Some(FinishReason::ToolCalls));
    assert_eq!(
        choice.parts[0].head,
        PartHead::Reasoning(ReasoningForm::Full)
    );
    assert_eq!(
        (choice.parts[0].text(), choice.parts[0].signature.clone()),
        ("hém".into(), Some("EqRk==".into()))
    );
    assert_eq!(
        (
            choice.parts[1].signature.clone(),
            choice.parts[2].citations.len()
        ),
        (Some("Zm9v".into()), 1)
    );
    assert_eq!(choice.parts[3].text(), r#"{"n":12345678901234567890}"#);
    assert_eq!(choice.parts[4].text(), "{}");
    let raw = Raw::from_static(
        r#"{"type":"server_tool_use","id":"s_1","name":"web_search","input":{"q":1}}"#,
    );
    assert_eq!(
        choice.parts[5].head,
        PartHead::Hosted {
            kind: "server_tool_use".into(),
            raw
        }
    );
}

#[test]
fn records_without_an_event_name_are_read_by_their_type() {
    let unnamed: String = stream()
        .lines()
        .filter(|line| !line.starts_with("event:"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(fold(events(&unnamed, 7)), fold(events(&stream(), 7)));
}

#[test]
fn a_stream_cut_anywhere_fails_and_never_finishes() {
    let stream = stream();
    let last = stream.rfind("event: message_stop").unwrap();
    for cut in (0..last).step_by(13) {
        let mut decoder = Anthropic.stream_decoder(&DecodeContext::default());
        let mut events = Vec::new();
        decoder
            .push(
                Bytes::copy_from_slice(&stream.as_bytes()[..cut]),
                &mut events,
            )
            .unwrap();
        decoder.finish(&mut events);
        assert!(
            matches!(events.last(), Some(Event::Failed(_))),
            "cut at {cut}"
        );
        assert!(
            !events
                .iter()
                .any(|event| matches!(event, Event::Finish { .. })),
            "cut at {cut}"
        );
    }
}

#[test]
fn an_error_in_the_stream_ends_it() {
    let error = record(r#"{"type":"error","error":{"type":"overloaded_error","message":"full"}}"#);
    let events = events(&format!("{error}{}", stream()), 50);
    let [Event::Failed(fault)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::Overloaded, "full")
    );
}

#[test]
fn what_breaks_the_grammar_is_garbled() {
    let start = r#"{"type":"message_start","message":{}}"#;
    let block = |index| {
        format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"text","text":""}}}}"#
        )
    };
    let delta =
        r#"{"type":"content_block_delta","index":4,"delta":{"type":"text_delta","text":"a"}}"#;
    let usage = r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":1}}"#;
    let stop = r#"{"type":"message_stop"}"#;
    let cases = [
        vec![usage.into()],
        vec![block(0)],
        vec![start.into(), block(0), block(1)],
        vec![start.into(), delta.into()],
        vec![start.into(), block(0), stop.into()],
    ];
    for records in cases {
        let stream: String = records.iter().map(|data| record(data)).collect();
        let mut decoder = Anthropic.stream_decoder(&DecodeContext::default());
        assert!(
            decoder
                .push(Bytes::from(stream.clone()), &mut Vec::new())
                .is_err(),
            "{stream}"
        );
    }
}

#[test]
fn answers_that_are_none_are_faults() {
    let cases = [
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
            FaultKind::Overloaded,
        ),
        (r#"{"content":[],"stop_reason":null}"#, FaultKind::Upstream),
        ("<html>", FaultKind::Upstream),
        ("[]", FaultKind::Upstream),
    ];
    for (body, kind) in cases {
        assert_eq!(whole(body).unwrap_err().kind, kind, "{body}");
    }
}

#[test]
fn refusals_say_why() {
    let body = r#"{"content":[],"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"no"}}"#;
    let choice = whole(body).unwrap().choices.remove(0);
    assert_eq!(
        (choice.finish, choice.detail),
        (Some(FinishReason::Refusal), Some("no".into()))
    );
}

#[test]
fn a_passing_stream_is_only_glimpsed_at() {
    let frame = |event: &str, data: &str| Frame {
        event: Bytes::from(event.to_owned()),
        data: Bytes::from(data.to_owned()),
        is_bare: false,
    };
    let delta = Anthropic.frame_info(&frame("content_block_delta", "not even read"));
    assert!(delta.is_content && delta.usage.is_none());
    let start = r#"{"message":{"usage":{"input_tokens":3,"cache_read_input_tokens":4}}}"#;
    assert_eq!(
        Anthropic
            .frame_info(&frame("message_start", start))
            .usage
            .unwrap()
            .input,
        Some(7)
    );
    let end = Anthropic.frame_info(&frame(
        "message_delta",
        r#"{"delta":{},"usage":{"output_tokens":9}}"#,
    ));
    assert_eq!((end.usage.unwrap().output, end.is_end), (Some(9), false));
    assert!(Anthropic.frame_info(&frame("message_stop", "{}")).is_end);
    assert!(
        Anthropic
            .frame_info(&frame("", r#"{"type":"message_stop"}"#))
            .is_end
    );
    assert!(
        Anthropic
            .frame_info(&frame("error", r#"{"error":{"type":"api_error"}}"#))
            .fault
            .is_some()
    );
    let body = Anthropic
        .body_info(&Bytes::from_static(WHOLE.as_bytes()))
        .unwrap();
    assert_eq!(
        (body.usage.unwrap().input, body.is_content, body.is_end),
        (Some(17), true, true)
    );
}

#[test]
fn counts_are_read_and_written() {
    assert_eq!(
        Anthropic
            .decode_count(&Bytes::from_static(br#"{"input_tokens":7}"#))
            .unwrap(),
        7
    );
    assert!(Anthropic.decode_count(&Bytes::from_static(b"{}")).is_err());
    assert_eq!(Anthropic.encode_count(7), r#"{"input_tokens":7}"#);
}

/// Whether the events keep what [`Event`] promises.
fn keeps_the_promises(events: &[Event]) -> bool {
    let mut open: Option<PartIndex> = None;
    let mut next = 0;
    for event in events {
        match event {
            Event::PartStart { at, .. } if open.is_none() && at.part == next => open = Some(*at),
            Event::PartEnd { at } if open == Some(*at) => (open, next) = (None, next + 1),
            Event::Delta { at, .. } | Event::Signature { at, .. } | Event::Cite { at, .. }
                if open == Some(*at) => {}
            Event::Finish { .. } if open.is_none() => {}
            Event::Start(_) | Event::Usage(_) | Event::Ping | Event::Failed(_) => {}
            _ => return false,
        }
    }
    true
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(chunk_len in 1_usize..200) {
        prop_assert_eq!(events(&stream(), chunk_len), events(&stream(), usize::MAX));
    }

    #[test]
    fn no_bytes_break_the_decoders(at in 0_usize..4000, byte: u8, garbage in proptest::collection::vec(any::<u8>(), 0..60)) {
        for source in [stream(), WHOLE.to_owned()] {
            let mut bytes = source.into_bytes();
            let place = at % bytes.len();
            bytes[place] = byte;
            bytes.splice(place / 2..place / 2, garbage.iter().copied());
            let mut decoder = Anthropic.stream_decoder(&DecodeContext::default());
            let mut events = Vec::new();
            if decoder.push(Bytes::from(bytes.clone()), &mut events).is_ok() {
                decoder.finish(&mut events);
            }
            prop_assert!(keeps_the_promises(&events));
            let _ = Anthropic.decode_response(Bytes::from(bytes.clone()), &DecodeContext::default());
            let _ = decode_for(Operation::Generate, &String::from_utf8_lossy(&bytes));
        }
    }
}
