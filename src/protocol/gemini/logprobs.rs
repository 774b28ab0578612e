//! Log probabilities: `logprobsResult` against Chat's list, which is the canonical shape.
//!
//! Source: Gemini API, `LogprobsResult`; OpenAI Chat, `choices[].logprobs.content`.

use super::proto_json::field;
use crate::json::{self, Array, Object, Raw, Value};

/// Chat's list from a `logprobsResult`. `None` = it names no token.
pub(super) fn decode(result: Value<'_>) -> Option<Raw> {
    let chosen = field(result, "chosenCandidates")?.items().ok()?;
    let mut tops = field(result, "topCandidates").and_then(|tops| tops.items().ok());
    Some(json::value(|value| {
        value.array(|list| {
            for token in chosen {
                let top = tops
                    .as_mut()
                    .and_then(Iterator::next)
                    .and_then(|top| field(top, "candidates"));
                list.object(|entry| {
                    write_token(entry, token);
                    entry.array("top_logprobs", |list| write_tops(list, top));
                });
            }
        });
    }))
}

fn write_tops(list: &mut Array<'_>, top: Option<Value<'_>>) {
    for token in top.and_then(|top| top.items().ok()).into_iter().flatten() {
        list.object(|entry| write_token(entry, token));
    }
}

/// The token's bytes are not reported.
fn write_token(entry: &mut Object<'_>, token: Value<'_>) {
    entry.some("token", text(token, "token"), |value, token| {
        value.raw(&token)
    });
    entry.some(
        "logprob",
        field(token, "logProbability"),
        |value, number| value.raw(&number.raw()),
    );
    entry.null("bytes");
}

fn text(token: Value<'_>, name: &str) -> Option<Raw> {
    field(token, name).map(Value::raw)
}

/// Writes a `logprobsResult` from Chat's lists.
pub(super) fn encode(lists: &[Raw], result: &mut Object<'_>) {
    let documents: Vec<_> = lists.iter().map(Raw::document).collect();
    let tokens = || {
        documents
            .iter()
            .filter_map(|document| document.root().items().ok())
            .flatten()
    };
    result.array("chosenCandidates", |chosen| {
        tokens().for_each(|token| write_candidate(chosen, token))
    });
    result.array("topCandidates", |tops| {
        tokens().for_each(|token| tops.object(|top| write_top(top, token)))
    });
}

fn write_top(top: &mut Object<'_>, token: Value<'_>) {
    top.array("candidates", |list| {
        let tops = token.get("top_logprobs").and_then(|tops| tops.items().ok());
        tops.into_iter()
            .flatten()
            .for_each(|token| write_candidate(list, token));
    });
}

fn write_candidate(list: &mut Array<'_>, token: Value<'_>) {
    list.object(|candidate| {
        candidate.some("token", token.get("token"), |value, token| {
            value.raw(&token.raw())
        });
        candidate.some("logProbability", token.get("logprob"), |value, number| {
            value.raw(&number.raw())
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEMINI: &str = r#"{"chosenCandidates":[{"token":"a","logProbability":-0.50}],"topCandidates":[{"candidates":[{"token":"a","logProbability":-0.50},{"token":"b","logProbability":-1}]}]}"#;
    const CHAT: &str = r#"[{"token":"a","logprob":-0.50,"bytes":null,"top_logprobs":[{"token":"a","logprob":-0.50,"bytes":null},{"token":"b","logprob":-1,"bytes":null}]}]"#;

    #[test]
    fn both_shapes_say_the_same_with_the_same_digits() {
        let list = decode(Raw::from_static(GEMINI).document().root()).unwrap();
        assert_eq!(list.as_str(), CHAT);
        let back = json::value(|value| value.object(|object| encode(&[list], object)));
        assert_eq!(back.as_str(), GEMINI);
    }
}
