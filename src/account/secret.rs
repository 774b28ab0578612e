//! A string that is never printed.
//!
//! It has no `Display`, no `Serialize`, and a `Debug` that says nothing. Its memory is zeroed when
//! it is dropped.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A key, a token or a password.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Reads an environment variable. `None` where it is unset or not UTF-8.
    pub fn from_env(name: &str) -> Option<Self> {
        std::env::var(name).ok().map(Self::new)
    }

    /// The secret itself, for the code that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Removes surrounding white space, which copied keys and files come with.
    #[must_use]
    pub fn trimmed(self) -> Self {
        Self::new(self.0.trim().to_owned())
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
