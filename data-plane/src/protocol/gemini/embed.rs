//! Embeddings: `embedContent` and `batchEmbedContents`. Vectors keep the digits that they were
//! written with.
//!
//! Source: Gemini API, `EmbedContentRequest`, `BatchEmbedContentsRequest`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::proto_json::{count, field, fields, required};
use super::{Gemini, faults, path, resource};
use crate::canon::{Embed, EmbedInput, Embedding, Embeddings, Fault, Located, Losses, Unknown};
use crate::json::{self, Document, EscapedStr, Invalid, Object, Raw, Value, Writer};
use crate::protocol::{
    DecodeError, EmbedProtocol, Inbound, MalformedResponse, Operation, Target, Wire,
};

impl EmbedProtocol for Gemini {
    fn decode_embed(&self, inbound: &Inbound<'_>) -> Result<Embed, DecodeError> {
        let document = Document::parse(inbound.body.clone())?;
        let mut embed = Embed {
            body: inbound.body.clone(),
            ..Embed::default()
        };
        embed.model = inbound.path_model.unwrap_or_default().to_owned();
        embed.is_batch = inbound.operation == Operation::BatchEmbed;
        if embed.is_batch {
            decode_batch(document.root(), &mut embed)?;
        } else {
            decode_one(document.root(), &mut embed)?;
        }
        Ok(embed)
    }

    fn encode_embed(&self, embed: &Embed, target: &Target<'_>, losses: &mut Losses) -> Wire {
        let single = match &embed.inputs[..] {
            [input] if !embed.is_batch => Some(input),
            _ => None,
        };
        let body = json::document(|value| {
            value.object(|body| match single {
                Some(input) => write_request(embed, input, target, body, losses),
                None => body.array("requests", |list| {
                    for input in &embed.inputs {
                        list.object(|object| write_request(embed, input, target, object, losses));
                    }
                }),
            });
        });
        if let Some(user) = &embed.user {
            losses.dropped(user.at);
        }
        for unknown in &embed.unknown {
            losses.dropped(unknown.at);
        }
        let method = match single {
            Some(_) => "embedContent",
            None => "batchEmbedContents",
        };
        Wire {
            path: path(target.model, method),
            body: body.into(),
            ..Wire::default()
        }
    }

    fn decode_embeddings(&self, body: &Bytes) -> Result<Embeddings, Fault> {
        let document = Document::parse(body.clone()).map_err(MalformedResponse::from)?;
        if let Some(error) = faults::error_of(document.root()) {
            return Err(faults::decode_error(error, None));
        }
        let vectors = decode_vectors(document.root()).map_err(MalformedResponse::from)?;
        let input_tokens = field(document.root(), "usageMetadata")
            .and_then(|usage| field(usage, "promptTokenCount"))
            .and_then(|tokens| count(tokens).ok());
        Ok(Embeddings {
            vectors,
            input_tokens,
        })
    }

    fn encode_embeddings(
        &self,
        embeddings: &Embeddings,
        _: &Embed,
        operation: Operation,
        _: &mut Losses,
    ) -> Bytes {
        json::document(|value| {
            value.object(|body| match (operation, embeddings.vectors.first()) {
                (Operation::Embed, Some(vector)) => {
                    body.object("embedding", |object| write_vector(vector, object))
                }
                _ => body.array("embeddings", |list| {
                    for vector in &embeddings.vectors {
                        list.object(|object| write_vector(vector, object));
                    }
                }),
            });
        })
    }
}

fn decode_batch(root: Value<'_>, embed: &mut Embed) -> Result<(), DecodeError> {
    for (key, value) in fields(root)? {
        match &*key {
            "requests" => {
                for request in value.items()? {
                    decode_one(request, embed)?;
                }
            }
            _ => embed.unknown.push(Unknown {
                at: value.offset(),
                raw: value.raw(),
            }),
        }
    }
    if embed.inputs.is_empty() {
        return Err(root.missing("requests").into());
    }
    Ok(())
}

