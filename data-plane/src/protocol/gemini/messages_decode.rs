//! Decodes `contents`: turns, their parts, and the calls and results among them.
//!
//! Source: Gemini API, `Content`, `Part`, `Blob`, `FileData`, `FunctionCall`, `FunctionResponse`.

use std::borrow::Cow;
use std::collections::HashSet;

use super::DIALECT;
use super::proto_json::{base64, enum_name, field, fields, required};
use super::request_decode::Decoder;
use crate::canon::{
    Located, Media, MediaKind, MediaSource, Offset, Origin, Part, PartKind, ReasoningForm, Role,
    Signature, ToolInput, ToolResult, Turn,
};
use crate::json::{EscapedStr, Invalid, Value};
use crate::protocol::envelope::{self, Content};
use crate::protocol::{DecodeError, media_types};

/// The members of a part, before its kind is known.
#[derive(Default)]
struct PartMembers<'d> {
    /// The member that tells the kind, with its key.
    data: Option<(Cow<'d, str>, Value<'d>)>,
    is_thought: bool,
    signature: Option<Located<EscapedStr>>,
    /// The level of `mediaResolution`.
    detail: Option<Located<EscapedStr>>,
}

/// Where a part stands in the history.
#[derive(Clone, Copy)]
struct Position {
    turn: usize,
    part: usize,
}

impl Decoder {
    pub(super) fn contents(&mut self, contents: Value<'_>) -> Result<(), DecodeError> {
        for (index, content) in contents.items()?.enumerate() {
            let turn = self.content(content, index)?;
            self.request.turns.push(turn);
        }
        Ok(())
    }

    fn content(&mut self, content: Value<'_>, index: usize) -> Result<Turn, DecodeError> {
        let mut turn = Turn {
            role: Role::User,
            parts: Vec::new(),
            name: None,
            at: content.offset(),
        };
        let mut parts = TurnParts::default();
        if let Some(value) = field(content, "role") {
            turn.role = role(value)?;
        }
        for (key, value) in fields(content)? {
            match &*key {
                "role" => {}
                "parts" => self.parts(value, (index, turn.role), &mut parts)?,
                _ => self.unknown(value),
            }
        }
        turn.parts = parts.finish();
        // Only the model calls tools. Some clients leave its role out.
        let is_call = |part: &Part| matches!(part.kind, PartKind::ToolCall { .. });
        if turn.parts.iter().any(is_call) {
            turn.role = Role::Assistant;
        }
        Ok(turn)
    }

    fn parts(
        &mut self,
        parts: Value<'_>,
        (turn, role): (usize, Role),
        out: &mut TurnParts,
    ) -> Result<(), DecodeError> {
        for (index, part) in parts.items()?.enumerate() {
            let mut members = self.members(part)?;
            let signature = members.signature.take();
            let position = Position { turn, part: index };
            let kind = match members.data.take() {
                Some((key, value)) => self.kind(&key, value, members, position)?,
                // Some clients keep a signature and lose the empty text that it came with.
                None if signature.is_some() => PartKind::Text(EscapedStr::default()),
                // Others keep a part of an answer that lost all that it held, or one that only its
                // model knows, which is named as unknown.
                None if role == Role::Assistant => continue,
                None => {
                    let why = "missing `text`, or other data that a part can hold";
                    return Err(Invalid::new(part.offset(), why).into());
                }
            };
            out.push(Part::new(kind, part.offset()), signature);
        }
        Ok(())
    }

