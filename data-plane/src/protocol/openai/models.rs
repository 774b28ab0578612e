//! The model list and single models, both ways.
//!
//! Source: Models API.

use bytes::Bytes;

use crate::canon::{Fault, ModelCard};
use crate::json::{self, Document, Object, Value};
use crate::protocol::MalformedResponse;

pub(in crate::protocol) fn encode_list(models: &[ModelCard]) -> Bytes {
    json::document(|value| {
        value.object(|object| {
            object.str("object", "list");
            object.array("data", |array| {
                for model in models {
                    array.object(|object| write(model, object));
                }
            });
        });
    })
}

pub(in crate::protocol) fn encode(model: &ModelCard) -> Bytes {
    json::document(|value| value.object(|object| write(model, object)))
}

/// `{"id":"gpt-5-mini","object":"model","created":1754000000,"owned_by":"openai"}`
fn write(model: &ModelCard, object: &mut Object<'_>) {
    object.str("id", &model.id);
    object.str("object", "model");
    // `created` is required; 0 where it is unknown.
    object.u64("created", model.created.unwrap_or(0));
    object.str("owned_by", &model.owner);
}

pub(in crate::protocol) fn decode_list(body: &Bytes) -> Result<Vec<ModelCard>, Fault> {
    let read = || -> Result<Vec<ModelCard>, json::Invalid> {
        let document = Document::parse(body.clone())?;
        // Some servers answer with the bare list.
        let list = document.root().get("data").unwrap_or(document.root());
        list.items()?.map(decode).collect()
    };
    read().map_err(|invalid| MalformedResponse::from(invalid).into())
}

fn decode(model: Value<'_>) -> Result<ModelCard, json::Invalid> {
    let text = |key: &str| {
        model
            .get(key)
            .and_then(|value| value.str().ok())
            .map(std::borrow::Cow::into_owned)
    };
    let count = |key: &str| model.get(key).and_then(|value| value.u64().ok());
    let first = |paths: &[&[&str]]| {
        let mut limits = paths.iter().filter_map(|path| model.find(path)?.u64().ok());
        limits.find(|limit| *limit > 0)
    };
    Ok(ModelCard {
        id: model.required("id")?.str()?.into_owned(),
        display_name: text("name"),
        owner: text("owned_by").unwrap_or_default(),
        created: count("created").filter(|created| *created > 0),
        input_tokens_max: first(&INPUT_LIMITS),
        output_tokens_max: first(&OUTPUT_LIMITS),
    })
}

/// Where servers tell a model's context window: OpenRouter, Groq, vLLM. OpenAI tells none.
const INPUT_LIMITS: [&[&str]; 3] = [&["context_length"], &["context_window"], &["max_model_len"]];

/// Where servers tell a model's output limit: OpenRouter, Groq.
const OUTPUT_LIMITS: [&[&str]; 2] = [
    &["top_provider", "max_completion_tokens"],
    &["max_completion_tokens"],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_under_the_names_of_several_servers() {
        let cases = [
            // OpenRouter.
            (
                r#"{"id":"m","context_length":1000,"top_provider":{"max_completion_tokens":100}}"#,
                (Some(1000), Some(100)),
            ),
            // Groq.
            (
                r#"{"id":"m","context_window":1000,"max_completion_tokens":100}"#,
                (Some(1000), Some(100)),
            ),
            // vLLM.
            (r#"{"id":"m","max_model_len":1000}"#, (Some(1000), None)),
            // OpenAI.
            (r#"{"id":"m","object":"model"}"#, (None, None)),
        ];
        for (model, limits) in cases {
            let body = Bytes::from(format!(r#"{{"data":[{model}]}}"#));
            let card = &decode_list(&body).unwrap()[0];
            assert_eq!(
                (card.input_tokens_max, card.output_tokens_max),
                limits,
                "{model}"
            );
        }
    }
}
