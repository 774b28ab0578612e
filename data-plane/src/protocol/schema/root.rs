//! The root of a tool's schema, which every target wants to be an object and nothing besides.
//!
//! Source: "input_schema does not support oneOf, allOf, or anyOf at the top level" (Anthropic);
//! "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top
//! level" (OpenAI), each a 400 for all tools of the request.

use std::collections::{HashMap, HashSet};

use crate::json::{self, Raw, Value};

/// The keywords of the root that no target takes, or that the fold writes itself.
const FOLDED: [&str; 11] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
    "enum",
    "const",
    "not",
];

/// The schema of a tool's arguments with an object at its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct ObjectRoot {
    pub(in crate::protocol) schema: Raw,
    /// Whether it says less than before: which properties go together is lost with a union.
    pub(in crate::protocol) is_looser: bool,
}

/// The schema with an object at its root: unions and references there are folded into one object
/// that takes what any of them takes.
///
/// # Errors
/// Why the root is no object: the reason completes a sentence that begins with the schema's path.
pub(in crate::protocol) fn object_root(schema: &Raw) -> Result<ObjectRoot, String> {
    let document = schema.document();
    let root = document.root();
    let Ok(members) = root.members() else {
        return if root.bool() == Ok(true) {
            Ok(empty())
        } else {
            Err("expected an object as JSON Schema of the arguments".to_owned())
        };
    };
    let is_object = root
        .get("type")
        .map(|kind| kind.str().as_deref() == Ok("object"));
    let is_plain = !members.into_iter().any(|(key, value)| match &*key {
        "anyOf" | "oneOf" | "allOf" | "$ref" | "enum" | "const" | "not" => !value.is_null(),
        _ => false,
    });
    let has_properties = root.get("properties").is_some();
    if is_plain && is_object == Some(true) && has_properties {
        return Ok(ObjectRoot {
            schema: schema.clone(),
            is_looser: false,
        });
    }
    let mut folder = Folder {
        root,
        steps_left: schema.as_str().len().max(256),
    };
    let form = folder.form(root, 0)?;
    Ok(ObjectRoot {
        schema: form.write(root),
        is_looser: !is_plain || is_object == Some(false),
    })
}

fn empty() -> ObjectRoot {
    ObjectRoot {
        schema: Raw::from_static(super::EMPTY),
        is_looser: false,
    }
}

/// What an object takes: its properties in order, each with the schemas that it may have.
#[derive(Debug, Default)]
struct Form {
    properties: Vec<(String, Alternatives)>,
    index: HashMap<String, usize>,
    required: Vec<String>,
    /// Whether other properties are forbidden (`additionalProperties: false`).
    is_closed: bool,
}

/// The schemas of one property, without repetitions.
#[derive(Debug, Default)]
struct Alternatives {
    schemas: Vec<Raw>,
    seen: HashSet<Raw>,
}

impl Alternatives {
    fn add(&mut self, schema: Raw) {
        if self.seen.insert(schema.clone()) {
            self.schemas.push(schema);
        }
    }
}

impl Form {
    fn property(&mut self, name: &str) -> &mut Alternatives {
        let index = *self.index.entry(name.to_owned()).or_insert_with(|| {
            let slot = (name.to_owned(), Alternatives::default());
            self.properties.push(slot);
            self.properties.len() - 1
        });
        &mut self.properties[index].1
    }

    /// Adds what another form takes. A property of both may have the schemas of both.
    fn absorb(&mut self, other: Vec<(String, Alternatives)>) {
        for (name, alternatives) in other {
            let property = self.property(&name);
            alternatives
                .schemas
                .into_iter()
                .for_each(|schema| property.add(schema));
        }
    }

    /// Both have to hold: of `allOf`, and of a union beside the schema's own properties.
    fn and(&mut self, other: Self) {
        self.absorb(other.properties);
        self.required.extend(other.required);
        self.is_closed |= other.is_closed;
    }

    /// One of them has to hold: required is what all of them require.
    fn any_of(forms: Vec<Self>) -> Self {
        let mut union = Self {
            is_closed: forms.iter().all(|form| form.is_closed),
            ..Self::default()
        };
        let mut required_by: HashMap<&str, usize> = HashMap::new();
        for form in &forms {
            for name in form
                .required
                .iter()
                .map(String::as_str)
                .collect::<HashSet<_>>()
            {
                *required_by.entry(name).or_default() += 1;
            }
        }
        let by_all = |name: &&String| required_by.get(name.as_str()) == Some(&forms.len());
        let first = forms.first().map(|form| &form.required);
        union.required = first
            .into_iter()
            .flatten()
            .filter(by_all)
            .cloned()
            .collect();
        for form in forms {
            union.absorb(form.properties);
        }
        union
    }

