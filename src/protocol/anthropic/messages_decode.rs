//! System text, messages and their blocks.
//!
//! Source: Anthropic Messages reference, "Messages". Blocks that only this API can run or read are
//! kept whole as hosted parts.

use super::DIALECT;
use super::request_decode::{Decoder, located};
use crate::canon::{
    Located, Media, MediaKind, MediaSource, Origin, Part, PartKind, ReasoningForm, Role, Signature,
    ToolInput, ToolResult, Turn,
};
use crate::json::{EscapedStr, Invalid, Kind, Raw, Value};
use crate::protocol::DecodeError;
use crate::protocol::envelope::{self, Carried};

impl Decoder {
    pub(super) fn messages(&mut self, messages: Value<'_>) -> Result<Vec<Turn>, DecodeError> {
        let turns: Vec<Turn> = messages
            .items()?
            .map(|message| self.message(message))
            .collect::<Result<_, _>>()?;
        if turns.is_empty() {
            return Err(Invalid::new(
                messages.offset(),
                "expected at least one message, found none",
            )
            .into());
        }
        Ok(turns)
    }

    fn message(&mut self, message: Value<'_>) -> Result<Turn, DecodeError> {
        let role = role(message.required("role")?)?;
        let content = message.required("content")?;
        self.unknown_besides(message, &["role", "content"])?;
        let is_system = matches!(role, Role::System | Role::Developer);
        let parts = if is_system {
            self.system_text(content)?
        } else {
            self.content(content)?
        };
        Ok(Turn {
            role,
            parts,
            name: None,
            at: message.offset(),
        })
    }

    /// System text at the front or in the middle: a string or blocks of text.
    pub(super) fn system_text(&mut self, system: Value<'_>) -> Result<Vec<Part>, DecodeError> {
        let parts = self.content(system)?;
        match parts
            .iter()
            .find(|part| !matches!(part.kind, PartKind::Text(_)))
        {
            Some(other) => Err(DecodeError::unsupported(
                other.at,
                "expected text; system text holds nothing else",
            )),
            None => Ok(parts),
        }
    }

    /// A string, or blocks.
    fn content(&mut self, content: Value<'_>) -> Result<Vec<Part>, DecodeError> {
        match content.kind() {
            Kind::String => Ok(vec![Part::text(content.text()?, content.offset())]),
            Kind::Array => content.items()?.map(|block| self.block(block)).collect(),
            _ => Err(content.expected("a string or an array of blocks").into()),
        }
    }

    fn block(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let kind = block.required("type")?;
        match &*kind.str()? {
            "text" => self.part(block, PartKind::Text(text(block, "text")?), &["text"]),
            "image" => self.image(block),
            "document" => self.document(block),
            "search_result" => self.search_result(block),
            "tool_use" => self.tool_use(block),
            "tool_result" => self.tool_result(block),
            "thinking" => self.thinking_block(block),
            "redacted_thinking" => self.redacted_thinking(block),
            // Media is never passed over: what the API has no block for is refused here, not
            // dropped later.
            media @ ("audio" | "input_audio" | "video") => Err(DecodeError::unsupported(
                block.offset(),
                format!("the anthropic dialect has no `{media}` blocks"),
            )),
            _ => Ok(Part::new(
                PartKind::Hosted {
                    dialect: DIALECT,
                    kind: kind.text()?,
                    raw: block.raw(),
                },
                block.offset(),
            )),
        }
    }

    /// A part of that kind, with what any block may carry beside its `own` members.
    fn part(
        &mut self,
        block: Value<'_>,
        kind: PartKind,
        own: &[&str],
    ) -> Result<Part, DecodeError> {
        let mut part = Part::new(kind, block.offset());
        for (key, value) in block.fields()? {
            match &*key {
                "type" => {}
                "cache_control" => part.cache = Some(self.cache_breakpoint(value)?),
                "citations" => part.citations = citations(value),
                key if own.contains(&key) => {}
                _ => self.unknown(value),
            }
        }
        Ok(part)
    }

    fn image(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let source = self.source(block.required("source")?)?;
        let media = Media {
            kind: MediaKind::Image,
            source,
            name: None,
            context: None,
            detail: None,
        };
        self.part(block, PartKind::Media(media), &["source"])
    }

    fn document(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let source = self.source(block.required("source")?)?;
        let media = Media {
            kind: document_kind(&source),
            source,
            name: optional_text(block, "title")?,
            context: optional_text(block, "context")?,
            detail: None,
        };
        self.part(
            block,
            PartKind::Media(media),
            &["source", "title", "context"],
        )
    }

    /// A search result that the client brings along is text which the answer builds on: a document
    /// with its source as context.
    fn search_result(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let media = Media {
            kind: MediaKind::Document,
            source: MediaSource::Plain(self.plain_content(block.required("content")?)?),
            name: optional_text(block, "title")?,
            context: optional_text(block, "source")?,
            detail: None,
        };
        self.part(
            block,
            PartKind::Media(media),
            &["source", "title", "content"],
        )
    }

