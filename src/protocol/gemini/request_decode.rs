//! A client's request into canon: contents, system text, and what stands beside them.
//!
//! Source: Gemini API, `GenerateContentRequest`, `Content`, `Part`. Settings and tools are read in
//! [`super::config_decode`]. Nothing here decides what a target can take.

use super::call_ids;
use super::proto_json::{fields, required};
use crate::canon::{Located, Part, Request, Unknown};
use crate::json::{Document, EscapedStr, Invalid, Value};
use crate::protocol::{DecodeError, Inbound, Operation, turns};

/// Reads a request to generate or to count.
pub(super) fn decode(inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
    let document = Document::parse(inbound.body.clone())?;
    let mut decoder = Decoder::default();
    decoder.request.body = inbound.body.clone();
    decoder.request.model = inbound.path_model.unwrap_or_default().to_owned();
    decoder.request.stream = inbound.operation == Operation::StreamGenerate;
    decoder.top(document.root())?;
    if decoder.request.turns.is_empty() {
        return Err(Invalid::new(document.root().offset(), "missing `contents`").into());
    }
    turns::arrange(&mut decoder.request)?;
    Ok(decoder.request)
}

/// A request as far as it is read.
#[derive(Default)]
pub(super) struct Decoder {
    pub(super) request: Request,
    pub(super) calls: call_ids::Calls,
}

impl Decoder {
    fn top(&mut self, root: Value<'_>) -> Result<(), DecodeError> {
        for (key, value) in fields(root)? {
            match &*key {
                "contents" => self.contents(value)?,
                "systemInstruction" => self.system(value)?,
                "tools" => self.tools(value)?,
                "toolConfig" => self.tool_config(value)?,
                "generationConfig" => self.generation_config(value)?,
                "serviceTier" => self.request.tier = Some(tier(value)?),
                // The wrapped form of a token count.
                "generateContentRequest" => self.top(value)?,
                // The path's model wins.
                "model" => {}
                "cachedContent" => {
                    return Err(DecodeError::unsupported(
                        value.offset(),
                        "only the account that made it can read cached content",
                    ));
                }
                _ => self.unknown(value),
            }
        }
        Ok(())
    }

    /// Notes a field that the canonical model has no home for.
    pub(super) fn unknown(&mut self, value: Value<'_>) {
        self.request.unknown.push(Unknown {
            at: value.offset(),
            raw: value.raw(),
        });
    }

    /// Source: `GenerateContentRequest.system_instruction`: text only; its role means nothing.
    fn system(&mut self, system: Value<'_>) -> Result<(), DecodeError> {
        if let Ok(text) = system.text() {
            self.request.system.push(Part::text(text, system.offset()));
            return Ok(());
        }
        for (key, value) in fields(system)? {
            match &*key {
                "parts" => self.system_parts(value)?,
                "role" => {}
                _ => self.unknown(value),
            }
        }
        Ok(())
    }

    fn system_parts(&mut self, parts: Value<'_>) -> Result<(), DecodeError> {
        for part in parts.items()? {
            let text = required(part, "text")?.text()?;
            self.request.system.push(Part::text(text, part.offset()));
            fields(part)?
                .filter(|(key, _)| key != "text")
                .for_each(|(_, value)| self.unknown(value));
        }
        Ok(())
    }
}

/// Lower case is how the others write it.
fn tier(tier: Value<'_>) -> Result<Located<EscapedStr>, Invalid> {
    Ok(Located::new(
        EscapedStr::from(tier.str()?.to_ascii_lowercase()),
        tier.offset(),
    ))
}
