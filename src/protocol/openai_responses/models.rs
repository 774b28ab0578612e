//! OpenAI's list of models. Shared shape: nothing in it is particular to Responses.

use bytes::Bytes;

use crate::canon::{Fault, ModelCard};
use crate::json::{self, Document, Invalid, Object, Value};

pub(super) fn encode_list(models: &[ModelCard]) -> Bytes {
    json::document(|value| {
        value.object(|list| {
            list.str("object", "list");
            list.array("data", |data| models.iter().for_each(|model| data.object(|object| write(object, model))));
        });
    })
}

pub(super) fn encode(model: &ModelCard) -> Bytes {
    json::document(|value| value.object(|object| write(object, model)))
}

fn write(object: &mut Object<'_>, model: &ModelCard) {
    object.str("id", &model.id);
    object.str("object", "model");
    // The SDKs' type demands a number; 0 is what servers without dates write.
    object.u64("created", model.created.unwrap_or(0));
    object.str("owned_by", &model.owner);
}

pub(super) fn decode_list(body: &Bytes) -> Result<Vec<ModelCard>, Fault> {
    let unreadable = |error: Invalid| Fault::upstream(format!("the upstream's list of models cannot be read: {error}"));
    let document = Document::parse(body.clone()).map_err(unreadable)?;
    let items = document.root().required("data").and_then(Value::items).map_err(unreadable)?;
    items.map(decode).collect::<Result<_, _>>().map_err(unreadable)
}

/// One model. The bounds are in no OpenAI answer; OpenRouter writes `context_length`, vLLM `max_model_len`.
fn decode(model: Value<'_>) -> Result<ModelCard, Invalid> {
    let count = |keys: &[&str]| model.find(keys)?.u64().ok();
    let string = |key: &str| Some(model.get(key)?.str().ok()?.into_owned());
    Ok(ModelCard {
        id: model.required("id")?.str()?.into_owned(),
        display_name: string("name"),
        owner: string("owned_by").unwrap_or_default(),
        created: count(&["created"]),
        input_tokens_max: count(&["context_length"]).or_else(|| count(&["max_model_len"])),
        output_tokens_max: count(&["top_provider", "max_completion_tokens"]),
    })
}
