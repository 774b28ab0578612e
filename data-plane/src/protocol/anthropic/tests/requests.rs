use serde_json::json;

use super::*;
use crate::canon::{
    Effort, Format, Located, Media, MediaKind, MediaSource, Offset, Part, PartKind, Reasoning,
    ReasoningDisplay, ReasoningForm, ReasoningMode, Role, SchemaFormat, Signature, Tool,
    ToolChoice, ToolKind, ToolName, Turn, Unknown,
};
use crate::json::{EscapedStr, Raw};
use crate::protocol::envelope;

fn at<T>(value: T) -> Located<T> {
    Located::new(value, Offset(0))
}

fn text(text: &str) -> Part {
    Part::text(text.into(), Offset(0))
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn {
        role,
        parts,
        name: None,
        at: Offset(0),
    }
}

/// A request of another dialect: no body to take paths from.
fn foreign(turns: Vec<Turn>) -> Request {
    Request {
        turns,
        output_tokens_max: Some(at(9000)),
        ..Request::default()
    }
}

fn refusal(request: &Request, model: &str) -> String {
    encode(request, &target(model)).unwrap_err().why
}

#[test]
fn a_request_goes_through_canon_unchanged() {
    let body = json!({
        "model": "claude-opus-4-7", "max_tokens": 9000, "stop_sequences": ["a", "b"],
        "metadata": {"user_id": "u"}, "service_tier": "standard_only",
        "tools": [
            {"name": "get", "description": "d", "input_schema": {"type": "object", "properties": {"n": {"const": 1}}, "additionalProperties": false}, "strict": true,
             "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "web_search_20260318", "name": "web_search", "max_uses": 2},
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
        "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "see"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
                 "title": "t", "context": "c", "citations": {"enabled": true}},
                {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "EqRk="},
                {"type": "redacted_thinking", "data": "Zm9v"},
                {"type": "tool_use", "id": "t_1", "name": "get", "input": {"n": 12345678901234567890_u64}},
                {"type": "server_tool_use", "id": "s_1", "name": "web_search", "input": {"query": "q"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t_1", "content": [
                    {"type": "text", "text": "no"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "AAAA"}},
                ]},
                {"type": "text", "text": "go on"},
            ]},
            {"role": "system", "content": [{"type": "text", "text": "note"}]},
        ],
        "thinking": {"type": "adaptive", "display": "omitted"},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "string"}}},
        "cache_control": {"type": "ephemeral", "ttl": "5m"},
    });
    let request = decode(&body.to_string());
    assert_eq!(sent(&request, "claude-opus-4-7"), (body, vec![]));
}

#[test]
fn system_text_in_the_middle_is_wrapped_for_models_that_know_no_system_messages() {
    let request = chat(
        r#"[{"role":"user","content":"a"},{"role":"system","content":"rule"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]"#,
    );
    let (body, losses) = sent(&request, "claude-sonnet-4-5");
    let expected = json!([
        {"role": "user", "content": [{"type": "text", "text": "a"},
            {"type": "text", "text": "<system-reminder>\nrule\n</system-reminder>"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "b"}]},
        {"role": "user", "content": [{"type": "text", "text": "c"}]},
    ]);
    assert_eq!(
        (body["messages"].clone(), losses),
        (expected, vec!["Adjusted messages[1]".to_owned()])
    );

    let wire = Anthropic
        .encode_request(&request, &target("claude-opus-4-7"), &mut Losses::default())
        .wire;
    let headers: Vec<_> = wire
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let beta = ("anthropic-beta", "mid-conversation-system-2026-04-07");
    assert_eq!(headers, [("anthropic-version", "2023-06-01"), beta]);
}

