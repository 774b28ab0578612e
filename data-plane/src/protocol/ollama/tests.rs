//! Literal wire JSON in, literal expectations out, read against `docs/api.md` and `api/types.go`.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};

use super::{DIALECT, Ollama};
use crate::canon::*;
use crate::protocol::{
    DecodeContext, DecodeError, EmbedProtocol as _, Inbound, Notice, Operation, Protocol,
    ResponseContext, RoutingFields, StreamEnd,
};

fn inbound<T>(operation: Operation, body: &'static str, read: impl FnOnce(&Inbound<'_>) -> T) -> T {
    read(&Inbound {
        operation,
        path_model: None,
        query: None,
        headers: &HeaderMap::new(),
        body: &Bytes::from_static(body.as_bytes()),
    })
}

fn decode(body: &'static str) -> Result<Request, DecodeError> {
    inbound(Operation::Generate, body, |inbound| {
        Ollama.decode_request(inbound)
    })
}

fn message(body: &'static str) -> String {
    decode(body)
        .unwrap_err()
        .into_fault(body.as_bytes())
        .message
}

fn routing(operation: Operation, body: &'static str) -> RoutingFields {
    inbound(operation, body, |inbound| Ollama.routing_fields(inbound)).unwrap()
}

/// What a client gets: the records of its stream, and the whole answer.
fn told(body: &'static str, events: &[Event]) -> (String, StreamEnd, Result<Bytes, Fault>) {
    let request = Request {
        model: "fast".to_owned(),
        body: Bytes::from_static(body.as_bytes()),
        ..Request::default()
    };
    let origin = Origin {
        dialect: Dialect::named("anthropic"),
        provider: "lab".into(),
        model: "up".into(),
    };
    let context = ResponseContext {
        request: &request,
        operation: Operation::Generate,
        query: None,
        origin: &origin,
        request_id: "r1",
        received_at: Duration::from_secs(1_700_000_000),
        completed_at: Duration::from_millis(1_700_000_001_500),
    };
    let mut out = BytesMut::new();
    let mut encoder = Ollama.stream_encoder(&context);
    let mut fold = Fold::default();
    for event in events {
        encoder.push(event, &mut out);
        fold.push(event.clone());
    }
    let end = encoder.finish(&mut out);
    let whole = fold
        .finish()
        .and_then(|answer| Ollama.encode_response(&answer, &context, &mut Losses::default()));
    (String::from_utf8(out.to_vec()).unwrap(), end, whole)
}

fn part(part: u32, head: PartHead, text: &'static str) -> [Event; 3] {
    let at = PartIndex { choice: 0, part };
    [
        Event::PartStart { at, head },
        Event::Delta {
            at,
            text: text.into(),
        },
        Event::PartEnd { at },
    ]
}

