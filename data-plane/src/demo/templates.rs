//! The demo's answers, as literal wire bytes of each dialect.
//!
//! Placeholders in capitals are filled in: `TEXT`, `NAME`, `ARGS` (a JSON string), `OBJECT` (a JSON
//! object), `IN`, `OUT` and `SUM` (token counts), `ITEM` and `SEQ` (positions in a stream),
//! `REASONING` (where it was asked for), `WHOLE` (the answer in one piece), `PENDING` (usage that
//! is still to come, where it was asked for). Source of the shapes: the four references, "Response"
//! and "Stream".

use super::response::{DemoResponse, Output, quoted};
use crate::canon::Dialect;
use crate::protocol::{anthropic, gemini, openai_chat, openai_responses};

/// What an upstream of one dialect sends.
#[derive(Debug)]
pub(super) struct Templates {
    dialect: Dialect,
    /// The answer to a token count. `None` where the dialect has none.
    token_count: Option<&'static str>,
    /// A whole answer with text.
    text: &'static str,
    /// A whole answer with a tool call.
    tool_call: &'static str,
    /// What a whole answer holds in front of its output, where reasoning was asked for.
    reasoning: &'static str,
    /// A stream: its start, the reasoning, then text or a call, the usage, the end.
    stream_start: &'static [&'static str],
    stream_reasoning: &'static [&'static str],
    stream_text: &'static [&'static str],
    stream_tool_call: &'static [&'static str],
    /// The records with the usage, where only clients that ask for it get them.
    stream_usage: &'static [&'static str],
    stream_end: &'static [&'static str],
}

