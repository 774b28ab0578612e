//! Token counts on the wire.
//!
//! `prompt_tokens` includes cached and written tokens, `completion_tokens` includes reasoning, as canon counts too.
//! Source: Chat Completions API, `usage`. Estimates nothing.

use crate::canon::Usage;
use crate::json::{Object, Value};

/// Reads a `usage` object; figures that are missing stay unknown.
pub(in crate::protocol) fn decode(usage: Value<'_>) -> Usage {
    let count = |keys: &[&str]| usage.find(keys).and_then(|value| value.u64().ok());
    Usage {
        input: count(&["prompt_tokens"]),
        // DeepSeek's own name for the second.
        cache_read: count(&["prompt_tokens_details", "cached_tokens"]).or_else(|| count(&["prompt_cache_hit_tokens"])),
        cache_write: count(&["prompt_tokens_details", "cache_write_tokens"]),
        output: count(&["completion_tokens"]),
        reasoning: count(&["completion_tokens_details", "reasoning_tokens"]),
        audio_input: count(&["prompt_tokens_details", "audio_tokens"]),
        audio_output: count(&["completion_tokens_details", "audio_tokens"]),
        ..Usage::default()
    }
}

/// Whether both figures that the shape demands are known.
pub(in crate::protocol) fn is_whole(usage: &Usage) -> bool {
    usage.input.is_some() && usage.output.is_some()
}

/// Writes a `usage` object. The three sums are demanded by the shape: 0 where they are unknown.
pub(in crate::protocol) fn write(usage: &Usage, object: &mut Object<'_>) {
    // What hosted tools brought in is prompt too: the total has to be the sum of the other two.
    let input = usage.input.unwrap_or(0).saturating_add(usage.tool_prompt.unwrap_or(0));
    let output = usage.output.unwrap_or(0);
    object.u64("prompt_tokens", input);
    object.u64("completion_tokens", output);
    object.u64("total_tokens", input.saturating_add(output));
    let prompt =
        [("cached_tokens", usage.cache_read), ("cache_write_tokens", usage.cache_write), ("audio_tokens", usage.audio_input)];
    details("prompt_tokens_details", &prompt, object);
    details("completion_tokens_details", &[("reasoning_tokens", usage.reasoning), ("audio_tokens", usage.audio_output)], object);
}

fn details(key: &str, figures: &[(&str, Option<u64>)], object: &mut Object<'_>) {
    if figures.iter().all(|(_, figure)| figure.is_none()) {
        return;
    }
    object.object(key, |object| {
        figures.iter().for_each(|(name, figure)| object.some(name, *figure, |value, count| value.u64(count)))
    });
}
