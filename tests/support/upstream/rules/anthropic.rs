//! Refusals of Anthropic Messages and its token counter.
//!
//! Source: Anthropic Messages reference, "Rules enforced", the two API versions, request and tools
//! sections.

use serde_json::Value;

use super::{Verdict, first_duplicate, has, is_name, list, require, text, unknown_key};
use crate::support::upstream::route::Operation;
use crate::support::upstream::{Received, Refusal};

const OLD_VERSION: &str = "2023-06-01";
const NEW_VERSION: &str = "2026-10-21";
const MID_CONVERSATION_SYSTEM: &str = "mid-conversation-system";

const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "stop_sequences",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "metadata",
    "service_tier",
    "cache_control",
    "container",
    "diagnostics",
    "inference_geo",
];

const COUNT_FIELDS: &[&str] = &[
    "messages",
    "model",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "cache_control",
    "speed",
];

/// Known only together with an `anthropic-beta` header.
const BETA_FIELDS: &[&str] = &[
    "speed",
    "output_format",
    "context_management",
    "mcp_servers",
    "thread",
    "fallbacks",
    "fallback_credit_token",
    "compaction",
    "billing_policy",
];

const SAMPLING: &[&str] = &["temperature", "top_p", "top_k"];

/// Models that think only adaptively and refuse a prefilled answer; all but 4.6 refuse sampling
/// too.
const NEWER_MODELS: &[&str] = &[
    "claude-opus-4-6",
    "claude-sonnet-4-6",
    "claude-opus-5",
    "claude-sonnet-5",
    "claude-haiku-5",
];

/// The thinking texts of the literal responses, each with its signature.
const THOUGHTS: &[(&str, &str)] = &[
    (
        "Two mountains, then one more.",
        "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrzLoky3dl1pkiMOYds",
    ),
    (
        "I need the weather first.",
        "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrzLoky3dl1pkiMOYds",
    ),
];
/// A redacted thought that a test may send back.
pub(super) const REDACTED: &str =
    "EmwKAhgBEgy3va3pzix1LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP";
/// The call of the response `reasoned_tool_call`, which came with a thought.
const REASONED_CALL: &str = "toolu_01Antk5R2d2c3po";
const CACHE_MARKS_MAX: usize = 4;
const BUDGET_TOKENS_MIN: u64 = 1024;

/// A missing or unknown `anthropic-version` is refused before the body is read.
pub(super) fn check_version(request: &Received) -> Verdict {
    match request.header("anthropic-version") {
        None => Err(Refusal::bad("anthropic-version: header is required")),
        Some(OLD_VERSION | NEW_VERSION) => Ok(()),
        Some(other) => Err(Refusal::bad(format!(
            "anthropic-version: \"{other}\" is not a valid version"
        ))),
    }
}

/// The parts of a request's head that change the rules for its body.
struct Rules {
    is_new_version: bool,
    has_betas: bool,
    takes_system_turns: bool,
    is_newer_model: bool,
    thinks: bool,
}

impl Rules {
    fn of(body: &Value, request: &Received) -> Self {
        let betas: Vec<_> = request
            .headers
            .get_all("anthropic-beta")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        Self {
            is_new_version: request.header("anthropic-version") == Some(NEW_VERSION),
            has_betas: !betas.is_empty(),
            takes_system_turns: betas
                .iter()
                .any(|beta| beta.contains(MID_CONVERSATION_SYSTEM)),
            is_newer_model: NEWER_MODELS
                .iter()
                .any(|model| text(body, "model").starts_with(model)),
            thinks: matches!(text(&body["thinking"], "type"), "enabled" | "adaptive"),
        }
    }
}

pub(super) fn check(body: &Value, operation: Operation, request: &Received) -> Verdict {
    let rules = Rules::of(body, request);
    check_fields(body, operation, &rules)?;
    check_sampling(body, &rules)?;
    check_thinking(body, operation, &rules)?;
    check_tools(body)?;
    check_small_things(body)?;
    check_messages(body, &rules)
}

fn extra(path: &str) -> Refusal {
    Refusal::bad(format!("{path}: Extra inputs are not permitted"))
}

fn required(field: &str) -> Refusal {
    Refusal::bad(format!("{field}: Field required"))
}

