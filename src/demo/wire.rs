//! The demo's answers, as literal wire bytes of each dialect.
//!
//! Capital words in the templates are filled in: `TEXT`, `NAME`, `ARGS` (a JSON string), `OBJECT`
//! (a JSON object), `IN`, `OUT` and `SUM` (token counts), `ITEM` and `SEQ` (places in a stream),
//! `THOUGHT` (reasoning, where asked for), `WHOLE` (the answer in one piece), `PENDING` (usage that
//! is still to come, where asked for). Source of the shapes: the four references, "Response" and
//! "Stream".

use super::scene::{Does, Scene, quoted};

/// One answer's literals: what an upstream of the dialect sends.
struct Literals {
    dialect: &'static str,
    /// Whole answers: text, tool call; and what stands in front of the output when reasoning was
    /// asked for.
    say: &'static str,
    call: &'static str,
    whole_thought: &'static str,
    /// Stream records: the beginning, the reasoning, then text or call, then the end.
    start: &'static [&'static str],
    thought: &'static [&'static str],
    stream_say: &'static [&'static str],
    stream_call: &'static [&'static str],
    /// Usage where it is a record of its own, for those who ask for it; and what ends every stream.
    usage: &'static [&'static str],
    end: &'static [&'static str],
}

static LITERALS: [Literals; 4] = [
    Literals {
        dialect: "openai_chat",
        say: r#"{"id":"chatcmpl-demo","object":"chat.completion","created":1767225600,"model":"demo","choices":[{"index":0,"message":{"role":"assistant",THOUGHT"content":TEXT,"refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":IN,"completion_tokens":OUT,"total_tokens":SUM}}"#,
        call: r#"{"id":"chatcmpl-demo","object":"chat.completion","created":1767225600,"model":"demo","choices":[{"index":0,"message":{"role":"assistant",THOUGHT"content":null,"refusal":null,"tool_calls":[{"id":"call_demo","type":"function","function":{"name":NAME,"arguments":ARGS}}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":IN,"completion_tokens":OUT,"total_tokens":SUM}}"#,
        whole_thought: r#""reasoning_content":"The demo does not think; this is where reasoning appears.","#,
        start: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]PENDING}"#,
        ],
        thought: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"reasoning_content":"The demo does not think; this is where reasoning appears."},"finish_reason":null}]PENDING}"#,
        ],
        stream_say: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"content":TEXT},"finish_reason":null}]PENDING}"#,
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]PENDING}"#,
        ],
        stream_call: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_demo","type":"function","function":{"name":NAME,"arguments":""}}]},"finish_reason":null}]PENDING}"#,
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":ARGS}}]},"finish_reason":null}]PENDING}"#,
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]PENDING}"#,
        ],
        usage: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[],"usage":{"prompt_tokens":IN,"completion_tokens":OUT,"total_tokens":SUM}}"#,
        ],
        end: &["data: [DONE]"],
    },
    Literals {
        dialect: "openai_responses",
        say: r#"{"id":"resp_demo","object":"response","created_at":1767225600,"status":"completed","error":null,"incomplete_details":null,"instructions":null,"model":"demo","output":[THOUGHT{"id":"msg_demo","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":TEXT,"annotations":[]}]}],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"usage":{"input_tokens":IN,"input_tokens_details":{"cached_tokens":0},"output_tokens":OUT,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":SUM}}"#,
        call: r#"{"id":"resp_demo","object":"response","created_at":1767225600,"status":"completed","error":null,"incomplete_details":null,"instructions":null,"model":"demo","output":[THOUGHT{"id":"fc_demo","type":"function_call","status":"completed","call_id":"call_demo","name":NAME,"arguments":ARGS}],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"usage":{"input_tokens":IN,"input_tokens_details":{"cached_tokens":0},"output_tokens":OUT,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":SUM}}"#,
        whole_thought: r#"{"id":"rs_demo","type":"reasoning","summary":[{"type":"summary_text","text":"The demo does not think; this is where reasoning appears."}],"encrypted_content":"ZGVtbw=="},"#,
        start: &["event: response.created\n\
             data: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_demo\",\"object\":\"response\",\"created_at\":1767225600,\"status\":\"in_progress\",\"model\":\"demo\",\"output\":[],\"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\"tools\":[]}}"],
        thought: &[
            "event: response.output_item.added\n\
             data: {\"type\":\"response.output_item.added\",\"sequence_number\":SEQ,\"output_index\":ITEM,\"item\":{\"id\":\"rs_demo\",\"type\":\"reasoning\",\"summary\":[]}}",
            "event: response.reasoning_summary_part.added\n\
             data: {\"type\":\"response.reasoning_summary_part.added\",\"sequence_number\":SEQ,\"item_id\":\"rs_demo\",\"output_index\":ITEM,\"summary_index\":0,\"part\":{\"type\":\"summary_text\",\"text\":\"\"}}",
            "event: response.reasoning_summary_text.delta\n\
             data: {\"type\":\"response.reasoning_summary_text.delta\",\"sequence_number\":SEQ,\"item_id\":\"rs_demo\",\"output_index\":ITEM,\"summary_index\":0,\"delta\":\"The demo does not think; this is where reasoning appears.\"}",
            "event: response.reasoning_summary_text.done\n\
             data: {\"type\":\"response.reasoning_summary_text.done\",\"sequence_number\":SEQ,\"item_id\":\"rs_demo\",\"output_index\":ITEM,\"summary_index\":0,\"text\":\"The demo does not think; this is where reasoning appears.\"}",
            "event: response.reasoning_summary_part.done\n\
             data: {\"type\":\"response.reasoning_summary_part.done\",\"sequence_number\":SEQ,\"item_id\":\"rs_demo\",\"output_index\":ITEM,\"summary_index\":0,\"part\":{\"type\":\"summary_text\",\"text\":\"The demo does not think; this is where reasoning appears.\"}}",
            "event: response.output_item.done\n\
             data: {\"type\":\"response.output_item.done\",\"sequence_number\":SEQ,\"output_index\":ITEM,\"item\":{\"id\":\"rs_demo\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"The demo does not think; this is where reasoning appears.\"}],\"encrypted_content\":\"ZGVtbw==\"}}",
        ],
        stream_say: &[
            "event: response.output_item.added\n\
             data: {\"type\":\"response.output_item.added\",\"sequence_number\":SEQ,\"output_index\":ITEM,\"item\":{\"id\":\"msg_demo\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}",
            "event: response.content_part.added\n\
             data: {\"type\":\"response.content_part.added\",\"sequence_number\":SEQ,\"item_id\":\"msg_demo\",\"output_index\":ITEM,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}}",
            "event: response.output_text.delta\n\
             data: {\"type\":\"response.output_text.delta\",\"sequence_number\":SEQ,\"item_id\":\"msg_demo\",\"output_index\":ITEM,\"content_index\":0,\"delta\":TEXT,\"logprobs\":[]}",
            "event: response.output_text.done\n\
             data: {\"type\":\"response.output_text.done\",\"sequence_number\":SEQ,\"item_id\":\"msg_demo\",\"output_index\":ITEM,\"content_index\":0,\"text\":TEXT,\"logprobs\":[]}",
            "event: response.content_part.done\n\
             data: {\"type\":\"response.content_part.done\",\"sequence_number\":SEQ,\"item_id\":\"msg_demo\",\"output_index\":ITEM,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":TEXT,\"annotations\":[]}}",
            "event: response.output_item.done\n\
             data: {\"type\":\"response.output_item.done\",\"sequence_number\":SEQ,\"output_index\":ITEM,\"item\":{\"id\":\"msg_demo\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":TEXT,\"annotations\":[]}]}}",
            "event: response.completed\n\
             data: {\"type\":\"response.completed\",\"sequence_number\":SEQ,\"response\":WHOLE}",
        ],
        stream_call: &[
            "event: response.output_item.added\n\
             data: {\"type\":\"response.output_item.added\",\"sequence_number\":SEQ,\"output_index\":ITEM,\"item\":{\"id\":\"fc_demo\",\"type\":\"function_call\",\"status\":\"in_progress\",\"call_id\":\"call_demo\",\"name\":NAME,\"arguments\":\"\"}}",
            "event: response.function_call_arguments.delta\n\
             data: {\"type\":\"response.function_call_arguments.delta\",\"sequence_number\":SEQ,\"item_id\":\"fc_demo\",\"output_index\":ITEM,\"delta\":ARGS}",
            "event: response.function_call_arguments.done\n\
             data: {\"type\":\"response.function_call_arguments.done\",\"sequence_number\":SEQ,\"item_id\":\"fc_demo\",\"output_index\":ITEM,\"name\":NAME,\"arguments\":ARGS}",
            "event: response.output_item.done\n\
             data: {\"type\":\"response.output_item.done\",\"sequence_number\":SEQ,\"output_index\":ITEM,\"item\":{\"id\":\"fc_demo\",\"type\":\"function_call\",\"status\":\"completed\",\"call_id\":\"call_demo\",\"name\":NAME,\"arguments\":ARGS}}",
            "event: response.completed\n\
             data: {\"type\":\"response.completed\",\"sequence_number\":SEQ,\"response\":WHOLE}",
        ],
        usage: &[],
        end: &[],
    },
    Literals {
        dialect: "anthropic",
        say: r#"{"id":"msg_demo","type":"message","role":"assistant","model":"demo","content":[THOUGHT{"type":"text","text":TEXT}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":IN,"output_tokens":OUT}}"#,
        call: r#"{"id":"msg_demo","type":"message","role":"assistant","model":"demo","content":[THOUGHT{"type":"tool_use","id":"toolu_demo","name":NAME,"input":OBJECT}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":IN,"output_tokens":OUT}}"#,
        whole_thought: r#"{"type":"thinking","thinking":"The demo does not think; this is where reasoning appears.","signature":"ZGVtbw=="},"#,
        start: &["event: message_start\n\
             data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_demo\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"demo\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":IN,\"output_tokens\":1}}}"],
        thought: &[
            "event: content_block_start\n\
             data: {\"type\":\"content_block_start\",\"index\":ITEM,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}",
            "event: content_block_delta\n\
             data: {\"type\":\"content_block_delta\",\"index\":ITEM,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"The demo does not think; this is where reasoning appears.\"}}",
            "event: content_block_delta\n\
             data: {\"type\":\"content_block_delta\",\"index\":ITEM,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"ZGVtbw==\"}}",
            "event: content_block_stop\n\
             data: {\"type\":\"content_block_stop\",\"index\":ITEM}",
        ],
        stream_say: &[
            "event: content_block_start\n\
             data: {\"type\":\"content_block_start\",\"index\":ITEM,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
            "event: content_block_delta\n\
             data: {\"type\":\"content_block_delta\",\"index\":ITEM,\"delta\":{\"type\":\"text_delta\",\"text\":TEXT}}",
            "event: content_block_stop\n\
             data: {\"type\":\"content_block_stop\",\"index\":ITEM}",
            "event: message_delta\n\
             data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"input_tokens\":IN,\"output_tokens\":OUT}}",
            "event: message_stop\n\
             data: {\"type\":\"message_stop\"}",
        ],
        stream_call: &[
            "event: content_block_start\n\
             data: {\"type\":\"content_block_start\",\"index\":ITEM,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_demo\",\"name\":NAME,\"input\":{}}}",
            "event: content_block_delta\n\
             data: {\"type\":\"content_block_delta\",\"index\":ITEM,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":ARGS}}",
            "event: content_block_stop\n\
             data: {\"type\":\"content_block_stop\",\"index\":ITEM}",
            "event: message_delta\n\
             data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"input_tokens\":IN,\"output_tokens\":OUT}}",
            "event: message_stop\n\
             data: {\"type\":\"message_stop\"}",
        ],
        usage: &[],
        end: &[],
    },
    Literals {
        dialect: "gemini",
        say: r#"{"candidates":[{"content":{"role":"model","parts":[THOUGHT{"text":TEXT}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":IN,"candidatesTokenCount":OUT,"totalTokenCount":SUM},"modelVersion":"demo","responseId":"demo"}"#,
        call: r#"{"candidates":[{"content":{"role":"model","parts":[THOUGHT{"functionCall":{"id":"call_demo","name":NAME,"args":OBJECT},"thoughtSignature":"ZGVtbw=="}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":IN,"candidatesTokenCount":OUT,"totalTokenCount":SUM},"modelVersion":"demo","responseId":"demo"}"#,
        whole_thought: r#"{"text":"The demo does not think; this is where reasoning appears.","thought":true},"#,
        start: &[],
        thought: &[
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":"The demo does not think; this is where reasoning appears.","thought":true}]},"index":0}],"modelVersion":"demo","responseId":"demo"}"#,
        ],
        stream_say: &[
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":TEXT}]},"index":0}],"modelVersion":"demo","responseId":"demo"}"#,
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":IN,"candidatesTokenCount":OUT,"totalTokenCount":SUM},"modelVersion":"demo","responseId":"demo"}"#,
        ],
        stream_call: &[
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"call_demo","name":NAME,"args":OBJECT},"thoughtSignature":"ZGVtbw=="}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":IN,"candidatesTokenCount":OUT,"totalTokenCount":SUM},"modelVersion":"demo","responseId":"demo"}"#,
        ],
        usage: &[],
        end: &[],
    },
];

