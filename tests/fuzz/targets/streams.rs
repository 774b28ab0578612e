//! Streams: decoders give the same events for any chunking and keep the promises of `canon::Event`;
//! what encoders write of them is read again.
#![no_main]

use aerostat::canon::{Event, Fold, Request};
use aerostat::protocol::sse::Frames;
use aerostat::protocol::{ALL, MalformedResponse, Protocol, StreamEnd};
use aerostat_fuzz::{Input, answering, ask, check_promises, check_whole, mutate, origin};
use bytes::{Bytes, BytesMut};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    mutate(data, size, size_max, seed)
});

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else {
        return;
    };
    let protocol = input.protocol();
    read_frames(protocol, &input.body);
    let (events, end) = read(protocol, std::slice::from_ref(&input.body));
    assert_eq!(
        read(protocol, &input.chunks()),
        (events.clone(), end.clone()),
        "the chunks matter"
    );
    if end.is_ok() {
        check_promises(&events);
        ALL.iter()
            .for_each(|client| write(protocol, *client, &events));
    }
});

fn read_frames(protocol: &dyn Protocol, body: &Bytes) {
    let each = |frame| {
        let _ = protocol.frame_info(&frame);
        Ok(())
    };
    let _ = Frames::default().push(body.clone(), each);
}

/// The events, and how reading ended.
fn read(protocol: &dyn Protocol, chunks: &[Bytes]) -> (Vec<Event>, Result<(), MalformedResponse>) {
    let mut decoder = protocol.stream_decoder(&answering());
    let mut events = Vec::new();
    for chunk in chunks {
        if let Err(garbled) = decoder.push(chunk.clone(), &mut events) {
            return (events, Err(garbled));
        }
        if decoder.is_done() {
            break;
        }
    }
    decoder.finish(&mut events);
    (events, Ok(()))
}

/// Writes the events for a client, streamed and whole.
fn write(upstream: &dyn Protocol, client: &dyn Protocol, events: &[Event]) {
    let (origin, request) = (
        origin(upstream),
        Request {
            stream: true,
            include_usage: true,
            ..Request::default()
        },
    );
    let ask = ask(&request, &origin);
    let mut encoder = client.stream_encoder(&ask);
    let mut out = BytesMut::new();
    for event in events {
        encoder.push(event, &mut out);
        encoder.keep_alive(&mut out);
    }
    let ending = encoder.finish(&mut out);
    let (again, end) = read(client, &[out.clone().freeze()]);
    assert!(
        end.is_ok(),
        "{} cannot read what it wrote: {end:?}: {out:?}",
        client.dialect()
    );
    check_promises(&again);
    let mut fold = Fold::default();
    events.iter().cloned().for_each(|event| fold.push(event));
    match fold.finish() {
        Ok(response) => check_whole(upstream, client, &response),
        Err(_) => assert!(
            ending == StreamEnd::Abort || matches!(again.last(), Some(Event::Failed(_))),
            "a failure is hidden"
        ),
    }
}
