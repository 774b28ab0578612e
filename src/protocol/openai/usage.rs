//! Token counts: one reading for the two sets of names that OpenAI's dialects have for them.
//!
//! Input includes cached and written tokens, output includes reasoning, as canon counts too. Source: Chat Completions API and
//! Responses API, `usage`. Estimates nothing.

use crate::canon::Usage;
use crate::json::Value;

/// What a dialect calls the figures.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Names {
    pub(in crate::protocol) input: &'static str,
    pub(in crate::protocol) input_details: &'static str,
    pub(in crate::protocol) output: &'static str,
    pub(in crate::protocol) output_details: &'static str,
}

/// Reads a `usage` object; figures that are missing stay unknown.
pub(in crate::protocol) fn decode(usage: Value<'_>, names: &Names) -> Usage {
    let count = |keys: &[&str]| usage.find(keys).and_then(|value| value.u64().ok());
    Usage {
        input: count(&[names.input]),
        cache_read: count(&[names.input_details, "cached_tokens"]),
        cache_write: count(&[names.input_details, "cache_write_tokens"]),
        audio_input: count(&[names.input_details, "audio_tokens"]),
        output: count(&[names.output]),
        reasoning: count(&[names.output_details, "reasoning_tokens"]),
        audio_output: count(&[names.output_details, "audio_tokens"]),
        ..Usage::default()
    }
}

/// Input and output as the shapes demand them: 0 where they are unknown. What hosted tools brought in has no field of its own here;
/// it is prompt too.
pub(in crate::protocol) fn sums(usage: &Usage) -> (u64, u64) {
    (usage.input.unwrap_or(0).saturating_add(usage.tool_prompt.unwrap_or(0)), usage.output.unwrap_or(0))
}
