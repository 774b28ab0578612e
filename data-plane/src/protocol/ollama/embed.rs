//! Embeddings: `/api/embed` of one text or several, and `/api/embeddings`, its older form.
//!
//! Source: Ollama, `docs/api.md`, "Generate Embeddings" and "Generate Embedding" (superseded).
//! Vectors keep their digits.

use bytes::Bytes;

use super::{NO_UPSTREAM, Ollama, no_upstream};
use crate::canon::{Embed, EmbedInput, Embedding, Embeddings, Fault, Located, Losses};
use crate::json::{self, Document, Invalid, Kind, Value, Writer};
use crate::protocol::openai_chat::embed::write_numbers;
use crate::protocol::openai_chat::fields::Fields;
use crate::protocol::{DecodeError, EmbedProtocol, Inbound, Operation, Target, Wire};

impl EmbedProtocol for Ollama {
    fn decode_embed(&self, inbound: &Inbound<'_>) -> Result<Embed, DecodeError> {
        let document = Document::parse(inbound.body.clone())?;
        let mut fields = Fields::of(document.root())?;
        let model = fields.required("model")?.str()?.into_owned();
        let key = match inbound.operation {
            Operation::Embed => "prompt",
            _ => "input",
        };
        let (inputs, is_batch) = inputs(fields.required(key)?)?;
        let mut embed = Embed {
            body: inbound.body.clone(),
            model,
            inputs,
            is_batch,
            dimensions: fields.located("dimensions", Value::u64)?,
            ..Embed::default()
        };
        fields.leave(&mut embed.unknown);
        Ok(embed)
    }

    fn encode_embed(&self, _: &Embed, _: &Target<'_>, losses: &mut Losses) -> Wire {
        losses.refuse(None, NO_UPSTREAM);
        Wire::default()
    }

    fn decode_embeddings(&self, _: &Bytes) -> Result<Embeddings, Fault> {
        Err(no_upstream())
    }

    fn encode_embeddings(
        &self,
        embeddings: &Embeddings,
        embed: &Embed,
        operation: Operation,
        _: &mut Losses,
    ) -> Bytes {
        let vectors = &embeddings.vectors;
        json::document(|value| {
            value.object(|object| match (operation, vectors.first()) {
                (Operation::Embed, Some(vector)) => write_vector(vector, object.key("embedding")),
                _ => {
                    object.str("model", &embed.model);
                    object.array("embeddings", |array| {
                        for vector in vectors {
                            write_vector(vector, array.item());
                        }
                    });
                    let tokens = embeddings.input_tokens;
                    object.some("prompt_eval_count", tokens, |value, tokens| {
                        value.u64(tokens)
                    });
                }
            });
        })
    }
}

/// A text, or a list of texts. The flag says which.
fn inputs(value: Value<'_>) -> Result<(Vec<EmbedInput>, bool), Invalid> {
    let input = |value| Ok(EmbedInput::Text(Located::read(value, Value::text)?));
    match value.items() {
        Ok(items) => Ok((items.map(input).collect::<Result<_, _>>()?, true)),
        Err(_) if value.kind() == Kind::String => Ok((vec![input(value)?], false)),
        Err(_) => Err(value.expected("a string or an array of strings")),
    }
}

fn write_vector(vector: &Embedding, value: Writer<'_>) {
    match vector {
        Embedding::Numbers(numbers) => value.raw(numbers),
        Embedding::Base64(text) => write_numbers(text, value),
    }
}
