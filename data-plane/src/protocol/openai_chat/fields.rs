//! The members of a JSON object that are still to be read.
//!
//! A reader takes the members that it understands. [`Fields::leave`] reports the others as unknown,
//! so that no field of a request disappears silently.

use std::borrow::Cow;

use crate::canon::{Located, Unknown};
use crate::json::{EscapedStr, Invalid, Value};

/// The members of an object that were not taken yet. `null` counts as absent.
pub(in crate::protocol) struct Fields<'d> {
    object: Value<'d>,
    members: Vec<(Cow<'d, str>, Value<'d>)>,
}

impl<'d> Fields<'d> {
    pub(in crate::protocol) fn of(object: Value<'d>) -> Result<Self, Invalid> {
        let members = object.fields()?.collect();
        Ok(Self { object, members })
    }

    /// The object itself, for its offset and for errors about it.
    pub(in crate::protocol) fn object(&self) -> Value<'d> {
        self.object
    }

    /// Takes the member `key`; the last where it occurs twice.
    pub(in crate::protocol) fn take(&mut self, key: &str) -> Option<Value<'d>> {
        let at = self.members.iter().rposition(|(name, _)| name == key)?;
        Some(self.members.remove(at).1)
    }

    /// Takes the first of several keys that is present; members under the others stay.
    pub(in crate::protocol) fn take_first(&mut self, keys: &[&str]) -> Option<Value<'d>> {
        keys.iter().find_map(|key| self.take(key))
    }

    /// Takes the member `key` if its value matches; else it stays.
    pub(in crate::protocol) fn take_if(
        &mut self,
        key: &str,
        matches: impl Fn(Value<'d>) -> bool,
    ) -> Option<Value<'d>> {
        let at = self
            .members
            .iter()
            .rposition(|(name, value)| name == key && matches(*value))?;
        Some(self.members.remove(at).1)
    }

    pub(in crate::protocol) fn required(&mut self, key: &str) -> Result<Value<'d>, Invalid> {
        self.take(key).ok_or_else(|| self.object.missing(key))
    }

    pub(in crate::protocol) fn text(&mut self, key: &str) -> Result<Option<EscapedStr>, Invalid> {
        self.take(key).map(Value::text).transpose()
    }

    /// Takes the member `key` as `read` decodes it, with its offset.
    pub(in crate::protocol) fn located<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(Value<'d>) -> Result<T, Invalid>,
    ) -> Result<Option<Located<T>>, Invalid> {
        self.take(key)
            .map(|value| Located::read(value, read))
            .transpose()
    }

    /// Reports what was not taken.
    pub(in crate::protocol) fn leave(self, unknown: &mut Vec<Unknown>) {
        unknown.extend(self.members.into_iter().map(|(_, value)| value.into()));
    }
}
