//! Model lists and cards, and what the models of this dialect accept, by their names.
//!
//! Source: Anthropic Messages reference: "GET /v1/models" (`limit`: 1 to 1000, 20 by default;
//! `after_id`, `before_id`); `thinking` ("newer models accept only adaptive, up to 4.5 only
//! enabled"), "two API versions" (sampling) and "Rules enforced" (prefill). This is the only place
//! in the dialect that looks at a model's version.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::canon::{Fault, ModelCard};
use crate::json::{self, Document, Invalid, Object, Value};
use crate::protocol::query::parameter;

/// Models on a page where the query sets no `limit`.
const PAGE_LEN: usize = 20;
const PAGE_LEN_MAX: usize = 1000;

/// Encodes the page of the list that the query asks for.
pub(super) fn encode_list(models: &[ModelCard], query: Option<&str>) -> Bytes {
    let (page, has_more) = page(models, query);
    json::document(|value| {
        value.object(|object| {
            object.array("data", |data| {
                page.iter()
                    .for_each(|model| data.object(|object| write_card(model, object)))
            });
            object.bool("has_more", has_more);
            write_id("first_id", page.first(), object);
            write_id("last_id", page.last(), object);
        });
    })
}

/// Encodes one model.
pub(super) fn encode(model: &ModelCard) -> Bytes {
    json::document(|value| value.object(|object| write_card(model, object)))
}

fn write_id(key: &str, model: Option<&ModelCard>, object: &mut Object<'_>) {
    match model {
        Some(model) => object.str(key, &model.id),
        None => object.null(key),
    }
}

fn write_card(model: &ModelCard, object: &mut Object<'_>) {
    object.str("type", "model");
    object.str("id", &model.id);
    object.str(
        "display_name",
        model.display_name.as_deref().unwrap_or(&model.id),
    );
    object.str("created_at", &created_at(model.created));
    object.str("lifecycle", "active");
    object.some(
        "max_input_tokens",
        model.input_tokens_max,
        |value, tokens| value.u64(tokens),
    );
    object.some("max_tokens", model.output_tokens_max, |value, tokens| {
        value.u64(tokens)
    });
}

/// The creation date as RFC 3339. The field is required; the API itself writes the epoch where it
/// does not know the date.
fn created_at(seconds: Option<u64>) -> String {
    let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
    let created = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    created.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Selects the page that the query asks for, and whether more models follow in that direction.
fn page<'m>(models: &'m [ModelCard], query: Option<&str>) -> (&'m [ModelCard], bool) {
    let index_of = |id: Cow<'_, str>| models.iter().position(|model| model.id == id);
    let limit = parameter(query, "limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(PAGE_LEN)
        .clamp(1, PAGE_LEN_MAX);
    if let Some(end) = parameter(query, "before_id").and_then(index_of) {
        let start = end.saturating_sub(limit);
        return (&models[start..end], start > 0);
    }
    let start = match parameter(query, "after_id").and_then(index_of) {
        Some(index) => index + 1,
        None => 0,
    };
    let end = (start + limit).min(models.len());
    (&models[start..end], end < models.len())
}

/// Decodes an upstream's list of models.
pub(super) fn decode_list(body: &Bytes) -> Result<Vec<ModelCard>, Fault> {
    let malformed = |invalid: Invalid| {
        let why = format!("the upstream's list of models cannot be read: {invalid}");
        Fault::upstream(why)
    };
    let document = Document::parse(body.clone()).map_err(malformed)?;
    let models = document
        .root()
        .required("data")
        .and_then(Value::items)
        .map_err(malformed)?;
    let cards: Result<Vec<ModelCard>, Invalid> = models.map(decode_card).collect();
    cards.map_err(malformed)
}

/// The query of the page that follows this one of an upstream's list.
pub(super) fn next_query(body: &Bytes) -> Option<String> {
    let document = Document::parse(body.clone()).ok()?;
    let root = document.root();
    let has_more = root.get("has_more")?.bool().ok()?;
    let last = root.get("last_id")?.str().ok()?;
    let last = utf8_percent_encode(&last, NON_ALPHANUMERIC);
    has_more.then(|| format!("limit={PAGE_LEN_MAX}&after_id={last}"))
}

fn decode_card(model: Value<'_>) -> Result<ModelCard, Invalid> {
    let string = |key: &str| model.get(key).and_then(|value| value.str().ok());
    let tokens = |key: &str| model.get(key).and_then(|value| value.u64().ok());
    let created_at = string("created_at").and_then(|time| time.parse::<Timestamp>().ok());
    // The epoch stands for a date that is not known.
    let created = created_at
        .and_then(|time| u64::try_from(time.as_second()).ok())
        .filter(|&seconds| seconds > 0);
    Ok(ModelCard {
        id: model.required("id")?.str()?.into_owned(),
        display_name: string("display_name").map(std::borrow::Cow::into_owned),
        created,
        input_tokens_max: tokens("max_input_tokens"),
        output_tokens_max: tokens("max_tokens"),
        ..ModelCard::default()
    })
}

/// How a model is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThinkingForm {
    /// The model does not think.
    Unsupported,
    /// `{"type":"enabled","budget_tokens":…}`.
    Budget,
    /// `{"type":"adaptive"}` together with `output_config.effort`.
    Adaptive,
    /// Not known: the form that the client used, else a budget, which other vendors' servers
    /// copied first.
    Unknown,
}

