//! Connecting and disconnecting with a client of several files, and crashes between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde_json::json;

use super::client::{BLANK, Client, Content, FileRule, Setting, Setup};
use super::document::Format;
use super::journal::{Journal, Recovered, SealedValues};
use super::places::{Folder, Place, Surroundings};
use super::plan::{Plan, connect, disconnect};
use super::problem::ClientProblem;
use super::receipt::Receipts;
use super::target::{Target, tests::target};
use crate::account::Secret;
use crate::language::Said;

/// Two files: a list of models, and one that selects it, which must not be there alone.
static TWO: Client = Client {
    name: "two",
    title: "Two",
    setup: Setup::Files(&[
        FileRule {
            place: Place::new(Folder::Home("two"), "models.json"),
            content: Content::Keys {
                format: Format::StrictJson,
                settings: models,
            },
            base_url: &[],
        },
        FileRule {
            place: Place::new(Folder::Home("two"), "settings.toml"),
            content: Content::Keys {
                format: Format::Toml,
                settings: selector,
            },
            base_url: &["url"],
        },
    ]),
    ..BLANK
};

fn models(to: &Target) -> Vec<Setting> {
    let item = |model: &super::Model| {
        let value = json!({ "id": model.id, "url": to.url("/v1") });
        Setting::item(&["models"], "id", &model.id, value)
    };
    to.models.iter().map(item).collect()
}

fn selector(to: &Target) -> Vec<Setting> {
    vec![
        Setting::new(&["url"], to.url("")),
        Setting::new(&["api_key"], to.plain_key()),
    ]
}

/// A vault that is a map.
#[derive(Default)]
pub(super) struct Sealed(Mutex<BTreeMap<String, Secret>>);

impl SealedValues for Sealed {
    fn keep(&self, name: &str, value: Secret) -> Result<(), Said> {
        self.0.lock().insert(name.to_owned(), value);
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Option<Secret>, Said> {
        Ok(self.0.lock().get(name).cloned())
    }

    fn forget(&self, name: &str) -> Result<(), Said> {
        self.0.lock().remove(name);
        Ok(())
    }
}

struct Rig {
    folder: tempfile::TempDir,
    receipts: Receipts,
    sealed: Sealed,
    target: Target,
}

const MODELS: &str = "{\"models\": [{\"id\": \"mine\"}]}\n";
const SETTINGS: &str = "# mine\napi_key = \"sk-of-another-vendor-0123\"\n";

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rig = Self {
            receipts: Receipts::at(folder.path().join("clients")),
            sealed: Sealed::default(),
            target: target(&["a", "b"]),
            folder,
        };
        fs::create_dir(rig.folder.path().join("two")).unwrap();
        fs::write(rig.file("models.json"), MODELS).unwrap();
        fs::write(rig.file("settings.toml"), SETTINGS).unwrap();
        rig
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("two").join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn at(&self) -> Surroundings {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let home = self.folder.path().display().to_string();
        Surroundings {
            variables: BTreeMap::from([(name.to_owned(), home)]),
            ..Surroundings::default()
        }
    }

    fn journal(&self) -> Journal<'_> {
        Journal {
            receipts: &self.receipts,
            sealed: &self.sealed,
        }
    }

    fn plan(&self) -> Plan {
        let standing = self.journal().standing("two").unwrap();
        connect(&TWO, &self.target, &self.at(), standing, "now".to_owned()).unwrap()
    }

    fn connect(&self) {
        self.journal().carry_out("two", self.plan()).unwrap();
    }

    fn disconnect(&self) {
        let standing = self.journal().standing("two").unwrap().unwrap();
        let plan = disconnect(&self.target, standing).unwrap();
        self.journal().carry_out("two", plan).unwrap();
    }

    #[track_caller]
    fn is_as_before(&self) {
        assert_eq!(self.read("models.json"), MODELS);
        assert_eq!(self.read("settings.toml"), SETTINGS);
        assert!(!self.folder.path().join("clients").exists());
        assert!(
            self.sealed.0.lock().is_empty(),
            "nothing is kept for longer"
        );
    }
}

