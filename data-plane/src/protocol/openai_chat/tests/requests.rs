//! Requests: decoded, encoded, and what is said of the rest.

use proptest::prelude::*;

use super::*;
use crate::json::{EscapedStr, Raw};
use crate::protocol::Maker;

/// Something of everything that a request can say and a Chat upstream can take.
fn full_request() -> Json {
    json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "name": "ann", "content": [
                {"type": "text", "text": "look", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}}]},
            {"role": "assistant", "content": null,
             "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"n\":12345678901234567890}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "7"},
            {"role": "user", "content": "and?"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "strict": false,
            "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}}],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}},
        "parallel_tool_calls": false, "temperature": 0.50, "top_p": 1, "seed": 3, "presence_penalty": -1, "frequency_penalty": 2,
        "max_completion_tokens": 9, "n": 2, "stop": ["a", "b"], "logprobs": true, "top_logprobs": 3, "verbosity": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": {"type": "object"}, "strict": false}},
        "reasoning_effort": "high", "user": "u", "service_tier": "flex", "metadata": {"a": "b"}, "prompt_cache_key": "k"
    })
}

#[test]
fn a_message_that_is_left_out_is_named_with_its_speaker() {
    let request = with_messages(json!([
        {"role": "user", "content": "a"}, {"role": "assistant", "name": "ann", "reasoning_content": "hm"}, {"role": "user", "content": "b"}]));
    assert_eq!(
        translate(&request).1,
        [
            "dropped messages[1].reasoning_content",
            "dropped messages[1].name"
        ]
    );
}

#[test]
fn what_the_dialect_says_it_says_again() {
    let request = full_request();
    let (mut wire, losses) = translate(&request);
    wire["model"] = json!("m");
    assert_eq!(wire, request);
    assert!(losses.is_empty(), "{losses:?}");
}

#[test]
fn other_makers_servers_get_what_they_know() {
    let mut body = full_request();
    body["messages"][2]["reasoning_content"] = json!("hm");
    let request = decode(&body).unwrap();
    let (theirs, losses) = encode_for(
        &request,
        &Target {
            model: "llama-3.3-70b",
            ..target(false)
        },
    );
    assert_eq!(
        (&theirs["max_tokens"], &theirs["max_completion_tokens"]),
        (&json!(9), &Json::Null)
    );
    assert_eq!(theirs["messages"][2]["reasoning_content"], "hm");
    assert_eq!(
        losses.unwrap(),
        [
            "dropped messages[1].content[0].prompt_cache_breakpoint",
            "dropped prompt_cache_key"
        ]
    );
    let (openais, losses) = encode_for(&request, &target(false));
    assert_eq!(openais["messages"][2].get("reasoning_content"), None);
    assert_eq!(losses.unwrap(), ["dropped messages[2].reasoning_content"]);
}

#[test]
fn reasoning_models_are_sent_no_sampling() {
    let body = json!({"model": "m", "messages": [], "temperature": 0.2, "top_p": 0.9, "presence_penalty": 1, "seed": 3});
    let (wire, losses) = encode_for(
        &decode(&body).unwrap(),
        &Target {
            model: "gpt-5",
            ..target(false)
        },
    );
    assert_eq!((wire.get("temperature"), &wire["seed"]), (None, &json!(3)));
    assert_eq!(
        losses.unwrap(),
        [
            "dropped temperature",
            "dropped top_p",
            "dropped presence_penalty"
        ]
    );
}

