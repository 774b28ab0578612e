use std::path::PathBuf;
use std::time::SystemTime;

use rusqlite::Connection;
use tempfile::TempDir;

use super::migrations::{Schema, VERSION};
use super::*;
use crate::account::{AccountSettings, Secret, Source};
use crate::client_keys::KeyLimits;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aerostat.db");
    (folder, path)
}

fn account(name: &str) -> Account {
    let settings = AccountSettings {
        priority: 7,
        ..AccountSettings::default()
    };
    Account {
        name: name.parse().unwrap(),
        provider: "lab".to_owned(),
        source: Source::Vault,
        settings,
        added_at: SystemTime::UNIX_EPOCH,
    }
}

fn sql(path: &Path, statements: &str) {
    Connection::open(path)
        .unwrap()
        .execute_batch(statements)
        .unwrap();
}

/// The migrations of this version, and one more.
fn one_more(more: &'static str) -> Schema {
    let mut migrations = vec![""; VERSION as usize];
    migrations.push(more);
    Schema {
        migrations: migrations.leak(),
        ..Schema::STORE
    }
}

#[tokio::test]
async fn all_is_there_again_after_a_restart() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    let key = ApiKey::new(
        "ci".parse().unwrap(),
        &Secret::new("sk-abcd1234".to_owned()),
        KeyLimits::default(),
        SystemTime::UNIX_EPOCH,
    );
    store.put_account(account("work")).await.unwrap();
    store.put_account(account("gone")).await.unwrap();
    store
        .remove_account(&"gone".parse().unwrap())
        .await
        .unwrap();
    store.put_key(key.clone()).await.unwrap();
    store.set(Flag::Stopped, true).await.unwrap();
    store.save_pool_state("rest", "work".to_owned(), Some("{}".to_owned()));
    store.close();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.accounts(), [account("work")]);
    assert_eq!(
        (store.keys(), key.hint.as_str()),
        (vec![key.clone()], "1234")
    );
    assert!(store.has(Flag::Stopped) && !store.has(Flag::Plaintext));
    assert_eq!(
        store.pool_state("rest"),
        [("work".to_owned(), "{}".to_owned())]
    );
}

#[tokio::test]
async fn a_change_is_on_the_disk_when_it_is_answered() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    store.put_account(account("work")).await.unwrap();
    // The first store is not closed, as when the process is killed.
    let (copy, copied) = place();
    for name in ["aerostat.db", "aerostat.db-wal"] {
        std::fs::copy(path.with_file_name(name), copy.path().join(name)).unwrap();
    }
    assert_eq!(Store::open(&copied).unwrap().accounts(), [account("work")]);
}

#[tokio::test]
async fn a_closed_store_refuses_and_does_not_hang() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    store.close();
    assert!(matches!(
        store.put_account(account("work")).await,
        Err(StoreError::Closed)
    ));
    assert!(store.accounts().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = place();
    let store = Store::open(&path).unwrap();
    store.put_account(account("work")).await.unwrap();
    let entries: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(entries.len(), 3);
    for entry in entries {
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.file_name()
        );
    }
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let (_folder, path) = place();
    Store::open(&path).unwrap().close();
    sql(&path, "PRAGMA user_version = 99");
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(&path).err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("`aerostat.db` is of version 99, which a newer aerostat made"),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn another_programs_database_is_left_alone() {
    let (_folder, path) = place();
    sql(&path, "CREATE TABLE theirs (x)");
    assert!(matches!(
        Store::open(&path).err(),
        Some(StoreError::Foreign)
    ));
}

#[test]
fn a_damaged_file_says_what_to_do() {
    let (_folder, path) = place();
    std::fs::write(
        &path,
        "this is no database, and long enough to be looked at as one".repeat(20),
    )
    .unwrap();
    let error = Store::open(&path).err().unwrap().to_string();
    assert!(
        error.contains("is damaged") && error.contains("move it"),
        "{error}"
    );
}

#[test]
fn a_row_that_cannot_be_read_is_damage_too() {
    let (_folder, path) = place();
    Store::open(&path).unwrap().close();
    sql(&path, "INSERT INTO accounts VALUES ('work', '{')");
    assert!(matches!(
        Store::open(&path).err(),
        Some(StoreError::Damaged { .. })
    ));
}

#[test]
fn an_older_database_is_copied_before_it_is_changed() {
    let (folder, path) = place();
    Store::open(&path).unwrap().close();
    let mut connection = Connection::open(&path).unwrap();
    let schema = one_more("CREATE TABLE more (x)");
    file::migrate(&mut connection, &path, VERSION, &schema).unwrap();
    assert!(matches!(
        Store::open(&path).err(),
        Some(StoreError::Newer { found }) if found == VERSION + 1
    ));
    let copied = folder.path().join("copy.db");
    std::fs::copy(file::backup_of(&path, VERSION), &copied).unwrap();
    Store::open(&copied).expect("the copy is whole and of the older form");
}