/// One entry for each dialect in which upstreams are called; a test names a missing one.
static TEMPLATES: [Templates; 4] = [
    Templates {
        dialect: openai_chat::DIALECT,
        token_count: None,
        text: r#"{"id":"chatcmpl-demo","object":"chat.completion","created":1767225600,"model":"demo","choices":[{"index":0,"message":{"role":"assistant",REASONING"content":TEXT,"refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":IN,"completion_tokens":OUT,"total_tokens":SUM}}"#,
        tool_call: r#"{"id":"chatcmpl-demo","object":"chat.completion","created":1767225600,"model":"demo","choices":[{"index":0,"message":{"role":"assistant",REASONING"content":null,"refusal":null,"tool_calls":[{"id":"call_demo","type":"function","function":{"name":NAME,"arguments":ARGS}}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":IN,"completion_tokens":OUT,"total_tokens":SUM}}"#,
        reasoning: r#""reasoning_content":"The demo does not think; this is where reasoning appears.","reasoning":"The demo does not think; this is where reasoning appears.","#,
        stream_start: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]PENDING}"#,
        ],
        stream_reasoning: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"reasoning_content":"The demo does not think; this is where reasoning appears.","reasoning":"The demo does not think; this is where reasoning appears."},"logprobs":null,"finish_reason":null}]PENDING}"#,
        ],
        stream_text: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"content":TEXT},"logprobs":null,"finish_reason":null}]PENDING}"#,
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]PENDING}"#,
        ],
        stream_tool_call: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_demo","type":"function","function":{"name":NAME,"arguments":""}}]},"logprobs":null,"finish_reason":null}]PENDING}"#,
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":ARGS}}]},"logprobs":null,"finish_reason":null}]PENDING}"#,
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]PENDING}"#,
        ],
        stream_usage: &[
            r#"data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1767225600,"model":"demo","choices":[],"usage":{"prompt_tokens":IN,"completion_tokens":OUT,"total_tokens":SUM}}"#,
        ],
        stream_end: &["data: [DONE]"],
    },
    Templates {
        dialect: openai_responses::DIALECT,
        token_count: Some(r#"{"object":"response.input_tokens","input_tokens":IN}"#),
        text: r#"{"id":"resp_demo","object":"response","created_at":1767225600,"completed_at":1767225600,"status":"completed","error":null,"incomplete_details":null,"model":"demo","output":[REASONING{"id":"msg_demo","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":TEXT,"annotations":[],"logprobs":[]}]}],"previous_response_id":null,"background":false,"store":false,"service_tier":"default","frequency_penalty":0,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"metadata":{},"parallel_tool_calls":true,"presence_penalty":0,"prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},"safety_identifier":null,"temperature":1,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1,"truncation":"disabled","user":null,"usage":{"input_tokens":IN,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":OUT,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":SUM}}"#,
        tool_call: r#"{"id":"resp_demo","object":"response","created_at":1767225600,"completed_at":1767225600,"status":"completed","error":null,"incomplete_details":null,"model":"demo","output":[REASONING{"id":"fc_demo","type":"function_call","status":"completed","call_id":"call_demo","name":NAME,"arguments":ARGS}],"previous_response_id":null,"background":false,"store":false,"service_tier":"default","frequency_penalty":0,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"metadata":{},"parallel_tool_calls":true,"presence_penalty":0,"prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},"safety_identifier":null,"temperature":1,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1,"truncation":"disabled","user":null,"usage":{"input_tokens":IN,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":OUT,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":SUM}}"#,
        reasoning: r#"{"id":"rs_demo","type":"reasoning","summary":[{"type":"summary_text","text":"The demo does not think; this is where reasoning appears."}],"encrypted_content":"ZGVtbw=="},"#,
        stream_start: &["event: response.created\n\
             data: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_demo\",\"object\":\"response\",\"created_at\":1767225600,\"completed_at\":null,\"status\":\"in_progress\",\"error\":null,\"incomplete_details\":null,\"model\":\"demo\",\"output\":[],\"previous_response_id\":null,\"background\":false,\"store\":false,\"service_tier\":\"default\",\"frequency_penalty\":0,\"instructions\":null,\"max_output_tokens\":null,\"max_tool_calls\":null,\"metadata\":{},\"parallel_tool_calls\":true,\"presence_penalty\":0,\"prompt_cache_key\":null,\"reasoning\":{\"effort\":null,\"summary\":null},\"safety_identifier\":null,\"temperature\":1,\"text\":{\"format\":{\"type\":\"text\"}},\"tool_choice\":\"auto\",\"tools\":[],\"top_logprobs\":0,\"top_p\":1,\"truncation\":\"disabled\",\"user\":null,\"usage\":null}}"],
        stream_reasoning: &[
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
        stream_text: &[
            "event: response.output_item.added\n\
             data: {\"type\":\"response.output_item.added\",\"sequence_number\":SEQ,\"output_index\":ITEM,\"item\":{\"id\":\"msg_demo\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}",
            "event: response.content_part.added\n\
             data: {\"type\":\"response.content_part.added\",\"sequence_number\":SEQ,\"item_id\":\"msg_demo\",\"output_index\":ITEM,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[],\"logprobs\":[]}}",
            "event: response.output_text.delta\n\
             data: {\"type\":\"response.output_text.delta\",\"sequence_number\":SEQ,\"item_id\":\"msg_demo\",\"output_index\":ITEM,\"content_index\":0,\"delta\":TEXT,\"logprobs\":[]}",
            "event: response.output_text.done\n\
             data: {\"type\":\"response.output_text.done\",\"sequence_number\":SEQ,\"item_id\":\"msg_demo\",\"output_index\":ITEM,\"content_index\":0,\"text\":TEXT,\"logprobs\":[]}",
            "event: response.content_part.done\n\
             data: {\"type\":\"response.content_part.done\",\"sequence_number\":SEQ,\"item_id\":\"msg_demo\",\"output_index\":ITEM,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":TEXT,\"annotations\":[],\"logprobs\":[]}}",
            "event: response.output_item.done\n\
             data: {\"type\":\"response.output_item.done\",\"sequence_number\":SEQ,\"output_index\":ITEM,\"item\":{\"id\":\"msg_demo\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":TEXT,\"annotations\":[],\"logprobs\":[]}]}}",
            "event: response.completed\n\
             data: {\"type\":\"response.completed\",\"sequence_number\":SEQ,\"response\":WHOLE}",
        ],
        stream_tool_call: &[
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
        stream_usage: &[],
        stream_end: &[],
    },
    Templates {
        dialect: anthropic::DIALECT,
        token_count: Some(r#"{"input_tokens":IN}"#),
        text: r#"{"id":"msg_demo","type":"message","role":"assistant","model":"demo","container":null,"diagnostics":null,"content":[REASONING{"type":"text","text":TEXT}],"stop_reason":"end_turn","stop_sequence":null,"stop_details":null,"usage":{"input_tokens":IN,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"cache_creation":null,"output_tokens":OUT,"output_tokens_details":null,"server_tool_use":null,"service_tier":null,"inference_geo":null,"speed":null}}"#,
        tool_call: r#"{"id":"msg_demo","type":"message","role":"assistant","model":"demo","container":null,"diagnostics":null,"content":[REASONING{"type":"tool_use","id":"toolu_demo","name":NAME,"input":OBJECT}],"stop_reason":"tool_use","stop_sequence":null,"stop_details":null,"usage":{"input_tokens":IN,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"cache_creation":null,"output_tokens":OUT,"output_tokens_details":null,"server_tool_use":null,"service_tier":null,"inference_geo":null,"speed":null}}"#,
        reasoning: r#"{"type":"thinking","thinking":"The demo does not think; this is where reasoning appears.","signature":"ZGVtbw=="},"#,
        stream_start: &["event: message_start\n\
             data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_demo\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"demo\",\"container\":null,\"diagnostics\":null,\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null,\"usage\":{\"input_tokens\":IN,\"cache_creation_input_tokens\":null,\"cache_read_input_tokens\":null,\"cache_creation\":null,\"output_tokens\":1,\"output_tokens_details\":null,\"server_tool_use\":null,\"service_tier\":null,\"inference_geo\":null,\"speed\":null}}}"],
        stream_reasoning: &[
            "event: content_block_start\n\
             data: {\"type\":\"content_block_start\",\"index\":ITEM,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}",
            "event: content_block_delta\n\
             data: {\"type\":\"content_block_delta\",\"index\":ITEM,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"The demo does not think; this is where reasoning appears.\"}}",
            "event: content_block_delta\n\
             data: {\"type\":\"content_block_delta\",\"index\":ITEM,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"ZGVtbw==\"}}",
            "event: content_block_stop\n\
             data: {\"type\":\"content_block_stop\",\"index\":ITEM}",
        ],
        stream_text: &[
            "event: content_block_start\n\
             data: {\"type\":\"content_block_start\",\"index\":ITEM,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
            "event: content_block_delta\n\
             data: {\"type\":\"content_block_delta\",\"index\":ITEM,\"delta\":{\"type\":\"text_delta\",\"text\":TEXT}}",
            "event: content_block_stop\n\
             data: {\"type\":\"content_block_stop\",\"index\":ITEM}",
            "event: message_delta\n\
             data: {\"type\":\"message_delta\",\"delta\":{\"container\":null,\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"stop_details\":null},\"usage\":{\"input_tokens\":IN,\"cache_creation_input_tokens\":null,\"cache_read_input_tokens\":null,\"output_tokens\":OUT,\"output_tokens_details\":null,\"server_tool_use\":null}}",
            "event: message_stop\n\
             data: {\"type\":\"message_stop\"}",
        ],
        stream_tool_call: &[
            "event: content_block_start\n\
             data: {\"type\":\"content_block_start\",\"index\":ITEM,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_demo\",\"name\":NAME,\"input\":{}}}",
            "event: content_block_delta\n\
             data: {\"type\":\"content_block_delta\",\"index\":ITEM,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":ARGS}}",
            "event: content_block_stop\n\
             data: {\"type\":\"content_block_stop\",\"index\":ITEM}",
            "event: message_delta\n\
             data: {\"type\":\"message_delta\",\"delta\":{\"container\":null,\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"stop_details\":null},\"usage\":{\"input_tokens\":IN,\"cache_creation_input_tokens\":null,\"cache_read_input_tokens\":null,\"output_tokens\":OUT,\"output_tokens_details\":null,\"server_tool_use\":null}}",
            "event: message_stop\n\
             data: {\"type\":\"message_stop\"}",
        ],
        stream_usage: &[],
        stream_end: &[],
    },
    Templates {
        dialect: gemini::DIALECT,
        token_count: Some(r#"{"totalTokens":IN}"#),
        text: r#"{"candidates":[{"content":{"role":"model","parts":[REASONING{"text":TEXT}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":IN,"candidatesTokenCount":OUT,"totalTokenCount":SUM},"modelVersion":"demo","responseId":"demo"}"#,
        tool_call: r#"{"candidates":[{"content":{"role":"model","parts":[REASONING{"functionCall":{"id":"call_demo","name":NAME,"args":OBJECT},"thoughtSignature":"ZGVtbw=="}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":IN,"candidatesTokenCount":OUT,"totalTokenCount":SUM},"modelVersion":"demo","responseId":"demo"}"#,
        reasoning: r#"{"text":"The demo does not think; this is where reasoning appears.","thought":true},"#,
        stream_start: &[],
        stream_reasoning: &[
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":"The demo does not think; this is where reasoning appears.","thought":true}]},"index":0}],"modelVersion":"demo","responseId":"demo"}"#,
        ],
        stream_text: &[
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":TEXT}]},"index":0}],"modelVersion":"demo","responseId":"demo"}"#,
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":IN,"candidatesTokenCount":OUT,"totalTokenCount":SUM},"modelVersion":"demo","responseId":"demo"}"#,
        ],
        stream_tool_call: &[
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"call_demo","name":NAME,"args":OBJECT},"thoughtSignature":"ZGVtbw=="}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":IN,"candidatesTokenCount":OUT,"totalTokenCount":SUM},"modelVersion":"demo","responseId":"demo"}"#,
        ],
        stream_usage: &[],
        stream_end: &[],
    },
];

