//! Parts as content blocks.
//!
//! Source: Anthropic Messages reference, "Messages"; `translation.md` section 4. Which parts are
//! written is decided before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::DIALECT;
use super::request_encode::{Encoder, write_text};
use crate::canon::{
    Dialect, Located, Media, MediaKind, MediaSource, Offset, Part, PartKind, ReasoningForm,
    ToolInput, ToolResult,
};
use crate::json::{EscapedStr, Object, Raw, Writer};
use crate::protocol::file_refs;
use crate::protocol::{envelope, names};

/// The API names the characters of a call id and no length; longer ids than any upstream makes are
/// shortened.
const CALL_ID_LEN_MAX: usize = 128;

/// Source: Anthropic Messages reference, "Messages", `image`.
const IMAGE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// What a text or a refusal says.
pub(super) fn plain_text(part: &Part) -> Option<&EscapedStr> {
    match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => Some(text),
        _ => None,
    }
}

impl Encoder<'_> {
    pub(super) fn write_part(&mut self, part: &Part, item: Writer<'_>) {
        match &part.kind {
            PartKind::Hosted { raw, .. } => item.raw(raw),
            kind => item.object(|object| self.write_block(part, kind, object)),
        }
    }

    fn write_block(&mut self, part: &Part, kind: &PartKind, object: &mut Object<'_>) {
        match kind {
            PartKind::Text(text) | PartKind::Refusal(text) => write_text(text, object),
            PartKind::Media(media) => self.write_media(media, part.at, object),
            PartKind::Reasoning { form, texts } => {
                return self.write_reasoning(part, *form, texts, object);
            }
            PartKind::ToolCall {
                id,
                name,
                namespace,
                input,
            } => {
                object.str("type", "tool_use");
                object.text("id", &names::call_id(id, CALL_ID_LEN_MAX));
                object.text("name", &self.names.wire(name, namespace.as_ref()));
                self.write_input(input, part.at, object);
            }
            PartKind::ToolResult(result) => self.write_result(result, object),
            PartKind::Hosted { .. } => {}
        }
        // The dialect has a place for tokens on reasoning only.
        part.drop_signature(self.losses);
        self.write_citations(part, object);
        self.write_mark(part.cache.as_ref(), object);
    }

    /// A thinking block, exactly as its maker gave it; it takes no cache mark.
    fn write_reasoning(
        &mut self,
        part: &Part,
        form: ReasoningForm,
        texts: &[EscapedStr],
        object: &mut Object<'_>,
    ) {
        part.cache
            .iter()
            .for_each(|mark| self.losses.dropped(mark.at));
        let token = envelope::fitting(
            part.signature.as_ref(),
            DIALECT,
            self.target.provider,
            self.target.model,
        );
        let token = token.cloned().unwrap_or_default();
        if form == ReasoningForm::Redacted {
            object.str("type", "redacted_thinking");
            object.text("data", &token);
        } else {
            object.str("type", "thinking");
            object.text("thinking", &EscapedStr::join(texts, "\\n\\n"));
            object.text("signature", &token);
        }
    }

    fn write_input(&mut self, input: &ToolInput, at: Offset, object: &mut Object<'_>) {
        if matches!(input, ToolInput::Malformed(_)) {
            self.losses.adjusted(at);
        }
        object.raw("input", &input.to_object());
    }

    fn write_result(&mut self, result: &ToolResult, object: &mut Object<'_>) {
        object.str("type", "tool_result");
        object.text(
            "tool_use_id",
            &names::call_id(&result.call_id, CALL_ID_LEN_MAX),
        );
        let parts: Vec<&Part> = result
            .parts
            .iter()
            .filter(|part| self.keeps_in_result(part))
            .collect();
        if !parts.is_empty() {
            object.array("content", |content| {
                parts
                    .into_iter()
                    .for_each(|part| self.write_part(part, content.item()))
            });
        }
        if result.is_error {
            object.bool("is_error", true);
        }
    }

    fn keeps_in_result(&mut self, part: &Part) -> bool {
        let is_foreign =
            matches!(part.kind, PartKind::Hosted { dialect, .. } if dialect != DIALECT);
        if is_foreign {
            self.losses.dropped(part.at);
        }
        !is_foreign && self.keeps_text(part)
    }

    /// Citations go back where they have this dialect's shape: locations in a text, or the switch
    /// on a document.
    fn write_citations(&mut self, part: &Part, object: &mut Object<'_>) {
        let Some(citations) = &part.citations else {
            return;
        };
        let is_place = matches!(part.kind, PartKind::Text(_) | PartKind::Media(_));
        if is_place && is_own(&citations.value) {
            object.raw("citations", &citations.value);
        } else {
            self.losses.dropped(citations.at);
        }
    }

    fn write_media(&mut self, media: &Media, at: Offset, object: &mut Object<'_>) {
        media
            .detail
            .iter()
            .for_each(|detail| self.losses.dropped(detail.at));
        match media.kind {
            MediaKind::Image => self.write_image(media, at, object),
            MediaKind::Pdf | MediaKind::Document => self.write_document(media, at, object),
            kind @ (MediaKind::Audio | MediaKind::Video) => {
                self.losses.refuse(
                    at,
                    format!("the anthropic dialect has no {} input", kind.name()),
                );
            }
        }
    }

    fn write_image(&mut self, media: &Media, at: Offset, object: &mut Object<'_>) {
        [&media.name, &media.context]
            .into_iter()
            .flatten()
            .for_each(|text| self.losses.dropped(text.at));
        object.str("type", "image");
        object.object("source", |source| match &media.source {
            MediaSource::Inline { mime, data } => match image_type(mime) {
                Some(mime) => write_base64(mime, data, source),
                None => self.losses.refuse(
                    at,
                    "the anthropic dialect takes images as jpeg, png, gif or webp",
                ),
            },
            MediaSource::Plain(_) => self.losses.refuse(at, "expected an image, found text"),
            MediaSource::Url { url, .. } => write_url(url, source),
            MediaSource::File { id, dialect } => self.write_file(id, *dialect, source),
        });
    }

    fn write_document(&mut self, media: &Media, at: Offset, object: &mut Object<'_>) {
        object.str("type", "document");
        object.object("source", |source| match &media.source {
            MediaSource::Inline { data, .. } if media.kind == MediaKind::Pdf => {
                write_base64("application/pdf", data, source)
            }
            MediaSource::Inline { data, .. } => match decode_text(data) {
                Some(text) => write_plain(&text, source),
                None => self
                    .losses
                    .refuse(at, "expected a text document in UTF-8 and base64"),
            },
            MediaSource::Plain(text) => write_plain(text, source),
            MediaSource::Url { url, .. } => write_url(url, source),
            MediaSource::File { id, dialect } => self.write_file(id, *dialect, source),
        });
        object.some("title", media.name.as_ref(), |value, name| {
            value.text(&name.value)
        });
        object.some("context", media.context.as_ref(), |value, context| {
            value.text(&context.value)
        });
    }

    fn write_file(&mut self, id: &Located<EscapedStr>, dialect: Dialect, source: &mut Object<'_>) {
        if dialect != DIALECT {
            file_refs::refuse(self.losses, id, dialect);
        }
        source.str("type", "file");
        source.text("file_id", &id.value);
    }
}

