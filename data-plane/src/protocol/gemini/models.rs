//! Model lists and cards, and how the thinking of a model is controlled, by its name.
//!
//! Source: Gemini API, `models.list`, and "Thinking" (levels and budgets).

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::proto_json::{count, field, required};
use crate::canon::{Fault, ModelCard};
use crate::json::{self, Document, Invalid, Object, Value};
use crate::protocol::MalformedResponse;
use crate::protocol::query::parameter;

/// How the thinking of a model is controlled: by a level or by a budget. Upstreams refuse both
/// together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThinkingControl {
    /// Models before 2.5 do not think.
    Unsupported,
    /// 2.5: a limit on tokens.
    Budget(BudgetRange),
    /// 3 and later: `lowest` is the lowest level that the model accepts.
    Level { lowest: &'static str },
}

/// The budgets that a model accepts, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BudgetRange {
    pub(super) min: u64,
    pub(super) max: u64,
    /// Whether 0 switches thinking off.
    pub(super) can_disable: bool,
}

/// By a part of the model's name; the first row that matches counts. Names without a version
/// (`gemini-flash-latest`) mean the newest model.
#[rustfmt::skip]
const THINKING: [(&str, ThinkingControl); 7] = [
    ("gemini-1",              ThinkingControl::Unsupported),
    ("gemini-2.0",            ThinkingControl::Unsupported),
    ("gemma",                 ThinkingControl::Unsupported),
    ("gemini-2.5-pro",        ThinkingControl::Budget(BudgetRange { min: 128, max: 32_768, can_disable: false })),
    ("gemini-2.5-flash-lite", ThinkingControl::Budget(BudgetRange { min: 512, max: 24_576, can_disable: true })),
    ("gemini-2.5",            ThinkingControl::Budget(BudgetRange { min: 1,   max: 24_576, can_disable: true })),
    ("-pro",                  ThinkingControl::Level { lowest: "LOW" }),
];

impl ThinkingControl {
    pub(super) fn of(model: &str) -> Self {
        let row = THINKING.iter().find(|(part, _)| model.contains(part));
        row.map_or(Self::Level { lowest: "MINIMAL" }, |(_, control)| *control)
    }

    /// Whether the model is of generation 3 or later, which verifies thought signatures and accepts
    /// media in function responses and a resolution for each part.
    pub(super) fn is_generation_3(self) -> bool {
        matches!(self, Self::Level { .. })
    }
}

/// Encodes one page of the list: `pageSize` models from `pageToken` on, which is the index of the
/// first.
pub(super) fn encode_list(models: &[ModelCard], query: Option<&str>) -> Bytes {
    let number = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| parameter(query, name))?;
        value.parse::<usize>().ok()
    };
    let start = number(["pageToken", "page_token"]).unwrap_or(0);
    let start = start.min(models.len());
    let size = number(["pageSize", "page_size"])
        .filter(|&size| size > 0)
        .unwrap_or(models.len());
    let end = start.saturating_add(size).min(models.len());
    json::document(|value| {
        value.object(|list| {
            list.array("models", |cards| {
                for card in &models[start..end] {
                    cards.object(|model| write_card(model, card));
                }
            });
            if end < models.len() {
                list.str("nextPageToken", &end.to_string());
            }
        });
    })
}

/// Encodes one model.
pub(super) fn encode(card: &ModelCard) -> Bytes {
    json::document(|value| value.object(|model| write_card(model, card)))
}

fn write_card(model: &mut Object<'_>, card: &ModelCard) {
    model.str("name", &format!("models/{}", card.id));
    model.str(
        "displayName",
        card.display_name.as_ref().unwrap_or(&card.id),
    );
    if let Some(limit) = card.input_tokens_max {
        model.u64("inputTokenLimit", limit);
    }
    if let Some(limit) = card.output_tokens_max {
        model.u64("outputTokenLimit", limit);
    }
    // Clients filter the list by this field, so it is always written.
    model.array("supportedGenerationMethods", |methods| {
        for method in ["generateContent", "streamGenerateContent", "countTokens"] {
            methods.item().str(method);
        }
    });
}

/// Decodes an upstream's list of models.
pub(super) fn decode_list(body: &Bytes) -> Result<Vec<ModelCard>, Fault> {
    let document = Document::parse(body.clone()).map_err(MalformedResponse::from)?;
    let models = required(document.root(), "models")
        .and_then(Value::items)
        .map_err(MalformedResponse::from)?;
    let cards: Result<Vec<ModelCard>, Invalid> = models.map(decode_card).collect();
    Ok(cards.map_err(MalformedResponse::from)?)
}

/// Models on a page, at most. Source: Gemini API, `models.list`, `page_size`.
const PAGE_LEN_MAX: usize = 1000;

/// The query of the page that follows this one of an upstream's list.
pub(super) fn next_query(body: &Bytes) -> Option<String> {
    let document = Document::parse(body.clone()).ok()?;
    let token = field(document.root(), "nextPageToken")?.str().ok()?;
    let encoded = utf8_percent_encode(&token, NON_ALPHANUMERIC);
    (!token.is_empty()).then(|| format!("pageSize={PAGE_LEN_MAX}&pageToken={encoded}"))
}

fn decode_card(model: Value<'_>) -> Result<ModelCard, Invalid> {
    let name = required(model, "name")?.str()?;
    let tokens = |name: &str| field(model, name).and_then(|value| count(value).ok());
    let display_name = field(model, "displayName").and_then(|value| value.str().ok());
    Ok(ModelCard {
        id: name.strip_prefix("models/").unwrap_or(&name).to_owned(),
        display_name: display_name.map(Into::into),
        input_tokens_max: tokens("inputTokenLimit"),
        output_tokens_max: tokens("outputTokenLimit"),
        ..ModelCard::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_steered_by_level_or_by_budget() {
        assert!(
            matches!(ThinkingControl::of("models/gemini-2.5-flash"), ThinkingControl::Budget(range) if range.can_disable)
        );
        assert!(
            matches!(ThinkingControl::of("gemini-2.5-pro"), ThinkingControl::Budget(range) if !range.can_disable)
        );
        assert_eq!(
            ThinkingControl::of("gemini-3-flash-preview"),
            ThinkingControl::Level { lowest: "MINIMAL" }
        );
        assert_eq!(
            ThinkingControl::of("gemini-3-pro-preview"),
            ThinkingControl::Level { lowest: "LOW" }
        );
        assert_eq!(
            ThinkingControl::of("gemini-2.0-flash"),
            ThinkingControl::Unsupported
        );
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
        assert_eq!(
            next_query(&page).as_deref(),
            Some("pageSize=1000&pageToken=2")
        );
        assert_eq!(next_query(&encode_list(&cards, None)), None);
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
