//! What the text says of records, and that no label grows without end.

use std::time::Duration;

use super::*;
use crate::canon::Usage;
use crate::outcome::{Outcome, Refusal, Timestamp};
use crate::protocol::{Operation, openai_chat};
use crate::record::{Attempt, Ending};

/// A request that was served, by this provider and model.
fn served(provider: &str, model: &str) -> Record {
    let at = Timestamp::UNIX_EPOCH;
    let usage = Usage {
        input: Some(10),
        cache_read: Some(4),
        output: Some(3),
        ..Usage::default()
    };
    Record {
        operation: Some(Operation::Generate),
        attempts: vec![Attempt {
            provider: provider.into(),
            account: "secret-account".parse().unwrap(),
            model: model.into(),
            dialect: openai_chat::DIALECT,
            began_at: at,
            waited: Duration::ZERO,
            outcome: Outcome::Served { usage },
            detail: None,
            took: Duration::from_millis(15),
            status: Some(200),
            head_after: None,
            upstream_id: None,
            next: None,
        }],
        took: Duration::from_millis(20),
        first_byte_after: Some(Duration::from_millis(10)),
        model: "what-the-client-asked-for".to_owned(),
        stream: true,
        status: 200,
        ending: Ending::Done,
        usage,
        ..Record::opened("1".to_owned(), at, openai_chat::DIALECT)
    }
}

fn text_of(records: &[Record]) -> String {
    let metrics = Metrics::default();
    records.iter().for_each(|record| metrics.count(record));
    metrics.text(&Now::default())
}

/// The value of the one sample that begins so.
fn value<'t>(text: &'t str, sample: &str) -> Option<&'t str> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(sample));
    let value = lines.next()?.trim();
    assert_eq!(lines.next(), None, "{sample} stands once");
    Some(value)
}

#[test]
fn a_served_request_is_counted_in_every_family() {
    let text = text_of(&[served("lab", "m"), served("lab", "m")]);
    for (sample, expected) in [
        (
            r#"aerostat_requests_total{dialect="openai_chat",provider="lab",model="m",ending="done"}"#,
            "2",
        ),
        (
            r#"aerostat_attempts_total{provider="lab",outcome="served"}"#,
            "2",
        ),
        (
            r#"aerostat_tokens_total{provider="lab",model="m",kind="input"}"#,
            "20",
        ),
        (
            r#"aerostat_tokens_total{provider="lab",model="m",kind="cache_read"}"#,
            "8",
        ),
        (
            r#"aerostat_request_duration_seconds_bucket{dialect="openai_chat",provider="lab",le="0.01"}"#,
            "0",
        ),
        (
            r#"aerostat_request_duration_seconds_bucket{dialect="openai_chat",provider="lab",le="0.02"}"#,
            "2",
        ),
        (
            r#"aerostat_request_duration_seconds_bucket{dialect="openai_chat",provider="lab",le="+Inf"}"#,
            "2",
        ),
        (
            r#"aerostat_request_duration_seconds_sum{dialect="openai_chat",provider="lab"}"#,
            "0.04",
        ),
        (
            r#"aerostat_first_byte_seconds_bucket{dialect="openai_chat",provider="lab",le="0.01"}"#,
            "2",
        ),
    ] {
        assert_eq!(value(&text, sample), Some(expected), "{sample}\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(!text.contains("secret-account"), "{text}");
    assert!(!text.contains("what-the-client-asked-for"), "{text}");
}

#[test]
fn tokens_that_were_not_reported_are_no_zero() {
    let text = text_of(&[served("lab", "m")]);
    let sample = r#"aerostat_tokens_total{provider="lab",model="m",kind="reasoning"}"#;
    assert_eq!(value(&text, sample), None, "{text}");
}

#[test]
fn a_count_of_tokens_uses_none() {
    let counted = Record {
        operation: Some(Operation::CountTokens),
        ..served("lab", "m")
    };
    assert!(!text_of(&[counted]).contains("aerostat_tokens_total"));
}

#[test]
fn models_after_the_first_hundred_share_a_name() {
    let records: Vec<_> = (0..150)
        .map(|n| served("lab", &format!("m{n}")))
        .chain([served("lab", "m0")])
        .collect();
    let text = text_of(&records);
    let of = |model: &str| {
        let sample = format!(
            r#"aerostat_requests_total{{dialect="openai_chat",provider="lab",model="{model}",ending="done"}}"#
        );
        value(&text, &sample).map(str::to_owned)
    };
    assert_eq!(of("m0").as_deref(), Some("2"));
    assert_eq!(of("m99").as_deref(), Some("1"));
    assert_eq!((of("m100"), of("other").as_deref()), (None, Some("50")));
}

#[test]
fn a_name_that_no_upstream_knows_is_no_label() {
    let mut refused = served("lab", "junk-from-a-client");
    refused.attempts[0].outcome = Outcome::Rejected(Refusal::UnknownModel);
    refused.usage = Usage::default();
    refused.ending = Ending::Refused;
    let text = text_of(&[refused]);
    assert!(!text.contains("junk"), "{text}");
    let sample = r#"aerostat_requests_total{dialect="openai_chat",provider="lab",model="",ending="refused"}"#;
    assert_eq!(value(&text, sample), Some("1"), "{text}");
}

#[test]
fn labels_are_escaped() {
    let text = text_of(&[served("lab", "a\"b\\c\nd")]);
    assert!(text.contains(r#"model="a\"b\\c\nd""#), "{text}");
}

#[test]
fn what_is_read_now_is_shown() {
    let now = Now {
        in_flight: 2,
        accounts: [(("lab".to_owned(), "ready"), 3)].into(),
        client_limits: vec![("tokens_day", 5)],
        records_dropped: 4,
        spans_dropped: None,
        store_bytes: None,
    };
    let text = Metrics::default().text(&now);
    assert_eq!(value(&text, "aerostat_in_flight "), Some("2"));
    let ready = r#"aerostat_accounts{provider="lab",state="ready"}"#;
    assert_eq!(value(&text, ready), Some("3"));
    let limit = r#"aerostat_client_limits_total{limit="tokens_day"}"#;
    assert_eq!(value(&text, limit), Some("5"));
    assert_eq!(value(&text, "aerostat_records_dropped_total "), Some("4"));
    assert_eq!(value(&text, "aerostat_store_bytes "), None, "not known");
}
