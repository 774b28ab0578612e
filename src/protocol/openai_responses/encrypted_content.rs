//! Reasoning tokens in `encrypted_content`, the dialect's only carrier.
//!
//! Three things travel there: the dialect's own token, another maker's token of a reasoning part
//! (an envelope), and another maker's token of a call or text (Gemini signs those). The last is an
//! item of its own behind the part, whose envelope says which call it belongs to. Tokens are
//! opaque; nothing here looks into them.

use super::DIALECT;
use crate::canon::{Origin, ReasoningForm, Signature};
use crate::json::EscapedStr;
use crate::protocol::envelope::{self, Carried};

/// What an `encrypted_content` holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// The token of the reasoning item that it stands in; `form` is what another maker says that it
    /// was there.
    Reasoning {
        signature: Signature,
        form: Option<ReasoningForm>,
    },
    /// The token of a call, or of the text before where the id is empty.
    Part {
        call_id: EscapedStr,
        signature: Signature,
    },
    Nothing,
}

/// Reads an item's `encrypted_content`; `id` is the item's.
pub(super) fn read(id: Option<&EscapedStr>, encrypted: &EscapedStr) -> Token {
    match envelope::unwrap(encrypted) {
        Carried::Own(token) => {
            let origin = Origin {
                dialect: DIALECT,
                provider: String::new(),
                model: String::new(),
            };
            Token::Reasoning {
                signature: Signature {
                    origin,
                    value: join(id, &token),
                },
                form: None,
            }
        }
        Carried::Foreign { signature, form } => foreign(signature, form),
        Carried::Nothing => Token::Nothing,
    }
}

/// A token of a call is marked by a space, which no base64 holds.
fn foreign(signature: Signature, form: ReasoningForm) -> Token {
    let split = if signature.origin.dialect == DIALECT {
        None
    } else {
        halves(&signature.value)
    };
    match split {
        Some((call_id, value)) => Token::Part {
            call_id,
            signature: Signature { value, ..signature },
        },
        None => Token::Reasoning {
            signature,
            form: Some(form),
        },
    }
}

/// `encrypted_content` for a client: the own token as it is, another maker's in an envelope.
pub(super) fn for_reasoning(
    origin: &Origin,
    form: ReasoningForm,
    token: &EscapedStr,
) -> EscapedStr {
    if origin.dialect == DIALECT {
        split(token).1
    } else {
        envelope::wrap(origin, form, Some(token))
    }
}

/// `encrypted_content` of another maker's reasoning that has no token: marked, so that the item is
/// known for ours when it comes back. The service would look for its id.
pub(super) fn for_unsigned(origin: &Origin) -> Option<EscapedStr> {
    (origin.dialect != DIALECT).then(|| envelope::wrap(origin, ReasoningForm::Full, None))
}

/// `encrypted_content` of the item that follows a signed call or text.
pub(super) fn for_part(origin: &Origin, call_id: &EscapedStr, token: &EscapedStr) -> EscapedStr {
    envelope::wrap(
        origin,
        ReasoningForm::Full,
        Some(&EscapedStr::join([call_id, token], " ")),
    )
}

/// The dialect's own token in canon: the item's id and its content, since servers check one against
/// the other ("encrypted content item_id did not match the target item id").
pub(super) fn join(id: Option<&EscapedStr>, token: &EscapedStr) -> EscapedStr {
    match id.filter(|id| is_reasoning_id(&id.to_plain())) {
        Some(id) => EscapedStr::join([id, token], " "),
        None => token.clone(),
    }
}

/// The way back: the item's id, where it is known, and its content.
pub(super) fn split(token: &EscapedStr) -> (Option<EscapedStr>, EscapedStr) {
    match halves(token) {
        Some((id, content)) if is_reasoning_id(&id.to_plain()) => (Some(id), content),
        _ => (None, token.clone()),
    }
}

fn is_reasoning_id(id: &str) -> bool {
    id.starts_with("rs_") && !id.contains(' ')
}

fn halves(token: &EscapedStr) -> Option<(EscapedStr, EscapedStr)> {
    let plain = token.to_plain();
    let (head, rest) = plain.split_once(' ')?;
    Some((EscapedStr::from(head), EscapedStr::from(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_token_keeps_its_items_id() {
        let joined = join(Some(&"rs_1".into()), &"gAAA=".into());
        assert_eq!(split(&joined), (Some("rs_1".into()), "gAAA=".into()));
        assert_eq!(
            split(&join(Some(&"odd".into()), &"gAAA=".into())),
            (None, "gAAA=".into())
        );
        assert_eq!(split(&"gAAA=".into()), (None, "gAAA=".into()));
    }

    #[test]
    fn another_makers_token_says_which_call_it_belongs_to() {
        let origin = Origin {
            dialect: crate::canon::Dialect::named("gemini"),
            provider: "p".into(),
            model: "m".into(),
        };
        let signature = |value: &str| Signature {
            origin: origin.clone(),
            value: value.into(),
        };
        let full = ReasoningForm::Full;
        assert_eq!(
            foreign(signature("dG9r"), full),
            Token::Reasoning {
                signature: signature("dG9r"),
                form: Some(full)
            }
        );
        assert_eq!(
            foreign(signature("call_1 dG9r"), full),
            Token::Part {
                call_id: "call_1".into(),
                signature: signature("dG9r")
            }
        );
        assert_eq!(
            foreign(signature(" dG9r"), full),
            Token::Part {
                call_id: EscapedStr::default(),
                signature: signature("dG9r")
            }
        );
    }
}
