//! Token counts: one decoder for the two sets of names in OpenAI's dialects.
//!
//! Input includes cached and written tokens, output includes reasoning, as canon counts too.
//! Source: Chat Completions API and Responses API, `usage`. Estimates nothing.

use crate::canon::Usage;
use crate::json::Value;

/// The names of the figures in a dialect.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Names {
    pub(in crate::protocol) input: &'static str,
    pub(in crate::protocol) input_details: &'static str,
    pub(in crate::protocol) output: &'static str,
    pub(in crate::protocol) output_details: &'static str,
}

/// Reads a `usage` object; figures that are missing stay unknown.
pub(in crate::protocol) fn decode(usage: Value<'_>, names: &Names) -> Usage {
    let count = |holder: Option<Value<'_>>, key: &str| holder?.get(key)?.u64().ok();
    let (input, output) = (
        usage.get(names.input_details),
        usage.get(names.output_details),
    );
    Usage {
        input: count(Some(usage), names.input),
        cache_read: count(input, "cached_tokens"),
        cache_write: count(input, "cache_write_tokens"),
        audio_input: count(input, "audio_tokens"),
        output: count(Some(usage), names.output),
        reasoning: count(output, "reasoning_tokens"),
        audio_output: count(output, "audio_tokens"),
        ..Usage::default()
    }
}

/// Input and output tokens, which are required: 0 where they are unknown. What hosted tools brought
/// in has no field of its own here; it is prompt too.
pub(in crate::protocol) fn sums(usage: &Usage) -> (u64, u64) {
    (
        usage
            .input
            .unwrap_or(0)
            .saturating_add(usage.tool_prompt.unwrap_or(0)),
        usage.output.unwrap_or(0),
    )
}