fn check_fields(body: &Value, operation: Operation, rules: &Rules) -> Verdict {
    let counts = operation == Operation::CountTokens;
    let mut known = if counts {
        COUNT_FIELDS.to_vec()
    } else {
        FIELDS.to_vec()
    };
    if rules.has_betas {
        known.extend(BETA_FIELDS);
    }
    if let Some(key) = unknown_key(body, &known) {
        return Err(extra(key));
    }
    let demanded: &[&str] = if counts {
        &["model", "messages"]
    } else {
        &["model", "max_tokens", "messages"]
    };
    let missing = demanded.iter().find(|field| !has(body, field));
    require(missing.is_none(), || required(missing.unwrap_or(&"")))
}

fn check_sampling(body: &Value, rules: &Rules) -> Verdict {
    if rules.is_new_version {
        let sent = SAMPLING.iter().find(|field| body.get(**field).is_some());
        return require(sent.is_none(), || extra(sent.unwrap_or(&"")));
    }
    if rules.is_newer_model && !text(body, "model").contains("-4-6") {
        let tuned = SAMPLING
            .iter()
            .find(|field| has(body, field) && body[**field].as_f64() != Some(1.0));
        return require(tuned.is_none(), || {
            Refusal::bad(format!(
                "{}: not supported for this model",
                tuned.unwrap_or(&"")
            ))
        });
    }
    let both =
        has(body, "temperature") && has(body, "top_p") && text(body, "model").contains("-4-");
    require(!both, || {
        Refusal::bad("`temperature` and `top_p` cannot both be specified for this model.")
    })?;
    let in_range = body["temperature"]
        .as_f64()
        .is_none_or(|number| (0.0..=1.0).contains(&number));
    require(in_range, || {
        Refusal::bad("temperature: Input should be less than or equal to 1")
    })
}

fn check_thinking(body: &Value, operation: Operation, rules: &Rules) -> Verdict {
    let thinking = &body["thinking"];
    match text(thinking, "type") {
        "enabled" if rules.is_newer_model => Err(Refusal::bad(
            "\"thinking.type.enabled\" is not supported for this model.",
        )),
        "adaptive" if is_older_model(text(body, "model")) => Err(Refusal::bad(
            "adaptive thinking is not supported on this model",
        )),
        "enabled" => check_budget(body, operation),
        _ => Ok(()),
    }
}

/// Up to 4.5.
fn is_older_model(model: &str) -> bool {
    [
        "claude-3",
        "claude-opus-4-5",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
        "claude-opus-4-1",
    ]
    .iter()
    .any(|old| model.starts_with(old))
}

fn check_budget(body: &Value, operation: Operation) -> Verdict {
    let budget = body["thinking"]["budget_tokens"].as_u64().unwrap_or(0);
    require(budget >= BUDGET_TOKENS_MIN, || {
        Refusal::bad(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        )
    })?;
    let fits = operation == Operation::CountTokens
        || body["max_tokens"].as_u64().is_some_and(|max| budget < max);
    require(fits, || {
        Refusal::bad("`max_tokens` must be greater than `thinking.budget_tokens`.")
    })?;
    let is_forced = matches!(text(&body["tool_choice"], "type"), "any" | "tool");
    require(!is_forced, || {
        Refusal::bad("Thinking may not be enabled when tool_choice forces tool use.")
    })?;
    let is_tuned = body["temperature"]
        .as_f64()
        .is_some_and(|number| (number - 1.0).abs() > f64::EPSILON)
        || has(body, "top_k");
    require(!is_tuned, || {
        Refusal::bad("`temperature` may only be set to 1 when thinking is enabled.")
    })
}

fn check_tools(body: &Value) -> Verdict {
    let tools = list(body, "tools");
    tools
        .iter()
        .enumerate()
        .try_for_each(|(index, tool)| check_tool(tool, index))?;
    let repeated = first_duplicate(tools.iter().map(|tool| text(tool, "name")));
    require(repeated.is_none(), || {
        Refusal::bad("tools: Tool names must be unique.")
    })?;
    check_tool_choice(body, tools)
}

const TOOL_FIELDS: &[&str] = &[
    "name",
    "description",
    "input_schema",
    "strict",
    "cache_control",
    "defer_loading",
    "eager_input_streaming",
    "input_examples",
    "allowed_callers",
    "type",
];

fn check_tool(tool: &Value, index: usize) -> Verdict {
    let is_typed = has(tool, "type") && tool["type"] != "custom";
    if is_typed {
        return Ok(());
    }
    if let Some(key) = unknown_key(tool, TOOL_FIELDS) {
        return Err(extra(&format!("tools.{index}.custom.{key}")));
    }
    let pattern = "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'";
    require(is_name(text(tool, "name"), 128, "-"), || {
        Refusal::bad(format!("tools.{index}.custom.name: {pattern}"))
    })?;
    require(tool["input_schema"]["type"] == "object", || {
        required(&format!("tools.{index}.custom.input_schema.type"))
    })?;
    let mut properties = super::keys(&tool["input_schema"]["properties"]);
    let is_named = properties.all(|name| is_name(name, 64, ".-"));
    require(is_named, || {
        Refusal::bad(format!(
            "tools.{index}.custom.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'"
        ))
    })
}

