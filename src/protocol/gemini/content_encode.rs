//! One part as it stands on the wire, the same in requests and in answers.
//!
//! Knows the shapes and nothing of why a part is written.

use crate::json::{EscapedStr, Object, Raw};

/// A part that is about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) data: Data,
    /// `thoughtSignature`.
    pub(super) signature: Option<EscapedStr>,
    /// `mediaResolution.level`.
    pub(super) resolution: Option<EscapedStr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Text {
        text: EscapedStr,
        is_thought: bool,
    },
    Inline {
        mime: EscapedStr,
        data: EscapedStr,
    },
    File {
        uri: EscapedStr,
        mime: Option<EscapedStr>,
    },
    Call {
        id: EscapedStr,
        name: EscapedStr,
        /// A JSON object.
        args: Raw,
    },
    Result {
        id: EscapedStr,
        name: EscapedStr,
        /// A JSON object.
        response: Raw,
        media: Vec<Data>,
    },
    /// A part of a hosted tool: its member as it was.
    Hosted {
        kind: EscapedStr,
        raw: Raw,
    },
}

impl Piece {
    pub(super) fn new(data: Data) -> Self {
        Self {
            data,
            signature: None,
            resolution: None,
        }
    }

    pub(super) fn text(text: EscapedStr) -> Self {
        Self::new(Data::Text {
            text,
            is_thought: false,
        })
    }

    pub(super) fn thought(text: EscapedStr) -> Self {
        Self::new(Data::Text {
            text,
            is_thought: true,
        })
    }

    /// A token without a part of its own: an empty text, as Gemini itself ends its streams.
    pub(super) fn token(signature: EscapedStr) -> Self {
        Self::text(EscapedStr::default()).signed(Some(signature))
    }

    #[must_use]
    pub(super) fn signed(mut self, signature: Option<EscapedStr>) -> Self {
        self.signature = signature;
        self
    }

    pub(super) fn is_call(&self) -> bool {
        matches!(self.data, Data::Call { .. })
    }

    pub(super) fn write(&self, part: &mut Object<'_>) {
        self.data.write(part);
        part.some(
            "thoughtSignature",
            self.signature.as_ref(),
            |value, signature| value.text(signature),
        );
        part.some(
            "mediaResolution",
            self.resolution.as_ref(),
            |value, level| {
                value.object(|resolution| resolution.text("level", level));
            },
        );
    }
}

impl Data {
    fn write(&self, part: &mut Object<'_>) {
        match self {
            Self::Text { text, is_thought } => write_text(part, text, *is_thought),
            Self::Inline { mime, data } => part.object("inlineData", |inline| {
                inline.text("mimeType", mime);
                inline.text("data", data);
            }),
            Self::File { uri, mime } => part.object("fileData", |file| {
                file.some("mimeType", mime.as_ref(), |value, mime| value.text(mime));
                file.text("fileUri", uri);
            }),
            Self::Call { id, name, args } => part.object("functionCall", |call| {
                call.text("id", id);
                call.text("name", name);
                call.raw("args", args);
            }),
            Self::Result {
                id,
                name,
                response,
                media,
            } => part.object("functionResponse", |result| {
                result.text("id", id);
                result.text("name", name);
                result.raw("response", response);
                write_media(result, media);
            }),
            Self::Hosted { kind, raw } => part.raw(&kind.to_plain(), raw),
        }
    }
}

fn write_text(part: &mut Object<'_>, text: &EscapedStr, is_thought: bool) {
    part.text("text", text);
    if is_thought {
        part.bool("thought", true);
    }
}

fn write_media(result: &mut Object<'_>, media: &[Data]) {
    if !media.is_empty() {
        result.array("parts", |parts| {
            media
                .iter()
                .for_each(|data| parts.object(|part| data.write(part)))
        });
    }
}

/// Writes `content` of one role.
pub(super) fn write_content(content: &mut Object<'_>, role: &str, pieces: &[Piece]) {
    content.str("role", role);
    if !pieces.is_empty() {
        content.array("parts", |parts| {
            pieces
                .iter()
                .for_each(|piece| parts.object(|part| piece.write(part)))
        });
    }
}
