//! Images, sound and files as the dialect writes them: data URLs and `{data, format}`.
//!
//! Source: Chat Completions API, content parts. Fetches nothing: a URL is carried, never opened.

use crate::canon::{Media, MediaKind, MediaSource, PartKind, Request};
use crate::json::{Invalid, Text, Value};
use crate::protocol::DecodeError;

use super::DIALECT;
use super::fields::Fields;

/// The MIME type and base64 data of a `data:MIME;base64,…` URL, as slices of it.
pub(in crate::protocol) fn data_url(url: &Text) -> Option<(Text, Text)> {
    let (head, data) = url.split_once(b',')?;
    let head = head.to_plain();
    let mime = head.strip_prefix("data:")?.strip_suffix(";base64")?;
    let mime = if mime.is_empty() { "text/plain" } else { mime };
    Some((Text::from(mime), data))
}

/// `{"url":…,"detail":…}`; some clients write the URL alone.
pub(super) fn image(value: Value<'_>, request: &mut Request) -> Result<PartKind, DecodeError> {
    if let Ok(url) = value.text() {
        return Ok(PartKind::Media(at_url(url, value)?));
    }
    let mut fields = Fields::of(value)?;
    let url = fields.required("url")?;
    let mut media = at_url(url.text()?, url)?;
    media.detail = fields.located("detail", Value::text)?;
    fields.leave(&mut request.unknown);
    Ok(PartKind::Media(media))
}

fn at_url(url: Text, value: Value<'_>) -> Result<Media, DecodeError> {
    if let Some((mime, data)) = data_url(&url) {
        return inline(mime, data, value);
    }
    // A `file:` URL or a bare path would name a file of this machine.
    if !["https://", "http://"].iter().any(|scheme| url.to_plain().starts_with(scheme)) {
        return Err(
            Invalid::new(value.spot(), "expected an https URL or `data:MIME;base64,…`, found another kind of address").into()
        );
    }
    Ok(media(MediaKind::Image, MediaSource::Url { url, mime: None }))
}

/// `{"data":base64,"format":"wav"|"mp3"}`
pub(super) fn audio(value: Value<'_>, request: &mut Request) -> Result<PartKind, DecodeError> {
    let mut fields = Fields::of(value)?;
    let data = fields.required("data")?.text()?;
    let format = fields.required("format")?;
    let mime = match &*format.str()? {
        "wav" => "audio/wav",
        "mp3" => "audio/mp3",
        _ => return Err(format.expected("`wav` or `mp3`").into()),
    };
    fields.leave(&mut request.unknown);
    Ok(PartKind::Media(media(MediaKind::Audio, MediaSource::Inline { mime: Text::from_static(mime), data })))
}

/// `{"file_data":data URL or base64,"filename":…}` or `{"file_id":…}`
pub(super) fn file(value: Value<'_>, request: &mut Request) -> Result<PartKind, DecodeError> {
    let mut fields = Fields::of(value)?;
    let name = fields.located("filename", Value::text)?;
    let media = match (fields.take("file_data"), fields.text("file_id")?) {
        (Some(data), _) => file_data(data)?,
        (None, Some(id)) => media(MediaKind::Document, MediaSource::File { id, dialect: DIALECT }),
        (None, None) => return Err(value.missing("file_data").into()),
    };
    fields.leave(&mut request.unknown);
    Ok(PartKind::Media(Media { name, ..media }))
}

fn file_data(value: Value<'_>) -> Result<Media, DecodeError> {
    let data = value.text()?;
    // Bare base64 is a PDF: the one kind of file that the API took when it took no data URLs.
    let (mime, data) = data_url(&data).unwrap_or_else(|| (Text::from_static("application/pdf"), data));
    inline(mime, data, value)
}

fn inline(mime: Text, data: Text, value: Value<'_>) -> Result<Media, DecodeError> {
    let kind = MediaKind::of_mime(&mime.to_plain());
    let kind = kind.ok_or_else(|| DecodeError::unsupported(value.spot(), format!("no dialect carries `{}`", mime.to_plain())))?;
    Ok(media(kind, MediaSource::Inline { mime, data }))
}

fn media(kind: MediaKind, source: MediaSource) -> Media {
    Media { kind, source, name: None, context: None, detail: None }
}
