//! The calls by which some providers report an account's balance.
//!
//! Amounts are readings in cents of their currency: providers write them with fractions, and a
//! reading counts.

use std::borrow::Cow;

use serde_json::Value;

use crate::outcome::{Reading, ReadingSource, Scope, Unit};

/// A call for the balance: its path and the shape of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// `{"data":{"limit":100,"limit_remaining":74.5,"usage":25.5}}`; a key without a limit has
    /// `null`. Source: OpenRouter, "Get current API key".
    OpenRouter,
    /// `{"is_available":true,"balance_infos":[{"currency":"CNY","total_balance":"110.00"}]}`.
    /// Source: DeepSeek, "Get User Balance".
    DeepSeek,
}

impl Balance {
    /// The path below the origin of the base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::OpenRouter => "/api/v1/key",
            Self::DeepSeek => "/user/balance",
        }
    }

    /// Reads the response. Empty where it contains no amount.
    pub fn read(self, body: &[u8]) -> Vec<Reading> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match self {
            Self::OpenRouter => {
                let cents = |name: &str| cents(&body["data"][name]);
                cents("limit_remaining")
                    .map(|left| reading("credits_usd_cents", cents("limit"), left))
                    .into_iter()
                    .collect()
            }
            Self::DeepSeek => body["balance_infos"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(of_currency)
                .collect(),
        }
    }
}

fn of_currency(info: &Value) -> Option<Reading> {
    let currency = info["currency"].as_str()?.to_ascii_lowercase();
    Some(reading(
        format!("balance_{currency}_cents"),
        None,
        cents(&info["total_balance"])?,
    ))
}

fn reading(window: impl Into<Cow<'static, str>>, limit: Option<u64>, remaining: u64) -> Reading {
    let (unit, scope, source) = (Unit::Other, Scope::Account, ReadingSource::BalanceCall);
    Reading {
        window: window.into(),
        unit,
        scope,
        limit,
        remaining: Some(remaining),
        resets_at: None,
        source,
    }
}

/// An amount as number or text. What is below zero is nothing left.
fn cents(amount: &Value) -> Option<u64> {
    let amount = amount.as_f64().or_else(|| amount.as_str()?.parse().ok())?;
    amount
        .is_finite()
        .then(|| (amount.max(0.0) * 100.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(balance: Balance, body: &str) -> Vec<(String, Option<u64>, Option<u64>)> {
        balance
            .read(body.as_bytes())
            .into_iter()
            .map(|read| (read.window.into_owned(), read.remaining, read.limit))
            .collect()
    }

    #[test]
    fn what_is_left_is_read() {
        let key = r#"{"data":{"label":"sk-or-v1-au7...890","limit":100,"limit_remaining":74.5,"usage":25.5}}"#;
        assert_eq!(
            read(Balance::OpenRouter, key),
            [("credits_usd_cents".to_owned(), Some(7450), Some(10_000))]
        );
        let balance = r#"{"is_available":true,"balance_infos":[{"currency":"CNY","total_balance":"110.00","granted_balance":"10.00"},{"currency":"USD","total_balance":"-0.12"}]}"#;
        let expected = [
            ("balance_cny_cents".to_owned(), Some(11_000), None),
            ("balance_usd_cents".to_owned(), Some(0), None),
        ];
        assert_eq!(read(Balance::DeepSeek, balance), expected);
    }

    #[test]
    fn what_is_not_told_is_unknown() {
        for body in [
            r#"{"data":{"limit":null,"limit_remaining":null}}"#,
            "{}",
            "<html>",
            "",
        ] {
            assert_eq!(read(Balance::OpenRouter, body), [], "{body}");
            assert_eq!(read(Balance::DeepSeek, body), [], "{body}");
        }
    }
}
