//! The file format of the vault and of exports: a title line, a header of JSON, and the ciphertext.
//!
//! ```text
//! aerostat vault 1
//! {"cipher":"xchacha20-poly1305","key":"keyring","key_id":"0f3c…","nonce":"…"}
//! <ciphertext>
//! ```
//!
//! Both lines are authenticated as associated data: nothing in them can be changed without the key.
//! Nothing here reads a file or knows what is sealed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::Damage;
use super::key::{Kdf, Key, random};

const NONCE_BYTES: usize = 24;

/// The title line of a file: what it is, and the version that is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::account) struct FileFormat {
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
    /// Nothing is sealed: the user asked for it explicitly.
    Plaintext,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Cipher {
    #[serde(rename = "xchacha20-poly1305")]
    XChaCha20Poly1305,
    #[serde(rename = "none")]
    None,
}

/// The second line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
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

/// A key with what the header says of it.
#[derive(Clone, Debug)]
pub(in crate::account) struct SealingKey {
    pub(in crate::account) kind: KeyKind,
    /// `None` for [`KeyKind::Plaintext`].
    key: Option<Key>,
    /// Set for [`KeyKind::Passphrase`].
    kdf: Option<Kdf>,
}

impl SealingKey {
    pub(in crate::account) fn new(kind: KeyKind, key: Key) -> Self {
        Self {
            kind,
            key: Some(key),
            kdf: None,
        }
    }

    pub(in crate::account) fn from_passphrase(kdf: Kdf, key: Key) -> Self {
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

    fn id(&self) -> Option<String> {
        self.key.as_ref().map(Key::id)
    }
}

const WARNING: &str = "NOT SEALED: whoever reads this file has the credentials";

/// Encrypts `plaintext` under a fresh nonce, and puts the title line and the header before it.
pub(in crate::account) fn seal(
    format: FileFormat,
    sealing: &SealingKey,
    plaintext: &[u8],
) -> Vec<u8> {
    let Some(key) = &sealing.key else {
        let header = Header {
            cipher: Cipher::None,
            key: KeyKind::Plaintext,
            key_id: None,
            kdf: None,
            nonce: None,
            warning: Some(WARNING.to_owned()),
        };
        return [head(format, &header).as_slice(), plaintext].concat();
    };
    let nonce = random::<NONCE_BYTES>();
    let header = Header {
        cipher: Cipher::XChaCha20Poly1305,
        key: sealing.kind,
        key_id: Some(key.id()),
        kdf: sealing.kdf.clone(),
        nonce: Some(BASE64.encode(nonce)),
        warning: None,
    };
    let mut bytes = head(format, &header);
    let payload = Payload {
        msg: plaintext,
        aad: &bytes,
    };
    let ciphertext = cipher(key)
        .encrypt(&nonce.into(), payload)
        .expect("a text in memory is shorter than the cipher's limit of 256 GiB");
    bytes.extend(ciphertext);
    bytes
}

/// The title line and the header.
fn head(format: FileFormat, header: &Header) -> Vec<u8> {
    let header = serde_json::to_string(header).expect("a header is strings and numbers");
    format!("{} {}\n{header}\n", format.title, format.version).into_bytes()
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

/// Sealed bytes whose title line and header were read.
#[derive(Debug)]
pub(in crate::account) struct SealedBytes<'a> {
    header: Header,
    /// The two lines: the associated data.
    head: &'a [u8],
    /// The ciphertext, or the plaintext where nothing is sealed.
    body: &'a [u8],
}

/// Why bytes are not in the expected format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::account) enum FormatError {
    /// What is wrong with them.
    Damaged(Damage),
    Newer {
        found: u32,
    },
}

impl<'a> SealedBytes<'a> {
    /// Reads the title line and the header. Decrypts nothing.
    pub(in crate::account) fn parse(
        format: FileFormat,
        bytes: &'a [u8],
    ) -> Result<Self, FormatError> {
        if bytes.is_empty() {
            return Err(FormatError::Damaged(Damage::Empty));
        }
        let foreign = FormatError::Damaged(Damage::FirstLine);
        let (title, after) = line(bytes).ok_or(foreign)?;
        let version = title
            .strip_prefix(format.title)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(foreign)?;
        match version.parse::<u32>() {
            Ok(found) if found == format.version => {}
            Ok(found) if found > format.version => return Err(FormatError::Newer { found }),
            // No older version exists.
            _ => return Err(foreign),
        }
        let (header, body) = line(after).ok_or(FormatError::Damaged(Damage::CutInHeader))?;
        let header: Header =
            serde_json::from_str(header).map_err(|_| FormatError::Damaged(Damage::Header))?;
        Ok(Self {
            header,
            head: &bytes[..bytes.len() - body.len()],
            body,
        })
    }