fn check_tool_choice(body: &Value, tools: &[Value]) -> Verdict {
    let choice = &body["tool_choice"];
    if !has(body, "tool_choice") {
        return Ok(());
    }
    require(!tools.is_empty(), || {
        Refusal::bad("tool_choice: may only be specified while providing tools")
    })?;
    match text(choice, "type") {
        "none" if has(choice, "disable_parallel_tool_use") => {
            Err(extra("tool_choice.none.disable_parallel_tool_use"))
        }
        "auto" | "any" | "none" => Ok(()),
        "tool" if tools.iter().any(|tool| tool["name"] == choice["name"]) => Ok(()),
        "tool" => Err(Refusal::bad(
            "Tool choice names a tool that is not in `tools`",
        )),
        _ => Err(Refusal::bad(
            "tool_choice: Input tag does not match any of the expected tags: 'auto', 'any', 'tool', 'none'",
        )),
    }
}

fn check_small_things(body: &Value) -> Verdict {
    let metadata = unknown_key(&body["metadata"], &["user_id"]);
    require(metadata.is_none(), || {
        extra(&format!("metadata.{}", metadata.unwrap_or_default()))
    })?;
    let blank = list(body, "stop_sequences")
        .iter()
        .any(|stop| stop.as_str().is_none_or(|stop| stop.trim().is_empty()));
    require(!blank, || {
        Refusal::bad("stop_sequences: each stop sequence must contain non-whitespace")
    })?;
    let marks = count_marks(body);
    require(marks <= CACHE_MARKS_MAX, || {
        Refusal::bad(format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {marks}."
        ))
    })?;
    check_output_config(&body["output_config"])
}

/// `cache_control` on blocks and tools, but not a member of a tool's input with that name.
fn count_marks(body: &Value) -> usize {
    let blocks = list(body, "messages")
        .iter()
        .flat_map(|message| list(message, "content"));
    let inner = blocks.clone().flat_map(|block| list(block, "content"));
    let marked = list(body, "system")
        .iter()
        .chain(list(body, "tools"))
        .chain(blocks)
        .chain(inner);
    marked.filter(|value| has(value, "cache_control")).count()
        + usize::from(has(body, "cache_control"))
}

fn check_output_config(config: &Value) -> Verdict {
    if let Some(key) = unknown_key(config, &["effort", "format"]) {
        return Err(extra(&format!("output_config.{key}")));
    }
    let format = &config["format"];
    if let Some(key) = unknown_key(format, &["type", "schema"]) {
        return Err(extra(&format!("output_config.format.{key}")));
    }
    let is_open =
        format["schema"]["type"] == "object" && format["schema"]["additionalProperties"] != false;
    let why = "For 'object' type, 'additionalProperties' must be explicitly set to false";
    require(!is_open, || {
        Refusal::bad(format!("output_config.format.schema: {why}"))
    })
}

/// A run of messages of one role, as the server merges them.
struct Turn<'a> {
    role: &'a str,
    /// Where the turn's first message stands.
    index: usize,
    blocks: Vec<&'a Value>,
}

fn check_messages(body: &Value, rules: &Rules) -> Verdict {
    let messages = list(body, "messages");
    require(!messages.is_empty(), || {
        Refusal::bad("messages: at least one message is required")
    })?;
    require(messages[0]["role"] == "user", || {
        Refusal::bad("messages: first message must use the \"user\" role")
    })?;
    list(body, "system")
        .iter()
        .enumerate()
        .try_for_each(|(index, block)| {
            check_block(block, &format!("system.{index}"), "system", rules)
        })?;
    for (index, message) in messages.iter().enumerate() {
        check_message(message, index, index + 1 == messages.len(), rules)?;
    }
    let turns = merged(messages);
    check_calls_and_results(&turns)?;
    if rules.thinks {
        check_running_loop(&turns, text(&body["thinking"], "type") == "enabled")
    } else {
        Ok(())
    }
}

