//! Encodes the settings of a request: `max_tokens`, sampling, stop sequences, service tier, and the
//! output format.
//!
//! Source: Anthropic Messages reference, "POST /v1/messages - request"; `translation.md` sections 2
//! and 5 (output format: `additionalProperties` must be false).

use super::reasoning_encode::ReasoningFields;
use super::request_encode::Encoder;
use crate::canon::{Format, Located, Offset, SchemaFormat};
use crate::json::{self, EscapedStr, Object, Raw, Value, Writer};

impl Encoder<'_> {
    /// Writes the fields that only generating takes.
    pub(super) fn write_generation(
        &mut self,
        reasoning: &ReasoningFields,
        object: &mut Object<'_>,
    ) {
        object.u64("max_tokens", reasoning.max_tokens);
        if self.target.stream {
            object.bool("stream", true);
        }
        if !self.request.stops.is_empty() {
            object.array("stop_sequences", |stops| {
                for stop in &self.request.stops {
                    stops.item().text(&stop.value);
                }
            });
        }
        self.write_sampling(reasoning.is_thinking(), object);
        if let Some(user) = &self.request.user {
            object.object("metadata", |metadata| metadata.text("user_id", &user.value));
        }
        self.write_tier(object);
    }

    /// Writes sampling, which the API refuses while the model thinks, and newer models always.
    fn write_sampling(&mut self, is_thinking: bool, object: &mut Object<'_>) {
        let sampling = &self.request.sampling;
        if !self.abilities.sampling || is_thinking {
            let numbers = [&sampling.temperature, &sampling.top_p, &sampling.top_k];
            for number in numbers.into_iter().flatten() {
                self.losses.dropped(number.at);
            }
            return;
        }
        if let Some(temperature) = &sampling.temperature {
            object.raw("temperature", &self.clamped(temperature));
        }
        match &sampling.top_p {
            // The API refuses the two together. The temperature is kept, since many clients send
            // both with a `top_p` of 1.
            Some(top_p) if sampling.temperature.is_some() => self.losses.dropped(top_p.at),
            Some(top_p) => object.raw("top_p", &top_p.value),
            None => {}
        }
        if let Some(top_k) = &sampling.top_k {
            object.raw("top_k", &top_k.value);
        }
    }

    /// A temperature within 0 to 1. One that is within keeps its digits.
    fn clamped(&mut self, temperature: &Located<Raw>) -> Raw {
        let number: f64 = temperature.value.as_str().parse().unwrap_or(1.0);
        if (0.0..=1.0).contains(&number) {
            return temperature.value.clone();
        }
        self.losses.adjusted(temperature.at);
        Raw::from_static(if number > 1.0 { "1" } else { "0" })
    }

    fn write_tier(&mut self, object: &mut Object<'_>) {
        let Some(tier) = &self.request.tier else {
            return;
        };
        if tier.value == "auto" || tier.value == "standard_only" {
            object.text("service_tier", &tier.value);
        } else {
            self.losses.dropped(tier.at);
        }
    }

    pub(super) fn write_output_config(
        &mut self,
        reasoning: &ReasoningFields,
        object: &mut Object<'_>,
    ) {
        let schema = match &self.request.format {
            Some(Located {
                value: Format::Schema(schema),
                at,
            }) => Some(self.schema(schema, *at)),
            _ => None,
        };
        if reasoning.effort.is_none() && schema.is_none() {
            return;
        }
        object.object("output_config", |config| {
            if let Some(effort) = reasoning.effort {
                config.str("effort", effort);
            }
            if let Some(schema) = schema {
                config.object("format", |format| {
                    format.str("type", "json_schema");
                    format.raw("schema", &schema);
                });
            }
        });
    }

    /// The schema as this dialect takes it: without a name and a description, always strict, and
    /// with every object closed.
    fn schema(&mut self, format: &SchemaFormat, at: Offset) -> Raw {
        for text in [&format.name, &format.description].into_iter().flatten() {
            self.losses.dropped(text.at);
        }
        if let Some(strict) = &format.strict
            && !strict.value
        {
            self.losses.adjusted(strict.at);
        }
        match close_objects(&format.schema) {
            Some(closed) => {
                self.losses.adjusted(at);
                closed
            }
            None => format.schema.clone(),
        }
    }
}

/// The system text that stands for an output format which this dialect has no field for.
pub(super) fn format_instruction(format: &Format) -> Option<EscapedStr> {
    match format {
        Format::Free | Format::Schema(_) => None,
        Format::Json => Some(EscapedStr::from_static(
            "Answer with one JSON object and nothing else.",
        )),
        Format::Enum(schema) => Some(EscapedStr::from(format!(
            "Answer with exactly one of the values that this JSON Schema allows, as plain text and nothing else: {}",
            schema.as_str()
        ))),
    }
}

/// Sets `additionalProperties` to false in every object of a schema, which the API requires.
/// `None` where it already is.
fn close_objects(schema: &Raw) -> Option<Raw> {
    let document = schema.document();
    let closed = json::value(|value| write_schema(document.root(), value));
    (closed != schema.compact()).then_some(closed)
}

fn write_schema(schema: Value<'_>, out: Writer<'_>) {
    let Ok(members) = schema.members() else {
        return out.raw(&schema.raw().compact());
    };
    let is_object = is_object(schema);
    out.object(|object| {
        let mut is_closed = false;
        for (key, value) in members {
            if is_object && key == "additionalProperties" {
                is_closed = true;
                object.bool(&key, false);
            } else {
                write_member(&key, value, object);
            }
        }
        if is_object && !is_closed {
            object.bool("additionalProperties", false);
        }
    });
}

fn is_object(schema: Value<'_>) -> bool {
    let kind = schema.get("type").and_then(|kind| kind.str().ok());
    kind.is_some_and(|kind| kind == "object") || schema.get("properties").is_some()
}

/// Writes a member of a schema. Only the members that hold schemas are descended into: a property
/// may itself be called `properties`.
fn write_member(key: &str, value: Value<'_>, object: &mut Object<'_>) {
    match (key, value.members(), value.items()) {
        ("properties" | "$defs" | "definitions", Ok(members), _) => object.object(key, |object| {
            for (name, schema) in members {
                write_schema(schema, object.key(&name));
            }
        }),
        ("anyOf" | "allOf" | "oneOf" | "prefixItems", _, Ok(items)) => object.array(key, |array| {
            for schema in items {
                write_schema(schema, array.item());
            }
        }),
        ("items" | "not", Ok(_), _) => write_schema(value, object.key(key)),
        _ => object.raw(key, &value.raw().compact()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_at_every_depth() {
        let open = r#"{"type":"object","properties":{"properties":{"type":"array","items":{"properties":{"a":{"enum":[{"type":"object"}]}}}}},"additionalProperties":true}"#;
        let expected = r#"{"type":"object","properties":{"properties":{"type":"array","items":{"properties":{"a":{"enum":[{"type":"object"}]}},"additionalProperties":false}}},"additionalProperties":false}"#;
        assert_eq!(
            close_objects(&Raw::from_static(open)),
            Some(Raw::from_static(expected))
        );
        assert_eq!(close_objects(&Raw::from_static(expected)), None);
    }
}