fn literals(dialect: &str) -> &'static Literals {
    LITERALS
        .iter()
        .find(|literals| literals.dialect == dialect)
        .unwrap_or(&LITERALS[0])
}

/// What the placeholders of a template stand for.
struct Values<'s> {
    scene: &'s Scene,
    thought: &'static str,
    item: usize,
    sequence: usize,
    whole: &'s str,
}

/// The placeholders, as they stand in the templates.
const PLACEHOLDERS: [&str; 12] = [
    "PENDING", "THOUGHT", "TEXT", "NAME", "ARGS", "OBJECT", "WHOLE", "ITEM", "SEQ", "SUM", "OUT",
    "IN",
];

impl Values<'_> {
    fn of(&self, placeholder: &str) -> String {
        let (input, output) = (self.scene.input_words, self.scene.output_words());
        match (placeholder, &self.scene.does) {
            ("PENDING", _) if self.scene.shows_usage => r#","usage":null"#.to_owned(),
            ("THOUGHT", _) => self.thought.to_owned(),
            ("TEXT", Does::Say(text)) => quoted(text),
            ("NAME", Does::Call { name, .. }) => quoted(name),
            ("ARGS", Does::Call { arguments, .. }) => quoted(arguments),
            ("OBJECT", Does::Call { arguments, .. }) => arguments.clone(),
            ("WHOLE", _) => self.whole.to_owned(),
            ("ITEM", _) => self.item.to_string(),
            ("SEQ", _) => self.sequence.to_string(),
            ("SUM", _) => (input + output).to_string(),
            ("OUT", _) => output.to_string(),
            ("IN", _) => input.to_string(),
            _ => String::new(),
        }
    }

    /// Fills a template in one pass, so that what a person wrote is never taken for a placeholder.
    fn fill(&self, template: &str) -> String {
        let mut filled = String::with_capacity(template.len() + 256);
        let mut rest = template;
        let next = |rest: &str| {
            PLACEHOLDERS
                .iter()
                .filter_map(|name| Some((rest.find(name)?, *name)))
                .min()
        };
        while let Some((at, name)) = next(rest) {
            filled.push_str(&rest[..at]);
            filled.push_str(&self.of(name));
            rest = &rest[at + name.len()..];
        }
        filled.push_str(rest);
        filled
    }
}