/// The placeholders, as they stand in the templates.
const PLACEHOLDERS: [&str; 12] = [
    "PENDING",
    "REASONING",
    "TEXT",
    "NAME",
    "ARGS",
    "OBJECT",
    "WHOLE",
    "ITEM",
    "SEQ",
    "SUM",
    "OUT",
    "IN",
];

/// What the placeholders of a template stand for.
struct Values<'r> {
    response: &'r DemoResponse,
    reasoning: &'static str,
    item: usize,
    sequence: usize,
    whole: &'r str,
}

impl Values<'_> {
    fn value(&self, placeholder: &str) -> String {
        let input = self.response.input_words;
        let output = self.response.output_words();
        match (placeholder, &self.response.output) {
            ("PENDING", _) if self.response.includes_usage => r#","usage":null"#.to_owned(),
            ("REASONING", _) => self.reasoning.to_owned(),
            ("TEXT", Output::Text(text)) => quoted(text),
            ("NAME", Output::ToolCall { name, .. }) => quoted(name),
            ("ARGS", Output::ToolCall { arguments, .. }) => quoted(arguments),
            ("OBJECT", Output::ToolCall { arguments, .. }) => arguments.clone(),
            ("WHOLE", _) => self.whole.to_owned(),
            ("ITEM", _) => self.item.to_string(),
            ("SEQ", _) => self.sequence.to_string(),
            ("SUM", _) => (input + output).to_string(),
            ("OUT", _) => output.to_string(),
            ("IN", _) => input.to_string(),
            _ => String::new(),
        }
    }

    /// Fills a template in one pass, so that a prompt's text is never taken for a placeholder.
    fn fill(&self, template: &str) -> String {
        let mut filled = String::with_capacity(template.len() + 256);
        let mut remaining = template;
        while let Some((at, name)) = first_placeholder(remaining) {
            filled.push_str(&remaining[..at]);
            filled.push_str(&self.value(name));
            remaining = &remaining[at + name.len()..];
        }
        filled.push_str(remaining);
        filled
    }
}

