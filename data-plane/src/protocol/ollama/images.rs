//! Images: bare base64, whose type only its first bytes tell.
//!
//! Source: Ollama, `docs/api.md`, "Request (with images)"; the signatures of PNG, JPEG, GIF and
//! WebP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::canon::{Media, MediaKind, MediaSource, Part, PartKind};
use crate::json::{EscapedStr, Value};
use crate::protocol::DecodeError;
use crate::protocol::openai::media;
use crate::protocol::openai_chat::fields::Fields;

/// Base64 of the 12 bytes in which every signature ends.
const SIGNATURE_CHARS: usize = 16;

/// Takes `images`.
pub(super) fn decode(fields: &mut Fields<'_>) -> Result<Vec<Part>, DecodeError> {
    let Some(images) = fields.take("images") else {
        return Ok(Vec::new());
    };
    images.items()?.map(image).collect()
}

/// Some clients send a data URL.
fn image(value: Value<'_>) -> Result<Part, DecodeError> {
    let text = value.text()?;
    let inline = media::data_url(&text).or_else(|| Some((mime(&text)?.into(), text)));
    let Some((mime, data)) = inline else {
        return Err(value
            .expected("a PNG, JPEG, GIF or WebP image in base64")
            .into());
    };
    let kind = PartKind::Media(Media {
        kind: MediaKind::Image,
        source: MediaSource::Inline { mime, data },
        name: None,
        context: None,
        detail: None,
    });
    Ok(Part::new(kind, value.offset()))
}

/// The MIME type of an image. `None` where its bytes are no image that models take.
pub(super) fn mime(base64: &EscapedStr) -> Option<&'static str> {
    let plain = base64.to_plain();
    let start = plain.get(..SIGNATURE_CHARS).unwrap_or(&plain);
    let bytes = STANDARD.decode(start).ok()?;
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    match &bytes[..] {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        _ if is_webp => Some("image/webp"),
        _ => None,
    }
}
