//! Sealed bytes: a line that says what they are, a line of facts, and the rest.
//!
//! ```text
//! aerostat vault 1
//! {"cipher":"xchacha20-poly1305","key":"keyring","key_id":"0f3c…","nonce":"…"}
//! <sealed bytes>
//! ```
//!
//! Both lines are bound to the sealed bytes as associated data: none of their facts can be changed
//! without the key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::key::{Kdf, Key, random};

const NONCE_BYTES: usize = 24;

/// What a file is, by its first line, and the version that is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::account) struct Kind {
    pub(in crate::account) title: &'static str,
    pub(in crate::account) version: u32,
}

/// Where the key of sealed bytes comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    Keyring,
    File,
    Passphrase,
    /// Nothing is sealed: the person asked for it in so many words.
    Plaintext,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Cipher {
    #[serde(rename = "xchacha20-poly1305")]
    XChaCha20Poly1305,
    #[serde(rename = "none")]
    None,
}

/// The line of facts.
#[derive(Debug, Serialize, Deserialize)]
struct Facts {
    cipher: Cipher,
    key: KeyKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kdf: Option<Kdf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// A key and what is written of it. No key: the bytes lie open.
#[derive(Clone, Debug)]
pub(in crate::account) struct Lid {
    pub(in crate::account) kind: KeyKind,
    key: Option<Key>,
    kdf: Option<Kdf>,
}

impl Lid {
    pub(in crate::account) fn new(kind: KeyKind, key: Key) -> Self {
        Self {
            kind,
            key: Some(key),
            kdf: None,
        }
    }

    pub(in crate::account) fn of_passphrase(kdf: Kdf, key: Key) -> Self {
        Self {
            kind: KeyKind::Passphrase,
            key: Some(key),
            kdf: Some(kdf),
        }
    }

    pub(in crate::account) fn plaintext() -> Self {
        Self {
            kind: KeyKind::Plaintext,
            key: None,
            kdf: None,
        }
    }