/// The answer in one piece.
pub(super) fn whole(dialect: &str, scene: &Scene) -> String {
    let literals = literals(dialect);
    let template = match scene.does {
        Does::Say(_) => literals.say,
        Does::Call { .. } => literals.call,
    };
    let thought = if scene.reasons {
        literals.whole_thought
    } else {
        ""
    };
    Values {
        scene,
        thought,
        item: 0,
        sequence: 0,
        whole: "",
    }
    .fill(template)
}

/// The answer's stream, a record a string.
pub(super) fn stream(dialect: &str, scene: &Scene) -> Vec<String> {
    let literals = literals(dialect);
    let output = match scene.does {
        Does::Say(_) => literals.stream_say,
        Does::Call { .. } => literals.stream_call,
    };
    let thought = if scene.reasons { literals.thought } else { &[] };
    let item = usize::from(scene.reasons);
    let whole = whole(dialect, scene);
    let usage = if scene.shows_usage {
        literals.usage
    } else {
        &[]
    };
    let records = [
        (literals.start, 0),
        (thought, 0),
        (output, item),
        (usage, 0),
        (literals.end, 0),
    ]
    .into_iter();
    let records =
        records.flat_map(|(records, item)| records.iter().map(move |record| (record, item)));
    let filled = records.enumerate().map(|(sequence, (record, item))| {
        Values {
            scene,
            thought: "",
            item,
            sequence,
            whole: &whole,
        }
        .fill(record)
            + "\n\n"
    });
    filled.collect()
}

