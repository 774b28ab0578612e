//! Usage of the Responses dialect. Source: `openai-responses.md`, "usage": input includes cached and written tokens, output reasoning.

use crate::canon::Usage;
use crate::json::{Value, Writer};

pub(super) fn decode(usage: Value<'_>) -> Usage {
    let count = |keys: &[&str]| usage.find(keys)?.u64().ok();
    Usage {
        input: count(&["input_tokens"]),
        cache_read: count(&["input_tokens_details", "cached_tokens"]),
        cache_write: count(&["input_tokens_details", "cache_write_tokens"]),
        output: count(&["output_tokens"]),
        reasoning: count(&["output_tokens_details", "reasoning_tokens"]),
        ..Usage::default()
    }
}

/// Whether a figure that the shape demands is missing beside others that are known.
pub(super) fn has_gaps(usage: &Usage) -> bool {
    !usage.is_unknown() && (usage.input.is_none() || usage.output.is_none())
}

/// Writes `null` where nothing is known; else the whole shape, both details included, as the SDKs' types demand.
pub(super) fn encode(value: Writer<'_>, usage: &Usage) {
    if usage.is_unknown() {
        return value.null();
    }
    // Input that hosted tools brought in has no field of its own here; it was read by the model all the same.
    let input = usage.input.unwrap_or(0).saturating_add(usage.tool_prompt.unwrap_or(0));
    let output = usage.output.unwrap_or(0);
    value.object(|object| {
        object.u64("input_tokens", input);
        object.object("input_tokens_details", |details| {
            details.u64("cached_tokens", usage.cache_read.unwrap_or(0));
            details.u64("cache_write_tokens", usage.cache_write.unwrap_or(0));
        });
        object.u64("output_tokens", output);
        object.object("output_tokens_details", |details| details.u64("reasoning_tokens", usage.reasoning.unwrap_or(0)));
        object.u64("total_tokens", input.saturating_add(output));
    });
}
