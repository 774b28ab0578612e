//! Lists and cards of models, with what is known of one that runs elsewhere.
//!
//! Source: Ollama, `api/types.go`, `ListModelResponse`, `ShowResponse`, `ModelDetails`. Members that
//! are always present are empty where nothing is known, as Ollama's own are for a model of its
//! cloud.

use bytes::Bytes;
use jiff::Timestamp;

use crate::canon::ModelCard;
use crate::json::{self, Object};

/// What may be asked of a model: which of it one can do is its provider's to say, and a request that
/// asks for more is answered with that provider's reason.
const ABILITIES: [&str; 4] = ["completion", "tools", "vision", "thinking"];

/// What may be asked of a model whose name says that it embeds.
const EMBEDDING: [&str; 1] = ["embedding"];

/// The zero of Go's times, which Ollama writes where it knows none.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

pub(super) fn encode_list(models: &[ModelCard]) -> Bytes {
    json::document(|value| {
        value.object(|object| {
            object.array("models", |array| {
                for model in models {
                    array.object(|object| write_entry(model, object));
                }
            });
        });
    })
}

fn write_entry(model: &ModelCard, object: &mut Object<'_>) {
    object.str("name", &model.id);
    object.str("model", &model.id);
    object.str("modified_at", &modified_at(model));
    object.u64("size", 0);
    object.str("digest", "");
    object.object("details", |details| write_details(model, details));
}

/// What `/api/show` says.
pub(super) fn encode(model: &ModelCard) -> Bytes {
    json::document(|value| {
        value.object(|object| {
            object.str("modelfile", "");
            object.str("parameters", "");
            object.str("template", "");
            object.object("details", |details| write_details(model, details));
            object.object("model_info", |info| write_info(model, info));
            object.array("capabilities", |array| {
                for ability in abilities(model) {
                    array.item().str(ability);
                }
            });
            object.str("modified_at", &modified_at(model));
        });
    })
}

/// The family is whose model it is.
fn write_details(model: &ModelCard, details: &mut Object<'_>) {
    details.str("parent_model", "");
    details.str("format", "");
    details.str("family", &model.owner);
    details.array("families", |array| array.item().str(&model.owner));
    details.str("parameter_size", "");
    details.str("quantization_level", "");
}

/// Clients look for the context window below the architecture's name.
fn write_info(model: &ModelCard, info: &mut Object<'_>) {
    info.str("general.architecture", &model.owner);
    let name = model.display_name.as_deref().unwrap_or(&model.id);
    info.str("general.basename", name);
    let key = format!("{}.context_length", model.owner);
    info.some(&key, model.input_tokens_max, |value, tokens| {
        value.u64(tokens)
    });
}

fn abilities(model: &ModelCard) -> &'static [&'static str] {
    if model.id.contains("embed") {
        &EMBEDDING
    } else {
        &ABILITIES
    }
}

fn modified_at(model: &ModelCard) -> String {
    let seconds = model
        .created
        .and_then(|seconds| i64::try_from(seconds).ok());
    let created = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    created.map_or_else(|| NO_TIME.to_owned(), |created| created.to_string())
}
