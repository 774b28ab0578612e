//! The import direction as a test: lower modules never import higher ones.
//!
//! Reads the sources as tokens: `use crate::…`, `crate::…` paths, and `super::…` that leads out of a
//! folder. A new arrow is explained in `src/ARCHITECTURE.md` first. `circles` looks into the rooms.
//!
//! `cargo test --test main architecture -- --nocapture` prints the imports as they are.

mod circles;
mod vocabulary;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A module and what of ours it may import. Each row names only rows above it.
const IMPORTS: &[(&str, &[&str])] = &[
    ("ordering", &[]),
    ("json", &["ordering"]),
    ("suggestion", &["ordering"]),
    ("toml_text", &[]),
    ("modes", &[]),
    ("body_budget", &[]),
    ("content_coding", &[]),
    ("segmented_bytes", &["body_budget"]),
    ("language", &[]),
    ("host", &["language"]),
    ("line_diff", &[]),
    ("canon", &["json"]),
    ("account", &["ordering", "json", "host", "language"]),
    ("outcome", &["json", "canon"]),
    ("prices", &["toml_text", "canon", "language"]),
    (
        "protocol",
        &["ordering", "json", "segmented_bytes", "canon"],
    ),
    (
        "provider",
        &[
            "host",
            "language",
            "modes",
            "json",
            "segmented_bytes",
            "canon",
            "outcome",
            "account",
            "protocol",
        ],
    ),
    (
        "upstream",
        &[
            "host",
            "json",
            "content_coding",
            "segmented_bytes",
            "outcome",
            "account",
        ],
    ),
    (
        "demo",
        &["json", "segmented_bytes", "canon", "protocol", "upstream"],
    ),
    // How accounts, providers, the port and the agent stand: enums that the pool and the agent
    // fill, and that everything above matches on.
    ("status", &["canon", "account", "outcome", "language"]),
    // A record names the operation, a word of `protocol`,
    // and the account's name of `account`.
    (
        "record",
        &[
            "modes", "language", "json", "canon", "account", "outcome", "status", "protocol",
        ],
    ),
    // The files of programs that are pointed here: by data, without anything of the gateway. Its
    // tests look at the names by which records know programs.
    (
        "clients",
        &[
            "ordering",
            "host",
            "language",
            "line_diff",
            "toml_text",
            "account",
            "record",
        ],
    ),
    // Limits of clients' keys: budgets count as those of accounts do, by the prices of
    // statistics, and models are named as in the rules of `provider`. Its tests need an operation
    // of `protocol`.
    (
        "client_keys",
        &[
            "host", "language", "canon", "account", "outcome", "prices", "protocol", "provider",
            "record",
        ],
    ),
    (
        "pool",
        &[
            "ordering", "modes", "language", "json", "canon", "outcome", "account", "provider",
            "upstream", "status",
        ],
    ),
    (
        "config",
        &[
            "ordering",
            "modes",
            "language",
            "json",
            "suggestion",
            "toml_text",
            "host",
            "canon",
            "account",
            "provider",
        ],
    ),
    (
        "gateway",
        &[
            "ordering",
            "language",
            "json",
            "body_budget",
            "content_coding",
            "segmented_bytes",
            "suggestion",
            "canon",
            "account",
            "outcome",
            "record",
            "client_keys",
            "status",
            "protocol",
            "provider",
            "upstream",
            "pool",
        ],
    ),
    (
        "store",
        &[
            "ordering",
            "modes",
            "language",
            "json",
            "host",
            "canon",
            "prices",
            "record",
            "client_keys",
            "account",
            "status",
            "protocol",
            "pool",
            "outcome",
        ],
    ),
    (
        "listener",
        &[
            "json",
            "body_budget",
            "content_coding",
            "segmented_bytes",
            "host",
            "canon",
        ],
    ),
    (
        "metrics",
        &["host", "canon", "outcome", "record", "protocol", "listener"],
    ),
    (
        "telemetry",
        &[
            "canon", "account", "outcome", "record", "protocol", "upstream",
        ],
    ),
    (
        "server",
        &[
            "modes",
            "json",
            "segmented_bytes",
            "host",
            "listener",
            "canon",
            "protocol",
            "client_keys",
            "gateway",
            // What a refused program is called.
            "record",
        ],
    ),
    ("selftest", &["json", "canon", "protocol", "provider"]),
    (
        "accounts",
        &[
            "ordering", "modes", "language", "json", "host", "canon", "account", "outcome",
            "status", "provider", "upstream", "pool", "config", "store",
        ],
    ),
    (
        "control",
        &[
            "ordering",
            "modes",
            "language",
            "json",
            "body_budget",
            "segmented_bytes",
            "suggestion",
            "host",
            "canon",
            "account",
            "outcome",
            "status",
            "protocol",
            "provider",
            "upstream",
            "prices",
            "record",
            "client_keys",
            "pool",
            "config",
            "gateway",
            "store",
            "accounts",
            "line_diff",
            "clients",
        ],
    ),
    (
        "dashboard",
        &[
            "ordering", "modes", "language", "json", "listener", "host", "status", "control",
        ],
    ),
    (
        "cli",
        &[
            "modes", "language", "json", "host", "status", "selftest", "control",
        ],
    ),
    (
        "desktop",
        &[
            "ordering", "modes", "language", "json", "host", "status", "control",
        ],
    ),
    (
        "app",
        &[
            "modes",
            "language",
            "json",
            "segmented_bytes",
            "host",
            "canon",
            "account",
            "outcome",
            "status",
            "protocol",
            "provider",
            "upstream",
            "demo",
            "record",
            "client_keys",
            "pool",
            "config",
            "gateway",
            "store",
            "listener",
            "metrics",
            "telemetry",
            "server",
            "selftest",
            "accounts",
            "control",
            "dashboard",
            "cli",
            "desktop",
        ],
    ),
];

