//! What an error's body says about limits: how long, over which period, how far.
//!
//! Source: google.rpc `RetryInfo` and `QuotaFailure`; OpenRouter "Errors" (`metadata.headers`);
//! `resets_at` and `resets_in_seconds` as observed with OpenAI's usage limits; messages as in
//! [`super::forms::wait_in_words`].

use std::time::Duration;

use serde_json::Value;

use super::clock::Clocks;
use super::forms::{When, go_duration, wait_in_words, when};
use crate::canon::Fault;

/// The facts of one error.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The wait that it names.
    pub(super) wait: Option<Duration>,
    /// Whether a quota of a day or longer is spent.
    pub(super) is_daily: bool,
    /// Whether the limit covers more than one model.
    pub(super) covers_account: bool,
}

/// Reads the body; inside a stream, where there is none, what the fault kept of it.
pub(super) fn facts(body: &[u8], fault: &Fault, clocks: &Clocks) -> Facts {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let root = parsed.get(0).unwrap_or(&parsed);
    let error = root
        .get("error")
        .filter(|error| error.is_object())
        .unwrap_or(root);
    let kept = fault
        .details
        .as_ref()
        .and_then(|details| serde_json::from_str::<Value>(details.as_str()).ok());
    let details = error
        .get("details")
        .or(kept.as_ref())
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let quotas: Vec<&str> = details.iter().flat_map(quota_ids).collect();
    Facts {
        wait: named(error, details, fault, clocks),
        is_daily: quotas.iter().any(|quota| quota.contains("PerDay")) || says_daily(&fault.message),
        covers_account: !quotas.is_empty() && !quotas.iter().all(|quota| is_of_a_model(quota)),
    }
}

fn named(error: &Value, details: &[Value], fault: &Fault, clocks: &Clocks) -> Option<Duration> {
    let retry_info = || {
        details
            .iter()
            .find_map(|detail| go_duration(detail.get("retryDelay")?.as_str()?))
    };
    let member = || members(error, clocks);
    fault
        .retry_after
        .or_else(retry_info)
        .or_else(member)
        .or_else(|| wait_in_words(&fault.message))
        .filter(|wait| !wait.is_zero())
}

/// Members that hold a moment or a duration, by name.
fn members(error: &Value, clocks: &Clocks) -> Option<Duration> {
    let headers = error
        .pointer("/metadata/headers")
        .and_then(Value::as_object);
    let in_headers = headers.and_then(|headers| {
        let find = |wanted: &str| {
            headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value)
        };
        find("retry-after").or_else(|| find("x-ratelimit-reset"))
    });
    let after = ["resets_in_seconds", "retry_after", "retry_after_seconds"]
        .iter()
        .find_map(|name| error.get(*name));
    let said = in_headers.or(after).or_else(|| error.get("resets_at"))?;
    clocks.wait(moment(said)?)
}

fn moment(value: &Value) -> Option<When> {
    match value {
        Value::String(text) => when(text.trim()),
        Value::Number(number) => when(&number.to_string()),
        _ => None,
    }
}

/// Such as `GenerateRequestsPerDayPerProjectPerModel-FreeTier`.
fn quota_ids(detail: &Value) -> impl Iterator<Item = &str> {
    let violations = detail
        .get("violations")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    violations.iter().filter_map(|violation| {
        violation
            .get("quotaId")
            .or_else(|| violation.get("quotaMetric"))?
            .as_str()
    })
}

fn is_of_a_model(quota: &str) -> bool {
    ["PerModel", "PerBaseModel", "per_model", "per_base_model"]
        .iter()
        .any(|word| quota.contains(word))
}

/// "requests per day (RPD)" (OpenAI, Groq), "free-models-per-day" (OpenRouter).
fn says_daily(message: &str) -> bool {
    let text = message.to_ascii_lowercase();
    ["per day", "per-day", "per_day", "(rpd)", "(tpd)", "daily"]
        .iter()
        .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::now;
    use super::*;
    use crate::canon::{Blame, FaultKind};
    use http::HeaderMap;

    fn read(message: &str, body: &str) -> Facts {
        let fault = Fault::new(FaultKind::RateLimited, Blame::Account, message);
        facts(
            body.as_bytes(),
            &fault,
            &Clocks::of(&HeaderMap::new(), now()),
        )
    }

    fn quota(id: &str) -> Facts {
        let body = format!(
            r#"{{"error":{{"code":429,"details":[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"{id}"}}]}}]}}}}"#
        );
        read("You exceeded your current quota", &body)
    }

    #[test]
    fn googles_quotas_say_how_far_and_how_long() {
        let minute = quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier");
        assert_eq!(minute, Facts::default());
        let day = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier");
        assert_eq!(
            day,
            Facts {
                is_daily: true,
                ..Facts::default()
            }
        );
        let project = quota("GenerateRequestsPerMinutePerProject");
        assert_eq!(
            project,
            Facts {
                covers_account: true,
                ..Facts::default()
            }
        );
    }

    #[test]
    fn waits_are_read_wherever_they_stand() {
        let seconds = |body: &str| read("", body).wait.map(|wait| wait.as_secs_f64());
        let retry_info = r#"[{"error":{"details":[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.07s"}]}}]"#;
        assert_eq!(seconds(retry_info), Some(34.07));
        let openrouter = r#"{"error":{"message":"Rate limit exceeded: free-models-per-min. ","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"16","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1741305600000"},"provider_name":null}}}"#;
        assert_eq!(seconds(openrouter), Some(60.0));
        assert_eq!(
            seconds(
                r#"{"error":{"type":"usage_limit_reached","resets_in_seconds":7200,"resets_at":1741312740}}"#
            ),
            Some(7200.0)
        );
        assert_eq!(seconds(r#"{"error":{"resets_at":1741305600}}"#), Some(60.0));
        assert_eq!(
            seconds(r#"{"error":"Please try again in 3s"}"#),
            None,
            "the message is the fault's business"
        );
        assert_eq!(seconds("<html>"), None);
    }

    #[test]
    fn a_message_names_its_wait_and_its_period() {
        let said = "Rate limit reached for model `llama` on tokens per day (TPD): Limit 500000. Please try again in 7m12s.";
        assert_eq!(read(said, "").wait, Some(Duration::from_secs(432)));
        assert!(read(said, "").is_daily);
        assert!(
            read(
                "Rate limit exceeded: free-models-per-day. Add 10 credits",
                ""
            )
            .is_daily
        );
        assert!(!read("Rate limit reached on requests per min (RPM)", "").is_daily);
    }

    #[test]
    fn a_fault_inside_a_stream_keeps_its_details() {
        let mut fault = Fault::new(FaultKind::QuotaSpent, Blame::Account, "");
        fault.details = Some(crate::json::Raw::from_static(
            r#"[{"violations":[{"quotaId":"RequestsPerDayPerProject"}]}]"#,
        ));
        let facts = facts(b"", &fault, &Clocks::of(&HeaderMap::new(), now()));
        assert_eq!((facts.is_daily, facts.covers_account), (true, true));
    }
}
