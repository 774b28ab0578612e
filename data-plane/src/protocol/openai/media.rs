//! Media in OpenAI's dialects: data URLs, `{data, format}`, and text documents as plain text.
//!
//! Source: Chat Completions API and Responses API, content parts. Fetches nothing: a URL is
//! carried, never opened.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::canon::{CacheBreakpoint, Losses, Media, MediaKind, MediaSource};
use crate::json::{EscapedStr, Invalid, Object, Value, Writer};

/// The name of a file without one: the API requires a name beside data, and other dialects have
/// none.
pub(in crate::protocol) const FILE_NAME: &str = "document.pdf";

/// The values of an image's `detail`.
pub(in crate::protocol) const DETAILS: [&str; 4] = ["auto", "low", "high", "original"];

/// Times to live of a cache breakpoint.
const TTLS: [&str; 2] = ["30m", "12h"];

/// Whether a type of part names media, which are never left out: the answer would be about something
/// that the model never saw.
pub(in crate::protocol) fn is_media(kind: &str) -> bool {
    ["image", "audio", "video", "file", "document"]
        .iter()
        .any(|media| kind.contains(media))
}

/// The MIME type and base64 data of a `data:MIME;base64,…` URL, as slices of it.
pub(in crate::protocol) fn data_url(url: &EscapedStr) -> Option<(EscapedStr, EscapedStr)> {
    let (head, data) = url.split_once(b',')?;
    let head = head.to_plain();
    let mime = head.strip_prefix("data:")?.strip_suffix(";base64")?;
    let mime = if mime.is_empty() { "text/plain" } else { mime };
    Some((EscapedStr::from(mime), data))
}

/// Writes a data URL; the data is copied once.
pub(in crate::protocol) fn write_data_url(value: Writer<'_>, mime: &EscapedStr, data: &EscapedStr) {
    value.texts([
        &EscapedStr::from_static("data:"),
        mime,
        &EscapedStr::from_static(";base64,"),
        data,
    ]);
}

/// Decodes a URL: a data URL or an address.
pub(in crate::protocol) fn source_at(value: Value<'_>) -> Result<MediaSource, Invalid> {
    let url = value.text()?;
    if let Some((mime, data)) = data_url(&url) {
        return Ok(MediaSource::Inline { mime, data });
    }
    // A `file:` URL or a bare path would name a file of this machine.
    if !["https://", "http://"]
        .iter()
        .any(|scheme| url.to_plain().starts_with(scheme))
    {
        return Err(Invalid::new(
            value.offset(),
            "expected an https URL or `data:MIME;base64,…`, found another kind of address",
        ));
    }
    Ok(MediaSource::Url { url, mime: None })
}

/// `file_data`: a data URL, or bare base64, which is a PDF: the one kind of file that the API took
/// when it took no data URLs.
pub(in crate::protocol) fn file_data(value: Value<'_>) -> Result<MediaSource, Invalid> {
    let data = value.text()?;
    let (mime, data) =
        data_url(&data).unwrap_or_else(|| (EscapedStr::from_static("application/pdf"), data));
    Ok(MediaSource::Inline { mime, data })
}

/// The MIME type of an audio `format`.
pub(in crate::protocol) fn audio_mime(format: Value<'_>) -> Result<EscapedStr, Invalid> {
    match &*format.str()? {
        "wav" => Ok(EscapedStr::from_static("audio/wav")),
        "mp3" => Ok(EscapedStr::from_static("audio/mp3")),
        _ => Err(format.expected("`wav` or `mp3`")),
    }
}

/// The audio `format` of a MIME type. `None` where the API takes no such type.
pub(in crate::protocol) fn audio_format(mime: &EscapedStr) -> Option<&'static str> {
    match &*mime.to_plain() {
        "audio/wav" | "audio/x-wav" | "audio/wave" => Some("wav"),
        "audio/mp3" | "audio/mpeg" => Some("mp3"),
        _ => None,
    }
}

/// The text of a text document, which becomes a text part.
pub(in crate::protocol) fn plain_text(media: &Media) -> Option<EscapedStr> {
    match (media.kind, &media.source) {
        (_, MediaSource::Plain(text)) => Some(text.clone()),
        (MediaKind::Document, MediaSource::Inline { data, .. }) => {
            let bytes = STANDARD.decode(data.to_plain().as_bytes()).ok()?;
            Some(EscapedStr::from(String::from_utf8(bytes).ok()?))
        }
        _ => None,
    }
}

/// Writes a part's cache breakpoint. An unknown time to live is left out.
pub(in crate::protocol) fn write_cache_mark(
    object: &mut Object<'_>,
    mark: Option<&CacheBreakpoint>,
    losses: &mut Losses,
) {
    let Some(mark) = mark else { return };
    let ttl = mark
        .ttl
        .as_ref()
        .filter(|ttl| TTLS.iter().any(|known| *ttl == known));
    if mark.ttl.is_some() && ttl.is_none() {
        losses.adjusted(mark.at);
    }
    object.object("prompt_cache_breakpoint", |breakpoint| {
        breakpoint.str("mode", "explicit");
        breakpoint.some("ttl", ttl, |value, text| value.text(text));
    });
}
