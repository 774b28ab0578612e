//! Requests of clients.

use super::*;

#[test]
fn a_request_is_read_in_both_spellings() {
    let camel = decode(
        r#"{"systemInstruction":{"role":"user","parts":[{"text":"be brief"}]},"contents":[{"parts":[{"text":"hi"}]}],
        "generationConfig":{"maxOutputTokens":"64","topK":40,"stopSequences":["x"],"thinkingConfig":{"thinkingLevel":"low","includeThoughts":true}},
        "toolConfig":{"functionCallingConfig":{"mode":"any","allowedFunctionNames":["f"]}}}"#,
    );
    let snake = decode(
        r#"{"system_instruction":{"parts":[{"text":"be brief"}]},"contents":[{"role":"USER","parts":[{"text":"hi"}]}],
        "generation_config":{"max_output_tokens":64,"top_k":"40","stop_sequences":["x"],"thinking_config":{"thinking_level":"LOW","include_thoughts":true}},
        "tool_config":{"function_calling_config":{"mode":"ANY","allowed_function_names":["f"]}}}"#,
    );
    assert_eq!(
        Request {
            body: Bytes::new(),
            ..camel.clone()
        },
        Request {
            body: Bytes::new(),
            ..snake
        }
    );
    assert_eq!(camel.output_tokens_max, located(64));
    assert_eq!(
        camel.tool_choice,
        located(ToolChoice::One {
            name: "f".into(),
            namespace: None
        })
    );
    let asked = Reasoning {
        effort: located(Effort::Low),
        display: located(ReasoningDisplay::Summary(None)),
        ..Reasoning::default()
    };
    assert_eq!(camel.reasoning, located(asked));
}

#[test]
fn what_has_no_home_is_kept_with_its_path() {
    let body = r#"{"contents":[{"role":"user","odd":1,"parts":[{"text":"hi","videoMetadata":{}},{"inlineData":{"mimeType":"image/png","data":"AA==","x":2}}]}],
        "safetySettings":[],"labels":{"a":"b"},"generationConfig":{"speechConfig":{},"thinkingConfig":{"y":1}},
        "tools":[{"functionDeclarations":[{"name":"f","behavior":"BLOCKING"}]}],"toolConfig":{"retrievalConfig":{},"functionCallingConfig":{"mode":"VALIDATED","z":1}}}"#;
    let request = decode(body);
    let mut losses = Losses::default();
    request
        .unknown
        .iter()
        .for_each(|unknown| losses.dropped(unknown.at));
    let expected = [
        "-contents[0].odd",
        "-contents[0].parts[0].videoMetadata",
        "-contents[0].parts[1].inlineData.x",
        "-safetySettings",
        "-labels",
        "-generationConfig.speechConfig",
        "-generationConfig.thinkingConfig.y",
        "-tools[0].functionDeclarations[0].behavior",
        "-toolConfig.retrievalConfig",
        "-toolConfig.functionCallingConfig.z",
        "-toolConfig.functionCallingConfig.mode",
    ];
    let mut paths = noted(losses, body.as_bytes());
    let mut expected = expected.map(str::to_owned).to_vec();
    paths.sort();
    expected.sort();
    assert_eq!(paths, expected);
}

#[test]
fn calls_and_results_without_ids_are_paired() {
    let request = decode(
        r#"{"contents":[{"role":"user","parts":[{"text":"go"}]},
        {"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1}}},{"functionCall":{"name":"g"}}]},
        {"role":"function","parts":[{"functionResponse":{"name":"g","response":{"error":"no"}}},{"functionResponse":{"name":"f","response":{"output":{"b":2}}}}]}]}"#,
    );
    let results: Vec<_> = request.turns[2]
        .parts
        .iter()
        .map(|part| match &part.kind {
            PartKind::ToolResult(result) => (
                result.call_id.clone(),
                result.is_error,
                result.parts[0].kind.clone(),
            ),
            other => panic!("expected a result, found {other:?}"),
        })
        .collect();
    let text = |text: &str| PartKind::Text(text.into());
    assert_eq!(
        results,
        [
            ("call_1_0".into(), false, text(r#"{"b":2}"#)),
            ("call_1_1".into(), true, text("no"))
        ]
    );
}

#[test]
fn formats_and_tools_keep_their_schemas() {
    let request = decode(
        r#"{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"STRING","nullable":true}},
        "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","properties":{"a":{}}}}]},{"googleSearch":{}}]}"#,
    );
    let schema = SchemaFormat {
        name: None,
        description: None,
        schema: Raw::from_static(r#"{"type":["string","null"]}"#),
        strict: None,
    };
    assert_eq!(request.format, located(Format::Schema(schema)));
    assert!(
        matches!(&request.tools[0].kind, ToolKind::Function { schema: Some(schema), .. } if schema.as_str().contains("\"a\""))
    );
    assert!(
        matches!(&request.tools[1].kind, ToolKind::Hosted { kind, .. } if *kind == "googleSearch")
    );
}

