//! What holds for the vault as a whole: over files, keys and their troubles.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::super::Tokens;
use super::*;

/// A home, and what stays the same in it when the agent is started again.
struct Place {
    folder: TempDir,
    keyring: Arc<MemoryKeyring>,
}

/// A keyring in memory that can be locked, absent or replaced.
#[derive(Default)]
struct MemoryKeyring {
    secret: Mutex<Option<Vec<u8>>>,
    trouble: Mutex<Option<KeyringError>>,
    /// A Secret Service that is locked says that it has no such entry.
    hides: Mutex<bool>,
    writes: AtomicUsize,
}

impl Keyring for MemoryKeyring {
    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        match self.trouble.lock().clone() {
            Some(trouble) => Err(trouble),
            None if *self.hides.lock() => Ok(None),
            None => Ok(self.secret.lock().clone().map(Zeroizing::new)),
        }
    }

    fn write(&self, secret: &[u8]) -> Result<(), KeyringError> {
        if *self.hides.lock() {
            return Err(KeyringError::Locked);
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        *self.secret.lock() = Some(secret.to_vec());
        Ok(())
    }
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            keyring: Arc::default(),
        }
    }

    fn keys(&self) -> KeySources {
        KeySources::none().with_keyring_within(self.keyring.clone(), Duration::from_secs(60))
    }

    fn vault(&self) -> Vault {
        self.vault_with(self.keys())
    }

    fn vault_with(&self, keys: KeySources) -> Vault {
        Vault::new(self.folder.path(), keys)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path("vault")).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn key_file(&self, byte: u8) -> Option<KeyFile> {
        let path = self.path("key");
        let mut file = fs::OpenOptions::new();
        file.write(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        io::Write::write_all(&mut file.open(&path).unwrap(), &[byte; 32]).unwrap();
        Some(KeyFile::at(path))
    }
}

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

fn key(text: &str) -> VaultEntry {
    let address = "https://api.example.com".parse().unwrap();
    VaultEntry {
        provider: "lab".to_owned(),
        address,
        credential: Credential::Key(Secret::new(text.to_owned())),
    }
}

fn put(vault: &Vault, account: &str, text: &str) -> Result<(), VaultError> {
    vault.put(name(account), key(text))
}

/// One who types the same, however often it is asked.
struct Types(&'static str);

impl Prompt for Types {
    fn passphrase(&self, _: PassphrasePurpose) -> io::Result<Option<Secret>> {
        Ok(Some(Secret::new(self.0.to_owned())))
    }
}

fn typing(text: &'static str) -> KeySources {
    KeySources::none().with_prompt(Arc::new(Types(text)))
}

#[test]
fn what_was_put_is_there_after_a_restart() {
    let place = Place::new();
    put(&place.vault(), "work", "sk-1").unwrap();
    let vault = place.vault();
    assert_eq!(vault.state(), VaultState::Unopened);
    vault.open().unwrap();
    assert_eq!(vault.state(), VaultState::Open(KeyKind::Keyring));
    assert_eq!(vault.get(&name("work")), Some(key("sk-1")));
    assert_eq!(vault.get(&name("home")), None);
}

#[test]
fn a_home_without_credentials_gets_no_file_and_no_key() {
    let place = Place::new();
    let vault = place.vault();
    vault.open().unwrap();
    assert_eq!(vault.state(), VaultState::Empty);
    assert!(place.files().is_empty());
    assert_eq!(place.keyring.writes.load(Ordering::SeqCst), 0);
}

#[test]
fn one_key_serves_all_writes_and_all_homes() {
    let place = Place::new();
    let other = Place {
        keyring: place.keyring.clone(),
        ..Place::new()
    };
    for text in ["sk-1", "sk-2"] {
        put(&place.vault(), "work", text).unwrap();
        put(&other.vault(), "work", text).unwrap();
    }
    assert_eq!(place.keyring.writes.load(Ordering::SeqCst), 1);
}

#[test]
fn the_file_holds_no_secret_and_nobody_else_can_read_it() {
    let place = Place::new();
    put(&place.vault(), "work", "sk-live-1").unwrap();
    assert!(
        !place
            .bytes()
            .windows(9)
            .any(|window| window == b"sk-live-1")
    );
    assert_eq!(place.files(), ["vault", "vault.lock"]);
    #[cfg(unix)]
    for file in place.files() {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            fs::metadata(place.path(&file))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600,
            "{file}"
        );
    }
}