/// The crate's roots: they name every module and are imported by none.
const ROOTS: &[&str] = &["lib", "main"];

/// What a source file names of the crate's modules.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    /// A file of a module that the table lacks.
    UnknownModule(String),
    /// An import that the table lacks.
    Import { from: String, to: String },
}

#[test]
fn no_module_imports_a_higher_one() {
    let files = sources();
    assert!(files.len() > 10, "the sources are found: {files:?}");
    let problems: Vec<_> = files.iter().flat_map(problems_of_file).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn the_table_only_points_upwards_in_its_own_order() {
    for (position, (module, allowed)) in IMPORTS.iter().enumerate() {
        for import in *allowed {
            let is_above = IMPORTS[..position].iter().any(|(above, _)| above == import);
            assert!(
                is_above,
                "`{module}` imports `{import}`, which no row above it names"
            );
        }
    }
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the table is for people who run the tests by hand"
)]
fn the_import_table_is_printed() {
    let files = sources();
    for (module, allowed) in IMPORTS {
        let mut used = BTreeSet::new();
        for source in files.iter().filter(|source| source.module[0] == *module) {
            used.extend(imports(source.module.len(), &source.text()));
        }
        used.remove(*module);
        let spare: Vec<&str> = allowed
            .iter()
            .copied()
            .filter(|name| !used.contains(*name))
            .collect();
        let used: Vec<String> = used.into_iter().collect();
        println!("{module:>16} <- {}", used.join(" "));
        if !spare.is_empty() {
            println!("{:>16}    allowed, unused: {}", "", spare.join(" "));
        }
    }
}

/// The sources of the workspace's crates, the program's own last.
const CRATES: [&str; 3] = ["data-plane/src", "control-plane/src", "src"];

/// A source file.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// Below its crate: `protocol/sse.rs` is `protocol::sse`.
    module: Vec<String>,
}

impl Source {
    fn text(&self) -> String {
        std::fs::read_to_string(&self.path).expect("a source file is text")
    }
}

/// The sources of all crates. Their modules have one table: a name stands in one crate alone.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = CRATES.iter().map(|folder| root.join(folder));
    folders.flat_map(|folder| sources_below(&folder)).collect()
}

fn sources_below(folder: &Path) -> Vec<Source> {
    let files = rust_files(folder).into_iter().map(|path| {
        let below = path.strip_prefix(folder).expect("a file below its folder");
        let module = module_path(below);
        Source { path, module }
    });
    files.collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| rust_files(folder));
    files
        .into_iter()
        .filter(|file| file.extension().is_some_and(|kind| kind == "rs"))
        .chain(below)
        .collect()
}

fn problems_of_file(source: &Source) -> Vec<(PathBuf, Problem)> {
    problems(&source.module, &source.text())
        .into_iter()
        .map(|problem| (source.path.clone(), problem))
        .collect()
}

/// `protocol/sse.rs` is `protocol::sse`; `protocol/mod.rs` is `protocol`.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<_> = file
        .with_extension("")
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if path.last().is_some_and(|name| name == "mod") {
        path.pop();
    }
    path
}

fn problems(path: &[String], text: &str) -> Vec<Problem> {
    let module = path[0].as_str();
    if ROOTS.contains(&module) {
        return Vec::new();
    }
    let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
        return vec![Problem::UnknownModule(module.to_owned())];
    };
    let foreign = imports(path.len(), text)
        .into_iter()
        .filter(|to| to != module && !allowed.contains(&to.as_str()));
    foreign
        .map(|to| Problem::Import {
            from: module.to_owned(),
            to,
        })
        .collect()
}

/// The top-level modules that a file names. `depth` is how many modules deep it lies.
fn imports(depth: usize, text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let mut braces: Vec<bool> = Vec::new();
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => braces.push(opens_module(&tokens[..index])),
            "}" => drop(braces.pop()),
            "crate" => found.extend(heads(&tokens[index + 1..])),
            "super" if !follows_super(&tokens[..index]) => {
                let inline = braces.iter().filter(|is_module| **is_module).count();
                found.extend(beyond(&tokens[index..], depth + inline));
            }
            _ => {}
        }
    }
    found
}

fn opens_module(before: &[String]) -> bool {
    matches!(before, [.., keyword, _] if keyword == "mod")
}