    fn source(&mut self, source: Value<'_>) -> Result<MediaSource, DecodeError> {
        let kind = source.required("type")?;
        let (read, known): (_, &[&str]) = match &*kind.str()? {
            "base64" => {
                let (mime, data) = (text(source, "media_type")?, text(source, "data")?);
                (
                    MediaSource::Inline { mime, data },
                    &["type", "media_type", "data"],
                )
            }
            "text" => (
                MediaSource::Plain(text(source, "data")?),
                &["type", "media_type", "data"],
            ),
            "url" => (
                MediaSource::Url {
                    url: web_url(source.required("url")?)?,
                    mime: None,
                },
                &["type", "url"],
            ),
            "file" => (
                MediaSource::File {
                    id: Located::read(source.required("file_id")?, Value::text)?,
                    dialect: DIALECT,
                },
                &["type", "file_id"],
            ),
            "content" => (
                MediaSource::Plain(self.plain_content(source.required("content")?)?),
                &["type", "content"],
            ),
            _ => {
                return Err(kind
                    .expected("`base64`, `text`, `url`, `file` or `content`")
                    .into());
            }
        };
        self.unknown_besides(source, known)?;
        Ok(read)
    }

    /// A document made of blocks, as one text: their borders only matter to citations.
    fn plain_content(&mut self, content: Value<'_>) -> Result<EscapedStr, DecodeError> {
        let parts = self.system_text(content)?;
        let texts = parts.iter().filter_map(|part| match &part.kind {
            PartKind::Text(text) => Some(text),
            _ => None,
        });
        Ok(EscapedStr::join(texts, "\\n\\n"))
    }

    fn tool_use(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let input = block.required("input")?;
        input.members().map_err(|_| input.expected("an object"))?;
        let call = PartKind::ToolCall {
            id: text(block, "id")?,
            name: text(block, "name")?,
            namespace: None,
            input: ToolInput::Json(input.raw().compact()),
        };
        self.part(block, call, &["id", "name", "input"])
    }

    fn tool_result(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let content = block
            .get("content")
            .map(|content| self.content(content))
            .transpose()?;
        let result = ToolResult {
            call_id: text(block, "tool_use_id")?,
            name: None,
            parts: content.unwrap_or_default(),
            is_error: block
                .get("is_error")
                .map(Value::bool)
                .transpose()?
                .unwrap_or(false),
        };
        if let Some(other) = result.parts.iter().find(|part| !fits_result(part)) {
            return Err(DecodeError::unsupported(
                other.at,
                "expected text, an image or a document in a tool result",
            ));
        }
        self.part(
            block,
            PartKind::ToolResult(result),
            &["tool_use_id", "content", "is_error"],
        )
    }

    fn thinking_block(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let texts = optional_text(block, "thinking")?
            .map(|text| text.value)
            .filter(|text| !text.is_empty());
        let carrier = optional_text(block, "signature")?
            .map(|carrier| carrier.value)
            .unwrap_or_default();
        let (signature, form) = signature(&carrier, ReasoningForm::Full);
        let reasoning = PartKind::Reasoning {
            form,
            texts: texts.into_iter().collect(),
        };
        Ok(Part {
            signature,
            ..self.part(block, reasoning, &["thinking", "signature"])?
        })
    }

    fn redacted_thinking(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let (signature, form) = signature(&text(block, "data")?, ReasoningForm::Redacted);
        Ok(Part {
            signature,
            ..self.part(
                block,
                PartKind::Reasoning {
                    form,
                    texts: Vec::new(),
                },
                &["data"],
            )?
        })
    }
}

fn role(role: Value<'_>) -> Result<Role, Invalid> {
    match &*role.str()? {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "system" => Ok(Role::System),
        "developer" => Ok(Role::Developer),
        _ => Err(role.expected("`user`, `assistant` or `system`")),
    }
}

fn text(block: Value<'_>, key: &'static str) -> Result<EscapedStr, Invalid> {
    block.required(key)?.text()
}

fn optional_text(block: Value<'_>, key: &str) -> Result<Option<Located<EscapedStr>>, Invalid> {
    block
        .get(key)
        .map(|value| Located::read(value, Value::text))
        .transpose()
}

/// The token of a carrier and the form of its reasoning: the client's own, or another maker's out
/// of our envelope.
fn signature(carrier: &EscapedStr, own: ReasoningForm) -> (Option<Signature>, ReasoningForm) {
    match envelope::unwrap(carrier) {
        Carried::Own(value) if !value.is_empty() => {
            let origin = Origin {
                dialect: DIALECT,
                provider: String::new(),
                model: String::new(),
            };
            (Some(Signature { origin, value }), own)
        }
        Carried::Foreign { signature, form } => (Some(signature), form),
        Carried::Own(_) | Carried::Nothing => (None, own),
    }
}

/// An empty list cites nothing.
fn citations(value: Value<'_>) -> Option<Located<Raw>> {
    let is_empty = value.items().is_ok_and(|mut items| items.next().is_none());
    (!is_empty).then(|| located(value, value.raw()))
}

/// A URL source is a PDF, as the API takes no other document by URL.
fn document_kind(source: &MediaSource) -> MediaKind {
    match source {
        MediaSource::Inline { mime, .. } => {
            MediaKind::of_mime(&mime.to_plain()).unwrap_or(MediaKind::Document)
        }
        MediaSource::Url { .. } => MediaKind::Pdf,
        MediaSource::Plain(_) | MediaSource::File { .. } => MediaKind::Document,
    }
}

/// No path of this machine may leave it under the name of a URL.
fn web_url(url: Value<'_>) -> Result<EscapedStr, Invalid> {
    let plain = url.str()?.to_ascii_lowercase();
    let is_web = plain.starts_with("https://") || plain.starts_with("http://");
    if is_web {
        url.text()
    } else {
        Err(url.expected("an http or https URL"))
    }
}

fn fits_result(part: &Part) -> bool {
    matches!(
        part.kind,
        PartKind::Text(_) | PartKind::Media(_) | PartKind::Hosted { .. }
    )
}
