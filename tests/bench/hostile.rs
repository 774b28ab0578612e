//! Whether work grows with what a stranger sends, and not with its square:
//! `cargo bench --bench hostile`.
//!
//! Each shape is a request or a stream made of one thing, many times. It is decoded and encoded for
//! every dialect at 1 MB and at a sixteenth of that. Printed is the CPU a byte of the large one, as
//! a ratio to that of the small one (`growth`: 16 where work is the square) and to that of an
//! ordinary conversation of 1 MB in the same dialects (`harmless`).

#![allow(clippy::print_stdout, reason = "it prints its table")]
#![allow(
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and has no paused time"
)]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aerostat::canon::{Losses, Origin, Request};
use aerostat::protocol::{
    self, DecodeContext, Inbound, Operation, Protocol, ResponseContext, Target,
};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;

const DIALECTS: [&str; 4] = ["openai_chat", "openai_responses", "anthropic", "gemini"];
const LARGE: usize = 1 << 20;
const SMALL: usize = LARGE / 16;
const RUNS: usize = 3;
/// Worse than this is listed.
const RATIO_MAX: f64 = 3.0;
const CHUNK_BYTES: usize = 8 << 10;

/// `item(n)` times as often as fits into `bytes`, joined.
fn fill(bytes: usize, separator: &str, item: impl Fn(usize) -> String) -> String {
    let mut items: Vec<String> = Vec::new();
    let mut len = 0;
    while len < bytes {
        items.push(item(items.len()));
        len += items[items.len() - 1].len() + separator.len();
    }
    items.join(separator)
}

/// Pairs of calls and their results in reverse, each as `call(n)` and `result(n)`.
fn pairs(
    bytes: usize,
    call: impl Fn(usize) -> String,
    result: impl Fn(usize) -> String,
) -> (String, String) {
    let count = bytes / (call(10_000).len() + result(10_000).len() + 2);
    let calls: Vec<String> = (0..count).map(call).collect();
    let results: Vec<String> = (0..count).rev().map(result).collect();
    (calls.join(","), results.join(","))
}

const USER: &str =
    "Please read the file and say what it does, in two sentences or three at the most.";