#[test]
fn update_and_edit_change_what_is_there_and_nothing_else() {
    let place = Place::new();
    let vault = place.vault();
    put(&vault, "a", "sk-a").unwrap();
    put(&vault, "b", "sk-b").unwrap();
    let sent = std::time::SystemTime::UNIX_EPOCH;
    vault
        .update(&name("a"), |credential| {
            *credential = Credential::OAuth(Tokens {
                refresh_sent_at: Some(sent),
                ..Tokens::default()
            })
        })
        .unwrap();
    vault
        .edit_one(&name("b"), |sealed| {
            sealed.address = "https://other.example".parse().unwrap()
        })
        .unwrap();
    let again = place.vault();
    again.open().unwrap();
    let tokens = Tokens {
        refresh_sent_at: Some(sent),
        ..Tokens::default()
    };
    assert_eq!(
        again.get(&name("a")).unwrap().credential,
        Credential::OAuth(tokens)
    );
    assert_eq!(
        again.get(&name("b")).unwrap().address.as_str(),
        "https://other.example:443"
    );
    assert!(matches!(
        vault.update(&name("c"), |_| unreachable!()),
        Err(VaultError::Unknown(_))
    ));
}

#[test]
fn removed_credentials_stay_removed() {
    let place = Place::new();
    let vault = place.vault();
    vault
        .put_all([(name("a"), key("sk-a")), (name("b"), key("sk-b"))])
        .unwrap();
    vault.remove(&name("a")).unwrap();
    let again = place.vault();
    again.open().unwrap();
    assert_eq!(again.names(), [name("b")]);
}

#[test]
fn a_keyring_that_lacks_the_key_of_a_sealed_file_gets_no_new_one() {
    let place = Place::new();
    put(&place.vault(), "work", "sk-1").unwrap();
    let before = place.bytes();
    *place.keyring.secret.lock() = None;
    let vault = place.vault();
    let error = put(&vault, "new", "sk-2").unwrap_err();
    assert!(
        matches!(error, VaultError::Locked(_)) && error.is_transient(),
        "{error}"
    );
    assert!(
        error.to_string().contains("locked, or was replaced"),
        "{error}"
    );
    assert_eq!(
        (place.bytes(), place.keyring.writes.load(Ordering::SeqCst)),
        (before, 1)
    );
}

#[test]
fn a_keyring_with_another_key_is_told_apart_from_damage() {
    let place = Place::new();
    put(&place.vault(), "work", "sk-1").unwrap();
    *place.keyring.secret.lock() = Some(vec![9; 32]);
    let error = place.vault().open().unwrap_err();
    assert!(
        matches!(error, VaultError::WrongKey(_)) && !error.is_transient(),
        "{error}"
    );
    assert_eq!(place.files(), ["vault", "vault.lock"]);
}

#[test]
fn a_locked_vault_opens_once_the_keyring_does() {
    let place = Place::new();
    put(&place.vault(), "work", "sk-1").unwrap();
    let vault = place.vault();
    for trouble in [
        KeyringError::Locked,
        KeyringError::Absent,
        KeyringError::TimedOut,
    ] {
        *place.keyring.trouble.lock() = Some(trouble);
        assert!(vault.open().unwrap_err().is_transient());
        assert!(matches!(
            vault.state(),
            VaultState::Locked {
                is_transient: true,
                ..
            }
        ));
        assert_eq!(vault.get(&name("work")), None);
    }
    *place.keyring.trouble.lock() = None;
    vault.open().unwrap();
    assert_eq!(vault.get(&name("work")), Some(key("sk-1")));
}

#[test]
fn a_locked_keyring_takes_no_first_key_either() {
    let place = Place::new();
    *place.keyring.hides.lock() = true;
    let error = put(&place.vault(), "work", "sk-1").unwrap_err();
    assert!(matches!(error, VaultError::Locked(_)), "{error}");
    assert!(place.files().is_empty(), "{:?}", place.files());
}