#[test]
fn newer_names_win_and_the_older_are_reported() {
    let (wire, losses) = translate(&json!({
        "model": "m", "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 5, "max_completion_tokens": 7, "safety_identifier": "s", "user": "u"}));
    assert_eq!(
        (&wire["max_completion_tokens"], &wire["user"]),
        (&json!(7), &json!("s"))
    );
    assert_eq!(losses, ["dropped max_tokens", "dropped user"]);
}

#[test]
fn every_field_that_nobody_knows_is_reported_by_its_path() {
    let (_, losses) = translate(&json!({
        "model": "m", "x1": 1, "logit_bias": {"5": 1}, "store": true, "nothing": null, "stream_options": {"include_obfuscation": false},
        "messages": [
            {"role": "user", "x2": 1, "content": [{"type": "text", "text": "hi", "x3": 1}, {"type": "image_url", "image_url": {"url": "https://e/a", "x4": 1}}]},
            {"role": "assistant", "content": "a", "annotations": [], "refusal": null, "tool_calls": [
                {"id": "1", "x5": 1, "type": "function", "function": {"name": "f", "arguments": "", "x6": 1}}]}],
        "tools": [{"type": "function", "x7": 1, "function": {"name": "f", "x8": 1}}],
        "response_format": {"type": "text", "x9": 1}}));
    let dropped: Vec<_> = losses
        .iter()
        .filter_map(|loss| loss.strip_prefix("dropped "))
        .collect();
    let mut expected = vec![
        "x1",
        "logit_bias",
        "store",
        "stream_options.include_obfuscation",
        "messages[0].x2",
        "messages[0].content[0].x3",
        "messages[0].content[1].image_url.x4",
        "messages[1].tool_calls[0].x5",
        "messages[1].tool_calls[0].function.x6",
        "tools[0].x7",
        "tools[0].function.x8",
        "response_format.x9",
    ];
    expected.sort_unstable();
    let mut dropped = dropped;
    dropped.sort_unstable();
    assert_eq!(dropped, expected);
    assert!(
        losses.contains(&"added tool_result".to_owned()),
        "{losses:?}"
    );
}

#[test]
fn what_no_translation_can_serve_is_refused_by_its_path() {
    let message = |content: Json| with_messages(json!([{"role": "user", "content": content}]));
    let cases = [
        (json!({"model": "m"}), "missing `messages`"),
        (json!({"messages": []}), "missing `model`"),
        (
            json!({"model": "m", "messages": [], "stop": ["1", "2", "3", "4", "5"]}),
            "stop: expected at most 4 stop sequences, found 5",
        ),
        (
            json!({"model": "m", "messages": [], "modalities": ["text", "audio"]}),
            "modalities[1]: audio output cannot be translated",
        ),
        (
            json!({"model": "m", "messages": [], "n": 0}),
            "n: expected 1 or more, found `0`",
        ),
        (
            json!({"model": "m", "messages": [], "reasoning_effort": "huge"}),
            "reasoning_effort: expected none, minimal, low, medium, high, xhigh or max, found `huge`",
        ),
        (
            message(json!([{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}])),
            "messages[0].content[0].image_url.url: expected an https URL or `data:MIME;base64,…`, found another kind of address",
        ),
        (
            message(json!([{"type": "hologram"}])),
            "messages[0].content[0]: no dialect carries a part of type `hologram`",
        ),
        (
            message(json!(5)),
            "messages[0].content: expected a string or an array of parts, found `5`",
        ),
        (
            with_messages(json!([{"role": "tool", "tool_call_id": "lost", "content": ""}])),
            "messages[0]: result for the tool call `lost`, which no earlier turn made",
        ),
        (
            with_messages(json!([{"role": "robot"}])),
            "messages[0].role: expected system, developer, user, assistant or tool, found `robot`",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(refusal_of(&body), expected);
    }
}

#[test]
fn legacy_functions_become_tools_and_their_results_find_their_calls() {
    let (wire, _) = translate(&json!({
        "model": "m",
        "functions": [{"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}],
        "function_call": {"name": "f"},
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "done"}]}));
    assert_eq!(wire["tools"][0]["function"]["name"], "f");
    assert_eq!(
        wire["tool_choice"],
        json!({"type": "function", "function": {"name": "f"}})
    );
    assert_eq!(wire["parallel_tool_calls"], false);
    let call = &wire["messages"][1]["tool_calls"][0]["id"];
    assert_eq!(
        wire["messages"][2],
        json!({"role": "tool", "tool_call_id": call, "content": "done"})
    );
}

#[test]
fn custom_tools_go_as_functions_with_one_input() {
    let (wire, losses) = translate(&json!({
        "model": "m",
        "tools": [{"type": "custom", "custom": {"name": "sh", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "s: \"x\""}}}}],
        "messages": [
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sh", "input": "a\nb"}}]},
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "ok"}]}]}));
    assert_eq!(
        wire["tools"][0]["function"]["parameters"]["required"],
        json!(["input"])
    );
    assert_eq!(
        wire["messages"][0]["tool_calls"][0]["function"],
        json!({"name": "sh", "arguments": "{\"input\":\"a\\nb\"}"})
    );
    assert_eq!(losses, ["dropped tools[0].custom.format"]);
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn {
        role,
        parts,
        name: None,
        at: Offset(0),
    }
}

