//! Schemas as text, and whether a value is of one. Every complaint names the object's member.
//!
//! ```text
//! # A comment.
//! Item = Message | Call          one of these, told apart by their literal members
//! Message
//!   type: "message"
//!   id: string                   required
//!   phase?: string|null          may be absent
//!   content: [Text|Refusal]
//! Call
//!   ...                          any further members
//! ```
//!
//! Types are `string`, `integer`, `number`, `boolean`, `null`, `object`, `any`, a literal string in
//! quotes, a list in brackets, and names. A member that a schema does not name is a complaint.

use std::collections::BTreeMap;

use serde_json::Value;

#[derive(Debug)]
pub(super) struct Schema {
    objects: BTreeMap<String, Object>,
    unions: BTreeMap<String, Vec<Type>>,
}

#[derive(Debug, Default)]
struct Object {
    members: Vec<Member>,
    is_open: bool,
}

#[derive(Debug)]
struct Member {
    name: String,
    is_required: bool,
    types: Vec<Type>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Type {
    String,
    Integer,
    Number,
    Boolean,
    Null,
    Object,
    Any,
    Literal(String),
    List(Vec<Type>),
    Named(String),
}

impl Schema {
    pub(super) fn read(text: &str) -> Self {
        let mut schema = Self {
            objects: BTreeMap::new(),
            unions: BTreeMap::new(),
        };
        let mut open: Option<String> = None;
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim_end();
            let inner = line.trim_start();
            match (&open, inner) {
                (_, "") => {}
                (Some(name), inner) if line.starts_with(' ') => {
                    let object = schema.objects.entry(name.clone()).or_default();
                    object.add(inner);
                }
                (_, inner) => match inner.split_once(" = ") {
                    Some((name, types)) => {
                        schema.unions.insert(name.to_owned(), types_of(types));
                    }
                    None => {
                        schema.objects.insert(inner.to_owned(), Object::default());
                        open = Some(inner.to_owned());
                    }
                },
            }
        }
        schema
    }

    /// What is wrong with a value that should be a `name`: `choices[0].index: absent`.
    pub(super) fn complaints(&self, name: &str, value: &Value) -> Vec<String> {
        let mut complaints = Vec::new();
        self.check("", &[Type::Named(name.to_owned())], value, &mut complaints);
        complaints
    }

    /// Of several objects that a value may be, the one with which the least is wrong counts.
    fn check(&self, at: &str, types: &[Type], value: &Value, complaints: &mut Vec<String>) {
        let types = self.resolved(types);
        let fitting = types.iter().filter(|of| self.fits(of, value));
        let least = fitting
            .map(|of| self.check_as(at, of, value))
            .min_by_key(Vec::len);
        match least {
            Some(least) => complaints.extend(least),
            None => {
                let kind = value.get("type").unwrap_or(value);
                complaints.push(format!("{at}: {kind} is none of {types:?}"));
            }
        }
    }

