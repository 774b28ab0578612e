//! Encodes turns as `contents`: roles, parts, results of calls, and where signatures go.
//!
//! The order of the turns is given (`turns::arrange`).
//!
//! Source: Gemini API, `Content`, `Part`, "Thought signatures"; `translation.md` sections 3, 4 and
//! 10.

use std::collections::HashMap;

use super::content_encode::{PartData, WirePart};
use super::messages_decode::{is_google_file, is_youtube};
use super::request_encode::{Context, report_part_losses};
use super::{DIALECT, rules};
use crate::canon::{
    Losses, Media, MediaKind, MediaSource, Part, PartKind, Role, ToolInput, ToolResult, Turn,
};
use crate::json::{self, EscapedStr, Raw};
use crate::protocol::reminder::wrapped;
use crate::protocol::{Operation, Target, envelope, file_refs, media_types};

/// The user's turn before a conversation that the model begins.
const CONTINUE: &str = "(continue)";

/// The signature of a call that another dialect's model made. Source: Gemini API, "Thought
/// signatures", FAQ.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// One entry of `contents`.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) role: &'static str,
    pub(super) parts: Vec<WirePart>,
}

impl Content {
    /// Whether it is a person's question rather than the results of calls.
    fn is_question(&self) -> bool {
        let is_result = |part: &WirePart| matches!(part.data, PartData::FunctionResponse { .. });
        self.role == "user" && !self.parts.iter().any(is_result)
    }
}

pub(super) struct ContentsEncoder<'c, 'l> {
    context: &'c Context<'c>,
    losses: &'l mut Losses,
    contents: Vec<Content>,
    /// The names on the wire of the calls so far, by id: a result has to repeat its call's.
    call_names: HashMap<String, EscapedStr>,
}

/// A signature of Gemini's own that came back on reasoning.
struct ReasoningSignature {
    /// The index of the part that follows.
    index: usize,
    value: EscapedStr,
    /// Whether it came through another dialect, which moved it from a call to reasoning.
    is_displaced: bool,
}

impl<'c, 'l> ContentsEncoder<'c, 'l> {
    pub(super) fn new(context: &'c Context<'c>, losses: &'l mut Losses) -> Self {
        Self {
            context,
            losses,
            contents: Vec::new(),
            call_names: HashMap::new(),
        }
    }

    pub(super) fn encode(mut self) -> Vec<Content> {
        let turns = &self.context.request.turns;
        for turn in turns {
            if let Some(name) = &turn.name {
                self.losses.dropped(name.at);
            }
            match turn.role {
                Role::User => self.user(turn),
                Role::Assistant => self.model(turn),
                Role::System | Role::Developer => self.reminder(turn),
            }
        }
        self.sign_running_loop();
        self.start_with_user();
        self.refuse_prefill();
        self.contents
    }

    /// Appends the parts of a turn. Turns of one role become one entry.
    fn push(&mut self, role: &'static str, mut parts: Vec<WirePart>) {
        match self.contents.last_mut() {
            _ if parts.is_empty() => {}
            Some(last) if last.role == role => last.parts.append(&mut parts),
            _ => self.contents.push(Content { role, parts }),
        }
    }

    fn start_with_user(&mut self) {
        let starts_with_user = self
            .contents
            .first()
            .is_some_and(|first| first.role == "user");
        if !starts_with_user {
            let first = Content {
                role: "user",
                parts: vec![WirePart::text(EscapedStr::from_static(CONTINUE))],
            };
            self.contents.insert(0, first);
            self.losses.added("turn");
        }
    }

    /// Refuses a response that the client began, which Gemini does not continue. Source:
    /// `translation.md` section 3.
    fn refuse_prefill(&mut self) {
        let is_prefill = self
            .contents
            .last()
            .is_some_and(|last| last.role == "model");
        if is_prefill && self.context.target.operation != Operation::CountTokens {
            let at = self.context.request.turns.last().map(|turn| turn.at);
            let why = "the gemini dialect goes on with no answer that is given to it: end with a message of the user";
            self.losses.refuse(at, why);
        }
    }

