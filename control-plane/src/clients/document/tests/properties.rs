//! Random files, as awkward as they come.

use super::*;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// What stands between two tokens of JSON with comments.
fn gap() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "",
        "",
        " ",
        "  ",
        "\t",
        "\n",
        "\n  ",
        "\r\n\t",
        "\n\n",
        " /* } */ ",
        " // \"{\n",
        "\n// x\n  ",
    ])
}

fn key() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "c d", "id", "g\\u0068"])
}

/// A JSON text with gaps, commas at odd places and the last comma now and then.
fn jsonc() -> impl Strategy<Value = String> {
    let scalar = select(vec![
        "1",
        "-0.5e3",
        "\"x\"",
        "\"// \\\" }\"",
        "null",
        "true",
        "{}",
        "[]",
    ]);
    let value = scalar.prop_map(str::to_owned).boxed();
    let value = value.prop_recursive(3, 24, 4, |inner| {
        let element = (gap(), inner, gap())
            .prop_map(|(before, value, after)| [before, &value, after].concat())
            .boxed();
        let member = (gap(), key(), gap(), gap(), element.clone()).prop_map(
            |(before, key, after, colon, value)| {
                (key, format!("{before}\"{key}\"{after}:{colon}{value}"))
            },
        );
        let last = select(vec!["", "", ","]);
        prop_oneof![
            (vec(element, 0..4), gap(), last.clone())
                .prop_map(|(items, gap, last)| enclosed("[", &items, gap, last, "]")),
            (vec(member, 0..4), gap(), last).prop_map(|(mut members, gap, last)| {
                members.sort_by_key(|(key, _)| *key);
                members.dedup_by_key(|(key, _)| *key);
                let members: Vec<_> = members.into_iter().map(|(_, member)| member).collect();
                enclosed("{", &members, gap, last, "}")
            }),
        ]
    });
    let mark = select(vec!["", "", "\u{feff}"]);
    (mark, gap(), value, gap())
        .prop_map(|(mark, before, value, after)| [mark, before, &value, after].concat())
}

fn enclosed(open: &str, parts: &[String], gap: &str, last: &str, close: &str) -> String {
    let last = if parts.is_empty() { "" } else { last };
    [open, &parts.join(","), last, gap, close].concat()
}

/// TOML by lines; what does not parse is left out.
fn toml() -> impl Strategy<Value = String> {
    let line = select(vec![
        "a = 1",
        "b = \"x # y\" # z",
        "c = [ 1, # one\n  2,\n]",
        "'c d'.e = true",
        "c.d.e = 1979-05-27",
        "d = { a = 1, b = { c = 2 } } # in",
        "e = {}",
        "  f = '''\n[x]\n'''",
        "# a comment",
        "",
        "  ",
        "[a]",
        "[b] # head",
        "[b.c]",
        "[\"c d\"]",
        "[[l]]",
        "[l.m]",
        "[a.b.c]",
    ]);
    let text = (
        vec(line, 0..9),
        select(vec!["\n", "\r\n"]),
        any::<bool>(),
        select(vec!["", "\u{feff}"]),
    );
    let text = text.prop_map(|(lines, line_end, is_closed, mark)| {
        let text = lines.join("\n") + if is_closed { "\n" } else { "" };
        mark.to_owned() + &text.replace('\n', line_end)
    });
    text.prop_filter("is TOML", |text| {
        Document::parse(text.as_bytes(), Format::Toml).is_ok()
    })
}

/// YAML by indentation: blocks with comments and empty lines between their elements.
fn yaml() -> impl Strategy<Value = String> {
    let scalar = select(vec![
        " 1",
        " x",
        " x y # z",
        " 'it''s: '",
        " \"a # b\"",
        "",
        " ~",
        " [a, {b: 1},] # f",
        " {}",
        " |\n  # in\n\n  x",
        " >-\n   y",
        " word\n   on",
        " &n 1",
        " !!str 1",
    ]);
    let value = scalar.prop_map(str::to_owned).boxed();
    let between = select(vec!["", "", "", "# c\n", "\n", "    # deep\n"]);
    let value =
        value.prop_recursive(3, 16, 3, move |inner| {
            let keys = vec(
                (
                    select(vec!["a", "b", "'c d'", "id"]),
                    inner.clone(),
                    between.clone(),
                ),
                1..4,
            );
            let items = vec((inner, between.clone()), 1..4);
            prop_oneof![
                keys.prop_map(|mut members| {
                    members.sort_by_key(|(key, ..)| *key);
                    members.dedup_by_key(|(key, ..)| *key);
                    let members = members.into_iter();
                    block(members.map(|(key, value, between)| {
                        format!("{between}{key}:{}", indented(&value))
                    }))
                }),
                items.prop_map(|items| {
                    block(
                        items
                            .into_iter()
                            .map(|(value, between)| format!("{between}-{}", indented(&value))),
                    )
                }),
            ]
        });
    let text = (
        value,
        select(vec!["", "# head\n", "---\n"]),
        select(vec!["\n", "\r\n"]),
        any::<bool>(),
    );
    let text = text.prop_map(|(value, head, line_end, is_closed)| {
        let text = format!(
            "{head}{}{}",
            value.trim_start(),
            if is_closed { "\n" } else { "" }
        );
        text.replace('\n', line_end)
    });
    text.prop_filter("is YAML that we read", |text| {
        Document::parse(text.as_bytes(), Format::Yaml)
            .is_ok_and(|document| document.get(&Path::root()).is_some())
    })
}

