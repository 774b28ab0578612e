//! Responses of upstreams.

use proptest::prelude::*;

use super::*;

#[test]
fn a_stream_becomes_parts_in_order() {
    let answer = fold(read(&[STREAM.as_bytes()]));
    let parts = &answer.choices[0].parts;
    let texts: Vec<_> = parts
        .iter()
        .map(|part| part.text().to_plain().into_owned())
        .collect();
    assert_eq!(texts, ["hm", "H\u{e9}llo", r#"{"a":[1.50]}"#, "{}"]);
    assert!(matches!(
        parts[0].head,
        PartHead::Reasoning(ReasoningForm::Summary)
    ));
    assert_eq!(parts[1].signature, Some("c2ln".into()));
    assert_eq!(parts[2].signature, Some("Zg==".into()));
    assert!(
        matches!(&parts[2].head, PartHead::ToolCall { id, .. } if id.to_plain().starts_with("call_"))
    );
    assert!(matches!(&parts[3].head, PartHead::ToolCall { id, .. } if *id == "x"));
    assert_eq!(answer.choices[0].finish, Some(FinishReason::ToolCalls));
    assert_eq!(
        (
            answer.usage.input,
            answer.usage.output,
            answer.usage.reasoning
        ),
        (Some(5), Some(5), Some(3))
    );
    assert_eq!(
        (answer.start.id, answer.start.model),
        (Some("r".into()), Some("g".into()))
    );
}

#[test]
fn the_service_tier_is_read_where_it_is_told() {
    let tier_of = |usage: &str, header: Option<&str>| {
        let context = DecodeContext {
            tier: header.map(EscapedStr::from),
            ..decode_context()
        };
        let body = format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"a"}}]}},"finishReason":"STOP"}}],"usageMetadata":{usage}}}"#
        );
        let response = Gemini.decode_response(Bytes::from(body), &context);
        response.unwrap().start.tier
    };
    let told = r#"{"promptTokenCount":1,"serviceTier":"FLEX"}"#;
    assert_eq!(tier_of(told, None), Some("FLEX".into()));
    assert_eq!(tier_of(told, Some("standard")), Some("FLEX".into()));
    assert_eq!(tier_of("{}", Some("priority")), Some("priority".into()));
    assert_eq!(tier_of("{}", None), None);
}

#[test]
fn every_cut_before_the_end_is_a_failure() {
    let whole = STREAM.len() - 2;
    for cut in (0..whole).filter(|&cut| STREAM.is_char_boundary(cut)) {
        // The last record is whole before its blank line.
        let is_whole = STREAM[..cut].ends_with("10}}");
        assert_eq!(
            failure(&read(&[&STREAM.as_bytes()[..cut]])).is_none(),
            is_whole,
            "cut at {cut}"
        );
    }
}

#[test]
fn the_array_form_gives_the_same_answer() {
    let records: Vec<_> = STREAM
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    let array = format!("[{}\r\n]", records.join(",\r\n"));
    assert_eq!(
        fold(read(&[array.as_bytes()])),
        fold(read(&[STREAM.as_bytes()]))
    );
    assert_eq!(
        Gemini
            .decode_response(array.into(), &decode_context())
            .unwrap(),
        fold(read(&[STREAM.as_bytes()]))
    );
}

#[test]
fn errors_inside_a_stream_are_read_in_each_form() {
    let error = r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#;
    let begun = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
    for stream in [
        format!("data: {begun}\n\ndata: {error}\n\n"),
        format!("data: {begun}\n\n{error}"),
        format!("data: {begun}\r\n\r\n{error}\n"),
        error.to_owned(),
        format!("[{error}]"),
        format!("[{begun},\r\n{error}\r\n]"),
    ] {
        assert_eq!(
            failure(&read(&[stream.as_bytes()])),
            Some(FaultKind::Overloaded),
            "{stream}"
        );
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(
            failure(&read(&bytes)),
            Some(FaultKind::Overloaded),
            "{stream}"
        );
    }
}

