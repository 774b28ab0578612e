//! Response headers that say how the response came about: `x-aerostat-model`, `-attempts`,
//! `-dropped`, `-adjusted`.
//!
//! Names come from clients and configurations, so every value is made ASCII and bounded here.
//! No account is named.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::canon::{Loss, LossKind};
use crate::record::Record;

const MODEL: HeaderName = HeaderName::from_static("x-aerostat-model");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-aerostat-attempts");
const DROPPED: HeaderName = HeaderName::from_static("x-aerostat-dropped");
const ADJUSTED: HeaderName = HeaderName::from_static("x-aerostat-adjusted");

/// The longest value of one header.
const BYTES_MAX: usize = 1024;

/// The end of a list that is too long.
const MORE: &str = ", ...";

/// Writes who was asked last, how many attempts it took and what a translation lost.
pub(super) fn write(headers: &mut HeaderMap, record: &Record, served_by: Option<&HeaderValue>) {
    if let Some(name) = served_by {
        headers.insert(MODEL, name.clone());
    }
    headers.insert(ATTEMPTS, attempts(record.attempts.len()));
    if record.losses.is_empty() {
        return;
    }
    let losses = [
        (DROPPED, list(record.losses.iter().filter_map(dropped))),
        (ADJUSTED, list(record.losses.iter().filter_map(adjusted))),
    ];
    let valid = losses
        .into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value?).ok()?)));
    headers.extend(valid);
}

/// `provider/model` as a header value.
pub(super) fn model(name: &str) -> HeaderValue {
    let mut name = printable(name);
    name.truncate(BYTES_MAX);
    // Printable ASCII fits into any header.
    HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("?"))
}

fn attempts(count: usize) -> HeaderValue {
    if count == 1 {
        HeaderValue::from_static("1")
    } else {
        HeaderValue::from(count)
    }
}

fn dropped(loss: &Loss) -> Option<String> {
    (loss.kind == LossKind::Dropped).then(|| element("", loss))
}

fn adjusted(loss: &Loss) -> Option<String> {
    match loss.kind {
        LossKind::Dropped => None,
        LossKind::Adjusted => Some(element("~", loss)),
        LossKind::Added => Some(element("+", loss)),
    }
}

/// One name of a list; the comma stands between names only.
fn element(sign: &str, loss: &Loss) -> String {
    format!("{sign}{}", printable(&loss.path).replace(',', "?"))
}

fn printable(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    text.chars()
        .map(|character| {
            if character.is_ascii_graphic() {
                character
            } else {
                '?'
            }
        })
        .collect()
}

/// Joins whole names; [`MORE`] stands for what does not fit.
fn list(names: impl Iterator<Item = String>) -> Option<String> {
    let mut all = String::new();
    for name in names {
        let between = if all.is_empty() { "" } else { ", " };
        if all.len() + between.len() + name.len() + MORE.len() > BYTES_MAX {
            all.push_str(if all.is_empty() { "..." } else { MORE });
            break;
        }
        all.push_str(between);
        all.push_str(&name);
    }
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_ascii_and_bounded() {
        let losses: Vec<Loss> = (0..500)
            .map(|index| Loss {
                path: format!("m\u{e9}ta, [{index}]\r\n"),
                kind: LossKind::Dropped,
            })
            .collect();
        let value = list(losses.iter().filter_map(dropped)).unwrap();
        assert!(
            value.starts_with("m?ta??[0]??, m?ta??[1]??, ") && value.ends_with("??, ..."),
            "{value}"
        );
        assert!(value.len() <= BYTES_MAX && value.is_ascii());
    }

    #[test]
    fn one_name_that_is_too_long_is_still_reported() {
        let loss = Loss {
            path: "x".repeat(5000),
            kind: LossKind::Added,
        };
        assert_eq!(
            list([loss].iter().filter_map(adjusted)).as_deref(),
            Some("...")
        );
    }

    #[test]
    fn each_kind_of_loss_has_its_sign() {
        let losses = [LossKind::Dropped, LossKind::Adjusted, LossKind::Added].map(|kind| Loss {
            path: "seed".to_owned(),
            kind,
        });
        assert_eq!(
            list(losses.iter().filter_map(dropped)).as_deref(),
            Some("seed")
        );
        assert_eq!(
            list(losses.iter().filter_map(adjusted)).as_deref(),
            Some("~seed, +seed")
        );
    }
}