#[test]
fn what_cannot_be_served_is_refused_by_its_path() {
    let contents = r#""contents":[{"parts":[{"text":"x"}]}]"#;
    let with = |more: &str| refusal(&format!("{{{contents},{more}}}"));
    assert!(with(r#""cachedContent":"cachedContents/1""#).starts_with("cachedContent: "));
    assert!(
        with(r#""generationConfig":{"stopSequences":["1","2","3","4","5","6"]}"#)
            .starts_with("generationConfig.stopSequences: ")
    );
    assert!(
        with(r#""generationConfig":{"responseMimeType":"video/mp4"}"#)
            .starts_with("generationConfig.responseMimeType: ")
    );
    assert!(refusal(r#"{"contents":[]}"#).contains("missing `contents`"));
    assert!(
        refusal(r#"{"contents":[{"role":"robot","parts":[]}]}"#)
            .starts_with("contents[0].role: expected `user`")
    );
    assert!(
        refusal(r#"{"contents":[{"parts":[{}]}]}"#).starts_with("contents[0].parts[0]: missing")
    );
    assert!(
        refusal(r#"{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{}}}]}]}"#)
            .contains("`f`")
    );
}

#[test]
fn a_token_count_may_wrap_its_request() {
    let body = r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"x"}]}],"systemInstruction":"s"}}"#;
    let request = decode_as(Operation::CountTokens, body).unwrap();
    assert_eq!(
        (
            request.turns.len(),
            request.system.len(),
            request.unknown.len()
        ),
        (1, 1, 0)
    );
}

#[test]
fn another_makers_token_on_a_call_is_reasoning_in_front_of_it() {
    let origin = Origin {
        dialect: DIALECT,
        provider: "p".into(),
        model: "m".into(),
    };
    let wrapped = envelope::wrap(&origin, ReasoningForm::Full, Some(&"token".into()));
    let body = format!(
        r#"{{"contents":[{{"parts":[{{"text":"go"}}]}},{{"role":"model","parts":[{{"text":"I look"}},
        {{"functionCall":{{"name":"f"}},"thoughtSignature":"{0}"}},{{"text":"","thoughtSignature":"{0}"}}]}}]}}"#,
        wrapped.as_escaped()
    );
    let parts = &decode(&body).turns[1].parts;
    let kinds: Vec<_> = parts
        .iter()
        .map(|part| std::mem::discriminant(&part.kind))
        .collect();
    let expected = [
        reasoning(None, None),
        Part::text("".into(), SPOT),
        call("", ""),
    ];
    assert_eq!(
        kinds,
        expected.map(|part| std::mem::discriminant(&part.kind))
    );
    assert_eq!(
        parts[0].signature,
        Some(Signature {
            origin,
            value: "token".into()
        })
    );
    assert!(parts[1].signature.is_none() && parts[2].signature.is_none());
}

#[test]
fn another_makers_token_says_whether_its_reasoning_had_a_text() {
    let origin = Origin {
        dialect: DIALECT,
        provider: "p".into(),
        model: "m".into(),
    };
    for form in [
        ReasoningForm::Full,
        ReasoningForm::Summary,
        ReasoningForm::Redacted,
    ] {
        let wrapped = envelope::wrap(&origin, form, Some(&"token".into()));
        let body = format!(
            r#"{{"contents":[{{"role":"model","parts":[{{"functionCall":{{"name":"f"}},"thoughtSignature":"{}"}}]}}]}}"#,
            wrapped.as_escaped()
        );
        assert_eq!(
            decode(&body).turns[0].parts[0].kind,
            PartKind::Reasoning {
                form,
                texts: Vec::new()
            }
        );
    }
}
