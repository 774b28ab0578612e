//! Log probabilities, both ways: `logprobsResult` and Chat's list, which is canon's shape.
//!
//! Source: Gemini API, `LogprobsResult`; OpenAI Chat, `choices[].logprobs.content`.

use super::proto_json::field;
use crate::json::{self, Array, Object, Raw, Value};

/// Decodes a `logprobsResult` to Chat's list. `None` where it names no token.
pub(super) fn decode(result: Value<'_>) -> Option<Raw> {
    let chosen = field(result, "chosenCandidates")?.items().ok()?;
    let mut top = field(result, "topCandidates").and_then(|top| top.items().ok());
    Some(json::value(|value| {
        value.array(|list| {
            for token in chosen {
                // The two lists run in parallel.
                let alternatives = top.as_mut().and_then(Iterator::next);
                list.object(|entry| {
                    write_token(entry, token);
                    entry.array("top_logprobs", |list| {
                        write_alternatives(list, alternatives);
                    });
                });
            }
        });
    }))
}

fn write_alternatives(list: &mut Array<'_>, top: Option<Value<'_>>) {
    let tokens = top
        .and_then(|top| field(top, "candidates"))
        .and_then(|tokens| tokens.items().ok());
    for token in tokens.into_iter().flatten() {
        list.object(|entry| write_token(entry, token));
    }
}

/// Writes a token of Chat's. Gemini does not report the token's bytes.
fn write_token(entry: &mut Object<'_>, token: Value<'_>) {
    if let Some(text) = field(token, "token") {
        entry.raw("token", &text.raw());
    }
    if let Some(number) = field(token, "logProbability") {
        entry.raw("logprob", &number.raw());
    }
    entry.null("bytes");
}

/// Encodes a `logprobsResult` from Chat's lists.
pub(super) fn encode(lists: &[Raw], result: &mut Object<'_>) {
    let documents: Vec<_> = lists.iter().map(Raw::document).collect();
    let tokens = || {
        documents
            .iter()
            .filter_map(|document| document.root().items().ok())
            .flatten()
    };
    result.array("chosenCandidates", |chosen| {
        for token in tokens() {
            write_candidate(chosen, token);
        }
    });
    result.array("topCandidates", |list| {
        for token in tokens() {
            list.object(|top| write_top(top, token));
        }
    });
}

fn write_top(top: &mut Object<'_>, token: Value<'_>) {
    let alternatives = token.get("top_logprobs").and_then(|top| top.items().ok());
    top.array("candidates", |list| {
        for token in alternatives.into_iter().flatten() {
            write_candidate(list, token);
        }
    });
}

/// Writes a token of Gemini's.
fn write_candidate(list: &mut Array<'_>, token: Value<'_>) {
    list.object(|candidate| {
        if let Some(text) = token.get("token") {
            candidate.raw("token", &text.raw());
        }
        if let Some(number) = token.get("logprob") {
            candidate.raw("logProbability", &number.raw());
        }
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
