//! Foreign signatures in a client's own carrier.
//!
//! A conversation's reasoning tokens have to come back to the upstream that made them. A client of
//! another dialect carries them in the field where its own dialect keeps such tokens (Anthropic
//! `signature`, Responses `encrypted_content`, Gemini `thoughtSignature`), wrapped so that we know
//! them again: [`PREFIX`] + base64 of `{"p":dialect,"o":provider,"m":model,"v":token}`, and `"f"`
//! where the reasoning was not shown in full: `summary`, or `redacted` where there never was a
//! text. The whole is standard base64 (its prefix included), since Gemini's field is a bytes field
//! that clients decode. An empty token marks reasoning that never had one.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem::Finder;

use crate::canon::{Dialect, Origin, ReasoningForm, Signature};
use crate::json::{self, Document, EscapedStr};
use crate::segmented_bytes::SegmentedBytes;

/// What our envelopes begin with. Twelve characters of the base64 alphabet (nine bytes), so that
/// the rest stays aligned.
pub const PREFIX: &str = "AeroEnvelope";

/// Reads base64 whose padding a client may have left out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The words for how much of the reasoning was shown; none = in full.
const FORMS: [(&str, ReasoningForm); 2] = [
    ("summary", ReasoningForm::Summary),
    ("redacted", ReasoningForm::Redacted),
];

/// Wraps a token for a client of another dialect. `None` marks reasoning that never had one.
pub fn wrap(origin: &Origin, form: ReasoningForm, token: Option<&EscapedStr>) -> EscapedStr {
    let inside = json::document(|value| {
        value.object(|object| {
            object.str("p", origin.dialect.name());
            object.str("o", &origin.provider);
            object.str("m", &origin.model);
            let word = FORMS
                .iter()
                .find(|(_, known)| *known == form)
                .map(|(word, _)| *word);
            object.some("f", word.filter(|_| token.is_some()), |value, word| {
                value.str(word)
            });
            object.text("v", token.unwrap_or(&EscapedStr::default()));
        });
    });
    EscapedStr::from(format!("{PREFIX}{}", STANDARD.encode(inside)))
}

/// What a carrier held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// One of our envelopes, with the token of another maker and the form that its reasoning had
    /// there.
    Foreign {
        signature: Signature,
        form: ReasoningForm,
    },
    /// One of our envelopes, marking reasoning that never had a token.
    Nothing,
    /// The carrier's own token.
    Own(EscapedStr),
}

/// Reads a carrier. Envelopes that cannot be read count as [`Carried::Nothing`]: they are certainly
/// not the upstream's.
pub fn unwrap(carrier: &EscapedStr) -> Carried {
    // Unescaped: a client may have written `/` anew as `\\/`.
    let plain = carrier.to_plain();
    let Some(encoded) = plain.strip_prefix(PREFIX) else {
        return Carried::Own(carrier.clone());
    };
    open(encoded).unwrap_or(Carried::Nothing)
}

fn open(encoded: &str) -> Option<Carried> {
    // google-genai (Python) writes its bytes fields anew in the URL-safe alphabet (observed with
    // 2.34.0).
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
    let word = field("f").unwrap_or_default();
    let form = FORMS
        .iter()
        .find(|(known, _)| *known == word)
        .map_or(ReasoningForm::Full, |(_, form)| *form);
    Some(Carried::Foreign {
        signature: Signature { origin, value },
        form,
    })
}

/// Whether a body holds one of our envelopes, so that it must not pass through as it is.
pub fn is_in(body: &SegmentedBytes) -> bool {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PREFIX.as_bytes()));
    body.contains(&FINDER)
}

/// The signature as this upstream can take it: its own, made by the same model at the same
/// provider.
///
/// A client's own-dialect token has no known provider or model and is taken as it is.
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
        assert_eq!(unwrap(&token), Carried::Own(token.clone()));
        assert_eq!(
            unwrap(&EscapedStr::from(format!("{PREFIX}!!"))),
            Carried::Nothing
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
            Carried::Foreign {
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
            Carried::Nothing
        );
    }
}
