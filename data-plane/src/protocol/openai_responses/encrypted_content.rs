//! Signatures in `encrypted_content`, the only field of this dialect that holds them.
//!
//! It holds one of three things: the dialect's own signature of reasoning, another dialect's
//! signature of reasoning in an envelope, or another dialect's signature of a call or text (Gemini
//! signs those). The last is a reasoning item of its own behind the part; its envelope says which
//! call it belongs to. Signatures are opaque.

use super::DIALECT;
use crate::canon::{Origin, ReasoningForm, Signature};
use crate::json::EscapedStr;
use crate::protocol::envelope::{self, Content};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum EncryptedContent {
    /// The signature of the reasoning item itself. `form` is the form of the reasoning in the
    /// dialect that made it, if that is another one.
    Reasoning {
        signature: Signature,
        form: Option<ReasoningForm>,
    },
    /// The signature of a call, or of the text before where the id is empty.
    Part {
        call_id: EscapedStr,
        signature: Signature,
    },
    None,
}

/// Decodes the `encrypted_content` of the item with this id.
pub(super) fn decode(id: Option<&EscapedStr>, encrypted: &EscapedStr) -> EncryptedContent {
    match envelope::unwrap(encrypted) {
        Content::Own(content) => {
            let origin = Origin {
                dialect: DIALECT,
                provider: String::new(),
                model: String::new(),
            };
            EncryptedContent::Reasoning {
                signature: Signature {
                    origin,
                    value: join(id, &content),
                },
                form: None,
            }
        }
        Content::Foreign { signature, form } => foreign(signature, form),
        Content::Unsigned => EncryptedContent::None,
    }
}

/// A space, which base64 never has, separates a call's id from its signature.
fn foreign(signature: Signature, form: ReasoningForm) -> EncryptedContent {
    let split = if signature.origin.dialect == DIALECT {
        None
    } else {
        halves(&signature.value)
    };
    match split {
        Some((call_id, value)) => EncryptedContent::Part {
            call_id,
            signature: Signature { value, ..signature },
        },
        None => EncryptedContent::Reasoning {
            signature,
            form: Some(form),
        },
    }
}

/// `encrypted_content` of a reasoning item: the dialect's own signature as it is, another one in an
/// envelope.
pub(super) fn for_reasoning(
    origin: &Origin,
    form: ReasoningForm,
    signature: &EscapedStr,
) -> EscapedStr {
    if origin.dialect == DIALECT {
        split(signature).1
    } else {
        envelope::wrap(origin, form, Some(signature))
    }
}

/// `encrypted_content` of another dialect's reasoning that has no signature. It marks the item as
/// ours when it comes back: the service would look for its id.
pub(super) fn for_unsigned(origin: &Origin) -> Option<EscapedStr> {
    (origin.dialect != DIALECT).then(|| envelope::wrap(origin, ReasoningForm::Full, None))
}

/// `encrypted_content` of the item that follows a signed call or text.
pub(super) fn for_part(
    origin: &Origin,
    call_id: &EscapedStr,
    signature: &EscapedStr,
) -> EscapedStr {
    envelope::wrap(
        origin,
        ReasoningForm::Full,
        Some(&EscapedStr::join([call_id, signature], " ")),
    )
}

/// The dialect's own signature in canon: the item's id and its content, since servers check one
/// against the other ("encrypted content item_id did not match the target item id").
pub(super) fn join(id: Option<&EscapedStr>, signature: &EscapedStr) -> EscapedStr {
    match id.filter(|id| is_reasoning_id(&id.to_plain())) {
        Some(id) => EscapedStr::join([id, signature], " "),
        None => signature.clone(),
    }
}

/// The reverse of [`join`]: the item's id, where it is known, and its content.
pub(super) fn split(signature: &EscapedStr) -> (Option<EscapedStr>, EscapedStr) {
    match halves(signature) {
        Some((id, content)) if is_reasoning_id(&id.to_plain()) => (Some(id), content),
        _ => (None, signature.clone()),
    }
}

fn is_reasoning_id(id: &str) -> bool {
    id.starts_with("rs_") && !id.contains(' ')
}

fn halves(signature: &EscapedStr) -> Option<(EscapedStr, EscapedStr)> {
    let plain = signature.to_plain();
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
            EncryptedContent::Reasoning {
                signature: signature("dG9r"),
                form: Some(full)
            }
        );
        assert_eq!(
            foreign(signature("call_1 dG9r"), full),
            EncryptedContent::Part {
                call_id: "call_1".into(),
                signature: signature("dG9r")
            }
        );
        assert_eq!(
            foreign(signature(" dG9r"), full),
            EncryptedContent::Part {
                call_id: EscapedStr::default(),
                signature: signature("dG9r")
            }
        );
    }
}
