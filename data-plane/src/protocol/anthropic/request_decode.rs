//! Decodes a client's request: the top level, member by member.
//!
//! Messages, tools and settings are decoded in the files beside this one. A member that canon has
//! no field for is kept as unknown, so that encoders can report it; none is skipped.
//!
//! Source: Anthropic Messages reference, "POST /v1/messages - request".

use super::faults;
use crate::canon::{CacheBreakpoint, Located, Request};
use crate::json::{Document, EscapedStr, Invalid, Raw, Value};
use crate::protocol::{DecodeError, Inbound, turns};

/// Decodes a request to generate or to count tokens.
///
/// # Errors
/// On malformed requests, and on server-held threads, which no other upstream can continue.
pub(super) fn decode(inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
    let (body, adjusted) = inbound.whole_characters();
    let document = Document::parse(body.clone())?;
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
    (request.body, request.adjusted) = (body, adjusted);
    super::tools_decode::resolve_hosted_choice(&mut request);
    turns::arrange(&mut request)?;
    Ok(request)
}

/// The request as far as it is decoded; each method reads one construct.
#[derive(Default)]
pub(super) struct Decoder {
    pub(super) request: Request,
}

impl Decoder {
    fn member(&mut self, key: &str, value: Value<'_>) -> Result<(), DecodeError> {
        let request = &mut self.request;
        match key {
            "model" => request.model = value.str()?.into_owned(),
            "max_tokens" => request.output_tokens_max = Some(Located::read(value, Value::u64)?),
            "stream" => request.stream = value.bool()?,
            "stop_sequences" => request.stops = stop_sequences(value)?,
            "temperature" => request.sampling.temperature = Some(number(value)?),
            "top_p" => request.sampling.top_p = Some(number(value)?),
            "top_k" => request.sampling.top_k = Some(number(value)?),
            "service_tier" => request.tier = Some(Located::read(value, Value::text)?),
            "system" => self.request.system = self.system_text(value)?,
            "messages" => self.request.turns = self.messages(value)?,
            "tools" => self.request.tools = self.tools(value)?,
            "tool_choice" => self.tool_choice(value)?,
            "thinking" => self.thinking(value)?,
            "output_config" => self.output_config(value)?,
            // What the beta `structured-outputs-2025-11-13` called `output_config.format`.
            "output_format" => self.output_format(value)?,
            "metadata" => self.metadata(value)?,
            "cache_control" => self.request.cache_breakpoint = Some(self.cache_breakpoint(value)?),
            "thread" => return Err(faults::thread_unsupported(value.offset())),
            _ => self.unknown(value),
        }
        Ok(())
    }

    /// Keeps a value that canon has no field for, so that every encoder can report it.
    pub(super) fn unknown(&mut self, value: Value<'_>) {
        self.request.unknown.push(value.into());
    }

    /// Keeps the members of an object that are not among the `known`.
    pub(super) fn unknown_besides(
        &mut self,
        value: Value<'_>,
        known: &[&str],
    ) -> Result<(), Invalid> {
        for (key, value) in value.fields()? {
            if !known.contains(&&*key) {
                self.unknown(value);
            }
        }
        Ok(())
    }

    /// `{"type":"ephemeral","ttl":"5m"}`
    pub(super) fn cache_breakpoint(
        &mut self,
        value: Value<'_>,
    ) -> Result<CacheBreakpoint, Invalid> {
        self.unknown_besides(value, &["type", "ttl"])?;
        if let Some(kind) = value.get("type")
            && kind.str().is_ok_and(|kind| kind != "ephemeral")
        {
            self.unknown(kind);
        }
        let ttl = value.get("ttl").map(Value::text).transpose()?;
        Ok(CacheBreakpoint {
            at: value.offset(),
            ttl,
        })
    }
}

pub(super) fn located<T>(value: Value<'_>, of: T) -> Located<T> {
    Located::new(of, value.offset())
}

fn number(value: Value<'_>) -> Result<Located<Raw>, Invalid> {
    Located::read(value, Value::number)
}

fn stop_sequences(value: Value<'_>) -> Result<Vec<Located<EscapedStr>>, Invalid> {
    value
        .items()?
        .map(|stop| Located::read(stop, Value::text))
        .collect()
}
