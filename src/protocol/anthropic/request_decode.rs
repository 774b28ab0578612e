//! A client's request, member by member; messages and tools have files of their own.
//!
//! Source: Anthropic Messages reference, "POST /v1/messages - request". A member that canon has no
//! home for is kept as unknown; none is passed over.

use super::faults;
use crate::canon::{
    CacheBreakpoint, Effort, Format, Located, Reasoning, ReasoningDisplay, ReasoningMode, Request,
    Role, SchemaFormat,
};
use crate::json::{Document, EscapedStr, Invalid, Raw, Value};
use crate::protocol::{DecodeError, Inbound, efforts, turns};

/// Reads a request to generate or to count tokens.
pub(super) fn decode(inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
    let document = Document::parse(inbound.body.clone())?;
    let root = document.root();
    root.required("model")?;
    root.required("messages")?;
    if inbound.operation.generates() {
        root.required("max_tokens")?;
    }
    let mut decoder = Decoder::default();
    for (key, value) in root.fields()? {
        decoder.member(&key, value)?;
    }
    let mut request = decoder.request;
    request.body = inbound.body.clone();
    super::tools_decode::find_hosted_choice(&mut request);
    lead_with_system(&mut request);
    turns::arrange(&mut request)?;
    Ok(request)
}

/// System messages before the first turn are system text at the front.
fn lead_with_system(request: &mut Request) {
    let is_system = |role: Role| matches!(role, Role::System | Role::Developer);
    let leading = request
        .turns
        .iter()
        .take_while(|turn| is_system(turn.role))
        .count();
    request
        .system
        .extend(request.turns.drain(..leading).flat_map(|turn| turn.parts));
}

/// Collects the request; each method reads one construct.
#[derive(Default)]
pub(super) struct Decoder {
    pub(super) request: Request,
}

impl Decoder {
    fn member(&mut self, key: &str, value: Value<'_>) -> Result<(), DecodeError> {
        match key {
            "model" => self.request.model = value.str()?.into_owned(),
            "max_tokens" => {
                self.request.output_tokens_max = Some(Located::read(value, Value::u64)?)
            }
            "system" => self.request.system = self.system_text(value)?,
            "messages" => self.request.turns = self.messages(value)?,
            "stream" => self.request.stream = value.bool()?,
            "stop_sequences" => self.request.stops = stops(value)?,
            "temperature" => self.request.sampling.temperature = Some(number(value)?),
            "top_p" => self.request.sampling.top_p = Some(number(value)?),
            "top_k" => self.request.sampling.top_k = Some(number(value)?),
            "tools" => self.request.tools = self.tools(value)?,
            "tool_choice" => self.tool_choice(value)?,
            "thinking" => self.thinking(value)?,
            "output_config" => self.output_config(value)?,
            // The name that the beta `structured-outputs-2025-11-13` gave to
            // `output_config.format`.
            "output_format" => self.format(value)?,
            "metadata" => self.metadata(value)?,
            "service_tier" => self.request.tier = Some(Located::read(value, Value::text)?),
            "cache_control" => self.request.cache_breakpoint = Some(self.cache_breakpoint(value)?),
            "thread" => return Err(faults::thread_unsupported(value.offset())),
            _ => self.unknown(value),
        }
        Ok(())
    }

    /// Keeps a value that has no home, so that every encoder can name it.
    pub(super) fn unknown(&mut self, value: Value<'_>) {
        self.request.unknown.push(value.into());
    }

    /// Keeps the members of an object that are not among the `known`.
    pub(super) fn unknown_besides(
        &mut self,
        value: Value<'_>,
        known: &[&str],
    ) -> Result<(), Invalid> {
        value
            .fields()?
            .filter(|(key, _)| !known.contains(&&**key))
            .for_each(|(_, value)| self.unknown(value));
        Ok(())
    }