    /// Encodes a user's turn. The results come first, and media that they cannot hold after them.
    fn user(&mut self, turn: &Turn) {
        let (mut results, mut others) = (Vec::new(), Vec::new());
        for part in &turn.parts {
            match &part.kind {
                PartKind::ToolResult(result) => {
                    results.push(self.result(part, result, &mut others));
                }
                _ => others.extend(self.part(part)),
            }
        }
        results.append(&mut others);
        self.push("user", results);
    }

    /// Encodes system text between turns, which Gemini has no role for, as the user's.
    fn reminder(&mut self, turn: &Turn) {
        self.losses.adjusted(turn.at);
        let mut parts = Vec::with_capacity(turn.parts.len());
        for part in &turn.parts {
            parts.extend(self.part(part).map(wrap_reminder));
        }
        self.push("user", parts);
    }

    fn model(&mut self, turn: &Turn) {
        let (mut parts, mut signatures) = (Vec::new(), Vec::new());
        for part in &turn.parts {
            match &part.kind {
                PartKind::Reasoning { texts, .. } => {
                    self.reasoning(part, texts, &mut parts, &mut signatures);
                }
                _ => parts.extend(self.part(part)),
            }
        }
        place_signatures(signatures, &mut parts);
        self.push("model", parts);
    }

    /// Signs the first call of each step of the running tool loop, which Gemini 3 refuses without a
    /// signature. The loop begins after the user's last question.
    fn sign_running_loop(&mut self) {
        if !self.context.thinking.is_generation_3() {
            return;
        }
        let question = self.contents.iter().rposition(Content::is_question);
        let start = question.map_or(0, |question| question + 1);
        for content in &mut self.contents[start..] {
            let first = content.parts.iter_mut().find(|part| part.is_call());
            if let Some(call) = first
                && call.signature.is_none()
            {
                call.signature = Some(EscapedStr::from_static(NO_SIGNATURE));
                self.losses.added("thoughtSignature");
            }
        }
    }

    /// Encodes reasoning. That of another model is left out, since its signature cannot be
    /// verified; reasoning without a signature is written as a thought.
    fn reasoning(
        &mut self,
        part: &Part,
        texts: &[EscapedStr],
        parts: &mut Vec<WirePart>,
        signatures: &mut Vec<ReasoningSignature>,
    ) {
        report_part_losses(part, self.losses);
        if let Some(signature) = &part.signature {
            let Some(value) = self.own_signature(part) else {
                return self.losses.dropped(part.at);
            };
            signatures.push(ReasoningSignature {
                index: parts.len(),
                value,
                // An envelope names its provider; a client of this dialect cannot.
                is_displaced: !signature.origin.provider.is_empty(),
            });
        }
        if !texts.is_empty() {
            parts.push(WirePart::thought(EscapedStr::join(texts, "\\n\\n")));
        }
    }

    /// The signature of a part, where the target can verify it: it comes from this dialect, and
    /// from the target's provider and model as far as these are known.
    fn own_signature(&self, part: &Part) -> Option<EscapedStr> {
        let Target {
            provider, model, ..
        } = self.context.target;
        envelope::fitting(part.signature.as_ref(), DIALECT, provider, model).cloned()
    }

