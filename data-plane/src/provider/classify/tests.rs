//! Real answers of providers, status, headers and body, and what they teach.

use std::time::Duration;

use super::*;
use crate::protocol;
use crate::provider::{Auth, sample};

/// 2025-03-06T23:59:00Z.
fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_741_305_540)
}

/// Names and values of headers.
type Headers<'a> = &'a [(&'static str, &'a str)];

/// What the provider of that name and dialect makes of an answer.
fn classified(
    name: &str,
    dialect: &str,
    status: u16,
    headers: Headers<'_>,
    body: &str,
) -> (Fault, Outcome) {
    let provider = sample(name, "https://api.example", Auth::Bearer);
    let headers = headers
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    let status = StatusCode::from_u16(status).unwrap();
    let fault = protocol::by_name(dialect)
        .unwrap()
        .decode_fault(status, &headers, body.as_bytes());
    provider.classify(
        ErrorResponse {
            status,
            headers: &headers,
            body: body.as_bytes(),
        },
        fault,
        now(),
    )
}

fn after(seconds: f64) -> Option<Timestamp> {
    Some(now() + Duration::from_secs_f64(seconds))
}

fn openai(message: &str, kind: &str, code: &str) -> String {
    serde_json::json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        .to_string()
}

fn anthropic(kind: &str, message: &str) -> String {
    serde_json::json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).to_string()
}

fn google(status: &str, message: &str, details: &serde_json::Value) -> String {
    serde_json::json!({"error": {"code": 429, "message": message, "status": status, "details": details}}).to_string()
}

fn throttled(scope: Scope, until: Option<Timestamp>) -> Outcome {
    Outcome::Throttled { scope, until }
}

fn spent(scope: Scope, until: Option<Timestamp>) -> Outcome {
    Outcome::QuotaSpent { scope, until }
}

