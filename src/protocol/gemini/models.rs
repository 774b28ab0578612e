//! Models: the list in Gemini's shape, and which way of steering thought a model takes.
//!
//! Source: Gemini API, `models.list`, and "Thinking" (levels and budgets). Knows names, never a
//! provider's catalogue.

use bytes::Bytes;

use super::proto_json::{count, field, parameter, required};
use crate::canon::{Fault, ModelCard};
use crate::json::{self, Document, Object, Value};
use crate::protocol::MalformedResponse;

/// How a model's thinking is steered. Never both ways: upstreams refuse that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// Models before 2.5.
    None,
    /// 2.5: a bound on tokens.
    Budget(Budgets),
    /// 3 and later, which also check thought signatures: a word, `least` being the lowest that the
    /// model takes.
    Level { least: &'static str },
}

/// The budgets that a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budgets {
    pub(super) least: u64,
    pub(super) most: u64,
    /// Whether 0 switches thinking off.
    pub(super) may_be_off: bool,
}

/// By what the name holds; the first row that fits counts. Names without a version
/// (`gemini-flash-latest`) mean the newest.
#[rustfmt::skip]
const THINKING: [(&str, Thinking); 7] = [
    ("gemini-1",              Thinking::None),
    ("gemini-2.0",            Thinking::None),
    ("gemma",                 Thinking::None),
    ("gemini-2.5-pro",        Thinking::Budget(Budgets { least: 128, most: 32_768, may_be_off: false })),
    ("gemini-2.5-flash-lite", Thinking::Budget(Budgets { least: 512, most: 24_576, may_be_off: true })),
    ("gemini-2.5",            Thinking::Budget(Budgets { least: 1,   most: 24_576, may_be_off: true })),
    ("-pro",                  Thinking::Level { least: "LOW" }),
];

impl Thinking {
    pub(super) fn of(model: &str) -> Self {
        let row = THINKING.iter().find(|(part, _)| model.contains(part));
        row.map_or(Self::Level { least: "MINIMAL" }, |(_, thinking)| *thinking)
    }

    /// Whether the model is of the generation (3 and later) that checks thought signatures, takes
    /// media in results of calls and a resolution on each part.
    pub(super) fn is_by_level(self) -> bool {
        matches!(self, Self::Level { .. })
    }
}

/// One page of the list: `pageSize` models from `pageToken` on, which is the index of the first.
pub(super) fn encode_list(models: &[ModelCard], query: Option<&str>) -> Bytes {
    let asked = |name: &str| parameter(query, name).and_then(|value| value.parse::<usize>().ok());
    let start = asked("pageToken").unwrap_or(0).min(models.len());
    let size = asked("pageSize")
        .filter(|&size| size > 0)
        .unwrap_or(models.len());
    let end = start.saturating_add(size).min(models.len());
    json::document(|value| {
        value.object(|list| {
            list.array("models", |cards| {
                models[start..end]
                    .iter()
                    .for_each(|card| cards.object(|model| write(model, card)))
            });
            if end < models.len() {
                list.str("nextPageToken", &end.to_string());
            }
        });
    })
}

pub(super) fn encode(card: &ModelCard) -> Bytes {
    json::document(|value| value.object(|model| write(model, card)))
}

/// Clients filter on `supportedGenerationMethods`, so it is always there.
fn write(model: &mut Object<'_>, card: &ModelCard) {
    model.str("name", &format!("models/{}", card.id));
    model.str(
        "displayName",
        card.display_name.as_ref().unwrap_or(&card.id),
    );
    model.some("inputTokenLimit", card.input_tokens_max, |value, limit| {
        value.u64(limit)
    });
    model.some(
        "outputTokenLimit",
        card.output_tokens_max,
        |value, limit| value.u64(limit),
    );
    model.array("supportedGenerationMethods", |methods| {
        ["generateContent", "streamGenerateContent", "countTokens"]
            .iter()
            .for_each(|method| methods.item().str(method));
    });
}

pub(super) fn decode_list(body: &Bytes) -> Result<Vec<ModelCard>, Fault> {
    let document = Document::parse(body.clone()).map_err(MalformedResponse::from)?;
    let models = required(document.root(), "models")
        .and_then(Value::items)
        .map_err(MalformedResponse::from)?;
    models
        .map(|model| decode(model).map_err(|invalid| MalformedResponse::from(invalid).into()))
        .collect()
}

fn decode(model: Value<'_>) -> Result<ModelCard, json::Invalid> {
    let name = required(model, "name")?.str()?;
    let limit = |name: &str| field(model, name).and_then(|value| count(value).ok());
    Ok(ModelCard {
        id: name.strip_prefix("models/").unwrap_or(&name).to_owned(),
        display_name: field(model, "displayName")
            .and_then(|value| value.str().ok())
            .map(Into::into),
        input_tokens_max: limit("inputTokenLimit"),
        output_tokens_max: limit("outputTokenLimit"),
        ..ModelCard::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_steered_by_level_or_by_budget() {
        assert!(
            matches!(Thinking::of("models/gemini-2.5-flash"), Thinking::Budget(budgets) if budgets.may_be_off)
        );
        assert!(
            matches!(Thinking::of("gemini-2.5-pro"), Thinking::Budget(budgets) if !budgets.may_be_off)
        );
        assert_eq!(
            Thinking::of("gemini-3-flash-preview"),
            Thinking::Level { least: "MINIMAL" }
        );
        assert_eq!(
            Thinking::of("gemini-3-pro-preview"),
            Thinking::Level { least: "LOW" }
        );
        assert_eq!(Thinking::of("gemini-2.0-flash"), Thinking::None);
    }

    #[test]
    fn a_list_is_given_in_pages() {
        let card = |id: &str| ModelCard {
            id: id.into(),
            ..ModelCard::default()
        };
        let cards = [card("a"), card("b"), card("c")];
        let page = encode_list(&cards, Some("pageSize=2"));
        let expected = r#"{"models":[{"name":"models/a","displayName":"a","supportedGenerationMethods":["generateContent","streamGenerateContent","countTokens"]},{"name":"models/b","displayName":"b","supportedGenerationMethods":["generateContent","streamGenerateContent","countTokens"]}],"nextPageToken":"2"}"#;
        assert_eq!(page, expected);
        let ids = |body: &Bytes| {
            decode_list(body)
                .unwrap()
                .into_iter()
                .map(|card| card.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            ids(&encode_list(&cards, Some("pageToken=2&pageSize=2"))),
            ["c"]
        );
        assert_eq!(ids(&encode_list(&cards, None)), ["a", "b", "c"]);
    }
}
