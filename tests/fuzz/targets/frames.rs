//! The framing of streams: any chunking gives the same records and the same objects.
#![no_main]

use aerostat::protocol::MalformedResponse;
use aerostat::protocol::objects::Objects;
use aerostat::protocol::sse::{Frame, Frames};
use aerostat_fuzz::Input;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else {
        return;
    };
    assert_eq!(
        frames(&input.chunks()),
        frames(std::slice::from_ref(&input.body))
    );
    assert_eq!(
        objects(&input.chunks()),
        objects(std::slice::from_ref(&input.body))
    );
});

fn frames(chunks: &[Bytes]) -> (Vec<Frame>, bool) {
    let (mut frames, mut read) = (Frames::default(), Vec::new());
    for chunk in chunks {
        let each = |frame| {
            read.push(frame);
            Ok(())
        };
        frames
            .push(chunk.clone(), each)
            .expect("a small record is never refused");
    }
    let is_between = frames.is_between();
    let last = frames.finish();
    assert!(
        last.is_none() || !is_between,
        "a record was open between two records"
    );
    assert!(frames.is_between(), "something is left after the end");
    read.extend(last);
    (read, is_between)
}

fn objects(chunks: &[Bytes]) -> (Vec<Bytes>, Result<bool, MalformedResponse>) {
    let (mut objects, mut read) = (Objects::default(), Vec::new());
    for chunk in chunks {
        let each = |object: Bytes| {
            assert!(object.starts_with(b"{") && object.ends_with(b"}"));
            read.push(object);
            Ok(())
        };
        if let Err(garbled) = objects.push(chunk, each) {
            return (read, Err(garbled));
        }
    }
    (read, Ok(objects.is_between()))
}