/// What a model accepts in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abilities {
    pub(super) thinking: ThinkingForm,
    /// Whether it accepts `temperature`, `top_p` and `top_k`.
    pub(super) sampling: bool,
    /// Whether it accepts messages with the role `system` (beta
    /// `mid-conversation-system-2026-04-07`).
    pub(super) system_messages: bool,
    /// Whether the last message may be the start of the response (a prefill).
    pub(super) prefill: bool,
}

/// A model of another vendor, or of a name that does not say `claude`.
const UNKNOWN: Abilities = Abilities {
    thinking: ThinkingForm::Unknown,
    sampling: true,
    system_messages: false,
    prefill: true,
};

/// Abilities by the version that introduced them, newest first.
const ABILITIES: [((u32, u32), Abilities); 4] = [
    (
        (4, 7),
        Abilities {
            thinking: ThinkingForm::Adaptive,
            sampling: false,
            system_messages: true,
            prefill: false,
        },
    ),
    (
        (4, 6),
        Abilities {
            thinking: ThinkingForm::Adaptive,
            sampling: true,
            system_messages: false,
            prefill: false,
        },
    ),
    (
        (3, 7),
        Abilities {
            thinking: ThinkingForm::Budget,
            sampling: true,
            system_messages: false,
            prefill: true,
        },
    ),
    (
        (0, 0),
        Abilities {
            thinking: ThinkingForm::Unsupported,
            sampling: true,
            system_messages: false,
            prefill: true,
        },
    ),
];

/// What the model of that name accepts. A Claude model without a version in its name counts as the
/// newest.
pub(super) fn abilities(model: &str) -> Abilities {
    let Some((_, name)) = model.rsplit_once("claude") else {
        return UNKNOWN;
    };
    let version = version(name).unwrap_or((u32::MAX, 0));
    ABILITIES
        .iter()
        .find(|(from, _)| *from <= version)
        .map_or(UNKNOWN, |(_, abilities)| *abilities)
}

/// Whether the name is one of Anthropic's own models.
pub(super) fn is_claude(model: &str) -> bool {
    model.contains("claude")
}

