use proptest::prelude::*;

use super::*;
use crate::canon::{
    At, Event, FaultKind, FinishReason, Fold, Format, How, Origin, PartHead, PartKind, ReasoningForm, Role, ShowReasoning,
    ToolChoice, ToolInput, ToolKind, Usage,
};
use crate::json::{Raw, Text};
use crate::protocol::envelope;

const NO_HEADERS: fn() -> HeaderMap = HeaderMap::new;

fn decode(body: &str) -> Result<Request, DecodeError> {
    let (headers, body) = (NO_HEADERS(), Bytes::copy_from_slice(body.as_bytes()));
    let inbound = Inbound { operation: Operation::Generate, path_model: None, query: None, headers: &headers, body: &body };
    OpenaiResponses.decode_request(&inbound)
}

fn refusal_of(body: &str) -> Fault {
    decode(body).unwrap_err().into_fault(body.as_bytes())
}

fn encode(request: &Request) -> (serde_json::Value, Losses) {
    let target = Target { operation: Operation::Generate, provider: "p", model: "m", stream: false, output_tokens_max: None };
    let mut losses = Losses::default();
    let encoded = OpenaiResponses.encode_request(request, &target, &mut losses);
    (serde_json::from_slice(&encoded.wire.body).unwrap(), losses)
}

fn losses_of(request: &Request, losses: Losses) -> Vec<String> {
    let sign = |how| match how {
        How::Dropped => "-",
        How::Adjusted => "~",
        How::Added => "+",
    };
    let resolved = losses.resolve(&request.body).unwrap();
    resolved.into_iter().map(|loss| format!("{}{}", sign(loss.how), loss.path)).collect()
}