#[test]
fn limits_of_openai_and_its_kin() {
    use Scope::{Account, Model};
    let rpm = "Rate limit reached for gpt-5 in organization org-x on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s. Visit https://platform.openai.com/account/rate-limits to learn more.";
    let tpd = "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_x` service tier `on_demand` on tokens per day (TPD): Limit 100000, Used 99700, Requested 1000. Please try again in 10m4.8s.";
    let money = "You exceeded your current quota, please check your plan and billing details.";
    let day = "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day";
    let in_body = r#"{"error":{"message":"Rate limit exceeded: free-models-per-min. ","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1741305600000"},"provider_name":null}}}"#;
    let resets: Headers<'_> = &[
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "1h16m0.667s"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("x-ratelimit-reset-tokens", "6ms"),
    ];
    let table: &[(&str, Headers<'_>, String, Outcome)] = &[
        ("openai", &[("retry-after", "7")], openai(rpm, "requests", "rate_limit_exceeded"), throttled(Model, after(7.0))),
        ("openai", &[("retry-after-ms", "1500"), ("retry-after", "2")], openai(rpm, "requests", "rate_limit_exceeded"), throttled(Model, after(1.5))),
        ("openai", &[("retry-after", "Fri, 07 Mar 2025 00:00:00 GMT")], openai("slow", "tokens", "rate_limit_exceeded"), throttled(Model, after(60.0))),
        ("openai", &[], openai(rpm, "requests", "rate_limit_exceeded"), throttled(Model, after(20.0))),
        ("openai", resets, openai("slow", "requests", "rate_limit_exceeded"), throttled(Model, after(4560.667))),
        ("openai", resets, openai(money, "insufficient_quota", "insufficient_quota"), spent(Account, after(4560.667))),
        ("openai", &[("x-ratelimit-reset-requests", "8.64s")], openai(money, "insufficient_quota", "insufficient_quota"), spent(Account, None)),
        ("groq", &[("retry-after", "605"), ("x-ratelimit-reset-requests", "2m59.56s")], openai(tpd, "tokens", "rate_limit_exceeded"), spent(Model, after(605.0))),
        ("groq", &[], openai(tpd, "tokens", "rate_limit_exceeded"), spent(Model, after(604.8))),
        ("groq", &[("x-ratelimit-reset-tokens", "7.66"), ("x-ratelimit-remaining-tokens", "0")], openai("slow", "tokens", "rate_limit_exceeded"), throttled(Model, after(7.66))),
        ("openrouter", &[("x-ratelimit-reset", "1741305600000"), ("x-ratelimit-remaining", "0")], openai("Rate limit exceeded: free-models-per-min. ", "", ""), throttled(Model, after(60.0))),
        ("openrouter", &[], in_body.to_owned(), throttled(Model, after(60.0))),
        ("openrouter", &[], openai(day, "rate_limit_error", "429"), spent(Model, after(60.0))),
        ("deepseek", &[], openai("Insufficient Balance", "unknown_error", "invalid_request_error"), Outcome::Rejected(Refusal::Other)),
        ("mistral", &[], r#"{"object":"error","message":"Requests rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}"#.to_owned(), throttled(Model, None)),
        ("azure-openai", &[], r#"{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded call rate limit. Please retry after 9 seconds."}}"#.to_owned(), throttled(Model, after(9.0))),
        ("lab", &[("retry-after", "99999999999")], String::new(), throttled(Model, after(limits::WAIT_MAX.as_secs_f64()))),
    ];
    for (name, headers, body, expected) in table {
        let status = if body.contains("Insufficient Balance") {
            400
        } else {
            429
        };
        assert_eq!(
            classified(name, "openai_chat", status, headers, body).1,
            *expected,
            "{name} {headers:?} {body}"
        );
    }
    let broke = classified(
        "deepseek",
        "openai_chat",
        402,
        &[],
        &openai(
            "Insufficient Balance",
            "unknown_error",
            "invalid_request_error",
        ),
    );
    assert_eq!(broke.1, spent(Account, None));
}

#[test]
fn limits_of_anthropic() {
    let slow = anthropic(
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 50 requests per minute.",
    );
    let resets: Headers<'_> = &[
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2025-03-07T00:00:00Z"),
        ("anthropic-ratelimit-tokens-remaining", "1000"),
        ("anthropic-ratelimit-tokens-reset", "2025-03-07T02:00:00Z"),
    ];
    let unified: Headers<'_> = &[
        ("anthropic-ratelimit-unified-status", "rejected"),
        ("anthropic-ratelimit-unified-5h-status", "rejected"),
        ("anthropic-ratelimit-unified-5h-reset", "1741309140"),
        ("anthropic-ratelimit-unified-7d-status", "allowed"),
        ("anthropic-ratelimit-unified-7d-reset", "1741805540"),
    ];
    let table: &[(u16, Headers<'_>, String, Outcome)] = &[
        (
            429,
            &[("retry-after", "12")],
            slow.clone(),
            throttled(Scope::Model, after(12.0)),
        ),
        (
            429,
            resets,
            slow.clone(),
            throttled(Scope::Model, after(60.0)),
        ),
        (
            429,
            unified,
            slow.clone(),
            throttled(Scope::Account, after(3600.0)),
        ),
        (429, &[], slow, throttled(Scope::Model, None)),
        (
            400,
            &[],
            anthropic(
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API.",
            ),
            spent(Scope::Account, None),
        ),
        (
            402,
            &[],
            anthropic("billing_error", "Payment required"),
            spent(Scope::Account, None),
        ),
        (
            529,
            &[("retry-after", "5")],
            anthropic("overloaded_error", "Overloaded"),
            Outcome::Overloaded { until: after(5.0) },
        ),
        (
            529,
            resets,
            anthropic("overloaded_error", "Overloaded"),
            Outcome::Overloaded { until: None },
        ),
        (
            401,
            &[],
            anthropic("authentication_error", "invalid x-api-key"),
            Outcome::Unauthorized,
        ),
        (
            403,
            &[],
            anthropic(
                "permission_error",
                "OAuth token does not meet scope requirement",
            ),
            Outcome::Forbidden,
        ),
        (
            500,
            &[],
            anthropic("api_error", "Internal server error"),
            Outcome::Failed,
        ),
    ];
    for (status, headers, body, expected) in table {
        assert_eq!(
            classified("anthropic", "anthropic", *status, headers, body).1,
            *expected,
            "{status} {headers:?} {body}"
        );
    }
}

#[test]
fn limits_of_google() {
    let quota = |id: &str| serde_json::json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": id}]});
    let retry = serde_json::json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"});
    let minute = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
    let day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
    let said = "You exceeded your current quota, please check your plan and billing details.";
    let body = |details: serde_json::Value| google("RESOURCE_EXHAUSTED", said, &details);
    // Midnight Pacific time is 08:00 UTC in winter.
    let midnight = after(60.0 + 8.0 * 3600.0);
    let table = [
        (
            body(serde_json::json!([quota(minute), retry])),
            throttled(Scope::Model, after(34.07)),
        ),
        (
            body(serde_json::json!([
                quota("GenerateRequestsPerMinutePerProject"),
                retry
            ])),
            throttled(Scope::Account, after(34.07)),
        ),
        (
            body(serde_json::json!([quota(day), retry])),
            spent(Scope::Model, after(34.07)),
        ),
        (
            body(serde_json::json!([quota(day)])),
            spent(Scope::Model, midnight),
        ),
        (
            google(
                "RESOURCE_EXHAUSTED",
                "Quota exceeded, model: gemini-3-pro\nPlease retry in 45.5s.",
                &serde_json::json!([]),
            ),
            throttled(Scope::Model, after(45.5)),
        ),
        (
            google(
                "RESOURCE_EXHAUSTED",
                "Resource has been exhausted (e.g. check quota).",
                &serde_json::json!([]),
            ),
            throttled(Scope::Model, None),
        ),
    ];
    for (body, expected) in table {
        assert_eq!(
            classified("gemini", "gemini", 429, &[], &body).1,
            expected,
            "{body}"
        );
        assert_eq!(
            classified("gemini", "gemini", 429, &[], &format!("[{body}]")).1,
            expected,
            "the array form"
        );
    }
    let (fault, _) = classified(
        "gemini",
        "gemini",
        429,
        &[],
        &body(serde_json::json!([quota(day)])),
    );
    assert!(
        fault
            .message
            .ends_with("no moment was named; this provider's days end at midnight Pacific time"),
        "{}",
        fault.message
    );
    let (fault, outcome) = classified(
        "vertex-ai",
        "gemini",
        429,
        &[],
        &body(serde_json::json!([quota(day)])),
    );
    assert_eq!(
        (outcome, fault.retry_after),
        (spent(Scope::Model, None), None),
        "no day of its own is known"
    );
}

#[test]
fn each_other_answer_has_its_outcome() {
    use Outcome as O;
    let rejected = O::Rejected;
    let context = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.";
    let table = [
        (
            "openai_chat",
            401,
            openai(
                "Incorrect API key provided: sk-1.",
                "invalid_request_error",
                "invalid_api_key",
            ),
            O::Unauthorized,
        ),
        (
            "openai_chat",
            403,
            openai(
                "Country, region, or territory not supported",
                "request_forbidden",
                "unsupported_country_region_territory",
            ),
            O::Forbidden,
        ),
        (
            "openai_chat",
            404,
            openai(
                "The model `gpt-9` does not exist or you do not have access to it.",
                "invalid_request_error",
                "model_not_found",
            ),
            rejected(Refusal::UnknownModel),
        ),
        (
            "openai_chat",
            400,
            openai(context, "invalid_request_error", "context_length_exceeded"),
            rejected(Refusal::ContextTooLong),
        ),
        (
            "openai_responses",
            400,
            openai(
                "could not be verified",
                "invalid_request_error",
                "invalid_encrypted_content",
            ),
            rejected(Refusal::InvalidSignature),
        ),
        (
            "openai_chat",
            400,
            openai(
                "Unknown parameter: 'signature'.",
                "invalid_request_error",
                "unknown_parameter",
            ),
            rejected(Refusal::Other),
        ),
        (
            "openai_chat",
            409,
            openai("conflict", "conflict", ""),
            rejected(Refusal::Other),
        ),
        (
            "openai_chat",
            413,
            openai("too big", "invalid_request_error", ""),
            rejected(Refusal::Other),
        ),
        (
            "openai_chat",
            408,
            openai("Request Timeout", "", ""),
            O::TimedOut { stage: Stage::Head },
        ),
        (
            "openai_chat",
            503,
            openai("The engine is currently overloaded", "server_error", ""),
            O::Overloaded { until: None },
        ),
        (
            "openai_chat",
            503,
            "<html>503 Service Unavailable</html>".to_owned(),
            O::Overloaded { until: None },
        ),
        ("openai_chat", 502, "Bad gateway".to_owned(), O::Failed),
        (
            "openai_chat",
            504,
            String::new(),
            O::TimedOut { stage: Stage::Head },
        ),
        ("openai_chat", 307, String::new(), O::Failed),
        (
            "openai_chat",
            302,
            openai("please log in", "", "invalid_api_key"),
            O::Failed,
        ),
        (
            "anthropic",
            404,
            anthropic("not_found_error", "model: claude-9"),
            rejected(Refusal::UnknownModel),
        ),
        (
            "anthropic",
            400,
            anthropic(
                "invalid_request_error",
                "prompt is too long: 210000 tokens > 200000 maximum",
            ),
            rejected(Refusal::ContextTooLong),
        ),
        (
            "anthropic",
            400,
            anthropic(
                "invalid_request_error",
                "messages.1.content.0: Invalid `signature` in `thinking` block",
            ),
            rejected(Refusal::InvalidSignature),
        ),
        (
            "anthropic",
            400,
            anthropic(
                "invalid_request_error",
                "messages: at least one message is required",
            ),
            rejected(Refusal::Other),
        ),
        (
            "gemini",
            400,
            google(
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                &serde_json::json!([{"reason": "API_KEY_INVALID"}]),
            ),
            O::Unauthorized,
        ),
        (
            "gemini",
            403,
            google(
                "PERMISSION_DENIED",
                "Permission denied on resource project",
                &serde_json::json!([]),
            ),
            O::Forbidden,
        ),
        (
            "gemini",
            400,
            google(
                "INVALID_ARGUMENT",
                "Invalid/Corrupted thought signature.",
                &serde_json::json!([]),
            ),
            rejected(Refusal::InvalidSignature),
        ),
        (
            "gemini",
            503,
            google(
                "UNAVAILABLE",
                "The model is overloaded. Please try again later.",
                &serde_json::json!([]),
            ),
            O::Overloaded { until: None },
        ),
        (
            "gemini",
            500,
            google(
                "INTERNAL",
                "An internal error has occurred",
                &serde_json::json!([]),
            ),
            O::Failed,
        ),
    ];
    for (dialect, status, body, expected) in table {
        assert_eq!(
            classified("lab", dialect, status, &[], &body).1,
            expected,
            "{dialect} {status} {body}"
        );
    }
}

#[test]
fn a_fault_inside_a_stream_comes_with_a_200() {
    let fault = Fault::new(FaultKind::Overloaded, Blame::Provider, "Overloaded");
    let answer = ErrorResponse {
        status: StatusCode::OK,
        headers: &HeaderMap::new(),
        body: b"",
    };
    let (_, outcome) =
        sample("lab", "https://api.example", Auth::Bearer).classify(answer, fault, now());
    assert_eq!(outcome, Outcome::Overloaded { until: None });
}

#[test]
fn a_request_that_is_itself_forbidden_is_no_fault_of_the_account() {
    let body = openai(
        "Your request was blocked by our usage policy",
        "invalid_request_error",
        "content_policy_violation",
    );
    assert_eq!(
        classified("lab", "openai_chat", 403, &[], &body).1,
        Outcome::Rejected(Refusal::Other)
    );
}

#[test]
fn a_wrong_clock_changes_no_wait_and_is_said() {
    let date: Headers<'_> = &[
        ("date", "Fri, 07 Mar 2025 10:00:00 GMT"),
        ("retry-after", "Fri, 07 Mar 2025 10:00:30 GMT"),
    ];
    let (fault, outcome) = classified("lab", "openai_chat", 429, date, "");
    assert_eq!(
        (outcome, fault.retry_after),
        (
            throttled(Scope::Model, after(30.0)),
            Some(Duration::from_secs(30))
        )
    );
    assert!(
        fault
            .message
            .ends_with("this machine's clock is 10 h behind the provider's; set it right"),
        "{}",
        fault.message
    );
}

