//! The `usage` object, both ways.
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
    let mut decoded = usage::decode(usage, &NAMES);
    if decoded.cache_read.is_none() {
        // DeepSeek's own name.
        let hits = usage.get("prompt_cache_hit_tokens");
        decoded.cache_read = hits.and_then(|count| count.u64().ok());
    }
    decoded
}

/// Whether both required figures are known.
pub(in crate::protocol) fn is_complete(usage: &Usage) -> bool {
    usage.input.is_some() && usage.output.is_some()
}

/// Writes a `usage` object. The three sums are required: 0 where they are unknown.
pub(in crate::protocol) fn write(usage: &Usage, object: &mut Object<'_>) {
    let (input, output) = usage::sums(usage);
    object.u64("prompt_tokens", input);
    object.u64("completion_tokens", output);
    object.u64("total_tokens", input.saturating_add(output));
    let input_details = [
        ("cached_tokens", usage.cache_read),
        ("cache_write_tokens", usage.cache_write),
        ("audio_tokens", usage.audio_input),
    ];
    let output_details = [
        ("reasoning_tokens", usage.reasoning),
        ("audio_tokens", usage.audio_output),
    ];
    write_details("prompt_tokens_details", &input_details, object);
    write_details("completion_tokens_details", &output_details, object);
}

fn write_details(key: &str, figures: &[(&str, Option<u64>)], object: &mut Object<'_>) {
    if figures.iter().all(|(_, figure)| figure.is_none()) {
        return;
    }
    object.object(key, |object| {
        for (name, figure) in figures {
            object.some(name, *figure, |value, count| value.u64(count));
        }
    });
}
