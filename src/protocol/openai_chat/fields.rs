//! One object of a request being read: what is taken is used, and what is left was not understood.
//!
//! So no field can disappear: [`Fields::leave`] reports each that no reader asked for. Knows no
//! field by name.

use std::borrow::Cow;

use crate::canon::{Located, Unknown};
use crate::json::{EscapedStr, Invalid, Value};

/// The members of an object that say something: `null` is as good as absent.
pub(in crate::protocol) struct Fields<'d> {
    object: Value<'d>,
    members: Vec<(Cow<'d, str>, Value<'d>)>,
}

impl<'d> Fields<'d> {
    pub(in crate::protocol) fn of(object: Value<'d>) -> Result<Self, Invalid> {
        let members = object.fields()?.collect();
        Ok(Self { object, members })
    }

    /// The object itself, for its place and for errors about it.
    pub(in crate::protocol) fn object(&self) -> Value<'d> {
        self.object
    }

    /// The member `key`, the last where it stands twice.
    pub(in crate::protocol) fn take(&mut self, key: &str) -> Option<Value<'d>> {
        let at = self.members.iter().rposition(|(name, _)| name == key)?;
        Some(self.members.remove(at).1)
    }

    /// The same under the first of several names that is there; fields under the other names stay.
    pub(in crate::protocol) fn take_first(&mut self, keys: &[&str]) -> Option<Value<'d>> {
        keys.iter().find_map(|key| self.take(key))
    }

    /// The member `key` where `is_wanted`; else it stays.
    pub(in crate::protocol) fn take_if(
        &mut self,
        key: &str,
        is_wanted: impl Fn(Value<'d>) -> bool,
    ) -> Option<Value<'d>> {
        let at = self
            .members
            .iter()
            .rposition(|(name, value)| name == key && is_wanted(*value))?;
        Some(self.members.remove(at).1)
    }

    pub(in crate::protocol) fn required(&mut self, key: &str) -> Result<Value<'d>, Invalid> {
        self.take(key).ok_or_else(|| self.object.missing(key))
    }

    pub(in crate::protocol) fn text(&mut self, key: &str) -> Result<Option<EscapedStr>, Invalid> {
        self.take(key).map(Value::text).transpose()
    }

    /// The member `key` as `read` understands it, and where it stood.
    pub(in crate::protocol) fn located<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(Value<'d>) -> Result<T, Invalid>,
    ) -> Result<Option<Located<T>>, Invalid> {
        self.take(key)
            .map(|value| Located::read(value, read))
            .transpose()
    }

    /// Reports what nobody took.
    pub(in crate::protocol) fn leave(self, unknown: &mut Vec<Unknown>) {
        unknown.extend(self.members.into_iter().map(|(_, value)| value.into()));
    }
}
