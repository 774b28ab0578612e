//! Responses to clients.

use std::time::Duration;

use super::*;

fn context_of<'a>(
    request: &'a Request,
    origin: &'a Origin,
    query: Option<&'a str>,
) -> ResponseContext<'a> {
    ResponseContext {
        request,
        operation: Operation::StreamGenerate,
        query,
        origin,
        request_id: "req_1",
        received_at: Duration::ZERO,
        completed_at: Duration::ZERO,
    }
}

fn origin(dialect: &'static str) -> Origin {
    Origin {
        dialect: Dialect::named(dialect),
        provider: "p".into(),
        model: "up".into(),
    }
}

fn showing() -> Request {
    let asked = Reasoning {
        display: located(ReasoningDisplay::Summary(None)),
        ..Reasoning::default()
    };
    Request {
        reasoning: located(asked),
        ..Request::default()
    }
}

fn write(events: &[Event], context: &ResponseContext<'_>) -> (String, StreamEnd) {
    let (mut encoder, mut out) = (Gemini.stream_encoder(context), BytesMut::new());
    events
        .iter()
        .for_each(|event| encoder.push(event, &mut out));
    let ending = encoder.finish(&mut out);
    (String::from_utf8(out.to_vec()).unwrap(), ending)
}

fn part(index: u32, head: PartHead, text: &str, signature: Option<&str>) -> Vec<Event> {
    let at = PartIndex {
        choice: 0,
        part: index,
    };
    let mut events = vec![Event::PartStart { at, head }];
    events.extend((!text.is_empty()).then(|| Event::Delta {
        at,
        text: text.into(),
    }));
    events.extend(signature.map(|signature| Event::Signature {
        at,
        value: signature.into(),
    }));
    events.push(Event::PartEnd { at });
    events
}

fn answer_events() -> Vec<Event> {
    let tool = PartHead::ToolCall {
        id: "toolu_1".into(),
        name: "f".into(),
        namespace: None,
        free: false,
    };
    let mut events = vec![Event::Start(Start {
        id: Some("msg".into()),
        ..Start::default()
    })];
    events.extend(part(
        0,
        PartHead::Reasoning(ReasoningForm::Full),
        "hm",
        Some("tok"),
    ));
    events.extend(part(1, PartHead::Text, "Hi", None));
    events.extend(part(2, tool, r#"{"a":1}"#, None));
    events.push(Event::Usage(Usage {
        input: Some(4),
        output: Some(6),
        reasoning: Some(1),
        ..Usage::default()
    }));
    events.push(Event::Finish {
        choice: 0,
        reason: FinishReason::ToolCalls,
        sequence: None,
        detail: None,
    });
    events
}

#[test]
fn a_stream_is_one_chunk_a_delta_and_the_end_last() {
    let (request, origin) = (Request::default(), origin("anthropic"));
    let (stream, ending) = write(
        &answer_events(),
        &context_of(&request, &origin, Some("alt=sse")),
    );
    let wrapped = envelope::wrap(&origin, ReasoningForm::Full, Some(&"tok".into()));
    let expected = [
        r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"index":0}],"modelVersion":"up","responseId":"msg"}"#.to_owned(),
        format!(
            r#"data: {{"candidates":[{{"content":{{"role":"model","parts":[{{"functionCall":{{"id":"toolu_1","name":"f","args":{{"a":1}}}},"thoughtSignature":"{}"}}]}},"index":0}}],"modelVersion":"up","responseId":"msg"}}"#,
            wrapped.as_escaped()
        ),
        r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":1,"totalTokenCount":10},"modelVersion":"up","responseId":"msg"}"#.to_owned(),
        String::new(),
    ];
    assert_eq!(stream, expected.join("\n\n"));
    assert_eq!(ending, StreamEnd::Clean);
}