#[test]
fn system_messages_in_front_are_system_text() {
    let request = chat(r#"[{"role":"system","content":"rule"},{"role":"user","content":"a"}]"#);
    assert_eq!((request.system.len(), request.turns.len()), (1, 1));
}

#[test]
fn unknown_members_are_named_at_every_depth() {
    let request = decode(
        r#"{"model":"m","max_tokens":9,"speed":"fast","context_management":{},"metadata":{"x":1},"thinking":{"type":"disabled","x":1},
        "output_config":{"x":1},"tools":[{"name":"t","defer_loading":true}],"tool_choice":{"type":"auto","x":1},
        "messages":[{"role":"user","x":1,"content":[{"type":"text","text":"a","x":1,"cache_control":{"type":"ephemeral","scope":"g"}},
        {"type":"image","transformations":{},"source":{"type":"url","url":"https://a/b","x":1}}]}]}"#,
    );
    let (_, losses) = sent(&request, "claude-sonnet-4-5");
    let expected = [
        "speed",
        "context_management",
        "metadata.x",
        "thinking.x",
        "output_config.x",
        "tools[0].defer_loading",
        "tool_choice.x",
        "messages[0].x",
        "messages[0].content[0].x",
        "messages[0].content[0].cache_control.scope",
        "messages[0].content[1].transformations",
        "messages[0].content[1].source.x",
    ];
    let mut expected: Vec<String> = expected
        .iter()
        .map(|path| format!("Dropped {path}"))
        .collect();
    let mut losses = losses;
    expected.sort();
    losses.sort();
    assert_eq!(losses, expected);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_path() {
    let cases = [
        (r#"{"max_tokens":1,"messages":[]}"#, "missing `model`"),
        (r#"{"model":"m","messages":[]}"#, "missing `max_tokens`"),
        (
            r#"{"model":"m","max_tokens":1,"messages":[]}"#,
            "messages: expected at least one message, found none",
        ),
        (
            r#"{"model":"m","max_tokens":1,"messages":[{"role":"tool","content":""}]}"#,
            "messages[0].role: expected `user`, `assistant` or `system`, found `tool`",
        ),
        (
            r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"file:///etc/passwd"}}]}]}"#,
            "messages[0].content[0].source.url: expected an http or https URL, found `file:///etc/passwd`",
        ),
        (
            r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"x"}]}]}"#,
            "messages[0].content[0]: result for the tool call `x`",
        ),
        (
            r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"thinking":{"type":"enabled"}}"#,
            "thinking: missing",
        ),
    ];
    for (body, expected) in cases {
        let fault = decode_for(Operation::Generate, body)
            .unwrap_err()
            .into_fault(body.as_bytes());
        assert!(fault.message.starts_with(expected), "{}", fault.message);
    }
}

#[test]
fn a_server_held_thread_gets_the_answer_that_makes_the_sdk_send_all() {
    let body = r#"{"model":"m","max_tokens":1,"thread":{"type":"create"},"messages":[{"role":"user","content":"a"}]}"#;
    let fault = decode_for(Operation::Generate, body)
        .unwrap_err()
        .into_fault(body.as_bytes());
    let (status, body) = Anthropic.encode_fault(&fault, "req_1");
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status.as_u16(), &body["error"]["type"]),
        (400, &json!("invalid_request_error"))
    );
    assert_eq!(
        body["error"]["details"],
        json!({"error_code": "thread_unsupported_request", "unsupported": ["thread"]})
    );
}

