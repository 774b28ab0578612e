//! Envelopes: foreign signatures in a client's own signature field.
//!
//! The signatures of a conversation must return to the upstream that made them. A client of another
//! dialect keeps them in the field for its own dialect's signatures (Anthropic `signature`,
//! Responses `encrypted_content`, Gemini `thoughtSignature`), wrapped so that the gateway
//! recognizes them: [`PREFIX`] + base64 of `{"p":dialect,"o":provider,"m":model,"v":signature}`,
//! and `"f"` where the reasoning was not shown in full: `summary`, or `redacted` where there was no
//! text. The whole is standard base64, prefix included, since Gemini's field is a bytes field that
//! clients decode. An empty signature marks reasoning that had none.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem::Finder;

use crate::canon::{Dialect, Origin, ReasoningForm, Signature};
use crate::json::{self, Document, EscapedStr};
use crate::segmented_bytes::SegmentedBytes;

/// The start of every envelope. Twelve characters of the base64 alphabet (nine bytes), so that
/// the rest stays aligned.
pub const PREFIX: &str = "AeroEnvelope";

/// Accepts base64 whose padding a client removed.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The values of `"f"`; absent = in full.
const FORMS: [(&str, ReasoningForm); 2] = [
    ("summary", ReasoningForm::Summary),
    ("redacted", ReasoningForm::Redacted),
];

/// Wraps a signature for a client of another dialect. `None` marks reasoning that has none.
pub fn wrap(origin: &Origin, form: ReasoningForm, signature: Option<&EscapedStr>) -> EscapedStr {
    let inside = json::document(|value| {
        value.object(|object| {
            object.str("p", origin.dialect.name());
            object.str("o", &origin.provider);
            object.str("m", &origin.model);
            let form = FORMS.iter().find(|(_, known)| *known == form);
            if let Some((name, _)) = form
                && signature.is_some()
            {
                object.str("f", name);
            }
            object.text("v", signature.unwrap_or(&EscapedStr::default()));
        });
    });
    EscapedStr::from(format!("{PREFIX}{}", STANDARD.encode(inside)))
}

/// The content of a client's signature field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An envelope with the signature of another dialect, and the form of the reasoning there.
    Foreign {
        signature: Signature,
        form: ReasoningForm,
    },
    /// An envelope that marks reasoning without a signature.
    Unsigned,
    /// A signature of the client's own dialect.
    Own(EscapedStr),
}

/// Reads a signature field. A malformed envelope counts as [`Content::Unsigned`]: it is certainly
/// not the upstream's.
pub fn unwrap(field: &EscapedStr) -> Content {
    // Unescaped, since a client may have escaped `/` as `\\/`.
    let plain = field.to_plain();
    let Some(encoded) = plain.strip_prefix(PREFIX) else {
        return Content::Own(field.clone());
    };
    open(encoded).unwrap_or(Content::Unsigned)
}

fn open(encoded: &str) -> Option<Content> {
    // google-genai (Python) encodes bytes fields in the URL-safe alphabet (observed with 2.34.0).
    let standard = encoded.replace('-', "+").replace('_', "/");
    let inside = LENIENT.decode(standard.as_bytes()).ok()?;
    let document = Document::parse(inside.into()).ok()?;
    let field = |key: &str| document.root().get(key)?.str().ok();
    let dialect = super::by_name(&field("p")?).map(super::Protocol::dialect)?;
    let origin = Origin {
        dialect,
        provider: field("o")?.into_owned(),
        model: field("m")?.into_owned(),
    };
    let value = document
        .root()
        .required("v")
        .ok()?
        .text()
        .ok()
        .filter(|value| !value.is_empty())?;
    let name = field("f").unwrap_or_default();
    let form = FORMS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(ReasoningForm::Full, |(_, form)| *form);
    Some(Content::Foreign {
        signature: Signature { origin, value },
        form,
    })
}

/// Whether a body holds an envelope, so that it must not pass through unchanged.
pub fn is_in(body: &SegmentedBytes) -> bool {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PREFIX.as_bytes()));
    body.contains(&FINDER)
}

/// The signature as this upstream can take it: its own, made by the same model at the same
/// provider.
///
/// A signature of the client's own dialect has no known provider or model, and is taken as it is.
pub fn fitting<'s>(
    signature: Option<&'s Signature>,
    dialect: Dialect,
    provider: &str,
    model: &str,
) -> Option<&'s EscapedStr> {
    let signature = signature?;
    let fits = signature.origin.dialect == dialect
        && (signature.origin.provider.is_empty() || signature.origin.provider == provider)
        && (signature.origin.model.is_empty() || signature.origin.model == model);
    fits.then_some(&signature.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_envelope_is_the_carriers_own() {
        let token = EscapedStr::from("EqRkCk==");
        assert_eq!(unwrap(&token), Content::Own(token.clone()));
        assert_eq!(
            unwrap(&EscapedStr::from(format!("{PREFIX}!!"))),
            Content::Unsigned
        );
    }

    #[test]
    fn an_envelope_survives_the_url_safe_alphabet() {
        let origin = Origin {
            dialect: Dialect::named("openai_chat"),
            provider: "w>?~".into(),
            model: "\u{ff}\u{fe}?".into(),
        };
        let token = EscapedStr::from("a?>~\u{ffff}");
        let wrapped = wrap(&origin, ReasoningForm::Redacted, Some(&token))
            .to_plain()
            .replace('+', "-")
            .replace('/', "_");
        let carried = unwrap(&EscapedStr::from(wrapped.trim_end_matches('=')));
        assert_eq!(
            carried,
            Content::Foreign {
                signature: Signature {
                    origin,
                    value: token
                },
                form: ReasoningForm::Redacted
            }
        );
    }

    #[test]
    fn an_envelope_is_base64_as_a_whole() {
        let origin = Origin {
            dialect: Dialect::named("anthropic"),
            provider: "work".into(),
            model: "m".into(),
        };
        let wrapped = wrap(&origin, ReasoningForm::Full, Some(&EscapedStr::from("abc")));
        assert!(STANDARD.decode(wrapped.as_bytes()).is_ok());
        assert!(is_in(&SegmentedBytes::from(wrapped.as_bytes().clone())));
        assert_eq!(
            unwrap(&wrap(&origin, ReasoningForm::Full, None)),
            Content::Unsigned
        );
    }
}
