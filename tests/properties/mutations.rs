//! Damaged bytes: a decoder may refuse them, and never breaks.

use aerostat::protocol::{DecodeContext, Inbound, Operation};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::cases;
use super::wires::{DIALECTS, decode_bytes, protocol, request};
use crate::support::Dialect;
use crate::support::upstream::answers;

/// What is done to bytes at a place.
#[derive(Clone, Debug)]
enum Damage {
    Put(u8),
    Cut(u8),
    Double(u8),
    /// SegmentedBytes that have a meaning somewhere.
    Insert(&'static str),
}

const PIECES: [&str; 16] = [
    "null", "{}", "[]", "\"\"", "-1", "1e999", "true", "\\ud800", "\n\n", "\r", "data: ",
    "event: ", "[DONE]", "\u{feff}", "],[", "\"a\":",
];

fn damages() -> impl Strategy<Value = Vec<(Index, Damage)>> {
    let damage = prop_oneof![
        any::<u8>().prop_map(Damage::Put),
        any::<u8>().prop_map(Damage::Cut),
        any::<u8>().prop_map(Damage::Double),
        select(&PIECES[..]).prop_map(Damage::Insert),
    ];
    proptest::collection::vec((any::<Index>(), damage), 1..6)
}

fn damaged(bytes: &[u8], damages: &[(Index, Damage)]) -> Bytes {
    let mut bytes = bytes.to_vec();
    for (index, damage) in damages {
        let at = index.index(bytes.len() + 1);
        let end = |length: &u8| (at + usize::from(*length)).min(bytes.len());
        match damage {
            Damage::Put(byte) => bytes.insert(at, *byte),
            Damage::Cut(length) => drop(bytes.drain(at..end(length))),
            Damage::Double(length) => {
                let piece = bytes[at..end(length)].to_vec();
                bytes.splice(at..at, piece);
            }
            Damage::Insert(piece) => drop(bytes.splice(at..at, piece.bytes())),
        }
    }
    bytes.into()
}

fn literals() -> Vec<(Dialect, Bytes)> {
    let files = |dialect: Dialect| {
        let folder = format!(
            "{}/tests/support/upstream/answers/{}",
            env!("CARGO_MANIFEST_DIR"),
            dialect.name()
        );
        let files = std::fs::read_dir(folder).expect("every dialect has a folder of answers");
        files.map(move |file| {
            (
                dialect,
                Bytes::from(std::fs::read(file.expect("an entry").path()).expect("a file")),
            )
        })
    };
    assert!(!answers::cases(Dialect::Chat).is_empty());
    Dialect::OF_UPSTREAMS.into_iter().flat_map(files).collect()
}

/// Every decoder of a dialect that reads what upstreams send.
fn read_as_answer(dialect: &str, bytes: &Bytes) {
    let (protocol, answering) = (
        protocol(dialect),
        DecodeContext {
            request_id: "0123456789ab".to_owned(),
            ..DecodeContext::default()
        },
    );
    let mut decoder = protocol.stream_decoder(&answering);
    let mut events = Vec::new();
    if decoder.push(bytes.clone(), &mut events).is_ok() {
        decoder.finish(&mut events);
    }
    let _ = protocol.decode_response(bytes.clone(), &answering);
    let _ = protocol.decode_fault(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), bytes);
    let _ = protocol.body_info(bytes);
    let _ = protocol.decode_count(bytes);
    let _ = protocol.decode_models(bytes);
    let _ = protocol
        .embeddings()
        .map(|codec| codec.decode_embeddings(bytes));
}

/// Every decoder of a dialect that reads what clients send.
fn read_as_request(dialect: &str, bytes: &Bytes) {
    let headers = HeaderMap::new();
    let path_model = (dialect == "gemini").then_some("m");
    for operation in [
        Operation::Generate,
        Operation::CountTokens,
        Operation::Embed,
        Operation::BatchEmbed,
    ] {
        let inbound = Inbound {
            operation,
            path_model,
            query: None,
            headers: &headers,
            body: bytes,
        };
        let _ = protocol(dialect).routing_fields(&inbound);
        let _ = protocol(dialect)
            .embeddings()
            .map(|codec| codec.decode_embed(&inbound));
    }
    // An error finds the way back to its field.
    let _ = decode_bytes(dialect, bytes).map_err(|error| error.into_fault(bytes));
}

proptest! {
    #![proptest_config(cases(1024))]

    #[test]
    fn no_decoder_breaks_on_damaged_answers((dialect, bytes) in select(literals()), damages in damages()) {
        let bytes = damaged(&bytes, &damages);
        read_as_answer(dialect.name(), &bytes);
        // Upstreams answer in dialects that nobody expects of them.
        DIALECTS.iter().for_each(|other| read_as_answer(other, &bytes));
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn no_decoder_breaks_on_damaged_requests(
        dialect in select(&DIALECTS[..]), chance in proptest::collection::vec(any::<u8>(), 256), damages in damages(),
    ) {
        let bytes = damaged(request(dialect, &chance).to_string().as_bytes(), &damages);
        DIALECTS.iter().for_each(|other| read_as_request(other, &bytes));
    }
}
