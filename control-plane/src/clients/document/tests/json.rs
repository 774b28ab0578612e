use super::*;

fn url() -> Path {
    Path::keys(["env", "URL"])
}

#[test]
fn a_member_is_added_in_the_style_of_the_file() {
    let value = json!("x");
    for (before, after) in [
        // Indentation and line ends.
        (
            "{\n  \"a\": 1,\n  \"env\": {\n    \"B\": \"2\"\n  }\n}\n",
            "{\n  \"a\": 1,\n  \"env\": {\n    \"B\": \"2\",\n    \"URL\": \"x\"\n  }\n}\n",
        ),
        (
            "{\r\n\t\"env\": {\r\n\t\t\"B\": \"2\"\r\n\t}\r\n}",
            "{\r\n\t\"env\": {\r\n\t\t\"B\": \"2\",\r\n\t\t\"URL\": \"x\"\r\n\t}\r\n}",
        ),
        (
            "\u{feff}{\n    \"env\": {}\n}\n",
            "\u{feff}{\n    \"env\": {\n        \"URL\": \"x\"\n    }\n}\n",
        ),
        // A parent is created.
        (
            "{\n    \"z\": [\n        1\n    ]\n}\n",
            "{\n    \"z\": [\n        1\n    ],\n    \"env\": {\n        \"URL\": \"x\"\n    }\n}\n",
        ),
        ("{}", "{\n  \"env\": {\n    \"URL\": \"x\"\n  }\n}"),
        ("{}\n", "{\n  \"env\": {\n    \"URL\": \"x\"\n  }\n}\n"),
        // One line stays one line.
        ("{\"a\":1}", "{\"a\":1,\"env\":{\"URL\":\"x\"}}"),
        (
            "{ \"env\": { \"B\": 2 } }\n",
            "{ \"env\": { \"B\": 2, \"URL\": \"x\" } }\n",
        ),
        ("{\"env\":{}}", "{\"env\":{\"URL\":\"x\"}}"),
        (
            "{\n  \"env\": {\"B\": 1, \"C\": 2}\n}",
            "{\n  \"env\": {\"B\": 1, \"C\": 2, \"URL\": \"x\"}\n}",
        ),
        // The bracket stands on the last line.
        (
            "{\n  \"env\": {\n    \"B\": 1}}\n",
            "{\n  \"env\": {\n    \"B\": 1,\n    \"URL\": \"x\"}}\n",
        ),
    ] {
        for format in [Format::StrictJson, Format::JsonWithComments, Format::Jsonc] {
            both_ways(format, before, &url(), &value, after);
        }
    }
}

#[test]
fn comments_and_trailing_commas_stay_where_they_are() {
    let value = json!("x");
    for (before, after) in [
        (
            "// head\n{\n  // about env\n  \"env\": {\n    \"B\": 1 // one\n    // last\n  }, /* tail */\n}\n// foot",
            "// head\n{\n  // about env\n  \"env\": {\n    \"B\": 1, // one\n    \"URL\": \"x\"\n    // last\n  }, /* tail */\n}\n// foot",
        ),
        (
            "{\n  \"env\": {\n    \"B\": 1, /* one\n    two */ // three\n  },\n}",
            "{\n  \"env\": {\n    \"B\": 1, /* one\n    two */ // three\n    \"URL\": \"x\",\n  },\n}",
        ),
        (
            "{\"env\": {\"B\": 1,},}",
            "{\"env\": {\"B\": 1, \"URL\": \"x\",},}",
        ),
        (
            "{\n  \"env\": {\n    // nothing yet\n  }\n}\n",
            "{\n  \"env\": {\n    // nothing yet\n    \"URL\": \"x\"\n  }\n}\n",
        ),
        (
            "{\n  \"env\": { /* none */ }\n}\n",
            "{\n  \"env\": { /* none */ \"URL\": \"x\" }\n}\n",
        ),
        // Commas at the beginnings of lines.
        (
            "{ \"a\": 1\n, \"env\": {\"B\": 1}\n}",
            "{ \"a\": 1\n, \"env\": {\"B\": 1, \"URL\": \"x\"}\n}",
        ),
    ] {
        both_ways(Format::Jsonc, before, &url(), &value, after);
    }
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    let before = "{\n\t\"env\": {\n\t\t\"URL\" : \"old, } //\", // ours\n\t\t\"C\": 1e2\n\t},\n}";
    let after = "{\n\t\"env\": {\n\t\t\"URL\" : {\n\t\t\t\"a\": [\n\t\t\t\t1\n\t\t\t]\n\t\t}, // ours\n\t\t\"C\": 1e2\n\t},\n}";
    assert_eq!(
        set(Format::Jsonc, before, &url(), &json!({"a": [1]})),
        after
    );
    assert_eq!(
        set(Format::Jsonc, after, &url(), &json!("old, } //")),
        before
    );
}