/// The requests of a dialect, by the name of their shape.
fn requests(dialect: &str, bytes: usize) -> Vec<(&'static str, String)> {
    let text = |n: usize| format!("{USER} ({n})");
    let properties = fill(bytes / 2, ",", |n| format!(r#""p{n}":{{"type":"string"}}"#));
    let names = fill(bytes / 4, ",", |n| format!(r#""p{n}""#));
    let schema = format!(
        r#"{{"type":"object","properties":{{{properties}}},"required":[{names}],"additionalProperties":false}}"#
    );
    let unknown = fill(bytes, ",", |n| format!(r#""x{n}":{n}"#));
    match dialect {
        "openai_chat" => {
            let body = |rest: String| format!(r#"{{"model":"m",{rest}}}"#);
            let user = r#""messages":[{"role":"user","content":"hi"}]"#;
            let turn = |n: usize| {
                let role = if n.is_multiple_of(2) {
                    "user"
                } else {
                    "assistant"
                };
                format!(r#"{{"role":"{role}","content":"{}"}}"#, text(n))
            };
            let (calls, results) = pairs(
                bytes,
                |n| {
                    format!(
                        r#"{{"id":"c{n}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#
                    )
                },
                |n| format!(r#"{{"role":"tool","tool_call_id":"c{n}","content":"ok"}}"#),
            );
            let tool = |n: usize| format!(r#"{{"type":"function","function":{{"name":"t.{n}"}}}}"#);
            let tools = fill(bytes / 2, ",", tool);
            vec![
                (
                    "harmless",
                    body(format!(r#""messages":[{}]"#, fill(bytes, ",", turn))),
                ),
                (
                    "results in reverse",
                    body(format!(
                        r#""messages":[{{"role":"user","content":"go"}},{{"role":"assistant","tool_calls":[{calls}]}},{results}]"#
                    )),
                ),
                (
                    "allowed tools",
                    body(format!(
                        r#"{user},"tools":[{tools}],"tool_choice":{{"type":"allowed_tools","allowed_tools":{{"mode":"auto","tools":[{tools}]}}}}"#
                    )),
                ),
                (
                    "properties",
                    body(format!(
                        r#"{user},"tools":[{{"type":"function","function":{{"name":"t","strict":true,"parameters":{schema}}}}}]"#
                    )),
                ),
                ("unknown members", body(format!("{unknown},{user}"))),
                (
                    "duplicate keys",
                    body(format!(
                        r#"{},{user}"#,
                        fill(bytes, ",", |n| format!(r#""seed":{n}"#))
                    )),
                ),
                (
                    "stop sequences",
                    body(format!(
                        r#"{user},"stop":[{}]"#,
                        fill(bytes, ",", |n| format!(r#""s{n}""#))
                    )),
                ),
            ]
        }
        "openai_responses" => {
            let body = |rest: String| format!(r#"{{"model":"m",{rest}}}"#);
            let user = r#""input":"hi""#;
            let turn = |n: usize| {
                let (role, kind) = if n.is_multiple_of(2) {
                    ("user", "input_text")
                } else {
                    ("assistant", "output_text")
                };
                format!(
                    r#"{{"role":"{role}","content":[{{"type":"{kind}","text":"{}"}}]}}"#,
                    text(n)
                )
            };
            let (calls, results) = pairs(
                bytes,
                |n| {
                    format!(
                        r#"{{"type":"function_call","call_id":"c{n}","name":"f","arguments":"{{}}"}}"#
                    )
                },
                |n| format!(r#"{{"type":"function_call_output","call_id":"c{n}","output":"ok"}}"#),
            );
            let tools = fill(bytes / 2, ",", |n| {
                format!(r#"{{"type":"custom","name":"t{n}"}}"#)
            });
            vec![
                (
                    "harmless",
                    body(format!(r#""input":[{}]"#, fill(bytes, ",", turn))),
                ),
                (
                    "results in reverse",
                    body(format!(
                        r#""input":[{{"role":"user","content":"go"}},{calls},{results}]"#
                    )),
                ),
                (
                    "allowed tools",
                    body(format!(
                        r#"{user},"tools":[{tools}],"tool_choice":{{"type":"allowed_tools","mode":"auto","tools":[{tools}]}}"#
                    )),
                ),
                (
                    "namespaced tools",
                    body(format!(
                        r#"{user},"tools":[{{"type":"namespace","name":"ns","tools":[{tools}]}}],"tool_choice":{{"type":"allowed_tools","mode":"auto","tools":[{}]}}"#,
                        fill(bytes / 2, ",", |_| r#"{"type":"namespace","name":"ns"}"#
                            .to_owned())
                    )),
                ),
                (
                    "properties",
                    body(format!(
                        r#"{user},"tools":[{{"type":"function","name":"t","strict":true,"parameters":{schema}}}]"#
                    )),
                ),
                ("unknown members", body(format!("{unknown},{user}"))),
            ]
        }
        "anthropic" => {
            let body = |rest: String| format!(r#"{{"model":"m","max_tokens":99,{rest}}}"#);
            let user = r#""messages":[{"role":"user","content":"hi"}]"#;
            let turn = |n: usize| {
                let role = if n.is_multiple_of(2) {
                    "user"
                } else {
                    "assistant"
                };
                format!(
                    r#"{{"role":"{role}","content":[{{"type":"text","text":"{}"}}]}}"#,
                    text(n)
                )
            };
            let (calls, results) = pairs(
                bytes,
                |n| format!(r#"{{"type":"tool_use","id":"c{n}","name":"f","input":{{}}}}"#),
                |n| format!(r#"{{"type":"tool_result","tool_use_id":"c{n}","content":"ok"}}"#),
            );
            let tools = fill(bytes, ",", |n| {
                format!(r#"{{"name":"t.{n}","input_schema":{{"type":"object"}}}}"#)
            });
            vec![
                (
                    "harmless",
                    body(format!(r#""messages":[{}]"#, fill(bytes, ",", turn))),
                ),
                (
                    "results in reverse",
                    body(format!(
                        r#""messages":[{{"role":"user","content":"go"}},{{"role":"assistant","content":[{calls}]}},{{"role":"user","content":[{results}]}}]"#
                    )),
                ),
                ("tools", body(format!(r#"{user},"tools":[{tools}]"#))),
                (
                    "properties",
                    body(format!(
                        r#"{user},"tools":[{{"name":"t","input_schema":{schema}}}]"#
                    )),
                ),
                ("unknown members", body(format!("{unknown},{user}"))),
                (
                    "stop sequences",
                    body(format!(
                        r#"{user},"stop_sequences":[{}]"#,
                        fill(bytes, ",", |n| format!(r#""s{n}""#))
                    )),
                ),
            ]
        }
        _ => {
            let body = |rest: String| format!("{{{rest}}}");
            let user = r#""contents":[{"role":"user","parts":[{"text":"hi"}]}]"#;
            let turn = |n: usize| {
                let role = if n.is_multiple_of(2) { "user" } else { "model" };
                format!(r#"{{"role":"{role}","parts":[{{"text":"{}"}}]}}"#, text(n))
            };
            let by_id = pairs(
                bytes,
                |n| format!(r#"{{"functionCall":{{"id":"c{n}","name":"f","args":{{}}}}}}"#),
                |n| {
                    format!(
                        r#"{{"functionResponse":{{"id":"c{n}","name":"f","response":{{"output":"ok"}}}}}}"#
                    )
                },
            );
            let by_name = pairs(
                bytes,
                |n| format!(r#"{{"functionCall":{{"name":"f{n}","args":{{}}}}}}"#),
                |n| {
                    format!(
                        r#"{{"functionResponse":{{"name":"f{n}","response":{{"output":"ok"}}}}}}"#
                    )
                },
            );
            let history = |(calls, results): (String, String)| {
                body(format!(
                    r#""contents":[{{"role":"user","parts":[{{"text":"go"}}]}},{{"role":"model","parts":[{calls}]}},{{"role":"user","parts":[{results}]}}]"#
                ))
            };
            let thoughts = fill(bytes, ",", |n| {
                format!(
                    r#"{{"text":"t{n}","thought":true,"thoughtSignature":"c2ln"}},{{"functionCall":{{"name":"f"}}}}"#
                )
            });
            vec![
                (
                    "harmless",
                    body(format!(r#""contents":[{}]"#, fill(bytes, ",", turn))),
                ),
                ("results in reverse", history(by_id)),
                ("results in reverse, by name", history(by_name)),
                (
                    "signatures of thoughts",
                    body(format!(
                        r#""contents":[{{"role":"user","parts":[{{"text":"go"}}]}},{{"role":"model","parts":[{thoughts}]}},{{"role":"user","parts":[{{"text":"go"}}]}}]"#
                    )),
                ),
                (
                    "ordered properties",
                    body(format!(
                        r#"{user},"tools":[{{"functionDeclarations":[{{"name":"t","parameters":{{"type":"OBJECT","properties":{{{properties}}},"propertyOrdering":[{names}]}}}}]}}]"#
                    )),
                ),
                ("unknown members", body(format!("{unknown},{user}"))),
            ]
        }
    }
}

/// The streams of an upstream's dialect.
fn streams(dialect: &str, bytes: usize) -> Vec<(&'static str, String)> {
    let event = |data: String| format!("data: {data}\n\n");
    match dialect {
        "openai_chat" => {
            let chunk = |delta: String| {
                event(format!(
                    r#"{{"id":"c","choices":[{{"index":0,"delta":{{{delta}}}}}]}}"#
                ))
            };
            let end = event(
                r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#.into(),
            ) + "data: [DONE]\n\n";
            let call = |index: usize| {
                chunk(format!(
                    r#""tool_calls":[{{"index":{index},"id":"c{index}","function":{{"name":"f","arguments":" "}}}}]"#
                ))
            };
            vec![
                (
                    "harmless",
                    fill(bytes, "", |n| chunk(format!(r#""content":"word {n}""#))) + &end,
                ),
                (
                    "fragments of many calls",
                    fill(bytes, "", |n| call(n % 4000)) + &end,
                ),
                (
                    "fragments of the first of many calls",
                    fill(bytes, "", |n| call(if n < 2000 { n } else { 0 })) + &end,
                ),
                (
                    "many data lines",
                    format!("data: {{\n{}data: }}\n\n", "data: \n".repeat(bytes / 7)),
                ),
            ]
        }
        "openai_responses" => {
            let delta = |n: usize, item: usize| {
                event(format!(
                    r#"{{"type":"response.output_text.delta","output_index":{item},"content_index":0,"delta":"word {n}"}}"#
                ))
            };
            let end = event(r#"{"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}"#.into());
            vec![
                ("harmless", fill(bytes, "", |n| delta(n, 0)) + &end),
                (
                    "items that overlap",
                    fill(bytes, "", |n| delta(n, n % 4000)) + &end,
                ),
                (
                    "many paragraphs",
                    fill(bytes, "", |n| {
                        event(format!(
                            r#"{{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":{n},"delta":"w"}}"#
                        ))
                    }) + &end,
                ),
            ]
        }
        "anthropic" => {
            let start = event(r#"{"type":"message_start","message":{"id":"m","model":"m","usage":{"input_tokens":1}}}"#.into());
            let open = event(r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#.into());
            let delta = |n: usize| {
                event(format!(
                    r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"word {n}"}}}}"#
                ))
            };
            let stop = event(r#"{"type":"content_block_stop","index":0}"#.into());
            let end =
                event(r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#.into())
                    + &event(r#"{"type":"message_stop"}"#.into());
            let call = |n: usize| {
                event(format!(
                    r#"{{"type":"content_block_start","index":{n},"content_block":{{"type":"tool_use","id":"c{n}","name":"f","input":{{}}}}}}"#
                )) + &event(format!(r#"{{"type":"content_block_stop","index":{n}}}"#))
            };
            vec![
                (
                    "harmless",
                    start.clone() + &open + &fill(bytes, "", delta) + &stop + &end,
                ),
                ("many calls", start + &fill(bytes, "", call) + &end),
            ]
        }
        _ => {
            let chunk = |part: String| {
                event(format!(
                    r#"{{"candidates":[{{"index":0,"content":{{"parts":[{part}]}}}}]}}"#
                ))
            };
            let end = event(r#"{"candidates":[{"index":0,"finishReason":"STOP"}]}"#.into());
            let metadata = fill(bytes, "", |n| {
                event(format!(
                    r#"{{"candidates":[{{"index":0,"content":{{"parts":[{{"text":"w"}}]}},"citationMetadata":{{"k{n}":1}}}}]}}"#
                ))
            });
            vec![
                (
                    "harmless",
                    fill(bytes, "", |n| chunk(format!(r#"{{"text":"word {n}"}}"#))) + &end,
                ),
                (
                    "many calls",
                    fill(bytes, "", |n| {
                        chunk(format!(
                            r#"{{"functionCall":{{"name":"f{n}","args":{{}}}}}}"#
                        ))
                    }) + &end,
                ),
                ("metadata", metadata + &end),
            ]
        }
    }
}

fn protocol_of(name: &str) -> &'static dyn Protocol {
    protocol::by_name(name).expect("the table names dialects")
}

fn fastest(run: impl Fn()) -> Duration {
    let time = |_| {
        let began_at = Instant::now();
        run();
        began_at.elapsed()
    };
    (0..RUNS).map(time).min().unwrap_or_default()
}

/// Nanoseconds a byte of a request's way from one dialect to another.
fn request_cost(from: &str, to: &str, body: &str) -> f64 {
    let (headers, bytes) = (HeaderMap::new(), Bytes::copy_from_slice(body.as_bytes()));
    let inbound = Inbound {
        operation: Operation::Generate,
        path_model: Some("m"),
        query: None,
        headers: &headers,
        body: &bytes,
    };
    let target = Target {
        operation: Operation::Generate,
        provider: "lab",
        maker: aerostat::protocol::Maker::Unknown,
        model: "m",
        stream: true,
        output_tokens_max: None,
    };
    let took = fastest(|| {
        if let Ok(request) = protocol_of(from).decode_request(&inbound) {
            let mut losses = Losses::default();
            protocol_of(to).encode_request(&request, &target, &mut losses);
            let _ = losses.resolve(&bytes);
        }
    });
    took.as_nanos() as f64 / bytes.len() as f64
}

/// The same of a stream.
fn stream_cost(from: &str, to: &str, body: &str) -> f64 {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let request = Request::default();
    let origin = Origin {
        dialect: protocol_of(from).dialect(),
        provider: "lab".into(),
        model: "m".into(),
    };
    let context = ResponseContext {
        request: &request,
        operation: Operation::StreamGenerate,
        query: Some("alt=sse"),
        origin: &origin,
        request_id: "0123456789ab",
        received_at: Duration::from_secs(1_763_000_000),
        completed_at: Duration::from_secs(1_763_000_000),
    };
    let took = fastest(|| {
        let mut decoder = protocol_of(from).stream_decoder(&DecodeContext {
            request_id: "0123456789ab".into(),
            ..DecodeContext::default()
        });
        let mut encoder = protocol_of(to).stream_encoder(&context);
        let (mut events, mut out) = (Vec::new(), BytesMut::new());
        for at in (0..bytes.len()).step_by(CHUNK_BYTES) {
            let chunk = bytes.slice(at..bytes.len().min(at + CHUNK_BYTES));
            if decoder.push(chunk, &mut events).is_err() {
                break;
            }
            events
                .drain(..)
                .for_each(|event| encoder.push(&event, &mut out));
            out.clear();
        }
        decoder.finish(&mut events);
        events
            .iter()
            .for_each(|event| encoder.push(event, &mut out));
        encoder.finish(&mut out);
    });
    took.as_nanos() as f64 / bytes.len() as f64
}

type Shapes = fn(&str, usize) -> Vec<(&'static str, String)>;

/// Nanoseconds a byte of a request or stream that comes in one dialect and goes out in another.
type Cost = fn(&str, &str, &str) -> f64;

fn main() {
    let kinds: [(&str, Shapes, Cost); 2] = [
        ("request", requests, request_cost),
        ("stream", streams, stream_cost),
    ];
    println!("| what | shape | from | to | growth | to harmless |\n|---|---|---|---|---|---|");
    let (mut shapes, mut worse) = (0, 0);
    for (kind, shapes_of, cost) in kinds {
        for from in DIALECTS {
            let small: HashMap<_, _> = shapes_of(from, SMALL).into_iter().collect();
            for to in DIALECTS {
                let mut harmless = f64::NAN;
                for (shape, body) in shapes_of(from, LARGE) {
                    let large = cost(from, to, &body);
                    if shape == "harmless" {
                        harmless = large;
                    }
                    let (growth, ratio) = (large / cost(from, to, &small[shape]), large / harmless);
                    shapes += 1;
                    if growth > RATIO_MAX || ratio > RATIO_MAX {
                        worse += 1;
                        println!("| {kind} | {shape} | {from} | {to} | {growth:.1} | {ratio:.1} |");
                    }
                }
            }
        }
    }
    println!("\n{shapes} measured, {worse} above {RATIO_MAX}");
}
