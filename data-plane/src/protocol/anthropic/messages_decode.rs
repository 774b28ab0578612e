//! Decodes system text, messages and their content blocks.
//!
//! Blocks that only this API can run or read are kept whole as hosted parts.
//!
//! Source: Anthropic Messages reference, "Messages".

use super::DIALECT;
use super::request_decode::{Decoder, located};
use crate::canon::{
    Located, Media, MediaKind, MediaSource, Origin, Part, PartKind, ReasoningForm, Role, Signature,
    ToolInput, ToolResult, Turn,
};
use crate::json::{EscapedStr, Invalid, Kind, Raw, Value};
use crate::protocol::DecodeError;
use crate::protocol::envelope::{self, Content};

impl Decoder {
    pub(super) fn messages(&mut self, messages: Value<'_>) -> Result<Vec<Turn>, DecodeError> {
        let turns: Vec<Turn> = messages
            .items()?
            .map(|message| self.message(message))
            .collect::<Result<_, _>>()?;
        if turns.is_empty() {
            let why = "expected at least one message, found none";
            return Err(Invalid::new(messages.offset(), why).into());
        }
        Ok(turns)
    }

    fn message(&mut self, message: Value<'_>) -> Result<Turn, DecodeError> {
        let role = role(message.required("role")?)?;
        self.unknown_besides(message, &["role", "content", "output_config"])?;
        // From here on; the last one holds for the answer.
        if let Some(config) = message.get("output_config") {
            self.output_config(config)?;
            self.request.adjusted.push(config.offset());
        }
        let is_system = matches!(role, Role::System | Role::Developer);
        let parts = match message.get("content") {
            // A turn that said nothing. Clients keep it in their history.
            None => Vec::new(),
            Some(content) if is_system => self.system_text(content)?,
            Some(content) => self.content(content)?,
        };
        Ok(Turn {
            role,
            parts,
            name: None,
            at: message.offset(),
        })
    }

    /// System text at the front or in the middle: a string or text blocks.
    pub(super) fn system_text(&mut self, system: Value<'_>) -> Result<Vec<Part>, DecodeError> {
        let parts = self.content(system)?;
        for part in &parts {
            if !matches!(part.kind, PartKind::Text(_)) {
                let why = "expected text; system text holds nothing else";
                return Err(DecodeError::unsupported(part.at, why));
            }
        }
        Ok(parts)
    }

    /// A string or an array of blocks.
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
            "text" => {
                let text = block.get("text").map(Value::text).transpose()?;
                self.part(block, PartKind::Text(text.unwrap_or_default()), &["text"])
            }
            "image" => self.image(block),
            "document" => self.document(block),
            "search_result" => self.search_result(block),
            "tool_use" => self.tool_use(block),
            "tool_result" => self.tool_result(block),
            "thinking" => self.thinking_block(block),
            "redacted_thinking" => self.redacted_thinking(block),
            // Unknown media is refused here rather than dropped later: the response would be about
            // something that the model never saw.
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

