//! The words that stand for an output format which a target has no field for.

use crate::canon::{Format, Located, Part, Request};
use crate::json::EscapedStr;

/// The system text that asks for a format. `None` for free text.
pub(super) fn instruction(format: &Format) -> Option<EscapedStr> {
    match format {
        Format::Free => None,
        Format::Json => Some(EscapedStr::from_static(
            "Answer with one JSON object and nothing else.",
        )),
        Format::Schema(format) => Some(EscapedStr::from(format!(
            "Answer with one JSON value that this JSON Schema allows, and nothing else: {}",
            format.schema.as_str()
        ))),
        Format::Enum(schema) => Some(EscapedStr::from(format!(
            "Answer with exactly one of the values that this JSON Schema allows, as plain text and nothing else: {}",
            schema.as_str()
        ))),
    }
}

/// The instruction as a part of the system text.
pub(super) fn instruction_part(format: &Located<Format>) -> Option<Part> {
    Some(Part::text(instruction(&format.value)?, format.at))
}

/// Whether a request asks for a JSON object without ever saying "JSON", which OpenAI refuses.
///
/// Source: "'messages' must contain the word 'json' in some form, to use 'response_format' of type
/// 'json_object'."
pub(super) fn lacks_the_word_json(request: &Request, with_system: bool) -> bool {
    use crate::canon::PartKind;
    let says_json = |part: &Part| match &part.kind {
        PartKind::Text(text) => {
            let bytes = text.as_bytes();
            memchr::memchr2_iter(b'j', b'J', bytes).any(|at| {
                bytes[at..]
                    .get(..4)
                    .is_some_and(|word| word.eq_ignore_ascii_case(b"json"))
            })
        }
        _ => false,
    };
    let turns = request.turns.iter().flat_map(|turn| &turn.parts);
    let system = request.system.iter().filter(|_| with_system);
    !turns.chain(system).any(says_json)
}