#[test]
fn a_step_that_fails_leaves_the_older_form() {
    let (_folder, path) = place();
    Store::open(&path).unwrap().close();
    let mut connection = Connection::open(&path).unwrap();
    let schema = one_more("CREATE TABLE more (x); nonsense");
    assert!(file::migrate(&mut connection, &path, VERSION, &schema).is_err());
    drop(connection);
    Store::open(&path).expect("nothing was changed");
}

#[tokio::test]
async fn a_key_of_an_older_version_has_no_limits() {
    let (_folder, path) = place();
    Store::open(&path).unwrap().close();
    let key = format!(
        r#"{{"name":"ci","hash":{:?},"hint":"1234","made_at":{{"secs_since_epoch":5,"nanos_since_epoch":0}}}}"#,
        [7; 32]
    );
    let older = format!(
        "INSERT INTO keys VALUES ('ci', '{key}'); DROP TABLE key_usage; PRAGMA user_version = 2;"
    );
    sql(&path, &older);
    let store = Store::open(&path).unwrap();
    let mut key = store.keys().remove(0);
    assert!(key.limits.is_empty() && key.hash == [7; 32]);
    key.limits.requests_per_minute = Some(3);
    store.put_key(key.clone()).await.unwrap();
    store.close();
    assert_eq!(Store::open(&path).unwrap().keys(), [key]);
    let backup = file::backup_of(&path, 2);
    assert!(backup.exists(), "the older form is kept");
}

#[tokio::test]
async fn what_a_key_used_goes_with_the_key() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    let secret = Secret::new("sk-abcd1234".to_owned());
    let made = |name: &str| {
        let limits = KeyLimits::default();
        ApiKey::new(
            name.parse().unwrap(),
            &secret,
            limits,
            SystemTime::UNIX_EPOCH,
        )
    };
    for name in ["ci", "gone"] {
        store.put_key(made(name)).await.unwrap();
        store.save(name, "1".to_owned());
        store.save(name, "2".to_owned());
    }
    store.flush().await.unwrap();
    store.remove_key(&"gone".parse().unwrap()).await.unwrap();
    // It was in flight, and ends late.
    store.save("gone", "3".to_owned());
    store.close();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.load("ci"), ["2", "2"]);
    store.put_key(made("gone")).await.unwrap();
    store.close();
    // What a request in flight left is told from the new key's by when that was made.
    assert_eq!(Store::open(&path).unwrap().load("gone"), ["3"]);
}

/// The process dies: what was saved just before is there.
#[tokio::test]
async fn what_a_key_used_is_written_at_once() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    store.save("ci", "1".to_owned());
    let (copy, copied) = place();
    std::fs::copy(
        path.with_file_name("aerostat.db.usage"),
        copy.path().join("aerostat.db.usage"),
    )
    .unwrap();
    assert_eq!(Store::open(&copied).unwrap().load("ci"), ["1"]);
}

#[test]
fn what_providers_said_is_forgotten_where_an_earlier_version_kept_it() {
    const KEY: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";
    let (folder, path) = place();
    Store::open(&path).unwrap().close();
    let row = |kind: &str, name: &str| {
        format!(
            "INSERT INTO pool VALUES ('{kind}', '{name}', '{{\"why\":\"refused\",\"detail\":\"bad key {KEY}\"}}');"
        )
    };
    // One row is left in the free space of the file.
    let rows = [
        row("rest", "work\n"),
        row("signed_out", "work\n"),
        row("rest", "gone\n"),
        "DELETE FROM pool WHERE key = 'gone\n'; DROP TABLE key_usage; PRAGMA user_version = 1;"
            .to_owned(),
    ];
    sql(&path, &rows.concat());
    let store = Store::open(&path).unwrap();
    let expected = ("work\n".to_owned(), r#"{"why":"refused"}"#.to_owned());
    for kind in ["rest", "signed_out"] {
        assert_eq!(store.pool_state(kind), std::slice::from_ref(&expected));
    }
    let files: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() > 3, "with the copy: {files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let found = memchr::memmem::find(&bytes, KEY.as_bytes());
        assert_eq!(found, None, "{}", file.display());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_database_that_was_deleted_under_the_agent_takes_no_change() {
    for is_replaced in [false, true] {
        let (_folder, path) = place();
        let store = Store::open(&path).unwrap();
        store.put_account(account("work")).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        if is_replaced {
            std::fs::write(&path, "").unwrap();
        }
        let error = store.put_account(account("new")).await.unwrap_err();
        assert!(
            error.to_string().contains("was deleted or replaced"),
            "{error}"
        );
        assert_eq!(store.accounts(), [account("work")], "nothing has changed");
    }
}
