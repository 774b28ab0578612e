//! Requests of clients, and how they go to upstreams.

use super::*;

const CODEX: &str = r#"{
    "model":"gpt","instructions":"be brief","stream":true,"store":false,"parallel_tool_calls":true,"tool_choice":"auto",
    "include":["reasoning.encrypted_content"],"prompt_cache_key":"k","reasoning":{"summary":"auto"},"client_metadata":{"a":1},
    "tools":[
        {"type":"function","name":"shell","description":"d","strict":false,"parameters":{"type":"object","properties":{}}},
        {"type":"namespace","name":"ns","description":"group","tools":[{"type":"function","name":"run","strict":false}]},
        {"type":"custom","name":"patch","format":{"type":"grammar","syntax":"lark","definition":"x"}},
        {"type":"web_search","external_web_access":false}],
    "input":[
        {"type":"message","role":"developer","id":"m1","content":[{"type":"input_text","text":"rules"}]},
        {"role":"user","content":"hi"},
        {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"thought"}],"content":null,"encrypted_content":"gAAA"},
        {"type":"function_call","call_id":"c1","name":"run","namespace":"ns","arguments":"{\"n\": 12345678901234567890}"},
        {"type":"custom_tool_call","call_id":"c2","name":"patch","input":"free text"},
        {"type":"custom_tool_call_output","call_id":"c2","output":"done"},
        {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"seen"},
            {"type":"input_image","image_url":"data:image/png;base64,AA==","detail":"low"}]},
        {"role":"developer","content":"later"}]}"#;

#[test]
fn a_custom_tools_format_of_an_unknown_kind_is_kept() {
    let body = r#"{"model":"m","input":"hi","tools":[{"type":"custom","name":"a","format":{"definition":"x"}},
        {"type":"custom","name":"b","format":{"type":"text"}}]}"#;
    let formats: Vec<_> = decode(body)
        .unwrap()
        .tools
        .into_iter()
        .map(|tool| match tool.kind {
            ToolKind::Free { grammar, .. } => grammar.map(|grammar| grammar.value),
            _ => panic!("a custom tool"),
        })
        .collect();
    assert_eq!(
        formats,
        [Some(Raw::from_static(r#"{"definition":"x"}"#)), None]
    );
}

#[test]
fn codex_is_read_whole() {
    let request = decode(CODEX).unwrap();
    let system: Vec<_> = request.system.iter().map(|part| &part.kind).collect();
    assert_eq!(
        system,
        [
            &PartKind::Text("be brief".into()),
            &PartKind::Text("rules".into())
        ]
    );
    let roles: Vec<_> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(
        roles,
        [Role::User, Role::Assistant, Role::User, Role::Developer]
    );
    let [thought, run, patch] = &request.turns[1].parts[..] else {
        panic!("three parts")
    };
    assert_eq!(thought.signature.as_ref().unwrap().value, "rs_1 gAAA");
    let PartKind::ToolCall {
        namespace, input, ..
    } = &run.kind
    else {
        panic!("a call")
    };
    assert_eq!(namespace, &Some("ns".into()));
    assert_eq!(
        input,
        &ToolInput::Json(Raw::from_static(r#"{"n": 12345678901234567890}"#))
    );
    assert!(
        matches!(&patch.kind, PartKind::ToolCall { input: ToolInput::Free(text), .. } if *text == "free text")
    );
    assert!(
        matches!(&request.tools[3].kind, ToolKind::Hosted { kind, .. } if *kind == "web_search")
    );
    let show = request
        .reasoning
        .as_ref()
        .unwrap()
        .value
        .display
        .as_ref()
        .unwrap();
    assert_eq!(show.value, ReasoningDisplay::Summary(Some("auto".into())));
    let spots: Vec<_> = request.unknown.iter().map(|unknown| unknown.at).collect();
    let mut paths = crate::json::paths_at(&request.body, &spots);
    paths.sort();
    assert_eq!(paths, ["client_metadata", "tools[1].description"]);
}

#[test]
fn codex_comes_out_as_it_went_in() {
    let request = decode(CODEX).unwrap();
    let (wire, losses) = encode(&request);
    assert_eq!(
        losses_of(&request, losses),
        ["-client_metadata", "-tools[1].description"]
    );
    let expected = serde_json::json!([
        {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]},
        {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"thought"}],"encrypted_content":"gAAA"},
        {"type":"function_call","call_id":"c1","name":"run","namespace":"ns","arguments":"{\"n\": 12345678901234567890}"},
        {"type":"custom_tool_call","call_id":"c2","name":"patch","input":"free text"},
        {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"seen"},
            {"type":"input_image","image_url":"data:image/png;base64,AA==","detail":"low"}]},
        {"type":"custom_tool_call_output","call_id":"c2","output":"done"},
        {"type":"message","role":"developer","content":[{"type":"input_text","text":"later"}]},
    ]);
    assert_eq!(wire["input"], expected);
    assert_eq!(wire["instructions"], "be brief\n\nrules");
    assert_eq!(wire["store"], false);
    assert_eq!(wire["tools"][1]["type"], "namespace");
    assert_eq!(wire["tools"][1]["tools"][0]["strict"], false);
    assert_eq!(
        wire["tools"][2]["format"],
        serde_json::json!({"type":"grammar","syntax":"lark","definition":"x"})
    );
    assert_eq!(wire["reasoning"], serde_json::json!({"summary":"auto"}));
}

