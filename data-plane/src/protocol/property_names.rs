//! Names of a tool's arguments that a target refuses, and what they are called toward it.
//!
//! Only the properties at the root of a schema: no API checks those below. The call comes back with
//! the client's names, by [`Restore`](super::names::Restore).

use std::collections::HashMap;

use super::names::{NameRules, fit};
use crate::json::{self, EscapedStr, Raw, Value};

/// The properties of one tool that have another name toward the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyNames {
    to_wire: HashMap<String, String>,
    to_client: HashMap<String, String>,
}

impl PropertyNames {
    /// Those at the root of a schema that break the rules. `None` where all keep them.
    pub fn of(root: Value<'_>, rules: NameRules) -> Option<Self> {
        let properties = root.get("properties")?.members().ok()?;
        let mut names = Self::default();
        for (name, _) in properties {
            if let Some(wire) = fit(&name, rules, false) {
                names.to_client.insert(wire.clone(), name.to_string());
                names.to_wire.insert(name.into_owned(), wire);
            }
        }
        (!names.to_wire.is_empty()).then_some(names)
    }

    /// The schema with the target's names.
    pub fn schema(&self, root: Value<'_>) -> Raw {
        let Ok(members) = root.members() else {
            return root.raw();
        };
        json::value(|value| {
            value.object(|object| {
                for (key, member) in members {
                    match &*key {
                        "properties" => object.raw(&key, &renamed(member, &self.to_wire)),
                        "required" => object.raw(&key, &self.required(member)),
                        _ => object.raw(&key, &member.raw()),
                    }
                }
            });
        })
    }

    fn required(&self, list: Value<'_>) -> Raw {
        let Ok(names) = list.items() else {
            return list.raw();
        };
        json::value(|value| {
            value.array(|array| {
                for name in names {
                    let wire = name.str().ok().and_then(|name| self.to_wire.get(&*name));
                    match wire {
                        Some(wire) => array.item().str(wire),
                        None => array.item().raw(&name.raw()),
                    }
                }
            });
        })
    }

    /// The arguments of a call in the target's names.
    pub fn arguments(&self, object: &Raw) -> Raw {
        renamed(object.document().root(), &self.to_wire)
    }

    /// The arguments of an answer in the client's names; as they are where they are no object.
    pub fn restored(&self, arguments: &EscapedStr) -> EscapedStr {
        match arguments.to_object() {
            Ok(document) => renamed(document.root(), &self.to_client).to_text(),
            Err(_) => arguments.clone(),
        }
    }
}

/// The object with other keys.
fn renamed(object: Value<'_>, names: &HashMap<String, String>) -> Raw {
    let Ok(members) = object.members() else {
        return object.raw();
    };
    json::value(|value| {
        value.object(|out| {
            for (key, member) in members {
                let name = names.get(&*key).map_or(&*key, String::as_str);
                out.raw(name, &member.raw());
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: NameRules = NameRules {
        len_max: 64,
        also: b"_.-",
        starts_with_letter: false,
    };

    #[test]
    fn names_at_the_root_go_both_ways() {
        let schema = Raw::from_static(
            r#"{"type":"object","properties":{"$top":{"type":"integer"},"a.b":{"properties":{"$c":{}}}},"required":["$top","a.b"]}"#,
        );
        let document = schema.document();
        let names = PropertyNames::of(document.root(), RULES).unwrap();
        let wire = names.schema(document.root());
        let top = names.to_wire["$top"].clone();
        let expected = format!(
            r#"{{"type":"object","properties":{{"{top}":{{"type":"integer"}},"a.b":{{"properties":{{"$c":{{}}}}}}}},"required":["{top}","a.b"]}}"#
        );
        assert_eq!(wire.as_str(), expected);
        assert_eq!(PropertyNames::of(wire.document().root(), RULES), None);

        let arguments = Raw::from_static(r#"{"$top":1.50,"x":{"$top":2}}"#);
        let sent = names.arguments(&arguments);
        assert!(
            !sent.as_str().starts_with(r#"{"$top""#),
            "{}",
            sent.as_str()
        );
        assert_eq!(names.restored(&sent.to_text()), arguments.to_text());
        let cut = EscapedStr::from(r#"{"x":"#);
        assert_eq!(names.restored(&cut), cut);
    }
}