#[test]
fn a_signature_ends_its_text_and_metadata_waits_for_some() {
    let stream = concat!(
        "data: {\"candidates\":[{\"citationMetadata\":{\"c\":1}}]}\n\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\",\"thoughtSignature\":\"MQ==\"},{\"text\":\"b\"},{\"text\":\"c\",\"thoughtSignature\":\"Mg==\"},",
        "{\"text\":\"\",\"thoughtSignature\":\"Mw==\"}]},\"finishReason\":\"STOP\"}]}\n\n",
    );
    let answer = fold(read(&[stream.as_bytes()]));
    let parts: Vec<_> = answer.choices[0]
        .parts
        .iter()
        .map(|part| (part.text(), part.signature.clone().unwrap()))
        .collect();
    assert_eq!(
        parts,
        [("a", "MQ=="), ("bc", "Mg=="), ("", "Mw==")]
            .map(|(text, signature)| (EscapedStr::from(text), EscapedStr::from(signature)))
    );
    assert_eq!(
        answer.choices[0].parts[2].head,
        PartHead::Reasoning(ReasoningForm::Redacted)
    );
    assert_eq!(
        answer.choices[0].parts[0].citations[0].as_str(),
        r#"{"citationMetadata":{"c":1}}"#
    );
}

#[test]
fn as_many_candidates_are_read_as_any_dialect_has() {
    let candidate = |index: u32| {
        format!(
            r#"{{"content":{{"parts":[{{"text":"a"}}]}},"finishReason":"STOP","index":{index}}}"#
        )
    };
    let candidates: Vec<String> = (0..9).map(candidate).collect();
    let body = format!(r#"{{"candidates":[{}]}}"#, candidates.join(","));
    let answer = Gemini
        .decode_response(body.into(), &decode_context())
        .unwrap();
    assert_eq!(answer.choices.len(), 9);
}

#[test]
fn a_blocked_prompt_is_filtered_and_empty() {
    let answer = Gemini
        .decode_response(
            r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#.into(),
            &decode_context(),
        )
        .unwrap();
    assert_eq!(answer.choices[0].finish, Some(FinishReason::Filtered));
    assert!(answer.choices[0].parts.is_empty());
}

#[test]
fn candidates_sources_and_media_find_their_place() {
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AA=="}},{"executableCode":{"code":"1"}}]},"finishReason":"STOP","index":1},
        {"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS","index":0,"groundingMetadata":{"q":1},
        "logprobsResult":{"chosenCandidates":[{"token":"b","logProbability":-1}]}}]}"#;
    let answer = Gemini
        .decode_response(body.into(), &decode_context())
        .unwrap();
    assert_eq!(answer.choices[0].finish, Some(FinishReason::Length));
    assert_eq!(
        answer.choices[0].parts[0].citations[0].as_str(),
        r#"{"groundingMetadata":{"q":1}}"#
    );
    assert_eq!(answer.choices[0].parts[0].logprobs.len(), 1);
    let heads: Vec<_> = answer.choices[1]
        .parts
        .iter()
        .map(|part| part.head.clone())
        .collect();
    let code = PartHead::Hosted {
        kind: "executableCode".into(),
        raw: Raw::from_static(r#"{"code":"1"}"#),
    };
    assert_eq!(
        heads,
        [
            PartHead::Text,
            PartHead::Media {
                mime: "image/png".into()
            },
            code
        ]
    );
}

#[test]
fn nothing_after_a_failure_matters() {
    let error = r#"{"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}"#;
    for rest in ["data: {not json}\n\n", "data: {\"candidates\":1}\n\n"] {
        let failed = read(&[format!("data: {error}\n\n").as_bytes()]);
        assert!(matches!(failed[..], [Event::Failed(_)]));
        assert_eq!(
            read(&[format!("data: {error}\n\n{rest}").as_bytes()]),
            failed
        );
    }
    assert_eq!(read(&[format!("[{error}]<html>").as_bytes()]).len(), 1);
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(mut cuts in proptest::collection::vec(0..STREAM.len(), 0..8)) {
        cuts.extend([0, STREAM.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &STREAM.as_bytes()[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&chunks), read(&[STREAM.as_bytes()]));
    }

    #[test]
    fn no_bytes_make_the_decoders_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0..STREAM.len(), byte: u8) {
        let mut mutated = STREAM.as_bytes().to_vec();
        mutated[at] = byte;
        read(&[&mutated]);
        read(&[&bytes]);
        let _ = Gemini.decode_response(bytes.clone().into(), &decode_context());
        let _ = decode_as(Operation::Generate, &String::from_utf8_lossy(&bytes));
        let _ = Gemini.body_info(&mutated.into());
    }
}