#[test]
fn what_is_there_already_keeps_its_spelling() {
    let before = r#"{"env": {"URL": "\u0078"}}"#;
    assert_eq!(set(Format::Jsonc, before, &url(), &json!("x")), before);
}

#[test]
fn an_empty_file_and_one_of_comments_get_a_root() {
    let root = "{\n  \"env\": {\n    \"URL\": \"x\"\n  }\n}";
    for (before, after) in [
        ("", format!("{root}\n")),
        ("\u{feff}", format!("\u{feff}{root}\n")),
        ("\n", format!("{root}\n")),
        ("// mine\n", format!("// mine\n{root}\n")),
        ("/* a */ // mine", format!("/* a */ // mine\n{root}")),
    ] {
        assert_eq!(set(Format::Jsonc, before, &url(), &json!("x")), after);
    }
    let crlf = "{\r\n  \"env\": {\r\n    \"URL\": \"x\"\r\n  }\r\n}\r\n";
    assert_eq!(
        set(Format::Jsonc, "// a\r\n", &url(), &json!("x")),
        format!("// a\r\n{crlf}")
    );
}

#[test]
fn removal_takes_a_member_with_its_line_and_leaves_comments() {
    let key = Path::keys(["b"]);
    for (before, after) in [
        ("{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"c\":3}"),
        ("{ \"b\": 2, \"c\": 3 }", "{ \"c\": 3 }"),
        ("{ \"a\": 1, \"b\": 2 }", "{ \"a\": 1 }"),
        ("{\"a\": 1, \"b\": 2,}", "{\"a\": 1,}"),
        ("{ \"b\": [1, {}] }", "{}"),
        (
            "{\n  \"a\": 1,\n\n  \"b\": 2,\n  // c\n  \"c\": 3\n}",
            "{\n  \"a\": 1,\n\n  // c\n  \"c\": 3\n}",
        ),
        (
            "{\n  \"a\": 1, // one\n  \"b\": 2 // two\n}",
            "{\n  \"a\": 1 // one\n  // two\n}",
        ),
        ("{\n  \"b\": 2, \"c\": 3\n}", "{\n  \"c\": 3\n}"),
        ("{\n  \"a\": 1\n  , \"b\": 2\n}", "{\n  \"a\": 1\n  \n}"),
    ] {
        assert_eq!(removed(Format::Jsonc, before, &key, 0), after);
    }
    let mut document = Document::parse(b"{\"a\": 1}", Format::Jsonc).unwrap();
    assert!(!document.remove(&key) && document.splices().is_empty());
}

#[test]
fn items_of_lists_are_found_by_their_members() {
    let item = |id: &str| Step::item("id", id).and("url", "here");
    let path = Path::keys(["models"]).then(item("x"));
    let value = json!({"id": "x", "url": "here", "n": 1});
    let foreign = "{\"id\": \"x\", \"url\": \"elsewhere\"}";
    both_ways(
        Format::Jsonc,
        &format!("{{\n  \"models\": [\n    {foreign},\n  ],\n}}\n"),
        &path,
        &value,
        &format!(
            "{{\n  \"models\": [\n    {foreign},\n    {{\n      \"id\": \"x\",\n      \"n\": 1,\n      \"url\": \"here\"\n    }},\n  ],\n}}\n"
        ),
    );
    both_ways(
        Format::Jsonc,
        &format!("[{foreign}]"),
        &Path::root().then(item("x")),
        &value,
        &format!("[{foreign}, {{\"id\": \"x\", \"n\": 1, \"url\": \"here\"}}]"),
    );
    // One member of an item that is there, and of one that is not.
    let member = path.then("n");
    let list = "{\"models\":[{\"id\":\"x\",\"url\":\"here\"}]}";
    assert_eq!(
        set(Format::Jsonc, list, &member, &json!(2)),
        "{\"models\":[{\"id\":\"x\",\"url\":\"here\",\"n\":2}]}"
    );
    assert_eq!(
        set(Format::Jsonc, "{\"models\":[]}", &member, &json!(2)),
        "{\"models\":[{\"id\":\"x\",\"n\":2,\"url\":\"here\"}]}"
    );
}