    fn members<'d>(&mut self, part: Value<'d>) -> Result<PartMembers<'d>, Invalid> {
        let mut members = PartMembers::default();
        for (key, value) in fields(part)? {
            match &*key {
                "thought" => members.is_thought = value.bool()?,
                "thoughtSignature" => {
                    members.signature = Some(Located::new(value.text()?, value.offset()));
                }
                "mediaResolution" => members.detail = Some(resolution(value)?),
                "text"
                | "inlineData"
                | "fileData"
                | "functionCall"
                | "functionResponse"
                | "executableCode"
                | "codeExecutionResult"
                | "toolCall"
                | "toolResponse" => {
                    if members.data.replace((key, value)).is_some() {
                        let why = "a part holds one kind of data only";
                        return Err(Invalid::new(value.offset(), why));
                    }
                }
                _ => self.unknown(value),
            }
        }
        Ok(members)
    }

    /// The kind of a part, from the member that tells it. A kind that canon does not know is
    /// hosted.
    fn kind(
        &mut self,
        key: &str,
        value: Value<'_>,
        members: PartMembers<'_>,
        position: Position,
    ) -> Result<PartKind, DecodeError> {
        Ok(match key {
            "text" if members.is_thought => PartKind::Reasoning {
                form: ReasoningForm::Summary,
                texts: vec![value.text()?],
            },
            "text" => PartKind::Text(value.text()?),
            "inlineData" => PartKind::Media(self.inline_data(value, members.detail)?),
            "fileData" => PartKind::Media(self.file_data(value, members.detail)?),
            "functionCall" => self.function_call(value, position)?,
            "functionResponse" => PartKind::ToolResult(self.function_response(value)?),
            kind => PartKind::Hosted {
                dialect: DIALECT,
                kind: EscapedStr::from(kind),
                raw: value.raw(),
            },
        })
    }

    /// Source: Gemini API, `Blob`.
    fn inline_data(
        &mut self,
        inline: Value<'_>,
        detail: Option<Located<EscapedStr>>,
    ) -> Result<Media, DecodeError> {
        let mime = required(inline, "mimeType")?;
        let source = MediaSource::Inline {
            mime: mime.text()?,
            data: base64(required(inline, "data")?)?,
        };
        let mut media = Media {
            kind: media_kind(mime)?,
            source,
            name: None,
            context: None,
            detail,
        };
        for (key, value) in fields(inline)? {
            match &*key {
                "mimeType" | "data" => {}
                "displayName" => media.name = Some(Located::new(value.text()?, value.offset())),
                _ => self.unknown(value),
            }
        }
        Ok(media)
    }

    /// A file of the Files API or a bucket, which only Google can read, or a public URL. Source:
    /// Gemini API, `FileData`.
    fn file_data(
        &mut self,
        file: Value<'_>,
        detail: Option<Located<EscapedStr>>,
    ) -> Result<Media, DecodeError> {
        let uri = required(file, "fileUri")?;
        let mime = field(file, "mimeType");
        let kind = match mime {
            Some(mime) => media_kind(mime)?,
            None => kind_of_address(&uri.str()?),
        };
        for (key, value) in fields(file)? {
            if !matches!(&*key, "fileUri" | "mimeType") {
                self.unknown(value);
            }
        }
        let source = if is_google_file(&uri.str()?) {
            // Google knows the type of its own file; canon's reference has no field for it.
            if let Some(mime) = mime {
                self.unknown(mime);
            }
            MediaSource::File {
                id: Located::read(uri, Value::text)?,
                dialect: DIALECT,
            }
        } else {
            MediaSource::Url {
                url: uri.text()?,
                mime: mime.map(Value::text).transpose()?,
            }
        };
        Ok(Media {
            kind,
            source,
            name: None,
            context: None,
            detail,
        })
    }

    /// Source: Gemini API, `FunctionCall`; `args` may be missing.
    fn function_call(
        &mut self,
        call: Value<'_>,
        position: Position,
    ) -> Result<PartKind, DecodeError> {
        let (mut id, mut args) = (None, None);
        for (key, value) in fields(call)? {
            match &*key {
                "name" => {}
                "id" => id = Some(value.text()?).filter(|id| !id.is_empty()),
                "args" => args = Some(value),
                _ => self.unknown(value),
            }
        }
        let name = required(call, "name")?.text()?;
        let id = self.calls.add(id, &name, position.turn, position.part);
        Ok(PartKind::ToolCall {
            id,
            name,
            namespace: None,
            input: ToolInput::from_value(args),
        })
    }

    /// Source: Gemini API, `FunctionResponse`.
    fn function_response(&mut self, result: Value<'_>) -> Result<ToolResult, DecodeError> {
        let mut id = None;
        let mut parts = Vec::new();
        let mut media = Vec::new();
        let mut is_error = false;
        for (key, value) in fields(result)? {
            match &*key {
                "name" => {}
                "id" => id = Some(value.text()?).filter(|id| !id.is_empty()),
                "response" => {
                    let (text, is_failure) = response_text(value);
                    parts.push(text);
                    is_error = is_failure;
                }
                "parts" => self.result_media(value, &mut media)?,
                _ => self.unknown(value),
            }
        }
        parts.append(&mut media);
        // The id alone tells the call too.
        let name = match field(result, "name") {
            None if id.is_some() => EscapedStr::default(),
            _ => required(result, "name")?.text()?,
        };
        let call_id = self.calls.resolve(id, &name);
        Ok(ToolResult {
            call_id,
            name: Some(name).filter(|name| !name.is_empty()),
            parts,
            is_error,
        })
    }

    fn result_media(&mut self, parts: Value<'_>, out: &mut Vec<Part>) -> Result<(), DecodeError> {
        for part in parts.items()? {
            let PartMembers { data, detail, .. } = self.members(part)?;
            let media = match data {
                Some((key, value)) if key == "inlineData" => self.inline_data(value, detail)?,
                Some((key, value)) if key == "fileData" => self.file_data(value, detail)?,
                _ => return Err(part.missing("inlineData").into()),
            };
            out.push(Part::new(PartKind::Media(media), part.offset()));
        }
        Ok(())
    }
}