fn follows_super(before: &[String]) -> bool {
    matches!(before, [.., word, colons] if word == "super" && colons == "::")
}

/// What a chain of `super::` names, where it leads to the crate's root.
fn beyond(tokens: &[String], depth: usize) -> Vec<String> {
    let steps = tokens
        .chunks(2)
        .take_while(|pair| matches!(pair, [word, colons] if word == "super" && colons == "::"))
        .count();
    if steps < depth {
        Vec::new()
    } else {
        heads(&tokens[2 * steps - 1..])
    }
}

/// The first names after `::`: of a path, or of each branch of a group.
fn heads(tokens: &[String]) -> Vec<String> {
    match tokens {
        [colons, brace, rest @ ..] if colons == "::" && brace == "{" => group_heads(rest),
        [colons, name, ..] if colons == "::" => vec![name.clone()],
        _ => Vec::new(),
    }
}

fn group_heads(tokens: &[String]) -> Vec<String> {
    let mut depth = 0;
    let mut is_head = true;
    let mut found = Vec::new();
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => break,
            "}" => depth -= 1,
            "," if depth == 0 => is_head = true,
            name if depth == 0 && is_head => {
                found.push(name.to_owned());
                is_head = false;
            }
            _ => {}
        }
    }
    found
}

/// Names, `::` and single characters, without comments, strings and white space.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest).unwrap_or_else(|| {
            let length = token_length(rest, first);
            tokens.push(rest[..length].to_owned());
            length
        });
        rest = &rest[length..];
    }
    tokens
}

fn token_length(text: &str, first: char) -> usize {
    if is_word(first) {
        return text.find(|c| !is_word(c)).unwrap_or(text.len());
    }
    if text.starts_with("::") {
        2
    } else {
        first.len_utf8()
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of what is no code, if the text starts with such.
fn skipped(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(text.find("*/").map_or(text.len(), |end| end + 2));
    }
    if let Some(length) = raw_string_length(text) {
        return Some(length);
    }
    match first {
        '"' => Some(quoted_length(text, '"')),
        '\'' => char_length(text),
        _ => None,
    }
}

/// `r"…"`, `br#"…"#` and so on.
fn raw_string_length(text: &str) -> Option<usize> {
    let after_r = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after_r.len() - after_r.trim_start_matches('#').len();
    let inside = after_r[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = text.len() - inside.len();
    Some(
        inside
            .find(&end)
            .map_or(text.len(), |at| opening + at + end.len()),
    )
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// A character, not a lifetime.
fn char_length(text: &str) -> Option<usize> {
    let mut inside = text.chars().skip(1);
    let is_char = inside.next() == Some('\\') || inside.next() == Some('\'');
    is_char.then(|| quoted_length(text, '\''))
}

fn path(module: &str) -> Vec<String> {
    module.split("::").map(str::to_owned).collect()
}

fn import(from: &str, to: &str) -> Problem {
    Problem::Import {
        from: from.to_owned(),
        to: to.to_owned(),
    }
}

#[test]
fn every_way_to_import_a_higher_module_is_found() {
    let ways = [
        "use crate::protocol::sse;",
        "use crate::{json::EscapedStr, protocol::{sse, turns}};",
        "fn f() -> crate::protocol::Wire { todo() }",
        "pub(in crate::protocol) fn f() {}",
        "use super::super::protocol::sse;",
        "mod tests { use super::super::super::protocol; }",
        "use super::super::{json, protocol};",
        "const QUOTE: char = '\"'; use crate::protocol; const OTHER: char = '\"';",
        "fn f<'a>(x: &'a str) { crate::protocol::f(x) }",
    ];
    for way in ways {
        assert_eq!(
            problems(&path("canon::fold"), way),
            [import("canon", "protocol")],
            "{way}"
        );
    }
    assert_eq!(
        problems(&path("canon"), "use super::protocol;"),
        [import("canon", "protocol")]
    );
}

#[test]
fn what_is_allowed_or_no_code_is_no_problem() {
    let harmless = [
        "use crate::json::{Raw, EscapedStr};",
        "use crate::canon::Usage;",
        "use super::Usage;",
        "mod tests { use super::*; use super::super::Usage; }",
        "//! See [`crate::protocol`].",
        "/* use crate::protocol; */",
        "const TEXT: &str = \"use crate::protocol;\";",
        "const TEXT: &str = r#\"say \"crate::protocol\"\"#;",
        "fn f() { if x { y } } use super::protocol_like;",
    ];
    for text in harmless {
        assert_eq!(problems(&path("canon::fold"), text), [], "{text}");
    }
}

#[test]
fn a_file_of_a_module_that_the_table_lacks_is_found() {
    assert_eq!(
        problems(&path("utils"), ""),
        [Problem::UnknownModule("utils".to_owned())]
    );
    assert_eq!(problems(&path("lib"), "pub mod canon;"), []);
}

#[test]
fn an_import_of_a_module_that_the_table_lacks_is_found() {
    assert_eq!(
        problems(&path("canon"), "use crate::utils::f;"),
        [import("canon", "utils")]
    );
}