fn first_placeholder(template: &str) -> Option<(usize, &'static str)> {
    PLACEHOLDERS
        .iter()
        .filter_map(|name| Some((template.find(name)?, *name)))
        .min()
}

impl Templates {
    /// The templates of a dialect. `None` where only clients speak it.
    pub(super) fn of(dialect: Dialect) -> Option<&'static Self> {
        TEMPLATES
            .iter()
            .find(|templates| templates.dialect == dialect)
    }

    /// The answer in one piece.
    pub(super) fn whole(&self, response: &DemoResponse) -> String {
        let template = match response.output {
            Output::Text(_) => self.text,
            Output::ToolCall { .. } => self.tool_call,
        };
        let reasoning = if response.has_reasoning {
            self.reasoning
        } else {
            ""
        };
        let values = Values {
            response,
            reasoning,
            item: 0,
            sequence: 0,
            whole: "",
        };
        values.fill(template)
    }

    /// The records of the answer's stream.
    pub(super) fn stream(&self, response: &DemoResponse) -> Vec<String> {
        let whole = self.whole(response);
        let mut records = Vec::new();
        let mut append = |templates: &[&str], item: usize| {
            for template in templates {
                let values = Values {
                    response,
                    reasoning: "",
                    item,
                    sequence: records.len(),
                    whole: &whole,
                };
                records.push(values.fill(template) + "\n\n");
            }
        };
        append(self.stream_start, 0);
        if response.has_reasoning {
            append(self.stream_reasoning, 0);
        }
        // Reasoning is the first item of the output.
        let item = usize::from(response.has_reasoning);
        match response.output {
            Output::Text(_) => append(self.stream_text, item),
            Output::ToolCall { .. } => append(self.stream_tool_call, item),
        }
        if response.includes_usage {
            append(self.stream_usage, 0);
        }
        append(self.stream_end, 0);
        records
    }

    /// The stream as one JSON array, which is Gemini's form without `alt=sse`.
    pub(super) fn array(&self, response: &DemoResponse) -> String {
        let items: Vec<String> = self
            .stream(response)
            .iter()
            .map(|record| record.trim_start_matches("data: ").trim_end().to_owned())
            .collect();
        format!("[{}]", items.join(",\r\n"))
    }

    /// The answer to a token count; the demo's tokens are words. `None` where the dialect has none.
    pub(super) fn token_count(&self, tokens: usize) -> Option<String> {
        let template = self.token_count?;
        Some(template.replace("IN", &tokens.to_string()))
    }
}

