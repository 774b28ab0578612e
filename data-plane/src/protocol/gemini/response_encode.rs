//! Encodes a whole response as a `GenerateContentResponse`.
//!
//! Source: Gemini API, `GenerateContentResponse`, `Candidate`. Which parts there are is decided in
//! [`super::candidate_encode`].

use bytes::Bytes;

use super::candidate_encode::{Candidate, CandidateEncoder};
use super::content_encode::{PartData, WirePart, write_content};
use super::{finish, logprobs, usage};
use crate::canon::{Losses, Response, Start, Usage};
use crate::json::{self, EscapedStr, Object};
use crate::protocol::ResponseContext;

/// Encodes a response.
pub(super) fn encode(
    response: &Response,
    context: &ResponseContext<'_>,
    losses: &mut Losses,
) -> Bytes {
    let mut encoder = CandidateEncoder::new(context);
    let mut parts = Vec::new();
    for event in &response.events() {
        encoder.push(event, &mut parts);
    }
    losses.extend(std::mem::take(&mut encoder.losses));
    let ids = ResponseIds::new(context);
    json::document(|value| {
        value.object(|body| {
            body.array("candidates", |list| {
                for (index, candidate) in (0..).zip(&encoder.candidates) {
                    let own = parts.iter().filter(|(of, _)| *of == index);
                    let merged = merge_texts(own.map(|(_, part)| part.clone()));
                    list.object(|object| write_candidate(object, index, candidate, &merged));
                }
            });
            write_usage(&encoder.usage, body);
            ids.write(&encoder.start, body);
        });
    })
}

/// Joins the texts of neighbouring parts of one kind, and the signature that follows them.
fn merge_texts(parts: impl Iterator<Item = WirePart>) -> Vec<WirePart> {
    let mut merged: Vec<WirePart> = Vec::new();
    for part in parts {
        match merged.last_mut() {
            Some(last) if continues(last, &part) => append(last, part),
            _ => merged.push(part),
        }
    }
    merged
}

/// Whether `next` continues the text of `last`. A signature closes its part to further text.
fn continues(last: &WirePart, next: &WirePart) -> bool {
    let (Some(last_kind), Some(next_kind)) = (text_kind(last), text_kind(next)) else {
        return false;
    };
    last_kind == next_kind && last.signature.is_none()
}

/// Whether a text is a thought; `None` for parts other than texts.
fn text_kind(part: &WirePart) -> Option<bool> {
    match &part.data {
        PartData::Text { is_thought, .. } => Some(*is_thought),
        _ => None,
    }
}

fn append(last: &mut WirePart, next: WirePart) {
    if let (PartData::Text { text, .. }, PartData::Text { text: more, .. }) =
        (&mut last.data, &next.data)
    {
        *text = EscapedStr::join([&*text, more], "");
    }
    last.signature = next.signature;
}

/// Writes the members of a candidate that has ended.
pub(super) fn write_candidate(
    object: &mut Object<'_>,
    index: u32,
    candidate: &Candidate,
    parts: &[WirePart],
) {
    object.object("content", |content| write_content(content, "model", parts));
    if let Some((reason, detail)) = &candidate.finish {
        object.str("finishReason", finish::encode(reason));
        if let Some(detail) = detail {
            object.text("finishMessage", detail);
        }
    }
    object.u64("index", index.into());
    for (key, raw) in &candidate.metadata {
        object.raw(&key.to_plain(), raw);
    }
    if !candidate.logprobs.is_empty() {
        object.object("logprobsResult", |result| {
            logprobs::encode(&candidate.logprobs, result);
        });
    }
}

/// Writes the usage that is known. No count is required.
pub(super) fn write_usage(usage: &Usage, body: &mut Object<'_>) {
    if !usage.is_unknown() {
        body.object("usageMetadata", |metadata| usage::encode(usage, metadata));
    }
}

/// The model and the id of a response whose upstream names none.
pub(super) struct ResponseIds {
    model: EscapedStr,
    id: EscapedStr,
}

impl ResponseIds {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            model: EscapedStr::from(context.origin.model.as_str()),
            id: EscapedStr::from(context.request_id),
        }
    }

    /// Writes the fields that every chunk repeats.
    pub(super) fn write(&self, start: &Start, body: &mut Object<'_>) {
        let model = start.model.as_ref().unwrap_or(&self.model);
        let id = start.id.as_ref().unwrap_or(&self.id);
        body.text("modelVersion", model);
        body.text("responseId", id);
    }
}
