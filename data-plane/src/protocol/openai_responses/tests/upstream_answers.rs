//! Answers of upstreams.

use super::*;

#[test]
fn a_stream_folds_to_the_whole_answer() {
    let whole = decode_whole(RESPONSE).unwrap();
    assert_eq!(fold(read(&[full_stream().as_bytes()])).unwrap(), whole);
    let parts = &whole.choices[0].parts;
    assert_eq!(
        parts[0].texts,
        [EscapedStr::from("one"), EscapedStr::from("two")]
    );
    assert_eq!(parts[0].signature, Some("rs_1 gAAA".into()));
    assert_eq!(parts[1].citations.len(), 1);
    assert_eq!(parts[2].text(), r#"{"a":1}"#);
    assert_eq!(whole.choices[0].finish, Some(FinishReason::ToolCalls));
    let usage = Usage {
        input: Some(9),
        cache_read: Some(4),
        output: Some(5),
        reasoning: Some(2),
        ..Usage::default()
    };
    assert_eq!(whole.usage, usage);
}

/// What `canon::Event` promises of every sequence.
fn check_promises(events: &[Event]) {
    let (mut open, mut next, mut is_started, mut is_over) = (None, 0, false, false);
    for event in events {
        assert!(!is_over, "nothing comes after a failure");
        match event {
            Event::Start(_) => assert!(!std::mem::replace(&mut is_started, true), "one start"),
            Event::PartStart { at, .. } => {
                assert!(is_started && at.part == next, "parts are counted");
                assert_eq!(open.replace(*at), None, "parts do not overlap");
                next += 1;
            }
            Event::PartEnd { at } => assert_eq!(open.take(), Some(*at)),
            Event::Delta { at, .. }
            | Event::Paragraph { at }
            | Event::Signature { at, .. }
            | Event::Cite { at, .. } => {
                assert_eq!(open, Some(*at));
            }
            Event::Finish { .. } => assert_eq!(open, None),
            Event::Failed(_) => is_over = true,
            _ => {}
        }
    }
}

#[test]
fn parts_never_overlap_where_items_do() {
    check_promises(&read(&[full_stream().as_bytes()]));
}

#[test]
fn an_item_that_turns_out_to_be_unknown_ends_the_part_it_began() {
    check_promises(&read(&[stream(&[
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"hm"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"new_kind"}}"#,
        r#"{"type":"response.completed","response":{"status":"completed"}}"#,
    ])
    .as_bytes()]));
}

#[test]
fn servers_that_send_only_the_end_are_read_too() {
    let end = stream(&[&format!(
        r#"{{"type":"response.completed","response":{}}}"#,
        RESPONSE.replace('\n', "")
    )]);
    assert_eq!(
        fold(read(&[end.as_bytes()])).unwrap(),
        decode_whole(RESPONSE).unwrap()
    );
}

#[test]
fn a_stream_cut_at_any_record_fails() {
    let whole = full_stream();
    let records: Vec<&str> = whole.split_inclusive("\n\n").collect();
    for kept in 0..records.len() {
        let events = read(&[records[..kept].concat().as_bytes()]);
        assert!(
            matches!(events.last(), Some(Event::Failed(_))),
            "after {kept} records"
        );
    }
}

