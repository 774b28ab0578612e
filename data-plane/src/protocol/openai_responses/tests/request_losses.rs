//! What cannot be carried toward an upstream.

use super::*;
use crate::canon::{
    CacheBreakpoint, Located, Media, MediaKind, MediaSource, Offset, Part, ToolResult, Turn,
};

fn located<T>(value: T) -> Option<Located<T>> {
    Some(Located::new(value, Offset(0)))
}

fn number() -> Option<Located<Raw>> {
    located(Raw::from_static("0.25"))
}

fn user(parts: Vec<Part>) -> Vec<Turn> {
    vec![Turn {
        role: Role::User,
        parts,
        name: None,
        at: Offset(0),
    }]
}

#[test]
fn every_field_is_carried_or_reported() {
    type Set = fn(&mut Request);
    let carried: [(Set, &str, &str); 9] = [
        (
            |request| request.sampling.temperature = number(),
            "/temperature",
            "0.25",
        ),
        (
            |request| request.sampling.top_p = number(),
            "/top_p",
            "0.25",
        ),
        (
            |request| request.output_tokens_max = located(70),
            "/max_output_tokens",
            "70",
        ),
        (
            |request| request.parallel_tool_calls = located(false),
            "/parallel_tool_calls",
            "false",
        ),
        (
            |request| request.verbosity = located("low".into()),
            "/text/verbosity",
            "\"low\"",
        ),
        (
            |request| {
                request.turns = vec![Turn {
                    role: Role::User,
                    parts: vec![Part::text("as JSON".into(), Offset(0))],
                    name: None,
                    at: Offset(0),
                }];
                request.format = located(Format::Json);
            },
            "/text/format/type",
            "\"json_object\"",
        ),
        (
            |request| request.logprobs = located(2),
            "/top_logprobs",
            "2",
        ),
        (
            |request| request.user = located("u".into()),
            "/safety_identifier",
            "\"u\"",
        ),
        (
            |request| request.tier = located("flex".into()),
            "/service_tier",
            "\"flex\"",
        ),
    ];
    for (set, pointer, expected) in carried {
        let mut request = Request::default();
        set(&mut request);
        let (wire, losses) = encode(&request);
        assert_eq!(
            wire.pointer(pointer).map(ToString::to_string).as_deref(),
            Some(expected)
        );
        assert!(losses_of(&request, losses).is_empty(), "{pointer}");
    }
    let dropped: [Set; 6] = [
        |request| request.sampling.top_k = number(),
        |request| request.sampling.seed = number(),
        |request| request.sampling.presence_penalty = number(),
        |request| request.sampling.frequency_penalty = number(),
        |request| {
            request.cache_breakpoint = Some(CacheBreakpoint {
                at: Offset(0),
                ttl: None,
            })
        },
        |request| request.tier = located("odd".into()),
    ];
    for set in dropped {
        let mut request = Request::default();
        set(&mut request);
        let (_, losses) = encode(&request);
        assert_eq!(losses_of(&request, losses), ["-"]);
    }
    let stop = |text: &str| Located::new(EscapedStr::from_plain(text), Offset(0));
    let mut request = Request {
        stops: vec![stop("END")],
        ..Request::default()
    };
    assert_eq!(losses_of(&request, encode(&request).1), ["~"]);
    request.stops = vec![stop(&"x".repeat(129))];
    assert!(encode(&request).1.refusal().is_some());
    request.stops = vec![stop("x"); 33];
    assert!(encode(&request).1.refusal().is_some());
    let refused: [Set; 4] = [
        |request| request.choices = located(2),
        |request| request.modalities = vec![Located::new("audio".into(), Offset(0))],
        |request| request.format = located(Format::Enum(Raw::from_static("{}"))),
        |request| request.tool_choice = located(ToolChoice::Hosted("web_search".into())),
    ];
    for set in refused {
        let mut request = Request::default();
        set(&mut request);
        assert!(encode(&request).1.refusal().is_some());
    }
}

