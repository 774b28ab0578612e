//! What an edit must leave: the same changes, made to the values instead of to the text.

use serde_json::{Map, Value};

use super::path::{Path, Step};
use crate::language::said;

said! {
    /// An edit that cannot be made. The document is unchanged.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Refused;
    OtherType { at: String, expected: Kind, found: Kind }: "`{at}` is {found}, expected {expected}" |
        "`{at}` ist {found}, erwartet wird {expected}";
    OtherRoot { expected: Kind, found: Kind }: "`the file` is {found}, expected {expected}" |
        "die Datei ist {found}, erwartet wird {expected}";
    Ambiguous { at: String }: "several items fit `{at}`" | "auf `{at}` passen mehrere Einträge";
    Unwritable { at: String, what: Kind }: "`{at}`: this file has no way to write {what}" |
        "`{at}`: In dieser Datei lässt sich {what} nicht schreiben";
    /// How the file is written leaves no place that is known to be safe.
    Inexact { at: String }: "`{at}` cannot be changed without changing more of the file" |
        "`{at}` lässt sich nicht ändern, ohne mehr an der Datei zu ändern";
}

said! {
    /// What a value is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Kind;
    Null: "null" | "null";
    Bool: "a boolean" | "ein Wahrheitswert";
    Number: "a number" | "eine Zahl";
    Text: "a text" | "ein Text";
    List: "a list" | "eine Liste";
    Object: "an object" | "ein Objekt";
    ListItem: "an item of a list" | "ein Listeneintrag";
}

impl Refused {
    pub(super) fn inexact(path: &Path) -> Self {
        Self::Inexact {
            at: path.to_string(),
        }
    }

    fn ambiguous(taken: &[Step]) -> Self {
        let at: Path = taken.iter().cloned().collect();
        Self::Ambiguous { at: at.to_string() }
    }

    fn other_type(taken: &[Step], expected: Kind, found: &Value) -> Self {
        let found = kind(found);
        if taken.is_empty() {
            return Self::OtherRoot { expected, found };
        }
        let at: Path = taken.iter().cloned().collect();
        let at = at.to_string();
        Self::OtherType {
            at,
            expected,
            found,
        }
    }
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Null,
        Value::Bool(_) => Kind::Bool,
        Value::Number(_) => Kind::Number,
        Value::String(_) => Kind::Text,
        Value::Array(_) => Kind::List,
        Value::Object(_) => Kind::Object,
    }
}

/// The first value that the steps lead to.
pub(super) fn get<'v>(root: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(root, |at, step| match step {
        Step::Key(key) => at.as_object()?.get(&**key),
        Step::Item(_) => at.as_array()?.iter().find(|item| fits(item, step)),
    })
}

/// Whether an item of a list is the one that `step` means.
pub(super) fn fits(item: &Value, step: &Step) -> bool {
    let Step::Item(members) = step else {
        return false;
    };
    members
        .iter()
        .all(|(member, text)| item.get(&**member).and_then(Value::as_str) == Some(text))
}

/// `value` with what the steps before it ask for: objects around keys, lists around items.
pub(super) fn wrapped(steps: &[Step], value: &Value) -> Value {
    steps.iter().rev().fold(value.clone(), |inner, step| {
        let member = as_member(step, inner);
        match step {
            Step::Key(key) => Value::Object(Map::from_iter([(key.to_string(), member)])),
            Step::Item(_) => Value::Array(vec![member]),
        }
    })
}

/// A new item has the members by which it is found again.
pub(super) fn as_member(step: &Step, value: Value) -> Value {
    match (step, value) {
        (Step::Item(members), Value::Object(mut object)) => {
            for (member, text) in members {
                let name = member.to_string();
                object.entry(name).or_insert_with(|| text.as_str().into());
            }
            Value::Object(object)
        }
        (_, value) => value,
    }
}

/// Whether it is an object or a list that holds nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The document with `value` at `path`. In YAML a key with nothing behind it is null, and may
/// become a parent.
pub(super) fn with(
    root: Option<&Value>,
    path: &Path,
    value: &Value,
    null_is_nothing: bool,
) -> Result<Value, Refused> {
    let Some(root) = root else {
        return Ok(wrapped(path.steps(), value));
    };
    let mut root = root.clone();
    let mut at = &mut root;
    let steps = path.steps();
    for (depth, step) in steps.iter().enumerate() {
        let (taken, rest) = (&steps[..depth], &steps[depth + 1..]);
        let new = || as_member(step, wrapped(rest, value));
        at = match (step, at) {
            (_, nothing @ Value::Null) if null_is_nothing => {
                *nothing = wrapped(&steps[depth..], value);
                return Ok(root);
            }
            (Step::Key(key), Value::Object(members)) => {
                if !members.contains_key(&**key) {
                    members.insert(key.to_string(), new());
                    return Ok(root);
                }
                &mut members[&**key]
            }
            (Step::Item(_), Value::Array(items)) => {
                let mut places = (0..items.len()).filter(|place| fits(&items[*place], step));
                match (places.next(), places.next()) {
                    (Some(place), None) => &mut items[place],
                    (Some(_), Some(_)) => return Err(Refused::ambiguous(&steps[..=depth])),
                    (None, _) => {
                        items.push(new());
                        return Ok(root);
                    }
                }
            }
            (Step::Key(_), found) => return Err(Refused::other_type(taken, Kind::Object, found)),
            (Step::Item(_), found) => return Err(Refused::other_type(taken, Kind::List, found)),
        };
    }
    *at = value.clone();
    Ok(root)
}

/// The document without what stands at the steps; `None` when nothing does.
pub(super) fn without(root: &Value, steps: &[Step]) -> Option<Value> {
    let (last, parents) = steps.split_last()?;
    let mut root = root.clone();
    let mut at = &mut root;
    for step in parents {
        at = match step {
            Step::Key(key) => at.as_object_mut()?.get_mut(&**key)?,
            Step::Item(_) => at
                .as_array_mut()?
                .iter_mut()
                .find(|item| fits(item, step))?,
        };
    }
    match last {
        Step::Key(key) => {
            at.as_object_mut()?.remove(&**key)?;
        }
        Step::Item(_) => {
            let items = at.as_array_mut()?;
            let found = items.iter().position(|item| fits(item, last))?;
            items.remove(found);
        }
    }
    Some(root)
}

/// Whether `found` is `expected`, or lacks no more than parents of `steps` that are empty now.
pub(super) fn is_without(found: &Value, expected: &Value, steps: &[Step]) -> bool {
    let mut expected = expected.clone();
    let mut parents = steps;
    while *found != expected {
        let Some((_, above)) = parents.split_last() else {
            return false;
        };
        parents = above;
        let is_empty =
            get(&expected, parents).is_some_and(|parent| *parent == Value::Object(Map::new()));
        match without(&expected, parents) {
            Some(without) if is_empty => expected = without,
            _ => return false,
        }
    }
    true
}