    /// Encodes a part that is neither reasoning nor a result. `None` where it cannot be carried,
    /// which has been reported.
    fn part(&mut self, part: &Part) -> Option<WirePart> {
        report_part_losses(part, self.losses);
        let signature = self.own_signature(part);
        if signature.is_none() {
            part.drop_signature(self.losses);
        }
        let wire = match &part.kind {
            // "must have a non-empty text parameter" (Vertex AI).
            PartKind::Text(text) if text.is_empty() && signature.is_none() => return None,
            PartKind::Text(text) | PartKind::Refusal(text) => WirePart::text(text.clone()),
            PartKind::Media(media) => self.media(part, media)?,
            PartKind::ToolCall {
                id,
                name,
                namespace,
                input,
            } => {
                if matches!(input, ToolInput::Malformed(_)) {
                    self.losses.adjusted(part.at);
                }
                let name = self.context.names.wire(name, namespace.as_ref());
                let key = id.to_plain().into_owned();
                self.call_names.insert(key, name.clone());
                WirePart::new(PartData::FunctionCall {
                    id: id.clone(),
                    name,
                    args: input.to_object(),
                })
            }
            PartKind::Hosted { dialect, kind, raw } if *dialect == DIALECT => {
                WirePart::new(PartData::Hosted {
                    kind: kind.clone(),
                    raw: raw.clone(),
                })
            }
            PartKind::Hosted { .. } | PartKind::Reasoning { .. } | PartKind::ToolResult(_) => {
                self.losses.dropped(part.at);
                return None;
            }
        };
        Some(wire.signed(signature))
    }

    fn media(&mut self, part: &Part, media: &Media) -> Option<WirePart> {
        for text in [&media.name, &media.context].into_iter().flatten() {
            self.losses.dropped(text.at);
        }
        let data = self.media_data(part, media)?;
        let resolution = self.resolution(media);
        Some(WirePart {
            data,
            signature: None,
            resolution,
        })
    }

    fn media_data(&mut self, part: &Part, media: &Media) -> Option<PartData> {
        match &media.source {
            MediaSource::Inline { mime, data } => Some(PartData::InlineData {
                mime: mime.clone(),
                data: data.clone(),
            }),
            MediaSource::Plain(text) => Some(PartData::Text {
                text: text.clone(),
                is_thought: false,
            }),
            MediaSource::Url { url, mime } => self.address(part, media, url, mime.as_ref()),
            MediaSource::File { id, dialect } if *dialect == DIALECT => Some(PartData::FileData {
                uri: id.value.clone(),
                mime: None,
            }),
            MediaSource::File { id, dialect } => {
                file_refs::refuse(self.losses, id, *dialect);
                None
            }
        }
    }

    /// Encodes media by its address: Google's own, or one that the model fetches. The type is left
    /// out where nothing tells it, since the API then goes by what it fetches.
    ///
    /// Source: Gemini API, `FileData` (`mime_type` is optional).
    fn address(
        &mut self,
        part: &Part,
        media: &Media,
        url: &EscapedStr,
        told: Option<&EscapedStr>,
    ) -> Option<PartData> {
        let plain = url.to_plain();
        if is_google_file(&plain) || is_youtube(&plain) {
            return Some(PartData::FileData {
                uri: url.clone(),
                mime: told.cloned(),
            });
        }
        let mime = media_types::of(media);
        if let Err(why) = rules::fetched(&plain, mime.as_deref(), self.context.thinking) {
            self.losses.refuse(part.at, why);
            return None;
        }
        if told.is_none() && mime.is_some() {
            self.losses.added("mimeType");
        }
        Some(PartData::FileData {
            uri: url.clone(),
            mime: mime.map(|mime| EscapedStr::from(&*mime)),
        })
    }

    /// The resolution of media. `auto` is the default. Source: Gemini API, `Part.media_resolution`
    /// (3 and later).
    fn resolution(&mut self, media: &Media) -> Option<EscapedStr> {
        let detail = media
            .detail
            .as_ref()
            .filter(|detail| detail.value != "auto")?;
        let name = detail.value.to_plain().to_ascii_uppercase();
        let level = name.strip_prefix("MEDIA_RESOLUTION_").unwrap_or(&name);
        let is_known = matches!(level, "LOW" | "MEDIUM" | "HIGH");
        if !is_known || !self.context.thinking.is_generation_3() {
            self.losses.dropped(detail.at);
            return None;
        }
        Some(EscapedStr::from(format!("MEDIA_RESOLUTION_{level}")))
    }

