use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn document(json: &Json) -> Document {
    Document::parse(json.to_string().into()).unwrap()
}

fn compared(before: &Json, after: &Json) -> Diff {
    diff(&document(before), &document(after)).unwrap()
}

/// The changes as `- a`, `+ b`, `~ c`, `a > b`.
fn told(before: &Json, after: &Json) -> Vec<String> {
    let tell = |change: &Change| {
        let (from, to) = (
            change.from.as_deref().unwrap_or_default(),
            change.to.as_deref().unwrap_or_default(),
        );
        let told = match change.kind {
            ChangeKind::Added => format!("+ {to}"),
            ChangeKind::Removed => format!("- {from}"),
            ChangeKind::Changed => format!("~ {from}"),
            ChangeKind::Moved => format!("{from} > {to}"),
        };
        if change.count > 1 {
            format!("{told} x{}", change.count)
        } else {
            told
        }
    };
    compared(before, after).changes.iter().map(tell).collect()
}

#[test]
fn each_kind_is_told_by_its_path() {
    let before = json!({"model": "a", "seed": 7, "max_tokens": 100, "stop": ["x"], "n": 1});
    let after =
        json!({"model": "b", "maxOutputTokens": 100, "stop": ["x"], "n": 1, "new": {"a": 1}});
    assert_eq!(
        told(&before, &after),
        ["max_tokens > maxOutputTokens", "~ model", "- seed", "+ new"]
    );
    assert_eq!(told(&before, &before), Vec::<String>::new());
}

