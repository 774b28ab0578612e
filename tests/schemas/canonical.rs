//! What canon can say beyond what any fixture holds: every kind of part, every end, every fault.

use aerostat::canon::{
    Blame, Event, Fault, FaultKind, FinishReason, PartHead, PartIndex, ReasoningForm, Start, Usage,
};
use aerostat::json::{EscapedStr, Raw};

/// A name, and the events of an answer.
pub(super) fn answers() -> Vec<(String, Vec<Event>)> {
    let ended = |parts: Vec<Vec<Event>>, reason| answer(parts, Usage::default(), reason);
    let mut answers = vec![
        ("every part", ended(every_part(), FinishReason::ToolCalls)),
        ("two texts", ended(two_texts(), FinishReason::StopSequence)),
        (
            "all counts",
            answer(two_texts(), every_count(), FinishReason::End),
        ),
        ("a cut call", ended(cut_call(), FinishReason::Length)),
        ("nothing", vec![Event::Start(start())]),
    ]
    .into_iter()
    .map(|(name, events)| (name.to_owned(), events))
    .collect::<Vec<_>>();
    for reason in reasons() {
        answers.push((format!("{reason:?}"), ended(two_texts(), reason)));
    }
    for kind in FAULTS {
        let mut events = ended(two_texts(), FinishReason::End);
        events.pop();
        events.push(Event::Failed(fault(kind)));
        answers.push((format!("failed with {kind:?}"), events));
    }
    answers
}

pub(super) const FAULTS: [FaultKind; 22] = [
    FaultKind::BadRequest,
    FaultKind::ContextTooLong,
    FaultKind::Unauthorized,
    FaultKind::UpstreamAuth,
    FaultKind::QuotaSpent,
    FaultKind::Forbidden,
    FaultKind::NoSuchModel,
    FaultKind::NotFound,
    FaultKind::MethodNotAllowed,
    FaultKind::Misdirected,
    FaultKind::Conflict,
    FaultKind::TooLarge,
    FaultKind::UnsupportedMediaType,
    FaultKind::HeadersTooLarge,
    FaultKind::RequestTimeout,
    FaultKind::UpgradeRequired,
    FaultKind::NotImplemented,
    FaultKind::RateLimited,
    FaultKind::Overloaded,
    FaultKind::Upstream,
    FaultKind::Internal,
    FaultKind::Timeout,
];

pub(super) fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, Blame::Provider, "it failed").with_param("messages[0]")
}

fn reasons() -> Vec<FinishReason> {
    vec![
        FinishReason::End,
        FinishReason::StopSequence,
        FinishReason::Length,
        FinishReason::ContextFull,
        FinishReason::Filtered,
        FinishReason::Refusal,
        FinishReason::Paused,
        FinishReason::Malformed,
        FinishReason::Other("LATER_WORD".into()),
    ]
}

/// An answer as another gateway's or provider's: its own id, a tier of another dialect.
fn start() -> Start {
    Start {
        id: Some("x1".into()),
        model: Some("up".into()),
        created: Some(1_767_225_600),
        tier: Some("standard".into()),
        fingerprint: Some("fp".into()),
    }
}

fn answer(parts: Vec<Vec<Event>>, usage: Usage, reason: FinishReason) -> Vec<Event> {
    let mut events = vec![Event::Start(start())];
    events.extend(parts.into_iter().flatten());
    events.push(Event::Usage(usage));
    events.push(Event::Finish {
        choice: 0,
        reason,
        sequence: Some("END".into()),
        detail: Some("why".into()),
    });
    events
}

fn every_count() -> Usage {
    Usage {
        input: Some(100),
        cache_read: Some(10),
        cache_write: Some(20),
        cache_write_short: Some(15),
        cache_write_long: Some(5),
        output: Some(50),
        reasoning: Some(30),
        tool_prompt: Some(7),
        audio_input: Some(1),
        audio_output: Some(2),
        hosted_calls: Some(3),
        cost_nanos: Some(4),
    }
}

fn at(part: u32) -> PartIndex {
    PartIndex { choice: 0, part }
}

/// A part with these texts, and what else belongs to it.
fn part(part: u32, head: PartHead, texts: &[&str], others: Vec<Event>) -> Vec<Event> {
    let at = at(part);
    let mut events = vec![Event::PartStart { at, head }];
    events.extend(others);
    events.extend(texts.iter().map(|text| Event::Delta {
        at,
        text: EscapedStr::from_plain(text),
    }));
    events.push(Event::PartEnd { at });
    events
}

fn two_texts() -> Vec<Vec<Event>> {
    vec![
        part(0, PartHead::Text, &["one ", "text"], vec![]),
        part(1, PartHead::Text, &["another"], vec![]),
    ]
}

fn call(id: &'static str, free: bool) -> PartHead {
    PartHead::ToolCall {
        id: id.into(),
        name: "look_up".into(),
        namespace: None,
        free,
    }
}

fn cut_call() -> Vec<Vec<Event>> {
    vec![
        part(0, call("c1", false), &[r#"{"a":1}"#], vec![]),
        part(1, call("c2", false), &[r#"{"a":"b"#], vec![]),
    ]
}

fn every_part() -> Vec<Vec<Event>> {
    let signature = |part| Event::Signature {
        at: at(part),
        value: "dG9r".into(),
    };
    let reasoning = |form| PartHead::Reasoning(form);
    let citation =
        r#"{"type":"url_citation","url_citation":{"url":"https://e.example","content":"c"}}"#;
    let logprobs = r#"[{"token":"t","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"t","logprob":-0.5,"bytes":null}]}]"#;
    let mut thoughts = part(
        0,
        reasoning(ReasoningForm::Full),
        &["first"],
        vec![signature(0)],
    );
    let end = thoughts.pop();
    thoughts.push(Event::Paragraph { at: at(0) });
    thoughts.push(Event::Delta {
        at: at(0),
        text: "second".into(),
    });
    thoughts.extend(end);
    vec![
        thoughts,
        part(1, reasoning(ReasoningForm::Summary), &["summary"], vec![]),
        part(
            2,
            reasoning(ReasoningForm::Redacted),
            &[],
            vec![signature(2)],
        ),
        part(
            3,
            PartHead::Text,
            &["text"],
            vec![
                Event::Cite {
                    at: at(3),
                    raw: Raw::from_static(citation),
                },
                Event::Logprobs {
                    at: at(3),
                    list: Raw::from_static(logprobs),
                },
                signature(3),
            ],
        ),
        part(4, PartHead::Refusal, &["no"], vec![]),
        part(
            5,
            PartHead::Media {
                mime: "image/png".into(),
            },
            &["iVBO", "Rw=="],
            vec![],
        ),
        part(
            6,
            PartHead::Media {
                mime: "audio/wav".into(),
            },
            &["UklG"],
            vec![],
        ),
        part(
            7,
            PartHead::Hosted {
                kind: "web_search_call".into(),
                raw: Raw::from_static(
                    r#"{"type":"web_search_call","id":"ws","status":"completed"}"#,
                ),
            },
            &[],
            vec![],
        ),
        part(
            8,
            call("c1", false),
            &[r#"{"a":"#, "1}"],
            vec![signature(8)],
        ),
        part(9, call("c2", false), &[], vec![]),
        part(10, call("c3", true), &["free\n\"text\""], vec![]),
    ]
}
