//! The name of an account.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::language::said;

const CHARS_MAX: usize = 64;

/// The name of an account: 1 to 64 of `A-Z a-z 0-9 . _ @ + -`, unique among all accounts of a home.
///
/// It needs no quoting in URLs, tables and command lines, and may be an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(Arc<str>);

impl AccountName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

said! {
    /// A text that names no account.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum BadName;
    Form { found: String }: "`{found}` is no account name: expected 1 to {CHARS_MAX} letters, digits or `. _ @ + -`, starting with a letter or digit" |
        "`{found}` ist kein Kontoname: erwartet werden 1 bis {CHARS_MAX} Buchstaben, Ziffern oder `. _ @ + -`, am Anfang ein Buchstabe oder eine Ziffer";
}

impl FromStr for AccountName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let is_short = (1..=CHARS_MAX).contains(&text.len());
        // A leading `-` would make it an option on the command line.
        let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if is_short && starts_well && text.bytes().all(is_allowed) {
            Ok(Self(text.into()))
        } else {
            let found = shortened(text).escape_debug().to_string();
            Err(BadName::Form { found })
        }
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte)
}

/// The beginning of a rejected text.
fn shortened(text: &str) -> String {
    text.chars().take(CHARS_MAX).collect()
}

impl TryFrom<String> for AccountName {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_people_are_names() {
        for text in [
            "work",
            "a",
            "jane.doe+ai@example.org",
            "2nd_one-b",
            &"x".repeat(64),
        ] {
            assert_eq!(text.parse::<AccountName>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_would_need_quoting_is_refused_with_what_is_expected() {
        for text in ["", "-x", ".", "a b", "a/b", "a\n", "ä", &"x".repeat(65)] {
            let bad = text.parse::<AccountName>().unwrap_err();
            assert!(
                bad.to_string().contains("expected 1 to 64 letters"),
                "{bad}"
            );
            assert!(!bad.to_string().contains('\n'), "{bad}");
        }
    }

    #[test]
    fn a_stored_name_is_checked_when_it_is_read() {
        assert!(serde_json::from_str::<AccountName>("\"work\"").is_ok());
        assert!(serde_json::from_str::<AccountName>("\"two words\"").is_err());
    }
}
