//! The judges judged: valid streams pass, and every way to break one is refused by its rule.

use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Responses};
use crate::support::grammar::{Ending, Rule, Summary, check};
use crate::support::upstream::answers::{self, Answer};
use crate::support::upstream::{Form, Refusal};

const SSE: &str = "text/event-stream";
const JSON: &str = "application/json";

fn literal(dialect: Dialect, file: &str) -> Vec<u8> {
    answers::literal(dialect, file)
        .unwrap_or_else(|| panic!("{}/{file}", dialect.name()))
        .to_vec()
}

fn valid(dialect: Dialect, content_type: &str, body: &[u8]) -> Summary {
    check(dialect, content_type, body).unwrap_or_else(|broken| {
        panic!(
            "{}: {broken}\n{}",
            dialect.name(),
            String::from_utf8_lossy(body)
        )
    })
}

#[test]
fn every_literal_answer_is_valid_and_its_stream_folds_to_the_whole_answer() {
    let mut count = 0;
    for dialect in Dialect::OF_UPSTREAMS {
        for case in answers::cases(dialect) {
            let stream = valid(dialect, SSE, &literal(dialect, &format!("{case}.sse")));
            let whole = valid(dialect, JSON, &literal(dialect, &format!("{case}.json")));
            assert_eq!(stream.ending, Ending::Success, "{} {case}", dialect.name());
            assert_eq!(stream.folded, whole.folded, "{} {case}", dialect.name());
            count += 1;
        }
    }
    assert!(count >= 50, "only {count} cases were found");
}

#[test]
fn the_fold_holds_what_the_answer_says() {
    let folded = valid(
        Anthropic,
        SSE,
        &literal(Anthropic, "reasoned_tool_call.sse"),
    )
    .folded;
    let choice = &folded.choices[0];
    assert_eq!(choice.reasoning, "I need the weather first.");
    assert_eq!(
        choice.signatures,
        ["EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrzLoky3dl1pkiMOYds"]
    );
    assert_eq!(choice.calls[0].name, "get_weather");
    assert_eq!(
        choice.calls[0].input,
        serde_json::json!({"city": "Zürich", "days": 3})
    );
    assert_eq!(choice.finish.as_deref(), Some("tool_use"));
    assert_eq!(folded.usage.and_then(|usage| usage.reasoning), Some(52));
}

/// Valid forms that the literal answers do not have.
const OTHER_VALID_STREAMS: &[(Dialect, &str)] = &[
    // Two choices that interleave, without usage.
    (
        Chat,
        concat!(
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            "\n\n",
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":1,"delta":{"role":"assistant","content":"b"},"finish_reason":null}]}"#,
            "\n\n: ping\n\n",
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.5,"bytes":null,"top_logprobs":[]}],"refusal":null},"finish_reason":null}]}"#,
            "\n\n",
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"length"}]}"#,
            "\n\ndata: [DONE]\n\n"
        ),
    ),
    // A custom tool.
    (
        Chat,
        concat!(
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"custom","custom":{"name":"patch","input":""}}]},"finish_reason":null}]}"#,
            "\n\n",
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"custom":{"input":"*** Begin"}}]},"finish_reason":null}]}"#,
            "\n\n",
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            "\n\ndata: [DONE]\n\n"
        ),
    ),
    // The deprecated function call.
    (
        Chat,
        concat!(
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"function_call":{"name":"now","arguments":""}},"finish_reason":null}]}"#,
            "\n\n",
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"function_call":{"arguments":"{}"}},"finish_reason":null}]}"#,
            "\n\n",
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"function_call"}]}"#,
            "\n\ndata: [DONE]\n\n"
        ),
    ),
    // A redacted thought, and a citation.
    (
        Anthropic,
        concat!(
            "event: message_start\n",
            r#"data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}}"#,
            "\n\nevent: content_block_start\n",
            r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"EmwK"}}"#,
            "\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: content_block_start\n",
            r#"data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            "\n\nevent: content_block_delta\n",
            r#"data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"hi"}}"#,
            "\n\nevent: content_block_delta\n",
            r#"data: {"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"char_location"}}}"#,
            "\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\nevent: message_delta\n",
            r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":9,"output_tokens":2}}"#,
            "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        ),
    ),
    // An id on a call, an empty text that carries a signature, and no index, which proto JSON
    // leaves out for 0.
    (
        Gemini,
        concat!(
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"f1","name":"now"}}]}}],"modelVersion":"m","responseId":"r"}"#,
            "\n\n",
            r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":"","thoughtSignature":"c2ln"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"toolUsePromptTokenCount":2,"totalTokenCount":6},"modelVersion":"m","responseId":"r"}"#,
            "\n\n"
        ),
    ),
];

