use super::*;

const BEFORE: &str = "# mine\nmodel = \"m\" # why\n\n[projects.\"/x\"]\ntrust = true\n";

fn provider() -> Path {
    Path::keys(["model_providers", "aerostat"])
}

#[test]
fn root_keys_stand_before_the_first_table() {
    let path = Path::keys(["model_provider"]);
    for (before, after) in [
        (
            BEFORE,
            "# mine\nmodel = \"m\" # why\nmodel_provider = \"a\"\n\n[projects.\"/x\"]\ntrust = true\n",
        ),
        ("[t]\nk = 1", "model_provider = \"a\"\n\n[t]\nk = 1"),
        (
            "# t\n[t]\r\nk = 1",
            "model_provider = \"a\"\n\n# t\n[t]\r\nk = 1",
        ),
        ("\r\n[t]\r\n", "\r\nmodel_provider = \"a\"\r\n\r\n[t]\r\n"),
        (
            "# head\r\n# more\r\n\r\n[t]\r\n",
            "# head\r\n# more\r\n\r\nmodel_provider = \"a\"\r\n\r\n[t]\r\n",
        ),
        ("", "model_provider = \"a\"\n"),
        ("\u{feff}", "\u{feff}model_provider = \"a\"\n"),
        ("# only\n", "# only\nmodel_provider = \"a\"\n"),
        ("# only", "# only\nmodel_provider = \"a\""),
        (
            "\u{feff}a.b = 1\r\n[[l]]\r\n",
            "\u{feff}a.b = 1\r\nmodel_provider = \"a\"\r\n[[l]]\r\n",
        ),
        (
            "a = [\n  1, # one\n]\n",
            "a = [\n  1, # one\n]\nmodel_provider = \"a\"\n",
        ),
        (
            "a = '''\n[x]\n''' # c",
            "a = '''\n[x]\n''' # c\nmodel_provider = \"a\"",
        ),
    ] {
        both_ways(Format::Toml, before, &path, &json!("a"), after);
    }
}

#[test]
fn tables_are_added_at_the_end_and_taken_out_whole() {
    let value = json!({"name": "A", "auth": {"args": ["key", "show"]}});
    let table = "[model_providers.aerostat]\nname = \"A\"\n\n[model_providers.aerostat.auth]\nargs = [\"key\", \"show\"]";
    for (before, after) in [
        (BEFORE, format!("{BEFORE}\n{table}\n")),
        ("a = 1", format!("a = 1\n\n{table}")),
        ("", format!("{table}\n")),
        ("# c\n", format!("# c\n\n{table}\n")),
        (
            "[model_providers.b]\nx = 1\n# last\n",
            format!("[model_providers.b]\nx = 1\n# last\n\n{table}\n"),
        ),
        (
            "model_providers.b.x = 1\n[z]\n",
            "model_providers.b.x = 1\nmodel_providers.aerostat.auth.args = [\"key\", \"show\"]\nmodel_providers.aerostat.name = \"A\"\n[z]\n".to_owned(),
        ),
        (
            "model_providers = { b = { x = 1 } } # inline\n",
            "model_providers = { b = { x = 1 }, aerostat = { auth = { args = [\"key\", \"show\"] }, name = \"A\" } } # inline\n".to_owned(),
        ),
        (
            "a = 1\r\n",
            format!("a = 1\r\n\r\n{}\r\n", table.replace('\n', "\r\n")),
        ),
    ] {
        both_ways(Format::Toml, before, &provider(), &value, &after);
    }
}

#[test]
fn keys_one_by_one_make_the_same_table() {
    let mut document = Document::parse(BEFORE.as_bytes(), Format::Toml).unwrap();
    let keys = [
        (provider().then("name"), json!("A")),
        (provider().then("base_url"), json!("http://127.0.0.1")),
        (provider().then("auth").then("args"), json!(["key"])),
        (provider().then("wire_api"), json!("responses")),
    ];
    for (path, value) in &keys {
        assert_eq!(
            document.depth_of(path),
            usize::from(path.parent() != Some(provider()) || path.steps()[2] != "name".into()) * 2
        );
        document.set(path, value).unwrap();
    }
    let after = document.bytes();
    assert_eq!(
        String::from_utf8(after.clone()).unwrap(),
        format!(
            "{BEFORE}\n[model_providers.aerostat]\nname = \"A\"\nbase_url = \"http://127.0.0.1\"\nwire_api = \"responses\"\n\n[model_providers.aerostat.auth]\nargs = [\"key\"]\n"
        )
    );
    assert_eq!(undo(&after, document.splices()).unwrap(), BEFORE.as_bytes());
    for (path, _) in &keys {
        assert!(document.remove(path), "{path}");
        let parent = path.parent().unwrap();
        if document.is_empty_at(&parent) {
            assert!(document.remove(&parent), "{parent}");
        }
    }
    assert_eq!(document.bytes(), BEFORE.as_bytes());
}

#[test]
fn a_value_is_replaced_and_its_comment_stays() {
    let path = Path::keys(["t", "k"]);
    for (before, after) in [
        (
            "[t]\n  k   =  'old' # why\n",
            "[t]\n  k   =  \"new\" # why\n",
        ),
        ("t.k = 1\r\nx = 2", "t.k = \"new\"\r\nx = 2"),
        (
            "t = { a = 1, k = [1, 2] } # x",
            "t = { a = 1, k = \"new\" } # x",
        ),
        (
            "[t]\nk = \"\"\"\nold\"\"\"\n[t.u]\n",
            "[t]\nk = \"new\"\n[t.u]\n",
        ),
    ] {
        assert_eq!(set(Format::Toml, before, &path, &json!("new")), after);
    }
}

