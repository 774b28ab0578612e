//! The scripted upstream, asked by raw requests: it answers, refuses and fails as its scripts and
//! the references say.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Responses};
use crate::support::grammar::{self, Ending};
use crate::support::raw::{Answer, Connection, Ended, Request, exchange};
use crate::support::upstream::{Cut, End, Gate, Script, Upstream, answers, key};

const STREAMED: [(Dialect, &str); 5] = [
    (Chat, "/v1/chat/completions"),
    (Completions, "/v1/completions"),
    (Responses, "/v1/responses"),
    (Anthropic, "/v1/messages"),
    (
        Gemini,
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    ),
];

/// The smallest request that each service takes.
fn smallest(dialect: Dialect, stream: bool) -> Value {
    match dialect {
        Chat => {
            json!({"model": "gpt-4.1", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
        }
        Completions => json!({"model": "gpt-3.5-turbo-instruct", "stream": stream, "prompt": "hi"}),
        Responses => json!({"model": "gpt-5", "stream": stream, "input": "hi"}),
        Anthropic => {
            json!({"model": "claude-sonnet-4-5", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
        }
        Gemini => json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
        Dialect::Ollama => unreachable!("no upstream speaks it"),
    }
}

fn authorised(dialect: Dialect, request: Request) -> Request {
    match dialect {
        Anthropic => request
            .header("x-api-key", key(dialect))
            .header("anthropic-version", "2023-06-01"),
        Gemini => request.header("x-goog-api-key", key(dialect)),
        _ => request.header("authorization", &format!("Bearer {}", key(dialect))),
    }
}

fn post(dialect: Dialect, target: &str, body: &Value) -> Request {
    authorised(dialect, Request::post(target, body.to_string()))
}

async fn streamed(script: Script, dialect: Dialect) -> Answer {
    let upstream = Upstream::start().await;
    upstream.answer(script);
    let target = STREAMED
        .iter()
        .find(|(of, _)| *of == dialect)
        .expect("every dialect streams")
        .1;
    exchange(
        upstream.address(),
        &post(dialect, target, &smallest(dialect, true)),
    )
    .await
}

#[tokio::test]
async fn text_is_streamed_as_the_literal_bytes_of_the_dialect() {
    for (dialect, _) in STREAMED {
        let answer = streamed(Script::text(), dialect).await;
        let literal = answers::literal(dialect, "text.sse").expect("every dialect has a text");
        let expected = if matches!(dialect, Chat | Completions) {
            answers::without_usage(&answers::records(&literal)).concat()
        } else {
            literal.to_vec()
        };
        assert_eq!(
            (answer.status, answer.ended, &answer.body),
            (200, Ended::Whole, &expected),
            "{}",
            dialect.name()
        );
        let summary =
            grammar::check(dialect, answer.content_type(), &answer.body).expect("a valid stream");
        assert_eq!(summary.ending, Ending::Success, "{}", dialect.name());
    }
}

#[tokio::test]
async fn chat_writes_usage_when_it_is_asked_for() {
    let upstream = Upstream::start().await;
    let mut body = smallest(Chat, true);
    body["stream_options"] = json!({"include_usage": true});
    let answer = exchange(
        upstream.address(),
        &post(Chat, "/v1/chat/completions", &body),
    )
    .await;
    assert_eq!(
        answer.body,
        answers::literal(Chat, "text.sse").expect("a literal")
    );
}

#[tokio::test]
async fn every_other_operation_is_answered_in_its_dialect() {
    let contents = json!([{"role": "user", "parts": [{"text": "hi"}]}]);
    let messages = json!([{"role": "user", "content": "hi"}]);
    let content = json!({"parts": [{"text": "hi"}]});
    let posts = [
        (
            Chat,
            "/v1/chat/completions",
            smallest(Chat, false),
            "choices",
        ),
        (
            Completions,
            "/v1/completions",
            smallest(Completions, false),
            "choices",
        ),
        (
            Chat,
            "/v1/embeddings",
            json!({"model": "text-embedding-3-small", "input": "hi"}),
            "data",
        ),
        (
            Responses,
            "/v1/responses",
            smallest(Responses, false),
            "output",
        ),
        (
            Responses,
            "/v1/responses/input_tokens",
            json!({"model": "gpt-5", "input": "hi"}),
            "input_tokens",
        ),
        (
            Anthropic,
            "/v1/messages",
            smallest(Anthropic, false),
            "content",
        ),
        (
            Anthropic,
            "/v1/messages/count_tokens",
            json!({"model": "m", "messages": messages}),
            "input_tokens",
        ),
        (
            Gemini,
            "/v1beta/models/g:generateContent",
            smallest(Gemini, false),
            "candidates",
        ),
        (
            Gemini,
            "/v1beta/models/g:countTokens",
            json!({"contents": contents}),
            "totalTokens",
        ),
        (
            Gemini,
            "/v1beta/models/g:embedContent",
            json!({"content": content}),
            "embedding",
        ),
        (
            Gemini,
            "/v1beta/models/g:batchEmbedContents",
            json!({"requests": [{"content": content}]}),
            "embeddings",
        ),
    ];
    let upstream = Upstream::start().await;
    for (dialect, target, body, member) in posts {
        let answer = exchange(upstream.address(), &post(dialect, target, &body)).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        assert!(
            answer.json().get(member).is_some(),
            "{target}: {}",
            answer.text()
        );
    }
    for (dialect, target, member) in [
        (Chat, "/v1/models", "data"),
        (Chat, "/v1/models/lab/llama3:8b", "owned_by"),
        (Anthropic, "/v1/models", "has_more"),
        (Anthropic, "/v1/models/m", "display_name"),
        (Gemini, "/v1beta/models", "models"),
        (Gemini, "/v1beta/models/g", "supportedGenerationMethods"),
    ] {
        let answer = exchange(
            upstream.address(),
            &authorised(dialect, Request::get(target)),
        )
        .await;
        assert!(
            answer.json().get(member).is_some(),
            "{target}: {}",
            answer.text()
        );
    }
    upstream.assert_nothing_refused();
}

#[tokio::test]
async fn gemini_streams_an_array_without_alt_sse() {
    let upstream = Upstream::start().await;
    let target = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";
    let answer = exchange(
        upstream.address(),
        &post(Gemini, target, &smallest(Gemini, true)),
    )
    .await;
    let summary =
        grammar::check(Gemini, answer.content_type(), &answer.body).expect("a valid array");
    assert_eq!((summary.ending, summary.records), (Ending::Success, 3));
}

#[tokio::test]
async fn requests_are_recorded_to_the_byte_and_scripts_are_used_in_order() {
    let upstream = Upstream::start().await;
    upstream
        .answer(Script::tool_call())
        .answer(Script::status(429).header("retry-after", "7"))
        .always(Script::status(503));
    let body =
        "{\"model\":\"gpt-4.1\",  \"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9\"}]}";
    let request =
        authorised(Chat, Request::post("/v1/chat/completions?trace=1", body)).header("x-mark", "a");
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(exchange(upstream.address(), &request).await);
    }
    assert_eq!(
        answers[0].json()["choices"][0]["finish_reason"],
        "tool_calls"
    );
    assert_eq!(
        (answers[1].status, answers[1].header("retry-after")),
        (429, Some("7"))
    );
    assert_eq!(answers[2].status, 503);
    let received = &upstream.requests()[0];
    assert_eq!(
        (received.path.as_str(), received.query.as_deref()),
        ("/v1/chat/completions", Some("trace=1"))
    );
    assert_eq!(received.credentials(), [format!("Bearer {}", key(Chat))]);
    assert_eq!(
        (received.body.as_ref(), received.header("x-mark")),
        (body.as_bytes(), Some("a"))
    );
}

/// A body, made of the smallest request with these members put over it.
fn with(dialect: Dialect, members: &Value) -> Value {
    let mut body = smallest(dialect, false);
    let object = body.as_object_mut().expect("an object");
    object.extend(members.as_object().expect("an object").clone());
    body
}

async fn refusal(
    dialect: Dialect,
    target: &str,
    body: &Value,
    headers: &[(&str, &str)],
) -> Option<(u16, String)> {
    let upstream = Upstream::start().await;
    let request = headers
        .iter()
        .fold(post(dialect, target, body), |request, (name, value)| {
            request.header(name, value)
        });
    let answer = exchange(upstream.address(), &request).await;
    if answer.status == 200 {
        upstream.assert_nothing_refused();
        return None;
    }
    let told = grammar::check(dialect, answer.content_type(), &answer.body)
        .expect("an error in the dialect's shape")
        .ending;
    let Ending::Failed { message, .. } = told else {
        panic!("an error body that is none: {}", answer.text())
    };
    assert_eq!(upstream.refusals().len(), 1);
    Some((answer.status, message))
}

async fn assert_refusals(dialect: Dialect, target: &str, cases: Vec<(Value, &str)>) {
    for (members, expected) in cases {
        let body = with(dialect, &members);
        let told = refusal(dialect, target, &body, &[])
            .await
            .unwrap_or_else(|| panic!("taken: {body}"));
        assert!(
            told.1.contains(expected),
            "{body}\nwas refused with {told:?}\nnot with `{expected}`"
        );
    }
}

async fn assert_taken(dialect: Dialect, target: &str, cases: Vec<Value>) {
    for members in cases {
        let body = with(dialect, &members);
        assert_eq!(refusal(dialect, target, &body, &[]).await, None, "{body}");
    }
}

#[tokio::test]
async fn chat_refuses_what_openai_refuses() {
    let user = json!({"role": "user", "content": "hi"});
    let call = json!({"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let result = json!({"role": "tool", "tool_call_id": "call_1", "content": "7"});
    let tool = |name: &str| json!([{"type": "function", "function": {"name": name}}]);
    let open = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    assert_refusals(
        Chat,
        "/v1/chat/completions",
        vec![
            (json!({"messages": [user, result]}), "must be a response to a preceding message"),
            (json!({"messages": [user, call]}), "must be followed by tool messages"),
            (json!({"messages": [user, call, user, result]}), "must be followed by tool messages"),
            (json!({"messages": [user, call, result, result]}), "must be a response to a preceding message"),
            (json!({"messages": []}), "Missing required parameter: 'messages'"),
            (json!({"messages": [{"role": "user", "content": null}]}), "expected a string"),
            (json!({"messages": [{"role": "human", "content": "hi"}]}), "unknown role"),
            (json!({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}), "cannot have"),
            (json!({"stop": ["1", "2", "3", "4", "5"]}), "maximum length 4"),
            (json!({"tools": tool("a.b")}), "does not match pattern"),
            (json!({"tools": tool(&"n".repeat(65))}), "does not match pattern"),
            (json!({"tools": []}), "empty array"),
            (json!({"tool_choice": "auto"}), "only allowed when 'tools'"),
            (json!({"tools": tool("f"), "tool_choice": {"type": "function", "function": {"name": "g"}}}), "not found in 'tools'"),
            (
                json!({"tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": open}}]}),
                "additionalProperties",
            ),
            (json!({"response_format": {"type": "json_schema", "json_schema": {"schema": open}}}), "json_schema.name"),
            (json!({"top_k": 3}), "Unknown parameter: 'top_k'"),
            (json!({"temperature": 2.5}), "temperature"),
            (json!({"max_tokens": 1, "max_completion_tokens": 1}), "cannot be set together"),
            (json!({"model": "gpt-5-mini", "max_tokens": 1}), "max_completion_tokens"),
            (json!({"model": "o3", "temperature": 0.2}), "temperature"),
            (json!({"stream_options": {"include_usage": true}}), "only allowed when 'stream'"),
            (json!({"top_logprobs": 2}), "logprobs"),
            (json!({"model": "missing-model"}), "does not exist"),
        ],
    )
    .await;
    let taken = vec![
        json!({"messages": [user, call, result, user]}),
        json!({"tools": tool("f"), "tool_choice": "required"}),
    ];
    assert_taken(Chat, "/v1/chat/completions", taken).await;
}

#[tokio::test]
async fn responses_refuses_what_openai_refuses() {
    let call =
        json!({"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "call_1", "output": "7"});
    let reasoned = json!({"type": "function_call", "id": "fc_68a1f0call5", "call_id": "call_1", "name": "f", "arguments": "{}"});
    let token = "gAAAAABnR3sP0n3dT0k3nQmVzZXJ2ZWQtYnktaXRzLW1ha2Vy";
    let reasoning = |token: &str| json!({"type": "reasoning", "id": "rs_68a1f0reasonedto", "summary": [], "encrypted_content": token});
    let plain = json!({"type": "reasoning", "id": "rs_1", "summary": []});
    let schema = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {}}});
    assert_refusals(
        Responses,
        "/v1/responses",
        vec![
            (json!({"input": [output]}), "No tool call found"),
            (json!({"input": [call]}), "No tool output found"),
            (json!({"input": [output, call]}), "No tool call found"),
            (json!({"input": [reasoned, output]}), "without its required 'reasoning' item"),
            (json!({"input": [call, reasoning(token), output]}), "without its required following item"),
            (json!({"input": [reasoning("altered"), reasoned, output]}), "could not be verified"),
            (json!({"input": [plain, call, output], "store": false}), "not found"),
            (json!({"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}), "not supported"),
            (json!({"input": [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}]}), "not supported"),
            (
                json!({"input": [{"type": "function_call", "id": "call_1", "call_id": "c", "name": "f", "arguments": "{}"}]}),
                "begins with 'fc'",
            ),
            (json!({"previous_response_id": "resp_1"}), "not found"),
            (json!({"conversation": "conv_1"}), "not found"),
            (json!({"stop": ["a"]}), "Unknown parameter: 'stop'"),
            (json!({"seed": 1}), "Unknown parameter: 'seed'"),
            (json!({"text": {"format": schema}}), "text.format.json_schema"),
            (json!({"tools": [{"type": "function", "function": {"name": "f"}}]}), "tools[0].function"),
            (json!({"temperature": 0.5}), "not supported with this model"),
            (json!({"input": null}), "Missing required parameter: 'input'"),
        ],
    )
    .await;
    let taken = vec![
        json!({"input": [reasoning(token), reasoned, output], "store": false}),
        json!({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}, {"type": "web_search"}]}),
    ];
    assert_taken(Responses, "/v1/responses", taken).await;
}

#[tokio::test]
async fn anthropic_refuses_what_anthropic_refuses() {
    let user = json!({"role": "user", "content": "hi"});
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
    let calls = |ids: &[&str]| json!({"role": "assistant", "content": ids.iter().map(|id| call(id)).collect::<Vec<_>>()});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "7"});
    let text = json!({"type": "text", "text": "and"});
    let thought = |sig: &str| json!({"type": "thinking", "thinking": "I need the weather first.", "signature": sig});
    let signature = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrzLoky3dl1pkiMOYds";
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    let turn = |content: Value| json!({"role": "user", "content": content});
    let said = |content: Value| json!({"role": "assistant", "content": content});
    let mark = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
    let tool = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    assert_refusals(
        Anthropic,
        "/v1/messages",
        vec![
            (json!({"max_tokens": null}), "max_tokens: Field required"),
            (json!({"logprobs": true}), "logprobs: Extra inputs are not permitted"),
            (json!({"context_management": {}}), "context_management: Extra inputs are not permitted"),
            (json!({"messages": [turn(json!([result("t1")]))]}), "unexpected `tool_use_id`"),
            (json!({"messages": [user, calls(&["t1"]), user]}), "without `tool_result` blocks immediately after"),
            (json!({"messages": [user, calls(&["t1"])]}), "without `tool_result` blocks immediately after"),
            (json!({"messages": [user, calls(&["t1", "t2"]), turn(json!([result("t1")]))]}), "t2"),
            (json!({"messages": [user, calls(&["t1"]), turn(json!([text, result("t1")]))]}), "must come first"),
            (json!({"messages": [user, calls(&["t1"]), turn(json!([result("t1"), result("t1")]))]}), "single result"),
            (json!({"messages": [user, calls(&["a.b"]), turn(json!([result("a.b")]))]}), "tool_use.id"),
            (json!({"messages": [turn(json!([{"type": "text", "text": ""}]))]}), "must be non-empty"),
            (json!({"messages": [turn(json!([]))]}), "non-empty content"),
            (json!({"messages": [said(json!("hi"))]}), "first message must use"),
            (json!({"messages": [user, said(json!("I say "))]}), "trailing whitespace"),
            (json!({"messages": [user, {"role": "system", "content": "x"}]}), "Input should be 'user' or 'assistant'"),
            (json!({"messages": [turn(json!([{"type": "text", "text": "x", "mood": 1}]))]}), "mood: Extra inputs"),
            (json!({"messages": [user, said(json!([thought("altered"), text])), user]}), "Invalid `signature`"),
            (
                json!({"max_tokens": 4096, "thinking": thinking, "messages": [user, calls(&["t1"]), turn(json!([result("t1")]))]}),
                "Expected `thinking` or `redacted_thinking`",
            ),
            (json!({"thinking": thinking}), "must be greater than"),
            (json!({"max_tokens": 4096, "thinking": thinking, "tools": tool, "tool_choice": {"type": "any"}}), "forces tool use"),
            (json!({"model": "claude-opus-4-6", "max_tokens": 4096, "thinking": thinking}), "not supported for this model"),
            (json!({"model": "claude-opus-5", "temperature": 0.5}), "not supported for this model"),
            (json!({"temperature": 1.5}), "less than or equal to 1"),
            (json!({"temperature": 0.5, "top_p": 0.5}), "cannot both be specified"),
            (json!({"tools": [{"name": "a.b", "input_schema": {"type": "object"}}]}), "should match pattern"),
            (json!({"tools": [{"name": "f", "input_schema": {}}]}), "input_schema.type"),
            (json!({"tools": [tool[0], tool[0]]}), "must be unique"),
            (json!({"tool_choice": {"type": "auto"}}), "while providing tools"),
            (json!({"metadata": {"team": "x"}}), "metadata.team: Extra inputs"),
            (json!({"system": [mark, mark, mark, mark, mark]}), "maximum of 4"),
            (json!({"output_config": {"format": {"type": "json_schema", "name": "x", "schema": {}}}}), "format.name: Extra inputs"),
        ],
    )
    .await;
    let with_thought = json!([thought(signature), call("toolu_01Antk5R2d2c3po")]);
    let answered = turn(json!([result("toolu_01Antk5R2d2c3po"), text]));
    let taken = vec![
        json!({"messages": [user, user, calls(&["t1"]), turn(json!([result("t1"), text]))]}),
        json!({"max_tokens": 4096, "thinking": thinking, "messages": [user, said(with_thought), answered]}),
    ];
    assert_taken(Anthropic, "/v1/messages", taken).await;
}

