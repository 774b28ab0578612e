//! The plaintext of the vault: a record for each account, as JSON. The only place that serialises
//! secrets.
//!
//! ```json
//! {"accounts": {"work": {"provider": "openai", "address": "https://api.openai.com:443", "credential": {"key": "sk-…"}}}}
//! ```
//!
//! Beside `accounts`, `values` holds secrets that belong to none; it is left out where there are none.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::super::{AccountName, Address, Credential, Secret, Tokens, VaultEntry, timestamp};
use super::Entries;

/// Serialises the vault's entries.
pub(super) fn write(entries: &Entries) -> Zeroizing<Vec<u8>> {
    let accounts = entries
        .accounts
        .iter()
        .map(|(name, sealed)| (name, RecordRef(sealed)))
        .collect();
    let values = entries
        .values
        .iter()
        .map(|(name, value)| (name.as_str().into(), Exposed(value.clone())))
        .collect();
    let mut text = WipedBuffer::default();
    serde_json::to_writer(&mut text, &Records { accounts, values })
        .expect("names are strings, and timestamps within jiff's range");
    text.0
}

/// Grows without leaving what it held behind.
#[derive(Default)]
struct WipedBuffer(Zeroizing<Vec<u8>>);

impl io::Write for WipedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * needed));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Parses what [`write`] wrote. `None` for anything else.
pub(super) fn read(text: &[u8]) -> Option<Entries> {
    let book: Records<'_, AccountName, Record> = serde_json::from_slice(text).ok()?;
    let accounts = book.accounts.into_iter();
    let values = book.values.into_iter();
    Some(Entries {
        accounts: accounts.map(|(name, read)| (name, read.0)).collect(),
        values: values
            .map(|(name, value)| (name.into_owned(), value.0))
            .collect(),
    })
}

#[derive(Serialize, Deserialize)]
struct Records<'n, N: Ord, S> {
    accounts: BTreeMap<N, S>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<Cow<'n, str>, Exposed>,
}

/// A secret as this file alone writes it out.
#[derive(Serialize, Deserialize)]
struct Exposed(#[serde(with = "exposed")] Secret);

#[derive(Serialize)]
struct RecordRef<'a>(#[serde(serialize_with = "write_sealed")] &'a VaultEntry);

fn write_sealed<S: Serializer>(sealed: &&VaultEntry, serializer: S) -> Result<S::Ok, S::Error> {
    VaultEntryDef::serialize(sealed, serializer)
}

#[derive(Deserialize)]
struct Record(#[serde(with = "VaultEntryDef")] VaultEntry);

#[derive(Serialize, Deserialize)]
#[serde(remote = "VaultEntry")]
pub(in crate::account) struct VaultEntryDef {
    provider: String,
    address: Address,
    #[serde(with = "CredentialDef")]
    credential: Credential,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Credential", rename_all = "snake_case")]
enum CredentialDef {
    None,
    Key(#[serde(with = "exposed")] Secret),
    #[serde(rename = "oauth")]
    OAuth(#[serde(with = "TokensDef")] Tokens),
    ServiceAccount(#[serde(with = "exposed")] Secret),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Tokens")]
struct TokensDef {
    #[serde(
        default,
        with = "exposed_option",
        skip_serializing_if = "Option::is_none"
    )]
    access: Option<Secret>,
    #[serde(
        default,
        with = "timestamp::option",
        skip_serializing_if = "Option::is_none"
    )]
    expires_at: Option<SystemTime>,
    #[serde(
        default,
        with = "exposed_option",
        skip_serializing_if = "Option::is_none"
    )]
    refresh: Option<Secret>,
    #[serde(
        default,
        with = "exposed_option",
        skip_serializing_if = "Option::is_none"
    )]
    client_secret: Option<Secret>,
    #[serde(
        default,
        with = "timestamp::option",
        skip_serializing_if = "Option::is_none"
    )]
    refresh_sent_at: Option<SystemTime>,
}

mod exposed {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        secret: &Secret,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

mod exposed_option {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_is_as_documented() {
        let key = VaultEntry {
            provider: "openai".to_owned(),
            address: "https://api.openai.com".parse().unwrap(),
            credential: Credential::Key(Secret::new("sk-1".to_owned())),
        };
        let tokens = Tokens {
            refresh: Some(Secret::new("r".to_owned())),
            expires_at: Some(SystemTime::UNIX_EPOCH),
            ..Tokens::default()
        };
        let oauth = VaultEntry {
            credential: Credential::OAuth(tokens),
            ..key.clone()
        };
        let entries = [("b".parse().unwrap(), oauth), ("a".parse().unwrap(), key)];
        let mut entries: Entries = entries.into_iter().collect();
        let text = write(&entries);
        let expected = concat!(
            r#"{"accounts":{"a":{"provider":"openai","address":"https://api.openai.com:443","credential":{"key":"sk-1"}},"#,
            r#""b":{"provider":"openai","address":"https://api.openai.com:443","#,
            r#""credential":{"oauth":{"expires_at":"1970-01-01T00:00:00Z","refresh":"r"}}}}}"#,
        );
        assert_eq!(String::from_utf8(text.to_vec()).unwrap(), expected);
        assert_eq!(read(&text), Some(entries.clone()));
        let value = Secret::new("sk-2".to_owned());
        entries.values.insert("codex-1".to_owned(), value);
        let text = write(&entries);
        assert!(text.ends_with(br#"},"values":{"codex-1":"sk-2"}}"#));
        assert_eq!(read(&text), Some(entries));
    }

    #[test]
    fn what_is_something_else_is_not_taken_for_an_empty_vault() {
        for text in ["", "{}", "[]", "null", r#"{"accounts": {"two words": {}}}"#] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