/// Decodes one request. Those of a batch have to agree in all but their text, since other dialects
/// have one set of settings for all inputs.
fn decode_one(request: Value<'_>, embed: &mut Embed) -> Result<(), DecodeError> {
    let is_first = embed.inputs.is_empty();
    let content = required(request, "content")?;
    let (mut dimensions, mut task, mut title) = (None, None, None);
    for (key, value) in fields(request)? {
        match &*key {
            "content" | "model" => {}
            "outputDimensionality" => {
                dimensions = Some(Located::new(count(value)?, value.offset()))
            }
            "taskType" => task = Some(Located::new(value.text()?, value.offset())),
            "title" => title = Some(Located::new(value.text()?, value.offset())),
            _ => embed.unknown.push(Unknown {
                at: value.offset(),
                raw: value.raw(),
            }),
        }
    }
    let agrees = dimensions == embed.dimensions && task == embed.task && title == embed.title;
    if !is_first && !agrees {
        let why = "expected the same settings in all requests of a batch";
        return Err(DecodeError::unsupported(request.offset(), why));
    }
    embed.dimensions = dimensions;
    embed.task = task;
    embed.title = title;
    let text = Located::new(text_of(content)?, content.offset());
    embed.inputs.push(EmbedInput::Text(text));
    Ok(())
}

/// The text of a content, whose parts have no meaning of their own here.
fn text_of(content: Value<'_>) -> Result<EscapedStr, Invalid> {
    let parts = required(content, "parts")?.items()?;
    let texts: Vec<EscapedStr> = parts
        .map(|part| required(part, "text")?.text())
        .collect::<Result<_, _>>()?;
    Ok(EscapedStr::join(&texts, "\\n"))
}

fn write_request(
    embed: &Embed,
    input: &EmbedInput,
    target: &Target<'_>,
    object: &mut Object<'_>,
    losses: &mut Losses,
) {
    object.str("model", &resource(target.model));
    match input {
        EmbedInput::Text(text) => object.object("content", |content| {
            content.array("parts", |parts| {
                parts.object(|part| part.text("text", &text.value))
            });
        }),
        EmbedInput::Tokens(tokens) => {
            losses.refuse(tokens.at, "the gemini dialect embeds text, not token ids")
        }
    }
    if let Some(task) = &embed.task {
        object.text("taskType", &task.value);
    }
    if let Some(title) = &embed.title {
        object.text("title", &title.value);
    }
    if let Some(dimensions) = &embed.dimensions {
        object.u64("outputDimensionality", dimensions.value);
    }
}

/// The vectors of either response: `embedding` has one, `embeddings` a list.
fn decode_vectors(root: Value<'_>) -> Result<Vec<Embedding>, Invalid> {
    if let Some(embedding) = field(root, "embedding") {
        return Ok(vec![decode_vector(embedding)?]);
    }
    let embeddings = required(root, "embeddings")?;
    embeddings.items()?.map(decode_vector).collect()
}

fn decode_vector(embedding: Value<'_>) -> Result<Embedding, Invalid> {
    let values = required(embedding, "values")?;
    values.items()?;
    Ok(Embedding::Numbers(values.raw()))
}

fn write_vector(vector: &Embedding, object: &mut Object<'_>) {
    match vector {
        Embedding::Numbers(numbers) => object.raw("values", numbers),
        Embedding::Base64(data) => write_floats(data, object.key("values")),
    }
}

/// Writes base64 of little-endian `f32` as numbers.
fn write_floats(data: &EscapedStr, out: Writer<'_>) {
    let bytes = STANDARD
        .decode(data.to_plain().as_bytes())
        .unwrap_or_default();
    out.array(|list| {
        for four in bytes.chunks_exact(4) {
            let float = f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
            list.item().raw(&number(float));
        }
    });
}

/// A number in JSON. `null` stands for infinities, which JSON does not have.
fn number(float: f32) -> Raw {
    let document = Document::parse(float.to_string().into()).unwrap_or_else(|_| Document::null());
    document.root().raw()
}