    /// Writes the object, with the other keywords of the root.
    fn write(&self, root: Value<'_>) -> Raw {
        json::value(|value| {
            value.object(|object| {
                object.str("type", "object");
                for (key, member) in root.members().into_iter().flatten() {
                    if !FOLDED.contains(&&*key) {
                        object.raw(&key, &member.raw().compact());
                    }
                }
                object.object("properties", |properties| {
                    for (name, alternatives) in &self.properties {
                        match &alternatives.schemas[..] {
                            [only] => properties.raw(name, only),
                            schemas => properties.object(name, |property| {
                                property.array("anyOf", |list| {
                                    schemas.iter().for_each(|schema| list.item().raw(schema));
                                });
                            }),
                        }
                    }
                });
                let mut seen = HashSet::new();
                let required = || {
                    self.required
                        .iter()
                        .filter(|name| self.index.contains_key(*name))
                };
                if required().next().is_some() {
                    object.array("required", |list| {
                        for name in required().filter(|name| seen.insert(*name)) {
                            list.item().str(name);
                        }
                    });
                }
                match root.get("additionalProperties") {
                    _ if self.is_closed => object.bool("additionalProperties", false),
                    Some(others) => object.raw("additionalProperties", &others.raw().compact()),
                    None => {}
                }
            });
        })
    }
}

/// Reads forms out of a schema. The steps are limited, as references can repeat a schema without
/// end.
struct Folder<'d> {
    root: Value<'d>,
    steps_left: usize,
}

impl<'d> Folder<'d> {
    fn form(&mut self, schema: Value<'d>, depth: usize) -> Result<Form, String> {
        const DEPTH_MAX: usize = 16;
        if depth > DEPTH_MAX {
            return Err("its root refers to itself".to_owned());
        }
        self.step()?;
        let mut form = Form::default();
        if schema.bool() == Ok(true) {
            return Ok(form);
        }
        if !is_object_or_open(schema) {
            return Err("expected an object at its root, as arguments are one".to_owned());
        }
        if let Some(reference) = schema.get("$ref") {
            let target = self.resolve(reference)?;
            form.and(self.form(target, depth + 1)?);
        }
        self.own(schema, &mut form)?;
        for part in list(schema, "allOf") {
            form.and(self.form(part, depth + 1)?);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(union) = self.union(schema, keyword, depth)? {
                form.and(union);
            }
        }
        Ok(form)
    }

    /// The properties that the schema names itself.
    fn own(&mut self, schema: Value<'d>, form: &mut Form) -> Result<(), String> {
        let properties = schema
            .get("properties")
            .and_then(|properties| properties.members().ok());
        for (name, property) in properties.into_iter().flatten() {
            self.step()?;
            form.property(&name).add(property.raw().compact());
        }
        for name in list(schema, "required") {
            self.step()?;
            form.required
                .extend(name.str().map(std::borrow::Cow::into_owned));
        }
        let others = schema.get("additionalProperties");
        form.is_closed |= others.is_some_and(|others| others.bool() == Ok(false));
        Ok(())
    }

    /// The union of the branches that are objects; arguments can be nothing else.
    fn union(
        &mut self,
        schema: Value<'d>,
        keyword: &str,
        depth: usize,
    ) -> Result<Option<Form>, String> {
        let (mut forms, mut problem) = (Vec::new(), None);
        for branch in list(schema, keyword) {
            match self.form(branch, depth + 1) {
                Ok(form) => forms.push(form),
                Err(why) => problem = Some(why),
            }
        }
        match problem {
            Some(why) if forms.is_empty() => Err(why),
            _ if forms.is_empty() => Ok(None),
            _ => Ok(Some(Form::any_of(forms))),
        }
    }

    /// The schema that a reference within the same document names.
    fn resolve(&mut self, reference: Value<'d>) -> Result<Value<'d>, String> {
        let name = reference.str().unwrap_or_default();
        let unresolved = || format!("its root refers to `{name}`, which is not in it");
        let pointer = name.strip_prefix('#').ok_or_else(unresolved)?;
        pointer
            .split('/')
            .skip(1)
            .try_fold(self.root, |value, key| {
                value.get(&key.replace("~1", "/").replace("~0", "~"))
            })
            .ok_or_else(unresolved)
    }

    fn step(&mut self) -> Result<(), String> {
        let left = self.steps_left.checked_sub(1);
        self.steps_left = left.ok_or("its root refers to itself too often")?;
        Ok(())
    }
}

/// Whether arguments, which are an object, can satisfy the schema's `type`.
fn is_object_or_open(schema: Value<'_>) -> bool {
    let Ok(_) = schema.members() else {
        return false;
    };
    let is_object = |kind: Value<'_>| {
        kind.str()
            .is_ok_and(|kind| kind.eq_ignore_ascii_case("object"))
    };
    match schema.get("type") {
        None => true,
        Some(kind) => is_object(kind) || kind.items().is_ok_and(|mut kinds| kinds.any(is_object)),
    }
}

