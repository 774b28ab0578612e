//! Decodes a legacy completion request: one prompt, which becomes one user message.
//!
//! Source: Completions API, request body. Chat's decoder reads the fields that both have.

use crate::canon::{Part, Request, Role, Turn};
use crate::json::{Document, Kind, Value};
use crate::protocol::openai_chat::fields::Fields;
use crate::protocol::openai_chat::request_decode;
use crate::protocol::{DecodeError, Inbound};

pub(super) fn decode(inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
    let (body, adjusted) = inbound.whole_characters();
    let document = Document::parse(body.clone())?;
    let mut fields = Fields::of(document.root())?;
    refuse_untranslatable(&mut fields)?;
    let mut request = request_decode::common_fields(&mut fields)?;
    (request.body, request.adjusted) = (body, adjusted);
    let prompt = prompt(fields.required("prompt")?)?;
    request.turns.push(Turn {
        role: Role::User,
        parts: vec![Part::text(prompt.text()?, prompt.offset())],
        name: None,
        at: prompt.offset(),
    });
    fields.leave(&mut request.unknown);
    Ok(request)
}

/// The one text to complete.
fn prompt(value: Value<'_>) -> Result<Value<'_>, DecodeError> {
    let Ok(items) = value.items() else {
        return Ok(value);
    };
    match items.collect::<Vec<_>>()[..] {
        [only] if only.kind() == Kind::String => Ok(only),
        [first, ..] if first.kind() == Kind::String => Err(DecodeError::unsupported(
            value.offset(),
            "several prompts in one request cannot be translated",
        )),
        _ => Err(DecodeError::unsupported(
            value.offset(),
            "prompts of token ids cannot be translated",
        )),
    }
}

/// Refuses what only a native completions endpoint can do. A field with its default value asks for
/// nothing and is accepted.
fn refuse_untranslatable(fields: &mut Fields<'_>) -> Result<(), DecodeError> {
    let is_default = |key: &str, value: Value<'_>| match key {
        "suffix" => value.as_written() == "\"\"",
        "echo" => value.as_written() == "false",
        "best_of" => value.u64() == Ok(1),
        _ => false,
    };
    for key in ["suffix", "echo", "best_of", "logprobs"] {
        if let Some(value) = fields.take(key).filter(|value| !is_default(key, *value)) {
            return Err(DecodeError::unsupported(
                value.offset(),
                "only a native completions endpoint can do this",
            ));
        }
    }
    Ok(())
}
