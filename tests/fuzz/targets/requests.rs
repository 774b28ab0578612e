//! Requests: every decoder reads what comes without a panic, and every encoder writes what the
//! target can read.
#![no_main]

use aerostat::canon::{Embed, Losses, Request};
use aerostat::json::Document;
use aerostat::protocol::{ALL, DecodeError, Inbound, Operation, Protocol, Wire};
use aerostat_fuzz::{Input, mutate, target};
use bytes::Bytes;
use http::HeaderMap;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    mutate(data, size, size_max, seed)
});

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else {
        return;
    };
    let protocol = input.protocol();
    let operation = input.pick(1, protocol.descriptor().routes).operation;
    let headers = HeaderMap::new();
    let inbound = inbound(operation, &headers, &input.body);
    check_routing_fields(protocol, &inbound);
    if operation.embeds() {
        embed(protocol, &inbound);
    } else {
        generate(protocol, &inbound);
    }
});

fn inbound<'a>(operation: Operation, headers: &'a HeaderMap, body: &'a Bytes) -> Inbound<'a> {
    Inbound {
        operation,
        path_model: Some("m-1"),
        query: None,
        headers,
        body,
    }
}

fn check_routing_fields(protocol: &dyn Protocol, inbound: &Inbound<'_>) {
    let Ok(fields) = protocol.routing_fields(inbound) else {
        return;
    };
    let Some(at) = fields.model_at else { return };
    let written = std::str::from_utf8(&inbound.body[at]).expect("a name's characters are whole");
    let json = format!("\"{written}\"");
    let document =
        Document::parse(json.into()).expect("the place of the model's name is a string's inside");
    assert_eq!(
        document
            .root()
            .text()
            .map(|text| text.to_plain().into_owned()),
        Ok(fields.model)
    );
}

fn generate(protocol: &dyn Protocol, inbound: &Inbound<'_>) {
    match protocol.decode_request(inbound) {
        Ok(request) => {
            check_identity(protocol, inbound.operation, &request);
            ALL.iter()
                .for_each(|other| _ = encode(&request, inbound.operation, *other));
        }
        Err(error) => refuse(protocol, error, inbound.body),
    }
}

fn refuse(protocol: &dyn Protocol, error: DecodeError, body: &[u8]) {
    let (status, body) = protocol.encode_fault(&error.into_fault(body), "req_1");
    assert!(status.is_client_error());
    Document::parse(body).expect("a fault is JSON");
}

/// Writes the request for an upstream of that dialect; `None` where it cannot be carried.
fn encode(request: &Request, operation: Operation, other: &dyn Protocol) -> Option<Bytes> {
    let operation = if operation == Operation::CountTokens && !other.descriptor().counts_tokens {
        Operation::Generate
    } else {
        operation
    };
    let mut losses = Losses::default();
    let encoded = other.encode_request(request, &target(operation, request.stream), &mut losses);
    let losses = losses.resolve(&request.body).ok()?;
    assert!(
        losses.iter().all(|loss| !loss.path.is_empty()),
        "a loss without a path: {losses:?}"
    );
    check_wire(&encoded.wire);
    Some(encoded.wire.body.whole().clone())
}

/// What a dialect read, it writes so that it reads it again. Other dialects may have to judge
/// values that only they understand.
fn check_identity(protocol: &dyn Protocol, operation: Operation, request: &Request) {
    let Some(body) = encode(request, operation, protocol) else {
        return;
    };
    let headers = HeaderMap::new();
    let again = protocol.decode_request(&inbound(operation, &headers, &body));
    let again = again.map_err(|error| error.into_fault(&body).message);
    assert!(
        again.is_ok(),
        "{} cannot read what it wrote: {again:?}: {body:?}",
        protocol.dialect()
    );
}

fn embed(protocol: &dyn Protocol, inbound: &Inbound<'_>) {
    let Some(codec) = protocol.embeddings() else {
        return;
    };
    match codec.decode_embed(inbound) {
        Ok(embed) => ALL
            .iter()
            .filter_map(|other| other.embeddings())
            .for_each(|other| encode_embed(&embed, inbound.operation, other)),
        Err(error) => refuse(protocol, error, inbound.body),
    }
}

fn encode_embed(
    embed: &Embed,
    operation: Operation,
    other: &dyn aerostat::protocol::EmbedProtocol,
) {
    let mut losses = Losses::default();
    let wire = other.encode_embed(embed, &target(operation, false), &mut losses);
    if losses.resolve(&embed.body).is_err() {
        return;
    }
    check_wire(&wire);
    let (headers, body) = (HeaderMap::new(), wire.body.whole().clone());
    let operation = if wire.path.ends_with(":batchEmbedContents") {
        Operation::BatchEmbed
    } else {
        Operation::Embed
    };
    let again = other.decode_embed(&inbound(operation, &headers, &body));
    let again = again.map_err(|error| error.into_fault(&body).message);
    assert!(
        again.is_ok(),
        "cannot read what it wrote: {again:?}: {body:?}"
    );
}

fn check_wire(wire: &Wire) {
    assert!(wire.path.starts_with('/'));
    Document::parse(wire.body.whole().clone()).expect("a request is JSON");
}
