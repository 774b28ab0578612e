//! The dialect as its clients and upstreams see it: literal wire JSON in, literal expectations out.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use proptest::prelude::*;

use super::{DIALECT, Gemini};
use crate::canon::{
    At, CacheMark, Dialect, Effort, Embedding, Embeddings, Event, FaultKind, FinishReason, Fold, Format, How, Located, Losses,
    Media, MediaKind, MediaSource, Origin, Part, PartHead, PartKind, Reasoning, ReasoningForm, ReasoningMode, Request, Response,
    Role, SchemaFormat, ShowReasoning, Sig, Spot, Start, Tool, ToolChoice, ToolInput, ToolKind, ToolResult, Turn, Unknown, Usage,
};
use crate::json::{Raw, Text};
use crate::protocol::{
    Answering, Ask, DecodeError, EmbedProtocol as _, Encoded, Ending, Inbound, Operation, Passed, Protocol as _, Target, envelope,
};

fn decode_as(operation: Operation, body: &str) -> Result<Request, DecodeError> {
    let headers = HeaderMap::new();
    let body = Bytes::copy_from_slice(body.as_bytes());
    Gemini.decode_request(&Inbound { operation, path_model: Some("m"), query: None, headers: &headers, body: &body })
}

fn decode(body: &str) -> Request {
    decode_as(Operation::Generate, body).unwrap()
}

fn refusal(body: &str) -> String {
    decode_as(Operation::Generate, body).unwrap_err().into_fault(body.as_bytes()).message
}

fn target(model: &str) -> Target<'_> {
    Target { operation: Operation::Generate, provider: "google", model, stream: false, output_tokens_max: None }
}

fn encode(request: &Request, model: &str) -> (String, Losses) {
    let mut losses = Losses::default();
    let Encoded { wire, .. } = Gemini.encode_request(request, &target(model), &mut losses);
    (String::from_utf8(wire.body.to_vec()).unwrap(), losses)
}

fn contents(request: &Request, model: &str) -> String {
    let body = encode(request, model).0;
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    value["contents"].to_string()
}

fn noted(losses: Losses, body: &[u8]) -> Vec<String> {
    let mark = |how| match how {
        How::Dropped => "-",
        How::Adjusted => "~",
        How::Added => "+",
    };
    losses.resolve(body).unwrap().into_iter().map(|loss| format!("{}{}", mark(loss.how), loss.path)).collect()
}

const SPOT: Spot = Spot(0);

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None, at: SPOT }
}

fn user(text: &str) -> Turn {
    turn(Role::User, vec![Part::text(text.into(), SPOT)])
}