#[test]
fn other_forms_that_the_references_allow_are_valid() {
    for (dialect, body) in OTHER_VALID_STREAMS {
        assert_eq!(
            valid(*dialect, SSE, body.as_bytes()).ending,
            Ending::Success,
            "{body}"
        );
    }
}

/// What is done to the records of a valid stream, counted from 0.
#[derive(Clone, Copy, Debug)]
enum Change {
    Drop(usize),
    Swap(usize, usize),
    Duplicate(usize),
    /// In one record, the first occurrence.
    Replace(usize, &'static str, &'static str),
    /// In all records.
    ReplaceAll(&'static str, &'static str),
    Append(&'static str),
}
use Change::{Append, Drop, Duplicate, Replace, ReplaceAll, Swap};

impl Change {
    fn apply(self, records: &mut Vec<String>) {
        match self {
            Drop(index) => drop(records.remove(index)),
            Swap(one, other) => records.swap(one, other),
            Duplicate(index) => records.insert(index, records[index].clone()),
            Append(record) => records.push(record.to_owned()),
            Replace(index, from, to) => {
                assert!(
                    records[index].contains(from),
                    "`{from}` is not in {}",
                    records[index]
                );
                records[index] = records[index].replacen(from, to, 1);
            }
            ReplaceAll(from, to) => {
                assert!(
                    records.iter().any(|record| record.contains(from)),
                    "`{from}` is nowhere"
                );
                records
                    .iter_mut()
                    .for_each(|record| *record = record.replace(from, to));
            }
        }
    }
}

/// What the judge says to a broken stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Breaks(Rule),
    IsCut,
}
use Says::{Breaks, IsCut};

