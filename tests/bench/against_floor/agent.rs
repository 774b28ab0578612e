//! What a coding agent sends with each turn: a long system text, twenty tools with their schemas,
//! and a conversation of tool calls and their results, which grows.
//!
//! In the order in which Anthropic's SDKs are mostly called: `model` first, the conversation last.

use std::fmt::Write as _;

const KIB: usize = 1024;

/// Of which a fifth is the system text and a quarter the tools, in a request of 120 KiB.
const SYSTEM_BYTES: usize = 24 * KIB;
const TOOLS: usize = 20;

/// Code as JSON holds it: an escape every twenty bytes.
const LINE: &str =
    r#"    let found = lines.iter().find(|line| line.starts_with(\"fn \")).map(str::trim);\n"#;
const PROSE: &str = r"Answer in few words. Read a file before you change it, and run the tests after each change. Never write to a path outside the working folder.\n";

/// The body of a request of about `bytes` for `model`. It says neither which conversation it is of
/// nor that it wants no stream, as most programs' requests do: what is not there is looked for
/// farthest.
pub(super) fn body(model: &str, bytes: usize) -> String {
    let mut body = String::with_capacity(bytes + 8 * KIB);
    let system_bytes = SYSTEM_BYTES.min(bytes / 5);
    let _ = write!(
        body,
        r#"{{"model":"{model}","max_tokens":32000,"system":[{{"type":"text","text":"You are an agent that writes code."}},{{"type":"text","text":"{}","cache_control":{{"type":"ephemeral"}}}}],"tools":[{}],"messages":["#,
        PROSE.repeat(system_bytes / PROSE.len()),
        tools(),
    );
    push_turns(&mut body, bytes);
    body.push_str(r#"],"temperature":1}"#);
    body
}

/// A question of 1 KiB for `model`, in the form in which an agent asks, without tools.
pub(super) fn question(model: &str) -> String {
    let text = PROSE.repeat(KIB / PROSE.len());
    format!(
        r#"{{"model":"{model}","max_tokens":1024,"tools":[],"messages":[{{"role":"user","content":[{{"type":"text","text":"{text}"}}]}}]}}"#
    )
}

fn tools() -> String {
    let tool = |number: usize| {
        format!(
            r#"{{"name":"tool_{number}","description":"{}","input_schema":{{"type":"object","properties":{{"path":{{"type":"string","description":"The absolute path of the file"}},"offset":{{"type":"integer","minimum":0}},"limit":{{"type":["integer","null"]}},"edits":{{"type":"array","items":{{"type":"object","properties":{{"old":{{"type":"string"}},"new":{{"type":"string"}}}},"required":["old","new"],"additionalProperties":false}}}}}},"required":["path"],"additionalProperties":false}}}}"#,
            PROSE.repeat(6),
        )
    };
    (0..TOOLS).map(tool).collect::<Vec<_>>().join(",")
}

/// Turns of a call and its result until the body has about `bytes`, forty messages or so.
fn push_turns(body: &mut String, bytes: usize) {
    const EXCHANGES: usize = 20;
    body.push_str(r#"{"role":"user","content":[{"type":"text","text":"Find out why the build fails, and mend it."}]}"#);
    let each = bytes.saturating_sub(body.len()) / EXCHANGES;
    for number in 0..EXCHANGES {
        let result = LINE.repeat(each.saturating_sub(400).max(1).div_ceil(LINE.len()));
        let _ = write!(
            body,
            r#",{{"role":"assistant","content":[{{"type":"text","text":"I look at the next file."}},{{"type":"tool_use","id":"toolu_01{number:020}","name":"tool_{}","input":{{"path":"src/part_{number}.rs","offset":{number}}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"toolu_01{number:020}","content":[{{"type":"text","text":"{result}"}}]}}]}}"#,
            number % TOOLS,
        );
    }
}
