//! Writes `Content` and its parts, the same in requests and in responses.
//!
//! Source: Gemini API, `Content`, `Part`.

use crate::json::{EscapedStr, Object, Raw};

/// A `Part` that is about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WirePart {
    pub(super) data: PartData,
    /// `thoughtSignature`.
    pub(super) signature: Option<EscapedStr>,
    /// `mediaResolution.level`.
    pub(super) resolution: Option<EscapedStr>,
}

/// The member of a part that tells its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PartData {
    Text {
        text: EscapedStr,
        is_thought: bool,
    },
    InlineData {
        mime: EscapedStr,
        data: EscapedStr,
    },
    FileData {
        uri: EscapedStr,
        mime: Option<EscapedStr>,
    },
    FunctionCall {
        id: EscapedStr,
        name: EscapedStr,
        /// A JSON object.
        args: Raw,
    },
    FunctionResponse {
        id: EscapedStr,
        name: EscapedStr,
        /// A JSON object.
        response: Raw,
        media: Vec<PartData>,
    },
    /// A part of a hosted tool: its member unchanged.
    Hosted {
        kind: EscapedStr,
        raw: Raw,
    },
}

impl WirePart {
    pub(super) fn new(data: PartData) -> Self {
        Self {
            data,
            signature: None,
            resolution: None,
        }
    }

    pub(super) fn text(text: EscapedStr) -> Self {
        Self::new(PartData::Text {
            text,
            is_thought: false,
        })
    }

    pub(super) fn thought(text: EscapedStr) -> Self {
        Self::new(PartData::Text {
            text,
            is_thought: true,
        })
    }

    /// An empty text that carries a signature, which is how Gemini itself ends its streams.
    pub(super) fn signature_only(signature: EscapedStr) -> Self {
        Self::text(EscapedStr::default()).signed(Some(signature))
    }

    #[must_use]
    pub(super) fn signed(mut self, signature: Option<EscapedStr>) -> Self {
        self.signature = signature;
        self
    }

    pub(super) fn is_call(&self) -> bool {
        matches!(self.data, PartData::FunctionCall { .. })
    }

    fn write(&self, part: &mut Object<'_>) {
        self.data.write(part);
        if let Some(signature) = &self.signature {
            part.text("thoughtSignature", signature);
        }
        if let Some(level) = &self.resolution {
            part.object("mediaResolution", |resolution| {
                resolution.text("level", level);
            });
        }
    }
}

impl PartData {
    fn write(&self, part: &mut Object<'_>) {
        match self {
            Self::Text { text, is_thought } => {
                part.text("text", text);
                if *is_thought {
                    part.bool("thought", true);
                }
            }
            Self::InlineData { mime, data } => part.object("inlineData", |inline| {
                inline.text("mimeType", mime);
                inline.text("data", data);
            }),
            Self::FileData { uri, mime } => part.object("fileData", |file| {
                if let Some(mime) = mime {
                    file.text("mimeType", mime);
                }
                file.text("fileUri", uri);
            }),
            Self::FunctionCall { id, name, args } => part.object("functionCall", |call| {
                call.text("id", id);
                call.text("name", name);
                call.raw("args", args);
            }),
            Self::FunctionResponse {
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

fn write_media(result: &mut Object<'_>, media: &[PartData]) {
    if media.is_empty() {
        return;
    }
    result.array("parts", |parts| {
        for data in media {
            parts.object(|part| data.write(part));
        }
    });
}

/// Writes the members of a `Content`.
pub(super) fn write_content(content: &mut Object<'_>, role: &str, parts: &[WirePart]) {
    content.str("role", role);
    if parts.is_empty() {
        return;
    }
    content.array("parts", |list| {
        for part in parts {
            list.object(|object| part.write(object));
        }
    });
}