    pub(super) fn cache_breakpoint(
        &mut self,
        value: Value<'_>,
    ) -> Result<CacheBreakpoint, Invalid> {
        self.unknown_besides(value, &["type", "ttl"])?;
        if let Some(kind) = value
            .get("type")
            .filter(|kind| kind.str().is_ok_and(|kind| kind != "ephemeral"))
        {
            self.unknown(kind);
        }
        let ttl = value.get("ttl").map(Value::text).transpose()?;
        Ok(CacheBreakpoint {
            at: value.offset(),
            ttl,
        })
    }

    /// `{"type":"adaptive","display":"summarized"}`
    fn thinking(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        self.unknown_besides(value, &["type", "budget_tokens", "display"])?;
        let mode = self.thinking_mode(value.required("type")?)?;
        if mode == ReasoningMode::Fixed {
            value.required("budget_tokens")?;
        }
        let budget_tokens = value
            .get("budget_tokens")
            .map(|budget| Located::read(budget, Value::u64))
            .transpose()?;
        let is_on = matches!(mode, ReasoningMode::Dynamic | ReasoningMode::Fixed);
        // This dialect shows thinking unless told otherwise; the others have to be asked for it.
        let show = self
            .display(value)?
            .or_else(|| is_on.then(|| located(value, ReasoningDisplay::Summary(None))));
        let reasoning = self.reasoning(value);
        reasoning.at = value.offset();
        let reasoning = &mut reasoning.value;
        reasoning.budget_effort = budget_tokens
            .as_ref()
            .map(|budget| efforts::nearest(budget.value, |row| row.anthropic_budget));
        (reasoning.mode, reasoning.budget_tokens, reasoning.display) = (mode, budget_tokens, show);
        Ok(())
    }

    fn thinking_mode(&mut self, kind: Value<'_>) -> Result<ReasoningMode, Invalid> {
        match &*kind.str()? {
            "adaptive" => Ok(ReasoningMode::Dynamic),
            "enabled" => Ok(ReasoningMode::Fixed),
            "disabled" => Ok(ReasoningMode::Off),
            "between_tools" => {
                // Thinking all the same; where it takes place is what no other dialect can say.
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

    fn reasoning(&mut self, value: Value<'_>) -> &mut Located<Reasoning> {
        self.request
            .reasoning
            .get_or_insert_with(|| located(value, Reasoning::default()))
    }

    fn output_config(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        for (key, value) in value.fields()? {
            match &*key {
                "effort" => self.effort(value)?,
                "format" => self.format(value)?,
                _ => self.unknown(value),
            }
        }
        Ok(())
    }

    fn effort(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        let effort: Option<Effort> = efforts::from_anthropic(&value.str()?);
        match effort {
            Some(effort) => {
                let reasoning = &mut self.reasoning(value).value;
                reasoning.effort = Some(located(value, effort));
                if reasoning.mode == ReasoningMode::Unset {
                    reasoning.mode = ReasoningMode::Unasked;
                }
            }
            None => self.unknown(value),
        }
        Ok(())
    }

    /// `{"type":"json_schema","schema":{…}}`
    fn format(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        let kind = value.required("type")?;
        if kind.str()? != "json_schema" {
            return Err(kind.expected("`json_schema`"));
        }
        self.unknown_besides(value, &["type", "schema"])?;
        let schema = value.required("schema")?.raw();
        let format = SchemaFormat {
            name: None,
            description: None,
            schema,
            strict: None,
        };
        self.request.format = Some(located(value, Format::Schema(format)));
        Ok(())
    }

    fn metadata(&mut self, value: Value<'_>) -> Result<(), Invalid> {
        self.unknown_besides(value, &["user_id"])?;
        self.request.user = value
            .get("user_id")
            .map(|user| Located::read(user, Value::text))
            .transpose()?;
        Ok(())
    }
}

pub(super) fn located<T>(value: Value<'_>, of: T) -> Located<T> {
    Located::new(of, value.offset())
}

fn number(value: Value<'_>) -> Result<Located<Raw>, Invalid> {
    Located::read(value, Value::number)
}

fn stops(value: Value<'_>) -> Result<Vec<Located<EscapedStr>>, Invalid> {
    value
        .items()?
        .map(|stop| Located::read(stop, Value::text))
        .collect()
}
