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
        // OpenRouter's own field, in dollars. Source: OpenRouter, "Usage accounting".
        cost_nanos: usage
            .get("cost")
            .and_then(|cost| nanos(cost.number().ok()?.as_str())),
        ..Usage::default()
    }
}

/// Billionths of an amount as JSON writes it, rounded down. `None` where it is no amount of money.
fn nanos(text: &str) -> Option<u64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().ok()?;
    let digits = format!("{whole}{fraction}");
    // Where the point of the result stands among the digits.
    let point = i32::try_from(whole.len())
        .ok()?
        .checked_add(exponent)?
        .checked_add(9)?;
    if digits.len() > 40 || !(0..=40).contains(&point) {
        return (point < 0 && !whole.starts_with('-')).then_some(0);
    }
    let length = point.unsigned_abs() as usize;
    let kept = digits.get(..length.min(digits.len()))?;
    let zeros = "0".repeat(length - kept.len());
    let number = format!("0{kept}{zeros}");
    number.parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_in_billionths_without_a_float() {
        assert_eq!(nanos("0.00014"), Some(140_000));
        assert_eq!(nanos("1.4e-4"), Some(140_000));
        assert_eq!(nanos("12"), Some(12_000_000_000));
        assert_eq!(nanos("0"), Some(0));
        assert_eq!(nanos("1e-12"), Some(0));
        assert_eq!(nanos("0.1234567899"), Some(123_456_789));
        for wrong in ["-1", "1e400", "x", "99999999999999999999"] {
            assert_eq!(nanos(wrong), None, "{wrong}");
        }
    }
}
