//! Decodes the content of messages and tool results: a string, or parts.

use super::DIALECT;
use super::request_decode::{leave, leave_all_but};
use crate::canon::{
    CacheBreakpoint, Located, Media, MediaKind, MediaSource, Part, PartKind, Request, Role,
};
use crate::json::{Invalid, Kind, Value};
use crate::protocol::openai::media;
use crate::protocol::{DecodeError, media_types};

/// Whose content it is, which decides the kinds of parts that it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentRole {
    User,
    Assistant,
    System,
    Tool,
}

impl ContentRole {
    pub(super) fn of(role: Role) -> Self {
        match role {
            Role::User => Self::User,
            Role::Assistant => Self::Assistant,
            Role::System | Role::Developer => Self::System,
        }
    }

    fn may_have_media(self) -> bool {
        matches!(self, Self::User | Self::Tool)
    }
}

pub(super) fn content(
    request: &mut Request,
    content: Value<'_>,
    role: ContentRole,
) -> Result<Vec<Part>, DecodeError> {
    match content.kind() {
        Kind::String => Ok(vec![Part::text(content.text()?, content.offset())]),
        Kind::Array => content
            .items()?
            .filter_map(|part| decode_part(request, part, role).transpose())
            .collect(),
        _ => Err(content.expected("a string or an array of parts").into()),
    }
}

/// One part. `None` for one of an earlier answer that this API does not know, which is kept as
/// unknown.
fn decode_part(
    request: &mut Request,
    part: Value<'_>,
    role: ContentRole,
) -> Result<Option<Part>, DecodeError> {
    let kind = part.required("type")?;
    let cache = cache_breakpoint(request, part)?;
    let decoded = match &*kind.str()? {
        "input_text" | "output_text" | "text" => text(request, part)?,
        "refusal" if role == ContentRole::Assistant => refusal(request, part)?,
        "input_image" if role.may_have_media() => media_part(request, part, image)?,
        "input_file" if role.may_have_media() => media_part(request, part, file)?,
        "input_audio" if role.may_have_media() => media_part(request, part, audio)?,
        other if role == ContentRole::Assistant && !media::is_media(other) => {
            leave(request, part);
            return Ok(None);
        }
        _ => return Err(kind.expected(expected_parts(role)).into()),
    };
    Ok(Some(Part { cache, ..decoded }))
}

fn expected_parts(role: ContentRole) -> &'static str {
    match role {
        ContentRole::User | ContentRole::Tool => {
            "`input_text`, `input_image`, `input_file` or `input_audio`"
        }
        ContentRole::Assistant => "`output_text` or `refusal`",
        ContentRole::System => "`input_text`",
    }
}

/// Decodes a cache breakpoint. Source: `openai-chat.md`, `prompt_cache_breakpoint`; `mode` has one
/// value.
fn cache_breakpoint(
    request: &mut Request,
    part: Value<'_>,
) -> Result<Option<CacheBreakpoint>, Invalid> {
    let Some(mark) = part.get("prompt_cache_breakpoint") else {
        return Ok(None);
    };
    leave_all_but(request, mark, &["mode", "ttl"])?;
    let ttl = mark.get("ttl").map(Value::text).transpose()?;
    Ok(Some(CacheBreakpoint {
        at: mark.offset(),
        ttl,
    }))
}

fn text(request: &mut Request, part: Value<'_>) -> Result<Part, Invalid> {
    leave_all_but(
        request,
        part,
        &[
            "type",
            "text",
            "annotations",
            "logprobs",
            "prompt_cache_breakpoint",
        ],
    )?;
    let some = |key: &str| {
        part.get(key)
            .filter(|list| list.items().is_ok_and(|mut items| items.next().is_some()))
    };
    if let Some(logprobs) = some("logprobs") {
        leave(request, logprobs);
    }
    let citations = some("annotations").map(|list| Located::new(list.raw(), list.offset()));
    Ok(Part {
        citations,
        ..Part::text(part.required("text")?.text()?, part.offset())
    })
}

fn refusal(request: &mut Request, part: Value<'_>) -> Result<Part, Invalid> {
    leave_all_but(
        request,
        part,
        &["type", "refusal", "prompt_cache_breakpoint"],
    )?;
    Ok(Part::new(
        PartKind::Refusal(part.required("refusal")?.text()?),
        part.offset(),
    ))
}

fn media_part(
    request: &mut Request,
    part: Value<'_>,
    read: fn(&mut Request, Value<'_>) -> Result<Media, DecodeError>,
) -> Result<Part, DecodeError> {
    Ok(Part::new(
        PartKind::Media(read(request, part)?),
        part.offset(),
    ))
}

fn image(request: &mut Request, part: Value<'_>) -> Result<Media, DecodeError> {
    leave_all_but(
        request,
        part,
        &[
            "type",
            "image_url",
            "file_id",
            "detail",
            "prompt_cache_breakpoint",
        ],
    )?;
    let source = match (part.get("image_url"), part.get("file_id")) {
        (Some(url), _) => media::source_at(url)?,
        (None, Some(id)) => file_source(id)?,
        (None, None) => return Err(part.missing("image_url").into()),
    };
    let detail = part
        .get("detail")
        .map(|value| Located::read(value, Value::text))
        .transpose()?;
    Ok(Media {
        kind: MediaKind::Image,
        source,
        name: None,
        context: None,
        detail,
    })
}

fn file(request: &mut Request, part: Value<'_>) -> Result<Media, DecodeError> {
    const KNOWN: [&str; 6] = [
        "type",
        "file_data",
        "file_url",
        "file_id",
        "filename",
        "prompt_cache_breakpoint",
    ];
    leave_all_but(request, part, &KNOWN)?;
    let source = match (
        part.get("file_data"),
        part.get("file_url"),
        part.get("file_id"),
    ) {
        (Some(data), _, _) => media::file_data(data)?,
        (None, Some(url), _) => media::source_at(url)?,
        (None, None, Some(id)) => file_source(id)?,
        (None, None, None) => return Err(part.missing("file_data").into()),
    };
    let name = part
        .get("filename")
        .map(|value| Located::read(value, Value::text))
        .transpose()?;
    let media = Media {
        // Where nothing tells it: what the field was made for.
        kind: MediaKind::Pdf,
        source,
        name,
        context: None,
        detail: None,
    };
    let kind = media_types::of(&media).map(|mime| MediaKind::of_mime(&mime));
    let kind = kind
        .unwrap_or(Some(MediaKind::Pdf))
        .ok_or_else(|| part.expected("a file of a kind that a model reads"))?;
    Ok(Media { kind, ..media })
}

/// `{"input_audio":{"data":base64,"format":"wav"|"mp3"}}`.
fn audio(request: &mut Request, part: Value<'_>) -> Result<Media, DecodeError> {
    leave_all_but(
        request,
        part,
        &["type", "input_audio", "prompt_cache_breakpoint"],
    )?;
    let audio = part.required("input_audio")?;
    leave_all_but(request, audio, &["data", "format"])?;
    let mime = media::audio_mime(audio.required("format")?)?;
    let source = MediaSource::Inline {
        mime,
        data: audio.required("data")?.text()?,
    };
    Ok(Media {
        kind: MediaKind::Audio,
        source,
        name: None,
        context: None,
        detail: None,
    })
}

fn file_source(id: Value<'_>) -> Result<MediaSource, Invalid> {
    Ok(MediaSource::File {
        id: Located::read(id, Value::text)?,
        dialect: DIALECT,
    })
}