/// The list of the demo's models, in OpenAI's shape.
pub(super) fn models(ids: &[String]) -> String {
    let model = |id: &String| {
        format!(r#"{{"id":"{id}","object":"model","created":1767225600,"owned_by":"demo"}}"#)
    };
    let models: Vec<String> = ids.iter().map(model).collect();
    format!(r#"{{"object":"list","data":[{}]}}"#, models.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol;

    fn response(output: Output) -> DemoResponse {
        DemoResponse {
            output,
            has_reasoning: true,
            includes_usage: true,
            input_words: 3,
        }
    }

    #[test]
    fn every_upstream_dialect_has_templates_of_its_own() {
        for protocol in protocol::upstreams() {
            let dialect = protocol.dialect();
            let Some(templates) = Templates::of(dialect) else {
                panic!("the demo has no templates for {dialect}: add them to `TEMPLATES`");
            };
            assert_eq!(
                templates.token_count.is_some(),
                protocol.descriptor().counts_tokens,
                "{dialect}: `token_count` is there where the dialect counts tokens"
            );
        }
        assert_eq!(TEMPLATES.len(), protocol::upstreams().count());
    }

    #[test]
    fn chat_streams_speak_of_usage_only_to_those_who_ask() {
        let templates = Templates::of(openai_chat::DIALECT).unwrap();
        let with_usage = response(Output::Text("a".to_owned()));
        let records = templates.stream(&with_usage);
        let is_pending = |record: &&String| record.contains(r#""usage":null}"#);
        assert_eq!(records.iter().filter(is_pending).count(), 4);
        assert!(records[4].contains(
            r#""choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#
        ));
        assert_eq!(records[5], "data: [DONE]\n\n");
        let without_usage = templates.stream(&DemoResponse {
            includes_usage: false,
            ..with_usage
        });
        assert!(!without_usage.concat().contains("usage"));
        assert_eq!(without_usage.len(), 5);
    }

    #[test]
    fn every_answer_is_json_with_every_placeholder_filled() {
        let tricky = "TEXT \"IN, OUT} WHOLE SUM";
        for templates in &TEMPLATES {
            for output in [
                Output::Text(tricky.to_owned()),
                Output::ToolCall {
                    name: "f".into(),
                    arguments: r#"{"a":"x"}"#.into(),
                },
            ] {
                let response = response(output);
                let whole: serde_json::Value =
                    serde_json::from_str(&templates.whole(&response)).unwrap();
                assert!(whole.to_string().contains("does not think"));
                for record in templates.stream(&response) {
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
