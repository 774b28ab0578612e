//! The way to a value: keys of objects and items of lists.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One step down.
///
/// In JSON a key is a string and an item an object: `["clients", {"name": "aerostat"}, "models"]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// The member of an object.
    Key(Cow<'static, str>),
    /// The item of a list whose members have these texts. Places in a list move, members tell.
    Item(BTreeMap<Cow<'static, str>, String>),
}

impl Step {
    /// The item of a list whose `member` is `text`.
    pub fn item(member: &'static str, text: impl Into<String>) -> Self {
        Self::Item(BTreeMap::from([(Cow::Borrowed(member), text.into())]))
    }

    /// The same item, if its `member` is `text` as well.
    #[must_use]
    pub fn and(mut self, member: &'static str, text: impl Into<String>) -> Self {
        if let Self::Item(members) = &mut self {
            members.insert(Cow::Borrowed(member), text.into());
        }
        self
    }
}

impl From<&'static str> for Step {
    fn from(key: &'static str) -> Self {
        Self::Key(Cow::Borrowed(key))
    }
}

impl From<String> for Step {
    fn from(key: String) -> Self {
        Self::Key(Cow::Owned(key))
    }
}

/// The way to a value, from the root of its document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Path(Vec<Step>);

impl Path {
    pub fn root() -> Self {
        Self::default()
    }

    /// The way through these keys: `Path::keys(["env", "ANTHROPIC_BASE_URL"])`.
    pub fn keys<const N: usize>(keys: [&'static str; N]) -> Self {
        Self(keys.into_iter().map(Step::from).collect())
    }

    /// One step further down.
    #[must_use]
    pub fn then(&self, step: impl Into<Step>) -> Self {
        let mut path = self.clone();
        path.0.push(step.into());
        path
    }

    /// What holds the value; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, parents) = self.0.split_last()?;
        Some(Self(parents.to_vec()))
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl FromIterator<Step> for Path {
    fn from_iter<T: IntoIterator<Item = Step>>(steps: T) -> Self {
        Self(steps.into_iter().collect())
    }
}

/// As people write it: `providers.openai.models[id=x]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    let dot = if index == 0 { "" } else { "." };
                    write!(f, "{dot}{}", shown_key(key))?;
                }
                Step::Item(members) => {
                    let members: Vec<_> = members
                        .iter()
                        .map(|(member, text)| format!("{member}={text}"))
                        .collect();
                    write!(f, "[{}]", members.join(", "))?;
                }
            }
        }
        Ok(())
    }
}

/// A key that holds anything but letters, digits, `_` and `-` is quoted, as in TOML.
pub(super) fn shown_key(key: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(is_plain) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(quoted(key))
}

/// A text in double quotes, with the escapes that JSON, TOML and YAML share.
pub(super) fn quoted(text: &str) -> String {
    // serde_json leaves DEL as it is, which TOML forbids.
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}
