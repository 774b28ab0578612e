//! Decodes the settings of a request: `generationConfig`.
//!
//! Source: Gemini API, `GenerationConfig`, `ThinkingConfig`. Ranges are checked by the target.

use super::proto_json::{count, enum_name, fields, number};
use super::request_decode::Decoder;
use super::rules::STOPS_MAX;
use crate::canon::{Format, Located, Reasoning, ReasoningDisplay, ReasoningMode, SchemaFormat};
use crate::json::{Invalid, Raw, Value};
use crate::protocol::{DecodeError, efforts, schema};

/// The fields of `generationConfig` that mean something only together.
#[derive(Default)]
struct CombinedFields<'d> {
    mime: Option<Value<'d>>,
    schema: Option<Located<Raw>>,
    /// `responseLogprobs`.
    is_logprobs_on: bool,
    /// `logprobs`: how many alternatives of each token.
    logprobs: Option<Value<'d>>,
}

pub(super) fn located<T>(at: Value<'_>, value: T) -> Option<Located<T>> {
    Some(Located::new(value, at.offset()))
}

impl Decoder {
    pub(super) fn generation_config(&mut self, config: Value<'_>) -> Result<(), DecodeError> {
        let mut combined = CombinedFields::default();
        for (key, value) in fields(config)? {
            if !self.sampling(&key, value)? {
                self.setting(&key, value, &mut combined)?;
            }
        }
        self.format(config, &combined)?;
        self.logprobs(config, &combined)
    }

    /// Decodes a sampling field, whose number stays as written. Returns whether the key is one.
    fn sampling(&mut self, key: &str, value: Value<'_>) -> Result<bool, Invalid> {
        let sampling = &mut self.request.sampling;
        let slot = match key {
            "temperature" => &mut sampling.temperature,
            "topP" => &mut sampling.top_p,
            "topK" => &mut sampling.top_k,
            "seed" => &mut sampling.seed,
            "presencePenalty" => &mut sampling.presence_penalty,
            "frequencyPenalty" => &mut sampling.frequency_penalty,
            _ => return Ok(false),
        };
        *slot = located(value, number(value)?);
        Ok(true)
    }

