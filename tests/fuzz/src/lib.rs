//! What the fuzz targets share: how an input is laid out, how inputs are changed, and what events
//! promise.
//!
//! A target panics when something that must hold does not. It knows no dialect by name: a new one
//! in `protocol::ALL` is fuzzed without new code.

mod mutate;
mod promises;

use std::time::Duration;

use aerostat::canon::{Losses, Origin, Request, Response};
use aerostat::protocol::{ALL, DecodeContext, Operation, Protocol, ResponseContext, Target};
use bytes::Bytes;

pub use mutate::mutate;
pub use promises::check_promises;

/// The bytes in front of a body that choose how it is read.
pub const CHOICES: usize = 4;

/// One input.
pub struct Input {
    choices: [u8; CHOICES],
    pub body: Bytes,
}

impl Input {
    /// `None` where the choices are not whole.
    pub fn read(data: &[u8]) -> Option<Self> {
        let (choices, body) = data.split_first_chunk()?;
        Some(Self {
            choices: *choices,
            body: Bytes::copy_from_slice(body),
        })
    }

    /// The same as bytes.
    pub fn write(choices: [u8; CHOICES], body: &[u8]) -> Vec<u8> {
        [&choices, body].concat()
    }

    pub fn protocol(&self) -> &'static dyn Protocol {
        *self.pick(0, ALL)
    }

    /// One of these, by the choice at `index`.
    pub fn pick<'a, T>(&self, index: usize, from: &'a [T]) -> &'a T {
        &from[usize::from(self.choices[index]) % from.len()]
    }

    /// The body in pieces, whose two alternating sizes are the last two choices.
    pub fn chunks(&self) -> Vec<Bytes> {
        let mut rest = self.body.clone();
        let mut sizes = [self.choices[2], self.choices[3]]
            .map(|choice| usize::from(choice) + 1)
            .into_iter()
            .cycle();
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let size = sizes.next().unwrap_or(1).min(rest.len());
            chunks.push(rest.split_to(size));
        }
        chunks
    }
}

/// Who answers in every target.
pub fn origin(protocol: &dyn Protocol) -> Origin {
    Origin {
        dialect: protocol.dialect(),
        provider: "lab".to_owned(),
        model: "m-1".to_owned(),
    }
}

pub fn answering() -> DecodeContext {
    DecodeContext {
        request_id: "0123456789abcdef".to_owned(),
        ..DecodeContext::default()
    }
}

/// What a client asked whose answer is written.
pub fn ask<'a>(request: &'a Request, origin: &'a Origin) -> ResponseContext<'a> {
    ResponseContext {
        request,
        operation: Operation::Generate,
        query: Some("alt=sse"),
        origin,
        request_id: "0123456789abcdef",
        received_at: Duration::from_secs(1_800_000_000),
        completed_at: Duration::from_secs(1_800_000_000),
    }
}

/// What a request is written for.
pub fn target(operation: Operation, stream: bool) -> Target<'static> {
    Target {
        operation,
        provider: "lab",
        maker: aerostat::protocol::Maker::Unknown,
        model: "m-1",
        stream,
        output_tokens_max: None,
    }
}

/// Panics where a client could not read its whole answer: neither an answer nor an error of its
/// dialect.
pub fn check_whole(upstream: &dyn Protocol, client: &dyn Protocol, response: &Response) {
    let (origin, request) = (origin(upstream), Request::default());
    let encoded = client.encode_response(response, &ask(&request, &origin), &mut Losses::default());
    let body = encoded.unwrap_or_else(|fault| client.encode_fault(&fault, "r").1);
    let again = client.decode_response(body.clone(), &answering());
    let is_fault = client
        .body_info(&body)
        .is_ok_and(|info| info.fault.is_some());
    // An answer without output, or with reasoning alone, is none: its decoder says so, as it does
    // for an upstream's.
    let is_empty = again
        .as_ref()
        .err()
        .is_some_and(|fault| fault.message.contains("gave no answer"));
    assert!(
        again.is_ok() || is_fault || is_empty,
        "{} cannot read what it wrote: {again:?}: {body:?}",
        client.dialect()
    );
}