    pub(in crate::account) fn key_kind(&self) -> KeyKind {
        match self.header.cipher {
            Cipher::None => KeyKind::Plaintext,
            Cipher::XChaCha20Poly1305 => self.header.key,
        }
    }

    pub(in crate::account) fn kdf(&self) -> Option<&Kdf> {
        self.header.kdf.as_ref()
    }

    /// Whether the bytes were sealed with this key, by its id.
    pub(in crate::account) fn matches(&self, key: &SealingKey) -> bool {
        self.key_kind() == key.kind && self.header.key_id == key.id()
    }

    /// Decrypts the body. `None` where the key is another or the bytes were changed.
    pub(in crate::account) fn unseal(&self, sealing: &SealingKey) -> Option<Zeroizing<Vec<u8>>> {
        let Some(key) = &sealing.key else {
            let is_plaintext = self.key_kind() == KeyKind::Plaintext;
            return is_plaintext.then(|| Zeroizing::new(self.body.to_vec()));
        };
        let nonce = BASE64.decode(self.header.nonce.as_deref()?).ok()?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let payload = Payload {
            msg: self.body,
            aad: self.head,
        };
        let plaintext = cipher(key).decrypt(&nonce.into(), payload).ok()?;
        Some(Zeroizing::new(plaintext))
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

    const FORMAT: FileFormat = FileFormat {
        title: "aerostat vault",
        version: 1,
    };

    fn key() -> SealingKey {
        SealingKey::new(KeyKind::File, Key::from_bytes(&[7; 32]).unwrap())
    }

    fn unsealed(bytes: &[u8], key: &SealingKey) -> Option<Vec<u8>> {
        SealedBytes::parse(FORMAT, bytes)
            .ok()?
            .unseal(key)
            .map(|text| text.to_vec())
    }

    #[test]
    fn what_was_sealed_opens_with_its_key_and_no_other() {
        let bytes = seal(FORMAT, &key(), b"text");
        assert_eq!(unsealed(&bytes, &key()).as_deref(), Some(&b"text"[..]));
        assert_eq!(
            unsealed(&bytes, &SealingKey::new(KeyKind::File, Key::random())),
            None
        );
        assert_eq!(unsealed(&bytes, &SealingKey::plaintext()), None);
    }

    #[test]
    fn no_two_seals_of_one_text_are_alike() {
        assert_ne!(seal(FORMAT, &key(), b"text"), seal(FORMAT, &key(), b"text"));
    }

    #[test]
    fn no_byte_can_be_changed_or_lost() {
        let bytes = seal(FORMAT, &key(), b"a text of some length");
        for at in 0..bytes.len() {
            for bit in [1, 0x20, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                assert_eq!(
                    unsealed(&changed, &key()),
                    None,
                    "byte {at} of {}",
                    bytes.len()
                );
            }
            assert_eq!(unsealed(&bytes[..at], &key()), None, "cut at {at}");
        }
    }

    #[test]
    fn a_newer_version_is_no_damage() {
        let read = |text: &[u8]| SealedBytes::parse(FORMAT, text).map(|_| ()).unwrap_err();
        assert_eq!(
            read(b"aerostat vault 2\nanything"),
            FormatError::Newer { found: 2 }
        );
        assert_eq!(
            read(b"aerostat vault 0\n{}\n"),
            FormatError::Damaged(Damage::FirstLine)
        );
        assert_eq!(
            read(b"aerostat export 1\n{}\n"),
            FormatError::Damaged(Damage::FirstLine)
        );
        assert_eq!(read(b""), FormatError::Damaged(Damage::Empty));
    }

    #[test]
    fn what_lies_open_says_so() {
        let bytes = seal(FORMAT, &SealingKey::plaintext(), b"text");
        assert!(String::from_utf8_lossy(&bytes).contains("NOT SEALED"));
        assert_eq!(
            unsealed(&bytes, &SealingKey::plaintext()).as_deref(),
            Some(&b"text"[..])
        );
    }
}
