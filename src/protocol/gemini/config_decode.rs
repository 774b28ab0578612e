//! A client's settings and tools into canon: `generationConfig`, `tools`, `toolConfig`.
//!
//! Source: Gemini API, `GenerationConfig`, `ThinkingConfig`, `Tool`, `FunctionCallingConfig`.
//! Ranges are the target's business.

use super::proto_json::{count, fields, number, word};
use super::request_decode::Decoder;
use crate::canon::{Format, Located, Reasoning, ReasoningDisplay, ReasoningMode, SchemaFormat};
use crate::json::{Invalid, Raw, Value};
use crate::protocol::{DecodeError, efforts, schema};

/// Source: Gemini API, `GenerationConfig.stop_sequences`.
pub(super) const STOPS_MAX: usize = 5;

/// What several fields of `generationConfig` say together.
#[derive(Default)]
struct Combined<'d> {
    mime: Option<Value<'d>>,
    schema: Option<Located<Raw>>,
    wants_logprobs: bool,
    logprobs: Option<Value<'d>>,
}

pub(super) fn located<T>(at: Value<'_>, value: T) -> Option<Located<T>> {
    Some(Located::new(value, at.offset()))
}

impl Decoder {
    pub(super) fn generation_config(&mut self, config: Value<'_>) -> Result<(), DecodeError> {
        let mut combined = Combined::default();
        for (key, value) in fields(config)? {
            if !self.sampling(&key, value)? {
                self.setting(&key, value, &mut combined)?;
            }
        }
        self.format(config, &combined)?;
        self.logprobs(config, &combined)
    }

    /// Takes a number that stays as written; whether the key named one.
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
        combined: &mut Combined<'d>,
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
            "responseLogprobs" => combined.wants_logprobs = value.bool()?,
            "logprobs" => combined.logprobs = Some(value),
            "responseFormat" => {
                return Err(DecodeError::unsupported(
                    value.offset(),
                    "use `responseMimeType` and `responseJsonSchema`",
                ));
            }
            _ => self.unknown(value),
        }
        Ok(())
    }

    fn stops(&mut self, stops: Value<'_>) -> Result<(), Invalid> {
        for stop in stops.items()? {
            self.request
                .stops
                .push(Located::new(stop.text()?, stop.offset()));
        }
        if self.request.stops.len() > STOPS_MAX {
            return Err(Invalid::new(
                stops.offset(),
                format!("expected at most {STOPS_MAX} stop sequences"),
            ));
        }
        Ok(())
    }

    /// EscapedStr is what every model writes; canon names only what comes besides.
    fn modalities(&mut self, modalities: Value<'_>) -> Result<(), Invalid> {
        for modality in modalities.items()? {
            if word(modality)? != "TEXT" {
                self.request
                    .modalities
                    .push(Located::new(modality.text()?, modality.offset()));
            }
        }
        Ok(())
    }

    fn format(&mut self, config: Value<'_>, combined: &Combined<'_>) -> Result<(), Invalid> {
        let mime = combined
            .mime
            .map(Value::str)
            .transpose()?
            .unwrap_or_default()
            .to_ascii_lowercase();
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
            _ => return Err(mismatch(config, combined)),
        };
        let at = schema
            .map(|schema| schema.at)
            .or(combined.mime.map(Value::offset));
        self.request.format = at.map(|at| Located::new(format, at));
        Ok(())
    }

    fn logprobs(&mut self, config: Value<'_>, combined: &Combined<'_>) -> Result<(), DecodeError> {
        if combined.wants_logprobs {
            let tops = combined.logprobs.map_or(Ok(0), count)?;
            self.request.logprobs = located(combined.logprobs.unwrap_or(config), tops);
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
                    let show = if value.bool()? {
                        ReasoningDisplay::Summary(None)
                    } else {
                        ReasoningDisplay::No
                    };
                    reasoning.display = located(value, show);
                }
                "thinkingBudget" => budget(value, &mut reasoning)?,
                "thinkingLevel" => level(value, &mut reasoning)?,
                _ => self.unknown(value),
            }
        }
        self.request.reasoning = located(config, reasoning);
        Ok(())
    }
}

/// A type of answer that does not exist, or that does not go with or without its schema.
fn mismatch(config: Value<'_>, combined: &Combined<'_>) -> Invalid {
    const EXPECTED: &str = "`text/plain`, or `application/json`, or `text/x.enum` with a schema";
    combined.mime.unwrap_or(config).expected(EXPECTED)
}

/// Source: Gemini API, `ThinkingConfig.thinking_budget`: 0 = off, -1 = as the model sees fit.
fn budget(value: Value<'_>, reasoning: &mut Reasoning) -> Result<(), Invalid> {
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

fn level(value: Value<'_>, reasoning: &mut Reasoning) -> Result<(), Invalid> {
    let word = word(value)?;
    if word == "THINKING_LEVEL_UNSPECIFIED" {
        return Ok(());
    }
    let effort = efforts::from_gemini_level(&word)
        .ok_or_else(|| value.expected("`MINIMAL`, `LOW`, `MEDIUM` or `HIGH`"))?;
    reasoning.effort = located(value, effort);
    Ok(())
}
