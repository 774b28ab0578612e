//! Encodes parts as content blocks. Which parts are written has been decided before.
//!
//! Source: Anthropic Messages reference, "Messages"; `translation.md` section 4.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::DIALECT;
use super::request_encode::{Encoder, write_text};
use crate::canon::{
    Dialect, Located, Media, MediaKind, MediaSource, Offset, Part, PartKind, ReasoningForm,
    ToolInput, ToolResult,
};
use crate::json::{EscapedStr, Object, Raw, Value, Writer};
use crate::protocol::{Target, envelope, file_refs, media_types};

/// The media types of images. Source: Anthropic Messages reference, "Messages", `image`.
const IMAGE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// What a call says that failed and said nothing.
const FAILED: &str = "(failed without output)";

/// Whether a part of a result stands behind the results instead.
///
/// Source: "all content must be type `text` if `is_error` is true".
pub(super) fn is_moved_out(result: &ToolResult, part: &Part) -> bool {
    result.is_error && matches!(part.kind, PartKind::Media(_))
}

/// The text of a text part or a refusal.
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
                object.text("id", &self.call_ids.of_call(id));
                let name = self.names.wire(name, namespace.as_ref());
                object.text("name", &name);
                self.write_input(&name, input, part.at, object);
            }
            PartKind::ToolResult(result) => self.write_result(result, object),
            PartKind::Hosted { .. } => {}
        }
        // The dialect has signatures on thinking blocks only.
        part.drop_signature(self.losses);
        self.write_citations(part, object);
        self.write_cache_breakpoint(part.cache.as_ref(), object);
    }

    /// Writes a thinking block exactly as the model gave it, since the API verifies its signature.
    /// It takes no cache breakpoint.
    fn write_reasoning(
        &mut self,
        part: &Part,
        form: ReasoningForm,
        texts: &[EscapedStr],
        object: &mut Object<'_>,
    ) {
        if let Some(breakpoint) = &part.cache {
            self.losses.dropped(breakpoint.at);
        }
        let signature = self.own_signature(part).cloned().unwrap_or_default();
        if form == ReasoningForm::Redacted {
            object.str("type", "redacted_thinking");
            object.text("data", &signature);
        } else {
            object.str("type", "thinking");
            object.text("thinking", &EscapedStr::join(texts, "\\n\\n"));
            object.text("signature", &signature);
        }
    }

    /// The signature of a part, where the target can verify it: it comes from this dialect, and
    /// from the target's provider and model as far as these are known.
    pub(super) fn own_signature<'p>(&self, part: &'p Part) -> Option<&'p EscapedStr> {
        let Target {
            provider, model, ..
        } = self.target;
        envelope::fitting(part.signature.as_ref(), DIALECT, provider, model)
    }

    fn write_input(
        &mut self,
        tool: &EscapedStr,
        input: &ToolInput,
        at: Offset,
        object: &mut Object<'_>,
    ) {
        if matches!(input, ToolInput::Malformed(_)) {
            self.losses.adjusted(at);
        }
        match self.renamed.get(tool) {
            Some((_, names)) => object.raw("input", &names.arguments(&input.to_object())),
            None => object.raw("input", &input.to_object()),
        }
    }

    fn write_result(&mut self, result: &ToolResult, object: &mut Object<'_>) {
        object.str("type", "tool_result");
        object.text("tool_use_id", &self.call_ids.of_result(&result.call_id));
        let parts: Vec<&Part> = result
            .parts
            .iter()
            .filter(|part| !is_moved_out(result, part) && self.keeps_in_result(part))
            .collect();
        if !parts.is_empty() {
            object.array("content", |content| {
                for part in parts {
                    self.write_part(part, content.item());
                }
            });
        } else if result.is_error {
            // "content cannot be empty if `is_error` is true"
            self.losses.added("tool_result.content");
            object.str("content", FAILED);
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

    /// Writes citations in this dialect's shape, the locations of a text or the switch of a
    /// document, and reports those of other dialects.
    fn write_citations(&mut self, part: &Part, object: &mut Object<'_>) {
        let Some(citations) = &part.citations else {
            return;
        };
        let has_field = matches!(part.kind, PartKind::Text(_) | PartKind::Media(_));
        if has_field && is_native_citations(&citations.value) {
            object.raw("citations", &citations.value);
        } else {
            self.losses.dropped(citations.at);
        }
    }

    fn write_media(&mut self, media: &Media, at: Offset, object: &mut Object<'_>) {
        if let Some(detail) = &media.detail {
            self.losses.dropped(detail.at);
        }
        match media.kind {
            MediaKind::Image => self.write_image(media, at, object),
            MediaKind::Pdf | MediaKind::Document => self.write_document(media, at, object),
            kind @ (MediaKind::Audio | MediaKind::Video) => {
                let why = format!("the anthropic dialect has no {} input", kind.name());
                self.losses.refuse(at, why);
            }
        }
    }

    fn write_image(&mut self, media: &Media, at: Offset, object: &mut Object<'_>) {
        for text in [&media.name, &media.context].into_iter().flatten() {
            self.losses.dropped(text.at);
        }
        object.str("type", "image");
        object.object("source", |source| match &media.source {
            MediaSource::Inline { mime, data } => match image_type(&mime.to_plain()) {
                Some(mime) => write_base64(mime, data, source),
                None => {
                    let why = "the anthropic dialect takes images as jpeg, png, gif or webp";
                    self.losses.refuse(at, why);
                }
            },
            MediaSource::Plain(_) => self.losses.refuse(at, "expected an image, found text"),
            MediaSource::Url { url, .. } => {
                let mime = media_types::of(media);
                if mime.is_some_and(|mime| image_type(&mime).is_none()) {
                    let why = "the anthropic dialect takes images as jpeg, png, gif or webp";
                    self.losses.refuse(at, why);
                }
                self.write_url(url, at, source);
            }
            MediaSource::File { id, dialect } => self.write_file(id, *dialect, source),
        });
    }

    fn write_document(&mut self, media: &Media, at: Offset, object: &mut Object<'_>) {
        object.str("type", "document");
        object.object("source", |source| match &media.source {
            MediaSource::Inline { data, .. } if media.kind == MediaKind::Pdf => {
                write_base64("application/pdf", data, source);
            }
            // Other documents are taken as text only.
            MediaSource::Inline { data, .. } => match decode_text(data) {
                Some(text) => write_plain(&text, source),
                None => {
                    let why = "expected a text document in UTF-8 and base64";
                    self.losses.refuse(at, why);
                }
            },
            MediaSource::Plain(text) => write_plain(text, source),
            MediaSource::Url { url, .. } => {
                // Source: Anthropic Messages API, `URLPDFSource`.
                if media.kind != MediaKind::Pdf {
                    let why = "the anthropic dialect fetches documents as PDF only; send the text";
                    self.losses.refuse(at, why);
                }
                self.write_url(url, at, source);
            }
            MediaSource::File { id, dialect } => self.write_file(id, *dialect, source),
        });
        if let Some(name) = &media.name {
            object.text("title", &name.value);
        }
        if let Some(context) = &media.context {
            object.text("context", &context.value);
        }
    }

    fn write_url(&mut self, url: &EscapedStr, at: Offset, source: &mut Object<'_>) {
        // "Only HTTPS URLs are supported."
        if !url.to_plain().to_ascii_lowercase().starts_with("https://") {
            let why = "the anthropic dialect fetches https addresses only; send the data";
            self.losses.refuse(at, why);
        }
        source.str("type", "url");
        source.text("url", url);
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

/// The media type of an image in the API's spelling; `None` for one that it does not take.
fn image_type(mime: &str) -> Option<&'static str> {
    let mime = mime.to_ascii_lowercase();
    let mime = if mime == "image/jpg" {
        "image/jpeg"
    } else {
        mime.as_str()
    };
    IMAGE_TYPES.into_iter().find(|known| *known == mime)
}

/// The text of a document that is inline as base64.
fn decode_text(data: &EscapedStr) -> Option<EscapedStr> {
    let bytes = STANDARD.decode(data.to_plain().as_bytes()).ok()?;
    String::from_utf8(bytes).ok().map(EscapedStr::from)
}

/// Whether citations are in this dialect's shape: a list of locations, whose types all end in
/// `_location` (`char_location`, `web_search_result_location`), or `{"enabled":true}`.
fn is_native_citations(citations: &Raw) -> bool {
    let document = citations.document();
    let is_location = |citation: Value<'_>| {
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