    fn setting<'d>(
        &mut self,
        key: &str,
        value: Value<'d>,
        combined: &mut CombinedFields<'d>,
    ) -> Result<(), DecodeError> {
        match key {
            "maxOutputTokens" => self.request.output_tokens_max = located(value, count(value)?),
            "candidateCount" => self.request.choices = located(value, count(value)?),
            "stopSequences" => self.stops(value)?,
            "thinkingConfig" => self.thinking(value)?,
            "responseModalities" => self.modalities(value)?,
            "responseMimeType" => combined.mime = Some(value),
            "responseSchema" => combined.schema = located(value, schema::from_gemini(value)),
            "responseJsonSchema" => combined.schema = located(value, value.raw()),
            "responseLogprobs" => combined.is_logprobs_on = value.bool()?,
            "logprobs" => combined.logprobs = Some(value),
            "responseFormat" => {
                let why = "use `responseMimeType` and `responseJsonSchema`";
                return Err(DecodeError::unsupported(value.offset(), why));
            }
            _ => self.unknown(value),
        }
        Ok(())
    }

    fn stops(&mut self, stops: Value<'_>) -> Result<(), Invalid> {
        for stop in stops.items()? {
            let text = Located::new(stop.text()?, stop.offset());
            self.request.stops.push(text);
        }
        if self.request.stops.len() > STOPS_MAX {
            let why = format!("expected at most {STOPS_MAX} stop sequences");
            return Err(Invalid::new(stops.offset(), why));
        }
        Ok(())
    }

    /// Decodes `responseModalities`. Every model answers in text, so canon names only the others.
    fn modalities(&mut self, modalities: Value<'_>) -> Result<(), Invalid> {
        for modality in modalities.items()? {
            if enum_name(modality)? != "TEXT" {
                let name = Located::new(modality.text()?, modality.offset());
                self.request.modalities.push(name);
            }
        }
        Ok(())
    }

    fn format(&mut self, config: Value<'_>, combined: &CombinedFields<'_>) -> Result<(), Invalid> {
        let mime = match combined.mime {
            Some(mime) => mime.str()?.to_ascii_lowercase(),
            None => String::new(),
        };
        let schema = combined.schema.as_ref();
        let format = match (&*mime, schema) {
            ("text/x.enum", Some(schema)) => Format::Enum(schema.value.clone()),
            ("application/json" | "", Some(schema)) => Format::Schema(SchemaFormat {
                name: None,
                description: None,
                schema: schema.value.clone(),
                strict: None,
            }),
            ("application/json", None) => Format::Json,
            ("text/plain", None) => Format::Free,
            ("", None) => return Ok(()),
            _ => return Err(format_mismatch(config, combined)),
        };
        let at = schema
            .map(|schema| schema.at)
            .or(combined.mime.map(Value::offset));
        self.request.format = at.map(|at| Located::new(format, at));
        Ok(())
    }

    fn logprobs(
        &mut self,
        config: Value<'_>,
        combined: &CombinedFields<'_>,
    ) -> Result<(), DecodeError> {
        if combined.is_logprobs_on {
            let alternatives = combined.logprobs.map_or(Ok(0), count)?;
            let at = combined.logprobs.unwrap_or(config);
            self.request.logprobs = located(at, alternatives);
        } else if let Some(value) = combined.logprobs {
            self.unknown(value);
        }
        Ok(())
    }

    fn thinking(&mut self, config: Value<'_>) -> Result<(), DecodeError> {
        let mut reasoning = Reasoning::default();
        for (key, value) in fields(config)? {
            match &*key {
                "includeThoughts" => {
                    let display = if value.bool()? {
                        ReasoningDisplay::Summary(None)
                    } else {
                        ReasoningDisplay::No
                    };
                    reasoning.display = located(value, display);
                }
                "thinkingBudget" => thinking_budget(value, &mut reasoning)?,
                "thinkingLevel" => thinking_level(value, &mut reasoning)?,
                _ => self.unknown(value),
            }
        }
        self.request.reasoning = located(config, reasoning);
        Ok(())
    }
}

/// The error of a media type that does not exist, or that does not go with or without a schema.
fn format_mismatch(config: Value<'_>, combined: &CombinedFields<'_>) -> Invalid {
    const EXPECTED: &str = "`text/plain`, or `application/json`, or `text/x.enum` with a schema";
    combined.mime.unwrap_or(config).expected(EXPECTED)
}

/// Source: Gemini API, `ThinkingConfig.thinking_budget`: 0 = off, -1 = the model decides.
fn thinking_budget(value: Value<'_>, reasoning: &mut Reasoning) -> Result<(), Invalid> {
    if number(value)?.as_str() == "-1" {
        reasoning.mode = ReasoningMode::Dynamic;
        return Ok(());
    }
    let tokens = count(value)?;
    reasoning.mode = if tokens == 0 {
        ReasoningMode::Off
    } else {
        ReasoningMode::Fixed
    };
    reasoning.budget_tokens = located(value, tokens);
    reasoning.budget_effort = Some(efforts::nearest(tokens, |row| row.gemini_budget));
    Ok(())
}

fn thinking_level(value: Value<'_>, reasoning: &mut Reasoning) -> Result<(), Invalid> {
    let level = enum_name(value)?;
    if level == "THINKING_LEVEL_UNSPECIFIED" {
        return Ok(());
    }
    let effort = efforts::from_gemini_level(&level)
        .ok_or_else(|| value.expected("`MINIMAL`, `LOW`, `MEDIUM` or `HIGH`"))?;
    reasoning.effort = located(value, effort);
    Ok(())
}
