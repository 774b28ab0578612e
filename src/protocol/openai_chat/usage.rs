//! Token counts on the wire.
//!
//! Source: Chat Completions API, `usage`. Estimates nothing.

use crate::canon::Usage;
use crate::json::{Object, Value};
use crate::protocol::openai::usage::{self, Names};

const NAMES: Names = Names {
    input: "prompt_tokens",
    input_details: "prompt_tokens_details",
    output: "completion_tokens",
    output_details: "completion_tokens_details",
};

/// Reads a `usage` object; figures that are missing stay unknown.
pub(in crate::protocol) fn decode(usage: Value<'_>) -> Usage {
    let known = usage::decode(usage, &NAMES);
    // DeepSeek's own name.
    let hit = || {
        usage
            .get("prompt_cache_hit_tokens")
            .and_then(|count| count.u64().ok())
    };
    Usage {
        cache_read: known.cache_read.or_else(hit),
        ..known
    }
}

/// Whether both figures that the shape demands are known.
pub(in crate::protocol) fn is_whole(usage: &Usage) -> bool {
    usage.input.is_some() && usage.output.is_some()
}

/// Writes a `usage` object. The three sums are demanded by the shape: 0 where they are unknown.
pub(in crate::protocol) fn write(usage: &Usage, object: &mut Object<'_>) {
    let (input, output) = usage::sums(usage);
    object.u64("prompt_tokens", input);
    object.u64("completion_tokens", output);
    object.u64("total_tokens", input.saturating_add(output));
    let prompt = [
        ("cached_tokens", usage.cache_read),
        ("cache_write_tokens", usage.cache_write),
        ("audio_tokens", usage.audio_input),
    ];
    details("prompt_tokens_details", &prompt, object);
    details(
        "completion_tokens_details",
        &[
            ("reasoning_tokens", usage.reasoning),
            ("audio_tokens", usage.audio_output),
        ],
        object,
    );
}

fn details(key: &str, figures: &[(&str, Option<u64>)], object: &mut Object<'_>) {
    if figures.iter().all(|(_, figure)| figure.is_none()) {
        return;
    }
    object.object(key, |object| {
        figures
            .iter()
            .for_each(|(name, figure)| object.some(name, *figure, |value, count| value.u64(count)))
    });
}