fn part(kind: PartKind) -> Part {
    Part::new(kind, Offset(0))
}

fn image() -> Part {
    let source = MediaSource::Inline {
        mime: "image/png".into(),
        data: "AA==".into(),
    };
    part(PartKind::Media(Media {
        kind: MediaKind::Image,
        source,
        name: None,
        context: None,
        detail: None,
    }))
}

#[test]
fn images_of_results_follow_in_a_user_message() {
    let call = |id: &str| {
        part(PartKind::ToolCall {
            id: id.into(),
            name: "f".into(),
            namespace: None,
            input: ToolInput::Json(Raw::from_static("{ }")),
        })
    };
    let result = |id: &str, parts, is_error| {
        part(PartKind::ToolResult(ToolResult {
            call_id: id.into(),
            name: None,
            parts,
            is_error,
        }))
    };
    let long = "toolu.".repeat(20);
    let turns = vec![
        turn(Role::Assistant, vec![call("a"), call(&long)]),
        turn(
            Role::User,
            vec![
                result("a", vec![image()], false),
                result(&long, vec![Part::text("broke".into(), Offset(0))], true),
                Part::text("see".into(), Offset(0)),
            ],
        ),
    ];
    let (wire, _) = encode(
        &Request {
            turns,
            ..Request::default()
        },
        false,
    );
    let messages = &wire["messages"];
    let id = messages[0]["tool_calls"][1]["id"].as_str().unwrap();
    assert!(id.len() <= 40 && id.starts_with("toolu."), "{id}");
    assert_eq!(
        messages[1]["content"],
        "(see the attachments of the next message)"
    );
    assert_eq!(
        messages[2],
        json!({"role": "tool", "tool_call_id": id, "content": "Error: broke"})
    );
    assert_eq!(messages[3]["role"], "user");
    assert_eq!(
        messages[3]["content"][0]["image_url"]["url"],
        "data:image/png;base64,AA=="
    );
    assert_eq!(messages[3]["content"][1]["text"], "see");
}

/// Puts something into a request.
type Set = fn(&mut Request);

/// Each canonical field that a Chat upstream cannot take as it is: how a request gets it, and what
/// is said of it.
#[test]
fn every_field_is_written_or_reported() {
    fn located<T>(value: T) -> Option<Located<T>> {
        Some(Located::new(value, Offset(0)))
    }
    let lost: [(&str, Set, &str); 12] = [
        (
            "top_k",
            |r| r.sampling.top_k = located(Raw::from_static("5")),
            "dropped ",
        ),
        (
            "cache_mark",
            |r| {
                r.cache_breakpoint = Some(CacheBreakpoint {
                    at: Offset(0),
                    ttl: None,
                })
            },
            "dropped ",
        ),
        (
            "unknown",
            |r| {
                r.unknown.push(Unknown {
                    at: Offset(0),
                    raw: Raw::from_static("1"),
                })
            },
            "dropped ",
        ),
        (
            "added",
            |r| r.added.push("tool_result"),
            "added tool_result",
        ),
        (
            "tier",
            |r| r.tier = located("standard_only".into()),
            "adjusted ",
        ),
        (
            "user",
            |r| r.user = located("u".repeat(65).into()),
            "dropped ",
        ),
        (
            "show",
            |r| {
                r.reasoning = located(Reasoning {
                    display: located(ReasoningDisplay::No),
                    ..Reasoning::default()
                })
            },
            "dropped ",
        ),
        (
            "budget",
            |r| {
                r.reasoning = located(Reasoning {
                    budget_tokens: located(2048),
                    ..Reasoning::default()
                })
            },
            "adjusted ",
        ),
        (
            "fixed",
            |r| {
                r.reasoning = located(Reasoning {
                    mode: ReasoningMode::Fixed,
                    ..Reasoning::default()
                })
            },
            "adjusted ",
        ),
        (
            "parallel",
            |r| r.parallel_tool_calls = located(true),
            "dropped ",
        ),
        (
            "hosted tool",
            |r| {
                let kind = ToolKind::Hosted {
                    dialect: Dialect::named("other"),
                    kind: "x".into(),
                    raw: Raw::from_static("{}"),
                };
                r.tools.push(Tool {
                    kind,
                    at: Offset(0),
                });
            },
            "dropped ",
        ),
        (
            "redacted",
            |r| {
                r.turns.push(turn(
                    Role::Assistant,
                    vec![part(PartKind::Reasoning {
                        form: ReasoningForm::Redacted,
                        texts: vec![],
                    })],
                ))
            },
            "dropped ",
        ),
    ];
    for (name, set, expected) in lost {
        let mut request = Request {
            body: Bytes::from_static(b"{}"),
            ..Request::default()
        };
        set(&mut request);
        assert_eq!(encode(&request, false).1.unwrap(), [expected], "{name}");
    }
    let refused: [(&str, Set); 7] = [
        ("stops", |r| {
            r.stops = (0..5)
                .map(|_| Located::new("s".into(), Offset(0)))
                .collect()
        }),
        ("enum", |r| {
            r.format = located(Format::Enum(Raw::from_static("{}")))
        }),
        ("audio", |r| {
            r.modalities = vec![Located::new("AUDIO".into(), Offset(0))]
        }),
        ("forced hosted tool", |r| {
            r.tool_choice = located(ToolChoice::Hosted("web_search".into()))
        }),
        ("an assistant's image", |r| {
            r.turns.push(turn(Role::Assistant, vec![image()]))
        }),
        ("forced tool of none", |r| {
            r.tool_choice = located(ToolChoice::Any)
        }),
        ("video", |r| {
            let source = MediaSource::Inline {
                mime: "video/mp4".into(),
                data: "AA==".into(),
            };
            let video = Media {
                kind: MediaKind::Video,
                source,
                name: None,
                context: None,
                detail: None,
            };
            r.turns
                .push(turn(Role::User, vec![part(PartKind::Media(video))]));
        }),
    ];
    for (name, set) in refused {
        let mut request = Request::default();
        set(&mut request);
        assert!(encode(&request, false).1.is_err(), "{name}");
    }
}