type Mutation = (&'static str, Change, Says);

const CHAT: &[Mutation] = &[
    ("text", Drop(0), Breaks(Rule::Order)),
    ("text", Duplicate(0), Breaks(Rule::Twice)),
    ("text", Swap(0, 1), Breaks(Rule::Order)),
    ("text", Drop(4), Breaks(Rule::Unfinished)),
    ("text", Duplicate(4), Breaks(Rule::AfterEnd)),
    ("text", Swap(3, 4), Breaks(Rule::AfterEnd)),
    ("text", Drop(5), Breaks(Rule::Usage)),
    ("text", Duplicate(5), Breaks(Rule::AfterEnd)),
    ("text", Drop(6), IsCut),
    ("text", Duplicate(6), Breaks(Rule::AfterEnd)),
    ("text", Swap(5, 6), Breaks(Rule::Usage)),
    ("text", Append("data: {}\n\n"), Breaks(Rule::AfterEnd)),
    ("text", Replace(2, "\" from\"", "\"\""), Breaks(Rule::Empty)),
    (
        "text",
        Replace(2, "\"content\":\" from\"", ""),
        Breaks(Rule::Empty),
    ),
    (
        "text",
        Replace(2, "chatcmpl-", "chatcmpl-x"),
        Breaks(Rule::Constant),
    ),
    (
        "text",
        Replace(3, "1795400000", "1795400001"),
        Breaks(Rule::Constant),
    ),
    (
        "text",
        Replace(1, "gpt-4.1", "gpt-5"),
        Breaks(Rule::Constant),
    ),
    (
        "text",
        Replace(1, ",\"usage\":null", ""),
        Breaks(Rule::Usage),
    ),
    ("text", Replace(1, ".chunk", ""), Breaks(Rule::Kind)),
    (
        "text",
        Replace(1, "\"index\":0", "\"index\":2"),
        Breaks(Rule::Index),
    ),
    (
        "text",
        Replace(1, "\"index\":0,", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(1, ",\"finish_reason\":null", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(4, "\"stop\"", "\"end_turn\""),
        Breaks(Rule::Kind),
    ),
    (
        "text",
        Replace(4, "\"stop\"", "\"tool_calls\""),
        Breaks(Rule::Finish),
    ),
    (
        "text",
        Replace(4, "\"delta\":{}", "\"delta\":{\"content\":\"x\"}"),
        Breaks(Rule::Finish),
    ),
    (
        "text",
        Replace(5, "\"total_tokens\":31", "\"total_tokens\":32"),
        Breaks(Rule::Usage),
    ),
    (
        "text",
        Replace(5, "\"cached_tokens\":0", "\"cached_tokens\":20"),
        Breaks(Rule::Usage),
    ),
    (
        "text",
        Replace(5, "\"reasoning_tokens\":0", "\"reasoning_tokens\":13"),
        Breaks(Rule::Usage),
    ),
    (
        "text",
        Replace(1, "data: ", "event: chunk\ndata: "),
        Breaks(Rule::EventName),
    ),
    ("text", Replace(1, "data: ", "data:"), Breaks(Rule::Sse)),
    (
        "text",
        Replace(1, "data: ", "retry: 5\nid: 1\ndata: "),
        Breaks(Rule::Sse),
    ),
    ("text", Replace(1, "}\n\n", "\n\n"), Breaks(Rule::NotJson)),
    (
        "text",
        Replace(1, "{\"id\"", "{\"id\":\"x\",\"id\""),
        Breaks(Rule::DuplicateMember),
    ),
    ("tool_call", Drop(1), Breaks(Rule::Missing)),
    ("tool_call", Duplicate(1), Breaks(Rule::Twice)),
    (
        "tool_call",
        Replace(
            2,
            "\"index\":0,\"function\"",
            "\"index\":0,\"id\":\"call_x\",\"function\"",
        ),
        Breaks(Rule::Twice),
    ),
    (
        "tool_call",
        Replace(2, "\"function\":{", "\"function\":{\"name\":\"again\","),
        Breaks(Rule::Twice),
    ),
    (
        "tool_call",
        Replace(2, "\"index\":0,\"function\"", "\"index\":2,\"function\""),
        Breaks(Rule::Index),
    ),
    (
        "tool_call",
        Replace(4, "\"3}\"", "\"\""),
        Breaks(Rule::Empty),
    ),
    (
        "tool_call",
        Replace(1, "\"id\":\"call_", "\"id\":\"\",\"was\":\"call_"),
        Breaks(Rule::Empty),
    ),
    (
        "tool_call",
        Replace(1, "\"name\":\"get_weather\"", "\"name\":\"\""),
        Breaks(Rule::Empty),
    ),
    (
        "tool_call",
        Replace(5, "\"tool_calls\"", "\"stop\""),
        Breaks(Rule::Finish),
    ),
    ("parallel_tool_calls", Swap(6, 7), Breaks(Rule::Index)),
    ("parallel_tool_calls", Swap(3, 7), Breaks(Rule::Index)),
    (
        "parallel_tool_calls",
        Replace(7, "call_chat3", "call_chat2"),
        Breaks(Rule::Twice),
    ),
];

const COMPLETIONS: &[Mutation] = &[
    ("text", Drop(3), Breaks(Rule::Unfinished)),
    ("text", Duplicate(3), Breaks(Rule::AfterEnd)),
    ("text", Drop(4), Breaks(Rule::Usage)),
    ("text", Drop(5), IsCut),
    ("text", Replace(1, "\" from\"", "\"\""), Breaks(Rule::Empty)),
    (
        "text",
        Replace(1, "text_completion", "chat.completion.chunk"),
        Breaks(Rule::Kind),
    ),
    (
        "text",
        Replace(3, "\"stop\"", "\"tool_calls\""),
        Breaks(Rule::Kind),
    ),
    (
        "text",
        Replace(1, "\"logprobs\":null,", ""),
        Breaks(Rule::Missing),
    ),
];

/// Renumbered after the change, so that the rule is not hidden behind the sequence.
const RESPONSES: &[Mutation] = &[
    ("text", Drop(0), Breaks(Rule::Order)),
    ("text", Duplicate(0), Breaks(Rule::Twice)),
    ("text", Duplicate(1), Breaks(Rule::Twice)),
    ("text", Drop(2), Breaks(Rule::Order)),
    ("text", Duplicate(2), Breaks(Rule::Order)),
    ("text", Drop(3), Breaks(Rule::Order)),
    ("text", Duplicate(3), Breaks(Rule::Order)),
    ("text", Drop(5), Breaks(Rule::Mismatch)),
    ("text", Duplicate(5), Breaks(Rule::Mismatch)),
    ("text", Swap(5, 6), Breaks(Rule::Mismatch)),
    ("text", Drop(7), Breaks(Rule::Unfinished)),
    ("text", Duplicate(7), Breaks(Rule::Twice)),
    ("text", Drop(8), Breaks(Rule::Unfinished)),
    ("text", Duplicate(8), Breaks(Rule::Order)),
    ("text", Drop(9), Breaks(Rule::Unfinished)),
    ("text", Duplicate(9), Breaks(Rule::Index)),
    ("text", Drop(10), IsCut),
    ("text", Duplicate(10), Breaks(Rule::AfterEnd)),
    ("text", Append("data: [DONE]\n\n"), Breaks(Rule::NotJson)),
    (
        "text",
        Replace(5, "\"delta\":\" from\"", "\"delta\":\"\""),
        Breaks(Rule::Empty),
    ),
    (
        "text",
        Replace(5, ",\"logprobs\":[]", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(5, "\"output_index\":0", "\"output_index\":1"),
        Breaks(Rule::Index),
    ),
    (
        "text",
        Replace(5, "\"content_index\":0", "\"content_index\":1"),
        Breaks(Rule::Index),
    ),
    ("text", Replace(5, "msg_", "msg_x"), Breaks(Rule::Mismatch)),
    ("text", Replace(9, "msg_", "msg_x"), Breaks(Rule::Mismatch)),
    (
        "text",
        Replace(9, "mountains", "hills"),
        Breaks(Rule::Mismatch),
    ),
    (
        "text",
        Replace(9, "\"status\":\"completed\"", "\"status\":\"in_progress\""),
        Breaks(Rule::Unfinished),
    ),
    (
        "text",
        Replace(10, "mountains", "hills"),
        Breaks(Rule::Mismatch),
    ),
    (
        "text",
        Replace(
            10,
            "\"status\":\"completed\",\"background\"",
            "\"status\":\"in_progress\",\"background\"",
        ),
        Breaks(Rule::Kind),
    ),
    (
        "text",
        Replace(10, "resp_", "resp_x"),
        Breaks(Rule::Constant),
    ),
    (
        "text",
        Replace(10, "\"tools\":[],", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(10, "\"parallel_tool_calls\":true,", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(
            10,
            "\"output_tokens_details\":{\"reasoning_tokens\":0},",
            "",
        ),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(10, "\"total_tokens\":31", "\"total_tokens\":30"),
        Breaks(Rule::Usage),
    ),
    (
        "text",
        Replace(5, "event: response.output_text.delta\n", ""),
        Breaks(Rule::EventName),
    ),
    (
        "text",
        Replace(
            5,
            "event: response.output_text.delta",
            "event: response.output_text.done",
        ),
        Breaks(Rule::EventName),
    ),
    (
        "text",
        Replace(2, "\"content\":[]", "\"content\":[{}]"),
        Breaks(Rule::Order),
    ),
    (
        "length",
        Replace(
            9,
            "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}",
            "\"incomplete_details\":null",
        ),
        Breaks(Rule::Missing),
    ),
    ("tool_call", Drop(3), Breaks(Rule::Mismatch)),
    ("tool_call", Drop(6), Breaks(Rule::Unfinished)),
    ("tool_call", Swap(5, 6), Breaks(Rule::Mismatch)),
    (
        "tool_call",
        Replace(7, "\"call_id\":\"call_resp1Vb3NmKwE8\"", "\"call_id\":\"\""),
        Breaks(Rule::Empty),
    ),
    (
        "tool_call",
        Replace(2, "\"arguments\":\"\"", "\"arguments\":\"{}\""),
        Breaks(Rule::Order),
    ),
    ("parallel_tool_calls", Swap(8, 9), Breaks(Rule::Order)),
    (
        "parallel_tool_calls",
        ReplaceAll("fc_68a1f0call3", "fc_68a1f0call2"),
        Breaks(Rule::Twice),
    ),
    ("reasoning", Drop(3), Breaks(Rule::Order)),
    ("reasoning", Drop(7), Breaks(Rule::Unfinished)),
    (
        "reasoning",
        Replace(4, "\"summary_index\":0", "\"summary_index\":1"),
        Breaks(Rule::Index),
    ),
    (
        "refusal",
        Replace(4, "refusal.delta\",\"", "output_text.delta\",\""),
        Breaks(Rule::EventName),
    ),
];

/// Left as numbered.
const RESPONSES_SEQUENCE: &[Mutation] = &[
    ("text", Drop(1), Breaks(Rule::Sequence)),
    ("text", Drop(5), Breaks(Rule::Sequence)),
    ("text", Duplicate(5), Breaks(Rule::Sequence)),
    ("text", Swap(5, 6), Breaks(Rule::Sequence)),
    (
        "text",
        Replace(0, "\"sequence_number\":0", "\"sequence_number\":1"),
        Breaks(Rule::Sequence),
    ),
    (
        "text",
        Replace(4, "\"sequence_number\":4,", ""),
        Breaks(Rule::Missing),
    ),
];

const ANTHROPIC: &[Mutation] = &[
    ("text", Drop(0), Breaks(Rule::Order)),
    ("text", Duplicate(0), Breaks(Rule::Twice)),
    ("text", Drop(1), Breaks(Rule::Order)),
    ("text", Duplicate(1), Breaks(Rule::Order)),
    ("text", Drop(6), Breaks(Rule::Unfinished)),
    ("text", Duplicate(6), Breaks(Rule::Order)),
    ("text", Swap(5, 6), Breaks(Rule::Order)),
    ("text", Drop(7), Breaks(Rule::Unfinished)),
    ("text", Duplicate(7), Breaks(Rule::Twice)),
    ("text", Swap(6, 7), Breaks(Rule::Unfinished)),
    ("text", Drop(8), IsCut),
    ("text", Duplicate(8), Breaks(Rule::AfterEnd)),
    ("text", Append("data: [DONE]\n\n"), Breaks(Rule::NotJson)),
    ("text", Append(": ping\n\n"), Breaks(Rule::Comment)),
    ("text", Replace(4, "\" from\"", "\"\""), Breaks(Rule::Empty)),
    (
        "text",
        Replace(4, "\"index\":0", "\"index\":1"),
        Breaks(Rule::Index),
    ),
    (
        "text",
        Replace(1, "\"index\":0", "\"index\":1"),
        Breaks(Rule::Index),
    ),
    (
        "text",
        Replace(6, "\"index\":0", "\"index\":1"),
        Breaks(Rule::Index),
    ),
    (
        "text",
        Replace(1, "\"text\":\"\"", "\"text\":\"x\""),
        Breaks(Rule::Order),
    ),
    (
        "text",
        Replace(4, "text_delta", "thinking_delta"),
        Breaks(Rule::Kind),
    ),
    (
        "text",
        Replace(4, "event: content_block_delta\n", ""),
        Breaks(Rule::EventName),
    ),
    (
        "text",
        Replace(4, "event: content_block_delta", "event: ping"),
        Breaks(Rule::EventName),
    ),
    (
        "text",
        Replace(0, "\"content\":[]", "\"content\":[{}]"),
        Breaks(Rule::Order),
    ),
    (
        "text",
        Replace(0, "\"stop_reason\":null,", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(0, "\"input_tokens\":19,", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(0, "\"role\":\"assistant\",", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(7, "\"output_tokens\":12", "\"output_tokens\":null"),
        Breaks(Rule::Missing),
    ),
    ("text", Replace(7, "end_turn", "stop"), Breaks(Rule::Kind)),
    (
        "text",
        Replace(7, "end_turn", "tool_use"),
        Breaks(Rule::Finish),
    ),
    (
        "text",
        Replace(7, ",\"stop_sequence\":null", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(7, "end_turn", "stop_sequence"),
        Breaks(Rule::Finish),
    ),
    (
        "stop_sequence",
        Replace(6, "\"stop_sequence\":\"STOP\"", "\"stop_sequence\":null"),
        Breaks(Rule::Finish),
    ),
    ("reasoned_tool_call", Drop(5), Breaks(Rule::Missing)),
    ("reasoned_tool_call", Duplicate(5), Breaks(Rule::Order)),
    ("reasoned_tool_call", Swap(4, 5), Breaks(Rule::Order)),
    ("reasoned_tool_call", Drop(6), Breaks(Rule::Order)),
    ("reasoned_tool_call", Drop(11), Breaks(Rule::NotJson)),
    ("reasoned_tool_call", Swap(8, 9), Breaks(Rule::Empty)),
    (
        "reasoned_tool_call",
        Replace(7, "\"input\":{}", "\"input\":{\"a\":1}"),
        Breaks(Rule::Mismatch),
    ),
    (
        "reasoned_tool_call",
        Replace(7, "toolu_", "toolu."),
        Breaks(Rule::Kind),
    ),
    (
        "reasoned_tool_call",
        Replace(7, "get_weather", ""),
        Breaks(Rule::Empty),
    ),
    (
        "reasoned_tool_call",
        Replace(13, "tool_use", "end_turn"),
        Breaks(Rule::Finish),
    ),
    (
        "reasoned_tool_call",
        Replace(13, "\"thinking_tokens\":52", "\"thinking_tokens\":520"),
        Breaks(Rule::Usage),
    ),
    (
        "parallel_tool_calls",
        ReplaceAll("toolu_01Antk3", "toolu_01Antk2"),
        Breaks(Rule::Twice),
    ),
];

const GEMINI: &[Mutation] = &[
    ("text", Drop(2), IsCut),
    ("text", Duplicate(2), Breaks(Rule::AfterEnd)),
    ("text", Swap(1, 2), Breaks(Rule::AfterEnd)),
    (
        "text",
        Append("data: [DONE]\r\n\r\n"),
        Breaks(Rule::NotJson),
    ),
    ("text", Append(": ping\r\n\r\n"), Breaks(Rule::Comment)),
    ("text", Replace(1, "\" from\"", "\"\""), Breaks(Rule::Empty)),
    (
        "text",
        Replace(1, "{\"text\":\" from\"}", ""),
        Breaks(Rule::Empty),
    ),
    (
        "text",
        Replace(1, "{\"text\":\" from\"}", "{}"),
        Breaks(Rule::Empty),
    ),
    (
        "text",
        Replace(1, "\"role\":\"model\"", "\"role\":\"assistant\""),
        Breaks(Rule::Kind),
    ),
    (
        "text",
        Replace(1, "\"index\":0", "\"index\":2"),
        Breaks(Rule::Index),
    ),
    (
        "text",
        Replace(
            1,
            "\"responseId\":\"hU2xaNtext\"",
            "\"responseId\":\"other\"",
        ),
        Breaks(Rule::Constant),
    ),
    (
        "text",
        Replace(1, ",\"responseId\":\"hU2xaNtext\"", ""),
        Breaks(Rule::Missing),
    ),
    (
        "text",
        Replace(1, "gemini-3-pro-preview", "gemini-2.5-pro"),
        Breaks(Rule::Constant),
    ),
    (
        "text",
        Replace(2, "\"STOP\"", "\"stop\""),
        Breaks(Rule::Kind),
    ),
    (
        "text",
        Replace(2, "\"totalTokenCount\":31", "\"totalTokenCount\":30"),
        Breaks(Rule::Usage),
    ),
    (
        "text",
        Replace(1, "\"totalTokenCount\":19", "\"totalTokenCount\":25"),
        Breaks(Rule::Usage),
    ),
    (
        "text",
        Replace(1, "data: ", "event: chunk\r\ndata: "),
        Breaks(Rule::EventName),
    ),
    (
        "text",
        Replace(
            1,
            "\"candidates\":[{\"content\"",
            "\"candidates\":[],\"was\":[{\"content\"",
        ),
        Breaks(Rule::Empty),
    ),
    (
        "reasoning",
        Replace(
            3,
            "\"thoughtSignature\":\"",
            "\"thoughtSignature\":\"\",\"was\":\"",
        ),
        Breaks(Rule::Empty),
    ),
    (
        "tool_call",
        Replace(0, "\"name\":\"get_weather\"", "\"name\":\"\""),
        Breaks(Rule::Empty),
    ),
    (
        "tool_call",
        Replace(0, "\"args\":{", "\"args\":[],\"was\":{"),
        Breaks(Rule::Kind),
    ),
    (
        "blocked_prompt",
        Replace(0, "\"SAFETY\"", "\"\""),
        Breaks(Rule::Empty),
    ),
    (
        "blocked_prompt",
        Append("data: {\"candidates\":[]}\r\n\r\n"),
        Breaks(Rule::AfterEnd),
    ),
];

fn records(dialect: Dialect, case: &str) -> Vec<String> {
    let body = literal(dialect, &format!("{case}.sse"));
    answers::records(&body)
        .iter()
        .map(|record| String::from_utf8_lossy(record).into_owned())
        .collect()
}

fn renumber(records: &mut [String]) {
    for (number, record) in records.iter_mut().enumerate() {
        let Some((before, after)) = record.split_once("\"sequence_number\":") else {
            continue;
        };
        let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        *record = format!("{before}\"sequence_number\":{number}{rest}");
    }
}

fn judged(
    dialect: Dialect,
    case: &str,
    change: Change,
    keep_numbers: bool,
) -> Result<Summary, Rule> {
    let mut records = records(dialect, case);
    change.apply(&mut records);
    if !keep_numbers {
        renumber(&mut records);
    }
    check(dialect, SSE, records.concat().as_bytes()).map_err(|broken| broken.rule)
}

fn assert_refused(dialect: Dialect, mutations: &[Mutation], keep_numbers: bool) {
    for (case, change, says) in mutations {
        let judged = judged(dialect, case, *change, keep_numbers);
        let as_expected = match *says {
            Breaks(rule) => judged == Err(rule),
            IsCut => judged
                .as_ref()
                .is_ok_and(|summary| summary.ending == Ending::Cut),
        };
        assert!(
            as_expected,
            "{} {case}: {change:?} gave {judged:?}, not {says:?}",
            dialect.name()
        );
    }
}

#[test]
fn every_mutation_of_a_chat_stream_breaks_its_rule() {
    assert_refused(Chat, CHAT, false);
}

#[test]
fn every_mutation_of_a_completions_stream_breaks_its_rule() {
    assert_refused(Completions, COMPLETIONS, false);
}

#[test]
fn every_mutation_of_a_responses_stream_breaks_its_rule() {
    assert_refused(Responses, RESPONSES, false);
    assert_refused(Responses, RESPONSES_SEQUENCE, true);
}

#[test]
fn every_mutation_of_an_anthropic_stream_breaks_its_rule() {
    assert_refused(Anthropic, ANTHROPIC, false);
}

#[test]
fn every_mutation_of_a_gemini_stream_breaks_its_rule() {
    assert_refused(Gemini, GEMINI, false);
}

/// Records that an answer can do without or have twice: signs of life, and an empty first piece of
/// arguments.
fn is_optional(record: &str) -> bool {
    [
        "event: ping",
        "event: response.in_progress",
        "\"partial_json\":\"\"",
    ]
    .iter()
    .any(|mark| record.contains(mark))
}

#[test]
fn no_record_can_be_lost_or_doubled_unnoticed() {
    for dialect in Dialect::OF_UPSTREAMS {
        for case in answers::cases(dialect) {
            let told = valid(dialect, SSE, &literal(dialect, &format!("{case}.sse"))).folded;
            for (index, record) in records(dialect, &case)
                .iter()
                .enumerate()
                .filter(|(_, record)| !is_optional(record))
            {
                for change in [Drop(index), Duplicate(index)] {
                    let is_unnoticed = judged(dialect, &case, change, false).is_ok_and(|summary| {
                        summary.ending == Ending::Success && summary.folded == told
                    });
                    assert!(
                        !is_unnoticed,
                        "{} {case}: {change:?} of {record}",
                        dialect.name()
                    );
                }
            }
        }
    }
}

#[test]
fn there_are_enough_mutations() {
    let tables = [
        CHAT,
        COMPLETIONS,
        RESPONSES,
        RESPONSES_SEQUENCE,
        ANTHROPIC,
        GEMINI,
    ];
    let count: usize = tables.iter().map(|table| table.len()).sum();
    assert!(count >= 170, "only {count} mutations");
}

#[test]
fn a_stream_cut_at_any_byte_is_a_cut_and_breaks_no_rule() {
    for dialect in Dialect::OF_UPSTREAMS {
        for case in ["text", "reasoned_tool_call"] {
            let Some(body) = answers::literal(dialect, &format!("{case}.sse")) else {
                continue;
            };
            for end in 0..body.len() {
                let summary = valid(dialect, SSE, &body[..end]);
                assert_eq!(
                    summary.ending,
                    Ending::Cut,
                    "{} {case} cut at {end}",
                    dialect.name()
                );
            }
        }
    }
}

#[test]
fn the_array_form_of_a_gemini_stream_says_the_same_and_can_be_cut_anywhere() {
    let stream = literal(Gemini, "reasoned_tool_call.sse");
    let array = Answer::stream(Form::Array, &stream).chunks().concat();
    assert_eq!(valid(Gemini, JSON, &array), valid(Gemini, SSE, &stream));
    for end in 1..array.len() {
        assert_eq!(
            valid(Gemini, JSON, &array[..end]).ending,
            Ending::Cut,
            "cut at {end}"
        );
    }
}

#[test]
fn an_error_record_ends_a_stream_as_failed_and_nothing_may_follow() {
    for dialect in Dialect::OF_UPSTREAMS {
        let mut broken = records(dialect, "text");
        broken.truncate(2);
        broken.extend(
            records(dialect, "stream_error")
                .iter()
                .map(|record| record.replace("{next}", "2")),
        );
        let summary = valid(dialect, SSE, broken.concat().as_bytes());
        assert!(
            matches!(summary.ending, Ending::Failed { .. }),
            "{}: {:?}",
            dialect.name(),
            summary.ending
        );
        broken.push(broken[1].replace("\"sequence_number\":1", "\"sequence_number\":3"));
        let rule = check(dialect, SSE, broken.concat().as_bytes())
            .expect_err("a record after the end")
            .rule;
        assert_eq!(rule, Rule::AfterEnd, "{}", dialect.name());
    }
}

#[test]
fn a_failed_response_is_a_failure() {
    let mut failed = records(Responses, "text");
    failed.truncate(5);
    let last = r#"{"type":"response.failed","sequence_number":5,"response":{"id":"resp_68a1f0text","object":"response","created_at":1795400000,"status":"failed","error":{"code":"server_error","message":"broke off"},"model":"gpt-5-2025-08-07","output":[],"parallel_tool_calls":true,"tool_choice":"auto","tools":[]}}"#;
    failed.push(format!("event: response.failed\ndata: {last}\n\n"));
    let ending = valid(Responses, SSE, failed.concat().as_bytes()).ending;
    assert_eq!(
        ending,
        Ending::Failed {
            kind: "server_error".to_owned(),
            message: "broke off".to_owned()
        }
    );
}

#[test]
fn error_bodies_of_every_dialect_and_status_are_valid_failures() {
    for dialect in Dialect::OF_UPSTREAMS {
        for status in [400, 401, 403, 404, 413, 429, 500, 503, 504] {
            let body = Refusal::new(status, "no").body(dialect);
            assert!(
                matches!(valid(dialect, JSON, &body).ending, Ending::Failed { .. }),
                "{} {status}",
                dialect.name()
            );
        }
    }
    let lacking = br#"{"error":{"message":"no","type":"server_error"}}"#;
    assert_eq!(
        check(Chat, JSON, lacking).expect_err("no param").rule,
        Rule::Missing
    );
}

#[test]
fn only_endings_that_clients_notice_are_honest() {
    let summary = |ending| Summary {
        ending,
        folded: Default::default(),
        records: 1,
        keep_alives: 0,
    };
    let failed = summary(Ending::Failed {
        kind: "api_error".to_owned(),
        message: "no".to_owned(),
    });
    assert!(summary(Ending::Success).is_honest(Chat, true));
    assert!(!summary(Ending::Success).is_honest(Chat, false));
    assert!(!summary(Ending::Cut).is_honest(Chat, true));
    assert!(summary(Ending::Cut).is_honest(Chat, false));
    assert!(failed.is_honest(Anthropic, true));
    assert!(!failed.is_honest(Gemini, true));
    assert!(failed.is_honest(Gemini, false));
}

#[test]
fn a_foreign_content_type_is_refused() {
    let body = literal(Chat, "text.sse");
    assert_eq!(
        check(Chat, "text/html", &body).expect_err("no stream").rule,
        Rule::ContentType
    );
    assert_eq!(
        check(Chat, JSON, &body).expect_err("no JSON").rule,
        Rule::NotJson
    );
}

/// A change of a whole answer and the rule that it breaks.
const WHOLE: &[(Dialect, &str, &str, &str, Rule)] = &[
    (Chat, "text", "\"stop\"", "\"end\"", Rule::Kind),
    (Chat, "text", "\"index\": 0", "\"index\": 1", Rule::Index),
    (
        Chat,
        "text",
        "\"refusal\": null",
        "\"other\": null",
        Rule::Missing,
    ),
    (
        Chat,
        "tool_call",
        "\"finish_reason\": \"tool_calls\"",
        "\"finish_reason\": \"stop\"",
        Rule::Finish,
    ),
    (
        Chat,
        "tool_call",
        "\"name\": \"get_weather\"",
        "\"name\": \"\"",
        Rule::Empty,
    ),
    (
        Completions,
        "text",
        "\"text_completion\"",
        "\"chat.completion\"",
        Rule::Kind,
    ),
    (Responses, "text", "\"tools\": [],", "", Rule::Missing),
    (
        Responses,
        "text",
        "\"status\": \"completed\",\n  \"background\"",
        "\"status\": \"queued\",\n  \"background\"",
        Rule::Kind,
    ),
    (
        Responses,
        "tool_call",
        "\"call_id\"",
        "\"call\"",
        Rule::Missing,
    ),
    (Anthropic, "text", "end_turn", "tool_use", Rule::Finish),
    (
        Anthropic,
        "text",
        "\"stop_sequence\":null,",
        "",
        Rule::Missing,
    ),
    (
        Anthropic,
        "reasoning",
        "\"signature\"",
        "\"sig\"",
        Rule::Missing,
    ),
    (
        Anthropic,
        "text",
        "Grüezi from the mountains. ⛰️",
        "",
        Rule::Empty,
    ),
    (
        Gemini,
        "text",
        "\"finishReason\": \"STOP\",",
        "",
        Rule::Unfinished,
    ),
    (
        Gemini,
        "text",
        "\"role\": \"model\"",
        "\"role\": \"user\"",
        Rule::Kind,
    ),
    (
        Gemini,
        "text",
        "\"totalTokenCount\": 31",
        "\"totalTokenCount\": 1",
        Rule::Usage,
    ),
];

#[test]
fn every_mutation_of_a_whole_answer_breaks_its_rule() {
    for (dialect, case, from, to, rule) in WHOLE {
        let whole = String::from_utf8(literal(*dialect, &format!("{case}.json")))
            .expect("answers are UTF-8");
        assert!(whole.contains(from), "`{from}` is not in {whole}");
        let judged = check(*dialect, JSON, whole.replacen(from, to, 1).as_bytes())
            .map_err(|broken| broken.rule);
        assert_eq!(
            judged.as_ref().err(),
            Some(rule),
            "{} {case}: `{from}` -> `{to}`: {judged:?}",
            dialect.name()
        );
    }
}