fn check_message(message: &Value, index: usize, is_last: bool, rules: &Rules) -> Verdict {
    let role = text(message, "role");
    let is_role =
        matches!(role, "user" | "assistant") || (role == "system" && rules.takes_system_turns);
    require(is_role, || {
        Refusal::bad(format!(
            "messages.{index}.role: Input should be 'user' or 'assistant'"
        ))
    })?;
    if let Some(key) = unknown_key(message, &["role", "content"]) {
        return Err(extra(&format!("messages.{index}.{key}")));
    }
    let is_empty = message["content"]
        .as_str()
        .map_or_else(|| list(message, "content").is_empty(), str::is_empty);
    let why =
        "all messages must have non-empty content except for the optional final assistant message";
    require(!is_empty || (is_last && role == "assistant"), || {
        Refusal::bad(format!("messages.{index}: {why}"))
    })?;
    if is_last && role == "assistant" {
        check_prefill(message, rules)?;
    }
    let mut blocks = list(message, "content").iter().enumerate();
    blocks.try_for_each(|(at, block)| {
        check_block(
            block,
            &format!("messages.{index}.content.{at}"),
            role,
            rules,
        )
    })
}

fn check_prefill(message: &Value, rules: &Rules) -> Verdict {
    require(!rules.is_newer_model, || {
        Refusal::bad("This model does not support assistant message prefill.")
    })?;
    let last = message["content"]
        .as_str()
        .or_else(|| {
            list(message, "content")
                .last()
                .map(|block| text(block, "text"))
        })
        .unwrap_or_default();
    let ends_blank = last.ends_with(char::is_whitespace);
    require(!ends_blank, || {
        Refusal::bad("messages: final assistant content cannot end with trailing whitespace")
    })
}

/// The fields of a block of that kind. `None` if the kind is passed on unread.
fn block_fields(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "text" => &["type", "text", "cache_control", "citations"],
        "image" => &["type", "source", "cache_control", "transformations"],
        "document" => &[
            "type",
            "source",
            "title",
            "context",
            "citations",
            "cache_control",
        ],
        "tool_use" => &[
            "type",
            "id",
            "name",
            "input",
            "caller",
            "toolset_name",
            "cache_control",
        ],
        "tool_result" => &[
            "type",
            "tool_use_id",
            "content",
            "is_error",
            "cache_control",
        ],
        "thinking" => &["type", "thinking", "signature"],
        "redacted_thinking" => &["type", "data"],
        _ => return None,
    })
}

fn check_block(block: &Value, at: &str, role: &str, rules: &Rules) -> Verdict {
    let kind = text(block, "type");
    let Some(fields) = block_fields(kind) else {
        return Ok(());
    };
    if let Some(key) = unknown_key(block, fields) {
        return Err(extra(&format!("{at}.{kind}.{key}")));
    }
    check_place(kind, at, role, rules)?;
    match kind {
        "text" => check_text(block, role, rules),
        "image" => check_image(&block["source"], at),
        "tool_use" => check_call(block, at),
        "tool_result" => list(block, "content")
            .iter()
            .try_for_each(|inner| check_block(inner, at, "tool_result", rules)),
        "thinking" => check_thought(block, at),
        "redacted_thinking" => require(block["data"] == REDACTED, || {
            Refusal::bad(format!("{at}: Invalid `data` in `redacted_thinking` block"))
        }),
        _ => Ok(()),
    }
}

/// Which blocks a role may hold.
fn check_place(kind: &str, at: &str, role: &str, rules: &Rules) -> Verdict {
    let holds = match (role, kind) {
        ("system", kind) => kind == "text",
        ("assistant", "document") => !rules.is_new_version,
        ("assistant", "image" | "tool_result") => false,
        ("user", "tool_use" | "thinking" | "redacted_thinking") => false,
        ("tool_result", kind) => matches!(kind, "text" | "image" | "document"),
        _ => true,
    };
    require(holds, || {
        Refusal::bad(format!(
            "{at}: `{kind}` blocks are not permitted here ({role})"
        ))
    })
}

fn check_text(block: &Value, role: &str, rules: &Rules) -> Verdict {
    require(!text(block, "text").is_empty(), || {
        Refusal::bad("messages: text content blocks must be non-empty")
    })?;
    let cites = rules.is_new_version && role == "user" && !list(block, "citations").is_empty();
    require(!cites, || extra("citations"))
}

fn check_image(source: &Value, at: &str) -> Verdict {
    let is_known = source["type"] != "base64"
        || matches!(
            text(source, "media_type"),
            "image/jpeg" | "image/png" | "image/gif" | "image/webp"
        );
    require(is_known, || {
        Refusal::bad(format!(
            "{at}.image.source.base64.media_type: unsupported media type"
        ))
    })
}