    /// What is wrong inside a value that is of this type at first sight.
    fn check_as(&self, at: &str, of: &Type, value: &Value) -> Vec<String> {
        let mut complaints = Vec::new();
        match of {
            Type::Named(name) => self.check_members(at, name, value, &mut complaints),
            Type::List(of) => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(&format!("{at}[{index}]"), of, item, &mut complaints);
                }
            }
            _ => {}
        }
        complaints
    }

    fn check_members(&self, at: &str, name: &str, value: &Value, complaints: &mut Vec<String>) {
        let object = &self.objects[name];
        let below = |key: &str| match at {
            "" => key.to_owned(),
            at => format!("{at}.{key}"),
        };
        for member in &object.members {
            match value.get(&member.name) {
                Some(value) => {
                    self.check(&below(&member.name), &member.types, value, complaints);
                }
                None if member.is_required => {
                    complaints.push(format!("{}: absent ({name})", below(&member.name)));
                }
                None => {}
            }
        }
        let is_known = |key: &String| object.members.iter().any(|member| member.name == *key);
        let keys = value
            .as_object()
            .into_iter()
            .flat_map(|object| object.keys());
        if !object.is_open {
            complaints.extend(
                keys.filter(|key| !is_known(key))
                    .map(|key| format!("{}: not in the schema ({name})", below(key))),
            );
        }
    }

    /// The types, with those of unions in place of their names.
    fn resolved(&self, types: &[Type]) -> Vec<Type> {
        types
            .iter()
            .flat_map(|of| match of {
                Type::Named(name) if self.unions.contains_key(name) => {
                    self.resolved(&self.unions[name])
                }
                other => vec![other.clone()],
            })
            .collect()
    }

    /// Whether a value is of that type, as far as that tells it from others.
    fn fits(&self, of: &Type, value: &Value) -> bool {
        match of {
            Type::String => value.is_string(),
            Type::Integer => value.is_i64() || value.is_u64(),
            Type::Number => value.is_number(),
            Type::Boolean => value.is_boolean(),
            Type::Null => value.is_null(),
            Type::Object => value.is_object(),
            Type::Any => true,
            Type::Literal(literal) => value.as_str() == Some(literal),
            Type::List(_) => value.is_array(),
            Type::Named(name) => value.is_object() && self.has_literals(name, value),
        }
    }

    /// Whether the required literal members of an object are those of the value.
    fn has_literals(&self, name: &str, value: &Value) -> bool {
        let object = self.objects.get(name);
        let object = object.unwrap_or_else(|| panic!("no schema `{name}`"));
        let mut required = object.members.iter().filter(|member| member.is_required);
        required.all(|member| match &member.types[..] {
            [Type::Literal(literal)] => value[&member.name] == **literal,
            _ => true,
        })
    }
}

impl Object {
    fn add(&mut self, line: &str) {
        if line == "..." {
            self.is_open = true;
            return;
        }
        let (name, types) = line.split_once(": ").unwrap_or_else(|| panic!("`{line}`"));
        self.members.push(Member {
            name: name.trim_end_matches('?').to_owned(),
            is_required: !name.ends_with('?'),
            types: types_of(types),
        });
    }
}

/// The alternatives of a type.
fn types_of(text: &str) -> Vec<Type> {
    let (mut types, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            b'|' if depth == 0 => {
                types.push(type_of(text[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    types.push(type_of(text[start..].trim()));
    types
}

fn type_of(text: &str) -> Type {
    let inside = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    match (text, inside('[', ']'), inside('"', '"')) {
        (_, Some(items), _) => Type::List(types_of(items)),
        (_, _, Some(literal)) => Type::Literal(literal.to_owned()),
        ("string", ..) => Type::String,
        ("integer", ..) => Type::Integer,
        ("number", ..) => Type::Number,
        ("boolean", ..) => Type::Boolean,
        ("null", ..) => Type::Null,
        ("object", ..) => Type::Object,
        ("any", ..) => Type::Any,
        (name, ..) => Type::Named(name.to_owned()),
    }
}

#[test]
fn what_is_absent_wrong_or_too_much_is_named() {
    let schema = Schema::read(
        "Item = Message | Call\nMessage\n  type: \"message\"\n  parts: [string|Part]\n  phase?: \"a\"|\"b\"|null\n\
         Call\n  type: \"call\"\n  ...\nPart\n  n: integer\n",
    );
    let complaints = |value: Value| schema.complaints("Item", &value).join("; ");
    let good = serde_json::json!({"type": "message", "parts": ["x", {"n": 1}], "phase": null});
    assert_eq!(complaints(good), "");
    assert_eq!(
        complaints(serde_json::json!({"type": "call", "more": 1})),
        ""
    );
    let bad =
        serde_json::json!({"type": "message", "parts": [{}, {"n": 1.5}], "phase": "c", "odd": 1});
    assert_eq!(
        complaints(bad),
        "parts[0].n: absent (Part); parts[1].n: 1.5 is none of [Integer]; \
         phase: \"c\" is none of [Literal(\"a\"), Literal(\"b\"), Null]; odd: not in the schema (Message)"
    );
    let other = complaints(serde_json::json!({"type": "other"}));
    assert!(other.starts_with(": \"other\" is none of"), "{other}");
}