fn list<'d>(schema: Value<'d>, keyword: &str) -> impl Iterator<Item = Value<'d>> {
    let items = schema.get(keyword).and_then(|list| list.items().ok());
    items.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(schema: &'static str) -> Result<(String, bool), String> {
        let root = object_root(&Raw::from_static(schema))?;
        Ok((root.schema.as_str().to_owned(), root.is_looser))
    }

    #[test]
    fn unions_at_the_root_become_one_object() {
        #[rustfmt::skip]
        let cases = [
            // Either of two forms: what both require stays required.
            (r#"{"anyOf":[{"type":"object","properties":{"a":{"type":"string"},"k":{}},"required":["k","a"]},{"type":"object","properties":{"b":{},"k":{"type":"string"}},"required":["k"]}],"description":"d"}"#,
             r#"{"type":"object","description":"d","properties":{"a":{"type":"string"},"k":{"anyOf":[{},{"type":"string"}]},"b":{}},"required":["k"]}"#),
            // "At least one of": only the requirement is lost.
            (r#"{"type":"object","properties":{"a":{},"b":{},"c":{}},"required":["c"],"oneOf":[{"required":["a"]},{"required":["b"]}]}"#,
             r#"{"type":"object","properties":{"a":{},"b":{},"c":{}},"required":["c"]}"#),
            (r##"{"allOf":[{"$ref":"#/$defs/base"},{"properties":{"b":{}},"required":["b"]}],"$defs":{"base":{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}}}"##,
             r#"{"type":"object","$defs":{"base":{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}},"properties":{"a":{},"b":{}},"required":["a","b"],"additionalProperties":false}"#),
            (r##"{"$ref":"#/definitions/x~1y","definitions":{"x/y":{"type":"object","properties":{"a":{}}}}}"##,
             r#"{"type":"object","definitions":{"x/y":{"type":"object","properties":{"a":{}}}},"properties":{"a":{}}}"#),
            (r#"{"type":["object","null"],"properties":{"a":{}}}"#,
             r#"{"type":"object","properties":{"a":{}}}"#),
            (r#"{"anyOf":[{"type":"null"},{"type":"object","properties":{"a":{}}}]}"#,
             r#"{"type":"object","properties":{"a":{}}}"#),
            (r#"{"type":"object","properties":{"a":{}},"not":{"required":["a"]},"enum":[{}]}"#,
             r#"{"type":"object","properties":{"a":{}}}"#),
        ];
        for (schema, expected) in cases {
            assert_eq!(folded(schema), Ok((expected.to_owned(), true)), "{schema}");
        }
    }

    #[test]
    fn an_object_stays_and_gets_what_every_target_wants() {
        for (schema, expected) in [
            (
                r#"{"type":"object","properties":{}}"#,
                r#"{"type":"object","properties":{}}"#,
            ),
            (
                r#"{"properties":{"a":{}}}"#,
                r#"{"type":"object","properties":{"a":{}}}"#,
            ),
            (
                r#"{"type":"object","additionalProperties":{"type":"string"}}"#,
                r#"{"type":"object","properties":{},"additionalProperties":{"type":"string"}}"#,
            ),
            ("true", super::super::EMPTY),
        ] {
            assert_eq!(folded(schema), Ok((expected.to_owned(), false)), "{schema}");
        }
    }

    #[test]
    fn a_root_that_is_no_object_is_refused() {
        for schema in [
            r#"{"type":"array","items":{}}"#,
            r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
            r#"{"$ref":"https://x.test/schema"}"#,
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}"##,
            "[]",
        ] {
            assert!(folded(schema).is_err(), "{schema}");
        }
    }

    /// Each name stands for twice the next one: a thousand million forms.
    #[test]
    fn references_are_not_followed_without_end() {
        let mut schema = r##"{"$ref":"#/$defs/d0","$defs":{"d15":{"type":"object"}"##.to_owned();
        for depth in 0..15 {
            let next = depth + 1;
            schema += &format!(
                r##","d{depth}":{{"anyOf":[{{"$ref":"#/$defs/d{next}"}},{{"$ref":"#/$defs/d{next}"}}]}}"##
            );
        }
        let schema = json::Document::parse((schema + "}}").into()).unwrap();
        assert!(object_root(&schema.root().raw()).is_err());
    }
}
