//! Reads quota windows from a response's headers, whatever its status.
//!
//! Source: OpenAI, Groq, xAI, Mistral, Together, Fireworks, OpenRouter "Rate limits"; Anthropic
//! "Rate limits", response headers; `anthropic-ratelimit-unified-*` as observed with subscription
//! accounts; draft-ietf-httpapi-ratelimit-headers.

use std::borrow::Cow;

use http::HeaderMap;

use super::clock::Clocks;
use super::parse::{ResetTime, number, reset_time};
use crate::outcome::{Reading, ReadingSource, Scope, Unit};

/// More windows than any provider reports.
const WINDOWS_MAX: usize = 16;

/// One quota window as the headers report it.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// `requests`, `input_tokens`, `5h`.
    pub(super) name: String,
    limit: Option<u64>,
    remaining: Option<u64>,
    pub(super) resets: Option<ResetTime>,
    is_rejected: bool,
    /// The used share, from 0 to 1: all that Anthropic's unified windows report.
    used: Option<f64>,
    is_unified: bool,
}

/// What a header reports about its window.
#[derive(Clone, Copy)]
enum Field {
    Limit,
    Remaining,
    Reset,
    Status,
    Utilization,
}

impl Window {
    pub(super) fn is_spent(&self) -> bool {
        self.is_rejected || self.remaining == Some(0) || self.used.is_some_and(|used| used >= 1.0)
    }

    /// Unified windows apply to the account, except those that name a model.
    pub(super) fn scope(&self) -> Scope {
        if self.is_unified && !self.name.contains('_') {
            Scope::Account
        } else {
            Scope::Model
        }
    }

    fn reading(self, clocks: &Clocks) -> Option<Reading> {
        // A reset in years is a mistake and counts as unknown.
        let is_credible =
            |when: &ResetTime| clocks.wait(*when).is_none_or(|wait| wait < super::WAIT_MAX);
        let resets_at = self
            .resets
            .filter(is_credible)
            .and_then(|when| clocks.timestamp(when, super::WAIT_MAX));
        // A share of a plan, in percent.
        let percent = self
            .used
            .map(|used| (100.0 - used * 100.0).clamp(0.0, 100.0).floor() as u64);
        let (limit, remaining) = (
            percent.map(|_| 100).or(self.limit),
            percent.or(self.remaining),
        );
        let is_telling = limit.is_some() || remaining.is_some();
        let (unit, scope, source) = (self.unit(), self.scope(), ReadingSource::Header);
        is_telling.then_some(Reading {
            window: Cow::Owned(self.name),
            unit,
            scope,
            limit,
            remaining,
            resets_at,
            source,
        })
    }

    fn unit(&self) -> Unit {
        match &*self.name {
            _ if self.used.is_some() => Unit::Other,
            name if name.contains("token") => Unit::Tokens,
            name if name.contains("req") => Unit::Requests,
            _ => Unit::Other,
        }
    }

    fn set(&mut self, field: Field, text: &str) {
        match field {
            Field::Limit => self.limit = count(text),
            Field::Remaining => self.remaining = count(text),
            Field::Reset => self.resets = reset_time(text),
            Field::Status => self.is_rejected = text == "rejected",
            Field::Utilization => self.used = number(text),
        }
    }
}

/// The windows in the headers, in the order of their first header.
pub(super) fn windows(headers: &HeaderMap) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for (header, value) in headers {
        let Some((name, field)) = field(header.as_str()) else {
            continue;
        };
        let Ok(text) = value.to_str() else { continue };
        let at = windows
            .iter()
            .position(|window| window.name == name.0)
            .or_else(|| {
                (windows.len() < WINDOWS_MAX).then(|| {
                    windows.push(Window {
                        name: name.0,
                        is_unified: name.1,
                        ..Window::default()
                    });
                    windows.len() - 1
                })
            });
        if let Some(at) = at {
            windows[at].set(field, text.trim());
        }
    }
    windows
}

/// The readings to keep and show. Allocates nothing where the headers report no limit.
pub(super) fn readings(headers: &HeaderMap, clocks: impl FnOnce() -> Clocks) -> Vec<Reading> {
    let windows = windows(headers);
    if windows.is_empty() {
        return Vec::new();
    }
    let clocks = clocks();
    windows
        .into_iter()
        .filter_map(|window| window.reading(&clocks))
        .collect()
}

/// The window's name, whether it is one of Anthropic's unified ones, and which of its fields the
/// header holds.
fn field(header: &str) -> Option<((String, bool), Field)> {
    let plain = |(window, field): (&str, Field)| ((window.replace('-', "_"), false), field);
    if let Some(rest) = header.strip_prefix("x-ratelimit-") {
        return leading(rest).map(plain);
    }
    if let Some(rest) = header.strip_prefix("anthropic-ratelimit-") {
        return anthropic(rest);
    }
    if let Some(rest) = header.strip_prefix("x-tokenlimit-") {
        return leading(rest).map(|(_, field)| plain(("tokens", field)));
    }
    header
        .strip_prefix("ratelimit-")
        .and_then(leading)
        .map(plain)
}

