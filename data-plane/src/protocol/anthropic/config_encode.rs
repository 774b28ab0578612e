//! Encodes the settings of a request: `max_tokens`, sampling, stop sequences, service tier, and the
//! output format.
//!
//! Source: Anthropic Messages reference, "POST /v1/messages - request"; `translation.md` section 2.

use super::reasoning_encode::ReasoningFields;
use super::request_encode::Encoder;
use super::rules::{self, TEMPERATURE, TOP_P, USER_ID_LEN_MAX};
use crate::canon::{Format, Located, Offset, SchemaFormat};
use crate::json::{Object, Raw};
use crate::protocol::names;

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
                    if stop.value.is_blank() {
                        // "each stop sequence must contain non-whitespace"
                        let why =
                            "the anthropic dialect takes no stop sequence of white space only";
                        self.losses.refuse(stop.at, why);
                    }
                    stops.item().text(&stop.value);
                }
            });
        }
        self.write_sampling(reasoning.is_thinking(), object);
        if let Some(user) = &self.request.user {
            let id = names::opaque_id(user, USER_ID_LEN_MAX, self.losses);
            object.object("metadata", |metadata| metadata.text("user_id", &id));
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
            object.raw("temperature", &TEMPERATURE.fit(temperature, self.losses));
        }
        match &sampling.top_p {
            // The API refuses the two together. The temperature is kept, since many clients send
            // both with a `top_p` of 1.
            Some(top_p) if sampling.temperature.is_some() => self.losses.dropped(top_p.at),
            Some(top_p) => object.raw("top_p", &TOP_P.fit(top_p, self.losses)),
            None => {}
        }
        if let Some(top_k) = &sampling.top_k {
            self.write_top_k(top_k, object);
        }
    }

    /// The API takes whole numbers only; google-genai (Python) writes `40.0`.
    fn write_top_k(&mut self, top_k: &Located<Raw>, object: &mut Object<'_>) {
        match top_k.value.document().root().u64() {
            Ok(whole) => object.u64("top_k", whole),
            Err(_) => self.losses.dropped(top_k.at),
        }
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

    /// The schema as this dialect takes it: without a name and a description, and always strict.
    fn schema(&mut self, format: &SchemaFormat, at: Offset) -> Raw {
        for text in [&format.name, &format.description].into_iter().flatten() {
            self.losses.dropped(text.at);
        }
        if let Some(strict) = &format.strict
            && !strict.value
        {
            self.losses.adjusted(strict.at);
        }
        match rules::output_schema(&format.schema) {
            Ok(None) => format.schema.clone(),
            Ok(Some(fitted)) => {
                self.losses.adjusted(at);
                fitted
            }
            Err(why) => {
                self.losses.refuse(at, why);
                format.schema.clone()
            }
        }
    }
}
