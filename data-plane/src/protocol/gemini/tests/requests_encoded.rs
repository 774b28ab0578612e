//! Requests to upstreams.

use super::*;

#[test]
fn what_a_client_wrote_comes_out_the_same() {
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"h\u00e9"},{"inlineData":{"mimeType":"image/png","data":"AA=="},"mediaResolution":{"level":"MEDIA_RESOLUTION_LOW"}},{"fileData":{"mimeType":"video/mp4","fileUri":"https://youtu.be/x"}}]},{"role":"model","parts":[{"text":"hm","thought":true},{"functionCall":{"id":"1","name":"a.b","args":{"n":1.50}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"2","name":"c","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"1","name":"a.b","response":{"x":1}}},{"functionResponse":{"id":"2","name":"c","response":{"error":"no"}}},{"text":"and?"}]}],"tools":[{"functionDeclarations":[{"name":"a.b","description":"d","parametersJsonSchema":{"type":"object","properties":{"n":{"type":"number"}}}},{"name":"c"}]},{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["a.b","c"]}},"generationConfig":{"temperature":1.0,"topP":0.95,"topK":64,"presencePenalty":0.1,"frequencyPenalty":0.2,"seed":7,"maxOutputTokens":99,"candidateCount":2,"stopSequences":["s"],"responseLogprobs":true,"logprobs":3,"responseMimeType":"application/json","responseJsonSchema":{"type":"string"},"thinkingConfig":{"thinkingLevel":"HIGH","includeThoughts":true},"responseModalities":["TEXT","IMAGE"]},"serviceTier":"FLEX"}"#;
    let (written, losses) = encode(&decode(body), "gemini-3-flash");
    assert_eq!(written, body);
    assert_eq!(noted(losses, body.as_bytes()), [""; 0]);
}

#[test]
fn paths_name_the_model_and_the_method() {
    let request = ask_for(vec![user("x")]);
    let mut losses = Losses::default();
    let stream = Gemini
        .encode_request(
            &request,
            &Target {
                stream: true,
                ..target("gemini-3")
            },
            &mut losses,
        )
        .wire;
    assert_eq!(
        (&*stream.path, stream.query.as_deref()),
        ("/models/gemini-3:streamGenerateContent", Some("alt=sse"))
    );
    let count = Target {
        operation: Operation::CountTokens,
        ..target("lab/a b:8b")
    };
    let count = Gemini.encode_request(&request, &count, &mut losses).wire;
    assert_eq!(count.path, "/models/lab/a%20b:8b:countTokens");
    assert_eq!(
        count.body.whole(),
        r#"{"generateContentRequest":{"model":"models/lab/a b:8b","contents":[{"role":"user","parts":[{"text":"x"}]}]}}"#
    );
}

#[test]
fn the_first_call_of_a_running_loop_is_signed_and_older_ones_are_not() {
    let turns = vec![
        user("old"),
        turn(Role::Assistant, vec![call("0", "f")]),
        turn(Role::User, vec![result("0", "r")]),
        turn(Role::Assistant, vec![Part::text("done".into(), SPOT)]),
        user("new"),
        turn(Role::Assistant, vec![call("1", "f"), call("2", "f")]),
        turn(Role::User, vec![result("1", "r"), result("2", "{\"a\":1}")]),
    ];
    let (body, losses) = encode(&ask_for(turns.clone()), "gemini-3-pro");
    assert_eq!(body.matches("skip_thought_signature_validator").count(), 1);
    assert!(body.contains(
        r#""id":"1","name":"f","args":{"n":12345678901234567890}},"thoughtSignature":"skip"#
    ));
    assert!(
        body.contains(r#""response":{"output":"r"}"#) && body.contains(r#""response":{"a":1}"#)
    );
    assert_eq!(noted(losses, b""), ["+thoughtSignature"]);
    assert!(
        !encode(&ask_for(turns), "gemini-2.5-pro")
            .0
            .contains("thoughtSignature")
    );
}

#[test]
fn a_token_that_came_back_in_another_dialects_carrier_goes_to_the_call() {
    let parts = vec![
        reasoning(Some("hm"), Some(signature("google", "t"))),
        call("1", "f"),
    ];
    let turns = vec![
        user("x"),
        turn(Role::Assistant, parts),
        turn(Role::User, vec![result("1", "r")]),
    ];
    let (body, losses) = encode(&ask_for(turns), "gemini-3-pro");
    assert!(
        body.contains(r#"{"text":"hm","thought":true},{"functionCall":"#),
        "{body}"
    );
    assert!(body.contains(r#"},"thoughtSignature":"t"}"#), "{body}");
    assert_eq!(noted(losses, b""), [""; 0]);
}

#[test]
fn tokens_stand_where_they_stood() {
    let parts = |parts| {
        contents(
            &ask_for(vec![user("x"), turn(Role::Assistant, parts)]),
            "gemini-3-pro",
        )
    };
    let own = parts(vec![
        reasoning(Some("hm"), Some(signature("", "t"))),
        Part::text("a".into(), SPOT),
    ]);
    assert!(
        own.ends_with(
            r#"[{"text":"hm","thought":true,"thoughtSignature":"t"},{"text":"a"}],"role":"model"}]"#
        ),
        "{own}"
    );
    let hidden = parts(vec![
        reasoning(None, Some(signature("google", "t"))),
        Part::text("a".into(), SPOT),
    ]);
    assert!(
        hidden.contains(r#"[{"text":"a","thoughtSignature":"t"}]"#),
        "{hidden}"
    );
    let last = parts(vec![
        Part::text("a".into(), SPOT),
        reasoning(None, Some(signature("google", "t"))),
    ]);
    assert!(
        last.contains(r#"[{"text":"a"},{"text":"","thoughtSignature":"t"}]"#),
        "{last}"
    );
}

#[test]
fn another_makers_reasoning_is_left_out() {
    let foreign = Signature {
        origin: Origin {
            dialect: Dialect::named("anthropic"),
            provider: "a".into(),
            model: "c".into(),
        },
        value: "t".into(),
    };
    let turns = vec![
        user("x"),
        turn(
            Role::Assistant,
            vec![
                reasoning(Some("hm"), Some(foreign)),
                Part::text("a".into(), SPOT),
            ],
        ),
        user("y"),
    ];
    let (body, losses) = encode(&ask_for(turns), "gemini-3-pro");
    assert!(!body.contains("hm"));
    assert_eq!(noted(losses, b""), ["-"]);
}

#[test]
fn system_text_in_the_middle_and_a_first_turn_of_the_model_are_the_users() {
    let turns = vec![
        turn(Role::Assistant, vec![Part::text("hi".into(), SPOT)]),
        turn(Role::System, vec![Part::text("note".into(), SPOT)]),
        user("go"),
    ];
    let (body, losses) = encode(&ask_for(turns), "gemini-3-pro");
    let expected = r#"{"contents":[{"role":"user","parts":[{"text":"(continue)"}]},{"role":"model","parts":[{"text":"hi"}]},{"role":"user","parts":[{"text":"<system-reminder>\nnote\n</system-reminder>"},{"text":"go"}]}]}"#;
    assert_eq!(body, expected);
    assert_eq!(noted(losses, b""), ["~", "+turn"]);
}

#[test]
fn images_stand_in_results_where_the_model_takes_them_else_behind() {
    let media = Media {
        kind: MediaKind::Image,
        source: MediaSource::Inline {
            mime: "image/png".into(),
            data: "AA==".into(),
        },
        name: None,
        context: None,
        detail: None,
    };
    let parts = vec![
        Part::text("see".into(), SPOT),
        Part::new(PartKind::Media(media), SPOT),
    ];
    let answer = ToolResult {
        call_id: "1".into(),
        name: None,
        parts,
        is_error: false,
    };
    let results = vec![
        Part::new(PartKind::ToolResult(answer), SPOT),
        result("2", "r"),
    ];
    let turns = vec![
        user("x"),
        turn(Role::Assistant, vec![call("1", "f"), call("2", "g")]),
        turn(Role::User, results),
    ];
    let (newer, _) = encode(&ask_for(turns.clone()), "gemini-3-pro");
    assert!(
        newer.contains(r#""response":{"output":"see"},"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}}"#),
        "{newer}"
    );
    let (older, losses) = encode(&ask_for(turns), "gemini-2.5-pro");
    let behind = r#"{"functionResponse":{"id":"2","name":"g","response":{"output":"r"}}},{"inlineData":{"mimeType":"image/png","data":"AA=="}}]"#;
    assert!(older.contains(behind), "{older}");
    assert_eq!(noted(losses, b""), ["~"]);
}

#[test]
fn calls_are_the_models_whatever_role_their_content_has() {
    let request = decode(
        r#"{"contents":[{"parts":[{"text":"a"}]},{"parts":[{"functionCall":{"name":"f"}}]},
            {"parts":[{"functionResponse":{"name":"f","response":{"output":"b"}}}]}]}"#,
    );
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(
        (roles, request.added.len()),
        (vec![Role::User, Role::Assistant, Role::User], 0)
    );
}

#[test]
fn thinking_is_steered_by_level_or_by_budget_and_never_by_both() {
    let thinking = |reasoning: Reasoning, model: &str| {
        let request = Request {
            reasoning: located(reasoning),
            ..ask_for(vec![user("x")])
        };
        let (body, losses) = encode(&request, model);
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        (
            value["generationConfig"]["thinkingConfig"].to_string(),
            noted(losses, b"").concat(),
        )
    };
    let effort = |effort| Reasoning {
        effort: located(effort),
        ..Reasoning::default()
    };
    let budget = |tokens, mode| Reasoning {
        budget_tokens: located(tokens),
        budget_effort: Some(Effort::Low),
        mode,
        ..Reasoning::default()
    };
    let both = Reasoning {
        effort: located(Effort::High),
        ..budget(8_192, ReasoningMode::Fixed)
    };
    let off = Reasoning {
        mode: ReasoningMode::Off,
        display: located(ReasoningDisplay::Summary(None)),
        ..Reasoning::default()
    };
    let dynamic = Reasoning {
        mode: ReasoningMode::Dynamic,
        ..Reasoning::default()
    };
    let rows = [
        (
            effort(Effort::Medium),
            "gemini-3-flash",
            r#"{"thinkingLevel":"MEDIUM"}"#,
            "",
        ),
        (
            effort(Effort::Max),
            "gemini-3-flash",
            r#"{"thinkingLevel":"HIGH"}"#,
            "~",
        ),
        (
            effort(Effort::Minimal),
            "gemini-3-pro",
            r#"{"thinkingLevel":"LOW"}"#,
            "~",
        ),
        (
            budget(1_000, ReasoningMode::Fixed),
            "gemini-3-flash",
            r#"{"thinkingLevel":"LOW"}"#,
            "~",
        ),
        (
            budget(1_000, ReasoningMode::Fixed),
            "gemini-2.5-flash",
            r#"{"thinkingBudget":1000}"#,
            "",
        ),
        (
            budget(99_999, ReasoningMode::Fixed),
            "gemini-2.5-flash",
            r#"{"thinkingBudget":24576}"#,
            "~",
        ),
        (
            effort(Effort::Low),
            "gemini-2.5-flash",
            r#"{"thinkingBudget":1024}"#,
            "~",
        ),
        (
            both.clone(),
            "gemini-3-flash",
            r#"{"thinkingLevel":"HIGH"}"#,
            "-",
        ),
        (both, "gemini-2.5-flash", r#"{"thinkingBudget":8192}"#, "-"),
        (
            off.clone(),
            "gemini-2.5-flash",
            r#"{"thinkingBudget":0}"#,
            "-",
        ),
        (
            off,
            "gemini-2.5-pro",
            r#"{"includeThoughts":true,"thinkingBudget":128}"#,
            "~",
        ),
        (
            dynamic.clone(),
            "gemini-2.5-pro",
            r#"{"thinkingBudget":-1}"#,
            "",
        ),
        (dynamic, "gemini-3-pro", "null", ""),
        (effort(Effort::Low), "gemini-2.0-flash", "null", "-"),
    ];
    for (asked, model, expected, losses) in rows {
        assert_eq!(
            thinking(asked.clone(), model),
            (expected.to_owned(), losses.to_owned()),
            "{asked:?} {model}"
        );
    }
}

/// The part of an image from that source, or why there is none.
fn image(source: MediaSource, model: &str) -> Result<String, String> {
    let media = Media {
        kind: MediaKind::Image,
        source,
        name: None,
        context: None,
        detail: None,
    };
    let part = Part::new(PartKind::Media(media), SPOT);
    let (body, losses) = encode(&ask_for(vec![turn(Role::User, vec![part])]), model);
    if let Some(refusal) = losses.refusal() {
        return Err(refusal.why.clone());
    }
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    Ok(body["contents"][0]["parts"][0].to_string())
}

fn address(url: &str, mime: Option<&str>) -> MediaSource {
    MediaSource::Url {
        url: url.into(),
        mime: mime.map(EscapedStr::from),
    }
}

#[test]
fn media_is_sent_by_its_address_with_the_type_that_is_told_or_guessed() {
    for (url, told, expected) in [
        (
            "gs://bucket/a.png",
            Some("image/png"),
            r#"{"fileData":{"fileUri":"gs://bucket/a.png","mimeType":"image/png"}}"#,
        ),
        (
            "https://x.test/a.JPG?b=c.gif",
            None,
            r#"{"fileData":{"fileUri":"https://x.test/a.JPG?b=c.gif","mimeType":"image/jpeg"}}"#,
        ),
        (
            "https://x.test/a.gif",
            Some("image/png; q=1"),
            r#"{"fileData":{"fileUri":"https://x.test/a.gif","mimeType":"image/png; q=1"}}"#,
        ),
        (
            "HTTPS://x.test/a",
            None,
            r#"{"fileData":{"fileUri":"HTTPS://x.test/a"}}"#,
        ),
    ] {
        let sent = image(address(url, told), "gemini-2.5-flash");
        assert_eq!(sent.as_deref(), Ok(expected));
    }
}

#[test]
fn media_that_the_model_cannot_fetch_is_refused_by_name() {
    let png = || address("https://x.test/a.png", None);
    for (source, model, why) in [
        (
            address("http://x.test/a.png", None),
            "gemini-3-pro",
            "https",
        ),
        (
            address("https://x.test/a.gif", None),
            "gemini-3-pro",
            "image/gif",
        ),
        (png(), "gemini-2.0-flash", "this model"),
        (png(), "gemma-3-27b-it", "this model"),
        (
            MediaSource::File {
                id: Located::new("file-1".into(), SPOT),
                dialect: Dialect::named("openai_chat"),
            },
            "gemini-3-pro",
            "openai_chat",
        ),
    ] {
        let refused = image(source, model).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

/// Each canonical field with what must be found of it: in the body, or `!` for "in the losses".
#[test]
fn every_field_is_written_or_reported() {
    let base = || ask_for(vec![user("x")]);
    let hosted = |dialect: &'static str| {
        let kind = ToolKind::Hosted {
            dialect: Dialect::named(dialect),
            kind: "urlContext".into(),
            raw: Raw::from_static("{}"),
        };
        vec![Tool { kind, at: SPOT }]
    };
    let free = ToolKind::Free {
        name: "run".into(),
        namespace: Some("ns".into()),
        description: None,
        grammar: located(Raw::from_static("1")),
        cache: None,
    };
    let function = ToolKind::Function {
        name: "f".into(),
        namespace: None,
        description: Some("what".into()),
        schema: Some(Raw::from_static(r#"{"type":"object"}"#)),
        strict: located(true),
        cache: Some(CacheBreakpoint {
            at: SPOT,
            ttl: None,
        }),
    };
    let tools = |kind| vec![Tool { kind, at: SPOT }];
    let schema = SchemaFormat {
        name: located("n".into()),
        description: None,
        schema: Raw::from_static(r#"{"const":1}"#),
        strict: None,
    };
    let choice = |choice| Request {
        tool_choice: located(choice),
        tools: tools(function.clone()),
        ..base()
    };
    let mut marked = Part::text("x".into(), SPOT);
    (marked.cache, marked.citations) = (
        Some(CacheBreakpoint {
            at: SPOT,
            ttl: None,
        }),
        located(Raw::from_static("[]")),
    );
    let mut long_seed = base();
    long_seed.sampling.seed = located(Raw::from_static("99999999999"));
    let named = Turn {
        name: located("bob".into()),
        ..user("x")
    };
    let refused = Part::new(PartKind::Refusal("I won't".into()), SPOT);
    let foreign = PartKind::Hosted {
        dialect: Dialect::named("anthropic"),
        kind: "k".into(),
        raw: Raw::from_static("{}"),
    };
    let rows: Vec<(Request, &str)> = vec![
        (
            Request {
                system: vec![Part::text("s".into(), SPOT)],
                ..base()
            },
            r#""systemInstruction":{"role":"user","parts":[{"text":"s"}]}"#,
        ),
        (
            Request {
                tools: hosted("gemini"),
                ..base()
            },
            r#""tools":[{"urlContext":{}}]"#,
        ),
        (
            Request {
                tools: hosted("anthropic"),
                ..base()
            },
            "!",
        ),
        (
            Request {
                tools: tools(free),
                ..base()
            },
            r#"{"name":"ns__run","parametersJsonSchema":{"type":"object","properties":{"input""#,
        ),
        (
            Request {
                tools: tools(function.clone()),
                ..base()
            },
            r#"[{"name":"f","description":"what"}]"#,
        ),
        (choice(ToolChoice::None), r#"{"mode":"NONE"}"#),
        (choice(ToolChoice::Any), r#"{"mode":"ANY"}"#),
        (
            choice(ToolChoice::One {
                name: "f".into(),
                namespace: None,
            }),
            r#"{"mode":"ANY","allowedFunctionNames":["f"]}"#,
        ),
        (choice(ToolChoice::Hosted("w".into())), "!!"),
        (
            Request {
                tool_choice: located(ToolChoice::Any),
                ..base()
            },
            "!!",
        ),
        (
            Request {
                tool_choice: located(ToolChoice::Auto),
                ..base()
            },
            "!",
        ),
        (
            Request {
                parallel_tool_calls: located(false),
                ..base()
            },
            "!",
        ),
        (long_seed, "!"),
        (
            Request {
                stops: vec![Located::new("s".into(), SPOT); 6],
                ..base()
            },
            "!!",
        ),
        (
            Request {
                choices: located(3),
                ..base()
            },
            r#""candidateCount":3"#,
        ),
        (
            Request {
                format: located(Format::Json),
                ..base()
            },
            r#""responseMimeType":"application/json""#,
        ),
        (
            Request {
                format: located(Format::Schema(schema)),
                ..base()
            },
            r#""responseJsonSchema":{"enum":[1]}"#,
        ),
        (
            Request {
                format: located(Format::Enum(Raw::from_static("{}"))),
                ..base()
            },
            r#""responseMimeType":"text/x.enum","responseSchema":{}"#,
        ),
        (
            Request {
                logprobs: located(0),
                ..base()
            },
            r#"{"responseLogprobs":true}"#,
        ),
        (
            Request {
                modalities: vec![Located::new("audio".into(), SPOT)],
                ..base()
            },
            r#""responseModalities":["AUDIO"]"#,
        ),
        (
            Request {
                modalities: vec![Located::new("smell".into(), SPOT)],
                ..base()
            },
            "!!",
        ),
        (
            Request {
                verbosity: located("low".into()),
                ..base()
            },
            "!",
        ),
        (
            Request {
                user: located("u".into()),
                ..base()
            },
            "!",
        ),
        (
            Request {
                metadata: located(Raw::from_static("{}")),
                ..base()
            },
            "!",
        ),
        (
            Request {
                tier: located("auto".into()),
                ..base()
            },
            "!",
        ),
        (
            Request {
                cache_key: located("k".into()),
                ..base()
            },
            "!",
        ),
        (
            Request {
                cache_breakpoint: Some(CacheBreakpoint {
                    at: SPOT,
                    ttl: None,
                }),
                ..base()
            },
            "!",
        ),
        (
            Request {
                unknown: vec![Unknown {
                    at: SPOT,
                    raw: Raw::from_static("1"),
                }],
                ..base()
            },
            "!",
        ),
        (
            Request {
                added: vec!["tool_result"],
                ..base()
            },
            "!",
        ),
        (ask_for(vec![turn(Role::User, vec![marked])]), "!"),
        (ask_for(vec![named]), "!"),
        (
            ask_for(vec![user("x"), turn(Role::Assistant, vec![refused])]),
            "I won't",
        ),
        (
            ask_for(vec![
                user("x"),
                turn(Role::Assistant, vec![Part::new(foreign, SPOT)]),
            ]),
            "!",
        ),
    ];
    for (request, expected) in rows {
        let (body, losses) = encode(&request, "gemini-3-pro");
        match expected {
            "!!" => assert!(losses.refusal().is_some(), "{request:?}"),
            "!" => assert_eq!(noted(losses, b"").len(), 1, "{request:?}"),
            expected => assert!(body.contains(expected), "{body}"),
        }
    }
}

#[test]
fn the_models_own_limit_is_added_by_name_where_the_client_names_none() {
    let limit_of = |requested: Option<u64>, operation| {
        let request = Request {
            output_tokens_max: requested.and_then(located),
            ..Request::default()
        };
        let target = Target {
            operation,
            output_tokens_max: Some(65_535),
            ..target("gemini-2.5-flash")
        };
        let mut losses = Losses::default();
        let encoded = Gemini.encode_request(&request, &target, &mut losses);
        let body = encoded.wire.body.whole().clone();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let names: Vec<String> = losses
            .resolve(b"{}")
            .unwrap()
            .iter()
            .map(|loss| loss.path.to_string())
            .collect();
        (body["generationConfig"]["maxOutputTokens"].clone(), names)
    };
    let (limit, names) = limit_of(None, Operation::Generate);
    assert_eq!(limit, 65_535);
    assert!(names.contains(&"maxOutputTokens".to_owned()), "{names:?}");
    assert_eq!(limit_of(Some(9), Operation::Generate).0, 9);
    assert!(limit_of(None, Operation::CountTokens).0.is_null());
}