#[test]
fn both_files_come_back_to_the_byte_however_often_they_were_written() {
    let mut rig = Rig::new();
    rig.connect();
    assert!(rig.read("models.json").contains("\"a\""));
    rig.target.models.remove(0);
    rig.connect();
    let listed = rig.read("models.json");
    assert!(
        !listed.contains("\"a\"") && listed.contains("\"b\""),
        "{listed}"
    );
    assert_eq!(rig.sealed.0.lock().len(), 1, "the older one is forgotten");
    rig.disconnect();
    rig.is_as_before();
}

#[test]
fn a_foreign_key_is_sealed_and_shown_nowhere() {
    let rig = Rig::new();
    let plan = rig.plan();
    let shown = serde_json::to_string(&plan.diffs()).unwrap();
    assert!(
        !shown.contains("another-vendor") && !shown.contains("our-own-key"),
        "{shown}"
    );
    rig.connect();
    let receipt = fs::read_to_string(rig.folder.path().join("clients/two.json")).unwrap();
    assert!(
        !receipt.contains("another-vendor") && !receipt.contains("our-own-key"),
        "{receipt}"
    );
    let sealed = rig.sealed.0.lock();
    assert!(
        sealed
            .values()
            .any(|value| value.expose().contains("another-vendor"))
    );
}

#[test]
fn a_file_that_changes_after_it_was_shown_is_not_written() {
    let rig = Rig::new();
    let plan = rig.plan();
    fs::write(rig.file("settings.toml"), "# other\n").unwrap();
    let refused = rig.journal().carry_out("two", plan);
    assert!(matches!(refused, Err(ClientProblem::ChangedMeanwhile)));
    assert_eq!(rig.read("models.json"), MODELS);
    assert_eq!(rig.read("settings.toml"), "# other\n");
    assert!(!rig.folder.path().join("clients").exists());
}

/// What a crash leaves behind the first `written` files.
fn crash_after(rig: &Rig, written: usize) {
    let after: Vec<(PathBuf, Vec<u8>)> = ["models.json", "settings.toml"]
        .map(|name| rig.file(name))
        .into_iter()
        .map(|file| {
            let bytes = fs::read(&file).unwrap();
            (file, bytes)
        })
        .collect();
    rig.connect();
    let folder = rig.folder.path().join("clients");
    fs::rename(folder.join("two.json"), folder.join("two.pending.json")).unwrap();
    for (file, bytes) in after.iter().skip(written) {
        fs::write(file, bytes).unwrap();
    }
}

#[test]
fn a_crash_at_any_moment_is_finished_or_taken_back() {
    for (written, expected) in [
        (0, Recovered::TakenBack),
        (1, Recovered::TakenBack),
        (2, Recovered::Finished),
    ] {
        let rig = Rig::new();
        crash_after(&rig, written);
        if written == 1 {
            // The client still works: nothing selects what was written.
            assert_eq!(rig.read("settings.toml"), SETTINGS);
        }
        assert_eq!(rig.journal().recover("two").unwrap(), expected);
        if expected == Recovered::Finished {
            rig.disconnect();
        }
        rig.is_as_before();
    }
}

#[test]
fn a_crash_while_models_are_refreshed_leads_back_to_what_the_person_had() {
    let mut rig = Rig::new();
    rig.connect();
    let folder = rig.folder.path().join("clients");
    let old = fs::read(folder.join("two.json")).unwrap();
    let before = rig.read("models.json");
    rig.target.models.remove(0);
    // The older one's values stay, as they do until the end is noted.
    let kept = rig.sealed.0.lock().clone();
    rig.connect();
    rig.sealed.0.lock().extend(kept);
    fs::rename(folder.join("two.json"), folder.join("two.pending.json")).unwrap();
    fs::write(folder.join("two.json"), old).unwrap();
    assert_ne!(rig.read("models.json"), before);

    // Both files of the new one are there: the second did not change.
    assert_eq!(rig.journal().recover("two").unwrap(), Recovered::Finished);
    rig.disconnect();
    assert_eq!(rig.read("models.json"), MODELS);
    assert_eq!(rig.read("settings.toml"), SETTINGS);
}

