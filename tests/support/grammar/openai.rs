//! What Chat, Completions and Responses have in common: errors and usage.

use super::node::Node;
use super::{Checked, Ending, Rule, Usage};

/// `{message, type, param, code}`, all four. Source: OpenAI Chat, "Errors".
pub(super) fn failure(error: &Node<'_>) -> Checked<Ending> {
    error.nullable("param")?;
    error.nullable("code")?;
    Ok(Ending::Failed {
        kind: error.filled("type")?.to_owned(),
        message: error.filled("message")?.to_owned(),
    })
}

/// The names of the counts in a family of endpoints.
pub(super) struct Names {
    pub(super) input: &'static str,
    pub(super) output: &'static str,
    /// Responses requires both objects of details.
    pub(super) needs_details: bool,
}

pub(super) const CHAT: Names = Names {
    input: "prompt_tokens",
    output: "completion_tokens",
    needs_details: false,
};
pub(super) const RESPONSES: Names = Names {
    input: "input_tokens",
    output: "output_tokens",
    needs_details: true,
};

/// Input includes cached tokens, output includes reasoning, total is their sum.
/// Source: OpenAI Chat, "usage"; OpenAI Responses, "usage".
pub(super) fn usage(usage: &Node<'_>, names: &Names) -> Checked<Usage> {
    let input = usage.integer(names.input)?;
    let output = usage.integer(names.output)?;
    let total = usage.integer("total_tokens")?;
    usage.require(total == input + output, Rule::Usage)?;
    let cached = details(usage, names.input, names)?;
    let spent = details(usage, names.output, names)?;
    let count =
        |node: &Option<Node<'_>>, key: &str| node.as_ref().map_or(Ok(None), |node| node.count(key));
    let (cache_read, cache_write) = (
        count(&cached, "cached_tokens")?,
        count(&cached, "cache_write_tokens")?,
    );
    let reasoning = count(&spent, "reasoning_tokens")?;
    usage.require(
        cache_read.unwrap_or(0) + cache_write.unwrap_or(0) <= input,
        Rule::Usage,
    )?;
    usage.require(reasoning.unwrap_or(0) <= output, Rule::Usage)?;
    Ok(Usage {
        input: Some(input),
        output: Some(output),
        cache_read,
        cache_write,
        reasoning,
        total: Some(total),
    })
}

fn details<'a>(usage: &Node<'a>, counted: &str, names: &Names) -> Checked<Option<Node<'a>>> {
    let key = format!("{counted}_details");
    if names.needs_details {
        usage.object(&key).map(Some)
    } else {
        Ok(usage.child(&key))
    }
}