    /// A part of that kind, with the members that every block may have. `known` are the members
    /// that the caller has read.
    fn part(
        &mut self,
        block: Value<'_>,
        kind: PartKind,
        known: &[&str],
    ) -> Result<Part, DecodeError> {
        let mut part = Part::new(kind, block.offset());
        for (key, value) in block.fields()? {
            match &*key {
                "type" => {}
                "cache_control" => part.cache = Some(self.cache_breakpoint(value)?),
                "citations" => part.citations = citations(value),
                key if known.contains(&key) => {}
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

    /// A search result of the client's is decoded as a document with its source as context: other
    /// dialects have no block for it, and the response builds on its text.
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

    /// `{"type":"base64","media_type":"image/png","data":"…"}`
    fn source(&mut self, source: Value<'_>) -> Result<MediaSource, DecodeError> {
        let kind = source.required("type")?;
        let known: &[&str];
        let decoded = match &*kind.str()? {
            "base64" => {
                known = &["type", "media_type", "data"];
                MediaSource::Inline {
                    mime: text(source, "media_type")?,
                    data: text(source, "data")?,
                }
            }
            "text" => {
                known = &["type", "media_type", "data"];
                MediaSource::Plain(text(source, "data")?)
            }
            "url" => {
                known = &["type", "url"];
                MediaSource::Url {
                    url: web_url(source.required("url")?)?,
                    mime: None,
                }
            }
            "file" => {
                known = &["type", "file_id"];
                MediaSource::File {
                    id: Located::read(source.required("file_id")?, Value::text)?,
                    dialect: DIALECT,
                }
            }
            "content" => {
                known = &["type", "content"];
                MediaSource::Plain(self.plain_content(source.required("content")?)?)
            }
            _ => {
                let expected = "`base64`, `text`, `url`, `file` or `content`";
                return Err(kind.expected(expected).into());
            }
        };
        self.unknown_besides(source, known)?;
        Ok(decoded)
    }

    /// A document made of blocks, as one text. The borders of the blocks matter to citations only.
    fn plain_content(&mut self, content: Value<'_>) -> Result<EscapedStr, DecodeError> {
        let parts = self.system_text(content)?;
        let texts = parts.iter().filter_map(|part| match &part.kind {
            PartKind::Text(text) => Some(text),
            _ => None,
        });
        Ok(EscapedStr::join(texts, "\\n\\n"))
    }

    fn tool_use(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let call = PartKind::ToolCall {
            id: text(block, "id")?,
            name: text(block, "name")?,
            namespace: None,
            input: ToolInput::from_value(block.get("input")),
        };
        self.part(block, call, &["id", "name", "input"])
    }

    fn tool_result(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let parts = match block.get("content") {
            Some(content) => self.content(content)?,
            None => Vec::new(),
        };
        let is_error = match block.get("is_error") {
            Some(is_error) => is_error.bool()?,
            None => false,
        };
        let result = ToolResult {
            call_id: text(block, "tool_use_id")?,
            name: None,
            parts,
            is_error,
        };
        if let Some(other) = result.parts.iter().find(|part| !fits_result(part)) {
            let why = "expected text, an image or a document in a tool result";
            return Err(DecodeError::unsupported(other.at, why));
        }
        let known = &["tool_use_id", "content", "is_error"];
        self.part(block, PartKind::ToolResult(result), known)
    }

    fn thinking_block(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let mut texts = Vec::new();
        if let Some(text) = optional_text(block, "thinking")?
            && !text.value.is_empty()
        {
            texts.push(text.value);
        }
        let signature = match optional_text(block, "signature")? {
            Some(signature) => signature.value,
            None => EscapedStr::default(),
        };
        let (signature, form) = decode_signature(&signature, ReasoningForm::Full);
        let reasoning = PartKind::Reasoning { form, texts };
        let mut part = self.part(block, reasoning, &["thinking", "signature"])?;
        part.signature = signature;
        Ok(part)
    }

    fn redacted_thinking(&mut self, block: Value<'_>) -> Result<Part, DecodeError> {
        let (signature, form) = decode_signature(&text(block, "data")?, ReasoningForm::Redacted);
        let reasoning = PartKind::Reasoning {
            form,
            texts: Vec::new(),
        };
        let mut part = self.part(block, reasoning, &["data"])?;
        part.signature = signature;
        Ok(part)
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

/// Decodes the signature of a thinking block, and the form that its reasoning had at its origin.
///
/// One of this dialect is taken as it is; one of another dialect comes out of the envelope in which
/// an earlier response carried it, together with its form. `form` is the block's own.
fn decode_signature(
    signature: &EscapedStr,
    form: ReasoningForm,
) -> (Option<Signature>, ReasoningForm) {
    match envelope::unwrap(signature) {
        Content::Own(value) if !value.is_empty() => {
            let origin = Origin {
                dialect: DIALECT,
                provider: String::new(),
                model: String::new(),
            };
            (Some(Signature { origin, value }), form)
        }
        Content::Foreign { signature, form } => (Some(signature), form),
        Content::Own(_) | Content::Unsigned => (None, form),
    }
}

/// The citations of a block; `None` where the list is empty.
fn citations(value: Value<'_>) -> Option<Located<Raw>> {
    let is_empty = value.items().is_ok_and(|mut items| items.next().is_none());
    (!is_empty).then(|| located(value, value.raw()))
}

/// The kind of a document. By URL, the API takes PDFs only.
fn document_kind(source: &MediaSource) -> MediaKind {
    match source {
        MediaSource::Inline { mime, .. } => {
            MediaKind::of_mime(&mime.to_plain()).unwrap_or(MediaKind::Document)
        }
        MediaSource::Url { .. } => MediaKind::Pdf,
        MediaSource::Plain(_) | MediaSource::File { .. } => MediaKind::Document,
    }
}

/// A URL of the web. Any other scheme is refused, since `file:` would name a path of this machine.
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