#[test]
fn every_field_is_written_or_named() {
    let schema = Raw::from_static("true");
    let schema = SchemaFormat {
        name: Some(at("n".into())),
        description: Some(at("d".into())),
        schema,
        strict: None,
    };
    type Change = Box<dyn Fn(&mut Request)>;
    let set: Vec<(&str, Change)> = vec![
        (
            "system",
            Box::new(|request| request.system = vec![text("s")]),
        ),
        (
            "max_tokens",
            Box::new(|request| request.output_tokens_max = Some(at(7))),
        ),
        (
            "temperature",
            Box::new(|request| request.sampling.temperature = Some(at(Raw::from_static("0.5")))),
        ),
        (
            "top_p",
            Box::new(|request| request.sampling.top_p = Some(at(Raw::from_static("0.5")))),
        ),
        (
            "top_k",
            Box::new(|request| request.sampling.top_k = Some(at(Raw::from_static("5")))),
        ),
        (
            "",
            Box::new(|request| request.sampling.seed = Some(at(Raw::from_static("5")))),
        ),
        (
            "",
            Box::new(|request| request.sampling.presence_penalty = Some(at(Raw::from_static("5")))),
        ),
        (
            "",
            Box::new(|request| {
                request.sampling.frequency_penalty = Some(at(Raw::from_static("5")))
            }),
        ),
        (
            "stop_sequences",
            Box::new(|request| request.stops = vec![at("s".into())]),
        ),
        ("", Box::new(|request| request.choices = Some(at(2)))),
        (
            "output_config",
            Box::new(move |request| request.format = Some(at(Format::Schema(schema.clone())))),
        ),
        (
            "system",
            Box::new(|request| request.format = Some(at(Format::Json))),
        ),
        (
            "system",
            Box::new(|request| request.format = Some(at(Format::Enum(Raw::from_static("{}"))))),
        ),
        ("", Box::new(|request| request.logprobs = Some(at(0)))),
        (
            "",
            Box::new(|request| request.modalities = vec![at("audio".into())]),
        ),
        (
            "",
            Box::new(|request| request.verbosity = Some(at("low".into()))),
        ),
        (
            "metadata",
            Box::new(|request| request.user = Some(at("u".into()))),
        ),
        (
            "",
            Box::new(|request| request.metadata = Some(at(Raw::from_static("{}")))),
        ),
        (
            "service_tier",
            Box::new(|request| request.tier = Some(at("auto".into()))),
        ),
        (
            "",
            Box::new(|request| request.tier = Some(at("flex".into()))),
        ),
        (
            "",
            Box::new(|request| request.cache_key = Some(at("k".into()))),
        ),
        (
            "",
            Box::new(|request| {
                request.unknown = vec![Unknown {
                    at: Offset(0),
                    raw: Raw::from_static("1"),
                }]
            }),
        ),
        ("", Box::new(|request| request.added = vec!["tool_result"])),
        (
            "",
            Box::new(|request| request.parallel_tool_calls = Some(at(false))),
        ),
        (
            "",
            Box::new(|request| request.tool_choice = Some(at(ToolChoice::Any))),
        ),
    ];
    for (index, (key, change)) in set.iter().enumerate() {
        let mut request = foreign(vec![turn(Role::User, vec![text("a")])]);
        change(&mut request);
        let is_told = match encode(&request, &target("claude-sonnet-4-5")) {
            Err(_) => true,
            Ok((body, losses)) => !losses.is_empty() || body.get(key).is_some(),
        };
        assert!(is_told, "case {index}: {key}");
    }
}

