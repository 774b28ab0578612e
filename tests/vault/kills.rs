//! `kill -9` at random moments of a process that writes its vault without end.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use tempfile::TempDir;

use super::assert_no_secret_below;
use super::child::{LASTING, Process, Step, lasting, secret};

/// How often the writer is killed; `AEROSTAT_TEST_KILLS` says otherwise.
const KILLS: usize = 30;

/// What the vault should hold: accounts and their secrets.
type Model = BTreeMap<String, String>;

fn after(model: &Model, number: usize) -> Model {
    let mut model = model.clone();
    match Step::of(number) {
        Step::Put(account) | Step::Update(account) => drop(model.insert(account, secret(number))),
        Step::Remove(account) => drop(model.remove(&account)),
    }
    model
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// What a killed writer had said.
struct Said {
    ended: Option<usize>,
    begun: Option<usize>,
}

/// Lets a writer run for some steps, kills it somewhere in the next, and hears what it said.
fn storm_and_kill(home: &Path, key_file: &Path, first: usize, dice: &mut Dice) -> Said {
    let mut writer = Process::with_key_file(home, key_file);
    writer.order(&format!("storm {first}"));
    let steps = 1 + dice.roll(5);
    let mut said = Said {
        ended: None,
        begun: None,
    };
    let hear = |said: &mut Said, line: &str| match line.split_once(' ').unwrap() {
        ("begin", number) => said.begun = number.parse().ok(),
        (_, number) => said.ended = number.parse().ok(),
    };
    for _ in 0..steps * 2 - 1 {
        hear(&mut said, &writer.next().expect("it writes without end"));
    }
    // Some way into the step, which takes from half a millisecond to many.
    (0..dice.roll(3_000_000)).for_each(|_| std::hint::spin_loop());
    writer.kill();
    while let Some(line) = writer.next() {
        hear(&mut said, &line);
    }
    said
}

fn held(home: &Path, key_file: &Path) -> Model {
    let mut reader = Process::with_key_file(home, key_file);
    assert_eq!(reader.tell("open"), "done");
    let shown = reader.tell("show");
    shown
        .split_whitespace()
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

fn key_file(folder: &TempDir) -> std::path::PathBuf {
    let path = folder.path().join("key");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path).unwrap().write_all(&[0xa7; 32]).unwrap();
    path
}

fn kills() -> usize {
    std::env::var("AEROSTAT_TEST_KILLS").map_or(KILLS, |number| {
        number.parse().expect("AEROSTAT_TEST_KILLS is a number")
    })
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_state_or_the_new() {
    let (home, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key_file = key_file(&keys);
    let mut model: Model = (0..LASTING)
        .map(|number| (lasting(number), secret(0)))
        .collect();
    let mut first = Process::with_key_file(home.path(), &key_file);
    for (account, secret) in &model {
        assert_eq!(first.tell(&format!("put {account} {secret}")), "done");
    }
    let (mut dice, mut next, mut cut_short) = (Dice(5), 1, 0);
    for kill in 0..kills() {
        let said = storm_and_kill(home.path(), &key_file, next, &mut dice);
        let (begun, ended) = (
            said.begun.expect("it began"),
            said.ended.unwrap_or(next - 1),
        );
        model = (next..=ended).fold(model, |model, number| after(&model, number));
        let held = held(home.path(), &key_file);
        if begun > ended {
            assert!(
                held == model || held == after(&model, begun),
                "kill {kill} in step {begun}: {held:?}, expected {model:?}"
            );
            cut_short += 1;
        } else {
            assert_eq!(held, model, "kill {kill} after step {ended}");
        }
        (model, next) = (held, begun + 1);
        assert!(
            (0..LASTING).all(|number| model.contains_key(&lasting(number))),
            "kill {kill}: {model:?}"
        );
    }
    assert!(cut_short > 0, "no kill hit a step: the test shows nothing");
    assert_no_secret_below(home.path());
    let files = std::fs::read_dir(home.path()).unwrap().count();
    assert_eq!(
        files, 2,
        "the vault and its lock; what interrupted writes left is gone"
    );
}
