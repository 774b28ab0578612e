//! A JSON value together with its path, so that every error says where it is.

use serde_json::Value;

use super::{Broken, Checked, Rule};

#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    at: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value, at: impl Into<String>) -> Self {
        Self {
            value,
            at: at.into(),
        }
    }

    pub(super) fn broken(&self, rule: Rule) -> Broken {
        Broken {
            rule,
            at: self.at.clone(),
        }
    }

    pub(super) fn require(&self, holds: bool, rule: Rule) -> Checked {
        if holds {
            Ok(())
        } else {
            Err(self.broken(rule))
        }
    }

    fn below(&self, key: &str, value: &'a Value) -> Self {
        Self {
            value,
            at: format!("{}.{key}", self.at),
        }
    }

    /// The member, unless it is absent or null.
    pub(super) fn child(&self, key: &str) -> Option<Self> {
        self.value
            .get(key)
            .filter(|value| !value.is_null())
            .map(|value| self.below(key, value))
    }

    /// The member, which may be null but not absent.
    pub(super) fn nullable(&self, key: &str) -> Checked<Option<Self>> {
        match self.value.get(key) {
            None => Err(self.absent(key)),
            Some(_) => Ok(self.child(key)),
        }
    }

    fn absent(&self, key: &str) -> Broken {
        Broken {
            rule: Rule::Missing,
            at: format!("{}.{key}", self.at),
        }
    }

    pub(super) fn need(&self, key: &str) -> Checked<Self> {
        self.child(key).ok_or_else(|| self.absent(key))
    }

    /// The value itself as a string.
    pub(super) fn as_text(&self) -> Checked<&'a str> {
        self.value.as_str().ok_or_else(|| self.broken(Rule::Kind))
    }

    pub(super) fn text(&self, key: &str) -> Checked<&'a str> {
        self.need(key)?.as_text()
    }

    /// A string that is not empty.
    pub(super) fn filled(&self, key: &str) -> Checked<&'a str> {
        let member = self.need(key)?;
        let text = member.as_text()?;
        member.require(!text.is_empty(), Rule::Empty)?;
        Ok(text)
    }

    /// The string, if the member is there and not null.
    pub(super) fn optional(&self, key: &str) -> Checked<Option<&'a str>> {
        self.child(key).map(|member| member.as_text()).transpose()
    }

    pub(super) fn word(&self, key: &str, allowed: &[&str]) -> Checked<&'a str> {
        let member = self.need(key)?;
        let word = member.as_text()?;
        member.require(allowed.contains(&word), Rule::Kind)?;
        Ok(word)
    }

    pub(super) fn integer(&self, key: &str) -> Checked<u64> {
        let member = self.need(key)?;
        member
            .value
            .as_u64()
            .ok_or_else(|| member.broken(Rule::Kind))
    }

    /// The count, if the member is there and not null.
    pub(super) fn count(&self, key: &str) -> Checked<Option<u64>> {
        self.child(key).map(|_| self.integer(key)).transpose()
    }

    pub(super) fn object(&self, key: &str) -> Checked<Self> {
        let member = self.need(key)?;
        member.require(member.value.is_object(), Rule::Kind)?;
        Ok(member)
    }

    pub(super) fn list(&self, key: &str) -> Checked<Vec<Self>> {
        let member = self.need(key)?;
        let elements = member
            .value
            .as_array()
            .ok_or_else(|| member.broken(Rule::Kind))?;
        Ok(elements
            .iter()
            .enumerate()
            .map(|(index, value)| Self {
                value,
                at: format!("{}[{index}]", member.at),
            })
            .collect())
    }

    /// The elements. None if the member is absent or null.
    pub(super) fn optional_list(&self, key: &str) -> Checked<Vec<Self>> {
        if self.child(key).is_some() {
            self.list(key)
        } else {
            Ok(Vec::new())
        }
    }

    pub(super) fn is_empty_object(&self) -> bool {
        self.value
            .as_object()
            .is_some_and(serde_json::Map::is_empty)
    }
}

/// Members that must stay as they were in the first record.
#[derive(Debug, Default)]
pub(super) struct Constants(Option<Vec<Value>>);

impl Constants {
    /// Each of `keys` is there, filled, and as before.
    pub(super) fn check(&mut self, node: &Node<'_>, keys: &[&str]) -> Checked {
        let values = keys
            .iter()
            .map(|key| node.need(key).map(|member| member.value.clone()))
            .collect::<Checked<Vec<_>>>()?;
        node.require(!values.iter().any(|value| value == ""), Rule::Empty)?;
        match &self.0 {
            Some(first) => node.require(*first == values, Rule::Constant),
            None => {
                self.0 = Some(values);
                Ok(())
            }
        }
    }

    pub(super) fn text(&self, position: usize) -> String {
        self.0
            .as_ref()
            .and_then(|values| values[position].as_str())
            .unwrap_or_default()
            .to_owned()
    }
}
