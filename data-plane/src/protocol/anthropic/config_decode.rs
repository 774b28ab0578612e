//! Decodes the settings of a request that are objects of their own: `thinking`, `output_config`,
//! `metadata`.
//!
//! Source: Anthropic Messages reference, "POST /v1/messages - request".

use super::request_decode::{Decoder, located};
use crate::canon::{Format, Located, Reasoning, ReasoningDisplay, ReasoningMode, SchemaFormat};
use crate::json::{Invalid, Value};
use crate::protocol::efforts;

impl Decoder {
    /// `{"type":"adaptive","display":"summarized"}`
    pub(super) fn thinking(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        self.unknown_besides(value, &["type", "budget_tokens", "display"])?;
        let mode = self.thinking_mode(value.required("type")?)?;
        if mode == ReasoningMode::Fixed {
            value.required("budget_tokens")?;
        }
        let budget_tokens = value
            .get("budget_tokens")
            .map(|budget| Located::read(budget, Value::u64))
            .transpose()?;
        let mut display = self.display(value)?;
        // This dialect shows thoughts by default, the others only on request.
        if display.is_none() && matches!(mode, ReasoningMode::Dynamic | ReasoningMode::Fixed) {
            display = Some(located(value, ReasoningDisplay::Summary(None)));
        }
        let reasoning = self.reasoning(value);
        reasoning.at = value.offset();
        let reasoning = &mut reasoning.value;
        reasoning.mode = mode;
        reasoning.budget_effort = budget_tokens
            .as_ref()
            .map(|budget| efforts::nearest(budget.value, |row| row.anthropic_budget));
        reasoning.budget_tokens = budget_tokens;
        reasoning.display = display;
        Ok(())
    }

    fn thinking_mode(&mut self, kind: Value<'_>) -> Result<ReasoningMode, Invalid> {
        match &*kind.str()? {
            "adaptive" => Ok(ReasoningMode::Dynamic),
            "enabled" => Ok(ReasoningMode::Fixed),
            "disabled" => Ok(ReasoningMode::Off),
            "between_tools" => {
                // Thinking is on. No other dialect can say that it is to happen between tool calls
                // only, so the value is kept as a loss.
                self.unknown(kind);
                Ok(ReasoningMode::Dynamic)
            }
            _ => Err(kind.expected("`adaptive`, `enabled`, `disabled` or `between_tools`")),
        }
    }

    fn display(
        &mut self,
        thinking: Value<'_>,
    ) -> Result<Option<Located<ReasoningDisplay>>, Invalid> {
        let Some(display) = thinking.get("display") else {
            return Ok(None);
        };
        let show = match &*display.str()? {
            "summarized" => ReasoningDisplay::Summary(None),
            "omitted" => ReasoningDisplay::No,
            _ => {
                self.unknown(display);
                return Ok(None);
            }
        };
        Ok(Some(located(display, show)))
    }

    /// The request's reasoning, which `thinking` and `output_config.effort` fill together.
    fn reasoning(&mut self, value: Value<'_>) -> &mut Located<Reasoning> {
        self.request
            .reasoning
            .get_or_insert_with(|| located(value, Reasoning::default()))
    }

    pub(super) fn output_config(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        for (key, value) in value.fields()? {
            match &*key {
                "effort" => self.effort(value)?,
                "format" => self.output_format(value)?,
                _ => self.unknown(value),
            }
        }
        Ok(())
    }

    fn effort(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        let Some(effort) = efforts::from_anthropic(&value.str()?) else {
            self.unknown(value);
            return Ok(());
        };
        let reasoning = &mut self.reasoning(value).value;
        reasoning.effort = Some(located(value, effort));
        if reasoning.mode == ReasoningMode::Unset {
            reasoning.mode = ReasoningMode::Unasked;
        }
        Ok(())
    }

    /// `{"type":"json_schema","schema":{…}}`
    pub(super) fn output_format(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        let kind = value.required("type")?;
        if kind.str()? != "json_schema" {
            return Err(kind.expected("`json_schema`"));
        }
        self.unknown_besides(value, &["type", "schema"])?;
        let format = SchemaFormat {
            name: None,
            description: None,
            schema: value.required("schema")?.raw(),
            strict: None,
        };
        self.request.format = Some(located(value, Format::Schema(format)));
        Ok(())
    }

    pub(super) fn metadata(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        self.unknown_besides(value, &["user_id"])?;
        self.request.user = value
            .get("user_id")
            .map(|user| Located::read(user, Value::text))
            .transpose()?;
        Ok(())
    }
}
