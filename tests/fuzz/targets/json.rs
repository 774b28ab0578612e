//! JSON: what is valid, and what its strings and numbers say, as `serde_json` reads it.
#![no_main]

use aerostat::json::{DEPTH_MAX, Document, Kind, Offset, Value, path_at, paths_at};
use aerostat_fuzz::mutate;
use bytes::Bytes;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::value::RawValue;

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    mutate(data, size, size_max, seed)
});

fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data.get(aerostat_fuzz::CHOICES..).unwrap_or_default());
    let theirs = serde_json::from_slice::<&RawValue>(&body).is_ok();
    match Document::parse(body.clone()) {
        Ok(document) => {
            assert!(theirs, "serde_json refuses it");
            check(&document, &body);
        }
        Err(invalid) => {
            assert!(
                !theirs || invalid.what.contains(&DEPTH_MAX.to_string()),
                "serde_json reads it: {invalid}"
            );
            let _ = path_at(&body, invalid.at);
        }
    }
});

fn check(document: &Document, body: &[u8]) {
    let mut offsets = Vec::new();
    check_value(document.root(), &mut offsets);
    // Each path alone is a scan of the whole.
    let some: Vec<Offset> = offsets
        .iter()
        .copied()
        .step_by(offsets.len() / 8 + 1)
        .collect();
    let paths: Vec<String> = some.iter().map(|offset| path_at(body, *offset)).collect();
    assert_eq!(paths_at(body, &some), paths);
    let compact = document.root().raw().compact();
    assert_eq!(
        values(compact.as_str()),
        values(document.root().as_written())
    );
    let quoted = document.root().raw().to_text();
    assert_eq!(quoted.to_plain(), document.root().as_written());
    let again = quoted.parse().expect("what was valid is valid again");
    assert_eq!(again.root().as_written(), document.root().as_written());
}

/// What `serde_json` makes of it; nothing where it has no value for it (lone surrogates, numbers
/// past a float).
fn values(json: &str) -> Option<serde_json::Value> {
    serde_json::from_str(json).ok()
}

fn check_value(value: Value<'_>, offsets: &mut Vec<Offset>) {
    offsets.push(value.offset());
    match value.kind() {
        Kind::Object => value
            .members()
            .into_iter()
            .flatten()
            .for_each(|(_, member)| check_value(member, offsets)),
        Kind::Array => value
            .items()
            .into_iter()
            .flatten()
            .for_each(|item| check_value(item, offsets)),
        Kind::String => check_string(value),
        Kind::Number => check_number(value),
        Kind::Bool => assert_eq!(
            value.bool().ok(),
            serde_json::from_str(value.as_written()).ok()
        ),
        Kind::Null => assert!(value.is_null()),
    }
}

fn check_string(value: Value<'_>) {
    let ours = value.str().expect("it is a string");
    if let Ok(theirs) = serde_json::from_str::<String>(value.as_written()) {
        assert_eq!(ours, theirs);
    }
    let text = value.text().expect("it is a string");
    assert_eq!(text.to_plain(), ours);
    let _ = (text.to_object(), text.split_once(b','));
}

fn check_number(value: Value<'_>) {
    let ours = value.f64().expect("it is a number");
    if let Ok(theirs) = serde_json::from_str::<f64>(value.as_written()) {
        assert!(
            (ours - theirs).abs() <= theirs.abs() * f64::EPSILON,
            "{ours} is not {theirs}"
        );
    }
    if let Ok(theirs) = serde_json::from_str::<u64>(value.as_written()) {
        assert_eq!(value.u64(), Ok(theirs));
    }
}
