use super::*;

/// As aichat's example has it.
const AICHAT: &str = "\
# see the guide
model: openai:gpt-4o             # default model
temperature: null
wrap: no
prelude: |
  one: not a key

  # not a comment
left_prompt:
  '{color.green}{?session {session}}{!session{role}}'

clients:
  # All clients have these
  # - type: xxxx

  - type: openai
    api_key: \"sk: x\" # mine
    models: [a, {name: b, \"c\": [1]}]
    # for later
  # See the guide
footer:
- x
- y: 1
  z: ~
";

fn client() -> Path {
    Path::keys(["clients"]).then(Step::item("name", "aerostat"))
}

#[test]
fn an_item_is_added_to_a_list_of_a_long_file() {
    let value = json!({"type": "openai-compatible", "name": "aerostat", "models": [{"name": "a:b", "k": 1}]});
    let item = "  - models:\n      - k: 1\n        name: \"a:b\"\n    name: aerostat\n    type: openai-compatible\n";
    let after = AICHAT.replace("    # for later\n", &format!("    # for later\n{item}"));
    both_ways(Format::Yaml, AICHAT, &client(), &value, &after);
    let crlf = |text: &str| text.replace('\n', "\r\n");
    both_ways(
        Format::Yaml,
        &crlf(AICHAT),
        &client(),
        &value,
        &crlf(&after),
    );
}

#[test]
fn values_say_what_they_say() {
    let document = Document::parse(AICHAT.as_bytes(), Format::Yaml).unwrap();
    assert_eq!(
        document.get(&Path::root()),
        Some(&json!({
            "model": "openai:gpt-4o",
            "temperature": null,
            "wrap": "no",
            "prelude": "|\n  one: not a key\n\n  # not a comment",
            "left_prompt": "{color.green}{?session {session}}{!session{role}}",
            "clients": [{
                "type": "openai",
                "api_key": "sk: x",
                "models": ["a", {"name": "b", "c": [1]}],
            }],
            "footer": ["x", {"y": 1, "z": null}],
        }))
    );
}

#[test]
fn keys_and_items_go_where_their_collection_ends() {
    let value = json!({"name": "aerostat", "k": [1]});
    for (before, after) in [
        ("", "clients:\n  - k:\n      - 1\n    name: aerostat\n"),
        (
            "a: 1",
            "a: 1\nclients:\n  - k:\n      - 1\n    name: aerostat",
        ),
        (
            "# c\n",
            "# c\nclients:\n  - k:\n      - 1\n    name: aerostat\n",
        ),
        (
            "---\na: 1 # x\n# end\n",
            "---\na: 1 # x\nclients:\n  - k:\n      - 1\n    name: aerostat\n# end\n",
        ),
        (
            "clients:\n- a\n# end\n",
            "clients:\n- a\n- k:\n    - 1\n  name: aerostat\n# end\n",
        ),
        (
            "clients: []\nz: 1",
            "clients: [{k: [1], name: aerostat}]\nz: 1",
        ),
        (
            "clients: [ {a: 1} , ] # x",
            "clients: [ {a: 1} , {k: [1], name: aerostat}, ] # x",
        ),
        (
            "clients: [\n  a, # x\n  b\n]\n",
            "clients: [\n  a, # x\n  b, {k: [1], name: aerostat}\n]\n",
        ),
    ] {
        if before.is_empty() || before.starts_with('#') {
            assert_eq!(set(Format::Yaml, before, &client(), &value), after);
        } else {
            both_ways(Format::Yaml, before, &client(), &value, after);
        }
    }
    // A list whose items are all commented out.
    let before = "clients: # mine\n  # - type: x\nz: 1\n";
    assert_eq!(
        set(
            Format::Yaml,
            before,
            &client(),
            &json!({"name": "aerostat"})
        ),
        "clients: # mine\n  - name: aerostat\n  # - type: x\nz: 1\n"
    );
}

#[test]
fn a_root_list_gets_an_item() {
    let path = Path::root().then(Step::item("model_id", "x"));
    let value = json!({"model_id": "x", "api_base": "http://127.0.0.1:8045/v1", "vision": true});
    let item = "- api_base: \"http://127.0.0.1:8045/v1\"\n  model_id: x\n  vision: true";
    for (before, after) in [
        (
            "- model_id: a\n  b: >-\n    long\n",
            format!("- model_id: a\n  b: >-\n    long\n{item}\n"),
        ),
        (
            "# c\n\n- - a\n  - b",
            format!("# c\n\n- - a\n  - b\n{item}"),
        ),
    ] {
        both_ways(Format::Yaml, before, &path, &value, &after);
    }
    assert_eq!(set(Format::Yaml, "", &path, &value), format!("{item}\n"));
    assert_eq!(
        removed(Format::Yaml, &format!("# c\n{item}\n"), &path, 0),
        "# c\n"
    );
}

#[test]
fn a_value_is_replaced_and_its_comment_stays() {
    let path = Path::keys(["m"]);
    for (before, value, after) in [
        (
            "m:   'old' # why\nz: 1\n",
            json!("a b"),
            "m:   \"a b\" # why\nz: 1\n",
        ),
        ("m: # why\nz: 1\n", json!(false), "m: false # why\nz: 1\n"),
        (
            "m:\n  - 1\n  - 2\nz: 1\n",
            json!(["yes"]),
            "m:\n  - \"yes\"\nz: 1\n",
        ),
        ("{m: 1, z: 2}", json!("on"), "{m: \"on\", z: 2}"),
        ("m: long\n  text\nz: 1\n", json!(1), "m: 1\nz: 1\n"),
        ("m: |\n  a\n\n  b\n\nz: 1\n", json!("x"), "m: x\n\nz: 1\n"),
    ] {
        assert_eq!(set(Format::Yaml, before, &path, &value), after);
    }
}

#[test]
fn removal_leaves_comments_and_the_rest() {
    for (before, path, after) in [
        (
            "a: 1\nb: 2 # two\nc: 3\n",
            Path::keys(["b"]),
            "a: 1\n# two\nc: 3\n",
        ),
        ("b: 2\r\nc: 3\r\n", Path::keys(["b"]), "c: 3\r\n"),
        (
            "- b: 1\n  c: 2\n",
            Path::root().then(Step::item("c", "x")),
            "",
        ),
        (
            "a:\n  b: 1\nc: 2\n",
            Path::keys(["a", "b"]),
            "a: {}\nc: 2\n",
        ),
        ("a: {b: 1, c: 2}", Path::keys(["a", "b"]), "a: {c: 2}"),
        ("a: {c: 2, b: 1,}", Path::keys(["a", "b"]), "a: {c: 2,}"),
        (
            "a:\n- b: 1\n  c: x\n",
            Path::keys(["a"]).then(Step::item("c", "x")).then("b"),
            "a:\n- c: x\n",
        ),
    ] {
        let mut document = Document::parse(before.as_bytes(), Format::Yaml).unwrap();
        if after.is_empty() {
            assert!(!document.remove(&path));
            continue;
        }
        assert!(document.remove(&path), "{before}");
        assert_eq!(String::from_utf8(document.bytes()).unwrap(), after);
    }
}

#[test]
fn what_is_not_understood_is_refused_with_line_and_column() {
    for (text, expected) in [
        (
            "a: 1\na: 2\n",
            "line 2, column 1: the key `a` stands there twice",
        ),
        (
            "a: {b: 1, 'b': 2}\n",
            "line 1, column 11: the key `b` stands there twice",
        ),
        (
            "a: 1\n---\nb: 1\n",
            "line 2, column 1: a second document, or a directive",
        ),
        (
            "%YAML 1.2\n---\n",
            "line 1, column 1: a second document, or a directive",
        ),
        ("a:\n\tb: 1\n", "line 2, column 1: a tab in the indentation"),
        (
            "a: b: c\n",
            "line 1, column 4: a key where a value is expected",
        ),
        (
            "a: 1\n   b: 2\n",
            "line 1, column 4: a key where a value is expected",
        ),
        (
            "a:\n  b: 1\n c: 1\n",
            "line 3, column 2: indented deeper than what is above it",
        ),
        (
            "? a\n: b\n",
            "line 1, column 1: a key that is written with `?`",
        ),
        (
            "a: [1, 2\nb: 1\n",
            "line 1, column 8: a pair without braces in a list",
        ),
        ("a: 'x\n", "line 1, column 4: a text without its end"),
        ("a: @x\n", "line 1, column 4: no value begins with `@`"),
        (
            "a: \"x\" y\n",
            "line 1, column 7: expected the end of the line",
        ),
        (
            "- a\nb: 1\n",
            "line 2, column 1: expected the end, or less indentation",
        ),
        ("a: 1\nfoo\n", "line 2, column 1: expected a key and `:`"),
    ] {
        let unreadable = Document::parse(text.as_bytes(), Format::Yaml).unwrap_err();
        assert_eq!(unreadable.to_string(), expected, "{text}");
    }
}
