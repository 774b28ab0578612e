//! The `usage` object, both ways. Source: `openai-responses.md`, "usage": input includes cached
//! and written tokens, output reasoning.

use crate::canon::Usage;
use crate::json::{Value, Writer};
use crate::protocol::openai::usage::{self, Names};

const NAMES: Names = Names {
    input: "input_tokens",
    input_details: "input_tokens_details",
    output: "output_tokens",
    output_details: "output_tokens_details",
};

pub(super) fn decode(usage: Value<'_>) -> Usage {
    usage::decode(usage, &NAMES)
}

/// Whether a required figure is missing beside others that are known.
pub(super) fn has_gaps(usage: &Usage) -> bool {
    !usage.is_unknown() && (usage.input.is_none() || usage.output.is_none())
}

/// Writes `null` where nothing is known; else all figures and both details, which the SDKs' types
/// require.
pub(super) fn encode(value: Writer<'_>, usage: &Usage) {
    if usage.is_unknown() {
        return value.null();
    }
    let (input, output) = usage::sums(usage);
    value.object(|object| {
        object.u64("input_tokens", input);
        object.object("input_tokens_details", |details| {
            details.u64("cached_tokens", usage.cache_read.unwrap_or(0));
            details.u64("cache_write_tokens", usage.cache_write.unwrap_or(0));
        });
        object.u64("output_tokens", output);
        object.object("output_tokens_details", |details| {
            details.u64("reasoning_tokens", usage.reasoning.unwrap_or(0))
        });
        object.u64("total_tokens", input.saturating_add(output));
    });
}