#[test]
fn failures_are_told_in_both_forms() {
    let failed = r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"}}}"#;
    let error = r#"{"type":"error","code":"rate_limit_exceeded","message":"slow","param":null}"#;
    for record in [failed, error] {
        let fault = fold(read(&[stream(&[record]).as_bytes()])).unwrap_err();
        assert_eq!(
            (fault.kind, &*fault.message),
            (FaultKind::RateLimited, "slow")
        );
    }
    let body = r#"{"status":"failed","error":{"code":"server_error","message":"m"},"output":[]}"#;
    assert_eq!(decode_whole(body).unwrap_err().kind, FaultKind::Upstream);
    assert!(decode_whole(r#"{"status":"in_progress","output":[]}"#).is_err());
    assert!(decode_whole("<html>").is_err());
}

#[test]
fn texts_that_only_the_done_events_hold_are_read() {
    let records = stream(&[
        r#"{"type":"response.content_part.added","output_index":0,"content_index":0,"part":{"type":"refusal","refusal":""}}"#,
        r#"{"type":"response.refusal.done","output_index":0,"content_index":0,"refusal":"no"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"refusal","refusal":"no"}]}}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[]}}"#,
    ]);
    let response = fold(read(&[records.as_bytes()])).unwrap();
    assert_eq!(response.choices[0].parts[0].head, PartHead::Refusal);
    assert_eq!(response.choices[0].parts[0].texts, [EscapedStr::from("no")]);
    assert_eq!(response.choices[0].finish, Some(FinishReason::Refusal));
}

#[test]
fn raw_reasoning_is_shown_in_full_and_hosted_items_stay_whole() {
    let search = r#"{"type":"web_search_call","id":"ws_1","status":"completed"}"#;
    let body = format!(
        r#"{{"status":"completed","output":[{{"type":"reasoning","summary":[],"content":[{{"type":"reasoning_text","text":"deep"}}]}},{search}]}}"#
    );
    let parts = decode_whole(&body).unwrap().choices.remove(0).parts;
    assert_eq!(parts[0].head, PartHead::Reasoning(ReasoningForm::Full));
    assert_eq!(parts[0].text(), "deep");
    let PartHead::Hosted { kind, raw } = &parts[1].head else {
        panic!("a hosted item")
    };
    assert_eq!((kind, raw.as_str()), (&"web_search_call".into(), search));
}

#[test]
fn a_call_without_an_id_gets_one() {
    let body =
        r#"{"status":"completed","output":[{"type":"function_call","name":"f","arguments":"{}"}]}"#;
    let answering = DecodeContext {
        request_id: "r".into(),
        ..DecodeContext::default()
    };
    let response = OpenaiResponses
        .decode_response(Bytes::from_static(body.as_bytes()), &answering)
        .unwrap();
    let PartHead::ToolCall { id, .. } = &response.choices[0].parts[0].head else {
        panic!("a call")
    };
    assert_eq!(*id, "call_r_0");
}

#[test]
fn an_answer_that_was_cut_says_why() {
    for (reason, expected) in [
        ("max_output_tokens", FinishReason::Length),
        ("content_filter", FinishReason::Filtered),
        ("steered", FinishReason::Length),
    ] {
        let body = format!(
            r#"{{"status":"incomplete","incomplete_details":{{"reason":"{reason}"}},"output":[]}}"#
        );
        // Without parts and choices the finish makes the choice.
        assert_eq!(
            decode_whole(&body).unwrap().choices[0].finish,
            Some(expected)
        );
    }
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let whole = full_stream();
        let bytes = whole.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&chunks), read(&[bytes]));
    }

    #[test]
    fn events_keep_their_promises_whatever_the_order_of_records(picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..40)) {
        let whole = full_stream();
        let records: Vec<&str> = whole.split_inclusive("\n\n").collect();
        let shuffled: String = picks.iter().map(|pick| records[pick.index(records.len())]).collect();
        let events = read(&[shuffled.as_bytes()]);
        check_promises(&events);
        let is_last = |event: &Event| matches!(event, Event::Failed(_) | Event::Finish { .. });
        prop_assert!(events.last().is_some_and(is_last));
    }

    #[test]
    fn no_mutation_makes_a_decoder_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = full_stream().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let cut = cut.index(bytes.len());
        bytes.drain(cut..(cut + 9).min(bytes.len()));
        read(&[&bytes]);
        let mut body = RESPONSE.as_bytes().to_vec();
        let at = at % body.len();
        body[at] = byte;
        let _ = OpenaiResponses.decode_response(Bytes::from(body.clone()), &DecodeContext::default());
        let _ = OpenaiResponses.body_info(&Bytes::from(body));
    }
}