#[test]
fn what_needs_a_store_is_refused_with_its_path() {
    for (field, path) in [
        (r#""previous_response_id":"resp_1""#, "previous_response_id"),
        (r#""conversation":{"id":"c"}"#, "conversation"),
        (r#""background":true"#, "background"),
        (r#""prompt":{"id":"p"}"#, "prompt"),
        (
            r#""context_management":[{"type":"compaction"}]"#,
            "context_management",
        ),
    ] {
        let fault = refusal_of(&format!(r#"{{"model":"m","input":"x",{field}}}"#));
        assert_eq!(
            (fault.kind, fault.param.as_deref()),
            (FaultKind::BadRequest, Some(path))
        );
    }
    let fault = refusal_of(r#"{"model":"m","input":[{"type":"item_reference","id":"x"}]}"#);
    assert_eq!(fault.param.as_deref(), Some("input[0]"));
}

#[test]
fn malformed_requests_are_named_by_path() {
    for (body, message) in [
        (r#"{"model":"m"}"#, "missing `input`"),
        (
            r#"{"model":"m","input":[{"role":"robot","content":"x"}]}"#,
            "input[0].role: expected `user`, `assistant`, `system` or `developer`, found `robot`",
        ),
        (
            r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"file:///etc/passwd"}]}]}"#,
            "input[0].content[0].image_url: expected an https URL or `data:MIME;base64,…`, found another kind of address",
        ),
        (
            r#"{"model":"m","input":"x","reasoning":{"effort":"huge"}}"#,
            "reasoning.effort: expected `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`, found `huge`",
        ),
    ] {
        assert_eq!(refusal_of(body).message, message);
    }
}

#[test]
fn every_unknown_field_is_reported() {
    let body = r#"{"model":"m","x":1,"store":true,"background":false,"truncation":"disabled","user":"u","safety_identifier":"s",
        "max_tool_calls":3,"include":["web_search_call.results","message.output_text.logprobs"],
        "text":{"y":1,"format":{"type":"json_schema","name":"n","schema":{},"z":1}},"reasoning":{"context":"auto"},
        "tools":[{"type":"function","name":"f","defer_loading":true}],"tool_choice":{"type":"function","name":"f","w":1},
        "input":[{"role":"user","q":1,"content":[{"type":"input_text","text":"t","p":1}]}]}"#;
    let request = decode(body).unwrap();
    let (_, losses) = encode(&request);
    let mut losses = losses_of(&request, losses);
    losses.sort();
    let expected = [
        "-include[0]",
        "-input[0].content[0].p",
        "-input[0].q",
        "-max_tool_calls",
        "-reasoning.context",
        "-store",
        "-text.format.z",
        "-text.y",
        "-tool_choice.w",
        "-tools[0].defer_loading",
        "-user",
        "-x",
    ];
    assert_eq!(losses, expected);
    assert_eq!(request.logprobs.unwrap().value, 0);
}

#[test]
fn every_form_of_tool_choice_goes_both_ways() {
    let tools =
        r#"[{"type":"function","name":"f"},{"type":"custom","name":"g"},{"type":"web_search"}]"#;
    for choice in [
        r#""none""#,
        r#""auto""#,
        r#""required""#,
        r#"{"type":"function","name":"f"}"#,
        r#"{"type":"custom","name":"g"}"#,
        r#"{"type":"web_search"}"#,
        r#"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"}]}"#,
    ] {
        let request = decode(&format!(
            r#"{{"model":"m","input":"x","tools":{tools},"tool_choice":{choice}}}"#
        ))
        .unwrap();
        let (wire, losses) = encode(&request);
        assert!(losses.refusal().is_none());
        assert_eq!(
            wire["tool_choice"],
            serde_json::from_str::<serde_json::Value>(choice).unwrap()
        );
    }
}

#[test]
fn a_token_of_another_maker_comes_back_to_its_part() {
    let origin = Origin {
        dialect: DIALECT,
        provider: "p".into(),
        model: "other".into(),
    };
    let wrapped = envelope::wrap(&origin, ReasoningForm::Full, Some(&"tok".into()));
    let body = format!(
        r#"{{"model":"m","input":[{{"role":"user","content":"x"}},
        {{"type":"reasoning","summary":[{{"type":"summary_text","text":"t"}}],"encrypted_content":"{}"}},
        {{"role":"assistant","content":"y"}},{{"role":"user","content":"z"}}]}}"#,
        wrapped.as_escaped()
    );
    let request = decode(&body).unwrap();
    assert_eq!(
        request.turns[1].parts[0].signature.as_ref().unwrap().value,
        "tok"
    );
    let (wire, losses) = encode(&request);
    assert_eq!(
        losses_of(&request, losses),
        ["-input[1]"],
        "made by another model"
    );
    assert_eq!(wire["input"].as_array().unwrap().len(), 3);
}