/// A collection in lines of its own, below what it is the value of.
fn block(lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<_> = lines.collect();
    format!("\n{}", lines.join("\n"))
}

fn indented(value: &str) -> String {
    if value.starts_with('\n') {
        value.replace('\n', "\n  ")
    } else {
        value.to_owned()
    }
}

/// Keys, and an item of a list at one place.
fn path() -> impl Strategy<Value = Path> {
    let keys = || {
        vec(
            select(vec!["a", "b", "c d", "new"]).prop_map(Step::from),
            0..3,
        )
    };
    let item = select(vec!["x", "y"]).prop_map(|id| Step::item("id", id));
    let item = proptest::option::weighted(0.3, item);
    (keys(), item, keys()).prop_map(|(above, item, below)| {
        let steps = above.into_iter().chain(item).chain(below);
        let path: Path = steps.collect();
        if path == Path::root() {
            Path::keys(["a"])
        } else {
            path
        }
    })
}

fn value() -> impl Strategy<Value = Value> {
    select(vec![
        json!("new # \" \\"),
        json!(7),
        json!(true),
        json!(["p", "q"]),
        json!({"id": "x", "k": 1}),
        json!({"k": {"m": [{"n": 1}]}, "z": "yes"}),
    ])
}

/// The comments of a text that ours would not be: no value that is written holds one.
fn comments(text: &str) -> Vec<&str> {
    [
        "// x",
        "/* } */",
        "# c",
        "# head",
        "# a comment",
        "# z",
        "# one",
    ]
    .into_iter()
    .flat_map(|comment| text.matches(comment))
    .collect()
}

fn check(before: &str, format: Format, path: &Path, value: &Value) -> Result<(), TestCaseError> {
    let mut document = Document::parse(before.as_bytes(), format).unwrap();
    let (depth, old) = (document.depth_of(path), document.get(path).cloned());
    let whole = document.get(&Path::root()).cloned();
    match document.set(path, value) {
        Err(Refused::Inexact { .. }) if format == Format::Toml => return Ok(()),
        // An item that would not be found again.
        Err(Refused::Inexact { .. }) if matches!(path.steps().last(), Some(Step::Item(_))) => {
            return Ok(());
        }
        Err(Refused::Inexact { at }) => return Err(TestCaseError::fail(at)),
        Err(_) => {
            prop_assert_eq!(document.bytes(), before.as_bytes());
            return Ok(());
        }
        Ok(()) => {}
    }
    let found = document.get(path).cloned().unwrap_or_default();
    let is_in = |(key, value): (&String, &Value)| found.get(key) == Some(value);
    let says_it = found == *value
        || value
            .as_object()
            .is_some_and(|value| value.iter().all(is_in));
    prop_assert!(says_it, "{} at {}", found, path);
    let after = document.bytes();
    let text = String::from_utf8(after.clone()).unwrap();
    prop_assert_eq!(undo(&after, document.splices()).unwrap(), before.as_bytes());
    let replaces_lines = old.is_some_and(|old| old.is_object() || old.is_array());
    if !replaces_lines {
        prop_assert_eq!(comments(&text), comments(before));
    }
    if depth == path.steps().len() {
        return Ok(());
    }
    // Removed again, with the parents that were made for it: the same values, and in most layouts
    // the same bytes.
    let mut path = path.clone();
    prop_assert!(
        document.remove(&path),
        "{} is removed from {:?}",
        path,
        text
    );
    while let Some(parent) = path.parent().filter(|parent| parent.steps().len() > depth) {
        let is_item = matches!(parent.steps().last(), Some(Step::Item(_)));
        if is_item || document.is_empty_at(&parent) {
            prop_assert!(document.remove(&parent));
        }
        path = parent;
    }
    if format != Format::Yaml {
        prop_assert_eq!(document.get(&Path::root()).cloned(), whole);
    }
    prop_assert_eq!(
        undo(&document.bytes(), document.splices()).unwrap(),
        before.as_bytes()
    );
    // A table that had only tables in it keeps the header that it got.
    let parent = path.parent().unwrap_or_default();
    let header = format!("[{parent}]");
    let has_header = !text.contains(&header) || before.contains(&header);
    if is_filled(before, format, &parent) && (has_header || format != Format::Toml) {
        prop_assert_eq!(String::from_utf8(document.bytes()).unwrap(), before);
    }
    Ok(())
}

/// Whether something stays there, so that the brackets need not be guessed.
fn is_filled(text: &str, format: Format, path: &Path) -> bool {
    let document = Document::parse(text.as_bytes(), format).unwrap();
    let is_filled = |value: &Value| match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    document.get(path).is_some_and(is_filled)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn json_changes_only_where_it_is_asked_to(before in jsonc(), path in path(), value in value()) {
        check(&before, Format::Jsonc, &path, &value)?;
    }

    #[test]
    fn toml_changes_only_where_it_is_asked_to(before in toml(), path in path(), value in value()) {
        check(&before, Format::Toml, &path, &value)?;
    }

    #[test]
    fn yaml_changes_only_where_it_is_asked_to(before in yaml(), path in path(), value in value()) {
        check(&before, Format::Yaml, &path, &value)?;
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..48), text in "[\\-\\[\\]{}:,#\"'|>&!? \n\ra=.]{0,24}", path in path()) {
        for format in [Format::Jsonc, Format::StrictJson, Format::Toml, Format::Yaml] {
            for bytes in [&bytes[..], text.as_bytes()] {
                if let Ok(mut document) = Document::parse(bytes, format) {
                    let _ = document.set(&path, &json!([1]));
                    document.remove(&path);
                }
            }
        }
    }
}
