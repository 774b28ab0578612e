//! Literal wire JSON in, literal expectations out, read against the Completions reference.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::OpenaiCompletions;
use crate::canon::*;
use crate::protocol::{
    DecodeContext, DecodeError, Inbound, Operation, Protocol, ResponseContext, Target,
};

fn decode(body: &'static str) -> Result<Request, DecodeError> {
    let (headers, body) = (HeaderMap::new(), Bytes::from_static(body.as_bytes()));
    let inbound = Inbound {
        operation: Operation::Generate,
        path_model: None,
        query: None,
        headers: &headers,
        body: &body,
    };
    OpenaiCompletions.decode_request(&inbound)
}

#[test]
fn a_prompt_is_one_user_message() {
    for body in [
        r#"{"model":"m","prompt":"once","max_tokens":5,"echo":false}"#,
        r#"{"model":"m","prompt":["once"],"max_tokens":5}"#,
    ] {
        let request = decode(body).unwrap();
        assert_eq!(request.turns.len(), 1);
        assert_eq!(
            request.turns[0].parts,
            [Part::text("once".into(), Offset(0))]
        );
        assert_eq!(request.output_tokens_max.unwrap().value, 5);
        assert!(request.unknown.is_empty());
    }
}

#[test]
fn what_only_a_completions_endpoint_does_is_refused_by_name() {
    let cases = [
        (
            r#"{"model":"m","prompt":["a","b"]}"#,
            "prompt: several prompts in one request cannot be translated",
        ),
        (
            r#"{"model":"m","prompt":[1,2]}"#,
            "prompt: prompts of token ids cannot be translated",
        ),
        (
            r#"{"model":"m","prompt":[[1]]}"#,
            "prompt: prompts of token ids cannot be translated",
        ),
        (
            r#"{"model":"m","prompt":"a","suffix":"b"}"#,
            "suffix: only a native completions endpoint can do this",
        ),
        (
            r#"{"model":"m","prompt":"a","echo":true}"#,
            "echo: only a native completions endpoint can do this",
        ),
        (
            r#"{"model":"m","prompt":"a","best_of":2}"#,
            "best_of: only a native completions endpoint can do this",
        ),
        (
            r#"{"model":"m","prompt":"a","logprobs":0}"#,
            "logprobs: only a native completions endpoint can do this",
        ),
        (r#"{"model":"m"}"#, "missing `prompt`"),
    ];
    for (body, expected) in cases {
        assert_eq!(
            decode(body)
                .unwrap_err()
                .into_fault(body.as_bytes())
                .message,
            expected
        );
    }
}

#[test]
fn chat_fields_are_unknown_here() {
    assert_eq!(
        decode(r#"{"model":"m","prompt":"a","messages":[],"tools":[]}"#)
            .unwrap()
            .unknown
            .len(),
        2
    );
}

const ANSWER: &[u8] = br#"{"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"text":"upon","index":0,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;

fn with_ask<T>(use_it: impl FnOnce(&ResponseContext<'_>) -> T) -> T {
    let origin = Origin {
        dialect: Dialect::named("anthropic"),
        provider: "lab".into(),
        model: "up".into(),
    };
    let request = Request {
        include_usage: true,
        ..Request::default()
    };
    use_it(&ResponseContext {
        request: &request,
        operation: Operation::Generate,
        query: None,
        origin: &origin,
        request_id: "r1",
        received_at: Duration::from_secs(9),
        completed_at: Duration::from_secs(9),
    })
}

fn answer() -> Response {
    OpenaiCompletions
        .decode_response(Bytes::from_static(ANSWER), &DecodeContext::default())
        .unwrap()
}

#[test]
fn a_whole_answer_survives_the_dialect() {
    let again =
        with_ask(|ask| OpenaiCompletions.encode_response(&answer(), ask, &mut Losses::default()));
    assert_eq!(again.unwrap(), ANSWER);
}

#[test]
fn a_stream_is_chunks_of_text_and_done() {
    let mut out = BytesMut::new();
    with_ask(|ask| {
        let mut encoder = OpenaiCompletions.stream_encoder(ask);
        answer()
            .events()
            .iter()
            .for_each(|event| encoder.push(event, &mut out));
        encoder.finish(&mut out);
    });
    let head =
        r#"data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":"#;
    let expected = [
        format!(
            r#"{head}[{{"text":"upon","index":0,"logprobs":null,"finish_reason":null}}],"usage":null}}"#
        ),
        format!(
            r#"{head}[{{"text":"","index":0,"logprobs":null,"finish_reason":"length"}}],"usage":null}}"#
        ),
        format!(
            r#"{head}[],"usage":{{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}}}"#
        ),
        "data: [DONE]".to_owned(),
    ];
    assert_eq!(
        String::from_utf8(out.to_vec()).unwrap(),
        expected.map(|record| record + "\n\n").concat()
    );
}

#[test]
fn a_call_that_nobody_offered_is_an_error() {
    let mut out = BytesMut::new();
    with_ask(|ask| {
        let mut encoder = OpenaiCompletions.stream_encoder(ask);
        encoder.push(
            &Event::Finish {
                choice: 0,
                reason: FinishReason::ToolCalls,
                sequence: None,
                detail: None,
            },
            &mut out,
        );
        encoder.finish(&mut out);
    });
    assert!(out.starts_with(b"data: {\"error\":") && !out.ends_with(b"[DONE]\n\n"));
}

#[test]
fn nothing_is_translated_toward_it() {
    let mut losses = Losses::default();
    let target = Target {
        operation: Operation::Generate,
        provider: "p",
        maker: crate::protocol::Maker::Unknown,
        model: "m",
        stream: false,
        output_tokens_max: None,
    };
    OpenaiCompletions.encode_request(&Request::default(), &target, &mut losses);
    assert!(losses.refusal().is_some());
}