#[test]
fn budgets_become_efforts_and_say_so() {
    use crate::canon::{Effort, Reasoning, ReasoningMode};
    let wire = |reasoning: Reasoning| {
        let request = Request {
            reasoning: located(reasoning),
            ..Request::default()
        };
        let (wire, losses) = encode(&request);
        (wire["reasoning"].clone(), losses_of(&request, losses).len())
    };
    let mut budget = Reasoning {
        budget_tokens: located(10_000),
        mode: ReasoningMode::Fixed,
        ..Reasoning::default()
    };
    budget.budget_effort = Some(Effort::Medium);
    assert_eq!(wire(budget), (serde_json::json!({"effort":"medium"}), 1));
    let off = Reasoning {
        mode: ReasoningMode::Off,
        ..Reasoning::default()
    };
    assert_eq!(wire(off), (serde_json::json!({"effort":"none"}), 0));
    let shown = Reasoning {
        effort: located(Effort::High),
        display: located(ReasoningDisplay::Summary(None)),
        ..Reasoning::default()
    };
    assert_eq!(
        wire(shown),
        (serde_json::json!({"effort":"high","summary":"auto"}), 0)
    );
}

#[test]
fn ids_that_are_too_long_keep_apart() {
    let user = |last: &str| {
        let request = Request {
            user: located(EscapedStr::from(format!("{}{last}", "u".repeat(150)))),
            ..Request::default()
        };
        encode(&request).0["safety_identifier"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(user("a").len(), 64);
    assert_ne!(user("a"), user("b"));
}

#[test]
fn media_are_carried_or_refused() {
    let inline = |kind, mime: &str| Media {
        kind,
        source: MediaSource::Inline {
            mime: mime.into(),
            data: "aGk=".into(),
        },
        name: None,
        context: None,
        detail: None,
    };
    let content = |media: Media| {
        let request = Request {
            turns: user(vec![Part::new(PartKind::Media(media), Offset(0))]),
            ..Request::default()
        };
        let (wire, losses) = encode(&request);
        (
            wire["input"][0]["content"][0].to_string(),
            losses.refusal().is_some(),
        )
    };
    let data = |mime: &str| format!("data:{mime};base64,aGk=");
    let image = format!(
        r#"{{"image_url":"{}","type":"input_image"}}"#,
        data("image/png")
    );
    assert_eq!(
        content(inline(MediaKind::Image, "image/png")),
        (image, false)
    );
    let pdf = format!(
        r#"{{"file_data":"{}","filename":"document.pdf","type":"input_file"}}"#,
        data("application/pdf")
    );
    assert_eq!(
        content(inline(MediaKind::Pdf, "application/pdf")),
        (pdf, false)
    );
    let text = r#"{"text":"hi","type":"input_text"}"#.to_owned();
    assert_eq!(
        content(inline(MediaKind::Document, "text/plain")),
        (text, false)
    );
    let audio = r#"{"input_audio":{"data":"aGk=","format":"mp3"},"type":"input_audio"}"#.to_owned();
    assert_eq!(
        content(inline(MediaKind::Audio, "audio/mpeg")),
        (audio, false)
    );
    assert!(content(inline(MediaKind::Video, "video/mp4")).1);
    assert!(content(inline(MediaKind::Audio, "audio/flac")).1);
}

#[test]
fn failed_results_say_so_in_their_text() {
    let output = |parts| {
        let result = ToolResult {
            call_id: "c".into(),
            name: None,
            parts,
            is_error: true,
        };
        let request = Request {
            turns: user(vec![Part::new(PartKind::ToolResult(result), Offset(0))]),
            ..Request::default()
        };
        encode(&request).0["input"][0]["output"].clone()
    };
    assert_eq!(output(vec![]), "Error: ");
    assert_eq!(
        output(vec![Part::text("no".into(), Offset(0))]),
        "Error: no"
    );
}

#[test]
fn strict_is_kept_only_where_the_schema_keeps_the_rules() {
    let tool = |schema: &'static str| {
        let kind = ToolKind::Function {
            name: "f".into(),
            namespace: None,
            description: None,
            schema: Some(Raw::from_static(schema)),
            strict: located(true),
            cache: None,
        };
        let request = Request {
            tools: vec![crate::canon::Tool {
                kind,
                at: Offset(0),
            }],
            ..Request::default()
        };
        encode(&request).0["tools"][0]["strict"].clone()
    };
    assert_eq!(
        tool(
            r#"{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}"#
        ),
        true
    );
    assert_eq!(tool(r#"{"type":"object","properties":{"a":{}}}"#), false);
}