fn check_call(block: &Value, at: &str) -> Verdict {
    let pattern = "String should match pattern '^[a-zA-Z0-9_-]+$'";
    require(is_name(text(block, "id"), usize::MAX, "-"), || {
        Refusal::bad(format!("{at}.tool_use.id: {pattern}"))
    })?;
    require(is_name(text(block, "name"), 128, "-"), || {
        Refusal::bad(format!("{at}.tool_use.name: {pattern}"))
    })?;
    require(block["input"].is_object(), || {
        Refusal::bad(format!(
            "{at}.tool_use.input: Input should be a valid dictionary"
        ))
    })
}

fn check_thought(block: &Value, at: &str) -> Verdict {
    let given = (text(block, "thinking"), text(block, "signature"));
    require(THOUGHTS.contains(&given), || {
        Refusal::bad(format!("{at}: Invalid `signature` in `thinking` block"))
    })
}

fn merged(messages: &[Value]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let role = text(message, "role");
        let blocks = list(message, "content").iter();
        match turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.blocks.extend(blocks),
            None => turns.push(Turn {
                role,
                index,
                blocks: blocks.collect(),
            }),
        }
    }
    turns
}

impl<'a> Turn<'a> {
    fn ids(&self, kind: &str, key: &str) -> Vec<&'a str> {
        self.blocks
            .iter()
            .filter(|block| block["type"] == kind)
            .map(|block| text(block, key))
            .collect()
    }

    fn calls(&self) -> Vec<&'a str> {
        self.ids("tool_use", "id")
    }

    fn results(&self) -> Vec<&'a str> {
        self.ids("tool_result", "tool_use_id")
    }
}

fn check_calls_and_results(turns: &[Turn<'_>]) -> Verdict {
    let all_calls: Vec<_> = turns.iter().flat_map(Turn::calls).collect();
    require(first_duplicate(all_calls.into_iter()).is_none(), || {
        Refusal::bad("messages: `tool_use` ids must be unique")
    })?;
    let mut calls: Vec<&str> = Vec::new();
    for turn in turns.iter().filter(|turn| turn.role != "system") {
        check_results(turn, &calls)?;
        calls = turn.calls();
    }
    // Calls at the very end have no results yet.
    check_answered(&calls, &[], turns.len())
}

fn check_results(turn: &Turn<'_>, calls: &[&str]) -> Verdict {
    let results = turn.results();
    let orphan = results.iter().find(|id| !calls.contains(id));
    require(orphan.is_none(), || {
        let id = orphan.copied().unwrap_or_default();
        Refusal::bad(format!(
            "messages.{}: unexpected `tool_use_id` found in `tool_result` blocks: {id}.",
            turn.index
        ))
    })?;
    let repeated = first_duplicate(results.iter().copied());
    require(repeated.is_none(), || {
        Refusal::bad(format!(
            "messages.{}: each tool_use must have a single result",
            turn.index
        ))
    })?;
    check_answered(calls, &results, turn.index)?;
    let leading = turn
        .blocks
        .iter()
        .take_while(|block| block["type"] == "tool_result")
        .count();
    require(leading == results.len(), || {
        Refusal::bad(format!(
            "messages.{}: `tool_result` blocks must come first",
            turn.index
        ))
    })
}

fn check_answered(calls: &[&str], results: &[&str], index: usize) -> Verdict {
    let open = calls.iter().find(|id| !results.contains(id));
    require(open.is_none(), || {
        let id = open.copied().unwrap_or_default();
        let why = "`tool_use` ids were found without `tool_result` blocks immediately after";
        Refusal::bad(format!(
            "messages.{}: {why}: {id}.",
            index.saturating_sub(1)
        ))
    })
}

/// With thinking on, the last assistant turn of a running tool loop starts with its thought.
/// `always` means fixed thinking. With adaptive thinking a call may have come without a thought,
/// and then there is none to send.
fn check_running_loop(turns: &[Turn<'_>], always: bool) -> Verdict {
    let conversation: Vec<_> = turns.iter().filter(|turn| turn.role != "system").collect();
    let [.., assistant, results] = conversation.as_slice() else {
        return Ok(());
    };
    let runs =
        !results.results().is_empty() && (always || assistant.calls().contains(&REASONED_CALL));
    let first = assistant
        .blocks
        .first()
        .map(|block| text(block, "type"))
        .unwrap_or_default();
    let starts_with_thought = matches!(first, "thinking" | "redacted_thinking");
    require(!runs || starts_with_thought, || {
        Refusal::bad(format!(
            "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first}`.",
            assistant.index
        ))
    })
}
