//! Answers in one piece: bodies of every operation, and errors, of every upstream.
#![no_main]

use aerostat::canon::{Embed, Losses};
use aerostat::json::Document;
use aerostat::protocol::{ALL, Operation, PassthroughState, Protocol};
use aerostat_fuzz::{Input, answering, check_promises, check_whole, mutate};
use bytes::{Bytes, BytesMut};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

const STATUSES: &[u16] = &[
    200, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529, 600,
];

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    mutate(data, size, size_max, seed)
});

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else {
        return;
    };
    let protocol = input.protocol();
    if let Ok(response) = protocol.decode_response(input.body.clone(), &answering()) {
        check_promises(&response.events());
        ALL.iter()
            .for_each(|client| check_whole(protocol, *client, &response));
    }
    let _ = (
        protocol.body_info(&input.body),
        protocol.decode_count(&input.body),
    );
    models(protocol, &input.body);
    embeddings(protocol, &input.body);
    fault(protocol, *input.pick(1, STATUSES), &input.body);
});

fn models(protocol: &dyn Protocol, body: &Bytes) {
    let Ok(models) = protocol.decode_models(body) else {
        return;
    };
    for client in ALL {
        Document::parse(client.encode_models(&models, None)).expect("a list of models is JSON");
    }
}

fn embeddings(protocol: &dyn Protocol, body: &Bytes) {
    let Some(Ok(embeddings)) = protocol
        .embeddings()
        .map(|codec| codec.decode_embeddings(body))
    else {
        return;
    };
    for codec in ALL.iter().filter_map(|client| client.embeddings()) {
        for base64 in [false, true] {
            let embed = Embed {
                base64,
                is_batch: true,
                model: "m-1".to_owned(),
                ..Embed::default()
            };
            let body = codec.encode_embeddings(
                &embeddings,
                &embed,
                Operation::BatchEmbed,
                &mut Losses::default(),
            );
            Document::parse(body).expect("vectors are JSON");
        }
    }
}

fn fault(protocol: &dyn Protocol, status: u16, body: &[u8]) {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
    let status = StatusCode::from_u16(status).expect("the list holds statuses");
    let fault = protocol.decode_fault(status, &headers, body);
    for client in ALL {
        let (status, body) = client.encode_fault(&fault, "req_1");
        assert!(
            status.is_client_error() || status.is_server_error(),
            "a fault with {status}"
        );
        Document::parse(body).expect("a fault is JSON");
        client.encode_stream_fault(&fault, &PassthroughState::default(), &mut BytesMut::new());
    }
}
