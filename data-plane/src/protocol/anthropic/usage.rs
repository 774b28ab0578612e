//! Token counts, both ways. In this dialect `input_tokens` excludes cached tokens.
//!
//! Source: Anthropic Messages reference, "Response", `usage`: the whole prompt is `input_tokens` +
//! `cache_creation_input_tokens` + `cache_read_input_tokens`; `output_tokens` includes thinking.
//! Canon's input includes cached tokens.

use crate::canon::Usage;
use crate::json::{Object, Value};

/// The counts of a stream so far, as this dialect counts: a later frame may correct one of them
/// alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// As canon counts, except that `input` excludes cached tokens.
    counts: Usage,
}

impl Counts {
    /// Takes each count that a `usage` object has. One that is not a number is ignored: usage never
    /// fails a response.
    pub(super) fn update(&mut self, usage: Value<'_>) {
        let count = |path: &[&str]| usage.find(path).and_then(|value| value.u64().ok());
        self.counts.update(&Usage {
            input: count(&["input_tokens"]),
            cache_read: count(&["cache_read_input_tokens"]),
            cache_write: count(&["cache_creation_input_tokens"]),
            cache_write_short: count(&["cache_creation", "ephemeral_5m_input_tokens"]),
            cache_write_long: count(&["cache_creation", "ephemeral_1h_input_tokens"]),
            output: count(&["output_tokens"]),
            reasoning: count(&["output_tokens_details", "thinking_tokens"]),
            hosted_calls: count(&["server_tool_use", "web_search_requests"]),
            ..Usage::default()
        });
    }

    /// The counts as canon counts.
    pub(super) fn usage(&self) -> Usage {
        let cached = self
            .counts
            .cache_read
            .unwrap_or(0)
            .saturating_add(self.counts.cache_write.unwrap_or(0));
        Usage {
            input: self.counts.input.map(|input| input.saturating_add(cached)),
            ..self.counts
        }
    }
}

/// Decodes the `usage` of one frame or body.
pub(super) fn decode(usage: Value<'_>) -> Usage {
    let mut counts = Counts::default();
    counts.update(usage);
    counts.usage()
}

/// Writes the members of a message's `usage` object. The two counts that it requires are 0 where
/// they are not known; all else is null.
pub(super) fn encode(usage: &Usage, tier: Option<&str>, object: &mut Object<'_>) {
    object.u64("input_tokens", usage.uncached_input().unwrap_or(0));
    encode_shared(usage, object);
    let is_split = usage.cache_write_short.or(usage.cache_write_long).is_some();
    object.nullable("cache_creation", is_split.then_some(()), |value, ()| {
        value.object(|creation| {
            let (short, long) = (usage.cache_write_short, usage.cache_write_long);
            creation.u64("ephemeral_5m_input_tokens", short.unwrap_or(0));
            creation.u64("ephemeral_1h_input_tokens", long.unwrap_or(0));
        });
    });
    object.nullable("service_tier", tier, |value, tier| value.str(tier));
    object.null("inference_geo");
    object.null("speed");
}

/// Writes the members of the `usage` object of a `message_delta`, which requires the output alone.
pub(super) fn encode_delta(usage: &Usage, object: &mut Object<'_>) {
    let input = usage.uncached_input();
    object.nullable("input_tokens", input, |value, count| value.u64(count));
    encode_shared(usage, object);
}

/// What both objects have.
fn encode_shared(usage: &Usage, object: &mut Object<'_>) {
    let (written, read) = (usage.cache_write, usage.cache_read);
    object.nullable("cache_creation_input_tokens", written, |value, count| {
        value.u64(count)
    });
    object.nullable("cache_read_input_tokens", read, |value, count| {
        value.u64(count)
    });
    object.u64("output_tokens", usage.output.unwrap_or(0));
    let reasoning = usage.reasoning;
    object.nullable("output_tokens_details", reasoning, |value, count| {
        value.object(|details| details.u64("thinking_tokens", count));
    });
    let hosted = usage.hosted_calls;
    object.nullable("server_tool_use", hosted, |value, count| {
        value.object(|hosted| {
            hosted.u64("web_search_requests", count);
            hosted.u64("web_fetch_requests", 0);
        });
    });
}

/// Whether the two counts that a `usage` object requires are known.
pub(super) fn is_complete(usage: &Usage) -> bool {
    usage.input.is_some() && usage.output.is_some()
}