#[test]
fn a_token_of_another_maker_says_whether_its_reasoning_had_a_text() {
    let origin = Origin {
        dialect: Dialect::named("anthropic"),
        provider: "p".into(),
        model: "m".into(),
    };
    for form in [
        ReasoningForm::Full,
        ReasoningForm::Summary,
        ReasoningForm::Redacted,
    ] {
        let wrapped = envelope::wrap(&origin, form, Some(&"tok".into()));
        let item = format!(
            r#"{{"type":"reasoning","summary":[],"encrypted_content":"{}"}}"#,
            wrapped.as_escaped()
        );
        let request = decode(&format!(
            r#"{{"model":"m","input":[{item},{{"role":"user","content":"x"}}]}}"#
        ))
        .unwrap();
        assert_eq!(
            request.turns[0].parts[0].kind,
            PartKind::Reasoning {
                form,
                texts: Vec::new()
            }
        );
    }
}

#[test]
fn what_only_openais_own_servers_know_is_flat_elsewhere() {
    let request = decode(CODEX).unwrap();
    let (wire, losses) = encode_for(&request, Maker::Local);
    assert_eq!(
        losses_of(&request, losses),
        [
            "-client_metadata",
            "-tools[1].description",
            "-tools[3]",
            "-tools[2].format"
        ]
    );
    let named = |item: &serde_json::Value| {
        let field = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        (field("type"), field("name"))
    };
    let function = |name: &str| ("function".to_owned(), name.to_owned());
    let tools: Vec<_> = wire["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(named)
        .collect();
    assert_eq!(
        tools,
        [function("shell"), function("ns__run"), function("patch")]
    );
    let input = wire["input"].as_array().unwrap();
    let calls: Vec<_> = input
        .iter()
        .filter(|item| item["call_id"] == "c2")
        .collect();
    assert_eq!(
        serde_json::json!(calls),
        serde_json::json!([
            {"type": "function_call", "call_id": "c2", "name": "patch", "arguments": "{\"input\":\"free text\"}"},
            {"type": "function_call_output", "call_id": "c2", "output": "done"},
        ])
    );
    // A vendor's own hosted tools stay.
    let (wire, _) = encode_for(&request, Maker::Other);
    assert_eq!(wire["tools"][3]["type"], "web_search");
}

#[test]
fn a_choice_of_hosted_tools_only_allows_no_function() {
    let with = |mode: &str| {
        let choice = format!(
            r#"{{"type":"allowed_tools","mode":"{mode}","tools":[{{"type":"web_search"}}]}}"#
        );
        let body = format!(
            r#"{{"model":"m","input":"x","tools":[{{"type":"function","name":"f"}}],"tool_choice":{choice}}}"#
        );
        decode(&body).unwrap().tool_choice.unwrap().value
    };
    assert_eq!(with("auto"), ToolChoice::None);
    assert_eq!(with("required"), ToolChoice::Hosted("web_search".into()));
}
