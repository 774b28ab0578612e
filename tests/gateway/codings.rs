//! Answers that are compressed although identity was asked for: clients get them unpacked.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{Bench, SERVED, first_text, own_model, request};
use crate::support::Dialect::{self, Anthropic, Chat};
use crate::support::grammar::{self, Ending};
use crate::support::raw::Answer;
use crate::support::upstream::{Gate, Refusal, Script, answers};

type Encode = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Encode); 6] = [
    ("gzip", gzip),
    ("deflate", zlib),
    ("deflate", raw_deflate),
    ("br", brotli),
    ("zstd", zstd),
    ("gzip, x-gzip", |bytes| gzip(&gzip(bytes))),
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Blocks that are stored as they are. Source: RFC 7932 sections 9.1 and 9.2.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    // A window of 4 MiB, in four bits.
    let (mut bits, mut used) = (0b1011_u32, 4);
    let mut encoded = Vec::new();
    for block in bytes.chunks(1 << 16) {
        // Not the last; 16 bits of length; stored.
        let length = u32::try_from(block.len() - 1).unwrap();
        let header = bits | (length << (used + 3)) | (1 << (used + 19));
        encoded.extend_from_slice(&header.to_le_bytes()[..3]);
        encoded.extend_from_slice(block);
        (bits, used) = (0, 0);
    }
    encoded.push(3);
    encoded
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn literal(dialect: Dialect, file: &str) -> bytes::Bytes {
    answers::literal(dialect, file).unwrap_or_else(|| panic!("no {file}"))
}

fn coded(status: u16, media_type: &str, coding: &str, body: Vec<u8>) -> Script {
    Script::literal(status, media_type, body).header("content-encoding", coding)
}

fn assert_identity(answer: &Answer, what: &str) {
    assert_eq!(answer.header("content-encoding"), None, "{what}");
}

fn assert_text(client: Dialect, answer: &Answer, what: &str) {
    assert_identity(answer, what);
    let summary = grammar::check(client, answer.content_type(), &answer.body)
        .unwrap_or_else(|broken| panic!("{what} {broken:?}: {}", answer.text()));
    assert_eq!(summary.ending, Ending::Success, "{what}: {}", answer.text());
    let text = &summary.folded.choices[0].text;
    assert!(text.starts_with("Gr\u{fc}ezi"), "{what}: {text}");
}

#[tokio::test]
async fn whole_answers_and_streams_are_unpacked() {
    let bench = Bench::new().await;
    for (coding, encode) in CODINGS {
        for upstream in SERVED {
            for client in SERVED {
                for stream in [false, true] {
                    let (file, media_type) = if stream {
                        ("text.sse", "text/event-stream")
                    } else {
                        ("text.json", "application/json")
                    };
                    let body = encode(&literal(upstream, file));
                    bench.upstream.answer(coded(200, media_type, coding, body));
                    let sent = request(client, &own_model(upstream), stream);
                    let answer = bench.agent.send(&sent).await;
                    let (client_name, name) = (client.name(), upstream.name());
                    let what = format!("{coding}, {client_name} of {name}, {stream}");
                    assert_text(client, &answer, &what);
                    if client == upstream {
                        let plain = literal(upstream, file);
                        assert_eq!(answer.body, plain, "{what}: a passthrough");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn errors_are_unpacked_and_keep_their_words() {
    const WORDS: &str = "The flux is out of range.";
    let bench = Bench::new().await;
    for (coding, encode) in CODINGS {
        for upstream in SERVED {
            for client in SERVED {
                let body = encode(&Refusal::new(400, WORDS).body(upstream));
                bench
                    .upstream
                    .answer(coded(400, "application/json", coding, body));
                let sent = request(client, &own_model(upstream), true);
                let answer = bench.agent.send(&sent).await;
                let what = format!("{coding}, {} of {}", client.name(), upstream.name());
                assert_identity(&answer, &what);
                assert_eq!(answer.status, 400, "{what}: {}", answer.text());
                let message = &answer.json()["error"]["message"];
                assert_eq!(message, WORDS, "{what}: {}", answer.text());
            }
        }
    }
}

/// What its encoder flushed goes on, before the rest has come.
#[tokio::test]
async fn a_compressed_stream_flows() {
    let bench = Bench::new().await;
    for (client, upstream) in [(Chat, Chat), (Anthropic, Chat), (Chat, Anthropic)] {
        let records = answers::records(&literal(upstream, "text.sse"));
        let (first, rest) = records.split_at(first_text(upstream));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&first.concat()).unwrap();
        encoder.flush().unwrap();
        let flushed = encoder.get_ref().len();
        encoder.write_all(&rest.concat()).unwrap();
        let body = encoder.finish().unwrap();

        let gate = Gate::default();
        bench
            .upstream
            .answer(coded(200, "text/event-stream", "gzip", body).hold_at(flushed, &gate));
        let sent = request(client, &own_model(upstream), true);
        let mut connection = bench.open(&sent).await;
        let head = connection.answer_until("Gr\u{fc}ezi".as_bytes()).await;
        assert_identity(&head, client.name());
        gate.open();
        connection.more_until(b" mountains").await;
    }
}

#[tokio::test]
async fn the_unpacked_size_is_bounded() {
    let bench = Bench::with("[limits]\nanswer_body_bytes_max = \"1 MiB\"\n").await;
    let large = format!("{{\"x\":\"{}\"}}", " ".repeat(8 << 20));
    for (coding, encode) in CODINGS {
        for status in [200, 400] {
            for client in [Chat, Anthropic] {
                let body = encode(large.as_bytes());
                let script = coded(status, "application/json", coding, body);
                bench.upstream.answer(script);
                let answer = bench
                    .agent
                    .send(&request(client, &own_model(Chat), false))
                    .await;
                let expected = if status == 200 { 502 } else { 400 };
                assert_eq!(answer.status, expected, "{coding}: {}", answer.text());
                assert!(answer.body.len() < 1 << 16, "{coding}");
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_coding_is_an_error_that_names_it() {
    let bench = Bench::new().await;
    bench
        .upstream
        .answer(coded(200, "application/json", "snappy", b"{}".to_vec()));
    let answer = bench.ask(Chat, false).await;
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("`snappy`"), "{}", answer.text());
}
