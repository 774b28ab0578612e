//! Log probabilities toward a client, from Chat's lists, which are canon's shape.
//!
//! Source: the Open Responses specification of 2026-04-24, `LogProb` and `TopLogProb`: unlike in
//! Chat, `bytes` is never null.

use crate::json::{self, Object, Raw, Value};

/// A list in which every token has its bytes: where the upstream gave none, those of its text.
pub(super) fn with_bytes(list: &Raw) -> Raw {
    let document = list.document();
    let Ok(tokens) = document.root().items() else {
        return list.clone();
    };
    json::value(|value| {
        value.array(|array| {
            for token in tokens {
                array.object(|entry| {
                    write_token(entry, token);
                    entry.array("top_logprobs", |top| {
                        let others = token.get("top_logprobs").and_then(|top| top.items().ok());
                        for other in others.into_iter().flatten() {
                            top.object(|entry| write_token(entry, other));
                        }
                    });
                });
            }
        });
    })
}

fn write_token(entry: &mut Object<'_>, token: Value<'_>) {
    for key in ["token", "logprob"] {
        if let Some(member) = token.get(key) {
            entry.raw(key, &member.raw());
        }
    }
    match token.get("bytes") {
        Some(bytes) => entry.raw("bytes", &bytes.raw()),
        None => {
            let text = token.get("token").and_then(|text| text.str().ok());
            entry.array("bytes", |list| {
                for byte in text.iter().flat_map(|text| text.bytes()) {
                    list.item().u64(byte.into());
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_has_its_bytes() {
        let list = Raw::from_static(
            r#"[{"token":"\u00e9","logprob":-0.50,"bytes":null,"top_logprobs":[{"token":"a","logprob":-1}]},
                {"token":"b","logprob":-2,"bytes":[255]}]"#,
        );
        assert_eq!(
            with_bytes(&list).as_str(),
            r#"[{"token":"\u00e9","logprob":-0.50,"bytes":[195,169],"top_logprobs":[{"token":"a","logprob":-1,"bytes":[97]}]},{"token":"b","logprob":-2,"bytes":[255],"top_logprobs":[]}]"#
        );
    }
}
