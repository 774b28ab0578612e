//! Reads limits from an error's body: the wait, the period and the scope.
//!
//! Source: google.rpc `RetryInfo` and `QuotaFailure`; OpenRouter "Errors" (`metadata.headers`);
//! `resets_at` and `resets_in_seconds` as observed with OpenAI's usage limits; messages as in
//! [`super::parse::wait_in_words`].

use std::time::Duration;

use serde_json::Value;

use super::clock::Clocks;
use super::parse::{ResetTime, go_duration, reset_time, wait_in_words};
use crate::canon::Fault;

/// What one error says about its limit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BodyLimits {
    /// The wait that it asks for.
    pub(super) wait: Option<Duration>,
    /// Whether a quota of a day or longer is spent.
    pub(super) is_daily: bool,
    /// Whether the limit covers more than one model.
    pub(super) covers_account: bool,
}

/// Reads the body, or inside a stream, where there is none, the details that the fault kept.
pub(super) fn read(body: &[u8], fault: &Fault, clocks: &Clocks) -> BodyLimits {
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
    BodyLimits {
        wait: wait(error, details, fault, clocks),
        is_daily: quotas.iter().any(|quota| quota.contains("PerDay")) || says_daily(&fault.message),
        covers_account: !quotas.is_empty() && !quotas.iter().all(|quota| is_of_a_model(quota)),
    }
}

fn wait(error: &Value, details: &[Value], fault: &Fault, clocks: &Clocks) -> Option<Duration> {
    let retry_info = || {
        details
            .iter()
            .find_map(|detail| go_duration(detail.get("retryDelay")?.as_str()?))
    };
    let member = || wait_in_members(error, clocks);
    fault
        .retry_after
        .or_else(retry_info)
        .or_else(member)
        .or_else(|| wait_in_words(&fault.message))
        .filter(|wait| !wait.is_zero())
}

/// The wait in a member that holds a timestamp or a duration.
fn wait_in_members(error: &Value, clocks: &Clocks) -> Option<Duration> {
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
    let named = in_headers.or(after).or_else(|| error.get("resets_at"))?;
    clocks.wait(reset_time_of(named)?)
}

fn reset_time_of(value: &Value) -> Option<ResetTime> {
    match value {
        Value::String(text) => reset_time(text.trim()),
        Value::Number(number) => reset_time(&number.to_string()),
        _ => None,
    }
}

/// The quotas that were exceeded, such as `GenerateRequestsPerDayPerProjectPerModel-FreeTier`.
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

    fn read(message: &str, body: &str) -> BodyLimits {
        let fault = Fault::new(FaultKind::RateLimited, Blame::Account, message);
        super::read(
            body.as_bytes(),
            &fault,
            &Clocks::of(&HeaderMap::new(), now()),
        )
    }

    fn quota(id: &str) -> BodyLimits {
        let body = format!(
            r#"{{"error":{{"code":429,"details":[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"{id}"}}]}}]}}}}"#
        );
        read("You exceeded your current quota", &body)
    }

    #[test]
    fn googles_quotas_say_how_far_and_how_long() {
        let minute = quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier");
        assert_eq!(minute, BodyLimits::default());
        let day = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier");
        assert_eq!(
            day,
            BodyLimits {
                is_daily: true,
                ..BodyLimits::default()
            }
        );
        let project = quota("GenerateRequestsPerMinutePerProject");
        assert_eq!(
            project,
            BodyLimits {
                covers_account: true,
                ..BodyLimits::default()
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
        let limits = super::read(b"", &fault, &Clocks::of(&HeaderMap::new(), now()));
        assert_eq!((limits.is_daily, limits.covers_account), (true, true));
    }
}