/// The stream's records without their framing: the items of Gemini's array.
pub(super) fn frames(dialect: &str, scene: &Scene) -> Vec<String> {
    let bare = |record: String| record.trim_start_matches("data: ").trim_end().to_owned();
    stream(dialect, scene).into_iter().map(bare).collect()
}

/// A token count's answer; the demo's tokens are words.
pub(super) fn count(dialect: &str, tokens: usize) -> String {
    match dialect {
        "gemini" => format!(r#"{{"totalTokens":{tokens}}}"#),
        "openai_responses" => {
            format!(r#"{{"object":"response.input_tokens","input_tokens":{tokens}}}"#)
        }
        _ => format!(r#"{{"input_tokens":{tokens}}}"#),
    }
}

/// The list of the demo's models, in OpenAI's shape.
pub(super) fn models(ids: &[String]) -> String {
    let model = |id: &String| {
        format!(r#"{{"id":"{id}","object":"model","created":1767225600,"owned_by":"demo"}}"#)
    };
    format!(
        r#"{{"object":"list","data":[{}]}}"#,
        ids.iter().map(model).collect::<Vec<_>>().join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(does: Does) -> Scene {
        Scene {
            does,
            reasons: true,
            shows_usage: true,
            input_words: 3,
        }
    }

    #[test]
    fn chat_streams_speak_of_usage_only_to_those_who_ask() {
        let asked = scene(Does::Say("a".to_owned()));
        let records = stream("openai_chat", &asked);
        assert_eq!(
            records
                .iter()
                .filter(|record| record.contains(r#""usage":null}"#))
                .count(),
            4
        );
        assert!(records[4].contains(
            r#""choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#
        ));
        assert_eq!(records[5], "data: [DONE]\n\n");
        let silent = stream(
            "openai_chat",
            &Scene {
                shows_usage: false,
                ..asked
            },
        );
        assert!(!silent.concat().contains("usage"));
        assert_eq!(silent.len(), 5);
    }

    #[test]
    fn every_answer_is_json_with_every_placeholder_filled() {
        let tricky = "TEXT \"IN, OUT} WHOLE SUM";
        for literals in &LITERALS {
            for does in [
                Does::Say(tricky.to_owned()),
                Does::Call {
                    name: "f".into(),
                    arguments: r#"{"a":"x"}"#.into(),
                },
            ] {
                let scene = scene(does);
                let whole: serde_json::Value =
                    serde_json::from_str(&whole(literals.dialect, &scene)).unwrap();
                assert!(whole.to_string().contains("does not think"));
                for record in stream(literals.dialect, &scene) {
                    let data = record
                        .lines()
                        .find_map(|line| line.strip_prefix("data: "))
                        .unwrap();
                    assert!(
                        data == "[DONE]" || serde_json::from_str::<serde_json::Value>(data).is_ok(),
                        "{record}"
                    );
                }
            }
        }
    }
}