/// The parts of a turn as they are decoded.
#[derive(Default)]
struct TurnParts {
    parts: Vec<Part>,
    /// The texts at the end, before which reasoning may still come.
    last_texts: Vec<Part>,
    signatures: HashSet<Signature>,
}

impl TurnParts {
    /// Appends a part, with what its `thoughtSignature` carried.
    ///
    /// A signature of Gemini's own stays on its part. One of another dialect comes out of the
    /// envelope in which an earlier response carried it, and goes to reasoning. An empty text that
    /// only carried an envelope is left out.
    fn push(&mut self, mut part: Part, signature: Option<Located<EscapedStr>>) {
        let mut is_carrier = false;
        if let Some(signature) = signature {
            part.signature_at = Some(signature.at);
            match envelope::unwrap(&signature.value) {
                Content::Own(value) => part.signature = Some(own_signature(value)),
                Content::Foreign { signature, form } => {
                    if let PartKind::Reasoning {
                        form: part_form, ..
                    } = &mut part.kind
                    {
                        *part_form = form;
                        part.signature = Some(signature);
                    } else {
                        is_carrier = true;
                        self.restore_reasoning(form, signature, part.at);
                    }
                }
                Content::Unsigned => is_carrier = true,
            }
        }
        if !(is_carrier && is_empty_text(&part)) {
            self.append(part);
        }
    }

    fn append(&mut self, part: Part) {
        self.signatures.extend(part.signature.clone());
        if matches!(part.kind, PartKind::Text(_)) {
            self.last_texts.push(part);
        } else {
            self.parts.append(&mut self.last_texts);
            self.parts.push(part);
        }
    }