#[test]
fn a_keyring_that_forgets_is_not_trusted() {
    struct Forgets;
    impl Keyring for Forgets {
        fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
            Ok(None)
        }
        fn write(&self, _: &[u8]) -> Result<(), KeyringError> {
            Ok(())
        }
    }
    let place = Place::new();
    let error = put(
        &place.vault_with(KeySources::none().with_keyring(Arc::new(Forgets))),
        "work",
        "sk-1",
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("did not keep the key"),
        "{error}"
    );
    assert!(place.files().is_empty());
}

#[test]
fn with_no_place_for_a_key_nothing_is_stored_and_the_ways_are_named() {
    let place = Place::new();
    *place.keyring.trouble.lock() = Some(KeyringError::Absent);
    for keys in [KeySources::none(), place.keys()] {
        let text = put(&place.vault_with(keys), "work", "sk-1")
            .unwrap_err()
            .to_string();
        for way in [
            "start a keyring",
            "AEROSTAT_VAULT_KEY_FILE",
            "/dev/urandom",
            "--headless",
            "--insecure-plaintext",
        ] {
            assert!(text.contains(way), "{way} in: {text}");
        }
        assert!(place.files().is_empty());
    }
}

#[test]
fn a_key_file_seals_and_opens() {
    let place = Place::new();
    let keys = |byte| KeySources::none().with_file(place.key_file(byte));
    put(&place.vault_with(keys(1)), "work", "sk-1").unwrap();
    let vault = place.vault_with(keys(1));
    vault.open().unwrap();
    assert_eq!(vault.get(&name("work")), Some(key("sk-1")));
    let other = place.vault_with(keys(2)).open().unwrap_err();
    assert!(
        other.to_string().contains("bring the former key file back"),
        "{other}"
    );
    let none = place.vault().open().unwrap_err();
    assert!(
        none.to_string()
            .contains("name that file in `AEROSTAT_VAULT_KEY_FILE`"),
        "{none}"
    );
}

#[test]
fn a_passphrase_seals_where_no_keyring_answers() {
    let place = Place::new();
    *place.keyring.trouble.lock() = Some(KeyringError::Absent);
    put(
        &place.vault_with(place.keys().with_prompt(Arc::new(Types("correct horse")))),
        "work",
        "sk-1",
    )
    .unwrap();
    let vault = place.vault_with(typing("correct horse"));
    vault.open().unwrap();
    assert_eq!(
        (vault.state(), vault.get(&name("work"))),
        (VaultState::Open(KeyKind::Passphrase), Some(key("sk-1")))
    );
    assert!(matches!(
        place.vault_with(typing("battery staple")).open(),
        Err(VaultError::WrongKey(_))
    ));
    let unasked = place.vault().open().unwrap_err();
    assert!(
        unasked
            .to_string()
            .contains("start `aerostat --headless` in a terminal"),
        "{unasked}"
    );
}

#[test]
fn a_mistyped_passphrase_is_asked_for_again() {
    struct Learns(AtomicUsize);
    impl Prompt for Learns {
        fn passphrase(&self, ask: PassphrasePurpose) -> io::Result<Option<Secret>> {
            let before = self.0.fetch_add(1, Ordering::SeqCst);
            assert_eq!(
                ask,
                if before == 0 {
                    PassphrasePurpose::Open
                } else {
                    PassphrasePurpose::OpenAgain
                }
            );
            Ok(Some(Secret::new(
                if before < 2 {
                    "mistyped"
                } else {
                    "correct horse"
                }
                .to_owned(),
            )))
        }
    }
    let place = Place::new();
    put(&place.vault_with(typing("correct horse")), "work", "sk-1").unwrap();
    place
        .vault_with(KeySources::none().with_prompt(Arc::new(Learns(AtomicUsize::new(0)))))
        .open()
        .unwrap();
}

#[test]
fn a_short_passphrase_seals_nothing() {
    let place = Place::new();
    let error = put(&place.vault_with(typing("short")), "work", "sk-1").unwrap_err();
    assert!(
        error.to_string().contains("at least 8 characters"),
        "{error}"
    );
    assert!(place.files().is_empty());
}

