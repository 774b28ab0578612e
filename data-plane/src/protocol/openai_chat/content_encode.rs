//! Encodes the content of one message: a string, or a list of parts.
//!
//! Source: Chat Completions API, content parts; `translation.md` section 4. Media that the dialect
//! lacks are refused, never dropped.

use crate::canon::{
    CacheBreakpoint, Located, Losses, Media, MediaKind, MediaSource, Offset, Part, PartKind,
};
use crate::json::{Array, EscapedStr, Object, Writer};

use super::DIALECT;
use crate::protocol::file_refs;
use crate::protocol::openai::media::{self, DETAILS, FILE_NAME, write_cache_mark, write_data_url};

pub(super) struct ContentEncoder<'e> {
    /// Whether the server knows cache breakpoints.
    pub takes_cache_marks: bool,
    pub losses: &'e mut Losses,
}

impl ContentEncoder<'_> {
    /// A single text is written as a string, which every server takes; anything else as a list.
    pub(super) fn write(&mut self, parts: &[&Part], object: &mut Object<'_>) {
        match parts {
            [
                Part {
                    kind: PartKind::Text(text) | PartKind::Refusal(text),
                    cache,
                    ..
                },
            ] if cache.is_none() || !self.takes_cache_marks => {
                self.drop_cache_mark(cache.as_ref());
                object.text("content", text);
            }
            parts => object.array("content", |array| {
                for part in parts {
                    self.part(part, array);
                }
            }),
        }
    }

    fn part(&mut self, part: &Part, array: &mut Array<'_>) {
        let cache = part.cache.as_ref();
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => self.text(text, cache, array),
            PartKind::Media(media) => self.media(media, part.at, cache, array),
            _ => self.losses.dropped(part.at),
        }
    }

    fn text(&mut self, text: &EscapedStr, cache: Option<&CacheBreakpoint>, array: &mut Array<'_>) {
        self.write_part("text", cache, array, |_, object| object.text("text", text));
    }

    fn media(
        &mut self,
        media: &Media,
        at: Offset,
        cache: Option<&CacheBreakpoint>,
        array: &mut Array<'_>,
    ) {
        self.drop_field(media.context.as_ref());
        if media.kind != MediaKind::Image {
            self.drop_field(media.detail.as_ref());
        }
        if let Some(text) = media::plain_text(media) {
            self.drop_field(media.name.as_ref());
            return self.text(&text, cache, array);
        }
        match (media.kind, &media.source) {
            (_, MediaSource::File { id, dialect }) if *dialect == DIALECT => {
                self.file_id(&id.value, media, cache, array)
            }
            (MediaKind::Image, MediaSource::Inline { mime, data }) => self.image(
                |value| write_data_url(value, mime, data),
                media,
                cache,
                array,
            ),
            (MediaKind::Image, MediaSource::Url { url, .. }) => {
                self.image(|value| value.text(url), media, cache, array)
            }
            (MediaKind::Audio, MediaSource::Inline { mime, data }) => {
                self.drop_field(media.name.as_ref());
                self.audio(mime, data, at, cache, array);
            }
            (MediaKind::Pdf, MediaSource::Inline { mime, data }) => self.pdf(
                |value| write_data_url(value, mime, data),
                media,
                cache,
                array,
            ),
            (_, MediaSource::File { id, dialect }) => file_refs::refuse(self.losses, id, *dialect),
            (kind, MediaSource::Url { .. }) => self.refuse(at, kind, "by URL"),
            (kind, _) => self.refuse(at, kind, "of this form"),
        }
    }

    fn image(
        &mut self,
        url: impl FnOnce(Writer<'_>),
        media: &Media,
        cache: Option<&CacheBreakpoint>,
        array: &mut Array<'_>,
    ) {
        self.drop_field(media.name.as_ref());
        let detail = self.detail(media.detail.as_ref());
        self.write_part("image_url", cache, array, |_, object| {
            object.object("image_url", |object| {
                url(object.key("url"));
                object.some("detail", detail, |value, detail| value.str(&detail));
            });
        });
    }

    /// Takes the dialect's own values, and translates Gemini's.
    fn detail(&mut self, detail: Option<&Located<EscapedStr>>) -> Option<String> {
        let detail = detail?;
        let value = detail.value.to_plain();
        if DETAILS.contains(&value.as_ref()) {
            return Some(value.into_owned());
        }
        let translated = match value.as_ref() {
            "MEDIA_RESOLUTION_LOW" => "low",
            "MEDIA_RESOLUTION_HIGH" => "high",
            _ => {
                self.losses.dropped(detail.at);
                return None;
            }
        };
        self.losses.adjusted(detail.at);
        Some(translated.to_owned())
    }

    fn audio(
        &mut self,
        mime: &EscapedStr,
        data: &EscapedStr,
        at: Offset,
        cache: Option<&CacheBreakpoint>,
        array: &mut Array<'_>,
    ) {
        let Some(format) = media::audio_format(mime) else {
            let mime = mime.to_plain();
            let reason = format!("the openai_chat dialect takes wav and mp3, not `{mime}`");
            return self.losses.refuse(at, reason);
        };
        self.write_part("input_audio", cache, array, |_, object| {
            object.object("input_audio", |object| {
                object.text("data", data);
                object.str("format", format);
            });
        });
    }

    fn pdf(
        &mut self,
        url: impl FnOnce(Writer<'_>),
        media: &Media,
        cache: Option<&CacheBreakpoint>,
        array: &mut Array<'_>,
    ) {
        self.write_part("file", cache, array, |content, object| {
            object.object("file", |object| {
                match &media.name {
                    Some(name) => object.text("filename", &name.value),
                    None => {
                        content.losses.added("filename");
                        object.str("filename", FILE_NAME);
                    }
                }
                url(object.key("file_data"));
            });
        });
    }

    fn file_id(
        &mut self,
        id: &EscapedStr,
        media: &Media,
        cache: Option<&CacheBreakpoint>,
        array: &mut Array<'_>,
    ) {
        self.drop_field(media.name.as_ref());
        self.write_part("file", cache, array, |_, object| {
            object.object("file", |object| object.text("file_id", id))
        });
    }

    /// Writes one part: its type, what `write` adds, and its cache breakpoint.
    fn write_part(
        &mut self,
        kind: &str,
        cache: Option<&CacheBreakpoint>,
        array: &mut Array<'_>,
        write: impl FnOnce(&mut Self, &mut Object<'_>),
    ) {
        array.object(|object| {
            object.str("type", kind);
            write(self, object);
            match cache {
                Some(_) if self.takes_cache_marks => write_cache_mark(object, cache, self.losses),
                _ => self.drop_cache_mark(cache),
            }
        });
    }

    fn drop_cache_mark(&mut self, cache: Option<&CacheBreakpoint>) {
        if let Some(mark) = cache {
            self.losses.dropped(mark.at);
        }
    }

    fn refuse(&mut self, at: Offset, kind: MediaKind, form: &str) {
        let kind = kind.name();
        let reason = format!("the openai_chat dialect takes no {kind} input {form}");
        self.losses.refuse(at, reason);
    }

    fn drop_field<T>(&mut self, field: Option<&Located<T>>) {
        if let Some(field) = field {
            self.losses.dropped(field.at);
        }
    }
}
