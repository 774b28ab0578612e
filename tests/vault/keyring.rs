//! The vault with a real `gnome-keyring-daemon`: unlocked, locked, absent, replaced. `tests/run
//! keyring` runs these.

use std::path::PathBuf;

use super::assert_no_secret_below;
use super::child::{Process, SECRET_MARK};
use super::rig::Rig;

fn process(rig: &Rig) -> Process {
    Process::with_keyring(&rig.home(), &rig.variables())
}

fn put(process: &mut Process, account: &str) -> String {
    process.tell(&format!("put {account} {SECRET_MARK}"))
}

fn vault_of(rig: &Rig) -> Option<Vec<u8>> {
    std::fs::read(rig.home().join("vault")).ok()
}

fn work() -> String {
    format!("work={SECRET_MARK} ")
}

#[test]
#[ignore = "needs a keyring daemon: tests/run keyring"]
fn an_unlocked_keyring_keeps_the_key_over_restarts() {
    let mut rig = Rig::unlocked();
    assert_eq!(put(&mut process(&rig), "work"), "done");
    rig.stop_keyring();
    rig.start_unlocked();
    let mut again = process(&rig);
    assert_eq!(again.tell("open"), "done");
    assert_eq!(again.tell("show"), work());
    assert_no_secret_below(rig.folder());
}

#[test]
#[ignore = "needs a keyring daemon: tests/run keyring"]
fn a_locked_keyring_shuts_the_vault_until_it_is_unlocked() {
    let mut rig = Rig::unlocked();
    assert_eq!(put(&mut process(&rig), "work"), "done");
    let before = vault_of(&rig);
    rig.restart_locked();
    let mut shut = process(&rig);
    for command in ["open", "put other sk"] {
        let answer = shut.tell(command);
        assert!(
            answer.starts_with("later: the vault is locked: the keyring is locked"),
            "{answer}"
        );
    }
    assert_eq!((shut.tell("show"), vault_of(&rig)), (String::new(), before));
    rig.unlock();
    assert_eq!(shut.tell("open"), "done");
    assert_eq!(shut.tell("show"), work());
}

#[test]
#[ignore = "needs a keyring daemon: tests/run keyring"]
fn a_locked_keyring_gets_no_first_key() {
    let rig = Rig::locked();
    let mut first = process(&rig);
    let answer = put(&mut first, "work");
    assert!(
        answer.starts_with("later: the vault is locked: the keyring is locked"),
        "{answer}"
    );
    assert_eq!(vault_of(&rig), None);
    rig.unlock();
    assert_eq!(put(&mut first, "work"), "done");
}

#[test]
#[ignore = "needs a keyring daemon: tests/run keyring"]
fn a_keyring_that_comes_late_is_found_by_the_process_that_missed_it() {
    let mut rig = Rig::without_keyring();
    let mut early = process(&rig);
    let answer = put(&mut early, "work");
    assert!(
        answer.starts_with("error: no keyring answers here"),
        "{answer}"
    );
    assert_eq!(vault_of(&rig), None);
    rig.start_unlocked();
    assert_eq!(put(&mut early, "work"), "done");
    rig.stop_keyring();
    let answer = process(&rig).tell("open");
    assert_eq!(answer, "later: the vault is locked: no keyring answers");
}

#[test]
#[ignore = "needs a keyring daemon: tests/run keyring"]
fn without_any_bus_nothing_is_stored() {
    let rig = Rig::without_keyring();
    let nowhere = [(
        "DBUS_SESSION_BUS_ADDRESS",
        PathBuf::from("unix:path=/nowhere/bus"),
    )];
    let answer = put(&mut Process::with_keyring(&rig.home(), &nowhere), "work");
    assert!(
        answer.starts_with("error: no keyring answers here"),
        "{answer}"
    );
    assert_eq!(vault_of(&rig), None);
}

#[test]
#[ignore = "needs a keyring daemon: tests/run keyring"]
fn a_replaced_keyring_gets_no_new_key_and_the_former_one_still_opens() {
    let mut rig = Rig::unlocked();
    assert_eq!(put(&mut process(&rig), "work"), "done");
    rig.stop_keyring();
    let former = rig.folder().join("former");
    std::fs::rename(rig.keyrings(), &former).unwrap();
    rig.start_unlocked();
    let answer = put(&mut process(&rig), "other");
    assert!(
        answer.starts_with("later: the vault is locked: the keyring is locked, or was replaced"),
        "{answer}"
    );
    rig.stop_keyring();
    std::fs::remove_dir_all(rig.keyrings()).unwrap();
    std::fs::rename(former, rig.keyrings()).unwrap();
    rig.start_unlocked();
    let mut again = process(&rig);
    assert_eq!(again.tell("open"), "done");
    assert_eq!(again.tell("show"), work());
}