#[test]
fn an_undoing_that_was_cut_short_goes_on() {
    let rig = Rig::new();
    rig.connect();
    // The last file is undone first.
    fs::write(rig.file("settings.toml"), SETTINGS).unwrap();
    assert_eq!(rig.journal().recover("two").unwrap(), Recovered::Nothing);
    rig.disconnect();
    rig.is_as_before();
}

static OWN: Client = Client {
    name: "own",
    title: "Own",
    setup: Setup::Files(&[FileRule {
        place: Place::new(Folder::Home("own/models"), "aerostat.yaml"),
        content: Content::Whole(|to| format!("url: {}\n", to.url("/v1"))),
        base_url: &[],
    }]),
    ..BLANK
};

#[test]
fn a_file_of_our_own_comes_and_goes_and_takes_no_one_elses_place() {
    let rig = Rig::new();
    let file = rig.folder.path().join("own/models/aerostat.yaml");
    let plan = || {
        let standing = rig.journal().standing("own").unwrap();
        connect(&OWN, &rig.target, &rig.at(), standing, String::new())
    };
    rig.journal().carry_out("own", plan().unwrap()).unwrap();
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "url: http://127.0.0.1:8045/v1\n"
    );
    let standing = rig.journal().standing("own").unwrap().unwrap();
    let undoing = disconnect(&rig.target, standing).unwrap();
    rig.journal().carry_out("own", undoing).unwrap();
    assert!(!rig.folder.path().join("own").exists());

    fs::create_dir_all(Path::new(&file).parent().unwrap()).unwrap();
    fs::write(&file, "mine").unwrap();
    assert!(matches!(plan(), Err(ClientProblem::Foreign { .. })));
}

/// Killed while a file of our own was refreshed: before it was written, and after.
#[test]
fn a_crash_while_a_file_of_our_own_is_refreshed_leaves_the_old_connection_or_the_new_one() {
    for is_written in [false, true] {
        let mut rig = Rig::new();
        let file = rig.folder.path().join("own/models/aerostat.yaml");
        let connect = |rig: &Rig| {
            let standing = rig.journal().standing("own").unwrap();
            let plan = connect(&OWN, &rig.target, &rig.at(), standing, String::new()).unwrap();
            rig.journal().carry_out("own", plan).unwrap();
        };
        connect(&rig);
        let folder = rig.folder.path().join("clients");
        let (receipt, pending) = (folder.join("own.json"), folder.join("own.pending.json"));
        let (old, old_file) = (fs::read(&receipt).unwrap(), fs::read(&file).unwrap());
        rig.target.origin = "http://127.0.0.1:9".to_owned();
        connect(&rig);
        fs::rename(&receipt, &pending).unwrap();
        fs::write(&receipt, &old).unwrap();
        let draft = file.with_file_name("aerostat.yaml.4711-0.new");
        fs::write(&draft, "half").unwrap();
        let expected = if is_written {
            Recovered::Finished
        } else {
            fs::write(&file, &old_file).unwrap();
            Recovered::TakenBack
        };
        assert_eq!(rig.journal().recover("own").unwrap(), expected);
        assert!(!pending.exists() && !draft.exists());
        assert_eq!(fs::read(&receipt).unwrap() == old, !is_written);
        let standing = rig.journal().standing("own").unwrap().unwrap();
        let undoing = disconnect(&rig.target, standing).unwrap();
        assert_eq!(undoing.left, Vec::<String>::new());
        rig.journal().carry_out("own", undoing).unwrap();
        assert!(!rig.folder.path().join("own").exists());
    }
}

#[test]
fn a_crash_before_a_file_of_our_own_was_written_leaves_no_folder() {
    let rig = Rig::new();
    let plan = connect(&OWN, &rig.target, &rig.at(), None, String::new()).unwrap();
    rig.journal().carry_out("own", plan).unwrap();
    let folder = rig.folder.path().join("clients");
    fs::rename(folder.join("own.json"), folder.join("own.pending.json")).unwrap();
    fs::remove_file(rig.folder.path().join("own/models/aerostat.yaml")).unwrap();
    assert_eq!(rig.journal().recover("own").unwrap(), Recovered::TakenBack);
    assert!(!rig.folder.path().join("own").exists());
    assert!(!folder.exists());
}
