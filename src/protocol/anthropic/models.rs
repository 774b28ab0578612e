//! The model list, a page at a time, and one model.
//!
//! Source: Anthropic Messages reference, "GET /v1/models": `limit` (20, 1 to 1000), `after_id`,
//! `before_id`. Filters nothing.

use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::canon::{Fault, ModelCard};
use crate::json::{self, Document, Invalid, Object, Value};

const PAGE_LEN: usize = 20;
const PAGE_LEN_MAX: usize = 1000;

pub(super) fn encode_list(models: &[ModelCard], query: Option<&str>) -> Bytes {
    let (page, has_more) = page(models, query.unwrap_or_default());
    json::document(|value| {
        value.object(|object| {
            object.array("data", |data| {
                page.iter()
                    .for_each(|model| data.object(|object| write(model, object)))
            });
            object.bool("has_more", has_more);
            edge("first_id", page.first(), object);
            edge("last_id", page.last(), object);
        });
    })
}

pub(super) fn encode_one(model: &ModelCard) -> Bytes {
    json::document(|value| value.object(|object| write(model, object)))
}

fn edge(key: &str, model: Option<&ModelCard>, object: &mut Object<'_>) {
    match model {
        Some(model) => object.str(key, &model.id),
        None => object.null(key),
    }
}

fn write(model: &ModelCard, object: &mut Object<'_>) {
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

/// RFC 3339. The field is demanded; the API itself writes the epoch where a date is not known.
fn created_at(seconds: Option<u64>) -> String {
    let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
    let moment = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// The models that the query asks for, and whether there are more in the direction that it goes.
fn page<'m>(models: &'m [ModelCard], query: &str) -> (&'m [ModelCard], bool) {
    let place = |id: String| models.iter().position(|model| model.id == id);
    let limit = parameter(query, "limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(PAGE_LEN)
        .clamp(1, PAGE_LEN_MAX);
    if let Some(end) = parameter(query, "before_id").and_then(place) {
        let start = end.saturating_sub(limit);
        return (&models[start..end], start > 0);
    }
    let start = parameter(query, "after_id")
        .and_then(place)
        .map_or(0, |place| place + 1);
    let end = (start + limit).min(models.len());
    (&models[start..end], end < models.len())
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.rev().find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

pub(super) fn decode_list(body: &Bytes) -> Result<Vec<ModelCard>, Fault> {
    let unreadable = |invalid: Invalid| {
        Fault::upstream(format!(
            "the upstream's list of models cannot be read: {invalid}"
        ))
    };
    let document = Document::parse(body.clone()).map_err(unreadable)?;
    let models = document
        .root()
        .required("data")
        .and_then(Value::items)
        .map_err(unreadable)?;
    models
        .map(card)
        .collect::<Result<_, _>>()
        .map_err(unreadable)
}

fn card(model: Value<'_>) -> Result<ModelCard, Invalid> {
    let string = |key: &str| model.get(key).and_then(|value| value.str().ok());
    let count = |key: &str| model.get(key).and_then(|value| value.u64().ok());
    let created = string("created_at").and_then(|moment| moment.parse::<Timestamp>().ok());
    Ok(ModelCard {
        id: model.required("id")?.str()?.into_owned(),
        display_name: string("display_name").map(std::borrow::Cow::into_owned),
        created: created
            .and_then(|moment| u64::try_from(moment.as_second()).ok())
            .filter(|&seconds| seconds > 0),
        input_tokens_max: count("max_input_tokens"),
        output_tokens_max: count("max_tokens"),
        ..ModelCard::default()
    })
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
        let (page, has_more) = page(models, query);
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
        assert_eq!(
            encode_list(&[], None),
            r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
        );
    }
}