#[test]
fn plain_text_is_stored_only_when_asked_for_and_says_so() {
    let place = Place::new();
    let vault = place.vault_with(place.keys().with_plaintext());
    put(&vault, "work", "sk-1").unwrap();
    assert!(vault.state().to_string().starts_with("NOT SEALED"));
    assert!(
        String::from_utf8(place.bytes())
            .unwrap()
            .contains("NOT SEALED")
    );
    let again = place.vault_with(place.keys().with_plaintext());
    again.open().unwrap();
    assert_eq!(again.get(&name("work")), Some(key("sk-1")));
}

#[test]
fn plain_text_is_sealed_once_it_is_no_longer_asked_for() {
    let place = Place::new();
    put(
        &place.vault_with(KeySources::none().with_plaintext()),
        "work",
        "sk-live-1",
    )
    .unwrap();
    assert!(matches!(
        place.vault_with(KeySources::none()).open(),
        Err(VaultError::NeedsKey(_))
    ));
    let vault = place.vault();
    vault.open().unwrap();
    assert_eq!(
        (vault.state(), vault.get(&name("work"))),
        (VaultState::Open(KeyKind::Keyring), Some(key("sk-live-1")))
    );
    assert!(
        !place
            .bytes()
            .windows(9)
            .any(|window| window == b"sk-live-1")
    );
}

#[test]
fn a_sealed_vault_stays_sealed_when_plain_text_is_asked_for() {
    let place = Place::new();
    put(&place.vault(), "work", "sk-live-1").unwrap();
    let vault = place.vault_with(place.keys().with_plaintext());
    put(&vault, "home", "sk-live-2").unwrap();
    assert_eq!(vault.state(), VaultState::Open(KeyKind::Keyring));
    assert!(!place.bytes().windows(7).any(|window| window == b"sk-live"));
}

#[test]
fn a_damaged_vault_is_told_copied_once_and_never_written() {
    let place = Place::new();
    put(&place.vault(), "work", "sk-1").unwrap();
    let whole = place.bytes();
    for damaged in [
        &whole[..whole.len() - 1],
        &whole[..10],
        b"",
        b"something else",
    ] {
        fs::write(place.path("vault"), damaged).unwrap();
        for _ in 0..2 {
            let error = put(&place.vault(), "new", "sk-2").unwrap_err();
            let VaultError::Damaged {
                copy: Some(copy), ..
            } = &error
            else {
                panic!("{error}")
            };
            assert!(error.to_string().contains("left as it is"), "{error}");
            assert_eq!(fs::read(place.path(copy)).unwrap(), damaged);
        }
        assert_eq!(place.bytes(), damaged);
    }
    assert_eq!(place.files().len(), 2 + 4);
}

#[test]
fn a_newer_vault_is_refused_and_left() {
    let place = Place::new();
    let newer = "aerostat vault 2\n{}\nbytes";
    fs::write(place.path("vault"), newer).unwrap();
    let error = put(&place.vault(), "work", "sk-1").unwrap_err();
    assert!(
        error.to_string().contains("version 2") && error.to_string().contains("update Aerostat"),
        "{error}"
    );
    assert_eq!(place.bytes(), newer.as_bytes());
}

#[test]
fn what_an_interrupted_write_left_is_removed() {
    let place = Place::new();
    put(&place.vault(), "work", "sk-1").unwrap();
    fs::write(place.path("vault.new"), "half").unwrap();
    place.vault().open().unwrap();
    assert_eq!(place.files(), ["vault", "vault.lock"]);
}

/// A folder in the way of the next file stands for a disk that takes no more.
#[test]
fn a_write_that_fails_leaves_the_old_state_on_disk_and_in_memory() {
    let place = Place::new();
    let vault = place.vault();
    put(&vault, "work", "sk-1").unwrap();
    let before = place.bytes();
    fs::create_dir_all(place.path("vault.new/in-the-way")).unwrap();
    let error = put(&vault, "work", "sk-2").unwrap_err();
    assert!(
        matches!(error, VaultError::Io { .. }) && error.is_transient(),
        "{error}"
    );
    assert_eq!(
        (place.bytes(), vault.get(&name("work"))),
        (before, Some(key("sk-1")))
    );
    fs::remove_dir_all(place.path("vault.new")).unwrap();
    put(&vault, "work", "sk-2").unwrap();
    assert_eq!(vault.get(&name("work")), Some(key("sk-2")));
}