#[test]
fn an_edit_that_is_not_exact_is_refused_and_changes_nothing() {
    let twice = "[{\"id\": \"x\"}, {\"id\": \"x\"}]";
    let item = Path::root().then(Step::item("id", "x")).then("n");
    for (before, path, expected) in [
        (
            "{\"env\": null}",
            url(),
            "`env` is null, expected an object",
        ),
        (
            "{\"env\": []}",
            url(),
            "`env` is a list, expected an object",
        ),
        ("[1]", url(), "`the file` is a list, expected an object"),
        ("3", url(), "`the file` is a number, expected an object"),
        (
            "{}",
            item.clone(),
            "`the file` is an object, expected a list",
        ),
        (twice, item, "several items fit `[id=x]`"),
    ] {
        let mut document = Document::parse(before.as_bytes(), Format::StrictJson).unwrap();
        let refused = document.set(&path, &json!(1)).unwrap_err();
        assert_eq!(refused.to_string(), expected);
        assert_eq!(document.bytes(), before.as_bytes());
        assert!(document.splices().is_empty());
    }
}

#[test]
fn an_unreadable_file_is_named_with_line_and_column() {
    for (format, text, expected) in [
        (
            Format::Jsonc,
            "{\n  \"ä\": 1\n  \"b\": 2\n}",
            "line 3, column 3: expected `,` or `}`, found `\"`",
        ),
        (
            Format::Jsonc,
            "{\"ä\": tru}",
            "line 1, column 7: expected a value, found `tru`",
        ),
        (
            Format::Jsonc,
            "{\"a\": 01}",
            "line 1, column 7: expected a value, found `01`",
        ),
        (
            Format::Jsonc,
            "{a: 1}",
            "line 1, column 2: expected a key in double quotes, found `a`",
        ),
        (
            Format::Jsonc,
            "{'a': 1}",
            "line 1, column 2: expected a key in double quotes, found `'`",
        ),
        (
            Format::Jsonc,
            "{\"a\": 1",
            "line 1, column 8: expected `,` or `}`, found the end",
        ),
        (
            Format::Jsonc,
            "{\"a\": \"x\n\"}",
            "line 1, column 7: a text without its end `\"` on its line",
        ),
        (
            Format::Jsonc,
            "{\"a\": \"\\x\"}",
            "line 1, column 7: a text with an escape that JSON does not have",
        ),
        (
            Format::Jsonc,
            "{} /* x",
            "line 1, column 4: a comment without its end `*/`",
        ),
        (
            Format::Jsonc,
            "{} {}",
            "line 1, column 4: expected the end, found `{`",
        ),
        (
            Format::Jsonc,
            "{,}",
            "line 1, column 2: expected a key in double quotes, found `,`",
        ),
        (
            Format::Jsonc,
            "[1,,2]",
            "line 1, column 4: expected a value, found `,`",
        ),
        (
            Format::Jsonc,
            "{\n\"k\": 1, \"\\u006b\": 2}",
            "line 2, column 9: the key `k` stands there twice",
        ),
        (
            Format::StrictJson,
            "{\n  // x\n}",
            "line 2, column 3: a comment, which this format does not have",
        ),
        (
            Format::StrictJson,
            "{\"a\": 1,}",
            "line 1, column 8: a comma after the last item",
        ),
        (
            Format::JsonWithComments,
            "[1, // x\n]",
            "line 1, column 3: a comma after the last item",
        ),
    ] {
        let unreadable = Document::parse(text.as_bytes(), format).unwrap_err();
        assert_eq!(unreadable.to_string(), expected, "{text}");
    }
    let unreadable = Document::parse(b"{\n\"a\xff\": 1}", Format::Jsonc).unwrap_err();
    assert_eq!(unreadable.to_string(), "line 2, column 3: not UTF-8");
    let deep = "[".repeat(1000);
    assert!(Document::parse(deep.as_bytes(), Format::Jsonc).is_err());
}

#[test]
fn a_strict_file_with_comments_is_told_from_a_broken_one() {
    for (text, reads_as_jsonc) in [("{/* x */}", true), ("[1,]", true), ("{//", false)] {
        let problem = Document::parse(text.as_bytes(), Format::StrictJson)
            .unwrap_err()
            .problem;
        assert!(matches!(problem, Problem::Comment | Problem::TrailingComma));
        assert_eq!(
            Document::parse(text.as_bytes(), Format::Jsonc).is_ok(),
            reads_as_jsonc
        );
    }
}