    fn key_id(&self) -> Option<String> {
        self.key.as_ref().map(Key::id)
    }
}

const WARNING: &str = "NOT SEALED: whoever reads this file has the credentials";

/// Seals `text` with a nonce of its own.
pub(in crate::account) fn seal(kind: Kind, lid: &Lid, text: &[u8]) -> Vec<u8> {
    let Some(key) = &lid.key else {
        let facts = Facts {
            cipher: Cipher::None,
            key: KeyKind::Plaintext,
            key_id: None,
            kdf: None,
            nonce: None,
            warning: Some(WARNING.to_owned()),
        };
        return [head(kind, &facts).as_slice(), text].concat();
    };
    let nonce = random::<NONCE_BYTES>();
    let facts = Facts {
        cipher: Cipher::XChaCha20Poly1305,
        key: lid.kind,
        key_id: Some(key.id()),
        kdf: lid.kdf.clone(),
        nonce: Some(BASE64.encode(nonce)),
        warning: None,
    };
    let mut bytes = head(kind, &facts);
    let sealed = cipher(key).encrypt(
        &nonce.into(),
        Payload {
            msg: text,
            aad: &bytes,
        },
    );
    bytes.extend(sealed.expect("a text in memory is shorter than the cipher's limit of 256 GiB"));
    bytes
}

fn head(kind: Kind, facts: &Facts) -> Vec<u8> {
    let facts = serde_json::to_string(facts).expect("the facts are strings and numbers");
    format!("{} {}\n{facts}\n", kind.title, kind.version).into_bytes()
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

/// Bytes whose two lines were read.
#[derive(Debug)]
pub(in crate::account) struct Closed<'a> {
    facts: Facts,
    head: &'a [u8],
    body: &'a [u8],
}

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::account) enum Unreadable {
    /// What is wrong with them.
    Damaged(&'static str),
    Newer {
        found: u32,
    },
}

impl<'a> Closed<'a> {
    /// Reads the two lines; nothing is opened.
    pub(in crate::account) fn parse(kind: Kind, bytes: &'a [u8]) -> Result<Self, Unreadable> {
        if bytes.is_empty() {
            return Err(Unreadable::Damaged("it is empty"));
        }
        let foreign = Unreadable::Damaged("its first line is another");
        let (first, after) = line(bytes).ok_or(foreign)?;
        let version = first
            .strip_prefix(kind.title)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(foreign)?;
        match version.parse::<u32>() {
            Ok(version) if version == kind.version => {}
            Ok(version) if version > kind.version => {
                return Err(Unreadable::Newer { found: version });
            }
            // There was no version before the first.
            _ => return Err(foreign),
        }
        let (second, body) = line(after).ok_or(Unreadable::Damaged("it ends in its header"))?;
        let facts: Facts = serde_json::from_str(second)
            .map_err(|_| Unreadable::Damaged("its header can't be read"))?;
        Ok(Self {
            facts,
            head: &bytes[..bytes.len() - body.len()],
            body,
        })
    }

    pub(in crate::account) fn kind(&self) -> KeyKind {
        match self.facts.cipher {
            Cipher::None => KeyKind::Plaintext,
            Cipher::XChaCha20Poly1305 => self.facts.key,
        }
    }

    pub(in crate::account) fn kdf(&self) -> Option<&Kdf> {
        self.facts.kdf.as_ref()
    }

    /// Whether this is the key that sealed it, by its id.
    pub(in crate::account) fn fits(&self, lid: &Lid) -> bool {
        self.kind() == lid.kind && self.facts.key_id == lid.key_id()
    }

    /// The text. `None` where the bytes are not what this key sealed.
    pub(in crate::account) fn open(&self, lid: &Lid) -> Option<Zeroizing<Vec<u8>>> {
        let Some(key) = &lid.key else {
            return (self.kind() == KeyKind::Plaintext).then(|| Zeroizing::new(self.body.to_vec()));
        };
        let nonce = BASE64.decode(self.facts.nonce.as_deref()?).ok()?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        cipher(key)
            .decrypt(
                &nonce.into(),
                Payload {
                    msg: self.body,
                    aad: self.head,
                },
            )
            .ok()
            .map(Zeroizing::new)
    }
}

/// The first line without its end, and what follows.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        title: "aerostat vault",
        version: 1,
    };

    fn lid() -> Lid {
        Lid::new(KeyKind::File, Key::of(&[7; 32]).unwrap())
    }

    fn open(bytes: &[u8], lid: &Lid) -> Option<Vec<u8>> {
        Closed::parse(KIND, bytes)
            .ok()?
            .open(lid)
            .map(|text| text.to_vec())
    }

    #[test]
    fn what_was_sealed_opens_with_its_key_and_no_other() {
        let bytes = seal(KIND, &lid(), b"text");
        assert_eq!(open(&bytes, &lid()).as_deref(), Some(&b"text"[..]));
        assert_eq!(open(&bytes, &Lid::new(KeyKind::File, Key::random())), None);
        assert_eq!(open(&bytes, &Lid::plaintext()), None);
    }

    #[test]
    fn no_two_seals_of_one_text_are_alike() {
        assert_ne!(seal(KIND, &lid(), b"text"), seal(KIND, &lid(), b"text"));
    }

    #[test]
    fn no_byte_can_be_changed_or_lost() {
        let bytes = seal(KIND, &lid(), b"a text of some length");
        for at in 0..bytes.len() {
            for bit in [1, 0x20, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                assert_eq!(open(&changed, &lid()), None, "byte {at} of {}", bytes.len());
            }
            assert_eq!(open(&bytes[..at], &lid()), None, "cut at {at}");
        }
    }

    #[test]
    fn a_newer_version_is_no_damage() {
        let read = |text: &[u8]| Closed::parse(KIND, text).map(|_| ()).unwrap_err();
        assert_eq!(
            read(b"aerostat vault 2\nanything"),
            Unreadable::Newer { found: 2 }
        );
        assert_eq!(
            read(b"aerostat vault 0\n{}\n"),
            Unreadable::Damaged("its first line is another")
        );
        assert_eq!(
            read(b"aerostat export 1\n{}\n"),
            Unreadable::Damaged("its first line is another")
        );
        assert_eq!(read(b""), Unreadable::Damaged("it is empty"));
    }

    #[test]
    fn what_lies_open_says_so() {
        let bytes = seal(KIND, &Lid::plaintext(), b"text");
        assert!(String::from_utf8_lossy(&bytes).contains("NOT SEALED"));
        assert_eq!(
            open(&bytes, &Lid::plaintext()).as_deref(),
            Some(&b"text"[..])
        );
    }
}