#[test]
fn thoughts_are_shown_only_to_those_who_asked() {
    let (request, origin) = (showing(), origin("anthropic"));
    let (stream, _) = write(
        &answer_events(),
        &context_of(&request, &origin, Some("alt=sse")),
    );
    assert!(stream.contains(r#"{"text":"hm","thought":true}"#));
    assert_eq!(
        stream.matches("AeroEnvelope").count(),
        2,
        "on the thought and on the call"
    );
}

#[test]
fn a_token_without_a_call_stands_on_an_empty_text() {
    let mut events = part(
        0,
        PartHead::Reasoning(ReasoningForm::Redacted),
        "",
        Some("tok"),
    );
    events.extend(part(1, PartHead::Text, "Hi", None));
    events.push(Event::Finish {
        choice: 0,
        reason: FinishReason::End,
        sequence: None,
        detail: None,
    });
    let (request, foreign, own) = (Request::default(), origin("anthropic"), origin("gemini"));
    let (stream, _) = write(&events, &context_of(&request, &foreign, Some("alt=sse")));
    assert!(
        stream.contains(r#"{"text":"","thoughtSignature":"AeroEnvelope"#),
        "{stream}"
    );
    let (stream, _) = write(&events, &context_of(&request, &own, Some("alt=sse")));
    assert!(
        stream.contains(r#"{"text":"","thoughtSignature":"tok"}"#),
        "{stream}"
    );
}

#[test]
fn without_alt_sse_an_array_is_streamed() {
    let (request, origin) = (Request::default(), origin("openai_chat"));
    let (stream, ending) = write(&answer_events(), &context_of(&request, &origin, None));
    let value: serde_json::Value = serde_json::from_str(&stream).unwrap();
    assert_eq!(
        (value.as_array().unwrap().len(), ending),
        (3, StreamEnd::Clean)
    );
    assert!(stream.contains("},\r\n{"));
}

#[test]
fn a_failure_is_the_last_record_and_breaks_the_connection() {
    let mut fault =
        crate::canon::Fault::new(FaultKind::Overloaded, crate::canon::Blame::Provider, "busy");
    fault.retry_after = Some(std::time::Duration::from_secs(2));
    let (request, origin) = (Request::default(), origin("openai_chat"));
    let mut events = answer_events();
    events.truncate(8);
    events.push(Event::Failed(fault.clone()));
    let error = r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2s"}]}}"#;
    let (stream, ending) = write(&events, &context_of(&request, &origin, Some("alt=sse")));
    assert!(
        stream.ends_with(&format!("\n\ndata: {error}\n\n")) && ending == StreamEnd::Abort,
        "{stream}"
    );
    let (array, ending) = write(&events, &context_of(&request, &origin, None));
    assert!(
        array.ends_with(&format!(",\r\n{error}]")) && ending == StreamEnd::Abort,
        "{array}"
    );
    let mut out = BytesMut::new();
    let passed = |query, records| PassthroughState { query, records };
    assert_eq!(
        Gemini.encode_stream_fault(&fault, &passed(Some("alt=sse"), 1), &mut out),
        StreamEnd::Abort
    );
    assert_eq!(out.split(), format!("data: {error}\n\n"));
    Gemini.encode_stream_fault(&fault, &passed(None, 1), &mut out);
    assert_eq!(out.split(), format!(",\r\n{error}]"));
    Gemini.encode_stream_fault(&fault, &passed(None, 0), &mut out);
    assert_eq!(out, format!("[{error}]"));
}

#[test]
fn a_stream_without_its_end_breaks_off() {
    let (request, origin) = (Request::default(), origin("openai_chat"));
    let mut events = answer_events();
    events.pop();
    let (stream, ending) = write(&events, &context_of(&request, &origin, Some("alt=sse")));
    assert!(!stream.contains("finishReason") && ending == StreamEnd::Abort);
}

#[test]
fn arguments_that_are_no_object_end_the_answer_as_malformed() {
    let tool = PartHead::ToolCall {
        id: "1".into(),
        name: "f".into(),
        namespace: None,
        free: false,
    };
    let mut events = part(0, tool, r#"{"a":"#, None);
    events.push(Event::Finish {
        choice: 0,
        reason: FinishReason::ToolCalls,
        sequence: None,
        detail: None,
    });
    let (request, origin) = (Request::default(), origin("openai_chat"));
    let (stream, _) = write(&events, &context_of(&request, &origin, Some("alt=sse")));
    assert!(
        stream.contains("MALFORMED_FUNCTION_CALL") && !stream.contains("\"functionCall\""),
        "{stream}"
    );
}

#[test]
fn a_whole_answer_says_what_its_stream_says() {
    let answer = fold(read(&[STREAM.as_bytes()]));
    let (request, origin) = (showing(), origin("gemini"));
    let context = context_of(&request, &origin, Some("alt=sse"));
    let (stream, _) = write(&answer.events(), &context);
    assert_eq!(fold(read(&[stream.as_bytes()])), answer);
    let mut losses = Losses::default();
    let body = Gemini
        .encode_response(&answer, &context, &mut losses)
        .unwrap();
    assert_eq!(
        Gemini
            .decode_response(body.clone(), &decode_context())
            .unwrap(),
        answer
    );
    let expected = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"#;
    assert!(String::from_utf8_lossy(&body).starts_with(expected));
    assert!(String::from_utf8_lossy(&body).contains("llo\",\"thoughtSignature\":\"c2ln\"}"));
}

#[test]
fn losses_of_an_answer_are_named() {
    let at = PartIndex::default();
    let mut events = part(0, PartHead::Text, "Hi", None);
    events.insert(
        1,
        Event::Cite {
            at,
            raw: Raw::from_static("{}"),
        },
    );
    events.extend(part(
        1,
        PartHead::Hosted {
            kind: "k".into(),
            raw: Raw::from_static("{}"),
        },
        "",
        None,
    ));
    events.push(Event::Finish {
        choice: 0,
        reason: FinishReason::End,
        sequence: None,
        detail: None,
    });
    let (request, origin, mut losses) =
        (Request::default(), origin("anthropic"), Losses::default());
    let body = Gemini.encode_response(
        &fold(events),
        &context_of(&request, &origin, None),
        &mut losses,
    );
    assert_eq!(noted(losses, b""), ["-citations", "-hosted_tools"]);
    assert_eq!(
        body.unwrap(),
        r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0}],"modelVersion":"up","responseId":"req_1"}"#
    );
}