#[test]
fn a_key_is_added_where_its_table_stands() {
    let path = Path::keys(["t", "k"]);
    for (before, after) in [
        ("[t] # head\n\n[u]\n", "[t] # head\nk = 1\n\n[u]\n"),
        (
            "[t]\n\ta = 1 # a\n\n[t.u]\n",
            "[t]\n\ta = 1 # a\n\tk = 1\n\n[t.u]\n",
        ),
        ("[t]\na.b = 1\n[u]\n", "[t]\na.b = 1\nk = 1\n[u]\n"),
        ("t.a = 1\nz = 2\n", "t.a = 1\nt.k = 1\nz = 2\n"),
        ("t = {}\n", "t = { k = 1 }\n"),
        ("t = { a = 1 }\n", "t = { a = 1, k = 1 }\n"),
    ] {
        both_ways(Format::Toml, before, &path, &json!(1), after);
    }
    // A table that has no header gets one.
    assert_eq!(
        set(Format::Toml, "[t.u]\nx = 1\n", &path, &json!(1)),
        "[t.u]\nx = 1\n\n[t]\nk = 1\n"
    );
}

#[test]
fn a_table_that_is_there_gets_the_members_and_no_other() {
    let before = "[t] # ours\nold = 1 # gone\nname = \"a\" # kept\n[t.auth]\nx = 1\n[z]\n";
    let value = json!({"name": "b", "new": true, "auth": {"x": 1}});
    let after = "[t] # ours\n# gone\nname = \"b\" # kept\nnew = true\n[t.auth]\nx = 1\n[z]\n";
    assert_eq!(set(Format::Toml, before, &Path::keys(["t"]), &value), after);
}

#[test]
fn removal_leaves_comments_and_the_order_of_the_rest() {
    let key = Path::keys(["b"]);
    for (before, after) in [
        ("a = 1\nb = 2\nc = 3\n", "a = 1\nc = 3\n"),
        ("b = 2\r\nc = 3\r\n", "c = 3\r\n"),
        ("a = 1\nb = 2 # two\n", "a = 1\n# two\n"),
        ("a = 1\nb = 2", "a = 1"),
        ("# a\n[b]\nx = 1 # x\n\n# c\n[c]\n", "# a\n\n# c\n[c]\n"),
        ("[b.c]\nx = 1\n\n[d]\n\n[b]\ny.z = 1\n", "\n[d]\n"),
        ("[[b]]\nx = 1\n[d]\n", "[[b]]\nx = 1\n[d]\n"),
    ] {
        let mut document = Document::parse(before.as_bytes(), Format::Toml).unwrap();
        document.remove(&key);
        assert_eq!(String::from_utf8(document.bytes()).unwrap(), after);
    }
    for (before, after) in [
        ("t = { b = 1, c = 2 }", "t = { c = 2 }"),
        ("t = { a = 1, b = 1, c = 2 }", "t = { a = 1, c = 2 }"),
        ("t = { a = 1, b = 1 }", "t = { a = 1 }"),
        ("t = { b = 1 }", "t = {}"),
    ] {
        assert_eq!(
            removed(Format::Toml, before, &Path::keys(["t", "b"]), 1),
            after
        );
    }
}

#[test]
fn what_toml_cannot_say_is_refused() {
    for (before, path, value, expected) in [
        (
            "a = 1\n",
            Path::keys(["a", "b"]),
            json!(1),
            "`a` is a number, expected an object",
        ),
        (
            "",
            Path::keys(["a"]),
            json!([null]),
            "`a`: this file has no way to write null",
        ),
        (
            "[[a]]\n",
            Path::keys(["a"]),
            json!(1),
            "`a` cannot be changed without changing more of the file",
        ),
        (
            "",
            Path::keys(["a"]).then(Step::item("n", "x")),
            json!(1),
            "`a[n=x]`: this file has no way to write an item of a list",
        ),
    ] {
        let mut document = Document::parse(before.as_bytes(), Format::Toml).unwrap();
        let refused = document.set(&path, &value).unwrap_err();
        assert_eq!(refused.to_string(), expected);
        assert_eq!(document.bytes(), before.as_bytes());
    }
}

#[test]
fn an_unreadable_file_is_named_with_line_and_column() {
    for (text, line, column) in [
        ("a = 1\nb = \n", 2, 5),
        ("a = 1\ra = 2", 1, 7),
        ("# ==\nt = \"\"\"\nx == y\"\"\"\na == 1\na.b = 2\n", 4, 4),
    ] {
        let unreadable = Document::parse(text.as_bytes(), Format::Toml).unwrap_err();
        assert_eq!(
            (unreadable.line, unreadable.column),
            (line, column),
            "{unreadable}"
        );
    }
    let unreadable = Document::parse(b"[t]\nk = 1\nk = 2", Format::Toml).unwrap_err();
    assert_eq!(
        unreadable.to_string(),
        "line 3, column 1: the key `k` stands there twice"
    );
}

#[test]
fn dates_and_odd_numbers_survive_an_edit_beside_them() {
    let before = "d = 1979-05-27T07:32:00Z\nf = inf\nn = 0x1F\n";
    let document = Document::parse(before.as_bytes(), Format::Toml).unwrap();
    assert_eq!(
        document.get(&Path::keys(["d"])),
        Some(&json!("1979-05-27T07:32:00Z"))
    );
    assert_eq!(
        set(
            Format::Toml,
            before,
            &Path::keys(["k"]),
            &json!("C:\\x\u{7f}")
        ),
        format!("{before}k = \"C:\\\\x\\u007f\"\n")
    );
}
