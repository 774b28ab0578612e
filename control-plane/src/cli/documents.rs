//! The documents against the command line: every command in them is one.

use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::args::Args;

fn tree() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the workspace").to_owned()
}

/// README and the pages beside it, each with its name.
fn documents() -> Vec<(String, String)> {
    let pages = std::fs::read_dir(tree().join("docs")).expect("there are pages");
    let pages = pages.map(|page| page.expect("an entry").path());
    let pages = pages.filter(|page| page.extension().is_some_and(|kind| kind == "md"));
    let mut files: Vec<PathBuf> = pages.chain([tree().join("README.md")]).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let name = file
            .file_name()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        (name, std::fs::read_to_string(file).expect("a text"))
    };
    files.iter().map(read).collect()
}

/// The blocks for a shell.
fn shell_blocks(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```sh\n").skip(1);
    blocks.filter_map(|block| block.split("```").next())
}

/// The commands of a block for a shell, each as its words, without what another program does.
fn commands(block: &str) -> Vec<Vec<String>> {
    let joined = block.replace("\\\n", " ");
    joined.lines().flat_map(commands_of_line).collect()
}

fn commands_of_line(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let (mut word, mut quote, mut is_word) = (String::new(), None, false);
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '\'' | '"') => (quote, is_word) = (Some(c), true),
            (None, '#') if !is_word => break,
            (None, ' ' | ';' | '|') => {
                if is_word {
                    let last = commands.last_mut().expect("there is one");
                    last.push(std::mem::take(&mut word));
                    is_word = false;
                }
                if c != ' ' {
                    commands.push(Vec::new());
                }
            }
            (_, c) => {
                word.push(c);
                is_word = true;
            }
        }
    }
    if is_word {
        commands.last_mut().expect("there is one").push(word);
    }
    for command in &mut commands {
        if let Some(end) = command.iter().position(|word| matches!(&**word, "<" | ">")) {
            command.truncate(end);
        }
    }
    commands.retain(|command| command.first().is_some_and(|program| program == "aerostat"));
    commands
}

/// The commands that are named within sentences. Those with several words to choose from are no
/// commands.
fn named(text: &str) -> Vec<Vec<String>> {
    let prose: String = text.split("```").step_by(2).collect();
    let spans: Vec<String> = prose
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    let spans = spans
        .iter()
        .filter(|span| span.starts_with("aerostat ") && !span.contains(['|', '[', '…']));
    spans.flat_map(|span| commands_of_line(span)).collect()
}

#[test]
fn every_command_in_the_documents_is_one() {
    let mut count = 0;
    for (name, text) in documents() {
        let mut all: Vec<_> = shell_blocks(&text).flat_map(commands).collect();
        all.extend(named(&text));
        for command in all {
            // A number stands where a document says so in general.
            let words = command.iter().map(|word| word.replace("NUMBER", "8046"));
            if let Err(error) = Args::try_parse_from(words) {
                panic!("{name}: `{}`: {error}", command.join(" "));
            }
            count += 1;
        }
    }
    assert!(count > 60, "only {count} commands were found");
}

#[test]
fn a_line_of_a_shell_is_read_as_its_commands() {
    let line = "printenv X | aerostat key create ci --budget '1 dollars/day'  # comment";
    assert_eq!(
        commands_of_line(line),
        [[
            "aerostat",
            "key",
            "create",
            "ci",
            "--budget",
            "1 dollars/day"
        ]]
    );
    assert_eq!(commands("aerostat a \\\n  b; aerostat c < file").len(), 2);
    assert_eq!(
        named("`aerostat log` and `aerostat a|b`\n```\naerostat x\n```"),
        [["aerostat", "log"]]
    );
}
