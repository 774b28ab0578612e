//! `aerostat selftest` of the real program: what a person sees who checks their own machine.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;

use crate::support::Dialect;
use crate::support::agent::Setup;
use crate::support::lab::PROVIDERS;

/// How many cases there are through each upstream dialect, at least: a case that is lost is
/// noticed.
const CASES_MIN: [(Dialect, usize); 6] = [
    (Dialect::Chat, 12),
    (Dialect::Completions, 5),
    (Dialect::Responses, 13),
    (Dialect::Anthropic, 13),
    (Dialect::Gemini, 14),
    (Dialect::Ollama, 10),
];

fn selftest(config: &str, arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(home.path().join("config.toml"), config).expect("the home can be written");
    let output = Setup::default()
        .command(home.path())
        .arg("selftest")
        .args(arguments)
        .output()
        .expect("the program can be started");
    let left: Vec<_> = std::fs::read_dir(home.path())
        .expect("the home is there")
        .collect();
    assert_eq!(left.len(), 1, "nothing is written: {left:?}");
    output
}

#[test]
fn the_selftest_passes_for_every_pair() {
    let output = selftest("", &["--json"]);
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
    let report: Value = serde_json::from_slice(&output.stdout).expect("facts are JSON");
    let pairs = report["pairs"].as_array().expect("pairs");
    let cases: BTreeMap<(&str, &str), u64> = pairs
        .iter()
        .map(|pair| {
            (
                (text(&pair["client"]), text(&pair["upstream"])),
                pair["cases"].as_u64().expect("a count"),
            )
        })
        .collect();
    assert_eq!(cases.len(), 6 * 4);
    for (client, cases_min) in CASES_MIN {
        for upstream in PROVIDERS {
            assert!(
                cases[&(client.name(), upstream.name())] >= cases_min as u64,
                "{client:?} through {upstream:?}"
            );
        }
    }
    assert_eq!(
        (report["failed"].as_u64(), report["cases"].as_u64()),
        (Some(0), Some(cases.values().sum()))
    );
}

#[test]
fn the_selftest_needs_no_configuration_and_reads_none() {
    let output = selftest("port = \"broken", &[]);
    let facts = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(facts.lines().count(), 6 * 4 + 1, "{facts}");
    assert!(
        facts.lines().last().is_some_and(|total| total.starts_with("all ") && total.ends_with(" cases as expected")),
        "{facts}"
    );
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}