fn call(id: &str, name: &str) -> Part {
    let input = ToolInput::Json(Raw::from_static(r#"{"n":12345678901234567890}"#));
    Part::new(PartKind::ToolCall { id: id.into(), name: name.into(), namespace: None, input }, SPOT)
}

fn result(id: &str, text: &str) -> Part {
    let parts = vec![Part::text(text.into(), SPOT)];
    Part::new(PartKind::ToolResult(ToolResult { call_id: id.into(), name: None, parts, is_error: false }), SPOT)
}

fn reasoning(text: Option<&str>, sig: Option<Sig>) -> Part {
    let texts = text.into_iter().map(Text::from).collect();
    Part { sig, ..Part::new(PartKind::Reasoning { form: ReasoningForm::Full, texts }, SPOT) }
}

fn sig(provider: &str, value: &str) -> Sig {
    Sig { origin: Origin { dialect: DIALECT, provider: provider.into(), model: String::new() }, value: value.into() }
}

fn located<T>(value: T) -> Option<Located<T>> {
    Some(Located::new(value, SPOT))
}

fn ask_for(turns: Vec<Turn>) -> Request {
    Request { turns, ..Request::default() }
}

// Requests of clients.

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
    assert_eq!(Request { body: Bytes::new(), ..camel.clone() }, Request { body: Bytes::new(), ..snake });
    assert_eq!(camel.output_tokens_max, located(64));
    assert_eq!(camel.tool_choice, located(ToolChoice::One { name: "f".into(), namespace: None }));
    let asked = Reasoning { effort: located(Effort::Low), show: located(ShowReasoning::Summary(None)), ..Reasoning::default() };
    assert_eq!(camel.reasoning, located(asked));
}

#[test]
fn what_has_no_home_is_kept_with_its_path() {
    let body = r#"{"contents":[{"role":"user","odd":1,"parts":[{"text":"hi","videoMetadata":{}},{"inlineData":{"mimeType":"image/png","data":"AA==","x":2}}]}],
        "safetySettings":[],"labels":{"a":"b"},"generationConfig":{"speechConfig":{},"thinkingConfig":{"y":1}},
        "tools":[{"functionDeclarations":[{"name":"f","behavior":"BLOCKING"}]}],"toolConfig":{"retrievalConfig":{},"functionCallingConfig":{"mode":"VALIDATED","z":1}}}"#;
    let request = decode(body);
    let mut losses = Losses::default();
    request.unknown.iter().for_each(|unknown| losses.dropped(unknown.at));
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
            PartKind::ToolResult(result) => (result.call_id.clone(), result.is_error, result.parts[0].kind.clone()),
            other => panic!("expected a result, found {other:?}"),
        })
        .collect();
    let text = |text: &str| PartKind::Text(text.into());
    assert_eq!(results, [("call_1_0".into(), false, text(r#"{"b":2}"#)), ("call_1_1".into(), true, text("no"))]);
}

#[test]
fn formats_and_tools_keep_their_schemas() {
    let request = decode(
        r#"{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"STRING","nullable":true}},
        "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","properties":{"a":{}}}}]},{"googleSearch":{}}]}"#,
    );
    let schema =
        SchemaFormat { name: None, description: None, schema: Raw::from_static(r#"{"type":["string","null"]}"#), strict: None };
    assert_eq!(request.format, located(Format::Schema(schema)));
    assert!(matches!(&request.tools[0].kind, ToolKind::Function { schema: Some(schema), .. } if schema.as_str().contains("\"a\"")));
    assert!(matches!(&request.tools[1].kind, ToolKind::Hosted { kind, .. } if *kind == "googleSearch"));
}

#[test]
fn what_cannot_be_served_is_refused_by_its_path() {
    let contents = r#""contents":[{"parts":[{"text":"x"}]}]"#;
    let with = |more: &str| refusal(&format!("{{{contents},{more}}}"));
    assert!(with(r#""cachedContent":"cachedContents/1""#).starts_with("cachedContent: "));
    assert!(
        with(r#""generationConfig":{"stopSequences":["1","2","3","4","5","6"]}"#).starts_with("generationConfig.stopSequences: ")
    );
    assert!(with(r#""generationConfig":{"responseMimeType":"video/mp4"}"#).starts_with("generationConfig.responseMimeType: "));
    assert!(refusal(r#"{"contents":[]}"#).contains("missing `contents`"));
    assert!(refusal(r#"{"contents":[{"role":"robot","parts":[]}]}"#).starts_with("contents[0].role: expected `user`"));
    assert!(refusal(r#"{"contents":[{"parts":[{}]}]}"#).starts_with("contents[0].parts[0]: missing"));
    assert!(refusal(r#"{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{}}}]}]}"#).contains("`f`"));
}

#[test]
fn a_token_count_may_wrap_its_request() {
    let body = r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"x"}]}],"systemInstruction":"s"}}"#;
    let request = decode_as(Operation::CountTokens, body).unwrap();
    assert_eq!((request.turns.len(), request.system.len(), request.unknown.len()), (1, 1, 0));
}

#[test]
fn another_makers_token_on_a_call_is_reasoning_in_front_of_it() {
    let origin = Origin { dialect: DIALECT, provider: "p".into(), model: "m".into() };
    let wrapped = envelope::wrap(&origin, ReasoningForm::Full, Some(&"token".into()));
    let body = format!(
        r#"{{"contents":[{{"parts":[{{"text":"go"}}]}},{{"role":"model","parts":[{{"text":"I look"}},
        {{"functionCall":{{"name":"f"}},"thoughtSignature":"{0}"}},{{"text":"","thoughtSignature":"{0}"}}]}}]}}"#,
        wrapped.as_escaped()
    );
    let parts = &decode(&body).turns[1].parts;
    let kinds: Vec<_> = parts.iter().map(|part| std::mem::discriminant(&part.kind)).collect();
    let expected = [reasoning(None, None), Part::text("".into(), SPOT), call("", "")];
    assert_eq!(kinds, expected.map(|part| std::mem::discriminant(&part.kind)));
    assert_eq!(parts[0].sig, Some(Sig { origin, value: "token".into() }));
    assert!(parts[1].sig.is_none() && parts[2].sig.is_none());
}

#[test]
fn another_makers_token_says_whether_its_reasoning_had_a_text() {
    let origin = Origin { dialect: DIALECT, provider: "p".into(), model: "m".into() };
    for form in [ReasoningForm::Full, ReasoningForm::Summary, ReasoningForm::Redacted] {
        let wrapped = envelope::wrap(&origin, form, Some(&"token".into()));
        let body = format!(
            r#"{{"contents":[{{"role":"model","parts":[{{"functionCall":{{"name":"f"}},"thoughtSignature":"{}"}}]}}]}}"#,
            wrapped.as_escaped()
        );
        assert_eq!(decode(&body).turns[0].parts[0].kind, PartKind::Reasoning { form, texts: Vec::new() });
    }
}

// Requests to upstreams.

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
    let stream = Gemini.encode_request(&request, &Target { stream: true, ..target("gemini-3") }, &mut losses).wire;
    assert_eq!((&*stream.path, stream.query.as_deref()), ("/models/gemini-3:streamGenerateContent", Some("alt=sse")));
    let count = Target { operation: Operation::CountTokens, ..target("lab/a b:8b") };
    let count = Gemini.encode_request(&request, &count, &mut losses).wire;
    assert_eq!(count.path, "/models/lab/a%20b:8b:countTokens");
    assert_eq!(
        count.body,
        r#"{"generateContentRequest":{"model":"models/lab/a b:8b","contents":[{"role":"user","parts":[{"text":"x"}]}]}}"#
    );
}

#[test]
fn the_first_call_of_a_running_loop_is_signed_and_older_ones_are_not() {
    let turns = vec![
        user("old"),
        turn(Role::Assistant, vec![call("0", "f")]),
        turn(Role::User, vec![result("0", "r")]),
        user("new"),
        turn(Role::Assistant, vec![call("1", "f"), call("2", "f")]),
        turn(Role::User, vec![result("1", "r"), result("2", "{\"a\":1}")]),
    ];
    let (body, losses) = encode(&ask_for(turns.clone()), "gemini-3-pro");
    assert_eq!(body.matches("skip_thought_signature_validator").count(), 1);
    assert!(body.contains(r#""id":"1","name":"f","args":{"n":12345678901234567890}},"thoughtSignature":"skip"#));
    assert!(body.contains(r#""response":{"output":"r"}"#) && body.contains(r#""response":{"a":1}"#));
    assert_eq!(noted(losses, b""), ["+thoughtSignature"]);
    assert!(!encode(&ask_for(turns), "gemini-2.5-pro").0.contains("thoughtSignature"));
}

#[test]
fn a_token_that_came_back_in_another_dialects_carrier_goes_to_the_call() {
    let parts = vec![reasoning(Some("hm"), Some(sig("google", "t"))), call("1", "f")];
    let turns = vec![user("x"), turn(Role::Assistant, parts), turn(Role::User, vec![result("1", "r")])];
    let (body, losses) = encode(&ask_for(turns), "gemini-3-pro");
    assert!(body.contains(r#"{"text":"hm","thought":true},{"functionCall":"#), "{body}");
    assert!(body.contains(r#"},"thoughtSignature":"t"}"#), "{body}");
    assert_eq!(noted(losses, b""), [""; 0]);
}

#[test]
fn tokens_stand_where_they_stood() {
    let parts = |parts| contents(&ask_for(vec![user("x"), turn(Role::Assistant, parts)]), "gemini-3-pro");
    let own = parts(vec![reasoning(Some("hm"), Some(sig("", "t"))), Part::text("a".into(), SPOT)]);
    assert!(own.ends_with(r#"[{"text":"hm","thought":true,"thoughtSignature":"t"},{"text":"a"}],"role":"model"}]"#), "{own}");
    let hidden = parts(vec![reasoning(None, Some(sig("google", "t"))), Part::text("a".into(), SPOT)]);
    assert!(hidden.contains(r#"[{"text":"a","thoughtSignature":"t"}]"#), "{hidden}");
    let last = parts(vec![Part::text("a".into(), SPOT), reasoning(None, Some(sig("google", "t")))]);
    assert!(last.contains(r#"[{"text":"a"},{"text":"","thoughtSignature":"t"}]"#), "{last}");
}

#[test]
fn another_makers_reasoning_is_left_out() {
    let foreign =
        Sig { origin: Origin { dialect: Dialect::named("anthropic"), provider: "a".into(), model: "c".into() }, value: "t".into() };
    let turns =
        vec![user("x"), turn(Role::Assistant, vec![reasoning(Some("hm"), Some(foreign)), Part::text("a".into(), SPOT)]), user("y")];
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
        source: MediaSource::Inline { mime: "image/png".into(), data: "AA==".into() },
        name: None,
        context: None,
        detail: None,
    };
    let parts = vec![Part::text("see".into(), SPOT), Part::new(PartKind::Media(media), SPOT)];
    let answer = ToolResult { call_id: "1".into(), name: None, parts, is_error: false };
    let results = vec![Part::new(PartKind::ToolResult(answer), SPOT), result("2", "r")];
    let turns = vec![user("x"), turn(Role::Assistant, vec![call("1", "f"), call("2", "g")]), turn(Role::User, results)];
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
    assert_eq!((roles, request.added.len()), (vec![Role::User, Role::Assistant, Role::User], 0));
}

#[test]
fn thinking_is_steered_by_level_or_by_budget_and_never_by_both() {
    let thinking = |reasoning: Reasoning, model: &str| {
        let request = Request { reasoning: located(reasoning), ..ask_for(vec![user("x")]) };
        let (body, losses) = encode(&request, model);
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        (value["generationConfig"]["thinkingConfig"].to_string(), noted(losses, b"").concat())
    };
    let effort = |effort| Reasoning { effort: located(effort), ..Reasoning::default() };
    let budget =
        |tokens, mode| Reasoning { budget_tokens: located(tokens), budget_effort: Some(Effort::Low), mode, ..Reasoning::default() };
    let both = Reasoning { effort: located(Effort::High), ..budget(8_192, ReasoningMode::Fixed) };
    let off = Reasoning { mode: ReasoningMode::Off, show: located(ShowReasoning::Full), ..Reasoning::default() };
    let dynamic = Reasoning { mode: ReasoningMode::Dynamic, ..Reasoning::default() };
    let rows = [
        (effort(Effort::Medium), "gemini-3-flash", r#"{"thinkingLevel":"MEDIUM"}"#, ""),
        (effort(Effort::Max), "gemini-3-flash", r#"{"thinkingLevel":"HIGH"}"#, "~"),
        (effort(Effort::Minimal), "gemini-3-pro", r#"{"thinkingLevel":"LOW"}"#, "~"),
        (budget(1_000, ReasoningMode::Fixed), "gemini-3-flash", r#"{"thinkingLevel":"LOW"}"#, "~"),
        (budget(1_000, ReasoningMode::Fixed), "gemini-2.5-flash", r#"{"thinkingBudget":1000}"#, ""),
        (budget(99_999, ReasoningMode::Fixed), "gemini-2.5-flash", r#"{"thinkingBudget":24576}"#, "~"),
        (effort(Effort::Low), "gemini-2.5-flash", r#"{"thinkingBudget":1024}"#, "~"),
        (both.clone(), "gemini-3-flash", r#"{"thinkingLevel":"HIGH"}"#, "-"),
        (both, "gemini-2.5-flash", r#"{"thinkingBudget":8192}"#, "-"),
        (off.clone(), "gemini-2.5-flash", r#"{"thinkingBudget":0}"#, "-"),
        (off, "gemini-2.5-pro", r#"{"includeThoughts":true,"thinkingBudget":128}"#, "~"),
        (dynamic.clone(), "gemini-2.5-pro", r#"{"thinkingBudget":-1}"#, ""),
        (dynamic, "gemini-3-pro", "null", ""),
        (effort(Effort::Low), "gemini-2.0-flash", "null", "-"),
    ];
    for (asked, model, expected, losses) in rows {
        assert_eq!(thinking(asked.clone(), model), (expected.to_owned(), losses.to_owned()), "{asked:?} {model}");
    }
}

#[test]
fn media_from_elsewhere_is_refused_by_name() {
    let refused = |source| {
        let media = Media { kind: MediaKind::Image, source, name: None, context: None, detail: None };
        let part = Part::new(PartKind::Media(media), SPOT);
        let (body, losses) = encode(&ask_for(vec![turn(Role::User, vec![part])]), "gemini-3-pro");
        losses.refusal().map(|refusal| refusal.why.clone()).ok_or(body)
    };
    assert!(refused(MediaSource::Url { url: "https://example.com/a.png".into(), mime: None }).unwrap().contains("image"));
    assert!(
        refused(MediaSource::File { id: Located::new("file-1".into(), SPOT), dialect: Dialect::named("openai_chat") })
            .unwrap()
            .contains("openai_chat")
    );
    let google = refused(MediaSource::Url { url: "gs://bucket/a.png".into(), mime: Some("image/png".into()) }).unwrap_err();
    assert!(google.contains(r#"{"fileData":{"mimeType":"image/png","fileUri":"gs://bucket/a.png"}}"#), "{google}");
}

/// Each canonical field with what must be found of it: in the body, or `!` for "in the losses".
#[test]
fn every_field_is_written_or_reported() {
    let base = || ask_for(vec![user("x")]);
    let hosted = |dialect: &'static str| {
        let kind = ToolKind::Hosted { dialect: Dialect::named(dialect), kind: "urlContext".into(), raw: Raw::from_static("{}") };
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
        cache: Some(CacheMark { at: SPOT, ttl: None }),
    };
    let tools = |kind| vec![Tool { kind, at: SPOT }];
    let schema =
        SchemaFormat { name: located("n".into()), description: None, schema: Raw::from_static(r#"{"const":1}"#), strict: None };
    let choice = |choice| Request { tool_choice: located(choice), tools: tools(function.clone()), ..base() };
    let mut marked = Part::text("x".into(), SPOT);
    (marked.cache, marked.citations) = (Some(CacheMark { at: SPOT, ttl: None }), located(Raw::from_static("[]")));
    let mut long_seed = base();
    long_seed.sampling.seed = located(Raw::from_static("99999999999"));
    let named = Turn { name: located("bob".into()), ..user("x") };
    let refused = Part::new(PartKind::Refusal("I won't".into()), SPOT);
    let foreign = PartKind::Hosted { dialect: Dialect::named("anthropic"), kind: "k".into(), raw: Raw::from_static("{}") };
    let rows: Vec<(Request, &str)> = vec![
        (
            Request { system: vec![Part::text("s".into(), SPOT)], ..base() },
            r#""systemInstruction":{"role":"user","parts":[{"text":"s"}]}"#,
        ),
        (Request { tools: hosted("gemini"), ..base() }, r#""tools":[{"urlContext":{}}]"#),
        (Request { tools: hosted("anthropic"), ..base() }, "!"),
        (
            Request { tools: tools(free), ..base() },
            r#"{"name":"ns__run","parametersJsonSchema":{"type":"object","properties":{"input""#,
        ),
        (Request { tools: tools(function.clone()), ..base() }, r#"[{"name":"f","description":"what"}]"#),
        (choice(ToolChoice::None), r#"{"mode":"NONE"}"#),
        (choice(ToolChoice::Any), r#"{"mode":"ANY"}"#),
        (choice(ToolChoice::One { name: "f".into(), namespace: None }), r#"{"mode":"ANY","allowedFunctionNames":["f"]}"#),
        (choice(ToolChoice::Hosted("w".into())), "!!"),
        (Request { tool_choice: located(ToolChoice::Any), ..base() }, "!!"),
        (Request { tool_choice: located(ToolChoice::Auto), ..base() }, "!"),
        (Request { parallel_tool_calls: located(false), ..base() }, "!"),
        (long_seed, "!"),
        (Request { stops: vec![Located::new("s".into(), SPOT); 6], ..base() }, "!!"),
        (Request { choices: located(3), ..base() }, r#""candidateCount":3"#),
        (Request { format: located(Format::Json), ..base() }, r#""responseMimeType":"application/json""#),
        (Request { format: located(Format::Schema(schema)), ..base() }, r#""responseJsonSchema":{"enum":[1]}"#),
        (
            Request { format: located(Format::Enum(Raw::from_static("{}"))), ..base() },
            r#""responseMimeType":"text/x.enum","responseSchema":{}"#,
        ),
        (Request { logprobs: located(0), ..base() }, r#"{"responseLogprobs":true}"#),
        (Request { modalities: vec![Located::new("audio".into(), SPOT)], ..base() }, r#""responseModalities":["AUDIO"]"#),
        (Request { modalities: vec![Located::new("smell".into(), SPOT)], ..base() }, "!!"),
        (Request { verbosity: located("low".into()), ..base() }, "!"),
        (Request { user: located("u".into()), ..base() }, "!"),
        (Request { metadata: located(Raw::from_static("{}")), ..base() }, "!"),
        (Request { tier: located("auto".into()), ..base() }, "!"),
        (Request { cache_key: located("k".into()), ..base() }, "!"),
        (Request { cache_mark: Some(CacheMark { at: SPOT, ttl: None }), ..base() }, "!"),
        (Request { unknown: vec![Unknown { at: SPOT, raw: Raw::from_static("1") }], ..base() }, "!"),
        (Request { added: vec!["tool_result"], ..base() }, "!"),
        (ask_for(vec![turn(Role::User, vec![marked])]), "!"),
        (ask_for(vec![named]), "!"),
        (ask_for(vec![user("x"), turn(Role::Assistant, vec![refused])]), "I won't"),
        (ask_for(vec![user("x"), turn(Role::Assistant, vec![Part::new(foreign, SPOT)])]), "!"),
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

// Answers of upstreams.

const STREAM: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"hm\",\"thought\":true}]},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":5},\"modelVersion\":\"g\",\"responseId\":\"r\"}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"H\u{e9}\"}]}}]}\n\n",
    ": ping\n\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"llo\"},{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]}}]}\n\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\": [1.50]}},\"thoughtSignature\":\"Zg==\"},{\"functionCall\":{\"id\":\"x\",\"name\":\"g\"}}]},\"finishReason\":\"STOP\"}],",
    "\"usageMetadata\":{\"promptTokenCount\":5,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":3,\"totalTokenCount\":10}}\n\n",
);

fn answering() -> Answering {
    Answering { request_id: "req".into() }
}

fn read(chunks: &[&[u8]]) -> Vec<Event> {
    let (mut decoder, mut events) = (Gemini.stream_decoder(&answering()), Vec::new());
    for chunk in chunks {
        if let Err(garbled) = decoder.push(Bytes::copy_from_slice(chunk), &mut events) {
            events.push(Event::Failed(garbled.into()));
            return events;
        }
    }
    decoder.finish(&mut events);
    events
}

fn fold(events: Vec<Event>) -> Response {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish().unwrap()
}

fn failure(events: &[Event]) -> Option<FaultKind> {
    match events.last() {
        Some(Event::Failed(fault)) => Some(fault.kind),
        _ => None,
    }
}

#[test]
fn a_stream_becomes_parts_in_order() {
    let answer = fold(read(&[STREAM.as_bytes()]));
    let parts = &answer.choices[0].parts;
    let texts: Vec<_> = parts.iter().map(|part| part.text().to_plain().into_owned()).collect();
    assert_eq!(texts, ["hm", "H\u{e9}llo", r#"{"a":[1.50]}"#, "{}"]);
    assert!(matches!(parts[0].head, PartHead::Reasoning(ReasoningForm::Summary)));
    assert_eq!(parts[1].sig, Some("c2ln".into()));
    assert_eq!(parts[2].sig, Some("Zg==".into()));
    assert!(matches!(&parts[2].head, PartHead::ToolCall { id, .. } if id.to_plain().starts_with("call_")));
    assert!(matches!(&parts[3].head, PartHead::ToolCall { id, .. } if *id == "x"));
    assert_eq!(answer.choices[0].finish, Some(FinishReason::ToolCalls));
    assert_eq!((answer.usage.input, answer.usage.output, answer.usage.reasoning), (Some(5), Some(5), Some(3)));
    assert_eq!((answer.start.id, answer.start.model), (Some("r".into()), Some("g".into())));
}

#[test]
fn every_cut_before_the_end_is_a_failure() {
    let whole = STREAM.len() - 2;
    for cut in (0..whole).filter(|&cut| STREAM.is_char_boundary(cut)) {
        // The last record is whole before its blank line.
        let is_whole = STREAM[..cut].ends_with("10}}");
        assert_eq!(failure(&read(&[&STREAM.as_bytes()[..cut]])).is_none(), is_whole, "cut at {cut}");
    }
}

#[test]
fn the_array_form_gives_the_same_answer() {
    let records: Vec<_> = STREAM.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let array = format!("[{}\r\n]", records.join(",\r\n"));
    assert_eq!(fold(read(&[array.as_bytes()])), fold(read(&[STREAM.as_bytes()])));
    assert_eq!(Gemini.decode_response(array.into(), &answering()).unwrap(), fold(read(&[STREAM.as_bytes()])));
}

#[test]
fn errors_inside_a_stream_are_read_in_each_form() {
    let error = r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#;
    let begun = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
    for stream in [
        format!("data: {begun}\n\ndata: {error}\n\n"),
        format!("data: {begun}\n\n{error}"),
        format!("data: {begun}\r\n\r\n{error}\n"),
        error.to_owned(),
        format!("[{error}]"),
        format!("[{begun},\r\n{error}\r\n]"),
    ] {
        assert_eq!(failure(&read(&[stream.as_bytes()])), Some(FaultKind::Overloaded), "{stream}");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(failure(&read(&bytes)), Some(FaultKind::Overloaded), "{stream}");
    }
}

#[test]
fn a_signature_ends_its_text_and_metadata_waits_for_some() {
    let stream = concat!(
        "data: {\"candidates\":[{\"citationMetadata\":{\"c\":1}}]}\n\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\",\"thoughtSignature\":\"MQ==\"},{\"text\":\"b\"},{\"text\":\"c\",\"thoughtSignature\":\"Mg==\"},",
        "{\"text\":\"\",\"thoughtSignature\":\"Mw==\"}]},\"finishReason\":\"STOP\"}]}\n\n",
    );
    let answer = fold(read(&[stream.as_bytes()]));
    let parts: Vec<_> = answer.choices[0].parts.iter().map(|part| (part.text(), part.sig.clone().unwrap())).collect();
    assert_eq!(parts, [("a", "MQ=="), ("bc", "Mg=="), ("", "Mw==")].map(|(text, sig)| (Text::from(text), Text::from(sig))));
    assert_eq!(answer.choices[0].parts[2].head, PartHead::Reasoning(ReasoningForm::Redacted));
    assert_eq!(answer.choices[0].parts[0].citations[0].as_str(), r#"{"citationMetadata":{"c":1}}"#);
}

#[test]
fn as_many_candidates_are_read_as_any_dialect_has() {
    let candidate = |index: u32| format!(r#"{{"content":{{"parts":[{{"text":"a"}}]}},"finishReason":"STOP","index":{index}}}"#);
    let candidates: Vec<String> = (0..9).map(candidate).collect();
    let body = format!(r#"{{"candidates":[{}]}}"#, candidates.join(","));
    let answer = Gemini.decode_response(body.into(), &answering()).unwrap();
    assert_eq!(answer.choices.len(), 9);
}

#[test]
fn a_blocked_prompt_is_filtered_and_empty() {
    let answer = Gemini.decode_response(r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#.into(), &answering()).unwrap();
    assert_eq!(answer.choices[0].finish, Some(FinishReason::Filtered));
    assert!(answer.choices[0].parts.is_empty());
}

#[test]
fn candidates_sources_and_media_find_their_place() {
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AA=="}},{"executableCode":{"code":"1"}}]},"finishReason":"STOP","index":1},
        {"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS","index":0,"groundingMetadata":{"q":1},
        "logprobsResult":{"chosenCandidates":[{"token":"b","logProbability":-1}]}}]}"#;
    let answer = Gemini.decode_response(body.into(), &answering()).unwrap();
    assert_eq!(answer.choices[0].finish, Some(FinishReason::Length));
    assert_eq!(answer.choices[0].parts[0].citations[0].as_str(), r#"{"groundingMetadata":{"q":1}}"#);
    assert_eq!(answer.choices[0].parts[0].logprobs.len(), 1);
    let heads: Vec<_> = answer.choices[1].parts.iter().map(|part| part.head.clone()).collect();
    let code = PartHead::Hosted { kind: "executableCode".into(), raw: Raw::from_static(r#"{"code":"1"}"#) };
    assert_eq!(heads, [PartHead::Text, PartHead::Media { mime: "image/png".into() }, code]);
}

#[test]
fn nothing_after_a_failure_matters() {
    let error = r#"{"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}"#;
    for rest in ["data: {not json}\n\n", "data: {\"candidates\":1}\n\n"] {
        let failed = read(&[format!("data: {error}\n\n").as_bytes()]);
        assert!(matches!(failed[..], [Event::Failed(_)]));
        assert_eq!(read(&[format!("data: {error}\n\n{rest}").as_bytes()]), failed);
    }
    assert_eq!(read(&[format!("[{error}]<html>").as_bytes()]).len(), 1);
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(mut cuts in proptest::collection::vec(0..STREAM.len(), 0..8)) {
        cuts.extend([0, STREAM.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &STREAM.as_bytes()[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&chunks), read(&[STREAM.as_bytes()]));
    }

    #[test]
    fn no_bytes_make_the_decoders_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0..STREAM.len(), byte: u8) {
        let mut mutated = STREAM.as_bytes().to_vec();
        mutated[at] = byte;
        read(&[&mutated]);
        read(&[&bytes]);
        let _ = Gemini.decode_response(bytes.clone().into(), &answering());
        let _ = decode_as(Operation::Generate, &String::from_utf8_lossy(&bytes));
        let _ = Gemini.glimpse_body(&mutated.into());
    }
}

// Answers to clients.

fn ask_of<'a>(request: &'a Request, origin: &'a Origin, query: Option<&'a str>) -> Ask<'a> {
    Ask { request, operation: Operation::StreamGenerate, query, origin, request_id: "req_1", now: 0 }
}

fn origin(dialect: &'static str) -> Origin {
    Origin { dialect: Dialect::named(dialect), provider: "p".into(), model: "up".into() }
}

fn showing() -> Request {
    let asked = Reasoning { show: located(ShowReasoning::Summary(None)), ..Reasoning::default() };
    Request { reasoning: located(asked), ..Request::default() }
}

fn write(events: &[Event], ask: &Ask<'_>) -> (String, Ending) {
    let (mut encoder, mut out) = (Gemini.stream_encoder(ask), BytesMut::new());
    events.iter().for_each(|event| encoder.push(event, &mut out));
    let ending = encoder.finish(&mut out);
    (String::from_utf8(out.to_vec()).unwrap(), ending)
}

fn part(index: u32, head: PartHead, text: &str, sig: Option<&str>) -> Vec<Event> {
    let at = At { choice: 0, part: index };
    let mut events = vec![Event::PartStart { at, head }];
    events.extend((!text.is_empty()).then(|| Event::Delta { at, text: text.into() }));
    events.extend(sig.map(|sig| Event::Sig { at, value: sig.into() }));
    events.push(Event::PartEnd { at });
    events
}

fn answer_events() -> Vec<Event> {
    let tool = PartHead::ToolCall { id: "toolu_1".into(), name: "f".into(), namespace: None, free: false };
    let mut events = vec![Event::Start(Start { id: Some("msg".into()), ..Start::default() })];
    events.extend(part(0, PartHead::Reasoning(ReasoningForm::Full), "hm", Some("tok")));
    events.extend(part(1, PartHead::Text, "Hi", None));
    events.extend(part(2, tool, r#"{"a":1}"#, None));
    events.push(Event::Usage(Usage { input: Some(4), output: Some(6), reasoning: Some(1), ..Usage::default() }));
    events.push(Event::Finish { choice: 0, reason: FinishReason::ToolCalls, sequence: None, detail: None });
    events
}

#[test]
fn a_stream_is_one_chunk_a_delta_and_the_end_last() {
    let (request, origin) = (Request::default(), origin("anthropic"));
    let (stream, ending) = write(&answer_events(), &ask_of(&request, &origin, Some("alt=sse")));
    let wrapped = envelope::wrap(&origin, ReasoningForm::Full, Some(&"tok".into()));
    let expected = [
        r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"index":0}],"modelVersion":"up","responseId":"msg"}"#.to_owned(),
        format!(
            r#"data: {{"candidates":[{{"content":{{"role":"model","parts":[{{"functionCall":{{"id":"toolu_1","name":"f","args":{{"a":1}}}},"thoughtSignature":"{}"}}]}},"index":0}}],"modelVersion":"up","responseId":"msg"}}"#,
            wrapped.as_escaped()
        ),
        r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":1,"totalTokenCount":10},"modelVersion":"up","responseId":"msg"}"#.to_owned(),
        String::new(),
    ];
    assert_eq!(stream, expected.join("\n\n"));
    assert_eq!(ending, Ending::Clean);
}

#[test]
fn thoughts_are_shown_only_to_those_who_asked() {
    let (request, origin) = (showing(), origin("anthropic"));
    let (stream, _) = write(&answer_events(), &ask_of(&request, &origin, Some("alt=sse")));
    assert!(stream.contains(r#"{"text":"hm","thought":true}"#));
    assert_eq!(stream.matches("AeroEnvelope").count(), 2, "on the thought and on the call");
}

#[test]
fn a_token_without_a_call_stands_on_an_empty_text() {
    let mut events = part(0, PartHead::Reasoning(ReasoningForm::Redacted), "", Some("tok"));
    events.extend(part(1, PartHead::Text, "Hi", None));
    events.push(Event::Finish { choice: 0, reason: FinishReason::End, sequence: None, detail: None });
    let (request, foreign, own) = (Request::default(), origin("anthropic"), origin("gemini"));
    let (stream, _) = write(&events, &ask_of(&request, &foreign, Some("alt=sse")));
    assert!(stream.contains(r#"{"text":"","thoughtSignature":"AeroEnvelope"#), "{stream}");
    let (stream, _) = write(&events, &ask_of(&request, &own, Some("alt=sse")));
    assert!(stream.contains(r#"{"text":"","thoughtSignature":"tok"}"#), "{stream}");
}

#[test]
fn without_alt_sse_an_array_is_streamed() {
    let (request, origin) = (Request::default(), origin("openai_chat"));
    let (stream, ending) = write(&answer_events(), &ask_of(&request, &origin, None));
    let value: serde_json::Value = serde_json::from_str(&stream).unwrap();
    assert_eq!((value.as_array().unwrap().len(), ending), (3, Ending::Clean));
    assert!(stream.contains("},\r\n{"));
}

#[test]
fn a_failure_is_the_last_record_and_breaks_the_connection() {
    let mut fault = crate::canon::Fault::new(FaultKind::Overloaded, crate::canon::Blame::Provider, "busy");
    fault.retry_after = Some(std::time::Duration::from_secs(2));
    let (request, origin) = (Request::default(), origin("openai_chat"));
    let mut events = answer_events();
    events.truncate(8);
    events.push(Event::Failed(fault.clone()));
    let error = r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2s"}]}}"#;
    let (stream, ending) = write(&events, &ask_of(&request, &origin, Some("alt=sse")));
    assert!(stream.ends_with(&format!("\n\ndata: {error}\n\n")) && ending == Ending::Abort, "{stream}");
    let (array, ending) = write(&events, &ask_of(&request, &origin, None));
    assert!(array.ends_with(&format!(",\r\n{error}]")) && ending == Ending::Abort, "{array}");
    let mut out = BytesMut::new();
    let passed = |query, records| Passed { query, records };
    assert_eq!(Gemini.encode_stream_fault(&fault, &passed(Some("alt=sse"), 1), &mut out), Ending::Abort);
    assert_eq!(out.split(), format!("data: {error}\n\n"));
    Gemini.encode_stream_fault(&fault, &passed(None, 1), &mut out);
    assert_eq!(out.split(), format!(",\r\n{error}]"));
    Gemini.encode_stream_fault(&fault, &passed(None, 0), &mut out);
    assert_eq!(out, format!("[{error}]"));
}

#[test]
fn a_stream_without_its_end_breaks_off() {
    let (request, origin) = (Request::default(), origin("openai_chat"));
    let mut events = answer_events();
    events.pop();
    let (stream, ending) = write(&events, &ask_of(&request, &origin, Some("alt=sse")));
    assert!(!stream.contains("finishReason") && ending == Ending::Abort);
}

#[test]
fn arguments_that_are_no_object_end_the_answer_as_malformed() {
    let tool = PartHead::ToolCall { id: "1".into(), name: "f".into(), namespace: None, free: false };
    let mut events = part(0, tool, r#"{"a":"#, None);
    events.push(Event::Finish { choice: 0, reason: FinishReason::ToolCalls, sequence: None, detail: None });
    let (request, origin) = (Request::default(), origin("openai_chat"));
    let (stream, _) = write(&events, &ask_of(&request, &origin, Some("alt=sse")));
    assert!(stream.contains("MALFORMED_FUNCTION_CALL") && !stream.contains("\"functionCall\""), "{stream}");
}

#[test]
fn a_whole_answer_says_what_its_stream_says() {
    let answer = fold(read(&[STREAM.as_bytes()]));
    let (request, origin) = (showing(), origin("gemini"));
    let ask = ask_of(&request, &origin, Some("alt=sse"));
    let (stream, _) = write(&answer.events(), &ask);
    assert_eq!(fold(read(&[stream.as_bytes()])), answer);
    let mut losses = Losses::default();
    let body = Gemini.encode_response(&answer, &ask, &mut losses);
    assert_eq!(Gemini.decode_response(body.clone(), &answering()).unwrap(), answer);
    let expected = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"#;
    assert!(String::from_utf8_lossy(&body).starts_with(expected));
    assert!(String::from_utf8_lossy(&body).contains("llo\",\"thoughtSignature\":\"c2ln\"}"));
}

#[test]
fn losses_of_an_answer_are_named() {
    let at = At::default();
    let mut events = part(0, PartHead::Text, "Hi", None);
    events.insert(1, Event::Cite { at, raw: Raw::from_static("{}") });
    events.extend(part(1, PartHead::Hosted { kind: "k".into(), raw: Raw::from_static("{}") }, "", None));
    events.push(Event::Finish { choice: 0, reason: FinishReason::End, sequence: None, detail: None });
    let (request, origin, mut losses) = (Request::default(), origin("anthropic"), Losses::default());
    let body = Gemini.encode_response(&fold(events), &ask_of(&request, &origin, None), &mut losses);
    assert_eq!(noted(losses, b""), ["-citations", "-hosted_tools"]);
    assert_eq!(
        body,
        r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0}],"modelVersion":"up","responseId":"req_1"}"#
    );
}

// Embeddings, counts.

#[test]
fn embeddings_go_both_ways() {
    let headers = HeaderMap::new();
    let body = Bytes::from_static(br#"{"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},"outputDimensionality":8},{"content":{"parts":[{"text":"b"}]},"outputDimensionality":8}]}"#);
    let inbound = Inbound { operation: Operation::BatchEmbed, path_model: Some("e"), query: None, headers: &headers, body: &body };
    let embed = Gemini.decode_embed(&inbound).unwrap();
    assert_eq!((embed.inputs.len(), embed.dimensions.clone(), embed.is_batch), (2, located(8), true));
    let mut losses = Losses::default();
    let encoded = Gemini.encode_embed(&embed, &target("up"), &mut losses);
    assert_eq!(encoded.wire.path, "/models/up:batchEmbedContents");
    let expected = r#"{"requests":[{"model":"models/up","content":{"parts":[{"text":"a"}]},"outputDimensionality":8},{"model":"models/up","content":{"parts":[{"text":"b"}]},"outputDimensionality":8}]}"#;
    assert_eq!(encoded.wire.body, expected);
    let vectors = Gemini.decode_embeddings(&r#"{"embeddings":[{"values":[0.10,2]},{"values":[]}]}"#.into()).unwrap();
    let written = Gemini.encode_embeddings(&vectors, &embed, Operation::BatchEmbed);
    assert_eq!(written, r#"{"embeddings":[{"values":[0.10,2]},{"values":[]}]}"#);
    let floats = Embeddings { vectors: vec![Embedding::Base64("AACAPwAAAL8=".into())], input_tokens: None };
    assert_eq!(Gemini.encode_embeddings(&floats, &embed, Operation::Embed), r#"{"embedding":{"values":[1,-0.5]}}"#);
}

#[test]
fn a_batch_that_disagrees_is_refused() {
    let headers = HeaderMap::new();
    let body = Bytes::from_static(
        br#"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]},"taskType":"X"}]}"#,
    );
    let inbound = Inbound { operation: Operation::BatchEmbed, path_model: Some("e"), query: None, headers: &headers, body: &body };
    let fault = Gemini.decode_embed(&inbound).unwrap_err().into_fault(&body);
    assert_eq!(fault.param.as_deref(), Some("requests[1]"));
}

#[test]
fn counts_may_stand_in_strings() {
    assert_eq!(Gemini.decode_count(&r#"{"totalTokens":"12"}"#.into()).unwrap(), 12);
    assert!(Gemini.decode_count(&"{}".into()).is_err());
}

#[test]
fn resource_names_are_prefixed_once() {
    let path = |model| Gemini.upstream_path(Operation::StreamGenerate, model, Some("alt=sse"));
    assert_eq!(path("models/x"), ("/models/x:streamGenerateContent".to_owned(), Some("alt=sse".to_owned())));
    assert_eq!(path("tunedModels/x").0, "/tunedModels/x:streamGenerateContent");
    let count = Target { operation: Operation::CountTokens, ..target("models/x") };
    let wire = Gemini.encode_request(&ask_for(vec![user("x")]), &count, &mut Losses::default()).wire;
    assert!(wire.body.starts_with(br#"{"generateContentRequest":{"model":"models/x","#));
}
