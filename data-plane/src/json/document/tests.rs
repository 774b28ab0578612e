//! The index against serde_json, and what it refuses.

use super::*;
use proptest::prelude::*;

fn parse(json: &str) -> Result<Document, Invalid> {
    Document::parse(Bytes::copy_from_slice(json.as_bytes()))
}

#[test]
fn values_are_found_where_they_stand() {
    let document = parse(r#"{"a": [1, {"b": "x\n"}], "c": true, "a\u0041": null}"#).unwrap();
    let items: Vec<_> = document.root().get("a").unwrap().items().unwrap().collect();
    assert_eq!(items[0].u64().unwrap(), 1);
    assert_eq!(items[1].get("b").unwrap().str().unwrap(), "x\n");
    assert_eq!(
        items[1].get("b").unwrap().text().unwrap().as_escaped(),
        r"x\n"
    );
    assert!(document.root().get("c").unwrap().bool().unwrap());
    let keys: Vec<_> = document
        .root()
        .members()
        .unwrap()
        .map(|(key, _)| key.into_owned())
        .collect();
    assert_eq!(keys, ["a", "c", "aA"]);
    assert!(
        document.root().get("aA").is_none(),
        "null is as good as absent"
    );
}

#[test]
fn counts_keep_their_range() {
    for (json, expected) in [
        ("18446744073709551615", Some(u64::MAX)),
        ("8192.0", Some(8192)),
        ("1e3", Some(1000)),
        ("-1", None),
        ("1.5", None),
    ] {
        assert_eq!(parse(json).unwrap().root().u64().ok(), expected, "{json}");
    }
}

#[test]
fn errors_say_what_was_expected_and_found() {
    assert_eq!(
        parse("[1,]").unwrap_err().what,
        "malformed JSON: expected a value, found `]`"
    );
    assert_eq!(
        parse("").unwrap_err().what,
        "malformed JSON: expected a value, found the end"
    );
    assert_eq!(
        parse("\"a\nb\"").unwrap_err().what,
        "control character in a string; write it as an escape"
    );
    let deep = "[".repeat(DEPTH_MAX + 1);
    assert_eq!(parse(&deep).unwrap_err().what, "nested deeper than 128");
    let number = parse("7").unwrap();
    assert_eq!(
        number.root().text().unwrap_err().what,
        "expected a string, found a number"
    );
}

fn json_like() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("{".to_owned()),
            Just("}".to_owned()),
            Just("[".to_owned()),
            Just("]".to_owned()),
            Just(",".to_owned()),
            Just(":".to_owned()),
            Just("\"k\"".to_owned()),
            Just("-0.5e+7".to_owned()),
            Just("01".to_owned()),
            Just("true".to_owned()),
            Just("null".to_owned()),
            Just(" ".to_owned()),
            "\"[ -~]{0,12}\"",
            "\\PC{0,3}",
            "[0-9.eE+-]{1,4}",
        ],
        0..12,
    )
    .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_json_is_decided_as_serde_json_decides(json in json_like()) {
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&json).is_ok();
        prop_assert_eq!(parse(&json).is_ok(), theirs, "{}", json);
    }

    #[test]
    fn strings_say_what_serde_json_reads(plain in "\\PC*", pad in 0usize..20) {
        let json = serde_json::to_string(&format!("{}{plain}\u{1}\"\\", " ".repeat(pad))).unwrap();
        let theirs: String = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(parse(&json).unwrap().root().str().unwrap().into_owned(), theirs);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = (Document::parse(Bytes::from(bytes.clone())), Document::parse_shallow(Bytes::from(bytes)));
    }
}

#[test]
fn a_skimmed_document_has_the_same_members_and_opens_them_on_demand() {
    let json = r#" {"a":"x\\\"]}","b":[{"c":"}\\"},"]"],"d":{"e":[1,"\""]},"a":true} "#;
    let (skimmed, parsed) = (
        Document::parse_shallow(Bytes::from_static(json.as_bytes())).unwrap(),
        parse(json).unwrap(),
    );
    let members = |document: &Document| -> Vec<_> {
        let members = document.root().members().unwrap();
        members
            .map(|(key, value)| {
                (
                    key.into_owned(),
                    value.kind(),
                    value.as_written().to_owned(),
                )
            })
            .collect()
    };
    assert_eq!(members(&skimmed), members(&parsed));
    let inner = skimmed.root().get("d").unwrap();
    assert!(inner.get("e").is_none() && inner.to_document().unwrap().root().get("e").is_some());
}

#[test]
fn skimming_reads_the_top_level_and_where_values_end() {
    let parse_shallow = |json: &'static str| {
        Document::parse_shallow(Bytes::from_static(json.as_bytes())).map(|_| ())
    };
    assert_eq!(parse_shallow(r#"{"a":[1,,"\x"]}"#), Ok(()));
    for broken in [
        r#"{"a":[1}"#,
        r#"{"a":"x"#,
        r#"{"a":"x\"}"#,
        r#"{"a":1,}"#,
        r#"{"a":[1]]}"#,
        r#"{"a":{"b":"}"#,
        "{a:1}",
        "",
    ] {
        assert!(parse_shallow(broken).is_err(), "{broken}");
    }
}

/// An escape, a control character or the end of a string may stand anywhere in a block.
#[test]
fn strings_end_where_they_end_wherever_that_is() {
    for before in 0..150 {
        for after in [0, 1, 15, 63, 64, 130] {
            let string = |middle: &str| {
                let text = format!("{}{middle}{}", "x".repeat(before), "y".repeat(after));
                format!("[\"{text}\",\"z\"]")
            };
            for escape in [r"\n", r#"\""#, r"\\", r"\u00e9", r"\\\"] {
                let json = string(escape);
                let expected = serde_json::from_str::<Vec<String>>(&json).ok();
                let read = parse(&json).ok().map(|document| {
                    let items = document.root().items().unwrap();
                    items.map(|item| item.str().unwrap().into_owned()).collect()
                });
                assert_eq!(read, expected, "{json}");
            }
            for (wrong, at) in [("\n", 0), (r"\x", 0), (r"\u00g0", 6)] {
                let error = parse(&string(wrong)).unwrap_err();
                assert_eq!(
                    error.at.0 as usize,
                    2 + before + at,
                    "{wrong:?} at {before}"
                );
            }
            let cut = &string("")[..2 + before];
            assert_eq!(parse(cut).unwrap_err().what, "ends within a string");
        }
    }
}