#[test]
fn every_field_of_a_part_is_written_or_named() {
    let image = |detail: Option<&str>, name: Option<&str>| {
        let source = MediaSource::Url {
            url: "https://x.test/a".into(),
            mime: None,
        };
        let (detail, name) = (
            detail.map(|detail| at(detail.into())),
            name.map(|name| at(name.into())),
        );
        Part::new(
            PartKind::Media(Media {
                kind: MediaKind::Image,
                source,
                name,
                context: None,
                detail,
            }),
            Offset(0),
        )
    };
    let signature = Some(Signature {
        origin: origin("gemini"),
        value: "t".into(),
    });
    let hosted = PartKind::Hosted {
        dialect: Dialect::named("gemini"),
        kind: "k".into(),
        raw: Raw::from_static("{}"),
    };
    let annotation = Some(at(Raw::from_static(r#"[{"type":"url_citation"}]"#)));
    let breakpoint = |ttl: &str| {
        Some(crate::canon::CacheBreakpoint {
            at: Offset(0),
            ttl: Some(ttl.into()),
        })
    };
    let cases = [
        (
            Part {
                signature,
                ..text("a")
            },
            "Dropped reasoning",
        ),
        (
            Part {
                citations: annotation,
                ..text("a")
            },
            "Dropped ",
        ),
        (
            Part {
                cache: breakpoint("30m"),
                ..text("a")
            },
            "Adjusted ",
        ),
        (image(Some("low"), None), "Dropped "),
        (image(None, Some("a.png")), "Dropped "),
        (Part::new(hosted, Offset(0)), "Dropped "),
    ];
    for (part, loss) in cases {
        let request = foreign(vec![turn(Role::User, vec![text("a"), part.clone()])]);
        assert_eq!(sent(&request, "m").1, [loss], "{part:?}");
    }
    let marked = foreign(vec![turn(
        Role::User,
        vec![Part {
            cache: breakpoint("1h"),
            ..text("a")
        }],
    )]);
    let (body, losses) = sent(&marked, "m");
    assert_eq!(
        (
            &body["messages"][0]["content"][0]["cache_control"]["ttl"],
            losses
        ),
        (&json!("1h"), vec![])
    );
    let named = Turn {
        name: Some(at("ann".into())),
        ..turn(Role::User, vec![text("a")])
    };
    assert_eq!(sent(&foreign(vec![named]), "m").1, ["Dropped "]);
}

#[test]
fn the_bound_that_the_client_left_open_is_added_by_name() {
    let request = Request {
        turns: vec![turn(Role::User, vec![text("a")])],
        ..Request::default()
    };
    let cases = [
        (false, None, 8_192),
        (true, None, 32_000),
        (true, Some(64_000), 64_000),
    ];
    for (stream, output_tokens_max, expected) in cases {
        let (body, losses) = encode(
            &request,
            &Target {
                stream,
                output_tokens_max,
                ..target("m")
            },
        )
        .unwrap();
        assert_eq!(
            (&body["max_tokens"], losses),
            (&json!(expected), vec!["Added max_tokens".to_owned()])
        );
    }
}

#[test]
fn efforts_and_budgets_become_what_the_model_takes() {
    let effort = |effort| Reasoning {
        effort: Some(at(effort)),
        ..Reasoning::default()
    };
    let budget = |tokens| Reasoning {
        budget_tokens: Some(at(tokens)),
        budget_effort: Some(Effort::Medium),
        mode: ReasoningMode::Fixed,
        ..Reasoning::default()
    };
    let unasked = Reasoning {
        mode: ReasoningMode::Unasked,
        ..effort(Effort::Low)
    };
    let cases = [
        (
            "claude-opus-4-6",
            unasked.clone(),
            json!(null),
            json!("low"),
            false,
        ),
        ("claude-sonnet-4-5", unasked, json!(null), json!(null), true),
        (
            "claude-opus-4-6",
            effort(Effort::High),
            json!({"type": "adaptive"}),
            json!("high"),
            false,
        ),
        (
            "claude-opus-4-6",
            effort(Effort::Minimal),
            json!({"type": "adaptive"}),
            json!("low"),
            true,
        ),
        (
            "claude-opus-4-6",
            effort(Effort::None),
            json!({"type": "disabled"}),
            json!(null),
            false,
        ),
        (
            "claude-opus-4-6",
            budget(9_000),
            json!({"type": "adaptive"}),
            json!("medium"),
            true,
        ),
        (
            "claude-sonnet-4-5",
            effort(Effort::Low),
            json!({"type": "enabled", "budget_tokens": 2_048}),
            json!(null),
            false,
        ),
        (
            "claude-sonnet-4-5",
            effort(Effort::Max),
            json!({"type": "enabled", "budget_tokens": 8_999}),
            json!(null),
            true,
        ),
        (
            "claude-sonnet-4-5",
            budget(1_500),
            json!({"type": "enabled", "budget_tokens": 1_500}),
            json!(null),
            false,
        ),
        (
            "claude-sonnet-4-5",
            budget(100),
            json!({"type": "disabled"}),
            json!(null),
            true,
        ),
        (
            "claude-3-5-sonnet-20241022",
            effort(Effort::Low),
            json!(null),
            json!(null),
            true,
        ),
    ];
    for (model, reasoning, thinking, effort, is_inexact) in cases {
        let mut request = foreign(vec![turn(Role::User, vec![text("a")])]);
        request.reasoning = Some(at(reasoning.clone()));
        let (body, losses) = sent(&request, model);
        assert_eq!(
            (&body["thinking"], &body["output_config"]["effort"]),
            (&thinking, &effort),
            "{model} {reasoning:?}"
        );
        assert_eq!(
            !losses.is_empty(),
            is_inexact,
            "{model} {reasoning:?} {losses:?}"
        );
    }
}

#[test]
fn a_bound_of_our_own_makes_room_for_the_budget() {
    let mut request = foreign(vec![turn(Role::User, vec![text("a")])]);
    request.output_tokens_max = None;
    request.reasoning = Some(at(Reasoning {
        effort: Some(at(Effort::High)),
        ..Reasoning::default()
    }));
    let (body, _) = sent(&request, "claude-sonnet-4-5");
    assert_eq!(
        (&body["max_tokens"], &body["thinking"]["budget_tokens"]),
        (&json!(24_576), &json!(16_384))
    );
}

#[test]
fn sampling_is_clamped_or_dropped_by_name() {
    let sampled = request_with(r#","temperature":1.5,"top_p":0.9,"top_k":5"#);
    let (body, losses) = sent(&sampled, "claude-sonnet-4-5");
    assert_eq!(
        (&body["temperature"], body.get("top_p"), &body["top_k"]),
        (&json!(1), None, &json!(5))
    );
    assert_eq!(losses, ["Adjusted temperature", "Dropped top_p"]);
    let all = ["Dropped temperature", "Dropped top_p", "Dropped top_k"];
    assert_eq!(sent(&sampled, "claude-opus-4-7").1, all);
    let thinking = request_with(
        r#","temperature":1.5,"top_p":0.9,"top_k":5,"thinking":{"type":"enabled","budget_tokens":2000}"#,
    );
    assert_eq!(sent(&thinking, "claude-sonnet-4-5").1, all);
}

const TOOLS: &str =
    r#","tools":[{"name":"a"},{"name":"b","input_schema":{"properties":{"x":{}}}}]"#;

#[test]
fn every_form_of_tool_choice_is_carried() {
    let choices = [
        (
            ToolChoice::None,
            json!({"type": "none"}),
            2,
            vec!["Dropped "],
        ),
        (
            ToolChoice::Auto,
            json!({"type": "auto", "disable_parallel_tool_use": true}),
            2,
            vec![],
        ),
        (
            ToolChoice::Any,
            json!({"type": "any", "disable_parallel_tool_use": true}),
            2,
            vec![],
        ),
        (
            ToolChoice::One {
                name: "a".into(),
                namespace: None,
            },
            json!({"type": "tool", "name": "a", "disable_parallel_tool_use": true}),
            2,
            vec![],
        ),
        (
            ToolChoice::Subset {
                tools: vec![ToolName::plain("b".into())],
                must: true,
            },
            json!({"type": "any", "disable_parallel_tool_use": true}),
            1,
            vec!["Dropped tools[0]"],
        ),
    ];
    for (choice, expected, tools, lost) in choices {
        let mut request = request_with(TOOLS);
        request.tool_choice = Some(at(choice));
        request.parallel_tool_calls = Some(at(false));
        let (body, losses) = sent(&request, "m");
        assert_eq!(
            (
                &body["tool_choice"],
                body["tools"].as_array().unwrap().len(),
                losses
            ),
            (
                &expected,
                tools,
                lost.into_iter().map(str::to_owned).collect()
            )
        );
    }
    let (body, _) = sent(&request_with(TOOLS), "m");
    assert_eq!(
        body["tools"][0]["input_schema"],
        json!({"type": "object", "properties": {}})
    );
    assert_eq!(
        body["tools"][1]["input_schema"],
        json!({"type": "object", "properties": {"x": {}}})
    );
}

#[test]
fn thinking_that_is_on_is_shown_unless_the_client_says_otherwise() {
    let show = |thinking: &str| {
        let request = request_with(&format!(r#","thinking":{{{thinking}}}"#));
        request
            .reasoning
            .unwrap()
            .value
            .display
            .map(|show| show.value)
    };
    assert_eq!(
        show(r#""type":"adaptive""#),
        Some(ReasoningDisplay::Summary(None))
    );
    assert_eq!(
        show(r#""type":"enabled","budget_tokens":2000"#),
        Some(ReasoningDisplay::Summary(None))
    );
    assert_eq!(
        show(r#""type":"adaptive","display":"omitted""#),
        Some(ReasoningDisplay::No)
    );
    assert_eq!(show(r#""type":"disabled""#), None);
}

#[test]
fn a_forced_call_switches_thinking_off() {
    let request = request_with(&format!(
        r#"{TOOLS},"tool_choice":{{"type":"any"}},"thinking":{{"type":"enabled","budget_tokens":2000}}"#
    ));
    let (body, losses) = sent(&request, "claude-sonnet-4-5");
    assert_eq!(
        (&body["thinking"], losses),
        (
            &json!({"type": "disabled"}),
            vec!["Dropped thinking".to_owned()]
        )
    );
}

#[test]
fn thinking_that_cannot_be_had_is_named_with_its_effort() {
    let members = r#","output_config":{"effort":"low"},"tool_choice":{"type":"any"},"thinking":{"type":"enabled","budget_tokens":2000}"#;
    let (body, losses) = sent(
        &request_with(&format!("{TOOLS}{members}")),
        "claude-sonnet-4-5",
    );
    assert_eq!(
        (body.get("output_config"), losses),
        (
            None,
            vec![
                "Dropped thinking".to_owned(),
                "Dropped output_config.effort".into()
            ]
        )
    );
}

#[test]
fn what_stands_on_an_empty_text_is_named() {
    let request = chat(
        r#"[{"role":"user","content":[{"type":"text","text":"","cache_control":{"type":"ephemeral"}},{"type":"text","text":"a"}]}]"#,
    );
    assert_eq!(
        sent(&request, "m").1,
        ["Dropped messages[0].content[0].cache_control"]
    );
}

#[test]
fn hosted_tools_of_others_are_dropped_unless_they_are_forced() {
    let hosted = ToolKind::Hosted {
        dialect: Dialect::named("openai_responses"),
        kind: "web_search".into(),
        raw: Raw::from_static("{}"),
    };
    let mut request = foreign(vec![turn(Role::User, vec![text("a")])]);
    request.tools = vec![Tool {
        kind: hosted,
        at: Offset(0),
    }];
    let (body, losses) = sent(&request, "m");
    assert_eq!((body.get("tools"), losses.len()), (None, 1));
    request.tool_choice = Some(at(ToolChoice::Hosted("web_search".into())));
    assert!(refusal(&request, "m").contains("forced"));
}

#[test]
fn a_hosted_tool_is_forced_by_its_name() {
    let request = request_with(
        r#","tools":[{"type":"web_search_20260318","name":"web_search"}],"tool_choice":{"type":"tool","name":"web_search"}"#,
    );
    assert_eq!(
        request.tool_choice.as_ref().unwrap().value,
        ToolChoice::Hosted("web_search_20260318".into())
    );
    assert_eq!(
        sent(&request, "m").0["tool_choice"],
        json!({"type": "tool", "name": "web_search"})
    );
}

#[test]
fn free_text_tools_become_functions_of_one_input() {
    let free = ToolKind::Free {
        name: "patch".into(),
        namespace: Some("ns".into()),
        description: None,
        grammar: Some(at(Raw::from_static("{}"))),
        cache: None,
    };
    let mut request = foreign(vec![turn(Role::User, vec![text("a")])]);
    request.tools = vec![Tool {
        kind: free,
        at: Offset(0),
    }];
    let (body, losses) = sent(&request, "m");
    assert_eq!(
        (&body["tools"][0]["name"], losses.len()),
        (&json!("ns__patch"), 1)
    );
    assert_eq!(
        body["tools"][0]["input_schema"]["required"],
        json!(["input"])
    );
}

#[test]
fn a_conversation_begins_with_the_user_and_holds_nothing_empty() {
    let request = chat(
        r#"[{"role":"assistant","content":"b"},{"role":"user","content":""},{"role":"assistant","content":" "}]"#,
    );
    let (body, losses) = sent(&request, "m");
    let expected = json!([
        {"role": "user", "content": [{"type": "text", "text": "(continue)"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "b"}]},
    ]);
    assert_eq!(
        (body["messages"].clone(), losses),
        (
            expected,
            vec!["Dropped messages[2].content".into(), "Added turn".into()]
        )
    );
}

#[test]
fn calls_and_results_have_ids_and_inputs_that_fit() {
    let call = |input| PartKind::ToolCall {
        id: "functions.get:0".into(),
        name: "get it".into(),
        namespace: None,
        input,
    };
    let result = crate::canon::ToolResult {
        call_id: "functions.get:0".into(),
        name: None,
        parts: vec![text("")],
        is_error: false,
    };
    let request = foreign(vec![
        turn(Role::User, vec![text("a")]),
        turn(
            Role::Assistant,
            vec![Part::new(
                call(crate::canon::ToolInput::Malformed("{\"a".into())),
                Offset(0),
            )],
        ),
        turn(
            Role::User,
            vec![Part::new(PartKind::ToolResult(result), Offset(0))],
        ),
    ]);
    let (body, losses) = sent(&request, "m");
    let (call, result) = (
        &body["messages"][1]["content"][0],
        &body["messages"][2]["content"][0],
    );
    assert_eq!(
        (&call["input"], &call["id"], losses.len()),
        (&json!({"_raw": "{\"a"}), &result["tool_use_id"], 1)
    );
    let fits = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    assert!(fits(call["id"].as_str().unwrap()) && fits(call["name"].as_str().unwrap()));
    assert_eq!(result.get("content"), None);
}

#[test]
fn media_is_carried_or_refused() {
    let media = |kind, source| {
        let media = Media {
            kind,
            source,
            name: None,
            context: None,
            detail: None,
        };
        foreign(vec![turn(
            Role::User,
            vec![Part::new(PartKind::Media(media), Offset(0))],
        )])
    };
    let inline = |mime: &str, data: &str| MediaSource::Inline {
        mime: mime.into(),
        data: data.into(),
    };
    let source =
        |request: &Request| sent(request, "m").0["messages"][0]["content"][0]["source"].clone();
    let jpeg = media(MediaKind::Image, inline("image/JPG", "AAAA"));
    assert_eq!(
        source(&jpeg),
        json!({"type": "base64", "media_type": "image/jpeg", "data": "AAAA"})
    );
    let document = media(MediaKind::Document, inline("text/markdown", "aMOp"));
    assert_eq!(
        source(&document),
        json!({"type": "text", "media_type": "text/plain", "data": "hé"})
    );
    let file = MediaSource::File {
        id: at("f".into()),
        dialect: Dialect::named("gemini"),
    };
    let refused = [
        media(MediaKind::Image, inline("image/tiff", "AAAA")),
        media(MediaKind::Audio, inline("audio/wav", "AAAA")),
        media(MediaKind::Video, inline("video/mp4", "AAAA")),
        media(MediaKind::Pdf, file),
    ];
    for request in refused {
        assert!(!refusal(&request, "m").is_empty());
    }
}

#[test]
fn search_results_and_documents_of_blocks_keep_their_text() {
    let blocks = r#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#;
    let request = chat(&format!(
        r#"[{{"role":"user","content":[{{"type":"search_result","source":"https://x.test","title":"t","content":{blocks}}},
        {{"type":"document","source":{{"type":"content","content":{blocks}}}}}]}}]"#
    ));
    let content = &sent(&request, "m").0["messages"][0]["content"];
    let source = json!({"type": "text", "media_type": "text/plain", "data": "a\n\nb"});
    assert_eq!(
        content[0],
        json!({"type": "document", "source": source, "title": "t", "context": "https://x.test"})
    );
    assert_eq!(content[1], json!({"type": "document", "source": source}));
}

#[test]
fn only_the_first_four_cache_marks_are_kept() {
    let block = r#"{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}"#;
    let request = chat(&format!(
        r#"[{{"role":"user","content":[{}]}}]"#,
        [block; 5].join(",")
    ));
    assert_eq!(
        sent(&request, "m").1,
        ["Dropped messages[0].content[4].cache_control"]
    );
}

/// A running tool loop whose call follows thinking, with that signature.
fn tool_loop(carrier: &str) -> Request {
    ask_with_messages(&format!(
        r#"[{{"role":"user","content":"a"}},{{"role":"assistant","content":[{{"type":"thinking","thinking":"hm","signature":"{carrier}"}},
        {{"type":"tool_use","id":"t","name":"n","input":{{}}}}]}},
        {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":"ok"}}]}}]"#
    ))
}

fn ask_with_messages(messages: &str) -> Request {
    decode(&format!(
        r#"{{"model":"m","max_tokens":9000,"thinking":{{"type":"enabled","budget_tokens":2000}},"messages":{messages}}}"#
    ))
}

#[test]
fn thinking_goes_back_to_its_maker_only() {
    let wrapped = |dialect, model: &str| {
        let origin = Origin {
            model: model.into(),
            ..origin(dialect)
        };
        envelope::wrap(
            &origin,
            ReasoningForm::Full,
            Some(&EscapedStr::from("token")),
        )
        .to_plain()
        .into_owned()
    };
    let fitting = [
        ("EqRk==".to_owned(), "EqRk=="),
        (wrapped("anthropic", "claude-sonnet-4-5"), "token"),
    ];
    for (carrier, signature) in fitting {
        let (body, losses) = sent(&tool_loop(&carrier), "claude-sonnet-4-5");
        assert_eq!(
            body["messages"][1]["content"][0],
            json!({"type": "thinking", "thinking": "hm", "signature": signature})
        );
        assert_eq!(
            (&body["thinking"]["type"], losses),
            (&json!("enabled"), vec![])
        );
    }
    for carrier in [
        wrapped("anthropic", "claude-opus-4-1"),
        format!("{}!", envelope::PREFIX),
    ] {
        let (body, losses) = sent(&tool_loop(&carrier), "claude-sonnet-4-5");
        assert_eq!(body["messages"][1]["content"][0]["type"], "tool_use");
        assert_eq!(body["thinking"], json!({"type": "disabled"}));
        assert_eq!(
            losses,
            ["Dropped messages[1].content[0]", "Dropped thinking"]
        );
    }
}

#[test]
fn reasoning_of_no_running_loop_may_go_missing() {
    let part = Part::new(
        PartKind::Reasoning {
            form: ReasoningForm::Summary,
            texts: vec!["hm".into()],
        },
        Offset(0),
    );
    let signature = Signature {
        origin: origin("openai_responses"),
        value: "t".into(),
    };
    let turns = vec![
        turn(Role::User, vec![text("a")]),
        turn(
            Role::Assistant,
            vec![
                Part {
                    signature: Some(signature),
                    ..part
                },
                text("b"),
            ],
        ),
        turn(Role::User, vec![text("c")]),
    ];
    let mut request = foreign(turns);
    request.reasoning = Some(at(Reasoning {
        effort: Some(at(Effort::Low)),
        ..Reasoning::default()
    }));
    let (body, losses) = sent(&request, "claude-sonnet-4-5");
    assert_eq!(
        (&body["thinking"]["type"], losses.len()),
        (&json!("enabled"), 1)
    );
}

#[test]
fn a_count_takes_only_what_counts() {
    let body = r#"{"model":"m","system":"s","messages":[{"role":"user","content":"a"}]}"#;
    let mut request = decode_for(Operation::CountTokens, body).unwrap();
    request.user = Some(at("u".into()));
    request.stops = vec![at("s".into())];
    let (body, losses) = encode(
        &request,
        &Target {
            operation: Operation::CountTokens,
            ..target("m")
        },
    )
    .unwrap();
    let expected = json!({"model": "m", "system": [{"type": "text", "text": "s"}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]});
    assert_eq!((body, losses), (expected, vec![]));
}

#[test]
fn a_peek_finds_the_model_and_the_conversation() {
    let body =
        Bytes::from_static(br#"{"stream":true,"model":"cl\u0061ude","metadata":{"user_id":"u"}}"#);
    let inbound = Inbound {
        operation: Operation::Generate,
        path_model: None,
        query: None,
        headers: &NO_HEADERS,
        body: &body,
    };
    let fields = Anthropic.routing_fields(&inbound).unwrap();
    assert_eq!(
        (
            fields.model.as_str(),
            fields.stream,
            fields.session.as_deref()
        ),
        ("claude", Some(true), Some("u"))
    );
    assert_eq!(&body[fields.model_at.unwrap()], br"cl\u0061ude");
}
