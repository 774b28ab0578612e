//! Decodes a client's request: the top level and the system text.
//!
//! Contents, tools and settings are decoded in the files beside this one. What a target can take is
//! not decided here.
//!
//! Source: Gemini API, `GenerateContentRequest`, `CountTokensRequest`.

use super::proto_json::{fields, required};
use crate::canon::{Located, Part, Request, Unknown};
use crate::json::{Document, EscapedStr, Invalid, Value};
use crate::protocol::pending_calls::PendingCalls;
use crate::protocol::{DecodeError, Inbound, Operation, turns};

/// Decodes a request to generate or to count tokens.
///
/// # Errors
/// On malformed requests, and on cached content, which no other account can read.
pub(super) fn decode(inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
    let (body, adjusted) = inbound.whole_characters();
    let document = Document::parse(body.clone())?;
    let mut decoder = Decoder::default();
    (decoder.request.body, decoder.request.adjusted) = (body, adjusted);
    decoder.request.model = inbound.path_model.unwrap_or_default().to_owned();
    decoder.request.stream = inbound.operation == Operation::StreamGenerate;
    decoder.top_level(document.root())?;
    if decoder.request.turns.is_empty() {
        return Err(Invalid::new(document.root().offset(), "missing `contents`").into());
    }
    turns::arrange(&mut decoder.request)?;
    Ok(decoder.request)
}

/// The request as far as it is decoded; each method reads one construct.
#[derive(Default)]
pub(super) struct Decoder {
    pub(super) request: Request,
    pub(super) calls: PendingCalls,
}

impl Decoder {
    fn top_level(&mut self, root: Value<'_>) -> Result<(), DecodeError> {
        for (key, value) in fields(root)? {
            match &*key {
                "contents" => self.contents(value)?,
                "systemInstruction" => self.system(value)?,
                "tools" => self.tools(value)?,
                "toolConfig" => self.tool_config(value)?,
                "generationConfig" => self.generation_config(value)?,
                "serviceTier" => self.request.tier = Some(tier(value)?),
                // The wrapped form of a token count.
                "generateContentRequest" => self.top_level(value)?,
                // The path names the model.
                "model" => {}
                "cachedContent" => {
                    let why = "only the account that made it can read cached content";
                    return Err(DecodeError::unsupported(value.offset(), why));
                }
                _ => self.unknown(value),
            }
        }
        Ok(())
    }

    /// Keeps a value that canon has no field for, so that every encoder can report it.
    pub(super) fn unknown(&mut self, value: Value<'_>) {
        self.request.unknown.push(Unknown {
            at: value.offset(),
            raw: value.raw(),
        });
    }

    /// Decodes `systemInstruction`: text only, whose role means nothing. Source: Gemini API,
    /// `GenerateContentRequest.system_instruction`.
    fn system(&mut self, system: Value<'_>) -> Result<(), DecodeError> {
        // Some clients send a string.
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
            for (_, value) in fields(part)?.filter(|(key, _)| key != "text") {
                self.unknown(value);
            }
        }
        Ok(())
    }
}

/// The service tier in lower case, as the other dialects write it.
fn tier(tier: Value<'_>) -> Result<Located<EscapedStr>, Invalid> {
    let name = EscapedStr::from(tier.str()?.to_ascii_lowercase());
    Ok(Located::new(name, tier.offset()))
}