#[test]
fn a_client_is_told_the_whole_wait() {
    let (fault, outcome) = classified("lab", "openai_chat", 429, &[("retry-after", "604800")], "");
    assert_eq!(
        (outcome, fault.retry_after),
        (
            throttled(Scope::Model, after(604_800.0)),
            Some(Duration::from_secs(604_800))
        )
    );
}

#[test]
fn what_is_no_api_is_told_with_what_to_check() {
    for body in [
        "<!DOCTYPE html><html><body>Sign in</body></html>",
        "\n<html>",
    ] {
        let (fault, _) = classified("lab", "openai_chat", 403, &[], body);
        assert!(
            fault
                .message
                .contains("answered 403 with a web page instead"),
            "{}",
            fault.message
        );
        assert!(
            fault.message.contains("check `providers.lab.base_url`"),
            "{}",
            fault.message
        );
    }
    for body in [r#"{"detail":"Not Found"}"#, "404 page not found", ""] {
        let (fault, _) = classified("lab", "openai_chat", 404, &[], body);
        assert!(
            fault
                .message
                .contains("has nothing at that path below `https://api.example`"),
            "{}",
            fault.message
        );
        assert!(
            fault
                .message
                .contains("may be missing, wrong or there twice"),
            "{}",
            fault.message
        );
    }
    let (fault, _) = classified(
        "lab",
        "openai_chat",
        404,
        &[],
        &openai("The model `x` does not exist", "", "model_not_found"),
    );
    assert_eq!(fault.message, "The model `x` does not exist");
}
