//! Decodes `options`, and the log probabilities beside them.
//!
//! Source: Ollama, `docs/modelfile.md`, "Valid Parameters and Values", and `api/types.go`,
//! `Options`. The other options steer a model that runs beside its server, and are reported.

use crate::canon::{Located, Request, Sampling};
use crate::json::{EscapedStr, Invalid, Value};
use crate::protocol::openai_chat::fields::Fields;

pub(super) fn decode(fields: &mut Fields<'_>, request: &mut Request) -> Result<(), Invalid> {
    request.logprobs = logprobs(fields)?;
    let Some(options) = fields.take("options") else {
        return Ok(());
    };
    let mut fields = Fields::of(options)?;
    request.sampling = Sampling {
        temperature: fields.located("temperature", Value::number)?,
        top_p: fields.located("top_p", Value::number)?,
        top_k: fields.located("top_k", Value::number)?,
        seed: fields.located("seed", Value::number)?,
        presence_penalty: fields.located("presence_penalty", Value::number)?,
        frequency_penalty: fields.located("frequency_penalty", Value::number)?,
    };
    request.output_tokens_max = fields
        .take("num_predict")
        .filter(|limit| !is_unlimited(*limit))
        .map(|limit| Located::read(limit, Value::u64))
        .transpose()?;
    request.stops = fields.take("stop").map_or_else(|| Ok(Vec::new()), stops)?;
    fields.leave(&mut request.unknown);
    Ok(())
}

/// -1 and -2 stand for no limit, and for what the context holds.
fn is_unlimited(limit: Value<'_>) -> bool {
    limit.number().is_ok() && limit.as_written().starts_with('-')
}

fn stops(value: Value<'_>) -> Result<Vec<Located<EscapedStr>>, Invalid> {
    match value.items() {
        Ok(mut items) => items.try_fold(Vec::new(), |mut stops, item| {
            stops.push(Located::read(item, Value::text)?);
            Ok(stops)
        }),
        Err(_) => Ok(vec![Located::read(value, Value::text)?]),
    }
}

/// `top_logprobs` has a meaning only beside `logprobs: true`.
fn logprobs(fields: &mut Fields<'_>) -> Result<Option<Located<u64>>, Invalid> {
    let asked = fields.located("logprobs", Value::bool)?;
    let Some(asked) = asked.filter(|asked| asked.value) else {
        return Ok(None);
    };
    let top = fields.take("top_logprobs").map_or(Ok(0), Value::u64)?;
    Ok(Some(Located::new(top, asked.at)))
}
