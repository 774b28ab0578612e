//! Embeddings: request and answer, both ways.
//!
//! Source: Embeddings API. Vectors keep their digits unless one side wants base64 and the other
//! numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::canon::{Embed, EmbedInput, Embedding, Embeddings, Fault, Located, LossKind, Losses};
use crate::json::{self, Document, EscapedStr, Invalid, Kind, Object, Value};
use crate::ordering;
use crate::protocol::{
    DecodeError, EmbedProtocol, Inbound, MalformedResponse, Operation, Target, Wire,
};

use super::OpenaiChat;
use super::fields::Fields;

impl EmbedProtocol for OpenaiChat {
    fn decode_embed(&self, inbound: &Inbound<'_>) -> Result<Embed, DecodeError> {
        let document = Document::parse(inbound.body.clone())?;
        let mut fields = Fields::of(document.root())?;
        let model = fields.required("model")?.str()?.into_owned();
        let (inputs, is_batch) = inputs(fields.required("input")?)?;
        let mut embed = Embed {
            body: inbound.body.clone(),
            model,
            inputs,
            is_batch,
            ..Embed::default()
        };
        embed.dimensions = fields.located("dimensions", Value::u64)?;
        embed.base64 = fields
            .take("encoding_format")
            .map(is_base64)
            .transpose()?
            .unwrap_or(false);
        embed.user = fields.located("user", Value::text)?;
        fields.leave(&mut embed.unknown);
        Ok(embed)
    }

    fn encode_embed(&self, embed: &Embed, target: &Target<'_>, losses: &mut Losses) -> Wire {
        let body =
            json::document(|value| value.object(|object| write(embed, target.model, object)));
        if let Some(task) = &embed.task {
            losses.dropped(task.at);
        }
        if let Some(title) = &embed.title {
            losses.dropped(title.at);
        }
        for field in &embed.unknown {
            losses.dropped(field.at);
        }
        Wire {
            path: "/embeddings".into(),
            body: body.into(),
            ..Wire::default()
        }
    }

    fn decode_embeddings(&self, body: &Bytes) -> Result<Embeddings, Fault> {
        let read = || {
            let document = Document::parse(body.clone())?;
            let vectors = vectors(document.root().required("data")?)?;
            let input_tokens = document
                .root()
                .find(&["usage", "prompt_tokens"])
                .and_then(|count| count.u64().ok());
            Ok(Embeddings {
                vectors,
                input_tokens,
            })
        };
        read().map_err(|invalid: Invalid| MalformedResponse::from(invalid).into())
    }

    fn encode_embeddings(
        &self,
        embeddings: &Embeddings,
        embed: &Embed,
        _: Operation,
        losses: &mut Losses,
    ) -> Bytes {
        if embeddings.input_tokens.is_none() {
            losses.noted("usage", LossKind::Dropped);
        }
        json::document(|value| {
            value.object(|object| {
                object.str("object", "list");
                object.array("data", |array| {
                    for (index, vector) in (0..).zip(&embeddings.vectors) {
                        array.object(|object| write_vector(index, vector, embed.base64, object));
                    }
                });
                object.str("model", &embed.model);
                // Both figures are required.
                let tokens = embeddings.input_tokens.unwrap_or(0);
                object.object("usage", |object| {
                    object.u64("prompt_tokens", tokens);
                    object.u64("total_tokens", tokens);
                });
            });
        })
    }
}

/// A text, a list of texts, a list of token ids, or a list of such lists. The flag says whether it
/// is a list of inputs.
fn inputs(value: Value<'_>) -> Result<(Vec<EmbedInput>, bool), Invalid> {
    let Ok(items) = value.items() else {
        return Ok((vec![input(value)?], false));
    };
    match items.clone().next() {
        None => Err(value.expected("at least one input")),
        Some(first) if first.kind() == Kind::Number => Ok((vec![input(value)?], false)),
        Some(_) => Ok((items.map(input).collect::<Result<_, _>>()?, true)),
    }
}