    /// Encodes a result. Media that it cannot hold goes to `others`.
    fn result(&mut self, part: &Part, result: &ToolResult, others: &mut Vec<WirePart>) -> WirePart {
        report_part_losses(part, self.losses);
        let (mut texts, mut media) = (Vec::new(), Vec::new());
        for inner in &result.parts {
            match self.part(inner).map(|wire| wire.data) {
                Some(PartData::Text { text, .. }) => texts.push(text),
                Some(data) if self.fits_result(inner) => media.push(data),
                Some(data) => {
                    self.losses.adjusted(inner.at);
                    others.push(WirePart::new(data));
                }
                None => {}
            }
        }
        let call_name = self.call_names.get(&*result.call_id.to_plain());
        let name = call_name
            .or(result.name.as_ref())
            .unwrap_or(&result.call_id)
            .clone();
        WirePart::new(PartData::FunctionResponse {
            id: result.call_id.clone(),
            name,
            response: response(&EscapedStr::join(&texts, "\\n"), result.is_error),
            media,
        })
    }

    /// Whether a result can hold a part: images and documents, by their data only. Source: Gemini
    /// API, `FunctionResponsePart`, "Multimodal function responses" (3 and later).
    fn fits_result(&self, part: &Part) -> bool {
        let PartKind::Media(media) = &part.kind else {
            return false;
        };
        let is_accepted = matches!(
            media.kind,
            MediaKind::Image | MediaKind::Pdf | MediaKind::Document
        );
        let is_inline = matches!(media.source, MediaSource::Inline { .. });
        is_accepted && is_inline && self.context.thinking.is_generation_3()
    }
}

/// Wraps system text in the tags by which models know it inside of a user's turn.
fn wrap_reminder(mut part: WirePart) -> WirePart {
    if let PartData::Text { text, .. } = &mut part.data {
        *text = wrapped(text);
    }
    part
}

/// Puts the signatures of reasoning on the parts where Gemini looks for them.
///
/// A signature that came through another dialect has lost its place: Gemini gave it on the first
/// call of the turn where there is one. Any other belongs to the part that it came with, or to an
/// empty text of its own where that part is a call or has a signature:
///
/// ```text
///   thought(s1) text call      ->  thought+s1 text call           own
///   thought(s1) text call      ->  thought text call+s1           displaced
///   (s1) call                  ->  ""+s1 call                     own, without its thought
/// ```
fn place_signatures(mut signatures: Vec<ReasoningSignature>, parts: &mut Vec<WirePart>) {
    if let Some(call) = parts.iter_mut().find(|part| part.is_call())
        && call.signature.is_none()
        && let Some(last) = signatures.iter().rposition(|one| one.is_displaced)
    {
        call.signature = Some(signatures.remove(last).value);
    }
    if signatures.is_empty() {
        return;
    }
    // From the end, so that an insertion moves no index that is still needed, nor any part.
    let mut reversed = Vec::with_capacity(parts.len() + signatures.len());
    for signature in signatures.into_iter().rev() {
        reversed.extend(parts.drain(signature.index.min(parts.len())..).rev());
        let value = signature.value;
        match reversed.last_mut() {
            Some(part) if part.signature.is_none() && !part.is_call() => {
                part.signature = Some(value);
            }
            _ => reversed.push(WirePart::signature_only(value)),
        }
    }
    reversed.extend(parts.drain(..).rev());
    reversed.reverse();
    *parts = reversed;
}

/// The text of a result as the object that `functionResponse.response` has to be.
fn response(text: &EscapedStr, is_error: bool) -> Raw {
    let key = if is_error { "error" } else { "output" };
    match text.to_object() {
        Ok(document) if !is_error => document.root().raw(),
        _ => json::value(|value| value.object(|object| object.text(key, text))),
    }
}
