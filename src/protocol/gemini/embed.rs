//! Embeddings: `embedContent` and `batchEmbedContents`.
//!
//! Source: Gemini API, `EmbedContentRequest`, `BatchEmbedContentsRequest`. Vectors stay as they
//! were written.

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
            read_batch(document.root(), &mut embed)?
        } else {
            read_one(document.root(), &mut embed)?
        }
        Ok(embed)
    }

    fn encode_embed(&self, embed: &Embed, target: &Target<'_>, losses: &mut Losses) -> Wire {
        let is_batch = embed.is_batch || embed.inputs.len() != 1;
        let body = json::document(|value| {
            value.object(|body| {
                if !is_batch {
                    return embed
                        .inputs
                        .iter()
                        .for_each(|input| write_request(embed, input, target, body, losses));
                }
                body.array("requests", |list| {
                    embed.inputs.iter().for_each(|input| {
                        list.object(|object| write_request(embed, input, target, object, losses))
                    });
                });
            });
        });
        embed.user.iter().for_each(|user| losses.dropped(user.at));
        embed
            .unknown
            .iter()
            .for_each(|unknown| losses.dropped(unknown.at));
        let method = if is_batch {
            "batchEmbedContents"
        } else {
            "embedContent"
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
            return Err(faults::decode(error, None));
        }
        let vectors = read_vectors(document.root()).map_err(MalformedResponse::from)?;
        let usage = field(document.root(), "usageMetadata")
            .and_then(|usage| field(usage, "promptTokenCount"));
        Ok(Embeddings {
            vectors,
            input_tokens: usage.and_then(|tokens| count(tokens).ok()),
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
                    embeddings
                        .vectors
                        .iter()
                        .for_each(|vector| list.object(|object| write_vector(vector, object)));
                }),
            });
        })
    }
}

fn read_batch(root: Value<'_>, embed: &mut Embed) -> Result<(), DecodeError> {
    for (key, value) in fields(root)? {
        match &*key {
            "requests" => value
                .items()?
                .try_for_each(|request| read_one(request, embed))?,
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

/// Reads one request. Those of a batch have to agree in all but their text.
fn read_one(request: Value<'_>, embed: &mut Embed) -> Result<(), DecodeError> {
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
        return Err(DecodeError::unsupported(
            request.offset(),
            "expected the same settings in all requests of a batch",
        ));
    }
    (embed.dimensions, embed.task, embed.title) = (dimensions, task, title);
    embed.inputs.push(EmbedInput::Text(Located::new(
        text_of(content)?,
        content.offset(),
    )));
    Ok(())
}

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
    object.some("taskType", embed.task.as_ref(), |value, task| {
        value.text(&task.value)
    });
    object.some("title", embed.title.as_ref(), |value, title| {
        value.text(&title.value)
    });
    object.some(
        "outputDimensionality",
        embed.dimensions.as_ref(),
        |value, dimensions| value.u64(dimensions.value),
    );
}

fn read_vectors(root: Value<'_>) -> Result<Vec<Embedding>, Invalid> {
    let one = field(root, "embedding").map(read_vector);
    let list = || {
        required(root, "embeddings")?
            .items()?
            .map(read_vector)
            .collect()
    };
    one.map_or_else(list, |vector| Ok(vec![vector?]))
}

fn read_vector(embedding: Value<'_>) -> Result<Embedding, Invalid> {
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

/// Base64 of little-endian `f32`, as numbers.
fn write_floats(data: &EscapedStr, out: Writer<'_>) {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data.to_plain().as_bytes())
        .unwrap_or_default();
    let floats = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    out.array(|list| floats.for_each(|float| list.item().raw(&number(float))));
}

/// JSON has no infinities; `null` says that there is no number.
fn number(float: f32) -> Raw {
    let document = Document::parse(float.to_string().into()).unwrap_or_else(|_| Document::null());
    document.root().raw()
}
