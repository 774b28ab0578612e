mod client_answers;
mod request_losses;
mod requests;
mod upstream_answers;

use proptest::prelude::*;

use super::*;
use crate::canon::{
    Event, FaultKind, FinishReason, Fold, Format, LossKind, Origin, PartHead, PartIndex, PartKind,
    ReasoningDisplay, ReasoningForm, Role, ToolChoice, ToolInput, ToolKind, Usage,
};
use crate::json::{EscapedStr, Raw};
use crate::protocol::Maker;
use crate::protocol::envelope;

const NO_HEADERS: fn() -> HeaderMap = HeaderMap::new;

fn decode(body: &str) -> Result<Request, DecodeError> {
    let (headers, body) = (NO_HEADERS(), Bytes::copy_from_slice(body.as_bytes()));
    let inbound = Inbound {
        operation: Operation::Generate,
        path_model: None,
        query: None,
        headers: &headers,
        body: &body,
    };
    OpenaiResponses.decode_request(&inbound)
}

fn refusal_of(body: &str) -> Fault {
    decode(body).unwrap_err().into_fault(body.as_bytes())
}

fn encode(request: &Request) -> (serde_json::Value, Losses) {
    encode_for(request, Maker::Openai)
}

fn encode_for(request: &Request, maker: Maker) -> (serde_json::Value, Losses) {
    let target = Target {
        operation: Operation::Generate,
        provider: "p",
        maker,
        model: "m",
        stream: false,
        output_tokens_max: None,
    };
    let mut losses = Losses::default();
    let encoded = OpenaiResponses.encode_request(request, &target, &mut losses);
    (
        serde_json::from_slice(encoded.wire.body.whole()).unwrap(),
        losses,
    )
}

fn losses_of(request: &Request, losses: Losses) -> Vec<String> {
    let sign = |kind| match kind {
        LossKind::Dropped => "-",
        LossKind::Adjusted => "~",
        LossKind::Added => "+",
    };
    let resolved = losses.resolve(&request.body).unwrap();
    resolved
        .into_iter()
        .map(|loss| format!("{}{}", sign(loss.kind), loss.path))
        .collect()
}

const RESPONSE: &str = r#"{"id":"resp_1","object":"response","created_at":7,"status":"completed","error":null,"model":"gpt","output":[
    {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}],"encrypted_content":"gAAA"},
    {"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[{"type":"url_citation","url":"u"}]}]},
    {"id":"fc_1","type":"function_call","call_id":"c1","name":"run","namespace":"ns","arguments":"{\"a\":1}","status":"completed"},
    {"id":"ctc_1","type":"custom_tool_call","call_id":"c2","name":"patch","input":"free","status":"completed"}],
    "usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":14}}"#;

fn stream(records: &[&str]) -> String {
    records
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

/// The stream of [`RESPONSE`], as the service writes it.
fn full_stream() -> String {
    let end = format!(
        r#"{{"type":"response.completed","response":{}}}"#,
        RESPONSE.replace('\n', "")
    );
    stream(&[
        r#"{"type":"response.created","response":{"id":"resp_1","created_at":7,"model":"gpt","status":"in_progress","output":[]}}"#,
        r#"{"type":"response.in_progress","response":{"id":"resp_1"}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"on"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"e"}"#,
        r#"{"type":"response.reasoning_summary_text.done","output_index":0,"summary_index":0,"text":"one"}"#,
        r#"{"type":"response.reasoning_summary_part.done","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"one"}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":1,"delta":"two"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}],"encrypted_content":"gAAA"}}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","content":[]}}"#,
        r#"{"type":"response.content_part.added","output_index":1,"content_index":0,"part":{"type":"output_text","text":""}}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Hel","logprobs":[]}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"lo"}"#,
        r#"{"type":"response.output_text.annotation.added","output_index":1,"content_index":0,"annotation":{"type":"url_citation","url":"u"}}"#,
        r#"{"type":"response.output_text.done","output_index":1,"content_index":0,"text":"Hello"}"#,
        r#"{"type":"response.content_part.done","output_index":1,"content_index":0,"part":{"type":"output_text","text":"Hello","annotations":[{"type":"url_citation","url":"u"}]}}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"message","content":[{"type":"output_text","text":"Hello"}]}}"#,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","call_id":"c1","name":"run","namespace":"ns","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"a\""}"#,
        r#"{"type":"response.output_item.added","output_index":3,"item":{"type":"custom_tool_call","call_id":"c2","name":"patch","input":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":":1}"}"#,
        r#"{"type":"response.custom_tool_call_input.done","output_index":3,"input":"free"}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":2,"arguments":"{\"a\":1}"}"#,
        r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","call_id":"c1","name":"run","namespace":"ns","arguments":"{\"a\":1}"}}"#,
        r#"{"type":"response.output_item.done","output_index":3,"item":{"type":"custom_tool_call","call_id":"c2","name":"patch","input":"free"}}"#,
        &end,
    ])
}

