//! Decodes `contents`: turns, their parts, and the calls and results among them.
//!
//! Source: Gemini API, `Content`, `Part`, `Blob`, `FileData`, `FunctionCall`, `FunctionResponse`.

use std::borrow::Cow;

use super::DIALECT;
use super::proto_json::{base64, field, fields, required, word};
use super::request_decode::Decoder;
use crate::canon::{
    Located, Media, MediaKind, MediaSource, Origin, Part, PartKind, ReasoningForm, Role, Signature,
    ToolInput, ToolResult, Turn,
};
use crate::json::{EscapedStr, Invalid, Raw, Value};
use crate::protocol::DecodeError;
use crate::protocol::envelope::{self, Carried};

/// The members of a part, before its kind is known.
#[derive(Default)]
struct Members<'d> {
    data: Option<(Cow<'d, str>, Value<'d>)>,
    is_thought: bool,
    signature: Option<Located<EscapedStr>>,
    detail: Option<Located<EscapedStr>>,
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
        for (key, value) in fields(content)? {
            match &*key {
                "role" => turn.role = role(value)?,
                "parts" => self.parts(value, index, &mut turn.parts)?,
                _ => self.unknown(value),
            }
        }
        // Only the model calls; some clients leave its role out.
        if turn
            .parts
            .iter()
            .any(|part| matches!(part.kind, PartKind::ToolCall { .. }))
        {
            turn.role = Role::Assistant;
        }
        Ok(turn)
    }

    fn parts(
        &mut self,
        parts: Value<'_>,
        turn: usize,
        out: &mut Vec<Part>,
    ) -> Result<(), DecodeError> {
        for (position, part) in parts.items()?.enumerate() {
            let members = self.members(part)?;
            let signature = members.signature.clone();
            let kind = self.kind(part, members, turn, position)?;
            place(Part::new(kind, part.offset()), signature, out);
        }
        Ok(())
    }

    fn members<'d>(&mut self, part: Value<'d>) -> Result<Members<'d>, Invalid> {
        let mut members = Members::default();
        for (key, value) in fields(part)? {
            match &*key {
                "thought" => members.is_thought = value.bool()?,
                "thoughtSignature" => {
                    members.signature = Some(Located::new(value.text()?, value.offset()))
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
                        return Err(Invalid::new(
                            value.offset(),
                            "a part holds one kind of data only",
                        ));
                    }
                }
                _ => self.unknown(value),
            }
        }
        Ok(members)
    }

    fn kind(
        &mut self,
        part: Value<'_>,
        members: Members<'_>,
        turn: usize,
        position: usize,
    ) -> Result<PartKind, DecodeError> {
        let Some((key, value)) = members.data else {
            // Some clients keep a signature and lose the empty text that it came with.
            let token = members
                .signature
                .map(|_| PartKind::Text(EscapedStr::default()));
            return token.ok_or_else(|| {
                Invalid::new(
                    part.offset(),
                    "missing `text`, or other data that a part can hold",
                )
                .into()
            });
        };
        Ok(match &*key {
            "text" if members.is_thought => PartKind::Reasoning {
                form: ReasoningForm::Summary,
                texts: vec![value.text()?],
            },
            "text" => PartKind::Text(value.text()?),
            "inlineData" => PartKind::Media(self.inline(value, members.detail)?),
            "fileData" => PartKind::Media(self.file(value, members.detail)?),
            "functionCall" => self.call(value, turn, position)?,
            "functionResponse" => PartKind::ToolResult(self.result(value)?),
            kind => PartKind::Hosted {
                dialect: DIALECT,
                kind: EscapedStr::from(kind),
                raw: value.raw(),
            },
        })
    }

    /// Source: Gemini API, `Blob`.
    fn inline(
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

    /// Source: Gemini API, `FileData`: a file of the Files API or a bucket, which only Google can
    /// read, or a public address.
    fn file(
        &mut self,
        file: Value<'_>,
        detail: Option<Located<EscapedStr>>,
    ) -> Result<Media, DecodeError> {
        let uri = required(file, "fileUri")?;
        let mime = field(file, "mimeType");
        let kind = mime.map_or(Ok(MediaKind::Video), media_kind)?;
        fields(file)?
            .filter(|(key, _)| !["fileUri", "mimeType"].contains(&&**key))
            .for_each(|(_, value)| self.unknown(value));
        let source = if is_handle(&uri.str()?) {
            // A handle has no room for the type, which the file itself knows.
            mime.into_iter().for_each(|mime| self.unknown(mime));
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
    fn call(
        &mut self,
        call: Value<'_>,
        turn: usize,
        position: usize,
    ) -> Result<PartKind, DecodeError> {
        let (mut id, mut args) = (None, Raw::from_static("{}"));
        for (key, value) in fields(call)? {
            match &*key {
                "name" => {}
                "id" => id = Some(value.text()?).filter(|id| !id.is_empty()),
                "args" => {
                    value.members()?;
                    args = value.raw().compact();
                }
                _ => self.unknown(value),
            }
        }
        let name = required(call, "name")?.text()?;
        let id = self.calls.call(id, &name, turn, position);
        Ok(PartKind::ToolCall {
            id,
            name,
            namespace: None,
            input: ToolInput::Json(args),
        })
    }

    /// Source: Gemini API, `FunctionResponse`.
    fn result(&mut self, result: Value<'_>) -> Result<ToolResult, DecodeError> {
        let (mut id, mut parts, mut media, mut is_error) = (None, Vec::new(), Vec::new(), false);
        for (key, value) in fields(result)? {
            match &*key {
                "name" => {}
                "id" => id = Some(value.text()?).filter(|id| !id.is_empty()),
                "response" => is_error = answer(value, &mut parts)?,
                "parts" => self.result_media(value, &mut media)?,
                _ => self.unknown(value),
            }
        }
        parts.append(&mut media);
        let name = required(result, "name")?.text()?;
        let call_id = self.calls.result(id, &name);
        Ok(ToolResult {
            call_id,
            name: Some(name),
            parts,
            is_error,
        })
    }

    fn result_media(&mut self, parts: Value<'_>, out: &mut Vec<Part>) -> Result<(), DecodeError> {
        for part in parts.items()? {
            let Members { data, detail, .. } = self.members(part)?;
            let media = match data {
                Some((key, value)) if key == "inlineData" => self.inline(value, detail)?,
                Some((key, value)) if key == "fileData" => self.file(value, detail)?,
                _ => return Err(part.missing("inlineData").into()),
            };
            out.push(Part::new(PartKind::Media(media), part.offset()));
        }
        Ok(())
    }
}

/// Puts a part behind its turn's others, with what its `thoughtSignature` carried.
fn place(mut part: Part, signature: Option<Located<EscapedStr>>, parts: &mut Vec<Part>) {
    let is_reasoning = matches!(part.kind, PartKind::Reasoning { .. });
    let mut is_empty = false;
    part.signature_at = signature.as_ref().map(|signature| signature.at);
    match signature.map(|signature| envelope::unwrap(&signature.value)) {
        Some(Carried::Own(value)) => part.signature = Some(own(value)),
        Some(Carried::Foreign { signature, form }) if is_reasoning => {
            sign(&mut part, signature, form)
        }
        Some(Carried::Foreign { signature, form }) => {
            is_empty = is_empty_text(&part);
            restore_reasoning(form, signature, &part, parts);
        }
        Some(Carried::Nothing) => is_empty = is_empty_text(&part),
        None => {}
    }
    if !is_empty {
        parts.push(part);
    }
}

/// Gives reasoning its maker's token, and the form that it had there.
fn sign(part: &mut Part, signature: Signature, made: ReasoningForm) {
    if let PartKind::Reasoning { form, .. } = &mut part.kind {
        *form = made;
    }
    part.signature = Some(signature);
}

/// Another maker's token on a part that is no reasoning: its client left the reasoning itself away
/// (Gemini CLI keeps signatures of calls only), or was shown none. The reasoning stood before the
/// text in front of the part.
fn restore_reasoning(
    form: ReasoningForm,
    signature: Signature,
    carrier: &Part,
    parts: &mut Vec<Part>,
) {
    if parts
        .iter()
        .any(|part| part.signature.as_ref() == Some(&signature))
    {
        return;
    }
    let is_text = |part: &Part| matches!(part.kind, PartKind::Text(_));
    let before_text = parts
        .iter()
        .rposition(|part| !is_text(part))
        .map_or(0, |last| last + 1);
    let mut reasoning = Part::new(
        PartKind::Reasoning {
            form,
            texts: Vec::new(),
        },
        carrier.at,
    );
    reasoning.signature = Some(signature);
    parts.insert(before_text, reasoning);
}

fn is_empty_text(part: &Part) -> bool {
    matches!(&part.kind, PartKind::Text(text) if text.is_empty())
}

/// A token of Gemini's own; which provider and model made it is not known.
fn own(value: EscapedStr) -> Signature {
    Signature {
        origin: Origin {
            dialect: DIALECT,
            provider: String::new(),
            model: String::new(),
        },
        value,
    }
}

/// Source: Gemini API, `Content.role`; `function` is the older word for results.
fn role(role: Value<'_>) -> Result<Role, Invalid> {
    match &*word(role)? {
        "USER" | "FUNCTION" | "" => Ok(Role::User),
        "MODEL" => Ok(Role::Assistant),
        _ => Err(role.expected("`user`, `model` or `function`")),
    }
}

/// `mediaResolution` of a part is an object; its level alone is taken too.
fn resolution(value: Value<'_>) -> Result<Located<EscapedStr>, Invalid> {
    let level = field(value, "level").unwrap_or(value);
    Ok(Located::new(level.text()?, level.offset()))
}

fn media_kind(mime: Value<'_>) -> Result<MediaKind, DecodeError> {
    MediaKind::of_mime(&mime.str()?).ok_or_else(|| {
        DecodeError::unsupported(mime.offset(), "no dialect takes media of this type")
    })
}

/// Whether only Google's own services can read what the URI names.
pub(super) fn is_handle(uri: &str) -> bool {
    uri.starts_with("gs://")
        || uri.starts_with("files/")
        || uri.starts_with("https://generativelanguage.googleapis.com/")
}

/// The text of a call's answer, and whether it is an error.
///
/// `{"output": …}`, `{"result": …}` and `{"error": …}` are the documented wrappings; any other
/// object is the answer itself.
fn answer(response: Value<'_>, parts: &mut Vec<Part>) -> Result<bool, Invalid> {
    let mut members = response.members()?;
    let (first, second) = (members.next(), members.next());
    let (value, is_error) = match (first, second) {
        (Some((key, value)), None) if key == "output" || key == "result" => (value, false),
        (Some((key, value)), None) if key == "error" => (value, true),
        _ => (response, false),
    };
    let text = value
        .text()
        .unwrap_or_else(|_| value.raw().compact().to_text());
    parts.push(Part::text(text, value.offset()));
    Ok(is_error)
}