#[tokio::test]
async fn anthropic_versions_and_betas_change_what_is_refused() {
    let upstream = Upstream::start().await;
    let body = with(Anthropic, &json!({"temperature": 0.5})).to_string();
    let bare = Request::post("/v1/messages", body)
        .header("authorization", &format!("Bearer {}", key(Anthropic)));
    let missing = exchange(upstream.address(), &bare).await;
    assert!(
        missing
            .text()
            .contains("anthropic-version: header is required"),
        "{}",
        missing.text()
    );
    let newer = exchange(
        upstream.address(),
        &bare.clone().header("anthropic-version", "2026-10-21"),
    )
    .await;
    assert!(
        newer
            .text()
            .contains("temperature: Extra inputs are not permitted"),
        "{}",
        newer.text()
    );
    let older = exchange(
        upstream.address(),
        &bare.header("anthropic-version", "2023-06-01"),
    )
    .await;
    assert_eq!(older.status, 200);
    let system = with(
        Anthropic,
        &json!({"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}),
    );
    let beta = [(
        "anthropic-beta",
        "effort-2025-11-24, mid-conversation-system-2026-04-07",
    )];
    assert_eq!(
        refusal(Anthropic, "/v1/messages", &system, &beta).await,
        None
    );
}

#[tokio::test]
async fn gemini_refuses_what_gemini_refuses() {
    let target = "/v1beta/models/gemini-3-pro-preview:generateContent";
    let user = json!({"role": "user", "parts": [{"text": "hi"}]});
    let call =
        |sig: &str| json!({"functionCall": {"name": "f", "args": {}}, "thoughtSignature": sig});
    let bare_call = json!({"functionCall": {"name": "f", "args": {}}});
    let said = |parts: Value| json!({"role": "model", "parts": parts});
    let response =
        |name: &str| json!({"functionResponse": {"name": name, "response": {"output": "7"}}});
    let heard = |parts: Value| json!({"role": "user", "parts": parts});
    let signature = "CiQB0e2Kb3rZ1pRtVnGmQWxsZXkgb2YgdGhlIG1ha2VyIG9ubHkQAQ==";
    let dummy = "skip_thought_signature_validator";
    let declare = |declaration: Value| json!({"tools": [{"functionDeclarations": [declaration]}]});
    let config = |members: Value| json!({"generationConfig": members});
    assert_refusals(
        Gemini,
        target,
        vec![
            (json!({"contents": []}), "contents is not specified"),
            (json!({"messages": []}), "Unknown name \"messages\""),
            (json!({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}), "valid role"),
            (json!({"contents": [{"role": "user", "parts": []}]}), "must not be empty"),
            (json!({"contents": [user, user]}), "alternate between user and model"),
            (json!({"contents": [user, said(json!([{"text": "x"}]))]}), "end with a user turn"),
            (json!({"contents": [said(json!([call(signature)])), heard(json!([response("f")]))]}), "immediately after a user turn"),
            (json!({"contents": [heard(json!([response("f")]))]}), "immediately after a function call turn"),
            (
                json!({"contents": [user, said(json!([call(signature), bare_call])), heard(json!([response("f")]))]}),
                "number of function response",
            ),
            (json!({"contents": [user, said(json!([call(signature)])), user]}), "number of function response"),
            (
                json!({"contents": [user, said(json!([call(signature)])), heard(json!([response("g")]))]}),
                "name of its function call",
            ),
            (json!({"contents": [user, said(json!([bare_call])), heard(json!([response("f")]))]}), "missing a thought_signature"),
            (
                json!({"contents": [user, said(json!([call("Zm9yZWlnbg==")])), heard(json!([response("f")]))]}),
                "Corrupted thought signature",
            ),
            (json!({"contents": [heard(json!([{"text": "x", "cache": 1}]))]}), "Unknown name \"cache\""),
            (
                declare(json!({"name": "f", "parameters": {"type": "OBJECT", "additionalProperties": false}})),
                "Unknown name \"additionalProperties\"",
            ),
            (
                declare(
                    json!({"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "$ref": "#"}}}}),
                ),
                "Unknown name \"$ref\"",
            ),
            (declare(json!({"name": "f", "parameters": {"type": ["STRING", "NULL"]}})), "cannot start list"),
            (declare(json!({"name": "1f"})), "Invalid function name"),
            (declare(json!({"name": "f", "parameters": {}, "parametersJsonSchema": {}})), "only one of parameters"),
            (declare(json!({"name": "f", "input_schema": {}})), "Unknown name \"input_schema\""),
            (config(json!({"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}})), "only set only one"),
            (config(json!({"stopSequences": ["1", "2", "3", "4", "5", "6"]})), "must not exceed 5"),
            (config(json!({"responseJsonSchema": {}})), "JSON response mime type"),
            (config(json!({"maxTokens": 5})), "Unknown name \"maxTokens\""),
            (json!({"toolConfig": {"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["f"]}}}), "needs mode ANY"),
        ],
    )
    .await;
    let steps = |sig: &str| json!({"contents": [user, said(json!([call(sig), bare_call])), heard(json!([response("f"), response("f")]))]});
    let snake = json!({"generation_config": {"max_output_tokens": 5}, "system_instruction": {"parts": [{"text": "x"}]}});
    let schema = declare(
        json!({"name": "f", "parametersJsonSchema": {"type": "object", "additionalProperties": false}}),
    );
    assert_taken(
        Gemini,
        target,
        vec![steps(signature), steps(dummy), snake, schema],
    )
    .await;
}

#[tokio::test]
async fn missing_and_foreign_credentials_are_refused_in_each_dialect() {
    let upstream = Upstream::start().await;
    for (dialect, target) in STREAMED {
        let body = smallest(dialect, false).to_string();
        let request = Request::post(target, body).header("anthropic-version", "2023-06-01");
        let foreign = request
            .clone()
            .header("authorization", "Bearer the-clients-own");
        let statuses = if dialect == Gemini {
            [403, 400]
        } else {
            [401, 401]
        };
        for (request, status) in [request, foreign].iter().zip(statuses) {
            let answer = exchange(upstream.address(), request).await;
            assert_eq!(
                answer.status,
                status,
                "{}: {}",
                dialect.name(),
                answer.text()
            );
            assert!(
                grammar::check(dialect, answer.content_type(), &answer.body).is_ok(),
                "{}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_and_a_lenient_script_takes_it() {
    let upstream = Upstream::start().await;
    let text = authorised(Chat, Request::new("POST", "/v1/chat/completions"))
        .header("content-type", "text/plain")
        .body("hi");
    assert_eq!(exchange(upstream.address(), &text).await.status, 400);
    upstream.answer(Script::literal(200, "application/json", "{}").lenient());
    assert_eq!(exchange(upstream.address(), &text).await.status, 200);
}

#[tokio::test]
async fn answers_are_cut_at_the_byte_in_the_way_that_was_asked_for() {
    let literal = answers::literal(Anthropic, "text.sse").expect("a literal");
    for (cut, ended) in [(Cut::Clean, Ended::Whole), (Cut::Fin, Ended::Cut)] {
        let answer = streamed(Script::text().cut_at(333, cut), Anthropic).await;
        assert_eq!(
            (answer.ended, &answer.body[..]),
            (ended, &literal[..333]),
            "{cut:?}"
        );
    }
    let reset = streamed(Script::text().cut_at(333, Cut::Reset), Anthropic).await;
    assert_eq!(reset.ended, Ended::Reset);
    let never = streamed(Script::text().reset(), Anthropic).await;
    assert_eq!((never.status, never.ended), (0, Ended::Reset));
    let closed = streamed(Script::text().close_before_head(), Anthropic).await;
    assert_eq!((closed.status, closed.ended), (0, Ended::Cut));
}

#[tokio::test]
async fn a_whole_answer_can_be_cut_against_its_content_length() {
    let upstream = Upstream::start().await;
    upstream.answer(Script::text().cut_at(40, Cut::Fin));
    let answer = exchange(
        upstream.address(),
        &post(Chat, "/v1/chat/completions", &smallest(Chat, false)),
    )
    .await;
    assert_eq!((answer.ended, answer.body.len()), (Ended::Cut, 40));
}

#[tokio::test]
async fn errors_inside_a_stream_come_after_the_records_that_were_asked_for() {
    for (dialect, _) in STREAMED {
        for records in [0, 2] {
            let answer = streamed(Script::text().error_after(records), dialect).await;
            if dialect == Responses && records == 0 {
                assert!(answer.text().starts_with("event: error\n"));
            }
            let summary = grammar::check(dialect, answer.content_type(), &answer.body)
                .expect("a valid stream");
            assert!(
                matches!(summary.ending, Ending::Failed { .. }),
                "{}",
                answer.text()
            );
            assert_eq!(summary.records, records + 1, "{}", answer.text());
        }
        let garbled = streamed(Script::text().garbled_after(1), dialect).await;
        let broken = grammar::check(dialect, garbled.content_type(), &garbled.body)
            .expect_err("a garbled record");
        assert_eq!(broken.rule, grammar::Rule::NotJson);
    }
}

#[tokio::test]
async fn stalls_leave_the_bytes_before_them_and_say_when_the_client_gave_up() {
    let literal = answers::literal(Anthropic, "text.sse").expect("a literal");
    let upstream = Upstream::start().await;
    for (script, bytes) in [
        (Script::text().stall_at(100), 100),
        (Script::text().stall_before_body(), 0),
    ] {
        upstream.answer(script);
        let request = post(Anthropic, "/v1/messages", &smallest(Anthropic, true));
        let mut connection = Connection::open(upstream.address())
            .await
            .expect("open")
            .patience(Duration::from_secs(1));
        connection
            .send(&request.bytes("upstream"))
            .await
            .expect("written");
        let answer = connection.answer().await;
        assert_eq!(
            (answer.status, answer.ended, &answer.body[..]),
            (200, Ended::Stalled, &literal[..bytes])
        );
        drop(connection);
        assert_eq!(
            upstream.end_of(upstream.requests().len() - 1).await,
            End::Abandoned
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_abandons_the_answer() {
    let upstream = Upstream::start().await;
    upstream.answer(Script::text().stall_before_head());
    let request = post(Anthropic, "/v1/messages", &smallest(Anthropic, true));
    let mut connection = Connection::open(upstream.address()).await.expect("open");
    connection
        .send(&request.bytes("upstream"))
        .await
        .expect("written");
    upstream.wait_for(1).await;
    drop(connection);
    assert_eq!(upstream.end_of(0).await, End::Abandoned);
}

#[tokio::test]
async fn a_gate_holds_the_rest_until_it_opens() {
    let upstream = Upstream::start().await;
    let gate = Gate::default();
    upstream.answer(Script::text().hold_at(50, &gate));
    let request = post(Gemini, STREAMED[4].1, &smallest(Gemini, true));
    let mut connection = Connection::open(upstream.address()).await.expect("open");
    connection
        .send(&request.bytes("upstream"))
        .await
        .expect("written");
    connection.answer_until(b"32\r\n").await;
    gate.open();
    connection.more_until(b"0\r\n\r\n").await;
    assert_eq!(upstream.end_of(0).await, End::AsScripted);
}

#[tokio::test]
async fn a_drip_sends_each_byte_alone_and_loses_none() {
    let literal = answers::literal(Gemini, "text.sse").expect("a literal");
    let answer = streamed(Script::text().drip(Duration::ZERO), Gemini).await;
    assert_eq!(answer.body, literal);
}

#[tokio::test]
async fn huge_answers_repeat_one_record() {
    let answer = streamed(Script::text().stretched(4, 20_000), Anthropic).await;
    assert!(answer.body.len() > 2_000_000, "{} bytes", answer.body.len());
    let summary =
        grammar::check(Anthropic, answer.content_type(), &answer.body).expect("a valid stream");
    assert_eq!(
        summary.folded.choices[0].text.matches(" from").count(),
        20_000
    );
}

#[tokio::test]
async fn odd_answers_are_sent_as_they_are_given() {
    let redirect = streamed(Script::redirect(307, "http://elsewhere.example/v1"), Chat).await;
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (307, Some("http://elsewhere.example/v1"))
    );
    let page = streamed(Script::html(502), Chat).await;
    assert_eq!((page.status, page.content_type()), (502, "text/html"));
    let nothing = streamed(Script::empty(500), Chat).await;
    assert_eq!((nothing.status, nothing.body.len()), (500, 0));
    let mislabelled = streamed(Script::text().content_type("text/plain"), Chat).await;
    assert_eq!(mislabelled.content_type(), "text/plain");
}
