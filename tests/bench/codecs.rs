//! What the codecs and their neighbours cost by themselves: `cargo bench --bench codecs`.
//!
//! Every dialect is measured with wire bytes that its own encoders wrote from one canonical request
//! and answer.

use std::sync::LazyLock;
use std::time::Duration;

use aerostat::canon::{Event, FinishReason, Losses, Origin, PartHead, PartIndex, Request, Usage};
use aerostat::gateway::resolve::{Directory, resolve};
use aerostat::listener::guard::{self, Policy};
use aerostat::protocol::sse::Frames;
use aerostat::protocol::{
    self, DecodeContext, Inbound, Operation, Protocol, ResponseContext, Target, envelope,
};
use aerostat::provider::rules::{Pattern, Rule, RuleTarget, Rules};
use aerostat::segmented_bytes::SegmentedBytes;
use bytes::{Bytes, BytesMut};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use http::HeaderMap;

const DIALECTS: [&str; 4] = ["openai_chat", "openai_responses", "anthropic", "gemini"];
const EVENTS: usize = 1_000;
const SMALL: usize = 1 << 10;
const LARGE: usize = 1 << 20;

/// What a socket gives at once.
const CHUNK_BYTES: usize = 8 << 10;

fn main() {
    divan::main();
}

fn dialect(name: &str) -> &'static dyn Protocol {
    protocol::by_name(name).expect("the table names dialects")
}

/// A conversation about code, with the escapes that code has in JSON, as an OpenAI Chat request.
fn chat_request(bytes: usize) -> Bytes {
    const LINE: &str = r#"fn main() {\n    println!(\"{}\", lines().count());\n}\n"#;
    const TURN_BYTES: usize = 2 << 10;
    let turns: Vec<String> = (0..=bytes / TURN_BYTES / 2 * 2)
        .map(|turn| {
            let role = if turn % 2 == 0 { "user" } else { "assistant" };
            format!(
                r#"{{"role":"{role}","content":"{}"}}"#,
                LINE.repeat(bytes.min(TURN_BYTES) / LINE.len())
            )
        })
        .collect();
    Bytes::from(format!(
        r#"{{"model":"m","messages":[{}],"stream":true,"max_completion_tokens":1024}}"#,
        turns.join(",")
    ))
}

fn inbound<'a>(headers: &'a HeaderMap, body: &'a Bytes) -> Inbound<'a> {
    Inbound {
        operation: Operation::Generate,
        path_model: Some("m"),
        query: None,
        headers,
        body,
    }
}

fn request(bytes: usize) -> Request {
    dialect("openai_chat")
        .decode_request(&inbound(&HeaderMap::new(), &chat_request(bytes)))
        .expect("the request is valid")
}

fn target() -> Target<'static> {
    Target {
        operation: Operation::Generate,
        provider: "lab",
        maker: aerostat::protocol::Maker::Unknown,
        model: "m",
        stream: true,
        output_tokens_max: None,
    }
}

/// The request in a dialect's own words.
fn wire(name: &str, bytes: usize) -> Bytes {
    dialect(name)
        .encode_request(&request(bytes), &target(), &mut Losses::default())
        .wire
        .body
        .whole()
        .clone()
}

/// Every dialect with a small and a large request.
fn sizes() -> impl Iterator<Item = (&'static str, usize)> {
    DIALECTS
        .into_iter()
        .flat_map(|name| [(name, SMALL), (name, LARGE)])
}

#[divan::bench(args = sizes())]
fn decode_request(bencher: Bencher<'_, '_>, (name, bytes): (&str, usize)) {
    let (headers, body, protocol) = (HeaderMap::new(), wire(name, bytes), dialect(name));
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| protocol.decode_request(black_box(&inbound(&headers, &body))));
}

#[divan::bench(args = sizes())]
fn encode_request(bencher: Bencher<'_, '_>, (name, bytes): (&str, usize)) {
    let (request, protocol) = (request(bytes), dialect(name));
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| protocol.encode_request(black_box(&request), &target(), &mut Losses::default()));
}

#[divan::bench(args = sizes())]
fn peek(bencher: Bencher<'_, '_>, (name, bytes): (&str, usize)) {
    let (headers, body, protocol) = (HeaderMap::new(), wire(name, bytes), dialect(name));
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| protocol.routing_fields(black_box(&inbound(&headers, &body))));
}

static REQUEST: LazyLock<Request> = LazyLock::new(|| request(SMALL));
static ORIGIN: LazyLock<Origin> = LazyLock::new(|| Origin {
    dialect: protocol::openai_chat::DIALECT,
    provider: "lab".into(),
    model: "m".into(),
});

