//! What the API refuses, and what is sent instead.

use serde_json::json;

use super::*;

/// The messages toward a model that takes system messages, and the losses.
fn messages(messages: &str) -> (serde_json::Value, Vec<String>) {
    let (body, losses) = sent(&chat(messages), "claude-opus-4-7");
    (body["messages"].clone(), losses)
}

fn text(role: &str, texts: &[&str]) -> serde_json::Value {
    let blocks: Vec<_> = texts
        .iter()
        .map(|text| json!({"type": "text", "text": text}))
        .collect();
    json!({"role": role, "content": blocks})
}

#[test]
fn a_system_message_stands_behind_the_user_and_before_the_assistant() {
    let stays = r#"[{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"assistant","content":"b"},{"role":"user","content":"c"},{"role":"system","content":"t"}]"#;
    let expected = json!([
        text("user", &["a"]),
        text("system", &["s"]),
        text("assistant", &["b"]),
        text("user", &["c"]),
        text("system", &["t"]),
    ]);
    assert_eq!(messages(stays), (expected, vec![]));

    let between_users = r#"[{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"user","content":"b"}]"#;
    let reminder = "<system-reminder>\ns\n</system-reminder>";
    let expected = json!([text("user", &["a", reminder, "b"])]);
    let adjusted = |path: &str| vec![format!("Adjusted {path}")];
    assert_eq!(messages(between_users), (expected, adjusted("messages[1]")));

    let behind_assistant = r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"s"}]"#;
    let expected = json!([
        text("user", &["a"]),
        text("assistant", &["b"]),
        text("user", &[reminder])
    ]);
    assert_eq!(
        messages(behind_assistant),
        (expected, adjusted("messages[2]"))
    );
}

#[test]
fn thinking_that_nothing_follows_is_left_out() {
    let (body, losses) = messages(
        r#"[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"EqRk="}]},{"role":"user","content":"b"}]"#,
    );
    assert_eq!(body, json!([text("user", &["a", "b"])]));
    assert_eq!(losses, ["Dropped messages[1].content[0]"]);
}

#[test]
fn a_prefill_ends_without_white_space_and_switches_thinking_off() {
    let request = decode(
        r#"{"model":"m","max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b \n"}]}"#,
    );
    let (body, losses) = sent(&request, "claude-sonnet-4-5");
    assert_eq!(body["messages"][1], text("assistant", &["b"]));
    assert_eq!(body["thinking"], json!({"type": "disabled"}));
    let expected = ["Adjusted messages[1].content", "Dropped thinking"];
    assert_eq!(losses, expected);
}

#[test]
fn media_of_a_failed_result_stand_behind_the_results() {
    let (body, losses) = messages(
        r#"[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}},{"type":"tool_use","id":"2","name":"f","input":{}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"1","is_error":true,"content":[{"type":"text","text":"no"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},{"type":"tool_result","tool_use_id":"2","is_error":true}]}]"#,
    );
    let expected = json!([
        {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "no"}], "is_error": true},
        {"type": "tool_result", "tool_use_id": "2", "content": "(failed without output)", "is_error": true},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
    ]);
    assert_eq!(body[2]["content"], expected);
    assert_eq!(
        losses,
        [
            "Adjusted messages[2].content[0].content[1]",
            "Added tool_result.content"
        ]
    );
}

#[test]
fn values_that_the_api_refuses_are_refused_by_their_path() {
    for (members, path) in [
        (r#","stop_sequences":["\n\n"]"#, "stop_sequences[0]"),
        (
            r#","tools":[{"name":"f","input_schema":{"type":"string"}}]"#,
            "tools[0].input_schema",
        ),
    ] {
        let request = request_with(members);
        let refusal = encode(&request, &target("claude-sonnet-4-5")).unwrap_err();
        let at = refusal.at.expect("a place");
        assert_eq!(crate::json::path_at(&request.body, at), path);
    }
}