mod requests {
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
        assert_eq!(formats, [Some(Raw::from_static(r#"{"definition":"x"}"#)), None]);
    }

    #[test]
    fn codex_is_read_whole() {
        let request = decode(CODEX).unwrap();
        let system: Vec<_> = request.system.iter().map(|part| &part.kind).collect();
        assert_eq!(system, [&PartKind::Text("be brief".into()), &PartKind::Text("rules".into())]);
        let roles: Vec<_> = request.turns.iter().map(|turn| turn.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant, Role::User, Role::Developer]);
        let [thought, run, patch] = &request.turns[1].parts[..] else { panic!("three parts") };
        assert_eq!(thought.sig.as_ref().unwrap().value, "rs_1 gAAA");
        let PartKind::ToolCall { namespace, input, .. } = &run.kind else { panic!("a call") };
        assert_eq!(namespace, &Some("ns".into()));
        assert_eq!(input, &ToolInput::Json(Raw::from_static(r#"{"n": 12345678901234567890}"#)));
        assert!(matches!(&patch.kind, PartKind::ToolCall { input: ToolInput::Free(text), .. } if *text == "free text"));
        assert!(matches!(&request.tools[3].kind, ToolKind::Hosted { kind, .. } if *kind == "web_search"));
        let show = request.reasoning.as_ref().unwrap().value.show.as_ref().unwrap();
        assert_eq!(show.value, ShowReasoning::Summary(Some("auto".into())));
        let spots: Vec<_> = request.unknown.iter().map(|unknown| unknown.at).collect();
        let mut paths = crate::json::paths_at(&request.body, &spots);
        paths.sort();
        assert_eq!(paths, ["client_metadata", "tools[1].description"]);
    }

    #[test]
    fn codex_comes_out_as_it_went_in() {
        let request = decode(CODEX).unwrap();
        let (wire, losses) = encode(&request);
        assert_eq!(losses_of(&request, losses), ["-client_metadata", "-tools[1].description"]);
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
        assert_eq!(wire["tools"][2]["format"], serde_json::json!({"type":"grammar","syntax":"lark","definition":"x"}));
        assert_eq!(wire["reasoning"], serde_json::json!({"summary":"auto"}));
    }

    #[test]
    fn what_needs_a_store_is_refused_with_its_path() {
        for (field, path) in [
            (r#""previous_response_id":"resp_1""#, "previous_response_id"),
            (r#""conversation":{"id":"c"}"#, "conversation"),
            (r#""background":true"#, "background"),
            (r#""prompt":{"id":"p"}"#, "prompt"),
            (r#""context_management":[{"type":"compaction"}]"#, "context_management"),
        ] {
            let fault = refusal_of(&format!(r#"{{"model":"m","input":"x",{field}}}"#));
            assert_eq!((fault.kind, fault.param.as_deref()), (FaultKind::BadRequest, Some(path)));
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
        let tools = r#"[{"type":"function","name":"f"},{"type":"custom","name":"g"},{"type":"web_search"}]"#;
        for choice in [
            r#""none""#,
            r#""auto""#,
            r#""required""#,
            r#"{"type":"function","name":"f"}"#,
            r#"{"type":"custom","name":"g"}"#,
            r#"{"type":"web_search"}"#,
            r#"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"}]}"#,
        ] {
            let request = decode(&format!(r#"{{"model":"m","input":"x","tools":{tools},"tool_choice":{choice}}}"#)).unwrap();
            let (wire, losses) = encode(&request);
            assert!(losses.refusal().is_none());
            assert_eq!(wire["tool_choice"], serde_json::from_str::<serde_json::Value>(choice).unwrap());
        }
    }

    #[test]
    fn a_token_of_another_maker_comes_back_to_its_part() {
        let origin = Origin { dialect: DIALECT, provider: "p".into(), model: "other".into() };
        let wrapped = envelope::wrap(&origin, ReasoningForm::Full, Some(&"tok".into()));
        let body = format!(
            r#"{{"model":"m","input":[{{"role":"user","content":"x"}},
            {{"type":"reasoning","summary":[{{"type":"summary_text","text":"t"}}],"encrypted_content":"{}"}},
            {{"role":"assistant","content":"y"}},{{"role":"user","content":"z"}}]}}"#,
            wrapped.as_escaped()
        );
        let request = decode(&body).unwrap();
        assert_eq!(request.turns[1].parts[0].sig.as_ref().unwrap().value, "tok");
        let (wire, losses) = encode(&request);
        assert_eq!(losses_of(&request, losses), ["-input[1]"], "made by another model");
        assert_eq!(wire["input"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_token_of_another_maker_says_whether_its_reasoning_had_a_text() {
        let origin = Origin { dialect: Dialect::named("anthropic"), provider: "p".into(), model: "m".into() };
        for form in [ReasoningForm::Full, ReasoningForm::Summary, ReasoningForm::Redacted] {
            let wrapped = envelope::wrap(&origin, form, Some(&"tok".into()));
            let item = format!(r#"{{"type":"reasoning","summary":[],"encrypted_content":"{}"}}"#, wrapped.as_escaped());
            let request = decode(&format!(r#"{{"model":"m","input":[{item},{{"role":"user","content":"x"}}]}}"#)).unwrap();
            assert_eq!(request.turns[0].parts[0].kind, PartKind::Reasoning { form, texts: Vec::new() });
        }
    }
}

mod request_losses {
    use super::*;
    use crate::canon::{CacheMark, Located, Media, MediaKind, MediaSource, Part, Spot, ToolResult, Turn};

    fn located<T>(value: T) -> Option<Located<T>> {
        Some(Located::new(value, Spot(0)))
    }

    fn number() -> Option<Located<Raw>> {
        located(Raw::from_static("0.25"))
    }

    fn user(parts: Vec<Part>) -> Vec<Turn> {
        vec![Turn { role: Role::User, parts, name: None, at: Spot(0) }]
    }

    #[test]
    fn every_field_is_carried_or_reported() {
        type Set = fn(&mut Request);
        let carried: [(Set, &str, &str); 9] = [
            (|request| request.sampling.temperature = number(), "/temperature", "0.25"),
            (|request| request.sampling.top_p = number(), "/top_p", "0.25"),
            (|request| request.output_tokens_max = located(7), "/max_output_tokens", "7"),
            (|request| request.parallel_tool_calls = located(false), "/parallel_tool_calls", "false"),
            (|request| request.verbosity = located("low".into()), "/text/verbosity", "\"low\""),
            (|request| request.format = located(Format::Json), "/text/format/type", "\"json_object\""),
            (|request| request.logprobs = located(2), "/top_logprobs", "2"),
            (|request| request.user = located("u".into()), "/safety_identifier", "\"u\""),
            (|request| request.tier = located("flex".into()), "/service_tier", "\"flex\""),
        ];
        for (set, pointer, expected) in carried {
            let mut request = Request::default();
            set(&mut request);
            let (wire, losses) = encode(&request);
            assert_eq!(wire.pointer(pointer).map(ToString::to_string).as_deref(), Some(expected));
            assert!(losses_of(&request, losses).is_empty(), "{pointer}");
        }
        let dropped: [Set; 6] = [
            |request| request.sampling.top_k = number(),
            |request| request.sampling.seed = number(),
            |request| request.sampling.presence_penalty = number(),
            |request| request.sampling.frequency_penalty = number(),
            |request| request.cache_mark = Some(CacheMark { at: Spot(0), ttl: None }),
            |request| request.tier = located("odd".into()),
        ];
        for set in dropped {
            let mut request = Request::default();
            set(&mut request);
            let (_, losses) = encode(&request);
            assert_eq!(losses_of(&request, losses), ["-"]);
        }
        let refused: [Set; 5] = [
            |request| request.stops = vec![Located::new("END".into(), Spot(0))],
            |request| request.choices = located(2),
            |request| request.modalities = vec![Located::new("audio".into(), Spot(0))],
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
            let request = Request { reasoning: located(reasoning), ..Request::default() };
            let (wire, losses) = encode(&request);
            (wire["reasoning"].clone(), losses_of(&request, losses).len())
        };
        let mut budget = Reasoning { budget_tokens: located(10_000), mode: ReasoningMode::Fixed, ..Reasoning::default() };
        budget.budget_effort = Some(Effort::Medium);
        assert_eq!(wire(budget), (serde_json::json!({"effort":"medium"}), 1));
        let off = Reasoning { mode: ReasoningMode::Off, ..Reasoning::default() };
        assert_eq!(wire(off), (serde_json::json!({"effort":"none"}), 0));
        let shown = Reasoning { effort: located(Effort::High), show: located(ShowReasoning::Full), ..Reasoning::default() };
        assert_eq!(wire(shown), (serde_json::json!({"effort":"high","summary":"auto"}), 1));
    }

    #[test]
    fn ids_that_are_too_long_keep_apart() {
        let user = |last: &str| {
            let request = Request { user: located(Text::from(format!("{}{last}", "u".repeat(150)))), ..Request::default() };
            encode(&request).0["safety_identifier"].as_str().unwrap().to_owned()
        };
        assert_eq!(user("a").len(), 64);
        assert_ne!(user("a"), user("b"));
    }

    #[test]
    fn media_are_carried_or_refused() {
        let inline = |kind, mime: &str| Media {
            kind,
            source: MediaSource::Inline { mime: mime.into(), data: "aGk=".into() },
            name: None,
            context: None,
            detail: None,
        };
        let content = |media: Media| {
            let request = Request { turns: user(vec![Part::new(PartKind::Media(media), Spot(0))]), ..Request::default() };
            let (wire, losses) = encode(&request);
            (wire["input"][0]["content"][0].to_string(), losses.refusal().is_some())
        };
        let data = |mime: &str| format!("data:{mime};base64,aGk=");
        let image = format!(r#"{{"image_url":"{}","type":"input_image"}}"#, data("image/png"));
        assert_eq!(content(inline(MediaKind::Image, "image/png")), (image, false));
        let pdf = format!(r#"{{"file_data":"{}","filename":"document.pdf","type":"input_file"}}"#, data("application/pdf"));
        assert_eq!(content(inline(MediaKind::Pdf, "application/pdf")), (pdf, false));
        let text = r#"{"text":"hi","type":"input_text"}"#.to_owned();
        assert_eq!(content(inline(MediaKind::Document, "text/plain")), (text, false));
        let audio = r#"{"input_audio":{"data":"aGk=","format":"mp3"},"type":"input_audio"}"#.to_owned();
        assert_eq!(content(inline(MediaKind::Audio, "audio/mpeg")), (audio, false));
        assert!(content(inline(MediaKind::Video, "video/mp4")).1);
        assert!(content(inline(MediaKind::Audio, "audio/flac")).1);
    }

    #[test]
    fn failed_results_say_so_in_their_text() {
        let output = |parts| {
            let result = ToolResult { call_id: "c".into(), name: None, parts, is_error: true };
            let request = Request { turns: user(vec![Part::new(PartKind::ToolResult(result), Spot(0))]), ..Request::default() };
            encode(&request).0["input"][0]["output"].clone()
        };
        assert_eq!(output(vec![]), "Error: ");
        assert_eq!(output(vec![Part::text("no".into(), Spot(0))]), "Error: no");
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
            let request = Request { tools: vec![crate::canon::Tool { kind, at: Spot(0) }], ..Request::default() };
            encode(&request).0["tools"][0]["strict"].clone()
        };
        assert_eq!(tool(r#"{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}"#), true);
        assert_eq!(tool(r#"{"type":"object","properties":{"a":{}}}"#), false);
    }
}

const RESPONSE: &str = r#"{"id":"resp_1","object":"response","created_at":7,"status":"completed","error":null,"model":"gpt","output":[
    {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}],"encrypted_content":"gAAA"},
    {"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[{"type":"url_citation","url":"u"}]}]},
    {"id":"fc_1","type":"function_call","call_id":"c1","name":"run","namespace":"ns","arguments":"{\"a\":1}","status":"completed"},
    {"id":"ctc_1","type":"custom_tool_call","call_id":"c2","name":"patch","input":"free","status":"completed"}],
    "usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":14}}"#;

fn stream(records: &[&str]) -> String {
    records.iter().map(|data| format!("data: {data}\n\n")).collect()
}

/// The stream of [`RESPONSE`], as the service writes it.
fn full_stream() -> String {
    let end = format!(r#"{{"type":"response.completed","response":{}}}"#, RESPONSE.replace('\n', ""));
    stream(&[
        r#"{"type":"response.created","response":{"id":"resp_1","created_at":7,"model":"gpt","status":"in_progress","output":[]}}"#,
        r#"{"type":"response.in_progress","response":{"id":"resp_1"}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"on"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"e"}"#,
        r#"{"type":"response.reasoning_summary_text.done","output_index":0,"summary_index":0,"text":"one"}"#,
        r#"{"type":"response.reasoning_summary_part.done","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"one"}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":1,"delta":"two"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}],"encrypted_content":"gAAA"}}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","content":[]}}"#,
        r#"{"type":"response.content_part.added","output_index":1,"content_index":0,"part":{"type":"output_text","text":""}}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Hel","logprobs":[]}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"lo"}"#,
        r#"{"type":"response.output_text.annotation.added","output_index":1,"content_index":0,"annotation":{"type":"url_citation","url":"u"}}"#,
        r#"{"type":"response.output_text.done","output_index":1,"content_index":0,"text":"Hello"}"#,
        r#"{"type":"response.content_part.done","output_index":1,"content_index":0,"part":{"type":"output_text","text":"Hello","annotations":[{"type":"url_citation","url":"u"}]}}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"message","content":[{"type":"output_text","text":"Hello"}]}}"#,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","call_id":"c1","name":"run","namespace":"ns","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"a\""}"#,
        r#"{"type":"response.output_item.added","output_index":3,"item":{"type":"custom_tool_call","call_id":"c2","name":"patch","input":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":":1}"}"#,
        r#"{"type":"response.custom_tool_call_input.done","output_index":3,"input":"free"}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":2,"arguments":"{\"a\":1}"}"#,
        r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","call_id":"c1","name":"run","namespace":"ns","arguments":"{\"a\":1}"}}"#,
        r#"{"type":"response.output_item.done","output_index":3,"item":{"type":"custom_tool_call","call_id":"c2","name":"patch","input":"free"}}"#,
        &end,
    ])
}

fn read(chunks: &[&[u8]]) -> Vec<Event> {
    let mut decoder = OpenaiResponses.stream_decoder(&Answering::default());
    let mut events = Vec::new();
    for chunk in chunks {
        if decoder.push(Bytes::copy_from_slice(chunk), &mut events).is_err() {
            return events;
        }
    }
    decoder.finish(&mut events);
    events
}

fn fold(events: Vec<Event>) -> Result<Response, Fault> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

fn decode_whole(body: &str) -> Result<Response, Fault> {
    OpenaiResponses.decode_response(Bytes::copy_from_slice(body.as_bytes()), &Answering::default())
}

mod upstream_answers {
    use super::*;

    #[test]
    fn a_stream_folds_to_the_whole_answer() {
        let whole = decode_whole(RESPONSE).unwrap();
        assert_eq!(fold(read(&[full_stream().as_bytes()])).unwrap(), whole);
        let parts = &whole.choices[0].parts;
        assert_eq!(parts[0].texts, [Text::from("one"), Text::from("two")]);
        assert_eq!(parts[0].sig, Some("rs_1 gAAA".into()));
        assert_eq!(parts[1].citations.len(), 1);
        assert_eq!(parts[2].text(), r#"{"a":1}"#);
        assert_eq!(whole.choices[0].finish, Some(FinishReason::ToolCalls));
        let usage = Usage { input: Some(9), cache_read: Some(4), output: Some(5), reasoning: Some(2), ..Usage::default() };
        assert_eq!(whole.usage, usage);
    }

    /// What `canon::Event` promises of every sequence.
    fn check_promises(events: &[Event]) {
        let (mut open, mut next, mut is_started, mut is_over) = (None, 0, false, false);
        for event in events {
            assert!(!is_over, "nothing comes after a failure");
            match event {
                Event::Start(_) => assert!(!std::mem::replace(&mut is_started, true), "one start"),
                Event::PartStart { at, .. } => {
                    assert!(is_started && at.part == next, "parts are counted");
                    assert_eq!(open.replace(*at), None, "parts do not overlap");
                    next += 1;
                }
                Event::PartEnd { at } => assert_eq!(open.take(), Some(*at)),
                Event::Delta { at, .. } | Event::Paragraph { at } | Event::Sig { at, .. } | Event::Cite { at, .. } => {
                    assert_eq!(open, Some(*at));
                }
                Event::Finish { .. } => assert_eq!(open, None),
                Event::Failed(_) => is_over = true,
                _ => {}
            }
        }
    }

    #[test]
    fn parts_never_overlap_where_items_do() {
        check_promises(&read(&[full_stream().as_bytes()]));
    }

    #[test]
    fn an_item_that_turns_out_to_be_unknown_ends_the_part_it_began() {
        check_promises(&read(&[stream(&[
            r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"hm"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"new_kind"}}"#,
            r#"{"type":"response.completed","response":{"status":"completed"}}"#,
        ])
        .as_bytes()]));
    }

    #[test]
    fn servers_that_send_only_the_end_are_read_too() {
        let end = stream(&[&format!(r#"{{"type":"response.completed","response":{}}}"#, RESPONSE.replace('\n', ""))]);
        assert_eq!(fold(read(&[end.as_bytes()])).unwrap(), decode_whole(RESPONSE).unwrap());
    }

    #[test]
    fn a_stream_cut_at_any_record_fails() {
        let whole = full_stream();
        let records: Vec<&str> = whole.split_inclusive("\n\n").collect();
        for kept in 0..records.len() {
            let events = read(&[records[..kept].concat().as_bytes()]);
            assert!(matches!(events.last(), Some(Event::Failed(_))), "after {kept} records");
        }
    }

    #[test]
    fn failures_are_told_in_both_forms() {
        let failed =
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"}}}"#;
        let error = r#"{"type":"error","code":"rate_limit_exceeded","message":"slow","param":null}"#;
        for record in [failed, error] {
            let fault = fold(read(&[stream(&[record]).as_bytes()])).unwrap_err();
            assert_eq!((fault.kind, &*fault.message), (FaultKind::RateLimited, "slow"));
        }
        let body = r#"{"status":"failed","error":{"code":"server_error","message":"m"},"output":[]}"#;
        assert_eq!(decode_whole(body).unwrap_err().kind, FaultKind::Upstream);
        assert!(decode_whole(r#"{"status":"in_progress","output":[]}"#).is_err());
        assert!(decode_whole("<html>").is_err());
    }

    #[test]
    fn texts_that_only_the_done_events_hold_are_read() {
        let records = stream(&[
            r#"{"type":"response.content_part.added","output_index":0,"content_index":0,"part":{"type":"refusal","refusal":""}}"#,
            r#"{"type":"response.refusal.done","output_index":0,"content_index":0,"refusal":"no"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"refusal","refusal":"no"}]}}"#,
            r#"{"type":"response.completed","response":{"status":"completed","output":[]}}"#,
        ]);
        let response = fold(read(&[records.as_bytes()])).unwrap();
        assert_eq!(response.choices[0].parts[0].head, PartHead::Refusal);
        assert_eq!(response.choices[0].parts[0].texts, [Text::from("no")]);
        assert_eq!(response.choices[0].finish, Some(FinishReason::Refusal));
    }

    #[test]
    fn raw_reasoning_is_shown_in_full_and_hosted_items_stay_whole() {
        let search = r#"{"type":"web_search_call","id":"ws_1","status":"completed"}"#;
        let body = format!(
            r#"{{"status":"completed","output":[{{"type":"reasoning","summary":[],"content":[{{"type":"reasoning_text","text":"deep"}}]}},{search}]}}"#
        );
        let parts = decode_whole(&body).unwrap().choices.remove(0).parts;
        assert_eq!(parts[0].head, PartHead::Reasoning(ReasoningForm::Full));
        assert_eq!(parts[0].text(), "deep");
        let PartHead::Hosted { kind, raw } = &parts[1].head else { panic!("a hosted item") };
        assert_eq!((kind, raw.as_str()), (&"web_search_call".into(), search));
    }

    #[test]
    fn a_call_without_an_id_gets_one() {
        let body = r#"{"status":"completed","output":[{"type":"function_call","name":"f","arguments":"{}"}]}"#;
        let answering = Answering { request_id: "r".into() };
        let response = OpenaiResponses.decode_response(Bytes::from_static(body.as_bytes()), &answering).unwrap();
        let PartHead::ToolCall { id, .. } = &response.choices[0].parts[0].head else { panic!("a call") };
        assert_eq!(*id, "call_r_0");
    }

    #[test]
    fn an_answer_that_was_cut_says_why() {
        for (reason, expected) in [
            ("max_output_tokens", FinishReason::Length),
            ("content_filter", FinishReason::Filtered),
            ("steered", FinishReason::Other("steered".into())),
        ] {
            let body = format!(r#"{{"status":"incomplete","incomplete_details":{{"reason":"{reason}"}},"output":[]}}"#);
            // Without parts and choices the finish makes the choice.
            assert_eq!(decode_whole(&body).unwrap().choices[0].finish, Some(expected));
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let whole = full_stream();
            let bytes = whole.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&chunks), read(&[bytes]));
        }

        #[test]
        fn events_keep_their_promises_whatever_the_order_of_records(picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..40)) {
            let whole = full_stream();
            let records: Vec<&str> = whole.split_inclusive("\n\n").collect();
            let shuffled: String = picks.iter().map(|pick| records[pick.index(records.len())]).collect();
            let events = read(&[shuffled.as_bytes()]);
            check_promises(&events);
            let is_last = |event: &Event| matches!(event, Event::Failed(_) | Event::Finish { .. });
            prop_assert!(events.last().is_some_and(is_last));
        }

        #[test]
        fn no_mutation_makes_a_decoder_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut bytes = full_stream().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let cut = cut.index(bytes.len());
            bytes.drain(cut..(cut + 9).min(bytes.len()));
            read(&[&bytes]);
            let mut body = RESPONSE.as_bytes().to_vec();
            let at = at % body.len();
            body[at] = byte;
            let _ = OpenaiResponses.decode_response(Bytes::from(body.clone()), &Answering::default());
            let _ = OpenaiResponses.glimpse_body(&Bytes::from(body));
        }
    }
}

mod client_answers {
    use super::*;

    fn with_ask<T>(dialect: &'static str, run: impl FnOnce(&Ask<'_>) -> T) -> T {
        let body = Bytes::from_static(br#"{"model":"fast","input":"x","temperature":0.50,"tools":[{"type":"web_search"}]}"#);
        let request = Request { body, model: "fast".into(), ..Request::default() };
        let origin = Origin { dialect: Dialect::named(dialect), provider: "p".into(), model: "m".into() };
        run(&Ask { request: &request, operation: Operation::Generate, query: None, origin: &origin, request_id: "r", now: 5 })
    }

    fn write(dialect: &'static str, events: &[Event]) -> Vec<serde_json::Value> {
        let mut out = BytesMut::new();
        with_ask(dialect, |ask| {
            let mut encoder = OpenaiResponses.stream_encoder(ask);
            events.iter().for_each(|event| encoder.push(event, &mut out));
            assert_eq!(encoder.finish(&mut out), Ending::Clean);
        });
        let mut frames = Vec::new();
        let mut reader = sse::Frames::default();
        let each = |frame: sse::Frame| {
            let value: serde_json::Value = serde_json::from_slice(&frame.data).unwrap();
            assert_eq!(value["type"].as_str().unwrap().as_bytes(), &frame.event[..]);
            frames.push(value);
            Ok(())
        };
        reader.push(out.freeze(), each).unwrap();
        for (number, frame) in frames.iter().enumerate() {
            assert_eq!(frame["sequence_number"], number);
        }
        frames
    }

    fn kinds(frames: &[serde_json::Value]) -> Vec<&str> {
        frames.iter().map(|frame| frame["type"].as_str().unwrap().trim_start_matches("response.")).collect()
    }

    fn part(part: u32, head: PartHead, inner: Vec<Event>) -> Vec<Event> {
        let at = At { choice: 0, part };
        let mut events = vec![Event::PartStart { at, head }];
        events.extend(inner);
        events.push(Event::PartEnd { at });
        events
    }

    fn delta(part: u32, text: &str) -> Event {
        Event::Delta { at: At { choice: 0, part }, text: text.into() }
    }

    fn finish(reason: FinishReason) -> Event {
        Event::Finish { choice: 0, reason, sequence: None, detail: None }
    }

    fn call(free: bool) -> PartHead {
        PartHead::ToolCall { id: "c1".into(), name: "run".into(), namespace: Some("ns".into()), free }
    }

    #[test]
    fn text_is_written_in_the_dialects_grammar() {
        let mut events = vec![Event::Start(crate::canon::Start::default())];
        events.extend(part(0, PartHead::Text, vec![delta(0, "Hel"), delta(0, "lo")]));
        events.push(Event::Usage(Usage { input: Some(3), output: Some(2), ..Usage::default() }));
        events.push(finish(FinishReason::End));
        let frames = write("anthropic", &events);
        let expected = [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ];
        assert_eq!(kinds(&frames), expected);
        let delta = serde_json::json!({"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_r_0","output_index":0,
            "content_index":0,"delta":"Hel","logprobs":[]});
        assert_eq!(frames[4], delta);
        let item = serde_json::json!({"id":"msg_r_0","type":"message","status":"completed","role":"assistant",
            "content":[{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]});
        assert_eq!(frames[8]["item"], item);
        let response = &frames[9]["response"];
        assert_eq!(response["output"], serde_json::json!([item]));
        assert_eq!(
            response["usage"],
            serde_json::json!({"input_tokens":3,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},
            "output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5})
        );
        assert_eq!((&response["id"], &response["created_at"], &response["model"]), (&"resp_r".into(), &5.into(), &"fast".into()));
        assert_eq!((&response["temperature"], &response["tool_choice"]), (&0.5.into(), &"auto".into()));
        assert_eq!(response["tools"], serde_json::json!([{"type":"web_search"}]));
    }

    #[test]
    fn reasoning_and_calls_are_items_of_their_own() {
        let at = At { choice: 0, part: 0 };
        let reasoning = vec![delta(0, "one"), Event::Paragraph { at }, delta(0, "two"), Event::Sig { at, value: "tok".into() }];
        let mut events = part(0, PartHead::Reasoning(ReasoningForm::Full), reasoning);
        events.extend(part(1, call(false), vec![]));
        events.extend(part(2, call(true), vec![delta(2, "free")]));
        events.push(finish(FinishReason::ToolCalls));
        let frames = write("anthropic", &events);
        let expected = [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "output_item.added",
            "custom_tool_call_input.delta",
            "custom_tool_call_input.done",
            "output_item.done",
            "completed",
        ];
        assert_eq!(kinds(&frames), expected);
        let output = frames.last().unwrap()["response"]["output"].clone();
        let carried = Text::from(output[0]["encrypted_content"].as_str().unwrap());
        assert!(carried.as_escaped().starts_with(envelope::PREFIX));
        assert_eq!(output[0]["summary"][1], serde_json::json!({"type":"summary_text","text":"two"}));
        let function = serde_json::json!({"id":"fc_r_1","type":"function_call","status":"completed","arguments":"{}","call_id":"c1",
            "name":"run","namespace":"ns"});
        assert_eq!(output[1], function);
        assert_eq!(output[2]["input"], "free");
    }

    #[test]
    fn a_signed_call_is_followed_by_its_token() {
        let at = At { choice: 0, part: 0 };
        let mut events = part(0, call(false), vec![delta(0, "{}"), Event::Sig { at, value: "tok".into() }]);
        events.push(finish(FinishReason::ToolCalls));
        let frames = write("openai_responses_of_another_name", &events);
        let output = frames.last().unwrap()["response"]["output"].clone();
        assert_eq!((&output[0]["type"], &output[1]["type"]), (&"function_call".into(), &"reasoning".into()));
        assert!(output[1]["encrypted_content"].as_str().unwrap().starts_with(envelope::PREFIX));
    }

    #[test]
    fn log_probabilities_come_with_the_text() {
        let at = At::default();
        let list = |token: &'static str| Event::Logprobs { at, list: Raw::from_static(token) };
        let inner = vec![list(r#"[{"token":"a"}]"#), delta(0, "a"), list(r#"[{"token":"b"}]"#), delta(0, "b")];
        let mut events = part(0, PartHead::Text, inner);
        events.push(finish(FinishReason::End));
        let frames = write("openai_chat", &events);
        assert_eq!(frames[5]["logprobs"], serde_json::json!([{"token":"b"}]));
        assert_eq!(frames[6]["logprobs"], serde_json::json!([{"token":"a"},{"token":"b"}]));
    }

    #[test]
    fn texts_and_refusals_that_follow_one_another_share_a_message() {
        let mut events = part(0, PartHead::Text, vec![delta(0, "a")]);
        events.extend(part(1, PartHead::Refusal, vec![delta(1, "b")]));
        events.push(finish(FinishReason::Length));
        let output = write("openai_chat", &events).pop().unwrap()["response"]["output"].clone();
        assert_eq!(output.as_array().unwrap().len(), 1);
        assert_eq!(output[0]["status"], "incomplete", "the last item was cut");
        assert_eq!(output[0]["content"][1], serde_json::json!({"type":"refusal","refusal":"b"}));
    }

    #[test]
    fn what_the_dialect_cannot_say_leaves_no_trace() {
        let at = At { choice: 0, part: 1 };
        let hosted = PartHead::Hosted { kind: "server_tool_use".into(), raw: Raw::from_static("{}") };
        let mut events = part(0, PartHead::Text, vec![delta(0, "a")]);
        events.extend(part(1, hosted, vec![delta(1, "x"), Event::Sig { at, value: "t".into() }, Event::Paragraph { at }]));
        events.push(finish(FinishReason::End));
        let mut plain = part(0, PartHead::Text, vec![delta(0, "a")]);
        plain.push(finish(FinishReason::End));
        assert_eq!(write("anthropic", &events), write("anthropic", &plain));
    }

    #[test]
    fn each_finish_has_its_status() {
        for (reason, kind, detail) in [
            (FinishReason::StopSequence, "completed", serde_json::Value::Null),
            (FinishReason::Length, "incomplete", "max_output_tokens".into()),
            (FinishReason::ContextFull, "incomplete", "max_output_tokens".into()),
            (FinishReason::Filtered, "incomplete", "content_filter".into()),
            (FinishReason::Malformed, "failed", serde_json::Value::Null),
        ] {
            let frames = write("anthropic", &[finish(reason)]);
            let last = frames.last().unwrap();
            assert_eq!(last["type"], format!("response.{kind}"));
            assert_eq!(last["response"]["status"], kind);
            assert_eq!(last["response"]["incomplete_details"]["reason"], detail);
        }
    }

    #[test]
    fn a_refusal_told_by_the_finish_alone_gets_its_words() {
        let refusal = Event::Finish { choice: 0, reason: FinishReason::Refusal, sequence: None, detail: Some("no".into()) };
        let frames = write("anthropic", &[refusal]);
        let output = &frames.last().unwrap()["response"]["output"];
        assert_eq!(output[0]["content"], serde_json::json!([{"type":"refusal","refusal":"no"}]));
    }

    #[test]
    fn a_failed_answer_ends_once_and_never_cleanly() {
        let mut events = vec![Event::PartStart { at: At::default(), head: PartHead::Text }, delta(0, "par")];
        events.push(Event::Failed(Fault::upstream("gone")));
        let frames = write("anthropic", &events);
        let last = frames.last().unwrap();
        assert_eq!(last["type"], "response.failed");
        assert_eq!(last["response"]["error"], serde_json::json!({"code":"server_error","message":"gone"}));
        let broken = write("anthropic", &[delta(0, "x")]);
        assert_eq!(broken.last().unwrap()["type"], "response.failed", "no finish is no end");
    }

    #[test]
    fn the_whole_answer_is_what_the_stream_ends_with() {
        let response = decode_whole(RESPONSE).unwrap();
        let frames = write("openai_responses", &read(&[full_stream().as_bytes()]));
        let whole = with_ask("openai_responses", |ask| OpenaiResponses.encode_response(&response, ask, &mut Losses::default()));
        let whole: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(frames.last().unwrap()["response"], whole);
        assert_eq!(whole["output"][0]["encrypted_content"], "gAAA");
        assert_eq!(whole["output"][1]["content"][0]["annotations"], serde_json::json!([{"type":"url_citation","url":"u"}]));
    }
}

#[test]
fn a_fault_in_a_passing_stream_is_an_error_event_which_is_an_end() {
    let mut out = BytesMut::new();
    let ending = OpenaiResponses.encode_stream_fault(&Fault::upstream("gone"), &Passed { query: None, records: 7 }, &mut out);
    assert_eq!(ending, Ending::Clean);
    assert_eq!(
        out,
        "event: error\ndata: {\"type\":\"error\",\"sequence_number\":7,\"code\":\"server_error\",\"message\":\"gone\",\"param\":null}\n\n"
    );
}

#[test]
fn peeking_finds_the_models_characters() {
    let body = Bytes::from_static(br#"{"stream":true,"model":"a/b:c","prompt_cache_key":"k"}"#);
    let headers = HeaderMap::new();
    let inbound = Inbound { operation: Operation::Generate, path_model: None, query: None, headers: &headers, body: &body };
    let peek = OpenaiResponses.peek(&inbound).unwrap();
    assert_eq!(&body[peek.model_at.clone().unwrap()], b"a/b:c");
    assert_eq!(
        peek,
        Peek { model: "a/b:c".into(), model_at: peek.model_at.clone(), stream: true, session: Some("k".into()), choices: 0 }
    );
}

#[test]
fn counts_and_models_go_both_ways() {
    let count = OpenaiResponses.encode_count(11);
    assert_eq!(count, r#"{"object":"response.input_tokens","input_tokens":11}"#);
    assert_eq!(OpenaiResponses.decode_count(&count).unwrap(), 11);
    let card = ModelCard { id: "a/b".into(), owner: "lab".into(), created: Some(3), ..ModelCard::default() };
    let list = OpenaiResponses.encode_models(std::slice::from_ref(&card), None);
    assert_eq!(list, r#"{"object":"list","data":[{"id":"a/b","object":"model","created":3,"owned_by":"lab"}]}"#);
    assert_eq!(OpenaiResponses.decode_models(&list).unwrap(), [card]);
}

#[test]
fn a_count_asks_for_what_is_counted_only() {
    let request = decode(r#"{"model":"m","input":"x","temperature":1}"#).unwrap();
    let target = Target { operation: Operation::CountTokens, provider: "p", model: "m", stream: false, output_tokens_max: None };
    let encoded = OpenaiResponses.encode_request(&request, &target, &mut Losses::default());
    assert_eq!(encoded.wire.path, "/responses/input_tokens");
    let expected = r#"{"model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}]}"#;
    assert_eq!(encoded.wire.body, expected);
}