    /// Restores the reasoning that a signature of another dialect belongs to.
    ///
    /// The client has left the reasoning out of its history (Gemini CLI keeps the signatures of
    /// calls only), or was shown none. The reasoning came before the text that precedes the
    /// carrier:
    ///
    /// ```text
    ///   call | text text [carrier]   ->   call | reasoning text text [carrier]
    /// ```
    fn restore_reasoning(&mut self, form: ReasoningForm, signature: Signature, at: Offset) {
        // Otherwise the thought itself has come back with the same signature.
        if self.signatures.insert(signature.clone()) {
            let kind = PartKind::Reasoning {
                form,
                texts: Vec::new(),
            };
            let mut reasoning = Part::new(kind, at);
            reasoning.signature = Some(signature);
            self.parts.push(reasoning);
        }
    }

    fn finish(mut self) -> Vec<Part> {
        self.parts.append(&mut self.last_texts);
        self.parts
    }
}

fn is_empty_text(part: &Part) -> bool {
    matches!(&part.kind, PartKind::Text(text) if text.is_empty())
}

/// A signature of Gemini's own. Which provider and model gave it is not known.
fn own_signature(value: EscapedStr) -> Signature {
    Signature {
        origin: Origin {
            dialect: DIALECT,
            provider: String::new(),
            model: String::new(),
        },
        value,
    }
}

/// Source: Gemini API, `Content.role`; `function` is the older role of results. Clients that also
/// speak other dialects leave those dialects' roles in their history.
fn role(role: Value<'_>) -> Result<Role, Invalid> {
    match &*enum_name(role)? {
        "USER" | "FUNCTION" | "TOOL" | "" => Ok(Role::User),
        "MODEL" | "ASSISTANT" => Ok(Role::Assistant),
        "SYSTEM" | "DEVELOPER" => Ok(Role::System),
        _ => Err(role.expected("`user`, `model` or `function`")),
    }
}

/// The level of `mediaResolution`, which is an object; the level alone is accepted too.
fn resolution(value: Value<'_>) -> Result<Located<EscapedStr>, Invalid> {
    let level = field(value, "level").unwrap_or(value);
    Ok(Located::new(level.text()?, level.offset()))
}

fn media_kind(mime: Value<'_>) -> Result<MediaKind, DecodeError> {
    MediaKind::of_mime(&mime.str()?).ok_or_else(|| {
        DecodeError::unsupported(mime.offset(), "no dialect takes media of this type")
    })
}

/// The kind of a file whose type is not told: by its address, else a document.
fn kind_of_address(uri: &str) -> MediaKind {
    if is_youtube(uri) {
        return MediaKind::Video;
    }
    let mime = media_types::of_address(uri);
    mime.and_then(MediaKind::of_mime)
        .unwrap_or(MediaKind::Document)
}

/// Whether the URI names a file that only Google's own services can read.
pub(super) fn is_google_file(uri: &str) -> bool {
    uri.starts_with("gs://")
        || uri.starts_with("files/")
        || uri.starts_with("https://generativelanguage.googleapis.com/")
}

/// Whether the URI names a video of YouTube, whose addresses have no ending.
pub(super) fn is_youtube(uri: &str) -> bool {
    const SITES: [&str; 4] = [
        "https://www.youtube.com/",
        "https://youtube.com/",
        "https://m.youtube.com/",
        "https://youtu.be/",
    ];
    SITES.iter().any(|site| uri.starts_with(site))
}

/// The output of a call as a text part, and whether it is an error.
///
/// `{"output": …}`, `{"result": …}` and `{"error": …}` are the documented wrappers; any other
/// object is the output itself, and so is any other value: clients keep what they once sent.
fn response_text(response: Value<'_>) -> (Part, bool) {
    let mut members = response.members().ok().into_iter().flatten();
    let (first, second) = (members.next(), members.next());
    let (value, is_error) = match (first, second) {
        (Some((key, value)), None) if key == "output" || key == "result" => (value, false),
        (Some((key, value)), None) if key == "error" => (value, true),
        _ => (response, false),
    };
    let text = value
        .text()
        .unwrap_or_else(|_| value.raw().compact().to_text());
    (Part::text(text, value.offset()), is_error)
}
