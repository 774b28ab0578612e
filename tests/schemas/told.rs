//! What clients were told: whole answers, the records of streams, errors and counts, each as a
//! value.

use serde_json::Value;

use crate::support::Dialect;

/// Which of a dialect's objects a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    Response,
    Event,
    ErrorBody,
    Count,
}

impl Form {
    /// The name in the schemas.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Response => "Response",
            Self::Event => "Event",
            Self::ErrorBody => "ErrorBody",
            Self::Count => "Count",
        }
    }
}

/// One value that a client was told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) client: Dialect,
    pub(super) form: Form,
    pub(super) value: Value,
    /// Where it comes from: `reasoning anthropic -> gemini`.
    pub(super) what: String,
}

/// Every value of a body.
pub(super) fn of_body(
    client: Dialect,
    form: Form,
    content_type: &str,
    body: &[u8],
    what: &str,
) -> Vec<Told> {
    let told = |form, value| Told {
        client,
        form,
        value,
        what: what.to_owned(),
    };
    if content_type.starts_with("text/event-stream") {
        let text = String::from_utf8_lossy(body).into_owned();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let records = data.filter(|data| *data != "[DONE]");
        return records
            .map(|data| told(Form::Event, json(data.as_bytes(), what)))
            .collect();
    }
    if content_type.starts_with("application/x-ndjson") {
        return body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| told(Form::Event, json(line, what)))
            .collect();
    }
    match json(body, what) {
        // Gemini's stream without `alt=sse`.
        Value::Array(chunks) => chunks
            .into_iter()
            .map(|chunk| told(Form::Event, chunk))
            .collect(),
        value => vec![told(form, value)],
    }
}

fn json(bytes: &[u8], what: &str) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| {
        let text = String::from_utf8_lossy(bytes);
        panic!("{what}: no JSON ({error}): {text}")
    })
}
