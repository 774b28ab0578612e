//! Upstreams' answers: however their bytes are cut, they say the same, and a stream says what the
//! whole answer says.

use aerostat::canon::{Event, Fault, Fold, Response};
use aerostat::protocol::DecodeContext;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::cases;
use super::wires::protocol;
use crate::support::Dialect;
use crate::support::upstream::Form;
use crate::support::upstream::answers::{self, Answer};

fn answering() -> DecodeContext {
    DecodeContext {
        request_id: "0123456789abcdef01234567".to_owned(),
        ..DecodeContext::default()
    }
}

/// Every literal stream, in each form that its dialect has.
fn streams() -> Vec<(Dialect, String, Bytes)> {
    Dialect::OF_UPSTREAMS
        .into_iter()
        .flat_map(|dialect| {
            answers::cases(dialect)
                .into_iter()
                .flat_map(move |case| forms(dialect, &case))
        })
        .collect()
}

fn forms(dialect: Dialect, case: &str) -> Vec<(Dialect, String, Bytes)> {
    let records = answers::literal(dialect, &format!("{case}.sse")).expect("a literal answer");
    let array = || Bytes::from(Answer::stream(Form::Array, &records).chunks().concat());
    let arrays = (dialect == Dialect::Gemini)
        .then(array)
        .map(|array| (dialect, format!("{case}, as an array"), array));
    std::iter::once((dialect, case.to_owned(), records))
        .chain(arrays)
        .collect()
}

/// The events of a stream that comes in these chunks.
fn events(dialect: Dialect, chunks: impl IntoIterator<Item = Bytes>) -> Vec<Event> {
    let mut decoder = protocol(dialect.name()).stream_decoder(&answering());
    let mut events = Vec::new();
    for chunk in chunks {
        decoder
            .push(chunk, &mut events)
            .expect("literal answers are their dialect's");
    }
    decoder.finish(&mut events);
    events
}

fn folded(events: Vec<Event>) -> Result<Response, Fault> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

fn cut(bytes: &Bytes, at: &[Index]) -> Vec<Bytes> {
    let mut cuts: Vec<usize> = at
        .iter()
        .map(|index| index.index(bytes.len() + 1))
        .chain([0, bytes.len()])
        .collect();
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| bytes.slice(pair[0]..pair[1]))
        .collect()
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn any_chunking_gives_the_same_events((dialect, case, bytes) in select(streams()), cuts in proptest::collection::vec(any::<Index>(), 0..24)) {
        let at_once = events(dialect, [bytes.clone()]);
        prop_assert_eq!(events(dialect, cut(&bytes, &cuts)), at_once, "{:?} {}", dialect, case);
    }
}

#[test]
fn a_stream_that_comes_byte_by_byte_says_the_same() {
    for (dialect, case, bytes) in streams() {
        let single = (0..bytes.len()).map(|at| bytes.slice(at..=at));
        assert_eq!(
            events(dialect, single),
            events(dialect, [bytes.clone()]),
            "{dialect:?} {case}"
        );
    }
}

#[test]
fn a_folded_stream_is_the_whole_answer() {
    for (dialect, case, bytes) in streams() {
        let file = case.trim_end_matches(", as an array");
        let whole =
            answers::literal(dialect, &format!("{file}.json")).expect("cases have both forms");
        let whole = protocol(dialect.name()).decode_response(whole, &answering());
        assert_eq!(
            folded(events(dialect, [bytes])),
            whole,
            "{dialect:?} {case}"
        );
    }
}
