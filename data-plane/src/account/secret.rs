//! A string that is never printed.
//!
//! It has no `Display`, no `Serialize`, and a `Debug` that says nothing. Clones share one copy, whose
//! memory is zeroed when the last of them is dropped.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A key, a token or a password.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// Reads an environment variable. `None` where it is unset or not UTF-8.
    pub fn from_env(name: &str) -> Option<Self> {
        std::env::var(name).ok().map(Self::new)
    }

    /// The secret itself, for the code that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The secret behind `prefix`, as bytes that are zeroed when the last of them is dropped. Without
    /// a prefix they are no copy.
    pub fn to_bytes(&self, prefix: &str) -> Bytes {
        if prefix.is_empty() {
            return Bytes::from_owner(self.clone());
        }
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + self.0.len()));
        text.push_str(prefix);
        text.push_str(&self.0);
        Bytes::from_owner(Self(Arc::new(text)))
    }

    /// Removes surrounding white space, which copied keys and files come with.
    #[must_use]
    pub fn trimmed(self) -> Self {
        let trimmed = self.0.trim();
        if trimmed.len() == self.0.len() {
            return self;
        }
        Self::new(trimmed.to_owned())
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Compares in constant time: the time does not reveal where two secrets differ.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_and_bytes_are_one_copy() {
        let secret = Secret::new("sk-1".to_owned());
        let at = secret.expose().as_ptr();
        assert_eq!(secret.clone().trimmed().expose().as_ptr(), at);
        assert_eq!(secret.to_bytes("").as_ptr(), at);
        assert_eq!(&secret.to_bytes("Bearer ")[..], b"Bearer sk-1");
    }

    #[test]
    fn white_space_around_it_is_removed() {
        assert_eq!(Secret::new(" sk-1\n".to_owned()).trimmed().expose(), "sk-1");
    }
}