fn input(value: Value<'_>) -> Result<EmbedInput, Invalid> {
    if value.kind() == Kind::String {
        return Ok(EmbedInput::Text(Located::read(value, Value::text)?));
    }
    let mut tokens = value
        .items()
        .map_err(|_| value.expected("a string or an array of token ids"))?;
    tokens.try_for_each(|token| token.u64().map(|_| ()))?;
    Ok(EmbedInput::Tokens(Located::read(value, |value| {
        Ok(value.raw())
    })?))
}

fn is_base64(value: Value<'_>) -> Result<bool, Invalid> {
    match &*value.str()? {
        "base64" => Ok(true),
        "float" => Ok(false),
        _ => Err(value.expected("float or base64")),
    }
}

fn write(embed: &Embed, model: &str, object: &mut Object<'_>) {
    object.str("model", model);
    match &embed.inputs[..] {
        [input] if !embed.is_batch => write_input(input, object.key("input")),
        inputs => object.array("input", |array| {
            for input in inputs {
                write_input(input, array.item());
            }
        }),
    }
    object.some(
        "dimensions",
        embed.dimensions.as_ref(),
        |value, dimensions| value.u64(dimensions.value),
    );
    if embed.base64 {
        object.str("encoding_format", "base64");
    }
    object.some("user", embed.user.as_ref(), |value, user| {
        value.text(&user.value)
    });
}

fn write_input(input: &EmbedInput, value: json::Writer<'_>) {
    match input {
        EmbedInput::Text(text) => value.text(&text.value),
        EmbedInput::Tokens(tokens) => value.raw(&tokens.value),
    }
}

/// The vectors in the order of their `index`.
fn vectors(data: Value<'_>) -> Result<Vec<Embedding>, Invalid> {
    let mut indexed = Vec::new();
    for (position, item) in (0..).zip(data.items()?) {
        let index = item
            .get("index")
            .map(Value::u64)
            .transpose()?
            .unwrap_or(position);
        indexed.push((index, vector(item.required("embedding")?)?));
    }
    ordering::sort_by_key(&mut indexed, |(index, _)| *index);
    Ok(indexed.into_iter().map(|(_, vector)| vector).collect())
}

fn vector(value: Value<'_>) -> Result<Embedding, Invalid> {
    if let Ok(text) = value.text() {
        return Ok(Embedding::Base64(text));
    }
    let mut numbers = value
        .items()
        .map_err(|_| value.expected("an array of numbers or base64"))?;
    numbers.try_for_each(|number| number.number().map(|_| ()))?;
    Ok(Embedding::Numbers(value.raw()))
}

fn write_vector(index: u64, vector: &Embedding, is_base64: bool, object: &mut Object<'_>) {
    object.str("object", "embedding");
    object.u64("index", index);
    let value = object.key("embedding");
    match vector {
        Embedding::Numbers(numbers) if is_base64 => value.str(&to_base64(numbers)),
        Embedding::Numbers(numbers) => value.raw(numbers),
        Embedding::Base64(text) if is_base64 => value.text(text),
        Embedding::Base64(text) => write_numbers(text, value),
    }
}

/// Base64 of little-endian `f32`, which is what the format is.
fn to_base64(numbers: &json::Raw) -> String {
    let document = numbers.document();
    let floats = document
        .root()
        .items()
        .into_iter()
        .flatten()
        .filter_map(|number| number.as_written().parse::<f32>().ok());
    STANDARD.encode(floats.flat_map(f32::to_le_bytes).collect::<Vec<u8>>())
}

pub(in crate::protocol) fn write_numbers(base64: &EscapedStr, value: json::Writer<'_>) {
    let bytes = STANDARD
        .decode(base64.to_plain().as_bytes())
        .unwrap_or_default();
    let (floats, _) = bytes.as_chunks::<4>();
    let number =
        |bytes: &[u8; 4]| Document::parse(Bytes::from(f32::from_le_bytes(*bytes).to_string()));
    value.array(|array| {
        for number in floats.iter().flat_map(number) {
            array.item().raw(&number.root().raw());
        }
    });
}