#[test]
fn streams_always_ask_for_usage() {
    let (wire, _) = encode(&Request::default(), true);
    assert_eq!(
        (&wire["stream"], &wire["stream_options"]),
        (&json!(true), &json!({"include_usage": true}))
    );
}

#[test]
fn strict_is_kept_only_where_the_schema_keeps_its_rules() {
    let tool = |parameters: Json| {
        json!({"model": "m", "messages": [],
        "tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": parameters}}]})
    };
    let closed = json!({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": false});
    assert_eq!(
        translate(&tool(closed)).0["tools"][0]["function"]["strict"],
        true
    );
    let (wire, losses) = translate(&tool(json!({"type": "object", "properties": {"a": {}}})));
    assert_eq!(wire["tools"][0]["function"]["strict"], false);
    assert_eq!(losses, ["adjusted tools[0].function.strict"]);
}

#[test]
fn tool_arguments_keep_their_digits() {
    let text = EscapedStr::from(r#"{ "n": 12345678901234567890.10 }"#);
    assert_eq!(
        ToolInput::from_arguments(&text).to_arguments(),
        r#"{ "n": 12345678901234567890.10 }"#
    );
}

proptest! {
    #[test]
    fn no_mutation_makes_a_request_decoder_or_encoder_panic(at in 0usize..4_000, byte in 0x20u8..0x7f) {
        let mut body = full_request().to_string().into_bytes();
        let at = at % body.len();
        body[at] = byte;
        let (headers, body) = (HeaderMap::new(), Bytes::from(body));
        let inbound = Inbound { operation: Operation::Generate, path_model: None, query: None, headers: &headers, body: &body };
        if let Ok(request) = OpenaiChat.decode_request(&inbound) {
            let _ = encode(&request, true);
        }
    }
}

/// Claude Code sends a system message behind the first user's; templates of Qwen and others take one
/// in front only.
#[test]
fn system_text_in_the_middle_joins_the_users_at_other_makers_servers() {
    let request = with_messages(json!([
        {"role": "system", "content": "first"}, {"role": "user", "content": "a"}, {"role": "system", "content": "s"},
        {"role": "assistant", "content": "b"}, {"role": "developer", "content": "t"}, {"role": "user", "content": "c"}]));
    let toward = |model| {
        let target = Target {
            model,
            ..target(false)
        };
        let (wire, losses) = encode_for(&decode(&request).unwrap(), &target);
        (wire["messages"].clone(), losses.unwrap())
    };
    let reminder = |text: &str| format!("<system-reminder>\n{text}\n</system-reminder>");
    let (messages, losses) = toward("qwen3-coder");
    let roles: Vec<_> = messages.as_array().unwrap().iter().collect();
    let roles: Vec<_> = roles.iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(messages[1]["content"][1]["text"], reminder("s"));
    assert_eq!(messages[3]["content"][0]["text"], reminder("t"));
    assert_eq!(losses, ["adjusted messages[2]", "adjusted messages[4]"]);

    let (messages, losses) = toward("gpt-5");
    assert_eq!(messages.as_array().unwrap().len(), 6);
    assert!(losses.is_empty());
}

#[test]
fn mistral_gets_ids_and_an_order_of_its_own() {
    let request = with_messages(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "functions.f:0", "content": "7"}, {"role": "user", "content": "and?"}]));
    let toward = |maker| {
        let target = Target {
            maker,
            model: "m",
            ..target(false)
        };
        let (wire, losses) = encode_for(&decode(&request).unwrap(), &target);
        (wire["messages"].clone(), losses.unwrap())
    };
    let (messages, losses) = toward(Maker::Mistral);
    let id = messages[1]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(messages[2]["tool_call_id"], id);
    assert_eq!(messages[3]["role"], "assistant");
    assert_eq!(losses, ["added turn"]);
    let (messages, losses) = toward(Maker::Other);
    assert_eq!(messages[2]["tool_call_id"], "functions.f:0");
    assert!(losses.is_empty() && messages.as_array().unwrap().len() == 4);
}

