//! The documents against the program: every setting in them is one, every link leads somewhere. That
//! every command in them is one, the command line's own tests say.

use std::fs;
use std::path::{Path, PathBuf};

use crate::accounts::{run, said};
use crate::support::agent::Setup;

fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README and the pages beside it.
fn documents() -> Vec<(PathBuf, String)> {
    let pages = fs::read_dir(tree().join("docs")).expect("there are pages");
    let pages = pages.map(|page| page.unwrap().path());
    let pages = pages.filter(|page| page.extension().is_some_and(|kind| kind == "md"));
    let files = pages.chain([tree().join("README.md")]);
    files
        .map(|file| (file.clone(), fs::read_to_string(file).unwrap()))
        .collect()
}

/// The blocks of that kind, of all documents.
fn blocks(kind: &str) -> Vec<String> {
    let fence = format!("```{kind}\n");
    let mut found = Vec::new();
    for (_, text) in documents() {
        let blocks = text.split(&fence).skip(1);
        found.extend(blocks.filter_map(|block| Some(block.split("```").next()?.to_owned())));
    }
    found
}

#[test]
fn every_setting_in_the_documents_is_one() {
    let blocks = blocks("toml");
    assert!(blocks.len() >= 3, "they are found: {blocks:?}");
    for block in blocks {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("config.toml"), &block).unwrap();
        // The file that a block names is the reader's own.
        let checked = run(&Setup::default(), home.path(), "config check", "");
        assert!(checked.status.success(), "{}\n{block}", said(&checked));
    }
}

#[test]
fn every_price_in_the_documents_is_one() {
    let blocks = blocks("toml prices");
    assert_eq!(blocks.len(), 1);
    for block in blocks {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("prices.toml"), &block).unwrap();
        let stats = run(&Setup::default(), home.path(), "stats", "");
        assert!(
            stats.status.success() && stats.stderr.is_empty(),
            "{}",
            said(&stats)
        );
        fs::write(
            home.path().join("prices.toml"),
            block.replace("provider", "vendor"),
        )
        .unwrap();
        let stats = run(&Setup::default(), home.path(), "stats", "");
        assert!(
            said(&stats).contains("prices.toml"),
            "a wrong one is told: {}",
            said(&stats)
        );
    }
}

#[test]
fn the_readme_says_of_clients_what_their_last_run_showed() {
    let summary = |file: &str| {
        let text = fs::read_to_string(tree().join(file)).unwrap();
        let (_, rest) = text.split_once("<!-- summary -->").expect(file);
        let (summary, _) = rest.split_once("<!-- end of summary -->").expect(file);
        summary.to_owned()
    };
    let shown = summary("tests/clients/RESULTS.md");
    assert!(shown.lines().count() > 6, "it is filled: {shown}");
    assert_eq!(summary("README.md"), shown);
}

/// The versions in the results are those that are pinned, so that none is changed without a run.
#[test]
fn the_results_are_of_the_pinned_clients() {
    let folder = tree().join("tests/clients");
    let results = fs::read_to_string(folder.join("RESULTS.md")).unwrap();
    for pins in ["npm-ai.txt", "npm-ai7.txt", "npm-cli.txt", "npm-js.txt"] {
        let pins = fs::read_to_string(folder.join(pins)).unwrap();
        for pin in pins.lines() {
            let (name, version) = pin.rsplit_once('@').unwrap();
            let is_named = results.contains(&format!("{name} {version}"));
            // Providers of the AI SDK are named with their major's version of `ai`.
            assert!(
                is_named || name.starts_with("@ai-sdk/"),
                "{pin} has no results"
            );
        }
    }
}

#[test]
fn every_link_and_picture_in_the_documents_leads_somewhere() {
    for (file, text) in documents() {
        let folder = file.parent().unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let is_there = target.starts_with("https://") || folder.join(target).exists();
            assert!(is_there, "{}: {target}", file.display());
        }
    }
}

#[test]
fn the_pictures_are_small() {
    for picture in ["docs/tray.png", "docs/dashboard.png"] {
        let size = fs::metadata(tree().join(picture)).unwrap().len();
        assert!(size < 100_000, "{picture}: {size} bytes");
    }
}
