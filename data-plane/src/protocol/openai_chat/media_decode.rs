//! Decodes media parts of a message: images, sound and files.
//!
//! Source: Chat Completions API, content parts.

use crate::canon::{Media, MediaKind, MediaSource, PartKind, Request};
use crate::json::{EscapedStr, Kind, Value};
use crate::protocol::DecodeError;
use crate::protocol::openai::media;

use super::DIALECT;
use super::fields::Fields;

/// `{"url":…,"detail":…}`; some clients write the URL alone.
pub(super) fn image(value: Value<'_>, request: &mut Request) -> Result<PartKind, DecodeError> {
    if value.kind() == Kind::String {
        let source = media::source_at(value)?;
        return Ok(PartKind::Media(media_of(source, value)?));
    }
    let mut fields = Fields::of(value)?;
    let url = fields.required("url")?;
    let detail = fields.located("detail", Value::text)?;
    fields.leave(&mut request.unknown);
    Ok(PartKind::Media(Media {
        detail,
        ..media_of(media::source_at(url)?, url)?
    }))
}

/// `{"data":base64,"format":"wav"|"mp3"}`
pub(super) fn audio(value: Value<'_>, request: &mut Request) -> Result<PartKind, DecodeError> {
    let mut fields = Fields::of(value)?;
    let data = fields.required("data")?.text()?;
    let mime = media::audio_mime(fields.required("format")?)?;
    fields.leave(&mut request.unknown);
    Ok(PartKind::Media(plain_media(
        MediaKind::Audio,
        MediaSource::Inline { mime, data },
    )))
}

/// `{"file_data":data URL or base64,"filename":…}` or `{"file_id":…}`
pub(super) fn file(value: Value<'_>, request: &mut Request) -> Result<PartKind, DecodeError> {
    let mut fields = Fields::of(value)?;
    let name = fields.located("filename", Value::text)?;
    let media = match (
        fields.take("file_data"),
        fields.located("file_id", Value::text)?,
    ) {
        (Some(data), _) => media_of(media::file_data(data)?, data)?,
        (None, Some(id)) => plain_media(
            MediaKind::Document,
            MediaSource::File {
                id,
                dialect: DIALECT,
            },
        ),
        (None, None) => return Err(value.missing("file_data").into()),
    };
    fields.leave(&mut request.unknown);
    Ok(PartKind::Media(Media { name, ..media }))
}

/// An image where the source is a URL; inline data is what its MIME type says.
fn media_of(source: MediaSource, value: Value<'_>) -> Result<Media, DecodeError> {
    let kind = match &source {
        MediaSource::Inline { mime, .. } => kind_of(mime, value)?,
        _ => MediaKind::Image,
    };
    Ok(plain_media(kind, source))
}

fn kind_of(mime: &EscapedStr, value: Value<'_>) -> Result<MediaKind, DecodeError> {
    let mime = mime.to_plain();
    MediaKind::of_mime(&mime).ok_or_else(|| {
        DecodeError::unsupported(value.offset(), format!("no dialect carries `{mime}`"))
    })
}

fn plain_media(kind: MediaKind, source: MediaSource) -> Media {
    Media {
        kind,
        source,
        name: None,
        context: None,
        detail: None,
    }
}