/// `limit-requests`; where no window is named, requests are meant (OpenRouter, Together).
fn leading(rest: &str) -> Option<(&str, Field)> {
    let (word, window) = rest.split_once('-').unwrap_or((rest, "requests"));
    let field = match word {
        "limit" => Field::Limit,
        "remaining" => Field::Remaining,
        "reset" => Field::Reset,
        _ => return None,
    };
    Some((window, field))
}

/// `input-tokens-remaining`, `unified-5h-reset`, `unified-reset`.
fn anthropic(rest: &str) -> Option<((String, bool), Field)> {
    let (window, word) = rest.rsplit_once('-')?;
    let field = match word {
        "limit" => Field::Limit,
        "remaining" => Field::Remaining,
        "reset" => Field::Reset,
        "status" => Field::Status,
        "utilization" => Field::Utilization,
        _ => return None,
    };
    let name = match window.strip_prefix("unified") {
        None => return Some(((window.replace('-', "_"), false), field)),
        Some("") => "unified",
        // Overage and fallback are no windows.
        Some(rest) => rest
            .strip_prefix('-')
            .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))?,
    };
    Some(((name.to_owned(), true), field))
}

/// `50`, `49.5`, `100;w=60`. Parts of a unit do not count.
fn count(text: &str) -> Option<u64> {
    let written = text.split([';', ',']).next()?.trim();
    number(written).map(|number| number.floor() as u64)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{headers, now};
    use super::*;
    use std::time::Duration;

    /// `window limit/remaining @seconds-from-now`.
    fn read(list: &[(&'static str, &'static str)]) -> Vec<String> {
        let (headers, now) = (headers(list), now());
        let show = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
        let readings = readings(&headers, || Clocks::of(&headers, now)).into_iter();
        let mut lines: Vec<String> = readings
            .map(|reading| {
                let resets = reading.resets_at.map(|at| {
                    at.duration_since(now)
                        .unwrap_or(Duration::ZERO)
                        .as_secs_f64()
                });
                format!(
                    "{} {}/{} @{resets:?}",
                    reading.window,
                    show(reading.remaining),
                    show(reading.limit)
                )
            })
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn each_providers_headers_are_read() {
        let openai = [
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ];
        assert_eq!(
            read(&openai),
            [
                "requests 59/60 @Some(1.0)",
                "tokens 149984/150000 @Some(360.0)"
            ]
        );
        let anthropic = [
            ("anthropic-ratelimit-input-tokens-limit", "40000"),
            ("anthropic-ratelimit-input-tokens-remaining", "39000"),
            (
                "anthropic-ratelimit-input-tokens-reset",
                "2025-03-07T00:00:00Z",
            ),
        ];
        assert_eq!(read(&anthropic), ["input_tokens 39000/40000 @Some(60.0)"]);
        let unified = [
            ("anthropic-ratelimit-unified-status", "allowed"),
            ("anthropic-ratelimit-unified-5h-status", "allowed"),
            ("anthropic-ratelimit-unified-5h-reset", "1741305660"),
            ("anthropic-ratelimit-unified-5h-utilization", "0.425"),
            ("anthropic-ratelimit-unified-overage-status", "rejected"),
            ("anthropic-ratelimit-unified-reset", "1741305660"),
        ];
        assert_eq!(read(&unified), ["5h 57/100 @Some(120.0)"]);
        let openrouter = [
            ("x-ratelimit-limit", "50"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1741305600000"),
        ];
        assert_eq!(read(&openrouter), ["requests 0/50 @Some(60.0)"]);
        let groq = [
            ("x-ratelimit-limit-requests", "14400"),
            ("x-ratelimit-remaining-requests", "14370"),
            ("x-ratelimit-reset-requests", "2m59.56s"),
        ];
        assert_eq!(read(&groq), ["requests 14370/14400 @Some(179.56)"]);
        let together = [
            ("x-tokenlimit-limit", "180000"),
            ("x-tokenlimit-remaining", "179000.0"),
            ("x-ratelimit-limit", "10"),
        ];
        assert_eq!(
            read(&together),
            ["requests ?/10 @None", "tokens 179000/180000 @None"]
        );
        let mistral = [
            ("x-ratelimit-limit-tokens-minute", "500000"),
            ("x-ratelimit-remaining-tokens-minute", "499000"),
        ];
        assert_eq!(read(&mistral), ["tokens_minute 499000/500000 @None"]);
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        assert_eq!(read(&[]), [""; 0]);
        assert_eq!(read(&[("x-ratelimit-reset-requests", "1s")]), [""; 0]);
        assert_eq!(
            read(&[
                ("x-ratelimit-remaining-requests", "-1"),
                ("x-ratelimit-limit-requests", "many")
            ]),
            [""; 0]
        );
        assert_eq!(
            read(&[("x-request-id", "5"), ("x-ratelimit-policy", "5")]),
            [""; 0]
        );
    }

    #[test]
    fn no_answer_makes_more_windows_than_are_kept() {
        let names: Vec<String> = (0..100)
            .map(|index| format!("x-ratelimit-limit-w{index}"))
            .collect();
        let headers = names.iter().map(|name| {
            (
                http::HeaderName::try_from(name.as_str()).unwrap(),
                "5".parse().unwrap(),
            )
        });
        assert_eq!(windows(&HeaderMap::from_iter(headers)).len(), WINDOWS_MAX);
    }
}
