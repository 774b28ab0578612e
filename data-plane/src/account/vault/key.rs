//! The vault's key: 32 bytes, its id, and its derivation from a passphrase.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::super::Secret;

pub(in crate::account) const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
const ID_BYTES: usize = 8;

/// A symmetric key. Zeroed when dropped, never printed.
#[derive(Clone)]
pub(in crate::account) struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl Key {
    pub(super) fn random() -> Self {
        Self(Zeroizing::new(random()))
    }

    /// `None` where it is not 32 bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <[u8; KEY_BYTES]>::try_from(bytes)
            .ok()
            .map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Identifies the key without revealing it, so that a wrong key is noticed before anything is
    /// decrypted.
    pub(super) fn id(&self) -> String {
        let digest = Sha256::new()
            .chain_update(b"aerostat vault key id\0")
            .chain_update(self.0.as_slice())
            .finalize();
        hex::encode(&digest[..ID_BYTES])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Bytes from the system's random generator.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes to every process");
    bytes
}

/// The parameters of the key derivation, stored in the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::account) struct Kdf {
    name: KdfName,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    /// Base64.
    salt: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum KdfName {
    #[serde(rename = "argon2id")]
    Argon2id,
}

/// Bounds on what a header may demand: a forged file must not exhaust the machine's memory.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES_MAX: u32 = 32;
const LANES_MAX: u32 = 16;

impl Kdf {
    /// The current parameters with a fresh salt. Source: RFC 9106 section 4, the second
    /// recommended option, with one lane.
    pub(in crate::account) fn fresh() -> Self {
        let salt = BASE64.encode(random::<SALT_BYTES>());
        Self {
            name: KdfName::Argon2id,
            memory_kib: 64 * 1024,
            passes: 3,
            lanes: 1,
            salt,
        }
    }

    /// Derives the key of a passphrase; takes some tenths of a second. `None` where the parameters
    /// are invalid or out of bounds.
    pub(in crate::account) fn derive(&self, passphrase: &Secret) -> Option<Key> {
        if self.memory_kib > MEMORY_KIB_MAX || self.passes > PASSES_MAX || self.lanes > LANES_MAX {
            return None;
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES)).ok()?;
        let salt = BASE64.decode(&self.salt).ok()?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon
            .hash_password_into(passphrase.expose().as_bytes(), &salt, key.as_mut_slice())
            .ok()?;
        Some(Key(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_passphrase_and_its_salt_make_the_key() {
        let kdf = Kdf::fresh();
        let key = |kdf: &Kdf, passphrase: &str| kdf.derive(&secret(passphrase)).unwrap().id();
        assert_eq!(key(&kdf, "correct horse"), key(&kdf, "correct horse"));
        assert_ne!(key(&kdf, "correct horse"), key(&kdf, "correct horsf"));
        assert_ne!(
            key(&kdf, "correct horse"),
            key(&Kdf::fresh(), "correct horse")
        );
    }

    /// Source: the reference implementation's own tests (`src/test.c`, Argon2id, t=2, m=2^16, p=1).
    #[test]
    fn the_parameters_are_argon2s_own() {
        let kdf = Kdf {
            name: KdfName::Argon2id,
            memory_kib: 65536,
            passes: 2,
            lanes: 1,
            salt: BASE64.encode("somesalt"),
        };
        let key = kdf.derive(&secret("password")).unwrap();
        assert_eq!(
            hex::encode(key.bytes()),
            "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
        );
    }

    #[test]
    fn a_forged_header_takes_no_memory() {
        for forged in [
            Kdf {
                memory_kib: u32::MAX,
                ..Kdf::fresh()
            },
            Kdf {
                passes: u32::MAX,
                ..Kdf::fresh()
            },
            Kdf {
                lanes: 0,
                ..Kdf::fresh()
            },
            Kdf {
                salt: "!".to_owned(),
                ..Kdf::fresh()
            },
        ] {
            assert!(forged.derive(&secret("x")).is_none(), "{forged:?}");
        }
    }

    #[test]
    fn debug_never_shows_a_key() {
        assert_eq!(format!("{:?}", Key::random()), "Key(..)");
    }
}