fn read(chunks: &[&[u8]]) -> Vec<Event> {
    let mut decoder = OpenaiResponses.stream_decoder(&DecodeContext::default());
    let mut events = Vec::new();
    for chunk in chunks {
        if decoder
            .push(Bytes::copy_from_slice(chunk), &mut events)
            .is_err()
        {
            return events;
        }
    }
    decoder.finish(&mut events);
    events
}

fn fold(events: Vec<Event>) -> Result<Response, Fault> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

fn decode_whole(body: &str) -> Result<Response, Fault> {
    OpenaiResponses.decode_response(
        Bytes::copy_from_slice(body.as_bytes()),
        &DecodeContext::default(),
    )
}

#[test]
fn a_fault_in_a_passing_stream_is_an_error_event_which_is_an_end() {
    let mut out = BytesMut::new();
    let ending = OpenaiResponses.encode_stream_fault(
        &Fault::upstream("gone"),
        &PassthroughState {
            query: None,
            records: 7,
        },
        &mut out,
    );
    assert_eq!(ending, StreamEnd::Clean);
    assert_eq!(
        out,
        "event: error\ndata: {\"type\":\"error\",\"sequence_number\":7,\"code\":\"server_error\",\"message\":\"gone\",\"param\":null,\"error\":{\"message\":\"gone\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n"
    );
}

#[test]
fn peeking_finds_the_models_characters() {
    let body = Bytes::from_static(br#"{"stream":true,"model":"a/b:c","prompt_cache_key":"k"}"#);
    let headers = HeaderMap::new();
    let inbound = Inbound {
        operation: Operation::Generate,
        path_model: None,
        query: None,
        headers: &headers,
        body: &body,
    };
    let peek = OpenaiResponses.routing_fields(&inbound).unwrap();
    assert_eq!(&body[peek.model_at.clone().unwrap()], b"a/b:c");
    assert_eq!(
        peek,
        RoutingFields {
            model: "a/b:c".into(),
            model_at: peek.model_at.clone(),
            stream: Some(true),
            session: Some("k".into()),
            ..RoutingFields::default()
        }
    );
}

#[test]
fn counts_and_models_go_both_ways() {
    let count = OpenaiResponses.encode_count(11);
    assert_eq!(
        count,
        r#"{"object":"response.input_tokens","input_tokens":11}"#
    );
    assert_eq!(OpenaiResponses.decode_count(&count).unwrap(), 11);
    let card = ModelCard {
        id: "a/b".into(),
        owner: "lab".into(),
        created: Some(3),
        ..ModelCard::default()
    };
    let list = OpenaiResponses.encode_models(std::slice::from_ref(&card), None);
    assert_eq!(
        list,
        r#"{"object":"list","data":[{"id":"a/b","object":"model","created":3,"owned_by":"lab"}]}"#
    );
    assert_eq!(OpenaiResponses.decode_models(&list).unwrap(), [card]);
}

#[test]
fn a_count_asks_for_what_is_counted_only() {
    let request = decode(r#"{"model":"m","input":"x","temperature":1}"#).unwrap();
    let target = Target {
        operation: Operation::CountTokens,
        provider: "p",
        maker: crate::protocol::Maker::Unknown,
        model: "m",
        stream: false,
        output_tokens_max: None,
    };
    let encoded = OpenaiResponses.encode_request(&request, &target, &mut Losses::default());
    assert_eq!(encoded.wire.path, "/responses/input_tokens");
    let expected = r#"{"model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}]}"#;
    assert_eq!(encoded.wire.body.whole(), expected);
}