fn ask() -> ResponseContext<'static> {
    let (request, origin) = (&*REQUEST, &*ORIGIN);
    ResponseContext {
        request,
        operation: Operation::StreamGenerate,
        query: Some("alt=sse"),
        origin,
        request_id: "0123456789ab",
        received_at: Duration::from_secs(1_763_000_000),
        completed_at: Duration::from_secs(1_763_000_000),
    }
}

/// A streamed answer of [`EVENTS`] pieces of text.
fn events() -> Vec<Event> {
    let at = PartIndex::default();
    let head = [
        Event::Start(Default::default()),
        Event::PartStart {
            at,
            head: PartHead::Text,
        },
    ];
    let text = (0..EVENTS).map(|number| Event::Delta {
        at,
        text: format!(" word {number}").as_str().into(),
    });
    let usage = Usage {
        input: Some(10),
        output: Some(EVENTS as u64),
        ..Usage::default()
    };
    let finish = Event::Finish {
        choice: 0,
        reason: FinishReason::End,
        sequence: None,
        detail: None,
    };
    head.into_iter()
        .chain(text)
        .chain([Event::PartEnd { at }, finish, Event::Usage(usage)])
        .collect()
}

/// The answer as a dialect's stream.
fn stream(name: &str) -> Bytes {
    let (mut encoder, mut out) = (dialect(name).stream_encoder(&ask()), BytesMut::new());
    events()
        .iter()
        .for_each(|event| encoder.push(event, &mut out));
    encoder.finish(&mut out);
    out.freeze()
}

fn chunks(body: &Bytes) -> impl Iterator<Item = Bytes> {
    (0..body.len())
        .step_by(CHUNK_BYTES)
        .map(|at| body.slice(at..body.len().min(at + CHUNK_BYTES)))
}

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    DIALECTS.into_iter().flat_map(|from| {
        DIALECTS
            .into_iter()
            .filter(move |to| *to != from)
            .map(move |to| (from, to))
    })
}

#[divan::bench(args = pairs())]
fn translate_stream(bencher: Bencher<'_, '_>, (from, to): (&str, &str)) {
    let body = stream(from);
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
        let mut decoder = dialect(from).stream_decoder(&DecodeContext {
            request_id: "0123456789ab".into(),
            ..DecodeContext::default()
        });
        let (mut encoder, mut events, mut out) = (
            dialect(to).stream_encoder(&ask()),
            Vec::new(),
            BytesMut::new(),
        );
        for chunk in chunks(&body) {
            decoder
                .push(chunk, &mut events)
                .expect("the stream is valid");
            events
                .drain(..)
                .for_each(|event| encoder.push(&event, &mut out));
        }
        decoder.finish(&mut events);
        events
            .iter()
            .for_each(|event| encoder.push(event, &mut out));
        encoder.finish(&mut out);
        out
    });
}

#[divan::bench(args = DIALECTS)]
fn frame_info_stream(bencher: Bencher<'_, '_>, name: &str) {
    let (body, protocol) = (stream(name), dialect(name));
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
        let (mut frames, mut ends) = (Frames::default(), 0);
        for chunk in chunks(&body) {
            let counted = frames.push(chunk, |frame| {
                ends += usize::from(protocol.frame_info(&frame).is_end);
                Ok(())
            });
            counted.expect("the frames are small");
        }
        ends
    });
}

#[divan::bench]
fn sse(bencher: Bencher<'_, '_>) {
    let body = stream("anthropic");
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let (mut frames, mut count) = (Frames::default(), 0);
        for chunk in chunks(&body) {
            let counted = frames.push(chunk, |_| {
                count += 1;
                Ok(())
            });
            counted.expect("the frames are small");
        }
        count
    });
}

#[divan::bench]
fn search_for_envelopes(bencher: Bencher<'_, '_>) {
    let body = SegmentedBytes::from(chat_request(LARGE));
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| envelope::is_in(black_box(&body)));
}

#[divan::bench]
fn admit(bencher: Bencher<'_, '_>) {
    let request = http::Request::post("/v1/chat/completions")
        .header("host", "127.0.0.1:8045")
        .header("content-type", "application/json");
    let (head, ()) = request.body(()).expect("the parts are valid").into_parts();
    let policy = Policy::default();
    bencher.bench(|| guard::admit(black_box(&policy), black_box(&head)));
}

/// The last of 200 rules.
#[divan::bench]
fn route(bencher: Bencher<'_, '_>) {
    let rule = |number: usize| Rule {
        name: Pattern::parse(&format!("model-{number}-*")).expect("one star"),
        targets: vec![RuleTarget {
            provider: "demo".to_owned(),
            model: Pattern::Exact("demo".to_owned()),
        }],
    };
    let rules = Rules((0..200).map(rule).collect());
    let directory = Directory {
        rules: &rules,
        providers: &[],
        demo_enabled: true,
        listed: &|_| Default::default(),
    };
    bencher.bench_local(|| resolve(black_box(&directory), "model-199-large"));
}