#[test]
fn mistral_and_groq_get_no_field_that_they_refuse() {
    let mut body = full_request();
    body["messages"][2]["reasoning_content"] = json!("hm");
    body["messages"][2]["refusal"] = json!("no");
    for key in ["logprobs", "top_logprobs", "n"] {
        body.as_object_mut().unwrap().remove(key);
    }
    let request = decode(&body).unwrap();
    let toward = |maker| {
        let target = Target {
            maker,
            model: "m",
            ..target(true)
        };
        let (wire, losses) = encode_for(&request, &target);
        (wire, losses.unwrap())
    };
    let (mistral, losses) = toward(Maker::Mistral);
    for key in [
        "stream_options",
        "seed",
        "user",
        "metadata",
        "service_tier",
        "verbosity",
    ] {
        assert_eq!(mistral[key], Json::Null, "{key}");
    }
    assert_eq!(mistral["random_seed"], 3);
    for lost in [
        "user",
        "metadata",
        "service_tier",
        "verbosity",
        "messages[1].name",
    ] {
        assert!(losses.contains(&format!("dropped {lost}")), "{losses:?}");
    }
    let (groq, _) = toward(Maker::Groq);
    assert_eq!(groq["seed"], 3);
    for wire in [mistral, groq] {
        let answer = &wire["messages"][2];
        let is_sent = |key: &str| answer.get(key).is_some();
        assert!(
            !is_sent("reasoning_content") && !is_sent("refusal"),
            "{answer}"
        );
        assert_eq!(answer["content"], "no");
        assert_eq!(wire["messages"][1].get("name"), None);
    }
}

#[test]
fn what_groq_cannot_answer_is_refused() {
    for (key, value) in [("logprobs", json!(true)), ("n", json!(2))] {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
        body[key] = value;
        let target = Target {
            maker: Maker::Groq,
            ..target(false)
        };
        let (_, losses) = encode_for(&decode(&body).unwrap(), &target);
        losses.unwrap_err();
    }
}

#[test]
fn a_restricted_choice_leaves_the_other_tools_out_at_other_makers_servers() {
    let function = |name: &str| json!({"type": "function", "function": {"name": name}});
    let body = json!({
        "model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [function("f"), function("g")],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function("g")]}}
    });
    let target = Target {
        model: "qwen3",
        ..target(false)
    };
    let (wire, losses) = encode_for(&decode(&body).unwrap(), &target);
    assert_eq!(wire["tool_choice"], "required");
    assert_eq!(wire["tools"].as_array().unwrap().len(), 1);
    assert_eq!(wire["tools"][0]["function"]["name"], "g");
    assert_eq!(losses.unwrap(), ["dropped tools[0]"]);
}