fn call() -> PartHead {
    PartHead::ToolCall {
        id: "c1".into(),
        name: "f".into(),
        namespace: None,
        free: false,
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

const CHAT: &str = r#"{"messages":[]}"#;
const HEAD: &str = r#"{"model":"fast","remote_model":"up","created_at":"2023-11-14T22:13:20Z","#;
const END: &str = r#""total_duration":1500000000,"prompt_eval_count":3,"eval_count":2}"#;

fn usage() -> Event {
    Event::Usage(Usage {
        input: Some(3),
        output: Some(2),
        ..Usage::default()
    })
}

#[test]
fn a_stream_is_a_record_a_piece_and_the_whole_answer_their_sum() {
    let mut events = vec![Event::Start(Start::default())];
    events.extend(part(0, PartHead::Reasoning(ReasoningForm::Full), "hm"));
    events.extend(part(1, PartHead::Text, "hi"));
    events.extend(part(2, call(), r#"{"a":1}"#));
    events.extend([usage(), finish(FinishReason::ToolCalls)]);
    let (stream, end, whole) = told(CHAT, &events);
    let calls =
        r#""tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}}]"#;
    let record = |content: &str| {
        format!("{HEAD}\"message\":{{\"role\":\"assistant\",\"content\":{content}}},\"done\":")
    };
    let expected = [
        record(r#""","thinking":"hm""#) + "false}\n",
        record(r#""hi""#) + "false}\n",
        record(&format!("\"\",{calls}")) + "false}\n",
        record(r#""""#) + r#"true,"done_reason":"stop","# + END + "\n",
    ];
    assert_eq!((stream, end), (expected.concat(), StreamEnd::Clean));
    let expected = record(&format!(r#""hi","thinking":"hm",{calls}"#));
    assert_eq!(
        whole.unwrap(),
        expected + r#"true,"done_reason":"stop","# + END
    );
}

#[test]
fn a_prompt_is_answered_by_a_response() {
    let mut events = vec![Event::Start(Start::default())];
    events.extend(part(0, PartHead::Text, "hi"));
    events.extend([usage(), finish(FinishReason::Length)]);
    let (stream, _, whole) = told(r#"{"prompt":"x"}"#, &events);
    assert_eq!(
        stream,
        format!(
            "{HEAD}\"response\":\"hi\",\"done\":false}}\n{HEAD}\"response\":\"\",\"done\":true,\"done_reason\":\"length\",{END}\n"
        )
    );
    assert_eq!(
        whole.unwrap(),
        format!("{HEAD}\"response\":\"hi\",\"done\":true,\"done_reason\":\"length\",{END}")
    );
}

#[test]
fn a_failure_is_a_record_and_nothing_follows() {
    let mut events = vec![Event::Start(Start::default())];
    events.extend(part(0, PartHead::Text, "hi"));
    events.push(Event::Failed(Fault::upstream("broke off")));
    let (stream, end, _) = told(CHAT, &events);
    assert!(
        stream.ends_with("\n{\"error\":\"broke off\"}\n"),
        "{stream}"
    );
    assert_eq!(end, StreamEnd::Clean);
    events.pop();
    let (stream, end, _) = told(CHAT, &events);
    assert!(!stream.contains("\"done\":true"), "{stream}");
    assert_eq!(
        end,
        StreamEnd::Abort,
        "Python's client misses no last record"
    );
}

#[test]
fn arguments_that_are_no_object_are_an_error_unless_a_limit_cut_them() {
    let answer = |reason| {
        let mut events = vec![Event::Start(Start::default())];
        events.extend(part(0, call(), r#"{"a":"#));
        events.push(finish(reason));
        told(CHAT, &events)
    };
    let (stream, _, whole) = answer(FinishReason::ToolCalls);
    assert!(stream.starts_with("{\"error\":"), "{stream}");
    assert!(whole.is_err());
    let (stream, _, whole) = answer(FinishReason::Length);
    assert!(stream.contains(r#""done_reason":"length""#), "{stream}");
    assert!(whole.is_ok());
}

#[test]
fn what_a_client_got_can_be_read_again() {
    let mut events = vec![Event::Start(Start {
        model: Some("up".into()),
        ..Start::default()
    })];
    events.extend(part(0, PartHead::Reasoning(ReasoningForm::Full), "hm"));
    events.extend(part(1, PartHead::Text, "hi"));
    events.extend(part(2, call(), r#"{"a":1}"#));
    events.extend([usage(), finish(FinishReason::ToolCalls)]);
    let (stream, _, whole) = told(CHAT, &events);
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    let said = fold.finish();
    let again = |body: Bytes| Ollama.decode_response(body, &DecodeContext::default());
    assert_eq!(again(stream.clone().into()), said);
    assert_eq!(again(whole.unwrap()), said);
    let cut = &stream[..stream.len() - 40];
    assert!(again(cut.to_owned().into()).is_err());
}

#[test]
fn a_stream_is_what_comes_unless_it_is_declined() {
    let stream = |body| routing(Operation::Generate, body).stream;
    assert!(Ollama.streams_unasked());
    assert_eq!(stream(r#"{"model":"m"}"#), None);
    assert_eq!(stream(r#"{"model":"m","stream":false}"#), Some(false));
    assert_eq!(
        routing(Operation::BatchEmbed, r#"{"model":"m"}"#).stream,
        Some(false)
    );
    assert!(decode(r#"{"model":"m","prompt":"x"}"#).unwrap().stream);
}

#[test]
fn an_older_client_names_the_model_that_it_wants_to_see() {
    let model = |body| routing(Operation::ShowModel, body).model;
    assert_eq!(model(r#"{"name":"m"}"#), "m");
    assert_eq!(model(r#"{"name":"n","model":"m"}"#), "m");
}

#[test]
fn results_without_ids_find_their_calls() {
    let request = decode(
        r#"{"model":"m","messages":[{"role":"user","content":"?"},{"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":{}}},{"function":{"name":"b","arguments":{}}}]},{"role":"tool","content":"first"},{"role":"tool","tool_name":"b","content":"second"}]}"#,
    )
    .unwrap();
    let results: Vec<_> = request.turns[2]
        .parts
        .iter()
        .filter_map(|part| match &part.kind {
            PartKind::ToolResult(result) => {
                Some((result.call_id.to_plain(), result.name.clone().unwrap()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        results,
        [
            ("call_1_0".into(), "a".into()),
            ("call_1_1".into(), "b".into())
        ]
    );
}

#[test]
fn images_tell_their_type_by_their_first_bytes() {
    let mime = |data: &'static str| super::images::mime(&data.into());
    assert_eq!(mime("iVBORw0KGgoAAAAN"), Some("image/png"));
    assert_eq!(mime("/9j/4AAQSkZJRgAB"), Some("image/jpeg"));
    assert_eq!(mime("R0lGODlhAQABAIAA"), Some("image/gif"));
    assert_eq!(mime("UklGRiQAAABXRUJQ"), Some("image/webp"));
    assert_eq!(mime("UklGRiQAAABXQVZF"), None);
    assert_eq!(mime("!"), None);
    assert_eq!(
        message(r#"{"model":"m","prompt":"x","images":["QUFB"]}"#),
        "images[0]: expected a PNG, JPEG, GIF or WebP image in base64, found `QUFB`"
    );
}

#[test]
fn what_only_a_model_beside_its_server_does_is_refused_by_name() {
    for key in ["suffix", "template"] {
        let body = format!(r#"{{"model":"m","prompt":"x","{key}":"y"}}"#);
        let body: &'static str = body.leak();
        assert!(message(body).starts_with(&format!("{key}: ")));
    }
    assert!(message(r#"{"model":"m","prompt":"x","raw":true}"#).starts_with("raw: "));
    assert!(message(r#"{"model":"m","prompt":"x","context":[1]}"#).starts_with("context: "));
    let idle = r#"{"model":"m","prompt":"x","raw":false,"context":[],"suffix":"","template":"","format":""}"#;
    assert!(decode(idle).unwrap().unknown.is_empty());
    for body in [
        r#"{"model":"m"}"#,
        r#"{"model":"m","messages":[]}"#,
        r#"{"model":"m","prompt":""}"#,
    ] {
        assert!(message(body).contains("models need no loading"), "{body}");
    }
}

#[test]
fn what_the_server_is_and_keeps_is_said_without_a_model() {
    let of = |method, path| Ollama.notice(&method, path);
    assert!(matches!(
        of(Method::GET, "/api/version"),
        Some(Notice::Answer(_))
    ));
    assert!(matches!(
        of(Method::HEAD, "/api/ps"),
        Some(Notice::Answer(_))
    ));
    for (method, path) in [
        (Method::POST, "/api/pull"),
        (Method::DELETE, "/api/delete"),
        (Method::POST, "/api/blobs/sha256:0"),
    ] {
        assert!(
            matches!(of(method, path), Some(Notice::Refusal(_))),
            "{path}"
        );
    }
    assert_eq!(of(Method::GET, "/api/nothing"), None);
}

#[test]
fn vectors_come_as_the_client_asked_for_them() {
    let embed =
        |operation, body| inbound(operation, body, |inbound| Ollama.decode_embed(inbound)).unwrap();
    let answer = |operation, embed: &Embed| {
        let vectors = Embeddings {
            vectors: vec![Embedding::Numbers(crate::json::Raw::from_static("[0.10]"))],
            input_tokens: Some(2),
        };
        Ollama.encode_embeddings(&vectors, embed, operation, &mut Losses::default())
    };
    let old = embed(
        Operation::Embed,
        r#"{"model":"m","prompt":"x","keep_alive":"5m"}"#,
    );
    assert_eq!(
        (old.is_batch, old.inputs.len(), old.unknown.len()),
        (false, 1, 1)
    );
    assert_eq!(answer(Operation::Embed, &old), r#"{"embedding":[0.10]}"#);
    let new = embed(
        Operation::BatchEmbed,
        r#"{"model":"m","input":["x","y"],"dimensions":3}"#,
    );
    assert_eq!(
        (
            new.is_batch,
            new.inputs.len(),
            new.dimensions.as_ref().unwrap().value
        ),
        (true, 2, 3)
    );
    assert_eq!(
        answer(Operation::BatchEmbed, &new),
        r#"{"model":"m","embeddings":[[0.10]],"prompt_eval_count":2}"#
    );
}

#[test]
fn models_are_listed_and_shown_with_what_is_known() {
    let card = ModelCard {
        id: "gpt-5".into(),
        owner: "openai".into(),
        created: Some(1_700_000_000),
        input_tokens_max: Some(9),
        ..ModelCard::default()
    };
    let details = r#"{"parent_model":"","format":"","family":"openai","families":["openai"],"parameter_size":"","quantization_level":""}"#;
    assert_eq!(
        Ollama.encode_models(std::slice::from_ref(&card), None),
        format!(
            r#"{{"models":[{{"name":"gpt-5","model":"gpt-5","modified_at":"2023-11-14T22:13:20Z","size":0,"digest":"","details":{details}}}]}}"#
        )
    );
    assert_eq!(
        Ollama.encode_model(&card),
        format!(
            r#"{{"modelfile":"","parameters":"","template":"","details":{details},"model_info":{{"general.architecture":"openai","general.basename":"gpt-5","openai.context_length":9}},"capabilities":["completion","tools","vision","thinking"],"modified_at":"2023-11-14T22:13:20Z"}}"#
        )
    );
}

#[test]
fn an_error_is_its_message_with_a_true_status() {
    let (status, body) = Ollama.encode_fault(&Fault::bad_request("no"), "r1");
    assert_eq!(
        (status, &body[..]),
        (StatusCode::BAD_REQUEST, &br#"{"error":"no"}"#[..])
    );
    assert_eq!(DIALECT.name(), "ollama");
}
