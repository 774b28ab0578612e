//! Encodes the content of messages and tool results.

use super::DIALECT;
use super::request_encode::refuse;
use crate::canon::{
    Located, Losses, Media, MediaKind, MediaSource, Part, PartKind, Role, ToolResult,
};
use crate::json::{Array, EscapedStr, Object, Writer};
use crate::protocol::file_refs;
use crate::protocol::openai::media::{self, DETAILS, FILE_NAME, write_cache_mark, write_data_url};

/// Precedes the text of a result that is an error: the dialect has no flag for it.
const ERROR_PREFIX: &str = "Error: ";

pub(super) fn part(content: &mut Array<'_>, part: &Part, role: Role, losses: &mut Losses) {
    if let Some(citations) = &part.citations {
        losses.dropped(citations.at);
    }
    match &part.kind {
        PartKind::Text(text) => content.object(|object| {
            write_text(object, role, text);
            write_cache_mark(object, part.cache.as_ref(), losses);
        }),
        PartKind::Refusal(text) if role == Role::Assistant => content.object(|object| {
            object.str("type", "refusal");
            object.text("refusal", text);
        }),
        PartKind::Refusal(text) => content.object(|object| write_text(object, role, text)),
        PartKind::Media(media) if role == Role::User => {
            content.object(|object| write_media(object, media, part, losses))
        }
        PartKind::Media(media) => refuse(
            losses,
            part.at,
            &format!("{} outside of what the user says", media.kind.name()),
        ),
        // Items of their own, never content.
        PartKind::Reasoning { .. }
        | PartKind::ToolCall { .. }
        | PartKind::ToolResult(_)
        | PartKind::Hosted { .. } => {}
    }
}

fn write_text(object: &mut Object<'_>, role: Role, text: &EscapedStr) {
    let is_answer = role == Role::Assistant;
    object.str(
        "type",
        if is_answer {
            "output_text"
        } else {
            "input_text"
        },
    );
    object.text("text", text);
    if is_answer {
        object.array("annotations", |_| {});
    }
}

/// Writes a tool's result: a single text as a string, which every server takes; else parts.
pub(super) fn output(value: Writer<'_>, result: &ToolResult, losses: &mut Losses) {
    let prefix = result
        .is_error
        .then(|| EscapedStr::from_static(ERROR_PREFIX));
    let prefix = prefix.as_ref();
    match &result.parts[..] {
        [] => value.texts(prefix),
        [
            Part {
                kind: PartKind::Text(text),
                cache: None,
                ..
            },
        ] => value.texts(prefix.into_iter().chain([text])),
        parts => value.array(|content| {
            if let Some(prefix) = prefix {
                content.object(|object| write_text(object, Role::User, prefix));
            }
            parts
                .iter()
                .for_each(|inner| output_part(content, inner, losses));
        }),
    }
}

fn output_part(content: &mut Array<'_>, inner: &Part, losses: &mut Losses) {
    match &inner.kind {
        PartKind::Media(Media {
            kind: MediaKind::Audio,
            ..
        }) => refuse(losses, inner.at, "audio in tool results"),
        PartKind::Hosted { .. } => losses.dropped(inner.at),
        _ => part(content, inner, Role::User, losses),
    }
}

fn write_media(object: &mut Object<'_>, media: &Media, part: &Part, losses: &mut Losses) {
    match media.kind {
        MediaKind::Image => image(object, media, part, losses),
        MediaKind::Pdf | MediaKind::Document => file(object, media, part, losses),
        MediaKind::Audio => audio(object, media, part, losses),
        MediaKind::Video => refuse(losses, part.at, "video input"),
    }
    write_cache_mark(object, part.cache.as_ref(), losses);
    drop_field(media.context.as_ref(), losses);
    if media.kind != MediaKind::Image {
        drop_field(media.detail.as_ref(), losses);
    }
}

fn image(object: &mut Object<'_>, media: &Media, part: &Part, losses: &mut Losses) {
    object.str("type", "input_image");
    match &media.source {
        MediaSource::Inline { mime, data } => write_data_url(object.key("image_url"), mime, data),
        MediaSource::Url { url, .. } => object.text("image_url", url),
        source => file_reference(object, source, part, losses),
    }
    match &media.detail {
        Some(detail) if DETAILS.iter().any(|known| detail.value == *known) => {
            object.text("detail", &detail.value)
        }
        detail => drop_field(detail.as_ref(), losses),
    }
    drop_field(media.name.as_ref(), losses);
}

/// A PDF as a file; a text document as the text that it is.
fn file(object: &mut Object<'_>, media: &Media, part: &Part, losses: &mut Losses) {
    if let Some(text) = media::plain_text(media) {
        write_text(object, Role::User, &text);
        return drop_field(media.name.as_ref(), losses);
    }
    object.str("type", "input_file");
    match &media.source {
        MediaSource::Inline { mime, data } => {
            file_name(object, media.name.as_ref(), losses);
            write_data_url(object.key("file_data"), mime, data);
        }
        MediaSource::Url { url, .. } => {
            object.text("file_url", url);
            drop_field(media.name.as_ref(), losses);
        }
        source => {
            file_reference(object, source, part, losses);
            drop_field(media.name.as_ref(), losses);
        }
    }
}

fn file_name(object: &mut Object<'_>, name: Option<&Located<EscapedStr>>, losses: &mut Losses) {
    match name {
        Some(name) => object.text("filename", &name.value),
        None => {
            object.str("filename", FILE_NAME);
            losses.added("filename");
        }
    }
}

fn audio(object: &mut Object<'_>, media: &Media, part: &Part, losses: &mut Losses) {
    let MediaSource::Inline { mime, data } = &media.source else {
        return refuse(losses, part.at, "audio by reference");
    };
    let Some(format) = media::audio_format(mime) else {
        return refuse(losses, part.at, "audio besides wav and mp3");
    };
    object.str("type", "input_audio");
    object.object("input_audio", |audio| {
        audio.text("data", data);
        audio.str("format", format);
    });
    drop_field(media.name.as_ref(), losses);
}

/// Writes a reference to a file that the provider holds. References of other dialects are refused.
fn file_reference(object: &mut Object<'_>, source: &MediaSource, part: &Part, losses: &mut Losses) {
    match source {
        MediaSource::File { id, dialect } if *dialect == DIALECT => {
            object.text("file_id", &id.value)
        }
        MediaSource::File { id, dialect } => file_refs::refuse(losses, id, *dialect),
        _ => refuse(losses, part.at, "such source for this kind of media"),
    }
}

fn drop_field(field: Option<&Located<EscapedStr>>, losses: &mut Losses) {
    if let Some(field) = field {
        losses.dropped(field.at);
    }
}