#[test]
fn the_order_of_members_and_escapes_are_no_difference() {
    let before = Document::parse(r#"{"a":1,"b":"\u00e9\/"}"#.into()).unwrap();
    let after = Document::parse(r#"{"b":"é/", "a":1}"#.into()).unwrap();
    assert_eq!(diff(&before, &after).unwrap(), Diff::default());
}

#[test]
fn a_conversation_is_followed_by_what_its_turns_say() {
    let turn = |role: &str, text: &str| json!({"role": role, "content": text});
    let part =
        |role: &str, text: &str| json!({"role": role, "content": [{"type": "text", "text": text}]});
    let before = json!({"messages": [
        turn("system", "be brief and kind"), turn("user", "first question"),
        turn("assistant", "first answer"), turn("user", "second question"),
    ]});
    let after = json!({"system": "be brief and kind", "messages": [
        part("user", "first question"), part("assistant", "first answer"), part("user", "second question"),
    ]});
    assert_eq!(
        told(&before, &after),
        [
            "messages[0].content > system",
            "- messages[0].role",
            "messages[1] > messages[0] x3",
            "messages[1].content > messages[0].content[0].text x3",
            "+ messages[0].content[0].type x3",
        ]
    );
}

#[test]
fn arguments_in_a_text_and_media_in_a_url_have_moved() {
    let before = json!({"arguments": "{\"city\": \"Köln\",\"n\":2}", "url": "data:image/png;base64,AAAABBBB"});
    let after = json!({"input": {"city": "Köln", "n": 2}, "source": {"type": "base64", "data": "AAAABBBB"}});
    let there = told(&before, &after);
    assert_eq!(
        there,
        ["arguments > input", "url > source.data", "+ source.type"]
    );
    let back = told(&after, &before);
    assert_eq!(
        back,
        ["input > arguments", "source.data > url", "- source.type"]
    );
}

#[test]
fn small_values_move_to_names_that_are_alike_only() {
    let before = json!({"top_k": 5, "stream": true, "a": "ab"});
    let after = json!({"topK": 5, "other": true, "b": "ab"});
    assert_eq!(
        told(&before, &after),
        ["- a", "- stream", "top_k > topK", "+ b", "+ other"]
    );
}

#[test]
fn the_list_is_bounded_and_counts_what_it_leaves_out() {
    let many = |prefix: &str| -> Json {
        let members = (0..1_000).map(|n| (format!("{prefix}{n}"), json!(n % 7)));
        Json::Object(members.collect())
    };
    let found = compared(&many("a"), &many("b"));
    assert_eq!(found.changes.len(), CHANGES_MAX);
    let counted: usize = found.changes.iter().map(|change| change.count).sum();
    assert_eq!(counted + found.left_out, 2_000);
    let huge = json!((0..VALUES_MAX).collect::<Vec<_>>());
    assert!(diff(&document(&huge), &document(&json!(1))).is_none());
}

/// Documents made so that a search for partners could take long.
#[test]
fn equal_values_without_number_take_no_longer() {
    let list = |key: &str, value: &Json| -> Json {
        json!((0..20_000).map(|_| json!({key: value})).collect::<Vec<_>>())
    };
    for value in [json!(true), json!("the same text"), json!({"a": {}})] {
        let began = tokio::time::Instant::now();
        compared(
            &json!({"x": list("a", &value)}),
            &json!({"y": list("b", &value)}),
        );
        assert!(began.elapsed().as_secs() < 20, "{value}");
    }
}

/// Every scalar with its path.
fn leaves(value: &Json, path: String, found: &mut Vec<(String, Json)>) {
    match value {
        Json::Object(members) => members.iter().for_each(|(key, value)| {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            leaves(value, path, found);
        }),
        Json::Array(items) => items.iter().enumerate().for_each(|(at, value)| {
            leaves(value, format!("{path}[{at}]"), found);
        }),
        scalar => found.push((path, scalar.clone())),
    }
}

fn all_leaves(value: &Json) -> Vec<(String, Json)> {
    let mut found = Vec::new();
    leaves(value, String::new(), &mut found);
    found
}

/// Whether `path` is `site` or lies in it.
fn is_in(path: &str, site: &str) -> bool {
    path.strip_prefix(site)
        .is_some_and(|rest| site.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

fn general(path: &str) -> String {
    let mut general = String::new();
    let mut is_index = false;
    for c in path.chars() {
        match c {
            '[' => is_index = true,
            ']' => is_index = false,
            _ if is_index => continue,
            _ => {}
        }
        general.push(c);
    }
    general
}

fn documents() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        (0..5_i64).prop_map(|value| json!(value)),
        "[ab]{0,6}".prop_map(|value| json!(value)),
    ];
    scalar.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            proptest::collection::btree_map("[a-d]", inner, 0..5)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_document_does_not_differ_from_itself(document in documents()) {
        prop_assert_eq!(compared(&document, &document), Diff::default());
    }

    /// What is not the same at the same path on both sides is in a change, by the shape of its path.
    #[test]
    fn nothing_disappears_without_a_change(before in documents(), after in documents()) {
        let found = compared(&before, &after);
        prop_assert_eq!(found.left_out, 0);
        let (of_before, of_after) = (all_leaves(&before), all_leaves(&after));
        let sites = |site: fn(&Change) -> Option<&String>| -> Vec<String> {
            found.changes.iter().filter_map(site).map(|path| general(path)).collect()
        };
        for (leaves, others, sites) in [
            (&of_before, &of_after, sites(|change| change.from.as_ref())),
            (&of_after, &of_before, sites(|change| change.to.as_ref())),
        ] {
            for (path, value) in leaves {
                let is_same = others.iter().any(|(other, known)| other == path && known == value);
                let is_told = sites.iter().any(|site| is_in(&general(path), site));
                prop_assert!(is_same || is_told, "{} in {} -> {}: {:?}", path, before, after, found);
            }
        }
    }

    #[test]
    fn one_value_that_is_taken_out_is_one_change(document in documents()) {
        let Json::Object(members) = &document else { return Ok(()) };
        let Some(key) = members.keys().next().cloned() else { return Ok(()) };
        let mut without = members.clone();
        without.remove(&key);
        let told = told(&document, &Json::Object(without));
        prop_assert_eq!(told, [format!("- {key}")]);
    }
}