#[test]
fn two_that_write_the_same_vault_lose_nothing_of_each_other() {
    let place = Place::new();
    let vaults = [place.vault(), place.vault()];
    put(&vaults[0], "first", "sk-0").unwrap();
    std::thread::scope(|scope| {
        for (who, vault) in vaults.iter().enumerate() {
            scope.spawn(move || {
                (0..20).for_each(|count| put(vault, &format!("a{who}-{count}"), "sk-1").unwrap())
            });
        }
    });
    let vault = place.vault();
    vault.open().unwrap();
    assert_eq!(vault.names().len(), 41);
}

#[test]
fn a_change_that_fails_forgets_nothing_of_what_another_process_wrote() {
    let place = Place::new();
    let (one, other) = (place.vault(), place.vault());
    put(&one, "first", "sk-1").unwrap();
    put(&other, "second", "sk-2").unwrap();
    assert!(matches!(
        one.update(&name("unknown"), |_| unreachable!()),
        Err(VaultError::Unknown(_))
    ));
    put(&one, "third", "sk-3").unwrap();
    assert_eq!(one.names(), ["first", "second", "third"].map(name));
}

#[cfg(unix)]
#[test]
fn a_vault_that_others_could_read_is_closed_to_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    put(&place.vault(), "work", "sk-1").unwrap();
    fs::set_permissions(place.path("vault"), fs::Permissions::from_mode(0o644)).unwrap();
    place.vault().open().unwrap();
    assert_eq!(
        fs::metadata(place.path("vault"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

#[test]
fn a_file_that_was_deleted_under_a_running_agent_is_written_again() {
    let place = Place::new();
    let vault = place.vault();
    put(&vault, "work", "sk-1").unwrap();
    fs::remove_file(place.path("vault")).unwrap();
    put(&vault, "home", "sk-2").unwrap();
    let again = place.vault();
    again.open().unwrap();
    assert_eq!(again.names(), [name("home"), name("work")]);
}

fn secrets() -> impl Strategy<Value = Secret> {
    any::<String>().prop_map(Secret::new)
}

fn timestamps() -> impl Strategy<Value = std::time::SystemTime> {
    (0..4_000_000_000_u64, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| {
        std::time::SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
    })
}

fn credentials() -> impl Strategy<Value = Credential> {
    let tokens = (
        proptest::option::of(secrets()),
        proptest::option::of(timestamps()),
        proptest::option::of(secrets()),
        proptest::option::of(secrets()),
        proptest::option::of(timestamps()),
    );
    prop_oneof![
        Just(Credential::None),
        secrets().prop_map(Credential::Key),
        secrets().prop_map(Credential::ServiceAccount),
        tokens.prop_map(
            |(access, expires_at, refresh, client_secret, refresh_sent_at)| {
                Credential::OAuth(Tokens {
                    access,
                    expires_at,
                    refresh,
                    client_secret,
                    refresh_sent_at,
                })
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_credentials_read_back_as_they_were_written(
        entries in proptest::collection::btree_map("[a-z][a-z0-9._@+-]{0,20}", credentials(), 0..8),
        provider in any::<String>(),
    ) {
        let address: super::super::Address = "https://api.example.com".parse().unwrap();
        let sealed = |credential| VaultEntry { provider: provider.clone(), address: address.clone(), credential };
        let entries: Entries = entries.into_iter().map(|(account, credential)| (name(&account), sealed(credential))).collect();
        let key = SealingKey::new(KeyKind::Keyring, key::Key::random());
        let bytes = seal(FORMAT, &key, &records::write(&entries));
        prop_assert_eq!(read_entries(&SealedBytes::parse(FORMAT, &bytes).unwrap(), &key).unwrap(), entries);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>(), head in "aerostat vault 1\n\\PC{0,200}\n") {
        let key = SealingKey::new(KeyKind::Keyring, key::Key::random());
        for bytes in [bytes.clone(), [head.into_bytes(), bytes].concat()] {
            if let Ok(sealed_bytes) = SealedBytes::parse(FORMAT, &bytes) {
                prop_assert!(sealed_bytes.unseal(&key).is_none());
            }
        }
    }
}
