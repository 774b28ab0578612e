//! One word for one idea: words that the field's own terms replaced do not come back.
//!
//! The glossary of `src/ARCHITECTURE.md` says which term stands for what. Names are read by their
//! parts, so that `HomeLane` and `find_lane` both count, and comments count as code does.

use std::path::Path;

use super::sources;

/// What is retired, and the term to use instead.
const RETIRED: &[(&str, &str)] = &[
    ("anew", "again"),
    ("anybody", "name who"),
    ("bureau", "backend"),
    ("complaint", "error"),
    ("desk", "control service"),
    ("garbled", "malformed"),
    ("glance", "overview"),
    ("glimpse", "frame info"),
    ("hindrance", "needs user"),
    ("keeper", "credential store"),
    ("lesson", "attempt report"),
    ("nobody", "name who does not"),
    ("parked", "retained"),
    ("porch", "dashboard listener"),
    ("relieve", "clear on success"),
    ("settlement", "request tracker"),
    ("skim", "parse shallow"),
    ("somebody", "name who"),
    ("spine", "control plane"),
    ("whoever", "name who"),
];

/// Words that are stored or sent, and so stay: a file and the retired word in it.
const KEPT: &[(&str, &str)] = &[
    // The record's word for an answer that cannot be read.
    ("outcome.rs", "garbled"),
    // The first line of a vault in plain text.
    ("account/vault/sealed_bytes.rs", "whoever"),
    // The system's user of that name.
    ("control/socket_path.rs", "nobody"),
];

#[test]
fn retired_words_do_not_come_back() {
    let mut found = Vec::new();
    for source in sources() {
        for (line, word, term) in retired(&source.text()) {
            if !is_kept(&source.path, word) {
                let path = source.path.display();
                found.push(format!("{path}:{line}: `{word}`, say {term}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn is_kept(file: &Path, word: &str) -> bool {
    KEPT.iter()
        .any(|(kept_in, kept)| file.ends_with(kept_in) && word == *kept)
}

/// The retired words of a text with their lines. Names of tests are left out: they stay as they
/// were, so that a result can be compared with an earlier one.
fn retired(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !is_test_name(line))
        .flat_map(|(index, line)| {
            let words = words(line);
            let hits = RETIRED
                .iter()
                .filter(move |(word, _)| words.iter().any(|found| found == word));
            hits.map(move |(word, term)| (index + 1, *word, *term))
        })
        .collect()
}

/// A function without parameters whose name has many words is a test's sentence.
fn is_test_name(line: &str) -> bool {
    let name = line
        .trim_start()
        .trim_start_matches("async ")
        .strip_prefix("fn ")
        .and_then(|rest| rest.split_once('('));
    name.is_some_and(|(name, parameters)| {
        parameters.starts_with(')') && name.matches('_').count() >= 2
    })
}

/// The words of a line in lower case: `HomeLane`, `home_lane` and `home lane` are two each.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in line.chars() {
        let starts_word = c.is_uppercase() && was_lower;
        if !c.is_alphabetic() || starts_word {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words
                .last_mut()
                .expect("one at least")
                .extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn a_retired_word_is_found_in_every_form() {
    for text in [
        "struct HomeDesk;",
        "let desk = 1;",
        "// at the desk",
        "fn to_desk(x: u8)",
    ] {
        assert_eq!(retired(text), [(1, "desk", "control service")], "{text}");
    }
    for text in [
        "let desktop = 1;",
        "fn nobody_is_asked_twice() {",
        "deskside",
    ] {
        assert_eq!(retired(text), [], "{text}");
    }
}