/// Major and minor version: `-opus-4-5-20251101` is 4.5, `-sonnet-4-20250514` is 4.0. A number of
/// more than two digits is a date.
fn version(name: &str) -> Option<(u32, u32)> {
    let numbers = name
        .split(|character: char| !character.is_ascii_digit())
        .filter(|digits| !digits.is_empty());
    let mut numbers = numbers.map(|digits| digits.parse().ok().filter(|_| digits.len() <= 2));
    let major = numbers.next().flatten()?;
    Some((major, numbers.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cards(ids: &[&str]) -> Vec<ModelCard> {
        ids.iter()
            .map(|id| ModelCard {
                id: (*id).to_owned(),
                ..ModelCard::default()
            })
            .collect()
    }

    fn ids(models: &[ModelCard], query: &str) -> (Vec<String>, bool) {
        let (page, has_more) = page(models, Some(query));
        (
            page.iter().map(|model| model.id.clone()).collect(),
            has_more,
        )
    }

    #[test]
    fn pages_go_both_ways() {
        let models = cards(&["a", "lab/b", "c", "d"]);
        assert_eq!(
            ids(&models, "limit=2"),
            (vec!["a".into(), "lab/b".into()], true)
        );
        assert_eq!(
            ids(&models, "limit=2&after_id=lab%2Fb"),
            (vec!["c".into(), "d".into()], false)
        );
        assert_eq!(
            ids(&models, "before_id=d&limit=2"),
            (vec!["lab/b".into(), "c".into()], true)
        );
        assert_eq!(ids(&models, "after_id=d"), (vec![], false));
        assert_eq!(ids(&models, "limit=0").0.len(), 1);
    }

    #[test]
    fn a_list_has_the_apis_shape_and_comes_back() {
        let model = ModelCard {
            id: "m".into(),
            created: Some(1_700_000_000),
            input_tokens_max: Some(9),
            ..ModelCard::default()
        };
        let body = encode_list(&[model], None);
        let expected = r#"{"data":[{"type":"model","id":"m","display_name":"m","created_at":"2023-11-14T22:13:20Z","lifecycle":"active","max_input_tokens":9}],"has_more":false,"first_id":"m","last_id":"m"}"#;
        assert_eq!(body, expected);
        let back = decode_list(&body).unwrap();
        assert_eq!(
            (
                back[0].id.as_str(),
                back[0].created,
                back[0].input_tokens_max
            ),
            ("m", Some(1_700_000_000), Some(9))
        );
        assert_eq!(next_query(&body), None);
        let more = r#"{"data":[],"has_more":true,"first_id":"a","last_id":"lab/b"}"#;
        assert_eq!(
            next_query(&more.into()).as_deref(),
            Some("limit=1000&after_id=lab%2Fb")
        );
        assert_eq!(
            encode_list(&[], None),
            r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
        );
    }

    #[test]
    fn a_name_tells_how_its_model_reasons() {
        let cases = [
            ("claude-3-5-haiku-20241022", ThinkingForm::Unsupported),
            ("claude-3-opus-20240229", ThinkingForm::Unsupported),
            ("claude-3-7-sonnet-20250219", ThinkingForm::Budget),
            ("claude-sonnet-4-20250514", ThinkingForm::Budget),
            ("anthropic/claude-opus-4.5", ThinkingForm::Budget),
            ("claude-opus-4-6", ThinkingForm::Adaptive),
            (
                "anthropic.claude-sonnet-5-20270101-v1:0",
                ThinkingForm::Adaptive,
            ),
            ("claude-next", ThinkingForm::Adaptive),
            ("kimi-k2", ThinkingForm::Unknown),
        ];
        for (model, form) in cases {
            assert_eq!(abilities(model).thinking, form, "{model}");
        }
    }

    #[test]
    fn only_the_newest_refuse_sampling_and_take_system_turns() {
        for (model, is_newest) in [
            ("claude-sonnet-4-5", false),
            ("claude-opus-4-6", false),
            ("claude-opus-4-7", true),
            ("m", false),
        ] {
            assert_eq!(
                (abilities(model).sampling, abilities(model).system_messages),
                (!is_newest, is_newest),
                "{model}"
            );
        }
    }
}