fn write_base64(mime: &str, data: &EscapedStr, source: &mut Object<'_>) {
    source.str("type", "base64");
    source.str("media_type", mime);
    source.text("data", data);
}

fn write_plain(text: &EscapedStr, source: &mut Object<'_>) {
    source.str("type", "text");
    source.str("media_type", "text/plain");
    source.text("data", text);
}

fn write_url(url: &EscapedStr, source: &mut Object<'_>) {
    source.str("type", "url");
    source.text("url", url);
}

/// The type in the API's own spelling.
fn image_type(mime: &EscapedStr) -> Option<&'static str> {
    let mime = mime.to_plain().to_ascii_lowercase();
    let mime = if mime == "image/jpg" {
        "image/jpeg"
    } else {
        mime.as_str()
    };
    IMAGE_TYPES.into_iter().find(|known| *known == mime)
}

fn decode_text(data: &EscapedStr) -> Option<EscapedStr> {
    let bytes = STANDARD.decode(data.to_plain().as_bytes()).ok()?;
    String::from_utf8(bytes).ok().map(EscapedStr::from)
}

/// Every location of this dialect has a type that ends so (`char_location`,
/// `web_search_result_location`); others have none.
fn is_own(citations: &Raw) -> bool {
    let document = citations.document();
    let is_location = |citation: crate::json::Value<'_>| {
        citation
            .get("type")
            .and_then(|kind| kind.str().ok())
            .is_some_and(|kind| kind.ends_with("_location"))
    };
    match document.root().items() {
        Ok(mut items) => items.all(is_location),
        Err(_) => document.root().get("enabled").is_some(),
    }
}
