//! The content of one message, for a Chat upstream: a string, or a list of parts.
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

pub(super) struct Content<'e> {
    /// Whether the server knows cache breakpoints.
    pub takes_marks: bool,
    pub losses: &'e mut Losses,
}

impl Content<'_> {
    /// One plain text is a string, which every server takes; all else is a list.
    pub(super) fn write(&mut self, parts: &[&Part], object: &mut Object<'_>) {
        match parts {
            [
                Part {
                    kind: PartKind::Text(text),
                    cache,
                    ..
                },
            ] if cache.is_none() || !self.takes_marks => {
                self.unmark(cache.as_ref());
                object.text("content", text);
            }
            parts => object.array("content", |array| {
                parts.iter().for_each(|part| self.part(part, array))
            }),
        }
    }

    fn part(&mut self, part: &Part, array: &mut Array<'_>) {
        let cache = part.cache.as_ref();
        match &part.kind {
            PartKind::Text(text) => self.text(text, cache, array),
            PartKind::Media(media) => self.media(media, part.at, cache, array),
            _ => self.losses.dropped(part.at),
        }
    }

    fn text(&mut self, text: &EscapedStr, cache: Option<&CacheBreakpoint>, array: &mut Array<'_>) {
        self.typed("text", cache, array, |_, object| object.text("text", text));
    }

    fn media(
        &mut self,
        media: &Media,
        at: Offset,
        cache: Option<&CacheBreakpoint>,
        array: &mut Array<'_>,
    ) {
        self.drop(media.context.as_ref());
        if media.kind != MediaKind::Image {
            self.drop(media.detail.as_ref());
        }
        if let Some(text) = media::plain_text(media) {
            self.drop(media.name.as_ref());
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
                self.drop(media.name.as_ref());
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
        self.drop(media.name.as_ref());
        let detail = self.detail(media.detail.as_ref());
        self.typed("image_url", cache, array, |_, object| {
            object.object("image_url", |object| {
                url(object.key("url"));
                object.some("detail", detail, |value, detail| value.str(&detail));
            });
        });
    }

    /// The dialect's own words, and Gemini's `MEDIA_RESOLUTION_LOW` and `_HIGH`.
    fn detail(&mut self, detail: Option<&Located<EscapedStr>>) -> Option<String> {
        let detail = detail?;
        let word = detail.value.to_plain();
        let word = word.as_ref();
        if DETAILS.contains(&word) {
            return Some(word.to_owned());
        }
        match word
            .strip_prefix("MEDIA_RESOLUTION_")
            .map(str::to_ascii_lowercase)
        {
            Some(level) if level == "low" || level == "high" => {
                self.losses.adjusted(detail.at);
                Some(level)
            }
            _ => {
                self.losses.dropped(detail.at);
                None
            }
        }
    }

    fn audio(
        &mut self,
        mime: &EscapedStr,
        data: &EscapedStr,
        at: Offset,
        cache: Option<&CacheBreakpoint>,
        array: &mut Array<'_>,
    ) {
        let Some(format) = media::sound_format(mime) else {
            return self.losses.refuse(
                at,
                format!(
                    "the openai_chat dialect takes wav and mp3, not `{}`",
                    mime.to_plain()
                ),
            );
        };
        self.typed("input_audio", cache, array, |_, object| {
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
        self.typed("file", cache, array, |content, object| {
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
        self.drop(media.name.as_ref());
        self.typed("file", cache, array, |_, object| {
            object.object("file", |object| object.text("file_id", id))
        });
    }

    /// One part: its type, what `write` adds, and its cache breakpoint.
    fn typed(
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
                mark @ Some(_) if self.takes_marks => write_cache_mark(object, mark, self.losses),
                mark => self.unmark(mark),
            }
        });
    }

    fn unmark(&mut self, cache: Option<&CacheBreakpoint>) {
        cache.iter().for_each(|mark| self.losses.dropped(mark.at));
    }

    fn refuse(&mut self, at: Offset, kind: MediaKind, form: &str) {
        self.losses.refuse(
            at,
            format!(
                "the openai_chat dialect takes no {} input {form}",
                kind.name()
            ),
        );
    }

    fn drop<T>(&mut self, field: Option<&Located<T>>) {
        if let Some(field) = field {
            self.losses.dropped(field.at);
        }
    }
}
